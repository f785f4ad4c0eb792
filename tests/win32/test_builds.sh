#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Programs with the Win32 names by each compiler, in C and C++, ANSI and UNICODE, from -O0 to -O3: all say the same.
#
# Environment (set by tests/CMakeLists.txt): ACRE_SOURCE, ACRE_BUILD, CC, CFLAGS, LDFLAGS.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
here=$ACRE_SOURCE/tests/win32
include=(-I"$ACRE_SOURCE/include/win32" -I"$ACRE_SOURCE/include/win32/capitals")
libraries=("$ACRE_BUILD/libacre-win32.a" "$ACRE_BUILD/libacre.a" -lpthread)
failures=0
sanitizers=()
[[ " $CFLAGS " != *" -fsanitize=address"* ]] || sanitizers=("-fsanitize=address,undefined" "-fno-sanitize=integer-divide-by-zero,null")
[[ " $CFLAGS " != *" -fsanitize=thread"* ]] || sanitizers=(-fsanitize=thread)

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# check NAME EXPECTED COMPILER...: builds and runs; what it prints is EXPECTED, if that is not empty.
output=
check() {
  local name=$1 expected=$2
  shift 2
  if ! "$@" "${sanitizers[@]}" "${include[@]}" -o "$work/program" "${libraries[@]}" >"$work/log" 2>&1; then
    cat "$work/log"
    fail "$name does not build"
    return
  fi
  output=$("$work/program" one 2>&1) || fail "$name: exit status $?"
  [ -z "$expected" ] || [ "$output" = "$expected" ] || {
    diff <(echo "$expected") <(echo "$output") || true
    fail "$name says something else"
  }
}

compilers=("$CC")
[ "$CC" = clang ] || [ ${#sanitizers[@]} -gt 0 ] || ! command -v clang >/dev/null || compilers+=(clang)
expected=
for compiler in "${compilers[@]}"; do
  [ "$compiler" = "$CC" ] || LDFLAGS=
  read -ra link <<<"$LDFLAGS"
  for level in -O0 -O1 -O2 -O3; do
    check "exceptions, $compiler $level" "$expected" "$compiler" -std=gnu11 "$level" -Wall -Werror -Wno-array-bounds \
      "${link[@]}" "$here/test_exceptions.c"
    expected=$output
    check "faults, $compiler $level" "all good" "$compiler" -std=gnu11 "$level" -Wall -Werror -Wno-array-bounds \
      "${link[@]}" "$here/programs/faults.c"
    check "demand, $compiler $level" "Release succeeded, 80 pages." "$compiler" -std=gnu11 "$level" -Wall -Werror \
      "${link[@]}" "$here/programs/demand.c"
    check "demand, UNICODE, $compiler $level" "Release succeeded, 80 pages." "$compiler" -std=gnu11 "$level" -DUNICODE \
      -D_UNICODE "${link[@]}" "$here/programs/demand.c"
  done
done

read -ra link <<<"$LDFLAGS"
# Its threads call malloc, and AddressSanitizer's (gcc 12) leaves a child the lock that another thread had at the fork.
if [ ${#sanitizers[@]} -eq 0 ]; then
  check "forks" "all good" "$CC" -std=gnu11 -O1 -Wall -Werror -Wno-array-bounds "${link[@]}" "$here/programs/forks.c"
fi
check "killed" "all good" "$CC" -std=gnu11 -O1 -Wall -Werror "${link[@]}" "$here/programs/killed.c"
check "heaps" "all good" "$CC" -std=gnu11 -O1 -Wall -Werror "${link[@]}" "$here/programs/heaps.c"
check "later" "all good" "$CC" -std=gnu11 -O1 -Wall -Werror "${link[@]}" "$here/programs/later.c"
text='2 arguments, the second one
4000000000 -5 ee6b2800 1099511627776 -7 00042|ab    |    cd|x
bytes wide bytes wide é
bytes wide
made-3 6 0 77
ab, 8007007a
abcdef def 0000000000000ABC
1 1
1 1
3.142 1.234568e+04 0.0001  99.5%'
for defines in "" "-DUNICODE -D_UNICODE"; do
  # shellcheck disable=SC2086 # several words
  check "text, '$defines'" "$text" "$CC" -std=gnu11 -O1 -Wall -Werror $defines "${link[@]}" "$here/programs/text.c"
done

if [[ $LDFLAGS != *-static* ]]; then # with musl there is no C++
  guarded='caught thrown, 1
11 22 99, 4
20 -1
100 42'
  cxx=()
  for compiler in g++ clang++; do
    [ "$compiler" = g++ ] || [ ${#sanitizers[@]} -eq 0 ] || continue
    ! command -v "$compiler" >/dev/null || cxx+=("$compiler")
  done
  for compiler in "${cxx[@]}"; do
    for level in -O0 -O2 -O3; do
      check "guarded, $compiler $level" "$guarded" "$compiler" -std=c++17 "$level" -Wall -Werror -Wno-array-bounds \
        -Wno-return-type "$here/programs/guarded.cc" # at -O0 it is not seen that both blocks return
    done
    # shellcheck disable=SC2086
    check "text in C++, $compiler" "$text" "$compiler" -x c++ -std=gnu++17 -DUNICODE -D_UNICODE -O1 \
      "$here/programs/text.c" -x none
  done
fi

[ "$failures" -eq 0 ] || exit 1
echo "all builds say the same"
