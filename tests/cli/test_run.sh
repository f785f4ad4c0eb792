#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# acre run: the command is as without it; what is told of its memory is true; the
# limit holds; and what can't be run is one line.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

if [ -z "${ACRE_MALLOC:-}" ]; then # a build without the library: sanitized, or static
  expect 1 "acre: run: no libacre-malloc.so beside the command; install it with its libraries" run true
  finish
fi

# compile NAME [OPTION...]: NAME.c to NAME.
compile() {
  # shellcheck disable=SC2086 # the flags are words
  "$CC" -O0 -w -o "$1" "$1.c" "${@:2}" || fail "cannot compile $1"
}

# value KEY [PROGRAM]: a figure of `report`, of the process whose program that is.
value() {
  python3 - "$@" <<'END'
import json, sys
report = json.load(open("report"))
found = [p for p in report["processes"] if len(sys.argv) < 3 or p["program"] == sys.argv[2]] if len(sys.argv) > 2 else [report]
print(found[0].get(sys.argv[1]) if found else "no such process")
END
}
between() { # between NAME VALUE LEAST MOST
  { [ "$2" -ge "$3" ] && [ "$2" -le "$4" ]; } || fail "$1 is $2, not between $3 and $4"
}

# ------------------------------------------------------------- the command is as without it

run run -- sh -c 'echo out; echo error >&2; exit 7'
status_is 7 "exit status"
has '^out$'
complains '^error$' "stderr"
complains '^acre: run: .*: .*, exit status 7$' "exit status"
run run --quiet -- sh -c 'cat; exit 0' <"$0"
status_is 0 "stdin"
is_silent "--quiet"
cmp -s out "$0" || fail "stdin does not reach the command"
run run --quiet sh -c 'kill -TERM $$'
status_is 143 "a signal"
run run sh -c 'kill -SEGV $$'
status_is 139 "another signal"
complains 'ended by signal 11' "another signal"
run run --quiet -- printf '%s|' --quiet -h --report x
[ "$(cat out)" = "--quiet|-h|--report|x|" ] || fail "arguments: $(cat out)"
FOO=bar run run --quiet printenv FOO PWD
[ "$(cat out)" = "bar
$work" ] || fail "environment: $(cat out)"
# shellcheck disable=SC2016 # the script's argument
echo 'echo a script: $1' >script
chmod +x script
run run --quiet ./script argument
[ "$(cat out)" = "a script: argument" ] || fail "a script without a first line: $(cat out)"

# A signal that is sent to acre goes to the command.
"$ACRE" run --quiet -- sh -c 'trap "echo got it; exit 5" USR1; echo ready; while :; do sleep 0.1; done' >out 2>err &
pid=$!
for _ in $(seq 100); do grep -q ready out && break; sleep 0.1; done
kill -USR1 "$pid"
status=0
wait "$pid" || status=$?
status_is 5 "a signal handed on"
has '^got it$'
nothing_left "running"

# ------------------------------------------------------------- what is told is true

cat >known.c <<'END'
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static pthread_barrier_t all;
static void *work(void *unused) { void *volatile p = malloc(100); pthread_barrier_wait(&all); free(p); return unused; }
int main(int argc, char **argv) {
  static void *blocks[3000];
  pthread_t threads[3];
  if (argc > 1 && strcmp(argv[1], "child") == 0) { memset(malloc(5 << 20), 1, 5 << 20); return 0; }
  for (int i = 0; i < 3000; i++) blocks[i] = memset(malloc(10000), 1, 10000);
  for (int i = 0; i < 2900; i++) free(blocks[i]);
  pthread_barrier_init(&all, 0, 3);
  for (int i = 0; i < 3; i++) pthread_create(&threads[i], 0, work, 0);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], 0);
  if (argc > 1 && strcmp(argv[1], "_exit") == 0) _exit(0);
  if (argc > 1 && strcmp(argv[1], "kill") == 0) abort();
  if (fork() == 0) execl(argv[0], "known", "child", (char *)0);
  wait(0);
  return 0;
}
END
compile known -pthread
run run --report report ./known
status_is 0 "known"
is_number() { [[ $2 =~ ^[0-9]+$ ]] || fail "$1 is '$2'"; }
for key in reserved reserved_peak in_use in_use_peak committed committed_peak resident resident_peak blocks threads; do
  is_number "$key" "$(value $key known)"
