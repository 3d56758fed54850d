/* SPDX-License-Identifier: MIT */
/* Configuration space as vfio-pci virtualises it. Linux 7.3 pci/vfio_pci_config.c. */
#include "conform/conform.h"

#define PERM(cap) "pci/vfio_pci_config.c init_pci_cap_" cap "_perm"
#define EXT(cap)  "pci/vfio_pci_config.c init_pci_ext_cap_" cap "_perm"
#define SINGLE	  "pci/vfio_pci_config.c vfio_pci_config_rw_single"
#define READ	  "pci/vfio_pci_config.c vfio_default_config_read"
#define BASIC	  "pci/vfio_pci_config.c vfio_basic_config_write"
#define FIXUP	  "pci/vfio_pci_config.c vfio_bar_fixup"
#define DIRECT	  "pci/vfio_pci_config.c vfio_direct_config_read"
#define PM_WRITE  "pci/vfio_pci_config.c vfio_pm_config_write"
#define EXP_WRITE "pci/vfio_pci_config.c vfio_exp_config_write"
#define RAW	  "pci/vfio_pci_config.c vfio_raw_config_write"
#define ECAP_INIT "pci/vfio_pci_config.c vfio_ecap_init"

/* Where the engine has its capabilities. */
#define COMMAND (CONFIG + 0x04)
#define BAR0	(CONFIG + 0x10)
#define MSIX_AT (CONFIG + 0x80)
#define EXP_AT	(CONFIG + 0x90)
#define PM_AT	(CONFIG + 0xe0)
#define AER_AT	(CONFIG + 0x100)
#define CHANCMP (REGION(0) + 0x98)

/* Steps: a write of bytes; a read of a word, a half, a byte. */
#define PUT(at, n, ...)                                                                            \
	{                                                                                          \
		PWRITE(DEVICE, at, __VA_ARGS__), n                                                 \
	}
#define IS(at, word)                                                                               \
	{                                                                                          \
		PREAD(DEVICE, at, 4), 4,                                                           \
		{                                                                                  \
			WORD(0, word)                                                              \
		}                                                                                  \
	}
#define IS2(at, half)                                                                              \
	{                                                                                          \
		PREAD(DEVICE, at, 2), 2,                                                           \
		{                                                                                  \
			{                                                                          \
				0, 2, half                                                         \
			}                                                                          \
		}                                                                                  \
	}
#define IS1(at, byte)                                                                              \
	{                                                                                          \
		PREAD(DEVICE, at, 1), 1,                                                           \
		{                                                                                  \
			BYTE(0, byte)                                                              \
		}                                                                                  \
	}
#define CHANGES .after.may = MAY_CONFIG

