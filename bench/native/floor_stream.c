/*
 * The floor of one file over TCP: usage floor_stream FILE COPY LANES. A process that sends (sendfile, 1 MiB at a time) and one that
 * receives (recv, pwrite) over that many loopback connections, slices of 64 MiB by turns, cubic where it may be chosen. Nothing that
 * names, checks or keeps anything.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECE ((size_t)1 << 20)
#define SLICE ((off_t)64 << 20)
#define LANES_MAX 16

struct lane { pthread_t thread; int socket, file, number; };

static off_t size;
static int lanes;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void *send_slices(void *arg) {
  struct lane *l = arg;
  for (off_t from = l->number * SLICE; from < size; from += lanes * SLICE) {
    off_t at = from, end = size - from < SLICE ? size : from + SLICE;
    while (at < end)
      if (sendfile(l->socket, l->file, &at, (size_t)(end - at) < PIECE ? (size_t)(end - at) : PIECE) <= 0) die("sendfile");
  }
  return NULL;
}

static void *receive_slices(void *arg) {
  struct lane *l = arg;
  char *buffer = aligned_alloc(4096, PIECE);
  for (off_t from = l->number * SLICE; from < size; from += lanes * SLICE) {
    off_t end = size - from < SLICE ? size : from + SLICE;
    for (off_t at = from; at < end;) {
      size_t want = (size_t)(end - at) < PIECE ? (size_t)(end - at) : PIECE;
      ssize_t n = recv(l->socket, buffer, want, MSG_WAITALL);
      if (n <= 0) die("recv");
      if (pwrite(l->file, buffer, n, at) != n) die("pwrite");
      at += n;
    }
  }
  free(buffer);
  return NULL;
}

static void run(struct lane *all, void *(*body)(void *)) {
  for (int i = 0; i < lanes; i++)
    if (pthread_create(&all[i].thread, NULL, body, &all[i])) die("pthread_create");
  for (int i = 0; i < lanes; i++) pthread_join(all[i].thread, NULL);
}

static int stream_socket(void) {
  int s = socket(AF_INET, SOCK_STREAM, 0);
  if (s < 0) die("socket");
  setsockopt(s, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5);
  return s;
}

int main(int argc, char **argv) {
  struct lane all[LANES_MAX];
  struct stat st;
  if (argc != 4 || (lanes = atoi(argv[3])) < 1 || lanes > LANES_MAX) {
    fprintf(stderr, "usage: floor_stream FILE COPY LANES\n");
    return 64;
  }
  int from = open(argv[1], O_RDONLY);
  if (from < 0 || fstat(from, &st) < 0) die(argv[1]);
  size = st.st_size;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof address;
  int listener = stream_socket();
  if (bind(listener, (void *)&address, sizeof address) || listen(listener, lanes) || getsockname(listener, (void *)&address, &len))
    die("listen");
  pid_t sender = fork();
  if (sender == 0) {
    for (int i = 0; i < lanes; i++) {
      char number = i;
      all[i] = (struct lane){.socket = stream_socket(), .file = from, .number = i};
      if (connect(all[i].socket, (void *)&address, sizeof address) || write(all[i].socket, &number, 1) != 1) die("connect");
    }
    run(all, send_slices);
    _exit(0);
  }
  int to = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (to < 0 || ftruncate(to, size)) die(argv[2]);
  for (int i = 0; i < lanes; i++) {
    char number;
    int s = accept(listener, NULL, NULL);
    if (s < 0 || read(s, &number, 1) != 1) die("accept");
    all[i] = (struct lane){.socket = s, .file = to, .number = number};
  }
  run(all, receive_slices);
  int status;
  waitpid(sender, &status, 0);
  struct timespec times[2] = {st.st_atim, st.st_mtim};
  futimens(to, times);
  fchmod(to, st.st_mode & 07777);
  return status != 0;
}
