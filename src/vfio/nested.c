/* SPDX-License-Identifier: MIT */
/*
 * The virtual SMMU interface, as an SMMUv3 understands it: a PASID table becomes the guest's part of a
 * stream table entry (IHI 0070 5.2), an invalidation the commands that a guest's driver would give (4.3,
 * 4.4, 4.5). The host driver checks and completes both.
 */
#include "vfio/nested.h"

#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "iommu/arm_smmu_v3_regs.h"

typedef unsigned long long ull;

/* ---- what the SMMUs have ---- */

static void read_info(struct iommu *iommu, struct abi_smmuv3_hw_info *info)
{
	enum iommu_data_type type;

	*info = (struct abi_smmuv3_hw_info){ 0 };
	iommu_hw_info(iommu, &type, info, sizeof(*info));
}

/* Fields of ID registers (IHI 0070 6.3.1 to 6.3.6) that are numbers, and the less the smaller. */
static const struct {
	unsigned idr;
	uint32_t mask;
} numbers[] = {
	{ 0, IDR0_HTTU },
	{ 0, IDR0_ST_LEVEL },
	{ 1, IDR1_SIDSIZE },
	{ 1, IDR1_SSIDSIZE },
	{ 1, IDR1_PRIQS },
	{ 1, IDR1_EVENTQS },
	{ 1, IDR1_CMDQS },
	{ 3, IDR3_BBML },
	{ 5, IDR5_OAS },
	{ 5, IDR5_VAX },
	{ 5, IDR5_STALL_MAX },
};

/* Both may stall or none can, both take this byte order or none does: not alike, nothing is sure. */
static uint32_t common_idr0(uint32_t a, uint32_t b)
{
	uint32_t both = a & b & ~(uint32_t)(IDR0_STALL_MODEL | IDR0_TTENDIAN);

	both |= (a & IDR0_STALL_MODEL) == (b & IDR0_STALL_MODEL)
			? a & IDR0_STALL_MODEL
			: (uint32_t)field_prep(IDR0_STALL_MODEL, 1);
	/* Linux's own tables are little-endian: 2. Mixed (0) takes those as well. */
	return both | ((a & IDR0_TTENDIAN) == (b & IDR0_TTENDIAN)
				      ? a & IDR0_TTENDIAN
				      : (uint32_t)field_prep(IDR0_TTENDIAN, 2));
}

static void common_info(struct abi_smmuv3_hw_info *all, const struct abi_smmuv3_hw_info *one)
{
	const struct abi_smmuv3_hw_info before = *all;

	for (unsigned i = 0; i < ARRAY_LEN(all->idr); i++)
		all->idr[i] &= one->idr[i];
	all->idr[0] = common_idr0(before.idr[0], one->idr[0]);
	for (unsigned i = 0; i < ARRAY_LEN(numbers); i++) {
		unsigned idr = numbers[i].idr;
		uint32_t mask = numbers[i].mask;

		all->idr[idr] &= ~mask;
		all->idr[idr] |= MIN(before.idr[idr] & mask, one->idr[idr] & mask);
	}
	if (all->iidr != one->iidr)
		all->iidr = 0;
	if (all->aidr != one->aidr)
		all->aidr = 0;
}

/* What all SMMUs that a call is about have. */
struct common {
	unsigned n;
	struct abi_smmuv3_hw_info info;
	uint64_t last_ipa;
};

static int add_smmu(struct iommu_viommu *viommu, void *ctx)
{
	struct common *common = ctx;
	struct abi_smmuv3_hw_info info;

	read_info(viommu->parent->iommu, &info);
	if (!common->n++)
		common->info = info;
	else
		common_info(&common->info, &info);
	common->last_ipa = MIN(common->last_ipa, viommu->parent->last_iova);
	return 0;
}

static struct common common_of(const struct nested *nested)
{
	struct common common = { .last_ipa = UINT64_MAX };

	vfio_nested_each(nested, add_smmu, &common);
	return common;
}

static unsigned pasid_bits(const struct abi_smmuv3_hw_info *info)
{
	return (unsigned)field_get(IDR1_SSIDSIZE, info->idr[1]);
}

