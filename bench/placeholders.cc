/* SPDX-License-Identifier: MIT */
/* Parts of a placeholder: replaced and restored, against the same mappings by mmap; split and joined. */
#include <acre/filemap.h>
#include <acre/vm.h>

#include "pairs.h"

using namespace bench;

namespace {

constexpr size_t OPERATIONS = 200, SIZE = 64 * KIB;

char *placeholder(size_t size, size_t alignment) {
  acre_vm_options options = {};
  options.flags = ACRE_VM_PLACEHOLDER;
  options.alignment = alignment;
  void *base;
  must(acre_vm_reserve(size, &options, &base), "acre_vm_reserve");
  return static_cast<char *>(base);
}

/* What a ring buffer does: a view over a reservation, and the reservation again. */
void view_and_back(benchmark::State &state) {
  char *base = placeholder(SIZE, 0), *raw = raw_reserve(SIZE);
  acre_section *section;
  must(acre_section_create_memory(SIZE, nullptr, &section), "acre_section_create_memory");
  int fd = memfd_create("raw", MFD_CLOEXEC);
  must(fd, "memfd_create");
  must(ftruncate(fd, SIZE), "ftruncate");
  acre_view_options options = {};
  options.access = ACRE_ACCESS_READ_WRITE;
  options.address = base;
  options.replace = true;
  compare(
      state,
      [&] {
        return time_each(OPERATIONS, [&] {
          for (size_t i = 0; i < OPERATIONS; i++) {
            acre_view *view;
            must(acre_view_map(section, 0, SIZE, &options, &view), "acre_view_map");
            must(acre_view_unmap_to_placeholder(view), "acre_view_unmap_to_placeholder");
          }
        });
      },
      [&] {
        return time_each(OPERATIONS, [&] {
          for (size_t i = 0; i < OPERATIONS; i++) {
            if (mmap(raw, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
              fail("mmap", "over a reservation");
            raw_decommit(raw, SIZE);
          }
        });
      });
  acre_section_close(section);
  close(fd);
  must(acre_vm_release(base), "acre_vm_release");
  must(munmap(raw, SIZE), "munmap");
}

/* The same with committed memory of its own. */
void commit_and_back(benchmark::State &state) {
  char *base = placeholder(SIZE, 0), *raw = raw_reserve(SIZE);
  acre_vm_options options = {};
  options.flags = ACRE_VM_REPLACE | ACRE_VM_COMMIT;
  options.address = base;
  compare(
      state,
      [&] {
        return time_each(OPERATIONS, [&] {
          for (size_t i = 0; i < OPERATIONS; i++) {
            void *out;
            must(acre_vm_reserve(SIZE, &options, &out), "acre_vm_reserve");
            must(acre_vm_release_to_placeholder(out), "acre_vm_release_to_placeholder");
          }
        });
      },
      [&] {
        return time_each(OPERATIONS, [&] {
          for (size_t i = 0; i < OPERATIONS; i++) {
            must(mprotect(raw, SIZE, PROT_READ | PROT_WRITE), "mprotect");
            raw_decommit(raw, SIZE);
          }
        });
      });
  must(acre_vm_release(base), "acre_vm_release");
  must(munmap(raw, SIZE), "munmap");
}

/* No system call: against a reservation that is made and given back. */
void split_and_join(benchmark::State &state) {
  char *base = placeholder(2 * SIZE, 0);
  compare(
      state,
      [&] {
        return time_each(OPERATIONS, [&] {
          for (size_t i = 0; i < OPERATIONS; i++) {
            must(acre_vm_split(base, SIZE), "acre_vm_split");
            must(acre_vm_join(base, 2 * SIZE), "acre_vm_join");
          }
        });
      },
      [&] {
        return time_each(OPERATIONS, [&] {
          for (size_t i = 0; i < OPERATIONS; i++) must(munmap(raw_reserve(SIZE), SIZE), "munmap");
        });
      });
  must(acre_vm_release(base), "acre_vm_release");
}

BENCHMARK(view_and_back)->UseManualTime()->Iterations(301);
BENCHMARK(commit_and_back)->UseManualTime()->Iterations(301);
BENCHMARK(split_and_join)->UseManualTime()->Iterations(301);

} // namespace

int main(int argc, char **argv) {
  return run(argc, argv);
}
