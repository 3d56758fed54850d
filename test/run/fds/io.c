/* SPDX-License-Identifier: MIT */
/* Reading, writing, seeking, mapping, and what else moves bytes. */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char buf[8192];

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

static long op_mmap_shared(int fd)
{
	return mmap_at(fd, PROT_READ, MAP_SHARED, 4096, 0);
}
static long op_mmap_private(int fd)
{
	return mmap_at(fd, PROT_READ, MAP_PRIVATE, 4096, 0);
}
static long op_mmap_0(int fd)
{
	return mmap_at(fd, PROT_READ, MAP_SHARED, 0, 0);
}
static long op_mmap_odd(int fd)
{
	return mmap_at(fd, PROT_READ, MAP_SHARED, 4096, 17);
}

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

static long op_ftruncate(int fd)
{
	return sys(ftruncate(fd, 0));
}
static long op_ftruncate_negative(int fd)
{
	return sys(ftruncate(fd, -1));
}
static long op_fallocate(int fd)
{
	return sys(fallocate(fd, 0, 0, 1));
}
static long op_fsync(int fd)
{
	return sys(fsync(fd));
}
static long op_fdatasync(int fd)
{
	return sys(fdatasync(fd));
}
static long op_syncfs(int fd)
{
	return sys(syncfs(fd));
}
static long op_sync_range(int fd)
{
	return sys(sync_file_range(fd, 0, 1, 0));
}

static long op_readahead(int fd)
{
	return sys(readahead(fd, 0, 1));
}

static long op_fadvise(int fd)
{
	return -posix_fadvise(fd, 0, 0, 0);
}
static long op_sendfile_from(int fd)
{
	return sys(sendfile(scratch, fd, NULL, 1));
}
static long op_copy_from(int fd)
{
	return sys(copy_file_range(fd, NULL, scratch, NULL, 1, 0));
}
static long op_copy_to(int fd)
{
	return sys(copy_file_range(scratch, NULL, fd, NULL, 1, 0));
}

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

static long op_splice_from(int fd)
{
	return splice_pipe(fd, false);
}
static long op_splice_to(int fd)
{
	return splice_pipe(fd, true);
}

/* ---- positions of a device: Linux has region i at i << 40, and a position that starts at 0 ---- */

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
	ALL(sync_range, -ESPIPE, "sync_file_range: not S_ISREG"),
	ALL(readahead, -EINVAL, "ksys_readahead: not S_ISREG"),
	ALL(fadvise, 0, "generic_fadvise"),
	ALL(sendfile_from, -EINVAL, "do_splice_read: no ->splice_read"),
	ALL(sendfile_to, -EINVAL, "do_splice_from: no ->splice_write"),
	ALL(splice_from, -EINVAL, "do_splice_read"),
	ALL(splice_to, -EINVAL, "do_splice_from"),
	ALL(copy_from, -EINVAL, "generic_file_rw_checks"),
	ALL(copy_to, -EINVAL, "generic_file_rw_checks"),
};
/* clang-format on */

size_t run_io(void)
{
	run_rows(rows, sizeof(rows) / sizeof(rows[0]));
	return sizeof(rows) / sizeof(rows[0]);
}
