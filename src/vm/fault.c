/* SPDX-License-Identifier: MIT */
#include "vm/fault.h"

#include <stdatomic.h>

#include "base/math.h"
#include "vm/bare.h"
#include "vm/commit.h"
#include "vm/gate.h"
#include "vm/meta.h"
#include "vm/protection.h"
#include "vm/root.h"
#include "vm/stack.h"
#include "vm/touch.h"
#include "vm/written.h"

/* ------------------------------------------------------------- Acre's own means */

static bool is_allowed(unsigned protection, enum acre__os_fault_access access) {
  switch (access) {
    case ACRE_OS_FAULT_READ: return acre__protection_reads(protection);
    case ACRE_OS_FAULT_WRITE: return acre__protection_writes(protection);
    case ACRE_OS_FAULT_EXECUTE: return acre__protection_executes(protection);
  }
  return false;
}

/*
 * A fault on a page that allows the access is a race with another thread's
 * commit, unless the system refuses what the table allows: so it is asked.
 */
static bool can_try_again(const struct acre__region *region, size_t page, unsigned protection,
                          const struct acre__os_fault *fault) {
  if (!acre__protection_reads(protection)) return !fault->no_backing; /* code that cannot be read cannot be asked for */
  bool writes = fault->access == ACRE_OS_FAULT_WRITE;
  return acre__os_populate(acre__region_address(region, page), acre__root.system.page_size, writes) == ACRE_OK;
}

/* Both tell in `report` what the fault is. True: it is repaired. */
static bool repair_reserved(struct acre__region *region, size_t page, const struct acre__os_fault *fault,
                            acre_vm_fault *report) {
  const struct acre__region_extra *extra = acre__region_extra(region);
  if (extra == NULL || !is_allowed(region->protection, fault->access)) return false;
  if (extra->stack_step != 0) {
    if (acre__stack_is_over(region, page)) report->reason = ACRE_VM_FAULT_STACK_OVERFLOW;
    if (!acre__stack_wants(region, page, fault->stack_pointer)) return false;
    report->result = acre__stack_grow(region, page);
    return report->result == ACRE_OK;
  }
  if (extra->touch_pages == 0) return false;
  report->result = acre__touch_page(region, page);
  return report->result == ACRE_OK;
}

static bool repair_guard(struct acre__region *region, size_t page, unsigned attributes,
                         const struct acre__os_fault *fault, acre_vm_fault *report) {
  const struct acre__region_extra *extra = acre__region_extra(region);
  acre_vm_protection protection = (acre_vm_protection)(attributes & ACRE_PAGE_PROTECTION);
  report->reason = ACRE_VM_FAULT_GUARD;
  if (extra != NULL && extra->stack_step != 0 && acre__stack_wants(region, page, fault->stack_pointer)) {
    report->result = acre__stack_grow(region, page);
    return report->result == ACRE_OK;
  }
  report->result = acre__protect_pages(region, page, page + 1, protection);
  return false;
}

/* Zero pages take the place of what is gone. A thread that waits for the lock meanwhile finds them. */
static bool replace_lost(struct acre__region *region, size_t page, const struct acre__os_fault *fault) {
  struct acre__region_extra *extra = acre__region_extra(region);
  if (extra == NULL || extra->lost == NULL || acre__os_is_guarded(fault)) return false;
  size_t end = page + extra->lost(extra->lost_context, page);
  while (page < end) {
    struct acre__page_run run = acre__table_run(&region->table, page, end, ACRE_PAGE_EFFECT);
    void *address = acre__region_address(region, page);
    size_t size = (run.end - page) << acre__root.page_shift;
    if (run.attributes != 0) {
      acre_vm_protection protection = (acre_vm_protection)acre__page_access(run.attributes);
      if (acre__os_decommit(address, size) != ACRE_OK || acre__os_commit(address, size, protection) != ACRE_OK)
        return false;
      extra->mappings += 2;
      acre__mappings_changed(2);
    }
    page = run.end;
  }
  return true;
}

