/* SPDX-License-Identifier: MIT */
/*
 * The conformance suite: a table of rules of Linux 7.3's VFIO, one row each. It runs in this
 * process against the handlers and, the same source, as an unmodified program in a box (sys.h).
 *
 * HOW TO ADD A ROW. A row is one call in a known state (a world, worlds.c), its result, the rule
 * that explains a refusal, and what holds afterwards:
 *
 *	{ "map: unknown flag", "vfio_iommu_type1.c vfio_iommu_type1_map_dma", V2,
 *		MAP(0, RW, PAGE, F_RW | 1 << 3), -EINVAL, "unknown-flags" },
 *
 * - kernel: file and function of Linux 7.3 that the row mirrors (drivers/vfio, or pci/...).
 * - The call: one of the macros below (MAP, UNMAP, IRQ_SET, PREAD ...), or IOCTL(on, cmd, arg) with
 *   any argument: VALUE(n), POINTER(address), ARG(struct x, .field = ...), TAIL(...) for a struct
 *   with room behind it, BYTES(...), STRING("...").
 *   Arguments are copied so that they END AT A PAGE'S EDGE, with nothing mapped behind.
 * - Memory has fixed addresses, so that rows stay data: RW, RO, NONE, HOLE, ... (below).
 * - Descriptors have names (enum fd). SET_CONTAINER and IRQ_FDS take names; the runner puts the
 *   numbers in. A call that makes a descriptor keeps it under a name with .keep and wants FD.
 * - .see = { FIELD(struct x, field, value), ... }: what the argument holds after the call; WORD
 *   looks at the n-th uint32_t.
 * - .first = STEPS(...): calls before it, which must give what they say. .then = STEPS(...): calls
 *   after it. A step is { call, want } and may have .see.
 * - What holds afterwards: unless the row says otherwise NOTHING HAS CHANGED: mappings, domains,
 *   attachments, page tables, DMA entries left, status of each open group, extensions of the
 *   container, IRQ counts and configuration space of the device; and mapping (or reading the
 *   device) still works. .after = { .mappings = +1, .entries = -1 } says by how much, .after.may =
 *   MAY_CONFIG | ... what may differ. Compared is the world before the call (after .first) with
 *   the world after the call (before .then).
 * - .host: another host than "smmuv3"; .local: only in-process (e.g. the entry limit).
 *
 * Every row has a world made anew; whatever it opens is closed after it, and then the host holds
 * what it held before. A row that needs what no macro has: RUN(function). A new world is a row of
 * worlds.c: its parent and the steps from there.
 */
#ifndef TEST_UAPI_CONFORM_H
#define TEST_UAPI_CONFORM_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/vfio.h>

#include "conform/newer.h"
#include "sys.h"

/* ---- places in memory, the same in every run ---- */

#define PAGE   4096ull
#define RW     0x60000000ull /* 16 pages; writable */
#define RO     0x60100000ull /* 16 pages, read-only; the first word is 4096 */
#define NONE   0x60200000ull /* 16 pages, PROT_NONE */
#define EDGE   0x60300000ull /* one page, and nothing behind it */
#define RO_END 0x60400000ull /* one writable page, and a read-only one behind it */
#define SHARED 0x60500000ull /* 16 pages of shared memory */
#define HOLE   0x60600000ull /* nothing */
#define NULLP  0ull

#define MSI_START 0x8000000ull /* of the window that no SMMUv3 program may map */
#define MSI_BYTES 0x100000ull
#define DEV1	  "0000:01:00.0" /* group 1 */
#define DEV2	  "0000:02:00.0" /* group 2 */
#define DEV3	  "0000:03:00.0" /* group 3 */

#define F_R	 VFIO_DMA_MAP_FLAG_READ
#define F_W	 VFIO_DMA_MAP_FLAG_WRITE
#define F_RW	 (F_R | F_W)
#define F_VADDR	 VFIO_DMA_MAP_FLAG_VADDR /* of MAP and of UNMAP */
#define F_ALL	 VFIO_DMA_UNMAP_FLAG_ALL
#define F_BITMAP VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP

/** The offset that GET_REGION_INFO gives for region n; without this bit an offset is as it is. */
#define REGION_BIT (1ull << 62)
#define REGION(n)  (REGION_BIT | (uint64_t)(n) << 40)
#define CONFIG	   REGION(VFIO_PCI_CONFIG_REGION_INDEX)

