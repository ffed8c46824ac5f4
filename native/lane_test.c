/* A source and a destination with lanes between them: what travels arrives, what comes twice is taken once, and nothing that comes
 * over a lane, however broken, does more than end the lane. */
#include "test.h"

#include <sys/socket.h>
#include <sys/sysmacros.h>

#define SIZE (3u << 20)

struct pair {
	struct rig from, to; /* source and destination */
	struct answer list, there; /* the root's entries at the source, and as the destination sees them */
};

static uint32_t lane_start(struct rig *rig, int fd, bool sends)
{
	int64_t id = rig_submit(rig, (struct blit_task){ .op = BLIT_OP_LANE, .flags = sends ? BLIT_SRC : BLIT_DST, .handle = fd }, NULL, 0);
	CHECK(id > 0);
	return id;
}

static void lane_add(struct pair *p)
{
	int fd[2];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	lane_start(&p->from, fd[0], true);
	lane_start(&p->to, fd[1], false);
}

static void open_half(struct rig *rig, struct blit_config config, const char *src, const char *dst)
{
	*rig = (struct rig){ .workers = 2, .next_id = 1 };
	config.workers = 2;
	config.large_bytes = 1 << 20;
	CHECK_EQUAL(blit_engine_open(&config, src, dst, "", &rig->e), 0);
	rig_start(rig);
}

static void pair_open(struct pair *p, uint32_t flags)
{
	memset(p, 0, sizeof *p);
	open_half(&p->from, (struct blit_config){ .flags = flags & BLIT_CFG_VERIFY }, "src", "");
	open_half(&p->to, (struct blit_config){ .flags = flags }, "", "dst");
	p->list = rig_list_root(&p->from, BLIT_SRC | BLIT_STAT | BLIT_ALL | BLIT_DIGEST);
	CHECK(p->list.r.status == 0 && p->list.r.handle);
	const struct blit_record *root = (void *)(uintptr_t)p->list.r.handle;
	void *batch;
	CHECK_EQUAL(blit_batch_take(answer_batch(&p->list), p->list.r.batch_len, &batch), 0);
	struct blit_task t = { .op = BLIT_OP_LIST, .flags = BLIT_REMOTE | BLIT_DST | BLIT_LAST | BLIT_ALL, .handle = (uintptr_t)batch };
	p->there = rig_do(&p->to, t, root, root->length);
	CHECK_EQUAL(p->there.r.status, 0);
	free(batch);
	free((void *)root);
}

static void pair_close(struct pair *p)
{
	CHECK(blit_engine_stop(p->from.e, 1) == 0 && blit_engine_stop(p->to.e, 1) == 0);
	rig_join(&p->from);
	rig_join(&p->to);
	rig_free(&p->from, &p->list);
	rig_free(&p->to, &p->there);
	rig_close(&p->from);
	rig_close(&p->to);
}

/* Asks for all entries; the number of the request. */
static uint32_t request(struct pair *p, uint32_t action)
{
	const struct blit_batch *b = answer_batch(&p->there);
	uint32_t words[300];
	CHECK(b->others <= 300);
	for (uint32_t i = 0; i < b->others; i++)
		words[i] = i | action << BLIT_ACTION_SHIFT;
	struct blit_task t = { .op = BLIT_OP_STORE, .batch = p->there.r.batch, .count = b->others };
	int64_t id = rig_submit(&p->to, t, words, b->others * 4);
	CHECK(id > 0);
	return id;
}

static void bring(struct pair *p, uint32_t id, uint32_t action)
{
	const struct blit_batch *b = answer_batch(&p->there);
	uint32_t words[300];
	for (uint32_t i = 0; i < b->others; i++) { /* the batches are the same but for their order */
		uint32_t len;
		char name[NAME_CAP];
		const char *at = batch_name(b, i, &len);
		memcpy(name, at, len);
		name[len] = 0;
		words[i] = batch_find(answer_batch(&p->list), name) | action << BLIT_ACTION_SHIFT;
	}
	struct blit_task t = { .op = BLIT_OP_PACK, .batch = p->list.r.batch, .count = b->others, .parent = id };
	CHECK(rig_submit(&p->from, t, words, b->others * 4) > 0);
}

