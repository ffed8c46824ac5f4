/* OPEN, RANGE, FINISH: large files in slices, and that nothing of one stays behind when it is given up, whatever the reason. */
#include "test.h"

#define SIZE (3u << 20)
#define SLICE (1u << 20)

struct open_file { struct rig rig; struct answer list, opened; };

/* Opens "src/f", of SIZE bytes, on an engine whose files are large from 1 MiB on. */
static void begin(struct open_file *o, struct blit_config config)
{
	config.large_bytes = 1 << 20;
	rig_open_idle(&o->rig, config);
	rig_start(&o->rig);
	o->list = rig_list_root(&o->rig, BLIT_SRC | BLIT_DST);
	struct blit_task t = { .op = BLIT_OP_OPEN, .batch = o->list.r.batch, .first = batch_find(answer_batch(&o->list), "f") };
	o->opened = rig_do(&o->rig, t, NULL, 0);
}

static struct answer range(struct open_file *o, uint64_t at, uint64_t len)
{
	struct blit_task t = { .op = BLIT_OP_RANGE, .handle = o->opened.r.handle, .offset = at, .length = len };
	return rig_do(&o->rig, t, NULL, 0);
}

static struct answer finish(struct open_file *o, uint32_t flags)
{
	struct blit_task t = { .op = BLIT_OP_FINISH, .flags = flags, .handle = o->opened.r.handle };
	return rig_do(&o->rig, t, NULL, 0);
}

static void end(struct open_file *o)
{
	rig_free(&o->rig, &o->list);
	rig_close(&o->rig);
}

static void copy_all(struct open_file *o)
{
	CHECK(o->opened.r.status == 0 && o->opened.r.bytes == SIZE);
	if (!o->opened.r.handle)
		return; /* the file system shares extents: it is done */
	for (uint64_t at = 0; at < SIZE; at += SLICE) {
		struct answer a = range(o, at, SLICE);
		CHECK(a.r.status == 0 && a.r.bytes == SLICE);
	}
	CHECK_EQUAL(finish(o, BLIT_COMMIT).r.status, 0);
}

static void fresh(void)
{
	test_trees_fresh();
	test_fill("src/f", SIZE, 9);
	CHECK(chmod("src/f", 0640) == 0);
	test_set_time("src/f", 4000);
}

static void slices_make_the_file(void)
{
	static const uint32_t configs[] = { 0, BLIT_CFG_VERIFY, BLIT_CFG_FSYNC, BLIT_CFG_MOVE };
	for (size_t i = 0; i < 4; i++)
		for (int over = 0; over < 2; over++) {
			struct open_file o;
			int before = test_open_descriptors();
			fresh();
			CHECK(system("cp -p src/f kept") == 0);
			if (over)
				test_write("dst/f", "old");
			begin(&o, (struct blit_config){ .flags = configs[i] });
			copy_all(&o);
			end(&o);
			CHECK(test_same_file("kept", "dst/f") && test_count("dst", true) == 0);
			CHECK(test_exists("src/f") == (configs[i] != BLIT_CFG_MOVE));
			CHECK_EQUAL(test_open_descriptors(), before);
		}
}

/* Slices in any order, on all workers at once. */
static void slices_may_be_copied_at_once(void)
{
	struct open_file o;
	struct answer a;
	fresh();
	begin(&o, (struct blit_config){ .workers = 4, .flags = BLIT_CFG_VERIFY }); /* which does not clone */
	CHECK(o.opened.r.handle != 0);
	const uint32_t piece = 100000;
	uint32_t pieces = 0;
	for (int64_t at = SIZE / piece * piece; at >= 0; at -= piece, pieces++) {
		struct blit_task t = { .op = BLIT_OP_RANGE, .handle = o.opened.r.handle, .offset = at,
			.length = SIZE - at < piece ? SIZE - at : piece };
		CHECK(rig_submit(&o.rig, t, NULL, 0) > 0);
	}
	for (; pieces; pieces--) {
		rig_next(&o.rig, &a);
		CHECK_EQUAL(a.r.status, 0);
	}
	CHECK_EQUAL(finish(&o, BLIT_COMMIT).r.status, 0);
	end(&o);
	CHECK(test_same_file("src/f", "dst/f"));
}

