/* SPDX-License-Identifier: MIT */
/*
 * One device used by several threads at once, at random: accesses, low power, resets, interrupts,
 * ioeventfds and their signals, opens and closes. Nothing deadlocks, and at the end the device is as it was. The
 * seed is printed, or given as argument.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "sys.h"

#define THREADS 4
#define ROUNDS	1500
#define SET	0x20000u /* VFIO_DEVICE_FEATURE_SET */

static int container, group, device, events[4];
static uint64_t config_at, bar_at;

static uint64_t region_at(unsigned index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	t_ioctl(device, VFIO_DEVICE_GET_REGION_INFO, (uintptr_t)&info);
	return info.offset;
}

static void feature(unsigned *seed)
{
	uint32_t arg[4] = { 16, SET | (3 + (unsigned)rand_r(seed) % 3),
		(uint32_t)events[rand_r(seed) % 4], 0 };

	t_ioctl(device, VFIO_DEVICE_FEATURE, (uintptr_t)arg);
}

static void ioeventfd(unsigned *seed)
{
	struct vfio_device_ioeventfd arg = { .argsz = sizeof(arg),
		.flags = 8,
		.offset = bar_at + 0x98,
		.data = 8u * ((unsigned)rand_r(seed) % 4),
		.fd = rand_r(seed) % 2 ? events[rand_r(seed) % 4] : -1 };

	t_ioctl(device, VFIO_DEVICE_IOEVENTFD, (uintptr_t)&arg);
}

static void config(unsigned *seed)
{
	static const struct {
		unsigned at, bytes;
		uint32_t vals[2];
	} writes[] = {
		{ 0x04, 2, { 0, 6 } },		     /* command */
		{ 0xe4, 2, { 0, 3 } },		     /* power state */
		{ 0x98, 2, { 0xa810, 0x2810 } },     /* reset */
		{ 0x10, 4, { 0, 0xffffffff } },	     /* BAR */
		{ 0x108, 4, { 0xffffffff, 0 } },     /* error masks */
		{ 0x06, 2, { 0xffff, 0xffffffff } }, /* status */
	};
	unsigned i = (unsigned)rand_r(seed) % (sizeof(writes) / sizeof(writes[0]));
	uint32_t val = writes[i].vals[rand_r(seed) % 2];

	t_pwrite(device, (uintptr_t)&val, writes[i].bytes, config_at + writes[i].at);
}

static void hot_reset(void)
{
	int32_t arg[4] = { 16, 0, 1, group };

	t_ioctl(device, VFIO_DEVICE_PCI_HOT_RESET, (uintptr_t)arg);
}

/* INTx with its mask and an eventfd that unmasks it, MSI, MSI-X, notifications: on, off, loopback. */
static void irqs(unsigned *seed)
{
	static const uint32_t kinds[] = { VFIO_IRQ_SET_DATA_NONE, VFIO_IRQ_SET_DATA_EVENTFD };
	static const uint32_t actions[] = { VFIO_IRQ_SET_ACTION_TRIGGER,
		VFIO_IRQ_SET_ACTION_TRIGGER, VFIO_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_ACTION_UNMASK };
	uint32_t arg[6] = { 24, kinds[rand_r(seed) % 2] | actions[rand_r(seed) % 4],
		(uint32_t)rand_r(seed) % 5, 0, (uint32_t)rand_r(seed) % 2,
		(uint32_t)(rand_r(seed) % 4 ? events[rand_r(seed) % 4] : -1) };

	t_ioctl(device, VFIO_DEVICE_SET_IRQS, (uintptr_t)arg);
}

static void one_call(unsigned *seed)
{
	uint64_t buf = 0;
	long fd;

	switch (rand_r(seed) % 13) {
	case 10:
	case 11:
		irqs(seed);
		break;
	case 12:
		t_step();
		break;
	case 0:
		feature(seed);
		break;
	case 1:
		ioeventfd(seed);
		break;
	case 2:
		eventfd_write(events[rand_r(seed) % 4], 1);
		break;
	case 3:
		t_pread(device, (uintptr_t)&buf, 8, bar_at + 0x98);
		break;
	case 4:
		t_pwrite(device, (uintptr_t)&buf, 8, bar_at + 0x98);
		break;
	case 5:
		config(seed);
		break;
	case 6:
		t_ioctl(device, VFIO_DEVICE_RESET, 0);
		break;
	case 7:
		hot_reset();
		break;
	case 8:
		t_pread(device, (uintptr_t)&buf, 4, config_at + (unsigned)rand_r(seed) % 4000);
		break;
	default:
		fd = t_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, (uintptr_t) "0000:01:00.0");
		if (fd >= 0)
			t_close((int)fd);
	}
}

static void *work(void *arg)
{
	unsigned seed = *(unsigned *)arg;

	for (int i = 0; i < ROUNDS; i++)
		one_call(&seed);
	return NULL;
}

static int open_all(void)
{
	int32_t fd;

	container = t_open("vfio");
	group = t_open("1");
	fd = container;
	if (container < 0 || group < 0 ||
		t_ioctl(group, VFIO_GROUP_SET_CONTAINER, (uintptr_t)&fd) ||
		t_ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return -1;
	device = (int)t_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, (uintptr_t) "0000:01:00.0");
	if (device < 0)
		return -1;
	config_at = region_at(VFIO_PCI_CONFIG_REGION_INDEX);
	bar_at = region_at(VFIO_PCI_BAR0_REGION_INDEX);
	return 0;
}

static void run_threads(unsigned seed)
{
	pthread_t threads[THREADS];
	unsigned seeds[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		seeds[i] = seed + i;
		pthread_create(&threads[i], NULL, work, &seeds[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* The device anew is as any other: 0, or what differs was printed. */
static int check_end(const uint8_t *before)
{
	uint8_t after[4096];

	t_close(device);
	device = (int)t_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, (uintptr_t) "0000:01:00.0");
	if (t_pread(device, (uintptr_t)after, sizeof(after), config_at) != sizeof(after))
		return 1;
	for (unsigned i = 0; i < sizeof(after); i++)
		if (after[i] != before[i]) {
			printf("configuration space at 0x%x: 0x%02x, was 0x%02x\n", i, after[i],
				before[i]);
			return 1;
		}
	return 0;
}

int main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? (unsigned)atoi(argv[1]) : (unsigned)time(NULL);
	uint8_t before[4096];
	int bad;

	printf("seed %u\n", seed);
	for (unsigned i = 0; i < 4; i++)
		events[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t_begin("smmuv3") || open_all() ||
		t_pread(device, (uintptr_t)before, sizeof(before), config_at) != sizeof(before)) {
		printf("no device\n");
		return 1;
	}
	run_threads(seed);
	bad = check_end(before);
	t_close(device);
	t_close(group);
	t_close(container);
	t_end();
	return bad;
}
