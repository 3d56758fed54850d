/* SPDX-License-Identifier: MIT */
/*
 * Making the calls of rows: descriptors by name, memory at fixed places, arguments that end at a
 * page's edge.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conform/run.h"

#define ARGS	 0x60700000ull /* arguments end at ARGS_END; nothing is mapped behind it */
#define ARGS_END (ARGS + 16 * PAGE)
#define PATIENCE 20000 /* ms, for a signal that is due */

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* ---- memory ---- */

static const struct {
	uint64_t at;
	unsigned pages;
	int prot, flags;
} places[] = {
	{ RW, 16, PROT_READ | PROT_WRITE, MAP_PRIVATE },
	{ RO, 16, PROT_READ, MAP_PRIVATE },
	{ NONE, 16, PROT_NONE, MAP_PRIVATE },
	{ EDGE, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE },
	{ RO_END, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE },
	{ RO_END + PAGE, 1, PROT_READ, MAP_PRIVATE },
	{ SHARED, 16, PROT_READ | PROT_WRITE, MAP_SHARED },
	{ ARGS, 16, PROT_READ | PROT_WRITE, MAP_PRIVATE },
};

static bool map_place(uint64_t at, size_t bytes, int prot, int flags)
{
	void *want = (void *)(uintptr_t)at;
	void *got = mmap(want, bytes, PROT_READ | PROT_WRITE,
		flags | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (got != want) {
		perror("mmap of a fixed place");
		return false;
	}
	if (at == RO)
		*(uint32_t *)want = PAGE; /* an argsz */
	return !mprotect(want, bytes, prot);
}

bool call_memory(void)
{
	static bool done;

	for (size_t i = 0; !done && i < sizeof(places) / sizeof(places[0]); i++)
		if (!map_place(
			    places[i].at, places[i].pages * PAGE, places[i].prot, places[i].flags))
			return false;
	done = true;
	return true;
}

/* ---- descriptors ---- */

static int numbers[N_FDS]; /* of what is open; 0: nothing */
static unsigned long base_mappings;

static int make_pipe(void)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	close(ends[1]);
	return ends[0];
}

static int make_fd(enum fd name)
{
	switch (name) {
	case EV0 ... EV7:
		return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	case REGULAR:
		return open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	case DEV_NULL:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	case PIPE:
		return make_pipe();
	case SOCKET:
		return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	case EPOLL:
		return epoll_create1(EPOLL_CLOEXEC);
	case CLOSED:
		return 777;
	default:
		return -1;
	}
}

int call_opened(enum fd name)
{
	return numbers[name] > 0 ? numbers[name] : -1;
}

int fd_number(enum fd name)
{
	if (numbers[name] <= 0)
		numbers[name] = make_fd(name);
	return call_opened(name);
}

static void close_name(enum fd name)
{
	if (numbers[name] > 0 && name != CLOSED)
		t_close(numbers[name]);
	numbers[name] = 0;
}

/* What a row opened last goes first. */
void call_close_all(void)
{
	for (unsigned name = N_FDS - 1; name > 0; name--)
		close_name(name);
}

static long keep(const struct call *call, long ret)
{
	if (ret < 0)
		return ret;
	if (!call->keep) {
		t_close((int)ret);
		return FD;
	}
	close_name(call->keep);
	numbers[call->keep] = (int)ret;
	return FD;
}

static bool makes_fd(const struct call *call)
{
	return call->op == OP_OPEN ||
	       (call->op == OP_IOCTL && (call->keep || call->cmd == VFIO_GROUP_GET_DEVICE_FD));
}

/* ---- arguments ---- */

static void put_numbers(uint8_t *end, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t *at = end - (n - i) * 4;
		int32_t name, number;

		memcpy(&name, at, 4);
		number = fd_number(name);
		memcpy(at, &number, 4);
	}
}

static uint64_t place(const struct arg *arg)
{
	uint8_t *at = (uint8_t *)(uintptr_t)(ARGS_END - arg->n - arg->room);

	if (arg->kind == ARG_VALUE)
		return arg->value;
	if (arg->n)
		memcpy(at, arg->bytes, arg->n);
	memset(at + arg->n, 0, arg->room);
	put_numbers(at + arg->n, arg->fds);
	return (uintptr_t)at;
}

