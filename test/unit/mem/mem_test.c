/* SPDX-License-Identifier: MIT */
/* The physical address space: decoding, access across extents, direct runs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <nestbox/mem.h>

#include "base/bits.h"

struct store {
	uint8_t bytes[8192];
	unsigned reads, writes, loads;
	uint32_t sid;
	uint64_t fail_at; /* offsets from here on abort */
};

static int store_read(void *ctx, uint64_t off, void *buf, size_t len)
{
	struct store *store = ctx;

	store->reads++;
	if (off + len > store->fail_at)
		return -1;
	memcpy(buf, store->bytes + off, len);
	return 0;
}

static int store_write(void *ctx, uint64_t off, const void *buf, size_t len, uint32_t sid)
{
	struct store *store = ctx;

	store->writes++;
	store->sid = sid;
	if (off + len > store->fail_at)
		return -1;
	memcpy(store->bytes + off, buf, len);
	return 0;
}

static int store_load64(void *ctx, uint64_t off, uint64_t *val)
{
	struct store *store = ctx;

	store->loads++;
	memcpy(val, store->bytes + off, 8);
	return 0;
}

static const struct nb_mem_ops store_ops = { .read = store_read, .write = store_write };
static const struct nb_mem_ops load_ops = {
	.read = store_read, .write = store_write, .load64 = store_load64
};

static void lookup(void **state)
{
	struct nb_mem *mem = nb_mem_create(40);
	static char page[4096];
	struct nb_extent small = { .pa = NB_PA(MIB(4) + 0x1000), .bytes = 4096, .ptr = page };
	struct nb_extent big = { .pa = NB_PA(GIB(2) - MIB(2)), .bytes = GIB(3), .ptr = page };

	assert_non_null(mem);
	assert_int_equal(nb_mem_add(mem, &small), 0);
	assert_int_equal(nb_mem_extents(mem), 1);
	assert_int_equal(nb_mem_add(mem, &big), 0);
	assert_int_equal(nb_mem_add(mem, &small), -EEXIST);
	assert_int_equal(nb_mem_extents(mem), 2);
	assert_null(nb_mem_find(mem, NB_PA(MIB(4))));
	assert_ptr_equal(nb_mem_find(mem, NB_PA(MIB(4) + 0x1000)), &small);
	assert_ptr_equal(nb_mem_find(mem, NB_PA(MIB(4) + 0x1fff)), &small);
	assert_null(nb_mem_find(mem, NB_PA(MIB(4) + 0x2000)));
	assert_null(nb_mem_find(mem, NB_PA(GIB(2) - MIB(2) - 1)));
	assert_ptr_equal(nb_mem_find(mem, NB_PA(GIB(2) - MIB(2))), &big);
	assert_ptr_equal(nb_mem_find(mem, NB_PA(GIB(2))), &big);
	assert_ptr_equal(nb_mem_find(mem, NB_PA(GIB(4) + 5)), &big);
	assert_ptr_equal(nb_mem_find(mem, NB_PA(GIB(5) - MIB(2) - 1)), &big);
	assert_null(nb_mem_find(mem, NB_PA(GIB(5) - MIB(2))));
	assert_null(nb_mem_find(mem, NB_PA(UINT64_C(1) << 40)));
	assert_null(nb_mem_find(mem, NB_PA(UINT64_MAX)));
	nb_mem_remove(mem, &big);
	assert_null(nb_mem_find(mem, NB_PA(GIB(2))));
	assert_null(nb_mem_find(mem, NB_PA(GIB(5) - MIB(2) - 1)));
	assert_ptr_equal(nb_mem_find(mem, NB_PA(MIB(4) + 0x1000)), &small);
	nb_mem_remove(mem, &small);
	assert_int_equal(nb_mem_extents(mem), 0);
	nb_mem_destroy(mem);
}

static void refusals(void **state)
{
	struct nb_mem *mem = nb_mem_create(36);
	struct nb_extent a = { .pa = NB_PA(GIB(4)), .bytes = GIB(1), .ops = &store_ops };
	struct nb_extent inside = { .pa = NB_PA(GIB(4) + MIB(2)), .bytes = 1, .ops = &store_ops };
	struct nb_extent over = { .pa = NB_PA(GIB(3)), .bytes = GIB(4), .ops = &store_ops };
	struct nb_extent empty = { .pa = NB_PA(0), .bytes = 0, .ops = &store_ops };
	struct nb_extent out = { .pa = NB_PA(GIB(64) - 1), .bytes = 2, .ops = &store_ops };
	struct nb_extent wrap = { .pa = NB_PA(GIB(1)), .bytes = UINT64_MAX, .ops = &store_ops };

	assert_null(nb_mem_create(31));
	assert_null(nb_mem_create(53));
	assert_int_equal(nb_mem_add(mem, &a), 0);
	assert_int_equal(nb_mem_add(mem, &inside), -EEXIST);
	assert_int_equal(nb_mem_add(mem, &over), -EEXIST);
	assert_int_equal(nb_mem_add(mem, &empty), -EINVAL);
	assert_int_equal(nb_mem_add(mem, &out), -EINVAL);
	assert_int_equal(nb_mem_add(mem, &wrap), -EINVAL);
	assert_null(nb_mem_find(mem, NB_PA(GIB(3))));
	nb_mem_remove(mem, &a);
	/* A whole GiB where a table of slots is left behind. */
	assert_int_equal(nb_mem_add(mem, &inside), 0);
	assert_int_equal(nb_mem_add(mem, &a), -EEXIST);
	nb_mem_remove(mem, &inside);
	assert_int_equal(nb_mem_add(mem, &a), 0);
	assert_ptr_equal(nb_mem_find(mem, NB_PA(GIB(5) - 1)), &a);
	nb_mem_remove(mem, &a);
	nb_mem_destroy(mem);
}