done
between "peak of what is reserved" "$(value reserved_peak known)" 30000000 36000000
between "peak of what is in use" "$(value in_use_peak known)" 27000000 33000000
between "what is in use" "$(value in_use known)" 1000000 1300000
between "blocks" "$(value blocks known)" 100 120
between "threads" "$(value threads known)" 4 4
between "peak of what is resident" "$(value resident_peak known)" 30000000 40000000
between "peak of what is committed" "$(value committed_peak known)" 30000000 45000000
[ "$(value exit_status)" = 0 ] || fail "exit_status is $(value exit_status)"
python3 - <<'END' || fail "the report: $(cat report)"
import json
report = json.load(open("report"))
parent, child = report["processes"]
assert child["parent"] == parent["pid"] == report["pid"], "whose child it is"
assert 5 << 20 <= child["reserved_peak"] < 8 << 20, "the child's own peak"
assert parent["largest_classes"][0]["size"] == 10240 and parent["largest_classes"][0]["blocks"] == 100, "classes"
END
complains '^  reserved  *[0-9.]* MiB  *[0-9.]* MiB$' "the table"
complains '^  largest  *100 x 10 KiB' "the table"
complains '^  children: 1$' "the table"
[ "$(LC_ALL=C.UTF-8 wc -L <err)" -le 80 ] || fail "the table is wider than 80 columns"
run run --quiet --report report ./known _exit
between "what is in use, told by _exit" "$(value in_use known)" 1000000 1300000
run run --quiet --report report ./known kill
status_is 134 "a program that aborts"
between "peak of what is in use, when it was killed" "$(value in_use_peak known)" 24000000 33000000
[ "$(value told_its_end known)" = False ] || fail "who was killed has told of its end"

# A timeline: the parent alone, then the child, which has 5 MiB.
cat >slow.c <<'END'
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
  void *blocks[8];
  for (int i = 0; i < 8; i++) {
    blocks[i] = memset(malloc(4 << 20), 1, 4 << 20);
    usleep(100000);
  }
  return blocks[7] == 0;
}
END
compile slow
cat >timeline.py <<'END'
import json, sys
report = json.load(open("report"))
timeline = report["timeline"]
times = [sample["milliseconds"] for sample in timeline]
assert times and times == sorted(times) and times[-1] <= report["milliseconds"], "in order"
moments = times + [report["milliseconds"]]
if times[0] > 200 or max(after - before for before, after in zip(moments, moments[1:])) > 60:
    sys.exit("acre was held up")
assert len(timeline) >= 12, "moments"
assert all(sample["pid"] == report["pid"] for sample in timeline), "one process"
reserved = [sample["reserved"] for sample in timeline]
assert reserved == sorted(reserved) and reserved[-1] > 25 << 20, "it grows"
assert timeline[-1]["resident"] > 25 << 20, "resident"
END
for _ in $(seq 50); do
  run run --quiet --report report --sample 20 ./slow
  status_is 0 "--sample"
  python3 timeline.py 2>err && break
  grep -qx 'acre was held up' err || break # by a busy machine; else it is the last word
done
[ ! -s err ] || fail "the timeline: $(cat err), $(head -c 600 report)"
(
  trap '' CHLD
  run run --quiet --report report --sample 5000 sh -c 'exit 4'
  status_is 4 "with the end of children ignored"
  [ "$failures" -eq 0 ]
) || failures=$((failures + 1))
[ "$(value milliseconds)" -lt 4000 ] || fail "the end is noticed late"

# ------------------------------------------------------------- the limit

cat >greedy.c <<'END'
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(void) {
  size_t sum = 0;
  for (void *p; (p = malloc(100000)) != 0; sum += 100000) memset(p, 1, 100000);
  printf("%zu %d\n", sum >> 20, errno == ENOMEM);
  void *small = malloc(1 << 20);
  printf("%d\n", small == 0);
  return 3;
}
END
compile greedy -rdynamic
run run --limit 64M ./greedy
status_is 3 "a program at its limit"
[ "$(sed -n 2p out)" = 1 ] || fail "beyond the limit there is more"
read -r got enomem <out
between "MiB up to the limit" "$got" 45 64
[ "$enomem" = 1 ] || fail "errno at the limit is not ENOMEM"
complains '^  limit  *met 2 times; first for 97.7 KiB, by greedy: main+0x[0-9a-f]*$' "where the limit was met"
run run --limit 1G sh -c :
complains '^  limit  *never met$' "a limit that was not met"
if command -v g++ >/dev/null; then
  cat >throws.cc <<'END'
#include <cstdio>
#include <new>
#include <vector>
int main() {
  std::vector<char *> all;
  try {
    for (;;) all.push_back(new char[50000]);
  } catch (const std::bad_alloc &) {
    for (char *one : all) delete[] one;
    std::puts("caught");
  }
}
END
  g++ -o throws throws.cc || fail "cannot compile throws"
  run run --quiet --limit 32M ./throws
  status_is 0 "operator new at the limit"
  has '^caught$'
