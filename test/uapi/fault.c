/* SPDX-License-Identifier: MIT */
/*
 * Faults of a guest's stage 1 (R7): the two regions and the interrupt of a device in a nesting container,
 * and that they are there alone. What the device has is in fault_look.c. In this process and in a box.
 * Usage: fault HOST...
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault_rig.h"
#include "sys.h"

/* ---- the interrupt ---- */

static long set_irqs(unsigned flags, unsigned count, int32_t data)
{
	union {
		struct vfio_irq_set set;
		int32_t words[6];
	} arg = { .set = { .argsz = sizeof(arg), .flags = flags, .index = IRQ, .count = count } };

	arg.words[5] = data;
	return t_ioctl(rig.device, VFIO_DEVICE_SET_IRQS, (uintptr_t)&arg);
}

#define EVENTFD (VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD)
#define BOOL	(VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_BOOL)
#define NONE	(VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE)

/* How often it was signalled; in a box that may take a moment. */
static uint64_t signalled(int fd)
{
	struct pollfd in = { .fd = fd, .events = POLLIN };
	uint64_t n = 0;

	if (poll(&in, 1, 0) == 1 && read(fd, &n, sizeof(n)) != sizeof(n))
		return 0;
	return n;
}

static void irq_triggers(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	CHECK(set_irqs(NONE, 1, 0) == -EINVAL); /* no eventfd */
	CHECK(set_irqs(EVENTFD, 0, 0) == -EINVAL);
	CHECK(set_irqs(EVENTFD, 2, fd) == -EINVAL);
	CHECK(set_irqs(EVENTFD, 1, rig.container) < 0);
	CHECK(set_irqs(VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_DATA_NONE, 1, 0) == -ENOTTY);
	CHECK(set_irqs(EVENTFD, 1, fd) == 0);
	CHECK(set_irqs(NONE, 1, 0) == 0 && signalled(fd) == 1);
	CHECK(set_irqs(BOOL, 1, 1) == 0 && signalled(fd) == 1);
	CHECK(set_irqs(BOOL, 1, 0) == 0 && signalled(fd) == 0);
	CHECK(set_irqs(NONE, 0, 0) == 0); /* off */
	CHECK(set_irqs(NONE, 1, 0) == -EINVAL && signalled(fd) == 0);
	CHECK(set_irqs(EVENTFD, 1, fd) == 0 && set_irqs(EVENTFD, 1, -1) == 0);
	CHECK(!rig_copy(&rig, IOVA_DST, IOVA_NOTHING) && signalled(fd) == 0);
	close(fd);
}

/* ---- faults ---- */

static uint32_t taken; /* our tail */
static struct vfio_dma_fault_record *records;

/* How many are there. */
static uint32_t pending(void)
{
	struct vfio_region_dma_fault header = header_of(FAULTS);

	CHECK(header.tail == taken);
	return (header.head - header.tail) % N;
}

static struct vfio_dma_fault_record take(void)
{
	struct vfio_dma_fault_record record = records[taken];

	CHECK(pending() > 0);
	taken = (taken + 1) % N;
	CHECK(set_index(FAULTS, taken) == 4);
	return record;
}

#define READ  IOMMU_FAULT_PERM_READ
#define WRITE IOMMU_FAULT_PERM_WRITE
#define ADDR  IOMMU_FAULT_UNRECOV_ADDR_VALID

