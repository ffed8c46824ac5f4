/*
 * A tree beneath a root, one directory after the other, at a cost for each that does not grow with its depth.
 *
 * On the way down a directory is opened relative to the one above it. Only the last descriptors stay open; on the way up the others
 * are opened again as "..", which counts only if it is the very directory that was left. Where somebody moved a directory meanwhile,
 * the way is gone over once more from the root. So nothing is listed or removed but in directories that were reached beneath the
 * root, wherever they are by then.
 */
#include "engine.h"

#define READ_BYTES (64u << 10)
/* Levels whose descriptors stay open: nearly every step up ends at one of them. */
#define KEPT 16u

struct level {
	char *name; /* in the level above; of the first one empty */
	uint64_t dev, ino;
	int fd; /* -1: closed */
};

struct blit_walk {
	char *root, *path;
	struct level *levels; /* the last one is where the walk is */
	uint32_t count, cap;
	ssize_t have, at; /* in the buffer */
	char buffer[READ_BYTES];
};

static bool is_level(const struct level *l, int fd)
{
	struct facts f;
	return os_facts_fd(fd, &f) == 0 && f.dev == l->dev && f.ino == l->ino;
}

/* Takes the descriptor over, whatever comes of it. */
static int go_down(struct blit_walk *w, const char *name, int fd)
{
	struct facts f;
	if (fd < 0)
		return fd;
	int err = os_facts_fd(fd, &f);
	if (!err && w->count == w->cap) {
		uint32_t cap = w->cap ? w->cap * 2 : 16;
		struct level *levels = realloc(w->levels, cap * sizeof *levels);
		if (levels)
			w->levels = levels, w->cap = cap;
		else
			err = -ENOMEM;
	}
	char *copy = err ? NULL : strdup(name);
	if (!copy) {
		close(fd);
		return err ? err : -ENOMEM;
	}
	w->levels[w->count++] = (struct level){ .name = copy, .dev = f.dev, .ino = f.ino, .fd = fd };
	struct level *old = w->count > KEPT ? &w->levels[w->count - 1 - KEPT] : NULL;
	if (old && old->fd >= 0) {
		close(old->fd);
		old->fd = -1;
	}
	w->have = w->at = 0;
	return 0;
}

static void pop(struct blit_walk *w)
{
	struct level *top = &w->levels[--w->count];
	if (top->fd >= 0)
		close(top->fd);
	free(top->name);
	w->have = w->at = 0;
}

/* From the root: a descriptor, -ESTALE where another directory stands at that place now, or -errno. */
static int reopen(struct blit_walk *w)
{
	int fd = blit_beneath_open(w->root, w->path);
	for (uint32_t i = 1; i < w->count && fd >= 0; i++) {
		int next = beneath_child(fd, w->levels[i].name, O_RDONLY);
		close(fd);
		fd = next;
	}
	if (fd >= 0 && !is_level(&w->levels[w->count - 1], fd)) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

static int go_up(struct blit_walk *w, uint32_t depth)
{
	if (depth >= w->count)
		return -EINVAL;
	while (w->count - 1 > depth) {
		struct level *top = &w->levels[w->count - 1], *above = top - 1;
		if (above->fd < 0 && top->fd >= 0) {
			int fd = openat(top->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			if (fd >= 0 && !is_level(above, fd)) {
				close(fd);
				fd = -1;
			}
			above->fd = fd;
		}
		pop(w);
	}
	struct level *here = &w->levels[depth];
	if (here->fd < 0) {
		int fd = reopen(w);
		if (fd < 0)
			return fd;
		here->fd = fd;
	}
	return 0;
}

static int begin(const char *root, const char *path, struct blit_walk **out)
{
	struct blit_walk *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	w->root = strdup(root);
	w->path = strdup(path);
	int err = w->root && w->path ? go_down(w, "", blit_beneath_open(root, path)) : -ENOMEM;
	if (err)
		blit_walk_end(w);
	else
		*out = w;
	return err;
}

static int64_t fill(struct blit_walk *w, bool names_only, char *out, uint64_t cap, uint32_t *more)
{
	int fd = w->levels[w->count - 1].fd;
	uint64_t used = 0;
	for (;;) {
		if (w->at >= w->have) {
			w->at = 0;
			w->have = os_read_dir(fd, w->buffer, READ_BYTES);
			if (w->have <= 0) {
				int err = w->have;
				w->have = 0;
				*more = 0;
				return err ? err : (int64_t)used;
			}
		}
		const char *name;
		uint32_t len;
		uint8_t kind;
		size_t step = os_dir_record(w->buffer + w->at, &name, &len, &kind);
		size_t n = name_is_plain(name, len) ? beneath_pack(fd, name, kind, names_only, out + used, cap - used) : 1;
		if (!n)
			return used ? (int64_t)used : -ENOBUFS;
		used += n == 1 ? 0 : n;
		w->at += step;
	}
}

int64_t blit_walk_list(const char *root, const char *path, struct blit_walk **state, uint32_t depth, const char *name,
	int64_t names_only, void *out, uint64_t cap, uint32_t *more)
{
	int err = 0;
	*more = 1;
	if (!*state) {
		err = begin(root, path, state);
	} else if (*name) {
		err = name_is_plain(name, strlen(name)) ? go_up(*state, depth) : -EINVAL;
		if (!err)
			err = go_down(*state, name, beneath_child((*state)->levels[depth].fd, name, O_RDONLY));
	}
	if (err)
		*more = 0;
	return err ? err : fill(*state, names_only, out, cap, more);
}

int64_t blit_walk_remove(struct blit_walk *w, uint32_t depth, const char *names, uint64_t count, int64_t directories, int32_t *errors)
{
	int err = go_up(w, depth);
	return err ? err : beneath_remove_in(w->levels[depth].fd, names, count, directories, errors);
}

int64_t blit_walk_end(struct blit_walk *w)
{
	while (w && w->count)
		pop(w);
	if (w) {
		free(w->levels);
		free(w->root);
		free(w->path);
	}
	free(w);
	return 0;
}
