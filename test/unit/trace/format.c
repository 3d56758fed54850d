/* SPDX-License-Identifier: MIT */
/* Events in each format: what is in them, and that they stay valid whatever the bytes and the room. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "trace/format.h"
#include "trace/json.h"

static struct why refused;

static const struct trace_event call_event = {
	.kind = TRACE_CALL,
	.begin_ns = 1234567890,
	.end_ns = 1234569907,
	.pid = 41,
	.tid = 42,
	.name = "VFIO_SET_IOMMU",
	.text = "ioctl(960</dev/vfio/vfio>, VFIO_SET_IOMMU, VFIO_TYPE1_NESTING_IOMMU)",
	.result = -EOPNOTSUPP,
	.why = &refused,
};

static const struct trace_event fault_event = {
	.kind = TRACE_FAULT,
	.begin_ns = 5000,
	.end_ns = 5000,
	.pid = 7,
	.tid = 257,
	.name = "F_TRANSLATION",
	.text = "nestbox: DMA fault: 0000:01:00.0: read of iova 0xdead000000: F_TRANSLATION",
	.device = "0000:01:00.0",
	.iommu = "smmu0",
	.delivered = true,
};

static int set_up(void **state)
{
	why_refused(&refused, EOPNOTSUPP, "iommu-cannot-nest", "stage 2 only");
	why_about(&refused, "1", "0000:01:00.0", "smmu0");
	why_instead(&refused, "VFIO_TYPE1v2_IOMMU");
	return 0;
}

/** Strict, and valid UTF-8; fails the test otherwise. */
static struct json_object *parse(const char *text, int len)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, len);
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		object = json_tokener_parse_ex(tokener, "", 1);
	if (!object)
		fail_msg("%s: %.*s", json_tokener_error_desc(json_tokener_get_error(tokener)), len,
			text);
	json_tokener_free(tokener);
	return object;
}

/** One line of the format, its comma taken off. */
static struct json_object *parse_line(const char *line, int len, enum trace_format format)
{
	int comma = format == TRACE_CHROME;

	assert_int_equal(strlen(line), len);
	assert_ptr_equal(strchr(line, '\n'), line + len - 1);
	assert_int_equal(line[0], comma ? ',' : '{');
	return parse(line + comma, len - 1 - comma);
}

static struct json_object *event_json(enum trace_format format, const struct trace_event *event)
{
	static char line[TRACE_EVENT_MAX];

	return parse_line(line, trace_format_event(line, sizeof(line), format, event), format);
}

static struct json_object *member(struct json_object *object, const char *key)
{
	struct json_object *value;

	assert_true(json_object_object_get_ex(object, key, &value));
	return value;
}

static void string_is(struct json_object *object, const char *key, const char *expected)
{
	assert_string_equal(json_object_get_string(member(object, key)), expected);
}

static void number_is(struct json_object *object, const char *key, long long expected)
{
	assert_true(json_object_is_type(member(object, key), json_type_int));
	assert_int_equal(json_object_get_int64(member(object, key)), expected);
}

static void time_is(struct json_object *object, const char *key, const char *expected)
{
	assert_true(json_object_is_type(member(object, key), json_type_double));
	assert_string_equal(json_object_to_json_string(member(object, key)), expected);
}

static void details_are(struct json_object *object)
{
	struct json_object *reason = member(object, "reason");

	number_is(object, "result", -1);
	string_is(object, "errno", "EOPNOTSUPP");
	string_is(object, "text", call_event.text);
	string_is(reason, "class", "refused");
	string_is(reason, "rule", "iommu-cannot-nest");
	string_is(reason, "group", "1");
	string_is(reason, "device", "0000:01:00.0");
	string_is(reason, "iommu", "smmu0");
	string_is(reason, "missing", "stage 2 only");
	string_is(reason, "instead", "VFIO_TYPE1v2_IOMMU");
}

/* ---- what is in them ---- */

static void test_names(void **state)
{
	assert_int_equal(trace_format_parse("text"), TRACE_TEXT);
	assert_int_equal(trace_format_parse("json"), TRACE_JSON);
	assert_int_equal(trace_format_parse("chrome"), TRACE_CHROME);
	assert_int_equal(trace_format_parse("Chrome"), -1);
	assert_int_equal(trace_format_parse(""), -1);
}

