/* SPDX-License-Identifier: MIT */
/*
 * The gate without a machine: a program (a forked child behind the filter), the serving side in
 * this process, and files whose calls do one thing each, so that a test sees what the caller handle
 * does.
 */
#ifndef TEST_GATE_FAKE_H
#define TEST_GATE_FAKE_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/types.h>

#include "file/file.h"

/* Their nodes. */
#define CONTAINER "/dev/null"
#define GROUP	  "/dev/zero"

#define FAKE_PING    _IO(';', 100) /* returns 42 */
#define FAKE_ADD     _IO(';', 101) /* struct fake_add */
#define FAKE_DEVICE  _IO(';', 102) /* a descriptor of the device; arg: O_CLOEXEC */
#define FAKE_PIN     _IO(';', 103) /* struct fake_pin: registers */
#define FAKE_SIGNAL  _IO(';', 104) /* arg: eventfd, written once */
#define FAKE_IS_OURS _IO(';', 105) /* arg: fd; 1, 0, or -EBADF */
#define FAKE_WAIT    _IO(';', 106) /* blocks until FAKE_GO comes */
#define FAKE_GO	     _IO(';', 107)

struct fake_add {
	uint64_t a, b, sum;
};

struct fake_pin {
	uint64_t uaddr, bytes;
	uint32_t prot;
};

#define FAKE_BAR_OFFSET (UINT64_C(8) << 40)
#define FAKE_BAR_BYTES	8192

struct fake {
	atomic_int containers, groups, devices; /* open now */
	atomic_int pings;
	struct umem *pinned;
	int bar; /* memfd of the device */
	atomic_bool go;
	/* Test and handlers take turns through the program, which ThreadSanitizer does not see: so
	 * they also do here. */
	atomic_uint turns;
};

extern struct fake fake;

/** A box around child(sync): sync is a socket to the test's side. */
struct box {
	pid_t pid;
	int sync;
	struct serve *serve;
	struct machine *machine;
};

void box_start(struct box *box, int (*child)(int sync));
/** Waits for the program; fails the test unless it exited with 0. */
void box_end(struct box *box);
/** Both, for a child that needs nothing of the test's side. */
void box_run(int (*child)(int sync));

/* Both sides: one byte each way. */
void sync_send(int sync);
void sync_wait(int sync);

/** In the child: report and end if the condition does not hold. */
#define expect(cond)                                                                               \
	do {                                                                                       \
		if (!(cond))                                                                       \
			child_fail(__FILE__, __LINE__, #cond);                                     \
	} while (0)
void child_fail(const char *file, int line, const char *what) __attribute__((noreturn));

#endif
