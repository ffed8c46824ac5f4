/*
 * The destination's side of a transfer: what was asked for and has not come yet (STORE and RECEIVE tasks wait here by their
 * number), and what is done with it when it comes.
 *
 * What a dead lane may have had is asked for again, so the same may come twice: an entry is taken once; a slice from the lane that
 * began it while no other one had it, whole or not at all; and what nobody waits for is dropped.
 */
#include "engine.h"

#define BUCKETS 4096u

int expect(struct engine *e, struct task *t)
{
	pthread_mutex_lock(&e->expected_lock);
	if (!e->expected)
		e->expected = calloc(BUCKETS, sizeof *e->expected);
	if (t->t.op == BLIT_OP_STORE)
		t->got = calloc(t->t.count / 8 + 1, 1);
	bool ok = e->expected && (t->got || t->t.op != BLIT_OP_STORE);
	if (ok) {
		struct task **bucket = &e->expected[t->t.id % BUCKETS];
		t->also = *bucket;
		*bucket = t;
		atomic_fetch_add(&e->lane_tasks, t->t.op == BLIT_OP_STORE);
	}
	pthread_mutex_unlock(&e->expected_lock);
	return ok ? 0 : -ENOMEM;
}

/* Under the lock. */
static struct task *find(struct engine *e, uint64_t id, uint32_t op)
{
	if (!e->expected || id > UINT32_MAX)
		return NULL;
	for (struct task *t = e->expected[id % BUCKETS]; t; t = t->also)
		if (t->t.id == id)
			return t->t.op == op ? t : NULL;
	return NULL;
}

static void finish(struct engine *e, struct task *t, struct blit_result *r)
{
	pthread_mutex_lock(&e->expected_lock);
	struct task **at = &e->expected[t->t.id % BUCKETS];
	while (*at != t)
		at = &(*at)->also;
	*at = t->also;
	pthread_mutex_unlock(&e->expected_lock);
	atomic_fetch_sub(&e->lane_tasks, t->t.op == BLIT_OP_STORE);
	engine_post(e, t, r);
}

void expected_free(struct engine *e)
{
	for (uint32_t i = 0; e->expected && i < BUCKETS; i++)
		while (e->expected[i]) {
			struct task *t = e->expected[i];
			e->expected[i] = t->also;
			task_free(t);
		}
	free(e->expected);
}

void expected_orphan(struct engine *e, const struct lane *l)
{
	pthread_mutex_lock(&e->expected_lock);
	for (uint32_t i = 0; e->expected && i < BUCKETS; i++)
		for (struct task *t = e->expected[i]; t; t = t->also)
			if (t->lane == l)
				t->lane = NULL;
	pthread_mutex_unlock(&e->expected_lock);
}

/* --- records --- */

struct storing {
	struct worker *w;
	struct task *t;
	int ddir;
	uint32_t done, lost;
	uint64_t bytes;
	char sname[NAME_CAP], dname[NAME_CAP];
};

static struct outcome bad(void)
{
	return (struct outcome){ .err = BLIT_E_PROTOCOL, .step = BLIT_STEP_READ };
}

static void copy_target(const struct blit_record *r, char target[4097])
{
	memcpy(target, wire_record_parts(r).target, r->target_len);
	target[r->target_len] = 0;
}

static struct outcome store_content(struct storing *s, bool replace, const struct blit_record *r, const struct facts *f,
	const struct origin *from)
{
	struct dir *d = s->t->d;
	struct wire_parts parts = wire_record_parts(r);
	if (!S_ISREG(f->mode)) {
		char target[4097];
		copy_target(r, target);
		return store_special(s->w, d, s->ddir, s->dname, replace, f, target, from);
	}
	if (r->content_len != r->size && r->size)
		return bad();
	struct outcome o = store_file(s->w, d, s->ddir, s->dname, replace, f, from, parts.content, r->content_len,
		r->flags & BLIT_RECORD_HASHED ? &r->extra : NULL);
	if (!o.err && r->flags & BLIT_RECORD_GREW)
		o.err = BLIT_E_GREW, o.step = BLIT_STEP_READ;
	return o;
}

