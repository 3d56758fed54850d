/* SPDX-License-Identifier: MIT */
/*
 * An unmodified program that binds devices to drivers and takes them off while it uses them
 * (host.yaml). As root: who is not may write none of these files, and then that is all that is
 * checked. Each row or check names what it mirrors.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vfio.h>

#define DEVICES "/sys/bus/pci/devices/"
#define DRIVERS "/sys/bus/pci/drivers/"
#define VFIO	DRIVERS "vfio-pci/"

static unsigned failures, checks;

#define check(cond)                                                                                \
	do {                                                                                       \
		checks++;                                                                          \
		if (!(cond)) {                                                                     \
			printf("not ok: line %d: %s (errno %d)\n", __LINE__, #cond, errno);        \
			failures++;                                                                \
		}                                                                                  \
	} while (0)

/** write(2)'s errno, or 0; opening must work. */
static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;
	ssize_t n;

	if (fd < 0)
		err(1, "%s", path);
	n = write(fd, text, strlen(text));
	if (n < 0)
		ret = errno;
	else if (n != (ssize_t)strlen(text))
		ret = -1;
	close(fd);
	return ret;
}

static bool there(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static bool reads(const char *path, const char *expected)
{
	char buf[256] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	close(fd);
	if (n < 0 || strcmp(buf, expected) != 0)
		printf("%s: \"%s\"\n", path, n < 0 ? strerror(errno) : buf);
	return n >= 0 && !strcmp(buf, expected);
}

/** What the link `driver` of a device names; "" where it is bound to none. */
static bool bound_to(const char *device, const char *driver)
{
	char path[128], target[256] = "";

	snprintf(path, sizeof(path), DEVICES "%s/driver", device);
	if (readlink(path, target, sizeof(target) - 1) < 0)
		return errno == ENOENT && !*driver;
	return !strcmp(strrchr(target, '/') + 1, driver);
}

/* ---- what write(2) says ---- */

static const struct {
	const char *path, *text;
	int err;
	const char *mirrors;
} rows[] = {
	/* No driver is to take it meanwhile. */
	{ DEVICES "0000:01:00.1/driver_override", "none\n", 0, "driver_override_store" },
	{ VFIO "bind", "0000:09:00.0\n", ENODEV, "bind_store: no such device" },
	{ VFIO "bind", "0000:01:00.1\n", ENODEV, "pci_match_device: the override" },
	{ VFIO "bind", "", 0, "sysfs_kf_write: nothing" },
	{ VFIO "bind", "\n", ENODEV, "bind_store: no such device" },
	{ VFIO "bind", "0000:01:00.0\n", EBUSY, "__driver_probe_device: bound" },
	{ VFIO "bind", "0000:01:00.0", EBUSY, "sysfs_streq: without a newline" },
	{ VFIO "bind", "0000:01:00.0\n\n", ENODEV, "sysfs_streq: one newline" },
	{ VFIO "bind", "0000:01:00.0 ", ENODEV, "sysfs_streq" },
	{ VFIO "bind", "0000:02:00.0\n", EBUSY, "__driver_probe_device: bound to another" },
	{ DRIVERS "ioatdma/bind", "0000:01:00.0\n", EBUSY, "__driver_probe_device: bound" },
	{ VFIO "unbind", "0000:02:00.0\n", ENODEV, "unbind_store: another driver's" },
	{ VFIO "unbind", "0000:01:00.1\n", ENODEV, "unbind_store: nobody's" },
	{ VFIO "unbind", "0000:09:00.0\n", ENODEV, "unbind_store: no such device" },
	{ "/sys/bus/pci/drivers_probe", "0000:09:00.0\n", ENODEV, "drivers_probe_store" },
	{ "/sys/bus/pci/drivers_probe", "0000:01:00.0\n", 0, "bus_rescan_devices_helper: bound" },
	{ "/sys/bus/pci/drivers_autoprobe", "0", 0, "drivers_autoprobe_store" },
	{ "/sys/bus/pci/drivers_autoprobe", "x", 0, "drivers_autoprobe_store" },
	{ VFIO "new_id", "8086\n", EINVAL, "new_id_store: two fields at least" },
	{ VFIO "new_id", "ioat", EINVAL, "new_id_store" },
	{ VFIO "new_id", "8086 1 8086 1 0 0 5", EINVAL, "new_id_store: driver_data of no entry" },
	{ DRIVERS "ioatdma/new_id", "8086 2021\n", EEXIST, "new_id_store: in the table" },
	{ VFIO "remove_id", "8086 9999\n", ENODEV, "remove_id_store" },
	{ VFIO "remove_id", "8086\n", EINVAL, "remove_id_store" },
	{ VFIO "new_id", "8086 9999\n", 0, "new_id_store" },
	{ VFIO "remove_id", "8086 9999\n", 0, "remove_id_store" },
	{ DEVICES "0000:01:00.0/enable", "1", EBUSY, "enable_store: bound" },
	{ DEVICES "0000:01:00.0/enable", "on", EINVAL, "enable_store: kstrtoul" },
	{ DEVICES "0000:01:00.1/enable", "0", EIO, "enable_store: not enabled" },
	{ DEVICES "0000:01:00.1/enable", "0x1\n", 0, "enable_store" },
	{ DEVICES "0000:01:00.1/enable", "0", 0, "enable_store" },
	{ DEVICES "0000:01:00.1/reset", "1\n", 0, "reset_store" },
	{ DEVICES "0000:01:00.1/reset", "2\n", EINVAL, "reset_store: 1" },
	{ DEVICES "0000:01:00.1/reset", "", 0, "sysfs_kf_write: nothing" },
	{ DEVICES "0000:01:00.1/reset_method", "bus\n", EINVAL, "reset_method_store" },
	{ DEVICES "0000:01:00.1/reset_method", "\n", 0, "reset_method_store: none" },
	{ DEVICES "0000:01:00.1/reset", "1\n", ENOTTY, "pci_reset_function: no method" },
	{ DEVICES "0000:01:00.1/reset_method", "default\n", 0, "reset_method_store" },
	{ DEVICES "0000:01:00.1/uevent", "add\n", 0, "uevent_store" },
	{ DEVICES "0000:01:00.1/uevent", "jump\n", EINVAL, "kobject_action_type" },
	{ DEVICES "0000:01:00.1/driver_override", "\n", 0, "driver_override_store" },
};

static void check_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int ret = put(rows[i].path, rows[i].text);

		checks++;
		if (ret == rows[i].err)
			continue;
		printf("not ok: %s (%s): errno %d\n", rows[i].path, rows[i].mirrors, ret);
		failures++;
	}
}

