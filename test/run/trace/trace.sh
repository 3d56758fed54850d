#!/bin/sh
# SPDX-License-Identifier: MIT
# Traces in each format, and readers that do not read.
# usage: trace.sh NESTBOX FIRST-LIGHT FLOOD EVENTS
nestbox=$(readlink -f "$1") light=$(readlink -f "$2") flood=$(readlink -f "$3") events=$(readlink -f "$4")
failures=0
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 99

ok() { # ok NAME EXPECTED ACTUAL
	if [ "$2" = "$3" ]; then
		echo "ok: $1"
	else
		echo "not ok: $1: expected '$2', got '$3'"
		failures=$((failures + 1))
	fi
}

# has NAME FILE PATTERN [COUNT]: so many lines match (default: at least one)
has() {
	n=$(grep -cE -- "$3" "$2")
	if [ "$n" = "${4:-$n}" ] && [ "$n" -gt 0 ]; then
		echo "ok: $1"
	else
		echo "not ok: $1: $n lines of $2 match $3"
		failures=$((failures + 1))
	fi
}

# ---- formats

"$nestbox" run --host smmuv3-no-nesting --quiet --trace=text -- "$light" >out 2>err
ok 'text: status' 0 $?
ok 'text: nothing on stderr' '' "$(cat err)"
has 'text: calls' text '^\[[0-9]+\] ioctl\([0-9]+</dev/vfio/vfio>, VFIO_IOMMU_MAP_DMA, \{argsz=32, .*\}\) = 0$' 1
has 'text: reasons' text 'VFIO_TYPE1_NESTING_IOMMU\) = -1 EOPNOTSUPP <iommu-cannot-nest: ' 1
has 'text: faults' text '^nestbox: DMA fault: 0000:01:00.0: read of iova 0xdead000000' 1

for format in json chrome; do
	"$nestbox" run --host smmuv3-no-nesting --quiet --trace-format=$format --trace=$format \
		-- "$light" >out 2>err
	ok "$format: status" 0 $?
	ok "$format: nothing on stderr" '' "$(cat err)"
	"$events" $format $format >$format.events
	ok "$format: parses" 0 $?
	sed 's/^X/call/; s/^i/fault/' $format.events >events
	ok "$format: as many calls as in text" "$(grep -c '^\[' text)" "$(grep -c '^call' events)"
	has "$format: calls" events '^call open [0-9]+ 1 [0-9]+ - - open\("/dev/vfio/vfio", O_RDWR\)$' 1
	has "$format: arguments" events '^call VFIO_IOMMU_MAP_DMA [0-9]+ 1 0 - - ioctl\(.*, \{argsz=32, ' 1
	has "$format: reasons" events '^call VFIO_SET_IOMMU [0-9]+ 1 -1 EOPNOTSUPP iommu-cannot-nest ' 1
	has "$format: faults" events '^fault F_TRANSLATION .*read of iova 0xdead000000' 1
done
has 'chrome: the process' chrome.events '^M process_name [0-9]+ .*"first-light"' 1
has 'chrome: its thread' chrome.events '^M thread_name [0-9]+ .*"first-light"' 1
has 'chrome: nestbox' chrome.events '^M process_name [0-9]+ .*"nestbox: devices"' 1
has 'chrome: the device' chrome.events '^M thread_name 257 .*"0000:01:00.0"' 1

"$nestbox" run --trace-format=json --quiet -- "$light" >out 2>err
"$events" json err >events
ok 'a format alone traces to stderr' 0 $?

# ---- order: what we say of a call stands before what the program says next

ordered() { # every other line of FILE is the program's, of the same number
	sed -nE 's/.*SET_IOMMU[^0-9]*([0-9]+)\).*/nestbox \1/p; s/^(said [0-9]+)$/\1/p' "$1" |
		awk '$1 == "nestbox" { n = $2; seen++ } $1 == "said" && $2 != n { bad++ }
			END { print seen, bad + 0 }'
}
"$nestbox" run -- "$flood" 200 0 said 2>&1 >out | cat >err
ok 'refusals stand before what comes next' '200 0' "$(ordered err)"
"$nestbox" run --quiet --trace -- "$flood" 200 0 said 2>&1 >out | grep -E 'SET_IOMMU, 1|said' >err
ok 'so do calls in a trace' '200 0' "$(ordered err)"

# ---- stderr: a pipe that nobody reads

mkfifo deaf
exec 5<>deaf
"$nestbox" run -- "$flood" 20000 2000 2>deaf 5<&-
ok 'stderr that nobody reads: the program and the device go on' 7 $?
# The pipe holds what was written first: lines, and nothing of half a line but at the end.
timeout 1 cat <&5 >heard
has 'stderr that nobody reads: it has the first lines' heard \
	'^nestbox: VFIO_SET_IOMMU\(10[0-9]+\): EINVAL: the container has an IOMMU of type 3; ' 
ok 'stderr that nobody reads: whole lines' 0 "$(grep -cv '^nestbox: ' heard)"

"$nestbox" run --trace -- "$flood" 20000 2000 2>deaf 5<&-
ok 'a trace to stderr that nobody reads: likewise' 7 $?
timeout 1 cat <&5 >heard
exec 5<&-

# ---- a trace to a FIFO whose reader stops, or leaves

mkfifo fifo
exec 5<>fifo
"$nestbox" run --quiet --trace=fifo --trace-format=json -- "$flood" 20000 1000 2>err 5<&-
ok 'a trace that nobody reads: the program and the device go on' 7 $?
has 'a trace that nobody reads: it is told' err 'the trace is not complete' 1
timeout 1 cat <&5 >heard
exec 5<&-
"$events" json heard >events
ok 'a trace that nobody reads: every line is one' 0 $?
has 'a trace that nobody reads: it has the first calls' events '^call open .*/dev/vfio/vfio'

head -n 3 <fifo >heard &
"$nestbox" run --quiet --trace=fifo -- "$flood" 3000 100 2>err
ok 'a reader that leaves: the program and the device go on' 7 $?
has 'a reader that leaves: it is told' err 'the trace is not complete' 1
wait
ok 'a reader that leaves: what it read' 3 "$(grep -c '^\[' heard)"

# A reader that comes back to it after a while gets everything: 3000 refusals and 50 faults.
(exec <fifo; sleep 0.3; exec cat) >heard &
"$nestbox" run --quiet --trace=fifo -- "$flood" 3000 50 2>err
ok 'a slow reader: status' 7 $?
wait
ok 'a slow reader: nothing is said' '' "$(cat err)"
has 'a slow reader: every call' heard 'SET_IOMMU, [0-9]+\) = -1 EINVAL' 3000
has 'a slow reader: every fault' heard '^nestbox: DMA fault' 50

[ $failures -eq 0 ]
