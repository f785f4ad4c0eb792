/* SPDX-License-Identifier: MIT */
/*
 * win.h - what the files of the Windows backend share. Included first, as it
 * asks the system's headers for what Windows 10 has.
 *
 * Names are UTF-8 above and UTF-16 below; text.c has the one way over.
 */
#ifndef ACRE_OS_WINDOWS_WIN_H
#define ACRE_OS_WINDOWS_WIN_H

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#undef _WIN32_WINNT
#define _WIN32_WINNT 0x0A00
#undef NTDDI_VERSION
#define NTDDI_VERSION 0x0A000006 /* 1809 */
#include <windows.h>

#include "os/os.h"

/* ------------------------------------------------------------- error.c */

/* The one table from the system's errors to results. */
acre_result acre__windows_error(DWORD error);

/* ACRE_OK, or what the call that was not done has left as the thread's last error. */
static inline acre_result acre__windows_result(bool done) {
  return done ? ACRE_OK : acre__windows_error(GetLastError());
}

/* ------------------------------------------------------------- process.c */

struct acre__windows_switches {
  bool no_placeholders;
};
extern struct acre__windows_switches acre__windows_switches;

/* ------------------------------------------------------------- text.c */

enum { ACRE_WINDOWS_PATH = 2048 }; /* UTF-16 units of a path, its end included */

/* UTF-8 to UTF-16. False: it is no UTF-8, or too long. */
bool acre__windows_widen(const char *text, wchar_t *out, size_t size);

/* UTF-16 to UTF-8, cut where `out` ends, NUL-terminated. Returns the whole length. */
size_t acre__windows_narrow(const wchar_t *text, char *out, size_t size);

/* ------------------------------------------------------------- memory.c */

DWORD acre__windows_protection(acre_vm_protection protection, bool copy_on_write);

/* ------------------------------------------------------------- pieces.c */

/*
 * Whether the system has placeholders: reservations that are cut, joined and
 * replaced with no moment in which their addresses are free (Windows 10 1803).
 */
bool acre__windows_has_placeholders(void);

/* What one call of the system has made of addresses, and what one call takes away. */
struct acre__piece {
  char *start, *end;
  enum acre__piece_kind {
    ACRE_PIECE_FREE,        /* up to the next one */
    ACRE_PIECE_PLACEHOLDER, /* reserved, and nothing else yet */
    ACRE_PIECE_PRIVATE,     /* reserved; pages of it may be committed */
    ACRE_PIECE_VIEW,
    ACRE_PIECE_COPY_VIEW, /* whose pages become the program's own when they are written */
  } kind;
};

static inline bool acre__piece_is_view(const struct acre__piece *piece) {
  return piece->kind == ACRE_PIECE_VIEW || piece->kind == ACRE_PIECE_COPY_VIEW;
}

/* The piece that holds `address`, its end known as far as `limit`: with `end` above that, it goes on. */
struct acre__piece acre__piece_at(char *address, char *limit);

/* Reserves, as acre__os_reserve says. */
acre_result acre__pieces_reserve(void *wish, size_t size, enum acre__os_place place, void **out);

/* Placeholders of the range become reservations whose pages may be committed. */
acre_result acre__pieces_make_private(char *start, char *end);

/* Makes [start, at) and [at, end), which are reserved, two pieces, where that can be done with no moment in between. */
void acre__pieces_part(char *start, char *end, char *at);

/* Between the two no reservation is free for a moment. Not around another function of this file. */
void acre__pieces_keep(void);
void acre__pieces_let_go(void);

/* Gives the range back; views that reach beyond it can't be cut: ACRE_E_NOT_SUPPORTED. */
acre_result acre__pieces_release(char *start, char *end);

/* A view that is wholly in the range becomes reserved addresses. */
acre_result acre__pieces_unmap(const struct acre__piece *view);

struct acre__section_part {
  HANDLE section;
  uint64_t offset;
  uint64_t section_end; /* in bytes: the last page of a view may have fewer */
  DWORD protection;
};

/* Maps it over the range, whatever is reserved or private there. Results as acre__os_map_file. */
acre_result acre__pieces_map(char *start, char *end, const struct acre__section_part *part);

/* Maps it anywhere, or at a wish that is free. */
acre_result acre__pieces_map_anywhere(void *wish, size_t size, const struct acre__section_part *part, void **out);

#endif
