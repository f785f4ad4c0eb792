#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What the tests of the checks share: an empty folder, $work; the programs of programs/, compiled; and the
# command under test. Environment (set by tests/CMakeLists.txt): ACRE, ACRE_SOURCE, CC.
set -uo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
mkdir tmp
export TMPDIR=$work/tmp
unset ACRE_OPTIONS
failures=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

finish() {
  [ -z "$(ls -A tmp)" ] || fail "left in TMPDIR: $(ls -A tmp)"
  [ "$failures" -eq 0 ] && echo "passed"
  exit "$((failures > 0))"
}

# compile NAME: programs/NAME.c to ./NAME
compile() {
  "$CC" -O0 -g -w -pthread -o "$1" "$ACRE_SOURCE/tests/check/programs/$1.c" || fail "cannot compile $1"
}

# run OPTION... -- COMMAND...: acre run; its status, stdout and stderr are in $status, out and err.
run() {
  status=0
  # A shell in between, as this one would tell of a signal that it dies of.
  bash -c '"$@"; exit $?' bash "$ACRE" run "$@" >out 2>err </dev/null || status=$?
}

status_is() { # status_is STATUS NAME
  [ "$status" -eq "$1" ] || fail "$2: status $status and not $1: $(head -n 5 err)"
}
tells() { # tells PATTERN NAME
  grep -aqE -e "$1" err || fail "$2: no '$1' in '$(head -n 20 err)'"
}
tells_not() { # tells_not PATTERN NAME
  ! grep -aqE -e "$1" err || fail "$2: '$(grep -aE -e "$1" err | head -n 3)'"
}
# How many blocks were checked at most, of the table in err.
checked() {
  sed -nE 's/^ +checked +([0-9,]+) blocks at most.*/\1/p' err | tr -d ,
}
