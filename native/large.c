/*
 * Large files: OPEN clones the file where extents can be shared, and else hands out a handle; RANGE tasks copy slices of it on
 * any worker; FINISH puts it in place. Always through a temporary name: its rename costs nothing beside the bytes.
 */
#include "engine.h"

struct large {
	struct large *next, **link;
	struct dir *d;
	int sfd, dfd;
	bool discard, sparse;
	bool fresh; /* the destination had nothing of that name */
	bool twin;  /* another entry of the source has a name that may be the same to the destination */
	bool held; /* an earlier run left something of it */
	bool kept; /* for a later run, when this one breaks off */
	char sname[NAME_CAP], dname[NAME_CAP], temp[PART_NAME_LEN + 1];
	struct facts facts;
	mode_t created;
	bool remote; /* its source is on another machine: facts and attributes came with OPEN */
	pthread_mutex_t writing;
	atomic_uint ranges; /* under way */
	char *attrs;
	uint32_t attrs_len;
	int attrs_err; /* why they could not be read there */
};

static void forget(struct engine *e, struct large *l)
{
	pthread_mutex_lock(&e->larges_lock);
	*l->link = l->next;
	if (l->next)
		l->next->link = l->link;
	pthread_mutex_unlock(&e->larges_lock);
	if (l->sfd >= 0)
		close(l->sfd);
	if (l->dfd >= 0)
		close(l->dfd);
	pthread_mutex_destroy(&l->writing);
	free(l->attrs);
	free(l);
}

static void abandon(struct engine *e, struct large *l)
{
	int ddir = l->temp[0] && !l->kept ? dir_pin(e, l->d, DST) : -1;
	if (ddir >= 0) {
		unlinkat(ddir, l->temp, 0);
		dir_unpin(e, l->d);
	}
	forget(e, l);
}

void large_abandon_all(struct engine *e)
{
	while (e->larges)
		abandon(e, e->larges);
}

static struct large *large_new(struct engine *e, struct dir *d)
{
	struct large *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->d = d;
	l->sfd = l->dfd = -1;
	pthread_mutex_init(&l->writing, NULL);
	l->discard = e->config.flags & BLIT_CFG_DISCARD || !e->have[DST];
	pthread_mutex_lock(&e->larges_lock);
	l->next = e->larges;
	l->link = &e->larges;
	if (l->next)
		l->next->link = &l->next;
	e->larges = l;
	pthread_mutex_unlock(&e->larges_lock);
	return l;
}

static int take_record(const struct engine *e, struct large *l, const struct task *t, struct blit_result *result)
{
	const struct blit_record *r = wire_record(t->payload, t->t.payload_len);
	if (!r || r->code || !S_ISREG(r->mode) || r->content_len)
		return -BLIT_E_PROTOCOL;
	result->lost |= wire_record_facts(e, r, &l->facts);
	l->remote = true;
	l->sparse = r->flags & BLIT_RECORD_SPARSE;
	l->attrs_len = r->attrs_len;
	l->attrs_err = r->value;
	l->attrs = malloc(r->attrs_len + 1);
	if (!l->attrs)
		return -ENOMEM;
	memcpy(l->attrs, wire_record_parts(r).attrs, r->attrs_len);
	return 0;
}

int large_fd(const struct large *l, enum side side)
{
	return side == SRC ? l->sfd : l->dfd;
}

/* Writers to one inode take turns in the kernel, which spins for up to a write's time; here they sleep, and leave the core to a sender. */
int large_write(struct large *l, const char *buf, size_t n, uint64_t at)
{
	pthread_mutex_lock(&l->writing);
	int err = write_at(l->dfd, buf, n, at);
	pthread_mutex_unlock(&l->writing);
	return err;
}

uint64_t large_size(const struct large *l)
{
	return l->facts.size;
}

bool large_is_sparse(const struct large *l)
{
	return l->sparse;
}

uint64_t large_hole(const struct large *l, uint64_t at)
{
	if (!l->sparse || l->held || at >= l->facts.size)
		return 0;
	uint64_t data = next_data(l->sfd, at);
	/* whole blocks only: TypeScript's numbers keep no single bytes of the largest sizes */
	data = data < l->facts.size ? data & ~UINT64_C(4095) : l->facts.size;
	return data > at ? data - at : 0;
}

