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

int main(void)
{
	pid_t pid, listed = 0;
	char path[64];
	FILE *list;

	expect(!prctl(PR_SET_CHILD_SUBREAPER, 1), "PR_SET_CHILD_SUBREAPER");
	expect(!pipe(daemon_pid), "pipe");
	expect(wait_child(run_child(body)) == 0, "the parent of the daemon");
	expect(read(daemon_pid[0], &pid, sizeof(pid)) == sizeof(pid), "its pid");
	expect(waitpid(pid, NULL, WNOHANG) == 0, "the daemon is our child");
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	list = fopen(path, "r");
	if (list)
		expect(fscanf(list, "%d", &listed) == 1 && listed == pid, "/proc lists it");
	kill(pid, SIGKILL);
	expect(wait_child(pid) == 128 + SIGKILL, "and is killed and reaped by us");
	ok("orphans come to the subreaper");
}
