/* SPDX-License-Identifier: MIT */
/* The naive model of the hardware that a configuration of the library describes. */
#ifndef TEST_SPEC_NAIVE_HW_H
#define TEST_SPEC_NAIVE_HW_H

#include <nestbox/smmuv3.h>

#include "naive.h"

static inline struct naive_hw naive_hw_of(const struct nb_smmuv3_config *hw)
{
	static const uint8_t stall_models[] = { 1, 0, 2 };

	return (struct naive_hw){ .s1p = !hw->no_stage1,
		.s2p = !hw->no_stage2,
		.st2lvl = !hw->linear_tables_only,
		.cd2l = !hw->linear_tables_only,
		.fwb = hw->fwb,
		.xnx = hw->xnx,
		.vax = hw->vax,
		.ats = hw->ats,
		.raz_wi = hw->raz_wi,
		.gran4k = hw->granules & NB_SMMUV3_GRAN4K,
		.gran16k = hw->granules & NB_SMMUV3_GRAN16K,
		.gran64k = hw->granules & NB_SMMUV3_GRAN64K,
		.oas = hw->oas_bits,
		.sid_bits = hw->sid_bits,
		.ssid_bits = hw->ssid_bits,
		.httu = hw->httu,
		.stall_model = stall_models[hw->stall_model] };
}

#endif
