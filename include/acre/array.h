/* SPDX-License-Identifier: MIT */
/*
 * acre/array.h - a dynamic array that never moves.
 *
 * It reserves its maximum at birth and commits as it fills, so an element's
 * address is good for the array's whole life, no element is ever copied, and
 * memory is used for what is there (plus one growth step).
 *
 *   data                count        capacity                      maximum
 *    |  elements         |   committed   |   reserved: costs nothing    |
 *    [===================|---------------|..............................)
 *
 * Two modes:
 *   explicit   push, append and resize commit what they need (the default), and
 *              say so when there is no memory;
 *   on touch   writing or reading any element below the maximum commits its
 *              pages by a fault and goes on; `count` is the program's to use.
 *              An access outside the array, or one for which there is no
 *              memory, faults as anywhere else.
 *
 * Threads: an array is one object: calls on the same array must not overlap, as
 * with a std::vector. In touch mode, any number of threads may touch elements
 * at once. Different arrays have nothing in common.
 * Fork: the child has its own copy at the same address. An array on the paging
 * file is lost to the child, which may only destroy it.
 * Signal handlers may read and write elements; they may not call functions.
 * Win32 counterparts: none; there a program writes this with VirtualAlloc, and __except for the touch.
 */
#ifndef ACRE_ARRAY_H
#define ACRE_ARRAY_H

#include <acre/base.h>
#include <acre/vm.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum acre_array_mode {
  ACRE_ARRAY_EXPLICIT = 0, /* functions commit */
  ACRE_ARRAY_ON_TOUCH = 1  /* a touch commits */
} acre_array_mode;

/* How to make an array. Zero in every field is the default. */
typedef struct acre_array_options {
  acre_array_mode mode;
  size_t growth_step;      /* bytes committed at a time, rounded up to pages. 0: explicit, what is committed already
                         divided by 40, at least 64 KiB and at most 4 MiB; on touch, 64 KiB */
  acre_vm_backing backing; /* what stands behind the elements: memory, or the paging file (acre/vm.h) */
} acre_array_options;

/*
 * The array. Lives wherever the caller puts it (it may be moved and is not
 * referred to). The fields may be read; the functions write them. A zeroed one
 * is a valid array of maximum 0.
 */
typedef struct acre_array {
  void *data;          /* the first element; never changes */
  size_t count;        /* elements in use */
  size_t capacity;     /* elements that are committed; on touch: maximum */
  size_t maximum;      /* elements that can ever be */
  size_t element_size; /* bytes */
  size_t growth_step;  /* bytes; 0: the default */
  size_t committed;    /* bytes that the explicit mode has committed */
  acre_array_mode mode;
  bool attached; /* the memory is not the array's: acre_array_attach */
} acre_array;

/*
 * Makes *array an empty array of up to `maximum` elements of `element_size` bytes.
 * Result: ACRE_E_INVALID_ARGUMENT, array is NULL, or the mode or backing unknown;
 *   ACRE_E_INVALID_SIZE, one of the two is 0 or their product does not fit;
 *   ACRE_E_NO_ADDRESS_SPACE; ACRE_E_MAPPING_LIMIT; ACRE_E_NO_MEMORY; on the paging file also what
 *   acre_vm_set_paging_file says of acre_vm_reserve. On failure *array is zeroed.
 * Cost: address space alone; maxima of terabytes are fine.
 * Lifetime: until acre_array_destroy.
 */
ACRE_API acre_result acre_array_create(acre_array *array, size_t maximum, size_t element_size,
                                       const acre_array_options *options);

/*
 * Makes *array an array in memory that the program has: in a view with reserved
 * room (acre/filemap.h), it is an array on disk. `data` is any suitably aligned address of a
 * region, which has address space for `maximum` elements from there on; the first
 * `count` elements are those that lie there. It grows by acre_vm_commit, and a view by that.
 * Result: ACRE_E_INVALID_ARGUMENT, array or data is NULL, or the mode is not the explicit one;
 *   ACRE_E_INVALID_SIZE, as acre_array_create; ACRE_E_FULL, count is over the maximum;
 *   ACRE_E_NOT_A_REGION; ACRE_E_SPANS_REGIONS, the region is too short; ACRE_E_NOT_COMMITTED, of those
 *   elements some is in reserved memory; and those of acre_vm_commit, as a view that ends inside a page
 *   grows to the page's end (ACRE_E_WRONG_KIND, the view has no reserved room). On failure *array is zeroed.
 * Growth has the results of acre_vm_commit on that region. acre_array_shrink answers ACRE_E_WRONG_KIND on a view.
 * Bytes that a view of a longer file comes to show are what the file has there; acre_array_resize zeroes
 * only what was committed already.
 * Lifetime: until acre_array_destroy, which leaves the memory as it is, or the release of the memory.
 */
