/* SPDX-License-Identifier: MIT */
/*
 * The suite for what the rules say of a guest's stage 1: R1 (a container that says it nests does), R3
 * (refusals with reasons), R5 (mixed containers), R6 (containment) and R7 (faults arrive), on every host
 * and every of its groups. The program is monitor and guest at once; a DMA engine does as the guest's
 * tables say. Usage: nested HOST...
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <linux/vfio.h>
#include <nestbox/vfio-nesting.h>

#include "sys.h"

#define PAGE  4096u
#define PAGES 64u
#define ASID  3u

/* ---- the hosts, as their descriptions say ---- */

struct group {
	const char *path, *device;
	bool nests;
	unsigned pasid; /* that all its DMA carries, 0: none */
};

static const struct host {
	const char *name;
	bool subset;
	unsigned n;
	struct group groups[4];
} hosts[] = {
	{ "smmuv3", false, 2, { { "1", "0000:01:00.0", true }, { "3", "0000:03:00.0", true } } },
	{ "smmuv3-no-nesting", false, 2,
		{ { "1", "0000:01:00.0", false }, { "3", "0000:03:00.0", false } } },
	{ "mixed", false, 2, { { "1", "0000:01:00.0", true }, { "10", "0001:01:00.0", false } } },
	{ "empty", false, 0, { { 0 } } },
	{ "mixed-subset", true, 3,
		{ { "1", "0000:01:00.0", true }, { "10", "0001:01:00.0", false },
			{ "20", "0002:01:00.0", false } } },
	{ "pasid", false, 1, { { "1", "0000:01:00.0", true, 5 } } },
};

#define PASID_BITS 4

/* ---- reporting ---- */

static unsigned rows, failures;
static char row_name[128];

static void same(long got, long want, int line, const char *what)
{
	if (got == want)
		return;
	failures++;
	printf("FAIL %s: line %d: %s: got %ld, want %ld\n", row_name, line, what, got, want);
}
#define SAME(got, want, what) same((long)(got), (long)(want), __LINE__, what)

static void row(const struct host *host, const char *rule, const char *group)
{
	rows++;
	snprintf(row_name, sizeof(row_name), "%s, group %s: %s", host->name, group, rule);
}

/* The call just refused has its reason, and changed nothing that can be counted. */
static void refused(long got, int err, int line, const char *what)
{
	struct t_reason reason;

	same(got, -err, line, what);
	same(t_explained(), 1, line, "explained");
	if (t_reason(&reason))
		same(reason.err == err && reason.missing[0], 1, line, "the reason");
}
#define REFUSED(got, err, what) refused(got, err, __LINE__, what)

/* ---- the guest: 64 pages of memory, and a stage 1 of which one level 3 table is used ---- */

#define IPA(page)  (0x40000000ull + (page)*PAGE)
#define IOVA(page) (0x1000000000ull + (page)*PAGE)

enum {
	CD,
	L1,
	L2,
	L3,
	RING, /* descriptors and status of the engine */
	SRC,
	DST,
	OTHER,
	READ_ONLY, /* in stage 2 */
	FREE,
	HOLE = 40 /* not mapped in stage 2 */
};

#define LEAF(ipa) ((ipa) | 0xf43) /* valid page, for all, readable and writable, inner, AF, nG */

static uint8_t *ram;
static unsigned pasid; /* of the device */

static uint64_t *page(unsigned n)
{
	return (uint64_t *)(ram + (size_t)n * PAGE);
}

/* A linear table of them: the first, or that of the PASID (IHI 0070 5.4: 64 bytes). */
static uint64_t *descriptor(void)
{
	return page(CD) + 8 * (size_t)pasid;
}

static void guest_map(unsigned at, uint64_t ipa)
{
	__atomic_store_n(&page(L3)[at], LEAF(ipa), __ATOMIC_SEQ_CST);
}

