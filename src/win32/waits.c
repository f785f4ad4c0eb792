/* SPDX-License-Identifier: MIT */
/* waits.c - see waits.h: events, mutexes, semaphores, and waiting for them. */
#include "win32/waits.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "win32/locks.h"
#include "win32/names.h"
#include "win32/shared.h"
#include "win32/text.h"

/* Events and semaphores are this alone. */
struct named {
  struct acre__object object;
  char *name; /* NULL: none */
  struct named *next;
  struct acre__shared *shared; /* NULL: it has no name */
  struct acre__state *state, own;
};

struct acre__mutex {
  struct named named;
  struct acre__thread *owner; /* NULL: none of this process */
  unsigned recursion;
  struct acre__mutex *next_owned;
};

struct wait {
  struct acre__object **objects;
  DWORD count;
  bool shared; /* one of the objects is: it sleeps as threads of all processes do */
  bool polls;  /* one is a mutex of all processes, whose owner's end wakes nobody */
  pthread_cond_t condition;
  struct wait *next;
};

enum { POLL = 50, LOOK_AGAIN = 1000 /* milliseconds: the longest sleeps that others should end, should they not */ };

static struct wait *waits;
static struct named *names;

/* ------------------------------------------------------------- waking */

void acre__waits_lock(void) {
  acre__take(ACRE_LOCK_WAITS);
}

void acre__waits_unlock(void) {
  acre__give(ACRE_LOCK_WAITS);
}

/* What other processes see as well; else NULL. */
static struct acre__shared *shared_of(const struct acre__object *object) {
  const unsigned kinds = ACRE_KIND_EVENT | ACRE_KIND_MUTEX | ACRE_KIND_SEMAPHORE;
  return ((unsigned)object->kind & kinds) != 0 ? ((const struct named *)object)->shared : NULL;
}

/* Of one object: its state can be changed. */
static void lock_state(const struct acre__object *object) {
  acre__waits_lock();
  if (shared_of(object) != NULL) acre__shared_lock();
}

static void unlock_state(const struct acre__object *object) {
  if (shared_of(object) != NULL) acre__shared_unlock();
  acre__waits_unlock();
}

void acre__waits_wake(const struct acre__object *object) {
  bool shared = shared_of(object) != NULL;
  for (struct wait *wait = waits; wait != NULL; wait = wait->next)
    for (DWORD i = 0; i < wait->count; i++) {
      if (wait->objects[i] != object) continue;
      pthread_cond_signal(&wait->condition);
      shared = shared || wait->shared; /* it sleeps there for another object's sake */
    }
  if (shared) acre__shared_wake();
}

static void begin_wait(struct wait *wait) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&wait->condition, &attributes);
  pthread_condattr_destroy(&attributes);
  wait->next = waits;
  waits = wait;
}

static void end_wait(struct wait *wait) {
  struct wait **place = &waits;
  while (*place != wait) place = &(*place)->next;
  *place = wait->next;
  pthread_cond_destroy(&wait->condition);
}

void acre__waits_pause(const struct acre__object *object) {
  struct acre__object *objects[] = {(struct acre__object *)(uintptr_t)object};
  struct wait wait = {.objects = objects, .count = 1};
  begin_wait(&wait);
  pthread_cond_wait(&wait.condition, &acre__locks[ACRE_LOCK_WAITS]);
  end_wait(&wait);
}

/* ------------------------------------------------------------- states */

/* Who of this process has the mutex. What a child of fork has been left with is its parent's. */
static struct acre__thread *owner_of(const struct acre__mutex *mutex) {
  bool others = mutex->named.shared != NULL && mutex->named.state->process != (uint32_t)getpid();
  return others ? NULL : mutex->owner;
}

/* Whether a process that is no more has left the mutex. */
static bool was_left(const struct acre__mutex *mutex) {
  const struct acre__state *state = mutex->named.state;
  return state->process != 0 && owner_of(mutex) == NULL && !acre__process_runs(state->process, state->started);
}

static bool is_signalled(const struct acre__object *object, const struct acre__thread *self) {
  switch (object->kind) {
    case ACRE_KIND_EVENT: return ((const struct named *)object)->state->set != 0;
    case ACRE_KIND_SEMAPHORE: return ((const struct named *)object)->state->count > 0;
    case ACRE_KIND_THREAD: return ((const struct acre__thread *)object)->ended;
    case ACRE_KIND_MUTEX: {
      const struct acre__mutex *mutex = (const struct acre__mutex *)object;
      const struct acre__thread *owner = owner_of(mutex);
      if (owner != NULL) return owner == self;
      return mutex->named.state->process == 0 || was_left(mutex);
    }
    default: return false; /* this process, while it waits for itself */
  }
}

