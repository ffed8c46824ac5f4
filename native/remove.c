/* REMOVE: deletes non-directories of the destination; and the backup tree that keeps what is replaced or deleted. */
#include "engine.h"

/* The backup tree is on another file system: a copy takes the place of the link. */
static int copy_to_backup(struct worker *w, struct dir *d, int ddir, int bdir, const char *name)
{
	struct facts f;
	char target[4097];
	int err = os_facts_at(ddir, name, &f);
	if (err)
		return err;
	if (S_ISREG(f.mode))
		return -copy_file(w, ddir, name, d, bdir, name, false, TAKE_ANY, &f).err;
	if (!S_ISLNK(f.mode))
		return os_make_node(bdir, name, f.mode, f.rdev);
	ssize_t n = readlinkat(ddir, name, target, sizeof target - 1);
	if (n < 0)
		return -errno;
	target[n] = 0;
	return symlinkat(target, bdir, name) < 0 ? -errno : 0;
}

int backup_entry(struct worker *w, struct dir *d, int ddir, const char *name, bool take)
{
	struct engine *e = w->e;
	if (!e->have[BACKUP])
		return 0;
	int bdir = dir_pin(e, d, BACKUP), err = 0;
	if (bdir < 0)
		return bdir;
	unlinkat(bdir, name, 0); /* an older backup of the same name gives way */
	/* another file system, or one without links; or a file whose links the kernel protects from us */
	int done = take ? renameat(ddir, name, bdir, name) : linkat(ddir, name, bdir, name, 0);
	if (done < 0 && (errno == EXDEV || errno == EPERM || is_unsupported(errno) || errno == EMLINK)) {
		err = copy_to_backup(w, d, ddir, bdir, name);
		if (!err && take && unlinkat(ddir, name, 0) < 0)
			err = -errno;
	} else if (done < 0 && errno != ENOENT) {
		err = -errno;
	}
	dir_unpin(e, d);
	return err;
}

void remove_slice(struct worker *w, struct task *t, const uint32_t *words, uint32_t first, uint32_t n)
{
	struct engine *e = w->e;
	const struct blit_batch *b = (void *)(uintptr_t)t->t.batch;
	int ddir = dir_pin(e, t->d, DST);
	for (uint32_t i = first; i < first + n && !engine_stopped(e); i++) {
		uint32_t index = words ? words[i] & BLIT_INDEX_MASK : t->t.first + i;
		char name[NAME_CAP], same[NAME_CAP];
		int err = ddir < 0 ? ddir : index >= b->count ? -EINVAL : batch_names(b, index, name, same);
		if (!err && e->have[BACKUP])
			err = backup_entry(w, t->d, ddir, name, true);
		else if (!err)
			err = unlinkat(ddir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
		if (err)
			task_detail(t, index, BLIT_D_FAILED, -err, e->have[BACKUP] ? BLIT_STEP_BACKUP : BLIT_STEP_REMOVE);
		else
			atomic_fetch_add(&t->done, 1);
		worker_tick(w);
	}
	if (ddir >= 0)
		dir_unpin(e, t->d);
}
