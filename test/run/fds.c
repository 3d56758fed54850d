/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of VFIO files, as Linux 7.3 answers for them: a table of {kind of file, operation,
 * result, the kernel function that says so}. Each row opens what it needs anew and closes it: a
 * group that was not given back would fail the next row. An ordinary VFIO program, for a host whose
 * 0000:01:00.0 is alone in group 1.
 *
 * usage: fds                  in a box: the table, and what does not fit into it
 *        fds spawn COMMAND     outside: run COMMAND with inherited descriptors at odd numbers, which
 *                              it gets as arguments; COMMAND ends in `fds inherited`
 *        fds outer COMMAND     outside: be sent descriptors by COMMAND, which ends in `fds send`
 *        fds is KIND FD        helper: whether FD is one
 *        fds receive KIND      helper: whether what comes through socket 3 is one
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/vfio.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#define LARGEFILE 0100000 /* O_LARGEFILE is 0 to 64-bit programs */
#define DEVICE	  "0000:01:00.0"
#define CONTAINER "/dev/vfio/vfio"
#define GROUP	  "/dev/vfio/1"

static int failures, checks;
static const char *self;

static long sys(long ret)
{
	return ret < 0 ? -errno : ret;
}

/* ---- what is under test ---- */

enum kind {
	C, /* a container without an IOMMU */
	S, /* a container with one */
	G, /* a group, in it */
	D, /* a device, of it */
	N_KINDS,
};

static const char *const kind_names[] = { "container", "container with IOMMU", "group", "device" };

struct rig {
	int fd[N_KINDS];
};

static int open_group(void)
{
	return (int)sys(open(GROUP, O_RDWR));
}

static long rig_open(struct rig *rig)
{
	for (int i = 0; i < N_KINDS; i++)
		rig->fd[i] = -1;
	rig->fd[C] = (int)sys(open(CONTAINER, O_RDWR));
	rig->fd[S] = (int)sys(open(CONTAINER, O_RDWR));
	rig->fd[G] = open_group();
	if (rig->fd[C] < 0 || rig->fd[S] < 0 || rig->fd[G] < 0)
		return rig->fd[G] < 0 ? rig->fd[G] : -EIO;
	if (ioctl(rig->fd[G], VFIO_GROUP_SET_CONTAINER, &rig->fd[S]) ||
		ioctl(rig->fd[S], VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return -errno;
	rig->fd[D] = (int)sys(ioctl(rig->fd[G], VFIO_GROUP_GET_DEVICE_FD, DEVICE));
	return rig->fd[D] < 0 ? rig->fd[D] : 0;
}

static void rig_close(struct rig *rig)
{
	for (int i = N_KINDS - 1; i >= 0; i--)
		if (rig->fd[i] >= 0)
			close(rig->fd[i]);
}

/** Whether the file answers as what it is, through this number. */
static bool alive(enum kind kind, int fd)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	struct vfio_device_info info = { .argsz = sizeof(info) };

	switch (kind) {
	case G:
		return !ioctl(fd, VFIO_GROUP_GET_STATUS, &status);
	case D:
		return !ioctl(fd, VFIO_DEVICE_GET_INFO, &info) && info.flags & 2;
	default:
		return ioctl(fd, VFIO_GET_API_VERSION) == VFIO_API_VERSION;
	}
}

static int64_t region_offset(int device, unsigned index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	return ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) ? -1 : (int64_t)info.offset;
}

/* ---- operations: 0 or more, or a negative errno ---- */

static char buf[8192];
static int scratch; /* a temporary file of some bytes */

/* clang-format off: one line for each */

static long op_read(int fd)
{
	return sys(read(fd, buf, 4));
}
static long op_read_0(int fd)
{
	return sys(read(fd, buf, 0));
}
static long op_read_bad(int fd)
{
	return sys(syscall(SYS_read, fd, (void *)8, 4));
}
static long op_write(int fd)
{
	return sys(write(fd, buf, 4));
}
static long op_pread_negative(int fd)
{
	return sys(pread(fd, buf, 4, -1));
}
static long op_pwrite_negative(int fd)
{
	return sys(pwrite(fd, buf, 4, -2));
}
static long op_pread_0(int fd)
{
	return sys(pread(fd, buf, 4, 0));
}
static long op_pwrite_0(int fd)
{
	return sys(pwrite(fd, buf, 4, 0));
}

static const struct iovec two[] = { { buf, 2 }, { buf + 2, 2 } };

static long op_readv(int fd)
{
	return sys(readv(fd, two, 2));
}
static long op_writev(int fd)
{
	return sys(writev(fd, two, 2));
}
static long op_readv_many(int fd)
{
	return sys(syscall(SYS_readv, fd, two, 2000));
}
static long op_preadv_negative(int fd)
{
	return sys(preadv(fd, two, 2, -1));
}
static long op_preadv2_position(int fd)
{
	return sys(preadv2(fd, two, 2, -1, 0));
}
static long op_pwritev2_flag(int fd)
{
	return sys(pwritev2(fd, two, 2, -1, 0x40000000));
}

