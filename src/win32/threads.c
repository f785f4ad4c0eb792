/* SPDX-License-Identifier: MIT */
/*
 * threads.c - threads on pthreads, and thread-local storage by index.
 *
 * A thread's object is made with it, or, for one that was started by other
 * means, when it first has to do with objects. It is signalled when the thread ends.
 */
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "win32/locks.h"
#include "win32/process.h"
#include "win32/waits.h"

static __thread struct acre__thread *current;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ------------------------------------------------------------- the object */

static void destroy(struct acre__object *object) {
  free(object);
}

static void end(void *argument) {
  struct acre__thread *thread = argument;
  acre__waits_lock();
  if (thread->code == STILL_ACTIVE) thread->code = 0;
  thread->ended = true;
  acre__waits_abandon(thread);
  acre__waits_wake(&thread->object);
  acre__waits_unlock();
  current = NULL;
  acre__object_release(&thread->object);
}

static void make_key(void) {
  pthread_key_create(&key, end);
}

static struct acre__thread *new_thread(void) {
  pthread_once(&once, make_key);
  struct acre__thread *thread = calloc(1, sizeof *thread);
  if (thread == NULL) return acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
  thread->object.kind = ACRE_KIND_THREAD;
  thread->object.destroy = destroy;
  thread->code = STILL_ACTIVE;
  atomic_init(&thread->object.references, 1); /* the running thread's */
  return thread;
}

/* In the thread itself. */
static void adopt(struct acre__thread *thread) {
  thread->pthread = pthread_self();
  thread->id = GetCurrentThreadId();
  pthread_setspecific(key, thread);
  current = thread;
}

struct acre__object *acre__current_thread(void) {
  if (current == NULL) {
    struct acre__thread *thread = new_thread();
    if (thread == NULL) return NULL;
    adopt(thread);
  }
  acre__object_retain(&current->object);
  return &current->object;
}

HANDLE GetCurrentThread(void) {
  return (HANDLE)(LONG_PTR)-2;
}

DWORD GetCurrentThreadId(void) {
  static __thread DWORD id;
  if (id == 0) id = (DWORD)syscall(SYS_gettid);
  return id;
}

/* ------------------------------------------------------------- starting and ending */

static void *run(void *argument) {
  struct acre__thread *thread = argument;
  acre__waits_lock();
  adopt(thread);
  acre__waits_wake(&thread->object); /* its number is known */
  while (thread->suspended > 0) acre__waits_pause(&thread->object);
  acre__waits_unlock();
  DWORD code = thread->start(thread->parameter);
  acre__waits_lock();
  thread->code = code;
  acre__waits_unlock();
  return NULL; /* and `end` is called */
}

static int start(struct acre__thread *thread, SIZE_T stack) {
  pthread_attr_t attributes;
  pthread_t ignored;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  const size_t least = 256 << 10; /* signal handlers and thread-local data want some */
  if (stack != 0) pthread_attr_setstacksize(&attributes, ((stack < least ? least : stack) + 0xffff) & ~(size_t)0xffff);
  int error = pthread_create(&ignored, &attributes, run, thread);
  pthread_attr_destroy(&attributes);
  return error;
}

HANDLE CreateThread(LPSECURITY_ATTRIBUTES security, SIZE_T stack, LPTHREAD_START_ROUTINE routine, LPVOID parameter,
                    DWORD flags, LPDWORD id) {
  (void)security;
  struct acre__thread *thread = new_thread();
  if (thread == NULL) return NULL;
  thread->start = routine;
  thread->parameter = parameter;
  thread->suspended = (flags & CREATE_SUSPENDED) != 0;
  HANDLE handle = acre__handle_add(&thread->object);
  if (handle == NULL || start(thread, stack) != 0) {
    if (handle != NULL) CloseHandle(handle);
    acre__object_release(&thread->object);
    return acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
  }
  if (id == NULL) return handle;
  struct acre__object *object = acre__object_of(handle, ACRE_KIND_THREAD); /* it may have ended by now */
  acre__waits_lock();
  while (thread->id == 0) acre__waits_pause(&thread->object);
  *id = thread->id;
  acre__waits_unlock();
  acre__object_release(object);
  return handle;
}

void ExitThread(DWORD code) {
  struct acre__object *object = acre__current_thread();
  if (object != NULL) {
    acre__waits_lock();
    ((struct acre__thread *)object)->code = code;
    acre__waits_unlock();
    acre__object_release(object);
  }
  pthread_exit(NULL);
}

DWORD ResumeThread(HANDLE handle) {
  struct acre__object *object = acre__object_of(handle, ACRE_KIND_THREAD);
  if (object == NULL) return (DWORD)-1;
  struct acre__thread *thread = (struct acre__thread *)object;
  acre__waits_lock();
  DWORD before = thread->suspended;
  if (before > 0) thread->suspended--;
  acre__waits_wake(object);
  acre__waits_unlock();
  acre__object_release(object);
  return before;
}

BOOL GetExitCodeThread(HANDLE handle, LPDWORD code) {
  struct acre__object *object = acre__object_of(handle, ACRE_KIND_THREAD);
  if (object == NULL) return FALSE;
  acre__waits_lock();
  *code = ((struct acre__thread *)object)->code;
  acre__waits_unlock();
  acre__object_release(object);
  return TRUE;
}

