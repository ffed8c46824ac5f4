/* LIST: what the two sides of a directory come out as, in one call or in many, and what it refuses to go into. */
#include "test.h"

static uint16_t diff_of(const struct blit_batch *b, const char *name)
{
	const uint16_t *diff = (const void *)((const char *)(b + 1) + (b->count * 4 + 7) / 8 * 8 + 2 * ((b->count + 7) / 8 * 8));
	return diff[batch_find(b, name)];
}

static void both_sides_are_compared_and_what_is_equal_is_only_counted(void)
{
	struct rig rig;
	test_trees_fresh();
	static const char *const names[] = { "equal", "size", "mtime", "mode" };
	for (int i = 0; i < 4; i++)
		for (int side = 0; side < 2; side++) {
			char path[16];
			snprintf(path, sizeof path, "%s/%s", side ? "dst" : "src", names[i]);
			test_write(path, i == 1 && side ? "12345" : "1234");
			test_set_time(path, i == 2 && side ? 1001 : 1000);
		}
	CHECK(chmod("dst/mode", 0600) == 0 && symlink("a", "src/link") == 0 && symlink("b", "dst/link") == 0);
	test_set_time("src/link", 1000);
	test_set_time("dst/link", 1000);
	test_write("src/kind", "");
	CHECK(mkdir("dst/kind", 0755) == 0 && mkdir("src/both", 0755) == 0 && mkdir("dst/both", 0755) == 0);
	test_write("src/new", "");
	test_write("dst/extra", "");
	CHECK(mkdir("dst/extras", 0755) == 0 && link("src/new", "src/linked") == 0);
	test_write("dst/linked", "");
	rig_open(&rig, 0);
	struct answer a = rig_list_root(&rig, BLIT_SRC | BLIT_DST);
	struct blit_batch *b = answer_batch(&a);
	CHECK(a.r.status == 0 && a.r.flags == 0 && a.r.batch_len == b->length);
	CHECK(b->others == 7 && b->dirs == 1 && b->extras == 2 && b->unchanged == 1 && b->unchanged_bytes == 4);
	CHECK_EQUAL(diff_of(b, "size"), BLIT_DIFF_SIZE);
	CHECK_EQUAL(diff_of(b, "mtime"), BLIT_DIFF_MTIME);
	CHECK_EQUAL(diff_of(b, "mode"), BLIT_DIFF_MODE);
	CHECK_EQUAL(diff_of(b, "link"), BLIT_DIFF_TARGET);
	CHECK(diff_of(b, "linked") & BLIT_DIFF_LINKED);
	CHECK_EQUAL(diff_of(b, "new"), 0);
	CHECK(batch_find(b, "new") < b->others && batch_find(b, "both") == b->others);
	CHECK(batch_find(b, "extra") >= b->others + b->dirs && batch_find(b, "extras") >= b->others + b->dirs);
	rig_free(&rig, &a);
	a = rig_list_root(&rig, BLIT_SRC | BLIT_DST | BLIT_ALL);
	CHECK(answer_batch(&a)->unchanged == 0 && diff_of(answer_batch(&a), "equal") == 0);
	rig_free(&rig, &a);
	rig_close(&rig);
}

#define MANY 9000
#define DIRS 40

/* Counts names of a batch by their number; each is "n<number>". */
static void count_names(const struct blit_batch *b, uint32_t from, uint32_t to, uint8_t *seen)
{
	for (uint32_t i = from; i < to; i++) {
		uint32_t len, number = 0;
		const char *name = batch_name(b, i, &len);
		CHECK_EQUAL(name[0], 'n');
		for (uint32_t k = 1; k < len; k++)
			number = number * 10 + name[k] - '0';
		CHECK(number < MANY + DIRS);
		seen[number]++;
	}
}

/* The first MANY numbers are files of the source, a third of them in the destination too; then DIRS directories. */
static void make_many(void)
{
	char name[32];
	test_trees_fresh();
	for (int i = 0; i < MANY + DIRS; i++) {
		snprintf(name, sizeof name, "src/n%d", i);
		if (i < MANY)
			test_write(name, "");
		else
			CHECK(mkdir(name, 0755) == 0);
		snprintf(name, sizeof name, "dst/n%d", i);
		if (i < MANY / 3)
			test_write(name, "x");
	}
}

