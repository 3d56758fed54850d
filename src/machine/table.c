/* SPDX-License-Identifier: MIT */
/*
 * A host as a table for people. Cells are collected first, so that columns are as wide as what is
 * in them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "dev/models.h"
#include "machine/machine.h"
#include "machine/view.h"
#include "base/text.h"

#define COLUMNS	 6
#define CELL_MAX 256

struct table {
	unsigned columns, rows;
	char (*cells)[COLUMNS][CELL_MAX];
};

static bool table_init(struct table *table, unsigned columns, unsigned rows)
{
	*table = (struct table){ .columns = columns };
	table->cells = calloc(rows + 1, sizeof(*table->cells));
	return table->cells;
}

static void table_row(struct table *table, const char *const *cells)
{
	for (unsigned i = 0; i < table->columns; i++)
		snprintf(table->cells[table->rows][i], CELL_MAX, "%s", cells[i]);
	table->rows++;
}

/** Without blanks behind the last cell that is there. */
static void print_row(const struct table *table, unsigned row, const size_t *width, FILE *out)
{
	unsigned last = table->columns - 1;

	while (last && !table->cells[row][last][0])
		last--;
	fputs(" ", out);
	for (unsigned c = 0; c < last; c++)
		fprintf(out, " %-*s ", (int)width[c], table->cells[row][c]);
	fprintf(out, " %s\n", table->cells[row][last]);
}

static void table_print(const struct table *table, FILE *out)
{
	size_t width[COLUMNS] = { 0 };

	for (unsigned r = 0; r < table->rows; r++) {
		for (unsigned c = 0; c < table->columns; c++)
			width[c] = MAX(width[c], strlen(table->cells[r][c]));
	}
	for (unsigned r = 0; r < table->rows; r++)
		print_row(table, r, width, out);
}

/** The driver's own words (R4): built for a moment, asked, and taken down. */
void host_probe_nesting(const struct host_desc *desc, struct host_nesting *out)
{
	struct error error = { 0 };
	struct machine *machine = machine_create(desc, &error);

	for (unsigned i = 0; i < desc->n_iommus; i++) {
		struct why why = { 0 };

		out[i] = (struct host_nesting){ 0 };
		if (machine)
			out[i].nests = machine_iommu_nests(machine, i, &why);
		snprintf(out[i].why_not, sizeof(out[i].why_not), "%.191s",
			machine ? why.missing : error.message);
	}
	machine_destroy(machine);
}

/** The column says it already. */
static const char *short_reason(const char *why_not)
{
	static const char prefix[] = "it cannot nest: ";
	size_t len = strlen(prefix);

	return strncmp(why_not, prefix, len) ? why_not : why_not + len;
}

static void print_iommus(const struct host_desc *desc, FILE *out)
{
	static const char *const head[] = { "IOMMU", "KIND", "STAGES", "NESTS", "WHY NOT" };
	struct host_nesting nesting[HOST_MAX_IOMMUS];
	struct table table;

	if (!table_init(&table, 5, desc->n_iommus + 1))
		return;
	host_probe_nesting(desc, nesting);
	table_row(&table, head);
	for (unsigned i = 0; i < desc->n_iommus; i++) {
		const struct host_iommu *iommu = &desc->iommus[i];

		table_row(
			&table, (const char *const[]){ iommu->name, iommu->kind, host_stages(iommu),
					nesting[i].nests ? "yes" : "no",
					nesting[i].nests ? "" : short_reason(nesting[i].why_not) });
	}
	table_print(&table, out);
	free(table.cells);
}

static bool is_first_of_group(const struct host_desc *desc, unsigned i)
{
	for (unsigned j = 0; j < i; j++) {
		if (desc->devices[j].group == desc->devices[i].group)
			return false;
	}
	return desc->devices[i].group >= 0;
}

/** Its devices, and which of them makes it not viable. */
static void add_members(
	const struct host_desc *desc, int group, struct text *members, struct text *viable)
{
	for (unsigned i = 0; i < desc->n_devices; i++) {
		const struct host_device *dev = &desc->devices[i];

		if (dev->group != group)
			continue;
		text_add(members, "%s%s", members->len ? ", " : "", dev->at);
		if (dev->driver[0] && strcmp(dev->driver, "vfio-pci") && !viable->len)
			text_add(viable, "no: %s is bound to %s", dev->at, dev->driver);
	}
}

static void add_group(const struct host_desc *desc, unsigned first, struct table *table)
{
	const struct host_device *dev = &desc->devices[first];
	const struct host_bus *bus = &desc->buses[dev->bus];
	char id[16], members[CELL_MAX], viable[CELL_MAX];
	struct text members_text, viable_text;

	snprintf(id, sizeof(id), "%d", dev->group);
	text_init(&members_text, members, sizeof(members));
	text_init(&viable_text, viable, sizeof(viable));
	add_members(desc, dev->group, &members_text, &viable_text);
	table_row(table, (const char *const[]){ id, host_bus_iommu(desc, bus), members,
				 viable[0] ? viable : "yes" });
}

static void print_groups(const struct host_desc *desc, FILE *out)
{
	static const char *const head[] = { "GROUP", "BEHIND", "DEVICES", "VIABLE" };
	struct table table;

	if (!table_init(&table, 4, desc->n_devices + 1))
		return;
	table_row(&table, head);
	for (unsigned i = 0; i < desc->n_devices; i++) {
		if (is_first_of_group(desc, i))
			add_group(desc, i, &table);
	}
	if (table.rows > 1) {
		fputc('\n', out);
		table_print(&table, out);
	}
	free(table.cells);
}

static void add_device(
	const struct host_desc *desc, const struct host_device *dev, struct table *table)
{
	const struct pci_model *model = dev_model_find(dev->model);
	char group[16], id[16];

	snprintf(group, sizeof(group), "%d", dev->group);
	snprintf(id, sizeof(id), "%04x:%04x", model->id.vendor, model->id.device);
	table_row(table,
		(const char *const[]){ dev->at, dev->model, id, dev->group < 0 ? "none" : group,
			dev->driver[0] ? dev->driver : "none", model->doc });
}

static void print_devices(const struct host_desc *desc, FILE *out)
{
	static const char *const head[] = { "DEVICE", "MODEL", "ID", "GROUP", "DRIVER",
		"WHAT IT IS" };
	struct table table;

	if (!desc->n_devices || !table_init(&table, 6, desc->n_devices + 1))
		return;
	table_row(&table, head);
	for (unsigned i = 0; i < desc->n_devices; i++)
		add_device(desc, &desc->devices[i], &table);
	fputc('\n', out);
	table_print(&table, out);
	free(table.cells);
}

void host_print_table(const struct host_desc *desc, FILE *out)
{
	fprintf(out, "Host %s: nesting %s, no-IOMMU groups %s\n\n", desc->name,
		desc->nesting_subset ? "for a subset of groups" : "enforced",
		desc->noiommu ? "allowed" : "off");
	if (desc->n_iommus)
		print_iommus(desc, out);
	else
		fprintf(out, "  no IOMMU\n");
	print_groups(desc, out);
	print_devices(desc, out);
}
