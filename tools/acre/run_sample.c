/* SPDX-License-Identifier: MIT */
/*
 * A timeline of a run: what each process has reserved, as it has written down
 * itself, and what the kernel says is resident, again and again.
 *
 * The timeline stays bounded: where there is no more room, every second moment
 * is dropped, and the time between moments doubles.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "run.h"

enum { SAMPLES_MOST = 100000 };

/* The second number of /proc/PID/statm, in pages; 0: the process is gone. */
static uint64_t resident_pages(uint32_t pid) {
  char path[64], text[128];
  snprintf(path, sizeof path, "/proc/%u/statm", (unsigned)pid);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  text[length > 0 ? length : 0] = '\0';
  unsigned long long all, resident;
  return sscanf(text, "%llu %llu", &all, &resident) == 2 ? resident : 0;
}

static void thin_out(struct run_timeline *timeline) {
  size_t kept = 0;
  for (size_t i = 0; i < timeline->count; i++) {
    struct run_sample sample = timeline->samples[i];
    if (sample.moment % 2 != 0) continue;
    sample.moment /= 2;
    timeline->samples[kept++] = sample;
  }
  timeline->count = kept;
  timeline->moments = (timeline->moments + 1) / 2;
  timeline->interval *= 2;
}

static void add(struct run_timeline *timeline, const struct run_sample *sample) {
  if (timeline->samples == NULL) timeline->samples = malloc(SAMPLES_MOST * sizeof *timeline->samples);
  if (timeline->samples == NULL || timeline->count == SAMPLES_MOST) return;
  timeline->samples[timeline->count++] = *sample;
}

void run_take_samples(struct run_timeline *timeline, const struct acre__board *board, double seconds) {
  uint32_t used = run_entries(board);
  if (timeline->count + used > SAMPLES_MOST) thin_out(timeline);
  for (uint32_t i = 0; i < used; i++) {
    const struct acre__board_entry *entry = &board->entries[i];
    if (atomic_load(&entry->state) != ACRE_BOARD_RUNS) continue;
    struct run_sample sample = {.moment = timeline->moments,
                                .milliseconds = (uint64_t)(seconds * 1000),
                                .pid = atomic_load(&entry->pid),
                                .reserved = atomic_load(&entry->reserved)};
    sample.resident = resident_pages(sample.pid) * (uint64_t)sysconf(_SC_PAGESIZE);
    if (sample.resident != 0) add(timeline, &sample);
  }
  timeline->moments++;
}
