/* SPDX-License-Identifier: MIT */
/*
 * Nested translation, by hand: this program plays a monitor, which owns stage 2, and its guest, which
 * owns stage 1. The guest's tables are built in its memory and used there by the SMMU: nothing is
 * shadowed. A DMA engine then copies through both stages; a mapping changes, with and without
 * invalidation; a fault of stage 1 arrives, and is repaired; and a guest that tries to get out of its
 * memory fails.
 *
 * VFIO as <linux/vfio.h> has it, and the virtual SMMU interface (<nestbox/vfio-nesting.h>, which is no
 * library: the ioctls once proposed for Linux). If there are arguments, they are a command to be run
 * when everything is set up: `nestbox run -- nested nestbox walk 0000:01:00.0 0x1000000000`.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nestbox/vfio-nesting.h>

#include "engine.h"
#include "faults.h"

#define KIB  1024UL
#define MIB  (1024 * KIB)
#define PAGE (4 * KIB)

/* Guest physical addresses (IPA): the guest's memory, and what of it is what. */
#define RAM	     0x80000000UL
#define RAM_BYTES    (16 * MIB)
#define IPA_ENGINE   (RAM + 1 * MIB)
#define IPA_SRC	     (RAM + 2 * MIB)
#define IPA_DST	     (RAM + 4 * MIB)
#define IPA_TABLES   (RAM + 8 * MIB)
#define IPA_SECRET   (RAM + RAM_BYTES) /* would be the monitor's page, if it were mapped */
#define IPA_DOORBELL 0x9000000UL       /* where the guest has its interrupt controller's page */

/* What the guest lets the device use (IOVA): nothing is where it is physically. */
#define IOVA_SRC      0x1000000000UL
#define IOVA_DST      0x2000800000UL
#define IOVA_ENGINE   0x3000400000UL
#define IOVA_DOORBELL 0x3000c00000UL
#define COPY	      (1 * MIB)

/* ---- the guest: stage 1 (Arm ARM D8.3, 4 KiB granule, 39 bits of IOVA; IHI 0070 5.4) ---- */

#define ASID	   5
#define TABLE	   0x3UL /* at level 1 and 2 */
#define LEAF	   0x3UL /* at level 3: a page */
#define FOR_ALL	   (1UL << 6)
#define READ_ONLY  (1UL << 7)
#define INNER	   (3UL << 8)
#define ACCESSED   (1UL << 10)
#define NOT_GLOBAL (1UL << 11)
#define RW	   (LEAF | FOR_ALL | INNER | ACCESSED | NOT_GLOBAL)
#define ADDRESS	   0xfffffffff000UL

struct guest {
	uint8_t *ram;	 /* its memory, in ours */
	uint64_t tables; /* IPA: the next free page for a table */
	uint64_t root;	 /* IPA of the level 1 table */
	uint64_t cd;	 /* IPA of the context descriptor */
};

static void *at(const struct guest *guest, uint64_t ipa)
{
	return guest->ram + (ipa - RAM);
}

static uint64_t new_table(struct guest *guest)
{
	uint64_t ipa = guest->tables;

	memset(at(guest, ipa), 0, PAGE);
	guest->tables += PAGE;
	return ipa;
}

/** The level 3 descriptor of iova; tables on the way to it are made. */
static uint64_t *descriptor(struct guest *guest, uint64_t iova)
{
	uint64_t *entry, table = guest->root;

	for (unsigned shift = 30; shift > 12; shift -= 9) {
		entry = (uint64_t *)at(guest, table) + (iova >> shift & 511);
		if (!*entry)
			__atomic_store_n(entry, new_table(guest) | TABLE, __ATOMIC_RELEASE);
		table = *entry & ADDRESS;
	}
	return (uint64_t *)at(guest, table) + (iova >> 12 & 511);
}

static void guest_map(struct guest *guest, uint64_t iova, uint64_t ipa, uint64_t bytes)
{
	for (uint64_t off = 0; off < bytes; off += PAGE)
		__atomic_store_n(descriptor(guest, iova + off), (ipa + off) | RW, __ATOMIC_RELEASE);
}

