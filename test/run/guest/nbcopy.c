// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Copies in a Linux guest through the dmaengine interface, each of which is verified: its content, and
 * that nothing around it changed. Loading the module is the test: it stays if all went well, and says
 * what was done on one line of the kernel's log; otherwise loading fails with EIO.
 *
 * Memory is one arena for sources and one for destinations, cut into slots, one for each copy in
 * flight. A batch of copies of random sizes (alignments, contents) is submitted, each with an
 * interrupt on completion; then all are waited for, and checked.
 */
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/string.h>

static unsigned int copies = 10000;
module_param(copies, uint, 0444);
MODULE_PARM_DESC(copies, "how many copies");
static unsigned int seed = 1;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of all that is random");
static bool high;
module_param(high, bool, 0444);
MODULE_PARM_DESC(
	high, "fail unless sources and destinations above 4 GiB were used, and such below");
static bool bench;
module_param(bench, bool, 0444);
MODULE_PARM_DESC(bench, "measure throughput too, beside the processor's memcpy");

#define SLOTS	   32
#define SLOT_BYTES 16384u
#define BIG_BYTES  (2u << 20) /* a slot of its own, for a copy of many descriptors or pages */
#define BIG_EVERY  256	      /* copies */
#define GUARD	   64u
#define ARENA	   (SLOTS * SLOT_BYTES + BIG_BYTES)
#define TIMEOUT	   (60 * HZ)

static struct rnd_state rnd;

struct arena {
	struct page *pages;
	u8 *base;
	bool high; /* all of it above 4 GiB */
};

static struct arena from[2], to[2]; /* wherever the kernel likes; below 4 GiB */

/** Copies are dealt out to all channels that the driver has. */
static struct dma_chan *channels[4];
static unsigned int n_channels;

struct batch {
	atomic_t left;
	struct completion done;
};

struct copy {
	struct batch *batch;
	u8 *src, *dst, *slot, fill; /* of the destination */
	u32 bytes, slot_bytes;
	bool failed;
};

static struct tally {
	u64 bytes;
	unsigned int done, batches, in_flight, high_src, high_dst, low_src, low_dst, bad;
} tally;

static u32 below(u32 n)
{
	return prandom_u32_state(&rnd) % n;
}

static bool arena_alloc(struct arena *arena, gfp_t flags)
{
	arena->pages = alloc_pages(flags | __GFP_ZERO, get_order(ARENA));
	if (!arena->pages)
		return false;
	arena->base = page_address(arena->pages);
	arena->high = page_to_phys(arena->pages) >= SZ_4G;
	return true;
}

static void arenas_free(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		if (from[i].pages)
			__free_pages(from[i].pages, get_order(ARENA));
		if (to[i].pages)
			__free_pages(to[i].pages, get_order(ARENA));
	}
}

static bool arenas_alloc(void)
{
	return arena_alloc(&from[0], GFP_KERNEL) && arena_alloc(&to[0], GFP_KERNEL) &&
	       arena_alloc(&from[1], GFP_KERNEL | GFP_DMA32) &&
	       arena_alloc(&to[1], GFP_KERNEL | GFP_DMA32);
}

/* Small sizes as often as large ones: as many of each power of two. */
static u32 some_size(u32 most)
{
	u32 cap = 1u << (1 + below(ilog2(most)));

	return 1 + below(min(cap, most));
}

static void plan(struct copy *copy, unsigned int slot, bool big)
{
	struct arena *src = &from[below(2)], *dst = &to[below(2)];
	u32 room = (big ? BIG_BYTES : SLOT_BYTES) - 2 * GUARD;
	size_t at = big ? SLOTS * SLOT_BYTES : slot * SLOT_BYTES;

	copy->bytes = some_size(room);
	copy->slot_bytes = room + 2 * GUARD;
	copy->slot = dst->base + at;
	copy->src = src->base + at + GUARD + below(room - copy->bytes + 1);
	copy->dst = copy->slot + GUARD + below(room - copy->bytes + 1);
	copy->fill = prandom_u32_state(&rnd);
	copy->failed = false;
	prandom_bytes_state(&rnd, copy->src, copy->bytes);
	memset(copy->slot, copy->fill, copy->slot_bytes);
	tally.high_src += src->high;
	tally.low_src += !src->high;
	tally.high_dst += dst->high;
	tally.low_dst += !dst->high;
}

