/* SPDX-License-Identifier: MIT */
/* The call side of a box, put together (src/gate/serve.h): what starts and ends in which order. */
#include "gate/internal.h"
#include "gate/pins.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int no_memory(struct error *error)
{
	return error_set(error, ENOMEM, "out of memory or threads");
}

/** Where the machine tells what it does, who steps its devices, and what of it is open. */
static int start_machine(struct serve *serve, struct error *error)
{
	struct machine *machine = serve->args.machine;

	machine->fault_ctx = serve->report;
	machine->fault = report_fault;
	machine->event = report_event;
	serve->poller = poller_start(machine, serve->args.poll_spin, error);
	if (!serve->poller)
		return -1;
	serve->fds = fdtable_create(poller_devices, serve->poller, error);
	return serve->fds ? 0 : -1;
}

/** What this box may lack, or was not asked for. */
static int start_options(struct serve *serve, struct error *error)
{
	const struct serve_args *args = &serve->args;

	serve->live = live_create(&(struct live_args){
		.machine = args->machine,
		.vfio = args->vfio,
		.nodes = args->tree,
		.sys = args->sys,
		.report_dir = args->report_dir,
		.admin = args->admin,
	});
	if (!proc_can_take_fds())
		serve->eventfds = eventfds_create();
	if (args->memlock && !(serve->memlocks = memlocks_create()))
		return no_memory(error);
	if (args->strict_pin && !(serve->pins = pins_create()))
		return no_memory(error);
	return 0;
}

/** 0, or -1 with a message; serve_stop takes back what there is. */
static int start(struct serve *serve, struct error *error)
{
	serve->anon = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&serve->late_lock, NULL);
	pthread_mutex_init(&serve->install_lock, NULL);
	serve->procs = proc_cache_create();
	serve->report = report_create(&serve->args);
	if (serve->anon < 0)
		return error_sys(error, errno, "cannot make an eventfd");
	if (!serve->procs || !serve->report)
		return no_memory(error);
	if (start_machine(serve, error) < 0 || start_options(serve, error) < 0)
		return -1;
	serve->receivers = receivers_start(serve, error);
	return serve->receivers ? 0 : -1;
}

struct serve *serve_start(const struct serve_args *args, struct error *error)
{
	struct serve *serve = calloc(1, sizeof(*serve));

	if (!serve) {
		if (args->trace && args->trace_fd != STDERR_FILENO)
			close(args->trace_fd);
		no_memory(error);
		return NULL;
	}
	serve->args = *args;
	if (start(serve, error) < 0) {
		serve_stop(serve);
		return NULL;
	}
	return serve;
}

struct report *serve_report(struct serve *serve)
{
	return serve->report;
}

const struct file *serve_file(struct serve *serve, uint64_t dev, uint64_t ino)
{
	const struct stat st = { .st_dev = dev, .st_ino = ino };
	struct file *file = fdtable_find(serve->fds, &st, NULL);

	if (file)
		file_put(file);
	return file;
}

bool serve_stop(struct serve *serve)
{
	bool whole;

	if (!serve)
		return true;
	receivers_stop(serve->receivers);
	fdtable_destroy(serve->fds);
	eventfds_destroy(serve->eventfds);
	memlocks_destroy(serve->memlocks);
	live_destroy(serve->live);
	poller_stop(serve->poller);
	serve->args.machine->fault = NULL;
	serve->args.machine->event = NULL;
	whole = report_destroy(serve->report);
	pins_destroy(serve->pins);
	proc_cache_destroy(serve->procs);
	if (serve->anon >= 0)
		close(serve->anon);
	pthread_mutex_destroy(&serve->late_lock);
	pthread_mutex_destroy(&serve->install_lock);
	free(serve);
	return whole;
}
