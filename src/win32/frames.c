/* SPDX-License-Identifier: MIT */
/*
 * frames.c - guarded blocks: entering, leaving, and the journey of an exception
 * from frame to frame. See seh.h; exceptions.c is where exceptions begin and end.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "win32/seh.h"

static __thread struct acre__seh *current __attribute__((tls_model("initial-exec")));

static _Noreturn void die(const char *text) {
  (void)!write(STDERR_FILENO, text, strlen(text));
  abort();
}

/* ------------------------------------------------------------- the thread's */

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void end_thread(void *thread) {
  struct acre__seh *ending = thread;
  current = NULL;
  for (struct acre__seh_chunk *chunk = ending->first.next, *next; chunk != NULL; chunk = next) {
    next = chunk->next;
    acre_vm_release(chunk);
  }
  if (ending->spare != NULL) acre_vm_release(ending->spare);
  acre_vm_release(ending);
}

static void make_key(void) {
  if (pthread_key_create(&key, end_thread) != 0) die("acre: no key for threads is left\n");
}

static void *allocate(size_t size) {
  void *memory;
  return acre_vm_reserve(size, &(acre_vm_options){.flags = ACRE_VM_COMMIT}, &memory) == ACRE_OK ? memory : NULL;
}

struct acre__seh *acre__seh_thread_if_any(void) {
  return current;
}

struct acre__seh *acre__seh_thread(void) {
  if (current != NULL) return current;
  struct acre__seh *thread = allocate(sizeof *thread);
  if (thread == NULL) return NULL;
  thread->chunk = &thread->first;
  pthread_once(&key_once, make_key);
  pthread_setspecific(key, thread);
  current = thread;
  return thread;
}

/* Where the thread's own stack is: an exception on another one (of a signal handler) asks no frame of this, or vice versa. */
static void find_stack(struct acre__seh *thread) {
  pthread_attr_t attributes;
  void *low;
  size_t size;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return;
  if (pthread_attr_getstack(&attributes, &low, &size) == 0) {
    thread->stack_low = low;
    thread->stack_high = thread->stack_low + size;
  }
  pthread_attr_destroy(&attributes);
  /* The main thread's grows, and some C libraries tell how large it is now. */
  struct rlimit limit;
  if (thread->stack_high == NULL || getpid() != (pid_t)GetCurrentThreadId() || getrlimit(RLIMIT_STACK, &limit) != 0)
    return;
  const rlim_t most = (rlim_t)1 << 30;
  size_t may_have = (size_t)(limit.rlim_cur < most ? limit.rlim_cur : most);
  if (may_have > (size_t)(thread->stack_high - thread->stack_low)) thread->stack_low = thread->stack_high - may_have;
}

static bool is_on_stack(const struct acre__seh *thread, const char *address) {
  return address >= thread->stack_low && address < thread->stack_high;
}

/* ------------------------------------------------------------- entering and leaving */

static struct acre__seh *thread_or_die(void) {
  acre__seh_install();
  struct acre__seh *thread = acre__seh_thread();
  if (thread == NULL) die("acre: no memory for __try\n");
  find_stack(thread);
  return thread;
}

/* The caller's stack pointer, above its call; on AArch64 at most that. */
#define CALLERS_STACK() ((const char *)__builtin_frame_address(0) + 16)

static char *stack_of(const struct acre_seh_frame *frame) {
  return acre__jump_stack(&frame->jump);
}

static void next_chunk(struct acre__seh *thread) {
  struct acre__seh_chunk *chunk = thread->chunk->next;
  if (chunk == NULL) chunk = allocate(sizeof *chunk);
  if (chunk == NULL) die("acre: no memory for __try\n");
  thread->chunk->next = chunk;
  thread->chunk = chunk;
  thread->used = 0;
}

