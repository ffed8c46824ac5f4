/* XXH64 against the vectors its author publishes with the reference implementation (seed 0). */
#include "test.h"

static uint64_t hash_of(const void *data, size_t len)
{
	struct hash64 h;
	hash64_init(&h);
	hash64_add(&h, data, len);
	return hash64_end(&h);
}

/* The pseudo-random bytes of xxHash's own sanity check. */
static void sanity_buffer(unsigned char *out, size_t len)
{
	uint64_t state = 2654435761u;
	for (size_t i = 0; i < len; i++) {
		out[i] = state >> 56;
		state *= 11400714785074694797u;
	}
}

static void published_vectors_are_met(void)
{
	static const struct { size_t len; uint64_t hash; } vectors[] = {
		{ 0, 0xEF46DB3751D8E999u }, { 1, 0xE934A84ADB052768u }, { 4, 0x9136A0DCA57457EEu },
		{ 14, 0x8282DCC4994E35C8u }, { 222, 0xB641AE8CB691C174u },
	};
	unsigned char data[222];
	sanity_buffer(data, sizeof data);
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
		CHECK(hash_of(data, vectors[i].len) == vectors[i].hash);
	CHECK(hash_of("a", 1) == 0xD24EC4F1A98C6E5Bu);
	CHECK(hash_of("abc", 3) == 0x44BC2CF5AD770999u);
	CHECK(hash_of("Nobody inspects the spammish repetition", 39) == 0xFBCEA83C8A378BF1u);
}

static void pieces_hash_like_the_whole(void)
{
	unsigned char data[300];
	sanity_buffer(data, sizeof data);
	for (size_t len = 0; len <= sizeof data; len += 7)
		for (size_t piece = 1; piece <= 70; piece += 3) {
			struct hash64 h;
			hash64_init(&h);
			for (size_t at = 0; at < len; at += piece)
				hash64_add(&h, data + at, len - at < piece ? len - at : piece);
			CHECK(hash64_end(&h) == hash_of(data, len));
		}
}

static void every_bit_counts(void)
{
	unsigned char data[100];
	sanity_buffer(data, sizeof data);
	uint64_t before = hash_of(data, sizeof data);
	for (size_t bit = 0; bit < sizeof data * 8; bit++) {
		data[bit / 8] ^= 1 << bit % 8;
		CHECK(hash_of(data, sizeof data) != before);
		data[bit / 8] ^= 1 << bit % 8;
	}
}

int main(void)
{
	published_vectors_are_met();
	pieces_hash_like_the_whole();
	every_bit_counts();
	return 0;
}
