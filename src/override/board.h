/* SPDX-License-Identifier: MIT */
/*
 * board.h - where the processes of an `acre run` write down what became of them.
 *
 *   acre run ──makes──> file  [ head | entry | entry | entry | ........ ]
 *                         ^              ^ one for each process, mapped shared
 *                         └── path in ACRE_RUN, which children inherit
 *
 * A process takes the next entry when it starts (a new program in the same process
 * takes the old one's over), keeps the few figures that cost nothing up to date,
 * and fills in the rest at its end. So one that is killed has told of its peak at
 * least. What is read from the file may be half-written or forged by the program:
 * the reader bounds all that it uses.
 *
 * The file is between one version of the command and its own library, which are
 * installed together; the magic number tells when they are not.
 */
#ifndef ACRE_OVERRIDE_BOARD_H
#define ACRE_OVERRIDE_BOARD_H

#include <stdatomic.h>
#include <stdint.h>

#define ACRE_BOARD_VARIABLE "ACRE_RUN"
#define ACRE_BOARD_MAGIC UINT64_C(0x3230656f42657263) /* changes with the layout */

enum { ACRE_BOARD_ENTRIES = 4096, ACRE_BOARD_CLASSES = 8 };

enum acre__board_state {
  ACRE_BOARD_FREE,
  ACRE_BOARD_RUNS, /* or was killed, or has become a program that is not measured */
  ACRE_BOARD_ENDED /* at its end it has filled in everything */
};

struct acre__board_class {
  uint64_t size; /* of a block; 0: of those that are larger than the largest class */
  uint64_t blocks, bytes;
};

/* Sizes in bytes. */
struct acre__board_entry {
  _Atomic uint32_t state;
  _Atomic uint32_t pid;
  uint32_t parent;
  uint32_t threads; /* that have used the heap at the same time, at most */
  char program[64];
  /* Kept up to date. */
  _Atomic uint64_t reserved, reserved_peak;
  _Atomic uint64_t in_use_peak; /* as seen whenever the heap had grown by an eighth, and at the end */
  /* Where the limit was met first: how much was asked for, and by whom. */
  _Atomic uint64_t limit_hits;
  uint64_t limit_size;
  char limit_where[128];
  /* At the end. */
  uint32_t checked;                                   /* enum acre__check_mode of the library that checks */
  uint64_t checked_blocks, checked_peak, checked_not; /* checked blocks in use; allocations that could not be checked */
  uint64_t in_use, blocks, large;
  uint64_t committed, committed_peak;                   /* by all of Acre in the process */
  uint64_t resident, resident_peak;                     /* of the process */
  struct acre__board_class classes[ACRE_BOARD_CLASSES]; /* those with the most bytes in use, the largest first */
};

struct acre__board {
  uint64_t magic;
  _Atomic uint32_t used; /* entries that were asked for, which may be more than there are */
  uint32_t limited;      /* whether the heap has a limit */
  struct acre__board_entry entries[ACRE_BOARD_ENTRIES];
};

#endif
