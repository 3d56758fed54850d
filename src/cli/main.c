/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct cli_verb cli_help_verb;

static const struct cli_verb *const verbs[] = {
	&cli_run,
	&cli_ps,
	&cli_show,
	&cli_trace,
	&cli_walk,
	&cli_snapshot,
	&cli_event,
	&cli_ste,
	&cli_cd,
	&cli_host,
	&cli_devices,
	&cli_doctor,
	&cli_help_verb,
	NULL,
};

int cli_fail(const struct cli_verb *verb, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "nestbox %s: ", verb->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_NESTBOX;
}

int cli_help(const struct cli_verb *verb)
{
	printf("nestbox %s%s%s\n\n%s.\n%s%s", verb->name, *verb->synopsis ? " " : "",
		verb->synopsis, verb->summary, *verb->help ? "\n" : "", verb->help);
	return 0;
}

int cli_getopt(const struct cli_verb *verb, int argc, char **argv, const struct option *options)
{
	int opt;

	opterr = 0;
	opt = getopt_long(argc, argv, "+:h", options, NULL);
	if (opt == ':')
		cli_fail(verb, "%s needs a value; see nestbox help %s", argv[optind - 1],
			verb->name);
	else if (opt == '?' && optopt > 0 && optopt < 0x80 && strncmp(argv[optind - 1], "--", 2))
		cli_fail(verb, "there is no option -%c; see nestbox help %s", optopt, verb->name);
	else if (opt == '?')
		cli_fail(verb,
			"%s is no option here, or is ambiguous, or takes no value; see "
			"nestbox help %s",
			argv[optind - 1], verb->name);
	return opt == ':' ? '?' : opt;
}

int cli_take_json(const struct cli_verb *verb, int argc, char **argv, bool *json)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int opt;

	*json = false;
	while ((opt = cli_getopt(verb, argc, argv, options)) != -1) {
		if (opt == 'h')
			return cli_help(verb);
		if (opt != 'j')
			return EXIT_NESTBOX;
		*json = true;
	}
	return -1;
}

static const struct cli_verb *find_verb(const char *name)
{
	for (unsigned i = 0; verbs[i]; i++) {
		if (!strcmp(verbs[i]->name, name))
			return verbs[i];
	}
	return NULL;
}

static int unknown_verb(const char *name)
{
	fprintf(stderr, "nestbox: there is no verb '%s', must be one of", name);
	for (unsigned i = 0; verbs[i]; i++)
		fprintf(stderr, "%s %s", i ? "," : "", verbs[i]->name);
	fputc('\n', stderr);
	return EXIT_NESTBOX;
}

static void print_overview(FILE *out)
{
	fprintf(out,
		"nestbox runs unmodified VFIO programs on a simulated host: PCI devices behind\n"
		"IOMMUs that can, or cannot, nest. No hardware, no root, no kernel module.\n\n"
		"usage: nestbox VERB [OPTIONS]\n\n");
	for (unsigned i = 0; verbs[i]; i++)
		fprintf(out, "  %-9s %s\n", verbs[i]->name, verbs[i]->summary);
	fprintf(out, "\nnestbox help VERB tells more; nestbox --version tells which this is.\n");
}

static int help(const struct cli_verb *verb, int argc, char **argv)
{
	const struct cli_verb *about;

	if (argc < 2) {
		print_overview(stdout);
		return 0;
	}
	about = find_verb(argv[1]);
	return about ? cli_help(about) : unknown_verb(argv[1]);
}

static const struct cli_verb cli_help_verb = {
	.name = "help",
	.synopsis = "[VERB]",
	.summary = "Tell how nestbox, or one of its verbs, is used",
	.help = "",
	.run = help,
};

/** stdout may be a full disk or a closed pipe: what was printed must have arrived. */
static int finish(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	perror("nestbox: standard output");
	return status ? status : EXIT_NESTBOX;
}

int main(int argc, char **argv)
{
	const struct cli_verb *verb;

	if (argc < 2) {
		print_overview(stderr);
		return EXIT_NESTBOX;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("nestbox %s\n", NESTBOX_VERSION);
		return finish(0);
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		argv[1] = "help";
	verb = find_verb(argv[1]);
	return finish(verb ? verb->run(verb, argc - 1, argv + 1) : unknown_verb(argv[1]));
}
