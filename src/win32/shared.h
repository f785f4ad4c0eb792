/* SPDX-License-Identifier: MIT */
/*
 * shared.h - what processes of one user share: the states of named events, mutexes and semaphores.
 *
 *   name "x"  --> [ mark | kind | state ]     a section for each object (acre_section_open)
 *   name "%W" --> [ mark | lock | moment ]    one for all of them
 *
 * One lock for all states, as a wait may want several at once. Whoever changes a state makes the moment a later one and
 * wakes all who sleep on it, in every process.
 *
 * A process may be killed at any time. It is known by its number and by when it was started: so the lock of one that is no
 * more is taken away from it, and its mutex is abandoned. Each change of a state is one store,
 * so what such a process has left is whole. It may have woken nobody: so no sleep is long.
 *
 * Limit: processes that do not see each other in /proc (containers) must not share Acre's directory of names.
 */
#ifndef ACRE_WIN32_SHARED_H
#define ACRE_WIN32_SHARED_H

#include "win32/handles.h"

/* All but mark and kind: lock is the shared one (of an object without a name, ACRE_LOCK_WAITS). */
struct acre__state {
  _Atomic uint64_t mark; /* written last by who makes it */
  uint64_t kind;
  uint32_t manual, set;     /* events */
  int32_t count, maximum;   /* semaphores */
  uint64_t started;         /* mutexes: when the process that has it was started, */
  _Atomic uint32_t process; /* and its number; 0: nobody has it */
  uint32_t abandoned;       /* by a thread that ended */
};

struct acre__shared {
  struct acre__state *state;
  acre_section *section; /* keeps the name */
  acre_view *view;
};

/*
 * The state of that name. If there is none it is made, with what `begin` says, and *created; with `begin` NULL it is only
 * looked for. NULL with the last error: ERROR_INVALID_HANDLE, the name is another kind's. Without the locks.
 */
struct acre__shared *acre__shared_open(const char *name, enum acre__kind kind, const struct acre__state *begin,
                                       bool *created);
void acre__shared_leave_name(struct acre__shared *shared);
void acre__shared_close(struct acre__shared *shared);

/* The process ends, and has left all names. */
void acre__shared_leave_hub(void);

/* With ACRE_LOCK_WAITS, after some state was opened. */
void acre__shared_lock(void);
void acre__shared_unlock(void);

/* Sleeping until a state changes: read the moment with ACRE_LOCK_WAITS, look, give the locks back, sleep. */
uint32_t acre__shared_moment(void);
void acre__shared_sleep(uint32_t moment, DWORD milliseconds);
void acre__shared_wake(void);

/* When this process was started, and whether one still runs. */
uint64_t acre__process_started(void);
bool acre__process_runs(uint32_t process, uint64_t started);

#endif
