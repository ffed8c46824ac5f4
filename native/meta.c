/*
 * What an entry has besides its content: owner, mode, extended attributes and ACLs, times.
 *
 * Order matters: a change of owner clears setuid bits and capabilities, attributes need a file that its owner may write, and
 * an ACL brings a mode with it; so owner, attributes, mode, and the times last. A kind of metadata that a file system or an ordinary
 * user cannot keep is noted in `lost`, not an error of the entry. An attribute that fails on this entry alone is one, though the
 * entry gets all the rest and stays.
 */
#include "engine.h"

#define LIST_MAX 65536 /* the kernel's own limit, XATTR_LIST_MAX and XATTR_SIZE_MAX */
#define PACKED_MAX (BLIT_FRAME_RECORDS_MAX / 4) /* of one entry: a record has to fit into a frame */

mode_t meta_create_mode(const struct engine *e, const struct facts *f)
{
	/* Where the owner is still to change, nobody but the creator may look in meanwhile. */
	bool ours = f->uid == e->euid && f->gid == e->egid;
	return ours ? f->mode & 0777 : f->mode & 0700;
}

static bool in_groups(const struct engine *e, uint32_t gid)
{
	if (gid == e->egid)
		return true;
	for (int i = 0; i < e->groups_len; i++)
		if (e->groups[i] == gid)
			return true;
	return false;
}

/* What owner and group an entry that has those of `now` is to get: the source's, as far as they may be given here. */
static struct facts owner_wanted(const struct engine *e, const struct ground *g, const struct facts *src, const struct facts *now)
{
	struct facts wanted = { .uid = now->uid, .gid = now->gid };
	if (g->owners == KEEPS_NOT)
		return wanted;
	if (e->chowns && os_id_exists(e->mapped[0], src->uid))
		wanted.uid = src->uid;
	if (e->chowns ? os_id_exists(e->mapped[1], src->gid) : now->uid == e->euid && in_groups(e, src->gid))
		wanted.gid = src->gid;
	return wanted;
}

static bool same_owner(const struct facts *a, const struct facts *b)
{
	return a->uid == b->uid && a->gid == b->gid;
}

bool meta_owner_differs(struct engine *e, struct dir *d, const struct facts *src, const struct facts *dst)
{
	if (same_owner(src, dst))
		return false;
	struct facts wanted = owner_wanted(e, ground_of(e, d), src, dst);
	return !same_owner(&wanted, dst) && ground_keeps_owner(e, d, wanted.uid, wanted.gid, false);
}

/*
 * The mode of an entry that has these owners. Without those of its source, a program must not run as whoever owns the copy, and a
 * directory must not hand on another group.
 */
static mode_t mode_wanted(const struct engine *e, const struct facts *src, const struct facts *owners)
{
	mode_t withheld = 0;
	if (e->config.flags & BLIT_CFG_WITHHOLD)
		return src->mode & 07777; /* no such bit came that far */
	if (S_ISDIR(src->mode))
		withheld = (src->uid == owners->uid ? 0 : S_ISUID) | (src->gid == owners->gid ? 0 : S_ISGID);
	else if (!same_owner(src, owners))
		withheld = S_ISUID | S_ISGID;
	return src->mode & 07777 & ~withheld;
}

bool meta_mode_differs(struct engine *e, struct dir *d, const struct facts *src, const struct facts *dst)
{
	return !S_ISLNK(src->mode) && mode_wanted(e, src, dst) != (dst->mode & 07777) && ground_of(e, d)->modes != KEEPS_NOT;
}

bool meta_mtime_differs(struct engine *e, struct dir *d, const struct facts *src, const struct facts *dst)
{
	if (src->mtime.tv_sec == dst->mtime.tv_sec && src->mtime.tv_nsec == dst->mtime.tv_nsec)
		return false;
	return !ground_same_time(e, d, &src->mtime, dst);
}

uint32_t meta_withhold(const struct engine *e, struct facts *f)
{
	if (!(e->config.flags & BLIT_CFG_WITHHOLD) || S_ISLNK(f->mode) || !(f->mode & (S_ISUID | S_ISGID)))
		return 0;
	f->mode &= ~(S_ISUID | S_ISGID);
	return BLIT_LOST_RIGHTS;
}

