/* SPDX-License-Identifier: MIT */
/*
 * A simulated PCI Express endpoint: configuration space as permission tables, capabilities, BARs,
 * its interrupts (MSI-X, MSI, INTx), and the model behind it. Models (src/dev) are passive: they never block and own no thread
 * (design 10). Someone steps them: the gate's poller, a test, an embedder.
 *
 * Locking: `lock` (a leaf of the host lock) guards everything below it, and is held around every
 * call of the model. A step is bounded by its budget, so the lock is held for a bounded time.
 */
#ifndef PCI_PCI_H
#define PCI_PCI_H

#include <pthread.h>
#include <sys/types.h>

#include "base/error.h"
#include "mem/dma.h"

#define PCI_CONFIG_BYTES 4096
#define PCI_BARS	 6
#define PCI_REGIONS	 11 /* BARs, ROM, configuration space, VGA, and two that the host may add */

struct pci_dev;

struct pci_id {
	uint16_t vendor, device, subsystem_vendor, subsystem_device;
	uint32_t class_code; /* 24 bits: class, subclass, prog-if */
	uint8_t revision;
};

/**
 * A field of configuration space: its power-on value, the bits that software may write, the bits
 * that writing 1 clears. All others are read-only.
 */
struct pci_field {
	uint16_t off; /* from the start of the header or capability; of a model, absolute */
	uint8_t width;
	uint32_t value, rw, w1c;
};

struct pci_bar {
	uint64_t bytes; /* power of two; 0: not there */
	bool mem64;	/* takes two slots */
	bool prefetch;
	bool mmap; /* registers work under the polled contract (src/dev/ioat/poll.c) */
};

/** One option of a model, settable from the host description. */
struct pci_option {
	const char *key;
	const char *doc;
	uint64_t min, max, dflt;
};

/** A device model: one folder under src/dev and one row in src/dev/models.c. */
struct pci_model {
	const char *name; /* "ioat" */
	const char *doc;  /* one line for `nestbox devices` */
	struct pci_id id;
	struct pci_bar bars[PCI_BARS];
	unsigned msix_vectors; /* table and PBA are placed by the endpoint, in msix_bar */
	unsigned msix_bar;
	const struct pci_field
		*config; /* registers of its own beside the capabilities; may be NULL */
	unsigned n_config;
	const struct pci_option *options; /* ends with key NULL; may be NULL */
	size_t state_bytes;		  /* of dev->state, zeroed */

	/** options: values in the order of the table. Sets dev->intx and dev->msi too. */
	void (*init)(struct pci_dev *dev, const uint64_t *options);
	void (*finish)(struct pci_dev *dev); /* may be NULL */
	/** Function-level reset; also at first open. */
	void (*reset)(struct pci_dev *dev);
	/** Software wrote to its registers in configuration space, or to others; may be NULL. */
	void (*config_written)(struct pci_dev *dev, unsigned off, unsigned size);
	/**
	 * Look at registers that the program stores to directly and do at most about `budget` bytes
	 * of work. True: something happened, or more is to be done.
	 */
	bool (*step)(struct pci_dev *dev, uint64_t budget);
	/** Trapped access with exact side effects; size 1, 2, 4 or 8, inside the BAR. */
	uint64_t (*mmio_read)(struct pci_dev *dev, unsigned bar, uint64_t off, unsigned size);
	void (*mmio_write)(
		struct pci_dev *dev, unsigned bar, uint64_t off, uint64_t val, unsigned size);
	/** The name of the register there, for traces; false: it has none. May be NULL. */
	bool (*register_name)(unsigned bar, uint64_t off, char *buf, size_t size);
};

/** What a device does by itself, for traces. */
struct pci_event {
	const char *kind; /* "interrupt", "reset" */
	const char *name; /* "MSIX", "FLR" */
	unsigned vector;
	/* Of a message "delivered", "pending" or "lost", of a pin "asserted" or "deasserted"; NULL:
	 * there is none. */
	const char *outcome;
};

