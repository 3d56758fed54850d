/* SPDX-License-Identifier: MIT */
/*
 * What the host refused us (a mount, a descriptor, a bad description): the third kind of error.
 * Functions return 0 or a negative errno and fill the message; callers pass it up unchanged or put
 * a prefix before it. Library code prints nothing.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

struct error {
	int err; /* positive errno, 0: none */
	char message[512];
};

/** Record a message (first writer wins) and return -err. e may be NULL. */
int error_set(struct error *e, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** As error_set, with ": strerror(err)" behind the message. */
int error_sys(struct error *e, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
