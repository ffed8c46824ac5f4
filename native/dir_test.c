/* The directory table: chains longer than any path and than the descriptors at hand, eviction, pins from many threads. */
#include "test.h"

static struct engine engine;
static int descriptors_before;

static void table_open(void)
{
	const char *paths[SIDES] = { "src", test_exists("dst") ? "dst" : NULL, test_exists("backup") ? "backup" : NULL };
	descriptors_before = test_open_descriptors();
	engine = (struct engine){ .euid = geteuid() };
	CHECK_EQUAL(dirs_init(&engine, paths), 0);
}

static void table_close(void)
{
	dirs_free(&engine);
	CHECK_EQUAL(test_open_descriptors(), descriptors_before);
}

static struct dir *add(uint32_t id, uint32_t parent, const char *name)
{
	struct dir *d = NULL;
	CHECK_EQUAL(dir_add(&engine, id, parent, name, strlen(name), &d), 0);
	CHECK(d == dir_get(&engine, id));
	return d;
}

/* Whether the descriptor is open on that inode. */
static bool opens(int fd, ino_t inode)
{
	struct stat st;
	return fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == inode;
}

static void touch(struct dir *d, ino_t inode)
{
	CHECK(opens(dir_pin(&engine, d, SRC), inode));
	dir_unpin(&engine, d);
}

/* Makes <root>/<name>/<name>/..., `depth` times; the inodes by depth. */
static ino_t *make_chain(const char *root, uint32_t depth, const char *name)
{
	ino_t *inodes = calloc(depth + 1, sizeof *inodes);
	struct stat st;
	int at = open(root, O_RDONLY | O_DIRECTORY);
	for (uint32_t i = 1; i <= depth; i++) {
		CHECK(mkdirat(at, name, 0755) == 0);
		int next = openat(at, name, O_RDONLY | O_DIRECTORY);
		close(at);
		CHECK(next >= 0 && fstat(next, &st) == 0);
		inodes[i] = st.st_ino;
		at = next;
	}
	close(at);
	return inodes;
}

/* Gives the directories of a chain the numbers 1 to depth. */
static void add_chain(uint32_t depth, const char *name)
{
	for (uint32_t i = 1; i <= depth; i++)
		add(i, i - 1, name);
}

static void a_chain_longer_than_path_max_is_opened_and_named(void)
{
	char name[201];
	memset(name, 'n', 200);
	name[200] = 0;
	test_trees_fresh();
	table_open();
	ino_t *inodes = make_chain("src", 100, name);
	add_chain(100, name);
	struct dir *last = dir_get(&engine, 100);
	CHECK(opens(dir_pin(&engine, last, SRC), inodes[100]));
	dir_unpin(&engine, last);
	char *path = malloc(100 * 201);
	path[0] = '?';
	CHECK_EQUAL(blit_dir_path(&engine, 100, path, 100 * 201 - 1), 100 * 201);
	CHECK_EQUAL(path[0], '?');
	CHECK_EQUAL(blit_dir_path(&engine, 100, path, 100 * 201), 100 * 201);
	for (int i = 0; i < 100 * 201; i++)
		CHECK_EQUAL(path[i], i % 201 == 200 ? '/' : 'n');
	CHECK_EQUAL(blit_dir_path(&engine, 0, path, 10), 0);
	CHECK_EQUAL(blit_dir_path(&engine, 101, path, 10), -EINVAL);
	free(path);
	free(inodes);
	table_close();
}

static void a_chain_longer_than_the_descriptor_limit_is_opened(void)
{
	test_trees_fresh();
	table_open();
	engine.dirs.open_max = 10;
	ino_t *inodes = make_chain("src", 2000, "d");
	add_chain(2000, "d");
	struct rlimit limit, tight;
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	tight = limit;
	tight.rlim_cur = test_open_descriptors() + 20;
	CHECK(setrlimit(RLIMIT_NOFILE, &tight) == 0);
	for (uint32_t id = 2000; id > 0; id -= 250) {
		struct dir *d = dir_get(&engine, id);
		CHECK(opens(dir_pin(&engine, d, SRC), inodes[id]));
		CHECK(engine.dirs.open <= 11);
		dir_unpin(&engine, d);
		CHECK(engine.dirs.open <= 10);
	}
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	free(inodes);
	table_close();
}

