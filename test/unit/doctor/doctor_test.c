/* SPDX-License-Identifier: MIT */
/* The line of a finding, the runner of probes, and which remedy is given where. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bits.h"
#include "doctor/doctor.h"
#include "doctor/remedy.h"
#include "doctor/run.h"

/* ---- the line ---- */

static void check_line(const struct finding *finding, const char *expected)
{
	char line[FINDING_LINE_SIZE];
	int n = finding_line(line, sizeof(line), finding);

	assert_string_equal(line, expected);
	assert_int_equal(n, (int)strlen(expected));
}

static void a_line_for_each_verdict(void **state)
{
	struct finding f = { .name = "x", .why = "W", .remedy = "R", .without = "O" };

	check_line(&f, "x: ok");
	f.verdict = FINDING_LIMITED;
	check_line(&f, "x: limited: W; O; remedy: R");
	f.verdict = FINDING_MISSING;
	check_line(&f, "x: missing: W; remedy: R");
	f.remedy = NULL;
	check_line(&f, "x: missing: W");
	f.why = "two\nlines and \x1b[31m";
	check_line(&f, "x: missing: two\\nlines and \\x1b[31m");
}

static void a_line_is_cut(void **state)
{
	struct finding f = { .name = "x", .verdict = FINDING_MISSING, .why = "much too long" };
	char line[16];

	assert_int_equal(finding_line(line, sizeof(line), &f), 15);
	assert_string_equal(line, "x: missing: ...");
}

/* ---- the runner ---- */

static void run(void (*body)(void), unsigned limit_ms, struct run_result *result)
{
	const struct probe probe = { .name = "test", .run = body };

	probe_run(&probe, limit_ms, result);
}

#define LONG_MS 60000

static void say_and_lack(void)
{
	dprintf(1, "first\nsecond\n");
	_exit(LACK_DENIED);
}

static void say_by_errno(void)
{
	errno = ENOSPC;
	need(false, "no room");
}

static void say_nothing(void)
{
	ok();
}

static void verdicts(void **state)
{
	struct run_result result;

	run(say_and_lack, LONG_MS, &result);
	assert_int_equal(result.end, RUN_ENDED);
	assert_int_equal(result.lack, LACK_DENIED);
	assert_string_equal(result.said, "first");
	run(say_by_errno, LONG_MS, &result);
	assert_int_equal(result.lack, LACK_EXHAUSTED);
	assert_string_equal(result.said, "no room: No space left on device");
	run(say_nothing, LONG_MS, &result);
	assert_int_equal(result.end, RUN_ENDED);
	assert_int_equal(result.lack, LACK_NONE);
	assert_string_equal(result.said, "");
}

static void crash(void)
{
	dprintf(2, "before\n");
	raise(SIGABRT);
}

static int crash_body(void)
{
	raise(SIGKILL);
	return 0;
}

static void crash_in_child(void)
{
	join_child(run_child(crash_body));
}

static void crashing_probe(void **state)
{
	struct run_result result;

	run(crash, LONG_MS, &result);
	assert_int_equal(result.end, RUN_KILLED);
	assert_int_equal(result.signal, SIGABRT);
	assert_string_equal(result.said, "before");
	run(crash_in_child, LONG_MS, &result);
	assert_int_equal(result.end, RUN_KILLED);
	assert_int_equal(result.signal, SIGKILL);
}

static int leftovers[2]; /* a pipe that everything a probe started has open */

/* A stubborn daemon: nothing of the probe's is left of it when probe_run returns. */
static void start_daemon(void)
{
	if (fork() == 0) {
		signal(SIGTERM, SIG_IGN);
		signal(SIGHUP, SIG_IGN);
		setsid();
		for (;;)
			pause();
	}
}

static void hang(void)
{
	start_daemon();
	dprintf(1, "waiting\n");
	for (;;)
		pause();
}

static void leave_a_daemon(void)
{
	start_daemon();
	ok();
}

