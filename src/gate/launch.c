/* SPDX-License-Identifier: MIT */
/*
 *   supervisor --- guardian --- program --- its descendants
 *
 * The program stays in the session, process group and terminal that nestbox was started in, so
 * that the terminal's signals, job control included, reach it as they would without us. What is
 * sent to the supervisor alone is passed on; a witness tells what was (witness.h).
 *
 * A supervisor that is stopped serves nobody, so we follow the program's stops only where the shell
 * that waits for us must see them:
 *
 * - Job control (SIGTSTP, SIGTTIN, SIGTTOU) of our common process group, once the program has
 *   stopped: a shell that heard of us first would read the terminal beside a program that does so
 *   still. A program that ignores the signal goes on, and so do we.
 * - A program with a process group of its own that stops while it has the terminal (bash: suspend)
 *   would leave a terminal that nobody reads. We stop with it, the shell goes on, and when it
 *   continues us, the program gets back the terminal and continues.
 */
#include "gate/launch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "gate/child.h"
#include "gate/procfs.h"
#include "gate/wire.h"

/*
 * Passed on to the program. Not here: stops and faults, which are about the one who gets them.
 * FIDELITY: so a program that is stopped alone does not stop us, and stopped we serve nobody.
 */
static const int passed_signals[] = {
	SIGHUP,
	SIGINT,
	SIGQUIT,
	SIGTERM,
	SIGUSR1,
	SIGUSR2,
	SIGALRM,
	SIGVTALRM,
	SIGPROF,
	SIGPOLL,
	SIGPWR,
	SIGWINCH,
	SIGURG,
	SIGXCPU,
	SIGPIPE,
	SIGTSTP,
	SIGTTIN,
};

static void passed_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_LEN(passed_signals); i++)
		sigaddset(set, passed_signals[i]);
	for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
		sigaddset(set, sig);
}

static int find_user(const char *name, struct child_user *user, struct error *error)
{
	struct passwd *pw;
	int n = (int)ARRAY_LEN(user->groups);

	user->n_groups = 0;
	if (!name)
		return 0;
	if (geteuid())
		return error_set(error, EPERM, "--user: only root can become another user");
	pw = getpwnam(name);
	if (!pw)
		return error_set(error, ENOENT, "--user: there is no user '%s'", name);
	user->uid = pw->pw_uid;
	user->gid = pw->pw_gid;
	if (getgrouplist(name, pw->pw_gid, user->groups, &n) < 0)
		return error_set(error, E2BIG, "--user: '%s' is in more than %zu groups", name,
			ARRAY_LEN(user->groups));
	user->n_groups = n;
	return 0;
}

/** Copy what the child saw of its nodes into our copy of the tree. */
static int take_nodes(struct tree *tree, const struct child_node *nodes, size_t n)
{
	size_t taken = 0;

	for (size_t i = 0; i < tree->n; i++) {
		struct tree_entry *entry = &tree->entries[i];

		if (entry->kind != TREE_NODE)
			continue;
		if (taken == n)
			return -EPROTO;
		entry->mnt_id = nodes[taken].mnt_id;
		entry->ino = nodes[taken].ino;
		entry->dev = nodes[taken].dev;
		taken++;
	}
	return taken == n ? 0 : -EPROTO;
}

/** The child's report: its failure, or its descriptors and the nodes. */
static int hear(int sock, struct tree *tree, struct launched *out, struct error *error)
{
	AUTO_FREE struct child_node *nodes = calloc(tree->n + 1, sizeof(*nodes));
	struct child_report report = { 0 };
	struct iovec iov[2] = { { &report, sizeof(report) }, { nodes, tree->n * sizeof(*nodes) } };
	int fds[3] = { -1, -1, -1 };
	ssize_t n;

	if (!nodes)
		return error_sys(error, ENOMEM, "cannot start the program");
	n = wire_recv(sock, iov, 2, fds, 3);
	if (report.error.err) /* a failure comes without descriptors */
		return error_set(error, report.error.err, "%s", report.error.message);
	if (n < (ssize_t)sizeof(report))
		return error_set(error, EIO, "the box's first process ended while it was set up");
	out->listener = fds[0];
	out->report_dir = fds[1];
	out->sys = fds[2];
	if (!report.has_sys) {
		cleanup_fd(&out->sys);
		out->sys = -1;
	}
	if (take_nodes(tree, nodes, report.n_nodes))
		return error_set(error, EPROTO, "the box's first process does not know its nodes");
	return 0;
}

