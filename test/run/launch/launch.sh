#!/bin/sh
# SPDX-License-Identifier: MIT
# What a program in a box shares with one outside, and what is left when it has ended.
# usage: launch.sh BOXED [ROUNDS]   (as root it runs itself once more as an ordinary user)
self=$(readlink -f "$0")
boxed=$(readlink -f "$1")
rounds=${2:-20}
failures=0
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99

# A number that no other process has as an argument.
mark=$((100000 + $$))

ok() { # ok NAME EXPECTED ACTUAL
	if [ "$2" = "$3" ]; then
		echo "ok: $1"
	else
		echo "not ok: $1: expected '$2', got '$3'"
		failures=$((failures + 1))
	fi
}

status() {
	"$boxed" -- "$@" >/dev/null 2>&1
	echo $?
}

# How many processes carry our mark (grep itself must not).
alive() {
	cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' | grep -cx "[1]${mark#1}"
}

# none SECONDS: wait until none does.
none() {
	left=$(($1 * 20))
	while [ "$(alive)" != 0 ] && [ "$left" -gt 0 ]; do
		sleep 0.05
		left=$((left - 1))
	done
	alive
}

until_alive() {
	left=100
	while [ "$(alive)" -lt "$1" ] && [ "$left" -gt 0 ]; do
		sleep 0.05
		left=$((left - 1))
	done
}

# The state letter of a process, once it is the expected one.
state() {
	left=40
	while now=$(sed 's/.*) //; s/ .*//' "/proc/$1/stat") && [ "$now" != "$2" ] && [ "$left" -gt 0 ]; do
		sleep 0.05
		left=$((left - 1))
	done
	echo "$now"
}

mounts_before=$(wc -l </proc/self/mountinfo)

ok 'exit status' 42 "$(status sh -c 'exit 42')"
ok 'success' 0 "$(status true)"
ok 'a signal is 128 + n' 143 "$(status sh -c 'kill -TERM $$')"
# In a PATH that holds folders which are closed to us it would be 126, as it is for env.
ok 'not found is 127' 127 "$(PATH=/usr/bin:/bin; status "no-such-program-$mark")"
ok 'not executable is 126' 126 "$(status /etc)"
ok 'why is told' 1 "$(PATH=/usr/bin:/bin; "$boxed" -- "no-such-$mark" 2>&1 | grep -c "no-such-$mark: No such file or directory")"
ok 'no box is 125' 125 "$("$boxed" --user "nobody-$mark" -- true 2>/dev/null; echo $?)"

ok 'working directory' "$tmp" "$("$boxed" -- pwd)"
ok 'environment' "$(env -i A=1 B=2 env)" "$(env -i A=1 B=2 "$boxed" -- /usr/bin/env)"
ok 'umask' 0027 "$(umask 027; "$boxed" -- sh -c umask)"
ok 'identity' "$(id -u):$(id -g)" "$("$boxed" -- sh -c 'echo $(id -u):$(id -g)')"
ok 'process group' "$(awk '{print $5}' /proc/self/stat)" "$("$boxed" -- awk '{print $5}' /proc/self/stat)"
ok 'session' "$(awk '{print $6}' /proc/self/stat)" "$("$boxed" -- awk '{print $6}' /proc/self/stat)"
ok 'signal mask and dispositions' "$(grep ^Sig[BI] /proc/self/status)" "$("$boxed" -- grep ^Sig[BI] /proc/self/status)"
ok 'ignored signals stay so' "$(trap '' HUP CHLD; grep ^SigI /proc/self/status)" \
	"$(trap '' HUP CHLD; "$boxed" -- grep ^SigI /proc/self/status)"
ok 'status when SIGCHLD is ignored' 5 "$(trap '' CHLD; "$boxed" -- sh -c 'exit 5'; echo $?)"
ok 'descriptors' "$(ls /proc/self/fd | tr '\n' ' ')" "$("$boxed" -- ls /proc/self/fd | tr '\n' ' ')"
ok 'an inherited descriptor' hello "$(echo hello >f; "$boxed" -- cat 5<f <&5)"
ok 'stdin and stdout are pipes' 3 "$(printf 'a\nb\nc\n' | "$boxed" -- cat | wc -l | tr -d ' ')"
ok 'closed standard descriptors' 7 "$("$boxed" -- sh -c 'exit 7' <&- >&- 2>&-; echo $?)"
ok 'a pipe that the program closed is closed' eof \
	"$("$boxed" -- sh -c 'exec >&-; sleep 1; touch ended' | { cat; [ -e ended ] || echo eof; })"

