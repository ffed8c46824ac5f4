/*
 * Lanes: TCP connections (or, inside the control channel, socket pairs) that carry content from source to destination, each with a
 * thread of its own. A LANE task makes one; its result comes when the lane has ended.
 *
 * A sending lane takes PACK and SEND tasks from the engine's queue of outgoing work, reads what they name and sends it: nothing
 * waits in memory between reading and sending. A receiving lane writes what comes in before it takes more, so a slow disk slows
 * the sender down through TCP itself. Lanes share nothing but the queue: one that dies takes no other along, and the destination
 * asks again for what was on it.
 */
#include "engine.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif
#ifndef MSG_MORE
#define MSG_MORE 0
#endif

/* Measured best on loopback: receives of 1 to 2 MiB (docs/performance.md). */
#define LANE_BUFFER (1u << 20)
#define SEND_FILE_MAX (1u << 20)

struct lane {
	struct worker w;
	struct lane *next;
	int fd; /* -1: it ended */
	bool sends, retiring;
	struct outgoing out;
	struct task *task; /* whose result tells of its end */
};

void lanes_init(struct engine *e)
{
	pthread_mutex_init(&e->lanes_lock, NULL);
	pthread_cond_init(&e->outgoing_ready, NULL);
	pthread_mutex_init(&e->expected_lock, NULL);
	e->outgoing_tail = &e->outgoing;
}

struct worker *lane_worker(struct lane *l)
{
	return &l->w;
}

struct outgoing *lane_outgoing(struct lane *l)
{
	return &l->out;
}

/* A lane whose peer vanished without a word is given up after this: another one is made sooner than the network comes back. */
#define LANE_UNANSWERED_MS 20000

void socket_keep_watch(int fd, uint32_t unanswered_ms)
{
	int on = 1, idle = 5, every = 3, times = 5;
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
#ifdef TCP_KEEPIDLE
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
#endif
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof times);
#ifdef TCP_USER_TIMEOUT
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered_ms, sizeof unanswered_ms);
#else
	(void)unanswered_ms;
#endif
}

static struct lane *lane_new(struct engine *e, int fd, bool sends)
{
	void *memory;
	if (posix_memalign(&memory, 64, sizeof(struct lane)))
		return NULL;
	struct lane *l = memset(memory, 0, sizeof(struct lane));
	l->w.e = e;
	l->w.buffer_bytes = e->config.buffer_bytes > LANE_BUFFER ? e->config.buffer_bytes : LANE_BUFFER;
	l->w.buffer = aligned_alloc(BUFFER_UNIT, l->w.buffer_bytes);
	l->fd = fd;
	l->sends = sends;
	if (!l->w.buffer) {
		free(l);
		return NULL;
	}
	signal(SIGPIPE, SIG_IGN);
	socket_keep_watch(fd, LANE_UNANSWERED_MS);
	pthread_mutex_lock(&e->lanes_lock);
	l->next = e->lanes;
	e->lanes = l;
	pthread_mutex_unlock(&e->lanes_lock);
	pthread_mutex_lock(&e->queue_lock);
	bool late = atomic_load(&e->closing) || engine_stopped(e); /* nobody will wake it any more */
	pthread_mutex_unlock(&e->queue_lock);
	if (late)
		shutdown(fd, SHUT_RDWR);
	return l;
}

/* Under the lanes' lock. */
static void look_at_tcp(struct lane *l)
{
	struct blit_counters *c = &l->w.counters;
	if (l->sends && l->fd >= 0)
		os_tcp_facts(l->fd, &c->retransmits, &c->rtt_us);
}

/* The counters stay until the engine closes. */
static void lane_end(struct engine *e, struct lane *l)
{
	expected_orphan(e, l);
	pthread_mutex_lock(&e->lanes_lock);
	look_at_tcp(l);
	close(l->fd);
	l->fd = -1;
	pthread_mutex_unlock(&e->lanes_lock);
	free(l->w.buffer);
	free(l->w.second);
	free(l->out.at);
	l->w.buffer = l->w.second = l->out.at = NULL;
}