/** Descriptors without FD_CLOEXEC came with exec: they are the program's, not ours (launch.h). */
static void drop_inherited(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		int fd = atoi(entry->d_name), flags = fcntl(fd, F_GETFD);

		if (entry->d_name[0] == '.' || flags < 0 || (flags & FD_CLOEXEC) || fd == 2)
			continue;
		if (fd < 2)
			dup3(null, fd, O_CLOEXEC);
		else
			close(fd);
	}
	if (dir)
		closedir(dir);
	if (null >= 0)
		close(null);
}

static bool have_cap_ptrace(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };

	return !syscall(SYS_capget, &head, data) && data[0].effective & 1u << CAP_SYS_PTRACE;
}

/**
 * Whether we shall be able to serve it, since a program whose memory we cannot reach would find a
 * dead /dev/vfio. Tried, unless it has changed its user: until exec such a process is closed to all.
 */
static int check_reach(const struct child *child, pid_t pid, struct error *error)
{
	int fd = -1;

	if (child->user.n_groups && child->user.uid != geteuid() && !have_cap_ptrace())
		return error_set(error, EPERM,
			"--user: without CAP_SYS_PTRACE another user's memory is out of reach "
			"(containers: --cap-add SYS_PTRACE, or the engine's own --user)");
	/* Who may not read our executable may not look into us either, but into what we exec. */
	if (child->user.n_groups || prctl(PR_GET_DUMPABLE) != 1)
		return 0;
	fd = procfs_open(pid, "mem", O_RDWR);
	if (fd < 0)
		return error_sys(error, -fd,
			"the program's memory is out of reach (sysctl kernel.yama.ptrace_scope=1 "
			"or 0; containers: --cap-add SYS_PTRACE)");
	close(fd);
	return 0;
}

static uint64_t mount_namespace_of(pid_t pid)
{
	AUTO_FD int fd = procfs_open(pid, "ns/mnt", O_PATH);
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) ? st.st_ino : 0;
}

/** Fork everything, hear from the program's process, and let it go. */
static int start(struct child *child, int sock, struct launched *out, struct error *error)
{
	struct guardian_report report = { 0 };
	struct iovec go = { "", 1 };
	int err = guardian_start(&out->guardian, child_run, child, &child->args->will);

	close(child->sock);
	if (err)
		return error_sys(error, -err, "cannot fork");
	if (!guardian_receive(&out->guardian, &report) || report.news != GUARDIAN_STARTED)
		return error_set(error, EIO, "the box's guardian ended");
	out->pid = report.value;
	/* Not before there is a program: what the group gets from now on, it gets too. */
	err = witness_start(&out->witness);
	if (err)
		return error_sys(error, -err, "cannot fork");
	err = hear(sock, child->args->tree, out, error);
	out->mnt_ns = err ? 0 : mount_namespace_of(out->pid);
	err = err ? err : check_reach(child, out->pid, error);
	if (err)
		return err;
	out->pidfd = (int)syscall(SYS_pidfd_open, out->pid, 0);
	if (out->pidfd < 0)
		return error_sys(error, errno, "cannot open the program's pidfd");
	err = wire_send(sock, &go, 1, NULL, 0);
	return err ? error_sys(error, -err, "cannot start the program") : 0;
}

/** From here on signals wait for launch_wait, in every thread made later. */
static int hold_signals(struct launched *out, struct child *child, struct error *error)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t set, out_of_background;

	passed_set(&set);
	/* Inherited SIG_IGN would have the kernel reap, and us never learn the exit status. */
	sigaction(SIGCHLD, &dfl, &child->on_child);
	pthread_sigmask(SIG_BLOCK, &set, &out->caller_mask);
	/* What we have to say goes to the terminal even while we are in the background (stty tostop):
	 * stopped, we would serve nobody. */
	sigemptyset(&out_of_background);
	sigaddset(&out_of_background, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &out_of_background, NULL);
	child->mask = out->caller_mask;
	out->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return out->signals < 0 ? error_sys(error, errno, "cannot make a signalfd") : 0;
}

int launch(const struct launch_args *args, struct launched *out, struct error *error)
{
	struct child child = { .args = args };
	int pair[2], err;

	*out = (struct launched){ .listener = -1,
		.report_dir = -1,
		.sys = -1,
		.pidfd = -1,
		.signals = -1,
		.guardian.sock = -1 };
	err = procfs_check(error);
	err = err ? err : find_user(args->user, &child.user, error);
	if (err)
		return err;
	err = hold_signals(out, &child, error);
	if (!err && wire_pair(pair))
		err = error_sys(error, errno, "cannot make a socket pair");
	if (!err) {
		prctl(PR_SET_CHILD_SUBREAPER, 1);
		child.sock = pair[1];
		err = start(&child, pair[0], out, error);
		close(pair[0]);
	}
	if (err)
		launch_finish(out);
	else
		drop_inherited();
	return err;
}