static void guest_init(void)
{
	memset(ram, 0, (size_t)PAGES * PAGE);
	/* T0SZ 25, EPD1, V, IPS 36 bits, AA64, R, A, ASET, ASID: IHI 0070 5.4. */
	descriptor()[0] = 25 | 1ull << 30 | 1ull << 31 | 1ull << 32 | 1ull << 41 | 7ull << 45 |
			  (uint64_t)ASID << 48;
	descriptor()[1] = IPA(L1);
	descriptor()[3] = 0xff;
	page(L1)[IOVA(0) >> 30 & 511] = IPA(L2) | 3;
	page(L2)[IOVA(0) >> 21 & 511] = IPA(L3) | 3;
	guest_map(RING, IPA(RING));
	guest_map(SRC, IPA(SRC));
	guest_map(DST, IPA(DST));
}

/* ---- the monitor ---- */

struct box {
	int container, group, device;
	uint64_t bar, config; /* offsets of regions */
};

static long map_stage2(int container, unsigned first, unsigned n, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = flags,
		.vaddr = (uintptr_t)page(first),
		.iova = IPA(first),
		.size = n * PAGE };

	return t_ioctl(container, VFIO_IOMMU_MAP_DMA, (uintptr_t)&map);
}

static long unmap_stage2(int container, unsigned first, unsigned n)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = IPA(first), .size = n * PAGE
	};

	return t_ioctl(container, VFIO_IOMMU_UNMAP_DMA, (uintptr_t)&unmap);
}

static long set_table(int fd, unsigned long cmd, uint8_t config)
{
	struct vfio_iommu_type1_set_pasid_table table = { .argsz = sizeof(table),
		.flags = config ? VFIO_PASID_TABLE_FLAG_SET : VFIO_PASID_TABLE_FLAG_UNSET,
		.config = { .argsz = sizeof(table.config),
			.version = PASID_TABLE_CFG_VERSION_1,
			.base_ptr = IPA(CD),
			.format = IOMMU_PASID_FORMAT_SMMUV3,
			.pasid_bits = pasid ? PASID_BITS : 0,
			.config = config,
			.vendor_data.smmuv3.version = PASID_TABLE_SMMUV3_CFG_VERSION_1 } };

	return t_ioctl(fd, cmd, (uintptr_t)&table);
}

static long invalidate(int fd, unsigned long cmd, unsigned granularity, uint64_t iova)
{
	struct vfio_iommu_type1_cache_invalidate inv = { .argsz = sizeof(inv),
		.info = { .argsz = sizeof(inv.info),
			.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
			.cache = IOMMU_CACHE_INV_TYPE_IOTLB,
			.granularity = (uint8_t)granularity } };

	if (granularity == IOMMU_INV_GRANU_ADDR)
		inv.info.granu.addr_info = (struct iommu_inv_addr_info){
			.flags = IOMMU_INV_ADDR_FLAGS_ARCHID,
			.archid = ASID,
			.addr = iova,
			.granule_size = PAGE,
			.nb_granules = 1,
		};
	if (granularity == IOMMU_INV_GRANU_PASID)
		inv.info.granu.pasid_info =
			(struct iommu_inv_pasid_info){ .flags = IOMMU_INV_PASID_FLAGS_ARCHID,
				.archid = ASID };
	return t_ioctl(fd, cmd, (uintptr_t)&inv);
}

static int join(int container, const struct group *group)
{
	int fd = t_open(group->path);
	int32_t to = container;

	SAME(fd >= 0, 1, "open the group");
	SAME(t_ioctl(fd, VFIO_GROUP_SET_CONTAINER, (uintptr_t)&to), 0, "SET_CONTAINER");
	return fd;
}

static uint64_t region(int device, unsigned index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	SAME(t_ioctl(device, VFIO_DEVICE_GET_REGION_INFO, (uintptr_t)&info), 0, "region info");
	return info.offset;
}

static void open_device(struct box *box, const struct group *group)
{
	uint16_t command = 6; /* memory, bus master */

	box->device = (int)t_ioctl(box->group, VFIO_GROUP_GET_DEVICE_FD, (uintptr_t)group->device);
	SAME(box->device >= 0, 1, "open the device");
	box->bar = region(box->device, VFIO_PCI_BAR0_REGION_INDEX);
	box->config = region(box->device, VFIO_PCI_CONFIG_REGION_INDEX);
	SAME(t_pwrite(box->device, (uintptr_t)&command, 2, box->config + 4), 2, "command");
}

