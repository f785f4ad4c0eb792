/* SPDX-License-Identifier: MIT */
/* What the contract tests of files share: a directory for each test, and files whose every page tells its number. */
#ifndef ACRE_TESTS_OS_CONTRACT_FILE_H
#define ACRE_TESTS_OS_CONTRACT_FILE_H

#include "contract.h"

static char directory[TEST_PATH];

static inline void make_directory(void) {
  test_make_directory(directory);
}

static inline void remove_directory(void) {
  test_remove_directory(directory);
}

static inline const char *path_of(const char *name) {
  static char path[TEST_PATH + 32];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return path;
}

/* Makes `name` a file of `pages` pages, every byte of each page being its number + 1, and opens it. */
static inline struct acre__os_file make_file(const char *name, size_t pages, bool writable) {
  FILE *out = fopen(path_of(name), "wb");
  REQUIRE(out != NULL);
  for (size_t i = 0; i < pages; i++)
    for (size_t j = 0; j < page_size(); j++) fputc((int)(i % 100) + 1, out);
  REQUIRE(fclose(out) == 0);
  struct acre__os_file file = {-1};
  REQUIRE_OK(acre__os_file_open(path_of(name), writable, false, false, false, 0, &file));
  return file;
}

/* What another opening of the file reads at that offset, below 2 GiB; -1: nothing. */
static inline int byte_of_file(const char *name, size_t at) {
  FILE *in = fopen(path_of(name), "rb");
  REQUIRE(in != NULL);
  setvbuf(in, NULL, _IONBF, 0);
  int byte = fseek(in, (long)at, SEEK_SET) == 0 ? fgetc(in) : EOF;
  fclose(in);
  return byte;
}

static inline acre_result open_and_close(const char *path, bool writable) {
  struct acre__os_file file = {-1};
  acre_result result = acre__os_file_open(path, writable, false, false, false, 0, &file);
  if (result == ACRE_OK) acre__os_file_close(file);
  return result;
}

static inline uint64_t size_of(struct acre__os_file file) {
  uint64_t size = 99;
  CHECK_OK(acre__os_file_size(file, &size));
  return size;
}

static inline size_t map_step(void) {
  struct acre__os_system system;
  acre__os_probe_first(&system);
  return system.map_granularity;
}

/* Runs the test with reservations as the system has them, and with plain ones. */
static inline void with_each_reservation(void (*test)(void)) {
  test();
  acre__os_force_plain_reservations(true);
  test();
  acre__os_force_plain_reservations(false);
}

#endif
