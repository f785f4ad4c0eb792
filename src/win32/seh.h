/* SPDX-License-Identifier: MIT */
/*
 * seh.h - structured exceptions: guarded blocks, and exceptions on their way.
 *
 *   stack          guarded blocks (frames)        the exception
 *   high  main     frame 1  filter: not mine          |  ^
 *           f      frame 2  filter: execute handler   |  | search, innermost first
 *           g      frame 3  __finally                 |  |
 *   low       h    the instruction that failed        +--+
 *
 * A filter is an expression in the middle of a function that is still waiting
 * for its callees. To evaluate it, the thread jumps back to the function's frame, and all that lies
 * below on the stack may be overwritten. So first that is copied:
 *
 *   [ h's and g's stack ] --> dispatch->copy       before frame 2's filter runs
 *   [ f's stack ] --> behind it                    when frame 1 is to be asked
 *
 * EXCEPTION_CONTINUE_EXECUTION puts the copy and all registers back, and h goes
 * on; EXCEPTION_EXECUTE_HANDLER puts the copy back once, jumps to each __finally block
 * on the way, and then to the handler. What moves a stack runs on one of its own
 * (dispatch->stack).
 *
 * A block that is left by return, break, goto or a C++ exception is a journey of
 * the same sort, of one frame alone (ACRE_SEH_LEFT).
 *
 * A frame does not know whether __except or __finally follows its block before
 * the thread has been there once: the site remembers it.
 *
 * All of it is of one thread: no locks. Memory comes from acre_vm_reserve, as
 * malloc may be what was interrupted.
 */
#ifndef ACRE_WIN32_SEH_H
#define ACRE_WIN32_SEH_H

#include "win32/machine.h"

enum acre__site_kind { ACRE_SITE_UNKNOWN, ACRE_SITE_EXCEPT, ACRE_SITE_FINALLY };

struct acre__seh_chunk;

/* A guarded block that the thread is in. */
struct acre_seh_frame {
  struct acre__jump jump; /* first: acre_seh_mark fills it */
  struct acre_seh_frame *outer;
  acre_seh_site *site;
  struct acre__seh_chunk *chunk;    /* in which it lies */
  struct acre__dispatch *inside_of; /* the exception in whose filter or __finally block it was entered; NULL: none */
};

enum { ACRE_SEH_CHUNK = 32, ACRE_SEH_CAUGHT = 16, ACRE_SEH_STACK = 32 << 10 };

struct acre__seh_chunk {
  struct acre__seh_chunk *next;
  struct acre_seh_frame frames[ACRE_SEH_CHUNK];
};

/* Why a mark has returned once more. */
enum acre__arrival {
  ACRE_ARRIVAL_NONE,
  ACRE_ARRIVAL_FILTER, /* the filter is to be asked */
  ACRE_ARRIVAL_UNWIND, /* the __finally block is to run */
  ACRE_ARRIVAL_HANDLE, /* the handler is to run */
  ACRE_ARRIVAL_LEFT    /* the block is being left: its __finally block is to run, if it is one */
};

enum acre__origin { ACRE_SEH_FAULT, ACRE_SEH_RAISED, ACRE_SEH_LEFT };

/* What acre__jump_mark of RaiseException returns. */
enum { ACRE_SEH_CONTINUED = 1, ACRE_SEH_UNHANDLED = 2 };

/* An exception on its way. */
struct acre__dispatch {
  struct acre__dispatch *outer; /* which it has interrupted */
  enum acre__origin origin;
  EXCEPTION_RECORD record;
  CONTEXT context;
  EXCEPTION_POINTERS pointers;
  struct acre_seh_frame *active, *at,
      *target;                   /* innermost at the start; asked now, or cleaned up; that will handle it */
  struct acre__seh_chunk *chunk; /* of the thread at the start, with `used` */
  unsigned used;
  struct acre__jump resume; /* RAISED, LEFT */
  void *state;              /* FAULT */
  char *at_first;           /* the stack pointer where it began: frames below it are of functions that are no more */
  char *low;                /* where the copied stack begins */
  char *copy;
  size_t copied, room;
  char *stack; /* that dispatching runs on, where it moves the program's */
  size_t size; /* of the region that holds all of this */
};

/* An exception that a function knows by GetExceptionCode. */
struct acre__caught {
  char *stack;
  DWORD code;
  EXCEPTION_POINTERS *pointers; /* in a filter; else NULL */
};

struct acre__seh {
  struct acre_seh_frame *active; /* the innermost block */
  struct acre__seh_chunk *chunk; /* where the next one goes: frames[used] */
  unsigned used;
  enum acre__arrival arrival;
  struct acre__dispatch *dispatch; /* the innermost */
  struct acre__dispatch *spare;    /* for the next one */
  unsigned caught_count;
  struct acre__caught caught[ACRE_SEH_CAUGHT];
  char *stack_low, *stack_high; /* the thread's own stack; 0 where it is not known */
  uintptr_t unwanted;           /* the place of an instruction whose fault nobody wants: it is passed on */
  struct acre__seh_chunk first;
};

/* The thread's; made at the first call. NULL: no memory. */
struct acre__seh *acre__seh_thread(void);

/* The same, if there is one. */
struct acre__seh *acre__seh_thread_if_any(void);

/* Hooks into faults, once for the process. */
void acre__seh_install(void);

/* A new exception of the thread's, with room for `state` bytes and a first part of the stack. NULL: no memory. */
struct acre__dispatch *acre__dispatch_begin(struct acre__seh *thread, enum acre__origin origin, size_t state);

/*
 * It is over, and becomes the spare one, whatever was that before: so its state may be
 * read until the thread's next exception, of a signal handler too.
 */
void acre__dispatch_end(struct acre__seh *thread, struct acre__dispatch *dispatch);

/* Asks the frames, from dispatch->active outwards. */
_Noreturn void acre__dispatch_search(struct acre__seh *thread, struct acre__dispatch *dispatch);

/* Jumps to the frame, with what lies below it on the stack copied. */
_Noreturn void acre__dispatch_visit(struct acre__seh *thread, struct acre__dispatch *dispatch,
                                    struct acre_seh_frame *frame, enum acre__arrival why);

/* Nobody wants it (in exceptions.c): runs with the stack as it was, and below it. */
_Noreturn void acre__dispatch_unhandled(struct acre__dispatch *dispatch);

#endif
