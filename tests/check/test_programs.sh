#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Real programs under the checks: they print what they print without them, and nothing of theirs is
# called misuse. (Short pieces of work: what the heap itself does to programs, tests/override/test_programs.sh asks.)
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# same NAME OPTIONS COMMAND...: with and without; what is on stdin, both get.
same() {
  local name=$1 options=$2 expected=0
  shift 2
  "$@" >plain.out 2>plain.err <input || expected=$?
  # shellcheck disable=SC2086 # the options are words
  status=0 && "$ACRE" run --quiet $options -- "$@" >out 2>err <input || status=$?
  [ "$expected" = 0 ] || fail "$name does not work without checks either: $(head -n 3 plain.err)"
  status_is 0 "$name $options"
  cmp -s plain.out out || fail "$name $options: it prints something else: $(diff plain.out out | head -n 3)"
  tells_not '^acre: (over|under|use|double|invalid|wild)' "$name $options"
}

cat >load.py <<'END'
import json, re, subprocess, sys, threading, zlib
data = [{"id": i, "tags": [str(j) for j in range(i % 13)]} for i in range(1000)]
text = json.dumps(data)
print(len(text), json.loads(text) == data, len(re.findall(r"\d+", text)), len(zlib.compress(text.encode())))
threads = [threading.Thread(target=lambda: sorted(str(i) for i in range(500))) for _ in range(20)]
for t in threads: t.start()
for t in threads: t.join()
print(subprocess.run([sys.executable, "-c", "print(sum(range(1000)))"], capture_output=True, text=True).stdout)
END
cat >load.js <<'END'
const data = [];
for (let i = 0; i < 3000; i++) data.push({ i, s: "x".repeat(i % 50) });
const packed = require("zlib").gzipSync(JSON.stringify(data));
console.log(JSON.parse(require("zlib").gunzipSync(packed)).length);
END
cat >Load.java <<'END'
import java.util.*;
public class Load {
  public static void main(String[] arguments) {
    Map<String, Integer> map = new HashMap<>();
    for (int i = 0; i < 100000; i++) map.merge("k" + i % 1000, 1, Integer::sum);
    int nulls = 0;
    for (int i = 0; i < 20000; i++) {
      String s = i % 2 == 0 ? null : "s";
      try { nulls += s.length() - 1; } catch (NullPointerException e) { nulls++; }
    }
    System.out.println(map.size() + " " + nulls);
  }
}
END
cat >load.sql <<'END'
create table t(a, b);
with recursive c(x) as (select 1 union all select x + 1 from c where x < 5000) insert into t select x, x * 7919 % 10007 from c;
create index i on t(b);
select count(*), sum(a) from t where b > 5000; select count(distinct b) from t;
END
echo 'int f(int x) { int s = 0; for (int i = 0; i < x; i++) s += i * i; return s; }' >load.c
python=/usr/bin/python3
[ -x $python ] || python=$(command -v python3)

for options in --page-heap --page-heap=100,under --check; do
  : >input
  PYTHONMALLOC=malloc same python3 "$options" "$python" load.py
  # shellcheck disable=SC2016 # perl's variables
  same perl "$options" perl -e 'my %h; $h{$_} = "x" x ($_ % 100) for 1 .. 5000; print scalar(keys %h), "\n"; print join(",", (sort { $a <=> $b } keys %h)[0 .. 9]), "\n"'
  same node "$options" node load.js
  same cc "$options" "$CC" -O2 -S -o - load.c
  cp load.sql input
  same sqlite3 "$options" sqlite3 :memory:
done
: >input
# Its own faults are null checks, which its handler turns into exceptions.
same java --page-heap java -Xshare:auto -XX:TieredStopAtLevel=1 Load.java
same java --check java -XX:TieredStopAtLevel=1 Load.java

finish_checks
