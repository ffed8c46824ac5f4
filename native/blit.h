/*
 * The face of the shim: what TypeScript and C share.
 *
 * TypeScript submits packed tasks, threads of the shim pull them, packed results go back. No call blocks for a transfer but blit_wait,
 * of which one at a time serves the whole process, and blit_engine_wait, for callers that have nothing else to do. Structures here are little-endian and mirrored, field by field, in lib/native/layout.ts; change both.
 * Every function returns a count or -errno and prints nothing.
 */
#ifndef BLIT_H
#define BLIT_H

#include <stdint.h>

#define BLIT_EXPORT __attribute__((visibility("default")))

/* Raised when a field, an operation or a code changes; lib/native/library.ts refuses another number. */
#define BLIT_ABI 23

enum blit_op {
	BLIT_OP_LIST = 1,   /* read a directory on one or both sides, compare, make a batch */
	BLIT_OP_APPLY = 2,  /* carry out one action on each of some entries of a batch */
	BLIT_OP_OPEN = 3,   /* begin a large file: clone it, or hand out a handle for ranges */
	BLIT_OP_RANGE = 4,  /* copy a slice of a large file */
	BLIT_OP_FINISH = 5, /* settle a large file, or give it up */
	BLIT_OP_LINK = 6,   /* make an entry a hard link of another entry of the destination */
	BLIT_OP_REMOVE = 7, /* delete entries of the destination */
	BLIT_OP_SETTLE = 8, /* metadata of a directory, after everything in it; or its removal */
	/* between machines; `parent` is the number that the destination gave the request */
	BLIT_OP_PACK = 9,     /* source: send records of entries on a lane */
	BLIT_OP_SEND = 10,    /* source: send a slice of a large file on a lane */
	BLIT_OP_STORE = 11,   /* destination: APPLY with the records that come in; its own id is the request's number */
	BLIT_OP_RECEIVE = 12, /* destination: RANGE with the data that comes in */
	BLIT_OP_HASH = 13,    /* destination: XXH64 of each block of a slice that it holds of a large file */
	/* A lane's life: with BLIT_SRC it sends what PACK and SEND ask for, else it receives and carries out what comes in. `handle` is a
	 * blocking socket, which is closed at the end. The result tells of the end: 0 when the engine ends or the other side ended in an
	 * orderly way, or -errno; other lanes do not mind. */
	BLIT_OP_LANE = 14,
	/* destination: 0 where the directory still is where its path leads, or there is no destination; else -BLIT_E_GONE: what was written
	 * may not be where it is looked for */
	BLIT_OP_STANDS = 15,
};

/* Actions of APPLY, in the top four bits of an index word. */
enum blit_action {
	BLIT_MAKE = 0,     /* the destination is known to lack it */
	BLIT_REPLACE = 1,  /* something stands there; old or new, never half */
	BLIT_METADATA = 2, /* content is right, the rest is not */
	BLIT_CONTENT = 3,  /* compare content; detail SAME or DIFFERENT */
	BLIT_FORGET = 4,   /* move: both sides are equal, remove the source */
	BLIT_PROBE = 5,    /* see whether the source's file can be opened, or whether its symlink may come in the place of what stands
	                    * there, no more; also where nothing may be changed */
};
#define BLIT_ACTION_SHIFT 28
#define BLIT_INDEX_MASK 0x0fffffffu

/* Configuration flags, for the whole engine. */
enum {
	BLIT_CFG_VERIFY = 1 << 0,
	BLIT_CFG_FSYNC = 1 << 1,
	BLIT_CFG_DISCARD = 1 << 2,   /* read, write nothing */
	BLIT_CFG_MOVE = 1 << 3,      /* remove each source entry after its copy settled */
	BLIT_CFG_READ_ONLY = 1 << 4, /* dry run, check: nothing is changed anywhere */
	BLIT_CFG_BACKUP = 1 << 5,    /* a backup root is given */
	BLIT_CFG_RESUME = 1 << 6,    /* what is received of a large file stays when the run breaks off, and is used */
	BLIT_CFG_ONE_FS = 1 << 7,    /* directories on another file system than their root: in the source they count as empty and are
	                              * never removed, in the destination nothing in them is extra */
	BLIT_CFG_WITHHOLD = 1 << 8,  /* what would give rights to who sends it is not given, and not compared: set-user-id and
	                              * set-group-id bits, device nodes, security.* and trusted.* attributes of another machine */
	BLIT_CFG_KEEP_MOUNTS = 1 << 9, /* an extra directory where something is mounted is not entered: it could not be removed */
};

