/* SPDX-License-Identifier: MIT */
/* The pools (pools.h). */
#include "fuzz/pools.h"

#include <string.h>

#include "base/bits.h"

uint64_t pick_iova(uint8_t pick, uint64_t raw)
{
	static const uint64_t bases[] = {
		0x100000,
		0x100000,
		0x101000,
		0x108000,
		0x200000,
		0,
		0x7fff000,
		0x8000000, /* the MSI window */
		0x8100000,
		0x3ffff000,
		0x40000000,
		0xfffff000,
		UINT64_C(1) << 39,
		(UINT64_C(1) << 48) - 4096,
		UINT64_MAX - 4095,
	};
	unsigned base = pick & 15;

	return base < ARRAY_LEN(bases) ? bases[base] + (pick >> 4) * PAGE : raw;
}

uint64_t pick_size(uint8_t pick, uint64_t raw)
{
	static const uint64_t sizes[] = {
		PAGE,
		2 * PAGE,
		4 * PAGE,
		POOL_PAGES * PAGE,
		PAGE,
		0x200000,
		0x400000,
		BIG_BYTES,
	};
	static const uint64_t odd[] = {
		0,
		1,
		PAGE - 1,
		PAGE + 1,
		GIB(1),
		UINT64_C(1) << 63,
		UINT64_MAX,
		UINT64_MAX - 4095,
		UINT64_MAX / 4096,
		GIB(512),
		0x100000000,
	};

	if (!(pick & 0x80))
		return sizes[pick % ARRAY_LEN(sizes)];
	pick &= 0x7f;
	return pick < ARRAY_LEN(odd) ? odd[pick] : raw;
}

/* Raw pointers stay away from the memory that the oracle watches. */
static uint64_t away(uint64_t raw)
{
	return raw >= ARGS && raw < HOLE ? HOLE + raw % 4096 : raw;
}

uint64_t pick_vaddr(uint8_t pick, uint64_t raw)
{
	uint64_t page = (pick >> 3 & 15) * PAGE;

	if (pick & 0x80) {
		switch (pick & 7) {
		case 0:
			return POOL; /* canary first */
		case 1:
			return HOLE;
		case 2:
			return 0;
		case 3:
			return POOL_RW + 1;
		default:
			return away(raw);
		}
	}
	switch (pick & 7) {
	case 4:
		return POOL_RO;
	case 5:
		return BIG;
	case 6:
		return BIG + page;
	case 7:
		return BARS + (pick >> 3 & 3) * BAR_SLOT;
	default:
		return POOL_RW + page;
	}
}

/* Where a program may have data written to or read from. */
uint64_t pick_buffer(uint8_t pick, uint64_t raw)
{
	if (!(pick & 0x80))
		return ARGS + 2 * PAGE;
	switch (pick & 7) {
	case 0:
		return 0;
	case 1:
		return HOLE;
	case 2:
		return POOL_RO;
	case 3:
		return ARGS + ARGS_BYTES - 8;
	default:
		return away(raw);
	}
}

uint32_t pick_argsz(uint8_t pick, uint64_t raw, size_t exact)
{
	if (!(pick & 0x80))
		return (uint32_t)exact;
	switch (pick & 7) {
	case 0:
		return 0;
	case 1:
		return (uint32_t)exact - 1;
	case 2:
		return (uint32_t)exact + 8;
	case 3:
		return UINT32_MAX;
	case 4:
		return 1024;
	default:
		return (uint32_t)raw;
	}
}

/* Put an argument where the pick says; its address. */
uint64_t put_arg(uint8_t pick, const void *arg, size_t len)
{
	uint64_t at = ARGS;

	if (pick & 0x80) {
		switch (pick & 7) {
		case 0:
			return 0;
		case 1:
			return HOLE;
		case 2:
			return POOL_RO; /* readable; all zeros */
		case 3:
			at = ARGS + ARGS_BYTES - len; /* its end is the memory's */
			break;
		case 4:
			at = ARGS + 1;
			break;
		default: /* the last word is not there */
			at = ARGS + ARGS_BYTES - (len > 4 ? len - 4 : 0);
			memcpy((void *)(uintptr_t)at, arg, len > 4 ? len - 4 : 0);
			return at;
		}
	}
	memcpy((void *)(uintptr_t)at, arg, len);
	return at;
}

int32_t pick_eventfd(const struct world *w, uint8_t pick)
{
	if (!(pick & 0x80))
		return w->eventfds[pick % EVENTFDS];
	switch (pick & 3) {
	case 0:
		return -1;
	case 1:
		return -2;
	case 2:
		return 1; /* no eventfd */
	default:
		return w->n_fds ? w->fds[pick % w->n_fds] : 99999;
	}
}

const char *pick_device(const struct world *w, uint8_t pick)
{
	if (!(pick & 0x80) && w->machine->n_devices)
		return w->machine->devices[pick % w->machine->n_devices].iommu.name;
	return pick & 1 ? "0000:01:00.0 vf_token=1" : "";
}
