#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What the tests of the checks share, beside what those of the command do (tests/cli/lib.sh): the programs of
# programs/, compiled, and what is told. Environment (set by tests/CMakeLists.txt): ACRE, CC.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/../cli/lib.sh"

# compile NAME: programs/NAME.c to ./NAME
compile() {
  "$CC" -O0 -g -w -pthread -o "$1" "$source/tests/check/programs/$1.c" || fail "cannot compile $1"
}

# run OPTION... -- COMMAND...: acre run; its status, stdout and stderr are in $status, out and err.
run() {
  status=0
  # A shell in between, as this one would tell of a signal that it dies of.
  bash -c '"$@"; exit $?' bash "$ACRE" run "$@" >out 2>err </dev/null || status=$?
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

# Nothing is left beside what the test has made.
finish_checks() {
  [ -z "$(ls -A tmp)" ] || fail "left in TMPDIR: $(ls -A tmp)"
  finish
}
