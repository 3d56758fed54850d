#!/bin/sh
# SPDX-License-Identifier: MIT
# Run a test of this folder as who we are, and as root once more as an ordinary user.
# usage: as-both.sh TEST PROGRAM...
test=$(readlink -f "$1")
case $test in
*.exp)
	with=expect
	command -v expect >/dev/null || {
		echo "skipped: no expect, which Debian's package of that name has"
		exit 77
	}
	;;
*.sh) with=sh ;;
*) with= ;;
esac
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

# The arguments as they are named here, then there.
n=$#
for file in "$@"; do set -- "$@" "$(readlink -f "$file")"; done
shift $n
$with "$@" || exit
[ "$(id -u)" = 0 ] || exit 0
echo "# again as an ordinary user"
# Copies, since a build below root's home cannot be reached by others.
cp "$@" "$tmp" && chmod 755 "$tmp" "$tmp"/* || exit 99
for file in "$@"; do set -- "$@" "$tmp/${file##*/}"; done
shift $n
mkdir -m 1777 "$tmp/user"
cd "$tmp/user" || exit 99
TMPDIR=$tmp/user HOME=$tmp/user setpriv --reuid=65534 --regid=65534 --clear-groups $with "$@"
