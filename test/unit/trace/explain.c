/* SPDX-License-Identifier: MIT */
/* Reasons as a line, as JSON, and counted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/explain.h"

#define CALL "VFIO_SET_IOMMU(VFIO_TYPE1_NESTING_IOMMU)"

static void refuse(struct why *why)
{
	why_refused(why, EOPNOTSUPP, "iommu-cannot-nest", "it has stage 1 only");
	why_about(why, "1", "0000:01:00.0", "smmu0");
	why_instead(why, "VFIO_TYPE1v2_IOMMU");
}

static void test_line(void **state)
{
	char line[EXPLAIN_LINE_MAX];
	struct why why = { 0 };
	struct explain explain = { .call = CALL, .pid = 42, .why = &why };

	refuse(&why);
	assert_true(explain_is_refusal(&why));
	explain_line(line, sizeof(line), &explain);
	assert_string_equal(line,
		"nestbox: " CALL ": EOPNOTSUPP: group 1 (0000:01:00.0) behind smmu0: it has stage "
		"1 only; instead: VFIO_TYPE1v2_IOMMU");
	why = (struct why){ .class = WHY_REFUSED, .iommu = "smmu0", .missing = "a\nb\x1b[1m" };
	explain_line(line, sizeof(line), &explain);
	assert_string_equal(line, "nestbox: " CALL ": 0: smmu0: a\\nb\\x1b[1m");
	why = (struct why){ .class = WHY_MISUSE, .err = EINVAL, .rule = "short-argsz" };
	explain_line(line, sizeof(line), &explain);
	assert_string_equal(line, "nestbox: " CALL ": EINVAL: short-argsz");
	why.class = WHY_PROTOCOL;
	assert_false(explain_is_refusal(&why));
}

static const char *member(struct json_object *object, const char *key)
{
	struct json_object *value;

	assert_true(json_object_object_get_ex(object, key, &value));
	return json_object_get_string(value);
}

static void test_json(void **state)
{
	struct why why = { 0 };
	struct explain explain = { .call = CALL, .pid = 42, .why = &why, .mappings = 3 };
	struct json_object *object, *counts;
	char *text;

	refuse(&why);
	why.missing[0] = '\xff'; /* not UTF-8: must not reach the reader of the JSON */
	why.device[0] = '\0';
	text = explain_json(&explain);
	assert_non_null(text);
	object = json_tokener_parse(text);
	assert_non_null(object);
	assert_string_equal(member(object, "call"), CALL);
	assert_string_equal(member(object, "pid"), "42");
	assert_string_equal(member(object, "errno"), "EOPNOTSUPP");
	assert_string_equal(member(object, "class"), "refused");
	assert_string_equal(member(object, "rule"), "iommu-cannot-nest");
	assert_string_equal(member(object, "group"), "1");
	assert_null(member(object, "device"));
	assert_string_equal(member(object, "iommu"), "smmu0");
	assert_string_equal(member(object, "missing"), "\\xfft has stage 1 only");
	assert_string_equal(member(object, "instead"), "VFIO_TYPE1v2_IOMMU");
	assert_true(json_object_object_get_ex(object, "counts", &counts));
	assert_string_equal(member(counts, "domains"), "0");
	assert_string_equal(member(counts, "mappings"), "3");
	json_object_put(object);
	free(text);
}

struct said {
	char lines[16][64];
	unsigned n;
};

static void say(void *ctx, const char *line)
{
	struct said *said = ctx;

	snprintf(said->lines[said->n++], 64, "%s", line);
}

static void test_log(void **state)
{
	struct said said = { 0 };
	struct explain_log *log = explain_log_create(2, say, &said);

	assert_non_null(log);
	explain_log_add(log, "a");
	explain_log_add(log, "a");
	explain_log_add(log, "b");
	explain_log_add(log, "a");
	assert_int_equal(said.n, 2);
	explain_log_add(log, "c"); /* b gives way, silently: it was said once */
	assert_int_equal(said.n, 3);
	explain_log_add(log, "d"); /* a gives way, with its count */
	assert_int_equal(said.n, 5);
	assert_string_equal(said.lines[3], "a [2 more times]");
	assert_string_equal(said.lines[4], "d");
	explain_log_add(log, "d");
	explain_log_flush(log);
	assert_int_equal(said.n, 6);
	assert_string_equal(said.lines[5], "d [1 more time]");
	explain_log_add(log, "d");
	assert_int_equal(said.n, 7);
	explain_log_destroy(log);
	assert_int_equal(said.n, 7);
	explain_log_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
