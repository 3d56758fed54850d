/* SPDX-License-Identifier: MIT */
#include "control/show.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/clock.h"
#include "control/message.h"
#include "control/procs.h"
#include "machine/kinds.h"
#include "vfio/inspect.h"

#define ARGS_MAX 64 /* of the command, shown */

static uint64_t uptime_ms(const struct control_box *box)
{
	return (clock_ns() - box->started_ns) / 1000000;
}

/* ---- the box and its processes ---- */

static struct json_object *command_json(const struct control_box *box)
{
	struct json_object *args = json_object_new_array();

	for (unsigned i = 0; i < ARGS_MAX && box->argv && box->argv[i]; i++)
		control_append(args, control_text(box->argv[i]));
	return args;
}

static void put_box(struct json_object *to, const struct control_box *box)
{
	control_put_u64(to, "pid", (uint64_t)getpid());
	control_put_u64(to, "uptime_ms", uptime_ms(box));
	control_put_text(to, "host", box->machine->desc.name);
	control_put(to, "command", command_json(box));
}

static struct json_object *programs_json(const struct control_procs *procs)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < procs->n; i++) {
		struct json_object *object = json_object_new_object();

		control_put_u64(object, "pid", (uint64_t)procs->list[i].pid);
		control_put_u64(object, "ppid", (uint64_t)procs->list[i].ppid);
		control_put_text(object, "name", procs->list[i].comm);
		control_append(list, object);
	}
	return list;
}

/* ---- who holds what ---- */

/** Everything that is told, copied. */
struct picture {
	const struct control_box *box;
	struct vfio_snapshot *vfio;
	struct control_procs procs;
};

/** Processes with a descriptor of this file, or (file NULL) of the memfd. */
static struct json_object *pids_json(
	const struct picture *pic, const struct file *file, const struct stat *memfd)
{
	struct json_object *pids = json_object_new_array();
	pid_t last = 0;

	for (unsigned i = 0; i < pic->procs.n_holders; i++) {
		const struct control_holder *h = &pic->procs.holders[i];
		bool holds = memfd ? h->ino == memfd->st_ino && h->dev == memfd->st_dev
				   : file && h->file == file;

		if (!holds || h->pid == last)
			continue;
		last = h->pid;
		control_append(pids, json_object_new_int(last));
	}
	return pids;
}

static void resolve_holders(struct picture *pic)
{
	for (unsigned i = 0; i < pic->procs.n_holders; i++) {
		struct control_holder *h = &pic->procs.holders[i];

		h->file = serve_file(pic->box->serve, h->dev, h->ino);
	}
}

/* ---- containers ---- */

static const char *kind_name(enum iommu_domain_kind kind)
{
	static const char *const names[] = {
		[IOMMU_DOMAIN_STAGE1] = "stage1",
		[IOMMU_DOMAIN_STAGE2] = "stage2",
		[IOMMU_DOMAIN_NEST_PARENT] = "nest-parent",
		[IOMMU_DOMAIN_NESTED] = "nested",
	};

	return kind < ARRAY_LEN(names) ? names[kind] : "unknown";
}

static struct json_object *devices_of_group(const struct machine *machine, const char *group)
{
	struct json_object *names = json_object_new_array();

	for (unsigned i = 0; i < machine->n_devices; i++) {
		const struct machine_device *dev = &machine->devices[i];

		if (dev->iommu.group && !strcmp(dev->iommu.group->name, group))
			control_append(names, json_object_new_string(dev->pci.name));
	}
	return names;
}

static struct json_object *hwpt_json(
	const struct machine *machine, const struct ioas_info *ioas, unsigned n)
{
	const struct ioas_hwpt_info *hwpt = &ioas->hwpts[n];
	struct json_object *object = json_object_new_object();
	struct json_object *devices = json_object_new_array();

	for (unsigned i = 0; i < MIN(ioas->n_groups, (unsigned)IOAS_GROUPS_SHOWN); i++) {
		struct json_object *names;

		if (ioas->groups[i].hwpt != n)
			continue;
		names = devices_of_group(machine, ioas->groups[i].name);
		for (size_t j = 0; j < json_object_array_length(names); j++)
			control_append(
				devices, json_object_get(json_object_array_get_idx(names, j)));
		json_object_put(names);
	}
	control_put_text(object, "iommu", hwpt->iommu);
	control_put_text(object, "asked", kind_name(hwpt->asked));
	control_put_text(object, "got", kind_name(hwpt->got));
	control_put(object, "devices", devices);
	control_put_bool(object, "msi_mapped", hwpt->msi_mapped);
	return object;
}

