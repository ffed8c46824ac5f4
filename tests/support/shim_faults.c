/*
 * Faults for a test build of the shim: the linker leads the shim's system calls through here (-Wl,--wrap=...). The library that users
 * get is linked without this file, so nothing in it can be told to fail.
 *
 * One fault is armed at a time: from the `nth` call of a class that concerns a path below a directory on, `times` calls fail with `error`.
 * A negative error is a signal that the process sends itself at that very moment, before the call. Classes:
 *
 *   open create read write list stat make link rename remove meta attribute sync   concern paths
 *   net                                                                    sending and receiving on connections to other machines
 *
 * A process that was started with BLIT_FAULT="class directory nth error times" begins with that fault armed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static atomic_int armed;
static atomic_long seen;
static char armed_class[16], armed_below[4096];
static long armed_nth, armed_times;
static int armed_error;

/* An empty class disarms. Returns how many calls the fault that was armed before has met. */
EXPORT long blit_fault_arm(const char *class, const char *below, long nth, int error, long times)
{
	long met = atomic_load(&seen);
	atomic_store(&armed, 0);
	snprintf(armed_class, sizeof armed_class, "%s", class);
	snprintf(armed_below, sizeof armed_below, "%s", below);
	armed_nth = nth;
	armed_error = error;
	armed_times = times;
	atomic_store(&seen, 0);
	atomic_store(&armed, class[0] != 0);
	return met;
}

__attribute__((constructor)) static void arm_from_environment(void)
{
	char class[16], below[4096];
	long nth, times;
	int error;
	const char *text = getenv("BLIT_FAULT");
	if (text && sscanf(text, "%15s %4095s %ld %d %ld", class, below, &nth, &error, &times) == 5)
		blit_fault_arm(class, below, nth, error, times);
}

/* Whether `name` in the directory, or the open file itself where there is no name, lies below the armed directory. */
static int concerned(int fd, const char *name)
{
	char link[64], path[8192] = "";
	size_t length = 0, prefix = strlen(armed_below);
	if (!name || name[0] != '/') {
		if (fd == AT_FDCWD) snprintf(link, sizeof link, "/proc/self/cwd");
		else snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		ssize_t n = readlink(link, path, sizeof path - 300);
		if (n < 0) return 0;
		length = (size_t)n;
	}
	if (name && name[0]) snprintf(path + length, sizeof path - length, "%s%.255s", length ? "/" : "", name);
	return !strncmp(path, armed_below, prefix) && (!path[prefix] || path[prefix] == '/');
}

/* Pairs of sockets within a process break no connection. */
static int is_connection(int fd)
{
	int family = AF_UNIX;
	socklen_t length = sizeof family;
	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length) == 0 && family != AF_UNIX;
}

static int strikes(const char *class, int fd, const char *name)
{
	int saved = errno;
	if (!atomic_load(&armed) || strcmp(class, armed_class)) return 0;
	int ours = !strcmp(class, "net") ? is_connection(fd) : concerned(fd, name);
	errno = saved;
	if (!ours) return 0;
	long call = atomic_fetch_add(&seen, 1) + 1;
	if (call < armed_nth || call - armed_nth >= armed_times) return 0;
	if (armed_error < 0) {
		kill(getpid(), -armed_error);
		return 0;
	}
	errno = armed_error;
	return 1;
}

#define FAIL(class, fd, name) \
	if (strikes(class, fd, name)) return -1

#define WRAP(result, name, parameters, arguments, check) \
	result __real_##name parameters;                     \
	result __wrap_##name parameters                      \
	{                                                    \
		check;                                           \
		return __real_##name arguments;                  \
	}

int __real_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...)
{
	va_list list;
	va_start(list, flags);
	mode_t mode = va_arg(list, mode_t);
	va_end(list);
	FAIL(flags & O_CREAT ? "create" : "open", dir, name);
	return __real_openat(dir, name, flags, mode);
}

