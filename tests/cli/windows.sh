#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The command built for Windows, run by ACRE_EMULATOR (Wine): info, tour, sort, and
# that there is no run. Stdout and stderr are read as one.
# Not test_*.sh, as that is for the system that the tests run on.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
program=$ACRE
export LC_ALL=C.UTF-8
unset TMPDIR # the emulator keeps files of its own there

# run ARGUMENT...: as lib.sh's, but all that is printed is in out.
run() {
  status=0
  # shellcheck disable=SC2086 # a command and its arguments, or nothing
  ${ACRE_EMULATOR:-} "$program" "$@" >out 2>&1 || status=$?
}

# says STATUS LINE ARGUMENT...: it prints this one line, and ends with this status.
says() {
  local wanted=$1 line=$2
  shift 2
  run "$@"
  status_is "$wanted" "acre $*"
  [ "$(cat out)" = "$line" ] || fail "acre $*: prints '$(cat out)' and not '$line'"
}

run --version
if [ "$status" -eq 77 ]; then
  cat out
  exit 77
fi
grep -qx 'acre [0-9]*\.[0-9]*\.[0-9]*' out || fail "--version prints '$(cat out)'"

# ------------------------------------------------------------- info, help, run

run info
status_is 0 info
has '^acre [0-9.]*, Windows [0-9.]*$'
has '^  page size  *4 KiB$'
has '^  commit of scattered pages  *VirtualAlloc (MEM_COMMIT)$'
has '^  mappings a process may have  *no limit$'
run info --json
python3 - out <<'END' || fail "info --json: $(cat out)"
import json, sys
told = json.load(open(sys.argv[1], encoding="utf-8"))
assert told["kernel"].startswith("Windows "), told
assert told["system"]["page_size"] == 4096 and told["system"]["allocation_granularity"] == 65536, told
assert told["system"]["physical_memory"] > 0 and told["process"]["commit_limit"] > 0, told
assert told["mechanisms"]["commit"] == "virtualalloc" and told["mechanisms"]["query"] == "virtualquery", told
END
no_run="'acre run' is there on Linux alone, where a program can be given another malloc"
run --help
status_is 0 --help
has "^$no_run$"
fits_screen --help
says 2 "acre: run: $no_run" run x.exe
says 2 "acre: unknown command 'x'; see 'acre --help'" x

# ------------------------------------------------------------- tour

mkdir place
export TMPDIR=$work/place # a path of Windows too: of the drive that the emulator has for /
for size in 1M 8; do
  run tour --size $size
  status_is 0 "tour --size $size"
  has '^All [0-9]* checks held: every step did what it says\.$'
  has '^    after  \[####++++-------#\]$'
  has 'ended by exception 0xc0000005'
  grep -q 'FAILED' out && fail "tour --size $size: $(grep FAILED out)"
  fits_width "tour --size $size"
done
[ "$(grep -c '^    ok ' out)" -ge 70 ] || fail "tour: $(grep -c '^    ok ' out) checks"
head -c 80000 /dev/urandom >'numbers ü'
cp 'numbers ü' before
run tour 'numbers ü' --size 64K
status_is 0 "tour of a file"
has "'numbers ü' holds 10,000 numbers"
cmp -s before 'numbers ü' || fail "tour of a file: it was changed"
compgen -G 'place/acre*' && fail "tour: files are left"
if [ -e "$(dirname "$program")/../share/locale/ko/LC_MESSAGES/acre.mo" ]; then
  run tour --size 64K --lang ko
  status_is 0 "tour --lang ko"
  has '^확인 [0-9]*개가 모두 성립했습니다'
  fits_width "tour --lang ko"
fi
unset TMPDIR

# ------------------------------------------------------------- sort

cat >make.py <<'END'
# make.py FORM FILE WANTED: something to sort, and what becomes of it.
import random, struct, sys
form, file, wanted = sys.argv[1:]
chance = random.Random(form)
if form in ("i32", "u64", "f64"):
    letter, size = {"i32": ("i", 4), "u64": ("Q", 8), "f64": ("d", 8)}[form]
    values = {"i32": lambda: chance.randrange(-2**31, 2**31), "u64": lambda: chance.randrange(2**64),
              "f64": lambda: chance.gauss(0, 1e6)}[form]
    items = [values() for _ in range(100000)]
    before, after = (struct.pack(f"<{len(items)}{letter}", *i) for i in (items, sorted(items)))
elif form == "records": # 20 bytes; the key is at 4: a big-endian u16, of which many are alike
    items = [chance.randbytes(4) + struct.pack(">H", chance.randrange(500)) + chance.randbytes(14) for _ in range(30000)]
    before, after = b"".join(items), b"".join(sorted(items, key=lambda r: r[4:6]))
