/* SPDX-License-Identifier: MIT */
/*
 * Files of the box's /sys that programs write to. An open for writing is notified, and gets a
 * stand-in like any file of ours (fdtable.c), so that write(2) comes to us and returns what Linux
 * owes. Reading alone needs none of this: programs read the tmpfs, which live.c keeps true.
 *
 * A shell moves what it opened for `echo x > file` to descriptor 1, where calls are not notified by
 * their number; so the filter sends us short writes to 1 as well (filter.c).
 *
 * FIDELITY: other calls through descriptors below the reserved range, and longer writes to 1, are
 * the stand-in's: EPERM.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/check.h"
#include "base/text.h"
#include "gate/calls.h"
#include "gate/procfs.h"
#include "vfio/bind.h"

#define TEXT_MAX 4096 /* Linux 7.3 kernfs_fop_write_iter: PAGE_SIZE, what is more is not taken */

struct attr_file {
	struct file file;
	struct serve *serve;
	struct live_attr at;
};

/** A write, as the store functions of the kernel get it. */
struct store {
	struct attr_file *attr;
	struct machine *machine;
	struct vfio *vfio;
	struct caller *caller;
	const char *text; /* len bytes and a NUL */
	size_t len;
	struct why *why;
};

static struct machine_device *device_of(const struct store *store)
{
	return &store->machine->devices[store->attr->at.attr.of];
}

static struct machine_driver *driver_of(const struct store *store)
{
	return &store->machine->drivers.all[store->attr->at.attr.of];
}

/** Linux kstrtoul(text, 0): a number and at most a newline behind it. */
static bool parse_number(const char *text, unsigned long *out)
{
	char *end;

	if (*text == '+')
		text++;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoul(text, &end, 0);
	return !errno && (!*end || (*end == '\n' && !end[1]));
}

static int bad_number(struct why *why)
{
	return why_misuse(why, EINVAL, "not-a-number", "a number is expected");
}

/* ---- drivers and the bus ---- */

static int store_bind(const struct store *s)
{
	return vfio_bind(s->vfio, driver_of(s), s->text, s->caller, s->why);
}

static int store_unbind(const struct store *s)
{
	return vfio_unbind(s->vfio, driver_of(s), s->text, s->caller, s->why);
}

static int store_new_id(const struct store *s)
{
	return vfio_new_id(s->vfio, driver_of(s), s->text, s->caller, s->why);
}

static int store_remove_id(const struct store *s)
{
	int ret;

	hostlock_lock(&s->machine->lock);
	ret = machine_driver_remove_id(driver_of(s), s->text, s->why);
	hostlock_unlock(&s->machine->lock);
	return ret;
}

static int store_probe(const struct store *s)
{
	return vfio_drivers_probe(s->vfio, s->text, s->caller, s->why);
}

static int store_autoprobe(const struct store *s)
{
	hostlock_lock(&s->machine->lock);
	s->machine->drivers.autoprobe = s->text[0] != '0';
	hostlock_unlock(&s->machine->lock);
	return 0;
}

/* Linux 7.3 kobject_synth_uevent. FIDELITY: nobody hears of it, there are no uevents in a box. */
static int store_uevent(const struct store *s)
{
	static const char *const actions[] = { "add", "remove", "change", "move", "online",
		"offline", "bind", "unbind" };
	size_t len = strcspn(s->text, "\n ");

	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (strlen(actions[i]) == len && !strncmp(actions[i], s->text, len))
			return 0;
	return why_misuse(s->why, EINVAL, "bad-uevent", "an action is expected, like \"add\"");
}

/* ---- devices ---- */

static int store_override(const struct store *s)
{
	int ret;

	hostlock_lock(&s->machine->lock);
	ret = machine_set_override(device_of(s), s->text, s->len, s->why);
	hostlock_unlock(&s->machine->lock);
	return ret;
}

/* Linux 7.3 enable_store. Host lock. */
static int enable(struct machine_device *dev, bool on, struct why *why)
{
	if (dev->iommu.driver || dev->leaving)
		return why_refused(why, EBUSY, "device-is-bound",
			"a device that is bound is enabled by its driver");
	if (!on && !dev->enabled)
		return why_refused(why, EIO, "not-enabled", "the device is not enabled");
	dev->enabled += on ? 1 : -1u;
	return 0;
}

