#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# redis-server under redis-benchmark, over a socket file. Prints the nanoseconds of processor time that the server's
# thread took (the client, on the same machine, takes more, and waits), its peak of memory in KiB, and a word.
# Environment: BENCH_LIBRARY, which the server is run with, and ACRE_OPTIONS.
set -euo pipefail
folder=$(mktemp -d)
LD_PRELOAD=$BENCH_LIBRARY redis-server --port 0 --unixsocket "$folder/socket" --save '' --appendonly no --dir "$folder" \
  --daemonize no --loglevel warning >/dev/null 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
unset ACRE_OPTIONS
until redis-cli -s "$folder/socket" ping >/dev/null 2>&1; do sleep 0.02; done
start=$(cut -d' ' -f1 "/proc/$server/schedstat")
redis-benchmark -s "$folder/socket" -q -n 60000 -r 20000 -d 100 -c 20 -P 4 -t set,get,lpush,hset,zadd >/dev/null
end=$(cut -d' ' -f1 "/proc/$server/schedstat")
echo "$((end - start)) $(sed -nE 's/^VmHWM:\s+([0-9]+) kB/\1/p' "/proc/$server/status") keys"
