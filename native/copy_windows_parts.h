/* Inside the Windows copy: what its files share with each other. Only they include this. */
#ifndef BLIT_COPY_WINDOWS_PARTS_H
#define BLIT_COPY_WINDOWS_PARTS_H

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0602
#endif
#include <windows.h>
#include <winioctl.h>

#include <stdbool.h>
#include <stdlib.h>
#include <wchar.h>

#include "copy_windows.h"

/* Linux' numbers. */
enum {
	L_ENOENT = 2, L_EIO = 5, L_EBADF = 9, L_EAGAIN = 11, L_ENOMEM = 12, L_EACCES = 13, L_EBUSY = 16, L_EEXIST = 17, L_EXDEV = 18,
	L_ENOTDIR = 20, L_EISDIR = 21, L_EINVAL = 22, L_EMFILE = 24, L_EFBIG = 27, L_ENOSPC = 28, L_EROFS = 30, L_EMLINK = 31,
	L_ENAMETOOLONG = 36, L_ENOTEMPTY = 39, L_EILSEQ = 84, L_EOPNOTSUPP = 95, L_ETIMEDOUT = 110, L_EHOSTDOWN = 112, L_EDQUOT = 122,
};

#define COPY_BUFFER (1u << 20)

static inline bool copy_stopped(struct blit_windows_copy *copy)
{
	return __atomic_load_n(&copy->stop, __ATOMIC_RELAXED) != 0;
}

static inline void copy_show(struct blit_windows_copy *copy, uint64_t copied, uint64_t total)
{
	__atomic_store_n(&copy->total, total, __ATOMIC_RELAXED);
	__atomic_store_n(&copy->copied, copied, __ATOMIC_RELAXED);
}

/* A file or directory for reading, a symlink as itself. INVALID_HANDLE_VALUE on failure. */
HANDLE copy_open_source(const wchar_t *path);

/* --- content_windows.c. `target` has its final size already; `buffer` holds COPY_BUFFER bytes. 0 or a Windows error --- */
typedef DWORD copy_content(HANDLE source, HANDLE target, uint64_t size, char *buffer, struct blit_windows_copy *copy);
copy_content content_by_ranges; /* what is allocated in the source; the rest stays a hole */
copy_content content_by_clone;  /* ERROR_NOT_SUPPORTED where the volume does not share extents */
bool content_can_clone(HANDLE file);

/* --- streams_windows.c --- */
/* All streams but the main one. 0 or a Windows error; what the target cannot hold is noted in `lost`. */
DWORD streams_copy(const wchar_t *from, const wchar_t *to, char *buffer, struct blit_windows_copy *copy);

#endif
