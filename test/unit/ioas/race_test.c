/* SPDX-License-Identifier: MIT */
/*
 * R6: when unmap or detach returns, no DMA touches what was taken back. A device writes one buffer
 * without pause while its mapping comes and goes; after each removal the buffer must stay as it is.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "rig.h"

#define IOVA   MIB(16)
#define BYTES  KIB(64)
#define ROUNDS 150

struct writer {
	struct rig *rig;
	_Atomic bool stop;
	_Atomic unsigned landed; /* writes that did not abort */
};

static void *write_on(void *arg)
{
	struct writer *writer = arg;
	static uint8_t pattern[BYTES];

	for (uint8_t n = 1; !writer->stop; n = n % 100 + 1) {
		memset(pattern, n, sizeof(pattern));
		if (dma_write(&writer->rig->devs[0].master, NB_IOVA(IOVA), pattern, BYTES) == 0)
			writer->landed++;
	}
	return NULL;
}

/* Let the device run until it wrote once more. */
static void until_written(struct writer *writer)
{
	unsigned before = writer->landed;

	hostlock_unlock(&writer->rig->lock);
	while (writer->landed < before + 2)
		sched_yield();
	hostlock_lock(&writer->rig->lock);
}

static void check_untouched(struct rig_umem *umem)
{
	memset(umem->bytes, 0xee, BYTES);
	for (unsigned spin = 0; spin < 3; spin++) {
		sched_yield();
		for (unsigned i = 0; i < BYTES; i++)
			assert_int_equal(umem->bytes[i], 0xee);
	}
}

static void removals(enum iommu_domain_kind kind, bool detach)
{
	static const struct nb_smmuv3_config config = { 0 };
	struct writer writer = { 0 };
	struct rig_umem umem;
	struct rig rig;
	pthread_t thread;

	rig_init(&rig, &config, 1);
	rig_umem_init(&umem, BYTES);
	writer.rig = &rig;
	assert_int_equal(rig_attach(&rig, 0, kind), 0);
	assert_int_equal(rig_map(&rig, &umem, IOVA, 0, BYTES, IOMMU_READ | IOMMU_WRITE), 0);
	assert_int_equal(pthread_create(&thread, NULL, write_on, &writer), 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		until_written(&writer);
		if (detach)
			rig_detach(&rig, 0);
		else
			assert_int_equal(ioas_unmap(rig.ioas, 0, UINT64_MAX), BYTES);
		check_untouched(&umem);
		if (detach)
			assert_int_equal(rig_attach(&rig, 0, kind), 0);
		else
			assert_int_equal(
				rig_map(&rig, &umem, IOVA, 0, BYTES, IOMMU_READ | IOMMU_WRITE), 0);
	}
	writer.stop = true;
	hostlock_unlock(&rig.lock);
	pthread_join(thread, NULL);
	hostlock_lock(&rig.lock);
	rig_detach(&rig, 0);
	rig_finish(&rig);
	rig_umem_finish(&umem);
}

static void unmap_stage1(void **state)
{
	removals(IOMMU_DOMAIN_STAGE1, false);
}

static void unmap_stage2(void **state)
{
	removals(IOMMU_DOMAIN_NEST_PARENT, false);
}

static void detach_stage1(void **state)
{
	removals(IOMMU_DOMAIN_STAGE1, true);
}

static void detach_stage2(void **state)
{
	removals(IOMMU_DOMAIN_NEST_PARENT, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unmap_stage1),
		cmocka_unit_test(unmap_stage2),
		cmocka_unit_test(detach_stage1),
		cmocka_unit_test(detach_stage2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
