/* SPDX-License-Identifier: MIT */
/*
 * DMA over direct memory, memory behind operations and memory that is partly direct; the side that
 * aborts; sections of bounded length; pages that vanish; MSIs by requester.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bits.h"
#include "irq/msi.h"
#include "mem/dma.h"
#include "mem/sigbus.h"
#include "tlb/port.h"

#define AREA	KIB(512)
#define DIRECT	MIB(2)
#define OPS	MIB(4)
#define MIXED	MIB(6)
#define DIRECT2 MIB(8)

struct world {
	struct nb_mem *mem;
	struct dma_master master;
	struct port port;
	struct nb_extent extents[4];
	uint8_t *bytes[4]; /* direct, ops, mixed, direct2 */
	uint64_t limit;	   /* translations from here on abort */
	uint64_t longest;  /* bytes moved in one section */
	uint64_t section_seq, section_bytes;
	uint32_t sid;
};

static int ops_read(void *ctx, uint64_t off, void *buf, size_t len)
{
	memcpy(buf, (uint8_t *)ctx + off, len);
	return 0;
}

static int ops_write(void *ctx, uint64_t off, const void *buf, size_t len, uint32_t sid)
{
	memcpy((uint8_t *)ctx + off, buf, len);
	return 0;
}

/* Every odd page of 4 KiB is direct. */
static void *odd_direct(void *ctx, uint64_t off, uint64_t *bytes)
{
	*bytes = MIN(*bytes, 4096 - off % 4096);
	return off / 4096 % 2 ? (uint8_t *)ctx + off : NULL;
}

static const struct nb_mem_ops plain_ops = { .read = ops_read, .write = ops_write };
static const struct nb_mem_ops mixed_ops = {
	.read = ops_read, .write = ops_write, .direct = odd_direct
};

/* Identity, in spans that end at multiples of 12 KiB, up to the limit. */
static int translate(void *ctx, struct port *port, const struct dma_txn *txn, struct dma_span *span)
{
	struct world *w = ctx;
	uint64_t seq = atomic_load(&port->seq);

	assert_true(seq & 1);
	if (seq != w->section_seq) {
		w->section_seq = seq;
		w->section_bytes = 0;
	}
	if (txn->iova.v >= w->limit)
		return -1;
	span->pa = NB_PA(txn->iova.v);
	span->bytes = MIN(12288 - txn->iova.v % 12288, w->limit - txn->iova.v);
	w->section_bytes += txn->prot == NB_DMA_WRITE ? span->bytes : 0;
	w->longest = MAX(w->longest, w->section_bytes);
	w->sid = txn->sid;
	return 0;
}

static int setup(void **state)
{
	struct world *w = aligned_alloc(64, align_up(sizeof(*w), 64));
	static const uint64_t at[] = { DIRECT, OPS, MIXED, DIRECT2 };
	unsigned i, b;

	memset(w, 0, sizeof(*w));
	w->mem = nb_mem_create(40);
	w->limit = UINT64_MAX;
	for (i = 0; i < 4; i++) {
		w->bytes[i] = malloc(AREA);
		for (b = 0; b < AREA; b++)
			w->bytes[i][b] = b * 7 + b / 256 + i;
		w->extents[i] = (struct nb_extent){ .pa = NB_PA(at[i]), .bytes = AREA };
		w->extents[i].ptr = i % 3 ? NULL : w->bytes[i];
		w->extents[i].ops = i == 1 ? &plain_ops : i == 2 ? &mixed_ops : NULL;
		w->extents[i].ctx = w->bytes[i];
		nb_mem_add(w->mem, &w->extents[i]);
	}
	dma_master_init(&w->master, w->mem);
	w->master.translate = translate;
	w->master.ctx = w;
	w->master.port = &w->port;
	w->master.sid = 0x100;
	w->master.enabled = true;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	unsigned i;

	assert_false(atomic_load(&w->port.seq) & 1);
	for (i = 0; i < 4; i++) {
		nb_mem_remove(w->mem, &w->extents[i]);
		free(w->bytes[i]);
	}
	dma_master_finish(&w->master);
	nb_mem_destroy(w->mem);
	free(w);
	return 0;
}

