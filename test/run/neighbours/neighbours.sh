#!/bin/sh
# SPDX-License-Identifier: MIT
# A hundred boxes at the same time, each doing DMA, each byte checked; and none is disturbed by neighbours that
# are killed, that flood their terminal with refusals, or that spin.
# usage: neighbours.sh NESTBOX NEIGHBOUR [BOXES] [ROUNDS]
nestbox=$(readlink -f "$1")
neighbour=$(readlink -f "$2")
boxes=${3:-${BOXES:-100}}
rounds=${4:-${ROUNDS:-20}}
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99
failures=0

# Each box needs an inotify instance of its user's.
limit=$(cat /proc/sys/fs/inotify/max_user_instances)
if [ "$limit" -lt $((boxes + 20)) ]; then
	echo "only $((limit - 20)) boxes: fs.inotify.max_user_instances is $limit"
	boxes=$((limit - 20))
fi

start() { # start ID ROUNDS OPTIONS...
	id=$1 n=$2
	shift 2
	"$nestbox" run --quiet "$@" -- "$neighbour" "$id" "$tmp/go" "$n" >"out.$id" 2>"err.$id" &
	eval "pid_$id=$!"
}

# bad: 1 spins, 2 and 3 are killed in the middle (the box, the program), 4 is refused all the time.
start 1 1000000 --poll=spin
start 2 1000000
start 3 1000000
"$nestbox" run -- sh -c 'echo ready; while :; do : <>/dev/vfio/7; : <>/dev/vfio/1; done' >out.4 2>err.4 &
pid_4=$!
id=5
while [ $id -lt $((boxes + 5)) ]; do
	start $id "$rounds"
	id=$((id + 1))
done

left=1200
while [ "$(cat out.* | grep -c ready)" -lt $((boxes + 4)) ] && [ $left -gt 0 ]; do
	sleep 0.1
	left=$((left - 1))
done
up=$(cat out.* | grep -c ready)
[ "$up" = $((boxes + 4)) ] || { echo "not ok: $up of $((boxes + 4)) came up"; failures=1; head err.*; }
touch go
sleep 0.2
kill -KILL "$pid_2"
children() { cat "/proc/$1/task/$1/children"; }
for guardian in $(children "$pid_3"); do
	for program in $(children "$guardian"); do kill -KILL "$program"; done
done

id=5
while [ $id -lt $((boxes + 5)) ]; do
	eval "wait \$pid_$id" || { failures=$((failures + 1)); echo "not ok: box $id ended with $?: $(cat "err.$id")"; }
	grep -qx done "out.$id" || { failures=$((failures + 1)); echo "not ok: box $id is not done"; }
	[ -s "err.$id" ] && { failures=$((failures + 1)); echo "not ok: box $id said: $(cat "err.$id")"; }
	id=$((id + 1))
done
wait "$pid_2"
[ $? = 137 ] || { failures=$((failures + 1)); echo "not ok: the killed box"; }
wait "$pid_3"
[ $? = 137 ] || { failures=$((failures + 1)); echo "not ok: the box of the killed program"; }
kill -TERM "$pid_1" "$pid_4"
wait "$pid_1" "$pid_4"
[ $failures = 0 ] && echo "ok: $boxes boxes, $rounds copies each"
