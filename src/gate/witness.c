/* SPDX-License-Identifier: MIT */
#include "gate/witness.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gate/wire.h"

static void take_pending(int signals, unsigned seen[NSIG])
{
	struct signalfd_siginfo info;

	memset(seen, 0, NSIG * sizeof(*seen));
	while (read(signals, &info, sizeof(info)) == sizeof(info))
		seen[info.ssi_signo]++;
}

/** Answer each question with what came since the one before, until the supervisor hangs up. */
static void bear_witness(int sock)
{
	unsigned seen[NSIG];
	struct iovec question = { &(char){ 0 }, 1 }, answer = { seen, sizeof(seen) };
	sigset_t all;
	int signals;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_NAME, "nestbox-witness");
	/* Nothing of the supervisor's or the program's: a pipe that they close must be closed. */
	if (dup2(sock, 0) || syscall(SYS_close_range, 1, ~0u, 0) || chdir("/"))
		_exit(1);
	signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	while (signals >= 0 && wire_recv(0, &question, 1, NULL, 0) == 1) {
		take_pending(signals, seen);
		wire_send(0, &answer, 1, NULL, 0);
	}
	_exit(0);
}

int witness_start(struct witness *witness)
{
	int pair[2], err = wire_pair(pair);

	if (err)
		return err;
	*witness = (struct witness){ .sock = pair[0] };
	witness->pid = fork();
	if (!witness->pid)
		bear_witness(pair[1]);
	close(pair[1]);
	if (witness->pid > 0)
		return 0;
	err = -errno;
	close(pair[0]);
	*witness = (struct witness){ 0 };
	return err;
}

/** False: it is gone, and cannot tell. */
static bool ask(struct witness *witness)
{
	unsigned seen[NSIG];
	struct iovec question = { "", 1 }, answer = { seen, sizeof(seen) };

	/* It may have been stopped with the group, and we alone continued. */
	kill(witness->pid, SIGCONT);
	if (wire_send(witness->sock, &question, 1, NULL, 0) ||
		wire_recv(witness->sock, &answer, 1, NULL, 0) != sizeof(seen))
		return false;
	for (int sig = 0; sig < NSIG; sig++)
		witness->seen[sig] += seen[sig];
	return true;
}

bool witness_saw(struct witness *witness, int sig)
{
	if (!witness->pid)
		return false;
	/*
	 * The group's members get the signal one after the other under tasklist_lock (Linux 7.3
	 * kill_pgrp), and setpgid takes that lock for writing before anything else, even where it
	 * changes nothing: after it, whoever was to get the signal has it.
	 * FIDELITY: equal signals that come between our reading one and asking count once there.
	 */
	setpgid(0, getpgrp());
	if (!ask(witness) || !witness->seen[sig])
		return false;
	witness->seen[sig]--;
	return true;
}

void witness_dismiss(struct witness *witness)
{
	if (witness->pid)
		kill(witness->pid, SIGKILL); /* it may be stopped */
}

void witness_stop(struct witness *witness)
{
	if (!witness->pid)
		return;
	close(witness->sock);
	witness_dismiss(witness);
	while (waitpid(witness->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*witness = (struct witness){ 0 };
}