else: # lines, the last one without its end; all sizes but whole pages
    items = ["".join(chance.choice("abcü\r") for _ in range(chance.randrange(12))).encode() for _ in range(50001)]
    before, after = b"\n".join(items), b"".join(i + b"\n" for i in sorted(items))
open(file, "wb").write(before)
open(wanted, "wb").write(after)
END

# sorts FORM ARGUMENT...: in its place, in place, into another file, and with little memory; and checks it.
sorts() {
  local form=$1 place
  shift
  python3 make.py "$form" original wanted
  for place in "" --in-place "--output other" "--memory 4M"; do
    cp original file
    # shellcheck disable=SC2086 # an option and its value
    run sort file "$@" --quiet $place
    status_is 0 "$form $place"
    [ ! -s out ] || fail "$form $place: prints '$(cat out)'"
    result="file"
    [ "$place" != "--output other" ] || result=other
    cmp -s $result wanted || fail "$form $place: not sorted as it should be"
    [ "$result" = file ] || cmp -s file original || fail "$form $place: the input was changed"
    run sort $result "$@" --check
    status_is 0 "$form $place --check"
    grep -qx "'$result' is sorted" out || fail "$form $place --check: prints '$(cat out)'"
  done
  rm -f other
  run sort original "$@" --check
  status_is 1 "$form --check of what is not sorted"
  grep -q "^acre: sort: 'original' is not sorted: number [0-9,]*, counted from 0, " out || fail "$form --check: '$(cat out)'"
}
sorts u64 --type u64
sorts i32 --type i32
sorts f64 --type f64
sorts records --record 20 --key 4:u16 --endian big
sorts lines --lines

# Who may do what with a file stays as it is. (Other permissions than usual ones Wine changes by itself.)
if [ -n "${ACRE_EMULATOR:-}" ]; then
  cp original file
  cp original other
  mode=$(stat -c %a file)
  run sort file --lines --quiet
  [ "$(stat -c %a file)" = "$mode" ] || fail "a file with mode $mode gets $(stat -c %a file)"
  run sort file --lines --quiet --output other
  [ "$(stat -c %a other)" = "$mode" ] || fail "--output: a file with mode $mode gets $(stat -c %a other)"
  rm other
fi

# What memory has no room for: runs.
python3 -c 'import random, sys; open("file", "wb").write(random.Random(1).randbytes(24 << 20))'
run sort file --type u64 --memory 4M
status_is 0 "24 MiB in 4 MiB"
has '^sorted 3,145,728 u64 (24 MiB) in '
python3 -c '
import array
numbers = array.array("Q", open("file", "rb").read())
import random
assert list(numbers) == sorted(array.array("Q", random.Random(1).randbytes(24 << 20)))' || fail "24 MiB in 4 MiB: not sorted"

# Names in UTF-8, in another directory, with a path as Windows writes it.
mkdir 'Ordner 한글'
printf 'c\nb\na' >'Ordner 한글/zeilen ü.txt'
run sort 'Ordner 한글\zeilen ü.txt' --lines --quiet
status_is 0 "a name in UTF-8"
[ "$(cat 'Ordner 한글/zeilen ü.txt')" = $'a\nb\nc' ] || fail "a name in UTF-8: '$(cat 'Ordner 한글/zeilen ü.txt')', $(cat out)"
run sort 'Ordner 한글/zeilen ü.txt' --lines --reverse --quiet --output 'Ordner 한글/neu 새.txt'
[ "$(cat 'Ordner 한글/neu 새.txt')" = $'c\nb\na' ] || fail "--output with a name in UTF-8: $(cat out)"
[ "$(find 'Ordner 한글' -type f | wc -l)" -eq 2 ] || fail "left behind: $(ls -A 'Ordner 한글')"

# ------------------------------------------------------------- bad input: one line, and the file as it was

head -c 1000 /dev/urandom >file
cp file before
refuses() { # refuses STATUS LINE ARGUMENT...
  says "$1" "acre: sort: $2" sort "${@:3}"
  cmp -s file before || fail "sort ${*:3}: the file was changed"
}
refuses 1 "'file' is 1000 bytes long, which is no multiple of 16: 8 are left over; give the right --type or --record" \
  file --record 16 --key 0:u8
refuses 1 "cannot open 'nothing': There is no such file, or a directory of its path is missing; check the path" \
  nothing --type u8
refuses 1 "cannot write 'no/where': No such file or directory; check the path" file --type u8 --output no/where
mkdir folder
refuses 1 "'folder' is no regular file; only such a file can be mapped and sorted" folder --type u8
refuses 1 "'folder' is no regular file; only such a file can be mapped and sorted" file --type u8 --output folder
refuses 1 "'NUL' is no regular file; only such a file can be mapped and sorted" NUL --type u8
ln file second
refuses 1 "'file' has other names (hard links), which would keep the old content; give --in-place or --output" \
  file --type u8
