/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of VFIO files, as Linux 7.3 answers for them: tables of {kind of file, operation,
 * result, the kernel function that says so}, and what does not fit into tables. Each row opens what
 * it needs anew and closes it: a group that was not given back would fail the next row. An ordinary
 * VFIO program, for a host whose 0000:01:00.0 is alone in group 1.
 */
#ifndef TEST_RUN_FDS_RIG_H
#define TEST_RUN_FDS_RIG_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#define LARGEFILE 0100000 /* O_LARGEFILE is 0 to 64-bit programs */
#define DEVICE	  "0000:01:00.0"
#define CONTAINER "/dev/vfio/vfio"
#define GROUP	  "/dev/vfio/1"

extern int failures, checks;
extern int scratch; /* a temporary file of some bytes */
extern const char *self;

/** What a system call returned, or its errno, negative. */
static inline long sys(long ret)
{
	return ret < 0 ? -errno : ret;
}

enum kind {
	C, /* a container without an IOMMU */
	S, /* a container with one */
	G, /* a group, in it */
	D, /* a device, of it */
	N_KINDS,
};

/** A descriptor of each kind. */
struct rig {
	int fd[N_KINDS];
};

int open_group(void);
/** 0 or a negative errno; rig_close either way. */
long rig_open(struct rig *rig);
void rig_close(struct rig *rig);
/** Whether the file answers as what it is, through this number. */
bool alive(enum kind kind, int fd);
int64_t region_offset(int device, unsigned index);
long mmap_at(int fd, int prot, int flags, size_t len, int64_t offset);
/** Descriptors by SCM_RIGHTS. */
int send_one(int sock, int fd);
int receive_one(int sock);

/** Count a check, and say what failed. */
void check(bool ok, const char *what, long got, long want);

/* ---- tables ---- */

typedef long op_fn(int fd); /* 0 or more, or a negative errno */

struct row {
	enum kind kind;
	const char *name;
	op_fn *op;
	long want;
	const char *kernel;
};

/* clang-format off */
#define ROW(kind, op, want, kernel) { kind, #op, op_##op, want, kernel }
#define FILES(op, want, kernel) ROW(C, op, want, kernel), ROW(G, op, want, kernel)
#define ALL(op, want, kernel) FILES(op, want, kernel), ROW(D, op, want, kernel)
#define EACH(op, want, kernel) ALL(op, want, kernel), ROW(S, op, want, kernel)
/* clang-format on */

void run_rows(const struct row *rows, size_t n);

/* ---- the parts; each returns how many rows it has, or nothing ---- */

size_t run_io(void);
size_t run_looks(void);
size_t run_opens(void);
void run_uring(void);
void run_copies(void);
void run_numbers(void);

unsigned soft_limit(void);
/** Whether exactly the listed descriptors are open. */
int run_inherited(int n, char *const *list);
/** Run the command with descriptors at odd numbers, and these as arguments. */
int spawn(char *const *command);
/** In the box: send to socket 3. Outside: run the command and be sent to. */
int send_out(void);
int outer(char *const *command);
/** Whether what comes through socket 3 is one of that kind. */
int receive(enum kind kind);

#endif