static struct json_object *ioas_json(const struct machine *machine, const struct ioas_info *ioas)
{
	struct json_object *object = json_object_new_object();
	struct json_object *hwpts = json_object_new_array();

	for (unsigned i = 0; i < MIN(ioas->n_hwpts, (unsigned)IOAS_HWPTS_SHOWN); i++)
		control_append(hwpts, hwpt_json(machine, ioas, i));
	control_put_u64(object, "mappings", ioas->mappings);
	control_put_u64(object, "bytes", ioas->bytes);
	control_put_u64(object, "table_bytes", ioas->table_bytes);
	control_put_u64(object, "table_limit", ioas->table_limit);
	control_put(object, "hwpts", hwpts);
	return object;
}

static struct json_object *groups_of(const struct vfio_snapshot *vfio, unsigned container)
{
	struct json_object *names = json_object_new_array();

	for (unsigned i = 0; i < vfio->n_groups; i++)
		if (vfio->groups[i].container == container)
			control_append(names, json_object_new_string(vfio->groups[i].name));
	return names;
}

static struct json_object *container_json(
	const struct picture *pic, const struct vfio_container_info *info)
{
	struct json_object *object = json_object_new_object();

	control_put_u64(object, "id", info->id);
	control_put_text(object, "type", vfio_type_name(info->type));
	control_put(object, "groups", groups_of(pic->vfio, info->id));
	control_put_bool(object, "dirty_tracking", info->dirty_tracking);
	control_put(object, "entries_left",
		info->has_ioas ? json_object_new_uint64(info->entries_left) : NULL);
	control_put(
		object, "ioas", info->has_ioas ? ioas_json(pic->box->machine, &info->ioas) : NULL);
	control_put(object, "pids", pids_json(pic, info->file, NULL));
	return object;
}

static void put_containers(struct json_object *to, const struct picture *pic)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < MIN(pic->vfio->n_containers, pic->vfio->max_containers); i++)
		control_append(list, container_json(pic, &pic->vfio->containers[i]));
	control_put_u64(to, "n_containers", pic->vfio->n_containers);
	control_put(to, "containers", list);
}

/* ---- groups ---- */

static struct json_object *group_devices(const struct picture *pic, const char *group)
{
	struct json_object *names = json_object_new_array();

	for (unsigned i = 0; i < pic->vfio->n_devices; i++) {
		const struct vfio_device_info_now *dev = &pic->vfio->devices[i];

		if (dev->group && !strcmp(dev->group, group))
			control_append(names, json_object_new_string(dev->dev->pci.name));
	}
	return names;
}

static struct json_object *group_json(const struct picture *pic, const struct vfio_group_info *info)
{
	struct json_object *object = json_object_new_object();

	control_put_text(object, "name", info->name);
	control_put_text(object, "iommu", info->iommu);
	control_put_bool(object, "viable", info->viable);
	control_put_bool(object, "open", info->file);
	control_put(object, "container",
		info->container ? json_object_new_uint64(info->container) : NULL);
	control_put_u64(object, "open_devices", info->open_devices);
	control_put(object, "devices", group_devices(pic, info->name));
	control_put(object, "pids", pids_json(pic, info->file, NULL));
	return object;
}

/* ---- devices ---- */

static struct json_object *dma_json(const struct dma_counts *dma)
{
	struct json_object *object = json_object_new_object();

	control_put_u64(object, "reads", dma->reads);
	control_put_u64(object, "read_bytes", dma->read_bytes);
	control_put_u64(object, "writes", dma->writes);
	control_put_u64(object, "write_bytes", dma->write_bytes);
	control_put_u64(object, "aborts", dma->aborts);
	return object;
}

static struct json_object *irqs_json(const struct vfio_device_info_now *now)
{
	struct json_object *object = json_object_new_object();
	struct json_object *fired = json_object_new_array();

