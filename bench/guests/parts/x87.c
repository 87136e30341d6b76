/* Part: a matrix product on the x87 unit. Compiled with -mfpmath=387, on amd64 too. */
#include "matrix.h"

uint32_t x87_matrix(void)
{
	fill_matrices();
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < SIZE; i++) {
			for (int j = 0; j < SIZE; j++) {
				double sum = 0;
				for (int k = 0; k < SIZE; k++) sum += left[i][k] * right[k][j];
				product[i][j] = product[i][j] * 0.5 + sum;
			}
		}
	}
	return checksum_of(CHECKSUM_START, product, sizeof product);
}
