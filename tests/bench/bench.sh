#!/bin/sh
# Runs every benchmark one after another and prints its lines. usage: bench.sh <build folder> [name...]
set -eu
build=$1
shift
[ $# -gt 0 ] || set -- commands workspaces replay beats fleet session
for name in "$@"; do
	printf '\n%s\n' "$name"
	"$build/bin/bench_$name" "$build/bin"
done
