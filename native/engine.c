/*
 * The engine: a queue of tasks, the worker threads that pull from it, and the queue of results.
 *
 * 1. blit_engine_start makes the workers. TypeScript submits tasks; blit_engine_submit copies them in.
 * 2. A worker takes urgent tasks (listings, settles: they make more work or free memory) before plain ones. A task of many
 *    entries is shared: each worker claims a slice, smaller ones near the end so that nobody is left with a long one.
 * 3. The last worker of a task posts its result; blit_engine_wait or blit_wait (waiter.c) wakes TypeScript, blit_engine_collect hands
 *    results over.
 * 4. blit_engine_stop lets workers and lanes leave: after the queue is empty, or at once. blit_engine_join waits for them.
 *    blit_engine_close frees everything and gives up large files that are still open, so that no temporary file stays.
 */
#include "engine.h"

#include <signal.h>
#include <time.h>

/* No sleep is shorter. */
#define PACE_GRAIN_NS 2000000

int64_t engine_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#define SLICE_MAX 64 /* entries: enough to make the lock free of cost, few enough to share out evenly */

/* TypeScript is woken for so many results at once, or when less than so much is queued for each worker, that for lanes included: to
 * wake it takes four switches of context, and until it has answered workers and lanes need something to do. */
#define RESULTS_MANY 48
#define TASKS_FEW 12
#define ENTRIES_FEW 256
int64_t blit_abi(void)
{
	return BLIT_ABI;
}

/* The process has one; a daemon has many engines. */
static pthread_mutex_t umask_lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t umask_holders;
static mode_t umask_before;

static void umask_hold(void)
{
	pthread_mutex_lock(&umask_lock);
	if (umask_holders++ == 0)
		umask_before = umask(0);
	pthread_mutex_unlock(&umask_lock);
}

static void umask_release(void)
{
	pthread_mutex_lock(&umask_lock);
	if (--umask_holders == 0)
		umask(umask_before);
	pthread_mutex_unlock(&umask_lock);
}

mode_t umask_asked(void)
{
	pthread_mutex_lock(&umask_lock);
	mode_t mask = umask_before;
	if (umask_holders == 0)
		umask(mask = umask(0));
	pthread_mutex_unlock(&umask_lock);
	return mask;
}

static void worker_free(struct engine *e)
{
	for (uint32_t i = 0; e->workers && i < e->config.workers; i++) {
		free(e->workers[i].buffer);
		free(e->workers[i].second);
	}
	free(e->workers);
}

/* A limit on file sizes fails the file with EFBIG, not the process; the runtime's own caches are files, too. */
__attribute__((constructor)) static void ignore_size_signal(void)
{
	signal(SIGXFSZ, SIG_IGN);
}

