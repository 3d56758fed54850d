/* SPDX-License-Identifier: MIT */
/*
 * A device on a bench: a DMA engine before 32 MiB of memory, without an IOMMU, so that any other
 * address aborts; and a program's view of its BAR, through a mapping of its own or trapped. When
 * the poller runs is a pattern: real ones come early, late, often, and at odd moments.
 */
#ifndef TEST_DEV_RIG_H
#define TEST_DEV_RIG_H

#include <stdatomic.h>

#include "dev/ioat/regs.h"
#include "pci/pci.h"

#define RIG_RAM	      UINT64_C(0x10000000)
#define RIG_RAM_BYTES (UINT64_C(32) << 20)

enum rig_pattern {
	RIG_EAGER,  /* a step before and after each register access */
	RIG_LATE,   /* only when the program waits for long */
	RIG_RANDOM, /* 0 to 3 steps between two accesses, seeded */
	RIG_TINY,   /* eager, but each step does next to nothing */
	RIG_PATTERNS
};

struct rig {
	struct nb_mem *mem;
	struct nb_extent ram;
	uint8_t *ptr; /* the memory */
	struct pci_dev dev;
	volatile uint8_t *map; /* the program's mapping of BAR 0 */
	bool trapped;
	enum rig_pattern pattern;
	uint32_t seed;
	bool threaded; /* a real poller, which naps: the pattern is its own */
	atomic_bool stop;
	pthread_t poller;
	uint64_t used; /* of the memory, by rig_alloc */
};

void rig_init(struct rig *rig, enum rig_pattern pattern, bool trapped, const uint64_t *options);
void rig_finish(struct rig *rig);
void rig_start_poller(struct rig *rig);

/** Memory of the program, aligned to 4096. */
void *rig_alloc(struct rig *rig, size_t bytes);
uint64_t rig_iova(const struct rig *rig, const void *ptr);

uint64_t rig_read(struct rig *rig, uint64_t off, unsigned size);
void rig_write(struct rig *rig, uint64_t off, uint64_t val, unsigned size);

/** What passes while a program spins a little (nothing, for a late poller), or waits. */
void rig_pause(struct rig *rig);
void rig_wait(struct rig *rig);
/** Step until nothing happens; false: it goes on and on. */
bool rig_settle(struct rig *rig);
void rig_sleep_ms(unsigned ms);
uint32_t rig_random(struct rig *rig);

/* Channel 0. */
#define CH(reg) (IOAT_CHANNEL_BYTES + (reg))

#endif
