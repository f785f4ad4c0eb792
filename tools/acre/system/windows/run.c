/* SPDX-License-Identifier: MIT */
/* `acre run` on Windows: that it is not there. */
#include "message.h"
#include "tool.h"
#include "win.h"

int run_main(int argc, char **argv) {
  (void)argc, (void)argv;
  tool_complain("%s", _(system_words.no_run));
  return TOOL_USAGE;
}
