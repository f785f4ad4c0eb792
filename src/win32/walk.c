/* SPDX-License-Identifier: MIT */
/*
 * walk.c - looking at heaps: HeapWalk, HeapValidate, HeapSummary, HeapCompact.
 *
 * HeapWalk goes entry by entry, acre_heap_walk calls back: so the first step
 * takes down all entries, and the following ones read them, until the walk is at its end, or
 * begins anew. There is one such record for each heap that is being walked.
 */
#include <stdlib.h>

#include "win32/heaps.h"
#include "win32/locks.h"

struct record {
  struct record *next;
  acre_heap *heap;
  size_t count, room, at; /* at: of the entry that was given last */
  acre_heap_entry *entries;
  bool failed;
};

static struct record *records;
atomic_uint acre__walks; /* how many records there are */

static bool take_down(const acre_heap_entry *entry, void *context) {
  struct record *record = context;
  if (record->count == record->room) {
    size_t room = record->room == 0 ? 256 : record->room * 2;
    acre_heap_entry *entries = realloc(record->entries, room * sizeof *entries);
    record->failed = entries == NULL;
    if (record->failed) return false;
    record->entries = entries;
    record->room = room;
  }
  record->entries[record->count++] = *entry;
  return true;
}

static void drop(struct record **place) {
  struct record *record = *place;
  *place = record->next;
  atomic_fetch_sub(&acre__walks, 1);
  free(record->entries);
  free(record);
}

static struct record **place_of(const acre_heap *heap) {
  struct record **place = &records;
  while (*place != NULL && (*place)->heap != heap) place = &(*place)->next;
  return place;
}

void acre__walk_forget(const acre_heap *heap) {
  acre__take(ACRE_LOCK_WALKS);
  struct record **place = place_of(heap);
  if (*place != NULL) drop(place);
  acre__give(ACRE_LOCK_WALKS);
}

/*
 * Without the lock, as nobody calls Acre with one (locks.h). What is walked may be malloc's own heap, which is locked
 * meanwhile: so the room is there before.
 */
static bool begin(acre_heap *heap) {
  acre_heap_figures figures;
  struct record *record = calloc(1, sizeof *record);
  if (record == NULL) return false;
  acre_heap_stats(heap, &figures);
  record->room = 4096 + figures.reserved / 16 + figures.blocks;
  record->entries = malloc(record->room * sizeof *record->entries);
  record->heap = heap;
  if (record->entries != NULL) (void)acre_heap_walk(heap, take_down, record);
  if (record->failed || record->entries == NULL) {
    free(record->entries);
    free(record);
    return false;
  }
  acre__take(ACRE_LOCK_WALKS);
  struct record **place = place_of(heap);
  if (*place != NULL) drop(place);
  record->next = records;
  records = record;
  atomic_fetch_add(&acre__walks, 1);
  acre__give(ACRE_LOCK_WALKS);
  return true;
}

static void give(const acre_heap_entry *from, BYTE region, PROCESS_HEAP_ENTRY *out) {
  *out = (PROCESS_HEAP_ENTRY){.lpData = (void *)from->address, .iRegionIndex = region};
  switch (from->kind) {
    case ACRE_HEAP_REGION:
      out->wFlags = PROCESS_HEAP_REGION;
      out->Region.dwCommittedSize = (DWORD)(from->size > MAXDWORD ? MAXDWORD : from->size);
      out->Region.lpFirstBlock = (void *)from->address;
      out->Region.lpLastBlock = (char *)from->address + from->size;
      break;
    case ACRE_HEAP_BUSY: {
      size_t size = acre_heap_size_exact(from->address), rest = from->size - size;
      out->wFlags = PROCESS_HEAP_ENTRY_BUSY;
      out->cbData = (DWORD)(size > MAXDWORD ? MAXDWORD : size);
      out->cbOverhead = (BYTE)(rest > 255 ? 255 : rest);
      break;
    }
    case ACRE_HEAP_FREE: out->cbData = (DWORD)from->size; break;
  }
}

