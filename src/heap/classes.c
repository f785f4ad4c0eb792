/* SPDX-License-Identifier: MIT */
#include "heap/classes.h"

/* Units of 16 bytes from above `from` up to `to` have that class; a row is one doubling. */
#define CLASS(d, n) [((8u + (n)) << (d)) + 1 ...(9u + (n)) << (d)] = 8 + 8 * (d) + (n)
#define ROW(d) CLASS(d, 0), CLASS(d, 1), CLASS(d, 2), CLASS(d, 3), CLASS(d, 4), CLASS(d, 5), CLASS(d, 6), CLASS(d, 7)

const uint8_t acre__small_class[] = {0, 0, 1, 2, 3, 4, 5, 6, 7, ROW(0), ROW(1), ROW(2), ROW(3), ROW(4)};

_Static_assert(sizeof acre__small_class == ACRE_SMALL_MOST / ACRE_BLOCK_ALIGNMENT + 1, "a row is missing");

#define SIZE(c) ((c) < 8 ? 16U * ((c) + 1) : (128U + 16U * ((c) % 8 + 1)) << ((c) < 8 ? 0 : (c) / 8 - 1))
#define FITS(c, units) ((units)*512U >= SIZE(c) && (units)*512U % SIZE(c) <= (units)*64U)
#define UNITS(c)     \
  (FITS(c, 1)   ? 1U \
   : FITS(c, 2) ? 2U \
   : FITS(c, 3) ? 3U \
   : FITS(c, 4) ? 4U \
   : FITS(c, 5) ? 5U \
   : FITS(c, 6) ? 6U \
   : FITS(c, 7) ? 7U \
   : FITS(c, 8) ? 8U \
                : (SIZE(c) + 511U) / 512U)
#define ENTRY(c) \
  { SIZE(c), UNITS(c) * 512U / SIZE(c) * SIZE(c), UNITS(c) }
#define MAGIC(c) UINT32_MAX / SIZE(c) + 1
#define EIGHT(of, c) of(c), of((c) + 1), of((c) + 2), of((c) + 3), of((c) + 4), of((c) + 5), of((c) + 6), of((c) + 7)
#define ALL(of) EIGHT(of, 0), EIGHT(of, 8), EIGHT(of, 16), EIGHT(of, 24), EIGHT(of, 32), EIGHT(of, 40)

const struct acre__small acre__small[ACRE_SMALL_CLASSES] = {ALL(ENTRY)};
const uint32_t acre__small_magic[ACRE_SMALL_CLASSES + 1] = {0, ALL(MAGIC)};

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
