/* SPDX-License-Identifier: MIT */
/*
 * What the files of the call side share.
 *
 * A notified system call is a struct call: the notification, the thread that made it (struct proc:
 * what we keep open of it), and the caller handle that the uAPI layers use. notify.c receives calls
 * and answers them; calls.c says what each system call means; fdtable.c knows which descriptor is
 * which open file; usermem.c reads and writes the program's memory, pin.c registers it for DMA.
 *
 * Hazards, and who minds them:
 *
 * - A call may die while we handle it, and its thread id be reused. Whatever was learned by number
 *   (a path below /proc, process_vm_readv) counts only once NOTIF_ID_VALID said afterwards that the
 *   call still waits (call_valid). Descriptors below /proc are bound to their task, not to its id.
 * - A thread that execs gets other memory; the old memory lives on where another process shares it
 *   (vfork). So exec is notified too, and drops what we hold of the thread's memory.
 * - We may be the last to use what a program used: while we read the memory of one that is killed,
 *   its mappings, and so its files, end with us. Who waited for its end must not be refused for
 *   that (EBUSY): calls.c settles first.
 * - No copy of user memory, look-up of descriptors and installation under the host lock.
 *
 * Lock order: late opens; drain (fdtable), host lock; table lock (fdtable), proc cache and report
 * are leaves.
 */
#ifndef GATE_INTERNAL_H
#define GATE_INTERNAL_H

#include <limits.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "file/file.h"
#include "gate/live.h"
#include "gate/report.h"
#include "gate/serve.h"

/* Linux 6.6; older headers lack it. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS	   SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

/* Linux 6.1 <linux/userfaultfd.h>; older headers lack it. */
#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW 0xaa00u
#endif

/** Stand-ins have numbers from fd_base up to here: the filter leaves all others alone. */
#define GATE_FD_LAST 0xfffff
/* What 32-bit programs on x86-64 call ioctl by (Linux 7.3 syscall_32.tbl). */
#define GATE_NR_IOCTL_I386 54
/* Linux 5.18 and 6.13 <asm-generic/mman-common.h>; older headers lack them. */
#define GATE_MADV_DONTNEED_LOCKED 24
#define GATE_MADV_GUARD_INSTALL	  102
/** Writes to descriptor 1 of at most so many bytes are notified: what is written to sysfs is short,
 * what programs print is often more. */
#define GATE_SHORT_WRITE 64
/** Offsets from here up are regions of devices. */
#define GATE_OFFSET_LG2 40

/* ---- proc.c: threads of programs that made a call ---- */

/**
 * Which memory a process has now. A forked child has another tgid, and exec (almost surely) another
 * start: its auxiliary vector holds addresses that are chosen at random.
 */
struct mm_key {
	pid_t tgid; /* 0: unknown */
	uint64_t start;
};

/** Of a thread, by number. False: it is gone. */
bool mm_key_read(struct mm_key *key, pid_t tid);

/**
 * The memory of a program, as descriptors that stay with it: after exec or exit they read and
 * write nothing. Counted, since registered memory outlives the call that registered it.
 */
struct mm {
	atomic_int refs;
	int mem;
	int maps;	   /* -1 where it could not be opened */
	struct mm_key key; /* once identified */
};

struct mm *mm_get(struct mm *mm);
void mm_put(struct mm *mm); /* NULL accepted */
/** Note its key, of a thread that has it; by number. False: it is gone. */
bool mm_identify(struct mm *mm, pid_t tid);

/* ---- maps.c: what is mapped where ---- */

#define VMA_READ   1u
#define VMA_WRITE  2u
#define VMA_SHARED 8u

struct vma {
	uint64_t start, end, offset;
	unsigned flags;	   /* VMA_* */
	uint64_t dev, ino; /* ino 0: no file */
};

/** The mapping that holds addr. 0, -ENOENT: nothing is mapped there; -EIO: cannot tell. */
int mm_find_vma(const struct mm *mm, uint64_t addr, struct vma *vma);
/**
 * Whether somebody else answers for the pages of files of that device, in the view of the thread: a
 * network or user space file system. Its type goes to name, NUL-terminated.
 */
