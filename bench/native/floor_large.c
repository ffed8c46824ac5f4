/*
 * Floor for one large file: usage floor_large clone|ranges|sparse ftruncate|fallocate SRC_DIR DST_DIR NAME.
 * DST_DIR must not exist.
 *
 * clone: one FICLONE. ranges: one thread per core claims 64 MiB at a time and moves it with 1 MiB reads and writes.
 * sparse: the same for the data that SEEK_DATA finds, so that holes stay holes.
 */
#include "tree.h"

#include <linux/fs.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/ioctl.h>

#define RANGE_BYTES ((off_t)64 << 20)
#define BUFFER_BYTES ((size_t)1 << 20)

static int from, to;
static off_t size;
static bool seek_data;
static atomic_llong cursor;

static void move_range(off_t at, off_t end, char *buffer) {
  while (at < end) {
    size_t want = (size_t)(end - at) < BUFFER_BYTES ? (size_t)(end - at) : BUFFER_BYTES;
    ssize_t got = pread(from, buffer, want, at);
    if (got <= 0) die("Cannot read the source");
    if (pwrite(to, buffer, (size_t)got, at) != got) die("Cannot write the destination");
    at += got;
  }
}

static void move_data(off_t at, off_t end, char *buffer) {
  while (at < end) {
    off_t data = lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return;
    if (data < 0) die("Cannot seek in the source");
    if (data >= end) return;
    off_t hole = lseek(from, data, SEEK_HOLE);
    if (hole < 0) die("Cannot seek in the source");
    if (hole > end) hole = end;
    move_range(data, hole, buffer);
    at = hole;
  }
}

static void *work(void *unused) {
  (void)unused;
  char *buffer = must_realloc(NULL, BUFFER_BYTES);
  for (;;) {
    off_t at = atomic_fetch_add(&cursor, RANGE_BYTES);
    if (at >= size) break;
    off_t end = at + RANGE_BYTES < size ? at + RANGE_BYTES : size;
    if (seek_data) move_data(at, end, buffer);
    else move_range(at, end, buffer);
  }
  free(buffer);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 6)
    return fputs("usage: floor_large clone|ranges|sparse ftruncate|fallocate SRC_DIR DST_DIR NAME\n", stderr), 64;
  const char *method = argv[1], *reserve = argv[2], *name = argv[5];
  struct stat st;
  umask(0);
  if (mkdir(argv[4], 0755) != 0) die("Cannot create \"%s\"", argv[4]);
  from = openat(tree_open_root(argv[3]), name, O_RDONLY | O_CLOEXEC);
  if (from < 0 || fstat(from, &st) != 0) die("Cannot open \"%s\"", name);
  to = openat(tree_open_root(argv[4]), name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st.st_mode & 07777);
  if (to < 0) die("Cannot create \"%s\"", name);
  size = st.st_size;
  if (strcmp(method, "clone") == 0) {
    if (ioctl(to, FICLONE, from) != 0) die("Cannot clone \"%s\"", name);
  } else {
    seek_data = strcmp(method, "sparse") == 0;
    int failed = strcmp(reserve, "fallocate") == 0 ? fallocate(to, 0, 0, size) : ftruncate(to, size);
    if (failed != 0) die("Cannot reserve \"%s\"", name);
    run_threads(core_count(), work);
  }
  struct timespec times[2] = {{0, UTIME_OMIT}, st.st_mtim};
  if (futimens(to, times) != 0 || close(to) != 0) die("Cannot finish \"%s\"", name);
  return 0;
}
