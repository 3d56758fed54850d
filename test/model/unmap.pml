/* SPDX-License-Identifier: MIT */
/*
 * No access to what was unmapped: devices that translate, and who clears descriptors, has them
 * invalidated, waits (CMD_SYNC) and then reuses page or table (design 11, rule R6).
 *
 *   here				there
 *   reader: A, B, D			port_enter, port_leave (src/tlb/port.h)
 *   reader: hit			smmu_hit (src/smmuv3/lookup.h)
 *   reader: gens			smmu_gens_of: the generation first, that of tables second
 *   reader: find			iotlb_find, survives, reaches (src/tlb/iotlb.c)
 *   reader: walk			leaf_walk with its cache of tables (src/smmuv3/leaf.h), smmu_walk
 *   writer: clear			a table's word is written: by the host's driver, or by a guest
 *   writer: range			iotlb_invalidate_range; of a table, leaf is false
 *   writer: barrier, wait		wait_barrier, port_wait_begin, port_wait_poll (src/tlb/port.c)
 *
 * x86-TSO: what a reader stores waits in a buffer, first in, first out, until `drain` or a barrier
 * carries it out: its port's word, and what the device writes. Loads are in order. The writer has no
 * buffer: between what it clears and the generation is a locked instruction, which empties it.
 * membarrier is: each reader's buffer was empty at some moment of the call.
 *
 * Left out: other tags (CFGI: config.pml), full invalidations (a range that reaches everything),
 * collisions of slots, block sizes, weaker memories than x86's. The port's word counts modulo 4: who
 * waits may only wait longer for that.
 *
 * What must not be: an access to a page or table that was taken back; a state in which nobody can go
 * on though the writer has not ended. With one of these defined, the first must come about:
 *   NO_BARRIER NO_WAIT LEAVE_EARLY GEN_AFTER_WALK TABLES_FIRST BUMP_FIRST NO_LOG_ZERO NO_LOG_RECHECK
 * FENCES: readers fence, and there is no membarrier.
 */
#ifndef READERS
#define READERS 1
#endif
#ifndef OPS
#define OPS 2 /* that the writer does */
#endif
#define PAGES  2
#define RANGES 1 /* of the log: as few as wrap at once */
#define SEQ    2 /* in a buffer: below are pages */

byte seq[READERS];
chan buffer[READERS] = [4] of { byte, byte };

bool desc[PAGES] = true; /* leaves: page n maps frame n */
bool freed[PAGES];
bool linked = true; /* the one table of them */
bool freed_table;

byte gen, tables;
byte log_number, log_first, log_last; /* of the range logged last */

inline put(what, value)
{
	buffer[me]!what, value
}

proctype drain(byte me)
{
	byte what, value;

end:	do
	:: atomic {
		buffer[me]?what, value ->
		if
		:: what == SEQ -> seq[me] = value
		:: else -> assert(!freed[what])
		fi
	   }
	od
}

/* Whether the one range since `born` may have reached the page: into `dead`. */
inline survives()
{
	if
	:: g - born[p] > RANGES -> dead = true
	:: g == born[p] -> dead = false
	:: else ->
		number = log_number;
		first = log_first;
		last = log_last;
		dead = number != born[p] + 1 || (first <= p && p <= last);
#ifndef NO_LOG_RECHECK
		dead = dead || log_number != number;
#endif
	fi
}

inline leave()
{
	my = (my + 1) % 4; /* D */
	put(SEQ, my)
}

inline access()
{
	if
	:: assert(!freed[p]) /* the device reads */
	:: put(p, 0)	     /* it writes */
	fi
}

inline load_gens()
{
#ifdef TABLES_FIRST
	t = tables;
	g = gen
#else
	g = gen;
	t = tables
#endif
}

/* Into `ok`: the descriptor of page p is there. */
inline walk()
{
	ok = true;
	if
	:: leaf_known && leaf_gen == t -> skip
	:: else ->
		ok = linked;
		leaf_known = ok;
		leaf_gen = t
	fi;
	if
	:: ok ->
		atomic {
			assert(!freed_table);
			ok = desc[p]
		}
	:: else
	fi
}

proctype reader(byte me)
{
	bool cached[PAGES], leaf_known, ok, dead;
	byte born[PAGES], my, p, g, t, leaf_gen, number, first, last;

end:	do
	:: break /* a device may stop for good */
	:: select(p : 0 .. PAGES - 1);
		my = (my + 1) % 4;
		put(SEQ, my); /* A */
#ifdef FENCES
		empty(buffer[me]); /* B */
#endif
		g = gen; /* hit */
		if
		:: cached[p] && born[p] == g -> ok = true
		:: else ->
			load_gens();
			dead = true;
			if
			:: cached[p] -> survives()
			:: else
			fi;
			if
			:: !dead -> born[p] = g; ok = true
			:: else ->
				walk();
#ifdef GEN_AFTER_WALK
				g = gen;
#endif
				if
				:: ok -> cached[p] = true; born[p] = g
				:: else
				fi
			fi
		fi;
#ifdef LEAVE_EARLY
		leave();
#endif
		if
		:: ok -> access()
		:: else
		fi;
#ifndef LEAVE_EARLY
		leave();
#endif
		/* What is not used outside sections. */
		atomic { g = 0; t = 0; number = 0; first = 0; last = 0; ok = false; dead = false }
	od
}

inline range(from, to, leaf)
{
#ifndef NO_LOG_ZERO
	log_number = 0;
#endif
	log_first = from;
	log_last = to;
	log_number = gen + 1;
	if
	:: leaf
	:: else -> tables++
	fi;
	gen++
}

inline sync()
{
#if !defined(FENCES) && !defined(NO_BARRIER)
	for (i : 0 .. READERS - 1) { /* membarrier */
		empty(buffer[i])
	}
#endif
#ifndef NO_WAIT
	for (i : 0 .. READERS - 1) {
		waited[i] = seq[i]
	}
	for (i : 0 .. READERS - 1) {
		waited[i] % 2 == 0 || seq[i] != waited[i]
	}
#endif
}

inline unmap_page(p)
{
#ifdef BUMP_FIRST
	range(p, p, true);
	desc[p] = false;
#else
	desc[p] = false;
	range(p, p, true);
#endif
	sync();
	freed[p] = true
}

inline remap_page(p)
{
	atomic {
		freed[p] = false;
		desc[p] = true
	}
}

/* The table goes and all that it maps; then it comes back, with what it had. */
inline unlink_table()
{
	linked = false;
	range(0, PAGES - 1, false);
	sync();
	atomic {
		freed_table = true;
		freed[0] = true;
		freed[1] = true
	};
	/* Here a reader may run into what is left of it. */
	atomic {
		freed_table = false;
		freed[0] = !desc[0];
		freed[1] = !desc[1];
		linked = true
	}
}

proctype writer()
{
	byte i, n, waited[READERS];

	do
	:: n == OPS -> break
	:: n < OPS ->
		n++;
		if
		:: desc[0] -> unmap_page(0)
		:: desc[1] -> unmap_page(1)
		:: !desc[0] -> remap_page(0)
		:: unlink_table()
		fi
	od
}

init
{
	byte i;

	atomic {
		for (i : 0 .. READERS - 1) {
			run drain(i);
			run reader(i)
		}
		run writer()
	}
}