/* Flags of a task. */
enum {
	BLIT_SRC = 1 << 0,   /* LIST: the directory exists in the source */
	BLIT_DST = 1 << 1,   /* LIST: the directory exists in the destination */
	BLIT_MKDIR = 1 << 2, /* LIST: create it in the destination first */
	BLIT_STAT = 1 << 3,  /* LIST: stat every source entry */
	BLIT_ALL = 1 << 4,   /* LIST: emit entries that compare equal too */
	BLIT_NAMED = 1 << 5, /* LIST: only the one entry in the payload, "source name\0destination name" */
	BLIT_MORE = 1 << 6,  /* LIST: continue where the last call stopped */
	BLIT_FORCE = 1 << 7, /* APPLY: copy hard-linked entries here and now; a move leaves their sources */
	BLIT_COMMIT = 1 << 8,  /* FINISH: put it in place (otherwise give it up) */
	BLIT_RMDIR = 1 << 9,   /* SETTLE: remove the directory from the destination instead */
	BLIT_RMSRC = 1 << 10,  /* SETTLE: then remove the emptied source directory */
	BLIT_DROP = 1 << 11,   /* SETTLE: forget the directory number */
	BLIT_SKIP = 1 << 12,   /* SETTLE: leave the metadata alone */
	BLIT_TAKE = 1 << 14,   /* LIST with MKDIR: make the first of its non-directories at once, see blit_result.taken */
	BLIT_CLOSE = 1 << 15,  /* LIST: if nothing more is to be done in it, settle its metadata and forget its number */
	BLIT_REMOTE = 1 << 16, /* LIST: the source is a batch from another machine, in `handle`; the payload is the directory's record */
	BLIT_DIGEST = 1 << 17, /* LIST: fill target and attrs, for a destination on another machine */
	BLIT_LAST = 1 << 18,   /* LIST with REMOTE: the directory's last batch */
	BLIT_HELD = 1 << 19,   /* in the result of OPEN: an earlier run left something of the file */
	BLIT_LEFT_OUT = 1 << 20, /* in the result of LIST: the source's directory is on another file system and counts as empty;
	                          * LIST with REMOTE: it was so there */
	BLIT_KERNEL = 1 << 21, /* in the result of LIST: a file system that the kernel makes up begins here (/proc, /sys) */
	BLIT_PLAIN = 1 << 22,  /* LIST with DIGEST: attrs leaves out security.* and trusted.* */
};

struct blit_config {
	uint32_t flags;
	uint32_t workers;
	uint64_t bytes_per_second; /* 0: no limit */
	uint64_t large_bytes;      /* regular files of this size and more are handed back for OPEN */
	uint64_t buffer_bytes;     /* of each worker; 0: the shim chooses */
};

/* One task; payload_len bytes follow it, padded to 8. */
struct blit_task {
	uint32_t op, id;
	uint32_t dir, flags;
	uint64_t batch;       /* APPLY, OPEN, LINK, REMOVE, PACK, STORE: of the entries; LIST: of the parent, where the name stands */
	uint32_t first, count; /* a run of entries; with a payload of index words, count is their number */
	uint64_t handle;      /* RANGE, FINISH, SEND, RECEIVE, HASH, LANE; LIST with REMOTE: the batch that came from there, or 0 */
	uint64_t offset, length;
	uint32_t parent, payload_len;
};

/* Codes of a detail beyond errno values. */
enum {
	BLIT_D_FAILED = 1,    /* value: errno, extra: step */
	BLIT_D_LARGE = 2,     /* value: size, extra: bytes that it takes on the medium */
	BLIT_D_LINKED = 3,    /* value: inode, extra: device; the source has more than one name */
	BLIT_D_SAME = 4,      /* CONTENT, LINK: nothing to do; PROBE with records: it can be opened */
	BLIT_D_DIFFERENT = 5, /* CONTENT */
	BLIT_D_SIZE = 6,      /* value: bytes of a file whose size the batch does not tell */
	BLIT_D_HASH = 7,      /* only in records: value is the XXH64 of the content */
};

