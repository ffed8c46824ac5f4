/*
 * What each file system of the destination keeps of owners, modes and times, learnt once in a run.
 *
 * Of the usual ones the kind says it. Others (FUSE, network file systems) are asked: a file with a temporary name is made in the
 * directory where the question came up, given a mode, a time or an owner, and looked at again. Where that must not or cannot be
 * done, an owner and a mode are taken to be kept, and how fine times are is told by those that are there.
 */
#include "engine.h"

/* A time of which no common granularity leaves all digits, and which every file system can hold. */
static const struct timespec odd_time = { 1234567891, 123456789 };
#define ODD_MODE 0604

/* Times between them every file system holds: FAT begins with 1980 in local time, 32 bits end in 2038. */
#define LOW_TIME (315532800 + 86400)
#define HIGH_TIME INT32_MAX

void ground_init(struct engine *e, struct ground *g, uint64_t dev)
{
	g->dev = dev;
	g->made_uid = e->euid;
	g->made_gid = e->egid;
	g->low = LOW_TIME;
	g->high = HIGH_TIME;
	g->floor = INT64_MIN;
	g->ceiling = INT64_MAX;
	pthread_mutex_init(&g->asking, NULL);
}

struct ground *ground_at(struct engine *e, int fd, uint64_t dev)
{
	pthread_mutex_lock(&e->grounds_lock);
	struct ground *g = e->grounds;
	while (g && g->dev != dev)
		g = g->next;
	if (!g && (g = calloc(1, sizeof *g))) {
		ground_init(e, g, dev);
		os_learn_ground(g, fd);
		g->next = e->grounds;
		e->grounds = g;
	}
	pthread_mutex_unlock(&e->grounds_lock);
	return g;
}

void grounds_free(struct engine *e)
{
	while (e->grounds) {
		struct ground *g = e->grounds;
		e->grounds = g->next;
		pthread_mutex_destroy(&g->asking);
		free(g);
	}
}

/* --- the file that is asked --- */

struct probe {
	struct dir *d;
	int ddir, fd;
	struct facts before; /* of the directory, which shall not show that a file was made in it */
	char name[TEMP_NAME_LEN + 1];
};

static bool probe_begin(struct engine *e, struct dir *d, struct probe *p)
{
	if (e->config.flags & (BLIT_CFG_READ_ONLY | BLIT_CFG_DISCARD) || d->ground->mute)
		return false;
	p->d = d;
	p->ddir = dir_pin(e, d, DST);
	if (p->ddir < 0)
		return false;
	p->fd = os_facts_fd(p->ddir, &p->before) ? -1 : temp_create(e, p->ddir, 0600, p->name);
	if (p->fd < 0)
		dir_unpin(e, d);
	return p->fd >= 0;
}

static void probe_end(struct engine *e, struct probe *p)
{
	struct timespec times[2] = { p->before.atime, p->before.mtime };
	close(p->fd);
	unlinkat(p->ddir, p->name, 0);
	futimens(p->ddir, times);
	dir_unpin(e, p->d);
}

/* --- times --- */

/* The coarsest unit, of those in use, that the time is a multiple of. */
static int64_t unit_of(const struct timespec *t)
{
	static const int64_t units[] = { 2000000000, 1000000000, 10000000, 1000000, 1000, 100 };
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (t->tv_nsec % units[i] == 0 && (units[i] < 2000000000 || t->tv_sec % 2 == 0))
			return units[i];
	return 1;
}

static bool closer_than(const struct timespec *a, const struct timespec *b, int64_t ns)
{
	int64_t seconds = (int64_t)a->tv_sec - b->tv_sec;
	if (seconds > 4 || seconds < -4)
		return false;
	int64_t apart = seconds * 1000000000 + (a->tv_nsec - b->tv_nsec);
	return apart < ns && apart > -ns;
}

/* Before the first answer: what the destination's own times, those that the system sets included, do not contradict. */
static int64_t seen_unit(const struct engine *e, const struct facts *dst)
{
	const struct timespec *seen[] = { &dst->mtime, &dst->ctime, &e->root_facts[DST].mtime, &e->root_facts[DST].ctime };
	int64_t finest = 2000000000;
	for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
		int64_t unit = unit_of(seen[i]);
		finest = unit < finest ? unit : finest;
	}
	return finest;
}

/* Sets a time that may be out of range on a file and says what it became; false where that cannot be done. */
static bool stored_time(struct engine *e, struct dir *d, const struct timespec *t, struct timespec *stored)
{
	struct timespec times[2] = { *t, *t };
	struct facts f;
	struct probe p;
	if (!probe_begin(e, d, &p))
		return false;
	bool known = futimens(p.fd, times) == 0 && os_facts_fd(p.fd, &f) == 0;
	probe_end(e, &p);
	if (known)
		*stored = f.mtime;
	return known;
}

