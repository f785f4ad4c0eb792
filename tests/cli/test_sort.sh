#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# acre sort: every type, order and form against od and the system's sort; and
# what it does to the file's properties.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
export LC_ALL=C

head -c 100000 /dev/urandom >random

same() { # same FILE FILE NAME
  cmp -s "$1" "$2" || fail "$3: not sorted as it should be"
}

# sorted_well NAME ARGUMENT...: sorts `file`, and says nothing.
sorted_well() {
  local name=$1
  shift
  run sort file --quiet "$@"
  status_is 0 "$name"
  is_silent "$name"
}

# ------------------------------------------------------------- numbers

# numbers TYPE ENDIAN FILE: one a line. Of floats, without NaNs, which are counted on stderr.
numbers() {
  local letter=${1:0:1} bytes=$((${1:1} / 8)) format
  case $letter in
    i) format=d$bytes ;;
    u) format=u$bytes ;;
    f) format=f$bytes ;;
  esac
  od -An -v -t "$format" -w"$bytes" --endian="$2" "$3" | grep -v -i nan
}

for type in i8 i16 i32 i64 u8 u16 u32 u64 f32 f64; do
  for endian in little big; do
    for reverse in "" --reverse; do
      for place in "" --in-place --output=other; do
        name="$type $endian $reverse $place"
        by=n
        [ "${type:0:1}" = f ] && by=g
        numbers $type $endian random | sort -s -$by ${reverse:+-r} >wanted
        cp random file
        if [ -n "$place" ]; then
          sorted_well "$name" --type $type --endian $endian $reverse $place
        else
          sorted_well "$name" --type $type --endian $endian $reverse
        fi
        result="file"
        [ "$place" = --output=other ] && result=other && same random file "$name, the input"
        numbers $type $endian $result >got
        same wanted got "$name"
        run sort $result --check --type $type --endian $endian $reverse
        status_is 0 "--check of $name"
        # NaNs are behind all others: none in the first part.
        count=$(wc -l <got)
        head -c $((count * ${type:1} / 8)) $result >front
        [ "$(numbers $type $endian front | wc -l)" -eq "$count" ] || fail "$name: NaNs are not last"
      done
    done
  done
done

# As keys of records the types order alike.
for type in i8 i16 i32 i64 u8 u16 u32 u64 f32 f64; do
  for endian in little big; do
    cp random file
    sorted_well "key $type" --type $type --endian $endian
    numbers $type $endian file >wanted
    cp random file
    sorted_well "key $type" --record $((${type:1} / 8)) --key 0:$type --endian $endian
    numbers $type $endian file >got
    same wanted got "a key of $type, $endian"
  done
done

# ------------------------------------------------------------- records

hex() { # hex RECORD FILE
  od -An -v -t x1 -w"$1" "$2"
}
tr '\000-\377' '\000-\003' <random >few # many records alike
for place in "" --in-place; do
  cp few file
  hex 100 file | sort -s -k1,10 >wanted
  sorted_well "b10" --record 100 --key 0:b10 $place
  hex 100 file >got
  same wanted got "records with a key of 10 bytes $place"
  head -c 80000 few >file
  hex 16 file | sort -s -k4,4 -k8,9 -k1,3 >wanted
  sorted_well "three keys" --record 16 --key 3:b1,7:u16 --key 0:b3 --endian big --stable $place
  hex 16 file >got
  same wanted got "records with three keys $place"
  head -c 80000 few >file
  hex 40 file | sort -s -r -k5,25 >wanted
  sorted_well "reverse" --record 40 --key 4:b21 --reverse $place
  hex 40 file >got
  same wanted got "records in reverse $place"
  head -c 80000 random >file
  od -An -v -t d1 -w8 file | sort -s -n -k1,1 -k2,2 -k8,8 >wanted
  sorted_well "i8 keys" --record 8 --key 0:i8,1:i8,7:i8 $place
  od -An -v -t d1 -w8 file >got
  same wanted got "records with keys of i8 $place"
done

# ------------------------------------------------------------- lines