static struct answer next_of(struct rig *rig, uint32_t op)
{
	struct answer a;
	rig_next(rig, &a);
	CHECK_EQUAL(a.r.op, op);
	return a;
}

static void make_sources(void)
{
	char path[64];
	test_trees_fresh();
	for (int i = 0; i < 200; i++) {
		snprintf(path, sizeof path, "src/file%d", i);
		test_fill(path, i * 97, i);
		CHECK(chmod(path, 0600 + i % 64) == 0);
		test_set_time(path, 1000 + i);
	}
	CHECK(symlink("file1", "src/link") == 0 && mkfifo("src/fifo", 0640) == 0);
}

static void everything_arrives_as_it_is(void)
{
	static const uint32_t configs[] = { 0, BLIT_CFG_VERIFY, BLIT_CFG_FSYNC };
	for (int i = 0; i < 3; i++)
		for (uint32_t action = BLIT_MAKE; action <= BLIT_REPLACE; action++) {
			struct pair p;
			int before = test_open_descriptors();
			make_sources();
			if (action == BLIT_REPLACE)
				CHECK(system("for i in 1 2 3; do echo old > dst/file$i; done") == 0);
			pair_open(&p, configs[i]);
			lane_add(&p);
			lane_add(&p);
			bring(&p, request(&p, action), action);
			struct answer a = next_of(&p.to, BLIT_OP_STORE);
			CHECK(a.r.details == 0 && a.r.done == 202);
			next_of(&p.from, BLIT_OP_PACK);
			pair_close(&p);
			for (int f = 0; f < 200; f++) {
				char from[64], to[64];
				snprintf(from, sizeof from, "src/file%d", f);
				snprintf(to, sizeof to, "dst/file%d", f);
				CHECK(test_same_file(from, to));
			}
			CHECK(test_count("dst", true) == 0 && test_count("dst", false) == 202);
			CHECK_EQUAL(test_open_descriptors(), before);
		}
}

/* TypeScript sleeps for longer while lanes have enough to do, so their tasks are counted. */
static void check_lane_tasks(const struct pair *p, uint32_t packs, uint32_t stores)
{
	CHECK_EQUAL(atomic_load(&p->from.e->lane_tasks), packs);
	CHECK_EQUAL(atomic_load(&p->to.e->lane_tasks), stores);
}

static void what_was_asked_for_twice_is_taken_once(void)
{
	struct pair p;
	make_sources();
	pair_open(&p, 0);
	uint32_t id = request(&p, BLIT_MAKE);
	for (int i = 0; i < 3; i++)
		bring(&p, id, BLIT_MAKE);
	bring(&p, 999, BLIT_MAKE);
	check_lane_tasks(&p, 4, 1);
	CHECK_EQUAL(blit_request_drop(p.from.e, 999), 0);
	check_lane_tasks(&p, 3, 1);
	lane_add(&p);
	lane_add(&p);
	struct answer a = next_of(&p.to, BLIT_OP_STORE);
	CHECK(a.r.details == 0 && a.r.done == 202);
	for (int i = 0; i < 4; i++)
		next_of(&p.from, BLIT_OP_PACK);
	check_lane_tasks(&p, 0, 0);
	pair_close(&p);
	CHECK(test_count("dst", true) == 0 && test_count("dst", false) == 202);
}

