#!/bin/sh
# SPDX-License-Identifier: MIT
# The supervisor of a box lacks something once: its n-th allocation or host call fails. Then there is
# no box, with a message (125), or the program sees an errno that fits (3), or nothing at all (0).
# Never a crash, an end without a word, or something that hangs. What stays behind, `unchanged` sees.
# usage: box.sh NESTBOX PRELOAD PROGRAM     (SEED, EVERY in the environment: which of the many)
nestbox=$(readlink -f "$1")
preload=$(readlink -f "$2")
program=$(readlink -f "$3")
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
seed=${SEED:-$(($(date +%s) % 1000))}
boxes=0 failures=0
echo "seed $seed"

# box KIND WHO N
box() {
	: >"$tmp/log"
	FAIL_KIND=$1 FAIL_WHO=$2 FAIL_AT=$3 FAIL_LOG=$tmp/log LD_PRELOAD=$preload \
		timeout -k 10 120 "$nestbox" run -- "$program" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	boxes=$((boxes + 1))
}

bad() {
	failures=$((failures + 1))
	echo "not ok: $1 $2 $3: $4"
	cat "$tmp/log" "$tmp/out" "$tmp/err"
}

# try KIND WHO N
try() {
	box "$@"
	case $status in
	0 | 3) ;;
	125) [ -s "$tmp/err" ] || bad "$@" "no box, and no message" ;;
	*) bad "$@" "exit status $status" ;;
	esac
}

# each KIND WHO FROM TO STEP
each() {
	n=$3
	while [ "$n" -le "$4" ] && [ $failures -lt 5 ]; do
		try "$1" "$2" "$n"
		n=$((n + $5))
	done
}

total() {
	box "$1" supervisor 0
	[ $status = 0 ] || { bad "$1" supervisor 0 "exit status $status"; exit 1; }
	sed -n 's/^total //p' "$tmp/log"
}

host=$(total host)
alloc=$(total alloc)
[ -n "$host" ] && [ -n "$alloc" ] || { echo "skipped: nestbox takes no preloaded library here"; exit 77; }

# All host calls; the allocations of calls, which come last, and some of those before.
each host supervisor 1 "$((host + 5))" 1
each host children 1 40 1
every=${EVERY:-20}
each alloc supervisor $((1 + seed % every)) $((alloc - 50)) "$every"
each alloc supervisor $((alloc - 49)) "$((alloc + 5))" 1
each alloc children 1 10 1
box host supervisor 0
[ $status = 0 ] || bad host supervisor 0 "afterwards: exit status $status"
echo "$boxes boxes, $failures failures ($host host calls, $alloc allocations)"
[ $failures = 0 ]
