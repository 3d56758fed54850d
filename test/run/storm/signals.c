/* SPDX-License-Identifier: MIT */
/*
 * A storm of signals over calls of every kind: none runs twice, none is lost, and nothing of an
 * interrupted one is left behind.
 *
 * Each call has an effect that can be counted: a page cannot be mapped twice and its unmapping says
 * how much there was; a trigger adds one to an eventfd; a group opens once only, and leaves its
 * container only while no device is open. So whatever is interrupted (EINTR) must not have run:
 * the same call is made again, and must succeed.
 *
 * SEED, CALLS (of all rounds together) and HZ in the environment for other and longer forms.
 */
#include "storm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS	     4
#define PAGE	     4096u
#define PAGES	     64 /* of IOVA, for each thread */
#define IOVA	     UINT64_C(0x100000000)
#define CONFIG_LINE  0x3c /* interrupt line: eight bits of scratch */
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

struct worker {
	pthread_t thread;
	struct world world, spare;
	uint32_t seed;
	unsigned long goal, calls, interrupted;
	void *memory;
	bool mapped[PAGES];
	unsigned n_mapped;
	int irq;
	uint64_t triggers;
	off_t config;
	uint8_t line;
	bool timer; /* it has one of its own */
};

static atomic_ulong signals;
static unsigned long hz;

static void on_signal(int sig)
{
	atomic_fetch_add_explicit(&signals, 1, memory_order_relaxed);
}

/** The call until it has run: its result, which is no error. */
#define CALL(w, call)                                                                              \
	({                                                                                         \
		long ret_;                                                                         \
		do {                                                                               \
			ret_ = (call);                                                             \
			(w)->calls++;                                                              \
		} while (ret_ < 0 && errno == EINTR && ++(w)->interrupted);                        \
		if (ret_ < 0)                                                                      \
			FAIL("%s", #call);                                                         \
		ret_;                                                                              \
	})

/* ---- the calls ---- */

static void check(struct worker *w)
{
	EXPECT(CALL(w, ioctl(w->world.container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU)) == 1);
}

static void region_info(struct worker *w)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = 0 };

	CALL(w, ioctl(w->world.device, VFIO_DEVICE_GET_REGION_INFO, &info));
	EXPECT(info.size > 0);
}

/** Had it run before it was interrupted: EEXIST, or nothing left to unmap. */
static void toggle_page(struct worker *w)
{
	unsigned i = storm_random(&w->seed) % PAGES;
	uint64_t iova = IOVA + (uint64_t)i * PAGE;

	if (w->mapped[i])
		EXPECT(CALL(w, world_unmap(&w->world, iova, PAGE)) == PAGE);
	else
		CALL(w, world_map(&w->world, w->memory, iova, PAGE));
	w->n_mapped += w->mapped[i] ? -1u : 1u;
	w->mapped[i] = !w->mapped[i];
}

static void unmap_all(struct worker *w)
{
	EXPECT(CALL(w, world_unmap(&w->world, IOVA, PAGES * PAGE)) == w->n_mapped * PAGE);
	memset(w->mapped, 0, sizeof(w->mapped));
	w->n_mapped = 0;
}

static void open_container(struct worker *w)
{
	close((int)CALL(w, open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC)));
}

/** An open that was interrupted and left its file somewhere: EBUSY. */
static void open_group(struct worker *w)
{
	close((int)CALL(w, open(w->spare.path, O_RDWR | O_CLOEXEC)));
}

/** A device that was opened and belongs to nobody: the group cannot leave. */
static void open_device(struct worker *w)
{
	int group = (int)CALL(w, open(w->spare.path, O_RDWR | O_CLOEXEC));

	CALL(w, ioctl(group, VFIO_GROUP_SET_CONTAINER, &w->world.container));
	close((int)CALL(w, ioctl(group, VFIO_GROUP_GET_DEVICE_FD, w->spare.name)));
	CALL(w, ioctl(group, VFIO_GROUP_UNSET_CONTAINER));
	close(group);
}

