# SPDX-License-Identifier: MIT
# What the scripts that look into running boxes have alike: sourced, with $nestbox, $program and $self set.

# Meson needs it too; the system's own, since others may be in somebody's home.
python=$(command -v /usr/bin/python3 || command -v python3) || { echo "skipped: python3 is not here"; exit 77; }
failures=0
tmp=$(mktemp -d) || exit 99
boxes=
trap 'kill -KILL $boxes 2>/dev/null; rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99
mkdir -m 700 runtime
XDG_RUNTIME_DIR=$tmp/runtime
export XDG_RUNTIME_DIR
unset NESTBOX_SOCKET

ok() { # ok NAME EXPECTED ACTUAL
	if [ "$2" = "$3" ]; then
		echo "ok: $1"
	else
		echo "not ok: $1: expected '$2', got '$3'"
		failures=$((failures + 1))
	fi
}

has() { # has NAME PATTERN FILE
	grep -Eq -- "$2" "$3" && echo "ok: $1" && return
	echo "not ok: $1: no /$2/ in:"
	head -c 4000 "$3"
	failures=$((failures + 1))
}

# until_true COMMAND...: for at most 30 seconds
until_true() {
	left=600
	until "$@" 2>/dev/null; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.05
	done
}

# A value of a file with JSON: value FILE EXPRESSION (of x)
value() {
	$python -c 'import json, sys; x = json.load(open(sys.argv[1])); print(eval("(" + sys.argv[2] + ")"))' "$1" "$2"
}

# Copies in $tmp, since a build below root's home cannot be reached by others.
copies() {
	cp "$nestbox" "$program" "$self" "${self%/*}/looking.sh" "$tmp" && chmod 755 "$tmp" "$tmp"/*.sh
}

# The script once more, by those copies.
again_as_user() {
	echo "# again as an ordinary user"
	mkdir -m 1777 user.d
	env -u XDG_RUNTIME_DIR TMPDIR="$tmp/user.d" setpriv --reuid=65534 --regid=65534 --clear-groups \
		sh "$tmp/${self##*/}" "$tmp/${nestbox##*/}" "$tmp/${program##*/}" || failures=$((failures + 1))
}
