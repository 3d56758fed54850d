/* SPDX-License-Identifier: MIT */
/*
 * An ordinary program that takes memory away which is mapped for DMA, in every way there is. Each row
 * says which of four pages DMA must not reach afterwards; all of them are put back at their addresses
 * first, so that nothing but --strict-pin can tell. For each row with such pages standard output has a
 * line "stops CALL IOVA LAST": what nestbox has to say of it.
 *
 * usage: strict [after-exec WORDS ADDRESS]
 */
#include "engine.h"

#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096UL
#define PAGES	4
#define BYTES	(PAGES * PAGE)
#define RW	(PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define FIRST	0x100000000UL /* IOVA of the first row */
#define SCRATCH 0x90000000UL

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static uint8_t *p; /* the region of the row */
static int failures;

/* Some address space that nothing else gets, with room on both sides. */
static uint8_t *reserve(void)
{
	uint8_t *space = mmap(NULL, 64 * PAGE, PROT_NONE, PRIVATE | MAP_NORESERVE, -1, 0);

	if (space == MAP_FAILED)
		err(1, "mmap");
	munmap(space, 64 * PAGE);
	return space + 16 * PAGE;
}

/* ---- regions ---- */

static void make_private(void)
{
	p = mmap(reserve(), BYTES, RW, PRIVATE, -1, 0);
}

static void make_shared(void)
{
	int fd = memfd_create("strict", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, BYTES))
		err(1, "memfd");
	p = mmap(reserve(), BYTES, RW, MAP_SHARED, fd, 0);
	close(fd);
}

static void make_heap(void)
{
	uintptr_t now = (uintptr_t)sbrk(0), start = (now + PAGE - 1) & ~(PAGE - 1);

	p = (uint8_t *)start;
	if (brk(p + BYTES))
		err(1, "brk");
}

static void make_segment(void)
{
	int id = shmget(IPC_PRIVATE, BYTES, IPC_CREAT | 0600);

	p = id < 0 ? NULL : shmat(id, NULL, 0);
	if (!p || p == (void *)-1)
		err(1, "shm");
	shmctl(id, IPC_RMID, NULL);
}

/* ---- what is done ---- */

static void expect(int ok, const char *what)
{
	if (!ok)
		warn("%s", what);
	failures += !ok;
}
#define EXPECT(cond) expect(cond, #cond)

static void unmap_all(void)
{
	EXPECT(!munmap(p, BYTES));
}

static void unmap_middle(void)
{
	EXPECT(!munmap(p + PAGE, 2 * PAGE));
}

static void unmap_beginning(void)
{
	EXPECT(!munmap(p - 2 * PAGE, 2 * PAGE + 1));
}

static void unmap_neighbours(void)
{
	EXPECT(!munmap(p - PAGE, PAGE));
	EXPECT(!munmap(p + BYTES, PAGE));
}

static void unmap_nothing(void)
{
	EXPECT(munmap(p + 1, BYTES - 1) && errno == EINVAL);
	EXPECT(munmap(p, 0) && errno == EINVAL);
}

static void map_over(void)
{
	EXPECT(mmap(p + 2 * PAGE, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0) == p + 2 * PAGE);
}

static void map_file_over(void)
{
	int fd = memfd_create("over", MFD_CLOEXEC);

	EXPECT(!ftruncate(fd, PAGE));
	EXPECT(mmap(p + 3 * PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0) == p + 3 * PAGE);
	close(fd);
}