/* A container with this one group, and the guest's memory but for a hole in stage 2. */
static void box_open(struct box *box, const struct group *group, unsigned type)
{
	pasid = group->pasid;
	guest_init();
	box->container = t_open("vfio");
	box->group = join(box->container, group);
	SAME(t_ioctl(box->container, VFIO_SET_IOMMU, type), 0, "SET_IOMMU");
	SAME(map_stage2(box->container, 0, READ_ONLY, 3), 0, "map");
	SAME(map_stage2(box->container, READ_ONLY, 1, VFIO_DMA_MAP_FLAG_READ), 0, "map");
	SAME(map_stage2(box->container, FREE, HOLE - FREE, 3), 0, "map");
	open_device(box, group);
}

static void box_close(struct box *box)
{
	t_close(box->device);
	t_close(box->group);
	t_close(box->container);
}

static void install(struct box *box)
{
	SAME(set_table(box->container, VFIO_IOMMU_SET_PASID_TABLE, IOMMU_PASID_CONFIG_TRANSLATE), 0,
		"SET_PASID_TABLE");
}

/* ---- the engine: I/OAT channel 0 ---- */

static void poke(const struct box *box, uint64_t reg, uint64_t value, unsigned size)
{
	SAME(t_pwrite(box->device, (uintptr_t)&value, size, box->bar + reg), size, "register");
}

static uint64_t peek(const struct box *box, uint64_t reg, unsigned size)
{
	uint64_t value = 0;

	SAME(t_pread(box->device, (uintptr_t)&value, size, box->bar + reg), size, "register");
	return value;
}

static void rest(void)
{
	t_step();
	if (!t_is_local())
		for (volatile unsigned i = 0; i < 100000; i++)
			;
}

/* Copy a page between IOVAs. 0, or the engine's error (CHANERR); -1: it did not end. */
static long copy(const struct box *box, uint64_t dst, uint64_t src)
{
	volatile uint64_t *status = page(RING) + 256;
	uint64_t *desc = page(RING);

	memcpy(desc, (uint64_t[8]){ PAGE | 8ull << 32, src, dst, IOVA(RING) }, 64);
	*status = 0;
	poke(box, 0x84, 0x20, 1); /* reset */
	while (peek(box, 0x84, 1) & 0x20)
		rest();
	poke(box, 0x90, IOVA(RING), 8);
	poke(box, 0x98, IOVA(RING) + 2048, 8);
	poke(box, 0x80, 0x0c, 2); /* stop on errors, write the status even then */
	poke(box, 0x86, 1, 2);
	for (unsigned i = 0; i < 5000; i++) {
		rest();
		if (__atomic_load_n(status, __ATOMIC_ACQUIRE))
			return (*status & 7) == 3 ? (long)peek(box, 0xa8, 4) : 0;
		if (peek(box, 0xa8, 4))
			return (long)peek(box, 0xa8, 4);
	}
	return -1;
}

static bool holds(unsigned n, uint8_t value)
{
	for (unsigned i = 0; i < PAGE; i++)
		if (((uint8_t *)page(n))[i] != value)
			return false;
	return true;
}

static void fill(unsigned n, uint8_t value)
{
	memset(page(n), value, PAGE);
}

/* ---- faults ---- */

/* Records that are there, newest last; they are consumed. */
static unsigned take_faults(const struct box *box, struct vfio_dma_fault_record *last)
{
	uint64_t at = region(box->device, VFIO_PCI_NUM_REGIONS);
	struct vfio_region_dma_fault header = { 0 };
	unsigned n = 0;

	SAME(t_pread(box->device, (uintptr_t)&header, sizeof(header), at), sizeof(header),
		"fault header");
	if (!header.nb_entries)
		return 0;
	for (; header.tail != header.head; n++) {
		SAME(t_pread(box->device, (uintptr_t)last, sizeof(*last),
			     at + header.offset + header.tail * sizeof(*last)),
			sizeof(*last), "fault record");
		header.tail = (header.tail + 1) % header.nb_entries;
		SAME(t_pwrite(box->device, (uintptr_t)&header.tail, 4, at), 4, "fault tail");
	}
	return n;
}

