/* SPDX-License-Identifier: MIT */
#include "gate/witness.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gate/wire.h"

static uint64_t take_pending(int signals)
{
	struct signalfd_siginfo info;
	uint64_t seen = 0;

	while (read(signals, &info, sizeof(info)) == sizeof(info))
		seen |= UINT64_C(1) << (info.ssi_signo - 1);
	return seen;
}

/** Answer each question with what came since the one before, until the supervisor hangs up. */
static void bear_witness(int sock)
{
	struct iovec question = { &(char){ 0 }, 1 }, answer;
	uint64_t seen;
	sigset_t all;
	int signals;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_NAME, "nestbox-witness");
	/* Nothing of the supervisor's or the program's: a pipe that they close must be closed. */
	if (dup2(sock, 0) || syscall(SYS_close_range, 1, ~0u, 0) || chdir("/"))
		_exit(1);
	signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	answer = (struct iovec){ &seen, sizeof(seen) };
	while (signals >= 0 && wire_recv(0, &question, 1, NULL, 0) == 1) {
		seen = take_pending(signals);
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
	struct iovec question = { "", 1 };
	struct iovec answer;
	uint64_t seen;

	answer = (struct iovec){ &seen, sizeof(seen) };
	/* It may have been stopped with the group, and we alone continued. */
	kill(witness->pid, SIGCONT);
	if (wire_send(witness->sock, &question, 1, NULL, 0) ||
		wire_recv(witness->sock, &answer, 1, NULL, 0) != sizeof(seen))
		return false;
	witness->seen |= seen;
	return true;
}

bool witness_saw(struct witness *witness, int sig)
{
	uint64_t bit = UINT64_C(1) << (sig - 1);

	if (!witness->pid)
		return false;
	/*
	 * The group's members get the signal one after the other under tasklist_lock (Linux 7.3
	 * kill_pgrp), and setpgid takes that lock for writing before anything else, even where it
	 * changes nothing: after it, whoever was to get the signal has it.
	 */
	setpgid(0, getpgrp());
	if (!ask(witness))
		return false;
	if (!(witness->seen & bit))
		return false;
	witness->seen &= ~bit;
	return true;
}

void witness_stop(struct witness *witness)
{
	if (!witness->pid)
		return;
	close(witness->sock);
	kill(witness->pid, SIGKILL); /* it may be stopped */
	while (waitpid(witness->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*witness = (struct witness){ 0 };
}
