/* SPDX-License-Identifier: MIT */
/* An array that grows from nothing to a million elements while a pointer into it stays good. */
#include <acre/array.h>
#include <stdio.h>

struct point {
  double x, y;
};

ACRE_ARRAY_DEFINE(points, struct point);

int main(void) {
  points track;
  acre_result result = points_create(&track, (size_t)1 << 32, NULL); /* up to 64 GiB: addresses, no memory */
  if (result == ACRE_OK) result = points_push(&track, (struct point){1, 2});
  if (result != ACRE_OK) {
    fprintf(stderr, "array: %s\n", acre_result_text(result));
    return 1;
  }

  const struct point *first = points_at(&track, 0);
  for (int i = 1; i < 1000000 && result == ACRE_OK; i++) result = points_push(&track, (struct point){i, i});
  printf("%zu points; the first is still at its address: %s\n", points_count(&track),
         first == points_at(&track, 0) && first->y == 2 ? "yes" : "no");
  points_destroy(&track);
  return result == ACRE_OK ? 0 : 1;
}