/* *wait: not yet, but after a wait for the region's gate. */
static bool repair(struct acre__region *region, const struct acre__os_fault *fault, acre_vm_fault *report, bool *wait) {
  size_t page = (fault->address - acre__region_base(region)) >> acre__root.page_shift;
  unsigned attributes = acre__table_run(&region->table, page, page + 1, ACRE_PAGE_EFFECT).attributes;
  unsigned protection = attributes & ACRE_PAGE_PROTECTION;
  report->state = attributes != 0 ? ACRE_VM_COMMITTED : ACRE_VM_RESERVED;
  report->protection = attributes != 0 ? (acre_vm_protection)protection : ACRE_VM_NO_ACCESS;
  if (attributes == 0) return repair_reserved(region, page, fault, report);
  if ((attributes & ACRE_PAGE_GUARD) != 0) return repair_guard(region, page, attributes, fault, report);
  bool allowed = is_allowed(protection, fault->access);
  if (allowed && region->table.shut && fault->access == ACRE_OS_FAULT_WRITE) {
    bool was_open = acre__table_run(&region->table, page, page + 1, ACRE_PAGE_WRITTEN).attributes != 0;
    enum acre__note note = acre__written_note(region, page);
    *wait = note == ACRE_NOTE_WAIT;
    if (note != ACRE_NOTE_FAILED && !was_open) return true;
  }
  report->reason = allowed ? ACRE_VM_FAULT_NO_BACKING : ACRE_VM_FAULT_PROTECTED;
  if (!allowed) return false;
  return can_try_again(region, page, protection, fault) || (fault->no_backing && replace_lost(region, page, fault));
}

/* ------------------------------------------------------------- the handler */

static enum acre__os_fault_answer ask(acre_vm_fault_handler handler, const acre_vm_fault *report, void *context) {
  bool before = acre__region_enter_handler();
  acre_vm_fault_answer answer = handler(report, context);
  acre__region_leave_handler(before);
  switch (answer) {
    case ACRE_VM_FAULT_HANDLED: return ACRE_OS_FAULT_REPAIRED;
    case ACRE_VM_FAULT_FAIL: return ACRE_OS_FAULT_DIE;
    case ACRE_VM_FAULT_NOT_MINE: break;
  }
  return ACRE_OS_FAULT_PASS_ON;
}

/* Asked last: whoever calls acre_vm_on_any_fault writes a new pair, and a fault reads one whole. */
struct last_resort {
  acre_vm_fault_handler handler;
  void *context;
};
static _Atomic(struct last_resort *) last_resort;

static enum acre__os_fault_answer ask_last(const acre_vm_fault *report) {
  const struct last_resort *last = atomic_load_explicit(&last_resort, memory_order_acquire);
  return last == NULL ? ACRE_OS_FAULT_PASS_ON : ask(last->handler, report, last->context);
}

/* In a range that is no region: an open page is a race with who has opened it. */
static enum acre__os_fault_answer handle_bare(const struct acre__os_fault *fault, acre_vm_fault_handler handler) {
  size_t page = acre__root.system.page_size;
  void *start = (void *)acre__align_down(fault->address, page);
  if (acre__os_populate(start, page, fault->access == ACRE_OS_FAULT_WRITE) == ACRE_OK) return ACRE_OS_FAULT_REPAIRED;
  acre_vm_fault report = {.address = (void *)fault->address,
                          .access = (acre_vm_access)fault->access,
                          .reason = ACRE_VM_FAULT_RESERVED,
                          .state = ACRE_VM_RESERVED,
                          .protection = ACRE_VM_NO_ACCESS,
                          .registers = fault->registers};
  return ask(handler, &report, NULL);
}