/* T0SZ 25, walks cacheable, no upper half, V, IPS 40 bits, AArch64, S (stall), R, A, ASID. */
static void guest_init(struct guest *guest, uint8_t *ram, bool stall)
{
	uint64_t *cd;

	*guest = (struct guest){ .ram = ram, .tables = IPA_TABLES };
	guest->root = new_table(guest);
	guest->cd = new_table(guest);
	cd = at(guest, guest->cd);
	cd[0] = 25 | 1UL << 8 | 1UL << 10 | 3UL << 12 | 1UL << 30 | 1UL << 31 | 2UL << 32 |
		1UL << 41 | (uint64_t)stall << 44 | 1UL << 45 | 1UL << 46 | 1UL << 47 |
		(uint64_t)ASID << 48;
	cd[1] = guest->root;
	cd[3] = 0xff; /* MAIR: attribute 0 is write-back */
	guest_map(guest, IOVA_SRC, IPA_SRC, COPY);
	guest_map(guest, IOVA_DST, IPA_DST, COPY);
	guest_map(guest, IOVA_ENGINE, IPA_ENGINE, ENGINE_BYTES);
	guest_map(guest, IOVA_DOORBELL, IPA_DOORBELL, PAGE);
}

/* ---- the monitor: stage 2, and what it does for its guest ---- */

static void require_nesting(int container)
{
	if (ioctl(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1_NESTING_IOMMU) != 1)
		errx(77, "this host cannot nest (nestbox says why)");
	must(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_NESTING_IOMMU), "VFIO_SET_IOMMU");
}

static void *map_guest_memory(int container)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = RAM,
		.size = RAM_BYTES };
	/* And a page of the monitor's own right behind it, which stage 2 does not have. */
	void *ram = mmap(
		NULL, RAM_BYTES + PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (ram == MAP_FAILED)
		err(1, "mmap");
	map.vaddr = (uintptr_t)ram;
	must(ioctl(container, VFIO_IOMMU_MAP_DMA, &map), "VFIO_IOMMU_MAP_DMA");
	return ram;
}

static void install_stage1(int container, const struct guest *guest)
{
	struct vfio_iommu_type1_set_pasid_table table = { .argsz = sizeof(table),
		.flags = VFIO_PASID_TABLE_FLAG_SET,
		.config = { .argsz = sizeof(table.config),
			.version = PASID_TABLE_CFG_VERSION_1,
			.base_ptr = guest->cd,
			.format = IOMMU_PASID_FORMAT_SMMUV3,
			.config = IOMMU_PASID_CONFIG_TRANSLATE,
			.vendor_data.smmuv3.version = PASID_TABLE_SMMUV3_CFG_VERSION_1 } };

	must(ioctl(container, VFIO_IOMMU_SET_PASID_TABLE, &table), "VFIO_IOMMU_SET_PASID_TABLE");
}

/** The device writes its messages to IOVA_DOORBELL; behind IPA_DOORBELL is the host's doorbell. */
static void bind_doorbell(int container)
{
	struct vfio_iommu_type1_set_msi_binding binding = { .argsz = sizeof(binding),
		.flags = VFIO_IOMMU_BIND_MSI,
		.iova = IOVA_DOORBELL,
		.gpa = IPA_DOORBELL,
		.size = PAGE };

	must(ioctl(container, VFIO_IOMMU_SET_MSI_BINDING, &binding), "VFIO_IOMMU_SET_MSI_BINDING");
}