static unsigned asid_bits(const struct abi_smmuv3_hw_info *info)
{
	return info->idr[0] & IDR0_ASID16 ? 16 : 8;
}

static bool has_granule(const struct abi_smmuv3_hw_info *info, unsigned tg)
{
	return info->idr[5] & IDR5_GRAN4K << (tg - 1);
}

/* TG of a range command: 1, 2, 3 are 4, 16, 64 KiB. */
static unsigned granule_lg2(unsigned tg)
{
	return 10 + 2 * tg;
}

void vfio_nested_fill_info(
	const struct nested *nested, struct vfio_iommu_type1_info_cap_nesting *cap)
{
	const struct common common = common_of(nested);
	const struct abi_smmuv3_hw_info *info = &common.info;

	*cap = (struct vfio_iommu_type1_info_cap_nesting){
		.id = VFIO_IOMMU_TYPE1_INFO_CAP_NESTING,
		.version = 1,
		.formats = 1u << IOMMU_PASID_FORMAT_SMMUV3,
		.iova_bits = field_get(IDR5_VAX, info->idr[5]) ? 52 : 48,
		.ipa_bits = (uint8_t)(64 - __builtin_clzll(common.last_ipa)),
		.pasid_bits = (uint8_t)pasid_bits(info),
		.asid_bits = (uint8_t)asid_bits(info),
		.s1fmts = info->idr[0] & IDR0_CD2L ? 7 : 1,
		.iidr = info->iidr,
		.aidr = info->aidr,
	};
	if (field_get(IDR0_STALL_MODEL, info->idr[0]) != 1)
		cap->flags |= VFIO_NESTING_INFO_STALL;
	if (info->idr[3] & IDR3_RIL)
		cap->flags |= VFIO_NESTING_INFO_RANGE_INV;
	for (unsigned tg = 1; tg <= 3; tg++)
		if (has_granule(info, tg))
			cap->granules |= UINT64_C(1) << granule_lg2(tg);
	memcpy(cap->idr, info->idr, sizeof(cap->idr));
}

/* ---- SET_PASID_TABLE ---- */

static int bad_config(struct why *why, const char *rule, const char *what, ull value)
{
	return why_misuse(why, EINVAL, rule, "SET_PASID_TABLE: %s 0x%llx", what, value);
}

int vfio_nested_check_config(const struct iommu_pasid_table_config *config, struct why *why)
{
	const struct iommu_pasid_smmuv3 *smmuv3 = &config->vendor_data.smmuv3;

	if (smmuv3->version != PASID_TABLE_SMMUV3_CFG_VERSION_1)
		return bad_config(
			why, "unknown-version", "no such SMMUv3 version:", smmuv3->version);
	if (config->config < IOMMU_PASID_CONFIG_TRANSLATE ||
		config->config > IOMMU_PASID_CONFIG_ABORT)
		return bad_config(why, "unknown-config", "no such config:", config->config);
	if (config->config != IOMMU_PASID_CONFIG_TRANSLATE)
		return 0;
	if (config->base_ptr & ~STE0_S1CTXPTR)
		return bad_config(why, "bad-base-ptr",
			"base_ptr is a 64-byte aligned address of up to 56 bits, not",
			config->base_ptr);
	if (smmuv3->s1fmt > 2)
		return bad_config(why, "bad-s1fmt", "s1fmt is 0, 1 or 2, not", smmuv3->s1fmt);
	if (smmuv3->s1dss > 2)
		return bad_config(why, "bad-s1dss", "s1dss is 0, 1 or 2, not", smmuv3->s1dss);
	return 0;
}

static int check_limits(const struct nested *nested, const struct iommu_pasid_table_config *config)
{
	const struct common common = common_of(nested);

	if (config->pasid_bits > pasid_bits(&common.info))
		return why_misuse(nested->why, EINVAL, "too-many-pasids",
			"SET_PASID_TABLE: pasid_bits %u, the SMMU has %u (capability %u of "
			"VFIO_IOMMU_GET_INFO says so)",
			config->pasid_bits, pasid_bits(&common.info),
			VFIO_IOMMU_TYPE1_INFO_CAP_NESTING);
	if (config->pasid_bits && config->vendor_data.smmuv3.s1fmt &&
		!(common.info.idr[0] & IDR0_CD2L))
		return why_misuse(nested->why, EINVAL, "bad-s1fmt",
			"SET_PASID_TABLE: the SMMU has linear tables alone, s1fmt 0");
	return 0;
}

