/* SPDX-License-Identifier: MIT */
#include "machine/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "machine/host.h"
#include "base/text.h"

static const char *const kinds[] = { "smmuv3", NULL };
static const char *const bus_types[] = { "pci", NULL };
static const char *const oas_words[] = { "36", "40", "42", "44", "48", NULL };
static const char *const granule_words[] = { "4k", "4k-16k", "4k-64k", "all", NULL };
static const char *const nesting_words[] = { "enforce", "subset", NULL };

#define IN(type, member)                                                                           \
	.offset = offsetof(struct type, member), .bytes = sizeof(((struct type *)NULL)->member)
#define RANGE(low, high) .min = (low), .max = (high)

/* clang-format off: rows of two lines, what and why */
const struct host_key host_keys[] = {
	{ HOST_TOP, "version", HOST_INT, .required = true, RANGE(1, 1),
		.doc = "format of this file" },
	{ HOST_TOP, "iommus", HOST_LIST, .opens = HOST_IOMMUS, .doc = "the IOMMUs of the host" },
	{ HOST_TOP, "buses", HOST_LIST, .opens = HOST_BUSES,
		.doc = "PCI segments, and the IOMMU that each is behind" },
	{ HOST_TOP, "devices", HOST_LIST, .opens = HOST_DEVICES, .doc = "what is plugged in" },
	{ HOST_TOP, "policy", HOST_MAP, .opens = HOST_POLICY,
		.doc = "what the host's VFIO allows" },

	{ HOST_IOMMUS, "name", HOST_NAME, IN(host_iommu, name), .required = true,
		.doc = "what buses and messages call it" },
	{ HOST_IOMMUS, "kind", HOST_WORD, IN(host_iommu, kind), .required = true, .words = kinds,
		.doc = "architecture" },
	{ HOST_IOMMUS, "stages", HOST_STAGES, .dflt = "[1, 2]",
		.doc = "[1], [2] or [1, 2]; nesting needs both" },
	{ HOST_IOMMUS, "httu", HOST_BOOL, IN(host_iommu, httu), .dflt = "false",
		.doc = "updates access and dirty flags in page tables; then programs map shared "
		       "files only" },
	{ HOST_IOMMUS, "stall", HOST_BOOL, IN(host_iommu, stall), .dflt = "true",
		.doc = "a guest's stage 1 may have faults stall, to be repaired (the stall "
		       "model)" },
	{ HOST_IOMMUS, "ssid_bits", HOST_INT, IN(host_iommu, ssid_bits), RANGE(0, 20), .dflt = "8",
		.doc = "size of SubstreamIDs (PASIDs); 0: none" },
	{ HOST_IOMMUS, "granules", HOST_WORD, IN(host_iommu, granules), .words = granule_words,
		.dflt = "all", .doc = "page sizes of a guest's stage 1; the host's tables use 4k" },
	{ HOST_IOMMUS, "iidr", HOST_INT, IN(host_iommu, iidr), RANGE(0, UINT32_MAX), .dflt = "0",
		.doc = "SMMU_IIDR, the implementation: errata follow from it; 0: one without any" },
	{ HOST_IOMMUS, "oas_bits", HOST_INT, IN(host_iommu, oas_bits), RANGE(36, 48),
		.words = oas_words, .dflt = "48", .doc = "size of output addresses" },
	{ HOST_IOMMUS, "sid_bits", HOST_INT, IN(host_iommu, sid_bits), RANGE(8, 24), .dflt = "16",
		.doc = "size of StreamIDs" },
	{ HOST_IOMMUS, "msi_window", HOST_INT, IN(host_iommu, msi_window),
		RANGE(HOST_MSI_WINDOW_BYTES, BIT64(36) - HOST_MSI_WINDOW_BYTES),
		.dflt = "0x8000000",
		.doc = "where devices send MSIs: 1 MiB of IOVA that no program may map" },

	{ HOST_BUSES, "type", HOST_WORD, IN(host_bus, type), .words = bus_types, .dflt = "pci",
		.doc = "type of bus" },
	{ HOST_BUSES, "segment", HOST_INT, IN(host_bus, segment), RANGE(0, UINT16_MAX), .dflt = "0",
		.doc = "first part of its devices' addresses" },
	{ HOST_BUSES, "iommu", HOST_NAME, .required = true,
		.doc = "name of the IOMMU its devices are behind, or none" },

	{ HOST_DEVICES, "at", HOST_ADDRESS, IN(host_device, at), .required = true,
		.doc = "PCI address, segment:bus:device.function" },
	{ HOST_DEVICES, "model", HOST_NAME, IN(host_device, model), .required = true,
		.doc = "one of `nestbox devices`" },
	{ HOST_DEVICES, "group", HOST_INT, IN(host_device, group), RANGE(0, UINT16_MAX),
		.doc = "IOMMU group, /dev/vfio/N; left out behind no IOMMU" },
	{ HOST_DEVICES, "driver", HOST_NAME, IN(host_device, driver), .dflt = "vfio-pci",
		.doc = "host driver that holds it, or none; with any but these two its group is "
		       "not "
		       "viable" },
	{ HOST_DEVICES, "options", HOST_OPTIONS, .doc = "options of the model" },

	{ HOST_POLICY, "nesting", HOST_WORD, .words = nesting_words, .dflt = "enforce",
		.doc = "enforce: a nesting container takes only groups that nest; subset: others "
		       "too" },
	{ HOST_POLICY, "noiommu", HOST_BOOL, IN(host_desc, noiommu), .dflt = "false",
		.doc = "devices behind no IOMMU get /dev/vfio/noiommu-N" },
	{ .key = NULL },
};

