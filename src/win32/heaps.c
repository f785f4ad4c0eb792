/* SPDX-License-Identifier: MIT */
/* heaps.c - HeapCreate, HeapAlloc and their kin; see heaps.h. What looks at heaps is in walk.c. */
#include "win32/heaps.h"

#include <stdlib.h>

#include "win32/locks.h"

/* ------------------------------------------------------------- what is known of each heap */

struct record {
  struct record *next; /* in its bucket */
  acre_heap *heap;
  DWORD options;
  void *range; /* executable memory of its own; NULL: none */
};

enum { BUCKETS = 256 };

static struct record *buckets[BUCKETS];

static struct record **bucket_of(const acre_heap *heap) {
  return &buckets[(uintptr_t)heap / ACRE_HEAP_SEGMENT % BUCKETS];
}

/* With the lock: the record, or NULL. */
static struct record **place_of(const acre_heap *heap) {
  struct record **place = bucket_of(heap);
  while (*place != NULL && (*place)->heap != heap) place = &(*place)->next;
  return place;
}

static DWORD options_of(const acre_heap *heap) {
  acre__take(ACRE_LOCK_HEAPS);
  const struct record *record = *place_of(heap);
  DWORD options = record != NULL ? record->options : HEAP_GROWABLE;
  acre__give(ACRE_LOCK_HEAPS);
  return options;
}

static bool remember(acre_heap *heap, DWORD options, void *range) {
  struct record *record = malloc(sizeof *record);
  if (record == NULL) return false;
  acre__take(ACRE_LOCK_HEAPS);
  struct record **bucket = bucket_of(heap);
  *record = (struct record){*bucket, heap, options, range};
  *bucket = record;
  acre__give(ACRE_LOCK_HEAPS);
  return true;
}

static struct record *take(const acre_heap *heap) {
  acre__take(ACRE_LOCK_HEAPS);
  struct record **place = place_of(heap), *record = *place;
  if (record != NULL) *place = record->next;
  acre__give(ACRE_LOCK_HEAPS);
  return record;
}

/* One that was made by acre_heap_create. */
static bool is_other_heap(const acre_heap *heap) {
  acre_heap *some[32], **all = some;
  size_t count = acre_heap_list(some, 32), room = 32;
  while (count > room) {
    if (all != some) free(all);
    room = count + 16;
    all = malloc(room * sizeof(acre_heap *));
    if (all == NULL) return false;
    count = acre_heap_list(all, room);
  }
  bool found = false;
  for (size_t i = 0; i < count; i++) found = found || all[i] == heap;
  if (all != some) free(all);
  return found;
}

bool acre__is_heap(HANDLE heap) {
  acre__take(ACRE_LOCK_HEAPS);
  bool found = *place_of(heap) != NULL;
  acre__give(ACRE_LOCK_HEAPS);
  return found || heap == acre_process_heap() || is_other_heap(heap);
}

/* ------------------------------------------------------------- making and ending */

enum { EXECUTABLE_HEAP = 64 << 20 }; /* bytes of one that was given no maximum */

static acre_result create_executable(acre_heap_options *options, acre_heap **out) {
  size_t size = options->limit != 0 ? options->limit + 2 * ACRE_HEAP_SEGMENT : EXECUTABLE_HEAP;
  acre_result result = acre_vm_reserve(
      size, &(acre_vm_options){.flags = ACRE_VM_COMMIT, .protection = ACRE_VM_EXECUTE_READ_WRITE}, &options->range);
  if (result != ACRE_OK) return result;
  options->range_size = size;
  options->initial_commit = 0;
  result = acre_heap_create(options, out);
  if (result != ACRE_OK) (void)acre_vm_release(options->range);
  return result;
}

