/*
 * Content of regular files: one whole file (copy_file), or a slice of an open one (copy_data).
 *
 * A file that did not exist is written straight under its name, its times last, so that an interrupted one never has its
 * source's time. One that is replaced is written beside it and renamed over it. Measured choices (docs/performance.md): one
 * read and one write for small files; clone before anything else from CLONE_MIN on; copy_file_range only where the file
 * system gains by it.
 */
#include "engine.h"

#include <sys/file.h>

/* Of content that no size announces: more is taken for endless. */
#define UNSIZED_MAX (256u << 20)

/* Of what is hashed without its holes; aligned in the file, so that both sides see the same. The format of lanes knows it. */
#define HASH_BLOCK BUFFER_UNIT

/* Below this a clone costs more than the bytes (measured on xfs: 1.15 times slower for files of a few KiB). */
#define CLONE_MIN (128u << 10)

static struct outcome fail(int err, uint32_t step)
{
	return (struct outcome){ .err = err, .step = step };
}

void count_bytes(struct worker *w, enum blit_method m, uint64_t n)
{
	struct blit_counters *c = &w->counters;
	__atomic_store_n(&c->bytes[m], c->bytes[m] + n, __ATOMIC_RELAXED);
	__atomic_store_n(&c->moving, c->moving + n, __ATOMIC_RELAXED);
}

ssize_t read_some(int fd, char *buf, size_t n)
{
	size_t have = 0;
	while (have < n) {
		ssize_t m = read(fd, buf + have, n - have);
		if (m < 0 && errno == EINTR)
			continue;
		if (m < 0)
			return -errno;
		if (m == 0)
			break;
		have += m;
	}
	return have;
}

ssize_t read_at(int fd, char *buf, size_t n, uint64_t at)
{
	size_t have = 0;
	while (have < n) {
		ssize_t m = pread(fd, buf + have, n - have, at + have);
		if (m < 0 && errno == EINTR)
			continue;
		if (m < 0)
			return -errno;
		if (m == 0)
			break;
		have += m;
	}
	return have;
}

void count_time(struct worker *w, int64_t source_ns, int64_t destination_ns)
{
	struct blit_counters *c = &w->counters;
	__atomic_store_n(&c->source_ns, c->source_ns + source_ns, __ATOMIC_RELAXED);
	__atomic_store_n(&c->destination_ns, c->destination_ns + destination_ns, __ATOMIC_RELAXED);
}

int write_at(int fd, const char *buf, size_t n, uint64_t at)
{
	while (n > 0) {
		ssize_t m = pwrite(fd, buf, n, at);
		if (m < 0) {
			if (errno == EINTR)
				continue;
			return errno;
		}
		buf += m;
		n -= m;
		at += m;
	}
	return 0;
}

/* --- a stretch of data without holes --- */

static struct outcome by_range(struct worker *w, int sfd, int dfd, uint64_t at, uint64_t len, uint64_t *moved)
{
	while (*moved < len && !engine_stopped(w->e)) {
		uint64_t n = len - *moved < (8u << 20) ? len - *moved : 8u << 20; /* small enough to stop and to show progress */
		engine_pace(w->e, n);
		ssize_t m = os_copy_range(sfd, at + *moved, dfd, n);
		if (m == -EINTR)
			continue;
		if (m == -EXDEV || m == -EOPNOTSUPP || m == -ENOSYS || m == -EINVAL) {
			atomic_store(&w->e->no_range, 1);
			break; /* the caller goes on by read and write */
		}
		if (m < 0)
			return fail(-m, BLIT_STEP_WRITE);
		if (m == 0)
			return fail(BLIT_E_CHANGED, BLIT_STEP_READ);
		*moved += m;
		count_bytes(w, BLIT_M_RANGE, m);
	}
	return (struct outcome){ 0 };
}

