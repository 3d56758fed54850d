#!/bin/sh
# SPDX-License-Identifier: MIT
# Killing the program, or nestbox, at random moments of a run with DMA leaves nothing behind.
# usage: kill.sh NESTBOX PROGRAM [ROUNDS] [SEED]
nestbox=$(readlink -f "$1")
program=$(readlink -f "$2")
rounds=${3:-${ROUNDS:-30}}
seed=${4:-${SEED:-$$}}
failures=0
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99
echo "seed $seed"

fail() {
	echo "not ok: $*"
	failures=$((failures + 1))
}

# Processes of ours carry this in their environment.
NESTBOX_KILL_TEST=$$-$seed
export NESTBOX_KILL_TEST

survivors() {
	env -u NESTBOX_KILL_TEST grep -lzsx "NESTBOX_KILL_TEST=$NESTBOX_KILL_TEST" /proc/[0-9]*/environ
}

# What there is of the host: mounts, and files where programs leave them.
state() {
	awk '{ print $5 }' /proc/self/mountinfo | sort
	ls -A /dev/shm /dev/vfio 2>&1 | grep -v "^sem\.\|^ls:"
	ls -A "$tmp" | grep -v '^pid$\|^state'
}

state >state.before
i=0
while [ $i -lt "$rounds" ]; do
	rm -f pid
	"$nestbox" run --quiet -- sh -c 'echo $$ >pid; exec "$0"' "$program" >/dev/null 2>&1 &
	box=$!
	left=200
	while [ ! -s pid ] && [ $left -gt 0 ]; do sleep 0.01; left=$((left - 1)); done
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	sleep "0.$(printf %03d $((seed / 65536 % 400)))"
	if [ $((i % 3)) = 2 ]; then
		kill -KILL $box 2>/dev/null
		wait $box 2>/dev/null
	else
		kill -KILL "$(cat pid)" 2>/dev/null
		wait $box 2>/dev/null
		status=$?
		# 0: it had ended before.
		[ $status = 137 ] || [ $status = 0 ] || fail "round $i: exit status $status"
		[ -z "$(survivors)" ] || fail "round $i: $(survivors) left when nestbox had ended"
	fi
	i=$((i + 1))
done
left=100
while [ -n "$(survivors)" ] && [ $left -gt 0 ]; do sleep 0.05; left=$((left - 1)); done
[ -z "$(survivors)" ] || fail "processes left: $(survivors)"
state >state.after
cmp -s state.before state.after || fail "mounts or files: $(diff state.before state.after)"
[ $failures = 0 ] && echo "ok: $rounds kills leave nothing"
