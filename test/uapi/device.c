/* SPDX-License-Identifier: MIT */
/*
 * Device files in this process: descriptions, configuration space as vfio-pci virtualises it,
 * regions, interrupts through the IOMMU, reset, and the state between first open and last close.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "abi/vfio.h"
#include "base/bits.h"
#include "dev/ioat/regs.h"
#include "file/local.h"
#include "machine/machine.h"
#include "vfio/vfio.h"

#define COMMAND	       0x04
#define COMMAND_MEMORY 0x2
#define COMMAND_MASTER 0x4
#define CONFIG	       (UINT64_C(7) << 40)
#define BAR0	       pci_region_offset(0)
#define IOVA	       0x100000

static struct machine *machine;
static struct vfio *vfio;
static struct local_caller *local;
static struct pci_dev *pci;
static struct why why; /* of the last call */
static int container, group, device;
static uint8_t *memory; /* of the program, mapped at IOVA */

static long call(int fd, unsigned cmd, const void *arg)
{
	struct file *file = local_file(local, fd);

	why_clear(&why);
	return file->ops->ioctl(file, local_caller_base(local), cmd, (uintptr_t)arg, &why);
}

static ssize_t get(uint64_t pos, void *buf, size_t count)
{
	struct file *file = local_file(local, device);

	why_clear(&why);
	return file->ops->read(file, local_caller_base(local), (uintptr_t)buf, count, pos, &why);
}

static ssize_t put(uint64_t pos, const void *buf, size_t count)
{
	struct file *file = local_file(local, device);

	why_clear(&why);
	return file->ops->write(file, local_caller_base(local), (uintptr_t)buf, count, pos, &why);
}

static uint32_t config_get(unsigned off, unsigned size)
{
	uint32_t val = 0;

	assert_int_equal(get(CONFIG + off, &val, size), size);
	return val;
}

static void config_put(unsigned off, uint32_t val, unsigned size)
{
	assert_int_equal(put(CONFIG + off, &val, size), size);
}

static uint64_t reg_get(unsigned off, unsigned size)
{
	uint64_t val = 0;

	assert_int_equal(get(BAR0 + off, &val, size), size);
	return val;
}

static void reg_put(unsigned off, uint64_t val, unsigned size)
{
	assert_int_equal(put(BAR0 + off, &val, size), size);
}

