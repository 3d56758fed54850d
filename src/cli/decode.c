/* SPDX-License-Identifier: MIT */
/* `nestbox event`, `ste` and `cd`: structures of the SMMUv3, pasted from wherever they were printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nestbox/explain.h>

#include "cli/cli.h"
#include "cli/words.h"

struct kind {
	const char *what; /* "an event record" */
	unsigned words;
	bool may_be_short; /* words that are not given are 0 */
	void (*explain)(const uint64_t *words, struct nb_explain_fields *out);
};

static void explain_event(const uint64_t *words, struct nb_explain_fields *out)
{
	nb_explain_event(words, out);
}

static void explain_ste(const uint64_t *words, struct nb_explain_fields *out)
{
	nb_explain_ste(NULL, words, out);
}

static void explain_cd(const uint64_t *words, struct nb_explain_fields *out)
{
	nb_explain_cd(NULL, NULL, words, out);
}

static void to_stdout(void *ctx, const char *text, size_t len)
{
	fwrite(text, 1, len, stdout);
}

static int bad_word(const struct cli_verb *verb, const struct words *words, const char *bad)
{
	if (words->n == WORDS_MAX)
		return cli_fail(verb, "there are more than %d words", WORDS_MAX);
	for (char *c = (char *)bad; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	return cli_fail(
		verb, "'%s' is no word: wanted are hexadecimal numbers of up to 16 digits", bad);
}

/* 0, or the exit status. */
static int read_stdin(const struct cli_verb *verb, struct words *words)
{
	char line[1024], bad[32];

	while (fgets(line, sizeof(line), stdin))
		if (words_add_line(words, line, bad))
			return bad_word(verb, words, bad);
	return 0;
}

static int read_word(const struct cli_verb *verb, const char *arg, struct words *words)
{
	char bad[32];

	if (!strcmp(arg, "-"))
		return read_stdin(verb, words);
	return words_add_line(words, arg, bad) ? bad_word(verb, words, bad) : 0;
}

/* Words and options in any order. -1: go on; else the exit status. */
static int read_args(
	const struct cli_verb *verb, int argc, char **argv, struct words *words, bool *json)
{
	bool more = false;
	int status;

	if (argc == 1)
		return cli_fail(
			verb, "give the words, or - to read them; see nestbox help %s", verb->name);
	*json = false;
	do {
		status = cli_take_json(verb, argc, argv, &more);
		*json |= more;
		if (status < 0 && optind < argc) {
			status = read_word(verb, argv[optind++], words);
			status = status ?: -1;
		}
	} while (status < 0 && optind < argc);
	return status;
}

static int wrong_number(const struct cli_verb *verb, const struct kind *kind, unsigned n)
{
	return cli_fail(verb,
		"%s has %u words of 64 bits, or %u of 32, the low half first; here are %u",
		kind->what, kind->words, 2 * kind->words, n);
}

static int decode(const struct cli_verb *verb, int argc, char **argv, const struct kind *kind)
{
	struct words words = { .n = 0 };
	struct nb_explain_fields fields;
	uint64_t as_64[WORDS_MAX] = { 0 };
	bool json = false;
	int status = read_args(verb, argc, argv, &words, &json);

	if (status >= 0)
		return status;
	if (kind->may_be_short && words.n && words.n < kind->words) {
		fprintf(stderr, "nestbox %s: the words after the first %u are taken for 0\n",
			verb->name, words.n);
		while (words.n < kind->words)
			words.n++;
	}
	if (words_as_64(&words, kind->words, as_64))
		return wrong_number(verb, kind, words.n);
	kind->explain(as_64, &fields);
	if (json) {
		nb_explain_fields_json(&fields, to_stdout, NULL);
		putchar('\n');
	} else {
		nb_explain_fields_text(&fields, isatty(1) ? NB_EXPLAIN_COLOUR : 0, to_stdout, NULL);
	}
	return 0;
}

static int event(const struct cli_verb *verb, int argc, char **argv)
{
	static const struct kind kind = { "an event record", 4, false, explain_event };

	return decode(verb, argc, argv, &kind);
}

static int ste(const struct cli_verb *verb, int argc, char **argv)
{
	static const struct kind kind = { "a stream table entry", 8, true, explain_ste };

	return decode(verb, argc, argv, &kind);
}

static int cd(const struct cli_verb *verb, int argc, char **argv)
{
	static const struct kind kind = { "a context descriptor", 8, true, explain_cd };

	return decode(verb, argc, argv, &kind);
}

#define HELP                                                                                       \
	"  WORD              hexadecimal, with or without 0x; as Linux prints them (text up to "   \
	"the\n"                                                                                    \
	"                    last colon of an argument or line is left out)\n"                     \
	"  -                 read them from standard input\n"                                      \
	"  --json            for programs (doc/explain.md)\n"

const struct cli_verb cli_event = {
	.name = "event",
	.synopsis = "WORD... [--json]",
	.summary = "Decode an event record of an SMMUv3: 4 words of 64 bits, or 8 of 32",
	.help = HELP,
	.run = event,
};

const struct cli_verb cli_ste = {
	.name = "ste",
	.synopsis = "WORD... [--json]",
	.summary = "Decode a stream table entry of an SMMUv3: 8 words of 64 bits, or 16 of 32",
	.help = HELP,
	.run = ste,
};

const struct cli_verb cli_cd = {
	.name = "cd",
	.synopsis = "WORD... [--json]",
	.summary = "Decode a context descriptor of an SMMUv3: 8 words of 64 bits, or 16 of 32",
	.help = HELP,
	.run = cd,
};
