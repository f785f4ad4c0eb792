/* SPDX-License-Identifier: MIT */
/*
 * Files of 64-bit numbers (unsigned, in the machine's byte order) for the
 * tour's last chapter: making, copying, and judging a sorted one.
 */
#ifndef ACRE_TOOL_NUMBER_FILE_H
#define ACRE_TOOL_NUMBER_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What is the same for two files that hold the same numbers in any order. Two
 * files that do not, are taken for equal by chance once in 2^64: `mixed` adds up
 * the numbers after a mixing step, so that errors do not cancel out.
 */
struct number_sums {
  uint64_t count;
  uint64_t sum;
  uint64_t exclusive_or;
  uint64_t mixed;
};

void number_sums_add(struct number_sums *sums, const uint64_t *numbers, size_t count);
bool number_sums_equal(const struct number_sums *a, const struct number_sums *b);

/* Fills `numbers` with random ones, the same sequence every time, with a progress line. */
void numbers_generate(uint64_t *numbers, size_t count);

/* Whether they ascend. */
bool numbers_are_sorted(const uint64_t *numbers, size_t count);

/* Copies the whole file `from`, `size` bytes, to `to` by read and write calls. false: errno says why (0: it shrank). */
bool number_file_copy(const char *from, const char *to, uint64_t size);

/* Reads the file by stdio; stores its sums and whether it ascends. false: errno says why. */
bool number_file_read(const char *path, struct number_sums *sums, bool *is_sorted);

#endif
