/* SPDX-License-Identifier: MIT */
/*
 * Files of VFIO end when Linux ends them: with the last descriptor, mapping, queued message and
 * process that has them, whatever the order; and the next call of whoever learnt of that sees it.
 *
 * What shows it is a group: it opens once only (EBUSY) until its file and all its devices are
 * closed, and leaves its container only without an open device.
 *
 * SEED, ROUNDS (of opening and closing everything) in the environment; arguments name the tests to
 * run, all without. STORM_RSS=no: the supervisor's memory says nothing (sanitizers keep what was
 * freed).
 */
#include "storm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIB	     (1024ul * 1024)
#define IOVA	     UINT64_C(0x100000000)
/* Memory may grow by what caches and the allocator's arenas need, not by what leaks in rounds. */
#define RSS_SLACK_KIB 256

static uint32_t seed;
static unsigned long rounds;
static pid_t supervisor;

static void expect_exit(pid_t pid)
{
	int status;

	EXPECT(waitpid(pid, &status, 0) == pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		FAIL("a child ended with status 0x%x", (unsigned)status);
}

static void give(int fd)
{
	EXPECT(write(fd, "", 1) == 1);
}

static void take(int fd)
{
	char c;

	EXPECT(read(fd, &c, 1) == 1);
}

/* ---- any order ---- */

/* The steps, each once, in every order. */
enum step {
	CLOSE_CONTAINER,
	CLOSE_GROUP,
	CLOSE_DEVICE,
	CLOSE_COPY, /* a duplicate of the device, or a mapping of its BAR */
	END_CHILD,  /* it holds one of all of these */
	UNSET,	    /* VFIO_GROUP_UNSET_CONTAINER */
	N_STEPS,
};

enum held {
	HOLDS_CONTAINER,
	HOLDS_GROUP,
	HOLDS_DEVICE,
	HOLDS_MAPPING,
	N_HELD,
};

struct order {
	enum step steps[N_STEPS];
	enum held held; /* by the child */
	bool dup;	/* the copy is a duplicate */
	struct world world;
	int copy;
	pid_t child;
	int go;
	bool joined; /* the group is in the container */
};

static bool group_is_held(const struct order *o)
{
	return o->world.group >= 0 || (o->child && o->held == HOLDS_GROUP);
}

static bool device_is_held(const struct order *o)
{
	return o->world.device >= 0 || o->copy >= 0 || o->world.bar ||
	       (o->child && (o->held == HOLDS_DEVICE || o->held == HOLDS_MAPPING));
}

static void hold(struct order *o, int ready, int go)
{
	struct world *w = &o->world;
	char c;

	if (o->held != HOLDS_CONTAINER)
		close(w->container);
	if (o->held != HOLDS_GROUP)
		close(w->group);
	if (o->held != HOLDS_DEVICE)
		close(w->device);
	if (o->copy >= 0)
		close(o->copy);
	if (w->bar && o->held != HOLDS_MAPPING)
		munmap((void *)w->bar, w->bar_bytes);
	give(ready);
	_exit(read(go, &c, 1) != 0);
}

static void start_child(struct order *o)
{
	int ready[2], go[2];

	EXPECT(!pipe2(ready, O_CLOEXEC) && !pipe2(go, O_CLOEXEC));
	o->child = fork();
	EXPECT(o->child >= 0);
	if (!o->child) {
		close(go[1]);
		hold(o, ready[1], go[0]);
	}
	take(ready[0]);
	close(ready[0]);
	close(ready[1]);
	close(go[0]);
	o->go = go[1];
}

static void close_one(int *fd)
{
	close(*fd);
	*fd = -1;
}

static void close_copy(struct order *o)
{
	if (o->copy >= 0)
		close_one(&o->copy);
	else
		munmap((void *)o->world.bar, o->world.bar_bytes);
	o->world.bar = NULL;
}

static void end_child(struct order *o)
{
	close(o->go);
	expect_exit(o->child);
	o->child = 0;
}

/** Linux 7.3 vfio_group_ioctl_unset_container: EINVAL without one, EBUSY with open devices. */
static void unset(struct order *o)
{
	int err = !o->joined ? EINVAL : device_is_held(o) ? EBUSY : 0;
	int ret;

	if (o->world.group < 0)
		return;
	ret = ioctl(o->world.group, VFIO_GROUP_UNSET_CONTAINER);
	if (ret != (err ? -1 : 0) || (err && errno != err))
		FAIL("UNSET_CONTAINER: %d, owed errno %d", ret, err);
	o->joined = o->joined && err;
}

static void do_step(struct order *o, enum step step)
{
	switch (step) {
	case CLOSE_CONTAINER:
		close_one(&o->world.container);
		break;
	case CLOSE_GROUP:
		close_one(&o->world.group);
		break;
	case CLOSE_DEVICE:
		close_one(&o->world.device);
		break;
	case CLOSE_COPY:
		close_copy(o);
		break;
	case END_CHILD:
		end_child(o);
		break;
	default:
		unset(o);
	}
}

/** What every file that is left says must agree with what is held. */
static void check_state(struct order *o)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	bool opened = group_is_held(o) || device_is_held(o);
	unsigned flags;

	o->joined = o->joined && opened;
	flags = VFIO_GROUP_FLAGS_VIABLE | (o->joined ? VFIO_GROUP_FLAGS_CONTAINER_SET : 0);
	EXPECT(world_is_free(&o->world) == !opened);
	if (o->world.group >= 0) {
		EXPECT(!ioctl(o->world.group, VFIO_GROUP_GET_STATUS, &status));
		EXPECT(status.flags == flags);
	}
	/* With the last group the container's IOMMU goes. */
	if (o->world.container >= 0) {
		int ret = ioctl(o->world.container, VFIO_IOMMU_GET_INFO, &info);

		EXPECT(o->joined ? !ret : ret == -1 && errno == EINVAL);
	}
}

