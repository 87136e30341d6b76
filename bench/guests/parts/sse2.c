/* Parts on SSE2: a matrix product with two doubles at once, and integers of 8 and 16 bits. Compiled with -msse2. */
#include <emmintrin.h>
#include "matrix.h"

uint32_t sse2_matrix(void)
{
	fill_matrices();
	for (int round = 0; round < 12; round++) {
		for (int i = 0; i < SIZE; i++) {
			for (int j = 0; j < SIZE; j += 2) {
				__m128d sum = _mm_mul_pd(_mm_load_pd(&product[i][j]), _mm_set1_pd(0.5));
				for (int k = 0; k < SIZE; k++) sum = _mm_add_pd(sum, _mm_mul_pd(_mm_set1_pd(left[i][k]), _mm_load_pd(&right[k][j])));
				_mm_store_pd(&product[i][j], sum);
			}
		}
	}
	return checksum_of(CHECKSUM_START, product, sizeof product);
}

#define PIXELS 65536
static uint8_t above[PIXELS] __attribute__((aligned(16)));
static uint8_t below[PIXELS] __attribute__((aligned(16)));

void prepare_sse2_integer(void)
{
	uint64_t state = 7;
	for (uint32_t i = 0; i < PIXELS; i++) {
		above[i] = (uint8_t)next_random(&state);
		below[i] = (uint8_t)next_random(&state);
	}
}

/* Blends two rows of pixels and sums the differences, as graphics and video code does. */
uint32_t sse2_integer(void)
{
	__m128i zero = _mm_setzero_si128(), sums = zero;
	for (int round = 0; round < 200; round++) {
		__m128i weight = _mm_set1_epi16((short)(round * 3 % 256));
		for (uint32_t i = 0; i < PIXELS; i += 16) {
			__m128i a = _mm_load_si128((const __m128i *)(above + i)), b = _mm_load_si128((const __m128i *)(below + i));
			__m128i low = _mm_mullo_epi16(_mm_sub_epi16(_mm_unpacklo_epi8(a, zero), _mm_unpacklo_epi8(b, zero)), weight);
			__m128i high = _mm_mullo_epi16(_mm_sub_epi16(_mm_unpackhi_epi8(a, zero), _mm_unpackhi_epi8(b, zero)), weight);
			__m128i blended = _mm_add_epi8(b, _mm_packus_epi16(_mm_srli_epi16(low, 8), _mm_srli_epi16(high, 8)));
			sums = _mm_add_epi32(sums, _mm_sad_epu8(blended, a));
			sums = _mm_xor_si128(sums, _mm_shuffle_epi32(_mm_cmpgt_epi8(blended, b), 0x1b));
			_mm_store_si128((__m128i *)(below + i), blended);
		}
	}
	uint32_t words[4];
	_mm_storeu_si128((__m128i *)words, sums);
	return words[0] ^ words[1] ^ words[2] ^ words[3];
}
