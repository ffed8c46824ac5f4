/* APPLY: each action on each kind of entry, and what happens when the trees change under its hands. */
#include "test.h"

#include <signal.h>
#include <sys/sysmacros.h>

/* Lists the root, applies one action to one entry, and closes again. `meanwhile` runs between the two. */
static struct answer act(uint32_t config, const char *name, uint32_t action, uint32_t flags, const char *meanwhile)
{
	struct rig rig;
	int before = test_open_descriptors();
	rig_open(&rig, config);
	struct answer list = rig_list_root(&rig, BLIT_SRC | BLIT_DST | BLIT_ALL);
	if (meanwhile)
		CHECK(system(meanwhile) == 0);
	struct answer a = rig_apply(&rig, &list, name, action, flags);
	rig_free(&rig, &list);
	rig_close(&rig);
	CHECK_EQUAL(test_open_descriptors(), before);
	CHECK_EQUAL(test_count("dst", true), 0);
	return a;
}

static void files_of_every_size_arrive_with_mode_and_time(void)
{
	static const size_t sizes[] = { 0, 1, 4096, BUFFER_DEFAULT - 1, BUFFER_DEFAULT, BUFFER_DEFAULT + 1, 3000000 };
	static const uint32_t configs[] = { 0, BLIT_CFG_VERIFY, BLIT_CFG_FSYNC };
	for (size_t c = 0; c < 3; c++)
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			test_trees_fresh();
			test_fill("src/f", sizes[i], i);
			CHECK(chmod("src/f", i % 2 ? 0440 : 04755) == 0);
			test_set_time("src/f", 1234567 + i);
			struct answer a = act(configs[c], "f", BLIT_MAKE, 0, NULL);
			CHECK(a.r.done == 1 && a.r.details == 0 && a.r.bytes == sizes[i]);
			CHECK(test_same_file("src/f", "dst/f"));
			test_fill("src/f", sizes[i] + 1, i + 1);
			a = act(configs[c], "f", BLIT_REPLACE, 0, NULL);
			CHECK(a.r.done == 1 && test_same_file("src/f", "dst/f"));
		}
}

static void holes_stay_holes(void)
{
	struct stat src, dst;
	test_trees_fresh();
	int fd = open("src/f", O_RDWR | O_CREAT, 0644);
	CHECK(pwrite(fd, "start", 5, 0) == 5 && pwrite(fd, "middle", 6, 4 << 20) == 6 && ftruncate(fd, 9 << 20) == 0);
	close(fd);
	struct answer a = act(0, "f", BLIT_MAKE, 0, NULL);
	CHECK(a.r.done == 1 && test_same_file("src/f", "dst/f"));
	CHECK(stat("src/f", &src) == 0 && stat("dst/f", &dst) == 0 && dst.st_blocks <= src.st_blocks + 16);
}