static void leave_owner(struct acre__mutex *mutex) {
  struct acre__mutex **place = &mutex->owner->owned;
  while (*place != mutex) place = &(*place)->next_owned;
  *place = mutex->next_owned;
  mutex->owner = NULL;
  mutex->recursion = 0;
}

/* An owner has a reference, which one of before a fork leaves to the next. */
static void own(struct acre__mutex *mutex, struct acre__thread *self) {
  struct acre__state *state = mutex->named.state;
  if (was_left(mutex)) state->abandoned = 1;
  if (mutex->owner != NULL)
    leave_owner(mutex);
  else
    acre__object_retain(&mutex->named.object);
  mutex->owner = self;
  mutex->next_owned = self->owned;
  self->owned = mutex;
  state->started = acre__process_started();
  state->process = (uint32_t)getpid();
}

static void disown(struct acre__mutex *mutex) {
  leave_owner(mutex);
  mutex->named.state->process = 0;
  acre__waits_wake(&mutex->named.object);
}

/* The wait is satisfied. True: by a mutex whose owner ended without releasing it. */
static bool take(struct acre__object *object, struct acre__thread *self) {
  if (object->kind == ACRE_KIND_THREAD) return false;
  struct acre__state *state = ((struct named *)object)->state;
  if (object->kind == ACRE_KIND_EVENT) {
    if (!state->manual) state->set = 0;
  } else if (object->kind == ACRE_KIND_SEMAPHORE) {
    state->count--;
  } else if (object->kind == ACRE_KIND_MUTEX) {
    struct acre__mutex *mutex = (struct acre__mutex *)object;
    if (owner_of(mutex) == NULL) own(mutex, self);
    mutex->recursion++;
    bool abandoned = state->abandoned != 0;
    state->abandoned = 0;
    return abandoned;
  }
  return false;
}

void acre__waits_abandon(struct acre__thread *thread) {
  while (thread->owned != NULL) {
    struct acre__mutex *mutex = thread->owned;
    bool shared = mutex->named.shared != NULL;
    if (shared) acre__shared_lock();
    if (owner_of(mutex) == thread) {
      mutex->named.state->abandoned = 1;
      disown(mutex);
    } else {
      leave_owner(mutex);
    }
    if (shared) acre__shared_unlock();
    acre__waits_unlock();
    acre__object_release(&mutex->named.object);
    acre__waits_lock();
  }
}

/* ------------------------------------------------------------- waiting */

/* WAIT_TIMEOUT: not yet. */
static DWORD try_one(const struct wait *wait, struct acre__thread *self) {
  for (DWORD i = 0; i < wait->count; i++)
    if (is_signalled(wait->objects[i], self))
      return (take(wait->objects[i], self) ? WAIT_ABANDONED_0 : WAIT_OBJECT_0) + i;
  return WAIT_TIMEOUT;
}

static DWORD try_all(const struct wait *wait, struct acre__thread *self) {
  for (DWORD i = 0; i < wait->count; i++)
    if (!is_signalled(wait->objects[i], self)) return WAIT_TIMEOUT;
  bool abandoned = false;
  for (DWORD i = 0; i < wait->count; i++) abandoned = take(wait->objects[i], self) || abandoned;
  return abandoned ? WAIT_ABANDONED_0 : WAIT_OBJECT_0;
}

static struct timespec after(DWORD milliseconds) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  time.tv_sec += milliseconds / 1000;
  time.tv_nsec += (long)(milliseconds % 1000) * 1000000;
  if (time.tv_nsec >= 1000000000) {
    time.tv_sec++;
    time.tv_nsec -= 1000000000;
  }
  return time;
}

/* Rounded up; 0: it is over. */
static DWORD until(const struct timespec *end) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  int64_t left = (end->tv_sec - now.tv_sec) * INT64_C(1000000000) + end->tv_nsec - now.tv_nsec;
  return left <= 0 ? 0 : (DWORD)((left + 999999) / 1000000);
}

static DWORD try_wait(const struct wait *wait, BOOL all, struct acre__thread *self) {
  if (wait->shared) acre__shared_lock();
  DWORD result = all ? try_all(wait, self) : try_one(wait, self);
  if (wait->shared) acre__shared_unlock();
  return result;
}

