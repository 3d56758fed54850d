/* SPDX-License-Identifier: MIT */
/* pidfd_getfd takes the program's eventfds (interrupts) and memfds (memory that can be mapped). */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

static int ready[2];

static int body(void)
{
	uint64_t count;
	int event = eventfd(0, 0), memfd = memfd_create("probe", 0);

	if (dup2(event, 100) != 100 || dup2(memfd, 101) != 101 || write(101, "memory", 6) != 6)
		return 1;
	if (write(ready[1], "", 1) != 1)
		return 2;
	return read(100, &count, sizeof(count)) == sizeof(count) && count == 7 ? 0 : 3;
}

static int take(int pidfd, int fd)
{
	int taken = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	if (taken < 0 && errno == EPERM)
		skip("pidfd_getfd is forbidden (Yama, or a container's profile)");
	expect(taken >= 0, "pidfd_getfd");
	return taken;
}

int main(void)
{
	uint64_t seven = 7;
	char c, *map;
	int pidfd;
	pid_t pid;

	expect(!pipe(ready), "pipe");
	pid = run_child(body);
	expect(read(ready[0], &c, 1) == 1, "the child");
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	expect(pidfd >= 0, "pidfd_open");
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, take(pidfd, 101), 0);
	expect(map != MAP_FAILED && !memcmp(map, "memory", 6), "the memfd's memory");
	expect(write(take(pidfd, 100), &seven, sizeof(seven)) == sizeof(seven),
		"write the eventfd");
	expect(wait_child(pid) == 0, "the child is woken");
	ok("descriptors of the program can be taken");
}