static void list_in_pieces(struct rig *rig, uint8_t *seen)
{
	uint32_t id = 1, pieces = 0;
	for (bool more = true; more; pieces++) {
		struct answer a = rig_list_root(rig, BLIT_SRC | BLIT_DST | (pieces ? BLIT_MORE : 0));
		CHECK_EQUAL(a.r.status, 0);
		more = a.r.flags & BLIT_MORE;
		struct blit_batch *b = answer_batch(&a);
		if (!b)
			continue;
		CHECK(b->others + b->dirs <= 4096 && b->extras <= 4096);
		count_names(b, 0, b->others + b->dirs, seen);
		for (uint32_t i = b->others; i < b->others + b->dirs; i++) {
			struct blit_task t = { .op = BLIT_OP_LIST, .flags = BLIT_SRC, .dir = id++, .batch = a.r.batch, .first = i };
			struct answer below = rig_do(rig, t, NULL, 0);
			CHECK_EQUAL(below.r.status, 0);
		}
		rig_free(rig, &a);
	}
	CHECK(pieces > 2);
}

static void a_large_directory_comes_in_pieces_each_name_once(void)
{
	static uint8_t seen[MANY + DIRS];
	struct rig rig;
	make_many();
	rig_open(&rig, 0);
	list_in_pieces(&rig, seen);
	for (int i = 0; i < MANY + DIRS; i++)
		CHECK_EQUAL(seen[i], 1);
	rig_close(&rig);
}

/* Its descriptor must not be closed for others between two pieces: opened anew it would start from the beginning. */
static void a_listing_goes_on_where_it_stopped_whatever_is_opened_meanwhile(void)
{
	struct rig rig;
	uint8_t seen[MANY + DIRS] = { 0 };
	test_trees_fresh();
	CHECK(mkdir("src/a", 0755) == 0 && rename("src/a", "src/n0") == 0);
	char path[32];
	for (int i = 0; i < MANY; i++) {
		snprintf(path, sizeof path, "src/n0/n%d", i);
		test_write(path, "");
	}
	for (int i = 1; i < 10; i++) {
		snprintf(path, sizeof path, "src/n%d", i);
		CHECK(mkdir(path, 0755) == 0);
	}
	rig_open(&rig, 0);
	rig.e->dirs.open_max = 1;
	struct answer root = rig_list_root(&rig, BLIT_SRC);
	uint32_t other = 2, pieces = 0;
	for (bool more = true; more; pieces++) {
		CHECK(pieces < 10);
		struct blit_task t = { .op = BLIT_OP_LIST, .flags = BLIT_SRC | (pieces ? BLIT_MORE : 0), .dir = 1, .batch = root.r.batch,
			.first = batch_find(answer_batch(&root), "n0") };
		struct answer a = rig_do(&rig, t, NULL, 0);
		CHECK_EQUAL(a.r.status, 0);
		more = a.r.flags & BLIT_MORE;
		if (a.r.batch)
			count_names(answer_batch(&a), 0, answer_batch(&a)->count, seen);
		rig_free(&rig, &a);
		for (int i = 1; i < 10; i++) { /* as many others as would push it out */
			snprintf(path, sizeof path, "n%d", i);
			t = (struct blit_task){ .op = BLIT_OP_LIST, .flags = BLIT_SRC, .dir = other, .batch = root.r.batch,
				.first = batch_find(answer_batch(&root), path) };
			a = rig_do(&rig, t, NULL, 0);
			CHECK_EQUAL(a.r.status, 0);
			a = rig_do(&rig, (struct blit_task){ .op = BLIT_OP_SETTLE, .flags = BLIT_SKIP | BLIT_DROP, .dir = other++ }, NULL, 0);
			CHECK_EQUAL(a.r.status, 0);
		}
	}
	for (int i = 0; i < MANY; i++)
		CHECK_EQUAL(seen[i], 1);
	CHECK_EQUAL(dir_get(rig.e, 1)->pins, 0);
	rig_free(&rig, &root);
	rig_close(&rig);
}

static void continuing_what_was_not_begun_is_refused(void)
{
	struct rig rig;
	test_trees_fresh();
	rig_open(&rig, 0);
	struct answer a = rig_list_root(&rig, BLIT_SRC | BLIT_MORE);
	CHECK_EQUAL(a.r.status, -EINVAL);
	rig_close(&rig);
}

