/*
 * What comes over the network is looked at here, byte by byte, before anything else is done with it: frames, records, entry
 * batches. Whatever these functions let through can be used without a further look at lengths.
 */
#include "engine.h"

#define ERRNO_MAX 4095
#define ALIGN8(n) (((n) + 7) & ~(uint64_t)7)

static uint64_t check_of(const struct blit_frame *f)
{
	struct hash64 h;
	hash64_init(&h);
	hash64_add(&h, f, offsetof(struct blit_frame, check));
	return hash64_end(&h);
}

void wire_frame_seal(struct blit_frame *f)
{
	f->magic = BLIT_FRAME_MAGIC;
	f->check = check_of(f);
}

bool wire_frame_ok(const struct blit_frame *f)
{
	if (f->magic != BLIT_FRAME_MAGIC || f->check != check_of(f))
		return false;
	switch (f->type) {
	case BLIT_FRAME_RECORDS: return f->length <= BLIT_FRAME_RECORDS_MAX;
	case BLIT_FRAME_DATA: return f->length <= INT64_MAX && f->offset <= INT64_MAX - f->length;
	case BLIT_FRAME_END: return f->length == 2 * sizeof(uint64_t);
	case BLIT_FRAME_BEGIN:
	case BLIT_FRAME_BYE: return f->length == 0;
	default: return false;
	}
}

/* Whether packed attributes are whole items with names that can be names. */
static bool attrs_ok(const char *at, uint32_t len)
{
	for (uint32_t done = 0; done < len;) {
		uint32_t lengths[2];
		if (len - done < sizeof lengths)
			return false;
		memcpy(lengths, at + done, sizeof lengths);
		done += sizeof lengths;
		if (lengths[0] == 0 || lengths[0] > 255 || lengths[0] > len - done || lengths[1] > len - done - lengths[0])
			return false;
		if (memchr(at + done, 0, lengths[0]))
			return false;
		done += lengths[0] + lengths[1];
	}
	return true;
}

const struct blit_record *wire_record(const char *at, uint64_t room)
{
	const struct blit_record *r = (const void *)at;
	if (room < sizeof *r || r->length < sizeof *r || r->length > room || r->length % 8)
		return NULL;
	if (r->code)
		return r->code <= BLIT_D_HASH && r->length == sizeof *r ? r : NULL;
	if (r->content_len > BLIT_FRAME_RECORDS_MAX || r->value > ERRNO_MAX)
		return NULL;
	uint64_t need = sizeof *r + ALIGN8((uint64_t)r->attrs_len) + ALIGN8((uint64_t)r->target_len) + ALIGN8(r->content_len);
	if (need != r->length || r->mtime_nsec >= 1000000000 || r->atime_nsec >= 1000000000)
		return NULL;
	struct wire_parts parts = wire_record_parts(r);
	if (!attrs_ok(parts.attrs, r->attrs_len) || (r->target_len && memchr(parts.target, 0, r->target_len)))
		return NULL;
	bool link = S_ISLNK(r->mode);
	if (link != (r->target_len > 0) || r->target_len > 4096 || (r->content_len && !S_ISREG(r->mode)) || r->size > INT64_MAX)
		return NULL;
	return r;
}

struct wire_parts wire_record_parts(const struct blit_record *r)
{
	struct wire_parts p;
	p.attrs = (const char *)(r + 1);
	p.target = p.attrs + ALIGN8((uint64_t)r->attrs_len);
	p.content = p.target + ALIGN8((uint64_t)r->target_len);
	return p;
}

static bool attrs_have_privileged(const struct blit_record *r)
{
	const char *at = wire_record_parts(r).attrs;
	for (uint32_t done = 0, lengths[2]; done < r->attrs_len; done += sizeof lengths + lengths[0] + lengths[1]) {
		char name[256] = { 0 };
		memcpy(lengths, at + done, sizeof lengths);
		memcpy(name, at + done + sizeof lengths, lengths[0]);
		if (os_xattr_is_privileged(name))
			return true;
	}
	return false;
}

uint32_t wire_record_facts(const struct engine *e, const struct blit_record *r, struct facts *f)
{
	*f = (struct facts){ .mode = r->mode, .uid = r->uid, .gid = r->gid, .nlink = r->nlink, .size = r->size, .rdev = r->rdev,
		.mtime = { r->mtime_sec, r->mtime_nsec }, .atime = { r->atime_sec, r->atime_nsec } };
	bool withholds = e->config.flags & BLIT_CFG_WITHHOLD;
	return meta_withhold(e, f) | (withholds && attrs_have_privileged(r) ? BLIT_LOST_LABELS : 0);
}

/* --- batches --- */

static uint64_t name_hash(const char *name, uint32_t len)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (uint32_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 0x100000001b3u;
	return h ^ (h >> 32);
}

/* Whether no name is there twice. */
static bool names_differ(const struct blit_batch *b)
{
	uint32_t size = 16;
	while (size < b->count * 2)
		size *= 2;
	uint32_t *slots = calloc(size, sizeof *slots);
	bool differ = slots != NULL;
	for (uint32_t i = 0; differ && i < b->count; i++) {
		uint32_t len, other_len;
		const char *name = batch_name(b, i, &len);
		uint32_t at = name_hash(name, len) & (size - 1);
		for (; differ && slots[at]; at = (at + 1) & (size - 1)) {
			const char *other = batch_name(b, slots[at] - 1, &other_len);
			differ = len != other_len || memcmp(name, other, len) != 0;
		}
		slots[at] = i + 1;
	}
	free(slots);
	return differ;
}

/* Whether what a batch tells of an entry can be true of one of that kind. */
static bool facts_ok(const struct blit_batch *b, uint32_t index, uint8_t kind)
{
	struct facts f;
	uint64_t target, attrs;
	if (!batch_facts(b, index, &f, &target, &attrs))
		return true;
	return kind_of_mode(f.mode) == kind && f.size <= INT64_MAX && f.mtime.tv_nsec < 1000000000;
}

/* A source's batch: plain names in one blob, kinds that fit their place, nothing that only a destination could say. */
static bool batch_ok(const struct blit_batch *b)
{
	if (b->extras || b->renamed || b->renamed_len || b->unchanged || b->others > b->count || b->others + b->dirs != b->count)
		return false;
	const uint32_t *name_end = (const void *)(b + 1);
	for (uint32_t i = 0, start = 0; i < b->count; start = name_end[i++])
		if (name_end[i] <= start || name_end[i] > b->names_len || name_end[i] - start >= NAME_CAP)
			return false;
	for (uint32_t i = 0; i < b->count; i++) {
		uint32_t len;
		const char *name = batch_name(b, i, &len);
		uint8_t kind = batch_kind(b, i);
		if (!name_is_plain(name, len) || kind > BLIT_KIND_DIR || (kind == BLIT_KIND_DIR) != (i >= b->others) ||
			!facts_ok(b, i, kind))
			return false;
	}
	return names_differ(b);
}

int64_t blit_batch_take(const void *bytes, uint64_t len, void **out)
{
	const struct blit_batch *b = bytes;
	if (len < sizeof *b || b->length != len || b->count > BLIT_INDEX_MASK || b->names_len > len || len != batch_length(b))
		return -EPROTO;
	struct blit_batch *copy = malloc(len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, bytes, len);
	if (!batch_ok(copy)) {
		free(copy);
		return -EPROTO;
	}
	*out = copy;
	return 0;
}
