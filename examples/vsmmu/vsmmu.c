/* SPDX-License-Identifier: MIT */
#include "vsmmu.h"

#include <err.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../engine.h"

/* Registers (IHI 0070 6.3), stream table entries (5.2), commands (4): what is looked at here. */
#define CR0	       0x20
#define CR0_SMMUEN     1u
#define GBPA	       0x44
#define GBPA_ABORT     (1u << 20)
#define STE_V	       1u
#define CONFIG_BYPASS  4
#define CONFIG_S1      5
#define CFGI_STE       0x03
#define CFGI_STE_RANGE 0x04
#define CFGI_CD	       0x05
#define CFGI_CD_ALL    0x06
#define TLBI_NH_ALL    0x10
#define TLBI_NH_ASID   0x11
#define TLBI_NH_VA     0x12
#define TLBI_NH_VAA    0x13
#define TLBI_NSNH_ALL  0x30
#define RESUME	       0x44
#define STALL_TERM     0x45

static uint64_t bits(uint64_t word, unsigned high, unsigned low)
{
	return word >> low & (~UINT64_C(0) >> (63 - (high - low)));
}

/* ---- down: configuration ---- */

static void set_stage1(struct vsmmu_device *dev, const struct iommu_pasid_table_config *config)
{
	struct vfio_iommu_type1_set_pasid_table table = {
		.argsz = sizeof(table), .flags = VFIO_PASID_TABLE_FLAG_SET, .config = *config
	};

	must(ioctl(dev->fd, VFIO_DEVICE_SET_PASID_TABLE, &table), "VFIO_DEVICE_SET_PASID_TABLE");
	dev->installed = config->config == IOMMU_PASID_CONFIG_TRANSLATE;
}

static void set_simply(struct vsmmu_device *dev, uint8_t config)
{
	set_stage1(dev, &(struct iommu_pasid_table_config){
				.argsz = sizeof(struct iommu_pasid_table_config),
				.version = PASID_TABLE_CFG_VERSION_1,
				.format = IOMMU_PASID_FORMAT_SMMUV3,
				.config = config,
				.vendor_data.smmuv3.version = PASID_TABLE_SMMUV3_CFG_VERSION_1,
			});
}

/* One context descriptor table is not replaced by another without something between. */
static void translate(struct vsmmu_device *dev, const uint64_t ste[8])
{
	if (dev->installed)
		set_simply(dev, IOMMU_PASID_CONFIG_ABORT);
	set_stage1(dev, &(struct iommu_pasid_table_config){
				.argsz = sizeof(struct iommu_pasid_table_config),
				.version = PASID_TABLE_CFG_VERSION_1,
				.format = IOMMU_PASID_FORMAT_SMMUV3,
				.config = IOMMU_PASID_CONFIG_TRANSLATE,
				.base_ptr = bits(ste[0], 55, 6) << 6,
				.pasid_bits = (uint8_t)bits(ste[0], 63, 59),
				.vendor_data.smmuv3 = {
					.version = PASID_TABLE_SMMUV3_CFG_VERSION_1,
					.s1fmt = (uint8_t)bits(ste[0], 5, 4),
					.s1dss = (uint8_t)bits(ste[1], 1, 0),
				},
			});
}

/* What the guest's registers and stream table say of the device now, to the host. */
static void apply(struct vsmmu *vsmmu, struct vsmmu_device *dev)
{
	uint64_t ste[8];

	if (!(nb_smmuv3_read(vsmmu->model, CR0, 4) & CR0_SMMUEN)) {
		set_simply(dev, nb_smmuv3_read(vsmmu->model, GBPA, 4) & GBPA_ABORT
					? IOMMU_PASID_CONFIG_ABORT
					: IOMMU_PASID_CONFIG_BYPASS);
		return;
	}
	if (nb_smmuv3_stream(vsmmu->model, dev->sid, ste) || !(ste[0] & STE_V))
		set_simply(dev, IOMMU_PASID_CONFIG_ABORT);
	else if (bits(ste[0], 3, 1) == CONFIG_S1)
		translate(dev, ste);
	else
		set_simply(dev, bits(ste[0], 3, 1) == CONFIG_BYPASS ? IOMMU_PASID_CONFIG_BYPASS
								    : IOMMU_PASID_CONFIG_ABORT);
}

static void apply_range(struct vsmmu *vsmmu, uint32_t sid, unsigned lg2)
{
	for (unsigned i = 0; i < vsmmu->n; i++)
		if ((uint64_t)vsmmu->devices[i].sid >> lg2 == (uint64_t)sid >> lg2)
			apply(vsmmu, &vsmmu->devices[i]);
}

/* ---- down: invalidations ---- */

static void invalidate(struct vsmmu_device *dev, struct iommu_cache_invalidate_info info)
{
	struct vfio_iommu_type1_cache_invalidate inv = { .argsz = sizeof(inv), .info = info };

	inv.info.argsz = sizeof(info);
	inv.info.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1;
	must(ioctl(dev->fd, VFIO_DEVICE_CACHE_INVALIDATE, &inv), "VFIO_DEVICE_CACHE_INVALIDATE");
}

