#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every misuse program (misuse/) gets the line that its own comments say, under
# each check they name, with stack traces that lead into the program, and dies
# of the right signal; and docs/misuse.md lists those that pass silently, and no others.
#
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
programs=$source/tests/check/misuse

# expect_told PROGRAM CHECK LINE
expect_told() {
  local program=$1 check=$2 line=$3 told
  run --quiet "--$check" -- "./$program"
  told=$(grep -a '^acre: ' err | grep -av '^acre: run: ' | sed -E 's/^acre: //; s/0x[0-9a-f]+/ADDR/g' || true)
  case $line in
    silent:*)
      [ -z "$told" ] || fail "$program $check: '$told', and not silent"
      [ "$status" = 0 ] || fail "$program $check: status $status, and silent"
      echo "$program|$check" >>silent
      ;;
    *)
      [ "$told" = "$line" ] || fail "$program $check: '$told', not '$line'"
      case $line in # at the instruction, or by the library
        *": read at ADDR, "* | *": write at ADDR, "*) [ "$status" = 139 ] || fail "$program $check: status $status, not a fault" ;;
        *) [ "$status" = 134 ] || fail "$program $check: status $status, not an abort" ;;
      esac
      has_stacks "$program" "$check" "$line"
      ;;
  esac
}

# The stacks that there must be, each with a line of the program's.
has_stacks() {
  local wanted=1
  case $3 in
    *"use after free"* | *"double free"* | *"which is free") wanted=3 ;;
    *"block of "*" byte"*) wanted=2 ;;
  esac
  found=$(awk '/^  [a-z]/ { open = 1 } / at .*misuse\.h:|'" at .*$1"'\.(c|cc):/ { if (open) n++; open = 0 } END { print n + 0 }' err)
  # What only the end of the program has found has nobody of the program's to show.
  case $3 in *"found by the end") wanted=$((wanted - 1)) ;; esac
  [ "$found" -ge "$wanted" ] || {
    fail "$1 $2: $found stacks lead into the program, not $wanted"
    sed 's/^/    /' err
  }
}

count=0
for program in "$programs"/*.c "$programs"/*.cc; do
  name=$(basename "${program%.*}")
  compiler=$CC
  [ "${program##*.}" = c ] || compiler=${CXX:-c++}
  "$compiler" -O0 -g -w -pthread -o "$name" "$program"
  for check in page-heap check; do
    grep -qE "^ \\* $check: " "$program" || fail "$name: it does not say what is told by --$check"
  done
  while IFS= read -r line; do
    check=${line#\ \* }
    expect_told "$name" "${check%%:*}" "${check#*: }"
  done < <(grep -E '^ \* (page-heap(=[a-z]+)?|check): ' "$program")
  count=$((count + 1))
done
[ "$count" -ge 60 ] || fail "only $count programs"

# | `program` | `--page-heap` | why |
# shellcheck disable=SC2016 # the quotes are the table's
sed -nE 's/^\| `([a-z_]+)` \| `--([a-z=-]+)` \|.*/\1|\2/p' "$source/docs/misuse.md" | sort >listed
sort silent | diff listed - >difference || fail "docs/misuse.md lists others than pass silently: $(cat difference)"

echo "$count programs, $(wc -l <silent) silences"
finish_checks