int64_t blit_engine_open(const struct blit_config *config, const char *src, const char *dst, const char *backup,
	struct engine **out)
{
	struct engine *e = calloc(1, sizeof *e);
	struct timespec now;
	if (!e)
		return -ENOMEM;
	e->config = *config;
	e->config.buffer_bytes = (config->buffer_bytes + BUFFER_UNIT - 1) / BUFFER_UNIT * BUFFER_UNIT;
	if (e->config.buffer_bytes == 0)
		e->config.buffer_bytes = BUFFER_DEFAULT;
	umask_hold();
	e->euid = geteuid();
	e->egid = getegid();
	e->root = e->euid == 0;
	e->chowns = os_may_chown();
	for (int groups = 0; groups < 2; groups++)
		e->mapped[groups] = e->chowns ? os_ids(groups) : NULL;
	e->active = config->workers;
	e->groups_len = getgroups(0, NULL);
	e->groups = calloc(e->groups_len > 0 ? e->groups_len : 1, sizeof *e->groups);
	if (e->groups_len > 0)
		e->groups_len = getgroups(e->groups_len, e->groups);
	clock_gettime(CLOCK_REALTIME, &now);
	e->temp_seed = (uint64_t)now.tv_sec * 1000003u + now.tv_nsec;
	e->urgent_tail = &e->urgent;
	e->plain_tail = &e->plain;
	e->results_tail = &e->results;
	pthread_mutex_init(&e->queue_lock, NULL);
	pthread_cond_init(&e->queue_ready, NULL);
	pthread_cond_init(&e->queue_rest, NULL);
	pthread_mutex_init(&e->results_lock, NULL);
	pthread_cond_init(&e->results_ready, NULL);
	pthread_mutex_init(&e->larges_lock, NULL);
	pthread_mutex_init(&e->backup_lock, NULL);
	pthread_mutex_init(&e->grounds_lock, NULL);
	ground_init(e, &e->backup_ground, 0);
	e->backup_ground.mute = e->backup_ground.asked = true;
	lanes_init(e);
	const char *paths[SIDES] = { src, dst, backup };
	int err = dirs_init(e, paths);
	if (!err && posix_memalign((void **)&e->workers, 64, config->workers * sizeof *e->workers))
		err = -ENOMEM;
	if (!err && e->have[DST]) {
		struct dir *root = e->dirs.slots[0];
		root->ground = ground_at(e, root->fd[DST], e->root_facts[DST].dev);
		err = root->ground ? 0 : -ENOMEM;
	}
	if (!err) {
		memset(e->workers, 0, config->workers * sizeof *e->workers);
		for (uint32_t i = 0; i < config->workers; i++)
			e->workers[i] = (struct worker){ .e = e, .index = i };
		if (e->have[DST])
			os_learn_places(e, e->dirs.slots[0]->fd[SRC], e->dirs.slots[0]->fd[DST]);
		*out = e;
		return 0;
	}
	blit_engine_close(e);
	return err;
}

static bool is_urgent(const struct blit_task *t)
{
	if (t->op == BLIT_OP_LIST)
		return !(t->flags & BLIT_TAKE); /* that one is work for later, too */
	return t->op == BLIT_OP_SETTLE || t->op == BLIT_OP_OPEN || t->op == BLIT_OP_FINISH || t->op == BLIT_OP_STANDS;
}

static bool is_shared(uint32_t op)
{
	return op == BLIT_OP_APPLY || op == BLIT_OP_REMOVE || op == BLIT_OP_PACK || op == BLIT_OP_STORE;
}

static bool is_outgoing(uint32_t op)
{
	return op == BLIT_OP_PACK || op == BLIT_OP_SEND;
}

static bool needs_batch(uint32_t op)
{
	return op == BLIT_OP_APPLY || op == BLIT_OP_OPEN || op == BLIT_OP_LINK || op == BLIT_OP_REMOVE || op == BLIT_OP_PACK ||
		op == BLIT_OP_STORE;
}

static bool needs_handle(uint32_t op)
{
	return op == BLIT_OP_RANGE || op == BLIT_OP_FINISH || op == BLIT_OP_SEND || op == BLIT_OP_RECEIVE || op == BLIT_OP_HASH;
}

/* An engine that is to change nothing takes no task that would (APPLY and LINK look for themselves). */
static bool may_run(const struct engine *e, const struct blit_task *t)
{
	if (!(e->config.flags & BLIT_CFG_READ_ONLY))
		return true;
	switch (t->op) {
	case BLIT_OP_LIST: return !(t->flags & BLIT_MKDIR);
	case BLIT_OP_LANE: return true;
	case BLIT_OP_SETTLE: return (t->flags & BLIT_SKIP) && !(t->flags & (BLIT_RMDIR | BLIT_RMSRC));
	default: return t->op == BLIT_OP_APPLY || t->op == BLIT_OP_LINK || t->op == BLIT_OP_PACK || t->op == BLIT_OP_STORE;
	}
}

/* 0, -EINVAL for a task that makes no sense, or -EROFS. */
static int check_task(const struct engine *e, const struct blit_task *t, size_t room)
{
	if (t->payload_len > room || t->op < BLIT_OP_LIST || t->op > BLIT_OP_STANDS)
		return -EINVAL;
	if (is_shared(t->op) && (t->count == 0 || (t->payload_len && t->payload_len / 4 < t->count)))
		return -EINVAL;
	if (needs_batch(t->op) && !t->batch)
		return -EINVAL;
	if (needs_handle(t->op) && !t->handle)
		return -EINVAL;
	return may_run(e, t) ? 0 : -EROFS;
}

