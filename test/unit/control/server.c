/* SPDX-License-Identifier: MIT */
/*
 * The control socket without a box: who may have it, what becomes of what is left lying there, and
 * clients of every kind at once while the machine's state changes under them (for ThreadSanitizer too).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/vfio.h"
#include "base/bits.h"
#include "control/message.h"
#include "control/place.h"
#include "control/server.h"
#include "file/local.h"

static char runtime[] = "/tmp/test-control-XXXXXX";
static char dir[64];

static int make_runtime(void **state)
{
	snprintf(runtime, sizeof(runtime), "/tmp/test-control-XXXXXX");
	if (!mkdtemp(runtime) || setenv("XDG_RUNTIME_DIR", runtime, 1))
		return -1;
	snprintf(dir, sizeof(dir), "%s/nestbox", runtime);
	return 0;
}

/** Nothing is left in it. */
static int remove_runtime(void **state)
{
	return rmdir(runtime);
}

static struct control *open_one(void)
{
	struct error error = { 0 };
	struct control *control = control_open(NULL, &error);

	if (!control)
		fail_msg("%s", error.message);
	return control;
}

/* ---- places ---- */

static void test_place(void **state)
{
	struct control *control = open_one();
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%d", dir, (int)getpid());
	assert_string_equal(control_path(control), path);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0600);
	assert_int_equal(lstat(dir, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	control_close(control);
	assert_int_equal(lstat(dir, &st), -1);
}

/** It goes elsewhere then, and leaves what it found alone. */
static void elsewhere(void)
{
	struct control *control = open_one();

	assert_int_not_equal(strncmp(control_path(control), runtime, strlen(runtime)), 0);
	control_close(control);
}

static void test_not_trusted(void **state)
{
	char victim[96];
	struct stat st;

	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(chmod(dir, 0770), 0);
	elsewhere();
	assert_int_equal(rmdir(dir), 0);

	snprintf(victim, sizeof(victim), "%s/victim", runtime);
	assert_int_equal(mkdir(victim, 0700), 0);
	assert_int_equal(symlink(victim, dir), 0);
	elsewhere();
	assert_int_equal(unlink(dir), 0);
	assert_int_equal(rmdir(victim), 0); /* and is empty */

	assert_int_equal(chmod(runtime, 0777), 0);
	elsewhere();
	assert_int_equal(chmod(runtime, 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(runtime, 65534, 65534), 0);
		elsewhere();
		assert_int_equal(chown(runtime, 0, 0), 0);
	}
	assert_int_equal(lstat(dir, &st), -1);
}

/** A socket of that name that nobody listens to. */
static void leave_socket(pid_t pid)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%d", dir, (int)pid);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
}

static void count_found(void *ctx, int fd, const char *path, uid_t uid)
{
	if (!strncmp(path, runtime, strlen(runtime)))
		(*(unsigned *)ctx)++;
	close(fd);
}

static bool is_there(pid_t pid)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%d", dir, (int)pid);
	return !lstat(path, &st);
}

