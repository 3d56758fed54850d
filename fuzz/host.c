/* SPDX-License-Identifier: MIT */
/*
 * Descriptions of hosts: whatever the text is, it is refused with a message or gives a description
 * that prints, and whose YAML gives the same host again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "machine/host.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void print(const struct host_desc *desc, void (*view)(const struct host_desc *, FILE *),
	char **text, size_t *len)
{
	FILE *out = open_memstream(text, len);

	nb_assert(out);
	view(desc, out);
	fclose(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct host_desc desc, again;
	struct error error = { 0 };
	char *text[3];
	size_t n[3];

	if (host_parse("fuzz", (const char *)bytes, len, &desc, &error) < 0) {
		nb_assert(error.err && error.message[0]);
		return 0;
	}
	print(&desc, host_print_yaml, &text[0], &n[0]);
	print(&desc, host_print_table, &text[1], &n[1]);
	print(&desc, host_print_json, &text[2], &n[2]);
	nb_assert(!host_parse("again", text[0], n[0], &again, &error));
	nb_assert(again.n_devices == desc.n_devices && again.n_iommus == desc.n_iommus &&
		  again.n_buses == desc.n_buses);
	for (unsigned i = 0; i < 3; i++)
		free(text[i]);
	return 0;
}
