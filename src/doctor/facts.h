/* SPDX-License-Identifier: MIT */
/* What of this machine decides which remedy is the right one. */
#ifndef DOCTOR_FACTS_H
#define DOCTOR_FACTS_H

#include <stdbool.h>

enum container {
	CONTAINER_NONE,
	CONTAINER_DOCKER,
	CONTAINER_PODMAN,
	CONTAINER_KUBERNETES,
	CONTAINER_LXC,
	CONTAINER_OTHER,
};

#define FACT_NONE (-1L) /* this kernel has no such sysctl */

struct facts {
	bool root;
	bool filtered; /* a seccomp filter is on this process */
	enum container container;
	char label[96]; /* of AppArmor or SELinux on this process, "" without either */
	char user[64];	/* this user's name, or "NAME" */
	char os[64];	/* "ubuntu 22.04": ID and VERSION_ID of os-release */

	/* sysctls */
	long max_user_namespaces, unprivileged_userns_clone, apparmor_restrict_unprivileged_userns;
	long ptrace_scope, memfd_noexec, max_inotify_instances, max_inotify_watches, leases_enable;

	bool profile_there; /* the AppArmor profile that `make install` ships */
};

void facts_read(struct facts *facts);

#endif
