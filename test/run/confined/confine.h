/* SPDX-License-Identifier: MIT */
/*
 * What a container engine does to a process before it runs it, as far as nestbox can notice: our
 * own tables of it, made after the engines' published defaults. The engines themselves seldom run
 * where tests do.
 */
#ifndef CONFINED_CONFINE_H
#define CONFINED_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

enum profile_id {
	PROFILE_DOCKER,		/* unshare is denied: Docker up to 28 */
	PROFILE_DOCKER_UNSHARE, /* unshare is allowed, mount is not: later ones */
	PROFILE_PODMAN_OLD,	/* process_vm_* and membarrier are denied: podman 3 and early 4 */
	PROFILE_PODMAN,
	PROFILE_PLAIN, /* no container: only what --deny says */
	PROFILES,
};

#define MAX_DENIED 16

/** What the command line asks for. */
struct confinement {
	enum profile_id profile;
	bool rootless;	   /* the engine runs in a user namespace of an ordinary user */
	bool unconfined;   /* --security-opt seccomp=unconfined */
	bool no_new_privs; /* --security-opt no-new-privileges */
	bool hidepid;	   /* /proc shows other users' processes to nobody */
	unsigned user;	   /* the container's user */
	uint64_t cap_add;  /* capability bits */
	const char *denied[MAX_DENIED]; /* "CALL=ERRNO" */
	unsigned n_denied;
};

/** By name, or PROFILES. */
enum profile_id profile_by_name(const char *name);
/** A capability's bit by its name as the engines write it ("SYS_ADMIN"); 0: unknown. */
uint64_t profile_cap(const char *name);
/** The capabilities of the container's root. */
uint64_t profile_caps(const struct confinement *c);
/** Install the filter. Exits with a message where that fails. */
void profile_filter(const struct confinement *c);

/** Give this process the container's /proc, /sys and /dev. Exits 77 where the kernel refuses. */
void mounts_make(const struct confinement *c);

#endif
