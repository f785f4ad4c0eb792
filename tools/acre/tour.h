/* SPDX-License-Identifier: MIT */
/*
 * The frame of `acre tour`: chapters of steps, and what every step is made of:
 *
 *   tour_step     what is about to happen
 *   tour_watch    which addresses to watch; the kernel's figures before
 *   tour_call     a call of Acre's, what it answered and should have
 *   tour_show     the kernel's figures after, beside those before
 *   tour_check    what must hold now; if it does not, the tour fails at its end
 */
#ifndef ACRE_TOOL_TOUR_H
#define ACRE_TOOL_TOUR_H

#include <acre/base.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bar.h"
#include "kernel.h"
#include "tool.h"

#define TOUR_FEWEST_PAGES 4
#define TOUR_MOST_PAGES 65536

/* What the kernel said at one moment. */
struct tour_look {
  struct kernel_range range;
  struct kernel_process process;
  struct bar bar;
};

struct tour {
  /* what the user asked for */
  size_t pages;     /* of the region in the chapter on pages */
  const char *file; /* to sort a copy of; NULL: a generated one */
  uint64_t size;    /* of the array and of the generated file; 0: chosen by the room there is */
  bool pauses;

  acre_system system;

  /* where the tour is */
  unsigned chapter, step;
  unsigned checks, failures;

  /* what the step watches */
  const void *watched;
  size_t watched_size;
  struct tour_look before, after;
};

void tour_chapter(struct tour *tour, const char *title);
void tour_step(struct tour *tour, const char *title, const char *explanation);
void tour_step_end(struct tour *tour);

/* Prints a paragraph of the step. */
void tour_say(const char *format, ...) TOOL_PRINTF(1, 2);

/* Prints an empty line. */
void tour_gap(void);

/* Prints one figure: its name and its value. */
void tour_figure(const char *name, const char *format, ...) TOOL_PRINTF(2, 3);

void tour_watch(struct tour *tour, const void *base, size_t size);

/* Looks again and compares; prints both looks. */
void tour_show(struct tour *tour);

/* Looks again and prints one bar with `label` before and `note` behind; tour->after is what it shows. */
void tour_show_bar(struct tour *tour, const char *label);

/* Says which call was made and what it answered in how many seconds. Returns whether it was `expected`; a failure if not. */
bool tour_call(struct tour *tour, acre_result result, acre_result expected, double seconds, const char *format, ...)
    TOOL_PRINTF(5, 6);

/* Says whether what the text claims holds. Returns `holds`. */
bool tour_check(struct tour *tour, bool holds, const char *format, ...) TOOL_PRINTF(3, 4);

/* How much address space a step may reserve: `wish`, or less where the system or ulimit -v gives less. */
size_t tour_space(const struct tour *tour, uint64_t wish);

/* The chapters, in their order. */
void tour_system(struct tour *tour);
void tour_reserve(struct tour *tour);
void tour_pages(struct tour *tour);
void tour_array(struct tour *tour);
void tour_heap(struct tour *tour);
void tour_edge(struct tour *tour);
void tour_limit(struct tour *tour);
void tour_file(struct tour *tour);
void tour_files(struct tour *tour);

/* The other process of the step on names: finds the memory by its name, and answers in it. Its exit status. */
int tour_answer(const char *name);

/* Looks at the file that the last chapter will sort, before anything runs. false: it has complained. */
bool tour_file_plan(struct tour *tour);

/* The folder for what the tour writes, once that is planned. */
const char *tour_file_folder(void);

#endif