/* The frame, and whatever was entered inside it, is no more. */
static void drop(struct acre__seh *thread, struct acre_seh_frame *frame) {
  thread->active = frame->outer;
  thread->chunk = frame->chunk;
  thread->used = (unsigned)(frame - frame->chunk->frames);
}

/* Frames below the stack pointer of who calls are of functions that were left by longjmp. */
static __attribute__((noinline, cold)) void drop_left(struct acre__seh *thread, const char *stack) {
  while (thread->active != NULL && stack_of(thread->active) < stack &&
         is_on_stack(thread, stack) == is_on_stack(thread, stack_of(thread->active)))
    drop(thread, thread->active);
}

static inline void drop_those_left(struct acre__seh *thread, const char *stack) {
  if (thread->active != NULL && __builtin_expect(stack_of(thread->active) < stack, 0)) drop_left(thread, stack);
}

struct acre_seh_frame *acre_seh_enter(acre_seh_site *site) {
  struct acre__seh *thread = current;
  if (__builtin_expect(thread == NULL, 0)) thread = thread_or_die();
  drop_those_left(thread, CALLERS_STACK());
  if (__builtin_expect(thread->used == ACRE_SEH_CHUNK, 0)) next_chunk(thread);
  struct acre_seh_frame *frame = &thread->chunk->frames[thread->used++];
  frame->outer = thread->active;
  frame->site = site;
  frame->chunk = thread->chunk;
  frame->inside_of = thread->dispatch;
  thread->active = frame;
  return frame;
}

void acre_seh_pop(void) {
  drop_those_left(current, CALLERS_STACK());
  drop(current, current->active);
}

/* ------------------------------------------------------------- what GetExceptionCode knows */

/* What deeper functions had caught is over, as one above them runs. */
static struct acre__caught *caught_by(struct acre__seh *thread, const char *stack) {
  while (thread->caught_count > 0 && thread->caught[thread->caught_count - 1].stack < stack) thread->caught_count--;
  return thread->caught_count > 0 ? &thread->caught[thread->caught_count - 1] : NULL;
}

static void push_caught(struct acre__seh *thread, struct acre__caught caught) {
  if (thread->caught_count == ACRE_SEH_CAUGHT)
    memmove(thread->caught, thread->caught + 1, --thread->caught_count * sizeof *thread->caught);
  thread->caught[thread->caught_count++] = caught;
}

DWORD acre_seh_code(void) {
  struct acre__seh *thread = current;
  const struct acre__caught *caught = thread != NULL ? caught_by(thread, CALLERS_STACK()) : NULL;
  return caught != NULL ? caught->code : 0;
}

struct _EXCEPTION_POINTERS *acre_seh_pointers(void) {
  struct acre__seh *thread = current;
  const struct acre__caught *caught = thread != NULL ? caught_by(thread, CALLERS_STACK()) : NULL;
  return caught != NULL ? caught->pointers : NULL;
}

/* ------------------------------------------------------------- copies of the stack */

/* Word by word, as a sanitizer would have words about other functions' variables. */
__attribute__((no_sanitize_address, no_sanitize_thread, noinline)) static void move(char *to, const char *from,
                                                                                    size_t size) {
  volatile uintptr_t *words = (volatile uintptr_t *)to;
  const volatile uintptr_t *source = (const volatile uintptr_t *)from;
  for (size_t i = 0; i < size / sizeof *words; i++) words[i] = source[i];
}

/* AddressSanitizer, where it is: the stack below a frame that is jumped to holds no variables any more. */
void __asan_unpoison_memory_region(void const volatile *address, size_t size) __attribute__((weak));

/* A copy that the dispatch's own room was too small for. */
static void end_copy(struct acre__dispatch *dispatch) {
  if (dispatch->copy < (char *)dispatch || dispatch->copy >= (char *)dispatch + dispatch->size)
    acre_vm_release(dispatch->copy);
}