static int store_enable(const struct store *s)
{
	struct machine_device *dev = device_of(s);
	unsigned long on;
	bool was;
	int ret;

	if (!parse_number(s->text, &on))
		return bad_number(s->why);
	hostlock_lock(&s->machine->lock);
	was = dev->enabled;
	ret = enable(dev, on, s->why);
	if (!ret && was != (dev->enabled != 0)) {
		/* pci_enable_device, and pci_disable_device in time: memory decoding. */
		pthread_mutex_lock(&dev->pci.lock);
		pci_config_write(&dev->pci, 0x04, on ? 0x2 : 0, 2);
		pthread_mutex_unlock(&dev->pci.lock);
	}
	hostlock_unlock(&s->machine->lock);
	return ret;
}

/* Linux 7.3 reset_store: whoever has the device open. */
static int store_reset(const struct store *s)
{
	struct machine_device *dev = device_of(s);
	unsigned long one;
	bool none;

	if (!parse_number(s->text, &one) || one != 1)
		return bad_number(s->why);
	hostlock_lock(&s->machine->lock);
	none = dev->no_reset;
	hostlock_unlock(&s->machine->lock);
	if (none)
		return why_refused(s->why, ENOTTY, "no-reset-method", "reset_method is empty");
	vfio_reset(s->vfio, dev);
	return 0;
}

/* Linux 7.3 reset_method_store, of devices that have one method. */
static int store_reset_method(const struct store *s)
{
	size_t len = strcspn(s->text, "\n");
	bool none = !len, known = none || !strncmp(s->text, "default", MAX(len, 7)) ||
				  !strncmp(s->text, "flr", MAX(len, 3));

	if (!known)
		return why_misuse(
			s->why, EINVAL, "no-such-reset-method", "the device has the method flr");
	hostlock_lock(&s->machine->lock);
	device_of(s)->no_reset = none;
	hostlock_unlock(&s->machine->lock);
	return 0;
}

static int (*const stores[])(const struct store *s) = {
	[ATTR_BIND] = store_bind,
	[ATTR_UNBIND] = store_unbind,
	[ATTR_NEW_ID] = store_new_id,
	[ATTR_REMOVE_ID] = store_remove_id,
	[ATTR_PROBE] = store_probe,
	[ATTR_AUTOPROBE] = store_autoprobe,
	[ATTR_UEVENT] = store_uevent,
	[ATTR_OVERRIDE] = store_override,
	[ATTR_ENABLE] = store_enable,
	[ATTR_RESET] = store_reset,
	[ATTR_RESET_METHOD] = store_reset_method,
};

/* ---- configuration space ---- */

/* Linux 7.3 pci_write_config: bytes, words and dwords as they are aligned. */
static void write_config(struct pci_dev *pci, unsigned off, const uint8_t *buf, size_t count)
{
	pthread_mutex_lock(&pci->lock);
	while (count) {
		unsigned n = off & 1 || count < 2 ? 1 : off & 2 || count < 4 ? 2 : 4;
		uint32_t val = 0;

		for (unsigned i = 0; i < n; i++)
			val |= (uint32_t)buf[i] << 8 * i;
		pci_config_write(pci, off, val, n);
		off += n;
		buf += n;
		count -= n;
	}
	pthread_mutex_unlock(&pci->lock);
}

static ssize_t config_write(const struct store *s, uint64_t pos)
{
	size_t count;

	if (pos >= PCI_CONFIG_BYTES)
		return 0;
	count = MIN(s->len, PCI_CONFIG_BYTES - pos);
	write_config(&device_of(s)->pci, (unsigned)pos, (const uint8_t *)s->text, count);
	return (ssize_t)count;
}

static ssize_t copy_text(
	struct caller *caller, uint64_t uaddr, const void *text, size_t n, struct why *why)
{
	if (!caller->ops->copy_out(caller, uaddr, text, n))
		return (ssize_t)n;
	return why_misuse(why, EFAULT, "bad-buffer", "the %zu bytes at 0x%llx cannot be written", n,
		(unsigned long long)uaddr);
}

