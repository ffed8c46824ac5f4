/*
 * What single operations of the shim cost: usage micro_shim. Linked with the shim's own sources.
 *
 * Every line is the best of some rounds on one thread: what else the machine does can only add to it.
 */
#include "tree.h"

#include "engine.h"

#include <time.h>

#define ROUNDS 7
#define HASHED_BYTES ((size_t)16 << 20)
#define RECORDS 100000
#define NAMES 4096
#define FILES 10000
#define FILE_BYTES 4096

/* What the compiler may not leave out. */
static volatile uint64_t sink;

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds of the fastest round; `after` (may be NULL) is not timed. */
static double best_of(void (*once)(void *), void (*after)(void *), void *with) {
  double best = 1e9;
  for (int round = 0; round < ROUNDS; round++) {
    double start = now_s();
    once(with);
    double took = now_s() - start;
    if (took < best) best = took;
    if (after != NULL) after(with);
  }
  return best;
}

static void show_each(const char *what, double seconds, double count) {
  printf("%-44s %8.1f ns each\n", what, seconds / count * 1e9);
}

static void hash_bytes(void *data) {
  struct hash64 h;
  hash64_init(&h);
  hash64_add(&h, data, HASHED_BYTES);
  sink += hash64_end(&h);
}

static void bench_hash(void) {
  char *data = must_realloc(NULL, HASHED_BYTES);
  for (size_t i = 0; i < HASHED_BYTES; i++) data[i] = (char)(i * 31);
  printf("%-44s %8.2f GB/s\n", "XXH64 of 16 MiB", (double)HASHED_BYTES / best_of(hash_bytes, NULL, data) / 1e9);
  free(data);
}

static void check_records(void *record) {
  static const struct engine plain;
  const struct blit_record *r = record;
  for (int i = 0; i < RECORDS; i++) {
    /* Through the sink: the call may not be done once for all. */
    const struct blit_record *taken = wire_record(record, r->length + (sink & 0));
    if (taken == NULL) die("The record is refused");
    struct facts facts;
    wire_record_facts(&plain, taken, &facts);
    sink = facts.size;
  }
}

static void bench_records(void) {
  uint32_t length = sizeof(struct blit_record) + FILE_BYTES;
  struct blit_record *r = must_realloc(NULL, length);
  memset(r, 1, length);
  *r = (struct blit_record){.length = length, .mode = S_IFREG | 0644, .nlink = 1, .size = FILE_BYTES, .content_len = FILE_BYTES};
  show_each("check of a wire record", best_of(check_records, NULL, r), RECORDS);
  free(r);
}

static void check_frames(void *frame) {
  for (int i = 0; i < RECORDS; i++) {
    if (!wire_frame_ok(frame)) die("The frame is refused");
    sink++;
  }
}

static void bench_frames(void) {
  struct blit_frame f = {.magic = BLIT_FRAME_MAGIC, .type = BLIT_FRAME_DATA, .id = 1, .length = FILE_BYTES};
  wire_frame_seal(&f);
  show_each("check of a wire frame", best_of(check_frames, NULL, &f), RECORDS);
}

static void build_batch(void *engine) {
  struct batch_builder builder = {.any_stat = true};
  for (uint32_t i = 0; i < NAMES; i++) {
    char name[32];
    int length = snprintf(name, sizeof name, "file%07u.dat", i);
    struct row *row;
    if (builder_add(&builder, name, (uint32_t)length, &row) != 0) die("No memory for the batch");
    row->kind = BLIT_KIND_FILE;
    row->known = 1;
    row->facts = (struct facts){.mode = S_IFREG | 0644, .nlink = 1, .size = i, .ino = i};
  }
  struct blit_batch *batch = builder_finish(&builder, 1);
  if (batch == NULL) die("No memory for the batch");
  sink += batch->length;
  builder_free(&builder);
  blit_batch_free(engine, batch);
}

/* A folder with one file, and another one that it is copied into. */
struct pair {
  struct engine *e;
  struct worker w; /* of this thread, beside the engine's own */
  struct dir *root;
  char folder[32], src[40], dst[40];
};

static void copied_name(char out[16], uint32_t index) { snprintf(out, 16, "file%05u", index); }

static void copy_files(void *with) {
  struct pair *p = with;
  for (uint32_t i = 0; i < FILES; i++) {
    char name[16];
    struct facts facts;
    copied_name(name, i);
    struct outcome o =
        copy_file(&p->w, p->root->fd[SRC], "file", p->root, p->root->fd[DST], name, false, TAKE_PLAIN, &facts);
    errno = o.err;
    if (o.err != 0) die("Cannot copy in step %u", o.step);
  }
}

static void remove_files(void *with) {
  struct pair *p = with;
  for (uint32_t i = 0; i < FILES; i++) {
    char name[16];
    copied_name(name, i);
    unlinkat(p->root->fd[DST], name, 0);
  }
}

static void pair_open(struct pair *p) {
  char content[FILE_BYTES] = "content", path[48];
  snprintf(p->folder, sizeof p->folder, "%s/blit-micro-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  if (mkdtemp(p->folder) == NULL) die("Cannot create \"%s\"", p->folder);
  snprintf(p->src, sizeof p->src, "%s/src", p->folder);
  snprintf(p->dst, sizeof p->dst, "%s/dst", p->folder);
  if (mkdir(p->src, 0755) != 0 || mkdir(p->dst, 0755) != 0) die("Cannot create folders in \"%s\"", p->folder);
  snprintf(path, sizeof path, "%s/file", p->src);
  FILE *file = fopen(path, "w");
  if (file == NULL || fwrite(content, 1, sizeof content, file) != sizeof content || fclose(file) != 0)
    die("Cannot write \"%s\"", path);
  struct blit_config config = {.workers = 1, .large_bytes = 1 << 24};
  errno = (int)-blit_engine_open(&config, p->src, p->dst, NULL, &p->e);
  if (errno != 0) die("Cannot open the engine");
  p->w = (struct worker){.e = p->e, .buffer_bytes = BUFFER_DEFAULT};
  if (posix_memalign((void **)&p->w.buffer, BUFFER_UNIT, p->w.buffer_bytes) != 0) die("No memory for the buffer");
  p->root = dir_get(p->e, 0);
  if (dir_pin(p->e, p->root, SRC) < 0 || dir_pin(p->e, p->root, DST) < 0) die("Cannot open the folders");
}

static void pair_close(struct pair *p) {
  char path[48];
  dir_unpin(p->e, p->root);
  dir_unpin(p->e, p->root);
  free(p->w.buffer);
  free(p->w.second);
  blit_engine_stop(p->e, 1);
  if (blit_engine_join(p->e, 5000) != 0) die("A worker does not end");
  blit_engine_close(p->e);
  snprintf(path, sizeof path, "%s/file", p->src);
  if (unlink(path) != 0 || rmdir(p->src) != 0 || rmdir(p->dst) != 0 || rmdir(p->folder) != 0)
    die("Cannot remove \"%s\"", p->folder);
}

int main(void) {
  struct pair p;
  bench_hash();
  bench_frames();
  bench_records();
  pair_open(&p);
  show_each("build of a batch, of its 4096 entries", best_of(build_batch, NULL, p.e), NAMES);
  double copying = best_of(copy_files, remove_files, &p);
  const char *where = strncmp(p.folder, "/dev/shm", 8) == 0 ? "copy of a 4 KiB file in memory" : "copy of a 4 KiB file";
  printf("%-44s %8.2f µs each\n", where, copying / FILES * 1e6);
  pair_close(&p);
  return 0;
}
