/* SPDX-License-Identifier: MIT */
/* pread, pwrite and mmap of a device's BARs. Linux 7.3 pci/vfio_pci_core.c, pci/vfio_pci_rdwr.c. */
#include "conform/conform.h"

#define RW_FN	"pci/vfio_pci_core.c vfio_pci_rw"
#define BAR_RW	"pci/vfio_pci_rdwr.c vfio_pci_bar_rw"
#define DO_RW	"pci/vfio_pci_rdwr.c vfio_pci_core_do_io_rw"
#define MMAP_FN "pci/vfio_pci_core.c vfio_pci_core_mmap"
#define ENABLED "pci/vfio_pci_config.c __vfio_pci_memory_enabled"

#define BAR	REGION(0)
#define BYTES0	0x4000ull
#define TABLE	0x2000ull
#define CHANCMP (BAR + 0x98) /* a register of 8 bytes that keeps what is written, but for 3 bits */
#define COMMAND (CONFIG + 0x04)
#define PMCSR	(CONFIG + 0xe4)
#define PROT	(PROT_READ | PROT_WRITE)

#define MEMORY(on) PWRITE(DEVICE, COMMAND, (on) ? 2 : 0, 0)
#define POWER(state)                                                                               \
	{                                                                                          \
		PWRITE(DEVICE, PMCSR, state, 0), 2                                                 \
	}
#define FILLED                                                                                     \
	{                                                                                          \
		PWRITE(DEVICE, CHANCMP, 0x08, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77), 8         \
	}
#define HOLDS(low, high)                                                                           \
	{                                                                                          \
		PREAD(DEVICE, CHANCMP, 8), 8,                                                      \
		{                                                                                  \
			WORD(0, low), WORD(1, high)                                                \
		}                                                                                  \
	}
#define KEPT HOLDS(0x33221108, 0x77665544)