static int bind_dir(struct engine *e, struct task *t)
{
	if (t->t.op == BLIT_OP_LIST && t->t.dir != 0 && !(t->t.flags & BLIT_MORE)) {
		const struct blit_batch *b = (void *)(uintptr_t)t->t.batch;
		char source[NAME_CAP], name[NAME_CAP];
		if (!b || t->t.first >= b->count || batch_names(b, t->t.first, source, name))
			return -EINVAL;
		/* only a directory that the destination alone has can have another name there */
		return dir_add(e, t->t.dir, t->t.parent, name, strlen(name), &t->d);
	}
	t->d = dir_get(e, t->t.dir);
	return t->d ? 0 : -EINVAL;
}

static struct task *task_new(const struct blit_task *raw, const char *payload)
{
	struct task *t = calloc(1, sizeof *t + raw->payload_len + 1);
	if (!t)
		return NULL;
	t->t = *raw;
	memcpy(t->payload, payload, raw->payload_len);
	atomic_init(&t->unfinished, is_shared(raw->op) ? raw->count : 1);
	pthread_mutex_init(&t->details_lock, NULL);
	return t;
}

void task_free(struct task *t)
{
	pthread_mutex_destroy(&t->details_lock);
	free(t->details);
	free(t->got);
	free(t);
}

/* One task from its packed form; the bytes it took, or -errno. */
static int64_t unpack(struct engine *e, const char *at, size_t room, struct task **out)
{
	struct blit_task raw;
	if (room < sizeof raw)
		return -EINVAL;
	memcpy(&raw, at, sizeof raw);
	int err = check_task(e, &raw, room - sizeof raw);
	if (err)
		return err;
	struct task *t = task_new(&raw, at + sizeof raw);
	if (!t)
		return -ENOMEM;
	if ((err = bind_dir(e, t))) {
		task_free(t);
		return err;
	}
	*out = t;
	return sizeof raw + ((raw.payload_len + 7u) & ~7u);
}

/* Under the queue's lock; others look at the sum without it. */
static void add_queued(struct engine *e, int64_t entries)
{
	__atomic_store_n(&e->queued_entries, e->queued_entries + entries, __ATOMIC_RELAXED);
}

static void enqueue(struct engine *e, struct task *chain)
{
	struct task *next;
	bool many = chain->next || (is_shared(chain->t.op) && chain->t.count > SLICE_MAX);
	pthread_mutex_lock(&e->queue_lock);
	for (struct task *t = chain; t; t = next) {
		next = t->next;
		t->next = NULL;
		if (is_outgoing(t->t.op)) {
			*e->outgoing_tail = t;
			e->outgoing_tail = &t->next;
			atomic_fetch_add(&e->lane_tasks, t->t.op == BLIT_OP_PACK);
			pthread_cond_broadcast(&e->outgoing_ready);
			continue;
		}
		if (is_urgent(&t->t)) {
			*e->urgent_tail = t;
			e->urgent_tail = &t->next;
		} else {
			*e->plain_tail = t;
			e->plain_tail = &t->next;
			add_queued(e, is_shared(t->t.op) ? t->t.count : 1);
		}
		atomic_fetch_add(&e->queued_tasks, 1);
	}
	pthread_mutex_unlock(&e->queue_lock);
	if (many) /* after the lock: who wakes would find it taken, and sleep again */
		pthread_cond_broadcast(&e->queue_ready);
	else
		pthread_cond_signal(&e->queue_ready);
}