/* A tree settles from the inside out: opening the innermost pair must not be followed by a whole chain for each above it. */
static void the_lower_part_of_a_long_chain_stays_open_on_both_sides(void)
{
	test_trees_fresh();
	table_open();
	engine.dirs.open_max = 40;
	ino_t *src = make_chain("src", 300, "d"), *dst = make_chain("dst", 300, "d");
	add_chain(300, "d");
	struct dir *d = dir_get(&engine, 300);
	CHECK(opens(dir_pin(&engine, d, SRC), src[300]) && opens(dir_pin(&engine, d, DST), dst[300]));
	CHECK(engine.dirs.open <= 42);
	for (uint32_t id = 300; id > 291; id--) {
		d = dir_get(&engine, id);
		CHECK(opens(d->fd[SRC], src[id]) && opens(d->fd[DST], dst[id]));
	}
	dir_unpin(&engine, dir_get(&engine, 300));
	dir_unpin(&engine, dir_get(&engine, 300));
	free(src);
	free(dst);
	table_close();
}

static void the_longest_idle_goes_first_and_pinned_ones_stay(void)
{
	ino_t inode[6];
	struct dir *d[6];
	char name[8], path[16];
	struct stat st;
	test_trees_fresh();
	table_open();
	engine.dirs.open_max = 3;
	for (uint32_t i = 0; i < 6; i++) {
		snprintf(name, sizeof name, "d%u", i);
		snprintf(path, sizeof path, "src/%s", name);
		CHECK(mkdir(path, 0755) == 0 && stat(path, &st) == 0);
		inode[i] = st.st_ino;
		d[i] = add(i + 1, 0, name);
	}
	int pinned = dir_pin(&engine, d[0], SRC);
	touch(d[1], inode[1]);
	touch(d[2], inode[2]);
	touch(d[1], inode[1]); /* used again: now d[2] is the oldest */
	touch(d[3], inode[3]);
	CHECK(d[2]->fd[SRC] < 0 && d[1]->fd[SRC] >= 0 && d[3]->fd[SRC] >= 0);
	touch(d[4], inode[4]);
	touch(d[5], inode[5]);
	CHECK(opens(pinned, inode[0]));
	CHECK_EQUAL(engine.dirs.open, 3);
	dir_unpin(&engine, d[0]);
	table_close();
}

static void a_symlink_in_place_of_a_directory_is_not_followed(void)
{
	test_trees_fresh();
	CHECK(system("rm -rf outside && mkdir outside outside/in") == 0);
	table_open();
	CHECK(mkdir("src/a", 0755) == 0 && mkdir("src/a/in", 0755) == 0);
	struct dir *a = add(1, 0, "a"), *in = add(2, 1, "in");
	CHECK(system("rm -r src/a && ln -s ../outside src/a") == 0);
	int fd = dir_pin(&engine, in, SRC);
	CHECK(fd == -ENOTDIR || fd == -ELOOP);
	fd = dir_pin(&engine, a, SRC);
	CHECK(fd == -ENOTDIR || fd == -ELOOP);
	CHECK(a->pins == 0 && in->pins == 0 && engine.dirs.open == 0);
	table_close();
}

static void numbers_are_checked_and_free_again_after_a_drop(void)
{
	char name[NAME_CAP + 1];
	struct dir *d;
	memset(name, 'x', sizeof name);
	test_trees_fresh();
	CHECK(mkdir("src/d", 0755) == 0);
	table_open();
	CHECK_EQUAL(dir_add(&engine, 1, 0, name, NAME_CAP, &d), -EINVAL);
	CHECK_EQUAL(dir_add(&engine, 1, 0, name, 0, &d), -EINVAL);
	CHECK_EQUAL(dir_add(&engine, 1, 0, "..", 2, &d), -EINVAL);
	CHECK_EQUAL(dir_add(&engine, 1, 0, "a/b", 3, &d), -EINVAL);
	CHECK_EQUAL(dir_add(&engine, 1, 7, "d", 1, &d), -EINVAL);
	CHECK_EQUAL(dir_add(&engine, 1, ~0u, "d", 1, &d), -EINVAL);
	CHECK_EQUAL(dir_add(&engine, ~0u, 0, "d", 1, &d), -EINVAL);
	CHECK_EQUAL(dir_add(&engine, 0, 0, "d", 1, &d), -EINVAL);
	CHECK(dir_get(&engine, 1) == NULL && dir_get(&engine, ~0u) == NULL);
	d = add(1, 0, "d");
	CHECK_EQUAL(dir_add(&engine, 1, 0, "d", 1, &d), -EINVAL);
	CHECK(dir_pin(&engine, d, SRC) >= 0);
	dir_unpin(&engine, d);
	dir_drop(&engine, d);
	CHECK(dir_get(&engine, 1) == NULL);
	CHECK_EQUAL(engine.dirs.open, 0);
	add(1, 0, "d");
	add(100000, 1, "far");
	table_close();
}

