/* Inside the shim: what its files share with each other. Nothing here is seen by TypeScript. */
#ifndef BLIT_ENGINE_H
#define BLIT_ENGINE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "blit.h"

enum side { SRC = 0, DST = 1, BACKUP = 2, SIDES = 3 };

#define BUFFER_UNIT 4096u
/* Where the configuration does not say: two of them stay in a core's L2; measured best on ext4, no worse on tmpfs and xfs. */
#define BUFFER_DEFAULT (256u << 10)

/* Longest name with its NUL. Linux says 255 bytes, but CIFS, NTFS and FAT count 255 characters of up to three bytes each. */
#define NAME_CAP 1024

struct facts { /* the part of a stat that matters here, the same on every platform */
	uint32_t mode, uid, gid, nlink;
	uint64_t size, ino, dev, rdev, blocks;
	struct timespec atime, mtime, ctime;
};

static inline bool facts_same_inode(const struct facts *a, const struct facts *b)
{
	return a->ino == b->ino && a->dev == b->dev;
}

struct list_state;
struct large;

enum keeps { KEEPS_UNKNOWN, KEEPS, KEEPS_NOT };

/* What one file system of the destination keeps; see ground.c. */
struct ground {
	struct ground *next;
	uint64_t dev;
	pthread_mutex_t asking;
	bool mute;              /* no file may be made to ask it */
	atomic_bool asked;      /* modes, granularity and the owner of new entries are known as well as they will be */
	_Atomic enum keeps owners, modes;
	_Atomic int64_t granularity_ns; /* of modification times; 0: unknown */
	_Atomic int64_t low, high;      /* seconds that are known to be kept, and all between them */
	_Atomic int64_t floor, ceiling; /* what earlier and later ones become */
	_Atomic uint32_t made_uid, made_gid; /* whom new entries belong to */
};

struct dir {
	struct dir *parent;
	struct dir *newer, *older; /* ring of unpinned directories with open descriptors */
	uint32_t id, pins;
	int fd[SIDES];
	struct list_state *listing;
	struct facts source; /* as it was when it was listed */
	struct ground *ground; /* of the destination; NULL: there is none */
	char *attrs;         /* its attributes when the source is on another machine, packed; NULL: it is here */
	uint32_t attrs_len;
	int attrs_err;       /* why they could not be read there */
	uint32_t found_mode; /* of the destination's directory before this run widened it */
	struct facts found;  /* the whole of it, before this run touched anything in it */
	uint32_t backup_number; /* of its name in the backup tree; 0: it has its own name there */
	bool backup_made, backup_clean; /* by this run; of what killed runs left */
	bool inherits; /* what is created in it gets a group or an ACL from it */
	bool made;     /* by us, and it came out with MADE_MODE, our owner and our group */
	bool kernel;   /* in the source, a file system that the kernel makes up begins here */
	bool left_out; /* with ONE_FS: in the source it is on another file system than the root, and is not entered */
	bool parts;    /* in the destination there are parts of files: what is written looks for its own */
	bool keeps;    /* with ONE_FS: the same in the destination, so nothing in it is extra */
	_Atomic int64_t stands_until; /* so long, what was seen of its place in the destination holds */
	uint16_t name_len;
	char name[]; /* NUL-terminated; the roots have none */
};

/* Of a new directory while it is filled. */
#define MADE_MODE 0700

struct dir_table {
	pthread_mutex_t lock;
	struct dir **slots;
	uint32_t capacity;
	struct dir idle; /* head of the ring */
	uint32_t open, open_max;
};

struct task {
	struct task *next;
	struct blit_task t;
	struct dir *d;
	uint32_t cursor;           /* under the queue's lock */
	atomic_uint unfinished;    /* entries not yet done */
	atomic_uint done, lost;
	_Atomic uint64_t bytes;
	pthread_mutex_t details_lock;
	struct blit_detail *details;
	uint32_t details_len, details_cap;
	/* STORE and RECEIVE, under the lock of the expected ones: */
	struct task *also;   /* in the same bucket */
	unsigned char *got;  /* a bit for each entry whose record came */
	const void *lane;    /* RECEIVE: the one that brings it */
	int failed;          /* RECEIVE: the first error, and its step */
	uint32_t failed_step;
	_Alignas(8) char payload[];
};

struct result_node {
	struct result_node *next;
	uint32_t len;
	char data[];
};

struct worker {
	struct engine *e;
	char *buffer;
	size_t buffer_bytes;       /* of that, a multiple of BUFFER_UNIT */
	char *second;              /* the same again, made on first use */
	uint32_t files_begun;      /* every so manieth is timed */
	int64_t timed_from, timed_read; /* of the file being timed; 0: none is */
	_Alignas(64) struct blit_counters counters;
	uint32_t index;
};

