/* The matrices that the floating-point parts multiply. */
#include "../parts.h"

#define SIZE 96

static double left[SIZE][SIZE] __attribute__((aligned(16)));
static double right[SIZE][SIZE] __attribute__((aligned(16)));
static double product[SIZE][SIZE] __attribute__((aligned(16)));

static inline void fill_matrices(void)
{
	for (int i = 0; i < SIZE; i++) {
		for (int j = 0; j < SIZE; j++) {
			left[i][j] = (double)((i * 7 + j * 3) % 17) * 0.25 - 1.5;
			right[i][j] = (double)((i * 5 + j * 11) % 23) / 3.0 - 2.0;
			product[i][j] = 0;
		}
	}
}
