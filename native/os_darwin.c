/*
 * macOS: the calls that other systems spell otherwise. One face for all platforms, declared in engine.h.
 *
 * NOT RUN: written against the manual pages (clonefile(2), getattrlistbulk(2), fcntl(2), getxattr(2), acl(3)) and compiled by a
 * cross compiler; no macOS was at hand to run it on. What differs in kind from Linux:
 * - a clone is made under a name, never into an open file: os_clone swaps the file below the descriptor (see there);
 * - there is no copy of a range inside the kernel, and fcopyfile(3) copies whole files only, without a way to stop it: ranges go
 *   through buffers;
 * - ACLs are no extended attributes: they travel as one, under a name of ours;
 * - there are no attribute calls relative to a directory: the entry is opened, a symlink as itself (O_SYMLINK). Fifos,
 *   sockets and devices, which must not be opened, have none;
 * - nor is there a descriptor for what is not opened (O_PATH): a held entry is met by its name, never following a symlink;
 * - a new file takes its group from its directory, always.
 */
#include "engine.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/acl.h>
#include <sys/attr.h>
#include <sys/clonefile.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/param.h>
#include <sys/vnode.h>
#include <sys/xattr.h>

/* From here on a file would push everything else out of the cache; the same limit as on Windows. */
#define UNCACHED_FROM (2ull << 30)

/* -errno, in the words of the common code: here missing support and missing attributes have two numbers each. */
static int failed(void)
{
	return errno == ENOTSUP ? -EOPNOTSUPP : errno == ENOATTR ? -ENODATA : -errno;
}

/* --- stat and open --- */

static void facts_from(const struct stat *st, struct facts *f)
{
	f->mode = st->st_mode;
	f->uid = st->st_uid;
	f->gid = st->st_gid;
	f->nlink = st->st_nlink;
	f->size = (uint64_t)st->st_size;
	f->ino = st->st_ino;
	f->dev = (uint64_t)(uint32_t)st->st_dev;
	f->rdev = (uint64_t)(uint32_t)st->st_rdev;
	f->blocks = (uint64_t)st->st_blocks;
	f->atime = st->st_atimespec;
	f->mtime = st->st_mtimespec;
	f->ctime = st->st_ctimespec;
}

int os_facts_at(int dirfd, const char *name, struct facts *f)
{
	struct stat st;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed();
	facts_from(&st, f);
	return 0;
}

int os_facts_fd(int fd, struct facts *f)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return failed();
	facts_from(&st, f);
	return 0;
}

int os_open_source(int dirfd, const char *name, int flags)
{
	int fd = openat(dirfd, name, flags | O_CLOEXEC); /* there is no O_NOATIME */
	return fd < 0 ? failed() : fd;
}

/* --- directories --- */

#define WANTED (ATTR_CMN_RETURNED_ATTRS | ATTR_CMN_ERROR | ATTR_CMN_NAME | ATTR_CMN_OBJTYPE)

static uint32_t record_length(const char *p)
{
	uint32_t length;
	memcpy(&length, p, sizeof length);
	return length;
}

ssize_t os_read_dir(int fd, char *buf, size_t cap)
{
	struct attrlist wanted = { .bitmapcount = ATTR_BIT_MAP_COUNT, .commonattr = WANTED };
	int count = getattrlistbulk(fd, &wanted, buf, cap, 0);
	if (count < 0)
		return failed();
	size_t bytes = 0; /* the call tells how many records there are, the common code wants to know how long they are */
	for (int i = 0; i < count; i++)
		bytes += record_length(buf + bytes);
	return (ssize_t)bytes;
}

