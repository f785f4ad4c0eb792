/* SPDX-License-Identifier: MIT */
/* Sections over memory on Linux: seals, and names of files. See test_memory.c. */
#include "scratch_linux.h"

#include <errno.h>

#include "vm/vm_check.h"

static size_t page;

static acre_section *make_section(uint64_t size, const acre_memory_options *options) {
  acre_section *section = NULL;
  page = page_bytes();
  REQUIRE_OK(acre_section_create_memory(size, options, &section));
  return section;
}

TEST(memory_grows_and_is_not_cut) {
  acre_section *section = make_section(1000, NULL);
  acre_view *view;
  acre_view_options options = {.access = ACRE_ACCESS_READ_WRITE, .reserve = 1 << 20};
  REQUIRE_OK(acre_view_map(section, 0, 0, &options, &view));
  strcpy(acre_view_data(view), "kept");
  CHECK_OK(acre_view_grow(view, 1 << 20));
  memset((char *)acre_view_data(view) + 1000, 2, (1 << 20) - 1000);
  CHECK(strcmp(acre_view_data(view), "kept") == 0);
  CHECK_EQ(acre_section_size(section), 1 << 20);
  char name[64], path[300];
  CHECK_OK(acre_vm_query_file(acre_view_data(view), NULL, name, sizeof name, NULL));
  if (strncmp(name, "/memfd:", 7) == 0) { /* whoever comes by its descriptor */
    int cut = 0;
    for (int fd = 3; fd < 64; fd++) {
      snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
      char target[64] = "";
      if (readlink(path, target, sizeof target - 1) < 0 || strcmp(target, name) != 0) continue;
      CHECK(ftruncate(fd, 10) != 0 && errno == EPERM);
      cut++;
    }
    CHECK_EQ(cut, 1);
  }
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
}

static void check_file(const void *address, uint64_t offset, const char *path) {
  char found[SCRATCH_PATH] = "?";
  uint64_t at = 0;
  size_t length = 0;
  CHECK_OK(acre_vm_query_file(address, &at, found, sizeof found, &length));
  CHECK_EQ(at, offset);
  CHECK(strcmp(found, path) == 0);
  CHECK_EQ(length, strlen(path));
}

TEST(a_view_names_its_file) {
  char path[SCRATCH_PATH], odd[SCRATCH_PATH + 32], removed[SCRATCH_PATH + 96];
  scratch_make(path, 100000);
  snprintf(odd, sizeof odd, "%s\nwith \\012 and 한글 ", path);
  REQUIRE(rename(path, odd) == 0);
  page = page_bytes();
  acre_file *file = scratch_open(odd, ACRE_ACCESS_READ);
  acre_section *section;
  REQUIRE_OK(acre_section_create(file, &(acre_section_options){.offset = 12345}, &section));
  acre_view *view;
  REQUIRE_OK(acre_view_map(section, 777, 0, NULL, &view));
  const char *data = acre_view_data(view);
  char wanted[SCRATCH_PATH + 64];
  strcpy(wanted, odd);
  char first[SCRATCH_PATH + 64] = "";
  CHECK_OK(acre_vm_query_file(data, NULL, first, sizeof first, NULL));
  if (strcmp(first, odd) != 0) { /* from the text, which does not tell the two line ends apart */
    char *backslash = strstr(wanted, "\\012");
    REQUIRE(backslash != NULL);
    *backslash = '\n';
    memmove(backslash + 1, backslash + 4, strlen(backslash + 4) + 1);
  }
  check_file(data, 13122, wanted);
  check_file(data + 50000, 63122, wanted);
  check_file(data - 1, 13121, wanted);

  char small[4];
  size_t length;
  CHECK_OK(acre_vm_query_file(data, NULL, small, sizeof small, &length));
  CHECK(strncmp(small, odd, 3) == 0 && small[3] == '\0');
  CHECK_EQ(length, strlen(wanted));
  CHECK_OK(acre_vm_query_file(data, NULL, NULL, 0, NULL));
  CHECK_RESULT(acre_vm_query_file(data, NULL, NULL, 1, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_vm_query_file(&page, NULL, small, 4, NULL),
               query(&page).kind == ACRE_VM_KIND_IMAGE ? ACRE_OK : ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_query_file(NULL, NULL, small, 4, NULL), ACRE_E_WRONG_KIND);
  CHECK_RESULT(acre_vm_query_file((void *)UINTPTR_MAX, NULL, small, 4, NULL), ACRE_E_INVALID_ADDRESS);
  void *region;
  REQUIRE_OK(acre_vm_reserve(page, &(acre_vm_options){.flags = ACRE_VM_COMMIT}, &region));
  CHECK_RESULT(acre_vm_query_file(region, NULL, small, 4, NULL), ACRE_E_WRONG_KIND);
  CHECK_OK(acre_vm_release(region));

  REQUIRE(unlink(odd) == 0);
  snprintf(removed, sizeof removed, "%s (deleted)", wanted);
  char found[SCRATCH_PATH + 96];
  CHECK_OK(acre_vm_query_file(data, NULL, found, sizeof found, NULL));
  CHECK(strcmp(found, removed) == 0);
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
  acre_file_close(file);
}