static void text_is(const struct trace_event *event, const char *expected)
{
	char line[TRACE_EVENT_MAX];
	int len = trace_format_event(line, sizeof(line), TRACE_TEXT, event);

	assert_string_equal(line, expected);
	assert_int_equal(len, strlen(line));
}

static void test_text(void **state)
{
	struct trace_event event = call_event;

	text_is(&call_event,
		"[42] ioctl(960</dev/vfio/vfio>, VFIO_SET_IOMMU, VFIO_TYPE1_NESTING_IOMMU) = -1 "
		"EOPNOTSUPP <iommu-cannot-nest: stage 2 only>\n");
	event.why = NULL;
	event.result = 3;
	event.text = "open(\"a\nb\")";
	text_is(&event, "[42] open(\"a?b\") = 3\n");
	text_is(&fault_event,
		"nestbox: DMA fault: 0000:01:00.0: read of iova 0xdead000000: F_TRANSLATION\n");
}

static void test_json(void **state)
{
	struct trace_event event = call_event;
	struct json_object *object = event_json(TRACE_JSON, &event);

	string_is(object, "kind", "call");
	number_is(object, "begin_ns", 1234567890);
	number_is(object, "end_ns", 1234569907);
	number_is(object, "pid", 41);
	number_is(object, "tid", 42);
	string_is(object, "name", "VFIO_SET_IOMMU");
	details_are(object);
	json_object_put(object);

	event.result = 960;
	event.why = NULL;
	object = event_json(TRACE_JSON, &event);
	number_is(object, "result", 960);
	assert_null(member(object, "errno"));
	assert_false(json_object_object_get_ex(object, "reason", NULL));
	json_object_put(object);

	object = event_json(TRACE_JSON, &fault_event);
	string_is(object, "kind", "fault");
	string_is(object, "name", "F_TRANSLATION");
	string_is(object, "device", "0000:01:00.0");
	string_is(object, "iommu", "smmu0");
	assert_true(json_object_get_boolean(member(object, "delivered")));
	string_is(object, "text", fault_event.text);
	json_object_put(object);
}

static void test_chrome(void **state)
{
	struct json_object *object = event_json(TRACE_CHROME, &call_event);

	string_is(object, "ph", "X");
	time_is(object, "ts", "1234567.890");
	time_is(object, "dur", "2.017");
	number_is(object, "pid", 41);
	number_is(object, "tid", 42);
	string_is(object, "name", "VFIO_SET_IOMMU");
	string_is(object, "cat", "call");
	details_are(member(object, "args"));
	json_object_put(object);

	object = event_json(TRACE_CHROME, &fault_event);
	string_is(object, "ph", "i");
	string_is(object, "s", "p");
	time_is(object, "ts", "5.000");
	number_is(object, "pid", 7);
	number_is(object, "tid", 257);
	string_is(member(object, "args"), "device", "0000:01:00.0");
	json_object_put(object);
}

/** Head, rows, events, lost lines and tail are one array; without the tail, once "]" is added. */
static void test_array(void **state)
{
	char text[4 * TRACE_EVENT_MAX];
	int len = trace_format_head(text, TRACE_EVENT_MAX, TRACE_CHROME, 7);
	struct json_object *array, *row;

	len += trace_format_row(text + len, TRACE_EVENT_MAX, TRACE_CHROME, 41, 0, "a \"program\"");
	len += trace_format_row(text + len, TRACE_EVENT_MAX, TRACE_CHROME, 41, 42, "thread");
	len += trace_format_event(text + len, TRACE_EVENT_MAX, TRACE_CHROME, &call_event);
	len += trace_format_lost(text + len, 256, TRACE_CHROME, 3, 6000);
	assert_string_equal(trace_format_tail(TRACE_CHROME), "]\n");
	text[len] = ']';
	array = parse(text, len + 1);
	assert_int_equal(json_object_array_length(array), 5);
	row = json_object_array_get_idx(array, 0);
	string_is(row, "ph", "M");
	string_is(row, "name", "process_name");
	number_is(row, "pid", 7);
	row = json_object_array_get_idx(array, 1);
	string_is(row, "name", "process_name");
	string_is(member(row, "args"), "name", "a \"program\"");
	row = json_object_array_get_idx(array, 2);
	string_is(row, "name", "thread_name");
	number_is(row, "tid", 42);
	row = json_object_array_get_idx(array, 4);
	string_is(row, "ph", "i");
	number_is(member(row, "args"), "lines", 3);
	json_object_put(array);
}

