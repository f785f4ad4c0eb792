#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Installs the build into an empty prefix and builds and runs the examples
# against what is there: by pkg-config and by the CMake package, with the shared
# and with the static library.
#
# Environment (set by tests/CMakeLists.txt): ACRE_SOURCE, ACRE_BUILD, CC, CFLAGS, LDFLAGS.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

fail() {
  echo "FAILED: $*"
  exit 1
}

cmake --install "$ACRE_BUILD" --prefix "$prefix" >"$work/log" || { cat "$work/log"; fail "cmake --install"; }
cmp -s "$prefix/include/acre/vm.h" "$ACRE_SOURCE/include/acre/vm.h" || fail "the headers are not installed"
libdir=$(dirname "$(find "$prefix" -name libacre.a)")
[ -f "$libdir/libacre.a" ] || fail "libacre.a is not installed"
export PKG_CONFIG_PATH=$libdir/pkgconfig

# check HOW FOLDER [SUFFIX]: the examples in FOLDER run and say what they should.
check() {
  local version output
  version=$(pkg-config --modversion acre)
  output=$("$2/hello${3:-}") || fail "$1: hello exits with status $?"
  [ "$output" = "Hello from Acre $version" ] || fail "$1: hello prints '$output'"
  output=$("$2/array${3:-}") || fail "$1: array exits with status $?"
  [ "$output" = "1000000 points; the first is still at its address: yes" ] || fail "$1: array prints '$output'"
  output=$("$2/ring_buffer${3:-}") || fail "$1: ring_buffer exits with status $?"
  [ "$output" = "over the end and on: 'end and on' is at the start of the ring" ] ||
    fail "$1: ring_buffer prints '$output'"
  output=$("$2/checkpoint${3:-}" 8) || fail "$1: checkpoint exits with status $?"
  [ "$(tail -n 1 <<<"$output")" = "restored: the same, byte for byte" ] || fail "$1: checkpoint prints '$output'"
  echo "passed: $1"
}

# uses_shared PROGRAM: whether it needs libacre.so.
uses_shared() {
  readelf --dynamic "$1" | grep -q 'NEEDED.*libacre\.so'
}

by_make() { # by_make FOLDER [MAKE-ARGUMENT...]
  local folder=$work/$1
  shift
  mkdir "$folder"
  make -C "$ACRE_SOURCE/examples" OUT="$folder" CC="$CC" CFLAGS="$CFLAGS" LDFLAGS="$LDFLAGS" "$@" >"$work/log" 2>&1 ||
    { cat "$work/log"; fail "make $*"; }
}

by_make static STATIC=1
check "pkg-config, static" "$work/static"
! uses_shared "$work/static/hello" || fail "the static example needs libacre.so"

{
  cmake -S "$ACRE_SOURCE/examples" -B "$work/cmake" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$CC" \
    -DCMAKE_C_FLAGS="$CFLAGS" -DCMAKE_EXE_LINKER_FLAGS="$LDFLAGS" && cmake --build "$work/cmake"
} >"$work/log" 2>&1 || { cat "$work/log"; fail "the CMake package"; }
check "CMake, static" "$work/cmake" _static
check "CMake, default" "$work/cmake"
! uses_shared "$work/cmake/hello_static" || fail "acre::static needs libacre.so"

if [ -e "$libdir/libacre.so" ]; then
  export LD_LIBRARY_PATH=$libdir
  by_make shared
  check "pkg-config, shared" "$work/shared"
  uses_shared "$work/shared/hello" || fail "the shared example does not need libacre.so"
  uses_shared "$work/cmake/hello" || fail "acre::acre is not the shared library"
fi

# The Win32 names: windows.h is for who asks for it, also by the name with a capital.
if [ -e "$libdir/libacre-win32.a" ]; then
  cat >"$work/windows.c" <<'END'
#include <Windows.h>
#include <tchar.h>
int _tmain(void) {
  _tprintf(TEXT("%lu\n"), (DWORD)HeapSize(GetProcessHeap(), 0, HeapAlloc(GetProcessHeap(), 0, 1234)));
  return 0;
}
END
  read -ra flags <<<"$CFLAGS $LDFLAGS $(pkg-config --cflags acre-win32)"
  read -ra libraries <<<"$(pkg-config --libs acre-win32)"
  for define in "" -D_UNICODE; do
    "$CC" "${flags[@]}" ${define:+-DUNICODE "$define"} "$work/windows.c" -o "$work/windows" "${libraries[@]}" ||
      fail "acre-win32: it does not build"
    [ "$("$work/windows")" = 1234 ] || fail "acre-win32: the program says something else"
  done
  ! pkg-config --cflags acre | grep -q win32 || fail "acre.pc has the Win32 headers"
  echo "passed: acre-win32"
fi

# The malloc library where it is installed: linked, and found by the command when only what runs is installed.
if [ -e "$libdir/libacre-malloc.so" ]; then
  cat >"$work/linked.c" <<'END'
#include <acre/heap.h>
#include <stdlib.h>
int main(void) { return acre_heap_of(malloc(100)) != acre_process_heap(); }
END
  "$CC" -o "$work/linked" "$work/linked.c" -I"$prefix/include" -L"$libdir" -lacre-malloc
  "$work/linked" || fail "the program linked with libacre-malloc is not on its heap"
  if [ -x "$prefix/bin/acre" ]; then
    for component in runtime tools; do
      cmake --install "$ACRE_BUILD" --prefix "$work/bare" --component $component >"$work/log" || fail "install $component"
    done
    [ -z "$(find "$work/bare" -name libacre-malloc.so)" ] || fail "the runtime has development files"
    for where in "$prefix" "$work/bare"; do
      "$where/bin/acre" run --report "$work/report" -- true 2>/dev/null || fail "acre run, installed: status $?"
      "$where/bin/acre" run --report "$work/report" -- "$work/linked" 2>/dev/null || fail "acre run: status $?"
      grep -q '"told_its_end": true' "$work/report" || fail "acre run, installed, measures nothing"
      "$where/bin/acre" run --page-heap --report "$work/report" -- true 2>/dev/null || fail "acre run --page-heap: status $?"
      grep -q '"checked_blocks_peak"' "$work/report" || fail "acre run --page-heap, installed, checks nothing"
    done
    echo "passed: the malloc library and acre run, installed"
  fi
fi
