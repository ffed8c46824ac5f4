/* LINK, REMOVE, SETTLE and the backup tree: what is done to a destination besides filling it. */
#include "test.h"

static struct rig rig;
static struct answer list;

static void begin(uint32_t config, uint32_t flags)
{
	rig_open(&rig, config);
	list = rig_list_root(&rig, flags | BLIT_ALL);
	CHECK_EQUAL(list.r.status, 0);
}

static void end(void)
{
	rig_free(&rig, &list);
	rig_close(&rig);
	CHECK_EQUAL(test_count("dst", true), 0);
}

static uint32_t index_of(const char *name)
{
	return batch_find(answer_batch(&list), name);
}

static bool one_inode(const char *a, const char *b)
{
	struct stat sa, sb;
	return lstat(a, &sa) == 0 && lstat(b, &sb) == 0 && sa.st_ino == sb.st_ino && sa.st_dev == sb.st_dev;
}

/* --- LINK --- */

static struct answer link_second_to_first(void)
{
	struct blit_task t = { .op = BLIT_OP_LINK, .batch = list.r.batch, .first = index_of("second") };
	return rig_do(&rig, t, "first", 5);
}

static void linked_source(void)
{
	test_trees_fresh();
	test_write("src/first", "content");
	CHECK(link("src/first", "src/second") == 0);
	test_write("dst/first", "content");
}

static void a_name_becomes_a_link_whatever_stood_there(void)
{
	static const char *const before[] = { "true", "echo old > dst/second", "ln -s /etc/passwd dst/second", "mkfifo dst/second" };
	for (int i = 0; i < 4; i++) {
		linked_source();
		CHECK(system(before[i]) == 0);
		begin(0, BLIT_SRC | BLIT_DST);
		struct answer a = link_second_to_first();
		CHECK(a.r.status == 0 && a.r.details == 0);
		CHECK(one_inode("dst/first", "dst/second") && test_holds("dst/second", "content"));
		a = link_second_to_first();
		CHECK(a.r.status == 0 && a.r.details == 1 && a.details[0].code == BLIT_D_SAME);
		end();
	}
}

static void a_link_that_cannot_be_made_is_an_error(void)
{
	linked_source();
	begin(0, BLIT_SRC | BLIT_DST);
	CHECK(mkdir("dst/second", 0755) == 0);
	CHECK_EQUAL(link_second_to_first().r.status, -BLIT_E_BUSY_KIND);
	CHECK(rmdir("dst/second") == 0 && unlink("dst/first") == 0);
	struct answer a = link_second_to_first();
	CHECK(a.r.status == -ENOENT && a.r.step == BLIT_STEP_LINK && !test_exists("dst/second"));
	struct blit_task t = { .op = BLIT_OP_LINK, .batch = list.r.batch, .first = 2 };
	CHECK_EQUAL(rig_do(&rig, t, "first", 5).r.status, -EINVAL);
	t = (struct blit_task){ .op = BLIT_OP_LINK, .batch = list.r.batch, .first = index_of("second") };
	CHECK_EQUAL(rig_do(&rig, t, "../outside", 10).r.status, -EINVAL);
	t = (struct blit_task){ .op = BLIT_OP_LINK, .batch = list.r.batch, .parent = 5 };
	CHECK_EQUAL(rig_do(&rig, t, "first", 5).r.status, -EINVAL);
	end();
}

static void a_dry_run_of_a_move_makes_no_link_and_removes_nothing(void)
{
	linked_source();
	test_write("dst/second", "old");
	begin(BLIT_CFG_READ_ONLY | BLIT_CFG_MOVE, BLIT_SRC | BLIT_DST);
	struct answer a = link_second_to_first();
	CHECK(a.r.status == 0 && a.r.details == 0);
	CHECK(unlink("dst/second") == 0 && link("dst/first", "dst/second") == 0);
	a = link_second_to_first();
	CHECK(a.r.status == 0 && a.r.details == 1 && a.details[0].code == BLIT_D_SAME);
	end();
	CHECK(test_exists("src/first") && test_exists("src/second"));
}

/* --- REMOVE --- */

