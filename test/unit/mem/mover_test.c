/* SPDX-License-Identifier: MIT */
/*
 * Large copies with a helping thread: every byte arrives, with and without help; an abort on either
 * side is told, whoever of the two met it; after the copy nobody touches memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "mem/mover.h"

#define AREA MIB(4)
#define SRC  MIB(4)
#define DST  MIB(8)

struct side {
	uint8_t *bytes;
	uint64_t bad; /* accesses that touch this offset abort */
	atomic_uint in_use;
};

struct world {
	struct nb_mem *mem;
	struct dma_master master;
	struct nb_extent extents[2];
	struct side src, dst;
};

static int access_side(struct side *side, uint64_t off, size_t len)
{
	return side->bad >= off && side->bad < off + len ? -1 : 0;
}

static int side_read(void *ctx, uint64_t off, void *buf, size_t len)
{
	struct side *side = ctx;

	atomic_fetch_add(&side->in_use, 1);
	memcpy(buf, side->bytes + off, len);
	atomic_fetch_sub(&side->in_use, 1);
	return access_side(side, off, len);
}

static int side_write(void *ctx, uint64_t off, const void *buf, size_t len, uint32_t sid)
{
	struct side *side = ctx;

	if (access_side(side, off, len))
		return -1;
	atomic_fetch_add(&side->in_use, 1);
	memcpy(side->bytes + off, buf, len);
	atomic_fetch_sub(&side->in_use, 1);
	return 0;
}

static const struct nb_mem_ops side_ops = { .read = side_read, .write = side_write };

static void add_side(struct world *w, unsigned i, uint64_t pa, struct side *side)
{
	side->bytes = malloc(AREA);
	assert_non_null(side->bytes);
	side->bad = UINT64_MAX;
	w->extents[i] =
		(struct nb_extent){ .pa = NB_PA(pa), .bytes = AREA, .ops = &side_ops, .ctx = side };
	assert_int_equal(nb_mem_add(w->mem, &w->extents[i]), 0);
}

static void world_init(struct world *w, bool help)
{
	memset(w, 0, sizeof(*w));
	w->mem = nb_mem_create(36);
	assert_non_null(w->mem);
	assert_int_equal(dma_master_init(&w->master, w->mem), 0);
	w->master.enabled = true;
	w->master.mover = help ? dma_mover_create() : NULL;
	add_side(w, 0, SRC, &w->src);
	add_side(w, 1, DST, &w->dst);
}

static void world_finish(struct world *w)
{
	dma_mover_destroy(w->master.mover);
	dma_master_finish(&w->master);
	for (unsigned i = 0; i < 2; i++)
		nb_mem_remove(w->mem, &w->extents[i]);
	nb_mem_destroy(w->mem);
	free(w->src.bytes);
	free(w->dst.bytes);
}

static enum dma_side copy(struct world *w, uint64_t to, uint64_t from, uint64_t n)
{
	enum dma_side side = dma_copy(&w->master, NB_IOVA(DST + to), NB_IOVA(SRC + from), n);

	assert_int_equal(w->src.in_use, 0);
	assert_int_equal(w->dst.in_use, 0);
	return side;
}

static void copies(bool help)
{
	struct world w;

	world_init(&w, help);
	for (uint64_t i = 0; i < AREA; i++)
		w.src.bytes[i] = (uint8_t)(i * 2654435761u >> 13);
	srand(1);
	for (unsigned round = 0; round < 60; round++) {
		uint64_t n = 1 + (uint64_t)rand() % MIB(2), from = (uint64_t)rand() % MIB(2);
		uint64_t to = (uint64_t)rand() % (MIB(2) - 1);

		memset(w.dst.bytes, 0x5a, AREA);
		assert_int_equal(copy(&w, to, from, n), DMA_OK);
		assert_memory_equal(w.dst.bytes + to, w.src.bytes + from, n);
		assert_int_equal(w.dst.bytes[to + n], 0x5a);
	}
	world_finish(&w);
}

static void copies_with_help(void **state)
{
	copies(true);
}

static void copies_alone(void **state)
{
	copies(false);
}

/* Each piece in turn, so that either thread meets it. */
static void aborts(void **state)
{
	struct world w;

	world_init(&w, true);
	for (uint64_t bad = 100; bad < MIB(1); bad += MOVER_PIECE / 2) {
		w.src.bad = bad;
		assert_int_equal(copy(&w, 0, 0, MIB(1)), DMA_SRC_ABORT);
		w.src.bad = UINT64_MAX;
		w.dst.bad = bad;
		assert_int_equal(copy(&w, 0, 0, MIB(1)), DMA_DST_ABORT);
		w.dst.bad = UINT64_MAX;
		assert_int_equal(copy(&w, 0, 0, MIB(1)), DMA_OK);
	}
	world_finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_with_help),
		cmocka_unit_test(copies_alone),
		cmocka_unit_test(aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