#define SECTION(field, count, type, limit)                                                         \
	{                                                                                          \
		.name = #field, .offset = offsetof(struct host_desc, field),                       \
		.bytes = sizeof(struct type), .count_offset = offsetof(struct host_desc, count),   \
		.max = (limit)                                                                     \
	}
/* clang-format on */

const struct host_section_info host_sections[HOST_SECTIONS] = {
	[HOST_TOP] = { .name = "host" },
	[HOST_IOMMUS] = SECTION(iommus, n_iommus, host_iommu, HOST_MAX_IOMMUS),
	[HOST_BUSES] = SECTION(buses, n_buses, host_bus, HOST_MAX_BUSES),
	[HOST_DEVICES] = SECTION(devices, n_devices, host_device, HOST_MAX_DEVICES),
	[HOST_POLICY] = { .name = "policy" },
};

const struct host_key *host_key_find(enum host_section section, const char *key, size_t len)
{
	for (const struct host_key *k = host_keys; k->key; k++) {
		if (k->section == section && strlen(k->key) == len && !memcmp(k->key, key, len))
			return k;
	}
	return NULL;
}

static void add_range(struct text *text, const struct host_key *key)
{
	for (unsigned i = 0; key->words && key->words[i]; i++)
		text_add(text, "%s%s", i ? ", " : "", key->words[i]);
	if (!key->words)
		text_add(text, "%llu to %llu", (unsigned long long)key->min,
			(unsigned long long)key->max);
}

const char *host_key_range(const struct host_key *key, char *buf, size_t len)
{
	struct text text;

	text_init(&text, buf, len);
	add_range(&text, key);
	return buf;
}

static void add_allowed(struct text *text, const struct host_key *key)
{
	if (key->words) {
		text_add(text, key->words[1] ? "one of " : "");
		add_range(text, key);
	} else if (key->min == key->max) {
		text_add(text, "%llu", (unsigned long long)key->min);
	} else {
		text_add(text, "an integer from ");
		add_range(text, key);
	}
}

const char *host_key_allowed(const struct host_key *key, char *buf, size_t len)
{
	static const char *const words[] = {
		[HOST_BOOL] = "true or false",
		[HOST_NAME] = "a name: a letter, then at most 30 letters, digits, '-', '_' or '.'",
		[HOST_STAGES] = "[1], [2] or [1, 2]",
		[HOST_ADDRESS] = ("an address such as \"0000:01:00.0\" (hexadecimal "
				  "segment:bus:device.function)"),
		[HOST_OPTIONS] = "a map of the model's options",
		[HOST_LIST] = "a list of maps",
		[HOST_MAP] = "a map",
	};
	struct text text;

	text_init(&text, buf, len);
	if (key->type == HOST_INT || key->type == HOST_WORD)
		add_allowed(&text, key);
	else
		text_add(&text, "%s", words[key->type]);
	return buf;
}
