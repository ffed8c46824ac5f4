/* APPLY: one action on one entry of a batch. Each entry stands alone: its failure is a detail of the result, no more. */
#include "engine.h"

struct place {
	struct dir *d;
	const struct blit_batch *batch;
	uint32_t index;
	int sdir, ddir;
	uint32_t done, lost; /* of a whole slice: the task's own counts are shared by all workers */
	uint64_t bytes;
	char sname[NAME_CAP], dname[NAME_CAP];
};

static void report(struct worker *w, struct task *t, struct place *p, struct outcome o, const struct facts *f)
{
	p->lost |= o.lost;
	if (o.err == COPY_IS_LARGE) {
		task_detail(t, p->index, BLIT_D_LARGE, f->size, f->blocks * 512);
	} else if (o.err == COPY_IS_LINKED) {
		task_detail(t, p->index, BLIT_D_LINKED, f->ino, f->dev);
	} else if (o.err) {
		task_detail(t, p->index, BLIT_D_FAILED, engine_full_error(w->e, p->ddir, o.step, o.err, f->size), o.step);
	} else {
		p->done++;
		p->bytes += o.bytes;
		worker_count_file(w, f);
	}
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Removing another of its names changes the time of an inode's last change. */
static bool is_unchanged(const struct facts *then, const struct facts *now)
{
	return facts_same_inode(then, now) && then->size == now->size && same_time(&then->mtime, &now->mtime) &&
		then->mode == now->mode && then->uid == now->uid && then->gid == now->gid &&
		(then->nlink != 1 || now->nlink != 1 || same_time(&then->ctime, &now->ctime));
}

int remove_source(struct engine *e, struct dir *d, int sdir, const char *name, const struct facts *copied)
{
	struct facts now;
	int err = dir_check(e, d);
	if (!err)
		err = os_facts_at(sdir, name, &now);
	if (err)
		return err;
	if (!is_unchanged(copied, &now))
		return -BLIT_E_CHANGED;
	return unlinkat(sdir, name, 0) < 0 ? -errno : 0;
}

bool is_astray(const struct engine *e, int ddir, const char *dname, int fd)
{
	struct facts written, there;
	if (!(e->config.flags & BLIT_CFG_MOVE))
		return false;
	return os_facts_fd(fd, &written) || os_facts_at(ddir, dname, &there) || !facts_same_inode(&written, &there);
}

/* --- symlinks and special files: made under the name, or beside it and renamed over it --- */

static int make_symlink(int ddir, const char *dname, const struct facts *f, const char *target)
{
	(void)f;
	return symlinkat(target, ddir, dname) < 0 ? errno : 0;
}

static int make_node(int ddir, const char *dname, const struct facts *f, const char *target)
{
	(void)target;
	return -os_make_node(ddir, dname, f->mode & (S_IFMT | 0700), f->rdev);
}

typedef int make_fn(int ddir, const char *dname, const struct facts *f, const char *target);

#define LINKS_MAX 40 /* as many as the kernel follows on the way to one file */

/* Whether the way that a path takes from there, link by link, comes by an inode. */
static bool comes_by(int dir, const char *path, const struct stat *inode, int *links)
{
	char at[4097], next[4097];
	struct stat st;
	size_t len = 0, base;
	do {
		base = len += strspn(path + len, "/");
		len += strcspn(path + len, "/");
		if (len >= sizeof at)
			return false;
		memcpy(at, path, len);
		at[len] = 0;
		if (len == 0 || fstatat(dir, at, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return false; /* it leads nowhere */
		if (!S_ISLNK(st.st_mode)) {
			if (st.st_dev == inode->st_dev && st.st_ino == inode->st_ino)
				return true;
			continue;
		}
		ssize_t n = readlinkat(dir, at, next + base, sizeof next - 1 - base);
		if (n <= 0 || (*links)++ >= LINKS_MAX)
			return false;
		next[base + n] = 0;
		if (next[base] != '/')
			memcpy(next, at, base);
		if (comes_by(dir, next + (next[base] == '/' ? base : 0), inode, links))
			return true;
	} while (path[len]);
	return false;
}

bool leads_to(int dir, const char *path, int ddir, const char *dname)
{
	struct stat there;
	int links = 0;
	if (fstatat(ddir, dname, &there, AT_SYMLINK_NOFOLLOW) < 0 || S_ISLNK(there.st_mode))
		return false;
	return comes_by(dir, path, &there, &links);
}

/* Whether the name leads to such an entry: of a symlink and a special file that is all there is to lose. */
static bool is_special(int ddir, const char *dname, const struct facts *f, const char *target)
{
	struct facts now;
	char there[4097];
	if (os_facts_at(ddir, dname, &now) || (now.mode ^ f->mode) & S_IFMT)
		return false;
	if (!S_ISLNK(f->mode))
		return now.rdev == f->rdev;
	ssize_t n = readlinkat(ddir, dname, there, sizeof there);
	return n == (ssize_t)strlen(target) && memcmp(there, target, n) == 0;
}

struct outcome store_special(struct worker *w, struct dir *d, int ddir, const char *dname, bool replace, const struct facts *f,
	const char *target, const struct origin *from)
{
	bool link = S_ISLNK(f->mode);
	make_fn *make = link ? make_symlink : make_node;
	uint32_t step = link ? BLIT_STEP_SYMLINK : BLIT_STEP_NODE;
	char temp[TEMP_NAME_LEN + 1];
	const char *name = dname;
	if (link && replace && leads_to(ddir, target, ddir, dname))
		return (struct outcome){ .err = BLIT_E_ITSELF, .step = step };
	if (replace) {
		temp_name(w->e, temp);
		name = temp;
	}
	int err = make(ddir, name, f, target);
	if (err)
		return (struct outcome){ .err = err, .step = step };
	struct outcome o = meta_apply_at(w->e, d, from, ddir, name, f);
	if (outcome_stays(&o) && replace) {
		err = backup_entry(w, d, ddir, dname, false);
		if (err)
			o.err = -err, o.step = BLIT_STEP_BACKUP;
		else if (renameat(ddir, temp, ddir, dname) < 0)
			o.err = errno == EISDIR || errno == ENOTEMPTY ? BLIT_E_BUSY_KIND : errno, o.step = BLIT_STEP_RENAME;
	}
	if (!outcome_stays(&o))
		unlinkat(ddir, name, 0);
	else
		o.astray = w->e->config.flags & BLIT_CFG_MOVE && !is_special(ddir, dname, f, target);
	return o;
}

/* Reads where the source's symlink leads. 0, or an errno: BLIT_E_ITSELF where it must not come in the place of what stands there. */
static int read_target(const struct place *p, bool replace, char target[4097])
{
	ssize_t n = readlinkat(p->sdir, p->sname, target, 4096);
	if (n < 0)
		return errno;
	target[n] = 0;
	return replace && leads_to(p->sdir, p->sname, p->ddir, p->dname) ? BLIT_E_ITSELF : 0;
}

static struct outcome copy_special(struct worker *w, const struct place *p, bool replace, enum take take, struct facts *f)
{
	char target[4097];
	bool discard = w->e->config.flags & BLIT_CFG_DISCARD;
	int err = os_facts_at(p->sdir, p->sname, f);
	if (err)
		return (struct outcome){ .err = -err, .step = BLIT_STEP_OPEN_SRC };
	if (take == TAKE_PLAIN && f->nlink > 1 && !S_ISDIR(f->mode))
		return (struct outcome){ .err = COPY_IS_LINKED };
	if (S_ISLNK(f->mode)) {
		if ((err = read_target(p, replace && !discard, target)))
			return (struct outcome){ .err = err, .step = err == BLIT_E_ITSELF ? BLIT_STEP_SYMLINK : BLIT_STEP_OPEN_SRC };
	} else if (S_ISREG(f->mode) || S_ISDIR(f->mode)) {
		return (struct outcome){ .err = BLIT_E_CHANGED, .step = BLIT_STEP_OPEN_SRC };
	}
	if (discard)
		return (struct outcome){ 0 };
	struct origin from = { .fd = p->sdir, .name = p->sname };
	return store_special(w, p->d, p->ddir, p->dname, replace, f, target, &from);
}

bool meets_another(const struct blit_batch *b, uint32_t index, int ddir, const char *dname, bool *replace, struct outcome *o)
{
	if (*replace || o->err != EEXIST)
		return false;
	*replace = fold_may_replace(b, index, ddir, dname);
	if (!*replace)
		o->err = BLIT_E_FOLDED;
	return *replace;
}

/* --- actions --- */

static void make_entry(struct worker *w, struct task *t, struct place *p, uint8_t kind, bool replace)
{
	struct facts f = { 0 };
	enum take take = t->t.flags & BLIT_FORCE ? TAKE_LINKED : TAKE_PLAIN;
	struct outcome o;
	for (bool again = true; again;) {
		o = kind == BLIT_KIND_FILE ? copy_file(w, p->sdir, p->sname, p->d, p->ddir, p->dname, replace, take, &f)
		                           : copy_special(w, p, replace, take, &f);
		again = meets_another(p->batch, p->index, p->ddir, p->dname, &replace, &o);
	}
	if (!o.err)
		part_forget(p->d, p->ddir, p->dname);
	if (!o.err && o.astray)
		o.err = BLIT_E_GONE, o.step = BLIT_STEP_REMOVE_SRC;
	/* the other names of a linked source must still be seen to be linked; a file's source is gone already */
	if (!o.err && kind != BLIT_KIND_FILE && take == TAKE_PLAIN && (w->e->config.flags & BLIT_CFG_MOVE)) {
		int err = remove_source(w->e, p->d, p->sdir, p->sname, &f);
		if (err)
			o.err = -err, o.step = BLIT_STEP_REMOVE_SRC;
	}
	report(w, t, p, o, &f);
}

/* As remove_source, of one that is not open, unless somebody writes it. */
static int remove_quiet(struct place *p, struct engine *e, const struct facts *s)
{
	int fd = S_ISREG(s->mode) ? os_open_source(p->sdir, p->sname, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) : -1;
	int err = fd >= 0 ? -lock_source(e, fd) : 0;
	if (!err)
		err = remove_source(e, p->d, p->sdir, p->sname, s);
	if (fd >= 0)
		close(fd);
	return err;
}

static void fix_metadata(struct worker *w, struct task *t, struct place *p)
{
	struct facts f;
	int err = os_facts_at(p->sdir, p->sname, &f);
	/* With its new time the old content would pass for up to date, at every later run. */
	if (!err && !batch_still(p->batch, p->index, &f))
		err = -BLIT_E_CHANGED;
	struct outcome o = err ? (struct outcome){ .err = -err, .step = BLIT_STEP_OPEN_SRC }
	                       : meta_apply_at(w->e, p->d, &(struct origin){ .fd = p->sdir, .name = p->sname }, p->ddir, p->dname, &f);
	if (!o.err && f.nlink == 1 && (w->e->config.flags & BLIT_CFG_MOVE)) {
		struct facts d;
		err = os_facts_at(p->ddir, p->dname, &d);
		if (err == -ENOENT || (!err && ((f.mode ^ d.mode) & S_IFMT || (S_ISREG(f.mode) && f.size != d.size))))
			err = -BLIT_E_GONE;
		if (!err)
			err = remove_quiet(p, w->e, &f);
		if (err)
			o.err = -err, o.step = BLIT_STEP_REMOVE_SRC;
	}
	report(w, t, p, o, &f);
}

static void compare_content(struct worker *w, struct task *t, struct place *p)
{
	int same = same_content(w, p->sdir, p->sname, p->ddir, p->dname);
	if (same < 0)
		task_detail(t, p->index, BLIT_D_FAILED, -same, BLIT_STEP_READ);
	else
		task_detail(t, p->index, same ? BLIT_D_SAME : BLIT_D_DIFFERENT, 0, 0);
}

static int told_facts(const struct place *p, struct facts *f)
{
	uint64_t target, attrs;
	return batch_facts(p->batch, p->index, f, &target, &attrs) ? 0 : -EINVAL;
}

static void forget_source(struct worker *w, struct task *t, struct place *p)
{
	struct facts s, d;
	struct outcome o = { 0 };
	/* Of two machines each looks at its side: the destination first, before it asks for the removal. */
	bool here = w->e->have[DST], there = w->e->have[SRC];
	int err = there ? os_facts_at(p->sdir, p->sname, &s) : told_facts(p, &s);
	if (!err && there && !batch_same(p->batch, p->index, &s))
		err = -BLIT_E_CHANGED;
	if (!err && here) {
		err = os_facts_at(p->ddir, p->dname, &d);
		if (err == -ENOENT)
			err = -BLIT_E_GONE;
	}
	if (!err && here && (s.size != d.size || meta_mtime_differs(w->e, p->d, &s, &d) || ((s.mode ^ d.mode) & S_IFMT)))
		err = -BLIT_E_CHANGED;
	if (!err && here && there && facts_same_inode(&s, &d) && s.nlink == 1)
		err = -BLIT_E_FOLDED; /* it is the copy itself, by another way */
	if (!err)
		err = there ? remove_quiet(p, w->e, &s) : dir_check(w->e, p->d);
	if (err)
		o.err = -err, o.step = BLIT_STEP_REMOVE_SRC;
	report(w, t, p, o, &s);
}

static void probe_symlink(struct task *t, struct place *p)
{
	char target[4097];
	int err = read_target(p, true, target);
	if (!err && leads_to(p->ddir, target, p->ddir, p->dname))
		err = BLIT_E_ITSELF;
	if (err)
		return task_detail(t, p->index, BLIT_D_FAILED, err, err == BLIT_E_ITSELF ? BLIT_STEP_SYMLINK : BLIT_STEP_OPEN_SRC);
	p->done++;
}

static void probe_source(struct task *t, struct place *p)
{
	if (batch_kind(p->batch, p->index) == BLIT_KIND_SYMLINK)
		return probe_symlink(t, p);
	int fd = os_open_source(p->sdir, p->sname, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return task_detail(t, p->index, BLIT_D_FAILED, fd == -ELOOP ? BLIT_E_CHANGED : -fd, BLIT_STEP_OPEN_SRC);
	close(fd);
	p->done++;
}

static void apply_entry(struct worker *w, struct task *t, struct place *p, uint32_t action)
{
	struct engine *e = w->e;
	bool writes = !(e->config.flags & BLIT_CFG_DISCARD) && action != BLIT_FORGET && action != BLIT_PROBE;
	uint32_t step = p->sdir < 0 ? BLIT_STEP_OPEN_SRC : BLIT_STEP_CREATE;
	bool reads = e->have[SRC] || action != BLIT_FORGET;
	int err = reads && p->sdir < 0 ? p->sdir : writes && p->ddir < 0 ? p->ddir : 0;
	if (!err && p->index >= p->batch->count)
		err = -EINVAL;
	if (!err && (e->config.flags & BLIT_CFG_READ_ONLY) && action != BLIT_CONTENT && action != BLIT_PROBE)
		err = -EROFS;
	if (!err && (action == BLIT_MAKE || action == BLIT_REPLACE))
		err = -engine_is_full(e);
	if (!err)
		err = batch_names(p->batch, p->index, p->sname, p->dname);
	if (!err && writes && temp_keeps_name(p->dname, strlen(p->dname)))
		err = -BLIT_E_KEPT_NAME;
	if (err) {
		task_detail(t, p->index, BLIT_D_FAILED, -err, step);
		return;
	}
	switch (action) {
	case BLIT_MAKE: make_entry(w, t, p, batch_kind(p->batch, p->index), false); break;
	case BLIT_REPLACE: make_entry(w, t, p, batch_kind(p->batch, p->index), true); break;
	case BLIT_METADATA: fix_metadata(w, t, p); break;
	case BLIT_CONTENT: compare_content(w, t, p); break;
	case BLIT_FORGET: forget_source(w, t, p); break;
	case BLIT_PROBE: probe_source(t, p); break;
	default: task_detail(t, p->index, BLIT_D_FAILED, EINVAL, step);
	}
}

static void begin_slice(struct engine *e, struct place *p)
{
	p->sdir = dir_pin(e, p->d, SRC);
	p->ddir = e->config.flags & BLIT_CFG_DISCARD || !e->have[DST] ? -1 : dir_pin(e, p->d, DST);
}

static void end_slice(struct engine *e, struct task *t, struct place *p)
{
	if (p->sdir >= 0)
		dir_unpin(e, p->d);
	if (p->ddir >= 0)
		dir_unpin(e, p->d);
	atomic_fetch_add(&t->done, p->done);
	atomic_fetch_add(&t->bytes, p->bytes);
	atomic_fetch_or(&t->lost, p->lost);
}

void apply_slice(struct worker *w, struct task *t, const uint32_t *words, uint32_t first, uint32_t n)
{
	struct place p = { .d = t->d, .batch = (void *)(uintptr_t)t->t.batch };
	if (!words) {
		apply_run(w, t, p.batch, t->t.first + first, n, UINT64_MAX);
		return;
	}
	begin_slice(w->e, &p);
	for (uint32_t i = first; i < first + n && !engine_stopped(w->e); i++) {
		p.index = words[i] & BLIT_INDEX_MASK;
		apply_entry(w, t, &p, words[i] >> BLIT_ACTION_SHIFT);
	}
	end_slice(w->e, t, &p);
}

uint32_t apply_run(struct worker *w, struct task *t, const struct blit_batch *b, uint32_t first, uint32_t n, uint64_t bytes)
{
	struct place p = { .d = t->d, .batch = b, .index = first };
	begin_slice(w->e, &p);
	for (; p.index < first + n && p.bytes < bytes && !engine_stopped(w->e); p.index++)
		apply_entry(w, t, &p, BLIT_MAKE);
	end_slice(w->e, t, &p);
	return p.index - first;
}
