/* SPDX-License-Identifier: MIT */
/* A progress line for a long step, drawn on stderr when that is a terminal, and gone when the step is done. */
#ifndef ACRE_TOOL_PROGRESS_H
#define ACRE_TOOL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
  const char *label;
  uint64_t total; /* bytes; 0: how far it is can't be known, and only the label is drawn */
  double started;
  double drawn;
  bool is_on;
};

void progress_begin(struct progress *progress, const char *label, uint64_t total);

/* `done` bytes of the total are done. Cheap: draws ten times a second at the most. */
void progress_update(struct progress *progress, uint64_t done);

/* Clears the line until the next update, so that stdout can be written. */
void progress_hide(struct progress *progress);

/* Clears the line. Returns the seconds since progress_begin. */
double progress_end(struct progress *progress);

/* Seconds of a clock that only goes forward. */
double progress_clock(void);

#endif
