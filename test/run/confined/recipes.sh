#!/bin/sh
# SPDX-License-Identifier: MIT
# The example workflow is well-formed, each of its commands parses and exists, and those that this
# machine can run (first-light in a box) are run as written. The recipes of doc/ci.md name tests
# that exist.
# usage: recipes.sh WORKFLOW SOURCE BUILD
workflow=$1 source=$(readlink -f "$2") build=$(readlink -f "$3")
failures=0
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
export ASAN_OPTIONS=detect_leaks=0

ok() { # ok NAME STATUS
	if [ "$2" = 0 ]; then
		echo "ok: $1"
	else
		echo "not ok: $1"
		failures=$((failures + 1))
	fi
}

# The checkout that the workflow makes, with what `make` builds in it.
mkdir "$tmp/steps" "$tmp/work" "$tmp/work/nestbox" || exit 99
for entry in Makefile tools doc; do
	ln -s "$source/$entry" "$tmp/work/nestbox/$entry"
done
ln -s "$build" "$tmp/work/nestbox/build"

n=$("$workflow" "$source/examples/ci/github-actions.yml" "$tmp/steps")
ok 'the example workflow is well-formed' $?
ok 'and runs something' $((${n:-0} < 5))

# What a line of a step calls: sudo and conditions aside. Continued lines are joined.
commands() {
	sed -e ':a' -e '/\\$/N; s/\\\n */ /; ta' "$1" |
		sed -E 's/^ *(if |then |! )*//; s/^sudo( -[a-zA-Z]+)* //' | grep -vE '^(fi|else|#|$)'
}

exists() { # exists COMMAND ARGS...
	case $1 in
	make)
		[ "$2" = -C ] && grep -q '^all:' "$tmp/work/$3/Makefile"
		;;
	nestbox/*)
		[ -x "$tmp/work/$1" ] && "$tmp/work/$1" "$2" --help >/dev/null
		;;
	sysctl)
		[ "$2" = -w ]
		;;
	*)
		command -v "$1" >/dev/null
		;;
	esac
}

for step in "$tmp"/steps/*; do
	sh -n "$step"
	ok "step ${step##*/} parses" $?
	commands "$step" >"$tmp/commands"
	while read -r command; do
		# shellcheck disable=SC2086
		exists $command
		ok "  there is: ${command%%\$*}" $?
	done <"$tmp/commands"
done

# As written: those that run our program, as whoever we are.
can_box=0
"$build/nestbox" run -- true >/dev/null 2>&1 && can_box=1
for step in "$tmp"/steps/*; do
	grep -q 'nestbox run' "$step" || continue
	[ $can_box = 1 ] || { echo "skip: no box can be made on this machine"; continue; }
	if grep -q sudo "$step" && ! sudo -n true 2>/dev/null; then
		echo "skip: step ${step##*/}: sudo is not there, or asks for a password"
		continue
	fi
	(cd "$tmp/work" && sh -e "$step" >"$tmp/out" 2>&1 </dev/null)
	status=$?
	[ $status = 0 ] || sed 's/^/    /' "$tmp/out"
	ok "step ${step##*/} runs" $status
done
[ $can_box = 0 ] || { grep -q VFIO_SET_IOMMU "$tmp/work/trace.txt"; ok 'the trace is written' $?; }

# "`NAME`" in the last column of the table: a line of the confined test.
sed -n 's/^|.*| `\(.*\)` |$/\1/p' "$source/doc/ci.md" >"$tmp/names"
ok 'doc/ci.md names tests' $(($(wc -l <"$tmp/names") < 10))
while IFS= read -r name; do
	grep -qF "$name" "$source/test/run/confined/confined.sh"
	ok "  a test: $name" $?
done <"$tmp/names"

[ $failures = 0 ]