size_t os_dir_record(const char *p, const char **name, uint32_t *len, uint8_t *kind)
{
	static const uint8_t kinds[] = { [VREG] = BLIT_KIND_FILE, [VDIR] = BLIT_KIND_DIR, [VBLK] = BLIT_KIND_BLOCK,
		[VCHR] = BLIT_KIND_CHAR, [VLNK] = BLIT_KIND_SYMLINK, [VSOCK] = BLIT_KIND_SOCKET, [VFIFO] = BLIT_KIND_FIFO };
	const char *at = p + sizeof(uint32_t);
	attribute_set_t returned;
	memcpy(&returned, at, sizeof returned);
	at += sizeof returned;
	if (returned.commonattr & ATTR_CMN_ERROR)
		at += sizeof(uint32_t); /* of this one entry; whoever needs more than its name meets the error there */
	*name = ".";
	*len = 1; /* an entry without a name is passed over, as "." is */
	if (returned.commonattr & ATTR_CMN_NAME) {
		attrreference_t reference;
		memcpy(&reference, at, sizeof reference);
		*name = at + reference.attr_dataoffset;
		*len = (uint32_t)strlen(*name);
		at += sizeof reference;
	}
	*kind = BLIT_KIND_NONE;
	if (returned.commonattr & ATTR_CMN_OBJTYPE) {
		fsobj_type_t type;
		memcpy(&type, at, sizeof type);
		*kind = type < sizeof kinds ? kinds[type] : BLIT_KIND_NONE;
	}
	return record_length(p);
}

/* --- clones --- */

/* The directory that holds the open file, and its name in it. The path may be old news, so the inode is checked. */
static int open_holder(int fd, const struct stat *st, char name[MAXPATHLEN])
{
	char path[MAXPATHLEN];
	struct stat there;
	if (fcntl(fd, F_GETPATH, path) < 0)
		return failed();
	char *slash = strrchr(path, '/');
	if (!slash || !slash[1])
		return -EOPNOTSUPP;
	strcpy(name, slash + 1);
	slash[slash == path] = 0; /* of "/a" the directory is "/" */
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return failed();
	if (fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) < 0 || there.st_ino != st->st_ino || there.st_dev != st->st_dev) {
		close(dir);
		return -EOPNOTSUPP;
	}
	return dir;
}

/* Clones to a temporary name, which the next run takes away if this one dies. 0 or -errno. */
static int clone_beside(int sfd, int dir, char name[TEMP_NAME_LEN + 1])
{
	static atomic_uint counter;
	for (int attempt = 0; attempt < 100; attempt++) {
		/* counts down, so that it meets the names of temp.c late */
		temp_name_of((uint32_t)getpid(), UINT32_MAX - atomic_fetch_add(&counter, 1), name);
		if (fclonefileat(sfd, dir, name, CLONE_NOOWNERCOPY) == 0)
			return 0;
		if (errno != EEXIST)
			return failed();
	}
	return -EEXIST;
}

