/* SPDX-License-Identifier: MIT */
/* A progress line on stderr (see progress.h): label, bar, percentage, rate, time left. */
#define _POSIX_C_SOURCE 200809L
#include "progress.h"

#include <stdio.h>
#include <time.h>

#include "message.h"
#include "terminal.h"
#include "text.h"

#define CELLS 24
#define SECONDS_PER_DRAWING 0.1

double progress_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void draw(const struct progress *progress, uint64_t done, double now) {
  fputs("\r\033[K  ", stderr);
  text_print_left(stderr, progress->label, 16);
  if (progress->total > 0) {
    double share = (double)done / (double)progress->total;
    if (share > 1) share = 1;
    char cells[CELLS + 1];
    for (int i = 0; i < CELLS; i++) cells[i] = i < (int)(share * CELLS) ? '#' : ' ';
    cells[CELLS] = '\0';
    fprintf(stderr, " [%s] %3d %%", cells, (int)(share * 100));
    double elapsed = now - progress->started;
    if (done > 0 && elapsed > 0.2) {
      int left = (int)((1 - share) / share * elapsed + 0.5);
      fprintf(stderr, _("  %s, %d:%02d left"), text_rate((double)done / elapsed).s, left / 60, left % 60);
    }
  }
  fflush(stderr);
}

void progress_begin(struct progress *progress, const char *label, uint64_t total) {
  double now = progress_clock();
  *progress = (struct progress){
      .label = label, .total = total, .started = now, .drawn = now, .is_on = terminal_can_redraw_stderr()};
  if (progress->is_on) {
    fflush(stdout);
    draw(progress, 0, now);
  }
}

void progress_update(struct progress *progress, uint64_t done) {
  if (!progress->is_on) return;
  double now = progress_clock();
  if (now - progress->drawn < SECONDS_PER_DRAWING) return;
  progress->drawn = now;
  draw(progress, done, now);
}

void progress_hide(struct progress *progress) {
  if (progress->is_on) fputs("\r\033[K", stderr);
}

double progress_end(struct progress *progress) {
  progress_hide(progress);
  return progress_clock() - progress->started;
}