int vfio_nested_ste(const struct nested *nested, const struct iommu_pasid_table_config *config,
	struct abi_smmuv3_ste *ste)
{
	static const unsigned configs[] = {
		[IOMMU_PASID_CONFIG_TRANSLATE] = STE_CONFIG_S1,
		[IOMMU_PASID_CONFIG_BYPASS] = STE_CONFIG_BYPASS,
		[IOMMU_PASID_CONFIG_ABORT] = STE_CONFIG_ABORT,
	};
	int ret;

	*ste = (struct abi_smmuv3_ste){ { STE0_V | field_prep(STE0_CONFIG, configs[config->config]),
		0 } };
	if (config->config != IOMMU_PASID_CONFIG_TRANSLATE)
		return 0;
	ret = check_limits(nested, config);
	if (ret)
		return ret;
	ste->word[0] |= field_prep(STE0_S1FMT, config->vendor_data.smmuv3.s1fmt) |
			config->base_ptr | field_prep(STE0_S1CDMAX, config->pasid_bits);
	/* What the struct does not say is as Linux's driver has it for its own tables. */
	ste->word[1] |= field_prep(STE1_S1DSS, config->vendor_data.smmuv3.s1dss) |
			field_prep(STE1_S1CIR, STE_CACHE_WBRA) |
			field_prep(STE1_S1COR, STE_CACHE_WBRA) | field_prep(STE1_S1CSH, SH_INNER);
	return 0;
}

/* ---- CACHE_INVALIDATE: what is asked ---- */

/* Linux 5.9 include/uapi/linux/iommu.h, struct iommu_cache_invalidate_info: what has which. */
static const uint8_t caches_of[] = {
	[IOMMU_INV_GRANU_DOMAIN] = IOMMU_CACHE_INV_TYPE_IOTLB | IOMMU_CACHE_INV_TYPE_PASID,
	[IOMMU_INV_GRANU_PASID] = IOMMU_CACHE_INV_TYPE_IOTLB | IOMMU_CACHE_INV_TYPE_DEV_IOTLB |
				  IOMMU_CACHE_INV_TYPE_PASID,
	[IOMMU_INV_GRANU_ADDR] = IOMMU_CACHE_INV_TYPE_IOTLB | IOMMU_CACHE_INV_TYPE_DEV_IOTLB,
};

static const uint32_t flags_of[] = {
	[IOMMU_INV_GRANU_PASID] = IOMMU_INV_PASID_FLAGS_PASID | IOMMU_INV_PASID_FLAGS_ARCHID,
	[IOMMU_INV_GRANU_ADDR] = IOMMU_INV_ADDR_FLAGS_PASID | IOMMU_INV_ADDR_FLAGS_ARCHID |
				 IOMMU_INV_ADDR_FLAGS_LEAF,
};

/* The scope of an invalidation; both granularities that have one say it alike. */
struct scope {
	bool by_asid, by_pasid, leaf;
	uint32_t asid;
	uint64_t pasid;
	bool by_addr;
	uint64_t first, last, granule;
};

static bool get_range(const struct iommu_inv_addr_info *addr, struct scope *scope)
{
	uint64_t bytes;

	scope->granule = addr->granule_size;
	scope->first = addr->addr & ~(addr->granule_size - 1);
	if (__builtin_mul_overflow(addr->granule_size, addr->nb_granules, &bytes))
		return false;
	if (__builtin_add_overflow(addr->addr, bytes - 1, &scope->last))
		return false;
	scope->last |= addr->granule_size - 1;
	return true;
}

