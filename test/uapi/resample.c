/* SPDX-License-Identifier: MIT */
/*
 * INTx as a monitor of virtual machines uses it: a thread takes the trigger eventfd and injects, the
 * guest acknowledges at the device, and its end of interrupt signals the unmask eventfd. Meanwhile
 * other threads mask, unmask, look, take the unmask eventfd away and give it back. No interrupt may be
 * lost: the guest waits for nothing else. Usage: resample HOST; ROUNDS in the environment.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "sys.h"

#define PATIENCE_MS 120000

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);                 \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

/* The engine's registers, and those of its first channel. */
#define INTRCTRL   0x03
#define ATTNSTATUS 0x04
#define CHANCTRL   0x80
#define CHANCMD	   0x84
#define DMACOUNT   0x86
#define CHAINADDR  0x90

static int container, group, device;
static int trigger, unmask;  /* eventfds */
static int injected;	     /* eventfd: the guest's interrupt line */
static uint64_t bar, config; /* offsets */
static atomic_bool stop;
static atomic_ulong interrupts, meddled;

static long set_irqs(uint32_t flags, uint32_t count, int32_t fd)
{
	/* struct vfio_irq_set of INTx: argsz, flags, index, start, count, and a descriptor. */
	const uint32_t set[] = { 24, flags, VFIO_PCI_INTX_IRQ_INDEX, 0, count, (uint32_t)fd };

	return t_ioctl(device, VFIO_DEVICE_SET_IRQS, (uintptr_t)set);
}

#define ON(fd)	     set_irqs(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, 1, fd)
#define RESAMPLE(fd) set_irqs(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, 1, fd)
#define MASK()	     set_irqs(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK, 1, 0)
#define UNMASK()     set_irqs(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, 1, 0)
#define OFF()	     set_irqs(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, 0, 0)

static void put(uint64_t at, uint64_t val, unsigned size)
{
	CHECK(t_pwrite(device, (uintptr_t)&val, size, at) == size);
}

static uint64_t region(unsigned index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	CHECK(t_ioctl(device, VFIO_DEVICE_GET_REGION_INFO, (uintptr_t)&info) == 0);
	return info.offset;
}

static void take(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	uint64_t count;

	CHECK(poll(&ready, 1, PATIENCE_MS) == 1);
	CHECK(read(fd, &count, sizeof(count)) == sizeof(count));
}

static void signal_fd(int fd)
{
	const uint64_t one = 1;

	CHECK(write(fd, &one, sizeof(one)) == sizeof(one));
}

/* ---- the guest ---- */

/* An error of the channel is an interrupt; the pin stays asserted. */
static void ask_for_one(void)
{
	put(bar + CHANCMD, 0x20, 1);
	put(bar + CHANCTRL, 0x11, 2);
	put(bar + CHAINADDR, 3, 8);
	put(bar + DMACOUNT, 1, 2);
}

/* False: it was of no interrupt, as where an unmasking found the level that is now acknowledged. */
static bool acknowledge(void)
{
	uint32_t attention = 0;

	CHECK(t_pread(device, (uintptr_t)&attention, sizeof(attention), bar + ATTNSTATUS) == 4);
	return attention & 1;
}

static void guest(unsigned rounds)
{
	bool served;

	for (unsigned i = 0; i < rounds; i++) {
		ask_for_one();
		do {
			take(injected);
			served = acknowledge();
			signal_fd(unmask); /* end of interrupt */
		} while (!served);
	}
}

/* ---- the rest of the world ---- */

static void *inject(void *arg)
{
	struct pollfd ready = { .fd = trigger, .events = POLLIN };
	uint64_t count;

	while (!atomic_load(&stop)) {
		if (poll(&ready, 1, 10) != 1)
			continue;
		CHECK(read(trigger, &count, sizeof(count)) == sizeof(count));
		atomic_fetch_add(&interrupts, 1);
		signal_fd(injected);
	}
	return NULL;
}

static void *work(void *arg)
{
	while (!atomic_load(&stop)) {
		t_step();
		usleep(t_is_local() ? 20 : 1000);
	}
	return NULL;
}

/* Each leaves things as they were: whatever it withheld comes then. */
static void meddle(unsigned i)
{
	static const uint8_t off = 4, on = 0;

	switch (i % 4) {
	case 0:
		CHECK(MASK() == 0);
		CHECK(UNMASK() == 0);
		break;
	case 1:
		CHECK(RESAMPLE(unmask) == -EBUSY);
		CHECK(RESAMPLE(-1) == 0);
		CHECK(RESAMPLE(unmask) == 0);
		break;
	case 2:
		CHECK(t_pwrite(device, (uintptr_t)&off, 1, config + 5) == 1);
		CHECK(t_pwrite(device, (uintptr_t)&on, 1, config + 5) == 1);
		break;
	default:
		CHECK(ON(-1) == 0);
		CHECK(ON(trigger) == 0);
		CHECK(UNMASK() == 0); /* it may have fired with nobody to tell */
	}
}

static void *meddler(void *arg)
{
	for (unsigned i = 0; !atomic_load(&stop); i++) {
		meddle(i);
		atomic_fetch_add(&meddled, 1);
		usleep(200);
	}
	return NULL;
}

/* ---- all together ---- */

static void begin(const char *host)
{
	CHECK(t_begin(host) == 0);
	container = t_open("vfio");
	group = t_open("1");
	CHECK(t_ioctl(group, VFIO_GROUP_SET_CONTAINER, (uintptr_t)&container) == 0);
	CHECK(t_ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) == 0);
	device = (int)t_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, (uintptr_t) "0000:01:00.0");
	CHECK(device >= 0);
	bar = region(VFIO_PCI_BAR0_REGION_INDEX);
	config = region(VFIO_PCI_CONFIG_REGION_INDEX);
	trigger = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	unmask = eventfd(0, EFD_CLOEXEC);
	injected = eventfd(0, EFD_CLOEXEC);
	put(config + 4, 0x6, 2);
	put(bar + INTRCTRL, 1, 1);
	CHECK(ON(trigger) == 0);
	CHECK(RESAMPLE(unmask) == 0);
}

static void end(void)
{
	CHECK(OFF() == 0);
	CHECK(t_close(device) == 0);
	CHECK(t_close(group) == 0);
	CHECK(t_close(container) == 0);
	close(trigger);
	close(unmask);
	close(injected);
	t_end();
}

int main(int argc, char **argv)
{
	const char *asked = getenv("ROUNDS");
	unsigned rounds = asked ? (unsigned)strtoul(asked, NULL, 10) : 500;
	void *(*const fns[])(void *arg) = { inject, work, meddler };
	pthread_t threads[3];

	begin(argc > 1 ? argv[1] : "smmuv3");
	for (unsigned i = 0; i < 3; i++)
		CHECK(pthread_create(&threads[i], NULL, fns[i], NULL) == 0);
	guest(rounds);
	atomic_store(&stop, true);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	CHECK(atomic_load(&interrupts) >= rounds);
	end();
	printf("%u rounds, %lu interrupts, %lu times meddled\n", rounds, atomic_load(&interrupts),
		atomic_load(&meddled));
	return 0;
}
