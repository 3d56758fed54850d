/* SPDX-License-Identifier: MIT */
/* The runner of the rows (conform.h). Usage: conform [-l] HOST...; -l lists the rows. */
#include "conform/conform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform/run.h"

extern const struct area container_area, group_area, irq_area, intx_area, msi_area, device_area,
	config_area, region_area, reset_area, feature_area, ioeventfd_area, type1_area,
	type1_dirty_area, type1_groups_area, nested_area, nested_inv_area, nested_msi_area;

static const struct area *const areas[] = {
	&container_area,
	&group_area,
	&irq_area,
	&intx_area,
	&msi_area,
	&device_area,
	&config_area,
	&region_area,
	&reset_area,
	&feature_area,
	&ioeventfd_area,
	&type1_area,
	&type1_dirty_area,
	&type1_groups_area,
	&nested_area,
	&nested_inv_area,
	&nested_msi_area,
};
#define N_AREAS (sizeof(areas) / sizeof(areas[0]))

static unsigned rows, failures;

static void list(void)
{
	for (size_t a = 0; a < N_AREAS; a++)
		for (unsigned i = 0; i < areas[a]->n; i++)
			printf("%-10s %-60s %s\n", areas[a]->name, areas[a]->rows[i].name,
				areas[a]->rows[i].kernel);
}

/* Of a path the file's name, up to its first full stop. */
static bool is_host(const char *arg, const char *name)
{
	const char *slash = strrchr(arg, '/');
	const char *base = slash ? slash + 1 : arg;

	return strcspn(base, ".") == strlen(name) && !strncmp(base, name, strlen(name));
}

static void run_area(const struct area *area, const char *host)
{
	for (unsigned i = 0; i < area->n; i++) {
		const struct row *row = &area->rows[i];

		if (!is_host(host, row->host ? row->host : "smmuv3"))
			continue;
		if (row->local && !t_is_local())
			continue;
		rows++;
		failures += !run_row(area, row);
	}
}

static int run_host(const char *host)
{
	if (t_begin(host))
		return 1;
	if (!run_begin())
		return 1;
	for (size_t a = 0; a < N_AREAS; a++)
		run_area(areas[a], host);
	run_end();
	t_end();
	return 0;
}

int main(int argc, char **argv)
{
	int bad = argc < 2;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-l"))
			list();
		else
			bad |= run_host(argv[i]);
	}
	printf("%u rows, %u failures\n", rows, failures);
	return bad || failures;
}