/* ---- R1, R3, R4: what nests does, what does not says why ---- */

static void nesting_works(const struct host *host, const struct group *group)
{
	struct box box;

	row(host, "R1 a container that says it nests does", group->path);
	box_open(&box, group, VFIO_TYPE1_NESTING_IOMMU);
	SAME(t_ioctl(box.container, VFIO_CHECK_EXTENSION, VFIO_TYPE1_NESTING_IOMMU), 1, "CHECK");
	install(&box);
	fill(SRC, 0x11);
	SAME(copy(&box, IOVA(DST), IOVA(SRC)), 0, "copy through both stages");
	SAME(holds(DST, 0x11), 1, "what was copied");

	row(host, "R4 stage 1 is in bypass until a guest installs one", group->path);
	SAME(set_table(box.container, VFIO_IOMMU_SET_PASID_TABLE, 0), 0, "UNSET");
	SAME(copy(&box, IOVA(DST), IOVA(SRC)) != 0, 1, "IOVAs are IPAs");
	box_close(&box);
}

static void without_nesting(const struct host *host, const struct group *group)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct box box;

	row(host, "R2 R3 no virtual SMMU where nothing nests", group->path);
	box_open(&box, group, VFIO_TYPE1v2_IOMMU);
	REFUSED(set_table(box.container, VFIO_IOMMU_SET_PASID_TABLE, IOMMU_PASID_CONFIG_TRANSLATE),
		EINVAL, "SET_PASID_TABLE");
	REFUSED(invalidate(box.container, VFIO_IOMMU_CACHE_INVALIDATE, IOMMU_INV_GRANU_DOMAIN, 0),
		EINVAL, "CACHE_INVALIDATE");
	SAME(t_ioctl(box.device, VFIO_DEVICE_GET_INFO, (uintptr_t)&info), 0, "GET_INFO");
	SAME(info.num_regions, VFIO_PCI_NUM_REGIONS, "no fault regions");
	SAME(info.num_irqs, VFIO_PCI_NUM_IRQS, "no fault interrupt");
	box_close(&box);
}

/* ---- R5 ---- */

static void mixed_container(const struct host *host)
{
	const struct group *yes = &host->groups[0], *no = &host->groups[1];
	struct box box, other;

	row(host, "R5 subset: a mixed container", yes->path);
	pasid = yes->pasid;
	guest_init();
	box.container = t_open("vfio");
	box.group = join(box.container, yes);
	other.group = join(box.container, no);
	SAME(t_ioctl(box.container, VFIO_SET_IOMMU, VFIO_TYPE1_NESTING_IOMMU), 0, "SET_IOMMU");
	SAME(map_stage2(box.container, 0, HOLE, 3), 0, "mapping serves all");
	open_device(&box, yes);
	open_device(&other, no);
	REFUSED(set_table(box.container, VFIO_IOMMU_SET_PASID_TABLE, IOMMU_PASID_CONFIG_TRANSLATE),
		EOPNOTSUPP, "container-wide");
	REFUSED(invalidate(box.container, VFIO_IOMMU_CACHE_INVALIDATE, IOMMU_INV_GRANU_DOMAIN, 0),
		EOPNOTSUPP, "container-wide");
	REFUSED(set_table(other.device, VFIO_DEVICE_SET_PASID_TABLE, IOMMU_PASID_CONFIG_TRANSLATE),
		EOPNOTSUPP, "of a device that does not nest");
	SAME(set_table(box.device, VFIO_DEVICE_SET_PASID_TABLE, IOMMU_PASID_CONFIG_TRANSLATE), 0,
		"of a device that nests");
	fill(SRC, 0x21);
	SAME(copy(&box, IOVA(DST), IOVA(SRC)), 0, "copy through both stages");
	SAME(holds(DST, 0x21), 1, "what was copied");
	SAME(invalidate(box.device, VFIO_DEVICE_CACHE_INVALIDATE, IOMMU_INV_GRANU_DOMAIN, 0), 0,
		"CACHE_INVALIDATE of the device");

	row(host, "R5 subset: the last nesting group leaves", yes->path);
	t_close(box.device);
	SAME(t_ioctl(box.group, VFIO_GROUP_UNSET_CONTAINER, 0), 0, "leave");
	REFUSED(set_table(box.container, VFIO_IOMMU_SET_PASID_TABLE, IOMMU_PASID_CONFIG_TRANSLATE),
		EOPNOTSUPP, "container-wide");
	SAME(unmap_stage2(box.container, 0, HOLE), 0, "mappings stayed");
	t_close(other.device);
	t_close(other.group);
	t_close(box.group);
	t_close(box.container);
}