static void copies(void **state)
{
	static const uint64_t at[] = { DIRECT, OPS, MIXED, DIRECT2 };
	static const uint64_t lengths[] = { 1, 4096, 100001, 300000 };
	struct world *w = *state;
	unsigned from, to, l;
	uint8_t guard;

	for (from = 0; from < 4; from++) {
		for (to = 0; to < 4; to++) {
			for (l = 0; l < ARRAY_LEN(lengths) && to != from; l++) {
				memset(w->bytes[to], 0xee, AREA);
				guard = w->bytes[to][777 + lengths[l]];
				assert_int_equal(dma_copy(&w->master, NB_IOVA(at[to] + 777),
							 NB_IOVA(at[from] + 5000), lengths[l]),
					DMA_OK);
				assert_memory_equal(
					w->bytes[to] + 777, w->bytes[from] + 5000, lengths[l]);
				assert_int_equal(w->bytes[to][777 + lengths[l]], guard);
				assert_int_equal(w->bytes[to][776], 0xee);
			}
		}
	}
	/* Spans of the fake IOMMU may end after the piece: a section asks for at most one more. */
	assert_true(w->longest <= DMA_CHUNK + 100 * 12288);
	assert_int_equal(w->sid, 0x100);
	assert_int_equal(w->master.bytes_read, w->master.bytes_written);
	assert_int_equal(w->master.aborts, 0);
}

static void reads_and_writes(void **state)
{
	static const uint64_t at[] = { DIRECT, OPS, MIXED };
	struct world *w = *state;
	static uint8_t buf[200000], back[200000];
	unsigned i;

	for (i = 0; i < sizeof(buf); i++)
		buf[i] = i % 251;
	for (i = 0; i < 3; i++) {
		assert_int_equal(dma_write(&w->master, NB_IOVA(at[i] + 3), buf, sizeof(buf)), 0);
		assert_memory_equal(w->bytes[i] + 3, buf, sizeof(buf));
		memset(back, 0, sizeof(back));
		assert_int_equal(dma_read(&w->master, NB_IOVA(at[i] + 3), back, sizeof(back)), 0);
		assert_memory_equal(back, buf, sizeof(buf));
	}
	assert_int_equal(w->master.bytes_written, 3 * sizeof(buf));
	assert_int_equal(dma_read(&w->master, NB_IOVA(0), back, 0), 0);
}

static void fills(void **state)
{
	static const uint64_t at[] = { DIRECT, OPS, MIXED };
	struct world *w = *state;
	uint64_t pattern = 0x8877665544332211;
	unsigned i, b;

	for (i = 0; i < 3; i++) {
		memset(w->bytes[i], 0, AREA);
		assert_int_equal(dma_fill(&w->master, NB_IOVA(at[i] + 5), pattern, 70003), 0);
		for (b = 0; b < 70003; b++)
			assert_int_equal(w->bytes[i][5 + b], (b % 8 + 1) * 0x11);
		assert_int_equal(w->bytes[i][4], 0);
		assert_int_equal(w->bytes[i][5 + 70003], 0);
	}
}

static void aborts(void **state)
{
	struct world *w = *state;
	uint8_t buf[16] = { 0 }, first = w->bytes[3][0];

	/* Nothing answers at 0; both wrong: the source is asked first. */
	assert_int_equal(dma_copy(&w->master, NB_IOVA(DIRECT2), NB_IOVA(0), 16), DMA_SRC_ABORT);
	assert_int_equal(dma_copy(&w->master, NB_IOVA(0), NB_IOVA(DIRECT), 16), DMA_DST_ABORT);
	assert_int_equal(dma_copy(&w->master, NB_IOVA(0), NB_IOVA(1), 16), DMA_SRC_ABORT);
	assert_int_equal(dma_read(&w->master, NB_IOVA(UINT64_MAX - 3), buf, 16), -1);
	assert_int_equal(w->master.aborts, 4);
	assert_int_equal(w->bytes[3][0], first);
	/* The IOMMU refuses the second part: the first has arrived. */
	w->limit = DIRECT2 + 100000;
	assert_int_equal(
		dma_copy(&w->master, NB_IOVA(DIRECT2), NB_IOVA(DIRECT), 200000), DMA_DST_ABORT);
	assert_memory_equal(w->bytes[3], w->bytes[0], 100000);
	assert_int_not_equal(w->bytes[3][100000], w->bytes[0][100000]);
	w->master.enabled = false;
	assert_int_equal(dma_write(&w->master, NB_IOVA(DIRECT), buf, 16), -1);
	assert_int_equal(dma_copy(&w->master, NB_IOVA(DIRECT), NB_IOVA(OPS), 1), DMA_SRC_ABORT);
}

