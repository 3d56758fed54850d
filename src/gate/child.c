/* SPDX-License-Identifier: MIT */
/*
 * Namespaces, mounts, identity, no_new_privs and the filter, in this order: mounting needs what
 * setuid takes away, and the filter without privilege needs no_new_privs. Then the supervisor gets
 * the listener and says go; exec drops what capabilities the user namespace gave.
 */
#include "gate/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "gate/namespace.h"
#include "gate/serve.h"
#include "gate/wire.h"

static int become(const struct child_user *user, struct error *error)
{
	if (!user->n_groups)
		return 0;
	if (setgroups((size_t)user->n_groups, user->groups) || setgid(user->gid) ||
		setuid(user->uid))
		return error_sys(error, errno,
			"--user: cannot become uid %u; without CAP_SYS_ADMIN a box has one user "
			"only (containers: --cap-add SYS_ADMIN, or the engine's own --user)",
			(unsigned)user->uid);
	return 0;
}

static unsigned collect_nodes(const struct tree *tree, struct child_node *nodes)
{
	unsigned n = 0;

	for (size_t i = 0; i < tree->n; i++) {
		const struct tree_entry *entry = &tree->entries[i];

		if (entry->kind == TREE_NODE)
			nodes[n++] = (struct child_node){ entry->mnt_id, entry->ino, entry->dev };
	}
	return n;
}

/** nodes has room for all, and goes with exec. */
static int tell(
	struct child *child, struct child_node *nodes, const int fds[3], struct error *error)
{
	const struct tree *tree = child->args->tree;
	struct child_report report = { 0 };
	struct iovec iov[2] = { { &report, sizeof(report) } };
	int err;

	report.n_nodes = collect_nodes(tree, nodes);
	report.has_sys = fds[2] != fds[1];
	iov[1] = (struct iovec){ nodes, report.n_nodes * sizeof(*nodes) };
	err = wire_send(child->sock, iov, 2, fds, 3);
	return err ? error_sys(error, -err, "cannot report to the supervisor") : 0;
}

static int install(struct child *child, int sys, struct error *error)
{
	AUTO_FD int report_dir = open(TREE_REPORT_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_FD int listener = -1;
	struct child_node *nodes;

	if (report_dir < 0)
		return error_sys(error, errno, "cannot open %s", TREE_REPORT_DIR);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return error_sys(error, errno, "cannot set no_new_privs");
	nodes = calloc(child->args->tree->n + 1, sizeof(*nodes));
	if (!nodes)
		return error_sys(error, ENOMEM, "cannot report to the supervisor");
	/* From here on nobody answers what is notified until the supervisor has the listener: no
	 * memory is taken or given back. */
	listener = filter_install(child->args->fd_base, child->args->strict_pin, error);
	/* Where there is no copy of /sys the report directory stands in for it (launch.c). */
	return listener < 0 ? listener
			    : tell(child, nodes,
				      (int[]){ listener, report_dir, sys < 0 ? report_dir : sys },
				      error);
}

static int prepare(struct child *child, struct error *error)
{
	AUTO_FD int sys = -1;
	int err = namespace_enter(error);

	err = err ? err : namespace_populate(child->args->tree, &sys, error);
	err = err ? err : become(&child->user, error);
	return err ? err : install(child, sys, error);
}

/** False: the supervisor is gone or does not want us any more. */
static bool wait_for_go(int sock)
{
	char go;
	struct iovec iov = { &go, 1 };

	return wire_recv(sock, &iov, 1, NULL, 0) == 1;
}

static void fail(struct child *child, const struct error *error)
{
	struct child_report report = { .error = *error };
	struct iovec iov = { &report, sizeof(report) };

	if (!report.error.err)
		report.error.err = EIO;
	wire_send(child->sock, &iov, 1, NULL, 0);
	_exit(125);
}

void child_run(void *ctx)
{
	struct child *child = ctx;
	char *const *argv = child->args->argv;
	struct error error = { 0 };

	if (prepare(child, &error))
		fail(child, &error);
	if (!wait_for_go(child->sock))
		_exit(125);
	sigaction(SIGCHLD, &child->on_child, NULL);
	sigprocmask(SIG_SETMASK, &child->mask, NULL);
	if (child->args->nofile)
		setrlimit(RLIMIT_NOFILE, child->args->nofile);
	execvp(argv[0], argv);
	dprintf(STDERR_FILENO, "nestbox: %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}
