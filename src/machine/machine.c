/* SPDX-License-Identifier: MIT */
/*
 * Putting a host together from its description, and taking it down in reverse. Every step is a
 * function that either succeeds or leaves behind what finish_* takes back, so that a failure
 * anywhere ends in machine_destroy.
 *
 * The simulated physical space:
 *
 *   0x0000_0808_0000  the MSI controller's doorbell page
 *   0x0000_4000_0000  RAM, for tables and queues (1 GiB, reserved, populated as it is used)
 *   0x0000_8000_0000  BARs, one to a slot (2 GiB)
 *   0x0001_0000_0000  program memory, to the end of what every IOMMU can address
 */
#include "machine/machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/bits.h"
#include "dev/models.h"
#include "machine/faults.h"
#include "machine/kinds.h"
#include "tlb/port.h"

#define PA_BITS	     48
#define MSI_PAGE     0x08080000u
#define MSI_BYTES    4096u
#define RAM_BASE     GIB(1)
#define RAM_BYTES    GIB(1)
#define BAR_BASE     GIB(2)
#define BAR_END	     GIB(4)
#define PROGRAM_BASE GIB(4)
#define TABLE_LIMIT  MIB(256) /* of one container: 4 KiB leaves for 128 GiB */

static int no_memory(struct error *error, const char *what)
{
	return error_set(error, ENOMEM, "out of memory for %s of the simulated host", what);
}

/* ---- memory ------------------------------------------------------------------------------- */

/** What every IOMMU of the host can put out. */
static unsigned common_oas_bits(const struct host_desc *desc)
{
	unsigned bits = PA_BITS;

	for (unsigned i = 0; i < desc->n_iommus; i++)
		bits = MIN(bits, desc->iommus[i].oas_bits);
	return bits;
}

static int init_memory(struct machine *machine, struct error *error)
{
	uint64_t end = BIT64(common_oas_bits(&machine->desc));

	machine->mem = nb_mem_create(PA_BITS);
	if (!machine->mem)
		return no_memory(error, "the address space");
	machine->ram = ram_create(machine->mem, NB_PA(RAM_BASE), RAM_BYTES);
	if (!machine->ram)
		return no_memory(error, "the RAM");
	machine->physmap = physmap_create(NB_PA(PROGRAM_BASE), end - PROGRAM_BASE);
	if (!machine->physmap)
		return no_memory(error, "the physical map");
	machine->msi = msi_controller_create(machine->mem, NB_PA(MSI_PAGE));
	if (!machine->msi)
		return no_memory(error, "the MSI controller");
	machine->ioas_env = (struct ioas_env){
		.mem = machine->mem,
		.physmap = machine->physmap,
		.msi_page = msi_doorbell_page(machine->msi),
		.table_limit = TABLE_LIMIT,
		.mappings = &machine->mappings,
	};
	return 0;
}

static void finish_memory(struct machine *machine)
{
	if (machine->msi)
		msi_controller_destroy(machine->msi);
	if (machine->physmap)
		physmap_destroy(machine->physmap);
	if (machine->ram)
		ram_destroy(machine->ram);
	if (machine->mem)
		nb_mem_destroy(machine->mem);
}

/* ---- IOMMUs ------------------------------------------------------------------------------- */

/** No device exists before its IOMMU is probed, so that no event can come earlier. */
static void on_event(void *ctx)
{
	struct machine_iommu *iommu = ctx;

	if (iommu->iommu)
		iommu->kind->event_irq(iommu->iommu);
}

static void on_resumed(void *ctx)
{
	const struct machine_iommu *iommu = ctx;

	machine_resumed(iommu->machine);
}

/** An IOMMU is on the pci bus type once a PCI segment is behind it, else on platform. */
static struct bus_type *bus_of_iommu(struct machine *machine, unsigned index)
{
	const char *name = "platform";

	for (unsigned i = 0; i < machine->desc.n_buses; i++) {
		if (machine->desc.buses[i].iommu == (int)index)
			name = "pci";
	}
	return iommu_find_bus(&machine->iommu, name);
}

static int probe_iommu(struct machine *machine, struct machine_iommu *iommu, struct error *error)
{
	struct why why = { 0 };
	struct iommu_probe_args args = {
		.name = iommu->desc->name,
		.hw = { .read = iommu->kind->read,
			.write = iommu->kind->write,
			.hw = iommu->model,
			.ram = machine->ram },
		.msi_window = iommu->desc->msi_window,
		.lock = &machine->lock,
		.stats = &machine->iommu.stats,
		.fault = machine_on_fault,
		.fault_ctx = machine,
	};
	int err;

	hostlock_lock(&machine->lock);
	err = iommu->kind->probe(&args, &iommu->iommu, &why);
	if (!err) {
		iommu->iommu->direct_only = iommu->desc->httu;
		iommu_register(
			bus_of_iommu(machine, (unsigned)(iommu - machine->iommus)), iommu->iommu);
	}
	hostlock_unlock(&machine->lock);
	if (err)
		return error_set(error, -err, "%s: its driver cannot bring it up without %s",
			iommu->desc->name, why.missing);
	return 0;
}

