/*
 * LIST: reads a directory on one or both sides and makes entry batches of it. A directory that asks no decision is done with here.
 *
 * Where the destination has the directory too, its names are read first into a set; every source name is then looked up there,
 * and non-directories that both sides have are compared here, by stat on both, so that only what differs reaches TypeScript
 * (unless ALL asks for everything). What is left in the set at the end only the destination has. One call handles a few
 * thousand names; MORE continues, so that a directory of any size streams through bounded memory (the set of the
 * destination's names is the exception: it is needed to know what is extra).
 */
#include "engine.h"

#define DIR_BUFFER (64u << 10)
#define NAMES_PER_CALL 4096u

/* A new directory with no more entries than that is filled by the worker that lists it, until it has moved so many bytes: some
 * milliseconds of work at most, so that the others are not left waiting at the end. The rest is shared out. */
#define TAKE_ENTRIES 256u
#define TAKE_BYTES (8u << 20)

struct name_slot { uint32_t at; uint16_t len; uint8_t kind; bool seen; }; /* at: offset + 1, 0 is empty */

struct name_set {
	struct name_slot *slots;
	uint32_t mask, count;
	char *names;
	uint64_t names_len, names_cap;
};

struct list_state {
	char *buffer;
	ssize_t have, at;
	bool source_done;
	enum { FOLDS_UNKNOWN, FOLDS, FOLDS_NOT } folds; /* whether the destination takes names for one */
	uint32_t extra_at;
	struct name_set dst;
};

static uint64_t name_hash(const char *p, uint32_t len)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a, then a finaliser so that the low bits mix */
	for (uint32_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)p[i]) * 0x100000001b3u;
	return h ^ (h >> 32);
}

static struct name_slot *set_find(struct name_set *s, const char *name, uint32_t len)
{
	if (!s->slots)
		return NULL;
	for (uint32_t i = name_hash(name, len) & s->mask; s->slots[i].at; i = (i + 1) & s->mask) {
		struct name_slot *slot = &s->slots[i];
		if (slot->len == len && memcmp(s->names + slot->at - 1, name, len) == 0)
			return slot;
	}
	return NULL;
}

static int set_grow(struct name_set *s)
{
	uint32_t size = s->slots ? (s->mask + 1) * 2 : 64;
	struct name_slot *slots = calloc(size, sizeof *slots);
	if (!slots)
		return -ENOMEM;
	for (uint32_t k = 0; s->slots && k <= s->mask; k++) {
		if (!s->slots[k].at)
			continue;
		uint32_t i = name_hash(s->names + s->slots[k].at - 1, s->slots[k].len) & (size - 1);
		while (slots[i].at)
			i = (i + 1) & (size - 1);
		slots[i] = s->slots[k];
	}
	free(s->slots);
	s->slots = slots;
	s->mask = size - 1;
	return 0;
}

static int set_add(struct name_set *s, const char *name, uint32_t len, uint8_t kind)
{
	if ((!s->slots || s->count * 2 > s->mask) && set_grow(s) < 0)
		return -ENOMEM;
	if (len >= NAME_CAP)
		return -ENAMETOOLONG;
	if (s->names_len + len > s->names_cap) {
		uint64_t cap = s->names_cap ? s->names_cap * 2 : 4096;
		char *names = cap > UINT32_MAX ? NULL : realloc(s->names, cap);
		if (!names)
			return -ENOMEM;
		s->names = names;
		s->names_cap = cap;
	}
	uint32_t i = name_hash(name, len) & s->mask;
	while (s->slots[i].at)
		i = (i + 1) & s->mask;
	s->slots[i] = (struct name_slot){ s->names_len + 1, len, kind, false };
	memcpy(s->names + s->names_len, name, len);
	s->names_len += len;
	s->count++;
	return 0;
}

