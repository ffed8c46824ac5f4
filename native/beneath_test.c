/* Paths beneath a root: what may be reached and what may not. */
#undef NDEBUG
#include <assert.h>

#include "engine.h"

static char base[64] = "/tmp/blit-beneath-XXXXXX";

static const char *at(const char *name)
{
	static char path[4][512];
	static int next;
	char *p = path[next++ & 3];
	snprintf(p, sizeof path[0], "%s/%s", base, name);
	return p;
}

static void make_file(const char *name)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_EXCL, 0640);
	assert(fd >= 0 && write(fd, "12345", 5) == 5);
	close(fd);
}

static void make_tree(void)
{
	assert(mkdtemp(base));
	assert(mkdir(at("root"), 0755) == 0 && mkdir(at("root/a"), 0755) == 0 && mkdir(at("root/a/b"), 0755) == 0);
	assert(mkdir(at("outside"), 0755) == 0);
	make_file("outside/secret");
	make_file("root/a/file");
	assert(symlink("../outside", at("root/out")) == 0 && symlink("a", at("root/in")) == 0);
	assert(symlink("/etc/passwd", at("root/a/passwd")) == 0);
}

static void test_refused_paths(void)
{
	const char *root = at("root");
	char buffer[8192];
	const char *wrong[] = { "..", ".", "a/..", "a/../a", "a//b", "/", "/a", "a/", "a/./b", "../outside/secret" };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert(blit_beneath_open(root, wrong[i]) == -EINVAL);
		assert(blit_beneath_facts(root, wrong[i], buffer, sizeof buffer) == -EINVAL);
	}
	assert(blit_beneath_open(root, "out") == -ELOOP && blit_beneath_open(root, "in/b") == -ELOOP);
	assert(blit_beneath_facts(root, "out/secret", buffer, sizeof buffer) == -ELOOP);
	assert(blit_beneath_open(root, "a/file") == -ENOTDIR && blit_beneath_open(root, "a/none") == -ENOENT);
	char longest[300] = { 0 };
	memset(longest, 'x', 256);
	assert(blit_beneath_open(root, longest) == -ENAMETOOLONG);
	longest[255] = 0;
	assert(blit_beneath_open(root, longest) == -ENOENT);
}

static void test_facts(void)
{
	char buffer[8192];
	struct blit_listed *e = (void *)buffer;
	assert(blit_beneath_facts(at("root"), "a/file", buffer, sizeof buffer) == 80);
	assert(e->size == 5 && e->kind == BLIT_KIND_FILE && e->mode == 0640 && e->name_len == 4 && e->target_len == 0);
	assert(blit_beneath_facts(at("root"), "a/passwd", buffer, sizeof buffer) > 0);
	assert(e->kind == BLIT_KIND_SYMLINK && e->target_len == 11 && memcmp(e + 1, "passwd/etc/passwd", 17) == 0);
	assert(blit_beneath_facts(at("root"), "", buffer, sizeof buffer) > 0 && e->kind == BLIT_KIND_DIR && e->name_len == 0);
	assert(blit_beneath_facts(at("root"), "a/file", buffer, 79) == -ENOBUFS);
}

static void test_removal(void)
{
	int32_t errors[4];
	make_file("root/a/b/x");
	assert(blit_beneath_remove(at("root"), "a/b", "x\0none\0..\0../file", 4, 0, errors) == 1);
	assert(errors[0] == 0 && errors[1] == ENOENT && errors[2] == EINVAL && errors[3] == EINVAL);
	assert(blit_beneath_remove(at("root"), "", "out\0a", 2, 0, errors) == 1 && errors[1] == EISDIR);
	assert(access(at("outside/secret"), F_OK) == 0); /* the symlink is gone, not what it named */
	assert(blit_beneath_remove(at("root"), "", "a\0in", 2, 1, errors) == 0);
	assert(errors[0] == ENOTEMPTY && errors[1] == ENOTDIR);
	assert(blit_beneath_remove(at("root"), "a", "b", 1, 1, errors) == 1);
}

static void test_deep(void)
{
	char path[8192] = "d";
	int fd = open(at("root"), O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 2000; i++) {
		assert(mkdirat(fd, "d", 0755) == 0);
		int next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
		close(fd);
		fd = next;
		if (i > 0)
			strcat(path, "/d");
	}
	close(fd);
	for (size_t len = strlen(path);; len -= 2) { /* 3999 bytes below the root: more than PATH_MAX in all */
		int32_t error;
		path[len >= 2 ? len - 2 : 0] = 0;
		assert(blit_beneath_remove(at("root"), path, "d", 1, 1, &error) == 1);
		if (!path[0])
			break;
	}
}

static void test_space(void)
{
	struct blit_space s, t;
	assert(blit_beneath_space(at("root"), "", &s) == 0 && s.total > 0 && s.free <= s.total);
	assert(blit_beneath_space(at("root"), "a/file", &t) == 0 && t.total == s.total);
	assert(blit_beneath_space(at("root"), "none", &t) == -ENOENT);
	assert(blit_beneath_space(at("none"), "", &t) == -ENOENT);
}

int main(void)
{
	char command[128];
	make_tree();
	test_refused_paths();
	test_facts();
	test_removal();
	test_deep();
	test_space();
	snprintf(command, sizeof command, "rm -rf %s", base);
	return system(command);
}
