/* Walks beneath a root: listings that do not fit into one call, trees deeper than the walk has descriptors, directories that move. */
#undef NDEBUG
#include <assert.h>

#include "engine.h"

static char base[64] = "/tmp/blit-walk-XXXXXX";

static const char *at(const char *name)
{
	static char path[4][512];
	static int next;
	char *p = path[next++ & 3];
	snprintf(p, sizeof path[0], "%s/%s", base, name);
	return p;
}

static void shell(const char *script)
{
	char command[1024];
	snprintf(command, sizeof command, "cd %s && %s", base, script);
	assert(system(command) == 0);
}

struct walk { struct blit_walk *state; char buffer[4096]; int64_t n; uint32_t more; };

static int64_t list(struct walk *w, uint32_t depth, const char *name)
{
	return w->n = blit_walk_list(at("root"), "top", &w->state, depth, name, 0, w->buffer, sizeof w->buffer, &w->more);
}

static bool has(const struct walk *w, const char *name)
{
	for (int64_t used = 0; used < w->n;) {
		const struct blit_listed *e = (const void *)(w->buffer + used);
		if (e->name_len == strlen(name) && memcmp(e + 1, name, e->name_len) == 0)
			return true;
		used += (sizeof *e + e->name_len + e->target_len + 7) & ~7u;
	}
	return false;
}

/* Every entry exactly once, however small the buffer is. */
static void test_pieces(void)
{
	enum { COUNT = 500 };
	char name[64], buffer[sizeof(struct blit_listed) + 48];
	shell("mkdir -p root/many && cd root/many && for i in $(seq 0 499); do echo 1234 > entry-$i; done");
	for (int names_only = 0; names_only < 2; names_only++) {
		struct blit_walk *state = NULL;
		bool seen[COUNT] = { false };
		uint32_t more = 1;
		int found = 0;
		while (more) {
			int64_t n = blit_walk_list(at("root"), "many", &state, 0, "", names_only, buffer, sizeof buffer, &more);
			assert(n >= 0);
			for (int64_t used = 0; used < n;) {
				struct blit_listed *e = (void *)(buffer + used);
				memcpy(name, e + 1, e->name_len);
				name[e->name_len] = 0;
				int i = atoi(name + 6);
				assert(!seen[i] && e->kind == BLIT_KIND_FILE && (names_only || e->size == 5));
				seen[i] = true;
				found++;
				used += (sizeof *e + e->name_len + e->target_len + 7) & ~7u;
			}
		}
		assert(found == COUNT);
		blit_walk_end(state);
	}
	struct blit_walk *state = NULL;
	uint32_t more;
	assert(blit_walk_list(at("root"), "many", &state, 0, "", 0, buffer, 8, &more) == -ENOBUFS && more);
	blit_walk_end(state);
	state = NULL;
	assert(blit_walk_list(at("root"), "none", &state, 0, "", 0, buffer, 8, &more) == -ENOENT && !more);
}

static void test_refused_names(void)
{
	static const char *const wrong[] = { "..", ".", "a/b", "/etc" };
	struct walk w = { 0 };
	int32_t errors[4];
	shell("rm -rf root && mkdir -p root/top/a/b outside && echo x > outside/secret && ln -s ../../outside root/top/out");
	assert(list(&w, 0, "") > 0 && has(&w, "out"));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert(list(&w, 0, wrong[i]) == -EINVAL);
	assert(list(&w, 0, "out") == -ELOOP && list(&w, 0, "none") == -ENOENT && list(&w, 7, "a") == -EINVAL);
	assert(blit_walk_remove(w.state, 0, "..\0../../outside/secret\0\0a", 4, 0, errors) == 0);
	assert(errors[0] == EINVAL && errors[1] == EINVAL && errors[2] == EINVAL && errors[3] == EISDIR);
	assert(list(&w, 0, "a") > 0 && has(&w, "b"));
	blit_walk_end(w.state);
	assert(access(at("outside/secret"), F_OK) == 0);
}

/* Down a tree that has more levels than the walk keeps open, and up again with a removal on each. */
static void test_deep(void)
{
	enum { LEVELS = 300 };
	struct walk w = { 0 };
	int32_t error;
	shell("rm -rf root && mkdir -p root/top && cd root/top && for i in $(seq 300); do mkdir d && touch f && cd d; done");
	assert(list(&w, 0, "") > 0);
	for (uint32_t i = 0; i < LEVELS; i++) {
		assert(has(&w, "d") && has(&w, "f"));
		assert(list(&w, i, "d") >= 0);
	}
	for (uint32_t i = LEVELS; i-- > 0;) {
		assert(blit_walk_remove(w.state, i, "d", 1, 1, &error) == 1);
		assert(blit_walk_remove(w.state, i, "f", 1, 0, &error) == 1);
	}
	blit_walk_end(w.state);
	shell("test -z \"$(ls root/top)\"");
}

/* Part of the tree goes elsewhere while the walk is deep below it. */
static void test_moved(void)
{
	struct walk w = { 0 };
	int32_t error;
	for (int way = 0; way < 2; way++) {
		shell("rm -rf root outside && mkdir -p root/top outside && cd root/top && for i in $(seq 40); do mkdir d && cd d; done");
		memset(&w, 0, sizeof w);
		assert(list(&w, 0, "") > 0);
		for (uint32_t i = 0; i < 40; i++)
			assert(list(&w, i, "d") >= 0);
		/* d/d/d is now outside: ".." of it is another directory. The second time there is one in its place. */
		shell(way ? "mv root/top/d/d/d outside/d && touch outside/e && mkdir -p root/top/d/d/d/d" :
			"mv root/top/d/d/d outside/d && touch outside/e");
		assert(blit_walk_remove(w.state, 30, "none", 1, 0, &error) == 0 && error == ENOENT);
		assert(blit_walk_remove(w.state, 2, "e", 1, 0, &error) == 0 && error == ENOENT); /* found anew from the root */
		assert(blit_walk_remove(w.state, 1, "e", 1, 0, &error) == 0 && error == ENOENT);
		blit_walk_end(w.state);
		shell("test -e outside/e");
	}
	shell("rm -rf root outside && mkdir -p root/top outside && cd root/top && for i in $(seq 40); do mkdir d && cd d; done");
	memset(&w, 0, sizeof w);
	assert(list(&w, 0, "") > 0);
	for (uint32_t i = 0; i < 40; i++)
		assert(list(&w, i, "d") >= 0);
	shell("mv root/top/d/d/d outside/moved && mv root/top/d/d outside/old && mkdir root/top/d/d && touch root/top/d/d/e");
	assert(blit_walk_remove(w.state, 2, "e", 1, 0, &error) == -ESTALE); /* another directory of that name is not the one that was listed */
	blit_walk_end(w.state);
	shell("test -e root/top/d/d/e");
}

int main(void)
{
	char command[128];
	assert(mkdtemp(base));
	test_pieces();
	test_refused_names();
	test_deep();
	test_moved();
	snprintf(command, sizeof command, "rm -rf %s", base);
	return system(command);
}
