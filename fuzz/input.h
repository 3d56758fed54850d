/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer's input: records of one size, each an operation. The first describes the world. So a
 * mutation of one operation leaves the others what they are, and whole operations can be moved.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fuzz_rec {
	uint8_t op;    /* of the table, modulo its length */
	uint8_t who;   /* which of the open files */
	uint8_t p[6];  /* picks out of small pools */
	uint64_t x, y; /* raw values, where a pick asks for one */
};
_Static_assert(sizeof(struct fuzz_rec) == 24, "no holes: inputs are bytes");

#define FUZZ_MAX_RECS 96
#define FUZZ_OPS      32 /* operations that there are (ops.c) */

enum fuzz_op { /* the order of the table in ops.c */
	OP_SET_UP,
	OP_MAP_POOL,
	OP_MAP,
	OP_UNMAP,
	OP_DIRTY,
	OP_CONTAINER,
	OP_GROUP,
	OP_CLOSE,
	OP_DUP,
	OP_SET_CONTAINER,
	OP_UNSET_CONTAINER,
	OP_SET_IOMMU,
	OP_CHECK_EXTENSION,
	OP_DEVICE,
	OP_INFO,
	OP_RAW,
	OP_SET_IRQS,
	OP_RESET,
	OP_HOT_RESET,
	OP_IOEVENTFD,
	OP_FEATURE,
	OP_EVENTFD,
	OP_REGION,
	OP_CONFIG,
	OP_MMAP_CHECK,
	OP_BAR_STORE,
	OP_STEP,
	OP_DESCRIPTOR,
	OP_LAUNCH,
	OP_INTERRUPTS,
	OP_LOOK,
	OP_NESTED,
};

/** Run one input; aborts where an oracle finds something. words: print what is done. */
void fuzz_run(const uint8_t *bytes, size_t len, bool words);

/** Change the records (at most max bytes of them) with the help of mutate; the new length. */
size_t fuzz_mutate(uint8_t *bytes, size_t len, size_t max, unsigned seed,
	size_t (*mutate)(uint8_t *bytes, size_t len, size_t max));
/** Records of both, into out. */
size_t fuzz_cross(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len, uint8_t *out,
	size_t max, unsigned seed);

/** Inputs to start from. The n-th's bytes (to be freed) and name; NULL: there is none. */
uint8_t *fuzz_seed(unsigned n, size_t *len, const char **name);

#endif
