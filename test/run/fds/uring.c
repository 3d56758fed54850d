/* SPDX-License-Identifier: MIT */
/* Opens by io_uring, which no filter of system calls sees. The ring is used bare: one entry. */
#include "rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/io_uring.h>

struct ring {
	int fd;
	struct io_uring_params params;
	char *sq, *cq;
	struct io_uring_sqe *sqes;
};

static void *map(const struct ring *ring, size_t bytes, off_t offset)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, offset);
}

static unsigned *word(char *base, unsigned offset)
{
	return (unsigned *)(void *)(base + offset);
}

static bool ring_open(struct ring *ring)
{
	struct io_uring_params *p = &ring->params;

	memset(ring, 0, sizeof(*ring));
	ring->fd = (int)syscall(SYS_io_uring_setup, 1, p);
	if (ring->fd < 0)
		return false;
	ring->sq =
		map(ring, p->sq_off.array + p->sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
	ring->cq = map(ring, p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe),
		IORING_OFF_CQ_RING);
	ring->sqes = map(ring, p->sq_entries * sizeof(*ring->sqes), IORING_OFF_SQES);
	return ring->sq != MAP_FAILED && ring->cq != MAP_FAILED && ring->sqes != MAP_FAILED;
}

/** Submit the one entry and wait for its result. */
static long ring_run(struct ring *ring)
{
	struct io_uring_params *p = &ring->params;
	unsigned *tail = word(ring->sq, p->sq_off.tail), *head = word(ring->cq, p->cq_off.head);
	struct io_uring_cqe *cqes = (void *)(ring->cq + p->cq_off.cqes);
	long ret;

	*word(ring->sq, p->sq_off.array) = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	ret = cqes[*head & *word(ring->cq, p->cq_off.ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return ret;
}

static long ring_openat(struct ring *ring, const char *path, int flags)
{
	*ring->sqes = (struct io_uring_sqe){
		.opcode = IORING_OP_OPENAT,
		.fd = AT_FDCWD,
		.addr = (uint64_t)(uintptr_t)path,
		.open_flags = (unsigned)flags,
	};
	return ring_run(ring);
}

void run_uring(void)
{
	struct ring ring;
	long fd;

	if (!ring_open(&ring)) {
		printf("skipped: io_uring: %s\n", strerror(errno));
		return;
	}
	for (int flags = O_RDONLY; flags <= O_RDWR; flags++) {
		fd = ring_openat(&ring, CONTAINER, flags | O_CLOEXEC);
		check(fd >= 0 && alive(C, (int)fd), "io_uring opens a container", fd, 0);
		check((fcntl((int)fd, F_GETFL) & O_ACCMODE) == flags, "and how", fd, flags);
		check(fcntl((int)fd, F_GETFD) == FD_CLOEXEC, "and closes on exec", fd, FD_CLOEXEC);
		close((int)fd);
	}
	fd = ring_openat(&ring, GROUP, O_RDWR);
	check(fd >= 0 && alive(G, (int)fd), "io_uring opens a group", fd, 0);
	check(open_group() == -EBUSY, "and holds it", fd, -EBUSY);
	close((int)fd);
	close(ring.fd);
}
