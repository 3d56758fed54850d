/* SPDX-License-Identifier: MIT */
#include "control/client.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "control/message.h"
#include "control/place.h"
#include "control/procs.h"

#define ANSWER_MAX (64u << 20)
#define PATIENCE_S 10 /* for an answer */
#define ANCESTORS  4096

/* ---- requests ---- */

struct buffer {
	char *text;
	size_t len, size;
};

/** False: no memory, or too much. */
static bool grow(struct buffer *b, size_t more)
{
	size_t size = MAX(2 * b->size, (size_t)4096);
	char *text;

	if (b->len + more < b->size)
		return true;
	if (b->len > ANSWER_MAX)
		return false;
	while (size <= b->len + more)
		size *= 2;
	text = realloc(b->text, size);
	if (!text)
		return false;
	b->text = text;
	b->size = size;
	return true;
}

/* Takes the object. */
static int send_object(int fd, struct json_object *object)
{
	size_t len = 0;
	AUTO_FREE char *line = control_line(object, &len);

	if (!line)
		return -ENOMEM;
	return send(fd, line, len, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -EPIPE;
}

/** Up to a newline, and not beyond it: what follows may be a trace's. */
static int read_line(int fd, struct buffer *b)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	/* Also for who sends a byte now and then. */
	const uint64_t until = clock_ns() + PATIENCE_S * UINT64_C(1000000000);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	for (;;) {
		const char *end;
		ssize_t n;

		if (!grow(b, 4096))
			return -ENOMEM;
		if (clock_ns() > until)
			return -ETIMEDOUT;
		n = recv(fd, b->text + b->len, 4096, MSG_PEEK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? -ECONNRESET : errno == EAGAIN ? -ETIMEDOUT : -errno;
		end = memchr(b->text + b->len, '\n', (size_t)n);
		n = end ? end + 1 - (b->text + b->len) : n;
		if (recv(fd, b->text + b->len, (size_t)n, 0) != n)
			return -EIO;
		b->len += (size_t)n;
		if (end)
			return 0;
	}
}

static const char *member_string(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) ||
		!json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

/** The answer is to be an object, of our version, and no error. */
static int check_answer(struct json_object *object, struct error *error)
{
	struct json_object *version;
	const char *message;

	if (!json_object_is_type(object, json_type_object) ||
		!json_object_object_get_ex(object, "version", &version) ||
		json_object_get_int64(version) != CONTROL_VERSION)
		return error_set(
			error, EPROTO, "the box answers what this nestbox does not understand");
	message = member_string(object, "message");
	if (member_string(object, "error"))
		return error_set(error, EREMOTEIO, "the box refuses: %s", message ? message : "?");
	return 0;
}

static struct json_object *receive(int fd, struct error *error)
{
	struct json_object *object = NULL;
	struct buffer b = { 0 };
	int err = read_line(fd, &b);

	if (err) {
		error_sys(error, -err, "the box does not answer");
	} else {
		b.text[b.len - 1] = '\0';
		object = json_tokener_parse(b.text);
		if (check_answer(object, error)) {
			json_object_put(object);
			object = NULL;
		}
	}
	free(b.text);
	return object;
}

struct json_object *control_ask_object(int fd, struct json_object *request, struct error *error)
{
	int err = send_object(fd, request);

	/* Who refuses us has said why before it hung up. */
	if (err && err != -EPIPE) {
		error_sys(error, -err, "cannot ask the box");
		return NULL;
	}
	return receive(fd, error);
}

static struct json_object *ask(int fd, const char *request, const char *format, struct error *error)
{
	struct json_object *object = json_object_new_object();

	control_put_u64(object, "version", CONTROL_VERSION);
	control_put_text(object, "request", request);
	if (format)
		control_put_text(object, "format", format);
	return control_ask_object(fd, object, error);
}

struct json_object *control_ask(int fd, const char *request, struct error *error)
{
	return ask(fd, request, NULL, error);
}

void control_forget(struct json_object *answer)
{
	json_object_put(answer);
}

/* ---- boxes ---- */

static pid_t answered_pid(struct json_object *list)
{
	struct json_object *pid;

	return json_object_object_get_ex(list, "pid", &pid) ? (pid_t)json_object_get_int(pid) : 0;
}

static bool is_known(const struct control_boxes *boxes, pid_t pid)
{
	for (unsigned i = 0; i < boxes->n; i++)
		if (boxes->list[i].pid == pid)
			return true;
	return false;
}

/**
 * The pid of who listens, as we number processes (in a container it has another one), or 0: it has none
 * here. -1: it is neither the one whose directory it is, nor root.
 */
static pid_t peer_pid(int fd, uid_t uid)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) ||
		(peer.uid != uid && peer.uid != 0))
		return -1;
	return peer.pid;
}

/** control_found_fn. A box that does not answer is none: it ends, or its supervisor is stopped. */
static void found(void *ctx, int fd_given, const char *path, uid_t uid)
{
	struct control_boxes *boxes = ctx;
	AUTO_FD int fd = fd_given;
	struct control_found *list;
	pid_t pid = peer_pid(fd, uid);
	struct json_object *answer = pid >= 0 ? control_ask(fd, "list", NULL) : NULL;

	if (pid > 0 && answer)
		control_put_u64(answer, "pid", (uint64_t)pid);
	pid = answered_pid(answer);
	list = answer && pid > 0 ? realloc(boxes->list, (boxes->n + 1) * sizeof(*list)) : NULL;
	if (!list) {
		json_object_put(answer);
		return;
	}
	boxes->list = list;
	list[boxes->n++] =
		(struct control_found){ .fd = TAKE_FD(fd), .uid = uid, .pid = pid, .list = answer };
}

