/* SPDX-License-Identifier: MIT */
/*
 * An unmodified program that uses all by which nestbox reaches into it: system call arguments,
 * registered private and shared memory, descriptors, eventfds of every provenance. It must fare
 * alike whatever the supervisor is denied.
 *
 * program [untaken]: "untaken" says that the box may take no descriptors. Then the one difference is
 * an eventfd that was made outside the box (descriptor 9, if it is one): EPERM.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../device.h"

#define PAGE	    4096
#define IOVA_OWN    0x40000000UL /* private: ring, status, source */
#define IOVA_SHARED 0x50000000UL /* of a memfd */
#define OUTSIDE	    9

static struct device dev;
static volatile uint8_t *bar;
static uint8_t *own;

#define CHECK(condition) ((condition) ? (void)0 : err(1, "line %d: %s", __LINE__, #condition))

/** A loopback: the vector's eventfd is signalled. */
static int trigger(void)
{
	struct vfio_irq_set set = { .argsz = sizeof(set),
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
		.count = 1,
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER };

	return ioctl(dev.fd, VFIO_DEVICE_SET_IRQS, &set);
}

static void set_up(void)
{
	device_open(&dev);
	bar = device_bar(&dev);
	own = device_memory(&dev, IOVA_OWN, 4 * PAGE);
}

/* ---- what is open ---- */

static void test_stat(void)
{
	struct stat st;

	CHECK(!fstat(dev.container, &st) && S_ISCHR(st.st_mode));
	CHECK(!fstat(dev.group, &st) && S_ISCHR(st.st_mode));
	CHECK(!fstat(dev.fd, &st) && !S_ISREG(st.st_mode));
}

/** Through /proc, whichever that is: a container anew, but no device. */
static void test_reopen(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", dev.container);
	CHECK((fd = open(path, O_RDWR)) >= 0);
	CHECK(ioctl(fd, VFIO_GET_API_VERSION) == VFIO_API_VERSION);
	CHECK(ioctl(fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) && errno == EINVAL); /* no group */
	close(fd);
	snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", dev.fd);
	CHECK(open(path, O_RDWR) < 0 && errno == ENXIO);
}

static void test_bad_memory(void)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = 0x60000000,
		.size = PAGE };
	void *read_only = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(ioctl(dev.container, VFIO_IOMMU_MAP_DMA, 8) && errno == EFAULT);
	CHECK(ioctl(dev.fd, VFIO_DEVICE_GET_INFO, read_only) && errno == EINVAL); /* argsz 0 */
	CHECK(ioctl(dev.container, VFIO_IOMMU_MAP_DMA, &map) && errno == EFAULT); /* vaddr 0 */
	map.vaddr = (uintptr_t)read_only;
	CHECK(ioctl(dev.container, VFIO_IOMMU_MAP_DMA, &map) && errno == EFAULT);
}

/** Results cannot be written into memory that the program may only read. */
static void test_read_only_result(void)
{
	struct vfio_device_info *info =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	info->argsz = sizeof(*info);
	CHECK(!mprotect(info, PAGE, PROT_READ));
	CHECK(ioctl(dev.fd, VFIO_DEVICE_GET_INFO, info) && errno == EFAULT && !info->num_regions);
}

/* ---- DMA ---- */

/** Copy 64 bytes by the engine; its interrupt is awaited on irq. */
static void copy(uint64_t src, uint64_t dst, int irq)
{
	struct pollfd interrupt = { .fd = irq, .events = POLLIN };
	uint64_t *ring = (void *)own, count;

	/* One descriptor: size and control (interrupt, completion), source, destination, next. */
	memset(own, 0, PAGE);
	ring[0] = 64 | UINT64_C(9) << 32;
	ring[1] = src;
	ring[2] = dst;
	ring[3] = IOVA_OWN;
	bar[0x84] = 0x20; /* CHANCMD: reset */
	while (bar[0x84] & 0x20)
		usleep(50);
	bar[3] = 1;					      /* INTRCTRL */
	*(volatile uint64_t *)(bar + 0x90) = IOVA_OWN;	      /* CHAINADDR */
	*(volatile uint64_t *)(bar + 0x98) = IOVA_OWN + PAGE; /* CHANCMP */
	*(volatile uint16_t *)(bar + 0x80) = 0xd;	      /* CHANCTRL */
	*(volatile uint16_t *)(bar + 0x86) = 1;		      /* DMACOUNT */
	CHECK(poll(&interrupt, 1, 30000) == 1);
	CHECK(read(irq, &count, sizeof(count)) == sizeof(count) && count);
}

static void test_dma(void)
{
	int irq = eventfd(0, EFD_CLOEXEC);

	CHECK(!device_signal(&dev, irq));
	strcpy((char *)own + 2 * PAGE, "private");
	copy(IOVA_OWN + 2 * PAGE, IOVA_OWN + 3 * PAGE, irq);
	CHECK(!strcmp((char *)own + 3 * PAGE, "private"));
	close(irq);
}

