#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# python3 at JSON, regular expressions, sorting and counting. Prints nanoseconds of processor time, the peak of
# memory in KiB, and a checksum.
# Environment: BENCH_LIBRARY, which it is run with, ACRE_OPTIONS, and PYTHONMALLOC.
LD_PRELOAD=$BENCH_LIBRARY exec /usr/bin/python3 -c '
import json, re, resource, time, zlib
start = time.process_time_ns()
data = [{"id": i, "name": "n" * (i % 97), "tags": [str(j) for j in range(i % 13)]} for i in range(20000)]
text = json.dumps(data)
same = json.loads(text) == data
words = sorted(re.findall(r"\d+", text))
counts = {}
for word in words: counts[word] = counts.get(word, 0) + 1
crc = zlib.crc32("".join(words).encode())
end = time.process_time_ns()
print(end - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, f"{crc:x}{same}{len(counts)}")
'