static void a_named_entry_comes_with_both_names(void)
{
	static const char both[] = "one\0other", gone[] = "gone\0gone";
	char src[NAME_CAP], dst[NAME_CAP];
	struct rig rig;
	test_trees_fresh();
	test_write("src/one", "1");
	test_write("src/two", "2");
	test_write("dst/other", "");
	test_write("dst/.blit-000000000000000afda05562.tmp", "a dead run's");
	rig_open(&rig, 0);
	struct blit_task t = { .op = BLIT_OP_LIST, .flags = BLIT_SRC | BLIT_DST | BLIT_NAMED };
	struct answer a = rig_do(&rig, t, both, sizeof both);
	struct blit_batch *b = answer_batch(&a);
	CHECK(a.r.status == 0 && b->count == 1 && b->others == 1);
	CHECK_EQUAL(batch_names(b, 0, src, dst), 0);
	CHECK(strcmp(src, "one") == 0 && strcmp(dst, "other") == 0);
	CHECK(diff_of(b, "one") & BLIT_DIFF_SIZE);
	rig_free(&rig, &a);
	CHECK_EQUAL(test_count("dst", true), 0);
	a = rig_do(&rig, t, gone, sizeof gone);
	CHECK(a.r.status == -ENOENT && a.r.step == BLIT_STEP_LIST_SRC);
	rig_close(&rig);
}

static void names_of_a_named_entry_are_plain_or_refused(void)
{
	static const struct { const char *names; uint32_t len; } wrong[] = { { "one\0..", 7 }, { "one\0.", 6 }, { "one\0", 5 },
		{ "one\0a/b", 8 }, { "one\0/etc/passwd", 16 }, { "..\0x", 5 }, { "", 1 }, { "", 0 }, { "one", 3 }, { "one\0two", 7 },
		{ "one\0two\0three", 14 }, { "a/one", 6 } };
	struct rig rig;
	test_trees_fresh();
	test_write("src/one", "1");
	rig_open(&rig, 0);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		for (int remote = 0; remote < 2; remote++) {
			struct blit_task t = { .op = BLIT_OP_LIST, .flags = BLIT_NAMED | BLIT_DST | (remote ? BLIT_REMOTE | BLIT_LAST : BLIT_SRC) };
			struct answer a = rig_do(&rig, t, wrong[i].names, wrong[i].len);
			CHECK_EQUAL(a.r.status, -EINVAL);
			CHECK_EQUAL(a.r.batch, 0);
		}
	rig_close(&rig);
	CHECK_EQUAL(test_count("dst", false), 0);
}

static void a_named_entry_that_became_a_directory_is_no_entry(void)
{
	static const char both[] = "one\0other";
	struct rig rig;
	test_trees_fresh();
	CHECK(mkdir("src/one", 0755) == 0);
	rig_open(&rig, 0);
	struct answer a = rig_do(&rig, (struct blit_task){ .op = BLIT_OP_LIST, .flags = BLIT_SRC | BLIT_NAMED }, both, sizeof both);
	CHECK_EQUAL(a.r.status, -BLIT_E_CHANGED);
	rig_close(&rig);
}

/* A batch as another machine sends it. */
static struct blit_batch *remote_batch(const char *const *names, int files, int dirs)
{
	struct batch_builder b = { .any_stat = true };
	struct row *row;
	void *taken;
	for (int i = 0; i < files + dirs; i++) {
		CHECK_EQUAL(builder_add(&b, names[i], strlen(names[i]), &row), 0);
		row->kind = i < files ? BLIT_KIND_FILE : BLIT_KIND_DIR;
		row->group = i < files ? 0 : 1;
		row->known = 1;
		row->facts = (struct facts){ .mode = i < files ? S_IFREG | 0644 : S_IFDIR | 0755 };
	}
	struct blit_batch *made = builder_finish(&b, 0);
	builder_free(&b);
	CHECK_EQUAL(blit_batch_take(made, made->length, &taken), 0);
	free(made);
	return taken;
}

