#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Faults beside those who want SIGSEGV themselves: a Java virtual machine, which
# finds null references, safepoints and the ends of its stacks by it, and a
# debugger that is told not to stop. What is not on the machine is passed over.
#
# Environment (set by tests/CMakeLists.txt): ACRE_SOURCE, ACRE_BUILD, CC, CFLAGS, LDFLAGS.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ran=0

fail() {
  echo "FAILED: $*"
  exit 1
}

# ---------------------------------------------------------------- Java

# Commits on touch in a thread of its own, from before the virtual machine takes the signal until the end; after a while
# Acre is asked again, and puts itself before the virtual machine.
cat >"$work/touch.c" <<'END'
#include <acre/acre.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile int stop;
static unsigned long touches, again;
static pthread_t thread;

static char *region(size_t page) {
  acre_vm_options options = {.touch_step = page};
  void *base;
  if (acre_vm_reserve(256 * page, &options, &base) != ACRE_OK) abort();
  return base;
}

static void *touch(void *argument) {
  size_t page = 4096;
  char *base = argument, *other = NULL;
  struct timespec moment = {0, 1000000};
  while (!stop || touches < 30000 || again == 0) { /* however busy the machine is */
    for (size_t i = 0; i < 256; i++, touches++) base[i * page] = 1;
    if (acre_vm_decommit(base, 256 * page) != ACRE_OK) abort();
    nanosleep(&moment, NULL);
    if (touches > 10000 && other == NULL) other = region(page);
    if (other != NULL) other[again++ % 256 * page] = 1;
  }
  return NULL;
}

__attribute__((constructor)) static void begin(void) {
  if (pthread_create(&thread, NULL, touch, region(4096)) != 0) abort();
}

__attribute__((destructor)) static void end(void) {
  stop = 1;
  pthread_join(thread, NULL);
  fprintf(stderr, "touches: many\n");
}
END

cat >"$work/Faults.java" <<'END'
public class Faults {
  int value = 1;
  static int get(Faults faults) { return faults.value; } // a null reference is found by a fault
  static int deep(int n) { return n <= 0 ? 0 : 1 + deep(n + 1); }
  public static void main(String[] arguments) throws Exception {
    Faults there = new Faults();
    long found = 0, nulls = 0, overflows = 0;
    long end = System.nanoTime() + 2_000_000_000L;
    for (int i = 0; i < 3_000_000 || System.nanoTime() < end; i++) {
      try {
        found += get(i % 50_000 == 7 ? null : there);
      } catch (NullPointerException e) {
        nulls++;
      }
      if (i % 1_000_000 == 3) {
        try {
          deep(1);
        } catch (StackOverflowError e) {
          overflows++;
        }
        System.gc();
      }
    }
    Thread[] threads = new Thread[4];
    for (int i = 0; i < threads.length; i++) {
      threads[i] = new Thread(() -> { for (int j = 0; j < 100_000; j++) new byte[100].hashCode(); });
      threads[i].start();
    }
    for (Thread thread : threads) thread.join();
    System.out.println(found > 0 && nulls >= 60 && overflows >= 3 ? "as it should be" : nulls + " " + overflows);
  }
}
END

with_java() {
  if ! command -v java >/dev/null || ! command -v javac >/dev/null; then
    echo "  skipped: no Java here"
    return 0
  fi
  [ -e "$ACRE_BUILD/libacre.so" ] || { echo "  skipped: Java cannot load a static library"; return 0; }
  [[ $CFLAGS != *-fsanitize* ]] || { echo "  skipped: Java does not run with a sanitizer"; return 0; }
  javac -d "$work" "$work/Faults.java" >"$work/log" 2>&1 || { cat "$work/log"; fail "javac"; }
  # shellcheck disable=SC2086 # flags are words
  $CC $CFLAGS -shared -fPIC -O1 -I "$ACRE_SOURCE/include" "$work/touch.c" -o "$work/touch.so" \
    -L "$ACRE_BUILD" -lacre -Wl,-rpath,"$ACRE_BUILD" -lpthread || fail "the library to preload"
  local options
  for options in "" "-Xint" "-Xcomp -XX:TieredStopAtLevel=1"; do
    # shellcheck disable=SC2086
    LD_PRELOAD=$work/touch.so java -Xmx64m -Xss512k -XX:+UseSerialGC $options -cp "$work" Faults >"$work/out" 2>"$work/err" ||
      { cat "$work/out" "$work/err"; fail "java $options"; }
    grep -qx "as it should be" "$work/out" || { cat "$work/out" "$work/err"; fail "java $options"; }
    grep -qx "touches: many" "$work/err" || { cat "$work/out" "$work/err"; fail "touches beside java $options"; }
  done
  echo "passed: Java"
  ran=1
}

# ---------------------------------------------------------------- a debugger

with_gdb() {
  command -v gdb >/dev/null || { echo "  skipped: no gdb here"; return 0; }
  [[ $CFLAGS != *-fsanitize* ]] || { echo "  skipped: gdb and a sanitizer's own handlers"; return 0; }
  local program=$ACRE_BUILD/tests/vm/test_touch
  gdb -nx -batch -ex "set startup-with-shell off" -ex "handle SIGSEGV nostop noprint pass" -ex run \
    --args "$program" a_touch_commits_its_step scattered_touches >"$work/out" 2>&1 || true
  if grep -qi "ptrace: Operation not permitted\|Couldn't get registers" "$work/out"; then
    echo "  skipped: this process may not trace another"
    return 0
  fi
  grep -q "2 passed, 0 failed" "$work/out" || { cat "$work/out"; fail "gdb"; }
  echo "passed: gdb"
  ran=1
}

with_java
with_gdb
[ "$ran" = 1 ] || exit 77
