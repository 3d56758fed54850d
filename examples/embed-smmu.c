/* SPDX-License-Identifier: MIT */
/*
 * A monitor with a simulated SMMUv3: memory, an SMMU brought up as a guest's driver would, stage 1 over
 * stage 2, a device thread that does DMA, an unmap that is final, and the fault of a late access.
 *
 *	cc embed-smmu.c $(pkg-config --cflags --libs nestbox) -pthread
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nestbox/pgtable.h>
#include <nestbox/smmuv3.h>

#define RAM    UINT64_C(0x80000000) /* of the guest, as the machine addresses it */
#define IPA    UINT64_C(0x40000000) /* and as the guest does */
#define SIZE   UINT64_C(0x04000000)
#define SID    8u
#define BUFFER UINT64_C(0x10000) /* the device's view (IOVA) of one page */

static struct nb_smmuv3 *smmu;
static struct nb_pgtable_ram *ram;
static uint64_t *cmdq, *eventq;
static uint32_t prod;

/* The guest allocates its own tables, and knows them by IPA. */
static void *guest_alloc(void *ctx, uint64_t bytes, nb_pa *pa)
{
	void *ptr = nb_pgtable_ram_alloc(ram, bytes, pa);

	pa->v -= RAM - IPA;
	return ptr;
}

static void guest_free(void *ctx, void *ptr, nb_pa pa, uint64_t bytes)
{
	nb_pgtable_ram_free(ram, NB_PA(pa.v + RAM - IPA), bytes);
}

/* Put a command into the queue (256 entries) and ring. */
static void command(uint64_t word0, uint64_t word1)
{
	cmdq[2 * (prod % 256)] = word0;
	cmdq[2 * (prod % 256) + 1] = word1;
	prod = (prod + 1) % 512;
	nb_smmuv3_write(smmu, 0x98, prod, 4);
}

/* CMD_SYNC; complete when CMDQ_CONS has passed it: what was removed is no longer in use. */
static void sync_commands(void)
{
	command(0x46, 0);
	while ((nb_smmuv3_read(smmu, 0x9c, 4) & 0x1ff) != prod)
		sched_yield();
}

/* A stream table (linear, 16 entries), the queues, and on with it: IHI 0070 6.3. */
static void bring_up(const struct nb_pgtable_info *s1, const struct nb_pgtable_info *s2)
{
	nb_pa strtab, cd_pa, cmdq_pa, eventq_pa;
	uint64_t *ste = (uint64_t *)nb_pgtable_ram_alloc(ram, 4096, &strtab) + 8 * SID;
	uint64_t *cd = nb_pgtable_ram_alloc(ram, 4096, &cd_pa);

	cmdq = nb_pgtable_ram_alloc(ram, 4096, &cmdq_pa);
	eventq = nb_pgtable_ram_alloc(ram, 4096, &eventq_pa);
	/* 5.4: T0SZ, EPD1, V, IPS 40 bits, AA64, R, A, ASID 1. */
	cd[0] = s1->tsz | UINT64_C(1) << 30 | UINT64_C(1) << 31 | UINT64_C(2) << 32 |
		UINT64_C(1) << 41 | UINT64_C(3) << 45 | UINT64_C(1) << 48;
	cd[1] = s1->root.v;
	cd[3] = NB_PGTABLE_MAIR;
	/* 5.2: V, both stages, the CD by IPA; VMID 1, S2T0SZ, S2SL0, S2PS 48 bits, AA64, R. */
	ste[2] = 1 | (uint64_t)s2->tsz << 32 | (uint64_t)s2->sl0 << 38 | UINT64_C(5) << 48 |
		 UINT64_C(1) << 51 | UINT64_C(1) << 58;
	ste[3] = s2->root.v;
	ste[0] = 1 | 7 << 1 | (cd_pa.v - RAM + IPA);
	nb_smmuv3_write(smmu, 0x80, strtab.v, 8);
	nb_smmuv3_write(smmu, 0x88, 4, 4);
	nb_smmuv3_write(smmu, 0x90, cmdq_pa.v | 8, 8);
	nb_smmuv3_write(smmu, 0xa0, eventq_pa.v | 7, 8);
	nb_smmuv3_write(smmu, 0x20, 1 | 4 | 8, 4); /* CR0: SMMUEN, EVENTQEN, CMDQEN */
}

