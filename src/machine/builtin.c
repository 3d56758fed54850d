/* SPDX-License-Identifier: MIT */
/* The hosts that come with nestbox, in the same language as everybody's own. */
#include <stddef.h>
#include <string.h>

#include "base/bits.h"
#include "machine/host.h"

#define ONE_SMMU_DEVICES                                                                           \
	"buses:\n"                                                                                 \
	"  - {type: pci, segment: 0, iommu: smmu0}\n"                                              \
	"devices:\n"                                                                               \
	"  - {at: \"0000:01:00.0\", model: ioat, group: 1}\n"                                      \
	"  - {at: \"0000:03:00.0\", model: ioat, group: 3}\n"                                      \
	"  - {at: \"0000:03:00.1\", model: ioat, group: 3}\n"

static const char smmuv3[] = "version: 1\n"
			     "iommus:\n"
			     "  - {name: smmu0, kind: smmuv3, stages: [1, 2]}\n" ONE_SMMU_DEVICES;

/*
 * Both stages, but an implementation that must not combine them: Arm MMU-600 r1 (implementer 0x43b,
 * product 0x483, variant 1), erratum 1209401, fixed in r2.
 */
static const char smmuv3_no_nesting[] =
	"version: 1\n"
	"iommus:\n"
	"  - {name: smmu0, kind: smmuv3, stages: [1, 2], iidr: 0x4831043b}\n" ONE_SMMU_DEVICES;

static const char mixed[] = "version: 1\n"
			    "iommus:\n"
			    "  - {name: smmu0, kind: smmuv3, stages: [1, 2]}\n"
			    "  - {name: smmu1, kind: smmuv3, stages: [1]}\n"
			    "buses:\n"
			    "  - {type: pci, segment: 0, iommu: smmu0}\n"
			    "  - {type: pci, segment: 1, iommu: smmu1}\n"
			    "  - {type: pci, segment: 2, iommu: none}\n"
			    "devices:\n"
			    "  - {at: \"0000:01:00.0\", model: ioat, group: 1}\n"
			    "  - {at: \"0001:01:00.0\", model: ioat, group: 10}\n"
			    "  - {at: \"0002:01:00.0\", model: ioat}\n";

static const char empty[] = "version: 1\n";

static const char *const texts[] = { smmuv3, smmuv3_no_nesting, mixed, empty };
const char *const host_builtins[] = { "smmuv3", "smmuv3-no-nesting", "mixed", "empty", NULL };

_Static_assert(ARRAY_LEN(texts) + 1 == ARRAY_LEN(host_builtins), "a name for each");

const char *host_builtin_yaml(const char *name)
{
	for (unsigned i = 0; host_builtins[i]; i++) {
		if (!strcmp(name, host_builtins[i]))
			return texts[i];
	}
	return NULL;
}
