/* SPDX-License-Identifier: MIT */
#include "nested_rig.h"

#include <err.h>
#include <fcntl.h>
#include <nestbox/vfio-nesting.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/vfio.h"
#include "base/bits.h"
#include "smmuv3/regs.h"
#include "tlb/port.h"
#include "vfio/vfio.h"

#define PAGE UINT64_C(4096)
#define RAM  (3 * RIG_COPY_BYTES)

/* The guest's tables, from the beginning of its RAM. L3 tables are one array of descriptors each. */
enum {
	CD_AT = 0x0000,
	L0_AT = 0x1000,
	L1_AT = 0x2000,
	L2_COPY_AT = 0x3000,
	L2_LOOSE_AT = 0x4000,
	L2_BLOCKS_AT = 0x5000,
	L2_REPEATED_AT = 0x6000,
	L3_COPY_AT = 0x10000,
	L3_LOOSE_AT = 0x80000,
	L3_REPEATED_AT = 0x100000,
};

/* ---- the caller, and its memory ---- */

struct rig_umem {
	struct umem umem;
	uint8_t *base; /* here, or in the child */
	int remote;
};

static int copy_in(struct caller *caller, void *dst, uint64_t uaddr, size_t len)
{
	memcpy(dst, (const void *)(uintptr_t)uaddr, len);
	return 0;
}

static int copy_out(struct caller *caller, uint64_t uaddr, const void *src, size_t len)
{
	memcpy((void *)(uintptr_t)uaddr, src, len);
	return 0;
}

static int get_file(struct caller *caller, int fd, struct file **out)
{
	*out = file_get(((struct rig_caller *)caller)->container);
	return 0;
}

static int install(struct caller *caller, struct file *file, int flags)
{
	((struct rig_caller *)caller)->installed = file;
	return 0;
}

static void *direct(void *ctx, uint64_t off, uint64_t *bytes)
{
	return ((struct rig_umem *)ctx)->base + off;
}

static int remote_read(void *ctx, uint64_t off, void *buf, size_t len)
{
	const struct rig_umem *u = ctx;

	return pread(u->remote, buf, len, (off_t)(uintptr_t)(u->base + off)) == (ssize_t)len ? 0
											     : -1;
}

static int remote_write(void *ctx, uint64_t off, const void *buf, size_t len, uint32_t sid)
{
	const struct rig_umem *u = ctx;

	return pwrite(u->remote, buf, len, (off_t)(uintptr_t)(u->base + off)) == (ssize_t)len ? 0
											      : -1;
}

/* Until two reads agree, as the gate does (src/gate/pin.c). */
static int remote_load64(void *ctx, uint64_t off, uint64_t *val)
{
	uint64_t again;

	if (remote_read(ctx, off, val, 8) || remote_read(ctx, off, &again, 8))
		return -1;
	return *val == again ? 0 : -1; /* nobody stores here */
}

static const struct nb_mem_ops direct_ops = { .direct = direct };
static const struct nb_mem_ops remote_ops = {
	.read = remote_read, .write = remote_write, .load64 = remote_load64
};

static void release(struct umem *umem)
{
	free(umem);
}

static int pin(struct caller *caller, uint64_t uaddr, uint64_t bytes, unsigned prot,
	struct umem **out, struct why *why)
{
	struct rig_umem *u = calloc(1, sizeof(*u));

	if (!u)
		return -1;
	u->remote = ((struct rig_caller *)caller)->remote;
	u->base = (uint8_t *)(uintptr_t)uaddr;
	u->umem = (struct umem){ .refs = 1,
		.bytes = bytes,
		.ops = u->remote < 0 ? &direct_ops : &remote_ops,
		.release = release };
	*out = &u->umem;
	return 0;
}

static const struct caller_ops caller_ops = { .copy_in = copy_in,
	.copy_out = copy_out,
	.get_file = get_file,
	.install = install,
	.pin = pin };

