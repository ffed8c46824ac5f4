/* REMOVE: deletes non-directories of the destination. */
#include "engine.h"

void remove_slice(struct worker *w, struct task *t, const uint32_t *words, uint32_t first, uint32_t n)
{
	struct engine *e = w->e;
	const struct blit_batch *b = (void *)(uintptr_t)t->t.batch;
	int ddir = dir_pin(e, t->d, DST);
	for (uint32_t i = first; i < first + n && !engine_stopped(e); i++) {
		uint32_t index = words ? words[i] & BLIT_INDEX_MASK : t->t.first + i;
		char name[NAME_CAP], same[NAME_CAP];
		int err = ddir < 0 ? ddir : index >= b->count ? -EINVAL : batch_names(b, index, name, same);
		if (!err)
			err = dir_check(e, t->d);
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
