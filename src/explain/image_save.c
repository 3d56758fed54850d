/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "explain/image.h"
#include "explain/image_registers.h"

#define PAGE	   4096u
#define PAGE_WORDS (PAGE / 8)
#define CHUNK	   (64u << 20) /* looked at by one mincore */
/* "1ff:" and 16 digits a word, and a space: more than a page ever needs. */
#define RUNS_BYTES (PAGE_WORDS * 22)

const struct image_register image_register_list[IMAGE_REGISTERS] = {
	{ "IDR0", R_IDR0, 4, true },
	{ "IDR1", R_IDR1, 4, true },
	{ "IDR3", R_IDR3, 4, true },
	{ "IDR5", R_IDR5, 4, true },
	{ "IIDR", R_IIDR, 4, false },
	{ "CR0", R_CR0, 4, true },
	{ "CR2", R_CR2, 4, false },
	{ "GBPA", R_GBPA, 4, false },
	{ "STRTAB_BASE", R_STRTAB_BASE, 8, true },
	{ "STRTAB_BASE_CFG", R_STRTAB_CFG, 4, true },
	{ "CMDQ_BASE", R_CMDQ_BASE, 8, false },
	{ "EVENTQ_BASE", R_EVENTQ_BASE, 8, false },
	{ "GERROR", R_GERROR, 4, false },
	{ "GERRORN", R_GERRORN, 4, false },
};

static struct json_object *hex(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_object_new_string(text);
}

struct json_object *image_registers(struct nb_smmuv3 *smmu)
{
	struct json_object *object = json_object_new_object();

	for (unsigned i = 0; i < IMAGE_REGISTERS; i++)
		json_object_object_add(object, image_register_list[i].name,
			hex(nb_smmuv3_read(smmu, image_register_list[i].offset,
				image_register_list[i].bytes)));
	return object;
}

/* Words that are not zero, in runs: "0:0123456789abcdef 1f:...". False: there is none. */
static bool put_runs(const uint64_t *page, char *text)
{
	char *at = text;
	unsigned next = PAGE_WORDS; /* where the run goes on */

	for (unsigned i = 0; i < PAGE_WORDS; i++) {
		uint64_t word = __atomic_load_n(&page[i], __ATOMIC_RELAXED);

		if (!word)
			continue;
		if (i != next)
			at += sprintf(at, "%s%x:", at == text ? "" : " ", i);
		at += sprintf(at, "%016" PRIx64, word);
		next = i + 1;
	}
	return at != text;
}

static bool put_page(struct json_object *pages, uint64_t pa, const void *page, char *text)
{
	struct json_object *pair;

	if (!put_runs(page, text))
		return false;
	pair = json_object_new_array();
	json_object_array_add(pair, hex(pa));
	json_object_array_add(pair, json_object_new_string(text));
	json_object_array_add(pages, pair);
	return true;
}

/* One chunk. What is not resident was never touched (or is swapped out, and then left out). */
static uint64_t put_chunk(struct json_object *pages, uint64_t pa, const char *ptr, uint64_t bytes,
	unsigned *room, char *text, unsigned char *resident)
{
	uint64_t left_out = 0, n = bytes / PAGE;

	if (mincore((void *)ptr, bytes, resident))
		return n;
	for (uint64_t i = 0; i < n; i++) {
		if (!(resident[i] & 1))
			continue;
		if (!*room)
			left_out++;
		else if (put_page(pages, pa + i * PAGE, ptr + i * PAGE, text))
			--*room;
	}
	return left_out;
}

uint64_t image_pages(
	struct json_object *pages, nb_pa pa, const void *ptr, uint64_t bytes, unsigned *room)
{
	unsigned char *resident = malloc(CHUNK / PAGE);
	char *text = malloc(RUNS_BYTES);
	uint64_t left_out = 0, done, now;

	for (done = 0; done < bytes; done += now) {
		now = bytes - done < CHUNK ? bytes - done : CHUNK;
		if (text && resident)
			left_out += put_chunk(pages, pa.v + done, (const char *)ptr + done, now,
				room, text, resident);
		else
			left_out += now / PAGE;
	}
	free(text);
	free(resident);
	return left_out;
}
