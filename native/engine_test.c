/* The engine as TypeScript drives it: what it takes and refuses, whole trees over several workers, and a stop at any moment. */
#include "test.h"

#include <ftw.h>

/* --- what is taken and what is refused --- */

static int64_t submit_raw(struct rig *rig, struct blit_task t, uint64_t len)
{
	char raw[256] = { 0 };
	memcpy(raw, &t, sizeof t);
	CHECK(len <= sizeof raw);
	return blit_engine_submit(rig->e, raw, len);
}

static void malformed_tasks_are_refused(void)
{
	struct rig rig;
	test_trees_fresh();
	test_write("src/f", "f");
	rig_open(&rig, 0);
	struct answer list = rig_list_root(&rig, BLIT_SRC);
	uint64_t batch = list.r.batch;
	const uint32_t full = sizeof(struct blit_task);
	const struct { struct blit_task t; uint32_t len; } cases[] = {
		{ { .op = BLIT_OP_LIST }, full - 1 },                                       /* cut off */
		{ { .op = 0 }, full }, { { .op = 9 }, full }, { { .op = ~0u }, full },
		{ { .op = BLIT_OP_LIST, .payload_len = 8 }, full },                         /* payload beyond the end */
		{ { .op = BLIT_OP_LIST, .payload_len = ~0u }, full },
		{ { .op = BLIT_OP_APPLY, .batch = batch }, full },                          /* no entries */
		{ { .op = BLIT_OP_APPLY, .batch = batch, .count = 3, .payload_len = 8 }, full + 8 },
		{ { .op = BLIT_OP_APPLY, .batch = batch, .count = 0x40000002, .payload_len = 8 }, full + 8 }, /* times 4 is 8 */
		{ { .op = BLIT_OP_REMOVE, .batch = batch, .count = 0x80000001, .payload_len = 4 }, full + 8 },
		{ { .op = BLIT_OP_APPLY, .count = 1 }, full },                              /* no batch */
		{ { .op = BLIT_OP_OPEN }, full }, { { .op = BLIT_OP_LINK }, full }, { { .op = BLIT_OP_REMOVE, .count = 1 }, full },
		{ { .op = BLIT_OP_RANGE }, full }, { { .op = BLIT_OP_FINISH }, full },      /* no handle */
		{ { .op = BLIT_OP_SETTLE, .dir = 1 }, full },                               /* unknown directories */
		{ { .op = BLIT_OP_APPLY, .batch = batch, .count = 1, .dir = ~0u }, full },
		{ { .op = BLIT_OP_LIST, .dir = 1 }, full },                                 /* nobody says its name */
		{ { .op = BLIT_OP_LIST, .dir = 1, .batch = batch, .first = 1 }, full },
		{ { .op = BLIT_OP_LIST, .dir = 1, .batch = batch, .parent = 2 }, full },
		{ { .op = BLIT_OP_LIST, .dir = ~0u, .batch = batch }, full },
		{ { .op = BLIT_OP_LIST, .dir = 1, .batch = batch, .flags = BLIT_MORE }, full },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		CHECK_EQUAL(submit_raw(&rig, cases[i].t, cases[i].len), -EINVAL);
	CHECK_EQUAL(submit_raw(&rig, (struct blit_task){ 0 }, 0), 0);
	CHECK_EQUAL(blit_engine_wait(rig.e, 20), 0); /* none of them was taken all the same */
	rig_free(&rig, &list);
	rig_close(&rig);
}

static void several_tasks_come_in_one_piece_up_to_a_malformed_one(void)
{
	struct rig rig;
	struct answer a;
	struct { struct blit_task named; char payload[8]; struct blit_task list, bad; } tasks = {
		.named = { .op = BLIT_OP_LIST, .id = 11, .flags = BLIT_SRC | BLIT_NAMED, .payload_len = 5 }, .payload = "none",
		.list = { .op = BLIT_OP_LIST, .id = 12, .flags = BLIT_SRC }, .bad = { .op = 77 },
	};
	test_trees_fresh();
	rig_open_idle(&rig, (struct blit_config){ .workers = 1 }); /* one worker keeps the order */
	CHECK_EQUAL(blit_engine_submit(rig.e, &tasks, sizeof tasks), -EINVAL);
	rig_start(&rig);
	rig_next(&rig, &a);
	CHECK(a.r.id == 11 && a.r.status == -ENOENT);
	rig_next(&rig, &a);
	CHECK(a.r.id == 12 && a.r.status == 0);
	CHECK_EQUAL(blit_engine_submit(rig.e, &tasks, sizeof tasks - sizeof tasks.bad), 2);
	rig_next(&rig, &a);
	rig_next(&rig, &a);
	CHECK_EQUAL(a.r.id, 12);
	rig_close(&rig);
}

static void an_engine_that_may_change_nothing_takes_no_task_that_would(void)
{
	struct rig rig;
	test_trees_fresh();
	CHECK(mkdir("src/sub", 0755) == 0);
	rig_open(&rig, BLIT_CFG_READ_ONLY);
	struct answer list = rig_list_root(&rig, BLIT_SRC);
	const struct blit_task refused[] = {
		{ .op = BLIT_OP_LIST, .dir = 1, .batch = list.r.batch, .flags = BLIT_SRC | BLIT_MKDIR },
		{ .op = BLIT_OP_OPEN, .batch = list.r.batch }, { .op = BLIT_OP_REMOVE, .batch = list.r.batch, .count = 1 },
		{ .op = BLIT_OP_SETTLE }, { .op = BLIT_OP_SETTLE, .flags = BLIT_SKIP | BLIT_RMSRC },
		{ .op = BLIT_OP_SETTLE, .flags = BLIT_RMDIR },
	};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		CHECK_EQUAL(rig_submit(&rig, refused[i], NULL, 0), -EROFS);
	CHECK_EQUAL(test_count("dst", false), 0);
	rig_free(&rig, &list);
	rig_close(&rig);
}

static void an_engine_without_its_roots_does_not_open_and_leaves_nothing_open(void)
{
	struct blit_config config = { .workers = 2 };
	struct engine *e = NULL;
	test_trees_fresh();
	test_write("file", "");
	int before = test_open_descriptors();
	mode_t mask = umask(027);
	CHECK_EQUAL(blit_engine_open(&config, "src", "missing", "", &e), -(ENOENT | 2 << BLIT_ROOT_SHIFT));
	CHECK_EQUAL(blit_engine_open(&config, "file", "dst", "", &e), -(ENOTDIR | 1 << BLIT_ROOT_SHIFT));
	CHECK_EQUAL(blit_engine_open(&config, "src", "dst", "file", &e), -(ENOTDIR | 3 << BLIT_ROOT_SHIFT));
	CHECK(e == NULL && test_open_descriptors() == before);
	CHECK_EQUAL(umask(mask), 027);
}

/* A daemon makes the roots of one transfer while others are under way. */
static void directories_above_a_root_keep_to_the_umask_while_an_engine_is_open(void)
{
	struct rig rig;
	struct stat st;
	uint32_t made = 0;
	test_trees_fresh();
	mode_t mask = umask(027);
	rig_open(&rig, 0);
	CHECK_EQUAL(blit_path_make("a/b", 0), 1);
	CHECK(stat("a", &st) == 0 && (st.st_mode & 07777) == 0750);
	int64_t fd = blit_beneath_make("a", "b/c/d", 0, &made);
	CHECK(fd >= 0 && made == 2 && close(fd) == 0);
	CHECK(stat("a/b/c", &st) == 0 && (st.st_mode & 07777) == 0750);
	rig_close(&rig);
	CHECK_EQUAL(umask(mask), 027);
	CHECK(rmdir("a/b/c/d") == 0 && rmdir("a/b/c") == 0 && rmdir("a/b") == 0 && rmdir("a") == 0);
}

static void results_wait_until_there_is_room_and_a_second_start_is_refused(void)
{
	struct rig rig;
	char room[4096];
	test_trees_fresh();
	rig_open(&rig, 0);
	for (int i = 0; i < 3; i++)
		CHECK(rig_submit(&rig, (struct blit_task){ .op = BLIT_OP_SETTLE, .flags = BLIT_SKIP }, NULL, 0) > 0);
	while (blit_engine_collect(rig.e, room, sizeof(struct blit_result) - 1) != -ENOBUFS)
		;
	int64_t have = 0;
	while (have < 3) {
		CHECK_EQUAL(blit_engine_wait(rig.e, 1000), 1);
		int64_t n = blit_engine_collect(rig.e, room, 2 * sizeof(struct blit_result));
		CHECK(n > 0 && n <= 2 * (int64_t)sizeof(struct blit_result));
		have += n / sizeof(struct blit_result);
	}
	CHECK_EQUAL(blit_engine_collect(rig.e, room, sizeof room), 0);
	CHECK_EQUAL(blit_engine_wait(rig.e, 5), 0);
	CHECK_EQUAL(blit_engine_start(rig.e), -EINVAL);
	rig_close(&rig);
}

/* --- whole trees --- */

#define FOLDERS 60
#define FILES 15
#define LARGE (300u << 10)

static void make_tree(void)
{
	char path[64];
	test_trees_fresh();
	for (int d = 0; d < FOLDERS; d++) {
		char folder[32];
		if (d < 10)
			snprintf(folder, sizeof folder, "src/d%d", d);
		else
			snprintf(folder, sizeof folder, "src/d%d/d%d", d % 10, d);
		CHECK(mkdir(folder, 0755) == 0);
		for (int f = 0; f < FILES; f++) {
			snprintf(path, sizeof path, "%s/f%d", folder, f);
			test_fill(path, f == 7 && d % 8 == 0 ? LARGE + d : (size_t)(f * 997 + d), d * FILES + f);
			CHECK(chmod(path, 0600 + (f & 7)) == 0);
			test_set_time(path, 100000 + f);
		}
	}
}

/* A session in small: lists directories as they come, copies what is in them, settles them from the inside out. */
struct node { struct node *parent; struct blit_batch *batch; uint32_t id, pending; };
struct slices { uint32_t left; }; /* of a large file */
struct work { uint32_t op; struct node *node; struct slices *slices; uint64_t handle; };
struct run {
	struct rig rig;
	struct node nodes[FOLDERS + 1];
	struct slices slices[FOLDERS];
	struct work work[4096];
	uint32_t next_node, next_slices, open, done_files;
};

static void go(struct run *r, struct blit_task t, struct work work)
{
	t.dir = work.node->id;
	work.op = t.op;
	int64_t id = rig_submit(&r->rig, t, NULL, 0);
	CHECK(id > 0 && id < 4096);
	r->work[id] = work;
	r->open++;
}

static void node_done(struct run *r, struct node *n)
{
	if (--n->pending > 0 || !n->parent)
		return;
	go(r, (struct blit_task){ .op = BLIT_OP_SETTLE, .flags = BLIT_DROP }, (struct work){ .node = n });
}

static void listed(struct run *r, struct node *n, const struct answer *a)
{
	struct blit_batch *b = n->batch = answer_batch(a);
	CHECK(a->r.status == 0 && b && !(a->r.flags & BLIT_MORE));
	if (b->others) {
		n->pending++;
		go(r, (struct blit_task){ .op = BLIT_OP_APPLY, .batch = a->r.batch, .count = b->others }, (struct work){ .node = n });
	}
	for (uint32_t i = b->others; i < b->others + b->dirs; i++) {
		struct node *below = &r->nodes[r->next_node];
		*below = (struct node){ .parent = n, .id = r->next_node++, .pending = 1 };
		n->pending++;
		go(r, (struct blit_task){ .op = BLIT_OP_LIST, .flags = BLIT_SRC | BLIT_MKDIR, .batch = a->r.batch, .first = i,
			.parent = n->id }, (struct work){ .node = below });
	}
	node_done(r, n);
}

static void applied(struct run *r, struct node *n, const struct answer *a)
{
	r->done_files += a->r.done;
	CHECK_EQUAL(a->r.done + a->r.details, n->batch->others);
	for (uint32_t i = 0; i < a->r.details; i++) {
		CHECK_EQUAL(a->details[i].code, BLIT_D_LARGE);
		n->pending++;
		go(r, (struct blit_task){ .op = BLIT_OP_OPEN, .batch = (uintptr_t)n->batch, .first = a->details[i].index },
			(struct work){ .node = n });
	}
	node_done(r, n);
}

static void opened(struct run *r, struct node *n, const struct answer *a)
{
	CHECK_EQUAL(a->r.status, 0);
	r->done_files++;
	if (!a->r.handle)
		return node_done(r, n);
	struct slices *slices = &r->slices[r->next_slices++];
	for (uint64_t at = 0; at < a->r.bytes; at += 100000, slices->left++) {
		uint64_t len = a->r.bytes - at < 100000 ? a->r.bytes - at : 100000;
		go(r, (struct blit_task){ .op = BLIT_OP_RANGE, .handle = a->r.handle, .offset = at, .length = len },
			(struct work){ .node = n, .slices = slices, .handle = a->r.handle });
	}
}

static void range_done(struct run *r, struct work w, const struct answer *a)
{
	CHECK_EQUAL(a->r.status, 0);
	if (--w.slices->left == 0)
		go(r, (struct blit_task){ .op = BLIT_OP_FINISH, .flags = BLIT_COMMIT, .handle = w.handle }, (struct work){ .node = w.node });
}

static void answered(struct run *r, const struct answer *a)
{
	struct work w = r->work[a->r.id];
	r->open--;
	CHECK_EQUAL(a->r.op, w.op);
	switch (w.op) {
	case BLIT_OP_LIST: listed(r, w.node, a); break;
	case BLIT_OP_APPLY: applied(r, w.node, a); break;
	case BLIT_OP_OPEN: opened(r, w.node, a); break;
	case BLIT_OP_RANGE: range_done(r, w, a); break;
	default:
		CHECK_EQUAL(a->r.status, 0);
		node_done(r, w.op == BLIT_OP_SETTLE ? w.node->parent : w.node);
	}
}

/* Copies src to dst; gives up after that many answers. */
static struct run *copy_tree(uint32_t workers, uint32_t answers)
{
	struct run *r = calloc(1, sizeof *r);
	struct answer a;
	rig_open_idle(&r->rig, (struct blit_config){ .workers = workers, .large_bytes = LARGE });
	r->rig.e->dirs.open_max = 16;
	rig_start(&r->rig);
	r->nodes[0].pending = 1;
	r->next_node = 1;
	go(r, (struct blit_task){ .op = BLIT_OP_LIST, .flags = BLIT_SRC | BLIT_DST }, (struct work){ .node = &r->nodes[0] });
	for (; r->open > 0 && answers > 0; answers--) {
		rig_next(&r->rig, &a);
		answered(r, &a);
	}
	if (r->open > 0)
		blit_engine_stop(r->rig.e, 0);
	rig_close(&r->rig);
	for (uint32_t i = 0; i < r->next_node; i++)
		free(r->nodes[i].batch);
	return r;
}

static int unlike, missing, temporary;

static bool same_time(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool same_content_of(const char *a, const char *b)
{
	char x[8192], y[8192];
	int fa = open(a, O_RDONLY), fb = open(b, O_RDONLY);
	CHECK(fa >= 0 && fb >= 0);
	ssize_t n, m;
	do {
		n = read(fa, x, sizeof x);
		m = read(fb, y, sizeof y);
	} while (n > 0 && n == m && memcmp(x, y, n) == 0);
	close(fa);
	close(fb);
	return n == 0 && m == 0;
}

static int look_for_it_in_dst(const char *path, const struct stat *st, int type, struct FTW *at)
{
	char copy[256];
	struct stat there;
	snprintf(copy, sizeof copy, "dst%s", path + 3);
	if (at->level > 0 && stat(copy, &there) < 0)
		missing++;
	else if (at->level > 0)
		unlike += there.st_mode != st->st_mode || !same_time(&there, st) || (type == FTW_F && !same_content_of(path, copy));
	return 0;
}

static void a_tree_arrives_whole_whatever_the_number_of_workers(void)
{
	make_tree();
	for (uint32_t workers = 1; workers <= 4; workers++) {
		CHECK(system("rm -rf dst && mkdir dst") == 0);
		int before = test_open_descriptors();
		struct run *r = copy_tree(workers, ~0u);
		CHECK_EQUAL(r->done_files, FOLDERS * FILES);
		CHECK_EQUAL(test_open_descriptors(), before);
		free(r);
		unlike = missing = 0;
		CHECK(nftw("src", look_for_it_in_dst, 16, FTW_PHYS) == 0);
		CHECK(unlike == 0 && missing == 0);
	}
}

/* Counts blit's temporary files, and files that look finished but are not what the source has. */
static int look_for_rests(const char *path, const struct stat *st, int type, struct FTW *at)
{
	char source[256];
	struct stat there;
	temporary += strncmp(path + at->base, ".blit-", 6) == 0;
	snprintf(source, sizeof source, "src%s", path + 3);
	if (type == FTW_F && stat(source, &there) == 0 && there.st_size == st->st_size && same_time(&there, st))
		unlike += !same_content_of(path, source);
	return 0;
}

/* Nothing of blit's own is left, and no file has its source's size and time without being like it. */
static void a_stop_leaves_no_rest_and_nothing_that_looks_finished_but_is_not(void)
{
	make_tree();
	for (uint32_t answers = 1; answers < 130; answers += 12) {
		CHECK(system("rm -rf dst && mkdir dst") == 0);
		int before = test_open_descriptors();
		free(copy_tree(4, answers));
		CHECK_EQUAL(test_open_descriptors(), before);
		unlike = temporary = 0;
		CHECK(nftw("dst", look_for_rests, 16, FTW_PHYS) == 0);
		CHECK(unlike == 0 && temporary == 0);
	}
}

int main(void)
{
	test_folder_enter();
	malformed_tasks_are_refused();
	several_tasks_come_in_one_piece_up_to_a_malformed_one();
	an_engine_that_may_change_nothing_takes_no_task_that_would();
	an_engine_without_its_roots_does_not_open_and_leaves_nothing_open();
	directories_above_a_root_keep_to_the_umask_while_an_engine_is_open();
	results_wait_until_there_is_room_and_a_second_start_is_refused();
	a_tree_arrives_whole_whatever_the_number_of_workers();
	a_stop_leaves_no_rest_and_nothing_that_looks_finished_but_is_not();
	return 0;
}
