#!/bin/sh
# SPDX-License-Identifier: MIT
# A terminal multiplexer in a box: its server is a daemon, its panes terminals made in the box. The
# box lives as long as the server, and serves it.
# usage: tmux.sh NESTBOX PROGRAM
nestbox=$1
program=$2
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
command -v tmux >/dev/null || {
	echo "skipped: no tmux, which Debian's package of that name has"
	exit 77
}
cd "$tmp" || exit 99
export TMUX_TMPDIR="$tmp" TERM=screen SHELL=/bin/sh HISTFILE=
unset TMUX

# await PATTERN: until a line of the pane is that.
await() {
	left=600
	until tmux -L box capture-pane -p 2>/dev/null | grep -Eq -- "$1"; do
		sleep 0.05
		left=$((left - 1))
		[ $left -gt 0 ] || {
			echo "not ok: no '$1' in:"
			tmux -L box capture-pane -p
			tmux -L box kill-server
			exit 1
		}
	done
	echo "ok: $1"
}
type() { tmux -L box send-keys "$1" Enter; }

"$nestbox" run --quiet -- tmux -L box -f /dev/null new-session -d -x 100 -y 30 bash --norc --noprofile &
box=$!
await '[$#]$'
type 'tty'
await '^/dev/pts/[0-9]+$'
type "$program"
await '^copy +64 MiB by the engine, every byte right$'
type 'trap "echo re-sized" WINCH; echo rea''dy'
await '^ready$'
tmux -L box resize-window -x 90 -y 20
await 're-sized$'
# It says when the shell has given it the terminal: ^Z before that would be the shell's.
type 'sh -c "echo sta""rted; exec sleep 1000"'
await '^started$'
tmux -L box send-keys C-z
await 'Stopped +sh -c'
type 'kill %1; stty size'
await '^20 90$'
kill -0 $box || exit 1
tmux -L box kill-server
wait $box
status=$?
[ $status = 0 ] || { echo "not ok: the box ended with $status"; exit 1; }
echo "ok: the box ended with its server"
