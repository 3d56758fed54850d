/* SPDX-License-Identifier: MIT */
/* The public way through a port: batches and DMA, across pages, up to where they abort. */
#include <stdio.h>

#include "rig.h"

/* Two pages side by side in IOVA, apart in memory; the third is not mapped. */
static void two_pages(struct rig *rig)
{
	rig_init(rig);
	rig_nested(rig);
	rig_poke(rig, S1_L3 + 8 * 4, S1_PAGE(RAM(0x30000)));
}

static void test_dma(void **state)
{
	uint8_t out[0x3000], in[0x3000] = { 0 };
	struct nb_smmuv3_txn at = { .iova = NB_IOVA(RIG_VA + 0x800) };
	struct nb_smmuv3_port *port;
	struct rig rig;
	size_t done = 1;

	two_pages(&rig);
	port = smmuv3_port_of(rig.port);
	for (unsigned i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + 1);
	assert_int_equal(nb_smmuv3_dma_write(port, &at, out, 0x1800, &done), NB_SMMUV3_OK);
	assert_int_equal(done, 0x1800);
	assert_memory_equal(rig.ram + DATA_AT + 0x800, out, 0x800);
	assert_memory_equal(rig.ram + 0x30000, out + 0x800, 0x1000);
	assert_int_equal(nb_smmuv3_dma_read(port, &at, in, 0x1800, NULL), NB_SMMUV3_OK);
	assert_memory_equal(in, out, 0x1800);
	assert_int_equal(rig_event_count(&rig), 0);
	/* The page after the second aborts, with an event; what came before it has been done. */
	assert_int_equal(nb_smmuv3_dma_read(port, &at, in, 0x1801, &done), NB_SMMUV3_ABORT);
	assert_int_equal(done, 0x1800);
	assert_int_equal(rig_event_count(&rig), 1);
	assert_int_equal(nb_smmuv3_dma_read(port, &at, in, 0, &done), NB_SMMUV3_OK);
	assert_int_equal(done, 0);
	at.iova = NB_IOVA(UINT64_MAX);
	assert_int_equal(nb_smmuv3_dma_read(port, &at, in, 2, &done), NB_SMMUV3_ABORT);
	assert_int_equal(done, 0);
	rig_finish(&rig);
}

static void test_batch(void **state)
{
	nb_iova iova[100];
	struct nb_smmuv3_span span[100];
	enum nb_smmuv3_verdict verdict;
	struct nb_smmuv3_port *port;
	struct rig rig;
	unsigned i;

	two_pages(&rig);
	port = smmuv3_port_of(rig.port);
	for (i = 0; i < 100; i++)
		iova[i] = NB_IOVA(RIG_VA + (i % 2 << 12) + i);
	iova[98] = NB_IOVA(RIG_VA + 0x2000);
	for (unsigned turn = 0; turn < 2; turn++) {
		nb_smmuv3_enter(port);
		assert_int_equal(
			nb_smmuv3_translate_batch(port, NB_READ, 0, iova, span, 100, &verdict), 98);
		nb_smmuv3_leave(port);
		assert_int_equal(verdict, NB_SMMUV3_ABORT);
		for (i = 0; i < 98; i++) {
			assert_int_equal(span[i].pa.v, RAM(i % 2 ? 0x30000 : DATA_AT) + i);
			assert_int_equal(span[i].bytes, 0x1000 - i);
		}
	}
	rig_finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dma),
		cmocka_unit_test(test_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
