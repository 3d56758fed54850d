/* SPDX-License-Identifier: MIT */
/* Calls of a program in the box: opens by odd paths, identity, last close, errnos. */
#include "fake.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* An address where nothing is mapped; volatile, so that no compiler knows it. */
static char *volatile nowhere = (char *)8;

static bool is_ours(int fd)
{
	return ioctl(fd, FAKE_PING) == 42;
}

/* ---- opens ---- */

static void expect_open(int fd)
{
	expect(fd >= 960);
	expect(is_ours(fd));
	expect(!close(fd));
}

static int child_paths(int sync)
{
	char dir[] = "/tmp/nestbox-test-XXXXXX", path[128], fdpath[64];
	int dirfd, opath;

	expect(mkdtemp(dir));
	expect_open(open(CONTAINER, O_RDWR));
	expect_open(open("/dev/../dev/./null", O_RDWR | O_CREAT, 0600));
	expect_open(open("//dev//null", O_RDWR | O_CLOEXEC));
	expect(!chdir("/dev"));
	expect_open(open("null", O_RDWR));
	expect(!chdir("/usr/bin"));
	expect_open(open("../../dev/null", O_RDWR));
	expect_open(open("../../../../../dev/null", O_RDWR));
	expect(!chdir("/"));
	dirfd = open("/dev", O_RDONLY | O_DIRECTORY);
	expect(dirfd >= 0 && dirfd < 960);
	expect_open(openat(dirfd, "null", O_RDWR));
	snprintf(fdpath, sizeof(fdpath), "/proc/self/fd/%d/null", dirfd);
	expect_open(open(fdpath, O_RDWR));
	snprintf(fdpath, sizeof(fdpath), "/dev/fd/%d/null", dirfd);
	expect_open(open(fdpath, O_RDWR));
	opath = open(CONTAINER, O_PATH);
	expect(opath >= 0 && opath < 960);
	snprintf(fdpath, sizeof(fdpath), "/proc/thread-self/fd/%d", opath);
	expect_open(open(fdpath, O_RDWR));
	snprintf(path, sizeof(path), "%s/link", dir);
	expect(!symlink("/dev/null", path));
	expect_open(open(path, O_RDWR));
	expect(open(path, O_RDWR | O_NOFOLLOW) < 0 && errno == ELOOP);
	expect(!chdir(dir));
	expect_open(open("link", O_RDWR));
	expect(!unlink(path));
	expect(!symlink("link", path));
	expect(open("link", O_RDWR) < 0 && errno == ELOOP);
	expect(!unlink(path));
	expect(!rmdir(dir));
	return 0;
}

static void opens_by_any_path(void **state)
{
	box_run(child_paths);
}

static int child_foreign(int sync)
{
	char path[] = "/tmp/nestbox-test-XXXXXX";
	int fd = mkstemp(path);

	expect(fd >= 0 && fd < 960);
	expect(pwrite(fd, "abc", 3, 0) == 3);
	expect(ioctl(fd, FAKE_PING) == -1 && errno == ENOTTY);
	close(fd);
	fd = open(path, O_RDWR);
	expect(fd >= 0 && fd < 960);
	expect(dup2(fd, 1000) == 1000);
	expect(pread(1000, path, 0, 1) == 0);
	char buf[4];
	expect(read(1000, buf, 3) == 3 && !memcmp(buf, "abc", 3));
	struct stat st;
	expect(!fstat(1000, &st) && S_ISREG(st.st_mode) && st.st_size == 3);
	expect(!unlink(path));
	expect(ioctl(-1, FAKE_PING) == -1 && errno == EBADF);
	expect(ioctl(1001, FAKE_PING) == -1 && errno == EBADF);
	expect(open("/no/such/thing", O_RDWR) < 0 && errno == ENOENT);
	expect(open(nowhere, O_RDWR) < 0 && errno == EFAULT);
	expect(open("", O_RDWR) < 0 && errno == ENOENT);
	expect(open("/dev/null/", O_RDWR) < 0 && errno == ENOTDIR);
	expect(open(CONTAINER, O_RDWR | O_CREAT | O_EXCL, 0600) < 0 && errno == EEXIST);
	return 0;
}

