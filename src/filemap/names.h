/* SPDX-License-Identifier: MIT */
/*
 * names.h - sections that are found by name, in this process and in the user's others.
 *
 *   name --> file of that name    [ mark | the section's bytes ]
 *              ^         ^
 *          part of it  part of it         one open handle for each section
 *          process 1   process 2
 *
 * Every section that is open takes part in its name's file
 * (acre__os_name_hold), and the system takes that back however its process ends. So whoever can have
 * the file alone knows that nobody is alive behind the name:
 *
 *   alone, and without mark   it is new, or its maker was killed: make it
 *   alone, and with mark      its last owner was killed: the name is taken away, and all begins anew
 *   not alone                 wait until its maker is done, and take part
 *
 * What is mapped is mapped by a second handle of the file: a mapping keeps the handle
 * that it was made by, and so its part, and views are to live longer than the name.
 *
 * Between opening the file and having it, the name may have been taken away:
 * whoever has it looks whether the name still leads there, or begins anew. The
 * last one to close closes first, then opens the file again as anybody would, and takes the
 * name away if he can have it alone: of two who close at once, the one who is second can.
 * (To give up one's part and try to have it alone on the same handle would take away
 * a child's part as well, which shares it.)
 *
 * A file that was mapped is never cut or used again, for the case that a program has closed
 * descriptors which are not its own: then its name is taken away too early, and the
 * memory stays good.
 *
 * Lock: names, held while a name is opened or closed; taken first of all, and by fork. A child
 * that got a handle which has the file alone for a moment would have it for good.
 */
#ifndef ACRE_FILEMAP_NAMES_H
#define ACRE_FILEMAP_NAMES_H

#include "filemap/filemap.h"

struct acre__name {
  char path[ACRE_OS_NAME_PATH];
  struct acre__os_file part; /* the handle that takes part in it */
  bool left;                 /* and is closed. Lock: names */
};

/* The section's handle is closed, and views of it go on: they have the memory, and no part in the name. */
void acre__name_leave(struct acre__name *name);

/* The same, if it has not been done; and closes the file. */
void acre__name_release(struct acre__name *name, struct acre__os_file file);

#endif
