/* Entry batches: what goes into a builder in any order comes out of the columns, and every column lies where blit.h says. */
#include "test.h"

struct expected { char name[300]; uint32_t len; uint8_t group, kind, dst_kind, known; uint16_t diff; struct facts facts; };

static uint32_t seed = 12345;

static uint32_t below(uint32_t limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % limit;
}

static void make_row(struct expected *x, bool stats)
{
	*x = (struct expected){ .group = below(3), .kind = below(8), .dst_kind = below(8), .diff = below(1 << 10), .len = 1 + below(255) };
	for (uint32_t i = 0; i < x->len; i++)
		x->name[i] = 1 + below(255); /* any byte, valid UTF-8 or not */
	x->known = stats && below(4) > 0;
	x->facts = (struct facts){ .mode = below(1u << 30), .uid = below(~0u), .gid = below(~0u), .nlink = below(~0u),
		.size = (uint64_t)below(~0u) << 31, .ino = (uint64_t)below(~0u) << 32, .dev = below(~0u),
		.mtime = { -(int64_t)below(~0u), below(1000000000) } };
}

static void add_row(struct batch_builder *b, const struct expected *x)
{
	struct row *row;
	CHECK_EQUAL(builder_add(b, x->name, x->len, &row), 0);
	row->group = x->group;
	row->kind = x->kind;
	row->dst_kind = x->dst_kind;
	row->diff = x->diff;
	row->known = x->known;
	row->facts = x->facts;
	row->target = 7 * x->facts.ino;
	row->attrs = 9 * x->facts.ino;
	row->origin = x->len;
	b->any_stat |= x->known;
}

/* The columns as a reader that knows nothing but the comment in blit.h finds them. */
struct reader { const char *base; uint64_t at; uint32_t count; };

static const void *column(struct reader *r, size_t width)
{
	const char *start = r->base + r->at;
	CHECK_EQUAL(r->at % 8, 0);
	uint64_t end = r->at + width * r->count;
	r->at = (end + 7) / 8 * 8;
	for (; end < r->at; end++) /* nothing of this process's memory goes out between the columns */
		CHECK_EQUAL(r->base[end], 0);
	return start;
}

static void check_stats(struct reader *r, const struct expected *const *order)
{
	const uint64_t *size = column(r, 8), *ino = column(r, 8), *dev = column(r, 8), *target = column(r, 8), *attrs = column(r, 8);
	const int64_t *sec = column(r, 8);
	const uint32_t *nsec = column(r, 4), *mode = column(r, 4), *uid = column(r, 4), *gid = column(r, 4);
	const uint32_t *nlink = column(r, 4), *known = column(r, 4), *origin = column(r, 4);
	for (uint32_t i = 0; i < r->count; i++) {
		static const struct facts none;
		const struct facts *f = order[i]->known ? &order[i]->facts : &none;
		CHECK(size[i] == f->size && ino[i] == f->ino && dev[i] == f->dev && mode[i] == f->mode && uid[i] == f->uid);
		CHECK(gid[i] == f->gid && nlink[i] == f->nlink && sec[i] == f->mtime.tv_sec && nsec[i] == f->mtime.tv_nsec);
		CHECK_EQUAL(known[i], order[i]->known);
		CHECK(target[i] == 7 * order[i]->facts.ino && attrs[i] == 9 * order[i]->facts.ino && origin[i] == order[i]->len);
	}
}

static void check_batch(const struct blit_batch *b, const struct expected *rows, uint32_t count, bool any_stat)
{
	const struct expected *order[600];
	uint32_t in_group[3] = { 0 }, n = 0, end = 0;
	for (uint8_t group = 0; group < 3; group++)
		for (uint32_t i = 0; i < count; i++)
			if (rows[i].group == group) {
				order[n++] = &rows[i];
				in_group[group]++;
			}
	CHECK(b->count == count && b->dir == 77 && b->has_stat == any_stat);
	CHECK(b->others == in_group[0] && b->dirs == in_group[1] && b->extras == in_group[2]);
	struct reader r = { (const char *)b, sizeof *b, count };
	const uint32_t *name_end = column(&r, 4);
	const uint8_t *kind = column(&r, 1), *dst_kind = column(&r, 1);
	const uint16_t *diff = column(&r, 2);
	for (uint32_t i = 0; i < count; i++) {
		end += order[i]->len;
		CHECK(kind[i] == order[i]->kind && dst_kind[i] == order[i]->dst_kind && diff[i] == order[i]->diff);
		CHECK_EQUAL(name_end[i], end);
		CHECK_EQUAL(batch_kind(b, i), kind[i]);
	}
	if (any_stat)
		check_stats(&r, order);
	const char *names = column(&r, 0);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t len;
		const char *name = batch_name(b, i, &len);
		CHECK(len == order[i]->len && memcmp(name, order[i]->name, len) == 0);
		CHECK(name == names + name_end[i] - len);
	}
	CHECK_EQUAL(b->names_len, end);
	CHECK_EQUAL(b->length, (r.at + end + 7) / 8 * 8);
}