static void map_without_replacing(void)
{
	EXPECT(mmap(p, PAGE, RW, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED);
	EXPECT(mmap(p, PAGE, RW, PRIVATE, -1, 0) != p);
}

static void remap_shorter(void)
{
	EXPECT(mremap(p, BYTES, 2 * PAGE, 0) == p);
}

static void remap_elsewhere(void)
{
	EXPECT(mremap(p, BYTES, BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, reserve()) != MAP_FAILED);
}

static void remap_longer_here(void)
{
	EXPECT(mremap(p, BYTES, BYTES + PAGE, MREMAP_MAYMOVE) == p);
	EXPECT(mremap(p, BYTES + PAGE, BYTES, 0) == p);
}

static void remap_longer_there(void)
{
	EXPECT(mmap(p + BYTES, PAGE, PROT_NONE, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0) == p + BYTES);
	EXPECT(mremap(p, BYTES, BYTES + PAGE, MREMAP_MAYMOVE) != p);
}

static void remap_in_vain(void)
{
	EXPECT(mmap(p + BYTES, PAGE, PROT_NONE, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0) == p + BYTES);
	EXPECT(mremap(p, BYTES, BYTES + PAGE, 0) == MAP_FAILED && errno == ENOMEM);
}

static void remap_over(void)
{
	void *other = mmap(NULL, PAGE, RW, PRIVATE, -1, 0);

	EXPECT(mremap(other, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE) == p + PAGE);
}

static void remap_and_keep(void)
{
	EXPECT(mremap(p, BYTES, BYTES, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL) != MAP_FAILED);
}

static void give_up(void)
{
	EXPECT(!madvise(p + 3 * PAGE, PAGE, MADV_DONTNEED));
}

static void advise_harmlessly(void)
{
	EXPECT(!madvise(p, BYTES, MADV_FREE));
	EXPECT(!madvise(p, BYTES, MADV_DONTFORK));
	EXPECT(!mprotect(p, BYTES, PROT_NONE));
	EXPECT(!mprotect(p, BYTES, RW));
}

static void give_up_shared(void)
{
	EXPECT(!madvise(p, BYTES, MADV_DONTNEED));
}

static void remove_shared(void)
{
	EXPECT(!madvise(p, PAGE, MADV_REMOVE));
}

static void remap_file(void)
{
	EXPECT(!syscall(SYS_remap_file_pages, p, PAGE, 0, 2, 0));
}

static void shrink_heap(void)
{
	EXPECT(!brk(p + PAGE));
}

static void detach_segment(void)
{
	EXPECT(!shmdt(p));
}

static void attach_over(void)
{
	int id = shmget(IPC_PRIVATE, 2 * PAGE, IPC_CREAT | 0600);

	EXPECT(id >= 0 && shmat(id, p, SHM_REMAP) == p);
	shmctl(id, IPC_RMID, NULL);
}

/* ---- who does it ---- */

static void *thread_main(void *arg)
{
	unmap_all();
	return NULL;
}

static void by_thread(void)
{
	pthread_t thread;

	EXPECT(!pthread_create(&thread, NULL, thread_main, NULL));
	pthread_join(thread, NULL);
}

static void join(pid_t pid)
{
	int status;

	EXPECT(pid > 0 && waitpid(pid, &status, __WALL) == pid && !status);
}

static void by_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(munmap(p, BYTES) || mmap(p, BYTES, RW, PRIVATE | MAP_FIXED, -1, 0) != p);
	join(pid);
}

static int clone_main(void *arg)
{
	return syscall(SYS_munmap, p, BYTES) ? 1 : 0;
}

/* A process of its own that shares the memory, as vfork's. */
static void by_clone(void)
{
	static char stack[65536] __attribute__((aligned(16)));

	join(clone(clone_main, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL));
}

static void by_exec(void)
{
	char address[32];
	pid_t pid;

	snprintf(address, sizeof(address), "%p", (void *)p);
	pid = fork();
	if (!pid) {
		execl("/proc/self/exe", "strict", "unmap", address, NULL);
		_exit(1);
	}
	join(pid);
}

/* ---- rows ---- */