	for (unsigned i = 0; i < now->n_shown; i++)
		control_append(fired, json_object_new_uint64(now->fired[i]));
	control_put_text(object, "type", now->irqs);
	control_put_u64(object, "vectors", now->vectors);
	control_put_u64(object, "eventfds", now->eventfds);
	control_put_u64(object, "fired", now->signalled);
	control_put(object, "by_vector", fired);
	control_put_bool(object, "unmask_eventfd", now->unmask_fd);
	control_put_bool(object, "err_eventfd", now->err_fd);
	control_put_bool(object, "req_eventfd", now->req_fd);
	return object;
}

static struct json_object *last_fault_json(const struct machine_fault_note *note)
{
	struct json_object *object;

	if (!note->count)
		return NULL;
	object = json_object_new_object();
	control_put_text(object, "name", note->last.name);
	control_put_text(object, "access", note->last.read ? "read" : "write");
	control_put_u64(object, "iova", note->last.iova);
	control_put_u64(object, "stage", note->last.stage);
	control_put(object, "ipa",
		note->last.stage == 2 ? json_object_new_uint64(note->last.ipa) : NULL);
	return object;
}

/** What is null could not be looked at: somebody was busy with it. */
static struct json_object *device_json(
	const struct picture *pic, const struct vfio_device_info_now *now)
{
	struct json_object *object = json_object_new_object();
	struct machine_device *dev = now->dev;
	struct machine_device_info info;
	struct stat st = { 0 };

	fstat(dev->pci.memfd, &st);
	machine_device_inspect(pic->box->machine, dev, &info);
	control_put_text(object, "at", dev->pci.name);
	control_put_text(object, "model", dev->pci.model->name);
	control_put_text(object, "group", now->group);
	control_put_text(object, "iommu", dev->iommu.iommu ? dev->iommu.iommu->name : NULL);
	control_put_text(object, "stage1", now->stage1);
	control_put(object, "opens", now->known ? json_object_new_uint64(now->opens) : NULL);
	control_put(object, "memory", info.known ? json_object_new_boolean(info.memory) : NULL);
	control_put(
		object, "bus_master", info.known ? json_object_new_boolean(info.bus_master) : NULL);
	control_put(object, "irqs", now->known ? irqs_json(now) : NULL);
	control_put(object, "dma", dma_json(&info.dma));
	control_put_u64(object, "faults", info.faults.count);
	control_put(object, "last_fault", last_fault_json(&info.faults));
	control_put(object, "pids", pids_json(pic, NULL, &st));
	return object;
}

/* ---- IOMMUs ---- */

static struct json_object *queue_json(const struct machine_queue *queue)
{
	struct json_object *object = json_object_new_object();

	control_put_u64(object, "size", queue->size);
	control_put_u64(object, "prod", queue->prod);
	control_put_u64(object, "cons", queue->cons);
	control_put_u64(object, "done", queue->done);
	return object;
}

static struct json_object *faults_json(const struct machine_fault_counts *faults)
{
	struct json_object *object = json_object_new_object();

	for (unsigned i = 0; i < faults->n; i++)
		control_put_u64(object, faults->by_name[i].name, faults->by_name[i].count);
	return object;
}

static struct json_object *iommu_json(struct machine_iommu *iommu)
{
	struct json_object *object = json_object_new_object();
	struct machine_iommu_stats stats;
	struct machine_fault_counts faults;

	machine_iommu_inspect(iommu, &stats, &faults);
	control_put_text(object, "name", iommu->desc->name);
	control_put_text(object, "kind", iommu->desc->kind);
	control_put(object, "commands", queue_json(&stats.commands));
	control_put_u64(object, "syncs", stats.syncs);
	control_put(object, "events", queue_json(&stats.events));
	control_put_u64(object, "events_lost", stats.events_lost);
	control_put_bool(object, "overflow", stats.overflow);
	control_put(object, "faults", faults_json(&faults));
	return object;
}

/* ---- answers ---- */