ok 'our device' 0x8086 "$("$boxed" -- cat /sys/bus/pci/devices/0000:01:00.0/vendor)"
ok 'no device of the host' 0000:01:00.0 "$("$boxed" -- ls /sys/bus/pci/devices)"
ok 'nodes are character devices 1:3' '1:3 1:3' "$("$boxed" -- sh -c 'echo $(stat -c %t:%T /dev/vfio/vfio /dev/vfio/1)')"
ok 'hidden entries' absent "$("$boxed" -- sh -c '[ -e /dev/zero ] || echo absent')"
ok 'the rest of /sys' "$(ls /sys/class/net /sys/devices/system/cpu)" "$("$boxed" -- ls /sys/class/net /sys/devices/system/cpu)"
ok 'links of other classes' "$(readlink -f /sys/class/net/lo)" "$("$boxed" -- readlink -f /sys/class/net/lo)"
ok '/dev/null' 0 "$(status sh -c 'echo x >/dev/null')"
ok '/dev/fd' hi "$(echo hi | "$boxed" -- cat /dev/fd/0)"
ok '/dev/shm' "$(ls -d /dev/shm/. 2>&1)" "$("$boxed" -- ls -d /dev/shm/. 2>&1)"
ok 'reports are empty at first' '{}' "$("$boxed" -- cat /dev/nestbox/last-refusal)"
ok 'reports are written from outside' 'why' "$("$boxed" --report why -- sh -c \
	'while [ "$(cat /dev/nestbox/last-refusal)" != why ]; do sleep 0.05; done; cat /dev/nestbox/last-refusal')"
ok 'node identities' "$("$boxed" --nodes -- sh -c \
	'for f in /dev/vfio/vfio /dev/vfio/1; do echo "$f" $(awk -v f="$f" "\$5 == f { print \$1 }" /proc/self/mountinfo) $(stat -c %i "$f"); done' 2>&1 | sort | uniq -c | awk '{print $1}' | tr '\n' ' ')" '2 2 '

if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
	ok 'the terminal' tty "$(script -qec "'$boxed' -- sh -c 'tty -s && echo tty >/dev/tty'" /dev/null </dev/null | tr -d '\r')"
	ok 'new terminals' tty "$(script -qec "'$boxed' -- script -qec 'tty -s && echo tty' /dev/null" /dev/null </dev/null | tr -d '\r' | sed 's/^^@//')"
fi

# Signals sent to the supervisor alone (the program's grandparent) reach the program.
for sig in INT TERM HUP QUIT USR1 USR2 WINCH; do
	env --default-signal="$sig" "$boxed" -- sh -c "trap 'exit 9' $sig
		kill -$sig \$(awk '/^PPid/ { print \$2 }' /proc/\$PPID/status)
		for i in \$(seq 100); do sleep 0.05; done"
	ok "SIG$sig is passed on" 9 $?
done

# Stop and continue the program: the box goes on.
"$boxed" -- sh -c 'echo $$ >ready; sleep 0.3; exit 6' &
pid=$!
while [ ! -s ready ]; do sleep 0.02; done
kill -STOP "$(cat ready)"
ok 'the program stops' T "$(state "$(cat ready)" T)"
kill -CONT "$(cat ready)"
wait $pid
ok 'and continues' 6 $?

# The box ends with its last process, not with its first.
ok 'descendants are waited for' 'early late 3' "$(echo $("$boxed" -- sh -c '(setsid sh -c "sleep 0.3; echo late") & echo early; exit 3'; echo $?))"
ok 'TERM after the program ends the box' '4 0' "$("$boxed" -- sh -c "setsid sleep $mark & exit 4" >/dev/null 2>&1 & pid=$!
	until_alive 1; sleep 0.2; kill -TERM $pid; wait $pid; echo $? "$(none 3)")"

# Whoever dies, however: nothing is left.
stubborn="trap '' TERM HUP INT; for i in 1 2; do setsid sh -c \"trap '' TERM; sleep $mark & sleep $mark\" & done; sleep $mark"
"$boxed" -- sh -c "$stubborn" 2>/dev/null &
pid=$!
until_alive 5
ok 'a box of five' 5 "$(alive)"
kill -KILL $pid
wait $pid 2>/dev/null
ok 'nothing is left when the supervisor is killed' 0 "$(none 5)"

"$boxed" -- sh -c "$stubborn" 2>/dev/null &
pid=$!
until_alive 5
guardian=$(cat /proc/$pid/task/$pid/children)
kill -KILL $guardian
wait $pid 2>/dev/null
ok 'nor when the guardian is' 0 "$(none 5)"

i=0
while [ $i -lt "$rounds" ]; do
	"$boxed" -- sh -c "setsid sleep $mark & sleep $mark" 2>/dev/null &
	pid=$!
	sleep 0.0$((i * 37 % 97 + 3))
	kill -KILL $pid 2>/dev/null
	wait $pid 2>/dev/null
	i=$((i + 1))
done
ok "nor after $rounds kills at any moment" 0 "$(none 5)"
ok 'no mount is left' "$mounts_before" "$(wc -l </proc/self/mountinfo)"

if [ "$(id -u)" = 0 ]; then
	ok '--user' "$(id -u nobody)" "$("$boxed" --user nobody -- id -u)"
	ok '--user keeps HOME' "$HOME" "$("$boxed" --user nobody -- sh -c 'echo $HOME')"
	echo "# again as an ordinary user"
	cp "$boxed" "$self" "$tmp" && chmod 755 "$tmp" "$tmp"/*
	mkdir -m 1777 user
	PATH=/usr/bin:/bin TMPDIR=$tmp/user setpriv --reuid=65534 --regid=65534 --clear-groups sh "$tmp/${self##*/}" "$tmp/${boxed##*/}" "$rounds" ||
		failures=$((failures + 1))
fi
[ $failures = 0 ]
