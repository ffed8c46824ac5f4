/*
 * Faults that a healthy machine does not show, injected with LD_PRELOAD into files below one directory.
 *
 *   BLIT_FAULT_BELOW  the directory (absolute, resolved); other files behave as always
 *   BLIT_FAULT        one of
 *     corrupt     every write stores its first byte wrong
 *     short       reads and writes move at most half of what was asked
 *     interrupt   every second read or write fails with EINTR first
 *     full        writes fail with ENOSPC
 *     unreadable  reads fail with EIO
 *     sync        fsync and fdatasync fail with EIO
 *     close       close of a file open for writing fails with EIO, as NFS reports a late error
 *     unlisted    reading a directory fails with EIO once some of its names were told
 *     links       a file that has three names gets no fourth: EMLINK
 *     turned      directories cannot be opened: ENOTDIR, as if each had become a file since its name was read
 *
 * In-kernel copies (copy_file_range, sendfile, FICLONE) between such files are refused, so that reads and writes happen.
 * Linux with glibc; a program that makes the system calls itself is not reached, so each test shows that its fault was seen.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Whether it is open at a place below the directory (or at the directory itself). */
static int is_below(int fd)
{
    const char *below = getenv("BLIT_FAULT_BELOW");
    char link[64], path[8192];
    int saved = errno;
    if (!below || fd < 3) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = saved;
    if (length < 0) return 0;
    path[length] = 0;
    size_t prefix = strlen(below);
    return !strncmp(path, below, prefix) && (path[prefix] == '/' || !path[prefix]);
}

static int concerned(int fd)
{
    struct stat st;
    int saved = errno;
    int regular = fd >= 3 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    errno = saved;
    return regular && is_below(fd);
}

static int is(const char *kind)
{
    const char *wanted = getenv("BLIT_FAULT");
    return wanted && !strcmp(wanted, kind);
}

static __thread int turn;

static int interrupted(void)
{
    if (!is("interrupt") || (turn ^= 1) == 0) return 0;
    errno = EINTR;
    return 1;
}

static size_t shortened(size_t length)
{
    return is("short") && length > 1 ? length / 2 : length;
}

static int refuse(int error)
{
    errno = error;
    return -1;
}

/* Returns the buffer to write: a damaged copy, which the caller frees, or the original. */
static const void *damaged(const void *bytes, size_t length)
{
    char *copy;
    if (!is("corrupt") || length == 0 || !(copy = malloc(length))) return bytes;
    memcpy(copy, bytes, length);
    copy[0] ^= 0x40;
    return copy;
}

#define WRITE(name, ...)                                                    \
    if (!concerned(fd)) return NEXT(name)(fd, bytes, length, ##__VA_ARGS__); \
    if (interrupted()) return -1;                                           \
    if (is("full")) return refuse(ENOSPC);                                  \
    const void *stored = damaged(bytes, length);                            \
    ssize_t done = NEXT(name)(fd, stored, shortened(length), ##__VA_ARGS__); \
    if (stored != bytes) free((void *)stored);                              \
    return done;

ssize_t write(int fd, const void *bytes, size_t length) { WRITE(write) }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { WRITE(pwrite, at) }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { WRITE(pwrite64, at) }

#define READ(name, ...)                                                     \
    if (!concerned(fd)) return NEXT(name)(fd, bytes, length, ##__VA_ARGS__); \
    if (interrupted()) return -1;                                           \
    if (is("unreadable")) return refuse(EIO);                               \
    return NEXT(name)(fd, bytes, shortened(length), ##__VA_ARGS__);

ssize_t read(int fd, void *bytes, size_t length) { READ(read) }
ssize_t pread(int fd, void *bytes, size_t length, off_t at) { READ(pread, at) }
ssize_t pread64(int fd, void *bytes, size_t length, off64_t at) { READ(pread64, at) }

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (!concerned(fd) || count < 1) return NEXT(writev)(fd, parts, count);
    return write(fd, parts[0].iov_base, parts[0].iov_len);
}

ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t length, unsigned flags)
{
    if (concerned(in) || concerned(out)) return refuse(EOPNOTSUPP);
    return NEXT(copy_file_range)(in, in_at, out, out_at, length, flags);
}

ssize_t sendfile(int out, int in, off_t *at, size_t length)
{
    if (concerned(in) || concerned(out)) return refuse(EINVAL);
    return NEXT(sendfile)(out, in, at, length);
}

ssize_t sendfile64(int out, int in, off64_t *at, size_t length)
{
    if (concerned(in) || concerned(out)) return refuse(EINVAL);
    return NEXT(sendfile64)(out, in, at, length);
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    va_start(args, request);
    void *argument = va_arg(args, void *);
    va_end(args);
    if ((request == FICLONE || request == FICLONERANGE) && concerned(fd)) return refuse(EOPNOTSUPP);
    return NEXT(ioctl)(fd, request, argument);
}

/* The directory that was read from last by this thread: its first read succeeds. */
static __thread int listed = -1;

long syscall(long number, ...)
{
    va_list args;
    long a[6];
    va_start(args, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(args, long);
    va_end(args);
    if (number == SYS_getdents64 && is("unlisted") && is_below((int)a[0])) {
        if (listed == (int)a[0]) return refuse(EIO);
        listed = (int)a[0];
    }
    return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int linkat(int from, const char *a, int to, const char *b, int flags)
{
    struct stat st;
    if (is("links") && is_below(to) && fstatat(from, a, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_nlink >= 3) return refuse(EMLINK);
    return NEXT(linkat)(from, a, to, b, flags);
}

/* How a fortified program opens without creating. */
int __openat_2(int at, const char *path, int flags)
{
    if (is("turned") && (flags & O_DIRECTORY) && is_below(at)) return refuse(ENOTDIR);
    return NEXT(openat)(at, path, flags);
}

int fsync(int fd)
{
    return is("sync") && concerned(fd) ? refuse(EIO) : NEXT(fsync)(fd);
}

int fdatasync(int fd)
{
    return is("sync") && concerned(fd) ? refuse(EIO) : NEXT(fdatasync)(fd);
}

int close(int fd)
{
    int fail = is("close") && (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY && concerned(fd);
    int result = NEXT(close)(fd);
    return fail ? refuse(EIO) : result;
}