/* Takes tasks laid one after the other, each padded to 8 bytes. All or, at a malformed one, those before it. */
int64_t blit_engine_submit(struct engine *e, const void *tasks, uint64_t len)
{
	struct task *chain = NULL, **tail = &chain;
	int64_t taken = 0, bytes = 0;
	for (uint64_t at = 0; at < len && (bytes = unpack(e, (const char *)tasks + at, len - at, tail)) > 0; at += bytes) {
		taken++;
		uint32_t op = (*tail)->t.op;
		if (op == BLIT_OP_LANE) {
			lane_begin(e, *tail);
			*tail = NULL;
			continue;
		}
		if (op != BLIT_OP_STORE && op != BLIT_OP_RECEIVE) {
			tail = &(*tail)->next;
			continue;
		}
		int err = expect(e, *tail);
		if (err) {
			task_free(*tail);
			bytes = err;
		}
		*tail = NULL;
		if (err)
			break;
	}
	if (chain)
		enqueue(e, chain);
	return bytes < 0 ? bytes : taken;
}

/* Whether results should not wait any longer: there are many, or a worker may soon have nothing to do. */
static bool wants_attention(struct engine *e)
{
	uint32_t results = atomic_load(&e->results_waiting), active = __atomic_load_n(&e->active, __ATOMIC_RELAXED);
	uint32_t queued = atomic_load(&e->queued_tasks) + atomic_load(&e->lane_tasks);
	return results >= RESULTS_MANY || (results > 0 && queued < active * TASKS_FEW &&
		__atomic_load_n(&e->queued_entries, __ATOMIC_RELAXED) < active * ENTRIES_FEW);
}

bool engine_is_ready(struct engine *e, bool dated)
{
	if (atomic_load(&e->closing))
		return atomic_load(&e->threads) == 0;
	return engine_stopped(e) || wants_attention(e) || (dated && atomic_load(&e->results_waiting) > 0);
}

static void call_attention(struct engine *e)
{
	pthread_mutex_lock(&e->results_lock); /* whoever has just found nothing worth a look sleeps by now */
	pthread_mutex_unlock(&e->results_lock);
	pthread_cond_signal(&e->results_ready);
	waiter_call(e);
}

/* Writers to one file wait for each other: a range of a file that nobody writes goes before one of a file that somebody does. */
static struct task **next_plain(struct engine *e)
{
	for (struct task **at = &e->plain; *at; at = &(*at)->next)
		if ((*at)->t.op != BLIT_OP_RANGE || !large_is_written((void *)(uintptr_t)(*at)->t.handle))
			return at;
	return &e->plain;
}

/* Blocks until there is work. NULL when the engine closes or stops. *first and *n are the slice of a shared task. */
static struct task *take(struct worker *w, uint32_t *first, uint32_t *n)
{
	struct engine *e = w->e;
	struct task *t = NULL;
	pthread_mutex_lock(&e->queue_lock);
	while (!e->closing && !engine_stopped(e)) {
		if (w->index >= e->active) { /* on a condition of its own, so that no signal for work ends here */
			pthread_cond_wait(&e->queue_rest, &e->queue_lock);
			continue;
		}
		if (e->urgent || e->plain)
			break;
		int64_t from = engine_now_ns();
		pthread_cond_wait(&e->queue_ready, &e->queue_lock);
		__atomic_store_n(&w->counters.idle_ns, w->counters.idle_ns + (engine_now_ns() - from), __ATOMIC_RELAXED);
	}
	if (engine_stopped(e))
		goto out;
	if (e->urgent) {
		t = e->urgent;
		e->urgent = t->next;
		if (!e->urgent)
			e->urgent_tail = &e->urgent;
		*first = 0;
		*n = 1;
		atomic_fetch_sub(&e->queued_tasks, 1);
	} else if (e->plain) {
		struct task **at = next_plain(e);
		t = *at;
		uint32_t total = is_shared(t->t.op) ? t->t.count : 1;
		/* guided self-scheduling (Polychronopoulos and Kuck, 1987): a share of what is left */
		uint64_t share = e->queued_entries / (e->active * 4u);
		*first = t->cursor;
		*n = share < 1 ? 1 : share > SLICE_MAX ? SLICE_MAX : share;
		if (*n > total - t->cursor)
			*n = total - t->cursor;
		t->cursor += *n;
		add_queued(e, -(int64_t)*n);
		if (t->cursor == total) {
			atomic_fetch_sub(&e->queued_tasks, 1);
			*at = t->next;
			if (!*at)
				e->plain_tail = at;
		}
		if (t->t.op == BLIT_OP_RANGE)
			large_range_begins((void *)(uintptr_t)t->t.handle);
	}
out:
	pthread_mutex_unlock(&e->queue_lock);
	if (wants_attention(e))
		call_attention(e);
	return t;
}

