/*
 * One TCP connection as a pipe: usage pipe_tcp send|receive listen|connect ADDRESS PORT.
 *
 * `send` moves standard input into the connection, `receive` the connection to standard output, both by splice, so that tar
 * over a socket is measured at its best. Standard input or output has to be a pipe. `connect` tries again for ten seconds
 * while nobody listens.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIPE_BYTES (1 << 20)
#define RETRY_US 5000
#define RETRIES 2000

static int fail(const char *what) {
  fprintf(stderr, "pipe_tcp: Cannot %s: %s\n", what, strerror(errno));
  exit(1);
}

static int accept_one(const struct sockaddr_in *address) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  if (listener < 0) fail("make a socket");
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (const struct sockaddr *)address, sizeof *address) != 0 || listen(listener, 1) != 0) fail("listen");
  int fd = accept(listener, NULL, NULL);
  if (fd < 0) fail("accept");
  close(listener);
  return fd;
}

static int connect_to(const struct sockaddr_in *address) {
  for (int attempt = 0;; attempt++) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("make a socket");
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0) return fd;
    if (errno != ECONNREFUSED || attempt == RETRIES) fail("connect");
    close(fd);
    usleep(RETRY_US);
  }
}

int main(int argc, char **argv) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  if (argc != 5 || inet_pton(AF_INET, argv[3], &address.sin_addr) != 1)
    return fputs("usage: pipe_tcp send|receive listen|connect ADDRESS PORT\n", stderr), 64;
  address.sin_port = htons((unsigned short)atoi(argv[4]));
  bool sends = strcmp(argv[1], "send") == 0;
  int connection = strcmp(argv[2], "listen") == 0 ? accept_one(&address) : connect_to(&address);
  int from = sends ? STDIN_FILENO : connection, to = sends ? connection : STDOUT_FILENO;
  fcntl(sends ? STDIN_FILENO : STDOUT_FILENO, F_SETPIPE_SZ, PIPE_BYTES);
  for (;;) {
    ssize_t moved = splice(from, NULL, to, NULL, PIPE_BYTES, SPLICE_F_MOVE | SPLICE_F_MORE);
    if (moved == 0) return 0;
    if (moved < 0 && errno != EINTR) fail("splice");
  }
}
