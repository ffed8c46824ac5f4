/* LIST with TAKE and CLOSE: directories that ask no decision are filled and settled by the listing itself. */
#include "test.h"

static struct rig rig;
static struct answer root;

static void begin(uint32_t config)
{
	rig_open(&rig, config);
	root = rig_list_root(&rig, BLIT_SRC | BLIT_DST);
	CHECK_EQUAL(root.r.status, 0);
}

static void end(void)
{
	rig_free(&rig, &root);
	rig_close(&rig);
}

static struct blit_task sub_task(uint32_t flags)
{
	return (struct blit_task){ .op = BLIT_OP_LIST, .flags = flags, .dir = 1, .batch = root.r.batch,
		.first = batch_find((struct blit_batch *)(uintptr_t)root.r.batch, "sub") };
}

/* Gives "sub" the number 1 and makes it. */
static struct answer make_sub(void)
{
	return rig_do(&rig, sub_task(BLIT_SRC | BLIT_MKDIR | BLIT_TAKE | BLIT_CLOSE), NULL, 0);
}

static bool knows_sub(void)
{
	return rig_do(&rig, (struct blit_task){ .op = BLIT_OP_SETTLE, .dir = 0, .flags = BLIT_SKIP }, NULL, 0).r.status == 0 &&
		rig_submit(&rig, (struct blit_task){ .op = BLIT_OP_SETTLE, .dir = 1, .flags = BLIT_SKIP }, NULL, 0) > 0;
}

static bool is_settled(const char *source, const char *destination)
{
	struct stat s, d;
	return stat(source, &s) == 0 && stat(destination, &d) == 0 && s.st_mode == d.st_mode && s.st_mtim.tv_sec == d.st_mtim.tv_sec &&
		s.st_mtim.tv_nsec == d.st_mtim.tv_nsec;
}

static void source_sub(const char *content)
{
	char command[200];
	test_trees_fresh();
	snprintf(command, sizeof command, "mkdir src/sub && cd src/sub && %s", content);
	CHECK(system(command) == 0);
	CHECK(chmod("src/sub", 02751) == 0);
	test_set_time("src/sub", 7000);
}

static void a_new_directory_is_done_at_once(void)
{
	static const uint32_t configs[] = { 0, BLIT_CFG_FSYNC, BLIT_CFG_VERIFY };
	for (int i = 0; i < 3; i++) {
		source_sub("echo one > a && echo two > b && ln -s a c && mkfifo d");
		begin(configs[i]);
		struct answer a = make_sub();
		CHECK(a.r.status == 0 && a.r.flags == BLIT_CLOSE && a.r.batch == 0 && a.r.details == 0);
		CHECK(a.r.taken == 4 && a.r.done == 4 && a.r.bytes == 8 && a.r.unchanged == 0);
		CHECK(test_same_file("src/sub/a", "dst/sub/a") && test_same_file("src/sub/b", "dst/sub/b"));
		CHECK(test_count("dst/sub", false) == 4 && is_settled("src/sub", "dst/sub"));
		CHECK(!knows_sub());
		end();
	}
}

static void an_empty_directory_is_done_at_once(void)
{
	source_sub("true");
	begin(0);
	struct answer a = make_sub();
	CHECK(a.r.status == 0 && a.r.flags == BLIT_CLOSE && a.r.batch == 0 && a.r.taken == 0);
	CHECK(is_settled("src/sub", "dst/sub") && !knows_sub());
	end();
}

static void what_was_inherited_is_put_right(void)
{
	struct stat st;
	source_sub("echo one > a");
	CHECK(chmod("dst", 02755) == 0 && (geteuid() != 0 || chown("dst", -1, 12) == 0) && chmod("dst", 02755) == 0);
	begin(0);
	struct answer a = make_sub();
	CHECK(a.r.status == 0 && a.r.flags == BLIT_CLOSE && is_settled("src/sub", "dst/sub"));
	CHECK(stat("dst/sub", &st) == 0 && (geteuid() != 0 || st.st_gid == 0));
	CHECK(stat("dst/sub/a", &st) == 0 && (geteuid() != 0 || st.st_gid == 0));
	end();
}

