/* SPDX-License-Identifier: MIT */
/*
 * For programs of which one party blocks: a DMA engine as a driver uses it, and others that go on
 * meanwhile. Nothing of nestbox is included here: these are unmodified VFIO programs.
 */
#ifndef TEST_RUN_PARTY_H
#define TEST_RUN_PARTY_H

#include <stddef.h>
#include <stdint.h>

/* ---- the engine ---- */

#define IOVA	     0x100000000UL /* of the engine's own memory */
#define ENGINE_BYTES 0x10000UL /* of that: ring and status in the first page, the rest is free */
#define ENGINE_DONE  0x1000    /* from here on */

struct engine {
	int container, group, device, irq;
	volatile uint8_t *bar;
	uint8_t *memory;
};

/** group: a number, as text; device: as in sysfs. With one MSI-X vector: irq. */
void engine_open(struct engine *engine, const char *group, const char *device);
/** Closes all that engine_open opened, and unmaps. */
void engine_close(struct engine *engine);
/** What SET_IRQS answers: 0 or -errno. fd may be -1. */
int engine_set_irq(struct engine *engine, int fd);
int engine_map(struct engine *engine, void *memory, size_t bytes, uint64_t iova);
int engine_unmap(struct engine *engine, uint64_t iova, size_t bytes);
/** Start a copy, with an interrupt at its end. */
void engine_start(struct engine *engine, uint64_t src, uint64_t dst, uint32_t bytes);
/** Wait for that: true, or false where it aborted. Ends the program if nothing comes. */
_Bool engine_wait(struct engine *engine);

/* ---- the others ---- */

/**
 * Start a process that drives 0000:03:00.0 with DMA and interrupts, and a thread of this process that
 * maps and unmaps in a container of its own. Early: the process is forked.
 */
void others_start(void);
/** Each has made progress since this call; or the program ends, saying what was blocked. */
void others_go_on(const char *blocked);
/** The process too has ended well. */
void others_stop(void);

/** Wait until cond holds, or end the program. */
#define until(cond, what)                                                                          \
	for (unsigned tries_ = 0; !(cond); tries_++)                                               \
	patience(tries_, what)
void patience(unsigned tries, const char *what);

/** The least KiB that the supervisor of this box has resident within a moment. */
unsigned long supervisor_rss(void);

#endif
