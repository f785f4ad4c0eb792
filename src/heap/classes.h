/* SPDX-License-Identifier: MIT */
/*
 * classes.h - the sizes that blocks are rounded up to.
 *
 *   16 32 48 ... 128 | 144 160 ... 256 | 288 ... 512 | ... | 36864 ... 65536
 *    8 of 16 bytes      8 of 16          8 of 32              8 of 4096
 *
 * Eight sizes to each doubling, so a block is at most an eighth larger than what
 * was asked for (or 15 bytes, as blocks are aligned to 16).
 *
 * Small classes (up to 4 KiB) live in slabs of one segment that belong to one
 * thread; medium ones (up to 64 KiB) in slabs of 1 to 8 segments that the heap's
 * lock guards. What is larger has segments of its own.
 *
 * The blocks of a class are aligned to the largest power of two that divides
 * their size, wherever they lie; so an aligned allocation is a matter of
 * choosing the class.
 */
#ifndef ACRE_HEAP_CLASSES_H
#define ACRE_HEAP_CLASSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  ACRE_SMALL_CLASSES = 48,
  ACRE_ALL_CLASSES = 80,
  ACRE_SMALL_MOST = 4 << 10,
  ACRE_MEDIUM_MOST = 64 << 10,
  ACRE_BLOCK_ALIGNMENT = 16
};

/* By size in units of 16 bytes, rounded up; for small classes. */
extern const uint8_t acre__small_class[ACRE_SMALL_MOST / ACRE_BLOCK_ALIGNMENT + 1];

/*
 * What is wanted of a small class at once. Homes are cut into pieces for a class:
 * as few units of 512 bytes as leave no more than an eighth of them before the
 * first block, if 8 can.
 */
struct acre__small {
  uint32_t size;
  uint16_t piece_bytes; /* of the blocks of a piece */
  uint16_t piece_units;
};

extern const struct acre__small acre__small[ACRE_SMALL_CLASSES];

/*
 * A multiple of a class's size below 64 KiB is a number whose product with
 * magic = ceil(2^32 / size) has a low half below magic. By class + 1: the magic
 * of no class is 0, and nothing is a multiple of it.
 */
extern const uint32_t acre__small_magic[ACRE_SMALL_CLASSES + 1];

static inline bool acre__is_multiple(uint32_t number, uint32_t magic) {
  return number * magic < magic;
}

/* Bytes of a block. */
static inline size_t acre__class_size(unsigned size_class) {
  if (size_class < 8) return (size_class + 1) * (size_t)16;
  unsigned doubling = size_class / 8 - 1;
  return ((size_t)128 + (size_class % 8 + 1) * (size_t)16) << doubling;
}

/* The class of the smallest blocks that hold `size` bytes, 0 to ACRE_MEDIUM_MOST. */
static inline unsigned acre__class_of(size_t size) {
  if (size <= ACRE_SMALL_MOST) return acre__small_class[(size + 15) / 16];
  size_t last = size - 1;
  unsigned top = 63 - (unsigned)__builtin_clzll(last);
  return (top - 6) * 8 + (unsigned)(last >> (top - 3)) - 8;
}

/* What the starts of its blocks are multiples of. */
static inline size_t acre__class_alignment(unsigned size_class) {
  size_t size = acre__class_size(size_class);
  return size & (~size + 1);
}

/* The smallest class whose blocks hold `size` bytes and are so aligned; ACRE_ALL_CLASSES if there is none. */
unsigned acre__class_aligned(size_t size, size_t alignment);

/* Segments of a medium class's slab: no more than an eighth of them is left over behind the last block. */
size_t acre__medium_segments(unsigned size_class);

#endif
