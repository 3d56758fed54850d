#!/bin/sh
# SPDX-License-Identifier: MIT
# The program's verbs as a user meets them: exit status, what goes to stdout and to stderr.
set -u
nestbox=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0

# expect STATUS STDOUT-PATTERN STDERR-PATTERN ARGS...: an empty pattern wants no output at all
expect() {
	status=$1 out=$2 err=$3
	shift 3
	"$nestbox" "$@" >"$dir/out" 2>"$dir/err"
	got=$?
	if [ $got -ne "$status" ] || ! match "$dir/out" "$out" || ! match "$dir/err" "$err"; then
		echo "FAILED: nestbox $*: status $got, expected $status, /$out/, /$err/"
		cat "$dir/out" "$dir/err"
		failures=$((failures + 1))
	fi
}

match() {
	if [ -z "$2" ]; then [ ! -s "$1" ]; else grep -Eq -- "$2" "$1"; fi
}

expect 125 '' 'usage: nestbox VERB'
expect 0 'usage: nestbox VERB' '' help
expect 0 'usage: nestbox VERB' '' --help
expect 0 '^nestbox [0-9.]+$' '' --version
expect 125 '' "no verb 'fly', must be one of .*host" fly
expect 125 '' "no verb 'fly'" help fly
expect 0 '--yaml' '' help host
expect 0 '--yaml' '' host --help
expect 0 '--json' '' devices -h
expect 0 '--json' '' help doctor

expect 0 'smmu0 +smmuv3 +\[1, 2\] +yes' '' host
expect 0 'smmu0 +smmuv3 +\[1, 2\] +no +.*1209401' '' host --host smmuv3-no-nesting
expect 0 'smmu1 +smmuv3 +\[1\] +no +.*stage 2' '' host --host mixed
expect 0 '3 +smmu0 +0000:03:00.0, 0000:03:00.1 +yes' '' host
expect 0 'no IOMMU' '' host --host=empty
expect 0 '"why_not": "' '' host --host smmuv3-no-nesting --json
expect 0 'ioat +8086:2021' '' devices
expect 0 '"id": "8086:2021"' '' devices --json

expect 125 '' "no built-in host 'x', must be one of smmuv3, " host --host x
expect 125 '' 'did you mean --host x' host x
expect 125 '' '--host needs a value' host --host
expect 125 '' '--yam=1' host --yam=1
expect 125 '' 'no option -q' host -q
expect 125 '' "'x' is given" devices x
expect 125 '' "'x' is given" doctor x
expect 125 '' '--json=1' doctor --json=1
expect 125 '' 'No such file' host --host "$dir/none.yaml"

# What --yaml prints is the same host, and can be changed.
for host in smmuv3 smmuv3-no-nesting mixed empty; do
	"$nestbox" host --host $host --yaml >"$dir/$host.yaml"
	expect 0 "^Host $host.yaml:" '' host --host "$dir/$host.yaml"
	"$nestbox" host --host "$dir/$host.yaml" --yaml | tail -n +2 >"$dir/again"
	tail -n +2 "$dir/$host.yaml" | cmp - "$dir/again" || failures=$((failures + 1))
done
sed 's/driver: vfio-pci/driver: ixgbe/' "$dir/smmuv3.yaml" >"$dir/held.yaml"
expect 0 'no: 0000:01:00.0 is bound to ixgbe' '' host --host "$dir/held.yaml"
sed 's/kind: smmuv3/kind: vtd/' "$dir/smmuv3.yaml" >"$dir/vtd.yaml"
expect 125 '' 'vtd.yaml:[0-9]+:11: iommus\[0\].kind: vtd is not there yet' host \
	--host "$dir/vtd.yaml"

# run: what cannot be made is 125, and says why. (Programs in the box: test/run.)
expect 0 '--trace\[=FILE\]' '' help run
expect 125 '' 'no program is given' run
expect 125 '' 'no program is given' run --host mixed --
expect 125 '' "no built-in host 'x'" run --host x -- true
expect 125 '' "vtd.yaml:[0-9]+:11: iommus\[0\].kind: vtd is not there yet" run \
	--host "$dir/vtd.yaml" -- true
expect 125 '' "--poll: is 'often', must be spin" run --poll=often -- true
expect 125 '' "--mmio: is 'map', must be trap" run --mmio=map -- true
expect 125 '' "--trace: cannot write $dir/no/t: No such file" run --trace="$dir/no/t" -- true
expect 125 '' "--trace-format: is 'xml', must be text, json or chrome" run --trace-format=xml -- true
expect 125 '' '--trace-format needs a value' run --trace-format
expect 125 '' '--quiet=1' run --quiet=1 -- true

# Looking into boxes. (Boxes that run: test/run/look.sh.)
expect 0 '--json' '' help ps
expect 0 'any process in the box' '' help show
expect 0 '--format=text' '' help trace
expect 125 '' "did you mean nestbox show 7" ps 7
expect 125 '' "'x' is no process id" show x
expect 125 '' "'0' is no process id" show 0
expect 125 '' "process 1 is no box and in none" show 1 --json
expect 125 '' "'2' is given too" show 1 2
expect 125 '' "process 1 is no box and in none" trace --format=json 1
expect 125 '' "no option -f" trace -f
NESTBOX_SOCKET=$dir/none
export NESTBOX_SOCKET
expect 125 '' "cannot reach the box of .NESTBOX_SOCKET, $dir/none" show
unset NESTBOX_SOCKET

# Output that does not arrive is not silently lost.
if [ -w /dev/full ] && "$nestbox" host >/dev/full 2>"$dir/err"; then
	echo "FAILED: nestbox host >/dev/full succeeded"
	failures=$((failures + 1))
fi

[ $failures -eq 0 ]