/* Error numbers of our own, above every errno. */
enum {
	BLIT_E_CHANGED = 4001,  /* the source changed while it was read */
	BLIT_E_VERIFY = 4002,   /* read back other bytes than were written */
	BLIT_E_INSIDE = 4003,   /* the directory is the other side's root */
	BLIT_E_GREW = 4004,     /* the source grew; what it held at first is in place */
	BLIT_E_STOPPED = 4005,  /* the engine was stopped first */
	BLIT_E_BUSY_KIND = 4006, /* another kind of entry stands in the way */
	BLIT_E_BACKUP = 4007,    /* the directory is the backup tree's root: nothing in it is extra */
	BLIT_E_PROTOCOL = 4008,  /* the other machine sent what makes no sense */
	BLIT_E_MOUNT = 4009,     /* an extra directory is on another file system than the root (ONE_FS), or mounted (KEEP_MOUNTS) */
	BLIT_E_FOLDED = 4010,    /* the file system takes the name for that of another entry, which is there already */
	BLIT_E_GONE = 4011,      /* what was written is not at its place any more, or the directory that it is in: nothing is removed */
	BLIT_E_ITSELF = 4012,    /* a symbolic link would take the place of what it leads to */
	BLIT_E_FULL = 4013,      /* the destination is full: this was given up, or not begun */
	BLIT_E_QUOTA = 4014,     /* the same for a quota */
	BLIT_E_ENDLESS = 4015,   /* the file's size says nothing, and more came of it than is read without one */
	BLIT_E_KEPT_NAME = 4016, /* the name is one that temporary files have */
	BLIT_E_IN_USE = 4017,    /* another run writes the file, or moves it away */
};

/* The step that failed: says which side and what, for the message. */
enum blit_step {
	BLIT_STEP_OPEN_SRC = 1, BLIT_STEP_READ = 2, BLIT_STEP_CREATE = 3, BLIT_STEP_WRITE = 4, BLIT_STEP_RENAME = 5,
	BLIT_STEP_MODE = 6, BLIT_STEP_OWNER = 7, BLIT_STEP_TIMES = 8, BLIT_STEP_XATTR = 9, BLIT_STEP_SYNC = 10,
	BLIT_STEP_REMOVE_SRC = 11, BLIT_STEP_LINK = 12, BLIT_STEP_REMOVE = 13, BLIT_STEP_BACKUP = 14, BLIT_STEP_VERIFY = 15,
	BLIT_STEP_LIST_SRC = 16, BLIT_STEP_LIST_DST = 17, BLIT_STEP_MKDIR = 18, BLIT_STEP_SYMLINK = 19, BLIT_STEP_NODE = 20,
};

/* With the step goes what else there is to say of the failure. */
#define BLIT_STEP_MASK 0xffu
#define BLIT_STEP_ATTR_SHIFT 8      /* XATTR: number of the attribute, for blit_attribute_name; 0: not one of them */
#define BLIT_STEP_ATTR_MASK 0xff00u
#define BLIT_STEP_PLACED (1u << 16) /* the entry is in its place all the same, with its content */

struct blit_detail {
	uint32_t index, code;
	uint64_t value, extra;
};

/* What the destination could not keep, once per kind. */
enum {
	BLIT_LOST_XATTR = 1 << 0, BLIT_LOST_ACL = 1 << 1, BLIT_LOST_OWNER = 1 << 2, BLIT_LOST_MODE = 1 << 3,
	BLIT_LOST_TIMES = 1 << 4,
	BLIT_LOST_SETID = 1 << 5, /* withheld, where owner or group are not the source's */
	/* with WITHHOLD: set-id bits, security.* and trusted.* attributes, device nodes */
	BLIT_LOST_RIGHTS = 1 << 6, BLIT_LOST_LABELS = 1 << 7, BLIT_LOST_NODES = 1 << 8,
};

/* One result; details follow it. */
struct blit_result {
	uint32_t op, id;
	int32_t status;      /* 0 or -errno of the task as a whole */
	uint32_t details;    /* struct blit_detail that follow */
	uint64_t batch;      /* LIST: the batch, 0 if there is none; OPEN with DIGEST: a record; HASH: uint64_t for each block */
	uint64_t batch_len;
	uint64_t handle;     /* OPEN: the handle, 0 when the file is done already; LIST with DIGEST: the directory's record, or 0 */
	uint64_t bytes;      /* APPLY: bytes of content copied; OPEN: size; RECEIVE: bytes that came, more where some came twice */
	uint32_t done;       /* APPLY, REMOVE: entries without a failure or deferral */
	uint32_t step;       /* for status */
	uint32_t flags;      /* LIST: BLIT_MORE, BLIT_CLOSE: it is settled and forgotten, there is no batch */
	uint32_t lost;       /* BLIT_LOST_* */
	uint32_t taken;      /* LIST: entries [0, taken) were made, `done`, `bytes` and the details are about them */
	uint32_t unchanged;  /* LIST without a batch: as in struct blit_batch */
	uint64_t unchanged_bytes; /* RANGE, RECEIVE: bytes right behind the slice in which the source has no data */
};

