/* SPDX-License-Identifier: MIT */
/*
 * Opens of the box's nodes and of the files of its /sys, and access(2), which asks about the latter.
 * Only opens for writing are notified (filter.c): others are made up for later (late.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/text.h"
#include "gate/calls.h"
#include "trace/decode.h"

/** "open("/dev/vfio/1", O_RDWR|O_CLOEXEC)" */
static const char *describe_open(char *buf, size_t size, const struct call_open *open)
{
	static const char *const modes[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE" };
	struct text text;

	text_init(&text, buf, size);
	text_add(&text, "open(\"");
	text_add_escaped(&text, open->path, strlen(open->path), "\"");
	text_add(&text, "\", %s%s%s%s)%s", modes[open->flags & O_ACCMODE],
		open->flags & O_CLOEXEC ? "|O_CLOEXEC" : "",
		open->flags & O_NONBLOCK ? "|O_NONBLOCK" : "",
		open->flags & O_CREAT ? "|O_CREAT" : "", open->late ? " at its first ioctl" : "");
	return buf;
}

static int open_node(struct call *call, const struct path_node *found, unsigned flags,
	struct file **out, struct why *why)
{
	const struct tree_entry *node = found->node;
	struct serve *serve = call->serve;

	if (found->sysfs)
		return attr_open(call, &found->attr, flags, out, why);

	if (!node)
		return why_misuse(why, ENXIO, "device-reopened",
			"a device's descriptor cannot be opened anew through /proc");
	if (node->node == NODE_CONTAINER)
		return vfio_open_container(serve->args.vfio, out, why);
	return vfio_open_group(
		serve->args.vfio, node->id, node->node == NODE_NOIOMMU_GROUP, out, why);
}

/** What Linux 7.3 do_dentry_open refuses after the file's own open. */
static long check_flags(const struct call_open *open, struct why *why)
{
	if (open->flags & O_DIRECT)
		return why_misuse(why, EINVAL, "o-direct", "a VFIO file has no O_DIRECT");
	return 0;
}

static void no_descriptor(struct why *why, int err)
{
	if (err != ENFILE) {
		why_refused(why, err, "no-descriptor", "the program can take no descriptor");
		return;
	}
	why_refused(why, err, "no-descriptor", "nestbox has no descriptor left");
	why_instead(why, "a higher hard limit of open files (ulimit -H -n)");
}

static long open_found(struct call *call, const struct path_node *found,
	const struct call_open *open, struct why *why)
{
	struct fd_origin origin = {
		.node = found->node, .attribute = found->sysfs, .flags = open->flags
	};
	struct file *file = NULL;
	long ret;

	if ((open->flags & O_CREAT) && (open->flags & O_EXCL))
		return why_misuse(why, EEXIST, "exists", "O_EXCL of a node that exists");
	ret = open_node(call, found, open->flags, &file, why);
	if (ret == -EBUSY) {
		call_settle(call);
		*why = (struct why){ 0 };
		ret = open_node(call, found, open->flags, &file, why);
	}
	if (ret)
		return ret;
	snprintf(origin.path, sizeof(origin.path), "%s",
		found->node ? found->node->path : found->attr.path);
	ret = check_flags(open, why);
	ret = ret ? ret : call_install(call, file, &origin, open->late ? open->at : -1);
	if (ret < 0) {
		file_put(file);
		no_descriptor(why, (int)-ret);
	}
	return ret;
}

long call_open(struct call *call, const struct path_node *found, const struct call_open *open)
{
	char text[TRACE_LINE_MAX];
	struct why why = { 0 };
	long ret = open_found(call, found, open, &why);
	struct report_call done = {
		.call = call,
		.name = describe_open(text, sizeof(text), open),
		.text = text,
		.result = ret,
		.why = &why,
	};

	if (ret < 0 && open->late)
		why_instead(&why, "O_RDWR: then nestbox sees the open itself, and answers there");
	report_call(call->serve->report, &done);
	return ret;
}

static long do_open(struct call *call, int dirfd, uint64_t upath, uint64_t flags)
{
	char path[PATH_MAX];
	struct call_open open = { .path = path, .flags = (unsigned)flags };
	struct path_node found;

	if (usermem_string(call, upath, path, sizeof(path)) < 0 ||
		!path_find_node(call, dirfd, path, flags, &found) || !call_valid(call))
		return CALL_CONTINUE;
	return call_open(call, &found, &open);
}

#ifdef __NR_open
long sys_open(struct call *call)
{
	return do_open(call, AT_FDCWD, call_arg(call, 0), call_arg(call, 1));
}
#endif

#ifdef __NR_creat
long sys_creat(struct call *call)
{
	return do_open(call, AT_FDCWD, call_arg(call, 0), O_CREAT | O_WRONLY | O_TRUNC);
}
#endif

long sys_openat(struct call *call)
{
	return do_open(call, (int)call_arg(call, 0), call_arg(call, 1), call_arg(call, 2));
}

/** As the filter has it for the other forms of open (COND_WRITES). */
static bool is_for_writing(uint64_t flags)
{
	return (flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR;
}

long sys_openat2(struct call *call)
{
	struct open_how how;

	/* FIDELITY: how.resolve is not looked at where the path leads to one of our nodes. */
	if (call_arg(call, 3) != sizeof(how) ||
		usermem_copy_in(&call->caller, &how, call_arg(call, 2), sizeof(how)) ||
		(how.flags & (O_DIRECTORY | O_PATH)) || !is_for_writing(how.flags))
		return CALL_CONTINUE;
	/* Ill-formed in itself (Linux 7.3 build_open_flags): the kernel says so. */
	if (how.flags >> 32 || (how.mode && !(how.flags & O_CREAT)) || how.mode & ~UINT64_C(07777))
		return CALL_CONTINUE;
	return do_open(call, (int)call_arg(call, 0), call_arg(call, 1), how.flags);
}

/* ---- access ---- */

/** May it be written? /sys is a read-only mount, of which its files must not tell. */
static long do_access(struct call *call, int dirfd, uint64_t upath, unsigned want)
{
	char path[PATH_MAX];
	struct live_attr at;

	if (usermem_string(call, upath, path, sizeof(path)) < 0 ||
		!path_find_attr(call, dirfd, path, 0, &at) || !call_valid(call))
		return CALL_CONTINUE;
	return attr_access(call, &at, want);
}

#ifdef __NR_access
long sys_access(struct call *call)
{
	return do_access(call, AT_FDCWD, call_arg(call, 0), (unsigned)call_arg(call, 1));
}
#endif

long sys_faccessat(struct call *call)
{
	return do_access(
		call, (int)call_arg(call, 0), call_arg(call, 1), (unsigned)call_arg(call, 2));
}