void engine_post(struct engine *e, struct task *t, struct blit_result *r)
{
	uint32_t len = sizeof *r + t->details_len * sizeof *t->details;
	struct result_node *node = malloc(sizeof *node + len);
	if (!node)
		abort(); /* a lost result would leave the run waiting for ever */
	r->op = t->t.op;
	r->id = t->t.id;
	r->details = t->details_len;
	r->done = atomic_load(&t->done);
	r->lost |= atomic_load(&t->lost);
	r->bytes += atomic_load(&t->bytes);
	node->next = NULL;
	node->len = len;
	memcpy(node->data, r, sizeof *r);
	if (t->details)
		memcpy(node->data + sizeof *r, t->details, len - sizeof *r);
	task_free(t);
	pthread_mutex_lock(&e->results_lock);
	*e->results_tail = node;
	e->results_tail = &node->next;
	atomic_fetch_add(&e->results_waiting, 1);
	pthread_mutex_unlock(&e->results_lock);
	if (wants_attention(e)) {
		pthread_cond_signal(&e->results_ready);
		waiter_call(e);
	}
}

struct task *engine_take_outgoing(struct engine *e, uint32_t *first, uint32_t *n)
{
	struct task *t;
	pthread_mutex_lock(&e->queue_lock);
	while (!e->outgoing && !e->closing && !engine_stopped(e))
		pthread_cond_wait(&e->outgoing_ready, &e->queue_lock);
	t = e->closing || engine_stopped(e) ? NULL : e->outgoing;
	if (t) {
		uint32_t total = is_shared(t->t.op) ? t->t.count : 1;
		*first = t->cursor;
		*n = total - t->cursor < SLICE_MAX ? total - t->cursor : SLICE_MAX;
		t->cursor += *n;
		if (t->cursor == total) {
			e->outgoing = t->next;
			if (!e->outgoing)
				e->outgoing_tail = &e->outgoing;
			atomic_fetch_sub(&e->lane_tasks, t->t.op == BLIT_OP_PACK);
		}
	}
	pthread_mutex_unlock(&e->queue_lock);
	if (wants_attention(e))
		call_attention(e);
	return t;
}

int64_t blit_request_drop(struct engine *e, uint32_t id)
{
	struct task *dropped = NULL;
	pthread_mutex_lock(&e->queue_lock);
	for (struct task **at = &e->outgoing; *at;) {
		struct task *t = *at;
		if (t->t.parent != id || t->cursor > 0) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		atomic_fetch_sub(&e->lane_tasks, t->t.op == BLIT_OP_PACK);
		t->next = dropped;
		dropped = t;
	}
	e->outgoing_tail = &e->outgoing;
	while (*e->outgoing_tail)
		e->outgoing_tail = &(*e->outgoing_tail)->next;
	pthread_mutex_unlock(&e->queue_lock);
	while (dropped) {
		struct task *t = dropped;
		struct blit_result r = { 0 };
		dropped = t->next;
		engine_post(e, t, &r);
	}
	return 0;
}

void engine_slice_done(struct engine *e, struct task *t, uint32_t n)
{
	struct blit_result r = { 0 };
	if (atomic_fetch_sub(&t->unfinished, n) == n)
		engine_post(e, t, &r);
}

static void run_slice(struct worker *w, struct task *t, uint32_t first, uint32_t n)
{
	const uint32_t *words = t->t.payload_len ? (void *)t->payload : NULL;
	if (t->t.op == BLIT_OP_APPLY)
		apply_slice(w, t, words, first, n);
	else
		remove_slice(w, t, words, first, n);
}

