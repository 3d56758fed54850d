/* SPDX-License-Identifier: MIT */
/* Locks, flags, ioctls, readiness, and what a file looks like. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <linux/fs.h>

#define READY (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)

static char buf[8192];

static long op_flock(int fd)
{
	return sys(flock(fd, LOCK_EX | LOCK_NB));
}
static long op_unlock(int fd)
{
	return sys(flock(fd, LOCK_UN));
}

static long op_setlk(int fd)
{
	struct flock lock = { .l_type = F_WRLCK };

	return sys(fcntl(fd, F_SETLK, &lock));
}

static long op_ofd_setlk(int fd)
{
	struct flock lock = { .l_type = F_RDLCK };

	return sys(fcntl(fd, F_OFD_SETLK, &lock));
}

static long op_lease_read(int fd)
{
	return sys(fcntl(fd, F_SETLEASE, F_RDLCK));
}
static long op_lease_write(int fd)
{
	return sys(fcntl(fd, F_SETLEASE, F_WRLCK));
}
static long op_get_lease(int fd)
{
	return sys(fcntl(fd, F_GETLEASE));
}
static long op_get_seals(int fd)
{
	return sys(fcntl(fd, F_GET_SEALS));
}
static long op_add_seals(int fd)
{
	return sys(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
}
static long op_pipe_size(int fd)
{
	return sys(fcntl(fd, F_GETPIPE_SZ));
}
static long op_notify(int fd)
{
	return sys(fcntl(fd, F_NOTIFY, DN_MODIFY));
}
static long op_getfl(int fd)
{
	return sys(fcntl(fd, F_GETFL));
}
static long op_accmode(int fd)
{
	return sys(fcntl(fd, F_GETFL)) & O_ACCMODE;
}

static long op_nonblock(int fd)
{
	long ret = sys(fcntl(fd, F_SETFL, O_NONBLOCK | O_APPEND));

	return ret ? ret : sys(fcntl(fd, F_GETFL)) & (O_NONBLOCK | O_APPEND);
}

static long op_fionbio(int fd)
{
	int on = 1;
	long ret = sys(ioctl(fd, FIONBIO, &on));

	return ret ? ret : sys(fcntl(fd, F_GETFL)) & O_NONBLOCK;
}

static long op_fioclex(int fd)
{
	long ret = sys(ioctl(fd, FIOCLEX));

	return ret ? ret : fcntl(fd, F_GETFD);
}

static long op_fionclex(int fd)
{
	long ret = sys(ioctl(fd, FIONCLEX));

	return ret ? ret : fcntl(fd, F_GETFD);
}

static long op_getfd(int fd)
{
	return sys(fcntl(fd, F_GETFD));
}

static long op_ioctl(int fd, unsigned long cmd)
{
	return sys(ioctl(fd, cmd, buf));
}

static long op_fioasync(int fd)
{
	int on = 1;

	return sys(ioctl(fd, FIOASYNC, &on));
}

static long op_fionread(int fd)
{
	return op_ioctl(fd, FIONREAD);
}
static long op_fioqsize(int fd)
{
	return op_ioctl(fd, FIOQSIZE);
}
static long op_figetbsz(int fd)
{
	return op_ioctl(fd, FIGETBSZ);
}
static long op_fibmap(int fd)
{
	return op_ioctl(fd, FIBMAP);
}
static long op_getflags(int fd)
{
	return op_ioctl(fd, FS_IOC_GETFLAGS);
}
static long op_tcgets(int fd)
{
	return op_ioctl(fd, TCGETS);
}
static long op_winsize(int fd)
{
	return op_ioctl(fd, TIOCGWINSZ);
}
static long op_blksize(int fd)
{
	return op_ioctl(fd, BLKGETSIZE64);
}
static long op_vfio_unknown(int fd)
{
	return op_ioctl(fd, _IO(';', 99));
}
static long op_isatty(int fd)
{
	return isatty(fd) ? 1 : -errno;
}
static long op_ttyname(int fd)
{
	return -ttyname_r(fd, buf, 100);
}

static long op_fchmod(int fd)
{
	return sys(fchmod(fd, 0600));
}

static long op_fchown(int fd)
{
	return sys(fchown(fd, (uid_t)-1, (gid_t)-1));
}

static long op_fchdir(int fd)
{
	return sys(fchdir(fd));
}
static long op_getdents(int fd)
{
	return sys(syscall(SYS_getdents64, fd, buf, sizeof(buf)));
}
static long op_openat(int fd)
{
	return sys(openat(fd, "x", O_RDONLY));
}
static long op_listen(int fd)
{
	return sys(listen(fd, 1));
}
static long op_send(int fd)
{
	return sys(send(fd, "", 1, 0));
}

static long op_execveat(int fd)
{
	return sys(syscall(SYS_execveat, fd, "", NULL, NULL, AT_EMPTY_PATH));
}

/* ---- poll and its kin: files without ->poll are always ready, and epoll takes none ---- */

