/* SPDX-License-Identifier: MIT */
/*
 * A monitor with a virtual SMMU, end to end: vsmmu/vsmmu.c shows its guest an SMMUv3, and passes on what
 * the guest does with it to a nesting container; vsmmu/guest.c is the guest's driver, scripted. This
 * file is the machine between them: guest memory, a DMA engine, and what the guest lets it do.
 *
 *	nestbox run -- vsmmu-monitor
 */
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "engine.h"
#include "vsmmu/guest.h"
#include "vsmmu/vsmmu.h"

#define MIB	  (UINT64_C(1) << 20)
#define PAGE	  UINT64_C(4096)
#define RAM	  UINT64_C(0x80000000)
#define RAM_BYTES (32 * MIB)
#define SID	  UINT32_C(0x0010) /* 00:02.0: where the guest finds the engine */

#define IOVA_ENGINE UINT64_C(0x10000000)
#define IOVA_SRC    UINT64_C(0x20000000)
#define IOVA_DST    UINT64_C(0x30000000)
#define COPY	    (4 * MIB)

struct machine {
	int container;
	uint8_t *ram;
	struct vsmmu vsmmu;
	struct guest guest;
	struct engine engine;
	unsigned interrupts;
	uint64_t src, dst; /* IPAs of the guest's buffers */
};

static uint64_t mmio_read(void *ctx, uint64_t offset, unsigned size)
{
	return vsmmu_read(&((struct machine *)ctx)->vsmmu, offset, size);
}

static void mmio_write(void *ctx, uint64_t offset, uint64_t value, unsigned size)
{
	vsmmu_write(&((struct machine *)ctx)->vsmmu, offset, value, size);
}

static void idle(void *ctx)
{
	sched_yield();
}

static void interrupt(void *ctx, enum nb_smmuv3_irq irq)
{
	((struct machine *)ctx)->interrupts += irq == NB_SMMUV3_IRQ_EVENTQ;
}

static void map_ram(struct machine *machine)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = RAM,
		.size = RAM_BYTES };

	machine->ram =
		mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (machine->ram == MAP_FAILED)
		err(1, "mmap");
	map.vaddr = (uintptr_t)machine->ram;
	must(ioctl(machine->container, VFIO_IOMMU_MAP_DMA, &map), "VFIO_IOMMU_MAP_DMA");
}

/* The monitor: stage 2, the engine, and an SMMU for the guest. */
static void power_on(struct machine *machine)
{
	struct vfio_iommu_type1_info_cap_nesting info;
	int group;

	machine->container = (int)must(open("/dev/vfio/vfio", O_RDWR), "/dev/vfio/vfio");
	group = engine_group(ENGINE_DEVICE, machine->container);
	if (ioctl(machine->container, VFIO_SET_IOMMU, VFIO_TYPE1_NESTING_IOMMU))
		err(77, "this host cannot nest");
	info = nesting_info(machine->container);
	map_ram(machine);
	vsmmu_init(&machine->vsmmu, &info, RAM, machine->ram, RAM_BYTES);
	machine->vsmmu.interrupt = interrupt;
	machine->vsmmu.ctx = machine;
	engine_open(&machine->engine, group, ENGINE_DEVICE);
	vsmmu_add(&machine->vsmmu, machine->engine.device, SID);
	machine->guest = (struct guest){ .ops = { mmio_read, mmio_write, idle, machine },
		.ram = machine->ram,
		.ipa = RAM,
		.free = RAM };
	printf("monitor    %llu MiB of guest memory, and an SMMU: IDR0 %#llx, IDR1 %#llx, IDR5 "
	       "%#llx\n",
		(unsigned long long)(RAM_BYTES / MIB),
		(unsigned long long)vsmmu_read(&machine->vsmmu, 0x00, 4),
		(unsigned long long)vsmmu_read(&machine->vsmmu, 0x04, 4),
		(unsigned long long)vsmmu_read(&machine->vsmmu, 0x14, 4));
}

