/* SPDX-License-Identifier: MIT */
/*
 * The decoder of the simulated physical address space: two levels of slots.
 *
 * The top level has an entry per GiB: empty, an extent that owns the whole GiB (tagged), or a table
 * with an entry per 2 MiB slot. Looking up is two loads at most. Entries are single atomic words;
 * tables, once there, stay until the space is destroyed, so a reader never meets a freed one. What
 * keeps an extent alive while a reader uses it is the port protocol, see <nestbox/mem.h>.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "base/check.h"
#include "mem/run.h"
#include "mem/sigbus.h"

#define TOP_LG2	   30
#define TABLE_LG2  (TOP_LG2 - NB_MEM_SLOT_LG2)
#define TABLE_LEN  (1u << TABLE_LG2)
#define WHOLE_SLOT ((uintptr_t)1) /* the top entry is an extent, not a table */

struct slot_table {
	struct slot_table *next; /* of all there are */
	_Atomic(struct nb_extent *) slot[TABLE_LEN];
};

struct nb_mem {
	unsigned pa_bits;
	size_t top_bytes;
	_Atomic uintptr_t *top; /* mapped, so that pages nobody uses cost nothing */
	struct slot_table *tables;
	atomic_uint extents;
	_Atomic uint64_t removals;
};

struct nb_mem *nb_mem_create(unsigned pa_bits)
{
	struct nb_mem *mem;

	if (pa_bits < 32 || pa_bits > 52)
		return NULL;
	mem = calloc(1, sizeof(*mem));
	if (!mem)
		return NULL;
	mem->pa_bits = pa_bits;
	mem->top_bytes = sizeof(*mem->top) << (pa_bits - TOP_LG2);
	mem->top = mmap(NULL, mem->top_bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem->top == MAP_FAILED) {
		free(mem);
		return NULL;
	}
	return mem;
}

static struct slot_table *entry_table(uintptr_t entry)
{
	return entry & WHOLE_SLOT ? NULL : (struct slot_table *)entry;
}

static uintptr_t load_top(const struct nb_mem *mem, uint64_t slot)
{
	return atomic_load_explicit(&mem->top[slot >> TABLE_LG2], memory_order_acquire);
}

void nb_mem_destroy(struct nb_mem *mem)
{
	struct slot_table *table;

	if (!mem)
		return;
	while ((table = mem->tables)) {
		mem->tables = table->next;
		free(table);
	}
	munmap(mem->top, mem->top_bytes);
	free(mem);
}

static struct nb_extent *slot_get(const struct nb_mem *mem, uint64_t slot)
{
	uintptr_t entry = load_top(mem, slot);
	struct slot_table *table;

	if (entry & WHOLE_SLOT)
		return (struct nb_extent *)(entry & ~WHOLE_SLOT);
	table = (struct slot_table *)entry;
	if (!table)
		return NULL;
	return atomic_load_explicit(&table->slot[slot % TABLE_LEN], memory_order_acquire);
}

const struct nb_extent *nb_mem_find(const struct nb_mem *mem, nb_pa pa)
{
	const struct nb_extent *ext;

	if (pa.v >> mem->pa_bits)
		return NULL;
	ext = slot_get(mem, pa.v >> NB_MEM_SLOT_LG2);
	return ext && pa.v - ext->pa.v < ext->bytes ? ext : NULL;
}

/* Slots from slot on that one step can treat alike: a whole GiB, or one. */
static uint64_t step_slots(const struct nb_mem *mem, uint64_t slot, uint64_t end)
{
	bool whole = slot % TABLE_LEN == 0 && end - slot >= TABLE_LEN;

	return whole && !entry_table(load_top(mem, slot)) ? TABLE_LEN : 1;
}

static void slot_set(struct nb_mem *mem, uint64_t slot, uint64_t n, struct nb_extent *ext)
{
	_Atomic uintptr_t *top = &mem->top[slot >> TABLE_LG2];
	struct slot_table *table = entry_table(*top);

	/* release: who finds the extent sees its fields. */
	if (n == TABLE_LEN)
		atomic_store_explicit(
			top, ext ? (uintptr_t)ext | WHOLE_SLOT : 0, memory_order_release);
	else
		atomic_store_explicit(&table->slot[slot % TABLE_LEN], ext, memory_order_release);
}

/* Tables for the edges of the range, before anything is entered: entering then cannot fail. */
static int make_tables(struct nb_mem *mem, uint64_t first, uint64_t end)
{
	struct slot_table *table;
	uint64_t slot, n;

	for (slot = first; slot < end; slot += n) {
		n = step_slots(mem, slot, end);
		if (n == TABLE_LEN || load_top(mem, slot))
			continue;
		table = calloc(1, sizeof(*table));
		if (!table)
			return -ENOMEM;
		table->next = mem->tables;
		mem->tables = table;
		atomic_store_explicit(
			&mem->top[slot >> TABLE_LG2], (uintptr_t)table, memory_order_release);
	}
	return 0;
}

static bool slots_free(const struct nb_mem *mem, uint64_t first, uint64_t end)
{
	uint64_t slot, n;

	for (slot = first; slot < end; slot += n) {
		n = step_slots(mem, slot, end);
		if (slot_get(mem, slot))
			return false;
	}
	return true;
}

static uint64_t first_slot(const struct nb_extent *ext)
{
	return ext->pa.v >> NB_MEM_SLOT_LG2;
}

static uint64_t end_slot(const struct nb_extent *ext)
{
	return ((ext->pa.v + ext->bytes - 1) >> NB_MEM_SLOT_LG2) + 1;
}

