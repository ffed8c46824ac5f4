/* Calls on threads of their own: each result comes with its token. */
#include "test.h"

static struct waiter *w;

static int64_t begin(uint64_t token, uint32_t which, const char *path, int64_t *result)
{
	uint64_t args[BLIT_ASIDE_ARGS] = { (uintptr_t)path, (uintptr_t)"" };
	return blit_aside(w, token, which, args, result);
}

static void each_call_gives_its_result(void)
{
	enum { CALLS = 40 };
	int64_t results[CALLS], count = 0;
	uint64_t out[CALLS], seen = 0;
	for (int i = 0; i < CALLS; i++) {
		int64_t over = begin(i, BLIT_ASIDE_OPEN, i % 2 ? "." : "none", &results[i]);
		CHECK(over == 0 || over == 1);
		seen |= (uint64_t)over << i;
		count += over;
	}
	while (count < CALLS) {
		int64_t ready = blit_wait(w, out, CALLS);
		for (int64_t i = 0; i < ready; i++)
			seen |= 1ull << out[i];
		count += ready;
	}
	CHECK_EQUAL(seen, (1ull << CALLS) - 1);
	for (int i = 0; i < CALLS; i++) {
		CHECK(i % 2 ? results[i] >= 0 : results[i] == -ENOENT);
		if (i % 2)
			close(results[i]);
	}
}

static void a_call_that_is_none_says_so(void)
{
	int64_t result = 0;
	uint64_t out[1];
	if (begin(7, 1000, ".", &result) == 0) {
		CHECK_EQUAL(blit_wait(w, out, 1), 1);
		CHECK_EQUAL(out[0], 7);
	}
	CHECK_EQUAL(result, -ENOSYS);
}

int main(void)
{
	test_folder_enter();
	CHECK_EQUAL(blit_waiter_open(&w), 0);
	each_call_gives_its_result();
	a_call_that_is_none_says_so();
	return 0;
}