static void foreign_files_are_untouched(void **state)
{
	box_run(child_foreign);
}

static int child_reopen(int sync)
{
	int fd = open(CONTAINER, O_RDWR), group = open(GROUP, O_RDWR), device;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	expect_open(open(path, O_RDWR));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", group);
	expect(open(path, O_RDWR) < 0 && errno == EBUSY);
	device = ioctl(fd, FAKE_DEVICE, 0);
	expect(device >= 960);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", device);
	expect(open(path, O_RDWR) < 0 && errno == ENXIO);
	return 0;
}

static void reopening_through_proc(void **state)
{
	box_run(child_reopen);
}

/* ---- identity and last close ---- */

static int child_identity(int sync)
{
	int fd = open(GROUP, O_RDWR), other, status;
	pid_t pid;

	expect(fd >= 960);
	expect(open(GROUP, O_RDWR) == -1 && errno == EBUSY);
	other = dup(fd);
	expect(other >= 0 && other < 960 && is_ours(other));
	expect(!close(fd));
	expect(open(GROUP, O_RDWR) == -1 && errno == EBUSY);
	pid = fork();
	if (!pid) {
		expect(is_ours(other));
		sync_wait(sync);
		_exit(0);
	}
	expect(!close(other));
	expect(open(GROUP, O_RDWR) == -1 && errno == EBUSY);
	sync_send(sync);
	expect(waitpid(pid, &status, 0) == pid && !status);
	fd = open(GROUP, O_RDWR);
	expect(fd >= 960);
	return 0;
}

static void identity_and_last_close(void **state)
{
	struct box box;

	box_start(&box, child_identity);
	sync_wait(box.sync);
	sync_send(box.sync);
	box_end(&box);
}

static int child_reopen_rounds(int sync)
{
	int i;

	for (i = 0; i < 3000; i++) {
		int fd = open(GROUP, O_RDWR);

		expect(fd >= 0);
		expect(!close(fd));
	}
	return 0;
}

static void close_comes_before_reopen(void **state)
{
	box_run(child_reopen_rounds);
}

static int child_many(int sync)
{
	int fds[200], n = 0, i;

	/* As far as the limit on descriptors, then EMFILE, and all can be used. */
	while (n < 200 && (fds[n] = open(CONTAINER, O_RDWR)) >= 0)
		n++;
	expect(n >= 60);
	expect(n == 200 || errno == EMFILE);
	for (i = 0; i < n; i++)
		expect(is_ours(fds[i]));
	return 0;
}

static void many_descriptors(void **state)
{
	box_run(child_many);
}

static int child_cloexec(int sync)
{
	int a = open(CONTAINER, O_RDWR), b = open(CONTAINER, O_RDWR | O_CLOEXEC);
	int c = ioctl(a, FAKE_DEVICE, O_CLOEXEC);

	expect(fcntl(a, F_GETFD) == 0);
	expect(fcntl(b, F_GETFD) == FD_CLOEXEC);
	expect(fcntl(c, F_GETFD) == FD_CLOEXEC);
	expect((fcntl(a, F_GETFL) & O_ACCMODE) == O_RDWR);
	return 0;
}

static void close_on_exec(void **state)
{
	box_run(child_cloexec);
}

static int child_device_life(int sync)
{
	int fd = open(CONTAINER, O_RDWR), a = ioctl(fd, FAKE_DEVICE, 0);
	int b = ioctl(fd, FAKE_DEVICE, 0);
	volatile uint32_t *bar;

	expect(a >= 960 && b >= 960 && a != b);
	bar = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, a, (off_t)FAKE_BAR_OFFSET);
	expect(bar != MAP_FAILED);
	*bar = 0x12345678;
	expect(!close(a) && !close(b));
	/* The mapping keeps the device open. */
	expect(is_ours(fd));
	sync_send(sync);
	sync_wait(sync);
	expect(!munmap((void *)bar, 4096));
	expect(is_ours(fd));
	sync_send(sync);
	sync_wait(sync);
	return 0;
}

