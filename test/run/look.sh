#!/bin/sh
# SPDX-License-Identifier: MIT
# Looking into a running box: nestbox ps, show and trace, and the control socket itself.
# usage: look.sh NESTBOX PROGRAM   (as root it runs itself once more as an ordinary user)
self=$(readlink -f "$0")
nestbox=$(readlink -f "$1")
program=$(readlink -f "$2")
. "${self%/*}/looking.sh"

says() { # says FILE LINE COUNT: has so many of these lines
	[ "$(grep -cxF "$2" "$1")" -ge "$3" ]
}

# begin NAME [OPTIONS]: a box whose program reads NAME.in and has written "ready" to NAME.out
begin() {
	name=$1
	shift
	mkfifo "$name.in"
	"$nestbox" run --quiet "$@" -- sh -c 'echo "$NESTBOX_SOCKET" >"$0.path"; echo $$ >"$0.pid"; exec "$1" <"$0.in"' \
		"$name" "$program" >"$name.out" 2>"$name.err" &
	pid=$!
	boxes="$boxes $pid"
	exec 7<>"$name.in" # waits for nobody
	until_true says "$name.out" ready 1 || { echo "not ok: box $name is not ready"; cat "$name.err"; exit 1; }
}

talk() { # talk PATH PYTHON: s is a connected socket
	$python -c '
import os, socket, sys, json, time
def connect():
    s = socket.socket(socket.AF_UNIX); s.settimeout(60)
    d = os.open(os.path.dirname(sys.argv[1]), os.O_PATH)
    while True:
        try:
            s.connect("/proc/self/fd/%d/%s" % (d, os.path.basename(sys.argv[1])))
            break
        except BlockingIOError: # so many wait already: s has a timeout, so it does not wait by itself
            time.sleep(0.01)
    os.close(d)
    return s
def lines(s):
    return s.makefile("rb")
s = connect()
exec(sys.argv[2])' "$@"
}

# ---- ps and show ----

