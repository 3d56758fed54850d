/* SPDX-License-Identifier: MIT */
#include "guest.h"

#include <err.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SKIPPED 77

static double number(struct json_object *row, const char *key)
{
	struct json_object *value = json_object_object_get(row, key);

	if (!value)
		errx(1, "bench/guest: no %s", key);
	return json_object_get_double(value);
}

/* The last row is of the largest copies. */
static void take(struct json_object *all, const char *kind, struct guest_rates *out)
{
	struct json_object *rows = json_object_object_get(all, kind), *row;

	if (!json_object_is_type(rows, json_type_array) || !json_object_array_length(rows))
		errx(1, "bench/guest: no rows of %s memory", kind);
	row = json_object_array_get_idx(rows, json_object_array_length(rows) - 1);
	out->engine = number(row, "engine_mb_s");
	out->memcpy = number(row, "memcpy_mb_s");
}

static pid_t start(const char *build, int out)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid)
		return pid;
	dup2(out, STDOUT_FILENO);
	execlp("sh", "sh", BENCH_GUEST, build, NULL);
	err(127, "sh");
}

static void read_all(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
}

bool guest_measure(const char *build, struct guest_rates *private, struct guest_rates *shared)
{
	static char text[65536];
	struct json_object *all;
	int pipes[2], status;
	pid_t pid;

	if (pipe(pipes))
		err(1, "pipe");
	pid = start(build, pipes[1]);
	close(pipes[1]);
	read_all(pipes[0], text, sizeof(text));
	close(pipes[0]);
	if (waitpid(pid, &status, 0) != pid || (status && WEXITSTATUS(status) != SKIPPED))
		errx(1, "bench/guest failed");
	if (status) /* it has said why */
		return false;
	all = json_tokener_parse(text);
	if (!all)
		errx(1, "bench/guest: no JSON: %s", text);
	take(all, "private", private);
	take(all, "memfd", shared);
	json_object_put(all);
	return true;
}
