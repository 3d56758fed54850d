/* SPDX-License-Identifier: MIT */
/* Open files, the ioctl dispatcher and the local caller. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/bits.h"
#include "file/ioctl.h"
#include "file/local.h"
#include "iommu/iommu.h"

static int released;

struct arg {
	uint32_t argsz, in;
	uint64_t out;
};

static long handle(struct ioctl_call *call, void *data)
{
	struct arg *arg = data;

	if (arg->in == 13)
		return why_misuse(call->why, EINVAL, "thirteen", "13 is not liked");
	arg->out = arg->in * 2ull;
	return 5;
}

static long handle_plain(struct ioctl_call *call, void *data)
{
	assert_null(data);
	return (long)call->uaddr;
}

static const struct ioctl_row rows[] = {
	{ 1, "INOUT", sizeof(struct arg), handle, true },
	{ 2, "IN", sizeof(struct arg), handle, false },
	{ 3, "PLAIN", 0, handle_plain, false },
};

static long test_ioctl(
	struct file *file, struct caller *caller, unsigned cmd, uint64_t arg, struct why *why)
{
	struct ioctl_call call = {
		.file = file, .caller = caller, .cmd = cmd, .uaddr = arg, .why = why
	};

	return ioctl_dispatch(rows, ARRAY_LEN(rows), &call);
}

static void test_release(struct file *file)
{
	released++;
	free(file);
}

static const struct file_ops ops = { .name = "test", .ioctl = test_ioctl, .release = test_release };

static struct file *new_file(void)
{
	struct file *file = malloc(sizeof(*file));

	assert_non_null(file);
	file_init(file, &ops);
	return file;
}

struct world {
	struct local_caller *local;
	struct caller *caller;
	struct file *file;
	int fd;
};

static int setup(void **state)
{
	static struct world w;

	released = 0;
	w.local = local_caller_create();
	w.caller = local_caller_base(w.local);
	w.file = new_file();
	w.fd = local_install(w.local, w.file);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	local_caller_destroy(((struct world *)*state)->local);
	return released ? 0 : -1;
}

static void last_descriptor_releases(void **state)
{
	struct world *w = *state;
	int copy = local_dup(w->local, w->fd);

	assert_true(w->fd >= 1000 && copy > w->fd);
	assert_ptr_equal(local_file(w->local, copy), w->file);
	assert_int_equal(local_close(w->local, w->fd), 0);
	assert_int_equal(local_close(w->local, w->fd), -EBADF);
	assert_int_equal(released, 0);
	assert_int_equal(local_close(w->local, copy), 0);
	assert_int_equal(released, 1);
	assert_int_equal(local_dup(w->local, copy), -EBADF);
}

static void dispatch(void **state)
{
	struct world *w = *state;
	struct arg arg = { sizeof(arg), 21, 0 };
	struct why why = { 0 };

	assert_int_equal(test_ioctl(w->file, w->caller, 1, (uintptr_t)&arg, &why), 5);
	assert_int_equal(arg.out, 42);
	arg.out = 0;
	assert_int_equal(test_ioctl(w->file, w->caller, 2, (uintptr_t)&arg, &why), 5);
	assert_int_equal(arg.out, 0);
	assert_int_equal(test_ioctl(w->file, w->caller, 3, 77, &why), 77);
	assert_int_equal(why.class, WHY_NONE);
}

static void expect_refusal(struct world *w, unsigned cmd, uint64_t arg, int err, const char *rule)
{
	struct why why = { 0 };

	assert_int_equal(test_ioctl(w->file, w->caller, cmd, arg, &why), -err);
	assert_int_equal(why.err, err);
	assert_string_equal(why.rule, rule);
}

static void dispatch_refusals(void **state)
{
	struct world *w = *state;
	struct arg arg = { sizeof(arg) - 1, 1, 0 };

	expect_refusal(w, 4, 0, ENOTTY, "unknown-ioctl");
	expect_refusal(w, 1, 0, EFAULT, "bad-argument-pointer");
	expect_refusal(w, 1, (uintptr_t)&arg, EINVAL, "argsz-too-small");
	arg = (struct arg){ sizeof(arg), 13, 7 };
	expect_refusal(w, 1, (uintptr_t)&arg, EINVAL, "thirteen");
	assert_int_equal(arg.out, 7);
}

static void argument_not_writable(void **state)
{
	struct world *w = *state;
	struct arg *arg =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*arg = (struct arg){ sizeof(*arg), 1, 0 };
	mprotect(arg, 4096, PROT_READ);
	expect_refusal(w, 1, (uintptr_t)arg, EFAULT, "bad-argument-pointer");
	munmap(arg, 4096);
}

static int pin(struct world *w, uint64_t uaddr, uint64_t bytes, unsigned prot)
{
	struct umem *umem = NULL;
	int ret = w->caller->ops->pin(w->caller, uaddr, bytes, prot, &umem, NULL);
	uint64_t one = 1;

	if (ret)
		return ret;
	assert_int_equal(umem->bytes, bytes);
	assert_ptr_equal(umem->ops->direct(umem, 4096, &one), (void *)(uintptr_t)(uaddr + 4096));
	umem_put(umem);
	return 0;
}

static void pin_checks_mappings(void **state)
{
	const unsigned rw = IOMMU_READ | IOMMU_WRITE;
	struct world *w = *state;
	uint8_t *p =
		mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t at = (uintptr_t)p;

	/* Pages: 0 to 2 rw, 3 to 4 read-only, 5 none, 6 rw, 7 gone. */
	mprotect(p + 3 * 4096, 2 * 4096, PROT_READ);
	mprotect(p + 5 * 4096, 4096, PROT_NONE);
	munmap(p + 7 * 4096, 4096);
	assert_int_equal(pin(w, at, 3 * 4096, rw), 0);
	assert_int_equal(pin(w, at, 5 * 4096, IOMMU_READ), 0);
	assert_int_equal(pin(w, at, 4 * 4096, rw), -EFAULT);
	assert_int_equal(pin(w, at + 4 * 4096, 2 * 4096, IOMMU_READ), -EFAULT);
	assert_int_equal(pin(w, at + 6 * 4096, 2 * 4096, IOMMU_READ), -EFAULT);
	assert_int_equal(pin(w, UINT64_MAX - 4095, 8192, IOMMU_READ), -EFAULT);
	munmap(p, 7 * 4096);
}

