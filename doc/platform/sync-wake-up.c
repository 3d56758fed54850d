/* SPDX-License-Identifier: MIT */
/* SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (Linux 6.6): the listener is woken on the caller's processor. */
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

/* Linux 6.6 seccomp.h; not in the headers of Debian 12. */
#define SET_FLAGS    SECCOMP_IOW(4, uint64_t)
#define SYNC_WAKE_UP 1ul

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
	need(!ioctl(listener, SET_FLAGS, SYNC_WAKE_UP),
		"cannot ask for SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP");
	ok();
}

const struct probe probe_sync_wake_up = {
	.name = "sync-wake-up",
	.purpose = "a notified call costs one switch between processes, not a wake-up of another "
		   "processor",
	.without = "each VFIO call takes about 25 microseconds rather than 15",
	.run = run,
};