static void run_order(struct order *o)
{
	world_open(&o->world, 1);
	o->joined = true;
	o->copy = o->dup ? dup(o->world.device) : -1;
	if (!o->dup || o->held == HOLDS_MAPPING)
		world_map_bar(&o->world);
	start_child(o);
	if (o->dup && o->world.bar) { /* it was for the child */
		munmap((void *)o->world.bar, o->world.bar_bytes);
		o->world.bar = NULL;
	}
	check_state(o);
	for (unsigned i = 0; i < N_STEPS; i++) {
		do_step(o, o->steps[i]);
		check_state(o);
	}
	EXPECT(world_is_free(&o->world));
}

/** Order number n of all. */
static void make_order(struct order *o, unsigned n)
{
	enum step left[N_STEPS];

	for (unsigned i = 0; i < N_STEPS; i++)
		left[i] = (enum step)i;
	for (unsigned i = N_STEPS; i > 0; i--) {
		unsigned pick = n % i;

		n /= i;
		o->steps[N_STEPS - i] = left[pick];
		left[pick] = left[i - 1];
	}
}

static void test_orders(void)
{
	unsigned all = 1;

	for (unsigned i = 2; i <= N_STEPS; i++)
		all *= i;
	for (unsigned n = 0; n < all; n++) {
		struct order o = { .held = n % N_HELD, .dup = storm_random(&seed) % 2 };

		make_order(&o, n);
		run_order(&o);
	}
	printf("orders: %u of closing\n", all);
}

/* ---- last closes ---- */

/* Two pipes: the child says that it is where the test wants it, the test that it may go on. */
struct link {
	int ready[2], go[2];
};

static void link_open(struct link *link)
{
	/* Not O_CLOEXEC: they pass exec. */
	EXPECT(!pipe(link->ready) && !pipe(link->go));
}

static void link_close(struct link *link)
{
	for (unsigned i = 0; i < 2; i++) {
		close(link->ready[i]);
		close(link->go[i]);
	}
}