/* Copies what is not copied yet below the frame. False: no memory. */
static bool copy_below(struct acre__dispatch *dispatch, const struct acre_seh_frame *frame) {
  size_t size = (size_t)(stack_of(frame) - dispatch->low);
  if (size > dispatch->room) {
    size_t room = size + size / 2;
    char *copy = allocate(room);
    if (copy == NULL) return false;
    move(copy, dispatch->copy, dispatch->copied);
    end_copy(dispatch);
    dispatch->copy = copy;
    dispatch->room = room & ~(size_t)7;
  }
  if (size > dispatch->copied) {
    move(dispatch->copy + dispatch->copied, dispatch->low + dispatch->copied, size - dispatch->copied);
    dispatch->copied = size;
  }
  return true;
}

/* The stack as it was. Runs on another one. */
static void put_back(struct acre__dispatch *dispatch) {
  move(dispatch->low, dispatch->copy, dispatch->copied);
  dispatch->copied = 0;
}

/* ------------------------------------------------------------- exceptions on their way */

enum { ROOM_FOR_COPY = 48 << 10 };

__attribute__((noinline)) struct acre__dispatch *acre__dispatch_begin(struct acre__seh *thread,
                                                                      enum acre__origin origin, size_t state) {
  struct acre__dispatch *dispatch = thread->spare;
  size_t head = (sizeof *dispatch + 63) & ~(size_t)63,
         all = head + ((state + 63) & ~(size_t)63) + ACRE_SEH_STACK + ROOM_FOR_COPY;
  if (dispatch != NULL && dispatch->size >= all)
    thread->spare = NULL;
  else
    dispatch = allocate(all);
  if (dispatch == NULL) return NULL;
  if (dispatch->size == 0) dispatch->size = all;
  char *base = (char *)dispatch, *end = base + dispatch->size;
  dispatch->origin = origin;
  dispatch->state = base + head;
  dispatch->copy = end - ROOM_FOR_COPY;
  dispatch->room = ROOM_FOR_COPY;
  dispatch->copied = 0;
  dispatch->stack = dispatch->copy; /* its top */
  dispatch->pointers = (EXCEPTION_POINTERS){&dispatch->record, &dispatch->context};
  dispatch->active = thread->active;
  dispatch->at = dispatch->target = NULL;
  dispatch->chunk = thread->chunk;
  dispatch->used = thread->used;
  dispatch->outer = thread->dispatch;
  thread->dispatch = dispatch;
  return dispatch;
}

void acre__dispatch_end(struct acre__seh *thread, struct acre__dispatch *dispatch) {
  end_copy(dispatch);
  thread->dispatch = dispatch->outer;
  if (thread->spare != NULL) acre_vm_release(thread->spare);
  thread->spare = dispatch;
}

/* A handler runs in `frame`: exceptions that began inside of it, and had not got on, never do. */
static void end_inside(struct acre__seh *thread, const struct acre_seh_frame *frame) {
  while (thread->dispatch != frame->inside_of) acre__dispatch_end(thread, thread->dispatch);
}

static void jump(struct acre__seh *thread, struct acre__dispatch *dispatch, struct acre_seh_frame *frame,
                 enum acre__arrival why) {
  if (__asan_unpoison_memory_region != NULL)
    __asan_unpoison_memory_region(dispatch->low, (size_t)(stack_of(frame) - dispatch->low));
  thread->active = frame->outer;
  thread->arrival = why;
  dispatch->at = frame;
  acre__jump_to(&frame->jump, 1);
}

void acre__dispatch_visit(struct acre__seh *thread, struct acre__dispatch *dispatch, struct acre_seh_frame *frame,
                          enum acre__arrival why) {
  if (!copy_below(dispatch, frame)) die("acre: no memory to keep the stack for an exception filter\n");
  jump(thread, dispatch, frame, why);
  __builtin_unreachable();
}

