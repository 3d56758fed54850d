#!/bin/sh
# SPDX-License-Identifier: MIT
# sysfs in the box as real programs see it: lspci, setpci, udevadm, driverctl, shells, Python.
# usage: sysfs.sh NESTBOX REBIND HOST.YAML
nestbox=$1 rebind=$2 yaml=$3
for tool in lspci:pciutils setpci:pciutils udevadm:udev driverctl:driverctl; do
	command -v ${tool%:*} >/dev/null || PATH=$PATH:/usr/sbin:/sbin
	command -v ${tool%:*} >/dev/null || {
		echo "skipped: no ${tool%:*}, which Debian's package ${tool#*:} has"
		exit 77
	}
done
# The system's own: others may be in somebody's home.
python=$(command -v /usr/bin/python3 || command -v python3) || { echo "skipped: no python3"; exit 77; }
export PATH python
failures=0
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

fail() {
	echo "not ok: $*"
	failures=$((failures + 1))
}

# within NAME [OPTIONS] <SCRIPT: a script of the box; each line of its output that begins with "ok"
# is good, it must end with "end", and say nothing else.
within() {
	name=$1
	shift
	cat >"$tmp/script"
	cat >"$tmp/lib" <<'LIB'
D=/sys/bus/pci/devices
ok() { # ok NAME EXPECTED ACTUAL
	if [ "$2" = "$3" ]; then echo "ok $1"; else echo "$1: expected '$2', got '$3'"; fi
}
has() { # has NAME PATTERN FILE
	if grep -Eq -- "$2" "$3"; then echo "ok $1"; else echo "$1: no /$2/ in:"; head -c 2000 "$3"; fi
}
driver() { basename "$(readlink $D/$1/driver || echo none)"; }
LIB
	"$nestbox" run --quiet "$@" -- sh -c '. "$0/lib"; cd "$0" && . ./script; echo end' "$tmp" >"$tmp/out" 2>"$tmp/err" ||
		fail "$name: exit status $?"
	grep -v '^ok' "$tmp/out" >"$tmp/bad"
	[ "$(cat "$tmp/bad")" = end ] || { fail "$name"; cat "$tmp/bad" "$tmp/err"; }
	echo "$name: $(grep -c '^ok' "$tmp/out") ok"
}

root=$([ "$(id -u)" = 0 ] && echo yes)
export root

# ---- looking, on every host ----

for host in smmuv3 smmuv3-no-nesting mixed empty "$yaml"; do
	within "looking: $(basename "$host")" --host "$host" <<'SCRIPT'
devices=$(ls $D)
for options in -nn "-nn -v" "-nn -vvv" "-nn -xxx" "-nn -k" "-nn -vvv -xxxx -D"; do
	lspci $options >one 2>/dev/null || echo "lspci $options: $?"
	lspci $options >two 2>/dev/null
	ok "lspci $options twice" '' "$(cmp one two)"
done
lspci -t >tree
lspci -D -nn -v >list 2>/dev/null
ok "all of them" "$(echo $devices)" "$(echo $(sed -n 's/^\([0-9a-f:.]*\) .*\[8086:2021\].*/\1/p' list))"
ok "their drivers" "$(ls -d $D/*/driver 2>/dev/null | wc -l)" "$(grep -c 'Kernel driver in use' list)"
ok "their groups" "$(ls -d $D/*/iommu_group 2>/dev/null | wc -l)" "$(grep -c 'IOMMU group' list)"
[ -z "$devices" ] || has "their memory" 'Memory at [0-9a-f]+ .*\[size=16K\]' list
[ -z "$devices$root" ] || [ -z "$root" ] || [ -z "$devices" ] || has "their capabilities" 'MSI-X: Enable- Count=' list
[ -z "$devices" ] || [ -n "$root" ] || has "capabilities are root's" 'access denied' list
ok "udev's devices" "$(echo $devices)" "$(echo $(udevadm trigger --dry-run --verbose --subsystem-match=pci |
	sed 's,.*/,,' | sort))"