static void eventfds(void **state)
{
	struct world *w = *state;
	int event = eventfd(0, EFD_CLOEXEC), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int got = w->caller->ops->get_eventfd(w->caller, event);

	assert_true(got >= 0 && got != event);
	close(got);
	assert_int_equal(w->caller->ops->get_eventfd(w->caller, null), -EINVAL);
	assert_int_equal(w->caller->ops->get_eventfd(w->caller, w->fd), -EINVAL);
	assert_int_equal(w->caller->ops->get_eventfd(w->caller, -1), -EBADF);
	close(event);
	close(null);
}

static void descriptors(void **state)
{
	struct world *w = *state;
	struct file *file = NULL;

	assert_int_equal(w->caller->ops->get_file(w->caller, w->fd, &file), 0);
	assert_ptr_equal(file, w->file);
	file_put(file);
	assert_int_equal(w->caller->ops->get_file(w->caller, 0, &file), 0);
	assert_null(file);
	assert_int_equal(w->caller->ops->get_file(w->caller, -1, &file), -EBADF);
	assert_int_equal(w->caller->ops->get_file(w->caller, 1999, &file), -EBADF);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(last_descriptor_releases),
		TEST(dispatch),
		TEST(dispatch_refusals),
		TEST(argument_not_writable),
		TEST(pin_checks_mappings),
		TEST(eventfds),
		TEST(descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
