#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Real programs on Acre's heap: each does a piece of work with and without it,
# and must print the same, to both streams, and end with the same status. So that
# it is known that the heap was theirs, each also runs under a heap that is
# too small, and must not go well there.
#
# Environment (set by tests/CMakeLists.txt): ACRE_MALLOC, ACRE_SOURCE, CC.
set -euo pipefail
work=$(mktemp -d)
servers=()
cleanup() {
  for pid in "${servers[@]}"; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work"
failures=0

fail() {
  echo "FAIL $*"
  failures=$((failures + 1))
}

# same NAME COMMAND...: in a folder of its own each time, with and without the heap.
same() {
  local name=$1 status expected
  shift
  rm -rf plain acre
  mkdir plain acre
  expected=0
  (cd plain && "$@" >../plain.out 2>../plain.err </dev/null) || expected=$?
  status=0
  (cd acre && LD_PRELOAD=$ACRE_MALLOC "$@" >../acre.out 2>../acre.err </dev/null) || status=$?
  if [ "$expected" != 0 ]; then
    fail "$name: does not work without the heap either"
    tail -n 5 plain.err
  elif [ "$status" != "$expected" ]; then
    fail "$name: exit status $status, not $expected"
    tail -n 5 acre.err
  elif ! cmp -s plain.out acre.out || ! cmp -s plain.err acre.err; then
    fail "$name: it prints something else"
    diff plain.out acre.out | head -n 5 || true
    diff plain.err acre.err | head -n 5 || true
  elif ! diff -r plain acre >files.out; then
    fail "$name: it leaves other files"
    head -n 5 files.out
  else
    echo "ok   $name"
  fi
}

# The heap is really there: with one MiB none of them can do its work.
is_used() {
  local name=$1
  shift
  # A shell in between, as the one here would tell of a signal that it dies of.
  if bash -c 'LD_PRELOAD=$ACRE_MALLOC ACRE_OPTIONS=heap_limit=1M "$@"; exit $?' bash "$@" >out 2>err </dev/null; then
    fail "$name: works with a heap of 1 MiB, so it was not on this heap"
  fi
}

need() {
  command -v "$1" >/dev/null || { echo "missing: $1 (scripts/setup test installs it)"; exit 1; }
}

# ------------------------------------------------------------- interpreters

cat >load.py <<'END'
import hashlib, json, re, sys, threading, zlib, collections, functools, itertools, multiprocessing, subprocess
import unittest

def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]

data = [{"id": i, "name": "n" * (i % 97), "tags": [str(j) for j in range(i % 13)]} for i in range(20000)]
text = json.dumps(data)
print(len(text), digest(text), json.loads(text) == data)
print(digest("".join(sorted(re.findall(r"\d+", text)))))
print(len(zlib.decompress(zlib.compress(text.encode()))))
results = {}
def work(n):
    results[n] = digest("".join(str(x) for x in itertools.accumulate(range(20000 + n))))
for group in range(20):
    threads = [threading.Thread(target=work, args=(group * 8 + n,)) for n in range(8)]
    for t in threads: t.start()
    for t in threads: t.join()
print(digest(str(sorted(results.items()))))
print(subprocess.run([sys.executable, "-c", "print(sum(range(1000000)))"], capture_output=True, text=True).stdout)
context = multiprocessing.get_context("fork")
with context.Pool(3) as pool:
    print(digest(str(pool.map(functools.partial(pow, 3), range(2000)))))
END
python=/usr/bin/python3
[ -x $python ] || python=$(command -v python3)
cat >own_tests.py <<'END'
import contextlib, io, os, sys, unittest
names = ["json", "heapq", "bytes", "list", "dict", "set", "memoryview", "array", "re", "struct", "zlib", "thread", "queue", "deque"]
suite = unittest.defaultTestLoader.loadTestsFromNames("test.test_" + name for name in names)
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    result = unittest.TextTestRunner(stream=open(os.devnull, "w")).run(suite)
print(result.testsRun, [str(test) for test, _ in result.failures + result.errors])
sys.exit(result.testsRun < 2000) # the tests are there
END
same "python3" "$python" "$work/load.py"
same "python3: its own tests" "$python" -W ignore "$work/own_tests.py"
is_used "python3" "$python" load.py

need perl
cat >load.pl <<'END'
use strict; use warnings;
my (%h, @a);
for my $i (1 .. 200000) { $h{"key$i"} = "v" x ($i % 50); push @a, $i * 7 % 1000 }
my $n = 0; $n += length for values %h;
my $text = join ",", sort { $a <=> $b } @a;
$text =~ s/(\d)(\d)/$2$1/g;
print scalar(keys %h), " $n ", length($text), " ", unpack("%32C*", $text), "\n";
for (1 .. 3) { my $pid = fork; if (!$pid) { my @b = map { [$_, "x" x $_] } 1 .. 500; exit scalar(@b) % 256 } waitpid $pid, 0; print $? >> 8, " " }
END
same "perl" perl "$work/load.pl"
is_used "perl" perl load.pl

