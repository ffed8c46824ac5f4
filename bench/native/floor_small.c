/*
 * Floor for a tree of files: usage floor_small [--copy-file-range | --clone] SRC DST (DST must not exist).
 *
 * One scan, then one thread per core claims 64 names at a time and does only what a faithful copy needs: open, fstat,
 * open O_EXCL with the right mode, read, write, futimens, close. Directory times last. Files are written under their
 * own names: no protection of anything that exists, because nothing does. Bytes go through read and write unless the
 * file system does better: --copy-file-range for every file, --clone (FICLONE) for those of 64 KiB or more.
 */
#include "tree.h"

#include <linux/fs.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/ioctl.h>

#define CLAIM 64
#define BUFFER_BYTES (1024 * 1024)
#define CLONE_FROM_BYTES (64 * 1024)

static struct tree tree;
static int from_root, to_root;
static bool use_copy_file_range, use_clone;
static atomic_size_t cursor;

static void copy_bytes(int from, int to, off_t size, char *buffer, const char *name) {
  if (use_clone && size >= CLONE_FROM_BYTES) {
    if (ioctl(to, FICLONE, from) != 0) die("Cannot clone \"%s\"", name);
    return;
  }
  if (use_copy_file_range) {
    while (size > 0) {
      ssize_t moved = copy_file_range(from, NULL, to, NULL, (size_t)size, 0);
      if (moved < 0) die("Cannot copy \"%s\"", name);
      if (moved == 0) break;
      size -= moved;
    }
    return;
  }
  while (size > 0) {
    ssize_t got = read(from, buffer, BUFFER_BYTES);
    if (got < 0) die("Cannot read \"%s\"", name);
    if (got == 0) break;
    if (write(to, buffer, (size_t)got) != got) die("Cannot write \"%s\"", name);
    size -= got;
  }
}

static void copy_link(int from_dir, int to_dir, const char *name) {
  char target[PATH_MAX];
  struct stat st;
  ssize_t length = readlinkat(from_dir, name, target, sizeof target - 1);
  if (length < 0 || fstatat(from_dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) die("Cannot read link \"%s\"", name);
  target[length] = 0;
  struct timespec times[2] = {{0, UTIME_OMIT}, st.st_mtim};
  if (symlinkat(target, to_dir, name) != 0 || utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) != 0)
    die("Cannot create link \"%s\"", name);
}

static void copy_file(int from_dir, int to_dir, const char *name, char *buffer) {
  struct stat st;
  int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (from < 0 || fstat(from, &st) != 0) die("Cannot open \"%s\"", name);
  int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, st.st_mode & 07777);
  if (to < 0) die("Cannot create \"%s\"", name);
  copy_bytes(from, to, st.st_size, buffer, name);
  struct timespec times[2] = {{0, UTIME_OMIT}, st.st_mtim};
  if (futimens(to, times) != 0) die("Cannot set the time of \"%s\"", name);
  close(from);
  close(to);
}

static void *work(void *unused) {
  (void)unused;
  char *buffer = must_realloc(NULL, BUFFER_BYTES);
  uint32_t open_dir = UINT32_MAX;
  int from_dir = -1, to_dir = -1;
  for (;;) {
    size_t first = atomic_fetch_add(&cursor, CLAIM);
    if (first >= tree.name_count) break;
    size_t end = first + CLAIM < tree.name_count ? first + CLAIM : tree.name_count;
    for (size_t i = first; i < end; i++) {
      struct tree_name *entry = &tree.names[i];
      if (entry->dir != open_dir) {
        if (from_dir >= 0) close(from_dir), close(to_dir);
        open_dir = entry->dir;
        from_dir = tree_open_dir(from_root, tree.dirs[open_dir]);
        to_dir = tree_open_dir(to_root, tree.dirs[open_dir]);
      }
      if (entry->type == DT_LNK) copy_link(from_dir, to_dir, entry->name);
      else copy_file(from_dir, to_dir, entry->name, buffer);
    }
  }
  return NULL;
}

int main(int argc, char **argv) {
  int at = 1;
  if (at < argc && strcmp(argv[at], "--copy-file-range") == 0) use_copy_file_range = true, at++;
  else if (at < argc && strcmp(argv[at], "--clone") == 0) use_clone = true, at++;
  if (argc - at != 2) return fputs("usage: floor_small [--copy-file-range | --clone] SRC DST\n", stderr), 64;
  umask(0);
  from_root = tree_open_root(argv[at]);
  if (mkdir(argv[at + 1], 0755) != 0) die("Cannot create \"%s\"", argv[at + 1]);
  to_root = tree_open_root(argv[at + 1]);
  tree_scan(from_root, &tree);
  tree_make_dirs(from_root, to_root, &tree);
  run_threads(core_count(), work);
  tree_copy_dir_times(from_root, to_root, &tree);
  return 0;
}
