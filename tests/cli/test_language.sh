#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Which language the command speaks, by the rules of gettext; a catalogue that
# is whole; and one that is missing or broken, which must do no harm.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

catalogue=$(dirname "$ACRE")/../share/locale/ko/LC_MESSAGES/acre.mo
if [ ! -e "$catalogue" ]; then
  echo "skipped: built without msgfmt (gettext), so there is no Korean"
  exit 77
fi

speaks() { # speaks LANGUAGE VARIABLE=VALUE...
  local language=$1 line
  shift
  line=$(env -u LANG "$@" "$ACRE" --help | head -n 1)
  case $language,$line in
    en,Usage:* | ko,사용법:*) ;;
    *) fail "$*: speaks not $language: '$line'" ;;
  esac
}
speaks en
speaks en LANG=C
speaks en LANG=en_US.UTF-8
speaks en LANG=ja_JP.UTF-8
speaks en LANG=kok_IN.UTF-8
speaks ko LANG=ko
speaks ko LANG=ko_KR
speaks ko LANG=ko_KR.UTF-8
speaks ko LANG=ko_KR.utf8
speaks ko LANG=ko_KR@x
speaks ko LC_MESSAGES=ko_KR.UTF-8 LANG=C
speaks en LC_MESSAGES=en_US.UTF-8 LANG=ko_KR.UTF-8
speaks en LC_ALL=C LANG=ko_KR.UTF-8
speaks en LC_ALL=C.UTF-8 LANG=ko_KR.UTF-8
speaks ko LC_ALL=ko_KR.UTF-8 LANG=C
speaks ko LC_ALL= LANG=ko_KR.UTF-8
speaks ko LANGUAGE=ko LANG=en_US.UTF-8
speaks ko LANGUAGE=de:ko:en LANG=en_US.UTF-8
speaks en LANGUAGE=en:ko LANG=ko_KR.UTF-8
speaks en LANGUAGE=ko LANG=C

# What the option says counts more than all of that, on either side of the command.
LC_ALL=C expect 2 "acre: tour: '--pages' 옵션에는 값이 필요합니다. 'acre tour --help'를 참고하십시오" \
  tour --lang ko --pages
LC_ALL=C expect 2 "acre: tour: '--pages' 옵션에는 값이 필요합니다. 'acre tour --help'를 참고하십시오" \
  --lang ko tour --pages
LANG=ko_KR.UTF-8 expect 2 "acre: unknown command 'x'; see 'acre --help'" --lang en x
LANG=ko_KR.UTF-8 expect 1 "acre: tour: 'x'을(를) 열 수 없습니다: 그런 파일이나 디렉터리가 없습니다. 읽을 수 있는 파일을 지정하십시오" \
  tour x

# Every text has its translation: those of the command, and of the results that it shows (in result.c the texts
# with a space; the others are names).
po=$source/tools/acre/po/ko.po
xgettext --from-code=UTF-8 -k_ -kN_ -o texts.pot "$source"/tools/acre/*.c "$source"/tools/acre/system/*/*.c || fail "xgettext"
xgettext --from-code=UTF-8 -a -o results.pot "$source/src/base/result.c" || fail "xgettext of the results"
msgcmp --use-untranslated "$po" texts.pot 2>untranslated ||
  fail "texts of the command without a translation: $(grep -v 'warning: this message is not used' untranslated)"
texts() { # texts FILE: its English texts of one line
  msgcat --no-wrap "$1" | sed -n 's/^msgid "\(.\{1,\}\)"$/\1/p' | LC_ALL=C sort -u
}
msgattrib --no-fuzzy --translated --no-obsolete "$po" -o translated.po || fail "msgattrib"
texts translated.po >translated
texts results.pot | grep ' ' >results
[ "$(texts texts.pot | wc -l)" -gt 200 ] || fail "xgettext finds but $(texts texts.pot | wc -l) texts of the command"
[ "$(wc -l <results)" -gt 30 ] || fail "xgettext finds but $(wc -l <results) texts of results"
LC_ALL=C comm -23 results translated >missing
[ ! -s missing ] || fail "results without a translation: $(head -n 3 missing)"

# ------------------------------------------------------------- catalogues that are missing or broken
mkdir -p bin share/locale/ko/LC_MESSAGES
cp "$ACRE" bin/acre
ACRE=$work/bin/acre
here=share/locale/ko/LC_MESSAGES/acre.mo
missing="acre: no texts in 'ko' where the command is installed; install it with its share/locale, or give --lang en"
expect 2 "$missing" --lang ko --help
speaks en LANG=ko_KR.UTF-8
cp "$catalogue" "$here"
speaks ko LANG=ko_KR.UTF-8
size=$(wc -c <"$catalogue")
for length in 0 3 4 19 20 27 28 1000 $((size / 2)) $((size - 1)); do
  head -c "$length" "$catalogue" >"$here"
  expect 2 "$missing" --lang ko --help
  speaks en LANG=ko_KR.UTF-8
done
# Each byte of the header and of the first entries set to 255: refused, or harmless.
for offset in $(seq 0 63); do
  cp "$catalogue" "$here"
  printf '\377' | dd of="$here" bs=1 seek="$offset" conv=notrunc status=none
  run --lang ko --help
  [ "$status" -eq 0 ] || [ "$status" -eq 2 ] || fail "a catalogue with a wrong byte at $offset: status $status"
done
finish