static bool is_kept(const struct engine *e, const char *attr)
{
	return os_xattr_kept(e, attr) && !(e->config.flags & BLIT_CFG_WITHHOLD && os_xattr_is_privileged(attr));
}

/* The names of the kept attributes of one entry, in a buffer of LIST_MAX. Length, 0 where there are none, or -errno. */
static ssize_t list_kept(struct engine *e, int fd, const char *name, char *out)
{
	ssize_t n = os_xattr_list(fd, name, out, LIST_MAX);
	if (n <= 0)
		return n == -EOPNOTSUPP ? 0 : n;
	ssize_t kept = 0;
	for (ssize_t at = 0; at < n;) {
		size_t len = strlen(out + at) + 1;
		if (is_kept(e, out + at)) {
			memmove(out + kept, out + at, len);
			kept += len;
		}
		at += len;
	}
	return kept;
}

static bool list_has(const char *list, ssize_t len, const char *attr)
{
	for (ssize_t at = 0; at < len; at += strlen(list + at) + 1)
		if (strcmp(list + at, attr) == 0)
			return true;
	return false;
}

/* Steps through packed attributes: the next item's parts, false at the end. Lengths were checked when the record came in. */
static bool packed_next(const struct origin *o, uint32_t *at, char name[256], const char **value, uint32_t *value_len)
{
	uint32_t len[2];
	if (*at + sizeof len > o->packed_len)
		return false;
	memcpy(len, o->packed + *at, sizeof len);
	*at += sizeof len;
	if (len[0] > 255 || len[0] > o->packed_len - *at || len[1] > o->packed_len - *at - len[0])
		return false;
	memcpy(name, o->packed + *at, len[0]);
	name[len[0]] = 0;
	*value = o->packed + *at + len[0];
	*value_len = len[1];
	*at += len[0] + len[1];
	return true;
}

/* As list_kept and os_xattr_get, wherever the attributes come from. */
static ssize_t origin_list(struct engine *e, const struct origin *o, char *out)
{
	if (o->packed_err)
		return -o->packed_err;
	if (!o->packed)
		return list_kept(e, o->fd, o->name, out);
	char name[256];
	const char *value;
	uint32_t at = 0, value_len;
	ssize_t kept = 0;
	while (packed_next(o, &at, name, &value, &value_len)) {
		size_t len = strlen(name) + 1;
		if (is_kept(e, name) && kept + len <= LIST_MAX) {
			memcpy(out + kept, name, len);
			kept += len;
		}
	}
	return kept;
}

static ssize_t origin_get(const struct origin *o, const char *attr, char *out)
{
	if (!o->packed)
		return os_xattr_get(o->fd, o->name, attr, out, LIST_MAX);
	char name[256];
	const char *value;
	uint32_t at = 0, len;
	while (packed_next(o, &at, name, &value, &len))
		if (strcmp(name, attr) == 0 && len <= LIST_MAX) {
			memcpy(out, value, len);
			return len;
		}
	return -ENODATA;
}

static bool value_same(const struct origin *from, int dfd, const char *dname, const char *attr, char *a, char *b)
{
	ssize_t n = origin_get(from, attr, a);
	ssize_t m = os_xattr_get(dfd, dname, attr, b, LIST_MAX);
	return n >= 0 && n == m && memcmp(a, b, n) == 0;
}

enum presence { NONE, SOME, UNSUPPORTED };

/* Most entries have no attributes at all; asking with a buffer that is too small answers for those without an allocation. */
static enum presence presence(int fd, const char *name)
{
	char few[1];
	ssize_t n = os_xattr_list(fd, name, few, sizeof few);
	return n == 0 ? NONE : n == -EOPNOTSUPP || n == -ENOSYS ? UNSUPPORTED : SOME;
}

static enum presence origin_presence(const struct origin *o)
{
	return o->packed_err ? SOME : o->packed ? (o->packed_len ? SOME : NONE) : presence(o->fd, o->name);
}

/* Whether this entry cannot have the attribute, or any of its kind: reading one that is just not there is another error. */
static bool is_impossible(int fd, const char *name, const char *attr)
{
	return is_unsupported(-os_xattr_get(fd, name, attr, NULL, 0));
}

