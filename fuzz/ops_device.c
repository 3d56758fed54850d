/* SPDX-License-Identifier: MIT */
/* Operations on devices: interrupts, resets, features, regions, and DMA. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bits.h"
#include "dev/ioat/regs.h"
#include "fuzz/ops.h"
#include "fuzz/pools.h"

typedef unsigned long long ull;

/* ---- interrupts, resets, features ---- */

void op_set_irqs(struct world *w, const struct fuzz_rec *rec)
{
	static const uint32_t flags[] = { 0x24, 0x24, 0x24, 0x21, 0x22, 0x09, 0x0a, 0x11, 0x12,
		0x14, 0x0c, 0x20, 0x04, 0x3f, 0x44, UINT32_MAX };
	struct {
		struct vfio_irq_set set;
		int32_t fds[64];
	} arg = { 0 };
	uint32_t kind, count = rec->p[2] & 0x80 ? (uint32_t)rec->x : rec->p[2] % 5;
	int fd = world_pick(w, DEVICE, rec->who);
	size_t len;

	arg.set.flags = flags[rec->p[1] % ARRAY_LEN(flags)];
	arg.set.index = rec->p[3] & 0x80 ? (uint32_t)rec->y : rec->p[3] % 6;
	arg.set.start = rec->p[3] & 0x40 ? (uint32_t)(rec->y >> 32) : rec->p[3] >> 3 & 1;
	arg.set.count = count;
	kind = arg.set.flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	len = sizeof(arg.set) + (kind == 4 ? 4 * (size_t)count : kind == 2 ? count : 0);
	for (unsigned i = 0; i < ARRAY_LEN(arg.fds); i++)
		arg.fds[i] = kind == 4 ? pick_eventfd(w, (uint8_t)(rec->y >> i % 8 * 8))
				       : (int32_t)(rec->x >> i);
	arg.set.argsz = pick_argsz(rec->p[0], rec->x, len);
	if (fd < 0)
		return;
	say(w, "SET_IRQS argsz %u flags 0x%x index %u start %u count %u first %d", arg.set.argsz,
		arg.set.flags, arg.set.index, arg.set.start, arg.set.count, arg.fds[0]);
	world_ioctl(w, fd, VFIO_DEVICE_SET_IRQS, put_arg(rec->p[4], &arg, MIN(len, sizeof(arg))));
}

void op_reset(struct world *w, const struct fuzz_rec *rec)
{
	int fd = world_pick(w, DEVICE, rec->who);

	if (fd < 0)
		return;
	say(w, "RESET");
	world_ioctl(w, fd, VFIO_DEVICE_RESET, rec->x);
}

void op_hot_reset(struct world *w, const struct fuzz_rec *rec)
{
	struct {
		struct vfio_pci_hot_reset reset;
		int32_t fds[8];
	} arg = { 0 };
	int fd = world_pick(w, DEVICE, rec->who);

	if (fd < 0)
		return;
	arg.reset.count = rec->p[1] & 0x80 ? (uint32_t)rec->x : rec->p[1] % 5;
	arg.reset.flags = rec->p[2] & 0x80 ? rec->p[2] & 3 : 0;
	for (unsigned i = 0; i < ARRAY_LEN(arg.fds); i++)
		arg.fds[i] = world_pick(w, GROUP, (uint8_t)(rec->y >> i * 8));
	arg.reset.argsz =
		pick_argsz(rec->p[0], rec->x, sizeof(arg.reset) + 4 * MIN(arg.reset.count, 8u));
	say(w, "PCI_HOT_RESET argsz %u flags 0x%x count %u of %d, %d", arg.reset.argsz,
		arg.reset.flags, arg.reset.count, arg.fds[0], arg.fds[1]);
	world_ioctl(w, fd, VFIO_DEVICE_PCI_HOT_RESET, put_arg(rec->p[4], &arg, sizeof(arg)));
}

/* Offsets in BAR 0 at which something is. */
static uint64_t pick_register(
	const struct world *w, const struct pci_dev *pci, uint8_t pick, uint64_t raw)
{
	static const uint16_t regs[] = { IOAT_CHANCTRL, IOAT_CHANCMD, IOAT_DMACOUNT, IOAT_CHANSTS,
		IOAT_CHAINADDR, IOAT_CHANCMP, IOAT_CHANERR, IOAT_CHANERRMASK };

	switch (pick >> 4 & 7) {
	case 0:
		return pick & 15; /* the device's own */
	case 1:
	case 2:
	case 3:
		return IOAT_CHANNEL_BYTES * (1 + (pick >> 3 & 1)) + regs[pick & 7];
	case 4:
		return pci->msix_table + (pick & 15) * 4;
	case 5:
		return pci->msix_pba + (pick & 15);
	case 6:
		return pci->model->bars[0].bytes - (pick & 15);
	default:
		return raw & 0xffff;
	}
}

