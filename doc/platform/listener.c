/* SPDX-License-Identifier: MIT */
/* A process may hand its system calls to another one: a seccomp filter with a listener, of which there
 * can be one only (EBUSY: we are in another box, or in a sandbox that listens). */
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

static const struct sock_filter filter[] = { LOAD(nr), IF_EQUAL(__NR_getppid, 0, 1), NOTIFY,
	ALLOW };

static int body(void)
{
	return syscall(SYS_getppid) == 42 ? 0 : LACK_BROKEN;
}

static void run(void)
{
	int listener;
	pid_t pid = run_notified(filter, COUNT(filter), body, &listener);
	struct seccomp_notif notif = receive(listener);

	answer(listener, notif.id, 42, 0);
	expect(wait_child(pid) == 0, "a notified call returns what we answer");
	ok();
}

const struct probe probe_listener = {
	.name = "listener",
	.purpose = "the program's VFIO calls come to us: seccomp notification",
	.run = run,
};
