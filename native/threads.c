/*
 * Threads of the shim. Whatever blocks for long (workers, lanes) runs on one of these, never on a thread of the runtime, which has few
 * and hangs when all of them wait.
 *
 * They are detached: nobody has to collect them, however many lanes come and go. An engine counts its own, and a thread touches its
 * engine for the last time when it counts itself out, under a lock that blit_engine_join takes, too.
 */
#include "engine.h"

#include <signal.h>

/* The deepest path through the shim takes 32 KiB; looking a host up may take more, depending on the system. Only what is used counts. */
#define STACK_BYTES (512u << 10)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;

struct birth {
	struct engine *e;
	const char *name;
	void (*life)(void *);
	void *arg;
};

static void count_out(struct engine *e)
{
	pthread_mutex_lock(&lock);
	if (atomic_fetch_sub(&e->threads, 1) == 1) {
		waiter_call(e);
		pthread_cond_broadcast(&ended);
	}
	pthread_mutex_unlock(&lock);
}

static void *live(void *arg)
{
	struct birth b = *(struct birth *)arg;
	free(arg);
	os_thread_name(b.name);
	b.life(b.arg);
	if (b.e)
		count_out(b.e);
	return NULL;
}

/* Signals are the runtime's affair: its threads take all of them. */
static int create(struct birth *b)
{
	pthread_t thread;
	pthread_attr_t attr;
	sigset_t all, before;
	int err = pthread_attr_init(&attr);
	if (err)
		return -err;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, &attr, live, b);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}

int thread_start(struct engine *e, const char *name, void (*life)(void *), void *arg)
{
	struct birth *b = malloc(sizeof *b);
	if (!b)
		return -ENOMEM;
	*b = (struct birth){ .e = e, .name = name, .life = life, .arg = arg };
	if (e)
		atomic_fetch_add(&e->threads, 1);
	int err = create(b);
	if (!err)
		return 0;
	free(b);
	if (e)
		count_out(e);
	return err;
}

int64_t blit_engine_join(struct engine *e, int64_t timeout_ms)
{
	struct timespec until = clock_in(timeout_ms * 1000000);
	int err = 0;
	pthread_mutex_lock(&lock);
	while (atomic_load(&e->threads) > 0 && !err)
		err = pthread_cond_timedwait(&ended, &lock, &until);
	int64_t left = atomic_load(&e->threads);
	pthread_mutex_unlock(&lock);
	return left;
}