/* The guest: its SMMU, then a device behind it. The engine's messages are not part of this show. */
static void boot(struct machine *machine)
{
	uint64_t ring;
	void *memory;

	guest_bring_up(&machine->guest);
	printf("guest      SMMU up: %s stream table, queues, every stream aborts\n",
		machine->guest.two_level ? "two-level" : "linear");
	guest_attach(&machine->guest, SID);
	memory = guest_alloc(&machine->guest, ENGINE_BYTES, &ring);
	guest_alloc(&machine->guest, COPY, &machine->src);
	guest_alloc(&machine->guest, COPY, &machine->dst);
	guest_map(&machine->guest, IOVA_ENGINE, ring, ENGINE_BYTES);
	guest_map(&machine->guest, IOVA_SRC, machine->src, COPY);
	guest_map(&machine->guest, IOVA_DST, machine->dst, COPY);
	engine_memory(&machine->engine, memory, IOVA_ENGINE);
	printf("guest      StreamID %#x attached\n", SID);
}

static uint8_t *at(const struct machine *machine, uint64_t ipa)
{
	return machine->ram + (ipa - RAM);
}

static void copy(struct machine *machine)
{
	for (uint64_t i = 0; i < COPY; i++)
		at(machine, machine->src)[i] = (uint8_t)(i * 0x9e3779b9 >> 24);
	engine_start(&machine->engine, IOVA_DST, IOVA_SRC, COPY);
	if (!engine_wait(&machine->engine, 10000) ||
		memcmp(at(machine, machine->src), at(machine, machine->dst), COPY))
		errx(1, "copy: CHANERR %#x", engine_error(&machine->engine));
	printf("engine     copied %llu MiB through the guest's tables: every byte right\n",
		(unsigned long long)(COPY / MIB));
}

static void show_event(const struct guest_event *event)
{
	printf("guest      event %#x: StreamID %#x, IOVA %#llx%s\n", event->type, event->sid,
		(unsigned long long)event->iova, event->stalled ? ", stalled" : "");
}

/* The guest unmaps a page and waits for CMD_SYNC: no copy reaches it any more; a fault comes. */
static void unmapped(struct machine *machine)
{
	struct guest_event event;

	guest_unmap(&machine->guest, IOVA_DST, 2 * MIB);
	memset(at(machine, machine->dst), 0x5a, PAGE);
	engine_start(&machine->engine, IOVA_DST, IOVA_SRC, PAGE);
	if (!vsmmu_take_faults(&machine->vsmmu, 10000) || !guest_event(&machine->guest, &event))
		errx(1, "no event came");
	if (!machine->interrupts || event.sid != SID || event.iova != IOVA_DST)
		errx(1, "not the event that was due");
	show_event(&event);
	for (uint64_t i = 0; i < PAGE; i++)
		if (at(machine, machine->dst)[i] != 0x5a)
			errx(1, "the engine wrote what was unmapped");
	guest_map(&machine->guest, IOVA_DST, machine->dst, 2 * MIB);
	if (event.stalled)
		guest_resume(&machine->guest, &event);
	else
		engine_start(&machine->engine, IOVA_DST, IOVA_SRC, PAGE);
	if (!engine_wait(&machine->engine, 10000) ||
		memcmp(at(machine, machine->src), at(machine, machine->dst), PAGE))
		errx(1, "not repaired: CHANERR %#x", engine_error(&machine->engine));
	printf("guest      mapped it again%s: the copy is there\n",
		event.stalled ? ", resumed the engine" : "");
}

/* After detaching the device every access aborts, and nobody is told (Config 0b000). */
static void detached(struct machine *machine)
{
	struct guest_event event;

	guest_detach(&machine->guest, SID);
	engine_start(&machine->engine, IOVA_DST, IOVA_SRC, PAGE);
	if (engine_wait(&machine->engine, 1000) || !engine_error(&machine->engine))
		errx(1, "detached: the engine did not notice");
	vsmmu_take_faults(&machine->vsmmu, 100);
	if (guest_event(&machine->guest, &event))
		errx(1, "detached: an event came");
	printf("guest      detached the device: the engine halts with CHANERR %#x\n",
		engine_error(&machine->engine));
}

int main(void)
{
	static struct machine machine;

	setlinebuf(stdout);
	power_on(&machine);
	boot(&machine);
	copy(&machine);
	unmapped(&machine);
	detached(&machine);
	guest_finish(&machine.guest);
	vsmmu_finish(&machine.vsmmu);
	return EXIT_SUCCESS;
}
