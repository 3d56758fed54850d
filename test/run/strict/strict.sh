#!/bin/sh
# SPDX-License-Identifier: MIT
# --strict-pin: what the program says it did, nestbox has to have said; and nothing else.
# usage: strict.sh NESTBOX STRICT EVENTS
nestbox=$1 strict=$2 events=$3
failures=0
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT

fail() {
	echo "not ok: $*"
	failures=$((failures + 1))
}

"$nestbox" run --strict-pin --trace-format=json --trace="$dir/trace" -- "$strict" >"$dir/out" 2>"$dir/err"
status=$?
[ $status -eq 0 ] || fail "exit status $status: $(cat "$dir/err")"
while read -r word call iova last; do
	[ "$word" = stops ] || continue
	n=$(grep -c "^nestbox: $call(.*): DMA stopped: group 1: process [0-9]* .* memory that is mapped for DMA: iova $iova to $last of container 1 (type1v2).*; instead: VFIO_IOMMU_UNMAP_DMA of that range first$" "$dir/err")
	[ "$n" = 1 ] || fail "$n lines say that $call stopped $iova to $last"
done <"$dir/out"
# Of 64 mappings in one call four are named.
expected=$(($(grep -c '^stops' "$dir/out") + 3 * $(grep -c '^others' "$dir/out")))
said=$(grep -c 'DMA stopped' "$dir/err")
[ "$said" = "$expected" ] || fail "$said lines, expected $expected: $(cat "$dir/err")"
grep -q ' and 60 more mappings; ' "$dir/err" || fail "the other mappings are not counted"
[ "$expected" -gt 20 ] || fail "only $expected expected"

# The trace has the calls, without a result, and the aborts, with device, IOVA and reason.
"$events" json "$dir/trace" >"$dir/events" || fail "the trace cannot be read"
grep -Eq '^call munmap [0-9]+ 1 - - registered-memory-gone munmap\(0x[0-9a-f]+, 0x4000\)$' "$dir/events" ||
	fail "no munmap in the trace"
grep -Eq '^fault MEMORY_ABORT .*0000:01:00.0: read of iova 0x100000000: MEMORY_ABORT: the program took this memory away \(--strict-pin\)' \
	"$dir/events" || fail "no abort in the trace: $(grep '^fault' "$dir/events" | head -3)"

# Without the option nothing of this is said, and DMA follows the addresses.
"$nestbox" run -- "$strict" >"$dir/out" 2>"$dir/err" && fail "without --strict-pin all was stopped too"
grep -q 'DMA stopped' "$dir/err" && fail "without --strict-pin something is said"

[ $failures -eq 0 ] && echo "ok: $said lines"