/** Everybody who had the other end has ended. */
static void assert_nobody_is_left(void)
{
	char c;

	close(leftovers[1]);
	assert_int_equal(read(leftovers[0], &c, 1), 0);
	close(leftovers[0]);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void hanging_probe(void **state)
{
	struct run_result result;

	assert_int_equal(pipe(leftovers), 0);
	run(hang, 500, &result);
	assert_int_equal(result.end, RUN_HUNG);
	assert_string_equal(result.said, "waiting");
	assert_nobody_is_left();
}

static void probe_with_a_daemon(void **state)
{
	struct run_result result;

	assert_int_equal(pipe(leftovers), 0);
	run(leave_a_daemon, LONG_MS, &result);
	assert_int_equal(result.end, RUN_ENDED);
	assert_int_equal(result.lack, LACK_NONE);
	assert_nobody_is_left();
}

static void flood(void)
{
	char line[1000];

	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 2000; i++)
		if (write(1, line, sizeof(line)) < 0)
			_exit(LACK_BROKEN);
	_exit(LACK_TAKEN);
}

static void close_output(void)
{
	close(1);
	close(2);
	usleep(1000);
	_exit(LACK_OLD);
}

static void output_is_limited(void **state)
{
	struct run_result result;

	run(flood, LONG_MS, &result);
	assert_int_equal(result.end, RUN_ENDED);
	assert_int_equal(result.lack, LACK_TAKEN);
	assert_int_equal(strlen(result.said), sizeof(result.said) - 1);
	run(close_output, LONG_MS, &result);
	assert_int_equal(result.lack, LACK_OLD);
}

static void read_input(void)
{
	char c;

	_exit(read(0, &c, 1) == 0 ? LACK_NONE : LACK_BROKEN);
}

