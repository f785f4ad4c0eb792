/* SPDX-License-Identifier: MIT */
/*
 * acre/heap.h - private heaps: memory in blocks, that any thread may use, that
 * has a limit if wanted, and that goes away in one call.
 *
 *   acre_heap *heap;
 *   acre_heap_create(&(acre_heap_options){.name = "request", .limit = 64 << 20}, &heap);
 *   struct node *node = acre_heap_alloc(heap, sizeof *node);
 *   ...
 *   acre_heap_destroy(heap);        every block is free, however many there are
 *
 * A heap takes memory in segments of ACRE_HEAP_SEGMENT bytes and cuts them into
 * blocks. It starts with one segment, of which it touches one page, so that a
 * heap per request is cheap; destroying one costs as much as it has segments.
 * Segments of destroyed heaps are kept for the next ones: up to 46 MiB of memory
 * in all (twice as much while large blocks are freed and wanted again), and what
 * nobody has wanted for half a second goes back to the system at the next
 * occasion (acre_heap_compact(NULL) gives it back at once, acre_heap_purge_start
 * has a thread make occasions).
 *
 * Blocks start on multiples of 16 bytes. A block is at most 12.5 % (or 15 bytes)
 * larger than what was asked for, up to 64 KiB, and a whole number of segments above that,
 * of which what is not used takes no memory, only address space and commit.
 *
 * Threads: a heap is shared, unless its options say ACRE_HEAP_SINGLE_THREAD: any
 * thread may allocate, free, look, lock and destroy, at any time. Each thread
 * that allocates has a part of the heap of its own (at least one segment), which
 * it works on without locks, and which it leaves to the heap when it ends.
 * Destroying or resetting a heap that another thread is using is an error of
 * the program, as free() would be; that the other thread has used it before is none.
 * What is no block and no heap is told from one (ACRE_E_NOT_A_BLOCK, acre_heap_of,
 * acre_heap_query) without a lock, so not where another thread is giving back the very
 * memory that the pointer leads to, as it ends, resets or compacts a heap: there it may fault.
 * A thread's first call may be as late as in a destructor of its own (pthread_key_create),
 * but not in the last round of them (PTHREAD_DESTRUCTOR_ITERATIONS): Acre would not hear of its end.
 *
 * Fork: the child owns a copy of every heap and may use it at once. A
 * single-thread heap that another thread was using at that moment may only be destroyed.
 * A heap on the paging file has lost its blocks there: see acre_heap_options.
 *
 * Signal handlers may call none of these functions.
 *
 * Where a heap is wanted, NULL is answered with ACRE_E_INVALID_ARGUMENT, and has no
 * blocks (ACRE_E_NOT_A_BLOCK); but the functions that return a block do not look
 * for it, as all allocations would pay for that: there NULL is a fault. To use a heap
 * that was destroyed is an error of the program (acre_heap_query tells whether it is).
 */
#ifndef ACRE_HEAP_H
#define ACRE_HEAP_H

#include <acre/base.h>
#include <acre/vm.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A heap takes memory, and its limit counts, in these. */
#define ACRE_HEAP_SEGMENT ((size_t)65536)

/* The greatest alignment that can be asked for: 1 GiB. */
#define ACRE_HEAP_ALIGNMENT_MOST ((size_t)1 << 30)

typedef struct acre_heap acre_heap;

/* What is returned is no other object. (Compilers are not told its size, which acre_heap_resize_in_place changes.) */
#ifdef __GNUC__
#define ACRE_HEAP_NEW __attribute__((malloc))
#else
#define ACRE_HEAP_NEW
#endif

/* ------------------------------------------------------------- making and ending */

typedef enum acre_heap_flags {
  ACRE_HEAP_SINGLE_THREAD = 1 << 0, /* one thread at a time: no atomic operation anywhere. Calls of different threads
                                       must not overlap, which the caller sees to; a checked one takes blocks and
                                       frees of the thread alone that made it. Win32: HEAP_NO_SERIALIZE */
  ACRE_HEAP_CHECKED = 1 << 1,       /* finds misuse: see acre_heap_misuse. Costs time, memory and parallel work */
  ACRE_HEAP_LARGE_PAGES = 1 << 2    /* asks for large pages behind the heap's memory, which is kept apart from other
                                       heaps'; needs a limit, as that much address space is reserved at once */
} acre_heap_flags;

