/* SPDX-License-Identifier: MIT */
/* Random operations against a model, with the mechanisms that the system has. Others: test_random_linux.c. */
#include "vm/random_check.h"

TEST(as_it_is) {
  run_model(&(struct setting){.options = NULL});
}
