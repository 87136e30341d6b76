/* Parts that only compute with integers: a loop, a sieve, recursion, division. */
#include "../parts.h"

/* Shifts, adds and exclusive ors in a loop without memory (xorshift, Marsaglia 2003). */
uint32_t integer_loop(void)
{
	uint32_t x = 2463534242u, sum = 0;
	for (uint32_t i = 0; i < 60000000; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		sum += x + i;
	}
	return sum;
}

#define SIEVE_SIZE 1000000
static uint8_t composite[SIEVE_SIZE];

/* Eratosthenes, eight times over. */
uint32_t sieve(void)
{
	uint32_t primes = 0;
	for (uint32_t round = 0; round < 8; round++) {
		memset(composite, 0, sizeof composite);
		for (uint32_t i = 2; i < SIEVE_SIZE; i++) {
			if (composite[i]) continue;
			primes += i ^ round;
			for (uint32_t j = 2 * i; j < SIEVE_SIZE; j += i) composite[j] = 1;
		}
	}
	return primes;
}

static WITHIN_A_PAGE uint32_t fibonacci_of(uint32_t n)
{
	/* The asm keeps the compiler from making a loop of one of the calls. */
	if (n < 2) return n;
	uint32_t first = fibonacci_of(n - 1);
	__asm__ volatile("" : "+r"(first));
	uint32_t second = fibonacci_of(n - 2);
	__asm__ volatile("" : "+r"(second));
	return first + second;
}

uint32_t fibonacci(void)
{
	return fibonacci_of(34);
}

/* Divisions of 32 bits by 32, signed and unsigned, and of 64 by 32. */
uint32_t division(void)
{
	uint64_t state = 1;
	uint32_t sum = 0, value = 0xdeadbeef;
	uint64_t wide = 0x123456789abcdefull;
	for (uint32_t i = 0; i < 4000000; i++) {
		uint32_t divisor = (next_random(&state) & 0xffff) + 3;
		sum += value / divisor + value % divisor;
		sum ^= (uint32_t)((int32_t)value / -(int32_t)divisor);
		wide = wide * 3 + i;
		uint32_t high = (uint32_t)(wide >> 32) % divisor, low = (uint32_t)wide, quotient;
		__asm__("divl %4" : "=a"(quotient), "=d"(high) : "0"(low), "1"(high), "r"(divisor) : "cc");
		sum += quotient ^ high;
		value = value * 69069 + sum;
	}
	return sum;
}
