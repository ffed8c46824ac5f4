/*
 * The backup tree: what a run replaces or deletes in the destination stays here, under the path that it had there.
 *
 * Nothing in it is ever overwritten. Where a name is taken, NAME.~1~ is tried, then NAME.~2~ and so on, so that the highest number
 * is the latest. A directory joins one of its name that is there; where something else has the name, it gets a number, too.
 * An entry is moved or linked; where that cannot be, it is copied under a temporary name first. So at any moment the old one is
 * whole in the destination, or whole in the backup tree.
 */
#include "engine.h"

#define NAME_BYTES_MAX 255 /* of a name that is made here */
#define READ_ROOM (64u << 10)

/* An inode of the destination with several names of which one was copied: the others become links of the copy. */
struct copied {
	struct copied *next;
	struct facts of;   /* in the destination */
	uint64_t copy;     /* inode of the copy */
	uint32_t left;     /* names that have not come yet: after the last another file may get the inode */
	char path[];       /* of the copy, relative to the backup tree's root */
};

void backup_name(const char *name, uint32_t number, char out[NAME_CAP])
{
	char suffix[16] = "";
	size_t len = strlen(name);
	if (number) {
		size_t room = NAME_BYTES_MAX - snprintf(suffix, sizeof suffix, ".~%u~", number);
		for (len = len < room ? len : room; len > 1 && name[len] && (name[len] & 0xc0) == 0x80;)
			len--; /* not within a character */
	}
	memcpy(out, name, len);
	strcpy(out + len, suffix);
}