static long op_lseek_set(int fd)
{
	return sys(lseek(fd, 0, SEEK_SET));
}
static long op_lseek_cur(int fd)
{
	return sys(lseek(fd, 0, SEEK_CUR));
}
static long op_lseek_end(int fd)
{
	return sys(lseek(fd, 0, SEEK_END));
}
static long op_lseek_data(int fd)
{
	return sys(lseek(fd, 0, SEEK_DATA));
}

/* clang-format on */

static long mmap_at(int fd, int prot, int flags, size_t len, int64_t offset)
{
	void *at = mmap(NULL, len, prot, flags, fd, offset);

	if (at == MAP_FAILED)
		return -errno;
	munmap(at, len);
	return 0;
}

/* clang-format off */
static long op_mmap_shared(int fd) { return mmap_at(fd, PROT_READ, MAP_SHARED, 4096, 0); }
static long op_mmap_private(int fd) { return mmap_at(fd, PROT_READ, MAP_PRIVATE, 4096, 0); }
static long op_mmap_0(int fd) { return mmap_at(fd, PROT_READ, MAP_SHARED, 0, 0); }
static long op_mmap_odd(int fd) { return mmap_at(fd, PROT_READ, MAP_SHARED, 4096, 17); }

/* clang-format on */

static long op_mmap_bar(int fd)
{
	return mmap_at(fd, PROT_READ | PROT_WRITE, MAP_SHARED, 4096, region_offset(fd, 0));
}

static long op_mmap_bar_private(int fd)
{
	return mmap_at(fd, PROT_READ, MAP_PRIVATE, 4096, region_offset(fd, 0));
}

static long op_mmap_config(int fd)
{
	return mmap_at(fd, PROT_READ, MAP_SHARED, 4096, region_offset(fd, 7));
}

/* clang-format off */
static long op_ftruncate(int fd) { return sys(ftruncate(fd, 0)); }
static long op_ftruncate_negative(int fd) { return sys(ftruncate(fd, -1)); }
static long op_fallocate(int fd) { return sys(fallocate(fd, 0, 0, 1)); }
static long op_fsync(int fd) { return sys(fsync(fd)); }
static long op_fdatasync(int fd) { return sys(fdatasync(fd)); }
static long op_syncfs(int fd) { return sys(syncfs(fd)); }
static long op_fadvise(int fd) { return -posix_fadvise(fd, 0, 0, 0); }
static long op_sendfile_from(int fd) { return sys(sendfile(scratch, fd, NULL, 1)); }
static long op_copy_from(int fd) { return sys(copy_file_range(fd, NULL, scratch, NULL, 1, 0)); }
static long op_copy_to(int fd) { return sys(copy_file_range(scratch, NULL, fd, NULL, 1, 0)); }

/* clang-format on */

static long op_sendfile_to(int fd)
{
	off_t at = 0;

	return sys(sendfile(fd, scratch, &at, 1));
}

static long splice_pipe(int fd, bool to)
{
	int pair[2];
	long ret;

	if (pipe(pair) || write(pair[1], "x", 1) != 1)
		return -errno;
	ret = to ? sys(splice(pair[0], NULL, fd, NULL, 1, SPLICE_F_NONBLOCK))
		 : sys(splice(fd, NULL, pair[1], NULL, 1, SPLICE_F_NONBLOCK));
	close(pair[0]);
	close(pair[1]);
	return ret;
}

/* clang-format off */
static long op_splice_from(int fd) { return splice_pipe(fd, false); }
static long op_splice_to(int fd) { return splice_pipe(fd, true); }

static long op_flock(int fd) { return sys(flock(fd, LOCK_EX | LOCK_NB)); }
static long op_unlock(int fd) { return sys(flock(fd, LOCK_UN)); }

/* clang-format on */

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

/* clang-format off */
static long op_lease_read(int fd) { return sys(fcntl(fd, F_SETLEASE, F_RDLCK)); }
static long op_lease_write(int fd) { return sys(fcntl(fd, F_SETLEASE, F_WRLCK)); }
static long op_get_lease(int fd) { return sys(fcntl(fd, F_GETLEASE)); }
static long op_get_seals(int fd) { return sys(fcntl(fd, F_GET_SEALS)); }
static long op_add_seals(int fd) { return sys(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); }
static long op_pipe_size(int fd) { return sys(fcntl(fd, F_GETPIPE_SZ)); }
static long op_notify(int fd) { return sys(fcntl(fd, F_NOTIFY, DN_MODIFY)); }
static long op_getfl(int fd) { return sys(fcntl(fd, F_GETFL)); }
static long op_accmode(int fd) { return sys(fcntl(fd, F_GETFL)) & O_ACCMODE; }

/* clang-format on */

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