static const struct {
	const char *call; /* whose line is expected, where stopped is not 0 */
	void (*make)(void);
	void (*act)(void);
	unsigned stopped; /* a bit for each page */
} rows[] = {
	{ "munmap", make_private, unmap_all, 0xf },
	{ "munmap", make_private, unmap_middle, 0x6 },
	{ "munmap", make_private, unmap_beginning, 0x1 },
	{ "", make_private, unmap_neighbours, 0 },
	{ "", make_private, unmap_nothing, 0 },
	{ "munmap", make_shared, unmap_middle, 0x6 },
	{ "mmap", make_private, map_over, 0x4 },
	{ "mmap", make_shared, map_over, 0x4 },
	{ "mmap", make_private, map_file_over, 0x8 },
	{ "", make_private, map_without_replacing, 0 },
	{ "mremap", make_private, remap_shorter, 0xc },
	{ "mremap", make_private, remap_elsewhere, 0xf },
	{ "", make_private, remap_longer_here, 0 },
	{ "mremap", make_private, remap_longer_there, 0xf },
	{ "", make_private, remap_in_vain, 0 },
	{ "mremap", make_private, remap_over, 0x2 },
	{ "mremap", make_private, remap_and_keep, 0xf },
	{ "madvise", make_private, give_up, 0x8 },
	{ "", make_private, advise_harmlessly, 0 },
	{ "", make_shared, give_up_shared, 0 },
	{ "madvise", make_shared, remove_shared, 0x1 },
	{ "remap_file_pages", make_shared, remap_file, 0x1 },
	{ "brk", make_heap, shrink_heap, 0xe },
	{ "shmdt", make_segment, detach_segment, 0xf },
	{ "shmat", make_private, attach_over, 0x3 },
	{ "munmap", make_private, by_thread, 0xf },
	{ "munmap", make_private, by_clone, 0xf },
	{ "", make_private, by_fork, 0 },
	{ "", make_private, by_exec, 0 },
};
#define N_ROWS (sizeof(rows) / sizeof(*rows))

static unsigned first_of(unsigned bits)
{
	return (unsigned)__builtin_ctz(bits);
}

static unsigned last_of(unsigned bits)
{
	return 31 - (unsigned)__builtin_clz(bits);
}

static void put_back(void)
{
	for (unsigned i = 0; i < PAGES; i++)
		mmap(p + i * PAGE, PAGE, RW, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0);
}

static void check_pages(unsigned row, uint64_t iova)
{
	for (unsigned i = 0; i < PAGES; i++) {
		int expected = !(rows[row].stopped >> i & 1);

		if (engine_copy(SCRATCH, iova + i * PAGE, 64) == expected &&
			engine_copy(iova + i * PAGE + 128, SCRATCH, 64) == expected)
			continue;
		warnx("row %u (%s): page %u is %s reach of DMA", row, rows[row].call, i,
			expected ? "out of" : "in");
		failures++;
	}
}

/* Whatever happened: unmapping gives the whole size, and a new mapping works. */
static void check_again(unsigned row, uint64_t iova)
{
	if (engine_unmap(iova, BYTES))
		err(1, "row %u: VFIO_IOMMU_UNMAP_DMA", row);
	if (engine_map(p, iova, BYTES))
		err(1, "row %u: VFIO_IOMMU_MAP_DMA anew", row);
	if (!engine_copy(SCRATCH, iova, 64) || !engine_copy(iova + BYTES - 64, SCRATCH, 64))
		errx(1, "row %u: memory that was mapped anew is out of reach", row);
	if (engine_unmap(iova, BYTES))
		err(1, "row %u: VFIO_IOMMU_UNMAP_DMA", row);
}

static void run_row(unsigned row)
{
	uint64_t iova = FIRST + row * 0x10000UL;
	unsigned bits = rows[row].stopped;

	rows[row].make();
	memset(p, 1, BYTES);
	if (engine_map(p, iova, BYTES) || !engine_copy(SCRATCH, iova, 64))
		err(1, "row %u: cannot begin", row);
	rows[row].act();
	put_back();
	check_pages(row, iova);
	check_again(row, iova);
	if (bits)
		printf("stops %s 0x%llx 0x%llx\n", rows[row].call,
			(unsigned long long)(iova + first_of(bits) * PAGE),
			(unsigned long long)(iova + (last_of(bits) + 1) * PAGE - 1));
}

/* ---- DMA in flight has ended when the call runs (rule R6) ---- */

#define BULK   (1UL << 20)
#define FLIGHT 0x200000000UL

