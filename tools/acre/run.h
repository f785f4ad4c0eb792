/* SPDX-License-Identifier: MIT */
/*
 * What the parts of `acre run` share.
 *
 *   run.c           the options; runs the command, and is to others as if it were the command
 *   run_program.c   which file the command is, and whether the heap can be put under it
 *   run_check.c     which checks are wanted
 *   run_sample.c    a timeline of it
 *   run_story.c     what the checks have found, with functions and lines from run_symbols.c
 *   run_report.c    what its processes have written down, as a table and as JSON
 */
#ifndef ACRE_TOOL_RUN_H
#define ACRE_TOOL_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "override/board.h"

/* A process at one moment. */
struct run_sample {
  uint32_t moment; /* which one */
  uint32_t pid;
  uint64_t milliseconds;       /* since the command began */
  uint64_t reserved, resident; /* bytes */
};

/* All zero but for the interval: nothing yet. */
struct run_timeline {
  struct run_sample *samples;
  size_t count;
  uint32_t moments;
  uint64_t interval; /* milliseconds; 0: no timeline is wanted */
};

/* How the command ended. */
struct run_end {
  pid_t pid;
  int status; /* as of wait */
  double seconds;
  unsigned stories; /* of misuse and leaks, that were printed */
  struct run_timeline timeline;
};

/* Entries of the board that can be looked at. */
static inline uint32_t run_entries(const struct acre__board *board) {
  uint32_t count = atomic_load(&board->used);
  return count < ACRE_BOARD_ENTRIES ? count : ACRE_BOARD_ENTRIES;
}

/* Looks at every process that runs, so many seconds after the command began. */
void run_take_samples(struct run_timeline *timeline, const struct acre__board *board, double seconds);

/* Stores the path of the command's file. TOOL_OK, or the exit status for a command that cannot be run: it has complained. */
int run_find_program(const char *command, char *out, size_t room);

/* Stores the path of the malloc library of that name, that belongs to this command. false: there is none, and it has complained. */
bool run_find_library(const char *name, char *out, size_t room);

/* Prints what processes have written into the folder, and removes it. Returns how many stories there were. */
unsigned run_print_stories(FILE *out, const char *folder);

/* Removes stories that were never finished. */
void run_remove_parts(const char *folder);

void run_print_table(FILE *out, const struct acre__board *board, const struct run_end *end);
void run_print_json(FILE *out, const struct acre__board *board, const struct run_end *end);

#endif
