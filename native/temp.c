/*
 * Temporary names: `.blit-` + process id and counter as 16 hex digits + a check value of those as 8 more + `.tmp`, in the directory
 * of the file they become. What merely looks alike has another check value: it is the user's, and treated as any file.
 *
 * While a run writes one it holds a flock on it, so that another run can tell a living one from what a killed run left.
 * Entries that cannot be locked (symlinks, nodes, links) are judged by the process id in the name; where that is wrong, on a
 * file system shared between machines, the owner's rename fails and the entry is reported.
 *
 * A part, for runs that shall be continued, has a hash of the file's name in the place of process id and counter, and ends with
 * `.part`: the next run finds it. It stays until a run writes that very file, or finds it equal to its source; where the source has
 * no such file it is extra to a run without RESUME.
 */
#include "engine.h"

#include <signal.h>
#include <sys/file.h>

#define PREFIX ".blit-"
#define PREFIX_LEN 6
#define DIGITS 16
#define CHECK_DIGITS 8

/* FNV-1a of the digits, as digits. */
static void check_value(const char *digits, char out[CHECK_DIGITS + 1])
{
	uint32_t h = 0x811c9dc5u;
	for (int i = 0; i < DIGITS; i++)
		h = (h ^ (unsigned char)digits[i]) * 0x01000193u;
	snprintf(out, CHECK_DIGITS + 1, "%08x", h);
}

static void name_of(uint64_t digits, const char *ending, char *out)
{
	char check[CHECK_DIGITS + 1];
	snprintf(out, PREFIX_LEN + DIGITS + 1, PREFIX "%016llx", (unsigned long long)digits);
	check_value(out + PREFIX_LEN, check);
	snprintf(out + PREFIX_LEN + DIGITS, PART_NAME_LEN + 1 - PREFIX_LEN - DIGITS, "%s%s", check, ending);
}

static bool is_name(const char *name, uint32_t len, const char *ending)
{
	char check[CHECK_DIGITS + 1];
	if (len != PREFIX_LEN + DIGITS + CHECK_DIGITS + strlen(ending) || memcmp(name, PREFIX, PREFIX_LEN) != 0)
		return false;
	check_value(name + PREFIX_LEN, check);
	return strspn(name + PREFIX_LEN, "0123456789abcdef") == DIGITS + CHECK_DIGITS &&
		memcmp(name + PREFIX_LEN + DIGITS, check, CHECK_DIGITS) == 0 &&
		memcmp(name + len - strlen(ending), ending, strlen(ending)) == 0;
}

void temp_name_of(uint32_t pid, uint32_t number, char out[TEMP_NAME_LEN + 1])
{
	char name[PART_NAME_LEN + 1];
	name_of((uint64_t)pid << 32 | number, ".tmp", name);
	memcpy(out, name, TEMP_NAME_LEN + 1);
}

void temp_name(struct engine *e, char out[TEMP_NAME_LEN + 1])
{
	temp_name_of((uint32_t)getpid(), (uint32_t)(e->temp_seed + atomic_fetch_add(&e->temp_counter, 1)), out);
}

bool temp_is_name(const char *name, uint32_t len)
{
	return is_name(name, len, ".tmp");
}

bool part_is_name(const char *name, uint32_t len)
{
	return is_name(name, len, ".part");
}

bool temp_keeps_name(const char *name, uint32_t len)
{
	return temp_is_name(name, len) || part_is_name(name, len);
}

/* False where another run took the new file for a stale one before it was locked; that run removes it. */
static bool lock_fresh(int fd)
{
	struct stat st;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno != EWOULDBLOCK; /* where locks do not exist the process id has to do */
	return fstat(fd, &st) < 0 || st.st_nlink > 0;
}

int temp_create(struct engine *e, int ddir, mode_t mode, char name[TEMP_NAME_LEN + 1])
{
	int err = EEXIST;
	for (int attempt = 0; attempt < 100 && err == EEXIST; attempt++) {
		temp_name(e, name);
		int fd = openat(ddir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode | 0600);
		if (fd >= 0 && lock_fresh(fd))
			return fd;
		if (fd >= 0)
			close(fd);
		else if (errno != EEXIST)
			err = errno;
	}
	name[0] = 0;
	return -err;
}

void part_name(const char *of, char name[PART_NAME_LEN + 1])
{
	struct hash64 h;
	hash64_init(&h);
	hash64_add(&h, of, strlen(of));
	name_of(hash64_end(&h), ".part", name);
}

int part_open(const struct engine *e, int ddir, mode_t mode, const char *of, char name[PART_NAME_LEN + 1])
{
	struct stat st, named;
	part_name(of, name);
	int fd = openat(ddir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode | 0600), err = 0;
	if (fd < 0)
		err = -errno;
	else if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		err = errno == EWOULDBLOCK ? -EWOULDBLOCK : -EPERM; /* without locks two runs could write the same part */
	else if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != e->euid)
		err = -EPERM;
	else if (fstatat(ddir, name, &named, AT_SYMLINK_NOFOLLOW) < 0 || named.st_ino != st.st_ino)
		err = -EWOULDBLOCK; /* the run that had it put it in place meanwhile */
	else if (fchmod(fd, mode | 0600) < 0)
		err = -errno;
	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	name[0] = 0;
	return err;
}

bool temp_owner_lives(const char *name)
{
	unsigned pid = 0;
	if (sscanf(name + PREFIX_LEN, "%8x", &pid) != 1 || pid == 0)
		return false;
	return kill((pid_t)pid, 0) == 0 || errno == EPERM;
}

/* Whether a run has it, or nobody can tell. `fd`: what could be opened of it, or -1. */
static bool lives(int ddir, const char *name, const struct facts *f, int *fd)
{
	bool part = part_is_name(name, strlen(name));
	/* Only what can hold a lock is opened: opening a device may do something. */
	*fd = S_ISREG(f->mode) && f->nlink == 1 ? openat(ddir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
	if (*fd < 0)
		return part || temp_owner_lives(name);
	return flock(*fd, LOCK_EX | LOCK_NB) < 0 && (errno == EWOULDBLOCK || part || temp_owner_lives(name));
}

int temp_remove_stale(int ddir, const char *name)
{
	struct facts f;
	int err = os_facts_at(ddir, name, &f), fd;
	if (err)
		return err;
	bool alive = lives(ddir, name, &f, &fd);
	if (!alive && unlinkat(ddir, name, 0) < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err ? err : !alive;
}

bool part_is_extra(int ddir, const char *name)
{
	struct facts f;
	int fd;
	if (os_facts_at(ddir, name, &f))
		return false;
	bool alive = lives(ddir, name, &f, &fd);
	if (fd >= 0)
		close(fd);
	return !alive;
}

bool part_forget(const struct dir *d, int ddir, const char *of)
{
	char name[PART_NAME_LEN + 1];
	if (!d->parts)
		return false;
	part_name(of, name);
	return temp_remove_stale(ddir, name) == 1;
}
