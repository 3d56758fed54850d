#!/bin/sh
# SPDX-License-Identifier: MIT
# The library as it is installed: what it exports, its headers alone in C and C++, programs built
# outside of the tree through pkg-config.
#
#   installed.sh SOURCE BUILD exports|headers|cxx|pkgconfig
#
# CC, CXX: compilers; CXX may be empty. 77: cannot be tried here.
set -eu
source=$1 build=$2 what=$3
dir=$(mktemp -d "$build/meson-private/api.XXXXXX") # not in /tmp: tests beside it watch that
trap 'rm -rf "$dir"' EXIT
status=0

DESTDIR=$dir/root meson install -C "$build" --no-rebuild --quiet >/dev/null 2>"$dir/err" || {
	cat "$dir/err"
	exit 1
}
so=$(find "$dir/root" -name 'libnestbox.so')
headers=$(dirname "$(find "$dir/root" -path '*/nestbox/types.h')")
include=$(dirname "$headers")
lib=$(dirname "$so")
PKG_CONFIG_PATH=$lib/pkgconfig
PKG_CONFIG_SYSROOT_DIR=$dir/root
LD_LIBRARY_PATH=$lib
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR LD_LIBRARY_PATH

fail() {
	echo "FAIL: $*"
	status=1
}

# What the compiler itself finds declared; where it cannot tell, what tools/exports finds.
declared() {
	for header in "$headers"/*.h; do
		echo "#include \"$header\""
	done >"$dir/all.c"
	if $CC -aux-info "$dir/protos" -fsyntax-only "$dir/all.c" 2>/dev/null && [ -s "$dir/protos" ]; then
		grep -F "$headers/" "$dir/protos" | sed 's/^[^*]*\*\/ //' | grep '^extern' |
			grep -oE '\bnb_[a-z0-9_]+ ?\(' | tr -d ' (' | sort -u
	else
		"$source/tools/exports" "$headers"/*.h
	fi
}

test_exports() {
	(cd "$source/include/nestbox" && ls) >"$dir/in-tree"
	(cd "$headers" && ls) >"$dir/installed"
	diff "$dir/in-tree" "$dir/installed" || fail "headers that are not installed"
	declared >"$dir/declared"
	nm -D --defined-only "$so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
		sort -u >"$dir/exported"
	[ "$(wc -l <"$dir/declared")" -gt 40 ] || fail "few functions are declared"
	diff "$dir/declared" "$dir/exported" || fail "declared (<) and exported (>) differ"
	readelf -d "$so" | grep -q 'SONAME.*\[libnestbox\.so\.0\]' || fail "soname"
}

test_headers() {
	for header in "$headers"/*.h; do
		name=$(basename "$header")
		echo "#include <nestbox/$name>" >"$dir/alone.c"
		$CC -std=c11 -Wall -Wextra -Wpedantic -Werror -I"$include" -fsyntax-only "$dir/alone.c" ||
			fail "$name alone, C11"
		[ -n "$CXX" ] || continue
		cp "$dir/alone.c" "$dir/alone.cc"
		$CXX -std=c++17 -Wall -Wextra -Wpedantic -Werror -I"$include" -fsyntax-only "$dir/alone.cc" ||
			fail "$name alone, C++17"
	done
}

# shellcheck disable=SC2046 # words are wanted
test_cxx() {
	[ -n "$CXX" ] || exit 77
	$CXX -std=c++17 -Wall -Wextra -Wpedantic -Werror -o "$dir/cxx" "$source/test/api/api.cc" \
		$(pkg-config --cflags --libs nestbox) || fail "build"
	"$dir/cxx" || fail "run"
}

# shellcheck disable=SC2046
test_pkgconfig() {
	cp "$source/examples/embed-smmu.c" "$dir/"
	$CC -o "$dir/embed" "$dir/embed-smmu.c" $(pkg-config --cflags --libs nestbox) -pthread ||
		fail "build"
	"$dir/embed" >"$dir/out" || fail "run"
	grep -q 'no DMA' "$dir/out" || fail "what it says"
	ldd "$dir/embed" | grep -q "libnestbox.so.0 => $lib" || fail "not the installed library"
}

"test_$what"
exit $status