/**
 * Whether only we got it. What the terminal sends (SI_KERNEL) went to the whole process group; but
 * a hang-up goes to the session's leader alone. SIGPIPE from ourselves is our own stderr.
 */
static bool is_ours_alone(struct launched *launched, const struct signalfd_siginfo *info)
{
	bool group = witness_saw(&launched->witness, (int)info->ssi_signo);

	if (info->ssi_signo == SIGPIPE)
		return info->ssi_pid != (uint32_t)getpid();
	if (info->ssi_code == SI_KERNEL)
		return info->ssi_signo == SIGHUP && getsid(0) == getpid();
	/* Who left the group gets from us what comes to it. */
	return !group || getpgid(launched->pid) != getpgrp();
}

static bool ends_box(uint32_t signo)
{
	return signo == SIGINT || signo == SIGTERM || signo == SIGHUP || signo == SIGQUIT;
}

static bool is_job_control(uint32_t signo)
{
	return signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU;
}

/** By what the signal does by itself; it is blocked otherwise (hold_signals). */
static void stop_by(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	raise(sig);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* returns when we are continued */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/** False: the program has ended, only descendants are left, and somebody wants an end of it. */
static bool pass_signals(struct launched *launched, bool program_ended)
{
	struct signalfd_siginfo info;

	while (read(launched->signals, &info, sizeof(info)) == sizeof(info)) {
		if (program_ended && ends_box(info.ssi_signo))
			return false;
		if (program_ended && is_job_control(info.ssi_signo))
			stop_by((int)info.ssi_signo);
		if (is_ours_alone(launched, &info) && !program_ended)
			syscall(SYS_pidfd_send_signal, launched->pidfd, info.ssi_signo, NULL, 0);
	}
	return true;
}

/** The program, with a group of its own, stopped: it may leave the terminal to nobody. */
static void stop_for_terminal(pid_t group)
{
	AUTO_FD int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	pid_t foreground;

	if (tty < 0 || tcgetpgrp(tty) != group)
		return;
	do { /* continued in the background, it would want the terminal and stop again */
		kill(getpid(), SIGSTOP);
		foreground = tcgetpgrp(tty);
	} while (foreground >= 0 && foreground != getpgrp());
	if (foreground >= 0)
		tcsetpgrp(tty, group);
	kill(-group, SIGCONT);
}

/** The program stopped: see the top. */
static void stop_with(const struct launched *launched, int sig)
{
	pid_t group = getpgid(launched->pid);

	if (group >= 0 && group != getpgrp())
		stop_for_terminal(group);
	else if (group >= 0 && is_job_control((uint32_t)sig))
		stop_by(sig);
}

static int shell_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/** What the guardian has to say. False: nothing any more. */
static bool hear_guardian(struct launched *launched, int *status, bool *ended)
{
	struct guardian_report report;

	if (!guardian_receive(&launched->guardian, &report))
		return false;
	if (report.news == GUARDIAN_STOPPED)
		stop_with(launched, WSTOPSIG(report.value));
	if (report.news == GUARDIAN_ENDED) {
		*status = report.value;
		*ended = true;
	}
	return true;
}

int launch_wait(struct launched *launched)
{
	struct pollfd fds[] = {
		{ .fd = launched->signals, .events = POLLIN },
		{ .fd = launched->guardian.sock, .events = POLLIN },
	};
	int status = SIGKILL; /* unless we hear otherwise: somebody killed the guardian */
	bool ended = false;

	for (;;) {
		if (poll(fds, ARRAY_LEN(fds), -1) < 0)
			continue;
		if (fds[1].revents && !hear_guardian(launched, &status, &ended))
			break;
		if (fds[0].revents && !pass_signals(launched, ended))
			break;
	}
	witness_dismiss(&launched->witness); /* it ends while the guardian does */
	guardian_stop(&launched->guardian);
	launched->interrupted = WIFSIGNALED(status) && WTERMSIG(status) == SIGINT;
	return shell_status(status);
}

void launch_finish(struct launched *launched)
{
	int *const fds[] = { &launched->listener, &launched->report_dir, &launched->sys,
		&launched->pidfd, &launched->signals };

	guardian_stop(&launched->guardian);
	witness_stop(&launched->witness);
	if (launched->signals >= 0)
		pthread_sigmask(SIG_SETMASK, &launched->caller_mask, NULL);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		cleanup_fd(fds[i]);
		*fds[i] = -1;
	}
}