HANDLE HeapCreate(DWORD options, SIZE_T initial, SIZE_T maximum) {
  if (maximum != 0 && maximum < initial) maximum = initial;
  if (initial > SIZE_MAX / 2 || maximum > SIZE_MAX / 2) return acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
  acre_heap_options wanted = {.name = "win32", .initial_commit = initial};
  if ((options & HEAP_NO_SERIALIZE) != 0) wanted.flags |= ACRE_HEAP_SINGLE_THREAD;
  if (maximum != 0) { /* whole segments, and one for the heap's own data */
    wanted.limit = (maximum + 2 * ACRE_HEAP_SEGMENT - 1) & ~(ACRE_HEAP_SEGMENT - 1);
    if (wanted.initial_commit > wanted.limit) wanted.initial_commit = wanted.limit;
  }
  acre_heap *heap;
  bool executes = (options & HEAP_CREATE_ENABLE_EXECUTE) != 0;
  acre_result result = executes ? create_executable(&wanted, &heap) : acre_heap_create(&wanted, &heap);
  if (result != ACRE_OK) return acre__fail_null(acre__win32_error(result));
  DWORD kept = (options & (HEAP_GENERATE_EXCEPTIONS | HEAP_NO_SERIALIZE)) | (maximum == 0 ? HEAP_GROWABLE : 0);
  if (!remember(heap, kept, wanted.range)) {
    (void)acre_heap_destroy(heap);
    if (executes) (void)acre_vm_release(wanted.range);
    return acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
  }
  return heap;
}

BOOL HeapDestroy(HANDLE heap) {
  if (heap == acre_process_heap()) return acre__fail(ERROR_INVALID_PARAMETER);
  struct record *record = take(heap);
  if (record == NULL && !is_other_heap(heap)) return acre__fail(ERROR_INVALID_HANDLE);
  acre__walk_forget(heap);
  acre_result result = acre_heap_destroy(heap);
  if (record != NULL && record->range != NULL) (void)acre_vm_release(record->range);
  free(record);
  return acre__done(result);
}

HANDLE GetProcessHeap(void) {
  return acre_process_heap();
}

DWORD GetProcessHeaps(DWORD count, PHANDLE heaps) {
  acre_process_heap();
  return (DWORD)acre_heap_list((acre_heap **)heaps, count);
}

/* ------------------------------------------------------------- sizes */

enum { LONG_TAIL = 255, LONG_TAIL_SIZE = 9 };

static void set_size(void *block, size_t usable, size_t size) {
  size_t rest = usable - size;
  unsigned char *end = (unsigned char *)block + usable;
  if (rest < LONG_TAIL) {
    end[-1] = (unsigned char)rest;
  } else {
    memcpy(end - LONG_TAIL_SIZE, &rest, sizeof rest);
    end[-1] = LONG_TAIL;
  }
}

/* What was overwritten, or is of another allocator of the heap, says at most that all of the block was asked for. */
size_t acre__block_size(const void *block) {
  size_t usable = acre_heap_size(block), rest;
  if (usable == 0) return 0;
  const unsigned char *end = (const unsigned char *)block + usable;
  rest = end[-1];
  if (rest == LONG_TAIL && usable >= LONG_TAIL_SIZE) memcpy(&rest, end - LONG_TAIL_SIZE, sizeof rest);
  return rest <= usable ? usable - rest : usable;
}

/* ------------------------------------------------------------- blocks */

/* A heap of limited size has no very large blocks (HeapCreate: "slightly less than ... 1,024 KB for a 64-bit process"). */
static const size_t LARGEST_OF_FIXED = 0xff000;

static void *failed(const acre_heap *heap, DWORD flags, DWORD error) {
  SetLastError(error);
  if (((flags | options_of(heap)) & HEAP_GENERATE_EXCEPTIONS) != 0) RaiseException(STATUS_NO_MEMORY, 0, 0, NULL);
  return NULL;
}

static bool is_too_large(const acre_heap *heap, size_t size) {
  if (size < LARGEST_OF_FIXED || heap == acre_process_heap()) return false;
  return (options_of(heap) & HEAP_GROWABLE) == 0;
}

