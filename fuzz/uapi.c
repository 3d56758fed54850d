/* SPDX-License-Identifier: MIT */
/* libFuzzer's side: sequences of VFIO calls. */
#include "fuzz/input.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t len, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t max, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len,
	uint8_t *out, size_t max, unsigned seed);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	fuzz_run(bytes, len, false);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t len, size_t max, unsigned seed)
{
	return fuzz_mutate(bytes, len, max, seed, LLVMFuzzerMutate);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len,
	uint8_t *out, size_t max, unsigned seed)
{
	return fuzz_cross(a, a_len, b, b_len, out, max, seed);
}
