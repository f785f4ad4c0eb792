/* SPDX-License-Identifier: MIT */
/*
 * sort_save.h - a new file in the place of an old one, in one step.
 *
 *   begin    a file without a name in the same directory
 *   ...      its content is made
 *   finish   on the disk -> owner, mode, attributes -> a name for a moment -> renamed over the old one -> the
 *            directory is on the disk
 *
 * At every moment the path leads to the old file or to the whole new one, also after a power cut. A kill
 * leaves nothing behind, but between the last name and the renaming: a file .acre-sort-...
 * Where the file system knows no files without names, the new one has that name from the start.
 */
#ifndef ACRE_TOOL_SORT_SAVE_H
#define ACRE_TOOL_SORT_SAVE_H

#include <stdbool.h>

#include "system/system.h"

struct sort_save {
  char path[SYSTEM_PATH];   /* what is replaced, links followed */
  char folder[SYSTEM_PATH]; /* where it is */
  char made[SYSTEM_PATH];   /* by which the new file can be opened until it is finished */
  int fd;                   /* of the new file */
  bool is_unnamed;
};

/* Begins to replace `path`, or to make it. False: it has complained. */
bool sort_save_begin(struct sort_save *save, const char *path);

/*
 * Ends it: the new file gets what the old one has, which is open as `like_fd` (-1: a new file's own) and is closed, and takes
 * its place. The old one must not be mapped. False: it has complained, and the old file is as it was.
 */
bool sort_save_finish(struct sort_save *save, int like_fd);

/* Gives the new file up; after sort_save_finish it does nothing. */
void sort_save_drop(struct sort_save *save);

#endif