/* Differences of an entry that exists on both sides. */
enum {
	BLIT_DIFF_SIZE = 1 << 0, BLIT_DIFF_MTIME = 1 << 1, BLIT_DIFF_MODE = 1 << 2, BLIT_DIFF_OWNER = 1 << 3,
	BLIT_DIFF_XATTR = 1 << 4, BLIT_DIFF_TARGET = 1 << 5, /* symlink target or device number */
	BLIT_DIFF_LINKED = 1 << 6, /* more than one name in the source */
	BLIT_DIFF_KIND = 1 << 7,
	BLIT_DIFF_ERROR = 1 << 8, /* could not be looked at; size column holds errno, mode column the step */
	BLIT_DIFF_DST_LINKED = 1 << 9, /* the destination's file has names that the source's has not; ino and dev are its */
	BLIT_DIFF_FOLDED = 1 << 10, /* NAMED: its directory lists what stands there under another name */
	BLIT_DIFF_UNTOLD = 1 << 11, /* the times differ, but the destination cannot hold the source's: it tells nothing of the content */
};

/* Kinds of entries; also the order of the runs in a batch. */
enum blit_kind {
	BLIT_KIND_NONE = 0, BLIT_KIND_FILE = 1, BLIT_KIND_SYMLINK = 2, BLIT_KIND_FIFO = 3, BLIT_KIND_SOCKET = 4,
	BLIT_KIND_CHAR = 5, BLIT_KIND_BLOCK = 6, BLIT_KIND_DIR = 7,
};

/*
 * An entry batch. Columns follow the header in the order of the fields below, each aligned to 8, then the names.
 * Runs: non-directories of the source, directories of the source, entries only the destination has.
 */
struct blit_batch {
	uint32_t count, names_len;
	uint32_t dir, has_stat;
	uint32_t others, dirs, extras;
	uint32_t unchanged;       /* equal non-directories that were not emitted */
	uint64_t unchanged_bytes;
	uint32_t renamed;         /* NAMED: the destination name starts here in the names, 0 if it is the same */
	uint32_t renamed_len;
	uint32_t stale;           /* temporary files of dead runs that were removed */
	uint32_t dir_diff;        /* how the directory itself differs, before anything in it is touched */
	uint64_t length;          /* of the whole batch in bytes */
	/* uint32_t name_end[count]; uint8_t kind[count]; uint8_t dst_kind[count]; uint16_t diff[count];
	 * with has_stat: uint64_t size[count], ino[count], dev[count], target[count], attrs[count]; int64_t mtime_sec[count]; uint32_t mtime_nsec[count],
	 * mode[count], uid[count], gid[count], nlink[count], known[count], origin[count]; then names.
	 * known: 0, or 1 and what it takes on the medium, in units of 4 KiB rounded up, as far as that fits.
	 * target: hash of a symlink's target, or a device number; attrs: hash of the kept extended attributes (0 for none; both only
	 * with DIGEST); of a file that has several names on both sides, once compared: the destination's inode and device; origin: the entry's index in the batch of the other machine (only with REMOTE). */
};

enum blit_method {
	BLIT_M_REFLINK = 0, BLIT_M_RANGE = 1, BLIT_M_RW = 2, BLIT_M_HOLE = 3, BLIT_M_DISCARD = 4,
	BLIT_M_NETWORK = 5,  /* over a lane, through a buffer */
	BLIT_M_SENDFILE = 6, /* over a lane, without a copy in this process; only at the source */
	BLIT_M_RESUMED = 7,  /* not moved: an earlier run had left it at the destination */
	BLIT_METHODS = 8,
};

#define BLIT_SIZES 7