/* Another worker is at the first file: a range of the second one goes first, and then, with nothing else to do, that of the first. */
static void a_file_that_is_written_goes_after_others(void)
{
	struct open_file o;
	struct answer first, second;
	fresh();
	test_fill("src/g", SIZE, 5);
	begin(&o, (struct blit_config){ .workers = 1, .flags = BLIT_CFG_VERIFY }); /* which does not clone */
	struct blit_task open = { .op = BLIT_OP_OPEN, .batch = o.list.r.batch, .first = batch_find(answer_batch(&o.list), "g") };
	struct answer other = rig_do(&o.rig, open, NULL, 0);
	CHECK(o.opened.r.handle != 0 && other.r.handle != 0);
	struct large *written = (void *)(uintptr_t)o.opened.r.handle;
	large_range_begins(written);
	struct blit_task both[2] = {
		{ .op = BLIT_OP_RANGE, .id = 100, .handle = o.opened.r.handle, .length = SIZE },
		{ .op = BLIT_OP_RANGE, .id = 101, .handle = other.r.handle, .length = SIZE },
	};
	CHECK_EQUAL(blit_engine_submit(o.rig.e, both, sizeof both), 2);
	rig_next(&o.rig, &first);
	rig_next(&o.rig, &second);
	CHECK_EQUAL(first.r.id, 101);
	CHECK_EQUAL(second.r.id, 100);
	struct blit_task done = { .op = BLIT_OP_FINISH, .flags = BLIT_COMMIT, .handle = other.r.handle };
	CHECK_EQUAL(rig_do(&o.rig, done, NULL, 0).r.status, 0);
	CHECK_EQUAL(finish(&o, BLIT_COMMIT).r.status, 0);
	end(&o);
	CHECK(test_same_file("src/f", "dst/f") && test_same_file("src/g", "dst/g"));
}

static void holes_stay_holes(void)
{
	struct open_file o;
	struct stat src, dst;
	test_trees_fresh();
	int fd = open("src/f", O_RDWR | O_CREAT, 0644);
	CHECK(pwrite(fd, "data", 4, SLICE + 5000) == 4 && ftruncate(fd, SIZE) == 0);
	close(fd);
	begin(&o, (struct blit_config){ 0 });
	copy_all(&o);
	end(&o);
	CHECK(test_same_file("src/f", "dst/f"));
	CHECK(stat("src/f", &src) == 0 && stat("dst/f", &dst) == 0 && dst.st_blocks <= src.st_blocks + 16);
}

static void giving_up_leaves_the_old_file_and_nothing_else(void)
{
	for (int how = 0; how < 3; how++) { /* FINISH without COMMIT, close, stop and close */
		struct open_file o;
		int before = test_open_descriptors();
		fresh();
		test_write("dst/f", "old");
		begin(&o, (struct blit_config){ .flags = BLIT_CFG_VERIFY });
		CHECK_EQUAL(range(&o, 0, SLICE).r.status, 0);
		CHECK_EQUAL(test_count("dst", true), 1);
		if (how == 0)
			CHECK_EQUAL(finish(&o, 0).r.status, 0);
		if (how == 2)
			blit_engine_stop(o.rig.e, 0);
		end(&o);
		CHECK(test_holds("dst/f", "old") && test_count("dst", false) == 1);
		CHECK_EQUAL(test_open_descriptors(), before);
	}
}

/* A slice under way ends early, and its worker comes back: the limit would make it last for hours. */
static void a_stop_ends_a_slice_that_is_under_way(void)
{
	struct open_file o;
	struct blit_counters counters = { 0 };
	fresh();
	begin(&o, (struct blit_config){ .flags = BLIT_CFG_VERIFY, .bytes_per_second = 65536 / 4 });
	struct blit_task t = { .op = BLIT_OP_RANGE, .handle = o.opened.r.handle, .length = SIZE };
	CHECK(rig_submit(&o.rig, t, NULL, 0) > 0);
	while (counters.moving == 0) {
		struct timespec nap = { 0, 1000000 };
		nanosleep(&nap, NULL);
		CHECK_EQUAL(blit_engine_progress(o.rig.e, &counters), 0);
	}
	blit_engine_stop(o.rig.e, 0);
	end(&o);
	CHECK_EQUAL(test_count("dst", false), 0);
}