static void get_scope(const struct iommu_cache_invalidate_info *info, struct scope *scope)
{
	const struct iommu_inv_addr_info *addr = &info->granu.addr_info;
	uint32_t flags = info->granularity == IOMMU_INV_GRANU_DOMAIN ? 0 : addr->flags;

	/* The structs of PASID and of address granularity begin alike, their flags too. */
	*scope = (struct scope){ .by_pasid = flags & IOMMU_INV_ADDR_FLAGS_PASID,
		.by_asid = flags & IOMMU_INV_ADDR_FLAGS_ARCHID,
		.leaf = flags & IOMMU_INV_ADDR_FLAGS_LEAF,
		.asid = addr->archid,
		.pasid = addr->pasid,
		.by_addr = info->granularity == IOMMU_INV_GRANU_ADDR };
	if (scope->by_addr)
		get_range(addr, scope);
}

static int check_addr(const struct iommu_inv_addr_info *addr, struct why *why)
{
	struct scope scope;

	if (!is_pow2(addr->granule_size) || addr->granule_size < 4096)
		return why_misuse(why, EINVAL, "bad-granule-size",
			"CACHE_INVALIDATE: granule_size 0x%llx is no power of two from 4 KiB on",
			(ull)addr->granule_size);
	if (!addr->nb_granules)
		return why_misuse(why, EINVAL, "size-zero", "CACHE_INVALIDATE of 0 granules");
	if (!get_range(addr, &scope))
		return why_misuse(why, EINVAL, "wrap-around",
			"CACHE_INVALIDATE: 0x%llx granules of 0x%llx bytes from 0x%llx wrap around",
			(ull)addr->nb_granules, (ull)addr->granule_size, (ull)addr->addr);
	return 0;
}

/* Linux 5.9 iommu_check_cache_invl_data, in its order. */
int vfio_nested_check_invalidation(const struct iommu_cache_invalidate_info *info, struct why *why)
{
	uint32_t flags;

	if (info->granularity >= ARRAY_LEN(caches_of))
		return why_misuse(why, EINVAL, "unknown-granularity",
			"CACHE_INVALIDATE: granularity %u", info->granularity);
	if (!info->cache ||
		info->cache & ~(IOMMU_CACHE_INV_TYPE_IOTLB | IOMMU_CACHE_INV_TYPE_DEV_IOTLB |
				      IOMMU_CACHE_INV_TYPE_PASID))
		return why_misuse(why, EINVAL, "unknown-cache",
			"CACHE_INVALIDATE: cache 0x%x names none, or one that does not exist",
			info->cache);
	if (info->cache & ~caches_of[info->granularity])
		return why_misuse(why, EINVAL, "cache-without-granularity",
			"CACHE_INVALIDATE: a cache of 0x%x has no granularity %u", info->cache,
			info->granularity);
	flags = info->granularity == IOMMU_INV_GRANU_DOMAIN ? 0 : info->granu.addr_info.flags;
	if (flags & ~flags_of[info->granularity])
		return why_misuse(why, EINVAL, "unknown-flags",
			"CACHE_INVALIDATE: flags 0x%x of granularity %u", flags, info->granularity);
	for (unsigned i = 0; i < sizeof(info->padding); i++)
		if (info->padding[i])
			return why_misuse(why, EINVAL, "padding-not-zero",
				"CACHE_INVALIDATE: padding[%u] is not 0", i);
	return info->granularity == IOMMU_INV_GRANU_ADDR ? check_addr(&info->granu.addr_info, why)
							 : 0;
}

static int check_scope(const struct nested *nested, const struct scope *scope)
{
	const struct common common = common_of(nested);

	if (scope->by_asid && scope->asid >> asid_bits(&common.info))
		return why_misuse(nested->why, EINVAL, "bad-asid",
			"CACHE_INVALIDATE: archid 0x%x, ASIDs have %u bits", scope->asid,
			asid_bits(&common.info));
	if (scope->by_pasid && scope->pasid >> pasid_bits(&common.info))
		return why_misuse(nested->why, EINVAL, "bad-pasid",
			"CACHE_INVALIDATE: pasid 0x%llx, PASIDs have %u bits", (ull)scope->pasid,
			pasid_bits(&common.info));
	return 0;
}

/* ---- CACHE_INVALIDATE: commands ---- */

/*
 * As many commands of one granule each as Linux's driver gives before it invalidates more than was
 * asked (CMDQ_MAX_TLBI_OPS).
 */
