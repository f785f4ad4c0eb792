/* SPDX-License-Identifier: MIT */
/*
 * The command's texts in the user's language.
 *
 * Texts are English in the source, inside _(); po/ko.po holds the Korean ones,
 * made into a catalogue by gettext's msgfmt and found beside the executable, in
 * ../share/locale. The catalogue is looked up here and not by gettext(3): that
 * answers only where the system has a locale of the language generated (from
 * glibc 2.39 on not even C.UTF-8 with LANGUAGE will do), and a fresh system has none.
 *
 * Formats inside _() use no PRI macros: gettext marks those as depending on the
 * system, in a part of the catalogue that is not read here. %p, %zu and %s do.
 * Translations keep the order of the arguments: mingw-w64's printf knows no %2$s.
 */
#ifndef ACRE_TOOL_MESSAGE_H
#define ACRE_TOOL_MESSAGE_H

enum message_result { MESSAGE_OK, MESSAGE_UNKNOWN_LANGUAGE, MESSAGE_NO_CATALOGUE };

/*
 * Sets the language of all texts. `asked`: "ko", "en", or a locale's name such
 * as "ko_KR.UTF-8". NULL: what LC_ALL, LC_MESSAGES, LANG and LANGUAGE say, by
 * gettext's rules; English where they name no language of ours.
 */
enum message_result message_set_language(const char *asked);

/* The text in the language that is set; `text` itself where there is none. The result is never freed. */
const char *message(const char *text) __attribute__((format_arg(1)));

#define _(text) message(text)
#define N_(text) text /* marks a text that a table holds and _() translates later */

#endif
