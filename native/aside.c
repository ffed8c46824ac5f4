/*
 * Calls that ask a file system, each carried out by a thread that does nothing else meanwhile: a file system that never answers (the
 * server of a mount is gone) keeps that thread, and nothing besides. A thread that is done waits a while for the next call. The end of
 * a call is told by the waiter, as everything is that TypeScript waits for.
 */
#include "engine.h"

/* How long a thread without a call stays. */
#define IDLE_NS (10 * (int64_t)1000000000)

/* So long whoever makes a call waits for it: most take less, and to hear of it by the waiter takes longer. */
#define HERE_NS 100000

struct call {
	struct call *next;
	struct waiter *w;
	uint64_t token;
	int64_t *result;
	uint32_t which;
	bool left, over; /* by whoever made it; left: the waiter tells of its end */
	uint64_t args[BLIT_ASIDE_ARGS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t come = PTHREAD_COND_INITIALIZER, ended = PTHREAD_COND_INITIALIZER;
static struct call *first, **last = &first;
static uint32_t queued, idle;

static void *pointer(uint64_t arg)
{
	return (void *)(uintptr_t)arg;
}

static int64_t carry_out(uint32_t which, const uint64_t *a)
{
	switch (which) {
	case BLIT_ASIDE_FACTS:
		return blit_beneath_facts(pointer(a[0]), pointer(a[1]), pointer(a[2]), a[3]);
	case BLIT_ASIDE_SPACE:
		return blit_beneath_space(pointer(a[0]), pointer(a[1]), pointer(a[2]));
	case BLIT_ASIDE_REMOVE:
		return blit_beneath_remove(pointer(a[0]), pointer(a[1]), pointer(a[2]), a[3], a[4], pointer(a[5]));
	case BLIT_ASIDE_OPEN:
		return blit_beneath_open(pointer(a[0]), pointer(a[1]));
	case BLIT_ASIDE_MAKE:
		return blit_beneath_make(pointer(a[0]), pointer(a[1]), a[2], pointer(a[3]));
	case BLIT_ASIDE_WALK_LIST:
		return blit_walk_list(pointer(a[0]), pointer(a[1]), pointer(a[2]), a[3], pointer(a[4]), a[5], pointer(a[6]), a[7], pointer(a[8]));
	case BLIT_ASIDE_WALK_REMOVE:
		return blit_walk_remove(pointer(a[0]), a[1], pointer(a[2]), a[3], a[4], pointer(a[5]));
	case BLIT_ASIDE_ENGINE_OPEN:
		return blit_engine_open(pointer(a[0]), pointer(a[1]), pointer(a[2]), pointer(a[3]), pointer(a[4]));
	case BLIT_ASIDE_PATH_FACTS:
		return blit_path_facts(pointer(a[0]), a[1], pointer(a[2]));
	case BLIT_ASIDE_PATH_REAL:
		return blit_path_real(pointer(a[0]), pointer(a[1]), a[2]);
	case BLIT_ASIDE_PATH_SPACE:
		return blit_path_space(pointer(a[0]), pointer(a[1]));
	case BLIT_ASIDE_PATH_UPWARDS:
		return blit_path_upwards(pointer(a[0]), pointer(a[1]), a[2]);
	case BLIT_ASIDE_PATH_ASK:
		return blit_path_ask(pointer(a[0]));
	default:
		return -ENOSYS;
	}
}

static struct call *take(void)
{
	struct call *c = first;
	first = c->next;
	if (!first)
		last = &first;
	queued--;
	return c;
}

static void serve(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&lock);
	for (;;) {
		struct timespec until = clock_in(IDLE_NS);
		idle++;
		while (!first && pthread_cond_timedwait(&come, &lock, &until) == 0)
			;
		idle--;
		if (!first)
			break;
		struct call *c = take();
		pthread_mutex_unlock(&lock);
		*c->result = carry_out(c->which, c->args);
		pthread_mutex_lock(&lock);
		c->over = true;
		if (c->left) {
			waiter_end(c->w, c->token);
			free(c);
		} else {
			pthread_cond_broadcast(&ended);
		}
	}
	pthread_mutex_unlock(&lock);
}

int64_t blit_aside(struct waiter *w, uint64_t token, uint32_t which, const uint64_t *args, int64_t *result)
{
	struct call *c = malloc(sizeof *c);
	int err = 0;
	if (!c)
		return -ENOMEM;
	*c = (struct call){ .w = w, .token = token, .result = result, .which = which };
	memcpy(c->args, args, sizeof c->args);
	pthread_mutex_lock(&lock);
	if (idle <= queued)
		err = thread_start(NULL, "blit-aside", serve, NULL);
	if (err) {
		pthread_mutex_unlock(&lock);
		free(c);
		return err;
	}
	*last = c;
	last = &c->next;
	queued++;
	pthread_cond_signal(&come);
	struct timespec until = clock_in(HERE_NS);
	while (!c->over && pthread_cond_timedwait(&ended, &lock, &until) == 0)
		;
	bool over = c->over;
	if (over)
		free(c);
	else {
		waiter_begin(w, token);
		c->left = true;
	}
	pthread_mutex_unlock(&lock);
	return over;
}
