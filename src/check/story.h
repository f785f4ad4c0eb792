/* SPDX-License-Identifier: MIT */
/*
 * story.h - what is told of a misuse, and how the process ends.
 *
 *   one line      to stderr, at once
 *   the stacks    under `acre run`: to a file beside the board, which the command reads, as it can
 *                 find functions, files and lines, and the process cannot
 *                 else: to stderr, as addresses in files
 *
 * A story file is lines of text: "= " and a heading, "@ " and a frame's address in
 * hexadecimal, and, behind a line "maps", what /proc/self/maps has.
 *
 * Everything here may be called in the fault handler.
 */
#ifndef ACRE_CHECK_STORY_H
#define ACRE_CHECK_STORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/line.h"

/* A block, as it is told of. */
struct acre__told_block {
  uintptr_t start;
  size_t size;
  uint32_t allocation, freeing; /* stacks; `freeing` 0: it is in use, or was freed by an unknown */
  uint32_t allocated_by, freed_by;
};

/* Where the thread is that has found it. */
struct acre__told_place {
  const char *heading;   /* "read", "write", "found" */
  const void *registers; /* of the interrupted code; NULL: the caller is meant */
};

/* Tells `line` (without "acre: " and its end) and the stacks. block may be NULL. */
void acre__story_tell(const char *line, const struct acre__told_place *place, const struct acre__told_block *block);

/* The same, and ends the process as abort() does. */
_Noreturn void acre__story_end(const char *line, const struct acre__told_place *place,
                               const struct acre__told_block *block);

/* Pieces of lines: " of 24 bytes", with the right number; and an address. */
void acre__story_add_bytes(struct acre__line *line, size_t count);
void acre__story_add_address(struct acre__line *line, uintptr_t address);

/*
 * A story in pieces, for what is not about one block: one thread at a time.
 * `acre__story_open` is false where it goes to stderr: then only the first stacks should be told.
 */
bool acre__story_open(void);
void acre__story_heading(const char *text);
void acre__story_stack(uint32_t number);
void acre__story_close(void);

/* Where stories go: once, when the process begins. */
void acre__story_begin(void);

/* In the child of a fork, where whoever was telling one is not. */
void acre__story_fork_in_child(void);

#endif