#define MAX_GRANULES 512

/* Commands for one view, given to the driver as they fill up. */
struct commands {
	struct iommu_viommu *viommu;
	struct abi_smmuv3_hw_info info;
	const struct nested *nested;
	const struct scope *scope;
	struct abi_smmuv3_cmd cmds[64];
	unsigned n;
	int ret;
};

/* A CMD_SYNC ends each lot, so that what comes next sees its effect. */
static void flush(struct commands *commands)
{
	struct iommu_user_data data = { IOMMU_DATA_ARM_SMMUV3, commands->cmds,
		sizeof(commands->cmds[0]), commands->n };
	unsigned done;

	if (commands->n && !commands->ret)
		commands->ret = iommu_viommu_invalidate(
			commands->viommu, &data, &done, commands->nested->why);
	commands->n = 0;
}

static void add(struct commands *commands, unsigned op, uint64_t word0, uint64_t word1)
{
	if (commands->n == ARRAY_LEN(commands->cmds))
		flush(commands);
	commands->cmds[commands->n++] =
		(struct abi_smmuv3_cmd){ { field_prep(CMD0_OP, op) | word0, word1 } };
}

/* fn for the call's device, or for each that the guest has behind this SMMU. */
static void each_device(
	struct commands *commands, void (*fn)(struct commands *commands, uint64_t vid))
{
	struct iommu_device *dev;

	if (commands->nested->device) {
		fn(commands, commands->nested->device->dev->iommu.vid);
		return;
	}
	cds_list_for_each_entry (dev, &commands->viommu->vdevices, vdevice_link)
		fn(commands, dev->vid);
}

static void forget_cds(struct commands *commands, uint64_t vid)
{
	const struct scope *scope = commands->scope;
	uint64_t sid = field_prep(CMD0_SID, vid);

	if (scope->by_pasid)
		add(commands, CMD_CFGI_CD, sid | field_prep(CMD0_SSID, scope->pasid), 0);
	else
		add(commands, CMD_CFGI_CD_ALL, sid, 0);
}

/* IHI 0070 4.5.1: one range, a power of two of pages, aligned to it. */
static uint64_t atc_range(const struct scope *scope)
{
	uint64_t first = scope->first >> 12, last = scope->last >> 12;
	unsigned lg2 = first == last ? 0 : 64 - (unsigned)__builtin_clzll(first ^ last);

	if (!scope->by_addr || lg2 >= ATC_SIZE_ALL)
		return field_prep(ATC1_SIZE, ATC_SIZE_ALL);
	return field_prep(ATC1_SIZE, lg2) | field_prep(ATC1_ADDR, (first >> lg2) << lg2);
}

static void forget_ats(struct commands *commands, uint64_t vid)
{
	const struct scope *scope = commands->scope;
	uint64_t sid = field_prep(CMD0_SID, vid), range = atc_range(scope);
	uint64_t pasid = scope->by_pasid ? field_prep(CMD0_SSID, scope->pasid) : ATC0_GLOBAL;

	/* What came without a PASID, which context descriptor 0 translates. */
	if (!scope->by_pasid || !scope->pasid)
		add(commands, CMD_ATC_INV, sid, range);
	if (pasid_bits(&commands->info))
		add(commands, CMD_ATC_INV, sid | CMD0_SSV | pasid, range);
}

static void forget_addr(struct commands *commands, uint64_t addr, uint64_t range0, uint64_t range1)
{
	const struct scope *scope = commands->scope;
	uint64_t asid = scope->by_asid ? field_prep(TLBI0_ASID, scope->asid) : 0;

	add(commands, scope->by_asid ? CMD_NH_VA : CMD_NH_VAA, asid | range0,
		(addr & TLBI1_ADDR) | range1 | (scope->leaf ? TLBI1_LEAF : 0));
}

/* Of SCALE and of NUM: bit 5 of SCALE wants IDR5.DS. */
#define RANGE_FIELD_MAX 31u