static int by_pid(const void *a, const void *b)
{
	const struct control_found *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

int control_boxes_find(struct control_boxes *boxes, struct error *error)
{
	const char *ours = getenv("NESTBOX_SOCKET");
	int fd = ours && *ours ? control_connect(ours) : -1;

	*boxes = (struct control_boxes){ 0 };
	control_each(found, boxes);
	if (fd >= 0 && !is_known(boxes, peer_pid(fd, geteuid())))
		found(boxes, fd, ours, geteuid());
	else
		cleanup_fd(&fd);
	if (boxes->n)
		qsort(boxes->list, boxes->n, sizeof(*boxes->list), by_pid);
	return 0;
}

void control_boxes_free(struct control_boxes *boxes)
{
	for (unsigned i = 0; i < boxes->n; i++) {
		close(boxes->list[i].fd);
		json_object_put(boxes->list[i].list);
	}
	free(boxes->list);
	*boxes = (struct control_boxes){ 0 };
}

/** The box that pid is the supervisor of, or in: one of its ancestors is. */
static struct control_found *box_of(const struct control_boxes *boxes, pid_t pid)
{
	for (unsigned n = 0; pid > 0 && n < ANCESTORS; n++) {
		for (unsigned i = 0; i < boxes->n; i++)
			if (boxes->list[i].pid == pid)
				return &boxes->list[i];
		pid = control_parent(pid, NULL);
	}
	return NULL;
}

static int one_of(
	const struct control_boxes *boxes, struct control_found **out, struct error *error)
{
	char pids[256] = "";
	size_t len = 0;

	*out = &boxes->list[0];
	if (boxes->n == 1)
		return 0;
	if (!boxes->n)
		return error_set(error, ESRCH, "no box is running");
	for (unsigned i = 0; i < boxes->n && len < sizeof(pids) - 16; i++)
		len += (size_t)snprintf(pids + len, sizeof(pids) - len, "%s%d", i ? ", " : "",
			(int)boxes->list[i].pid);
	return error_set(error, EINVAL, "several boxes are running, give one: %s%s", pids,
		len >= sizeof(pids) - 16 ? ", ..." : "");
}

static int choose(const struct control_boxes *boxes, const char *which, struct control_found **out,
	struct error *error)
{
	char *end;
	long pid;

	if (!which)
		return one_of(boxes, out, error);
	pid = strtol(which, &end, 10);
	if (*end || pid <= 0 || pid > INT32_MAX)
		return error_set(error, EINVAL, "'%s' is no process id", which);
	*out = box_of(boxes, (pid_t)pid);
	return *out ? 0
		    : error_set(error, ESRCH,
			      "process %ld is no box and in none (of this user): see nestbox ps",
			      pid);
}

/** The box that we are in. */
static int connect_own(const char *path, pid_t *pid, struct error *error)
{
	AUTO_FD int fd = control_connect(path);
	struct json_object *list;

	if (fd < 0)
		return error_sys(error, -fd, "cannot reach the box of $NESTBOX_SOCKET, %s", path);
	list = control_ask(fd, "list", error);
	if (!list)
		return -EIO;
	*pid = answered_pid(list);
	json_object_put(list);
	return TAKE_FD(fd);
}

int control_find(const char *which, pid_t *pid, struct error *error)
{
	const char *ours = getenv("NESTBOX_SOCKET");
	struct control_found *box = NULL;
	struct control_boxes boxes;
	int err;

	*pid = 0;
	if (!which && ours && *ours)
		return connect_own(ours, pid, error);
	err = control_boxes_find(&boxes, error);
	if (!err)
		err = choose(&boxes, which, &box, error);
	if (!err && box) {
		*pid = box->pid;
		err = fcntl(box->fd, F_DUPFD_CLOEXEC, 0);
	}
	control_boxes_free(&boxes);
	return err;
}

/* ---- traces ---- */

/** What could steer a terminal is shown as '?'; lines, tabs and all of UTF-8 pass. */
static void copy_out(char *text, size_t len, FILE *out)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)text[i] < 0x20 && text[i] != '\n' && text[i] != '\t') ||
			text[i] == 0x7f)
			text[i] = '?';
	fwrite(text, 1, len, out);
	fflush(out);
}

/** Lines as they come. On *stop says so to the box, and takes the rest for a moment. */
static int stream(int fd, const volatile sig_atomic_t *stop, FILE *out)
{
	static const char off[] = "{\"request\": \"trace\", \"on\": false}\n";
	struct timeval moment = { .tv_sec = 2 };
	bool told = false;
	char text[65536];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ .tv_usec = 200000 },
		sizeof(moment));
	for (;;) {
		ssize_t n;

		if (*stop && !told) {
			told = true;
			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment));
			send(fd, off, sizeof(off) - 1, MSG_NOSIGNAL);
		}
		n = recv(fd, text, sizeof(text), 0);
		if (n > 0)
			copy_out(text, (size_t)n, out);
		else if (n == 0 || (errno != EINTR && (errno != EAGAIN || told)))
			return n == 0 || told || errno == ECONNRESET ? 0 : -errno;
		if (ferror(out))
			return -EIO;
	}
}

int control_trace(int fd, const char *format, const volatile sig_atomic_t *stop, FILE *out,
	struct error *error)
{
	struct json_object *answer = ask(fd, "trace", format, error);
	int err;

	if (!answer)
		return error->err ? -error->err : -EIO;
	json_object_put(answer);
	err = stream(fd, stop, out);
	return err ? error_sys(error, -err, "the trace broke off") : 0;
}