static void reopen_device(struct worker *w)
{
	close((int)CALL(w, ioctl(w->world.group, VFIO_GROUP_GET_DEVICE_FD, w->world.name)));
}

static void set_irq(struct worker *w, int fd)
{
	union {
		struct vfio_irq_set set;
		int32_t words[6];
	} arg = { .set = { .argsz = sizeof(arg),
			  .flags = VFIO_IRQ_SET_ACTION_TRIGGER,
			  .index = VFIO_PCI_MSIX_IRQ_INDEX,
			  .count = 1 } };

	arg.set.flags |= fd < 0 ? VFIO_IRQ_SET_DATA_NONE : VFIO_IRQ_SET_DATA_EVENTFD;
	arg.words[5] = fd;
	CALL(w, ioctl(w->world.device, VFIO_DEVICE_SET_IRQS, &arg));
}

static void trigger(struct worker *w)
{
	set_irq(w, -1);
	w->triggers++;
}

static void give_eventfd(struct worker *w)
{
	set_irq(w, w->irq);
}

static void config_space(struct worker *w)
{
	uint8_t now = 0;

	EXPECT(CALL(w, pread(w->world.device, &now, 1, w->config + CONFIG_LINE)) == 1);
	EXPECT(now == w->line);
	w->line = (uint8_t)storm_random(&w->seed);
	EXPECT(CALL(w, pwrite(w->world.device, &w->line, 1, w->config + CONFIG_LINE)) == 1);
}

static void (*const kinds[])(struct worker *w) = {
	check,
	region_info,
	toggle_page,
	toggle_page,
	unmap_all,
	open_container,
	open_group,
	open_device,
	reopen_device,
	trigger,
	trigger,
	give_eventfd,
	config_space,
};

/* ---- a worker ---- */

static void begin(struct worker *w, unsigned n)
{
	struct vfio_region_info info = { .argsz = sizeof(info),
		.index = VFIO_PCI_CONFIG_REGION_INDEX };

	world_open(&w->world, 1 + n);
	world_open(&w->spare, 1 + THREADS + n);
	world_close(&w->spare);
	w->memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	w->irq = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	EXPECT(w->memory != MAP_FAILED && w->irq >= 0);
	EXPECT(!ioctl(w->world.device, VFIO_DEVICE_GET_REGION_INFO, &info));
	w->config = (off_t)info.offset;
	EXPECT(pread(w->world.device, &w->line, 1, w->config + CONFIG_LINE) == 1);
	give_eventfd(w);
}

static void end(struct worker *w)
{
	uint64_t count = 0;

	unmap_all(w);
	EXPECT(read(w->irq, &count, sizeof(count)) == sizeof(count) || !w->triggers);
	if (count != w->triggers)
		FAIL("%llu interrupts, %llu triggers", (unsigned long long)count,
			(unsigned long long)w->triggers);
	close(w->irq);
	munmap(w->memory, PAGE);
	world_close(&w->world);
}