static void mappings_keep_a_device_open(void **state)
{
	struct box box;
	uint32_t val = 0;

	box_start(&box, child_device_life);
	sync_wait(box.sync);
	/* The second one's descriptor stands for the first one's file. */
	assert_int_equal(fake.devices, 1);
	assert_int_equal(pread(fake.bar, &val, 4, (off_t)FAKE_BAR_OFFSET), 4);
	assert_int_equal(val, 0x12345678);
	sync_send(box.sync);
	sync_wait(box.sync);
	assert_int_equal(fake.devices, 0);
	sync_send(box.sync);
	box_end(&box);
}

/* ---- opens that the filter did not catch ---- */

static int flags_of(int fd)
{
	return fcntl(fd, F_GETFL) & ~0100000; /* O_LARGEFILE */
}

static int child_late(int sync)
{
	/* Opens for writing are notified. */
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDONLY | O_NONBLOCK,
		O_WRONLY | O_APPEND };
	unsigned i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		int fd = open(CONTAINER, modes[i] | O_CLOEXEC), copy;

		expect(fd >= 0 && (fd >= 960) == ((modes[i] & O_ACCMODE) != O_RDONLY));
		expect(is_ours(fd));
		expect(flags_of(fd) == modes[i] && fcntl(fd, F_GETFD) == FD_CLOEXEC);
		sync_send(sync);
		sync_wait(sync);
		copy = dup(fd);
		expect(is_ours(fd) && is_ours(copy));
		expect(!close(fd) && !close(copy));
	}
	return 0;
}

static void late_opens(void **state)
{
	struct box box;
	unsigned i;

	box_start(&box, child_late);
	for (i = 0; i < 4; i++) {
		sync_wait(box.sync);
		assert_int_equal(fake.containers, 1);
		sync_send(box.sync);
	}
	box_end(&box);
}

static int child_late_group(int sync)
{
	int fd = open(GROUP, O_RDONLY), copy = dup(fd), other;
	char path[64];

	expect(is_ours(fd));
	/* A copy from before is another open; one from after is the same. */
	expect(ioctl(copy, FAKE_PING) == -1 && errno == EBUSY);
	expect(open(GROUP, O_RDWR) == -1 && errno == EBUSY);
	other = dup(fd);
	/* Another reader of the stand-in that closes is not the last. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	expect(!close(open(path, O_RDONLY)));
	expect(is_ours(fd) && open(GROUP, O_RDWR) == -1 && errno == EBUSY);
	expect(!close(fd) && is_ours(other));
	expect(open(GROUP, O_RDWR) == -1 && errno == EBUSY);
	expect(!close(other));
	expect(is_ours(copy) && !close(copy));
	fd = open(GROUP, O_RDWR);
	expect(fd >= 960 && is_ours(fd));
	return 0;
}

static void a_late_group_closes(void **state)
{
	box_run(child_late_group);
}

static void *late_thread(void *arg)
{
	int *fds = arg;
	unsigned i;

	for (i = 0; i < 1000; i++) {
		int fd = open(CONTAINER, i & 1 ? O_RDONLY : O_WRONLY), ret;

		/* A number that another thread pulls away: whatever happens, happens to it alone. */
		ioctl(fds[i & 1], FAKE_PING);
		if (i % 7 == 0)
			dup2(fd, fds[0]);
		ret = ioctl(fd, FAKE_PING);
		expect(ret == 42);
		expect(!close(fd));
	}
	return NULL;
}

/** Many first ioctls at once, some on one descriptor, some on numbers that are just replaced. */
static int child_late_storm(int sync)
{
	int fds[2] = { open(CONTAINER, O_RDONLY), open(CONTAINER, O_RDONLY) };
	pthread_t threads[4];
	unsigned i;

	for (i = 0; i < 4; i++)
		expect(!pthread_create(&threads[i], NULL, late_thread, fds));
	for (i = 0; i < 4; i++)
		expect(!pthread_join(threads[i], NULL));
	expect(is_ours(fds[1]));
	return 0;
}

static void late_storm(void **state)
{
	box_run(child_late_storm);
}