static void forget_cd(struct vsmmu *vsmmu, const uint64_t cmd[2])
{
	struct iommu_cache_invalidate_info info = { .cache = IOMMU_CACHE_INV_TYPE_PASID,
		.granularity = IOMMU_INV_GRANU_DOMAIN };

	if (bits(cmd[0], 7, 0) == CFGI_CD) {
		info.granularity = IOMMU_INV_GRANU_PASID;
		info.granu.pasid_info =
			(struct iommu_inv_pasid_info){ .flags = IOMMU_INV_PASID_FLAGS_PASID,
				.pasid = bits(cmd[0], 31, 12) };
	}
	for (unsigned i = 0; i < vsmmu->n; i++)
		if (vsmmu->devices[i].sid == bits(cmd[0], 63, 32))
			invalidate(&vsmmu->devices[i], info);
}

/* IHI 0070 4.4.1.1: without TG one page of 4 KiB at least; with it (NUM + 1) << SCALE granules. */
static struct iommu_inv_addr_info addresses(const uint64_t cmd[2])
{
	unsigned tg = (unsigned)bits(cmd[1], 11, 10);

	return (struct iommu_inv_addr_info){
		.addr = bits(cmd[1], 63, 12) << 12,
		.granule_size = tg ? UINT64_C(1) << (10 + 2 * tg) : 4096,
		.nb_granules = tg ? (bits(cmd[0], 16, 12) + 1) << bits(cmd[0], 24, 20) : 1,
		.flags = cmd[1] & 1 ? IOMMU_INV_ADDR_FLAGS_LEAF : 0,
	};
}

static struct iommu_cache_invalidate_info tlbi(const uint64_t cmd[2])
{
	struct iommu_cache_invalidate_info info = { .cache = IOMMU_CACHE_INV_TYPE_IOTLB };
	uint32_t asid = (uint32_t)bits(cmd[0], 63, 48);

	switch (bits(cmd[0], 7, 0)) {
	case TLBI_NH_ASID:
		info.granularity = IOMMU_INV_GRANU_PASID;
		info.granu.pasid_info =
			(struct iommu_inv_pasid_info){ .flags = IOMMU_INV_PASID_FLAGS_ARCHID,
				.archid = asid };
		break;
	case TLBI_NH_VA:
	case TLBI_NH_VAA:
		info.granularity = IOMMU_INV_GRANU_ADDR;
		info.granu.addr_info = addresses(cmd);
		if (bits(cmd[0], 7, 0) == TLBI_NH_VAA)
			break;
		info.granu.addr_info.flags |= IOMMU_INV_ADDR_FLAGS_ARCHID;
		info.granu.addr_info.archid = asid;
		break;
	default: /* everything of the guest */
		info.granularity = IOMMU_INV_GRANU_DOMAIN;
	}
	return info;
}

/* All devices share the host's domain, so one of them speaks for all. */
static void forget_tlb(struct vsmmu *vsmmu, const uint64_t cmd[2])
{
	if (vsmmu->n)
		invalidate(&vsmmu->devices[0], tlbi(cmd));
}

/* ---- down: answers to stalls ---- */

static void answer(struct vsmmu_device *dev, uint16_t tag, uint32_t code)
{
	if (!dev->stalled[tag])
		return;
	dev->stalled[tag] = 0;
	faults_respond(&dev->faults, tag, code);
}

/* RESUME names a transaction by its tag, STALL_TERM takes all of the stream. */
static void end_stalls(struct vsmmu *vsmmu, const uint64_t cmd[2])
{
	bool all = bits(cmd[0], 7, 0) == STALL_TERM;
	uint32_t code =
		!all && bits(cmd[0], 12, 12) ? IOMMU_PAGE_RESP_SUCCESS : IOMMU_PAGE_RESP_INVALID;

	for (unsigned i = 0; i < vsmmu->n; i++) {
		struct vsmmu_device *dev = &vsmmu->devices[i];

		if (dev->sid != bits(cmd[0], 63, 32))
			continue;
		if (!all)
			answer(dev, (uint16_t)cmd[1], code);
		for (unsigned tag = 0; all && tag < sizeof(dev->stalled); tag++)
			answer(dev, (uint16_t)tag, code);
	}
}

/* ---- down: commands ---- */

static void pass_on(struct vsmmu *vsmmu, const uint64_t cmd[2])
{
	uint32_t sid = (uint32_t)bits(cmd[0], 63, 32);

	switch (bits(cmd[0], 7, 0)) {
	case CFGI_STE:
		apply_range(vsmmu, sid, 0);
		break;
	case CFGI_STE_RANGE: /* 31: CFGI_ALL */
		apply_range(vsmmu, sid, (unsigned)bits(cmd[1], 4, 0) + 1);
		break;
	case CFGI_CD:
	case CFGI_CD_ALL:
		forget_cd(vsmmu, cmd);
		break;
	case TLBI_NH_ALL:
	case TLBI_NH_ASID:
	case TLBI_NH_VA:
	case TLBI_NH_VAA:
	case TLBI_NSNH_ALL:
		forget_tlb(vsmmu, cmd);
		break;
	case RESUME:
	case STALL_TERM:
		end_stalls(vsmmu, cmd);
		break;
	}
}

