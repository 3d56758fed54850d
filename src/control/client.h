/* SPDX-License-Identifier: MIT */
/*
 * The other end of the control socket: finding boxes, asking them, and showing answers to people.
 * Prints only to the given stream; what a box says is shown with its control characters escaped.
 */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/error.h"

#include "control/walk.h"

struct json_object;

/** A box that answered. */
struct control_found {
	int fd;			  /* the connection */
	uid_t uid;		  /* whose */
	pid_t pid;		  /* the supervisor's */
	struct json_object *list; /* its answer to the request list */
};

struct control_boxes {
	struct control_found *list; /* by pid */
	unsigned n;
};

/** All boxes that this user may see, and that of NESTBOX_SOCKET. 0 or -errno. */
int control_boxes_find(struct control_boxes *boxes, struct error *error);
void control_boxes_free(struct control_boxes *boxes);

/**
 * Connect to a box. which: a pid, of the supervisor or of any process in the box, or NULL: the box that
 * this process is in, else the only one there is. The connection or -errno; *pid is the supervisor's.
 */
int control_find(const char *which, pid_t *pid, struct error *error);

/** Send a request ("show") and wait for its answer, a JSON object. NULL with a message. */
struct json_object *control_ask(int fd, const char *request, struct error *error);

/** As control_ask, of any request; takes the object. */
struct json_object *control_ask_object(int fd, struct json_object *request, struct error *error);

/* snapshot.c */
/** The answer to the request walk: of a box; and the same of a saved image. NULL with a message. */
struct json_object *control_ask_walk(int fd, const struct control_walk *walk, struct error *error);
struct json_object *control_image_walk(
	const char *path, const struct control_walk *walk, struct error *error);
/** Write the box's image. left_out: pages that were too many. 0 or -errno. */
int control_snapshot_save(int fd, FILE *out, uint64_t *left_out, struct error *error);
/** A string of the answer, or NULL. */
const char *control_text_of(struct json_object *answer, const char *key);
void control_print_text(const char *text, FILE *out);
void control_print_walk(struct json_object *answer, FILE *out);

void control_forget(struct json_object *answer);

/** Views for people. */
void control_print_ps(const struct control_boxes *boxes, FILE *out);
void control_print_show(struct json_object *show, FILE *out);
/** For programs. */
void control_print_json(struct json_object *object, FILE *out);
/** The answers as one array. */
void control_print_ps_json(const struct control_boxes *boxes, FILE *out);

/**
 * Turn the trace on and copy its lines until the box ends or *stop becomes true (a signal handler's;
 * then what is under way comes still). 0 or -errno.
 */
int control_trace(int fd, const char *format, const volatile sig_atomic_t *stop, FILE *out,
	struct error *error);

#endif