static void an_ignored_sigchld_is_no_matter(void **state)
{
	struct sigaction now;
	struct run_result result;

	signal(SIGCHLD, SIG_IGN);
	run(read_input, LONG_MS, &result);
	assert_int_equal(result.end, RUN_ENDED);
	assert_int_equal(result.lack, LACK_NONE);
	sigaction(SIGCHLD, NULL, &now);
	assert_true(now.sa_handler == SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
}

/* ---- remedies ---- */

/* A machine on which nothing is forbidden. */
static const struct facts plain = {
	.user = "joe",
	.max_user_namespaces = 30000,
	.unprivileged_userns_clone = FACT_NONE,
	.apparmor_restrict_unprivileged_userns = FACT_NONE,
	.ptrace_scope = FACT_NONE,
	.memfd_noexec = 0,
	.max_inotify_instances = 128,
	.max_inotify_watches = 60000,
	.leases_enable = 1,
};

static struct facts facts;

static void check_remedy(const char *name, enum lack lack, const char *expected)
{
	char buf[512];

	remedy_for(name, lack, &facts, buf, sizeof(buf));
	assert_string_equal(buf, expected);
	assert_null(strstr(buf, "; "));
}

static void remedies_of_sysctls(void **state)
{
	facts = plain;
	check_remedy("userns-mounts", LACK_DENIED, "sudo nestbox run --user joe");
	facts.max_user_namespaces = 0;
	check_remedy(
		"userns-mounts", LACK_EXHAUSTED, "sudo sysctl -w user.max_user_namespaces=10000");
	facts.unprivileged_userns_clone = 0;
	check_remedy(
		"userns-mounts", LACK_DENIED, "sudo sysctl -w kernel.unprivileged_userns_clone=1");
	facts.container = CONTAINER_DOCKER;
	check_remedy("userns-mounts", LACK_DENIED,
		"on the host of this container: sudo sysctl -w kernel.unprivileged_userns_clone=1");
	facts = plain;
	facts.root = true;
	check_remedy("inotify", LACK_EXHAUSTED, "sysctl -w fs.inotify.max_user_instances=1024");
	check_remedy("last-close", LACK_EXHAUSTED, "sysctl -w fs.inotify.max_user_watches=120000");
	facts.leases_enable = 0;
	check_remedy("last-close", LACK_OLD, "sysctl -w fs.leases-enable=1");
	facts.ptrace_scope = 2;
	check_remedy("proc-mem", LACK_DENIED, "sysctl -w kernel.yama.ptrace_scope=1");
	facts.memfd_noexec = 2;
	check_remedy("memfd", LACK_DENIED, "sysctl -w vm.memfd_noexec=1");
}

static void remedy_of_apparmor(void **state)
{
	facts = plain;
	facts.apparmor_restrict_unprivileged_userns = 1;
	facts.profile_there = true;
	check_remedy("userns-mounts", LACK_DENIED,
		"sudo apparmor_parser -r " NESTBOX_APPARMOR_PROFILE
		", and start it as " NESTBOX_INSTALLED ", or sudo nestbox run --user joe");
	facts.profile_there = false;
	check_remedy("cover-sys", LACK_DENIED,
		"sudo make install, which ships the AppArmor profile " NESTBOX_APPARMOR_PROFILE
		", then sudo apparmor_parser -r " NESTBOX_APPARMOR_PROFILE
		", and start it as " NESTBOX_INSTALLED ", or sudo nestbox run --user joe");
}

static void remedies_of_containers(void **state)
{
	facts = plain;
	facts.root = facts.filtered = true;
	facts.container = CONTAINER_DOCKER;
	strcpy(facts.label, "docker-default (enforce)");
	check_remedy("userns-mounts", LACK_DENIED,
		"docker run --cap-add SYS_ADMIN --security-opt apparmor=unconfined ...");
	check_remedy("pidfd-getfd", LACK_DENIED, "docker run --cap-add SYS_PTRACE ...");
	facts.root = false;
	facts.apparmor_restrict_unprivileged_userns = 1;
	check_remedy("cover-dev", LACK_DENIED,
		"docker run --cap-add SYS_ADMIN --security-opt apparmor=unconfined --user 0 ...");
	facts = plain;
	facts.root = true;
	facts.container = CONTAINER_PODMAN;
	strcpy(facts.label, "system_u:system_r:container_t:s0:c1,c2");
	check_remedy("userns-mounts", LACK_DENIED,
		"podman run --cap-add SYS_ADMIN --security-opt label=disable ...");
	check_remedy("process-vm", LACK_DENIED, "podman run --cap-add SYS_PTRACE ...");
	check_remedy("membarrier", LACK_DENIED,
		"podman run --security-opt seccomp=unconfined ... (or a profile that allows "
		"membarrier)");
	facts.container = CONTAINER_KUBERNETES;
	check_remedy("pidfd-getfd", LACK_DENIED,
		"in the container's securityContext: capabilities: {add: [SYS_PTRACE]}");
	facts.container = CONTAINER_OTHER;
	check_remedy(
		"listener", LACK_DENIED, "start the container with a profile that allows seccomp");
}

static void remedies_of_limits(void **state)
{
	facts = plain;
	check_remedy("open-files", LACK_EXHAUSTED, "sudo prlimit --pid $$ --nofile=1024:1024");
	facts.container = CONTAINER_DOCKER;
	check_remedy("open-files", LACK_EXHAUSTED, "docker run --ulimit nofile=1024:1024 ...");
}

static void remedies_of_kernels(void **state)
{
	facts = plain;
	check_remedy("procmap-query", LACK_OLD, "boot Linux 6.11 or later");
	strcpy(facts.os, "ubuntu 22.04");
	check_remedy("kernel", LACK_OLD,
		"sudo apt-get install linux-generic-hwe-22.04 and boot it, or another Linux 5.19 "
		"or "
		"later");
	facts.container = CONTAINER_PODMAN;
	check_remedy("kernel", LACK_OLD, "on the host of this container: boot Linux 5.19 or later");
}

/* ---- all of it ---- */

static void count(void *ctx, const struct finding *finding)
{
	unsigned *n = ctx;

	assert_non_null(finding->name);
	assert_non_null(finding->purpose);
	if (finding->verdict != FINDING_OK) {
		assert_true(*finding->why);
		assert_true(*finding->remedy);
	}
	n[finding->verdict]++;
}

static void examining_leaves_nothing(void **state)
{
	unsigned n[3] = { 0 };
	char line[FINDING_LINE_SIZE] = "";

	assert_int_equal(doctor_examine(count, n), n[FINDING_MISSING]);
	assert_int_equal(doctor_first_missing(line, sizeof(line)), n[FINDING_MISSING] > 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_for_each_verdict),
		cmocka_unit_test(a_line_is_cut),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(crashing_probe),
		cmocka_unit_test(hanging_probe),
		cmocka_unit_test(probe_with_a_daemon),
		cmocka_unit_test(output_is_limited),
		cmocka_unit_test(an_ignored_sigchld_is_no_matter),
		cmocka_unit_test(remedies_of_sysctls),
		cmocka_unit_test(remedy_of_apparmor),
		cmocka_unit_test(remedies_of_containers),
		cmocka_unit_test(remedies_of_limits),
		cmocka_unit_test(remedies_of_kernels),
		cmocka_unit_test(examining_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
