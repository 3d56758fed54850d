/* SPDX-License-Identifier: MIT */
/*
 * Registered memory by address, and which parts of it DMA must not reach any more because the
 * program took them away (--strict-pin, strict.c).
 *
 * A *pin* is one registration: a range of a program's memory. Its *stops* are a bit for each page
 * (each unit of more than a page where it is larger than 32 GiB). Bits are only ever set, so devices
 * look at them without a lock; who sets them then waits until every step of a device has ended.
 */
#ifndef GATE_PINS_H
#define GATE_PINS_H

#include <bsd/sys/tree.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct mm;
struct umem;

struct stops {
	uint64_t bytes;
	atomic_bool any, all;
	_Atomic(atomic_ulong *) bits; /* NULL: none yet */
};

void stops_init(struct stops *stops, uint64_t bytes);
void stops_finish(struct stops *stops);
/** [off, last] from now on; all of it where there is no memory for less. */
void stops_add(struct stops *stops, uint64_t off, uint64_t last);
/** Slow part of stops_at. */
bool stops_run(const struct stops *stops, uint64_t off, uint64_t *bytes);
/** Whether off is stopped. *bytes: in, how far to look; out, how far the answer holds. */
static inline bool stops_at(const struct stops *stops, uint64_t off, uint64_t *bytes)
{
	if (__builtin_expect(!atomic_load_explicit(&stops->any, memory_order_acquire), 1))
		return false;
	return stops_run(stops, off, bytes);
}

/** Embedded in what is registered. Constant but for the tree's part, and the stops. */
struct pin {
	RB_ENTRY(pin) node;
	uint64_t start, last;	 /* of the program's memory, inclusive */
	uint64_t max_last;	 /* of this subtree */
	struct mm *mm;		 /* borrowed: the owner's reference */
	const struct umem *umem; /* whose memory it is: to be compared */
	struct stops stops;
	/** Whether the page at off is of a shared file: then others hold it too. */
	bool (*is_shared)(const struct pin *pin, uint64_t off, uint64_t *bytes);
	bool entered;
};

struct pins;

struct pins *pins_create(void);
void pins_destroy(struct pins *pins); /* NULL accepted; all pins are gone */
void pins_add(struct pins *pins, struct pin *pin);
void pins_remove(struct pins *pins, struct pin *pin); /* no-op unless entered */

/** Which pages of a range are meant. */
enum pins_kind {
	PINS_ALL,
	PINS_PRIVATE, /* those of shared files stay what they are */
	PINS_SHARED,
};

struct pins_range {
	uint64_t start, last;
	enum pins_kind kind;
};

/** Whether anybody has registered some of it. Cheap. */
bool pins_touch(struct pins *pins, const struct pins_range *range);

/** Memory of different programs that is touched, each once, references taken. At most max; the count. */
unsigned pins_mms(struct pins *pins, const struct pins_range *range, struct mm **out, unsigned max);

/** A part that was stopped just now, and was not before. */
struct pins_stopped {
	const struct umem *umem;
	uint64_t off, last; /* of it, inclusive */
};

/** Stop what of it is registered memory of mm. The count; the first max of them are told. */
unsigned pins_stop(struct pins *pins, const struct mm *mm, const struct pins_range *range,
	struct pins_stopped *out, unsigned max);

#endif
