/*
 * Compares two trees to the last byte: usage compare [--no-mode] [--no-dir-times] [--seconds] [--no-times] SRC DST.
 *
 * Checks names, types, contents, link targets, modification times (nanoseconds, whole seconds with --seconds, none
 * with --no-times) and permissions; the root's own time and mode are not looked at. Prints one JSON line with the counts, the first
 * difference, and the blocks both sides occupy (to see whether holes survived). Exit 0 whether or not they differ.
 */
#include "tree.h"

#include <stdatomic.h>
#include <stdbool.h>

#define BUFFER_BYTES ((size_t)1 << 20)

static bool check_mode = true, check_times = true, check_dir_times = true, whole_seconds;
static int roots[2];
static char **files;
static size_t file_count;
static atomic_size_t cursor;
static atomic_llong differences, bytes, blocks[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char first[PATH_MAX + 64];

static void differ(const char *path, const char *what) {
  pthread_mutex_lock(&lock);
  if (first[0] == 0) snprintf(first, sizeof first, "%s: %s", path, what);
  pthread_mutex_unlock(&lock);
  atomic_fetch_add(&differences, 1);
}

static bool same_time(const struct stat *a, const struct stat *b) {
  return a->st_mtim.tv_sec == b->st_mtim.tv_sec && (whole_seconds || a->st_mtim.tv_nsec == b->st_mtim.tv_nsec);
}

static int by_path(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* All paths of a tree, sorted; directories end in a slash. */
static char **sorted_paths(int root, size_t *count) {
  struct tree tree;
  tree_scan(root, &tree);
  *count = tree.dir_count - 1 + tree.name_count;
  char **paths = must_realloc(NULL, (*count + 1) * sizeof *paths);
  size_t at = 0;
  for (size_t i = 1; i < tree.dir_count; i++)
    if (asprintf(&paths[at++], "%s/", tree.dirs[i]) < 0) die("Cannot allocate a path");
  for (size_t i = 0; i < tree.name_count; i++) {
    const char *dir = tree.dirs[tree.names[i].dir];
    bool top = strcmp(dir, ".") == 0;
    if (asprintf(&paths[at++], "%s%s%s", top ? "" : dir, top ? "" : "/", tree.names[i].name) < 0) die("Cannot allocate a path");
  }
  qsort(paths, *count, sizeof *paths, by_path);
  return paths;
}

static bool is_zero(const char *buffer, size_t length) {
  return length == 0 || (buffer[0] == 0 && memcmp(buffer, buffer + 1, length - 1) == 0);
}

/* From `at`: the end of the stretch that is a hole (*hole = true) or data, at most `size`. */
static off_t stretch(int fd, off_t at, off_t size, bool *hole) {
  off_t data = lseek(fd, at, SEEK_DATA);
  *hole = data < 0 || data > at;
  if (data < 0) return size;
  if (data > at) return data < size ? data : size;
  off_t end = lseek(fd, at, SEEK_HOLE);
  return end < 0 || end > size ? size : end;
}

static bool same_content(const int fds[2], off_t size, char *buffers[2]) {
  for (off_t at = 0; at < size;) {
    bool hole[2];
    off_t end = stretch(fds[0], at, size, &hole[0]), other = stretch(fds[1], at, size, &hole[1]);
    if (other < end) end = other;
    if (hole[0] && hole[1]) {
      at = end;
      continue;
    }
    while (at < end) {
      size_t want = (size_t)(end - at) < BUFFER_BYTES ? (size_t)(end - at) : BUFFER_BYTES;
      for (int side = 0; side < 2; side++)
        if (!hole[side] && pread(fds[side], buffers[side], want, at) != (ssize_t)want) return false;
      if (hole[0] || hole[1] ? !is_zero(buffers[hole[0] ? 1 : 0], want) : memcmp(buffers[0], buffers[1], want) != 0) return false;
      at += (off_t)want;
    }
  }
  return true;
}

static void compare_file(const char *path, const struct stat *st, char *buffers[2]) {
  int fds[2];
  for (int side = 0; side < 2; side++)
    if ((fds[side] = openat(roots[side], path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) < 0) die("Cannot open \"%s\"", path);
  if (!same_content(fds, st->st_size, buffers)) differ(path, "content");
  atomic_fetch_add(&bytes, st->st_size);
  close(fds[0]), close(fds[1]);
}

static void compare_link(const char *path) {
  char targets[2][PATH_MAX];
  ssize_t lengths[2];
  for (int side = 0; side < 2; side++)
    if ((lengths[side] = readlinkat(roots[side], path, targets[side], PATH_MAX)) < 0) die("Cannot read link \"%s\"", path);
  if (lengths[0] != lengths[1] || memcmp(targets[0], targets[1], (size_t)lengths[0]) != 0) differ(path, "target");
}

static void compare_entry(const char *path, char *buffers[2]) {
  struct stat st[2];
  for (int side = 0; side < 2; side++) {
    if (fstatat(roots[side], path, &st[side], AT_SYMLINK_NOFOLLOW) != 0) die("Cannot stat \"%s\"", path);
    if (S_ISREG(st[side].st_mode)) atomic_fetch_add(&blocks[side], st[side].st_blocks);
  }
  if ((st[0].st_mode & S_IFMT) != (st[1].st_mode & S_IFMT)) return differ(path, "type");
  if (check_mode && !S_ISLNK(st[0].st_mode) && st[0].st_mode != st[1].st_mode) differ(path, "mode");
  if (check_times && (check_dir_times || !S_ISDIR(st[0].st_mode)) && !same_time(&st[0], &st[1])) differ(path, "time");
  if (S_ISLNK(st[0].st_mode)) return compare_link(path);
  if (!S_ISREG(st[0].st_mode)) return;
  if (st[0].st_size != st[1].st_size) return differ(path, "size");
  compare_file(path, &st[0], buffers);
}

static void *work(void *unused) {
  (void)unused;
  char *buffers[2] = {must_realloc(NULL, BUFFER_BYTES), must_realloc(NULL, BUFFER_BYTES)};
  for (size_t at; (at = atomic_fetch_add(&cursor, 1)) < file_count;) compare_entry(files[at], buffers);
  return NULL;
}

static void print_json_string(const char *text) {
  putchar('"');
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') putchar('\\');
    putchar((unsigned char)*text < 32 || (unsigned char)*text > 126 ? '?' : *text);
  }
  putchar('"');
}

int main(int argc, char **argv) {
  int at = 1;
  for (; at < argc && argv[at][0] == '-'; at++) {
    if (strcmp(argv[at], "--no-mode") == 0) check_mode = false;
    else if (strcmp(argv[at], "--no-dir-times") == 0) check_dir_times = false;
    else if (strcmp(argv[at], "--seconds") == 0) whole_seconds = true;
    else if (strcmp(argv[at], "--no-times") == 0) check_times = false;
    else return fprintf(stderr, "unknown option %s\n", argv[at]), 64;
  }
  if (argc - at != 2) return fputs("usage: compare [--no-mode] [--no-dir-times] [--seconds] [--no-times] SRC DST\n", stderr), 64;
  char **paths[2];
  size_t counts[2], i = 0, j = 0;
  for (int side = 0; side < 2; side++) {
    roots[side] = tree_open_root(argv[at + side]);
    paths[side] = sorted_paths(roots[side], &counts[side]);
  }
  files = must_realloc(NULL, (counts[0] + 1) * sizeof *files);
  while (i < counts[0] || j < counts[1]) {
    int order = i == counts[0] ? 1 : j == counts[1] ? -1 : strcmp(paths[0][i], paths[1][j]);
    if (order < 0) differ(paths[0][i++], "missing");
    else if (order > 0) differ(paths[1][j++], "extra");
    else files[file_count++] = paths[0][i++], j++;
  }
  run_threads(core_count(), work);
  printf("{\"entries\":%zu,\"bytes\":%lld,\"differences\":%lld,\"source_bytes\":%lld,\"destination_bytes\":%lld,\"first\":",
         file_count, (long long)bytes, (long long)differences, (long long)blocks[0] * 512, (long long)blocks[1] * 512);
  print_json_string(first);
  puts("}");
  return 0;
}
