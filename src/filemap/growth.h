/* SPDX-License-Identifier: MIT */
/*
 * growth.h - how files become longer and shorter while they are mapped.
 *
 *   sections of the process    [ a: file 1 ] - [ b: file 1 ] - [ c: file 2 ]
 *   file 1   0 . . . a's end . . . b's end . . . size
 *                                  |<- may be cut ->|
 *
 * Two locks, process-wide, as two handles may be the same file:
 *   growth   a growth that fails puts the former size back, which would cut off
 *            what another one has added meanwhile: so they take turns. Held while
 *            a disk allocates.
 *   list     which sections there are, and a file's being cut: so that no
 *            section is made of what is cut off at that moment.
 * Order: growth, list; growth, then those of vm. Both are taken before a fork,
 * which waits for a growth that is under way: the child finds all in order.
 */
#ifndef ACRE_FILEMAP_GROWTH_H
#define ACRE_FILEMAP_GROWTH_H

#include "filemap/filemap.h"

/* Before anything else of this layer. ACRE_E_NO_MEMORY: fork cannot be told of the locks. */
acre_result acre__growth_prepare(void);

/* A number of this process: a child of fork has another one. */
unsigned acre__growth_process(void);

void acre__growth_lock(void);
void acre__growth_unlock(void);

/* With the growth lock: the file is at least `size` bytes long afterwards. Results as acre_file_resize. */
acre_result acre__growth_file(acre_file *file, uint64_t size);

/*
 * With the growth lock: the section is at least `size` bytes long afterwards; the file grows only if it
 * `may_grow`, and the section allows it. Results as acre_section_resize.
 */
acre_result acre__growth_section(acre_section *section, uint64_t size, bool may_grow);

/*
 * Enters a section into the list. Its file grows to its end if it may; on failure it has its former size.
 * ACRE_E_OUT_OF_RANGE, it may not; as acre__growth_file.
 */
acre_result acre__sections_enter(acre_section *section);
void acre__sections_leave(acre_section *section);

#endif