bool meta_xattr_impossible(int fd, const char *name)
{
	enum presence p = presence(fd, name);
	return p == UNSUPPORTED || (p == NONE && is_impossible(fd, name, OS_XATTR_OF_USER) && is_impossible(fd, name, OS_XATTR_ACL));
}

int meta_xattr_same(struct engine *e, const struct origin *from, int dfd, const char *dname)
{
	enum presence s = origin_presence(from), d = presence(dfd, dname);
	/* A destination that cannot hold any would differ at every run; that it cannot is said when something is copied. */
	if (d == UNSUPPORTED || (s != SOME && d == NONE))
		return 1;
	char *work = malloc(4 * LIST_MAX);
	if (!work)
		return -ENOMEM;
	char *slist = work, *dlist = work + LIST_MAX, *a = work + 2 * LIST_MAX, *b = work + 3 * LIST_MAX;
	ssize_t sn = origin_list(e, from, slist), dn = list_kept(e, dfd, dname, dlist);
	int same = sn < 0 ? (int)sn : dn < 0 ? (int)dn : 1;
	for (ssize_t at = 0; same == 1 && at < sn; at += strlen(slist + at) + 1)
		same = list_has(dlist, dn, slist + at) ? value_same(from, dfd, dname, slist + at, a, b)
		                                       : is_impossible(dfd, dname, slist + at);
	for (ssize_t at = 0; same == 1 && at < dn; at += strlen(dlist + at) + 1)
		same = list_has(slist, sn, dlist + at);
	free(work);
	return same;
}

/* The attribute's number for a failure's step, the same for the same name; 0 where there are too many. */
static uint32_t attr_number(struct engine *e, const char *attr)
{
	uint32_t n = 0;
	pthread_mutex_lock(&e->results_lock);
	while (n < FAILED_ATTRS && e->failed_attrs[n] && strcmp(e->failed_attrs[n], attr) != 0)
		n++;
	if (n < FAILED_ATTRS && !e->failed_attrs[n])
		e->failed_attrs[n] = strdup(attr);
	n = n < FAILED_ATTRS && e->failed_attrs[n] ? n + 1 : 0;
	pthread_mutex_unlock(&e->results_lock);
	return n;
}

int64_t blit_attribute_name(struct engine *e, uint32_t number, char *out, uint64_t cap)
{
	int64_t len = -ENOENT;
	pthread_mutex_lock(&e->results_lock);
	const char *name = number >= 1 && number <= FAILED_ATTRS ? e->failed_attrs[number - 1] : NULL;
	if (name && strlen(name) <= cap)
		memcpy(out, name, len = strlen(name));
	pthread_mutex_unlock(&e->results_lock);
	return len;
}

/* Whether the destination refuses every attribute of this kind, and not just this one on this entry. */
static bool refuses_kind(const char *attr, mode_t mode, int err)
{
	if (is_unsupported(err) || err == ENOSYS)
		return true;
	if (os_xattr_is_acl(attr))
		return err == EINVAL; /* it names users that have no number here */
	if (os_xattr_is_privileged(attr))
		return err == EPERM || err == EACCES || err == EINVAL;
	return err == EPERM && !S_ISREG(mode) && !S_ISDIR(mode); /* other entries can have none of the user's */
}

/* `attr` could not be copied, or, if NULL, the attributes could not be listed. A kind is remarked on, all else fails the entry. */
static void attr_failed(struct engine *e, struct outcome *o, const char *attr, mode_t mode, int err)
{
	if (attr && refuses_kind(attr, mode, err)) {
		o->lost |= os_xattr_is_acl(attr) ? BLIT_LOST_ACL : BLIT_LOST_XATTR;
	} else if (!o->err) {
		o->err = err;
		o->step = BLIT_STEP_XATTR | BLIT_STEP_PLACED | (attr ? attr_number(e, attr) << BLIT_STEP_ATTR_SHIFT : 0);
	}
}

/* Makes the destination's attributes those of the source; one that fails stops none of the others. `mode` says what kind of entry
 * it is, `fresh` that the destination has no attributes of its own yet. */