/* clang-format off */
static long op_fionread(int fd) { return op_ioctl(fd, FIONREAD); }
static long op_fioqsize(int fd) { return op_ioctl(fd, FIOQSIZE); }
static long op_figetbsz(int fd) { return op_ioctl(fd, FIGETBSZ); }
static long op_fibmap(int fd) { return op_ioctl(fd, FIBMAP); }
static long op_getflags(int fd) { return op_ioctl(fd, FS_IOC_GETFLAGS); }
static long op_tcgets(int fd) { return op_ioctl(fd, TCGETS); }
static long op_winsize(int fd) { return op_ioctl(fd, TIOCGWINSZ); }
static long op_blksize(int fd) { return op_ioctl(fd, BLKGETSIZE64); }
static long op_vfio_unknown(int fd) { return op_ioctl(fd, _IO(';', 99)); }
static long op_isatty(int fd) { return isatty(fd) ? 1 : -errno; }
static long op_ttyname(int fd) { return -ttyname_r(fd, buf, 100); }

static long op_fchdir(int fd) { return sys(fchdir(fd)); }
static long op_getdents(int fd) { return sys(syscall(SYS_getdents64, fd, buf, sizeof(buf))); }
static long op_openat(int fd) { return sys(openat(fd, "x", O_RDONLY)); }
static long op_listen(int fd) { return sys(listen(fd, 1)); }
static long op_send(int fd) { return sys(send(fd, "", 1, 0)); }
/* clang-format on */

static long op_execveat(int fd)
{
	return sys(syscall(SYS_execveat, fd, "", NULL, NULL, AT_EMPTY_PATH));
}

/* poll and its kin: files without ->poll are always ready, and epoll takes none of them. */

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

/* Looks */

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

/* Positions of a device: Linux has region i at i << 40, and a position that starts at 0. */

static long op_position(int fd)
{
	uint8_t first[8], again[8];

	if (read(fd, first, 4) != 4 || read(fd, first + 4, 4) != 4)
		return -errno;
	if (pread(fd, again, 8, region_offset(fd, 0)) != 8)
		return -errno;
	return !memcmp(first, again, sizeof(first));
}

static long op_position_of_dup(int fd)
{
	int copy = fcntl(fd, F_DUPFD, fd - 8);
	uint8_t first[8], again[8];

	if (copy < 0 || read(fd, first, 4) != 4 || read(copy, first + 4, 4) != 4)
		return -errno;
	close(copy);
	if (pread(fd, again, 8, region_offset(fd, 0)) != 8)
		return -errno;
	return !memcmp(first, again, sizeof(first));
}

static long op_pread_moves_nothing(int fd)
{
	uint8_t first[4], again[4];

	if (pread(fd, first, 4, region_offset(fd, 0) + 8) != 4 || read(fd, again, 4) != 4 ||
		pread(fd, first, 4, region_offset(fd, 0)) != 4)
		return -errno;
	return !memcmp(first, again, sizeof(first));
}

static long op_config(int fd)
{
	uint16_t vendor = 0;

	return pread(fd, &vendor, 2, region_offset(fd, 7)) != 2 ? -errno : vendor;
}

/* ---- the table ---- */

typedef long op_fn(int fd);

struct row {
	enum kind kind;
	const char *name;
	op_fn *op;
	long want;
	const char *kernel;
};

#define ROW(kind, op, want, kernel)                                                                \
	{                                                                                          \
		kind, #op, op_##op, want, kernel                                                   \
	}
#define FILES(op, want, kernel) ROW(C, op, want, kernel), ROW(G, op, want, kernel)
#define ALL(op, want, kernel)	FILES(op, want, kernel), ROW(D, op, want, kernel)
#define EACH(op, want, kernel)	ALL(op, want, kernel), ROW(S, op, want, kernel)
#define READY			(POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)