static void a_source_that_changed_meanwhile_is_not_put_in_place(void)
{
	static const struct { const char *meanwhile; int error; bool there; } cases[] = {
		{ "truncate -s 2000000 src/f", BLIT_E_CHANGED, false },
		{ "touch src/f", BLIT_E_CHANGED, false },
		{ "printf more >> src/f", BLIT_E_GREW, true }, /* what it held is whole; its old time tells the next run */
	};
	for (size_t i = 0; i < 3; i++)
		for (uint32_t flags = BLIT_CFG_VERIFY; flags <= (BLIT_CFG_VERIFY | BLIT_CFG_MOVE); flags += BLIT_CFG_MOVE) {
			struct open_file o;
			struct stat st;
			fresh();
			begin(&o, (struct blit_config){ .flags = flags });
			CHECK_EQUAL(range(&o, 0, SLICE).r.status, 0);
			CHECK(system(cases[i].meanwhile) == 0);
			CHECK_EQUAL(range(&o, SLICE, SLICE - 100000).r.status, 0);
			CHECK_EQUAL(range(&o, 2 * SLICE - 100000, SLICE + 100000).r.status, i == 0 ? -BLIT_E_CHANGED : 0);
			CHECK_EQUAL(finish(&o, BLIT_COMMIT).r.status, -cases[i].error);
			end(&o);
			CHECK(test_exists("src/f") && test_count("dst", true) == 0 && test_exists("dst/f") == cases[i].there);
			if (cases[i].there)
				CHECK(stat("dst/f", &st) == 0 && st.st_size == SIZE && st.st_mtim.tv_sec == 4000);
		}
}

static void what_cannot_be_opened_is_an_error_and_leaves_nothing(void)
{
	static const struct { const char *meanwhile; int error; } cases[] = {
		{ "rm src/f", ENOENT }, { "rm src/f; ln -s /etc/passwd src/f", BLIT_E_CHANGED }, { "rm src/f; mkfifo src/f", BLIT_E_CHANGED },
		{ "rm src/f; mkdir src/f", BLIT_E_CHANGED },
	};
	for (size_t i = 0; i < 4; i++) {
		struct rig rig;
		fresh();
		rig_open(&rig, 0);
		struct answer list = rig_list_root(&rig, BLIT_SRC);
		CHECK(system(cases[i].meanwhile) == 0);
		struct answer a = rig_do(&rig, (struct blit_task){ .op = BLIT_OP_OPEN, .batch = list.r.batch }, NULL, 0);
		CHECK(a.r.status == -cases[i].error && a.r.handle == 0 && a.r.step == BLIT_STEP_OPEN_SRC);
		a = rig_do(&rig, (struct blit_task){ .op = BLIT_OP_OPEN, .batch = list.r.batch, .first = 1 }, NULL, 0);
		CHECK_EQUAL(a.r.status, -EINVAL);
		rig_free(&rig, &list);
		rig_close(&rig);
		CHECK_EQUAL(test_count("dst", false), 0);
	}
}

static void a_directory_in_the_way_stays_and_the_temporary_file_goes(void)
{
	struct open_file o;
	fresh();
	begin(&o, (struct blit_config){ .flags = BLIT_CFG_VERIFY });
	CHECK(mkdir("dst/f", 0755) == 0);
	CHECK_EQUAL(range(&o, 0, SIZE).r.status, 0);
	struct answer a = finish(&o, BLIT_COMMIT);
	CHECK(a.r.status == -BLIT_E_BUSY_KIND && a.r.step == BLIT_STEP_RENAME);
	end(&o);
	CHECK(test_count("dst", false) == 1 && test_count("dst/f", false) == 0);
}

static void discarding_reads_everything_and_writes_nothing(void)
{
	struct open_file o;
	struct blit_counters counters;
	fresh();
	begin(&o, (struct blit_config){ .flags = BLIT_CFG_DISCARD });
	CHECK(o.opened.r.handle != 0);
	copy_all(&o);
	CHECK(blit_engine_progress(o.rig.e, &counters) == 0 && counters.bytes[BLIT_M_DISCARD] == SIZE);
	end(&o);
	CHECK(test_count("dst", false) == 0 && test_exists("src/f"));
}