/* The device: writes until it is told to abort. */
static void *device(void *arg)
{
	struct nb_smmuv3_port *port = nb_smmuv3_port_create(smmu, SID);
	struct nb_smmuv3_txn txn = { NB_IOVA(BUFFER), 0, 0 };
	atomic_uint *writes = arg;

	while (nb_smmuv3_dma_write(port, &txn, "DMA!", 4, NULL) == NB_SMMUV3_OK)
		atomic_fetch_add(writes, 1);
	nb_smmuv3_port_destroy(port);
	return NULL;
}

int main(void)
{
	struct nb_mem *mem = nb_mem_create(48);
	const struct nb_pgtable_ops guest = { sizeof(guest), guest_alloc, guest_free };
	const struct nb_pgtable_attrs rw = { .flags = NB_PGTABLE_READ | NB_PGTABLE_WRITE };
	struct nb_pgtable_options options = { .size = sizeof(options), .ops = &guest };
	struct nb_smmuv3_config config = { .size = sizeof(config), .mem = mem };
	struct nb_pgtable *s1, *s2;
	struct nb_pgtable_info info1, info2;
	static atomic_uint writes;
	pthread_t thread;
	nb_pa page;
	char *data;
	bool late;

	ram = nb_pgtable_ram_create(mem, NB_PA(RAM), SIZE);
	smmu = nb_smmuv3_create(&config);
	s1 = nb_pgtable_create(&options);
	options = (struct nb_pgtable_options){
		.size = sizeof(options), .stage = NB_PGTABLE_STAGE2, .ias = 40, .ram = ram
	};
	s2 = nb_pgtable_create(&options);
	data = ram ? nb_pgtable_ram_alloc(ram, 4096, &page) : NULL;
	if (!data || !smmu || !s1 || !s2 ||
		nb_pgtable_map(s2, NB_IOVA(IPA), NB_PA(RAM), SIZE, &rw, NULL) ||
		nb_pgtable_map(s1, NB_IOVA(BUFFER), NB_PA(page.v - RAM + IPA), 4096, &rw, NULL))
		return EXIT_FAILURE;
	nb_pgtable_info(s1, &info1, sizeof(info1));
	nb_pgtable_info(s2, &info2, sizeof(info2));
	bring_up(&info1, &info2);

	pthread_create(&thread, NULL, device, &writes);
	while (atomic_load(&writes) < 1000)
		sched_yield();
	printf("the device wrote \"%.4s\"\n", data);
	nb_pgtable_unmap(s1, NB_IOVA(BUFFER), 4096, NULL);
	command(0x12 | UINT64_C(1) << 32 | UINT64_C(1) << 48, BUFFER); /* TLBI_NH_VA, VMID, ASID */
	sync_commands();
	memset(data, 0, 4); /* no DMA reaches the page any more */
	nb_pgtable_reap(s1);
	pthread_join(thread, NULL);
	late = data[0];
	printf("after CMD_SYNC the page holds %s\n", late ? "DMA" : "no DMA");
	if (nb_smmuv3_read(smmu, 0x100a8, 4) & 0xff) /* EVENTQ_PROD */
		printf("event 0x%02x: StreamID %u, IOVA 0x%llx\n", (unsigned)(eventq[0] & 0xff),
			(unsigned)(eventq[0] >> 32), (unsigned long long)eventq[2]);
	nb_pgtable_destroy(s1);
	nb_pgtable_destroy(s2);
	nb_smmuv3_destroy(smmu);
	nb_pgtable_ram_destroy(ram);
	nb_mem_destroy(mem);
	return late ? EXIT_FAILURE : EXIT_SUCCESS;
}