static void deliveries(void)
{
	static const struct {
		uint64_t dst, src;
		uint32_t reason, perm;
		uint64_t addr;
		uint8_t event; /* IHI 0070 7.3 */
	} rows[] = {
		{ IOVA_DST, IOVA_NOTHING, IOMMU_FAULT_REASON_PTE_FETCH, READ, IOVA_NOTHING, 0x10 },
		{ IOVA_NOTHING + 8 * PAGE, IOVA_SRC, IOMMU_FAULT_REASON_PTE_FETCH, WRITE,
			IOVA_NOTHING + 8 * PAGE, 0x10 },
		{ IOVA_READ_ONLY, IOVA_SRC, IOMMU_FAULT_REASON_PERMISSION, WRITE, IOVA_READ_ONLY,
			0x13 },
		{ IOVA_DST, IOVA_NO_ACCESS, IOMMU_FAULT_REASON_ACCESS, READ, IOVA_NO_ACCESS, 0x12 },
		{ IOVA_DST, 1ull << 40, IOMMU_FAULT_REASON_PTE_FETCH, READ, 1ull << 40, 0x10 },
	};
	int fd = eventfd(0, EFD_NONBLOCK);

	CHECK(set_irqs(EVENTFD, 1, fd) == 0);
	CHECK(rig_copy(&rig, IOVA_DST, IOVA_SRC) && pending() == 0 && signalled(fd) == 0);
	CHECK(rig_copy(&rig, IOVA_DST, IOVA_READ_ONLY) && pending() == 0);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		CHECK(!rig_copy(&rig, rows[i].dst, rows[i].src));
	CHECK(pending() == ARRAY_LEN(rows) && signalled(fd) == ARRAY_LEN(rows));
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct vfio_dma_fault_record record = take();

		CHECK(record.type == IOMMU_FAULT_DMA_UNRECOV && record.flags == 0);
		CHECK(record.event.reason == rows[i].reason && record.event.flags == ADDR);
		CHECK((record.event.perm & (READ | WRITE)) == rows[i].perm);
		CHECK(record.event.addr / PAGE == rows[i].addr / PAGE);
		CHECK((uint8_t)record.arch[0] == rows[i].event && record.arch[0] >> 32 == 0x100);
		CHECK((record.arch[1] >> 35 & 1) == (rows[i].perm == READ) && !record.arch[2]);
	}
	close(fd);
}

/* A context descriptor that is none: no address of a transaction is told with it. */
static void bad_descriptor(void)
{
	uint64_t *cd = (uint64_t *)(void *)(rig.memory + AT_CD), sound = *cd;
	struct vfio_dma_fault_record record;

	*cd &= ~(1ull << 31); /* V */
	rig_invalidate(&rig);
	CHECK(rig_halts(&rig));
	record = take();
	CHECK(record.type == IOMMU_FAULT_DMA_UNRECOV);
	CHECK(record.event.reason == IOMMU_FAULT_REASON_BAD_PASID_ENTRY);
	CHECK(record.event.flags == 0 && record.event.perm == 0 && record.event.addr == 0);
	CHECK((uint8_t)record.arch[0] == 0x0a);
	/* Of the status that the engine could not write. */
	CHECK(take().event.reason == IOMMU_FAULT_REASON_BAD_PASID_ENTRY);
	*cd = sound;
	rig_invalidate(&rig);
	CHECK(rig_copy(&rig, IOVA_DST, IOVA_SRC) && pending() == 0);
}

/* R7: what stage 2 does not map is no business of the guest's, nor is a fault without its stage 1. */
static void of_the_host(void)
{
	CHECK(!rig_copy(&rig, IOVA_OUTSIDE, IOVA_SRC) && pending() == 0);
	CHECK(!rig_copy(&rig, IOVA_DST, IOVA_OUTSIDE) && pending() == 0);
	rig_set_stage1(&rig, IOMMU_PASID_CONFIG_BYPASS);
	CHECK(rig_halts(&rig) && pending() == 0);
	rig_set_stage1(&rig, IOMMU_PASID_CONFIG_TRANSLATE);
	CHECK(rig_copy(&rig, IOVA_DST, IOVA_SRC) && pending() == 0);
}

/* What a program does to its mapping is its own: heads and tails are not there. */
static void scribbled(void)
{
	memset(records, 0xff, 8 * PAGE);
	CHECK(pending() == 0);
	CHECK(!rig_copy(&rig, IOVA_DST, IOVA_NOTHING) && pending() == 1);
	CHECK(take().event.addr == IOVA_NOTHING);
}

static bool copy_at(unsigned i)
{
	return rig_copy(&rig, IOVA_DST, IOVA_NOTHING + i * PAGE);
}

/* One slot stays free; what is dropped marks the next that is not. */
static void overflow(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	struct vfio_dma_fault_record record;
	unsigned i;

	CHECK(set_irqs(EVENTFD, 1, fd) == 0);
	for (i = 0; i < N - 1; i++)
		copy_at(i);
	CHECK(pending() == N - 1 && signalled(fd) == N - 1);
	copy_at(300);
	copy_at(301);
	CHECK(pending() == N - 1 && signalled(fd) == 0);
	record = take();
	CHECK(record.event.addr == IOVA_NOTHING && record.flags == 0);
	copy_at(302);
	copy_at(303); /* dropped */
	CHECK(pending() == N - 1 && signalled(fd) == 1);
	for (i = 1; i < N - 1; i++) {
		record = take();
		CHECK(record.event.addr == IOVA_NOTHING + i * PAGE && record.flags == 0);
	}
	record = take();
	CHECK(record.event.addr == IOVA_NOTHING + 302 * PAGE);
	CHECK(record.flags == VFIO_DMA_FAULT_LOST && pending() == 0);
	copy_at(304);
	CHECK(take().flags == VFIO_DMA_FAULT_LOST);
	copy_at(305);
	CHECK(take().flags == 0);
	close(fd);
}

