/* SETTLE: the metadata of a directory, once everything in it is done (its times last of all), or the removal of an extra one. */
#include "engine.h"

static int remove_dir(struct engine *e, struct dir *d, enum side side)
{
	int up = dir_pin(e, d->parent, side);
	if (up < 0)
		return up;
	int err = unlinkat(up, d->name, AT_REMOVEDIR) < 0 ? -errno : 0;
	dir_unpin(e, d->parent);
	return err;
}

static struct outcome apply_facts(struct engine *e, struct dir *dir, const struct facts *s, const struct origin *from, int dfd)
{
	struct facts d;
	int err = os_facts_fd(dfd, &d);
	if (err)
		return (struct outcome){ .err = -err, .step = BLIT_STEP_MODE };
	struct facts wanted = *s;
	if (e->config.flags & BLIT_CFG_WITHHOLD) /* a directory that hands its group on was made so by its owner, and stays so */
		wanted.mode |= d.mode & (S_ISUID | S_ISGID);
	bool differs = meta_owner_differs(e, dir, &wanted, &d) || meta_mode_differs(e, dir, &wanted, &d) || meta_mtime_differs(e, dir, &wanted, &d) ||
		meta_xattr_same(e, from, dfd, NULL) != 1;
	return differs ? meta_apply_fd(e, dir, from, dfd, &wanted, d.mode & 07777, true) : (struct outcome){ 0 };
}

int settle_metadata(struct engine *e, struct dir *d, bool untouched, struct blit_result *r)
{
	/* With its source on another machine, what it is to be came with its listing. */
	int sfd = d->attrs ? -1 : dir_pin(e, d, SRC);
	struct origin from = { .fd = sfd, .packed = d->attrs, .packed_len = d->attrs_len, .packed_err = d->attrs_err };
	r->step = BLIT_STEP_MODE;
	if (!d->attrs && sfd < 0)
		return sfd;
	int dfd = dir_pin(e, d, DST), err = dfd;
	if (dfd >= 0) {
		bool known = untouched && d->made && !d->inherits;
		struct outcome o = known ? meta_apply_fd(e, d, &from, dfd, &d->source, MADE_MODE, false)
		                         : apply_facts(e, d, &d->source, &from, dfd);
		if (!o.err && (e->config.flags & BLIT_CFG_FSYNC) && (err = os_sync(dfd)))
			o.err = -err, o.step = BLIT_STEP_SYNC;
		r->lost |= o.lost;
		r->step = o.step;
		err = -o.err;
		dir_unpin(e, d);
	}
	if (sfd >= 0)
		dir_unpin(e, d);
	return err;
}

int settle_dir(struct worker *w, struct task *t, struct blit_result *r)
{
	struct engine *e = w->e;
	struct dir *d = t->d;
	uint32_t flags = t->t.flags;
	int err = 0;
	if (flags & BLIT_RMDIR && !d->parent)
		return -EINVAL;
	/* before the source's metadata take the place of what is to be kept */
	if (e->have[BACKUP] && d->parent && (flags & BLIT_RMDIR || d->backup_made)) {
		r->step = BLIT_STEP_BACKUP;
		if ((err = backup_settle(e, d)))
			return err;
	}
	if (flags & BLIT_RMDIR) {
		r->step = BLIT_STEP_REMOVE;
		if (!(err = dir_check(e, d->parent)))
			err = remove_dir(e, d, DST);
	} else if (!(flags & BLIT_SKIP)) {
		err = settle_metadata(e, d, false, r);
		err = -engine_full_error(e, -1, r->step, -err, 0);
	} else if (e->config.flags & BLIT_CFG_FSYNC && e->have[DST]) { /* the names of what was put into it */
		r->step = BLIT_STEP_SYNC;
		int dfd = dir_pin(e, d, DST);
		if (dfd >= 0) {
			err = os_sync(dfd);
			dir_unpin(e, d);
		}
	}
	if (!err && (flags & BLIT_RMSRC) && d->parent && !d->left_out) {
		r->step = BLIT_STEP_REMOVE_SRC;
		if (!(err = dir_check(e, d)))
			err = remove_dir(e, d, SRC);
		if (err == -ENOTEMPTY || err == -EEXIST)
			err = 0; /* what was excluded or failed stays, and so does its directory */
	}
	if (!err && (flags & BLIT_DROP))
		dir_drop(e, d);
	return err;
}
