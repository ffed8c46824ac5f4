/*
 * Waiting for many things at once: TypeScript says what it waits for, and one call of blit_wait, on a thread of the runtime, serves all
 * of that. However many transfers there are, they hold one of the runtime's threads.
 *
 * Each thing is waited for once: when it is ready or its time is over, its token is handed out and it is forgotten. A pipe wakes a
 * blit_wait that sleeps.
 */
#include "engine.h"

#include <poll.h>

struct entry {
	uint64_t token;
	struct engine *e; /* NULL: it is gone */
	int64_t until_ns;
};

struct waiter {
	pthread_mutex_t lock;
	struct entry *entries;
	uint32_t count, cap;
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
		if (w->entries[i].e == e)
			w->entries[i].e = NULL;
	wake(w);
	pthread_mutex_unlock(&w->lock);
}

int64_t blit_wait_engine(struct waiter *w, struct engine *e, uint64_t token, int64_t timeout_ms)
{
	int64_t until = engine_now_ns() + timeout_ms * 1000000;
	pthread_mutex_lock(&w->lock);
	if (w->count == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 16;
		w->entries = realloc(w->entries, w->cap * sizeof *w->entries);
		if (!w->entries)
			abort(); /* it would be waited for without end */
	}
	w->entries[w->count++] = (struct entry){ .token = token, .e = e, .until_ns = until };
	e->waiter = w;
	atomic_fetch_add(&e->waited, 1);
	wake(w);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

/* Takes out what is ready, under the lock. How many; *sleep_ns: until something else can be at the earliest, if nobody calls. */
static uint64_t take_ready(struct waiter *w, uint64_t *out, uint64_t cap, int64_t *sleep_ns)
{
	int64_t now = engine_now_ns();
	uint64_t ready = 0;
	uint32_t left = 0;
	bool dated = now >= w->dated_ns;
	if (dated)
		w->dated_ns = now + RESULTS_PATIENCE_NS;
	*sleep_ns = w->dated_ns - now;
	for (uint32_t i = 0; i < w->count; i++) {
		struct entry *n = &w->entries[i];
		if (ready < cap && (!n->e || now >= n->until_ns || engine_is_ready(n->e, dated))) {
			if (n->e)
				atomic_fetch_sub(&n->e->waited, 1);
			out[ready++] = n->token;
			continue;
		}
		if (n->until_ns - now < *sleep_ns)
			*sleep_ns = n->until_ns - now;
		w->entries[left++] = *n;
	}
	w->count = left;
	return ready;
}

/* Gives the lock up for as long as it sleeps. */
static void sleep_for(struct waiter *w, int64_t ns)
{
	struct pollfd p = { .fd = w->wake[0], .events = POLLIN };
	char bytes[64];
	w->sleeping = true;
	pthread_mutex_unlock(&w->lock);
	poll(&p, 1, (ns + 999999) / 1000000);
	pthread_mutex_lock(&w->lock);
	w->sleeping = false;
	if (w->woken && read(w->wake[0], bytes, sizeof bytes) > 0)
		w->woken = false;
}

int64_t blit_wait(struct waiter *w, uint64_t *out, uint64_t cap)
{
	uint64_t ready;
	int64_t sleep_ns;
	pthread_mutex_lock(&w->lock);
	while ((ready = take_ready(w, out, cap, &sleep_ns)) == 0 && w->count > 0)
		sleep_for(w, sleep_ns);
	pthread_mutex_unlock(&w->lock);
	return ready;
}