static void other_kinds_are_made_and_replaced(void)
{
	struct stat st;
	char target[16] = { 0 };
	for (int round = 0; round < 2; round++) {
		uint32_t action = round ? BLIT_REPLACE : BLIT_MAKE;
		test_trees_fresh();
		CHECK(symlink("nowhere", "src/link") == 0 && mkfifo("src/fifo", 0620) == 0);
		test_set_time("src/link", 1000);
		test_set_time("src/fifo", 2000);
		if (round) {
			test_write("dst/link", "was a file");
			CHECK(symlink("/etc/passwd", "dst/fifo") == 0);
		}
		CHECK_EQUAL(act(0, "link", action, 0, NULL).r.done, 1);
		CHECK_EQUAL(act(0, "fifo", action, 0, NULL).r.done, 1);
		CHECK(readlink("dst/link", target, 15) == 7 && strcmp(target, "nowhere") == 0);
		CHECK(lstat("dst/link", &st) == 0 && st.st_mtim.tv_sec == 1000 && st.st_mtim.tv_nsec == 7);
		CHECK(lstat("dst/fifo", &st) == 0 && S_ISFIFO(st.st_mode) && st.st_mtim.tv_sec == 2000);
		CHECK_EQUAL(st.st_mode & 07777, 0620 & ~022 & st.st_mode);
		if (geteuid() != 0)
			continue;
		CHECK(mknod("src/null", S_IFCHR | 0600, makedev(1, 3)) == 0);
		CHECK_EQUAL(act(0, "null", BLIT_MAKE, 0, NULL).r.done, 1);
		CHECK(lstat("dst/null", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
	}
}

static void a_run_of_entries_is_shared_among_the_workers(void)
{
	struct rig rig;
	char path[32], other[32];
	test_trees_fresh();
	for (int i = 0; i < 250; i++) {
		snprintf(path, sizeof path, "src/f%d", i);
		test_fill(path, i * 50, i);
	}
	rig_open_idle(&rig, (struct blit_config){ .workers = 4 });
	rig_start(&rig);
	struct answer list = rig_list_root(&rig, BLIT_SRC);
	struct blit_task t = { .op = BLIT_OP_APPLY, .batch = list.r.batch, .first = 0, .count = 250 };
	struct answer a = rig_do(&rig, t, NULL, 0);
	CHECK(a.r.done == 250 && a.r.details == 0 && a.r.bytes == 50 * 249 * 250 / 2);
	struct blit_counters counters;
	CHECK_EQUAL(blit_engine_progress(rig.e, &counters), 0);
	CHECK(counters.files == 250 && counters.moving == a.r.bytes);
	CHECK_EQUAL(counters.bytes[BLIT_M_RW] + counters.bytes[BLIT_M_RANGE], a.r.bytes);
	rig_free(&rig, &list);
	rig_close(&rig);
	for (int i = 0; i < 250; i++) {
		snprintf(path, sizeof path, "src/f%d", i);
		snprintf(other, sizeof other, "dst/f%d", i);
		CHECK(test_same_file(path, other));
	}
}

static void what_the_batch_does_not_have_is_a_failure_of_that_entry_alone(void)
{
	struct rig rig;
	test_trees_fresh();
	test_write("src/a", "A");
	rig_open(&rig, 0);
	struct answer list = rig_list_root(&rig, BLIT_SRC);
	const uint32_t words[] = { 0, 1, BLIT_INDEX_MASK, 9u << BLIT_ACTION_SHIFT };
	struct blit_task t = { .op = BLIT_OP_APPLY, .batch = list.r.batch, .count = 4 };
	struct answer a = rig_do(&rig, t, words, sizeof words);
	CHECK(a.r.done == 1 && a.r.details == 3);
	for (int i = 0; i < 3; i++)
		CHECK(a.details[i].code == BLIT_D_FAILED && a.details[i].value == EINVAL);
	t = (struct blit_task){ .op = BLIT_OP_APPLY, .batch = list.r.batch, .first = 1, .count = 3 };
	a = rig_do(&rig, t, NULL, 0);
	CHECK(a.r.done == 0 && a.r.details == 3 && a.details[0].value == EINVAL);
	t.op = BLIT_OP_REMOVE;
	a = rig_do(&rig, t, NULL, 0);
	CHECK(a.r.done == 0 && a.r.details == 3 && a.details[0].value == EINVAL);
	rig_free(&rig, &list);
	rig_close(&rig);
	CHECK(test_holds("dst/a", "A"));
}

static void a_source_that_is_no_longer_what_it_was_is_told(void)
{
	static const struct { const char *meanwhile; int error; } cases[] = {
		{ "rm src/f", ENOENT },
		{ "rm src/f && ln -s /etc/passwd src/f", BLIT_E_CHANGED },
		{ "rm src/f && mkfifo src/f", BLIT_E_CHANGED }, /* nobody writes to it: opening must not wait */
		{ "rm src/f && mkdir src/f", BLIT_E_CHANGED },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (uint32_t action = BLIT_MAKE; action <= BLIT_REPLACE; action++) {
			test_trees_fresh();
			test_write("src/f", "new");
			if (action == BLIT_REPLACE)
				test_write("dst/f", "old");
			struct answer a = act(0, "f", action, 0, cases[i].meanwhile);
			CHECK_EQUAL(answer_failure(&a), cases[i].error);
			CHECK(action == BLIT_REPLACE ? test_holds("dst/f", "old") : !test_exists("dst/f"));
		}
}

static void what_appears_at_the_destination_is_replaced_whole_and_never_followed(void)
{
	struct stat st;
	test_trees_fresh();
	test_write("src/f", "new");
	struct answer a = act(0, "f", BLIT_MAKE, 0, "echo other > dst/f");
	CHECK(a.r.done == 1 && test_holds("dst/f", "new"));
	test_trees_fresh();
	test_write("src/f", "new");
	test_write("outside", "untouched");
	a = act(0, "f", BLIT_MAKE, 0, "ln -s ../outside dst/f");
	CHECK(a.r.done == 1 && test_holds("dst/f", "new") && lstat("dst/f", &st) == 0 && S_ISREG(st.st_mode));
	CHECK(test_holds("outside", "untouched"));
	for (uint32_t action = BLIT_MAKE; action <= BLIT_REPLACE; action++) {
		test_trees_fresh();
		test_write("src/f", "new");
		CHECK(symlink("x", "src/l") == 0);
		a = act(0, "f", action, 0, "mkdir dst/f dst/l");
		CHECK_EQUAL(answer_failure(&a), BLIT_E_BUSY_KIND);
		a = act(0, "l", action, 0, NULL);
		CHECK_EQUAL(answer_failure(&a), BLIT_E_BUSY_KIND);
		CHECK_EQUAL(test_count("dst", false), 2);
	}
}

/* The directory's descriptor is gone (as after an eviction) when a symlink stands in its place: nothing goes through it. */
static void a_symlink_swapped_in_for_a_directory_leads_nowhere(void)
{
	for (int side = 0; side < 2; side++) {
		struct rig rig;
		test_trees_fresh();
		CHECK(system("rm -rf outside && mkdir outside src/sub && echo secret > outside/f && echo new > src/sub/f") == 0);
		rig_open(&rig, 0);
		rig.e->dirs.open_max = 0;
		struct answer root = rig_list_root(&rig, BLIT_SRC | BLIT_DST);
		struct blit_task t = { .op = BLIT_OP_LIST, .flags = BLIT_SRC | BLIT_MKDIR, .dir = 1, .batch = root.r.batch };
		struct answer list = rig_do(&rig, t, NULL, 0);
		CHECK(list.r.status == 0 && dir_get(rig.e, 1)->fd[DST] < 0);
		CHECK(system(side ? "rmdir dst/sub && ln -s ../outside dst/sub" : "rm -r src/sub && ln -s ../outside src/sub") == 0);
		t = (struct blit_task){ .op = BLIT_OP_APPLY, .dir = 1, .batch = list.r.batch, .count = 1 };
		struct answer a = rig_do(&rig, t, NULL, 0);
		CHECK(answer_failure(&a) == ENOTDIR || answer_failure(&a) == ELOOP);
		CHECK(test_holds("outside/f", "secret\n") && test_count("outside", false) == 1);
		t.op = BLIT_OP_REMOVE;
		a = rig_do(&rig, t, NULL, 0);
		CHECK(test_exists("outside/f"));
		t = (struct blit_task){ .op = BLIT_OP_SETTLE, .dir = 1 };
		a = rig_do(&rig, t, NULL, 0);
		CHECK(a.r.status == -ENOTDIR || a.r.status == -ELOOP);
		rig_free(&rig, &list);
		rig_free(&rig, &root);
		rig_close(&rig);
	}
}

static void a_full_destination_leaves_the_old_file_and_no_rest(void)
{
	struct rlimit limit, small;
	CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0 && signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	for (uint32_t action = BLIT_MAKE; action <= BLIT_REPLACE; action++) {
		test_trees_fresh();
		test_fill("src/f", 1 << 20, 1);
		if (action == BLIT_REPLACE)
			test_write("dst/f", "old");
		small = limit;
		small.rlim_cur = 300 << 10;
		CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
		struct answer a = act(0, "f", action, 0, NULL);
		CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
		CHECK(answer_failure(&a) == EFBIG && a.details[0].extra == BLIT_STEP_WRITE);
		CHECK(action == BLIT_REPLACE ? test_holds("dst/f", "old") : !test_exists("dst/f"));
	}
}

static void large_and_linked_files_are_handed_back_unless_forced(void)
{
	struct rig rig;
	struct stat st;
	test_trees_fresh();
	test_fill("src/large", 200000, 1);
	test_write("src/linked", "L");
	CHECK(link("src/linked", "src/second") == 0 && stat("src/linked", &st) == 0);
	rig_open_idle(&rig, (struct blit_config){ .large_bytes = 200000 });
	rig_start(&rig);
	struct answer list = rig_list_root(&rig, BLIT_SRC);
	struct answer a = rig_apply(&rig, &list, "large", BLIT_MAKE, 0);
	CHECK(a.r.details == 1 && a.details[0].code == BLIT_D_LARGE && a.details[0].value == 200000);
	a = rig_apply(&rig, &list, "linked", BLIT_MAKE, 0);
	CHECK(a.r.details == 1 && a.details[0].code == BLIT_D_LINKED && a.details[0].value == st.st_ino);
	CHECK_EQUAL(test_count("dst", false), 0);
	a = rig_apply(&rig, &list, "linked", BLIT_MAKE, BLIT_FORCE);
	CHECK(a.r.done == 1 && test_holds("dst/linked", "L"));
	rig_free(&rig, &list);
	rig_close(&rig);
}

static void metadata_is_brought_up_to_date_and_content_left_alone(void)
{
	struct stat before, after;
	test_trees_fresh();
	test_write("src/f", "same");
	test_write("dst/f", "same");
	CHECK(chmod("src/f", 0741) == 0 && stat("dst/f", &before) == 0);
	test_set_time("src/f", 5000);
	CHECK_EQUAL(act(0, "f", BLIT_METADATA, 0, NULL).r.done, 1);
	CHECK(stat("dst/f", &after) == 0 && before.st_ino == after.st_ino && test_same_file("src/f", "dst/f"));
}

/* With the new time on the old content no later run would see the difference; and a move would throw the new content away. */
static void metadata_of_a_source_that_changed_since_it_was_compared_is_not_taken(void)
{
	for (uint32_t config = 0; config <= BLIT_CFG_MOVE; config += BLIT_CFG_MOVE) {
		struct stat st;
		test_trees_fresh();
		test_write("src/f", "old!");
		test_write("dst/f", "old!");
		test_set_time("src/f", 1000);
		test_set_time("dst/f", 1000);
		CHECK(chmod("src/f", 0600) == 0);
		struct answer a = act(config, "f", BLIT_METADATA, 0, "printf new! > src/f");
		CHECK_EQUAL(answer_failure(&a), BLIT_E_CHANGED);
		CHECK(test_holds("src/f", "new!") && stat("dst/f", &st) == 0 && st.st_mtim.tv_sec == 1000);
	}
}

static void content_is_compared(void)
{
	test_trees_fresh();
	test_fill("src/f", 600000, 1);
	CHECK(system("cp src/f dst/f") == 0);
	struct answer a = act(BLIT_CFG_READ_ONLY, "f", BLIT_CONTENT, 0, NULL);
	CHECK(a.r.details == 1 && a.details[0].code == BLIT_D_SAME);
	a = act(0, "f", BLIT_CONTENT, 0, "printf x | dd of=dst/f bs=1 seek=599999 conv=notrunc 2>/dev/null");
	CHECK(a.r.details == 1 && a.details[0].code == BLIT_D_DIFFERENT);
	a = act(0, "f", BLIT_CONTENT, 0, "rm dst/f");
	CHECK_EQUAL(answer_failure(&a), ENOENT);
}

static void a_move_removes_what_has_arrived_and_nothing_else(void)
{
	test_trees_fresh();
	test_write("src/f", "F");
	CHECK(symlink("x", "src/l") == 0);
	CHECK_EQUAL(act(BLIT_CFG_MOVE, "f", BLIT_MAKE, 0, NULL).r.done, 1);
	CHECK_EQUAL(act(BLIT_CFG_MOVE, "l", BLIT_MAKE, 0, NULL).r.done, 1);
	CHECK(test_count("src", false) == 0 && test_holds("dst/f", "F"));
	test_write("src/f", "F");
	test_set_time("src/f", 1000);
	test_set_time("dst/f", 1000);
	CHECK_EQUAL(act(BLIT_CFG_MOVE, "f", BLIT_FORGET, 0, NULL).r.done, 1);
	CHECK(test_count("src", false) == 0 && test_holds("dst/f", "F"));
	test_write("src/f", "F");
	test_set_time("src/f", 1000);
	struct answer a = act(BLIT_CFG_MOVE, "f", BLIT_FORGET, 0, "echo changed > src/f");
	CHECK(answer_failure(&a) == BLIT_E_CHANGED && test_exists("src/f"));
	test_set_time("src/f", 1000);
	a = act(BLIT_CFG_MOVE, "f", BLIT_FORGET, 0, "rm dst/f");
	CHECK(answer_failure(&a) == BLIT_E_GONE && test_exists("src/f"));
	a = act(BLIT_CFG_MOVE, "f", BLIT_MAKE, 0, "mkdir dst/f");
	CHECK(answer_failure(&a) == BLIT_E_BUSY_KIND && test_exists("src/f"));
}

/* As `act` in a move, with another change before the list is read. */
static struct answer move_after(const char *name, uint32_t action, const char *change)
{
	test_trees_fresh();
	test_fill("src/f", 5000, 1);
	test_fill("src/big", 700000, 2);
	CHECK(symlink("x", "src/l") == 0 && system("cp -p src/f src/h && ln src/h src/h2 && cp -p src/f src/same && cp -p src/f dst/same") == 0);
	return act(BLIT_CFG_MOVE, name, action, 0, change);
}

static void a_move_keeps_what_changed_in_mode_or_owner_only(void)
{
	struct answer a = move_after("same", BLIT_FORGET, "chmod 600 src/same");
	CHECK(answer_failure(&a) == BLIT_E_CHANGED && test_exists("src/same"));
	a = move_after("same", BLIT_FORGET, NULL);
	CHECK(a.r.done == 1 && !test_exists("src/same"));
}

static void a_move_keeps_a_file_that_another_run_writes(void)
{
	static const uint32_t actions[] = { BLIT_MAKE, BLIT_REPLACE, BLIT_FORGET };
	for (size_t i = 0; i < 3; i++) {
		struct rig rig;
		test_trees_fresh();
		test_write("src/f", "half");
		if (actions[i] == BLIT_FORGET)
			CHECK(system("cp -p src/f dst/f") == 0);
		int fd = open("src/f", O_RDONLY);
		CHECK(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
		rig_open(&rig, BLIT_CFG_MOVE);
		struct answer list = rig_list_root(&rig, BLIT_SRC | BLIT_DST | BLIT_STAT | BLIT_ALL);
		struct answer a = rig_apply(&rig, &list, "f", actions[i], 0);
		CHECK(answer_failure(&a) == BLIT_E_IN_USE && test_holds("src/f", "half"));
		CHECK(test_count("dst", false) == (actions[i] == BLIT_FORGET));
		close(fd);
		a = rig_apply(&rig, &list, "f", actions[i], 0);
		CHECK(a.r.done == 1 && !test_exists("src/f") && test_holds("dst/f", "half"));
		rig_free(&rig, &list);
		rig_close(&rig);
	}
}

static void a_move_keeps_what_has_lost_its_place(void)
{
	static const char *const names[] = { "f", "big", "l", "h", "same" };
	for (size_t i = 0; i < 5; i++) {
		char path[16];
		snprintf(path, sizeof path, "src/%s", names[i]);
		struct answer a = move_after(names[i], i < 4 ? BLIT_MAKE : BLIT_FORGET, "mv dst elsewhere; mkdir dst");
		if (i != 3) /* of an inode with several names the caller forgets them later */
			CHECK_EQUAL(answer_failure(&a), BLIT_E_GONE);
		CHECK(test_exists(path) && test_count("dst", false) == 0);
		CHECK(system("rm -r elsewhere") == 0);
	}
}

static void an_engine_that_may_change_nothing_changes_nothing(void)
{
	static const uint32_t actions[] = { BLIT_MAKE, BLIT_REPLACE, BLIT_METADATA, BLIT_FORGET };
	test_trees_fresh();
	test_write("src/f", "new");
	test_write("dst/f", "old");
	for (size_t i = 0; i < 4; i++) {
		struct answer a = act(BLIT_CFG_READ_ONLY | BLIT_CFG_MOVE, "f", actions[i], 0, NULL);
		CHECK_EQUAL(answer_failure(&a), EROFS);
	}
	CHECK(test_holds("src/f", "new") && test_holds("dst/f", "old"));
	struct answer a = act(BLIT_CFG_DISCARD, "f", BLIT_MAKE, 0, NULL);
	CHECK(a.r.done == 1 && a.r.bytes == 3 && test_holds("dst/f", "old"));
}

int main(void)
{
	test_folder_enter();
	files_of_every_size_arrive_with_mode_and_time();
	holes_stay_holes();
	other_kinds_are_made_and_replaced();
	a_run_of_entries_is_shared_among_the_workers();
	what_the_batch_does_not_have_is_a_failure_of_that_entry_alone();
	a_source_that_is_no_longer_what_it_was_is_told();
	what_appears_at_the_destination_is_replaced_whole_and_never_followed();
	a_symlink_swapped_in_for_a_directory_leads_nowhere();
	a_full_destination_leaves_the_old_file_and_no_rest();
	large_and_linked_files_are_handed_back_unless_forced();
	metadata_is_brought_up_to_date_and_content_left_alone();
	metadata_of_a_source_that_changed_since_it_was_compared_is_not_taken();
	content_is_compared();
	a_move_removes_what_has_arrived_and_nothing_else();
	a_move_keeps_what_changed_in_mode_or_owner_only();
	a_move_keeps_a_file_that_another_run_writes();
	a_move_keeps_what_has_lost_its_place();
	an_engine_that_may_change_nothing_changes_nothing();
	return 0;
}
