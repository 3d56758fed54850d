/* SPDX-License-Identifier: MIT */
/*
 * Traces know all of the uAPI: for each definition in src/abi/vfio.h, as it is written there, what a
 * trace shows has that name. A new one without a row here, or without a name there, fails.
 *
 * usage: complete ABI-HEADER
 */
#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "trace/calls.h"
#include "trace/decode.h"

static const char *const kinds[] = { "container", "group", "device" };
static unsigned failures, calls, bits, numbers;

static void fail(const char *define, const char *what)
{
	fprintf(stderr, "%s: %s\n", define, what);
	failures++;
}

/** Definitions that begin so are bits, or values, of the flags of that call's argument. */
static const struct {
	const char *prefix;
	const char *kind;
	unsigned nr;
} places[] = {
	{ "VFIO_GROUP_FLAGS_", "group", 3 },
	{ "VFIO_DEVICE_FLAGS_", "device", 7 },
	{ "VFIO_REGION_INFO_FLAG_", "device", 8 },
	{ "VFIO_IRQ_INFO_", "device", 9 },
	{ "VFIO_IRQ_SET_", "device", 10 },
	{ "VFIO_PCI_HOT_RESET_FLAG_", "device", 12 },
	{ "VFIO_DEVICE_IOEVENTFD_", "device", 16 },
	{ "VFIO_DEVICE_FEATURE_", "device", 17 },
	{ "VFIO_DEVICE_BIND_FLAG_", "device", 18 },
	{ "VFIO_DEVICE_ATTACH_", "device", 19 },
	{ "VFIO_DEVICE_DETACH_", "device", 20 },
	{ "VFIO_IOMMU_INFO_", "container", 12 },
	{ "VFIO_DMA_MAP_FLAG_", "container", 13 },
	{ "VFIO_DMA_UNMAP_FLAG_", "container", 14 },
	{ "VFIO_IOMMU_DIRTY_PAGES_FLAG_", "container", 17 },
};

/** No bits of an argument that traces show as flags; and why. */
static const char *const others[] = {
	"VFIO_PCI_ATOMIC_",  /* of a capability: decode.c */
	"VFIO_REGION_TYPE_", /* parts of a number, shown in hex */
};

/** Masks of bits that have names of their own. */
static bool is_mask(const char *name)
{
	return strstr(name, "_MASK");
}

static bool begins(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

static const char *show(const char *kind, unsigned cmd, const uint8_t *arg, size_t len)
{
	static char text[TRACE_LINE_MAX];
	const struct trace_ioctl_call call = {
		.kind = kind, .cmd = cmd, .arg = arg, .arg_len = len, .raw = 1
	};

	trace_ioctl(text, sizeof(text), &call);
	return text;
}

/** What stands behind "flags=". */
static const char *flags_shown(unsigned place, uint32_t value)
{
	static char word[256];
	uint8_t arg[TRACE_ARG_MAX] = { 64 };
	const char *at;

	memcpy(arg + 4, &value, sizeof(value));
	at = strstr(show(places[place].kind, 0x3b64 + places[place].nr, arg, 64), "flags=");
	snprintf(word, sizeof(word), "%s", at ? at + 6 : "");
	word[strcspn(word, ",}")] = '\0';
	return word;
}

static void check_bit(const char *name, unsigned bit)
{
	const char *shown;
	char expected[128];

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (begins(name, others[i]))
			return;
	for (unsigned i = 0; i < ARRAY_LEN(places); i++) {
		if (!begins(name, places[i].prefix))
			continue;
		bits++;
		shown = flags_shown(i, 1u << bit);
		snprintf(expected, sizeof(expected), "%s", name + strlen(places[i].prefix));
		/* An operation on feature 0. */
		if (begins(name, "VFIO_DEVICE_FEATURE_"))
			snprintf(expected, sizeof(expected), "%s|PCI_VF_TOKEN",
				name + strlen("VFIO_DEVICE_FEATURE_"));
		if (strcmp(shown, expected))
			fail(name, shown);
		return;
	}
	fail(name, "a flag of no call");
}

static void check_call(const char *name, unsigned nr)
{
	char shown[128];

	calls++;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		trace_ioctl_name(shown, sizeof(shown), kinds[i], 0x3b64 + nr, 0);
		shown[strcspn(shown, "(")] = '\0';
		if (!strcmp(shown, name))
			return;
	}
	fail(name, "no row");
}