/* ---- descriptors by name ---- */

enum fd {
	CONTAINER = 1, /* what the world opened */
	GROUP,	       /* group 1 */
	DEVICE,	       /* DEV1 */
	CONTAINER2,
	GROUP2, /* group 3 */
	DEVICE2,
	X0, /* of the row itself */
	X1,
	X2,
	X3,
	EV0, /* eventfds, nonblocking */
	EV1,
	EV2,
	EV3,
	EV4,
	EV5,
	EV6,
	EV7,
	REGULAR, /* wrong kinds */
	DEV_NULL,
	PIPE,
	SOCKET,
	EPOLL,
	CLOSED, /* a number that nothing has */
	MINUS1,
	N_FDS,
};

/** The descriptor's number; wrong kinds and eventfds are made when first asked for. */
int fd_number(enum fd name);

/* ---- worlds (worlds.c) ---- */

enum world {
	NOTHING,   /* nothing is open */
	OPENED,	   /* CONTAINER, GROUP: open, the group is in no container */
	JOINED,	   /* the group is in the container, which has no IOMMU */
	V1,	   /* TYPE1 */
	V2,	   /* TYPE1v2 */
	NEST,	   /* the nesting type */
	NEST_MAP,  /* the same, 16 pages of RW mapped at IOVA 0x10000 */
	NEST_DEV,  /* NEST_MAP, DEVICE is open */
	NEST_S1,   /* NEST_DEV, and stage 1 is the table at 0x10000 */
	MAPPED_V1, /* TYPE1, 16 pages of RW mapped at IOVA 0x10000 */
	MAPPED,	   /* TYPE1v2, the same */
	DIRTY_ON,  /* MAPPED, and dirty pages are tracked */
	STALE,	   /* MAPPED, and its vaddr is invalid */
	DEV_QUIET, /* DEV_MSIX, disabled again: the MSI page stays mapped */
	TWO,	   /* TYPE1v2, groups 1 and 3 (GROUP, GROUP2) */
	DEV,	   /* TYPE1v2, DEVICE is open */
	DEV_MSIX,  /* DEV, MSI-X enabled: vectors 0 to 3 signal EV0 to EV3 */
	DEV_MSI,   /* the same of MSI */
	DEV_INTX,  /* DEV, INTx enabled: it signals EV0 */
	N_WORLDS,
};

/* ---- calls ---- */

enum op {
	OP_END, /* of STEPS */
	OP_IOCTL,
	OP_OPEN,
	OP_CLOSE,
	OP_PREAD,
	OP_PWRITE,
	OP_MMAP,
	OP_SIGNALS,
	OP_COUNT,
	OP_WRITE_EVENT,
	OP_RUN,
};

enum arg_kind {
	ARG_VALUE, /* value, as it is */
	ARG_BYTES, /* bytes, then room zeros */
};

struct arg {
	enum arg_kind kind;
	uint64_t value;
	const void *bytes;
	unsigned n;    /* of bytes */
	unsigned room; /* more bytes, zero */
	unsigned fds;  /* the last so many int32_t of bytes are names of descriptors */
	unsigned pos;  /* the uint64_t at this byte is an offset like REGION(n) + x; 0: none */
};

struct call {
	enum op op;
	enum fd on;
	unsigned long cmd; /* OP_MMAP: PROT_ bits, MAP_ bits << 8 */
	struct arg arg;	   /* OP_MMAP: value is the length; OP_PREAD: n is the buffer's size */
	uint64_t offset;
	enum fd keep; /* the name of the descriptor that it returns */
	long (*run)(void);
};

struct field {
	unsigned at, size;
	uint64_t want;
};

/* want of a call that returns a descriptor */
#define FD 0x7fff0000l

struct step {
	struct call call;
	long want;
	struct field see[4];
};

enum may {
	MAY_ENTRIES = 1 << 0,
	MAY_DOMAINS = 1 << 1, /* domains, attachments, tables */
	MAY_STATUS = 1 << 2,
	MAY_EXTENSIONS = 1 << 3,
	MAY_CONFIG = 1 << 4,
	MAY_IRQS = 1 << 5,
	MAY_DIE = 1 << 6, /* the world need not work afterwards */
	MAY_ALL = (1 << 7) - 1,
};

