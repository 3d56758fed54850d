/* SPDX-License-Identifier: MIT */
/*
 * `nestbox run`: build the host, make the box, serve it until the program and all its descendants
 * have ended, and take everything down in reverse.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "doctor/doctor.h"
#include "gate/launch.h"
#include "gate/serve.h"
#include "gate/tree.h"
#include "machine/host.h"
#include "machine/machine.h"
#include "vfio/vfio.h"

#define FD_BASE	  960 /* our files are descriptors from here up */
#define FD_ROOM	  64  /* at least as many below the program's limit */
#define FD_LOWEST 64

struct run_options {
	const char *host, *user, *trace_file;
	bool trace, quiet, poll_spin, mmio_trap;
	char **argv;
};

enum {
	OPT_HOST = 0x100,
	OPT_USER,
	OPT_TRACE,
	OPT_QUIET,
	OPT_POLL,
	OPT_MMIO,
};

static const struct option options[] = {
	{ "host", required_argument, NULL, OPT_HOST },
	{ "user", required_argument, NULL, OPT_USER },
	{ "trace", optional_argument, NULL, OPT_TRACE },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "poll", required_argument, NULL, OPT_POLL },
	{ "mmio", required_argument, NULL, OPT_MMIO },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/** An option that has one value only. */
static bool is_word(const struct cli_verb *verb, const char *option, const char *word, bool *set)
{
	*set = !strcmp(optarg, word);
	if (!*set)
		cli_fail(verb, "%s: is '%s', must be %s", option, optarg, word);
	return *set;
}

/** -1: go on; else the exit status. */
static int take_option(const struct cli_verb *verb, int opt, struct run_options *out)
{
	switch (opt) {
	case OPT_HOST:
		out->host = optarg;
		return -1;
	case OPT_USER:
		out->user = optarg;
		return -1;
	case OPT_TRACE:
		out->trace = true;
		out->trace_file = optarg;
		return -1;
	case OPT_QUIET:
		out->quiet = true;
		return -1;
	case OPT_POLL:
		return is_word(verb, "--poll", "spin", &out->poll_spin) ? -1 : EXIT_NESTBOX;
	case OPT_MMIO:
		return is_word(verb, "--mmio", "trap", &out->mmio_trap) ? -1 : EXIT_NESTBOX;
	case 'h':
		return cli_help(verb);
	default:
		return EXIT_NESTBOX;
	}
}

static int parse(const struct cli_verb *verb, int argc, char **argv, struct run_options *out)
{
	int opt, status = -1;

	while (status < 0 && (opt = cli_getopt(verb, argc, argv, options)) != -1)
		status = take_option(verb, opt, out);
	if (status < 0 && optind == argc)
		return cli_fail(verb, "no program is given: nestbox run [OPTIONS] -- PROG ARGS");
	out->argv = argv + optind;
	return status;
}

/** What is built, in this order; taken down in the other. */
struct box {
	struct host_desc desc;
	bool described; /* what fails from here on, this machine fails us */
	struct machine *machine;
	struct vfio *vfio;
	struct tree tree;
	struct launched launched;
	struct serve *serve;
	FILE *trace;
	unsigned fd_base;
};

/** Never 0: a failure that forgot to say which one it is. */
static int failed(const struct error *error)
{
	return error->err ? -error->err : -EIO;
}

static FILE *open_trace(const char *file, struct error *error)
{
	FILE *out = file ? fopen(file, "we") : stderr;

	if (!out)
		error_sys(error, errno, "--trace: cannot write %s", file);
	else
		setvbuf(out, NULL, _IOLBF, 0); /* one line, one write: readable while it runs */
	return out;
}

/** Above what programs use, below what they may use. */
static int choose_fd_base(unsigned *base, struct error *error)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return error_sys(error, errno, "cannot read the limit of open files");
	if (limit.rlim_cur < FD_LOWEST + FD_ROOM)
		return error_set(error, EMFILE,
			"the limit of open files is %llu, must be at least %u (ulimit -n)",
			(unsigned long long)limit.rlim_cur, FD_LOWEST + FD_ROOM);
	*base = limit.rlim_cur < FD_BASE + FD_ROOM ? (unsigned)limit.rlim_cur - FD_ROOM : FD_BASE;
	return 0;
}

