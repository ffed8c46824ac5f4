/* One wait for many engines and descriptors: what is ready is told once, by its token, and the rest goes on being waited for. */
#include "test.h"

#include <signal.h>

static void open_engines(struct rig rigs[], int count)
{
	test_trees_fresh();
	for (int i = 0; i < count; i++)
		rig_open(&rigs[i], 0);
}

static void forget_nothing(struct rig *rig)
{
	struct blit_task t = { .op = BLIT_OP_SETTLE, .flags = BLIT_SKIP };
	CHECK(rig_submit(rig, t, NULL, 0) > 0);
}

static struct waiter *w; /* one for the whole program, as in blit */

static void an_engine_with_results_is_told_and_the_others_are_waited_for(void)
{
	struct rig rigs[3];
	struct answer a;
	uint64_t out[8];
	open_engines(rigs, 3);
	CHECK_EQUAL(blit_wait(w, out, 8), 0); /* nothing is waited for */
	for (int i = 0; i < 3; i++)
		CHECK_EQUAL(blit_wait_engine(w, rigs[i].e, 100 + i, 60000), 0);
	forget_nothing(&rigs[1]);
	CHECK(blit_wait(w, out, 8) == 1 && out[0] == 101);
	rig_next(&rigs[1], &a);
	forget_nothing(&rigs[1]); /* nobody waits for it any more */
	forget_nothing(&rigs[2]);
	CHECK(blit_wait(w, out, 8) == 1 && out[0] == 102);
	CHECK_EQUAL(blit_wait_engine(w, rigs[2].e, 7, 60000), 0);
	CHECK(blit_wait(w, out, 8) == 1 && out[0] == 7); /* its result was not collected */
	CHECK_EQUAL(blit_wait_engine(w, rigs[0].e, 8, 5), 0);
	CHECK(blit_wait(w, out, 8) == 1 && out[0] == 8); /* its time is over */
	CHECK_EQUAL(blit_engine_stop(rigs[0].e, 0), 0);
	CHECK(blit_wait(w, out, 8) == 1 && out[0] == 100);
	for (int i = 0; i < 3; i++)
		rig_close(&rigs[i]);
	CHECK_EQUAL(blit_wait(w, out, 8), 0);
}

static void who_waits_for_an_engine_that_closes_hears_of_the_end_of_its_threads(void)
{
	struct rig rig;
	uint64_t out[8];
	open_engines(&rig, 1);
	CHECK_EQUAL(blit_engine_stop(rig.e, 1), 0);
	CHECK_EQUAL(blit_wait_engine(w, rig.e, 1, 60000), 0);
	CHECK(blit_wait(w, out, 8) == 1 && out[0] == 1);
	CHECK_EQUAL(blit_engine_join(rig.e, 0), 0);
	CHECK_EQUAL(blit_wait_engine(w, rig.e, 2, 60000), 0);
	CHECK_EQUAL(blit_engine_close(rig.e), 0);
	CHECK(blit_wait(w, out, 8) == 1 && out[0] == 2); /* it is gone */
}

struct sleeper { uint64_t out[8]; int64_t count; };

static void *sleep_in_wait(void *arg)
{
	struct sleeper *s = arg;
	s->count = blit_wait(w, s->out, 8);
	return NULL;
}

/* Engines come and go, and get results, while blit_wait sleeps on another thread. */
static void a_wait_that_sleeps_is_woken_by_what_comes_later(void)
{
	for (int round = 0; round < 200; round++) {
		struct rig rigs[2];
		struct answer a;
		pthread_t thread;
		if (round == 0)
			open_engines(rigs, 2);
		else
			for (int i = 0; i < 2; i++)
				rig_open(&rigs[i], 0);
		struct sleeper s;
		CHECK_EQUAL(blit_wait_engine(w, rigs[0].e, 1, 60000), 0);
		CHECK(pthread_create(&thread, NULL, sleep_in_wait, &s) == 0);
		if (round % 2)
			usleep(100 * (round % 7));
		int which = round % 3 > 0;
		if (which)
			CHECK_EQUAL(blit_wait_engine(w, rigs[1].e, 2, 60000), 0);
		forget_nothing(&rigs[which]);
		CHECK(pthread_join(thread, NULL) == 0);
		CHECK(s.count == 1 && s.out[0] == (which ? 2 : 1));
		rig_next(&rigs[which], &a);
		for (int i = 0; i < 2; i++)
			rig_close(&rigs[i]);
		while (blit_wait(w, s.out, 8))
			; /* those that are gone */
	}
}

