#!/bin/sh
# SPDX-License-Identifier: MIT
# The AppArmor profile is one that its parser takes. Parsers before 4.0 do not know the rule that the
# profile is there for: with those, all but that rule is parsed, and the rest is a skip.
#
#   apparmor.sh PROFILE
set -eu
PATH=$PATH:/sbin:/usr/sbin
command -v apparmor_parser >/dev/null || { echo "skip: apparmor_parser is not installed"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

grep -q '^profile nestbox /.*/nestbox flags=(unconfined) {$' "$1"
grep -q '^  userns,$' "$1"
! grep -q @ "$1"
parse() { apparmor_parser --skip-kernel-load --skip-cache --base /etc/apparmor.d "$1"; }
if [ -e /etc/apparmor.d/abi/4.0 ]; then
	parse "$1"
	exit
fi
sed -e '/^abi /d' -e '/^  userns,$/d' "$1" >"$dir/profile"
parse "$dir/profile"
echo "skip: $(apparmor_parser --version | head -n 1) does not know 'userns'; all else is parsed"
exit 77