static void check_feature(const char *name, unsigned number)
{
	uint8_t arg[8] = { 8 };
	uint32_t flags = number;
	char expected[128];

	numbers++;
	memcpy(arg + 4, &flags, sizeof(flags));
	snprintf(
		expected, sizeof(expected), "flags=%.100s}", name + strlen("VFIO_DEVICE_FEATURE_"));
	if (!strstr(show("device", 0x3b64 + 17, arg, 8), expected))
		fail(name, show("device", 0x3b64 + 17, arg, 8));
}

static void check_extension(const char *name, unsigned number)
{
	char shown[128], expected[128];

	numbers++;
	trace_ioctl_name(shown, sizeof(shown), "container", 0x3b65, number);
	snprintf(expected, sizeof(expected), "VFIO_CHECK_EXTENSION(%.100s)", name);
	if (strcmp(shown, expected))
		fail(name, shown);
}

/** A chain of one capability of that id; where the argument says it begins. */
static void check_cap(const char *name, const char *word, unsigned id, const char *kind,
	unsigned nr, unsigned flag, unsigned where)
{
	uint8_t arg[128] = { 128 };
	uint32_t flags = flag, offset = 64;
	char expected[128];

	numbers++;
	memcpy(arg + 4, &flags, 4);
	memcpy(arg + where, &offset, 4);
	arg[64] = (uint8_t)id;
	snprintf(expected, sizeof(expected), "caps=[%.100s", word);
	if (!strstr(show(kind, 0x3b64 + nr, arg, sizeof(arg)), expected))
		fail(name, show(kind, 0x3b64 + nr, arg, sizeof(arg)));
}

static void check_number(const char *name, unsigned number)
{
	static const char type1[] = "VFIO_IOMMU_TYPE1_INFO_", device[] = "VFIO_DEVICE_INFO_CAP_";
	static const char region[] = "VFIO_REGION_INFO_CAP_";

	if (begins(name, "VFIO_DEVICE_FEATURE_") && !strstr(name, "_MASTER"))
		check_feature(name, number);
	else if (begins(name, type1))
		check_cap(name, name + strlen(type1) + (strstr(name, "_CAP_") ? 4 : 0), number,
			"container", 12, 2, 16);
	else if (begins(name, device))
		check_cap(name, name + strlen(device), number, "device", 7, 128, 16);
	else if (begins(name, region))
		check_cap(name, name + strlen(region), number, "device", 8, 8, 12);
	else if (strstr(name, "_IOMMU") || strstr(name, "VFIO_UNMAP_ALL") ||
		 strstr(name, "UPDATE_VADDR") || strstr(name, "VFIO_EEH"))
		check_extension(name, number);
}

static void check_line(const char *line)
{
	char name[128];
	unsigned number;

	if (sscanf(line, "#define %127[A-Za-z0-9_] VFIO_IO(%u)", name, &number) == 2)
		check_call(name, number);
	else if (sscanf(line, "#define %127[A-Za-z0-9_] (1u << %u)", name, &number) == 2 &&
		 !is_mask(name))
		check_bit(name, number);
	else if (sscanf(line, "#define %127[A-Za-z0-9_] %u", name, &number) == 2 &&
		 !strstr(line, "0x") && !is_mask(name))
		check_number(name, number);
}

int main(int argc, char **argv)
{
	FILE *header = argc == 2 ? fopen(argv[1], "r") : NULL;
	char line[256];

	if (!header)
		err(2, "usage: complete ABI-HEADER");
	while (fgets(line, sizeof(line), header))
		check_line(line);
	fclose(header);
	printf("%u calls, %u flags, %u numbers\n", calls, bits, numbers);
	/* So many there were when this was written: it does read the header. */
	if (calls < 28 || bits < 40 || numbers < 30)
		fail(argv[1], "too few definitions found");
	return failures != 0;
}