static struct answer remove_extras(void)
{
	const struct blit_batch *b = answer_batch(&list);
	struct blit_task t = { .op = BLIT_OP_REMOVE, .batch = list.r.batch, .first = b->others + b->dirs, .count = b->extras };
	return rig_do(&rig, t, NULL, 0);
}

static void extra_entries_go_and_directories_do_not(void)
{
	test_trees_fresh();
	CHECK(system("echo x > dst/file && ln -s /etc/passwd dst/link && mkfifo dst/fifo && mkdir dst/dir && echo y > dst/gone") == 0);
	begin(0, BLIT_SRC | BLIT_DST);
	CHECK(unlink("dst/gone") == 0); /* somebody was quicker: that is what was wanted */
	struct answer a = remove_extras();
	CHECK(a.r.done == 4 && a.r.details == 1);
	CHECK(a.details[0].index == index_of("dir") && a.details[0].value == EISDIR && a.details[0].extra == BLIT_STEP_REMOVE);
	CHECK(test_count("dst", false) == 1 && test_exists("/etc/passwd"));
	end();
}

/* --- the backup tree --- */

static void what_is_replaced_or_removed_is_kept(void)
{
	test_trees_fresh();
	CHECK(mkdir("backup", 0755) == 0);
	CHECK(system("echo new > src/f && echo old > dst/f && ln -s new src/l && ln -s old dst/l && echo extra > dst/e") == 0);
	test_write("backup/f", "older"); /* stays */
	begin(BLIT_CFG_BACKUP, BLIT_SRC | BLIT_DST);
	CHECK_EQUAL(rig_apply(&rig, &list, "f", BLIT_REPLACE, 0).r.done, 1);
	CHECK_EQUAL(rig_apply(&rig, &list, "l", BLIT_REPLACE, 0).r.done, 1);
	CHECK_EQUAL(remove_extras().r.done, 1);
	end();
	char target[8] = { 0 };
	CHECK(test_holds("dst/f", "new\n") && test_holds("backup/f", "older") && test_holds("backup/f.~1~", "old\n"));
	CHECK(test_holds("backup/e", "extra\n"));
	CHECK(readlink("backup/l", target, 7) == 3 && strcmp(target, "old") == 0 && !test_exists("dst/e"));
}

/* Linking and renaming do not lead to another file system: there a copy is kept. */
static void a_backup_on_another_file_system_is_a_copy(void)
{
	struct stat here, there;
	char path[] = "/dev/shm/blit-test-XXXXXX", command[128];
	test_trees_fresh();
	if (stat("/dev/shm", &there) < 0 || stat(".", &here) < 0 || there.st_dev == here.st_dev || !mkdtemp(path)) {
		fprintf(stderr, "skipped: no second file system for the backup tree\n");
		return;
	}
	CHECK(symlink(path, "backup") == 0);
	CHECK(system("echo new > src/f && echo old > dst/f && chmod 640 dst/f && echo extra > dst/e && ln dst/e dst/e2 && ln -s x dst/l && mkfifo dst/p") == 0);
	/* what a killed run left, and what a living one is at */
	char dead[TEMP_NAME_LEN + 1], alive[TEMP_NAME_LEN + 1];
	temp_name_of(INT32_MAX, 0, dead);
	temp_name_of(getppid(), 0, alive);
	snprintf(command, sizeof command, "touch backup/%s backup/%s", dead, alive);
	CHECK(system(command) == 0);
	begin(BLIT_CFG_BACKUP, BLIT_SRC | BLIT_DST);
	CHECK_EQUAL(rig_apply(&rig, &list, "f", BLIT_REPLACE, 0).r.done, 1);
	CHECK_EQUAL(remove_extras().r.done, 4);
	end();
	CHECK(test_holds("dst/f", "new\n") && test_holds("backup/f", "old\n") && test_holds("backup/e", "extra\n"));
	CHECK(test_count("dst", false) == 1 && test_count("backup/.", false) == 6);
	CHECK(stat("backup/e", &here) == 0 && stat("backup/e2", &there) == 0 && here.st_ino == there.st_ino);
	CHECK(stat("backup/f", &there) == 0 && (there.st_mode & 07777) == 0640);
	snprintf(command, sizeof command, "rm -r %s", path);
	CHECK(system(command) == 0 && unlink("backup") == 0);
}

/* --- SETTLE --- */