static void check_override(void)
{
	static const char path[] = DEVICES "0000:01:00.1/driver_override";
	struct iovec iov[2] = { { "vfio", 4 }, { "-pci\n", 5 } };
	char long_name[4100];
	int fd;

	check(reads(path, "(null)\n"));
	check(put(path, "ioatdma\nmore\n") == 0 && reads(path, "ioatdma\n"));
	check(put(path, "\n") == 0 && reads(path, "(null)\n"));
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	fd = open(path, O_RDWR);
	check(write(fd, long_name, 4096) == -1 && errno == EINVAL);
	/* kernfs_fop_write_iter: one write, however many pieces. */
	check(writev(fd, iov, 2) == 9 && reads(path, "vfio-pci\n"));
	check(pwrite(fd, "x\n", 2, 100) == 2 && reads(path, "x\n"));
	check(!close(fd));
	/* pci_match_device: an override matches its driver alone. */
	check(put(VFIO "bind", "0000:01:00.1") == ENODEV);
	check(put(path, "vfio-pci") == 0 && put(VFIO "bind", "0000:01:00.1") == 0);
	check(bound_to("0000:01:00.1", "vfio-pci") && there(VFIO "0000:01:00.1"));
	check(put(VFIO "unbind", "0000:01:00.1\n") == 0 && bound_to("0000:01:00.1", ""));
	check(!there(VFIO "0000:01:00.1") && there("/dev/vfio/1"));
	check(put(path, "\n") == 0);
}

/* ---- viability and nodes ---- */

static int flags_of(int group)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	return ioctl(group, VFIO_GROUP_GET_STATUS, &status) ? -errno : (int)status.flags;
}

static void check_viability(void)
{
	int container = open("/dev/vfio/vfio", O_RDWR), group = open("/dev/vfio/1", O_RDWR);

	check(flags_of(group) == VFIO_GROUP_FLAGS_VIABLE);
	check(put(DRIVERS "ioatdma/bind", "0000:01:00.1\n") == 0);
	check(bound_to("0000:01:00.1", "ioatdma"));
	check(flags_of(group) == 0);
	/* iommu_group_claim_dma_owner */
	check(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) == -1 && errno == EPERM);
	check(put(DRIVERS "ioatdma/unbind", "0000:01:00.1\n") == 0);
	check(flags_of(group) == VFIO_GROUP_FLAGS_VIABLE);
	check(!ioctl(group, VFIO_GROUP_SET_CONTAINER, &container));
	/* iommu_device_use_default_domain */
	check(put(DRIVERS "ioatdma/bind", "0000:01:00.1\n") == EBUSY);
	check(bound_to("0000:01:00.1", ""));
	check(flags_of(group) == (VFIO_GROUP_FLAGS_VIABLE | VFIO_GROUP_FLAGS_CONTAINER_SET));
	check(!close(group) && !close(container));
}

