#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# redis-server under redis-benchmark, over a socket file. Prints nanoseconds of the benchmark, the server's peak
# of memory in KiB, and how many keys it holds.
# Environment: BENCH_LIBRARY, which the server is run with, and ACRE_OPTIONS.
set -euo pipefail
folder=$(mktemp -d)
LD_PRELOAD=$BENCH_LIBRARY redis-server --port 0 --unixsocket "$folder/socket" --save '' --appendonly no --dir "$folder" \
  --daemonize no --loglevel warning >/dev/null 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
unset ACRE_OPTIONS
until redis-cli -s "$folder/socket" ping >/dev/null 2>&1; do sleep 0.02; done
start=$(date +%s%N)
redis-benchmark -s "$folder/socket" -q -n 60000 -r 20000 -d 100 -c 20 -P 4 -t set,get,lpush,hset,zadd >/dev/null
end=$(date +%s%N)
echo "$((end - start)) $(sed -nE 's/^VmHWM:\s+([0-9]+) kB/\1/p' "/proc/$server/status") keys"
