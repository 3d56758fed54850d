/* SPDX-License-Identifier: MIT */
#include "pgtable.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <nestbox/pgtable.h>

#define GIB	(UINT64_C(1) << 30)
#define ENTRIES (GIB >> 12)
#define REPEATS 33

/* 0.5 and 0.3 ns where a dependent L1 load takes 1.15. */
const struct row pgtable_rows[PGTABLE_ROWS] = {
	[PGTABLE_MAP] = { "map 1 GiB by 4 KiB pages", "ns/entry", "dependent L1 load", LESS, 0.43 },
	[PGTABLE_UNMAP] = { "unmap and reap 1 GiB of 4 KiB pages", "ns/entry", "dependent L1 load",
		LESS, 0.26 },
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double load_ns(void)
{
	void *volatile *cell = malloc(sizeof(*cell));
	void *p = (void *)cell;
	unsigned n = 1u << 22;
	double start;

	if (!cell)
		return 1;
	*cell = p;
	start = now();
	for (unsigned i = 0; i < n; i++)
		p = *(void *volatile *)p;
	start = (now() - start) / n;
	free(p);
	return start;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, REPEATS, sizeof(*values), compare);
	return values[REPEATS / 2] / ENTRIES;
}

static int map_unmap(struct nb_pgtable *pt, double *map_ns, double *unmap_ns)
{
	const struct nb_pgtable_attrs attrs = { .flags = NB_PGTABLE_READ | NB_PGTABLE_WRITE };
	double start = now(), mapped;

	if (nb_pgtable_map(pt, NB_IOVA(GIB), NB_PA(GIB + 4096), GIB, &attrs, NULL))
		return -1;
	mapped = now();
	nb_pgtable_unmap(pt, NB_IOVA(GIB), GIB, NULL);
	nb_pgtable_reap(pt);
	*map_ns = mapped - start;
	*unmap_ns = now() - mapped;
	return 0;
}

/* Once to populate; then the median of REPEATS, over spare tables. */
static int measure(struct nb_pgtable *pt, double *map_ns, double *unmap_ns)
{
	double map[REPEATS], unmap[REPEATS];
	int ret = map_unmap(pt, map, unmap);

	for (unsigned i = 0; i < REPEATS && !ret; i++)
		ret = map_unmap(pt, &map[i], &unmap[i]);
	*map_ns = ret ? 0 : median(map);
	*unmap_ns = ret ? 0 : median(unmap);
	return ret;
}

static int round_in(struct nb_pgtable_ram *ram, struct row rows[PGTABLE_ROWS])
{
	const struct nb_pgtable_options options = { .size = sizeof(options), .ram = ram };
	struct nb_pgtable *pt = nb_pgtable_create(&options);
	double map_ns, unmap_ns, reference = load_ns();
	int ret = pt ? measure(pt, &map_ns, &unmap_ns) : -1;

	if (!ret) {
		row_add(&rows[PGTABLE_MAP], map_ns, reference);
		row_add(&rows[PGTABLE_UNMAP], unmap_ns, reference);
	}
	nb_pgtable_destroy(pt);
	return ret;
}

int pgtable_round(struct row rows[PGTABLE_ROWS])
{
	struct nb_mem *mem = nb_mem_create(48);
	struct nb_pgtable_ram *ram = mem ? nb_pgtable_ram_create(mem, NB_PA(GIB), GIB / 16) : NULL;
	int ret = ram ? round_in(ram, rows) : -1;

	nb_pgtable_ram_destroy(ram);
	nb_mem_destroy(mem);
	return ret;
}
