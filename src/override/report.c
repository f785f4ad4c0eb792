/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "override/report.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/line.h"
#include "heap/local.h"
#include "override/board.h"
#include "override/override.h"
#include "vm/root.h"
#include "vm/services.h"

struct acre__board_entry *acre__report_entry;

static struct acre__board *board;
static size_t look_at; /* segments that the heap has when it is looked at next; lock: the heap's */
static bool forked;    /* the heap's own peak is a parent's */

/* A static program has it not. */
extern __typeof__(dladdr) dladdr __attribute__((weak));

/* ------------------------------------------------------------- files of /proc */

static size_t read_start(const char *path, char *out, size_t size) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = file < 0 ? 0 : read(file, out, size - 1);
  if (file >= 0) close(file);
  out[length > 0 ? length : 0] = '\0';
  return length > 0 ? (size_t)length : 0;
}

/* A figure of /proc/self/status, in bytes. */
static uint64_t status_bytes(const char *text, const char *name) {
  const char *line = strstr(text, name);
  uint64_t kibibytes = 0;
  if (line == NULL) return 0;
  for (line += strlen(name); *line == ' ' || *line == '\t'; line++) {
  }
  for (; *line >= '0' && *line <= '9'; line++) kibibytes = kibibytes * 10 + (uint64_t)(*line - '0');
  return kibibytes << 10;
}

/* ------------------------------------------------------------- an entry of one's own */

/* The entry that this process has already, as it was another program before; NULL: none. */
static struct acre__board_entry *former_entry(uint32_t pid) {
  uint32_t used = atomic_load_explicit(&board->used, memory_order_acquire);
  for (uint32_t i = 0; i < used && i < ACRE_BOARD_ENTRIES; i++) {
    struct acre__board_entry *entry = &board->entries[i];
    if (atomic_load_explicit(&entry->pid, memory_order_relaxed) == pid &&
        atomic_load_explicit(&entry->state, memory_order_relaxed) == ACRE_BOARD_RUNS)
      return entry;
  }
  return NULL;
}

static void begin_entry(void) {
  uint32_t pid = (uint32_t)getpid();
  struct acre__board_entry *entry = former_entry(pid);
  if (entry == NULL) {
    uint32_t index = atomic_fetch_add_explicit(&board->used, 1, memory_order_acq_rel);
    entry = index < ACRE_BOARD_ENTRIES ? &board->entries[index] : NULL;
  }
  acre__report_entry = entry;
  look_at = 0;
  if (entry == NULL) return;
  char path[4096], *name;
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  path[length > 0 ? length : 0] = '\0';
  name = strrchr(path, '/');
  struct acre__line line = acre__line_in(entry->program, sizeof entry->program);
  acre__line_add(&line, name == NULL ? path : name + 1);
  entry->parent = (uint32_t)getppid();
  atomic_store_explicit(&entry->pid, pid, memory_order_relaxed);
  atomic_store_explicit(&entry->state, ACRE_BOARD_RUNS, memory_order_release);
}

/* ------------------------------------------------------------- figures */

static void note_peak(_Atomic uint64_t *peak, uint64_t now) {
  if (now > atomic_load_explicit(peak, memory_order_relaxed)) atomic_store_explicit(peak, now, memory_order_relaxed);
}

void acre__report_growth(void) {
  struct acre__board_entry *entry = acre__report_entry;
  acre_heap *heap = acre_process_heap();
  if (entry == NULL || heap == NULL) return;
  bool taken = acre__heap_lock(heap);
  size_t segments = heap->segments, peak = forked ? segments : heap->peak;
  bool look = segments >= look_at;
  if (look) look_at = segments + segments / 8 + 4;
  acre__heap_unlock(heap, taken);
  atomic_store_explicit(&entry->reserved, (uint64_t)segments << ACRE_SEGMENT_SHIFT, memory_order_relaxed);
  note_peak(&entry->reserved_peak, (uint64_t)peak << ACRE_SEGMENT_SHIFT);
  acre_heap_figures figures;
  if (!look) return;
  if (acre_heap_stats(heap, &figures) == ACRE_OK) note_peak(&entry->in_use_peak, figures.in_use);
}

void acre__report_limit(size_t size, const void *caller) {
  struct acre__board_entry *entry = acre__report_entry;
  if (entry == NULL) return;
  if (atomic_fetch_add_explicit(&entry->limit_hits, 1, memory_order_relaxed) != 0) return;
  entry->limit_size = size;
  Dl_info info;
  struct acre__line line = acre__line_in(entry->limit_where, sizeof entry->limit_where);
  if (dladdr == NULL || dladdr(caller, &info) == 0 || info.dli_fname == NULL) {
    acre__line_add(&line, "0x");
    acre__line_add_number(&line, (uintptr_t)caller, 16);
    return;
  }
  const char *file = strrchr(info.dli_fname, '/');
  acre__line_add(&line, file == NULL ? info.dli_fname : file + 1);
  acre__line_add(&line, info.dli_sname == NULL ? "+0x" : ": ");
  if (info.dli_sname != NULL) {
    acre__line_add(&line, info.dli_sname);
    acre__line_add(&line, "+0x");
  }
  const void *base = info.dli_sname == NULL ? info.dli_fbase : info.dli_saddr;
  acre__line_add_number(&line, (uintptr_t)caller - (uintptr_t)base, 16);
}

