/* SPDX-License-Identifier: MIT */
/* Which checks a run makes: --page-heap, --check and --leaks, as the options of the library that makes them. */
#ifndef ACRE_TOOL_RUN_CHECK_H
#define ACRE_TOOL_RUN_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run_checks {
  bool page_heap, canaries, leaks;
  bool under, tight;
  uint64_t every;       /* one block in so many; 0: as 1 */
  uint64_t least, most; /* sizes of blocks; most 0: any */
};

/* The argument of --page-heap, or NULL. TOOL_OK, or it has complained. */
int run_check_parse(const char *text, struct run_checks *out);

/* Whether the options go together. TOOL_OK, or it has complained. */
int run_check_together(const struct run_checks *checks);

static inline bool run_checks_any(const struct run_checks *checks) {
  return checks->page_heap || checks->canaries || checks->leaks;
}

/* Writes them as ACRE_OPTIONS has them, each with a comma behind it. */
void run_check_options(const struct run_checks *checks, char *out, size_t room);

#endif