static ssize_t config_read(struct attr_file *attr, struct caller *caller, uint64_t uaddr,
	size_t count, uint64_t pos, struct why *why)
{
	uint8_t config[PCI_CONFIG_BYTES];
	const struct machine *machine = attr->serve->args.machine;

	if (pos >= sizeof(config))
		return 0;
	count = MIN(count, sizeof(config) - pos);
	tree_config(&machine->devices[attr->at.attr.of].pci, config);
	return copy_text(caller, uaddr, config + pos, count, why);
}

/* ---- the file ---- */

static const struct file_ops attr_ops;

static struct attr_file *from_file(struct file *file)
{
	nb_assert(file->ops == &attr_ops);
	return caa_container_of(file, struct attr_file, file);
}

bool attr_is(const struct file *file)
{
	return file->ops == &attr_ops;
}

static ssize_t attr_read(struct file *file, struct caller *caller, uint64_t uaddr, size_t count,
	uint64_t pos, struct why *why)
{
	struct attr_file *attr = from_file(file);
	char text[TEXT_MAX];
	ssize_t n;

	if (attr->at.attr.kind == ATTR_RESOURCE)
		return why_misuse(why, EIO, "resource-is-memory",
			"resourceN of a memory BAR is mapped, not read");
	if (attr->at.attr.kind == ATTR_CONFIG)
		return config_read(attr, caller, uaddr, count, pos, why);
	n = live_read(attr->serve->live, attr->at.path, text, MIN(count, sizeof(text)), pos);
	if (n < 0) /* Linux 7.3 kernfs_seq_start: the file has gone */
		return why_refused(why, ENODEV, "attribute-is-gone",
			"%s is there no more, or cannot be read", attr->at.path);
	return n ? copy_text(caller, uaddr, text, (size_t)n, why) : 0;
}

static ssize_t store_it(const struct store *s, uint64_t pos)
{
	int ret;

	if (s->attr->at.attr.kind == ATTR_RESOURCE)
		return why_misuse(s->why, EIO, "resource-is-memory",
			"resourceN of a memory BAR is mapped, not written");
	if (s->attr->at.attr.kind == ATTR_CONFIG)
		return config_write(s, pos);
	ret = stores[s->attr->at.attr.kind](s);
	return ret ? ret : (ssize_t)s->len;
}

ssize_t attr_write_text(struct call *call, struct file *file, const char *text, size_t len,
	uint64_t pos, struct why *why)
{
	struct attr_file *attr = from_file(file);
	char copy[TEXT_MAX + 1];
	const struct store s = {
		.attr = attr,
		.machine = attr->serve->args.machine,
		.vfio = attr->serve->args.vfio,
		.caller = &call->caller,
		.text = copy,
		.len = len,
		.why = why,
	};
	ssize_t ret;

	nb_assert(len <= TEXT_MAX);
	if (!len) /* Linux 7.3 sysfs_kf_write */
		return 0;
	memcpy(copy, text, len);
	copy[len] = '\0';
	ret = store_it(&s, pos);
	live_refresh(attr->serve->live);
	return ret;
}

static ssize_t attr_write(struct file *file, struct caller *caller, uint64_t uaddr, size_t count,
	uint64_t pos, struct why *why)
{
	char text[TEXT_MAX];

	count = MIN(count, sizeof(text));
	if (caller->ops->copy_in(caller, text, uaddr, count))
		return why_misuse(why, EFAULT, "bad-argument-pointer", "the text cannot be read");
	return attr_write_text((struct call *)caller, file, text, count, pos, why);
}

/* FIDELITY: the BAR's pages are in a file in which they lie elsewhere, and no other file can show
 * the same pages at its beginning. */
static int attr_mmap(struct file *file, uint64_t pos, uint64_t len, unsigned prot, struct why *why)
{
	if (from_file(file)->at.attr.kind == ATTR_RESOURCE) {
		why_refused(why, ENODEV, "resource-mmap", "resourceN cannot be mapped in a box");
		why_instead(why, "the device's region through VFIO");
	}
	return why_misuse(why, ENODEV, "no-such-call", "the file cannot be mapped");
}

