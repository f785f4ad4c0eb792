#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# acre run --leaks: what is lost is told of, by its place, and nothing else is.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
compile leaks

for options in --leaks "--check --leaks" "--page-heap --leaks" "--page-heap=under --leaks"; do
  # shellcheck disable=SC2086 # the options are words
  run --quiet $options -- ./leaks
  status_is 0 "$options: nothing lost"
  tells '^acre: leaks: none; reachable: [0-9]+ blocks, [0-9]+ bytes$' "$options: nothing lost"
  # shellcheck disable=SC2086
  run --quiet $options -- ./leaks lose
  status_is 0 "$options: some lost"
  tells '^acre: leaks: 12 blocks, 10128 bytes lost, allocated at 3 places; reachable: ' "$options: some lost"
  tells '^  lost: 10 blocks, 10000 bytes, allocated:$' "$options: by their place"
  tells '^    #0  lose at .*leaks\.c:[0-9]+$' "$options: the place"
  tells '^    #1  lose_some at .*leaks\.c:[0-9]+$' "$options: the place"
  tells '^  lost: 1 block, 64 bytes, allocated:$' "$options: a ring"
done

finish_checks