rm second
chmod a-w file
if [ "$(id -u)" -ne 0 ]; then
  refuses 1 "cannot write to 'file': Permission denied; give --output to sort into another file" file --type u8
fi
chmod u+w file
refuses 2 "no file is named; see 'acre sort --help'" --type u8
: >empty
for place in "" --in-place --check; do
  # shellcheck disable=SC2086 # an option or nothing
  run sort empty --type u64 --quiet $place
  status_is 0 "an empty file $place"
  [ ! -s empty ] || fail "an empty file $place: it is not empty"
done
says 1 "acre: tour: 'empty' is empty; give a file of 64-bit numbers" tour empty
says 1 "acre: tour: 'folder' is a directory; give a file of 64-bit numbers" tour folder
head -c 1001 /dev/urandom >odd
says 1 "acre: tour: 'odd' has 1001 bytes, 1 past a multiple of 8; give a file of 64-bit numbers" tour odd
says 1 "acre: tour: cannot open 'nothing': No such file or directory; give a readable file" tour nothing

# ------------------------------------------------------------- Ctrl-C, and killed

if [ -n "${ACRE_EMULATOR:-}" ]; then
  python3 -c '
import random
chance = random.Random(2)
open("big", "wb").write(b"".join(chance.randbytes(40).hex().encode() + b"\n" for _ in range(600000)))'
  cp big before
  sort before >one

  # begin CONDITION ARGUMENT...: the program in the background, until the condition holds or it has ended; its process is $emulated.
  begin() {
    local condition=$1
    shift
    set -m # so that a program in the background does not ignore SIGINT
    $ACRE_EMULATOR "$program" "$@" >out 2>&1 &
    emulator=$!
    set +m
    until $condition || ! kill -0 $emulator 2>/dev/null; do sleep 0.01; done
    emulated=$(pgrep -P $emulator -x -f '.*acre\.exe.*' | head -n 1)
  }

  has_files() {
    compgen -G "$files" >seen
  }
  # shellcheck disable=SC2317 # called by its name
  has_changed() {
    ! cmp -s big before
  }

  # catch ARGUMENT...: stops it when there are such $files; false: they have gone already.
  catch() {
    begin has_files "$@"
    { [ -n "$emulated" ] && kill -STOP "$emulated" 2>/dev/null; } || return 1
    while [ -e "/proc/$emulated" ] && ! grep -qs '^State:.[TZ]' "/proc/$emulated/status"; do sleep 0.01; done
    has_files
  }

  # stop SIGNAL STATUS FILES ARGUMENT...: sends the signal to the program when there are such files; then none is left.
  stop() {
    local signal=$1 wanted=$2 files=$3 caught=
    shift 3
    for _ in $(seq 20); do # a busy machine lets this script look too late
      if catch "$@"; then caught=yes; break; fi
      kill -CONT "$emulated" 2>/dev/null
      wait "$emulator"
      cp before big
    done
    [ -n "$caught" ] || { fail "$signal, $*: no $files was seen"; return; }
    kill -"$signal" "$emulated"
    kill -CONT "$emulated" 2>/dev/null
    status=0
    wait "$emulator" 2>/dev/null || status=$?
    status_is "$wanted" "$signal, $*"
    for _ in $(seq 100); do # the emulator's server ends it
      has_files || break
      sleep 0.05
    done
    has_files && fail "$signal, $*: left behind $(cat seen)"
    cmp -s big before || fail "$signal, $*: the file was changed"
  }
  interrupted=58 # what is left of STATUS_CONTROL_C_EXIT, 0xc000013a
  for option in --quiet "--memory 8M"; do
    # shellcheck disable=SC2086 # an option and its value
    stop INT $interrupted '.acre-sort-*' sort big --lines $option
    # shellcheck disable=SC2086
    stop KILL 137 '.acre-sort-*' sort big --lines $option
  done
  export TMPDIR=$work/place
  stop INT $interrupted 'place/acre-tour*' tour --size 256M
  unset TMPDIR

  # In place every line is there, in some order.
  for _ in $(seq 20); do
    begin has_changed sort big --lines --in-place
    kill -INT "$emulated" 2>/dev/null
    status=0
    wait $emulator || status=$?
    [ "$status" -eq $interrupted ] || [ "$status" -eq 0 ] || fail "Ctrl-C in place: status $status"
    sort big | cmp -s - one || fail "Ctrl-C in place: lines are lost"
    [ "$status" -eq 0 ] || break # else a busy machine has let it end before
    cp before big
  done
fi
finish
