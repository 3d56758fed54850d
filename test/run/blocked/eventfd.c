/* SPDX-License-Identifier: MIT */
/* An eventfd that is full, as the vector of a device: the device, the others and the calls go on. */
#include "party.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/aio_abi.h>
#include <linux/vfio.h>

#define FULL UINT64_C(0xfffffffffffffffe) /* the most that a write can make of it */

static struct engine engine;
static int full_fd;

static void check(bool ok, const char *what)
{
	if (!ok)
		errx(1, "%s (errno %d)", what, errno);
}

static void put(uint64_t val)
{
	check(write(full_fd, &val, sizeof(val)) == sizeof(val), "write");
}

static uint64_t take(void)
{
	uint64_t val = 0;

	check(read(full_fd, &val, sizeof(val)) == sizeof(val), "read");
	return val;
}

static void copies(unsigned n)
{
	while (n--) {
		engine_start(&engine, IOVA + ENGINE_DONE, IOVA + ENGINE_DONE + 4096, 64);
		check(engine_wait(&engine), "a copy");
	}
}

/** SET_IRQS with no data: a loopback, by the call rather than by the device. */
static int trigger(void)
{
	struct vfio_irq_set set = { .argsz = sizeof(set),
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
		.count = 1,
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER };

	return ioctl(engine.device, VFIO_DEVICE_SET_IRQS, &set);
}

/** Whether nestbox has it too: without, it cannot let a counter overflow. */
static bool has_aio(void)
{
	aio_context_t ring = 0;

	return !syscall(SYS_io_setup, 1, &ring) && !syscall(SYS_io_destroy, ring);
}

static void stays_full(void)
{
	struct pollfd p = { .fd = full_fd, .events = POLLIN | POLLOUT };
	uint64_t val;

	put(FULL);
	copies(20);
	check(!trigger(), "SET_IRQS");
	others_go_on("a full eventfd");
	check(poll(&p, 1, 0) == 1 && (p.revents & (POLLIN | POLLOUT)) == POLLIN, "full");
	/* Linux lets it overflow; where asynchronous I/O is denied it stays as it was. */
	val = take();
	check(has_aio() ? val == UINT64_MAX && p.revents & POLLERR : val == FULL, "its counter");
	copies(1);
	p.events = POLLIN;
	check(poll(&p, 1, 30000) == 1 && take() == 1, "an interrupt after that");
}

static atomic_bool stop;

/** Fills it whenever it is empty, at no moment that the device could foresee. */
static void *fill(void *arg)
{
	while (!atomic_load(&stop))
		put(FULL);
	return NULL;
}

static void filled_under_it(void)
{
	pthread_t thread;

	check(!pthread_create(&thread, NULL, fill, NULL), "pthread_create");
	for (unsigned i = 0; i < 300; i++) {
		copies(1);
		check(!trigger(), "SET_IRQS");
		take();
	}
	others_go_on("an eventfd that is filled again and again");
	/* Its last word fills it. */
	atomic_store(&stop, true);
	check(!trigger(), "SET_IRQS");
	take();
	pthread_join(thread, NULL);
	check(!trigger(), "SET_IRQS");
}

int main(void)
{
	others_start();
	engine_open(&engine, "1", "0000:01:00.0");
	full_fd = eventfd(0, EFD_CLOEXEC);
	check(!engine_set_irq(&engine, full_fd), "SET_IRQS");
	stays_full();
	filled_under_it();
	copies(1);
	others_stop();
	engine_close(&engine);
	return 0;
}