static void xattr_sync(struct engine *e, const struct origin *from, int dfd, const char *dname, mode_t mode, bool fresh,
	struct outcome *o)
{
	enum presence s = origin_presence(from), d = fresh ? NONE : presence(dfd, dname);
	if (s != SOME && d != SOME)
		return;
	char *work = malloc(4 * LIST_MAX);
	if (!work)
		return attr_failed(e, o, NULL, mode, ENOMEM);
	char *slist = work, *dlist = work + LIST_MAX, *a = work + 2 * LIST_MAX, *b = work + 3 * LIST_MAX;
	ssize_t sn = origin_list(e, from, slist), dn = d == SOME ? list_kept(e, dfd, dname, dlist) : 0;
	if (sn < 0 || dn < 0)
		attr_failed(e, o, NULL, mode, sn < 0 ? -sn : -dn);
	for (ssize_t at = 0; sn >= 0 && at < dn; at += strlen(dlist + at) + 1) {
		int err = list_has(slist, sn, dlist + at) ? 0 : os_xattr_remove(dfd, dname, dlist + at);
		if (err && err != -ENODATA)
			attr_failed(e, o, dlist + at, mode, -err);
	}
	for (ssize_t at = 0; at < sn; at += strlen(slist + at) + 1) {
		const char *attr = slist + at;
		if (list_has(dlist, dn, attr) && value_same(from, dfd, dname, attr, a, b))
			continue;
		ssize_t n = origin_get(from, attr, a);
		if (n == -ENODATA)
			continue; /* removed since it was listed */
		int err = n < 0 ? (int)n : os_xattr_set(dfd, dname, attr, a, n);
		if (err)
			attr_failed(e, o, attr, mode, -err);
	}
	free(work);
}

/* An entry that metadata is applied to: open, or held by its name. */
struct entry {
	struct engine *e;
	struct dir *d;
	const struct facts *f; /* what it is to be */
	struct facts now;
	bool chmod_due, handed_on; /* to another owner */
	mode_t rights;             /* set-id bits that stay */
	int fd;
	const struct held *held; /* NULL: fd is the entry */
};

/* A step that this entry alone was refused; it gets what else it can get. */
static void step_failed(struct outcome *o, int err, uint32_t step)
{
	if (!o->err)
		o->err = err, o->step = step | BLIT_STEP_PLACED;
}

/* Refused where the destination can give nothing away, an owner is a remark; refused for this entry alone, a failure. */
static void apply_owner(struct entry *t, struct outcome *o)
{
	struct engine *e = t->e;
	struct facts wanted = owner_wanted(e, ground_of(e, t->d), t->f, &t->now);
	if (!same_owner(&wanted, &t->now) && ground_keeps_owner(e, t->d, wanted.uid, wanted.gid, false)) {
		uid_t uid = wanted.uid == t->now.uid ? (uid_t)-1 : wanted.uid;
		int err = t->held ? os_held_chown(t->held, uid, wanted.gid) : fchown(t->fd, uid, wanted.gid) < 0 ? -errno : 0;
		if (!err) {
			t->now.uid = wanted.uid;
			t->now.gid = wanted.gid;
			t->handed_on = true;
			/* the system takes these bits away, but not from a directory */
			t->chmod_due |= ((t->f->mode | t->now.mode) & (S_ISUID | S_ISGID)) && !S_ISLNK(t->f->mode);
		} else if (!e->root || !ground_keeps_owner(e, t->d, wanted.uid, wanted.gid, true)) {
			o->lost |= BLIT_LOST_OWNER;
		} else {
			return step_failed(o, -err, BLIT_STEP_OWNER);
		}
	}
	if (e->root && !same_owner(t->f, &t->now))
		o->lost |= BLIT_LOST_OWNER;
}

static int change_mode(const struct entry *t, mode_t mode)
{
	return t->held ? os_held_chmod(t->held, mode) : fchmod(t->fd, mode) < 0 ? -errno : 0;
}

