/*
 * The test suite's helper program, compiled by fixture.ts into a temporary directory.
 *
 * It makes and lists what Deno's file API cannot express: names that are not UTF-8, paths longer than PATH_MAX, special
 * files, nanosecond times, extended attributes. It knows nothing of blit, so it can serve as a second oracle beside rsync.
 *
 *   fixture make ROOT            reads one operation per line (see `perform`) and carries them out below ROOT
 *   fixture list ROOT            one line per entry: all that a faithful copy must keep
 *   fixture probe DIR            prints which privileged kinds of metadata can be made in DIR
 *   fixture serve                reads "list ROOT", or "make ROOT" with its operations up to a line ".", and so on until the end of
 *                                its input; a line "." ends each answer. For tests that make and list thousands of small trees
 *
 * Names travel percent-encoded. Linux only.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

static void die(const char *format, ...)
{
    int saved = errno;
    va_list args;
    va_start(args, format);
    fprintf(stderr, "fixture: ");
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, ": %s\n", strerror(saved));
    exit(1);
}

/* ---- names ---------------------------------------------------------------------------------------------------- */

static int hex_digit(int c)
{
    return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

/* Decodes in place; a decoded string never holds a NUL. */
static char *percent_decode(char *text)
{
    char *out = text;
    for (char *in = text; *in; in++) {
        if (*in == '%') {
            *out++ = (char)(hex_digit(in[1]) << 4 | hex_digit(in[2]));
            in += 2;
        } else {
            *out++ = *in;
        }
    }
    *out = 0;
    return text;
}

static void percent_print(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if ((*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') || strchr("._-/", *c))
            putchar(*c);
        else
            printf("%%%02X", *c);
    }
}

/* ---- make ----------------------------------------------------------------------------------------------------- */

/* The parent directory of the last operation stays open, so that runs of siblings cost one walk. */
static int root_fd, parent_fd = -1;
static char *parent_path;

static const char *open_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    const char *base = slash ? slash + 1 : path;
    if (parent_fd >= 0 && strlen(parent_path) == length && memcmp(parent_path, path, length) == 0) return base;
    if (parent_fd >= 0) close(parent_fd);
    free(parent_path);
    parent_path = strndup(path, length);
    parent_fd = openat(root_fd, ".", O_PATH | O_DIRECTORY);
    char *copy = strndup(path, length);
    for (char *part = strtok(copy, "/"); part; part = strtok(NULL, "/")) {
        int next = openat(parent_fd, part, O_PATH | O_DIRECTORY | O_NOFOLLOW);
        if (next < 0) die("open %s of %s", part, path);
        close(parent_fd);
        parent_fd = next;
    }
    free(copy);
    return base;
}

/* A path of bounded length for calls that have no *at form; the last component is not followed by the l* calls. */
static char *short_path(const char *base)
{
    static char text[320];
    snprintf(text, sizeof text, "/proc/self/fd/%d/%s", parent_fd, base);
    return text;
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void fill(int fd, uint64_t seed, off_t offset, off_t length)
{
    static uint64_t buffer[1 << 15];
    uint64_t state = (seed + 1) * 0x9E3779B97F4A7C15ull ^ (uint64_t)offset;
    if (!state) state = 1;
    while (length > 0) {
        size_t step = (size_t)length < sizeof buffer ? (size_t)length : sizeof buffer;
        for (size_t i = 0; i < (step + 7) / 8; i++) buffer[i] = next_random(&state);
        ssize_t done = pwrite(fd, buffer, step, offset);
        if (done <= 0) die("write");
        offset += done;
        length -= done;
    }
}

/* extents: "offset:length,..." inside a file of holes; NULL fills the whole size. */
static void make_file(const char *base, off_t size, uint64_t seed, char *extents)
{
    int fd = openat(parent_fd, base, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
    if (fd < 0) die("create %s", base);
    if (extents) {
        if (ftruncate(fd, size)) die("truncate %s", base);
        for (char *one = strtok(extents, ","); one; one = strtok(NULL, ",")) {
            long long offset, length;
            if (sscanf(one, "%lld:%lld", &offset, &length) == 2) fill(fd, seed, offset, length);
        }
    } else {
        fill(fd, seed, 0, size);
    }
    close(fd);
}

static void make_socket(const char *base)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    /* sun_path is short: bind to a plain name and rename it. */
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/sock-%d", parent_fd, getpid());
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address)) die("socket %s", base);
    if (renameat(AT_FDCWD, address.sun_path, parent_fd, base)) die("rename socket %s", base);
    close(fd);
}

static void set_attribute(const char *base, const char *name, const char *hex)
{
    unsigned char value[65536];
    size_t length = strlen(hex) / 2;
    for (size_t i = 0; i < length; i++) value[i] = (unsigned char)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    if (lsetxattr(short_path(base), name, value, length, 0)) die("setxattr %s on %s", name, base);
}

/* What was opened may stand elsewhere now. */
static void forget_parent(void)
{
    if (parent_fd >= 0) close(parent_fd);
    parent_fd = -1;
}