static int init_iommu(struct machine *machine, struct machine_iommu *iommu,
	const struct host_iommu *desc, struct error *error)
{
	*iommu = (struct machine_iommu){
		.machine = machine,
		.desc = desc,
		.kind = machine_kind_find(desc->kind),
	};
	if (!iommu->kind)
		return error_set(
			error, EINVAL, "%s: there is no IOMMU of kind %s", desc->name, desc->kind);
	iommu->wire = (struct machine_iommu_wire){ on_event, on_resumed, iommu };
	iommu->model = iommu->kind->create(desc, machine->mem, &iommu->wire);
	if (!iommu->model)
		return no_memory(error, desc->name);
	iommu->kind->set_detail(iommu->model, machine_on_detail, iommu);
	return probe_iommu(machine, iommu, error);
}

static int init_iommus(struct machine *machine, struct error *error)
{
	const struct host_desc *desc = &machine->desc;
	int err = 0;

	machine->iommus = calloc(desc->n_iommus + 1, sizeof(*machine->iommus));
	if (!machine->iommus)
		return no_memory(error, "the IOMMUs");
	while (!err && machine->n_iommus < desc->n_iommus) {
		unsigned i = machine->n_iommus++;

		err = init_iommu(machine, &machine->iommus[i], &desc->iommus[i], error);
	}
	return err;
}

static void finish_iommus(struct machine *machine)
{
	while (machine->n_iommus) {
		struct machine_iommu *iommu = &machine->iommus[--machine->n_iommus];

		if (iommu->iommu) {
			hostlock_lock(&machine->lock);
			iommu_unregister(iommu->iommu);
			iommu->iommu->ops->destroy(iommu->iommu);
			iommu->iommu = NULL;
			hostlock_unlock(&machine->lock);
		}
		if (iommu->model)
			iommu->kind->destroy(iommu->model);
	}
	free(machine->iommus);
}

/* ---- groups ------------------------------------------------------------------------------- */

struct machine_group *machine_find_group(struct machine *machine, int id)
{
	for (unsigned i = 0; i < machine->n_groups; i++) {
		if (machine->groups[i].iommu.id == id)
			return &machine->groups[i];
	}
	return NULL;
}

static void add_group(struct machine *machine, int id, struct iommu *behind)
{
	struct iommu_group *group = &machine->groups[machine->n_groups++].iommu;

	group->id = id;
	snprintf(group->name, sizeof(group->name), "%d", id);
	CDS_INIT_LIST_HEAD(&group->devices);
	group->iommu = behind;
}

static int init_groups(struct machine *machine, struct error *error)
{
	const struct host_desc *desc = &machine->desc;

	machine->groups = calloc(desc->n_devices + 1, sizeof(*machine->groups));
	if (!machine->groups)
		return no_memory(error, "the groups");
	for (unsigned i = 0; i < desc->n_devices; i++) {
		const struct host_device *dev = &desc->devices[i];
		int iommu = desc->buses[dev->bus].iommu;

		if (dev->group >= 0 && !machine_find_group(machine, dev->group))
			add_group(machine, dev->group, machine->iommus[iommu].iommu);
	}
	return 0;
}

/* ---- devices ------------------------------------------------------------------------------ */

struct machine_device *machine_find_device(struct machine *machine, const char *name)
{
	for (unsigned i = 0; i < machine->n_devices; i++) {
		if (!strcmp(machine->devices[i].pci.name, name))
			return &machine->devices[i];
	}
	return NULL;
}

/** Wire a device's DMA through its IOMMU: translation, port, StreamID (the requester ID). */
static int wire(struct machine_device *dev, struct machine_iommu *iommu, struct error *error)
{
	dev->pci.master.sid = pci_requester_id(&dev->pci);
	dev->port = iommu->kind->port_create(iommu->model, dev->pci.master.sid);
	if (!dev->port)
		return no_memory(error, dev->pci.name);
	dev->pci.master.translate = iommu->kind->translate;
	dev->pci.master.forget = iommu->kind->forget;
	dev->pci.master.ctx = iommu->model;
	dev->pci.master.port = dev->port;
	return 0;
}

/*
 * A device behind no IOMMU puts physical addresses on the bus; they reach what lasts as long as the
 * machine: BARs and the doorbell. FIDELITY: on Linux they reach all memory. Here that would be the
 * tables that host drivers trust, and programs' memory, which goes away when it is unmapped while
 * nobody waits for this device (there is no port).
 */
