/* SPDX-License-Identifier: MIT */
/* Reading host descriptions: every kind of mistake is found, at its place, under its key. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "dev/models.h"
#include "machine/host.h"

#define V      "version: 1\n"
#define SMMU   "iommus:\n  - {name: a, kind: smmuv3}\n"			 /* lines 2, 3 */
#define BUS    "buses:\n  - {iommu: a}\n  - {segment: 1, iommu: none}\n" /* 4, 5, 6 */
#define HOST   V SMMU BUS "devices:\n"					 /* 7; devices from 8 */
#define DEV(s) HOST "  - {" s "}\n"
#define DEV1   HOST "  - {at: \"0000:01:00.0\", model: ioat, group: 1}\n" /* next: 9 */
#define MODEL  "model: ioat"

static const struct {
	const char *yaml;
	const char *at;	  /* "line:column: key" */
	const char *says; /* part of the message, of what is wrong or what is allowed */
} mistakes[] = {
	/* the file as a whole */
	{ "", "1:1: version", "empty" },
	{ "# only a comment\n", "1:1: version", "empty" },
	{ "~\n", "1:1: version", "empty" },
	{ "- a\n", "1:1: host", "is a list, must be a map" },
	{ "hello\n", "1:1: host", "'hello'" },
	{ "version: 1\nbuses: [\n", "3:1: yaml", "did not find" },
	{ "version: 1\n\tbuses: []\n", "2:1: yaml", "tab" },
	{ "version: 1\nbuses: \"x\n", "3:1: yaml", "quoted" },
	{ "version: *nobody\n", "1:10: yaml", "undefined alias" },
	{ "version: 1\nx: \x80\xff\n", "2:4: yaml", "UTF-8" },
	{ V "---\nversion: 1\n", "3:1: yaml", "second document" },
	{ V "...\n}\n", "3:1: yaml", "must be YAML" },
	/* version */
	{ "iommus: []\n", "1:1: version", "is missing, must be 1" },
	{ "version: 2\n", "1:10: version", "is '2', must be 1" },
	{ "version: \"1\"\n", "1:10: version", "must be 1" },
	{ "version: [1]\n", "1:10: version", "is a list, must be 1" },
	{ "version:\n", "1:9: version", "is nothing, must be 1" },
	/* keys */
	{ V "ioms: []\n", "2:1: ioms", "unknown key, must be one of version, iommus, buses" },
	{ V "version: 1\n", "2:1: version", "twice" },
	{ V "[a]: 1\n", "2:1: ?", "a key is a list" },
	{ V "\"a\\nb\": 1\n", "2:1: a\\nb", "unknown key" },
	{ V "<<: {policy: {}}\n", "2:1: <<", "unknown key" },
	/* types of nodes */
	{ V "iommus: 1\n", "2:9: iommus", "is '1', must be a list of maps" },
	{ V "iommus:\n", "2:8: iommus", "is nothing" },
	{ V "iommus: [5]\n", "2:10: iommus[0]", "is '5', must be a map" },
	{ V "policy: []\n", "2:9: policy", "is a list, must be a map" },
	{ DEV("at: [1], " MODEL), "8:10: devices[0].at", "is a list" },
	/* IOMMUs */
	{ V "iommus: [{kind: smmuv3}]\n", "2:10: iommus[0].name", "is missing" },
	{ V "iommus: [{name: a}]\n", "2:10: iommus[0].kind", "is missing, must be smmuv3" },
	{ V "iommus: [{name: 9, kind: smmuv3}]\n", "2:17: iommus[0].name", "a letter" },
	{ V "iommus: [{name: a, kind: smmuv9}]\n", "2:26: iommus[0].kind",
		"'smmuv9', must be smmuv3" },
	{ V "iommus: [{name: a, kind: vtd}]\n", "2:26: iommus[0].kind", "not there yet" },
	{ V "iommus: [{name: none, kind: smmuv3}]\n", "2:17: iommus[0].name", "no name" },
	{ V SMMU "  - {name: a, kind: smmuv3}\n", "4:12: iommus[1].name",
		"iommus[0] too, must be unique" },
	{ V "iommus: [{name: a, kind: smmuv3, stages: []}]\n", "2:42: iommus[0].stages", "empty" },
	{ V "iommus: [{name: a, kind: smmuv3, stages: [3]}]\n", "2:43: iommus[0].stages",
		"is '3', must be [1], [2] or [1, 2]" },
	{ V "iommus: [{name: a, kind: smmuv3, stages: [1, 2, 1]}]\n", "2:49: iommus[0].stages",
		"stage 1 is listed twice" },
	{ V "iommus: [{name: a, kind: smmuv3, stages: 1}]\n", "2:42: iommus[0].stages",
		"must be [1]" },
	{ V "iommus: [{name: a, kind: smmuv3, httu: yes}]\n", "2:40: iommus[0].httu",
		"is 'yes', must be true or false" },
	{ V "iommus: [{name: a, kind: smmuv3, iidr: 0x100000000}]\n", "2:40: iommus[0].iidr",
		"from 0 to 4294967295" },
	{ V "iommus: [{name: a, kind: smmuv3, iidr: 99999999999999999999}]\n",
		"2:40: iommus[0].iidr", "from 0 to 4294967295" },
	{ V "iommus: [{name: a, kind: smmuv3, iidr: 0x}]\n", "2:40: iommus[0].iidr", "'0x'" },
	{ V "iommus: [{name: a, kind: smmuv3, iidr: 010}]\n", "2:40: iommus[0].iidr", "'010'" },
	{ V "iommus: [{name: a, kind: smmuv3, oas_bits: 47}]\n", "2:44: iommus[0].oas_bits",
		"one of 36, 40, 42, 44, 48" },
	{ V "iommus: [{name: a, kind: smmuv3, msi_window: 0x8080000}]\n",
		"2:46: iommus[0].msi_window", "no multiple of 0x100000" },
	{ V "iommus: [{name: a, kind: smmuv3, msi_window: 0}]\n", "2:46: iommus[0].msi_window",
		"from 1048576" },
	{ V "iommus: [{name: a, kind: smmuv3, sid_bits: -1}]\n", "2:44: iommus[0].sid_bits",
		"from 8 to 24" },
	{ V "iommus: [{name: a, kind: smmuv3, sid_bits: 1.5}]\n", "2:44: iommus[0].sid_bits",
		"'1.5'" },
	{ V "iommus: [{name: a, kind: smmuv3, color: red}]\n", "2:34: iommus[0].color",
		"unknown key, must be one of name, kind, stages" },
	/* buses */
	{ V SMMU "buses: [{type: pci}]\n", "4:9: buses[0].iommu", "is missing" },
	{ V SMMU "buses: [{iommu: b}]\n", "4:17: buses[0].iommu",
		"no IOMMU 'b', must be one of a, none" },
	{ V SMMU "buses: [{iommu: a, type: isa}]\n", "4:26: buses[0].type", "must be pci" },
	{ V SMMU "buses: [{iommu: a, segment: 65536}]\n", "4:29: buses[0].segment",
		"from 0 to 65535" },
	{ V SMMU "buses: [{iommu: a, segment: x}]\n", "4:29: buses[0].segment", "'x'" },
	{ V SMMU "buses: [{iommu: a}, {iommu: none, segment: 0}]\n", "4:44: buses[1].segment",
		"buses[0] too" },
	/* devices */
	{ DEV(MODEL ", group: 1"), "8:5: devices[0].at", "is missing" },
	{ DEV("at: \"01:00.0\", " MODEL), "8:10: devices[0].at",
		"'01:00.0', must be an address such as" },
	{ DEV("at: \"0000:01:20.0\", " MODEL), "8:10: devices[0].at", "must be 00 to 1f" },
	{ DEV("at: \"0000:01:00.8\", " MODEL), "8:10: devices[0].at", "must be 0 to 7" },
	{ DEV("at: \"0000:0g:00.0\", " MODEL), "8:10: devices[0].at", "hexadecimal" },
	{ DEV("at: \"0009:01:00.0\", " MODEL ", group: 1"), "8:10: devices[0].at",
		"segment 0009 has no bus" },
	{ DEV1 "  - {at: \"0000:01:00.0\", " MODEL ", group: 2}\n", "9:10: devices[1].at",
		"devices[0] too" },
	{ DEV("at: \"0000:01:00.0\", group: 1"), "8:5: devices[0].model", "is missing" },
	{ DEV("at: \"0000:01:00.0\", model: warp, group: 1"), "8:33: devices[0].model",
		"no model 'warp', must be one of ioat" },
	{ DEV("at: \"0000:01:00.0\", " MODEL), "8:5: devices[0].group", "is missing" },
	{ DEV("at: \"0000:01:00.0\", " MODEL ", group: -1"), "8:46: devices[0].group",
		"from 0 to 65535" },
	{ DEV("at: \"0001:01:00.0\", " MODEL ", group: 1"), "8:46: devices[0].group",
		"behind no IOMMU" },
	{ V "iommus: [{name: a, kind: smmuv3}, {name: b, kind: smmuv3}]\n"
	    "buses: [{iommu: a}, {segment: 1, iommu: b}]\n"
	    "devices:\n"
	    "  - {at: \"0000:01:00.0\", model: ioat, group: 1}\n"
	    "  - {at: \"0001:02:00.0\", model: ioat, group: 1}\n",
		"6:46: devices[1].group", "a group must be behind one IOMMU" },
	{ V SMMU "buses: [{iommu: a}, {segment: 1, iommu: a}]\n"
		 "devices:\n"
		 "  - {at: \"0000:01:00.0\", model: ioat, group: 1}\n"
		 "  - {at: \"0001:01:00.0\", model: ioat, group: 1}\n",
		"7:10: devices[1].at", "StreamID 0x100" },
	{ V "iommus: [{name: a, kind: smmuv3, sid_bits: 8}]\n"
	    "buses: [{iommu: a}]\n"
	    "devices: [{at: \"0000:01:00.0\", model: ioat, group: 1}]\n",
		"4:16: devices[0].at", "does not fit the 8 bits of a" },
	{ DEV("at: \"0000:01:00.0\", " MODEL ", group: 1, driver: \"\""), "8:57: devices[0].driver",
		"a letter" },
	{ DEV("at: \"0000:01:00.0\", " MODEL ", group: 1, options: 1"), "8:58: devices[0].options",
		"is '1', must be a map" },
	{ DEV("at: \"0000:01:00.0\", " MODEL ", group: 1, options: {warp: 1}"),
		"8:59: devices[0].options.warp", "no such option" },
	{ DEV("at: \"0000:01:00.0\", " MODEL ", group: 1, options: {[1]: 1}"),
		"8:59: devices[0].options", "a key is a list" },
	/* policy */
	{ V "policy: {nesting: maybe}\n", "2:19: policy.nesting", "one of enforce, subset" },
	{ V "policy: {noiommu: 1}\n", "2:19: policy.noiommu", "true or false" },
	{ V "policy: {nest: enforce}\n", "2:10: policy.nest", "must be one of nesting, noiommu" },
};

