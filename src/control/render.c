/* SPDX-License-Identifier: MIT */
/*
 * Answers for people: tables of words, each column as wide as its widest, numbers to the right. What is
 * not there is "-".
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/text.h"
#include "control/client.h"

#define COLUMNS_MAX 12
#define CELL_BYTES  160

/* ---- tables ---- */

struct grid {
	const char *const *heads; /* ends with NULL; "<NAME": to the left */
	char (*cells)[CELL_BYTES];
	unsigned columns, n, room;
	FILE *out;
};

static void grid_begin(struct grid *g, const char *const *heads, FILE *out)
{
	*g = (struct grid){ .heads = heads, .out = out };
	while (heads[g->columns])
		g->columns++;
}

/** One cell after the other, row by row. */
static void grid_add(struct grid *g, const char *text)
{
	struct text cell;

	if (g->n == g->room) {
		unsigned room = MAX(2 * g->room, 8 * g->columns);
		void *more = realloc(g->cells, room * sizeof(*g->cells));

		if (!more)
			return; /* the table ends here */
		g->cells = more;
		g->room = room;
	}
	text_init(&cell, g->cells[g->n++], CELL_BYTES);
	text_add_escaped(&cell, text, strlen(text), "");
}

static void print_cell(const struct grid *g, unsigned column, int width, const char *text)
{
	bool left = *g->heads[column] == '<', last = column == g->columns - 1;

	fprintf(g->out, "%*s%s", left ? (last ? 0 : -width) : width, text, last ? "\n" : "  ");
}

static int width_of(const struct grid *g, unsigned column)
{
	size_t width = strlen(g->heads[column]) - (*g->heads[column] == '<');

	for (unsigned i = column; i < g->n; i += g->columns)
		width = MAX(width, strlen(g->cells[i]));
	return (int)width;
}

/** Prints it, unless it has no rows, and forgets it. */
static void grid_print(struct grid *g)
{
	int widths[COLUMNS_MAX];
	unsigned n = g->n - g->n % g->columns;

	for (unsigned i = 0; i < g->columns; i++)
		widths[i] = width_of(g, i);
	for (unsigned i = 0; i < g->columns && n; i++)
		print_cell(g, i, widths[i], g->heads[i] + (*g->heads[i] == '<'));
	for (unsigned i = 0; i < n; i++)
		print_cell(g, i % g->columns, widths[i % g->columns], g->cells[i]);
	free(g->cells);
}

/** One of several: after an empty line. */
static void grid_end(struct grid *g)
{
	if (g->n)
		fputc('\n', g->out);
	grid_print(g);
}

/* ---- members ---- */

static struct json_object *get(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	if (json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, key, &value);
	return value;
}

/** By a path: get_at(device, "dma", "reads", NULL). */
static struct json_object *get_at(struct json_object *object, ...)
{
	const char *key;
	va_list keys;

	va_start(keys, object);
	while ((key = va_arg(keys, const char *)))
		object = get(object, key);
	va_end(keys);
	return object;
}

static size_t count(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

static void add_list(struct text *text, struct json_object *array, const char *between)
{
	for (size_t i = 0; i < count(array); i++)
		text_add(text, "%s%s", i ? between : "",
			json_object_get_string(json_object_array_get_idx(array, i)));
}

static void word(struct grid *g, struct json_object *value)
{
	char buf[CELL_BYTES];
	struct text text;

	text_init(&text, buf, sizeof(buf));
	if (json_object_is_type(value, json_type_array))
		add_list(&text, value, " ");
	else if (json_object_is_type(value, json_type_boolean))
		text_add(&text, json_object_get_boolean(value) ? "yes" : "no");
	else if (value)
		text_add(&text, "%s", json_object_get_string(value));
	grid_add(g, text.len ? buf : "-");
}

static void bytes(struct grid *g, struct json_object *value)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	uint64_t n = json_object_get_uint64(value);
	char buf[32];
	unsigned i = 0;
	double shown = (double)n;

	while (shown >= 1024 && i < ARRAY_LEN(units) - 1) {
		shown /= 1024;
		i++;
	}
	snprintf(buf, sizeof(buf), shown == (double)(uint64_t)shown ? "%.0f %s" : "%.1f %s", shown,
		units[i]);
	grid_add(g, value ? buf : "-");
}

