/* Linux: the calls that other systems lack or spell otherwise. One face for all platforms, declared in engine.h. */
#include "engine.h"

#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif
#ifndef F2FS_SUPER_MAGIC
#define F2FS_SUPER_MAGIC 0xf2f52010
#endif
#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif
#define SYS_LISTXATTRAT 465 /* the same number on every architecture */
#define CIFS_MAGIC 0xff534d42
#define NTFS_MAGIC 0x5346544e
#define NTFS3_MAGIC 0x7366746e
#define HFSPLUS_MAGIC 0x482b
#define CONFIGFS_MAGIC 0x62656570
#define FUSECTL_MAGIC 0x65735543
#define MQUEUE_MAGIC 0x19800202

#define FACTS_MASK (STATX_BASIC_STATS & ~STATX_BTIME)

static void facts_from(const struct statx *x, struct facts *f)
{
	f->mode = x->stx_mode;
	f->uid = x->stx_uid;
	f->gid = x->stx_gid;
	f->nlink = x->stx_nlink;
	f->size = x->stx_size;
	f->ino = x->stx_ino;
	f->dev = makedev(x->stx_dev_major, x->stx_dev_minor);
	f->rdev = makedev(x->stx_rdev_major, x->stx_rdev_minor);
	f->blocks = x->stx_blocks;
	f->atime = (struct timespec){ x->stx_atime.tv_sec, x->stx_atime.tv_nsec };
	f->mtime = (struct timespec){ x->stx_mtime.tv_sec, x->stx_mtime.tv_nsec };
	f->ctime = (struct timespec){ x->stx_ctime.tv_sec, x->stx_ctime.tv_nsec };
}

int os_facts_at(int dirfd, const char *name, struct facts *f)
{
	struct statx x;
	if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, FACTS_MASK, &x) < 0)
		return -errno;
	facts_from(&x, f);
	return 0;
}

int os_facts_fd(int fd, struct facts *f)
{
	struct statx x;
	if (statx(fd, "", AT_EMPTY_PATH, FACTS_MASK, &x) < 0)
		return -errno;
	facts_from(&x, f);
	return 0;
}

int os_open_source(int dirfd, const char *name, int flags)
{
	int fd = openat(dirfd, name, flags | O_NOATIME | O_CLOEXEC);
	if (fd < 0 && errno == EPERM) /* O_NOATIME is the owner's and root's */
		fd = openat(dirfd, name, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

ssize_t os_read_dir(int fd, char *buf, size_t cap)
{
	long n = syscall(SYS_getdents64, fd, buf, cap);
	return n < 0 ? -errno : n;
}

struct record { uint64_t ino; int64_t off; uint16_t len; uint8_t type; char name[]; };

size_t os_dir_record(const char *p, const char **name, uint32_t *len, uint8_t *kind)
{
	const struct record *r = (const void *)p;
	static const uint8_t kinds[16] = { [DT_REG] = BLIT_KIND_FILE, [DT_LNK] = BLIT_KIND_SYMLINK, [DT_FIFO] = BLIT_KIND_FIFO,
		[DT_SOCK] = BLIT_KIND_SOCKET, [DT_CHR] = BLIT_KIND_CHAR, [DT_BLK] = BLIT_KIND_BLOCK, [DT_DIR] = BLIT_KIND_DIR };
	*name = r->name;
	*len = strlen(r->name);
	*kind = kinds[r->type & 15];
	return r->len;
}

int os_clone(int sfd, int dfd)
{
	return ioctl(dfd, FICLONE, sfd) < 0 ? -errno : 0;
}

ssize_t os_copy_range(int sfd, uint64_t at, int dfd, uint64_t len)
{
	loff_t in = at, out = at;
	ssize_t n = copy_file_range(sfd, &in, dfd, &out, len, 0);
	return n < 0 ? -errno : n;
}

void os_tcp_facts(int socket, uint64_t *retransmits, uint64_t *rtt_us)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof info;
	if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &len) == 0) {
		*retransmits = info.tcpi_total_retrans;
		*rtt_us = info.tcpi_rtt;
	}
}

ssize_t os_send_file(int socket, int fd, uint64_t at, size_t n)
{
	off_t from = at;
	ssize_t sent = sendfile(socket, fd, &from, n);
	return sent < 0 ? -errno : sent;
}