static void invalidate(int container, uint64_t iova, uint64_t pages)
{
	struct vfio_iommu_type1_cache_invalidate inv = { .argsz = sizeof(inv),
		.info = { .argsz = sizeof(inv.info),
			.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
			.cache = IOMMU_CACHE_INV_TYPE_IOTLB,
			.granularity = IOMMU_INV_GRANU_ADDR,
			.granu.addr_info = {
				.flags = IOMMU_INV_ADDR_FLAGS_ARCHID | IOMMU_INV_ADDR_FLAGS_LEAF,
				.archid = ASID,
				.addr = iova,
				.granule_size = PAGE,
				.nb_granules = pages } } };

	must(ioctl(container, VFIO_IOMMU_CACHE_INVALIDATE, &inv), "VFIO_IOMMU_CACHE_INVALIDATE");
}

/* ---- the show ---- */

struct show {
	int container;
	struct vfio_iommu_type1_info_cap_nesting info;
	struct guest guest;
	struct engine engine;
	struct faults faults;
	uint8_t *secret; /* of the monitor: never mapped in stage 2 */
};

static void set_up(struct show *show)
{
	int group;

	show->container = (int)must(open("/dev/vfio/vfio", O_RDWR), "/dev/vfio/vfio");
	group = engine_group(ENGINE_DEVICE, show->container);
	require_nesting(show->container);
	show->info = nesting_info(show->container);
	printf("nesting    IOVAs of %u bits, guest physical addresses of %u, %s\n",
		show->info.iova_bits, show->info.ipa_bits,
		show->info.flags & VFIO_NESTING_INFO_STALL ? "faults can be repaired"
							   : "faults abort");
	guest_init(&show->guest, map_guest_memory(show->container),
		show->info.flags & VFIO_NESTING_INFO_STALL);
	show->secret = at(&show->guest, IPA_SECRET);
	printf("stage 2    the monitor's: %lu MiB of guest memory at IPA %#lx\n", RAM_BYTES / MIB,
		RAM);
	install_stage1(show->container, &show->guest);
	printf("stage 1    the guest's, in its memory: context descriptor at IPA %#lx, tables at "
	       "%#lx\n",
		show->guest.cd, show->guest.root);
	bind_doorbell(show->container);
	engine_open(&show->engine, group, ENGINE_DEVICE);
	engine_interrupts(&show->engine);
	engine_memory(&show->engine, at(&show->guest, IPA_ENGINE), IOVA_ENGINE);
	faults_open(&show->faults, show->engine.device);
}

static void copy(struct show *show)
{
	uint64_t *src = at(&show->guest, IPA_SRC), *dst = at(&show->guest, IPA_DST);

	for (size_t i = 0; i < COPY / 8; i++)
		src[i] = i * 0x9e3779b97f4a7c15;
	engine_start(&show->engine, IOVA_DST, IOVA_SRC, COPY);
	if (!engine_wait(&show->engine, 10000) || memcmp(src, dst, COPY))
		errx(1, "copy: CHANERR %#x", engine_error(&show->engine));
	printf("copy       %lu KiB from IOVA %#lx to %#lx, interrupt and all: every byte right\n",
		COPY / KIB, IOVA_SRC, IOVA_DST);
}

static void run_command(char **argv)
{
	int status;
	pid_t pid;

	if (!argv[1])
		return;
	pid = (pid_t)must(fork(), "fork");
	if (!pid) {
		execvp(argv[1], argv + 1);
		err(127, "%s", argv[1]);
	}
	must(waitpid(pid, &status, 0), "waitpid");
	if (status)
		errx(1, "%s failed", argv[1]);
}

/** Copy one page to IOVA_DST and say which of the two it reached. */
static const char *copy_page(struct show *show, uint8_t *old, uint8_t *new)
{
	memset(old, 0, PAGE);
	memset(new, 0, PAGE);
	engine_start(&show->engine, IOVA_DST, IOVA_SRC, PAGE);
	if (!engine_wait(&show->engine, 10000))
		errx(1, "remap: CHANERR %#x", engine_error(&show->engine));
	if (!memcmp(new, at(&show->guest, IPA_SRC), PAGE))
		return "new";
	return memcmp(old, at(&show->guest, IPA_SRC), PAGE) ? "neither" : "old";
}

