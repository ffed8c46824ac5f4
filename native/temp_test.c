/* Temporary files: their names, and how a run tells its own and living ones from those that dead runs left. */
#include "test.h"

static struct engine engine; /* only its counter and seed are used */
static int here;

/* A process id that nobody has. */
static pid_t dead_process(void)
{
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(0);
	CHECK(waitpid(pid, NULL, 0) == pid);
	return pid;
}

static const char *name_of(pid_t pid, uint32_t number, char out[TEMP_NAME_LEN + 1])
{
	temp_name_of((uint32_t)pid, number, out);
	return out;
}

static void names_are_recognised_and_nothing_else_is(void)
{
	char name[TEMP_NAME_LEN + 1], before[TEMP_NAME_LEN + 1];
	temp_name(&engine, before);
	temp_name(&engine, name);
	CHECK(strcmp(name, before) != 0);
	CHECK_EQUAL(strlen(name), TEMP_NAME_LEN);
	CHECK(temp_is_name(name, TEMP_NAME_LEN));
	CHECK(!temp_is_name(name, TEMP_NAME_LEN - 1));
	/* the first is one; what other programs may make has another check value */
	static const char *const others[] = { ".blit-0000000100000002%s.tmp", ".blit-0000000100000003%s.tmp", ".blit-000000010000000A%s.tmp",
		".blit-0000000100000002%s.tmq", ".blit_0000000100000002%s.tmp", ".blit-0000000100000002%s.part", ".blit-000000010000000.%s.tmp" };
	name_of(1, 2, name);
	name[30] = 0;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		char other[PART_NAME_LEN + 1];
		snprintf(other, sizeof other, others[i], name + 22);
		CHECK_EQUAL(temp_is_name(other, strlen(other)), i == 0);
		CHECK_EQUAL(temp_keeps_name(other, strlen(other)), i == 0 || strlen(other) == PART_NAME_LEN);
	}
	CHECK(!temp_keeps_name(".blit-0123456789abcdef.tmp", 26));
}

/* The portable engine makes the same (tests/native/contract_list.ts): each must know the other's. */
static void a_name_is_the_same_for_both_engines(void)
{
	char name[TEMP_NAME_LEN + 1];
	CHECK(strcmp(name_of(0x1234, 7, name), ".blit-000012340000000792b472a8.tmp") == 0);
}

