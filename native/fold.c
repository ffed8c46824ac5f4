/*
 * Names that the destination's file system takes for one: by case (FAT, NTFS, SMB, APFS, ext4 with casefold), or by the several ways
 * in which Unicode writes a letter. How each of them folds nobody knows but itself, so it is asked: a name that can be looked up and is
 * not listed stands for a listed one.
 */
#include "engine.h"

#include <locale.h>
#include <strings.h>
#include <wchar.h>
#include <wctype.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

bool fold_hides(int ddir, const char *name)
{
	char *buf = malloc(FOLD_BUFFER);
	int fd = openat(ddir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool listed = false;
	ssize_t n = 0;
	while (fd >= 0 && buf && !listed && (n = os_read_dir(fd, buf, FOLD_BUFFER)) > 0)
		for (ssize_t at = 0; at < n && !listed;) {
			const char *other;
			uint32_t len;
			uint8_t kind;
			at += os_dir_record(buf + at, &other, &len, &kind);
			listed = strcmp(name, other) == 0;
		}
	if (fd >= 0)
		close(fd);
	free(buf);
	return !listed;
}

static bool is_ascii(const char *name)
{
	while (*name > 0)
		name++;
	return !*name;
}

/* Names that may fold into one have one hash. Of those with other letters than ASCII's every two may. */
static uint32_t loose_hash(const char *name)
{
	if (!is_ascii(name))
		return 1;
	uint32_t h = 0x811c9dc5u;
	for (; *name; name++)
		h = (h ^ (uint32_t)(*name >= 'A' && *name <= 'Z' ? *name + 32 : *name)) * 0x01000193u;
	return h;
}

static bool may_be_one(const char *a, const char *b)
{
	return is_ascii(a) ? is_ascii(b) && strcasecmp(a, b) == 0 : !is_ascii(b);
}

static locale_t letters;
static pthread_once_t letters_once = PTHREAD_ONCE_INIT;

static void find_letters(void)
{
	letters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!letters)
		letters = newlocale(LC_CTYPE_MASK, "en_US.UTF-8", (locale_t)0);
}

/* The name's letters in lower case; false where it is not UTF-8 or the system does not know its letters. */
static bool lower(const char *name, wchar_t out[NAME_CAP])
{
	pthread_once(&letters_once, find_letters);
	if (!letters)
		return false;
	mbstate_t state = { 0 };
	locale_t before = uselocale(letters);
	size_t n = mbsrtowcs(out, &name, NAME_CAP, &state);
	for (size_t i = 0; n < NAME_CAP && i < n; i++)
		out[i] = towlower(out[i]);
	uselocale(before);
	return n < NAME_CAP;
}

static bool differ_in_case_only(const char *a, const char *b)
{
	wchar_t x[NAME_CAP], y[NAME_CAP];
	return lower(a, x) && lower(b, y) && wcscmp(x, y) == 0;
}

bool fold_has_twin(const struct blit_batch *b, uint32_t index, const char *name)
{
	char other[NAME_CAP];
	for (uint32_t i = 0; i < b->others + b->dirs; i++) {
		uint32_t len;
		const char *at = batch_name(b, i, &len);
		if (i == index || len >= NAME_CAP)
			continue;
		memcpy(other, at, len);
		other[len] = 0;
		/* some file systems list names in other letters than they were given: as what they call the other one */
		if (may_be_one(name, other) && differ_in_case_only(name, other))
			return true;
	}
	return false;
}

bool fold_may_replace(const struct blit_batch *b, uint32_t index, int ddir, const char *name)
{
	return !fold_has_twin(b, index, name) && !fold_hides(ddir, name);
}

/* Whether two names, of which the directory lists `other` alone, lead to one entry. */
static bool is_one(int ddir, const char *name, const struct facts *f, const char *other)
{
	struct facts g;
	if (os_facts_at(ddir, other, &g) != 0 || f->dev != g.dev || ((f->mode ^ g.mode) & S_IFMT))
		return false;
	/* Some file systems number an entry anew for each name it is looked up by. */
	return f->ino == g.ino || (differ_in_case_only(name, other) && fold_hides(ddir, name));
}

int fold_match(int ddir, struct fold_name *missing, uint32_t n, const struct fold_name *there, uint32_t m)
{
	uint32_t size = 16;
	while (size < m * 2)
		size *= 2;
	uint32_t *slots = calloc(size, sizeof *slots);
	if (!slots)
		return -ENOMEM;
	for (uint32_t k = 0; k < m; k++) {
		uint32_t at = loose_hash(there[k].name) & (size - 1);
		while (slots[at])
			at = (at + 1) & (size - 1);
		slots[at] = k + 1;
	}
	int found = 0;
	for (uint32_t i = 0; i < n; i++) {
		struct facts wanted;
		int looked = 1;
		missing[i].match = UINT32_MAX;
		for (uint32_t at = loose_hash(missing[i].name) & (size - 1); slots[at]; at = (at + 1) & (size - 1)) {
			const struct fold_name *other = &there[slots[at] - 1];
			if (!may_be_one(missing[i].name, other->name))
				continue;
			if (looked == 1)
				looked = os_facts_at(ddir, missing[i].name, &wanted);
			if (looked != 0)
				break; /* what is not there under the other name is another entry */
			if (is_one(ddir, missing[i].name, &wanted, other->name)) {
				missing[i].match = slots[at] - 1;
				found++;
				break;
			}
		}
	}
	free(slots);
	return found;
}

bool fold_rename(struct engine *e, int ddir, const char *from, const char *to)
{
	char temp[TEMP_NAME_LEN + 1];
	if (atomic_load(&e->keeps_case) || renameat(ddir, from, ddir, to) < 0)
		return false;
	if (!fold_hides(ddir, to))
		return true;
	/* it took this for a rename to the same name */
	temp_name(e, temp);
	if (renameat(ddir, from, ddir, temp) == 0 && renameat(ddir, temp, ddir, to) < 0)
		renameat(ddir, temp, ddir, from);
	if (fold_hides(ddir, to))
		atomic_store(&e->keeps_case, 1);
	return true;
}