/* A translation may be cached until it is invalidated: then, and only then, it may not. */
static void remap(struct show *show)
{
	uint8_t *old = at(&show->guest, IPA_DST), *new = at(&show->guest, IPA_DST + COPY);
	const char *before, *after;

	copy_page(show, old, new); /* and it is cached */
	guest_map(&show->guest, IOVA_DST, IPA_DST + COPY, PAGE);
	before = copy_page(show, old, new);
	invalidate(show->container, IOVA_DST, 1);
	after = copy_page(show, old, new);
	printf("remap      before the invalidation the engine wrote the %s page, after it the %s\n",
		before, after);
	if (strcmp(after, "new"))
		errx(1, "the invalidation had no effect");
}

/* The guest forgot a page. Its fault comes; the guest maps the page; the copy is finished. */
static void fault_and_repair(struct show *show)
{
	uint64_t iova = IOVA_SRC + COPY; /* one page beyond */
	struct vfio_dma_fault_record record;
	bool repaired;

	memset(at(&show->guest, IPA_SRC + COPY), 0x77, PAGE);
	engine_start(&show->engine, IOVA_DST, iova, PAGE);
	if (!faults_next(&show->faults, &record, 10000))
		errx(1, "no fault came");
	printf("fault      %s of IOVA %#llx: event 0x%02llx, %s\n",
		record.event.perm & IOMMU_FAULT_PERM_READ ? "read" : "write",
		(unsigned long long)record.event.addr, (unsigned long long)record.arch[0] & 0xff,
		record.type == IOMMU_FAULT_PAGE_REQ ? "stalled" : "aborted");
	guest_map(&show->guest, iova, IPA_SRC + COPY, PAGE);
	if (record.type == IOMMU_FAULT_PAGE_REQ)
		faults_respond(&show->faults, record.prm.grpid, IOMMU_PAGE_RESP_SUCCESS);
	else
		engine_start(&show->engine, IOVA_DST, iova, PAGE);
	repaired = engine_wait(&show->engine, 10000);
	if (!repaired || *(uint8_t *)at(&show->guest, IPA_DST + COPY) != 0x77)
		errx(1, "not repaired: CHANERR %#x", engine_error(&show->engine));
	printf("repaired   the guest mapped the page, and the engine %s\n",
		record.type == IOMMU_FAULT_PAGE_REQ ? "went on where it was"
						    : "did it in a second try");
}

/** Copy to iova must abort, and be none of the guest's business (R7). */
static void must_abort(struct show *show, uint64_t iova, const char *what)
{
	struct vfio_dma_fault_record record;

	engine_start(&show->engine, iova, IOVA_SRC, PAGE);
	if (engine_wait(&show->engine, 10000) || !engine_error(&show->engine))
		errx(1, "%s: the engine did not notice", what);
	if (faults_next(&show->faults, &record, 100))
		errx(1, "%s: a fault of stage 2 was told to the owner of stage 1", what);
	for (size_t i = 0; i < PAGE; i++)
		if (show->secret[i] != 0x5a)
			errx(1, "%s: the guest got out", what);
	printf("escape     %s: the engine halted with CHANERR %#x\n", what,
		engine_error(&show->engine));
}

/* The guest may write anything into its tables: what comes out of them goes through stage 2. */
static void try_to_escape(struct show *show)
{
	uint64_t page = 0x4000000000UL, table = page + (1UL << 30);

	memset(show->secret, 0x5a, PAGE);
	*descriptor(&show->guest, page) = IPA_SECRET | RW;
	must_abort(show, page, "a page outside its memory");
	((uint64_t *)at(&show->guest, show->guest.root))[table >> 30 & 511] = IPA_SECRET | TABLE;
	must_abort(show, table, "a table outside its memory");
}

int main(int argc, char **argv)
{
	struct show show = { 0 };

	setlinebuf(stdout);
	set_up(&show);
	copy(&show);
	run_command(argv);
	remap(&show);
	fault_and_repair(&show);
	try_to_escape(&show);
	return EXIT_SUCCESS;
}
