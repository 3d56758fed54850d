/* SPDX-License-Identifier: MIT */
/*
 * A guest's stage 1 on a nest parent. What the guest says of it is checked and made part of an STE that
 * otherwise is the host's; its tables stay in its memory, which the SMMU reads through stage 2. Its
 * invalidations become commands of our queue, with the VMID and the StreamIDs that are really meant.
 *
 * Our queue serves everybody, and CERROR_ILL stops it: so every bit that a guest gives is allowed by a
 * table, or the command is refused (Linux 7.3 arm_vsmmu_validate_user_cmd).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/arm_smmuv3.h"
#include "iommu/arm_smmu_v3.h"

/* Linux 7.3 STRTAB_STE_0_NESTING_ALLOWED, STRTAB_STE_1_NESTING_ALLOWED */
#define VSTE0_ALLOWED (STE0_V | STE0_CONFIG | STE0_S1FMT | STE0_S1CTXPTR | STE0_S1CDMAX)
#define VSTE1_ALLOWED                                                                              \
	(STE1_S1DSS | STE1_S1CIR | STE1_S1COR | STE1_S1CSH | STE1_S1STALLD | STE1_EATS)

size_t smmu_hw_info(struct iommu *iommu, enum iommu_data_type *type, void *out, size_t max)
{
	struct arm_smmu *smmu = to_smmu(iommu);
	struct abi_smmuv3_hw_info info = { .iidr = smmu_read32(smmu, SMMU_IIDR),
		.aidr = smmu_read32(smmu, SMMU_AIDR) };

	for (unsigned i = 0; i < ARRAY_LEN(info.idr); i++)
		info.idr[i] = smmu_read32(smmu, SMMU_IDR0 + 4 * i);
	*type = IOMMU_DATA_ARM_SMMUV3;
	max = MIN(max, sizeof(info));
	memcpy(out, &info, max);
	return max;
}

/* ---- the STE ---- */

static unsigned config_of(const struct arm_smmu_domain *nested)
{
	/* Linux 7.3: a guest may give an STE that is not valid; it aborts. */
	return nested->vste[0] & STE0_V ? field_get(STE0_CONFIG, nested->vste[0])
					: STE_CONFIG_ABORT;
}

void smmu_nested_ste(const struct arm_smmu_domain *nested, uint64_t ste[STE_WORDS])
{
	switch (config_of(nested)) {
	case STE_CONFIG_ABORT:
		memcpy(ste, smmu_ste_abort, STE_BYTES);
		return;
	case STE_CONFIG_BYPASS:
		smmu_make_s2_ste(to_smmu_domain(nested->domain.viommu->parent), ste);
		return;
	}
	smmu_make_s2_ste(to_smmu_domain(nested->domain.viommu->parent), ste);
	ste[0] = (nested->vste[0] & ~STE0_CONFIG) | field_prep(STE0_CONFIG, STE_CONFIG_NEST);
	/*
	 * MEV: a guest's faults cannot crowd out others' so easily. EATS stays off, whatever the guest says:
	 * no function here has ATS (Linux: master->ats_enabled), and if one had, our own unmaps would have
	 * to invalidate its ATC (R6).
	 */
	ste[1] |= (nested->vste[1] & ~STE1_EATS) | STE1_MEV;
}

bool smmu_nested_translates(const struct arm_smmu_domain *nested)
{
	return config_of(nested) == STE_CONFIG_S1;
}

const char *smmu_nested_name(const struct iommu_domain *domain)
{
	const struct arm_smmu_domain *nested =
		caa_container_of(domain, struct arm_smmu_domain, domain);

	switch (config_of(nested)) {
	case STE_CONFIG_S1:
		return "translate";
	case STE_CONFIG_BYPASS:
		return "bypass";
	}
	return "abort";
}

static int bad_ste(const struct arm_smmu *smmu, const char *what, struct why *why)
{
	int ret =
		why_refused(why, EIO, "bad-stage1-ste", "the guest's stream table entry: %s", what);

	why_about(why, NULL, NULL, smmu->iommu.name);
	return ret;
}

