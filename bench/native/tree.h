/*
 * One scan of a directory tree into flat arrays, shared by the floors and by the comparison.
 *
 * Owns: the list of directories (parents before children) and of all other names, grouped by directory.
 * Guarantees: names are bytes; nothing is followed; every name read is in one of the two lists.
 * Does not: handle relative paths of PATH_MAX bytes or more (the bench makes none), or free memory before exit.
 */
#ifndef BENCH_TREE_H
#define BENCH_TREE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define TREE_LISTING_BYTES (64 * 1024)

__attribute__((noreturn, format(printf, 1, 2))) static inline void die(const char *format, ...) {
  int saved = errno;
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  if (saved != 0) fprintf(stderr, ": %s", strerror(saved));
  fputc('\n', stderr);
  exit(1);
}

static inline void *must_realloc(void *old, size_t bytes) {
  void *grown = realloc(old, bytes);
  if (grown == NULL) die("Cannot allocate %zu bytes", bytes);
  return grown;
}

struct tree_name {
  uint32_t dir;         /* index into dirs */
  unsigned char type;   /* DT_*, never DT_UNKNOWN */
  const char *name;
};

struct tree {
  char **dirs;          /* relative to the root; "." is the root itself */
  size_t dir_count, dir_room;
  struct tree_name *names;
  size_t name_count, name_room;
  char *block;          /* current block of name bytes */
  size_t block_used, block_room;
};

/* linux_dirent64 as the kernel lays it out; glibc does not export it. */
struct tree_dirent {
  uint64_t inode;
  int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[];
};

static inline char *tree_keep(struct tree *tree, const char *text, size_t bytes) {
  if (tree->block_used + bytes > tree->block_room) {
    tree->block_room = bytes > (1 << 20) ? bytes : (1 << 20);
    tree->block = must_realloc(NULL, tree->block_room);
    tree->block_used = 0;
  }
  char *kept = tree->block + tree->block_used;
  memcpy(kept, text, bytes);
  tree->block_used += bytes;
  return kept;
}

static inline void tree_add_dir(struct tree *tree, const char *parent, const char *name) {
  char path[PATH_MAX];
  int length = strcmp(parent, ".") == 0 ? snprintf(path, sizeof path, "%s", name)
                                        : snprintf(path, sizeof path, "%s/%s", parent, name);
  if (length < 0 || (size_t)length >= sizeof path) {
    errno = ENAMETOOLONG;
    die("Cannot scan below \"%s\"", parent);
  }
  if (tree->dir_count == tree->dir_room) {
    tree->dir_room = tree->dir_room ? tree->dir_room * 2 : 1024;
    tree->dirs = must_realloc(tree->dirs, tree->dir_room * sizeof *tree->dirs);
  }
  tree->dirs[tree->dir_count++] = tree_keep(tree, path, (size_t)length + 1);
}

static inline void tree_add_name(struct tree *tree, uint32_t dir, unsigned char type, const char *name) {
  if (tree->name_count == tree->name_room) {
    tree->name_room = tree->name_room ? tree->name_room * 2 : 16384;
    tree->names = must_realloc(tree->names, tree->name_room * sizeof *tree->names);
  }
  tree->names[tree->name_count++] = (struct tree_name){dir, type, tree_keep(tree, name, strlen(name) + 1)};
}

static inline unsigned char tree_type_of(int dir_fd, const char *name) {
  struct stat st;
  if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) die("Cannot stat \"%s\"", name);
  return IFTODT(st.st_mode);
}

/* Scans everything below root_fd, which stays open. Dies on the first error. */
static inline void tree_scan(int root_fd, struct tree *tree) {
  static char listing[TREE_LISTING_BYTES];
  memset(tree, 0, sizeof *tree);
  tree_add_dir(tree, ".", ".");
  for (size_t dir = 0; dir < tree->dir_count; dir++) {
    int fd = openat(root_fd, tree->dirs[dir], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) die("Cannot open directory \"%s\"", tree->dirs[dir]);
    for (;;) {
      long got = syscall(SYS_getdents64, fd, listing, sizeof listing);
      if (got < 0) die("Cannot list directory \"%s\"", tree->dirs[dir]);
      if (got == 0) break;
      for (long at = 0; at < got;) {
        struct tree_dirent *entry = (struct tree_dirent *)(listing + at);
        at += entry->length;
        if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0) continue;
        unsigned char type = entry->type == DT_UNKNOWN ? tree_type_of(fd, entry->name) : entry->type;
        if (type == DT_DIR) tree_add_dir(tree, tree->dirs[dir], entry->name);
        else tree_add_name(tree, (uint32_t)dir, type, entry->name);
      }
    }
    close(fd);
  }
}

static inline int tree_open_root(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) die("Cannot open \"%s\"", path);
  return fd;
}

static inline int tree_open_dir(int root_fd, const char *dir) {
  int fd = openat(root_fd, dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) die("Cannot open directory \"%s\"", dir);
  return fd;
}

/* Directory times last: everything created inside has moved them. */
static inline void tree_copy_dir_times(int from_fd, int to_fd, const struct tree *tree) {
  for (size_t dir = 0; dir < tree->dir_count; dir++) {
    struct stat st;
    if (fstatat(from_fd, tree->dirs[dir], &st, 0) != 0) die("Cannot stat \"%s\"", tree->dirs[dir]);
    struct timespec times[2] = {{0, UTIME_OMIT}, st.st_mtim};
    if (utimensat(to_fd, tree->dirs[dir], times, 0) != 0) die("Cannot set the time of \"%s\"", tree->dirs[dir]);
  }
}

static inline void tree_make_dirs(int from_fd, int to_fd, const struct tree *tree) {
  for (size_t dir = 1; dir < tree->dir_count; dir++) {
    struct stat st;
    if (fstatat(from_fd, tree->dirs[dir], &st, 0) != 0) die("Cannot stat \"%s\"", tree->dirs[dir]);
    if (mkdirat(to_fd, tree->dirs[dir], st.st_mode & 07777) != 0) die("Cannot create \"%s\"", tree->dirs[dir]);
  }
}

/* Starts `count` threads of `work` and waits for all of them. */
static inline void run_threads(int count, void *(*work)(void *)) {
  pthread_t threads[256];
  if (count > 256) count = 256;
  for (int i = 0; i < count; i++) {
    errno = pthread_create(&threads[i], NULL, work, NULL);
    if (errno != 0) die("Cannot start a thread");
  }
  for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

static inline int core_count(void) {
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  return cores < 1 ? 1 : (int)cores;
}

#endif