struct pci_msix_vector {
	bool armed; /* the host programmed addr and data */
	bool masked, pending;
	bool stalled;  /* pending, since its write stalled */
	uint64_t addr; /* what the device writes: an IOVA (design 13) */
	uint32_t data;
};

/** The wire of a function's interrupt pin, as a message of PCI Express (6.1.2). */
struct pci_intx {
	bool present;	       /* the model's: it has an interrupt pin */
	void (*fn)(void *ctx); /* the host's handler, see pci_intx_connect; NULL: none */
	void *ctx;
};

struct pci_msi {
	unsigned vectors; /* the model's: a power of two up to 32, 0: no capability */
	bool maskable;	  /* the model's: with mask and pending bits */
	uint32_t stalled; /* vectors whose write stalled, by number; pending, if that can be seen */
};

struct pci_dev {
	char name[32]; /* "0000:01:00.0" */
	uint16_t segment;
	uint8_t bus, devfn;
	const struct pci_model *model;
	void *state; /* the model's */
	pthread_mutex_t lock;

	uint8_t config[PCI_CONFIG_BYTES];
	uint8_t config_rw[PCI_CONFIG_BYTES];  /* bits that a write changes ... */
	uint8_t config_w1c[PCI_CONFIG_BYTES]; /* ... and that writing 1 clears; from the tables */
	uint16_t cap_pcie, cap_msix, cap_msi, cap_pm; /* offsets, 0: none */

	int memfd;			 /* sparse; region i's pages at pci_region_offset(i) */
	volatile uint8_t *bar[PCI_BARS]; /* this process's mapping of them, NULL: none */
	struct nb_extent bar_extent[PCI_BARS]; /* for peer-to-peer, once the machine placed them */

	struct pci_intx intx;
	struct pci_msi msi;
	struct pci_msix_vector *msix;
	uint64_t msix_table, msix_pba; /* offsets in BAR model->msix_bar */
	struct dma_master master;
	unsigned opens; /* stepped only while > 0, memory and bus-master enabled */
	bool suspended; /* the host has put it into a low power state */
	bool messages;	/* some message's write stalled: the next step tries again */
	/** Told of each event, lock held: never waits. May be NULL. */
	void (*event)(struct pci_dev *dev, const struct pci_event *event);
};

/**
 * 0, or a negative errno with a message. options in the order of model->options; NULL: the
 * defaults. mem is borrowed; who owns the IOMMU then sets the master's translate, ctx, port and sid
 * (which is the requester ID at first). The machine may set the multi-function bit in config[0x0e].
 */
int pci_dev_init(struct pci_dev *dev, const struct pci_model *model, const char *name,
	const uint64_t *options, const struct nb_mem *mem, struct error *error);
void pci_dev_finish(struct pci_dev *dev);

static inline uint16_t pci_requester_id(const struct pci_dev *dev)
{
	return (uint16_t)(dev->bus << 8 | dev->devfn);
}

/**
 * Region offsets in the device's memfd and on its descriptors. DPDK hard-codes 7 << 40 for
 * configuration space; nothing may be at 0, where copies read that we do not see. BAR i is at (8 + i) << 40.
 */
static inline uint64_t pci_region_offset(unsigned region)
{
	return (uint64_t)(region == 7 ? 7 : 8 + region) << 40;
}

/**
 * Without the lock: the name of the register at off of a region (a BAR, or 7: configuration space),
 * for people. False: it has none.
 */
bool pci_register_name(
	const struct pci_dev *dev, unsigned region, uint64_t off, char *buf, size_t size);

/* All below: lock held. */

/** As hardware (the host's own access): masks of the permission table apply. size 1, 2, 4. */
uint32_t pci_config_read(struct pci_dev *dev, unsigned off, unsigned size);
void pci_config_write(struct pci_dev *dev, unsigned off, uint32_t val, unsigned size);

/** For models: set bits of a register of theirs, whatever software may write there. size 1, 2, 4. */
void pci_config_set(struct pci_dev *dev, unsigned off, uint32_t bits, unsigned size);

/** Power-on values, BARs 0 and all disabled. */
void pci_config_reset(struct pci_dev *dev);