void op_ioeventfd(struct world *w, const struct fuzz_rec *rec)
{
	static const uint32_t flags[] = { 4, 8, 1, 2, 0, 3, 0x10, UINT32_MAX };
	struct vfio_device_ioeventfd arg = {
		.argsz = pick_argsz(rec->p[0], rec->x, sizeof(arg)),
		.flags = flags[rec->p[1] % ARRAY_LEN(flags)],
		.data = rec->y,
		.fd = pick_eventfd(w, rec->p[3]),
		.reserved = rec->p[4] & 0x40,
	};
	int fd = world_pick(w, DEVICE, rec->who);
	unsigned i;

	if (fd < 0)
		return;
	arg.offset = rec->x;
	if (world_kind(w, fd) == DEVICE && !(rec->p[2] & 0x80))
		arg.offset = pci_region_offset(0) +
			     pick_register(w, &world_device(w, fd, &i)->pci, rec->p[2], rec->x);
	say(w, "IOEVENTFD argsz %u flags 0x%x offset 0x%llx data 0x%llx fd %d", arg.argsz,
		arg.flags, (ull)arg.offset, (ull)arg.data, arg.fd);
	world_ioctl(w, fd, VFIO_DEVICE_IOEVENTFD, put_arg(rec->p[4], &arg, sizeof(arg)));
}

void op_feature(struct world *w, const struct fuzz_rec *rec)
{
	struct {
		struct vfio_device_feature feature;
		uint64_t data[6];
	} arg = { .data = { rec->p[3] & 3, rec->y, rec->x, rec->y, rec->x, rec->y } };
	int fd = world_pick(w, DEVICE, rec->who);

	if (fd < 0)
		return;
	arg.feature.argsz = pick_argsz(rec->p[0], rec->x, sizeof(arg));
	arg.feature.flags =
		rec->p[2] & 0x80 ? (uint32_t)rec->x : rec->p[2] % 14 | (rec->p[1] & 7u) << 16;
	say(w, "FEATURE argsz %u flags 0x%x data 0x%llx", arg.feature.argsz, arg.feature.flags,
		(ull)arg.data[0]);
	world_ioctl(w, fd, VFIO_DEVICE_FEATURE, put_arg(rec->p[4], &arg, sizeof(arg)));
}

void op_eventfd(struct world *w, const struct fuzz_rec *rec)
{
	uint64_t val = rec->p[1] & 0x80 ? rec->x : 1;
	int fd = w->eventfds[rec->who % EVENTFDS];

	say(w, "%s eventfd %d\n", rec->p[0] & 1 ? "read" : "write", fd);
	if (rec->p[0] & 1)
		(void)!read(fd, &val, sizeof(val));
	else
		(void)!write(fd, &val, sizeof(val));
}

/* ---- regions ---- */

void op_region(struct world *w, const struct fuzz_rec *rec)
{
	static const unsigned lens[] = { 4, 8, 2, 1, 3, 16, 256, 4096, 5000, 0, 7, 8000 };
	size_t len = lens[rec->p[2] % ARRAY_LEN(lens)];
	uint64_t buffer = rec->p[3] & 0x80 ? pick_buffer(rec->p[3], rec->y) : ARGS;
	int fd = world_pick(w, DEVICE, rec->who);
	uint64_t pos = rec->x;
	unsigned i;

	if (fd < 0)
		return;
	if (world_kind(w, fd) == DEVICE && !(rec->p[0] & 0x80))
		pos = pci_region_offset(0) +
		      pick_register(w, &world_device(w, fd, &i)->pci, rec->p[0], rec->x);
	else if (rec->p[0] & 0x40)
		pos = pci_region_offset(rec->p[0] & 15) + (rec->x & 0xfff);
	if (rec->p[1] & 1)
		memcpy((void *)(uintptr_t)ARGS, &rec->y, sizeof(rec->y));
	world_io(w, fd, rec->p[1] & 1, buffer, len, pos);
}

