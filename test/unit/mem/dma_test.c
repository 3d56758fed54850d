/* SPDX-License-Identifier: MIT */
/*
 * DMA over direct memory, memory behind operations and memory that is partly direct; the side that
 * aborts; sections of bounded length; pages that vanish; stalls at every translation, and RAZ/WI; MSIs by
 * requester.
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
	struct dma_txn txn;	 /* the last one */
	unsigned asks, stall;	 /* the translation of this number stalls, 0: none */
	bool again;		 /* it did: the very same is to come again */
	uint64_t raz, raz_bytes; /* RAZ/WI there */
	struct dma_txn forgotten;
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
	w->txn = *txn;
	if (w->again && !memcmp(txn, &w->master.stalled, sizeof(*txn)))
		w->again = false;
	if (++w->asks == w->stall) {
		w->again = true;
		return DMA_TXN_STALLS;
	}
	if (txn->iova.v - w->raz < w->raz_bytes)
		return DMA_TXN_RAZ_WI;
	if (txn->iova.v >= w->limit)
		return -1;
	span->pa = NB_PA(txn->iova.v);
	span->bytes = MIN(12288 - txn->iova.v % 12288, w->limit - txn->iova.v);
	if (txn->iova.v < w->raz)
		span->bytes = MIN(span->bytes, w->raz - txn->iova.v);
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

enum op {
	READ,
	WRITE,
	FILL,
	COPY,
	OPS_N
};

#define PATTERN UINT64_C(0x0102030405060708)

/* What is left of an operation of len bytes from byte `done` on. buf: of READ and WRITE. */
static int go_on(struct world *w, enum op op, uint64_t dst, uint64_t src, uint8_t *buf, size_t len,
	uint64_t done)
{
	struct dma_master *m = &w->master;
	unsigned turn = done % 8 * 8;

	switch (op) {
	case READ:
		return dma_read(m, NB_IOVA(src + done), buf + done, len - done);
	case WRITE:
		return dma_write(m, NB_IOVA(dst + done), buf + done, len - done);
	case FILL:
		return dma_fill(m, NB_IOVA(dst + done),
			turn ? PATTERN >> turn | PATTERN << (64 - turn) : PATTERN, len - done);
	default:
		return dma_copy(m, NB_IOVA(dst + done), NB_IOVA(src + done), len - done);
	}
}

/* What memory holds after it. */
static void check_result(
	enum op op, const uint8_t *dst, const uint8_t *src, const uint8_t *buf, size_t len)
{
	uint8_t fill[8];
	size_t i;

	memcpy(fill, &(uint64_t){ PATTERN }, 8);
	for (i = 0; op == FILL && i < len; i++)
		assert_int_equal(dst[i], fill[i % 8]);
	if (op == READ)
		assert_memory_equal(buf, src, len);
	if (op == WRITE)
		assert_memory_equal(dst, buf, len);
	if (op == COPY)
		assert_memory_equal(dst, src, len);
}

/* The n-th translation stalls. False: there is no n-th. */
static bool stalls_at(struct world *w, enum op op, unsigned to, unsigned from, unsigned n)
{
	static const uint64_t at[] = { DIRECT, OPS, MIXED, DIRECT2 };
	static uint8_t buf[300001];
	size_t off = 777, len = sizeof(buf);
	uint64_t dst = at[to] + off, src = at[from] + off + 1, done;
	struct dma_counts before, after;
	int ret;

	memset(w->bytes[to], n, AREA);
	memset(buf, n + 1, len);
	dma_counts(&w->master, &before);
	w->asks = 0;
	w->stall = n;
	ret = go_on(w, op, dst, src, buf, len, 0);
	if (!w->again) {
		assert_int_equal(ret, 0);
		return false;
	}
	/* Outside, and as far as what stalled; nothing behind that was touched. */
	assert_int_equal(ret, DMA_STALLED);
	assert_false(atomic_load(&w->port.seq) & 1);
	done = w->master.done;
	assert_memory_equal(&w->master.stalled, &w->txn, sizeof(w->txn));
	assert_int_equal(w->txn.iova.v, (w->txn.prot == NB_DMA_READ ? src : dst) + done);
	check_result(op, w->bytes[to] + off, w->bytes[from] + off + 1, buf, done);
	if (op != READ)
		assert_int_equal(w->bytes[to][off + done], (uint8_t)n);
	assert_int_equal(go_on(w, op, dst, src, buf, len, done), 0);
	assert_false(w->again);
	assert_int_equal(w->master.done, len - done);
	check_result(op, w->bytes[to] + off, w->bytes[from] + off + 1, buf, len);
	dma_counts(&w->master, &after);
	assert_int_equal(after.reads - before.reads, op == READ || op == COPY);
	assert_int_equal(after.writes - before.writes, op != READ);
	assert_int_equal(after.read_bytes - before.read_bytes, op == READ || op == COPY ? len : 0);
	assert_int_equal(after.write_bytes - before.write_bytes, op != READ ? len : 0);
	return true;
}

static void stalls(void **state)
{
	struct world *w = *state;
	unsigned op, to, from, n;

	w->master.ssid = 0x12345;
	w->master.ssid_valid = true;
	for (op = 0; op < OPS_N; op++) {
		for (to = 0; to < 4; to++) {
			for (from = 0; from < 4; from++) {
				if (to == from || (op != COPY && from != (to + 1) % 4))
					continue;
				n = 1;
				while (stalls_at(w, op, to, from, n))
					n++;
				assert_true(n > 25); /* 300 KB in spans of 12 KiB */
			}
		}
	}
	assert_int_equal(w->master.aborts, 0);
	assert_int_equal(w->txn.ssid, 0x12345);
}

