#!/bin/sh
# SPDX-License-Identifier: MIT
# Programs killed at random moments, with mappings, devices and DMA, in a box that goes on, leave no
# descriptor in the supervisor, and their group is free for the next one.
# usage: descriptors.sh NESTBOX PROGRAM [ROUNDS] [SEED]
nestbox=$(readlink -f "$1")
program=$(readlink -f "$2")
rounds=${3:-40}
seed=${4:-1}
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99

wait_for() {
	left=12000
	while [ ! -e "$1" ] && [ $left -gt 0 ]; do sleep 0.02; left=$((left - 1)); done
	[ -e "$1" ] || { echo "not ok: no $1"; exit 1; }
}

# In the box. Last closes are seen at the next call of any program: opening a container is one.
cat >inside <<'EOT'
program=$1 rounds=$2 seed=$3
pause() {
	: <>/dev/vfio/vfio # what is kept of us is there, before it is counted
	touch "$1"
	while [ ! -e "$2" ]; do
		: <>/dev/vfio/vfio
		sleep 0.05
	done
}
"$program" && pause before go || exit 1
while [ "$rounds" -gt 0 ]; do
	"$program" &
	seed=$(((seed * 1103515245 + 12345) % 2147483648))
	sleep "0.$(printf %03d $((seed / 65536 % 250)))"
	kill -KILL $! 2>/dev/null
	wait $! 2>/dev/null
	rounds=$((rounds - 1))
done
"$program" && pause after end
EOT
"$nestbox" run --quiet -- sh inside "$program" "$rounds" "$seed" >/dev/null 2>&1 &
box=$!
# The least that is seen within two seconds: what is about to be closed does not count.
descriptors() {
	least=$(ls /proc/$box/fd | wc -l)
	for _ in $(seq 20); do
		sleep 0.1
		now=$(ls /proc/$box/fd | wc -l)
		[ "$now" -ge "$least" ] || least=$now
	done
	echo "$least"
}

wait_for before
before=$(descriptors)
touch go
wait_for after
after=$(descriptors)
touch end
wait $box || { echo "not ok: the box ended with $?"; exit 1; }
[ "$after" -le "$before" ] || { echo "not ok: $before descriptors before, $after after"; exit 1; }
echo "ok: $rounds kills, $before descriptors before, $after after"
