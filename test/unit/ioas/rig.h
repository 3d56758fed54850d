/* SPDX-License-Identifier: MIT */
/*
 * A small host for tests of the map engine: memory, SMMUv3 models, the real host driver over each,
 * and devices that do DMA through them. Device i is alone in group i.
 */
#ifndef TEST_IOAS_RIG_H
#define TEST_IOAS_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>

#include "base/bits.h"
#include "base/check.h"
#include "ioas/ioas.h"
#include "iommu/arm_smmu_v3.h"
#include "iommu/mmio.h"
#include "mem/dma.h"
#include "smmuv3/smmuv3.h"

#define RIG_IIDR_MMU600_R1 0x4831043bu /* product 0x483, variant 1: must not nest */

#define RIG_MSI_PAGE GIB(3)

struct rig_dev {
	struct iommu_device dev;
	struct iommu_group group;
	struct dma_master master;
	struct port *port;
};

struct rig {
	struct hostlock lock;
	struct iommu_system system;
	struct nb_mem *mem;
	struct ram *ram;
	unsigned n;
	struct nb_smmuv3 *models[4];
	struct iommu *iommus[4];
	struct rig_dev devs[4];
	struct physmap *physmap;
	struct ioas_env env;
	struct ioas *ioas;
	unsigned long mappings;
	uint8_t msi_page[4096];
	struct nb_extent msi;
	struct iommu_fault fault; /* the last one */
	unsigned faults;
	uint64_t ram_idle; /* ram_used with nothing attached */
};

/* What must be as before after every failure. */
struct rig_counts {
	uint64_t domains, attachments, areas, mappings, ram; /* no padding: compared as bytes */
};

static inline struct rig_counts rig_counts(const struct rig *rig)
{
	struct rig_counts counts;

	counts.domains = rig->system.stats.domains;
	counts.attachments = rig->system.stats.attachments;
	counts.areas = rig->ioas ? ioas_areas(rig->ioas) : 0;
	counts.mappings = rig->mappings;
	counts.ram = ram_used(rig->ram);
	return counts;
}

static inline void rig_assert_same(const struct rig *rig, struct rig_counts before)
{
	struct rig_counts now = rig_counts(rig);

	assert_memory_equal(&now, &before, sizeof(now));
}

/* Memory of the "program". */
struct rig_umem {
	struct umem umem;
	uint8_t *bytes;
	bool released;
};

static inline int rig_umem_read(void *ctx, uint64_t off, void *buf, size_t len)
{
	memcpy(buf, ((struct rig_umem *)ctx)->bytes + off, len);
	return 0;
}

static inline int rig_umem_write(void *ctx, uint64_t off, const void *buf, size_t len, uint32_t sid)
{
	memcpy(((struct rig_umem *)ctx)->bytes + off, buf, len);
	return 0;
}

static inline void *rig_umem_direct(void *ctx, uint64_t off, uint64_t *bytes)
{
	return ((struct rig_umem *)ctx)->bytes + off;
}

static const struct nb_mem_ops rig_umem_ops = {
	.read = rig_umem_read,
	.write = rig_umem_write,
	.direct = rig_umem_direct,
};

static inline void rig_umem_release(struct umem *umem)
{
	((struct rig_umem *)umem)->released = true;
}

/* One reference, the test's. Memory is not populated until touched. */
static inline void rig_umem_init(struct rig_umem *umem, uint64_t bytes)
{
	*umem = (struct rig_umem){ .umem = { .refs = 1,
					   .bytes = bytes,
					   .ops = &rig_umem_ops,
					   .release = rig_umem_release },
		.bytes = calloc(1, bytes) };
	assert_non_null(umem->bytes);
}

static inline void rig_umem_finish(struct rig_umem *umem)
{
	umem_put(&umem->umem);
	assert_true(umem->released);
	free(umem->bytes);
}

static inline uint64_t rig_hw_read(void *hw, uint64_t offset, unsigned size)
{
	return nb_smmuv3_read(hw, offset, size);
}

static inline void rig_hw_write(void *hw, uint64_t offset, uint64_t value, unsigned size)
{
	nb_smmuv3_write(hw, offset, value, size);
}

static inline void rig_on_fault(void *ctx, const struct iommu_fault *fault)
{
	struct rig *rig = ctx;

	rig->fault = *fault;
	rig->faults++;
	for (unsigned i = 0; i < rig->n; i++)
		if (fault->iommu == rig->devs[i].dev.iommu->name &&
			fault->sid == rig->devs[i].dev.sid)
			rig->fault.delivered = iommu_report_fault(&rig->devs[i].dev, fault);
}

/* The wire of the event interrupt: to whichever instance is up. */
static inline void rig_on_irq(void *ctx, enum nb_smmuv3_irq irq)
{
	struct rig *rig = ctx;

	for (unsigned i = 0; i < rig->n; i++)
		if (rig->iommus[i])
			arm_smmu_v3_event_irq(rig->iommus[i]);
}

static inline void rig_add_iommu(struct rig *rig, struct nb_smmuv3_config config)
{
	static const char *const names[] = { "smmu0", "smmu1", "smmu2", "smmu3" };
	unsigned i = rig->n++;
	struct iommu_probe_args args = { .name = names[i],
		.msi_window = 0x8000000,
		.hw = { .read = rig_hw_read, .write = rig_hw_write, .ram = rig->ram },
		.lock = &rig->lock,
		.stats = &rig->system.stats,
		.fault = rig_on_fault,
		.fault_ctx = rig };
	struct why why = { 0 };

	config.size = sizeof(config);
	config.mem = rig->mem;
	config.ops = &(struct nb_smmuv3_ops){ .size = sizeof(*config.ops), .irq = rig_on_irq };
	config.ctx = rig;
	args.hw.hw = rig->models[i] = nb_smmuv3_create(&config);
	assert_non_null(args.hw.hw);
	assert_int_equal(arm_smmu_v3_probe(&args, &rig->iommus[i], &why), 0);
	iommu_register(iommu_find_bus(&rig->system, "pci"), rig->iommus[i]);
}