static const struct row rows[] = {
	/* ---- where ---- */
	{ "read: the engine's version", BAR_RW, DEV, PREAD(DEVICE, BAR + 8, 1), 1,
		.see = { BYTE(0, 0x34) } },
	{ "read: nothing", "pci/vfio_pci_core.c vfio_pci_core_read", DEV, PREAD(DEVICE, BAR, 0),
		0 },
	{ "read: nothing where nothing is", "pci/vfio_pci_core.c vfio_pci_core_read", DEV,
		PREAD(DEVICE, 1ull << 50, 0), 0 },
	{ "write: nothing where nothing is", "pci/vfio_pci_core.c vfio_pci_core_write", DEV,
		PWRITE_AT(DEVICE, 1ull << 50, RW, 0), 0 },
	{ "read: the last byte", BAR_RW, DEV, PREAD(DEVICE, BAR + BYTES0 - 1, 1), 1 },
	{ "read: across the end is cut", BAR_RW, DEV, PREAD(DEVICE, BAR + BYTES0 - 4, 64), 4 },
	{ "write: across the end is cut", BAR_RW, DEV, PWRITE(DEVICE, BAR + BYTES0 - 2, 0, 0, 0, 0),
		2 },
	{ "read: all of it", BAR_RW, DEV, PREAD(DEVICE, BAR, 0x4000), 0x4000 },
	{ "read: more than all of it", BAR_RW, DEV, PREAD(DEVICE, BAR, 0x8000), 0x4000 },
	{ "read: at the end", BAR_RW, DEV, PREAD(DEVICE, BAR + BYTES0, 1), -EINVAL,
		"beyond-region" },
	{ "write: at the end", BAR_RW, DEV, PWRITE(DEVICE, BAR + BYTES0, 1), -EINVAL,
		"beyond-region" },
	{ "read: far behind the end", BAR_RW, DEV, PREAD(DEVICE, BAR + 0xffffffffffull, 1), -EINVAL,
		"beyond-region" },
	{ "read: a BAR that is not there", BAR_RW, DEV, PREAD(DEVICE, REGION(2), 4), -EINVAL,
		"no-such-region" },
	{ "write: a BAR that is not there", BAR_RW, DEV, PWRITE(DEVICE, REGION(2), 1), -EINVAL,
		"no-such-region" },
	{ "read: the high half of a BAR", BAR_RW, DEV, PREAD(DEVICE, REGION(1), 4), -EINVAL,
		"no-such-region" },
	{ "read: no ROM", BAR_RW, DEV, PREAD(DEVICE, REGION(6), 4), -EINVAL, "no-such-region" },
	{ "write: the ROM", RW_FN, DEV, PWRITE(DEVICE, REGION(6), 1), -EINVAL, "no-such-region" },
	{ "read: no region", RW_FN, DEV, PREAD(DEVICE, 1ull << 50, 4), -EINVAL, "no-such-region" },
	{ "write: no region", RW_FN, DEV, PWRITE(DEVICE, 1ull << 50, 1), -EINVAL,
		"no-such-region" },

	/* ---- the buffer ---- */
	{ "read: into nothing", DO_RW, DEV, PREAD_AT(DEVICE, CHANCMP, HOLE, 8), -EFAULT,
		"bad-buffer" },
	{ "read: into read-only memory", DO_RW, DEV, PREAD_AT(DEVICE, CHANCMP, RO, 8), -EFAULT,
		"bad-buffer" },
	{ "read: across the end of memory", DO_RW, DEV,
		PREAD_AT(DEVICE, CHANCMP, EDGE + PAGE - 4, 8), -EFAULT, "bad-buffer" },
	{ "write: from nothing", DO_RW, DEV, PWRITE_AT(DEVICE, CHANCMP, HOLE, 8), -EFAULT,
		"bad-buffer", .first = STEPS(FILLED), .then = STEPS(KEPT) },
	{ "write: from memory that cannot be read", DO_RW, DEV, PWRITE_AT(DEVICE, CHANCMP, NONE, 8),
		-EFAULT, "bad-buffer", .first = STEPS(FILLED), .then = STEPS(KEPT) },
	{ "write: across the end of memory, one access", DO_RW, DEV,
		PWRITE_AT(DEVICE, CHANCMP, EDGE + PAGE - 4, 8), -EFAULT, "bad-buffer",
		.first = STEPS(FILLED), .then = STEPS(KEPT) },
	{ "read: the place is looked at before the buffer", BAR_RW, DEV,
		PREAD_AT(DEVICE, BAR + BYTES0, HOLE, 1), -EINVAL, "beyond-region" },
	{ "write: the place is looked at before the buffer", BAR_RW, DEV,
		PWRITE_AT(DEVICE, REGION(3), HOLE, 1), -EINVAL, "no-such-region" },

	/* ---- sizes ---- */
	{ "write: 8 bytes", DO_RW, DEV,
		PWRITE(DEVICE, CHANCMP, 0x08, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77), 8,
		.then = STEPS(KEPT) },
	{ "write: 4 bytes", DO_RW, DEV, PWRITE(DEVICE, CHANCMP + 4, 1, 2, 3, 4), 4,
		.first = STEPS(FILLED), .then = STEPS(HOLDS(0x33221108, 0x04030201)) },
	{ "write: 2 bytes", DO_RW, DEV, PWRITE(DEVICE, CHANCMP + 6, 1, 2), 2,
		.first = STEPS(FILLED), .then = STEPS(HOLDS(0x33221108, 0x02015544)) },
	{ "write: 1 byte", DO_RW, DEV, PWRITE(DEVICE, CHANCMP + 7, 9), 1, .first = STEPS(FILLED),
		.then = STEPS(HOLDS(0x33221108, 0x09665544)) },
	{ "write: 3 bytes, not aligned", DO_RW, DEV, PWRITE(DEVICE, CHANCMP + 1, 1, 2, 3), 3,
		.first = STEPS(FILLED), .then = STEPS(HOLDS(0x03020108, 0x77665544)) },
	{ "write: 4 bytes, not aligned", DO_RW, DEV, PWRITE(DEVICE, CHANCMP + 3, 1, 2, 3, 4), 4,
		.first = STEPS(FILLED), .then = STEPS(HOLDS(0x01221108, 0x77040302)) },
	{ "write: 7 bytes", DO_RW, DEV, PWRITE(DEVICE, CHANCMP + 1, 1, 2, 3, 4, 5, 6, 7), 7,
		.first = STEPS(FILLED), .then = STEPS(HOLDS(0x03020108, 0x07060504)) },
	{ "read: 2 bytes", DO_RW, DEV, PREAD(DEVICE, CHANCMP + 2, 2), 2, .first = STEPS(FILLED),
		.see = { BYTE(0, 0x22), BYTE(1, 0x33) } },
	{ "read: 5 bytes, not aligned", DO_RW, DEV, PREAD(DEVICE, CHANCMP + 3, 5), 5,
		.first = STEPS(FILLED),
		.see = { BYTE(0, 0x33), BYTE(1, 0x44), BYTE(2, 0x55), BYTE(3, 0x66),
			BYTE(4, 0x77) } },
	{ "read: across registers", DO_RW, DEV, PREAD(DEVICE, CHANCMP - 8, 24), 24,
		.first = STEPS(FILLED), .see = { WORD(2, 0x33221108), WORD(3, 0x77665544) } },

	/* ---- the MSI-X table ---- */
	{ "read: the MSI-X table is ones", DO_RW, DEV, PREAD(DEVICE, BAR + TABLE, 16), 16,
		.see = { WORD(0, UINT32_MAX), WORD(1, UINT32_MAX), WORD(2, UINT32_MAX),
			WORD(3, UINT32_MAX) } },
	{ "read: a byte of the MSI-X table", DO_RW, DEV, PREAD(DEVICE, BAR + TABLE + 7, 1), 1,
		.see = { BYTE(0, 0xff) } },
	{ "read: into the MSI-X table", DO_RW, DEV, PREAD(DEVICE, BAR + TABLE - 4, 8), 8,
		.see = { WORD(0, 0), WORD(1, UINT32_MAX) } },
	{ "write: the MSI-X table is left alone", DO_RW, DEV,
		PWRITE(DEVICE, BAR + TABLE, 0, 0, 0, 0), 4,
		.then = STEPS({ PREAD(DEVICE, BAR + TABLE, 4), 4, { WORD(0, UINT32_MAX) } }) },
	{ "write: the MSI-X table from nothing", DO_RW, DEV,
		PWRITE_AT(DEVICE, BAR + TABLE + 4, HOLE, 4), 4 },
	{ "read: the MSI-X table into nothing", DO_RW, DEV, PREAD_AT(DEVICE, BAR + TABLE, HOLE, 16),
		-EFAULT, "bad-buffer" },

	{ "read: behind the MSI-X table, where pending bits are", DO_RW, DEV,
		PREAD(DEVICE, BAR + 0x3000, 8), 8, .see = { WORD(0, 0), WORD(1, 0) } },
	{ "write: pending bits are read-only", DO_RW, DEV_MSIX, PWRITE(DEVICE, BAR + 0x3000, 0xff),
		1, .then = STEPS({ PREAD(DEVICE, BAR + 0x3000, 1), 1, { BYTE(0, 0) } }) },

	/* ---- memory disabled ---- */
	{ "read: memory disabled", ENABLED, DEV, PREAD(DEVICE, CHANCMP, 8), -EIO, "memory-disabled",
		.first = STEPS({ MEMORY(0), 2 }) },
	{ "write: memory disabled", ENABLED, DEV, PWRITE(DEVICE, CHANCMP, 1), -EIO,
		"memory-disabled", .first = STEPS(FILLED, { MEMORY(0), 2 }),
		.then = STEPS({ MEMORY(1), 2 }, KEPT) },
	{ "read: the MSI-X table with memory disabled", DO_RW, DEV, PREAD(DEVICE, BAR + TABLE, 16),
		16, .first = STEPS({ MEMORY(0), 2 }),
		.see = { WORD(0, UINT32_MAX), WORD(3, UINT32_MAX) } },
	{ "write: the MSI-X table with memory disabled", DO_RW, DEV,
		PWRITE(DEVICE, BAR + TABLE, 0, 0, 0, 0), 4, .first = STEPS({ MEMORY(0), 2 }) },
	{ "read: from the MSI-X table on, with memory disabled", DO_RW, DEV,
		PREAD(DEVICE, BAR + TABLE - 4, 8), -EIO, "memory-disabled",
		.first = STEPS({ MEMORY(0), 2 }) },
	{ "read: the end is looked at first", BAR_RW, DEV, PREAD(DEVICE, BAR + BYTES0, 1), -EINVAL,
		"beyond-region", .first = STEPS({ MEMORY(0), 2 }) },
	{ "read: memory is looked at before the buffer", DO_RW, DEV,
		PREAD_AT(DEVICE, CHANCMP, HOLE, 8), -EIO, "memory-disabled",
		.first = STEPS({ MEMORY(0), 2 }) },
	{ "write: the buffer is looked at before memory", DO_RW, DEV,
		PWRITE_AT(DEVICE, CHANCMP, HOLE, 8), -EFAULT, "bad-buffer",
		.first = STEPS({ MEMORY(0), 2 }) },
	{ "read: memory enabled again", ENABLED, DEV, PREAD(DEVICE, CHANCMP, 8), 8,
		.first = STEPS(FILLED, { MEMORY(0), 2 }, { MEMORY(1), 2 }),
		.see = { WORD(0, 0x33221108) } },
	{ "read: in D3hot", ENABLED, DEV, PREAD(DEVICE, CHANCMP, 8), -EIO, "memory-disabled",
		.first = STEPS(POWER(3)) },
	{ "write: in D3hot", ENABLED, DEV, PWRITE(DEVICE, CHANCMP, 1), -EIO, "memory-disabled",
		.first = STEPS(FILLED, POWER(3)), .then = STEPS(POWER(0), KEPT) },
	{ "read: configuration space with memory disabled", RW_FN, DEV, PREAD(DEVICE, CONFIG, 4), 4,
		.first = STEPS({ MEMORY(0), 2 }), .see = { WORD(0, 0x20218086) } },

	/* ---- mmap ---- */
	{ "map: all of the BAR", MMAP_FN, DEV, MMAP(DEVICE, BAR, BYTES0, PROT), 0 },
	{ "map: the last page", MMAP_FN, DEV, MMAP(DEVICE, BAR + BYTES0 - PAGE, PAGE, PROT), 0 },
	{ "map: the MSI-X table too", MMAP_FN, DEV, MMAP(DEVICE, BAR + TABLE, PAGE, PROT), 0 },
	{ "map: read-only", MMAP_FN, DEV, MMAP(DEVICE, BAR, PAGE, PROT_READ), 0 },
	{ "map: write-only", MMAP_FN, DEV, MMAP(DEVICE, BAR, PAGE, PROT_WRITE), 0 },
	{ "map: part of a page", MMAP_FN, DEV, MMAP(DEVICE, BAR, 100, PROT), 0 },
	{ "map: more than the BAR", MMAP_FN, DEV, MMAP(DEVICE, BAR, BYTES0 + PAGE, PROT), -EINVAL,
		"beyond-region" },
	{ "map: across the end", MMAP_FN, DEV, MMAP(DEVICE, BAR + BYTES0 - PAGE, 2 * PAGE, PROT),
		-EINVAL, "beyond-region" },
	{ "map: behind the end", MMAP_FN, DEV, MMAP(DEVICE, BAR + BYTES0, PAGE, PROT), -EINVAL,
		"beyond-region" },
	{ "map: far behind the end", MMAP_FN, DEV, MMAP(DEVICE, BAR + 0x1000000000ull, PAGE, PROT),
		-EINVAL, "beyond-region" },
	{ "map: private", MMAP_FN, DEV, MMAP_FLAGS(DEVICE, BAR, PAGE, PROT, MAP_PRIVATE), -EINVAL },
	{ "map: private and read-only", MMAP_FN, DEV,
		MMAP_FLAGS(DEVICE, BAR, PAGE, PROT_READ, MAP_PRIVATE), -EINVAL },
	{ "map: a BAR that is not there", MMAP_FN, DEV, MMAP(DEVICE, REGION(2), PAGE, PROT),
		-EINVAL, "region-does-not-map" },
	{ "map: the high half of a BAR", MMAP_FN, DEV, MMAP(DEVICE, REGION(1), PAGE, PROT), -EINVAL,
		"region-does-not-map" },
	{ "map: the ROM", MMAP_FN, DEV, MMAP(DEVICE, REGION(6), PAGE, PROT_READ), -EINVAL,
		"region-does-not-map" },
	{ "map: configuration space", MMAP_FN, DEV, MMAP(DEVICE, CONFIG, PAGE, PROT), -EINVAL,
		"region-does-not-map" },
	{ "map: no region", MMAP_FN, DEV, MMAP(DEVICE, 1ull << 50, PAGE, PROT), -EINVAL,
		"region-does-not-map" },
	{ "map: nothing", "mm/mmap.c do_mmap", DEV, MMAP(DEVICE, BAR, 0, PROT), -EINVAL },
	{ "map: with memory disabled", MMAP_FN, DEV, MMAP(DEVICE, BAR, PAGE, PROT), 0,
		.first = STEPS({ MEMORY(0), 2 }) },
	{ "map: in D3hot", MMAP_FN, DEV, MMAP(DEVICE, BAR, PAGE, PROT), 0,
		.first = STEPS(POWER(3)) },
};

AREA(region, rows);
