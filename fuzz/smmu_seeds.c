/* SPDX-License-Identifier: MIT */
/*
 * Inputs for the SMMUv3's fuzzers, and those without libFuzzer.
 *
 *   smmu-seeds DIR             inputs to start from, in DIR/smmu-tables and so on
 *   smmu-seeds --check         run all, and many variations of them
 *   smmu-seeds NAME FILE ...   run these: NAME is tables, cmdq or mmio
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "fuzz/smmu.h"

#define MAX_SEED 14

struct seed {
	const char *name;
	struct smmu_head head;
	struct smmu_rec recs[MAX_SEED];
};

#define ALL_HW                                                                                     \
	{                                                                                          \
		0, 7, 8, 1, 2, { 0x78, 0x3c }, 0                                                   \
	}
#define GUEST                                                                                      \
	{                                                                                          \
		0, 7, 8, 1, 2, { 0x18, 0 }, 1                                                      \
	}
#define ACCESS(stream, kind, va)                                                                   \
	{                                                                                          \
		.op = 5, .a = (stream), .b = (kind), .x = (va)                                     \
	}

static const struct seed tables[] = {
	{ "base", {},
		{ ACCESS(0, 0, 0), ACCESS(0, 1, 0x1000), ACCESS(1, 0, 0), ACCESS(2, 0, 0),
			ACCESS(2, 1, 0x7000) } },
	{ "guest", GUEST,
		{ ACCESS(0, 0, 0x2000), { .op = 2, .a = 2, .b = 1, .x = 0x7443 },
			ACCESS(0, 1, 0x1000), { .op = 1, .b = 0, .x = 0 }, ACCESS(0, 0, 0) } },
	{ "all", ALL_HW,
		{ ACCESS(0, 0, 0), { .op = 0, .a = 0, .b = 1, .x = 0x2000000 }, ACCESS(0, 4, 0),
			{ .op = 2, .a = 2, .b = 0, .x = 0x80000000004843 }, ACCESS(0, 1, 0),
			ACCESS(0, 11, 0) } },
	{ "update", ALL_HW,
		{ { .op = 1, .a = 0, .b = 0, .x = 0x7ee0580004019 },
			{ .op = 2, .a = 2, .b = 0, .x = 0x80000000048c3 }, ACCESS(0, 1, 0),
			ACCESS(0, 0, 0) } },
	{ 0 },
};

#define CMD(slot, n, word)                                                                         \
	{                                                                                          \
		.op = 0, .a = (n), .b = (slot), .x = (word)                                        \
	}
#define RING(n)                                                                                    \
	{                                                                                          \
		.op = 2, .d = (n)                                                                  \
	}

static const struct seed cmdq[] = {
	{ "each", {},
		{ CMD(0, 2, 1), CMD(1, 3, 31), CMD(2, 4, 1), CMD(3, 6, 0), CMD(4, 8, 0x1000),
			CMD(5, 11, 0x1000), CMD(6, 12, 0), CMD(7, 17, 0), RING(8),
			{ .op = 6, .x = 0x1000 }, CMD(8, 13, 0), CMD(9, 17, 0), RING(10) } },
	{ "ats", ALL_HW,
		{ CMD(0, 13, 0x1000), CMD(1, 17, 0), RING(2), { .op = 7, .a = 1 }, { .op = 8 },
			CMD(2, 14, 1), CMD(3, 15, 1), CMD(4, 16, 0), RING(5) } },
	{ "error", {},
		{ { .op = 1, .d = 0, .x = 0xff }, RING(3), { .op = 5 }, CMD(0, 17, 0), { .op = 8 },
			{ .op = 4, .a = 19 }, { .op = 2, .d = 0xfffff } } },
	{ 0 },
};

static const struct seed mmio[] = {
	{ "driver", ALL_HW,
		{ { .op = 11 }, { .op = 4, .x = 0x1000 }, { .op = 3, .a = 0x46 },
			{ .op = 0, .a = 17, .d = 0x9c }, { .op = 5, .d = 0x40000000 },
			{ .op = 5, .c = 2, .d = 0x40000000 }, { .op = 6 },
			{ .op = 7, .b = 1, .c = 1 } } },
	{ "section", ALL_HW,
		{ { .op = 8 }, { .op = 4 }, { .op = 3, .a = 0x30 }, { .op = 3, .a = 0x46 },
			{ .op = 0, .a = 1, .d = 0x20 }, { .op = 8 },
			{ .op = 0, .a = 17, .d = 0x24 } } },
	{ "faults", ALL_HW,
		{ { .op = 4, .x = 0x7000 }, { .op = 4, .a = 1, .x = 0x6000 },
			{ .op = 3, .a = 0x44, .x = 0 }, { .op = 3, .a = 0x45 },
			{ .op = 0, .a = 5, .d = 0xac, .x = 3 } } },
	{ 0 },
};

static const struct target {
	const char *name;
	void (*run)(const uint8_t *bytes, size_t len);
	const struct seed *seeds;
} targets[] = {
	{ "tables", fuzz_smmu_tables, tables },
	{ "cmdq", fuzz_smmu_cmdq, cmdq },
	{ "mmio", fuzz_smmu_mmio, mmio },
};

/* The seed as an input. */
static size_t flatten(const struct seed *seed, uint8_t *bytes)
{
	static const struct smmu_rec none;
	size_t n = MAX_SEED;

	while (n && !memcmp(&seed->recs[n - 1], &none, sizeof(none)))
		n--;
	memcpy(bytes, &seed->head, sizeof(seed->head));
	memcpy(bytes + sizeof(seed->head), seed->recs, n * sizeof(none));
	return sizeof(seed->head) + n * sizeof(none);
}

