/* SPDX-License-Identifier: MIT */
/* The call side of a box, put together (src/gate/serve.h): what starts and ends in which order. */
#include "gate/internal.h"
#include "gate/pins.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct serve *serve_start(const struct serve_args *args, struct error *error)
{
	struct serve *serve = calloc(1, sizeof(*serve));

	if (!serve) {
		if (args->trace && args->trace_fd != STDERR_FILENO)
			close(args->trace_fd);
		error_set(error, ENOMEM, "out of memory");
		return NULL;
	}
	serve->args = *args;
	serve->anon = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&serve->late_lock, NULL);
	pthread_mutex_init(&serve->install_lock, NULL);
	serve->procs = proc_cache_create();
	serve->report = report_create(args);
	if (serve->anon < 0) {
		error_sys(error, errno, "cannot make an eventfd");
		goto fail;
	}
	if (!serve->procs || !serve->report) {
		error_set(error, ENOMEM, "out of memory or threads");
		goto fail;
	}
	args->machine->fault_ctx = serve->report;
	args->machine->fault = report_fault;
	args->machine->event = report_event;
	serve->poller = poller_start(args->machine, args->poll_spin, error);
	if (!serve->poller)
		goto fail;
	serve->fds = fdtable_create(poller_devices, serve->poller, error);
	if (!serve->fds)
		goto fail;
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
	if ((args->memlock && !(serve->memlocks = memlocks_create())) ||
		(args->strict_pin && !(serve->pins = pins_create()))) {
		error_set(error, ENOMEM, "out of memory");
		goto fail;
	}
	serve->receivers = receivers_start(serve, error);
	if (!serve->receivers)
		goto fail;
	return serve;
fail:
	serve_stop(serve);
	return NULL;
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