struct blit_counters {
	uint64_t bytes[BLIT_METHODS];
	uint64_t files;
	uint64_t moving; /* bytes moved so far, counted while a file is still open */
	/* nanoseconds summed over the workers: without a task, reading the source, writing the destination (small files: from a
	 * sample, scaled) */
	uint64_t idle_ns, source_ns, destination_ns;
	uint64_t ticks;                 /* grows while something moves that no other counter shows */
	uint64_t sizes[BLIT_SIZES];     /* regular files done, by size: below 4 KiB, 64 KiB, 1 MiB, 16 MiB, 256 MiB, 1 GiB, above */
	uint64_t retransmits; /* of the sending lanes: segments that TCP sent again */
	uint64_t rtt_us;      /* the longest of their round trips, smoothed by TCP */
	uint64_t pad;
};

struct blit_first_look {
	uint64_t files, bytes, largest;
};

struct blit_path_facts {
	uint64_t kind, dev, ino, size;
};

struct blit_inode {
	uint64_t dev, ino;
};

/* --- what travels on a lane (docs/protocol.md): frames, and in frames of the first type records --- */

#define BLIT_FRAME_MAGIC 0x31544c42u /* "BLT1" */

enum blit_frame_type {
	BLIT_FRAME_RECORDS = 1, /* `length` bytes of records for the request */
	BLIT_FRAME_DATA = 2,    /* `length` bytes of a large file, from `offset` on */
	BLIT_FRAME_BEGIN = 5,   /* no bytes: data of the request comes on this lane from here on, all of it */
	BLIT_FRAME_BYE = 4,     /* no bytes: nothing more comes on this lane, all it began is sent */
	BLIT_FRAME_END = 3,     /* all data of the request was sent; offset: 0, or step << 32 | error; 16 bytes: XXH64 of the slice, or 0,
	                         * and how many bytes behind it have no data */
};

struct blit_frame {
	uint32_t magic, type;
	uint64_t id; /* of the request */
	uint64_t offset, length;
	uint64_t check; /* XXH64 of what is before it */
};

/* Of a file of which the destination holds something, SEND sends only blocks whose hash is not in its payload. */
#define BLIT_BLOCK (1u << 20)

#define BLIT_FRAME_RECORDS_MAX (64u << 20) /* bytes of one frame of records */

enum {
	BLIT_RECORD_SPARSE = 1 << 0, /* has holes */
	BLIT_RECORD_GREW = 1 << 1,   /* content is what it held at first */
	BLIT_RECORD_HASHED = 1 << 2, /* extra is the XXH64 of the content */
};

/* One entry with all that is to be kept of it. Attributes (each: uint32_t name_len, value_len, name, value), a symlink's target and
 * the content follow, each padded to 8. */
struct blit_record {
	uint32_t length;  /* of the whole record */
	uint32_t ordinal; /* which of the request's entries */
	uint32_t code;    /* 0, or a detail's code: then value and extra are the detail's, and there is no more */
	uint32_t flags;
	uint64_t value, extra; /* with code 0, value: why its attributes could not be read, an errno, or 0 */
	uint32_t mode, uid, gid, nlink;
	uint64_t size, rdev;
	int64_t mtime_sec, atime_sec;
	uint32_t mtime_nsec, atime_nsec;
	uint32_t attrs_len, target_len;
	uint64_t content_len;
};

struct engine;

BLIT_EXPORT int64_t blit_abi(void);
/*
 * 0, or -(the error's number | which path could not be opened << BLIT_ROOT_SHIFT): 1 the source, 2 the destination, 3 the backup
 * directory, 0 none of them.
 */
#define BLIT_ROOT_SHIFT 16
BLIT_EXPORT int64_t blit_engine_open(const struct blit_config *config, const char *src, const char *dst, const char *backup,
	struct engine **out);
BLIT_EXPORT int64_t blit_engine_submit(struct engine *e, const void *tasks, uint64_t len);
/* Makes the workers; once. How many they are, fewer where memory or threads run out, or -errno where there is not even one. */
BLIT_EXPORT int64_t blit_engine_start(struct engine *e);
BLIT_EXPORT int64_t blit_engine_wait(struct engine *e, int64_t timeout_ms);
BLIT_EXPORT int64_t blit_engine_collect(struct engine *e, void *out, uint64_t cap);
BLIT_EXPORT int64_t blit_engine_progress(struct engine *e, struct blit_counters *out);
/* How many of the workers take tasks from now on: 1 to all, which is where it starts. */
BLIT_EXPORT int64_t blit_engine_activate(struct engine *e, uint32_t workers);
/* Where the destination's root is to be found, which is `dst` of open else. Before anything is submitted. */
BLIT_EXPORT int64_t blit_engine_root_at(struct engine *e, const char *path);
/* The source's directory with that inode is not entered: it is the root of the other side, or of its backup tree. Two at most, before anything is
 * submitted. */