/* Puts the clone in the place of the file that is open as `dfd`, which is then the clone. 0 or -errno. */
static int take_place(int dir, const char *clone, const char *name, int dfd, mode_t mode)
{
	int fd = openat(dir, clone, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), err = 0;
	/* a clone has its source's mode, which may keep even its owner from writing attributes */
	if (fd < 0 || fchmod(fd, mode) < 0)
		err = failed();
	if (fd >= 0)
		close(fd);
	fd = err ? -1 : openat(dir, clone, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (!err && fd < 0)
		err = failed();
	if (!err) {
		flock(fd, LOCK_EX | LOCK_NB); /* as on every temporary file */
		if (renameat(dir, clone, dir, name) < 0 || dup2(fd, dfd) < 0 || fcntl(dfd, F_SETFD, FD_CLOEXEC) < 0)
			err = failed();
	}
	if (fd >= 0)
		close(fd);
	return err;
}

int os_clone(int sfd, int dfd)
{
	struct stat s, d;
	char name[MAXPATHLEN], clone[TEMP_NAME_LEN + 1];
	if (fstat(sfd, &s) < 0 || fstat(dfd, &d) < 0)
		return failed();
	if (s.st_dev != d.st_dev)
		return -EXDEV;
	/* Flags are cloned too: an immutable clone could not be put in place. A source that nobody may read cannot be opened again. */
	if ((s.st_flags & (UF_IMMUTABLE | UF_APPEND | SF_IMMUTABLE | SF_APPEND)) || !(s.st_mode & 0400))
		return -EINVAL;
	int dir = open_holder(dfd, &d, name);
	if (dir < 0)
		return dir;
	int err = clone_beside(sfd, dir, clone);
	if (!err && (err = take_place(dir, clone, name, dfd, d.st_mode & 07777)))
		unlinkat(dir, clone, 0);
	close(dir);
	return err;
}

ssize_t os_copy_range(int sfd, uint64_t at, int dfd, uint64_t len)
{
	(void)sfd, (void)at, (void)dfd, (void)len;
	return -ENOSYS;
}

/* --- places --- */

void os_tcp_facts(int socket, uint64_t *retransmits, uint64_t *rtt_us)
{
	struct tcp_connection_info info = { 0 };
	socklen_t len = sizeof info;
	if (getsockopt(socket, IPPROTO_TCP, TCP_CONNECTION_INFO, &info, &len) == 0) {
		*retransmits = info.tcpi_txretransmitpackets;
		*rtt_us = (uint64_t)info.tcpi_srtt * 1000;
	}
}

ssize_t os_send_file(int socket, int fd, uint64_t at, size_t n)
{
	off_t len = n;
	int failed = sendfile(fd, socket, at, &len, NULL, 0);
	return len > 0 || !failed ? (ssize_t)len : -errno; /* it may have sent some before it was interrupted */
}

int os_preallocate(int fd, uint64_t len)
{
	fstore_t room = { .fst_flags = F_ALLOCATECONTIG | F_ALLOCATEALL, .fst_posmode = F_PEOFPOSMODE, .fst_length = (off_t)len };
	if (fcntl(fd, F_PREALLOCATE, &room) < 0) {
		room.fst_flags = F_ALLOCATEALL; /* in pieces then */
		if (fcntl(fd, F_PREALLOCATE, &room) < 0)
			return failed();
	}
	if (len > UNCACHED_FROM)
		fcntl(fd, F_NOCACHE, 1);
	return ftruncate(fd, (off_t)len) < 0 ? failed() : 0; /* the room lies beyond the end of the file until this */
}

/* fsync stops at the drive's own cache. Some network file systems know nothing else. */
int os_sync(int fd)
{
	if (fcntl(fd, F_FULLFSYNC) == 0)
		return 0;
	if (!is_unsupported(errno) && errno != EINVAL && errno != ENOTTY)
		return failed();
	return fsync(fd) < 0 ? failed() : 0;
}

/* There is no posix_fadvise; cached pages are dropped through a mapping of them, which need not be touched for that. */
int os_sync_uncached(int fd, uint64_t at, uint64_t len)
{
	if (fsync(fd) < 0)
		return failed();
	uint64_t before = at % (uint64_t)getpagesize();
	void *pages = mmap(NULL, len + before, PROT_READ, MAP_SHARED, fd, (off_t)(at - before));
	if (pages == MAP_FAILED)
		return 0;
	msync(pages, len + before, MS_SYNC | MS_INVALIDATE);
	munmap(pages, len + before);
	return 0;
}

bool os_is_kernel_fs(int fd)
{
	struct statfs s;
	return fstatfs(fd, &s) == 0 && strcmp(s.f_fstypename, "devfs") == 0;
}

bool os_is_mount_root(int fd)
{
	struct stat here, above;
	return fstat(fd, &here) == 0 && fstatat(fd, "..", &above, 0) == 0 && here.st_dev != above.st_dev;
}

int os_space(int fd, struct blit_space *out)
{
	struct statfs s; /* statvfs counts blocks in 32 bits */
	if (fstatfs(fd, &s) < 0)
		return failed();
	*out = (struct blit_space){
		.total = s.f_blocks * s.f_bsize, .free = s.f_bfree * s.f_bsize, .available = s.f_bavail * s.f_bsize,
		.inodes = s.f_files, .inodes_free = s.f_ffree, .read_only = (s.f_flags & MNT_RDONLY) != 0,
	};
	return 0;
}

void os_learn_places(struct engine *e, int sfd, int dfd)
{
	struct statfs d;
	(void)sfd;
	e->no_range = 1;
	if (fstatfs(dfd, &d) < 0)
		return;
	e->preallocate = strcmp(d.f_fstypename, "apfs") == 0 || strcmp(d.f_fstypename, "hfs") == 0;
}

void os_learn_ground(struct ground *g, int fd)
{
	static const struct { const char *name; int64_t granularity_ns; enum keeps owners; } kinds[] = { { "apfs", 1, KEEPS },
		{ "hfs", 1000000000, KEEPS }, { "msdos", 2000000000, KEEPS_NOT }, { "exfat", 10000000, KEEPS_NOT },
		{ "smbfs", 100, KEEPS_UNKNOWN }, { "ntfs", 100, KEEPS_UNKNOWN } };
	struct statfs s;
	if (fstatfs(fd, &s) < 0)
		return;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(s.f_fstypename, kinds[i].name) == 0) {
			g->granularity_ns = kinds[i].granularity_ns;
			g->owners = g->modes = kinds[i].owners;
			g->asked = kinds[i].owners == KEEPS;
		}
}