static void test_lost(void **state)
{
	struct json_object *object;
	char line[256];
	int len;

	trace_format_lost(line, sizeof(line), TRACE_TEXT, 1, 0);
	assert_string_equal(line, "nestbox: ... 1 line lost\n");
	len = trace_format_lost(line, sizeof(line), TRACE_JSON, UINT64_MAX, UINT64_MAX);
	object = parse_line(line, len, TRACE_JSON);
	string_is(object, "kind", "lost");
	json_object_put(object);
	assert_int_equal(trace_format_head(line, sizeof(line), TRACE_TEXT, 1), 0);
	assert_int_equal(trace_format_row(line, sizeof(line), TRACE_JSON, 1, 1, "x"), 0);
	assert_string_equal(trace_format_tail(TRACE_JSON), "");
}

/* ---- any bytes, any room ---- */

static const struct {
	const char *in, *out;
} strings[] = {
	{ "plain", "plain" },
	{ "", "" },
	{ "\"quotes\" and \\ backslashes", "\"quotes\" and \\ backslashes" },
	{ "\n\t\r\b\f\x01\x1f\x7f", "\n\t\r\b\f\x01\x1f\x7f" },
	{ "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
	{ "\x80", "\xef\xbf\xbd" },
	{ "a\xff\xfe"
	  "b",
		"a\xef\xbf\xbd\xef\xbf\xbd"
		"b" },
	{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },		    /* too long a form */
	{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* a surrogate */
	{ "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ "cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd" },
	{ "</script> \xe2\x80\xa8", "</script> \xe2\x80\xa8" },
};

static void test_strings(void **state)
{
	struct trace_event event = call_event;
	struct json_object *object;

	for (unsigned i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		event.text = event.name = strings[i].in;
		object = event_json(TRACE_JSON, &event);
		string_is(object, "text", strings[i].out);
		string_is(object, "name", strings[i].out);
		json_object_put(object);
		object = event_json(TRACE_CHROME, &event);
		string_is(member(object, "args"), "text", strings[i].out);
		json_object_put(object);
	}
}

/** Every room: the line is a line, an object, no longer than it may be, and wants no more memory. */
static void cut_all(const struct trace_event *event)
{
	for (size_t size = 64; size < 1500; size++) {
		char *line = test_malloc(size);

		for (int format = TRACE_TEXT; format <= TRACE_CHROME; format++) {
			int len = trace_format_event(line, size, format, event);

			assert_in_range(len, 1, size - 1);
			assert_int_equal(line[len - 1], '\n');
			if (format != TRACE_TEXT)
				json_object_put(parse_line(line, len, format));
		}
		test_free(line);
	}
}

static void test_cut(void **state)
{
	static char text[6000];
	struct trace_event event = call_event;
	struct json_object *object;

	cut_all(&event);
	cut_all(&fault_event);
	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = "\x01\"\xe2\x82\xac\xff"[i % 6];
	event.text = text;
	cut_all(&event);
	/* Of a real line only the text is cut, and says so. */
	object = event_json(TRACE_JSON, &event);
	string_is(member(object, "reason"), "rule", "iommu-cannot-nest");
	text[0] = '\0';
	const char *cut = json_object_get_string(member(object, "text"));
	assert_string_equal(cut + strlen(cut) - 3, "...");
	json_object_put(object);
}

/** The writer alone: members and objects that do not fit are left out, what is open is closed. */
static void test_writer(void **state)
{
	struct json_object *object;
	struct json json;
	char buf[64];

	for (size_t size = 8; size <= sizeof(buf); size++) {
		json_begin(&json, buf, size, "");
		if (json_open(&json, "a")) {
			if (json_open(&json, "b"))
				json_string(&json, "c", "some \"words\"");
		}
		json_number(&json, "d", -5);
		object = parse_line(buf, json_end(&json), TRACE_JSON);
		assert_in_range(json.len, 1, size - 1);
		json_object_put(object);
	}
	assert_string_equal(buf, "{\"a\":{\"b\":{\"c\":\"some \\\"words\\\"\",\"d\":-5}}}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_chrome),
		cmocka_unit_test(test_array),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_writer),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