/* How many attributes can be named in failures; those of more are told without. */
#define FAILED_ATTRS 255
#define BACKUP_BUCKETS 256u

struct engine {
	struct blit_config config;
	bool root;   /* effective user 0: owners are to be kept */
	bool chowns; /* and it may give entries away */
	struct id_map *mapped[2]; /* the users and groups that there are here; NULL: all */
	uint32_t euid, egid;
	uint32_t *groups;
	int groups_len;
	char *failed_attrs[FAILED_ATTRS]; /* names of attributes that could not be copied, by number - 1; under the results' lock */
	struct facts root_facts[SIDES];
	char *root_path; /* of the destination */
	struct facts avoided[2]; /* inodes of directories of the source that are not entered; ino 0: none */
	struct ground *grounds; /* of the destination's file systems seen so far */
	pthread_mutex_t grounds_lock;
	struct ground backup_ground; /* of the backup tree, of which nothing is known */
	bool have[SIDES];
	atomic_int stop; /* 1: no new work; workers leave */
	atomic_int full; /* ENOSPC or EDQUOT once the destination takes no more: no further entry is begun */
	atomic_int no_locks; /* a source's file system has no flock */
	atomic_int no_clone, no_range, prefer_range, preallocate;
	atomic_int keeps_case; /* the destination's names cannot be changed to others that it takes for the same */
	_Atomic uint64_t temp_counter;
	uint64_t temp_seed;
	_Atomic int64_t next_byte_ns; /* bandwidth limit: when the next byte may move */
	_Atomic uint64_t pauses; /* grows while somebody waits for that */

	struct dir_table dirs;

	pthread_mutex_t queue_lock;
	pthread_cond_t queue_ready;
	pthread_cond_t queue_rest; /* where workers beyond `active` wait */
	struct task *urgent, **urgent_tail;
	struct task *plain, **plain_tail;
	uint64_t queued_entries;
	uint32_t active; /* workers that take tasks; the others sleep */
	atomic_bool closing;

	pthread_mutex_t results_lock;
	pthread_cond_t results_ready;
	struct result_node *results, **results_tail;
	atomic_uint results_waiting, queued_tasks;
	atomic_uint lane_tasks; /* PACKs that no lane has begun, STOREs that have not come */

	pthread_mutex_t backup_lock;
	struct copied *backup_copies[BACKUP_BUCKETS]; /* of inodes with several names, by inode */

	pthread_mutex_t larges_lock;
	struct large *larges; /* open large files, given up when the engine closes */

	struct task *outgoing, **outgoing_tail; /* PACK and SEND: what lanes take; under the queue's lock */
	pthread_cond_t outgoing_ready;
	pthread_mutex_t expected_lock;
	struct task **expected; /* STORE and RECEIVE by id */
	pthread_mutex_t lanes_lock;
	struct lane *lanes; /* also those that ended: their counters count */

	struct worker *workers;
	bool started; /* they were */

	atomic_uint threads; /* workers and lanes that have not ended; it falls only under the lock of threads.c */
	struct waiter *waiter; /* who waits for it, as long as `waited` is not 0 */
	atomic_uint waited;
};

/* --- dir.c: numbers to directories, descriptors on demand --- */
int dirs_init(struct engine *e, const char *paths[SIDES]);
void dirs_free(struct engine *e);
int dir_add(struct engine *e, uint32_t id, uint32_t parent, const char *name, uint32_t len, struct dir **out);
struct dir *dir_get(struct engine *e, uint32_t id);
/* Opens (or creates, for BACKUP) the directory on that side; the descriptor stays valid until dir_unpin. -errno on failure. */
int dir_pin(struct engine *e, struct dir *d, enum side side);
void dir_unpin(struct engine *e, struct dir *d);
/* Hands a descriptor to the table. */
void dir_set_fd(struct engine *e, struct dir *d, enum side side, int fd);
void dir_drop(struct engine *e, struct dir *d);
/* 0 where the directory of the destination still is where its path leads, from the root's path on, else -BLIT_E_GONE: something on the
 * way was unmounted, moved or replaced. What is found holds for a few milliseconds, so that it can be asked before each removal. */
int dir_check(struct engine *e, struct dir *d);

