/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "dev/ioat/ioat.h"
#include "dev/models.h"

const struct pci_model *const dev_models[] = {
	&ioat_model,
	NULL,
};

const struct pci_model *dev_model_find(const char *name)
{
	for (const struct pci_model *const *m = dev_models; *m; m++)
		if (strcmp((*m)->name, name) == 0)
			return *m;
	return NULL;
}
