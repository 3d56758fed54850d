# SPDX-License-Identifier: MIT
# What the guest boots, made of Debian's kernel and busybox and of what is in this folder. To be read by a
# script ("."), which has set here (this folder), kernels (where tools/guest-kernel put them) and work.
#
# image: sets version, kernel and initrd, or says what is missing and ends with 77.

skip() {
	echo "skipped: $*"
	exit 77
}

# The newest kernel that we have with headers of its own version.
find_kernel() {
	for version in $(ls "$kernels" 2>/dev/null | sort -rV); do
		headers=/usr/src/linux-headers-$version
		kernel=$kernels/$version
		[ -f "$kernel/vmlinuz" ] && [ -f "$headers/Module.symvers" ] && return
	done
	skip "no kernel for a guest beside headers of its version (tools/bootstrap check fetches it, on Debian amd64)"
}

find_tools() {
	for tool in qemu-system-x86_64 make gcc flock; do
		command -v $tool >/dev/null || skip "$tool is not here"
	done
	busybox=$(command -v busybox) || skip "busybox is not here"
	# In the guest there are no libraries.
	ldd "$busybox" >/dev/null 2>&1 && skip "$busybox is not static (Debian: busybox-static)"
}

build_module() {
	cp "$here/nbcopy.c" "$here/Kbuild" "$made"
	make -s -C "$headers" M="$made" modules >"$made/log" 2>&1 || {
		cat "$made/log"
		return 1
	}
}

build_image() {
	made=$(mktemp -d "$work/made.XXXXXX") || return 1
	mkdir -p "$made/root/bin" "$made/root/modules"
	build_module && cp "$busybox" "$made/root/bin/busybox" && cp "$here/init" "$made/root/init" &&
		cp "$kernel/dca.ko" "$kernel/ioatdma.ko" "$made/nbcopy.ko" "$made/root/modules" &&
		(cd "$made/root" && find . | busybox cpio -o -H newc 2>/dev/null) | gzip -1 >"$made/initrd" &&
		mv "$made/initrd" "$initrd"
	status=$?
	rm -rf "$made"
	return $status
}

up_to_date() {
	[ -f "$initrd" ] && [ -z "$(find "$here/init" "$here/nbcopy.c" "$here/Kbuild" "$here/image.sh" \
		"$kernel/ioatdma.ko" -newer "$initrd")" ]
}

image() {
	find_tools
	find_kernel
	mkdir -p "$work"
	initrd=$work/initrd-$version.gz
	(
		flock 9 # of several tests the first makes it
		up_to_date || build_image
	) 9>"$work/lock" || { echo "the guest's image cannot be made"; exit 1; }
	# Unpacked, where that was possible.
	[ -f "$kernel/vmlinux" ] && kernel=$kernel/vmlinux || kernel=$kernel/vmlinuz
}
