/* SPDX-License-Identifier: MIT */
/*
 * groups NESTBOX: what is sent to the job's process group reaches the program in the box once, and
 * so does what is sent to nestbox alone. Real-time signals, which are counted, not merged.
 *
 * groups --count: the program. It prints how often it got each signal once SIGRTMAX comes, which is
 * passed on after all others (the lowest number first).
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TO_GROUP (SIGRTMIN + 1)
#define TO_US	 (SIGRTMIN + 2)

static int count(void)
{
	int n[NSIG] = { 0 }, sig;
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		return 1;
	while ((sig = sigwaitinfo(&set, NULL)) != SIGRTMAX)
		if (sig > 0)
			n[sig]++;
	printf("group %d alone %d term %d\n", n[TO_GROUP], n[TO_US], n[SIGTERM]);
	return 0;
}

static pid_t start(const char *nestbox, char *self, FILE **out)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds) || (pid = fork()) < 0)
		err(1, "fork");
	if (!pid) {
		setpgid(0, 0);
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execl(nestbox, nestbox, "run", "--", self, "--count", NULL);
		err(1, "%s", nestbox);
	}
	setpgid(pid, pid);
	close(fds[1]);
	*out = fdopen(fds[0], "r");
	return pid;
}

int main(int argc, char **argv)
{
	char line[128] = "";
	int status, i;
	FILE *out;
	pid_t pid;

	if (argc == 2 && !strcmp(argv[1], "--count"))
		return count();
	pid = start(argv[1], argv[0], &out);
	if (!fgets(line, sizeof(line), out) || strcmp(line, "ready\n"))
		errx(1, "the program did not start");
	kill(-pid, SIGTERM);
	for (i = 0; i < 100; i++) {
		kill(-pid, TO_GROUP);
		if (i % 4 == 0)
			kill(pid, TO_US);
	}
	kill(pid, SIGRTMAX);
	if (!fgets(line, sizeof(line), out))
		errx(1, "the program said nothing");
	if (waitpid(pid, &status, 0) != pid || status)
		errx(1, "wait status %#x", status);
	printf("%s", line);
	return strcmp(line, "group 100 alone 25 term 1\n") != 0;
}
