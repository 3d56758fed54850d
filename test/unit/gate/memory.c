/* SPDX-License-Identifier: MIT */
/* Memory of a program in the box that it registered for DMA: what of it can be reached, how long. */
#include "fake.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "iommu/iommu.h"
#include "mem/sigbus.h"

static char *map_shared(int fd, size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static int pin(int fd, void *at, size_t bytes, unsigned prot)
{
	struct fake_pin p = { (uintptr_t)at, bytes, prot };

	return ioctl(fd, FAKE_PIN, &p);
}

static int child_pin_checks(int sync)
{
	int fd = open(CONTAINER, O_RDWR), shm = memfd_create("shm", 0);
	char *page =
		mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *shared;

	expect(!pin(fd, page, 3 * 4096, IOMMU_READ | IOMMU_WRITE));
	expect(!mprotect(page + 4096, 4096, PROT_READ));
	expect(pin(fd, page, 3 * 4096, IOMMU_READ | IOMMU_WRITE) == -1 && errno == EFAULT);
	expect(!pin(fd, page, 3 * 4096, IOMMU_READ));
	expect(!mprotect(page + 4096, 4096, PROT_NONE));
	expect(pin(fd, page, 3 * 4096, IOMMU_READ) == -1 && errno == EFAULT);
	expect(!munmap(page + 4096, 4096));
	expect(pin(fd, page, 3 * 4096, IOMMU_READ) == -1 && errno == EFAULT);
	expect(pin(fd, (void *)-4096L, 8192, IOMMU_READ) == -1 && errno == EFAULT);
	expect(!ftruncate(shm, 8192));
	shared = map_shared(shm, 16384);
	expect(!pin(fd, shared, 8192, IOMMU_READ | IOMMU_WRITE));
	expect(pin(fd, shared, 16384, IOMMU_READ | IOMMU_WRITE) == -1 && errno == EFAULT);
	return 0;
}

static void registering_checks_permission(void **state)
{
	box_run(child_pin_checks);
}

static int child_pin_private(int sync)
{
	int fd = open(CONTAINER, O_RDWR);
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	strcpy(page, "private");
	expect(!pin(fd, page, 8192, IOMMU_READ | IOMMU_WRITE));
	sync_send(sync);
	sync_wait(sync);
	expect(!strcmp(page + 4090, "across pages"));
	expect(!munmap(page, 8192));
	sync_send(sync);
	sync_wait(sync);
	return 0;
}

static void private_memory(void **state)
{
	uint64_t run_bytes = 8192, word;
	struct box box;
	char buf[16];

	box_start(&box, child_pin_private);
	sync_wait(box.sync);
	assert_null(fake.pinned->ops->direct(fake.pinned, 0, &run_bytes));
	assert_int_equal(run_bytes, 8192);
	assert_int_equal(fake.pinned->ops->read(fake.pinned, 0, buf, 8), 0);
	assert_string_equal(buf, "private");
	assert_int_equal(fake.pinned->ops->load64(fake.pinned, 0, &word), 0);
	assert_memory_equal(&word, "private", 8);
	assert_int_equal(fake.pinned->ops->write(fake.pinned, 4090, "across pages", 13, 0), 0);
	sync_send(box.sync);
	sync_wait(box.sync);
	assert_int_equal(fake.pinned->ops->read(fake.pinned, 0, buf, 8), -1);
	assert_int_equal(fake.pinned->ops->write(fake.pinned, 0, buf, 8, 0), -1);
	sync_send(box.sync);
	box_end(&box);
}

static int child_pin_shared(int sync)
{
	int fd = open(CONTAINER, O_RDWR), shm = memfd_create("shm", 0);
	int device = ioctl(fd, FAKE_DEVICE, 0);
	char *area =
		mmap(NULL, 5 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* Private, two pages of a shared file from its second page on, private, a BAR. */
	expect(!ftruncate(shm, 4 * 4096));
	expect(mmap(area + 4096, 2 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, shm,
		       4096) == area + 4096);
	expect(mmap(area + 4 * 4096, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, device,
		       (off_t)FAKE_BAR_OFFSET) == area + 4 * 4096);
	strcpy(area + 4096 - 3, "hello");
	expect(!pin(fd, area, 5 * 4096, IOMMU_READ | IOMMU_WRITE));
	sync_send(sync);
	sync_wait(sync);
	expect(!strcmp(area + 3 * 4096 - 4, "goodbye"));
	expect(!strcmp(area + 4 * 4096, "peer"));
	/* Truncated under the mapping: the access aborts, nobody dies. */
	expect(!ftruncate(shm, 4096));
	sync_send(sync);
	sync_wait(sync);
	return 0;
}

static struct sigaction sigbus_action;

/** Before cmocka puts its own handler over it. */
static void find_sigbus_action(void)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sigbus_range range;

	if (sigbus_add(&range, page, 4096))
		abort();
	sigbus_remove(&range);
	munmap(page, 4096);
	sigaction(SIGBUS, NULL, &sigbus_action);
}

static void shared_memory_is_direct(void **state)
{
	uint64_t bytes = 5 * 4096;
	struct box box;
	char buf[16];
	char *ptr;

	box_start(&box, child_pin_shared);
	sync_wait(box.sync);
	assert_null(fake.pinned->ops->direct(fake.pinned, 0, &bytes));
	assert_int_equal(bytes, 4096);
	bytes = 4 * 4096;
	ptr = fake.pinned->ops->direct(fake.pinned, 4096, &bytes);
	assert_non_null(ptr);
	assert_int_equal(bytes, 2 * 4096);
	assert_string_equal(ptr, "lo");
	assert_int_equal(fake.pinned->ops->read(fake.pinned, 4096 - 3, buf, 6), 0);
	assert_string_equal(buf, "hello");
	assert_int_equal(fake.pinned->ops->write(fake.pinned, 3 * 4096 - 4, "goodbye", 8, 0), 0);
	bytes = 4096;
	ptr = fake.pinned->ops->direct(fake.pinned, 4 * 4096, &bytes);
	assert_non_null(ptr);
	strcpy(ptr, "peer");
	sync_send(box.sync);
	sync_wait(box.sync);
	/* cmocka took SIGBUS over. */
	assert_int_equal(sigaction(SIGBUS, &sigbus_action, NULL), 0);
	assert_int_equal(fake.pinned->ops->read(fake.pinned, 4096, buf, 8), -1);
	assert_int_equal(fake.pinned->ops->write(fake.pinned, 4096, buf, 8, 0), -1);
	sync_send(box.sync);
	box_end(&box);
}

/* ---- not one byte of a foreign process ---- */

/* ThreadSanitizer knows memory at the top only. */
#ifdef __SANITIZE_THREAD__
#define SECRET_AT ((char *)0x7ea000000000)
#else
#define SECRET_AT ((char *)0x300000000000)
#endif

static char *secret_page(const char *text)
{
	char *page = mmap(SECRET_AT, 4096, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	expect(page == SECRET_AT);
	strcpy(page, text);
	return page;
}

static void assert_unreachable(struct umem *umem)
{
	char buf[8] = "evil";
	uint64_t word;

	assert_int_equal(umem->ops->read(umem, 0, buf, 8), -1);
	assert_int_equal(umem->ops->write(umem, 0, buf, 8, 0), -1);
	assert_int_equal(umem->ops->load64(umem, 0, &word), -1);
}

static const char *self_exe = "/proc/self/exe";

static int child_exec(int sync)
{
	int fd = open(CONTAINER, O_RDWR);
	char fds[2][16];

	secret_page("before");
	expect(!pin(fd, SECRET_AT, 4096, IOMMU_READ | IOMMU_WRITE));
	sync_send(sync);
	sync_wait(sync);
	fcntl(sync, F_SETFD, 0);
	snprintf(fds[0], sizeof(fds[0]), "%d", sync);
	snprintf(fds[1], sizeof(fds[1]), "%d", fd);
	execl(self_exe, "memory", "after-exec", fds[0], fds[1], NULL);
	expect(false);
	return 1;
}

/** The new program of child_exec: same pid, same address mapped, same open file. */
static int after_exec(int sync, int fd)
{
	struct fake_add add = { 20, 22, 0 };

	secret_page("after");
	sync_send(sync);
	sync_wait(sync);
	expect(!strcmp(SECRET_AT, "after"));
	/* The file came along, and its calls reach this memory. */
	expect(!ioctl(fd, FAKE_ADD, &add) && add.sum == 42);
	expect(!pin(fd, SECRET_AT, 4096, IOMMU_READ | IOMMU_WRITE));
	sync_send(sync);
	sync_wait(sync);
	expect(!strcmp(SECRET_AT, "new"));
	return 0;
}

static void memory_after_exec(void **state)
{
	struct box box;
	char buf[8];

	box_start(&box, child_exec);
	sync_wait(box.sync);
	assert_int_equal(fake.pinned->ops->read(fake.pinned, 0, buf, 7), 0);
	assert_string_equal(buf, "before");
	sync_send(box.sync);
	sync_wait(box.sync);
	assert_unreachable(fake.pinned);
	sync_send(box.sync);
	sync_wait(box.sync);
	assert_int_equal(fake.pinned->ops->read(fake.pinned, 0, buf, 6), 0);
	assert_string_equal(buf, "after");
	assert_int_equal(fake.pinned->ops->write(fake.pinned, 0, "new", 4, 0), 0);
	sync_send(box.sync);
	box_end(&box);
}

/** A child that shares our memory until it execs makes calls before and after. */
static int child_vfork(int sync)
{
	int fd = open(CONTAINER, O_RDWR), status;
	char fds[2][16];
	pid_t pid;

	secret_page("parent");
	fcntl(sync, F_SETFD, 0);
	snprintf(fds[0], sizeof(fds[0]), "%d", sync);
	snprintf(fds[1], sizeof(fds[1]), "%d", fd);
	pid = vfork();
	if (!pid) {
		struct fake_add add = { 1, 1, 0 };

		if (ioctl(fd, FAKE_ADD, &add) || add.sum != 2)
			_exit(1);
		execl(self_exe, "memory", "after-vfork", fds[0], fds[1], NULL);
		_exit(1);
	}
	expect(waitpid(pid, &status, 0) == pid && !status);
	expect(!strcmp(SECRET_AT, "parent"));
	return 0;
}

static int after_vfork(int sync, int fd)
{
	struct fake_add *add = (void *)secret_page("child");

	*add = (struct fake_add){ 3, 4, 0 };
	expect(!ioctl(fd, FAKE_ADD, add) && add->sum == 7);
	return 0;
}

static void memory_of_a_vfork_child(void **state)
{
	box_run(child_vfork);
}

static int child_exit_and_reuse(int sync)
{
	int fd = open(CONTAINER, O_RDWR), status, hint;
	pid_t pid, again;

	pid = fork();
	if (!pid) {
		secret_page("first");
		expect(!pin(fd, SECRET_AT, 4096, IOMMU_READ | IOMMU_WRITE));
		_exit(0);
	}
	expect(waitpid(pid, &status, 0) == pid && !status);
	sync_send(sync);
	sync_wait(sync);
	/* The very same pid, where we may choose it. */
	hint = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
	if (hint >= 0) {
		dprintf(hint, "%d", pid - 1);
		close(hint);
	}
	again = fork();
	if (!again) {
		struct fake_add *add;

		secret_page("second");
		sync_send(sync);
		sync_wait(sync);
		expect(!strcmp(SECRET_AT, "second"));
		add = (void *)SECRET_AT;
		*add = (struct fake_add){ 5, 6, 0 };
		expect(!ioctl(fd, FAKE_ADD, add) && add->sum == 11);
		_exit(0);
	}
	expect(waitpid(again, &status, 0) == again && !status);
	return 0;
}

static void memory_after_exit_and_pid_reuse(void **state)
{
	struct box box;

	box_start(&box, child_exit_and_reuse);
	sync_wait(box.sync);
	assert_unreachable(fake.pinned);
	sync_send(box.sync);
	sync_wait(box.sync);
	assert_unreachable(fake.pinned);
	sync_send(box.sync);
	box_end(&box);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(registering_checks_permission),
		cmocka_unit_test(private_memory),
		cmocka_unit_test(shared_memory_is_direct),
		cmocka_unit_test(memory_after_exec),
		cmocka_unit_test(memory_of_a_vfork_child),
		cmocka_unit_test(memory_after_exit_and_pid_reuse),
	};

	if (argc == 4 && !strcmp(argv[1], "after-exec"))
		return after_exec(atoi(argv[2]), atoi(argv[3]));
	if (argc == 4 && !strcmp(argv[1], "after-vfork"))
		return after_vfork(atoi(argv[2]), atoi(argv[3]));
	find_sigbus_action();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
