/* SPDX-License-Identifier: MIT */
/* The registers in an image: what it takes to build the SMMU again, and some to be looked at. */
#ifndef EXPLAIN_IMAGE_REGISTERS_H
#define EXPLAIN_IMAGE_REGISTERS_H

#include "smmuv3/regs.h"

#define IMAGE_REGISTERS 14

struct image_register {
	const char *name;
	uint32_t offset;
	uint8_t bytes;
	bool needed;
};

extern const struct image_register image_register_list[IMAGE_REGISTERS];

#endif
