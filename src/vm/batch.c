/* SPDX-License-Identifier: MIT */
/*
 * batch.c - acre_vm_commit_runs and acre_vm_decommit_runs.
 *
 * What costs time where scattered pages come and go is the way into the kernel,
 * once for each. Where guard markers do the work (commit.h) many runs can go in one:
 *
 *   runs     [a][b]  [c] [d]   [e]      in the order in which they are given
 *   gathered [a  b    c]       (d is no case for a marker)
 *            one system call, one pass over each chunk's record
 *   alone    [d]               acre_vm_commit
 *   gathered [e ...
 *
 * Gathered are runs of one region, ascending, that are nothing but revealed (or
 * hidden). Whatever goes wrong with them, the call is short of some runs, and the first of
 * these is done alone: that knows what to do, and says why it fails.
 *
 * Lock: the region's, for one batch at a time.
 */
#include "base/math.h"
#include "vm/chunks.h"
#include "vm/commit.h"
#include "vm/ledger.h"
#include "vm/protection.h"
#include "vm/root.h"

enum { MOST = 64 }; /* beyond this a call gains next to nothing */

struct batch {
  struct acre__region *region; /* locked */
  bool commits;
  unsigned protection; /* that the pages get; 0: they are decommitted */
  size_t count;
  struct acre__os_range ranges[MOST];
};

/* ------------------------------------------------------------- gathering */

static size_t page_at(const struct acre__region *region, uintptr_t address) {
  return (address - acre__region_base(region)) >> acre__root.page_shift;
}

/* The run's pages, if it lies in the region. */
static bool pages_of(const struct acre__region *region, const acre_vm_run *run, size_t *start, size_t *end) {
  uintptr_t offset = (uintptr_t)run->address - acre__region_base(region), size = acre__region_size(region);
  if (offset >= size || run->size == 0 || run->size > size - offset) return false;
  *start = offset >> acre__root.page_shift;
  *end = ((offset + run->size - 1) >> acre__root.page_shift) + 1;
  return true;
}

static bool add(struct batch *batch, const acre_vm_run *run, size_t behind) {
  struct acre__region *region = batch->region;
  size_t start, end;
  if (!pages_of(region, run, &start, &end) || start < behind) return false;
  bool simple = batch->commits ? acre__commit_only_reveals(region, start, end, batch->protection)
                               : acre__decommit_only_hides(region, start, end);
  if (!simple) return false;
  batch->ranges[batch->count++] = (struct acre__os_range){acre__region_address(region, start),
                                                          (end - start) << acre__root.page_shift};
  return true;
}

/* Gathers from the front of the runs. With two or more of them, the region is locked. */
static void gather(struct batch *batch, const acre_vm_run *runs, size_t count, unsigned protection) {
  batch->count = 0;
  struct acre__region *region = acre__region_lock((uintptr_t)runs->address);
  if (region == NULL) return;
  batch->region = region;
  if (region->kind == ACRE_VM_KIND_PRIVATE) {
    batch->protection = batch->commits && protection == ACRE_VM_DEFAULT ? region->protection : protection;
    for (size_t behind = 0; batch->count < acre__min(count, (size_t)MOST);) {
      if (!add(batch, &runs[batch->count], behind)) break;
      const struct acre__os_range *last = &batch->ranges[batch->count - 1];
      behind = page_at(region, (uintptr_t)last->address + last->size);
    }
  }
  if (batch->count < 2) acre__region_unlock(region);
}

/* ------------------------------------------------------------- changing */

/* The ranges that lie in one chunk, counted from its first page. */
struct group {
  size_t chunk;
  unsigned count;
  struct acre__span spans[MOST];
};

/* The group of range `first` and those behind it, up to `end`. Returns the range behind the group. */
static size_t take_group(const struct batch *batch, size_t first, size_t end, struct group *group) {
  group->chunk = page_at(batch->region, (uintptr_t)batch->ranges[first].address) / ACRE_CHUNK_PAGES;
  group->count = 0;
  for (; first < end; first++) {
    const struct acre__os_range *range = &batch->ranges[first];
    size_t start = page_at(batch->region, (uintptr_t)range->address) - group->chunk * ACRE_CHUNK_PAGES;
    if (start >= ACRE_CHUNK_PAGES) break;
    size_t pages = range->size >> acre__root.page_shift;
    group->spans[group->count++] = (struct acre__span){(unsigned)start, (unsigned)(start + pages)};
  }
  return first;
}

static bool prepare(const struct batch *batch) {
  struct group group;
  for (size_t i = 0; i < batch->count;) {
    i = take_group(batch, i, batch->count, &group);
    if (!acre__chunk_prepare_spans(acre__table_chunk(&batch->region->table, group.chunk), group.count)) return false;
  }
  return true;
}

/* The first `count` are done. */
static void record(const struct batch *batch, size_t count) {
  struct acre__region *region = batch->region;
  struct group group;
  for (size_t i = 0; i < count;) {
    i = take_group(batch, i, count, &group);
    acre__chunk_edit_spans(acre__table_chunk(&region->table, group.chunk), group.spans, group.count,
                           batch->commits ? batch->protection : 0);
    if (batch->commits)
      acre__chunk_settle(region, group.chunk);
    else
      acre__decommit_settle(region, group.chunk);
  }
}

static size_t pages_between(const struct batch *batch, size_t from, size_t to) {
  size_t bytes = 0;
  for (; from < to; from++) bytes += batch->ranges[from].size;
  return bytes >> acre__root.page_shift;
}

/* Returns how many of the gathered runs are done, and gives the lock back. */
static size_t change(const struct batch *batch) {
  size_t done = 0, count = batch->count;
  bool can = prepare(batch);
  if (can && batch->commits) can = acre__ledger_charge(pages_between(batch, 0, count)) == ACRE_OK;
  if (can) {
    done = batch->commits ? acre__os_reveal_each(batch->ranges, count) : acre__os_hide_each(batch->ranges, count);
    record(batch, done);
    acre__ledger_uncharge(batch->commits ? pages_between(batch, done, count) : pages_between(batch, 0, done));
  }
  acre__region_unlock(batch->region);
  return done;
}

/* ------------------------------------------------------------- the interface */

static acre_result change_runs(const acre_vm_run *runs, size_t count, bool commits, acre_vm_protection protection,
                               size_t *done) {
  acre_result result = ACRE_OK;
  if (runs == NULL && count > 0) result = ACRE_E_INVALID_ARGUMENT;
  if (!acre__protection_is_valid_for_commit(protection)) result = ACRE_E_INVALID_PROTECTION;
  struct batch batch = {.commits = commits};
  size_t at = 0;
  while (result == ACRE_OK && at < count) {
    batch.count = 0;
    if ((protection & ACRE_VM_GUARD) == 0) gather(&batch, &runs[at], count - at, protection);
    size_t changed = batch.count < 2 ? 0 : change(&batch);
    at += changed;
    if (at == count || (changed > 0 && changed == batch.count)) continue;
    result = commits ? acre_vm_commit(runs[at].address, runs[at].size, protection)
                     : acre_vm_decommit(runs[at].address, runs[at].size);
    if (result == ACRE_OK) at++;
  }
  if (done != NULL) *done = at;
  return result;
}

acre_result acre_vm_commit_runs(const acre_vm_run *runs, size_t count, acre_vm_protection protection, size_t *done) {
  return change_runs(runs, count, true, protection, done);
}

acre_result acre_vm_decommit_runs(const acre_vm_run *runs, size_t count, size_t *done) {
  return change_runs(runs, count, false, ACRE_VM_DEFAULT, done);
}