/* Learns whether a time outside of the known range is kept, or where the range ends. Says what it became where a file was asked. */
static bool learn_range(struct engine *e, struct dir *d, struct ground *g, const struct timespec *t, struct timespec *stored)
{
	pthread_mutex_lock(&g->asking);
	bool early = t->tv_sec < g->low, open = early ? t->tv_sec > g->floor : t->tv_sec > g->high && t->tv_sec < g->ceiling;
	bool asked = open && stored_time(e, d, t, stored);
	if (asked && closer_than(stored, t, g->granularity_ns ? g->granularity_ns : 2000000000))
		atomic_store(early ? &g->low : &g->high, t->tv_sec);
	else if (asked && early && stored->tv_sec > t->tv_sec && stored->tv_sec <= g->low)
		atomic_store(&g->floor, stored->tv_sec);
	else if (asked && !early && stored->tv_sec < t->tv_sec && stored->tv_sec >= g->high)
		atomic_store(&g->ceiling, stored->tv_sec); /* anything else is no end, but a number that ran over */
	pthread_mutex_unlock(&g->asking);
	return asked;
}

/* Whether it is an end of a range in use, of 32 bits with and without a sign, ext4, xfs or FAT: a time that nobody's clock tells. */
static bool is_an_end(int64_t second, bool upper)
{
	static const int64_t upper_ends[] = { INT32_MAX, UINT32_MAX, 15032385535, 16299260424, 4354819199 };
	static const int64_t lower_ends[] = { INT32_MIN, 0, 315532800 };
	const int64_t *ends = upper ? upper_ends : lower_ends;
	size_t n = upper ? sizeof upper_ends / sizeof *ends : sizeof lower_ends / sizeof *ends;
	int64_t from_fat = second - ends[n - 1]; /* it keeps local time */
	for (size_t i = 0; i < n; i++)
		if (second == ends[i])
			return true;
	return from_fat < 86400 && from_fat > -86400;
}

/* --- questions --- */

static void learn(struct engine *e, struct dir *d, struct ground *g)
{
	struct timespec times[2] = { odd_time, odd_time };
	struct facts f;
	struct probe p;
	if (!probe_begin(e, d, &p))
		return;
	bool moded = fchmod(p.fd, ODD_MODE) == 0, timed = futimens(p.fd, times) == 0;
	if (os_facts_fd(p.fd, &f) == 0) {
		int64_t unit = unit_of(&f.mtime);
		g->made_uid = f.uid;
		g->made_gid = f.gid;
		g->modes = moded && (f.mode & 0777) == ODD_MODE ? KEEPS : KEEPS_NOT;
		if (timed)
			g->granularity_ns = closer_than(&f.mtime, &odd_time, unit) ? unit : 1;
	}
	probe_end(e, &p);
}

struct ground *ground_of(struct engine *e, struct dir *d)
{
	struct ground *g = d->ground;
	if (!atomic_load_explicit(&g->asked, memory_order_acquire)) {
		pthread_mutex_lock(&g->asking);
		if (!g->asked)
			learn(e, d, g);
		atomic_store(&g->asked, true);
		pthread_mutex_unlock(&g->asking);
	}
	return g;
}

bool ground_keeps_owner(struct engine *e, struct dir *d, uint32_t uid, uint32_t gid, bool refused)
{
	struct ground *g = ground_of(e, d);
	struct facts f;
	struct probe p;
	pthread_mutex_lock(&g->asking);
	if ((g->owners == KEEPS_UNKNOWN || (refused && g->owners == KEEPS)) && probe_begin(e, d, &p)) {
		bool kept = fchown(p.fd, e->chowns ? uid : (uid_t)-1, gid) == 0 && os_facts_fd(p.fd, &f) == 0 &&
			(f.uid == uid || !e->chowns) && f.gid == gid;
		g->owners = kept ? KEEPS : KEEPS_NOT;
		probe_end(e, &p);
	}
	bool keeps = g->owners != KEEPS_NOT && !(refused && g->owners == KEEPS_UNKNOWN);
	pthread_mutex_unlock(&g->asking);
	return keeps;
}

bool ground_keeps_time(struct engine *e, struct dir *d, const struct timespec *t)
{
	struct ground *g = ground_of(e, d);
	struct timespec stored;
	if ((t->tv_sec < g->low || t->tv_sec > g->high) && learn_range(e, d, g, t, &stored) && stored.tv_sec != t->tv_sec)
		return false;
	if (t->tv_sec < g->floor || t->tv_sec > g->ceiling)
		return false;
	return g->granularity_ns <= 1 || unit_of(t) % g->granularity_ns == 0;
}

bool ground_same_time(struct engine *e, struct dir *d, const struct timespec *src, const struct facts *dst)
{
	struct ground *g = ground_of(e, d);
	const struct timespec *there = &dst->mtime;
	struct timespec stored;
	bool early = src->tv_sec < g->low, late = src->tv_sec > g->high;
	/* What a file system of FUSE remembers, until it is mounted anew, may be more than it has written. */
	if ((early || late) && late == (src->tv_sec > there->tv_sec) && is_an_end(there->tv_sec, late))
		return true;
	if ((early || late) && learn_range(e, d, g, src, &stored))
		return stored.tv_sec == there->tv_sec && stored.tv_nsec == there->tv_nsec;
	if (src->tv_sec > g->ceiling || src->tv_sec < g->floor) {
		return there->tv_sec == (src->tv_sec > g->ceiling ? g->ceiling : g->floor);
	}
	int64_t unit = g->granularity_ns ? g->granularity_ns : seen_unit(e, dst);
	if ((early || late) && g->modes != KEEPS)
		unit = 2000000000; /* of times out there nothing is known */
	return unit > 1 && closer_than(src, there, unit);
}