/* ---- responses ---- */

static void bad_responses(void)
{
	const struct iommu_page_response sound = { .argsz = 24, .version = 1, .grpid = 7 };
	struct iommu_page_response rows[5] = { sound, sound, sound, sound, sound };
	long at = map(RESPONSES, PAGE, 3 * PAGE, MAP_SHARED);
	struct iommu_page_response *responses = (void *)at;
	struct vfio_region_dma_fault header;

	rows[0].argsz = 23;
	rows[1].version = 2;
	rows[2].flags = 2;
	rows[3].code = 3;
	CHECK(at > 0);
	for (unsigned i = 0; i < 4; i++) {
		responses[0] = sound;
		responses[1] = rows[i];
		CHECK(set_index(RESPONSES, 2) == -EINVAL && has_reason("bad-page-response"));
		header = header_of(RESPONSES);
		CHECK(header.tail == 0 && header.head == 0);
	}
	/* To nothing that waits: passed over. */
	responses[1] = sound;
	responses[1].grpid = UINT32_MAX;
	CHECK(set_index(RESPONSES, 2) == 4);
	header = header_of(RESPONSES);
	CHECK(header.tail == 2 && header.head == 2);
	t_munmap(at, 3 * PAGE);
}

/* ---- stalls ---- */

static uint32_t answered; /* our head */

static void map_records(void)
{
	long at = map(FAULTS, PAGE, 8 * PAGE, MAP_SHARED);

	must(at, "mmap of records");
	records = (void *)at;
}

/* The device is closed, by whoever has it, and opened by the next one. */
static void anew(void)
{
	t_munmap((long)records, 8 * PAGE);
	rig_reopen(&rig);
	map_records();
	taken = answered = 0;
}

static void respond(uint32_t grpid, uint32_t code)
{
	const struct iommu_page_response response = {
		.argsz = sizeof(response), .version = 1, .grpid = grpid, .code = code
	};
	long at = map(RESPONSES, PAGE, 3 * PAGE, MAP_SHARED);

	((struct iommu_page_response *)at)[answered] = response;
	answered = (answered + 1) % N;
	CHECK(set_index(RESPONSES, answered) == 4);
	t_munmap(at, 3 * PAGE);
}

/* The next record, once it comes. */
static struct vfio_dma_fault_record await(void)
{
	for (unsigned tries = 0; tries < 10000 && !pending(); tries++)
		t_step();
	return take();
}

static struct vfio_dma_fault_record stalled_read(unsigned page)
{
	struct vfio_dma_fault_record record;

	memset(rig.memory + AT_DST, 0, PAGE);
	memset(rig.memory + AT_SRC, 0x77, PAGE);
	rig_start(&rig, IOVA_DST, IOVA + page * PAGE);
	record = await();
	CHECK(record.type == IOMMU_FAULT_PAGE_REQ && record.prm.addr == IOVA + page * PAGE);
	CHECK(record.prm.flags == IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE);
	CHECK(record.prm.perm & READ && (uint8_t)record.arch[0] == 0x10);
	CHECK((record.arch[1] >> 31 & 1) && (record.arch[1] & 0xffff) == record.prm.grpid);
	return record;
}

/* Whether the SMMU has the stall model: then a CD may ask for it, and else is bad. */
static bool set_stalls(bool on)
{
	uint64_t *cd = (uint64_t *)(void *)(rig.memory + AT_CD);
	*cd = (*cd & ~(1ull << 44)) | (uint64_t)on << 44;
	rig_invalidate(&rig);
	if (!on)
		return true;
	rig_start(&rig, IOVA_DST, IOVA_SRC);
	for (unsigned tries = 0; tries < 10000 && !pending() && !rig_done(&rig); tries++)
		t_step();
	if (!pending())
		return rig_finish(&rig);
	rig_halts(&rig); /* and nothing is to come */
	while (pending())
		take();
	return false;
}

