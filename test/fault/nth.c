/* SPDX-License-Identifier: MIT */
/*
 * The n-th allocation, host call or user copy fails while a program's work is done in this process,
 * for every n. Then: a call of the program fails with an errno that fits, and its reason; it has
 * changed nothing; once all is closed nothing is left; and the same work succeeds right after.
 * What LeakSanitizer sees is looked for at the end, where the build has it.
 */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/vfio.h"
#include "base/bits.h"
#include "dev/ioat/regs.h"
#include "file/local.h"
#include "inject.h"
#include "irq/eventfd.h"
#include "machine/machine.h"
#include "vfio/inspect.h"

#define IOVA   0x100000
#define BYTES  MIB(4)
#define CONFIG pci_region_offset(7)
#define BAR0   pci_region_offset(0)

static struct host_desc desc;
static struct machine *machine;
static struct vfio *vfio;
static struct local_caller *local;
static uint8_t *memory;
static int events[4];

/* How one run of the work ended: in the call `what`, with ret < 0; or not. */
static struct outcome {
	const char *what;
	long ret;
	struct why why;
} outcome;
static unsigned failures;
static char about[128]; /* what is injected at the moment */

static void bad(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void bad(const char *format, ...)
{
	va_list args;

	printf("not ok: %s: %s: ", about, inject_hit() ? inject_hit() : "-");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	failures++;
}

/* ---- calls ---- */

static bool same(const struct machine_counts *a, const struct machine_counts *b)
{
	return a->domains == b->domains && a->attachments == b->attachments &&
	       a->mappings == b->mappings && a->table_bytes == b->table_bytes &&
	       a->program_bytes == b->program_bytes && a->vectors == b->vectors;
}

static bool note(const char *what, long ret, const struct why *why)
{
	if (ret >= 0)
		return true;
	outcome = (struct outcome){ .what = what, .ret = ret, .why = *why };
	return false;
}

#define MAY_LEAVE 1 /* Linux too leaves what it did before it failed */

static long ioctl_on(int fd, unsigned cmd, uint64_t arg, const char *what, int flags)
{
	struct file *file = local_file(local, fd);
	struct machine_counts before, after;
	struct why why = { 0 };
	long ret;

	machine_counts(machine, &before);
	ret = file->ops->ioctl(file, local_caller_base(local), cmd, arg, &why);
	machine_counts(machine, &after);
	if (ret < 0 && !(flags & MAY_LEAVE) && !same(&before, &after))
		bad("%s failed with %s and left something behind", what, errno_name((int)-ret));
	note(what, ret, &why);
	return ret;
}

#define CALL(fd, cmd, arg, flags) ioctl_on(fd, cmd, (uintptr_t)(arg), #cmd, flags)

static ssize_t io(int fd, bool write, uint64_t pos, void *buf, size_t len)
{
	struct file *file = local_file(local, fd);
	struct why why = { 0 };
	ssize_t ret;

	ret = (write ? file->ops->write : file->ops->read)(
		file, local_caller_base(local), (uintptr_t)buf, len, pos, &why);
	note(write ? "pwrite" : "pread", ret, &why);
	return ret;
}

static bool put(int fd, uint64_t pos, uint64_t val, size_t len)
{
	return io(fd, true, pos, &val, len) == (ssize_t)len;
}

/* ---- the work, in steps; each false where it failed ---- */

static int container, groups[2], devices[2];

static bool open_one(
	int *fd, const char *what, int (*open)(int, struct file **, struct why *), int id)
{
	struct why why = { 0 };
	struct file *file;

	if (!note(what, open(id, &file, &why), &why))
		return false;
	*fd = local_install(local, file);
	return true;
}

static int container_file(int id, struct file **out, struct why *why)
{
	return vfio_open_container(vfio, out, why);
}

static int group_file(int id, struct file **out, struct why *why)
{
	return vfio_open_group(vfio, id, false, out, why);
}

static bool open_files(void)
{
	return open_one(&container, "open of a container", container_file, 0) &&
	       open_one(&groups[0], "open of a group", group_file, 1) &&
	       open_one(&groups[1], "open of a group", group_file, 10);
}

static bool set_up(void)
{
	return !CALL(groups[0], VFIO_GROUP_SET_CONTAINER, &container, 0) &&
	       CALL(container, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU, 0) >= 0 &&
	       !CALL(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU, 0);
}

static bool map(uint64_t iova, uint64_t off, uint64_t size)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = iova,
		.vaddr = (uintptr_t)memory + off,
		.size = size };

	return !CALL(container, VFIO_IOMMU_MAP_DMA, &map, 0);
}

