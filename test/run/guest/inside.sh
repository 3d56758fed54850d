#!/bin/sh
# SPDX-License-Identifier: MIT
# In the box: what is there before QEMU, QEMU, and that nothing is left of it.
# usage: inside.sh NESTBOX FOLDER QEMU ARGS...   (writes FOLDER/before, after, console, qemu)
nestbox=$1
folder=$2
shift 2
"$nestbox" show --json >"$folder/before" || exit 1
"$@" </dev/null >"$folder/console" 2>"$folder/qemu"
status=$?
# The last close is seen a moment after the program that did it has ended.
left=600
until "$nestbox" show --json >"$folder/after" && python3 "${0%/*}/left.py" "$folder/before" "$folder/after" >"$folder/left"; do
	left=$((left - 1))
	[ $left -gt 0 ] || break
	sleep 0.1
done
exit $status
