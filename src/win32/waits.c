/* SPDX-License-Identifier: MIT */
/* waits.c - see waits.h: events, mutexes, semaphores, and waiting for them. */
#include "win32/waits.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "win32/locks.h"
#include "win32/names.h"
#include "win32/text.h"

struct named {
  struct acre__object object;
  char *name; /* NULL: none */
  struct named *next;
};

struct event {
  struct named named;
  bool manual, set;
};

struct acre__mutex {
  struct named named;
  struct acre__thread *owner; /* NULL: free */
  unsigned recursion;
  bool abandoned;
  struct acre__mutex *next_owned;
};

struct semaphore {
  struct named named;
  LONG count, maximum;
};

struct wait {
  struct acre__object **objects;
  DWORD count;
  pthread_cond_t condition;
  struct wait *next;
};

static struct wait *waits;
static struct named *names;

/* ------------------------------------------------------------- waking */

void acre__waits_lock(void) {
  acre__take(ACRE_LOCK_WAITS);
}

void acre__waits_unlock(void) {
  acre__give(ACRE_LOCK_WAITS);
}

void acre__waits_wake(const struct acre__object *object) {
  for (struct wait *wait = waits; wait != NULL; wait = wait->next)
    for (DWORD i = 0; i < wait->count; i++)
      if (wait->objects[i] == object) pthread_cond_signal(&wait->condition);
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

static bool is_signalled(const struct acre__object *object, const struct acre__thread *self) {
  switch (object->kind) {
    case ACRE_KIND_EVENT: return ((const struct event *)object)->set;
    case ACRE_KIND_SEMAPHORE: return ((const struct semaphore *)object)->count > 0;
    case ACRE_KIND_THREAD: return ((const struct acre__thread *)object)->ended;
    case ACRE_KIND_MUTEX: {
      const struct acre__mutex *mutex = (const struct acre__mutex *)object;
      return mutex->owner == NULL || mutex->owner == self;
    }
    default: return false; /* this process, while it waits for itself */
  }
}

/* The wait is satisfied. True: by a mutex whose owner ended without releasing it. */
static bool take(struct acre__object *object, struct acre__thread *self) {
  if (object->kind == ACRE_KIND_EVENT) {
    struct event *event = (struct event *)object;
    if (!event->manual) event->set = false;
  } else if (object->kind == ACRE_KIND_SEMAPHORE) {
    ((struct semaphore *)object)->count--;
  } else if (object->kind == ACRE_KIND_MUTEX) {
    struct acre__mutex *mutex = (struct acre__mutex *)object;
    if (mutex->owner == NULL) {
      mutex->owner = self;
      mutex->next_owned = self->owned;
      self->owned = mutex;
      acre__object_retain(object);
    }
    mutex->recursion++;
    bool abandoned = mutex->abandoned;
    mutex->abandoned = false;
    return abandoned;
  }
  return false;
}

static void disown(struct acre__mutex *mutex) {
  struct acre__mutex **place = &mutex->owner->owned;
  while (*place != mutex) place = &(*place)->next_owned;
  *place = mutex->next_owned;
  mutex->owner = NULL;
  mutex->recursion = 0;
  acre__waits_wake(&mutex->named.object);
}

void acre__waits_abandon(struct acre__thread *thread) {
  while (thread->owned != NULL) {
    struct acre__mutex *mutex = thread->owned;
    mutex->abandoned = true;
    disown(mutex);
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

static DWORD wait_for(struct acre__object **objects, DWORD count, BOOL all, DWORD milliseconds) {
  struct wait wait = {.objects = objects, .count = count};
  struct acre__object *self = acre__current_thread();
  struct acre__thread *thread = (struct acre__thread *)self;
  if (self == NULL) return WAIT_FAILED;
  struct timespec end = after(milliseconds == INFINITE ? 0 : milliseconds);
  acre__waits_lock();
  begin_wait(&wait);
  DWORD result;
  int timed = 0;
  while ((result = all ? try_all(&wait, thread) : try_one(&wait, thread)) == WAIT_TIMEOUT && timed != ETIMEDOUT &&
         milliseconds != 0)
    timed = milliseconds == INFINITE ? pthread_cond_wait(&wait.condition, &acre__locks[ACRE_LOCK_WAITS])
                                     : pthread_cond_timedwait(&wait.condition, &acre__locks[ACRE_LOCK_WAITS], &end);
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

static void unname(struct acre__object *object) {
  struct named *named = (struct named *)object;
  acre__waits_lock();
  for (struct named **place = &names; *place != NULL; place = &(*place)->next)
    if (*place == named) {
      *place = named->next;
      break;
    }
  acre__waits_unlock();
}

static void destroy(struct acre__object *object) {
  free(((struct named *)object)->name);
  free(object);
}

static struct named *find(const char *name) {
  struct named *named = names;
  while (named != NULL && strcmp(named->name, name) != 0) named = named->next;
  return named;
}

/* The object of that name, as a further handle; NULL with the last error. With the lock, which is given back. */
static HANDLE open_found(struct named *found, enum acre__kind kind) {
  bool same = found != NULL && found->object.kind == kind;
  if (same) acre__object_retain(&found->object);
  acre__waits_unlock();
  if (found == NULL) return acre__fail_null(ERROR_FILE_NOT_FOUND);
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
  return named;
}

/* A handle of the new object, or of the one that has its name already (ERROR_ALREADY_EXISTS). The reference is used up. */
static HANDLE make_known(struct named *named) {
  acre__waits_lock();
  struct named *found = named->name != NULL ? find(named->name) : NULL;
  if (found != NULL) {
    HANDLE handle = open_found(found, named->object.kind);
    acre__object_release(&named->object);
    if (handle != NULL) SetLastError(ERROR_ALREADY_EXISTS);
    return handle;
  }
  if (named->name != NULL) {
    named->next = names;
    names = named;
  }
  acre__waits_unlock();
  HANDLE handle = acre__handle_add(&named->object); /* by its name others may have found it already */
  if (handle != NULL)
    SetLastError(ERROR_SUCCESS);
  else
    unname(&named->object);
  acre__object_release(&named->object);
  return handle;
}

/* ------------------------------------------------------------- events */

HANDLE CreateEventA(LPSECURITY_ATTRIBUTES security, BOOL manual, BOOL set, LPCSTR name) {
  (void)security;
  struct event *event = new_object(sizeof *event, ACRE_KIND_EVENT, name);
  if (event == NULL) return NULL;
  event->manual = manual != 0;
  event->set = set != 0;
  return make_known(&event->named);
}

HANDLE CreateEventW(LPSECURITY_ATTRIBUTES security, BOOL manual, BOOL set, LPCWSTR name) {
  ACRE_WITH_TEXT(HANDLE, NULL, name, CreateEventA(security, manual, set, text.bytes));
}

HANDLE OpenEventA(DWORD access, BOOL inherit, LPCSTR text) {
  char name[ACRE_NAME_ROOM];
  (void)access, (void)inherit;
  if (!acre__name_to_open(text, name)) return NULL;
  acre__waits_lock();
  return open_found(find(name), ACRE_KIND_EVENT);
}

HANDLE OpenEventW(DWORD access, BOOL inherit, LPCWSTR name) {
  ACRE_WITH_TEXT(HANDLE, NULL, name, OpenEventA(access, inherit, text.bytes));
}

static BOOL set_event(HANDLE handle, bool set) {
  struct acre__object *object = acre__object_of(handle, ACRE_KIND_EVENT);
  if (object == NULL) return FALSE;
  acre__waits_lock();
  ((struct event *)object)->set = set;
  if (set) acre__waits_wake(object);
  acre__waits_unlock();
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

BOOL ReleaseMutex(HANDLE handle) {
  struct acre__object *object = acre__object_of(handle, ACRE_KIND_MUTEX), *self = acre__current_thread();
  if (object == NULL || self == NULL) return FALSE;
  struct acre__mutex *mutex = (struct acre__mutex *)object;
  acre__waits_lock();
  bool mine = mutex->owner == (struct acre__thread *)self, last = mine && --mutex->recursion == 0;
  if (last) disown(mutex);
  acre__waits_unlock();
  if (last) acre__object_release(object); /* the owner's reference */
  acre__object_release(object);
  acre__object_release(self);
  return mine ? TRUE : acre__fail(ERROR_NOT_OWNER);
}

/* ------------------------------------------------------------- semaphores */

HANDLE CreateSemaphoreA(LPSECURITY_ATTRIBUTES security, LONG initial, LONG maximum, LPCSTR name) {
  (void)security;
  if (maximum <= 0 || initial < 0 || initial > maximum) return acre__fail_null(ERROR_INVALID_PARAMETER);
  struct semaphore *semaphore = new_object(sizeof *semaphore, ACRE_KIND_SEMAPHORE, name);
  if (semaphore == NULL) return NULL;
  semaphore->count = initial;
  semaphore->maximum = maximum;
  return make_known(&semaphore->named);
}

HANDLE CreateSemaphoreW(LPSECURITY_ATTRIBUTES security, LONG initial, LONG maximum, LPCWSTR name) {
  ACRE_WITH_TEXT(HANDLE, NULL, name, CreateSemaphoreA(security, initial, maximum, text.bytes));
}

BOOL ReleaseSemaphore(HANDLE handle, LONG count, LPLONG previous) {
  if (count <= 0) return acre__fail(ERROR_INVALID_PARAMETER);
  struct acre__object *object = acre__object_of(handle, ACRE_KIND_SEMAPHORE);
  if (object == NULL) return FALSE;
  struct semaphore *semaphore = (struct semaphore *)object;
  acre__waits_lock();
  bool fits = count <= semaphore->maximum - semaphore->count;
  if (previous != NULL && fits) *previous = semaphore->count;
  if (fits) semaphore->count += count;
  acre__waits_wake(object);
  acre__waits_unlock();
  acre__object_release(object);
  return fits ? TRUE : acre__fail(ERROR_TOO_MANY_POSTS);
}
