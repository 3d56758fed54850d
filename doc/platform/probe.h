/* SPDX-License-Identifier: MIT */
/* What the probes share: verdicts, and a child whose calls are notified. */
#ifndef PROBE_H
#define PROBE_H

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

/** Print "ok: ..." and exit 0, "skip: ..." and 77, or "failed: ...: strerror(errno)" and 1. */
void ok(const char *what) __attribute__((noreturn));
void skip(const char *what) __attribute__((noreturn));
void failed(const char *what) __attribute__((noreturn));

/** Unless it holds, failed(what). */
void expect(bool holds, const char *what);

/** A child that has run body() with its result as exit status; the caller waits. */
pid_t run_child(int (*body)(void));
/** Its exit status, 128 + n for a signal. */
int wait_child(pid_t pid);

/** As run_child, behind a filter; *listener receives its notifications. Skips where there is none.
 */
pid_t run_notified(const struct sock_filter *filter, size_t n, int (*body)(void), int *listener);

/** The next notification. */
struct seccomp_notif receive(int listener);
/** Let the call return value, or -1 with errno error. */
void answer(int listener, unsigned long long id, long value, int error);
/** Let the call happen. */
void let_happen(int listener, unsigned long long id);

/** A new user and mount namespace in which we are who we were; skips where that is forbidden. */
void enter_namespaces(void);

#define LOAD(member)	     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define IF_EQUAL(k, t, f)    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, t, f)
#define IF_AT_LEAST(k, t, f) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, k, t, f)
#define NOTIFY		     BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)
#define ALLOW		     BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

#endif
