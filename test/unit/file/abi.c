/* SPDX-License-Identifier: MIT */
/* Our VFIO ABI against the system's header, item by item. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "abi_side.h"

static void same_as_system(void **state)
{
	for (unsigned i = 0; abi_ours[i].name; i++) {
		if (abi_ours[i].value != abi_system[i].value ||
			abi_ours[i].offset != abi_system[i].offset)
			print_error("%s\n", abi_ours[i].name);
		assert_int_equal(abi_ours[i].value, abi_system[i].value);
		assert_int_equal(abi_ours[i].offset, abi_system[i].offset);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(same_as_system) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