static long op_poll(int fd)
{
	struct pollfd p = { .fd = fd, .events = -1 };
	int ret = poll(&p, 1, 0);

	return ret == 1 ? p.revents : -1;
}

static long op_poll_in(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, -1) == 1 ? p.revents : -1;
}

static long op_select(int fd)
{
	fd_set in, out, err;
	struct timeval now = { 0 };

	if (fd >= FD_SETSIZE)
		return -ERANGE;
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&err);
	FD_SET(fd, &in);
	FD_SET(fd, &out);
	FD_SET(fd, &err);
	if (select(fd + 1, &in, &out, &err, &now) < 0)
		return -errno;
	return (FD_ISSET(fd, &in) ? 1 : 0) + (FD_ISSET(fd, &out) ? 2 : 0) +
	       (FD_ISSET(fd, &err) ? 4 : 0);
}

static long op_epoll(int fd)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	long ret = sys(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));

	close(epoll);
	return ret;
}

/* ---- looks ---- */

static long op_fstat_type(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -errno : (long)(st.st_mode & S_IFMT);
}

static long op_fstat_rdev(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -errno : (long)(major(st.st_rdev) << 8 | minor(st.st_rdev));
}

static long op_fstat_size(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -errno : (long)(st.st_size + st.st_blocks);
}

static long op_fstat_mode(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -errno : (long)(st.st_mode & 07777);
}

static long same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_mode == b->st_mode &&
	       a->st_nlink == b->st_nlink && a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       a->st_rdev == b->st_rdev && a->st_size == b->st_size &&
	       a->st_blksize == b->st_blksize;
}

static long like_path(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) || stat(path, &b) ? -errno : same(&a, &b);
}

static long op_like_container(int fd)
{
	return like_path(fd, CONTAINER);
}

static long op_like_group(int fd)
{
	return like_path(fd, GROUP);
}

/** All anonymous files share an inode. */
static long op_like_eventfd(int fd)
{
	int other = eventfd(0, EFD_CLOEXEC);
	struct stat a, b;
	long ret = fstat(fd, &a) || fstat(other, &b) ? -errno : same(&a, &b);

	close(other);
	return ret;
}

static long op_fstatat(int fd)
{
	struct stat a, b;

	return fstat(fd, &a) || fstatat(fd, "", &b, AT_EMPTY_PATH) ? -errno : same(&a, &b);
}

static long op_fstatat_flags(int fd)
{
	struct stat st;

	return sys(fstatat(fd, "", &st, AT_EMPTY_PATH | 0x40000));
}

static long op_fstat_bad(int fd)
{
	return sys(syscall(SYS_fstat, fd, (void *)8));
}

static long op_statx(int fd)
{
	struct statx stx;
	struct stat st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx) || fstat(fd, &st))
		return -errno;
	return (stx.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS &&
	       stx.stx_mode == st.st_mode && stx.stx_ino == st.st_ino &&
	       makedev(stx.stx_dev_major, stx.stx_dev_minor) == st.st_dev &&
	       makedev(stx.stx_rdev_major, stx.stx_rdev_minor) == st.st_rdev &&
	       stx.stx_uid == st.st_uid && !stx.stx_size;
}