static void what_cannot_be_read_is_told(void)
{
	struct pair p;
	test_trees_fresh();
	test_write("src/gone", "x");
	test_write("src/two", "x");
	CHECK(link("src/two", "src/names") == 0);
	test_fill("src/large", SIZE, 1);
	test_write("src/fine", "x");
	pair_open(&p, 0);
	CHECK(unlink("src/gone") == 0);
	lane_add(&p);
	bring(&p, request(&p, BLIT_MAKE), BLIT_MAKE);
	struct answer a = next_of(&p.to, BLIT_OP_STORE);
	CHECK(a.r.details == 4 && a.r.done == 1);
	uint32_t codes[8] = { 0 };
	for (uint32_t i = 0; i < a.r.details; i++)
		codes[a.details[i].code]++;
	CHECK(codes[BLIT_D_FAILED] == 1 && codes[BLIT_D_LINKED] == 2 && codes[BLIT_D_LARGE] == 1);
	next_of(&p.from, BLIT_OP_PACK);
	pair_close(&p);
	CHECK(test_holds("dst/fine", "x") && test_count("dst", false) == 1);
}

/* Opens "src/large" on both sides; the handles. */
static void open_large(struct pair *p, uint64_t *from, uint64_t *to)
{
	struct blit_task t = { .op = BLIT_OP_OPEN, .flags = BLIT_DIGEST, .batch = p->list.r.batch,
		.first = batch_find(answer_batch(&p->list), "large") };
	struct answer a = rig_do(&p->from, t, NULL, 0);
	CHECK(a.r.status == 0 && a.r.batch && a.r.bytes == SIZE);
	*from = a.r.handle;
	struct blit_record *record = (void *)(uintptr_t)a.r.batch;
	t = (struct blit_task){ .op = BLIT_OP_OPEN, .batch = p->there.r.batch, .first = batch_find(answer_batch(&p->there), "large") };
	a = rig_do(&p->to, t, record, record->length);
	free(record);
	CHECK(a.r.status == 0 && a.r.handle);
	*to = a.r.handle;
}

static void a_large_file_arrives_in_slices(void)
{
	static const uint32_t configs[] = { 0, BLIT_CFG_VERIFY };
	for (int sparse = 0; sparse < 2; sparse++)
		for (int i = 0; i < 2; i++) {
			struct pair p;
			struct stat st;
			uint64_t from, to;
			test_trees_fresh();
			if (sparse)
				CHECK(system("printf data | dd of=src/large bs=1 seek=2000000 2>/dev/null; truncate -s 3145728 src/large") == 0);
			else
				test_fill("src/large", SIZE, 3);
			test_set_time("src/large", 5000);
			pair_open(&p, configs[i]);
			open_large(&p, &from, &to);
			lane_add(&p);
			lane_add(&p);
			for (uint64_t at = 0; at < SIZE; at += SIZE / 3) {
				struct blit_task t = { .op = BLIT_OP_RECEIVE, .handle = to, .offset = at, .length = SIZE / 3 };
				int64_t id = rig_submit(&p.to, t, NULL, 0);
				CHECK(id > 0);
				t = (struct blit_task){ .op = BLIT_OP_SEND, .handle = from, .offset = at, .length = SIZE / 3, .parent = id };
				CHECK(rig_submit(&p.from, t, NULL, 0) > 0);
				CHECK(rig_submit(&p.from, t, NULL, 0) > 0); /* twice, as after a lane that died */
			}
			for (int k = 0; k < 3; k++)
				CHECK_EQUAL(next_of(&p.to, BLIT_OP_RECEIVE).r.status, 0);
			for (int k = 0; k < 6; k++)
				next_of(&p.from, BLIT_OP_SEND);
			CHECK_EQUAL(rig_do(&p.from, (struct blit_task){ .op = BLIT_OP_FINISH, .flags = BLIT_COMMIT, .handle = from }, NULL, 0).r.status, 0);
			CHECK_EQUAL(rig_do(&p.to, (struct blit_task){ .op = BLIT_OP_FINISH, .flags = BLIT_COMMIT, .handle = to }, NULL, 0).r.status, 0);
			pair_close(&p);
			CHECK(test_same_file("src/large", "dst/large") && test_count("dst", true) == 0);
			CHECK(stat("dst/large", &st) == 0 && (!sparse || st.st_blocks < 1000));
		}
}

