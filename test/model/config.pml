/* SPDX-License-Identifier: MIT */
/*
 * No access under a configuration that is no more: devices that translate, and who rewrites an STE,
 * sends CFGI, waits (CMD_SYNC), and then reuses what the old configuration reached.
 *
 *   here				there
 *   reader: hit			smmu_hit (src/smmuv3/lookup.h)
 *   reader: held			smmu_held_usable
 *   reader: A, B, C, D, E		configure (src/smmuv3/translate.c): the table in src/smmuv3/config.c
 *   reader: fill			fill of src/smmuv3/config.c, under cfg_lock
 *   writer: 1, 2, 3			drop_slot, below invalidate of src/smmuv3/config.c
 *   evictor				drop_slot, below take_slot: another stream wants the slot
 *   writer: sync			as in unmap.pml
 *
 * Configuration n reaches page n and nothing else. Memory is x86-TSO as in unmap.pml. Left out: TLBIs
 * (unmap.pml), the seqlock of a slot (its words are read at once), more attempts than 2, SMMUEN.
 *
 * What must not be: an access to a page whose configuration was taken back; a state in which nobody
 * can go on though the writer has not ended. With one of these defined, the first must come about:
 *   NO_BARRIER NO_WAIT NO_RECHECK RECHECK_FIRST BUMP_TAG_FIRST FILL_UNCHECKED HELD_UNCHECKED
 * FENCES: readers fence, and there is no membarrier.
 */
#ifndef READERS
#define READERS 1
#endif
#ifndef OPS
#define OPS 2 /* that the writer does */
#endif
#define EVICTIONS 1
#define SEQ	  2 /* in a buffer: below are pages */

byte seq[READERS];
chan buffer[READERS] = [4] of { byte, byte };

byte ste;
bool slot_valid;
byte slot_cfg;
byte cfg_gen, gen;
bool lock;
bool freed[2];

inline put(what, value)
{
	buffer[me]!what, value
}

inline take()
{
	atomic {
		!lock -> lock = true
	}
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

inline access(page)
{
	if
	:: assert(!freed[page]) /* the device reads */
	:: put(page, 0)		/* it writes */
	fi
}

/* B, of a stream whose configuration is not cached. */
inline fill()
{
	cfg = ste;
	take();
	if
#ifdef FILL_UNCHECKED
	:: true ->
#else
	:: cfg_gen == state ->
#endif
		if
		:: !slot_valid -> slot_valid = true; slot_cfg = cfg
		:: else
		fi;
		tag = true
	:: else
	fi;
	lock = false
}

inline configure()
{
	state = cfg_gen; /* A */
	tag = false;
	again = false;
	d_step { /* B */
		if
		:: slot_valid -> cfg = slot_cfg; tag = true
		:: else
		fi
	};
	if
	:: !tag -> fill()
	:: else
	fi;
#ifdef RECHECK_FIRST
	again = cfg_gen != state;
	g = gen;
#else
	g = gen; /* C */
#ifndef NO_RECHECK
	again = cfg_gen != state; /* D */
#endif
#endif
	tag = tag && !again
}

proctype reader(byte me)
{
	bool tag, again, cached;
	byte cfg, state, held_gen; /* held */
	byte page, born;	   /* the IOTLB's entry */
	byte my, g;

end:	do
	:: break /* a device may stop for good */
	:: true ->
		my = (my + 1) % 4;
		put(SEQ, my);
#ifdef FENCES
		empty(buffer[me]);
#endif
		g = gen;
		if
		:: tag && g == held_gen && cached && born == g -> access(page)
		:: else ->
			g = gen;
			if
#ifdef HELD_UNCHECKED
			:: tag -> skip
#else
			:: tag && cfg_gen == state -> skip
#endif
			:: else ->
				configure();
				if
				:: again -> configure()
				:: else
				fi
			fi;
			held_gen = g;
			if
			:: tag -> cached = true; born = g; page = cfg /* E */
			:: else
			fi;
			access(cfg)
		fi;
		my = (my + 1) % 4;
		put(SEQ, my);
		atomic { /* what is not used outside sections */
			g = 0;
			again = false;
			if
			:: !tag -> cfg = 0; state = 0; held_gen = 0
			:: else
			fi
		}
	od
}

inline drop_slot()
{
#ifdef BUMP_TAG_FIRST
	slot_valid = false;
	gen++;
	cfg_gen++
#else
	slot_valid = false; /* 1 */
	cfg_gen++;	    /* 2 */
	gen++		    /* 3 */
#endif
}

inline cfgi()
{
	take();
#ifndef BUMP_TAG_FIRST
	cfg_gen++;
#endif
	if
	:: slot_valid -> drop_slot()
	:: else ->
#ifdef BUMP_TAG_FIRST
		cfg_gen++
#endif
	fi;
	lock = false
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

proctype writer()
{
	byte i, n, waited[READERS];

	do
	:: n == OPS -> break
	:: n < OPS ->
		n++;
		freed[1 - ste] = false;
		ste = 1 - ste;
		cfgi();
		sync();
		freed[1 - ste] = true
	od
}

proctype evictor()
{
	byte n;

	do
	:: n == EVICTIONS -> break
	:: n < EVICTIONS ->
		n++;
		take();
		if
		:: slot_valid -> drop_slot()
		:: else
		fi;
		lock = false
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
		run writer();
		run evictor()
	}
}
