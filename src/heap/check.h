/* SPDX-License-Identifier: MIT */
/*
 * check.h - checked heaps: misuse is found and told of.
 *
 *   block  [ what was asked for | FB FB FB ... | size | state ]
 *                                  at least 8      8      8 bytes
 *
 * Size and state are XORed with the heap's cookie, so that nothing the program
 * writes looks like them by accident. The bytes between are looked at when the
 * block is freed or the heap validated. Freed, it is filled with DF and held back
 * for a while (the quarantine: 126 blocks, 1 MiB in all); when it leaves, and when
 * it is handed out again, its bytes must be DF still. Links of free lists are
 * XORed too, and what they give must be a block of the heap.
 *
 * Every call on a checked heap has the heap's lock. Blocks of more than 256 KiB are
 * neither filled nor held back: of the last of them the heap knows where they were.
 */
#ifndef ACRE_HEAP_CHECK_H
#define ACRE_HEAP_CHECK_H

#include "heap/block.h"

/* What is told of a misuse. */
struct acre__misuse {
  acre_heap_misuse what;
  const void *block;      /* the pointer in question */
  size_t size;            /* of the block: what was asked for; SIZE_MAX: not known */
  size_t most;            /* if it is not known: what it can have been; 0: nor that */
  const void *inside;     /* the block that the pointer lies in; NULL: it is its start, or lies in none */
  const acre_heap *owner; /* the block's heap, if it is another one; else NULL */
};

/* Tells of it by the heap's callback, or on stderr and by the end of the process. */
void acre__misuse(acre_heap *heap, const struct acre__misuse *misuse);

/* Without the lock: tells of a pointer that starts no block of the checked heap. `owner`: whose it starts, or NULL. */
void acre__checked_not_a_block(acre_heap *heap, const void *pointer, const acre_heap *owner);

/* With the lock, as the functions of the same names in block.h. */
void *acre__checked_alloc(acre_heap *heap, size_t size, size_t alignment, bool zero, acre_result *why);
acre_result acre__checked_free(acre_heap *heap, const struct acre__found *found, void *block, size_t size);
acre_result acre__checked_resize(acre_heap *heap, const struct acre__found *found, void *block, size_t size);

/* What was asked for, of a block in use; 0 if it is none. */
size_t acre__checked_size(const acre_heap *heap, const struct acre__found *found, const void *block);

/* With the lock: whether a block that is in use, or held back, is in order; tells of what is not. */
bool acre__checked_is_valid(acre_heap *heap, const struct acre__found *found, const void *block);

/* The same of a small block in a free list, or one that was never handed out. */
bool acre__checked_free_is_valid(acre_heap *heap, const struct acre__found *found, const void *block);

/* With the lock: whether the block is free and held back. */
bool acre__checked_is_held(const acre_heap *heap, const void *block);

/* With the lock: lets go of everything that is held back. */
void acre__quarantine_empty(acre_heap *heap);

#endif
