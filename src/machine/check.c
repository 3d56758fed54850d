/* SPDX-License-Identifier: MIT */
/* What values of a host description mean together: names, addresses, groups, models. */
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "dev/models.h"
#include "machine/reader.h"
#include "base/text.h"

static bool check_iommu(struct reader *reader, unsigned i)
{
	struct host_desc *desc = reader->desc;
	struct place at = reader_place(reader, HOST_IOMMUS, i, "name");

	if (!strcmp(desc->iommus[i].name, "none"))
		return reader_fail(
			reader, &at, "none is no name: buses behind no IOMMU say iommu: none");
	for (unsigned j = 0; j < i; j++) {
		if (!strcmp(desc->iommus[i].name, desc->iommus[j].name))
			return reader_fail(reader, &at,
				"'%s' is the name of iommus[%u] too, must be unique",
				desc->iommus[i].name, j);
	}
	at = reader_place(reader, HOST_IOMMUS, i, "msi_window");
	if (desc->iommus[i].msi_window % HOST_MSI_WINDOW_BYTES)
		return reader_fail(reader, &at, "0x%llx is no multiple of 0x%x, must be one",
			(unsigned long long)desc->iommus[i].msi_window, HOST_MSI_WINDOW_BYTES);
	return true;
}

static int find_iommu(const struct host_desc *desc, const char *name)
{
	for (unsigned i = 0; i < desc->n_iommus; i++) {
		if (!strcmp(desc->iommus[i].name, name))
			return (int)i;
	}
	return -1;
}

static bool fail_iommu_name(struct reader *reader, const struct place *at, const char *name)
{
	char list[160];
	struct text text;

	text_init(&text, list, sizeof(list));
	for (unsigned i = 0; i < reader->desc->n_iommus; i++)
		text_add(&text, "%s, ", reader->desc->iommus[i].name);
	return reader_fail(reader, at, "there is no IOMMU '%s', must be one of %snone", name, list);
}

static bool check_bus(struct reader *reader, unsigned i)
{
	struct host_desc *desc = reader->desc;
	struct place at = reader_place(reader, HOST_BUSES, i, "iommu");
	const char *name = (const char *)at.node->data.scalar.value;

	desc->buses[i].iommu = find_iommu(desc, name);
	if (desc->buses[i].iommu < 0 && strcmp(name, "none"))
		return fail_iommu_name(reader, &at, name);
	at = reader_place(reader, HOST_BUSES, i, "segment");
	for (unsigned j = 0; j < i; j++) {
		if (desc->buses[i].segment == desc->buses[j].segment)
			return reader_fail(reader, &at,
				"segment %u is that of buses[%u] too, must be unique",
				desc->buses[i].segment, j);
	}
	return true;
}

static unsigned requester_id(const struct host_device *dev)
{
	unsigned segment, bus, slot, function;

	sscanf(dev->at, "%4x:%2x:%2x.%1x", &segment, &bus, &slot, &function);
	return bus << 8 | slot << 3 | function;
}

/** Its address: on a bus that is there, no other's, and a StreamID that its IOMMU can tell. */
static bool check_address(struct reader *reader, unsigned i)
{
	struct host_desc *desc = reader->desc;
	struct host_device *dev = &desc->devices[i];
	struct place at = reader_place(reader, HOST_DEVICES, i, "at");
	unsigned segment = (unsigned)strtoul(dev->at, NULL, 16);

	for (unsigned j = 0; j < i; j++) {
		if (!strcmp(dev->at, desc->devices[j].at))
			return reader_fail(reader, &at,
				"%s is the address of devices[%u] too, must be unique", dev->at, j);
	}
	dev->bus = -1;
	for (unsigned j = 0; j < desc->n_buses; j++) {
		if (desc->buses[j].segment == segment)
			dev->bus = (int)j;
	}
	if (dev->bus < 0)
		return reader_fail(reader, &at,
			"segment %04x has no bus, must be that of an entry of buses", segment);
	return true;
}

static bool check_stream(struct reader *reader, unsigned i)
{
	struct host_desc *desc = reader->desc;
	const struct host_device *dev = &desc->devices[i];
	struct place at = reader_place(reader, HOST_DEVICES, i, "at");
	int iommu = desc->buses[dev->bus].iommu;
	unsigned sid = requester_id(dev);

	if (iommu < 0)
		return true;
	if (sid >> desc->iommus[iommu].sid_bits)
		return reader_fail(reader, &at,
			"StreamID %#x does not fit the %u bits of %s, must be below %#x "
			"(iommus[%d].sid_bits)",
			sid, desc->iommus[iommu].sid_bits, desc->iommus[iommu].name,
			1u << desc->iommus[iommu].sid_bits, iommu);
	for (unsigned j = 0; j < i; j++) {
		if (desc->buses[desc->devices[j].bus].iommu == iommu &&
			requester_id(&desc->devices[j]) == sid)
			return reader_fail(reader, &at,
				"%s cannot tell it from %s: both have StreamID %#x, must be "
				"another "
				"bus, device or function",
				desc->iommus[iommu].name, desc->devices[j].at, sid);
	}
	return true;
}