static enum acre__os_fault_answer handle(const struct acre__os_fault *fault) {
  acre_vm_fault_handler bare = acre__bare_handler(fault);
  if (bare != NULL) return handle_bare(fault, bare);
  struct acre__region *region = acre__region_lock_in_handler(fault->address);
  bool repaired = false, wait = false;
  uint32_t turns = 0;
  acre_vm_fault report = {.address = (void *)fault->address,
                          .access = (acre_vm_access)fault->access,
                          .reason = fault->no_backing ? ACRE_VM_FAULT_NO_BACKING : ACRE_VM_FAULT_PROTECTED,
                          .kind = ACRE_VM_KIND_FOREIGN,
                          .registers = fault->registers};
  acre_vm_fault_handler handler = NULL;
  void *context = NULL;
  if (region != NULL && acre__region_is_watched(region)) {
    const struct acre__region_extra *extra = acre__region_extra(region);
    report.reason = ACRE_VM_FAULT_RESERVED;
    report.kind = (acre_vm_kind)region->kind;
    report.region_base = (void *)acre__region_base(region);
    report.region_size = acre__region_size(region);
    repaired = repair(region, fault, &report, &wait);
    turns = acre__gate_turns();
    if (extra != NULL) {
      handler = extra->handler;
      context = extra->handler_context;
    }
  }
  if (region != NULL) acre__unlock(&region->lock);
  if (wait) acre__gate_wait(turns);
  if (repaired) return ACRE_OS_FAULT_REPAIRED;
  if (fault->no_backing && acre__os_guard_leave(fault)) return ACRE_OS_FAULT_REPAIRED;
  enum acre__os_fault_answer answer = handler == NULL ? ACRE_OS_FAULT_PASS_ON : ask(handler, &report, context);
  return answer == ACRE_OS_FAULT_PASS_ON ? ask_last(&report) : answer;
}

/* ------------------------------------------------------------- asking for it */

/* The root's lock, as one thread at a time may install, and a fork waits for it. */
acre_result acre__faults_install(void) {
  struct acre__root *root = acre__root_get();
  acre__lock(&root->making);
  acre_result result = acre__os_fault_install(handle);
  acre__unlock(&root->making);
  return result;
}

/* With the lock, which is given back: a region that comes to be watched is locked anew, with signals held back. */
static void watch(struct acre__region *region) {
  acre__region_watch(region);
  acre__region_unlock(region);
}

acre_result acre__range_lock_watched(const void *address, size_t size, struct acre__range *out) {
  acre_result result = acre__faults_install();
  for (;;) {
    if (result == ACRE_OK) result = acre__range_lock(address, size, out);
    if (result != ACRE_OK || acre__region_is_watched(out->region)) return result;
    watch(out->region);
  }
}

acre_result acre__region_lock_to_watch(void *base, bool to_watch, struct acre__region **out) {
  acre_result result = to_watch ? acre__faults_install() : ACRE_OK;
  if (result != ACRE_OK) return result;
  for (;;) {
    struct acre__region *region = acre__region_lock((uintptr_t)base);
    if (region == NULL) return ACRE_E_NOT_A_REGION;
    if (acre__region_base(region) != (uintptr_t)base) {
      acre__region_unlock(region);
      return ACRE_E_NOT_REGION_BASE;
    }
    if (!to_watch || acre__region_is_watched(region)) {
      *out = region;
      return ACRE_OK;
    }
    watch(region);
  }
}

acre_result acre_vm_on_fault(void *region_base, acre_vm_fault_handler handler, void *context) {
  if (region_base == NULL) return ACRE_E_INVALID_ARGUMENT;
  struct acre__region *region;
  acre_result result = acre__region_lock_to_watch(region_base, handler != NULL, &region);
  if (result != ACRE_OK) return result;
  struct acre__region_extra *extra = handler != NULL ? acre__region_need_extra(region) : acre__region_extra(region);
  if (extra != NULL) {
    extra->handler = handler;
    extra->handler_context = context;
  } else if (handler != NULL) {
    result = ACRE_E_NO_MEMORY;
  }
  acre__region_unlock(region);
  return result;
}

/* A pair that is replaced stays: another thread may be reading it. */
acre_result acre_vm_on_any_fault(acre_vm_fault_handler handler, void *context) {
  struct last_resort *pair = NULL;
  if (handler != NULL) {
    acre_result result = acre__faults_install();
    if (result != ACRE_OK) return result;
    pair = acre__meta_alloc(sizeof *pair);
    if (pair == NULL) return ACRE_E_NO_MEMORY;
    *pair = (struct last_resort){.handler = handler, .context = context};
  }
  atomic_store_explicit(&last_resort, pair, memory_order_release);
  return ACRE_OK;
}
