#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What the tests of the command share. Each runs the command whose path is in
# ACRE (set by tests/CMakeLists.txt) in an empty directory, $work, without the
# user's settings, and ends with `finish`. $source is the root of the sources.
set -uo pipefail
# shellcheck disable=SC2034 # the tests use it
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
mkdir tmp
export TMPDIR=$work/tmp
unset LANGUAGE LC_ALL LC_MESSAGES NO_COLOR ACRE_OPTIONS
export LANG=C.UTF-8

[ -x "${ACRE:-}" ] || { echo "FAILED: ACRE, the path of the command, is '${ACRE:-}'"; exit 1; }

failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

finish() {
  [ "$failures" -eq 0 ] && echo "passed"
  exit "$((failures > 0))"
}

# run ARGUMENT...: runs the command; its status, stdout and stderr are in $status, out and err.
run() {
  status=0
  "$ACRE" "$@" >out 2>err || status=$?
}

# expect STATUS STDERR ARGUMENT...: the command ends with this status, and prints this one line to stderr and nothing else.
expect() {
  local wanted=$1 line=$2
  shift 2
  run "$@"
  [ "$status" -eq "$wanted" ] || fail "acre $*: status $status and not $wanted"
  printf '%s\n' "$line" | cmp -s - err || fail "acre $*: stderr is '$(cat err)' and not '$line'"
  [ ! -s out ] || fail "acre $*: prints '$(head -n 1 out)'"
}

# After run: the status it must have; nothing on stderr; a line of stderr that matches.
status_is() { # status_is STATUS NAME
  [ "$status" -eq "$1" ] || fail "$2: status $status and not $1"
}
is_silent() { # is_silent NAME
  [ ! -s err ] || fail "$1: stderr is '$(cat err)'"
}
complains() { # complains PATTERN NAME
  grep -q -e "$1" err || fail "$2: stderr is '$(cat err)'"
}

# fits_screen NAME: out is at most 80 columns wide and 24 lines long.
fits_screen() {
  [ "$(wc -l <out)" -le 24 ] || fail "$1: longer than 24 lines"
  fits_width "$1"
}

fits_width() {
  local columns
  columns=$(LC_ALL=C.UTF-8 wc -L <out)
  [ "$columns" -le 80 ] || fail "$1: a line is $columns columns wide"
}

# has PATTERN: a line of out matches.
has() {
  grep -q -e "$1" out || fail "no line of the output matches '$1'"
}

nothing_left() {
  [ -z "$(ls -A "$TMPDIR")" ] || fail "$1: left behind $(ls -A "$TMPDIR")"
}