static void put_vfio(struct json_object *to, const struct picture *pic)
{
	struct json_object *groups = json_object_new_array(), *devices = json_object_new_array();

	put_containers(to, pic);
	for (unsigned i = 0; i < pic->vfio->n_groups; i++)
		control_append(groups, group_json(pic, &pic->vfio->groups[i]));
	for (unsigned i = 0; i < pic->vfio->n_devices; i++)
		control_append(devices, device_json(pic, &pic->vfio->devices[i]));
	control_put(to, "groups", groups);
	control_put(to, "devices", devices);
}

static struct json_object *iommus_json(const struct machine *machine)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < machine->n_iommus; i++)
		control_append(list, iommu_json(&machine->iommus[i]));
	return list;
}

static int take_picture(struct picture *pic, const struct control_box *box)
{
	int err = 0;

	*pic = (struct picture){ .box = box };
	if (box->guardian)
		err = control_procs_take(&pic->procs, box->guardian);
	if (!err && box->serve)
		err = control_procs_holders(&pic->procs);
	if (!err && box->serve)
		resolve_holders(pic);
	if (!err)
		pic->vfio = vfio_snapshot_take(box->vfio, CONTROL_CONTAINERS_MAX);
	return pic->vfio ? 0 : -1;
}

struct json_object *control_show(const struct control_box *box)
{
	struct json_object *answer = control_answer("show");
	struct json_object *about = json_object_new_object();
	struct picture pic;

	if (!take_picture(&pic, box)) {
		put_box(about, box);
		control_put_u64(about, "fd_base", box->fd_base);
		control_put(answer, "box", about);
		control_put_bool(answer, "partial", pic.procs.partial);
		control_put(answer, "programs", programs_json(&pic.procs));
		control_put_u64(answer, "extents", nb_mem_extents(box->machine->mem));
		put_vfio(answer, &pic);
		control_put(answer, "iommus", iommus_json(box->machine));
	} else {
		json_object_put(about);
		json_object_put(answer);
		answer = NULL;
	}
	vfio_snapshot_free(pic.vfio);
	control_procs_free(&pic.procs);
	return answer;
}

struct json_object *control_list(const struct control_box *box)
{
	struct json_object *answer = control_answer("list");
	struct control_procs procs = { 0 };

	if (box->guardian && control_procs_take(&procs, box->guardian)) {
		json_object_put(answer);
		answer = NULL;
	} else {
		put_box(answer, box);
		control_put_u64(answer, "programs", procs.n);
	}
	control_procs_free(&procs);
	return answer;
}

/* ---- only what counts, flat, for who asks often ---- */

static struct json_object *device_stats(
	const struct control_box *box, const struct vfio_device_info_now *now)
{
	struct json_object *object = json_object_new_object();
	struct machine_device_info info;

	machine_device_inspect(box->machine, now->dev, &info);
	control_put_text(object, "at", now->dev->pci.name);
	control_put(object, "fired", now->known ? json_object_new_uint64(now->signalled) : NULL);
	control_put(object, "dma", dma_json(&info.dma));
	control_put_u64(object, "faults", info.faults.count);
	return object;
}

static void put_sums(struct json_object *to, const struct vfio_snapshot *vfio)
{
	uint64_t mappings = 0, bytes = 0;

	for (unsigned i = 0; i < MIN(vfio->n_containers, vfio->max_containers); i++) {
		mappings += vfio->containers[i].ioas.mappings;
		bytes += vfio->containers[i].ioas.bytes;
	}
	control_put_u64(to, "containers", vfio->n_containers);
	control_put_u64(to, "mappings", mappings);
	control_put_u64(to, "mapped_bytes", bytes);
}

struct json_object *control_stats(const struct control_box *box)
{
	struct vfio_snapshot *vfio = vfio_snapshot_take(box->vfio, CONTROL_CONTAINERS_MAX);
	struct json_object *answer, *devices;

	if (!vfio)
		return NULL;
	answer = control_answer("stats");
	devices = json_object_new_array();
	control_put_u64(answer, "uptime_ms", uptime_ms(box));
	put_sums(answer, vfio);
	for (unsigned i = 0; i < vfio->n_devices; i++)
		control_append(devices, device_stats(box, &vfio->devices[i]));
	control_put(answer, "devices", devices);
	control_put(answer, "iommus", iommus_json(box->machine));
	vfio_snapshot_free(vfio);
	return answer;
}
