/*
 * Windows: the copy of one file. See copy_windows.h for the contract.
 *
 * Three ways, the first that fits: 1. block cloning, where both ends are on one volume that shares extents; 2. for a sparse
 * file its allocated ranges, since CopyFileEx would fill the holes; 3. CopyFileExW. The first two make the file themselves, so
 * they also bring streams over; CopyFileExW does that on its own. Attributes and times come last and are those the file
 * had when it was opened: had it changed meanwhile, the copy would pass for one of the new content.
 */
#include "copy_windows_parts.h"

/* The numbers of enum blit_method in blit.h, which is not included: its declarations are those of the engine. */
enum { METHOD_REFLINK = 0, METHOD_READ_WRITE = 2 };

/* -errno of the error `error`, which is remembered for the caller. */
static int64_t failed(struct blit_windows_copy *copy, DWORD error)
{
	copy->system_error = error;
	return error ? -(int64_t)blit_windows_errno(error) : -L_EIO;
}

HANDLE copy_open_source(const wchar_t *path)
{
	DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
	/* the link itself, not what it leads to; a directory opens too, so that it can be told from an error */
	DWORD how = FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_SEQUENTIAL_SCAN;
	return CreateFileW(path, GENERIC_READ, share, NULL, OPEN_EXISTING, how, NULL);
}

/* What a source was when it was opened. */
struct source {
	HANDLE file;
	const wchar_t *path;
	DWORD attributes, volume;
	uint64_t size;
	FILE_BASIC_INFO basics;
};

static DWORD look_at(HANDLE file, const wchar_t *path, struct source *s)
{
	BY_HANDLE_FILE_INFORMATION info;
	if (!GetFileInformationByHandle(file, &info) ||
		!GetFileInformationByHandleEx(file, FileBasicInfo, &s->basics, sizeof s->basics))
		return GetLastError();
	s->file = file;
	s->path = path;
	s->attributes = info.dwFileAttributes;
	s->volume = info.dwVolumeSerialNumber;
	s->size = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
	return 0;
}

static bool changed(const struct source *s)
{
	struct source now;
	return look_at(s->file, s->path, &now) != 0 || now.size != s->size ||
		now.basics.LastWriteTime.QuadPart != s->basics.LastWriteTime.QuadPart;
}

/* Attributes and all times. What cannot be kept is noted. */
static void apply_basics(const struct source *s, const wchar_t *to, struct blit_windows_copy *copy)
{
	const DWORD settable = FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM | FILE_ATTRIBUTE_ARCHIVE |
		FILE_ATTRIBUTE_TEMPORARY | FILE_ATTRIBUTE_NOT_CONTENT_INDEXED;
	FILE_BASIC_INFO basics = s->basics;
	HANDLE target = CreateFileW(to, FILE_WRITE_ATTRIBUTES, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
		OPEN_EXISTING, FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS, NULL);
	basics.FileAttributes &= settable;
	if (basics.FileAttributes == 0)
		basics.FileAttributes = FILE_ATTRIBUTE_NORMAL; /* 0 would leave it as it is */
	if (target == INVALID_HANDLE_VALUE || !SetFileInformationByHandle(target, FileBasicInfo, &basics, sizeof basics))
		copy->lost |= BLIT_WINDOWS_LOST_ATTRIBUTES;
	if (target != INVALID_HANDLE_VALUE)
		CloseHandle(target);
}

/* The end of every way: the file is whole, or it goes. */
static int64_t settle(const struct source *s, const wchar_t *to, DWORD error, struct blit_windows_copy *copy)
{
	if (!error && !changed(s)) {
		apply_basics(s, to, copy);
		copy_show(copy, s->size, s->size);
		return (int64_t)s->size;
	}
	SetFileAttributesW(to, FILE_ATTRIBUTE_NORMAL); /* CopyFileEx may have made it read-only, which keeps it */
	DeleteFileW(to);
	return error ? failed(copy, error) : -BLIT_WINDOWS_CHANGED;
}

/* --- a file that is made here, not by CopyFileEx --- */

static bool set_sparse(HANDLE file)
{
	DWORD returned;
	return DeviceIoControl(file, FSCTL_SET_SPARSE, NULL, 0, NULL, 0, &returned, NULL);
}

static DWORD fill_target(const struct source *s, HANDLE target, copy_content *content, char *buffer,
	struct blit_windows_copy *copy)
{
	FILE_END_OF_FILE_INFO end = { .EndOfFile.QuadPart = (LONGLONG)s->size };
	BY_HANDLE_FILE_INFORMATION there;
	if (content == content_by_clone && (!GetFileInformationByHandle(target, &there) || there.dwVolumeSerialNumber != s->volume))
		return ERROR_NOT_SAME_DEVICE;
	/* before the size is set, or the holes would be filled */
	if ((s->attributes & FILE_ATTRIBUTE_SPARSE_FILE) && !set_sparse(target))
		copy->lost |= BLIT_WINDOWS_LOST_HOLES;
	if (!SetFileInformationByHandle(target, FileEndOfFileInfo, &end, sizeof end))
		return GetLastError();
	copy_show(copy, 0, s->size);
	return content(s->file, target, s->size, buffer, copy);
}

