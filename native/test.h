/* What the shim's test programs share: checks that name their line, a temporary folder, files in it, an engine with its threads. */
#ifndef BLIT_TEST_H
#define BLIT_TEST_H

#include "engine.h"

#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define CHECK(condition)                                                                         \
	do {                                                                                         \
		if (!(condition)) {                                                                      \
			fprintf(stderr, "%s:%d: %s: not true: %s\n", __FILE__, __LINE__, __func__, #condition); \
			exit(1);                                                                             \
		}                                                                                        \
	} while (0)

#define CHECK_EQUAL(actual, expected)                                                              \
	do {                                                                                           \
		long long actual_ = (long long)(actual), expected_ = (long long)(expected);                \
		if (actual_ != expected_) {                                                                \
			fprintf(stderr, "%s:%d: %s: %s is %lld, expected %lld\n", __FILE__, __LINE__, __func__, #actual, actual_, \
				expected_);                                                                        \
			exit(1);                                                                               \
		}                                                                                          \
	} while (0)

/* --- a temporary folder: the working directory of the test, gone at its end --- */

static char test_folder[64];

static inline void test_folder_remove(void)
{
	char command[96];
	if (chdir("/") == 0 && snprintf(command, sizeof command, "rm -rf %s", test_folder) > 0 && system(command) != 0)
		fprintf(stderr, "Cannot remove %s\n", test_folder);
}

static inline void test_folder_enter(void)
{
	strcpy(test_folder, "/tmp/blit-test-XXXXXX");
	CHECK(mkdtemp(test_folder) && chdir(test_folder) == 0);
	atexit(test_folder_remove);
}

/* An empty pair of trees, "src" and "dst", whatever was there before. */
static inline void test_trees_fresh(void)
{
	CHECK(system("rm -rf src dst backup") == 0);
	CHECK(mkdir("src", 0755) == 0 && mkdir("dst", 0755) == 0);
}

static inline void test_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* `size` bytes that depend on their place and on the seed. */
static inline void test_fill(const char *path, size_t size, uint32_t seed)
{
	FILE *f = fopen(path, "w");
	CHECK(f != NULL);
	for (size_t i = 0; i < size; i += 4) {
		uint32_t word = (uint32_t)(i * 2654435761u) ^ (seed * 40503u);
		CHECK(fwrite(&word, 1, size - i < 4 ? size - i : 4, f) > 0);
	}
	CHECK(fclose(f) == 0);
}

static inline bool test_exists(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}

/* Whether the file holds exactly that text. */
static inline bool test_holds(const char *path, const char *text)
{
	char buffer[4096];
	FILE *f = fopen(path, "r");
	if (!f)
		return false;
	size_t n = fread(buffer, 1, sizeof buffer, f);
	fclose(f);
	return n == strlen(text) && memcmp(buffer, text, n) == 0;
}

/* Same content, size, mode and modification time. */
static inline bool test_same_file(const char *a, const char *b)
{
	struct stat sa, sb;
	char command[600];
	if (lstat(a, &sa) < 0 || lstat(b, &sb) < 0)
		return false;
	snprintf(command, sizeof command, "cmp -s '%s' '%s'", a, b);
	return sa.st_size == sb.st_size && sa.st_mode == sb.st_mode && sa.st_mtim.tv_sec == sb.st_mtim.tv_sec &&
		sa.st_mtim.tv_nsec == sb.st_mtim.tv_nsec && system(command) == 0;
}

static inline void test_set_time(const char *path, time_t seconds)
{
	struct timespec times[2] = { { seconds, 5 }, { seconds, 7 } };
	CHECK(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) == 0);
}

/* Entries of a folder: all of them, or only blit's temporary files. */
static inline int test_count(const char *folder, bool temporary)
{
	DIR *d = opendir(folder);
	int n = 0;
	CHECK(d != NULL);
	for (struct dirent *entry; (entry = readdir(d));)
		n += temporary ? strncmp(entry->d_name, ".blit-", 6) == 0
		               : strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(d);
	return n;
}

static inline int test_open_descriptors(void)
{
	return test_count("/proc/self/fd", false) - 1; /* without the one that reads the folder */
}

/* --- an engine with its worker threads --- */

struct rig {
	struct engine *e;
	uint32_t workers, next_id;
};

/* A result with its details; `batch` is freed with rig_free. */
struct answer {
	struct blit_result r;
	struct blit_detail details[300];
};

static inline void rig_start(struct rig *rig)
{
	CHECK_EQUAL(blit_engine_start(rig->e), rig->workers);
}

/* Opens an engine on "src", "dst" and, with CFG_BACKUP, "backup"; workers start with rig_start. */
static inline void rig_open_idle(struct rig *rig, struct blit_config config)
{
	*rig = (struct rig){ .workers = config.workers ? config.workers : 2, .next_id = 1 };
	config.workers = rig->workers;
	if (!config.large_bytes)
		config.large_bytes = 16u << 20;
	const char *backup = config.flags & BLIT_CFG_BACKUP ? "backup" : "";
	CHECK_EQUAL(blit_engine_open(&config, "src", "dst", backup, &rig->e), 0);
}