static void with_subdirectories_it_stays_open(void)
{
	source_sub("mkdir deeper && echo one > a");
	begin(0);
	struct answer a = make_sub();
	CHECK(a.r.status == 0 && a.r.flags == 0 && a.r.taken == 1 && a.r.done == 1 && test_holds("dst/sub/a", "one\n"));
	CHECK(answer_batch(&a)->others == 1 && answer_batch(&a)->dirs == 1 && !is_settled("src/sub", "dst/sub"));
	CHECK(knows_sub());
	rig_free(&rig, &a);
	end();
}

static void what_needs_a_decision_is_told_and_keeps_it_open(void)
{
	source_sub("echo one > a && ln a b && echo x > c && truncate -s 16M d");
	begin(0);
	struct answer a = make_sub();
	CHECK(a.r.status == 0 && a.r.flags == 0 && a.r.taken == 4 && a.r.done == 1 && a.r.details == 3);
	CHECK(test_holds("dst/sub/c", "x\n") && test_count("dst/sub", false) == 1 && !is_settled("src/sub", "dst/sub"));
	CHECK(knows_sub());
	rig_free(&rig, &a);
	end();
}

static void a_failure_keeps_it_open(void)
{
	source_sub("echo one > a && echo two > b");
	begin(0);
	/* what stands there already and is no file cannot be replaced */
	CHECK(mkdir("dst/sub", 0700) == 0 && mkdir("dst/sub/a", 0700) == 0);
	struct answer a = make_sub();
	CHECK(a.r.status == 0 && a.r.flags == 0 && a.r.taken == 2 && a.r.done == 1 && a.r.details == 1);
	CHECK(a.details[0].code == BLIT_D_FAILED && a.details[0].value == BLIT_E_BUSY_KIND && test_holds("dst/sub/b", "two\n"));
	CHECK(knows_sub());
	rig_free(&rig, &a);
	end();
}

static void much_work_is_left_to_be_shared(void)
{
	source_sub("for i in 1 2 3; do head -c 5000000 /dev/zero > $i; done");
	begin(0);
	struct answer a = make_sub();
	CHECK(a.r.flags == 0 && a.r.taken == 2 && a.r.done == 2 && a.r.bytes == 10000000);
	CHECK(answer_batch(&a)->others == 3 && test_count("dst/sub", false) == 2);
	rig_free(&rig, &a);
	end();
	source_sub("seq 300 | xargs touch");
	begin(0);
	a = make_sub();
	CHECK(a.r.flags == 0 && a.r.taken == 0 && answer_batch(&a)->others == 300 && test_count("dst/sub", false) == 0);
	rig_free(&rig, &a);
	end();
}

/* --- a directory that both sides have --- */

static void equal_sub(void)
{
	source_sub("echo one > a && echo two > b");
	CHECK(system("cp -a src/sub dst/") == 0);
}

static struct answer compare_sub(void)
{
	return rig_do(&rig, sub_task(BLIT_SRC | BLIT_DST | BLIT_CLOSE), NULL, 0);
}

static void an_equal_directory_is_done(void)
{
	equal_sub();
	begin(0);
	struct answer a = compare_sub();
	CHECK(a.r.status == 0 && a.r.flags == BLIT_CLOSE && a.r.batch == 0 && a.r.taken == 0);
	CHECK(a.r.unchanged == 2 && a.r.unchanged_bytes == 8 && !knows_sub());
	end();
}

static void any_difference_keeps_it_open(void)
{
	static const char *const changes[] = { "echo x > src/sub/a", "echo x > dst/sub/a", "touch dst/sub/extra", "mkdir dst/sub/extra",
		"rm dst/sub/a", "mkdir src/sub/new", "chmod 700 dst/sub", "touch dst/sub", "touch dst/sub/.blit-00000001000000019e914c25.tmp",
		"setfattr -n user.x -v 1 dst/sub" };
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		equal_sub();
		if (system(changes[i]) != 0)
			continue; /* no setfattr here */
		begin(0);
		struct answer a = compare_sub();
		CHECK(a.r.status == 0 && a.r.flags == 0 && a.r.batch != 0);
		CHECK(knows_sub());
		rig_free(&rig, &a);
		end();
	}
}

int main(void)
{
	test_folder_enter();
	a_new_directory_is_done_at_once();
	an_empty_directory_is_done_at_once();
	what_was_inherited_is_put_right();
	with_subdirectories_it_stays_open();
	what_needs_a_decision_is_told_and_keeps_it_open();
	a_failure_keeps_it_open();
	much_work_is_left_to_be_shared();
	an_equal_directory_is_done();
	any_difference_keeps_it_open();
	return 0;
}
