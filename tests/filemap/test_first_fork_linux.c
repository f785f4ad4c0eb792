/* SPDX-License-Identifier: MIT */
/* fork while another thread opens the process's first file or name: see fork_race.h. */
#include <acre/filemap.h>
#include <stdio.h>

#include "fork_race.h"

static char name[60];

static void open_name(void *nothing) {
  acre_section *section;
  (void)nothing;
  acre_name_options options = {.mode = ACRE_FILE_OPEN_OR_CREATE, .access = ACRE_ACCESS_READ_WRITE, .size = 65536};
  REQUIRE_OK(acre_section_open(name, &options, NULL, &section));
  acre_section_close(section);
}

static void make_memory(void *nothing) {
  acre_section *section;
  (void)nothing;
  REQUIRE_OK(acre_section_create_memory(65536, NULL, &section));
  acre_section_close(section);
}

TEST(first_name) {
  snprintf(name, sizeof name, "acre-first-fork-%d", (int)getpid());
  fork_race_run(open_name, false);
}

TEST(first_name_inside_of_fork) {
  snprintf(name, sizeof name, "acre-first-fork-%d", (int)getpid());
  fork_race_run(open_name, true);
}

TEST(first_section_of_memory) {
  fork_race_run(make_memory, false);
}
