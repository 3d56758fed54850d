/* SPDX-License-Identifier: MIT */
/*
 * First light: a small VFIO program, and a tutorial. It assigns an Intel I/OAT DMA engine to
 * itself, asks for a *nesting* container (two-stage translation: this program would own stage 2, a
 * guest stage 1), and falls back to TYPE1v2 where the IOMMU cannot nest. It lets the engine copy 64
 * MiB, checks every byte, and then points the engine at an address it never mapped. Nothing here
 * knows of nestbox: with real hardware the same program does the same.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>

#define TYPE1_NESTING_IOMMU 6 /* VFIO_TYPE1_NESTING_IOMMU of Linux 3.18 to 6.12 */
#define MIB		    (1024UL * 1024)
#define CHUNK		    MIB /* the engine moves at most 1 MiB per descriptor (XFERCAP) */
#define N_CHUNKS	    64
#define COPY		    (N_CHUNKS * CHUNK)

/* Where the device sees our memory. Any IOVA outside the reserved windows would do. */
#define IOVA_BASE     0x40000000UL
#define IOVA_SRC      IOVA_BASE
#define IOVA_DST      (IOVA_BASE + COPY)
#define IOVA_RING     (IOVA_BASE + 2 * COPY)
#define IOVA_STATUS   (IOVA_RING + N_CHUNKS * sizeof(struct descriptor))
#define IOVA_UNMAPPED 0xdead000000UL

/* I/OAT (CBDMA 3.x) registers in BAR 0; the first channel is at 0x80. */
#define INTRCTRL	0x03
#define CHANCTRL	0x80
#define CHANCMD		0x84
#define DMACOUNT	0x86
#define CHAINADDR	0x90
#define CHANCMP		0x98
#define CHANERR		0xa8
#define CHANCTRL_REPORT 0x000d /* stop on errors, write the status even then; arm the interrupt */
#define CHANCMD_RESET	0x20
#define STATUS_MASK	0x07
#define STATUS_HALTED	3

struct descriptor {
	uint32_t bytes, control;
	uint64_t src, dst, next; /* IOVAs */
	uint64_t reserved[4];
};
#define CONTROL_INTERRUPT  0x1u
#define CONTROL_COMPLETION 0x8u

struct engine {
	int device, irq;
	uint8_t *bar;
	uint8_t *memory; /* source, destination, then ring and status */
	struct descriptor *ring;
	volatile uint64_t *status; /* the engine writes here: last descriptor | state */
};

#define REG(type, engine, offset) (*(volatile type *)((engine)->bar + (offset)))

static long must(long result, const char *what)
{
	if (result < 0)
		err(1, "%s", what);
	return result;
}

/* 1. The group: the unit of assignment. It must be viable, and a container must hold it. */
static int open_group(const char *device, int container)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[PATH_MAX], link[PATH_MAX];
	int group;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", device);
	link[must(readlink(path, link, sizeof(link) - 1), path)] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(link, '/') + 1);
	group = (int)must(open(path, O_RDWR), path);
	must(ioctl(group, VFIO_GROUP_GET_STATUS, &status), "VFIO_GROUP_GET_STATUS");
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		errx(1, "%s: not viable: bind all of its devices to vfio-pci", path);
	must(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container), "VFIO_GROUP_SET_CONTAINER");
	printf("group      %s holds %s\n", path, device);
	return group;
}

/* 2. The IOMMU type. An honest host says beforehand whether nesting works, and refuses if not. */
static void set_iommu(int container)
{
	int says = ioctl(container, VFIO_CHECK_EXTENSION, TYPE1_NESTING_IOMMU);

	printf("nesting    the host says %s\n", says > 0 ? "yes" : "no");
	if (!ioctl(container, VFIO_SET_IOMMU, TYPE1_NESTING_IOMMU)) {
		printf("container  VFIO_TYPE1_NESTING_IOMMU: we own stage 2\n");
		return;
	}
	printf("container  nesting refused (%s), falling back\n", strerror(errno));
	must(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "VFIO_SET_IOMMU");
	printf("container  VFIO_TYPE1v2_IOMMU\n");
}

/* 3. Memory: what the device may reach, and at which addresses. Everything else is out of reach. */
static void map_memory(struct engine *engine, int container)
{
	size_t bytes = 2 * COPY + MIB;
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.iova = IOVA_BASE,
		.size = bytes,
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE };

	engine->memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (engine->memory == MAP_FAILED)
		err(1, "mmap");
	map.vaddr = (uintptr_t)engine->memory;
	must(ioctl(container, VFIO_IOMMU_MAP_DMA, &map), "VFIO_IOMMU_MAP_DMA");
	engine->ring = (void *)(engine->memory + 2 * COPY);
	engine->status = (void *)(engine->ring + N_CHUNKS);
	printf("memory     %zu MiB at IOVA %#lx\n", bytes / MIB, IOVA_BASE);
}