/*
 * What a checked heap finds. An unchecked one finds the first two in most cases, and only says so in the result.
 * A freed block of up to 256 KiB is filled and held back for a while, so that writing it is found; of a larger
 * one only that it is freed again, with its heap named.
 */
typedef enum acre_heap_misuse {
  ACRE_HEAP_NOT_A_BLOCK = 1,    /* freed or resized: a pointer that is no block of any heap */
  ACRE_HEAP_WRONG_HEAP = 2,     /* ... a block of another heap */
  ACRE_HEAP_DOUBLE_FREE = 3,    /* ... a block that is free */
  ACRE_HEAP_OVERFLOW = 4,       /* bytes behind the block's end were written; found when it is freed or validated */
  ACRE_HEAP_USE_AFTER_FREE = 5, /* a free block was written; found some time later, or when the heap is validated */
  ACRE_HEAP_CORRUPT = 6,        /* the heap's own data were overwritten */
  ACRE_HEAP_WRONG_THREAD = 7,   /* a single-thread heap was used by a thread that did not make it */
  ACRE_HEAP_WRONG_SIZE = 8      /* acre_heap_free_sized was told another size than the block's */
} acre_heap_misuse;

/* What happened, for a heap's callback. */
typedef struct acre_heap_error {
  acre_heap_misuse misuse;
  acre_heap *heap;   /* that was called */
  const char *name;  /* of that heap */
  const void *block; /* the pointer in question */
  size_t size;       /* what was asked for when it was allocated (of a block that the pointer lies in, too; of one of
                        an unchecked heap what it holds); 0: not known, as when it was overwritten */
  const char *text;  /* the whole message, a line without its end */
} acre_heap_error;

/* How to make a heap. Zero in every field is the default. */
typedef struct acre_heap_options {
  const char *name;        /* for messages and viewers; copied, cut at 31 bytes. NULL: "heap" */
  unsigned flags;          /* acre_heap_flags */
  acre_vm_backing backing; /* what stands behind blocks: memory, or the paging file (see below) */
  size_t limit;            /* bytes of segments that the heap may have, rounded down to whole ones, at least one; each
                            thread that allocates at the same time needs one of its own. 0: no limit */
  size_t initial_commit;   /* bytes that are had from the start, rounded up to segments, at most the limit */
  void *range;       /* memory that the caller owns, readable and writable, from which alone the heap takes its own; it
                            must stay until the heap is destroyed, and be in no other heap, nor a block of one (so,
                            with the malloc library, none of malloc's). NULL: from the system */
  size_t range_size; /* its size; whole aligned segments of it are used, and there must be at least one */
  /* Called by acre_heap_destroy and acre_heap_reset before the blocks go; it may use the heap. NULL: nothing. */
  void (*on_destroy)(acre_heap *heap, void *context);
  /* A checked heap calls this in place of ending the program. When it returns, so does the call that found the misuse,
     without having done anything; it may not use the heap, nor jump out of the call. NULL: a message on stderr, and
     abort(). */
  void (*on_error)(const acre_heap_error *error, void *context);
  void *context; /* for both, and for who asks (acre_heap_query) */
} acre_heap_options;

/*
 * A heap on the paging file (backing = ACRE_VM_BACKING_PAGING_FILE, after
 * acre_vm_set_paging_file) has all its blocks in a region there, of which
 * acre/vm.h says what is particular: they need no RAM to be kept, and a touch of a
 * block meets no full disk. It takes one file descriptor. Its own data, one
 * segment for each thread that allocates, lie in memory and count in the limit, which
 * is at least two segments. Without a limit it has addresses for 1 TiB, fewer
 * where the system has not so many; where they are used up, an allocation is ACRE_E_NO_MEMORY.
 * acre_heap_destroy, acre_heap_reset and acre_heap_compact give the disk's blocks back at once.
 * Fork: the child has not the blocks, and a touch of one faults. Its calls with
 * the heap find none: allocating is NULL with ACRE_E_CONTENT_LOST, and freeing or
 * resizing what was one is ACRE_E_CONTENT_LOST (acre_free: ACRE_E_NOT_A_BLOCK), also in
 * a checked heap. acre_heap_reset makes it a heap of the child's own, on files in the same
 * directory; acre_heap_destroy ends it.
 */