/* --- batch.c --- */
struct row {
	uint32_t name_at, name_len; /* in the builder's names */
	uint8_t kind, dst_kind, group, known;
	uint16_t diff;
	uint32_t origin;
	uint64_t target, attrs;
	struct facts facts;
};
struct batch_builder {
	struct row *rows;
	uint32_t count, cap;
	char *names;
	uint32_t names_len, names_cap;
	bool any_stat;
};
int builder_add(struct batch_builder *b, const char *name, uint32_t len, struct row **out);
struct blit_batch *builder_finish(struct batch_builder *b, uint32_t dir);
void builder_free(struct batch_builder *b);
const char *batch_name(const struct blit_batch *b, uint32_t index, uint32_t *len);
uint8_t batch_kind(const struct blit_batch *b, uint32_t index);
uint8_t batch_dst_kind(const struct blit_batch *b, uint32_t index);
/* What the batch tells of an entry; false where it tells nothing. */
bool batch_facts(const struct blit_batch *b, uint32_t index, struct facts *f, uint64_t *target, uint64_t *attrs);
/* The errno of an entry that could not be looked at there. */
int batch_error(const struct blit_batch *b, uint32_t index);
/* One component that leads nowhere else: not empty, no "." or "..", no slash. Whatever is opened or made below a root is one. */
bool name_is_plain(const char *name, uint32_t len);
/* The two names of a LIST task with NAMED; the second is the first where the payload has only one. False unless both are plain. */
bool names_of_payload(const char *payload, uint32_t len, const char **src, const char **dst);
/* The names on both sides, with their NUL; they differ only where the batch renames. 0, -ENAMETOOLONG, -EINVAL if not plain. */
int batch_names(const struct blit_batch *b, uint32_t index, char src[NAME_CAP], char dst[NAME_CAP]);
/* What a batch of that many entries and bytes of names takes. */
uint64_t batch_length(const struct blit_batch *b);
/* Whether the source's entry still has the kind, size and time that the batch tells; true where the batch tells none. */
bool batch_still(const struct blit_batch *b, uint32_t index, const struct facts *now);
/* The same with its mode and owner. */
bool batch_same(const struct blit_batch *b, uint32_t index, const struct facts *now);

/* --- engine.c --- */
bool engine_stopped(struct engine *e);
/* The umask that the process was given: while an engine is open, the process has none. */
mode_t umask_asked(void);
void task_detail(struct task *t, uint32_t index, uint32_t code, uint64_t value, uint64_t extra);
/* Waits as the bandwidth limit demands before moving n bytes. */
void engine_pace(struct engine *e, uint64_t n);
int64_t engine_now_ns(void);
/* The wall clock's time so many nanoseconds from now, as pthread_cond_timedwait takes it. */
struct timespec clock_in(int64_t ns);
/* Shows that the worker is not stuck. */
void worker_tick(struct worker *w);
void worker_count_file(struct worker *w, const struct facts *f);
void counters_add(struct blit_counters *sum, const struct blit_counters *c);
void task_free(struct task *t);

/* The task is done: its result goes to TypeScript. */
void engine_post(struct engine *e, struct task *t, struct blit_result *r);
/* What a lane does next, as a worker's take(); NULL when the engine closes or stops. */
struct task *engine_take_outgoing(struct engine *e, uint32_t *first, uint32_t *n);
/* A slice of a shared task is done. */
void engine_slice_done(struct engine *e, struct task *t, uint32_t n);

/* What a wait for the engine waits for: results worth a look, a stop, or the end of all threads once it closes. `dated`: results have
 * waited for long enough, and any of them is worth a look. */
bool engine_is_ready(struct engine *e, bool dated);
/* No result waits longer than that. */
#define RESULTS_PATIENCE_NS 10000000

/* --- threads.c --- */
/* Runs `life` on a thread of its own, which counts as one of the engine's (NULL: nobody's) until it returns. 0 or -errno. */
int thread_start(struct engine *e, const char *name, void (*life)(void *), void *arg);

/* --- waiter.c --- */
/* The engine may be ready: whoever waits for it looks. */
void waiter_call(struct engine *e);
/* The engine is about to go: whoever still waits for it is told so at once. */
void waiter_forget(struct engine *e);
/* A call is waited for under that token, until it is over. */
void waiter_begin(struct waiter *w, uint64_t token);
void waiter_end(struct waiter *w, uint64_t token);

/*
 * What a failed step is to be reported as. Where it failed because the destination (the file system of `dir`, an open directory or
 * file) is full, that is BLIT_E_FULL or BLIT_E_QUOTA, and nothing more is begun; `size` is that of what did not fit. Positive.
 */
int engine_full_error(struct engine *e, int dir, uint32_t step, int err, uint64_t size);
/* BLIT_E_FULL or BLIT_E_QUOTA where the destination is full, else 0. */
int engine_is_full(struct engine *e);

