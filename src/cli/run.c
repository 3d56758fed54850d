/* SPDX-License-Identifier: MIT */
/*
 * `nestbox run`: build the host, make the box, serve it until the program and all its descendants
 * have ended, and take everything down in reverse.
 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/bits.h"
#include "control/server.h"
#include "doctor/doctor.h"
#include "gate/launch.h"
#include "gate/serve.h"
#include "gate/tree.h"
#include "machine/host.h"
#include "machine/machine.h"
#include "trace/format.h"
#include "trace/outlet.h"
#include "vfio/vfio.h"

#define FD_BASE 960 /* our files are descriptors from here up */
#define FD_ROOM 64  /* at most as many below the program's limit, and a quarter of it */
/* What the supervisor itself would like: some for each open file and each thread of the box. */
#define FD_WANTED 65536
#define FD_LEAST  48 /* what it needs for a box with a program or two and a few open files */

struct run_options {
	const char *host, *user, *trace_file;
	enum trace_format trace_format;
	bool trace, quiet, poll_spin, mmio_trap, memlock, strict_pin;
	unsigned dma_entry_limit; /* 0: Linux's */
	char **argv;
};

enum {
	OPT_HOST = 0x100,
	OPT_USER,
	OPT_TRACE,
	OPT_TRACE_FORMAT,
	OPT_QUIET,
	OPT_POLL,
	OPT_MMIO,
	OPT_MEMLOCK,
	OPT_DMA_ENTRY_LIMIT,
	OPT_STRICT_PIN,
};

static const struct option options[] = {
	{ "host", required_argument, NULL, OPT_HOST },
	{ "user", required_argument, NULL, OPT_USER },
	{ "trace", optional_argument, NULL, OPT_TRACE },
	{ "trace-format", required_argument, NULL, OPT_TRACE_FORMAT },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "poll", required_argument, NULL, OPT_POLL },
	{ "mmio", required_argument, NULL, OPT_MMIO },
	{ "memlock", required_argument, NULL, OPT_MEMLOCK },
	{ "dma-entry-limit", required_argument, NULL, OPT_DMA_ENTRY_LIMIT },
	{ "strict-pin", no_argument, NULL, OPT_STRICT_PIN },
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

/** A format alone asks for a trace too. -1: go on; else the exit status. */
static int take_trace_format(const struct cli_verb *verb, struct run_options *out)
{
	int format = trace_format_parse(optarg);

	if (format < 0)
		return cli_fail(
			verb, "--trace-format: is '%s', must be text, json or chrome", optarg);
	out->trace = true;
	out->trace_format = (enum trace_format)format;
	return -1;
}

/** As the module parameter dma_entry_limit of vfio_iommu_type1. -1: go on; else the exit status. */
static int take_entry_limit(const struct cli_verb *verb, unsigned *out)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(optarg, &end, 10);
	if (*optarg < '0' || *optarg > '9' || *end || errno || !value || value > UINT32_MAX)
		return cli_fail(verb, "--dma-entry-limit: is '%s', must be from 1 to %u", optarg,
			UINT32_MAX);
	*out = (unsigned)value;
	return -1;
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
	case OPT_TRACE_FORMAT:
		return take_trace_format(verb, out);
	case OPT_QUIET:
		out->quiet = true;
		return -1;
	case OPT_POLL:
		return is_word(verb, "--poll", "spin", &out->poll_spin) ? -1 : EXIT_NESTBOX;
	case OPT_MMIO:
		return is_word(verb, "--mmio", "trap", &out->mmio_trap) ? -1 : EXIT_NESTBOX;
	case OPT_MEMLOCK:
		return is_word(verb, "--memlock", "enforce", &out->memlock) ? -1 : EXIT_NESTBOX;
	case OPT_DMA_ENTRY_LIMIT:
		return take_entry_limit(verb, &out->dma_entry_limit);
	case OPT_STRICT_PIN:
		out->strict_pin = true;
		return -1;
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
	struct control *control;    /* NULL: it cannot be looked into, */
	struct error control_error; /* because */
	struct rlimit nofile;	    /* the program's */
	int trace_fd;		    /* -1: none, or serve has it */
	bool trace_cut;
	unsigned fd_base;
};

/** Never 0: a failure that forgot to say which one it is. */
static int failed(const struct error *error)
{
	return error->err ? -error->err : -EIO;
}

