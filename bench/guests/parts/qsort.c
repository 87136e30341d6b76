/* Part: quicksort of 400,000 numbers through a comparison function, as qsort(3) does it. */
#include "../parts.h"

#define NUMBERS 400000
static uint32_t numbers[NUMBERS];

void prepare_sort(void)
{
	uint64_t state = 42;
	for (uint32_t i = 0; i < NUMBERS; i++) numbers[i] = next_random(&state);
}

static WITHIN_A_PAGE int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void swap(uint32_t *a, uint32_t *b)
{
	uint32_t held = *a;
	*a = *b;
	*b = held;
}

/* Hoare's partition around the middle element; recursion into the smaller half. */
static WITHIN_A_PAGE void quicksort(uint32_t *first, uint32_t *last, int (*order)(const void *, const void *))
{
	while (first < last) {
		uint32_t pivot = first[(last - first) / 2];
		uint32_t *i = first - 1, *j = last + 1;
		for (;;) {
			do i++; while (order(i, &pivot) < 0);
			do j--; while (order(j, &pivot) > 0);
			if (i >= j) break;
			swap(i, j);
		}
		if (j - first < last - j) {
			quicksort(first, j, order);
			first = j + 1;
		} else {
			quicksort(j + 1, last, order);
			last = j;
		}
	}
}

uint32_t sort(void)
{
	int (*volatile order)(const void *, const void *) = compare;
	quicksort(numbers, numbers + NUMBERS - 1, order);
	return checksum_of(CHECKSUM_START, numbers, sizeof numbers);
}
