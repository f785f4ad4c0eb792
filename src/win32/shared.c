/* SPDX-License-Identifier: MIT */
/* shared.c - see shared.h. */
#include "win32/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const uint64_t STATE_MARK = 0x31746a626f657263, HUB_MARK = 0x3162756865726361;

enum { PATIENCE = 20 /* milliseconds of waiting for the lock, until its holder is looked at */ };
enum { WAIT = 0, WAKE = 1 /* futex operations, of all processes */ };
static const uint32_t SLEEPERS = UINT32_C(0x80000000);

/* lock: the number of the process that has it, and SLEEPERS if somebody may sleep. */
struct hub {
  _Atomic uint64_t mark;
  _Atomic uint32_t lock, moment;
  _Atomic uint64_t holder; /* its number, and some bits of when it was started; of who had it before, for a moment */
};

static _Atomic(struct hub *) the_hub; /* for good */
static _Atomic(acre_section *) hub_section;

/* ------------------------------------------------------------- processes */

/* The 22nd field of /proc/N/stat; 0: there is no such process, or it only waits for its parent. */
static uint64_t start_of(uint32_t process) {
  char path[40], text[1024];
  snprintf(path, sizeof path, "/proc/%u/stat", process);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
  if (fd >= 0) close(fd);
  text[length > 0 ? length : 0] = 0;
  const char *at = strrchr(text, ')'); /* the program's name may have anything in it */
  if (at == NULL || at[1] == 0 || at[2] == 'Z' || at[2] == 'X') return 0;
  for (int field = 2; at != NULL && field < 22; field++) at = strchr(at + 1, ' ');
  return at != NULL ? strtoull(at, NULL, 10) : 0;
}

/* Of this one it is read once; a child of fork has another number. */
uint64_t acre__process_started(void) {
  static _Atomic uint64_t known, of;
  uint32_t self = (uint32_t)getpid();
  if (atomic_load(&of) != self) {
    atomic_store(&known, start_of(self));
    atomic_store(&of, self);
  }
  return atomic_load(&known);
}

bool acre__process_runs(uint32_t process, uint64_t started) {
  if (kill((pid_t)process, 0) != 0 && errno == ESRCH) return false;
  return start_of(process) == started;
}

/* ------------------------------------------------------------- opening */

/* The first page of a name's section, which whoever makes it ends by a mark. NULL with the last error. */
static void *open_page(const char *name, bool only_look, size_t size, acre_section **section, acre_view **view,
                       bool *created) {
  acre_name_options options = {.access = ACRE_ACCESS_READ_WRITE,
                               .mode = only_look ? ACRE_FILE_OPEN : ACRE_FILE_OPEN_OR_CREATE,
                               .size = acre__figures()->page_size};
  acre_view_options view_options = {.access = ACRE_ACCESS_READ_WRITE};
  *created = false;
  acre_result result = acre_section_open(name, &options, created, section);
  if (result != ACRE_OK) return acre__fail_null(acre__win32_error(result));
  result = acre_view_map(*section, 0, size, &view_options, view);
  if (result == ACRE_OK) return acre_view_data(*view);
  acre_section_close(*section);
  return acre__fail_null(acre__win32_error(result));
}

/* Another one may be making it. */
static bool wait_for_mark(const _Atomic uint64_t *mark, uint64_t wanted) {
  for (int i = 0; i < 5000 && atomic_load_explicit(mark, memory_order_acquire) == 0; i++) usleep(1000);
  return atomic_load_explicit(mark, memory_order_acquire) == wanted;
}

static bool open_hub(void) {
  acre_section *section;
  acre_view *view;
  bool created;
  if (atomic_load_explicit(&the_hub, memory_order_acquire) != NULL) return true;
  struct hub *hub = open_page("%W", false, sizeof *hub, &section, &view, &created), *none = NULL;
  if (hub == NULL) return false;
  if (created) atomic_store_explicit(&hub->mark, HUB_MARK, memory_order_release);
  bool good = wait_for_mark(&hub->mark, HUB_MARK);
  if (good && atomic_compare_exchange_strong(&the_hub, &none, hub)) {
    atomic_store(&hub_section, section);
    return true;
  }
  (void)acre_view_unmap(view);
  acre_section_close(section);
  return good ? true : acre__fail(ERROR_INVALID_HANDLE);
}