for d in $devices; do
	udevadm info -a -p $D/$d >walk || echo "udevadm info -a: $?"
	has "$d: walking" "looking at parent device '/devices/pci" walk
	has "$d: its class" 'ATTR\{class\}=="0x088000"' walk
	udevadm info --query=all -p $D/$d >all || echo "udevadm info: $?"
	has "$d: its name" "^E: PCI_SLOT_NAME=$d" all
	[ "$(driver $d)" = none ] || has "$d: its driver" "^E: DRIVER=$(driver $d)" all
	ok "$d: configuration space" "$([ -n "$root" ] && echo 4096 || echo 64)" "$(wc -c <$D/$d/config)"
	ok "$d: the same everywhere" "$(cat $D/$d/vendor $D/$d/device)" \
		"$(od -An -tx2 -N4 $D/$d/config | tr -s ' ' '\n' | sed -n 's/^\(....\)$/0x\1/p')"
	ok "$d: a BAR's size" "$(awk 'NR == 1 { print $2 }' $D/$d/resource)" \
		"$(printf 0x%016x $(($(awk 'NR == 1 { print $1 }' $D/$d/resource) + $(stat -c %s $D/$d/resource0) - 1)))"
	for f in modalias irq numa_node local_cpus local_cpulist enable driver_override reset_method \
		power_state revision subsystem_vendor subsystem_device msi_bus; do
		[ -n "$(cat $D/$d/$f)" ] || echo "$d/$f is empty"
	done
	[ ! -e $D/$d/iommu_group ] || ok "$d: its group has it" "$(readlink -f $D/$d)" \
		"$(readlink -f $D/$d/iommu_group/devices/$d)"
	[ ! -e $D/$d/iommu ] || ok "$d: its IOMMU has it" "$(readlink -f $D/$d)" \
		"$(readlink -f $D/$d/iommu/devices/$d)"
	[ ! -e $D/$d/vfio-dev ] || ok "$d: its VFIO device" "$(readlink -f $D/$d/vfio-dev/vfio*)" \
		"$(readlink -f /sys/class/vfio-dev/$(ls $D/$d/vfio-dev))"
done
for g in $(ls /sys/kernel/iommu_groups); do
	[ -e /sys/kernel/iommu_groups/$g/name ] ||
		has "group $g: reserved" '^0x[0-9a-f]{16} 0x[0-9a-f]{16} msi$' /sys/kernel/iommu_groups/$g/reserved_regions
done
ok "every link leads somewhere" '' "$(find $D/ /sys/class/vfio* /sys/class/iommu /sys/class/pci_bus \
	/sys/bus/pci/drivers /sys/kernel/iommu_groups /sys/devices/pci* -type l ! -exec test -e {} \; -print 2>/dev/null |
	grep -v '/sys/devices/pci0000:00')"
ok "group nodes" "$(ls /sys/class/vfio)" "$(ls /dev/vfio | grep -v '^vfio$')"
ok "file system" "sysfs sysfs" "$(stat -f -c %T /sys/bus/pci $D | paste -sd' ')"
SCRIPT
done

# ---- changing, as root ----

if [ -n "$root" ]; then
	within "changing" --host "$yaml" <<'SCRIPT'
B=/sys/bus/pci/drivers/vfio-pci
d=0000:01:00.0
echo $d >name
toggle() { # toggle NAME UNBIND-COMMAND BIND-COMMAND; $f is the file
	f=$B/unbind; eval "$2" || echo "$1: unbind: $?"
	ok "$1: unbound" none $(driver $d)
	ok "$1: no node" no $([ -e /dev/vfio/1 ] || echo no)
	f=$B/bind; eval "$3" || echo "$1: bind: $?"
	ok "$1: bound" vfio-pci $(driver $d)
	ok "$1: a node" yes $([ -c /dev/vfio/1 ] && echo yes)
}
toggle sh 'echo $d >$f' 'printf $d >$f'
toggle append 'echo $d >>$f' 'echo $d >>$f'
toggle excess 'printf "$d\n" >|$f' '(echo $d) >$f'
toggle bash 'bash -c "echo $d >$f"' 'bash -c "exec 7>$f; echo $d >&7"'
toggle cat 'cat name >$f' 'cat <name >$f'
toggle tee 'tee $f <name >/dev/null' 'tee -a $f <name >/dev/null'
toggle dd 'dd if=name of=$f 2>/dev/null' 'dd if=name of=$f conv=notrunc,fsync 2>/dev/null'
toggle cp 'cp name $f' 'cp name $f'
toggle python '$python -c "open(\"$f\", \"w\").write(\"$d\")"' \
	'$python -c "import os; os.write(os.open(\"$f\", os.O_WRONLY), b\"$d\n\")"'
devbind=$(command -v dpdk-devbind.py) && toggle dpdk-devbind '$python $devbind -u $d >/dev/null 2>&1' \
	'$python $devbind -b vfio-pci $d >/dev/null 2>&1'