static void finished(void *arg, const struct dmaengine_result *result)
{
	struct copy *copy = arg;

	copy->failed = result && result->result != DMA_TRANS_NOERROR;
	if (atomic_dec_and_test(&copy->batch->left))
		complete(&copy->batch->done);
}

static struct dmaengine_unmap_data *map(struct device *dev, const struct copy *copy)
{
	struct dmaengine_unmap_data *unmap = dmaengine_get_unmap_data(dev, 2, GFP_KERNEL);

	if (!unmap)
		return NULL;
	unmap->len = copy->bytes;
	unmap->addr[0] = dma_map_single(dev, copy->src, copy->bytes, DMA_TO_DEVICE);
	if (!dma_mapping_error(dev, unmap->addr[0]))
		unmap->to_cnt = 1;
	unmap->addr[1] = dma_map_single(dev, copy->dst, copy->bytes, DMA_FROM_DEVICE);
	if (!dma_mapping_error(dev, unmap->addr[1]))
		unmap->from_cnt = 1;
	if (unmap->to_cnt && unmap->from_cnt)
		return unmap;
	dmaengine_unmap_put(unmap);
	return NULL;
}

static bool submit(struct copy *copy, unsigned int n)
{
	struct dma_chan *chan = channels[n % n_channels];
	struct dmaengine_unmap_data *unmap = map(chan->device->dev, copy);
	struct dma_async_tx_descriptor *tx = NULL;

	if (unmap)
		tx = dmaengine_prep_dma_memcpy(chan, unmap->addr[1], unmap->addr[0], copy->bytes,
			DMA_PREP_INTERRUPT | DMA_CTRL_ACK);
	if (tx) {
		dma_set_unmap(tx, unmap);
		tx->callback_result = finished;
		tx->callback_param = copy;
		atomic_inc(&copy->batch->left);
		dmaengine_submit(tx);
	}
	if (unmap)
		dmaengine_unmap_put(unmap);
	return tx;
}

static bool right(const struct copy *copy)
{
	const u8 *end = copy->slot + copy->slot_bytes, *after = copy->dst + copy->bytes;

	if (copy->failed)
		pr_err("nbcopy: the engine failed a copy of %u bytes\n", copy->bytes);
	else if (memcmp(copy->src, copy->dst, copy->bytes))
		pr_err("nbcopy: a copy of %u bytes differs from its source\n", copy->bytes);
	else if (memchr_inv(copy->slot, copy->fill, copy->dst - copy->slot) ||
		 memchr_inv(after, copy->fill, end - after))
		pr_err("nbcopy: bytes around a copy of %u bytes changed\n", copy->bytes);
	else
		return true;
	return false;
}

static void issue_all(void)
{
	unsigned int i;

	for (i = 0; i < n_channels; i++)
		dma_async_issue_pending(channels[i]);
}

static void terminate_all(void)
{
	unsigned int i;

	for (i = 0; i < n_channels; i++)
		dmaengine_terminate_sync(channels[i]);
}

/* Submit n copies and wait for them. False: there is no point in going on. */
static bool run(struct copy *all, unsigned int n)
{
	struct batch *batch = all->batch;
	unsigned int i, sent;

	atomic_set(&batch->left, 1); /* until all are submitted */
	reinit_completion(&batch->done);
	for (sent = 0; sent < n && submit(&all[sent], sent); sent++)
		;
	issue_all();
	if (atomic_dec_and_test(&batch->left))
		complete(&batch->done);
	if (!wait_for_completion_timeout(&batch->done, TIMEOUT)) {
		pr_err("nbcopy: %d of %u copies did not complete\n", atomic_read(&batch->left), n);
		terminate_all();
		return false;
	}
	if (sent < n)
		pr_err("nbcopy: only %u of %u copies could be submitted\n", sent, n);
	tally.batches++;
	tally.in_flight = max(tally.in_flight, sent);
	for (i = 0; i < sent; i++) {
		tally.bad += !right(&all[i]);
		tally.bytes += all[i].bytes;
	}
	tally.done += sent;
	return sent == n;
}

static bool all_copies(struct copy *all)
{
	unsigned int n, i;

	while (tally.done < copies) {
		n = min(1 + below(SLOTS), copies - tally.done);
		for (i = 0; i < n; i++)
			plan(&all[i], i, i == 0 && below(BIG_EVERY) < n);
		if (!run(all, n) || tally.bad)
			return false;
	}
	return true;
}

/* ---- throughput ---- */

static u64 mb_per_s(u64 bytes, u64 ns)
{
	return ns ? div64_u64(bytes * 1000, ns) : 0;
}

