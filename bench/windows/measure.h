/* SPDX-License-Identifier: MIT */
/* measure.h - runs a call some rounds long, and prints its name and the median of nanoseconds a call (or pair of calls). */
#ifndef BENCH_WINDOWS_MEASURE_H
#define BENCH_WINDOWS_MEASURE_H

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 15 };

/* The program's: nanoseconds. */
static double now(void);

static int compare(const void *a, const void *b) {
  double first = *(const double *)a, second = *(const double *)b;
  return (first > second) - (first < second);
}

static void measure(const char *name, void (*run)(int), int count) {
  double rounds[ROUNDS];
  run(count / 10 + 1);
  for (int i = 0; i < ROUNDS; i++) {
    double start = now();
    run(count);
    rounds[i] = (now() - start) / count;
  }
  qsort(rounds, ROUNDS, sizeof *rounds, compare);
  printf("%s %.2f\n", name, rounds[ROUNDS / 2]);
  fflush(stdout);
}

#endif