int os_preallocate(int fd, uint64_t len)
{
	int err;
	do
		err = fallocate(fd, 0, 0, len) < 0 ? -errno : 0;
	while (err == -EINTR);
	return err;
}

int os_sync(int fd)
{
	return fsync(fd) < 0 ? -errno : 0;
}

int os_sync_uncached(int fd, uint64_t at, uint64_t len)
{
	if (fdatasync(fd) < 0)
		return -errno;
	posix_fadvise(fd, at, len, POSIX_FADV_DONTNEED);
	return 0;
}

int os_make_node(int dirfd, const char *name, mode_t mode, uint64_t rdev)
{
	return mknodat(dirfd, name, mode, rdev) < 0 ? -errno : 0;
}

void os_thread_name(const char *name)
{
	pthread_setname_np(pthread_self(), name);
}

int os_rename_free(int fromdir, const char *from, int todir, const char *to)
{
	return syscall(SYS_renameat2, fromdir, from, todir, to, RENAME_NOREPLACE) < 0 ? -errno : 0;
}

int os_space(int fd, struct blit_space *out)
{
	struct statvfs s;
	if (fstatvfs(fd, &s) < 0)
		return -errno;
	*out = (struct blit_space){
		.total = (uint64_t)s.f_blocks * s.f_frsize, .free = (uint64_t)s.f_bfree * s.f_frsize,
		.available = (uint64_t)s.f_bavail * s.f_frsize, .inodes = s.f_files, .inodes_free = s.f_ffree,
		.read_only = (s.f_flag & ST_RDONLY) != 0,
	};
	return 0;
}

bool os_is_kernel_fs(int fd)
{
	static const uint32_t magics[] = { PROC_SUPER_MAGIC, SYSFS_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC, SECURITYFS_MAGIC, SELINUX_MAGIC,
		CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, BPF_FS_MAGIC, PSTOREFS_MAGIC, EFIVARFS_MAGIC, BINFMTFS_MAGIC, DEVPTS_SUPER_MAGIC,
		CONFIGFS_MAGIC, FUSECTL_MAGIC, MQUEUE_MAGIC };
	struct statfs s;
	bool is = false;
	if (fstatfs(fd, &s) == 0)
		for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
			is |= (uint32_t)s.f_type == magics[i];
	return is;
}

bool os_is_mount_root(int fd)
{
	struct statx x;
	struct stat here, above;
	if (statx(fd, "", AT_EMPTY_PATH, 0, &x) == 0 && x.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
		return x.stx_attributes & STATX_ATTR_MOUNT_ROOT;
	return fstat(fd, &here) == 0 && fstatat(fd, "..", &above, 0) == 0 && here.st_dev != above.st_dev;
}

bool os_passes_on(int fd, const struct facts *f)
{
	return (f->mode & S_ISGID) || os_xattr_get(fd, NULL, "system.posix_acl_default", NULL, 0) > 0;
}

/* --- held entries --- */

int os_hold(struct held *h, int dirfd, const char *name, struct facts *now)
{
	*h = (struct held){ .dir = dirfd, .name = name, .fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC) };
	int err = h->fd < 0 ? -errno : os_facts_fd(h->fd, now);
	if (err && h->fd >= 0)
		close(h->fd);
	return err;
}

void os_release(struct held *h)
{
	close(h->fd);
}

