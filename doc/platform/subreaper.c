/* SPDX-License-Identifier: MIT */
/*
 * The orphans of a subreaper's descendants become its children, whatever session they made, before
 * their parent can be reaped; and /proc lists them.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

static int daemon_pid[2];

static int body(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		pause();
		_exit(0);
	}
	return write(daemon_pid[1], &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1;
}

static void run(void)
{
	pid_t pid, listed = 0;
	FILE *list;

	need(!prctl(PR_SET_CHILD_SUBREAPER, 1), "cannot become a subreaper");
	need(!pipe(daemon_pid), "cannot make a pipe");
	join_child(run_child(body));
	expect(read(daemon_pid[0], &pid, sizeof(pid)) == sizeof(pid),
		"the child tells the pid of its own");
	expect(waitpid(pid, NULL, WNOHANG) == 0, "an orphan of ours becomes our child");
	list = fopen("/proc/thread-self/children", "r");
	if (list)
		expect(fscanf(list, "%d", &listed) == 1 && listed == number_in_proc(pid),
			"/proc lists our orphans as children");
	kill(pid, SIGKILL);
	expect(wait_child(pid) == 128 + SIGKILL, "an orphan can be killed and reaped");
	ok();
}

const struct probe probe_subreaper = {
	.name = "subreaper",
	.purpose = "nothing escapes: orphans of the box become the guardian's children",
	.run = run,
};
