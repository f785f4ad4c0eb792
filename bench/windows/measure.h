/* SPDX-License-Identifier: MIT */
/*
 * measure.h - which calls calls.c and native.c measure, each in its own words; and how: a call runs some
 * rounds long, and its name and the median of nanoseconds a call (or pair of calls) are printed.
 */
#ifndef BENCH_WINDOWS_MEASURE_H
#define BENCH_WINDOWS_MEASURE_H

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 15 };

/* The program's: nanoseconds, and what is measured, so many times. */
static double now(void);
static void alloc_free(int count);
static void commit_decommit(int count);
static void query(int count);
static void heap_blocks(int count);
static void heap_two_threads(int count);
static void create_destroy(int count);
static void map_unmap(int count);
static void create_section(int count);

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

static void measure_all(void) {
  measure("VirtualAlloc_VirtualFree", alloc_free, 5000);
  measure("commit_decommit_page", commit_decommit, 5000);
  measure("VirtualQuery", query, 100000);
  measure("HeapAlloc_HeapFree", heap_blocks, 64000);
  measure("HeapAlloc_HeapFree_2_threads", heap_two_threads, 320000);
  measure("HeapCreate_HeapDestroy", create_destroy, 3000);
  measure("MapViewOfFile_UnmapViewOfFile", map_unmap, 3000);
  measure("CreateFileMapping", create_section, 3000);
}

#endif
