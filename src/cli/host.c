/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <nestbox/host.h>

struct host_options {
	const char *host;
	enum nb_view view;
};

enum {
	OPT_HOST = 0x100,
	OPT_YAML,
	OPT_JSON,
};

static const struct option options[] = {
	{ "host", required_argument, NULL, OPT_HOST },
	{ "yaml", no_argument, NULL, OPT_YAML },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/** -1: go on; else the exit status. */
static int parse(const struct cli_verb *verb, int argc, char **argv, struct host_options *out)
{
	int opt;

	while ((opt = cli_getopt(verb, argc, argv, options)) != -1) {
		switch (opt) {
		case OPT_HOST:
			out->host = optarg;
			break;
		case OPT_YAML:
			out->view = NB_VIEW_YAML;
			break;
		case OPT_JSON:
			out->view = NB_VIEW_JSON;
			break;
		case 'h':
			return cli_help(verb);
		default:
			return EXIT_NESTBOX;
		}
	}
	if (optind < argc)
		return cli_fail(verb,
			"there is no argument here, but '%s' is given; did you mean "
			"--host %s?",
			argv[optind], argv[optind]);
	return -1;
}

static void print_names(void)
{
	const char *const *names = nb_host_names();

	printf("\nBuilt-in hosts:");
	for (unsigned i = 0; names[i]; i++)
		printf("%s %s", i ? "," : "", names[i]);
	printf(". For one's own: nestbox host --yaml > my.yaml\n");
}

static int show_host(const struct cli_verb *verb, int argc, char **argv)
{
	struct host_options given = { .host = nb_host_names()[0] };
	struct nb_host *host;
	char message[512];
	int status = parse(verb, argc, argv, &given);

	if (status >= 0)
		return status;
	host = nb_host_load(given.host, message, sizeof(message));
	if (!host)
		return cli_fail(verb, "%s", message);
	nb_host_print(host, given.view, stdout);
	if (given.view == NB_VIEW_TABLE)
		print_names();
	nb_host_free(host);
	return 0;
}

const struct cli_verb cli_host = {
	.name = "host",
	.synopsis = "[--host NAME|FILE] [--yaml|--json]",
	.summary = "Show a simulated host: its IOMMUs, groups and devices",
	.help = "  --host NAME|FILE  a built-in host, or a description in YAML (a name with a '/'\n"
		"                    or that ends in .yaml or .yml); default: smmuv3\n"
		"  --yaml            as a description with comments, a start for one's own\n"
		"  --json            for programs\n",
	.run = show_host,
};