static bool map_all(void)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	/* The second group finds mappings in place, of which its IOMMU gets tables. */
	return map(IOVA, 0, MIB(1)) && map(GIB(1) - 4096, 0, 8192) &&
	       map(GIB(600), MIB(2), MIB(2)) &&
	       !CALL(groups[1], VFIO_GROUP_SET_CONTAINER, &container, 0) &&
	       !CALL(groups[1], VFIO_GROUP_GET_STATUS, &status, 0) && map(GIB(3), 0, 4096);
}

static bool get_info(void)
{
	uint32_t info[256] = { sizeof(info) };
	uint32_t region[16] = { sizeof(region), 0, 0 }, irq[4] = { sizeof(irq), 0, 2 };

	return !CALL(container, VFIO_IOMMU_GET_INFO, info, 0) &&
	       !CALL(devices[0], VFIO_DEVICE_GET_REGION_INFO, region, 0) &&
	       !CALL(devices[0], VFIO_DEVICE_GET_IRQ_INFO, irq, 0);
}

static bool open_devices(void)
{
	static const char *const names[] = { "0000:01:00.0", "0001:01:00.0" };

	for (unsigned i = 0; i < ARRAY_LEN(devices); i++) {
		long fd = CALL(groups[i], VFIO_GROUP_GET_DEVICE_FD, names[i], 0);

		if (fd < 0)
			return false;
		devices[i] = (int)fd;
		if (!put(devices[i], CONFIG + 4, 6, 2))
			return false;
	}
	return true;
}

static bool set_irq(unsigned index, unsigned count)
{
	union {
		struct vfio_irq_set set;
		int32_t words[5 + 2];
	} arg = { .set = { .argsz = 20 + 4 * count,
			  .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			  .index = index,
			  .count = count } };

	for (unsigned i = 0; i < count; i++)
		arg.words[5 + i] = events[i];
	return !CALL(devices[0], VFIO_DEVICE_SET_IRQS, &arg, MAY_LEAVE);
}

static bool interrupts(void)
{
	struct vfio_irq_set off = { .argsz = sizeof(off),
		.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER };
	const struct pci_model *model = machine->devices[0].pci.model;
	struct vfio_irq_info info = { .argsz = sizeof(info) };

	/* INTx and MSI, where the device has them; each off again, since one kind is on at a time. */
	for (unsigned index = VFIO_PCI_INTX_IRQ_INDEX; index <= VFIO_PCI_MSI_IRQ_INDEX; index++) {
		info.index = index;
		if (CALL(devices[0], VFIO_DEVICE_GET_IRQ_INFO, &info, 0))
			return false;
		off.index = index;
		if (info.count && (!set_irq(index, 1) ||
					  CALL(devices[0], VFIO_DEVICE_SET_IRQS, &off, MAY_LEAVE)))
			return false;
	}
	return set_irq(VFIO_PCI_MSIX_IRQ_INDEX, model->msix_vectors > 1 ? 2 : 1) &&
	       set_irq(VFIO_PCI_ERR_IRQ_INDEX, 1) && set_irq(VFIO_PCI_REQ_IRQ_INDEX, 1);
}

#define CHANNEL (BAR0 + IOAT_CHANNEL_BYTES)

/* Copy a page with an interrupt: the descriptor is at the start of the memory. */
static bool dma(void)
{
	const struct ioat_desc copy = { .size = 4096,
		.control = IOAT_DESC_COMPLETION | IOAT_DESC_INT,
		.src = IOVA + 4096,
		.dst = IOVA + 8192,
		.next = IOVA };
	uint64_t got;

	memset(memory + 4096, 0x5a, 4096);
	memset(memory + 8192, 0, 4096);
	memcpy(memory, &copy, sizeof(copy));
	if (!put(devices[0], BAR0 + IOAT_INTRCTRL, IOAT_INTRCTRL_MASTER, 1) ||
		!put(devices[0], CHANNEL + IOAT_CHANCTRL, IOAT_CHANCTRL_ERR_COMPLETION, 2) ||
		!put(devices[0], CHANNEL + IOAT_CHANCMP, IOVA + 0x800, 8) ||
		!put(devices[0], CHANNEL + IOAT_CHAINADDR, IOVA, 8) ||
		!put(devices[0], CHANNEL + IOAT_DMACOUNT, 1, 2))
		return false;
	while (machine_step(machine, MIB(1)))
		;
	if (memcmp(memory + 4096, memory + 8192, 4096))
		bad("the copy is not there");
	if (eventfd_read(events[0], &got))
		bad("no interrupt came");
	return io(devices[0], false, CHANNEL + IOAT_CHANSTS, &got, 8) == 8;
}