static void uptime_text(char *buf, size_t size, struct json_object *ms)
{
	uint64_t s = json_object_get_uint64(ms) / 1000;

	if (s < 60)
		snprintf(buf, size, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(buf, size, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else
		snprintf(buf, size, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
}

/* ---- show ---- */

static void print_head(struct json_object *show, FILE *out)
{
	char buf[256], up[32];
	struct text text;

	uptime_text(up, sizeof(up), get_at(show, "box", "uptime_ms", NULL));
	text_init(&text, buf, sizeof(buf));
	text_add(&text, "box %" PRId64 ", host ",
		json_object_get_int64(get_at(show, "box", "pid", NULL)));
	text_add(&text, "%s, up %s: ", json_object_get_string(get_at(show, "box", "host", NULL)),
		up);
	add_list(&text, get_at(show, "box", "command", NULL), " ");
	fprintf(out, "%s\n", buf);
	if (json_object_get_boolean(get(show, "partial")))
		fprintf(out, "There are more processes or descriptors than are shown.\n");
}

static void print_programs(struct json_object *show, FILE *out)
{
	static const char *const heads[] = { "PROGRAM", "PARENT", "<NAME", NULL };
	struct json_object *list = get(show, "programs");
	struct grid g;

	grid_begin(&g, heads, out);
	for (size_t i = 0; i < count(list); i++) {
		struct json_object *program = json_object_array_get_idx(list, i);

		word(&g, get(program, "pid"));
		word(&g, get(program, "ppid"));
		word(&g, get(program, "name"));
	}
	grid_end(&g);
}

static void print_containers(struct json_object *show, FILE *out)
{
	static const char *const heads[] = { "CONTAINER", "<TYPE", "<GROUPS", "MAPPINGS", "MAPPED",
		"TABLES", "ENTRIES LEFT", "<HELD BY", NULL };
	struct json_object *list = get(show, "containers");
	struct grid g;

	grid_begin(&g, heads, out);
	for (size_t i = 0; i < count(list); i++) {
		struct json_object *container = json_object_array_get_idx(list, i);

		word(&g, get(container, "id"));
		word(&g, get(container, "type"));
		word(&g, get(container, "groups"));
		word(&g, get_at(container, "ioas", "mappings", NULL));
		bytes(&g, get_at(container, "ioas", "bytes", NULL));
		bytes(&g, get_at(container, "ioas", "table_bytes", NULL));
		word(&g, get(container, "entries_left"));
		word(&g, get(container, "pids"));
	}
	grid_end(&g);
}

static void add_hwpts(struct grid *g, struct json_object *container)
{
	struct json_object *list = get_at(container, "ioas", "hwpts", NULL);

	for (size_t i = 0; i < count(list); i++) {
		struct json_object *hwpt = json_object_array_get_idx(list, i);

		word(g, get(container, "id"));
		word(g, get(hwpt, "iommu"));
		word(g, get(hwpt, "asked"));
		word(g, get(hwpt, "got"));
		word(g, get(hwpt, "msi_mapped"));
		word(g, get(hwpt, "devices"));
	}
}

static void print_hwpts(struct json_object *show, FILE *out)
{
	static const char *const heads[] = { "CONTAINER", "<IOMMU", "<ASKED", "<GOT", "<MSI MAPPED",
		"<DEVICES", NULL };
	struct json_object *list = get(show, "containers");
	struct grid g;

	grid_begin(&g, heads, out);
	for (size_t i = 0; i < count(list); i++)
		add_hwpts(&g, json_object_array_get_idx(list, i));
	grid_end(&g);
}

static void print_groups(struct json_object *show, FILE *out)
{
	static const char *const heads[] = { "<GROUP", "<IOMMU", "<VIABLE", "<OPEN", "CONTAINER",
		"OPEN DEVICES", "<DEVICES", "<HELD BY", NULL };
	static const char *const keys[] = { "name", "iommu", "viable", "open", "container",
		"open_devices", "devices", "pids" };
	struct json_object *list = get(show, "groups");
	struct grid g;

	grid_begin(&g, heads, out);
	for (size_t i = 0; i < count(list); i++)
		for (size_t j = 0; j < ARRAY_LEN(keys); j++)
			word(&g, get(json_object_array_get_idx(list, i), keys[j]));
	grid_end(&g);
}

static void print_devices(struct json_object *show, FILE *out)
{
	static const char *const heads[] = { "<DEVICE", "<MODEL", "<GROUP", "<STAGE 1", "OPENS",
		"<MEMORY", "<MASTER", "<IRQS", "EVENTFDS", "FIRED", "<HELD BY", NULL };
	struct json_object *list = get(show, "devices");
	struct grid g;

	grid_begin(&g, heads, out);
	for (size_t i = 0; i < count(list); i++) {
		struct json_object *device = json_object_array_get_idx(list, i);

		word(&g, get(device, "at"));
		word(&g, get(device, "model"));
		word(&g, get(device, "group"));
		word(&g, get(device, "stage1"));
		word(&g, get(device, "opens"));
		word(&g, get(device, "memory"));
		word(&g, get(device, "bus_master"));
		word(&g, get_at(device, "irqs", "type", NULL));
		word(&g, get_at(device, "irqs", "eventfds", NULL));
		word(&g, get_at(device, "irqs", "fired", NULL));
		word(&g, get(device, "pids"));
	}
	grid_end(&g);
}

static void last_fault(struct grid *g, struct json_object *fault)
{
	char buf[CELL_BYTES];
	const char *name = json_object_get_string(get(fault, "name"));

	if (!fault || !name) {
		grid_add(g, "-");
		return;
	}
	snprintf(buf, sizeof(buf), "%s, %s of iova 0x%" PRIx64, name,
		json_object_get_string(get(fault, "access")),
		json_object_get_uint64(get(fault, "iova")));
	grid_add(g, buf);
}

static void print_dma(struct json_object *show, FILE *out)
{
	static const char *const heads[] = { "<DEVICE", "READS", "READ", "WRITES", "WRITTEN",
		"ABORTS", "FAULTS", "<LAST FAULT", NULL };
	struct json_object *list = get(show, "devices");
	struct grid g;

	grid_begin(&g, heads, out);
	for (size_t i = 0; i < count(list); i++) {
		struct json_object *device = json_object_array_get_idx(list, i);
		struct json_object *dma = get(device, "dma");

		word(&g, get(device, "at"));
		word(&g, get(dma, "reads"));
		bytes(&g, get(dma, "read_bytes"));
		word(&g, get(dma, "writes"));
		bytes(&g, get(dma, "write_bytes"));
		word(&g, get(dma, "aborts"));
		word(&g, get(device, "faults"));
		last_fault(&g, get(device, "last_fault"));
	}
	grid_end(&g);
}

/* Index and wrap flag, as the registers have it. */
static void place(struct grid *g, struct json_object *value)
{
	char buf[32];

	snprintf(buf, sizeof(buf), "0x%" PRIx64, json_object_get_uint64(value));
	grid_add(g, value ? buf : "-");
}

static void add_queue(struct grid *g, struct json_object *iommu, const char *name)
{
	struct json_object *queue = get(iommu, name);

	word(g, get(iommu, "name"));
	grid_add(g, name);
	word(g, get(queue, "size"));
	place(g, get(queue, "prod"));
	place(g, get(queue, "cons"));
	word(g, get(queue, "done"));
}

static void print_queues(struct json_object *show, FILE *out)
{
	static const char *const heads[] = { "<IOMMU", "<QUEUE", "SIZE", "PROD", "CONS", "DONE",
		"SYNCS", "LOST", "<OVERFLOW", NULL };
	struct json_object *list = get(show, "iommus");
	struct grid g;

	grid_begin(&g, heads, out);
	for (size_t i = 0; i < count(list); i++) {
		struct json_object *iommu = json_object_array_get_idx(list, i);

		add_queue(&g, iommu, "commands");
		word(&g, get(iommu, "syncs"));
		grid_add(&g, "-");
		grid_add(&g, "-");
		add_queue(&g, iommu, "events");
		grid_add(&g, "-");
		word(&g, get(iommu, "events_lost"));
		word(&g, get(iommu, "overflow"));
	}
	grid_end(&g);
}

static void add_faults(struct grid *g, struct json_object *iommu)
{
	struct json_object *faults = get(iommu, "faults");

	if (!json_object_is_type(faults, json_type_object))
		return;
	json_object_object_foreach(faults, name, n)
	{
		word(g, get(iommu, "name"));
		grid_add(g, name);
		word(g, n);
	}
}

static void print_faults(struct json_object *show, FILE *out)
{
	static const char *const heads[] = { "<IOMMU", "<FAULT", "COUNT", NULL };
	struct json_object *list = get(show, "iommus");
	struct grid g;

	grid_begin(&g, heads, out);
	for (size_t i = 0; i < count(list); i++)
		add_faults(&g, json_object_array_get_idx(list, i));
	grid_end(&g);
}

void control_print_show(struct json_object *show, FILE *out)
{
	print_head(show, out);
	print_programs(show, out);
	print_containers(show, out);
	print_hwpts(show, out);
	print_groups(show, out);
	print_devices(show, out);
	print_dma(show, out);
	print_queues(show, out);
	print_faults(show, out);
}

/* ---- ps ---- */

static void add_box(struct grid *g, const struct control_found *box)
{
	const struct passwd *pw = getpwuid(box->uid);
	char buf[32];

	word(g, get(box->list, "pid"));
	snprintf(buf, sizeof(buf), "%u", (unsigned)box->uid);
	grid_add(g, pw ? pw->pw_name : buf);
	uptime_text(buf, sizeof(buf), get(box->list, "uptime_ms"));
	grid_add(g, buf);
	word(g, get(box->list, "host"));
	word(g, get(box->list, "programs"));
	word(g, get(box->list, "command"));
}

void control_print_ps(const struct control_boxes *boxes, FILE *out)
{
	static const char *const heads[] = { "PID", "<USER", "UPTIME", "<HOST", "PROGRAMS",
		"<COMMAND", NULL };
	struct grid g;

	grid_begin(&g, heads, out);
	for (unsigned i = 0; i < boxes->n; i++)
		add_box(&g, &boxes->list[i]);
	grid_print(&g);
}

/* ---- for programs ---- */

void control_print_json(struct json_object *object, FILE *out)
{
	fprintf(out, "%s\n",
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							       JSON_C_TO_STRING_SPACED |
							       JSON_C_TO_STRING_NOSLASHESCAPE));
}

void control_print_ps_json(const struct control_boxes *boxes, FILE *out)
{
	struct json_object *all = json_object_new_array();

	for (unsigned i = 0; i < boxes->n; i++) {
		struct json_object *box = json_object_get(boxes->list[i].list);

		json_object_object_add(box, "uid", json_object_new_uint64(boxes->list[i].uid));
		json_object_array_add(all, box);
	}
	control_print_json(all, out);
	json_object_put(all);
}
