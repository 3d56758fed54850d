/* SPDX-License-Identifier: MIT */
/* The world and its oracles (world.h). */
#include "fuzz/world.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/check.h"
#include "irq/eventfd.h"
#include "vfio/internal.h"

/* ---- hosts ---- */

#define THREE_BUSES                                                                                \
	"version: 1\n"                                                                             \
	"iommus:\n"                                                                                \
	"  - {name: nests, kind: smmuv3, stages: [1, 2]}\n"                                        \
	"  - {name: one-stage, kind: smmuv3, stages: [1]}\n"                                       \
	"  - {name: stage2, kind: smmuv3, stages: [2]}\n"                                          \
	"buses:\n"                                                                                 \
	"  - {type: pci, segment: 0, iommu: nests}\n"                                              \
	"  - {type: pci, segment: 1, iommu: one-stage}\n"                                          \
	"  - {type: pci, segment: 2, iommu: stage2}\n"                                             \
	"devices:\n"                                                                               \
	"  - {at: \"0000:01:00.0\", model: ioat, group: 1, options: {channels: 3}}\n"              \
	"  - {at: \"0001:01:00.0\", model: ioat, group: 10}\n"                                     \
	"  - {at: \"0002:01:00.0\", model: ioat, group: 20}\n"

static const char *const own_hosts[] = {
	THREE_BUSES,
	THREE_BUSES "policy: {nesting: subset}\n",
	"version: 1\n"
	"iommus:\n"
	"  - {name: smmu0, kind: smmuv3, stages: [1, 2]}\n"
	"buses:\n"
	"  - {type: pci, segment: 0, iommu: smmu0}\n"
	"  - {type: pci, segment: 2, iommu: none}\n"
	"devices:\n"
	"  - {at: \"0000:01:00.0\", model: ioat, group: 1}\n"
	"  - {at: \"0002:01:00.0\", model: ioat}\n"
	"policy: {noiommu: true}\n",
	"version: 1\n"
	"iommus:\n"
	"  - {name: smmu0, kind: smmuv3, stages: [1, 2]}\n"
	"buses:\n"
	"  - {type: pci, segment: 0, iommu: smmu0}\n"
	"devices:\n"
	"  - {at: \"0000:01:00.0\", model: ioat, group: 1}\n"
	"  - {at: \"0000:01:00.1\", model: ioat, group: 1, driver: ioatdma}\n"
	"  - {at: \"0000:03:00.0\", model: ioat, group: 3}\n"
	"  - {at: \"0000:03:00.1\", model: ioat, group: 3, driver: none}\n",
};
#define BUILTINS 3 /* smmuv3, smmuv3-no-nesting, mixed */

static struct host_desc descs[BUILTINS + ARRAY_LEN(own_hosts)];

static void load_hosts(void)
{
	struct error error = { 0 };

	for (unsigned i = 0; i < ARRAY_LEN(descs); i++) {
		const char *own = i < BUILTINS ? NULL : own_hosts[i - BUILTINS];

		nb_assert(!(own ? host_parse("fuzz", own, strlen(own), &descs[i], &error)
				: host_load(host_builtins[i], &descs[i], &error)));
	}
}

/* ---- memory ---- */

/* What the pool and the real pages of BIG hold as far as the program knows. */
static uint8_t known[ALL_PAGES + BIG_PAGES][4096];

static uint64_t page_address(unsigned i)
{
	return i < ALL_PAGES ? POOL + i * PAGE : BIG + (i - ALL_PAGES) * PAGE;
}

static void *place(uint64_t at, uint64_t bytes, int prot, int flags, int fd)
{
	void *p = mmap((void *)(uintptr_t)at, bytes, prot, flags | MAP_FIXED_NOREPLACE, fd, 0);

	nb_assert(p == (void *)(uintptr_t)at);
	return p;
}