/* Linux 7.3 arm_smmu_validate_vste. */
static int check_vste(const struct arm_smmu *smmu, uint64_t vste[2], struct why *why)
{
	unsigned config, eats;

	if (!(vste[0] & STE0_V)) {
		vste[0] = vste[1] = 0;
		return 0;
	}
	if ((vste[0] & ~VSTE0_ALLOWED) || (vste[1] & ~VSTE1_ALLOWED))
		return bad_ste(smmu, "fields that are not the guest's", why);
	config = field_get(STE0_CONFIG, vste[0]);
	if (config != STE_CONFIG_ABORT && config != STE_CONFIG_BYPASS && config != STE_CONFIG_S1)
		return bad_ste(smmu, "Config is neither abort, bypass nor stage 1", why);
	eats = field_get(STE1_EATS, vste[1]);
	if (eats != STE_EATS_NONE && eats != STE_EATS_FULL)
		return bad_ste(smmu, "EATS is neither off nor full ATS", why);
	return 0;
}

static bool is_ours(const struct iommu_user_data *data, size_t bytes)
{
	return data->type == IOMMU_DATA_ARM_SMMUV3 && data->bytes == bytes;
}

static int bad_type(const struct arm_smmu *smmu, struct why *why)
{
	int ret = why_misuse(why, EINVAL, "not-smmuv3-data", "the data is not an SMMUv3's");

	why_about(why, NULL, NULL, smmu->iommu.name);
	return ret;
}

int smmu_nested_alloc(struct iommu_viommu *viommu, const struct iommu_user_data *data,
	struct iommu_domain **out, struct why *why)
{
	struct arm_smmu *smmu = to_smmu(viommu->parent->iommu);
	struct arm_smmu_domain *nested;
	struct abi_smmuv3_ste vste;
	int ret;

	if (!is_ours(data, sizeof(vste)) || data->n != 1)
		return bad_type(smmu, why);
	memcpy(&vste, data->data, sizeof(vste));
	ret = check_vste(smmu, vste.word, why);
	if (ret)
		return ret;
	nested = calloc(1, sizeof(*nested));
	if (!nested)
		return why_refused(why, ENOMEM, "host-memory", "memory of the host");
	nested->domain = *viommu->parent;
	nested->domain.kind = IOMMU_DOMAIN_NESTED;
	nested->domain.attached = nested->domain.children = 0;
	nested->domain.viommu = viommu;
	nested->stage2 = true;
	nested->id = to_smmu_domain(viommu->parent)->id;
	memcpy(nested->vste, vste.word, sizeof(nested->vste));
	*out = &nested->domain;
	return 0;
}

/* ---- invalidations ---- */

/* What of a command a guest may set, beside its opcode; and whose number it carries. */
struct guest_cmd {
	uint64_t allowed[2];
	enum {
		BY_VMID,
		BY_SID
	} by;
	bool range, wants_ats;
};

static const struct guest_cmd guest_cmds[] = {
	[CMD_CFGI_CD] = { { CMD0_SSID | CMD0_SID, CFGI1_LEAF }, BY_SID, false, false },
	[CMD_CFGI_CD_ALL] = { { CMD0_SID, 0 }, BY_SID, false, false },
	[CMD_NH_ALL] = { { TLBI0_VMID, 0 }, BY_VMID, false, false },
	[CMD_NH_ASID] = { { TLBI0_VMID | TLBI0_ASID, 0 }, BY_VMID, false, false },
	[CMD_NH_VA] = { { TLBI0_VMID | TLBI0_ASID, TLBI1_LEAF | TLBI1_ADDR }, BY_VMID, true,
		false },
	[CMD_NH_VAA] = { { TLBI0_VMID, TLBI1_LEAF | TLBI1_ADDR }, BY_VMID, true, false },
	[CMD_ATC_INV] = { { CMD0_SSV | CMD0_SSID | ATC0_GLOBAL | CMD0_SID, ATC1_SIZE | ATC1_ADDR },
		BY_SID, false, true },
};

static bool range_is_sound(const struct smmu_cmd *cmd)
{
	uint64_t range = cmd->word[0] & (TLBI0_NUM | TLBI0_SCALE);
	unsigned tg = field_get(TLBI1_TG, cmd->word[1]), ttl = field_get(TLBI1_TTL, cmd->word[1]);

	/* IHI 0070 4.4.1.1: without TG the rest is RES0; some combinations are Reserved. */
	if (!tg)
		return !range && !ttl;
	return !(tg == 2 && ttl == 1) && (range || ttl);
}

