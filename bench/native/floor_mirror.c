/*
 * Floor for a mirror onto an existing tree: usage floor_mirror SRC DST.
 *
 * One thread per core takes a directory at a time: list both sides, stat every name on both sides, and rewrite what
 * differs in size or time through a temporary name and a rename. Assumes what the bench's trees guarantee: the same
 * names on both sides (a difference in their number is an error, so nothing is silently left undeleted).
 */
#include "tree.h"

#include <stdbool.h>

#define BUFFER_BYTES (1024 * 1024)

struct worker {
  char *buffer;
  char *listing;
};

static int from_root, to_root;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static char **queue;
static size_t queue_count, queue_room, busy;

static void push(const char *parent, const char *name) {
  char path[PATH_MAX];
  int length = snprintf(path, sizeof path, "%s/%s", parent, name);
  if (length < 0 || (size_t)length >= sizeof path) die("Cannot scan below \"%s\"", parent);
  char *kept = strdup(path);
  pthread_mutex_lock(&lock);
  if (queue_count == queue_room) {
    queue_room = queue_room ? queue_room * 2 : 1024;
    queue = must_realloc(queue, queue_room * sizeof *queue);
  }
  queue[queue_count++] = kept;
  pthread_cond_signal(&changed);
  pthread_mutex_unlock(&lock);
}

static void rewrite(int from_dir, int to_dir, const char *name, const struct stat *st, char *buffer) {
  char temporary[NAME_MAX + 16];
  snprintf(temporary, sizeof temporary, ".%s.floor", name);
  int from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  int to = openat(to_dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st->st_mode & 07777);
  if (from < 0 || to < 0) die("Cannot open \"%s\"", name);
  ssize_t got;
  while ((got = read(from, buffer, BUFFER_BYTES)) > 0)
    if (write(to, buffer, (size_t)got) != got) die("Cannot write \"%s\"", name);
  if (got < 0) die("Cannot read \"%s\"", name);
  struct timespec times[2] = {{0, UTIME_OMIT}, st->st_mtim};
  if (futimens(to, times) != 0 || renameat(to_dir, temporary, to_dir, name) != 0) die("Cannot finish \"%s\"", name);
  close(from);
  close(to);
}

static bool differs(const struct stat *a, const struct stat *b) {
  return (a->st_mode & S_IFMT) != (b->st_mode & S_IFMT) || (!S_ISDIR(a->st_mode) && a->st_size != b->st_size) ||
         a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

/* Counts the names of a directory; with `path` it also visits each of them. */
static size_t list(int fd, struct worker *self, const char *path, int to_fd, bool *rewrote) {
  size_t names = 0;
  for (;;) {
    long got = syscall(SYS_getdents64, fd, self->listing, TREE_LISTING_BYTES);
    if (got < 0) die("Cannot list \"%s\"", path ? path : "destination");
    if (got == 0) return names;
    for (long at = 0; at < got;) {
      struct tree_dirent *entry = (struct tree_dirent *)(self->listing + at);
      at += entry->length;
      if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0) continue;
      names++;
      if (path == NULL) continue;
      if (entry->type == DT_DIR) {
        push(path, entry->name);
        continue;
      }
      struct stat from, to;
      if (fstatat(fd, entry->name, &from, AT_SYMLINK_NOFOLLOW) != 0) die("Cannot stat \"%s\"", entry->name);
      if (fstatat(to_fd, entry->name, &to, AT_SYMLINK_NOFOLLOW) != 0) die("Cannot stat \"%s\"", entry->name);
      if (!differs(&from, &to)) continue;
      rewrite(fd, to_fd, entry->name, &from, self->buffer);
      *rewrote = true;
    }
  }
}

static void visit(const char *path, struct worker *self) {
  int from = openat(from_root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int to = openat(to_root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat from_st, to_st;
  if (from < 0 || to < 0 || fstat(from, &from_st) != 0 || fstat(to, &to_st) != 0) die("Cannot open \"%s\"", path);
  bool rewrote = false;
  errno = 0;
  if (list(to, self, NULL, -1, NULL) != list(from, self, path, to, &rewrote)) die("Names differ in \"%s\"", path);
  if (rewrote || differs(&from_st, &to_st)) {
    struct timespec times[2] = {{0, UTIME_OMIT}, from_st.st_mtim};
    if (futimens(to, times) != 0) die("Cannot set the time of \"%s\"", path);
  }
  close(from);
  close(to);
}

static void *work(void *unused) {
  (void)unused;
  struct worker self = {must_realloc(NULL, BUFFER_BYTES), must_realloc(NULL, TREE_LISTING_BYTES)};
  pthread_mutex_lock(&lock);
  for (;;) {
    while (queue_count == 0 && busy > 0) pthread_cond_wait(&changed, &lock);
    if (queue_count == 0) break;
    char *path = queue[--queue_count];
    busy++;
    pthread_mutex_unlock(&lock);
    visit(path, &self);
    free(path);
    pthread_mutex_lock(&lock);
    busy--;
    if (busy == 0 && queue_count == 0) pthread_cond_broadcast(&changed);
  }
  pthread_mutex_unlock(&lock);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc != 3) return fputs("usage: floor_mirror SRC DST\n", stderr), 64;
  umask(0);
  from_root = tree_open_root(argv[1]);
  to_root = tree_open_root(argv[2]);
  queue = must_realloc(NULL, sizeof *queue * (queue_room = 1024));
  queue[queue_count++] = strdup(".");
  run_threads(core_count(), work);
  return 0;
}
