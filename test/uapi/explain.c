/* SPDX-License-Identifier: MIT */
/* R3 at CHECK_EXTENSION: a 0 for the nesting type says why, once for each container. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "abi/vfio.h"
#include "file/local.h"
#include "vfio/vfio.h"

struct world {
	struct machine *machine;
	struct vfio *vfio;
	struct local_caller *local;
};

static void begin(struct world *w, const char *host)
{
	static struct host_desc desc;
	struct error error = { 0 };

	assert_int_equal(host_load(host, &desc, &error), 0);
	w->machine = machine_create(&desc, &error);
	assert_non_null(w->machine);
	w->vfio = vfio_create(w->machine, NULL);
	w->local = local_caller_create();
}

static void end(struct world *w)
{
	local_caller_destroy(w->local);
	vfio_destroy(w->vfio);
	machine_destroy(w->machine);
}

static int open_container(struct world *w)
{
	struct file *file;

	assert_int_equal(vfio_open_container(w->vfio, &file, NULL), 0);
	return local_install(w->local, file);
}

static int open_group(struct world *w, int id)
{
	struct file *file;

	assert_int_equal(vfio_open_group(w->vfio, id, false, &file, NULL), 0);
	return local_install(w->local, file);
}

static long call(struct world *w, int fd, unsigned cmd, uint64_t arg, struct why *why)
{
	struct file *file = local_file(w->local, fd);

	why_clear(why);
	return file->ops->ioctl(file, local_caller_base(w->local), cmd, arg, why);
}

static long check(struct world *w, int fd, unsigned number, struct why *why)
{
	return call(w, fd, VFIO_CHECK_EXTENSION, number, why);
}

static void expect_reason(const struct why *why)
{
	assert_int_equal(why->class, WHY_REFUSED);
	assert_int_equal(why->err, 0);
	assert_non_null(why->rule);
	assert_true(why->missing[0]);
}

static void once_per_container(void **state)
{
	struct world w;
	struct why why = { 0 };
	int first, second;

	begin(&w, "smmuv3-no-nesting");
	first = open_container(&w);
	second = open_container(&w);
	assert_int_equal(check(&w, first, VFIO_TYPE1v2_IOMMU, &why), 1);
	assert_int_equal(why.class, WHY_NONE);
	assert_int_equal(check(&w, first, VFIO_TYPE1_NESTING_IOMMU, &why), 0);
	expect_reason(&why);
	assert_string_equal(why.iommu, "smmu0");
	assert_int_equal(check(&w, first, VFIO_TYPE1_NESTING_IOMMU, &why), 0);
	assert_int_equal(why.class, WHY_NONE);
	assert_int_equal(check(&w, second, VFIO_TYPE1_NESTING_IOMMU, &why), 0);
	expect_reason(&why);
	end(&w);
}

/* With groups attached the reason names the one that is in the way, and what works. */
static void names_the_group(void **state)
{
	struct world w;
	struct why why = { 0 };
	int container, groups[2];
	int32_t fd;

	begin(&w, "mixed");
	container = open_container(&w);
	assert_int_equal(check(&w, container, VFIO_TYPE1_NESTING_IOMMU, &why), 1);
	groups[0] = open_group(&w, 1);
	groups[1] = open_group(&w, 10);
	fd = container;
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			call(&w, groups[i], VFIO_GROUP_SET_CONTAINER, (uintptr_t)&fd, &why), 0);
	assert_int_equal(check(&w, container, VFIO_TYPE1_NESTING_IOMMU, &why), 0);
	expect_reason(&why);
	assert_string_equal(why.group, "10");
	assert_string_equal(why.device, "0001:01:00.0");
	assert_string_equal(why.iommu, "smmu1");
	assert_true(why.instead[0]);
	end(&w);
}

static void says_nothing_of_others(void **state)
{
	struct world w;
	struct why why = { 0 };
	int container;

	begin(&w, "empty");
	container = open_container(&w);
	for (unsigned n = 0; n < 16; n++) {
		assert_int_equal(check(&w, container, n, &why), 0);
		assert_int_equal(why.class, n == VFIO_TYPE1_NESTING_IOMMU ? WHY_REFUSED : WHY_NONE);
	}
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once_per_container),
		cmocka_unit_test(names_the_group),
		cmocka_unit_test(says_nothing_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