static void a_side_without_a_root_has_no_directories(void)
{
	CHECK(system("rm -rf src dst backup && mkdir -p src/d") == 0);
	table_open();
	struct dir *d = add(1, 0, "d");
	CHECK_EQUAL(dir_pin(&engine, d, DST), -ENOENT);
	CHECK_EQUAL(dir_pin(&engine, d, BACKUP), -ENOENT);
	CHECK(dir_pin(&engine, d, SRC) >= 0);
	dir_unpin(&engine, d);
	table_close();
}

static void backup_directories_are_made_as_private_as_what_they_keep(void)
{
	struct stat st;
	test_trees_fresh();
	CHECK(mkdir("backup", 0755) == 0 && mkdir("dst/a", 0750) == 0 && mkdir("dst/a/b", 0710) == 0);
	table_open();
	struct dir *a = add(1, 0, "a"), *b = add(2, 1, "b");
	CHECK(dir_pin(&engine, b, DST) >= 0 && dir_pin(&engine, b, BACKUP) >= 0);
	CHECK(stat("backup/a", &st) == 0 && (st.st_mode & 07777) == 0750);
	CHECK(stat("backup/a/b", &st) == 0 && (st.st_mode & 07777) == 0710);
	dir_unpin(&engine, b);
	dir_unpin(&engine, b);
	CHECK(a->pins == 0 && b->pins == 0);
	table_close();
}

#define WIDTH 40

struct shared { struct dir *d[WIDTH]; ino_t inode[WIDTH]; };

static void *pin_and_look(void *arg)
{
	struct shared *s = arg;
	uint32_t seed = (uint32_t)(uintptr_t)pthread_self() | 1;
	for (int i = 0; i < 3000; i++) {
		seed = seed * 1664525 + 1013904223;
		uint32_t k = (seed >> 16) % WIDTH;
		int fd = dir_pin(&engine, s->d[k], SRC);
		CHECK(opens(fd, s->inode[k]));
		CHECK(opens(fd, s->inode[k])); /* not closed, nor used for another directory, while it is pinned */
		dir_unpin(&engine, s->d[k]);
	}
	return NULL;
}

static void pins_from_many_threads_keep_their_descriptors(void)
{
	struct shared s;
	pthread_t threads[4];
	char name[8], path[16];
	struct stat st;
	test_trees_fresh();
	table_open();
	engine.dirs.open_max = 6;
	for (uint32_t i = 0; i < WIDTH; i++) {
		snprintf(name, sizeof name, "d%u", i);
		snprintf(path, sizeof path, "src/%s", name);
		CHECK(mkdir(path, 0755) == 0 && stat(path, &st) == 0);
		s.d[i] = add(i + 1, 0, name);
		s.inode[i] = st.st_ino;
	}
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, pin_and_look, &s) == 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	for (int i = 0; i < WIDTH; i++)
		CHECK_EQUAL(s.d[i]->pins, 0);
	CHECK(engine.dirs.open <= 6);
	table_close();
}

int main(void)
{
	test_folder_enter();
	a_chain_longer_than_path_max_is_opened_and_named();
	a_chain_longer_than_the_descriptor_limit_is_opened();
	the_lower_part_of_a_long_chain_stays_open_on_both_sides();
	the_longest_idle_goes_first_and_pinned_ones_stay();
	a_symlink_in_place_of_a_directory_is_not_followed();
	numbers_are_checked_and_free_again_after_a_drop();
	a_side_without_a_root_has_no_directories();
	backup_directories_are_made_as_private_as_what_they_keep();
	pins_from_many_threads_keep_their_descriptors();
	return 0;
}