/* The guest maps the page, and the transaction goes on where it was; or it does not, and it aborts. */
static void stalls(void)
{
	struct vfio_dma_fault_record record;

	if (!set_stalls(true)) {
		set_stalls(false);
		CHECK(rig_copy(&rig, IOVA_DST, IOVA_SRC));
		return;
	}
	record = stalled_read(20);
	rig_map(&rig, 20, AT_SRC);
	respond(record.prm.grpid, IOMMU_PAGE_RESP_SUCCESS);
	CHECK(rig_finish(&rig) && !memcmp(rig.memory + AT_DST, rig.memory + AT_SRC, PAGE));
	record = stalled_read(21);
	respond(record.prm.grpid, IOMMU_PAGE_RESP_SUCCESS); /* not mapped: again */
	record = await();
	CHECK(record.type == IOMMU_FAULT_PAGE_REQ && record.prm.addr == IOVA + 21 * PAGE);
	respond(record.prm.grpid, IOMMU_PAGE_RESP_INVALID);
	CHECK(!rig_finish(&rig) && pending() == 0);
	record = stalled_read(22);
	respond(record.prm.grpid, IOMMU_PAGE_RESP_FAILURE);
	CHECK(!rig_finish(&rig) && pending() == 0);
	stalled_read(23); /* nobody answers */
	anew();
	CHECK(rig_copy(&rig, IOVA_DST, IOVA_SRC) && pending() == 0);
	rig_map(&rig, 20, 0);
	set_stalls(false);
	CHECK(rig_copy(&rig, IOVA_DST, IOVA_SRC) && !rig_copy(&rig, IOVA_DST, IOVA_NOTHING));
	CHECK(take().type == IOMMU_FAULT_DMA_UNRECOV);
	printf("fault: stalls and responses\n");
}

/* ---- the next owner, and who has none of this ---- */

static void reopened(void)
{
	static const struct vfio_dma_fault_record nothing;

	copy_at(0);
	CHECK(pending() == 1);
	anew();
	CHECK(pending() == 0);
	for (unsigned i = 0; i < N; i++)
		CHECK(!memcmp(&records[i], &nothing, sizeof(nothing)));
	copy_at(1);
	CHECK(take().event.addr == IOVA_NOTHING + PAGE);
}

static void reset_keeps(void)
{
	copy_at(0);
	CHECK(t_ioctl(rig.device, VFIO_DEVICE_RESET, 0) == 0);
	CHECK(pending() == 1 && take().event.addr == IOVA_NOTHING);
}

static void nesting(void)
{
	rig_open(&rig, VFIO_TYPE1_NESTING_IOMMU);
	map_records();
	taken = 0;
	look_regions();
	look_irq();
	look_accesses();
	look_maps();
	deliveries();
	bad_descriptor();
	of_the_host();
	scribbled();
	reset_keeps();
	bad_responses();
	answered = 2;
	stalls();
	overflow();
	reopened();
	irq_triggers();
	t_munmap((long)records, 8 * PAGE);
	rig_close(&rig);
}

static void without(void)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_region_info region = { .argsz = sizeof(region), .index = FAULTS };
	struct vfio_irq_info irq = { .argsz = sizeof(irq), .index = IRQ };
	uint32_t word = 0;

	rig_open(&rig, VFIO_TYPE1v2_IOMMU);
	CHECK(t_ioctl(rig.device, VFIO_DEVICE_GET_INFO, (uintptr_t)&info) == 0);
	CHECK(info.num_regions == 9 && info.num_irqs == 5);
	CHECK(t_ioctl(rig.device, VFIO_DEVICE_GET_REGION_INFO, (uintptr_t)&region) == -EINVAL);
	CHECK(has_reason("no-such-region"));
	CHECK(t_ioctl(rig.device, VFIO_DEVICE_GET_IRQ_INFO, (uintptr_t)&irq) == -EINVAL);
	CHECK(set_irqs(EVENTFD, 1, -1) == -EINVAL);
	for (uint64_t slot = 16; slot < 20; slot++) {
		CHECK(t_pread(rig.device, (uintptr_t)&word, 4, slot << 40) == -EINVAL);
		CHECK(t_pwrite(rig.device, (uintptr_t)&word, 4, slot << 40) == -EINVAL);
		CHECK(t_mmap(rig.device, (slot << 40) + PAGE, PAGE, PROT_READ, MAP_SHARED) ==
			-EINVAL);
	}
	rig_close(&rig);
}

static void run(const char *host)
{
	int container = (int)must(t_open("vfio"), "vfio");
	bool nests = t_ioctl(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1_NESTING_IOMMU) == 1;

	t_close(container);
	without();
	if (nests)
		nesting();
	without();
	printf("fault: %s: %s, %u failures\n", host, nests ? "nests" : "cannot nest", failures);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (t_begin(argv[i]))
			return 1;
		run(argv[i]);
		t_end();
	}
	return failures ? 1 : 0;
}
