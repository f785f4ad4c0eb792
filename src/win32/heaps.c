/* SPDX-License-Identifier: MIT */
/* heaps.c - HeapCreate, HeapAlloc and their kin; see heaps.h. What looks at heaps is in walk.c. */
#include "win32/heaps.h"

/* Out of the way of what calls do nearly always. */
#define COLD __attribute__((noinline, cold))

/* ------------------------------------------------------------- what is known of each heap */

enum { EXECUTES = 8, KINDS = 16 };

/* How HeapCreate made a heap: one of these is its context, whose number is the HEAP_ flags that count later. */
static char kinds[KINDS];

static atomic_uint executable; /* heaps that execute, for who only wants to know whether there is one */

_Static_assert((HEAP_NO_SERIALIZE | HEAP_GROWABLE | HEAP_GENERATE_EXCEPTIONS) < EXECUTES,
               "the flags are numbers of kinds");

/* Of one that HeapCreate has not made: it grows. */
static DWORD kind_of(const acre_heap_options *options) {
  uintptr_t kind = (uintptr_t)options->context - (uintptr_t)kinds;
  return kind < KINDS ? (DWORD)kind : HEAP_GROWABLE;
}

static DWORD options_of(const acre_heap *heap) {
  acre_heap_options options;
  return acre_heap_query(heap, &options) == ACRE_OK ? kind_of(&options) : HEAP_GROWABLE;
}

bool acre__is_heap(HANDLE heap) {
  return acre_heap_query(heap, NULL) == ACRE_OK;
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

COLD static HANDLE create(DWORD options, SIZE_T initial, SIZE_T maximum) {
  if (maximum != 0 && maximum < initial) maximum = initial;
  if (initial > SIZE_MAX / 2 || maximum > SIZE_MAX / 2) return acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
  bool executes = (options & HEAP_CREATE_ENABLE_EXECUTE) != 0;
  DWORD kind = (options & (HEAP_GENERATE_EXCEPTIONS | HEAP_NO_SERIALIZE)) | (maximum == 0 ? HEAP_GROWABLE : 0) |
               (executes ? EXECUTES : 0);
  acre_heap_options wanted = {.name = "win32", .initial_commit = initial, .context = &kinds[kind]};
  if ((options & HEAP_NO_SERIALIZE) != 0) wanted.flags |= ACRE_HEAP_SINGLE_THREAD;
  if (maximum != 0) { /* whole segments, and one for the heap's own data */
    wanted.limit = (maximum + 2 * ACRE_HEAP_SEGMENT - 1) & ~(ACRE_HEAP_SEGMENT - 1);
    if (wanted.initial_commit > wanted.limit) wanted.initial_commit = wanted.limit;
  }
  acre_heap *heap;
  acre_result result = executes ? create_executable(&wanted, &heap) : acre_heap_create(&wanted, &heap);
  if (result != ACRE_OK) return acre__fail_null(acre__win32_error(result));
  if (executes) atomic_fetch_add(&executable, 1);
  return heap;
}

HANDLE HeapCreate(DWORD options, SIZE_T initial, SIZE_T maximum) {
  static const acre_heap_options plain = {.name = "win32", .context = &kinds[HEAP_GROWABLE]};
  acre_heap *heap;
  if ((options | initial | maximum) != 0) return create(options, initial, maximum);
  acre_result result = acre_heap_create(&plain, &heap);
  if (result != ACRE_OK) return acre__fail_null(acre__win32_error(result));
  return heap;
}

/* What ends with a heap of HeapCreate's and is none of Acre's affair; returns the memory that the heap has from here. */
COLD static void *leave(const acre_heap *heap) {
  acre_heap_options options;
  if (acre_heap_query(heap, &options) != ACRE_OK || heap == acre_process_heap()) return NULL;
  acre__walk_forget(heap);
  return (kind_of(&options) & EXECUTES) != 0 ? options.range : NULL;
}

BOOL HeapDestroy(HANDLE heap) {
  bool more = atomic_load(&executable) + atomic_load(&acre__walks) != 0;
  void *range = more ? leave(heap) : NULL;
  if (heap == NULL || acre_heap_destroy(heap) != ACRE_OK) return acre__fail(ERROR_INVALID_HANDLE);
  if (range != NULL) {
    atomic_fetch_sub(&executable, 1);
    (void)acre_vm_release(range);
  }
  return TRUE;
}

HANDLE GetProcessHeap(void) {
  return acre_process_heap();
}

DWORD GetProcessHeaps(DWORD count, PHANDLE heaps) {
  acre_process_heap();
  return (DWORD)acre_heap_list((acre_heap **)heaps, count);
}

/* ------------------------------------------------------------- blocks */

/* A heap of limited size has no very large blocks (HeapCreate: "slightly less than ... 1,024 KB for a 64-bit process"). */
static const size_t LARGEST_OF_FIXED = 0xff000;

COLD static void *failed(const acre_heap *heap, DWORD flags, DWORD error) {
  SetLastError(error);
  if (((flags | options_of(heap)) & HEAP_GENERATE_EXCEPTIONS) != 0) RaiseException(STATUS_NO_MEMORY, 0, 0, NULL);
  return NULL;
}

static bool is_too_large(const acre_heap *heap, size_t size) {
  if (size < LARGEST_OF_FIXED || heap == acre_process_heap()) return false;
  return (options_of(heap) & HEAP_GROWABLE) == 0;
}

static void *alloc(acre_heap *heap, unsigned flags, size_t size) {
  if (is_too_large(heap, size)) return failed(heap, flags, ERROR_NOT_ENOUGH_MEMORY);
  bool zero = (flags & HEAP_ZERO_MEMORY) != 0;
  void *block = zero ? acre_heap_zalloc_exact(heap, size) : acre_heap_alloc_exact(heap, size);
  return block != NULL ? block : failed(heap, flags, ERROR_NOT_ENOUGH_MEMORY);
}

LPVOID HeapAlloc(HANDLE heap, DWORD flags, SIZE_T size) {
  return acre_heap_alloc_exact_or(heap, flags, size, alloc);
}

LPVOID HeapReAlloc(HANDLE heap, DWORD flags, LPVOID block, SIZE_T size) {
  if (block == NULL) return NULL; /* and the last error stays */
  if (acre_heap_of(block) != heap) return acre__fail_null(ERROR_INVALID_PARAMETER);
  if (is_too_large(heap, size)) return failed(heap, flags, ERROR_NOT_ENOUGH_MEMORY);
  size_t before = acre_heap_size_exact(block);
  void *moved = block;
  if ((flags & HEAP_REALLOC_IN_PLACE_ONLY) == 0)
    moved = acre_heap_realloc_exact(heap, block, size);
  else if (acre_heap_resize_exact(heap, block, size) != ACRE_OK)
    moved = NULL;
  if (moved == NULL) return failed(heap, flags, ERROR_NOT_ENOUGH_MEMORY);
  if ((flags & HEAP_ZERO_MEMORY) != 0 && size > before) memset((char *)moved + before, 0, size - before);
  return moved;
}

static BOOL not_freed(acre_result why) {
  return acre__fail(acre__win32_error(why));
}

BOOL HeapFree(HANDLE heap, DWORD flags, LPVOID block) {
  (void)flags;
  return acre_heap_free_or(heap, block, not_freed);
}

SIZE_T HeapSize(HANDLE heap, DWORD flags, LPCVOID block) {
  (void)flags;
  if (block != NULL && acre_heap_of(block) == heap) return acre_heap_size_exact(block);
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