/*
 * Makes a heap and stores it in *out (NULL on failure).
 * Result: ACRE_E_INVALID_ARGUMENT, out is NULL, a flag or the backing is unknown, or two of
 *   large pages, a range and the paging file are asked for;
 *   ACRE_E_INVALID_SIZE, the limit or the range is smaller than a segment (two on the paging file),
 *   or the initial commit larger than the limit; ACRE_E_ADDRESS_IN_USE, the range is in another heap;
 *   ACRE_E_NO_MEMORY; ACRE_E_NO_ADDRESS_SPACE;
 *   ACRE_E_COMMIT_LIMIT; ACRE_E_MAPPING_LIMIT; on the paging file also ACRE_E_NOT_SUPPORTED,
 *   none is set, ACRE_E_TOO_MANY_FILES, ACRE_E_NO_SPACE, ACRE_E_IO.
 * Cost: with the first block and acre_heap_destroy a fraction of a microsecond,
 * and no system call, when a segment of a former heap is there.
 * Lifetime: until acre_heap_destroy, or the end of the process.
 * Win32 counterpart: HeapCreate.
 */
ACRE_API acre_result acre_heap_create(const acre_heap_options *options, acre_heap **out);

/*
 * Frees every block of the heap at once, and the heap. NULL: nothing happens.
 * Result: ACRE_E_INVALID_ARGUMENT, it is the process heap, or no heap (acre_heap_query).
 * Cost: by segments and not by blocks; memory beyond what is kept (see above) is
 * given back to the system before it returns.
 * Win32 counterpart: HeapDestroy.
 */
ACRE_API acre_result acre_heap_destroy(acre_heap *heap);

/*
 * Frees every block at once; the heap stays, with its options, as new.
 * Results and cost as acre_heap_destroy; NULL is ACRE_E_INVALID_ARGUMENT.
 * Win32 counterpart: none; HeapDestroy and HeapCreate.
 */
ACRE_API acre_result acre_heap_reset(acre_heap *heap);

/*
 * The heap that every process has, which is malloc's where the malloc library is
 * linked or preloaded: shared, without limit unless ACRE_OPTIONS has heap_limit=SIZE,
 * made at the first call; NULL only if there is no memory for it. It begins with
 * 1 MiB of addresses, which get memory as they are used, and grows by itself.
 * Another start size: ACRE_OPTIONS=heap_reserve=SIZE, or, when the program is linked,
 *   -Wl,--defsym=acre_process_heap_reserve=16777216
 * (bytes, rounded down to whole segments, at least one; a 512th of it is committed
 * for the heap's tables). What the addresses cannot be had for is not set aside.
 * Win32 counterpart: GetProcessHeap.
 */
ACRE_API acre_heap *acre_process_heap(void);

/*
 * Whether `heap` is a heap, and how it was made: fills *out (NULL: only asks) with its options. The
 * name and the range are the heap's, and stay as long as it does; sizes are as they were rounded.
 * Result: ACRE_E_INVALID_ARGUMENT, it is none: no address of one, or of one that was destroyed
 *   (if another heap has its place by now, that is what it is). Any pointer may be asked about (see Threads, above).
 * Win32 counterpart: HeapQueryInformation.
 */
ACRE_API acre_result acre_heap_query(const acre_heap *heap, acre_heap_options *out);

/*
 * Stores up to `room` heaps of the process in `out` (NULL if room is 0) and
 * returns how many there are. The caller sees to it that they are not destroyed
 * while it uses them. Win32 counterpart: GetProcessHeaps.
 */
ACRE_API size_t acre_heap_list(acre_heap **out, size_t room);

/* ------------------------------------------------------------- allocating */

/*
 * `size` bytes, undefined. Size 0 gives a block like any other, unlike every
 * other block that is in use.
 * Result: NULL: the heap's limit is met or memory is short, and nothing has changed;
 *   acre_heap_why(heap) tells which.
 * Lifetime: until it is freed, or the heap reset or destroyed.
 * Win32 counterpart: HeapAlloc.
 */
ACRE_API void *acre_heap_alloc(acre_heap *heap, size_t size) ACRE_HEAP_NEW;

/* The same, with every byte 0. Win32 counterpart: HeapAlloc with HEAP_ZERO_MEMORY. */
ACRE_API void *acre_heap_zalloc(acre_heap *heap, size_t size) ACRE_HEAP_NEW;

