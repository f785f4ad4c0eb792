#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The page heap at scale, in its fallback, sampled, under a limit, and in
# programs that do what programs do: threads, forks, handlers of their own.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
for program in many stress handler; do compile "$program"; done

# Markers where the kernel has them; and 4 GiB that may be committed, of which next to nothing is touched.
can_have_a_million=$("$ACRE" info --json | python3 -c '
import json, sys
info = json.load(sys.stdin)
print(info["mechanisms"]["commit"] == "guard" and info["process"]["commit_limit"] > 5 << 30)')

# ------------------------------------------------------------- a million blocks

if [ "$can_have_a_million" = True ]; then
  run --page-heap -- ./many 1000000 4096
  status_is 0 "a million"
  [ "$(checked)" -ge 1000000 ] || fail "a million: $(checked) were checked"
  [ "$(sed 's/ mappings//' out)" -lt 1000 ] || fail "a million: $(cat out)"
  run --quiet --page-heap -- ./many 1000000 4096 read
  status_is 139 "behind one of a million"
  tells '^acre: overflow: read at 0x[0-9a-f]+, 0 bytes past the end of the block of 4096 bytes at ' "behind one of a million"
else
  echo "not tried: a million blocks, for want of guard markers or of memory"
fi

# ------------------------------------------------------------- without markers

export ACRE_OPTIONS=commit=mprotect
run --page-heap -- ./many 50000 64
status_is 0 "by protection"
tells '; [0-9,]+ could not be$' "by protection: further blocks are plain"
[ "$(checked)" -ge 5000 ] || fail "by protection: $(checked) were checked"
run --quiet --page-heap -- ./many 1000 64 read
status_is 139 "by protection, behind a block"
tells '^acre: overflow: read at ' "by protection, behind a block"
run --quiet --page-heap -- ./stress
status_is 0 "by protection, threads and forks"
unset ACRE_OPTIONS

# ------------------------------------------------------------- some of the blocks

run --page-heap=10 -- ./many 20000 64
status_is 0 "one in ten"
if [ "$(checked)" -lt 1500 ] || [ "$(checked)" -gt 2500 ]; then fail "one in ten of 20000: $(checked)"; fi
run --page-heap=100-200 -- ./many 5000 64
status_is 0 "other sizes"
[ "$(checked)" -lt 100 ] || fail "blocks of 64, and 100-200 wanted: $(checked)"
run --page-heap=64-64 -- ./many 5000 64
[ "$(checked)" -ge 5000 ] || fail "blocks of 64, and 64-64 wanted: $(checked)"
for options in --page-heap --check; do
  run $options --limit 64M -- ./many 1000000 64
  status_is 1 "$options, a limit"
  grep -q '^no memory$' out || fail "$options, a limit: $(cat out)"
  tells '^ +limit +met [0-9]+ times; first for 64 B, by many' "$options, a limit"
done

# ------------------------------------------------------------- programs without misuse

for options in --page-heap --page-heap=16 --page-heap=tight --page-heap=under --check "--page-heap --leaks" "--check --leaks"; do
  # shellcheck disable=SC2086 # the options are words
  run --quiet $options -- ./stress
  status_is 0 "stress $options"
  [ "$(cat out)" = "0 wrong" ] || fail "stress $options: $(cat out)"
  tells_not '^acre: (over|under|use|double|invalid|wild)' "stress $options"
done
run --quiet --page-heap -- ./handler
status_is 0 "a handler of the program's"
[ "$(cat out)" = "1 fault" ] || fail "a handler of the program's: $(cat out)"
run --quiet --page-heap -- ./handler misuse
tells '^acre: overflow: write at ' "misuse in a program with a handler"

# ------------------------------------------------------------- without the command

library=$(dirname "$ACRE")/../libacre-check.so
status=0
bash -c 'ACRE_OPTIONS=page_heap=1 LD_PRELOAD=$1 ./many 10 64 read; exit $?' bash "$library" >out 2>err || status=$?
status_is 139 "preloaded by hand"
tells '^    #0 .*many\+0x[0-9a-f]+$' "preloaded by hand: addresses in files"

finish_checks
