/* SPDX-License-Identifier: MIT */
/* The system as a machine in this process (sys.h). */
#include "sys.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "file/local.h"
#include "vfio/vfio.h"

static struct machine *machine;
static struct vfio *vfio;
static struct local_caller *local;
static pthread_mutex_t last_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct why last; /* of the last refused call */

int t_begin(const char *host)
{
	const struct vfio_options options = { .dma_entry_limit = T_ENTRY_LIMIT };
	static struct host_desc desc; /* large */
	struct error error = { 0 };

	if (host_load(host, &desc, &error) || !(machine = machine_create(&desc, &error))) {
		fprintf(stderr, "%s: %s\n", host, error.message);
		return error.err ? error.err : EINVAL;
	}
	vfio = vfio_create(machine, &options);
	local = local_caller_create();
	why_clear(&last);
	return vfio && local ? 0 : ENOMEM;
}

void t_end(void)
{
	local_caller_destroy(local);
	vfio_destroy(vfio);
	machine_destroy(machine);
}

static long note(long ret, const struct why *why)
{
	if (why->class == WHY_NONE || why->class == WHY_PROTOCOL)
		return ret;
	pthread_mutex_lock(&last_mutex);
	last = *why;
	pthread_mutex_unlock(&last_mutex);
	return ret;
}

int t_open(const char *path)
{
	struct why why = { 0 };
	struct file *file;
	bool noiommu = !strncmp(path, "noiommu-", 8);
	int ret;

	if (!strcmp(path, "vfio"))
		ret = vfio_open_container(vfio, &file, &why);
	else
		ret = vfio_open_group(vfio, atoi(path + (noiommu ? 8 : 0)), noiommu, &file, &why);
	if (note(ret, &why))
		return ret;
	return local_install(local, file);
}

int t_close(int fd)
{
	/* Descriptors that the suite opened itself are this process's. */
	return fd < 1000 ? close(fd) : local_close(local, fd);
}

long t_ioctl(int fd, unsigned long cmd, uint64_t arg)
{
	struct file *file = local_file(local, fd);
	struct why why = { 0 };
	long ret;

	if (!file) /* one of this process's own, or none */
		return ioctl(fd, cmd, arg) ? -errno : 0;
	if (!file->ops->ioctl)
		return -ENOTTY;
	file_get(file);
	ret = file->ops->ioctl(file, local_caller_base(local), (unsigned)cmd, arg, &why);
	file_put(file);
	return note(ret, &why);
}

typedef ssize_t io_op(struct file *file, struct caller *caller, uint64_t uaddr, size_t count,
	uint64_t pos, struct why *why);

/* Linux 7.3 vfs_read, vfs_write: EINVAL where the file has no such call, as containers and groups. */
static long region_io(struct file *file, io_op *op, uint64_t buf, size_t count, uint64_t offset)
{
	struct why why = { 0 };
	long ret;

	if ((int64_t)offset < 0 || !op)
		return -EINVAL;
	file_get(file);
	ret = op(file, local_caller_base(local), buf, count, offset, &why);
	file_put(file);
	return note(ret, &why);
}

long t_pread(int fd, uint64_t buf, size_t count, uint64_t offset)
{
	struct file *file = local_file(local, fd);
	long ret;

	if (file)
		return region_io(file, file->ops->read, buf, count, offset);
	ret = syscall(SYS_pread64, fd, buf, count, offset);
	return ret < 0 ? -errno : ret;
}

long t_pwrite(int fd, uint64_t buf, size_t count, uint64_t offset)
{
	struct file *file = local_file(local, fd);
	long ret;

	if (file)
		return region_io(file, file->ops->write, buf, count, offset);
	ret = syscall(SYS_pwrite64, fd, buf, count, offset);
	return ret < 0 ? -errno : ret;
}

/* What Linux's mmap(2) checks before and in vfio-pci's, then the mapping itself. */
long t_mmap(int fd, uint64_t offset, size_t len, int prot, int flags)
{
	struct file *file = local_file(local, fd);
	struct why why = { 0 };
	long ret;

	if (file) {
		if (!len || offset % 4096)
			return -EINVAL;
		if (!file->ops->mmap)
			return -ENODEV;
		if ((flags & MAP_TYPE) == MAP_PRIVATE)
			return -EINVAL;
		len = (len + 4095) / 4096 * 4096;
		ret = file->ops->mmap(file, offset, len, (unsigned)prot, &why);
		if (note(ret, &why))
			return ret;
		fd = file->memfd;
	}
	ret = syscall(SYS_mmap, NULL, len, prot, flags, fd, offset);
	return ret == -1 ? -errno : ret;
}

int t_munmap(long at, size_t len)
{
	return munmap((void *)at, len) ? -errno : 0;
}

void t_step(void)
{
	while (machine_step(machine, 1 << 20))
		;
}

bool t_reason(struct t_reason *reason)
{
	memset(reason, 0, sizeof(*reason));
	if (last.class == WHY_NONE)
		return false;
	reason->err = last.err;
	snprintf(reason->rule, sizeof(reason->rule), "%s", last.rule);
	snprintf(reason->group, sizeof(reason->group), "%s", last.group);
	snprintf(reason->iommu, sizeof(reason->iommu), "%s", last.iommu);
	snprintf(reason->missing, sizeof(reason->missing), "%s", last.missing);
	snprintf(reason->instead, sizeof(reason->instead), "%s", last.instead);
	return true;
}

bool t_counts(struct t_counts *counts)
{
	struct machine_counts now;

	machine_counts(machine, &now); /* takes the host lock */
	counts->domains = now.domains;
	counts->attachments = now.attachments;
	counts->mappings = now.mappings;
	counts->table_bytes = now.table_bytes;
	return true;
}

static enum t_kind kind_of(const struct iommu_domain *domain)
{
	if (!domain)
		return T_BLOCKED;
	switch (domain->kind) {
	case IOMMU_DOMAIN_STAGE1:
		return T_STAGE1;
	case IOMMU_DOMAIN_STAGE2:
		return T_STAGE2;
	case IOMMU_DOMAIN_NEST_PARENT:
		return T_NEST_PARENT;
	default:
		return T_UNKNOWN;
	}
}

enum t_kind t_group_kind(int group)
{
	struct machine_group *found = machine_find_group(machine, group);
	struct iommu_device *dev;

	if (!found)
		return T_UNKNOWN;
	dev = cds_list_first_entry(&found->iommu.devices, struct iommu_device, group_link);
	return kind_of(dev->domain);
}

bool t_is_local(void)
{
	return true;
}