bool fs_is_served(pid_t tid, uint64_t dev, char *name, size_t size);
/** The same, or the next one above: -ENOENT: none. */
int mm_next_vma(const struct mm *mm, uint64_t addr, struct vma *vma);
/** Whether that is cheap enough to be done at every copy (PROCMAP_QUERY, Linux 6.11). */
bool mm_find_vma_is_fast(void);

struct proc {
	pid_t tid;
	pid_t tgid;	  /* 0: not read yet */
	int fds;	  /* /proc/TID/fd */
	int pidfd;	  /* of the thread group; -1: not opened yet */
	struct mm *mm;	  /* NULL: not opened yet */
	bool busy;	  /* a call in progress uses it */
	bool cached;	  /* it lives in a slot of the cache */
	bool volatile_mm; /* another thread of it execs: keep no memory beyond a call */
	bool by_number;	  /* found by its id only: counts once call_valid says so (proc_stat_fd) */
};

struct proc_cache;

struct proc_cache *proc_cache_create(void);
void proc_cache_destroy(struct proc_cache *cache);

/** What we keep of a thread, for the time of one call. NULL: it is gone, or no memory. */
struct proc *proc_get(struct proc_cache *cache, pid_t tid);
void proc_put(struct proc_cache *cache, struct proc *proc);
/** The thread is about to exec: forget its memory. */
void proc_exec(struct proc_cache *cache, pid_t tid);
/** Drop what belongs to threads that have ended. */
void proc_cache_sweep(struct proc_cache *cache);

/**
 * stat of descriptor fd of the thread. 0 or -EBADF. Success through an entry that is not by_number
 * afterwards proves that the entry is the live thread of that id.
 */
int proc_stat_fd(struct proc *proc, int fd, struct stat *st);
/** As above, by symbolic link: whether the number is in use, without touching what it is. After
 * proc_stat_fd or proc_refresh: of a thread that has ended no number is in use. */
bool proc_fd_used(struct proc *proc, int fd);
/** Our own copy of descriptor fd, or a negative errno. */
int proc_take_fd(struct proc *proc, int fd);
/**
 * Our own copy of a regular file that it has open as descriptor fd; where descriptors cannot be
 * taken, opened anew. Or a negative errno.
 */
int proc_take_file(struct proc *proc, int fd, bool writable);
/** False: pidfd_getfd is denied (Docker without CAP_SYS_PTRACE). */
bool proc_can_take_fds(void);
/** Its memory, borrowed; NULL: gone. *fresh: just opened, by number. */
struct mm *proc_mm(struct proc *proc, bool *fresh);
/** The id of its thread group; 0: it is gone. */
pid_t proc_tgid(struct proc *proc);
/** Forget what is held of whoever had the id; all is by number again. False: it is gone. */
bool proc_reopen(struct proc *proc);
/** As above, unless the thread that it was opened for lives: then it is the one of that id. */
bool proc_refresh(struct proc *proc);
/** First descriptor number that it may not have (RLIMIT_NOFILE). */
unsigned proc_fd_limit(const struct proc *proc);

/* ---- fdtable.c: open files and their stand-ins ---- */

/** What an open file was opened as, for traces and for opening it anew through /proc/self/fd. */
struct fd_origin {
	const struct tree_entry *node; /* NULL: a device */
	char path[64];
	bool attribute; /* a file of /sys */
	unsigned flags; /* of the open: access mode, O_NONBLOCK and so on */
};

struct fdtable;

/** devices_open is told whenever the number of open devices changes. Any thread. */
struct fdtable *fdtable_create(
	void (*devices_open)(void *ctx, unsigned n), void *ctx, struct error *error);
/** Releases every file that is left. */
void fdtable_destroy(struct fdtable *table);

/**
 * Enter an open file. Returns a descriptor (the caller's, to be sent to the program and closed) of
 * its stand-in, the file's reference is consumed (at once where the device is open already, whose
 * first file then answers); or a negative errno. The file lives until no copy of that descriptor,
 * and no mapping, is left anywhere. Not under the host lock.
 */
int fdtable_add(struct fdtable *table, struct file *file, const struct fd_origin *origin);

