/* SPDX-License-Identifier: MIT */
/*
 * files.h - open files.
 *
 *   handle --> file [ descriptor | access | file of Acre's, once a section is made of it ]
 *
 * Share modes hold between all programs of Acre: an open file has shared locks on bytes
 * far behind its end, one for each right that it uses and each that it denies others
 * (open file description locks, which no program's own locks collide with):
 *
 *   byte      +0 reads  +1 writes  +2 deletes   +3 denies reading  +4 denies writing  +5 denies deleting
 *
 * An opener takes its own first and then looks for a contradiction, so of two that come at
 * once at most one gets in. File systems without such locks have no share modes.
 */
#ifndef ACRE_WIN32_FILES_H
#define ACRE_WIN32_FILES_H

#include "win32/handles.h"

struct acre__win32_file {
  struct acre__object object;
  int fd;
  bool reads, writes, appends;
  bool standard;     /* one of the process's three streams: not closed */
  char *delete_path; /* to be deleted with the last handle; NULL: not */
  acre_file *_Atomic file;
};

/* The file as Acre's, with the file's own access; stays the file's. NULL with the last error. */
acre_file *acre__file_of(struct acre__win32_file *file);

/* The Win32 error of an errno. */
DWORD acre__errno_error(int error);

/* The same where `path` led nowhere: a folder that is missing has an error of its own, and so has a file in it. */
DWORD acre__path_error(const char *path, int error);

/* A path in UTF-8 as Linux wants it: separators of both kinds are '/'. False: no memory, or no path; the last error is set. */
bool acre__path_from(const char *path, char **out);

#endif
