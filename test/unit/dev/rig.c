/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "dev/models.h"

#define BUDGET 65536

void rig_init(struct rig *rig, enum rig_pattern pattern, bool trapped, const uint64_t *options)
{
	struct error error = { 0 };

	memset(rig, 0, sizeof(*rig));
	rig->pattern = pattern;
	rig->trapped = trapped;
	rig->seed = 12345;
	rig->mem = nb_mem_create(40);
	nb_assert(rig->mem);
	rig->ptr = mmap(
		NULL, RIG_RAM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	nb_assert(rig->ptr != MAP_FAILED);
	rig->ram =
		(struct nb_extent){ .pa = NB_PA(RIG_RAM), .bytes = RIG_RAM_BYTES, .ptr = rig->ptr };
	nb_assert(nb_mem_add(rig->mem, &rig->ram) == 0);
	nb_assert(pci_dev_init(&rig->dev, dev_model_find("ioat"), "0000:01:00.0", options, rig->mem,
			  &error) == 0);
	rig->map = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, rig->dev.memfd,
		(off_t)pci_region_offset(0));
	nb_assert(rig->map != MAP_FAILED);
	rig->dev.opens = 1;
	pci_config_write(&rig->dev, 4, 0x0006, 2);
}

void *rig_alloc(struct rig *rig, size_t bytes)
{
	void *p = rig->ptr + rig->used;

	rig->used += (bytes + 4095) & ~(size_t)4095;
	nb_assert(rig->used <= RIG_RAM_BYTES);
	return p;
}

uint64_t rig_iova(const struct rig *rig, const void *ptr)
{
	return RIG_RAM + (uint64_t)((const uint8_t *)ptr - rig->ptr);
}

uint32_t rig_random(struct rig *rig)
{
	rig->seed = rig->seed * 1664525u + 1013904223u;
	return rig->seed >> 8;
}

static void *poll_thread(void *arg)
{
	struct rig *rig = arg;

	while (!atomic_load(&rig->stop)) {
		bool worked;

		pthread_mutex_lock(&rig->dev.lock);
		worked = pci_dev_step(&rig->dev, BUDGET);
		pthread_mutex_unlock(&rig->dev.lock);
		if (!worked)
			usleep(50);
	}
	return NULL;
}

void rig_start_poller(struct rig *rig)
{
	rig->threaded = true;
	nb_assert(pthread_create(&rig->poller, NULL, poll_thread, rig) == 0);
}

static void stop_poller(struct rig *rig)
{
	if (!rig->threaded)
		return;
	atomic_store(&rig->stop, true);
	pthread_join(rig->poller, NULL);
}

void rig_finish(struct rig *rig)
{
	stop_poller(rig);
	munmap((void *)rig->map, 16384);
	pci_dev_finish(&rig->dev);
	nb_mem_remove(rig->mem, &rig->ram);
	nb_mem_destroy(rig->mem);
	munmap(rig->ptr, RIG_RAM_BYTES);
}

void rig_pause(struct rig *rig)
{
	unsigned n = rig->pattern == RIG_LATE	  ? 0
		     : rig->pattern == RIG_RANDOM ? rig_random(rig) % 4
						  : 1;

	while (n--)
		pci_dev_step(&rig->dev, rig->pattern == RIG_TINY ? 1 : BUDGET);
}

void rig_wait(struct rig *rig)
{
	if (rig->threaded) {
		sched_yield();
		return;
	}
	rig_pause(rig);
	if (rig->pattern == RIG_LATE)
		pci_dev_step(&rig->dev, BUDGET);
}

bool rig_settle(struct rig *rig)
{
	for (unsigned i = 0; i < 1000000; i++)
		if (!pci_dev_step(&rig->dev, BUDGET))
			return true;
	return false;
}

void rig_sleep_ms(unsigned ms)
{
	struct timespec ts = { .tv_nsec = ms * 1000000L };

	nanosleep(&ts, NULL);
}

static uint64_t map_read(volatile uint8_t *p, unsigned size)
{
	return size == 1   ? *p
	       : size == 2 ? *(volatile uint16_t *)p
	       : size == 4 ? *(volatile uint32_t *)p
			   : *(volatile uint64_t *)p;
}

static void map_write(volatile uint8_t *p, uint64_t val, unsigned size)
{
	if (size == 1)
		*p = (uint8_t)val;
	else if (size == 2)
		*(volatile uint16_t *)p = (uint16_t)val;
	else if (size == 4)
		*(volatile uint32_t *)p = (uint32_t)val;
	else
		*(volatile uint64_t *)p = val;
}

uint64_t rig_read(struct rig *rig, uint64_t off, unsigned size)
{
	uint64_t val;

	rig_pause(rig);
	val = rig->trapped ? pci_bar_read(&rig->dev, 0, off, size) : map_read(rig->map + off, size);
	rig_pause(rig);
	return val;
}

void rig_write(struct rig *rig, uint64_t off, uint64_t val, unsigned size)
{
	rig_pause(rig);
	if (rig->trapped)
		pci_bar_write(&rig->dev, 0, off, val, size);
	else
		map_write(rig->map + off, val, size);
	rig_pause(rig);
}
