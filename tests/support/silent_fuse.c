/*
 * A file system that falls silent or tells lies, for tests of stalls and sizes: silent_fuse DIRECTORY SIZE ANSWERED [HELD]
 *
 * Mounts itself on DIRECTORY, which then holds "file" of SIZE zeros. A read from ANSWERED on never gets an answer, as
 * from a server that has died. With HELD the file says SIZE and holds so many bytes. Prints "mounted" and serves until its standard input ends; then it unmounts, and
 * whoever still waits gets an error. Needs root.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { ROOT = FUSE_ROOT_ID, FILE_NODE = 2, BUFFER = 1 << 20 };

static int device;
static unsigned long long file_size, answered, held;
static char buffer[BUFFER];
static const char zeros[BUFFER];

static void fail(const char *what)
{
    fprintf(stderr, "silent_fuse: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void reply(unsigned long long unique, int error, const void *data, size_t size)
{
    struct fuse_out_header header = {.len = (unsigned)(sizeof header + size), .error = -error, .unique = unique};
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)data, size}};
    /* Who asked may have been killed meanwhile. */
    if (writev(device, parts, 2) < 0 && errno != ENOENT) fail("reply");
}

static struct fuse_attr attributes(unsigned long long node)
{
    int is_file = node == FILE_NODE;
    return (struct fuse_attr){
        .ino = node,
        .size = is_file ? file_size : 0,
        .blocks = is_file ? (file_size + 511) / 512 : 0,
        .mtime = 1000000000,
        .mode = is_file ? S_IFREG | 0644 : S_IFDIR | 0755,
        .nlink = is_file ? 1 : 2,
        .blksize = 4096,
    };
}

static size_t add_name(size_t at, unsigned long long node, unsigned type, const char *name)
{
    struct fuse_dirent *entry = (struct fuse_dirent *)(buffer + at);
    size_t length = strlen(name);
    memset(entry, 0, FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + length));
    entry->ino = node;
    entry->namelen = (unsigned)length;
    entry->type = type;
    memcpy(entry->name, name, length);
    at += FUSE_DIRENT_SIZE(entry);
    entry->off = at;
    return at;
}

static void list_names(unsigned long long unique, unsigned long long offset)
{
    size_t size = add_name(0, ROOT, S_IFDIR >> 12, ".");
    size = add_name(size, ROOT, S_IFDIR >> 12, "..");
    size = add_name(size, FILE_NODE, S_IFREG >> 12, "file");
    reply(unique, 0, buffer, offset == 0 ? size : 0);
}

static void read_file(unsigned long long unique, struct fuse_read_in request)
{
    if (request.offset >= answered) return;
    unsigned long long left = request.offset < held ? held - request.offset : 0;
    reply(unique, 0, zeros, left < request.size ? left : request.size);
}

static void serve(void)
{
    ssize_t got = read(device, buffer, sizeof buffer);
    if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT)) return;
    if (got < (ssize_t)sizeof(struct fuse_in_header)) fail("read a request");
    struct fuse_in_header header;
    memcpy(&header, buffer, sizeof header);
    const char *body = buffer + sizeof header;
    switch (header.opcode) {
    case FUSE_INIT: {
        struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 4096, .max_readahead = 1 << 17};
        reply(header.unique, 0, &out, sizeof out);
        break;
    }
    case FUSE_GETATTR: {
        if (answered == 0) break;
        struct fuse_attr_out out = {.attr_valid = 3600, .attr = attributes(header.nodeid)};
        reply(header.unique, 0, &out, sizeof out);
        break;
    }
    case FUSE_LOOKUP: {
        struct fuse_entry_out out = {.nodeid = FILE_NODE, .entry_valid = 3600, .attr_valid = 3600, .attr = attributes(FILE_NODE)};
        int found = strcmp(body, "file") == 0;
        reply(header.unique, found ? 0 : ENOENT, &out, found ? sizeof out : 0);
        break;
    }
    case FUSE_OPEN:
    case FUSE_OPENDIR: {
        struct fuse_open_out out = {.open_flags = held != file_size ? FOPEN_DIRECT_IO : 0};
        reply(header.unique, 0, &out, sizeof out);
        break;
    }
    case FUSE_READDIR: {
        struct fuse_read_in request;
        memcpy(&request, body, sizeof request);
        list_names(header.unique, request.offset);
        break;
    }
    case FUSE_READ: {
        struct fuse_read_in request;
        memcpy(&request, body, sizeof request);
        read_file(header.unique, request);
        break;
    }
    case FUSE_STATFS: {
        struct fuse_statfs_out out = {.st = {.bsize = 4096, .namelen = 255, .frsize = 4096}};
        reply(header.unique, 0, &out, sizeof out);
        break;
    }
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
        reply(header.unique, 0, NULL, 0);
        break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        break;
    default:
        reply(header.unique, ENOSYS, NULL, 0);
    }
}

int main(int count, char **words)
{
    if (count != 4 && count != 5) {
        fprintf(stderr, "usage: silent_fuse DIRECTORY SIZE ANSWERED [HELD]\n");
        return 64;
    }
    file_size = strtoull(words[2], NULL, 10);
    answered = strtoull(words[3], NULL, 10);
    held = count == 5 ? strtoull(words[4], NULL, 10) : file_size;
    device = open("/dev/fuse", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (device < 0) fail("open /dev/fuse");
    char options[100];
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", device);
    if (mount("silent", words[1], "fuse", MS_NODEV | MS_NOSUID, options) != 0) fail("mount");
    puts("mounted");
    fflush(stdout);
    struct pollfd waits[2] = {{.fd = device, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    while (poll(waits, 2, -1) >= 0 || errno == EINTR) {
        if (waits[1].revents) break;
        if (waits[0].revents & POLLERR) break;
        if (waits[0].revents) serve();
    }
    umount2(words[1], MNT_DETACH);
    return 0;
}