static const struct row rows[] = {
	/* ---- accesses ---- */
	{ "all of it", SINGLE, DEV, PREAD(DEVICE, CONFIG, 4096), 4096,
		.see = { WORD(0, 0x20218086) } },
	{ "nothing of it", "pci/vfio_pci_core.c vfio_pci_core_read", DEV, PREAD(DEVICE, CONFIG, 0),
		0 },
	{ "more than there is", SINGLE, DEV, PREAD(DEVICE, CONFIG, 4097), -EFAULT,
		"beyond-region" },
	{ "read across the end", SINGLE, DEV, PREAD(DEVICE, CONFIG + 4094, 4), -EFAULT,
		"beyond-region" },
	{ "write across the end", SINGLE, DEV, PWRITE(DEVICE, CONFIG + 4094, 0, 0, 0, 0), -EFAULT,
		"beyond-region" },
	{ "read at the end", SINGLE, DEV, PREAD(DEVICE, CONFIG + 4096, 1), -EFAULT,
		"beyond-region" },
	{ "read far behind the end", SINGLE, DEV, PREAD(DEVICE, CONFIG + 0xffffffffffull, 1),
		-EFAULT, "beyond-region" },
	{ "the last word", SINGLE, DEV, PREAD(DEVICE, CONFIG + 4092, 4), 4, .see = { WORD(0, 0) } },
	{ "into nothing", SINGLE, DEV, PREAD_AT(DEVICE, CONFIG, HOLE, 4), -EFAULT, "bad-buffer" },
	{ "into read-only memory", SINGLE, DEV, PREAD_AT(DEVICE, CONFIG, RO, 4), -EFAULT,
		"bad-buffer" },
	{ "from nothing", SINGLE, DEV, PWRITE_AT(DEVICE, COMMAND, HOLE, 2), -EFAULT, "bad-buffer" },
	{ "three bytes", SINGLE, DEV, PREAD(DEVICE, CONFIG + 1, 3), 3,
		.see = { BYTE(0, 0x80), BYTE(1, 0x21), BYTE(2, 0x20) } },
	{ "a word, not aligned", SINGLE, DEV, PREAD(DEVICE, CONFIG + 2, 4), 4,
		.see = { BYTE(0, 0x21), BYTE(1, 0x20), BYTE(2, 0x02), BYTE(3, 0x00) } },
	{ "eight bytes", SINGLE, DEV, PREAD(DEVICE, CONFIG, 8), 8,
		.see = { WORD(0, 0x20218086), BYTE(4, 2), BYTE(5, 0) } },

	/* ---- the header ---- */
	{ "IDs are read-only", PERM("basic"), DEV, PWRITE(DEVICE, CONFIG, 1, 2, 3, 4), 4,
		.then = STEPS(IS(CONFIG, 0x20218086)) },
	{ "class and revision are read-only", PERM("basic"), DEV,
		PWRITE(DEVICE, CONFIG + 8, 1, 2, 3, 4), 4 },
	{ "the header's type is read-only", PERM("basic"), DEV, PWRITE(DEVICE, CONFIG + 0x0e, 1),
		1 },
	{ "subsystem IDs are read-only", PERM("basic"), DEV,
		PWRITE(DEVICE, CONFIG + 0x2c, 1, 2, 3, 4), 4 },
	{ "the list of capabilities is read-only", PERM("basic"), DEV,
		PWRITE(DEVICE, CONFIG + 0x34, 1), 1 },
	{ "reserved bytes are read-only", PERM("basic"), DEV,
		PWRITE(DEVICE, CONFIG + 0x35, 1, 2, 3, 4, 5, 6, 7), 7 },
	{ "status is read-only", PERM("basic"), DEV, PWRITE(DEVICE, CONFIG + 6, 0xff, 0xff), 2 },
	{ "status says that there are capabilities", PERM("basic"), DEV,
		PREAD(DEVICE, CONFIG + 6, 1), 1, .see = { BYTE(0, 0x10) } },
	{ "cache line size", PERM("basic"), DEV, PWRITE(DEVICE, CONFIG + 0x0c, 0x10), 1, CHANGES,
		.then = STEPS(IS1(CONFIG + 0x0c, 0x10)) },
	{ "latency timer: the device's is fixed", PERM("basic"), DEV,
		PWRITE(DEVICE, CONFIG + 0x0d, 0x10), 1 },
	{ "self test: the device has none", PERM("basic"), DEV, PWRITE(DEVICE, CONFIG + 0x0f, 0x40),
		1 },
	{ "interrupt line is a note", PERM("basic"), DEV, PWRITE(DEVICE, CONFIG + 0x3c, 0xab), 1,
		CHANGES, .then = STEPS(IS1(CONFIG + 0x3c, 0xab)) },
	{ "interrupt pin is read-only", PERM("basic"), DEV, PWRITE(DEVICE, CONFIG + 0x3d, 0xab),
		1 },
	{ "latencies behind it are read-only", PERM("basic"), DEV,
		PWRITE(DEVICE, CONFIG + 0x3e, 1, 2), 2 },

	/* ---- the command register ---- */
	{ "at open memory is enabled, bus mastering is not",
		"pci/vfio_pci_core.c vfio_pci_core_enable", DEV, PREAD(DEVICE, COMMAND, 2), 2,
		.see = { { 0, 2, 0x0002 } } },
	{ "bus mastering", BASIC, DEV, PWRITE(DEVICE, COMMAND, 6, 0), 2, CHANGES,
		.then = STEPS(IS2(COMMAND, 0x0006)) },
	{ "only its low byte", BASIC, DEV, PWRITE(DEVICE, COMMAND, 6), 1, CHANGES,
		.first = STEPS(PUT(COMMAND, 2, 2, 1)), .then = STEPS(IS2(COMMAND, 0x0106)) },
	{ "only its high byte", BASIC, DEV, PWRITE(DEVICE, COMMAND + 1, 1), 1, CHANGES,
		.first = STEPS(PUT(COMMAND, 2, 6, 0)), .then = STEPS(IS2(COMMAND, 0x0106)) },
	{ "with status behind it", BASIC, DEV, PWRITE(DEVICE, COMMAND, 6, 0, 0xff, 0xff), 4,
		CHANGES, .then = STEPS(IS(COMMAND, 0x00100006)) },
	{ "I/O: the device has none", BASIC, DEV, PWRITE(DEVICE, COMMAND, 3, 0), 2 },
	{ "reserved bits", BASIC, DEV, PWRITE(DEVICE, COMMAND, 2, 0xf8), 2 },
	{ "special cycles and VGA snoop: hardwired", BASIC, DEV, PWRITE(DEVICE, COMMAND, 0x3a, 0),
		2, CHANGES, .then = STEPS(IS2(COMMAND, 0x0002)) },
	{ "INTx disable", PERM("basic"), DEV, PWRITE(DEVICE, COMMAND, 2, 4), 2, CHANGES,
		.then = STEPS(IS2(COMMAND, 0x0402), PUT(COMMAND, 2, 2, 0), IS2(COMMAND, 0x0002)) },
	{ "memory off and on", BASIC, DEV, PWRITE(DEVICE, COMMAND, 2, 0), 2, CHANGES,
		.first = STEPS(PUT(COMMAND, 2, 0, 0), IS2(COMMAND, 0)),
		.then = STEPS(IS2(COMMAND, 2), { PREAD(DEVICE, CHANCMP, 8), 8 }) },
	{ "it is off again at the next open", "pci/vfio_pci_core.c vfio_pci_core_disable", DEV,
		PREAD(DEVICE, COMMAND, 2), 2, .see = { { 0, 2, 0x0002 } },
		.first = STEPS(PUT(COMMAND, 2, 6, 0), { CLOSE(DEVICE), 0 },
			{ OPEN_DEVICE(DEVICE, GROUP, DEV1), FD }) },

	/* ---- BARs ---- */
	{ "the size of a BAR", FIXUP, DEV, PWRITE(DEVICE, BAR0, 0xff, 0xff, 0xff, 0xff), 4, CHANGES,
		.then = STEPS(IS(BAR0, 0xffffc004)) },
	{ "the size of its high half", FIXUP, DEV, PWRITE(DEVICE, BAR0 + 4, 0xff, 0xff, 0xff, 0xff),
		4, CHANGES, .then = STEPS(IS(BAR0 + 4, 0xffffffff)) },
	{ "both halves at once", FIXUP, DEV,
		PWRITE(DEVICE, BAR0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 8, CHANGES,
		.then = STEPS(IS(BAR0, 0xffffc004), IS(BAR0 + 4, 0xffffffff)) },
	{ "an address", FIXUP, DEV, PWRITE(DEVICE, BAR0, 0x78, 0x56, 0x34, 0x12), 4, CHANGES,
		.then = STEPS(IS(BAR0, 0x12344004)) },
	{ "an address, byte by byte", FIXUP, DEV, PWRITE(DEVICE, BAR0 + 3, 0x12), 1, CHANGES,
		.first = STEPS(PUT(BAR0, 1, 0), PUT(BAR0 + 1, 1, 0x80), PUT(BAR0 + 2, 1, 0x34)),
		.then = STEPS(IS(BAR0, 0x12348004)) },
	{ "an address, not aligned", FIXUP, DEV, PWRITE(DEVICE, BAR0 + 1, 0xc0, 0x34, 0x12), 3,
		CHANGES, .then = STEPS(IS(BAR0, 0x1234c004)) },
	{ "zero", FIXUP, DEV, PWRITE(DEVICE, BAR0, 0, 0, 0, 0), 4, CHANGES,
		.then = STEPS(IS(BAR0, 0x00000004)) },
	{ "registers stay where they are", FIXUP, DEV, PWRITE(DEVICE, BAR0, 0, 0, 0, 0x50), 4,
		CHANGES, .then = STEPS({ PREAD(DEVICE, REGION(0) + 8, 1), 1, { BYTE(0, 0x34) } }) },
	{ "BARs that are not there", FIXUP, DEV,
		PWRITE(DEVICE, CONFIG + 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
			0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		16 },
	{ "no ROM", FIXUP, DEV, PWRITE(DEVICE, CONFIG + 0x30, 0xff, 0xff, 0xff, 0xff), 4 },
	{ "the address is the host's again at the next open",
		"pci/vfio_pci_config.c vfio_config_init", DEV,
		IOCTL(DEVICE, VFIO_DEVICE_RESET, VALUE(0)), 0,
		.first = STEPS({ CLOSE(DEVICE), 0 }, { OPEN_DEVICE(DEVICE, GROUP, DEV1), FD }) },

	/* ---- MSI-X ---- */
	{ "MSI-X is enabled by SET_IRQS alone", DIRECT, DEV, PWRITE(DEVICE, MSIX_AT + 2, 0, 0x80),
		2 },
	{ "nor masked", DIRECT, DEV, PWRITE(DEVICE, MSIX_AT + 3, 0x40), 1 },
	{ "nor disabled", DIRECT, DEV_MSIX, PWRITE(DEVICE, MSIX_AT + 2, 0, 0), 2 },
	{ "its ID", DIRECT, DEV, PREAD(DEVICE, MSIX_AT, 1), 1, .see = { BYTE(0, 0x11) } },
	{ "its ID and next are read-only", DIRECT, DEV, PWRITE(DEVICE, MSIX_AT, 0, 0), 2 },
	{ "its table is read-only", DIRECT, DEV, PWRITE(DEVICE, MSIX_AT + 4, 1, 2, 3, 4), 4 },
	{ "its pending bits' place is read-only", DIRECT, DEV,
		PWRITE(DEVICE, MSIX_AT + 8, 1, 2, 3, 4), 4 },
	{ "enabled, it says so", DIRECT, DEV_MSIX, PREAD(DEVICE, MSIX_AT + 3, 1), 1,
		.see = { BYTE(0, 0x80) } },

	{ "what is written there is not looked at", SINGLE, DEV,
		PWRITE_AT(DEVICE, MSIX_AT, HOLE, 12), 12 },
	{ "but where the access goes beyond it", SINGLE, DEV, PWRITE_AT(DEVICE, MSIX_AT, HOLE, 16),
		-EFAULT, "bad-buffer" },
	{ "what is written to other read-only places is", SINGLE, DEV,
		PWRITE_AT(DEVICE, EXP_AT, HOLE, 2), -EFAULT, "bad-buffer" },

	/* ---- PCI Express ---- */
	{ "its ID and next", PERM("exp"), DEV, PWRITE(DEVICE, EXP_AT, 0, 0), 2 },
	{ "its version and type", PERM("exp"), DEV, PWRITE(DEVICE, EXP_AT + 2, 0xff, 0xff), 2 },
	{ "its capabilities", PERM("exp"), DEV, PWRITE(DEVICE, EXP_AT + 4, 0xff, 0xff, 0xff, 0xff),
		4 },
	{ "device control: errors", PERM("exp"), DEV, PWRITE(DEVICE, EXP_AT + 8, 0x1f, 0x28), 2,
		CHANGES, .then = STEPS(IS2(EXP_AT + 8, 0x281f)) },
	{ "device control: payload is a copy", EXP_WRITE, DEV,
		PWRITE(DEVICE, EXP_AT + 8, 0xb0, 0x28), 2, CHANGES,
		.then = STEPS(IS2(EXP_AT + 8, 0x28b0)) },
	{ "device control: read request size", EXP_WRITE, DEV, PWRITE(DEVICE, EXP_AT + 9, 0x58), 1,
		CHANGES, .then = STEPS(IS2(EXP_AT + 8, 0x5810)) },
	{ "device control: even what no device knows", EXP_WRITE, DEV,
		PWRITE(DEVICE, EXP_AT + 9, 0x78), 1, CHANGES,
		.then = STEPS(IS2(EXP_AT + 8, 0x7810)) },
	{ "device control: phantom functions are the host's", PERM("exp"), DEV,
		PWRITE(DEVICE, EXP_AT + 8, 0x10, 0x2a), 2 },
	{ "device control: reset, which reads as zero", EXP_WRITE, DEV,
		PWRITE(DEVICE, EXP_AT + 8, 0x10, 0xa8), 2,
		.first = STEPS(PUT(CHANCMP, 8, 8, 1, 1, 1, 1, 1, 1, 1)),
		.then = STEPS({ PREAD(DEVICE, CHANCMP, 8), 8, { WORD(0, 0), WORD(1, 0) } }) },
	{ "device control: reset by its byte alone", EXP_WRITE, DEV,
		PWRITE(DEVICE, EXP_AT + 9, 0xa8), 1,
		.first = STEPS(PUT(CHANCMP, 8, 8, 1, 1, 1, 1, 1, 1, 1)),
		.then = STEPS({ PREAD(DEVICE, CHANCMP, 8), 8, { WORD(0, 0), WORD(1, 0) } }) },
	{ "device control: reset keeps bus mastering", EXP_WRITE, DEV,
		PWRITE(DEVICE, EXP_AT + 8, 0x10, 0xa8), 2, .first = STEPS(PUT(COMMAND, 2, 6, 0)),
		.then = STEPS(IS2(COMMAND, 6)) },
	{ "device control: reset keeps what the program wrote", EXP_WRITE, DEV,
		PWRITE(DEVICE, EXP_AT + 8, 0x50, 0xd8), 2, CHANGES,
		.first = STEPS(PUT(BAR0, 4, 0, 0, 0, 0x50)),
		.then = STEPS(IS2(EXP_AT + 8, 0x5850), IS(BAR0, 0x50000004)) },
	{ "device control: reset in D3hot, to D0", EXP_WRITE, DEV,
		PWRITE(DEVICE, EXP_AT + 8, 0x10, 0xa8), 2, CHANGES,
		.first = STEPS(PUT(PM_AT + 4, 2, 3, 0)),
		.then = STEPS(IS1(PM_AT + 4, 8), { PREAD(DEVICE, CHANCMP, 8), 8 }) },
	{ "device control: reset with MSI-X enabled", EXP_WRITE, DEV_MSIX,
		PWRITE(DEVICE, EXP_AT + 9, 0xa8), 1 },
	{ "device status is read-only", PERM("exp"), DEV, PWRITE(DEVICE, EXP_AT + 0x0a, 0xff, 0xff),
		2 },
	{ "device control and status at once", PERM("exp"), DEV,
		PWRITE(DEVICE, EXP_AT + 8, 0x1f, 0x28, 0xff, 0xff), 4, CHANGES,
		.then = STEPS(IS(EXP_AT + 8, 0x0000281f)) },
	{ "link control is read-only", PERM("exp"), DEV, PWRITE(DEVICE, EXP_AT + 0x10, 0xff, 0xff),
		2 },
	{ "device control 2", PERM("exp"), DEV, PWRITE(DEVICE, EXP_AT + 0x28, 0xff, 0xff), 2,
		CHANGES, .then = STEPS(IS2(EXP_AT + 0x28, 0x0010)) },
	{ "link control 2 is read-only", PERM("exp"), DEV,
		PWRITE(DEVICE, EXP_AT + 0x30, 0xff, 0xff), 2 },

	/* ---- power management ---- */
	{ "its capabilities, without PME", PERM("pm"), DEV, PREAD(DEVICE, PM_AT + 2, 2), 2,
		.see = { { 0, 2, 0x0003 } } },
	{ "are read-only", PERM("pm"), DEV, PWRITE(DEVICE, PM_AT + 2, 0xff, 0xff), 2 },
	{ "D3hot", PM_WRITE, DEV, PWRITE(DEVICE, PM_AT + 4, 3, 0), 2, CHANGES,
		.then = STEPS(IS2(PM_AT + 4, 0x000b), { PREAD(DEVICE, CHANCMP, 8), -EIO }) },
	{ "D3hot, by one byte", PM_WRITE, DEV, PWRITE(DEVICE, PM_AT + 4, 3), 1, CHANGES,
		.then = STEPS(IS2(PM_AT + 4, 0x000b)) },
	{ "D3hot, by four", PM_WRITE, DEV, PWRITE(DEVICE, PM_AT + 4, 3, 0, 0, 0), 4, CHANGES,
		.then = STEPS(IS2(PM_AT + 4, 0x000b)) },
	{ "D1 is not there", PM_WRITE, DEV, PWRITE(DEVICE, PM_AT + 4, 1, 0), 2 },
	{ "D2 is not there", PM_WRITE, DEV, PWRITE(DEVICE, PM_AT + 4, 2, 0), 2 },
	{ "D1 from D3hot", PM_WRITE, DEV, PWRITE(DEVICE, PM_AT + 4, 1, 0), 2,
		.first = STEPS(PUT(PM_AT + 4, 2, 3, 0)) },
	{ "back to D0", PM_WRITE, DEV, PWRITE(DEVICE, PM_AT + 4, 0, 0), 2, CHANGES,
		.first = STEPS(PUT(CHANCMP, 8, 8, 1, 1, 1, 1, 1, 1, 1), PUT(PM_AT + 4, 2, 3, 0)),
		.then = STEPS({ PREAD(DEVICE, CHANCMP, 8), 8, { WORD(0, 0x01010108) } }) },
	{ "the state by its high byte is none", PM_WRITE, DEV, PWRITE(DEVICE, PM_AT + 5, 3), 1 },
	{ "PME can be neither enabled nor cleared", PERM("pm"), DEV,
		PWRITE(DEVICE, PM_AT + 4, 0, 0x81), 2 },
	{ "in D3hot the command register is kept", PM_WRITE, DEV, PREAD(DEVICE, COMMAND, 2), 2,
		.see = { { 0, 2, 6 } },
		.first = STEPS(PUT(COMMAND, 2, 6, 0), PUT(PM_AT + 4, 2, 3, 0)) },
	{ "in D3hot the command register can be written", BASIC, DEV, PWRITE(DEVICE, COMMAND, 6, 0),
		2, CHANGES, .first = STEPS(PUT(PM_AT + 4, 2, 3, 0)),
		.then = STEPS(IS2(COMMAND, 6), { PREAD(DEVICE, CHANCMP, 8), -EIO }) },
	{ "D3hot ends with the device's last close", "pci/vfio_pci_core.c vfio_pci_core_disable",
		DEV, PREAD(DEVICE, CHANCMP, 8), 8,
		.first = STEPS(PUT(PM_AT + 4, 2, 3, 0), { CLOSE(DEVICE), 0 },
			{ OPEN_DEVICE(DEVICE, GROUP, DEV1), FD }) },

	/* ---- the extended space ---- */
	{ "error reporting leads the list", ECAP_INIT, DEV, PREAD(DEVICE, AER_AT, 2), 2,
		.see = { { 0, 2, 1 } } },
	{ "what vfio-pci does not know is not in it", ECAP_INIT, DEV, PREAD(DEVICE, AER_AT, 4), 4,
		.see = { WORD(0, 0x1a020001) } },
	{ "the serial number ends it", ECAP_INIT, DEV, PREAD(DEVICE, CONFIG + 0x1a0, 4), 4,
		.see = { WORD(0, 0x00010003) } },
	{ "headers are read-only", EXT("err"), DEV, PWRITE(DEVICE, AER_AT, 0, 0, 0, 0), 4,
		.then = STEPS(IS(AER_AT, 0x1a020001)) },
	{ "uncorrectable errors: mask", EXT("err"), DEV,
		PWRITE(DEVICE, AER_AT + 8, 0xff, 0xff, 0xff, 0xff), 4,
		.then = STEPS(IS(AER_AT + 8, 0x005ff010)) },
	{ "uncorrectable errors: severity", EXT("err"), DEV,
		PWRITE(DEVICE, AER_AT + 12, 0, 0, 0, 0), 4,
		.first = STEPS(IS(AER_AT + 12, 0x00462030)),
		.then = STEPS(IS(AER_AT + 12, 0x00000020)) },
	{ "uncorrectable errors: none have occurred", EXT("err"), DEV,
		PWRITE(DEVICE, AER_AT + 4, 0xff, 0xff, 0xff, 0xff), 4,
		.then = STEPS(IS(AER_AT + 4, 0)) },
	{ "correctable errors: mask", EXT("err"), DEV,
		PWRITE(DEVICE, AER_AT + 0x14, 0xff, 0xff, 0xff, 0xff), 4,
		.then = STEPS(IS(AER_AT + 0x14, 0x0000f1c1)) },
	{ "correctable errors: none have occurred", EXT("err"), DEV,
		PWRITE(DEVICE, AER_AT + 0x10, 0xff, 0xff, 0xff, 0xff), 4,
		.then = STEPS(IS(AER_AT + 0x10, 0)) },
	{ "ECRC", EXT("err"), DEV, PWRITE(DEVICE, AER_AT + 0x18, 0xff, 0xff, 0xff, 0xff), 4,
		.then = STEPS(IS(AER_AT + 0x18, 0x000001e0)) },
	{ "the header log is read-only", EXT("err"), DEV, PWRITE(DEVICE, AER_AT + 0x1c, 1, 2, 3, 4),
		4, .then = STEPS(IS(AER_AT + 0x1c, 0)) },
	{ "masks are the host's again at the next open",
		"pci/vfio_pci_core.c vfio_pci_core_disable", DEV, PREAD(DEVICE, AER_AT + 8, 4), 4,
		.see = { WORD(0, 0) },
		.first = STEPS(PUT(AER_AT + 8, 4, 0xff, 0xff, 0xff, 0xff), { CLOSE(DEVICE), 0 },
			{ OPEN_DEVICE(DEVICE, GROUP, DEV1), FD }) },
	{ "the serial number", DIRECT, DEV, PREAD(DEVICE, CONFIG + 0x1a4, 8), 8,
		.see = { WORD(0, 0xff000001), WORD(1, 0x001b21ff) } },
	{ "the serial number is read-only", DIRECT, DEV, PWRITE(DEVICE, CONFIG + 0x1a4, 1, 2, 3, 4),
		4, .then = STEPS(IS(CONFIG + 0x1a4, 0xff000001)) },
	{ "and what is written there is not looked at", SINGLE, DEV,
		PWRITE_AT(DEVICE, CONFIG + 0x1a0, HOLE, 12), 12 },
	{ "what is in no capability is the device's to write", RAW, DEV,
		PWRITE(DEVICE, CONFIG + 0x154, 0xff, 0xff, 0xff, 0xff), 4,
		.then = STEPS(IS(CONFIG + 0x154, 3)) },
	{ "or not", RAW, DEV, PWRITE(DEVICE, CONFIG + 0x800, 1, 2, 3, 4), 4,
		.then = STEPS(IS(CONFIG + 0x800, 0)) },
	{ "in no capability, below 256", RAW, DEV, PWRITE(DEVICE, CONFIG + 0xf0, 1, 2, 3, 4), 4,
		.then = STEPS(IS(CONFIG + 0xf0, 0)) },
	{ "across a capability's end", SINGLE, DEV,
		PWRITE(DEVICE, AER_AT + 0x28, 1, 2, 3, 4, 5, 6, 7, 8), 8,
		.then = STEPS(IS(AER_AT + 0x28, 0), IS(AER_AT + 0x2c, 0)) },
};

AREA(config, rows);