/** A FIFO is opened once somebody reads it. */
static int open_trace(const char *file, struct error *error)
{
	int fd = STDERR_FILENO;

	if (file)
		fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
	if (fd < 0)
		error_sys(error, errno, "--trace: cannot write %s", file);
	return fd;
}

/** Above what programs use, below what they may use. */
static unsigned choose_fd_base(const struct rlimit *limit)
{
	unsigned long long room = MIN(limit->rlim_cur / 4, FD_ROOM);

	return (unsigned)MIN(MAX(limit->rlim_cur - room, 3), FD_BASE);
}

/** For us, not for the program, which gets back what it had (launch). */
static int raise_descriptor_limit(struct rlimit *had, struct error *error)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, had) < 0)
		return error_sys(error, errno, "cannot read the limit of open files");
	limit = *had;
	limit.rlim_max = limit.rlim_cur = MAX(limit.rlim_max, FD_WANTED);
	/* Beyond the hard limit needs CAP_SYS_RESOURCE. */
	if (!setrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	limit.rlim_max = limit.rlim_cur = had->rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max >= FD_LEAST)
		return 0;
	return error_set(error, EMFILE,
		"the hard limit of open files is %llu, nestbox itself needs %d (ulimit -H -n)",
		(unsigned long long)limit.rlim_max, FD_LEAST);
}

static int show_entry_limit(struct tree *tree, unsigned limit)
{
	char text[16];

	snprintf(text, sizeof(text), "%u\n", limit);
	return tree_set(tree, "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit", text);
}

/** Whether the program is root's, which may read and write more of sysfs. */
static bool is_admin(const struct run_options *opts)
{
	return !geteuid() && (!opts->user || !strcmp(opts->user, "root"));
}

/** The simulated host, before there is a process. 0 or -errno. */
static int build(struct box *box, const struct run_options *opts, struct error *error)
{
	const struct vfio_options vfio_options = {
		.no_mmap = opts->mmio_trap,
		.dma_entry_limit = opts->dma_entry_limit,
	};
	int err = host_load(opts->host, &box->desc, error);

	box->described = !err;
	if (err)
		return err;
	err = raise_descriptor_limit(&box->nofile, error);
	if (err)
		return err;
	box->fd_base = choose_fd_base(&box->nofile);
	if (opts->trace && (box->trace_fd = open_trace(opts->trace_file, error)) < 0)
		return failed(error);
	box->machine = machine_create(&box->desc, error);
	if (!box->machine)
		return failed(error);
	box->vfio = vfio_create(box->machine, &vfio_options);
	if (!box->vfio || tree_build(box->machine, is_admin(opts), &box->tree) < 0 ||
		(opts->dma_entry_limit && show_entry_limit(&box->tree, opts->dma_entry_limit) < 0))
		return error_set(error, ENOMEM, "out of memory for the simulated host");
	return 0;
}

/** The control socket, which the program shall find. The box is as good without. */
static void open_control(struct box *box, const struct run_options *opts)
{
	box->control = control_open(opts->user, &box->control_error);
	if (box->control)
		setenv("NESTBOX_SOCKET", control_path(box->control), 1);
	else
		unsetenv("NESTBOX_SOCKET"); /* of a box around this one */
}

static void start_control(struct box *box, const struct run_options *opts)
{
	const struct control_box looked_into = {
		.machine = box->machine,
		.vfio = box->vfio,
		.serve = box->serve,
		.guardian = box->launched.guardian.pid,
		.argv = opts->argv,
		.fd_base = box->fd_base,
	};

	if (box->control && control_start(box->control, &looked_into, &box->control_error)) {
		control_close(box->control);
		box->control = NULL;
	}
	if (box->control_error.err && !opts->quiet)
		fprintf(stderr, "nestbox: nobody can look into this box: %s\n",
			box->control_error.message);
}

/** From the program's start to its end. The exit status, or -errno. */
static int serve_box(struct box *box, const struct run_options *opts, const struct serve_args *args,
	struct error *error)
{
	int status;

	box->serve = serve_start(args, error);
	if (!box->serve)
		return failed(error);
	start_control(box, opts);
	status = launch_wait(&box->launched);
	control_close(box->control);
	box->control = NULL;
	box->trace_cut = !serve_stop(box->serve);
	return status;
}