static int child_late_argument(int sync)
{
	int fd = open(CONTAINER, O_RDWR), late = open(CONTAINER, O_RDONLY);
	int path = open(CONTAINER, O_PATH);

	expect(ioctl(fd, FAKE_IS_OURS, late) == 1);
	expect(is_ours(late));
	expect(ioctl(path, FAKE_PING) == -1 && errno == EBADF);
	expect(ioctl(open("/dev/full", O_RDONLY), FAKE_PING) == -1 && errno == ENOTTY);
	return 0;
}

static void a_late_open_as_argument(void **state)
{
	box_run(child_late_argument);
}

static int child_alias(int sync)
{
	int fd = open(CONTAINER, O_RDWR), alias;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	alias = open(path, O_RDONLY);
	expect(is_ours(alias) && !close(fd));
	sync_send(sync);
	sync_wait(sync);
	expect(is_ours(alias));
	expect(flags_of(alias) == O_RDONLY && !close(alias));
	return 0;
}

static void read_only_reopening_through_proc(void **state)
{
	struct box box;

	box_start(&box, child_alias);
	sync_wait(box.sync);
	while (fake.containers) /* the closer thread looks without a call */
		usleep(1000);
	sync_send(box.sync);
	box_end(&box);
}

/* ---- open flags and positions ---- */

static int child_flags(int sync)
{
	int fd = open(CONTAINER, O_RDWR | O_NONBLOCK | O_APPEND | O_DSYNC), device, copy;
	char buf[64];

	expect(flags_of(fd) == (O_RDWR | O_NONBLOCK | O_APPEND | O_DSYNC));
	expect(open(CONTAINER, O_RDWR | O_DIRECT) == -1 && errno == EINVAL);
	device = ioctl(fd, FAKE_DEVICE, 0);
	/* What the program does to the inode must not keep it from being opened again. */
	copy = dup(device);
	expect(fchmod(device, 0) == -1 && errno == EOPNOTSUPP);
	expect(!fchmod(copy, 0) && !close(copy) && !close(device));
	device = ioctl(fd, FAKE_DEVICE, 0);
	expect(device >= 960 && flags_of(device) == O_RDWR);
	expect(read(device, buf, 5) == 5 && buf[0] == 0);
	expect(read(device, buf, 5) == 5 && buf[0] == 5);
	expect(pread(device, buf, 5, (off_t)(UINT64_C(7) << 40) + 3) == 5 && buf[0] == 3);
	expect(read(device, buf, 5) == 5 && buf[0] == 10);
	return 0;
}

static void flags_and_positions(void **state)
{
	box_run(child_flags);
}

/* ---- errnos that a memfd would not give ---- */

static int child_errnos(int sync)
{
	int fd = open(CONTAINER, O_RDWR), device = ioctl(fd, FAKE_DEVICE, 0);
	char buf[64];
	struct iovec iov = { buf, sizeof(buf) };

	expect(read(fd, buf, 1) == -1 && errno == EINVAL);
	expect(write(fd, buf, 1) == -1 && errno == EINVAL);
	expect(pread(fd, buf, 1, 0) == -1 && errno == EINVAL);
	expect(lseek(fd, 0, SEEK_SET) == -1 && errno == ESPIPE);
	expect(ftruncate(fd, 5) == -1 && errno == EINVAL);
	expect(fsync(fd) == -1 && errno == EINVAL);
	expect(fcntl(fd, F_SETLEASE, F_RDLCK) == -1 && errno == EINVAL);
	expect(fcntl(fd, F_GET_SEALS) == -1 && errno == EINVAL);
	expect(fcntl(fd, F_DUPFD_CLOEXEC, 0) >= 0);
	expect(ioctl(fd, TIOCSTI, buf) == -1 && errno == ENOTTY);
	expect(ioctl(fd, _IO(';', 250)) == -1 && errno == ENOTTY);
	expect(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == ENODEV);
	expect(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, device, (off_t)FAKE_BAR_OFFSET) ==
			MAP_FAILED &&
		errno == EINVAL);
	expect(mmap(NULL, 3 * 4096, PROT_READ, MAP_SHARED, device, (off_t)FAKE_BAR_OFFSET) ==
			MAP_FAILED &&
		errno == EINVAL);
	expect(pread(device, buf, 8, (off_t)(UINT64_C(7) << 40) + 5) == 8 && buf[7] == 5);
	expect(preadv(device, &iov, 1, (off_t)(UINT64_C(7) << 40) + 6) == 64 && buf[63] == 6);
	expect(pread(device, nowhere, 8, (off_t)(UINT64_C(7) << 40)) == -1 && errno == EFAULT);
	expect(pread(device, buf, 8, -1) == -1 && errno == EINVAL);
	/* By offset alone, through a low number. */
	device = dup(device);
	expect(device < 960);
	expect(pread(device, buf, 8, (off_t)(UINT64_C(7) << 40) + 7) == 8 && buf[0] == 7);
	return 0;
}