/* --- lane.c --- */
/* A LANE task: its result comes when the lane has ended. */
void lane_begin(struct engine *e, struct task *t);
void lanes_init(struct engine *e);
/* Ends every lane's waiting, for what is to be sent and for the other side. */
void lanes_wake(struct engine *e);
void lanes_count(struct engine *e, struct blit_counters *out);
void lanes_free(struct engine *e);
struct lane;
struct outgoing { char *at; size_t len, cap; };
/* Room for n more bytes behind what is there, or NULL. */
char *outgoing_reserve(struct outgoing *o, size_t n);
int lane_send_records(struct lane *l, uint64_t id);
/* All or nothing; 0 or -errno. */
int lane_send(struct lane *l, const void *data, size_t n, bool more);
int lane_send_file(struct lane *l, int fd, uint64_t at, uint64_t n, uint64_t *sent);
/* n bytes; 0, -ECONNRESET at the end of the stream, or -errno. */
int lane_receive(struct lane *l, void *data, size_t n);
/* A TCP connection, or what a listening socket accepts, breaks when its peer's system has not answered for so long. */
void socket_keep_watch(int fd, uint32_t unanswered_ms);
struct worker *lane_worker(struct lane *l);
struct outgoing *lane_outgoing(struct lane *l);

/* --- pack.c: the source's side of a transfer --- */
/* 0, or -errno where the lane failed. */
int pack_slice(struct lane *l, struct task *t, uint32_t first, uint32_t n);
int send_slice(struct lane *l, struct task *t);
/* A record of metadata alone; `fd` is open. malloc'ed, or NULL. */
struct blit_record *record_of(struct engine *e, int fd, const struct facts *f, uint32_t flags);

/* --- store.c: the destination's side --- */
int expect(struct engine *e, struct task *t);
void expected_free(struct engine *e);
/* What came in for a request; frames of requests that are over are dropped. 0, or -errno where the lane is of no use any more. */
int store_records(struct lane *l, uint64_t id, char *records, uint64_t len);
/* The lane brings the slice from here on, unless another one does. */
void receive_begin(struct lane *l, const struct blit_frame *f);
int receive_data(struct lane *l, const struct blit_frame *f);
int receive_end(struct lane *l, const struct blit_frame *f, uint64_t hash, uint64_t hole);
/* The lane ended: what it was bringing another may bring. */
void expected_orphan(struct engine *e, const struct lane *l);

/* --- wire.c: what came over the network is looked at here before anything else --- */
bool wire_frame_ok(const struct blit_frame *f);
void wire_frame_seal(struct blit_frame *f);
/* The record at `at` with `room` bytes, or NULL. */
const struct blit_record *wire_record(const char *at, uint64_t room);
/* What the record says of the entry, without what this destination withholds of it: BLIT_LOST_*. */
uint32_t wire_record_facts(const struct engine *e, const struct blit_record *r, struct facts *f);
struct wire_parts { const char *attrs, *target, *content; };
struct wire_parts wire_record_parts(const struct blit_record *r);

/* --- list.c --- */
int list_run(struct worker *w, struct task *t, struct blit_result *r);
void list_state_free(struct list_state *s);

/* --- apply.c, copy.c, large.c, link.c, remove.c, settle.c --- */
/* Entries [first, first + n) of the task: words are index words, or NULL for a run. */
void apply_slice(struct worker *w, struct task *t, const uint32_t *words, uint32_t first, uint32_t n);
/* Makes the entries [first, first + n) of a batch of the task's directory, until so many bytes are copied; the task takes the
 * score. How many it made or tried to make. */
uint32_t apply_run(struct worker *w, struct task *t, const struct blit_batch *b, uint32_t first, uint32_t n, uint64_t bytes);
/* Where extended attributes come from: an open file, a name in a directory, or what a record from another machine carries. */
struct origin {
	int fd;
	const char *name;
	const char *packed; /* items as in struct blit_record */
	uint32_t packed_len;
	int packed_err; /* they could not be read where they are: errno */
};
/* What happened to one entry: err 0, an errno or BLIT_E_*; step says where. With BLIT_STEP_PLACED only a part of its metadata is
 * missing, and the entry is to stay. */
struct outcome { int err; uint32_t step, lost; bool astray; /* of a move: the name does not lead to what was written */ uint64_t bytes; };
static inline bool outcome_stays(const struct outcome *o)
{
	return !o->err || (o->step & BLIT_STEP_PLACED);
}
/* Copies a regular file, and in a move removes its source unless it has further names: under its own name, which must be free (else EEXIST), or with `replace` through a temporary one. LARGE and LINKED come
 * back as err -1 and -2 with the open file's facts in *f; `take` says which of them to copy here and now all the same. */