static void check_nodes(void)
{
	int container = open("/dev/vfio/vfio", O_RDWR), group, other;

	check(!there("/dev/vfio/2") && !there("/sys/class/vfio/2"));
	check(open("/dev/vfio/2", O_RDWR) == -1 && errno == ENOENT);
	check(put(DRIVERS "ioatdma/unbind", "0000:02:00.0") == 0);
	/* Its ids take it, and vfio-pci is asked first. */
	check(put("/sys/bus/pci/drivers_probe", "0000:02:00.0") == 0);
	check(bound_to("0000:02:00.0", "vfio-pci") && there("/sys/class/vfio/2/dev"));
	check(there(DEVICES "0000:02:00.0/vfio-dev/vfio2") && there("/sys/class/vfio-dev/vfio2"));
	group = open("/dev/vfio/2", O_RDWR);
	check(group >= 0 && !ioctl(group, VFIO_GROUP_SET_CONTAINER, &container));
	check(!ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	/* vfio_device_remove_group: the last one goes, and the open file is left without a group. */
	check(put(VFIO "unbind", "0000:02:00.0") == 0);
	check(!there("/dev/vfio/2") && !there("/sys/class/vfio/2"));
	check(!there(DEVICES "0000:02:00.0/vfio-dev") && !there("/sys/class/vfio-dev/vfio2"));
	check(flags_of(group) == -ENODEV);
	check(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) == -1 && errno == ENODEV);
	check(ioctl(group, VFIO_GROUP_UNSET_CONTAINER) == -1 && errno == EINVAL);
	check(ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "0000:02:00.0") == -1 && errno == ENODEV);
	/* The container is empty: no IOMMU any more. */
	check(ioctl(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) == 1);
	check(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) == -1 && errno == EINVAL);
	check(put(VFIO "bind", "0000:02:00.0") == 0 && there("/dev/vfio/2"));
	other = open("/dev/vfio/2", O_RDWR);
	check(other >= 0 && flags_of(other) == VFIO_GROUP_FLAGS_VIABLE);
	check(!close(group) && flags_of(other) == VFIO_GROUP_FLAGS_VIABLE);
	check(open("/dev/vfio/2", O_RDWR) == -1 && errno == EBUSY);
	check(!close(other) && !close(container));
}

static void check_noiommu(void)
{
	static const char name[] = "0001:01:00.0";
	struct stat st;

	check(!stat("/dev/vfio/noiommu-0", &st) && S_ISCHR(st.st_mode));
	check(reads("/sys/kernel/iommu_groups/0/name", "vfio-noiommu\n"));
	check(put(VFIO "unbind", name) == 0);
	check(!there("/dev/vfio/noiommu-0") && !there("/sys/kernel/iommu_groups/0"));
	check(!there(DEVICES "0001:01:00.0/iommu_group"));
	check(put(VFIO "bind", name) == 0 && there("/dev/vfio/noiommu-0"));
	check(there("/sys/kernel/iommu_groups/0/devices/0001:01:00.0"));
}

/* ---- taking off a device that is open ---- */

static struct {
	int container, group, device, event;
} held;

