/* LINK: a further name of an inode that the destination has already. Target: directory number `parent`, name in the payload. */
#include "engine.h"

static int link_over(struct worker *w, struct dir *d, int tdir, const char *tname, int ddir, const char *dname)
{
	char temp[TEMP_NAME_LEN + 1];
	if (linkat(tdir, tname, ddir, dname, 0) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	temp_name(w->e, temp);
	if (linkat(tdir, tname, ddir, temp, 0) < 0)
		return -errno;
	int err = backup_entry(w, d, ddir, dname, false);
	if (!err && renameat(ddir, temp, ddir, dname) < 0)
		err = errno == EISDIR || errno == ENOTEMPTY ? -BLIT_E_BUSY_KIND : -errno;
	unlinkat(ddir, temp, 0); /* also after a rename that was none: both names had become links of one inode meanwhile */
	return err;
}

/* 1: already the same inode, 0: linked (or would be), -errno. */
static int link_to(struct worker *w, struct task *t, int tdir, int ddir, const char *dname)
{
	const struct blit_batch *b = (void *)(uintptr_t)t->t.batch;
	struct facts target, here;
	int have = os_facts_at(tdir, t->payload, &target);
	bool there = os_facts_at(ddir, dname, &here) == 0;
	if (there && batch_dst_kind(b, t->t.first) == BLIT_KIND_NONE && !fold_may_replace(b, t->t.first, ddir, dname))
		return -BLIT_E_FOLDED;
	if (have == 0 && there && here.ino == target.ino && here.dev == target.dev)
		return 1;
	if (w->e->config.flags & BLIT_CFG_READ_ONLY)
		return 0;
	return have ? have : link_over(w, t->d, tdir, t->payload, ddir, dname);
}

int link_entry(struct worker *w, struct task *t, struct blit_result *r)
{
	const struct blit_batch *b = (void *)(uintptr_t)t->t.batch;
	struct engine *e = w->e;
	struct dir *target = dir_get(e, t->t.parent);
	char sname[NAME_CAP], dname[NAME_CAP];
	if (!target || t->t.first >= b->count || !name_is_plain(t->payload, t->t.payload_len))
		return -EINVAL;
	r->step = BLIT_STEP_LINK;
	int err = batch_names(b, t->t.first, sname, dname);
	if (err)
		return err;
	int tdir = dir_pin(e, target, DST);
	if (tdir < 0)
		return tdir;
	int ddir = dir_pin(e, t->d, DST);
	err = ddir < 0 ? ddir : 0;
	if (ddir >= 0) {
		int same = link_to(w, t, tdir, ddir, dname);
		err = same < 0 ? -engine_full_error(e, ddir, BLIT_STEP_LINK, -same, 0) : 0;
		if (same == 1)
			task_detail(t, t->t.first, BLIT_D_SAME, 0, 0);
		dir_unpin(e, t->d);
	}
	dir_unpin(e, target);
	return err;
}