enum { COPY_IS_LARGE = -1, COPY_IS_LINKED = -2 };
enum take { TAKE_PLAIN, TAKE_LINKED, TAKE_ANY };
struct outcome copy_file(struct worker *w, int sdir, const char *sname, struct dir *dd, int ddir, const char *dname,
	bool replace, enum take take, struct facts *f);
/* Makes a regular file of content that is in memory. `hash`: what its XXH64 must be, for --verify; NULL: not verified. */
struct outcome store_file(struct worker *w, struct dir *dd, int ddir, const char *dname, bool replace, const struct facts *f,
	const struct origin *from, const char *content, uint64_t len, const uint64_t *hash);
/* Makes a symlink, fifo, socket or device. */
/* Whether a path, as a symlink in that directory would hold it, leads to the entry of the other name or, where that is a directory,
 * to something in it. False where the entry is a symlink itself. */
bool leads_to(int dir, const char *path, int ddir, const char *dname);
struct outcome store_special(struct worker *w, struct dir *d, int ddir, const char *dname, bool replace, const struct facts *f,
	const char *target, const struct origin *from);
/* After an entry could not be made since something has its name: whether to try again and replace it; else the outcome says why not. */
bool meets_another(const struct blit_batch *b, uint32_t index, int ddir, const char *dname, bool *replace, struct outcome *o);
/* XXH64 of a slice; 0 or an errno. */
int hash_range(struct worker *w, int fd, uint64_t at, uint64_t len, uint64_t *out);
/* The same of what is not zero in it: of each aligned block of 4 KiB that has something else its offset and its bytes. Holes are not
 * read, and it does not matter whether zeros are a hole. */
int hash_data(struct worker *w, int fd, uint64_t at, uint64_t len, uint64_t *out);
/* The same of a whole file, at the rate that the limit allows: what is only compared is read from the medium, too. */
int hash_paced(struct worker *w, int fd, uint64_t len, uint64_t *out);
/* Of content that is read back from the medium; `sparse`: by hash_data. 0 same, else an errno or BLIT_E_VERIFY. */
int verify_hash(struct worker *w, int dfd, uint64_t at, uint64_t len, bool sparse, uint64_t hash);
void count_bytes(struct worker *w, enum blit_method m, uint64_t n);
/* Nanoseconds that went into reading the source and writing the destination. */
void count_time(struct worker *w, int64_t source_ns, int64_t destination_ns);
/* Whether the size that the open file tells is not that of its content, although nothing changed since it told: what proc, sys and
 * FUSE show may end before or after. */
bool size_is_false(int fd, const struct facts *f);
/* All that can be read from here on, whatever the size; BLIT_E_ENDLESS where there is too much of it. */
struct outcome copy_unsized(struct worker *w, int sfd, int dfd);
/* Reads n bytes from where the file stands, fewer only at its end; their number or -errno. */
ssize_t read_some(int fd, char *buf, size_t n);
/* Reads n bytes, fewer only at the end of the file; their number or -errno. */
ssize_t read_at(int fd, char *buf, size_t n, uint64_t at);
/* Writes all of it; 0 or an errno. */
int write_at(int fd, const char *buf, size_t n, uint64_t at);
/* Of an open large file. */
struct large;
int large_fd(const struct large *l, enum side side);
int large_write(struct large *l, const char *buf, size_t n, uint64_t at);
uint64_t large_size(const struct large *l);
/* How many bytes of the source from there on have no data; 0 where what is held of it must be looked at, too. */
uint64_t large_hole(const struct large *l, uint64_t at);
bool large_is_sparse(const struct large *l);
bool large_is_held(const struct large *l);
bool large_is_written(struct large *l); /* some worker is at a range of it */
void large_range_begins(struct large *l); /* who took a RANGE says so before another one looks for a task */
/* Moves [at, at + len) of an open file; sparse areas stay holes. `held`: only what differs from what the destination holds. */
/* Where data begins from there on, as far as the file system tells; UINT64_MAX where only a hole is left. */
uint64_t next_data(int fd, uint64_t at);
struct outcome copy_data(struct worker *w, int sfd, int dfd, uint64_t at, uint64_t len, bool sparse, bool held);
/* Makes the file system say now what it would say when the last descriptor is closed. 0 or an errno. */
int flush_by_close(int fd);
/* 1 same, 0 not, or -errno. */
int same_content(struct worker *w, int sdir, const char *sname, int ddir, const char *dname);
int large_open(struct worker *w, struct task *t, struct blit_result *r);
int large_range(struct worker *w, struct task *t, struct blit_result *r);
int large_finish(struct worker *w, struct task *t, struct blit_result *r);
int large_hash(struct worker *w, struct task *t, struct blit_result *r);
void large_abandon_all(struct engine *e);
int link_entry(struct worker *w, struct task *t, struct blit_result *r);
void remove_slice(struct worker *w, struct task *t, const uint32_t *words, uint32_t first, uint32_t n);
int settle_dir(struct worker *w, struct task *t, struct blit_result *r);
/* Owner, mode, attributes and times of the directory become those of the source when it was listed. `untouched`: nobody can
 * have changed it since we made it. 0 or -errno. */
