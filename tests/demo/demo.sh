#!/bin/sh
# The tour of the README, done and checked by itself in an installation of its own.
# usage: demo.sh <folder of the programs>
# Ends with status 1 when anything was not as claimed; always cleans up.
set -eu

programs=$1
PATH=$programs:$PATH
work=$(mktemp -d "${TMPDIR:-/tmp}/roost-demo.XXXXXX")
export ROOST_DATA_DIR="$work/data"
export ROOST_LOCAL_REPOS="$work/repositories"
failures=0

now_ms() {
	date +%s%3N
}

begin() {
	sentence=$1
	started=$(now_ms)
}

held() {
	printf '  ok    %5d ms  %s\n' "$(($(now_ms) - started))" "$sentence"
}

broken() {
	printf '  NOT SO         %s\n' "$sentence"
	[ $# -eq 0 ] || printf '                 %s\n' "$@"
	failures=$((failures + 1))
}

# claim <sentence> <command...>: the command must succeed.
claim() {
	begin "$1"
	shift
	if output=$("$@" 2>&1); then
		held
	else
		broken "$output"
	fi
}

# shows <sentence> <text> <command...>: the command must succeed and print the text.
shows() {
	begin "$1"
	text=$2
	shift 2
	if output=$("$@" 2>&1) && printf '%s' "$output" | grep -qF -- "$text"; then
		held
	else
		broken "wanted: $text" "got: $output"
	fi
}

# refuses <sentence> <error code> <command...>: the command must end with 1 and name the code.
refuses() {
	begin "$1"
	code=$2
	shift 2
	status=0
	output=$("$@" 2>&1) || status=$?
	if [ "$status" = 1 ] && printf '%s' "$output" | grep -qF "$code"; then
		held
	else
		broken "wanted status 1 and $code, got $status: $output"
	fi
}

# inside <workspace> <shell text>: runs it there to its end and prints what its terminal showed.
inside() {
	session=$(roost session start "$1" --json -- sh -c "$2" | sed 's/.*"id":"\([0-9A-Z]*\)".*/\1/')
	roost session wait "$session" >/dev/null || return 1
	roost session output "$session"
}

finish() {
	status=$?
	trap - EXIT INT TERM
	roost down --purge >"$work/down.log" 2>&1 || { cat "$work/down.log"; status=1; }
	if grep -qF "$work" /proc/self/mountinfo; then
		echo "  NOT SO         nothing stays mounted"
		status=1
	fi
	rm -rf "$work"
	[ "$failures" = 0 ] || status=1
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

make_repository() {
	mkdir -p "$ROOST_LOCAL_REPOS/tour"
	cd "$ROOST_LOCAL_REPOS/tour"
	git init -q -b main
	echo "hello from main" >README
	git add README
	git -c user.name=demo -c user.email=demo@localhost commit -q -m "first"
	git checkout -q -b next
	echo "hello from next" >README
	git -c user.name=demo -c user.email=demo@localhost commit -q -a -m "second"
	git checkout -q main
	cd /
}

serve='git daemon --reuseaddr --export-all --base-path=/workspace --port=8080 /workspace'
ask='for try in 1 2 3 4 5 6 7 8 9 10; do git ls-remote git://127.0.0.1:8080/ HEAD && exit 0; sleep 0.2; done; exit 1'

make_repository
repository=$ROOST_LOCAL_REPOS/tour

echo "an installation of its own"
claim "nats-server, controller, sweeper and node agent are up" roost up --detach
shows "the node is there and healthy" healthy roost node list

echo "two workspaces from one repository"
roost workspace create api --repo "$repository" --wait >"$work/api.log" 2>&1 &
first=$!
claim "web runs, on another branch" roost workspace create web --repo "$repository" --branch next --wait
begin "api runs, made at the same time"
if wait "$first"; then held; else broken "$(cat "$work/api.log")"; fi
shows "api has the main branch" "hello from main" inside api 'cat /workspace/README'
shows "web has the other one" "hello from next" inside web 'cat /workspace/README'

echo "sessions"
claim "a session in api" roost session start api --label shell -- bash
claim "a shell without a command" roost session start api --label plain
claim "which is told to exit" roost session send plain --enter 'exit 0'
claim "and does" roost session wait plain
claim "a server on port 8080 in api" roost session start api --label api-server -- sh -c "$serve"
claim "another on port 8080 in web" roost session start web --label web-server -- sh -c "$serve"
api_head=$(git -C "$repository" rev-parse main)
web_head=$(git -C "$repository" rev-parse next)
shows "port 8080 in api is api's" "$api_head" inside api "$ask"
shows "port 8080 in web is web's" "$web_head" inside web "$ask"
claim "typing into the session" roost session send shell --enter 'echo $((6 * 7)) > /workspace/answer; exit'
claim "which ends by itself" roost session wait shell
shows "the file is in api" 42 inside api 'cat /workspace/answer'
shows "and not in web" "No such file" inside web 'cat /workspace/answer'
claim "a process in api" roost session start api --label marked -- sleep 98765
shows "which web cannot see" "none" inside web 'grep -l 9876[5] /proc/[0-9]*/cmdline || echo none'

echo "a workspace's life"
claim "api stops" roost workspace stop api --wait
shows "its sessions are ended" stopped roost session list api
shows "web goes on undisturbed" "$web_head" inside web "$ask"
refuses "nothing starts in a stopped workspace" workspace_not_running roost session start api -- true
claim "api restarts" roost workspace restart api --wait
shows "with the same files" 42 inside api 'cat /workspace/answer'
shows "and it says that earlier sessions ended" '"priorSessionsEnded":true' roost workspace get api --json
shows "web takes the name api2" '"displayName":"api2"' roost workspace rename web api2 --json
shows "a taken name is made unique" '"displayName":"api (2)"' roost workspace rename api2 api --json
claim "something is installed in api, outside of its checkout" inside api 'touch /root/installed || touch /tmp/installed'
claim "api is rebuilt" roost workspace rebuild api --wait
shows "the checkout is kept" 42 inside api 'cat /workspace/answer'
shows "the environment is new" "none" inside api 'ls /root/installed /tmp/installed 2>/dev/null | grep . || echo none'
shows "its log tells how it was made" checkout roost workspace logs api

echo "a family"
claim "a child of api" roost workspace create child --parent api --wait
shows "which knows its parent" "$(roost workspace get api --json | sed 's/.*"id":"\([0-9A-Z]*\)".*/\1/')" inside child 'echo $PARENT_ID'
claim "api (2) goes" roost workspace delete "api (2)" --wait
claim "api goes" roost workspace delete api --wait
refuses "and its child with it" workspace_not_found roost workspace get child

echo "a node's life"
node=$(roost node list --json | sed 's/.*"id":"\([0-9A-Z]*\)".*/\1/')
claim "a workspace on it" roost workspace create last --wait
refuses "stopping the node lists what ends" "last (running)" roost node stop "$node"
claim "it stops when that is confirmed" roost node stop "$node" --yes --wait
shows "with its workspace" '"status":"stopped"' roost workspace get last --json
claim "the node starts" roost node start "$node" --wait
claim "and the workspace, when it is asked to" roost workspace restart last --wait
shows "the sweeper finds nothing amiss" "nothing amiss" roost sweep --dry-run
claim "the workspace goes" roost workspace delete last --wait

echo "what goes wrong is said"
refuses "a repository that does not exist" provisioning_failed roost workspace create none --repo "$repository-none" --wait
refuses "a branch that does not exist" provisioning_failed roost workspace create none --repo "$repository" --branch none --wait
refuses "an address that runs programs" invalid_argument roost workspace create none --repo 'ext::sh -c id'
shows "the events tell" workspace_deleted roost events
shows "the status sums up" running roost status
