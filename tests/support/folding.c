/*
 * Makes the lookups of a program fold below one directory, with LD_PRELOAD, as ext4 with casefold and APFS do, which not every machine
 * can mount: names are one where they differ in the case of ASCII letters, or in the form in which Unicode writes an e with an acute.
 * An entry keeps the name that it was made with, until it is renamed within its directory. Inode numbers tell the truth.
 *
 *   BLIT_FAULT_BELOW  the directory (absolute, resolved)
 *
 * Linux with glibc; a program that makes the system calls itself is not reached, so each test shows that its names were folded.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define ROOM 1024

static int is_below(int fd)
{
	const char *below = getenv("BLIT_FAULT_BELOW");
	char link[64], path[8192];
	if (!below || fd < 3)
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = NEXT(readlinkat)(AT_FDCWD, link, path, sizeof path - 1);
	if (length < 0)
		return 0;
	path[length] = 0;
	size_t prefix = strlen(below);
	return !strncmp(path, below, prefix) && (path[prefix] == '/' || !path[prefix]);
}

/* Lower case, accents written apart. */
static void fold(const char *name, char out[2 * ROOM])
{
	for (; *name; name++) {
		if ((unsigned char)name[0] == 0xc3 && ((unsigned char)name[1] == 0x89 || (unsigned char)name[1] == 0xa9)) {
			memcpy(out, "e\xcc\x81", 3);
			out += 3;
			name++;
		} else {
			*out++ = (char)tolower((unsigned char)*name);
		}
	}
	*out = 0;
}

/* The name under which the directory has the entry: the name itself where there is none, or where it has that very one. */
static const char *stored(int dir, const char *name, char found[ROOM])
{
	char wanted[2 * ROOM], other[2 * ROOM];
	int saved = errno;
	struct stat st;
	if (!name || !*name || strlen(name) >= ROOM || strchr(name, '/') || !is_below(dir) ||
		NEXT(fstatat)(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = saved;
		return name;
	}
	int fd = NEXT(openat)(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	const char *result = name;
	fold(name, wanted);
	for (struct dirent *entry; entries && result == name && (entry = readdir(entries));) {
		fold(entry->d_name, other);
		if (!strcmp(wanted, other) && strlen(entry->d_name) < ROOM)
			result = strcpy(found, entry->d_name);
	}
	if (entries)
		closedir(entries);
	errno = saved;
	return result;
}

int openat(int dir, const char *name, int flags, ...)
{
	char found[ROOM];
	va_list list;
	va_start(list, flags);
	mode_t mode = va_arg(list, mode_t);
	va_end(list);
	return NEXT(openat)(dir, stored(dir, name, found), flags, mode);
}

/* How a fortified program opens without creating. */
int __openat_2(int dir, const char *name, int flags)
{
	return openat(dir, name, flags, 0);
}

#define FOLDED(name, parameters, ...)      \
	int name parameters                \
	{                                  \
		char found[ROOM];          \
		return NEXT(name)(__VA_ARGS__); \
	}
#define NAME stored(dir, name, found)

FOLDED(statx, (int dir, const char *restrict name, int flags, unsigned mask, struct statx *restrict out), dir, NAME, flags, mask, out)
FOLDED(fstatat, (int dir, const char *restrict name, struct stat *restrict out, int flags), dir, NAME, out, flags)
FOLDED(mkdirat, (int dir, const char *name, mode_t mode), dir, NAME, mode)
FOLDED(mknodat, (int dir, const char *name, mode_t mode, dev_t device), dir, NAME, mode, device)
FOLDED(symlinkat, (const char *target, int dir, const char *name), target, dir, NAME)
FOLDED(unlinkat, (int dir, const char *name, int flags), dir, NAME, flags)
FOLDED(fchownat, (int dir, const char *name, uid_t user, gid_t group, int flags), dir, NAME, user, group, flags)
FOLDED(utimensat, (int dir, const char *name, const struct timespec times[2], int flags), dir, NAME, times, flags)

ssize_t readlinkat(int dir, const char *restrict name, char *restrict out, size_t length)
{
	char found[ROOM];
	return NEXT(readlinkat)(dir, NAME, out, length);
}

int linkat(int dir, const char *name, int to, const char *other, int flags)
{
	char found[ROOM], there[ROOM];
	return NEXT(linkat)(dir, NAME, to, stored(to, other, there), flags);
}

int renameat(int dir, const char *name, int to, const char *other)
{
	char found[ROOM], there[ROOM];
	const char *from = NAME, *onto = stored(to, other, there);
	/* onto itself: it gets the new name */
	return NEXT(renameat)(dir, from, to, dir == to && !strcmp(from, onto) ? other : onto);
}

/* A file's attributes are reached by "/proc/self/fd/N/name". */
static const char *stored_path(const char *path, char out[2 * ROOM])
{
	char found[ROOM];
	int dir, at = 0;
	if (sscanf(path, "/proc/self/fd/%d/%n", &dir, &at) != 1 || at == 0)
		return path;
	snprintf(out, 2 * ROOM, "/proc/self/fd/%d/%s", dir, stored(dir, path + at, found));
	return out;
}

ssize_t lgetxattr(const char *path, const char *name, void *value, size_t size)
{
	char out[2 * ROOM];
	return NEXT(lgetxattr)(stored_path(path, out), name, value, size);
}

ssize_t llistxattr(const char *path, char *list, size_t size)
{
	char out[2 * ROOM];
	return NEXT(llistxattr)(stored_path(path, out), list, size);
}

/* The shim calls what the C library has no function for by number. */
long syscall(long number, ...)
{
	va_list list;
	long a[6];
	char found[ROOM], there[ROOM];
	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_renameat2) {
		a[1] = (long)stored((int)a[0], (const char *)a[1], found);
		a[3] = (long)stored((int)a[2], (const char *)a[3], there);
	}
	return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
