/*
 * Runs one program and measures it: usage run TIMEOUT_S ERROR_FILE PROGRAM [ARG...].
 *
 * Prints one JSON line: wall from just before fork to the return of wait4, the resources wait4 reports for the program
 * and its waited-for children, and how long the cores were busy in all (to see what else ran meanwhile). The program
 * gets its own process group, no input, its output thrown away and its errors in ERROR_FILE; the group is killed when
 * the time is up, when this program is told to end, or when whoever started it is gone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile pid_t child;
static volatile sig_atomic_t ended_by;

static void end_group(int signal_number) {
  ended_by = signal_number;
  if (child > 0) kill(-child, SIGKILL);
}

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t micros(struct timeval t) { return (int64_t)t.tv_sec * 1000000 + t.tv_usec; }

/* Milliseconds that all cores together were not idle since boot, time stolen by the host included; 0 if unknown. */
static int64_t busy_ms(void) {
  unsigned long long user, nice, sys, idle, iowait, irq, softirq, steal;
  FILE *stat = fopen("/proc/stat", "re");
  if (stat == NULL) return 0;
  int got = fscanf(stat, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &sys, &idle, &iowait, &irq,
                   &softirq, &steal);
  fclose(stat);
  if (got != 8) return 0;
  return (int64_t)(user + nice + sys + irq + softirq + steal) * 1000 / sysconf(_SC_CLK_TCK);
}

static void exec_program(const char *error_file, char **argv) {
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  int errors = open(error_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (null < 0 || errors < 0) _exit(127);
  setpgid(0, 0);
  dup2(null, 0), dup2(null, 1), dup2(errors, 2);
  execvp(argv[0], argv);
  dprintf(2, "Cannot start \"%s\": %s\n", argv[0], strerror(errno));
  _exit(127);
}

int main(int argc, char **argv) {
  if (argc < 4) return fputs("usage: run TIMEOUT_S ERROR_FILE PROGRAM [ARG...]\n", stderr), 64;
  struct sigaction action = {.sa_handler = end_group, .sa_flags = SA_RESTART};
  sigaction(SIGTERM, &action, NULL), sigaction(SIGINT, &action, NULL);
  sigaction(SIGHUP, &action, NULL), sigaction(SIGALRM, &action, NULL);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  int64_t busy = busy_ms(), start = now_ns();
  child = fork();
  if (child == 0) exec_program(argv[2], argv + 3);
  if (child < 0) return perror("Cannot fork"), 1;
  setpgid(child, child);
  alarm((unsigned)atoi(argv[1]));
  int status;
  struct rusage usage;
  while (wait4(child, &status, 0, &usage) < 0)
    if (errno != EINTR) return perror("Cannot wait"), 1;
  int64_t wall = now_ns() - start;
  alarm(0);
  printf("{\"wall_ns\":%lld,\"user_us\":%lld,\"sys_us\":%lld,\"peak_kib\":%ld,\"busy_ms\":%lld,\"exit\":%d,"
         "\"signal\":%d,\"timed_out\":%s}\n",
         (long long)wall, (long long)micros(usage.ru_utime), (long long)micros(usage.ru_stime), usage.ru_maxrss,
         (long long)(busy_ms() - busy), WIFEXITED(status) ? WEXITSTATUS(status) : -1,
         WIFSIGNALED(status) ? WTERMSIG(status) : 0, ended_by == SIGALRM ? "true" : "false");
  return 0;
}