/* clang-format off */
static const struct row rows[] = {
	FILES(read, -EINVAL, "vfs_read: no FMODE_CAN_READ"),
	FILES(read_0, -EINVAL, "vfs_read: no FMODE_CAN_READ"),
	FILES(write, -EINVAL, "vfs_write: no FMODE_CAN_WRITE"),
	FILES(readv, -EINVAL, "do_iter_readv_writev: no FMODE_CAN_READ"),
	FILES(writev, -EINVAL, "no FMODE_CAN_WRITE"),
	FILES(pread_0, -EINVAL, "ksys_pread64, vfs_read"),
	FILES(pwrite_0, -EINVAL, "ksys_pwrite64, vfs_write"),
	FILES(preadv2_position, -EINVAL, "do_readv, vfs_readv"),
	ALL(pread_negative, -EINVAL, "ksys_pread64"),
	ALL(pwrite_negative, -EINVAL, "ksys_pwrite64"),
	ALL(preadv_negative, -EINVAL, "do_preadv"),
	ALL(readv_many, -EINVAL, "import_iovec: UIO_MAXIOV"),
	ROW(D, read, 4, "vfio_pci_rw: region 0 at position 0"),
	ROW(D, read_0, 0, "vfio_pci_rw: no count"),
	ROW(D, read_bad, -EFAULT, "access_ok, copy_to_user"),
	ROW(D, write, 4, "vfio_pci_rw"),
	ROW(D, readv, 4, "do_loop_readv_writev"),
	ROW(D, writev, 4, "do_loop_readv_writev"),
	ROW(D, preadv2_position, 4, "do_readv"),
	ROW(D, pwritev2_flag, -EOPNOTSUPP, "kiocb_set_rw_flags"),
	ROW(D, position, 1, "ksys_read: file_ppos"),
	ROW(D, position_of_dup, 1, "ksys_read: f_pos is the open file's"),
	ROW(D, pread_moves_nothing, 1, "ksys_pread64: its own pos"),
	ROW(D, config, 0x8086, "vfio_pci_config_rw"),
	EACH(lseek_set, -ESPIPE, "vfs_llseek: no FMODE_LSEEK"),
	ALL(lseek_cur, -ESPIPE, "vfs_llseek"),
	ALL(lseek_end, -ESPIPE, "vfs_llseek"),
	ALL(lseek_data, -ESPIPE, "vfs_llseek"),
	FILES(mmap_shared, -ENODEV, "do_mmap: no ->mmap"),
	FILES(mmap_private, -ENODEV, "do_mmap: no ->mmap"),
	ALL(mmap_0, -EINVAL, "do_mmap: no length"),
	ALL(mmap_odd, -EINVAL, "sys_mmap: offset within a page"),
	ROW(D, mmap_bar, 0, "vfio_pci_core_mmap"),
	ROW(D, mmap_bar_private, -EINVAL, "vfio_pci_core_mmap: VM_SHARED"),
	ROW(D, mmap_config, -EINVAL, "vfio_pci_core_mmap: region is no BAR"),
	ALL(ftruncate, -EINVAL, "do_ftruncate: not S_ISREG"),
	ALL(ftruncate_negative, -EINVAL, "do_sys_ftruncate"),
	ALL(fallocate, -ENODEV, "vfs_fallocate: not S_ISREG"),
	ALL(fsync, -EINVAL, "vfs_fsync_range: no ->fsync"),
	ALL(fdatasync, -EINVAL, "vfs_fsync_range"),
	ALL(syncfs, 0, "sync_filesystem"),
	ALL(fadvise, 0, "generic_fadvise"),
	ALL(sendfile_from, -EINVAL, "do_splice_read: no ->splice_read"),
	ALL(sendfile_to, -EINVAL, "do_splice_from: no ->splice_write"),
	ALL(splice_from, -EINVAL, "do_splice_read"),
	ALL(splice_to, -EINVAL, "do_splice_from"),
	ALL(copy_from, -EINVAL, "generic_file_rw_checks"),
	ALL(copy_to, -EINVAL, "generic_file_rw_checks"),
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

static void check(bool ok, const char *what, long got, long want)
{
	checks++;
	if (ok)
		return;
	failures++;
	printf("not ok: %s: %ld (%s), must be %ld\n", what, got,
		got < 0 ? strerrorname_np((int)-got) : "", want);
}

static void run_row(const struct row *row)
{
	struct rig rig;
	char what[200];
	long got = rig_open(&rig);

	snprintf(what, sizeof(what), "%s of a %s [%s]", row->name, kind_names[row->kind],
		row->kernel);
	if (got) {
		check(false, "rig", got, 0);
	} else {
		got = row->op(rig.fd[row->kind]);
		check(got == row->want, what, got, row->want);
		check(alive(row->kind, rig.fd[row->kind]), what, -EIO, 0);
	}
	rig_close(&rig);
}

/* ---- opens ---- */

/** An open, what F_GETFL then shows (after an ioctl), and whether it can be used. */
struct open_row {
	const char *path;
	int flags;
	long want;
	const char *kernel;
};

static const struct open_row opens[] = {
	{ CONTAINER, O_RDWR, O_RDWR, "do_sys_openat2" },
	{ CONTAINER, O_RDONLY, O_RDONLY, "vfio_fops_open asks for no mode" },
	{ CONTAINER, O_WRONLY, O_WRONLY, "vfio_fops_open asks for no mode" },
	{ CONTAINER, O_RDWR | O_NONBLOCK, O_RDWR | O_NONBLOCK, "do_dentry_open" },
	{ CONTAINER, O_RDONLY | O_NONBLOCK, O_RDONLY | O_NONBLOCK, "do_dentry_open" },
	{ CONTAINER, O_RDWR | O_APPEND | O_SYNC, O_RDWR | O_APPEND | O_SYNC, "do_dentry_open" },
	{ CONTAINER, O_RDWR | O_CREAT | O_TRUNC | O_NOCTTY, O_RDWR, "do_dentry_open" },
	{ CONTAINER, O_RDWR | O_CREAT | O_EXCL, -EEXIST, "do_open" },
	{ CONTAINER, O_RDWR | O_DIRECTORY, -ENOTDIR, "do_open" },
	{ CONTAINER, O_RDWR | O_DIRECT, -EINVAL, "do_dentry_open: no FMODE_CAN_ODIRECT" },
	{ CONTAINER "/", O_RDWR, -ENOTDIR, "link_path_walk" },
	{ CONTAINER "/x", O_RDWR, -ENOTDIR, "link_path_walk" },
	{ "/dev/vfio/none", O_RDWR, -ENOENT, "path_openat" },
	{ GROUP, O_RDWR, O_RDWR, "do_sys_openat2" },
	{ GROUP, O_RDONLY, O_RDONLY, "vfio_group_fops_open asks for no mode" },
	{ GROUP, O_WRONLY, O_WRONLY, "vfio_group_fops_open asks for no mode" },
	{ GROUP, O_RDWR | O_DIRECT, -EINVAL, "do_dentry_open" },
	{ GROUP, O_RDWR | O_DSYNC, O_RDWR | O_DSYNC, "do_dentry_open" },
};

static void run_open(const struct open_row *row)
{
	enum kind kind = strncmp(row->path, GROUP, sizeof(GROUP) - 1) ? C : G;
	char what[120];
	long got = sys(open(row->path, row->flags | O_CLOEXEC, 0600));
	int fd = (int)got;

	snprintf(what, sizeof(what), "open(%s, 0%o) [%s]", row->path, row->flags, row->kernel);
	if (fd >= 0) {
		check(alive(kind, fd), what, -EIO, 0);
		check(fcntl(fd, F_GETFD) == FD_CLOEXEC, what, fcntl(fd, F_GETFD), FD_CLOEXEC);
		check(alive(kind, fd), what, -EIO, 0);
		got = fcntl(fd, F_GETFL) & ~LARGEFILE;
		close(fd);
	}
	check(got == row->want, what, got, row->want);
}

/** The whole way through files that were opened read-only. */
static void run_read_only(void)
{
	int container = open(CONTAINER, O_RDONLY), group = open(GROUP, O_RDONLY), device;
	struct vfio_group_status status = { .argsz = sizeof(status) };
	long got;

	/* The container has seen no ioctl of its own yet. */
	got = sys(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container));
	check(!got, "GROUP_SET_CONTAINER, both O_RDONLY", got, 0);
	got = open_group();
	check(got == -EBUSY, "group that is open O_RDONLY", got, -EBUSY);
	got = sys(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
	check(!got, "SET_IOMMU, O_RDONLY", got, 0);
	device = (int)(got = sys(ioctl(group, VFIO_GROUP_GET_DEVICE_FD, DEVICE)));
	check(got >= 0 && alive(D, device), "GET_DEVICE_FD, O_RDONLY", got, 0);
	close(device);
	close(group);
	close(container);
	group = open(GROUP, O_RDONLY);
	got = sys(ioctl(group, VFIO_GROUP_GET_STATUS, &status));
	check(!got && status.flags == VFIO_GROUP_FLAGS_VIABLE, "O_RDONLY closes", got, 0);
	close(group);
}

/** Through O_PATH, which has no ioctls itself. */
static void run_path(void)
{
	int fd = open(CONTAINER, O_PATH);
	char path[32];
	long got = sys(ioctl(fd, VFIO_GET_API_VERSION));

	check(got == -EBADF, "ioctl of O_PATH", got, -EBADF);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (int mode = O_RDONLY; mode <= O_RDWR; mode++) {
		int again = open(path, mode);

		check(again >= 0 && alive(C, again), "O_PATH, then open", again, mode);
		close(again);
	}
	close(fd);
}

/** A read-only open of /proc/self/fd/N outlives N. */
static void run_reopened(void)
{
	int fd = open(GROUP, O_RDWR), again;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDONLY);
	close(fd);
	check(again >= 0 && alive(G, again), "read-only reopening", again, 0);
	check(open_group() == -EBUSY, "read-only reopening holds the group", 0, -EBUSY);
	close(again);
}