bool os_may_chown(void)
{
	return geteuid() == 0;
}

struct id_map *os_ids(bool groups)
{
	(void)groups;
	return NULL;
}

bool os_id_exists(const struct id_map *m, uint32_t id)
{
	(void)m, (void)id;
	return true;
}

bool os_passes_on(int fd, const struct facts *f)
{
	(void)fd, (void)f;
	return true;
}

/* --- entries that are not opened --- */

int os_make_node(int dirfd, const char *name, mode_t mode, uint64_t rdev)
{
	if (S_ISSOCK(mode))
		return -EOPNOTSUPP; /* only bind makes one */
	int made = S_ISFIFO(mode) ? mkfifoat(dirfd, name, mode & 07777) : mknodat(dirfd, name, mode, (dev_t)rdev);
	return made < 0 ? failed() : 0;
}

void os_thread_name(const char *name)
{
	pthread_setname_np(name);
}

int os_rename_free(int fromdir, const char *from, int todir, const char *to)
{
	return renameatx_np(fromdir, from, todir, to, RENAME_EXCL) < 0 ? failed() : 0;
}

int os_hold(struct held *h, int dirfd, const char *name, struct facts *now)
{
	*h = (struct held){ .dir = dirfd, .name = name, .fd = -1 };
	return os_facts_at(dirfd, name, now);
}

void os_release(struct held *h)
{
	(void)h;
}

