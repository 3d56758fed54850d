/* SPDX-License-Identifier: MIT */
/* bench/tables: the rows of the table writer by themselves. */
#include <stdlib.h>
#include <string.h>

#include "pgtable.h"

int main(void)
{
	struct row rows[PGTABLE_ROWS];

	memcpy(rows, pgtable_rows, sizeof(rows));
	for (unsigned i = 0; i < ROUNDS; i++)
		if (pgtable_round(rows))
			return EXIT_FAILURE;
	table_print(rows, PGTABLE_ROWS);
	return EXIT_SUCCESS;
}