int settle_metadata(struct engine *e, struct dir *d, bool untouched, struct blit_result *r);
/* Removes the source entry of a settled copy if it still is what was copied, with its mode and owner, and if the copy's directory
 * is where it is looked for. 0, -errno, -BLIT_E_CHANGED or -BLIT_E_GONE. */
int remove_source(struct engine *e, struct dir *d, int sdir, const char *name, const struct facts *copied);
/* Of a move, with the written file still open: whether the name in the destination leads elsewhere. */
bool is_astray(const struct engine *e, int ddir, const char *dname, int fd);
/*
 * A move locks each source that it reads (LOCK_SH) until it is removed, and a run each new file that it writes under its own name
 * (LOCK_EX), where that takes a while or belongs to a move. So no half of a file is moved away. 0, or BLIT_E_IN_USE; where there
 * are no locks nothing is locked.
 */
int lock_source(struct engine *e, int fd);
int lock_written(const struct engine *e, int fd, uint64_t size);

/* --- backup.c --- */
void backup_copies_free(struct engine *e);
/* The name with a number, as it stands in the backup tree: NAME.~2~, cut where it would be too long; 0: the name itself. */
void backup_name(const char *name, uint32_t number, char out[NAME_CAP]);
/* Opens the directory in the backup tree, of which the one above is open; makes it where it is not there. Descriptor or -errno. */
int backup_open_dir(struct dir *d, int up);
/* Keeps what stands at (dst, name) in the backup tree: a second link of a file, or by moving it when `take`. 0 or -errno. */
int backup_entry(struct worker *w, struct dir *d, int ddir, const char *name, bool take);
/* The directory in the backup tree, made if it is missing, gets what the destination's had when this run came. 0 or -errno. */
int backup_settle(struct engine *e, struct dir *d);

/* --- fold.c: names that the destination's file system takes for one --- */
#define FOLD_BUFFER (64u << 10)
/* Whether a name under which something can be found is not among those that the directory lists (or nobody can tell): the file
 * system takes it for another entry's. Reads the directory. */
bool fold_hides(int ddir, const char *name);
/* Whether another entry of the source in the batch has the name in other letters. */
bool fold_has_twin(const struct blit_batch *b, uint32_t index, const char *name);
/* Whether an entry that the listing of the destination did not show may be replaced: somebody has made it meanwhile. False where it may
 * be another one of this run, to whose name the file system takes the batch's for the same. */
bool fold_may_replace(const struct blit_batch *b, uint32_t index, int ddir, const char *name);
struct fold_name {
	const char *name;
	uint32_t at;    /* the caller's */
	uint32_t match; /* of `missing`: index in `there`, or UINT32_MAX */
};
/* Which of the names that the directory does not list are those of entries that it does. Their number, or -ENOMEM. */
int fold_match(int ddir, struct fold_name *missing, uint32_t n, const struct fold_name *there, uint32_t m);
/* Gives an entry the other of its names, where the file system can; it stays under one of them in any case. Whether the directory
 * may have changed. */
bool fold_rename(struct engine *e, int ddir, const char *from, const char *to);

/* --- temp.c --- */
#define TEMP_NAME_LEN 34
#define PART_NAME_LEN 35
/* The name of a temporary file of that process. */
void temp_name_of(uint32_t pid, uint32_t number, char out[TEMP_NAME_LEN + 1]);
void temp_name(struct engine *e, char out[TEMP_NAME_LEN + 1]);
bool temp_is_name(const char *name, uint32_t len);
/* Whether the process that the name tells is there, on this machine. */
bool temp_owner_lives(const char *name);
/* Creates a locked temporary file; the lock tells other runs that it is alive. Descriptor, or -errno and an empty name. */
int temp_create(struct engine *e, int ddir, mode_t mode, char name[TEMP_NAME_LEN + 1]);
/* Removes a temporary file whose run is dead. 1 if it did, 0 if its owner lives. */
int temp_remove_stale(int ddir, const char *name);
bool part_is_name(const char *name, uint32_t len);
/* Either: no entry of the source but a directory gets such a name, since the next run would take it for its own. */
bool temp_keeps_name(const char *name, uint32_t len);
/* The name of the part of that file. */
void part_name(const char *of, char name[PART_NAME_LEN + 1]);
/* Whether a part that belongs to no file of the source may be taken for an entry: no run writes it. */
bool part_is_extra(int ddir, const char *name);
/* Removes the part of a file that is whole, or is being written anew, unless another run has it. Whether there was one. */
bool part_forget(const struct dir *d, int ddir, const char *of);
/* Opens what an earlier run left of the file, or an empty one, and locks it. Descriptor; -EWOULDBLOCK where another run has it,
 * -EPERM where it is not ours, or -errno. */
