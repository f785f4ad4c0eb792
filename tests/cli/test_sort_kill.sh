#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# acre sort, killed at random moments: the file is the old one or the sorted
# one. ACRE_KILLS says how often; 20 as part of the tests.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
set -m # so that a program in the background does not ignore SIGINT
kills=${ACRE_KILLS:-20}
RANDOM=20251125

head -c 8M /dev/urandom >old
cp old sorted
run sort sorted --type u32 --quiet
status_is 0 "the whole sort"
cp old file
begin=$(date +%s%N)
run sort file --type u32 --quiet
whole=$((($(date +%s%N) - begin) / 1000)) # microseconds

old=0 new=0 left=0
for ((i = 0; i < kills; i++)); do
  cp old file
  "$ACRE" sort file --type u32 --quiet &
  pid=$!
  sleep "$(printf '0.%06d' $((RANDOM * 32768 % (whole * 5 / 4))))"
  kill -9 $pid 2>/dev/null
  wait $pid 2>/dev/null
  if cmp -s file old; then
    old=$((old + 1))
  elif cmp -s file sorted; then
    new=$((new + 1))
  else
    fail "kill $i: the file is neither the old nor the sorted one"
  fi
  for file in .acre-sort-*; do # a kill between the name and the renaming leaves one
    [ -e "$file" ] && left=$((left + 1)) && rm "$file"
  done
done
echo "$kills kills: $old times the old file, $new times the sorted one, $left files left behind"
[ $((old + new)) -eq "$kills" ] || fail "$((kills - old - new)) of $kills files are lost"

# Signals that can be caught leave nothing behind, and the file as it was or sorted.
for signal in INT TERM HUP; do
  cp old file
  "$ACRE" sort file --type u32 --quiet &
  pid=$!
  sleep "0.0$((RANDOM % 5 + 1))"
  kill -"$signal" $pid 2>/dev/null
  wait $pid 2>/dev/null
  cmp -s file old || cmp -s file sorted || fail "$signal: the file is neither the old nor the sorted one"
  for left in .acre-sort-*; do
    [ ! -e "$left" ] || fail "$signal: left behind $left"
  done
done

# In place every record is there: the sums of old and new are the same when it is sorted to the end.
head -c $((57 * 100000)) old | base64 -w 76 >lines # 77 bytes a record
LC_ALL=C sort lines >sorted
for ((i = 0; i < 6; i++)); do
  cp lines file
  "$ACRE" sort file --record 77 --key 0:b77 --in-place --quiet &
  pid=$!
  sleep "0.0$((RANDOM % 10))"
  kill -INT $pid 2>/dev/null
  status=0
  wait $pid 2>/dev/null || status=$?
  [ $status -eq 0 ] || [ $status -eq 130 ] || fail "INT in place: status $status"
  LC_ALL=C sort file | cmp -s - sorted || fail "INT in place: records are lost"
done
finish