/* `count` times `size` zero bytes; NULL also if the product does not fit (ACRE_E_INVALID_SIZE). Win32: HeapAlloc. */
ACRE_API void *acre_heap_alloc_array(acre_heap *heap, size_t count, size_t size) ACRE_HEAP_NEW;

/*
 * The block starts on a multiple of `alignment`, a power of two up to ACRE_HEAP_ALIGNMENT_MOST; NULL if it is none
 * (ACRE_E_INVALID_ALIGNMENT). Up to 64 KiB its size is rounded up to a multiple of that, too.
 * Win32 counterpart: _aligned_malloc, whose blocks no HeapFree takes; acre_heap_free takes these.
 */
ACRE_API void *acre_heap_alloc_aligned(acre_heap *heap, size_t size, size_t alignment) ACRE_HEAP_NEW;

/*
 * Copies in a new block: of a string, of at most `most` bytes of one (and a zero byte), of any bytes. Results as
 * acre_heap_alloc. `text` and `bytes` are read: NULL is a fault, but for 0 bytes. Win32: _strdup, of the C library's heap.
 */
ACRE_API char *acre_heap_strdup(acre_heap *heap, const char *text) ACRE_HEAP_NEW;
ACRE_API char *acre_heap_strndup(acre_heap *heap, const char *text, size_t most) ACRE_HEAP_NEW;
ACRE_API void *acre_heap_memdup(acre_heap *heap, const void *bytes, size_t size) ACRE_HEAP_NEW;

/*
 * Why the calling thread's last allocation from any heap gave NULL:
 * ACRE_E_HEAP_LIMIT, ACRE_E_NO_MEMORY, ACRE_E_COMMIT_LIMIT,
 * ACRE_E_NO_ADDRESS_SPACE, ACRE_E_MAPPING_LIMIT, ACRE_E_INVALID_SIZE (no such size
 * can be), ACRE_E_INVALID_ALIGNMENT, ACRE_E_NOT_A_BLOCK (acre_heap_realloc); on the
 * paging file ACRE_E_NO_SPACE (the disk is full), ACRE_E_IO, ACRE_E_FILE_TOO_LARGE
 * (ulimit -f), ACRE_E_CONTENT_LOST (a child of fork);
 * ACRE_E_INVALID_ARGUMENT (misuse that the heap's callback was told of).
 * Meaningless after one that did not give NULL. Any heap may be passed, and NULL.
 * Win32 counterpart: GetLastError.
 */
ACRE_API acre_result acre_heap_why(const acre_heap *heap);

/*
 * Makes the block `size` bytes long, in place if that can be, else by moving
 * it; the bytes up to the smaller of the sizes stay. NULL for a block allocates. Size 0 does not free it.
 * A block that moves is aligned to 16 bytes, however it was before.
 * Result: NULL, and the block is as it was: as acre_heap_alloc, or the pointer is no
 *   block of this heap (ACRE_E_NOT_A_BLOCK).
 * Win32 counterpart: HeapReAlloc.
 */
ACRE_API void *acre_heap_realloc(acre_heap *heap, void *block, size_t size);

/*
 * The same without ever moving it, and not for NULL. A block grows within what its size was rounded
 * up to (acre_heap_size); one of more than 64 KiB grows into what lies behind it
 * if that is free, and shrinks by whole segments.
 * Result: ACRE_E_NO_SPACE, it can't be; ACRE_E_NOT_A_BLOCK; ACRE_E_HEAP_LIMIT;
 *   ACRE_E_NO_MEMORY, or what a commit can answer.
 * Win32 counterpart: HeapReAlloc with HEAP_REALLOC_IN_PLACE_ONLY.
 */
ACRE_API acre_result acre_heap_resize_in_place(acre_heap *heap, void *block, size_t size);

/*
 * Frees the block. NULL: nothing happens.
 * Result: ACRE_E_NOT_A_BLOCK, the pointer is no block, or none of this heap;
 *   nothing has changed. (That a block is free already, only a checked heap can tell.)
 * Win32 counterpart: HeapFree.
 */
ACRE_API acre_result acre_heap_free(acre_heap *heap, void *block);

/*
 * The same of a block whose size the caller knows: what was asked for, or acre_heap_size. A checked heap checks it.
 * Results as acre_heap_free; ACRE_E_NOT_A_BLOCK also of a checked heap's block of another size. Win32: HeapFree.
 */
