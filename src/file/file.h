/* SPDX-License-Identifier: MIT */
/*
 * Open files of the simulated host, and the caller that uses them. The uAPI layers know no process
 * (design 5): they get a struct caller. The gate implements it for a program in the box; unit
 * tests, fuzzers and embedders use the local caller (src/file/local.h) over plain pointers.
 *
 * Handlers run without the host lock and take it for what needs it: copies of user memory and
 * lookups of descriptors come before or after.
 */
#ifndef FILE_FILE_H
#define FILE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/why.h"
#include "mem/umem.h"

struct caller;
struct file;

struct caller_ops {
	/** Copy from and to the program. 0 or -EFAULT. */
	int (*copy_in)(struct caller *caller, void *dst, uint64_t uaddr, size_t len);
	int (*copy_out)(struct caller *caller, uint64_t uaddr, const void *src, size_t len);
	/**
	 * What a descriptor is. 0 and *out: a file of this host, reference taken; 0 and NULL: some
	 * other file; -EBADF.
	 */
	int (*get_file)(struct caller *caller, int fd, struct file **out);
	/**
	 * A host descriptor (owned by the callee) for the program's eventfd; -EBADF, or -EINVAL: it
	 * is none, or -EPERM: the host does not let us have it, or -ENFILE: we have none left.
	 */
	int (*get_eventfd)(struct caller *caller, int fd);
	/**
	 * Make an open file of this host a descriptor of the program; flags: O_CLOEXEC. Consumes
	 * the caller's reference on success. Returns its number, or -EMFILE and so on.
	 */
	int (*install)(struct caller *caller, struct file *file, int flags);
	/**
	 * Register [uaddr, uaddr + bytes) for DMA, as pinning does: every page must lie in a
	 * mapping that may be written where prot has IOMMU_WRITE, and else read (what is to be
	 * written need not be readable: Linux 7.3 vaddr_get_pfns). -EFAULT otherwise. Reference
	 * taken.
	 */
	int (*pin)(struct caller *caller, uint64_t uaddr, uint64_t bytes, unsigned prot,
		struct umem **out, struct why *why);
	/**
	 * What the caller may have locked of memory: its limit, and the account of its address
	 * space (a reference). False: nobody accounts locked memory. NULL: the same.
	 */
	bool (*memlock)(struct caller *caller, struct memlock *out);
	/** Whether somebody still waits for the answer. NULL: always. */
	bool (*alive)(struct caller *caller);
};

struct caller {
	const struct caller_ops *ops;
};

struct file_ops {
	const char *name; /* "container", "group", "device": for traces */
	long (*ioctl)(struct file *file, struct caller *caller, unsigned cmd, uint64_t arg,
		struct why *why);
	/** count bytes at offset pos, user buffer at uaddr. Bytes done, or a negative errno. */
	ssize_t (*read)(struct file *file, struct caller *caller, uint64_t uaddr, size_t count,
		uint64_t pos, struct why *why);
	ssize_t (*write)(struct file *file, struct caller *caller, uint64_t uaddr, size_t count,
		uint64_t pos, struct why *why);
	/** Whether Linux would let [pos, pos + len) be mapped with PROT_ bits prot: 0 or an errno.
	 */
	int (*mmap)(struct file *file, uint64_t pos, uint64_t len, unsigned prot, struct why *why);
	/** The name of the register at that offset, for traces; false: it has none. May be NULL. */
	bool (*register_name)(struct file *file, uint64_t pos, char *buf, size_t size);
	/** Last close. Called without the host lock; may wait for DMA in flight. */
	void (*release)(struct file *file);
};

/** One open file description. Embedded; freed by release. */
struct file {
	const struct file_ops *ops;
	int refs; /* atomic: descriptors count as one, calls in progress one each */
	/**
	 * A memfd whose pages the program maps (device files), borrowed, or -1: the gate then makes
	 * an empty stand-in. Several opens of one device share it.
	 */
	int memfd;
	/** Of the empty stand-in: 0, or what the file is said to have; it can then be resized. */
	uint64_t size;
	/** Where read and write go on; atomic, kept by who calls them (the gate). */
	uint64_t position;
};

void file_init(struct file *file, const struct file_ops *ops);
struct file *file_get(struct file *file);
/** Drops a reference; the last one calls release. Not under the host lock. */
void file_put(struct file *file);

#endif