fi

# ------------------------------------------------------------- what can't be run

expect 2 "acre: run: no command; see 'acre run --help'" run
expect 2 "acre: run: no command; see 'acre run --help'" run --quiet --
expect 2 "acre: run: unknown option '--nonsense'; see 'acre run --help'" run --nonsense true
for size in 0 1K x -1 1023K 99999999T; do
  expect 2 "acre: run: --limit '$size': give a size of at least 1M, such as 512M" run --limit "$size" true
done
for ms in 0 x -1 3600001 1.5; do
  expect 2 "acre: run: --sample '$ms': give a number of milliseconds, 1 to 3600000" run --report r --sample "$ms" true
done
expect 2 "acre: run: --sample goes with --report, where the timeline is written" run --sample 10 true
expect 127 "acre: run: 'no-such-command': no such command; give its path or one that PATH has" run no-such-command
expect 127 "acre: run: './nothing': no such command; give its path or one that PATH has" run ./nothing
expect 127 "acre: run: '': no such command; give its path or one that PATH has" run ''
echo text >text
expect 126 "acre: run: './text' cannot be executed; see its permissions" run ./text
expect 126 "acre: run: '$work' cannot be executed; see its permissions" run "$work"
echo 'int main(void) { return 0; }' >static.c
compile static -static
expect 126 "acre: run: './static' is a static program; link it with libacre-malloc.a in place of preloading" run ./static
if command -v musl-gcc >/dev/null; then
  musl-gcc -o musl static.c
  run run ./musl
  status_is 126 "a program of musl's"
  complains "^acre: run: './musl' is built for another C library (.*musl.*); use an Acre that is built for it$" musl
fi
if command -v aarch64-linux-gnu-gcc >/dev/null; then
  aarch64-linux-gnu-gcc -o foreign static.c
  expect 126 "acre: run: './foreign' is for another processor; the heap cannot be put under it" run ./foreign
fi
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
  cp "$(type -P true)" setuid
  chmod 4755 setuid
  chmod 755 "$work"
  status=0
  setpriv --reuid 65534 --clear-groups "$ACRE" run ./setuid >out 2>err || status=$?
  if grep -q "Permission denied" err; then
    echo "  not looked at: the command cannot be read by another user here"
  else
    status_is 126 "a setuid program"
    complains "is a setuid program, under which the system lets nobody put another heap$" "a setuid program"
  fi
fi
if "$CC" -fsanitize=address -o sanitized static.c 2>/dev/null; then
  expect 126 "acre: run: './sanitized' is built with a sanitizer, which brings its own malloc; run it without Acre's" \
    run ./sanitized
fi
TMPDIR=/nonexistent run run true
status_is 1 "a TMPDIR that is not there"
complains "^acre: run: cannot make a folder '/nonexistent/acre-run-.*': No such file or directory; set TMPDIR" TMPDIR
run run --quiet --report /nonexistent/report true
status_is 1 "a report that cannot be written"
complains "^acre: run: cannot write '/nonexistent/report': No such file or directory$" report
nothing_left "bad use"

# ------------------------------------------------------------- checks that cannot be

page_heap="give N, SIZE-SIZE, under or tight, or several of them with commas"
for bad in "" 0 -1 x "1,," ",1" 20-10 0-0 10- -10 1T-x "under," "tight,sideways" 99999999999999999999; do
  expect 2 "acre: run: --page-heap=$bad: $page_heap" run "--page-heap=$bad" true
done
expect 2 "acre: run: --page-heap and --check: give one of them" run --page-heap --check true
expect 2 "acre: run: --leaks must know every block: give it with --check, or with --page-heap for all of them" \
  run --leaks --page-heap=10 true
expect 2 "acre: run: --page-heap: blocks begin at a page's start (under) or end at its end (tight), not both" \
  run --page-heap=under,tight true
for options in --page-heap --page-heap=7,16-4K,under --page-heap=1,tight --check --leaks "--check --leaks" "--page-heap --leaks"; do
  # shellcheck disable=SC2086 # the options are words
  run run --quiet $options -- sh -c 'echo out; exit 3'
  status_is 3 "$options"
  has '^out$'
done
run run --page-heap --report report -- sh -c true
[ "$(value checked_blocks_peak "$(basename "$(realpath /bin/sh)")")" -gt 0 ] || fail "--page-heap: no checked blocks in the report"
[ "$(value stories)" = 0 ] || fail "--page-heap: stories: $(value stories)"

finish
