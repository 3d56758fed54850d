/* SPDX-License-Identifier: MIT */
/*
 * Inputs without libFuzzer: run them and say in words what each does, or write the seeds.
 *
 *   words FILE ...      each line before it is done, so that a crash ends in what crashed
 *   words --seeds DIR   inputs to start from
 *   words --host NAME   the text of a built-in host, for the fuzzer of descriptions
 *   words --check       run all seeds, and many variations of them
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/input.h"
#include "machine/host.h"

static void run_file(const char *path)
{
	static uint8_t bytes[FUZZ_MAX_RECS * sizeof(struct fuzz_rec)];
	FILE *file = fopen(path, "re");
	size_t len;

	if (!file)
		err(2, "%s", path);
	len = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	printf("== %s\n", path);
	fuzz_run(bytes, len, true);
}

static void write_seed(const char *dir, const char *name, const uint8_t *bytes, size_t len)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "we");
	if (!file || fwrite(bytes, 1, len, file) != len || fclose(file))
		err(2, "%s", path);
}

static void write_seeds(const char *dir)
{
	const char *name;
	uint8_t *bytes;
	size_t len;

	for (unsigned i = 0; (bytes = fuzz_seed(i, &len, &name)); i++) {
		write_seed(dir, name, bytes, len);
		free(bytes);
	}
}

/* In place of libFuzzer's: flip one byte. */
static size_t flip(uint8_t *bytes, size_t len, size_t max)
{
	static unsigned seed = 1;

	bytes[(unsigned)rand_r(&seed) % len] ^= (uint8_t)(1u << rand_r(&seed) % 8);
	return len;
}

#define VARIATIONS 40

static void check_seed(unsigned n)
{
	static uint8_t room[FUZZ_MAX_RECS * sizeof(struct fuzz_rec)];
	const char *name;
	size_t len;
	uint8_t *bytes = fuzz_seed(n, &len, &name);

	if (!bytes)
		return;
	fuzz_run(bytes, len, false);
	for (unsigned i = 1; i <= VARIATIONS; i++) {
		size_t now = len;

		memcpy(room, bytes, len);
		for (unsigned times = 0; times < i; times++)
			now = fuzz_mutate(room, now, sizeof(room), i * 100 + times, flip);
		fuzz_run(room, now, false);
	}
	free(bytes);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--seeds")) {
		write_seeds(argv[2]);
	} else if (argc == 3 && !strcmp(argv[1], "--host") && host_builtin_yaml(argv[2])) {
		fputs(host_builtin_yaml(argv[2]), stdout);
	} else if (argc == 2 && !strcmp(argv[1], "--check")) {
		for (unsigned i = 0; i < 100; i++)
			check_seed(i);
	} else {
		for (int i = 1; i < argc; i++)
			run_file(argv[i]);
	}
	return 0;
}