/* With the lock, which is given back meanwhile. `end`: NULL, there is none. */
static void sleep_once(struct wait *wait, uint32_t moment, const struct timespec *end) {
  pthread_mutex_t *lock = &acre__locks[ACRE_LOCK_WAITS];
  if (wait->shared) {
    DWORD most = wait->polls ? POLL : LOOK_AGAIN, left = end != NULL ? until(end) : most;
    acre__waits_unlock();
    acre__shared_sleep(moment, left < most ? left : most);
    acre__waits_lock();
  } else if (end != NULL) {
    pthread_cond_timedwait(&wait->condition, lock, end);
  } else {
    pthread_cond_wait(&wait->condition, lock);
  }
}

static DWORD wait_for(struct acre__object **objects, DWORD count, BOOL all, DWORD milliseconds) {
  struct wait wait = {.objects = objects, .count = count};
  struct acre__object *self = acre__current_thread();
  struct acre__thread *thread = (struct acre__thread *)self;
  if (self == NULL) return WAIT_FAILED;
  for (DWORD i = 0; i < count; i++) {
    wait.shared = wait.shared || shared_of(objects[i]) != NULL;
    wait.polls = wait.polls || (shared_of(objects[i]) != NULL && objects[i]->kind == ACRE_KIND_MUTEX);
  }
  struct timespec end = after(milliseconds == INFINITE ? 0 : milliseconds);
  acre__waits_lock();
  begin_wait(&wait);
  DWORD result;
  for (bool over = milliseconds == 0;; over = milliseconds != INFINITE && until(&end) == 0) {
    uint32_t moment = wait.shared ? acre__shared_moment() : 0;
    result = try_wait(&wait, all, thread);
    if (result != WAIT_TIMEOUT || over) break;
    sleep_once(&wait, moment, milliseconds == INFINITE ? NULL : &end);
  }
  end_wait(&wait);
  acre__waits_unlock();
  acre__object_release(self);
  return result;
}

DWORD WaitForMultipleObjects(DWORD count, const HANDLE *objects, BOOL all, DWORD milliseconds) {
  struct acre__object *found[MAXIMUM_WAIT_OBJECTS];
  if (count == 0 || count > MAXIMUM_WAIT_OBJECTS) {
    SetLastError(ERROR_INVALID_PARAMETER);
    return WAIT_FAILED;
  }
  DWORD had = 0, result = WAIT_FAILED;
  while (had < count && (found[had] = acre__object_of(objects[had], ACRE_KIND_WAITABLE)) != NULL) had++;
  if (had == count) result = wait_for(found, count, all, milliseconds);
  while (had > 0) acre__object_release(found[--had]);
  return result;
}

DWORD WaitForMultipleObjectsEx(DWORD count, const HANDLE *objects, BOOL all, DWORD milliseconds, BOOL alertable) {
  (void)alertable; /* nothing here is called back */
  return WaitForMultipleObjects(count, objects, all, milliseconds);
}

DWORD WaitForSingleObject(HANDLE object, DWORD milliseconds) {
  return WaitForMultipleObjects(1, &object, FALSE, milliseconds);
}

DWORD WaitForSingleObjectEx(HANDLE object, DWORD milliseconds, BOOL alertable) {
  return WaitForMultipleObjectsEx(1, &object, FALSE, milliseconds, alertable);
}

/* ------------------------------------------------------------- names */

/* Whether it was in the list. */
static bool take_out(struct named *named) {
  struct named **place = &names;
  while (*place != NULL && *place != named) place = &(*place)->next;
  bool found = *place != NULL;
  if (found) *place = named->next;
  return found;
}

static void unname(struct acre__object *object) {
  struct named *named = (struct named *)object;
  acre__waits_lock();
  bool found = take_out(named);
  acre__waits_unlock();
  if (found) acre__shared_leave_name(named->shared);
}

static void destroy(struct acre__object *object) {
  struct named *named = (struct named *)object;
  if (named->shared != NULL) acre__shared_close(named->shared);
  free(named->name);
  free(named);
}

/* As the process ends: its names would be found dead, but stay until somebody asks for them. */
static __attribute__((destructor)) void unname_all(void) {
  acre__waits_lock();
  struct named *all = names;
  names = NULL;
  acre__waits_unlock();
  for (; all != NULL; all = all->next) acre__shared_leave_name(all->shared);
  acre__shared_leave_hub();
}

static struct named *find(const char *name) {
  struct named *named = names;
  while (named != NULL && strcmp(named->name, name) != 0) named = named->next;
  return named;
}