/* Configuration space: where its structure is, and what switches something. */
void op_config(struct world *w, const struct fuzz_rec *rec)
{
	static const uint32_t vals[] = { 0, 2, 4, 6, 7, 0x400, 0x406, 0xffff, UINT32_MAX, 0x8000,
		3 };
	static const uint16_t offs[] = { 0x04, 0x04, 0x05, 0x06, 0x10, 0x14, 0x24, 0x30, 0x34, 0x3c,
		0x0c, 0x00 };
	int fd = world_pick(w, DEVICE, rec->who & 0x7f);
	const struct pci_dev *pci;
	unsigned i, off;
	uint32_t val;

	if (fd < 0)
		return;
	pci = &world_device(w, fd, &i)->pci;
	off = offs[rec->p[0] % ARRAY_LEN(offs)];
	if (rec->p[0] & 0x80)
		off = (unsigned)rec->x & 0xfff;
	else if (rec->p[0] & 0x40)
		off = (rec->p[0] & 0x20		 ? pci->cap_msix
			      : rec->p[0] & 0x10 ? pci->cap_pm
						 : pci->cap_pcie) +
		      (rec->p[0] & 15);
	val = rec->p[2] & 0x80 ? (uint32_t)rec->y : vals[rec->p[2] % ARRAY_LEN(vals)];
	memcpy((void *)(uintptr_t)ARGS, &val, sizeof(val));
	say(w, "config 0x%x: ", val);
	world_io(w, fd, rec->p[1] & 1, ARGS, 1u << (rec->p[3] % 3), pci_region_offset(7) + off);
}

static bool bar_mapped(uint64_t at)
{
	unsigned char there;

	return !mincore((void *)(uintptr_t)at, PAGE, &there);
}

/* The program's own mapping of BAR 0, as far as the gate would let it have one. */
static uint64_t map_bar(struct world *w, int fd)
{
	struct file *file = local_file(w->local, fd);
	struct why why = { 0 };
	unsigned i;
	struct machine_device *dev = world_device(w, fd, &i);
	uint64_t at = BARS + i * BAR_SLOT, bytes = align_up(dev->pci.model->bars[0].bytes, PAGE);
	int ret = file->ops->mmap(file, pci_region_offset(0), bytes, PROT_READ | PROT_WRITE, &why);

	if (ret) {
		say(w, "mmap of BAR 0 = %d (%s)\n", ret, why.missing);
		if (why.err != -ret)
			found(w, "mmap refused with %d, the reason says %d", ret, why.err);
		return 0;
	}
	if (!bar_mapped(at) &&
		mmap((void *)(uintptr_t)at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			file->memfd, (off_t)pci_region_offset(0)) == MAP_FAILED)
		return 0;
	return at;
}

void op_mmap_check(struct world *w, const struct fuzz_rec *rec)
{
	int fd = world_pick(w, DEVICE, rec->who & 0x7f);
	struct why why = { 0 };
	struct file *file;
	int ret;

	if (fd < 0)
		return;
	file = local_file(w->local, fd);
	ret = file->ops->mmap(file,
		rec->p[0] & 0x80 ? rec->x : pci_region_offset(rec->p[0] % 10) + (rec->x & 0xffff),
		pick_size(rec->p[1], rec->y), rec->p[2] & 3, &why);
	say(w, "may map? = %d (%s)\n", ret, why.missing);
	if (ret > 0 || (ret && why.err != -ret))
		found(w, "mmap refused with %d, the reason says %d", ret, why.err);
}

/* Stores to mapped registers, which nobody sees before the next step. */
void op_bar_store(struct world *w, const struct fuzz_rec *rec)
{
	int fd = world_pick(w, DEVICE, rec->who & 0x7f);
	const struct pci_dev *pci;
	uint64_t bar, off;
	unsigned i;

	if (fd < 0)
		return;
	pci = &world_device(w, fd, &i)->pci;
	bar = map_bar(w, fd);
	off = align_down(pick_register(w, pci, rec->p[0], rec->x), 8);
	if (!bar || off + 8 > pci->model->bars[0].bytes)
		return;
	off += rec->p[1] & 7;
	say(w, "store 0x%llx at register 0x%llx of %s\n", (ull)rec->y, (ull)off, pci->name);
	memcpy((void *)(uintptr_t)(bar + off), &rec->y, 8 - (off & 7));
}

/* ---- DMA ---- */

void op_step(struct world *w, const struct fuzz_rec *rec)
{
	static const uint64_t budgets[] = { 64 << 10, 1, 255, 4096, 1 << 20 };

	if (w->machine->n_devices)
		world_step(w, rec->who % w->machine->n_devices,
			budgets[rec->p[0] % ARRAY_LEN(budgets)]);
}