static bool check_group(struct reader *reader, unsigned i)
{
	struct host_desc *desc = reader->desc;
	const struct host_device *dev = &desc->devices[i];
	struct place at = reader_place(reader, HOST_DEVICES, i, "group");
	int iommu = desc->buses[dev->bus].iommu;

	if (iommu < 0 && dev->group >= 0)
		return reader_fail(reader, &at,
			"%s is behind no IOMMU and thus in no group, must be left out", dev->at);
	if (iommu >= 0 && dev->group < 0)
		return reader_fail(reader, &at,
			"is missing: %s is behind %s, must be an integer from 0 to 65535", dev->at,
			desc->iommus[iommu].name);
	for (unsigned j = 0; iommu >= 0 && j < i; j++) {
		int other = desc->buses[desc->devices[j].bus].iommu;

		if (desc->devices[j].group == dev->group && other != iommu)
			return reader_fail(reader, &at,
				"group %d has %s behind %s, and %s behind %s: a group must be "
				"behind one IOMMU",
				dev->group, desc->devices[j].at, desc->iommus[other].name, dev->at,
				desc->iommus[iommu].name);
	}
	return true;
}

static bool fail_model(struct reader *reader, const struct place *at, const char *name)
{
	char list[160];
	struct text text;

	text_init(&text, list, sizeof(list));
	for (unsigned i = 0; dev_models[i]; i++)
		text_add(&text, "%s%s", i ? ", " : "", dev_models[i]->name);
	return reader_fail(reader, at, "there is no model '%s', must be one of %s", name, list);
}

static bool fail_option(
	struct reader *reader, const struct place *at, const struct pci_model *model)
{
	char list[160];
	struct text text;

	text_init(&text, list, sizeof(list));
	for (const struct pci_option *o = model->options; o && o->key; o++)
		text_add(&text, "%s%s", o == model->options ? "one of " : ", ", o->key);
	return reader_fail(reader, at, "%s has no such option, must be %s", model->name,
		list[0] ? list : "left out");
}

static bool take_option(struct reader *reader, struct host_device *dev,
	const struct pci_model *model, struct place *at, yaml_node_t *value, uint64_t *seen)
{
	const char *key = (const char *)at->node->data.scalar.value;
	const struct pci_option *option = model->options;
	uint64_t number;
	char shown[64];
	unsigned n = 0;

	for (; option && option->key && strcmp(option->key, key); option++)
		n++;
	if (!option || !option->key || n >= HOST_MAX_OPTIONS)
		return fail_option(reader, at, model);
	if (*seen & BIT64(n))
		return reader_fail(reader, at, "is given twice in this map, must be given once");
	*seen |= BIT64(n);
	at->node = value;
	if (reader_integer(value, &number) < 0 || number < option->min || number > option->max)
		return reader_fail(reader, at, "is %s, must be an integer from %llu to %llu",
			reader_show(value, shown, sizeof(shown)), (unsigned long long)option->min,
			(unsigned long long)option->max);
	dev->options[n] = number;
	return true;
}

static bool take_options(struct reader *reader, unsigned i, const struct pci_model *model)
{
	struct host_device *dev = &reader->desc->devices[i];
	yaml_node_t *map = reader_value(reader, reader->devices[i], "options");
	uint64_t seen = 0;

	for (yaml_node_pair_t *pair = map ? map->data.mapping.pairs.start : NULL;
		map && pair < map->data.mapping.pairs.top; pair++) {
		struct place at = reader_place(reader, HOST_DEVICES, i, "options");
		char shown[40];

		at.node = yaml_document_get_node(reader->doc, pair->key);
		if (at.node->type != YAML_SCALAR_NODE)
			return reader_fail(reader, &at, "a key is %s, must be a word",
				reader_show(at.node, shown, sizeof(shown)));
		snprintf(at.path, sizeof(at.path), "devices[%u].options.%.30s", i,
			reader_show_key(at.node, shown, sizeof(shown)));
		if (!take_option(reader, dev, model, &at,
			    yaml_document_get_node(reader->doc, pair->value), &seen))
			return false;
	}
	return true;
}

static bool check_model(struct reader *reader, unsigned i)
{
	struct host_device *dev = &reader->desc->devices[i];
	const struct pci_model *model = dev_model_find(dev->model);
	struct place at = reader_place(reader, HOST_DEVICES, i, "model");
	unsigned n = 0;

	if (!model)
		return fail_model(reader, &at, dev->model);
	for (const struct pci_option *o = model->options; o && o->key && n < HOST_MAX_OPTIONS; o++)
		dev->options[n++] = o->dflt;
	return take_options(reader, i, model);
}

static void take_policy(struct reader *reader)
{
	yaml_node_t *root = yaml_document_get_root_node(reader->doc);
	yaml_node_t *policy = reader_value(reader, root, "policy"), *nesting = NULL;

	if (policy)
		nesting = reader_value(reader, policy, "nesting");
	reader->desc->nesting_subset =
		nesting && !strcmp((const char *)nesting->data.scalar.value, "subset");
}

bool reader_check(struct reader *reader)
{
	struct host_desc *desc = reader->desc;

	for (unsigned i = 0; i < desc->n_iommus; i++) {
		if (!check_iommu(reader, i))
			return false;
	}
	for (unsigned i = 0; i < desc->n_buses; i++) {
		if (!check_bus(reader, i))
			return false;
	}
	for (unsigned i = 0; i < desc->n_devices; i++) {
		if (!check_address(reader, i) || !check_stream(reader, i) ||
			!check_group(reader, i) || !check_model(reader, i))
			return false;
		if (!strcmp(desc->devices[i].driver, "none"))
			desc->devices[i].driver[0] = '\0';
	}
	take_policy(reader);
	return true;
}