int backup_open_dir(struct dir *d, int up)
{
	char name[NAME_CAP];
	struct facts f;
	for (;; d->backup_number++) {
		backup_name(d->name, d->backup_number, name);
		bool made = mkdirat(up, name, 0700) == 0;
		if (!made && errno != EEXIST)
			return -errno;
		int fd = os_open_source(up, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
		if (fd == -ENOTDIR || fd == -ELOOP)
			continue;
		if (!made && d->backup_number && !d->backup_made) {
			close(fd); /* of another directory, or of an earlier run */
			continue;
		}
		if (made && fd >= 0 && d->fd[DST] >= 0 && os_facts_fd(d->fd[DST], &f) == 0)
			fchmod(fd, f.mode & 07777); /* the backup shall be as private as what it keeps */
		d->backup_made |= made;
		return fd;
	}
}

int backup_settle(struct engine *e, struct dir *d)
{
	int bdir = dir_pin(e, d, BACKUP);
	if (bdir < 0)
		return bdir;
	int ddir = d->backup_made ? dir_pin(e, d, DST) : -1, err = d->backup_made && ddir < 0 ? ddir : 0;
	if (ddir >= 0) {
		struct dir into = { .ground = &e->backup_ground };
		err = -meta_apply_fd(e, &into, &(struct origin){ .fd = ddir }, bdir, &d->found, 0700, true).err;
		dir_unpin(e, d);
	}
	if (!err && e->config.flags & BLIT_CFG_FSYNC)
		err = os_sync(bdir);
	dir_unpin(e, d);
	return err;
}

/* --- names that are free --- */

/* -EEXIST where something has the name. */
static int move_free(int from, const char *name, int to, const char *as)
{
	struct facts f;
	int err = os_rename_free(from, name, to, as);
	if (err != -EINVAL && err != -ENOSYS && !is_unsupported(-err))
		return err;
	/* A file system without such a rename: a link does not take the place of anything either. */
	if (linkat(from, name, to, as, 0) == 0)
		return unlinkat(from, name, 0) < 0 ? -errno : 0;
	if (errno == EEXIST || os_facts_at(to, as, &f) == 0)
		return -EEXIST;
	return renameat(from, name, to, as) < 0 ? -errno : 0;
}

static int link_free(int from, const char *name, int to, const char *as)
{
	return linkat(from, name, to, as, 0) < 0 ? -errno : 0;
}

/* Gives it its own name, or the first with a number that is free; `as` says which. */
static int keep_as(int (*keep)(int, const char *, int, const char *), int from, const char *it, int to, const char *name,
	char as[NAME_CAP])
{
	int err = -EEXIST;
	for (uint32_t number = 0; err == -EEXIST; number++) {
		backup_name(name, number, as);
		err = keep(from, it, to, as);
	}
	return err;
}

/* --- copies: the backup tree is on another file system, or on one without links --- */

/* Under its temporary name. */
static struct outcome copy_as(struct worker *w, int ddir, const char *name, int bdir, const char *temp, const struct facts *f)
{
	struct dir into = { .inherits = true, .ground = &w->e->backup_ground }; /* nobody has looked what is created in it gets */
	struct facts now = *f;
	char target[4097] = "";
	if (S_ISREG(f->mode))
		return copy_file(w, ddir, name, &into, bdir, temp, false, TAKE_ANY, &now);
	ssize_t n = S_ISLNK(f->mode) ? readlinkat(ddir, name, target, sizeof target - 1) : 0;
	if (n < 0)
		return (struct outcome){ .err = errno };
	target[n] = 0;
	return store_special(w, &into, bdir, temp, false, f, target, &(struct origin){ .fd = ddir, .name = name });
}

static char *path_in_backup(const struct dir *d, const char *name)
{
	char part[NAME_CAP];
	size_t len = strlen(name) + 1;
	for (const struct dir *x = d; x->parent; x = x->parent) {
		backup_name(x->name, x->backup_number, part);
		len += strlen(part) + 1;
	}
	char *path = malloc(len), *at = path ? path + len - strlen(name) - 1 : NULL;
	if (!path)
		return NULL;
	strcpy(at, name);
	for (const struct dir *x = d; x->parent; x = x->parent) {
		backup_name(x->name, x->backup_number, part);
		*--at = '/';
		at -= strlen(part);
		memcpy(at, part, strlen(part));
	}
	return path;
}

static struct copied **bucket(struct engine *e, const struct facts *f)
{
	return &e->backup_copies[(f->ino ^ f->dev) % BACKUP_BUCKETS];
}

static void remember(struct engine *e, struct dir *d, int bdir, const char *as, const struct facts *f)
{
	struct facts copy;
	char *path = os_facts_at(bdir, as, &copy) ? NULL : path_in_backup(d, as);
	struct copied *c = path ? malloc(sizeof *c + strlen(path) + 1) : NULL;
	if (c) {
		*c = (struct copied){ .of = *f, .copy = copy.ino, .left = f->nlink - 1 };
		strcpy(c->path, path);
		c->next = *bucket(e, f);
		*bucket(e, f) = c;
	}
	free(path);
}

static bool is_of(const struct copied *c, const struct facts *f)
{
	return c->of.ino == f->ino && c->of.dev == f->dev && c->of.size == f->size && c->of.mtime.tv_sec == f->mtime.tv_sec &&
		c->of.mtime.tv_nsec == f->mtime.tv_nsec;
}

/* Opens the directory of a path in the backup tree, following no symlink; *name is the last part. Descriptor or -1. */
static int open_holder(struct engine *e, const char *path, const char **name)
{
	int dir = dup(dir_get(e, 0)->fd[BACKUP]);
	for (const char *slash; dir >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
		char part[NAME_CAP] = "";
		memcpy(part, path, slash - path);
		int next = openat(dir, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(dir);
		dir = next;
	}
	*name = path;
	return dir;
}

/* Whether it became a link of the copy of another name of its inode. Under the lock. */
static bool link_to_copy(struct engine *e, int bdir, const char *name, const struct facts *f)
{
	struct copied **at = bucket(e, f), *c;
	const char *copy;
	struct facts now;
	char as[NAME_CAP];
	while (*at && !is_of(*at, f))
		at = &(*at)->next;
	if (!(c = *at))
		return false;
	int dir = open_holder(e, c->path, &copy);
	bool done = dir >= 0 && os_facts_at(dir, copy, &now) == 0 && now.ino == c->copy &&
		keep_as(link_free, dir, copy, bdir, name, as) == 0;
	if (dir >= 0)
		close(dir);
	if (done && --c->left == 0) {
		*at = c->next;
		free(c);
	}
	return done;
}

void backup_copies_free(struct engine *e)
{
	for (uint32_t i = 0; i < BACKUP_BUCKETS; i++)
		for (struct copied *c = e->backup_copies[i]; c;) {
			struct copied *next = c->next;
			free(c);
			c = next;
		}
}

/* What killed runs left of copies. Nobody holds a lock on those: the process id in the name tells. */
static void remove_stale(struct dir *d, int bdir)
{
	char *buffer = d->backup_clean ? NULL : malloc(READ_ROOM);
	int fd = buffer ? openat(bdir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	ssize_t n;
	while (fd >= 0 && (n = os_read_dir(fd, buffer, READ_ROOM)) > 0)
		for (ssize_t at = 0; at < n;) {
			const char *name;
			uint32_t len;
			uint8_t kind;
			at += os_dir_record(buffer + at, &name, &len, &kind);
			if (temp_is_name(name, len) && !temp_owner_lives(name))
				unlinkat(bdir, name, 0);
		}
	if (fd >= 0)
		close(fd);
	free(buffer);
	d->backup_clean = true;
}

static int copy_entry(struct worker *w, struct dir *d, int ddir, int bdir, const char *name, const struct facts *f)
{
	char temp[TEMP_NAME_LEN + 1], as[NAME_CAP];
	remove_stale(d, bdir);
	temp_name(w->e, temp);
	int err = -copy_as(w, ddir, name, bdir, temp, f).err;
	if (err) {
		unlinkat(bdir, temp, 0); /* it may be there but for an attribute */
		return err;
	}
	err = keep_as(move_free, bdir, temp, bdir, name, as);
	if (err)
		unlinkat(bdir, temp, 0);
	else if (f->nlink > 1)
		remember(w->e, d, bdir, as, f);
	return err == -ENOENT ? -EIO : err; /* the copy is gone, not what it is of */
}

/* Names of one inode come one after the other, so that the next finds the first one's copy. */
static int link_or_copy(struct worker *w, struct dir *d, int ddir, int bdir, const char *name)
{
	struct engine *e = w->e;
	struct facts f;
	int err = os_facts_at(ddir, name, &f);
	if (err)
		return err;
	pthread_mutex_lock(&e->backup_lock);
	bool done = link_to_copy(e, bdir, name, &f);
	if (!done && f.nlink > 1) {
		err = copy_entry(w, d, ddir, bdir, name, &f);
		done = true;
	}
	pthread_mutex_unlock(&e->backup_lock);
	return done ? err : copy_entry(w, d, ddir, bdir, name, &f);
}

int backup_entry(struct worker *w, struct dir *d, int ddir, const char *name, bool take)
{
	struct engine *e = w->e;
	char as[NAME_CAP];
	if (!e->have[BACKUP])
		return 0;
	int bdir = dir_pin(e, d, BACKUP);
	if (bdir < 0)
		return bdir;
	int err = keep_as(take ? move_free : link_free, ddir, name, bdir, name, as);
	/* another file system, or one without links; or a file whose links the kernel protects from us */
	if (err == -EXDEV || err == -EPERM || err == -EMLINK || is_unsupported(-err)) {
		err = link_or_copy(w, d, ddir, bdir, name);
		if (!err && take && unlinkat(ddir, name, 0) < 0)
			err = -errno;
	}
	dir_unpin(e, d);
	return err == -ENOENT ? 0 : err;
}