/* Asks for a third of the large file; `hashes` as SEND takes them. */
static void bring_third(struct pair *p, uint64_t from, uint64_t to, int third, const void *hashes, uint64_t len)
{
	struct blit_task t = { .op = BLIT_OP_RECEIVE, .handle = to, .offset = third * (SIZE / 3), .length = SIZE / 3 };
	int64_t id = rig_submit(&p->to, t, NULL, 0);
	CHECK(id > 0);
	t = (struct blit_task){ .op = BLIT_OP_SEND, .handle = from, .offset = t.offset, .length = t.length, .parent = id };
	CHECK(rig_submit(&p->from, t, hashes, len) > 0);
}

static void finish_large(struct pair *p, uint64_t from, uint64_t to)
{
	struct blit_task t = { .op = BLIT_OP_FINISH, .flags = BLIT_COMMIT, .handle = from };
	CHECK_EQUAL(rig_do(&p->from, t, NULL, 0).r.status, 0);
	t.handle = to;
	CHECK_EQUAL(rig_do(&p->to, t, NULL, 0).r.status, 0);
}

static void only_blocks_that_are_missing_are_sent_again(void)
{
	static const uint32_t configs[] = { BLIT_CFG_RESUME, BLIT_CFG_RESUME | BLIT_CFG_VERIFY };
	for (int i = 0; i < 2; i++) {
		struct pair p;
		struct blit_counters moved;
		uint64_t from, to;
		test_trees_fresh();
		test_fill("src/large", SIZE, 3);
		test_set_time("src/large", 5000);
		pair_open(&p, configs[i]);
		open_large(&p, &from, &to);
		lane_add(&p);
		for (int third = 0; third < 2; third++) {
			bring_third(&p, from, to, third, NULL, 0);
			CHECK_EQUAL(next_of(&p.to, BLIT_OP_RECEIVE).r.status, 0);
			next_of(&p.from, BLIT_OP_SEND);
		}
		pair_close(&p); /* broken off */
		CHECK(test_count("dst", true) == 1 && !test_exists("dst/large"));
		CHECK(system("f=$(echo dst/.blit-*.part); chmod 666 $f; printf spoilt | dd of=$f bs=1 seek=7 conv=notrunc 2>/dev/null") == 0);

		pair_open(&p, configs[i]);
		open_large(&p, &from, &to);
		lane_add(&p);
		for (int third = 0; third < 3; third++) {
			struct blit_task t = { .op = BLIT_OP_HASH, .handle = to, .offset = third * (SIZE / 3), .length = SIZE / 3 };
			struct answer a = rig_do(&p.to, t, NULL, 0);
			CHECK(a.r.status == 0 && a.r.batch_len == SIZE / 3 / BLIT_BLOCK * sizeof(uint64_t));
			bring_third(&p, from, to, third, (void *)(uintptr_t)a.r.batch, a.r.batch_len);
			CHECK_EQUAL(next_of(&p.to, BLIT_OP_RECEIVE).r.status, 0);
			next_of(&p.from, BLIT_OP_SEND);
			free((void *)(uintptr_t)a.r.batch);
		}
		CHECK_EQUAL(blit_engine_progress(p.to.e, &moved), 0);
		CHECK_EQUAL(moved.bytes[BLIT_M_RESUMED], SIZE / 3); /* one was never sent, one was spoilt */
		CHECK_EQUAL(moved.bytes[BLIT_M_NETWORK], SIZE / 3 * 2);
		finish_large(&p, from, to);
		pair_close(&p);
		CHECK(test_same_file("src/large", "dst/large") && test_count("dst", true) == 0);
	}
}

/* A lane of the destination whose other end is the test's. */
static int lane_by_hand(struct pair *p)
{
	int fd[2];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	lane_start(&p->to, fd[1], false);
	return fd[0];
}