uint64_t vfio_nested_range(uint64_t pages, unsigned *scale, unsigned *num)
{
	uint64_t n;

	*scale = MIN((unsigned)__builtin_ctzll(pages), RANGE_FIELD_MAX);
	n = (pages >> *scale) & RANGE_FIELD_MAX;
	*num = (unsigned)n - 1;
	return n << *scale;
}

/* With ranges of this granule; a range of one page is no range (IHI 0070 4.4.1.1: Reserved). */
static bool forget_ranges(struct commands *commands, unsigned tg, unsigned lg2)
{
	uint64_t addr = commands->scope->first >> lg2 << lg2;
	uint64_t pages = ((commands->scope->last - addr) >> lg2) + 1, taken;
	unsigned scale, num;

	if (pages >> VFIO_NESTED_RANGE_LG2)
		return false;
	for (; pages; pages -= taken, addr += taken << lg2) {
		taken = vfio_nested_range(pages, &scale, &num);
		if (taken == 1)
			forget_addr(commands, addr, 0, 0);
		else
			forget_addr(commands, addr,
				field_prep(TLBI0_SCALE, scale) | field_prep(TLBI0_NUM, num),
				field_prep(TLBI1_TG, tg));
	}
	return true;
}

/*
 * A range command takes entries of its translation granule alone, and which the guest's tables have
 * only their context descriptors say: so one of each that can have leaves of granule_size.
 */
static bool forget_all_ranges(struct commands *commands)
{
	for (unsigned tg = 1; tg <= 3; tg++) {
		unsigned lg2 = granule_lg2(tg);

		if (!has_granule(&commands->info, tg) ||
			UINT64_C(1) << lg2 > commands->scope->granule)
			continue;
		if (!forget_ranges(commands, tg, lg2))
			return false;
	}
	return true;
}

static bool forget_granules(struct commands *commands)
{
	const struct scope *scope = commands->scope;
	uint64_t n = (scope->last - scope->first) / scope->granule + 1;

	if (n > MAX_GRANULES)
		return false;
	for (uint64_t i = 0; i < n; i++)
		forget_addr(commands, scope->first + i * scope->granule, 0, 0);
	return true;
}

static void forget_translations(struct commands *commands)
{
	const struct scope *scope = commands->scope;

	if (scope->by_addr && (commands->info.idr[3] & IDR3_RIL ? forget_all_ranges(commands)
								: forget_granules(commands)))
		return;
	commands->n = 0;
	/*
	 * Which ASIDs a PASID has only the guest's descriptors say; and NH_ASID leaves global entries
	 * (IHI 0070 4.4.2), which NH_VA takes: in either case all is never wrong.
	 */
	if (scope->by_asid && !scope->by_addr)
		add(commands, CMD_NH_ASID, field_prep(TLBI0_ASID, scope->asid), 0);
	else
		add(commands, CMD_NH_ALL, 0, 0);
}

struct invalidation {
	const struct nested *nested;
	const struct scope *scope;
	unsigned caches;
};

/* Descriptors, then translations that came of them, then what devices were told of those. */
static int invalidate_view(struct iommu_viommu *viommu, void *ctx)
{
	const struct invalidation *what = ctx;
	struct commands commands = {
		.viommu = viommu, .nested = what->nested, .scope = what->scope
	};

	read_info(viommu->parent->iommu, &commands.info);
	if (what->caches & IOMMU_CACHE_INV_TYPE_PASID)
		each_device(&commands, forget_cds);
	flush(&commands);
	if (what->caches & IOMMU_CACHE_INV_TYPE_IOTLB)
		forget_translations(&commands);
	flush(&commands);
	/* Without ATS devices keep nothing. */
	if (what->caches & IOMMU_CACHE_INV_TYPE_DEV_IOTLB && commands.info.idr[0] & IDR0_ATS)
		each_device(&commands, forget_ats);
	flush(&commands);
	return commands.ret;
}

int vfio_nested_invalidate(
	const struct nested *nested, const struct iommu_cache_invalidate_info *info)
{
	struct scope scope;
	struct invalidation what = { nested, &scope, info->cache };
	int ret;

	get_scope(info, &scope);
	ret = check_scope(nested, &scope);
	return ret ? ret : vfio_nested_each(nested, invalidate_view, &what);
}