/** By how much the row's call changes what the host and the container hold. */
struct after {
	int mappings, domains, attachments, entries;
	unsigned may;
};

struct row {
	const char *name;
	const char *kernel;
	enum world world;
	struct call call;
	long want;
	const char *rule; /* of a refusal; NULL: none is looked for */
	struct field see[6];
	struct after after;
	const struct step *first, *then;
	bool (*check)(void); /* run after the call */
	const char *host;
	bool local;
};

struct area {
	const char *name;
	const struct row *rows;
	unsigned n;
};

#define AREA(name, rows)                                                                           \
	const struct area name##_area = { #name, rows, sizeof(rows) / sizeof((rows)[0]) }

struct world_row {
	const char *name;
	enum world from;
	const struct step *steps;
};
extern const struct world_row worlds[N_WORLDS];

/* Arguments. Compound literals at file scope live as long as the program. */
#define VALUE(v)                                                                                   \
	{                                                                                          \
		.kind = ARG_VALUE, .value = (uint64_t)(v)                                          \
	}
#define POINTER VALUE
#define ARG(type, ...)                                                                             \
	{                                                                                          \
		.kind = ARG_BYTES, .bytes = &(const type){ __VA_ARGS__ }, .n = sizeof(type)        \
	}
/** The struct and so many zeros behind it. */
#define TAIL(more, type, ...)                                                                      \
	{                                                                                          \
		.kind = ARG_BYTES, .bytes = &(const type){ __VA_ARGS__ }, .n = sizeof(type),       \
		.room = (more)                                                                     \
	}
#define BYTES(...)                                                                                 \
	{                                                                                          \
		.kind = ARG_BYTES, .bytes = (const uint8_t[]){ __VA_ARGS__ },                      \
		.n = sizeof((const uint8_t[]){ __VA_ARGS__ })                                      \
	}
#define WORDS(...)                                                                                 \
	{                                                                                          \
		.kind = ARG_BYTES, .bytes = (const uint32_t[]){ __VA_ARGS__ },                     \
		.n = sizeof((const uint32_t[]){ __VA_ARGS__ })                                     \
	}
#define STRING(s)                                                                                  \
	{                                                                                          \
		.kind = ARG_BYTES, .bytes = (s), .n = sizeof(s)                                    \
	}
/** Names of descriptors, as an array of int32_t. */
#define FDS(...)                                                                                   \
	{                                                                                          \
		.kind = ARG_BYTES, .bytes = (const int32_t[]){ __VA_ARGS__ },                      \
		.n = sizeof((const int32_t[]){ __VA_ARGS__ }),                                     \
		.fds = sizeof((const int32_t[]){ __VA_ARGS__ }) / 4                                \
	}

#define STEPS(...)                                                                                 \
	(const struct step[])                                                                      \
	{                                                                                          \
		__VA_ARGS__,                                                                       \
		{                                                                                  \
			{                                                                          \
				OP_END                                                             \
			}                                                                          \
		}                                                                                  \
	}
#define FIELD(type, field, want)                                                                   \
	{                                                                                          \
		offsetof(type, field), sizeof(((type *)0)->field), (want)                          \
	}
#define WORD(i, want)                                                                              \
	{                                                                                          \
		(i) * 4, 4, (want)                                                                 \
	}
#define BYTE(i, want)                                                                              \
	{                                                                                          \
		(i), 1, (want)                                                                     \
	}

/* Calls. arg is one of the macros above. */
#define IOCTL(on_, cmd_, ...)                                                                      \
	{                                                                                          \
		.op = OP_IOCTL, .on = (on_), .cmd = (cmd_), .arg = __VA_ARGS__                     \
	}
/** As IOCTL; the descriptor that it returns is kept as name (want FD). */
#define IOCTL_FD(name, on_, cmd_, ...)                                                             \
	{                                                                                          \
		.op = OP_IOCTL, .on = (on_), .cmd = (cmd_), .arg = __VA_ARGS__, .keep = (name)     \
	}
/** Open path below /dev/vfio as name (want FD). */
#define OPEN(name, path)                                                                           \
	{                                                                                          \
		.op = OP_OPEN, .arg = STRING(path), .keep = (name)                                 \
	}
#define CLOSE(on_)                                                                                 \
	{                                                                                          \
		.op = OP_CLOSE, .on = (on_)                                                        \
	}