static void of_another_machine_a_named_entry_is_that_one_and_no_other(void)
{
	static const struct { const char *names[3]; int files, dirs; uint32_t last; int status; } cases[] = {
		{ { "one" }, 1, 0, BLIT_LAST, 0 },
		{ { "one" }, 1, 0, 0, -BLIT_E_PROTOCOL },
		{ { "one" }, 0, 1, BLIT_LAST, -BLIT_E_PROTOCOL },
		{ { "on" }, 1, 0, BLIT_LAST, -BLIT_E_PROTOCOL },
		{ { "one-and-more" }, 1, 0, BLIT_LAST, -BLIT_E_PROTOCOL },
		{ { "two" }, 1, 0, BLIT_LAST, -BLIT_E_PROTOCOL },
		{ { "one", "two" }, 2, 0, BLIT_LAST, -BLIT_E_PROTOCOL },
		{ { "one", ".ssh" }, 1, 1, BLIT_LAST, -BLIT_E_PROTOCOL },
		{ { NULL }, 0, 0, BLIT_LAST, -BLIT_E_PROTOCOL },
	};
	static const char both[] = "one\0other";
	char src[NAME_CAP], dst[NAME_CAP];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rig rig;
		test_trees_fresh();
		rig_open(&rig, 0);
		struct blit_batch *b = cases[i].files + cases[i].dirs ? remote_batch(cases[i].names, cases[i].files, cases[i].dirs) : NULL;
		struct answer a = rig_do(&rig, (struct blit_task){ .op = BLIT_OP_LIST, .handle = (uintptr_t)b,
			.flags = BLIT_REMOTE | BLIT_DST | BLIT_NAMED | cases[i].last }, both, sizeof both);
		CHECK_EQUAL(a.r.status, cases[i].status);
		if (a.r.batch) {
			CHECK(answer_batch(&a)->count == 1 && batch_names(answer_batch(&a), 0, src, dst) == 0);
			CHECK(strcmp(src, "one") == 0 && strcmp(dst, "other") == 0);
			rig_free(&rig, &a);
		} else {
			CHECK(cases[i].status != 0);
		}
		free(b);
		rig_close(&rig);
	}
}

static void stale_temporary_files_go_and_living_ones_are_not_told(void)
{
	struct rig rig;
	char living[TEMP_NAME_LEN + 1];
	static struct engine other_run;
	test_trees_fresh();
	int dst = open("dst", O_RDONLY | O_DIRECTORY);
	int fd = temp_create(&other_run, dst, 0600, living);
	test_write("dst/.blit-7fffffff000000014c79a097.tmp", "left by a killed run");
	CHECK(mkdir("dst/.blit-7fffffff000000024d79a22a.tmp", 0755) == 0);
	rig_open(&rig, BLIT_CFG_READ_ONLY);
	struct answer a = rig_list_root(&rig, BLIT_SRC | BLIT_DST);
	rig_free(&rig, &a);
	rig_close(&rig);
	CHECK_EQUAL(test_count("dst", true), 3);
	rig_open(&rig, 0);
	a = rig_list_root(&rig, BLIT_SRC | BLIT_DST);
	CHECK(answer_batch(&a)->stale == 1 && answer_batch(&a)->extras == 1);
	batch_find(answer_batch(&a), ".blit-7fffffff000000024d79a22a.tmp"); /* a directory is not ours */
	rig_free(&rig, &a);
	rig_close(&rig);
	CHECK_EQUAL(test_count("dst", true), 2);
	close(fd);
	close(dst);
}

/* Lists the only subdirectory of the source and returns the answer; frees the batches. */
static struct answer list_sub(struct rig *rig, uint32_t flags)
{
	struct answer root = rig_list_root(rig, BLIT_SRC | BLIT_DST);
	struct blit_task t = { .op = BLIT_OP_LIST, .flags = flags, .dir = 1, .batch = root.r.batch,
		.first = batch_find(answer_batch(&root), "sub") };
	struct answer a = rig_do(rig, t, NULL, 0);
	rig_free(rig, &a);
	rig_free(rig, &root);
	return a;
}

static void a_directory_is_made_and_what_stands_in_its_way_stays(void)
{
	struct rig rig;
	struct stat st;
	for (int way = 0; way < 3; way++) { /* nothing, a directory, a file */
		test_trees_fresh();
		CHECK(mkdir("src/sub", 0755) == 0);
		if (way == 1)
			CHECK(mkdir("dst/sub", 0755) == 0);
		if (way == 2)
			test_write("dst/sub", "in the way");
		rig_open(&rig, 0);
		struct answer a = list_sub(&rig, BLIT_SRC | BLIT_MKDIR);
		rig_close(&rig);
		CHECK(lstat("dst/sub", &st) == 0);
		if (way == 2)
			CHECK(a.r.status == -ENOTDIR && test_holds("dst/sub", "in the way"));
		else
			CHECK(a.r.status == 0 && S_ISDIR(st.st_mode));
	}
}

