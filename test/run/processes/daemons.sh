#!/bin/sh
# SPDX-License-Identifier: MIT
# Processes that outlive the program: served while they live, reaped when they end, and gone at
# once when nestbox is.
# usage: daemons.sh NESTBOX PROGRAM
nestbox=$1
program=$2
failures=0
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99
mark=$((100000 + $$)) # no other process has it as an argument

ok() { # ok NAME EXPECTED ACTUAL
	if [ "$2" = "$3" ]; then
		echo "ok: $1"
	else
		echo "not ok: $1: expected '$2', got '$3'"
		failures=$((failures + 1))
	fi
}

# until COMMAND: poll it for at most a minute.
until_true() {
	left=1200
	while ! eval "$1" && [ $left -gt 0 ]; do
		sleep 0.05
		left=$((left - 1))
	done
	[ $left -gt 0 ]
}

alive() {
	cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' | grep -cx "[1]${mark#1}"
}

# ---- daemons do DMA after the program has ended ----

cat >daemon <<'EOT'
# Two sessions away from the program, which ends meanwhile.
echo $1 started
until [ -e go ]; do sleep 0.02; done
"$2" >"$1.out" 2>&1
echo $? >"$1.status"
EOT
# Each way to leave, one after the other: there is one device.
for way in 'setsid -f sh daemon daemon "$0"' 'nohup sh daemon daemon "$0" &' \
	'(setsid sh -c "(sh daemon daemon \"$0\") &" "$0") &'; do
	rm -f go daemon.status
	"$nestbox" run --quiet -- sh -c "{ $way
	} >started 2>/dev/null; echo \$\$ >pid; exit 3" "$program" &
	box=$!
	until_true '[ -s started ] && [ -s pid ] && [ ! -e "/proc/$(cat pid)" ]'
	kill -0 $box || ok "the box of $way lives" yes no
	touch go
	wait $box
	ok "exit status of the program: $way" 3 $?
	ok "DMA by what outlived it" "0 1" "$(cat daemon.status) $(grep -c 'every byte right' daemon.out)"
	rm -f started pid
done

# ---- nobody stays a zombie ----

ok 'orphans are reaped' 0 "$("$nestbox" run -- sh -c '
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do setsid -f true; done
	guardian=$PPID
	zombies() {
		for pid in $(cat /proc/$guardian/task/$guardian/children); do
			sed "s/.*) //" /proc/$pid/stat 2>/dev/null
		done | grep -c ^Z
	}
	left=200
	while [ "$(zombies)" != 0 ] && [ $left -gt 0 ]; do sleep 0.05; left=$((left - 1)); done
	zombies')"
ok 'a bounded spawner' 0 "$("$nestbox" run -- sh -c '
	i=0; while [ $i -lt 300 ]; do sh -c ": & :" & i=$((i + 1)); done; wait'; echo $?)"

# ---- nobody survives ----

cat >everybody <<'EOT'
mark=$1
trap '' TERM HUP INT QUIT
setsid -f sh -c "trap '' TERM HUP INT QUIT; sleep $mark & sleep $mark; :"
setsid sleep $mark &
sleep $mark & kill -STOP $!
setsid -f sh -c "kill -STOP \$\$; : $mark" $mark
n=6
# In pid and user namespaces of their own, where these can be made.
unshare -Urpf true 2>/dev/null && { unshare -Urpf sleep $mark & n=$((n + 2)); }
# With other uids.
[ "$(id -u)" = 0 ] && { setpriv --reuid=1234 --regid=1234 --clear-groups sleep $mark & n=$((n + 1)); }
# And some that make ever new ones.
setsid -f sh -c "i=0; while [ \$i -lt 300 ]; do setsid -f sleep $mark; i=\$((i + 1)); done"
echo $n >ready
sleep $mark
EOT
populate() { # the box is full of them
	rm -f ready
	"$nestbox" run --quiet -- sh everybody "$mark" 2>/dev/null &
	box=$!
	until_true '[ -s ready ]'
	until_true '[ "$(alive)" -ge $(($(cat ready) + 20)) ]' || ok 'a full box' many "$(alive)"
}

populate
kill -KILL $box
wait $box 2>/dev/null
until_true '[ "$(alive)" = 0 ]'
ok 'nobody survives the supervisor' 0 "$(alive)"

populate
kill -KILL "$(for pid in $(cat /proc/$box/task/$box/children); do
	grep -lx nestbox-guard /proc/$pid/comm
done | cut -d/ -f3)"
wait $box
ok 'status when the guardian is killed' 137 $?
ok 'nobody survives the guardian' 0 "$(alive)"

populate
kill -STOP $box
kill -KILL $box
wait $box 2>/dev/null
until_true '[ "$(alive)" = 0 ]'
ok 'nor a supervisor that was stopped' 0 "$(alive)"

[ $failures = 0 ]
