/* SPDX-License-Identifier: MIT */
/*
 * sort_engine.h - `acre sort` without files: bytes that are in order, or come to be.
 *
 *   sort.c           the command line, the answers                      knows files
 *   sort_save.c      a new file in the place of the old one             knows files
 *   sort_engine.c    numbers, records and lines in memory
 *   sort_parts.c     parts of that in threads, and how far they are
 *   sort_runs.c      what memory has no room for: runs, and their merge
 *   sort_key.c       a record's or line's key as bytes that memcmp orders
 *   sort_kernel.h    the sorting libraries                              knows arrays alone
 *
 * Input and output are views of files: pages that come and go, and that another
 * process may cut off. The engine touches them as any memory; its caller has a guard.
 */
#ifndef ACRE_TOOL_SORT_ENGINE_H
#define ACRE_TOOL_SORT_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sort_key.h"

enum sort_answer {
  SORT_DONE,
  SORT_STOPPED,     /* `tick` has said so */
  SORT_NO_MEMORY,   /* or `memory` is too little */
  SORT_RUNS_FAILED, /* they cannot be made, written or read: errno says why */
  SORT_LOST,        /* a page of input or output was not to be had; of the caller's guard as well */
  SORT_CHANGED      /* the input was not the same all the time; not every change is found so */
};

/* What a sort may use, and whom it tells. */
struct sort_means {
  size_t memory;         /* bytes at most, pages of files included that it uses at the same time; 0: what it takes */
  const char *directory; /* for the files of runs, which have no names (or for a moment) */
  bool (*tick)(void *context, double done);               /* now and then: how much is done, 0 to 1. False: stop */
  void (*wrote)(void *context, size_t from, size_t size); /* this part of the output is complete; in any thread */
  void *context;
};

/*
 * Sorts `size` bytes, whole records, from `input` to `output`, which has room for as many (lines: for one more, as
 * the last may have no end). Records alike stay in their order. *written: how many bytes are there then; fewer with `unique`.
 * The input is not changed. The output is whatever, unless the answer is SORT_DONE. Who writes to the input
 * meanwhile may spoil the output, and nothing else.
 */
enum sort_answer sort_run(const struct sort_order *order, const struct sort_means *means, const char *input,
                          size_t size, char *output, size_t *written);

/*
 * Sorts them where they are; of lines, the last has an end. When a tick stops it, or it has no memory (SORT_NO_MEMORY), every record
 * is there, in some order. Of memory it takes nothing for numbers, 16 bytes for each record, and for lines their size as well.
 * With `unique`, the lines that are too many are behind the others: whole ones, so that the data may as well stay as long.
 */
enum sort_answer sort_in_place(const struct sort_order *order, const struct sort_means *means, char *data, size_t size,
                               size_t *written);

/*
 * Finds the first record (or line) that is less than the one before it (with `unique`: not greater). *record: its
 * number from 0 on; UINT64_MAX: there is none.
 */
enum sort_answer sort_check(const struct sort_order *order, const struct sort_means *means, const char *input,
                            size_t size, uint64_t *record);

/* ------------------------------------------------------------- between the engine's files */

/* The same as sort_run, with runs. */
enum sort_answer sort_with_runs(const struct sort_order *order, const struct sort_means *means, const char *input,
                                size_t size, char *output, size_t *written);

/* The order of the records in [input, input + size): their offsets, in items[].index. `count` of them. */
enum sort_answer sort_items_make(const struct sort_order *order, const struct sort_means *means, const char *input,
                                 size_t size, struct sort_item **items, size_t *count);

/* Bytes that all of it takes when it is sorted: of lines, the last may get an end. */
size_t sort_output_size(const struct sort_order *order, const char *input, size_t size);

/* Bytes of the record at `record`, up to the end of the data; a line's end included, if it has one. */
size_t sort_record_size(const struct sort_order *order, const char *record, const char *end);

#endif
