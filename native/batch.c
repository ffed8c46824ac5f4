/* Entry batches: rows are gathered in a builder, then laid out as columns in the order of blit.h. */
#include "engine.h"

uint8_t kind_of_mode(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return BLIT_KIND_FILE;
	case S_IFLNK: return BLIT_KIND_SYMLINK;
	case S_IFIFO: return BLIT_KIND_FIFO;
	case S_IFSOCK: return BLIT_KIND_SOCKET;
	case S_IFCHR: return BLIT_KIND_CHAR;
	case S_IFBLK: return BLIT_KIND_BLOCK;
	case S_IFDIR: return BLIT_KIND_DIR;
	default: return BLIT_KIND_NONE;
	}
}

int builder_add(struct batch_builder *b, const char *name, uint32_t len, struct row **out)
{
	if (b->count == b->cap) {
		uint32_t cap = b->cap ? b->cap * 2 : 64;
		struct row *rows = realloc(b->rows, cap * sizeof *rows);
		if (!rows)
			return -ENOMEM;
		b->rows = rows;
		b->cap = cap;
	}
	if (b->names_len + len > b->names_cap) {
		uint32_t cap = b->names_cap ? b->names_cap * 2 : 2048;
		while (cap < b->names_len + len)
			cap *= 2;
		char *names = realloc(b->names, cap);
		if (!names)
			return -ENOMEM;
		b->names = names;
		b->names_cap = cap;
	}
	struct row *r = &b->rows[b->count++];
	memset(r, 0, offsetof(struct row, facts));
	r->name_at = b->names_len;
	r->name_len = len;
	memcpy(b->names + b->names_len, name, len);
	b->names_len += len;
	*out = r;
	return 0;
}

void builder_free(struct batch_builder *b)
{
	free(b->rows);
	free(b->names);
	*b = (struct batch_builder){ 0 };
}

#define ALIGN8(n) (((n) + 7) & ~(uint64_t)7)

struct columns {
	uint32_t *name_end;
	uint8_t *kind, *dst_kind;
	uint16_t *diff;
	uint64_t *size, *ino, *dev, *target, *attrs;
	int64_t *mtime_sec;
	uint32_t *mtime_nsec, *mode, *uid, *gid, *nlink, *known, *origin;
	char *names;
};

static uint64_t lay_out(char *base, uint32_t n, bool has_stat, uint32_t names_len, struct columns *c)
{
	uint64_t at = sizeof(struct blit_batch);
	struct columns none;
	if (!c)
		c = &none;
#define COLUMN(field) (c->field = (void *)(base + at), at = ALIGN8(at + (uint64_t)n * sizeof *c->field))
	COLUMN(name_end); COLUMN(kind); COLUMN(dst_kind); COLUMN(diff);
	if (has_stat) {
		COLUMN(size); COLUMN(ino); COLUMN(dev); COLUMN(target); COLUMN(attrs); COLUMN(mtime_sec); COLUMN(mtime_nsec);
		COLUMN(mode); COLUMN(uid); COLUMN(gid); COLUMN(nlink); COLUMN(known); COLUMN(origin);
	}
#undef COLUMN
	c->names = base + at;
	return ALIGN8(at + names_len);
}

/* The column `known` tells beside what it says what the entry takes on the medium. */
static uint32_t known_of(uint64_t blocks)
{
	uint64_t units = blocks / 8 + (blocks % 8 != 0);
	return units < UINT32_MAX ? 1 + units : UINT32_MAX;
}

struct blit_batch *builder_finish(struct batch_builder *b, uint32_t dir)
{
	uint64_t len = lay_out(NULL, b->count, b->any_stat, b->names_len, NULL);
	/* Zeroed: it may go to another machine, and what lies between the columns must tell nothing of this process. */
	struct blit_batch *batch = calloc(1, len);
	struct columns c;
	if (!batch)
		return NULL;
	batch->length = len;
	batch->count = b->count;
	batch->names_len = b->names_len;
	batch->dir = dir;
	batch->has_stat = b->any_stat;
	lay_out((char *)batch, b->count, b->any_stat, b->names_len, &c);
	uint32_t at[3] = { 0 }, counts[3] = { 0 }, name_at = 0, i = 0;
	for (uint32_t k = 0; k < b->count; k++)
		counts[b->rows[k].group]++;
	at[1] = counts[0];
	at[2] = counts[0] + counts[1];
	batch->others = counts[0];
	batch->dirs = counts[1];
	batch->extras = counts[2];
	/* name_end must grow with the index, so the rows are visited group by group */
	for (int g = 0; g < 3; g++) {
		i = at[g];
		for (uint32_t k = 0; counts[g] && k < b->count; k++) {
			const struct row *r = &b->rows[k];
			if (r->group != g)
				continue;
			memcpy(c.names + name_at, b->names + r->name_at, r->name_len);
			name_at += r->name_len;
			c.name_end[i] = name_at;
			c.kind[i] = r->kind;
			c.dst_kind[i] = r->dst_kind;
			c.diff[i] = r->diff;
			if (b->any_stat) {
				const struct facts *f = &r->facts;
				bool known = r->known;
				c.size[i] = known ? f->size : 0;
				c.ino[i] = known ? f->ino : 0;
				c.dev[i] = known ? f->dev : 0;
				c.target[i] = r->target;
				c.attrs[i] = r->attrs;
				c.origin[i] = r->origin;
				c.mtime_sec[i] = known ? f->mtime.tv_sec : 0;
				c.mtime_nsec[i] = known ? f->mtime.tv_nsec : 0;
				c.mode[i] = known ? f->mode : 0;
				c.uid[i] = known ? f->uid : 0;
				c.gid[i] = known ? f->gid : 0;
				c.nlink[i] = known ? f->nlink : 0;
				c.known[i] = known ? known_of(f->blocks) : 0;
			}
			i++;
		}
	}
	return batch;
}