/* ---- R6 ---- */

static void contains_leaf(struct box *box)
{
	static const struct {
		const char *what;
		uint64_t ipa;
	} beyond[] = {
		{ "a hole in stage 2", IPA(HOLE) },
		{ "the page behind the memory", IPA(PAGES) },
		{ "zero", 0 },
		{ "the host's RAM", 0x100000 },
		{ "the host's doorbell", 0x8000000 },
		{ "the top", 0xffffff000 },
	};

	for (unsigned i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
		guest_map(DST, beyond[i].ipa);
		guest_map(OTHER, beyond[i].ipa);
		SAME(invalidate(
			     box->container, VFIO_IOMMU_CACHE_INVALIDATE, IOMMU_INV_GRANU_PASID, 0),
			0, "invalidate");
		if (beyond[i].ipa != 0x8000000) /* where messages may go */
			SAME(copy(box, IOVA(DST), IOVA(SRC)) != 0, 1, beyond[i].what);
		SAME(copy(box, IOVA(SRC), IOVA(OTHER)) != 0, 1, beyond[i].what);
	}
	SAME(holds(HOLE, 0xc6), 1, "the hole is untouched");
	guest_map(DST, IPA(DST));
}

static void contains_tables(struct box *box)
{
	static const unsigned levels[] = { L1, L2 };

	for (unsigned i = 0; i < 2; i++) {
		uint64_t *entry = &page(
			levels[i])[levels[i] == L1 ? IOVA(0) >> 30 & 511 : IOVA(0) >> 21 & 511];
		uint64_t was = *entry;

		*entry = IPA(HOLE) | 3;
		SAME(invalidate(box->container, VFIO_IOMMU_CACHE_INVALIDATE, IOMMU_INV_GRANU_DOMAIN,
			     0),
			0, "invalidate");
		SAME(copy(box, IOVA(DST), IOVA(SRC)) != 0, 1, "a table outside the memory");
		*entry = was;
	}
	SAME(holds(HOLE, 0xc6), 1, "the hole is untouched");
}

static void contains_read_only(struct box *box)
{
	fill(READ_ONLY, 0x33);
	guest_map(READ_ONLY, IPA(READ_ONLY));
	invalidate(box->container, VFIO_IOMMU_CACHE_INVALIDATE, IOMMU_INV_GRANU_DOMAIN, 0);
	SAME(copy(box, IOVA(DST), IOVA(READ_ONLY)), 0, "reading what stage 2 lets be read");
	SAME(copy(box, IOVA(READ_ONLY), IOVA(SRC)) != 0, 1, "writing it");
	SAME(holds(READ_ONLY, 0x33), 1, "it is unchanged");
}

