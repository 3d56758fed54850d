/* SPDX-License-Identifier: MIT */
/* Stand-ins, BARs and simulated RAM are memfds: sealed, re-opened through /proc/self/fd, and mapped. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe.h"

static void run(void)
{
	int fd = memfd_create("probe", MFD_CLOEXEC | MFD_ALLOW_SEALING), again;
	char path[64];
	char *map;

	need(fd >= 0, "cannot make a memfd");
	need(!ftruncate(fd, 4096), "cannot give a memfd a size");
	need(!fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), "cannot seal a memfd");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	need(again >= 0, "cannot re-open a memfd through /proc/self/fd");
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0);
	need(map != MAP_FAILED, "cannot map a memfd");
	expect(pwrite(fd, "x", 1, 0) == 1 && *map == 'x', "a memfd is shared memory");
	ok();
}

const struct probe probe_memfd = {
	.name = "memfd",
	.purpose = "stand-ins for VFIO's files, and the memory of BARs",
	.run = run,
};