/** The simulated host, before there is a process. 0 or -errno. */
static int build(struct box *box, const struct run_options *opts, struct error *error)
{
	const struct vfio_options vfio_options = { .no_mmap = opts->mmio_trap };
	int err = host_load(opts->host, &box->desc, error);

	box->described = !err;
	if (err)
		return err;
	err = choose_fd_base(&box->fd_base, error);
	if (err)
		return err;
	if (opts->trace && !(box->trace = open_trace(opts->trace_file, error)))
		return failed(error);
	box->machine = machine_create(&box->desc, error);
	if (!box->machine)
		return failed(error);
	box->vfio = vfio_create(box->machine, &vfio_options);
	if (!box->vfio || tree_build(box->machine, &box->tree) < 0)
		return error_set(error, ENOMEM, "out of memory for the simulated host");
	return 0;
}

/** Run the program in it. The exit status, or -errno. */
static int run_in(struct box *box, const struct run_options *opts, struct error *error)
{
	struct launch_args launch_args = {
		.argv = opts->argv,
		.user = opts->user,
		.tree = &box->tree,
		.fd_base = box->fd_base,
	};
	int status, err = launch(&launch_args, &box->launched, error);
	struct serve_args serve_args = {
		.machine = box->machine,
		.vfio = box->vfio,
		.tree = &box->tree,
		.listener = box->launched.listener,
		.report_dir = box->launched.report_dir,
		.fd_base = box->fd_base,
		.quiet = opts->quiet,
		.trace = box->trace,
		.poll_spin = opts->poll_spin,
	};

	if (err)
		return err;
	box->serve = serve_start(&serve_args, error);
	status = box->serve ? launch_wait(&box->launched) : failed(error);
	if (box->serve)
		serve_stop(box->serve);
	launch_finish(&box->launched);
	return status;
}

/** What went wrong; and if it is the machine, what it lacks, as `nestbox doctor` says it. */
static int report_failure(const struct cli_verb *verb, const struct error *error, bool of_machine)
{
	char line[FINDING_LINE_SIZE];

	cli_fail(verb, "%s", error->message);
	if (of_machine && doctor_first_missing(line, sizeof(line)))
		fprintf(stderr, "%s\n", line);
	return EXIT_NESTBOX;
}

static int take_down(struct box *box)
{
	bool lost = false;

	tree_finish(&box->tree);
	if (box->vfio)
		vfio_destroy(box->vfio);
	machine_destroy(box->machine);
	if (box->trace)
		lost = fflush(box->trace) != 0 || ferror(box->trace);
	if (box->trace && box->trace != stderr)
		lost |= fclose(box->trace) != 0;
	return lost ? -EIO : 0;
}

static int run(const struct cli_verb *verb, int argc, char **argv)
{
	static struct box box;
	struct run_options opts = { .host = "smmuv3" };
	struct error error = { 0 };
	int status = parse(verb, argc, argv, &opts);

	if (status >= 0)
		return status;
	status = build(&box, &opts, &error);
	if (!status)
		status = run_in(&box, &opts, &error);
	if (take_down(&box) < 0)
		cli_fail(verb, "the trace is not complete: writing it failed");
	if (status >= 0)
		return status;
	return report_failure(verb, &error, box.described);
}

const struct cli_verb cli_run = {
	.name = "run",
	.synopsis = "[OPTIONS] -- PROG ARGS",
	.summary = "Run a program in a simulated host",
	.help = "  --host NAME|FILE  a built-in host (see nestbox host), or a description in "
		"YAML;\n"
		"                    default: smmuv3\n"
		"  --trace[=FILE]    write every VFIO call with its arguments, result and reason\n"
		"                    to FILE, or to standard error\n"
		"  --quiet           say nothing of refused calls\n"
		"  --user NAME       run the program as this user; only root can\n"
		"  --poll=spin       look for work of devices without pause: less latency, a "
		"whole\n"
		"                    processor\n"
		"  --mmio=trap       no BAR can be mapped: each register access is a call\n"
		"\n"
		"The exit status is the program's, or 128 and the signal that killed it; 125 if "
		"the\n"
		"box could not be made, 126 if PROG could not be executed, 127 if it is not "
		"there.\n",
	.run = run,
};
