/* Paths as the user gave them: looked at, made, renamed, removed. For names that are not UTF-8, which Deno's own calls cannot say. */
#include "engine.h"

#include <sys/statvfs.h>
#include <sys/uio.h>

int64_t blit_path_facts(const char *path, int64_t follow, struct blit_path_facts *out)
{
	struct stat st;
	if ((follow ? stat(path, &st) : lstat(path, &st)) < 0)
		return -errno;
	*out = (struct blit_path_facts){ .kind = kind_of_mode(st.st_mode), .dev = st.st_dev, .ino = st.st_ino, .size = st.st_size };
	return 0;
}

/* Adds an entry to what was seen; false for a directory. */
static bool look_at(int dirfd, const char *name, struct blit_first_look *out)
{
	struct facts f = { 0 };
	if (os_facts_at(dirfd, name, &f) == 0 && S_ISDIR(f.mode))
		return false;
	out->files++;
	if (S_ISREG(f.mode)) {
		out->bytes += f.size;
		out->largest = f.size > out->largest ? f.size : out->largest;
	}
	return true;
}

int64_t blit_path_first_look(const char *path, uint64_t max_files, uint64_t max_bytes, struct blit_first_look *out)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	bool little = true;
	if (!d)
		return -errno;
	*out = (struct blit_first_look){ 0 };
	while (little && out->bytes <= max_bytes && (entry = readdir(d)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			little = out->files < max_files && look_at(dirfd(d), entry->d_name, out);
	closedir(d);
	return little;
}

int64_t blit_path_space(const char *path, struct blit_space *out)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = os_space(fd, out);
	close(fd);
	if (!err && geteuid() == 0)
		out->available = out->free; /* with what is kept back for root */
	return err;
}

int64_t blit_path_ask(const char *path)
{
	struct stat st;
	struct statvfs room;
	char *at = strdup(path), *slash;
	if (!at)
		return -ENOMEM;
	/* What stat tells may be known already; how much room there is never is. */
	while ((stat(at, &st) < 0 || statvfs(at, &room) < 0) && (slash = strrchr(at, '/')) && slash > at)
		*slash = 0;
	free(at);
	return 0;
}

int64_t blit_path_upwards(const char *path, struct blit_inode *out, uint64_t cap)
{
	struct stat st;
	uint64_t count = 0;
	char *at = malloc(strlen(path) + 3 * cap + 1);
	if (!at)
		return -ENOMEM;
	strcpy(at, path);
	for (size_t len = strlen(path); count < cap && stat(at, &st) == 0; len += 3) {
		if (count > 0 && out[count - 1].dev == st.st_dev && out[count - 1].ino == st.st_ino)
			break;
		out[count++] = (struct blit_inode){ .dev = st.st_dev, .ino = st.st_ino };
		memcpy(at + len, "/..", 4);
	}
	free(at);
	return count;
}

/* Belongs to the one who asks and the thread that looks; the last one frees it. */
struct question {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool answered;
	int owners;
	char path[];
};

static void question_leave(struct question *q, bool answered)
{
	bool last;
	pthread_mutex_lock(&q->lock);
	q->answered = q->answered || answered;
	last = --q->owners == 0;
	pthread_cond_signal(&q->changed);
	pthread_mutex_unlock(&q->lock);
	if (!last)
		return;
	pthread_cond_destroy(&q->changed);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static void *question_ask(void *arg)
{
	struct question *q = arg;
	blit_path_ask(q->path);
	question_leave(q, true);
	return NULL;
}

int64_t blit_path_answers(const char *path, int64_t wait_ms)
{
	size_t size = strlen(path) + 1;
	struct question *q = calloc(1, sizeof *q + size);
	pthread_t thread;
	int error;
	bool answered;
	if (!q)
		return -ENOMEM;
	memcpy(q->path, path, size);
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->changed, NULL);
	q->owners = 2;
	error = pthread_create(&thread, NULL, question_ask, q);
	if (error) {
		q->owners = 1;
		question_leave(q, false);
		return -error;
	}
	pthread_detach(thread);
	struct timespec until = clock_in(wait_ms * 1000000);
	pthread_mutex_lock(&q->lock);
	while (!q->answered && pthread_cond_timedwait(&q->changed, &q->lock, &until) == 0)
		;
	answered = q->answered;
	pthread_mutex_unlock(&q->lock);
	question_leave(q, false);
	return answered;
}

int64_t blit_path_read(const char *path, void *out, uint64_t size)
{
	/* Nobody waits for the other end of a fifo. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	uint64_t got = 0;
	ssize_t n = 1;
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		n = -errno;
	else if (!S_ISREG(st.st_mode))
		n = -EINVAL;
	while (n > 0 && got < size) {
		n = read(fd, (char *)out + got, size - got);
		if (n > 0)
			got += n;
		else if (n < 0)
			n = errno == EINTR ? 1 : -errno;
	}
	close(fd);
	return n < 0 ? n : (int64_t)got;
}

int64_t blit_path_append(const char *path, const void *line, uint64_t size)
{
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600);
	struct iovec parts[] = { { .iov_base = "\n" }, { .iov_base = (void *)line, .iov_len = size } };
	struct stat st;
	char last;
	ssize_t n;
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	/* A full disk may have cut the last line short; it then costs itself, not this one too. */
	if (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n')
		parts[0].iov_len = 1;
	n = writev(fd, parts, 2);
	if (n < 0)
		n = -errno;
	else if ((uint64_t)n < parts[0].iov_len + size)
		n = -ENOSPC;
	close(fd);
	return n < 0 ? n : st.st_size + n;
}

int64_t blit_path_real(const char *path, char *out, uint64_t size)
{
	char *real = realpath(path, NULL);
	size_t len;
	if (!real)
		return -errno;
	len = strlen(real);
	if (len <= size)
		memcpy(out, real, len);
	free(real);
	return len <= size ? (int64_t)len : -ENAMETOOLONG;
}

/* The name of what was just made, on the medium. */
static int sync_above(char *path)
{
	char *slash = strrchr(path, '/');
	int fd, err;
	if (slash && slash > path)
		*slash = 0;
	fd = open(!slash ? "." : slash == path ? "/" : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (slash)
		*slash = '/';
	if (fd < 0)
		return -errno;
	err = os_sync(fd);
	close(fd);
	return err;
}

int64_t blit_path_make(const char *path, int64_t sync)
{
	size_t len = strlen(path);
	char *copy = malloc(len + 1);
	int64_t made = 0;
	int err;
	if (!copy)
		return -ENOMEM;
	memcpy(copy, path, len + 1);
	for (size_t i = 1; i <= len && made >= 0; i++) {
		if (copy[i] != '/' && copy[i] != 0)
			continue;
		copy[i] = 0;
		if (mkdir(copy, 0777 & ~umask_asked()) == 0)
			made = sync && (err = sync_above(copy)) ? err : 1;
		else if (errno != EEXIST && errno != EISDIR)
			made = -errno;
		if (i < len)
			copy[i] = '/';
	}
	free(copy);
	return made;
}

int64_t blit_path_rename(const char *from, const char *to)
{
	return os_rename_free(AT_FDCWD, from, AT_FDCWD, to);
}

int64_t blit_path_remove_dir(const char *path)
{
	return rmdir(path) < 0 ? -errno : 0;
}