/* The object as a further handle, if it is of that kind; NULL with the last error. With the lock, which is given back. */
static HANDLE open_found(struct named *found, enum acre__kind kind) {
  bool same = found->object.kind == kind;
  if (same) acre__object_retain(&found->object);
  acre__waits_unlock();
  if (!same) return acre__fail_null(ERROR_INVALID_HANDLE);
  HANDLE handle = acre__handle_add(&found->object);
  acre__object_release(&found->object);
  return handle;
}

/* A new object, which nobody knows yet, with a reference for the caller; what its kind adds is zero. NULL with the last error. */
static void *new_object(size_t size, enum acre__kind kind, const char *text) {
  char name[ACRE_NAME_ROOM];
  if (!acre__name_to_make(text, name)) return NULL;
  bool has_name = *name != 0;
  struct named *named = calloc(1, size);
  char *copy = named != NULL && has_name ? strdup(name) : NULL;
  if (named == NULL || (has_name && copy == NULL)) {
    free(named);
    return acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
  }
  named->object = (struct acre__object){.kind = kind, .unhandled = has_name ? unname : NULL, .destroy = destroy};
  atomic_init(&named->object.references, 1);
  named->name = copy;
  named->state = &named->own;
  return named;
}

/* The object has its handle, or another one has had its name before; the reference is used up. With the lock, which is given back. */
static HANDLE enter(struct named *named) {
  struct named *found = named->name != NULL ? find(named->name) : NULL;
  HANDLE handle;
  if (found != NULL) {
    handle = open_found(found, named->object.kind);
  } else {
    if (named->name != NULL) {
      named->next = names;
      names = named;
    }
    acre__waits_unlock();
    handle = acre__handle_add(&named->object); /* by its name others may have found it already */
    if (handle == NULL && named->name != NULL) unname(&named->object);
  }
  acre__object_release(&named->object);
  return handle;
}

/* A handle of the new object, or of the one that has its name already, here (ERROR_ALREADY_EXISTS) or in another process. */
static HANDLE make_known(struct named *named) {
  bool created = true;
  acre__waits_lock();
  if (named->name != NULL && find(named->name) == NULL) {
    acre__waits_unlock();
    named->shared = acre__shared_open(named->name, named->object.kind, &named->own, &created);
    if (named->shared == NULL) {
      acre__object_release(&named->object);
      return NULL;
    }
    named->state = named->shared->state;
    acre__waits_lock();
  } else {
    created = named->name == NULL;
  }
  HANDLE handle = enter(named);
  if (handle != NULL) SetLastError(created ? ERROR_SUCCESS : ERROR_ALREADY_EXISTS);
  return handle;
}

/* A handle of the object that has the name, here or in another process. */
static HANDLE open_known(size_t size, enum acre__kind kind, const char *text) {
  char name[ACRE_NAME_ROOM];
  bool created;
  if (!acre__name_to_open(text, name)) return NULL;
  acre__waits_lock();
  struct named *named = find(name);
  if (named != NULL) return open_found(named, kind);
  acre__waits_unlock();
  struct acre__shared *shared = acre__shared_open(name, kind, NULL, &created);
  if (shared == NULL) return NULL;
  named = new_object(size, kind, text);
  if (named == NULL) {
    acre__shared_close(shared);
    return NULL;
  }
  named->shared = shared;
  named->state = shared->state;
  acre__waits_lock();
  return enter(named);
}

/* ------------------------------------------------------------- events */

HANDLE CreateEventA(LPSECURITY_ATTRIBUTES security, BOOL manual, BOOL set, LPCSTR name) {
  (void)security;
  struct named *event = new_object(sizeof *event, ACRE_KIND_EVENT, name);
  if (event == NULL) return NULL;
  event->own.manual = manual != 0;
  event->own.set = set != 0;
  return make_known(event);
}

HANDLE CreateEventW(LPSECURITY_ATTRIBUTES security, BOOL manual, BOOL set, LPCWSTR name) {
  ACRE_WITH_TEXT(HANDLE, NULL, name, CreateEventA(security, manual, set, text.bytes));
}

HANDLE OpenEventA(DWORD access, BOOL inherit, LPCSTR name) {
  (void)access, (void)inherit;
  return open_known(sizeof(struct named), ACRE_KIND_EVENT, name);
}

HANDLE OpenEventW(DWORD access, BOOL inherit, LPCWSTR name) {
  ACRE_WITH_TEXT(HANDLE, NULL, name, OpenEventA(access, inherit, text.bytes));
}