int os_held_chown(const struct held *h, uid_t uid, gid_t gid)
{
	return fchownat(h->fd, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* fchmod refuses a descriptor that is open with O_PATH only. */
int os_held_chmod(const struct held *h, mode_t mode)
{
	char path[40];
	snprintf(path, sizeof path, "/proc/self/fd/%d", h->fd);
	return chmod(path, mode) < 0 ? -errno : 0;
}

/* --- places --- */

static bool network_or_btrfs(uint32_t magic)
{
	return magic == BTRFS_SUPER_MAGIC || magic == NFS_SUPER_MAGIC || magic == CIFS_MAGIC || magic == SMB2_SUPER_MAGIC;
}

void os_learn_places(struct engine *e, int sfd, int dfd)
{
	struct statfs s, d;
	if (fstatfs(dfd, &d) < 0)
		return;
	uint32_t to = d.f_type;
	/* Inside btrfs the kernel's own copy skips the checksum and compression work of a write (measured 2.2 s against 5 s for
	 * 100k files); on NFS and SMB the server copies. */
	e->prefer_range = sfd >= 0 && fstatfs(sfd, &s) == 0 && (uint32_t)s.f_type == to && network_or_btrfs(to);
	/* On ext4 writes into preallocated extents scale over threads (measured 0.27 s against 1.7 s for 2 GiB). */
	e->preallocate = to == EXT4_SUPER_MAGIC || to == XFS_SUPER_MAGIC;
}

static bool keeps_all(uint32_t magic)
{
	static const uint32_t known[] = { EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, TMPFS_MAGIC, RAMFS_MAGIC, F2FS_SUPER_MAGIC };
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (magic == known[i])
			return true;
	return false;
}

static void is_fat(struct ground *g, int64_t granularity_ns)
{
	g->owners = g->modes = KEEPS_NOT;
	g->granularity_ns = granularity_ns;
}

/* FUSE shows every file system that has a device by one name; the device's first sector tells more, to who may read it. */
static void look_at_device(struct ground *g, int fd)
{
	char line[300], path[300] = "", sector[16] = "";
	struct facts f;
	snprintf(line, sizeof line, "/sys/dev/block/%u:%u/uevent", major(g->dev), minor(g->dev));
	FILE *uevent = fopen(line, "re");
	while (uevent && fgets(line, sizeof line, uevent))
		if (strncmp(line, "DEVNAME=", 8) == 0)
			snprintf(path, sizeof path, "/dev/%.*s", (int)strcspn(line + 8, "\n"), line + 8);
	if (uevent)
		fclose(uevent);
	int device = path[0] ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (device < 0)
		return;
	bool read = pread(device, sector, sizeof sector, 0) == sizeof sector;
	close(device);
	bool ntfs = read && memcmp(sector + 3, "NTFS    ", 8) == 0;
	if (read && memcmp(sector + 3, "EXFAT   ", 8) == 0)
		is_fat(g, 0);
	else if (ntfs && os_facts_fd(fd, &f) == 0 && (f.mode & 0777) == 0777)
		is_fat(g, 100); /* mounted without permissions, it shows all of them on everything */
}

void os_learn_ground(struct ground *g, int fd)
{
	struct statfs s;
	struct statx x;
	if (fstatfs(fd, &s) < 0)
		return;
	uint32_t magic = s.f_type;
	if (keeps_all(magic)) {
		g->owners = g->modes = KEEPS;
		g->granularity_ns = 1;
		g->asked = true;
		if (magic == EXT4_SUPER_MAGIC && statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &x) == 0 && !(x.stx_mask & STATX_BTIME))
			g->granularity_ns = 1000000000; /* 128-byte inodes: no birth time and no nanoseconds */
	} else if (magic == MSDOS_SUPER_MAGIC) {
		is_fat(g, 2000000000);
	} else if (magic == EXFAT_SUPER_MAGIC) {
		is_fat(g, 10000000);
	} else if (magic == HFSPLUS_MAGIC) {
		g->granularity_ns = 1000000000;
	} else if (magic == CIFS_MAGIC || magic == SMB2_SUPER_MAGIC || magic == NTFS_MAGIC || magic == NTFS3_MAGIC) {
		g->granularity_ns = 100; /* NTFS time */
	} else if (magic == FUSE_SUPER_MAGIC) {
		look_at_device(g, fd);
	}
}

/* --- who there is --- */

bool os_may_chown(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	return geteuid() == 0 && (syscall(SYS_capget, &header, data) < 0 || (data[0].effective & 1u << CAP_CHOWN));
}

struct id_map { uint32_t count; struct { uint32_t first, last; } ranges[]; };

struct id_map *os_ids(bool groups)
{
	FILE *file = fopen(groups ? "/proc/self/gid_map" : "/proc/self/uid_map", "re");
	struct id_map *m = NULL;
	unsigned first, outside, n;
	while (file && fscanf(file, "%u %u %u", &first, &outside, &n) == 3) {
		if (first == 0 && n == UINT32_MAX)
			break; /* no namespace of its own */
		uint32_t count = m ? m->count : 0;
		struct id_map *grown = realloc(m, sizeof *m + (count + 1) * sizeof *m->ranges);
		if (!grown)
			break;
		m = grown;
		m->count = count + 1;
		m->ranges[count].first = first;
		m->ranges[count].last = first + n - 1;
	}
	if (file)
		fclose(file);
	return m;
}

bool os_id_exists(const struct id_map *m, uint32_t id)
{
	for (uint32_t i = 0; m && i < m->count; i++)
		if (id >= m->ranges[i].first && id <= m->ranges[i].last)
			return true;
	return !m;
}

/* The l*xattr calls take a path only; this one cannot leave the directory since the last component is not followed. */
static const char *fd_path(int fd, const char *name, char out[NAME_CAP + 32])
{
	if (snprintf(out, NAME_CAP + 32, "/proc/self/fd/%d/%s", fd, name) >= NAME_CAP + 32)
		return NULL;
	return out;
}

#define AT_PATH(failure) char path[NAME_CAP + 32]; if (!fd_path(fd, name, path)) return failure

ssize_t os_xattr_list(int fd, const char *name, char *out, size_t cap)
{
	if (!name) {
		ssize_t n = flistxattr(fd, out, cap);
		return n < 0 ? -errno : n;
	}
	/* Linux 6.13 looks the name up in the directory itself; the way through /proc costs three times as much. */
	static atomic_int no_at;
	if (!atomic_load_explicit(&no_at, memory_order_relaxed)) {
		long n = syscall(SYS_LISTXATTRAT, fd, name, AT_SYMLINK_NOFOLLOW, out, cap);
		if (n >= 0 || (errno != ENOSYS && errno != EPERM)) /* EPERM: a container's filter that does not know the call */
			return n < 0 ? -errno : n;
		atomic_store(&no_at, 1);
	}
	AT_PATH(-ENAMETOOLONG);
	ssize_t n = llistxattr(path, out, cap);
	return n < 0 ? -errno : n;
}

ssize_t os_xattr_get(int fd, const char *name, const char *attr, void *out, size_t cap)
{
	if (!name) {
		ssize_t n = fgetxattr(fd, attr, out, cap);
		return n < 0 ? -errno : n;
	}
	AT_PATH(-ENAMETOOLONG);
	ssize_t n = lgetxattr(path, attr, out, cap);
	return n < 0 ? -errno : n;
}

int os_xattr_set(int fd, const char *name, const char *attr, const void *value, size_t len)
{
	if (!name)
		return fsetxattr(fd, attr, value, len, 0) < 0 ? -errno : 0;
	AT_PATH(-ENAMETOOLONG);
	return lsetxattr(path, attr, value, len, 0) < 0 ? -errno : 0;
}

int os_xattr_remove(int fd, const char *name, const char *attr)
{
	if (!name)
		return fremovexattr(fd, attr) < 0 ? -errno : 0;
	AT_PATH(-ENAMETOOLONG);
	return lremovexattr(path, attr) < 0 ? -errno : 0;
}

bool os_xattr_is_acl(const char *attr)
{
	return strcmp(attr, OS_XATTR_ACL) == 0 || strcmp(attr, "system.posix_acl_default") == 0;
}

bool os_xattr_is_privileged(const char *attr)
{
	return strncmp(attr, "trusted.", 8) == 0 || strncmp(attr, "security.", 9) == 0;
}

/* What a file system or the kernel makes of other metadata: copied as they stand they would contradict it, or bring it back. As in
 * libattr's xattr.conf; a name that ends in an underscore stands for all that begin so. */
static const char *const derived[] = {
	"trusted.SGI_ACL_FILE", "trusted.SGI_ACL_DEFAULT", "trusted.SGI_CAP_FILE", "trusted.SGI_MAC_FILE", "trusted.SGI_DMI_", /* xfs */
	"security.evm", "security.ima", /* signatures and hashes of the kernel's own */
};

/* ACLs, and the namespaces that hold what somebody put there. All others are a file system's own: system.nfs4_acl, btrfs.*, afs.*,
 * xfsroot.*, ceph.* and whatever comes. */
bool os_xattr_kept(const struct engine *e, const char *attr)
{
	if (os_xattr_is_acl(attr) || strncmp(attr, "user.", 5) == 0)
		return true;
	if (!e->root || !os_xattr_is_privileged(attr))
		return false;
	for (size_t i = 0; i < sizeof derived / sizeof *derived; i++) {
		size_t len = strlen(derived[i]);
		if (strncmp(attr, derived[i], len) == 0 && (!attr[len] || derived[i][len - 1] == '_'))
			return false;
	}
	return true;
}