static void put(int fd, const void *data, size_t n)
{
	const char *at = data;
	for (ssize_t m; n; at += m, n -= m)
		CHECK((m = write(fd, at, n)) > 0);
}

static void put_frame(int fd, uint32_t type, uint64_t id, uint64_t offset, uint64_t length, const char *file)
{
	struct blit_frame f = { .type = type, .id = id, .offset = offset, .length = length };
	uint64_t hash = 0;
	wire_frame_seal(&f);
	put(fd, &f, sizeof f);
	if (type == BLIT_FRAME_DATA)
		put(fd, file + offset, length);
	if (type == BLIT_FRAME_END)
		put(fd, (uint64_t[]){ hash, 0 }, 2 * sizeof hash);
}

static void wait_until_comes(struct pair *p, uint32_t id, bool wanted)
{
	for (int wait = 0; blit_request_comes(p->to.e, id) != wanted && wait < 5000; wait++)
		usleep(1000);
	CHECK_EQUAL(blit_request_comes(p->to.e, id), wanted);
}

static void a_slice_comes_whole_on_the_lane_that_began_it(void)
{
	struct pair p;
	uint64_t from, to, third = SIZE / 3;
	char *file = malloc(SIZE);
	test_trees_fresh();
	test_fill("src/large", SIZE, 3);
	FILE *f = fopen("src/large", "r");
	CHECK(f && fread(file, 1, SIZE, f) == SIZE && fclose(f) == 0);
	test_set_time("src/large", 5000);
	pair_open(&p, 0);
	open_large(&p, &from, &to);
	struct blit_task t = { .op = BLIT_OP_RECEIVE, .handle = to, .length = SIZE };
	int64_t id = rig_submit(&p.to, t, NULL, 0);
	CHECK(id > 0);
	int dying = lane_by_hand(&p), second = lane_by_hand(&p), third_lane = lane_by_hand(&p);
	put_frame(dying, BLIT_FRAME_BEGIN, id, 0, 0, file);
	put_frame(dying, BLIT_FRAME_DATA, id, 0, third, file);
	wait_until_comes(&p, id, true);
	/* The same on another lane: its first part is not taken, so the rest must not be either, when the first lane is dead. */
	put_frame(second, BLIT_FRAME_BEGIN, id, 0, 0, file);
	put_frame(second, BLIT_FRAME_DATA, id, 0, 2 * third, file);
	close(dying);
	wait_until_comes(&p, id, false);
	put_frame(second, BLIT_FRAME_DATA, id, 2 * third, third, file);
	put_frame(second, BLIT_FRAME_END, id, 0, 2 * sizeof(uint64_t), file);
	CHECK(rig_is_quiet(&p.to, 300)); /* not done */
	/* Data that nothing began is not taken. */
	put_frame(third_lane, BLIT_FRAME_DATA, id, 0, third, file);
	put_frame(third_lane, BLIT_FRAME_END, id, 0, 2 * sizeof(uint64_t), file);
	CHECK(rig_is_quiet(&p.to, 100));
	put_frame(second, BLIT_FRAME_BEGIN, id, 0, 0, file);
	put_frame(second, BLIT_FRAME_DATA, id, 0, SIZE, file);
	put_frame(second, BLIT_FRAME_END, id, 0, 2 * sizeof(uint64_t), file);
	struct answer a = next_of(&p.to, BLIT_OP_RECEIVE);
	CHECK(a.r.status == 0 && a.r.bytes == SIZE);
	finish_large(&p, from, to);
	close(second);
	close(third_lane);
	pair_close(&p);
	CHECK(test_same_file("src/large", "dst/large") && test_count("dst", true) == 0);
	free(file);
}