static void write_seeds(const char *dir)
{
	uint8_t bytes[SMMU_MAX_LEN];
	const struct seed *seed;
	char path[4096];
	unsigned i;
	size_t len;
	FILE *file;

	for (i = 0; i < ARRAY_LEN(targets); i++) {
		for (seed = targets[i].seeds; seed->name; seed++) {
			len = flatten(seed, bytes);
			snprintf(path, sizeof(path), "%s/smmu-%s/%s", dir, targets[i].name,
				seed->name);
			file = fopen(path, "we");
			if (!file || fwrite(bytes, 1, len, file) != len || fclose(file))
				err(2, "%s", path);
		}
	}
}

#define VARIATIONS 300

static void vary(const struct target *target, const struct seed *seed)
{
	static uint8_t bytes[SMMU_MAX_LEN];
	static unsigned rng = 1;
	size_t len = flatten(seed, bytes);
	unsigned i, flips;

	for (i = 0; i < VARIATIONS; i++) {
		target->run(bytes, len);
		if (i % 8 == 0)
			len = flatten(seed, bytes);
		for (flips = 0; flips < 4; flips++)
			bytes[(unsigned)rand_r(&rng) % len] ^= (uint8_t)(1u << rand_r(&rng) % 8);
	}
}

static void run_file(const struct target *target, const char *path)
{
	static uint8_t bytes[SMMU_MAX_LEN];
	FILE *file = fopen(path, "re");
	size_t len;

	if (!file)
		err(2, "%s", path);
	len = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	printf("%s\n", path);
	target->run(bytes, len);
}

int main(int argc, char **argv)
{
	const struct seed *seed;
	unsigned i;
	int arg;

	if (argc == 2 && strcmp(argv[1], "--check")) {
		write_seeds(argv[1]);
		return 0;
	}
	for (i = 0; i < ARRAY_LEN(targets); i++) {
		for (seed = targets[i].seeds; argc == 2 && seed->name; seed++)
			vary(&targets[i], seed);
		for (arg = 2; arg < argc && !strcmp(argv[1], targets[i].name); arg++)
			run_file(&targets[i], argv[arg]);
	}
	return 0;
}