/* The child's memory is a copy of ours, of which it touches every page. */
static int fork_memory(struct nested_rig *rig)
{
	char path[32], ready;
	int pipes[2], fd;

	if (pipe2(pipes, O_CLOEXEC) || (rig->child = fork()) < 0)
		err(1, "fork");
	if (!rig->child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (uint64_t at = 0; at < RAM; at += PAGE)
			((volatile uint8_t *)rig->memory)[at] = rig->memory[at];
		if (write(pipes[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(pipes[1]);
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)rig->child);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (read(pipes[0], &ready, 1) != 1 || fd < 0)
		err(1, "%s", path);
	close(pipes[0]);
	return fd;
}

/* ---- the guest's stage 1 ---- */

static void poke(struct nested_rig *rig, uint64_t off, uint64_t value)
{
	memcpy(rig->memory + off, &value, 8);
}

/* The table that maps [va, ...) by GiB, from its entry of va on: to tables. */
static void poke_tables(struct nested_rig *rig, uint64_t off, uint64_t first, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		poke(rig, off + 8 * i, (RIG_RAM + first + PAGE * i) | 3);
}

#define LEAF_BITS UINT64_C(0xf40) /* nG, AF, inner shareable, EL0 may write */

static void poke_leaves(
	struct nested_rig *rig, uint64_t off, uint64_t ipa, uint64_t step, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		poke(rig, off + 8 * i, (ipa + i * step) | LEAF_BITS | (step == PAGE ? 3 : 1));
}

static void make_stage1(struct nested_rig *rig)
{
	const uint64_t copy = RIG_SRC - RIG_RAM;

	poke_tables(rig, L0_AT, L1_AT, 1);
	poke_tables(rig, L1_AT + 8 * ((RIG_BY_PAGE + RIG_SRC) >> 30), L2_COPY_AT, 1);
	poke_tables(rig, L1_AT + 8 * ((RIG_BY_PAGE + RIG_LOOSE) >> 30), L2_LOOSE_AT, 1);
	poke_tables(rig, L1_AT + 8 * ((RIG_BY_BLOCK + RIG_SRC) >> 30), L2_BLOCKS_AT, 1);
	poke_tables(rig, L2_COPY_AT + 8 * (copy >> 21), L3_COPY_AT, 2 * RIG_COPY_BYTES >> 21);
	poke_tables(rig, L2_LOOSE_AT, L3_LOOSE_AT, RIG_FAR >> 9);
	poke_leaves(
		rig, L2_BLOCKS_AT + 8 * (copy >> 21), RIG_SRC, MIB(2), 2 * RIG_COPY_BYTES >> 21);
	poke_leaves(rig, L3_COPY_AT, RIG_SRC, PAGE, 2 * RIG_COPY_BYTES >> 12);
	poke_leaves(rig, L3_LOOSE_AT, RIG_LOOSE, PAGE, RIG_FAR);
	poke_tables(rig, L1_AT + 8 * (RIG_REPEATED >> 30), L2_REPEATED_AT, 1);
	poke_tables(rig, L2_REPEATED_AT, L3_REPEATED_AT, RIG_FAR >> 9);
	for (uint64_t i = 0; i < RIG_FAR; i += RIG_NEAR)
		poke_leaves(rig, L3_REPEATED_AT + 8 * i, RIG_SRC, PAGE, RIG_NEAR);
	poke(rig, CD_AT,
		field_prep(CD_0_T0SZ, 16) | CD_0_EPD1 | CD_0_V | field_prep(CD_0_IPS, 2) |
			CD_0_AA64 | CD_0_R | CD_0_A | field_prep(CD_0_ASID, RIG_ASID));
	poke(rig, CD_AT + 8, RIG_RAM + L0_AT);
}

void nested_rig_set_stage1(struct nested_rig *rig, bool set)
{
	struct vfio_iommu_type1_set_pasid_table arg = { .argsz = sizeof(arg),
		.flags = set ? VFIO_PASID_TABLE_FLAG_SET : VFIO_PASID_TABLE_FLAG_UNSET,
		.config = { .argsz = sizeof(arg.config),
			.version = PASID_TABLE_CFG_VERSION_1,
			.base_ptr = RIG_RAM + CD_AT,
			.format = IOMMU_PASID_FORMAT_SMMUV3,
			.config = IOMMU_PASID_CONFIG_TRANSLATE,
			.vendor_data.smmuv3.version = PASID_TABLE_SMMUV3_CFG_VERSION_1 } };

	nested_rig_call(rig, VFIO_IOMMU_SET_PASID_TABLE, &arg, 0);
}

/* ---- calls ---- */

static long call(struct nested_rig *rig, struct file *file, unsigned cmd, uint64_t arg)
{
	struct why why = { 0 };
	long ret = file->ops->ioctl(file, &rig->caller.caller, cmd, arg, &why);

	if (ret < 0)
		errx(1, "ioctl %#x: %ld: %s", cmd, ret, why.missing);
	return ret;
}

void nested_rig_call(struct nested_rig *rig, unsigned cmd, void *arg, long expected)
{
	long ret = call(rig, rig->caller.container, cmd, (uintptr_t)arg);

	if (ret != expected)
		errx(1, "ioctl %#x: %ld", cmd, ret);
}

static void map(struct nested_rig *rig, uint64_t ipa, const void *at, uint64_t bytes)
{
	struct vfio_iommu_type1_dma_map arg = { .argsz = sizeof(arg),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)at,
		.iova = ipa,
		.size = bytes };

	call(rig, rig->caller.container, VFIO_IOMMU_MAP_DMA, (uintptr_t)&arg);
}

void nested_rig_map(struct nested_rig *rig, uint64_t ipa, uint64_t bytes)
{
	map(rig, ipa, rig->memory + (RIG_SRC - RIG_RAM), bytes);
}

void nested_rig_unmap(struct nested_rig *rig, uint64_t ipa, uint64_t bytes)
{
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg), .iova = ipa, .size = bytes
	};

	call(rig, rig->caller.container, VFIO_IOMMU_UNMAP_DMA, (uintptr_t)&arg);
}