static inline void rig_add_device(struct rig *rig, unsigned i)
{
	struct rig_dev *d = &rig->devs[i];

	d->group.id = i;
	d->group.name[0] = '0' + i;
	CDS_INIT_LIST_HEAD(&d->group.devices);
	d->group.iommu = rig->iommus[i];
	strcpy(d->dev.name, "0000:01:00.0");
	d->dev.iommu = rig->iommus[i];
	d->dev.group = &d->group;
	d->dev.sid = 0x100 + i;
	cds_list_add_tail(&d->dev.group_link, &d->group.devices);
	assert_int_equal(iommu_probe_device(&d->dev, NULL), 0);

	d->port = smmuv3_port(nb_smmuv3_port_create(rig->models[i], d->dev.sid));
	assert_int_equal(dma_master_init(&d->master, rig->mem), 0);
	d->master.translate = smmuv3_translate;
	d->master.ctx = rig->models[i];
	d->master.port = d->port;
	d->master.sid = d->dev.sid;
	d->master.enabled = true;
}

/* Locks the host; configs ends after n. */
static inline void rig_init(struct rig *rig, const struct nb_smmuv3_config *configs, unsigned n)
{
	memset(rig, 0, sizeof(*rig));
	port_init_process(false);
	hostlock_init(&rig->lock);
	hostlock_lock(&rig->lock);
	iommu_system_init(&rig->system);
	rig->mem = nb_mem_create(48);
	rig->ram = ram_create(rig->mem, NB_PA(GIB(1)), MIB(64));
	rig->physmap = physmap_create(NB_PA(GIB(1024)), GIB(4096));
	rig->msi = (struct nb_extent){
		.pa = NB_PA(RIG_MSI_PAGE), .bytes = 4096, .ptr = rig->msi_page
	};
	assert_int_equal(nb_mem_add(rig->mem, &rig->msi), 0);
	for (unsigned i = 0; i < n; i++) {
		rig_add_iommu(rig, configs[i]);
		rig_add_device(rig, i);
	}
	rig->env = (struct ioas_env){ .mem = rig->mem,
		.physmap = rig->physmap,
		.msi_page = NB_PA(RIG_MSI_PAGE),
		.table_limit = MIB(32),
		.mappings = &rig->mappings };
	rig->ioas = ioas_create(&rig->env);
	rig->ram_idle = ram_used(rig->ram);
}

static inline void rig_finish(struct rig *rig)
{
	ioas_destroy(rig->ioas);
	rig->ioas = NULL;
	assert_int_equal(rig->system.stats.domains, 0);
	assert_int_equal(rig->system.stats.attachments, 0);
	assert_int_equal(rig->mappings, 0);
	assert_int_equal(ram_used(rig->ram), rig->ram_idle);
	for (unsigned i = 0; i < rig->n; i++) {
		struct iommu *iommu = rig->iommus[i];

		nb_smmuv3_port_destroy(smmuv3_port_of(rig->devs[i].port));
		dma_master_finish(&rig->devs[i].master);
		iommu_unregister(iommu);
		rig->iommus[i] = NULL;
		iommu->ops->destroy(iommu);
		nb_smmuv3_destroy(rig->models[i]);
	}
	assert_int_equal(ram_used(rig->ram), 0);
	physmap_destroy(rig->physmap);
	nb_mem_remove(rig->mem, &rig->msi);
	ram_destroy(rig->ram);
	nb_mem_destroy(rig->mem);
	hostlock_unlock(&rig->lock);
	hostlock_finish(&rig->lock);
}

static inline int rig_map(struct rig *rig, struct rig_umem *umem, uint64_t iova, uint64_t off,
	uint64_t bytes, unsigned prot)
{
	struct ioas_map map = { .iova = NB_IOVA(iova),
		.bytes = bytes,
		.prot = prot,
		.umem = &umem->umem,
		.umem_off = off,
		.uaddr = (uintptr_t)umem->bytes + off };

	return ioas_map(rig->ioas, &map, NULL);
}

static inline int rig_attach(struct rig *rig, unsigned i, enum iommu_domain_kind kind)
{
	return ioas_attach_group(rig->ioas, &rig->devs[i].group, kind, NULL);
}

static inline void rig_detach(struct rig *rig, unsigned i)
{
	ioas_detach_group(rig->ioas, &rig->devs[i].group);
}

static inline struct pt *rig_pt(struct rig *rig, unsigned i)
{
	return &to_smmu_domain(rig->devs[i].dev.domain)->pt;
}

/* DMA as a device does it: without the host lock. */
static inline int rig_dma(struct rig *rig, unsigned i, uint64_t iova, void *buf, size_t len, bool w)
{
	int ret;

	hostlock_unlock(&rig->lock);
	ret = w ? dma_write(&rig->devs[i].master, NB_IOVA(iova), buf, len)
		: dma_read(&rig->devs[i].master, NB_IOVA(iova), buf, len);
	hostlock_lock(&rig->lock);
	return ret;
}

#endif