int part_open(const struct engine *e, int ddir, mode_t mode, const char *of, char name[PART_NAME_LEN + 1]);

/* --- ground.c --- */
void ground_init(struct engine *e, struct ground *g, uint64_t dev);
/* The file system that holds the open directory; the same for the same device. NULL without memory. */
struct ground *ground_at(struct engine *e, int fd, uint64_t dev);
void grounds_free(struct engine *e);
/* That of the directory at the destination, which has been asked what it keeps. */
struct ground *ground_of(struct engine *e, struct dir *d);
/* Whether entries can be given to that user and group there. `refused`: it was just refused for one. */
bool ground_keeps_owner(struct engine *e, struct dir *d, uint32_t uid, uint32_t gid, bool refused);
/* Whether a time can be held there, to the last digit. */
bool ground_keeps_time(struct engine *e, struct dir *d, const struct timespec *t);
/* Whether the destination's time, which differs, is what the source's becomes there. */
bool ground_same_time(struct engine *e, struct dir *d, const struct timespec *src, const struct facts *dst);

/* --- meta.c --- */
/* Mode to create a file with, so that nobody may read more than in the end. */
mode_t meta_create_mode(const struct engine *e, const struct facts *f);
/* Owner, mode, attributes, then times of an open file in the directory, or of the directory itself. `created` is the mode it was made with; `inherits`: owner,
 * mode and attributes may be other than that, look first. */
struct outcome meta_apply_fd(struct engine *e, struct dir *d, const struct origin *from, int dfd, const struct facts *f, mode_t created, bool inherits);
/* The same for an entry that cannot be opened (symlink, fifo, socket, device). */
struct outcome meta_apply_at(struct engine *e, struct dir *d, const struct origin *from, int ddir, const char *dname, const struct facts *f);
/* Whether an entry of the directory, or the directory itself, is not yet what the destination can make it of the source. */
bool meta_owner_differs(struct engine *e, struct dir *d, const struct facts *src, const struct facts *dst);
bool meta_mtime_differs(struct engine *e, struct dir *d, const struct facts *src, const struct facts *dst);
bool meta_mode_differs(struct engine *e, struct dir *d, const struct facts *src, const struct facts *dst);
/* Extended attributes of two entries; names NULL where the descriptor is the entry. 1 same, 0 not, or -errno. */
int meta_xattr_same(struct engine *e, const struct origin *from, int dfd, const char *dname);
/* A hash of the kept attributes that does not depend on their order, `plain`: without security.* and trusted.*; 0 for none. */
uint64_t meta_xattr_digest(struct engine *e, int fd, const char *name, bool plain);
/* Takes away what this destination withholds of an entry of another machine. Of an entry of its own too, before the two are compared:
 * what is not given is no difference. BLIT_LOST_RIGHTS if there was something. */
uint32_t meta_withhold(const struct engine *e, struct facts *f);
/* Whether the entry has no attributes and can have none. */
bool meta_xattr_impossible(int fd, const char *name);
/* Packs the kept attributes as items; *out is malloc'ed, or NULL where there are none. Bytes, or -errno (-E2BIG: more than fits into a
 * record). */
ssize_t meta_xattr_pack(struct engine *e, int fd, const char *name, char **out);

/* --- beneath.c --- */
/* Opens a directory in another one, never following a symlink: -ELOOP. */
int beneath_child(int at, const char *name, int flags);
/* Packs one entry of a directory. Its bytes, or 0 where there is no room. */
size_t beneath_pack(int dir, const char *name, uint8_t kind, bool names_only, char *out, size_t cap);
/* As blit_beneath_remove, in an open directory. */
int64_t beneath_remove_in(int dir, const char *names, uint64_t count, bool directories, int32_t *errors);

/* --- hash.c --- */
struct hash64 { uint64_t v[4], total; unsigned char tail[32]; uint32_t tail_len; };
void hash64_init(struct hash64 *h);
void hash64_add(struct hash64 *h, const void *data, size_t len);
uint64_t hash64_end(const struct hash64 *h);

