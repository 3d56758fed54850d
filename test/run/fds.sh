#!/bin/sh
# SPDX-License-Identifier: MIT
# Descriptors as the kernel's (fds/): with the limit of open files as it is, low and high, as who we
# are and as another user; what is inherited, what leaks in, and what is sent out of the box.
# usage: fds.sh NESTBOX FDS FIRST_LIGHT
nestbox=$(readlink -f "$1")
fds=$(readlink -f "$2")
first_light=$(readlink -f "$3")
failed=0

# name, then a command that must succeed
must() {
	name=$1
	shift
	if out=$("$@" 2>&1); then
		echo "ok: $name"
	else
		echo "not ok: $name: exit $?"
		echo "$out" | tail -n 20
		failed=1
	fi
}

limited() { (ulimit -S -n "$1" && shift && exec "$@"); }
hard() { (ulimit -n "$1" && shift && exec "$@"); }

# name, what runs the command, options of run
all() {
	must "$1 table" $2 "$nestbox" run --quiet $3 -- "$fds"
	must "$1 inherited descriptors" $2 "$fds" spawn "$nestbox" run --quiet $3 -- "$fds" inherited
	must "$1 descriptors sent out" $2 "$fds" outer "$nestbox" run --quiet $3 -- "$fds" send
}

all "as $(id -un):" ""
all "limit 64:" "limited 64"
for high in 1048576 "$(ulimit -H -n)"; do
	(ulimit -S -n "$high") 2>/dev/null || continue
	all "limit $high:" "limited $high"
	break
done
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	user="setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all"
	$user test -x "$fds" && all "--user nobody:" "" "--user nobody"
	if $user test -x "$fds" && $user "$nestbox" run -- true 2>/dev/null; then
		all "as nobody:" "$user"
	else
		echo "skipped: as nobody: it cannot run $fds, or no box"
	fi
fi

# Whole programs, where the supervisor has no more than 64 either.
must "first-light, limit 64" limited 64 "$nestbox" run --quiet -- "$first_light"
must "first-light, hard limit 64" hard 64 "$nestbox" run --quiet -- "$first_light"

# Less than that is not enough, and said.
out=$(hard 32 "$nestbox" run -- true 2>&1)
status=$?
case $status,$out in
125,*"hard limit of open files is 32"*) echo "ok: hard limit 32 is refused" ;;
0,) echo "ok: hard limit 32 can be raised here" ;;
*) echo "not ok: hard limit 32: exit $status: $out"; failed=1 ;;
esac

# Descriptors that are left over come as a refusal in words, not as a hang or a crash.
many='import os
fds = []
try:
    while len(fds) < 200: fds.append(os.open("/dev/vfio/vfio", os.O_RDWR))
except OSError as e: print("errno", e.errno)
import fcntl
for fd in fds: fcntl.ioctl(fd, 0x3b64)'
if command -v python3 >/dev/null; then
	must "more opens than a hard limit of 64 bears" hard 64 "$nestbox" run -- python3 -c "$many"
	case $out in
	*"nestbox has no descriptor left"*"errno 23" | *"errno 24") echo "ok: and says so" ;;
	*) echo "not ok: it does not say why: $out"; failed=1 ;;
	esac
fi

# An open that the filter did not catch, and cannot be made up for, is explained.
out=$("$nestbox" run -- sh -c 'exec 5<>/dev/vfio/1; exec 6</dev/vfio/1; exec "$0" is 2 6' "$fds" 2>&1)
case $out in
*'open("/dev/vfio/1", O_RDONLY) at its first ioctl: EBUSY'*'instead: O_RDWR'*) echo "ok: explained" ;;
*) echo "not ok: not explained: $out"; failed=1 ;;
esac
exit $failed
