/* SPDX-License-Identifier: MIT */
/*
 * One client of the control socket. Its socket never blocks us: what it does not read waits in a buffer
 * that holds one answer, and as long as it is not empty no further request is read. So a client that
 * never reads costs one answer's memory and its place, and the server takes both back (server.c).
 */
#ifndef CONTROL_SESSION_H
#define CONTROL_SESSION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/message.h"
#include "control/show.h"

struct session {
	int fd; /* -1: nobody */
	char *in;
	size_t in_len, in_size;
	char *out;
	size_t out_len, out_at;
	bool answered;	    /* at least once */
	bool eof;	    /* it sends no more */
	bool closing;	    /* once everything is written */
	uint64_t active_ns; /* when something was last read or written */
	/* A trace: asked for and not yet answered, then (id from 1 up) running. */
	bool trace_wanted;
	enum trace_format format;
	int trace;
	/* The end of a trace waits for its reader, so a thread sees to it; the place is taken so long. */
	bool ending;
	pthread_t ender;
	struct report *report;
	atomic_bool ended;
};

void session_begin(struct session *s, int fd);
/** Begin to end it: fd is -1 if that is all, else `ending`. */
void session_end(struct session *s, const struct control_box *box);
/** Finish that, if it can be done at once or `wait`. */
void session_reap(struct session *s, bool wait);
/** For poll. */
short session_events(const struct session *s);
/** A request is there that can be answered at once. */
bool session_ready(const struct session *s);
/** Do what can be done, at most one request. False: it has ended. traces: how many there are. */
bool session_step(struct session *s, const struct control_box *box, short revents, unsigned traces);
/** Send this and close. */
void session_refuse(struct session *s, const struct control_problem *problem);

#endif