/* ---- messages ---- */

static int send_one(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { "", 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

static int receive_one(int sock)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	int fd;

	if (recvmsg(sock, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

/* ---- copies ---- */

/* clang-format off */
static long copy_dup(int fd) { return dup(fd); }
static long copy_dup2(int fd) { return dup2(fd, 17); }
static long copy_dup3(int fd) { return dup3(fd, 18, O_CLOEXEC); }
static long copy_dupfd(int fd) { return fcntl(fd, F_DUPFD, 20); }
static long copy_dupfd_cloexec(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 21); }

/* clang-format on */

static long copy_over(int fd)
{
	int victim = open(CONTAINER, O_RDWR);

	return dup2(fd, victim);
}

static long copy_over_itself(int fd)
{
	return dup2(fd, fd) == fd ? dup(fd) : -1;
}

static long pass(int fd, bool close_first)
{
	int pair[2], got;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	got = send_one(pair[0], fd);
	if (close_first) /* now only the message holds it */
		close(fd);
	if (got || (close_first && open_group() != -EBUSY))
		return -EIO;
	got = receive_one(pair[1]);
	close(pair[0]);
	close(pair[1]);
	return got;
}

static long copy_message(int fd)
{
	return pass(fd, false);
}

static const struct copy_row {
	const char *name;
	op_fn *copy;
	int cloexec;
} copies[] = {
	{ "dup", copy_dup, 0 },
	{ "dup2", copy_dup2, 0 },
	{ "dup2 over another of ours", copy_over, 0 },
	{ "dup2 over itself", copy_over_itself, 0 },
	{ "dup3", copy_dup3, FD_CLOEXEC },
	{ "F_DUPFD", copy_dupfd, 0 },
	{ "F_DUPFD_CLOEXEC", copy_dupfd_cloexec, FD_CLOEXEC },
	{ "SCM_RIGHTS", copy_message, 0 },
};

/** The copy is the same file, and holds it when the first is closed. */
static void run_copy(const struct copy_row *row, enum kind kind)
{
	struct rig rig;
	long got = rig_open(&rig), copy;

	check(!got, row->name, got, 0);
	if (got)
		return rig_close(&rig);
	copy = row->copy(rig.fd[kind]);
	check(copy >= 0 && alive(kind, (int)copy), row->name, copy, 0);
	check(fcntl((int)copy, F_GETFD) == row->cloexec, row->name, 0, row->cloexec);
	close(rig.fd[kind]);
	rig.fd[kind] = -1;
	check(alive(kind, (int)copy), row->name, -EIO, 0);
	rig_close(&rig);
	if (kind == G || kind == D) {
		got = open_group();
		check(got == -EBUSY, "the copy holds the group", got, -EBUSY);
		if (got >= 0)
			close((int)got);
	}
	close((int)copy);
	got = open_group();
	check(got >= 0, "the copy is closed", got, 0);
	close((int)got);
}

/** A file that only a message holds is open. */
static void run_in_flight(void)
{
	int fd = open_group();
	long got = pass(fd, true);

	check(got >= 0 && alive(G, (int)got), "a group in a message", got, 0);
	close((int)got);
	got = open_group();
	check(got >= 0, "the group from the message is closed", got, 0);
	close((int)got);
}

/* ---- other processes ---- */

static bool child_says(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status);
}

/** In a new program: is the descriptor one of that kind? */
static bool is_after_exec(enum kind kind, int fd)
{
	pid_t pid = fork();
	char k[12], n[12];

	if (!pid) {
		snprintf(k, sizeof(k), "%d", (int)kind);
		snprintf(n, sizeof(n), "%d", fd);
		execl(self, self, "is", k, n, (char *)NULL);
		_exit(2);
	}
	return child_says(pid);
}

static void run_exec(enum kind kind)
{
	struct rig rig;
	int fd;

	if (rig_open(&rig))
		return check(false, "rig", 0, 0);
	fd = rig.fd[kind];
	fcntl(fd, F_SETFD, 0);
	check(is_after_exec(kind, fd), "after exec", kind, 1);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	check(!is_after_exec(kind, fd), "after exec, close on exec", kind, 0);
	check(alive(kind, fd), "exec of another process", kind, 1);
	close_range((unsigned)fd, (unsigned)fd, 0);
	check(!alive(kind, fd) && errno == EBADF, "close_range", kind, 0);
	rig_close(&rig);
}

/** A program that was started before, with its own memory, is sent a file, and holds it alone. */
static void run_message(enum kind kind)
{
	struct rig rig;
	int pair[2];
	char byte = 0, k[12];
	long got;
	pid_t pid;

	if (rig_open(&rig) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return check(false, "rig", errno, 0);
	snprintf(k, sizeof(k), "%d", (int)kind);
	pid = fork();
	if (!pid) {
		dup2(pair[1], 3);
		close_range(4, ~0U, 0);
		execl(self, self, "receive", k, (char *)NULL);
		_exit(2);
	}
	close(pair[1]);
	check(!send_one(pair[0], rig.fd[kind]), "SCM_RIGHTS to a program", errno, 0);
	rig_close(&rig);
	check(read(pair[0], &byte, 1) == 1, "the program has it", errno, 0);
	got = open_group();
	check(kind < G ? got >= 0 : got == -EBUSY, "the program holds the group", got, -EBUSY);
	if (got >= 0)
		close((int)got);
	check(write(pair[0], &byte, 1) == 1 && child_says(pid), "it is that file", kind, 0);
	close(pair[0]);
}

static int receive(enum kind kind)
{
	int fd = receive_one(3);
	char byte = 0;

	return !alive(kind, fd) || write(3, &byte, 1) != 1 || read(3, &byte, 1) != 1 ||
	       !alive(kind, fd);
}

static void run_close_range(void)
{
	int a = open(CONTAINER, O_RDWR), b = open(CONTAINER, O_RDWR), c = dup(a);

	check(!close_range(3, ~0U, CLOSE_RANGE_CLOEXEC), "close_range, CLOEXEC", errno, 0);
	check(alive(C, a) && alive(C, b) && alive(C, c), "they stay open", 0, 1);
	check(fcntl(a, F_GETFD) == FD_CLOEXEC, "and close on exec", 0, FD_CLOEXEC);
	check(!is_after_exec(C, a) && !is_after_exec(C, c), "and close on exec", 0, 0);
	check(!close_range(3, ~0U, 0), "close_range", errno, 0);
	check(!alive(C, a) && !alive(C, b) && !alive(C, c), "close_range closed them", 0, 0);
}

/** A forked child's copy holds the group after the parent's is closed. */
static void run_fork(void)
{
	int group = open_group(), pair[2];
	char byte = 0;
	pid_t pid;
	long got;

	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair", errno, 0);
	pid = fork();
	if (!pid) {
		close(pair[0]);
		_exit(read(pair[1], &byte, 1) == 1 && alive(G, group) ? 0 : 1);
	}
	close(pair[1]);
	close(group);
	got = open_group();
	check(got == -EBUSY, "the child holds the group", got, -EBUSY);
	check(write(pair[0], &byte, 1) == 1 && child_says(pid), "the child's copy", 0, 0);
	got = open_group();
	check(got >= 0, "the child has ended", got, 0);
	close((int)got);
	close(pair[0]);
}

/* ---- numbers and limits ---- */

static unsigned soft_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur > INT_MAX ? INT_MAX : (unsigned)limit.rlim_cur;
}

/** As many as the limit lets: then EMFILE, each of them works, and all can be closed one by one. */
static void run_many(void)
{
	static int fds[2000];
	unsigned n = 0, i, limit = soft_limit();

	while (n < 200 && (fds[n] = open(CONTAINER, O_RDWR)) >= 0)
		n++;
	check(n == 200 || errno == EMFILE, "as many as may be", errno, EMFILE);
	check(n >= (limit < 240 ? limit - 24 : 200), "as many as may be", n, limit - 24);
	for (i = 0; i < n; i++)
		check(alive(C, fds[i]) && (unsigned)fds[i] < limit, "one of many", fds[i], limit);
	/* The first are below what select can take, where the limit is above it. */
	for (i = 0; i < 60 && i < n; i++)
		check(fds[i] < FD_SETSIZE, "one of the first", fds[i], FD_SETSIZE);
	/* As programs do that know no close_range. */
	for (i = 3; i < (limit < 4096 ? limit : 4096); i++)
		close((int)i);
	n = (unsigned)open(CONTAINER, O_RDWR);
	check(alive(C, (int)n), "after closing all", n, 0);
	close((int)n);
}

/** The program's own files at the numbers that ours have. */
static void run_foreign(void)
{
	unsigned limit = soft_limit(), top = limit < FD_SETSIZE ? limit : FD_SETSIZE, i;
	int pair[2], fd;
	char byte = 'x';
	struct stat st;

	check(!pipe(pair), "pipe", errno, 0);
	for (i = top - top / 16; i < top; i++)
		check(dup2(pair[i & 1], (int)i) == (int)i, "dup2 to our numbers", errno, 0);
	check(write((int)(top - 1), &byte, 1) == 1 && read((int)(top - 2), &byte, 1) == 1,
		"a pipe at our numbers", errno, 0);
	check(!fstat((int)(top - 1), &st) && S_ISFIFO(st.st_mode), "a pipe's fstat", 0, 0);
	check(lseek((int)(top - 1), 0, SEEK_SET) == -1 && errno == ESPIPE, "its lseek", errno, 0);
	fd = open(CONTAINER, O_RDWR);
	check(fd >= 0 && alive(C, fd), "a container nevertheless", fd, 0);
	check(write((int)(top - 1), &byte, 1) == 1, "the pipe is still there", errno, 0);
	close_range(3, ~0U, 0);
}

static void set_limit(unsigned soft)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = soft;
	check(!setrlimit(RLIMIT_NOFILE, &limit), "setrlimit", errno, 0);
}

/** Limits that change while the program runs. */
static void run_limits(void)
{
	unsigned had = soft_limit();
	int before = open(CONTAINER, O_RDWR), low, none;

	set_limit(12);
	low = open(CONTAINER, O_RDWR);
	check(low >= 0 && low < 12 && alive(C, low), "a low limit", low, 12);
	check(alive(C, before), "from before the low limit", before, 0);
	set_limit((unsigned)low);
	none = open(CONTAINER, O_RDWR);
	check(none < 0 && errno == EMFILE, "no number left", none, -EMFILE);
	set_limit(had);
	none = open(CONTAINER, O_RDWR);
	check(alive(C, none), "the limit raised again", none, 0);
	close(none);
	close(low);
	close(before);
}

/* ---- no descriptor but the program's ---- */

static bool is_listed(int fd, int n, char *const *list)
{
	for (int i = 0; i < n; i++)
		if (atoi(list[i]) == fd)
			return true;
	return false;
}

/** Whether exactly the listed ones are open. */
static int run_inherited(int n, char *const *list)
{
	int limit = (int)soft_limit();

	for (int fd = 0; fd < (limit < 4096 ? limit : 4096); fd++) {
		bool open = fcntl(fd, F_GETFD) >= 0;

		check(open == is_listed(fd, n, list), "descriptor is open", fd, fd);
	}
	/* The last one is a pipe with a byte in it. */
	if (n > 3)
		check(read(atoi(list[n - 1]), buf, 2) == 1, "an inherited pipe", errno, 0);
	return failures != 0;
}

#define MAX_ARGS 64

/** Run a command with further arguments. */
static int run_command(char *const *command, char *const *more)
{
	char *argv[MAX_ARGS];
	int n = 0;

	while (*command && n < MAX_ARGS - 1)
		argv[n++] = *command++;
	while (more && *more && n < MAX_ARGS - 1)
		argv[n++] = *more++;
	argv[n] = NULL;
	execvp(argv[0], argv);
	return 127;
}

static int spawn(char *const *command)
{
	char *more[] = { "0", "1", "2", "19", "46", "63", "40", NULL };
	int pair[2];

	close_range(3, ~0U, 0);
	if (pipe(pair) || write(pair[1], "x", 1) != 1 || dup2(open("/", O_RDONLY), 19) < 0 ||
		dup2(eventfd(0, 0), 46) < 0 || dup2(socket(AF_UNIX, SOCK_STREAM, 0), 63) < 0 ||
		dup2(pair[0], 40) < 0)
		return 99;
	close_range(3, 18, 0);
	if (soft_limit() > 100) { /* where there are such numbers */
		more[3] = "100";
		dup2(19, 100);
		close(19);
	}
	return run_command(command, more);
}

/* ---- descriptors sent out of the box ---- */

/** In the box, with a socket to the outside at 3: give group and device away. */
static int send_out(void)
{
	struct rig rig;
	char byte;
	long got = rig_open(&rig);

	check(!got, "rig", got, 0);
	check(!send_one(3, rig.fd[G]) && !send_one(3, rig.fd[D]), "sending out", errno, 0);
	rig_close(&rig);
	got = open_group();
	check(got == -EBUSY, "what is outside holds the group", got, -EBUSY);
	check(write(3, "c", 1) == 1 && read(3, &byte, 1) == 1, "outside", errno, 0);
	got = open_group();
	check(got >= 0, "it is closed outside", got, 0);
	return failures != 0;
}

/** Outside nobody answers for it: no ioctl, but the device's memory is there. */
static int outer(char *const *command)
{
	int pair[2], group, device;
	uint64_t bar = UINT64_C(8) << 40;
	char byte;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return 99;
	pid = fork();
	if (!pid) {
		dup2(pair[1], 3);
		return run_command(command, NULL);
	}
	close(pair[1]);
	group = receive_one(pair[0]);
	device = receive_one(pair[0]);
	check(group >= 0 && !alive(G, group) && errno == ENOTTY, "a group outside", errno, ENOTTY);
	check(device >= 0 && !alive(D, device) && errno == ENOTTY, "a device outside", errno,
		ENOTTY);
	check(!mmap_at(device, PROT_READ, MAP_SHARED, 4096, (int64_t)bar), "its BAR", 0, 0);
	check(read(pair[0], &byte, 1) == 1, "the box", errno, 0);
	close(group);
	close(device);
	check(write(pair[0], "d", 1) == 1 && child_says(pid), "the box", errno, 0);
	return failures != 0;
}

/* ---- all ---- */

#ifdef __x86_64__
/** ioctl as 32-bit programs call it. */
static long ioctl_32(int fd, unsigned cmd)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "0"(54L), "b"((long)fd), "c"((long)cmd), "d"(0L)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

/** FIDELITY of nestbox: refused in words. A machine without such programs says SIGSEGV. */
static void run_32(void)
{
	int fd = open(CONTAINER, O_RDWR), status;
	pid_t pid = fork();

	if (!pid)
		_exit(ioctl_32(fd, VFIO_GET_API_VERSION) == -ENOTTY ? 0 : 1);
	check(waitpid(pid, &status, 0) == pid && (WIFSIGNALED(status) || !status), "32-bit ioctl",
		status, 0);
	check(alive(C, fd), "after a 32-bit ioctl", 0, 1);
	close(fd);
}
#else
static void run_32(void)
{
}
#endif

static void run_tables(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_row(&rows[i]);
	for (size_t i = 0; i < sizeof(opens) / sizeof(opens[0]); i++)
		run_open(&opens[i]);
	for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++)
		for (int kind = 0; kind < N_KINDS; kind++)
			run_copy(&copies[i], (enum kind)kind);
	for (int kind = 0; kind < N_KINDS; kind++)
		run_exec((enum kind)kind);
	for (int kind = 0; kind < N_KINDS; kind++)
		run_message((enum kind)kind);
}

