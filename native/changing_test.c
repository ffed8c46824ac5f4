/* APPLY while the source changes under its hands: what arrives is whole, and never has a time that hides a difference. */
#include "test.h"

#define SIZE 300000 /* more than one buffer, so that a limit stretches it */

static struct rig rig;
static struct answer list;
static struct stat first;

/* Starts to copy "src/f" so slowly that there is time to change it, and waits until some of it has moved. */
static void begin(uint32_t action)
{
	struct blit_counters counters = { 0 };
	test_trees_fresh();
	test_fill("src/f", SIZE, 1);
	test_set_time("src/f", 1000);
	CHECK(stat("src/f", &first) == 0);
	if (action == BLIT_REPLACE)
		test_write("dst/f", "old");
	rig_open_idle(&rig, (struct blit_config){ .bytes_per_second = 2 * SIZE });
	rig_start(&rig);
	list = rig_list_root(&rig, BLIT_SRC | BLIT_DST);
	struct blit_task t = { .op = BLIT_OP_APPLY, .batch = list.r.batch, .count = 1 };
	uint32_t word = action << BLIT_ACTION_SHIFT;
	CHECK(rig_submit(&rig, t, &word, sizeof word) > 0);
	while (counters.moving == 0)
		CHECK(sched_yield() == 0 && blit_engine_progress(rig.e, &counters) == 0);
}

static struct answer end(void)
{
	struct answer a;
	rig_next(&rig, &a);
	rig_free(&rig, &list);
	rig_close(&rig);
	CHECK_EQUAL(test_count("dst", true), 0);
	return a;
}

static void touch(int round)
{
	test_set_time("src/f", 2000 + round);
}

static void append(int round)
{
	(void)round;
	FILE *f = fopen("src/f", "a");
	CHECK(f && fputs("more", f) >= 0 && fclose(f) == 0);
}

static void shorten(int round)
{
	CHECK(truncate("src/f", 200000 - round) == 0);
}

static void a_file_that_changes_once_is_copied_as_it_is_then(void)
{
	static void (*const changes[])(int) = { touch, append, shorten };
	for (size_t i = 0; i < 4; i++) {
		begin(i < 3 ? BLIT_MAKE : BLIT_REPLACE);
		changes[i % 3](0);
		struct answer a = end();
		CHECK_EQUAL(a.r.details, 0);
		CHECK(test_same_file("src/f", "dst/f"));
	}
}

/* What was opened is whole; its time is its own, not that of the file which has the name now. */
static void a_file_that_is_renamed_away_arrives_whole(void)
{
	struct stat copy;
	begin(BLIT_MAKE);
	CHECK(rename("src/f", "away") == 0);
	test_fill("src/f", SIZE, 2);
	CHECK_EQUAL(end().r.details, 0);
	CHECK(test_same_file("away", "dst/f") && stat("dst/f", &copy) == 0 && copy.st_mtim.tv_sec == 1000);
}

/* Changes the file until the answer is there. */
static void change_until_answered(void (*change)(int round))
{
	for (int round = 1; !blit_engine_wait(rig.e, 20); round++)
		change(round);
}

static void a_file_that_never_rests_is_a_failure_and_the_old_one_stays(void)
{
	for (uint32_t action = BLIT_MAKE; action <= BLIT_REPLACE; action++) {
		begin(action);
		change_until_answered(touch);
		struct answer a = end();
		CHECK_EQUAL(answer_failure(&a), BLIT_E_CHANGED);
		CHECK(action == BLIT_REPLACE ? test_holds("dst/f", "old") : !test_exists("dst/f"));
	}
}

/* A log that is being written to would else never be copied. */
static void a_file_that_only_grows_arrives_as_it_was_when_it_was_opened(void)
{
	struct stat now, copy;
	begin(BLIT_MAKE);
	change_until_answered(append);
	struct answer a = end();
	CHECK_EQUAL(answer_failure(&a), BLIT_E_GREW);
	CHECK(stat("src/f", &now) == 0 && stat("dst/f", &copy) == 0);
	CHECK(copy.st_size >= first.st_size && copy.st_size < now.st_size);
	CHECK(copy.st_mtim.tv_sec != now.st_mtim.tv_sec || copy.st_mtim.tv_nsec != now.st_mtim.tv_nsec);
	CHECK(system("cmp -n $(stat -c %s dst/f) src/f dst/f") == 0);
}

int main(void)
{
	test_folder_enter();
	a_file_that_changes_once_is_copied_as_it_is_then();
	a_file_that_is_renamed_away_arrives_whole();
	a_file_that_never_rests_is_a_failure_and_the_old_one_stays();
	a_file_that_only_grows_arrives_as_it_was_when_it_was_opened();
	return 0;
}