static void what_has_arrived_is_not_sent_again(void)
{
	struct pair p;
	uint64_t from, to;
	struct blit_counters sent;
	test_trees_fresh();
	test_fill("src/large", SIZE, 3);
	pair_open(&p, 0);
	open_large(&p, &from, &to);
	for (int k = 0; k < 3; k++) { /* no lane yet: all of them wait */
		struct blit_task t = { .op = BLIT_OP_SEND, .handle = from, .length = SIZE, .parent = 70 + k % 2 };
		CHECK(rig_submit(&p.from, t, NULL, 0) > 0);
	}
	CHECK_EQUAL(blit_request_drop(p.from.e, 70), 0);
	next_of(&p.from, BLIT_OP_SEND);
	next_of(&p.from, BLIT_OP_SEND);
	lane_add(&p);
	next_of(&p.from, BLIT_OP_SEND);
	CHECK_EQUAL(blit_engine_progress(p.from.e, &sent), 0);
	CHECK_EQUAL(sent.moving, SIZE);
	pair_close(&p);
}

static void a_lane_that_is_not_wanted_ends_without_a_loss(void)
{
	for (int side = 0; side < 2; side++) {
		struct pair p;
		make_sources();
		pair_open(&p, 0);
		lane_add(&p);
		CHECK_EQUAL(blit_lane_retire(side ? p.from.e : p.to.e), -ENOENT); /* the last one stays */
		lane_add(&p);
		int open = test_open_descriptors();
		while (blit_lane_retire(side ? p.from.e : p.to.e) != 0) /* until the second has begun */
			usleep(1000);
		for (int round = 0; round < 100; round++) { /* a lane leaves after the slice that it has */
			bring(&p, request(&p, BLIT_REPLACE), BLIT_REPLACE);
			struct answer a = next_of(&p.to, BLIT_OP_STORE);
			CHECK(a.r.details == 0 && a.r.done == 202);
			next_of(&p.from, BLIT_OP_PACK);
		}
		for (int wait = 0; test_open_descriptors() > open - 2 && wait < 5000; wait++)
			usleep(1000);
		CHECK_EQUAL(test_open_descriptors(), open - 2); /* both its ends are closed */
		pair_close(&p);
	}
}

/* --- broken streams --- */

static uint32_t random_state = 1;

static uint32_t random_word(void)
{
	random_state = random_state * 1664525u + 1013904223u;
	return random_state >> 8;
}

