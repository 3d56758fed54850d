#!/bin/sh
# SPDX-License-Identifier: MIT
# The recipes of doc/ci.md: a real VFIO program, with DMA, in each environment that it names; and in
# those where no box can be made, exit status 125 and the cause. As root it runs itself once more as
# an ordinary user.
# usage: confined.sh NESTBOX FIRST-LIGHT CONFINE OUTSIDE PROGRAM
self=$(readlink -f "$0")
failures=0 ran=0 skipped=0
tmp=$(mktemp -d) && chmod 755 "$tmp" || exit 99
trap 'rm -rf "$tmp"' EXIT

# Where every user, and every container, can read them.
cp "$1" "$tmp/nestbox" && cp "$2" "$tmp/first-light" && cp "$3" "$tmp/confine" &&
	cp "$4" "$tmp/outside" && cp "$5" "$tmp/program" || exit 99
cp "$self" "$tmp/confined.sh"
chmod 755 "$tmp"/*
cd "$tmp" || exit 99
N=$tmp/nestbox F=$tmp/first-light C=$tmp/confine O=$tmp/outside P=$tmp/program
# LeakSanitizer wants ptrace, which some containers deny; leaks are looked for elsewhere.
export ASAN_OPTIONS=detect_leaks=0

bad() { # bad NAME WHAT: with what was printed
	echo "not ok: $1: $2"
	sed 's/^/    /' out
	failures=$((failures + 1))
}

# Whether out says that this environment cannot be made here.
skips() { # skips NAME STATUS
	[ "$2" = 77 ] && grep '^skip: ' out | head -n 1 | sed "s/^/$1: /" && skipped=$((skipped + 1))
}

# works NAME ENVIRONMENT...: a program in a box in there does DMA, and reaches no more than it may.
# In NESTBOX_OPTIONS: options of nestbox run.
works() {
	name=$1
	shift
	"$@" "$N" run --quiet $NESTBOX_OPTIONS -- "$F" >out 2>&1 </dev/null
	status=$?
	skips "$name" $status && return
	ran=$((ran + 1))
	if [ $status != 0 ]; then
		bad "$name" "exit status $status"
	elif ! grep -q '64 MiB by the engine, every byte right' out || ! grep -q 'nothing was reached' out; then
		bad "$name" "it did not do its work"
	else
		echo "ok: $name"
	fi
}

# thorough NAME WORD ENVIRONMENT...: the program that looks at everything, with that word.
thorough() {
	name=$1 word=$2
	shift 2
	"$@" "$O" "$N" run --quiet -- "$P" "$word" >out 2>&1 </dev/null
	status=$?
	skips "$name" $status && return
	ran=$((ran + 1))
	if [ $status != 0 ] || ! grep -q '^program: all' out; then
		bad "$name" "exit status $status"
	else
		echo "ok: $name, in detail"
	fi
}

# refused NAME PATTERN ENVIRONMENT...: no box: 125, and a line that names the cause or the remedy.
refused() {
	name=$1 pattern=$2
	shift 2
	"$@" "$N" run $NESTBOX_OPTIONS -- "$F" >out 2>&1 </dev/null
	status=$?
	skips "$name" $status && return
	ran=$((ran + 1))
	if [ $status != 125 ]; then
		bad "$name" "exit status $status instead of 125"
	elif ! grep -qE "^nestbox.*($pattern)" out; then
		bad "$name" "nothing about $pattern"
	elif [ "$(wc -l <out)" -gt 2 ]; then
		bad "$name" "not in a line"
	else
		echo "ok: $name: refused"
	fi
}

equal() { # equal NAME A B
	ran=$((ran + 1))
	if [ "$2" = "$3" ]; then
		echo "ok: $1"
	else
		echo "not ok: $1: '$2' and '$3'"
		failures=$((failures + 1))
	fi
}

user_namespace() { "$@" readlink /proc/self/ns/user; }

furniture() {
	# shellcheck disable=SC2046
	echo $("$@" "$N" run -- sh -c 'script -qec "tty -s && echo tty" /dev/null
		echo x >/dev/shm/x && rm /dev/shm/x && echo shm' 2>&1 </dev/null | tr -d '\r')
}

# The supervisor is killed where /proc has other numbers than we: what is left of its box?
orphans() {
	MARK=$((100000 + $$)) N=$N bwrap --unshare-user --unshare-pid --dev-bind / / sh -c '
		alive() { cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\0" "\n" | grep -cx "[1]${MARK#1}"; }
		until_alive() {
			i=0
			while [ "$(alive)" != "$1" ]; do
				[ $((i += 1)) -lt 200 ] || { echo "$(alive) instead of $1"; return 1; }
				sleep 0.05
			done
		}
		"$N" run -- sh -c "setsid sleep $MARK & sleep $MARK" &
		until_alive 2 && printf "there "
		kill -KILL $!
		until_alive 0 && echo gone' 2>/dev/null
}

common() {
	works "$who"
	works "$who, bubblewrap" bwrap --unshare-user --dev-bind / /
	works "$who, bubblewrap with its own process numbers" \
		bwrap --unshare-user --unshare-pid --dev-bind / / --proc /proc
	works "$who, bubblewrap with the host's /proc" bwrap --unshare-user --unshare-pid --dev-bind / /
	works "$who, closed bubblewrap" \
		bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev --tmpfs /run
	works "$who, bubblewrap with little in it" bwrap --unshare-all --uid 1000 --gid 1000 \
		--ro-bind /usr /usr --symlink usr/lib /lib --symlink usr/lib64 /lib64 \
		--symlink usr/bin /bin --ro-bind "$tmp" "$tmp" --proc /proc --dev /dev --dir /sys
	refused "$who, bubblewrap without /sys" '/sys' bwrap --unshare-all \
		--ro-bind /usr /usr --symlink usr/lib /lib --symlink usr/lib64 /lib64 \
		--ro-bind "$tmp" "$tmp" --proc /proc --dev /dev
	# A sanitizer's own run-time finds neither its options nor its threads without /proc.
	if grep -q __asan_init "$N"; then
		echo "skip: $who, bubblewrap without /proc: this build has AddressSanitizer"
	else
		refused "$who, bubblewrap without /proc" '/proc' \
			bwrap --unshare-all --ro-bind / / --tmpfs /proc --dev /dev
	fi

	refused "$who, bubblewrap with a read-only /proc" '/proc is read-only' \
		bwrap --unshare-user --ro-bind / /
	refused "$who, no user namespace is left" 'max_user_namespaces' unshare -Ur sh -c '
		echo 0 >/proc/sys/user/max_user_namespaces
		exec setpriv --bounding-set=-all --inh-caps=-all "$@"' sh
	refused "$who, a namespace without mounts" 'cannot mount' "$C" plain --deny mount=EACCES
	equal "$who, podman: terminals and shared memory" 'tty shm' "$(furniture "$C" podman --user 1000)"

	refused "$who, Docker" 'user namespace|SYS_ADMIN' "$C" docker
	refused "$who, Docker, --user" 'user namespace|SYS_ADMIN' "$C" docker --user 1000
	refused "$who, Docker, profile with unshare" 'mount|SYS_ADMIN' "$C" docker-unshare
	refused "$who, Docker, profile with unshare, --user" 'mount|SYS_ADMIN' \
		"$C" docker-unshare --user 1000
	works "$who, Docker, SYS_ADMIN" "$C" docker --cap-add SYS_ADMIN
	works "$who, Docker, SYS_ADMIN, --user" "$C" docker --cap-add SYS_ADMIN --user 1000
	works "$who, Docker, profile with unshare, SYS_ADMIN" \
		"$C" docker-unshare --cap-add SYS_ADMIN
	works "$who, Docker, profile with unshare, SYS_ADMIN, --user" \
		"$C" docker-unshare --cap-add SYS_ADMIN --user 1000
	works "$who, Docker, SYS_ADMIN, no-new-privileges" \
		"$C" docker --cap-add SYS_ADMIN --no-new-privs --user 1000
	works "$who, Docker, SYS_ADMIN and SYS_PTRACE" \
		"$C" docker --cap-add SYS_ADMIN --cap-add SYS_PTRACE
	refused "$who, Docker, SYS_PTRACE alone" 'user namespace|SYS_ADMIN' \
		"$C" docker --cap-add SYS_PTRACE
	works "$who, Docker, seccomp=unconfined" "$C" docker --seccomp-unconfined
	works "$who, Docker, seccomp=unconfined, --user" "$C" docker --seccomp-unconfined --user 1000

	works "$who, podman" "$C" podman
	works "$who, podman, --user" "$C" podman --user 1000
	works "$who, podman, no-new-privileges" "$C" podman --no-new-privs
	works "$who, podman, SYS_ADMIN" "$C" podman --cap-add SYS_ADMIN
	works "$who, older podman" "$C" podman-old
	works "$who, older podman, --user" "$C" podman-old --user 1000
	works "$who, older podman, no-new-privileges" "$C" podman-old --no-new-privs
	works "$who, older podman, SYS_ADMIN" "$C" podman-old --cap-add SYS_ADMIN
	works "$who, podman, hidepid" "$C" podman --hidepid --user 1000
	thorough "$who, Docker, SYS_ADMIN" untaken "$C" docker --cap-add SYS_ADMIN
	thorough "$who, Docker, SYS_ADMIN, --user" untaken \
		"$C" docker --cap-add SYS_ADMIN --user 1000
	thorough "$who, older podman" taken "$C" podman-old
	thorough "$who, podman" taken "$C" podman --user 1000
	thorough "$who, bubblewrap with the host's /proc" taken \
		bwrap --unshare-user --unshare-pid --dev-bind / /
	equal "$who, bubblewrap with the host's /proc: nothing is left" 'there gone' "$(orphans)"
	# A container in a container.
	works "$who, bubblewrap in podman" "$C" podman bwrap --unshare-user --dev-bind / /
}

# On a machine whose ordinary users may have no namespaces.
root_alone() {
	who=root
	works root
	works 'root, Docker, SYS_ADMIN' "$C" docker --cap-add SYS_ADMIN
	works 'root, podman, SYS_ADMIN' "$C" podman --cap-add SYS_ADMIN
	NESTBOX_OPTIONS='--user nobody'
	works 'root, --user'
	NESTBOX_OPTIONS=
	with_sudo nobody
}

root() {
	who=root
	common
	equal 'root: only a mount namespace' "$(user_namespace)" "$(user_namespace "$N" run --)"
	equal 'root in a container with SYS_ADMIN: likewise' \
		"$(user_namespace "$C" podman --cap-add SYS_ADMIN)" \
		"$(user_namespace "$C" podman --cap-add SYS_ADMIN "$N" run --)"
	NESTBOX_OPTIONS='--user nobody'
	works 'root, --user'
	equal 'root, --user: only a mount namespace' "$(user_namespace)" \
		"$(user_namespace "$N" run --user nobody --)"
	works 'root, --user, Docker with SYS_ADMIN and SYS_PTRACE' \
		"$C" docker --cap-add SYS_ADMIN --cap-add SYS_PTRACE
	refused 'root, --user, Docker with SYS_ADMIN' SYS_PTRACE "$C" docker --cap-add SYS_ADMIN
	refused 'root, --user, podman' SYS_ADMIN "$C" podman
	refused 'root, --user, podman with SYS_ADMIN' SYS_PTRACE "$C" podman --cap-add SYS_ADMIN
	works 'root, --user, podman with both, hidepid' \
		"$C" podman --cap-add SYS_ADMIN --cap-add SYS_PTRACE --hidepid
	NESTBOX_OPTIONS=
	works 'rootless podman' "$C" podman --rootless
	works 'rootless podman, --user' "$C" podman --rootless --user 1000
	works 'rootless, older podman' "$C" podman-old --rootless
	works 'rootless, older podman, --user' "$C" podman-old --rootless --user 1000
	refused 'rootless Docker' 'user namespace|SYS_ADMIN' "$C" docker --rootless
	works 'rootless Docker, SYS_ADMIN' "$C" docker --rootless --cap-add SYS_ADMIN
	works 'rootless Docker, SYS_ADMIN, --user' \
		"$C" docker --rootless --cap-add SYS_ADMIN --user 1000
	refused 'root, bubblewrap without capabilities' SETFCAP \
		bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev --cap-drop ALL
	works 'root, bubblewrap with CAP_SETFCAP' bwrap --unshare-all --ro-bind / / --proc /proc \
		--dev /dev --cap-drop ALL --cap-add CAP_SETFCAP
}

with_sudo() {
	if ! sudo -n true >/dev/null 2>&1; then
		echo "skip: sudo nestbox run --user: sudo is not there, or asks for a password"
		skipped=$((skipped + 1))
		return
	fi
	NESTBOX_OPTIONS="--user $1"
	works "sudo nestbox run --user $1" sudo -n env ASAN_OPTIONS=detect_leaks=0
	NESTBOX_OPTIONS=
}

# Whether an ordinary user can have namespaces and mount in them.
namespaces() {
	"$@" unshare -Urm mount -t tmpfs none /mnt 2>/dev/null ||
		{ echo 'skip: most: ordinary users may have no namespaces here'; false; }
}
nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'

# shellcheck disable=SC2086
if [ "$(id -u)" = 0 ] && ! namespaces $nobody; then
	root_alone
elif [ "$(id -u)" = 0 ]; then
	root
	with_sudo nobody
	echo "# again as an ordinary user"
	mkdir -m 1777 user
	TMPDIR=$tmp/user $nobody sh "$tmp/confined.sh" "$N" "$F" "$C" "$O" "$P"
	status=$?
	[ $status = 0 ] || [ $status = 77 ] || failures=$((failures + 1))
else
	who=user
	namespaces || exit 77
	common
	with_sudo "$(id -un)"
fi

echo "$ran environments, $failures failed, $skipped skipped"
[ $failures = 0 ] && { [ $ran != 0 ] || exit 77; }
