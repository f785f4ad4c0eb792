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
#include <stddef.h>
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

/* The same of what a call of `function` has found, and ends the process as abort() does. */
_Noreturn void acre__story_end(const char *line, const struct acre__told_block *block);

/* Ends with: the byte was written, which lies beside the block, or in it, after it was freed. */
_Noreturn void acre__story_end_written(const struct acre__told_block *block, const void *byte, const char *function);

/* Ends with: `function` was given a pointer that is not the block in use, in or nearest to which it lies. */
_Noreturn void acre__story_end_bad_pointer(const struct acre__told_block *block, bool is_free, const void *pointer,
                                           const char *function);

/* Pieces of lines: "24 bytes"; "0x7f00"; "block of 24 bytes at 0x7f00"; "free(0x7f00): ". */
void acre__story_add_bytes(struct acre__line *line, size_t count);
void acre__story_add_address(struct acre__line *line, uintptr_t address);
void acre__story_add_block(struct acre__line *line, const struct acre__told_block *block);
void acre__story_add_call(struct acre__line *line, const char *function, const void *pointer);

/* A story in pieces, for what is not about one block: one thread at a time. */
void acre__story_open(void);
void acre__story_heading(const char *text);
void acre__story_stack(uint32_t number);
void acre__story_close(void);

/* Where stories go: once, when the process begins. */
void acre__story_begin(void);

/* In the child of a fork, where whoever was telling one is not. */
void acre__story_fork_in_child(void);

#endif