/** A memfd is registered directly: unmapped by the program, it is still reached. */
static void test_shared(int flags)
{
	int memfd = memfd_create("shared", 0), irq = eventfd(0, flags);
	char text[64] = "", *shared;

	CHECK(!ftruncate(memfd, PAGE));
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	CHECK(shared != MAP_FAILED);
	CHECK(!device_map(&dev, shared, IOVA_SHARED, PAGE));
	munmap(shared, PAGE);
	CHECK(!device_signal(&dev, irq));
	strcpy((char *)own + 2 * PAGE, "direct");
	copy(IOVA_OWN + 2 * PAGE, IOVA_SHARED, irq);
	CHECK(pread(memfd, text, sizeof(text), 0) > 0 && !strcmp(text, "direct"));
	close(memfd);
	close(irq);
}

/* ---- eventfds ---- */

/** The vector signals fd, which is eventfd `same`. */
static void check_signals(int fd, int same)
{
	uint64_t count = 0;

	CHECK(!device_signal(&dev, fd) && !trigger());
	CHECK(read(same, &count, sizeof(count)) == sizeof(count) && count == 1);
}

static void test_not_an_eventfd(void)
{
	int file = memfd_create("none", 0), closed = dup(file);

	close(closed);
	CHECK(device_signal(&dev, file) && errno == EINVAL);
	CHECK(device_signal(&dev, closed) && errno == EBADF);
	close(file);
}

static void test_flags(void)
{
	int fd = eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
	uint64_t count;

	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK && !(fcntl(fd, F_GETFD) & FD_CLOEXEC));
	for (int i = 0; i < 3; i++)
		CHECK(read(fd, &count, sizeof(count)) == sizeof(count) && count == 1);
	CHECK(read(fd, &count, sizeof(count)) < 0 && errno == EAGAIN);
	close(fd);
	fd = eventfd(0, EFD_CLOEXEC);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	CHECK(eventfd(0, 1 << 30) < 0 && errno == EINVAL);
	/* Like any new descriptor, the lowest that is free. */
	CHECK((fd = dup(0)) >= 0 && !close(fd) && eventfd(0, 0) == fd && !close(fd));
}

static void test_dup(void)
{
	int fd = eventfd(0, 0), copy = fcntl(fd, F_DUPFD, 100);

	CHECK(fd >= 0 && copy >= 100);
	check_signals(copy, fd);
	close(fd);
	check_signals(copy, copy);
	close(copy);
}

/** A child's eventfd, given to its parent over a socket. */
static void test_passed(void)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);
	int pair[2], status, fd;
	pid_t pid;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fork();
	if (!pid) {
		fd = eventfd(0, 0);
		*head = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(head), &fd, sizeof(fd));
		_exit(sendmsg(pair[0], &msg, 0) != 1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && !status);
	CHECK(recvmsg(pair[1], &msg, 0) == 1);
	memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	check_signals(fd, fd);
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

/** More than can be kept, one after the other; the first lives on all the while. */
static void test_many(unsigned n)
{
	int first = eventfd(0, 0), fd;

	for (unsigned i = 0; i < n; i++) {
		CHECK((fd = eventfd(0, EFD_CLOEXEC)) >= 0);
		close(fd);
	}
	fd = eventfd(0, 0);
	check_signals(fd, fd);
	check_signals(first, first);
	close(fd);
	close(first);
}

/** Where descriptors cannot be taken, it may be a while until it is seen that many were closed. */
static void await_room(void)
{
	time_t end = time(NULL) + 30;
	int fd, ret;

	do {
		fd = eventfd(0, 0);
		ret = device_signal(&dev, fd);
		close(fd);
	} while (ret && errno == EPERM && time(NULL) < end);
	CHECK(!ret);
}

/** More than the limit allows is refused as ever; the first still works. */
static void test_limit(void)
{
	int fds[4096], n = 0;

	while (n < 4096 && (fds[n] = eventfd(0, 0)) >= 0)
		n++;
	CHECK(n > 0 && (n == 4096 || errno == EMFILE));
	check_signals(fds[0], fds[0]);
	while (n)
		close(fds[--n]);
	await_room();
}

/** Calls of a thread that is not its process's first. */
static void *from_thread(void *arg)
{
	int fd = eventfd(0, 0), *ok = arg;

	check_signals(fd, fd);
	CHECK(ioctl(dev.container, VFIO_GET_API_VERSION) == VFIO_API_VERSION);
	test_stat();
	test_reopen();
	close(fd);
	*ok = 1;
	return NULL;
}

static void test_thread(void)
{
	pthread_t thread;
	int ok = 0;

	CHECK(!pthread_create(&thread, NULL, from_thread, &ok) && !pthread_join(thread, NULL));
	CHECK(ok);
}

/** An eventfd of outside. */
static void test_outside(int untaken)
{
	if (fcntl(OUTSIDE, F_GETFD) < 0)
		errx(1, "descriptor %d is not there", OUTSIDE);
	if (!untaken)
		check_signals(OUTSIDE, OUTSIDE);
	else
		CHECK(device_signal(&dev, OUTSIDE) && errno == EPERM);
}

int main(int argc, char **argv)
{
	int untaken = argc > 1 && !strcmp(argv[1], "untaken");

	set_up();
	test_stat();
	test_reopen();
	test_bad_memory();
	test_read_only_result();
	test_dma();
	test_shared(0);
	/* MSI-X is enabled with one vector by now: loopbacks reach it. */
	test_not_an_eventfd();
	test_flags();
	test_dup();
	test_passed();
	test_many(untaken ? 5000 : 50);
	test_limit();
	test_thread();
	test_outside(untaken);
	puts("program: all as it should be");
	return 0;
}