/** Run the program in it. The exit status, or -errno. */
static int run_in(struct box *box, const struct run_options *opts, struct error *error)
{
	struct launch_args launch_args = {
		.argv = opts->argv,
		.user = opts->user,
		.tree = &box->tree,
		.nofile = &box->nofile,
		.fd_base = box->fd_base,
		.strict_pin = opts->strict_pin,
	};
	struct serve_args serve_args;
	int status, err;

	open_control(box, opts);
	if (box->control)
		launch_args.will = control_will(box->control);
	err = launch(&launch_args, &box->launched, error);
	if (err)
		return err;
	serve_args = (struct serve_args){
		.machine = box->machine,
		.vfio = box->vfio,
		.tree = &box->tree,
		.listener = box->launched.listener,
		.report_dir = box->launched.report_dir,
		.sys = box->launched.sys,
		.mnt_ns = box->launched.mnt_ns,
		.admin = is_admin(opts),
		.fd_base = box->fd_base,
		.quiet = opts->quiet,
		.trace = opts->trace,
		.trace_fd = box->trace_fd,
		.trace_format = opts->trace_format,
		.poll_spin = opts->poll_spin,
		.memlock = opts->memlock,
		.strict_pin = opts->strict_pin,
	};

	box->trace_fd = -1;
	status = serve_box(box, opts, &serve_args, error);
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

static void take_down(struct box *box)
{
	control_close(box->control);
	tree_finish(&box->tree);
	if (box->vfio)
		vfio_destroy(box->vfio);
	machine_destroy(box->machine);
	if (box->trace_fd > STDERR_FILENO)
		close(box->trace_fd);
}

/** Standard error may be the very pipe that nobody reads. */
static void say_cut(void)
{
	static const char line[] =
		"nestbox run: the trace is not complete: writing failed, or nobody read it\n";
	struct outlet *err = outlet_create(STDERR_FILENO, false, TRACE_TEXT);

	if (err)
		outlet_put(err, line, strlen(line), OUTLET_WAIT);
	outlet_close(err);
}

/**
 * Shells end a loop or script whose program dies of the terminal's interrupt, and only then: exit
 * status 130 would say that it had dealt with it.
 */
static void die_interrupted(void)
{
	sigset_t set;

	fflush(NULL);
	signal(SIGINT, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	raise(SIGINT);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int run(const struct cli_verb *verb, int argc, char **argv)
{
	static struct box box = { .trace_fd = -1 };
	struct run_options opts = { .host = "smmuv3" };
	struct error error = { 0 };
	int status = parse(verb, argc, argv, &opts);

	if (status >= 0)
		return status;
	status = build(&box, &opts, &error);
	if (!status)
		status = run_in(&box, &opts, &error);
	take_down(&box);
	if (box.trace_cut)
		say_cut();
	if (box.launched.interrupted)
		die_interrupted();
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
		"  --trace[=FILE]    write every VFIO call with its arguments, result and reason,\n"
		"                    and faults, interrupts and resets of devices, to FILE or to\n"
		"                    standard error\n"
		"  --trace-format=text|json|chrome\n"
		"                    lines as of strace (default), a JSON object on each line, or\n"
		"                    the Trace Event Format, which Perfetto opens\n"
		"  --quiet           say nothing of refused calls and DMA faults\n"
		"  --user NAME       run the program as this user; only root can\n"
		"  --poll=spin       look for work of devices without pause: less latency, a "
		"whole\n"
		"                    processor\n"
		"  --mmio=trap       no BAR can be mapped: each register access is a call\n"
		"  --dma-entry-limit=N\n"
		"                    how many mappings a container may have; default: 65535\n"
		"  --memlock=enforce\n"
		"                    memory mapped for DMA counts as locked (ulimit -l), as on a\n"
		"                    real host\n"
		"  --strict-pin      stop DMA to memory that the program unmaps or replaces while "
		"it\n"
		"                    is mapped for DMA, and say so\n"
		"\n"
		"The exit status is the program's, or 128 and the signal that killed it (of "
		"SIGINT\n"
		"nestbox dies too, so that ^C ends a shell's loop); 125 if the box could not be "
		"made,\n"
		"126 if PROG could not be executed, 127 if it is not there.\n",
	.run = run,
};
