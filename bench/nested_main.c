/* SPDX-License-Identifier: MIT */
/* bench/nested: the rows of nesting by themselves. */
#include <stdlib.h>
#include <string.h>

#include "nested.h"

int main(void)
{
	struct row rows[NESTED_ROWS];

	memcpy(rows, nested_rows, sizeof(rows));
	for (unsigned i = 0; i < ROUNDS; i++)
		nested_round(rows);
	table_print(rows, NESTED_ROWS);
	return EXIT_SUCCESS;
}