/* The index of the entry that a step has given, from its address; the last one is tried first. */
static size_t find(const struct record *record, const PROCESS_HEAP_ENTRY *entry) {
  bool region = (entry->wFlags & PROCESS_HEAP_REGION) != 0;
  for (size_t i = 0; i < record->count; i++) {
    size_t index = (record->at + i) % record->count;
    const acre_heap_entry *known = &record->entries[index];
    if (known->address == entry->lpData && (known->kind == ACRE_HEAP_REGION) == region) return index;
  }
  return SIZE_MAX;
}

BOOL HeapWalk(HANDLE heap, LPPROCESS_HEAP_ENTRY entry) {
  if (entry == NULL) return acre__fail(ERROR_INVALID_PARAMETER);
  if (!acre__is_heap(heap)) return acre__fail(ERROR_INVALID_HANDLE);
  DWORD error = ERROR_SUCCESS;
  bool first = entry->lpData == NULL;
  if (first && !begin(heap)) return acre__fail(ERROR_NOT_ENOUGH_MEMORY);
  acre__take(ACRE_LOCK_WALKS);
  struct record **place = place_of(heap);
  if (*place == NULL) {
    error = ERROR_INVALID_PARAMETER;
  } else {
    struct record *record = *place;
    size_t at = first ? 0 : find(record, entry) + 1;
    if (at == 0 && !first)
      error = ERROR_INVALID_PARAMETER;
    else if (at >= record->count)
      error = ERROR_NO_MORE_ITEMS;
    if (error == ERROR_SUCCESS) {
      BYTE region = first ? 0 : entry->iRegionIndex;
      if (!first && record->entries[at].kind == ACRE_HEAP_REGION) region++;
      record->at = at;
      give(&record->entries[at], region, entry);
    } else if (error == ERROR_NO_MORE_ITEMS) {
      drop(place);
    }
  }
  acre__give(ACRE_LOCK_WALKS);
  return error == ERROR_SUCCESS ? TRUE : acre__fail(error);
}

BOOL HeapValidate(HANDLE heap, DWORD flags, LPCVOID block) {
  (void)flags;
  if (!acre__is_heap(heap)) return acre__fail(ERROR_INVALID_HANDLE);
  return acre_heap_validate(heap, block) == ACRE_OK; /* a FALSE answer is no error: the last one stays */
}

BOOL HeapSummary(HANDLE heap, DWORD flags, LPHEAP_SUMMARY summary) {
  acre_heap_figures figures;
  (void)flags;
  if (summary == NULL || summary->cb != sizeof *summary) return acre__fail(ERROR_INVALID_PARAMETER);
  if (!acre__is_heap(heap)) return acre__fail(ERROR_INVALID_HANDLE);
  acre_heap_stats(heap, &figures);
  *summary = (HEAP_SUMMARY){.cb = sizeof *summary,
                            .cbAllocated = figures.in_use,
                            .cbCommitted = figures.reserved,
                            .cbReserved = figures.reserved + figures.set_aside,
                            .cbMaxReserve = figures.limit == SIZE_MAX ? figures.reserved : figures.limit};
  return TRUE;
}

static bool note_largest(const acre_heap_entry *entry, void *context) {
  size_t *largest = context;
  if (entry->kind == ACRE_HEAP_FREE && entry->size > *largest) *largest = entry->size;
  return true;
}

/* The largest free block, as on Windows. The memory that goes back meanwhile is not told. */
SIZE_T HeapCompact(HANDLE heap, DWORD flags) {
  size_t largest = 0;
  (void)flags;
  if (!acre__is_heap(heap)) return (SIZE_T)acre__fail(ERROR_INVALID_HANDLE);
  acre_heap_compact(heap);
  (void)acre_heap_walk(heap, note_largest, &largest);
  SetLastError(NO_ERROR);
  return largest;
}