static BOOL set_event(HANDLE handle, bool set) {
  struct acre__object *object = acre__object_of(handle, ACRE_KIND_EVENT);
  if (object == NULL) return FALSE;
  lock_state(object);
  ((struct named *)object)->state->set = set;
  if (set) acre__waits_wake(object);
  unlock_state(object);
  acre__object_release(object);
  return TRUE;
}

BOOL SetEvent(HANDLE event) {
  return set_event(event, true);
}

BOOL ResetEvent(HANDLE event) {
  return set_event(event, false);
}

/* ------------------------------------------------------------- mutexes */

HANDLE CreateMutexA(LPSECURITY_ATTRIBUTES security, BOOL owned, LPCSTR name) {
  (void)security;
  struct acre__mutex *mutex = new_object(sizeof *mutex, ACRE_KIND_MUTEX, name);
  HANDLE handle = mutex != NULL ? make_known(&mutex->named) : NULL;
  if (handle != NULL && owned && GetLastError() != ERROR_ALREADY_EXISTS) {
    WaitForSingleObject(handle, 0);
    SetLastError(ERROR_SUCCESS);
  }
  return handle;
}

HANDLE CreateMutexW(LPSECURITY_ATTRIBUTES security, BOOL owned, LPCWSTR name) {
  ACRE_WITH_TEXT(HANDLE, NULL, name, CreateMutexA(security, owned, text.bytes));
}

HANDLE OpenMutexA(DWORD access, BOOL inherit, LPCSTR name) {
  (void)access, (void)inherit;
  return open_known(sizeof(struct acre__mutex), ACRE_KIND_MUTEX, name);
}

HANDLE OpenMutexW(DWORD access, BOOL inherit, LPCWSTR name) {
  ACRE_WITH_TEXT(HANDLE, NULL, name, OpenMutexA(access, inherit, text.bytes));
}

BOOL ReleaseMutex(HANDLE handle) {
  struct acre__object *object = acre__object_of(handle, ACRE_KIND_MUTEX), *self = acre__current_thread();
  if (object == NULL || self == NULL) return FALSE;
  struct acre__mutex *mutex = (struct acre__mutex *)object;
  lock_state(object);
  bool mine = owner_of(mutex) == (struct acre__thread *)self, last = mine && --mutex->recursion == 0;
  if (last) disown(mutex);
  unlock_state(object);
  if (last) acre__object_release(object); /* the owner's reference */
  acre__object_release(object);
  acre__object_release(self);
  return mine ? TRUE : acre__fail(ERROR_NOT_OWNER);
}

/* ------------------------------------------------------------- semaphores */

HANDLE CreateSemaphoreA(LPSECURITY_ATTRIBUTES security, LONG initial, LONG maximum, LPCSTR name) {
  (void)security;
  if (maximum <= 0 || initial < 0 || initial > maximum) return acre__fail_null(ERROR_INVALID_PARAMETER);
  struct named *semaphore = new_object(sizeof *semaphore, ACRE_KIND_SEMAPHORE, name);
  if (semaphore == NULL) return NULL;
  semaphore->own.count = initial;
  semaphore->own.maximum = maximum;
  return make_known(semaphore);
}

HANDLE CreateSemaphoreW(LPSECURITY_ATTRIBUTES security, LONG initial, LONG maximum, LPCWSTR name) {
  ACRE_WITH_TEXT(HANDLE, NULL, name, CreateSemaphoreA(security, initial, maximum, text.bytes));
}

HANDLE OpenSemaphoreA(DWORD access, BOOL inherit, LPCSTR name) {
  (void)access, (void)inherit;
  return open_known(sizeof(struct named), ACRE_KIND_SEMAPHORE, name);
}

HANDLE OpenSemaphoreW(DWORD access, BOOL inherit, LPCWSTR name) {
  ACRE_WITH_TEXT(HANDLE, NULL, name, OpenSemaphoreA(access, inherit, text.bytes));
}

BOOL ReleaseSemaphore(HANDLE handle, LONG count, LPLONG previous) {
  if (count <= 0) return acre__fail(ERROR_INVALID_PARAMETER);
  struct acre__object *object = acre__object_of(handle, ACRE_KIND_SEMAPHORE);
  if (object == NULL) return FALSE;
  struct acre__state *state = ((struct named *)object)->state;
  lock_state(object);
  bool fits = count <= state->maximum - state->count;
  if (previous != NULL && fits) *previous = state->count;
  if (fits) state->count += count;
  acre__waits_wake(object);
  unlock_state(object);
  acre__object_release(object);
  return fits ? TRUE : acre__fail(ERROR_TOO_MANY_POSTS);
}
