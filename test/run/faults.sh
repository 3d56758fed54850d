#!/bin/sh
# SPDX-License-Identifier: MIT
# R7: what of stage 1 is delivered to the program is in the trace, and not on stderr; what is not is on both.
#   faults.sh NESTBOX SUITE
set -eu
nestbox=$1 suite=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

# Without the count of equal ones.
faults() {
	grep '^nestbox: DMA fault' "$1" | sed 's/ \[.* more times*\]$//' | sort -u
}

"$nestbox" run --trace="$dir/trace" -- "$suite" smmuv3 2>"$dir/err" || fail "the suite"
grep -q 'stage 1.*; delivered to the owner of stage 1 (IOMMU' "$dir/trace" || fail "none was delivered"
grep -q 'C_BAD_CD; delivered' "$dir/trace" || fail "no configuration fault was delivered"
if grep 'stage 2.*delivered' "$dir/trace"; then fail "of stage 2"; fi
if grep -q 'delivered' "$dir/err"; then fail "a fault that was delivered is on stderr"; fi
faults "$dir/trace" | grep -v delivered >"$dir/expected"
grep -q 'stage 2' "$dir/expected" || fail "no fault of stage 2"
faults "$dir/err" | diff "$dir/expected" - || fail "what was not delivered is not what stderr has"
grep -q 'pwrite64(.*DMA-FAULT+0x0 tail) = 4' "$dir/trace" || fail "the header's name"
grep -q 'pwrite64(.*DMA-FAULT-RESPONSE+0x0 head) = 4' "$dir/trace" || fail "the header's name"

"$nestbox" run --quiet --trace="$dir/json" --trace-format=json -- "$suite" smmuv3 || fail "the suite"
grep '"kind":"fault"' "$dir/json" | grep '"stage":1' | grep -q '"delivered":true' || fail "JSON"
if grep '"stage":2' "$dir/json" | grep '"delivered":true'; then fail "JSON of stage 2"; fi
