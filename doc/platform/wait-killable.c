/* SPDX-License-Identifier: MIT */
/*
 * With WAIT_KILLABLE_RECV a signal with a handler does not interrupt a call that has been received,
 * so no handler runs twice; the signal is delivered afterwards.
 */
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

static const struct sock_filter filter[] = { LOAD(nr), IF_EQUAL(__NR_getppid, 0, 1), NOTIFY,
	ALLOW };

static volatile sig_atomic_t handled;

static void handler(int sig)
{
	handled = sig;
}

static int body(void)
{
	struct sigaction action = { .sa_handler = handler };

	sigaction(SIGUSR1, &action, NULL);
	return syscall(SYS_getppid) == 42 && handled == SIGUSR1 ? 0 : LACK_BROKEN;
}

static void run(void)
{
	int listener;
	pid_t pid = run_notified(filter, COUNT(filter), body, &listener);
	struct seccomp_notif notif = receive(listener);

	kill(pid, SIGUSR1);
	usleep(50000);
	answer(listener, notif.id, 42, 0);
	expect(wait_child(pid) == 0, "a signal does not interrupt a call that we have received");
	ok();
}

const struct probe probe_wait_killable = {
	.name = "wait-killable",
	.purpose = "a signal does not interrupt a call that we have received",
	.run = run,
};
