/*
 * Temporary names: `.blit-` + process id and counter as 16 hex digits + `.tmp`, in the directory of the file they become.
 *
 * While a run writes one it holds a flock on it, so that another run can tell a living one from what a killed run left.
 * Entries that cannot be locked (symlinks, nodes, links) are judged by the process id in the name; where that is wrong, on a
 * file system shared between machines, the owner's rename fails and the entry is reported.
 *
 * A part, for runs that shall be continued, is `.blit-` + a hash of the file's name as 16 hex digits + `.part`: the next run finds it.
 */
#include "engine.h"

#include <signal.h>
#include <sys/file.h>

void temp_name(struct engine *e, char out[TEMP_NAME_LEN + 1])
{
	uint32_t n = (uint32_t)(e->temp_seed + atomic_fetch_add(&e->temp_counter, 1));
	snprintf(out, TEMP_NAME_LEN + 1, ".blit-%08x%08x.tmp", (unsigned)getpid(), n);
}

bool temp_is_name(const char *name, uint32_t len)
{
	if (len != TEMP_NAME_LEN || memcmp(name, ".blit-", 6) != 0 || memcmp(name + 22, ".tmp", 4) != 0)
		return false;
	return strspn(name + 6, "0123456789abcdef") == 16;
}

bool part_is_name(const char *name, uint32_t len)
{
	if (len != PART_NAME_LEN || memcmp(name, ".blit-", 6) != 0 || memcmp(name + 22, ".part", 5) != 0)
		return false;
	return strspn(name + 6, "0123456789abcdef") == 16;
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

int part_open(const struct engine *e, int ddir, mode_t mode, const char *of, char name[PART_NAME_LEN + 1])
{
	struct hash64 h;
	struct stat st, named;
	hash64_init(&h);
	hash64_add(&h, of, strlen(of));
	snprintf(name, PART_NAME_LEN + 1, ".blit-%016llx.part", (unsigned long long)hash64_end(&h));
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
	if (sscanf(name + 6, "%8x", &pid) != 1 || pid == 0)
		return false;
	return kill((pid_t)pid, 0) == 0 || errno == EPERM;
}

int temp_remove_stale(int ddir, const char *name)
{
	struct facts f;
	int err = os_facts_at(ddir, name, &f), fd = -1;
	bool alive, part = part_is_name(name, strlen(name));
	if (err)
		return err;
	/* Only what can hold a lock is opened: opening a device may do something. */
	if (S_ISREG(f.mode) && f.nlink == 1)
		fd = openat(ddir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		alive = flock(fd, LOCK_EX | LOCK_NB) < 0 && (errno == EWOULDBLOCK || part || temp_owner_lives(name));
	else
		alive = part || temp_owner_lives(name);
	if (!alive && unlinkat(ddir, name, 0) < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err ? err : !alive;
}