need node
cat >load.js <<'END'
const crypto = require("crypto"), zlib = require("zlib"), { Worker, isMainThread, parentPort } = require("worker_threads");
if (!isMainThread) { parentPort.postMessage(Buffer.alloc(1 << 20, 7).reduce((a, b) => a + b, 0)); return; }
let sum = crypto.createHash("sha1");
for (let i = 0; i < 200; i++) sum.update(zlib.gzipSync(Buffer.alloc(50000 + i, i)).slice(10));
console.log(sum.digest("hex"));
const map = new Map(); for (let i = 0; i < 200000; i++) map.set("k" + i, { i, s: "x".repeat(i % 20) });
let total = 0; for (const v of map.values()) total += v.s.length; console.log(total);
let left = 4, all = 0;
for (let i = 0; i < 4; i++) new Worker(__filename).on("message", m => { all += m; if (--left === 0) console.log(all); });
END
same "node" node "$work/load.js"
is_used "node" node "$work/load.js"

need java
mkdir -p classes
cat >Load.java <<'END'
import java.util.*;
import java.util.concurrent.*;
import java.util.zip.*;
public class Load {
  public static void main(String[] a) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(4);
    List<Future<Long>> all = new ArrayList<>();
    for (int t = 0; t < 16; t++) {
      final int n = t;
      all.add(pool.submit(() -> {
        CRC32 crc = new CRC32();
        for (int i = 0; i < 60; i++) {
          Deflater d = new Deflater();
          d.setInput(new byte[20000 + n * 100 + i]);
          d.finish();
          byte[] out = new byte[30000];
          crc.update(out, 0, d.deflate(out));
          d.end();
          java.nio.ByteBuffer b = java.nio.ByteBuffer.allocateDirect(100000 + i);
          b.putInt(0, i);
          crc.update(b.getInt(0));
        }
        return crc.getValue();
      }));
    }
    long sum = 0;
    for (Future<Long> f : all) sum += f.get();
    pool.shutdown();
    System.out.println(sum);
  }
}
END
need javac
LD_PRELOAD=$ACRE_MALLOC javac -d classes Load.java || fail "javac: exit status $?"
same "java" java -Xmx128m -cp "$work/classes" Load
is_used "java" java -version

# ------------------------------------------------------------- databases and compilers

need sqlite3
{
  echo "create table t(id integer primary key, a text, b real); begin;"
  for i in $(seq 1 5000); do echo "insert into t(a, b) values('name$((i * 7919 % 5003))', $i * 1.5);"; done
  echo "commit; create index i on t(a, b);"
  echo "select count(*), sum(b), max(a) from t; select a, count(*) from t group by substr(a, 1, 6) order by 2 desc, 1 limit 5;"
  echo "with recursive n(x) as (select 1 union all select x + 1 from n where x < 200000) select sum(x * x % 97) from n;"
  echo "select hex(zeroblob(100)), length(group_concat(a)) from t; pragma integrity_check;"
} >load.sql
same "sqlite3" sqlite3 -init "$work/load.sql" base.db .exit
is_used "sqlite3" sqlite3 -bail -cmd "with recursive n(x) as (select 1 union all select x + 1 from n where x < 60000) select length(group_concat(x || 'and some more text to be long')) from n;" :memory: .exit

