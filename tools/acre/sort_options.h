/* SPDX-License-Identifier: MIT */
/* The command line of `acre sort`: what is asked for, and whether that makes sense. */
#ifndef ACRE_TOOL_SORT_OPTIONS_H
#define ACRE_TOOL_SORT_OPTIONS_H

#include "sort_key.h"

struct sort_options {
  struct sort_order order;
  const char *file, *output; /* NULL: none */
  const char *type;          /* as it was given */
  uint64_t memory;           /* 0: not given */
  bool check, in_place, quiet, help;
};

/* Reads it. Not TOOL_OK: it has complained. With `help` nothing else is checked. */
int sort_options_read(int argc, char **argv, struct sort_options *out);

#endif
