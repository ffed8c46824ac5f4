/*
 * Makes a tree from a list: usage make_tree ROOT < list. ROOT is created when missing.
 *
 * A line is one entry, its fields separated by tabs, a directory before what is in it:
 *   d MODE MTIME_NS PATH
 *   l MTIME_NS TARGET PATH
 *   f MODE MTIME_NS SIZE SEED EXTENT STRIDE PATH
 * A file's bytes follow from its SEED alone. With STRIDE > 0 the file is sparse: EXTENT bytes of data at every multiple of
 * STRIDE. A file that exists already is replaced. Directory times are set last.
 */
#include "tree.h"

#define BUFFER_BYTES ((size_t)1 << 20)

static int root;
static uint64_t *buffer;

struct dir_time {
  char *path;
  int64_t mtime_ns;
};

static void set_time(const char *path, int64_t mtime_ns) {
  struct timespec t = {mtime_ns / 1000000000, mtime_ns % 1000000000};
  struct timespec times[2] = {t, t};
  if (utimensat(root, path, times, AT_SYMLINK_NOFOLLOW) != 0) die("Cannot set the time of \"%s\"", path);
}

/* splitmix64: every 8 bytes from a counter, so no two files and no two blocks are alike. */
static void fill(uint64_t *state, size_t bytes) {
  uint64_t s = *state;
  for (size_t i = 0; i < (bytes + 7) / 8; i++) {
    uint64_t z = (s += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    buffer[i] = z ^ (z >> 31);
  }
  *state = s;
}

static void write_data(int fd, off_t at, off_t bytes, uint64_t *state, const char *path) {
  while (bytes > 0) {
    size_t part = (size_t)bytes < BUFFER_BYTES ? (size_t)bytes : BUFFER_BYTES;
    fill(state, part);
    if (pwrite(fd, buffer, part, at) != (ssize_t)part) die("Cannot write \"%s\"", path);
    at += (off_t)part;
    bytes -= (off_t)part;
  }
}

static void make_file(const char *path, mode_t mode, int64_t mtime_ns, off_t size, uint64_t seed, off_t extent, off_t stride) {
  int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  int fd = openat(root, path, flags, mode);
  if (fd < 0 && errno == EEXIST && unlinkat(root, path, 0) == 0) fd = openat(root, path, flags, mode);
  if (fd < 0) die("Cannot create \"%s\"", path);
  uint64_t state = seed * 0xd1342543de82ef95u + 1;
  if (stride > 0) {
    if (ftruncate(fd, size) != 0) die("Cannot size \"%s\"", path);
    for (off_t at = 0; at < size; at += stride) write_data(fd, at, extent < size - at ? extent : size - at, &state, path);
  } else {
    write_data(fd, 0, size, &state, path);
  }
  struct timespec t = {mtime_ns / 1000000000, mtime_ns % 1000000000};
  struct timespec times[2] = {t, t};
  if (futimens(fd, times) != 0 || close(fd) != 0) die("Cannot finish \"%s\"", path);
}

static const char *field(char **rest, const char *line) {
  char *value = strsep(rest, "\t");
  if (value == NULL) errno = 0, die("Line is too short: \"%s\"", line);
  return value;
}

static int64_t number(char **rest, int base, const char *line) {
  const char *text = field(rest, line);
  char *end;
  errno = 0;
  int64_t value = (int64_t)strtoull(text, &end, base);
  if (errno != 0 || end == text || *end != 0) errno = 0, die("Not a number: \"%s\"", text);
  return value;
}

int main(int argc, char **argv) {
  if (argc != 2) return fputs("usage: make_tree ROOT < list\n", stderr), 64;
  umask(0);
  if (mkdir(argv[1], 0755) != 0 && errno != EEXIST) die("Cannot create \"%s\"", argv[1]);
  root = tree_open_root(argv[1]);
  buffer = must_realloc(NULL, BUFFER_BYTES + 8);
  struct dir_time *times = NULL;
  size_t time_count = 0, time_room = 0, room = 0;
  char *line = NULL;
  ssize_t length;
  while ((length = getline(&line, &room, stdin)) > 0) {
    if (line[length - 1] == '\n') line[length - 1] = 0;
    char *rest = line;
    switch (*field(&rest, line)) {
      case 'd': {
        mode_t mode = (mode_t)number(&rest, 8, line);
        int64_t mtime_ns = number(&rest, 10, line);
        const char *path = field(&rest, line);
        if (mkdirat(root, path, mode) != 0 && errno != EEXIST) die("Cannot create \"%s\"", path);
        if (time_count == time_room) times = must_realloc(times, (time_room = time_room ? time_room * 2 : 1024) * sizeof *times);
        times[time_count++] = (struct dir_time){strdup(path), mtime_ns};
        break;
      }
      case 'l': {
        int64_t mtime_ns = number(&rest, 10, line);
        const char *target = field(&rest, line), *path = field(&rest, line);
        if (symlinkat(target, root, path) != 0 && errno != EEXIST) die("Cannot create \"%s\"", path);
        set_time(path, mtime_ns);
        break;
      }
      case 'f': {
        mode_t mode = (mode_t)number(&rest, 8, line);
        int64_t mtime_ns = number(&rest, 10, line);
        off_t size = number(&rest, 10, line);
        uint64_t seed = (uint64_t)number(&rest, 10, line);
        off_t extent = number(&rest, 10, line), stride = number(&rest, 10, line);
        make_file(field(&rest, line), mode, mtime_ns, size, seed, extent, stride);
        break;
      }
      default:
        errno = 0;
        die("Unknown kind of entry: \"%s\"", line);
    }
  }
  if (ferror(stdin)) die("Cannot read the list");
  for (size_t i = 0; i < time_count; i++) set_time(times[i].path, times[i].mtime_ns);
  return 0;
}
