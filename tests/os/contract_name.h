/* SPDX-License-Identifier: MIT */
/* What the contract tests of names share: a name of the process's own. */
#ifndef ACRE_TESTS_OS_CONTRACT_NAME_H
#define ACRE_TESTS_OS_CONTRACT_NAME_H

#include "contract.h"

static char path[ACRE_OS_NAME_PATH + 64];

static inline void make_path(void) {
  acre_result result = acre__os_name_directory(true, path);
  if (result == ACRE_E_NOT_SUPPORTED) test_skip("no place for names");
  REQUIRE_OK(result);
  snprintf(path + strlen(path), 64, "/acre-contract-%ld", (long)getpid());
}

static inline struct acre__os_file open_name(bool create) {
  struct acre__os_file file = {-1};
  REQUIRE_OK(acre__os_name_open(path, create, &file));
  return file;
}

#endif
