/* SPDX-License-Identifier: MIT */
/* A directory of the user's own in which a box can have its control socket. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "probe.h"

static void run(void)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int n, bound, err, sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	need(sock >= 0, "cannot make a socket");
	if (!dir || *dir != '/')
		dir = "/tmp";
	n = snprintf(
		addr.sun_path, sizeof(addr.sun_path), "%s/nestbox-probe-%d", dir, (int)getpid());
	if ((size_t)n >= sizeof(addr.sun_path) - 16)
		lacks(LACK_EXHAUSTED, "the name of XDG_RUNTIME_DIR, %s, is too long for a socket",
			dir);
	bound = bind(sock, (struct sockaddr *)&addr, sizeof(addr));
	err = errno;
	unlink(addr.sun_path);
	errno = err;
	if (bound)
		lacks(err == EACCES || err == EPERM || err == EROFS ? LACK_DENIED : LACK_BROKEN,
			"cannot make a socket in %s: %m", dir);
	ok();
}

const struct probe probe_runtime_dir = {
	.name = "runtime-dir",
	.purpose = "the control socket of a box, for nestbox ps, show and trace",
	.without = "nestbox ps, show and trace do not find the box",
	.run = run,
};