static void across_extents(void **state)
{
	static struct store store = { .fail_at = UINT64_MAX };
	static uint8_t direct[MIB(2)];
	struct nb_mem *mem = nb_mem_create(40);
	struct nb_extent a = { .pa = NB_PA(0), .bytes = MIB(2), .ptr = direct };
	struct nb_extent b = {
		.pa = NB_PA(MIB(2)), .bytes = 4096, .ops = &store_ops, .ctx = &store, .off = 100
	};
	uint8_t out[64], in[64];
	unsigned i;

	for (i = 0; i < sizeof(out); i++)
		out[i] = i + 1;
	nb_mem_add(mem, &a);
	nb_mem_add(mem, &b);
	assert_int_equal(nb_mem_write(mem, NB_PA(MIB(2) - 16), out, 64, 7), 0);
	assert_memory_equal(direct + MIB(2) - 16, out, 16);
	assert_memory_equal(store.bytes + 100, out + 16, 48);
	assert_int_equal(store.sid, 7);
	assert_int_equal(nb_mem_read(mem, NB_PA(MIB(2) - 16), in, 64), 0);
	assert_memory_equal(in, out, 64);
	/* The part before the hole arrives. */
	memset(in, 0, sizeof(in));
	assert_int_equal(nb_mem_write(mem, NB_PA(MIB(2) + 4096 - 8), out, 64, 0), -1);
	assert_memory_equal(store.bytes + 100 + 4096 - 8, out, 8);
	store.fail_at = 0;
	assert_int_equal(nb_mem_read(mem, NB_PA(MIB(2)), in, 1), -1);
	nb_mem_remove(mem, &a);
	nb_mem_remove(mem, &b);
	nb_mem_destroy(mem);
}

static void loads(void **state)
{
	static struct store store = { .fail_at = UINT64_MAX };
	static uint64_t words[512];
	struct nb_mem *mem = nb_mem_create(40);
	struct nb_extent a = { .pa = NB_PA(0), .bytes = 4096, .ptr = words };
	struct nb_extent b = {
		.pa = NB_PA(MIB(2)), .bytes = 4096, .ops = &store_ops, .ctx = &store
	};
	struct nb_extent c = {
		.pa = NB_PA(MIB(4)), .bytes = 4096, .ops = &load_ops, .ctx = &store
	};
	uint64_t val;

	nb_mem_add(mem, &a);
	nb_mem_add(mem, &b);
	nb_mem_add(mem, &c);
	words[3] = 0x1122334455667788;
	memcpy(store.bytes + 8, &words[3], 8);
	assert_int_equal(nb_mem_load64(mem, NB_PA(24), &val), 0);
	assert_true(val == words[3]);
	assert_int_equal(nb_mem_load64(mem, NB_PA(MIB(2) + 8), &val), 0);
	assert_true(val == words[3]);
	assert_int_equal(store.reads, 1);
	assert_int_equal(nb_mem_load64(mem, NB_PA(MIB(4) + 8), &val), 0);
	assert_int_equal(store.loads, 1);
	assert_int_equal(nb_mem_load64(mem, NB_PA(20), &val), -1);
	assert_int_equal(nb_mem_load64(mem, NB_PA(4096), &val), -1);
	nb_mem_remove(mem, &a);
	nb_mem_remove(mem, &b);
	nb_mem_remove(mem, &c);
	nb_mem_destroy(mem);
}

static void direct(void **state)
{
	static uint8_t page[4096];
	struct nb_mem *mem = nb_mem_create(40);
	struct nb_extent a = { .pa = NB_PA(0), .bytes = 4096, .ptr = page };
	struct nb_extent b = { .pa = NB_PA(MIB(2)), .bytes = 4096, .ops = &store_ops };
	uint64_t bytes = 8192;

	nb_mem_add(mem, &a);
	nb_mem_add(mem, &b);
	assert_ptr_equal(nb_mem_direct(mem, NB_PA(96), &bytes), page + 96);
	assert_int_equal(bytes, 4000);
	assert_null(nb_mem_direct(mem, NB_PA(MIB(2)), &bytes));
	assert_null(nb_mem_direct(mem, NB_PA(MIB(1)), &bytes));
	nb_mem_remove(mem, &a);
	nb_mem_remove(mem, &b);
	nb_mem_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lookup),
		cmocka_unit_test(refusals),
		cmocka_unit_test(across_extents),
		cmocka_unit_test(loads),
		cmocka_unit_test(direct),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