/* Gives the only subdirectory the number 1. */
static void list_sub(uint32_t flags)
{
	struct blit_task t = { .op = BLIT_OP_LIST, .flags = flags, .dir = 1, .batch = list.r.batch, .first = index_of("sub") };
	struct answer a = rig_do(&rig, t, NULL, 0);
	CHECK_EQUAL(a.r.status, 0);
	rig_free(&rig, &a);
}

static struct answer settle(uint32_t dir, uint32_t flags)
{
	return rig_do(&rig, (struct blit_task){ .op = BLIT_OP_SETTLE, .dir = dir, .flags = flags }, NULL, 0);
}

static void a_directory_gets_its_metadata_when_it_settles(void)
{
	struct stat st;
	test_trees_fresh();
	CHECK(mkdir("src/sub", 0755) == 0 && chmod("src/sub", 02751) == 0);
	test_set_time("src/sub", 7000);
	begin(0, BLIT_SRC | BLIT_DST);
	list_sub(BLIT_SRC | BLIT_MKDIR);
	CHECK(stat("dst/sub", &st) == 0 && (st.st_mode & 07777) == 0700); /* private until then */
	test_write("dst/sub/f", "");
	CHECK_EQUAL(settle(1, 0).r.status, 0);
	CHECK(stat("dst/sub", &st) == 0 && (st.st_mode & 07777) == 02751 && st.st_mtim.tv_sec == 7000 && st.st_mtim.tv_nsec == 7);
	CHECK_EQUAL(settle(1, BLIT_SKIP | BLIT_DROP).r.status, 0);
	struct blit_task t = { .op = BLIT_OP_SETTLE, .dir = 1 };
	CHECK_EQUAL(rig_submit(&rig, t, NULL, 0), -EINVAL);
	end();
}

static void directories_are_removed_only_when_they_are_empty(void)
{
	test_trees_fresh();
	CHECK(system("mkdir src/sub dst/sub && echo x > src/sub/f && echo x > dst/sub/f") == 0);
	begin(BLIT_CFG_MOVE, BLIT_SRC | BLIT_DST);
	list_sub(BLIT_SRC | BLIT_DST);
	CHECK_EQUAL(settle(1, BLIT_SKIP | BLIT_RMSRC).r.status, 0);
	CHECK(test_exists("src/sub/f"));
	struct answer a = settle(1, BLIT_RMDIR | BLIT_DROP);
	CHECK(a.r.status == -ENOTEMPTY && a.r.step == BLIT_STEP_REMOVE && test_exists("dst/sub/f"));
	CHECK(unlink("src/sub/f") == 0 && unlink("dst/sub/f") == 0);
	CHECK_EQUAL(settle(1, BLIT_RMDIR).r.status, 0); /* its number is still there after the failure */
	CHECK(test_count("dst", false) == 0 && test_count("src", false) == 1);
	CHECK_EQUAL(settle(1, BLIT_SKIP | BLIT_RMSRC | BLIT_DROP).r.status, 0);
	CHECK_EQUAL(test_count("src", false), 0);
	end();
}

static void the_root_is_never_removed(void)
{
	test_trees_fresh();
	begin(BLIT_CFG_MOVE, BLIT_SRC | BLIT_DST);
	CHECK_EQUAL(settle(0, BLIT_RMDIR).r.status, -EINVAL);
	CHECK_EQUAL(settle(0, BLIT_SKIP | BLIT_RMSRC).r.status, 0);
	CHECK_EQUAL(settle(0, BLIT_SKIP | BLIT_DROP).r.status, 0);
	CHECK(test_exists("src") && test_exists("dst"));
	CHECK_EQUAL(settle(0, 0).r.status, 0);
	end();
}

int main(void)
{
	test_folder_enter();
	a_name_becomes_a_link_whatever_stood_there();
	a_link_that_cannot_be_made_is_an_error();
	a_dry_run_of_a_move_makes_no_link_and_removes_nothing();
	extra_entries_go_and_directories_do_not();
	what_is_replaced_or_removed_is_kept();
	a_backup_on_another_file_system_is_a_copy();
	a_directory_gets_its_metadata_when_it_settles();
	directories_are_removed_only_when_they_are_empty();
	the_root_is_never_removed();
	return 0;
}
