#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Signals in the middle of the work on the file: the command dies of them, and
# leaves no file behind.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
set -m # so that a program in the background does not ignore SIGINT

# interrupt SIGNAL PATTERN ARGUMENT...: sends the signal once stdout has a line that matches.
interrupt() {
  local signal=$1 pattern=$2 pid wanted
  shift 2
  : >out
  "$ACRE" tour "$@" >out 2>err &
  pid=$!
  for _ in $(seq 1200); do
    grep -q -e "$pattern" out && break
    sleep 0.05
  done
  [ -n "$(ls -A "$TMPDIR")" ] || fail "$signal: there was no file yet"
  kill -"$signal" "$pid" || fail "$signal: it has ended before"
  status=0
  wait "$pid" 2>/dev/null || status=$?
  wanted=$((128 + $(kill -l "$signal")))
  [ "$status" -eq "$wanted" ] || fail "$signal: status $status and not $wanted"
  nothing_left "$signal"
}

# The last step before the sort has been written out: it is sorting.
for signal in INT TERM HUP; do
  interrupt "$signal" 'none of it has been read into this process' --size 128M
done

# In the pause after step 8.1: 29 steps come before it.
interrupt INT 'the file is 1 MiB long' --size 1M --pause < <(yes '' 2>/dev/null | head -n 29; exec sleep 10 2>/dev/null)

# When nobody reads what it prints.
"$ACRE" tour --size 1M 2>/dev/null | sed '/^8\.2 /q' >out
has '^8\.2 '
nothing_left "a closed pipe"
finish