ACRE_API acre_result acre_array_attach(acre_array *array, void *data, size_t count, size_t maximum, size_t element_size,
                                       const acre_array_options *options);

/* Frees every element at once and zeroes *array. A zeroed array or NULL is fine: nothing happens. */
ACRE_API void acre_array_destroy(acre_array *array);

/*
 * Commits room for at least `count` elements in all, in either mode; `count` of
 * the array stays. Memory is used as elements are written.
 * Result: ACRE_E_INVALID_ARGUMENT, array is NULL; ACRE_E_FULL, over the maximum;
 *   ACRE_E_COMMIT_LIMIT; ACRE_E_NO_MEMORY; ACRE_E_MAPPING_LIMIT.
 */
ACRE_API acre_result acre_array_reserve(acre_array *array, size_t count);

/*
 * Makes the array `count` elements long: new elements are zero, those cut off
 * are gone (their memory stays committed until acre_array_shrink). On touch
 * nothing is committed: what was touched behind the last element is zeroed, or
 * loses its memory.
 * Result: as acre_array_reserve.
 */
ACRE_API acre_result acre_array_resize(acre_array *array, size_t count);

/*
 * Appends `count` elements copied from `elements`, which may lie in the array itself.
 * Result: as acre_array_reserve; ACRE_E_INVALID_ARGUMENT, elements is NULL and count is not 0.
 */
ACRE_API acre_result acre_array_append(acre_array *array, const void *elements, size_t count);

/*
 * Takes the memory behind the last element away (whole pages).
 * Result: ACRE_E_INVALID_ARGUMENT, array is NULL; ACRE_E_NO_MEMORY; ACRE_E_MAPPING_LIMIT.
 */
ACRE_API acre_result acre_array_shrink(acre_array *array);

/* Forgets every element; the memory stays for the next ones. */
static inline void acre_array_clear(acre_array *array) {
  array->count = 0;
}

/*
 * For acre_array_push, when it finds no room: commits the next growth step (or,
 * where memory is too short for that, what one element needs) and gives it its
 * memory at once.
 * Result: as acre_array_reserve.
 */
ACRE_API acre_result acre_array_grow(acre_array *array);

/*
 * Appends one element copied from `element`. Result: as acre_array_reserve.
 * Where the compiler knows the element's size, as in the typed face below, this
 * is a store, a comparison and an addition.
 */
static inline acre_result acre_array_push(acre_array *array, const void *element) {
  if (array->count == array->capacity) {
    acre_result result = acre_array_grow(array);
    if (result != ACRE_OK) return result;
  }
  memcpy((char *)array->data + array->count * array->element_size, element, array->element_size);
  array->count++;
  return ACRE_OK;
}

/* Removes the last element, copying it to `element` unless that is NULL. Result: ACRE_E_OUT_OF_RANGE, it is empty. */
static inline acre_result acre_array_pop(acre_array *array, void *element) {
  if (array->count == 0) return ACRE_E_OUT_OF_RANGE;
  array->count--;
  if (element != NULL) memcpy(element, (char *)array->data + array->count * array->element_size, array->element_size);
  return ACRE_OK;
}

/*
 * The address of element `index`, good for the array's life. Index below
 * capacity; not checked. What lies between count and capacity is undefined in
 * the explicit mode until it is an element.
 */
static inline void *acre_array_at(const acre_array *array, size_t index) {
  return (char *)array->data + index * array->element_size;
}

/* A function of a type may stay unused without a warning. */
#ifdef __GNUC__
#define ACRE_ARRAY_INLINE static inline __attribute__((unused))
#else
#define ACRE_ARRAY_INLINE static inline
#endif

/*
 * The typed face: ACRE_ARRAY_DEFINE(points, struct point) declares the type
 * `points` and the inline functions points_create(&a, maximum, options),
 * points_attach(&a, data, count, maximum, options), points_destroy,
 * points_push(&a, value), points_pop(&a, &value), points_at(&a, i)
 * (a pointer), points_data, points_count, points_resize, points_append,
 * points_reserve, points_shrink, points_grow, points_clear: those above, with the element's
 * type known to the compiler.
 *
 * They give the functions above a copy of the array's fields. So a local array
 * whose address the program does not give away has its count in a register, and
 * a push in a loop is one store; a count in memory costs the time in which a
 * processor gets back what it has just stored, several times as much.
 */
