#!/bin/sh
# SPDX-License-Identifier: MIT
# strace, gdb and valgrind on programs in a box, from inside and from outside.
# usage: debug.sh NESTBOX FIRST-LIGHT DEBUGGEE
nestbox=$1
program=$2
debuggee=$3
failures=0
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99
for tool in strace gdb valgrind; do
	command -v $tool >/dev/null || {
		echo "skipped: no $tool, which Debian's package of that name has"
		exit 77
	}
done
# What nobody needs here: symbol servers, settings, history.
unset DEBUGINFOD_URLS
export HOME="$tmp"

# has NAME FILE PATTERN...: each is matched by some line
has() {
	name=$1 file=$2
	shift 2
	for pattern in "$@"; do
		grep -Eq -- "$pattern" "$file" && continue
		echo "not ok: $name: no '$pattern' in:"
		cat "$file"
		failures=$((failures + 1))
		return
	done
	echo "ok: $name"
}

# Start the debuggee in a box: its own number is the first that it prints.
start() {
	rm -f go out
	"$nestbox" run --quiet -- "$debuggee" go >out &
	box=$!
	left=1200
	until [ -s out ] || [ $left = 0 ]; do
		sleep 0.05
		left=$((left - 1))
	done
	pid=$(head -1 out)
}

# Let it go on: it copies by DMA.
finish() {
	touch go
	wait $box
	echo "status $?" >>out
	has "$1: it goes on and finishes" out '^copied$' '^status 0$'
}

bounded() { timeout --foreground -k 5 60 "$@" </dev/null; }

# ---- inside ----

bounded "$nestbox" run --quiet -- strace -f -o calls "$program" >out 2>&1
echo "status $?" >>out
has 'strace -f' out 'every byte right$' '^status 0$'
has 'what strace saw' calls 'open.*/dev/vfio/vfio.* = [0-9]+$' 'ioctl\([0-9]+, VFIO_.* = 0$' \
	'pread64\([0-9]+, .* = 4$'

# A breakpoint, a call of a function, steps over calls and over an instruction, and meanwhile
# another program in the box has a device for itself.
rm -f go
bounded "$nestbox" run --quiet -- gdb -nx -batch -ex 'break look' -ex run -ex 'print api_version()' \
	-ex next -ex next -ex next -ex "shell '$program' 0000:03:00.0" \
	-ex 'catch syscall ioctl' -ex continue -ex continue -ex stepi -ex 'print $rax' -ex delete \
	-ex 'shell touch go' -ex continue --args "$debuggee" go >out 2>&1
has 'gdb inside' out '^Breakpoint 1, .*look' '^\$1 = 0$' 'every byte right$' \
	'Catchpoint 2 \((call to|returned from) syscall ioctl\)' '^copied$' 'exited normally'

for valgrind in 'valgrind --error-exitcode=9' 'valgrind --tool=none'; do
	# 1024: there valgrind takes the program's last descriptor numbers for itself.
	for limit in "$(ulimit -n)" 1024; do
		(ulimit -n "$limit" && bounded "$nestbox" run --quiet -- $valgrind "$program") >out 2>&1
		echo "status $?" >>out
		has "$valgrind, $limit descriptors" out 'every byte right$' '^status 0$'
	done
done
bounded "$nestbox" run --quiet -- valgrind --error-exitcode=9 sh -c 'exit 5' >out 2>&1
echo "status $?" >>out
has 'exit status through valgrind' out '^status 5$'

# ---- from outside ----

# In a box made without root, gdb may not enter the mount namespace: the files are the same.
attach() { bounded gdb -nx -batch -iex 'set sysroot /' -p "$pid" "$@"; }

start
attach -ex 'print api_version()' -ex 'break look' -ex continue -ex next -ex next -ex next \
	-ex "shell '$nestbox' run --quiet -- '$program'" -ex detach >seen 2>&1
has 'gdb -p' seen '^\$1 = 0$' '^Breakpoint 1, .*look' 'every byte right$' 'detached\]'
# Wherever it is: mostly in a call.
i=0
while [ $i -lt 5 ]; do
	attach -ex 'print looks' -ex detach >seen 2>&1
	has "gdb -p, time $i" seen '^\$1 = [1-9][0-9]*$' 'detached\]'
	i=$((i + 1))
done
finish 'gdb -p'

start
rm -f calls
strace -f -p "$pid" -o calls 2>/dev/null &
tracer=$!
left=1200
until grep -q 'ioctl.* = 0$' calls 2>/dev/null || [ $left = 0 ]; do
	sleep 0.05
	left=$((left - 1))
done
kill -TERM $tracer
wait $tracer
has 'strace -p' calls 'ioctl\([0-9]+, VFIO_GET_API_VERSION.* = 0$' 'pread64\([0-9]+, .* = 2$'
finish 'strace -p'

# ---- from inside, by somebody else in the box; and stopped, while others go on ----

rm -f go
bounded "$nestbox" run --quiet -- sh -c '"$1" go >out & pid=$!
	until [ -s out ]; do sleep 0.05; done
	gdb -nx -batch -p $pid -ex "print api_version()" -ex "break look" -ex continue -ex detach
	kill -STOP $pid
	"$0" 0000:03:00.0
	kill -CONT $pid
	touch go
	wait $pid
	echo "ended $?"' "$program" "$debuggee" >seen 2>&1
has 'gdb -p inside' seen '^\$1 = 0$' '^Breakpoint 1, .*look' 'detached\]' 'every byte right$' '^ended 0$'

[ $failures = 0 ]
