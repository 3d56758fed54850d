/* SPDX-License-Identifier: MIT */
/* process_vm_readv and _writev copy to and from a child's memory in one call. */
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "probe.h"

static char text[] = "memory of the child";
static int go[2], ready[2];

static int body(void)
{
	char c;

	try_namespaces();
	strcpy(text, "written by itself");
	if (write(ready[1], "", 1) != 1 || read(go[0], &c, 1) != 1)
		return LACK_BROKEN;
	return strcmp(text, "Written by itself") ? LACK_BROKEN : 0;
}

static void run(void)
{
	char buf[sizeof(text)], c;
	struct iovec local = { buf, sizeof(buf) }, remote = { text, sizeof(text) };
	pid_t pid;

	need(!pipe(go) && !pipe(ready), "cannot make a pipe");
	pid = run_child(body);
	close(ready[1]);
	expect(read(ready[0], &c, 1) == 1, "the child lives");
	need(process_vm_readv(pid, &local, 1, &remote, 1, 0) == sizeof(buf),
		"process_vm_readv from a child");
	expect(!strcmp(buf, "written by itself"), "process_vm_readv reads the child's memory");
	buf[0] = 'W';
	need(process_vm_writev(pid, &local, 1, &remote, 1, 0) == sizeof(buf),
		"process_vm_writev to a child");
	expect(write(go[1], "", 1) == 1 && wait_child(pid) == 0,
		"process_vm_writev writes the child's memory");
	ok();
}

const struct probe probe_process_vm = {
	.name = "process-vm",
	.purpose = "arguments of calls are copied in one system call, honouring their protection",
	.without = "arguments are copied through /proc/PID/mem, after a look at what is mapped",
	.run = run,
};