static bool acl_same(const struct origin *from, int dfd, const char *dname)
{
	char *work = malloc(2 * LIST_MAX);
	if (!work)
		return false;
	ssize_t n = origin_get(from, OS_XATTR_ACL, work), m = os_xattr_get(dfd, dname, OS_XATTR_ACL, work + LIST_MAX, LIST_MAX);
	bool same = n < 0 ? m < 0 : n == m && memcmp(work, work + LIST_MAX, n) == 0;
	free(work);
	return same;
}

/*
 * Where nobody else may give rights, those that a program has are its owner's gift. They stay as long as the program and those who may
 * run it are the owner's choice, too; another owner, mode or ACL, which comes after this, could hand them to somebody else.
 */
static void keep_rights(struct entry *t, const struct origin *from, int ddir, const char *dname, struct outcome *o)
{
	mode_t bits = t->now.mode & (S_ISUID | S_ISGID);
	if (!(t->e->config.flags & BLIT_CFG_WITHHOLD) || !S_ISREG(t->f->mode))
		return;
	if (!t->handed_on && !((t->now.mode ^ t->f->mode) & 01777) && acl_same(from, ddir, dname)) {
		t->rights = bits;
		return;
	}
	int err = bits ? change_mode(t, t->now.mode & 01777) : 0;
	if (!err)
		t->now.mode &= ~bits;
	if (!err && OS_XATTR_RIGHTS && os_xattr_get(ddir, dname, OS_XATTR_RIGHTS, NULL, 0) >= 0)
		err = os_xattr_remove(ddir, dname, OS_XATTR_RIGHTS);
	if (err && err != -ENODATA)
		step_failed(o, -err, BLIT_STEP_MODE);
}

static void apply_attributes(struct entry *t, const struct origin *from, int dfd, const char *dname, bool fresh, struct outcome *o)
{
	int before = o->err;
	xattr_sync(t->e, from, dfd, dname, t->f->mode, fresh, o);
	bool writable = !S_ISREG(t->f->mode) || (t->now.mode & 0200);
	if (before || o->err != EACCES || writable || change_mode(t, 0600) < 0)
		return;
	t->chmod_due = true; /* user attributes need a writable file */
	o->err = 0;
	xattr_sync(t->e, from, dfd, dname, t->f->mode, fresh, o);
}

static void apply_mode(struct entry *t, struct outcome *o)
{
	mode_t mode = mode_wanted(t->e, t->f, &t->now);
	if (S_ISLNK(t->f->mode))
		return;
	if (mode != (t->f->mode & 07777))
		o->lost |= BLIT_LOST_SETID;
	mode |= t->rights;
	if (!t->chmod_due && mode == (t->now.mode & 07777))
		return;
	int err = change_mode(t, mode);
	enum keeps modes = ground_of(t->e, t->d)->modes;
	if (modes == KEEPS_NOT || is_unsupported(-err) || (err == -EPERM && modes == KEEPS_UNKNOWN))
		o->lost |= BLIT_LOST_MODE;
	else if (err == -EPERM)
		step_failed(o, EPERM, BLIT_STEP_MODE);
	else if (err)
		*o = (struct outcome){ .err = -err, .step = BLIT_STEP_MODE };
}

/* `err`: what setting the times came to. */
static void apply_times(struct entry *t, int err, struct outcome *o)
{
	bool settable = ground_of(t->e, t->d)->granularity_ns != 0;
	if (err == EINVAL || is_unsupported(err) || (err == EPERM && !settable))
		o->lost |= BLIT_LOST_TIMES;
	else if (err == EPERM)
		step_failed(o, EPERM, BLIT_STEP_TIMES);
	else if (!err && !ground_keeps_time(t->e, t->d, &t->f->mtime))
		o->lost |= BLIT_LOST_TIMES;
	else if (err)
		*o = (struct outcome){ .err = err, .step = BLIT_STEP_TIMES };
}