static void child_close(struct link *link)
{
	struct world w;

	world_open(&w, 1);
	world_map_bar(&w);
	world_close(&w);
	give(link->ready[1]);
	take(link->go[0]);
	_exit(0);
}

static void child_exit(struct link *link)
{
	struct world w;

	world_open(&w, 1);
	world_map_bar(&w);
	_exit(0);
}

static void child_wait(struct link *link)
{
	struct world w;

	world_open(&w, 1);
	world_map_bar(&w);
	give(link->ready[1]);
	take(link->go[0]);
	_exit(1);
}

/** This program again, as one that says that it is there and waits. */
static void exec_holder(struct link *link)
{
	char ready[16], go[16];

	snprintf(ready, sizeof(ready), "%d", link->ready[1]);
	snprintf(go, sizeof(go), "%d", link->go[0]);
	execl("/proc/self/exe", "lifetimes", "hold", ready, go, NULL);
	FAIL("exec");
}

static void child_exec(struct link *link)
{
	struct world w;

	world_open(&w, 1);
	world_map_bar(&w);
	exec_holder(link);
}

static void child_exec_kept(struct link *link)
{
	struct world w;

	world_open(&w, 1);
	EXPECT(!fcntl(w.device, F_SETFD, 0)); /* it keeps the group */
	exec_holder(link);
}

static void *thread_hold(void *arg)
{
	struct link *link = arg;
	/* Threads of a dead leader are still the process. */
	take(link->go[0]);
	_exit(0);
}

static void child_leader_exit(struct link *link)
{
	struct world w;
	pthread_t thread;

	world_open(&w, 1);
	EXPECT(!pthread_create(&thread, NULL, thread_hold, link));
	give(link->ready[1]);
	syscall(SYS_exit, 0);
}

static atomic_int thread_id;

static void *thread_unshare(void *arg)
{
	struct world w;

	atomic_store(&thread_id, (int)syscall(SYS_gettid));
	/* Descriptors of its own, which end with it. */
	EXPECT(!unshare(CLONE_FILES));
	world_open(&w, 1);
	world_map_bar(&w);
	munmap((void *)w.bar, w.bar_bytes);
	return NULL;
}

/** pthread_join returns while the thread still ends. */
static void wait_for_end(int tid)
{
	struct timespec pause = { .tv_nsec = 100000 };
	char path[48];

	snprintf(path, sizeof(path), "/proc/self/task/%d", tid);
	while (!access(path, F_OK))
		nanosleep(&pause, NULL);
}

static void child_thread_files(struct link *link)
{
	pthread_t thread;

	EXPECT(!pthread_create(&thread, NULL, thread_unshare, NULL));
	pthread_join(thread, NULL);
	wait_for_end(atomic_load(&thread_id));
	give(link->ready[1]);
	take(link->go[0]);
	_exit(0);
}