static void errnos_of_linux(void **state)
{
	box_run(child_errnos);
}

static int child_stat(int sync)
{
	int fd = open(CONTAINER, O_RDWR);
	struct statx stx;
	struct stat st;

	expect(!fstat(fd, &st));
	expect(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3) && !st.st_size);
	memset(&st, 0, sizeof(st));
	expect(!fstatat(fd, "", &st, AT_EMPTY_PATH));
	expect(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
	expect(!statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx));
	expect(S_ISCHR(stx.stx_mode) && stx.stx_rdev_major == 1 && stx.stx_rdev_minor == 3);
	expect(fstat(fd, (void *)nowhere) == -1 && errno == EFAULT);
	return 0;
}

static void stat_shows_a_character_device(void **state)
{
	box_run(child_stat);
}

/* ---- arguments ---- */

static int child_arguments(int sync)
{
	int fd = open(CONTAINER, O_RDWR);
	struct fake_add add = { 2, 3, 0 };
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct fake_add *edge = (void *)(page + 4096 - sizeof(add));

	expect(!ioctl(fd, FAKE_ADD, &add) && add.sum == 5);
	expect(ioctl(fd, FAKE_ADD, 0) == -1 && errno == EFAULT);
	expect(ioctl(fd, FAKE_ADD, -1L) == -1 && errno == EFAULT);
	expect(!mprotect(page + 4096, 4096, PROT_NONE));
	*edge = (struct fake_add){ 4, 5, 0 };
	expect(!ioctl(fd, FAKE_ADD, edge) && edge->sum == 9);
	expect(ioctl(fd, FAKE_ADD, page + 4096 - 8) == -1 && errno == EFAULT);
	expect(ioctl(fd, FAKE_ADD, page + 4096) == -1 && errno == EFAULT);
	/* Read-only: may be read, not answered into, and must stay as it is. */
	edge->sum = 1;
	expect(!mprotect(page, 4096, PROT_READ));
	expect(ioctl(fd, FAKE_ADD, edge) == -1 && errno == EFAULT);
	expect(edge->sum == 1);
	return 0;
}

static void bad_pointers(void **state)
{
	box_run(child_arguments);
}

static int child_descriptors(int sync)
{
	int fd = open(CONTAINER, O_RDWR), efd = eventfd(0, 0), pipefd[2];
	uint64_t val;

	expect(!ioctl(fd, FAKE_SIGNAL, efd));
	expect(read(efd, &val, sizeof(val)) == 8 && val == 1);
	expect(ioctl(fd, FAKE_SIGNAL, -1) == -1 && errno == EBADF);
	expect(ioctl(fd, FAKE_SIGNAL, 555) == -1 && errno == EBADF);
	expect(!pipe(pipefd));
	expect(ioctl(fd, FAKE_SIGNAL, pipefd[1]) == -1 && errno == EINVAL);
	expect(ioctl(fd, FAKE_SIGNAL, fd) == -1 && errno == EINVAL);
	expect(ioctl(fd, FAKE_IS_OURS, fd) == 1);
	expect(ioctl(fd, FAKE_IS_OURS, efd) == 0);
	expect(ioctl(fd, FAKE_IS_OURS, 555) == -1 && errno == EBADF);
	return 0;
}