static struct outcome by_buffer(struct worker *w, int sfd, int dfd, uint64_t at, uint64_t len)
{
	enum blit_method method = dfd < 0 ? BLIT_M_DISCARD : BLIT_M_RW;
	uint64_t piece = w->buffer_bytes;
	if (w->e->config.bytes_per_second && w->e->config.bytes_per_second / 16 < piece) /* a slow limit shall not come in bursts */
		piece = w->e->config.bytes_per_second / 16 > 4096 ? w->e->config.bytes_per_second / 16 : 4096;
	for (uint64_t moved = 0; moved < len && !engine_stopped(w->e);) {
		size_t n = len - moved < piece ? len - moved : piece;
		engine_pace(w->e, n);
		int64_t from = engine_now_ns();
		ssize_t m = read_at(sfd, w->buffer, n, at + moved);
		int64_t read = engine_now_ns();
		if (m < 0)
			return fail(-m, BLIT_STEP_READ);
		if (m == 0)
			return fail(BLIT_E_CHANGED, BLIT_STEP_READ);
		int err = dfd < 0 ? 0 : write_at(dfd, w->buffer, m, at + moved);
		if (err)
			return fail(err, BLIT_STEP_WRITE);
		moved += m;
		count_bytes(w, method, m);
		count_time(w, read - from, engine_now_ns() - read);
	}
	return (struct outcome){ 0 };
}

static struct outcome copy_stretch(struct worker *w, int sfd, int dfd, uint64_t at, uint64_t len)
{
	struct engine *e = w->e;
	uint64_t moved = 0;
	if (dfd >= 0 && atomic_load(&e->prefer_range) && !atomic_load(&e->no_range)) {
		struct outcome o = by_range(w, sfd, dfd, at, len, &moved);
		if (o.err)
			return o;
	}
	return by_buffer(w, sfd, dfd, at + moved, len - moved);
}

/* --- verification --- */

uint64_t next_data(int fd, uint64_t at)
{
	off_t d = lseek(fd, at, SEEK_DATA);
	return d >= 0 ? (uint64_t)d : errno == ENXIO ? UINT64_MAX : at;
}

static uint64_t next_hole(int fd, uint64_t at)
{
	off_t h = lseek(fd, at, SEEK_HOLE);
	return h < 0 ? UINT64_MAX : (uint64_t)h;
}

