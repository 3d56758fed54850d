/* SPDX-License-Identifier: MIT */
/*
 * What the storms share. They are unmodified VFIO programs; only to count do they look at the
 * supervisor, through /proc as anybody could.
 */
#ifndef TEST_RUN_STORM_H
#define TEST_RUN_STORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

/** Prints the file, the line and the message, and ends the process (whoever it is) with 1. */
#define FAIL(...) storm_fail(__FILE__, __LINE__, __VA_ARGS__)
/** Ends the process unless it holds. */
#define EXPECT(what)                                                                               \
	do {                                                                                       \
		if (!(what))                                                                       \
			FAIL("%s", #what);                                                         \
	} while (0)

void storm_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

/** A number from the environment: the long form of a test. */
unsigned long storm_env(const char *name, unsigned long otherwise);

/** xorshift: the same numbers for the same seed everywhere. */
uint32_t storm_random(uint32_t *seed);

/* ---- what the supervisor holds ---- */

struct storm_use {
	unsigned fds;
	unsigned long rss_kib;
};

/** The supervisor: our parent is its guardian. To be called by the box's first process. */
pid_t storm_supervisor(void);
struct storm_use storm_use(pid_t pid);
/** The least that it holds for a moment: what was closed last, and is dropped in time, or not. */
struct storm_use storm_rest(pid_t pid);
/** Wait until pid holds at most so many descriptors: what was closed last is dropped in time. */
void storm_settle(pid_t pid, unsigned fds);

/* ---- a device, in its group, in a container ---- */

struct world {
	int container, group, device;
	volatile uint8_t *bar; /* NULL: not mapped */
	size_t bar_bytes;
	char path[32], name[16];
};

/** Group number n of the storm's host holds the device 0000:0n:00.0. Every step must succeed. */
void world_open(struct world *w, unsigned n);
/** Map BAR 0. */
void world_map_bar(struct world *w);
/** Closes what is still open (not -1, not NULL), device first. */
void world_close(struct world *w);
/** MAP_DMA. 0 or -1 with errno. */
int world_map(const struct world *w, void *memory, uint64_t iova, size_t bytes);
/** UNMAP_DMA. Bytes unmapped, or -1 with errno. */
int64_t world_unmap(const struct world *w, uint64_t iova, size_t bytes);
/** Whether the group can be opened now: false where it is EBUSY. Anything else fails. */
bool world_is_free(const struct world *w);

#endif
