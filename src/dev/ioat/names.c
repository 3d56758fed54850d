/* SPDX-License-Identifier: MIT */
/* Registers of the engine by name, for traces. */
#include <stdio.h>

#include "base/bits.h"
#include "dev/ioat/ioat.h"

struct reg {
	uint8_t off, bytes;
	const char *name;
};

static const struct reg device_regs[] = {
	{ IOAT_CHANCNT, 1, "CHANCNT" },
	{ IOAT_XFERCAP, 1, "XFERCAP" },
	{ IOAT_GENCTRL, 1, "GENCTRL" },
	{ IOAT_INTRCTRL, 1, "INTRCTRL" },
	{ IOAT_ATTNSTATUS, 4, "ATTNSTATUS" },
	{ IOAT_CBVER, 1, "CBVER" },
	{ IOAT_PERPORTOFFSET, 2, "PERPORTOFFSET" },
	{ IOAT_INTRDELAY, 2, "INTRDELAY" },
	{ IOAT_CS_STATUS, 2, "CS_STATUS" },
	{ IOAT_DMACAPABILITY, 4, "DMACAPABILITY" },
};
static const struct reg channel_regs[] = {
	{ IOAT_CHANCTRL, 2, "CHANCTRL" },
	{ IOAT_DMA_COMP, 2, "DMA_COMP" },
	{ IOAT_CHANCMD, 1, "CHANCMD" },
	{ IOAT_DMACOUNT, 2, "DMACOUNT" },
	{ IOAT_CHANSTS, 8, "CHANSTS" },
	{ IOAT_CHAINADDR, 8, "CHAINADDR" },
	{ IOAT_CHANCMP, 8, "CHANCMP" },
	{ IOAT_CDAR, 8, "CDAR" },
	{ IOAT_CHANERR, 4, "CHANERR" },
	{ IOAT_CHANERRMASK, 4, "CHANERRMASK" },
	{ IOAT_DCACTRL, 4, "DCACTRL" },
	{ IOAT_DRSCTL, 2, "DRSCTL" },
	{ IOAT_LTR_SWSEL, 1, "LTR_SWSEL" },
	{ IOAT_LTR_ACTIVE, 4, "LTR_ACTIVE" },
	{ IOAT_LTR_IDLE, 4, "LTR_IDLE" },
};

static const char *find(const struct reg *regs, size_t n, uint64_t off)
{
	for (size_t i = 0; i < n; i++)
		if (off >= regs[i].off && off < (uint64_t)regs[i].off + regs[i].bytes)
			return regs[i].name;
	return NULL;
}

bool ioat_register_name(unsigned bar, uint64_t off, char *buf, size_t size)
{
	uint64_t channel = off / IOAT_CHANNEL_BYTES;
	const char *name;

	if (!channel) {
		name = find(device_regs, ARRAY_LEN(device_regs), off);
		return name && snprintf(buf, size, "%s", name) > 0;
	}
	name = channel <= IOAT_MAX_CHANNELS
		       ? find(channel_regs, ARRAY_LEN(channel_regs), off % IOAT_CHANNEL_BYTES)
		       : NULL;
	return name && snprintf(buf, size, "CHAN%u_%s", (unsigned)channel - 1, name) > 0;
}