BLIT_EXPORT int64_t blit_engine_avoid(struct engine *e, uint64_t dev, uint64_t ino);
BLIT_EXPORT int64_t blit_engine_stop(struct engine *e, int64_t finish_queued);
/* Waits for the end of all threads, as long as allowed. How many are left. */
BLIT_EXPORT int64_t blit_engine_join(struct engine *e, int64_t timeout_ms);
BLIT_EXPORT int64_t blit_engine_close(struct engine *e);
BLIT_EXPORT int64_t blit_batch_free(struct engine *e, void *batch);
/* Takes over a batch from another machine; *out is to be freed as a batch. -EPROTO where it makes no sense. */
BLIT_EXPORT int64_t blit_batch_take(const void *bytes, uint64_t len, void **out);
/* Whether a lane is bringing the slice that a RECEIVE task of that id waits for: 1, or 0. */
BLIT_EXPORT int64_t blit_request_comes(struct engine *e, uint32_t id);
/* The destination has what it asked for with that number: PACK and SEND tasks for it that no lane has begun are answered unsent. */
BLIT_EXPORT int64_t blit_request_drop(struct engine *e, uint32_t id);
/* Ends one of the lanes once it is between two slices; the other side is told. 0, or -ENOENT where only one is left. */
BLIT_EXPORT int64_t blit_lane_retire(struct engine *e);
BLIT_EXPORT int64_t blit_dir_path(struct engine *e, uint32_t dir, char *out, uint64_t cap);
/* Name of the attribute that a step tells the number of, unterminated. Its length, or -ENOENT. */
BLIT_EXPORT int64_t blit_attribute_name(struct engine *e, uint32_t number, char *out, uint64_t cap);

/* --- waiter.c: waiting for many things at once --- */

struct waiter;

/* Lives until the process ends. 0 or -errno. */
BLIT_EXPORT int64_t blit_waiter_open(struct waiter **out);
/* Waits from now on until results of the engine are worth a look, it is stopped, or, once it closes, its threads have ended; timeout_ms
 * at most. blit_wait then gives the token back. 0. */
BLIT_EXPORT int64_t blit_wait_engine(struct waiter *w, struct engine *e, uint64_t token, int64_t timeout_ms);
/* The same, until the descriptor is readable, or writable, or at its end. It stays open until the token is given back. */
BLIT_EXPORT int64_t blit_wait_descriptor(struct waiter *w, int32_t fd, int64_t to_write, uint64_t token, int64_t timeout_ms);
/* Blocks until something of what is waited for is ready or its time is over; puts the tokens of that into out. How many; 0 where
 * nothing is waited for. One call at a time. */
BLIT_EXPORT int64_t blit_wait(struct waiter *w, uint64_t *out, uint64_t cap);

/* --- aside.c: calls that wait for a file system, on threads of their own --- */

/* The calls, each with the arguments of the function of that name, in their order. */
enum blit_aside_call {
	BLIT_ASIDE_FACTS = 1,
	BLIT_ASIDE_SPACE = 2,
	BLIT_ASIDE_REMOVE = 3,
	BLIT_ASIDE_OPEN = 4,
	BLIT_ASIDE_MAKE = 5,
	BLIT_ASIDE_WALK_LIST = 6,
	BLIT_ASIDE_WALK_REMOVE = 7,
	BLIT_ASIDE_ENGINE_OPEN = 8,
	BLIT_ASIDE_PATH_FACTS = 9,
	BLIT_ASIDE_PATH_REAL = 10,
	BLIT_ASIDE_PATH_SPACE = 11,
	BLIT_ASIDE_PATH_UPWARDS = 12,
	BLIT_ASIDE_PATH_ASK = 13,
};
#define BLIT_ASIDE_ARGS 9

/* Begins a call, and waits for it for a moment. 1: it is over, and *result is what it returned. 0: blit_wait gives the token back once it
 * is over; all memory that the arguments point to must stay until then, which may be for ever. -errno where no thread can be had. */