#define ACRE_ARRAY_DEFINE(name, type)                                                                       \
  typedef struct name {                                                                                     \
    acre_array array;                                                                                       \
  } name;                                                                                                   \
  ACRE_ARRAY_INLINE acre_result name##_create(name *a, size_t maximum, const acre_array_options *options) { \
    ACRE_ARRAY_MAKE(a, acre_array_create(&apart, maximum, sizeof(type), options));                          \
  }                                                                                                         \
  ACRE_ARRAY_INLINE acre_result name##_attach(name *a, type *data, size_t count, size_t maximum,            \
                                              const acre_array_options *options) {                          \
    ACRE_ARRAY_MAKE(a, acre_array_attach(&apart, data, count, maximum, sizeof(type), options));             \
  }                                                                                                         \
  ACRE_ARRAY_INLINE void name##_destroy(name *a) {                                                          \
    if (a == NULL) return;                                                                                  \
    acre_array apart = a->array;                                                                            \
    acre_array_destroy(&apart);                                                                             \
    a->array = apart;                                                                                       \
  }                                                                                                         \
  ACRE_ARRAY_INLINE acre_result name##_grow(name *a) {                                                      \
    ACRE_ARRAY_CHANGE(a, acre_array_grow(&apart));                                                          \
  }                                                                                                         \
  ACRE_ARRAY_INLINE acre_result name##_push(name *a, type value) {                                          \
    if (a->array.count == a->array.capacity) {                                                              \
      acre_result result = name##_grow(a);                                                                  \
      if (result != ACRE_OK) return result;                                                                 \
    }                                                                                                       \
    ((type *)a->array.data)[a->array.count++] = value;                                                      \
    return ACRE_OK;                                                                                         \
  }                                                                                                         \
  ACRE_ARRAY_INLINE acre_result name##_pop(name *a, type *value) {                                          \
    if (a->array.count == 0) return ACRE_E_OUT_OF_RANGE;                                                    \
    a->array.count--;                                                                                       \
    if (value != NULL) *value = ((type *)a->array.data)[a->array.count];                                    \
    return ACRE_OK;                                                                                         \
  }                                                                                                         \
  ACRE_ARRAY_INLINE type *name##_at(const name *a, size_t index) {                                          \
    return (type *)a->array.data + index;                                                                   \
  }                                                                                                         \
  ACRE_ARRAY_INLINE type *name##_data(const name *a) {                                                      \
    return (type *)a->array.data;                                                                           \
  }                                                                                                         \
  ACRE_ARRAY_INLINE size_t name##_count(const name *a) {                                                    \
    return a->array.count;                                                                                  \
  }                                                                                                         \
  ACRE_ARRAY_INLINE acre_result name##_append(name *a, const type *elements, size_t count) {                \
    ACRE_ARRAY_CHANGE(a, acre_array_append(&apart, elements, count));                                       \
  }                                                                                                         \
  ACRE_ARRAY_INLINE acre_result name##_resize(name *a, size_t count) {                                      \
    ACRE_ARRAY_CHANGE(a, acre_array_resize(&apart, count));                                                 \
  }                                                                                                         \
  ACRE_ARRAY_INLINE acre_result name##_reserve(name *a, size_t count) {                                     \
    ACRE_ARRAY_CHANGE(a, acre_array_reserve(&apart, count));                                                \
  }                                                                                                         \
  ACRE_ARRAY_INLINE acre_result name##_shrink(name *a) {                                                    \
    ACRE_ARRAY_CHANGE(a, acre_array_shrink(&apart));                                                        \
  }                                                                                                         \
  ACRE_ARRAY_INLINE void name##_clear(name *a) {                                                            \
    acre_array_clear(&a->array);                                                                            \
  }                                                                                                         \
  struct name

/* The body of a function above: `call` makes, or changes, the copy `apart`. */
#define ACRE_ARRAY_MAKE(a, call)                   \
  if ((a) == NULL) return ACRE_E_INVALID_ARGUMENT; \
  acre_array apart;                                \
  acre_result result = (call);                     \
  (a)->array = apart;                              \
  return result
#define ACRE_ARRAY_CHANGE(a, call)                 \
  if ((a) == NULL) return ACRE_E_INVALID_ARGUMENT; \
  acre_array apart = (a)->array;                   \
  acre_result result = (call);                     \
  (a)->array = apart;                              \
  return result

#ifdef __cplusplus
}
#endif

#endif