static int run_all(void)
{
	static void (*const others[])(void) = { run_read_only, run_path, run_reopened,
		run_in_flight, run_fork, run_32, run_many, run_foreign, run_limits,
		run_close_range };
	FILE *file = tmpfile();

	if (!file || fputs("some bytes", file) < 0 || fflush(file))
		return 99;
	scratch = fileno(file);
	lseek(scratch, 0, SEEK_SET);
	run_tables();
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		others[i]();
	printf("%s: %zu rows, %d checks, %d failed, limit %u\n", failures ? "not ok" : "ok",
		sizeof(rows) / sizeof(rows[0]) + sizeof(opens) / sizeof(opens[0]), checks, failures,
		soft_limit());
	return failures != 0;
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc < 2)
		return run_all();
	if (!strcmp(argv[1], "is") && argc == 4)
		return !alive((enum kind)atoi(argv[2]), atoi(argv[3]));
	if (!strcmp(argv[1], "receive") && argc == 3)
		return receive((enum kind)atoi(argv[2]));
	if (!strcmp(argv[1], "inherited"))
		return run_inherited(argc - 2, argv + 2);
	if (!strcmp(argv[1], "send"))
		return send_out();
	if (!strcmp(argv[1], "spawn"))
		return spawn(argv + 2);
	if (!strcmp(argv[1], "outer"))
		return outer(argv + 2);
	return 99;
}
