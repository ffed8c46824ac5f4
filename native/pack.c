/*
 * The source's side of a transfer: records of entries (PACK) and slices of large files (SEND), read and sent by the same thread.
 *
 * An entry that cannot be read becomes a record that says why; only a lane that fails ends the slice.
 */
#include "engine.h"

#define ALIGN8(n) (((n) + 7) & ~(size_t)7)
/* Frames of records go out from this size on: large enough for few system calls, small enough that the other side soon writes. */
#define FRAME_FULL (256u << 10)
/* A file with holes is sent as a large one, hole by hole, from here on. */
#define SPARSE_MIN (64u << 10)
/* Of content that no size announces: more is taken for endless. Less than in a local copy, since it waits in memory. */
#define UNSIZED_MAX (16u << 20)

struct packing {
	struct lane *l;
	struct engine *e;
	struct task *t;
	const struct blit_batch *batch;
	int sdir;
	uint32_t ordinal, index;
	char sname[NAME_CAP], dname[NAME_CAP];
};

static void fill(struct blit_record *r, const struct facts *f, uint32_t ordinal)
{
	*r = (struct blit_record){ .ordinal = ordinal, .mode = f->mode, .uid = f->uid, .gid = f->gid, .nlink = f->nlink,
		.size = f->size, .rdev = f->rdev, .mtime_sec = f->mtime.tv_sec, .mtime_nsec = f->mtime.tv_nsec,
		.atime_sec = f->atime.tv_sec, .atime_nsec = f->atime.tv_nsec };
}

struct blit_record *record_of(struct engine *e, int fd, const struct facts *f, uint32_t flags)
{
	char *attrs;
	ssize_t packed = meta_xattr_pack(e, fd, NULL, &attrs), n = packed < 0 ? 0 : packed;
	size_t len = sizeof(struct blit_record) + ALIGN8(n);
	struct blit_record *r = calloc(1, len);
	if (r) {
		fill(r, f, 0);
		r->flags = flags;
		r->length = len;
		r->attrs_len = n;
		r->value = packed < 0 ? -packed : 0;
		if (n)
			memcpy(r + 1, attrs, n);
	}
	free(attrs);
	return r;
}

/* A record that only says how it is. */
static int say(struct packing *p, uint32_t code, uint64_t value, uint64_t extra)
{
	struct outgoing *o = lane_outgoing(p->l);
	struct blit_record *r = (void *)outgoing_reserve(o, sizeof *r);
	if (!r)
		return -ENOMEM;
	*r = (struct blit_record){ .length = sizeof *r, .ordinal = p->ordinal, .code = code, .value = value, .extra = extra };
	o->len += sizeof *r;
	return 0;
}

static int fail(struct packing *p, int err, uint32_t step)
{
	return say(p, BLIT_D_FAILED, err, step);
}

/* Makes room for a record and puts everything but its content there; `packed` is what meta_xattr_pack answered. NULL without memory. */
static struct blit_record *begin_record(struct packing *p, const struct facts *f, const char *attrs, ssize_t packed,
	const char *target, uint32_t target_len, size_t content_room)
{
	struct outgoing *o = lane_outgoing(p->l);
	uint32_t attrs_len = packed < 0 ? 0 : packed;
	size_t len = sizeof(struct blit_record) + ALIGN8(attrs_len) + ALIGN8(target_len);
	struct blit_record *r = (void *)outgoing_reserve(o, len + ALIGN8(content_room));
	if (!r)
		return NULL;
	memset(r, 0, len);
	fill(r, f, p->ordinal);
	r->attrs_len = attrs_len;
	r->value = packed < 0 ? -packed : 0;
	r->target_len = target_len;
	r->length = len;
	if (attrs_len)
		memcpy(r + 1, attrs, attrs_len);
	if (target_len)
		memcpy((char *)(r + 1) + ALIGN8(attrs_len), target, target_len);
	return r;
}

static void end_record(struct packing *p, struct blit_record *r, uint64_t content_len)
{
	char *content = (char *)r + r->length;
	memset(content + content_len, 0, ALIGN8(content_len) - content_len);
	r->content_len = content_len;
	r->length += ALIGN8(content_len);
	if (p->e->config.flags & BLIT_CFG_VERIFY && S_ISREG(r->mode)) {
		struct hash64 h;
		hash64_init(&h);
		hash64_add(&h, content, content_len);
		r->extra = hash64_end(&h);
		r->flags |= BLIT_RECORD_HASHED;
	}
	lane_outgoing(p->l)->len += r->length;
}