static void run(struct worker *w, struct task *t, uint32_t first, uint32_t n)
{
	struct blit_result r = { 0 };
	switch (t->t.op) {
	case BLIT_OP_APPLY:
	case BLIT_OP_REMOVE:
		run_slice(w, t, first, n);
		break;
	case BLIT_OP_LIST: r.status = list_run(w, t, &r); break;
	case BLIT_OP_OPEN: r.status = large_open(w, t, &r); break;
	case BLIT_OP_RANGE: r.status = large_range(w, t, &r); break;
	case BLIT_OP_FINISH: r.status = large_finish(w, t, &r); break;
	case BLIT_OP_HASH: r.status = large_hash(w, t, &r); break;
	case BLIT_OP_LINK: r.status = link_entry(w, t, &r); break;
	case BLIT_OP_SETTLE: r.status = settle_dir(w, t, &r); break;
	case BLIT_OP_STANDS: r.status = dir_check(w->e, t->d); break;
	}
	if (atomic_fetch_sub(&t->unfinished, n) == n)
		engine_post(w->e, t, &r);
}

static void work(void *arg)
{
	struct worker *w = arg;
	struct task *t;
	uint32_t first, n;
	while ((t = take(w, &first, &n)))
		run(w, t, first, n);
}

int64_t blit_engine_start(struct engine *e)
{
	uint32_t wanted = e->config.workers, have = 0;
	int err = 0;
	if (e->started)
		return -EINVAL;
	e->started = true;
	while (have < wanted && !err) {
		struct worker *w = &e->workers[have];
		w->buffer_bytes = e->config.buffer_bytes;
		w->buffer = aligned_alloc(BUFFER_UNIT, w->buffer_bytes);
		err = w->buffer ? thread_start(e, "blit worker", work, w) : -ENOMEM;
		have += !err;
	}
	return have > 0 ? (int64_t)have : err;
}

struct timespec clock_in(int64_t ns)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	ns += t.tv_nsec;
	t.tv_sec += ns / 1000000000;
	t.tv_nsec = ns % 1000000000;
	return t;
}

/* Waits until results are worth a look: 1, or 0 when timeout_ms passed or the engine was stopped. */
int64_t blit_engine_wait(struct engine *e, int64_t timeout_ms)
{
	int64_t left_ns = timeout_ms * 1000000;
	pthread_mutex_lock(&e->results_lock);
	while (!wants_attention(e) && !engine_stopped(e) && left_ns > 0) {
		int64_t step = left_ns < RESULTS_PATIENCE_NS ? left_ns : RESULTS_PATIENCE_NS;
		struct timespec until = clock_in(step);
		if (pthread_cond_timedwait(&e->results_ready, &e->results_lock, &until) != ETIMEDOUT)
			continue;
		left_ns -= step;
		if (e->results)
			break;
	}
	int64_t any = e->results != NULL;
	pthread_mutex_unlock(&e->results_lock);
	return any;
}

/* Moves whole results into out; bytes written, 0 if there are none, -ENOBUFS if not even the first fits. */
int64_t blit_engine_collect(struct engine *e, void *out, uint64_t cap)
{
	uint64_t at = 0;
	struct result_node *head = NULL, **tail = &head, *node;
	pthread_mutex_lock(&e->results_lock);
	bool stuck = e->results && e->results->len > cap;
	while ((node = e->results) && at + node->len <= cap) {
		at += node->len;
		e->results = node->next;
		atomic_fetch_sub(&e->results_waiting, 1);
		node->next = NULL;
		*tail = node;
		tail = &node->next;
	}
	if (!e->results)
		e->results_tail = &e->results;
	pthread_mutex_unlock(&e->results_lock);
	at = 0;
	while ((node = head)) {
		memcpy((char *)out + at, node->data, node->len);
		at += node->len;
		head = node->next;
		free(node);
	}
	return stuck ? -ENOBUFS : (int64_t)at;
}

