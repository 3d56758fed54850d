/* SPDX-License-Identifier: MIT */
/* Words as logs print them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/bits.h"
#include "cli/words.h"

static const struct {
	const char *lines[4];
	unsigned n; /* words of 64 bits wanted */
	uint64_t want[4];
	const char *bad; /* what cannot be read */
	bool odd;	 /* not so many words */
} cases[] = {
	{ { "0x0000010000000010" }, 1, { 0x10000000010 } },
	{ { "0000010000000010" }, 1, { 0x10000000010 } },
	{ { "10" }, 1, { 0x10 } },
	{ { "0X1F" }, 1, { 0x1f } },
	{ { "0x0000_0100_0000_0010" }, 1, { 0x10000000010 } },
	{ { "1, 2;3\t4\n" }, 4, { 1, 2, 3, 4 } },
	{ { "1 2", "3", "4" }, 4, { 1, 2, 3, 4 } },
	{ { "00000010 00000100" }, 1, { 0x10000000010 } },
	{ { "arm-smmu-v3 2b400000.iommu: event 0x10 received:",
		  "arm-smmu-v3 2b400000.iommu: \t0x0000010000000010" },
		1, { 0x10000000010 } },
	{ { "[   12.345678] arm-smmu-v3 arm-smmu-v3.0.auto: \t0x10" }, 1, { 0x10 } },
	{ { "Nov 25 10:00:00 host kernel: arm-smmu-v3 a: event: F_TRANSLATION client: 0000:01:00.0 "
	    "sid: 0x100 ssid: 0x0 iova: 0x1000 ipa: 0x0",
		  "kernel: arm-smmu-v3 a: unpriv data read s1 \"Input address caused fault\" stag: "
		  "0x0",
		  "arm-smmu-v3 a: \t0x10" },
		1, { 0x10 } },
	{ { "" }, 1, { 0 }, NULL, true },
	{ { "1 2 3" }, 1, { 0 }, NULL, true },
	{ { "1 123456789" }, 1, { 0 }, NULL, true }, /* not of 32 bits */
	{ { "0x" }, 1, { 0 }, "0x" },
	{ { "hello" }, 1, { 0 }, "hello" },
	{ { "1 0x12345678123456789" }, 1, { 0 }, "0x12345678123456789" },
	{ { "-1" }, 1, { 0 }, "-1" },
	{ { "1 2 3 4 5 6 7 8 9 a b c d e f 10 11" }, 1, { 0 }, "11" },
};

static void test_words(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct words words = { .n = 0 };
		uint64_t out[4] = { 0 };
		char bad[32] = "";

		for (unsigned j = 0; j < 4 && cases[i].lines[j] && !*bad; j++)
			words_add_line(&words, cases[i].lines[j], bad);
		if (strcmp(bad, cases[i].bad ?: "") != 0)
			fail_msg("case %zu: '%s'", i, bad);
		if (cases[i].bad)
			continue;
		if ((words_as_64(&words, cases[i].n, out) < 0) != cases[i].odd)
			fail_msg("case %zu: %u words", i, words.n);
		if (memcmp(out, cases[i].want, sizeof(out)) != 0)
			fail_msg("case %zu: %#llx", i, (unsigned long long)out[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_words) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
