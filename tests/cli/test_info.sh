#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# acre info: figures that agree with the system's, as text and as JSON.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# json PATH...: one value of the file `out`, read by CMake's parser, which is there wherever this is built.
cat >json.cmake <<'END'
file(READ out text)
set(path)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE 3 ${last})
  list(APPEND path "${CMAKE_ARGV${i}}")
endforeach()
string(JSON value GET "${text}" ${path})
message("${value}")
END
json() {
  cmake -P json.cmake "$@" 2>&1
}
equals() { # equals WANTED PATH...
  local wanted=$1 value
  shift
  value=$(json "$@")
  [ "$value" = "$wanted" ] || fail "JSON $*: '$value' and not '$wanted'"
}

run info --json
status_is 0 "info --json"
is_silent "info --json"
page=$(getconf PAGESIZE)
equals "$("$ACRE" --version | cut -d' ' -f2)" version
equals "$page" system page_size
equals "$((page > 65536 ? page : 65536))" system allocation_granularity
equals "$(cat /proc/sys/vm/max_map_count)" system mapping_limit
equals "$(cat /proc/sys/vm/overcommit_memory)" system overcommit_mode
equals "$(getconf _NPROCESSORS_ONLN)" system processors
equals "$(($(sed -n 's/^SwapTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo) * 1024))" system swap
json system large_pages | grep -qx '[0-9]*' || fail "system.large_pages is '$(json system large_pages)'"
equals "0" process regions
equals "0" process commit_charge
equals "0" process commit_peak
json process commit_bound | grep -qx 'memory\|group\|none' || fail "commit_bound is '$(json process commit_bound)'"
json mechanisms commit | grep -qx 'guard\|mprotect' || fail "mechanisms.commit is '$(json mechanisms commit)'"

export ACRE_OPTIONS=commit=mprotect,query=proc,populate=touch,collapse=none,written=fault
run info --json
equals mprotect mechanisms commit
equals proc mechanisms query
equals touch mechanisms populate
equals none mechanisms collapse
equals fault mechanisms written
unset ACRE_OPTIONS

ACRE_OPTIONS=commit_limit=3M run info --json
equals "$((3 << 20))" process commit_limit
equals user process commit_bound
ACRE_OPTIONS=commit_limit=3M run info --lang en
has '^  limit  *3 MiB (as ACRE_OPTIONS says)$'
has '^  charge  *0 B$'

for language in en ko; do
  run info --lang $language
  status_is 0 "info --lang $language"
  is_silent "info --lang $language"
  fits_width "info --lang $language"
  grep -q $'\033' out && fail "info --lang $language: colours in a file"
done
run info --lang en
has '^  page size  *'"$((page / 1024)) KiB$"
has '^  mappings a process may have  *[0-9,]*$'
finish