bool large_is_held(const struct large *l)
{
	return l->held;
}

bool large_is_written(struct large *l)
{
	return atomic_load(&l->ranges) > 0;
}

void large_range_begins(struct large *l)
{
	atomic_fetch_add(&l->ranges, 1);
}

static int open_source(struct engine *e, struct large *l)
{
	int sdir = dir_pin(e, l->d, SRC);
	if (sdir < 0)
		return sdir;
	l->sfd = os_open_source(sdir, l->sname, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	dir_unpin(e, l->d);
	if (l->sfd < 0)
		return l->sfd == -ELOOP ? -BLIT_E_CHANGED : l->sfd;
	int err = os_facts_fd(l->sfd, &l->facts);
	if (!err && !S_ISREG(l->facts.mode))
		err = -BLIT_E_CHANGED;
	if (!err)
		err = -lock_source(e, l->sfd);
	l->sparse = l->facts.blocks * 512 < l->facts.size;
	return err;
}

static int create(struct engine *e, struct large *l, uint32_t *step)
{
	*step = BLIT_STEP_CREATE;
	int ddir = dir_pin(e, l->d, DST);
	if (ddir < 0)
		return ddir;
	l->created = meta_create_mode(e, &l->facts) | 0600;
	if (e->config.flags & BLIT_CFG_RESUME) {
		struct stat st;
		l->dfd = part_open(e, ddir, l->created, l->dname, l->temp);
		l->held = l->kept = l->dfd >= 0 && fstat(l->dfd, &st) == 0 && st.st_size > 0;
	} else
		part_forget(l->d, ddir, l->dname); /* first, since the new one may need its room */
	if (l->dfd < 0)
		l->dfd = temp_create(e, ddir, l->created, l->temp);
	dir_unpin(e, l->d);
	return l->dfd < 0 ? l->dfd : 0;
}

static int make_room(struct engine *e, struct large *l, uint32_t *step)
{
	*step = BLIT_STEP_WRITE;
	if (!l->sparse && !l->held && atomic_load(&e->preallocate)) {
		int err = os_preallocate(l->dfd, l->facts.size);
		if (err == -ENOSPC || err == -EDQUOT || err == -EFBIG)
			return err; /* better to know now than after an hour */
		if (!err)
			return 0;
	}
	return ftruncate(l->dfd, l->facts.size) < 0 ? -errno : 0;
}

static bool cloned(struct worker *w, struct large *l)
{
	struct engine *e = w->e;
	if (l->remote || (e->config.flags & BLIT_CFG_VERIFY) || atomic_load(&e->no_clone))
		return false;
	int err = os_clone(l->sfd, l->dfd);
	if (err == -EOPNOTSUPP || err == -EXDEV || err == -ENOTTY || err == -ENOSYS)
		atomic_store(&e->no_clone, 1);
	if (err || (l->held && ftruncate(l->dfd, l->facts.size) < 0)) /* what was held may be longer */
		return false;
	__atomic_store_n(&w->counters.bytes[BLIT_M_REFLINK], w->counters.bytes[BLIT_M_REFLINK] + l->facts.size, __ATOMIC_RELAXED);
	__atomic_store_n(&w->counters.moving, w->counters.moving + l->facts.size, __ATOMIC_RELAXED);
	return true;
}

/* Gives a file that the destination did not have its name. What has come there meanwhile is replaced, unless it is of another name. */
static int place_fresh(int ddir, const struct large *l)
{
	/* not every file system can rename only where nothing stands */
	int claim = openat(ddir, l->dname, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), err = errno;
	if (claim < 0 && (err != EEXIST || l->twin || fold_hides(ddir, l->dname)))
		return err == EEXIST ? -BLIT_E_FOLDED : -err;
	if (claim >= 0)
		close(claim);
	err = renameat(ddir, l->temp, ddir, l->dname) < 0 ? errno : 0;
	if (err && claim >= 0)
		unlinkat(ddir, l->dname, 0);
	return err == EISDIR || err == ENOTEMPTY ? -BLIT_E_BUSY_KIND : -err;
}

static int place(struct worker *w, int ddir, const struct large *l, struct blit_result *r)
{
	r->step = BLIT_STEP_RENAME;
	if (l->fresh)
		return place_fresh(ddir, l);
	r->step = BLIT_STEP_BACKUP;
	int err = backup_entry(w, l->d, ddir, l->dname, false);
	if (err)
		return err;
	r->step = BLIT_STEP_RENAME;
	if (renameat(ddir, l->temp, ddir, l->dname) < 0)
		return errno == EISDIR || errno == ENOTEMPTY ? -BLIT_E_BUSY_KIND : -errno;
	return 0;
}

static int settle(struct worker *w, struct large *l, struct blit_result *r)
{
	struct engine *e = w->e;
	struct facts now;
	int err = l->remote ? (now = l->facts, 0) : os_facts_fd(l->sfd, &now);
	r->step = BLIT_STEP_READ;
	if (err)
		return err;
	bool grew = now.size > l->facts.size;
	if (!grew && (now.size != l->facts.size || now.mtime.tv_sec != l->facts.mtime.tv_sec || now.mtime.tv_nsec != l->facts.mtime.tv_nsec))
		return -BLIT_E_CHANGED;
	if (!e->have[DST] && grew)
		return -BLIT_E_GREW; /* the destination, elsewhere, installs what it held at first */
	if (l->discard)
		return 0;
	struct outcome o = meta_apply_fd(e, l->d, &(struct origin){ .fd = l->sfd, .packed = l->attrs, .packed_len = l->attrs_len, .packed_err = l->attrs_err }, l->dfd, &l->facts, l->created, l->d->inherits || l->held);
	r->lost |= o.lost;
	r->step = o.step;
	if (!outcome_stays(&o))
		return -o.err;
	r->step = BLIT_STEP_SYNC;
	if ((e->config.flags & BLIT_CFG_FSYNC) && (err = os_sync(l->dfd)))
		return err;
	r->step = BLIT_STEP_WRITE;
	if ((err = flush_by_close(l->dfd)))
		return -err;
	int ddir = dir_pin(e, l->d, DST);
	if (ddir < 0)
		return ddir;
	err = place(w, ddir, l, r);
	bool astray = !err && is_astray(e, ddir, l->dname, l->dfd);
	dir_unpin(e, l->d);
	if (err)
		return err;
	l->temp[0] = 0; /* in place: nothing to give up any more */
	r->step = o.err ? o.step : grew ? BLIT_STEP_READ : BLIT_STEP_REMOVE_SRC;
	if (o.err || grew)
		return o.err ? -o.err : -BLIT_E_GREW;
	if (astray)
		return -BLIT_E_GONE;
	if (l->remote || !(e->config.flags & BLIT_CFG_MOVE) || l->facts.nlink > 1)
		return 0;
	int sdir = dir_pin(e, l->d, SRC);
	if (sdir < 0)
		return sdir;
	err = remove_source(e, l->d, sdir, l->sname, &l->facts);
	dir_unpin(e, l->d);
	return err;
}

/* Its size is false: what there is of it is copied here and now. */
static int copy_whole(struct worker *w, struct large *l, struct blit_result *r)
{
	if (l->held && ftruncate(l->dfd, 0) < 0)
		return -errno;
	struct outcome o = copy_unsized(w, l->sfd, l->discard ? -1 : l->dfd);
	r->bytes = o.bytes;
	r->step = o.step;
	return o.err ? -o.err : settle(w, l, r);
}

/* 1: it is in place, 0: it is to be copied by ranges, or -errno. */
static int finish_at_once(struct worker *w, struct large *l, const struct task *t, struct blit_result *r)
{
	if (l->remote)
		return 0;
	int err;
	if (size_is_false(l->sfd, &l->facts) || os_is_kernel_fs(l->sfd))
		err = t->t.flags & BLIT_DIGEST ? -BLIT_E_ENDLESS : copy_whole(w, l, r);
	else if (!l->discard && cloned(w, l))
		err = settle(w, l, r);
	else
		return 0;
	return err ? err : 1;
}

int large_open(struct worker *w, struct task *t, struct blit_result *r)
{
	const struct blit_batch *b = (void *)(uintptr_t)t->t.batch;
	if (t->t.first >= b->count)
		return -EINVAL;
	struct large *l = large_new(w->e, t->d);
	if (!l)
		return -ENOMEM;
	r->step = BLIT_STEP_OPEN_SRC;
	int err = batch_names(b, t->t.first, l->sname, l->dname);
	l->fresh = batch_dst_kind(b, t->t.first) == BLIT_KIND_NONE;
	l->twin = l->fresh && fold_has_twin(b, t->t.first, l->dname);
	if (!err)
		err = w->e->have[SRC] ? open_source(w->e, l) : take_record(w->e, l, t, r);
	r->bytes = l->facts.size;
	if (!err && !l->discard)
		err = -engine_is_full(w->e);
	if (!err && !l->discard)
		err = create(w->e, l, &r->step);
	int done = err ? 0 : finish_at_once(w, l, t, r);
	if (done == 1) {
		worker_count_file(w, &l->facts);
		forget(w->e, l);
		return 0;
	}
	if (done < 0)
		err = done;
	if (!err && !l->discard)
		err = make_room(w->e, l, &r->step);
	err = -engine_full_error(w->e, l->dfd, r->step, -err, l->facts.size);
	if (!err && t->t.flags & BLIT_DIGEST) {
		struct blit_record *record = record_of(w->e, l->sfd, &l->facts, l->sparse ? BLIT_RECORD_SPARSE : 0);
		r->batch = (uintptr_t)record;
		r->batch_len = record ? record->length : 0;
		err = record ? 0 : -ENOMEM;
	}
	if (err) {
		abandon(w->e, l);
		return err;
	}
	l->kept = part_is_name(l->temp, strlen(l->temp));
	r->flags = l->held ? BLIT_HELD : 0;
	r->handle = (uintptr_t)l;
	return 0;
}

int large_hash(struct worker *w, struct task *t, struct blit_result *r)
{
	struct large *l = (void *)(uintptr_t)t->t.handle;
	uint64_t blocks = t->t.length / BLIT_BLOCK + (t->t.length % BLIT_BLOCK != 0), left = t->t.length;
	uint64_t *hashes = l->dfd < 0 ? NULL : malloc(blocks * sizeof *hashes);
	int err = hashes ? 0 : ENOMEM;
	for (uint64_t i = 0; i < blocks && !err; i++, left -= BLIT_BLOCK)
		err = hash_range(w, l->dfd, t->t.offset + i * BLIT_BLOCK, left < BLIT_BLOCK ? left : BLIT_BLOCK, &hashes[i]);
	r->step = BLIT_STEP_READ;
	if (err) {
		free(hashes);
		return -err;
	}
	r->batch = (uintptr_t)hashes;
	r->batch_len = blocks * sizeof *hashes;
	return 0;
}

int large_range(struct worker *w, struct task *t, struct blit_result *r)
{
	struct large *l = (void *)(uintptr_t)t->t.handle;
	uint64_t left = l->facts.size > t->t.offset ? l->facts.size - t->t.offset : 0;
	/* of the largest sizes TypeScript does not know the last bytes: its last slice goes beyond them */
	uint64_t length = t->t.length < left ? t->t.length : left;
	struct outcome o = copy_data(w, l->sfd, l->dfd, t->t.offset, length, l->sparse, l->held);
	atomic_fetch_sub(&l->ranges, 1);
	r->step = o.step;
	r->bytes = o.bytes;
	r->unchanged_bytes = large_hole(l, t->t.offset + length);
	return -engine_full_error(w->e, l->dfd, o.step, o.err, l->facts.size);
}

int large_finish(struct worker *w, struct task *t, struct blit_result *r)
{
	struct large *l = (void *)(uintptr_t)t->t.handle;
	int err = t->t.flags & BLIT_COMMIT ? settle(w, l, r) : 0;
	err = -engine_full_error(w->e, l->dfd, r->step, -err, 0);
	r->bytes = l->facts.size;
	if (!err && t->t.flags & BLIT_COMMIT)
		worker_count_file(w, &l->facts);
	if ((err && l->temp[0]) || !(t->t.flags & BLIT_COMMIT))
		abandon(w->e, l);
	else
		forget(w->e, l);
	return err;
}