/* Content that no size announces goes on behind the first `have` bytes. Its bytes then, or -errno; the record may have moved. */
static ssize_t read_on(struct packing *p, int fd, struct blit_record **r, size_t have)
{
	size_t head = (*r)->length;
	if (!outgoing_reserve(lane_outgoing(p->l), head + UNSIZED_MAX))
		return -ENOMEM;
	*r = (void *)(lane_outgoing(p->l)->at + lane_outgoing(p->l)->len);
	ssize_t n = have < UNSIZED_MAX ? read_some(fd, (char *)*r + head + have, UNSIZED_MAX - have) : 0;
	return n < 0 ? n : have + n < UNSIZED_MAX ? (ssize_t)have + n : -BLIT_E_ENDLESS;
}

/* `unsized`: the size says nothing. 1: the record is there; 0: the file changed meanwhile; or -errno. */
static int pack_content(struct packing *p, int fd, const struct facts *f, bool unsized, bool last)
{
	char *attrs;
	ssize_t packed = meta_xattr_pack(p->e, fd, NULL, &attrs);
	size_t room = unsized ? 4096 : f->size + 1;
	struct blit_record *r = begin_record(p, f, attrs, packed, NULL, 0, room);
	free(attrs);
	if (!r)
		return -ENOMEM;
	ssize_t n = read_some(fd, (char *)r + r->length, room);
	unsized |= n >= 0 && (uint64_t)n != f->size && size_is_false(fd, f);
	if (unsized && n == (ssize_t)room)
		n = read_on(p, fd, &r, n);
	if (n < 0)
		return n;
	if (unsized)
		r->size = n;
	if (r->size > (uint64_t)n)
		return 0;
	if (r->size < (uint64_t)n) {
		if (!last)
			return 0;
		r->flags |= BLIT_RECORD_GREW;
		n = r->size;
	}
	end_record(p, r, n);
	engine_pace(p->e, n);
	count_bytes(lane_worker(p->l), BLIT_M_NETWORK, n);
	return 1;
}

static bool goes_in_slices(const struct packing *p, const struct facts *f)
{
	return f->size >= p->e->config.large_bytes || (f->size >= SPARSE_MIN && f->blocks * 512 < f->size);
}

static int pack_file(struct packing *p)
{
	struct facts f;
	bool plain = !(p->t->t.flags & BLIT_FORCE), unsized = false;
	for (int attempt = 0;; attempt++) {
		int fd = os_open_source(p->sdir, p->sname, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0)
			return fail(p, fd == -ELOOP ? BLIT_E_CHANGED : -fd, BLIT_STEP_OPEN_SRC);
		int err = os_facts_fd(fd, &f), packed;
		if (err || !S_ISREG(f.mode))
			packed = fail(p, err ? -err : BLIT_E_CHANGED, BLIT_STEP_OPEN_SRC), attempt = 1;
		else if ((err = lock_source(p->e, fd)))
			packed = fail(p, err, BLIT_STEP_OPEN_SRC), attempt = 1;
		else if (plain && f.nlink > 1)
			packed = say(p, BLIT_D_LINKED, f.ino, f.dev), attempt = 1;
		else if (goes_in_slices(p, &f) && !(unsized = size_is_false(fd, &f)))
			packed = say(p, BLIT_D_LARGE, f.size, f.blocks * 512), attempt = 1;
		else if ((packed = pack_content(p, fd, &f, unsized || !f.size, attempt > 0)) == 1)
			packed = 0, attempt = 1;
		else if (packed == 0 && attempt > 0)
			packed = fail(p, BLIT_E_CHANGED, BLIT_STEP_READ);
		else if (packed < 0 && packed != -ENOMEM)
			packed = fail(p, -packed, BLIT_STEP_READ), attempt = 1;
		close(fd);
		if (attempt > 0)
			return packed;
	}
}

