/* SPDX-License-Identifier: MIT */
#include "machine/kinds.h"

#include <string.h>

#include "base/bits.h"
#include "machine/machine.h"
#include "smmuv3/smmuv3.h"

/* The one interrupt that the driver takes is the event queue's. */
static void smmu_irq(void *ctx, enum nb_smmuv3_irq irq)
{
	const struct machine_iommu_wire *wire = ctx;

	if (irq == NB_SMMUV3_IRQ_EVENTQ)
		wire->event_irq(wire->ctx);
}

static void smmu_resumed(void *ctx, uint32_t sid, uint16_t stag)
{
	const struct machine_iommu_wire *wire = ctx;

	wire->resumed(wire->ctx);
}

static unsigned granules_of(const char *words)
{
	static const struct {
		const char *words;
		unsigned granules;
	} known[] = {
		{ "4k", NB_SMMUV3_GRAN4K },
		{ "4k-16k", NB_SMMUV3_GRAN4K | NB_SMMUV3_GRAN16K },
		{ "4k-64k", NB_SMMUV3_GRAN4K | NB_SMMUV3_GRAN64K },
	};

	for (unsigned i = 0; i < ARRAY_LEN(known); i++)
		if (!strcmp(words, known[i].words))
			return known[i].granules;
	return NB_SMMUV3_GRAN4K | NB_SMMUV3_GRAN16K | NB_SMMUV3_GRAN64K;
}

static void *smmu_create(
	const struct host_iommu *desc, struct nb_mem *mem, const struct machine_iommu_wire *wire)
{
	static const struct nb_smmuv3_ops ops = {
		.size = sizeof(ops), .irq = smmu_irq, .resumed = smmu_resumed
	};
	struct nb_smmuv3_config config = {
		.size = sizeof(config),
		.mem = mem,
		.no_stage1 = !desc->stage1,
		.no_stage2 = !desc->stage2,
		.oas_bits = desc->oas_bits,
		.sid_bits = desc->sid_bits,
		.ssid_bits = desc->stage1 ? desc->ssid_bits : 0,
		.granules = granules_of(desc->granules),
		.stall_model = desc->stall ? NB_SMMUV3_STALL_ALLOWED : NB_SMMUV3_STALL_NONE,
		.iidr = desc->iidr,
		.httu = desc->httu ? NB_SMMUV3_HTTU_DIRTY : NB_SMMUV3_HTTU_NONE,
		.ops = &ops,
		.ctx = (void *)wire,
	};

	return nb_smmuv3_create(&config);
}

static void smmu_destroy(void *model)
{
	nb_smmuv3_destroy(model);
}

static uint64_t smmu_read(void *model, uint64_t offset, unsigned size)
{
	return nb_smmuv3_read(model, offset, size);
}

static void smmu_write(void *model, uint64_t offset, uint64_t value, unsigned size)
{
	nb_smmuv3_write(model, offset, value, size);
}

static struct port *smmu_port_create(void *model, uint32_t sid)
{
	struct nb_smmuv3_port *port = nb_smmuv3_port_create(model, sid);

	return port ? smmuv3_port(port) : NULL;
}

static void smmu_port_destroy(struct port *port)
{
	nb_smmuv3_port_destroy(smmuv3_port_of(port));
}

static struct nb_smmuv3 *smmu_itself(void *model)
{
	return model;
}

static void smmu_stats(void *model, struct machine_iommu_stats *out)
{
	struct smmuv3_stats stats;

	smmuv3_stats(model, &stats);
	*out = (struct machine_iommu_stats){
		.commands = { BIT64(stats.cmdq_size_lg2), stats.cmdq_prod, stats.cmdq_cons,
			stats.commands },
		.events = { BIT64(stats.evtq_size_lg2), stats.evtq_prod, stats.evtq_cons,
			stats.events },
		.syncs = stats.syncs,
		.events_lost = stats.events_lost,
		.overflow = stats.evtq_overflow,
	};
}

static void smmu_set_detail(void *model, dma_detail_fn *detail, void *ctx)
{
	smmuv3_set_detail(model, detail, ctx);
}

static const struct machine_iommu_kind kinds[] = {
	{ .kind = "smmuv3",
		.create = smmu_create,
		.destroy = smmu_destroy,
		.read = smmu_read,
		.write = smmu_write,
		.translate = smmuv3_translate,
		.forget = smmuv3_forget,
		.port_create = smmu_port_create,
		.port_destroy = smmu_port_destroy,
		.smmuv3 = smmu_itself,
		.set_detail = smmu_set_detail,
		.stats = smmu_stats,
		.probe = arm_smmu_v3_probe,
		.event_irq = arm_smmu_v3_event_irq },
};

const struct machine_iommu_kind *machine_kind_find(const char *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!strcmp(kinds[i].kind, kind))
			return &kinds[i];
	}
	return NULL;
}
