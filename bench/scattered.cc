/* SPDX-License-Identifier: MIT */
/*
 * Every other page of 1 GiB, 131,072 of them, from nothing; the peer, one
 * mprotect a page, ends at vm.max_map_count. One by one, and in lists, whose
 * making is part of the time. Each run has a child of its own.
 */
#include <acre/vm.h>

#include "pairs.h"

using namespace bench;

namespace {

void commit_alternate(double *out) {
  size_t page = system_info().page_size, before = mapping_count(), done = 0;
  void *own;
  must(acre_vm_reserve(GIB, nullptr, &own), "acre_vm_reserve");
  char *base = static_cast<char *>(own);
  double total = time_each_of_cpu(1, [&] {
    for (size_t at = 0; at < GIB; at += 2 * page) done += acre_vm_commit(base + at, page, ACRE_VM_DEFAULT) == ACRE_OK;
  });
  out[0] = total / static_cast<double>(done);
  out[1] = static_cast<double>(done);
  out[2] = static_cast<double>(mapping_count() - before);
}

void commit_alternate_in_lists(double *out) {
  constexpr size_t LIST = 1024;
  size_t page = system_info().page_size, before = mapping_count(), done = 0;
  void *own;
  must(acre_vm_reserve(GIB, nullptr, &own), "acre_vm_reserve");
  char *base = static_cast<char *>(own);
  double total = time_each_of_cpu(1, [&] {
    static acre_vm_run runs[LIST];
    for (size_t at = 0; at < GIB; at += LIST * 2 * page) {
      for (size_t i = 0; i < LIST; i++) runs[i] = {base + at + i * 2 * page, page};
      size_t these = 0;
      must(acre_vm_commit_runs(runs, LIST, ACRE_VM_DEFAULT, &these), "acre_vm_commit_runs");
      done += these;
    }
  });
  out[0] = total / static_cast<double>(done);
  out[1] = static_cast<double>(done);
  out[2] = static_cast<double>(mapping_count() - before);
}

void mprotect_alternate(double *out) {
  size_t page = system_info().page_size, before = mapping_count(), done = 0;
  char *base = raw_reserve(GIB);
  double total = time_each_of_cpu(1, [&] {
    for (size_t at = 0; at < GIB && mprotect(base + at, page, PROT_READ | PROT_WRITE) == 0; at += 2 * page) done++;
  });
  out[0] = total / static_cast<double>(done);
  out[1] = static_cast<double>(done);
  out[2] = static_cast<double>(mapping_count() - before);
}

void alternate_pages(benchmark::State &state, void (*commit)(double *)) {
  double acre[3] = {}, peer[3] = {};
  compare(
      state,
      [&] {
        in_child(acre, commit);
        return acre[0];
      },
      [&] {
        in_child(peer, mprotect_alternate);
        return peer[0];
      });
  state.counters["acre_pages"] = acre[1];
  state.counters["peer_pages"] = peer[1];
  state.counters["acre_mappings"] = acre[2];
  state.counters["peer_mappings"] = peer[2];
}

void alternate_pages_of_1_gib(benchmark::State &state) {
  alternate_pages(state, commit_alternate);
}

void alternate_pages_in_lists(benchmark::State &state) {
  alternate_pages(state, commit_alternate_in_lists);
}

BENCHMARK(alternate_pages_of_1_gib)->UseManualTime()->Iterations(31);
BENCHMARK(alternate_pages_in_lists)->UseManualTime()->Iterations(31);

} // namespace

int main(int argc, char **argv) {
  return run(argc, argv);
}