/* Whether the frame's stack can be reached from where the exception began. */
static bool is_above(const struct acre__seh *thread, const struct acre__dispatch *dispatch,
                     const struct acre_seh_frame *frame) {
  return stack_of(frame) >= dispatch->at_first &&
         is_on_stack(thread, stack_of(frame)) == is_on_stack(thread, dispatch->at_first);
}

/* The next frame outwards whose filter may want it. */
static struct acre_seh_frame *next_asked(const struct acre__seh *thread, const struct acre__dispatch *dispatch,
                                         struct acre_seh_frame *from) {
  for (struct acre_seh_frame *frame = from; frame != NULL; frame = frame->outer)
    if (frame->site->kind != ACRE_SITE_FINALLY && is_above(thread, dispatch, frame)) return frame;
  return NULL;
}

static void put_back_unhandled(void *argument) {
  struct acre__dispatch *dispatch = argument;
  put_back(dispatch);
  acre__run_on(dispatch->low, (void (*)(void *))acre__dispatch_unhandled, dispatch);
}

static _Noreturn void search_from(struct acre__seh *thread, struct acre__dispatch *dispatch,
                                  struct acre_seh_frame *from) {
  struct acre_seh_frame *frame = next_asked(thread, dispatch, from);
  if (frame != NULL) acre__dispatch_visit(thread, dispatch, frame, ACRE_ARRIVAL_FILTER);
  thread->active = dispatch->active;
  thread->chunk = dispatch->chunk;
  thread->used = dispatch->used;
  acre__run_on(dispatch->stack, put_back_unhandled, dispatch);
}

void acre__dispatch_search(struct acre__seh *thread, struct acre__dispatch *dispatch) {
  search_from(thread, dispatch, dispatch->active);
}

/* ------------------------------------------------------------- answers */

/* Goes on where it began. Runs on its own stack. */
static void put_back_resume(void *argument) {
  struct acre__dispatch *dispatch = argument;
  struct acre__seh *thread = current;
  put_back(dispatch);
  if (dispatch->origin != ACRE_SEH_FAULT) acre__jump_to(&dispatch->resume, ACRE_SEH_CONTINUED);
  acre__state_from_context(dispatch->state, &dispatch->context);
  acre__dispatch_end(thread, dispatch); /* the spare one now, which is read once more */
  acre__state_resume(dispatch->state);
}

/* To the next __finally block on the way, or to the handler. */
static _Noreturn void unwind_from(struct acre__seh *thread, struct acre__dispatch *dispatch,
                                  struct acre_seh_frame *from) {
  for (struct acre_seh_frame *frame = from; frame != dispatch->target; frame = frame->outer)
    if (frame->site->kind == ACRE_SITE_FINALLY && is_above(thread, dispatch, frame)) {
      drop(thread, frame);
      jump(thread, dispatch, frame, ACRE_ARRIVAL_UNWIND);
    }
  struct acre_seh_frame *frame = dispatch->target;
  drop(thread, frame);
  jump(thread, dispatch, frame, ACRE_ARRIVAL_HANDLE);
  __builtin_unreachable();
}

static void put_back_unwind(void *argument) {
  struct acre__dispatch *dispatch = argument;
  put_back(dispatch);
  unwind_from(current, dispatch, dispatch->active);
}

static _Noreturn void continue_execution(struct acre__seh *thread, struct acre__dispatch *dispatch) {
  thread->active = dispatch->active;
  thread->chunk = dispatch->chunk;
  thread->used = dispatch->used;
  acre__run_on(dispatch->stack, put_back_resume, dispatch);
}

/* A filter wants to go on where that cannot be. All filters are asked again, about that. Runs on the program's stack. */
static void raise_noncontinuable(void *argument) {
  (void)argument;
  RaiseException(STATUS_NONCONTINUABLE_EXCEPTION, EXCEPTION_NONCONTINUABLE, 0, NULL);
  abort();
}

static void put_back_refuse(void *argument) {
  struct acre__dispatch *dispatch = argument;
  put_back(dispatch);
  acre__run_on(dispatch->low, raise_noncontinuable, NULL);
}

