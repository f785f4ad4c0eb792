#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Signals in the middle of the work on the file: the command dies of them, and
# leaves no file behind.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
set -m # so that a program in the background does not ignore SIGINT
stopped=$((128 + $(kill -l STOP)))

# catch PATTERN NEXT ARGUMENT...: starts a tour, and stops it once stdout has a line that matches; false: it has the next one, too.
catch() {
  local pattern=$1 next=$2
  shift 2
  : >out
  "$ACRE" tour "$@" >out 2>err &
  pid=$!
  for _ in $(seq 1200); do
    grep -q -e "$pattern" out && break
    sleep 0.05
  done
  kill -STOP "$pid" 2>/dev/null
  until [ ! -e "/proc/$pid" ] || grep -q '^State:.[TZ]' "/proc/$pid/status"; do sleep 0.01; done
  grep -qs '^State:.T' "/proc/$pid/status" && ! grep -q -e "$next" out
}

# interrupt SIGNAL PATTERN NEXT ARGUMENT...: sends the signal between the two lines.
interrupt() {
  local signal=$1 pid wanted
  shift
  for _ in $(seq 20); do # a busy machine lets this script look too late
    catch "$@" && break
    kill -KILL "$pid" 2>/dev/null
    while [ -e "/proc/$pid" ]; do wait -f "$pid" 2>/dev/null; done
    pid=
    rm -rf "$work/tmp" && mkdir "$work/tmp"
  done
  [ -n "$pid" ] || { fail "$signal: it has always gone on before"; return; }
  [ -n "$(ls -A "$TMPDIR")" ] || fail "$signal: there was no file yet"
  kill -"$signal" "$pid"
  kill -CONT "$pid"
  status=$stopped
  while [ "$status" -eq "$stopped" ]; do # of that it may be told first
    status=0
    wait -f "$pid" 2>/dev/null || status=$?
  done
  wanted=$((128 + $(kill -l "$signal")))
  [ "$status" -eq "$wanted" ] || fail "$signal: status $status and not $wanted"
  nothing_left "$signal"
}

# The last step before the sort has been written out: it is sorting.
for signal in INT TERM HUP; do
  interrupt "$signal" 'none of it has been read into this process' 'numbers in .*, by ' --size 128M
done

# In the pause after step 8.1: 29 steps come before it.
mkfifo keys
exec 9<>keys # so that no more come, and no end of them either
yes '' 2>/dev/null | head -n 29 >&9
interrupt INT 'the file is 1 MiB long' '^8\.2 ' --size 1M --pause <keys

# When nobody reads what it prints.
"$ACRE" tour --size 1M 2>/dev/null | sed '/^8\.2 /q' >out
has '^8\.2 '
nothing_left "a closed pipe"
finish
