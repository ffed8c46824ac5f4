/*
 * Starts a program in ways that Deno cannot; compiled by fixture.ts into a temporary directory.
 *
 *   launch pty COLS ROWS CMD..   on a new terminal; stdin and stdout are its keyboard and screen; SIGUSR1 halves the width
 *   launch maxrss FILE CMD..     writes its largest resident size in KiB to FILE
 *
 * Exits as CMD does, with 128 + signal when that was killed. Linux only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void die(const char *what)
{
    fprintf(stderr, "launch: %s: %s\n", what, strerror(errno));
    exit(1);
}

static volatile sig_atomic_t resize_wanted;

static void on_resize(int signal)
{
    (void)signal;
    resize_wanted = 1;
}

static int exit_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void write_all(int fd, const char *bytes, ssize_t length)
{
    while (length > 0) {
        ssize_t done = write(fd, bytes, (size_t)length);
        if (done < 0 && errno != EINTR) return;
        if (done > 0) bytes += done, length -= done;
    }
}

static int pty(int columns, int rows, char **command)
{
    struct winsize size = { .ws_col = (unsigned short)columns, .ws_row = (unsigned short)rows };
    struct sigaction action = { .sa_handler = on_resize };
    int master, status;
    sigaction(SIGUSR1, &action, NULL);
    pid_t child = forkpty(&master, NULL, NULL, &size);
    if (child < 0) die("forkpty");
    if (child == 0) {
        execvp(command[0], command);
        die(command[0]);
    }
    struct pollfd polls[2] = { { master, POLLIN, 0 }, { 0, POLLIN, 0 } };
    for (;;) {
        char buffer[65536];
        if (resize_wanted) {
            resize_wanted = 0;
            size.ws_col /= 2;
            ioctl(master, TIOCSWINSZ, &size);
        }
        if (poll(polls, 2, -1) < 0) continue;
        if (polls[1].revents) {
            ssize_t n = read(0, buffer, sizeof buffer);
            if (n > 0) write_all(master, buffer, n);
            else polls[1].fd = -1;
        }
        if (polls[0].revents) {
            ssize_t n = read(master, buffer, sizeof buffer);
            if (n <= 0 && errno != EINTR) break;
            write_all(1, buffer, n);
        }
    }
    waitpid(child, &status, 0);
    return exit_code(status);
}

static int maxrss(const char *file, char **command)
{
    struct rusage usage;
    int status;
    pid_t child = fork();
    if (child == 0) {
        execvp(command[0], command);
        die(command[0]);
    }
    if (wait4(child, &status, 0, &usage) < 0) die("wait");
    FILE *out = fopen(file, "w");
    if (!out) die(file);
    fprintf(out, "%ld\n", usage.ru_maxrss);
    fclose(out);
    return exit_code(status);
}

int main(int argc, char **argv)
{
    if (argc >= 5 && !strcmp(argv[1], "pty")) return pty(atoi(argv[2]), atoi(argv[3]), argv + 4);
    if (argc >= 4 && !strcmp(argv[1], "maxrss")) return maxrss(argv[2], argv + 3);
    fprintf(stderr, "usage: launch pty COLUMNS ROWS COMMAND... | maxrss FILE COMMAND...\n");
    return 64;
}
