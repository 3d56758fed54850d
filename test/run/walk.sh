#!/bin/sh
# SPDX-License-Identifier: MIT
# Walks of a running box, and of what was saved of it.
# usage: walk.sh NESTBOX PROGRAM   (as root it runs itself once more as an ordinary user)
self=$(readlink -f "$0")
nestbox=$(readlink -f "$1")
program=$(readlink -f "$2")
. "${self%/*}/looking.sh"

events() {
	"$nestbox" show "$box" --json >show && value show "x['iommus'][0]['events']['done']"
}

mkfifo in
"$nestbox" run --quiet -- "$program" <in >out 2>err &
box=$! boxes=$!
exec 7>in
until_true grep -qx ready out

# ---- a box ----

before=$(events)
"$nestbox" walk --box "$box" 0000:01:00.0 0x40001234 --svg walk.svg >walk
ok 'a walk: status' 0 $?
has 'who and what' '^Read of IOVA 0x40001234 by 0000:01:00.0, StreamID 0x100, behind smmu0$' walk
has 'the stream table' '^L1STD .* 0x[0-9a-f]{16}  table of 256 entries' walk
has 'the STE' '^  Config +0\[3:1\] +6 +stage 2 translates' walk
has 'its descriptors' '^S2 level 1  \[1\] .* table -> 0x' walk
has 'the leaf' '^S2 level 2  \[0\] .* 2 MiB block -> 0x[0-9a-f]*00000, rwx' walk
has 'the result' '^Result  PA 0x[0-9a-f]+00001234, rwx, 2 MiB mapped alike' walk
has 'the caches' '^Caches  configuration: cached' walk
ok 'no colours in a file' 0 "$(tr -dc '\033' <walk | wc -c | tr -d ' ')"
ok '100 columns' 0 "$(grep -cE '.{101}' walk)"
ok 'the drawing is XML' 'svg 5 1' "$($python -c '
import xml.dom.minidom
x = xml.dom.minidom.parse("walk.svg").documentElement
groups = [g.getAttribute("class") for g in x.getElementsByTagName("g")]
print(x.tagName, groups.count("step"), groups.count("result"))')"
"$nestbox" walk --box "$box" 0000:01:00.0 0x40001234 --svg again.svg >/dev/null
ok 'and the same every time' same "$(cmp walk.svg again.svg && echo same)"
"$nestbox" walk --box "$box" 0000:01:00.0 0xdead000000 --write --json >fault
ok 'a fault is explained' "('event', 'F_TRANSLATION', True, 'S2')" \
	"$(value fault "x['result'], x['event']['name'], x['event']['recorded'], x['steps'][-1]['kind']")"
"$nestbox" walk --box "$box" 0000:01:00.0 4096 --pasid 1 --json >pasid
ok 'a PASID that it has not' C_BAD_SUBSTREAMID "$(value pasid "x['event']['name']")"
"$nestbox" walk --box "$box" 0000:01:00.0 0x40001234 --translated >translated
has 'an address that ATS translated' '^Read of translated address 0x40001234 by 0000:01:00.0' translated
has 'and an SMMU without ATS' '^Result  aborted by configuration, without an event' translated
"$nestbox" walk --box "$box" 0000:03:00.0 4096 >other
ok 'a device that is blocked: status' 0 $?
has 'and says why' '^Result  ' other
ok 'nothing of it was an event' "$before" "$(events)"
"$nestbox" walk --box "$box" 0000:09:00.0 4096 2>err
ok 'no such device: status' 125 $?
has 'no such device' 'no such device' err

# ---- and what was saved ----

"$nestbox" snapshot --box "$box" image
ok 'a snapshot: status' 0 $?
ok 'for its owner alone' 600 "$(stat -c %a image)"
"$nestbox" walk --image image 0000:01:00.0 0x40001234 --svg saved.svg >saved
has 'it has no caches' '^Caches  configuration: not in a saved image' saved
ok 'all else is the same' same "$(sed '/^Caches/,$d' walk >a; sed '/^Caches/,$d' saved >b; cmp a b && echo same)"
ok 'the drawing too' same "$(cmp walk.svg saved.svg && echo same)"
"$nestbox" snapshot --box "$box" - | head -c 20 | grep -q nestbox_image
ok 'to standard output' 0 $?
head -c 3000 image >cut
"$nestbox" walk --image cut 0000:01:00.0 0 2>err
ok 'one that is cut off: status' 125 $?
has 'one that is cut off' 'no JSON object, or cut off' err
"$nestbox" walk --image image 0000:09:00.0 0 2>err
has 'no such device in it' 'the first is 0000:01:00.0' err

echo e >&7
exec 7>&-
wait "$box"
ok 'the box ends well' 0 $?
boxes=
"$nestbox" walk --image image 0000:01:00.0 0x40001234 >saved
ok 'the image outlives it' same "$(sed '/^Caches/,$d' saved >b; cmp a b && echo same)"

if [ "$(id -u)" = 0 ]; then
	copies
	again_as_user
fi
[ $failures = 0 ]