/* A descriptor of the engine in the pool: slot p[0] of page p[1]. */
void op_descriptor(struct world *w, const struct fuzz_rec *rec)
{
	static const uint32_t sizes[] = { 64, 4096, 8192, 1, 0x10000, 0x100000, 0, 65, 8,
		0x200000 };
	static const uint32_t controls[] = { 0x08, 0x09, 0x00, 0x01000008, 0x28, 0x01000009,
		0x02000000, UINT32_MAX };
	uint64_t at = (rec->p[1] % POOL_PAGES) * PAGE + (rec->p[0] % 64) * sizeof(struct ioat_desc);
	struct ioat_desc desc = {
		.size = sizes[rec->p[2] % ARRAY_LEN(sizes)],
		.control = controls[rec->p[3] % ARRAY_LEN(controls)],
		.src = pick_iova(rec->p[4], rec->x) + (rec->x & 0xff),
		.dst = pick_iova(rec->p[5], rec->y) + (rec->y & 0xff),
		.next = 0x100000 + at + sizeof(desc),
	};

	if (rec->p[3] & 0x80)
		desc.next = rec->y;
	say(w, "descriptor at 0x%llx: size 0x%x control 0x%x src 0x%llx dst 0x%llx next 0x%llx\n",
		(ull)(0x100000 + at), desc.size, desc.control, (ull)desc.src, (ull)desc.dst,
		(ull)desc.next);
	world_store(w, POOL_RW + at, &desc, sizeof(desc));
}

static void store_reg(uint64_t bar, unsigned off, uint64_t val, unsigned size)
{
	memcpy((void *)(uintptr_t)(bar + IOAT_CHANNEL_BYTES + off), &val, size);
}

/* What a driver does to run descriptors: reset, chain, doorbell; by stores or trapped. */
void op_launch(struct world *w, const struct fuzz_rec *rec)
{
	const struct {
		unsigned off, size;
		uint64_t val;
	} regs[] = {
		{ IOAT_CHANCMD, 1, rec->p[0] & 1 ? IOAT_CHANCMD_RESET : 0 },
		{ IOAT_CHANCTRL, 2, rec->p[4] & 0x80 ? rec->x & 0xffff : 0x15 },
		{ IOAT_CHANCMP, 8, pick_iova(rec->p[1], rec->x) + 0x80 },
		{ IOAT_CHAINADDR, 8, 0x100000 + (rec->p[2] % POOL_PAGES) * PAGE },
		{ IOAT_DMACOUNT, 2,
			rec->p[3] & 0x80 ? rec->y & 0xffff : UINT64_C(1) + rec->p[3] % 4 },
	};
	int fd = world_pick(w, DEVICE, rec->who & 0x7f);
	uint64_t bar;
	unsigned i;

	if (fd < 0)
		return;
	world_device(w, fd, &i);
	bar = rec->p[0] & 2 ? 0 : map_bar(w, fd);
	for (unsigned k = 0; k < ARRAY_LEN(regs); k++) {
		if (bar) {
			store_reg(bar, regs[k].off, regs[k].val, regs[k].size);
		} else {
			memcpy((void *)(uintptr_t)ARGS, &regs[k].val, 8);
			world_io(w, fd, true, ARGS, regs[k].size,
				pci_region_offset(0) + IOAT_CHANNEL_BYTES + regs[k].off);
		}
		if (k == 0)
			world_step(w, i, 1 << 16);
	}
	say(w, "launch %s: chain 0x%llx count %llu %s\n", w->machine->devices[i].pci.name,
		(ull)regs[3].val, (ull)regs[4].val, bar ? "by stores" : "trapped");
	world_step(w, i, 1 << 18);
}

/* INTRCTRL and an eventfd for each vector, so that completions interrupt. */
void op_interrupts(struct world *w, const struct fuzz_rec *rec)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} arg = { .set = { .argsz = sizeof(arg),
			  .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			  .index = rec->p[0] % 3,
			  .count = 1 },
		.fd = w->eventfds[rec->p[1] % EVENTFDS] };
	int fd = world_pick(w, DEVICE, rec->who & 0x7f);
	uint8_t control = rec->p[2] & 1 ? 0x09 : 0x01;

	if (fd < 0)
		return;
	say(w, "SET_IRQS: index %u, one eventfd", arg.set.index);
	world_ioctl(w, fd, VFIO_DEVICE_SET_IRQS, put_arg(0, &arg, sizeof(arg)));
	memcpy((void *)(uintptr_t)ARGS, &control, 1);
	world_io(w, fd, true, ARGS, 1, pci_region_offset(0) + IOAT_INTRCTRL);
}