static void a_symlink_is_no_directory_on_either_side(void)
{
	struct rig rig;
	for (int side = 0; side < 2; side++) {
		int before = test_open_descriptors();
		test_trees_fresh();
		CHECK(system("rm -rf outside && mkdir outside outside/in") == 0);
		CHECK(mkdir("src/sub", 0755) == 0);
		rig_open(&rig, 0);
		struct answer root = rig_list_root(&rig, BLIT_SRC);
		if (side == 0)
			CHECK(rmdir("src/sub") == 0 && symlink("../outside", "src/sub") == 0);
		else
			CHECK(symlink("../outside", "dst/sub") == 0);
		struct blit_task t = { .op = BLIT_OP_LIST, .flags = BLIT_SRC | BLIT_MKDIR, .dir = 1, .batch = root.r.batch };
		struct answer a = rig_do(&rig, t, NULL, 0);
		CHECK(a.r.status == -ENOTDIR || a.r.status == -ELOOP);
		CHECK_EQUAL(a.r.step, side == 0 ? BLIT_STEP_LIST_SRC : BLIT_STEP_LIST_DST);
		rig_free(&rig, &root);
		rig_close(&rig);
		CHECK_EQUAL(test_count("outside", false), 1);
		CHECK_EQUAL(test_open_descriptors(), before);
	}
}

static void a_vanished_directory_is_an_error_and_leaves_nothing_open(void)
{
	struct rig rig;
	int before = test_open_descriptors();
	test_trees_fresh();
	CHECK(mkdir("src/sub", 0755) == 0);
	rig_open(&rig, 0);
	struct answer root = rig_list_root(&rig, BLIT_SRC);
	CHECK(rmdir("src/sub") == 0);
	struct blit_task t = { .op = BLIT_OP_LIST, .flags = BLIT_SRC | BLIT_MKDIR, .dir = 1, .batch = root.r.batch };
	struct answer a = rig_do(&rig, t, NULL, 0);
	CHECK(a.r.status == -ENOENT && a.r.step == BLIT_STEP_LIST_SRC && !test_exists("dst/sub"));
	rig_free(&rig, &root);
	rig_close(&rig);
	CHECK_EQUAL(test_open_descriptors(), before);
}

static void the_other_sides_root_is_not_entered(void)
{
	struct rig rig;
	test_trees_fresh();
	CHECK(system("mv dst src/sub && ln -s src/sub dst") == 0);
	rig_open(&rig, 0);
	struct answer a = list_sub(&rig, BLIT_SRC | BLIT_MKDIR);
	CHECK_EQUAL(a.r.status, -BLIT_E_INSIDE);
	rig_close(&rig);
	CHECK(system("rm dst && rm -r src && mkdir -p dst/sub && ln -s dst/sub src") == 0);
	rig_open(&rig, 0);
	a = list_sub(&rig, BLIT_DST); /* the source as an extra directory of a mirror */
	CHECK_EQUAL(a.r.status, -BLIT_E_INSIDE);
	rig_close(&rig);
	CHECK(unlink("src") == 0);
}

int main(void)
{
	test_folder_enter();
	both_sides_are_compared_and_what_is_equal_is_only_counted();
	a_large_directory_comes_in_pieces_each_name_once();
	a_listing_goes_on_where_it_stopped_whatever_is_opened_meanwhile();
	continuing_what_was_not_begun_is_refused();
	a_named_entry_comes_with_both_names();
	names_of_a_named_entry_are_plain_or_refused();
	a_named_entry_that_became_a_directory_is_no_entry();
	of_another_machine_a_named_entry_is_that_one_and_no_other();
	stale_temporary_files_go_and_living_ones_are_not_told();
	a_directory_is_made_and_what_stands_in_its_way_stays();
	a_symlink_is_no_directory_on_either_side();
	a_vanished_directory_is_an_error_and_leaves_nothing_open();
	the_other_sides_root_is_not_entered();
	return 0;
}