void counters_add(struct blit_counters *sum, const struct blit_counters *c)
{
	for (int m = 0; m < BLIT_METHODS; m++)
		sum->bytes[m] += __atomic_load_n(&c->bytes[m], __ATOMIC_RELAXED);
	sum->files += __atomic_load_n(&c->files, __ATOMIC_RELAXED);
	sum->moving += __atomic_load_n(&c->moving, __ATOMIC_RELAXED);
	sum->idle_ns += __atomic_load_n(&c->idle_ns, __ATOMIC_RELAXED);
	sum->source_ns += __atomic_load_n(&c->source_ns, __ATOMIC_RELAXED);
	sum->destination_ns += __atomic_load_n(&c->destination_ns, __ATOMIC_RELAXED);
	sum->ticks += __atomic_load_n(&c->ticks, __ATOMIC_RELAXED);
	sum->retransmits += c->retransmits;
	sum->rtt_us = c->rtt_us > sum->rtt_us ? c->rtt_us : sum->rtt_us;
	for (int s = 0; s < BLIT_SIZES; s++)
		sum->sizes[s] += __atomic_load_n(&c->sizes[s], __ATOMIC_RELAXED);
}

int64_t blit_engine_progress(struct engine *e, struct blit_counters *out)
{
	memset(out, 0, sizeof *out);
	for (uint32_t i = 0; i < e->config.workers; i++)
		counters_add(out, &e->workers[i].counters);
	lanes_count(e, out);
	out->ticks += atomic_load_explicit(&e->pauses, memory_order_relaxed); /* a pause on purpose is no standstill */
	return 0;
}

int64_t blit_engine_avoid(struct engine *e, uint64_t dev, uint64_t ino)
{
	e->avoided[e->avoided[0].ino ? 1 : 0] = (struct facts){ .dev = dev, .ino = ino };
	return 0;
}

int64_t blit_engine_activate(struct engine *e, uint32_t workers)
{
	pthread_mutex_lock(&e->queue_lock);
	workers = workers < 1 ? 1 : workers < e->config.workers ? workers : e->config.workers;
	__atomic_store_n(&e->active, workers, __ATOMIC_RELAXED);
	pthread_cond_broadcast(&e->queue_rest);
	pthread_cond_broadcast(&e->queue_ready);
	pthread_mutex_unlock(&e->queue_lock);
	return 0;
}

int64_t blit_engine_stop(struct engine *e, int64_t finish_queued)
{
	pthread_mutex_lock(&e->queue_lock);
	if (finish_queued)
		atomic_store(&e->closing, true);
	else
		atomic_store(&e->stop, 1);
	pthread_cond_broadcast(&e->queue_rest);
	pthread_cond_broadcast(&e->queue_ready);
	pthread_mutex_unlock(&e->queue_lock);
	pthread_mutex_lock(&e->results_lock);
	pthread_cond_broadcast(&e->results_ready);
	pthread_mutex_unlock(&e->results_lock);
	waiter_call(e);
	lanes_wake(e);
	return 0;
}

static void free_tasks(struct task *t)
{
	while (t) {
		struct task *next = t->next;
		task_free(t);
		t = next;
	}
}

/* Every worker and lane must have ended: blit_engine_join says so. Batches belong to TypeScript and are not freed here, except those in unread results. */
int64_t blit_engine_close(struct engine *e)
{
	waiter_forget(e);
	large_abandon_all(e);
	free_tasks(e->urgent);
	free_tasks(e->plain);
	free_tasks(e->outgoing);
	expected_free(e);
	lanes_free(e);
	while (e->results) {
		struct result_node *node = e->results;
		struct blit_result r;
		memcpy(&r, node->data, sizeof r);
		if (r.op == BLIT_OP_LIST || r.op == BLIT_OP_OPEN)
			free((void *)(uintptr_t)r.batch);
		if (r.op == BLIT_OP_LIST)
			free((void *)(uintptr_t)r.handle);
		e->results = node->next;
		free(node);
	}
	dirs_free(e);
	backup_copies_free(e);
	worker_free(e);
	umask_release();
	pthread_mutex_destroy(&e->queue_lock);
	pthread_cond_destroy(&e->queue_ready);
	pthread_cond_destroy(&e->queue_rest);
	pthread_mutex_destroy(&e->results_lock);
	pthread_cond_destroy(&e->results_ready);
	pthread_mutex_destroy(&e->larges_lock);
	pthread_mutex_destroy(&e->backup_lock);
	pthread_mutex_destroy(&e->grounds_lock);
	grounds_free(e);
	pthread_mutex_destroy(&e->backup_ground.asking);
	free(e->mapped[0]);
	free(e->mapped[1]);
	for (int i = 0; i < FAILED_ATTRS; i++)
		free(e->failed_attrs[i]);
	free(e->groups);
	free(e);
	return 0;
}