/** Read or write so many bytes of a device at an offset (CONFIG + x, REGION(0) + x). */
#define PREAD(on_, offset_, n_)                                                                    \
	{                                                                                          \
		.op = OP_PREAD, .on = (on_), .offset = (offset_),                                  \
		.arg = {.kind = ARG_BYTES,                                                         \
			.room = (n_) }                                                             \
	}
#define PWRITE(on_, offset_, ...)                                                                  \
	{                                                                                          \
		.op = OP_PWRITE, .on = (on_), .offset = (offset_), .arg = BYTES(__VA_ARGS__)       \
	}
/** With the buffer at an address. */
#define PREAD_AT(on_, offset_, address, n_)                                                        \
	{                                                                                          \
		.op = OP_PREAD, .on = (on_), .offset = (offset_),                                  \
		.arg = {.kind = ARG_VALUE,                                                         \
			.value = (address),                                                        \
			.n = (n_) }                                                                \
	}
#define PWRITE_AT(on_, offset_, address, n_)                                                       \
	{                                                                                          \
		.op = OP_PWRITE, .on = (on_), .offset = (offset_),                                 \
		.arg = {.kind = ARG_VALUE,                                                         \
			.value = (address),                                                        \
			.n = (n_) }                                                                \
	}
/** Map and unmap again: 0 or -errno. */
#define MMAP(on_, offset_, len, prot) MMAP_FLAGS(on_, offset_, len, prot, MAP_SHARED)
#define MMAP_FLAGS(on_, offset_, len, prot, flags)                                                 \
	{                                                                                          \
		.op = OP_MMAP, .on = (on_), .offset = (offset_), .cmd = (prot) | (flags) << 8,     \
		.arg = VALUE(len)                                                                  \
	}
/** Read an eventfd: its count (waited for if want is not 0), or 0 where it has none. */
#define SIGNALS(on_)                                                                               \
	{                                                                                          \
		.op = OP_SIGNALS, .on = (on_)                                                      \
	}
/** Add to an eventfd. */
#define WRITE_EVENT(on_)                                                                           \
	{                                                                                          \
		.op = OP_WRITE_EVENT, .on = (on_)                                                  \
	}
/** Mappings that the host holds, without those that it held before the world. */
#define MAPPINGS                                                                                   \
	{                                                                                          \
		.op = OP_COUNT                                                                     \
	}
#define RUN(f)                                                                                     \
	{                                                                                          \
		.op = OP_RUN, .run = (f)                                                           \
	}

#define STATUS(on)                                                                                 \
	IOCTL(on, VFIO_GROUP_GET_STATUS, ARG(struct vfio_group_status, .argsz = 8, .flags = 0xff))
#define SET_CONTAINER(on, fd)	  IOCTL(on, VFIO_GROUP_SET_CONTAINER, FDS(fd))
#define UNSET_CONTAINER(on)	  IOCTL(on, VFIO_GROUP_UNSET_CONTAINER, VALUE(0))
#define SET_IOMMU(on, type)	  IOCTL(on, VFIO_SET_IOMMU, VALUE(type))
#define CHECK_EXTENSION(on, n)	  IOCTL(on, VFIO_CHECK_EXTENSION, VALUE(n))
#define GET_DEVICE(on, name)	  IOCTL(on, VFIO_GROUP_GET_DEVICE_FD, STRING(name))
#define OPEN_DEVICE(as, on, name) IOCTL_FD(as, on, VFIO_GROUP_GET_DEVICE_FD, STRING(name))

/* On CONTAINER. */
#define MAP(iova_, vaddr_, size_, flags_)                                                          \
	IOCTL(CONTAINER, VFIO_IOMMU_MAP_DMA,                                                       \
		ARG(struct vfio_iommu_type1_dma_map, .argsz = 32, .flags = (flags_),               \
			.vaddr = (vaddr_), .iova = (iova_), .size = (size_)))
#define UNMAP(iova_, size_, flags_)                                                                \
	IOCTL(CONTAINER, VFIO_IOMMU_UNMAP_DMA,                                                     \
		ARG(struct vfio_iommu_type1_dma_unmap, .argsz = 24, .flags = (flags_),             \
			.iova = (iova_), .size = (size_)))
/** .see of an UNMAP: how much was unmapped. */
#define UNMAPPED(bytes) FIELD(struct vfio_iommu_type1_dma_unmap, size, (bytes))
/* What has changed in the container: a mapping more, or less. */
#define ONE_MORE                                                                                   \
	{                                                                                          \
		.mappings = 1, .entries = -1, .may = MAY_DOMAINS                                   \
	}