/* The engine writes 0x5a all over; what is mapped there once munmap returned must stay 0xc3. */
static void in_flight(void)
{
	uint8_t *src = mmap(NULL, BULK, RW, PRIVATE, -1, 0);
	uint8_t *dst = mmap(NULL, BULK, RW, PRIVATE, -1, 0);

	memset(src, 0x5a, BULK);
	if (engine_map(src, FLIGHT, BULK) || engine_map(dst, FLIGHT + BULK, BULK))
		err(1, "in flight");
	/* 2 GiB: not over before munmap is handled, however late. */
	engine_begin(FLIGHT + BULK, FLIGHT, BULK, 256, 8);
	while (__atomic_load_n(dst, __ATOMIC_RELAXED) != 0x5a)
		usleep(100);
	if (munmap(dst, BULK) || mmap(dst, BULK, RW, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0) != dst)
		err(1, "munmap, mmap");
	memset(dst, 0xc3, BULK);
	EXPECT(!engine_end());
	for (size_t i = 0; i < BULK; i++)
		if (dst[i] != 0xc3)
			errx(1, "DMA wrote byte %zu of memory that was mapped after munmap", i);
	EXPECT(!engine_unmap(FLIGHT, BULK) && !engine_unmap(FLIGHT + BULK, BULK));
	printf("stops munmap 0x%llx 0x%llx\n", (unsigned long long)(FLIGHT + BULK),
		(unsigned long long)(FLIGHT + 2 * BULK - 1));
	munmap(src, BULK);
	munmap(dst, BULK);
}

/* ---- many mappings at once ---- */

#define MANY	  64
#define MANY_IOVA 0x300000000UL

static void many(void)
{
	uint8_t *space = mmap(NULL, 2 * MANY * PAGE, RW, PRIVATE, -1, 0);

	for (unsigned i = 0; i < MANY; i++)
		if (engine_map(space + 2 * i * PAGE, MANY_IOVA + i * PAGE, PAGE))
			err(1, "many mappings");
	EXPECT(!munmap(space, 2 * MANY * PAGE));
	for (unsigned i = 0; i < MANY; i++)
		EXPECT(!engine_copy(SCRATCH, MANY_IOVA + i * PAGE, 64));
	EXPECT(!engine_unmap(MANY_IOVA, MANY * PAGE));
	printf("stops munmap 0x%llx 0x%llx\n", (unsigned long long)MANY_IOVA,
		(unsigned long long)(MANY_IOVA + PAGE - 1));
	printf("others\n");
}

/* ---- exec: memory of the program before is gone, which is no line; and addresses mean nothing ---- */

static void after_exec(const char *words, const char *address)
{
	void *at = (void *)(uintptr_t)strtoull(address, NULL, 16);

	engine_adopt(words);
	EXPECT(mmap(at, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0) == at);
	EXPECT(!munmap(at, PAGE));
	EXPECT(!engine_copy(0x10000000UL, FIRST, 64));
	EXPECT(!engine_unmap(FIRST, BYTES));
}

int main(int argc, char **argv)
{
	char address[32];

	if (argc == 3 && !strcmp(argv[1], "unmap")) {
		p = (uint8_t *)(uintptr_t)strtoull(argv[2], NULL, 16);
		p = mmap(p, BYTES, RW, PRIVATE | MAP_FIXED, -1, 0);
		return munmap(p, BYTES) ? 1 : 0;
	}
	if (argc == 4 && !strcmp(argv[1], "after-exec")) {
		after_exec(argv[2], argv[3]);
		return failures ? 1 : 0;
	}
	engine_open();
	p = mmap(NULL, BYTES, RW, PRIVATE, -1, 0);
	if (engine_map(p, SCRATCH, BYTES))
		err(1, "scratch");
	for (unsigned row = 0; row < N_ROWS; row++)
		run_row(row);
	in_flight();
	many();
	make_private();
	if (engine_map(p, FIRST, BYTES))
		err(1, "exec");
	fflush(stdout);
	if (failures)
		return 1;
	snprintf(address, sizeof(address), "%p", (void *)p);
	execl("/proc/self/exe", "strict", "after-exec", engine_words(), address, NULL);
	err(1, "exec");
}