static int translate_bare(
	void *ctx, struct port *port, const struct dma_txn *txn, struct dma_span *span)
{
	static const struct {
		uint64_t pa, bytes;
	} reached[] = {
		{ MSI_PAGE, MSI_BYTES },
		{ BAR_BASE, BAR_END - BAR_BASE },
	};

	for (unsigned i = 0; i < ARRAY_LEN(reached); i++) {
		uint64_t off = txn->iova.v - reached[i].pa;

		if (off >= reached[i].bytes)
			continue;
		*span = (struct dma_span){ NB_PA(txn->iova.v), reached[i].bytes - off };
		return DMA_TRANSLATED;
	}
	return DMA_TXN_ABORTS;
}

static void unwire(struct machine_device *dev, struct machine_iommu *iommu)
{
	if (!dev->port)
		return;
	nb_assert(iommu && iommu->kind); /* who has a port is behind an IOMMU */
	iommu->kind->port_destroy(dev->port);
}

static struct machine_iommu *iommu_of_device(struct machine *machine, unsigned i)
{
	int iommu = machine->desc.buses[machine->desc.devices[i].bus].iommu;

	return iommu < 0 ? NULL : &machine->iommus[iommu];
}

/** Give each BAR an address of its own; those that memory stands behind can be reached there. */
static int place_bars(
	struct machine *machine, struct machine_device *dev, uint64_t *next, struct error *error)
{
	for (unsigned i = 0; i < PCI_BARS; i++) {
		uint64_t bytes = MAX(dev->pci.model->bars[i].bytes, BIT64(NB_MEM_SLOT_LG2));
		uint64_t pa = align_up(*next, bytes);
		struct nb_extent *extent = &dev->pci.bar_extent[i];

		if (!dev->pci.model->bars[i].bytes)
			continue;
		if (bytes > BAR_END - BAR_BASE || pa > BAR_END - bytes)
			return error_set(error, ENOSPC,
				"%s: no room for BAR %u: all BARs of a host must fit 2 GiB",
				dev->pci.name, i);
		extent->pa = NB_PA(pa);
		*next = pa + bytes;
		if (extent->ptr && nb_mem_add(machine->mem, extent) < 0) {
			extent->ptr = NULL;
			return no_memory(error, dev->pci.name);
		}
	}
	return 0;
}

static void unplace_bars(struct machine *machine, struct machine_device *dev)
{
	for (unsigned i = 0; i < PCI_BARS; i++) {
		struct nb_extent *extent = &dev->pci.bar_extent[i];

		if (extent->ptr && extent->pa.v)
			nb_mem_remove(machine->mem, extent);
	}
}

static void join_group(struct machine *machine, struct machine_device *dev,
	const struct host_device *desc, struct machine_iommu *behind)
{
	struct machine_group *group = machine_find_group(machine, desc->group);

	snprintf(dev->iommu.name, sizeof(dev->iommu.name), "%s", desc->at);
	dev->iommu.bus = iommu_find_bus(&machine->iommu, "pci");
	dev->iommu.driver = desc->driver[0] ? desc->driver : NULL;
	dev->iommu.sid = pci_requester_id(&dev->pci);
	dev->iommu.iommu = behind ? behind->iommu : NULL;
	CDS_INIT_LIST_HEAD(&dev->iommu.group_link);
	pthread_mutex_init(&dev->iommu.fault_lock, NULL);
	if (!group)
		return;
	dev->iommu.group = &group->iommu;
	cds_list_add_tail(&dev->iommu.group_link, &group->iommu.devices);
}

/** /dev/vfio/noiommu-N: Linux numbers them out of the same space as real groups. */
static unsigned free_noiommu_number(struct machine *machine, unsigned *next)
{
	while (machine_find_group(machine, (int)*next))
		++*next;
	return (*next)++;
}

/** Where the next of its kind goes. */
struct placement {
	uint64_t bar;
	unsigned noiommu;
};

/* What the device's stream needs of the host's RAM, so that attaching it takes none. */
static int probe_device(struct machine *machine, struct machine_device *dev, struct error *error)
{
	struct why why = { 0 };
	int err;

	hostlock_lock(&machine->lock);
	err = iommu_probe_device(&dev->iommu, &why);
	hostlock_unlock(&machine->lock);
	return err ? error_set(error, -err, "%s: %s", dev->iommu.name, why.missing) : 0;
}

static int init_device(
	struct machine *machine, unsigned i, struct placement *place, struct error *error)
{
	struct machine_device *dev = &machine->devices[i];
	const struct host_device *desc = &machine->desc.devices[i];
	struct machine_iommu *behind = iommu_of_device(machine, i);
	const struct pci_model *model = dev_model_find(desc->model);
	int err;