void lanes_wake(struct engine *e)
{
	pthread_mutex_lock(&e->queue_lock);
	pthread_cond_broadcast(&e->outgoing_ready);
	pthread_mutex_unlock(&e->queue_lock);
	pthread_mutex_lock(&e->lanes_lock);
	for (struct lane *l = e->lanes; l; l = l->next)
		if (l->fd >= 0)
			shutdown(l->fd, SHUT_RDWR);
	pthread_mutex_unlock(&e->lanes_lock);
}

void lanes_count(struct engine *e, struct blit_counters *out)
{
	pthread_mutex_lock(&e->lanes_lock);
	for (struct lane *l = e->lanes; l; l = l->next) {
		look_at_tcp(l);
		counters_add(out, &l->w.counters);
	}
	pthread_mutex_unlock(&e->lanes_lock);
}

void lanes_free(struct engine *e)
{
	while (e->lanes) {
		struct lane *l = e->lanes;
		e->lanes = l->next;
		free(l);
	}
	pthread_mutex_destroy(&e->lanes_lock);
	pthread_cond_destroy(&e->outgoing_ready);
	pthread_mutex_destroy(&e->expected_lock);
}

/* --- bytes --- */

char *outgoing_reserve(struct outgoing *o, size_t n)
{
	if (o->len + n > o->cap) {
		size_t cap = o->cap ? o->cap * 2 : LANE_BUFFER;
		while (cap < o->len + n)
			cap *= 2;
		char *at = realloc(o->at, cap);
		if (!at)
			return NULL;
		o->at = at;
		o->cap = cap;
	}
	return o->at + o->len;
}

