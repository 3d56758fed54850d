/* SPDX-License-Identifier: MIT */
/* The public view of hosts and models, <nestbox/host.h>. */
#include <nestbox/host.h>

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "dev/models.h"
#include "machine/host.h"

struct nb_host {
	struct host_desc desc;
};

struct nb_host *nb_host_load(const char *name_or_file, char *message, size_t len)
{
	struct nb_host *host = malloc(sizeof(*host));
	struct error error = { 0 };

	if (!host) {
		snprintf(message, len, "out of memory");
		return NULL;
	}
	if (host_load(name_or_file, &host->desc, &error) < 0) {
		snprintf(message, len, "%s", error.message);
		free(host);
		return NULL;
	}
	return host;
}

void nb_host_free(struct nb_host *host)
{
	free(host);
}

void nb_host_print(const struct nb_host *host, enum nb_view view, FILE *out)
{
	static void (*const print[])(const struct host_desc *desc, FILE *out) = {
		[NB_VIEW_TABLE] = host_print_table,
		[NB_VIEW_YAML] = host_print_yaml,
		[NB_VIEW_JSON] = host_print_json,
	};

	print[view](&host->desc, out);
}

const char *const *nb_host_names(void)
{
	return host_builtins;
}

static void print_option(const struct pci_option *option, FILE *out)
{
	fprintf(out, "      %-20s %s (%" PRIu64 " to %" PRIu64 "; default %" PRIu64 ")\n",
		option->key, option->doc, option->min, option->max, option->dflt);
}

static void print_model(const struct pci_model *model, FILE *out)
{
	fprintf(out, "  %-8s %04x:%04x  %s\n", model->name, model->id.vendor, model->id.device,
		model->doc);
	if (model->options && model->options->key)
		fprintf(out, "    options:\n");
	for (const struct pci_option *o = model->options; o && o->key; o++)
		print_option(o, out);
}

static struct json_object *json_option(const struct pci_option *option)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "key", json_object_new_string(option->key));
	json_object_object_add(object, "doc", json_object_new_string(option->doc));
	json_object_object_add(object, "min", json_object_new_uint64(option->min));
	json_object_object_add(object, "max", json_object_new_uint64(option->max));
	json_object_object_add(object, "default", json_object_new_uint64(option->dflt));
	return object;
}

static struct json_object *json_model(const struct pci_model *model)
{
	struct json_object *object = json_object_new_object(), *options = json_object_new_array();
	char id[16];

	for (const struct pci_option *o = model->options; o && o->key; o++)
		json_object_array_add(options, json_option(o));
	snprintf(id, sizeof(id), "%04x:%04x", model->id.vendor, model->id.device);
	json_object_object_add(object, "name", json_object_new_string(model->name));
	json_object_object_add(object, "id", json_object_new_string(id));
	json_object_object_add(object, "doc", json_object_new_string(model->doc));
	json_object_object_add(object, "options", options);
	return object;
}

static void print_json(FILE *out)
{
	struct json_object *models = json_object_new_array();

	for (unsigned i = 0; dev_models[i]; i++)
		json_object_array_add(models, json_model(dev_models[i]));
	fprintf(out, "%s\n",
		json_object_to_json_string_ext(models, JSON_C_TO_STRING_PRETTY |
							       JSON_C_TO_STRING_SPACED |
							       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(models);
}

void nb_models_print(enum nb_view view, FILE *out)
{
	if (view == NB_VIEW_JSON) {
		print_json(out);
		return;
	}
	fprintf(out, "  %-8s %-9s  %s\n", "MODEL", "ID", "WHAT IT IS");
	for (unsigned i = 0; dev_models[i]; i++)
		print_model(dev_models[i], out);
}
