/* SPDX-License-Identifier: MIT */
/* membarrier, private expedited: a full barrier in all our threads that readers do not pay for. */
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

static void run(void)
{
	need(!syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0),
		"cannot register for membarrier");
	need(!syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0), "membarrier fails");
	ok();
}

const struct probe probe_membarrier = {
	.name = "membarrier",
	.purpose = "waiting for DMA in flight costs the devices nothing",
	.without = "devices and whoever waits for them use full fences: each DMA costs some "
		   "nanoseconds more",
	.run = run,
};
