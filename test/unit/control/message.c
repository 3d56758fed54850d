/* SPDX-License-Identifier: MIT */
/* What a client may say, and what it is told when it says something else. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "control/message.h"

static const struct {
	const char *line; /* without its newline */
	const char *error;
	bool fatal;
} refused[] = {
	{ "", "bad-json", true },
	{ " ", "bad-json", true },
	{ "what?", "bad-json", true },
	{ "{", "bad-json", true },
	{ "{\"request\": \"list\"", "bad-json", true },
	{ "{\"request\": \"list\"} x", "bad-json", true },
	{ "{\"request\": \"list\"}{\"request\": \"list\"}", "bad-json", true },
	{ "{\"request\": \"list\",}", "bad-json", true },
	{ "{'request': 'list'}", "bad-json", true },
	{ "[]", "bad-json", true },
	{ "\"list\"", "bad-json", true },
	{ "1", "bad-json", true },
	{ "null", "bad-json", true },
	{ "{\"request\": \"\xff\"}", "bad-json", true },
	{ "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "bad-json", true },
	{ "{}", "bad-request", false },
	{ "{\"request\": 1}", "bad-request", false },
	{ "{\"request\": null}", "bad-request", false },
	{ "{\"request\": {\"request\": \"list\"}}", "bad-request", false },
	{ "{\"request\": \"\"}", "unknown-request", false },
	{ "{\"request\": \"List\"}", "unknown-request", false },
	{ "{\"request\": \"leap\"}", "unknown-request", false },
	{ "{\"request\": \"walk\"}", "bad-request", false },
	{ "{\"request\": \"walk\", \"device\": \"a\"}", "bad-request", false },
	{ "{\"request\": \"walk\", \"iova\": 1}", "bad-request", false },
	{ "{\"request\": \"walk\", \"device\": \"\", \"iova\": 1}", "bad-request", false },
	{ "{\"request\": \"walk\", \"device\": \"a\\u0000b\", \"iova\": 1}", "bad-request", false },
	{ "{\"request\": \"walk\", \"device\": null, \"iova\": 1}", "bad-request", false },
	{ "{\"request\": \"walk\", \"device\": \"a\", \"iova\": -1}", "bad-request", false },
	{ "{\"request\": \"walk\", \"device\": \"a\", \"iova\": \"1\"}", "bad-request", false },
	{ "{\"request\": \"walk\", \"device\": \"a\", \"iova\": 1, \"pasid\": 1048576}",
		"bad-request", false },
	{ "{\"request\": \"walk\", \"device\": \"a\", \"iova\": 1, \"write\": 1}", "bad-request",
		false },
	{ "{\"request\": \"walk\", \"device\": \"a\", \"iova\": 1, \"on\": true}", "bad-request",
		false },
	{ "{\"request\": \"snapshot\", \"device\": \"a\"}", "bad-request", false },
	{ "{\"request\": \"list\\u0000\"}", "unknown-request", false },
	{ "{\"request\": \"list\", \"pid\": 1}", "bad-request", false },
	{ "{\"request\": \"list\", \"version\": 2}", "bad-version", false },
	{ "{\"request\": \"list\", \"version\": \"1\"}", "bad-version", false },
	{ "{\"request\": \"list\", \"version\": 18446744073709551617}", "bad-version", false },
	{ "{\"request\": \"list\", \"format\": \"text\"}", "bad-request", false },
	{ "{\"request\": \"show\", \"on\": true}", "bad-request", false },
	{ "{\"request\": \"trace\", \"on\": 1}", "bad-request", false },
	{ "{\"request\": \"trace\", \"format\": \"xml\"}", "bad-request", false },
	{ "{\"request\": \"trace\", \"format\": \"json\\u0000\"}", "bad-request", false },
	{ "{\"request\": \"trace\", \"format\": null}", "bad-request", false },
};

static bool parse(const char *line, struct control_request *out, struct control_problem *problem)
{
	size_t len = strlen(line);
	char *exact = malloc(len + 1); /* so that a sanitizer sees what is read behind it */
	bool good;

	*(char *)mempcpy(exact, line, len) = '\n';
	good = control_parse(exact, len, out, problem);
	free(exact);
	return good;
}

static void test_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		struct control_request request;
		struct control_problem problem = { 0 };

		if (parse(refused[i].line, &request, &problem))
			fail_msg("taken: %s", refused[i].line);
		if (strcmp(problem.error, refused[i].error) || problem.fatal != refused[i].fatal)
			fail_msg("%s: %s", refused[i].line, problem.error);
		assert_true(strlen(problem.message) > 10);
	}
}

