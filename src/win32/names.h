/* SPDX-License-Identifier: MIT */
/*
 * names.h - names of sections, events, mutexes and semaphores.
 *
 * "Local\x" and "x" are the same; "Global\x" is its own. What is read is written so that a file may be called
 * that, too: names of sections are files' in the end.
 */
#ifndef ACRE_WIN32_NAMES_H
#define ACRE_WIN32_NAMES_H

#include "win32/win32.h"

enum { ACRE_NAME_ROOM = 201 };

/* An object is made with it; *out is empty: it has none. False: no name can be so; the last error is set. */
bool acre__name_to_make(const char *name, char out[ACRE_NAME_ROOM]);

/* An object is looked for. False as well if there is no name. */
bool acre__name_to_open(const char *name, char out[ACRE_NAME_ROOM]);

#endif
