/* Paths as the user gave them: whether what they lead to answers. A file system that does not is tests/blackbox/stall_test.ts. */
#include "test.h"

/* Longer than any machine takes, however busy: no check waits for it. */
#define LONG_MS 600000

int main(void)
{
	test_folder_enter();
	test_write("file", "x");
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