/** The file whose stand-in this is, reference taken; NULL: none of ours. origin may be NULL. */
struct file *fdtable_find(struct fdtable *table, const struct stat *st, struct fd_origin *origin);
/**
 * A descriptor of the memory behind a stand-in (BARs), for the caller to close; -1: none of ours.
 * memfd, unless NULL: the number by which the device knows it (pci_dev.memfd).
 */
int fdtable_memory(struct fdtable *table, uint64_t dev, uint64_t ino, int *memfd);

/** Whether we can afford this descriptor of ours, which is new and is to be kept. */
bool fdtable_affords(const struct fdtable *table, int fd);

/** Release files whose last descriptor was closed before this call. Not under the host lock. */
void fdtable_drain(struct fdtable *table);
/** Release files whose last descriptor was closed, event or not. Not under the host lock. */
void fdtable_settle(struct fdtable *table);
/** The closer thread's: drains too, and says how long until it must look again (ms; -1: ever). */
int fdtable_close(struct fdtable *table);
/** Readable when there is something to drain. */
int fdtable_events(const struct fdtable *table);

/* ---- eventfds.c: where proc_can_take_fds is false ---- */

struct eventfds;

struct eventfds *eventfds_create(void);
void eventfds_destroy(struct eventfds *e); /* NULL accepted */
/**
 * A copy of the eventfd that is descriptor fd of the thread. -EBADF; -EINVAL: it is none; -EPERM: it
 * is one that we did not see made.
 */
int eventfds_take(struct eventfds *e, const struct proc *proc, int fd);

/* ---- usermem.c ---- */

struct call;

int usermem_copy_in(struct caller *caller, void *dst, uint64_t uaddr, size_t len);
int usermem_copy_out(struct caller *caller, uint64_t uaddr, const void *src, size_t len);
/** False: the call must be handled anew, since the program owes some of it. */
bool usermem_there(struct call *call, uint64_t uaddr, uint64_t len);
/** A string of at most len - 1 bytes, terminated. Its length, -EFAULT, -ENAMETOOLONG. */
int usermem_string(struct call *call, uint64_t uaddr, char *buf, size_t len);
/**
 * The calling thread's memory. Where no file was found through the entry that we keep of the thread,
 * that may be one of a thread that had its id before: then it is opened anew.
 */
struct mm *usermem_of(struct call *call);
/** Whatever the protection; bytes copied before the first that cannot be. */
ssize_t mm_read(const struct mm *mm, void *dst, uint64_t addr, size_t len);
ssize_t mm_write(const struct mm *mm, uint64_t addr, const void *src, size_t len);

/* ---- pin.c ---- */

int usermem_pin(struct caller *caller, uint64_t uaddr, uint64_t bytes, unsigned prot,
	struct umem **out, struct why *why);

/* ---- memlock.c: --memlock=enforce ---- */

struct memlocks;

struct memlocks *memlocks_create(void);
/** No memory is charged any more. NULL accepted. */
void memlocks_destroy(struct memlocks *locks);
/** caller_ops.memlock: false where serve->memlocks is NULL. */
bool usermem_memlock(struct caller *caller, struct memlock *out);

/* ---- userfault.c: memory that programs serve themselves ---- */

/** Whether faults at addr of the thread's memory are served by a userfaultfd. */
bool userfault_serves(pid_t tid, uint64_t addr);

/** Bytes for the program, which may still be written once their pages are there. */
struct outgoing {
	struct outgoing *next;
	uint64_t uaddr;
	size_t len, done;
	char data[];
};

/** What a call found missing in memory that the program serves. All zero: nothing. */
struct owed {
	struct mm *mm;	   /* reference */
	bool again;	   /* to be handled anew once addr is there: nothing has happened yet */
	uint64_t addr;	   /* where again */
	struct file *file; /* reference, where again: what the call is about; NULL: not known yet */
	struct fd_origin origin; /* its */
	struct outgoing *out;
};

void owed_drop(struct owed *owed);

/* ---- path.c ---- */

struct path_node {
	const struct tree_entry *node; /* an open of this node */
	bool device;		       /* an open device, by /proc/self/fd */
	bool sysfs;		       /* a file of the box's /sys: */
	struct live_attr attr;
};

