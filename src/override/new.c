/* SPDX-License-Identifier: MIT */
/*
 * C++'s operators new and delete, in C: their names are spelled as the ABI of
 * all Linux compilers has them, so no C++ library comes into C programs.
 *
 * A failure is C++'s affair: the program's new-handler is called until it frees
 * something or gives up, and then std::bad_alloc is thrown. Both are the C++
 * library's, which is asked for by name: it is there when the program is C++,
 * and when a C program has loaded it with a plugin.
 */
#include <errno.h>
#include <stdint.h>

#include "heap/fast.h"
#include "heap/medium.h"
#include "override/hooks.h"
#include "override/override.h"
#include "vm/services.h"

typedef void (*new_handler)(void);

/* std::get_new_handler() and std::__throw_bad_alloc(), in libstdc++ and libc++. */
extern new_handler get_new_handler(void) __asm__("_ZSt15get_new_handlerv") __attribute__((weak));
extern void throw_bad_alloc(void) __asm__("_ZSt17__throw_bad_allocv") __attribute__((weak));

/* ------------------------------------------------------------- failure */

/* The C++ library's function, also if that came later and for a plugin alone. */
static acre__function find(acre__function linked, const char *name) {
  return linked != NULL || acre__override_find == NULL ? linked : acre__override_find(name);
}

/* The handler of the program has made room, perhaps. False: there is none. It may throw, through here. */
static bool call_handler(void) {
  acre__function get = find((acre__function)get_new_handler, "_ZSt15get_new_handlerv");
  new_handler handler = get == NULL ? NULL : ((new_handler(*)(void))get)();
  if (handler == NULL) return false;
  handler();
  return true;
}

static void *alloc(size_t size, size_t alignment) {
  if (size > PTRDIFF_MAX || alignment > ACRE_HEAP_ALIGNMENT_MOST) return NULL;
  return acre__check_wants(size) ? acre__check_alloc(size, alignment, false)
                                 : acre__override_alloc(size, alignment, false);
}

static ACRE_COLD void *new_slow(size_t size, size_t alignment, bool throws) {
  void *block;
  while ((block = alloc(size, alignment)) == NULL)
    if (!call_handler()) break;
  if (block != NULL || !throws) return block;
  acre__function throw_it = find(throw_bad_alloc, "_ZSt17__throw_bad_allocv");
  if (throw_it != NULL) throw_it();
  acre__vm_die("acre: operator new: no memory, and no C++ library that could throw std::bad_alloc\n");
}

static inline void *new_fast(size_t size) {
  if (acre__check_wants(size)) return acre__check_alloc(size, 1, false);
  if (ACRE_LIKELY(size <= ACRE_SMALL_MOST)) return acre__process_alloc_fast(acre__small_class[(size + 15) / 16]);
  return size <= ACRE_MEDIUM_MOST ? acre__medium_pop(acre__class_of(size)) : NULL;
}

static inline void *new_plain(size_t size, bool throws) {
  void *block = new_fast(size);
  return ACRE_LIKELY(block != NULL) ? block : new_slow(size, 1, throws);
}

/* The compiler gives a power of two; whoever calls it by hand may not. */
static inline void *new_aligned(size_t size, size_t alignment, bool throws) {
  if (!acre__is_power_of_two(alignment)) alignment = SIZE_MAX; /* no such block can be */
  void *block = NULL;
  unsigned size_class = alignment <= ACRE_SMALL_MOST && size <= ACRE_SMALL_MOST ? acre__class_aligned(size, alignment)
                                                                                : ACRE_ALL_CLASSES;
  if (acre__check_wants(size))
    block = alignment <= ACRE_HEAP_ALIGNMENT_MOST ? acre__check_alloc(size, alignment, false) : NULL;
  else if (size_class < ACRE_SMALL_CLASSES)
    block = acre__process_alloc_fast(size_class);
  return ACRE_LIKELY(block != NULL) ? block : new_slow(size, alignment, throws);
}

static inline void delete_any(void *block) {
  if (acre__check_owns(block))
    acre__check_free(block, "operator delete");
  else if (!ACRE_LIKELY(acre__free_fast(NULL, false, block)) && !ACRE_LIKELY(acre__medium_free(block)))
    acre__override_free(block);
}

/* ------------------------------------------------------------- the operators */

/* clang-format off */
#define NEW(symbol, name, parameters, call) \
  void *name parameters __asm__(symbol);    \
  ACRE_EXPORT void *name parameters { return call; }
#define DELETE(symbol, name, parameters) \
  void name parameters __asm__(symbol);  \
  ACRE_EXPORT void name parameters { delete_any(block); }

/* A size_t is `m` in these names, on 64-bit systems; `nothrow` is const std::nothrow_t &. */
NEW("_Znwm", new_one, (size_t size), new_plain(size, true))
NEW("_Znam", new_array, (size_t size), new_plain(size, true))
NEW("_ZnwmRKSt9nothrow_t", new_one_nothrow, (size_t size, __attribute__((unused)) const void *nothrow),
    new_plain(size, false))
NEW("_ZnamRKSt9nothrow_t", new_array_nothrow, (size_t size, __attribute__((unused)) const void *nothrow),
    new_plain(size, false))
NEW("_ZnwmSt11align_val_t", new_one_aligned, (size_t size, size_t alignment), new_aligned(size, alignment, true))
NEW("_ZnamSt11align_val_t", new_array_aligned, (size_t size, size_t alignment), new_aligned(size, alignment, true))
NEW("_ZnwmSt11align_val_tRKSt9nothrow_t", new_one_aligned_nothrow,
    (size_t size, size_t alignment, __attribute__((unused)) const void *nothrow), new_aligned(size, alignment, false))
NEW("_ZnamSt11align_val_tRKSt9nothrow_t", new_array_aligned_nothrow,
    (size_t size, size_t alignment, __attribute__((unused)) const void *nothrow), new_aligned(size, alignment, false))

#define UNUSED __attribute__((unused))
DELETE("_ZdlPv", delete_one, (void *block))
DELETE("_ZdaPv", delete_array, (void *block))
DELETE("_ZdlPvm", delete_one_sized, (void *block, UNUSED size_t size))
DELETE("_ZdaPvm", delete_array_sized, (void *block, UNUSED size_t size))
DELETE("_ZdlPvRKSt9nothrow_t", delete_one_nothrow, (void *block, UNUSED const void *nothrow))
DELETE("_ZdaPvRKSt9nothrow_t", delete_array_nothrow, (void *block, UNUSED const void *nothrow))
DELETE("_ZdlPvSt11align_val_t", delete_one_aligned, (void *block, UNUSED size_t alignment))
DELETE("_ZdaPvSt11align_val_t", delete_array_aligned, (void *block, UNUSED size_t alignment))
DELETE("_ZdlPvmSt11align_val_t", delete_one_sized_aligned, (void *block, UNUSED size_t size, UNUSED size_t alignment))
DELETE("_ZdaPvmSt11align_val_t", delete_array_sized_aligned, (void *block, UNUSED size_t size, UNUSED size_t alignment))
DELETE("_ZdlPvSt11align_val_tRKSt9nothrow_t", delete_one_aligned_nothrow,
       (void *block, UNUSED size_t alignment, UNUSED const void *nothrow))
DELETE("_ZdaPvSt11align_val_tRKSt9nothrow_t", delete_array_aligned_nothrow,
       (void *block, UNUSED size_t alignment, UNUSED const void *nothrow))
/* clang-format on */