static void contains_unmap(struct box *box)
{
	guest_map(FREE, IPA(FREE));
	fill(SRC, 0x44);
	SAME(copy(box, IOVA(FREE), IOVA(SRC)), 0, "a page of stage 2");
	SAME(unmap_stage2(box->container, FREE, HOLE - FREE), 0, "unmap");
	fill(FREE, 0x55);
	SAME(copy(box, IOVA(FREE), IOVA(SRC)) != 0, 1, "after the unmap");
	SAME(holds(FREE, 0x55), 1, "it is untouched");
	SAME(map_stage2(box->container, FREE, HOLE - FREE, 3), 0, "map again");
	SAME(copy(box, IOVA(FREE), IOVA(SRC)), 0, "mapped again, without the guest");
	SAME(holds(FREE, 0x44), 1, "it is reached");
}

static void contains_invalidation(struct box *box)
{
	static const unsigned granularities[] = { IOMMU_INV_GRANU_DOMAIN, IOMMU_INV_GRANU_PASID,
		IOMMU_INV_GRANU_ADDR };

	for (unsigned i = 0; i < 3; i++) {
		guest_map(DST, IPA(DST));
		invalidate(box->container, VFIO_IOMMU_CACHE_INVALIDATE, IOMMU_INV_GRANU_DOMAIN, 0);
		SAME(copy(box, IOVA(DST), IOVA(SRC)), 0, "cached");
		guest_map(DST, IPA(OTHER));
		SAME(invalidate(box->container, VFIO_IOMMU_CACHE_INVALIDATE, granularities[i],
			     IOVA(DST)),
			0, "invalidate");
		fill(DST, 0x66);
		SAME(copy(box, IOVA(DST), IOVA(SRC)), 0, "remapped");
		SAME(holds(DST, 0x66), 1, "the old page is untouched after the invalidation");
	}
	guest_map(DST, IPA(DST));
	invalidate(box->container, VFIO_IOMMU_CACHE_INVALIDATE, IOMMU_INV_GRANU_DOMAIN, 0);
}

static void contains_abort(struct box *box)
{
	SAME(set_table(box->container, VFIO_IOMMU_SET_PASID_TABLE, 0), 0, "UNSET");
	SAME(set_table(box->container, VFIO_IOMMU_SET_PASID_TABLE, IOMMU_PASID_CONFIG_ABORT), 0,
		"abort");
	fill(DST, 0x77);
	SAME(copy(box, IOVA(DST), IOVA(SRC)) != 0, 1, "stage 1 aborts");
	SAME(copy(box, IPA(DST), IPA(SRC)) != 0, 1, "stage 1 aborts");
	SAME(holds(DST, 0x77), 1, "nothing came");
}

static void containment(const struct host *host, const struct group *group)
{
	static const struct {
		const char *rule;
		void (*fn)(struct box *box);
	} parts[] = {
		{ "R6 leaves outside of stage 2", contains_leaf },
		{ "R6 tables outside of stage 2", contains_tables },
		{ "R6 permissions of stage 2", contains_read_only },
		{ "R6 after an unmap of stage 2", contains_unmap },
		{ "R6 after an invalidation of stage 1", contains_invalidation },
		{ "R6 stage 1 aborts", contains_abort },
	};
	struct box box;

	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		row(host, parts[i].rule, group->path);
		box_open(&box, group, VFIO_TYPE1_NESTING_IOMMU);
		fill(HOLE, 0xc6);
		install(&box);
		parts[i].fn(&box);
		box_close(&box);
	}
}

/* ---- R7 ---- */

