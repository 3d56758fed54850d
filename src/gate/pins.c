/* SPDX-License-Identifier: MIT */
/*
 * An interval tree of what is registered: sorted by start, each node with the last address of its
 * subtree, so that what touches a range is found without a look at the rest.
 */
#include "gate/pins.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/bits.h"
#include "gate/internal.h"

#define PAGE_LG2 12
/* Bits of one pin: 1 MiB of them, which is 32 GiB of pages. */
#define UNITS_MAX (UINT64_C(1) << 23)
#define WORD_BITS (8 * sizeof(unsigned long))

/* ---- stops ---- */

void stops_init(struct stops *stops, uint64_t bytes)
{
	stops->bytes = bytes;
	atomic_init(&stops->any, false);
	atomic_init(&stops->all, false);
	atomic_init(&stops->bits, NULL);
}

void stops_finish(struct stops *stops)
{
	free((void *)atomic_load(&stops->bits));
}

static unsigned unit_lg2(const struct stops *stops)
{
	unsigned lg2 = PAGE_LG2;

	while ((stops->bytes - 1) >> lg2 >= UNITS_MAX)
		lg2++;
	return lg2;
}

static atomic_ulong *bits_of(struct stops *stops)
{
	uint64_t units = ((stops->bytes - 1) >> unit_lg2(stops)) + 1;
	atomic_ulong *bits = atomic_load(&stops->bits);

	if (!bits) {
		bits = calloc(units / WORD_BITS + 1, sizeof(*bits));
		atomic_store(&stops->bits, bits);
	}
	return bits;
}

void stops_add(struct stops *stops, uint64_t off, uint64_t last)
{
	bool whole = !off && last >= stops->bytes - 1;
	atomic_ulong *bits = whole ? NULL : bits_of(stops);
	unsigned lg2 = unit_lg2(stops);

	for (uint64_t i = off >> lg2; bits && i <= last >> lg2; i++)
		atomic_fetch_or_explicit(
			&bits[i / WORD_BITS], 1ul << i % WORD_BITS, memory_order_relaxed);
	if (!bits)
		atomic_store(&stops->all, true);
	/* release, paired with stops_at: who sees it sees the bits. */
	atomic_store_explicit(&stops->any, true, memory_order_release);
}

static bool is_set(const atomic_ulong *bits, uint64_t unit)
{
	return atomic_load_explicit(&bits[unit / WORD_BITS], memory_order_relaxed) >>
		       unit % WORD_BITS &
	       1;
}

bool stops_run(const struct stops *stops, uint64_t off, uint64_t *bytes)
{
	unsigned lg2 = unit_lg2(stops);
	const atomic_ulong *bits = atomic_load(&stops->bits);
	uint64_t unit = off >> lg2, last = (off + *bytes - 1) >> lg2;
	bool stopped;

	if (atomic_load(&stops->all))
		return true;
	if (!bits)
		return false;
	stopped = is_set(bits, unit);
	while (unit < last && is_set(bits, unit + 1) == stopped)
		unit++;
	*bytes = MIN(*bytes, ((unit + 1) << lg2) - off);
	return stopped;
}

/* ---- the tree ---- */

static int pin_compare(const struct pin *a, const struct pin *b)
{
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a > b) - (a < b);
}

static uint64_t last_below(const struct pin *pin)
{
	return pin ? pin->max_last : 0;
}

static void update(struct pin *pin)
{
	uint64_t below = MAX(last_below(RB_LEFT(pin, node)), last_below(RB_RIGHT(pin, node)));

	pin->max_last = MAX(pin->last, below);
}

#undef RB_AUGMENT
#define RB_AUGMENT(pin) update(pin)

RB_HEAD(pin_tree, pin);
/* RB_GENERATE_STATIC needs a macro that is not defined on Linux. */
RB_GENERATE_INTERNAL(pin_tree, pin, node, pin_compare, static __attribute__((unused)))

struct pins {
	pthread_mutex_t lock; /* a leaf, below the host lock */
	struct pin_tree tree;
};

struct pins *pins_create(void)
{
	struct pins *pins = calloc(1, sizeof(*pins));

	if (!pins)
		return NULL;
	pthread_mutex_init(&pins->lock, NULL);
	RB_INIT(&pins->tree);
	return pins;
}

void pins_destroy(struct pins *pins)
{
	if (!pins)
		return;
	pthread_mutex_destroy(&pins->lock);
	free(pins);
}

