/* SPDX-License-Identifier: MIT */
/* The library from C++: tables, an SMMU in bypass, DMA. */
#include <cstdio>
#include <cstring>

#include <nestbox/host.h>
#include <nestbox/mem.h>
#include <nestbox/pgtable.h>
#include <nestbox/smmuv3.h>

static int sum(void *ctx, const nb_pgtable_leaf *leaf)
{
	*static_cast<uint64_t *>(ctx) += leaf->bytes;
	return 0;
}

static bool tables(nb_pgtable_ram *ram)
{
	nb_pgtable_options options = {};
	nb_pgtable_attrs attrs = {};
	uint64_t bytes = 0;

	options.size = sizeof(options);
	options.ram = ram;
	attrs.flags = NB_PGTABLE_READ;
	nb_pgtable *table = nb_pgtable_create(&options);
	bool ok = table &&
		  !nb_pgtable_map(table, NB_IOVA(0x1000), NB_PA(0x2000), 0x5000, &attrs, nullptr) &&
		  !nb_pgtable_each(table, NB_IOVA(0), 0x100000, sum, &bytes) && bytes == 0x5000;
	nb_pgtable_destroy(table);
	return ok;
}

static bool dma(nb_mem *mem, nb_pgtable_ram *ram)
{
	nb_smmuv3_config config = {};
	nb_smmuv3_txn txn = {};
	char got[4] = {};
	nb_pa pa = NB_PA(0);
	void *page = nb_pgtable_ram_alloc(ram, 4096, &pa);

	config.size = sizeof(config);
	config.mem = mem;
	nb_smmuv3 *smmu = nb_smmuv3_create(&config);
	nb_smmuv3_port *port = nb_smmuv3_port_create(smmu, 3);
	txn.iova = NB_IOVA(pa.v);
	std::memcpy(page, "abcd", 4);
	bool ok = nb_smmuv3_dma_read(port, &txn, got, 4, nullptr) == NB_SMMUV3_OK &&
		  !std::memcmp(got, "abcd", 4);
	nb_smmuv3_port_destroy(port);
	nb_smmuv3_destroy(smmu);
	return ok;
}

int main()
{
	nb_mem *mem = nb_mem_create(48);
	nb_pgtable_ram *ram = nb_pgtable_ram_create(mem, NB_PA(0x40000000), 0x1000000);
	bool ok = tables(ram) && dma(mem, ram) && *nb_host_names();

	nb_pgtable_ram_destroy(ram);
	nb_mem_destroy(mem);
	std::puts(ok ? "ok" : "not ok");
	return ok ? 0 : 1;
}
