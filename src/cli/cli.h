/* SPDX-License-Identifier: MIT */
/*
 * The program `nestbox`: one file per verb, one row per verb in main.c. Except for `run`, which
 * drives the gate, verbs use <nestbox/...> only, and control/client.h to look into running boxes.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <getopt.h>
#include <stdbool.h>

/** What `nestbox` itself could not do; `env` and `timeout` use the same. */
#define EXIT_NESTBOX 125

struct cli_verb {
	const char *name;
	const char *synopsis; /* after the name */
	const char *summary;  /* one line */
	const char *help;     /* the options, lines with a newline each */
	int (*run)(const struct cli_verb *verb, int argc, char **argv); /* argv[0]: the verb */
};

extern const struct cli_verb cli_run, cli_ps, cli_show, cli_trace, cli_doctor, cli_host,
	cli_devices, cli_walk, cli_snapshot, cli_event, cli_ste, cli_cd;

/** "nestbox VERB: MESSAGE" on stderr and EXIT_NESTBOX. */
int cli_fail(const struct cli_verb *verb, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** The help of a verb on stdout, and 0. */
int cli_help(const struct cli_verb *verb);

/**
 * getopt_long, up to the first argument that is no option. Its complaints are ours: returns '?'
 * after one was printed.
 */
int cli_getopt(const struct cli_verb *verb, int argc, char **argv, const struct option *options);

/** Options of a verb that has --json alone. -1: go on, at the arguments; else the exit status. */
int cli_take_json(const struct cli_verb *verb, int argc, char **argv, bool *json);

#endif
