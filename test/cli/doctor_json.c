/* SPDX-License-Identifier: MIT */
/* Reads what `nestbox doctor --json` prints, checks it against its schema, and prints "NAME: VERDICT"
 * for each need. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "doctor_json: %s\n", what);
	exit(1);
}

static const char *string(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value))
		return NULL;
	check(json_object_is_type(value, json_type_string), key);
	return json_object_get_string(value);
}

/** True: it is missing. */
static bool check_need(struct json_object *need)
{
	const char *name = string(need, "name"), *verdict = string(need, "verdict");
	bool ok, limited, missing;

	check(name && verdict && string(need, "purpose"), "name, verdict and purpose");
	ok = !strcmp(verdict, "ok");
	limited = !strcmp(verdict, "limited");
	missing = !strcmp(verdict, "missing");
	check(ok || limited || missing, "the verdict is one of three");
	check(ok == !string(need, "why") && ok == !string(need, "remedy"), "why and remedy");
	check(limited == !!string(need, "without"), "without");
	printf("%s: %s\n", name, verdict);
	return missing;
}

int main(void)
{
	struct json_object *root = json_object_from_fd(STDIN_FILENO), *value, *needs;
	bool missing = false;

	check(root, "it is not JSON");
	check(json_object_object_get_ex(root, "version", &value) && json_object_get_int(value) == 1,
		"version 1");
	check(json_object_object_get_ex(root, "needs", &needs) &&
			json_object_is_type(needs, json_type_array),
		"needs");
	for (size_t i = 0; i < json_object_array_length(needs); i++)
		missing |= check_need(json_object_array_get_idx(needs, i));
	check(json_object_object_get_ex(root, "ok", &value) &&
			json_object_get_boolean(value) == !missing,
		"ok unless something is missing");
	json_object_put(root);
	return 0;
}