static void test_mistakes(void **state)
{
	static struct host_desc desc;
	char prefix[96];
	unsigned bad = 0;

	for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
		struct error error = { 0 };
		const char *yaml = mistakes[i].yaml;
		int ret = host_parse("dir/f.yaml", yaml, strlen(yaml), &desc, &error);

		snprintf(prefix, sizeof(prefix), "dir/f.yaml:%s: ", mistakes[i].at);
		if (ret == -EINVAL && !strncmp(error.message, prefix, strlen(prefix)) &&
			strstr(error.message, mistakes[i].says))
			continue;
		print_error("%s\nreturned %d: %s\nexpected %s... %s\n\n", yaml, ret, error.message,
			prefix, mistakes[i].says);
		bad++;
	}
	assert_int_equal(bad, 0);
}

static int parse(const char *yaml, struct host_desc *desc, struct error *error)
{
	*error = (struct error){ 0 };
	return host_parse("f.yaml", yaml, strlen(yaml), desc, error);
}

static void test_options(void **state)
{
	const struct pci_option *option = dev_model_find("ioat")->options;
	static struct host_desc desc;
	struct error error;
	char yaml[1024];

	assert_non_null(option);
	snprintf(yaml, sizeof(yaml),
		DEV("at: \"0000:01:00.0\", " MODEL ", group: 1, options: {%s: "
		    "%llu}"),
		option->key, (unsigned long long)option->max);
	assert_int_equal(parse(yaml, &desc, &error), 0);
	assert_int_equal(desc.devices[0].options[0], option->max);
	snprintf(yaml, sizeof(yaml),
		DEV("at: \"0000:01:00.0\", " MODEL ", group: 1, options: {%s: %llu}"), option->key,
		(unsigned long long)option->max + 1);
	assert_int_equal(parse(yaml, &desc, &error), -EINVAL);
	assert_non_null(strstr(error.message, "must be an integer from"));
	snprintf(yaml, sizeof(yaml),
		DEV("at: \"0000:01:00.0\", " MODEL ", group: 1, options: {%s: %llu, %s: 1}"),
		option->key, (unsigned long long)option->min, option->key);
	assert_int_equal(parse(yaml, &desc, &error), -EINVAL);
	assert_non_null(strstr(error.message, "twice"));
	assert_int_equal(parse(DEV1, &desc, &error), 0);
	assert_int_equal(desc.devices[0].options[0], option->dflt);
}

