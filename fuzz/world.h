/* SPDX-License-Identifier: MIT */
/*
 * What the operations of one input act upon: a machine, its VFIO interface, a program of this
 * process with its files and memory, and the oracles.
 *
 * Oracles:
 *  - a refused call has a reason with that errno, and changed no count (but where Linux too leaves
 *    what it did before it failed);
 *  - UNMAP_DMA's size is the sum of the mappings that went, by a model of our own;
 *  - a step of a device changes only pages that a mapping of its container lets it write (R6);
 *  - with all files closed all counts are what they were at the start.
 *
 * The program's memory, at fixed addresses so that runs are alike:
 *
 *   ARGS   what ioctls point at, and behind it memory that is not there
 *   POOL   canary, POOL_PAGES for DMA, canary, RO_PAGES read-only, canary
 *   BIG    8 MiB for blocks: 128 views of the same 64 KiB
 *   BARS   a slot for each device's BAR 0, once mapped
 */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include "file/local.h"
#include "fuzz/input.h"
#include "machine/machine.h"
#include "vfio/vfio.h"

#define PAGE	   UINT64_C(4096)
#define ARGS	   UINT64_C(0x200000000000)
#define ARGS_BYTES (4 * PAGE)
#define POOL	   UINT64_C(0x200000100000)
#define POOL_PAGES 16
#define RO_PAGES   4
#define ALL_PAGES  (1 + POOL_PAGES + 1 + RO_PAGES + 1)
#define POOL_RW	   (POOL + PAGE)
#define POOL_RO	   (POOL_RW + (POOL_PAGES + 1) * PAGE)
#define BIG	   UINT64_C(0x200000200000)
#define BIG_BYTES  UINT64_C(0x800000)
#define BIG_PAGES  16 /* that are really there */
#define BARS	   UINT64_C(0x200010000000)
#define BAR_SLOT   UINT64_C(0x100000)
#define HOLE	   UINT64_C(0x2000f0000000)

enum kind {
	CONTAINER = 1,
	GROUP = 2,
	DEVICE = 4,
	ANY = 7
};

#define MAX_FILES 24
#define MAX_MAPS  512
#define EVENTFDS  4

/** A mapping that the program made and has not undone. */
struct fuzz_map {
	unsigned container;
	bool write;
	uint64_t iova, last, vaddr;
};

struct world {
	bool words;
	struct machine *machine;
	struct vfio *vfio;
	struct local_caller *local;
	struct caller *caller;
	int fds[MAX_FILES];
	unsigned n_fds;
	int eventfds[EVENTFDS];
	struct fuzz_map maps[MAX_MAPS];
	unsigned n_maps;
	/* A device behind no IOMMU has done DMA: anything may have been written. */
	bool tainted;
	struct machine_counts counts;
	unsigned n_host_fds;
};

struct world *world_create(const struct fuzz_rec *rec, bool words);
/** Closes what is open, and looks for what is left. */
void world_destroy(struct world *w);

/** For replays: what happens, in words. */
void say(const struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** An oracle found something: says what, and aborts. */
_Noreturn void found(const struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** One of the open files of these kinds; any at all where who's top bit is set. -1: none. */
int world_pick(const struct world *w, unsigned kinds, uint8_t who);
enum kind world_kind(const struct world *w, int fd);
/** Enter a descriptor, or close it where there is no room. */
void world_keep(struct world *w, int fd);
void world_close(struct world *w, int fd);
/** The endpoint behind a device file, and its place in the machine. */
struct machine_device *world_device(const struct world *w, int fd, unsigned *index);
/** The number of the container of a file (CONTAINER), 0: it is none. */
unsigned world_container(const struct world *w, int fd);

long world_ioctl(struct world *w, int fd, unsigned cmd, uint64_t arg);
ssize_t world_io(struct world *w, int fd, bool write, uint64_t uaddr, size_t count, uint64_t pos);
/** Step one device by hand, and see what it wrote. */
void world_step(struct world *w, unsigned index, uint64_t budget);
/** The program stores to its own memory. */
void world_store(struct world *w, uint64_t vaddr, const void *bytes, size_t len);

/** Note a mapping; forget those that an UNMAP of [iova, last] removed, which were `bytes`. */
void world_mapped(struct world *w, const struct fuzz_map *map);
void world_unmapped(
	struct world *w, unsigned container, uint64_t iova, uint64_t last, uint64_t bytes);

/** Forget mappings that the container behind fd has no more (an UNMAP that failed half way). */
void world_recheck(struct world *w, int fd);

/* ops.c */
void op_run(struct world *w, const struct fuzz_rec *rec);

#endif
