/* SPDX-License-Identifier: MIT */
/*
 * What the kernel says about this process on Windows (see kernel.h): VirtualQuery
 * of runs of pages, and QueryWorkingSetEx of the pages that are accessible.
 *
 * A page that was taken from the working set, to the paging file or to the list
 * of those that go next, is no longer `touched` until it is touched again.
 */
#include "kernel.h"

#include "win.h"

#include <errno.h>
#include <psapi.h>

enum { BATCH = 4096 }; /* pages asked for at once */

static bool query(const void *address, MEMORY_BASIC_INFORMATION *info) {
  return VirtualQuery(address, info, sizeof *info) == sizeof *info;
}

static uintptr_t end_of(const MEMORY_BASIC_INFORMATION *info) {
  return (uintptr_t)info->BaseAddress + info->RegionSize;
}

/* ------------------------------------------------------------- the process */

bool kernel_process(struct kernel_process *out) {
  PROCESS_MEMORY_COUNTERS counters = {.cb = sizeof counters};
  MEMORY_BASIC_INFORMATION info;
  const void *last = NULL;
  *out = (struct kernel_process){0};
  if (!K32GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters)) return win_fail();
  out->rss = counters.WorkingSetSize;
  for (uintptr_t at = 0; query((void *)at, &info); at = end_of(&info)) {
    if (info.State == MEM_FREE || info.AllocationBase == last) continue;
    last = info.AllocationBase;
    out->mappings++;
  }
  return true;
}

/* A system that says of a process with files that it has never read or written counts nothing. */
bool kernel_transferred(uint64_t *out) {
  IO_COUNTERS counters;
  if (!GetProcessIoCounters(GetCurrentProcess(), &counters)) return win_fail();
  if (counters.ReadOperationCount + counters.WriteOperationCount == 0) {
    errno = ENOSYS;
    return false;
  }
  *out = counters.ReadTransferCount + counters.WriteTransferCount;
  return true;
}

/* The system does not tell. */
bool kernel_dirty(const void *base, uint64_t *out) {
  (void)base, (void)out;
  errno = ENOSYS;
  return false;
}

bool kernel_anonymous(const void *base, uint64_t *out) {
  MEMORY_BASIC_INFORMATION info;
  *out = 0;
  if (!query(base, &info)) return win_fail();
  const void *whole = info.AllocationBase;
  for (; query(base, &info) && info.AllocationBase == whole && info.State != MEM_FREE; base = (void *)end_of(&info)) {
    bool copies = info.Protect == PAGE_READWRITE && info.AllocationProtect == PAGE_WRITECOPY;
    if (info.State == MEM_COMMIT && (info.Type == MEM_PRIVATE || copies)) *out += info.RegionSize;
  }
  return true;
}

/* ------------------------------------------------------------- the states of pages */

struct look {
  size_t page;
  struct kernel_range *sums;
  kernel_visitor visitor;
  void *context;
};

static void add_run(struct look *look, uintptr_t start, uintptr_t end, enum page_state state) {
  if (start == end) return;
  uint64_t bytes = end - start;
  switch (state) {
    case PAGE_FREE: look->sums->free += bytes; break;
    case PAGE_RESERVED: look->sums->reserved += bytes; break;
    case PAGE_TOUCHED: look->sums->touched += bytes; /* fall through */
    case PAGE_COMMITTED: look->sums->committed += bytes; break;
  }
  if (look->visitor != NULL) look->visitor(start, end, state, look->context);
}

static bool look_at_pages(struct look *look, uintptr_t start, uintptr_t end) {
  static PSAPI_WORKING_SET_EX_INFORMATION pages[BATCH];
  while (start < end) {
    size_t count = (end - start) / look->page;
    if (count > BATCH) count = BATCH;
    for (size_t i = 0; i < count; i++) pages[i].VirtualAddress = (void *)(start + i * look->page);
    if (!K32QueryWorkingSetEx(GetCurrentProcess(), pages, (DWORD)(count * sizeof *pages))) return win_fail();
    uintptr_t run = start;
    for (size_t i = 1; i <= count; i++) {
      bool valid = pages[i - 1].VirtualAttributes.Valid;
      if (i < count && pages[i].VirtualAttributes.Valid == valid) continue;
      uintptr_t at = start + i * look->page;
      add_run(look, run, at, valid ? PAGE_TOUCHED : PAGE_COMMITTED);
      run = at;
    }
    start = run;
  }
  return true;
}

bool kernel_range(const void *base, size_t size, struct kernel_range *out, kernel_visitor visitor, void *context) {
  *out = (struct kernel_range){0};
  struct look look = {.page = kernel_page_size(), .sums = out, .visitor = visitor, .context = context};
  uintptr_t at = (uintptr_t)base, end = at + size;
  for (uintptr_t next; at < end; at = next) {
    MEMORY_BASIC_INFORMATION info;
    if (!query((void *)at, &info)) return win_fail();
    next = end_of(&info) < end ? end_of(&info) : end;
    if (info.State == MEM_FREE)
      add_run(&look, at, next, PAGE_FREE);
    else if (info.State == MEM_RESERVE || (info.Protect & (PAGE_NOACCESS | PAGE_GUARD)) != 0)
      add_run(&look, at, next, PAGE_RESERVED);
    else if (!look_at_pages(&look, at, next))
      return false;
  }
  return true;
}
