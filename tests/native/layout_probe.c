/*
 * Prints what lib/native/layout.ts, packed_batch.ts and errno.ts must agree with: sizes, numbers and structures of
 * native/blit.h, filled with values that layout_test.ts knows. One fact per line, bytes as hex.
 */
#include "engine.h"

#define SHOW(name) printf("number %s %lld\n", #name, (long long)(name))
#define SIZE(name) printf("size %s %zu\n", #name, sizeof(struct name))

static void bytes(const char *what, const void *data, size_t len)
{
	printf("bytes %s ", what);
	for (size_t i = 0; i < len; i++)
		printf("%02x", ((const unsigned char *)data)[i]);
	printf("\n");
}

static void numbers(void)
{
	SHOW(BLIT_ABI);
	SHOW(BLIT_OP_LIST); SHOW(BLIT_OP_APPLY); SHOW(BLIT_OP_OPEN); SHOW(BLIT_OP_RANGE); SHOW(BLIT_OP_FINISH); SHOW(BLIT_OP_LINK);
	SHOW(BLIT_OP_REMOVE); SHOW(BLIT_OP_SETTLE);
	SHOW(BLIT_OP_PACK); SHOW(BLIT_OP_SEND); SHOW(BLIT_OP_STORE); SHOW(BLIT_OP_RECEIVE); SHOW(BLIT_OP_HASH); SHOW(BLIT_OP_LANE); SHOW(BLIT_OP_STANDS);
	SHOW(BLIT_ASIDE_FACTS); SHOW(BLIT_ASIDE_SPACE); SHOW(BLIT_ASIDE_REMOVE); SHOW(BLIT_ASIDE_OPEN); SHOW(BLIT_ASIDE_MAKE);
	SHOW(BLIT_ASIDE_WALK_LIST); SHOW(BLIT_ASIDE_WALK_REMOVE); SHOW(BLIT_ASIDE_ENGINE_OPEN); SHOW(BLIT_ASIDE_PATH_FACTS);
	SHOW(BLIT_ASIDE_PATH_REAL); SHOW(BLIT_ASIDE_PATH_SPACE); SHOW(BLIT_ASIDE_PATH_UPWARDS); SHOW(BLIT_ASIDE_PATH_ASK); SHOW(BLIT_ASIDE_ARGS);
	SHOW(BLIT_MAKE); SHOW(BLIT_REPLACE); SHOW(BLIT_METADATA); SHOW(BLIT_CONTENT); SHOW(BLIT_FORGET); SHOW(BLIT_PROBE); SHOW(BLIT_ACTION_SHIFT);
	SHOW(BLIT_CFG_VERIFY); SHOW(BLIT_CFG_FSYNC); SHOW(BLIT_CFG_DISCARD); SHOW(BLIT_CFG_MOVE); SHOW(BLIT_CFG_READ_ONLY);
	SHOW(BLIT_CFG_BACKUP); SHOW(BLIT_CFG_RESUME); SHOW(BLIT_CFG_ONE_FS); SHOW(BLIT_CFG_WITHHOLD); SHOW(BLIT_CFG_KEEP_MOUNTS);
	SHOW(BLIT_SRC); SHOW(BLIT_DST); SHOW(BLIT_MKDIR); SHOW(BLIT_STAT); SHOW(BLIT_ALL); SHOW(BLIT_NAMED); SHOW(BLIT_MORE);
	SHOW(BLIT_FORCE); SHOW(BLIT_COMMIT); SHOW(BLIT_RMDIR); SHOW(BLIT_RMSRC); SHOW(BLIT_DROP); SHOW(BLIT_SKIP);
	SHOW(BLIT_TAKE); SHOW(BLIT_CLOSE);
	SHOW(BLIT_REMOTE); SHOW(BLIT_DIGEST); SHOW(BLIT_LAST); SHOW(BLIT_HELD); SHOW(BLIT_LEFT_OUT); SHOW(BLIT_KERNEL); SHOW(BLIT_PLAIN);
	SHOW(BLIT_D_FAILED); SHOW(BLIT_D_LARGE); SHOW(BLIT_D_LINKED); SHOW(BLIT_D_SAME); SHOW(BLIT_D_DIFFERENT);
	SHOW(BLIT_LOST_XATTR); SHOW(BLIT_LOST_ACL); SHOW(BLIT_LOST_OWNER); SHOW(BLIT_LOST_MODE); SHOW(BLIT_LOST_TIMES); SHOW(BLIT_LOST_SETID);
	SHOW(BLIT_LOST_RIGHTS); SHOW(BLIT_LOST_LABELS); SHOW(BLIT_LOST_NODES);
	SHOW(BLIT_DIFF_SIZE); SHOW(BLIT_DIFF_MTIME); SHOW(BLIT_DIFF_MODE); SHOW(BLIT_DIFF_OWNER); SHOW(BLIT_DIFF_XATTR);
	SHOW(BLIT_DIFF_TARGET); SHOW(BLIT_DIFF_LINKED); SHOW(BLIT_DIFF_KIND); SHOW(BLIT_DIFF_ERROR); SHOW(BLIT_DIFF_DST_LINKED); SHOW(BLIT_DIFF_FOLDED); SHOW(BLIT_DIFF_UNTOLD);
	SHOW(BLIT_KIND_NONE); SHOW(BLIT_KIND_FILE); SHOW(BLIT_KIND_SYMLINK); SHOW(BLIT_KIND_FIFO); SHOW(BLIT_KIND_SOCKET);
	SHOW(BLIT_KIND_CHAR); SHOW(BLIT_KIND_BLOCK); SHOW(BLIT_KIND_DIR);
	SHOW(BLIT_STEP_LIST_SRC); SHOW(BLIT_STEP_MASK); SHOW(BLIT_STEP_ATTR_SHIFT); SHOW(BLIT_STEP_ATTR_MASK); SHOW(BLIT_STEP_PLACED);
}