/** What an open of path (as the calling thread sees it) would open. False: nothing of ours. */
bool path_find_node(
	struct call *call, int dirfd, const char *path, uint64_t flags, struct path_node *out);

/** Whether path leads to a file of the box's /sys, and then which. */
bool path_find_attr(
	struct call *call, int dirfd, const char *path, uint64_t flags, struct live_attr *out);
/** What path leads to (O_PATH); -1: nowhere that we could tell. */
int path_open(struct call *call, int dirfd, const char *path, uint64_t flags);

/** Which node an open file with this stat is an open of, on the mount of that id. NULL: none. */
const struct tree_entry *path_node_of(struct call *call, const struct stat *st, uint64_t mnt_id);

/* ---- calls.c ---- */

/** One notified system call. Pointers are borrowed from the notification thread. */
struct call {
	struct caller caller; /* first: what the uAPI layers get */
	struct serve *serve;
	const struct seccomp_notif *notif;
	struct proc *proc;	 /* NULL until call_proc */
	bool known;		 /* a file was found through proc: it is the calling thread's */
	struct vma vma;		 /* where it last copied to or from; end 0: nowhere */
	struct fd_origin origin; /* of the file it is about */
	struct file *file;	 /* that file, the handler's */
	struct file *held;	 /* handled anew: the file from before, reference */
	bool settled;		 /* it has had effects: not to be handled anew */
	struct owed owed;
	uint64_t begin_ns; /* when it was received; 0: nothing was traced then */
};

/** The call shall run as if we were not there. */
#define CALL_CONTINUE LONG_MIN

/** What a system call means: its result, a negative errno, or CALL_CONTINUE. */
long call_handle(struct call *call);
void call_init(struct call *call, struct serve *serve, const struct seccomp_notif *notif);
void call_finish(struct call *call);
/** Not to be answered yet: see owed. */
static inline bool call_owes(const struct call *call)
{
	return call->owed.mm;
}
/** To be handled anew: its result is none. */
static inline bool call_again(const struct call *call)
{
	return call->owed.again;
}
/** Whether the caller still waits for our answer. */
bool call_valid(const struct call *call);
/** The calling thread, opened on first use and known to be the one that waits. NULL: gone. */
struct proc *call_proc(struct call *call);

/* ---- poller.c ---- */

struct poller;

struct poller *poller_start(struct machine *machine, bool spin, struct error *error);
void poller_stop(struct poller *poller); /* NULL accepted */
/** fdtable's devices_open. */
void poller_devices(void *ctx, unsigned n);
/** A call that may have given a device work was made: look soon. */
void poller_kick(struct poller *poller);

/* ---- parked.c ---- */

struct parked;

typedef void parked_answer_fn(void *ctx, const struct seccomp_notif *notif, long result);

struct parked *parked_create(struct serve *serve, parked_answer_fn *answer, void *ctx);
/** No receiver runs any more. NULL accepted. */
void parked_destroy(struct parked *parked);
/** A call that owes: takes what it owes over, and will answer it. False: no memory. */
bool parked_add(struct parked *parked, struct call *call, long result);

/* ---- notify.c ---- */

struct serve {
	struct serve_args args;
	struct proc_cache *procs;
	struct fdtable *fds;
	struct eventfds *eventfds; /* NULL: descriptors can be taken */
	struct memlocks *memlocks; /* NULL: locked memory is not accounted */
	struct pins *pins;	   /* NULL without --strict-pin */
	struct report *report;
	struct poller *poller;
	struct receivers *receivers;
	struct live *live;	    /* NULL: /sys stays as it was when the box started */
	atomic_bool userfaults;	    /* some program may serve faults of the kernel (userfault.c) */
	atomic_bool userfaults_any; /* or of its own only */
	int anon;		    /* an eventfd: what files without a name look like */
	pthread_mutex_t late_lock;  /* making up for an open (late.c) */
	pthread_mutex_t install_lock; /* choosing a descriptor number and installing it */
	unsigned next_number;	      /* above select's limit, look from here; install_lock */
};

struct receivers *receivers_start(struct serve *serve, struct error *error);
void receivers_stop(struct receivers *receivers); /* NULL accepted */

#endif
