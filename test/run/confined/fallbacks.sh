#!/bin/sh
# SPDX-License-Identifier: MIT
# Where a system call is denied that nestbox prefers, it does without. The same program must fare alike
# under each filter; so must the uAPI suites, and the races of translation without membarrier. As root
# the first part runs once more as an ordinary user.
# usage: fallbacks.sh CONFINE OUTSIDE NESTBOX PROGRAM [RULES CONFORM SWEEP RACE...]
self=$(readlink -f "$0")
confine=$1 outside=$2 nestbox=$3 program=$4
shift 4
failures=0
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
# LeakSanitizer wants ptrace and process_vm_readv.
export ASAN_OPTIONS=detect_leaks=0

check() { # check NAME COMMAND...
	name=$1
	shift
	if "$@" >"$tmp/out" 2>&1 </dev/null; then
		echo "ok: $name"
	else
		echo "not ok: $name: exit status $?"
		tail -n 20 "$tmp/out" | sed 's/^/    /'
		failures=$((failures + 1))
	fi
}

denied() { # denied WORD CALL=ERRNO...: WORD goes to the program.
	word=$1
	shift
	name=$*
	options=
	for call; do
		options="$options --deny $call"
	done
	# shellcheck disable=SC2086
	check "${name:-nothing denied}" "$confine" plain $options -- \
		"$outside" "$nestbox" run --quiet -- "$program" "$word"
}

programs() {
	denied taken
	for errno in EPERM ENOSYS EACCES; do
		denied taken process_vm_readv=$errno process_vm_writev=$errno
		denied taken membarrier=$errno
		denied untaken pidfd_getfd=$errno
	done
	denied taken procmap_query=ENOTTY
	denied taken procmap_query=ENOTTY process_vm_readv=EPERM process_vm_writev=EPERM
	denied untaken procmap_query=ENOTTY process_vm_readv=EPERM process_vm_writev=EPERM \
		membarrier=EPERM pidfd_getfd=EPERM
}

# The reason is told, with what would help (rule R3).
explained() {
	"$confine" plain --deny pidfd_getfd=EPERM -- "$outside" "$nestbox" run -- "$program" untaken \
		>"$tmp/said" 2>&1 </dev/null
	check 'the refusal of an eventfd is explained' grep -q \
		'VFIO_DEVICE_SET_IRQS: EPERM: .*descriptor 9 is an eventfd.*SYS_PTRACE' "$tmp/said"
}

suites() { # suites RULES CONFORM SWEEP
	all='--deny procmap_query=ENOTTY --deny process_vm_readv=EPERM --deny process_vm_writev=EPERM
		--deny membarrier=EPERM --deny pidfd_getfd=EPERM'
	for host in smmuv3 mixed; do
		# shellcheck disable=SC2086
		check "all denied: rules on $host" "$confine" plain $all -- \
			"$nestbox" run --quiet --host $host -- "$1" $host
	done
	for suite in "$2" "$3"; do
		# shellcheck disable=SC2086
		check "all denied: ${suite##*/}" "$confine" plain $all -- \
			"$nestbox" run --quiet --host smmuv3 -- "$suite" smmuv3
	done
}

# Who called membarrier all the same would end by an assertion.
races() {
	for race; do
		check "without membarrier: ${race##*/}" "$confine" plain --deny membarrier=EPERM -- "$race"
	done
}

programs
explained
if [ $# -ge 3 ]; then
	suites "$1" "$2" "$3"
	shift 3
	races "$@"
fi

if [ "$(id -u)" = 0 ]; then
	echo "# again as an ordinary user"
	chmod 755 "$tmp"
	cp "$confine" "$outside" "$nestbox" "$program" "$self" "$tmp"
	chmod 755 "$tmp"/*
	mkdir -m 1777 "$tmp/user"
	cd "$tmp" || exit 99
	TMPDIR=$tmp/user setpriv --reuid=65534 --regid=65534 --clear-groups sh "./${self##*/}" \
		"$tmp/${confine##*/}" "$tmp/${outside##*/}" "$tmp/${nestbox##*/}" "$tmp/${program##*/}" ||
		failures=$((failures + 1))
fi
[ $failures = 0 ]
