#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Help and version: exact where they are short, a screen at most, in both languages.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

run --version
status_is 0 "--version"
grep -qx 'acre [0-9]*\.[0-9]*\.[0-9]*' out || fail "--version prints '$(cat out)'"

run info --help
cat >wanted <<'END'
Usage: acre info [OPTION]...
Shows the system's figures, and how Acre works on this machine.

Options:
      --json        print JSON: sizes in bytes, addresses as numbers
      --no-color    no colours (also: the variable NO_COLOR)
      --lang LANG   speak LANG: en or ko (default: the locale's language)
  -h, --help        show this help

The variable ACRE_OPTIONS forces other mechanisms, and sets limits: for example
commit=mprotect,commit_limit=2G. acre(1) has all of its keys.
END
cmp -s wanted out || fail "info --help prints: $(diff wanted out)"

keys=$(sed -nE 's/^ +[A-Z]+\("([a-z_]+)",.*/\1/p' "$ACRE_SOURCE/src/vm/options.c" | sort -u)
[ "$(wc -l <<<"$keys")" -ge 11 ] || fail "the keys of ACRE_OPTIONS are not found: '$keys'"
for key in $keys; do
  grep -q "^.It .*\b$key=" "$ACRE_SOURCE/tools/acre/acre.1" || fail "acre(1) does not have '$key' of ACRE_OPTIONS"
  grep -q "^| .$key. |" "$ACRE_SOURCE/docs/options.md" || fail "docs/options.md does not have '$key' of ACRE_OPTIONS"
done

for language in en ko; do
  for command in "" tour info sort run; do
    # shellcheck disable=SC2086
    run --lang $language $command --help
    status_is 0 "--lang $language $command --help"
    is_silent "--lang $language $command --help"
    [ -s out ] || fail "--lang $language $command --help: prints nothing"
    fits_screen "--lang $language $command --help"
  done
done

# Help wins over what else is on the line, in the language that any of it asks for.
run tour --help --lang ko
has '^사용법: acre tour'

# Every option that the help names is known, and the manual names it too.
sed 's/\\-/-/g; s/Fl -/--/g' "$source/tools/acre/acre.1" >manual
for command in tour info sort run; do
  run "$command" --help
  grep -o -e '--[a-z][a-z-]*' out | sort -u >options
  [ "$(wc -l <options)" -ge 4 ] || fail "$command --help names but $(wc -l <options) options"
  while read -r option; do
    "$ACRE" "$command" "$option" --help >/dev/null 2>message
    grep -q "unknown option '$option'" message && fail "$command --help names $option, which is unknown"
    grep -q -e "^\.It .*$option\\>" manual || fail "the manual's list of options does not have $option"
  done <options
done
finish