static void descriptors_are_told_when_they_are_readable_writable_or_over(void)
{
	uint64_t out[8];
	int32_t pair[2], full[2];
	char bytes[4096] = { 0 };
	CHECK(blit_socket_pair(pair) == 0 && blit_socket_pair(full) == 0);
	CHECK_EQUAL(blit_descriptor_read(pair[0], bytes, sizeof bytes), -EAGAIN);
	while (blit_descriptor_write(full[0], bytes, sizeof bytes) > 0)
		;
	CHECK_EQUAL(blit_wait_descriptor(w, pair[0], 0, 1, 60000), 0);
	CHECK_EQUAL(blit_wait_descriptor(w, full[0], 1, 2, 60000), 0);
	CHECK_EQUAL(blit_wait_descriptor(w, pair[1], 0, 3, 5), 0);
	CHECK(blit_wait(w, out, 8) == 1 && out[0] == 3); /* its time is over */
	CHECK_EQUAL(blit_descriptor_write(pair[1], "four", 4), 4);
	CHECK(blit_wait(w, out, 8) == 1 && out[0] == 1);
	CHECK(blit_descriptor_read(pair[0], bytes, sizeof bytes) == 4 && memcmp(bytes, "four", 4) == 0);
	while (blit_descriptor_read(full[1], bytes, sizeof bytes) > 0)
		;
	CHECK(blit_wait(w, out, 8) == 1 && out[0] == 2);
	CHECK_EQUAL(blit_wait_descriptor(w, pair[0], 0, 4, 60000), 0);
	CHECK_EQUAL(blit_descriptor_shut(pair[0]), 0);
	CHECK(blit_wait(w, out, 8) == 1 && out[0] == 4);
	for (int i = 0; i < 2; i++)
		CHECK(blit_descriptor_close(pair[i]) == 0 && blit_descriptor_close(full[i]) == 0);
	CHECK_EQUAL(blit_wait(w, out, 8), 0);
}

/* An engine that is ready again and again does not keep a descriptor waiting. */
static void engines_and_descriptors_take_turns(void)
{
	struct rig rig;
	uint64_t out[1];
	int32_t pair[2];
	bool told = false;
	open_engines(&rig, 1);
	CHECK_EQUAL(blit_socket_pair(pair), 0);
	CHECK_EQUAL(blit_engine_stop(rig.e, 0), 0);
	CHECK_EQUAL(blit_descriptor_write(pair[1], "x", 1), 1);
	CHECK_EQUAL(blit_wait_descriptor(w, pair[0], 0, 1, 60000), 0);
	for (int round = 0; round < 4 && !told; round++) {
		CHECK_EQUAL(blit_wait_engine(w, rig.e, 100, 60000), 0);
		CHECK_EQUAL(blit_wait(w, out, 1), 1);
		told |= out[0] == 1;
	}
	CHECK(told);
	rig_close(&rig);
	while (blit_wait(w, out, 1))
		;
	CHECK(blit_descriptor_close(pair[0]) == 0 && blit_descriptor_close(pair[1]) == 0);
}

/* Threads of that name; only those that take no SIGTERM, if asked. */
static int thread_count(const char *name, bool deaf)
{
	DIR *d = opendir("/proc/self/task");
	int n = 0;
	CHECK(d != NULL);
	for (struct dirent *entry; (entry = readdir(d));) {
		char path[320], line[256];
		snprintf(path, sizeof path, "/proc/self/task/%s/status", entry->d_name);
		FILE *f = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
		bool named = false, blocked = false;
		while (f && fgets(line, sizeof line, f)) {
			named |= strncmp(line, "Name:\t", 6) == 0 && strncmp(line + 6, name, strlen(name)) == 0;
			blocked |= strncmp(line, "SigBlk:", 7) == 0 && (strtoull(line + 7, NULL, 16) >> (SIGTERM - 1) & 1);
		}
		if (f)
			fclose(f);
		n += named && (blocked || !deaf);
	}
	closedir(d);
	return n;
}

static void threads_take_no_signals_and_end_with_their_engine(void)
{
	struct rig rig;
	open_engines(&rig, 1);
	for (int wait = 0; thread_count("blit worker", false) < (int)rig.workers && wait < 5000; wait++)
		usleep(1000); /* each names itself */
	CHECK_EQUAL(thread_count("blit worker", true), rig.workers);
	rig_close(&rig);
	for (int wait = 0; thread_count("blit worker", false) > 0 && wait < 5000; wait++)
		usleep(1000); /* counted out, they leave */
	CHECK_EQUAL(thread_count("blit worker", false), 0);
}

int main(void)
{
	test_folder_enter();
	CHECK_EQUAL(blit_waiter_open(&w), 0);
	threads_take_no_signals_and_end_with_their_engine();
	an_engine_with_results_is_told_and_the_others_are_waited_for();
	who_waits_for_an_engine_that_closes_hears_of_the_end_of_its_threads();
	a_wait_that_sleeps_is_woken_by_what_comes_later();
	descriptors_are_told_when_they_are_readable_writable_or_over();
	engines_and_descriptors_take_turns();
	return 0;
}
