/* SPDX-License-Identifier: MIT */
/* What stands at an address: what the program has mapped behind Acre's back. See test_query.c. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm/query_check.h"

TEST(mappings_of_files) {
  size_t page = page_bytes();
  char path[] = "/tmp/acre-test-query-XXXXXX";
  int file = mkstemp(path);
  REQUIRE(file >= 0 && unlink(path) == 0 && ftruncate(file, (off_t)(4 * page)) == 0);
  char *shared = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  char *private = mmap(NULL, 4 * page, PROT_READ, MAP_PRIVATE, file, 0);
  REQUIRE(shared != MAP_FAILED && private != MAP_FAILED);
  check_foreign(shared + page + 7, ACRE_VM_KIND_MAPPED, ACRE_VM_READ_WRITE);
  check_foreign(private, ACRE_VM_KIND_MAPPED, ACRE_VM_READ);
  CHECK_EQ(query(shared + page).size, 3 * page);
  CHECK_EQ(query(shared + page).region_size, 4 * page);
  munmap(shared, 4 * page);
  munmap(private, 4 * page);
  close(file);
}

TEST(foreign_protections) {
  size_t page = page_bytes();
  static const struct {
    int protection;
    acre_vm_protection answer;
  } expected[] = {{PROT_NONE, ACRE_VM_NO_ACCESS},
                  {PROT_READ, ACRE_VM_READ},
                  {PROT_READ | PROT_WRITE, ACRE_VM_READ_WRITE},
                  {PROT_EXEC, ACRE_VM_EXECUTE},
                  {PROT_READ | PROT_EXEC, ACRE_VM_EXECUTE_READ},
                  {PROT_READ | PROT_WRITE | PROT_EXEC, ACRE_VM_EXECUTE_READ_WRITE}};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
    char *map = mmap(NULL, 8 * page, expected[i].protection, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(map != MAP_FAILED);
    acre_vm_info info = query(map + 3 * page);
    CHECK_EQ(info.protection, expected[i].answer);
    CHECK_EQ(info.size, 5 * page);
    munmap(map, 8 * page);
  }
}

/* The kernel makes one mapping of neighbours that look alike; each owner sees its own. */
TEST(foreign_memory_beside_ours) {
  size_t granularity = system_figures().allocation_granularity;
  char *place = reserve_pages(8 * granularity / page_bytes());
  CHECK_OK(acre_vm_release(place));
  acre_vm_options options = {.address = place + 3 * granularity};
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
  void *foreign = mmap(place, 8 * granularity, PROT_NONE, flags, -1, 0);
  REQUIRE(foreign == place);
  REQUIRE(munmap(place + 3 * granularity, 2 * granularity) == 0);
  void *base;
  REQUIRE_OK(acre_vm_reserve(2 * granularity, &options, &base));
  REQUIRE(base == place + 3 * granularity);

  acre_vm_info left = query(place + 1), own = query(base), right = query(place + 6 * granularity);
  CHECK_EQ(left.kind, ACRE_VM_KIND_FOREIGN);
  CHECK_EQ(left.state, ACRE_VM_RESERVED);
  CHECK_EQ(left.size, 3 * granularity);
  CHECK_EQ((char *)left.region_base + left.region_size - place, 3 * granularity);
  CHECK_EQ(own.kind, ACRE_VM_KIND_PRIVATE);
  CHECK_EQ(own.size, 2 * granularity);
  CHECK_EQ(right.kind, ACRE_VM_KIND_FOREIGN);
  CHECK(right.size >= 2 * granularity);
  CHECK(right.region_base == place + 5 * granularity);
  CHECK_RESULT(acre_vm_commit(place, 1, ACRE_VM_DEFAULT), ACRE_E_NOT_A_REGION);
  CHECK_RESULT(acre_vm_release(place + 5 * granularity), ACRE_E_NOT_A_REGION);
  CHECK_RESULT(acre_vm_commit(base, 2 * granularity + 1, ACRE_VM_DEFAULT), ACRE_E_SPANS_REGIONS);

  CHECK_OK(acre_vm_release(base)); /* and takes nothing of the neighbours along */
  CHECK_EQ(query(place).size, 3 * granularity);
  CHECK_EQ(query(base).size, 2 * granularity);
  CHECK_EQ(query(base).state, ACRE_VM_FREE);
  CHECK_EQ(query(place + 5 * granularity).kind, ACRE_VM_KIND_FOREIGN);
  munmap(place, 8 * granularity);
}
