#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Programs that are optimised when they are linked, and have Acre's objects in them so: what nobody calls goes, and what
# is left finds what it needs. Passed over where the compiler has no linker for it.
#
# Environment (set by tests/CMakeLists.txt): ACRE_SOURCE, CC, CFLAGS, LDFLAGS.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  echo "FAILED: $*"
  cat log
  exit 1
}

# link NAME FLAG SOURCE...
link() {
  local name=$1 flag=$2
  shift 2
  # Without warnings: of a program with all in view the compiler has some that hold for no other.
  # shellcheck disable=SC2086 # several words
  $CC $CFLAGS -w -O2 -flto $flag -std=c11 -D_GNU_SOURCE -fexceptions -I"$ACRE_SOURCE/include" -I"$ACRE_SOURCE/src" "$@" \
    -o "$name" $LDFLAGS >log 2>&1
}

echo 'int main(void) { return 0; }' >nothing.c
flag=
link nothing "$flag" nothing.c || flag=-fuse-ld=lld
link nothing "$flag" nothing.c || { echo "no optimisation at link time here"; exit 0; }

# A handler that asks for guarded copies, in a program without one.
cat >handler.c <<'END'
#include "os/linux/linux.h"
#include <string.h>
#include <ucontext.h>

struct acre__linux_switches acre__linux_switches;

int main(int count, char **arguments) {
  (void)arguments;
  ucontext_t registers;
  memset(&registers, count, sizeof registers); /* what no compiler knows */
  struct acre__os_fault fault = {.registers = &registers};
  return acre__os_guard_leave(&fault) ? 1 : 0;
}
END
link handler "$flag" handler.c "$ACRE_SOURCE/src/os/linux/guard.c" || fail "a handler without copies: it is not linked"
./handler || fail "a handler without copies: status $?"
echo "passed: a handler without copies"