static int remove_tree(int directory, const char *name)
{
    if (!unlinkat(directory, name, 0)) return 0;
    int fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (!stream) return -1;
    for (struct dirent *entry; (entry = readdir(stream));) {
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) remove_tree(fd, entry->d_name);
    }
    closedir(stream);
    return unlinkat(directory, name, AT_REMOVEDIR);
}

static void perform(char *line)
{
    char *word[5] = { 0 };
    int words = 0;
    for (char *part = strtok(line, " "); part && words < 5; part = strtok(NULL, " ")) word[words++] = part;
    if (words < 2) return;
    const char *verb = word[0], *base = open_parent(percent_decode(word[1]));
    int failed = 0;
    if (!strcmp(verb, "dir")) failed = mkdirat(parent_fd, base, 0755) && errno != EEXIST;
    else if (!strcmp(verb, "file")) make_file(base, atoll(word[2]), strtoull(word[3], NULL, 10), word[4]);
    else if (!strcmp(verb, "symlink")) failed = symlinkat(percent_decode(word[2]), parent_fd, base);
    else if (!strcmp(verb, "link")) {
        int fd = dup(parent_fd);
        char *name = strdup(base);
        const char *from = open_parent(percent_decode(word[2]));
        failed = linkat(parent_fd, from, fd, name, 0);
        close(fd);
        free(name);
    } else if (!strcmp(verb, "fifo")) failed = mkfifoat(parent_fd, base, 0644);
    else if (!strcmp(verb, "socket")) make_socket(base);
    else if (!strcmp(verb, "char")) failed = mknodat(parent_fd, base, S_IFCHR | 0600, makedev(atoi(word[2]), atoi(word[3])));
    else if (!strcmp(verb, "block")) failed = mknodat(parent_fd, base, S_IFBLK | 0600, makedev(atoi(word[2]), atoi(word[3])));
    else if (!strcmp(verb, "owner")) failed = fchownat(parent_fd, base, (uid_t)atol(word[2]), (gid_t)atol(word[3]), AT_SYMLINK_NOFOLLOW);
    else if (!strcmp(verb, "mode")) failed = fchmodat(parent_fd, base, (mode_t)strtol(word[2], NULL, 8), 0);
    else if (!strcmp(verb, "attribute")) set_attribute(base, word[2], word[3] ? word[3] : "");
    else if (!strcmp(verb, "time")) {
        struct timespec times[2] = { { 0, UTIME_OMIT }, { atoll(word[2]), atol(word[3]) } };
        failed = utimensat(parent_fd, base, times, AT_SYMLINK_NOFOLLOW);
    } else if (!strcmp(verb, "rename")) {
        int fd = dup(parent_fd);
        char *name = strdup(base);
        const char *to = open_parent(percent_decode(word[2]));
        failed = renameat(fd, name, parent_fd, to);
        forget_parent();
        close(fd);
        free(name);
    } else if (!strcmp(verb, "remove")) {
        failed = remove_tree(parent_fd, base);
        forget_parent();
    } else {
        errno = EINVAL;
        failed = 1;
    }
    if (failed) die("%s %s", verb, base);
}

/* The next line without its end; NULL when there is none. Valid until the next call. */
static char *next_line(void)
{
    static char *line;
    static size_t capacity;
    ssize_t length = getline(&line, &capacity, stdin);
    if (length <= 0) return NULL;
    if (line[length - 1] == '\n') line[length - 1] = 0;
    return line;
}

static int make(const char *root)
{
    umask(022);
    root_fd = open(root, O_PATH | O_DIRECTORY);
    if (root_fd < 0) die("open %s", root);
    for (char *line; (line = next_line()) && strcmp(line, ".");) perform(line);
    close(root_fd);
    forget_parent();
    return 0;
}

/* ---- list ----------------------------------------------------------------------------------------------------- */

#define HASH_START 0xCBF29CE484222325ull

/* Depends on nothing but the bytes as long as all calls but the last get a multiple of 8. */
static uint64_t hash_bytes(uint64_t hash, const unsigned char *bytes, size_t length)
{
    for (; length >= 8; bytes += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
        hash ^= hash >> 32;
    }
    for (size_t i = 0; i < length; i++) hash = (hash ^ bytes[i]) * 0x100000001B3ull;
    return hash;
}

static uint64_t hash_content(int directory, const char *name)
{
    static unsigned char buffer[1 << 18];
    uint64_t hash = HASH_START;
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NOATIME);
    if (fd < 0 && errno == EPERM) fd = openat(directory, name, O_RDONLY | O_NOFOLLOW);
    if (fd < 0) return 0;
    for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) hash = hash_bytes(hash, buffer, (size_t)n);
    close(fd);
    return hash;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_attributes(int directory, const char *name)
{
    static char names[65536], value[65536];
    char path[320], *each[1024];
    int count = 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", directory, name);
    ssize_t total = llistxattr(path, names, sizeof names);
    for (ssize_t at = 0; at < total && count < 1024; at += (ssize_t)strlen(names + at) + 1)
        if (strncmp(names + at, "trusted.SGI_ACL_", 16)) /* xfs makes them of the access control lists */
            each[count++] = names + at;
    qsort(each, (size_t)count, sizeof *each, by_text);
    if (!count) putchar('-');
    for (int i = 0; i < count; i++) {
        ssize_t length = lgetxattr(path, each[i], value, sizeof value);
        if (i) putchar(',');
        percent_print(each[i]);
        printf("=%016llx", (unsigned long long)hash_bytes(HASH_START, (unsigned char *)value, length > 0 ? (size_t)length : 0));
    }
}

