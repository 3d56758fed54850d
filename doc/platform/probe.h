/* SPDX-License-Identifier: MIT */
/*
 * A probe tries one behaviour of the host that nestbox relies on. Its file defines what it is for and
 * how it is tried, and is compiled twice: into a small program of its own (main.c), and into
 * `nestbox doctor`, which runs it in a child. So a probe may do to its process what it likes, tells
 * its verdict by how it ends, and prints one line that says what it saw.
 */
#ifndef PLATFORM_PROBE_H
#define PLATFORM_PROBE_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Newer than some systems' headers. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct probe {
	const char *name;    /* kebab-case, the file's */
	const char *purpose; /* what the box relies on it for */
	const char *without; /* what nestbox does instead, and what that costs; NULL: no box */
	void (*run)(void);   /* ends the process */
};

/** What a probe ends with: its exit status. */
enum lack {
	LACK_NONE = 0,
	LACK_BROKEN = 1, /* it is there, but does not behave as we rely on */
	LACK_OLD = 70,	 /* this kernel does not have it */
	LACK_DENIED,	 /* a policy forbids it: permissions, a container's profile, a sysctl */
	LACK_EXHAUSTED,	 /* a limit is reached */
	LACK_TAKEN,	 /* there can be one only, and somebody has it */
};

extern const struct probe probe_cover_dev, probe_cover_sys, probe_inotify, probe_kernel,
	probe_last_close, probe_listener, probe_membarrier, probe_memfd, probe_notify_addfd,
	probe_null_node, probe_open_files, probe_pidfd_getfd, probe_proc, probe_proc_mem,
	probe_process_vm, probe_procmap_query, probe_runtime_dir, probe_stand_in_fstat,
	probe_subreaper, probe_sync_wake_up, probe_userns_mounts, probe_wait_killable;

/* ---- verdicts; the first line that a probe or a child of it prints is its reason ---- */

void ok(void) __attribute__((noreturn));
/** The host does not let us: "WHAT: strerror(errno)", and the kind of lack that errno tells. */
void lacking(const char *what) __attribute__((noreturn));
/** The same where no errno tells the kind. */
void lacks(enum lack lack, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));
/** Unless it holds, lacking(what). */
void need(bool holds, const char *what);
/** Unless it holds, it is LACK_BROKEN. */
void expect(bool holds, const char *what);

/* ---- children ---- */

/** A child that has run body() with its result as exit status; the caller waits. It dies with
 * the caller. */
pid_t run_child(int (*body)(void));
/** Its exit status, 128 + n for a signal. */
int wait_child(pid_t pid);
/** Wait, and end as it ended, unless that was well. */
void join_child(pid_t pid);

/** The number of a process in /proc, which may be the /proc of outside; 0: it has none. */
int number_in_proc(pid_t pid);
/** Open a file of a process in /proc; O_RDWR if it can be, else O_RDONLY. Or -1. */
int open_proc(pid_t pid, const char *name);

/** As run_child, behind a filter; *listener receives its notifications. Lacks where there is none.
 */
pid_t run_notified(const struct sock_filter *filter, size_t n, int (*body)(void), int *listener);

/** The next notification. */
struct seccomp_notif receive(int listener);
/** Let the call return value, or -1 with errno error. */
void answer(int listener, unsigned long long id, long value, int error);
/** Let the call happen. */
void let_happen(int listener, unsigned long long id);

/** The mount namespace that a box has, in which we are who we were; lacks where that is forbidden. */
void enter_namespaces(void);
/** The same if it is allowed. */
void try_namespaces(void);

#define LOAD(member)	     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define IF_EQUAL(k, t, f)    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, t, f)
#define IF_AT_LEAST(k, t, f) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, k, t, f)
#define NOTIFY		     BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)
#define ALLOW		     BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

#endif
