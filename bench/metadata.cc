/* SPDX-License-Identifier: MIT */
/*
 * What Acre's tables take, and what the kernel's page tables take beside them,
 * for one region committed in some pattern. Nothing is timed; each pattern has
 * a child process of its own. Counters, in bytes:
 *
 *   metadata      acre_system.metadata_bytes, more than before the region
 *   page_tables   VmPTE, more than before; no page was touched
 *   committed     what is committed, and
 *   reserved      the region's size, to compare with
 */
#include <acre/vm.h>

#include "pairs.h"

using namespace bench;

namespace {

/* Commits every `stride`-th page of `size` bytes, in random order if `random`. stride 0: nothing. */
struct pattern {
  size_t size, stride;
  bool random;
};

void commit_pattern(const pattern &wanted, char *base, size_t page) {
  std::vector<size_t> places;
  for (size_t at = 0; wanted.stride != 0 && at < wanted.size; at += wanted.stride * page) places.push_back(at);
  random_numbers random;
  if (wanted.random) {
    random.shuffle(places);
    places.resize(places.size() / 2);
  }
  for (size_t at : places) must(acre_vm_commit(base + at, page, ACRE_VM_DEFAULT), "acre_vm_commit");
}

void metadata(benchmark::State &state, pattern wanted) {
  double figures[3] = {};
  for (auto _ : state)
    in_child(figures, [&](double *out) {
      void *base;
      acre_system before = system_info();
      size_t page_tables = proc_bytes("/proc/self/status", "VmPTE:");
      must(acre_vm_reserve(wanted.size, nullptr, &base), "acre_vm_reserve");
      commit_pattern(wanted, static_cast<char *>(base), before.page_size);
      acre_system after = system_info();
      out[0] = static_cast<double>(after.metadata_bytes - before.metadata_bytes);
      out[1] = static_cast<double>(proc_bytes("/proc/self/status", "VmPTE:") - page_tables);
      out[2] = static_cast<double>(after.commit_charge - before.commit_charge);
    });
  state.counters["metadata"] = figures[0];
  state.counters["page_tables"] = figures[1];
  state.counters["committed"] = figures[2];
  state.counters["reserved"] = static_cast<double>(wanted.size);
}

/* What the first region makes once, for all (index nodes, the pool for faults), counts for no pattern. */
void warm_up() {
  void *base;
  must(acre_vm_reserve(64 * KIB, nullptr, &base), "acre_vm_reserve");
  must(acre_vm_reserve(64 * KIB, nullptr, &base), "acre_vm_reserve");
}

void add(const char *name, pattern wanted) {
  benchmark::RegisterBenchmark(name, metadata, wanted)->Iterations(1);
}

} // namespace

int main(int argc, char **argv) {
  warm_up();
  add("metadata/untouched_64_kib", {64 * KIB, 0, false});
  add("metadata/untouched_64_tib", {64 * TIB, 0, false});
  add("metadata/frontier", {GIB, 1, false});
  add("metadata/every_2nd_page", {GIB, 2, false});
  add("metadata/every_3rd_page", {GIB, 3, false});
  add("metadata/every_4th_page", {GIB, 4, false});
  add("metadata/every_16th_page", {GIB, 16, false});
  add("metadata/every_64th_page", {GIB, 64, false});
  add("metadata/one_page_per_2_mib", {64 * GIB, 512, false});
  add("metadata/one_page_per_1_gib", {16 * TIB, 262144, false});
  add("metadata/random_half_of_all", {GIB, 1, true});
  add("metadata/random_half_of_every_16th", {GIB, 16, true});
  return run(argc, argv);
}
