/* SPDX-License-Identifier: MIT */
/*
 * The one temporary file of a run. It is removed when the program ends: by
 * temp_file_remove, at exit, and by every signal that ends a program and can be
 * caught. (SIGKILL can't be: the file stays then.)
 */
#ifndef ACRE_TOOL_TEMP_FILE_H
#define ACRE_TOOL_TEMP_FILE_H

#include <stdbool.h>

/* Makes an empty file with a name of its own in `folder`: the prefix and six characters. At most one at a time. false: errno says why. */
bool temp_file_make(const char *folder, const char *prefix);

/* Gives such a name to an open file that has none (O_TMPFILE). false: errno says why. */
bool temp_file_link(int fd, const char *folder, const char *prefix);

/* Renames it to `path`, whatever is there: from then on it is temporary no more. false: errno says why. */
bool temp_file_rename(const char *to);

/* Its path, good until it is removed. */
const char *temp_file_path(void);

/* Removes it if there is one. false: it is still there, and errno says why. */
bool temp_file_remove(void);

#endif
