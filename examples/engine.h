/* SPDX-License-Identifier: MIT */
/*
 * A small driver of Intel's I/OAT DMA engine over VFIO, for the examples about nesting. first-light.c
 * has the same step by step.
 */
#ifndef EXAMPLES_ENGINE_H
#define EXAMPLES_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/vfio.h>

#define ENGINE_DEVICE "0000:01:00.0"
#define ENGINE_BYTES  4096 /* of memory that the engine needs: descriptors, status */

struct engine_descriptor {
	uint32_t bytes, control;
	uint64_t src, dst, next; /* as the device addresses memory */
	uint64_t reserved[4];
};

struct engine {
	int device;
	int irq; /* eventfd of MSI-X vector 0 */
	uint8_t *bar;
	struct engine_descriptor *ring; /* ENGINE_BYTES of ours, */
	uint64_t ring_iova;		/* and where the device finds them */
	volatile uint64_t *status;
};

/** As must() of every example: end with a message if a call fails. */
long must(long result, const char *what);

/** Open the group of a device and put it into the container. Its descriptor. */
int engine_group(const char *device, int container);
/** Open the device, switch on memory and bus mastering. Its memory and interrupts come next. */
void engine_open(struct engine *engine, int group, const char *device);
/** MSI-X vector 0, as an eventfd. The IOMMU must know by then where its messages go. */
void engine_interrupts(struct engine *engine);
/** memory: ENGINE_BYTES, which the device finds at iova. */
void engine_memory(struct engine *engine, void *memory, uint64_t iova);

/** Begin to copy: by how many descriptors of at most 1 MiB it takes. */
void engine_start(struct engine *engine, uint64_t dst, uint64_t src, uint64_t bytes);
/** Wait for the end (at most ms): false if it halted, or has not ended. */
bool engine_wait(struct engine *engine, unsigned ms);
/** Its error register. */
uint32_t engine_error(const struct engine *engine);

#endif