# A large file: all of the library's own in one.
for file in "$ACRE_SOURCE"/src/vm/*.h "$ACRE_SOURCE"/src/heap/*.h; do echo "#include \"$file\""; done >large.c
for i in $(seq 1 1500); do echo "int f$i(int a, int *b) { for (int i = 0; i < a; i++) b[i] = b[(i * $i) % a] + $i; return b[0]; }"; done >>large.c
same "cc -O2" "$CC" -O2 -c "$work/large.c" -I"$ACRE_SOURCE/src" -I"$ACRE_SOURCE/include" -o large.o
is_used "cc -O2" "$CC" -O2 -c "$work/large.c" -I"$ACRE_SOURCE/src" -I"$ACRE_SOURCE/include" -o large.o

need git
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE="2020-01-01T00:00:00Z" GIT_COMMITTER_DATE="2020-01-01T00:00:00Z"
for commit in $(seq 1 600); do # a history of 600 commits, each with a file that changes and one that is new
  printf 'commit refs/heads/main\ncommitter a <a@b> %s +0000\ndata 2\nc\n' $((1577836800 + commit))
  for file in "f$((commit % 40))" "new$commit"; do
    text=$(seq "$commit" $((commit + 120)))
    printf 'M 644 inline %s\ndata %s\n%s\n' "$file" ${#text} "$text"
  done
done >history
git_load() {
  git init -q -b main . && git fast-import --quiet --force <"$work/history" && git reset -q --hard &&
    git log --stat -p --format=%H | sha1sum && git gc -q --aggressive && git fsck && git blame f3 | sha1sum
  rm -rf .git
}
export -f git_load
export work
same "git" bash -c git_load
is_used "git" git grep -c . --no-index -- "$work"

# ------------------------------------------------------------- servers

# wait_until COMMAND...: until it succeeds, or the server that was started last is no more.
wait_until() {
  for _ in $(seq 1 100); do
    "$@" && return
    kill -0 "${servers[-1]}" 2>/dev/null || return 0
    sleep 0.1
  done
}
redis_answers() {
  redis-cli -s "$1" ping 2>/dev/null | grep -q PONG
}

need redis-server
redis_load() { # redis_load SOCKET: what a client sees
  redis-cli -s "$1" flushall
  redis-benchmark -s "$1" -q -n 1000 -c 20 -r 500 -d 200 -t set,get,incr,lpush,rpush,lpop,sadd,hset,zadd,lrange_100 >/dev/null
  for i in $(seq 1 50); do redis-cli -s "$1" set "k$i" "$(seq 1 "$i" | tr -d '\n')" >/dev/null; done
  redis-cli -s "$1" eval "local t = {} for i = 1, 20000 do t[#t + 1] = redis.call('hset', 'h', i, string.rep('x', i % 50)) end return #t" 0
  redis-cli -s "$1" strlen k50
  redis-cli -s "$1" hlen h
  redis-cli -s "$1" bgsave
  redis-cli -s "$1" ping
}
for way in plain acre; do
  socket=$work/redis.$way.socket
  mkdir -p redis.$way
  preload=
  [ $way = plain ] || preload=$ACRE_MALLOC
  LD_PRELOAD=$preload redis-server --port 0 --unixsocket "$socket" --dir "$work/redis.$way" --save '' --io-threads 2 >redis.$way.log 2>&1 &
  servers+=($!)
  wait_until redis_answers "$socket"
  if [ $way = acre ]; then grep -q libacre-malloc "/proc/${servers[-1]}/maps" || fail "redis-server is not on this heap"; fi
  redis_load "$socket" >redis.$way.out 2>&1 || fail "redis-server ($way): exit status $?"
  redis-cli -s "$socket" shutdown nosave >/dev/null 2>&1 || true
  wait "${servers[-1]}" || fail "redis-server ($way) ends with status $?"
done
if cmp redis.plain.out redis.acre.out; then echo "ok   redis-server"; else fail "redis-server answers something else"; fi

nginx=$(PATH=$PATH:/usr/sbin command -v nginx) || { echo "missing: nginx (scripts/setup test installs it)"; exit 1; }
need curl
get() {
  curl -s --unix-socket "$work/nginx.socket" "$@" http://localhost/large.txt
}
mkdir -p www logs
seq 1 200000 >www/large.txt
cat >nginx.conf <<END
worker_processes 2; pid $work/nginx.pid; error_log $work/logs/error.log; daemon off;
events { worker_connections 256; }
http { access_log off; gzip on; gzip_types text/plain; gzip_min_length 10;
  client_body_temp_path $work/logs; proxy_temp_path $work/logs; fastcgi_temp_path $work/logs;
  uwsgi_temp_path $work/logs; scgi_temp_path $work/logs;
  types { text/plain txt; } server { listen unix:$work/nginx.socket; root $work/www; } }
END
[ "$(id -u)" != 0 ] || sed -i "1i user root;" nginx.conf
LD_PRELOAD=$ACRE_MALLOC "$nginx" -p "$work" -c "$work/nginx.conf" -e "$work/logs/error.log" &
servers+=($!)
wait_until get -o /dev/null
grep -q libacre-malloc "/proc/${servers[-1]}/maps" || fail "nginx is not on this heap"
wrong=0
for i in $(seq 1 60); do
  get --compressed | cmp -s - www/large.txt || wrong=$((wrong + 1))
  [ $((i % 20)) != 0 ] || kill -HUP "${servers[-1]}" # workers end, new ones come
done
kill -QUIT "${servers[-1]}"
wait "${servers[-1]}" || fail "nginx ends with status $?"
if [ $wrong = 0 ]; then echo "ok   nginx"; else fail "nginx: $wrong of 60 answers were wrong"; fi

# ------------------------------------------------------------- a stressor

need stress-ng
if LD_PRELOAD=$ACRE_MALLOC stress-ng --malloc 2 --malloc-pthreads 2 --malloc-ops 20000 --malloc-bytes 64M --verify \
  --timeout 20 --temp-path "$work" >stress.out 2>&1; then
  echo "ok   stress-ng --malloc"
else
  fail "stress-ng --malloc: exit status $?"
  tail -n 5 stress.out
fi

[ $failures = 0 ] || { echo "$failures failed"; exit 1; }