int nb_mem_add(struct nb_mem *mem, struct nb_extent *extent)
{
	uint64_t limit = UINT64_C(1) << mem->pa_bits, slot, n, end;
	int err;

	if (!extent->bytes || extent->pa.v >= limit || extent->bytes > limit - extent->pa.v)
		return -EINVAL;
	end = end_slot(extent);
	if (!slots_free(mem, first_slot(extent), end))
		return -EEXIST;
	err = make_tables(mem, first_slot(extent), end);
	if (err)
		return err;
	for (slot = first_slot(extent); slot < end; slot += n) {
		n = step_slots(mem, slot, end);
		slot_set(mem, slot, n, extent);
	}
	atomic_fetch_add_explicit(&mem->extents, 1, memory_order_relaxed);
	return 0;
}

void nb_mem_remove(struct nb_mem *mem, struct nb_extent *extent)
{
	uint64_t slot, n, end = end_slot(extent);

	for (slot = first_slot(extent); slot < end; slot += n) {
		n = step_slots(mem, slot, end);
		nb_assert(slot_get(mem, slot) == extent);
		slot_set(mem, slot, n, NULL);
	}
	atomic_fetch_sub_explicit(&mem->extents, 1, memory_order_relaxed);
	/* After the slots: who sees the old count may still see the extent, and is waited for. */
	atomic_fetch_add(&mem->removals, 1);
}

uint64_t nb_mem_removals(const struct nb_mem *mem)
{
	return atomic_load_explicit(&mem->removals, memory_order_acquire);
}

const _Atomic uint64_t *mem_removals(const struct nb_mem *mem)
{
	return &mem->removals;
}

unsigned nb_mem_extents(const struct nb_mem *mem)
{
	return atomic_load_explicit(&mem->extents, memory_order_relaxed);
}

bool mem_run_at(const struct nb_mem *mem, nb_pa pa, uint64_t want, struct mem_run *run)
{
	const struct nb_extent *ext = nb_mem_find(mem, pa);
	uint64_t at;

	if (!ext)
		return false;
	at = pa.v - ext->pa.v;
	run->ext = ext;
	run->off = ext->off + at;
	run->bytes = MIN(want, ext->bytes - at);
	run->ptr = NULL;
	if (ext->ptr)
		run->ptr = (char *)ext->ptr + at;
	else if (ext->ops->direct)
		run->ptr = ext->ops->direct(ext->ctx, run->off, &run->bytes);
	nb_assert(run->bytes && run->bytes <= want);
	return true;
}

const char *mem_run_reason(const struct mem_run *run)
{
	const struct nb_mem_ops *ops = run->ext->ops;
	const char *reason = NULL;

	if (!run->ext->ptr && ops->reason)
		reason = ops->reason(run->ext->ctx, run->off);
	return reason ? reason : "the memory there refused the access";
}

int mem_run_read(const struct mem_run *run, void *buf, size_t len)
{
	if (!run->ptr)
		return run->ext->ops->read(run->ext->ctx, run->off, buf, len);
	memmove(buf, run->ptr, len);
	return sigbus_poisoned(run->ptr, len) ? -1 : 0;
}

int mem_run_write(const struct mem_run *run, const void *buf, size_t len, uint32_t sid)
{
	if (!run->ptr)
		return run->ext->ops->write(run->ext->ctx, run->off, buf, len, sid);
	memmove(run->ptr, buf, len);
	return sigbus_poisoned(run->ptr, len) ? -1 : 0;
}

int nb_mem_read(const struct nb_mem *mem, nb_pa pa, void *buf, size_t len)
{
	struct mem_run run;
	size_t done;

	for (done = 0; done < len; done += run.bytes) {
		if (!mem_run_at(mem, NB_PA(pa.v + done), len - done, &run) ||
			mem_run_read(&run, (char *)buf + done, run.bytes))
			return -1;
	}
	return 0;
}

int nb_mem_write(const struct nb_mem *mem, nb_pa pa, const void *buf, size_t len, uint32_t sid)
{
	struct mem_run run;
	size_t done;

	for (done = 0; done < len; done += run.bytes) {
		if (!mem_run_at(mem, NB_PA(pa.v + done), len - done, &run) ||
			mem_run_write(&run, (const char *)buf + done, run.bytes, sid))
			return -1;
	}
	return 0;
}

int nb_mem_load64(const struct nb_mem *mem, nb_pa pa, uint64_t *val)
{
	const struct nb_mem_ops *ops;
	struct mem_run run;

	if (!is_aligned(pa.v, 8) || !mem_run_at(mem, pa, 8, &run) || run.bytes < 8)
		return -1;
	if (run.ptr) {
		*val = __atomic_load_n((uint64_t *)run.ptr, __ATOMIC_ACQUIRE);
		return sigbus_poisoned(run.ptr, 8) ? -1 : 0;
	}
	ops = run.ext->ops;
	return ops->load64 ? ops->load64(run.ext->ctx, run.off, val)
			   : ops->read(run.ext->ctx, run.off, val, 8);
}

int nb_mem_cas64(const struct nb_mem *mem, nb_pa pa, uint64_t *expected, uint64_t desired)
{
	struct mem_run run;

	if (!is_aligned(pa.v, 8) || !mem_run_at(mem, pa, 8, &run) || run.bytes < 8)
		return -1;
	if (run.ptr) {
		__atomic_compare_exchange_n((uint64_t *)run.ptr, expected, desired, false,
			__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
		return sigbus_poisoned(run.ptr, 8) ? -1 : 0;
	}
	if (!run.ext->ops->cas64)
		return 1;
	return run.ext->ops->cas64(run.ext->ctx, run.off, expected, desired);
}

void *nb_mem_direct(const struct nb_mem *mem, nb_pa pa, uint64_t *bytes)
{
	struct mem_run run;

	if (!*bytes || !mem_run_at(mem, pa, *bytes, &run))
		return NULL;
	*bytes = run.bytes;
	return run.ptr;
}
