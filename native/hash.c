/*
 * XXH64, after its specification (github.com/Cyan4973/xxHash, doc/xxhash_spec.md). Chosen for --verify: it finds corruption
 * at memory speed; it is no defence against a forger.
 */
#include "engine.h"

static const uint64_t P1 = 0x9E3779B185EBCA87u, P2 = 0xC2B2AE3D27D4EB4Fu, P3 = 0x165667B19E3779F9u, P4 = 0x85EBCA77C2B2AE63u,
	P5 = 0x27D4EB2F165667C5u;

static inline uint64_t rotl(uint64_t x, int r)
{
	return (x << r) | (x >> (64 - r));
}

static inline uint64_t read64(const unsigned char *p)
{
	uint64_t x;
	memcpy(&x, p, 8);
	return x;
}

static inline uint64_t mix(uint64_t acc, uint64_t lane)
{
	return rotl(acc + lane * P2, 31) * P1;
}

void hash64_init(struct hash64 *h)
{
	*h = (struct hash64){ .v = { P1 + P2, P2, 0, -P1 } };
}

static void stripe(struct hash64 *h, const unsigned char *p)
{
	for (int i = 0; i < 4; i++)
		h->v[i] = mix(h->v[i], read64(p + 8 * i));
}

void hash64_add(struct hash64 *h, const void *data, size_t len)
{
	const unsigned char *p = data;
	h->total += len;
	if (h->tail_len) {
		size_t take = 32 - h->tail_len < len ? 32 - h->tail_len : len;
		memcpy(h->tail + h->tail_len, p, take);
		h->tail_len += take;
		p += take;
		len -= take;
		if (h->tail_len < 32)
			return;
		stripe(h, h->tail);
		h->tail_len = 0;
	}
	for (; len >= 32; p += 32, len -= 32)
		stripe(h, p);
	memcpy(h->tail, p, len);
	h->tail_len = len;
}

uint64_t hash64_end(const struct hash64 *h)
{
	uint64_t acc;
	if (h->total >= 32) {
		acc = rotl(h->v[0], 1) + rotl(h->v[1], 7) + rotl(h->v[2], 12) + rotl(h->v[3], 18);
		for (int i = 0; i < 4; i++)
			acc = (acc ^ mix(0, h->v[i])) * P1 + P4;
	} else {
		acc = P5;
	}
	acc += h->total;
	const unsigned char *p = h->tail;
	uint32_t left = h->tail_len;
	for (; left >= 8; p += 8, left -= 8)
		acc = rotl(acc ^ mix(0, read64(p)), 27) * P1 + P4;
	if (left >= 4) {
		uint32_t x;
		memcpy(&x, p, 4);
		acc = rotl(acc ^ (x * P1), 23) * P2 + P3;
		p += 4;
		left -= 4;
	}
	for (; left > 0; p++, left--)
		acc = rotl(acc ^ (*p * P5), 11) * P1;
	acc = (acc ^ (acc >> 33)) * P2;
	acc = (acc ^ (acc >> 29)) * P3;
	return acc ^ (acc >> 32);
}
