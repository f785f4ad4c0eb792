/* SPDX-License-Identifier: MIT */
/*
 * Acre's malloc against glibc's, mimalloc, jemalloc and tcmalloc: the workloads of
 * bench/loads, each in a process of its own with the allocator preloaded. A round
 * is one run of each, in turns first; medians of the rounds stand.
 *
 *   ALLOCATOR_ns, ALLOCATOR_bytes   time, and the most memory that was resident
 *   ratio                           Acre's time by that of the best peer
 *   memory_ratio                    Acre's memory by that of the leaner one of mimalloc and jemalloc
 *
 * And what it costs a program to start with it, which has nothing to allocate.
 */
#include <array>

#include "programs.h"

namespace {

using bench::fail;
using bench::output_of;
using bench::samples;

constexpr std::array<const char *, 5> NAMES = {"acre", "glibc", "mimalloc", "jemalloc", "tcmalloc"};
constexpr std::array<const char *, 5> LIBRARIES = {ACRE_MALLOC, "", "libmimalloc.so.2", "libjemalloc.so.2",
                                                   "libtcmalloc_minimal.so.4"};

void load(benchmark::State &state, const char *name) {
  std::array<samples, NAMES.size()> times, memory;
  std::string checksum;
  size_t first = 0;
  for (auto _ : state) {
    for (size_t i = 0; i < NAMES.size(); i++) {
      size_t which = (first + i) % NAMES.size();
      bench::figures run = bench::figures_in(name, output_of({MALLOC_LOADS, name}, LIBRARIES[which]));
      if (!checksum.empty() && checksum != run.checksum) fail(name, "the checksums differ");
      checksum = run.checksum;
      times[which].add(run.ns);
      memory[which].add(run.bytes);
      if (which == 0) state.SetIterationTime(run.ns * 1e-9);
    }
    first++;
  }
  double best = times[1].median(), leanest = std::min(memory[2].median(), memory[3].median());
  for (size_t i = 0; i < NAMES.size(); i++) {
    state.counters[std::string(NAMES[i]) + "_ns"] = times[i].median();
    state.counters[std::string(NAMES[i]) + "_bytes"] = memory[i].median();
    if (i > 0) best = std::min(best, times[i].median());
  }
  state.counters["ratio"] = times[0].median() / best;
  state.counters["memory_ratio"] = memory[0].median() / leanest;
}

void start(benchmark::State &state) {
  bench::compare(
      state, [] { return bench::time_each(1, [] { output_of({"/bin/true"}, ACRE_MALLOC); }); },
      [] { return bench::time_each(1, [] { output_of({"/bin/true"}, ""); }); });
}

} // namespace

int main(int argc, char **argv) {
  benchmark::Initialize(&argc, argv);
  std::vector<std::string> names;
  std::string list = output_of({MALLOC_LOADS}, "");
  for (size_t at = 0, end; (end = list.find('\n', at)) != std::string::npos; at = end + 1)
    names.push_back(list.substr(at, end - at));
  for (const std::string &name : names)
    benchmark::RegisterBenchmark(("load/" + name).c_str(), load, name.c_str())
        ->UseManualTime()
        ->Iterations(5)
        ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("start", start)->UseManualTime()->Iterations(1000)->Unit(benchmark::kMicrosecond);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
