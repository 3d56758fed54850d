/* SPDX-License-Identifier: MIT */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/client.h"

enum {
	OPT_BOX = 0x100,
	OPT_IMAGE,
	OPT_PASID,
	OPT_WRITE,
	OPT_PRIV,
	OPT_INSN,
	OPT_TRANSLATED,
	OPT_JSON,
	OPT_SVG,
};

struct options {
	const char *box, *image, *svg;
	bool json;
	struct control_walk walk;
	const char *device, *iova;
};

/* Hexadecimal with 0x, else decimal. */
static bool take_number(const char *text, uint64_t most, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *out <= most;
}

/* False: it is none of ours, or -1 was printed about it. */
static bool take_option(const struct cli_verb *verb, int opt, struct options *options)
{
	uint64_t pasid;

	switch (opt) {
	case OPT_BOX:
		options->box = optarg;
		return true;
	case OPT_IMAGE:
		options->image = optarg;
		return true;
	case OPT_SVG:
		options->svg = optarg;
		return true;
	case OPT_JSON:
		return options->json = true;
	case OPT_WRITE:
		return options->walk.write = true;
	case OPT_PRIV:
		return options->walk.privileged = true;
	case OPT_INSN:
		return options->walk.instruction = true;
	case OPT_TRANSLATED:
		return options->walk.translated = true;
	case OPT_PASID:
		options->walk.has_pasid = take_number(optarg, (1u << 20) - 1, &pasid);
		options->walk.pasid = (uint32_t)pasid;
		if (!options->walk.has_pasid)
			cli_fail(verb, "--pasid: '%s' is no number below 2^20", optarg);
		return options->walk.has_pasid;
	default:
		return false; /* cli_getopt has complained */
	}
}

/* -1: go on; else the exit status. */
static int take_options(const struct cli_verb *verb, int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "box", required_argument, NULL, OPT_BOX },
		{ "image", required_argument, NULL, OPT_IMAGE },
		{ "pasid", required_argument, NULL, OPT_PASID },
		{ "write", no_argument, NULL, OPT_WRITE },
		{ "priv", no_argument, NULL, OPT_PRIV },
		{ "insn", no_argument, NULL, OPT_INSN },
		{ "translated", no_argument, NULL, OPT_TRANSLATED },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "svg", required_argument, NULL, OPT_SVG },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int opt;

	while ((opt = cli_getopt(verb, argc, argv, known)) != -1 || optind < argc) {
		if (opt == 'h')
			return cli_help(verb);
		if (opt != -1) {
			if (!take_option(verb, opt, options))
				return EXIT_NESTBOX;
		} else if (!options->device) {
			options->device = argv[optind++];
		} else if (!options->iova) {
			options->iova = argv[optind++];
		} else {
			return cli_fail(verb, "one DEVICE and one IOVA, but '%s' is given too",
				argv[optind]);
		}
	}
	return -1;
}

/* What the options say together: 0, or the exit status. */
static int check_options(const struct cli_verb *verb, struct options *options)
{
	if (!options->iova)
		return cli_fail(verb, "give a DEVICE, as nestbox show prints it, and an IOVA");
	if (!take_number(options->iova, UINT64_MAX, &options->walk.iova))
		return cli_fail(
			verb, "'%s' is no address: decimal, or hexadecimal with 0x", options->iova);
	if (strlen(options->device) >= sizeof(options->walk.device))
		return cli_fail(verb, "'%s' is no device's name", options->device);
	if (options->box && options->image)
		return cli_fail(verb, "--box and --image: give one of them");
	if (options->walk.write && options->walk.instruction)
		return cli_fail(verb, "--write and --insn: an instruction fetch is a read");
	memcpy(options->walk.device, options->device, strlen(options->device) + 1);
	options->walk.text = !options->json;
	options->walk.colour = !options->json && isatty(1) && !getenv("NO_COLOR");
	options->walk.svg = options->svg;
	return 0;
}

static int write_svg(const struct cli_verb *verb, const char *path, const char *text)
{
	FILE *file = text ? fopen(path, "we") : NULL;
	bool good = file && fputs(text, file) >= 0;

	if (file && fclose(file))
		good = false;
	if (!text)
		return cli_fail(verb, "the box answers without a drawing");
	return good ? 0 : cli_fail(verb, "cannot write %s: %s", path, strerror(errno));
}

static struct json_object *ask(struct options *options, struct error *error)
{
	struct json_object *answer;
	pid_t pid;
	int fd;

	if (options->image)
		return control_image_walk(options->image, &options->walk, error);
	fd = control_find(options->box, &pid, error);
	if (fd < 0)
		return NULL;
	answer = control_ask_walk(fd, &options->walk, error);
	close(fd);
	return answer;
}

static int walk(const struct cli_verb *verb, int argc, char **argv)
{
	struct options options = { 0 };
	struct error error = { 0 };
	struct json_object *answer;
	const char *text;
	int status = take_options(verb, argc, argv, &options);

	if (status < 0)
		status = check_options(verb, &options);
	if (status || !options.walk.device[0])
		return status;
	answer = ask(&options, &error);
	if (!answer)
		return cli_fail(verb, "%s", error.message);
	text = control_text_of(answer, "text");
	if (options.json)
		control_print_walk(answer, stdout);
	else if (text)
		control_print_text(text, stdout);
	if (options.svg)
		status = write_svg(verb, options.svg, control_text_of(answer, "svg"));
	control_forget(answer);
	return status;
}

const struct cli_verb cli_walk = {
	.name = "walk",
	.synopsis = "[--box PID | --image FILE] DEVICE IOVA [OPTIONS]",
	.summary = "Explain how an IOMMU translates an address of a device, step by step",
	.help = "  DEVICE            as nestbox show prints it: 0000:01:00.0\n"
		"  IOVA              decimal, or hexadecimal with 0x\n"
		"  --box PID         of nestbox run, or of any process in the box; default: the "
		"box "
		"that\n"
		"                    this is called in, else the only one there is\n"
		"  --image FILE      instead of a box: what nestbox snapshot saved\n"
		"  --pasid N         with this PASID\n"
		"  --write           a write; default: a read\n"
		"  --priv            privileged\n"
		"  --insn            an instruction fetch\n"
		"  --translated      by an address that ATS has translated already\n"
		"  --json            for programs (doc/explain.md)\n"
		"  --svg FILE        draw it, too\n",
	.run = walk,
};