/* Puts the class where it belongs among the largest. */
static void rank(struct acre__board_class *classes, const struct acre__board_class *what) {
  unsigned at = ACRE_BOARD_CLASSES;
  while (at > 0 && classes[at - 1].bytes < what->bytes) at--;
  if (at == ACRE_BOARD_CLASSES || what->blocks == 0) return;
  memmove(&classes[at + 1], &classes[at], (ACRE_BOARD_CLASSES - 1 - at) * sizeof *classes);
  classes[at] = *what;
}

static void end_entry(void) {
  struct acre__board_entry *entry = acre__report_entry;
  acre_heap *heap = acre_process_heap();
  acre_heap_figures figures;
  acre_system system;
  char status[4096];
  if (entry == NULL || heap == NULL || acre__lock_is_mine(&heap->lock)) return;
  if (acre_heap_stats(heap, &figures) != ACRE_OK) return;
  acre__report_entry = NULL; /* whoever goes on, does so uncounted */
  atomic_store_explicit(&entry->reserved, figures.reserved, memory_order_relaxed);
  note_peak(&entry->reserved_peak, forked ? figures.reserved : figures.peak);
  note_peak(&entry->in_use_peak, figures.in_use);
  entry->in_use = figures.in_use;
  entry->blocks = figures.blocks;
  entry->large = figures.large;
  entry->threads = (uint32_t)figures.locals;
  memset(entry->classes, 0, sizeof entry->classes);
  uint64_t small = 0;
  for (unsigned i = 0; i < ACRE_HEAP_CLASSES; i++) {
    struct acre__board_class class = {figures.classes[i].size, figures.classes[i].blocks,
                                      figures.classes[i].size * figures.classes[i].blocks};
    small += class.bytes;
    rank(entry->classes, &class);
  }
  rank(entry->classes, &(struct acre__board_class){0, figures.large, figures.in_use - small});
  if (acre_system_info(&system) == ACRE_OK) {
    entry->committed = system.commit_charge;
    entry->committed_peak = system.commit_peak;
  }
  if (acre__override_note_checks != NULL) acre__override_note_checks(entry);
  (void)read_start("/proc/self/status", status, sizeof status);
  entry->resident = status_bytes(status, "VmRSS:");
  entry->resident_peak = status_bytes(status, "VmHWM:");
  atomic_store_explicit(&entry->state, ACRE_BOARD_ENDED, memory_order_release);
}

/* ------------------------------------------------------------- begin and end */

static struct acre__board *map_board(const char *path) {
  struct stat status;
  int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return NULL;
  void *mapped = MAP_FAILED;
  if (fstat(file, &status) == 0 && status.st_size >= (off_t)sizeof *board)
    mapped = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped == MAP_FAILED) return NULL;
  if (((struct acre__board *)mapped)->magic == ACRE_BOARD_MAGIC) return mapped;
  munmap(mapped, sizeof *board);
  return NULL;
}

static void begin_in_child(void) {
  forked = true;
  if (board != NULL) begin_entry();
}

/* A thread that gives back what is kept, where it is asked for. (Options are read at the first allocation, if there is one.) */
static void begin_purging(void) {
  const char *options = secure_getenv("ACRE_OPTIONS");
  size_t milliseconds = options == NULL || strstr(options, "purge=") == NULL ? 0 : acre__root_get()->options.purge;
  if (milliseconds != 0 && acre_heap_purge_start((unsigned)acre__min(milliseconds, UINT_MAX)) != ACRE_OK)
    acre__vm_say("acre: ACRE_OPTIONS: purge: there is no such thread to be had\n");
}

__attribute__((constructor)) static void begin(void) {
  begin_purging();
  const char *path = secure_getenv(ACRE_BOARD_VARIABLE);
  if (path == NULL) return;
  int error = errno;
  board = map_board(path);
  if (board != NULL) {
    begin_entry();
    (void)pthread_atfork(NULL, NULL, begin_in_child);
  }
  errno = error;
}

/*
 * As late as a library can: other ones' ends come before, as they were loaded later.
 * Nothing is told by a vfork's child, which has the parent's memory, nor by a signal
 * handler that ends a program in the midst of an allocation.
 */
__attribute__((destructor)) void acre__report_end(void) {
  int error = errno;
  struct acre__board_entry *entry = acre__report_entry;
  if (entry != NULL && atomic_load_explicit(&entry->pid, memory_order_relaxed) == (uint32_t)getpid() &&
      atomic_load_explicit(&acre__this_thread.busy, memory_order_relaxed) == 0)
    end_entry();
  errno = error;
}
