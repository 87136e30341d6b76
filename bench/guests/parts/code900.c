/* Part: 900 functions, all of them different and none very hot, as in large programs. */
#include "../parts.h"

static uint32_t cells[1024];

/* What a function does depends on its number, so that no two have the same code. */
#define FUNCTION(n) \
	static OUT_OF_LINE uint32_t function_##n(uint32_t x) \
	{ \
		uint32_t *cell = &cells[(x ^ n) & 1023]; \
		if (n % 2) x += *cell ^ n * 2654435761u; else x ^= *cell + n; \
		if (x & (1u << n % 13)) x = x * (2 * n + 1) + (x >> n % 7); else x -= n; \
		for (uint32_t i = 0; i < 2 + n % 4; i++) x = (x << (3 + n % 5) | x >> (29 - n % 5)) ^ (i + n); \
		if (n % 3 == 0) x += cells[n & 1023] * 3; \
		if ((int32_t)x < (int32_t)(n << 16)) *cell = x; else *cell ^= x >> 5; \
		return x; \
	}
#define NAME(n) function_##n,

#define TEN(do_it, n) do_it(n##0) do_it(n##1) do_it(n##2) do_it(n##3) do_it(n##4) do_it(n##5) do_it(n##6) do_it(n##7) do_it(n##8) do_it(n##9)
#define HUNDRED(do_it, n) TEN(do_it, n##0) TEN(do_it, n##1) TEN(do_it, n##2) TEN(do_it, n##3) TEN(do_it, n##4) \
	TEN(do_it, n##5) TEN(do_it, n##6) TEN(do_it, n##7) TEN(do_it, n##8) TEN(do_it, n##9)
#define NINE_HUNDRED(do_it) HUNDRED(do_it, 1) HUNDRED(do_it, 2) HUNDRED(do_it, 3) HUNDRED(do_it, 4) HUNDRED(do_it, 5) \
	HUNDRED(do_it, 6) HUNDRED(do_it, 7) HUNDRED(do_it, 8) HUNDRED(do_it, 9)

NINE_HUNDRED(FUNCTION)

static uint32_t (*const functions[900])(uint32_t) = { NINE_HUNDRED(NAME) };

uint32_t code_900(void)
{
	uint32_t x = 1;
	for (uint32_t round = 0; round < 1500; round++) {
		for (uint32_t i = 0, at = round; i < 900; i++, at += 7) x = functions[at % 900](x);
	}
	return checksum_of(x, cells, sizeof cells);
}