static u64 engine_ns(struct copy *all, u32 bytes, u32 rounds)
{
	struct batch *batch = all->batch;
	u64 start = ktime_get_ns();
	u32 i, r;

	for (r = 0; r < rounds; r++) {
		atomic_set(&batch->left, 1);
		reinit_completion(&batch->done);
		for (i = 0; i < 8; i++) {
			all[i].src = from[0].base + (i % 4) * bytes % (ARENA / 2);
			all[i].dst = to[0].base + (i % 4) * bytes % (ARENA / 2);
			all[i].bytes = bytes;
			if (!submit(&all[i], i))
				return 0;
		}
		issue_all();
		if (!atomic_dec_and_test(&batch->left) &&
			!wait_for_completion_timeout(&batch->done, TIMEOUT))
			return 0;
	}
	return ktime_get_ns() - start;
}

static u64 memcpy_ns(u32 bytes, u32 rounds)
{
	u64 start = ktime_get_ns();
	u32 i, r;

	for (r = 0; r < rounds; r++) {
		for (i = 0; i < 8; i++) {
			memcpy(to[0].base + (i % 4) * bytes % (ARENA / 2),
				from[0].base + (i % 4) * bytes % (ARENA / 2), bytes);
			barrier();
		}
	}
	return ktime_get_ns() - start;
}

static void measure(struct copy *all)
{
	static const u32 sizes[] = { 4096, 65536, 524288 };
	u32 i, rounds;
	u64 bytes, engine;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		rounds = min(500u, (256u << 20) / (8 * sizes[i]));
		bytes = (u64)rounds * 8 * sizes[i];
		engine = engine_ns(all, sizes[i], rounds);
		pr_info("nbcopy: bench bytes %u engine_mb_s %llu memcpy_mb_s %llu copies_per_s "
			"%llu\n",
			sizes[i], mb_per_s(bytes, engine),
			mb_per_s(bytes, memcpy_ns(sizes[i], rounds)),
			engine ? div64_u64(rounds * 8ull * NSEC_PER_SEC, engine) : 0);
	}
}

/* ---- the module ---- */

static bool is_ours(struct dma_chan *chan, void *unused)
{
	struct device_driver *driver = chan->device->dev->driver;

	return driver && !strcmp(driver->name, "ioatdma");
}

static bool placed(void)
{
	return !high || (tally.high_src && tally.high_dst && tally.low_src && tally.low_dst);
}

static int test(void)
{
	struct copy *all = kcalloc(SLOTS, sizeof(*all), GFP_KERNEL);
	struct batch batch;
	bool good;
	u32 i;

	if (!all)
		return -ENOMEM;
	init_completion(&batch.done);
	for (i = 0; i < SLOTS; i++)
		all[i].batch = &batch;
	good = all_copies(all);
	pr_info("nbcopy: copies %u channels %u bytes %llu batches %u in_flight %u bad %u "
		"above4g_src %u "
		"above4g_dst %u below4g_src %u below4g_dst %u\n",
		tally.done, n_channels, tally.bytes, tally.batches, tally.in_flight, tally.bad,
		tally.high_src, tally.high_dst, tally.low_src, tally.low_dst);
	if (good && bench)
		measure(all);
	kfree(all);
	if (good && !placed())
		pr_err("nbcopy: not on both sides of 4 GiB\n");
	return good && placed() ? 0 : -EIO;
}

static void channels_get(void)
{
	struct dma_chan *chan;
	dma_cap_mask_t mask;

	dma_cap_zero(mask);
	dma_cap_set(DMA_MEMCPY, mask);
	while (n_channels < ARRAY_SIZE(channels)) {
		chan = dma_request_channel(mask, is_ours, NULL);
		if (!chan)
			return;
		channels[n_channels++] = chan;
	}
}

static int __init nbcopy_init(void)
{
	int err = -ENOMEM;

	channels_get();
	if (!n_channels) {
		pr_err("nbcopy: ioatdma has no channel\n");
		return -ENODEV;
	}
	prandom_seed_state(&rnd, seed);
	if (arenas_alloc())
		err = test();
	arenas_free();
	while (n_channels)
		dma_release_channel(channels[--n_channels]);
	return err;
}
module_init(nbcopy_init);

static void __exit nbcopy_exit(void)
{
}
module_exit(nbcopy_exit);

MODULE_DESCRIPTION("Verified copies through the dmaengine interface");
MODULE_LICENSE("Dual MIT/GPL");