static void test_stale(void **state)
{
	struct control *control;
	pid_t gone = fork();
	unsigned n = 0;
	char path[128];

	if (!gone)
		_exit(0);
	waitpid(gone, NULL, 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	leave_socket(gone);
	leave_socket(getpid());	 /* of somebody who had our pid: in our way */
	leave_socket(getppid()); /* its process lives: it may be about to listen */
	control = open_one();
	snprintf(path, sizeof(path), "%s/%d", dir, (int)getpid());
	assert_string_equal(control_path(control), path);
	assert_false(is_there(gone));
	leave_socket(gone);
	control_each(count_found, &n);
	assert_int_equal(n, 1);
	assert_false(is_there(gone));
	assert_true(is_there(getppid()));
	assert_true(is_there(getpid()));
	control_close(control);
	assert_false(is_there(getpid()));
	snprintf(path, sizeof(path), "%s/%d", dir, (int)getppid());
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* ---- clients ---- */

struct world {
	struct machine *machine;
	struct vfio *vfio;
	struct local_caller *local;
	struct control *control;
	atomic_bool stop;
	atomic_uint answers;
};

static void begin(struct world *w)
{
	static struct host_desc desc;
	struct error error = { 0 };
	struct control_box box;

	assert_int_equal(host_load("smmuv3", &desc, &error), 0);
	w->machine = machine_create(&desc, &error);
	assert_non_null(w->machine);
	w->vfio = vfio_create(w->machine, NULL);
	w->local = local_caller_create();
	box = (struct control_box){ .machine = w->machine, .vfio = w->vfio };
	w->control = open_one();
	assert_int_equal(control_start(w->control, &box, &error), 0);
}

static void end(struct world *w)
{
	control_close(w->control);
	local_caller_destroy(w->local);
	vfio_destroy(w->vfio);
	machine_destroy(w->machine);
}

static long call(struct world *w, int fd, unsigned cmd, const void *arg)
{
	struct file *file = local_file(w->local, fd);

	return file->ops->ioctl(
		file, local_caller_base(w->local), cmd, (uint64_t)(uintptr_t)arg, NULL);
}

static int knock(const struct world *w)
{
	struct timeval patience = { .tv_sec = 60 };
	int fd = control_connect(control_path(w->control));

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/** Up to a newline or the end: how many bytes. */
static size_t read_line(int fd, char *buf, size_t size)
{
	size_t len = 0;

	while (len < size - 1 && recv(fd, buf + len, 1, 0) == 1)
		if (buf[len++] == '\n')
			break;
	buf[len] = '\0';
	return len;
}

static void test_one_by_one(void **state)
{
	struct world w = { 0 };
	char line[65536];
	int fd;

	begin(&w);
	fd = knock(&w);
	assert_true(fd >= 0);
	/* Two and a half at once. */
	assert_int_equal(
		send(fd, "{\"request\":\"list\"}\n{\"request\":\"leap\"}\n{\"req", 43, 0), 43);
	assert_true(read_line(fd, line, sizeof(line)));
	assert_non_null(strstr(line, "\"request\": \"list\""));
	assert_true(read_line(fd, line, sizeof(line)));
	assert_non_null(strstr(line, "\"error\": \"unknown-request\""));
	assert_int_equal(send(fd, "uest\":\"trace\"}\n", 15, 0), 15);
	assert_true(read_line(fd, line, sizeof(line)));
	assert_non_null(strstr(line, "\"error\": \"no-trace\""));
	/* Who has asked all there is to be asked still gets the answer. */
	assert_int_equal(send(fd, "{\"request\":\"show\"}\n", 19, 0), 19);
	shutdown(fd, SHUT_WR);
	assert_true(read_line(fd, line, sizeof(line)));
	assert_non_null(strstr(line, "\"request\": \"show\""));
	assert_int_equal(read_line(fd, line, sizeof(line)), 0);
	close(fd);
	end(&w);
}

/** Who only sits there makes room for who asks. */
static void test_idle_clients(void **state)
{
	struct world w = { 0 };
	int idle[CONTROL_CLIENTS_MAX], fd;
	char line[4096];

	begin(&w);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		assert_true((idle[i] = knock(&w)) >= 0);
	fd = knock(&w);
	assert_true(fd >= 0);
	assert_int_equal(send(fd, "{\"request\":\"list\"}\n", 19, 0), 19);
	assert_true(read_line(fd, line, sizeof(line)));
	assert_non_null(strstr(line, "\"request\": \"list\""));
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(idle[i]);
	close(fd);
	end(&w);
}

static void *client_main(void *arg)
{
	static const char *const says[] = { "{\"request\":\"show\"}\n", "{\"request\":\"stats\"}\n",
		"{\"request\":\"list\"}\n", "nonsense\n", "{\"request\":\"show\"}\n{\"request" };
	struct world *w = arg;
	unsigned seed = (unsigned)(uintptr_t)&seed, round = 0;
	char line[65536];

	while (!atomic_load(&w->stop)) {
		const char *text = says[(unsigned)rand_r(&seed) % ARRAY_LEN(says)];
		int fd = knock(w);

		if (fd < 0)
			continue;
		/* Some hang up without having read. */
		if (send(fd, text, strlen(text), MSG_NOSIGNAL) > 0 && round++ % 5)
			atomic_fetch_add(&w->answers, read_line(fd, line, sizeof(line)) > 0);
		close(fd);
	}
	return NULL;
}

/** What a program does: all the while it is being looked at. */
static void churn(struct world *w, uint8_t *memory)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory,
		.iova = 0x10000,
		.size = 4096 };
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = 0x10000, .size = 4096
	};
	struct file *file;
	int container, group, device;

	assert_int_equal(vfio_open_container(w->vfio, &file, NULL), 0);
	container = local_install(w->local, file);
	assert_int_equal(vfio_open_group(w->vfio, 1, false, &file, NULL), 0);
	group = local_install(w->local, file);
	assert_int_equal(call(w, group, VFIO_GROUP_SET_CONTAINER, &container), 0);
	assert_int_equal(call(w, container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU), 0);
	device = (int)call(w, group, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0");
	assert_true(device >= 0);
	assert_int_equal(call(w, container, VFIO_IOMMU_MAP_DMA, &map), 0);
	machine_step(w->machine, 4096);
	assert_int_equal(call(w, container, VFIO_IOMMU_UNMAP_DMA, &unmap), 0);
	local_close(w->local, device);
	local_close(w->local, group);
	local_close(w->local, container);
}

#define THREADS 24u
#define ANSWERS 400u

static void test_storm(void **state)
{
	struct world w = { 0 };
	pthread_t threads[THREADS];
	uint8_t *memory =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	begin(&w);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, client_main, &w), 0);
	while (atomic_load(&w.answers) < ANSWERS)
		churn(&w, memory);
	atomic_store(&w.stop, true);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	end(&w);
	munmap(memory, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_place, make_runtime, remove_runtime),
		cmocka_unit_test_setup_teardown(test_not_trusted, make_runtime, remove_runtime),
		cmocka_unit_test_setup_teardown(test_stale, make_runtime, remove_runtime),
		cmocka_unit_test_setup_teardown(test_one_by_one, make_runtime, remove_runtime),
		cmocka_unit_test_setup_teardown(test_idle_clients, make_runtime, remove_runtime),
		cmocka_unit_test_setup_teardown(test_storm, make_runtime, remove_runtime),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
