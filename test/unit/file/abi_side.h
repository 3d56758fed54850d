/* SPDX-License-Identifier: MIT */
#ifndef TEST_ABI_SIDE_H
#define TEST_ABI_SIDE_H

#include <stddef.h>

/** A number and 0, or the size of a struct and the offset of one of its members. */
struct abi_item {
	const char *name;
	unsigned long value, offset;
};

extern const struct abi_item abi_ours[], abi_system[];

#endif
