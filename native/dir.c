/*
 * Directories by number. TypeScript hands out the numbers; this table knows each one's name, its parent and the descriptors
 * open on it. A descriptor is opened relative to the parent's, never following a symlink, so no path length matters and no
 * swapped-in link leads out of the tree. Unpinned descriptors stay open in least-recently-used order up to a limit.
 */
#include "engine.h"

#include <sys/resource.h>

#define DIR_ID_MAX 0x0fffffffu /* 2 GiB of slots; nobody has so many directories */

static void ring_insert(struct dir *head, struct dir *d)
{
	d->newer = head;
	d->older = head->older;
	head->older->newer = d;
	head->older = d;
}

static void ring_remove(struct dir *d)
{
	if (!d->newer)
		return;
	d->newer->older = d->older;
	d->older->newer = d->newer;
	d->newer = d->older = NULL;
}

static void close_fds(struct dir_table *t, struct dir *d)
{
	for (int s = 0; s < SIDES; s++)
		if (d->fd[s] >= 0) {
			close(d->fd[s]);
			d->fd[s] = -1;
			t->open--;
		}
}

static void evict(struct dir_table *t)
{
	while (t->open > t->open_max && t->idle.newer != &t->idle) {
		struct dir *d = t->idle.newer; /* the ring's other end: longest idle */
		ring_remove(d);
		close_fds(t, d);
	}
}

static struct dir *dir_new(uint32_t id, struct dir *parent, const char *name, uint32_t len)
{
	struct dir *d = calloc(1, sizeof *d + len + 1);
	if (!d)
		return NULL;
	d->id = id;
	d->parent = parent;
	d->ground = parent ? parent->ground : NULL;
	d->name_len = len;
	memcpy(d->name, name, len);
	for (int s = 0; s < SIDES; s++)
		d->fd[s] = -1;
	return d;
}

int dirs_init(struct engine *e, const char *paths[SIDES])
{
	struct dir_table *t = &e->dirs;
	struct rlimit limit;
	pthread_mutex_init(&t->lock, NULL);
	t->idle.newer = t->idle.older = &t->idle;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
		setrlimit(RLIMIT_NOFILE, &limit);
		getrlimit(RLIMIT_NOFILE, &limit);
	}
	t->open_max = limit.rlim_cur / 2 < 2048 ? limit.rlim_cur / 2 : 2048;
	t->capacity = 256;
	t->slots = calloc(t->capacity, sizeof *t->slots);
	if (!t->slots)
		return -ENOMEM;
	struct dir *root = dir_new(0, NULL, "", 0);
	if (!root)
		return -ENOMEM;
	t->slots[0] = root;
	for (int s = 0; s < SIDES; s++) {
		if (!paths[s] || !paths[s][0])
			continue;
		int fd = open(paths[s], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -(errno | (s + 1) << BLIT_ROOT_SHIFT);
		root->fd[s] = fd;
		e->have[s] = true;
		if (s == DST && !(e->root_path = strdup(paths[s])))
			return -ENOMEM;
		int err = os_facts_fd(fd, &e->root_facts[s]);
		if (err)
			return -(-err | (s + 1) << BLIT_ROOT_SHIFT);
	}
	root->pins = 1; /* for good */
	return 0;
}

void dirs_free(struct engine *e)
{
	struct dir_table *t = &e->dirs;
	for (uint32_t i = 0; t->slots && i < t->capacity; i++) {
		struct dir *d = t->slots[i];
		if (!d)
			continue;
		close_fds(t, d);
		list_state_free(d->listing);
		free(d->attrs);
		free(d);
	}
	free(t->slots);
	free(e->root_path);
	pthread_mutex_destroy(&t->lock);
}