{
  base64 random
  seq 5000 | tr '1-9' 'a-c'
  seq 3000
  seq -3000 -1
  printf '%s\n' '' ' ' - -0 0 0.0 00012 12 12.0 -12.50 -12.5x ' 7' .5 -.5 11111111111111111111111111111111 'common prefix' \
    'common prefi' 'common prefix long' 12345678 1234567 123456789 x
  printf 'a\0b\na\0\na\n\377\n'
  sed 's/.*/a long common beginning of many lines &/' <(seq 2000)
} >lines
{
  cat lines
  printf 'the last one has no end'
} >lines2
for input in lines lines2; do
  for numeric in "" --numeric; do
    for unique in "" --unique; do
      for reverse in "" --reverse; do
        for place in "" --in-place --memory=4M; do
          name="$input $numeric $unique $reverse $place"
          sort ${numeric:+-n} ${unique:+-u} ${reverse:+-r} $input >wanted
          cp $input file
          # shellcheck disable=SC2086 # none is no argument
          sorted_well "$name" --lines $numeric $unique $reverse $place
          same wanted file "$name"
          # shellcheck disable=SC2086
          run sort file --lines --check $numeric $unique $reverse
          status_is 0 "--check of $name"
        done
      done
    done
  done
done

# ------------------------------------------------------------- enough for several threads

for _ in $(seq 160); do cat random; done >large # 16 MB
base64 large | head -c -1 >lines
sort lines >wanted
cp lines file
sorted_well "many lines" --lines
same wanted file "many lines, the last without an end"
sort -u -r lines >wanted
cp lines file
sorted_well "many lines, each once" --lines --unique --reverse
same wanted file "many lines, each once, in reverse"
awk 'BEGIN {
  for (i = 0; i < 200000; i++)
    printf "%s%d.%0*d %d\n", i % 7 ? "" : "-", rand() * 9, rand() * 9, rand() * 9, rand() * 99
}' >lines
for rest in "" --reverse --unique; do
  sort -n ${rest:+-${rest:2:1}} lines >wanted
  cp lines file
  sorted_well "many numbers" --lines --numeric $rest
  same wanted file "many lines with few numbers $rest"
done
head -c 1000000 /dev/zero | tr '\0' a >beginning
for i in $(seq 30); do
  cat beginning
  echo $((i * 7919 % 31))
done >file
sort file >wanted
sorted_well "a long beginning" --lines
same wanted file "lines with a long beginning in common"
tr '\000-\377' '\000-\003' <large >alike # further than a piece of a key
hex 100 alike | sort -s -k1,20 >wanted
for place in "" --in-place; do
  cp alike file
  sorted_well "many records" --record 100 --key 0:b20 $place
  hex 100 file >got
  same wanted got "many records $place"
done

# ------------------------------------------------------------- more than memory has room for

cp large file
sorted_well "runs of numbers" --type u64
cp file wanted
cp large file
sorted_well "runs of numbers" --type u64 --memory 4M
same wanted file "numbers in 4M"
cp large file
sorted_well "records" --record 100 --key 10:b12,0:i32
cp file wanted
cp large file
sorted_well "runs of records" --record 100 --key 10:b12,0:i32 --memory 4M
same wanted file "records in 4M"
base64 large >file
sort file >wanted
sorted_well "runs of lines" --lines --memory 4M
same wanted file "lines in 4M"
cp wanted file
sort -u wanted >once
sorted_well "runs of lines, each once" --lines --unique --memory 4M
same once file "lines in 4M, each once"

# More runs than there is room to merge at a time: they become longer ones first, several times.
for form in "--record 1M --key 1:b3" "--record 512K --key 5:u64 --reverse" "--record 448K --key 0:i8"; do
  head -c 14M alike >file
  # shellcheck disable=SC2086 # several arguments
  run sort file --output wanted --quiet $form
  # shellcheck disable=SC2086
  sorted_well "runs of long records" --memory 4M $form
  same wanted file "more runs than can be merged, $form"
done
for i in $(seq 14); do
  cat beginning
  echo $((i * 7919 % 17))
done >long
for unique in "" --unique; do
  cp long file
  sort ${unique:+-u} long >wanted
  # shellcheck disable=SC2086 # none is no argument
  sorted_well "runs of long lines" --lines --memory 4M $unique
  same wanted file "more runs of lines than can be merged $unique"
done

# On a terminal a bar tells the rate and the time left, and never goes back.
if command -v script >script_path; then
  cat large large large | base64 >lines
  script -qec "'$ACRE' sort lines --lines --memory 4M --output shown" bar </dev/null >terminal
  tr '\r' '\n' <terminal | sed -n 's/.*sorting .*\] *\([0-9]*\) %.*/\1/p' >shares
  sort -n -c shares || fail "the bar goes back: $(tr '\n' ' ' <shares)"
  tr '\r' '\n' <terminal | grep -q '%  [0-9.]* [KMG]iB/s, [0-9]*:[0-9][0-9] left' || fail "the bar tells no time"