static void vanishing_pages(void **state)
{
	struct world *w = *state;
	int fd = memfd_create("gone", 0);
	struct sigbus_range range, other;
	struct nb_extent extent = { .pa = NB_PA(MIB(10)), .bytes = KIB(64) };
	uint8_t buf[64] = { 1, 2, 3 }, *ptr;
	uint64_t word;

	assert_int_equal(ftruncate(fd, KIB(64)), 0);
	ptr = mmap(NULL, KIB(64), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	extent.ptr = ptr;
	assert_int_equal(sigbus_add(&range, ptr, KIB(64)), 0);
	assert_int_equal(sigbus_add(&other, w->bytes[0], 4096), 0);
	nb_mem_add(w->mem, &extent);
	assert_int_equal(dma_write(&w->master, NB_IOVA(MIB(10)), buf, 64), 0);
	assert_int_equal(ftruncate(fd, KIB(16)), 0);
	/* What is left still works, until something has touched what is gone. */
	assert_int_equal(dma_write(&w->master, NB_IOVA(MIB(10)), buf, 64), 0);
	assert_int_equal(
		dma_copy(&w->master, NB_IOVA(DIRECT), NB_IOVA(MIB(10)), KIB(32)), DMA_SRC_ABORT);
	assert_int_equal(
		dma_copy(&w->master, NB_IOVA(MIB(10)), NB_IOVA(OPS), KIB(32)), DMA_DST_ABORT);
	assert_int_equal(dma_fill(&w->master, NB_IOVA(MIB(10)), 0, 64), -1);
	assert_int_equal(nb_mem_load64(w->mem, NB_PA(MIB(10)), &word), -1);
	/* Others are as before. */
	assert_int_equal(dma_write(&w->master, NB_IOVA(DIRECT), buf, 64), 0);
	nb_mem_remove(w->mem, &extent);
	sigbus_remove(&range);
	sigbus_remove(&other);
	assert_int_equal(atomic_load(&sigbus_poisonings), 0);
	munmap(ptr, KIB(64));
	close(fd);
}

static void many_sigbus_ranges(void **state)
{
	enum {
		N = 2500
	};
	struct sigbus_range *ranges = calloc(N, sizeof(*ranges));
	unsigned i;

	for (i = 0; i < N; i++)
		assert_int_equal(sigbus_add(&ranges[i], (void *)(uintptr_t)(i * 4096), 4096), 0);
	for (i = 0; i < N; i += 3)
		sigbus_remove(&ranges[i]);
	for (i = 0; i < N; i += 3)
		assert_int_equal(sigbus_add(&ranges[i], (void *)(uintptr_t)(i * 4096), 4096), 0);
	for (i = 0; i < N; i++)
		sigbus_remove(&ranges[i]);
	free(ranges);
}

static void count(void *ctx)
{
	++*(unsigned *)ctx;
}

static void msi_by_requester(void **state)
{
	struct world *w = *state;
	struct msi_controller *msi = msi_controller_create(w->mem, NB_PA(MIB(20)));
	nb_iova bell = NB_IOVA(MIB(20) + MSI_TRANSLATER);
	unsigned mine = 0, others = 0;
	uint32_t a, b, bad = 5000;

	assert_int_equal(msi_alloc(msi, 0x100, count, &mine, &a), 0);
	assert_int_equal(msi_alloc(msi, 0x200, count, &others, &b), 0);
	assert_int_equal(dma_write(&w->master, bell, &a, 4), 0);
	assert_int_equal(mine, 1);
	assert_int_equal(dma_write(&w->master, bell, &b, 4), 0); /* not ours */
	assert_int_equal(dma_write(&w->master, bell, &bad, 4), 0);
	assert_int_equal(dma_write(&w->master, NB_IOVA(bell.v + 4), &a, 4), 0);
	assert_int_equal(dma_write(&w->master, bell, &a, 2), 0);
	assert_int_equal(mine, 1);
	assert_int_equal(others, 0);
	msi_free(msi, 0x100, a);
	assert_int_equal(dma_write(&w->master, bell, &a, 4), 0);
	assert_int_equal(mine, 1);
	msi_free(msi, 0x200, b);
	msi_controller_destroy(msi);
}

static void msi_exhaustion(void **state)
{
	struct world *w = *state;
	struct msi_controller *msi = msi_controller_create(w->mem, NB_PA(MIB(20)));
	uint32_t data, n = 0;

	while (!msi_alloc(msi, 1, count, NULL, &data))
		n++;
	assert_int_equal(n, 65536);
	msi_free(msi, 1, 77);
	assert_int_equal(msi_alloc(msi, 1, count, NULL, &data), 0);
	assert_int_equal(data, 77);
	msi_controller_destroy(msi);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(copies, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_and_writes, setup, teardown),
		cmocka_unit_test_setup_teardown(fills, setup, teardown),
		cmocka_unit_test_setup_teardown(aborts, setup, teardown),
		cmocka_unit_test_setup_teardown(vanishing_pages, setup, teardown),
		cmocka_unit_test(many_sigbus_ranges),
		cmocka_unit_test_setup_teardown(msi_by_requester, setup, teardown),
		cmocka_unit_test_setup_teardown(msi_exhaustion, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