struct outcome meta_apply_fd(struct engine *e, struct dir *d, const struct origin *from, int dfd, const struct facts *f, mode_t created,
	bool inherits)
{
	struct ground *g = ground_of(e, d);
	struct entry t = { .e = e, .d = d, .f = f, .now = { .mode = created, .uid = g->made_uid, .gid = g->made_gid }, .fd = dfd };
	struct outcome o = { 0 };
	int err;
	if (inherits && (err = os_facts_fd(dfd, &t.now)))
		return (struct outcome){ .err = -err, .step = BLIT_STEP_MODE };
	apply_owner(&t, &o);
	apply_attributes(&t, from, dfd, NULL, !inherits, &o);
	apply_mode(&t, &o);
	struct timespec times[2] = { f->atime, f->mtime };
	if (outcome_stays(&o))
		apply_times(&t, futimens(dfd, times) < 0 ? errno : 0, &o);
	return o;
}

struct outcome meta_apply_at(struct engine *e, struct dir *d, const struct origin *from, int ddir, const char *dname,
	const struct facts *f)
{
	struct held h;
	struct entry t = { .e = e, .d = d, .f = f, .fd = -1, .held = &h };
	struct outcome o = { 0 };
	int err = os_hold(&h, ddir, dname, &t.now);
	if (err)
		return (struct outcome){ .err = -err, .step = BLIT_STEP_MODE };
	if ((t.now.mode ^ f->mode) & S_IFMT) {
		os_release(&h);
		return (struct outcome){ .err = BLIT_E_CHANGED, .step = BLIT_STEP_MODE };
	}
	apply_owner(&t, &o);
	keep_rights(&t, from, ddir, dname, &o);
	apply_attributes(&t, from, ddir, dname, false, &o);
	apply_mode(&t, &o);
	os_release(&h);
	struct timespec times[2] = { f->atime, f->mtime };
	if (outcome_stays(&o))
		apply_times(&t, utimensat(ddir, dname, times, AT_SYMLINK_NOFOLLOW) < 0 ? errno : 0, &o);
	return o;
}

ssize_t meta_xattr_pack(struct engine *e, int fd, const char *name, char **out)
{
	*out = NULL;
	if (presence(fd, name) != SOME)
		return 0;
	char *list = malloc(2 * LIST_MAX), *packed = NULL;
	if (!list)
		return -ENOMEM;
	char *value = list + LIST_MAX;
	ssize_t n = list_kept(e, fd, name, list), len = 0;
	for (ssize_t at = 0; at < n; at += strlen(list + at) + 1) {
		uint32_t name_len = strlen(list + at);
		ssize_t m = os_xattr_get(fd, name, list + at, value, LIST_MAX);
		if (m == -ENODATA)
			continue; /* removed since it was listed */
		uint32_t lengths[2] = { name_len, m < 0 ? 0 : m };
		if (m >= 0 && len + m > PACKED_MAX)
			m = -E2BIG;
		char *grown = m < 0 ? NULL : realloc(packed, len + sizeof lengths + name_len + m);
		if (!grown) {
			n = m < 0 ? m : -ENOMEM;
			break;
		}
		packed = grown;
		memcpy(packed + len, lengths, sizeof lengths);
		memcpy(packed + len + sizeof lengths, list + at, name_len);
		memcpy(packed + len + sizeof lengths + name_len, value, m);
		len += sizeof lengths + name_len + m;
	}
	free(list);
	if (n < 0) {
		free(packed);
		return n;
	}
	*out = packed;
	return len;
}

uint64_t meta_xattr_digest(struct engine *e, int fd, const char *name, bool plain)
{
	if (presence(fd, name) != SOME)
		return 0;
	char *list = malloc(2 * LIST_MAX);
	if (!list)
		return 1; /* differs from everything: copied once too often, never too seldom */
	char *value = list + LIST_MAX;
	ssize_t n = list_kept(e, fd, name, list);
	uint64_t sum = 0;
	bool any = n < 0;
	for (ssize_t at = 0; at < n; at += strlen(list + at) + 1) {
		if (plain && os_xattr_is_privileged(list + at))
			continue;
		any = true;
		ssize_t m = os_xattr_get(fd, name, list + at, value, LIST_MAX);
		struct hash64 h;
		hash64_init(&h);
		hash64_add(&h, list + at, strlen(list + at) + 1);
		hash64_add(&h, value, m < 0 ? 0 : m);
		sum += hash64_end(&h); /* a sum, since file systems list attributes in orders of their own */
	}
	free(list);
	return !any ? 0 : sum ? sum : 1;
}