static bool dirty(void)
{
	static uint64_t bits[8];
	struct {
		uint32_t argsz, flags;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = { .argsz = sizeof(arg),
		.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START,
		.get = { IOVA, MIB(1), { 4096, sizeof(bits), (uintptr_t)bits } } };

	if (CALL(container, VFIO_IOMMU_DIRTY_PAGES, &arg, 0))
		return false;
	arg.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;
	if (CALL(container, VFIO_IOMMU_DIRTY_PAGES, &arg, 0))
		return false;
	arg.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP;
	return !CALL(container, VFIO_IOMMU_DIRTY_PAGES, &arg, 0);
}

/* -ENOTTY is no failure: calls that a device may lack. */
static bool optional(long ret)
{
	return ret >= 0 || ret == -ENOTTY;
}

static bool resets(void)
{
	struct vfio_device_ioeventfd doorbell = { .argsz = sizeof(doorbell),
		.flags = VFIO_DEVICE_IOEVENTFD_32,
		.offset = CHANNEL + IOAT_CHANERR,
		.fd = events[3] };
	uint32_t info[64] = { sizeof(info) }, master[4] = { 12, 10 | VFIO_DEVICE_FEATURE_SET, 1 };
	union {
		struct vfio_pci_hot_reset reset;
		int32_t words[4];
	} hot = { .reset = { .argsz = 16, .count = 1 } };

	hot.words[3] = groups[0];
	return optional(CALL(devices[0], VFIO_DEVICE_IOEVENTFD, &doorbell, 0)) &&
	       optional(CALL(devices[0], VFIO_DEVICE_FEATURE, master, 0)) &&
	       !CALL(devices[0], VFIO_DEVICE_RESET, 0, 0) &&
	       optional(CALL(devices[0], VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info, 0)) &&
	       optional(CALL(devices[0], VFIO_DEVICE_PCI_HOT_RESET, &hot, 0));
}

static bool look(void)
{
	struct vfio_snapshot *snapshot = vfio_snapshot_take(vfio, 4);

	vfio_snapshot_free(snapshot);
	return true;
}

/* UNMAP's answer may not be writable once the mapping is gone: so is Linux's. */
static bool unmap(void)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = IOVA, .size = MIB(1)
	};

	if (CALL(container, VFIO_IOMMU_UNMAP_DMA, &unmap, MAY_LEAVE))
		return false;
	unmap = (struct vfio_iommu_type1_dma_unmap){ .argsz = sizeof(unmap),
		.flags = VFIO_DMA_UNMAP_FLAG_ALL };
	return !CALL(container, VFIO_IOMMU_UNMAP_DMA, &unmap, MAY_LEAVE);
}

static bool leave(void)
{
	local_close(local, devices[1]);
	return !CALL(groups[1], VFIO_GROUP_UNSET_CONTAINER, 0, 0);
}

static bool work(void)
{
	static bool (*const steps[])(void) = { open_files, set_up, map_all, open_devices, get_info,
		interrupts, dma, dirty, resets, look, unmap, leave };

	for (unsigned i = 0; i < ARRAY_LEN(steps); i++)
		if (!steps[i]())
			return false;
	return true;
}

static void close_all(void)
{
	uint64_t got;

	for (int fd = 1000; fd < 1016; fd++)
		local_close(local, fd);
	for (unsigned i = 0; i < ARRAY_LEN(events); i++)
		eventfd_read(events[i], &got);
}

/* ---- what must hold ---- */

static const int fitting[INJECT_KINDS][8] = {
	[INJECT_ALLOC] = { ENOMEM },
	/* Linux's own for want of memory, descriptors; and of what the program's memory is. */
	[INJECT_HOST] = { ENOMEM, EMFILE, ENFILE, EFAULT, ENOSPC, EAGAIN, EPERM },
	[INJECT_USER] = { EFAULT, EBADF, EMFILE, ENFILE, ENOMEM, EPERM },
};

static bool fits(enum inject_kind kind, long ret)
{
	for (unsigned i = 0; i < ARRAY_LEN(fitting[kind]); i++)
		if (ret == -fitting[kind][i])
			return true;
	return false;
}