static void test_too_many(void **state)
{
	static struct host_desc desc;
	static char yaml[64 << 10];
	struct error error;
	char *end = yaml + sprintf(yaml, V "iommus:\n");

	for (unsigned i = 0; i <= HOST_MAX_IOMMUS; i++)
		end += sprintf(end, "  - {name: a%u, kind: smmuv3}\n", i);
	assert_int_equal(parse(yaml, &desc, &error), -EINVAL);
	assert_non_null(strstr(error.message, "f.yaml:19:5: iommus: too many, must be at most 16"));
	end = yaml + sprintf(yaml, V SMMU BUS "devices:\n");
	for (unsigned i = 0; i <= HOST_MAX_DEVICES; i++)
		end += sprintf(end, "  - {at: \"0000:%02x:%02x.0\", model: ioat, group: 1}\n",
			i / 32, i % 32);
	assert_int_equal(parse(yaml, &desc, &error), -EINVAL);
	assert_non_null(strstr(error.message, "f.yaml:264:5: devices: too many"));
}

/** Aliases share, so that a bomb is small; a cycle and a deep nest end at the first wrong type. */
static void test_bombs(void **state)
{
	static struct host_desc desc;
	static char yaml[200 << 10];
	struct error error;
	char *end = yaml + sprintf(yaml, "a0: &a0 [x, x]\n");

	for (unsigned i = 1; i < 60; i++)
		end += sprintf(end, "a%u: &a%u [*a%u, *a%u, *a%u]\n", i, i, i - 1, i - 1, i - 1);
	assert_int_equal(parse(yaml, &desc, &error), -EINVAL);
	assert_non_null(strstr(error.message, "f.yaml:1:1: a0: unknown key"));
	assert_int_equal(parse(V "iommus: &a [*a]\n", &desc, &error), -EINVAL);
	assert_non_null(strstr(error.message, "iommus[0]: is a list, must be a map"));
	assert_int_equal(parse(V "policy: &p {nesting: *p}\n", &desc, &error), -EINVAL);
	end = yaml + sprintf(yaml, V "iommus: ");
	memset(end, '[', 100 << 10);
	end[100 << 10] = '\0';
	assert_int_equal(parse(yaml, &desc, &error), -EINVAL);
	assert_string_equal(
		error.message, "f.yaml:2:24: yaml: is nested too deep, must be at most 16 deep");
	for (end = yaml; end < yaml + (150 << 10);)
		end += sprintf(end, "- &a%zu x\n", (size_t)(end - yaml));
	assert_int_equal(parse(yaml, &desc, &error), -EINVAL);
	assert_string_equal(
		error.message, "f.yaml:65:3: yaml: too many anchors, must be at most 64");
	end = yaml + sprintf(yaml, V "iommus: &i [{name: a, kind: smmuv3}]\n"
				     "buses: [{iommu: a}]\n");
	assert_int_equal(parse(yaml, &desc, &error), 0);
}

