#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# acre sort and bad input: one line, an exit status, and the file as it was.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

head -c 1000 /dev/urandom >file
cp file before

# refuses STATUS LINE ARGUMENT...: as expect, and `file` is untouched, and nothing else is there.
refuses() {
  expect "$1" "acre: sort: $2" sort "${@:3}"
  cmp -s file before || fail "$*: the file was changed"
  for left in .acre-sort-*; do
    [ ! -e "$left" ] || fail "$*: left behind $left"
  done
}

# ------------------------------------------------------------- the command line

refuses 2 "no file is named; see 'acre sort --help'" --type u8
refuses 2 "give one of --type, --record and --lines: what the file holds" file
refuses 2 "give one of --type, --record and --lines: what the file holds" file --type u8 --lines
refuses 2 "'u7' is no type of number; give i8, i16, i32, i64, u8, u16, u32, u64, f32 or f64" file --type u7
refuses 2 "'b4' is no type of number; give i8, i16, i32, i64, u8, u16, u32, u64, f32 or f64" file --type b4
refuses 2 "--record wants a --key, or several" file --record 10
refuses 2 "--key goes with --record" file --lines --key 0:u8
refuses 2 "--stable goes with --record" file --lines --stable
refuses 2 "--numeric and --unique go with --lines" file --type u8 --unique
refuses 2 "--endian goes with --type and --record" file --lines --endian big
refuses 2 "'middle' is no byte order; give little or big" file --type u8 --endian middle
refuses 2 "--check changes nothing; leave --in-place and --output out" file --type u8 --check --in-place
refuses 2 "give --in-place or --output, not both" file --type u8 --in-place --output x
refuses 2 "the key at 8 is 4 bytes long and reaches out of a record of 10 bytes; give one inside it" \
  file --record 10 --key 8:u32
refuses 2 "the key at 11 is 1 bytes long and reaches out of a record of 10 bytes; give one inside it" \
  file --record 10 --key 11:b1
for key in x 0 0: :u8 0:u9 0:b 0:b0 -1:u8 99999999999999999999:u8 0:b99999999999; do
  refuses 2 "'$key' is no key; give OFFSET:TYPE, TYPE being i8 to i64, u8 to u64, f32, f64, or bN for N bytes" \
    file --record 10 --key "$key"
done
refuses 2 "more than 16 keys; give fewer" file --record 10 --key "$(printf '0:u8,%.0s' $(seq 16))0:u8"
refuses 2 "'0' of --record is no size; give a number from 1 on, of bytes or of K, M or G" file --record 0 --key 0:u8
refuses 2 "'x' of --memory is no size; give a number from 1 on, of bytes or of K, M or G" file --type u8 --memory x
refuses 2 "--memory 1M is too little; give 4M or more" file --type u8 --memory 1M
refuses 2 "'more' is not expected; see 'acre sort --help'" file more --type u8
refuses 2 "unknown option '--nothing'; see 'acre sort --help'" file --nothing
refuses 2 "option '--type' needs a value; see 'acre sort --help'" file --type

# ------------------------------------------------------------- the file

refuses 1 "'file' is 1000 bytes long, which is no multiple of 16: 8 are left over; give the right --type or --record" \
  file --record 16 --key 0:u8
mkdir folder
mkfifo pipe
for place in "" --in-place --check; do
  # shellcheck disable=SC2086
  refuses 1 "'folder' is no regular file; only such a file can be mapped and sorted" folder --type u8 $place
  # shellcheck disable=SC2086
  refuses 1 "'pipe' is no regular file; only such a file can be mapped and sorted" pipe --type u8 $place
  # shellcheck disable=SC2086
  refuses 1 "'/dev/null' is no regular file; only such a file can be mapped and sorted" /dev/null --type u8 $place
done
refuses 1 "'folder' is no regular file; only such a file can be mapped and sorted" file --type u8 --output folder
refuses 1 "cannot open 'nothing': There is no such file, or a directory of its path is missing; check the path" nothing --type u8
ln -s nowhere dangling
refuses 1 "cannot write 'dangling': No such file or directory; check the path" file --type u8 --output dangling
refuses 1 "cannot write 'no/where': No such file or directory; check the path" file --type u8 --output no/where

ln file second
refuses 1 "'file' has other names (hard links), which would keep the old content; give --in-place or --output" \
  file --type u8
cp file other
refuses 1 "'second' has other names (hard links), which would keep the old content; name another --output" \
  other --type u8 --output second