static void hold_device(void)
{
	/* struct vfio_irq_set with one descriptor. */
	int32_t irq[] = { 24, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		VFIO_PCI_REQ_IRQ_INDEX, 0, 1, -1 };

	held.container = open("/dev/vfio/vfio", O_RDWR);
	held.group = open("/dev/vfio/3", O_RDWR);
	if (held.group < 0 || ioctl(held.group, VFIO_GROUP_SET_CONTAINER, &held.container) ||
		ioctl(held.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		err(1, "group 3");
	held.device = ioctl(held.group, VFIO_GROUP_GET_DEVICE_FD, "0000:03:00.0");
	held.event = irq[5] = eventfd(0, EFD_CLOEXEC);
	check(held.device >= 0 && !ioctl(held.device, VFIO_DEVICE_SET_IRQS, irq));
}

static void let_go(void)
{
	check(!close(held.group) && !close(held.container) && !close(held.event));
}

/** Waits until the device's user was asked for it, as long as that may take. */
static bool was_asked(void)
{
	struct pollfd p = { .fd = held.event, .events = POLLIN };

	return poll(&p, 1, 60000) == 1;
}

static atomic_bool done;

static void *unbind_thread(void *arg)
{
	*(int *)arg = put(VFIO "unbind", "0000:03:00.0");
	done = true;
	return NULL;
}

static void on_signal(int sig)
{
}

/* vfio_unregister_group_dev */
static void check_waiting(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t thread;
	int ret = -2;

	sigaction(SIGUSR1, &action, NULL);
	hold_device();
	check(reads(DEVICES "0000:03:00.0/enable", "1\n"));
	pthread_create(&thread, NULL, unbind_thread, &ret);
	check(was_asked());
	check(bound_to("0000:03:00.0", "") && !there(VFIO "0000:03:00.0"));
	check(there("/dev/vfio/3"));
	check(ioctl(held.group, VFIO_GROUP_GET_DEVICE_FD, "0000:03:00.0") == -1 && errno == ENODEV);
	/* A signal does not end it. */
	pthread_kill(thread, SIGUSR1);
	usleep(100000);
	check(!done);
	check(!close(held.device));
	pthread_join(thread, NULL);
	check(ret == 0 && done);
	check(flags_of(held.group) & VFIO_GROUP_FLAGS_CONTAINER_SET);
	let_go();
	check(put(VFIO "bind", "0000:03:00.0") == 0);
}

/** Who wanted it is killed: it is taken off all the same when it is closed. */
static void check_killed(void)
{
	pid_t child;
	int status;

	hold_device();
	child = fork();
	if (child == 0) {
		/* The parent's alone, so that its close is the last. */
		close(held.device), close(held.group), close(held.container);
		_exit(put(VFIO "unbind", "0000:03:00.0"));
	}
	check(was_asked());
	check(!kill(child, SIGKILL) && waitpid(child, &status, 0) == child && WIFSIGNALED(status));
	check(bound_to("0000:03:00.0", "") && there("/dev/vfio/3"));
	check(put(VFIO "unbind", "0000:03:00.1") == 0);
	check(there("/dev/vfio/3")); /* it has an open device yet */
	check(!close(held.device));
	check(put("/sys/bus/pci/drivers_probe", "0000:03:00.1") == 0);
	let_go();
	check(put(VFIO "bind", "0000:03:00.0") == 0 && there("/dev/vfio/3"));
}

/* ---- configuration space ---- */

static void check_config(void)
{
	struct vfio_region_info info = { .argsz = sizeof(info),
		.index = VFIO_PCI_CONFIG_REGION_INDEX };
	uint16_t command = 0, before;
	int before_fd = open(DEVICES "0000:03:00.0/config", O_RDONLY), fd;
	uint8_t all[4097];

	hold_device();
	check(!ioctl(held.device, VFIO_DEVICE_GET_REGION_INFO, &info));
	check(pread(before_fd, &before, 2, 4) == 2 && !(before & 4));
	command = 6;
	check(pwrite(held.device, &command, 2, (off_t)info.offset + 4) == 2);
	command = 0;
	check(pread(before_fd, &command, 2, 4) == 2 && (command & 6) == 6);
	check(read(before_fd, all, sizeof(all)) == (geteuid() ? 64 : 4096));
	close(held.device);
	let_go();
	check(open("/dev/vfio/vfio", O_RDWR) >= 0); /* by now it is closed */
	check(pread(before_fd, &command, 2, 4) == 2 && !(command & 4));
	close(before_fd);
	fd = open(DEVICES "0000:03:00.0/config", O_RDWR);
	if (geteuid()) {
		check(fd == -1 && errno == EACCES);
		return;
	}
	command = 4;
	check(pwrite(fd, &command, 2, 4) == 2);
	check(pread(fd, &command, 2, 4) == 2 && command == 4);
	check(lseek(fd, 4, SEEK_SET) == 4 && read(fd, &command, 2) == 2 && command == 4);
	command = 0;
	check(lseek(fd, 0, SEEK_CUR) == 6 && lseek(fd, 4, SEEK_SET) == 4);
	check(write(fd, &command, 2) == 2 && lseek(fd, 0, SEEK_CUR) == 6);
	check(pwrite(fd, all, 8, 4096) == 0 && pread(fd, all, 8, 4094) == 2);
	check(!close(fd));
}

/* ---- who is not root ---- */

static void check_ordinary(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(open(rows[i].path, O_WRONLY) == -1 && errno == EACCES);
	check(open(VFIO "unbind", O_RDONLY) == -1 || geteuid());
	check(access(DEVICES "0000:01:00.0/config", W_OK) == -1 && errno == EACCES);
	check(access(DEVICES "0000:01:00.0/config", R_OK) == 0);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	check(open(DEVICES "0000:01:00.0/vendor", O_WRONLY) == -1 && errno == EACCES);
	check(open(VFIO "bind", O_WRONLY | O_CREAT | O_EXCL, 0600) == -1 && errno == EEXIST);
	check(creat("/sys/bus/pci/nothing", 0600) == -1);
	check_config();
	if (geteuid()) {
		check_ordinary();
	} else {
		check_rows();
		check_override();
		check_viability();
		check_nodes();
		check_noiommu();
		check_waiting();
		check_killed();
	}
	printf("%u checks, %u failed\n", checks, failures);
	return failures != 0;
}