static void on_commands(void *ctx, const uint64_t (*cmds)[2], size_t n)
{
	for (size_t i = 0; i < n; i++)
		pass_on(ctx, cmds[i]);
}

/* ---- up: faults ---- */

#define RECORD_STALL (UINT64_C(1) << 31)
#define RECORD_STAG  UINT64_C(0xffff)

/* The architecture's record, with the guest's StreamID. What cannot be told is answered here. */
static void tell(
	struct vsmmu *vsmmu, struct vsmmu_device *dev, const struct vfio_dma_fault_record *fault)
{
	uint64_t record[4] = { fault->arch[0], fault->arch[1], fault->event.addr, fault->arch[2] };
	uint16_t tag = record[1] & RECORD_STAG;
	bool stalled = record[1] & RECORD_STALL;

	record[0] = (record[0] & UINT32_MAX) | (uint64_t)dev->sid << 32;
	if (stalled)
		dev->stalled[tag] = 1;
	if (!nb_smmuv3_event(vsmmu->model, record) && stalled)
		answer(dev, tag, IOMMU_PAGE_RESP_FAILURE);
}

unsigned vsmmu_take_faults(struct vsmmu *vsmmu, int ms)
{
	struct vfio_dma_fault_record fault;
	unsigned n = 0;

	for (unsigned i = 0; i < vsmmu->n; i++)
		for (; faults_next(&vsmmu->devices[i].faults, &fault, n ? 0 : ms); n++)
			tell(vsmmu, &vsmmu->devices[i], &fault);
	return n;
}

/* ---- the SMMU itself ---- */

static void on_irq(void *ctx, enum nb_smmuv3_irq irq)
{
	const struct vsmmu *vsmmu = ctx;

	if (vsmmu->interrupt)
		vsmmu->interrupt(vsmmu->ctx, irq);
}

static unsigned granules(uint64_t sizes)
{
	return (sizes >> 12 & 1 ? NB_SMMUV3_GRAN4K : 0) |
	       (sizes >> 14 & 1 ? NB_SMMUV3_GRAN16K : 0) |
	       (sizes >> 16 & 1 ? NB_SMMUV3_GRAN64K : 0);
}

void vsmmu_init(struct vsmmu *vsmmu, const struct vfio_iommu_type1_info_cap_nesting *info,
	uint64_t ipa, void *ram, uint64_t bytes)
{
	const struct nb_smmuv3_ops ops = {
		.size = sizeof(ops), .irq = on_irq, .commands = on_commands
	};
	struct nb_smmuv3_config config = {
		.size = sizeof(config),
		.no_stage2 = true,
		.oas_bits = info->ipa_bits,
		.ssid_bits = info->pasid_bits,
		.granules = granules(info->granules),
		.no_ril = !(info->flags & VFIO_NESTING_INFO_RANGE_INV),
		.stall_model = info->flags & VFIO_NESTING_INFO_STALL ? NB_SMMUV3_STALL_ALLOWED
								     : NB_SMMUV3_STALL_NONE,
		.ops = &ops,
		.ctx = vsmmu,
	};

	memset(vsmmu, 0, sizeof(*vsmmu));
	config.mem = vsmmu->mem = nb_mem_create(48);
	vsmmu->ram = (struct nb_extent){ .pa = NB_PA(ipa), .bytes = bytes, .ptr = ram };
	if (!vsmmu->mem || nb_mem_add(vsmmu->mem, &vsmmu->ram))
		errx(1, "the guest's memory");
	vsmmu->model = nb_smmuv3_create(&config);
	if (!vsmmu->model)
		errx(1, "the guest's SMMU");
}

void vsmmu_finish(struct vsmmu *vsmmu)
{
	nb_smmuv3_destroy(vsmmu->model);
	nb_mem_remove(vsmmu->mem, &vsmmu->ram);
	nb_mem_destroy(vsmmu->mem);
}

void vsmmu_add(struct vsmmu *vsmmu, int fd, uint32_t sid)
{
	struct vsmmu_device *dev = &vsmmu->devices[vsmmu->n];

	if (vsmmu->n == VSMMU_DEVICES)
		errx(1, "too many devices");
	memset(dev, 0, sizeof(*dev));
	dev->fd = fd;
	dev->sid = sid;
	faults_open(&dev->faults, fd);
	vsmmu->n++;
	apply(vsmmu, dev);
}

uint64_t vsmmu_read(struct vsmmu *vsmmu, uint64_t offset, unsigned size)
{
	return nb_smmuv3_read(vsmmu->model, offset, size);
}

void vsmmu_write(struct vsmmu *vsmmu, uint64_t offset, uint64_t value, unsigned size)
{
	nb_smmuv3_write(vsmmu->model, offset, value, size);
	/* These two decide for all streams at once; for the rest there are commands. */
	if (offset == CR0 || offset == GBPA)
		apply_range(vsmmu, 0, 63);
}
