/* SPDX-License-Identifier: MIT */
/*
 * A directory in which a box can have its control socket: $XDG_RUNTIME_DIR or /run/user/UID where they
 * are this user's alone, else /tmp.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "probe.h"

/** Make a directory in base, and in it a socket; and remove both again. */
static bool takes_socket(int base)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char name[32];
	bool bound;
	int dir;

	need(sock >= 0, "cannot make a socket");
	snprintf(name, sizeof(name), "nestbox-probe-%d", (int)getpid());
	if (mkdirat(base, name, 0700))
		return false;
	dir = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/s", dir);
	bound = dir >= 0 && !bind(sock, (struct sockaddr *)&addr, sizeof(addr));
	unlinkat(dir, "s", 0);
	unlinkat(base, name, AT_REMOVEDIR);
	return bound;
}

static bool is_place(const char *path, bool shared)
{
	int base = path && *path == '/' ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	struct stat st;

	if (base < 0 || fstat(base, &st))
		return false;
	if (!shared && (st.st_uid != geteuid() || (st.st_mode & 022)))
		return false;
	return takes_socket(base);
}

static void run(void)
{
	char of_user[32];

	snprintf(of_user, sizeof(of_user), "/run/user/%u", (unsigned)geteuid());
	if (is_place(getenv("XDG_RUNTIME_DIR"), false) || is_place(of_user, false) ||
		is_place("/tmp", true))
		ok();
	lacks(LACK_DENIED, "cannot make a socket in $XDG_RUNTIME_DIR, %s or /tmp", of_user);
}

const struct probe probe_runtime_dir = {
	.name = "runtime-dir",
	.purpose = "the control socket of a box, for nestbox ps, show and trace",
	.without = "nestbox ps, show and trace do not find the box",
	.run = run,
};