static void descriptors_as_arguments(void **state)
{
	box_run(child_descriptors);
}

/* ---- threads and signals ---- */

static void *ping_thread(void *arg)
{
	int fd = *(int *)arg, i;

	for (i = 0; i < 500; i++)
		expect(is_ours(fd));
	return NULL;
}

static int child_threads(int sync)
{
	int fd = open(CONTAINER, O_RDWR), i;
	pthread_t threads[4];

	for (i = 0; i < 4; i++)
		expect(!pthread_create(&threads[i], NULL, ping_thread, &fd));
	for (i = 0; i < 4; i++)
		expect(!pthread_join(threads[i], NULL));
	return 0;
}

static void threads_call_at_once(void **state)
{
	box_run(child_threads);
}

static void *wait_thread(void *arg)
{
	expect(!ioctl(*(int *)arg, FAKE_WAIT));
	return NULL;
}

static int child_waiting(int sync)
{
	int fd = open(CONTAINER, O_RDWR), i;
	pthread_t threads[5];

	/* Calls that wait must not keep the one that ends the wait from being served. */
	for (i = 0; i < 5; i++)
		expect(!pthread_create(&threads[i], NULL, wait_thread, &fd));
	usleep(50000);
	expect(is_ours(fd));
	expect(!ioctl(fd, FAKE_GO));
	for (i = 0; i < 5; i++)
		expect(!pthread_join(threads[i], NULL));
	for (i = 0; i < 100; i++)
		expect(is_ours(fd));
	return 0;
}

static void waiting_calls_do_not_stop_the_box(void **state)
{
	box_run(child_waiting);
}

static atomic_int alarms;

static void on_alarm(int sig)
{
	alarms++;
}

static int child_signals(int sync)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval every = { { 0, 200 }, { 0, 200 } };
	int fd = open(CONTAINER, O_RDWR), done = 0, opened = 0, i;

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	for (i = 0; i < 2000; i++) {
		int ret = ioctl(fd, FAKE_PING);

		/* A call that a signal kept from us has not run. */
		expect(ret == 42 || errno == EINTR);
		done += ret == 42;
		if (i % 10 == 0) {
			ret = open(GROUP, O_RDWR);
			expect(ret >= 0 || errno == EINTR);
			if (ret >= 0) {
				opened++;
				close(ret);
			}
		}
	}
	memset(&every, 0, sizeof(every));
	setitimer(ITIMER_REAL, &every, NULL);
	expect(alarms > 0 && opened > 0);
	i = open(GROUP, O_RDWR);
	expect(i >= 0);
	expect(write(sync, &done, sizeof(done)) == sizeof(done));
	return 0;
}

static void signals_repeat_nothing(void **state)
{
	struct box box;
	int done;

	box_start(&box, child_signals);
	assert_int_equal(read(box.sync, &done, sizeof(done)), sizeof(done));
	assert_int_equal(fake.pings, done);
	box_end(&box);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_by_any_path),
		cmocka_unit_test(foreign_files_are_untouched),
		cmocka_unit_test(reopening_through_proc),
		cmocka_unit_test(identity_and_last_close),
		cmocka_unit_test(close_comes_before_reopen),
		cmocka_unit_test(many_descriptors),
		cmocka_unit_test(close_on_exec),
		cmocka_unit_test(mappings_keep_a_device_open),
		cmocka_unit_test(late_opens),
		cmocka_unit_test(a_late_group_closes),
		cmocka_unit_test(late_storm),
		cmocka_unit_test(a_late_open_as_argument),
		cmocka_unit_test(read_only_reopening_through_proc),
		cmocka_unit_test(flags_and_positions),
		cmocka_unit_test(errnos_of_linux),
		cmocka_unit_test(stat_shows_a_character_device),
		cmocka_unit_test(bad_pointers),
		cmocka_unit_test(descriptors_as_arguments),
		cmocka_unit_test(threads_call_at_once),
		cmocka_unit_test(waiting_calls_do_not_stop_the_box),
		cmocka_unit_test(signals_repeat_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
