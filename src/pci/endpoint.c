/* SPDX-License-Identifier: MIT */
/* The life of an endpoint: what its parts and its model are put together from, reset, stepping. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "pci/internal.h"

/* "0000:01:00.0": segment, bus, device and function. */
static int parse_name(struct pci_dev *dev, const char *name, struct error *error)
{
	unsigned segment, bus, slot, function;
	int end = 0;

	if (sscanf(name, "%4x:%2x:%2x.%1x%n", &segment, &bus, &slot, &function, &end) != 4 ||
		name[end] || slot > 31 || function > 7)
		return error_set(error, EINVAL, "%s: not a PCI address (0000:01:00.0)", name);
	snprintf(dev->name, sizeof(dev->name), "%s", name);
	dev->segment = (uint16_t)segment;
	dev->bus = (uint8_t)bus;
	dev->devfn = (uint8_t)(slot << 3 | function);
	return 0;
}

static int init_parts(struct pci_dev *dev, const struct nb_mem *mem, struct error *error)
{
	int err = pci_bars_init(dev, error);

	if (err)
		return err;
	dev->state = calloc(1, MAX(dev->model->state_bytes, 1));
	if (!dev->state || !pci_msix_init(dev) || dma_master_init(&dev->master, mem) < 0)
		return error_set(error, ENOMEM, "%s: out of memory", dev->name);
	dev->master.sid = pci_requester_id(dev);
	return 0;
}

/* What the model has in configuration space (its interrupts) it says in init. */
static void init_model(struct pci_dev *dev, const uint64_t *options)
{
	const struct pci_option *table = dev->model->options;
	uint64_t defaults[16] = { 0 };

	if (!options && table) {
		for (unsigned i = 0; table[i].key && i < ARRAY_LEN(defaults); i++)
			defaults[i] = table[i].dflt;
		options = defaults;
	}
	dev->model->init(dev, options);
	pci_config_reset(dev);
	dev->model->reset(dev);
}

static void finish_parts(struct pci_dev *dev)
{
	dma_master_finish(&dev->master);
	pci_msix_finish(dev);
	free(dev->state);
	pci_bars_finish(dev);
	pthread_mutex_destroy(&dev->lock);
}

int pci_dev_init(struct pci_dev *dev, const struct pci_model *model, const char *name,
	const uint64_t *options, const struct nb_mem *mem, struct error *error)
{
	int err;

	memset(dev, 0, sizeof(*dev));
	dev->model = model;
	dev->memfd = -1;
	pthread_mutex_init(&dev->lock, NULL);
	err = parse_name(dev, name, error);
	if (!err)
		err = init_parts(dev, mem, error);
	if (err) {
		finish_parts(dev);
		return err;
	}
	init_model(dev, options);
	return 0;
}

void pci_dev_finish(struct pci_dev *dev)
{
	if (dev->model->finish)
		dev->model->finish(dev);
	finish_parts(dev);
}

void pci_tell(struct pci_dev *dev, const struct pci_event *event)
{
	if (dev->event)
		dev->event(dev, event);
}

void pci_tell_interrupt(struct pci_dev *dev, const char *name, unsigned vector, const char *outcome)
{
	pci_tell(dev,
		&(struct pci_event){
			.kind = "interrupt", .name = name, .vector = vector, .outcome = outcome });
}

void pci_dev_reset(struct pci_dev *dev)
{
	pci_msix_forget(dev);
	pci_msi_forget(dev);
	pci_intx_set(dev, false);
	pci_dev_power_on(dev);
	pci_bars_clear(dev);
	dev->model->reset(dev);
	pci_tell(dev, &(struct pci_event){ .kind = "reset", .name = "reset" });
}

bool pci_dev_step(struct pci_dev *dev, uint64_t budget)
{
	if (!dev->opens || !pci_memory_enabled(dev) || !pci_bus_master_enabled(dev))
		return false;
	if (dev->messages) {
		dev->messages = false;
		pci_irq_flush(dev);
	}
	return dev->model->step(dev, budget);
}
