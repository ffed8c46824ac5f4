/*
 * Waiting for many things at once: TypeScript says what it waits for, and one call of blit_wait, on a thread of the runtime, serves all
 * of that: engines, and descriptors that become readable or writable. However many transfers there are, they hold one of the runtime's
 * threads.
 *
 * Each thing is waited for once: when it is ready or its time is over, its token is handed out and it is forgotten. A pipe wakes a
 * blit_wait that sleeps.
 */
#include "engine.h"

#include <poll.h>

/* The longest sleep. */
#define LOOK_NS (3600 * (int64_t)1000000000)

struct entry {
	uint64_t token;
	struct engine *e;
	int64_t until_ns;
	int fd;       /* where there is no engine */
	short events; /* 0: the engine is gone, or it is a call (aside.c) */
	bool ready;   /* the descriptor is, or the call is over */
};

struct waiter {
	pthread_mutex_t lock;
	struct entry *entries;
	uint32_t count, cap;
	struct pollfd *polled; /* of blit_wait alone */
	uint32_t polled_cap;
	int64_t dated_ns; /* when results that nothing else calls attention to are looked at next */
	int wake[2];
	bool sleeping, woken;
};

int64_t blit_waiter_open(struct waiter **out)
{
	struct waiter *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	if (pipe(w->wake) < 0) {
		int err = errno;
		free(w);
		return -err;
	}
	for (int i = 0; i < 2; i++) {
		fcntl(w->wake[i], F_SETFD, FD_CLOEXEC);
		fcntl(w->wake[i], F_SETFL, O_NONBLOCK);
	}
	pthread_mutex_init(&w->lock, NULL);
	*out = w;
	return 0;
}

/* Under the lock. */
static void wake(struct waiter *w)
{
	if (w->sleeping && !w->woken)
		w->woken = write(w->wake[1], "", 1) == 1;
}

void waiter_call(struct engine *e)
{
	if (atomic_load(&e->waited) == 0)
		return;
	pthread_mutex_lock(&e->waiter->lock);
	wake(e->waiter);
	pthread_mutex_unlock(&e->waiter->lock);
}

void waiter_forget(struct engine *e)
{
	struct waiter *w = e->waiter;
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	for (uint32_t i = 0; i < w->count; i++)
		if (w->entries[i].e == e) {
			w->entries[i].e = NULL;
			w->entries[i].ready = true;
		}
	wake(w);
	pthread_mutex_unlock(&w->lock);
}

/* Under the lock. */
static void add(struct waiter *w, struct entry n)
{
	if (w->count == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 16;
		w->entries = realloc(w->entries, w->cap * sizeof *w->entries);
		if (!w->entries)
			abort(); /* it would be waited for without end */
	}
	w->entries[w->count++] = n;
	wake(w);
}

static int64_t time_in(int64_t ms)
{
	return engine_now_ns() + ms * 1000000;
}

int64_t blit_wait_engine(struct waiter *w, struct engine *e, uint64_t token, int64_t timeout_ms)
{
	struct entry n = { .token = token, .e = e, .until_ns = time_in(timeout_ms), .fd = -1 };
	pthread_mutex_lock(&w->lock);
	e->waiter = w;
	atomic_fetch_add(&e->waited, 1);
	add(w, n);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

int64_t blit_wait_descriptor(struct waiter *w, int32_t fd, int64_t to_write, uint64_t token, int64_t timeout_ms)
{
	struct entry n = { .token = token, .until_ns = time_in(timeout_ms), .fd = fd, .events = to_write ? POLLOUT : POLLIN };
	pthread_mutex_lock(&w->lock);
	add(w, n);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

void waiter_begin(struct waiter *w, uint64_t token)
{
	pthread_mutex_lock(&w->lock);
	add(w, (struct entry){ .token = token, .until_ns = INT64_MAX, .fd = -1 });
	pthread_mutex_unlock(&w->lock);
}

void waiter_end(struct waiter *w, uint64_t token)
{
	pthread_mutex_lock(&w->lock);
	for (uint32_t i = 0; i < w->count; i++)
		w->entries[i].ready |= w->entries[i].token == token;
	wake(w);
	pthread_mutex_unlock(&w->lock);
}

static bool is_ready(const struct entry *n, int64_t now, bool dated)
{
	return n->ready || now >= n->until_ns || (n->e && engine_is_ready(n->e, dated));
}

/* Takes out what is ready, under the lock. How many; *until_ns: when something else can be, if nobody calls. */
static uint64_t take_ready(struct waiter *w, uint64_t *out, uint64_t cap, int64_t *until_ns)
{
	int64_t now = engine_now_ns();
	uint64_t ready = 0;
	uint32_t left = 0;
	bool dated = now >= w->dated_ns;
	if (dated)
		w->dated_ns = now + RESULTS_PATIENCE_NS;
	*until_ns = INT64_MAX;
	for (uint32_t i = 0; i < w->count; i++) {
		struct entry *n = &w->entries[i];
		if (ready < cap && is_ready(n, now, dated)) {
			if (n->e)
				atomic_fetch_sub(&n->e->waited, 1);
			out[ready++] = n->token;
			continue;
		}
		int64_t next = n->e && w->dated_ns < n->until_ns ? w->dated_ns : n->until_ns;
		*until_ns = next < *until_ns ? next : *until_ns;
		w->entries[left++] = *n;
	}
	w->count = left;
	return ready;
}

/* Sleeps for so long (0: looks only), until it is woken or a descriptor is ready. Gives the lock up meanwhile; things are added then,
 * none is taken out. */
static void look(struct waiter *w, int ms)
{
	uint32_t count = w->count;
	if (w->polled_cap < count + 1) {
		w->polled_cap = w->cap + 1;
		w->polled = realloc(w->polled, w->polled_cap * sizeof *w->polled);
		if (!w->polled)
			abort();
	}
	struct pollfd *polled = w->polled;
	for (uint32_t i = 0; i < count; i++)
		polled[i] = (struct pollfd){ .fd = w->entries[i].fd, .events = w->entries[i].events };
	polled[count] = (struct pollfd){ .fd = w->wake[0], .events = POLLIN };
	w->sleeping = true;
	pthread_mutex_unlock(&w->lock);
	int ready = poll(polled, count + 1, ms);
	pthread_mutex_lock(&w->lock);
	w->sleeping = false;
	for (uint32_t i = 0; ready > 0 && i < count; i++)
		w->entries[i].ready |= polled[i].revents != 0;
	char bytes[64];
	if (w->woken && read(w->wake[0], bytes, sizeof bytes) > 0)
		w->woken = false;
}

int64_t blit_wait(struct waiter *w, uint64_t *out, uint64_t cap)
{
	uint64_t ready;
	int64_t until_ns;
	pthread_mutex_lock(&w->lock);
	look(w, 0); /* engines that are always ready do not keep descriptors waiting */
	while ((ready = take_ready(w, out, cap, &until_ns)) == 0 && w->count > 0) {
		int64_t ns = until_ns - engine_now_ns();
		ns = ns < LOOK_NS ? ns : LOOK_NS; /* a call has no time of its own */
		look(w, ns > 0 ? (ns + 999999) / 1000000 : 0);
	}
	pthread_mutex_unlock(&w->lock);
	return ready;
}