static void queue(int sock, int fd)
{
	union {
		struct cmsghdr hdr;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .hdr = { .cmsg_len = CMSG_LEN(sizeof(int)),
			      .cmsg_level = SOL_SOCKET,
			      .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { "x", 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };

	memcpy(CMSG_DATA(&control.hdr), &fd, sizeof(fd));
	EXPECT(sendmsg(sock, &msg, 0) == 1);
}

static void child_in_flight(struct link *link)
{
	struct world w;
	int pair[2];

	world_open(&w, 1);
	EXPECT(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	queue(pair[0], w.device);
	world_close(&w);
	give(link->ready[1]);
	take(link->go[0]);
	/* Dropped with the message that nobody took. */
	close(pair[1]);
	close(pair[0]);
	give(link->ready[1]);
	take(link->go[0]);
	_exit(0);
}

/* What shows the end, and whether the child still has the group when it says ready. */
enum end {
	BY_READY, /* free when the child says ready; then it may go */
	BY_WAIT,  /* free when the child was waited for */
	BY_KILL,  /* held when it says ready; killed, and waited for */
	BY_GO,	  /* held when it says ready; told to go, and waited for */
	BY_AGAIN, /* held when it says ready; told to go, it says ready again: free */
};

static const struct last_close {
	const char *name;
	void (*child)(struct link *link);
	enum end end;
} last_closes[] = {
	{ "close", child_close, BY_READY },
	{ "exit", child_exit, BY_WAIT },
	{ "kill", child_wait, BY_KILL },
	{ "exec with O_CLOEXEC", child_exec, BY_READY },
	{ "the end of who was exec'd", child_exec_kept, BY_GO },
	{ "kill of who was exec'd", child_exec_kept, BY_KILL },
	{ "the last thread", child_leader_exit, BY_GO },
	{ "the end of a thread with descriptors of its own", child_thread_files, BY_READY },
	{ "a message in flight that is dropped", child_in_flight, BY_AGAIN },
	{ "kill with a message in flight", child_in_flight, BY_KILL },
};

static void expect_killed(pid_t pid)
{
	int status;

	EXPECT(!kill(pid, SIGKILL) && waitpid(pid, &status, 0) == pid);
	if (!WIFSIGNALED(status))
		FAIL("a child ended with status 0x%x", (unsigned)status);
}

static void finish_child(const struct last_close *last, struct link *link, pid_t pid, bool freed)
{
	if (last->end == BY_KILL) {
		expect_killed(pid);
		return;
	}
	if (last->end != BY_WAIT)
		give(link->go[1]);
	if (last->end == BY_AGAIN) {
		take(link->ready[0]);
		EXPECT(freed);
		give(link->go[1]);
	}
	expect_exit(pid);
}

static void run_last_close(const struct last_close *last)
{
	struct world w = { .path = "/dev/vfio/1" };
	struct link link;
	pid_t pid;

	link_open(&link);
	pid = fork();
	if (!pid)
		last->child(&link);
	if (last->end != BY_WAIT) {
		take(link.ready[0]);
		if (world_is_free(&w) != (last->end == BY_READY))
			FAIL("%s: the group is %s", last->name,
				last->end == BY_READY ? "held" : "free");
	}
	finish_child(last, &link, pid, true);
	if (!world_is_free(&w))
		FAIL("%s: the group is held", last->name);
	link_close(&link);
}

static void test_last_closes(void)
{
	for (unsigned i = 0; i < 20; i++)
		for (unsigned k = 0; k < ARRAY_LEN(last_closes); k++)
			run_last_close(&last_closes[k]);
	printf("last closes: by %zu means, 20 times\n", ARRAY_LEN(last_closes));
}

/* ---- killed while its memory is read ---- */

static uint64_t desc[2][8] __attribute__((aligned(64)));

/** Copies between private memory for as long as it lives. */
static void copy_forever(struct world *w, uint8_t *memory)
{
	struct vfio_region_info info = { .argsz = sizeof(info),
		.index = VFIO_PCI_CONFIG_REGION_INDEX };
	uint64_t *ring = (uint64_t *)memory;
	uint16_t command = 6; /* memory, bus master */

	EXPECT(!world_map(w, memory, IOVA, 4 * MIB));
	EXPECT(!ioctl(w->device, VFIO_DEVICE_GET_REGION_INFO, &info));
	EXPECT(pwrite(w->device, &command, 2, (off_t)info.offset + 4) == 2);
	for (unsigned i = 0; i < 2; i++) { /* size, control, source, destination, next */
		desc[i][0] = MIB;
		desc[i][1] = IOVA + MIB;
		desc[i][2] = IOVA + 2 * MIB;
		desc[i][3] = IOVA + 64 * (1 - i);
	}
	memcpy(ring, desc, sizeof(desc));
	*(volatile uint64_t *)(w->bar + 0x98) = IOVA + 1024; /* CHANCMP */
	*(volatile uint64_t *)(w->bar + 0x90) = IOVA;	     /* CHAINADDR */
	*(volatile uint16_t *)(w->bar + 0x86) = 0x7000;	     /* DMACOUNT */
}

static void child_copies(struct link *link)
{
	struct timespec pause = { .tv_nsec = 50000 };
	struct world w;
	uint8_t *memory =
		mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(memory != MAP_FAILED);
	memset(memory + MIB, 0x5a, MIB);
	world_open(&w, 1);
	world_map_bar(&w);
	copy_forever(&w, memory);
	while (!*(volatile uint8_t *)(memory + 2 * MIB))
		nanosleep(&pause, NULL);
	give(link->ready[1]);
	pause.tv_sec = 1000;
	nanosleep(&pause, NULL);
	_exit(1);
}

/** The supervisor is then who ends the program's memory, with the mapping of the BAR in it. */
static void test_killed_copying(void)
{
	struct world w = { .path = "/dev/vfio/1" };

	for (unsigned i = 0; i < 50; i++) {
		struct link link;
		pid_t pid;

		link_open(&link);
		pid = fork();
		if (!pid)
			child_copies(&link);
		take(link.ready[0]);
		expect_killed(pid);
		if (!world_is_free(&w))
			FAIL("kill %u: the group is held", i);
		link_close(&link);
	}
	printf("killed while copying: 50 times\n");
}

/* ---- from hand to hand ---- */

static void one_life(void)
{
	struct world w;
	int *const fds[] = { &w.container, &w.group, &w.device };
	unsigned first = storm_random(&seed) % 3, step = 1 + storm_random(&seed) % 2;

	world_open(&w, 1);
	if (storm_random(&seed) % 4 == 0)
		world_map_bar(&w);
	for (unsigned i = 0; i < 3; i++)
		close_one(fds[(first + i * step) % 3]);
	world_close(&w);
}

/** Turns between us and another process: who gets it opens at once what the other has closed. */
static void hand_over(unsigned long n)
{
	struct link link;
	pid_t pid;

	link_open(&link);
	pid = fork();
	EXPECT(pid >= 0);
	for (unsigned long i = 0; i < n; i++) {
		if (!pid)
			take(link.go[0]);
		one_life();
		give(pid ? link.go[1] : link.ready[1]);
		if (pid)
			take(link.ready[0]);
	}
	if (!pid)
		_exit(0);
	expect_exit(pid);
	link_close(&link);
}

/** Rounds of something after which the supervisor has what it had, no more. */
static void expect_flat(const char *name, void (*round)(unsigned long n), unsigned long n)
{
	const char *says = getenv("STORM_RSS");
	bool rss = !says || strcmp(says, "no") != 0;
	struct storm_use before, after;

	round(n / 10 + 1);
	before = storm_rest(supervisor);
	round(n);
	storm_settle(supervisor, before.fds);
	after = storm_use(supervisor);
	printf("%s: %lu times, %u descriptors before, %u after, %lu KiB before, %lu after\n", name,
		n, before.fds, after.fds, before.rss_kib, after.rss_kib);
	if (rss && after.rss_kib > before.rss_kib + RSS_SLACK_KIB)
		FAIL("%s: the supervisor grows", name);
}

static void test_cycles(void)
{
	expect_flat("from hand to hand", hand_over, rounds / 2);
}

/** Open again and again what is open already. */
static void reopen(unsigned long n)
{
	struct world w;

	world_open(&w, 1);
	for (unsigned long i = 0; i < n; i++) {
		int fd = ioctl(w.group, VFIO_GROUP_GET_DEVICE_FD, w.name);

		EXPECT(fd >= 0);
		close(fd);
	}
	/* All but one are closed, whichever. */
	EXPECT(ioctl(w.group, VFIO_GROUP_UNSET_CONTAINER) == -1 && errno == EBUSY);
	close_one(&w.device);
	EXPECT(!ioctl(w.group, VFIO_GROUP_UNSET_CONTAINER));
	world_close(&w);
}

static void test_reopen(void)
{
	expect_flat("one device, opened again", reopen, rounds);
}

/* ---- many programs ---- */

static void programs(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++) {
		pid_t pid = fork();

		EXPECT(pid >= 0);
		if (!pid) {
			execl("/proc/self/exe", "lifetimes", i % 2 ? "close" : "exit", NULL);
			_exit(1);
		}
		expect_exit(pid);
	}
}

static void test_programs(void)
{
	expect_flat("programs", programs, rounds / 20);
}

/** A child with a number that was another's, who made calls too. */
static pid_t fork_as(pid_t pid)
{
	struct clone_args args = { .exit_signal = SIGCHLD,
		.set_tid = pid ? (uintptr_t)&pid : 0,
		.set_tid_size = pid ? 1 : 0 };

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static void same_number(unsigned long n)
{
	pid_t first = 0;

	for (unsigned long i = 0; i < n; i++) {
		pid_t pid = fork_as(first);

		if (pid < 0 && (errno == EPERM || errno == EEXIST || errno == ENOSYS)) {
			printf("the same number again: not permitted (%s)\n", strerror(errno));
			return;
		}
		EXPECT(pid >= 0);
		if (!pid) {
			char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			struct world w;

			world_open(&w, 1);
			EXPECT(!world_map(&w, page, IOVA, 4096));
			_exit(world_unmap(&w, IOVA, 4096) != 4096);
		}
		expect_exit(pid);
		first = pid;
	}
}

static void test_same_number(void)
{
	expect_flat("the same number again", same_number, rounds / 20);
}

/* ---- threads ---- */

#define THREADS 8

static pthread_mutex_t locks[2] = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER };

static void *open_and_close(void *arg)
{
	uint32_t mine = *(uint32_t *)arg;

	for (unsigned long i = 0; i < rounds / 50; i++) {
		unsigned n = storm_random(&mine) % 2;
		struct world w;
		int fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);

		EXPECT(fd >= 0);
		pthread_mutex_lock(&locks[n]);
		world_open(&w, 1 + n);
		if (storm_random(&mine) % 2)
			world_map_bar(&w);
		world_close(&w);
		pthread_mutex_unlock(&locks[n]);
		close(fd);
	}
	return NULL;
}

static void threads(unsigned long n)
{
	pthread_t thread[THREADS];
	uint32_t seeds[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		seeds[i] = storm_random(&seed);
		EXPECT(!pthread_create(&thread[i], NULL, open_and_close, &seeds[i]));
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

static void test_threads(void)
{
	expect_flat("threads", threads, THREADS * rounds / 50);
}

/* ---- which ---- */

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "orders", test_orders },
	{ "last-closes", test_last_closes },
	{ "killed-copying", test_killed_copying },
	{ "cycles", test_cycles },
	{ "reopen", test_reopen },
	{ "programs", test_programs },
	{ "same-number", test_same_number },
	{ "threads", test_threads },
};

static bool is_wanted(int argc, char **argv, const char *name)
{
	bool wanted = argc == 1;

	for (int i = 1; i < argc; i++)
		wanted |= !strcmp(argv[i], name);
	return wanted;
}

/** What the programs do that the tests start. */
static int be_program(const char *what, char **argv)
{
	struct world w;

	if (!strcmp(what, "hold")) {
		give(atoi(argv[2]));
		take(atoi(argv[3]));
		return 0;
	}
	world_open(&w, 1);
	world_map_bar(&w);
	if (!strcmp(what, "close"))
		world_close(&w);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 &&
		(!strcmp(argv[1], "hold") || !strcmp(argv[1], "close") || !strcmp(argv[1], "exit")))
		return be_program(argv[1], argv);
	seed = (uint32_t)storm_env("SEED", 1);
	rounds = storm_env("ROUNDS", 10000);
	supervisor = storm_supervisor();
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("seed %u, %lu rounds\n", seed, rounds);
	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		if (is_wanted(argc, argv, tests[i].name))
			tests[i].run();
	printf("ok\n");
	return 0;
}
