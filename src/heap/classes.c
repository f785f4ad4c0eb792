/* SPDX-License-Identifier: MIT */
#include "heap/classes.h"

/* Units of 16 bytes from above `from` up to `to` have that class; a row is one doubling. */
#define CLASS(d, n) [((8u + (n)) << (d)) + 1 ...(9u + (n)) << (d)] = 8 + 8 * (d) + (n)
#define ROW(d) CLASS(d, 0), CLASS(d, 1), CLASS(d, 2), CLASS(d, 3), CLASS(d, 4), CLASS(d, 5), CLASS(d, 6), CLASS(d, 7)

const uint8_t acre__small_class[] = {0, 0, 1, 2, 3, 4, 5, 6, 7, ROW(0), ROW(1), ROW(2), ROW(3), ROW(4)};

_Static_assert(sizeof acre__small_class == ACRE_SMALL_MOST / ACRE_BLOCK_ALIGNMENT + 1, "a row is missing");

unsigned acre__class_aligned(size_t size, size_t alignment) {
  if (size < alignment) size = alignment;
  if (size > ACRE_MEDIUM_MOST) return ACRE_ALL_CLASSES;
  unsigned size_class = acre__class_of(size);
  while (acre__class_alignment(size_class) < alignment) size_class++; /* ends at a power of two */
  return size_class;
}

size_t acre__medium_segments(unsigned size_class) {
  size_t size = acre__class_size(size_class), segments = 1;
  while (segments < 8 && segments * 65536 % size > segments * 65536 / 8) segments *= 2;
  return segments;
}
