/* SPDX-License-Identifier: MIT */
/* The device models there are: one row each. */
#ifndef DEV_MODELS_H
#define DEV_MODELS_H

#include "pci/pci.h"

/** Ends with NULL. */
extern const struct pci_model *const dev_models[];

const struct pci_model *dev_model_find(const char *name);

#endif
