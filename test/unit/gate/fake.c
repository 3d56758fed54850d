/* SPDX-License-Identifier: MIT */
#include "fake.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bits.h"
#include "gate/serve.h"
#include "iommu/iommu.h"
#include "vfio/inspect.h"

struct fake fake;

/* ---- files ---- */

static long fake_add(struct caller *caller, uint64_t arg)
{
	struct fake_add add;

	if (caller->ops->copy_in(caller, &add, arg, sizeof(add)))
		return -EFAULT;
	add.sum = add.a + add.b;
	return caller->ops->copy_out(caller, arg, &add, sizeof(add));
}

static long fake_pin(struct caller *caller, uint64_t arg, struct why *why)
{
	struct fake_pin pin;
	int ret;

	if (caller->ops->copy_in(caller, &pin, arg, sizeof(pin)))
		return -EFAULT;
	fake.turns++;
	umem_put(fake.pinned);
	fake.pinned = NULL;
	ret = caller->ops->pin(caller, pin.uaddr, pin.bytes, pin.prot, &fake.pinned, why);
	fake.turns++;
	return ret;
}

static long fake_signal(struct caller *caller, uint64_t arg)
{
	int fd = caller->ops->get_eventfd(caller, (int)arg);
	uint64_t one = 1;

	if (fd < 0)
		return fd;
	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
	close(fd);
	return 0;
}

static long fake_is_ours(struct caller *caller, uint64_t arg)
{
	struct file *file;
	int ret = caller->ops->get_file(caller, (int)arg, &file);

	if (!ret && file) {
		file_put(file);
		return 1;
	}
	return ret;
}

static long fake_device(struct caller *caller, uint64_t flags);

static long fake_ioctl(
	struct file *file, struct caller *caller, unsigned cmd, uint64_t arg, struct why *why)
{
	switch (cmd) {
	case FAKE_PING:
		fake.pings++;
		return 42;
	case FAKE_ADD:
		return fake_add(caller, arg);
	case FAKE_DEVICE:
		return fake_device(caller, arg);
	case FAKE_PIN:
		return fake_pin(caller, arg, why);
	case FAKE_SIGNAL:
		return fake_signal(caller, arg);
	case FAKE_IS_OURS:
		return fake_is_ours(caller, arg);
	case FAKE_WAIT:
		while (!fake.go)
			usleep(1000);
		return 0;
	case FAKE_GO:
		fake.go = true;
		return 0;
	}
	return -ENOTTY;
}

static void release_container(struct file *file)
{
	fake.containers--;
	free(file);
}

static void release_group(struct file *file)
{
	fake.groups--;
	free(file);
}

static void release_device(struct file *file)
{
	fake.devices--;
	free(file);
}

static ssize_t device_read(struct file *file, struct caller *caller, uint64_t uaddr, size_t count,
	uint64_t pos, struct why *why)
{
	uint8_t bytes[64];

	memset(bytes, (int)(pos & 0xff), sizeof(bytes));
	count = MIN(count, sizeof(bytes));
	if (pos < UINT64_C(7) << 40)
		return -EINVAL;
	return caller->ops->copy_out(caller, uaddr, bytes, count) ? -EFAULT : (ssize_t)count;
}

static int device_mmap(
	struct file *file, uint64_t pos, uint64_t len, unsigned prot, struct why *why)
{
	return pos >= FAKE_BAR_OFFSET && pos + len <= FAKE_BAR_OFFSET + FAKE_BAR_BYTES ? 0
										       : -EINVAL;
}

static const struct file_ops container_ops = {
	.name = "container",
	.ioctl = fake_ioctl,
	.release = release_container,
};
static const struct file_ops group_ops = {
	.name = "group",
	.ioctl = fake_ioctl,
	.release = release_group,
};
static const struct file_ops device_ops = {
	.name = "device",
	.ioctl = fake_ioctl,
	.read = device_read,
	.mmap = device_mmap,
	.release = release_device,
};

static struct file *make(const struct file_ops *ops, atomic_int *count)
{
	struct file *file = calloc(1, sizeof(*file));

	assert_non_null(file);
	file_init(file, ops);
	(*count)++;
	return file;
}

static long fake_device(struct caller *caller, uint64_t flags)
{
	struct file *file = make(&device_ops, &fake.devices);
	int ret;

	file->memfd = fake.bar;
	ret = caller->ops->install(caller, file, (int)flags);
	if (ret < 0)
		file_put(file);
	return ret;
}