fi

# In a group of processes that may have no more than a few times that, where such groups can be made. (A sanitizer
# takes more itself.)
group=/sys/fs/cgroup/memory/acre-test-$$
if ! grep -qa "__[at]san_init" "$ACRE" && mkdir "$group" 2>/dev/null && echo 24M >"$group/memory.limit_in_bytes"; then
  cp large file
  run sort large --output wanted --type u32 --quiet
  (echo "$BASHPID" >"$group/cgroup.procs" && exec "$ACRE" sort file --type u32 --quiet --memory 8M) 2>err ||
    fail "in a group of 24M: status $?, $(cat err)"
  same wanted file "in a group of 24M"
fi
[ ! -d "$group" ] || rmdir "$group"

# ------------------------------------------------------------- what the file is

cp random file
chmod 640 file
ln -s file link
touch -d '2001-01-01' file
inode=$(stat -c %i file)
run sort link --type u32
status_is 0 "a link"
has '^sorted 25,000 u32 (97.7 KiB) in '
[ -L link ] || fail "the link was replaced"
[ "$(stat -c %a file)" = 640 ] || fail "the mode was not kept"
[ "$(stat -c %i file)" != "$inode" ] || fail "the file was not replaced"
[ "$(stat -c %Y file)" -gt 1000000000 ] || fail "its time is the old one"
run sort link --check --type u32
status_is 0 "through the link"
has "^'link' is sorted$"
if setfattr -n user.test -v kept file 2>/dev/null; then
  run sort file --type u32 --reverse
  [ "$(getfattr --only-values -n user.test file 2>/dev/null)" = kept ] || fail "an attribute was lost"
fi
# A directory that gives its new files an access list: user 65534 may read and write, others nothing.
acl=0x0200000001000700ffffffff02000600feff000004000500ffffffff10000700ffffffff20000000ffffffff
mkdir given
if setfattr -n system.posix_acl_default -v $acl given 2>/dev/null; then
  cp random given/like && cp random given/own
  setfattr -x system.posix_acl_access given/own
  chmod 660 given/own
  for name in own like; do
    getfattr -d -m - given/$name >wanted
    run sort given/$name --type u32 --quiet
    status_is 0 "a directory with a list: $name"
    getfattr -d -m - given/$name >got
    same wanted got "the access list of $name"
  done
  [ "$(stat -c %a given/own)" = 660 ] || fail "the mode of a file without a list was not kept"
  : >given/made
  run sort random --type u32 --quiet --output given/new
  [ "$(stat -c %a given/new)" = "$(stat -c %a given/made)" ] || fail "a new file does not heed the directory's list"
fi
if [ "$(id -u)" -eq 0 ]; then
  chown 12345:23456 file
  run sort file --type u32
  [ "$(stat -c %u:%g file)" = 12345:23456 ] || fail "the owner was not kept"
fi
inode=$(stat -c %i file)
run sort file --type u16 --in-place --quiet
[ "$(stat -c %i file)" = "$inode" ] || fail "--in-place has made a new file"
run sort file --type u32 --in-place
complains "^acre: sort: sorting 'file' in place; kill -9 or a power cut meanwhile would cost records, Ctrl-C would not$" "--in-place"
rm -f other
(umask 027 && run sort file --type u32 --output other)
[ "$(stat -c %a other)" = 640 ] || fail "a new file does not heed the umask"
: >empty
for form in "--type u64" "--record 5 --key 0:b5" --lines; do
  for place in "" --in-place --check "--output empty2"; do
    # shellcheck disable=SC2086
    run sort empty --quiet $form $place
    status_is 0 "an empty file $form $place"
    [ ! -s empty ] || fail "the empty file has something in it"
  done
done
[ -e empty2 ] || fail "no empty output was made"

printf 'b\na\nc\n' >file
expect 1 "acre: sort: 'file' is not sorted: number 1, counted from 0, does not belong behind the one before it" \
  sort file --check --lines
printf 'a\na\n' >file
run sort file --check --lines
status_is 0 "lines alike"
run sort file --check --lines --unique
status_is 1 "lines alike with --unique"
for file in .acre-sort-* "$TMPDIR"/*; do
  [ ! -e "$file" ] || fail "left behind: $file"
done
finish