/* ---- devices ---- */

static const char *const names[RIG_DEVICES] = { "0000:01:00.0", "0000:03:00.0" };
static const int group_ids[RIG_DEVICES] = { 1, 3 };

struct pci_dev *nested_rig_device(struct nested_rig *rig, unsigned i)
{
	return &machine_find_device(rig->machine, names[i])->pci;
}

void nested_rig_open_devices(struct nested_rig *rig)
{
	const uint16_t command = 6; /* memory and bus-master enable */

	for (unsigned i = 0; i < RIG_DEVICES; i++) {
		struct why why = { 0 };
		struct file *device;

		call(rig, rig->groups[i], VFIO_GROUP_GET_DEVICE_FD, (uintptr_t)names[i]);
		device = rig->devices[i] = rig->caller.installed;
		if (device->ops->write(device, &rig->caller.caller, (uintptr_t)&command, 2,
			    pci_region_offset(7) + 4, &why) != 2)
			errx(1, "%s: %s", names[i], why.missing);
	}
}

nb_pa nested_rig_pa(struct nested_rig *rig, uint64_t ipa)
{
	struct dma_master *master = &nested_rig_device(rig, 0)->master;
	struct dma_txn txn = { .iova = NB_IOVA(ipa), .sid = master->sid, .prot = NB_DMA_READ };
	struct dma_span span = { .bytes = PAGE };

	port_enter(master->port);
	if (master->translate(master->ctx, master->port, &txn, &span) != DMA_TRANSLATED)
		errx(1, "stage 2 does not translate %#llx", (unsigned long long)ipa);
	port_leave(master->port);
	return span.pa;
}

