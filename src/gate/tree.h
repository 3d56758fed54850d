/* SPDX-License-Identifier: MIT */
/*
 * What a box shows below /sys and /dev instead of the host's: a list of directories, files, links
 * and device nodes, generated from the machine (tree.c), created by the launcher in the box's own
 * mount namespace (namespace.c).
 *
 * An entry replaces what the host has at that path, and a TREE_DIR replaces all that the host has
 * below it. Directories that are only named as the beginning of an entry's path are shared: the
 * host's own entries stay beside ours.
 */
#ifndef GATE_TREE_H
#define GATE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/machine.h"

enum tree_kind {
	TREE_DIR,
	TREE_FILE,   /* regular, content of len bytes */
	TREE_LINK,   /* content: the target */
	TREE_NODE,   /* a character device that the gate serves; looks like /dev/null (1:3) */
	TREE_HIDDEN, /* the host's, if it has one, does not appear */
};

/** What opening a node means. */
enum tree_node {
	NODE_CONTAINER,	    /* /dev/vfio/vfio */
	NODE_GROUP,	    /* /dev/vfio/ID */
	NODE_NOIOMMU_GROUP, /* /dev/vfio/noiommu-ID */
};

/** What a write to a file below /sys does (attr.c). */
enum tree_attr_kind {
	ATTR_NONE, /* nobody may write it */
	ATTR_BIND,
	ATTR_UNBIND,
	ATTR_NEW_ID,
	ATTR_REMOVE_ID,
	ATTR_PROBE,	/* drivers_probe */
	ATTR_AUTOPROBE, /* drivers_autoprobe */
	ATTR_UEVENT,
	ATTR_OVERRIDE,
	ATTR_ENABLE,
	ATTR_RESET,
	ATTR_RESET_METHOD,
	ATTR_CONFIG,
	ATTR_RESOURCE, /* resourceN */
};

struct tree_attr {
	enum tree_attr_kind kind;
	unsigned of; /* index of the device or driver in the machine */
};

struct tree_entry {
	enum tree_kind kind;
	char *path; /* absolute, in the box */
	char *content;
	size_t len;	       /* of content */
	unsigned mode;	       /* of a file; 0: whoever may look may read */
	uint64_t sparse;       /* of a file that has a size but no content */
	struct tree_attr attr; /* of a file */
	enum tree_node node;
	int id;	     /* group number */
	bool absent; /* a node that is not to be seen now (tree_absent_path) */
	/* Filled by the launcher, from inside the box: how the gate recognises an open of it. */
	uint64_t mnt_id, ino, dev;
};

struct tree {
	struct tree_entry *entries;
	size_t n, room;
};

/**
 * All that a program may look for of this machine, as it is now. Host lock held, where other threads
 * are. admin: the program is root's, which may read all of configuration space. 0 or -ENOMEM.
 */
int tree_build(const struct machine *machine, bool admin, struct tree *tree);
/** Give a file other content. -ENOENT, -ENOMEM. */
int tree_set(struct tree *tree, const char *path, const char *content);
void tree_finish(struct tree *tree);

/** Configuration space as the host sees it. Without the device's lock. */
void tree_config(const struct pci_dev *pci, uint8_t config[PCI_CONFIG_BYTES]);
/** How much of it who is not root may read (Linux 7.3 pci_read_config). */
#define TREE_CONFIG_ORDINARY 64

/** "1\n": what `enable` and `power_state` say of a device. Host lock held. */
void tree_enable_text(const struct machine_device *dev, char buf[16]);
const char *tree_power_text(const struct pci_dev *pci);

/** Where a node lies while it is absent: below TREE_REPORT_DIR. */
void tree_absent_path(const struct tree_entry *node, char *buf, size_t size);

/** Where the supervisor writes reports for the program; its own TREE_DIR. */
#define TREE_REPORT_DIR "/dev/nestbox"
#define TREE_ABSENT_DIR TREE_REPORT_DIR "/.absent"

#endif