/* REGION(n) + x: programs ask where region n is. */
static uint64_t offset_of(const struct call *call)
{
	struct vfio_region_info info = { .argsz = sizeof(info),
		.index = (uint32_t)(call->offset >> 40 & 0xff) };

	if (!(call->offset & REGION_BIT) || call->offset >> 63)
		return call->offset;
	t_ioctl(fd_number(call->on), VFIO_DEVICE_GET_REGION_INFO, (uintptr_t)&info);
	return info.offset + (call->offset & 0xffffffffffull);
}

/* ---- calls ---- */

static long map_once(const struct call *call)
{
	size_t len = call->arg.value;
	long at = t_mmap(
		fd_number(call->on), offset_of(call), len, call->cmd & 0xff, (int)(call->cmd >> 8));

	if (at < 0)
		return at;
	t_munmap(at, len);
	return 0;
}

static long signals(const struct call *call, bool due)
{
	struct pollfd pollfd = { .fd = fd_number(call->on), .events = POLLIN };
	uint64_t count = 0;

	if (due)
		poll(&pollfd, 1, PATIENCE);
	return read(pollfd.fd, &count, sizeof(count)) == sizeof(count) ? (long)count : 0;
}

static long count_mappings(long want)
{
	struct t_counts counts;

	return t_counts(&counts) ? (long)(counts.mappings - base_mappings) : want;
}

static long write_event(enum fd on)
{
	uint64_t one = 1;

	return write(fd_number(on), &one, sizeof(one)) == sizeof(one) ? 0 : -errno;
}

static long close_fd(enum fd on)
{
	int ret = t_close(fd_number(on));

	numbers[on] = 0;
	return ret;
}

static long make(const struct call *call, long want, uint64_t at)
{
	size_t n = call->arg.n + call->arg.room;

	switch (call->op) {
	case OP_IOCTL:
		return t_ioctl(fd_number(call->on), call->cmd, at);
	case OP_OPEN:
		return t_open(call->arg.bytes);
	case OP_CLOSE:
		return close_fd(call->on);
	case OP_PREAD:
		return t_pread(fd_number(call->on), at, n, offset_of(call));
	case OP_PWRITE:
		return t_pwrite(fd_number(call->on), at, n, offset_of(call));
	case OP_MMAP:
		return map_once(call);
	case OP_SIGNALS:
		return signals(call, want != 0);
	case OP_WRITE_EVENT:
		return write_event(call->on);
	case OP_COUNT:
		return count_mappings(want);
	case OP_RUN:
		return call->run();
	default:
		return -ENOSYS;
	}
}

long call_make(const struct call *call, long want, const uint8_t **data)
{
	uint64_t at = place(&call->arg);
	long ret = make(call, want, at);

	*data = at > PAGE && call->op != OP_MMAP ? (const uint8_t *)(uintptr_t)at : NULL;
	return makes_fd(call) ? keep(call, ret) : ret;
}

void call_base(unsigned long mappings)
{
	base_mappings = mappings;
}

/* ---- printing ---- */

static const char *const op_names[] = { "end", "ioctl", "open", "close", "pread", "pwrite", "mmap",
	"signals", "mappings", "write event", "run" };
static const char *const fd_names[N_FDS] = { "none", "CONTAINER", "GROUP", "DEVICE", "CONTAINER2",
	"GROUP2", "DEVICE2", "X0", "X1", "X2", "X3", "EV0", "EV1", "EV2", "EV3", "EV4", "EV5",
	"EV6", "EV7", "REGULAR", "DEV_NULL", "PIPE", "SOCKET", "EPOLL", "CLOSED", "MINUS1" };

void call_print(const struct call *call)
{
	const uint8_t *bytes = call->arg.bytes;

	printf("%s on %s", op_names[call->op], fd_names[call->on]);
	if (call->op == OP_IOCTL)
		printf(" ';'+%lu", call->cmd & 0xff);
	if (call->op == OP_PREAD || call->op == OP_PWRITE || call->op == OP_MMAP)
		printf(" at 0x%llx", (unsigned long long)call->offset);
	if (call->arg.kind == ARG_VALUE) {
		printf(" value 0x%llx\n", (unsigned long long)call->arg.value);
		return;
	}
	printf(" %u bytes", call->arg.n);
	for (unsigned i = 0; i < call->arg.n && i < 64; i++)
		printf("%s%02x", i % 4 ? "" : " ", bytes[i]);
	printf(" + %u zeros\n", call->arg.room);
}