bool engine_stopped(struct engine *e)
{
	return atomic_load_explicit(&e->stop, memory_order_relaxed) != 0;
}

/* --- a full destination --- */

/* With so much room left an entry alone was refused: a directory that takes no more names, say. */
#define FULL_BELOW (64u << 20)
#define FULL_BELOW_INODES 64u

int engine_is_full(struct engine *e)
{
	int full = atomic_load_explicit(&e->full, memory_order_relaxed);
	return !full ? 0 : full == EDQUOT ? BLIT_E_QUOTA : BLIT_E_FULL;
}

int engine_full_error(struct engine *e, int dir, uint32_t step, int err, uint64_t size)
{
	struct blit_space s;
	step &= BLIT_STEP_MASK;
	/* An attribute that is too large for its place fails with these numbers, too. */
	if ((err != ENOSPC && err != EDQUOT) || step == BLIT_STEP_XATTR)
		return err;
	if (!engine_is_full(e)) {
		bool measured = err == ENOSPC && step != BLIT_STEP_BACKUP && dir >= 0 && os_space(dir, &s) == 0;
		if (measured && s.free >= size + FULL_BELOW && (!s.inodes || s.inodes_free >= FULL_BELOW_INODES))
			return err;
		atomic_store(&e->full, err);
	}
	return engine_is_full(e);
}

void task_detail(struct task *t, uint32_t index, uint32_t code, uint64_t value, uint64_t extra)
{
	pthread_mutex_lock(&t->details_lock);
	if (t->details_len == t->details_cap) {
		uint32_t cap = t->details_cap ? t->details_cap * 2 : 16;
		struct blit_detail *details = realloc(t->details, cap * sizeof *details);
		if (!details)
			abort(); /* a lost detail would make a failed file look copied */
		t->details = details;
		t->details_cap = cap;
	}
	t->details[t->details_len++] = (struct blit_detail){ index, code, value, extra };
	pthread_mutex_unlock(&t->details_lock);
}

void engine_pace(struct engine *e, uint64_t n)
{
	uint64_t rate = e->config.bytes_per_second;
	if (!rate || !n)
		return;
	int64_t cost = (int64_t)((double)n * 1e9 / (double)rate), seen = atomic_load(&e->next_byte_ns), start;
	do {
		int64_t now = engine_now_ns();
		start = seen > now ? seen : now;
	} while (!atomic_compare_exchange_weak(&e->next_byte_ns, &seen, start + cost));
	int64_t wait = start + cost - engine_now_ns();
	if (wait < PACE_GRAIN_NS)
		return; /* what is owed is paid together with the next ones': a sleep takes longer than a small file */
	/* after, not before, its bytes' share of time: the first ones need not wait for anybody, the last ones do */
	while ((wait = start + cost - engine_now_ns()) > 0 && !engine_stopped(e)) {
		struct timespec t = { 0, wait > 50000000 ? 50000000 : wait };
		nanosleep(&t, NULL);
		atomic_fetch_add_explicit(&e->pauses, 1, memory_order_relaxed);
	}
}

void worker_tick(struct worker *w)
{
	__atomic_store_n(&w->counters.ticks, w->counters.ticks + 1, __ATOMIC_RELAXED);
}

void worker_count_file(struct worker *w, const struct facts *f)
{
	static const uint64_t bounds[BLIT_SIZES - 1] = { 4u << 10, 64u << 10, 1u << 20, 16u << 20, 256u << 20, 1u << 30 };
	struct blit_counters *c = &w->counters;
	int s = 0;
	__atomic_store_n(&c->files, c->files + 1, __ATOMIC_RELAXED);
	if (!S_ISREG(f->mode))
		return;
	while (s < BLIT_SIZES - 1 && f->size >= bounds[s])
		s++;
	__atomic_store_n(&c->sizes[s], c->sizes[s] + 1, __ATOMIC_RELAXED);
}
