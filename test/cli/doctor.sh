#!/bin/sh
# SPDX-License-Identifier: MIT
# nestbox doctor where a box can be made, and where each need is denied in turn; and `nestbox run`,
# which must say the same. As root also once more as an ordinary user.
#
#   doctor.sh NESTBOX DOCTOR_JSON DENY
set -u
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
json=$2 deny=$3 failures=0

# The build may lie where an ordinary user cannot look.
for program in "$@"; do
	cp "$program" "$dir/" && chmod 755 "$dir/${program##*/}" || exit 1
done
nestbox=$dir/${1##*/} deny=$dir/${3##*/}
unset NESTBOX_SOCKET XDG_RUNTIME_DIR

fail() {
	echo "FAILED: $*"
	cat "$dir/out" "$dir/err" 2>/dev/null
	failures=$((failures + 1))
}

# doctor STATUS PATTERN PREFIX...: PREFIX runs nestbox doctor; PATTERN is a line that it prints
doctor() {
	status=$1 pattern=$2
	shift 2
	"$@" "$nestbox" doctor >"$dir/out" 2>"$dir/err"
	got=$?
	[ $got -eq "$status" ] || fail "$* nestbox doctor: status $got, expected $status"
	grep -Exq "$pattern" "$dir/out" || fail "$* nestbox doctor: no line /$pattern/"
	[ ! -s "$dir/err" ] || fail "$* nestbox doctor: it complains"
	! grep -Evq '^[a-z-]+: (ok$|(limited: [^;]+; [^;]+|missing: [^;]+); remedy: [^;]+$)' "$dir/out" ||
		fail "$* nestbox doctor: not one line for each need"
}

# refused PREFIX...: nestbox run prints the doctor's first line that says "missing"
refused() {
	first=$("$@" "$nestbox" doctor | grep -m1 ': missing: ')
	"$@" "$nestbox" run -- true >"$dir/out" 2>"$dir/err"
	got=$?
	[ $got -eq 125 ] || fail "$* nestbox run: status $got, expected 125"
	grep -Fxq -- "$first" "$dir/err" || fail "$* nestbox run: does not say '$first'"
	grep -Eq '^nestbox run: ' "$dir/err" || fail "$* nestbox run: its own words are lost"
	[ "$(wc -l <"$dir/err")" -eq 2 ] || fail "$* nestbox run: more than two lines"
}

# works PREFIX...
works() {
	"$@" "$nestbox" run -- true >"$dir/out" 2>"$dir/err" || fail "$* nestbox run: it does not work"
	[ ! -s "$dir/err" ] || fail "$* nestbox run: it complains"
}

as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"; }
as_is() { "$@"; }

# missing NEED PATTERN DENIED...: and so there is no box
missing() {
	need=$1 words=$2
	shift 2
	doctor 125 "$need: missing: .*$words; remedy: .*" "$user" "$deny" "$@" --
	refused "$user" "$deny" "$@" --
}

# limited NEED PATTERN DENIED...: and there is one all the same
limited() {
	need=$1 words=$2
	shift 2
	doctor 0 "$need: limited: .*$words; .*; remedy: .*" "$user" "$deny" "$@" --
	works "$user" "$deny" "$@" --
}

if ! "$nestbox" run -- true 2>"$dir/err"; then
	echo "skip: no box can be made here:"
	cat "$dir/err"
	exit 77
fi

user=as_is
doctor 0 'userns-mounts: ok' as_is
"$nestbox" doctor --json | "$json" >"$dir/json" || fail "doctor --json"
"$nestbox" doctor | sed -E 's/^([a-z-]+: [a-z]+).*/\1/' | cmp - "$dir/json" ||
	fail "doctor --json says something else"

if [ "$(id -u)" = 0 ]; then
	user=as_nobody
	as_nobody "$nestbox" run -- true 2>"$dir/err" || {
		echo "skip: no box can be made here by an ordinary user:"
		cat "$dir/err"
		exit 77
	}
	doctor 0 'userns-mounts: ok' as_nobody
fi

missing userns-mounts 'cannot make a user namespace: Operation not permitted' unshare=EPERM
missing userns-mounts 'Permission denied' mount=EACCES
missing listener 'Operation not permitted' seccomp=EPERM
missing listener 'Function not implemented' seccomp=ENOSYS
missing inotify 'Too many open files' inotify_init1=EMFILE
missing memfd 'Operation not permitted' memfd_create=EPERM
if [ -c /dev/ptmx ] && [ ! -L /dev/ptmx ]; then
	limited cover-dev 'Function not implemented' open_tree=ENOSYS
fi
limited pidfd-getfd 'Operation not permitted' pidfd_getfd=EPERM
limited process-vm 'Operation not permitted' process_vm_readv=EPERM process_vm_writev=EPERM
limited membarrier 'Operation not permitted' membarrier=EPERM

# What a remedy depends on: the sysctl of a limit, and that a filter is on us.
doctor 125 'inotify: .*remedy: .*sysctl -w fs\.inotify\.max_user_instances=[0-9]+' \
	$user "$deny" inotify_init1=EMFILE --
doctor 125 'userns-mounts: .*remedy: .*(SYS_ADMIN|seccomp filter|sysctl|security\.nesting|apparmor).*' \
	$user "$deny" unshare=EPERM --

# Found by the doctor alone: `true` opens no VFIO file.
doctor 125 'last-close: missing: .*No space left on device; remedy: .*max_user_watches=[0-9]+' \
	$user "$deny" inotify_add_watch=ENOSPC --

# No filter, the sysctl itself: it is one of each user namespace.
no_namespaces() {
	unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' sh \
		setpriv --bounding-set=-all -- "$@"
}
if unshare -Ur true 2>/dev/null; then
	doctor 125 'userns-mounts: missing: .*; remedy: .*sysctl -w user\.max_user_namespaces=10000' \
		no_namespaces
	refused no_namespaces
fi

# A filter that kills: the probe dies, the doctor goes on.
doctor 125 'membarrier: missing: killed by signal 31 .*' $user "$deny" membarrier=kill --
doctor 125 'subreaper: ok' $user "$deny" membarrier=kill --

# In another box there can be no box.
doctor 125 'listener: missing: .*: Device or resource busy; remedy: start it outside of the box.*' \
	"$nestbox" run --
refused "$nestbox" run --

low() { (ulimit -n "$1" && shift && "$@"); }
if (ulimit -n 32 && ulimit -n 64) 2>/dev/null; then
	works low 32 # CAP_SYS_RESOURCE: no limit at all
else
	doctor 125 'open-files: missing: .*limit of open files is 32, .*' low 32
	refused low 32
fi
doctor 0 'open-files: ok' low 64
works low 64
doctor 0 'open-files: ok' low 128
works low 128
setarch --uname-2.6 true 2>/dev/null &&
	doctor 125 'kernel: missing: this is Linux 2\.6.*; remedy: .*Linux 5\.19 or later' \
		setarch --uname-2.6

[ $failures -eq 0 ]