/* ---- what the gate asks of the machine ---- */

int vfio_open_container(struct vfio *vfio, struct file **out, struct why *why)
{
	*out = make(&container_ops, &fake.containers);
	return 0;
}

int vfio_open_group(struct vfio *vfio, int id, bool noiommu, struct file **out, struct why *why)
{
	if (fake.groups)
		return why_refused(why, EBUSY, "group-open", "the group is open");
	*out = make(&group_ops, &fake.groups);
	return 0;
}

bool vfio_find_memory(const struct vfio *vfio, const struct umem *umem, struct vfio_mapping *out)
{
	return false;
}

const char *vfio_type_name(unsigned type)
{
	return "none";
}

void machine_await_steps(struct machine *machine)
{
}

void machine_settle_faults(struct machine *machine)
{
}

bool machine_step(struct machine *machine, uint64_t budget)
{
	return false;
}

void machine_counts(struct machine *machine, struct machine_counts *counts)
{
	memset(counts, 0, sizeof(*counts));
}

/* ---- the box ---- */

void child_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s (errno %d)\n", file, line, what, errno);
	_exit(1);
}

void sync_send(int sync)
{
	fake.turns++;
	if (write(sync, "x", 1) != 1)
		abort();
}

void sync_wait(int sync)
{
	char c;

	if (read(sync, &c, 1) != 1)
		abort();
	fake.turns++;
}

static void send_listener(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 'f';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(sock, &msg, 0) != 1)
		abort();
}

static int receive_listener(int sock)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	int fd;

	assert_int_equal(recvmsg(sock, &msg, MSG_CMSG_CLOEXEC), 1);
	assert_non_null(CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static struct tree_entry nodes[] = {
	{ .kind = TREE_NODE, .path = (char *)"/dev/null", .node = NODE_CONTAINER },
	{ .kind = TREE_NODE, .path = (char *)"/dev/zero", .node = NODE_GROUP, .id = 1 },
};
static const struct tree tree = { .entries = nodes, .n = ARRAY_LEN(nodes) };

static void find_nodes(void)
{
	struct statx stx;
	unsigned i;

	for (i = 0; i < ARRAY_LEN(nodes); i++) {
		struct stat st;

		assert_int_equal(
			statx(AT_FDCWD, nodes[i].path, 0, STATX_INO | STATX_MNT_ID, &stx), 0);
		assert_int_equal(stat(nodes[i].path, &st), 0);
		nodes[i].mnt_id = stx.stx_mnt_id;
		nodes[i].ino = stx.stx_ino;
		nodes[i].dev = st.st_dev;
	}
}

static void run_child(int sync, int (*child)(int sync))
{
	struct error error = { 0 };
	int listener = filter_install(960, false, &error);

	if (listener < 0) {
		fprintf(stderr, "%s\n", error.message);
		_exit(77);
	}
	send_listener(sync, listener);
	close(listener);
	_exit(child(sync));
}

void box_start(struct box *box, int (*child)(int sync))
{
	struct serve_args args = {
		.tree = &tree, .fd_base = 960, .quiet = true, .report_dir = -1, .sys = -1
	};
	struct error error = { 0 };
	int pair[2];

	memset(&fake, 0, sizeof(fake));
	fake.bar = memfd_create("bar", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(fake.bar, (off_t)(FAKE_BAR_OFFSET + FAKE_BAR_BYTES)), 0);
	find_nodes();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	box->pid = fork();
	assert_true(box->pid >= 0);
	if (!box->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		run_child(pair[1], child);
	}
	close(pair[1]);
	box->sync = pair[0];
	box->machine = calloc(1, sizeof(*box->machine));
	args.machine = box->machine;
	args.listener = receive_listener(box->sync);
	box->serve = serve_start(&args, &error);
	if (!box->serve)
		fail_msg("%s", error.message);
}

void box_end(struct box *box)
{
	int status;

	assert_int_equal(waitpid(box->pid, &status, 0), box->pid);
	fake.turns++;
	umem_put(fake.pinned);
	fake.pinned = NULL;
	serve_stop(box->serve);
	close(box->sync);
	close(fake.bar);
	free(box->machine);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(fake.containers, 0);
	assert_int_equal(fake.groups, 0);
	assert_int_equal(fake.devices, 0);
}

void box_run(int (*child)(int sync))
{
	struct box box;

	box_start(&box, child);
	box_end(&box);
}