static int pack_by_name(struct packing *p, bool metadata)
{
	struct facts f;
	char target[4097], *attrs;
	ssize_t target_len = 0;
	int err = os_facts_at(p->sdir, p->sname, &f);
	if (err)
		return fail(p, -err, BLIT_STEP_OPEN_SRC);
	/* With its new time the old content would pass for up to date, at every later run. */
	if (kind_of_mode(f.mode) != batch_kind(p->batch, p->index) || (metadata && !batch_still(p->batch, p->index, &f)))
		return fail(p, BLIT_E_CHANGED, BLIT_STEP_OPEN_SRC);
	if (!metadata && !(p->t->t.flags & BLIT_FORCE) && f.nlink > 1)
		return say(p, BLIT_D_LINKED, f.ino, f.dev);
	if (S_ISLNK(f.mode) && (target_len = readlinkat(p->sdir, p->sname, target, sizeof target - 1)) <= 0)
		return fail(p, target_len ? errno : BLIT_E_CHANGED, BLIT_STEP_OPEN_SRC);
	ssize_t packed = meta_xattr_pack(p->e, p->sdir, p->sname, &attrs);
	struct blit_record *r = begin_record(p, &f, attrs, packed, target, target_len, 0);
	free(attrs);
	if (!r)
		return -ENOMEM;
	lane_outgoing(p->l)->len += r->length;
	return 0;
}