static void test_files(void **state)
{
	static struct host_desc desc;
	struct error error = { 0 };
	char path[] = "/tmp/nestbox-host-XXXXXX.yaml";
	int fd = mkstemps(path, 5);

	assert_true(fd >= 0);
	assert_int_equal(host_load("/nonexistent/x.yaml", &desc, &error), -ENOENT);
	assert_string_equal(error.message,
		"/nonexistent/x.yaml: cannot open the host description: No such file or directory");
	error = (struct error){ 0 };
	assert_int_equal(host_load("smmuv4", &desc, &error), -ENOENT);
	assert_non_null(strstr(error.message,
		"no built-in host 'smmuv4', must be one of smmuv3, smmuv3-no-nesting, mixed, "
		"empty, or a file"));
	error = (struct error){ 0 };
	assert_int_equal(host_load("/tmp/", &desc, &error), -EISDIR);
	error = (struct error){ 0 };
	assert_int_equal(write(fd, DEV1, strlen(DEV1)), strlen(DEV1));
	assert_int_equal(host_load(path, &desc, &error), 0);
	assert_string_equal(desc.name, path + 5);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(host_load(path, &desc, &error), -EINVAL);
	error = (struct error){ 0 };
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	assert_int_equal(host_load(path, &desc, &error), -EFBIG);
	assert_non_null(strstr(error.message, "too large, must be at most 256 KiB"));
	close(fd);
	unlink(path);
}

