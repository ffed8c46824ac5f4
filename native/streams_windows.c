/* Windows: alternate data streams, the further contents of a file under names of their own. */
#include "copy_windows_parts.h"

/* The bytes of one stream at its present place. 0 or a Windows error. */
static DWORD pump(HANDLE source, HANDLE target, char *buffer, struct blit_windows_copy *copy)
{
	for (;;) {
		DWORD n, m;
		if (copy_stopped(copy))
			return ERROR_REQUEST_ABORTED;
		if (!ReadFile(source, buffer, COPY_BUFFER, &n, NULL))
			return GetLastError();
		if (n == 0)
			return 0;
		if (!WriteFile(target, buffer, n, &m, NULL))
			return GetLastError();
		if (m < n)
			return ERROR_DISK_FULL;
	}
}

static wchar_t *joined(const wchar_t *path, const wchar_t *stream)
{
	size_t a = wcslen(path), b = wcslen(stream);
	wchar_t *both = malloc((a + b + 1) * sizeof *both);
	if (both) {
		memcpy(both, path, a * sizeof *both);
		memcpy(both + a, stream, (b + 1) * sizeof *both);
	}
	return both;
}

static DWORD copy_stream(const wchar_t *from, const wchar_t *to, const wchar_t *stream, char *buffer,
	struct blit_windows_copy *copy)
{
	wchar_t *source_path = joined(from, stream), *target_path = joined(to, stream);
	HANDLE source = INVALID_HANDLE_VALUE, target = INVALID_HANDLE_VALUE;
	DWORD error = ERROR_NOT_ENOUGH_MEMORY;
	if (!source_path || !target_path)
		goto out;
	error = 0;
	source = copy_open_source(source_path);
	if (source == INVALID_HANDLE_VALUE) {
		error = GetLastError();
		goto out;
	}
	target = CreateFileW(target_path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
	if (target == INVALID_HANDLE_VALUE) {
		copy->lost |= BLIT_WINDOWS_LOST_STREAMS; /* FAT and many network drives know no streams */
		goto out;
	}
	error = pump(source, target, buffer, copy);
out:
	if (source != INVALID_HANDLE_VALUE)
		CloseHandle(source);
	if (target != INVALID_HANDLE_VALUE)
		CloseHandle(target);
	free(source_path);
	free(target_path);
	return error;
}

DWORD streams_copy(const wchar_t *from, const wchar_t *to, char *buffer, struct blit_windows_copy *copy)
{
	WIN32_FIND_STREAM_DATA stream;
	HANDLE search = FindFirstStreamW(from, FindStreamInfoStandard, &stream, 0);
	DWORD error = 0;
	if (search == INVALID_HANDLE_VALUE)
		return 0; /* no streams at all: the end of the list, or a file system without them */
	do {
		if (wcscmp(stream.cStreamName, L"::$DATA") != 0)
			error = copy_stream(from, to, stream.cStreamName, buffer, copy);
	} while (!error && FindNextStreamW(search, &stream));
	FindClose(search);
	return error;
}