static bool is_zero(const char *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

int hash_range(struct worker *w, int fd, uint64_t at, uint64_t len, uint64_t *out)
{
	struct hash64 h;
	hash64_init(&h);
	for (uint64_t done = 0; done < len && !engine_stopped(w->e);) {
		size_t room = w->buffer_bytes, n = len - done < room ? len - done : room;
		ssize_t m = read_at(fd, w->buffer, n, at + done);
		if (m < 0)
			return -m;
		if (m == 0)
			return BLIT_E_CHANGED;
		hash64_add(&h, w->buffer, m);
		worker_tick(w);
		done += m;
	}
	*out = hash64_end(&h);
	return 0;
}

static void hash_blocks(struct hash64 *h, const char *data, size_t len, uint64_t at)
{
	for (size_t piece; len > 0; data += piece, at += piece, len -= piece) {
		piece = HASH_BLOCK - at % HASH_BLOCK < len ? HASH_BLOCK - at % HASH_BLOCK : len;
		if (is_zero(data, piece))
			continue;
		hash64_add(h, &at, sizeof at);
		hash64_add(h, data, piece);
	}
}

static int hash_pieces(struct worker *w, int fd, uint64_t at, uint64_t len, bool paced, uint64_t *out)
{
	struct facts f;
	struct hash64 h;
	uint64_t end = at + len, hole = at;
	int err = os_facts_fd(fd, &f);
	if (err || f.size < end)
		return err ? -err : BLIT_E_CHANGED; /* beyond the end there are no zeros, but nothing */
	hash64_init(&h);
	for (size_t n; at < end && !engine_stopped(w->e); at += n) {
		if (at >= hole) {
			uint64_t data = next_data(fd, at);
			if (data >= end)
				break;
			hole = next_hole(fd, data);
			data -= data % HASH_BLOCK;
			at = data > at ? data : at;
		}
		uint64_t stop = hole < end ? hole + (HASH_BLOCK - hole % HASH_BLOCK) % HASH_BLOCK : end;
		size_t room = w->buffer_bytes - at % HASH_BLOCK;
		stop = stop < end ? stop : end;
		n = stop - at < room ? stop - at : room;
		if (paced)
			engine_pace(w->e, n);
		ssize_t got = read_at(fd, w->buffer, n, at);
		if (got < 0 || (size_t)got < n)
			return got < 0 ? -got : BLIT_E_CHANGED;
		worker_tick(w);
		hash_blocks(&h, w->buffer, n, at);
	}
	*out = hash64_end(&h);
	return 0;
}

int hash_data(struct worker *w, int fd, uint64_t at, uint64_t len, uint64_t *out)
{
	return hash_pieces(w, fd, at, len, false, out);
}

int hash_paced(struct worker *w, int fd, uint64_t len, uint64_t *out)
{
	return hash_pieces(w, fd, 0, len, true, out);
}

int verify_hash(struct worker *w, int dfd, uint64_t at, uint64_t len, bool sparse, uint64_t hash)
{
	uint64_t there;
	int err = -os_sync_uncached(dfd, at, len); /* what is read back shall not come from the page cache */
	if (!err)
		err = (sparse ? hash_data : hash_range)(w, dfd, at, len, &there);
	return err ? err : there == hash ? 0 : BLIT_E_VERIFY;
}

/* Reads the source's slice again from the cache and the destination's from the medium, and compares their hashes. */
static struct outcome verify(struct worker *w, int sfd, int dfd, uint64_t at, uint64_t len, bool sparse)
{
	uint64_t hash = 0;
	if (sparse && next_data(sfd, at) >= at + len && next_data(dfd, at) >= at + len)
		return (struct outcome){ 0 }; /* one hole on both sides: not worth a flush */
	int err = (sparse ? hash_data : hash_range)(w, sfd, at, len, &hash);
	if (!err)
		err = verify_hash(w, dfd, at, len, sparse, hash);
	return err && !engine_stopped(w->e) ? fail(err, BLIT_STEP_VERIFY) : (struct outcome){ 0 };
}

static struct outcome copy_stretches(struct worker *w, int sfd, int dfd, uint64_t at, uint64_t len, bool sparse)
{
	uint64_t end = at + len, pos = at;
	struct outcome o = { 0 };
	while (pos < end && !o.err && !engine_stopped(w->e)) {
		uint64_t data = pos, hole = end;
		if (sparse) {
			off_t d = lseek(sfd, pos, SEEK_DATA);
			data = d < 0 ? (errno == ENXIO ? end : pos) : (uint64_t)d;
			if (data > end)
				data = end;
			off_t h = data < end ? lseek(sfd, data, SEEK_HOLE) : -1;
			hole = h < 0 || (uint64_t)h > end ? end : (uint64_t)h;
			if (data > pos)
				count_bytes(w, BLIT_M_HOLE, data - pos);
		}
		if (data < end)
			o = copy_stretch(w, sfd, dfd, data, hole - data);
		pos = data < end ? hole : end;
	}
	return o;
}

/* From there on, without what is a hole on both sides. */
static uint64_t past_holes(int sfd, int dfd, uint64_t at)
{
	uint64_t s = next_data(sfd, at), d = s > at ? next_data(dfd, at) : at;
	return s < d ? s : d;
}

/* Writes what differs from what the destination holds: whatever left it there, afterwards it is what the source holds now. */
static struct outcome copy_changed(struct worker *w, int sfd, int dfd, uint64_t at, uint64_t len, bool sparse)
{
	if (!w->second && !(w->second = aligned_alloc(BUFFER_UNIT, w->buffer_bytes)))
		return fail(ENOMEM, BLIT_STEP_READ);
	uint64_t end = at + len;
	for (size_t n; at < end && !engine_stopped(w->e); at += n) {
		uint64_t data = sparse ? past_holes(sfd, dfd, at) : at;
		if (data > at)
			count_bytes(w, BLIT_M_HOLE, (data < end ? data : end) - at);
		if (data >= end)
			break;
		at = data;
		n = end - at < w->buffer_bytes ? end - at : w->buffer_bytes;
		engine_pace(w->e, n);
		ssize_t got = read_at(sfd, w->buffer, n, at), there = read_at(dfd, w->second, n, at);
		if (got < 0 || (size_t)got < n)
			return fail(got < 0 ? -got : BLIT_E_CHANGED, BLIT_STEP_READ);
		bool same = (size_t)(there < 0 ? 0 : there) == n && memcmp(w->buffer, w->second, n) == 0;
		int err = same ? 0 : write_at(dfd, w->buffer, n, at);
		if (err)
			return fail(err, BLIT_STEP_WRITE);
		count_bytes(w, same ? BLIT_M_RESUMED : BLIT_M_RW, n);
	}
	return (struct outcome){ 0 };
}

struct outcome copy_data(struct worker *w, int sfd, int dfd, uint64_t at, uint64_t len, bool sparse, bool held)
{
	struct outcome o = (held ? copy_changed : copy_stretches)(w, sfd, dfd, at, len, sparse);
	if (!o.err && dfd >= 0 && (w->e->config.flags & BLIT_CFG_VERIFY) && !engine_stopped(w->e))
		o = verify(w, sfd, dfd, at, len, sparse);
	if (!o.err && engine_stopped(w->e))
		o = fail(BLIT_E_STOPPED, BLIT_STEP_READ);
	if (!o.err)
		o.bytes = len;
	return o;
}

/* --- one file --- */

static bool has_holes(const struct facts *f)
{
	return f->size > 4096 && f->blocks * 512 < f->size;
}

/* Read in one go: asking for more than the size tells at once whether the file grew meanwhile. */
static struct outcome copy_small(struct worker *w, int sfd, int dfd, const struct facts *f)
{
	engine_pace(w->e, f->size);
	uint64_t n = 0;
	do {
		ssize_t m = read(sfd, w->buffer + n, w->buffer_bytes - n);
		if (m < 0 && errno == EINTR)
			continue;
		if (m < 0)
			return fail(errno, BLIT_STEP_READ);
		if (m == 0)
			return fail(BLIT_E_CHANGED, BLIT_STEP_READ);
		n += m;
	} while (n < f->size);
	if (w->timed_from)
		w->timed_read = engine_now_ns();
	int err = dfd < 0 ? 0 : write_at(dfd, w->buffer, f->size, 0);
	if (err)
		return fail(err, BLIT_STEP_WRITE);
	count_bytes(w, dfd < 0 ? BLIT_M_DISCARD : BLIT_M_RW, f->size);
	return (struct outcome){ .bytes = f->size, .err = n > f->size ? BLIT_E_GREW : 0, .step = BLIT_STEP_READ };
}

static struct outcome check_unchanged(int sfd, const struct facts *f)
{
	struct facts now;
	int err = os_facts_fd(sfd, &now);
	if (err)
		return fail(-err, BLIT_STEP_READ);
	if (now.size == f->size && now.mtime.tv_sec == f->mtime.tv_sec && now.mtime.tv_nsec == f->mtime.tv_nsec)
		return (struct outcome){ .bytes = f->size };
	return fail(now.size > f->size ? BLIT_E_GREW : BLIT_E_CHANGED, BLIT_STEP_READ);
}

bool size_is_false(int fd, const struct facts *f)
{
	char end[2];
	struct facts now;
	ssize_t n = read_at(fd, end, f->size ? 2 : 1, f->size ? f->size - 1 : 0);
	if (n < 0 || n == (f->size ? 1 : 0) || os_facts_fd(fd, &now))
		return false;
	return now.size == f->size && now.mtime.tv_sec == f->mtime.tv_sec && now.mtime.tv_nsec == f->mtime.tv_nsec &&
		now.ctime.tv_sec == f->ctime.tv_sec && now.ctime.tv_nsec == f->ctime.tv_nsec;
}

struct outcome copy_unsized(struct worker *w, int sfd, int dfd)
{
	struct outcome o = { 0 };
	struct hash64 h;
	bool verifying = dfd >= 0 && w->e->config.flags & BLIT_CFG_VERIFY;
	ssize_t n;
	hash64_init(&h);
	while ((n = read_some(sfd, w->buffer, w->buffer_bytes)) > 0 && !engine_stopped(w->e)) {
		engine_pace(w->e, n);
		int err = o.bytes + n > UNSIZED_MAX ? BLIT_E_ENDLESS : dfd < 0 ? 0 : write_at(dfd, w->buffer, n, o.bytes);
		if (err)
			return fail(err, err == BLIT_E_ENDLESS ? BLIT_STEP_READ : BLIT_STEP_WRITE);
		if (verifying)
			hash64_add(&h, w->buffer, n);
		o.bytes += n;
		count_bytes(w, dfd < 0 ? BLIT_M_DISCARD : BLIT_M_RW, n);
	}
	if (n < 0)
		return fail(-n, BLIT_STEP_READ);
	if (engine_stopped(w->e))
		return fail(BLIT_E_STOPPED, BLIT_STEP_READ);
	int err = verifying && o.bytes ? verify_hash(w, dfd, 0, o.bytes, false, hash64_end(&h)) : 0;
	return err ? fail(err, BLIT_STEP_VERIFY) : o;
}

static struct outcome copy_sized(struct worker *w, int sfd, int dfd, const struct facts *f)
{
	struct engine *e = w->e;
	bool verifying = e->config.flags & BLIT_CFG_VERIFY;
	if (dfd >= 0 && f->size >= CLONE_MIN && !verifying && !atomic_load(&e->no_clone)) {
		int err = os_clone(sfd, dfd);
		if (!err) {
			count_bytes(w, BLIT_M_REFLINK, f->size);
			return (struct outcome){ .bytes = f->size };
		}
		if (err == -EOPNOTSUPP || err == -EXDEV || err == -ENOTTY || err == -ENOSYS)
			atomic_store(&e->no_clone, 1);
	}
	bool sparse = has_holes(f);
	if (f->size < w->buffer_bytes && !sparse && !verifying && !atomic_load(&e->prefer_range))
		return copy_small(w, sfd, dfd, f);
	if (dfd >= 0 && sparse && ftruncate(dfd, f->size) < 0) /* a hole at the end */
		return fail(errno, BLIT_STEP_WRITE);
	struct outcome o = copy_data(w, sfd, dfd, 0, f->size, sparse, false);
	if (!o.err)
		o = check_unchanged(sfd, f);
	if (!o.err && !atomic_load(&e->prefer_range) && size_is_false(sfd, f))
		o = fail(BLIT_E_GREW, BLIT_STEP_READ);
	return o;
}

/* A size of 0 may belong to a file that is not empty, as in proc; and where another size turns out to be false, the content is
 * what can be read, too. */
static struct outcome copy_content(struct worker *w, int sfd, int dfd, const struct facts *f)
{
	struct outcome o = f->size ? copy_sized(w, sfd, dfd, f) : copy_unsized(w, sfd, dfd);
	bool doubtful = f->size && o.step == BLIT_STEP_READ && (o.err == BLIT_E_CHANGED || o.err == BLIT_E_GREW);
	if (!doubtful || !size_is_false(sfd, f))
		return o;
	if (lseek(sfd, 0, SEEK_SET) < 0 || (dfd >= 0 && ftruncate(dfd, 0) < 0))
		return fail(errno, BLIT_STEP_READ);
	return copy_unsized(w, sfd, dfd);
}

int lock_source(struct engine *e, int fd)
{
	if (!(e->config.flags & BLIT_CFG_MOVE) || atomic_load(&e->no_locks) || flock(fd, LOCK_SH | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return BLIT_E_IN_USE;
	atomic_store(&e->no_locks, 1);
	return 0;
}

/* A lock costs a system call: of a copy, files that are written at once have none. */
#define LOCKED_MIN (1u << 20)

int lock_written(const struct engine *e, int fd, uint64_t size)
{
	if (!(e->config.flags & BLIT_CFG_MOVE) && !e->config.bytes_per_second && size < LOCKED_MIN)
		return 0;
	return flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK ? BLIT_E_IN_USE : 0;
}

struct target { int fd; bool temporary; char temp[TEMP_NAME_LEN + 1]; mode_t created; };

static int create(struct worker *w, int ddir, const char *dname, bool replace, const struct facts *f, struct target *to)
{
	to->created = meta_create_mode(w->e, f);
	to->temporary = replace;
	if (!replace) {
		to->fd = openat(ddir, dname, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, to->created);
		int err = to->fd < 0 ? errno : lock_written(w->e, to->fd, f->size);
		if (err && to->fd >= 0) { /* a move has the empty file already */
			close(to->fd);
			unlinkat(ddir, dname, 0);
		}
		return err;
	}
	to->fd = temp_create(w->e, ddir, to->created, to->temp);
	to->created |= 0600;
	return to->fd < 0 ? -to->fd : 0;
}

/* What a file system over a network (or a quota) kept back it says when a descriptor is closed. A duplicate is closed, so that
 * the lock on a temporary file holds until it has its name. */
int flush_by_close(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return errno;
	return close(copy) < 0 && errno != EINTR ? errno : 0;
}

/* Closes the file in any case. */
static struct outcome put_in_place(struct worker *w, struct dir *dd, int ddir, const char *dname, const struct target *to)
{
	struct outcome o = { 0 };
	int err = 0;
	if ((w->e->config.flags & BLIT_CFG_FSYNC) && (err = os_sync(to->fd)))
		o = fail(-err, BLIT_STEP_SYNC);
	else if (to->temporary && (err = flush_by_close(to->fd)))
		o = fail(err, BLIT_STEP_WRITE);
	else if (to->temporary && (err = backup_entry(w, dd, ddir, dname, false)))
		o = fail(-err, BLIT_STEP_BACKUP);
	else if (to->temporary && renameat(ddir, to->temp, ddir, dname) < 0)
		o = fail(errno == EISDIR || errno == ENOTEMPTY ? BLIT_E_BUSY_KIND : errno, BLIT_STEP_RENAME);
	o.astray = !o.err && is_astray(w->e, ddir, dname, to->fd);
	if (close(to->fd) < 0 && !to->temporary && !o.err && errno != EINTR)
		o = fail(errno, BLIT_STEP_WRITE);
	return o;
}

static struct outcome merge(struct outcome first, struct outcome second)
{
	second.lost |= first.lost;
	if (!second.err)
		second.err = first.err, second.step = first.step;
	return second;
}

static struct outcome copy_once(struct worker *w, int sfd, struct dir *dd, int ddir, const char *dname, bool replace,
	const struct facts *f, bool last)
{
	if (w->e->config.flags & BLIT_CFG_DISCARD)
		return copy_content(w, sfd, -1, f);
	struct target to;
	int err = create(w, ddir, dname, replace, f, &to);
	if (err)
		return fail(err, BLIT_STEP_CREATE);
	struct outcome o = copy_content(w, sfd, to.fd, f), done = { 0 };
	/* A log that is being written to: what it held when it was opened is whole. Its time is the one it had then, so the next
	 * run copies it again. */
	bool grew = o.err == BLIT_E_GREW && last;
	if (!o.err || grew)
		done = meta_apply_fd(w->e, dd, &(struct origin){ .fd = sfd }, to.fd, f, to.created, dd->inherits);
	bool stays = outcome_stays(&done) && (!o.err || grew);
	if (!stays)
		close(to.fd);
	else
		done = merge(done, put_in_place(w, dd, ddir, dname, &to));
	if (!stays || !outcome_stays(&done))
		unlinkat(ddir, to.temporary ? to.temp : dname, 0);
	if (done.err)
		o.err = done.err, o.step = done.step;
	if (grew)
		o.bytes = f->size;
	o.lost = done.lost;
	o.astray = done.astray;
	return o;
}

struct outcome store_file(struct worker *w, struct dir *dd, int ddir, const char *dname, bool replace, const struct facts *f,
	const struct origin *from, const char *content, uint64_t len, const uint64_t *hash)
{
	struct target to;
	struct outcome o;
	int err = create(w, ddir, dname, replace, f, &to);
	if (err)
		return fail(err, BLIT_STEP_CREATE);
	err = write_at(to.fd, content, len, 0);
	o = err ? fail(err, BLIT_STEP_WRITE) : (struct outcome){ 0 };
	if (!o.err && hash && (err = verify_hash(w, to.fd, 0, len, false, *hash)))
		o = fail(err, BLIT_STEP_VERIFY);
	if (!o.err)
		o = meta_apply_fd(w->e, dd, from, to.fd, f, to.created, dd->inherits);
	if (!outcome_stays(&o))
		close(to.fd);
	else
		o = merge(o, put_in_place(w, dd, ddir, dname, &to));
	if (!outcome_stays(&o))
		unlinkat(ddir, to.temporary ? to.temp : dname, 0);
	else
		count_bytes(w, BLIT_M_NETWORK, len);
	o.bytes = len;
	return o;
}

/* Of small files every so manieth stands for the others: two looks at the clock for each would be 2 % of its time. */
#define TIMED_EVERY 16

static void begin_timing(struct worker *w)
{
	w->timed_read = 0;
	w->timed_from = w->files_begun++ % TIMED_EVERY == 0 ? engine_now_ns() : 0;
}

static void end_timing(struct worker *w)
{
	if (w->timed_read)
		count_time(w, (w->timed_read - w->timed_from) * TIMED_EVERY, (engine_now_ns() - w->timed_read) * TIMED_EVERY);
}

struct outcome copy_file(struct worker *w, int sdir, const char *sname, struct dir *dd, int ddir, const char *dname,
	bool replace, enum take take, struct facts *f)
{
	struct outcome o;
	/* A source that changes under our hands gets one more try. */
	for (int attempt = 0;; attempt++) {
		begin_timing(w);
		/* O_NONBLOCK: a fifo put here since the listing must not hang us */
		int sfd = os_open_source(sdir, sname, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
		if (sfd < 0)
			return fail(sfd == -ELOOP ? BLIT_E_CHANGED : -sfd, BLIT_STEP_OPEN_SRC);
		int err = os_facts_fd(sfd, f);
		if (err || !S_ISREG(f->mode)) {
			close(sfd);
			return fail(err ? -err : BLIT_E_CHANGED, BLIT_STEP_OPEN_SRC);
		}
		bool linked = take == TAKE_PLAIN && f->nlink > 1, large = take != TAKE_ANY && f->size >= w->e->config.large_bytes;
		if (linked || large) {
			close(sfd);
			return fail(linked ? COPY_IS_LINKED : COPY_IS_LARGE, 0);
		}
		bool moves = take != TAKE_ANY && (w->e->config.flags & BLIT_CFG_MOVE);
		err = moves ? lock_source(w->e, sfd) : 0;
		o = err ? fail(err, BLIT_STEP_OPEN_SRC) : copy_once(w, sfd, dd, ddir, dname, replace, f, attempt > 0);
		bool last = attempt > 0 || (o.err != BLIT_E_CHANGED && o.err != BLIT_E_GREW);
		if (!o.err && !o.astray && moves && take == TAKE_PLAIN && (err = remove_source(w->e, dd, sdir, sname, f)))
			o = fail(-err, BLIT_STEP_REMOVE_SRC);
		close(sfd);
		end_timing(w);
		if (last)
			return o;
	}
}

static int compare_open(struct worker *w, int sfd, int dfd)
{
	struct facts s, d;
	int err = os_facts_fd(sfd, &s);
	if (err || (err = os_facts_fd(dfd, &d)))
		return err;
	if (w->e->config.flags & BLIT_CFG_VERIFY)
		os_sync_uncached(dfd, 0, d.size); /* where it cannot, the comparison is as good as without */
	bool holes = has_holes(&s) && has_holes(&d) && s.size == d.size;
	for (uint64_t at = 0; !engine_stopped(w->e);) {
		if (holes && (at = past_holes(sfd, dfd, at)) == UINT64_MAX)
			return 1;
		size_t room = w->buffer_bytes;
		worker_tick(w);
		engine_pace(w->e, room);
		ssize_t n = read_at(sfd, w->buffer, room, at), m = read_at(dfd, w->second, room, at);
		if (n < 0 || m < 0)
			return n < 0 ? n : m;
		if (n != m || memcmp(w->buffer, w->second, n) != 0)
			return 0;
		if (n == 0)
			return 1;
		at += n;
	}
	return -BLIT_E_STOPPED;
}

int same_content(struct worker *w, int sdir, const char *sname, int ddir, const char *dname)
{
	if (!w->second && !(w->second = aligned_alloc(BUFFER_UNIT, w->buffer_bytes)))
		return -ENOMEM;
	int sfd = os_open_source(sdir, sname, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (sfd < 0)
		return sfd;
	int dfd = os_open_source(ddir, dname, O_RDONLY | O_NOFOLLOW | O_NONBLOCK), same = dfd;
	if (dfd >= 0) {
		same = compare_open(w, sfd, dfd);
		close(dfd);
	}
	close(sfd);
	return same;
}
