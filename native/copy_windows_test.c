/*
 * Tests of the Windows copy, for a real Windows or wine (tests/native/copy_windows_test.ts). Exits with 0 when all passed; what
 * the system cannot do (streams, shared extents) is said and passed over.
 */
#define __USE_MINGW_ANSI_STDIO 1 /* its printf knows %lld */
#include "copy_windows_parts.h"

#include <stdio.h>

#define CHECK(condition)                                                                         \
	do {                                                                                         \
		if (!(condition)) {                                                                      \
			fprintf(stderr, "%s:%d: %s: not true: %s\n", __FILE__, __LINE__, __func__, #condition); \
			exit(1);                                                                             \
		}                                                                                        \
	} while (0)

#define CHECK_EQUAL(actual, expected)                                                              \
	do {                                                                                           \
		long long actual_ = (long long)(actual), expected_ = (long long)(expected);                \
		if (actual_ != expected_) {                                                                \
			fprintf(stderr, "%s:%d: %s: %s is %lld, expected %lld\n", __FILE__, __LINE__, __func__, #actual, actual_, \
				expected_);                                                                        \
			exit(1);                                                                               \
		}                                                                                          \
	} while (0)

#define MIB (1u << 20)

static wchar_t folder[MAX_PATH], from_path[2 * MAX_PATH], to_path[2 * MAX_PATH];

#define FROM from_path
#define TO to_path

/* Room for a path in the test's folder that is needed only now. */
static const wchar_t *in_folder(const wchar_t *name)
{
	static wchar_t path[2 * MAX_PATH];
	swprintf(path, 2 * MAX_PATH, L"%ls\\%ls", folder, name);
	return path;
}

static unsigned char byte_at(uint64_t at)
{
	return (unsigned char)(at * 31 + (at >> 12) * 7 + 1);
}

static void write_file(const wchar_t *path, uint64_t size)
{
	HANDLE file = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
	CHECK(file != INVALID_HANDLE_VALUE);
	char *data = malloc(size + 1);
	DWORD n;
	CHECK(data);
	for (uint64_t i = 0; i < size; i++)
		data[i] = byte_at(i);
	CHECK(WriteFile(file, data, (DWORD)size, &n, NULL) && n == size);
	free(data);
	CloseHandle(file);
}

/* A file of zeros that takes long to copy, though not to make. */
static void write_long_file(const wchar_t *path, uint64_t size)
{
	HANDLE file = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
	LARGE_INTEGER end = { .QuadPart = (LONGLONG)size };
	CHECK(file != INVALID_HANDLE_VALUE && SetFilePointerEx(file, end, NULL, FILE_BEGIN) && SetEndOfFile(file));
	CloseHandle(file);
}

static void check_file(const wchar_t *path, uint64_t size)
{
	HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
	CHECK(file != INVALID_HANDLE_VALUE);
	unsigned char *data = malloc(size + 1);
	DWORD n;
	CHECK(data && ReadFile(file, data, (DWORD)size + 1, &n, NULL));
	CHECK_EQUAL(n, size);
	for (uint64_t i = 0; i < size; i++)
		CHECK(data[i] == byte_at(i));
	free(data);
	CloseHandle(file);
}

static bool exists(const wchar_t *path)
{
	return GetFileAttributesW(path) != INVALID_FILE_ATTRIBUTES;
}

static void clean(void)
{
	const wchar_t *paths[] = { FROM, TO };
	for (int i = 0; i < 2; i++) {
		SetFileAttributesW(paths[i], FILE_ATTRIBUTE_NORMAL);
		DeleteFileW(paths[i]);
	}
}

static int64_t copy(const wchar_t *from, const wchar_t *to, uint32_t flags, struct blit_windows_copy *state)
{
	*state = (struct blit_windows_copy){ 0 };
	return blit_windows_copy_file((const uint16_t *)from, (const uint16_t *)to, flags, state);
}

static int64_t copy_by(enum blit_windows_way way, struct blit_windows_copy *state)
{
	*state = (struct blit_windows_copy){ 0 };
	return blit_windows_copy_by(way, (const uint16_t *)FROM, (const uint16_t *)TO, state);
}

/* --- */

static void content_of_any_size_is_copied(void)
{
	const uint64_t sizes[] = { 0, 1, 511, 4096, 65537, 3 * MIB + 7 };
	const uint32_t flags[] = { 0, BLIT_WINDOWS_UNBUFFERED, BLIT_WINDOWS_NO_CLONE };
	struct blit_windows_copy state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (size_t j = 0; j < sizeof flags / sizeof *flags; j++) {
			write_file(FROM, sizes[i]);
			CHECK_EQUAL(copy(FROM, TO, flags[j], &state), sizes[i]);
			check_file(TO, sizes[i]);
			CHECK_EQUAL(state.copied, sizes[i]);
			CHECK_EQUAL(state.total, sizes[i]);
			CHECK_EQUAL(state.system_error, 0);
			if (flags[j] & BLIT_WINDOWS_NO_CLONE)
				CHECK_EQUAL(state.method, 2);
			clean();
		}
}

static FILE_BASIC_INFO basics_of(const wchar_t *path)
{
	FILE_BASIC_INFO basics;
	HANDLE file = CreateFileW(path, FILE_READ_ATTRIBUTES, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
	CHECK(file != INVALID_HANDLE_VALUE && GetFileInformationByHandleEx(file, FileBasicInfo, &basics, sizeof basics));
	CloseHandle(file);
	return basics;
}

static void attributes_and_times_are_copied(void)
{
	struct blit_windows_copy state;
	FILE_BASIC_INFO set = { .LastWriteTime.QuadPart = 131415926535897932, .LastAccessTime.QuadPart = 131415926535897000,
		.CreationTime.QuadPart = 131000000000000000, .FileAttributes = FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN };
	for (int by_system = 0; by_system < 2; by_system++) {
		write_file(FROM, 100);
		HANDLE file = CreateFileW(FROM, FILE_WRITE_ATTRIBUTES, 0, NULL, OPEN_EXISTING, 0, NULL);
		CHECK(SetFileInformationByHandle(file, FileBasicInfo, &set, sizeof set));
		CloseHandle(file);
		CHECK_EQUAL(by_system ? copy(FROM, TO, 0, &state) : copy_by(BLIT_WINDOWS_BY_RANGES, &state), 100);
		CHECK_EQUAL(state.lost & BLIT_WINDOWS_LOST_ATTRIBUTES, 0);
		FILE_BASIC_INFO source = basics_of(FROM), target = basics_of(TO);
		CHECK_EQUAL(source.LastWriteTime.QuadPart, set.LastWriteTime.QuadPart);
		CHECK_EQUAL(target.LastWriteTime.QuadPart, set.LastWriteTime.QuadPart);
		CHECK(target.FileAttributes & FILE_ATTRIBUTE_READONLY);
		/* wine keeps neither without help of the file system below it */
		CHECK_EQUAL(target.FileAttributes & FILE_ATTRIBUTE_HIDDEN, source.FileAttributes & FILE_ATTRIBUTE_HIDDEN);
		if (source.CreationTime.QuadPart == set.CreationTime.QuadPart)
			CHECK_EQUAL(target.CreationTime.QuadPart, set.CreationTime.QuadPart);
		clean();
	}
}

static void what_stands_at_the_destination_stays(void)
{
	struct blit_windows_copy state;
	for (int empty = 0; empty < 2; empty++) {
		write_file(FROM, empty ? 0 : 100);
		write_file(TO, 7);
		CHECK_EQUAL(copy(FROM, TO, 0, &state), -17);
		CHECK(state.system_error == ERROR_FILE_EXISTS || state.system_error == ERROR_ALREADY_EXISTS);
		CHECK_EQUAL(copy_by(BLIT_WINDOWS_BY_RANGES, &state), -17);
		CHECK_EQUAL(copy_by(BLIT_WINDOWS_BY_CLONE, &state), -17);
		check_file(TO, 7);
	}
	clean();
}

static void what_is_no_file_is_refused(void)
{
	struct blit_windows_copy state;
	CHECK_EQUAL(copy(FROM, TO, 0, &state), -2);
	CHECK_EQUAL(state.system_error, ERROR_FILE_NOT_FOUND);
	CHECK_EQUAL(copy(folder, TO, 0, &state), -21);
	CHECK(!exists(TO));
	write_file(FROM, 5);
	CHECK_EQUAL(copy(FROM, in_folder(L"no\\such\\folder"), 0, &state), -2);
	clean();
}

static void names_may_be_long_and_foreign(void)
{
	wchar_t from[400], to[400], deep[400];
	struct blit_windows_copy state;
	swprintf(deep, 400, L"\\\\?\\%ls\\", folder);
	for (int i = 0; i < 100; i++)
		wcscat(deep, L"d");
	CHECK(CreateDirectoryW(deep, NULL));
	wcscat(deep, L"\\");
	for (int i = 0; i < 150; i++)
		wcscat(deep, L"e");
	swprintf(from, 400, L"%ls-na\x00efve", deep);
	swprintf(to, 400, L"%ls-\x65e5\x672c", deep);
	CHECK(wcslen(to) > MAX_PATH);
	write_file(from, 1000);
	CHECK_EQUAL(copy(from, to, 0, &state), 1000);
	check_file(to, 1000);
	CHECK(DeleteFileW(from) && DeleteFileW(to));
	*wcsrchr(deep, L'\\') = 0;
	CHECK(RemoveDirectoryW(deep));
}

static void the_way_by_ranges_copies_everything(void)
{
	struct blit_windows_copy state;
	write_file(FROM, 2 * MIB + 13);
	CHECK_EQUAL(copy_by(BLIT_WINDOWS_BY_RANGES, &state), 2 * MIB + 13);
	check_file(TO, 2 * MIB + 13);
	CHECK_EQUAL(state.copied, 2 * MIB + 13);
	CHECK_EQUAL(state.method, 2);
	if (state.lost & BLIT_WINDOWS_LOST_HOLES)
		puts("  this system does not tell holes");
	clean();
	write_file(FROM, 0);
	CHECK_EQUAL(copy_by(BLIT_WINDOWS_BY_RANGES, &state), 0);
	check_file(TO, 0);
	clean();
}

static void the_way_by_clone_copies_or_leaves_nothing(void)
{
	struct blit_windows_copy state;
	write_file(FROM, 200000);
	int64_t n = copy_by(BLIT_WINDOWS_BY_CLONE, &state);
	if (n >= 0) {
		CHECK_EQUAL(n, 200000);
		check_file(TO, 200000);
		CHECK_EQUAL(state.method, 0);
	} else {
		puts("  no shared extents here");
		CHECK_EQUAL(n, -95);
		CHECK(!exists(TO));
	}
	clean();
}

static bool make_stream(const wchar_t *path)
{
	WIN32_FIND_STREAM_DATA data;
	HANDLE search, file = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
	DWORD n;
	if (file == INVALID_HANDLE_VALUE)
		return false;
	CHECK(WriteFile(file, "zone", 4, &n, NULL));
	CloseHandle(file);
	search = FindFirstStreamW(FROM, FindStreamInfoStandard, &data, 0);
	if (search == INVALID_HANDLE_VALUE)
		return false;
	FindClose(search);
	return true;
}

static void streams_are_copied(void)
{
	struct blit_windows_copy state;
	write_file(FROM, 10);
	if (!make_stream(in_folder(L"from:zone"))) {
		puts("  no alternate data streams here");
		DeleteFileW(in_folder(L"from:zone")); /* wine makes it a file of that name */
		clean();
		return;
	}
	for (int by_system = 0; by_system < 2; by_system++) {
		CHECK_EQUAL(by_system ? copy(FROM, TO, 0, &state) : copy_by(BLIT_WINDOWS_BY_RANGES, &state), 10);
		HANDLE file = CreateFileW(in_folder(L"to:zone"), GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);
		char text[8];
		DWORD n = 0;
		CHECK(file != INVALID_HANDLE_VALUE && ReadFile(file, text, sizeof text, &n, NULL));
		CHECK(n == 4 && memcmp(text, "zone", 4) == 0);
		CloseHandle(file);
		CHECK(DeleteFileW(TO));
	}
	clean();
}

/* --- while a copy runs --- */

static DWORD CALLBACK stop_soon(void *state)
{
	struct blit_windows_copy *running = state;
	while (__atomic_load_n(&running->copied, __ATOMIC_RELAXED) == 0)
		Sleep(0);
	__atomic_store_n(&running->stop, 1, __ATOMIC_RELAXED);
	return 0;
}

static DWORD CALLBACK count_calls(LARGE_INTEGER total, LARGE_INTEGER copied, LARGE_INTEGER stream_size,
	LARGE_INTEGER stream_copied, DWORD stream, DWORD reason, HANDLE source, HANDLE target, void *calls)
{
	(void)total, (void)copied, (void)stream_size, (void)stream_copied, (void)stream, (void)reason, (void)source, (void)target;
	++*(int *)calls;
	return PROGRESS_CONTINUE;
}

/* wine 8 copies without a word and cannot be stopped. */
static bool system_tells_progress(void)
{
	int calls = 0;
	BOOL cancel = FALSE;
	write_file(FROM, 4 * MIB);
	CHECK(CopyFileExW(FROM, TO, count_calls, &calls, &cancel, 0));
	clean();
	if (calls == 0)
		puts("  CopyFileEx tells no progress here");
	return calls > 0;
}

static void a_stopped_copy_leaves_nothing(void)
{
	int ways = system_tells_progress() ? 2 : 1;
	struct blit_windows_copy state = { .stop = 1 };
	write_file(FROM, 100);
	CHECK_EQUAL(blit_windows_copy_file((const uint16_t *)FROM, (const uint16_t *)TO, 0, &state), -BLIT_WINDOWS_STOPPED);
	CHECK_EQUAL(blit_windows_copy_by(BLIT_WINDOWS_BY_RANGES, (const uint16_t *)FROM, (const uint16_t *)TO, &state),
		-BLIT_WINDOWS_STOPPED);
	CHECK(!exists(TO));
	write_long_file(FROM, 2048ull * MIB);
	for (int by_system = 0; by_system < ways; by_system++) {
		state = (struct blit_windows_copy){ 0 };
		HANDLE thread = CreateThread(NULL, 0, stop_soon, &state, 0, NULL);
		int64_t n = by_system ? blit_windows_copy_file((const uint16_t *)FROM, (const uint16_t *)TO, BLIT_WINDOWS_NO_CLONE, &state)
			: blit_windows_copy_by(BLIT_WINDOWS_BY_RANGES, (const uint16_t *)FROM, (const uint16_t *)TO, &state);
		WaitForSingleObject(thread, INFINITE);
		CloseHandle(thread);
		CHECK_EQUAL(n, -BLIT_WINDOWS_STOPPED);
		CHECK(state.copied > 0 && state.copied < 2048ull * MIB);
		CHECK(!exists(TO));
	}
	clean();
}

static DWORD CALLBACK append_soon(void *state)
{
	struct blit_windows_copy *running = state;
	while (__atomic_load_n(&running->copied, __ATOMIC_RELAXED) == 0)
		Sleep(0);
	HANDLE file = CreateFileW(FROM, FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
	DWORD n;
	bool written = file != INVALID_HANDLE_VALUE && WriteFile(file, "x", 1, &n, NULL);
	CloseHandle(file);
	return written;
}

static void a_source_that_changed_meanwhile_is_no_success(void)
{
	struct blit_windows_copy state = { 0 };
	DWORD written = 0;
	write_long_file(FROM, 256 * MIB);
	HANDLE thread = CreateThread(NULL, 0, append_soon, &state, 0, NULL);
	int64_t n = blit_windows_copy_by(BLIT_WINDOWS_BY_RANGES, (const uint16_t *)FROM, (const uint16_t *)TO, &state);
	WaitForSingleObject(thread, INFINITE);
	CHECK(GetExitCodeThread(thread, &written) && written);
	CloseHandle(thread);
	CHECK_EQUAL(n, -BLIT_WINDOWS_CHANGED);
	CHECK(!exists(TO));
	clean();
}

static void errors_have_linux_numbers(void)
{
	const struct { uint32_t system; int expected; } pairs[] = { { 0, 0 }, { ERROR_ACCESS_DENIED, 13 }, { ERROR_DISK_FULL, 28 },
		{ ERROR_HANDLE_DISK_FULL, 28 }, { ERROR_WRITE_PROTECT, 30 }, { ERROR_SHARING_VIOLATION, 16 },
		{ ERROR_FILENAME_EXCED_RANGE, 36 }, { ERROR_NOT_SUPPORTED, 95 }, { ERROR_NOT_SAME_DEVICE, 18 },
		{ ERROR_REQUEST_ABORTED, BLIT_WINDOWS_STOPPED }, { ERROR_CRC, 5 } };
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		CHECK_EQUAL(blit_windows_errno(pairs[i].system), pairs[i].expected);
}

static void available_memory_is_told(void)
{
	MEMORYSTATUSEX status = { .dwLength = sizeof status };
	CHECK(GlobalMemoryStatusEx(&status));
	CHECK(blit_windows_available_memory() > 0 && blit_windows_available_memory() <= status.ullTotalPhys);
}

#define RUN(test) (printf("%s\n", #test), fflush(stdout), test())

int main(void)
{
	wchar_t parent[MAX_PATH];
	CHECK(GetTempPathW(MAX_PATH, parent) > 0);
	swprintf(folder, MAX_PATH, L"%lsblit-test-%lu", parent, (unsigned long)GetCurrentProcessId());
	CHECK(CreateDirectoryW(folder, NULL));
	wcscpy(from_path, in_folder(L"from"));
	wcscpy(to_path, in_folder(L"to"));
	RUN(content_of_any_size_is_copied);
	RUN(attributes_and_times_are_copied);
	RUN(what_stands_at_the_destination_stays);
	RUN(what_is_no_file_is_refused);
	RUN(names_may_be_long_and_foreign);
	RUN(the_way_by_ranges_copies_everything);
	RUN(the_way_by_clone_copies_or_leaves_nothing);
	RUN(streams_are_copied);
	RUN(a_stopped_copy_leaves_nothing);
	RUN(a_source_that_changed_meanwhile_is_no_success);
	RUN(errors_have_linux_numbers);
	RUN(available_memory_is_told);
	CHECK(RemoveDirectoryW(folder)); /* every test cleans up after itself, every failed copy too */
	return 0;
}