	if (!model)
		return error_set(error, EINVAL, "%s: there is no model %s", desc->at, desc->model);
	err = pci_dev_init(&dev->pci, model, desc->at, desc->options, machine->mem, error);
	if (err)
		return err;
	machine->n_devices = i + 1; /* from here on destroy knows it */
	dev->machine = machine;
	dev->pci.event = machine_on_pci_event;
	dev->pci.master.aborted = machine_on_abort;
	dev->pci.master.aborted_ctx = dev;
	join_group(machine, dev, desc, behind);
	err = place_bars(machine, dev, &place->bar, error);
	if (!err && behind)
		err = wire(dev, behind, error);
	if (!behind)
		dev->pci.master.translate = translate_bare;
	if (!err)
		err = probe_device(machine, dev, error);
	if (!err && !behind && machine->desc.noiommu)
		dev->noiommu_group = free_noiommu_number(machine, &place->noiommu);
	return err;
}

static int init_devices(struct machine *machine, struct error *error)
{
	struct placement place = { .bar = BAR_BASE };
	unsigned n = machine->desc.n_devices;
	int err = 0;

	machine->devices = calloc(n + 1, sizeof(*machine->devices));
	if (!machine->devices)
		return no_memory(error, "the devices");
	for (unsigned i = 0; !err && i < n; i++)
		err = init_device(machine, i, &place, error);
	if (!err && machine_drivers_init(machine))
		err = no_memory(error, "the drivers");
	return err;
}

static void finish_devices(struct machine *machine)
{
	while (machine->n_devices) {
		unsigned i = --machine->n_devices;
		struct machine_device *dev = &machine->devices[i];

		unwire(dev, iommu_of_device(machine, i));
		unplace_bars(machine, dev);
		free(dev->driver_override);
		pthread_mutex_destroy(&dev->iommu.fault_lock);
		pci_dev_finish(&dev->pci);
	}
	free(machine->devices);
}

/* ---- the whole ---------------------------------------------------------------------------- */

struct machine *machine_create(const struct host_desc *desc, struct error *error)
{
	struct machine *machine = calloc(1, sizeof(*machine));

	if (!machine) {
		no_memory(error, "all");
		return NULL;
	}
	port_init_process(false);
	machine->desc = *desc;
	hostlock_init(&machine->lock);
	pthread_mutex_init(&machine->fault_lock, NULL);
	iommu_system_init(&machine->iommu);
	if (init_memory(machine, error) < 0 || init_iommus(machine, error) < 0 ||
		init_groups(machine, error) < 0 || init_devices(machine, error) < 0) {
		machine_destroy(machine);
		return NULL;
	}
	return machine;
}

void machine_destroy(struct machine *machine)
{
	if (!machine)
		return;
	machine_drivers_finish(machine);
	finish_devices(machine);
	free(machine->groups);
	finish_iommus(machine);
	finish_memory(machine);
	pthread_mutex_destroy(&machine->fault_lock);
	hostlock_finish(&machine->lock);
	free(machine);
}

bool machine_iommu_nests(struct machine *machine, unsigned iommu, struct why *why)
{
	struct iommu_domain *domain;
	bool nests = false;

	hostlock_lock(&machine->lock);
	if (!iommu_domain_alloc(
		    machine->iommus[iommu].iommu, IOMMU_DOMAIN_STAGE1, NULL, &domain, why)) {
		nests = !iommu_domain_set_attr(domain, DOMAIN_ATTR_NESTING, true, why);
		iommu_domain_free(domain);
	}
	hostlock_unlock(&machine->lock);
	return nests;
}

void machine_counts(struct machine *machine, struct machine_counts *counts)
{
	hostlock_lock(&machine->lock);
	*counts = (struct machine_counts){
		.domains = machine->iommu.stats.domains,
		.attachments = machine->iommu.stats.attachments,
		.mappings = machine->mappings,
		.table_bytes = ram_used(machine->ram),
		.program_bytes = physmap_used(machine->physmap),
		.vectors = msi_vectors(machine->msi),
	};
	hostlock_unlock(&machine->lock);
}

bool machine_step(struct machine *machine, uint64_t budget)
{
	bool busy = false;

	machine_settle_faults(machine);
	for (unsigned i = 0; i < machine->n_devices; i++) {
		struct pci_dev *dev = &machine->devices[i].pci;

		pthread_mutex_lock(&dev->lock);
		busy |= pci_dev_step(dev, budget);
		pthread_mutex_unlock(&dev->lock);
	}
	return busy;
}

void machine_await_steps(struct machine *machine)
{
	for (unsigned i = 0; i < machine->n_devices; i++) {
		struct pci_dev *dev = &machine->devices[i].pci;

		pthread_mutex_lock(&dev->lock);
		pthread_mutex_unlock(&dev->lock);
	}
}