/* 4. The device: registers by mmap, configuration space by pread and pwrite, an interrupt. */
static void open_device(struct engine *engine, int group, const char *name)
{
	struct vfio_region_info bar = { .argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX };
	struct vfio_region_info config = bar;
	union {
		struct vfio_irq_set set;
		int32_t words[6]; /* set ends in an array: here of one eventfd */
	} irq = { .set = { .argsz = sizeof(irq),
			  .index = VFIO_PCI_MSIX_IRQ_INDEX,
			  .count = 1,
			  .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER } };
	uint16_t id[2], command;

	config.index = VFIO_PCI_CONFIG_REGION_INDEX;
	engine->device = (int)must(ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name), name);
	must(ioctl(engine->device, VFIO_DEVICE_GET_REGION_INFO, &bar), "region info");
	must(ioctl(engine->device, VFIO_DEVICE_GET_REGION_INFO, &config), "region info");
	engine->bar = mmap(NULL, bar.size, PROT_READ | PROT_WRITE, MAP_SHARED, engine->device,
		(off_t)bar.offset);
	if (engine->bar == MAP_FAILED)
		err(1, "mmap of BAR 0");

	/* Bus mastering is off when a device is opened: without it there is no DMA at all. */
	must(pread(engine->device, id, 4, (off_t)config.offset), "configuration space");
	must(pread(engine->device, &command, 2, (off_t)config.offset + PCI_COMMAND), "command");
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	must(pwrite(engine->device, &command, 2, (off_t)config.offset + PCI_COMMAND), "command");
	engine->irq = irq.words[5] = eventfd(0, EFD_CLOEXEC);
	must(ioctl(engine->device, VFIO_DEVICE_SET_IRQS, &irq), "VFIO_DEVICE_SET_IRQS");
	printf("device     %04x:%04x, BAR 0 of %llu KiB\n", id[0], id[1],
		(unsigned long long)bar.size / 1024);
}

/* Run the first n descriptors and return the state that the engine reports at the end. */
static unsigned run(struct engine *engine, uint16_t n)
{
	struct pollfd interrupt = { .fd = engine->irq, .events = POLLIN };
	uint64_t last = IOVA_RING + (n - 1) * sizeof(struct descriptor);
	uint64_t events, status;

	*engine->status = 0;
	REG(uint8_t, engine, CHANCMD) = CHANCMD_RESET;
	while (REG(uint8_t, engine, CHANCMD) & CHANCMD_RESET)
		usleep(50); /* the bit clears once the channel has been reset */
	REG(uint8_t, engine, INTRCTRL) = 1;
	REG(uint64_t, engine, CHAINADDR) = IOVA_RING;
	REG(uint64_t, engine, CHANCMP) = IOVA_STATUS;
	REG(uint16_t, engine, CHANCTRL) = CHANCTRL_REPORT;
	REG(uint16_t, engine, DMACOUNT) = n;

	for (int tries = 0; tries < 1000; tries++) {
		status = __atomic_load_n(engine->status, __ATOMIC_ACQUIRE);
		if ((status & ~0x3fUL) == last || (status & STATUS_MASK) == STATUS_HALTED)
			break;
		if (poll(&interrupt, 1, 10) == 1 && read(engine->irq, &events, 8) != 8)
			err(1, "eventfd");
	}
	return status & STATUS_MASK;
}

static void copy(struct engine *engine)
{
	uint8_t *src = engine->memory, *dst = engine->memory + COPY;

	for (size_t i = 0; i < COPY / 8; i++)
		((uint64_t *)src)[i] = i * 0x9e3779b97f4a7c15;
	for (unsigned i = 0; i < N_CHUNKS; i++)
		engine->ring[i] = (struct descriptor){
			.bytes = CHUNK,
			.control = i == N_CHUNKS - 1 ? CONTROL_COMPLETION | CONTROL_INTERRUPT : 0,
			.src = IOVA_SRC + i * CHUNK,
			.dst = IOVA_DST + i * CHUNK,
			.next = IOVA_RING + (i + 1) % N_CHUNKS * sizeof(struct descriptor),
		};
	unsigned state = run(engine, N_CHUNKS);
	if (state == STATUS_HALTED || memcmp(src, dst, COPY))
		errx(1, "copy: state %u, CHANERR %#x", state, REG(uint32_t, engine, CHANERR));
	printf("copy       %lu MiB by the engine, every byte right\n", COPY / MIB);
}

/* 5. The point of an IOMMU: what was not mapped is not reached. */
static void touch_unmapped(struct engine *engine)
{
	uint8_t *dst = engine->memory + COPY;

	memset(dst, 0x5a, 4096);
	engine->ring[0] = (struct descriptor){ .bytes = 4096,
		.control = CONTROL_COMPLETION,
		.src = IOVA_UNMAPPED,
		.dst = IOVA_DST,
		.next = IOVA_RING };
	unsigned state = run(engine, 1);
	uint32_t error = REG(uint32_t, engine, CHANERR);

	for (int i = 0; i < 4096; i++)
		if (dst[i] != 0x5a)
			errx(1, "the destination changed");
	if (state != STATUS_HALTED || !error)
		errx(1, "the engine did not notice: state %u, CHANERR %#x", state, error);
	printf("unmapped   IOVA %#lx: the engine halted with CHANERR %#x, nothing was reached\n",
		IOVA_UNMAPPED, error);
}

int main(int argc, char **argv)
{
	const char *device = argc > 1 ? argv[1] : "0000:01:00.0";
	struct engine engine = { 0 };
	int container = (int)must(open("/dev/vfio/vfio", O_RDWR), "/dev/vfio/vfio");

	setlinebuf(stdout);
	if (ioctl(container, VFIO_GET_API_VERSION) != VFIO_API_VERSION)
		errx(1, "unknown VFIO API version");
	int group = open_group(device, container);
	set_iommu(container);
	map_memory(&engine, container);
	open_device(&engine, group, device);
	copy(&engine);
	touch_unmapped(&engine);
	return 0;
}