/* ---- memory, as the extents reach it ---- */

static struct rig_umem umem_at(struct nested_rig *rig, uint64_t ipa)
{
	return (struct rig_umem){ .base = rig->memory + (ipa - RIG_RAM),
		.remote = rig->caller.remote };
}

void nested_rig_read(struct nested_rig *rig, uint64_t ipa, void *buf, size_t len)
{
	struct rig_umem u = umem_at(rig, ipa);

	if (u.remote < 0)
		memcpy(buf, u.base, len);
	else if (remote_read(&u, 0, buf, len))
		err(1, "read of the child's memory");
}

void nested_rig_write(struct nested_rig *rig, uint64_t ipa, const void *buf, size_t len)
{
	struct rig_umem u = umem_at(rig, ipa);

	if (u.remote < 0)
		memcpy(u.base, buf, len);
	else if (remote_write(&u, 0, buf, len, 0))
		err(1, "write of the child's memory");
}

/* ---- all of it ---- */

static void open_container(struct nested_rig *rig)
{
	struct host_desc *desc = calloc(1, sizeof(*desc));
	struct error error = { 0 };
	int fd = 0;

	if (!desc || host_load("smmuv3", desc, &error) ||
		!(rig->machine = machine_create(desc, &error)))
		errx(1, "%s", error.message);
	free(desc);
	rig->vfio = vfio_create(rig->machine, &(struct vfio_options){ 0 });
	if (!rig->vfio || vfio_open_container(rig->vfio, &rig->caller.container, NULL))
		errx(1, "cannot open a container");
	for (unsigned i = 0; i < RIG_DEVICES; i++) {
		if (vfio_open_group(rig->vfio, group_ids[i], false, &rig->groups[i], NULL))
			errx(1, "cannot open group %d", group_ids[i]);
		call(rig, rig->groups[i], VFIO_GROUP_SET_CONTAINER, (uintptr_t)&fd);
	}
	call(rig, rig->caller.container, VFIO_SET_IOMMU, VFIO_TYPE1_NESTING_IOMMU);
}

static void make_memory(struct nested_rig *rig, bool remote)
{
	rig->memory = aligned_alloc(MIB(2), RAM);
	if (!rig->memory)
		err(1, "memory");
	/* Large pages, as the memory of a guest has. */
	madvise(rig->memory, RAM, MADV_HUGEPAGE);
	memset(rig->memory, 0x5a, RAM);
	memset(rig->memory, 0, RIG_COPY_BYTES);
	make_stage1(rig);
	rig->caller.remote = remote ? fork_memory(rig) : -1;
}

void nested_rig_init(struct nested_rig *rig, bool remote, bool loose)
{
	*rig = (struct nested_rig){ .caller.caller = { &caller_ops } };
	make_memory(rig, remote);
	open_container(rig);
	map(rig, RIG_RAM, rig->memory, RAM);
	for (uint64_t i = 0; loose && i < RIG_FAR; i++)
		map(rig, RIG_LOOSE + i * PAGE,
			rig->memory + (RIG_SRC - RIG_RAM) + i * PAGE % RIG_COPY_BYTES, PAGE);
	if (dma_master_init(&rig->bare, rig->machine->mem))
		err(1, "memory");
	rig->bare.enabled = true;
}

void nested_rig_finish(struct nested_rig *rig)
{
	dma_master_finish(&rig->bare);
	for (unsigned i = 0; i < RIG_DEVICES; i++) {
		if (rig->devices[i])
			file_put(rig->devices[i]);
		file_put(rig->groups[i]);
	}
	file_put(rig->caller.container);
	vfio_destroy(rig->vfio);
	machine_destroy(rig->machine);
	free(rig->memory);
	if (rig->child) {
		close(rig->caller.remote);
		kill(rig->child, SIGKILL);
		waitpid(rig->child, NULL, 0);
	}
}