static void list_entry(int directory, const char *name, const char *path)
{
    struct stat st;
    if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW)) {
        if (errno == ENOENT) return; /* it went after its name was read */
        die("stat %s", path);
    }
    static const char letters[] = { [1] = 'p', [2] = 'c', [4] = 'd', [6] = 'b', [8] = 'f', [10] = 'l', [12] = 's' };
    percent_print(path);
    printf(" %c %o %u %u %lld %lld %lld %ld %lu %llx:%llx %u:%u ", letters[st.st_mode >> 12], st.st_mode & 07777, st.st_uid, st.st_gid,
        (long long)st.st_size, (long long)st.st_blocks, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (unsigned long)st.st_nlink,
        (unsigned long long)st.st_dev, (unsigned long long)st.st_ino, major(st.st_rdev), minor(st.st_rdev));
    if (S_ISLNK(st.st_mode)) {
        char target[4097];
        ssize_t length = readlinkat(directory, name, target, sizeof target - 1);
        target[length > 0 ? length : 0] = 0;
        percent_print(target);
    } else {
        putchar('-');
    }
    putchar(' ');
    print_attributes(directory, name);
    printf(" %016llx\n", S_ISREG(st.st_mode) ? (unsigned long long)hash_content(directory, name) : 0ull);
}

static void list_directory(int directory, char *path, size_t length)
{
    int again = openat(directory, ".", O_RDONLY | O_DIRECTORY);
    DIR *stream = again < 0 ? NULL : fdopendir(again);
    if (!stream) {
        printf("# unreadable ");
        percent_print(path);
        putchar('\n');
        return;
    }
    for (struct dirent *entry; (entry = readdir(stream));) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        size_t more = (size_t)sprintf(path + length, "%s%s", length ? "/" : "", entry->d_name);
        list_entry(directory, entry->d_name, path);
        int child = openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (child >= 0) {
            list_directory(child, path, length + more);
            close(child);
        } else if (errno == EACCES) {
            printf("# unreadable ");
            percent_print(path);
            putchar('\n');
        }
        path[length] = 0;
    }
    closedir(stream);
}

static int list(const char *root)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    char *path = malloc(1 << 20);
    int fd = open(root, O_RDONLY | O_DIRECTORY);
    if (fd < 0) die("open %s", root);
    list_entry(fd, ".", ".");
    path[0] = 0;
    list_directory(fd, path, 0);
    close(fd);
    free(path);
    return 0;
}

/* ---- probe ---------------------------------------------------------------------------------------------------- */

static int probe(const char *directory)
{
    char path[4096], node[4200];
    static const unsigned char acl[] = { 2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 1, 0, 0, 0, 4, 0, 4, 0, 255, 255, 255, 255,
        16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 4, 0, 255, 255, 255, 255 };
    static const unsigned char capability[20] = { 0, 0, 0, 2, 0, 32 };
    snprintf(path, sizeof path, "%s/probe-XXXXXX", directory);
    int fd = mkstemp(path);
    if (fd < 0) die("create %s", path);
    if (!fsetxattr(fd, "user.probe", "1", 1, 0)) puts("user");
    if (!fsetxattr(fd, "trusted.probe", "1", 1, 0)) puts("trusted");
    if (!fsetxattr(fd, "security.capability", capability, sizeof capability, 0)) puts("capability");
    if (!fsetxattr(fd, "system.posix_acl_access", acl, sizeof acl, 0)) puts("acl");
    if (!fchown(fd, 12345, 12345)) puts("owner");
    snprintf(node, sizeof node, "%s-node", path);
    if (!mknod(node, S_IFBLK | 0600, makedev(7, 200))) puts("device");
    unlink(node);
    unlink(path);
    close(fd);
    return 0;
}

static int serve(void)
{
    for (char *line; (line = next_line());) {
        char *root = strchr(line, ' ');
        if (!root) return 64;
        *root++ = 0;
        root = strdup(root);
        if (!strcmp(line, "make")) make(root);
        else list(root);
        free(root);
        puts(".");
        fflush(stdout);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "serve")) return serve();
    if (argc == 3 && !strcmp(argv[1], "make")) return make(argv[2]);
    if (argc == 3 && !strcmp(argv[1], "list")) return list(argv[2]);
    if (argc == 3 && !strcmp(argv[1], "probe")) return probe(argv[2]);
    fprintf(stderr, "usage: fixture make|list|probe DIR, or serve\n");
    return 64;
}
