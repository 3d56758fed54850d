/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <json-c/json.h>
#include <stdio.h>

#include "doctor/doctor.h"

#define FORMAT_VERSION 1

static void print_line(void *ctx, const struct finding *finding)
{
	char line[FINDING_LINE_SIZE];

	finding_line(line, sizeof(line), finding);
	puts(line);
	fflush(stdout); /* readable while the next one is tried; and nothing for a child to repeat */
}

static void add_string(struct json_object *object, const char *key, const char *value)
{
	if (value)
		json_object_object_add(object, key, json_object_new_string(value));
}

static void add_finding(void *ctx, const struct finding *finding)
{
	struct json_object *object = json_object_new_object();

	add_string(object, "name", finding->name);
	add_string(object, "purpose", finding->purpose);
	add_string(object, "verdict", finding_verdict_name(finding->verdict));
	add_string(object, "why", finding->why);
	add_string(object, "without", finding->without);
	add_string(object, "remedy", finding->remedy);
	json_object_array_add(ctx, object);
}

static unsigned print_json(void)
{
	struct json_object *root = json_object_new_object(), *needs = json_object_new_array();
	unsigned missing = doctor_examine(add_finding, needs);

	json_object_object_add(root, "version", json_object_new_int(FORMAT_VERSION));
	json_object_object_add(root, "ok", json_object_new_boolean(!missing));
	json_object_object_add(root, "needs", needs);
	puts(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
							  JSON_C_TO_STRING_SPACED |
							  JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	return missing;
}

static int doctor(const struct cli_verb *verb, int argc, char **argv)
{
	bool json;
	int status = cli_take_json(verb, argc, argv, &json);

	if (status >= 0)
		return status;
	if (optind < argc)
		return cli_fail(verb, "there is no argument here, but '%s' is given", argv[optind]);
	return (json ? print_json() : doctor_examine(print_line, NULL)) ? EXIT_NESTBOX : 0;
}

const struct cli_verb cli_doctor = {
	.name = "doctor",
	.synopsis = "[--json]",
	.summary = "Try everything that a box needs of this machine",
	.help = "  --json            for programs: {\"version\": 1, \"ok\": true if a box can be "
		"made,\n"
		"                    \"needs\": [{\"name\", \"purpose\", \"verdict\": \"ok\" | "
		"\"limited\" |\n"
		"                    \"missing\", and unless ok \"why\", \"remedy\", and if "
		"limited\n"
		"                    \"without\"}]}\n"
		"\n"
		"One line for each need, in an order in which the first that is missing is the\n"
		"cause of later ones:\n"
		"\n"
		"  NAME: ok\n"
		"  NAME: limited: WHY; WHAT NESTBOX DOES WITHOUT IT; remedy: REMEDY\n"
		"  NAME: missing: WHY; remedy: REMEDY\n"
		"\n"
		"The exit status is 0 if a box can be made, and 125 if it cannot.\n",
	.run = doctor,
};
