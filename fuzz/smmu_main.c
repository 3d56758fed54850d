/* SPDX-License-Identifier: MIT */
/* libFuzzer's side of the SMMUv3's fuzzers: FUZZ_TARGET is which. */
#include "fuzz/smmu.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	FUZZ_TARGET(bytes, len);
	return 0;
}