/* One holds its zeros as holes, the other as data; both differ nowhere. */
static void zeros_are_zeros_whether_or_not_they_are_holes(void)
{
	struct rig rig;
	struct worker w = { .buffer_bytes = 8192 };
	uint64_t a, b;
	test_trees_fresh();
	CHECK(system("truncate -s 1000003 src/f dst/f dst/g; head -c 1000003 /dev/zero > dst/f") == 0);
	CHECK(system("for f in src dst; do printf x | dd of=$f/f bs=1 seek=500000 conv=notrunc 2>/dev/null; done; cp dst/f dst/g") == 0);
	rig_open_idle(&rig, (struct blit_config){ 0 });
	w.e = rig.e;
	CHECK(posix_memalign((void **)&w.buffer, BUFFER_UNIT, w.buffer_bytes) == 0);
	int src = open("src", O_RDONLY), dst = open("dst", O_RDONLY);
	int sfd = open("src/f", O_RDONLY), dfd = open("dst/g", O_RDWR);
	for (uint64_t at = 0; at < 1000003; at += 333333) {
		uint64_t len = at + 333333 < 1000003 ? 333333 : 1000003 - at;
		CHECK(hash_data(&w, sfd, at, len, &a) == 0 && hash_data(&w, dfd, at, len, &b) == 0);
		CHECK(a == b);
	}
	CHECK_EQUAL(same_content(&w, src, "f", dst, "f"), 1);
	CHECK(pwrite(dfd, "y", 1, 900000) == 1);
	CHECK(hash_data(&w, sfd, 0, 1000003, &a) == 0 && hash_data(&w, dfd, 0, 1000003, &b) == 0 && a != b);
	CHECK_EQUAL(same_content(&w, src, "f", dst, "g"), 0);
	/* the same byte elsewhere in a hole */
	CHECK(pwrite(dfd, "\0", 1, 900000) == 1 && pwrite(dfd, "\0", 1, 500000) == 1 && pwrite(dfd, "x", 1, 508192) == 1);
	CHECK(hash_data(&w, dfd, 0, 1000003, &b) == 0 && a != b);
	/* beyond the end there are no zeros */
	CHECK(ftruncate(dfd, 1000002) == 0);
	CHECK_EQUAL(hash_data(&w, dfd, 0, 1000003, &b), BLIT_E_CHANGED);
	CHECK_EQUAL(same_content(&w, src, "f", dst, "g"), 0);
	close(src), close(dst), close(sfd), close(dfd);
	free(w.buffer), free(w.second);
	rig_start(&rig);
	rig_close(&rig);
}

/* What is only compared is paced as what is copied: the limit is also there to spare a medium. */
static void hashing_for_a_comparison_keeps_to_the_limit(void)
{
	struct rig rig;
	struct worker w = { .buffer_bytes = 8192 };
	uint64_t free_hash, paced;
	test_trees_fresh();
	CHECK(system("head -c 400000 /dev/urandom > src/f") == 0);
	rig_open_idle(&rig, (struct blit_config){ .bytes_per_second = 4000000 });
	w.e = rig.e;
	CHECK(posix_memalign((void **)&w.buffer, BUFFER_UNIT, w.buffer_bytes) == 0);
	int fd = open("src/f", O_RDONLY);
	CHECK(hash_data(&w, fd, 0, 400000, &free_hash) == 0 && atomic_load(&rig.e->pauses) == 0);
	CHECK(hash_paced(&w, fd, 400000, &paced) == 0 && paced == free_hash);
	CHECK(atomic_load(&rig.e->pauses) > 0);
	close(fd);
	free(w.buffer);
	rig_start(&rig);
	rig_close(&rig);
}

int main(void)
{
	test_folder_enter();
	slices_make_the_file();
	slices_may_be_copied_at_once();
	a_file_that_is_written_goes_after_others();
	holes_stay_holes();
	zeros_are_zeros_whether_or_not_they_are_holes();
	hashing_for_a_comparison_keeps_to_the_limit();
	giving_up_leaves_the_old_file_and_nothing_else();
	a_stop_ends_a_slice_that_is_under_way();
	a_source_that_changed_meanwhile_is_not_put_in_place();
	what_cannot_be_opened_is_an_error_and_leaves_nothing();
	a_directory_in_the_way_stays_and_the_temporary_file_goes();
	discarding_reads_everything_and_writes_nothing();
	return 0;
}