static int pack_hash(struct packing *p)
{
	struct facts f;
	uint64_t hash = 0;
	int fd = os_open_source(p->sdir, p->sname, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return fail(p, -fd, BLIT_STEP_OPEN_SRC);
	int err = -os_facts_fd(fd, &f);
	if (!err)
		err = S_ISREG(f.mode) ? hash_paced(lane_worker(p->l), fd, f.size, &hash) : BLIT_E_CHANGED;
	close(fd);
	return err ? fail(p, err, BLIT_STEP_READ) : say(p, BLIT_D_HASH, hash, f.size);
}

static int pack_probe(struct packing *p)
{
	if (batch_kind(p->batch, p->index) == BLIT_KIND_SYMLINK)
		return pack_by_name(p, true); /* where it leads matters to whoever asks */
	int fd = os_open_source(p->sdir, p->sname, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return fail(p, fd == -ELOOP ? BLIT_E_CHANGED : -fd, BLIT_STEP_OPEN_SRC);
	close(fd);
	return say(p, BLIT_D_SAME, 0, 0);
}

static int pack_entry(struct packing *p, uint32_t word)
{
	p->index = word & BLIT_INDEX_MASK;
	uint32_t action = word >> BLIT_ACTION_SHIFT;
	if (p->sdir < 0)
		return fail(p, -p->sdir, BLIT_STEP_OPEN_SRC);
	int err = p->index < p->batch->count ? batch_names(p->batch, p->index, p->sname, p->dname) : -EINVAL;
	if (err)
		return fail(p, -err, BLIT_STEP_OPEN_SRC);
	switch (action) {
	case BLIT_MAKE:
	case BLIT_REPLACE:
		return batch_kind(p->batch, p->index) == BLIT_KIND_FILE ? pack_file(p) : pack_by_name(p, false);
	case BLIT_METADATA: return pack_by_name(p, true);
	case BLIT_CONTENT: return pack_hash(p);
	case BLIT_PROBE: return pack_probe(p);
	default: return fail(p, EINVAL, BLIT_STEP_OPEN_SRC);
	}
}

int pack_slice(struct lane *l, struct task *t, uint32_t first, uint32_t n)
{
	struct engine *e = lane_worker(l)->e;
	struct packing p = { .l = l, .e = e, .t = t, .batch = (void *)(uintptr_t)t->t.batch, .sdir = dir_pin(e, t->d, SRC) };
	const uint32_t *words = t->t.payload_len ? (void *)t->payload : NULL;
	int err = 0;
	for (uint32_t i = first; !err && i < first + n && !engine_stopped(e); i++) {
		p.ordinal = i;
		err = pack_entry(&p, words ? words[i] : t->t.first + i);
		if (!err && lane_outgoing(l)->len >= FRAME_FULL)
			err = lane_send_records(l, t->t.parent);
	}
	if (!err && lane_outgoing(l)->len)
		err = lane_send_records(l, t->t.parent);
	lane_outgoing(l)->len = 0;
	if (p.sdir >= 0)
		dir_unpin(e, t->d);
	return err;
}

/* --- slices of large files --- */

static int send_zeros(struct lane *l, uint64_t n)
{
	struct worker *w = lane_worker(l);
	size_t room = n < w->buffer_bytes ? n : w->buffer_bytes;
	memset(w->buffer, 0, room);
	int err = 0;
	for (; n > 0 && !err; n -= room) {
		room = n < room ? n : room;
		err = lane_send(l, w->buffer, room, true);
	}
	return err;
}

/* One stretch of data. What was announced is sent whatever happens; *failed says that it is not what the file holds. */
static int send_stretch(struct lane *l, uint64_t id, int fd, uint64_t at, uint64_t len, int *failed)
{
	struct blit_frame f = { .type = BLIT_FRAME_DATA, .id = id, .offset = at, .length = len };
	uint64_t sent = 0;
	wire_frame_seal(&f);
	int err = lane_send(l, &f, sizeof f, true);
	if (err)
		return err;
	err = lane_send_file(l, fd, at, len, &sent);
	if (err == -EPIPE || err == -ECONNRESET || err == -ETIMEDOUT || err == -ENOTCONN)
		return err;
	if (sent < len) {
		*failed = err ? -err : BLIT_E_CHANGED;
		err = send_zeros(l, len - sent);
	}
	return err;
}

/* The blocks that the destination does not hold: `hashes` are of what it holds. 0, or -errno where the lane failed. */
static int send_changed(struct lane *l, struct task *t, const uint64_t *hashes, uint64_t known, int fd, int *failed)
{
	struct worker *w = lane_worker(l);
	uint64_t end = t->t.offset + t->t.length, block = 0;
	int err = 0;
	for (uint64_t at = t->t.offset; !err && at < end && !engine_stopped(w->e); at += BLIT_BLOCK, block++) {
		struct blit_frame f = { .type = BLIT_FRAME_DATA, .id = t->t.parent, .offset = at };
		struct hash64 h;
		f.length = end - at < BLIT_BLOCK ? end - at : BLIT_BLOCK;
		ssize_t n = read_at(fd, w->buffer, f.length, at);
		if (n < 0 || (uint64_t)n < f.length) {
			*failed = n < 0 ? -n : BLIT_E_CHANGED;
			return 0;
		}
		worker_tick(w);
		hash64_init(&h);
		hash64_add(&h, w->buffer, n);
		if (block < known && hashes[block] == hash64_end(&h))
			continue;
		engine_pace(w->e, n);
		wire_frame_seal(&f);
		err = lane_send(l, &f, sizeof f, true);
		if (!err)
			err = lane_send(l, w->buffer, n, false);
		count_bytes(w, BLIT_M_NETWORK, n);
	}
	return err;
}

int send_slice(struct lane *l, struct task *t)
{
	struct worker *w = lane_worker(l);
	const struct large *file = (void *)(uintptr_t)t->t.handle;
	int fd = large_fd(file, SRC), failed = 0, err = 0;
	uint64_t at = t->t.offset, end = at + t->t.length, hash = 0;
	struct blit_frame begin = { .type = BLIT_FRAME_BEGIN, .id = t->t.parent };
	wire_frame_seal(&begin);
	if ((err = lane_send(l, &begin, sizeof begin, true)))
		return err;
	if (t->t.payload_len) {
		err = send_changed(l, t, (void *)t->payload, t->t.payload_len / sizeof(uint64_t), fd, &failed);
		at = end;
	}
	while (!err && !failed && at < end && !engine_stopped(w->e)) {
		uint64_t data = at, hole = end;
		if (large_is_sparse(file)) {
			off_t d = lseek(fd, at, SEEK_DATA);
			data = d < 0 ? (errno == ENXIO ? end : at) : (uint64_t)d;
			off_t h = data < end ? lseek(fd, data, SEEK_HOLE) : -1;
			hole = h < 0 || (uint64_t)h > end ? end : (uint64_t)h;
			if (data > end)
				data = end;
		}
		/* small enough to stop, and to keep a limit on the rate even */
		uint64_t most = w->e->config.bytes_per_second ? w->e->config.bytes_per_second / 16 + 4096 : 16u << 20;
		uint64_t n = hole > data ? hole - data : 0;
		n = n < most ? n : most;
		engine_pace(w->e, n);
		if (n)
			err = send_stretch(l, t->t.parent, fd, data, n, &failed);
		at = n ? data + n : end;
	}
	if (!err && !failed && w->e->config.flags & BLIT_CFG_VERIFY)
		failed = (large_is_sparse(file) ? hash_data : hash_range)(w, fd, t->t.offset, t->t.length, &hash);
	if (err || engine_stopped(w->e))
		return err;
	struct blit_frame f = { .type = BLIT_FRAME_END, .id = t->t.parent, .length = 2 * sizeof hash,
		.offset = failed ? (uint64_t)BLIT_STEP_READ << 32 | (uint32_t)failed : 0 };
	wire_frame_seal(&f);
	struct { struct blit_frame f; uint64_t hash, hole; } all = { f, hash, large_hole(file, end) };
	return lane_send(l, &all, sizeof all, false);
}
