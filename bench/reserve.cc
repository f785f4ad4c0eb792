/* SPDX-License-Identifier: MIT */
/* Reserving and releasing address space, small and huge, against mmap and munmap. */
#include <acre/vm.h>

#include "pairs.h"

using namespace bench;

namespace {

void *acre_reserve(size_t size) {
  void *base;
  must(acre_vm_reserve(size, nullptr, &base), "acre_vm_reserve");
  return base;
}

void reserve_release_64_kib(benchmark::State &state) {
  constexpr size_t OPERATIONS = 200;
  compare(
      state,
      [] {
        return time_each(OPERATIONS, [] {
          for (size_t i = 0; i < OPERATIONS; i++) must(acre_vm_release(acre_reserve(64 * KIB)), "acre_vm_release");
        });
      },
      [] {
        return time_each(OPERATIONS, [] {
          for (size_t i = 0; i < OPERATIONS; i++) must(munmap(raw_reserve(64 * KIB), 64 * KIB), "munmap");
        });
      });
}

/* The time of reserving alone, over and over. */
template <class Reserve, class Release>
double time_reserve(Reserve reserve, Release release) {
  constexpr int OPERATIONS = 50;
  double total = 0;
  for (int i = 0; i < OPERATIONS; i++) {
    void *base = nullptr;
    total += time_each(OPERATIONS, [&] { base = reserve(); });
    release(base);
  }
  return total;
}

void reserve_64_tib(benchmark::State &state) {
  compare(
      state,
      [] {
        return time_reserve([] { return acre_reserve(64 * TIB); },
                            [](void *base) { must(acre_vm_release(base), "acre_vm_release"); });
      },
      [] {
        return time_reserve([] { return raw_reserve(64 * TIB); },
                            [](void *base) { must(munmap(base, 64 * TIB), "munmap"); });
      });
  double rss[2];
  in_child(rss, [](double *out) {
    must(acre_vm_release(acre_reserve(64 * KIB)), "acre_vm_release"); /* the library's own start */
    resident_bytes();                                                 /* and the start of reading the figure */
    out[0] = static_cast<double>(resident_bytes());
    acre_reserve(64 * TIB);
    out[1] = static_cast<double>(resident_bytes());
  });
  state.counters["rss_bytes"] = rss[1] - rss[0];
}

BENCHMARK(reserve_release_64_kib)->UseManualTime()->Iterations(301);
BENCHMARK(reserve_64_tib)->UseManualTime()->Iterations(101);

} // namespace

int main(int argc, char **argv) {
  return run(argc, argv);
}
