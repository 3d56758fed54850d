/* SPDX-License-Identifier: MIT */
/*
 * The fstat question: a stand-in is a memfd at a descriptor from BASE up, and fstat, newfstatat and
 * statx with AT_EMPTY_PATH are notified for those numbers alone. Then fstat() of the C library,
 * whichever call it makes, sees a character device 1:3. A dup below BASE shows the memfd that it
 * is.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "probe.h"

#define BASE 50
#define LAST 0xfffff /* or AT_FDCWD and -1 would match */

static const struct sock_filter filter[] = {
	LOAD(nr),
	IF_EQUAL(__NR_fstat, 8, 0),
	IF_EQUAL(__NR_newfstatat, 0, 2),
	LOAD(args[3]),
	BPF_STMT(BPF_JMP | BPF_JA, 3),
	IF_EQUAL(__NR_statx, 0, 3),
	LOAD(args[2]),
	BPF_STMT(BPF_JMP | BPF_JA, 0),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, AT_EMPTY_PATH, 1, 0),
	ALLOW,
	LOAD(args[0]),
	IF_AT_LEAST(BASE, 0, 2),
	BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, LAST, 1, 0),
	NOTIFY,
	ALLOW,
};

static int check(void)
{
	struct stat st;
	struct statx stx;
	int low;

	if (fstat(BASE, &st) || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return 1;
	if (fstatat(BASE, "", &st, AT_EMPTY_PATH) || !S_ISCHR(st.st_mode))
		return 2;
	if (statx(BASE, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx) || !S_ISCHR(stx.stx_mode) ||
		stx.stx_rdev_major != 1 || stx.stx_rdev_minor != 3)
		return 3;
	low = dup(BASE);
	if (low < 0 || low >= BASE || fstat(low, &st) || !S_ISREG(st.st_mode))
		return 4;
	return stat("/dev/null", &st) || fstat(0, &st) ? 5 : 0;
}

static int body(void)
{
	int memfd = memfd_create("stand-in", MFD_CLOEXEC);

	return dup2(memfd, BASE) == BASE ? check() : 6;
}

static void put(pid_t pid, unsigned long long to, void *from, size_t len)
{
	int mem = open_proc(pid, "mem");

	need(mem >= 0 && pwrite(mem, from, len, (off_t)to) == (ssize_t)len,
		"cannot write an answer to a child (/proc/PID/mem)");
	close(mem);
}

static void serve(pid_t pid, const struct seccomp_notif *notif)
{
	struct stat st = { .st_mode = S_IFCHR | 0666, .st_rdev = makedev(1, 3), .st_nlink = 1 };
	struct statx stx = { .stx_mask = STATX_BASIC_STATS,
		.stx_mode = S_IFCHR | 0666,
		.stx_rdev_major = 1,
		.stx_rdev_minor = 3,
		.stx_nlink = 1 };

	if (notif->data.nr == __NR_statx)
		put(pid, notif->data.args[4], &stx, sizeof(stx));
	else
		put(pid, notif->data.args[notif->data.nr == __NR_fstat ? 1 : 2], &st, sizeof(st));
}

static void run(void)
{
	int listener;
	pid_t pid = run_notified(filter, COUNT(filter), body, &listener);

	for (int i = 0; i < 3; i++) {
		struct seccomp_notif notif = receive(listener);

		serve(pid, &notif);
		answer(listener, notif.id, 0, 0);
	}
	expect(wait_child(pid) == 0, "fstat, fstatat and statx see what we answer");
	ok();
}

const struct probe probe_stand_in_fstat = {
	.name = "stand-in-fstat",
	.purpose = "fstat, fstatat and statx of a stand-in can be answered: a character device 1:3",
	.run = run,
};
