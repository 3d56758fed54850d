#!/bin/sh
# SPDX-License-Identifier: MIT
# Traces of every VFIO call: names, flags and structs, in each format; then of stock DPDK, if it is here.
# usage: every.sh NESTBOX EVERY EVENTS
nestbox=$1 every=$2 events=$3
failures=0
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT

fail() {
	echo "not ok: $*"
	failures=$((failures + 1))
}

# expect FILE: each line of standard input is a pattern that some line of FILE matches.
expect() {
	while IFS= read -r pattern; do
		grep -Eq -- "$pattern" "$1" || fail "${1##*/}: no line matches $pattern"
	done
}

# What a call is, whatever came of it.
calls='open\("/dev/vfio/vfio", O_RDWR\|O_CLOEXEC\)
ioctl\([0-9]+</dev/vfio/vfio>, VFIO_GET_API_VERSION\)
/dev/vfio/vfio>, VFIO_CHECK_EXTENSION, VFIO_UNMAP_ALL\)
/dev/vfio/vfio>, VFIO_CHECK_EXTENSION, 4711\)
/dev/vfio/vfio>, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU\)
/dev/vfio/vfio>, VFIO_IOMMU_GET_INFO, \{argsz=1024, flags=PGSIZES\|CAPS, iova_pgsizes=0x[0-9a-f]+, cap_offset=[0-9]+, caps=\[MIGRATION\{flags=0, pgsize_bitmap=0x[0-9a-f]+, max_dirty_bitmap_size=0x10000000\}, DMA_AVAIL\{avail=65535\}, IOVA_RANGE\[0x0-0x[0-9a-f]+.*\]\]\}\)
VFIO_IOMMU_MAP_DMA, \{argsz=32, flags=READ\|WRITE, vaddr=0x[0-9a-f]+, iova=0x7000000, size=0x4000\}\)
VFIO_IOMMU_MAP_DMA, \{argsz=32, flags=0x80, vaddr=0, iova=0, size=0x1000\}\)
VFIO_IOMMU_MAP_DMA, NULL\)
VFIO_IOMMU_DIRTY_PAGES, \{argsz=8, flags=START\}\)
VFIO_IOMMU_DIRTY_PAGES, \{argsz=48, flags=GET_BITMAP, iova=0x7000000, size=0x4000, bitmap=\{pgsize=0x1000, size=0x8, data=0x[0-9a-f]+\}\}\)
VFIO_IOMMU_DIRTY_PAGES, \{argsz=8, flags=STOP\}\)
VFIO_IOMMU_UNMAP_DMA, \{argsz=48, flags=GET_DIRTY_BITMAP, iova=0x7000000, size=0x4000, bitmap=\{pgsize=0x1000, size=0x8, data=0x[0-9a-f]+\}\}\)
VFIO_IOMMU_UNMAP_DMA, \{argsz=24, flags=ALL, iova=0, size=0
VFIO_IOMMU_ENABLE\)
VFIO_IOMMU_DISABLE\)
/dev/vfio/vfio>, ioctl 0x3bb1, 0x123\)
/dev/vfio/1>, VFIO_GROUP_GET_STATUS, \{argsz=8, flags=VIABLE\|CONTAINER_SET\}\)
/dev/vfio/1>, VFIO_GROUP_SET_CONTAINER, \[[0-9]+\]\)
/dev/vfio/1>, VFIO_GROUP_GET_DEVICE_FD, "no such device"\)
/dev/vfio/1>, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0"\)
/dev/vfio/1>, VFIO_GROUP_UNSET_CONTAINER\)
0000:01:00.0>, VFIO_DEVICE_GET_INFO, \{argsz=2[04], flags=RESET\|PCI.*, num_regions=9, num_irqs=5
VFIO_DEVICE_GET_REGION_INFO, \{argsz=256, flags=READ\|WRITE\|MMAP\|CAPS, index=BAR0, cap_offset=32, size=0x4000, offset=0x80000000000, caps=\[.*MSIX_MAPPABLE.*\]\}\)
VFIO_DEVICE_GET_REGION_INFO, \{argsz=256, flags=READ\|WRITE, index=CONFIG, cap_offset=0, size=0x1000, offset=0x70000000000\}\)
VFIO_DEVICE_GET_REGION_INFO, \{argsz=256, flags=.*, index=VGA, 
VFIO_DEVICE_GET_IRQ_INFO, \{argsz=16, flags=EVENTFD\|MASKABLE\|AUTOMASKED, index=INTX, count=[01]\}\)
VFIO_DEVICE_GET_IRQ_INFO, \{argsz=16, flags=EVENTFD\|NORESIZE, index=MSIX, count=4\}\)
VFIO_DEVICE_GET_IRQ_INFO, \{argsz=16, flags=.*, index=REQ, count=1\}\)
VFIO_DEVICE_SET_IRQS, \{argsz=28, flags=DATA_EVENTFD\|ACTION_TRIGGER, index=MSIX, start=0, count=2, eventfds=\[[0-9]+, -1\]\}\)
VFIO_DEVICE_SET_IRQS, \{argsz=22, flags=DATA_BOOL\|ACTION_TRIGGER, index=MSIX, start=0, count=2, bools=\[1, 0\]\}\)
VFIO_DEVICE_SET_IRQS, \{argsz=20, flags=DATA_NONE\|ACTION_MASK, index=INTX, start=0, count=2\}\)
VFIO_DEVICE_SET_IRQS, \{argsz=20, flags=DATA_NONE\|ACTION_UNMASK, index=INTX, start=0, count=2\}\)
VFIO_DEVICE_RESET\)
VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, \{argsz=12, flags=[^,]*, count=[0-9]+\}\)
VFIO_DEVICE_PCI_HOT_RESET, \{argsz=16, flags=0, count=1, group_fds=\[[0-9]+\]\}\)
VFIO_DEVICE_QUERY_GFX_PLANE, \{argsz=128, flags=0, drm_plane_type=0, 
VFIO_DEVICE_GET_GFX_DMABUF, \[128\]\)
VFIO_DEVICE_IOEVENTFD, \{argsz=32, flags=16, offset=BAR0\+0x86, data=0x3, fd=-1\}\)
VFIO_DEVICE_FEATURE, \{argsz=8, flags=SET\|PROBE\|BUS_MASTER\}\)
VFIO_DEVICE_FEATURE, \{argsz=12, flags=SET\|BUS_MASTER, op=SET_MASTER\}\)
VFIO_DEVICE_FEATURE, \{argsz=24, flags=SET\|PCI_VF_TOKEN, uuid=cafe0{28}\}\)
VFIO_DEVICE_FEATURE, \{argsz=16, flags=GET\|MIGRATION\}\)
VFIO_DEVICE_FEATURE, \{argsz=8, flags=SET\|LOW_POWER_ENTRY\}\)
VFIO_DEVICE_FEATURE, \{argsz=8, flags=SET\|LOW_POWER_EXIT\}\)
VFIO_DEVICE_FEATURE, \{argsz=32, flags=SET\|DMA_LOGGING_START, page_size=0x1000, num_ranges=0, ranges=0\}\)
VFIO_DEVICE_BIND_IOMMUFD, \{argsz=128, flags=0, iommufd=0, out_devid=0, token_uuid_ptr=0\}\)
VFIO_DEVICE_ATTACH_IOMMUFD_PT, \{argsz=128, flags=0, pt_id=0, pasid=0\}\)
VFIO_DEVICE_DETACH_IOMMUFD_PT, \{argsz=128, flags=0, pasid=0\}\)
VFIO_MIG_GET_PRECOPY_INFO, \{argsz=128, flags=0, initial_bytes=0, dirty_bytes=0\}\)
0000:01:00.0>, ioctl 0x3bb1, 0x456\)
pread64\([0-9]+<0000:01:00.0>, \[0x20218086\], 4, CONFIG\+0x0 VENDOR_ID\)
pwrite64\([0-9]+<0000:01:00.0>, \[0x6\], 2, CONFIG\+0x4 COMMAND\)
pread64\(.*, \[0x[0-9a-f]+\], 1, CONFIG\+0x34 CAPABILITY_LIST\)
pread64\(.*, 2, CONFIG\+0x82 MSIX_FLAGS\)
pread64\(.*, 4, CONFIG\+0x94 EXP_DEVCAP\)
pread64\(.*, 8, BAR0\+0x88 CHAN0_CHANSTS\)
pwrite64\(.*, \[0x6\], 1, BAR0\+0x104 CHAN1_CHANCMD\)
mmap\(0x0, 4096, PROT_READ, 0x1, [0-9]+<0000:01:00.0>, BAR0\+0x0\)'