static int setup(void **state)
{
	static struct host_desc desc;
	struct error error = { 0 };
	int type = VFIO_TYPE1v2_IOMMU;
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map), .flags = 3 };
	struct file *file;

	assert_int_equal(host_load("smmuv3", &desc, &error), 0);
	machine = machine_create(&desc, &error);
	assert_non_null(machine);
	vfio = vfio_create(machine, NULL);
	local = local_caller_create();
	pci = &machine_find_device(machine, "0000:01:00.0")->pci;
	assert_int_equal(vfio_open_container(vfio, &file, &why), 0);
	container = local_install(local, file);
	assert_int_equal(vfio_open_group(vfio, 1, false, &file, &why), 0);
	group = local_install(local, file);
	assert_int_equal(call(group, VFIO_GROUP_SET_CONTAINER, &container), 0);
	assert_int_equal(call(container, VFIO_SET_IOMMU, (void *)(uintptr_t)type), 0);
	memory = mmap(NULL, MIB(1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map.vaddr = (uintptr_t)memory;
	map.iova = IOVA;
	map.size = MIB(1);
	assert_int_equal(call(container, VFIO_IOMMU_MAP_DMA, &map), 0);
	device = (int)call(group, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0");
	assert_true(device >= 0);
	return 0;
}

static int teardown(void **state)
{
	local_caller_destroy(local);
	vfio_destroy(vfio);
	machine_destroy(machine);
	munmap(memory, MIB(1));
	return 0;
}

/* ---- descriptions ---- */

static void info(void **state)
{
	struct vfio_device_info info = { .argsz = sizeof(info), .cap_offset = 77, .pad = 77 };

	assert_int_equal(call(device, VFIO_DEVICE_GET_INFO, &info), 0);
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET);
	assert_int_equal(info.num_regions, 9);
	assert_int_equal(info.num_irqs, 5);
	assert_int_equal(info.cap_offset, 0);
	info.argsz = 16;
	info.cap_offset = 77;
	assert_int_equal(call(device, VFIO_DEVICE_GET_INFO, &info), 0);
	assert_int_equal(info.cap_offset, 77);
	info.argsz = 15;
	assert_int_equal(call(device, VFIO_DEVICE_GET_INFO, &info), -EINVAL);
	assert_int_equal(call(device, VFIO_DEVICE_GET_INFO, NULL), -EFAULT);
	assert_int_equal(call(device, VFIO_DEVICE_QUERY_GFX_PLANE, NULL), -ENOTTY);
	assert_string_equal(why.device, "0000:01:00.0");
	assert_string_equal(why.group, "1");
}

static void regions(void **state)
{
	struct {
		struct vfio_region_info info;
		struct vfio_info_cap_header cap;
	} r = { 0 };
	unsigned i;

	for (i = 0; i < 8; i++) {
		r.info = (struct vfio_region_info){ .argsz = 32, .index = i };
		assert_int_equal(call(device, VFIO_DEVICE_GET_REGION_INFO, &r), 0);
		assert_true(r.info.offset == pci_region_offset(i));
		if (i != 0)
			assert_int_equal(r.info.size, i == 7 ? 4096 : 0);
		if (i == 7)
			assert_int_equal(r.info.flags, 3);
	}
	r.info = (struct vfio_region_info){ .argsz = 32, .index = 0 };
	assert_int_equal(call(device, VFIO_DEVICE_GET_REGION_INFO, &r), 0);
	assert_true(r.info.size == pci->model->bars[0].bytes);
	assert_int_equal(r.info.flags, 0xf);
	assert_int_equal(r.info.argsz, 40);
	assert_int_equal(r.info.cap_offset, 0);
	assert_int_equal(call(device, VFIO_DEVICE_GET_REGION_INFO, &r), 0);
	assert_int_equal(r.info.cap_offset, 32);
	assert_int_equal(r.cap.id, VFIO_REGION_INFO_CAP_MSIX_MAPPABLE);
	assert_int_equal(r.cap.version, 1);
	assert_int_equal(r.cap.next, 0);
	r.info.index = 8;
	assert_int_equal(call(device, VFIO_DEVICE_GET_REGION_INFO, &r), -EINVAL);
	assert_int_equal(why.class, WHY_PROTOCOL);
	r.info.index = 9;
	assert_int_equal(call(device, VFIO_DEVICE_GET_REGION_INFO, &r), -EINVAL);
	r.info.argsz = 31;
	assert_int_equal(call(device, VFIO_DEVICE_GET_REGION_INFO, &r), -EINVAL);
}

static void irq_info(void **state)
{
	struct vfio_irq_info info = { .argsz = sizeof(info) };
	const unsigned counts[] = { 1, 4, pci->model->msix_vectors, 1, 1 };
	unsigned i;

	for (i = 0; i < 5; i++) {
		info.index = i;
		assert_int_equal(call(device, VFIO_DEVICE_GET_IRQ_INFO, &info), 0);
		assert_int_equal(info.count, counts[i]);
		assert_int_equal(info.flags, i ? 0x9 : 0x7);
	}
	info.index = 5;
	assert_int_equal(call(device, VFIO_DEVICE_GET_IRQ_INFO, &info), -EINVAL);
}

/* ---- configuration space ---- */

static void config_identity_and_command(void **state)
{
	uint8_t all[4096], again[4096];
	unsigned i;

	assert_int_equal(config_get(0, 4), 0x20218086);
	assert_int_equal(config_get(COMMAND, 2), COMMAND_MEMORY);
	config_put(0, 0, 4);
	assert_int_equal(config_get(0, 4), 0x20218086);
	config_put(COMMAND, 0x0406, 2);
	assert_int_equal(config_get(COMMAND, 2), 0x0406);
	assert_true(pci->master.enabled);
	config_put(COMMAND + 1, 0, 1);
	assert_int_equal(config_get(COMMAND, 2), 0x0006);
	/* Any size and alignment reads the same. */
	assert_int_equal(get(CONFIG, all, 4096), 4096);
	for (i = 0; i < 4096; i++)
		assert_int_equal(get(CONFIG + i, again + i, 1), 1);
	assert_memory_equal(all, again, 4096);
	for (i = 1; i + 7 < 4096; i += 7)
		assert_int_equal(get(CONFIG + i, again + i, 7), 7);
	assert_memory_equal(all, again, 4096);
	assert_int_equal(get(CONFIG + 4090, all, 7), -EFAULT);
	assert_int_equal(get(CONFIG + 4096, all, 1), -EFAULT);
	assert_int_equal(get(CONFIG, NULL, 4), -EFAULT);
	assert_int_equal(get(CONFIG, all, 0), 0);
}

static void config_bar_sizing(void **state)
{
	uint32_t low = config_get(0x10, 4), high = config_get(0x14, 4);
	uint64_t mask = ~(pci->model->bars[0].bytes - 1);

	config_put(0x10, UINT32_MAX, 4);
	config_put(0x14, UINT32_MAX, 4);
	assert_int_equal(config_get(0x10, 4) & ~15u, (uint32_t)mask);
	assert_int_equal(config_get(0x10, 4) & 15, low & 15);
	assert_int_equal(config_get(0x14, 4), (uint32_t)(mask >> 32));
	config_put(0x10, 0xfe000000, 4);
	config_put(0x14, 1, 4);
	assert_int_equal(config_get(0x10, 4) & ~15u, 0xfe000000);
	config_put(0x30, UINT32_MAX, 4);
	assert_int_equal(config_get(0x30, 4), 0);
	config_put(0x18, UINT32_MAX, 4);
	assert_int_equal(config_get(0x18, 4), 0);
	/* The registers did not move. */
	assert_int_equal(reg_get(IOAT_CBVER, 1) >> 4, 3);
	config_put(0x10, low, 4);
	config_put(0x14, high, 4);
}

static void config_msix_is_read_only(void **state)
{
	unsigned cap = pci->cap_msix;

	assert_true(config_get(6, 2) & 0x10);
	config_put(cap + 2, 0x8000, 2);
	assert_int_equal(config_get(cap + 2, 2), pci->model->msix_vectors - 1);
	config_put(cap, 0xff, 1);
	assert_int_equal(config_get(cap, 1), 0x11);
}

static void config_flr_and_power(void **state)
{
	unsigned exp = pci->cap_pcie, pm = pci->cap_pm;
	uint32_t control = config_get(exp + 8, 2);

	config_put(COMMAND, COMMAND_MEMORY | COMMAND_MASTER, 2);
	reg_put(0x80 + IOAT_CHAINADDR, 0x1234560, 8);
	config_put(exp + 8, control | 0x8000, 2);
	assert_int_equal(config_get(exp + 8, 2), control);
	assert_int_equal(reg_get(0x80 + IOAT_CHAINADDR, 8), 0);
	/* Linux puts configuration space back after a reset. */
	assert_int_equal(config_get(COMMAND, 2), COMMAND_MEMORY | COMMAND_MASTER);
	config_put(pm + 4, 3, 2);
	assert_int_equal(config_get(pm + 4, 2) & 3, 3);
	assert_int_equal(get(BAR0, &control, 4), -EIO);
	assert_false(pci->master.enabled);
	config_put(pm + 4, 0, 2);
	assert_true(pci->master.enabled);
	assert_int_equal(get(BAR0, &control, 4), 4);
}

/* ---- BARs ---- */

static void bars(void **state)
{
	uint64_t bytes = pci->model->bars[0].bytes, table;
	uint8_t buf[64];

	assert_int_equal(get(BAR0 + bytes, buf, 1), -EINVAL);
	assert_int_equal(get(BAR0 + bytes - 4, buf, 64), 4);
	assert_int_equal(get(BAR0 + IOAT_CBVER, NULL, 1), -EFAULT);
	assert_int_equal(get(pci_region_offset(1), buf, 1), -EINVAL);
	assert_int_equal(get(pci_region_offset(6), buf, 1), -EINVAL);
	assert_int_equal(get(pci_region_offset(8), buf, 1), -EINVAL);
	assert_int_equal(get(0, buf, 1), -EINVAL);
	assert_int_equal(get(UINT64_MAX, buf, 1), -EINVAL);
	table = config_get(pci->cap_msix + 4u, 4) & ~7u;
	memset(buf, 0, sizeof(buf));
	assert_int_equal(put(BAR0 + table, buf, 16), 16);
	assert_int_equal(get(BAR0 + table, buf, 16), 16);
	assert_int_equal(buf[0] & buf[15], 0xff);
	config_put(COMMAND, 0, 2);
	assert_int_equal(get(BAR0, buf, 1), -EIO);
	assert_string_equal(why.rule, "memory-disabled");
	assert_int_equal(put(BAR0, buf, 1), -EIO);
	assert_int_equal(get(BAR0 + table, buf, 16), 16);
}

static void maps(void **state)
{
	struct file *file = local_file(local, device);
	uint64_t bytes = align_up(pci->model->bars[0].bytes, 4096);

	assert_int_equal(file->memfd, pci->memfd);
	assert_int_equal(file->ops->mmap(file, BAR0, bytes, 3, NULL), 0);
	assert_int_equal(file->ops->mmap(file, BAR0 + 4096, bytes - 4096, 3, NULL), 0);
	assert_int_equal(file->ops->mmap(file, BAR0, bytes + 4096, 3, NULL), -EINVAL);
	assert_int_equal(file->ops->mmap(file, BAR0 + bytes + 4096, 4096, 3, NULL), -EINVAL);
	assert_int_equal(file->ops->mmap(file, CONFIG, 4096, 3, NULL), -EINVAL);
	assert_int_equal(file->ops->mmap(file, pci_region_offset(2), 4096, 3, NULL), -EINVAL);
	assert_int_equal(file->ops->mmap(file, 0, 4096, 3, NULL), -EINVAL);
}

/* ---- interrupts ---- */

static long set_irqs(unsigned flags, unsigned index, unsigned start, unsigned count, int32_t fd)
{
	union {
		struct vfio_irq_set hdr;
		uint8_t bytes[sizeof(struct vfio_irq_set) + 64];
	} set = { 0 };
	unsigned i;

	set.hdr = (struct vfio_irq_set){
		.argsz = sizeof(set), .flags = flags, .index = index, .start = start, .count = count
	};
	for (i = 0; i < count && i < 16; i++)
		memcpy(set.bytes + sizeof(set.hdr) + 4 * i, &fd, 4);
	return call(device, VFIO_DEVICE_SET_IRQS, &set);
}

#define TRIGGER VFIO_IRQ_SET_ACTION_TRIGGER
#define NONE	(TRIGGER | VFIO_IRQ_SET_DATA_NONE)
#define BOOL	(TRIGGER | VFIO_IRQ_SET_DATA_BOOL)
#define EVENTFD (TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD)

static uint64_t fired(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void raise_vector(unsigned vector)
{
	pthread_mutex_lock(&pci->lock);
	pci_msix_raise(pci, vector);
	pthread_mutex_unlock(&pci->lock);
}

static void irq_misuse(void **state)
{
	unsigned max = pci->model->msix_vectors;
	int efd = eventfd(0, EFD_NONBLOCK);
	static const struct {
		unsigned flags, index, start, count;
		int fd, err;
	} rows[] = {
		{ NONE, 5, 0, 1, -1, EINVAL },
		{ NONE, 0, 0, 0, -1, EINVAL }, /* INTx is not enabled */
		{ NONE, 1, 0, 0, -1, EINVAL }, /* nor is MSI */
		{ NONE | 0x40, 2, 0, 1, -1, EINVAL },
		{ TRIGGER, 2, 0, 1, -1, EINVAL }, /* no kind of data */
		{ NONE | BOOL, 2, 0, 1, -1, EINVAL },
		{ NONE, 2, 1, UINT32_MAX - 1, -1, EINVAL }, /* wraps */
		{ NONE, 2, 0, 1, -1, EINVAL },		    /* not enabled */
		{ NONE, 2, 0, 0, -1, EINVAL },
		{ EVENTFD, 2, 0, 0, -1, ERANGE },
		{ VFIO_IRQ_SET_ACTION_MASK | 1, 2, 0, 1, -1, ENOTTY },
		{ VFIO_IRQ_SET_ACTION_UNMASK | 1, 3, 0, 1, -1, ENOTTY },
		{ VFIO_IRQ_SET_DATA_NONE, 2, 0, 1, -1, ENOTTY },
		{ EVENTFD, 2, 0, 1, 999, EBADF },
		{ EVENTFD, 2, 0, 1, 0, EINVAL }, /* set to a file that is no eventfd */
		{ EVENTFD, 3, 0, 1, -2, EINVAL },
		{ EVENTFD, 3, 0, 0, -1, EINVAL },
		{ NONE, 4, 0, 1, -1, EINVAL }, /* no eventfd to signal */
		{ BOOL, 4, 0, 0, -1, EINVAL },
	};
	struct vfio_irq_set *last;
	uint8_t *page;
	unsigned i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		int fd = rows[i].err == EINVAL && rows[i].fd == 0 ? container : rows[i].fd;

		assert_int_equal(
			set_irqs(rows[i].flags, rows[i].index, rows[i].start, rows[i].count, fd),
			-rows[i].err);
		/* To switch off what is off is no misuse. */
		assert_int_equal(why.class,
			rows[i].flags == NONE && !rows[i].count ? WHY_PROTOCOL : WHY_MISUSE);
		assert_int_equal(why.err, rows[i].err);
	}
	assert_int_equal(set_irqs(NONE, 2, max, 0, -1), -EINVAL);
	assert_int_equal(set_irqs(NONE, 2, 0, max + 1, -1), -EINVAL);
	/* The data lies beyond what is mapped; or argsz leaves no room. */
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(page + 4096, 4096);
	last = (struct vfio_irq_set *)(page + 4096 - sizeof(*last));
	*last = (struct vfio_irq_set){ .argsz = 24, .flags = EVENTFD, .index = 2, .count = 1 };
	assert_int_equal(call(device, VFIO_DEVICE_SET_IRQS, last), -EFAULT);
	last->argsz = 23;
	assert_int_equal(call(device, VFIO_DEVICE_SET_IRQS, last), -EINVAL);
	last->argsz = 19;
	assert_int_equal(call(device, VFIO_DEVICE_SET_IRQS, last), -EINVAL);
	munmap(page, 4096);
	/* Nothing of all this enabled anything. */
	assert_int_equal(config_get(pci->cap_msix + 2u, 2) & 0x8000, 0);
	close(efd);
}

static void irq_delivery(void **state)
{
	int efd = eventfd(0, EFD_NONBLOCK), other = eventfd(0, EFD_NONBLOCK);
	unsigned ctl = pci->cap_msix + 2u;

	config_put(COMMAND, COMMAND_MEMORY | COMMAND_MASTER, 2);
	assert_int_equal(set_irqs(EVENTFD, 2, 0, 1, efd), 0);
	assert_true(config_get(ctl, 2) & 0x8000);
	raise_vector(0);
	assert_int_equal(fired(efd), 1);
	/* Its own trigger, and by BOOL. */
	assert_int_equal(set_irqs(NONE, 2, 0, 1, -1), 0);
	assert_int_equal(fired(efd), 1);
	assert_int_equal(set_irqs(BOOL, 2, 0, 1, 1), 0);
	assert_int_equal(fired(efd), 1);
	assert_int_equal(set_irqs(BOOL, 2, 0, 1, 0), 0);
	assert_int_equal(fired(efd), 0);
	/* Another eventfd, then none: what comes then waits for the next one. */
	assert_int_equal(set_irqs(EVENTFD, 2, 0, 1, other), 0);
	raise_vector(0);
	assert_int_equal(fired(efd), 0);
	assert_int_equal(fired(other), 1);
	assert_int_equal(set_irqs(EVENTFD, 2, 0, 1, -1), 0);
	raise_vector(0);
	assert_int_equal(fired(other), 0);
	assert_int_equal(set_irqs(EVENTFD, 2, 0, 1, other), 0);
	assert_int_equal(fired(other), 1);
	/* It is a DMA write: without bus mastering none arrives. */
	config_put(COMMAND, COMMAND_MEMORY, 2);
	raise_vector(0);
	assert_int_equal(fired(other), 0);
	config_put(COMMAND, COMMAND_MEMORY | COMMAND_MASTER, 2);
	/* A bad descriptor: the vector is left without one. */
	assert_int_equal(set_irqs(EVENTFD, 2, 0, 1, 999), -EBADF);
	raise_vector(0);
	assert_int_equal(fired(other), 0);
	assert_true(config_get(ctl, 2) & 0x8000);
	assert_int_equal(set_irqs(NONE, 2, 0, 0, -1), 0);
	assert_int_equal(config_get(ctl, 2) & 0x8000, 0);
	assert_int_equal(set_irqs(NONE, 2, 0, 0, -1), -EINVAL);
	close(efd);
	close(other);
}

static void irq_never_blocks(void **state)
{
	int efd = eventfd(0, 0); /* blocking */
	uint64_t full = UINT64_MAX - 1, got;

	config_put(COMMAND, COMMAND_MEMORY | COMMAND_MASTER, 2);
	assert_int_equal(set_irqs(EVENTFD, 2, 0, 1, efd), 0);
	assert_int_equal(write(efd, &full, 8), 8);
	raise_vector(0);
	assert_int_equal(set_irqs(NONE, 2, 0, 1, -1), 0);
	assert_int_equal(read(efd, &got, 8), 8);
	/* Overflown, as Linux lets it; where asynchronous I/O is denied it stays full. */
	assert_true(got == UINT64_MAX || got == full);
	close(efd);
}

static void irq_partial(void **state)
{
	int efd = eventfd(0, EFD_NONBLOCK);
	struct vfio_irq_set hdr = { .argsz = 28, .flags = EVENTFD, .index = 2, .count = 2 };
	int32_t fds[2] = { efd, 999 };
	uint8_t set[28];

	if (pci->model->msix_vectors < 2)
		skip();
	memcpy(set, &hdr, sizeof(hdr));
	memcpy(set + sizeof(hdr), fds, sizeof(fds));
	/* The second descriptor is bad: neither is set, and MSI-X is not enabled. */
	assert_int_equal(call(device, VFIO_DEVICE_SET_IRQS, set), -EBADF);
	assert_int_equal(config_get(pci->cap_msix + 2u, 2) & 0x8000, 0);
	assert_int_equal(set_irqs(EVENTFD, 2, 0, 1, efd), 0);
	assert_int_equal(set_irqs(EVENTFD, 2, 1, 1, efd), -EINVAL); /* NORESIZE */
	assert_string_equal(why.rule, "vector-not-enabled");
	close(efd);
}

static void notifications(void **state)
{
	int efd = eventfd(0, EFD_NONBLOCK);
	unsigned i;

	for (i = VFIO_PCI_ERR_IRQ_INDEX; i <= VFIO_PCI_REQ_IRQ_INDEX; i++) {
		assert_int_equal(set_irqs(EVENTFD, i, 0, 1, efd), 0);
		assert_int_equal(set_irqs(NONE, i, 0, 1, -1), 0);
		assert_int_equal(set_irqs(BOOL, i, 0, 1, 1), 0);
		assert_int_equal(fired(efd), 2);
		assert_int_equal(set_irqs(NONE, i, 0, 0, -1), 0);
		assert_int_equal(set_irqs(NONE, i, 0, 1, -1), -EINVAL);
		assert_int_equal(set_irqs(EVENTFD, i, 0, 1, -1), 0);
	}
	close(efd);
}

/* ---- the whole way: the engine copies, and says so by interrupt ---- */

static void first_light(void **state)
{
	int efd = eventfd(0, EFD_NONBLOCK);
	struct ioat_desc *desc = (struct ioat_desc *)memory;
	unsigned i;

	config_put(COMMAND, COMMAND_MEMORY | COMMAND_MASTER, 2);
	assert_int_equal(set_irqs(EVENTFD, 2, 0, 1, efd), 0);
	for (i = 0; i < 10000; i++)
		memory[0x10000 + i] = (uint8_t)(i * 7);
	desc->size = 10000;
	desc->control = IOAT_DESC_INT | IOAT_DESC_COMPLETION;
	desc->src = IOVA + 0x10000;
	desc->dst = IOVA + 0x20001;
	desc->next = IOVA;
	reg_put(IOAT_INTRCTRL, IOAT_INTRCTRL_MASTER, 1);
	reg_put(0x80 + IOAT_CHANCTRL, IOAT_CHANCTRL_REARM, 2);
	reg_put(0x80 + IOAT_CHANCMP, IOVA + 0x1000, 8);
	reg_put(0x80 + IOAT_CHAINADDR, IOVA, 8);
	reg_put(0x80 + IOAT_DMACOUNT, 1, 2);
	while (machine_step(machine, MIB(1)))
		;
	assert_memory_equal(memory + 0x20001, memory + 0x10000, 10000);
	assert_int_equal(fired(efd), 1);
	assert_true((*(uint64_t *)(memory + 0x1000) & ~UINT64_C(63)) == IOVA);
	close(efd);
}

/* ---- life ---- */

static void shared_state(void **state)
{
	int first = device, again, efd = eventfd(0, EFD_NONBLOCK);

	config_put(COMMAND, COMMAND_MEMORY | COMMAND_MASTER, 2);
	config_put(0x10, 0xfe000000, 4);
	assert_int_equal(set_irqs(EVENTFD, 2, 0, 1, efd), 0);
	again = (int)call(group, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0");
	assert_true(again >= 0);
	assert_int_equal(local_close(local, first), 0);
	device = again;
	assert_int_equal(config_get(COMMAND, 2), COMMAND_MEMORY | COMMAND_MASTER);
	assert_int_equal(config_get(0x10, 4) & ~15u, 0xfe000000);
	raise_vector(0);
	assert_int_equal(fired(efd), 1);
	assert_int_equal(local_close(local, again), 0);
	assert_false(pci->master.enabled);
	raise_vector(0);
	assert_int_equal(fired(efd), 0);
	device = (int)call(group, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0");
	assert_int_equal(config_get(COMMAND, 2), COMMAND_MEMORY);
	assert_int_not_equal(config_get(0x10, 4) & ~15u, 0xfe000000);
	assert_int_equal(config_get(pci->cap_msix + 2u, 2) & 0x8000, 0);
	close(efd);
}

static void reset(void **state)
{
	config_put(COMMAND, COMMAND_MEMORY | COMMAND_MASTER, 2);
	reg_put(0x80 + IOAT_CHAINADDR, 0x1234560, 8);
	assert_int_equal(call(device, VFIO_DEVICE_RESET, NULL), 0);
	assert_int_equal(reg_get(0x80 + IOAT_CHAINADDR, 8), 0);
	assert_int_equal(config_get(COMMAND, 2), COMMAND_MEMORY | COMMAND_MASTER);
}

static void device_outlives_group_and_container_files(void **state)
{
	assert_int_equal(call(group, VFIO_GROUP_UNSET_CONTAINER, NULL), -EBUSY);
	assert_int_equal(local_close(local, container), 0);
	assert_int_equal(local_close(local, group), 0);
	assert_int_equal(config_get(0, 4), 0x20218086);
	assert_int_equal(local_close(local, device), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(info),
		TEST(regions),
		TEST(irq_info),
		TEST(config_identity_and_command),
		TEST(config_bar_sizing),
		TEST(config_msix_is_read_only),
		TEST(config_flr_and_power),
		TEST(bars),
		TEST(maps),
		TEST(irq_misuse),
		TEST(irq_delivery),
		TEST(irq_never_blocks),
		TEST(irq_partial),
		TEST(notifications),
		TEST(first_light),
		TEST(shared_state),
		TEST(reset),
		TEST(device_outlives_group_and_container_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