LPVOID HeapAlloc(HANDLE heap, DWORD flags, SIZE_T size) {
  if (size >= LARGEST_OF_FIXED && (size >= SIZE_MAX - LONG_TAIL || is_too_large(heap, size)))
    return failed(heap, flags, ERROR_NOT_ENOUGH_MEMORY);
  void *block = (flags & HEAP_ZERO_MEMORY) != 0 ? acre_heap_zalloc(heap, size + 1) : acre_heap_alloc(heap, size + 1);
  if (block == NULL) return failed(heap, flags, ERROR_NOT_ENOUGH_MEMORY);
  size_t usable = acre_heap_rounded(heap, size + 1);
  set_size(block, usable != 0 ? usable : acre_heap_size(block), size);
  return block;
}

LPVOID HeapReAlloc(HANDLE heap, DWORD flags, LPVOID block, SIZE_T size) {
  if (block == NULL) return NULL; /* and the last error stays */
  if (acre_heap_of(block) != heap) return acre__fail_null(ERROR_INVALID_PARAMETER);
  if (size >= LARGEST_OF_FIXED && (size >= SIZE_MAX - LONG_TAIL || is_too_large(heap, size)))
    return failed(heap, flags, ERROR_NOT_ENOUGH_MEMORY);
  size_t before = acre__block_size(block);
  void *moved = block;
  if ((flags & HEAP_REALLOC_IN_PLACE_ONLY) == 0)
    moved = acre_heap_realloc(heap, block, size + 1);
  else if (acre_heap_resize_in_place(heap, block, size + 1) != ACRE_OK)
    moved = NULL;
  if (moved == NULL) return failed(heap, flags, ERROR_NOT_ENOUGH_MEMORY);
  if ((flags & HEAP_ZERO_MEMORY) != 0 && size > before) memset((char *)moved + before, 0, size - before);
  set_size(moved, acre_heap_size(moved), size);
  return moved;
}

BOOL HeapFree(HANDLE heap, DWORD flags, LPVOID block) {
  (void)flags;
  return acre__done(acre_heap_free(heap, block));
}

SIZE_T HeapSize(HANDLE heap, DWORD flags, LPCVOID block) {
  (void)flags;
  if (block != NULL && acre_heap_of(block) == heap) return acre__block_size(block);
  SetLastError(ERROR_INVALID_PARAMETER);
  return (SIZE_T)-1;
}

BOOL HeapLock(HANDLE heap) {
  if (!acre__is_heap(heap)) return acre__fail(ERROR_INVALID_HANDLE);
  if ((options_of(heap) & HEAP_NO_SERIALIZE) != 0) return acre__fail(ERROR_INVALID_HANDLE);
  acre_heap_lock(heap);
  return TRUE;
}

BOOL HeapUnlock(HANDLE heap) {
  if (!acre__is_heap(heap)) return acre__fail(ERROR_INVALID_HANDLE);
  return acre_heap_unlock(heap) == ACRE_OK ? TRUE : acre__fail(ERROR_NOT_OWNER);
}

/* ------------------------------------------------------------- settings */

BOOL HeapSetInformation(HANDLE heap, HEAP_INFORMATION_CLASS which, PVOID information, SIZE_T length) {
  const ULONG low_fragmentation = 2;
  switch (which) {
    case HeapCompatibilityInformation: /* every heap here is of that kind */
      if (length < sizeof(ULONG)) return acre__fail(ERROR_INSUFFICIENT_BUFFER);
      if (*(ULONG *)information != low_fragmentation) return acre__fail(ERROR_GEN_FAILURE);
      return TRUE;
    case HeapEnableTerminationOnCorruption: return TRUE;
    case HeapOptimizeResources: acre_heap_compact(heap); return TRUE;
  }
  return acre__fail(ERROR_INVALID_PARAMETER);
}

BOOL HeapQueryInformation(HANDLE heap, HEAP_INFORMATION_CLASS which, PVOID information, SIZE_T length, PSIZE_T needed) {
  if (which != HeapCompatibilityInformation) return acre__fail(ERROR_INVALID_PARAMETER);
  if (needed != NULL) *needed = sizeof(ULONG);
  if (length < sizeof(ULONG)) return acre__fail(ERROR_INSUFFICIENT_BUFFER);
  *(ULONG *)information = (options_of(heap) & HEAP_NO_SERIALIZE) != 0 ? 0 : 2;
  return TRUE;
}