static void make_memory(void)
{
	int fd = memfd_create("big", MFD_CLOEXEC);

	nb_assert(fd >= 0 && !ftruncate(fd, BIG_PAGES * PAGE));
	place(ARGS, ARGS_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	place(POOL, ALL_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	for (uint64_t at = BIG; at < BIG + BIG_BYTES; at += BIG_PAGES * PAGE)
		place(at, BIG_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	close(fd);
	nb_assert(!mprotect((void *)(uintptr_t)POOL_RO, RO_PAGES * PAGE,
		PROT_READ)); /* zeros; never known otherwise */
}

static void fill_memory(void)
{
	memset((void *)(uintptr_t)ARGS, 0, ARGS_BYTES);
	for (unsigned i = 0; i < ALL_PAGES + BIG_PAGES; i++) {
		uint64_t at = page_address(i);
		bool ro = at >= POOL_RO && at < POOL_RO + RO_PAGES * PAGE;

		memset(known[i], ro ? 0 : 0x40 + (int)i, PAGE);
		if (!ro)
			memcpy((void *)(uintptr_t)at, known[i], PAGE);
	}
}

static void set_up_once(void)
{
	static bool done;
	int fd;

	if (done)
		return;
	done = true;
	load_hosts();
	make_memory();
	/* It makes things for good at its first use. */
	fd = eventfd(0, EFD_CLOEXEC);
	eventfd_raise(fd);
	close(fd);
}

/* ---- what is said ---- */

void say(const struct world *w, const char *format, ...)
{
	va_list args;

	if (!w->words)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	fflush(stdout);
}

void found(const struct world *w, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "\nFOUND: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	abort();
}

/* ---- files ---- */

enum kind world_kind(const struct world *w, int fd)
{
	const char *name = local_file(w->local, fd)->ops->name;

	return !strcmp(name, "container") ? CONTAINER : !strcmp(name, "group") ? GROUP : DEVICE;
}

int world_pick(const struct world *w, unsigned kinds, uint8_t who)
{
	unsigned n = 0, skip;

	if (who & 0x80)
		kinds = ANY;
	for (unsigned i = 0; i < w->n_fds; i++)
		n += (world_kind(w, w->fds[i]) & kinds) != 0;
	if (!n)
		return -1;
	skip = (who & 0x7f) % n;
	for (unsigned i = 0; i < w->n_fds; i++)
		if ((world_kind(w, w->fds[i]) & kinds) && !skip--)
			return w->fds[i];
	return -1;
}

void world_keep(struct world *w, int fd)
{
	if (fd < 0)
		return;
	if (w->n_fds == MAX_FILES)
		local_close(w->local, fd);
	else
		w->fds[w->n_fds++] = fd;
}

/* Containers without an IOMMU have no mappings. */
static void forget_maps(struct world *w)
{
	struct vfio_container *container;
	unsigned n = 0;

	for (unsigned i = 0; i < w->n_maps; i++) {
		bool lives = false;

		cds_list_for_each_entry (container, &w->vfio->containers, link)
			lives |= container->id == w->maps[i].container && container->ioas;
		if (lives)
			w->maps[n++] = w->maps[i];
	}
	w->n_maps = n;
}

void world_close(struct world *w, int fd)
{
	unsigned i = 0;

	while (w->fds[i] != fd)
		i++;
	w->fds[i] = w->fds[--w->n_fds];
	local_close(w->local, fd);
	forget_maps(w);
}

struct machine_device *world_device(const struct world *w, int fd, unsigned *index)
{
	struct vfio_device *device = vfio_device_from_file(local_file(w->local, fd));

	*index = (unsigned)(device - w->vfio->devices);
	return device->dev;
}

unsigned world_container(const struct world *w, int fd)
{
	struct vfio_container *container = vfio_container_from_file(local_file(w->local, fd));

	return container ? container->id : 0;
}

/* ---- the model of mappings ---- */

void world_mapped(struct world *w, const struct fuzz_map *map)
{
	if (w->n_maps == MAX_MAPS)
		found(w, "more mappings than the fuzzer can make");
	w->maps[w->n_maps++] = *map;
}

/* v1 takes whole mappings that begin in the range, v2 those inside: with v2 these are the same. */
void world_unmapped(
	struct world *w, unsigned container, uint64_t iova, uint64_t last, uint64_t bytes)
{
	uint64_t sum = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < w->n_maps; i++) {
		const struct fuzz_map *map = &w->maps[i];

		if (bytes && map->container == container && map->iova >= iova && map->iova <= last)
			sum += map->last - map->iova + 1;
		else
			w->maps[n++] = *map;
	}
	w->n_maps = n;
	if (sum != bytes)
		found(w, "UNMAP_DMA says 0x%llx bytes, the mappings there were 0x%llx",
			(unsigned long long)bytes, (unsigned long long)sum);
}

void world_recheck(struct world *w, int fd)
{
	struct vfio_container *container = vfio_container_from_file(local_file(w->local, fd));
	struct ioas_area_info area;
	unsigned n = 0;

	for (unsigned i = 0; i < w->n_maps; i++) {
		const struct fuzz_map *map = &w->maps[i];

		if (map->container != container->id ||
			(ioas_find(container->ioas, map->iova, &area) && area.iova == map->iova))
			w->maps[n++] = *map;
	}
	w->n_maps = n;
}

/* ---- calls ---- */

static bool same_counts(const struct machine_counts *a, const struct machine_counts *b)
{
	return a->domains == b->domains && a->attachments == b->attachments &&
	       a->mappings == b->mappings && a->table_bytes == b->table_bytes &&
	       a->program_bytes == b->program_bytes && a->vectors == b->vectors;
}

static void say_answer(const struct world *w, long ret, const struct why *why)
{
	if (ret >= 0)
		say(w, " = %ld\n", ret);
	else
		say(w, " = -%s (%s: %s)\n", errno_name((int)-ret), why->rule ? why->rule : "?",
			why->missing);
}

static void check_refusal(const struct world *w, long ret, const struct why *why)
{
	if (ret >= 0)
		return;
	if (ret < -133) /* EHWPOISON, the last there is */
		found(w, "%ld is no errno", ret);
	if (why->class == WHY_NONE)
		found(w, "refused with %s, without a reason", errno_name((int)-ret));
	if (why->err != -ret)
		found(w, "refused with %s, the reason says %s (%s)", errno_name((int)-ret),
			errno_name(why->err), why->rule);
}

/* Where Linux too keeps what it did before it failed. */
static bool may_leave(const struct world *w, int fd, unsigned cmd, long ret)
{
	switch (world_kind(w, fd)) {
	case CONTAINER: /* what was unmapped, where the answer cannot be written */
		return cmd == VFIO_IOMMU_UNMAP_DMA && ret == -EFAULT;
	case DEVICE: /* vectors up to the bad one, the doorbell's mapping */
		return cmd == VFIO_DEVICE_SET_IRQS;
	default:
		return false;
	}
}

long world_ioctl(struct world *w, int fd, unsigned cmd, uint64_t arg)
{
	struct file *file = local_file(w->local, fd);
	struct machine_counts before, after;
	struct why why = { 0 };
	bool leaves;
	long ret;

	say(w, " on %s %d", file->ops->name, fd);
	machine_counts(w->machine, &before);
	file_get(file);
	ret = file->ops->ioctl(file, w->caller, cmd, arg, &why);
	leaves = may_leave(w, fd, cmd, ret);
	file_put(file);
	say_answer(w, ret, &why);
	check_refusal(w, ret, &why);
	machine_counts(w->machine, &after);
	if (ret < 0 && !leaves && !same_counts(&before, &after))
		found(w, "ioctl 0x%x failed with %s and left something behind", cmd,
			errno_name((int)-ret));
	forget_maps(w);
	return ret;
}

ssize_t world_io(struct world *w, int fd, bool write, uint64_t uaddr, size_t count, uint64_t pos)
{
	struct file *file = local_file(w->local, fd);
	struct why why = { 0 };
	ssize_t ret = 0;

	say(w, "p%s 0x%zx at 0x%llx on %s %d", write ? "write" : "read", count,
		(unsigned long long)pos, file->ops->name, fd);
	if (!(write ? file->ops->write : file->ops->read)) {
		say(w, ": has none\n");
		return -EINVAL;
	}
	ret = write ? file->ops->write(file, w->caller, uaddr, count, pos, &why)
		    : file->ops->read(file, w->caller, uaddr, count, pos, &why);
	say_answer(w, ret, &why);
	check_refusal(w, ret, &why);
	if (ret > (ssize_t)count)
		found(w, "%zd bytes of %zu", ret, count);
	return ret;
}

/* ---- DMA ---- */

void world_store(struct world *w, uint64_t vaddr, const void *bytes, size_t len)
{
	uint64_t real = vaddr;
	unsigned i;

	if (vaddr >= BIG && vaddr < BIG + BIG_BYTES)
		real = BIG + (vaddr - BIG) % (BIG_PAGES * PAGE);
	i = real >= BIG ? (unsigned)(ALL_PAGES + (real - BIG) / PAGE)
			: (unsigned)((real - POOL) / PAGE);
	nb_assert(i < ALL_PAGES + BIG_PAGES && real % PAGE + len <= PAGE);
	memcpy((void *)(uintptr_t)real, bytes, len);
	memcpy(&known[i][real % PAGE], bytes, len);
}

/* Whether [vaddr, vaddr + PAGE) is in a mapping that this container's devices may write. */
static bool writable(const struct world *w, unsigned container, uint64_t vaddr)
{
	for (unsigned i = 0; i < w->n_maps; i++) {
		const struct fuzz_map *map = &w->maps[i];

		if (map->write && map->container == container && vaddr >= map->vaddr &&
			vaddr - map->vaddr <= map->last - map->iova)
			return true;
	}
	return false;
}

static bool page_writable(const struct world *w, unsigned container, unsigned page)
{
	uint64_t at = page_address(page), end = page < ALL_PAGES ? at + 1 : BIG + BIG_BYTES;

	for (; at < end; at += BIG_PAGES * PAGE)
		if (writable(w, container, at))
			return true;
	return false;
}

static unsigned container_of_device(const struct world *w, unsigned index)
{
	const struct vfio_group *group = w->vfio->devices[index].group;

	return group && group->container ? group->container->id : 0;
}

static void check_memory(struct world *w, unsigned container)
{
	for (unsigned i = 0; i < ALL_PAGES + BIG_PAGES; i++) {
		const void *page = (void *)(uintptr_t)page_address(i);

		if (!memcmp(page, known[i], PAGE))
			continue;
		if (!w->tainted && !page_writable(w, container, i))
			found(w, "page %u at 0x%llx was written, which no mapping allows", i,
				(unsigned long long)page_address(i));
		memcpy(known[i], page, PAGE);
	}
}

void world_step(struct world *w, unsigned index, uint64_t budget)
{
	struct machine_device *dev = &w->machine->devices[index];
	unsigned container = container_of_device(w, index);
	bool worked;

	pthread_mutex_lock(&dev->pci.lock);
	worked = pci_dev_step(&dev->pci, budget);
	pthread_mutex_unlock(&dev->pci.lock);
	say(w, "step %s: %s\n", dev->pci.name, worked ? "worked" : "nothing to do");
	if (worked && !dev->iommu.iommu)
		w->tainted = true;
	check_memory(w, container);
}

/* ---- life ---- */

static const struct caller_ops *local_caller_ops;

static unsigned host_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	nb_assert(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* As memory of another process is: reached by operations only. */
static int pin_indirect(struct caller *caller, uint64_t uaddr, uint64_t bytes, unsigned prot,
	struct umem **out, struct why *why)
{
	static struct nb_mem_ops ops;
	int ret = local_caller_ops->pin(caller, uaddr, bytes, prot, out, why);

	if (ret)
		return ret;
	ops = *(*out)->ops;
	ops.direct = NULL;
	(*out)->ops = &ops;
	return 0;
}

static struct caller *make_caller(struct local_caller *local, bool indirect)
{
	static struct caller_ops ops;
	struct caller *caller = local_caller_base(local);

	local_caller_ops = caller->ops;
	ops = *caller->ops;
	if (indirect)
		ops.pin = pin_indirect;
	caller->ops = &ops;
	return caller;
}

struct world *world_create(const struct fuzz_rec *rec, bool words)
{
	const struct vfio_options options = {
		.dma_entry_limit = rec->p[1] & 1 ? 4 : 0,
		.deny_rawio = (rec->p[1] & 6) == 6,
		.no_mmap = rec->p[1] & 8,
	};
	struct world *w = calloc(1, sizeof(*w));
	const struct host_desc *desc;
	struct error error = { 0 };

	set_up_once();
	fill_memory();
	desc = &descs[rec->p[0] % ARRAY_LEN(descs)];
	nb_assert(w);
	w->words = words;
	say(w, "host %u (%s), options 0x%x\n", rec->p[0] % (unsigned)ARRAY_LEN(descs), desc->name,
		rec->p[1] & 31);
	w->machine = machine_create(desc, &error);
	nb_assert(w->machine);
	w->vfio = vfio_create(w->machine, &options);
	w->local = local_caller_create();
	nb_assert(w->vfio && w->local);
	w->caller = make_caller(w->local, rec->p[1] & 16);
	for (unsigned i = 0; i < EVENTFDS; i++)
		w->eventfds[i] = eventfd(i == 1 ? 0xfffffffe : 0, EFD_CLOEXEC | EFD_NONBLOCK);
	machine_counts(w->machine, &w->counts);
	w->n_host_fds = host_fds();
	return w;
}

static void unmap_bars(const struct world *w)
{
	for (unsigned i = 0; i < w->machine->n_devices; i++)
		munmap((void *)(uintptr_t)(BARS + i * BAR_SLOT), BAR_SLOT);
}

void world_destroy(struct world *w)
{
	struct machine_counts counts;

	for (unsigned i = 0; i < w->machine->n_devices; i++)
		world_step(w, i, 1 << 20);
	while (w->n_fds)
		world_close(w, w->fds[w->n_fds - 1]);
	check_memory(w, 0);
	machine_counts(w->machine, &counts);
	if (!same_counts(&counts, &w->counts))
		found(w,
			"all is closed, and left: domains %ld, attachments %ld, mappings %ld, "
			"tables %lld, program memory %lld, vectors %d",
			(long)(counts.domains - w->counts.domains),
			(long)(counts.attachments - w->counts.attachments),
			(long)(counts.mappings - w->counts.mappings),
			(long long)(counts.table_bytes - w->counts.table_bytes),
			(long long)(counts.program_bytes - w->counts.program_bytes),
			(int)(counts.vectors - w->counts.vectors));
	if (host_fds() != w->n_host_fds)
		found(w, "all is closed, and %d descriptors of the host are left",
			(int)(host_fds() - w->n_host_fds));
	for (unsigned i = 0; i < EVENTFDS; i++)
		close(w->eventfds[i]);
	unmap_bars(w);
	local_caller_destroy(w->local);
	vfio_destroy(w->vfio);
	machine_destroy(w->machine);
	free(w);
}
