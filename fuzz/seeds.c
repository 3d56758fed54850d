/* SPDX-License-Identifier: MIT */
/* Inputs to start from: what programs do, as records. Each begins with its world. */
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "fuzz/input.h"

#define WORLD(host, options)                                                                       \
	{                                                                                          \
		.p = { host, options }                                                             \
	}
#define DO(op_, ...)                                                                               \
	{                                                                                          \
		.op = OP_##op_, .p = { __VA_ARGS__ }                                               \
	}
#define ON(who_, op_, ...)                                                                         \
	{                                                                                          \
		.op = OP_##op_, .who = who_, .p = { __VA_ARGS__ }                                  \
	}
#define MAX_SEED 24

/* Copy 4 KiB within the pool, 4 KiB into it, with an interrupt; once with stores, once trapped. */
#define COPIES                                                                                     \
	DO(MAP_POOL, 1, 1), DO(INTERRUPTS, 2, 0), DO(DESCRIPTOR, 0, 0, 1, 0, 0x10, 0x20),          \
		DO(DESCRIPTOR, 1, 0, 2, 1, 0x14, 0x30), DO(LAUNCH, 1, 0x50, 0, 1),                 \
		DO(LAUNCH, 3, 0x50, 0, 1)

static const struct {
	const char *name;
	struct fuzz_rec recs[MAX_SEED];
} seeds[] = {
	{ "copy", { WORLD(0, 0), DO(SET_UP), COPIES, DO(UNMAP, 0, 3), DO(LAUNCH, 1, 0x50, 0, 1) } },
	{ "copy-nesting", { WORLD(0, 0), DO(SET_UP, 0, 2), COPIES, DO(CLOSE) } },
	{ "copy-v1", { WORLD(1, 0), DO(SET_UP, 0, 1), COPIES, DO(UNMAP, 0, 0, 0, 1) } },
	{ "copy-trapped", { WORLD(0, 8), DO(SET_UP), COPIES } },
	{ "copy-indirect", { WORLD(0, 16), DO(SET_UP), COPIES, DO(UNMAP, 0, 3) } },
	/* What the first device could do is the second's afterwards, at the same physical addresses. */
	{ "stale", { WORLD(0, 0), DO(SET_UP), DO(SET_UP, 1), DO(MAP_POOL, 1),
			   DO(DESCRIPTOR, 0, 0, 1, 0, 0x10, 0x20), DO(LAUNCH, 1, 0x50, 0, 0),
			   DO(UNMAP, 0, 3), ON(1, MAP_POOL, 1), ON(1, LAUNCH, 1, 0x50, 0, 0),
			   DO(EVENTFD), DO(DESCRIPTOR, 0, 0, 1, 0, 0x10, 0x20),
			   DO(LAUNCH, 1, 0x50, 0, 0), DO(DESCRIPTOR, 0, 0, 1, 5, 0x10, 0x20),
			   DO(LAUNCH, 1, 0x50, 0, 0) } },
	{ "mixed", { WORLD(2, 0), DO(SET_UP), DO(SET_UP, 1, 0, 0x80), COPIES } },
	{ "stages", { WORLD(3, 0), DO(SET_UP), DO(SET_UP, 1), DO(SET_UP, 2), COPIES } },
	{ "subset", { WORLD(4, 0), DO(SET_UP, 0, 2), DO(SET_UP, 1, 2, 0x80), DO(SET_UP, 2, 2, 0x80),
			    COPIES, DO(CHECK_EXTENSION, 2) } },
	{ "noiommu", { WORLD(5, 0), DO(SET_UP, 1), COPIES, DO(SET_UP, 0), DO(MAP_POOL, 1),
			     DO(LAUNCH, 1, 0x0a, 0, 1) } },
	{ "drivers", { WORLD(6, 0), DO(GROUP, 1), DO(GROUP, 0), DO(SET_UP, 2), COPIES } },
	{ "by-hand", { WORLD(0, 0), DO(CONTAINER), DO(GROUP), DO(CHECK_EXTENSION),
			     DO(SET_CONTAINER), DO(SET_IOMMU), DO(DEVICE), DO(INFO, 0, 0x84),
			     DO(INFO, 1), DO(INFO, 2), DO(INFO, 3), DO(INFO, 4), DO(INFO, 5, 0x84),
			     DO(MAP, 0, 0, 0, 0, 3), DO(UNMAP, 0, 0, 0, 3), DO(RESET),
			     DO(UNSET_CONTAINER), DO(CLOSE), DO(CLOSE), DO(CLOSE) } },
	{ "dirty", { WORLD(0, 0), DO(SET_UP), DO(MAP_POOL, 1, 1), DO(DIRTY, 0, 0),
			   DO(DIRTY, 0, 2, 3, 0), DO(DIRTY, 0, 2, 7, 4), DO(UNMAP, 0, 4, 0, 3),
			   DO(DIRTY, 0, 5) } },
	{ "irqs", { WORLD(0, 0), DO(SET_UP), DO(SET_IRQS, 0, 0, 1, 2), DO(SET_IRQS, 0, 3, 0, 2),
			  DO(SET_IRQS, 0, 0, 1, 3), DO(SET_IRQS, 0, 0, 1, 4),
			  DO(SET_IRQS, 0, 0, 1, 0), DO(SET_IRQS, 0, 5, 1, 0),
			  DO(SET_IRQS, 0, 9, 1, 0), DO(SET_IRQS, 0, 7, 1, 0), DO(EVENTFD),
			  DO(SET_IRQS, 0, 3, 0, 0), DO(SET_IRQS, 0, 0, 1, 1), DO(INTERRUPTS, 0),
			  DO(INTERRUPTS, 1) } },
	{ "resets",
		{ WORLD(0, 0), DO(SET_UP, 1), DO(DEVICE, 2), DO(HOT_RESET, 0, 1), DO(RESET),
			DO(FEATURE, 0, 5, 10), DO(FEATURE, 0, 2, 10, 1), DO(FEATURE, 0, 1, 10),
			DO(FEATURE, 0, 2, 3), DO(FEATURE, 0, 2, 5), DO(IOEVENTFD, 0, 0, 0x12, 0),
			DO(REGION, 0x12, 1, 0), DO(IOEVENTFD, 0, 0, 0x12, 0x80) } },
	{ "config",
		{ WORLD(0, 0), DO(SET_UP), DO(CONFIG, 0, 1, 3, 1), DO(CONFIG, 4, 1, 8, 2),
			DO(CONFIG, 4, 0, 0, 2), DO(CONFIG, 0x50, 1, 10, 1), DO(REGION, 0x12, 0, 0),
			DO(CONFIG, 0x54, 1, 0, 1), DO(CONFIG, 0x62, 1, 9, 1),
			DO(REGION, 0x40, 0, 7), DO(REGION, 0xc7, 0, 7), DO(BAR_STORE, 0x12),
			DO(STEP), DO(MMAP_CHECK), DO(LOOK) } },
	{ "peer", { WORLD(0, 0), DO(SET_UP), DO(SET_UP, 1, 0, 0x80), DO(BAR_STORE, 0x12),
			  DO(MAP, 0, 0, 4, 7, 0), DO(MAP_POOL, 1),
			  DO(DESCRIPTOR, 0, 0, 0, 0, 0x10, 4), DO(LAUNCH, 1, 0x50, 0, 0) } },
	{ "nested", { WORLD(0, 0), DO(SET_UP, 0, 2), COPIES, DO(NESTED, 2, 1, 0, 0),
			    DO(NESTED, 0, 1), DO(NESTED, 0, 7, 0, 1, 3, 5),
			    DO(NESTED, 1, 3, 0, 2, 2, 1), DO(LAUNCH, 1, 0x50, 0, 1),
			    DO(NESTED, 2, 0, 0, 1), DO(NESTED, 3, 1), DO(CLOSE) } },
};

uint8_t *fuzz_seed(unsigned n, size_t *len, const char **name)
{
	size_t recs = MAX_SEED;
	uint8_t *bytes;

	if (n >= ARRAY_LEN(seeds))
		return NULL;
	while (recs > 1 &&
		!memcmp(&seeds[n].recs[recs - 1], &(struct fuzz_rec){ 0 }, sizeof(struct fuzz_rec)))
		recs--;
	*name = seeds[n].name;
	*len = recs * sizeof(struct fuzz_rec);
	bytes = malloc(*len);
	if (bytes)
		memcpy(bytes, seeds[n].recs, *len);
	return bytes;
}
