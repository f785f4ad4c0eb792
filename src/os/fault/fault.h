/* SPDX-License-Identifier: MIT */
/*
 * fault.h - how a test makes the system fail.
 *
 *   struct acre__fault_plan plan = {.call = 3, .result = ACRE_E_NO_MEMORY};
 *   acre__fault_begin(&plan);                 the third call from here on fails
 *   ... what is tested ...
 *   if (!acre__fault_end(&report)) break;     it made fewer calls: all were tried
 *
 * A loop over `call` from 1 on, until acre__fault_end says that nothing failed,
 * tries every place in which the code under test can be let down.
 *
 * One plan at a time, for all threads of the process. Without a plan every call
 * goes through. A call that fails by plan does nothing, or (`partly`) does the
 * front half of its range first, where os.h allows that.
 */
#ifndef ACRE_OS_FAULT_FAULT_H
#define ACRE_OS_FAULT_FAULT_H

#include "os/os.h"

/* The functions of os.h that return a result; each is a bit in a plan's mask. */
enum acre__fault_function {
  ACRE_FAULT_RESERVE,
  ACRE_FAULT_RELEASE,
  ACRE_FAULT_COMMIT,
  ACRE_FAULT_DECOMMIT,
  ACRE_FAULT_PROTECT,
  ACRE_FAULT_HIDE,
  ACRE_FAULT_REVEAL,
  ACRE_FAULT_DISCARD,
  ACRE_FAULT_POPULATE,
  ACRE_FAULT_LOCK,
  ACRE_FAULT_UNLOCK,
  ACRE_FAULT_RESET,
  ACRE_FAULT_UNDO_RESET,
  ACRE_FAULT_FILE_OPEN,
  ACRE_FAULT_FILE_SIZE,
  ACRE_FAULT_FILE_GROW,
  ACRE_FAULT_MAP_FILE,
  ACRE_FAULT_MAP_FILE_ANYWHERE,
  ACRE_FAULT_FLUSH,
  ACRE_FAULT_FILE_SYNC,
  ACRE_FAULT_MAPS_OPEN,
  ACRE_FAULT_MAPS_AT,
  ACRE_FAULT_FAULT_INSTALL,
  ACRE_FAULT_AT_FORK,
  ACRE_FAULT_READ_SINGLY,
  ACRE_FAULT_KEEP_FROM_CHILDREN,
  ACRE_FAULT_DIRECTORY_OPEN,
  ACRE_FAULT_FILE_TEMPORARY,
  ACRE_FAULT_FILE_IDENTITY,
  ACRE_FAULT_FILE_ALLOCATE,
  ACRE_FAULT_FILE_PUNCH,
  ACRE_FAULT_SIGNAL_STACK_SET,
  ACRE_FAULT_SIGNAL_STACK_UNSET,
  ACRE_FAULT_AT_THREAD_EXIT,
  ACRE_FAULT_WANT_THREAD_EXIT,
  ACRE_FAULT_FENCE_PREPARE,
  ACRE_FAULT_ADVISE_LARGE,
  ACRE_FAULT_COMMIT_LARGE,
  ACRE_FAULT_COLLAPSE,
  ACRE_FAULT_PREFER_NODE,
  ACRE_FAULT_COOL,
  ACRE_FAULT_PAGE_OUT,
  ACRE_FAULT_FILE_IN_MEMORY,
  ACRE_FAULT_TRACK,
  ACRE_FAULT_WRITTEN,
  ACRE_FAULT_HIDE_EACH,
  ACRE_FAULT_REVEAL_EACH,
  ACRE_FAULT_FILE_SET_SIZE,
  ACRE_FAULT_FILE_WRITE_BACK,
  ACRE_FAULT_NAME_DIRECTORY,
  ACRE_FAULT_NAME_OPEN,
  ACRE_FAULT_NAME_HOLD,
  ACRE_FAULT_NAME_LEADS_TO,
  ACRE_FAULT_NAME_MARK,
  ACRE_FAULT_NAME_CHECK_MARK,
  ACRE_FAULT_NAME_REMOVE,
  ACRE_FAULT_FILE_DIRTY,
  ACRE_FAULT_THREAD_START,
  ACRE_FAULT_FILE_COPY,
  ACRE_FAULT_FUNCTIONS /* how many */
};

_Static_assert(ACRE_FAULT_FUNCTIONS <= 64, "a plan has a bit for each");

#define ACRE_FAULT_MASK(function) (UINT64_C(1) << (function))

struct acre__fault_plan {
  unsigned long call; /* the call that fails: 1 is the first. 0: none, calls are only counted */
  acre_result result; /* what it returns */
  uint64_t functions; /* ACRE_FAULT_MASK of those that are counted and can fail; 0: all */
  bool and_later;     /* and every call after it */
  bool partly;        /* a call on several pages that may do a front part does half of them before it fails */
};

struct acre__fault_report {
  unsigned long calls;                    /* counted calls, failed ones included */
  unsigned long failed;                   /* how many of them failed by plan */
  enum acre__fault_function first_failed; /* valid if `failed` is not 0 */
};

/* Starts a plan; the count starts at 0. */
void acre__fault_begin(const struct acre__fault_plan *plan);

/* Ends the plan. Returns whether a call failed by it. `report` may be NULL. */
bool acre__fault_end(struct acre__fault_report *report);

/* "acre__os_commit" */
const char *acre__fault_function_name(enum acre__fault_function function);

#endif
