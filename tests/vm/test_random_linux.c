/* SPDX-License-Identifier: MIT */
/* Random operations against a model, with each mechanism, and on the paging file: in children, as mechanisms are chosen once. */
#include "vm/paging_check.h"
#include "vm/random_check.h"

static void check_paging_charge(void) {
  CHECK_EQ(paging_bytes_used(), acre__ledger_charged());
}

static void check_paging_blocks(void *base) {
  CHECK_BLOCKS(base);
}

static void run(void *context) {
  const struct setting *setting = context;
  run_model(setting);
}

static void run_paged(void *context) {
  struct setting setting = *(const struct setting *)context;
  setting.region = &ON_PAGING_FILE;
  setting.check_each = check_paging_charge;
  setting.check_some = check_paging_blocks;
  test_set_environment("ACRE_OPTIONS", setting.options); /* before anything of Acre's is called */
  set_paging_file(0);
  run_model(&setting);
  CHECK_EQ(paging_bytes_used(), 0);
  unset_paging_file();
}

static void run_in_child(const char *options, bool paged) {
  struct setting setting = {.options = options};
  CHECK_EQ(test_in_child(paged ? run_paged : run, &setting), 0);
}

TEST(with_guard_markers) {
  run_in_child("commit=guard", false);
}

TEST(with_mprotect) {
  run_in_child("commit=mprotect", false);
}

TEST(with_few_mappings_left) {
  run_in_child("commit=mprotect,map_budget=40", false);
}

TEST(on_the_paging_file_with_guard_markers) {
  run_in_child("commit=guard", true);
}

TEST(on_the_paging_file_with_mprotect) {
  run_in_child("commit=mprotect", true);
}

TEST(on_the_paging_file_with_few_mappings_left) {
  run_in_child("commit=mprotect,map_budget=40", true);
}

TEST(on_a_plain_paging_file) {
  run_in_child("files=plain", true);
}