/* --- os_*.c: what differs between the platforms --- */
int os_facts_at(int dirfd, const char *name, struct facts *f); /* does not follow symlinks; 0 or -errno */
int os_facts_fd(int fd, struct facts *f);
int os_open_source(int dirfd, const char *name, int flags); /* without touching the access time where allowed */
/* Fills buf with directory records; bytes, 0 at the end, or -errno. */
ssize_t os_read_dir(int fd, char *buf, size_t cap);
/* Steps through such a buffer: returns the length of the record at p, sets name, its length and its kind (0 if unknown). */
size_t os_dir_record(const char *p, const char **name, uint32_t *len, uint8_t *kind);
int os_clone(int sfd, int dfd);
ssize_t os_copy_range(int sfd, uint64_t at, int dfd, uint64_t len);
int os_preallocate(int fd, uint64_t len);
int os_sync(int fd); /* to the medium; 0 or -errno */
/* Writes out the file and drops the slice from the cache as far as the system allows: a read then asks the medium. 0 or -errno. */
int os_sync_uncached(int fd, uint64_t at, uint64_t len);
int os_make_node(int dirfd, const char *name, mode_t mode, uint64_t rdev); /* fifo, socket or device; 0 or -errno */
void os_thread_name(const char *name); /* of the calling thread, at most 15 characters */
int os_rename_free(int fromdir, const char *from, int todir, const char *to); /* never over something; 0 or -errno */
int os_space(int fd, struct blit_space *out);
/* Whether the open directory is in a file system that shows the kernel's state instead of holding files. */
bool os_is_kernel_fs(int fd);
/* Whether something is mounted at the open directory. */
bool os_is_mount_root(int fd);
/* Whether what is created in the open directory gets a group or an ACL from it, so that one must look what came out. */
bool os_passes_on(int fd, const struct facts *f);
/* What TCP knows of a connection; zeros where it is none. */
void os_tcp_facts(int socket, uint64_t *retransmits, uint64_t *rtt_us);
/* Sends up to n bytes of a file to a socket without copying them here. Bytes, or -errno. */
ssize_t os_send_file(int socket, int fd, uint64_t at, size_t n);
/* An entry that may not be openable, held to change its owner and mode. A symlink is never followed: it is the entry itself.
 * Linux holds the inode; elsewhere `fd` is -1, and it is whatever has the name in `dir` then. */
struct held { int dir, fd; const char *name; };
int os_hold(struct held *h, int dirfd, const char *name, struct facts *now); /* 0 or -errno and nothing to release */
void os_release(struct held *h);
int os_held_chown(const struct held *h, uid_t uid, gid_t gid); /* 0 or -errno */
int os_held_chmod(const struct held *h, mode_t mode);
void os_learn_places(struct engine *e, int sfd, int dfd);
/* What the kind of file system says about it; the rest stays unknown. */
void os_learn_ground(struct ground *g, int fd);
bool os_may_chown(void);
/* The users, or groups, that exist in this user namespace; NULL where all do. To be freed. */
struct id_map *os_ids(bool groups);
bool os_id_exists(const struct id_map *m, uint32_t id);
/* Extended attributes, ACLs included. `at` may be an open file (name NULL) or a name in a directory (never followed). */
ssize_t os_xattr_list(int fd, const char *name, char *out, size_t cap);
ssize_t os_xattr_get(int fd, const char *name, const char *attr, void *out, size_t cap);
int os_xattr_set(int fd, const char *name, const char *attr, const void *value, size_t len);
int os_xattr_remove(int fd, const char *name, const char *attr);
/* An attribute that anybody may have, the ACL, and the rights of whoever runs a program (NULL: there is no such thing). */
#ifdef __linux__
#define OS_XATTR_OF_USER "user.blit"
#define OS_XATTR_ACL "system.posix_acl_access"
#define OS_XATTR_RIGHTS "security.capability"
#else
#define OS_XATTR_OF_USER "blit"
#define OS_XATTR_ACL "blit.acl"
#define OS_XATTR_RIGHTS NULL
#endif
bool os_xattr_kept(const struct engine *e, const char *attr);
bool os_xattr_is_acl(const char *attr);
/* Only who has a privilege may set it on anything at all. */
bool os_xattr_is_privileged(const char *attr);

uint8_t kind_of_mode(uint32_t mode);

/* One number on Linux, two on macOS. */
static inline bool is_unsupported(int err)
{
	return err == EOPNOTSUPP || err == ENOTSUP;
}

#endif
