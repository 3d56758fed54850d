/* SPDX-License-Identifier: MIT */
/* The system as any program sees it (sys.h). */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/vfio.h>

#define REPORT "/dev/nestbox/last-refusal"

static int scratch = -1; /* a container without group, for t_counts */

int t_begin(const char *host)
{
	struct t_counts counts;

	scratch = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (scratch < 0) {
		perror("/dev/vfio/vfio");
		return errno;
	}
	/* In a box reports are there, and a suite that cannot read them would prove less. */
	if (!access(REPORT, F_OK) && !t_counts(&counts)) {
		fprintf(stderr, "%s has no counts\n", REPORT);
		return EPROTO;
	}
	return 0;
}

void t_end(void)
{
	close(scratch);
}

int t_open(const char *path)
{
	char full[64];
	int fd;

	snprintf(full, sizeof(full), "/dev/vfio/%s", path);
	fd = open(full, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int t_close(int fd)
{
	return close(fd) ? -errno : 0;
}

long t_ioctl(int fd, unsigned long cmd, uint64_t arg)
{
	long ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

long t_pread(int fd, uint64_t buf, size_t count, uint64_t offset)
{
	/* Not pread(2), of which a sanitizer makes a check of the buffer. */
	long ret = syscall(SYS_pread64, fd, buf, count, offset);

	return ret < 0 ? -errno : ret;
}

long t_pwrite(int fd, uint64_t buf, size_t count, uint64_t offset)
{
	long ret = syscall(SYS_pwrite64, fd, buf, count, offset);

	return ret < 0 ? -errno : ret;
}

long t_mmap(int fd, uint64_t offset, size_t len, int prot, int flags)
{
	long ret = syscall(SYS_mmap, NULL, len, prot, flags, fd, offset);

	return ret == -1 ? -errno : ret;
}

int t_munmap(long at, size_t len)
{
	return munmap((void *)at, len) ? -errno : 0;
}

void t_step(void)
{
}

/* The value that follows "key": in the report, at most room - 1 bytes of it. */
static bool field(const char *json, const char *key, char *out, size_t room)
{
	char pattern[40];
	const char *at;
	size_t n;

	snprintf(pattern, sizeof(pattern), "\"%s\"", key);
	at = strstr(json, pattern);
	if (!at)
		return false;
	at += strlen(pattern);
	at += strspn(at, " :");
	if (!strncmp(at, "null", 4)) {
		*out = 0;
		return true;
	}
	n = *at == '"' ? strcspn(++at, "\"") : strcspn(at, ",}\n ");
	snprintf(out, room, "%.*s", (int)n, at);
	return true;
}

static bool read_report(char *json, size_t room)
{
	FILE *f = fopen(REPORT, "re");
	size_t n;

	if (!f)
		return false;
	n = fread(json, 1, room - 1, f);
	json[n] = 0;
	fclose(f);
	return n > 0;
}

static int errno_of(const char *text)
{
	static const struct {
		const char *name;
		int err;
	} names[] = {
		{ "EPERM", EPERM },
		{ "ENOENT", ENOENT },
		{ "EBADF", EBADF },
		{ "ENOMEM", ENOMEM },
		{ "EACCES", EACCES },
		{ "EFAULT", EFAULT },
		{ "EBUSY", EBUSY },
		{ "EEXIST", EEXIST },
		{ "ENODEV", ENODEV },
		{ "EINVAL", EINVAL },
		{ "ENOTTY", ENOTTY },
		{ "ENOSPC", ENOSPC },
		{ "EOVERFLOW", EOVERFLOW },
		{ "EBADFD", EBADFD },
		{ "EOPNOTSUPP", EOPNOTSUPP },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i].name, text))
			return names[i].err;
	return atoi(text);
}

bool t_reason(struct t_reason *reason)
{
	char json[4096], err[24] = "";

	memset(reason, 0, sizeof(*reason));
	if (!read_report(json, sizeof(json)) ||
		!field(json, "rule", reason->rule, sizeof(reason->rule)))
		return false;
	field(json, "errno", err, sizeof(err));
	reason->err = errno_of(err);
	field(json, "group", reason->group, sizeof(reason->group));
	field(json, "iommu", reason->iommu, sizeof(reason->iommu));
	field(json, "missing", reason->missing, sizeof(reason->missing));
	field(json, "instead", reason->instead, sizeof(reason->instead));
	return true;
}

bool t_counts(struct t_counts *counts)
{
	char json[4096], text[24];

	memset(counts, 0, sizeof(*counts));
	/* A refusal carries the counts of its moment: SET_IOMMU without a group is one. */
	if (ioctl(scratch, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) == 0 ||
		!read_report(json, sizeof(json)))
		return false;
	if (!field(json, "domains", text, sizeof(text)))
		return false;
	counts->domains = strtoul(text, NULL, 10);
	field(json, "attachments", text, sizeof(text));
	counts->attachments = strtoul(text, NULL, 10);
	field(json, "mappings", text, sizeof(text));
	counts->mappings = strtoul(text, NULL, 10);
	return true;
}

enum t_kind t_group_kind(int group)
{
	return T_UNKNOWN;
}

bool t_is_local(void)
{
	return false;
}