rm second other
for place in "" --in-place --check "--output new"; do
  # shellcheck disable=SC2086
  refuses 1 "'/proc/version' is a file that cannot be mapped, like those of /proc and /sys; sort a copy of it" \
    /proc/version --lines $place
done

# In place, lines want as much memory as they are long: without it nothing is changed, nor does the last get its end.
base64 /dev/urandom | head -c 5M >long
cp long was
expect 1 "acre: sort: not enough memory to sort 'long' so; give more with --memory, or leave --in-place out" \
  sort long --lines --in-place --memory 4M --quiet
cmp -s long was || fail "without enough memory: the file was changed"
rm long was

# As somebody who may not: root may do everything.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >setpriv_path; then
  chmod 755 . && chmod 644 file
  without() { # without LINE ARGUMENT...
    status=0
    setpriv --reuid=65534 --regid=65534 --clear-groups "$ACRE" sort "${@:2}" >out 2>err || status=$?
    [ "$status" -eq 1 ] || fail "without rights: status $status: $*"
    grep -q -F -e "acre: sort: $1" err || fail "without rights: stderr is '$(cat err)' and not '$1'"
    cmp -s file before || fail "without rights: the file was changed"
  }
  if setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$ACRE" -a -r file; then
    without "cannot write to 'file': Permission denied; give --output to sort into another file" file --type u8
    without "cannot open 'file': " file --type u8 --in-place
    without "cannot make a file in '$work': Permission denied; make the directory writable" file --type u8 --output new
    mkdir theirs
    cp before theirs/protected
    chmod 444 theirs/protected
    chown -R 65534:65534 theirs
    without "cannot write 'theirs/protected': Permission denied; check the path" file --type u8 --output theirs/protected
    cmp -s theirs/protected before || fail "a write-protected output was replaced"
    chmod 666 file
    without "cannot make a file in '$work': Permission denied; make the directory writable, or give --output or --in-place" \
      file --type u8
  fi
  # No room: a small file system of its own.
  if unshare -m true 2>/dev/null; then
    mkdir small
    # shellcheck disable=SC2016 # the inner shell expands it
    unshare -m bash -c 'mount -t tmpfs -o size=1M none small && head -c 700000 /dev/urandom >small/file && cp small/file copy &&
      ! "$ACRE" sort small/file --type u8 >out 2>err && cmp small/file copy && [ "$(ls -A small)" = file ] &&
      "$ACRE" sort small/file --type u8 --in-place --quiet && "$ACRE" sort small/file --check --type u8' >out2 2>&1 ||
      fail "a full disk: $(cat out2 err)"
    complains "^acre: sort: no room for a sorted copy of 'small/file'; make some, or sort with --in-place$" "a full disk"
    # Holes, for which the disk has no room: not even with less memory than the file has bytes is a number lost.
    head -c 4M /dev/urandom >holes && truncate -s 8M holes
    for memory in 4M 64M; do
      # shellcheck disable=SC2016
      MEMORY=$memory unshare -m bash -c 'mount -t tmpfs -o size=6M none small && cp --sparse=always holes small/file &&
        ! "$ACRE" sort small/file --type i64 --in-place --quiet --memory $MEMORY >out 2>err && cmp small/file holes' >out2 2>&1 ||
        fail "holes and a full disk: $(cat out2 err)"
      complains "^acre: sort: 'small/file' has holes, and there is no room for what goes into them: No space left on device; make some$" \
        "holes and a full disk"
    done
    # Blocks behind its end are no blocks for its holes.
    truncate -s 6M holes
    # shellcheck disable=SC2016
    unshare -m bash -c 'mount -t tmpfs -o size=8M none small && cp --sparse=always holes small/file &&
      fallocate -n -o 6M -l 2M small/file && head -c 2M /dev/zero >small/rest &&
      ! "$ACRE" sort small/file --type i64 --in-place --quiet --memory 4M >out 2>err && cmp small/file holes' >out2 2>&1 ||
      fail "holes, and blocks behind the end: $(cat out2 err)"
    complains "^acre: sort: 'small/file' has holes, and there is no room for what goes into them: No space left on device; make some$" \
      "holes, and blocks behind the end"
    # shellcheck disable=SC2016
    unshare -m bash -c 'mount -t tmpfs -o ro none small; mount --bind . small && mount -o remount,ro,bind small &&
      ! "$ACRE" sort small/file --type u8 >out 2>err' || fail "a read-only disk"
    complains "^acre: sort: cannot write to 'small/file': Read-only file system; give --output" "a read-only disk"
  fi