#define ERRNO(name) printf("errno %s %d\n", #name, name)

static void errors(void)
{
	ERRNO(EPERM); ERRNO(ENOENT); ERRNO(EIO); ERRNO(ENXIO); ERRNO(EAGAIN); ERRNO(ENOMEM); ERRNO(EACCES); ERRNO(EBUSY);
	ERRNO(EEXIST); ERRNO(EXDEV); ERRNO(ENOTDIR); ERRNO(EISDIR); ERRNO(EINVAL); ERRNO(ENFILE); ERRNO(EMFILE); ERRNO(ETXTBSY);
	ERRNO(EFBIG); ERRNO(ENOSPC); ERRNO(EROFS); ERRNO(EMLINK); ERRNO(ENAMETOOLONG); ERRNO(ENOSYS); ERRNO(ENOTEMPTY);
	ERRNO(ELOOP); ERRNO(ENODATA); ERRNO(EBADMSG); ERRNO(EOVERFLOW); ERRNO(EILSEQ); ERRNO(EOPNOTSUPP); ERRNO(ENOTCONN);
	ERRNO(ETIMEDOUT); ERRNO(EHOSTDOWN); ERRNO(ESTALE); ERRNO(EUCLEAN); ERRNO(EREMOTEIO); ERRNO(EDQUOT);
}

static void structures(void)
{
	SIZE(blit_config); SIZE(blit_task); SIZE(blit_result); SIZE(blit_detail); SIZE(blit_batch); SIZE(blit_counters);
	struct blit_task task = { .op = BLIT_OP_SETTLE, .id = 0x81020304, .dir = 0x91020304, .flags = 0xa1020304,
		.batch = 0xb102030405060708, .first = 0xc1020304, .count = 0xd1020304, .handle = 0xe102030405060708,
		.offset = 0x0012345678abcdef, .length = 0x001fffffffffffff, .parent = 0xf1020304, .payload_len = 0x71020304 };
	bytes("task", &task, sizeof task);
	struct { struct blit_result r; struct blit_detail d[2]; } result = {
		.r = { .op = BLIT_OP_APPLY, .id = 0x81020304, .status = -EACCES, .details = 2, .batch = 0xb102030405060708,
			.batch_len = 0x0010000000000008, .handle = 0xe102030405060708, .bytes = 0x0012345678abcdef, .done = 0x91020304,
			.step = 0xa1020304, .flags = 0xc1020304, .lost = 0xd1020304, .taken = 0x71020304, .unchanged = 0x61020304,
			.unchanged_bytes = 0x0010000000000009 },
		.d = { { 0x81020304, 0x91020304, 0xb102030405060708, 0xe102030405060708 }, { 5, 6, 7, 8 } },
	};
	bytes("result", &result, sizeof result);
}

static void add(struct batch_builder *b, const char *name, uint8_t group, uint8_t kind, uint16_t diff, const struct facts *f)
{
	struct row *row;
	if (builder_add(b, name, strlen(name), &row))
		exit(1);
	row->group = group;
	row->kind = kind;
	row->dst_kind = BLIT_KIND_SYMLINK;
	row->diff = diff;
	row->known = f != NULL;
	if (f)
		row->facts = *f;
	b->any_stat |= row->known;
}

/* The same entries with and without what a stat tells; rows in another order than the batch has them. */
static void batch(const char *what, bool stats)
{
	struct facts file = { .mode = S_IFREG | 0644, .uid = 1, .gid = 2, .nlink = 3, .size = 0x0010000000000001,
		.ino = 0xb102030405060708, .dev = 0x0000081100000001, .mtime = { -5, 250000000 } };
	struct facts error = { .size = EACCES, .mode = BLIT_STEP_LIST_SRC };
	struct batch_builder b = { 0 };
	add(&b, "extra", 2, BLIT_KIND_FIFO, 0, NULL);
	add(&b, "\xff\xfe", 1, BLIT_KIND_DIR, 0, NULL);
	add(&b, "file", 0, BLIT_KIND_FILE, BLIT_DIFF_SIZE | BLIT_DIFF_DST_LINKED, stats ? &file : NULL);
	add(&b, "broken", 0, BLIT_KIND_FILE, BLIT_DIFF_ERROR, stats ? &error : NULL);
	struct blit_batch *made = builder_finish(&b, 9);
	if (!made)
		exit(1);
	made->unchanged = 0x81020304;
	made->unchanged_bytes = 0x0012345678abcdef;
	made->dir_diff = BLIT_DIFF_MODE;
	bytes(what, made, made->length);
	free(made);
	builder_free(&b);
}

int main(void)
{
	numbers();
	errors();
	structures();
	batch("batch", true);
	batch("blind", false);
	return 0;
}