ACRE_API acre_result acre_heap_free_sized(acre_heap *heap, void *block, size_t size);

/* Frees a block of whatever heap. Results as acre_heap_free. Win32: LocalFree, of the process heap alone. */
ACRE_API acre_result acre_free(void *block);

/*
 * Asking about a pointer, which may be any (but see Threads, above). Whether a block is in use only a checked heap knows
 * at once: of another one's, a freed block answers as before until its place is given to something else
 * (acre_heap_validate looks closer).
 *
 * The heap that the block belongs to; NULL if the pointer is no block of any.
 */
ACRE_API acre_heap *acre_heap_of(const void *block);

/* Bytes of the block that may be used, at least what was asked for; 0 if the pointer is no block. Win32: HeapSize. */
ACRE_API size_t acre_heap_size(const void *block);

/* Bytes that were asked for: exact in a checked heap, where it equals acre_heap_size; else acre_heap_size. */
ACRE_API size_t acre_heap_requested(const void *block);

/* ------------------------------------------------------------- blocks that know their size */

/*
 * An unchecked heap knows what a size was rounded up to, and not the size. These do what the functions
 * without _exact do, and keep the size at the end of the block: it takes two bytes
 * there, eight in a block of more than 64 KiB, and a few instructions. In a
 * checked heap they are the same. A heap may have blocks of both sorts; acre_heap_free and acre_free free any.
 * Results, lifetime, threads: as of the functions without _exact.
 * Win32 counterpart: HeapAlloc, HeapReAlloc (acre_heap_resize_exact: with HEAP_REALLOC_IN_PLACE_ONLY).
 */
ACRE_API void *acre_heap_alloc_exact(acre_heap *heap, size_t size) ACRE_HEAP_NEW;
ACRE_API void *acre_heap_zalloc_exact(acre_heap *heap, size_t size) ACRE_HEAP_NEW;
ACRE_API void *acre_heap_realloc_exact(acre_heap *heap, void *block, size_t size);
ACRE_API acre_result acre_heap_resize_exact(acre_heap *heap, void *block, size_t size);

/*
 * Bytes that were asked for with the last of these calls for the block; 0 also if the pointer is
 * no block. Of a block that was had otherwise, or whose end was overwritten: any number up
 * to acre_heap_size.
 * Win32 counterpart: HeapSize.
 */
ACRE_API size_t acre_heap_size_exact(const void *block);

/* ------------------------------------------------------------- under other names */

/*
 * For a library that gives heaps other names and other results, as the Win32 face does. Its functions may end with
 * one of these, which return what the library's callers want and leave what is seldom to a function of
 * the library's: so nothing has to come back to be translated.
 *
 * acre_heap_alloc_exact_or: a block as of acre_heap_alloc_exact, if `flags`, which are the library's, is 0 and the
 *   size at most 64 KiB less two bytes. Else, and where that gives NULL, what otherwise(heap, flags, size) returns; it may
 *   call acre_heap_alloc_exact.
 * acre_heap_free_or: frees the block as acre_heap_free, and returns 1; where that has another result than ACRE_OK,
 *   what otherwise(result) returns.
 * Threads, fork: as acre_heap_alloc and acre_heap_free. No lock is held when `otherwise` is called, and it need not return.
 * Win32 counterpart: HeapAlloc, HeapFree.
 */
ACRE_API void *acre_heap_alloc_exact_or(acre_heap *heap, unsigned flags, size_t size,
                                        void *(*otherwise)(acre_heap *heap, unsigned flags, size_t size));
ACRE_API int acre_heap_free_or(acre_heap *heap, void *block, int (*otherwise)(acre_result why));

/* ------------------------------------------------------------- looking */

typedef enum acre_heap_entry_kind {
  ACRE_HEAP_REGION = 1, /* one or more segments: the blocks that follow lie in it */
  ACRE_HEAP_BUSY = 2,   /* a block in use */
  ACRE_HEAP_FREE = 3    /* a block's place that is free */
} acre_heap_entry_kind;

typedef struct acre_heap_entry {
  acre_heap_entry_kind kind;
  const void *address;
  size_t size;      /* bytes of the region, or usable bytes of the block */
  size_t requested; /* of a busy block of a checked heap; else 0 */
  bool large;       /* a region that is one block, and that block */
} acre_heap_entry;