static const struct {
	const char *line;
	struct control_request request;
} taken[] = {
	{ "{\"request\": \"list\"}", { CONTROL_LIST, true, TRACE_TEXT } },
	{ "{\"version\":1,\"request\":\"show\"}", { CONTROL_SHOW, true, TRACE_TEXT } },
	{ " {\"request\" : \"stats\" } \r", { CONTROL_STATS, true, TRACE_TEXT } },
	{ "{\"request\": \"trace\"}", { CONTROL_TRACE, true, TRACE_TEXT } },
	{ "{\"on\": false, \"request\": \"trace\"}", { CONTROL_TRACE, false, TRACE_TEXT } },
	{ "{\"format\": \"json\", \"on\": true, \"request\": \"trace\"}",
		{ CONTROL_TRACE, true, TRACE_JSON } },
	{ "{\"request\": \"trace\", \"format\": \"chrome\"}",
		{ CONTROL_TRACE, true, TRACE_CHROME } },
};

static void test_walk(void **state)
{
	struct control_request request;
	struct control_problem problem = { 0 };

	assert_true(parse("{\"request\": \"walk\", \"device\": \"0000:01:00.0\", "
			  "\"iova\": 18446744073709551615, \"pasid\": 1048575, \"write\": true, "
			  "\"privileged\": true, \"translated\": true, \"svg\": true}",
		&request, &problem));
	assert_int_equal(request.verb, CONTROL_WALK);
	assert_string_equal(request.walk.device, "0000:01:00.0");
	assert_true(request.walk.iova == UINT64_MAX);
	assert_true(request.walk.has_pasid && request.walk.pasid == 1048575);
	assert_true(request.walk.write && request.walk.privileged && request.walk.svg);
	assert_true(request.walk.translated);
	assert_false(request.walk.text || request.walk.colour || request.walk.instruction);
	assert_true(parse("{\"request\": \"snapshot\"}", &request, &problem));
	assert_int_equal(request.verb, CONTROL_SNAPSHOT);
}

static void test_taken(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
		struct control_request request;
		struct control_problem problem = { 0 };

		if (!parse(taken[i].line, &request, &problem))
			fail_msg("%s: %s: %s", taken[i].line, problem.error, problem.message);
		assert_int_equal(request.verb, taken[i].request.verb);
		assert_int_equal(request.on, taken[i].request.on);
		assert_int_equal(request.format, taken[i].request.format);
	}
}

/** A byte of NUL, and every byte in every place of a request: no crash, and no other request. */
static void test_bytes(void **state)
{
	char line[] = "{\"request\": \"stats\"}\n";
	size_t len = strlen(line) - 1;

	for (size_t at = 0; at < len; at++) {
		const char was = line[at];

		for (unsigned byte = 0; byte < 256; byte++) {
			struct control_request request;
			struct control_problem problem = { 0 };

			line[at] = (char)byte;
			if (control_parse(line, len, &request, &problem))
				assert_int_equal(request.verb, CONTROL_STATS);
			else
				assert_non_null(problem.error);
		}
		line[at] = was;
	}
}

static void test_answers(void **state)
{
	struct control_problem problem = { 0 };
	struct json_object *object = control_answer("list");
	size_t len;
	char *line;

	control_put_text(object, "text", "a\tb\x1b[2J\xff\"");
	control_put_text(object, "none", NULL);
	control_put_u64(object, "n", UINT64_MAX);
	line = control_line(object, &len);
	assert_string_equal(line, "{ \"version\": 1, \"request\": \"list\", "
				  "\"text\": \"a\\\\tb\\\\x1b[2J\\\\xff\\\"\", \"none\": null, "
				  "\"n\": 18446744073709551615 }\n");
	assert_int_equal(len, strlen(line));
	free(line);
	control_refuse(&problem, "no-trace", "because of %d", 7);
	line = control_line(control_problem_json(&problem), &len);
	assert_string_equal(line,
		"{ \"version\": 1, \"error\": \"no-trace\", \"message\": \"because of 7\" }\n");
	free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
