/* SPDX-License-Identifier: MIT */
/* Bit fields, powers of two, alignment. GENMASK-style masks are [high:low], as in the manuals. */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include <stdbool.h>
#include <stdint.h>

#define KIB(n)		  ((uint64_t)(n) << 10)
#define MIB(n)		  ((uint64_t)(n) << 20)
#define GIB(n)		  ((uint64_t)(n) << 30)
#define BIT64(n)	  (UINT64_C(1) << (n))
#define MASK64(high, low) ((~UINT64_C(0) << (low)) & (~UINT64_C(0) >> (63 - (high))))

#define ARRAY_LEN(a)	   (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)	   ((a) < (b) ? (a) : (b))
#define MAX(a, b)	   ((a) > (b) ? (a) : (b))
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))
#define container_of_const(ptr, type, member)                                                      \
	((const type *)((const char *)(ptr)-offsetof(type, member)))

/** The value of the field that mask (contiguous ones) selects. */
static inline uint64_t field_get(uint64_t mask, uint64_t word)
{
	return (word & mask) >> __builtin_ctzll(mask);
}

/** value, moved to where mask selects it. */
static inline uint64_t field_prep(uint64_t mask, uint64_t value)
{
	return (value << __builtin_ctzll(mask)) & mask;
}

static inline uint64_t align_down(uint64_t x, uint64_t to)
{
	return x & ~(to - 1);
}

static inline uint64_t align_up(uint64_t x, uint64_t to)
{
	return (x + to - 1) & ~(to - 1);
}

static inline bool is_aligned(uint64_t x, uint64_t to)
{
	return (x & (to - 1)) == 0;
}

static inline bool is_pow2(uint64_t x)
{
	return x && !(x & (x - 1));
}

#endif