static inline void rig_open(struct rig *rig, uint32_t flags)
{
	rig_open_idle(rig, (struct blit_config){ .flags = flags });
	rig_start(rig);
}

/* Until all workers and lanes of a stopped engine have ended. */
static inline void rig_join(struct rig *rig)
{
	CHECK_EQUAL(blit_engine_join(rig->e, 60000), 0);
}

static inline void rig_close(struct rig *rig)
{
	CHECK_EQUAL(blit_engine_stop(rig->e, 1), 0);
	rig_join(rig);
	CHECK_EQUAL(blit_engine_close(rig->e), 0);
}

/* Submits one task and returns its number, or the error of the submission. */
static inline int64_t rig_submit(struct rig *rig, struct blit_task t, const void *payload, uint32_t payload_len)
{
	char *raw = calloc(1, sizeof t + payload_len + 8);
	CHECK(raw != NULL);
	t.id = rig->next_id++;
	t.payload_len = payload_len;
	memcpy(raw, &t, sizeof t);
	if (payload_len)
		memcpy(raw + sizeof t, payload, payload_len);
	int64_t status = blit_engine_submit(rig->e, raw, sizeof t + ((payload_len + 7u) & ~7u));
	free(raw);
	return status < 0 ? status : t.id;
}

/* The next result, whosever it is; false where none comes in that time. */
static inline bool rig_collect(struct rig *rig, struct answer *a, int64_t wait_ms)
{
	if (!blit_engine_wait(rig->e, wait_ms))
		return false;
	/* one result at a time: room grows until the first fits */
	for (uint64_t cap = sizeof a->r;; cap += sizeof *a->details) {
		CHECK(cap <= sizeof *a);
		int64_t n = blit_engine_collect(rig->e, a, cap);
		if (n == -ENOBUFS)
			continue;
		CHECK_EQUAL(n, sizeof a->r + a->r.details * sizeof *a->details);
		return true;
	}
}

/* The next result but for those of lanes, which end when they like. */
static inline void rig_next(struct rig *rig, struct answer *a)
{
	while (!rig_collect(rig, a, 1000) || a->r.op == BLIT_OP_LANE)
		;
}

/* Whether nothing but ends of lanes comes in that time. */
static inline bool rig_is_quiet(struct rig *rig, int64_t wait_ms)
{
	struct answer a;
	while (rig_collect(rig, &a, wait_ms))
		if (a.r.op != BLIT_OP_LANE)
			return false;
	return true;
}

/* Submits one task and waits for its answer; nothing else is under way. */
static inline struct answer rig_do(struct rig *rig, struct blit_task t, const void *payload, uint32_t payload_len)
{
	struct answer a;
	int64_t id = rig_submit(rig, t, payload, payload_len);
	CHECK(id > 0);
	rig_next(rig, &a);
	CHECK_EQUAL(a.r.id, id);
	CHECK_EQUAL(a.r.op, t.op);
	return a;
}

static inline struct blit_batch *answer_batch(const struct answer *a)
{
	return (struct blit_batch *)(uintptr_t)a->r.batch;
}

static inline void rig_free(struct rig *rig, struct answer *a)
{
	CHECK_EQUAL(blit_batch_free(rig->e, answer_batch(a)), 0);
}

static inline struct answer rig_list_root(struct rig *rig, uint32_t flags)
{
	return rig_do(rig, (struct blit_task){ .op = BLIT_OP_LIST, .flags = flags }, NULL, 0);
}

/* Index of the entry with that name; fails the test where there is none. */
static inline uint32_t batch_find(const struct blit_batch *b, const char *wanted)
{
	for (uint32_t i = 0; b && i < b->count; i++) {
		uint32_t len;
		const char *name = batch_name(b, i, &len);
		if (len == strlen(wanted) && memcmp(name, wanted, len) == 0)
			return i;
	}
	fprintf(stderr, "no entry \"%s\" in the batch\n", wanted);
	exit(1);
}

/* Applies one action to one entry of the root. */
static inline struct answer rig_apply(struct rig *rig, const struct answer *list, const char *name, uint32_t action,
	uint32_t flags)
{
	uint32_t word = batch_find(answer_batch(list), name) | action << BLIT_ACTION_SHIFT;
	struct blit_task t = { .op = BLIT_OP_APPLY, .flags = flags, .batch = list->r.batch, .count = 1 };
	return rig_do(rig, t, &word, sizeof word);
}

/* The failure of the only detail of an answer as errno, 0 where it tells of none. */
static inline int answer_failure(const struct answer *a)
{
	return a->r.details == 1 && a->details[0].code == BLIT_D_FAILED ? (int)a->details[0].value : 0;
}

#endif
