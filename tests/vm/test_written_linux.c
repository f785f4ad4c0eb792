/* SPDX-License-Identifier: MIT */
/* Written pages on Linux: fork, and descriptors that go. See test_written.c. */
#include <fcntl.h>
#include <unistd.h>

#include "vm/written_check.h"

/* ------------------------------------------------------------- fork, and descriptors that go */

static void in_a_child(void *context) {
  char *base = context;
  const char *text = report(base, 0, 600, ACRE_VM_WRITTEN_RESET);
  if (strcmp(text, by_fault() ? "3" : "3-5 550") != 0) test_fail(__FILE__, __LINE__, "in the child: '%s'", text);
  CHECK_WRITTEN(base, 600, "");
  write_page(base, 4), write_page(base, 80);
  CHECK_AND_RESET(base, 600, "4 80");
  commit(base, 600, 610);
  CHECK_WRITTEN(base, 700, "");
  write_page(base, 605);
  CHECK_AND_RESET(base, 700, "605");
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
  base = tracked(64);
  commit(base, 0, 64);
  write_page(base, 1);
  CHECK_AND_RESET(base, 64, "1");
}

TEST(a_child_goes_on_by_itself) {
  char *base = tracked(PAGES);
  commit(base, 0, 600);
  write_page(base, 3), write_page(base, 4), write_page(base, 5), write_page(base, 550);
  CHECK_AND_RESET(base, 600, "3-5 550");
  write_page(base, 3);
  CHECK_EQ(test_in_child(in_a_child, base), 0);
  CHECK_WRITTEN(base, PAGES, "3");
  write_page(base, 4);
  CHECK_AND_RESET(base, PAGES, "3-4");
  CHECK_OK(acre_vm_release(base));
}

static void without_descriptors(void *context) {
  (void)context;
  char *base = tracked(PAGES), *other = tracked(64);
  commit(base, 0, 600);
  commit(other, 0, 64);
  write_page(base, 3), write_page(base, 550), write_page(other, 1);
  CHECK_AND_RESET(base, 600, "3 550");
  CHECK_AND_RESET(other, 64, "1");
  for (int fd = 3; fd < 200; fd++) close(fd);
  int files[4];
  for (int i = 0; i < 4; i++) files[i] = open("/dev/null", O_RDWR);
  write_page(base, 4);
  CHECK_AND_RESET(base, 600, by_fault() ? "4" : "3-4 550");
  write_page(base, 5);
  CHECK_AND_RESET(base, 600, "5");
  decommit(other, 0, 16);
  commit(other, 0, 16);
  write_page(other, 20);
  CHECK_AND_RESET(other, 64, "20");
  for (int i = 0; i < 4; i++) CHECK_EQ(write(files[i], "x", 1), 1);
}

TEST(a_program_that_closes_all_descriptors) {
  CHECK_EQ(test_in_child(without_descriptors, NULL), 0);
}