int dir_add(struct engine *e, uint32_t id, uint32_t parent, const char *name, uint32_t len, struct dir **out)
{
	struct dir_table *t = &e->dirs;
	int err = 0;
	if (!name_is_plain(name, len) || len >= NAME_CAP || id > DIR_ID_MAX)
		return -EINVAL;
	pthread_mutex_lock(&t->lock);
	if (id >= t->capacity) {
		uint32_t capacity = t->capacity;
		while (id >= capacity)
			capacity *= 2;
		struct dir **slots = realloc(t->slots, capacity * sizeof *slots);
		if (!slots) {
			err = -ENOMEM;
			goto out;
		}
		memset(slots + t->capacity, 0, (capacity - t->capacity) * sizeof *slots);
		t->slots = slots;
		t->capacity = capacity;
	}
	struct dir *up = parent < t->capacity ? t->slots[parent] : NULL;
	if (!up || t->slots[id]) {
		err = -EINVAL;
		goto out;
	}
	struct dir *d = dir_new(id, up, name, len);
	if (!d) {
		err = -ENOMEM;
		goto out;
	}
	t->slots[id] = d;
	*out = d;
out:
	pthread_mutex_unlock(&t->lock);
	return err;
}

struct dir *dir_get(struct engine *e, uint32_t id)
{
	struct dir_table *t = &e->dirs;
	pthread_mutex_lock(&t->lock);
	struct dir *d = id < t->capacity ? t->slots[id] : NULL;
	pthread_mutex_unlock(&t->lock);
	return d;
}

