#!/bin/sh
# SPDX-License-Identifier: MIT
# Stock DPDK drives the IOAT engine: in a box of its own, and two after one another in one box; as who we are, and as an ordinary
# user if we are root.
# usage: dpdk.sh NESTBOX [OPTION]
nestbox=$1 option=${2:-}
command -v dpdk-test >/dev/null || {
	echo "skipped: no dpdk-test, which Debian's package dpdk-dev has"
	exit 77
}

log=$(mktemp) || exit 1
runtime=$(mktemp -d) || exit 1
prefix=nestbox$$ # DPDK locks its files below /run/dpdk, where root runs it: others may run too
trap 'rm -rf "$log" "$runtime" "/run/dpdk/$prefix"' EXIT

# run TIMES PREFIX...: the test, of an instance that is our engine, must pass so often in one box.
run() {
	times=$1
	shift
	"$@" env DPDK_TEST=dmadev_autotest XDG_RUNTIME_DIR="$runtime" "$nestbox" run $option -- sh -ec '
		for n in $(seq "$1"); do
			dpdk-test --file-prefix="$2" --no-huge -m 512 --iova-mode=va -l 0,1
		done' sh "$times" "$prefix" </dev/null >"$log" 2>&1
	status=$?
	if [ $status -eq 0 ] && [ "$(grep -c '^Test OK' "$log")" = "$times" ] &&
		[ "$(grep -c '^### Test dmadev instance .*\[0000:01:00.0\]' "$log")" = "$times" ]; then
		return 0
	fi
	echo "status $status; the end of its output:"
	tr '\r' '\n' <"$log" | grep -v '^Ops submitted' | tail -40
	exit 1
}

run 1
run 2
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	# A copy, since a build below root's home cannot be reached by others.
	chown 65534:65534 "$runtime"
	cp "$nestbox" "$runtime/nestbox"
	nestbox=$runtime/nestbox
	cd "$runtime" || exit 1
	user="setpriv --reuid 65534 --regid 65534 --clear-groups"
	run 2 $user
fi
