/* SPDX-License-Identifier: MIT */
/* What the views of a host description share. */
#ifndef MACHINE_VIEW_H
#define MACHINE_VIEW_H

#include "machine/host.h"

/** Whether an IOMMU nests, as its driver answers, and if not why. */
struct host_nesting {
	bool nests;
	char why_not[192];
};

/**
 * Ask the drivers: builds the machine for a moment. One entry for each of desc->iommus, all "no"
 * with the message if the machine cannot be built.
 */
void host_probe_nesting(const struct host_desc *desc, struct host_nesting *out);

const char *host_stages(const struct host_iommu *iommu); /* "[1, 2]" */
const char *host_bus_iommu(const struct host_desc *desc, const struct host_bus *bus);

#endif
