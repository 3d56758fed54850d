/* SPDX-License-Identifier: MIT */
/* bench/smmu: the rows of the SMMUv3 model by themselves. */
#include <stdlib.h>
#include <string.h>

#include "smmu.h"

int main(void)
{
	struct row rows[SMMU_ROWS];

	memcpy(rows, smmu_rows, sizeof(rows));
	for (unsigned i = 0; i < ROUNDS; i++)
		smmu_round(rows);
	table_print(rows, SMMU_ROWS);
	return EXIT_SUCCESS;
}
