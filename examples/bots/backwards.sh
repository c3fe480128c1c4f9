#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A small bot in POSIX shell: the words of the prompt in reverse order. jq does
# the JSON.
#
#     deia bot test -- ./backwards.sh
#     deia bot launch BACK --adapter process -- $PWD/backwards.sh
#
# A turn runs in the background, so that a ping or an interrupt is heard at
# once. Both write to stdout: a line of less than 4 KiB, written at once, never
# mixes with another, so long words are cut into pieces.

turn_pid=
turn_id=

# The chunks of an answer, a line each.
chunks() {
	printf '%s\n' "$1" | jq -c '
		.id as $id | [.content | splits("[[:space:]]+") |
			select(. != "")] | reverse | to_entries[] |
		(if .key > 0 then " " else "" end) + .value |
		range(0; length; 200) as $at |
		{type: "chunk", $id, text: .[$at:$at + 200]}'
}

turn() {
	while IFS= read -r chunk; do
		case $chunk in *'"text":" '*) sleep 0.02 ;; esac
		printf '%s\n' "$chunk"
	done <<-END
	$(chunks "$1")
	END
	trap '' TERM # from here on the turn cannot be interrupted
	printf '%s\n' "$1" | jq -c '{type: "done", id}'
}

interrupt() {
	[ "$1" = "$turn_id" ] || return
	kill "$turn_pid" 2>/dev/null
	wait "$turn_pid" || jq -cn --arg id "$1" '{type: "error", $id,
		code: "interrupted", message: "interrupted", retryable: false}'
	turn_id=
}

while IFS= read -r line; do
	type=$(printf '%s\n' "$line" | jq -r '.type')
	case $type in
	init) echo '{"type":"ready","max_concurrent":1}' ;;
	ping) printf '%s\n' "$line" | jq -c '{type: "pong", n}' ;;
	task)
		turn_id=$(printf '%s\n' "$line" | jq -r '.id')
		turn "$line" &
		turn_pid=$!
		;;
	interrupt) interrupt "$(printf '%s\n' "$line" | jq -r '.id')" ;;
	shutdown) exit 0 ;;
	esac
done