static void test_values(void **state)
{
	static struct host_desc desc;
	struct error error;

	assert_int_equal(parse(V "iommus:\n"
				 "  - {name: s-1.x_, kind: smmuv3, stages: [2], iidr: 0x4830043B, "
				 "oas_bits: 40, sid_bits: 24}\n"
				 "buses: [{iommu: s-1.x_, segment: 0xAB}, {iommu: none}]\n"
				 "devices:\n"
				 "  - {at: 00ab:FE:1F.7, model: ioat, group: 0, driver: ixgbe}\n"
				 "  - {at: \"0000:00:00.0\", model: ioat, driver: none}\n"
				 "policy: {nesting: subset, noiommu: true}\n",
				 &desc, &error),
		0);
	assert_string_equal(desc.iommus[0].name, "s-1.x_");
	assert_false(desc.iommus[0].stage1);
	assert_true(desc.iommus[0].stage2);
	assert_int_equal(desc.iommus[0].iidr, 0x4830043b);
	assert_int_equal(desc.iommus[0].oas_bits, 40);
	assert_int_equal(desc.iommus[0].sid_bits, 24);
	assert_int_equal(desc.buses[0].segment, 0xab);
	assert_int_equal(desc.buses[0].iommu, 0);
	assert_int_equal(desc.buses[1].iommu, -1);
	assert_string_equal(desc.buses[1].type, "pci");
	assert_string_equal(desc.devices[0].at, "00ab:fe:1f.7");
	assert_string_equal(desc.devices[0].driver, "ixgbe");
	assert_int_equal(desc.devices[0].group, 0);
	assert_int_equal(desc.devices[1].group, -1);
	assert_int_equal(desc.devices[1].bus, 1);
	assert_string_equal(desc.devices[1].driver, "");
	assert_true(desc.nesting_subset);
	assert_true(desc.noiommu);
}

/** What is printed as YAML is the same host again, for the built-ins and one with everything. */
static void check_round_trip(const struct host_desc *desc)
{
	static struct host_desc again;
	struct error error = { 0 };
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	host_print_yaml(desc, out);
	fclose(out);
	if (host_parse(desc->name, text, len, &again, &error))
		fail_msg("%s\n%s", text, error.message);
	assert_memory_equal(&again, desc, sizeof(again));
	free(text);
}

static void test_round_trip(void **state)
{
	static struct host_desc desc;
	struct error error = { 0 };

	for (unsigned i = 0; host_builtins[i]; i++) {
		assert_int_equal(host_load(host_builtins[i], &desc, &error), 0);
		assert_string_equal(desc.name, host_builtins[i]);
		check_round_trip(&desc);
	}
	assert_int_equal(parse(V SMMU BUS "devices:\n"
					  "  - {at: \"0001:01:00.0\", model: ioat, driver: none}\n"
					  "policy: {nesting: subset, noiommu: true}\n",
				 &desc, &error),
		0);
	check_round_trip(&desc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