DWORD GetThreadId(HANDLE handle) {
  struct acre__object *object = acre__object_of(handle, ACRE_KIND_THREAD);
  if (object == NULL) return 0;
  acre__waits_lock();
  DWORD id = ((struct acre__thread *)object)->id;
  acre__waits_unlock();
  acre__object_release(object);
  return id;
}

/* Priorities are kept and have no effect: raising one wants a right on Linux. */
BOOL SetThreadPriority(HANDLE handle, int priority) {
  struct acre__object *object = acre__object_of(handle, ACRE_KIND_THREAD);
  if (object == NULL) return FALSE;
  acre__waits_lock();
  ((struct acre__thread *)object)->priority = priority;
  acre__waits_unlock();
  acre__object_release(object);
  return TRUE;
}

int GetThreadPriority(HANDLE handle) {
  struct acre__object *object = acre__object_of(handle, ACRE_KIND_THREAD);
  if (object == NULL) return 0x7fffffff;
  acre__waits_lock();
  int priority = ((struct acre__thread *)object)->priority;
  acre__waits_unlock();
  acre__object_release(object);
  return priority;
}

BOOL SwitchToThread(void) {
  return sched_yield() == 0;
}

DWORD SleepEx(DWORD milliseconds, BOOL alertable) {
  struct timespec time = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
  (void)alertable;
  if (milliseconds == 0) sched_yield();
  if (milliseconds == INFINITE)
    for (;;) pause();
  while (milliseconds != 0 && nanosleep(&time, &time) != 0) {
  }
  return 0;
}

void Sleep(DWORD milliseconds) {
  SleepEx(milliseconds, FALSE);
}

/* ------------------------------------------------------------- the C library's names */

uintptr_t _beginthreadex(void *security, unsigned stack, unsigned (*routine)(void *), void *parameter, unsigned flags,
                         unsigned *id) {
  return (uintptr_t)CreateThread(security, stack, (LPTHREAD_START_ROUTINE)routine, parameter, flags, id);
}

void _endthreadex(unsigned code) {
  ExitThread(code);
}

struct plain {
  void (*start)(void *);
  void *parameter;
};

static DWORD run_plain(void *argument) {
  struct plain plain = *(struct plain *)argument;
  free(argument);
  plain.start(plain.parameter);
  return 0;
}

/* Its handle is closed when the thread ends; here at once, and its number stays good for comparing. */
uintptr_t _beginthread(void (*routine)(void *), unsigned stack, void *parameter) {
  struct plain *plain = malloc(sizeof *plain);
  if (plain == NULL) return (uintptr_t)-1;
  *plain = (struct plain){routine, parameter};
  HANDLE handle = CreateThread(NULL, stack, run_plain, plain, 0, NULL);
  if (handle == NULL) {
    free(plain);
    return (uintptr_t)-1;
  }
  CloseHandle(handle);
  return (uintptr_t)handle;
}

void _endthread(void) {
  ExitThread(0);
}

/* ------------------------------------------------------------- thread-local storage */

enum { INDEXES = 1088 }; /* as Windows has */

/* A value counts if it was set since its index was allocated the last time. */
struct value {
  void *value;
  unsigned generation;
};

static atomic_uint generations[INDEXES]; /* odd: allocated */
static pthread_key_t values_key;
static pthread_once_t values_once = PTHREAD_ONCE_INIT;
static __thread struct value *values;

static void end_values(void *argument) {
  values = NULL;
  free(argument);
}

static void make_values_key(void) {
  pthread_key_create(&values_key, end_values);
}

DWORD TlsAlloc(void) {
  acre__take(ACRE_LOCK_TLS);
  DWORD index = 0;
  while (index < INDEXES && atomic_load(&generations[index]) % 2 != 0) index++;
  if (index < INDEXES) atomic_fetch_add(&generations[index], 1);
  acre__give(ACRE_LOCK_TLS);
  if (index < INDEXES) return index;
  SetLastError(ERROR_NO_MORE_ITEMS);
  return TLS_OUT_OF_INDEXES;
}

BOOL TlsFree(DWORD index) {
  if (index >= INDEXES) return acre__fail(ERROR_INVALID_PARAMETER);
  acre__take(ACRE_LOCK_TLS);
  bool allocated = atomic_load(&generations[index]) % 2 != 0;
  if (allocated) atomic_fetch_add(&generations[index], 1);
  acre__give(ACRE_LOCK_TLS);
  return allocated ? TRUE : acre__fail(ERROR_INVALID_PARAMETER);
}

LPVOID TlsGetValue(DWORD index) {
  if (index >= INDEXES) return acre__fail_null(ERROR_INVALID_PARAMETER);
  SetLastError(ERROR_SUCCESS); /* NULL is a value */
  return values != NULL && values[index].generation == atomic_load(&generations[index]) ? values[index].value : NULL;
}

BOOL TlsSetValue(DWORD index, LPVOID value) {
  if (index >= INDEXES) return acre__fail(ERROR_INVALID_PARAMETER);
  if (values == NULL) {
    pthread_once(&values_once, make_values_key);
    values = calloc(INDEXES, sizeof *values);
    if (values == NULL) return acre__fail(ERROR_NOT_ENOUGH_MEMORY);
    pthread_setspecific(values_key, values);
  }
  values[index] = (struct value){value, atomic_load(&generations[index])};
  return TRUE;
}