static void attr_release(struct file *file)
{
	free(from_file(file));
}

static const struct file_ops attr_ops = {
	.name = "attribute",
	.read = attr_read,
	.write = attr_write,
	.mmap = attr_mmap,
	.release = attr_release,
};

/* ---- opening ---- */

/**
 * Whose file system permissions the caller has, by our numbers: root may write what the mode lets
 * the owner write. FIDELITY: root of a user namespace inside the box is who made it.
 */
static bool is_root(struct call *call)
{
	char line[256];
	unsigned fsuid = UINT_MAX;
	FILE *f = procfs_read((pid_t)call->notif->pid, "status");

	while (f && fgets(line, sizeof(line), f) &&
		sscanf(line, "Uid: %*u %*u %*u %u", &fsuid) != 1)
		;
	if (f)
		fclose(f);
	return fsuid == 0;
}

/* Linux 7.3 may_open, and then kernfs_fop_open, where what the file has no call for is refused to
 * root too. Others' bits are those of the files' owner, who is root. */
static int check_access(struct call *call, const struct live_attr *at, unsigned want)
{
	unsigned mode = at->attr.kind ? at->mode : 0444;
	bool root = is_root(call);
	unsigned may = root ? mode >> 6 | mode >> 3 | mode : mode;

	return want & ~may & 6 ? -EACCES : 0;
}

int attr_access(struct call *call, const struct live_attr *at, unsigned want)
{
	/* Linux 7.3 do_faccessat: root may, whatever the mode. */
	return is_root(call) ? 0 : check_access(call, at, want);
}

int attr_open(struct call *call, const struct live_attr *at, unsigned flags, struct file **out,
	struct why *why)
{
	static const unsigned wants[] = { [O_RDONLY] = 4, [O_WRONLY] = 2, [O_RDWR] = 6, [3] = 6 };
	struct attr_file *attr;

	if ((flags & O_CREAT) && (flags & O_EXCL))
		return why_misuse(why, EEXIST, "exists", "O_EXCL of a file that exists");
	if (check_access(call, at, wants[flags & O_ACCMODE]))
		return why_refused(why, EACCES, "not-permitted", "%s",
			at->attr.kind && (at->mode & 0200) ? "only root may write it"
							   : "nobody may write it");
	attr = calloc(1, sizeof(*attr));
	if (!attr)
		return why_refused(why, ENOMEM, "host-resources", "out of memory");
	file_init(&attr->file, &attr_ops);
	attr->file.size = PCI_CONFIG_BYTES; /* what stat shows of other files on Linux, too */
	attr->serve = call->serve;
	attr->at = *at;
	*out = &attr->file;
	return 0;
}

bool attr_stat(struct call *call, struct file *file, struct stat *st)
{
	return attr_is(file) && !live_stat(call->serve->live, from_file(file)->at.path, st);
}

/* ---- the position: that of the open file, which lseek changes without us ---- */

uint64_t attr_position(struct call *call, struct file *file)
{
	unsigned long long pos = 0;
	char name[24], line[128];
	FILE *f;

	snprintf(name, sizeof(name), "fdinfo/%d", (int)call_arg(call, 0));
	f = procfs_read((pid_t)call->notif->pid, name);
	while (f && fgets(line, sizeof(line), f) && sscanf(line, "pos: %llu", &pos) != 1)
		;
	if (f)
		fclose(f);
	return pos + __atomic_load_n(&file->position, __ATOMIC_RELAXED);
}

void attr_advance(struct call *call, struct file *file, uint64_t n)
{
	struct proc *proc = call_proc(call);
	int fd = proc ? proc_take_fd(proc, (int)call_arg(call, 0)) : -1;

	/* Where descriptors cannot be taken: what ours is ahead by. */
	if (fd < 0 || lseek(fd, (off_t)n, SEEK_CUR) < 0)
		__atomic_fetch_add(&file->position, n, __ATOMIC_RELAXED);
	if (fd >= 0)
		close(fd);
}
