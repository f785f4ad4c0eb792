#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# acre tour: every check of it holds, in both languages and for the user's own
# file, which stays as it is; and where a step goes wrong, it says so and fails.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# holds NAME ARGUMENT...: the tour's checks all hold, in text that fits a terminal, and nothing is left behind.
holds() {
  local name=$1
  shift
  run tour "$@" </dev/null
  [ "$status" -eq 0 ] || fail "$name: status $status, $(grep 'FAILED\|실패' out err)"
  [ ! -s err ] || fail "$name: stderr is '$(cat err)'"
  sed -i '/"\/.*acre-tour\./d' out # the line with the file's path is as long as that
  fits_width "$name"
  grep -q $'\033' out && fail "$name: colours in a file"
  nothing_left "$name"
}

holds "English" --size 1M
has '^All [0-9]* checks held: every step did what it says\.$'
for chapter in 1 2 3 4 5 6 7 8 9; do has "^$chapter\. .* ==*$"; done
checks=$(grep -c '^    ok ' out)
has "^All $checks checks held"
has '^    before \[\.\{16\}\]$'
has '^    after  \[-\{16\}\]$'
has '^    after  \[####++++-------#\]$'

holds "Korean" --size 1M --lang ko
[ "$(grep -c '^    확인 ' out)" -eq "$checks" ] || fail "Korean: other checks than in English"
grep '[a-z]' out | grep -v '//\|acre_\|numbers_\|array\|->\|memset\|base +' | grep -q ' the \| is \| and ' &&
  fail "Korean: English sentences in it"

holds "smallest" --size 8 --pages 4
holds "more pages than cells" --size 64K --pages 1001
has 'one cell: 16 pages'
holds "most pages" --size 1M --pages 65536
holds "pauses, and the input ends" --size 8 --pause
"$ACRE" tour --size 8 --pause >out 2>err < <(yes '') || fail "pauses: status $?"
has 'Press Enter to go on'

for options in commit=mprotect commit=guard query=proc,populate=touch; do
  export ACRE_OPTIONS=$options
  holds "$options" --size 1M
done
unset ACRE_OPTIONS

# ------------------------------------------------------------- the user's file
mkdir mine
head -c 800000 /dev/urandom >"mine/my numbers"
cp "mine/my numbers" original
holds "a file" "mine/my numbers" --size 1M
has "'mine/my numbers' holds 100,000 numbers"
cmp -s original "mine/my numbers" || fail "a file: it was changed"
[ "$(ls mine)" = "my numbers" ] || fail "a file: left behind $(ls mine)"
(cd mine && "$ACRE" tour "my numbers" --size 1M >../out 2>../err) || fail "a file in the working directory: status $?"
[ "$(ls mine)" = "my numbers" ] || fail "a file in the working directory: left behind $(ls mine)"
head -c 8 original >one
holds "one number" one --size 8
ln -s mine/"my numbers" link
holds "a link to a file" link --size 8
[ -L link ] || fail "a link: it was replaced"

# ------------------------------------------------------------- a step that goes wrong
# The file may not be as large as it should: that step fails, says so, and so does the tour.
status=0
(ulimit -f 64 && "$ACRE" tour --size 1M 2>err) | cat >out || status=$?
[ "$status" -eq 1 ] || fail "a file over the limit: status $status"
grep -q '^    FAILED ' out || fail "a file over the limit: no line is marked FAILED"
has 'ACRE_E_FILE_TOO_LARGE'
has '^[0-9]* of [0-9]* checks FAILED'
nothing_left "a file over the limit"
finish
