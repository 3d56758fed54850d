/* SPDX-License-Identifier: MIT */
/* A plain VFIO program's engine: one channel, its registers trapped, one copy at a time. */
#ifndef TEST_STRICT_ENGINE_H
#define TEST_STRICT_ENGINE_H

#include <stddef.h>
#include <stdint.h>

/** Container, group 1, device, and memory of its own for descriptors. Ends the program on failure. */
void engine_open(void);
/** Map and unmap memory for DMA; 0 or -1. */
int engine_map(const void *memory, uint64_t iova, size_t bytes);
int engine_unmap(uint64_t iova, size_t bytes);
/** Copy between two IOVAs. Whether the engine did it, rather than halt on an abort. */
int engine_copy(uint64_t dst, uint64_t src, uint32_t bytes);
/** Copies that go on by themselves, so often round a ring of descriptors, until they abort. */
void engine_begin(
	uint64_t dst, uint64_t src, uint32_t bytes, unsigned descriptors, unsigned rounds);
/** How those ended: as engine_copy. */
int engine_end(void);
/** What follows reuses the descriptors of the program that exec'd us: as its words say. */
const char *engine_words(void);
void engine_adopt(const char *words);

#endif
