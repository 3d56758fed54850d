/* SPDX-License-Identifier: MIT */
/*
 * Device files in this process: interrupts through the IOMMU, reset, and the state between first
 * open and last close.
 */
#include "device_rig.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vfio/internal.h"

/* ---- descriptions ---- */

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

/* Vectors without an eventfd are pending, and the program can read that. */
static void pending_bits(void **state)
{
	int efd = eventfd(0, EFD_NONBLOCK);

	config_put(COMMAND, COMMAND_MEMORY | COMMAND_MASTER, 2);
	assert_int_equal(set_irqs(EVENTFD, 2, 0, 1, efd), 0);
	raise_vector(1);
	raise_vector(3);
	assert_int_equal(reg_get(0x3000, 8), 0xa);
	assert_int_equal(reg_get(0x3000, 1), 0xa);
	assert_int_equal(reg_get(0x3001, 1), 0);
	assert_int_equal(reg_get(0x3004, 4), 0);
	reg_put(0x3000, 0, 8);
	assert_int_equal(reg_get(0x3000, 8), 0xa);
	assert_int_equal(call(device, VFIO_DEVICE_RESET, NULL), 0);
	assert_int_equal(reg_get(0x3000, 8), 0);
	close(efd);
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

/* Design 13: one that does not translate is a fault, and no interrupt. */
static void msi_is_dma(void **state)
{
	struct machine_device *dev = machine_find_device(machine, "0000:01:00.0");
	int efd = eventfd(0, EFD_NONBLOCK);
	uint64_t written = pci->master.bytes_written;
	uint32_t data;

	config_put(COMMAND, COMMAND_MEMORY | COMMAND_MASTER, 2);
	assert_int_equal(set_irqs(EVENTFD, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, efd), 0);
	pthread_mutex_lock(&pci->lock);
	pci_irq_raise(pci, 0);
	assert_int_equal(fired(efd), 1);
	assert_int_equal(pci->master.bytes_written - written, 4);
	assert_int_equal(dev->faults.count, 0);
	data = pci_config_read(pci, pci->cap_msi + 12u, 2);
	pci_msi_set(pci, 0xdead0000, (uint16_t)data, 0);
	pci_irq_raise(pci, 0);
	assert_int_equal(fired(efd), 0);
	assert_int_equal(dev->faults.count, 1);
	assert_int_equal(dev->faults.last.iova, 0xdead0000);
	pthread_mutex_unlock(&pci->lock);
	assert_int_equal(set_irqs(NONE, VFIO_PCI_MSI_IRQ_INDEX, 0, 0, -1), 0);
	close(efd);
}

/* What unbinding does while the device is in use. */
static void device_request(void **state)
{
	int efd = eventfd(0, EFD_NONBLOCK);
	struct vfio_device *req = &vfio->devices[0];

	assert_false(vfio_device_request(req, 0)); /* no channel */
	assert_int_equal(set_irqs(EVENTFD, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, efd), 0);
	assert_true(vfio_device_request(req, 0));
	assert_true(vfio_device_request(req, 1));
	assert_int_equal(fired(efd), 2);
	assert_int_equal(local_close(local, device), 0);
	assert_false(vfio_device_request(req, 2));
	assert_int_equal(fired(efd), 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(irq_info),
		TEST(irq_misuse),
		TEST(irq_delivery),
		TEST(pending_bits),
		TEST(irq_never_blocks),
		TEST(irq_partial),
		TEST(notifications),
		TEST(msi_is_dma),
		TEST(device_request),
		TEST(first_light),
		TEST(shared_state),
		TEST(reset),
		TEST(device_outlives_group_and_container_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
