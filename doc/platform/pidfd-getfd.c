/* SPDX-License-Identifier: MIT */
/* pidfd_getfd takes the program's eventfds (interrupts) and memfds (memory that can be mapped). */
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

	try_namespaces();
	if (dup2(event, 50) != 50 || dup2(memfd, 51) != 51 || write(51, "memory", 6) != 6)
		return 1;
	if (write(ready[1], "", 1) != 1)
		return 2;
	return read(50, &count, sizeof(count)) == sizeof(count) && count == 7 ? 0 : 3;
}

static int take(int pidfd, int fd)
{
	int taken = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	need(taken >= 0, "cannot take a descriptor of a child (pidfd_getfd)");
	return taken;
}

static void run(void)
{
	uint64_t seven = 7;
	char c, *map;
	int pidfd;
	pid_t pid;

	need(!pipe(ready), "cannot make a pipe");
	pid = run_child(body);
	close(ready[1]);
	expect(read(ready[0], &c, 1) == 1, "the child lives");
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	need(pidfd >= 0, "cannot open the pidfd of a child");
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, take(pidfd, 51), 0);
	expect(map != MAP_FAILED && !memcmp(map, "memory", 6),
		"a taken memfd is the child's memory");
	expect(write(take(pidfd, 50), &seven, sizeof(seven)) == sizeof(seven),
		"a taken eventfd can be written");
	expect(wait_child(pid) == 0, "that wakes the child");
	ok();
}

const struct probe probe_pidfd_getfd = {
	.name = "pidfd-getfd",
	.purpose = "eventfds (interrupts) and memfds (memory that devices reach directly) are "
		   "taken from the program",
	.without = "eventfds are made for the program by nestbox, one more notified call each, and "
		   "shared "
		   "memory is opened anew through /proc/PID/fd",
	.run = run,
};
