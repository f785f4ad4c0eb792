/* SPDX-License-Identifier: MIT */
/* Files of 64-bit numbers (see number_file.h). */
#include "number_file.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "message.h"
#include "progress.h"
#include "system/system.h"

#define BLOCK_NUMBERS (128 * 1024) /* 1 MiB: moved, and shown as progress, at a time */

static uint64_t block[BLOCK_NUMBERS];

/* The mixing step of splitmix64: a bijection whose every output bit depends on every input bit. */
static uint64_t mix(uint64_t z) {
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

void number_sums_add(struct number_sums *sums, const uint64_t *numbers, size_t count) {
  sums->count += count;
  for (size_t i = 0; i < count; i++) {
    sums->sum += numbers[i];
    sums->exclusive_or ^= numbers[i];
    sums->mixed += mix(numbers[i] + UINT64_C(0x9e3779b97f4a7c15));
  }
}

bool number_sums_equal(const struct number_sums *a, const struct number_sums *b) {
  return a->count == b->count && a->sum == b->sum && a->exclusive_or == b->exclusive_or && a->mixed == b->mixed;
}

void numbers_generate(uint64_t *numbers, size_t count) {
  struct progress progress;
  progress_begin(&progress, _("writing numbers"), count * sizeof *numbers);
  uint64_t state = 0;
  for (size_t i = 0; i < count; i++) {
    if (i % BLOCK_NUMBERS == 0) progress_update(&progress, i * sizeof *numbers);
    state += UINT64_C(0x9e3779b97f4a7c15);
    numbers[i] = mix(state);
  }
  progress_end(&progress);
}

bool numbers_are_sorted(const uint64_t *numbers, size_t count) {
  for (size_t i = 1; i < count; i++)
    if (numbers[i - 1] > numbers[i]) return false;
  return true;
}

static bool copy_all(int from, int to, uint64_t size) {
  struct progress progress;
  progress_begin(&progress, _("copying"), size);
  uint64_t done = 0;
  while (done < size) {
    size_t wanted = size - done < sizeof block ? (size_t)(size - done) : sizeof block;
    long long got = system_read_at(from, block, wanted, done);
    if (got == 0) errno = 0;
    if (got <= 0 || !system_write_all(to, block, (size_t)got)) break;
    done += (uint64_t)got;
    progress_update(&progress, done);
  }
  int error = errno;
  progress_end(&progress);
  errno = error;
  return done == size;
}

bool number_file_copy(const char *from, const char *to, uint64_t size) {
  int in = system_open(from, SYSTEM_READ);
  if (in < 0) return false;
  int out = system_open(to, SYSTEM_WRITE);
  bool copied = out >= 0 && copy_all(in, out, size);
  int error = errno;
  if (out >= 0 && close(out) != 0 && copied) {
    error = errno;
    copied = false;
  }
  close(in);
  errno = error;
  return copied;
}

bool number_file_read(const char *path, struct number_sums *sums, bool *is_sorted) {
  *sums = (struct number_sums){0};
  *is_sorted = true;
  FILE *file = system_open_stream(path, false);
  if (file == NULL) return false;
  struct system_status status;
  struct progress progress;
  progress_begin(&progress, _("reading back"), system_look(path, &status) ? status.size : 0);
  uint64_t last = 0;
  for (size_t got; (got = fread(block, sizeof block[0], BLOCK_NUMBERS, file)) > 0;) {
    if (block[0] < last || !numbers_are_sorted(block, got)) *is_sorted = false;
    last = block[got - 1];
    number_sums_add(sums, block, got);
    progress_update(&progress, sums->count * sizeof block[0]);
  }
  bool complete = ferror(file) == 0;
  int error = errno;
  progress_end(&progress);
  fclose(file);
  errno = error;
  return complete;
}
