/* SPDX-License-Identifier: MIT */
/*
 * leaks.h - the blocks in use that no pointer leads to any more, at the end of the
 * process, by the stacks that allocated them.
 *
 *   roots    whatever the program can write and is no block: data of all
 *            libraries, stacks, memory that it has mapped
 *   marked   every block that a word there points into, and every block that a
 *            word in a marked block points into
 *   lost     the rest
 *
 * A word that happens to look like an address keeps its block, so some lost ones
 * may not be told of; and a block whose address the program keeps in another form
 * (shifted, in a file) is called lost though it is not. Other threads are not
 * stopped: what they have in registers alone is not seen.
 *
 * Memory is read through the system, which says no where a touch would fault, and
 * only where the page tables say that there is some.
 */
#ifndef ACRE_CHECK_LEAKS_H
#define ACRE_CHECK_LEAKS_H

/* With everything that is checked (N = 1, or canaries). Tells one line, and a story if there are lost blocks. */
void acre__leaks_tell(void);

#endif
