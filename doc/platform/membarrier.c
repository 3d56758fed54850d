/* SPDX-License-Identifier: MIT */
/* membarrier, private expedited: a full barrier in all our threads that readers do not pay for. */
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

int main(void)
{
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0))
		skip("membarrier is denied: full fences instead");
	expect(!syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0), "membarrier");
	ok("membarrier, private expedited");
}