void acre__shared_leave_hub(void) {
  acre_section_close(atomic_exchange(&hub_section, NULL));
}

static bool fill(struct acre__shared *shared, enum acre__kind kind, const struct acre__state *begin, bool created) {
  struct acre__state *state = shared->state;
  if (created && begin != NULL) { /* what is only looked for is not made */
    state->kind = kind;
    state->manual = begin->manual;
    state->set = begin->set;
    state->count = begin->count;
    state->maximum = begin->maximum;
    atomic_store_explicit(&state->mark, STATE_MARK, memory_order_release);
  }
  return wait_for_mark(&state->mark, STATE_MARK) && state->kind == (uint64_t)kind;
}

struct acre__shared *acre__shared_open(const char *name, enum acre__kind kind, const struct acre__state *begin,
                                       bool *created) {
  if (!open_hub()) return NULL;
  struct acre__shared *shared = calloc(1, sizeof *shared);
  if (shared == NULL) return acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
  shared->state = open_page(name, begin == NULL, sizeof *shared->state, &shared->section, &shared->view, created);
  if (shared->state == NULL) {
    free(shared);
    return NULL;
  }
  if (fill(shared, kind, begin, *created)) return shared;
  acre__shared_leave_name(shared);
  acre__shared_close(shared);
  return acre__fail_null(ERROR_INVALID_HANDLE);
}

void acre__shared_leave_name(struct acre__shared *shared) {
  acre_section_close(shared->section);
  shared->section = NULL;
}

void acre__shared_close(struct acre__shared *shared) {
  acre_section_close(shared->section);
  (void)acre_view_unmap(shared->view);
  free(shared);
}

/* ------------------------------------------------------------- the lock */

static void sleep_on(_Atomic uint32_t *word, uint32_t value, DWORD milliseconds) {
  struct timespec time = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
  syscall(SYS_futex, word, WAIT, value, &time, NULL, 0);
}

static uint64_t mark_of_holder(uint32_t process, uint64_t started) {
  return (uint64_t)process << 32 | (uint32_t)started;
}

/* Its number is another's by now, or nobody's. What its holder has not told yet cannot be known. */
static bool holder_is_gone(const struct hub *hub, uint32_t process) {
  uint64_t started = start_of(process), holder = atomic_load(&hub->holder);
  return started == 0 || (holder >> 32 == process && holder != mark_of_holder(process, started));
}

void acre__shared_lock(void) {
  struct hub *hub = atomic_load_explicit(&the_hub, memory_order_acquire);
  uint32_t self = (uint32_t)getpid(), seen = 0, wanted = self;
  while (!atomic_compare_exchange_strong(&hub->lock, &seen, wanted)) {
    uint32_t marked = seen | SLEEPERS;
    if (seen != 0 && (seen == marked || atomic_compare_exchange_strong(&hub->lock, &seen, marked))) {
      sleep_on(&hub->lock, marked, PATIENCE);
      if (atomic_load(&hub->lock) == marked && holder_is_gone(hub, marked & ~SLEEPERS))
        atomic_compare_exchange_strong(&hub->lock, &marked, 0);
    }
    wanted = self | SLEEPERS; /* others may sleep as well */
    seen = 0;
  }
  atomic_store(&hub->holder, mark_of_holder(self, acre__process_started()));
}

void acre__shared_unlock(void) {
  struct hub *hub = atomic_load_explicit(&the_hub, memory_order_acquire);
  if ((atomic_exchange(&hub->lock, 0) & SLEEPERS) != 0) syscall(SYS_futex, &hub->lock, WAKE, 1, NULL, NULL, 0);
}

/* ------------------------------------------------------------- sleeping */

uint32_t acre__shared_moment(void) {
  return atomic_load(&atomic_load_explicit(&the_hub, memory_order_acquire)->moment);
}

void acre__shared_sleep(uint32_t moment, DWORD milliseconds) {
  sleep_on(&atomic_load_explicit(&the_hub, memory_order_acquire)->moment, moment, milliseconds);
}

void acre__shared_wake(void) {
  struct hub *hub = atomic_load_explicit(&the_hub, memory_order_acquire);
  atomic_fetch_add(&hub->moment, 1);
  syscall(SYS_futex, &hub->moment, WAKE, INT32_MAX, NULL, NULL, 0);
}