static void check_outcome(enum inject_kind kind)
{
	if (!fits(kind, outcome.ret))
		bad("%s failed with %s, which does not fit", outcome.what,
			errno_name((int)-outcome.ret));
	if (outcome.why.class == WHY_NONE || outcome.why.err != -outcome.ret)
		bad("%s failed with %s, and the reason says %s", outcome.what,
			errno_name((int)-outcome.ret),
			outcome.why.class == WHY_NONE ? "nothing" : errno_name(outcome.why.err));
}

static unsigned host_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

struct state {
	struct machine_counts counts;
	unsigned fds;
};

static void take_state(struct state *state)
{
	machine_counts(machine, &state->counts);
	state->fds = host_fds();
}

static void check_state(const struct state *start, const char *when)
{
	struct state now;

	take_state(&now);
	if (!same(&start->counts, &now.counts))
		bad("%s counts differ: domains %lu, attachments %lu, mappings %lu, tables %llu, "
		    "program memory %llu, vectors %lu",
			when, now.counts.domains, now.counts.attachments, now.counts.mappings,
			(unsigned long long)now.counts.table_bytes,
			(unsigned long long)now.counts.program_bytes, now.counts.vectors);
	if (start->fds != now.fds)
		bad("%s descriptors of the host: %u, not %u", when, now.fds, start->fds);
}

/* The work with the n-th failing, and once more without. True: there was an n-th. */
static bool attempt(
	enum inject_kind kind, unsigned long n, unsigned choice, const struct state *start)
{
	unsigned long there;
	bool done;

	snprintf(about, sizeof(about), "kind %d, %lu-th, errno %u", kind, n, choice);
	inject_arm(kind, n, choice);
	done = work();
	there = inject_disarm();
	if (!done)
		check_outcome(kind);
	close_all();
	check_state(start, "after it,");
	if (there < n)
		return false;
	if (!work())
		bad("the same work then fails: %s: %s (%s)", outcome.what,
			errno_name((int)-outcome.ret), outcome.why.missing);
	close_all();
	check_state(start, "after it and the same work,");
	return true;
}

static void sweep(enum inject_kind kind)
{
	unsigned long n = 0;
	struct state start;
	unsigned choice;

	work(); /* what is made for good at first use */
	close_all();
	take_state(&start);
	do {
		n++;
		choice = 0;
		while (attempt(kind, n, choice, &start) && inject_more())
			choice++;
	} while (inject_hit() && failures < 20);
	printf("kind %d: failed each of %lu\n", kind, n - 1);
	if (n < 10)
		bad("nothing was injected");
}

/* ---- making the host ---- */

static void destroy(void)
{
	local_caller_destroy(local);
	vfio_destroy(vfio);
	machine_destroy(machine);
	local = NULL;
	vfio = NULL;
	machine = NULL;
}

static bool create(struct error *error)
{
	machine = machine_create(&desc, error);
	if (!machine)
		return false;
	vfio = vfio_create(machine, NULL);
	local = local_caller_create();
	if (vfio && local)
		return true;
	destroy();
	return false;
}

/* A host is made, or not, with a message of why. */
static void sweep_creation(enum inject_kind kind)
{
	unsigned long n = 0, there;
	unsigned fds = host_fds(), choice;

	do {
		choice = 0;
		n++;
		do {
			struct error error = { 0 };
			bool made;

			snprintf(about, sizeof(about), "creation, kind %d, %lu-th, errno %u", kind,
				n, choice);
			inject_arm(kind, n, choice++);
			made = create(&error);
			there = inject_disarm();
			if (!made && machine && !error.message[0])
				bad("no machine, and no message");
			if (made)
				destroy();
			if (host_fds() != fds)
				bad("descriptors of the host: %u, not %u", host_fds(), fds);
		} while (inject_more());
	} while (there >= n && failures < 20);
	printf("creation, kind %d: failed each of %lu\n", kind, n - 1);
}

int main(void)
{
	struct error error = { 0 };

	setvbuf(stdout, NULL, _IOLBF, 0);
	memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (unsigned i = 0; i < ARRAY_LEN(events); i++) {
		events[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		eventfd_raise(events[i]);
	}
	if (memory == MAP_FAILED || host_load("mixed", &desc, &error))
		return 1;
	sweep_creation(INJECT_ALLOC);
	sweep_creation(INJECT_HOST);
	if (!create(&error))
		return 1;
	inject_caller(local_caller_base(local));
	for (enum inject_kind kind = INJECT_ALLOC; kind < INJECT_KINDS; kind++)
		sweep(kind);
	destroy();
	printf("%u failures\n", failures);
	return failures != 0;
}
