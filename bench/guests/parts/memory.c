/* Parts that move memory: a copy loop as C libraries have it, and the string instruction. */
#include <emmintrin.h>
#include "../parts.h"

#define MEGABYTE (1 << 20)
/* The distance between the two is no power of two, lest each pair of pages share a place in a direct-mapped TLB. */
#define GAP (5 * 4096)
static uint8_t memory[2 * MEGABYTE + GAP] __attribute__((aligned(4096)));
#define source memory
#define target (memory + MEGABYTE + GAP)

static void fill(void)
{
	for (uint32_t i = 0; i < MEGABYTE; i++) source[i] = (uint8_t)(i * 31 + (i >> 8));
}

/* 64 bytes a turn, unaligned loads and aligned stores: written out, so that no engine's CPUID picks another one. */
static WITHIN_A_PAGE void copy(uint8_t *to, const uint8_t *from, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += 64) {
		__m128i a = _mm_loadu_si128((const __m128i *)(from + i));
		__m128i b = _mm_loadu_si128((const __m128i *)(from + i + 16));
		__m128i c = _mm_loadu_si128((const __m128i *)(from + i + 32));
		__m128i d = _mm_loadu_si128((const __m128i *)(from + i + 48));
		_mm_store_si128((__m128i *)(to + i), a);
		_mm_store_si128((__m128i *)(to + i + 16), b);
		_mm_store_si128((__m128i *)(to + i + 32), c);
		_mm_store_si128((__m128i *)(to + i + 48), d);
	}
}

/* 320 MB. */
uint32_t memory_copy(void)
{
	fill();
	for (uint32_t i = 0; i < 320; i++) {
		source[i * 4096 % MEGABYTE] ^= (uint8_t)i;
		copy(target, source, MEGABYTE);
	}
	return checksum_of(CHECKSUM_START, target, 65536);
}

/* 160 MB. */
uint32_t rep_movsd(void)
{
	fill();
	for (uint32_t i = 0; i < 160; i++) {
		source[i * 4096 % MEGABYTE] ^= (uint8_t)i;
		const uint8_t *from = source;
		uint8_t *to = target;
		size_t words = MEGABYTE / 4;
		__asm__ volatile("cld; rep movsl" : "+S"(from), "+D"(to), "+c"(words) : : "memory", "cc");
	}
	return checksum_of(CHECKSUM_START, target, 65536);
}
