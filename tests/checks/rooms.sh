#!/bin/sh
# Checks that every room includes only what rooms.table allows it, so that pure rooms stay pure and
# arrows between rooms point one way. usage: rooms.sh <source folder>
set -eu
source=$1
cd "$source"
awk -F'|' '
function trim(text) { gsub(/^ +| +$/, "", text); return text }
/^#/ || NF < 3 { next }
{
	room = trim($1); rooms = " " trim($2) " "; libraries = " " trim($3) " "
	command = "find " room " -maxdepth 1 -name \"*.[ch]\""
	count = 0
	while ((command | getline file) > 0) {
		count++
		while ((getline text < file) > 0) {
			if (text !~ /^#include/) continue
			if (match(text, /"[^"]+"/)) {
				name = substr(text, RSTART + 1, RLENGTH - 2)
				if (name ~ /\.pb-c\.h$/ || name ~ /^schemas\//) continue
				folder = name; sub(/\/[^\/]*$/, "", folder)
				if (folder != room && index(rooms, " " folder " ") == 0) {
					print file ": may not include " name; bad++
				}
			} else if (match(text, /<[^>]+>/)) {
				name = substr(text, RSTART + 1, RLENGTH - 2)
				library = ""
				if (name == "uv.h") library = "uv"
				else if (name ~ /^nats/) library = "nats"
				else if (name == "sqlite3.h") library = "sqlite3"
				else if (name == "jansson.h") library = "jansson"
				else if (name ~ /^openssl\//) library = "openssl"
				else if (name ~ /^vterm/) library = "vterm"
				if (library != "" && index(libraries, " " library " ") == 0) {
					print file ": may not include <" name ">"; bad++
				}
			}
		}
		close(file)
	}
	close(command)
	if (count == 0) { print room ": there is no such room, or it is empty"; bad++ }
	checked += count
}
END {
	print checked " files in their rooms, " bad + 0 " out of bounds"
	exit bad > 0
}' tests/checks/rooms.table
