#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What is wrong on the command line, and files and places that can't be used:
# one line each, that says what to do, and the right exit status.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# ------------------------------------------------------------- the command line
run
status_is 2 "no command"
complains '^Usage: acre COMMAND' "no command"
[ ! -s out ] || fail "no command: prints to stdout"
expect 2 "acre: unknown command 'toru'; see 'acre --help'" toru
expect 2 "acre: unknown option '--foo'; see 'acre --help'" --foo
expect 2 "acre: unknown option '-x'; see 'acre --help'" -x
expect 2 "acre: option '--lang' needs a value; see 'acre --help'" --lang
expect 2 "acre: unknown language 'xx'; give en or ko" --lang xx
expect 2 "acre: tour: unknown language 'korean'; give en or ko" tour --lang korean
expect 2 "acre: tour: unknown option '--colour'; see 'acre tour --help'" tour --colour
expect 2 "acre: tour: unknown option '-q'; see 'acre tour --help'" tour -q
expect 2 "acre: tour: unknown option '--pause=1'; see 'acre tour --help'" tour --pause=1
expect 2 "acre: tour: option '--pages' needs a value; see 'acre tour --help'" tour --pages
expect 2 "acre: tour: 'b' is one file too many; give one FILE or none" tour a b
expect 1 "acre: tour: cannot open 'a': No such file or directory; give a readable file" tour a --size 8
expect 2 "acre: info: 'x' is not expected; see 'acre info --help'" info x
expect 2 "acre: unknown command 'a?b'; see 'acre --help'" $'a\nb'

for pages in 0 3 65537 -4 +4 4.0 4K 0x10 "" " 16" 16x 99999999999999999999999999; do
  expect 2 "acre: tour: --pages '$pages': give a number from 4 to 65536" tour --pages "$pages"
done
for size in "" K -8 +8 1.5G 8MB 8k 8KB 8Kibi 0x10 " 8" "8 " nan; do
  expect 2 "acre: tour: --size '$size' is no size; give bytes, or a number with K, M, G or T, such as 512M" \
    tour --size "$size"
done
for size in 18446744073709551616 99999999999999999999999999999 16777216T 9223372036854775808; do
  expect 2 "acre: tour: --size '$size' is more than a file can have; give less, such as 512M" tour --size "$size"
done
for size in 0 0K 1 7 12 1000001; do
  expect 2 "acre: tour: --size '$size': the file holds 8-byte numbers; give a multiple of 8, at least 8" \
    tour --size "$size"
done

# ------------------------------------------------------------- files
expect 1 "acre: tour: cannot open 'x': No such file or directory; give a readable file" tour x
expect 1 "acre: tour: cannot open '': No such file or directory; give a readable file" tour ""
expect 1 "acre: tour: '.' is a directory; give a file of 64-bit numbers" tour .
expect 1 "acre: tour: '/dev/null' is not a regular file; give a file of 64-bit numbers" tour /dev/null
mkfifo pipe
expect 1 "acre: tour: 'pipe' is not a regular file; give a file of 64-bit numbers" tour pipe
: >empty
expect 1 "acre: tour: 'empty' is empty; give a file of 64-bit numbers" tour empty
printf 1234567890123 >odd
expect 1 "acre: tour: 'odd' has 13 bytes, 5 past a multiple of 8; give a file of 64-bit numbers" tour odd
expect 1 "acre: tour: '-' is empty; give a file of 64-bit numbers" tour -- "$(cp empty ./- && echo -)"
printf 12345678 >secret
chmod 0 secret
if [ "$(id -u)" -ne 0 ]; then
  expect 1 "acre: tour: cannot open 'secret': Permission denied; give a readable file" tour secret
elif setpriv --reuid 65534 --regid 65534 --clear-groups true 2>/dev/null; then
  chmod 755 "$work"
  status=0
  cp "$ACRE" acre # the build tree may be closed to others
  setpriv --reuid 65534 --regid 65534 --clear-groups ./acre tour secret 2>err || status=$?
  [ "$status" -eq 1 ] || fail "an unreadable file: status $status"
  [ "$(cat err)" = "acre: tour: cannot open 'secret': Permission denied; give a readable file" ] ||
    fail "an unreadable file: stderr is '$(cat err)'"
fi

# ------------------------------------------------------------- places
TMPDIR=$work/nowhere expect 1 \
  "acre: tour: cannot write to '$work/nowhere', which TMPDIR names; set TMPDIR to a folder that can be written to" tour
run tour --size 4000000T
status_is 1 "a size that no disk has"
complains "^acre: tour: '$TMPDIR' has room for .* and the file needs 3.81 EiB; set TMPDIR" "a size that no disk has"

# ------------------------------------------------------------- the output
for arguments in --version --help "info" "info --json" "tour --size 8"; do
  status=0
  # shellcheck disable=SC2086
  "$ACRE" $arguments >/dev/full 2>err || status=$?
  status_is 1 "acre $arguments >/dev/full"
  complains 'cannot write the output: No space left on device; make room or send it elsewhere$' "acre $arguments >/dev/full"
  [ "$(wc -l <err)" -eq 1 ] || fail "acre $arguments >/dev/full: more than one line"
done
status=0
"$ACRE" info >&- 2>err || status=$?
status_is 1 "a closed stdout"
complains 'cannot write the output' "a closed stdout"
nothing_left "errors"
finish