static int64_t make_file(const struct source *s, const wchar_t *to, copy_content *content, struct blit_windows_copy *copy)
{
	char *buffer = malloc(COPY_BUFFER);
	if (!buffer)
		return failed(copy, ERROR_NOT_ENOUGH_MEMORY);
	HANDLE target = CreateFileW(to, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_NEW,
		FILE_FLAG_SEQUENTIAL_SCAN | FILE_FLAG_OPEN_REPARSE_POINT, NULL); /* a link that stands there is not followed */
	if (target == INVALID_HANDLE_VALUE) {
		free(buffer);
		return failed(copy, GetLastError());
	}
	copy->method = content == content_by_clone ? METHOD_REFLINK : METHOD_READ_WRITE;
	DWORD error = fill_target(s, target, content, buffer, copy);
	CloseHandle(target);
	if (!error)
		error = streams_copy(s->path, to, buffer, copy);
	free(buffer);
	return settle(s, to, error, copy);
}

/* --- CopyFileExW --- */

static DWORD CALLBACK watch(LARGE_INTEGER total, LARGE_INTEGER copied, LARGE_INTEGER stream_size, LARGE_INTEGER stream_copied,
	DWORD stream, DWORD reason, HANDLE source, HANDLE target, void *context)
{
	struct blit_windows_copy *copy = context;
	(void)stream_size, (void)stream_copied, (void)stream, (void)reason, (void)source, (void)target;
	copy_show(copy, copied.QuadPart, total.QuadPart);
	return copy_stopped(copy) ? PROGRESS_CANCEL : PROGRESS_CONTINUE;
}

static int64_t copy_by_system(const struct source *s, const wchar_t *to, uint32_t flags, struct blit_windows_copy *copy)
{
	DWORD how = COPY_FILE_COPY_SYMLINK | COPY_FILE_FAIL_IF_EXISTS | (flags & BLIT_WINDOWS_UNBUFFERED ? COPY_FILE_NO_BUFFERING : 0);
	copy->method = METHOD_READ_WRITE;
	if (copy_stopped(copy))
		return failed(copy, ERROR_REQUEST_ABORTED);
	/* takes away itself what it began */
	if (!CopyFileExW(s->path, to, watch, copy, (BOOL *)&copy->stop, how))
		return failed(copy, GetLastError());
	return settle(s, to, 0, copy);
}

/* --- the ways --- */

static int64_t copy_source(const struct source *s, const wchar_t *to, uint32_t flags, struct blit_windows_copy *copy)
{
	DWORD kind = s->attributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT);
	if (kind & FILE_ATTRIBUTE_DIRECTORY)
		return -L_EISDIR;
	if (kind == 0 && s->size > 0 && !(flags & BLIT_WINDOWS_NO_CLONE) && content_can_clone(s->file)) {
		int64_t n = make_file(s, to, content_by_clone, copy);
		/* another volume, too many sharers, a filter driver in between: the bytes can always be copied */
		if (n != -L_EOPNOTSUPP && n != -L_EXDEV && n != -L_EINVAL && n != -L_EIO)
			return n;
		copy->lost = copy->system_error = 0;
	}
	if (kind == 0 && (s->attributes & FILE_ATTRIBUTE_SPARSE_FILE))
		return make_file(s, to, content_by_ranges, copy);
	return copy_by_system(s, to, flags, copy);
}

int64_t blit_windows_copy_file(const uint16_t *from, const uint16_t *to, uint32_t flags, struct blit_windows_copy *copy)
{
	struct source s;
	HANDLE file = copy_open_source((const wchar_t *)from);
	if (file == INVALID_HANDLE_VALUE)
		return failed(copy, GetLastError());
	DWORD error = look_at(file, (const wchar_t *)from, &s);
	int64_t n = error ? failed(copy, error) : copy_source(&s, (const wchar_t *)to, flags, copy);
	CloseHandle(file);
	return n;
}

int64_t blit_windows_copy_by(enum blit_windows_way way, const uint16_t *from, const uint16_t *to, struct blit_windows_copy *copy)
{
	struct source s;
	HANDLE file = copy_open_source((const wchar_t *)from);
	if (file == INVALID_HANDLE_VALUE)
		return failed(copy, GetLastError());
	DWORD error = look_at(file, (const wchar_t *)from, &s);
	copy_content *content = way == BLIT_WINDOWS_BY_CLONE ? content_by_clone : content_by_ranges;
	int64_t n = error ? failed(copy, error) : make_file(&s, (const wchar_t *)to, content, copy);
	CloseHandle(file);
	return n;
}

uint64_t blit_windows_available_memory(void)
{
	MEMORYSTATUSEX status = { .dwLength = sizeof status };
	return GlobalMemoryStatusEx(&status) ? status.ullAvailPhys : 0;
}