WRAP(ssize_t, read, (int fd, void *to, size_t length), (fd, to, length), FAIL("read", fd, NULL))
WRAP(ssize_t, pread, (int fd, void *to, size_t length, off_t at), (fd, to, length, at), FAIL("read", fd, NULL))
WRAP(ssize_t, pwrite, (int fd, const void *from, size_t length, off_t at), (fd, from, length, at), FAIL("write", fd, NULL))
WRAP(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count), FAIL("write", fd, NULL))
WRAP(int, fallocate, (int fd, int mode, off_t at, off_t length), (fd, mode, at, length), FAIL("write", fd, NULL))
WRAP(int, ftruncate, (int fd, off_t length), (fd, length), FAIL("write", fd, NULL))
WRAP(ssize_t, copy_file_range, (int in, off_t *in_at, int out, off_t *out_at, size_t length, unsigned flags),
	(in, in_at, out, out_at, length, flags), FAIL("read", in, NULL); FAIL("write", out, NULL))
WRAP(ssize_t, sendfile, (int out, int in, off_t *at, size_t length), (out, in, at, length),
	FAIL("read", in, NULL); FAIL("net", out, NULL))
WRAP(ssize_t, send, (int fd, const void *from, size_t length, int flags), (fd, from, length, flags), FAIL("net", fd, NULL))
WRAP(ssize_t, recv, (int fd, void *to, size_t length, int flags), (fd, to, length, flags), FAIL("net", fd, NULL))
WRAP(int, statx, (int dir, const char *name, int flags, unsigned mask, struct statx *out), (dir, name, flags, mask, out),
	FAIL("stat", dir, name))
WRAP(int, fstatat, (int dir, const char *name, struct stat *out, int flags), (dir, name, out, flags), FAIL("stat", dir, name))
WRAP(int, mkdirat, (int dir, const char *name, mode_t mode), (dir, name, mode), FAIL("make", dir, name))
WRAP(int, mknodat, (int dir, const char *name, mode_t mode, dev_t device), (dir, name, mode, device), FAIL("make", dir, name))
WRAP(int, symlinkat, (const char *target, int dir, const char *name), (target, dir, name), FAIL("make", dir, name))
WRAP(int, linkat, (int from, const char *name, int to, const char *other, int flags), (from, name, to, other, flags),
	FAIL("link", to, other))
WRAP(int, renameat, (int from, const char *name, int to, const char *other), (from, name, to, other), FAIL("rename", to, other))
WRAP(int, unlinkat, (int dir, const char *name, int flags), (dir, name, flags), FAIL("remove", dir, name))
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), FAIL("meta", fd, NULL))
WRAP(int, fchown, (int fd, uid_t user, gid_t group), (fd, user, group), FAIL("meta", fd, NULL))
WRAP(int, fchownat, (int dir, const char *name, uid_t user, gid_t group, int flags), (dir, name, user, group, flags),
	FAIL("meta", dir, name))
WRAP(int, futimens, (int fd, const struct timespec *times), (fd, times), FAIL("meta", fd, NULL))
WRAP(int, utimensat, (int dir, const char *name, const struct timespec *times, int flags), (dir, name, times, flags),
	FAIL("meta", dir, name))
WRAP(int, fsetxattr, (int fd, const char *name, const void *value, size_t length, int flags), (fd, name, value, length, flags),
	FAIL("attribute", fd, NULL))
WRAP(int, lsetxattr, (const char *path, const char *name, const void *value, size_t length, int flags),
	(path, name, value, length, flags), FAIL("attribute", AT_FDCWD, path))
WRAP(int, fsync, (int fd), (fd), FAIL("sync", fd, NULL))
WRAP(int, fdatasync, (int fd), (fd), FAIL("sync", fd, NULL))

int __real_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, void *argument)
{
	if (request == FICLONE || request == FICLONERANGE) FAIL("write", fd, NULL);
	return __real_ioctl(fd, request, argument);
}

/* The shim calls what the C library has no function for by number. */
long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == SYS_getdents64) FAIL("list", (int)a, NULL);
	if (number == SYS_renameat2) FAIL("rename", (int)c, (const char *)d);
	return __real_syscall(number, a, b, c, d, e, f);
}
