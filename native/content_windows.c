/* Windows: the content of a file by its allocated ranges, or by sharing its extents (block cloning on ReFS and Dev Drive). */
#include "copy_windows_parts.h"

/* Newer than the headers of the oldest supported cross compiler. */
#ifndef FILE_SUPPORTS_BLOCK_REFCOUNTING
#define FILE_SUPPORTS_BLOCK_REFCOUNTING 0x08000000
#endif
#ifndef FSCTL_DUPLICATE_EXTENTS_TO_FILE
#define FSCTL_DUPLICATE_EXTENTS_TO_FILE CTL_CODE(FILE_DEVICE_FILE_SYSTEM, 209, METHOD_BUFFERED, FILE_WRITE_DATA)
#endif
#ifndef FSCTL_GET_INTEGRITY_INFORMATION
#define FSCTL_GET_INTEGRITY_INFORMATION CTL_CODE(FILE_DEVICE_FILE_SYSTEM, 159, METHOD_BUFFERED, FILE_ANY_ACCESS)
#define FSCTL_SET_INTEGRITY_INFORMATION CTL_CODE(FILE_DEVICE_FILE_SYSTEM, 160, METHOD_BUFFERED, FILE_READ_DATA | FILE_WRITE_DATA)
#endif

struct extents { HANDLE source; LARGE_INTEGER source_at, target_at, length; };
struct integrity { WORD algorithm, reserved; DWORD flags, chunk, cluster; };
struct integrity_change { WORD algorithm, reserved; DWORD flags; };

/* A request must stay below 4 GiB and end on a cluster's edge; a cluster has at most 64 KiB. */
#define CLONE_STEP (1ull << 30)
#define RANGES 256

static bool control(HANDLE file, DWORD code, void *in, DWORD in_size, void *out, DWORD out_size)
{
	DWORD returned;
	return DeviceIoControl(file, code, in, in_size, out, out_size, &returned, NULL);
}

/* --- allocated ranges --- */

static DWORD copy_range(HANDLE source, HANDLE target, uint64_t at, uint64_t length, char *buffer, struct blit_windows_copy *copy)
{
	while (length > 0) {
		DWORD n = length < COPY_BUFFER ? (DWORD)length : COPY_BUFFER, m;
		OVERLAPPED place = { .Offset = (DWORD)at, .OffsetHigh = (DWORD)(at >> 32) };
		if (copy_stopped(copy))
			return ERROR_REQUEST_ABORTED;
		if (!ReadFile(source, buffer, n, &n, &place))
			return GetLastError() == ERROR_HANDLE_EOF ? 0 : GetLastError(); /* shrank: the caller sees that it changed */
		if (n == 0)
			return 0;
		place = (OVERLAPPED){ .Offset = (DWORD)at, .OffsetHigh = (DWORD)(at >> 32) };
		if (!WriteFile(target, buffer, n, &m, &place))
			return GetLastError();
		if (m < n)
			return ERROR_DISK_FULL;
		at += n;
		length -= n;
		copy_show(copy, copy->copied + n, copy->total);
	}
	return 0;
}

DWORD content_by_ranges(HANDLE source, HANDLE target, uint64_t size, char *buffer, struct blit_windows_copy *copy)
{
	FILE_ALLOCATED_RANGE_BUFFER query = { .Length.QuadPart = size }, ranges[RANGES];
	for (bool more = true; more;) {
		DWORD returned = 0, error;
		more = false;
		if (!DeviceIoControl(source, FSCTL_QUERY_ALLOCATED_RANGES, &query, sizeof query, ranges, sizeof ranges, &returned, NULL)) {
			if (GetLastError() != ERROR_MORE_DATA) { /* no such question here: all of it is data */
				copy->lost |= BLIT_WINDOWS_LOST_HOLES;
				return copy_range(source, target, query.FileOffset.QuadPart, query.Length.QuadPart, buffer, copy);
			}
			more = true;
		}
		DWORD count = returned / sizeof *ranges;
		for (DWORD i = 0; i < count; i++) {
			uint64_t at = ranges[i].FileOffset.QuadPart, length = ranges[i].Length.QuadPart;
			if ((error = copy_range(source, target, at, at + length > size ? size - at : length, buffer, copy)))
				return error;
			query.FileOffset.QuadPart = at + length;
		}
		query.Length.QuadPart = size - query.FileOffset.QuadPart;
		more = more && count > 0 && query.Length.QuadPart > 0;
	}
	return 0;
}

/* --- shared extents --- */

/* The target must have the source's checksums, or cloning is refused. False where the volume does not clone at all. */
static bool align_integrity(HANDLE source, HANDLE target, DWORD *cluster)
{
	struct integrity s, t;
	if (!control(source, FSCTL_GET_INTEGRITY_INFORMATION, NULL, 0, &s, sizeof s) ||
		!control(target, FSCTL_GET_INTEGRITY_INFORMATION, NULL, 0, &t, sizeof t) || s.cluster == 0)
		return false;
	*cluster = s.cluster;
	struct integrity_change change = { s.algorithm, 0, s.flags };
	return (s.algorithm == t.algorithm && s.flags == t.flags) ||
		control(target, FSCTL_SET_INTEGRITY_INFORMATION, &change, sizeof change, NULL, 0);
}

DWORD content_by_clone(HANDLE source, HANDLE target, uint64_t size, char *buffer, struct blit_windows_copy *copy)
{
	DWORD cluster;
	(void)buffer;
	if (!align_integrity(source, target, &cluster))
		return ERROR_NOT_SUPPORTED;
	for (uint64_t at = 0; at < size; at += CLONE_STEP) {
		uint64_t length = size - at < CLONE_STEP ? size - at : CLONE_STEP;
		/* the last cluster is shared whole; the target's size, set before, says where the file ends */
		length = (length + cluster - 1) / cluster * cluster;
		struct extents step = { source, { .QuadPart = at }, { .QuadPart = at }, { .QuadPart = length } };
		if (copy_stopped(copy))
			return ERROR_REQUEST_ABORTED;
		if (!control(target, FSCTL_DUPLICATE_EXTENTS_TO_FILE, &step, sizeof step, NULL, 0))
			return GetLastError();
		copy_show(copy, at + length < size ? at + length : size, size);
	}
	return 0;
}

bool content_can_clone(HANDLE file)
{
	DWORD features = 0;
	return GetVolumeInformationByHandleW(file, NULL, 0, NULL, NULL, &features, NULL, 0) &&
		(features & FILE_SUPPORTS_BLOCK_REFCOUNTING);
}