BLIT_EXPORT int64_t blit_aside(struct waiter *w, uint64_t token, uint32_t which, const uint64_t *args, int64_t *result);

/* Follows a last symlink if asked. 0 or -errno. */
BLIT_EXPORT int64_t blit_path_facts(const char *path, int64_t follow, struct blit_path_facts *out);
/* What a directory holds: 1, or 0 where it holds a directory or more than so many entries. Ends when it has seen that, or more bytes
 * than that. -errno. */
BLIT_EXPORT int64_t blit_path_first_look(const char *path, uint64_t max_files, uint64_t max_bytes, struct blit_first_look *out);
/* Room on the file system of a directory; `available` is what this process may use. 0 or -errno. */
struct blit_space;
BLIT_EXPORT int64_t blit_path_space(const char *path, struct blit_space *out);
/* The directory and those above it, up to the root: how many, at most cap; 0 where nothing can be told. */
BLIT_EXPORT int64_t blit_path_upwards(const char *path, struct blit_inode *out, uint64_t cap);
/* Asks the file system that a path leads to, or where nothing stands the one above it, something that no cache answers. 0, once it has
 * answered. */
BLIT_EXPORT int64_t blit_path_ask(const char *path);
/* Whether the file system that a path leads to answers that within that time, waiting on a thread of its own: 1, or 0 and the thread stays
 * with it. -errno where no thread can be had. */
BLIT_EXPORT int64_t blit_path_answers(const char *path, int64_t wait_ms);
/* The bytes of a regular file, as far as they fit; those of /proc and /sys, which do not know their size, included. Their number,
 * -EINVAL for anything else, -errno. */
BLIT_EXPORT int64_t blit_path_read(const char *path, void *out, uint64_t size);
/* Puts a line at the end of a regular file, which is made for its owner alone, in one write. The file's size then, -EINVAL for
 * anything else, -errno. */
BLIT_EXPORT int64_t blit_path_append(const char *path, const void *line, uint64_t size);
/* The path without symlinks, unterminated. Its length, -ENAMETOOLONG where it does not fit, -errno. */
BLIT_EXPORT int64_t blit_path_real(const char *path, char *out, uint64_t size);
/* Makes the directory and those above it, on the medium too if asked. 1 if it made one, 0 if all were there, -errno. */
BLIT_EXPORT int64_t blit_path_make(const char *path, int64_t sync);
/* Renames, never over something. 0 or -errno. */
BLIT_EXPORT int64_t blit_path_rename(const char *from, const char *to);
BLIT_EXPORT int64_t blit_path_remove_dir(const char *path);

/* --- beneath.c: what a client names, below a root; paths are relative, "" is the root, no symlink is followed --- */

/* One packed entry; its name and a symlink's target follow it, padded to 8. */
struct blit_listed {
	uint64_t size, allocated, ino, dev;
	int64_t mtime_sec;
	uint32_t mtime_nsec, mode, uid, gid, nlink;
	uint32_t error; /* errno where it could not be looked at: only name and kind are known then */
	uint16_t name_len, target_len;
	uint8_t kind, pad[3];
};

struct blit_space {
	uint64_t total, free, available, inodes, inodes_free, read_only;
};

struct blit_walk;

/* Descriptor of the directory, open for reading, or -errno; -ELOOP where a symlink stands in the path. */
BLIT_EXPORT int64_t blit_beneath_open(const char *root, const char *path);
/* The same, making what is missing, on the medium too if asked (mode 0777 less the umask; *made: how many); a descriptor or -errno. */
BLIT_EXPORT int64_t blit_beneath_make(const char *root, const char *path, int64_t sync, uint32_t *made);
/* Packs the entry itself. Its bytes, or -errno. */
BLIT_EXPORT int64_t blit_beneath_facts(const char *root, const char *path, void *out, uint64_t cap);
/* Removes entries of a directory, named one after the other with their NULs: all empty directories, or all none. How many are
 * gone, or -errno; errors[i] is 0 or the errno. */
BLIT_EXPORT int64_t blit_beneath_remove(const char *root, const char *path, const char *names, uint64_t count, int64_t directories,
	int32_t *errors);
BLIT_EXPORT int64_t blit_beneath_space(const char *root, const char *path, struct blit_space *out);

/* --- walk.c: a tree beneath a root, at a cost for each directory that does not grow with its depth --- */