int lane_send(struct lane *l, const void *data, size_t n, bool more)
{
	const char *at = data;
	while (n > 0) {
		ssize_t m = send(l->fd, at, n, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
		if (m < 0 && errno == EINTR)
			continue;
		if (m < 0)
			return -errno;
		at += m;
		n -= m;
		worker_tick(&l->w);
	}
	return 0;
}

int lane_send_records(struct lane *l, uint64_t id)
{
	struct blit_frame f = { .type = BLIT_FRAME_RECORDS, .id = id, .length = l->out.len };
	wire_frame_seal(&f);
	int err = lane_send(l, &f, sizeof f, true);
	if (!err)
		err = lane_send(l, l->out.at, l->out.len, false);
	l->out.len = 0;
	return err;
}

int lane_send_file(struct lane *l, int fd, uint64_t at, uint64_t n, uint64_t *sent)
{
	for (*sent = 0; *sent < n;) {
		ssize_t m = os_send_file(l->fd, fd, at + *sent, n - *sent < SEND_FILE_MAX ? n - *sent : SEND_FILE_MAX);
		if (m == -EINTR)
			continue;
		if (m <= 0)
			return m;
		*sent += m;
		worker_tick(&l->w);
		count_bytes(&l->w, BLIT_M_SENDFILE, m);
	}
	return 0;
}

int lane_receive(struct lane *l, void *data, size_t n)
{
	char *at = data;
	while (n > 0) {
		ssize_t m = recv(l->fd, at, n, MSG_WAITALL);
		if (m < 0 && errno == EINTR)
			continue;
		if (m <= 0)
			return m ? -errno : -ECONNRESET;
		at += m;
		n -= m;
		worker_tick(&l->w);
	}
	return 0;
}

/* --- lives --- */

int64_t blit_lane_retire(struct engine *e)
{
	struct lane *one = NULL;
	uint32_t more = 0;
	pthread_mutex_lock(&e->lanes_lock);
	for (struct lane *l = e->lanes; l; l = l->next)
		if (l->fd >= 0 && !l->retiring) {
			more += one != NULL;
			one = l;
		}
	if (more) {
		one->retiring = true;
		if (!one->sends)
			shutdown(one->fd, SHUT_WR);
	}
	pthread_mutex_unlock(&e->lanes_lock);
	return more ? 0 : -ENOENT;
}

/* Whether this side or the other wants the lane no more. A destination never sends anything, so what ends is all there is to see. */
static bool is_over(struct engine *e, struct lane *l)
{
	char c;
	pthread_mutex_lock(&e->lanes_lock);
	bool over = l->retiring;
	pthread_mutex_unlock(&e->lanes_lock);
	return over || recv(l->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static int say_bye(struct lane *l)
{
	struct blit_frame f = { .type = BLIT_FRAME_BYE };
	wire_frame_seal(&f);
	return lane_send(l, &f, sizeof f, false);
}

static int send_life(struct engine *e, struct lane *l)
{
	struct task *t;
	uint32_t first, n;
	int err = 0;
	bool over = false;
	while (!err && !over && (t = engine_take_outgoing(e, &first, &n))) {
		err = t->t.op == BLIT_OP_PACK ? pack_slice(l, t, first, n) : send_slice(l, t);
		engine_slice_done(e, t, n);
		over = !err && is_over(e, l);
	}
	if (!err && over) {
		err = say_bye(l);
		if (!err && !l->retiring)
			err = -ESHUTDOWN; /* the other side wants it no more, or is gone: that looks the same from here */
	}
	return err;
}

static int receive_records(struct lane *l, const struct blit_frame *f)
{
	l->out.len = 0;
	char *at = outgoing_reserve(&l->out, f->length);
	if (!at)
		return -ENOMEM;
	int err = lane_receive(l, at, f->length);
	return err ? err : store_records(l, f->id, at, f->length);
}

static int receive_one(struct lane *l, const struct blit_frame *f)
{
	uint64_t end[2]; /* hash and hole */
	if (!wire_frame_ok(f))
		return -EPROTO;
	if (f->type == BLIT_FRAME_RECORDS)
		return receive_records(l, f);
	if (f->type == BLIT_FRAME_BEGIN)
		return receive_begin(l, f), 0;
	if (f->type == BLIT_FRAME_DATA)
		return receive_data(l, f);
	int err = lane_receive(l, end, sizeof end);
	return err ? err : receive_end(l, f, end[0], end[1]);
}

static int receive_life(struct engine *e, struct lane *l)
{
	struct blit_frame f;
	int err = 0;
	while (!err && !engine_stopped(e)) {
		ssize_t m = recv(l->fd, &f, 1, 0);
		if (m < 0 && errno == EINTR)
			continue;
		if (m <= 0)
			return m ? -errno : -ECONNRESET;
		err = lane_receive(l, (char *)&f + 1, sizeof f - 1);
		if (!err && wire_frame_ok(&f) && f.type == BLIT_FRAME_BYE)
			break;
		if (!err)
			err = receive_one(l, &f);
	}
	return err;
}

static void tell_end(struct engine *e, struct task *t, int status)
{
	struct blit_result r = { .status = engine_stopped(e) ? 0 : status };
	engine_post(e, t, &r);
}

static void live(void *arg)
{
	struct lane *l = arg;
	struct engine *e = l->w.e;
	int status = l->sends ? send_life(e, l) : receive_life(e, l);
	lane_end(e, l);
	tell_end(e, l->task, status);
}

void lane_begin(struct engine *e, struct task *t)
{
	int fd = t->t.handle;
	bool sends = t->t.flags & BLIT_SRC;
	struct lane *l = lane_new(e, fd, sends);
	if (!l) {
		close(fd);
		tell_end(e, t, -ENOMEM);
		return;
	}
	l->task = t;
	int err = thread_start(e, sends ? "blit send" : "blit receive", live, l);
	if (err) {
		lane_end(e, l);
		tell_end(e, t, err);
	}
}