static timer_t start_timer(void)
{
	struct itimerspec every = { .it_interval.tv_nsec = (long)(1000000000 / hz),
		.it_value.tv_nsec = (long)(1000000000 / hz) };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
	timer_t timer;

	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	EXPECT(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	EXPECT(!timer_settime(timer, 0, &every, NULL));
	return timer;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	timer_t timer = NULL;
	sigset_t none;

	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	if (w->timer)
		timer = start_timer();
	while (w->calls < w->goal)
		kinds[storm_random(&w->seed) % ARRAY_LEN(kinds)](w);
	if (w->timer)
		timer_delete(timer);
	return NULL;
}

/* ---- the rounds ---- */

struct round {
	const char *name;
	int flags;	   /* of the handlers */
	bool timers;	   /* each thread its own */
	bool process;	   /* one for all: any thread gets it */
	bool stops;	   /* a child stops and continues us */
	bool may_be_eintr; /* Linux restarts the others, whether they have run or not */
};

/* clang-format off */
static const struct round rounds[] = {
	{ "a handler without SA_RESTART", 0, .timers = true, .may_be_eintr = true },
	{ "a handler with SA_RESTART", SA_RESTART, .timers = true },
	{ "setitimer, without SA_RESTART", 0, .process = true, .may_be_eintr = true },
	{ "SIGSTOP and SIGCONT", 0, .stops = true },
	{ "stops and timers", SA_RESTART, .timers = true, .process = true, .stops = true },
};
/* clang-format on */

/** Stops us in the middle of calls, until it is killed or we are gone. */
static pid_t start_stopper(void)
{
	struct timespec pause = { .tv_nsec = 200000 };
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	while (getppid() == parent) {
		kill(parent, SIGSTOP);
		nanosleep(&pause, NULL);
		kill(parent, SIGCONT);
		nanosleep(&pause, NULL);
	}
	_exit(0);
}

static void stop_stopper(pid_t pid)
{
	kill(pid, SIGKILL);
	/* It may have stopped us last. */
	EXPECT(waitpid(pid, NULL, 0) == pid);
}

static void set_process_timer(bool on)
{
	struct itimerval every = { .it_interval.tv_usec = on ? (suseconds_t)(1000000 / hz) : 0,
		.it_value.tv_usec = on ? (suseconds_t)(1000000 / hz) : 0 };

	EXPECT(!setitimer(ITIMER_REAL, &every, NULL));
}

static void set_handlers(int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

	EXPECT(!sigaction(SIGUSR1, &action, NULL) && !sigaction(SIGALRM, &action, NULL));
}

/** What is sent to the process shall hit the threads that call, which unblock it. */
static void block_in_main(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void join_all(struct worker *workers)
{
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
}

static unsigned long run(const struct round *round, unsigned long goal, uint32_t *seed)
{
	struct worker workers[THREADS] = { 0 };
	unsigned long calls = 0, interrupted = 0;
	/* Before there is a descriptor that it would hold. */
	pid_t stopper = round->stops ? start_stopper() : 0;

	atomic_store(&signals, 0);
	set_handlers(round->flags);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i].seed = storm_random(seed);
		workers[i].goal = goal / THREADS;
		workers[i].timer = round->timers;
		begin(&workers[i], i);
	}
	set_process_timer(round->process);
	for (unsigned i = 0; i < THREADS; i++)
		EXPECT(!pthread_create(&workers[i].thread, NULL, work, &workers[i]));
	join_all(workers);
	set_process_timer(false);
	if (stopper)
		stop_stopper(stopper);
	for (unsigned i = 0; i < THREADS; i++) {
		end(&workers[i]);
		calls += workers[i].calls;
		interrupted += workers[i].interrupted;
	}
	printf("%s: %lu calls, %lu signals, %lu interrupted (%.2f %%)\n", round->name, calls,
		atomic_load(&signals), interrupted, 100.0 * (double)interrupted / (double)calls);
	if (!round->may_be_eintr && interrupted)
		FAIL("calls that Linux restarts were interrupted");
	return calls;
}

int main(void)
{
	uint32_t seed = (uint32_t)storm_env("SEED", 1);
	unsigned long goal = storm_env("CALLS", 100000), calls = 0;
	pid_t supervisor = storm_supervisor();
	struct storm_use before, ours;

	hz = storm_env("HZ", 10000);
	setvbuf(stdout, NULL, _IOLBF, 0);
	block_in_main();
	printf("seed %u, timers of %lu Hz\n", seed, hz);
	/* What stays once it was made (caches) does not count: a round without storm. */
	run(&(struct round){ "no signals" }, 2000, &seed);
	ours = storm_use(getpid());
	before = storm_rest(supervisor);
	for (size_t i = 0; i < ARRAY_LEN(rounds); i++)
		calls += run(&rounds[i], goal / ARRAY_LEN(rounds), &seed);
	EXPECT(storm_use(getpid()).fds == ours.fds);
	storm_settle(supervisor, before.fds);
	printf("ok: %lu calls, %u descriptors of the supervisor as before\n", calls, before.fds);
	return 0;
}