/*
 * Packs as many entries of a directory as fit; the bytes, or -errno. *more: there are others. With *state NULL the walk begins at the
 * path, whose depth is 0. After that `name` is a directory to be entered below the one of that depth, which the walk is at or was at
 * on its way; "" continues. names_only: nothing but name and kind, without looking at entries whose kind the directory tells.
 * -ESTALE where a directory was moved away meanwhile.
 */
BLIT_EXPORT int64_t blit_walk_list(const char *root, const char *path, struct blit_walk **state, uint32_t depth, const char *name,
	int64_t names_only, void *out, uint64_t cap, uint32_t *more);
/* As blit_beneath_remove, in the directory of that depth, which the walk is at or was at on its way; it is there then. */
BLIT_EXPORT int64_t blit_walk_remove(struct blit_walk *state, uint32_t depth, const char *names, uint64_t count, int64_t directories,
	int32_t *errors);
BLIT_EXPORT int64_t blit_walk_end(struct blit_walk *state);

/* --- sockets.c, connect.c: TCP connections of this process --- */

struct blit_socket {
	int32_t fd;
	uint16_t local_port, peer_port;
	uint8_t peer[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct blit_peer {
	uint32_t port;
	char address[60]; /* as text; IPv4 plain */
};

/* Connections whose local port is that; their number, at most cap. */
BLIT_EXPORT int64_t blit_sockets_list(uint32_t local_port, struct blit_socket *out, uint64_t cap);
/* Shuts those that still are what they were; how many. */
BLIT_EXPORT int64_t blit_sockets_shut(const struct blit_socket *list, uint64_t count);
/* Connections that a listening socket of this process accepts on that port break when their peer's system has not answered for so long
 * (0: as long as TCP likes); how many such sockets there are. */
BLIT_EXPORT int64_t blit_listener_tend(uint32_t port, uint32_t unanswered_ms);
/* A listening socket at an address, or at all of them where it is ""; the connections that it accepts begin as lanes do. *bound: its
 * port. The descriptor, or -errno. */
BLIT_EXPORT int64_t blit_socket_listen(const char *address, uint32_t port, uint32_t *bound);
/* The descriptor of a connection that has come in there, or -errno; -EAGAIN where none has. *peer: who it is. */
BLIT_EXPORT int64_t blit_socket_accept(int32_t fd, struct blit_peer *peer);
/* Makes a connection fit to be a lane. `congestion`: congestion control to be used where that is possible; "" leaves the choice to the
 * shim. 0. */
BLIT_EXPORT int64_t blit_socket_settle(int32_t fd, const char *congestion);
/*
 * Connects on a thread of its own, within timeout_ms once the host's addresses are known, and sends `first`. The descriptor that is
 * returned gives an int32_t as soon as that is over: the connection's descriptor, or -errno. Or -errno at once.
 */
BLIT_EXPORT int64_t blit_socket_dial(const char *host, uint32_t port, const char *congestion, const void *first, uint64_t len,
	int64_t timeout_ms);
/* Two connected descriptors. 0 or -errno. */
BLIT_EXPORT int64_t blit_socket_pair(int32_t out[2]);
/* What there is; bytes, 0 at the end, -errno; -EAGAIN where there is nothing yet. */
BLIT_EXPORT int64_t blit_descriptor_read(int32_t fd, void *out, uint64_t cap);
/* As much as is taken at once; bytes, or -errno; -EAGAIN where it takes nothing now. */
BLIT_EXPORT int64_t blit_descriptor_write(int32_t fd, const void *data, uint64_t len);
/* Ends both directions, and whatever waits on it. */
BLIT_EXPORT int64_t blit_descriptor_shut(int32_t fd);
BLIT_EXPORT int64_t blit_descriptor_close(int32_t fd);
/* Connections to that port send small messages at once from now on, whatever is unacknowledged, and break when their peer's system has
 * not answered for so long (0: as long as TCP likes); how many there are. */
BLIT_EXPORT int64_t blit_sockets_tend(uint32_t peer_port, uint32_t unanswered_ms);
/* Whether the process ignores the signal: 1, or 0. */
BLIT_EXPORT int64_t blit_signal_ignored(int32_t number);
/* Gives the system back what the C library keeps of freed memory. 0. */
BLIT_EXPORT int64_t blit_memory_release(void);
/* How many descriptors the process may have. */
BLIT_EXPORT int64_t blit_descriptors_max(void);

#endif