const char *batch_name(const struct blit_batch *b, uint32_t index, uint32_t *len)
{
	struct columns c;
	lay_out((char *)b, b->count, b->has_stat, 0, &c);
	uint32_t start = index ? c.name_end[index - 1] : 0;
	*len = c.name_end[index] - start;
	return c.names + start;
}

uint8_t batch_kind(const struct blit_batch *b, uint32_t index)
{
	struct columns c;
	lay_out((char *)b, b->count, b->has_stat, 0, &c);
	return c.kind[index];
}

uint8_t batch_dst_kind(const struct blit_batch *b, uint32_t index)
{
	struct columns c;
	lay_out((char *)b, b->count, b->has_stat, 0, &c);
	return c.dst_kind[index];
}

bool name_is_plain(const char *name, uint32_t len)
{
	if (len == 0 || (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'))))
		return false;
	return !memchr(name, '/', len) && !memchr(name, 0, len);
}

bool names_of_payload(const char *payload, uint32_t len, const char **src, const char **dst)
{
	if (len == 0 || payload[len - 1] != 0)
		return false;
	uint32_t first = strlen(payload), rest = len - first - 1;
	*src = payload;
	*dst = rest ? payload + first + 1 : payload;
	if (rest && strlen(*dst) != rest - 1)
		return false;
	return first < NAME_CAP && strlen(*dst) < NAME_CAP && name_is_plain(*src, first) && name_is_plain(*dst, strlen(*dst));
}

int batch_names(const struct blit_batch *b, uint32_t index, char src[NAME_CAP], char dst[NAME_CAP])
{
	uint32_t len;
	const char *name = batch_name(b, index, &len);
	if (len >= NAME_CAP || b->renamed_len >= NAME_CAP)
		return -ENAMETOOLONG;
	if (!name_is_plain(name, len) || b->renamed > b->names_len || b->renamed_len > b->names_len - b->renamed)
		return -EINVAL;
	memcpy(src, name, len);
	src[len] = 0;
	if (b->renamed) {
		struct columns c;
		lay_out((char *)b, b->count, b->has_stat, 0, &c);
		if (!name_is_plain(c.names + b->renamed, b->renamed_len))
			return -EINVAL;
		memcpy(dst, c.names + b->renamed, b->renamed_len);
		dst[b->renamed_len] = 0;
	} else {
		memcpy(dst, src, len + 1);
	}
	return 0;
}

bool batch_still(const struct blit_batch *b, uint32_t index, const struct facts *now)
{
	struct columns c;
	lay_out((char *)b, b->count, b->has_stat, 0, &c);
	if (!b->has_stat || !c.known[index])
		return true;
	return c.kind[index] == kind_of_mode(now->mode) && c.size[index] == now->size && c.mtime_sec[index] == now->mtime.tv_sec &&
		c.mtime_nsec[index] == now->mtime.tv_nsec;
}

bool batch_same(const struct blit_batch *b, uint32_t index, const struct facts *now)
{
	struct columns c;
	lay_out((char *)b, b->count, b->has_stat, 0, &c);
	if (!b->has_stat || !c.known[index])
		return true;
	return batch_still(b, index, now) && c.mode[index] == now->mode && c.uid[index] == now->uid && c.gid[index] == now->gid;
}

int64_t blit_batch_free(struct engine *e, void *batch)
{
	(void)e;
	free(batch);
	return 0;
}

bool batch_facts(const struct blit_batch *b, uint32_t index, struct facts *f, uint64_t *target, uint64_t *attrs)
{
	struct columns c;
	lay_out((char *)b, b->count, b->has_stat, 0, &c);
	if (!b->has_stat || !c.known[index] || c.diff[index] & BLIT_DIFF_ERROR)
		return false;
	*f = (struct facts){ .mode = c.mode[index], .uid = c.uid[index], .gid = c.gid[index], .nlink = c.nlink[index],
		.size = c.size[index], .ino = c.ino[index], .dev = c.dev[index], .blocks = (c.known[index] - UINT64_C(1)) * 8,
		.mtime = { c.mtime_sec[index], c.mtime_nsec[index] } };
	*target = c.target[index];
	*attrs = c.attrs[index];
	return true;
}

int batch_error(const struct blit_batch *b, uint32_t index)
{
	struct columns c;
	lay_out((char *)b, b->count, b->has_stat, 0, &c);
	return b->has_stat && c.size[index] > 0 && c.size[index] < 5000 ? (int)c.size[index] : EIO;
}

uint64_t batch_length(const struct blit_batch *b)
{
	return lay_out(NULL, b->count, b->has_stat, b->names_len, NULL);
}
