/* Windows: the copy of one file by the system's own means. Callable through FFI; nothing here needs the engine. */
#ifndef BLIT_COPY_WINDOWS_H
#define BLIT_COPY_WINDOWS_H

#include <stdint.h>

#ifdef _WIN32
#define BLIT_WINDOWS_EXPORT __declspec(dllexport)
#else
#define BLIT_WINDOWS_EXPORT
#endif

enum blit_windows_flag {
	BLIT_WINDOWS_UNBUFFERED = 1 << 0, /* past the system's cache, where CopyFileExW copies; lib/tune/windows_rules.ts decides */
	BLIT_WINDOWS_NO_CLONE = 1 << 1,   /* write every byte, share no extents */
};

enum blit_windows_lost {
	BLIT_WINDOWS_LOST_STREAMS = 1 << 0,    /* alternate data streams */
	BLIT_WINDOWS_LOST_ATTRIBUTES = 1 << 1, /* attributes or times */
	BLIT_WINDOWS_LOST_HOLES = 1 << 2,      /* the file became dense */
};

/* What a running copy shows and hears. Shared with TypeScript, little-endian; whoever calls sets it to zeros first. */
struct blit_windows_copy {
	uint64_t copied; /* bytes so far, growing */
	uint64_t total;
	uint32_t stop;   /* anything but 0: give up; the copy then returns -BLIT_WINDOWS_STOPPED */
	uint32_t method; /* at the end: enum blit_method of blit.h */
	uint32_t lost;   /* at the end: enum blit_windows_lost */
	uint32_t system_error; /* at the end: what GetLastError said, 0 without an error */
};

/* The same numbers as in blit.h, whose errors TypeScript knows; Windows' own are mapped to Linux' errno. */
enum { BLIT_WINDOWS_CHANGED = 4001, BLIT_WINDOWS_STOPPED = 4005 };

/*
 * Copies the file `from` to `to`: content, alternate data streams, attributes and times; a symlink as a symlink. Shares
 * extents where the volume can (ReFS, Dev Drive), keeps holes. Paths are UTF-16 with NUL; long ones begin with \\?\.
 * Returns the bytes of the main stream or -errno: -EEXIST where anything stands at `to`, a link included (what is to be
 * replaced is copied beside it and renamed over it), -BLIT_WINDOWS_CHANGED where the source changed meanwhile. After any other
 * error than -EEXIST nothing is left at `to`.
 */
BLIT_WINDOWS_EXPORT int64_t blit_windows_copy_file(const uint16_t *from, const uint16_t *to, uint32_t flags,
	struct blit_windows_copy *copy);

/* Memory to be had without paging, for the unbuffered rule; 0 where the system does not tell. */
BLIT_WINDOWS_EXPORT uint64_t blit_windows_available_memory(void);

/* For the test program: Linux' errno of a Windows error. */
int blit_windows_errno(uint32_t system_error);
/* For the test program, where no volume has holes or shared extents: one way by itself, without falling back. */
enum blit_windows_way { BLIT_WINDOWS_BY_RANGES, BLIT_WINDOWS_BY_CLONE };
int64_t blit_windows_copy_by(enum blit_windows_way way, const uint16_t *from, const uint16_t *to, struct blit_windows_copy *copy);

#endif