static long op_statx_mask(int fd)
{
	struct statx stx;

	return sys(statx(fd, "", AT_EMPTY_PATH, STATX__RESERVED, &stx));
}

static long op_fstatfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) ? -errno : (long)fs.f_type;
}

static long reopen(int fd, int flags)
{
	char path[32];
	long ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = sys(open(path, flags));
	if (ret >= 0)
		close((int)ret);
	return ret < 0 ? ret : 0;
}

static long op_reopen(int fd)
{
	return reopen(fd, O_RDWR);
}

static long op_reopen_path(int fd)
{
	return reopen(fd, O_PATH);
}

/* ---- the table ---- */

/* clang-format off */
static const struct row rows[] = {
	ALL(flock, 0, "locks_lock_file_wait"),
	ALL(unlock, 0, "locks_lock_file_wait"),
	ALL(setlk, 0, "fcntl_setlk"),
	ALL(ofd_setlk, 0, "fcntl_setlk"),
	ALL(lease_read, -EINVAL, "generic_setlease: not S_ISREG"),
	ALL(lease_write, -EINVAL, "generic_setlease"),
	ALL(get_lease, F_UNLCK, "fcntl_getlease"),
	ALL(get_seals, -EINVAL, "memfd_fcntl: no seals"),
	ALL(add_seals, -EINVAL, "memfd_fcntl"),
	ALL(pipe_size, -EBADF, "pipe_fcntl"),
	ALL(notify, -ENOTDIR, "fcntl_dirnotify"),
	FILES(getfl, O_RDWR | LARGEFILE, "do_sys_openat2: force_o_largefile"),
	ROW(D, accmode, O_RDWR, "anon_inode_getfile: O_RDWR"),
	ALL(nonblock, O_NONBLOCK | O_APPEND, "setfl"),
	ALL(fionbio, O_NONBLOCK, "do_vfs_ioctl: ioctl_fionbio"),
	FILES(getfd, 0, "do_sys_open"),
	ROW(D, getfd, FD_CLOEXEC, "vfio_group_ioctl_get_device_fd: O_CLOEXEC"),
	ALL(fioclex, FD_CLOEXEC, "do_vfs_ioctl"),
	ALL(fionclex, 0, "do_vfs_ioctl"),
	ALL(fioasync, -ENOTTY, "ioctl_fioasync: no ->fasync"),
	ALL(fioqsize, -ENOTTY, "do_vfs_ioctl: not S_ISREG"),
	ALL(figetbsz, 0, "do_vfs_ioctl"),
	ROW(C, fionread, -EINVAL, "vfio_fops_unl_ioctl: no backend"),
	ROW(C, tcgets, -EINVAL, "vfio_fops_unl_ioctl: no backend"),
	ROW(C, winsize, -EINVAL, "vfio_fops_unl_ioctl: no backend"),
	ROW(C, getflags, -EINVAL, "do_vfs_ioctl: no ->fileattr_get"),
	ROW(C, vfio_unknown, -EINVAL, "vfio_fops_unl_ioctl: no backend"),
	ROW(C, isatty, -EINVAL, "vfio_fops_unl_ioctl: no backend"),
	ROW(S, fionread, -ENOTTY, "vfio_iommu_type1_ioctl"),
	ROW(S, tcgets, -ENOTTY, "vfio_iommu_type1_ioctl"),
	ROW(S, vfio_unknown, -ENOTTY, "vfio_iommu_type1_ioctl"),
	ROW(G, fionread, -ENOTTY, "vfio_group_fops_unl_ioctl"),
	ROW(G, fibmap, -ENOTTY, "vfio_group_fops_unl_ioctl"),
	ROW(G, tcgets, -ENOTTY, "vfio_group_fops_unl_ioctl"),
	ROW(G, winsize, -ENOTTY, "vfio_group_fops_unl_ioctl"),
	ROW(G, blksize, -ENOTTY, "vfio_group_fops_unl_ioctl"),
	ROW(G, getflags, -ENOTTY, "do_vfs_ioctl: no ->fileattr_get"),
	ROW(G, vfio_unknown, -ENOTTY, "vfio_group_fops_unl_ioctl"),
	ROW(G, isatty, -ENOTTY, "vfio_group_fops_unl_ioctl"),
	ROW(G, ttyname, -ENOTTY, "vfio_group_fops_unl_ioctl"),
	ROW(D, fionread, -ENOTTY, "vfio_pci_core_ioctl"),
	ROW(D, fibmap, -ENOTTY, "vfio_pci_core_ioctl"),
	ROW(D, tcgets, -ENOTTY, "vfio_pci_core_ioctl"),
	ROW(D, winsize, -ENOTTY, "vfio_pci_core_ioctl"),
	ROW(D, blksize, -ENOTTY, "vfio_pci_core_ioctl"),
	ROW(D, getflags, -ENOTTY, "do_vfs_ioctl: no ->fileattr_get"),
	ROW(D, vfio_unknown, -ENOTTY, "vfio_pci_core_ioctl"),
	ROW(D, isatty, -ENOTTY, "vfio_pci_core_ioctl"),
	ROW(D, ttyname, -ENOTTY, "vfio_pci_core_ioctl"),
	ROW(D, fchmod, -EOPNOTSUPP, "anon_inode_setattr"),
	ROW(D, fchown, -EOPNOTSUPP, "anon_inode_setattr"),
	ALL(fchdir, -ENOTDIR, "sys_fchdir"),
	ALL(getdents, -ENOTDIR, "iterate_dir"),
	ALL(openat, -ENOTDIR, "path_init"),
	ALL(listen, -ENOTSOCK, "sockfd_lookup"),
	ALL(send, -ENOTSOCK, "sockfd_lookup"),
	ALL(execveat, -EACCES, "do_open_execat: not S_ISREG"),
	EACH(poll, READY, "vfs_poll: DEFAULT_POLLMASK"),
	ALL(poll_in, POLLIN, "vfs_poll: DEFAULT_POLLMASK"),
	ALL(select, 3, "do_select: DEFAULT_POLLMASK"),
	EACH(epoll, -EPERM, "do_epoll_ctl: file_can_poll"),
	FILES(fstat_type, S_IFCHR, "chr_dev of devtmpfs"),
	FILES(fstat_rdev, 1 << 8 | 3, "as stat of the path"),
	ALL(fstat_size, 0, "generic_fillattr"),
	ROW(C, like_container, 1, "vfs_fstat is vfs_stat of the same inode"),
	ROW(G, like_group, 1, "vfs_fstat is vfs_stat of the same inode"),
	ROW(D, like_eventfd, 1, "anon_inode_getfile: one inode for all"),
	ROW(D, fstat_type, 0, "anon_inode_getattr"),
	ROW(D, fstat_mode, 0600, "anon_inode_make"),
	ALL(fstatat, 1, "vfs_fstatat: AT_EMPTY_PATH"),
	ALL(fstatat_flags, 0, "vfs_fstatat: vfs_fstat, whatever the flags"),
	ALL(fstat_bad, -EFAULT, "cp_new_stat"),
	ALL(statx, 1, "vfs_statx"),
	ALL(statx_mask, -EINVAL, "do_statx: STATX__RESERVED"),
	FILES(fstatfs, 0x01021994, "devtmpfs: TMPFS_MAGIC"),
	ROW(D, fstatfs, 0x09041934, "ANON_INODE_FS_MAGIC"),
	ROW(C, reopen, 0, "vfio_fops_open: another container"),
	ROW(G, reopen, -EBUSY, "vfio_group_fops_open"),
	ROW(D, reopen, -ENXIO, "no_open"),
	ALL(reopen_path, 0, "do_o_path"),
};
/* clang-format on */

size_t run_looks(void)
{
	run_rows(rows, sizeof(rows) / sizeof(rows[0]));
	return sizeof(rows) / sizeof(rows[0]);
}