bool pci_memory_enabled(const struct pci_dev *dev);
bool pci_bus_master_enabled(const struct pci_dev *dev);

/** To D0, from whatever state: what was enabled before works again. */
void pci_dev_power_on(struct pci_dev *dev);
/**
 * The host's runtime power management: while suspended the function neither answers nor starts
 * anything, whatever PMCSR says; it is in D0 afterwards.
 */
void pci_dev_suspend(struct pci_dev *dev, bool suspend);

/**
 * Function-level reset as Linux's pci_reset_function does it: the function is put into D0, and
 * configuration space is saved and put back, so what goes is the model's state, what the BARs hold,
 * and pending interrupts.
 */
void pci_dev_reset(struct pci_dev *dev);
/**
 * What DMA of other devices finds at offset pos of the memfd, where the program maps it for DMA:
 * memory, or a hole, where nobody answers. *bytes: in, how many are meant; out, how many are alike.
 * False: memory is disabled, and nothing answers now. Without the lock.
 */
bool pci_dma_target(struct pci_dev *dev, uint64_t pos, uint64_t *bytes, bool *hole);
/** Does nothing (false) unless open, memory and bus-master enabled. */
bool pci_dev_step(struct pci_dev *dev, uint64_t budget);

/**
 * Trapped access, size 1, 2, 4 or 8. All ones, or ignored: memory disabled, outside the BAR, or on
 * the MSI-X table, which is the host's (Linux 7.3 vfio_pci_rdwr: filled with -1, dropped). The PBA
 * can be read.
 */
uint64_t pci_bar_read(struct pci_dev *dev, unsigned bar, uint64_t off, unsigned size);
void pci_bar_write(struct pci_dev *dev, unsigned bar, uint64_t off, uint64_t val, unsigned size);

/** The host programs or clears a vector; the program's own table writes are virtualised. */
void pci_msix_set(struct pci_dev *dev, unsigned vector, uint64_t addr, uint32_t data);
void pci_msix_clear(struct pci_dev *dev, unsigned vector);
void pci_msix_mask(struct pci_dev *dev, unsigned vector, bool masked);
void pci_msix_enable(struct pci_dev *dev, bool enable);

/** For models: a message of MSI-X or nothing; a masked or unprogrammed vector becomes pending. */
void pci_msix_raise(struct pci_dev *dev, unsigned vector);

/** Address, first data and log2 of the number of vectors, as the host's driver writes them. */
void pci_msi_set(struct pci_dev *dev, uint64_t addr, uint16_t data, unsigned vectors_lg2);
/** Nothing where the capability has no mask bits. */
void pci_msi_mask(struct pci_dev *dev, unsigned vector, bool masked);
void pci_msi_enable(struct pci_dev *dev, bool enable);
bool pci_msi_enabled(const struct pci_dev *dev);
/** For models: a message of MSI or nothing; a masked vector becomes pending. */
void pci_msi_raise(struct pci_dev *dev, unsigned vector);

/**
 * For models: the level of the interrupt pin, which Status.Interrupt Status shows. It stays until
 * the model takes it back; MSI, MSI-X and Command.INTx Disable keep it from the wire.
 */
void pci_intx_set(struct pci_dev *dev, bool asserted);
/** Status.Interrupt Status, whether or not it reaches the wire. */
bool pci_intx_asserted(const struct pci_dev *dev);
/** Command.INTx Disable. */
void pci_intx_disable(struct pci_dev *dev, bool disable);
/**
 * The host's handler (NULL: none), called with the lock held whenever the wire is seen active: it
 * must set INTx Disable, or note that it is masked, since the level stays. At once, if it is.
 */
void pci_intx_connect(struct pci_dev *dev, void (*fn)(void *ctx), void *ctx);

/**
 * For models: raise interrupt n in whatever way is enabled: MSI-X, MSI, or else the level of the
 * pin, which the model must take back (pci_intx_set) once the driver has acknowledged. Messages are
 * DMA writes (design 13).
 */
void pci_irq_raise(struct pci_dev *dev, unsigned n);

#endif
