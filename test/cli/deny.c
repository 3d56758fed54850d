/* SPDX-License-Identifier: MIT */
/* deny SYSCALL=ERROR ... -- PROG ARGS: PROG, with these system calls failing, or killing (=kill). */
#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	uint32_t action;
} errors[] = {
	{ "EPERM", SCMP_ACT_ERRNO(EPERM) },
	{ "EACCES", SCMP_ACT_ERRNO(EACCES) },
	{ "ENOSYS", SCMP_ACT_ERRNO(ENOSYS) },
	{ "EMFILE", SCMP_ACT_ERRNO(EMFILE) },
	{ "ENOSPC", SCMP_ACT_ERRNO(ENOSPC) },
	{ "kill", SCMP_ACT_KILL_PROCESS },
};

static int add(scmp_filter_ctx filter, char *rule)
{
	char *error = strchr(rule, '=');
	int nr;

	if (!error)
		return -EINVAL;
	*error++ = '\0';
	nr = seccomp_syscall_resolve_name(rule);
	for (size_t i = 0; nr != __NR_SCMP_ERROR && i < sizeof(errors) / sizeof(*errors); i++)
		if (!strcmp(errors[i].name, error))
			return seccomp_rule_add(filter, errors[i].action, nr, 0);
	return -EINVAL;
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (add(filter, argv[i])) {
			fprintf(stderr, "deny: cannot deny %s\n", argv[i]);
			return 1;
		}
	if (i + 1 >= argc || seccomp_load(filter)) {
		fprintf(stderr, "deny: no program, or no filter\n");
		return 1;
	}
	execvp(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 1;
}