for format in text json chrome; do
	"$nestbox" run --quiet --trace-format=$format --trace="$dir/$format" -- "$every" || fail "$format: exit status $?"
done
echo "$calls" | expect "$dir/text"
for format in json chrome; do
	"$events" $format "$dir/$format" >"$dir/$format-events" || fail "$format: cannot be read"
	echo "$calls" | expect "$dir/$format-events"
done
# Protocol answers and events of devices; every line of text is a call or an event.
expect "$dir/text" <<'END'
VFIO_IOMMU_GET_INFO, \{argsz=[0-9]+, flags=PGSIZES\|CAPS, iova_pgsizes=0x[0-9a-f]+\}\) = 0$
^nestbox: reset: 0000:01:00.0$
mmap\(.*\) = \?$
VFIO_IOMMU_MAP_DMA, NULL\) = -1 EFAULT <
END
expect "$dir/json" <<'END'
"kind": ?"reset",.*"name": ?"reset",.*"device": ?"0000:01:00.0"
"name": ?"mmap",.*"result": ?null,
END
expect "$dir/chrome-events" <<'END'
^i reset 257 .*nestbox: reset: 0000:01:00.0$
END
n=$(grep -cvE '^\[[0-9]+\] |^nestbox: ' "$dir/text")
[ "$n" = 0 ] || fail "$n lines are neither call nor event"

# Stock DPDK up to its prompt: no call of it is unknown.
if command -v dpdk-test >/dev/null; then
	echo quit | XDG_RUNTIME_DIR="$dir" "$nestbox" run --quiet --trace="$dir/stock" -- dpdk-test --no-shconf --no-huge -m 64 \
		--iova-mode=va -l 0 >"$dir/out" 2>&1 || fail "dpdk-test: $(tail -3 "$dir/out")"
	expect "$dir/stock" <<'END'
VFIO_CHECK_EXTENSION, VFIO_TYPE1_IOMMU\) = 1$
VFIO_CHECK_EXTENSION, VFIO_SPAPR_TCE_v2_IOMMU\) = 0$
VFIO_IOMMU_MAP_DMA, \{argsz=32, flags=READ\|WRITE, vaddr=0x([0-9a-f]+), iova=0x\1, size=0x[0-9a-f]+\}\) = 0$
VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0"\) = [0-9]+$
pread64\(.*CONFIG\+0x[0-9a-f]+ [A-Z_0-9]+\) = [124]$
END
	grep -q 'ioctl 0x3b' "$dir/stock" && fail "unknown: $(grep 'ioctl 0x3b' "$dir/stock" | head -1)"
else
	echo "skipped in part: no dpdk-test"
fi

[ $failures -eq 0 ] && echo "ok"