/** Insertion and removal leave it to us to go all the way up. */
static void update_upwards(struct pin *pin)
{
	for (; pin; pin = RB_PARENT(pin, node))
		update(pin);
}

void pins_add(struct pins *pins, struct pin *pin)
{
	pthread_mutex_lock(&pins->lock);
	pin->max_last = pin->last;
	RB_INSERT(pin_tree, &pins->tree, pin);
	update_upwards(pin);
	pin->entered = true;
	pthread_mutex_unlock(&pins->lock);
}

void pins_remove(struct pins *pins, struct pin *pin)
{
	if (!pin->entered)
		return;
	pthread_mutex_lock(&pins->lock);
	/* The tree does not always update up to the root: count it out before. */
	pin->last = 0;
	update_upwards(pin);
	RB_REMOVE(pin_tree, &pins->tree, pin);
	pthread_mutex_unlock(&pins->lock);
}

/** The first at or right of pin, in the order of the tree, that touches the range. */
static struct pin *first_in(struct pin *pin, const struct pins_range *range)
{
	while (pin) {
		struct pin *left = RB_LEFT(pin, node);

		if (left && left->max_last >= range->start) {
			pin = left;
			continue;
		}
		if (pin->start > range->last)
			return NULL;
		if (pin->last >= range->start)
			return pin;
		pin = RB_RIGHT(pin, node);
		if (pin && pin->max_last < range->start)
			return NULL;
	}
	return NULL;
}

static struct pin *next_in(struct pin *pin, const struct pins_range *range)
{
	while ((pin = RB_NEXT(pin_tree, NULL, pin)) && pin->start <= range->last)
		if (pin->last >= range->start)
			return pin;
	return NULL;
}

bool pins_touch(struct pins *pins, const struct pins_range *range)
{
	bool found;

	pthread_mutex_lock(&pins->lock);
	found = first_in(RB_ROOT(&pins->tree), range);
	pthread_mutex_unlock(&pins->lock);
	return found;
}

static bool is_among(struct mm *const *mms, unsigned n, const struct mm *mm)
{
	for (unsigned i = 0; i < n; i++)
		if (mms[i] == mm)
			return true;
	return false;
}

unsigned pins_mms(struct pins *pins, const struct pins_range *range, struct mm **out, unsigned max)
{
	struct pin *pin;
	unsigned n = 0;

	pthread_mutex_lock(&pins->lock);
	for (pin = first_in(RB_ROOT(&pins->tree), range); pin && n < max; pin = next_in(pin, range))
		if (!is_among(out, n, pin->mm))
			out[n++] = mm_get(pin->mm);
	pthread_mutex_unlock(&pins->lock);
	return n;
}

/* ---- stopping ---- */

static bool is_meant(const struct pin *pin, enum pins_kind kind, uint64_t off, uint64_t *bytes)
{
	if (kind == PINS_ALL)
		return true;
	return pin->is_shared(pin, off, bytes) == (kind == PINS_SHARED);
}

/** Stop [off, last] where it is meant and was not stopped; the first such part goes to out. */
static bool stop_pin(
	struct pin *pin, enum pins_kind kind, uint64_t off, uint64_t last, struct pins_stopped *out)
{
	bool some = false;
	uint64_t n;

	for (; off <= last; off += n) {
		n = last - off + 1;
		if (!is_meant(pin, kind, off, &n) || stops_at(&pin->stops, off, &n))
			continue;
		stops_add(&pin->stops, off, off + n - 1);
		if (!some)
			*out = (struct pins_stopped){ pin->umem, off, off + n - 1 };
		else
			out->last = off + n - 1;
		some = true;
	}
	return some;
}

unsigned pins_stop(struct pins *pins, const struct mm *mm, const struct pins_range *range,
	struct pins_stopped *out, unsigned max)
{
	struct pins_stopped stopped;
	struct pin *pin;
	unsigned n = 0;

	pthread_mutex_lock(&pins->lock);
	pin = first_in(RB_ROOT(&pins->tree), range);
	for (; pin; pin = next_in(pin, range)) {
		uint64_t first = MAX(pin->start, range->start), last = MIN(pin->last, range->last);

		if (pin->mm != mm || !stop_pin(pin, range->kind, first - pin->start,
					     last - pin->start, &stopped))
			continue;
		if (n++ < max)
			out[n - 1] = stopped;
	}
	pthread_mutex_unlock(&pins->lock);
	return n;
}
