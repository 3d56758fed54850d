/* SPDX-License-Identifier: MIT */
/* A function on its own, with a page of memory that its DMA and its messages reach. */
#ifndef TEST_PCI_RIG_H
#define TEST_PCI_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "pci/pci.h"

#define RIG_PAGE UINT64_C(0x10000000)

struct bench {
	struct nb_mem *mem;
	struct nb_extent ram;
	uint32_t *word; /* at RIG_PAGE */
	struct pci_dev dev;
	unsigned handled;
	bool masks; /* the handler does */
};

/** options: one for each of the model's; NULL: their defaults. */
static inline struct bench *rig_begin(
	const struct pci_model *model, const char *name, const uint64_t *options)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct error error = { 0 };

	b->mem = nb_mem_create(40);
	b->word = calloc(1, 4096);
	b->ram = (struct nb_extent){ .pa = NB_PA(RIG_PAGE), .bytes = 4096, .ptr = b->word };
	assert_int_equal(nb_mem_add(b->mem, &b->ram), 0);
	assert_int_equal(pci_dev_init(&b->dev, model, name, options, b->mem, &error), 0);
	return b;
}

static inline int teardown(void **state)
{
	struct bench *b = *state;

	pci_dev_finish(&b->dev);
	nb_mem_remove(b->mem, &b->ram);
	nb_mem_destroy(b->mem);
	free(b->word);
	free(b);
	return 0;
}

#endif