#define ONE_LESS                                                                                   \
	{                                                                                          \
		.mappings = -1, .entries = 1, .may = MAY_DOMAINS                                   \
	}
#define DIRTY(flags_)                                                                              \
	IOCTL(CONTAINER, VFIO_IOMMU_DIRTY_PAGES,                                                   \
		ARG(struct vfio_iommu_type1_dirty_bitmap, .argsz = 8, .flags = (flags_)))

/* The virtual SMMU interface: on a container; cmd is VFIO_IOMMU_... or VFIO_DEVICE_... */
#define TABLE_AT 0x10000ull
/** SET_PASID_TABLE of the inner struct, whose fields are all given. */
#define PASID_TABLE(on_, cmd_, argsz_, version_, format_, config_, bits_, base_, v_, fmt_, dss_)   \
	IOCTL(on_, cmd_,                                                                           \
		ARG(struct vfio_iommu_type1_set_pasid_table, .argsz = 40,                          \
			.flags = VFIO_PASID_TABLE_FLAG_SET,                                        \
			.config = { .argsz = (argsz_),                                             \
				.version = (version_),                                             \
				.base_ptr = (base_),                                               \
				.format = (format_),                                               \
				.pasid_bits = (bits_),                                             \
				.config = (config_),                                               \
				.vendor_data = { { .version = (v_),                                \
					.s1fmt = (fmt_),                                           \
					.s1dss = (dss_) } } }))
#define SET_TABLE(on_)                                                                             \
	PASID_TABLE(on_, VFIO_IOMMU_SET_PASID_TABLE, 32, 1, 1, IOMMU_PASID_CONFIG_TRANSLATE, 0,    \
		TABLE_AT, 1, 0, 0)
#define UNSET_TABLE(on_)                                                                           \
	IOCTL(on_, VFIO_IOMMU_SET_PASID_TABLE, WORDS(8, VFIO_PASID_TABLE_FLAG_UNSET))

/* On DEVICE. */
/** SET_IRQS without data; argsz is the head's 20. */
#define IRQ_NONE(action, index, start, count)                                                      \
	IOCTL(DEVICE, VFIO_DEVICE_SET_IRQS,                                                        \
		WORDS(20, VFIO_IRQ_SET_DATA_NONE | (action), (index), (start), (count)))
/** With count names of descriptors (EV0, MINUS1, ...). */
#define IRQ_FDS(action, index, start, ...)                                                         \
	IOCTL(DEVICE, VFIO_DEVICE_SET_IRQS,                                                        \
		{ .kind = ARG_BYTES,                                                               \
			.fds = N_ARGS(__VA_ARGS__),                                                \
			.n = 20 + 4 * N_ARGS(__VA_ARGS__),                                         \
			.bytes = (const uint32_t[]){ 20 + 4 * N_ARGS(__VA_ARGS__),                 \
				VFIO_IRQ_SET_DATA_EVENTFD | (action), (index), (start),            \
				N_ARGS(__VA_ARGS__), __VA_ARGS__ } })
/** With count bytes (bools). They must fill words: four of them. */
#define IRQ_BOOLS(action, index, start, a, b, c, d)                                                \
	IOCTL(DEVICE, VFIO_DEVICE_SET_IRQS,                                                        \
		WORDS(24, VFIO_IRQ_SET_DATA_BOOL | (action), (index), (start), 4,                  \
			(a) | (b) << 8 | (c) << 16 | (d) << 24))
#define N_ARGS(...) (sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4)

#define ACT_MASK    VFIO_IRQ_SET_ACTION_MASK
#define ACT_UNMASK  VFIO_IRQ_SET_ACTION_UNMASK
#define ACT_TRIGGER VFIO_IRQ_SET_ACTION_TRIGGER
#define INTX	    VFIO_PCI_INTX_IRQ_INDEX
#define MSI	    VFIO_PCI_MSI_IRQ_INDEX
#define MSIX	    VFIO_PCI_MSIX_IRQ_INDEX
#define ERR_IRQ	    VFIO_PCI_ERR_IRQ_INDEX
#define REQ_IRQ	    VFIO_PCI_REQ_IRQ_INDEX

#endif