ok 'no box' "nestbox show: no box is running" "$("$nestbox" show 1 2>&1 >/dev/null | sed 's/process 1 is.*/no box is running/')"
begin one
box=$pid
path=$(cat one.path)
inside=$(cat one.pid)
ok 'the socket that the program is told' "$XDG_RUNTIME_DIR/nestbox/$box" "$path"
ok 'its mode and that of its directory' '600 700' "$(stat -c %a "$path") $(stat -c %a "${path%/*}")"
"$nestbox" ps >ps
has 'ps lists the box' "^ *$box +$(id -un 2>/dev/null || id -u) +[0-9]+s +smmuv3 +1 +sh -c " ps
"$nestbox" ps --json >ps.json
ok 'ps --json' "1 smmuv3 $(id -u)" "$(value ps.json "' '.join(str(b[k]) for b in x if b['pid'] == $box for k in ('programs', 'host', 'uid'))")"

"$nestbox" show "$box" --json >show
figures="x['box']['pid'], len(x['containers']), x['containers'][0]['type'], x['containers'][0]['groups'],
	x['containers'][0]['ioas']['mappings'], x['containers'][0]['ioas']['bytes'],
	x['containers'][0]['entries_left'], x['containers'][0]['ioas']['hwpts'][0]['devices']"
ok 'the container' "($box, 1, 'nesting', ['1'], 1, $((129 << 20)), 65534, ['0000:01:00.0'])" "$(value show "$figures")"
ok 'who holds it' "([$inside], [$inside], [$inside])" \
	"$(value show "x['containers'][0]['pids'], x['groups'][0]['pids'], x['devices'][0]['pids']")"
ok 'the HWPT' "('smmu0', 'nest-parent', 'nest-parent', True)" "$(value show "tuple(x['containers'][0]['ioas']['hwpts'][0][k] for k in ('iommu', 'asked', 'got', 'msi_mapped'))")"
ok 'the program' "[($inside, 'test-look')]" "$(value show "[(p['pid'], p['name']) for p in x['programs']]")"
ok 'the device' "(1, True, True, 'msix', 1, 1, 1)" "$(value show "(lambda d: (d['opens'], d['memory'],
	d['bus_master'], d['irqs']['type'], d['irqs']['vectors'], d['irqs']['eventfds'], d['irqs']['fired']))(x['devices'][0])")"
# Descriptors are read besides, and the status is written.
ok '64 MiB of DMA' '(True, True, 1)' "$(value show "(lambda d: (64 << 20 <= d['read_bytes'] < 65 << 20,
	64 << 20 <= d['write_bytes'] < 65 << 20, d['aborts']))(x['devices'][0]['dma'])")"
ok 'the fault' "(1, 'F_TRANSLATION', 'read', 0xdead000000, {'F_TRANSLATION': 1})" \
	"$(value show "(lambda d: (d['faults'], d['last_fault']['name'], d['last_fault']['access']))(x['devices'][0])
	+ (x['devices'][0]['last_fault']['iova'],) + (x['iommus'][0]['faults'],)" | sed "s/$((0xdead000000))/0xdead000000/")"
ok 'the queues' '(True, True, 1, 0, False)' "$(value show "(lambda i: (i['commands']['done'] > 0,
	i['commands']['prod'] == i['commands']['cons'], i['events']['done'], i['events_lost'], i['overflow']))(x['iommus'][0])")"
ok 'the other devices' '[0, 0]' "$(value show "[d['opens'] for d in x['devices'][1:]]")"
# Boxes in /tmp are found too, and others may have some: then it asks which.
"$nestbox" show >text 2>several || { grep -q 'several boxes' several && "$nestbox" show "$box" >text; }
has 'show in words' '^0000:01:00.0 +ioat +1 +none +1 +yes +yes +msix +1 +1 ' text
has 'bytes in words' '^ +1 +nesting +1 +1 +129 MiB ' text
ok 'any process of the box will do' "$box" "$("$nestbox" show "$inside" --json | grep '"pid"' | head -1 | tr -dc 0-9)"
echo m >&7
until_true says one.out 'done m' 1
"$nestbox" show "$box" --json >show
ok 'one mapping more' "(2, $(((129 << 20) + 65536)), 65533)" "$(value show "(lambda c: (c['ioas']['mappings'], c['ioas']['bytes'], c['entries_left']))(x['containers'][0])")"
ok 'stats' "(2, $(((129 << 20) + 65536)), 1)" "$(talk "$path" 's.sendall(b"{\"request\": \"stats\"}\n"); x = json.loads(lines(s).readline())
print((x["mappings"], x["mapped_bytes"], x["devices"][0]["fired"]))')"

# ---- several boxes ----

one=$box
exec 8>&7
begin two --host mixed
two=$pid
"$nestbox" show >out 2>err
ok 'several: status' 125 $?
has 'several: which' "several boxes are running, give one: .*$one.*$two|several boxes are running, give one: .*$two.*$one" err
ok 'in a box: that one' "$one" "$(NESTBOX_SOCKET=$path "$nestbox" show --json | grep '"pid"' | head -1 | tr -dc 0-9)"
echo e >&7
exec 7>&-
wait "$two"
ok 'the second box ends well' 0 $?
ok 'its socket goes with it' "$one" "$(ls "$XDG_RUNTIME_DIR/nestbox")"

# ---- traces ----

trace_on() { # trace_on FORMAT: once a call is seen, it is on
	"$nestbox" trace "$one" --format="$1" >"trace.$1" 2>&1 &
	tracer=$!
	left=200
	while ! grep -q GET_API_VERSION "trace.$1" && [ $left -gt 0 ]; do
		echo v >&8
		sleep 0.1
		left=$((left - 1))
	done
}
for format in text json chrome; do
	trace_on $format
	has "a trace as $format" 'VFIO_GET_API_VERSION' "trace.$format"
	kill -INT $tracer
	wait $tracer
	ok "ended by ^C, as $format" 0 $?
done
has 'text is as of strace' '^.*VFIO_GET_API_VERSION\)? *= 0' trace.text
ok 'every line is JSON' yes "$($python -c 'import json
for line in open("trace.json"): json.loads(line)
print("yes")')"
ok 'off is off' yes "$(talk "$path" 'f = lines(s)
s.sendall(b"{\"request\": \"trace\"}\n"); assert json.loads(f.readline())["on"]
s.sendall(b"{\"request\": \"trace\", \"on\": false}\n")
while f.readline(): pass
print("yes")')"

# ---- clients of all kinds ----

ok '50 clients at once' 50 "$(talk "$path" '
all = [connect() for i in range(50)]
for c in all: c.sendall(b"{\"request\": \"show\"}\n")
print(sum(json.loads(lines(c).readline())["request"] == "show" for c in all))')"
ok 'errors' 'bad-json bad-json unknown-request unknown-request bad-request bad-version bad-request bad-request' "$(talk "$path" '
for text in b"what?\n", b"[1]\n", b"{\"request\": \"leap\"}\n", b"{\"request\": \"\\u001b[2J\"}\n", b"{}\n", b"{\"request\": \"list\", \"version\": 2}\n", b"{\"request\": \"list\", \"on\": true}\n", b"{\"request\": \"trace\", \"format\": \"xml\"}\n":
    c = connect(); c.sendall(text); print(json.loads(lines(c).readline())["error"], end=" ")' | sed 's/ $//')"
ok 'garbage ends the connection' 'bad-json 0' "$(talk "$path" 'f = lines(s); s.sendall(bytes(range(256)) * 9)
print(json.loads(f.readline())["error"], len(f.read()))' 2>/dev/null)"
ok 'a request is bounded' too-long "$(talk "$path" '
try: s.sendall(b"x" * 1000000)
except OSError: pass
print(json.loads(lines(s).readline())["error"])')"
talk "$path" '
import random
random.seed(1)
for i in range(300):
    c = connect(); text = bytearray(b"{\"version\": 1, \"request\": \"trace\", \"on\": true, \"format\": \"json\"}\n" * 3)
    for j in range(random.randrange(8)): text[random.randrange(len(text))] = random.randrange(256)
    try: c.sendall(text[:random.randrange(len(text) + 1)])
    except OSError: pass
    c.close()'
# Never reads what it asks for, 8 traces among it; the box and other clients go on.
talk "$path" '
all = [connect() for i in range(14)]
for i, c in enumerate(all):
    c.setblocking(False)
    try: c.sendall(b"{\"request\": \"trace\"}\n" if i < 6 else b"{\"request\": \"show\"}\n" * 3000)
    except OSError: pass
open("stuck", "w").close()
while not os.path.exists("unstuck"): time.sleep(0.05)' &
stuck=$!
until_true test -e stuck
before=$(grep -cxF 'done v' one.out)
echo vvvvvvvv >&8
until_true says one.out 'done v' $((before + 8))
ok 'calls go on beside clients that do not read' yes "$(says one.out 'done v' $((before + 8)) && echo yes)"
ok 'and other clients too' "$one" "$("$nestbox" show "$one" --json | grep '"pid"' | head -1 | tr -dc 0-9)"
touch unstuck
wait $stuck

# ---- other users ----

if [ "$(id -u)" = 0 ]; then
	knock='import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(30)
try:
    s.connect(sys.argv[1])
    try: s.sendall(b"{\"request\": \"show\"}\n")
    except BrokenPipeError: pass # it has hung up already, and said why
    print(s.makefile().readline()[:60])
except OSError as e: print(type(e).__name__)'
	short=$(mktemp -d /tmp/nbXXXXXX)
	ln -s "$path" "$short/s"
	chmod 755 "$short" "$tmp"
	for uid in 65534 12345; do
		ok "uid $uid does not come in" PermissionError \
			"$(setpriv --reuid=$uid --regid=$uid --clear-groups $python -c "$knock" "$short/s")"
		# Even where somebody opened the way: the peer's identity counts.
		chmod 755 "$tmp/runtime" "$tmp/runtime/nestbox"
		chmod 666 "$path"
		ok "nor by modes" 1 "$(setpriv --reuid=$uid --regid=$uid --clear-groups $python -c "$knock" "$short/s" | grep -c '"error": "not-allowed"')"
		chmod 600 "$path"
		chmod 700 "$tmp/runtime" "$tmp/runtime/nestbox"
	done
	ok 'another user sees no box' 0 "$(setpriv --reuid=12345 --regid=12345 --clear-groups "$nestbox" ps 2>/dev/null | grep -c " $one ")"
	rm -rf "$short"
fi

# ---- the end ----

echo e >&8
exec 8>&-
wait "$one"
ok 'the box ends well' 0 $?
ok 'nothing is left' '' "$(ls "$XDG_RUNTIME_DIR")"
begin killed
kill -KILL "$pid"
wait "$pid" 2>/dev/null
exec 7>&-
left=200
while [ -n "$(ls "$XDG_RUNTIME_DIR")" ] && [ $left -gt 0 ]; do sleep 0.05; left=$((left - 1)); done
ok 'the guardian removes the socket of a killed supervisor' '' "$(ls "$XDG_RUNTIME_DIR")"

# Unless it dies too, before it could.
children() { cat "/proc/$1/task/$1/children"; }
begin three
three=$pid
guardian=$(children "$three") guardian=${guardian%% *}
kill -STOP "$guardian"
programs=$(children "$guardian")
kill -KILL "$three" "$guardian" $programs
wait "$three" 2>/dev/null
exec 7>&-
ok 'the socket of a box of which all were killed is left' "$three" "$(ls "$XDG_RUNTIME_DIR/nestbox")"
"$nestbox" ps >ps
ok 'and removed by ps' '' "$(ls "$XDG_RUNTIME_DIR/nestbox")"
ok 'which does not list it' 0 "$(grep -c "^ *$three " ps)"

# Paths that are longer than an address; places that are not to be trusted.
long=$tmp/$(printf %0100d 0)/$(printf %0100d 0)
mkdir -p "$long"
chmod 700 "$long"
ok 'a long path' 1 "$(XDG_RUNTIME_DIR=$long "$nestbox" run -- sh -c '"$0" show --json' "$nestbox" | grep -c '"pid": .*[0-9]' | sed 's/^[1-9].*/1/')"
chmod 777 "$long"
ok 'not where others can write' 0 "$(XDG_RUNTIME_DIR=$long "$nestbox" run -- sh -c 'echo $NESTBOX_SOCKET' | grep -c "^$long")"
rm -rf "$XDG_RUNTIME_DIR/nestbox"
ln -s "$tmp" "$XDG_RUNTIME_DIR/nestbox"
ok 'not through a link' 0 "$("$nestbox" run -- sh -c 'echo $NESTBOX_SOCKET' | grep -c "^$XDG_RUNTIME_DIR")"
rm "$XDG_RUNTIME_DIR/nestbox"

if [ "$(id -u)" = 0 ]; then
	copies
	"$nestbox" run --user nobody -- sh -c 'stat -c "%U %a" "$NESTBOX_SOCKET"; "$0" show --json' \
		"$tmp/${nestbox##*/}" >user 2>&1
	has 'as another user: the socket is that user'"'s" '^nobody 600' user
	has 'who can look into the box' '"host": "smmuv3"' user
	# Users that nobody else is, without a runtime directory: /tmp, unless somebody else was there first.
	as="setpriv --reuid=54321 --regid=54321 --clear-groups env -u XDG_RUNTIME_DIR $tmp/${nestbox##*/}"
	mkdir -m 755 /tmp/nestbox-54321 || failures=$((failures + 1))
	ok 'no socket: the box runs' 'none 3' "$(echo $($as run -- sh -c 'echo ${NESTBOX_SOCKET-none}; exit 3' 2>err; echo $?))"
	ok 'and says so, in one line' '1 nestbox: nobody can look into this box' "$(wc -l <err | tr -d ' ') $(cut -d: -f1,2 err)"
	ok 'but not where it is to be quiet' 0 "$($as run --quiet -- true 2>&1 | wc -c)"
	rmdir /tmp/nestbox-54321
	ok 'a directory in /tmp' '54321 700 /tmp/nestbox-54321' \
		"$($as run -- sh -c 'd=${NESTBOX_SOCKET%/*}; stat -c "%u %a %n" "$d"')"
	ok 'that goes' gone "$([ -e /tmp/nestbox-54321 ] || echo gone)"
	again_as_user
fi
[ $failures = 0 ]