/* What a good source sends for all entries, as one string of bytes. */
static size_t record_stream(char **out)
{
	struct pair p;
	int fd[2];
	make_sources();
	pair_open(&p, 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	lane_start(&p.from, fd[0], true);
	bring(&p, request(&p, BLIT_MAKE), BLIT_MAKE);
	size_t room = 8 << 20, n = 0;
	CHECK((*out = malloc(room)) != NULL);
	struct blit_batch *b = answer_batch(&p.there);
	for (uint32_t entries = 0; entries < b->others;) {
		struct blit_frame f;
		CHECK(recv(fd[1], &f, sizeof f, MSG_WAITALL) == sizeof f && wire_frame_ok(&f) && f.type == BLIT_FRAME_RECORDS);
		CHECK(n + sizeof f + f.length < room);
		memcpy(*out + n, &f, sizeof f);
		CHECK(recv(fd[1], *out + n + sizeof f, f.length, MSG_WAITALL) == (ssize_t)f.length);
		for (uint64_t at = 0; at < f.length; entries++)
			at += ((const struct blit_record *)(*out + n + sizeof f + at))->length;
		n += sizeof f + f.length;
	}
	close(fd[1]);
	next_of(&p.from, BLIT_OP_PACK);
	pair_close(&p);
	return n;
}

static void damage(char *bytes, size_t n)
{
	for (uint32_t k = 1 + random_word() % 8; k; k--) {
		size_t at = random_word() % 4 ? random_word() % n : random_word() % 400 % n; /* the first headers more often */
		bytes[at] = random_word() % 2 ? (char)random_word() : (char)(bytes[at] ^ 1 << random_word() % 8);
	}
	if (random_word() % 2) { /* past the check of the first frame */
		struct blit_frame f;
		memcpy(&f, bytes, sizeof f);
		wire_frame_seal(&f);
		memcpy(bytes, &f, sizeof f);
	}
}

static void broken_streams_end_the_lane_and_nothing_else(void)
{
	char *good, *bad;
	size_t n = record_stream(&good);
	CHECK((bad = malloc(n)) != NULL);
	for (int round = 0; round < 150; round++) {
		struct pair p;
		int fd[2];
		int before = test_open_descriptors();
		CHECK(system("rm -rf dst && mkdir dst") == 0);
		test_write("outside", "untouched");
		pair_open(&p, 0);
		request(&p, BLIT_MAKE);
		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
		lane_start(&p.to, fd[1], false);
		memcpy(bad, good, n);
		size_t len = random_word() % 3 ? n : random_word() % n;
		damage(bad, n);
		for (size_t at = 0; at < len;) {
			ssize_t m = send(fd[0], bad + at, len - at, MSG_NOSIGNAL);
			if (m <= 0)
				break;
			at += m;
		}
		close(fd[0]);
		pair_close(&p);
		CHECK(test_holds("outside", "untouched") && test_count("dst", true) == 0);
		CHECK_EQUAL(test_open_descriptors(), before);
	}
	free(good);
	free(bad);
}

static void records_are_taken_only_when_all_their_lengths_fit(void)
{
	char room[4096];
	for (int round = 0; round < 200000; round++) {
		struct blit_record *r = (void *)room;
		for (size_t i = 0; i < sizeof room / 4; i++)
			((uint32_t *)room)[i] = random_word() % 3 ? 0 : random_word() % 64;
		r->mode = random_word() % 2 ? S_IFREG : S_IFLNK;
		r->length = sizeof *r + random_word() % 40 * 8;
		r->code = random_word() % 4 ? 0 : random_word() % 10;
		uint64_t limit = random_word() % sizeof room;
		char *exact = malloc(limit ? limit : 1); /* what is behind it is poisoned */
		memcpy(exact, room, limit);
		const struct blit_record *taken = wire_record(exact, limit);
		if (taken && !taken->code) {
			struct wire_parts parts = wire_record_parts(taken);
			CHECK(taken->length <= limit);
			CHECK(parts.content + taken->content_len <= exact + taken->length);
		}
		free(exact);
	}
}

static void batches_are_taken_only_when_they_make_sense(void)
{
	struct pair p;
	make_sources();
	CHECK(mkdir("src/sub", 0755) == 0);
	pair_open(&p, 0);
	size_t n = p.list.r.batch_len;
	char *bytes = malloc(n);
	CHECK(bytes != NULL);
	void *out;
	uint32_t taken = 0;
	for (int round = 0; round < 20000; round++) {
		memcpy(bytes, answer_batch(&p.list), n);
		size_t len = random_word() % 8 ? n : random_word() % n;
		for (uint32_t k = random_word() % 4; k; k--)
			bytes[random_word() % 2 ? random_word() % n : random_word() % 1200 % n] = random_word();
		if (blit_batch_take(bytes, len, &out) != 0)
			continue;
		taken++;
		const struct blit_batch *b = out;
		for (uint32_t i = 0; i < b->count; i++) {
			char source[NAME_CAP], destination[NAME_CAP];
			CHECK_EQUAL(batch_names(b, i, source, destination), 0);
			CHECK(strcmp(source, "..") != 0 && !strchr(source, '/'));
		}
		free(out);
	}
	CHECK(taken > 0);
	free(bytes);
	pair_close(&p);
}

static void put_record(int fd, uint32_t id, uint32_t code, uint64_t value, uint32_t mode)
{
	uint64_t room[32] = { 0 };
	struct blit_record *r = (void *)room;
	*r = (struct blit_record){ .length = sizeof *r, .code = code, .value = value, .mode = mode };
	if (!code && S_ISLNK(mode)) {
		memcpy(r + 1, "/etc", 4);
		r->target_len = 4;
		r->length += 8;
	}
	struct blit_frame f = { .type = BLIT_FRAME_RECORDS, .id = id, .length = r->length };
	wire_frame_seal(&f);
	put(fd, &f, sizeof f);
	put(fd, r, r->length);
}

static void an_answer_to_something_else_is_a_failure_and_makes_nothing(void)
{
	static const struct { bool link; uint32_t action, code; uint64_t value; uint32_t mode; } cases[] = {
		{ false, BLIT_MAKE, 0, 0, S_IFLNK | 0777 }, { false, BLIT_MAKE, 0, 0, S_IFIFO | 0644 }, { false, BLIT_MAKE, 0, 0, S_IFCHR | 0644 },
		{ false, BLIT_REPLACE, 0, 0, S_IFBLK | 0644 }, { false, BLIT_MAKE, 0, 0, S_IFDIR | 0755 }, { false, BLIT_MAKE, 0, 0, 0 },
		{ true, BLIT_MAKE, 0, 0, S_IFREG | 0644 }, { true, BLIT_REPLACE, 0, 0, S_IFDIR | 0755 }, { true, BLIT_MAKE, BLIT_D_LARGE, 5, 0 },
		{ false, BLIT_MAKE, BLIT_D_SAME, 0, 0 }, { false, BLIT_MAKE, BLIT_D_DIFFERENT, 0, 0 }, { false, BLIT_REPLACE, BLIT_D_SIZE, 1, 0 },
		{ false, BLIT_MAKE, BLIT_D_HASH, 1, 0 }, { false, BLIT_MAKE, BLIT_D_FAILED, 0, 0 }, { false, BLIT_MAKE, BLIT_D_FAILED, 1ull << 33, 0 },
		{ false, BLIT_MAKE, BLIT_D_LARGE, 1ull << 63, 0 }, { false, BLIT_METADATA, BLIT_D_LARGE, 5, 0 },
		{ false, BLIT_METADATA, BLIT_D_LINKED, 5, 0 }, { false, BLIT_CONTENT, BLIT_D_SAME, 0, 0 }, { false, BLIT_CONTENT, 0, 0, S_IFREG },
		{ false, BLIT_PROBE, 0, 0, S_IFREG }, { false, BLIT_PROBE, BLIT_D_LARGE, 5, 0 },
		{ true, BLIT_PROBE, BLIT_D_SAME, 0, 0 }, { true, BLIT_PROBE, 0, 0, S_IFREG },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pair p;
		test_trees_fresh();
		if (cases[i].link)
			CHECK(symlink("x", "src/entry") == 0);
		else
			test_write("src/entry", "1");
		pair_open(&p, 0);
		uint32_t id = request(&p, cases[i].action);
		int fd = lane_by_hand(&p);
		put_record(fd, id, cases[i].code, cases[i].value, cases[i].mode);
		struct answer a = next_of(&p.to, BLIT_OP_STORE);
		CHECK_EQUAL(answer_failure(&a), BLIT_E_PROTOCOL);
		CHECK_EQUAL(a.r.done, 0);
		close(fd);
		pair_close(&p);
		CHECK_EQUAL(test_count("dst", false), 0);
	}
}

int main(void)
{
	test_folder_enter();
	an_answer_to_something_else_is_a_failure_and_makes_nothing();
	everything_arrives_as_it_is();
	what_was_asked_for_twice_is_taken_once();
	what_cannot_be_read_is_told();
	a_large_file_arrives_in_slices();
	only_blocks_that_are_missing_are_sent_again();
	a_slice_comes_whole_on_the_lane_that_began_it();
	what_has_arrived_is_not_sent_again();
	a_lane_that_is_not_wanted_ends_without_a_loss();
	broken_streams_end_the_lane_and_nothing_else();
	records_are_taken_only_when_all_their_lengths_fit();
	batches_are_taken_only_when_they_make_sense();
	return 0;
}