toggle relative 'cd $B; echo $d >unbind; cd - >/dev/null' 'cd $D; echo $d >../drivers/vfio-pci/bind; cd - >/dev/null'
toggle link 'echo $d >$D/$d/driver/unbind' 'echo $d >/sys/module/vfio_pci/drivers/pci:vfio-pci/bind'
ok "bash says why" "bash: line 1: echo: write error: No such device" "$(bash -c "echo 0000:09:00.0 >$B/bind" 2>&1)"
ok "bash says busy" "bash: line 1: echo: write error: Device or resource busy" "$(bash -c "echo $d >$B/bind" 2>&1)"
ok "cat says why" "cat: write error: Invalid argument" "$(echo x | cat 2>&1 >$B/new_id)"
ok "read-only to root too" "Permission denied" "$(bash -c "echo >$D/$d/vendor" 2>&1 | sed 's/.*: //')"
ok "what has no read is not opened for reading" "Permission denied" "$(bash -c "exec 7<>$B/bind" 2>&1 | sed 's/.*: //')"
ok "test -w" "yes yes" "$([ -w $B/bind ] && echo yes) $([ -w $D/$d/config ] && echo yes)"
ok "nothing can be made there" no "$(mkdir /sys/bus/pci/x 2>/dev/null || echo no)"
$python - $D/$d/config <<'PYTHON'
import ctypes, os, sys
ctypes.CDLL(None).read(os.open(sys.argv[1], os.O_RDWR), ctypes.c_void_p(8), 4)
PYTHON
has "a bad buffer has its reason" bad-buffer /dev/nestbox/last-refusal
ok "override" "ioatdma" "$(echo ioatdma >$D/$d/driver_override; cat $D/$d/driver_override)"
ok "no override" "(null)" "$(echo >$D/$d/driver_override; cat $D/$d/driver_override)"

# driverctl
ok "driverctl lists" "$d vfio-pci, 0000:01:00.1 (none), 0000:02:00.0 ioatdma, 0000:03:00.0 vfio-pci, 0000:03:00.1 vfio-pci, 0001:01:00.0 vfio-pci" \
	"$(driverctl list-devices | paste -sd, | sed 's/,/, /g')"
driverctl --nosave set-override 0000:02:00.0 vfio-pci || echo "driverctl: $?"
ok "driverctl overrides" "0000:02:00.0 vfio-pci" "$(driverctl list-overrides)"
ok "a group more" yes "$([ -c /dev/vfio/2 ] && echo yes)"
driverctl --nosave set-override 0000:02:00.0 ioatdma || echo "driverctl: $?"
ok "and back" "ioatdma no" "$(driver 0000:02:00.0) $([ -e /dev/vfio/2 ] || echo no)"
driverctl --nosave unset-override 0000:02:00.0 || echo "driverctl: $?"
driverctl --nosave set-override $d none || echo "driverctl: $?"
ok "none" "none no" "$(driver $d) $([ -e /dev/vfio/1 ] || echo no)"
driverctl --nosave unset-override $d || echo "driverctl: $?"
ok "probed again" "vfio-pci yes" "$(driver $d) $([ -c /dev/vfio/1 ] && echo yes)"
ok "no overrides" '' "$(driverctl list-overrides)"

# Configuration space: what one writes another reads.
setpci -s $d COMMAND=0406
ok "setpci" 0406 "$(setpci -s $d COMMAND)"
ok "as the file has it" " 0406" "$(od -An -tx2 -j4 -N2 $D/$d/config)"
lspci -v -s $d >flags 2>/dev/null
has "as lspci shows it" 'Flags: bus master' flags
printf '\000\000' | dd of=$D/$d/config bs=1 seek=4 conv=notrunc 2>/dev/null || echo "dd: $?"
ok "dd" 0000 "$(setpci -s $d COMMAND)"
setpci -s $d VENDOR_ID=1234
ok "read-only bits" 8086 "$(setpci -s $d VENDOR_ID)"

# Many at once: each sees what it did.
for i in 1 2 3 4 5 6 7 8; do
	for dev in 0000:03:00.0 0000:03:00.1; do
		(echo $dev >$B/unbind 2>/dev/null; echo $dev >$B/bind 2>/dev/null; lspci -vs $dev >/dev/null 2>&1) &
	done
done
wait
for dev in 0000:03:00.0 0000:03:00.1; do
	[ "$(driver $dev)" = vfio-pci ] || echo $dev >$B/bind
	ok "$dev after many" "vfio-pci yes" "$(driver $dev) $([ -c /dev/vfio/3 ] && echo yes)"
done
ok "nothing is left over" '' "$(find /sys/devices/pci000* /sys/bus/pci /sys/kernel/iommu_groups /sys/class/vfio -name 'nestbox~*' 2>/dev/null)"
SCRIPT
	# An ordinary user in root's box.
	chmod 755 "$tmp"
	within "as nobody in root's box" --user nobody <<'SCRIPT'
ok "may not" "Permission denied" "$(bash -c "echo x >/sys/bus/pci/drivers/vfio-pci/unbind" 2>&1 | sed 's/.*: //')"
ok "sees" 64 "$(wc -c <$D/0000:01:00.0/config)"
SCRIPT
fi

# ---- programs that have devices open ----

"$nestbox" run --quiet --host "$yaml" -- "$rebind" || fail "rebind"
[ $failures = 0 ]