static void faults_arrive(const struct host *host, const struct group *group)
{
	struct vfio_dma_fault_record record = { 0 };
	struct box box;

	row(host, "R7 a fault of stage 1 arrives", group->path);
	box_open(&box, group, VFIO_TYPE1_NESTING_IOMMU);
	install(&box);
	SAME(copy(&box, IOVA(OTHER), IOVA(SRC)) != 0, 1, "a page that stage 1 lacks");
	SAME(take_faults(&box, &record), 1, "records");
	SAME(record.type, IOMMU_FAULT_DMA_UNRECOV, "its type");
	SAME(record.event.reason, IOMMU_FAULT_REASON_PTE_FETCH, "its reason");
	SAME(record.event.perm, IOMMU_FAULT_PERM_WRITE, "what was tried");
	SAME(record.event.addr, IOVA(OTHER), "its address");
	SAME(!!(record.event.flags & IOMMU_FAULT_UNRECOV_PASID_VALID), !!pasid, "whether a PASID");
	SAME(record.event.pasid, pasid, "its PASID");
	SAME(record.arch[0] & 0xff, 0x10, "the architecture's record: F_TRANSLATION");

	row(host, "R7 a bad context descriptor is told", group->path);
	descriptor()[0] &= ~(1ull << 31); /* V */
	SAME(set_table(box.container, VFIO_IOMMU_SET_PASID_TABLE, 0), 0, "UNSET");
	install(&box);
	SAME(copy(&box, IOVA(DST), IOVA(SRC)) != 0, 1, "no CD");
	SAME(take_faults(&box, &record) > 0, 1, "records");
	SAME(record.event.reason, IOMMU_FAULT_REASON_BAD_PASID_ENTRY, "C_BAD_CD");
	box_close(&box);

	row(host, "R7 a fault of stage 2 is the host's alone", group->path);
	box_open(&box, group, VFIO_TYPE1_NESTING_IOMMU);
	install(&box);
	guest_map(OTHER, IPA(HOLE));
	SAME(copy(&box, IOVA(OTHER), IOVA(SRC)) != 0, 1, "a page that stage 2 lacks");
	page(L2)[IOVA(0) >> 21 & 511] = IPA(HOLE) | 3;
	invalidate(box.container, VFIO_IOMMU_CACHE_INVALIDATE, IOMMU_INV_GRANU_DOMAIN, 0);
	SAME(copy(&box, IOVA(DST), IOVA(SRC)) != 0, 1, "a table that stage 2 lacks");
	SAME(take_faults(&box, &record), 0, "records");
	box_close(&box);
}

/* ---- running ---- */

static void run_group(const struct host *host, const struct group *group)
{
	struct t_counts before = { 0 }, after = { 0 };
	bool counted = t_counts(&before);

	if (!group->nests) {
		without_nesting(host, group);
	} else {
		nesting_works(host, group);
		containment(host, group);
		faults_arrive(host, group);
	}
	if (!counted || !t_counts(&after))
		return;
	row(host, "nothing is left behind", group->path);
	SAME(memcmp(&before, &after, sizeof(before)), 0, "counts");
}

static void run_empty(const struct host *host)
{
	int container = t_open("vfio");

	row(host, "R1 nothing is there, and nothing is said to be", "-");
	SAME(t_ioctl(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1_NESTING_IOMMU), 0, "CHECK");
	REFUSED(set_table(container, VFIO_IOMMU_SET_PASID_TABLE, IOMMU_PASID_CONFIG_TRANSLATE),
		EINVAL, "SET_PASID_TABLE");
	t_close(container);
}

static int run_host(const struct host *host, const char *where)
{
	unsigned before = rows, failed = failures;

	if (t_begin(where))
		return 1;
	for (unsigned i = 0; i < host->n; i++)
		run_group(host, &host->groups[i]);
	if (!host->n)
		run_empty(host);
	if (host->subset)
		mixed_container(host);
	t_end();
	printf("%-20s %4u rows, %u failures\n", host->name, rows - before, failures - failed);
	return 0;
}

/* A host's name, or the path DIR/NAME.yaml of its description. */
static int run_argument(const char *arg)
{
	const char *slash = strrchr(arg, '/'), *name = slash ? slash + 1 : arg;

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (strlen(hosts[i].name) == strcspn(name, ".") &&
			!strncmp(hosts[i].name, name, strcspn(name, ".")))
			return run_host(&hosts[i], arg);
	fprintf(stderr, "no table for host %s\n", arg);
	return 1;
}

int main(int argc, char **argv)
{
	int bad = argc < 2;

	ram = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		-1, 0);
	if (ram == MAP_FAILED)
		return 1;
	for (int i = 1; i < argc; i++)
		bad |= run_argument(argv[i]);
	printf("%u rows, %u failures\n", rows, failures);
	return bad || failures;
}