/* Which bits of this guest's command may be set on this SMMU; false: none may come. */
static bool allowed_bits(const struct arm_smmu *smmu, const struct smmu_cmd *cmd, uint64_t ok[2])
{
	unsigned op = field_get(CMD0_OP, cmd->word[0]);
	const struct guest_cmd *kind = op < ARRAY_LEN(guest_cmds) ? &guest_cmds[op] : NULL;

	if (!kind || !(kind->allowed[0] | kind->allowed[1]))
		return false;
	ok[0] = kind->allowed[0] | CMD0_OP;
	ok[1] = kind->allowed[1];
	if (kind->by == BY_VMID && smmu->asid_bits < 16)
		ok[0] &= ~MASK64(63, 56);
	if (kind->by == BY_SID && !smmu->ssid_bits)
		ok[0] &= ~(CMD0_SSV | CMD0_SSID | ATC0_GLOBAL);
	if (kind->range && smmu->range_inv) {
		ok[0] |= TLBI0_NUM | TLBI0_SCALE;
		ok[1] |= TLBI1_TG | TLBI1_TTL;
	}
	if (kind->range && smmu->range_inv && !range_is_sound(cmd))
		return false;
	return !kind->wants_ats ||
	       (smmu->ats && field_get(ATC1_SIZE, cmd->word[1]) <= ATC_SIZE_ALL);
}

/* Linux 7.3 arm_vsmmu_convert_user_cmd. False: refused. */
static bool convert(struct iommu_viommu *viommu, struct smmu_cmd *cmd)
{
	struct arm_smmu *smmu = to_smmu(viommu->parent->iommu);
	const struct iommu_device *dev;
	uint64_t ok[2];

	if (cmd->word[0] == CMD_NSNH_ALL && !cmd->word[1])
		cmd->word[0] = CMD_NH_ALL;
	if (!allowed_bits(smmu, cmd, ok) || cmd->word[0] & ~ok[0] || cmd->word[1] & ~ok[1])
		return false;
	if (guest_cmds[field_get(CMD0_OP, cmd->word[0])].by == BY_VMID) {
		cmd->word[0] &= ~TLBI0_VMID;
		cmd->word[0] |= field_prep(TLBI0_VMID, to_smmu_domain(viommu->parent)->id);
		return true;
	}
	dev = iommu_vdevice_find(viommu, field_get(CMD0_SID, cmd->word[0]));
	if (!dev)
		return false;
	cmd->word[0] = (cmd->word[0] & ~CMD0_SID) | field_prep(CMD0_SID, dev->sid);
	return true;
}

int smmu_viommu_invalidate(struct iommu_viommu *viommu, const struct iommu_user_data *data,
	unsigned *done, struct why *why)
{
	struct arm_smmu *smmu = to_smmu(viommu->parent->iommu);
	struct smmu_batch batch = { .n = 0 };
	struct smmu_cmd cmd;
	bool good = true;

	if (!is_ours(data, sizeof(cmd)))
		return bad_type(smmu, why);
	for (*done = 0; *done < data->n; ++*done) {
		memcpy(&cmd, (const struct smmu_cmd *)data->data + *done, sizeof(cmd));
		good = convert(viommu, &cmd);
		if (!good)
			break;
		smmu_batch_add(smmu, &batch, cmd);
	}
	if (batch.n)
		smmu_batch_sync(smmu, &batch);
	if (good)
		return 0;
	why_refused(why, EIO, "bad-guest-command",
		"command %u of %u (0x%llx 0x%llx) is none that a guest may give", *done, data->n,
		(unsigned long long)cmd.word[0], (unsigned long long)cmd.word[1]);
	why_about(why, NULL, NULL, smmu->iommu.name);
	return -EIO;
}

/* ---- stalls ---- */

/* IHI 0070 4.6: without the stall model these commands are ILLEGAL, and there is nothing to end. */

/* UNPREDICTABLE: 4.6.1: a STAG that is not out, or another stream's. The SMMU may ignore it, so we ask. */
void smmu_page_response(struct iommu_device *dev, uint16_t tag, enum iommu_response response)
{
	struct arm_smmu *smmu = to_smmu(dev->iommu);
	struct smmu_cmd cmd = smmu_cmd(CMD_RESUME);

	if (!smmu->stalls)
		return;
	cmd.word[0] |= field_prep(CMD0_SID, dev->sid) |
		       (response == IOMMU_RESPONSE_RETRY ? RESUME0_RETRY : RESUME0_ABORT);
	cmd.word[1] = field_prep(RESUME1_STAG, tag);
	smmu_cmd_sync(smmu, cmd);
}

void smmu_stall_end(struct iommu_device *dev)
{
	struct arm_smmu *smmu = to_smmu(dev->iommu);
	struct smmu_cmd cmd = smmu_cmd(CMD_STALL_TERM);

	if (!smmu->stalls)
		return;
	cmd.word[0] |= field_prep(CMD0_SID, dev->sid);
	smmu_cmd_sync(smmu, cmd);
}