fi

# ------------------------------------------------------------- changed meanwhile

whole=3696 # whole numbers, and whole lines of base64
for form in "--type u64" --lines; do
  short="462 u64" all="8,388,608 u64"
  [ "$form" != --lines ] || short="3,696 bytes" all="67,108,864 bytes"
  if [ "$form" = --lines ]; then base64 /dev/urandom | head -c 64M >big; else head -c 64M /dev/urandom >big; fi
  # shellcheck disable=SC2086 # two arguments
  "$ACRE" sort big $form >out 2>err &
  pid=$!
  sleep 0.05 # it may have begun
  for _ in $(seq 200); do
    truncate -s $whole big
    sleep 0.01
    kill -0 $pid 2>/dev/null || break
  done
  status=0
  wait $pid || status=$?
  [ "$(stat -c %s big)" -eq $whole ] || fail "a file that shrinks, $form: it was replaced"
  case $status in
    1)
      grep -q -E "was cut off meanwhile|was changed by somebody else|is not to be had" err ||
        fail "a file that shrinks, $form: $(cat err)"
      ;;
    0) grep -q "^sorted $short \|^sorted $all " out || fail "a file that shrinks, $form: $(cat out)" ;; # cut before or after it
    *) fail "a file that shrinks, $form: status $status, $(cat err)" ;;
  esac
  for left in .acre-sort-*; do
    [ ! -e "$left" ] || fail "a file that shrinks, $form: left behind $left"
  done
done
# In place, before its holes are filled, or its last line gets an end: it is not made longer again.
if command -v strace >/dev/null && strace true 2>/dev/null; then
  for call in fallocate pread64; do
    form="--type i64"
    [ $call = fallocate ] || form=--lines
    tr '\0' x </dev/zero | head -c 1M >big
    [ $call = pread64 ] || truncate -s 8M big
    # shellcheck disable=SC2086 # two arguments
    strace -f -qq -o calls -P "$work/big" -e trace=$call -e inject=$call:delay_enter=1000000 "$ACRE" sort big $form --in-place >out 2>err &
    pid=$!
    sleep 0.4
    truncate -s 64K big
    wait $pid && status=0 || status=$?
    [ "$(stat -c %s big)" -eq 65536 ] ||
      fail "a file that shrinks before it is sorted in place, $form: $(stat -c %s big) bytes, status $status"
  done
  rm big calls
fi
# Somebody who appends to it: in place, what --unique leaves over is cut off, and what is new is not. If that came too
# soon to be told from what is left over, there are whole lines, and each of them.
base64 /dev/urandom | head -n 200000 | awk '{ print substr($0, 1, 20 + NR % 50) }' >half
cat half half | shuf >big
{
  cat half
  echo appended
} | sort -u >all
"$ACRE" sort big --lines --unique --in-place 2>err >out &
pid=$!
for _ in $(seq 200); do
  grep -q "in place" err && break
  sleep 0.01
done
echo appended >>big
status=0
wait $pid || status=$?
grep -q -a '^appended$' big || fail "a file that grows: what was appended is gone, status $status"
sort -u big | cmp -s - all || fail "a file that grows: it has not its lines, status $status"
rm big half all

# Somebody whose stores no time of the file tells, and who makes lines out of one, and one out of two.
cat >scribble <<'END'
import mmap, random, sys

with open(sys.argv[1], "r+b") as file:
    bytes = mmap.mmap(file.fileno(), 0)
    choice = random.Random(1)
    while True:
        bytes[int(choice.random() * len(bytes))] = 10 if choice.random() < 0.3 else 55
END
base64 /dev/urandom | head -c 8M >lines
for form in "--lines --numeric" --lines "--lines --unique" "--lines --memory 4M" "--lines --in-place" "--record 64 --key 0:b20"; do
  cp lines big
  python3 scribble big &
  scribbler=$!
  sleep 0.2
  # shellcheck disable=SC2086 # several arguments
  run sort big $form
  kill $scribbler
  wait $scribbler 2>/dev/null
  case $status in
    0) ;; # not every change is found: the time of a store through a mapping is told once, and in place nothing is asked
    1) complains "^acre: sort: 'big' was changed by somebody else meanwhile; nothing was done: sort it again$" "$form" ;;
    *) fail "a file that changes, $form: status $status, $(cat err)" ;;
  esac
  for left in .acre-sort-*; do
    [ ! -e "$left" ] || fail "a file that changes, $form: left behind $left"
  done
done
finish
