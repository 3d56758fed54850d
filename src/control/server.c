/* SPDX-License-Identifier: MIT */
#include "control/server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "control/place.h"
#include "control/session.h"

#define SECOND	  UINT64_C(1000000000)
#define UNREAD_NS (10 * SECOND) /* an answer of which nothing is taken */
/* Without a request, while others wait for a place: */
#define IDLE_NS	  (SECOND / 4) /* since the last answer */
#define SILENT_NS (5 * SECOND) /* who never asked: the machine may be slow */
#define LOOK_MS	  250	       /* how often that is looked at */

struct control {
	struct control_socket sock;
	struct control_box box;
	struct session sessions[CONTROL_CLIENTS_MAX];
	uint64_t opened_ns;
	pthread_t thread;
	bool started;
	int wake; /* eventfd */
	atomic_bool stop;
};

/* ---- clients ---- */

static struct session *free_place(struct control *c)
{
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (c->sessions[i].fd < 0)
			return &c->sessions[i];
	return NULL;
}

static unsigned count_traces(const struct control *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		n += c->sessions[i].fd >= 0 &&
		     (c->sessions[i].trace || c->sessions[i].trace_wanted);
	return n;
}

/** Whatever the mode of the socket became: the peer must be one of these. */
static bool may_connect(const struct control *c, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	return peer.uid == 0 || peer.uid == geteuid() || peer.uid == c->sock.uid;
}

static void welcome(struct control *c)
{
	struct session *s = free_place(c);
	struct control_problem problem = { 0 };
	int fd = s ? accept4(c->sock.fd, NULL, NULL, SOCK_CLOEXEC) : -1;

	if (fd < 0)
		return;
	session_begin(s, fd);
	if (may_connect(c, fd))
		return;
	control_refuse(&problem, "not-allowed", "this box is another user's");
	session_refuse(s, &problem);
}

static bool is_late(const struct session *s, uint64_t now)
{
	return s->fd >= 0 && session_events(s) == POLLOUT && now - s->active_ns > UNREAD_NS;
}

static bool is_idle(const struct session *s, uint64_t now)
{
	return !s->ending && !s->trace && !s->trace_wanted &&
	       now - s->active_ns > (s->answered ? IDLE_NS : SILENT_NS);
}

/** Who has asked for nothing for longest gives way to who waits. */
static void make_room(struct control *c, uint64_t now)
{
	struct session *oldest = NULL;

	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct session *s = &c->sessions[i];

		if (is_idle(s, now) && (!oldest || s->active_ns < oldest->active_ns))
			oldest = s;
	}
	if (oldest)
		session_end(oldest, &c->box);
}

/* ---- the thread ---- */

struct watch {
	struct pollfd fds[CONTROL_CLIENTS_MAX + 2]; /* clients, then: */
	bool ready;				    /* somebody's next request is there already */
	bool waiting;				    /* for output, or for a place */
};
#define LISTENER CONTROL_CLIENTS_MAX
#define WAKE	 (CONTROL_CLIENTS_MAX + 1)

static void prepare(struct control *c, struct watch *w)
{
	bool full = !free_place(c);

	*w = (struct watch){ .waiting = full };
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		const struct session *s = &c->sessions[i];

		w->fds[i].fd = s->ending ? -1 : s->fd;
		w->waiting |= s->ending;
		if (w->fds[i].fd < 0)
			continue;
		w->fds[i].events = session_events(s);
		w->ready |= session_ready(s);
		w->waiting |= w->fds[i].events == POLLOUT;
	}
	w->fds[LISTENER] = (struct pollfd){ .fd = full ? -1 : c->sock.fd, .events = POLLIN };
	w->fds[WAKE] = (struct pollfd){ .fd = c->wake, .events = POLLIN };
}

static bool somebody_waits(const struct control *c)
{
	struct pollfd listener = { .fd = c->sock.fd, .events = POLLIN };

	return poll(&listener, 1, 0) == 1;
}

static void serve_clients(struct control *c, const struct watch *w)
{
	uint64_t now = clock_ns();

	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		struct session *s = &c->sessions[i];
		bool late = is_late(s, now);

		session_reap(s, false);
		if (s->fd < 0 || s->ending || !(w->fds[i].revents || session_ready(s) || late))
			continue;
		if (late || !session_step(s, &c->box, w->fds[i].revents, count_traces(c)))
			session_end(s, &c->box);
	}
	if (!free_place(c) && somebody_waits(c))
		make_room(c, clock_ns());
	if (w->fds[LISTENER].revents)
		welcome(c);
}

static void *control_main(void *arg)
{
	struct control *c = arg;
	struct watch w;

	while (!atomic_load(&c->stop)) {
		prepare(c, &w);
		if (poll(w.fds, ARRAY_LEN(w.fds), w.ready ? 0 : w.waiting ? LOOK_MS : -1) >= 0)
			serve_clients(c, &w);
	}
	return NULL;
}

/* ---- begin and end ---- */

static int find_user(const char *name, uid_t *uid, gid_t *gid, struct error *error)
{
	const struct passwd *pw = name ? getpwnam(name) : NULL;

	if (name && !pw)
		return error_set(error, ENOENT, "there is no user '%s'", name);
	*uid = pw ? pw->pw_uid : geteuid();
	*gid = pw ? pw->pw_gid : getegid();
	return 0;
}

struct control *control_open(const char *user, struct error *error)
{
	struct control *c = calloc(1, sizeof(*c));
	uid_t uid = 0;
	gid_t gid = 0;

	if (!c) {
		error_set(error, ENOMEM, "out of memory");
		return NULL;
	}
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		c->sessions[i].fd = -1;
	c->opened_ns = clock_ns();
	c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->wake >= 0 && !find_user(user, &uid, &gid, error) &&
		!control_socket_make(&c->sock, uid, gid, error))
		return c;
	error_set(error, EMFILE, "cannot make an eventfd"); /* unless there is a message already */
	cleanup_fd(&c->wake);
	free(c);
	return NULL;
}

const char *control_path(const struct control *control)
{
	return control->sock.path;
}

static void forget(void *ctx)
{
	struct control *c = ctx;

	control_socket_forget(&c->sock);
}

struct guardian_will control_will(struct control *control)
{
	return (struct guardian_will){ .run = forget, .ctx = control, .fd = control->sock.dir };
}

int control_start(struct control *c, const struct control_box *box, struct error *error)
{
	sigset_t all, old;
	int err;

	c->box = *box;
	c->box.started_ns = c->opened_ns;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&c->thread, NULL, control_main, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	c->started = !err;
	return err ? error_sys(error, err, "cannot start the thread of the control socket") : 0;
}

void control_close(struct control *c)
{
	if (!c)
		return;
	atomic_store(&c->stop, true);
	if (c->started) {
		eventfd_write(c->wake, 1);
		pthread_join(c->thread, NULL);
	}
	control_socket_remove(&c->sock);
	/* All at once: each may wait for its reader. */
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		session_end(&c->sessions[i], &c->box);
	for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++)
		session_reap(&c->sessions[i], true);
	close(c->wake);
	free(c);
}
