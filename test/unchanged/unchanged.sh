#!/bin/sh
# SPDX-License-Identifier: MIT
# Whatever a command leaves of itself, unchanged fails it and says what. Each try is in namespaces
# of its own, so that this machine is left alone.
# usage: unchanged.sh UNCHANGED
set -u
unchanged=$(readlink -f "$1")
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
failures=0
spaces=-mnui
[ "$(id -u)" = 0 ] || spaces=-rmnui
unshare $spaces true 2>/dev/null || {
	echo "skipped: no namespaces can be made here"
	exit 77
}

fail() {
	echo "not ok: $*"
	failures=$((failures + 1))
}

# try NAME COMMAND: in the background, since each waits for what it sees to go away.
try() {
	{
		unshare $spaces "$unchanged" sh -c "$2" >"$tmp/$1.out" 2>&1
		echo $? >"$tmp/$1.status"
	} &
}

# left NAME PATTERN: it failed, and for that.
left() {
	[ "$(cat "$tmp/$1.status")" = 1 ] || fail "$1: exit status $(cat "$tmp/$1.status")"
	grep -Eq -- "$2" "$tmp/$1.out" || fail "$1: no '$2' in: $(cat "$tmp/$1.out")"
}

try mount 'mount -t tmpfs none /mnt'
try process 'setsid sleep 1000 >/dev/null 2>&1 &'
try stubborn 'setsid env -i sh -c "trap \"\" TERM HUP INT; kill -STOP \$\$" &'
try file 'echo x >"$TMPDIR/left"'
try home 'mkdir "$HOME/.config"'
try runtime 'echo x >"$XDG_RUNTIME_DIR/left"'
{
	unshare $spaces sh -c 'mount -t tmpfs none /dev/shm &&
		exec "$0" sh -c "echo x >/dev/shm/left"' "$unchanged" >"$tmp/shm.out" 2>&1
	echo $? >"$tmp/shm.status"
} &
try sysctl 'echo 1 >/proc/sys/net/ipv4/ip_forward'
try ipc 'ipcmk -M 4096'
try status 'exit 5'
try clean 'echo x >"$TMPDIR/gone"; rm "$TMPDIR/gone"; sleep 0.2 & :'
try skip 'exit 77'
wait

left mount '^\+ mount .* /mnt '
left process '^\+ process [0-9]+ sleep$'
left stubborn '^\+ process [0-9]+ sh$'
left file '^\+ file .*/tmp/left$'
left home '^\+ file .*/home/\.config$'
left runtime '^\+ file .*/run/left$'
left shm '^\+ file /dev/shm/left = mode 100644 '
left sysctl '^\+ sysctl /proc/sys/net/ipv4/ip_forward = 1$'
left sysctl '^- sysctl /proc/sys/net/ipv4/ip_forward = 0$'
left ipc '^\+ shared memory '
[ "$(cat "$tmp/status.status")" = 5 ] || fail "the command's exit status is not passed on"
[ "$(cat "$tmp/clean.status")" = 0 ] || fail "clean: $(cat "$tmp/clean.out")"
[ "$(cat "$tmp/skip.status")" = 77 ] || fail "skip: $(cat "$tmp/skip.out")"
ls -d /tmp/nestbox-unchanged-*/tmp/left 2>/dev/null && fail "directories are left"
[ $failures = 0 ] && echo "ok: what is left is seen"
