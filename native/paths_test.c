/* Paths as the user gave them: what is read there, where they lead, whether that answers. A file system that does not is
 * tests/blackbox/stall_test.ts. */
#include "test.h"

/* Longer than any machine takes, however busy: no check waits for it. */
#define LONG_MS 600000

static void test_read(void)
{
	char out[8] = "........";
	CHECK_EQUAL(blit_path_read("file", out, sizeof out), 1);
	CHECK(memcmp(out, "x.......", sizeof out) == 0);
	CHECK_EQUAL(blit_path_read("file", out, 0), 0);
	CHECK_EQUAL(blit_path_read("/proc/self/status", out, sizeof out), sizeof out);
	CHECK_EQUAL(blit_path_read("none", out, sizeof out), -ENOENT);
	CHECK_EQUAL(blit_path_read("file/none", out, sizeof out), -ENOTDIR);
	CHECK_EQUAL(blit_path_read(".", out, sizeof out), -EINVAL);
	CHECK_EQUAL(mkfifo("fifo", 0600), 0);
	CHECK_EQUAL(blit_path_read("fifo", out, sizeof out), -EINVAL);
}

static void test_append(void)
{
	char out[32];
	CHECK_EQUAL(blit_path_append("lines", "one\n", 4), 4);
	CHECK_EQUAL(blit_path_append("lines", "torn", 4), 8);
	CHECK_EQUAL(blit_path_append("lines", "two\n", 4), 13);
	CHECK_EQUAL(blit_path_read("lines", out, sizeof out), 13);
	CHECK(memcmp(out, "one\ntorn\ntwo\n", 13) == 0);
	CHECK_EQUAL(blit_path_append("none/lines", "one\n", 4), -ENOENT);
	CHECK_EQUAL(blit_path_append(".", "one\n", 4), -EISDIR);
	CHECK_EQUAL(blit_path_append("fifo", "one\n", 4), -EINVAL);
	CHECK_EQUAL(blit_path_append("/dev/full", "one\n", 4), -EINVAL);
}

static void test_real(void)
{
	char out[8] = "........";
	CHECK_EQUAL(symlink("/", "root"), 0);
	CHECK_EQUAL(blit_path_real("root", out, sizeof out), 1);
	CHECK(memcmp(out, "/.......", sizeof out) == 0);
	CHECK_EQUAL(blit_path_real("root", out, 0), -ENAMETOOLONG);
	CHECK_EQUAL(blit_path_real("none", out, sizeof out), -ENOENT);
}

static void test_upwards(void)
{
	struct blit_inode up[8];
	struct blit_path_facts facts[3];
	CHECK_EQUAL(blit_path_make("deep/er", 0), 1);
	CHECK(blit_path_upwards("deep/er", up, 8) >= 3);
	const char *paths[] = { "deep/er", "deep", "." };
	for (int i = 0; i < 3; i++) {
		CHECK_EQUAL(blit_path_facts(paths[i], 1, &facts[i]), 0);
		CHECK(up[i].ino == facts[i].ino && up[i].dev == facts[i].dev);
	}
	CHECK_EQUAL(blit_path_upwards("deep/er", up, 1), 1);
	CHECK_EQUAL(blit_path_upwards("/", up, 8), 1);
	CHECK_EQUAL(blit_path_upwards("none", up, 8), 0);
}

int main(void)
{
	test_folder_enter();
	test_upwards();
	test_write("file", "x");
	test_read();
	test_append();
	test_real();
	CHECK_EQUAL(blit_path_answers("file", LONG_MS), 1);
	CHECK_EQUAL(blit_path_answers(".", LONG_MS), 1);
	CHECK_EQUAL(blit_path_answers("/", LONG_MS), 1);
	CHECK_EQUAL(blit_path_answers("", LONG_MS), 1);
	CHECK_EQUAL(blit_path_answers("none", LONG_MS), 1);
	CHECK_EQUAL(blit_path_answers("none/below/none", LONG_MS), 1);
	CHECK_EQUAL(blit_path_answers("/none", LONG_MS), 1);
	CHECK_EQUAL(blit_path_answers("file/below/a/file", LONG_MS), 1);
	return 0;
}
