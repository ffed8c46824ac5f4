/*
 * Paths that a client of the daemon names: resolved beneath a root that the owner of the daemon chose.
 *
 * Each component is opened relative to the descriptor of the one above it and is never followed if it is a symlink; ".", ".." and
 * empty components are refused. So neither what a client says nor what is swapped in meanwhile leads outside, and no path is too
 * long for the kernel. The root itself is opened anew each time: a disk that is mounted there later is seen.
 */
#include "engine.h"

#ifndef O_PATH
#define O_PATH O_RDONLY
#endif

#define NAME_MAX_BYTES 255

int beneath_child(int at, const char *name, int flags)
{
	struct facts f;
	int fd = openat(at, name, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	int err = errno;
	if (err == ENOTDIR && os_facts_at(at, name, &f) == 0 && S_ISLNK(f.mode))
		err = ELOOP;
	return -err;
}

/* Opens the directory that holds the last component, which is left in `name`; for the root itself `name` is empty. */
static int open_holder(const char *root, const char *path, char name[NAME_MAX_BYTES + 1])
{
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), err = fd < 0 ? -errno : 0;
	name[0] = 0;
	while (!err && *path) {
		size_t len = strcspn(path, "/");
		if (len > NAME_MAX_BYTES) {
			err = -ENAMETOOLONG;
			break;
		}
		memcpy(name, path, len);
		name[len] = 0;
		path += len;
		if (!name_is_plain(name, len) || (path[0] == '/' && !path[1])) {
			err = -EINVAL;
			break;
		}
		if (!*path)
			break;
		path++;
		int next = beneath_child(fd, name, O_PATH);
		if (next < 0) {
			err = next;
			break;
		}
		close(fd);
		fd = next;
	}
	if (err && fd >= 0)
		close(fd);
	return err ? err : fd;
}

int64_t blit_beneath_open(const char *root, const char *path)
{
	char name[NAME_MAX_BYTES + 1];
	int holder = open_holder(root, path, name);
	if (holder < 0)
		return holder;
	int fd = beneath_child(holder, name[0] ? name : ".", O_RDONLY);
	close(holder);
	return fd;
}

int64_t blit_beneath_make(const char *root, const char *path, int64_t sync, uint32_t *made)
{
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*made = 0;
	if (fd < 0)
		return -errno;
	while (*path) {
		char name[NAME_MAX_BYTES + 1];
		size_t len = strcspn(path, "/");
		int err = len > NAME_MAX_BYTES ? -ENAMETOOLONG : 0, next = -1;
		if (!err) {
			memcpy(name, path, len);
			name[len] = 0;
			err = name_is_plain(name, len) ? 0 : -EINVAL;
		}
		if (!err) {
			next = beneath_child(fd, name, O_RDONLY);
			if (next == -ENOENT) {
				if (mkdirat(fd, name, 0777 & ~umask_asked()) == 0)
					++*made, err = sync ? os_sync(fd) : 0;
				else if (errno != EEXIST)
					err = -errno;
				next = err ? err : beneath_child(fd, name, O_RDONLY);
			}
			err = next < 0 ? next : 0;
		}
		close(fd);
		if (err)
			return err;
		fd = next;
		path += len;
		path += *path == '/';
	}
	return fd;
}

static size_t padded(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

/* Packs one entry. Its bytes, 0 when there is no room. An entry that cannot be looked at carries the errno. */
static size_t pack(int dir, const char *name, const struct facts *f, int err, uint8_t kind, char *out, size_t cap)
{
	size_t len = strlen(name), target = 0;
	struct blit_listed *e = (void *)out;
	char link[4096];
	if (!err && f && S_ISLNK(f->mode)) {
		ssize_t n = readlinkat(dir, name, link, sizeof link);
		target = n < 0 ? 0 : n;
	}
	size_t total = padded(sizeof *e + len + target);
	if (total > cap)
		return 0;
	*e = (struct blit_listed){ .name_len = len, .target_len = target, .kind = kind, .error = -err };
	if (f && !err) {
		e->size = f->size;
		e->allocated = f->blocks * 512;
		e->ino = f->ino;
		e->dev = f->dev;
		e->mtime_sec = f->mtime.tv_sec;
		e->mtime_nsec = f->mtime.tv_nsec;
		e->mode = f->mode & 07777;
		e->uid = f->uid;
		e->gid = f->gid;
		e->nlink = f->nlink;
		e->kind = kind_of_mode(f->mode);
	}
	memcpy(e + 1, name, len);
	memcpy((char *)(e + 1) + len, link, target);
	return total;
}

int64_t blit_beneath_facts(const char *root, const char *path, void *out, uint64_t cap)
{
	char name[NAME_MAX_BYTES + 1];
	struct facts f;
	int holder = open_holder(root, path, name);
	if (holder < 0)
		return holder;
	int err = name[0] ? os_facts_at(holder, name, &f) : os_facts_fd(holder, &f);
	int64_t n = err ? err : (int64_t)pack(holder, name, &f, 0, 0, out, cap);
	close(holder);
	return n == 0 ? -ENOBUFS : n;
}

size_t beneath_pack(int dir, const char *name, uint8_t kind, bool names_only, char *out, size_t cap)
{
	struct facts f;
	if (names_only && kind != BLIT_KIND_NONE)
		return pack(dir, name, NULL, 0, kind, out, cap);
	int err = os_facts_at(dir, name, &f);
	return pack(dir, name, &f, err, kind, out, cap);
}

int64_t beneath_remove_in(int dir, const char *names, uint64_t count, bool directories, int32_t *errors)
{
	int64_t removed = 0;
	for (uint64_t i = 0; i < count; i++, names += strlen(names) + 1) {
		if (!name_is_plain(names, strlen(names)))
			errors[i] = EINVAL;
		else
			errors[i] = unlinkat(dir, names, directories ? AT_REMOVEDIR : 0) < 0 ? errno : 0;
		removed += errors[i] == 0;
	}
	return removed;
}

int64_t blit_beneath_remove(const char *root, const char *path, const char *names, uint64_t count, int64_t directories, int32_t *errors)
{
	int fd = blit_beneath_open(root, path);
	if (fd < 0)
		return fd;
	int64_t removed = beneath_remove_in(fd, names, count, directories, errors);
	close(fd);
	return removed;
}

int64_t blit_beneath_space(const char *root, const char *path, struct blit_space *out)
{
	char name[NAME_MAX_BYTES + 1];
	struct facts f;
	int fd = open_holder(root, path, name), err = 0;
	if (fd < 0)
		return fd;
	if (name[0]) {
		int inside = beneath_child(fd, name, O_PATH); /* it may be a mount point */
		if (inside >= 0) {
			close(fd);
			fd = inside;
		} else {
			err = os_facts_at(fd, name, &f);
		}
	}
	if (!err)
		err = os_space(fd, out);
	close(fd);
	return err;
}