void list_state_free(struct list_state *s)
{
	if (!s)
		return;
	free(s->buffer);
	free(s->dst.slots);
	free(s->dst.names);
	free(s);
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

static uint8_t kind_at(int fd, const char *name)
{
	struct facts f;
	return os_facts_at(fd, name, &f) == 0 ? kind_of_mode(f.mode) : BLIT_KIND_NONE;
}

static int read_names(struct worker *w, struct dir *d, int fd, struct list_state *s)
{
	ssize_t n;
	for (; (n = os_read_dir(fd, s->buffer, DIR_BUFFER)) > 0; worker_tick(w))
		for (ssize_t at = 0; at < n;) {
			const char *name;
			uint32_t len;
			uint8_t kind;
			at += os_dir_record(s->buffer + at, &name, &len, &kind);
			if (is_dots(name))
				continue;
			if (kind == BLIT_KIND_NONE)
				kind = kind_at(fd, name);
			int err = set_add(&s->dst, name, len, kind);
			if (err)
				return err;
			d->parts |= part_is_name(name, len);
		}
	return n;
}

/* --- opening --- */

static bool same_inode(const struct facts *a, const struct facts *b)
{
	return a->ino == b->ino && a->dev == b->dev;
}

/* Opens the directory on a side below its already open parent. The root is open from the start. */
static int open_side(struct engine *e, struct dir *d, enum side side)
{
	if (!d->parent) {
		lseek(d->fd[side], 0, SEEK_SET);
		return d->fd[side];
	}
	int up = dir_pin(e, d->parent, side);
	if (up < 0)
		return up;
	int fd = os_open_source(up, d->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	dir_unpin(e, d->parent);
	if (fd >= 0)
		dir_set_fd(e, d, side, fd);
	return fd;
}

static int make_dir(struct worker *w, struct task *t)
{
	struct dir *d = t->d;
	int err = -engine_is_full(w->e);
	int up = err ? err : dir_pin(w->e, d->parent, DST);
	if (up < 0)
		return up;
	d->made = mkdirat(up, d->name, MADE_MODE) == 0;
	if (!d->made)
		err = errno != EEXIST ? -engine_full_error(w->e, up, BLIT_STEP_MKDIR, errno, 0)
			: fold_may_replace((void *)(uintptr_t)t->t.batch, t->t.first, up, d->name) ? 0 : -BLIT_E_FOLDED;
	dir_unpin(w->e, d->parent);
	return err;
}

/* What will be created in this directory takes its group or ACL from it: then creating is not enough to know what came out. */
static bool passes_on(const struct engine *e, const struct dir *d, int fd, const struct facts *f)
{
	if (d->made && f->gid != e->egid)
		return true; /* a mount on which everything takes the group of its directory */
	if (d->made && !d->parent->inherits && !(f->mode & S_ISGID))
		return false; /* there was nothing that it could have taken itself */
	return os_passes_on(fd, f);
}

/* Looks at a source directory that begins another file system than its parent's. */
static void cross(struct engine *e, struct dir *d, int fd)
{
	d->left_out = e->config.flags & BLIT_CFG_ONE_FS;
	d->kernel = !d->left_out && os_is_kernel_fs(fd);
}

static int open_source(struct engine *e, struct task *t, struct blit_result *r)
{
	struct facts f;
	int fd = open_side(e, t->d, SRC);
	int err = fd < 0 ? fd : os_facts_fd(fd, &f);
	if (!err)
		t->d->source = f; /* before a move takes entries out of it and so changes its time */
	r->step = BLIT_STEP_LIST_SRC;
	if (!err && t->d->parent && f.dev != t->d->parent->source.dev)
		cross(e, t->d, fd);
	if (!err && t->d->left_out)
		return 0; /* even where it is the other side's root: nothing in it is looked at */
	bool other = e->have[DST] && same_inode(&f, &e->root_facts[DST]);
	for (int i = 0; i < 2; i++)
		other |= e->avoided[i].ino && same_inode(&f, &e->avoided[i]);
	if (!err && t->d->parent && other)
		err = -BLIT_E_INSIDE; /* copying into itself would never end */
	if (!err && e->have[BACKUP] && same_inode(&f, &e->root_facts[BACKUP]))
		err = -BLIT_E_BACKUP;
	return err;
}

/* Ours, but not readable by us: made so for the time of the run, its settle puts the mode right. */
static bool widen(struct engine *e, struct dir *d)
{
	struct facts f;
	struct held h;
	int up = dir_pin(e, d->parent, DST);
	if (up < 0)
		return false;
	bool done = false;
	if (os_hold(&h, up, d->name, &f) == 0) {
		done = S_ISDIR(f.mode) && f.uid == e->euid && os_held_chmod(&h, (f.mode & 07777) | 0700) == 0;
		if (done)
			d->found_mode = f.mode;
		os_release(&h);
	}
	dir_unpin(e, d->parent);
	return done;
}

static int open_destination(struct worker *w, struct task *t, struct blit_result *r)
{
	struct engine *e = w->e;
	struct ground *ground;
	struct facts f;
	int err = 0;
	r->step = BLIT_STEP_MKDIR;
	if ((t->t.flags & BLIT_MKDIR) && (err = make_dir(w, t)))
		return err;
	r->step = BLIT_STEP_LIST_DST;
	int fd = open_side(e, t->d, DST);
	if (fd == -EACCES && !e->root && !(e->config.flags & BLIT_CFG_READ_ONLY) && t->d->parent && widen(e, t->d))
		fd = open_side(e, t->d, DST);
	if (fd < 0)
		return fd;
	if ((err = os_facts_fd(fd, &f)))
		return err;
	if (!(t->t.flags & BLIT_SRC) && e->have[SRC] && same_inode(&f, &e->root_facts[SRC]))
		return -BLIT_E_INSIDE; /* an extra directory that holds the source is not to be emptied */
	if (e->have[BACKUP] && same_inode(&f, &e->root_facts[BACKUP]))
		return -BLIT_E_BACKUP; /* neither to be emptied nor to be filled by the source */
	t->d->keeps = e->config.flags & BLIT_CFG_ONE_FS && t->d->parent && f.dev != e->root_facts[DST].dev;
	bool extra = t->d->parent && !(t->t.flags & (BLIT_SRC | BLIT_REMOTE));
	if (extra && (t->d->keeps || (e->config.flags & BLIT_CFG_KEEP_MOUNTS && os_is_mount_root(fd))))
		return -BLIT_E_MOUNT;
	if (!e->root && f.uid == e->euid && (f.mode & 0700) != 0700 && !(e->config.flags & BLIT_CFG_READ_ONLY))
		fchmod(fd, (f.mode & 07777) | 0700);
	if (!t->d->found_mode)
		t->d->found_mode = f.mode;
	t->d->found = f;
	t->d->found.mode = t->d->found_mode;
	if (f.dev != t->d->ground->dev && (ground = ground_at(e, fd, f.dev)))
		t->d->ground = ground;
	t->d->inherits = passes_on(e, t->d, fd, &f);
	t->d->made = t->d->made && f.uid == e->euid && f.gid == e->egid && (f.mode & 07777) == MADE_MODE;
	return 0;
}

/* --- comparing --- */

/* What must be equal besides the facts: a symlink's target (hashed) or a device's number. */
static uint64_t target_of(int fd, const char *name, const struct facts *f)
{
	char target[4096];
	struct hash64 h;
	if (S_ISCHR(f->mode) || S_ISBLK(f->mode))
		return f->rdev;
	if (!S_ISLNK(f->mode))
		return 0;
	ssize_t n = readlinkat(fd, name, target, sizeof target);
	hash64_init(&h);
	hash64_add(&h, target, n < 0 ? 0 : n);
	return hash64_end(&h);
}

/* The source's side of a comparison: an entry here, or what a batch from another machine tells of one there. */
struct source_side {
	struct facts f;
	int fd;
	const char *name; /* NULL: on another machine */
	uint64_t target, attrs;
};

static bool attrs_differ(struct engine *e, const struct source_side *s, int dfd, const char *dname)
{
	if (s->name)
		return meta_xattr_same(e, &(struct origin){ .fd = s->fd, .name = s->name }, dfd, dname) != 1;
	return meta_xattr_digest(e, dfd, dname, false) != s->attrs && !meta_xattr_impossible(dfd, dname);
}

/* Times that are taken for the same although they are further apart than the coarsest unit of any file system have an end of its range
 * in common. */
#define COARSEST_S 4

static uint16_t compare(struct engine *e, struct dir *dir, const struct source_side *s, int dfd, const char *dname, const struct facts *d)
{
	const struct facts *f = &s->f;
	uint16_t diff = 0;
	if ((f->mode ^ d->mode) & S_IFMT)
		return BLIT_DIFF_KIND;
	if (S_ISREG(f->mode)) {
		if (f->size != d->size)
			diff |= BLIT_DIFF_SIZE;
	} else if ((s->name ? target_of(s->fd, s->name, f) : s->target) != target_of(dfd, dname, d)) {
		diff |= BLIT_DIFF_TARGET;
	}
	if (f->nlink > 1)
		diff |= BLIT_DIFF_LINKED;
	else if (d->nlink > 1)
		diff |= BLIT_DIFF_DST_LINKED;
	if (meta_mtime_differs(e, dir, f, d))
		diff |= BLIT_DIFF_MTIME;
	else if (S_ISREG(f->mode) && llabs((long long)f->mtime.tv_sec - d->mtime.tv_sec) > COARSEST_S)
		diff |= BLIT_DIFF_UNTOLD;
	if (meta_mode_differs(e, dir, f, d))
		diff |= BLIT_DIFF_MODE;
	if (meta_owner_differs(e, dir, f, d))
		diff |= BLIT_DIFF_OWNER;
	/* content first: where it is to be written anew, its attributes are too */
	if (!(diff & (BLIT_DIFF_SIZE | BLIT_DIFF_TARGET)) && attrs_differ(e, s, dfd, dname))
		diff |= BLIT_DIFF_XATTR;
	return diff;
}

struct lister {
	struct worker *w;
	struct task *t;
	struct blit_result *r;
	struct list_state *s;
	struct batch_builder b;
	int sfd, dfd;
	const char *source_name, *destination_name; /* with NAMED, both plain */
	uint32_t unchanged, stale;
	uint64_t unchanged_bytes;
	bool renamed; /* entries of the destination got other names */
	bool hidden;  /* NAMED: what stands at the destination's name is another entry to its directory */
};

static void row_error(struct row *row, int error)
{
	row->diff = BLIT_DIFF_ERROR;
	row->known = 1;
	row->facts = (struct facts){ .size = error, .mode = BLIT_STEP_LIST_SRC };
}

/* The part of a file that the source has is no extra, and of no use any more where the file is `whole`. */
static void meet_part(struct lister *l, const char *dname, bool whole)
{
	char name[PART_NAME_LEN + 1];
	part_name(dname, name);
	struct name_slot *slot = set_find(&l->s->dst, name, PART_NAME_LEN);
	if (slot)
		slot->seen = true;
	if (whole && !(l->w->e->config.flags & BLIT_CFG_READ_ONLY) && part_forget(l->t->d, l->dfd, dname))
		l->stale++;
}

/* Adds a row for an entry of the source. `known`: its side is filled in. dkind: what stands at dname (0: nothing). */
static int add_row(struct lister *l, struct source_side *s, bool known, const char *name, uint32_t len, uint8_t kind,
	const char *dname, uint8_t dkind, struct row **out)
{
	struct facts d;
	uint16_t diff = 0;
	bool kept = kind != BLIT_KIND_DIR && temp_keeps_name(dname, strlen(dname)) && !(l->w->e->config.flags & BLIT_CFG_DISCARD);
	bool compared = !kept && known && dkind && kind != BLIT_KIND_DIR && dkind != BLIT_KIND_DIR;
	*out = NULL;
	if (compared) {
		if (os_facts_at(l->dfd, dname, &d) == 0 && (meta_withhold(l->w->e, &d), true))
			diff = compare(l->w->e, l->t->d, s, l->dfd, dname, &d);
		else
			dkind = 0;
		if (dkind && l->hidden)
			diff |= BLIT_DIFF_FOLDED;
	}
	bool equal = compared && dkind && !diff;
	if (l->t->d->parts && kind != BLIT_KIND_DIR)
		meet_part(l, dname, equal && S_ISREG(s->f.mode));
	if (equal && !(l->t->t.flags & BLIT_ALL)) {
		l->unchanged++;
		l->unchanged_bytes += S_ISREG(s->f.mode) ? s->f.size : 0;
		return 0;
	}
	struct row *row;
	if (builder_add(&l->b, name, len, &row))
		return -ENOMEM;
	row->kind = kind;
	row->dst_kind = dkind;
	row->diff = dkind && dkind != kind ? BLIT_DIFF_KIND | (diff & BLIT_DIFF_FOLDED) : diff;
	row->group = kind == BLIT_KIND_DIR ? 1 : 0;
	row->known = known;
	if (known) {
		row->facts = s->f;
		row->target = s->target;
		row->attrs = s->attrs;
		if (diff & BLIT_DIFF_DST_LINKED) { /* the source's one name needs no inode; whether the destination's are one does */
			row->facts.ino = d.ino;
			row->facts.dev = d.dev;
		} else if (diff & BLIT_DIFF_LINKED && S_ISREG(s->f.mode) && d.nlink > 1) {
			row->target = d.ino;
			row->attrs = d.dev;
		}
	}
	if (kept)
		row_error(row, BLIT_E_KEPT_NAME);
	*out = row;
	return 0;
}

/* One source name. dname is its name in the destination, dkind what stands there (0: nothing). */
static int add_source(struct lister *l, const char *name, uint32_t len, uint8_t kind, const char *dname, uint8_t dkind)
{
	struct source_side s = { .fd = l->sfd, .name = name };
	struct row *row;
	int err = 0;
	bool stat = kind == BLIT_KIND_NONE || (l->t->t.flags & BLIT_STAT) ||
		(dkind && kind != BLIT_KIND_DIR && dkind != BLIT_KIND_DIR);
	if (len >= NAME_CAP)
		return -ENAMETOOLONG;
	if (stat && !(err = os_facts_at(l->sfd, name, &s.f)))
		kind = kind_of_mode(s.f.mode);
	if (err == -ENOENT && kind == BLIT_KIND_NONE)
		return 0;
	if (stat && !err && l->t->t.flags & BLIT_DIGEST && kind != BLIT_KIND_DIR) {
		s.target = target_of(l->sfd, name, &s.f);
		s.attrs = meta_xattr_digest(l->w->e, l->sfd, name, l->t->t.flags & BLIT_PLAIN);
	}
	int added = add_row(l, &s, stat && !err, name, len, kind, dname, dkind, &row);
	if (row && err)
		row_error(row, -err);
	if (row)
		l->b.any_stat |= row->known;
	return added;
}

/* One entry of a batch of the source from another machine; dname and dkind as above. */
static int add_remote_entry(struct lister *l, uint32_t i, const char *name, const char *dname, uint8_t dkind)
{
	const struct blit_batch *b = (void *)(uintptr_t)l->t->t.handle;
	struct source_side s = { .fd = -1 };
	struct row *row;
	uint8_t kind = batch_kind(b, i);
	if (l->w->e->config.flags & BLIT_CFG_WITHHOLD && (kind == BLIT_KIND_CHAR || kind == BLIT_KIND_BLOCK)) {
		l->r->lost |= BLIT_LOST_NODES;
		return 0;
	}
	bool known = batch_facts(b, i, &s.f, &s.target, &s.attrs);
	uint32_t withheld = known ? meta_withhold(l->w->e, &s.f) : 0;
	int err = add_row(l, &s, known, name, strlen(name), kind, dname, dkind, &row);
	if (err || !row)
		return err;
	l->r->lost |= withheld;
	row->origin = i;
	if (!known && b->has_stat)
		row_error(row, batch_error(b, i));
	l->b.any_stat = true;
	return 0;
}

static int add_remote(struct lister *l)
{
	const struct blit_batch *b = (void *)(uintptr_t)l->t->t.handle;
	bool named = l->t->t.flags & BLIT_NAMED;
	l->s->source_done = l->t->t.flags & BLIT_LAST;
	l->r->step = BLIT_STEP_LIST_SRC;
	if (named && (!b || b->count != 1 || b->dirs || !l->s->source_done))
		return -BLIT_E_PROTOCOL;
	for (uint32_t i = 0; b && i < b->others + b->dirs; i++) {
		char name[NAME_CAP], same[NAME_CAP];
		int err = batch_names(b, i, name, same);
		if (err)
			return err;
		if (named && strcmp(name, l->source_name) != 0)
			return -BLIT_E_PROTOCOL;
		uint32_t len = strlen(name);
		const char *dname = named ? l->destination_name : name;
		struct name_slot *slot = set_find(&l->s->dst, name, len);
		uint8_t dkind = slot ? slot->kind : named && l->dfd >= 0 ? kind_at(l->dfd, dname) : BLIT_KIND_NONE;
		if (slot)
			slot->seen = true;
		l->hidden = named && dkind && fold_hides(l->dfd, dname);
		if ((err = add_remote_entry(l, i, name, dname, dkind)))
			return err;
	}
	return 0;
}

static int read_source(struct lister *l)
{
	struct list_state *s = l->s;
	uint32_t handled = 0;
	while (handled < NAMES_PER_CALL) {
		if (s->at >= s->have) {
			s->at = 0;
			s->have = os_read_dir(l->sfd, s->buffer, DIR_BUFFER);
			worker_tick(l->w);
			if (s->have <= 0) {
				s->source_done = true;
				return s->have;
			}
		}
		const char *name;
		uint32_t len;
		uint8_t kind;
		s->at += os_dir_record(s->buffer + s->at, &name, &len, &kind);
		if (is_dots(name))
			continue;
		struct name_slot *slot = set_find(&s->dst, name, len);
		if (slot)
			slot->seen = true;
		int err = add_source(l, name, len, kind, name, slot ? slot->kind : 0);
		if (err)
			return err;
		handled++;
	}
	return 0;
}

static void remove_stale(struct lister *l, const char *name, uint32_t len)
{
	if (temp_is_name(name, len) && temp_remove_stale(l->dfd, name) == 1)
		l->stale++;
	l->t->d->parts |= part_is_name(name, len);
}

/* --- entries that the destination has under another name that it takes for the same --- */

static struct fold_name *unseen_names(struct name_set *set, char **text, uint32_t *n)
{
	struct fold_name *names = calloc(set->count, sizeof *names);
	char *out = *text = malloc(set->names_len + set->count);
	*n = 0;
	for (uint32_t i = 0; names && out && set->slots && i <= set->mask; i++) {
		const struct name_slot *slot = &set->slots[i];
		if (!slot->at || slot->seen || temp_keeps_name(set->names + slot->at - 1, slot->len))
			continue;
		names[(*n)++] = (struct fold_name){ .name = out, .at = i };
		memcpy(out, set->names + slot->at - 1, slot->len);
		out[slot->len] = 0;
		out += slot->len + 1;
	}
	return out ? names : NULL;
}

static struct fold_name *new_names(const struct batch_builder *b, char **text, uint32_t *n)
{
	struct fold_name *names = calloc(b->count, sizeof *names);
	char *out = *text = malloc(b->names_len + b->count);
	*n = 0;
	for (uint32_t i = b->count; names && out && i-- > 0;) { /* from the end: rows are taken out one by one */
		const struct row *row = &b->rows[i];
		if (row->dst_kind)
			continue;
		names[(*n)++] = (struct fold_name){ .name = out, .at = i };
		memcpy(out, b->names + row->name_at, row->name_len);
		out[row->name_len] = 0;
		out += row->name_len + 1;
	}
	return out ? names : NULL;
}

/* The row becomes that of an entry which both sides have. */
static int join_row(struct lister *l, const struct fold_name *name, struct name_slot *slot)
{
	struct row row = l->b.rows[name->at];
	l->b.rows[name->at] = l->b.rows[--l->b.count];
	slot->seen = true;
	if (l->t->t.flags & BLIT_REMOTE)
		return add_remote_entry(l, row.origin, name->name, name->name, slot->kind);
	return add_source(l, name->name, row.name_len, row.kind, name->name, slot->kind);
}

/* Whether the directory takes names for one by case: some listed name can be looked up in other letters, and is not listed so. */
static bool folds(struct lister *l)
{
	struct name_set *set = &l->s->dst;
	for (uint32_t i = 0; l->s->folds == FOLDS_UNKNOWN && i <= set->mask; i++) {
		const struct name_slot *slot = &set->slots[i];
		char name[NAME_CAP] = { 0 };
		bool letters = false;
		if (!slot->at)
			continue;
		memcpy(name, set->names + slot->at - 1, slot->len);
		for (uint32_t k = 0; k < slot->len; k++) {
			bool letter = (name[k] >= 'a' && name[k] <= 'z') || (name[k] >= 'A' && name[k] <= 'Z');
			letters |= letter;
			name[k] ^= letter ? 0x20 : 0;
		}
		struct facts f;
		if (letters && !set_find(set, name, slot->len))
			l->s->folds = os_facts_at(l->dfd, name, &f) == 0 ? FOLDS : FOLDS_NOT;
	}
	return l->s->folds == FOLDS;
}

/* An entry that the source knows by another name since: it is no extra, and gets the source's name where that is possible. Where this
 * is not the `whole` source, it only stays; the entry that would take its place then fails. */
static int join_folded(struct lister *l, bool whole)
{
	struct name_set *set = &l->s->dst;
	char *there_text = NULL, *missing_text = NULL;
	uint32_t n = 0, m = 0;
	for (uint32_t i = 0; i < l->b.count && !n; i++)
		n = !l->b.rows[i].dst_kind;
	if (!set->count || !n || (!whole && !folds(l)))
		return 0;
	struct fold_name *missing = new_names(&l->b, &missing_text, &n);
	struct fold_name *there = unseen_names(set, &there_text, &m);
	int err = missing && there ? 0 : -ENOMEM;
	if (!err && m)
		err = fold_match(l->dfd, missing, n, there, m);
	for (uint32_t i = 0; err > 0 && i < n; i++) {
		struct name_slot *slot = missing[i].match == UINT32_MAX ? NULL : &set->slots[there[missing[i].match].at];
		if (!slot || slot->seen)
			continue;
		if (!whole) { /* what the rest of the source has nobody knows: it may have this very name */
			slot->seen = true;
			continue;
		}
		if (!(l->w->e->config.flags & BLIT_CFG_READ_ONLY))
			l->renamed |= fold_rename(l->w->e, l->dfd, there[missing[i].match].name, missing[i].name);
		int failed = join_row(l, &missing[i], slot);
		err = failed ? failed : err;
	}
	free(missing);
	free(missing_text);
	free(there);
	free(there_text);
	return err < 0 ? err : 0;
}

/* Temporary files of dead runs go at once: they are ours, not the user's. Those of living ones are left to them. */
static bool is_ours(struct lister *l, const struct name_slot *slot)
{
	char name[PART_NAME_LEN + 1] = { 0 };
	const char *listed = l->s->dst.names + slot->at - 1;
	if (slot->kind == BLIT_KIND_DIR || !temp_keeps_name(listed, slot->len))
		return false;
	memcpy(name, listed, slot->len);
	bool useful = l->w->e->config.flags & BLIT_CFG_RESUME && l->t->t.flags & (BLIT_SRC | BLIT_REMOTE);
	if (part_is_name(name, slot->len)) /* its file may come back to the source, but not to a directory that goes */
		return useful || !part_is_extra(l->dfd, name);
	if (!(l->w->e->config.flags & BLIT_CFG_READ_ONLY))
		remove_stale(l, name, slot->len);
	return true;
}

/* What only the destination has. */
static int add_extras(struct lister *l)
{
	struct name_set *set = &l->s->dst;
	for (uint32_t handled = 0; set->slots && l->s->extra_at <= set->mask && handled < NAMES_PER_CALL; l->s->extra_at++) {
		struct name_slot *slot = &set->slots[l->s->extra_at];
		struct row *row;
		if (!slot->at || slot->seen)
			continue;
		const char *name = set->names + slot->at - 1;
		handled++;
		if (is_ours(l, slot) || l->t->d->keeps)
			continue;
		if (builder_add(&l->b, name, slot->len, &row))
			return -ENOMEM;
		row->kind = slot->kind;
		row->dst_kind = slot->kind;
		row->group = 2;
	}
	return 0;
}

/* --- one named entry --- */

static int remove_stale_beside(struct lister *l)
{
	ssize_t n;
	while ((n = os_read_dir(l->dfd, l->s->buffer, DIR_BUFFER)) > 0)
		for (ssize_t at = 0; at < n;) {
			const char *name;
			uint32_t len;
			uint8_t kind;
			at += os_dir_record(l->s->buffer + at, &name, &len, &kind);
			remove_stale(l, name, len);
		}
	return n;
}

static int list_named(struct lister *l)
{
	const char *name = l->source_name, *dname = l->destination_name;
	struct facts s, d;
	l->r->step = BLIT_STEP_LIST_SRC;
	int err = os_facts_at(l->sfd, name, &s);
	if (!err && S_ISDIR(s.mode))
		err = -BLIT_E_CHANGED; /* it was none when it was asked for */
	if (err)
		return err;
	uint8_t dkind = l->dfd >= 0 && os_facts_at(l->dfd, dname, &d) == 0 ? kind_of_mode(d.mode) : 0;
	l->hidden = dkind && fold_hides(l->dfd, dname);
	if (l->dfd >= 0 && !(l->w->e->config.flags & BLIT_CFG_READ_ONLY))
		remove_stale_beside(l);
	err = add_source(l, name, strlen(name), kind_of_mode(s.mode), dname, dkind);
	l->s->source_done = true;
	return err;
}

/* Appends the destination name behind the only source name. */
static void add_rename(struct lister *l, struct blit_batch *b)
{
	if (l->destination_name == l->source_name || b->count != 1)
		return;
	b->renamed = strlen(l->source_name);
	b->renamed_len = strlen(l->destination_name);
}

static int finish(struct lister *l, bool more)
{
	uint32_t names = l->b.names_len;
	if (l->b.count == 1 && l->destination_name != l->source_name) {
		struct row *extra;
		if (builder_add(&l->b, l->destination_name, strlen(l->destination_name), &extra))
			return -ENOMEM;
		l->b.rows[0].name_len += extra->name_len; /* one blob; the row's own end is put right below */
		l->b.count--;
	}
	if (l->b.count || l->unchanged || l->stale || l->r->flags) {
		struct blit_batch *b = builder_finish(&l->b, l->t->t.dir);
		if (!b)
			return -ENOMEM;
		b->unchanged = l->unchanged;
		b->unchanged_bytes = l->unchanged_bytes;
		b->stale = l->stale;
		b->dir_diff = l->r->flags;
		if (l->t->t.flags & BLIT_NAMED) {
			add_rename(l, b);
			if (b->renamed)
				((uint32_t *)(b + 1))[0] = names;
		}
		l->r->batch = (uintptr_t)b;
		l->r->batch_len = b->length;
	}
	l->r->flags = more ? BLIT_MORE : 0;
	l->r->step = 0;
	return 0;
}

static uint16_t compare_dir(struct lister *l)
{
	struct facts s = l->t->d->source, d;
	struct origin from = { .fd = l->sfd, .packed = l->t->d->attrs, .packed_len = l->t->d->attrs_len,
		.packed_err = l->t->d->attrs_err };
	/* What cannot be looked at counts as different: whoever settles the directory says why it cannot be done. */
	if ((!from.packed && os_facts_fd(l->sfd, &s)) || os_facts_fd(l->dfd, &d))
		return BLIT_DIFF_MTIME;
	if (l->t->d->found_mode) /* as it was before we made it writable for ourselves */
		d.mode = l->t->d->found_mode;
	meta_withhold(l->w->e, &d);
	uint16_t diff = 0;
	if (meta_mtime_differs(l->w->e, l->t->d, &s, &d))
		diff |= BLIT_DIFF_MTIME;
	if (meta_mode_differs(l->w->e, l->t->d, &s, &d))
		diff |= BLIT_DIFF_MODE;
	if (meta_owner_differs(l->w->e, l->t->d, &s, &d))
		diff |= BLIT_DIFF_OWNER;
	if (meta_xattr_same(l->w->e, &from, l->dfd, NULL) != 1)
		diff |= BLIT_DIFF_XATTR;
	return diff;
}

/* What the directory is to be comes with its first batch. */
static int take_record(const struct engine *e, struct dir *d, const struct task *t, struct blit_result *result)
{
	const struct blit_record *r = wire_record(t->payload, t->t.payload_len);
	if (!r || r->code || !S_ISDIR(r->mode))
		return -BLIT_E_PROTOCOL;
	result->lost |= wire_record_facts(e, r, &d->source);
	free(d->attrs);
	if (!(d->attrs = malloc(r->attrs_len + 1)))
		return -ENOMEM;
	d->attrs_len = r->attrs_len;
	d->attrs_err = r->value;
	memcpy(d->attrs, wire_record_parts(r).attrs, r->attrs_len);
	return 0;
}

static int begin(struct lister *l)
{
	uint32_t flags = l->t->t.flags;
	int err = 0;
	if (flags & BLIT_SRC && (err = open_source(l->w->e, l->t, l->r)))
		return err;
	if (flags & BLIT_LEFT_OUT)
		l->t->d->left_out = true;
	if (flags & BLIT_REMOTE && !(flags & BLIT_NAMED) && (err = take_record(l->w->e, l->t->d, l->t, l->r))) {
		l->r->step = BLIT_STEP_LIST_SRC;
		return err;
	}
	if (flags & (BLIT_DST | BLIT_MKDIR) && (err = open_destination(l->w, l->t, l->r)))
		return err;
	struct list_state *s = calloc(1, sizeof *s);
	if (!s || !(s->buffer = malloc(DIR_BUFFER))) {
		free(s);
		return -ENOMEM;
	}
	s->source_done = l->t->d->left_out || !(flags & (BLIT_SRC | BLIT_REMOTE));
	l->t->d->listing = s;
	return 0;
}

/* --- directories that ask no decision --- */

/* Nothing was there before: no decision to wait for. */
static void take_entries(struct worker *w, struct task *t, const struct blit_batch *b, struct blit_result *r)
{
	if (b->others > 0 && b->others <= TAKE_ENTRIES)
		r->taken = apply_run(w, t, b, 0, b->others, TAKE_BYTES);
}

/* Whether all that is in the directory is as it should be, and nothing below it is left to do. */
static bool is_done(const struct engine *e, const struct task *t, const struct blit_batch *b, const struct blit_result *r)
{
	if (b && (b->dirs || b->extras || b->stale || b->dir_diff || r->taken < b->others || t->details_len))
		return false;
	/* An older one has a mode to be given back where we had to widen it, and of what is in it nobody knows whether it is on disk. */
	return t->d->made || ((t->d->found_mode & 0700) == 0700 && !(e->config.flags & BLIT_CFG_FSYNC));
}

/* The directory is forgotten if this succeeds; if not, its settling is left to be asked for, and to fail, by itself. */
static void close_dir(struct worker *w, struct task *t, struct blit_result *r)
{
	struct blit_batch *b = (void *)(uintptr_t)r->batch;
	struct blit_result settled = { 0 };
	if (!is_done(w->e, t, b, r) || engine_stopped(w->e))
		return;
	if (t->t.flags & BLIT_MKDIR && settle_metadata(w->e, t->d, true, &settled) != 0)
		return;
	r->lost |= settled.lost;
	if (b) {
		r->unchanged = b->unchanged;
		r->unchanged_bytes = b->unchanged_bytes;
		free(b);
		r->batch = r->batch_len = 0;
	}
	r->flags |= BLIT_CLOSE;
	dir_drop(w->e, t->d);
}

int list_run(struct worker *w, struct task *t, struct blit_result *r)
{
	struct engine *e = w->e;
	struct lister l = { .w = w, .t = t, .r = r, .sfd = -1, .dfd = -1 };
	uint32_t flags = t->t.flags;
	bool first = !(flags & BLIT_MORE), on_dst = flags & (BLIT_DST | BLIT_MKDIR), pinned[SIDES] = { false };
	if (flags & BLIT_NAMED && !names_of_payload(t->payload, t->t.payload_len, &l.source_name, &l.destination_name))
		return -EINVAL;
	int err = first ? begin(&l) : 0;
	if (err)
		return err;
	if (!(l.s = t->d->listing))
		return -EINVAL;
	if (flags & BLIT_SRC) {
		l.sfd = dir_pin(e, t->d, SRC);
		pinned[SRC] = l.sfd >= 0;
		r->step = BLIT_STEP_LIST_SRC;
		err = l.sfd < 0 ? l.sfd : 0;
	}
	if (!err && on_dst) {
		l.dfd = dir_pin(e, t->d, DST);
		pinned[DST] = l.dfd >= 0;
		r->step = BLIT_STEP_LIST_DST;
		err = l.dfd < 0 ? l.dfd : 0;
	}
	if (!err && flags & BLIT_NAMED && !(flags & BLIT_REMOTE)) {
		err = list_named(&l);
	} else if (!err) {
		r->step = BLIT_STEP_LIST_DST;
		/* freshly made: nothing can be in it, so there is nothing to read */
		if (first && flags & BLIT_DST && !(flags & (BLIT_MKDIR | BLIT_NAMED)) && !t->d->left_out)
			err = read_names(w, t->d, l.dfd, l.s);
		else if (first && flags & BLIT_NAMED && l.dfd >= 0 && !(e->config.flags & BLIT_CFG_READ_ONLY))
			remove_stale_beside(&l);
		if (!err && first && flags & BLIT_DST && (flags & BLIT_SRC || t->d->attrs))
			r->flags = compare_dir(&l);
		if (!err && !l.s->source_done) {
			r->step = BLIT_STEP_LIST_SRC;
			err = flags & BLIT_REMOTE ? add_remote(&l) : read_source(&l);
		}
		if (!err && flags & BLIT_DST && !(flags & BLIT_NAMED))
			err = join_folded(&l, first && l.s->source_done);
		if (!err && l.s->source_done) {
			r->step = BLIT_STEP_LIST_DST;
			err = add_extras(&l);
		}
	}
	uint32_t crossing = (t->d->left_out ? BLIT_LEFT_OUT : 0) | (t->d->kernel ? BLIT_KERNEL : 0); /* it may be forgotten below */
	bool more = !err && (!l.s->source_done || (l.s->dst.slots && l.s->extra_at <= l.s->dst.mask));
	if (!err)
		err = finish(&l, more);
	builder_free(&l.b);
	if (!more) {
		list_state_free(l.s);
		t->d->listing = NULL;
	}
	/* Between calls the pins stay: a directory that is opened anew would be read from its beginning again. */
	for (int side = SRC; side <= DST; side++) {
		if (pinned[side] && !(first && more))
			dir_unpin(e, t->d);
		if (pinned[side] && !first && !more)
			dir_unpin(e, t->d);
	}
	if (!err && first && flags & BLIT_DIGEST) {
		r->handle = (uintptr_t)record_of(e, l.sfd, &t->d->source, 0);
		err = r->handle ? 0 : -ENOMEM;
	}
	if (!err && !more && first && flags & (BLIT_SRC | BLIT_REMOTE)) {
		if (r->batch && flags & BLIT_TAKE && flags & BLIT_MKDIR)
			take_entries(w, t, (void *)(uintptr_t)r->batch, r);
		if (flags & BLIT_CLOSE && t->d->parent && !l.renamed)
			close_dir(w, t, r);
	}
	if (!err && first)
		r->flags |= crossing;
	return err;
}
