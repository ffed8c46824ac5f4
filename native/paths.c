/* Paths as the user gave them: looked at, made, renamed, removed. For names that are not UTF-8, which Deno's own calls cannot say. */
#include "engine.h"

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

int64_t blit_path_make(const char *path)
{
	size_t len = strlen(path);
	char *copy = malloc(len + 1);
	int64_t made = 0;
	if (!copy)
		return -ENOMEM;
	memcpy(copy, path, len + 1);
	for (size_t i = 1; i <= len && made >= 0; i++) {
		if (copy[i] != '/' && copy[i] != 0)
			continue;
		copy[i] = 0;
		if (mkdir(copy, 0777) == 0)
			made = 1;
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
	return os_rename_free(from, to);
}

int64_t blit_path_remove_dir(const char *path)
{
	return rmdir(path) < 0 ? -errno : 0;
}