static void random_rows_come_back(void)
{
	static struct expected rows[600];
	for (uint32_t round = 0; round < 60; round++) {
		struct batch_builder b = { 0 };
		uint32_t count = round < 3 ? round : below(600);
		bool stats = round % 2;
		for (uint32_t i = 0; i < count; i++) {
			make_row(&rows[i], stats);
			add_row(&b, &rows[i]);
		}
		struct blit_batch *batch = builder_finish(&b, 77);
		CHECK(batch != NULL);
		check_batch(batch, rows, count, b.any_stat);
		free(batch);
		builder_free(&b);
	}
}

static struct blit_batch *single(const char *name, uint32_t len, const struct facts *known)
{
	struct batch_builder b = { 0 };
	struct row *row;
	CHECK_EQUAL(builder_add(&b, name, len, &row), 0);
	row->kind = BLIT_KIND_FILE;
	if (known) {
		row->known = 1;
		row->facts = *known;
		b.any_stat = true;
	}
	struct blit_batch *batch = builder_finish(&b, 0);
	CHECK(batch != NULL);
	builder_free(&b);
	return batch;
}

static void a_name_too_long_for_the_callers_room_is_refused(void)
{
	char name[2 * NAME_CAP], src[NAME_CAP], dst[NAME_CAP];
	memset(name, 'x', sizeof name);
	for (uint32_t len = NAME_CAP - 2; len < NAME_CAP + 2; len++) {
		struct blit_batch *b = single(name, len, NULL);
		CHECK_EQUAL(batch_names(b, 0, src, dst), len < NAME_CAP ? 0 : -ENAMETOOLONG);
		if (len < NAME_CAP)
			CHECK(strlen(src) == len && strcmp(src, dst) == 0);
		free(b);
	}
	struct blit_batch *renamed = single(name, 10 + NAME_CAP, NULL);
	((uint32_t *)(renamed + 1))[0] = 10;
	renamed->renamed = 10;
	renamed->renamed_len = NAME_CAP;
	CHECK_EQUAL(batch_names(renamed, 0, src, dst), -ENAMETOOLONG);
	static const uint32_t beyond[][2] = { { 11, NAME_CAP }, { 11 + NAME_CAP, 1 }, { UINT32_MAX, 2 }, { 10, UINT32_MAX } };
	for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
		renamed->renamed = beyond[i][0];
		renamed->renamed_len = beyond[i][1];
		CHECK(batch_names(renamed, 0, src, dst) < 0);
	}
	renamed->renamed = 10;
	renamed->renamed_len = NAME_CAP - 1;
	CHECK_EQUAL(batch_names(renamed, 0, src, dst), 0);
	CHECK(strlen(src) == 10 && strlen(dst) == NAME_CAP - 1);
	free(renamed);
}

static void a_name_that_leads_elsewhere_is_refused(void)
{
	static const char *const names[] = { ".", "..", "a/b", "/", "../x" };
	char src[NAME_CAP], dst[NAME_CAP];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct blit_batch *b = single(names[i], strlen(names[i]), NULL);
		CHECK_EQUAL(batch_names(b, 0, src, dst), -EINVAL);
		free(b);
		char both[16];
		snprintf(both, sizeof both, "f%s", names[i]);
		b = single(both, strlen(both), NULL); /* "f" in the source, that name in the destination */
		((uint32_t *)(b + 1))[0] = 1;
		b->renamed = 1;
		b->renamed_len = strlen(names[i]);
		CHECK_EQUAL(batch_names(b, 0, src, dst), -EINVAL);
		free(b);
	}
	CHECK(name_is_plain("...", 3) && name_is_plain(".x", 2) && name_is_plain("..x", 3) && name_is_plain("\xff\n", 2));
	CHECK(!name_is_plain("", 0) && !name_is_plain("a\0b", 3));
}

static void an_entry_that_changed_is_not_what_the_batch_tells(void)
{
	struct facts seen = { .mode = S_IFREG | 0644, .size = 5, .mtime = { 100, 7 } }, now = seen;
	struct blit_batch *b = single("f", 1, &seen), *blind = single("f", 1, NULL);
	now.mode = S_IFREG | 0600;
	CHECK(batch_still(b, 0, &now));
	now.size = 6;
	CHECK(!batch_still(b, 0, &now) && batch_still(blind, 0, &now));
	now = seen;
	now.mtime.tv_nsec = 8;
	CHECK(!batch_still(b, 0, &now));
	now = seen;
	now.mtime.tv_sec = 101;
	CHECK(!batch_still(b, 0, &now));
	now = seen;
	now.mode = S_IFLNK | 0777;
	CHECK(!batch_still(b, 0, &now));
	free(b);
	free(blind);
}

int main(void)
{
	random_rows_come_back();
	a_name_too_long_for_the_callers_room_is_refused();
	a_name_that_leads_elsewhere_is_refused();
	an_entry_that_changed_is_not_what_the_batch_tells();
	return 0;
}
