/* SPDX-License-Identifier: MIT */
/* What the contract tests of Linux share: less privileged children, and limits. */
#ifndef ACRE_TESTS_OS_CONTRACT_LINUX_H
#define ACRE_TESTS_OS_CONTRACT_LINUX_H

#include "contract.h"

#include <sys/resource.h>
#include <sys/wait.h>

enum { NOBODY = 65534 };

/* In a child: gives root's rights up, if it has them. */
static inline void become_nobody(void) {
  if (geteuid() == 0) REQUIRE(setresuid(NOBODY, NOBODY, NOBODY) == 0);
}

static inline void set_limit(int resource, rlim_t value) {
  struct rlimit limit = {value, value};
  REQUIRE(setrlimit(resource, &limit) == 0);
}

#endif
