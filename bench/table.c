/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *values, unsigned n)
{
	double sorted[ROUNDS];

	for (unsigned i = 0; i < n; i++)
		sorted[i] = values[i];
	qsort(sorted, n, sizeof(*sorted), compare);
	return n ? sorted[n / 2] : 0;
}

void row_add(struct row *row, double value, double reference)
{
	if (row->rounds == ROUNDS)
		return;
	row->value[row->rounds] = value;
	row->reference_value[row->rounds++] = reference;
}

double row_ratio(const struct row *row)
{
	double ratios[ROUNDS];

	for (unsigned i = 0; i < row->rounds; i++)
		ratios[i] = row->value[i] / row->reference_value[i];
	return median(ratios, row->rounds);
}

void row_spread(const struct row *row, double *least, double *greatest)
{
	*least = *greatest = 0;
	for (unsigned i = 0; i < row->rounds; i++) {
		double ratio = row->value[i] / row->reference_value[i];

		*least = !i || ratio < *least ? ratio : *least;
		*greatest = !i || ratio > *greatest ? ratio : *greatest;
	}
}

bool row_met(const struct row *row)
{
	if (!row->target || !row->rounds)
		return true;
	return row->better == LESS ? row_ratio(row) <= row->target : row_ratio(row) >= row->target;
}

static const char *verdict(const struct row *row)
{
	if (!row->target)
		return "";
	return row_met(row) ? "met" : "MISSED";
}

void table_print(const struct row *rows, unsigned n)
{
	printf("%-40s %10s %-7s %-34s %10s %9s %15s %8s\n", "figure", "value", "unit", "against",
		"value", "ratio", "of rounds", "target");
	for (unsigned i = 0; i < n; i++) {
		const struct row *row = &rows[i];
		char target[16] = "", spread[32];
		double least, greatest;

		if (!row->rounds) {
			printf("%-40s not measured\n", row->name);
			continue;
		}
		row_spread(row, &least, &greatest);
		snprintf(spread, sizeof(spread), "%.3g-%.3g", least, greatest);

		if (row->target)
			snprintf(target, sizeof(target), "%s %.4g",
				row->better == LESS ? "<=" : ">=", row->target);
		printf("%-40s %10.4g %-7s %-34s %10.4g %9.3g %15s %8s %s\n", row->name,
			median(row->value, row->rounds), row->unit, row->reference,
			median(row->reference_value, row->rounds), row_ratio(row), spread, target,
			verdict(row));
	}
}

static struct json_object *row_json(const struct row *row)
{
	struct json_object *object = json_object_new_object();
	double least, greatest;

	json_object_object_add(object, "name", json_object_new_string(row->name));
	json_object_object_add(
		object, "value", json_object_new_double(median(row->value, row->rounds)));
	json_object_object_add(object, "unit", json_object_new_string(row->unit));
	json_object_object_add(object, "reference", json_object_new_string(row->reference));
	json_object_object_add(object, "reference_value",
		json_object_new_double(median(row->reference_value, row->rounds)));
	json_object_object_add(object, "ratio", json_object_new_double(row_ratio(row)));
	row_spread(row, &least, &greatest);
	json_object_object_add(object, "ratio_least", json_object_new_double(least));
	json_object_object_add(object, "ratio_greatest", json_object_new_double(greatest));
	json_object_object_add(
		object, "target", row->target ? json_object_new_double(row->target) : NULL);
	json_object_object_add(
		object, "met", row->target ? json_object_new_boolean(row_met(row)) : NULL);
	return object;
}

int table_write_json(const struct row *rows, unsigned n, const char *path)
{
	struct json_object *array = json_object_new_array();
	int result;

	for (unsigned i = 0; i < n; i++)
		if (rows[i].rounds)
			json_object_array_add(array, row_json(&rows[i]));
	result = json_object_to_file_ext(path, array, JSON_C_TO_STRING_PRETTY);
	if (result)
		fprintf(stderr, "bench: %s: cannot be written\n", path);
	json_object_put(array);
	return result;
}