/* In the function that has the block, when its mark has returned once more. */
static enum acre__arrival arrive(struct acre__seh *thread, enum acre__site_kind kind) {
  enum acre__arrival why = thread->arrival;
  thread->arrival = ACRE_ARRIVAL_NONE;
  if (why != ACRE_ARRIVAL_NONE) thread->dispatch->at->site->kind = kind;
  return why;
}

int acre_seh_asks(void) {
  struct acre__seh *thread = current;
  struct acre__dispatch *dispatch = thread->dispatch;
  struct acre_seh_frame *frame = dispatch->at;
  struct acre__caught caught = {stack_of(frame), dispatch->record.ExceptionCode, NULL};
  switch (arrive(thread, ACRE_SITE_EXCEPT)) {
    case ACRE_ARRIVAL_FILTER:
      caught.pointers = &dispatch->pointers;
      push_caught(thread, caught);
      return 1;
    case ACRE_ARRIVAL_HANDLE:
      end_inside(thread, frame);
      caught_by(thread, caught.stack);
      push_caught(thread, caught);
      return 0;
    default: continue_execution(thread, dispatch); /* it is left, and has no __finally block */
  }
}

void acre_seh_answer(int answer) {
  struct acre__seh *thread = current;
  struct acre__dispatch *dispatch = thread->dispatch;
  if (caught_by(thread, stack_of(dispatch->at)) != NULL) thread->caught_count--; /* the filter's */
  /* What the filter has entered and not left, it has left by longjmp. */
  thread->chunk = dispatch->chunk;
  thread->used = dispatch->used;
  if (answer == EXCEPTION_CONTINUE_SEARCH) search_from(thread, dispatch, dispatch->at->outer);
  if (answer < 0) {
    if ((dispatch->record.ExceptionFlags & EXCEPTION_NONCONTINUABLE) == 0) continue_execution(thread, dispatch);
    thread->active = dispatch->active;
    acre__run_on(dispatch->stack, put_back_refuse, dispatch);
  }
  dispatch->target = dispatch->at;
  acre__run_on(dispatch->stack, put_back_unwind, dispatch);
}

int acre_seh_finally_begin(void) {
  struct acre__seh *thread = current;
  switch (arrive(thread, ACRE_SITE_FINALLY)) {
    case ACRE_ARRIVAL_NONE: return 1;
    case ACRE_ARRIVAL_FILTER: search_from(thread, thread->dispatch, thread->dispatch->at->outer);
    default: return 2;
  }
}

int acre_seh_finally_end(int abnormal) {
  if (abnormal != 2) return 0;
  struct acre__seh *thread = current;
  struct acre__dispatch *dispatch = thread->dispatch;
  if (dispatch->origin == ACRE_SEH_LEFT) {
    dispatch->active = thread->active;
    dispatch->chunk = thread->chunk;
    dispatch->used = thread->used;
    continue_execution(thread, dispatch);
  }
  unwind_from(thread, dispatch, dispatch->at->outer);
}

/*
 * The block's scope is left by other means than its end. Where it may have a
 * __finally block the thread goes there, and comes back to go on leaving.
 */
void acre_seh_leave(void) {
  drop_those_left(current, CALLERS_STACK());
  struct acre_seh_frame *frame = current->active;
  drop(current, frame);
  if (frame->site->kind == ACRE_SITE_EXCEPT) return;
  struct acre__dispatch *dispatch = acre__dispatch_begin(current, ACRE_SEH_LEFT, 0);
  if (dispatch == NULL) die("acre: no memory to leave a __try block\n");
  if (acre__jump_mark(&dispatch->resume) == 0) {
    dispatch->low = acre__jump_stack(&dispatch->resume);
    acre__dispatch_visit(current, dispatch, frame, ACRE_ARRIVAL_LEFT);
  }
  acre__dispatch_end(current, current->dispatch);
}
