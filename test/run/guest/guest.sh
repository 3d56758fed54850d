#!/bin/sh
# SPDX-License-Identifier: MIT
# Stock QEMU boots a Debian kernel in the box, whose own ioatdma driver drives the engine that is passed through.
# usage: guest.sh NESTBOX KERNELS WORK VARIANT   (what VARIANT is: below; "bench" prints figures as JSON)
here=$(dirname "$(readlink -f "$0")")
nestbox=$(readlink -f "$1")
kernels=$2
work=$3
variant=$4
. "$here/image.sh"

# An Arm host keeps the IOVAs from 128 MiB to 129 MiB for MSIs, where a PC has memory: below that hole goes what
# fits, the rest above 4 GiB.
machine=q35,max-ram-below-4g=128M memory=256M more= options= guest= as= boots=1 irq='1 ioat-msix' channels=1
copies=10000 devices='-device vfio-pci,host=0000:01:00.0,bus=rp'
case $variant in
msix) ;;
no-mmap) devices=$devices,x-no-mmap=on ;;
trap) options=--mmio=trap ;;
intx) guest='style=intx' irq='1 ioat-intx' ;;
msi) guest='style=msi' irq='1 ioat-msi' ;;
memfd | bench-memfd)
	machine=$machine,memory-backend=ram
	more="-object memory-backend-memfd,id=ram,size=$memory,share=on"
	;;
channels) options="--host $here/channels.yaml" channels=4 irq='4 ioat-msix' ;;
channels-intx) options="--host $here/channels.yaml" channels=4 guest='style=intx' irq='1 ioat-intx' ;;
group)
	devices='-device vfio-pci,host=0000:03:00.0,bus=rp,multifunction=on,addr=0.0'
	devices="$devices -device vfio-pci,host=0000:03:00.1,bus=rp,addr=0.1" channels=2 irq='2 ioat-msix'
	;;
reboot) boots=3 ;;
5g) memory=5G guest='high=Y' ;;
pc) machine=q35 memory=1G options="--host $(readlink -f "$here/../../../examples/pc-guest.yaml")" ;;
user) as='setpriv --reuid 65534 --regid 65534 --clear-groups' ;;
bench) ;;
*) echo "guest.sh: no variant '$variant'" && exit 2 ;;
esac
case $variant in bench*) guest='bench=Y' copies=1000 ;; esac

image
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
if [ -n "$as" ] && [ "$(id -u)" = 0 ]; then
	# Copies, since what is below root's home cannot be reached by others.
	cp "$nestbox" "$kernel" "$initrd" "$here/inside.sh" "$here/left.py" "$tmp" || exit 99
	nestbox=$tmp/${nestbox##*/} kernel=$tmp/${kernel##*/} initrd=$tmp/${initrd##*/} here=$tmp
	mkdir -m 700 "$tmp/runtime"
	chown -R 65534:65534 "$tmp"
	as="$as env XDG_RUNTIME_DIR=$tmp/runtime"
	cd "$tmp" || exit 99
elif [ -n "$as" ]; then
	as= # who we are is one
fi

# no_timer_check: the kernel would panic if the timer is late, as an emulated one is on a busy machine.
$as "$nestbox" run $options -- sh "$here/inside.sh" "$nestbox" "$tmp" \
	qemu-system-x86_64 -machine "$machine" -accel tcg -m "$memory" $more -nodefaults -no-user-config -display none \
	-serial stdio -kernel "$kernel" -initrd "$initrd" \
	-append "console=ttyS0 quiet no_timer_check panic=-1 oops=panic rdinit=/init -- boots=$boots copies=$copies $guest" \
	-device pcie-root-port,id=rp $devices >"$tmp/said" 2>&1
status=$?

if [ "${variant#bench}" != "$variant" ]; then
	[ $status = 0 ] && grep -q '^guest: done' "$tmp/console" || { cat "$tmp/console" "$tmp/said" >&2; exit 1; }
	tr -d '\r' <"$tmp/console" | awk '/nbcopy: bench/ {
		row = ""
		for (i = 1; i < NF; i++)
			if ($i ~ /^(bytes|engine_mb_s|memcpy_mb_s|copies_per_s)$/)
				row = row (row == "" ? "" : ", ") "\"" $i "\": " $(i + 1)
		rows = rows (rows == "" ? "" : ",") "\n    {" row "}"
	}
	END { print "[" rows "\n]" }'
	exit 0
fi

failures=0
console() { # console NAME TIMES PATTERN: of the console so many lines match
	times=$(tr -d '\r' <"$tmp/console" | grep -cE -- "$3")
	[ "$times" = "$2" ] && echo "ok: $1" && return
	echo "not ok: $1: $times lines instead of $2 match /$3/"
	failures=$((failures + 1))
}

empty() { # empty NAME FILE
	[ ! -s "$2" ] && echo "ok: $1" && return
	echo "not ok: $1:"
	head -20 "$2"
	failures=$((failures + 1))
}

# Each boot loads the driver twice, and copies after both.
[ $status = 0 ] && echo "ok: QEMU ends well" || { echo "not ok: status $status"; failures=1; }
console 'the driver loads' $((2 * boots)) 'ioatdma: Intel.* Driver'
console 'it offers a channel' $((2 * boots)) '^guest: channel .*: .*copy'
console 'its interrupts are of the kind' $((2 * boots)) "^guest: irq $irq\$"
console 'its self-test had an interrupt' $((2 * boots)) '^guest: self-test interrupts [1-9]'
console 'all copies were right' "$boots" "nbcopy: copies $copies channels $channels bytes [0-9]+ .* bad 0 "
console 'and again with the driver loaded anew' "$boots" 'nbcopy: copies 200 .* bad 0 '
console 'several were in flight' "$boots" "nbcopy: copies $copies .* in_flight (8|9|[1-9][0-9])"
console 'with interrupts' $((2 * boots)) '^guest: interrupts [1-9]'
[ "$boots" = 1 ] || console 'one reset was in mid-copy' 1 '^guest: boot 2 resets with 1 module'
console 'it is the last boot' 1 "^guest: boot $boots of $boots"
console 'the guest ends well' 1 '^guest: done$'
echo nothing | cmp -s - "$tmp/left" || { [ -e "$tmp/left" ] || echo 'left: not looked at' >"$tmp/left"; mv "$tmp/left" "$tmp/remains"; }
touch "$tmp/remains"
empty 'nothing is left in the box' "$tmp/remains"
empty 'nestbox says nothing' "$tmp/said"
grep -v 'possibly poor performance' "$tmp/qemu" >"$tmp/qemu.says"
empty 'nor does QEMU' "$tmp/qemu.says"
tr -d '\r' <"$tmp/console" | grep -E '^guest: (boot|self-test|interrupts)|nbcopy: copies'
[ $failures = 0 ] && exit 0
echo "the end of the console:"
tail -60 "$tmp/console"
exit 1