static void a_created_file_is_locked_and_private_until_its_mode_is_set(void)
{
	char name[TEMP_NAME_LEN + 1];
	struct stat st;
	int fd = temp_create(&engine, here, 0400, name);
	CHECK(fd >= 0 && temp_is_name(name, strlen(name)));
	CHECK(fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0600);
	int other = open(name, O_RDONLY);
	CHECK(other >= 0 && flock(other, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK);
	close(other);
	CHECK_EQUAL(temp_remove_stale(here, name), 0);
	CHECK(test_exists(name));
	close(fd);
	CHECK_EQUAL(temp_remove_stale(here, name), 1);
	CHECK(!test_exists(name));
}

static void a_failed_creation_leaves_no_name(void)
{
	char name[TEMP_NAME_LEN + 1];
	int file = open("plain", O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
	CHECK_EQUAL(temp_create(&engine, file, 0600, name), -ENOTDIR);
	CHECK(name[0] == 0);
	close(file);
}

/* The lock dies with its holder, whatever the process id in the name tells: it may be somebody else's by now. */
static void a_killed_runs_file_goes_even_if_its_process_id_lives_again(void)
{
	char name[TEMP_NAME_LEN + 1];
	test_write(name_of(getpid(), 1, name), "half");
	CHECK_EQUAL(temp_remove_stale(here, name), 1);
	CHECK(!test_exists(name));
}

static void another_process_that_holds_the_lock_keeps_its_file(void)
{
	char name[TEMP_NAME_LEN + 1];
	int ready[2], done[2];
	char byte = 0;
	name_of(dead_process(), 2, name); /* the lock counts, not the process id */
	CHECK(pipe(ready) == 0 && pipe(done) == 0);
	pid_t holder = fork();
	CHECK(holder >= 0);
	if (holder == 0) {
		int fd = open(name, O_RDWR | O_CREAT, 0600);
		flock(fd, LOCK_EX);
		if (write(ready[1], &byte, 1) < 0 || read(done[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	CHECK(read(ready[0], &byte, 1) == 1);
	CHECK_EQUAL(temp_remove_stale(here, name), 0);
	CHECK(test_exists(name));
	CHECK(write(done[1], &byte, 1) == 1 && waitpid(holder, NULL, 0) == holder);
	CHECK_EQUAL(temp_remove_stale(here, name), 1);
	CHECK(!test_exists(name));
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(done[i]);
	}
}

/* What cannot be locked is judged by the process id: symlinks, fifos (whose opening must not hang), further links of a file. */
static void make_unlockable(int kind, const char *name)
{
	if (kind == 0)
		CHECK(symlink("/etc/passwd", name) == 0);
	else if (kind == 1)
		CHECK(mkfifo(name, 0600) == 0);
	else
		CHECK(link("plain", name) == 0);
}

static void entries_without_locks_are_judged_by_their_process(void)
{
	char name[TEMP_NAME_LEN + 1];
	pid_t dead = dead_process();
	for (int kind = 0; kind < 3; kind++) {
		make_unlockable(kind, name_of(getpid(), 10 + kind, name));
		CHECK_EQUAL(temp_remove_stale(here, name), 0);
		CHECK(test_exists(name) && unlink(name) == 0);
		make_unlockable(kind, name_of(dead, 10 + kind, name));
		CHECK_EQUAL(temp_remove_stale(here, name), 1);
		CHECK(!test_exists(name));
	}
	CHECK(test_exists("plain"));
}

static void a_directory_of_that_name_stays(void)
{
	char name[TEMP_NAME_LEN + 1];
	CHECK(mkdir(name_of(dead_process(), 20, name), 0755) == 0);
	CHECK(temp_remove_stale(here, name) != 1);
	CHECK(test_exists(name));
}

static void no_descriptor_is_left(void)
{
	char name[TEMP_NAME_LEN + 1];
	int before = test_open_descriptors();
	for (int i = 0; i < 20; i++) {
		int fd = temp_create(&engine, here, 0600, name);
		CHECK_EQUAL(temp_remove_stale(here, name), 0);
		close(fd);
		CHECK_EQUAL(temp_remove_stale(here, name), 1);
	}
	CHECK_EQUAL(test_open_descriptors(), before);
}

/* Two runs in one folder: one creates, the other clears up. A file that its maker got is never taken from it. */
static void *clear_up(void *stop)
{
	while (!atomic_load((atomic_int *)stop)) {
		DIR *d = opendir(".");
		for (struct dirent *entry; d && (entry = readdir(d));)
			if (temp_is_name(entry->d_name, strlen(entry->d_name)))
				temp_remove_stale(dirfd(d), entry->d_name);
		closedir(d);
	}
	return NULL;
}

static void a_file_is_never_taken_from_a_run_that_got_it(void)
{
	atomic_int stop = 0;
	pthread_t other;
	CHECK(pthread_create(&other, NULL, clear_up, &stop) == 0);
	for (int i = 0; i < 2000; i++) {
		char name[TEMP_NAME_LEN + 1];
		int fd = temp_create(&engine, here, 0600, name);
		CHECK(fd >= 0);
		CHECK(test_exists(name));
		CHECK(unlink(name) == 0);
		close(fd);
	}
	atomic_store(&stop, 1);
	CHECK(pthread_join(other, NULL) == 0);
}

int main(void)
{
	test_folder_enter();
	CHECK((here = open(".", O_RDONLY | O_DIRECTORY)) >= 0);
	names_are_recognised_and_nothing_else_is();
	a_name_is_the_same_for_both_engines();
	a_created_file_is_locked_and_private_until_its_mode_is_set();
	a_failed_creation_leaves_no_name();
	a_killed_runs_file_goes_even_if_its_process_id_lives_again();
	another_process_that_holds_the_lock_keeps_its_file();
	entries_without_locks_are_judged_by_their_process();
	a_directory_of_that_name_stays();
	no_descriptor_is_left();
	a_file_is_never_taken_from_a_run_that_got_it();
	close(here);
	return 0;
}