/* Answered with an abort it is an abort there. */
static void stalled_then_aborts(void **state)
{
	struct world *w = *state;

	w->stall = 4; /* source and destination of the first span, then the second source */
	assert_int_equal(
		dma_copy(&w->master, NB_IOVA(DIRECT2), NB_IOVA(DIRECT), 65536), DMA_STALLED);
	assert_int_equal(w->master.aborts, 0);
	w->limit = DIRECT2;
	assert_int_equal(
		go_on(w, COPY, DIRECT2, DIRECT, NULL, 65536, w->master.done), DMA_DST_ABORT);
	assert_int_equal(w->master.done, 0);
	assert_int_equal(w->master.aborts, 1);
	assert_int_equal(w->master.writes, 1);
}

static void raz_wi(void **state)
{
	static const uint64_t at[] = { DIRECT, OPS, MIXED, DIRECT2 };
	static uint8_t buf[20000], zeros[20000], was[20000];
	struct world *w = *state;
	unsigned to, from, i;

	for (i = 0; i < 4; i++) {
		w->raz = at[i] + 4096;
		w->raz_bytes = 8192;
		memset(buf, 7, sizeof(buf));
		memcpy(was, w->bytes[i], sizeof(was));
		assert_int_equal(dma_read(&w->master, NB_IOVA(at[i]), buf, sizeof(buf)), 0);
		assert_memory_equal(buf, was, 4096);
		assert_memory_equal(buf + 4096, zeros, 8192);
		assert_memory_equal(buf + 12288, was + 12288, sizeof(buf) - 12288);
		memset(buf, 7, sizeof(buf));
		assert_int_equal(dma_write(&w->master, NB_IOVA(at[i]), buf, sizeof(buf)), 0);
		assert_int_equal(dma_fill(&w->master, NB_IOVA(at[i] + 4090), 0, 6 + 8192), 0);
		assert_memory_equal(w->bytes[i], buf, 4090);
		assert_memory_equal(w->bytes[i] + 4096, was + 4096, 8192);
		assert_memory_equal(w->bytes[i] + 12288, buf, sizeof(buf) - 12288);
	}
	for (to = 0; to < 4; to++) {
		for (from = 0; from < 4; from++) {
			if (to == from)
				continue;
			memset(w->bytes[to], 1, AREA);
			memset(w->bytes[from], 2, AREA);
			w->raz = at[from] + 4096;
			assert_int_equal(
				dma_copy(&w->master, NB_IOVA(at[to] + 3), NB_IOVA(at[from]), 20000),
				0);
			assert_memory_equal(w->bytes[to] + 3, w->bytes[from], 4096);
			assert_memory_equal(w->bytes[to] + 3 + 4096, zeros, 8192);
			assert_int_equal(w->bytes[to][3 + 12288], 2);
			memset(w->bytes[to], 1, AREA);
			w->raz = at[to] + 4096;
			assert_int_equal(
				dma_copy(&w->master, NB_IOVA(at[to]), NB_IOVA(at[from] + 3), 20000),
				0);
			assert_int_equal(w->bytes[to][4095], 2);
			assert_int_equal(w->bytes[to][4096], 1);
			assert_int_equal(w->bytes[to][12287], 1);
			assert_int_equal(w->bytes[to][12288], 2);
		}
	}
	assert_int_equal(w->master.aborts, 0);
}

static void note_forgotten(void *ctx, struct port *port, const struct dma_txn *txn)
{
	struct world *w = ctx;

	assert_ptr_equal(port, &w->port);
	w->forgotten = *txn;
}

/* A message has no PASID; what was stalled can be given up. */
static void messages(void **state)
{
	struct world *w = *state;
	uint32_t data = 9;

	w->master.ssid = 7;
	w->master.ssid_valid = true;
	w->master.forget = note_forgotten;
	assert_int_equal(dma_message(&w->master, NB_IOVA(DIRECT), &data, 4), 0);
	assert_false(w->txn.ssid_valid);
	assert_memory_equal(w->bytes[0], &data, 4);
	w->stall = w->asks + 1;
	assert_int_equal(dma_message(&w->master, NB_IOVA(DIRECT), &data, 4), DMA_STALLED);
	dma_forget(&w->master, &w->master.stalled);
	assert_memory_equal(&w->forgotten, &w->txn, sizeof(w->txn));
	assert_int_equal(dma_write(&w->master, NB_IOVA(DIRECT), &data, 4), 0);
	assert_true(w->txn.ssid_valid);
	assert_int_equal(w->txn.ssid, 7);
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
		cmocka_unit_test_setup_teardown(stalls, setup, teardown),
		cmocka_unit_test_setup_teardown(stalled_then_aborts, setup, teardown),
		cmocka_unit_test_setup_teardown(raz_wi, setup, teardown),
		cmocka_unit_test_setup_teardown(messages, setup, teardown),
		cmocka_unit_test(many_sigbus_ranges),
		cmocka_unit_test_setup_teardown(msi_by_requester, setup, teardown),
		cmocka_unit_test_setup_teardown(msi_exhaustion, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