int os_held_chown(const struct held *h, uid_t uid, gid_t gid)
{
	return fchownat(h->dir, h->name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ? failed() : 0;
}

int os_held_chmod(const struct held *h, mode_t mode)
{
	return fchmodat(h->dir, h->name, mode, AT_SYMLINK_NOFOLLOW) < 0 ? failed() : 0;
}

/* --- extended attributes and ACLs --- */

/* The ACL as an attribute; the system has none of that name. */
#define ACL_ATTRIBUTE OS_XATTR_ACL

/* The entry itself, open: `fd` where it is that already. A descriptor, -EOPNOTSUPP for what must not be opened, or -errno. */
static int open_entry(int fd, const char *name)
{
	struct stat st;
	if (!name)
		return fd;
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed();
	if (!S_ISLNK(st.st_mode) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return -EOPNOTSUPP;
	int entry = openat(fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | (S_ISLNK(st.st_mode) ? O_SYMLINK : O_NOFOLLOW));
	return entry < 0 ? failed() : entry;
}

static void close_entry(int entry, int fd, const char *name)
{
	(void)fd;
	if (name)
		close(entry);
}

static acl_t read_acl(int entry)
{
	return acl_get_fd_np(entry, ACL_TYPE_EXTENDED);
}

static ssize_t acl_get(int entry, void *out, size_t cap)
{
	acl_t acl = read_acl(entry);
	if (!acl)
		return errno == ENOENT ? -ENODATA : failed();
	ssize_t size = acl_size(acl);
	ssize_t n = size < 0 ? failed() : cap == 0 ? size : (size_t)size > cap ? -ERANGE : acl_copy_ext_native(out, acl, (ssize_t)cap);
	if (n == -1)
		n = failed();
	acl_free(acl);
	return n;
}

/* `value` NULL: none at all. */
static int acl_put(int entry, const void *value)
{
	acl_t acl = value ? acl_copy_int_native(value) : acl_init(0);
	if (!acl)
		return failed();
	int err = acl_set_fd_np(entry, acl, ACL_TYPE_EXTENDED) < 0 ? failed() : 0;
	acl_free(acl);
	return err;
}

/* The names of all attributes, and ours behind them where there is an ACL. */
static ssize_t list_entry(int entry, char *out, size_t cap)
{
	ssize_t n = flistxattr(entry, cap ? out : NULL, cap, 0);
	if (n < 0 && errno != ENOTSUP)
		return failed();
	bool none = n < 0; /* a file system without attributes may have ACLs all the same */
	if (none)
		n = 0;
	acl_t acl = read_acl(entry);
	if (!acl)
		return none ? -EOPNOTSUPP : n;
	acl_free(acl);
	size_t total = (size_t)n + sizeof ACL_ATTRIBUTE;
	if (cap && total > cap)
		return -ERANGE;
	if (cap)
		memcpy(out + n, ACL_ATTRIBUTE, sizeof ACL_ATTRIBUTE);
	return (ssize_t)total;
}

ssize_t os_xattr_list(int fd, const char *name, char *out, size_t cap)
{
	int entry = open_entry(fd, name);
	if (entry < 0)
		return entry == -EOPNOTSUPP ? 0 : entry;
	ssize_t n = list_entry(entry, out, cap);
	close_entry(entry, fd, name);
	return n;
}

ssize_t os_xattr_get(int fd, const char *name, const char *attr, void *out, size_t cap)
{
	int entry = open_entry(fd, name);
	if (entry < 0)
		return entry == -EOPNOTSUPP ? -ENODATA : entry;
	ssize_t n;
	if (os_xattr_is_acl(attr))
		n = acl_get(entry, out, cap);
	else if ((n = fgetxattr(entry, attr, cap ? out : NULL, cap, 0, 0)) < 0)
		n = failed();
	close_entry(entry, fd, name);
	return n;
}

int os_xattr_set(int fd, const char *name, const char *attr, const void *value, size_t len)
{
	int entry = open_entry(fd, name);
	if (entry < 0)
		return entry;
	int err = os_xattr_is_acl(attr) ? acl_put(entry, value) : fsetxattr(entry, attr, value, len, 0, 0) < 0 ? failed() : 0;
	close_entry(entry, fd, name);
	return err;
}

int os_xattr_remove(int fd, const char *name, const char *attr)
{
	int entry = open_entry(fd, name);
	if (entry < 0)
		return entry;
	int err = os_xattr_is_acl(attr) ? acl_put(entry, NULL) : fremovexattr(entry, attr, 0) < 0 ? failed() : 0;
	close_entry(entry, fd, name);
	return err;
}

bool os_xattr_is_acl(const char *attr)
{
	return strcmp(attr, ACL_ATTRIBUTE) == 0;
}

bool os_xattr_is_privileged(const char *attr)
{
	(void)attr;
	return false;
}

bool os_xattr_kept(const struct engine *e, const char *attr)
{
	/* the system's own, which nobody may write: who made a file, what the compressed content is, what is protected */
	static const char *const own[] = { "com.apple.provenance", "com.apple.decmpfs", "com.apple.rootless" };
	(void)e;
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (strcmp(attr, own[i]) == 0)
			return false;
	return strncmp(attr, "com.apple.system.", 17) != 0;
}
