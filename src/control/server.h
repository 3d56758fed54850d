/* SPDX-License-Identifier: MIT */
/*
 * The control socket of a box: a thread of the supervisor that answers what doc/control.md lists. Only
 * the user of the box, the user of the supervisor and root are answered.
 *
 * Nothing a client does holds up the box: requests are answered one by one, from copies; no lock of the
 * host is held while one is told or sent.
 */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include "base/error.h"
#include "control/show.h"
#include "gate/guardian.h"

struct control;

/**
 * Make the socket, for the named user (NULL: who we are), while there is one thread; before the program
 * starts, so that it finds it. Clients wait until control_start. NULL with a message.
 */
struct control *control_open(const char *user, struct error *error);
/** For NESTBOX_SOCKET. */
const char *control_path(const struct control *control);
/** For the guardian (launch), which alone is left when the supervisor is killed. */
struct guardian_will control_will(struct control *control);
/** The box is copied; what it points to outlives control_close. 0 or -errno. */
int control_start(struct control *control, const struct control_box *box, struct error *error);
/** Before serve_stop: ends the thread and every connection, removes the socket. NULL accepted. */
void control_close(struct control *control);

#endif
