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

# What the SMMU's words mean.
expect 0 '--image FILE' '' help walk
expect 0 'or - for standard output' '' help snapshot
expect 0 'as Linux prints them' '' help event
expect 0 '16 of 32' '' help ste
expect 0 '16 of 32' '' help cd
expect 0 '^F_TRANSLATION: ' '' event 0x0000010000000010 0x0000020800000000 dead000000 0
expect 0 'InputAddr +2\[63:0\] +0xdead000000' '' event 00000010 00000100 0 00000208 ad000000 de 0 0
expect 0 '"name": "F_TRANSLATION".*"illegal": false' '' event 10 0 0 --json 0
expect 0 'CLASS +1\[41:40\] +2 +of the address itself' '' event \
	'arm-smmu-v3 2b400000.iommu: event 0x10 received:' \
	'arm-smmu-v3 2b400000.iommu:	0x0000000500000010' 'x: 0x0000020000000000' 'x: 0x0' 'x: 0x0'
expect 0 '^reserved event: ' '' event 30 0 0 0
expect 0 'ILLEGAL: an entry with V = 0' '' ste 0 0 0 0 0 0 0 0
expect 0 'Config +0\[3:1\] +4 +bypass' 'words after the first 1 are taken for 0' ste 9
expect 0 'C_BAD_CD' '' cd 0 0 0 0 0 0 0 0
expect 125 '' "event needs|give the words" event
expect 125 '' 'has 4 words of 64 bits, or 8 of 32.*here are 3' event 1 2 3
expect 125 '' "'zz' is no word" event zz 0 0 0
expect 125 '' "'0x11111111111111111' is no word" ste 0x11111111111111111
expect 125 '' 'more than 16 words' ste 1 2 3 4 5 6 7 8 9 a b c d e f 10 11
printf '%s\n' '[ 1.2] arm-smmu-v3 a: event 0x0a received:' '[ 1.2] arm-smmu-v3 a: 	0x000000080000000a' \
	'[ 1.2] arm-smmu-v3 a: 	0x0000000000000000' 'arm-smmu-v3 a: 	0x0' 'arm-smmu-v3 a: 	0x0' >"$dir/log"
if ! "$nestbox" event - <"$dir/log" | grep -q '^C_BAD_CD: '; then
	echo "FAILED: nestbox event - <log"
	failures=$((failures + 1))
fi

# Walks. (Of boxes that run, and what was saved of them: test/run/walk.sh.)
expect 125 '' 'give a DEVICE' walk
expect 125 '' 'give a DEVICE' walk 0000:01:00.0
expect 125 '' "'x' is given too" walk d 0 x
expect 125 '' "'0xg' is no address" walk d 0xg
expect 125 '' "'-1' is no address|no option -1" walk d -1
expect 125 '' "'0x10000000000000000' is no address" walk d 0x10000000000000000
expect 125 '' "'1048576' is no number below" walk d 0 --pasid 1048576
expect 125 '' 'give one of them' walk d 0 --box 1 --image f
expect 125 '' 'an instruction fetch is a read' walk d 0 --write --insn
expect 125 '' 'cannot read .*none: No such file' walk --image "$dir/none" d 0
expect 125 '' 'is no file' walk --image "$dir" d 0
expect 125 '' 'no saved image, or a damaged one' walk --image "$dir/log" d 0
expect 125 '' 'process 1 is no box and in none' walk --box 1 d 0
expect 125 '' 'give a FILE' snapshot
expect 125 '' "'b' is given too" snapshot a b
expect 125 '' 'process 1 is no box and in none' snapshot --box 1 "$dir/none"

# Output that does not arrive is not silently lost.
if [ -w /dev/full ] && "$nestbox" host >/dev/full 2>"$dir/err"; then
	echo "FAILED: nestbox host >/dev/full succeeded"
	failures=$((failures + 1))
fi

[ $failures -eq 0 ]
