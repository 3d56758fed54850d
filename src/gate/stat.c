/* SPDX-License-Identifier: MIT */
/*
 * What our files look like to fstat and its kin: programs check that what they opened is the
 * character device that sysfs tells of, and the stand-in is a regular file.
 */
#include "gate/calls.h"

#include <sys/sysmacros.h>

/** What fstat shows: nodes are character devices like their placeholder, devices anonymous. */
struct looks {
	unsigned mode;
	unsigned major, minor;
};

static struct looks looks_of(const struct call *call)
{
	if (!call->origin.node)
		return (struct looks){ 0600, 0, 0 };
	return (struct looks){ S_IFCHR | 0666, 1, 3 };
}

/** Whether the path argument is empty, as AT_EMPTY_PATH wants it (NULL too, since Linux 6.11). */
static bool empty_path(struct call *call, uint64_t upath)
{
	char c;

	return !upath || (!usermem_copy_in(&call->caller, &c, upath, 1) && !c);
}

static long stat_to(struct call *call, uint64_t ubuf)
{
	int fd = (int)call_arg(call, 0);
	struct file *file = call_file(call, 0);
	struct looks looks;
	struct stat st;

	if (!file)
		return CALL_CONTINUE;
	file_put(file);
	if (proc_stat_fd(call->proc, fd, &st))
		return CALL_CONTINUE;
	looks = looks_of(call);
	st.st_mode = looks.mode;
	st.st_rdev = makedev(looks.major, looks.minor);
	st.st_size = st.st_blocks = 0;
	return usermem_copy_out(&call->caller, ubuf, &st, sizeof(st));
}

long sys_fstat(struct call *call)
{
	return stat_to(call, call_arg(call, 1));
}

long sys_newfstatat(struct call *call)
{
	return empty_path(call, call_arg(call, 1)) ? stat_to(call, call_arg(call, 2))
						   : CALL_CONTINUE;
}

static void statx_from(struct statx *stx, const struct stat *st, const struct looks *looks)
{
	*stx = (struct statx){
		.stx_mask = STATX_BASIC_STATS,
		.stx_blksize = (unsigned)st->st_blksize,
		.stx_nlink = (unsigned)st->st_nlink,
		.stx_uid = st->st_uid,
		.stx_gid = st->st_gid,
		.stx_mode = (uint16_t)looks->mode,
		.stx_ino = st->st_ino,
		.stx_atime = { .tv_sec = st->st_atim.tv_sec },
		.stx_mtime = { .tv_sec = st->st_mtim.tv_sec },
		.stx_ctime = { .tv_sec = st->st_ctim.tv_sec },
		.stx_rdev_major = looks->major,
		.stx_rdev_minor = looks->minor,
		.stx_dev_major = major(st->st_dev),
		.stx_dev_minor = minor(st->st_dev),
	};
}

long sys_statx(struct call *call)
{
	int fd = (int)call_arg(call, 0);
	struct looks looks;
	struct file *file;
	struct statx stx;
	struct stat st;

	if (!empty_path(call, call_arg(call, 1)))
		return CALL_CONTINUE;
	file = call_file(call, 0);
	if (!file)
		return CALL_CONTINUE;
	file_put(file);
	if (proc_stat_fd(call->proc, fd, &st))
		return CALL_CONTINUE;
	looks = looks_of(call);
	statx_from(&stx, &st, &looks);
	return usermem_copy_out(&call->caller, call_arg(call, 4), &stx, sizeof(stx));
}
