/* SPDX-License-Identifier: MIT */
/*
 * What programs may lock of memory (`--memlock=enforce`): RLIMIT_MEMLOCK and CAP_IPC_LOCK as the
 * calling thread has them, and an account for each address space. Nothing is really locked, so the
 * kernel's own account (VmLck) knows only what programs lock by mlock: it comes on top.
 *
 * FIDELITY: mlock does not see what is mapped for DMA.
 *
 * An address space is known by its thread group, for as long as its memory is there: exec gives the
 * group another one.
 */
#include "gate/internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "gate/procfs.h"

#define PAGE_LG2     12
#define CAP_IPC_LOCK 14

struct account {
	struct locked_vm vm; /* first. References: the list, charged memory, calls in progress */
	struct account *next;
	pid_t tgid;
	struct mm *mm;
};

struct memlocks {
	pthread_mutex_t lock; /* guards the list */
	struct account *accounts;
};

struct memlocks *memlocks_create(void)
{
	struct memlocks *locks = calloc(1, sizeof(*locks));

	if (locks)
		pthread_mutex_init(&locks->lock, NULL);
	return locks;
}

void memlocks_destroy(struct memlocks *locks)
{
	if (!locks)
		return;
	while (locks->accounts) {
		struct account *account = locks->accounts;

		locks->accounts = account->next;
		locked_vm_put(&account->vm);
	}
	pthread_mutex_destroy(&locks->lock);
	free(locks);
}

/* ---- accounts ---- */

static void account_release(struct locked_vm *vm)
{
	struct account *account = (struct account *)vm;

	mm_put(account->mm);
	free(account);
}

/* After exec or exit there is nothing to be read, not even an error (Linux mem_rw). */
static bool is_gone(const struct mm *mm)
{
	char byte;

	return pread(mm->mem, &byte, 1, 0) == 0;
}

static struct account *account_new(struct memlocks *locks, pid_t tgid, struct mm *mm)
{
	struct account *account = calloc(1, sizeof(*account));

	if (!account)
		return NULL;
	atomic_init(&account->vm.refs, 1);
	account->vm.release = account_release;
	account->tgid = tgid;
	account->mm = mm_get(mm);
	account->next = locks->accounts;
	locks->accounts = account;
	return account;
}

/* The group's account; others that nobody needs go on the way. List locked. */
static struct account *find_account(struct memlocks *locks, pid_t tgid)
{
	struct account **at = &locks->accounts, *account, *found = NULL;

	while ((account = *at)) {
		bool same = account->tgid == tgid && !is_gone(account->mm);

		if (same)
			found = account;
		if (same || (account->tgid != tgid && atomic_load(&account->vm.refs) > 1)) {
			at = &account->next;
			continue;
		}
		*at = account->next;
		locked_vm_put(&account->vm);
	}
	return found;
}

static struct locked_vm *account_get(struct memlocks *locks, pid_t tgid, struct mm *mm)
{
	struct account *account;

	pthread_mutex_lock(&locks->lock);
	account = find_account(locks, tgid);
	if (!account)
		account = account_new(locks, tgid, mm);
	if (account)
		locked_vm_get(&account->vm);
	pthread_mutex_unlock(&locks->lock);
	return account ? &account->vm : NULL;
}

/* ---- what the thread may ---- */

/* The soft limit, in pages. */
static uint64_t read_limit(pid_t tid)
{
	static const char key[] = "Max locked memory";
	AUTO_FREE char *line = NULL;
	uint64_t limit = 0;
	size_t size = 0;
	FILE *f = procfs_read(tid, "limits");

	while (f && getline(&line, &size, f) > 0) {
		const char *value = line + sizeof(key) - 1;

		if (strncmp(line, key, sizeof(key) - 1) != 0)
			continue;
		value += strspn(value, " ");
		limit = *value == 'u' ? UINT64_MAX : strtoull(value, NULL, 10);
		break;
	}
	if (f)
		fclose(f);
	return limit >> PAGE_LG2;
}

/*
 * Linux asks for the capability in the first user namespace: here that is ours, since a program
 * that is root in one of its own has nothing to say in the host.
 */
static bool in_our_userns(pid_t tid)
{
	char ours[64] = "", its[64] = "", path[48];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", procfs_number(tid));
	return readlink("/proc/self/ns/user", ours, sizeof(ours) - 1) > 0 &&
	       readlink(path, its, sizeof(its) - 1) > 0 && !strcmp(ours, its);
}

static void read_status(pid_t tid, struct memlock *out)
{
	AUTO_FREE char *line = NULL;
	unsigned long long caps = 0, locked_kb = 0;
	size_t size = 0;
	FILE *f = procfs_read(tid, "status");

	while (f && getline(&line, &size, f) > 0)
		if (sscanf(line, "VmLck: %llu kB", &locked_kb) != 1)
			sscanf(line, "CapEff: %llx", &caps);
	if (f)
		fclose(f);
	out->others = locked_kb >> (PAGE_LG2 - 10);
	out->bypass = caps >> CAP_IPC_LOCK & 1 && in_our_userns(tid);
}

bool usermem_memlock(struct caller *caller, struct memlock *out)
{
	struct call *call = (struct call *)caller;
	struct memlocks *locks = call->serve->memlocks;
	struct mm *mm = locks ? usermem_of(call) : NULL;
	pid_t tgid;

	if (!mm)
		return false;
	tgid = proc_tgid(call_proc(call));
	*out = (struct memlock){ .limit = read_limit(call->proc->tid) };
	read_status(call->proc->tid, out);
	/* All that was by number: it is the caller's if the caller still waits. */
	if (tgid && call_valid(call))
		out->vm = account_get(locks, tgid, mm);
	return out->vm;
}