static int open_in(struct dir *d, enum side side, int up)
{
	return side == BACKUP ? backup_open_dir(d, up) : os_open_source(up, d->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

static void close_fd(struct dir_table *t, struct dir *d, enum side side)
{
	close(d->fd[side]);
	d->fd[side] = -1;
	t->open--;
}

/* How many directories must be opened to open d; 0 where this side has no root. */
static uint32_t chain_length(const struct dir *d, enum side side)
{
	uint32_t length = 0;
	for (; d && d->fd[side] < 0; d = d->parent)
		length++;
	return d ? length : 0;
}

/*
 * Under the lock: opens d and what is above it, from the top down. A loop, since depth has no limit and the stack has. A chain may
 * be longer than there are descriptors: then of its upper part each is closed once the next is open, and its lower part stays,
 * which is what the next calls are about (a tree settles from the inside out).
 */
static int open_chain(struct dir_table *t, struct dir *d, enum side side)
{
	struct dir *passed = NULL;
	uint32_t left = chain_length(d, side);
	int fd = left ? 0 : -ENOENT;
	for (; left && fd >= 0; left--) {
		struct dir *x = d;
		while (x->parent->fd[side] < 0)
			x = x->parent;
		fd = open_in(x, side, x->parent->fd[side]);
		if (passed)
			close_fd(t, passed, side);
		passed = NULL;
		if (fd < 0)
			break;
		x->fd[side] = fd;
		t->open++;
		if (x->pins)
			continue;
		if (left > t->open_max / 4 && t->open >= t->open_max) {
			passed = x;
			continue;
		}
		ring_remove(x); /* x is needed for the next one: others go */
		evict(t);
		ring_insert(&t->idle, x);
	}
	return fd;
}

int dir_pin(struct engine *e, struct dir *d, enum side side)
{
	struct dir_table *t = &e->dirs;
	pthread_mutex_lock(&t->lock);
	d->pins++;
	ring_remove(d);
	int fd = d->fd[side] >= 0 ? d->fd[side] : open_chain(t, d, side);
	if (fd < 0 && --d->pins == 0 && (d->fd[SRC] >= 0 || d->fd[DST] >= 0 || d->fd[BACKUP] >= 0))
		ring_insert(&t->idle, d);
	evict(t);
	pthread_mutex_unlock(&t->lock);
	return fd;
}

void dir_unpin(struct engine *e, struct dir *d)
{
	struct dir_table *t = &e->dirs;
	pthread_mutex_lock(&t->lock);
	if (--d->pins == 0 && (d->fd[SRC] >= 0 || d->fd[DST] >= 0 || d->fd[BACKUP] >= 0))
		ring_insert(&t->idle, d);
	evict(t);
	pthread_mutex_unlock(&t->lock);
}

void dir_set_fd(struct engine *e, struct dir *d, enum side side, int fd)
{
	struct dir_table *t = &e->dirs;
	pthread_mutex_lock(&t->lock);
	if (d->fd[side] >= 0) {
		close(fd);
	} else {
		d->fd[side] = fd;
		t->open++;
	}
	pthread_mutex_unlock(&t->lock);
}

void dir_drop(struct engine *e, struct dir *d)
{
	struct dir_table *t = &e->dirs;
	pthread_mutex_lock(&t->lock);
	if (d->parent && t->slots[d->id] == d) {
		t->slots[d->id] = NULL;
		ring_remove(d);
		close_fds(t, d);
		list_state_free(d->listing);
		free(d->attrs);
		free(d);
	}
	pthread_mutex_unlock(&t->lock);
}

/* How long a directory may have been gone before a removal that relies on it; and so many times as long as the look took, since
 * the way to one that is very deep is long. */
#define SEEN_NS (10 * 1000000)
#define SEEN_TIMES 50

#ifdef O_PATH
#define LOOK O_PATH /* what stands there may have a mode by now that forbids to read it */
#else
#define LOOK O_RDONLY
#endif

/* Goes from the root's path to the directory, name by name, never through a symlink. A descriptor, or -errno. */
static int walk_to(const char *root_path, const struct dir *d)
{
	size_t depth = 0;
	for (const struct dir *x = d; x->parent; x = x->parent)
		depth++;
	const struct dir **way = malloc((depth + 1) * sizeof *way);
	if (!way)
		return -ENOMEM;
	for (size_t i = depth; i > 0; d = d->parent)
		way[--i] = d;
	int fd = open(root_path, LOOK | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < depth && fd >= 0; i++) {
		int next = openat(fd, way[i]->name, LOOK | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		close(fd);
		fd = next;
	}
	int err = fd < 0 ? -errno : 0;
	free(way);
	return err ? err : fd;
}

int dir_check(struct engine *e, struct dir *d)
{
	struct facts opened, there;
	int64_t began = engine_now_ns();
	if (!e->root_path || began < atomic_load(&d->stands_until))
		return 0;
	int fd = dir_pin(e, d, DST);
	if (fd < 0)
		return -BLIT_E_GONE;
	int found = walk_to(e->root_path, d);
	bool stands = found >= 0 && os_facts_fd(fd, &opened) == 0 && os_facts_fd(found, &there) == 0 && facts_same_inode(&opened, &there);
	if (found >= 0)
		close(found);
	dir_unpin(e, d);
	if (!stands)
		return -BLIT_E_GONE;
	int64_t took = engine_now_ns() - began;
	atomic_store(&d->stands_until, began + (took * SEEN_TIMES > SEEN_NS ? took * SEEN_TIMES : SEEN_NS));
	return 0;
}

int64_t blit_engine_root_at(struct engine *e, const char *path)
{
	free(e->root_path);
	return (e->root_path = strdup(path)) ? 0 : -ENOMEM;
}

int64_t blit_dir_path(struct engine *e, uint32_t id, char *out, uint64_t cap)
{
	struct dir_table *t = &e->dirs;
	pthread_mutex_lock(&t->lock);
	struct dir *d = id < t->capacity ? t->slots[id] : NULL;
	int64_t len = d ? 0 : -EINVAL;
	for (struct dir *x = d; x && x->parent; x = x->parent)
		len += x->name_len + 1;
	if (len > 0 && (uint64_t)len <= cap) {
		char *at = out + len;
		for (struct dir *x = d; x->parent; x = x->parent) {
			*--at = '/';
			at -= x->name_len;
			memcpy(at, x->name, x->name_len);
		}
	}
	pthread_mutex_unlock(&t->lock);
	return len; /* larger than cap: nothing was written, call again with room */
}
