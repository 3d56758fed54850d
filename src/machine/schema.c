/* SPDX-License-Identifier: MIT */
#include "machine/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "machine/host.h"
#include "trace/text.h"

static const char *const kinds[] = { "smmuv3", NULL };
static const char *const bus_types[] = { "pci", NULL };
static const char *const oas_words[] = { "36", "40", "42", "44", "48", NULL };
static const char *const nesting_words[] = { "enforce", "subset", NULL };

#define AT(type, member) offsetof(struct type, member), sizeof(((struct type *)NULL)->member)
#define BY_HAND		 0, 0

const struct host_key host_keys[] = {
	{ HOST_TOP, "version", HOST_INT, true, 1, 1, NULL, NULL, BY_HAND, HOST_TOP,
		"format of this file" },
	{ HOST_TOP, "iommus", HOST_LIST, false, 0, 0, NULL, NULL, BY_HAND, HOST_IOMMUS,
		"the IOMMUs of the host" },
	{ HOST_TOP, "buses", HOST_LIST, false, 0, 0, NULL, NULL, BY_HAND, HOST_BUSES,
		"PCI segments, and the IOMMU that each is behind" },
	{ HOST_TOP, "devices", HOST_LIST, false, 0, 0, NULL, NULL, BY_HAND, HOST_DEVICES,
		"what is plugged in" },
	{ HOST_TOP, "policy", HOST_MAP, false, 0, 0, NULL, NULL, BY_HAND, HOST_POLICY,
		"what the host's VFIO allows" },

	{ HOST_IOMMUS, "name", HOST_NAME, true, 0, 0, NULL, NULL, AT(host_iommu, name), HOST_TOP,
		"what buses and messages call it" },
	{ HOST_IOMMUS, "kind", HOST_WORD, true, 0, 0, kinds, NULL, AT(host_iommu, kind), HOST_TOP,
		"its architecture" },
	{ HOST_IOMMUS, "stages", HOST_STAGES, false, 0, 0, NULL, "[1, 2]", BY_HAND, HOST_TOP,
		"stages of translation it has; nesting needs both" },
	{ HOST_IOMMUS, "httu", HOST_BOOL, false, 0, 0, NULL, "false", AT(host_iommu, httu),
		HOST_TOP, "it updates access and dirty flags in page tables" },
	{ HOST_IOMMUS, "iidr", HOST_INT, false, 0, UINT32_MAX, NULL, "0", AT(host_iommu, iidr),
		HOST_TOP,
		"which implementation it says it is (SMMU_IIDR); errata follow from it; 0: none "
		"known" },
	{ HOST_IOMMUS, "oas_bits", HOST_INT, false, 36, 48, oas_words, "48",
		AT(host_iommu, oas_bits), HOST_TOP, "size of its output addresses" },
	{ HOST_IOMMUS, "sid_bits", HOST_INT, false, 8, 24, NULL, "16", AT(host_iommu, sid_bits),
		HOST_TOP, "size of its StreamIDs" },

	{ HOST_BUSES, "type", HOST_WORD, false, 0, 0, bus_types, "pci", AT(host_bus, type),
		HOST_TOP, "type of bus" },
	{ HOST_BUSES, "segment", HOST_INT, false, 0, UINT16_MAX, NULL, "0", AT(host_bus, segment),
		HOST_TOP, "PCI segment: the first part of its devices' addresses" },
	{ HOST_BUSES, "iommu", HOST_NAME, true, 0, 0, NULL, NULL, BY_HAND, HOST_TOP,
		"name of the IOMMU its devices are behind, or none" },

	{ HOST_DEVICES, "at", HOST_ADDRESS, true, 0, 0, NULL, NULL, AT(host_device, at), HOST_TOP,
		"PCI address: segment:bus:device.function" },
	{ HOST_DEVICES, "model", HOST_NAME, true, 0, 0, NULL, NULL, AT(host_device, model),
		HOST_TOP, "what it is: see nestbox devices" },
	{ HOST_DEVICES, "group", HOST_INT, false, 0, UINT16_MAX, NULL, NULL, AT(host_device, group),
		HOST_TOP, "IOMMU group: /dev/vfio/N; given exactly where it is behind an IOMMU" },
	{ HOST_DEVICES, "driver", HOST_NAME, false, 0, 0, NULL, "vfio-pci", AT(host_device, driver),
		HOST_TOP,
		"host driver bound to it, or none; any but vfio-pci and none makes its group "
		"not viable" },
	{ HOST_DEVICES, "options", HOST_OPTIONS, false, 0, 0, NULL, NULL, BY_HAND, HOST_TOP,
		"options of the model" },

	{ HOST_POLICY, "nesting", HOST_WORD, false, 0, 0, nesting_words, "enforce", BY_HAND,
		HOST_TOP,
		"enforce: every group of a nesting container nests; subset: some may not" },
	{ HOST_POLICY, "noiommu", HOST_BOOL, false, 0, 0, NULL, "false", AT(host_desc, noiommu),
		HOST_TOP, "devices behind no IOMMU get /dev/vfio/noiommu-N" },
	{ .key = NULL },
};

#define SECTION(field, count, type, max)                                                           \
	{                                                                                          \
#field, offsetof(struct host_desc, field), sizeof(struct type),                    \
			offsetof(struct host_desc, count), max                                     \
	}

const struct host_section_info host_sections[HOST_SECTIONS] = {
	[HOST_TOP] = { "host", 0, 0, 0, 0 },
	[HOST_IOMMUS] = SECTION(iommus, n_iommus, host_iommu, HOST_MAX_IOMMUS),
	[HOST_BUSES] = SECTION(buses, n_buses, host_bus, HOST_MAX_BUSES),
	[HOST_DEVICES] = SECTION(devices, n_devices, host_device, HOST_MAX_DEVICES),
	[HOST_POLICY] = { "policy", 0, 0, 0, 0 },
};

const struct host_key *host_key_find(enum host_section section, const char *key, size_t len)
{
	for (const struct host_key *k = host_keys; k->key; k++) {
		if (k->section == section && strlen(k->key) == len && !memcmp(k->key, key, len))
			return k;
	}
	return NULL;
}

static void add_words(struct text *text, const char *const *words)
{
	text_add(text, words[1] ? "one of " : "");
	for (unsigned i = 0; words[i]; i++)
		text_add(text, "%s%s", i ? ", " : "", words[i]);
}

static void add_range(struct text *text, const struct host_key *key)
{
	if (key->words)
		add_words(text, key->words);
	else if (key->min == key->max)
		text_add(text, "%llu", (unsigned long long)key->min);
	else
		text_add(text, "an integer from %llu to %llu", (unsigned long long)key->min,
			(unsigned long long)key->max);
}

const char *host_key_allowed(const struct host_key *key, char *buf, size_t len)
{
	static const char *const words[] = {
		[HOST_BOOL] = "true or false",
		[HOST_NAME] = "a name: a letter, then at most 30 letters, digits, '-', '_' or '.'",
		[HOST_STAGES] = "[1], [2] or [1, 2]",
		[HOST_ADDRESS] = "an address such as \"0000:01:00.0\" (hexadecimal "
				 "segment:bus:device.function)",
		[HOST_OPTIONS] = "a map of the model's options",
		[HOST_LIST] = "a list of maps",
		[HOST_MAP] = "a map",
	};
	struct text text;

	text_init(&text, buf, len);
	if (key->type == HOST_INT)
		add_range(&text, key);
	else if (key->type == HOST_WORD)
		add_words(&text, key->words);
	else
		text_add(&text, "%s", words[key->type]);
	return buf;
}