/* CONTENT: 1 same, 0 not, or -errno. */
static int same_hash(struct storing *s, const struct blit_record *r)
{
	struct facts f;
	uint64_t hash;
	int fd = os_open_source(s->ddir, s->dname, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return fd;
	int err = -os_facts_fd(fd, &f);
	if (s->w->e->config.flags & BLIT_CFG_VERIFY)
		os_sync_uncached(fd, 0, f.size);
	if (!err && f.size == r->extra)
		err = hash_data(s->w, fd, 0, f.size, &hash);
	close(fd);
	return err ? -err : f.size == r->extra && hash == r->value;
}

/* Whether a record can be the answer to what was asked for about an entry of that kind: nothing else is believed. */
static bool is_answer(const struct task *t, const struct blit_record *r, uint32_t action, uint8_t kind)
{
	bool makes = action == BLIT_MAKE || action == BLIT_REPLACE;
	switch (r->code) {
	case 0: return (makes || action == BLIT_METADATA || (action == BLIT_PROBE && kind == BLIT_KIND_SYMLINK)) &&
		kind_of_mode(r->mode) == kind && kind != BLIT_KIND_DIR;
	case BLIT_D_FAILED: return r->value > 0 && r->value <= INT32_MAX;
	case BLIT_D_LARGE: return makes && kind == BLIT_KIND_FILE && r->value <= INT64_MAX;
	case BLIT_D_LINKED: return makes && !(t->t.flags & BLIT_FORCE);
	case BLIT_D_SAME: return action == BLIT_PROBE && kind != BLIT_KIND_SYMLINK;
	case BLIT_D_HASH: return action == BLIT_CONTENT && kind == BLIT_KIND_FILE;
	default: return false;
	}
}

/* Whether the symlink may come in the place of what stands there. */
static void probe_symlink(struct storing *s, uint32_t index, const struct blit_record *r)
{
	char target[4097];
	copy_target(r, target);
	if (leads_to(s->ddir, target, s->ddir, s->dname))
		return task_detail(s->t, index, BLIT_D_FAILED, BLIT_E_ITSELF, BLIT_STEP_SYMLINK);
	s->done++;
}

static void store_entry(struct storing *s, uint32_t word, const struct blit_record *r)
{
	const struct blit_batch *b = (void *)(uintptr_t)s->t->t.batch;
	struct engine *e = s->w->e;
	uint32_t index = word & BLIT_INDEX_MASK, action = word >> BLIT_ACTION_SHIFT;
	if (index >= b->count || !is_answer(s->t, r, action, batch_kind(b, index)))
		return task_detail(s->t, index, BLIT_D_FAILED, BLIT_E_PROTOCOL, BLIT_STEP_READ);
	if (r->code && r->code != BLIT_D_HASH)
		return task_detail(s->t, index, r->code, r->value, r->extra);
	int err = s->ddir < 0 ? s->ddir : batch_names(b, index, s->sname, s->dname);
	if (!err && temp_keeps_name(s->dname, strlen(s->dname)))
		err = -BLIT_E_KEPT_NAME;
	if (!err && e->config.flags & BLIT_CFG_READ_ONLY && action != BLIT_CONTENT && action != BLIT_PROBE)
		err = -EROFS;
	if (!err && (action == BLIT_MAKE || action == BLIT_REPLACE))
		err = -engine_is_full(e);
	if (err)
		return task_detail(s->t, index, BLIT_D_FAILED, -err, BLIT_STEP_CREATE);
	if (action == BLIT_CONTENT) {
		int same = same_hash(s, r);
		if (same < 0)
			return task_detail(s->t, index, BLIT_D_FAILED, -same, BLIT_STEP_READ);
		return task_detail(s->t, index, same ? BLIT_D_SAME : BLIT_D_DIFFERENT, 0, 0);
	}
	if (action == BLIT_PROBE)
		return probe_symlink(s, index, r);
	struct facts f;
	s->lost |= wire_record_facts(e, r, &f);
	struct origin from = { .fd = -1, .packed = wire_record_parts(r).attrs, .packed_len = r->attrs_len,
		.packed_err = r->value };
	struct outcome o;
	if (action == BLIT_METADATA)
		o = meta_apply_at(e, s->t->d, &from, s->ddir, s->dname, &f);
	else
		for (bool replace = action == BLIT_REPLACE, again = true; again;) {
			o = store_content(s, replace, r, &f, &from);
			again = meets_another(b, index, s->ddir, s->dname, &replace, &o);
		}
	s->lost |= o.lost;
	if (!o.err && o.astray)
		o.err = BLIT_E_GONE, o.step = BLIT_STEP_REMOVE_SRC;
	if (o.err)
		return task_detail(s->t, index, BLIT_D_FAILED, engine_full_error(e, s->ddir, o.step, o.err, f.size), o.step);
	if (action != BLIT_METADATA)
		part_forget(s->t->d, s->ddir, s->dname);
	s->done++;
	s->bytes += o.bytes;
	worker_count_file(s->w, &f);
}

/* Whether the record is wanted and had not come before. */
static bool claim(struct engine *e, struct task *t, uint32_t ordinal)
{
	pthread_mutex_lock(&e->expected_lock);
	unsigned char bit = 1u << (ordinal % 8);
	bool wanted = ordinal < t->t.count && !(t->got[ordinal / 8] & bit);
	if (wanted)
		t->got[ordinal / 8] |= bit;
	pthread_mutex_unlock(&e->expected_lock);
	return wanted;
}

int store_records(struct lane *l, uint64_t id, char *records, uint64_t len)
{
	struct worker *w = lane_worker(l);
	struct engine *e = w->e;
	uint32_t taken = 1; /* the frame holds the task as if it were an entry */
	int err = 0;
	pthread_mutex_lock(&e->expected_lock);
	struct task *t = find(e, id, BLIT_OP_STORE);
	if (t)
		atomic_fetch_add(&t->unfinished, 1);
	pthread_mutex_unlock(&e->expected_lock);
	if (!t)
		return 0;
	struct storing s = { .w = w, .t = t, .ddir = dir_pin(e, t->d, DST) };
	const uint32_t *words = t->t.payload_len ? (void *)t->payload : NULL;
	for (uint64_t at = 0; !err && at < len && !engine_stopped(e);) {
		const struct blit_record *r = wire_record(records + at, len - at);
		if (!r) {
			err = -EPROTO;
			break;
		}
		if (claim(e, t, r->ordinal)) {
			store_entry(&s, words ? words[r->ordinal] : t->t.first + r->ordinal, r);
			taken++;
		}
		at += r->length;
	}
	if (s.ddir >= 0)
		dir_unpin(e, t->d);
	atomic_fetch_add(&t->done, s.done);
	atomic_fetch_add(&t->bytes, s.bytes);
	atomic_fetch_or(&t->lost, s.lost);
	if (atomic_fetch_sub(&t->unfinished, taken) == taken) {
		struct blit_result r = { 0 };
		finish(e, t, &r);
	}
	return err;
}

/* --- slices of large files --- */

/* The waiting task if this lane brings it; NULL where nobody waits or another lane had begun it before. */
static struct task *mine(struct lane *l, uint64_t id)
{
	struct engine *e = lane_worker(l)->e;
	pthread_mutex_lock(&e->expected_lock);
	struct task *t = find(e, id, BLIT_OP_RECEIVE);
	if (t && t->lane != l)
		t = NULL;
	pthread_mutex_unlock(&e->expected_lock);
	return t;
}

/* Only here a lane gets a slice: one that was refused at its first byte must not come in later, when what it sent before is lost. */
void receive_begin(struct lane *l, const struct blit_frame *f)
{
	struct engine *e = lane_worker(l)->e;
	pthread_mutex_lock(&e->expected_lock);
	struct task *t = find(e, f->id, BLIT_OP_RECEIVE);
	if (t && (!t->lane || t->lane == l)) {
		t->lane = l;
		atomic_store(&t->bytes, 0);
	}
	pthread_mutex_unlock(&e->expected_lock);
}

int64_t blit_request_comes(struct engine *e, uint32_t id)
{
	pthread_mutex_lock(&e->expected_lock);
	struct task *t = find(e, id, BLIT_OP_RECEIVE);
	bool comes = t && t->lane;
	pthread_mutex_unlock(&e->expected_lock);
	return comes;
}

int receive_data(struct lane *l, const struct blit_frame *f)
{
	struct worker *w = lane_worker(l);
	struct task *t = mine(l, f->id);
	struct large *large = t ? (void *)(uintptr_t)t->t.handle : NULL;
	if (t && (f->offset < t->t.offset || f->length > t->t.length || f->offset - t->t.offset > t->t.length - f->length))
		return -EPROTO;
	for (uint64_t at = 0; at < f->length && !engine_stopped(w->e);) {
		size_t n = f->length - at < w->buffer_bytes ? f->length - at : w->buffer_bytes;
		int64_t from = engine_now_ns();
		int err = lane_receive(l, w->buffer, n);
		if (err)
			return err;
		int64_t received = engine_now_ns();
		err = t && !t->failed ? large_write(large, w->buffer, n, f->offset + at) : 0;
		if (err)
			t->failed = engine_full_error(w->e, large_fd(large, DST), BLIT_STEP_WRITE, err, large_size(large)),
			t->failed_step = BLIT_STEP_WRITE;
		count_bytes(w, BLIT_M_NETWORK, t ? n : 0);
		if (t)
			atomic_fetch_add(&t->bytes, n);
		count_time(w, received - from, engine_now_ns() - received);
		at += n;
	}
	return 0;
}

int receive_end(struct lane *l, const struct blit_frame *f, uint64_t hash, uint64_t hole)
{
	struct worker *w = lane_worker(l);
	struct task *t = mine(l, f->id);
	if (!t)
		return 0;
	int err = t->failed;
	uint32_t step = t->failed_step;
	if (!err && f->offset)
		err = (int)(f->offset & 0x7fffffff), step = f->offset >> 32;
	if (!err && w->e->config.flags & BLIT_CFG_VERIFY) {
		step = BLIT_STEP_VERIFY;
		struct large *large = (void *)(uintptr_t)t->t.handle;
		err = verify_hash(w, large_fd(large, DST), t->t.offset, t->t.length, large_is_sparse(large), hash);
	}
	uint64_t came = atomic_load(&t->bytes);
	if (!err && came < t->t.length && large_is_held((void *)(uintptr_t)t->t.handle))
		count_bytes(w, BLIT_M_RESUMED, t->t.length - came);
	struct blit_result r = { .status = -err, .step = err ? step : 0, .unchanged_bytes = hole };
	finish(w->e, t, &r);
	return 0;
}