/*
 * Calls `visit` for every region, each followed by its blocks in ascending order,
 * until it returns false. The heap is locked meanwhile (acre_heap_lock), so other threads may go on using it, and wait:
 * what is visited is the heap at one moment. `visit` may not allocate from it or free, nor jump out of the call.
 * Result: ACRE_E_INVALID_ARGUMENT, heap or visit is NULL.
 * Win32 counterpart: HeapWalk.
 */
ACRE_API acre_result acre_heap_walk(acre_heap *heap, bool (*visit)(const acre_heap_entry *entry, void *context),
                                    void *context);

/*
 * Whether the block (NULL: the heap with all its blocks) is in order. Everything
 * that the heap knows is compared; of a checked heap also every block's ends and
 * every free block's bytes.
 * Result: ACRE_OK; ACRE_E_NOT_A_BLOCK, not one of this heap, or free; ACRE_E_HEAP_CORRUPT. A
 *   checked heap reports what it finds as it does for every misuse.
 * Win32 counterpart: HeapValidate.
 */
ACRE_API acre_result acre_heap_validate(acre_heap *heap, const void *block);

/*
 * Locks the heap for every other thread: their calls on it wait until it is
 * unlocked; the caller's do not. Nests; destroying the heap unlocks it. While one
 * is locked, the other threads' calls on other shared heaps are slower. A
 * single-thread heap has no other threads: nothing happens; nor for NULL.
 * Win32 counterpart: HeapLock, HeapUnlock.
 */
ACRE_API void acre_heap_lock(acre_heap *heap);

/* Result: ACRE_E_INVALID_ARGUMENT, the calling thread has not locked it. Win32: HeapUnlock. */
ACRE_API acre_result acre_heap_unlock(acre_heap *heap);

enum { ACRE_HEAP_CLASSES = 80 };

/* Blocks of one size. */
typedef struct acre_heap_class {
  size_t size;   /* of a block */
  size_t blocks; /* in use */
} acre_heap_class;

/* A heap's figures. Sizes in bytes. */
typedef struct acre_heap_figures {
  char name[32];
  size_t limit;                               /* SIZE_MAX: none */
  size_t reserved;                            /* segments that the heap has, all committed; what the limit is about */
  size_t peak;                                /* the most that it ever had */
  size_t set_aside;                           /* of the process heap: addresses for its next segments, without memory */
  size_t in_use;                              /* in blocks that are in use, rounding included */
  size_t requested;                           /* asked for when these were allocated; a checked heap only, else 0 */
  size_t blocks;                              /* in use */
  size_t large;                               /* of them, those of more than 64 KiB */
  size_t locals;                              /* parts of threads, those of ended threads included */
  acre_heap_class classes[ACRE_HEAP_CLASSES]; /* by size; the blocks of more than 64 KiB are in none */
} acre_heap_figures;

/*
 * Fills *out. Locks the heap and looks at all its segments.
 * Result: ACRE_E_INVALID_ARGUMENT.
 * Win32 counterpart: HeapSummary, HeapQueryInformation.
 */
ACRE_API acre_result acre_heap_stats(acre_heap *heap, acre_heap_figures *out);

/*
 * Gives segments back that hold no block, and everything that is kept of
 * former heaps; returns the bytes that the system has got back. NULL: only the latter.
 * Win32 counterpart: HeapCompact.
 */
ACRE_API size_t acre_heap_compact(acre_heap *heap);

/*
 * Starts a thread that gives back what heaps keep, every `milliseconds` (0: 500), so that it goes
 * also while nobody calls: what nobody has wanted for half a second, and what threads of the process
 * heap have at hand. It sleeps in between. If it runs already, the time is changed.
 * In a program with the malloc library, ACRE_OPTIONS=purge=MILLISECONDS does it.
 * Result: ACRE_E_INVALID_SIZE, more than a day; ACRE_E_NO_MEMORY, or no thread to be had.
 * Lifetime: until acre_heap_purge_stop, or the end of the process.
 * Fork: the child has no such thread, and may start one.
 * Win32 counterpart: none.
 */
ACRE_API acre_result acre_heap_purge_start(unsigned milliseconds);

/*
 * Ends the thread, and waits for that; not while the caller has locked the process heap.
 * Result: ACRE_E_NOT_FOUND, there is none.
 */
ACRE_API acre_result acre_heap_purge_stop(void);

#ifdef __cplusplus
}
#endif

#endif
