/* SPDX-License-Identifier: MIT */
/*
 * What low power states, resets and ioeventfds do to the engine: it copies, or does not, where rows
 * of test/uapi/conform see registers alone.
 */
#include "device_rig.h"

#include <sys/eventfd.h>
#include <unistd.h>

#define CHAN(reg) (0x80u + (reg))
#define DONE	  (memory + 0x1000) /* the status word */
#define SRC	  0x10000
#define DST	  0x20000
#define BYTES	  4096

/* A copy of BYTES is prepared, all but the doorbell. */
static void prepare(void)
{
	struct ioat_desc *desc = (struct ioat_desc *)memory;

	config_put(COMMAND, COMMAND_MEMORY | COMMAND_MASTER, 2);
	memset(memory + SRC, 0x5a, BYTES);
	memset(memory + DST, 0, BYTES);
	*desc = (struct ioat_desc){ .size = BYTES,
		.control = IOAT_DESC_COMPLETION,
		.src = IOVA + SRC,
		.dst = IOVA + DST,
		.next = IOVA };
	reg_put(CHAN(IOAT_CHANCMP), IOVA + 0x1000, 8);
	reg_put(CHAN(IOAT_CHAINADDR), IOVA, 8);
}

static bool copied(void)
{
	while (machine_step(machine, MIB(1)))
		;
	return !memcmp(memory + DST, memory + SRC, BYTES);
}

static long feature(uint32_t flags, int fd)
{
	const uint32_t arg[4] = { sizeof(arg), VFIO_DEVICE_FEATURE_SET | flags, (uint32_t)fd, 0 };

	return call(device, VFIO_DEVICE_FEATURE, arg);
}

static void no_dma_in_d3hot(void **state)
{
	prepare();
	reg_put(CHAN(IOAT_DMACOUNT), 1, 2);
	config_put(pci->cap_pm + 4u, 3, 2);
	assert_false(copied());
	config_put(pci->cap_pm + 4u, 0, 2);
	assert_true(copied());
}

static void no_dma_without_bus_mastering(void **state)
{
	prepare();
	config_put(COMMAND, COMMAND_MEMORY, 2);
	reg_put(CHAN(IOAT_DMACOUNT), 1, 2);
	assert_false(copied());
	config_put(COMMAND, COMMAND_MEMORY | COMMAND_MASTER, 2);
	assert_true(copied());
}

/* It sleeps between calls; what it was told before, it does once it is awake for good. */
static void no_dma_in_low_power(void **state)
{
	prepare();
	reg_put(CHAN(IOAT_DMACOUNT), 1, 2);
	assert_int_equal(feature(VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, 0), 0);
	assert_true(pci->suspended);
	assert_false(copied());
	assert_int_equal(config_get(COMMAND, 2), COMMAND_MEMORY | COMMAND_MASTER);
	assert_true(pci->suspended);
	assert_false(copied());
	assert_int_equal(feature(VFIO_DEVICE_FEATURE_LOW_POWER_EXIT, 0), 0);
	assert_false(pci->suspended);
	assert_true(copied());
}

static void wake_up(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	eventfd_t count;

	prepare();
	reg_put(CHAN(IOAT_DMACOUNT), 1, 2);
	assert_int_equal(feature(VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP, fd), 0);
	assert_false(copied());
	assert_int_equal(eventfd_read(fd, &count), -1);
	config_get(0, 4);
	assert_int_equal(eventfd_read(fd, &count), 0);
	assert_int_equal(count, 1);
	assert_false(pci->suspended);
	assert_true(copied());
	/* At last close nobody is told. */
	assert_int_equal(feature(VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP, fd), 0);
	assert_int_equal(local_close(local, device), 0);
	assert_false(pci->suspended);
	assert_int_equal(eventfd_read(fd, &count), -1);
	close(fd);
}

static void reset_forgets_the_doorbell(void **state)
{
	const uint32_t hot[4] = { sizeof(hot), 0, 1, (uint32_t)group };

	prepare();
	reg_put(CHAN(IOAT_DMACOUNT), 1, 2);
	assert_int_equal(call(device, VFIO_DEVICE_RESET, NULL), 0);
	assert_false(copied());
	prepare();
	reg_put(CHAN(IOAT_DMACOUNT), 1, 2);
	assert_int_equal(call(device, VFIO_DEVICE_PCI_HOT_RESET, hot), 0);
	assert_false(copied());
	prepare();
	reg_put(CHAN(IOAT_DMACOUNT), 1, 2);
	assert_true(copied());
}

static long ioeventfd(int fd)
{
	struct vfio_device_ioeventfd arg = { .argsz = sizeof(arg),
		.flags = VFIO_DEVICE_IOEVENTFD_16,
		.offset = BAR0 + CHAN(IOAT_DMACOUNT),
		.data = 1,
		.fd = fd };

	return call(device, VFIO_DEVICE_IOEVENTFD, &arg);
}

/* What a monitor does with it: a guest's doorbell comes as an eventfd. */
static void an_eventfd_rings_the_doorbell(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	prepare();
	assert_int_equal(ioeventfd(fd), 0);
	assert_false(copied());
	assert_int_equal(eventfd_write(fd, 1), 0);
	while (!copied()) /* from another thread, with no call of ours */
		usleep(1000);
	assert_int_equal(ioeventfd(-1), 0);
	close(fd);
}

/* Signals are under way while the device closes. */
static void closing_with_ioeventfds(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(ioeventfd(fd), 0);
		assert_int_equal(eventfd_write(fd, 1), 0);
		assert_int_equal(local_close(local, device), 0);
		device = (int)call(group, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0");
		assert_true(device >= 0);
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(no_dma_in_d3hot),
		TEST(no_dma_without_bus_mastering),
		TEST(no_dma_in_low_power),
		TEST(wake_up),
		TEST(reset_forgets_the_doorbell),
		TEST(an_eventfd_rings_the_doorbell),
		TEST(closing_with_ioeventfds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
