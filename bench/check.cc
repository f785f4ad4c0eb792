/* SPDX-License-Identifier: MIT */
/*
 * What the checks cost real programs: python3 and redis (bench/checked), each on Acre's
 * heap, under the page heap with one block in 1000, in 16, and every one guarded, and
 * with canaries. A round is one run of each, in turns first; medians of the rounds stand.
 *
 *   HOW_ns, HOW_bytes           time, and the most memory that was resident
 *   HOW_ratio, HOW_memory       by those of the heap without checks
 */
#include <array>

#include "programs.h"

namespace {

using bench::samples;

struct way {
  const char *name, *library, *options;
};

constexpr std::array<way, 5> WAYS = {{{"plain", ACRE_MALLOC, ""},
                                      {"one_in_1000", ACRE_CHECK, "page_heap=1000"},
                                      {"one_in_16", ACRE_CHECK, "page_heap=16"},
                                      {"every", ACRE_CHECK, "page_heap=1"},
                                      {"canaries", ACRE_CHECK, "check=canaries"}}};

void program(benchmark::State &state, const char *script) {
  std::array<samples, WAYS.size()> times, memory;
  size_t round = 0;
  for (auto _ : state) {
    for (size_t i = 0; i < WAYS.size(); i++) {
      size_t which = (round + i) % WAYS.size();
      const way &how = WAYS[which];
      bench::figures run = bench::figures_in(
          script, bench::output_of({"/bin/bash", script}, how.library, how.options, "BENCH_LIBRARY"));
      times[which].add(run.ns);
      memory[which].add(run.bytes);
      if (which == 0) state.SetIterationTime(run.ns * 1e-9);
    }
    round++;
  }
  for (size_t i = 0; i < WAYS.size(); i++) {
    std::string name = WAYS[i].name;
    state.counters[name + "_ns"] = times[i].median();
    state.counters[name + "_bytes"] = memory[i].median();
    if (i == 0) continue;
    state.counters[name + "_ratio"] = times[i].median() / times[0].median();
    state.counters[name + "_memory"] = memory[i].median() / memory[0].median();
  }
}

} // namespace

BENCHMARK_CAPTURE(program, python3, CHECKED "/python3.sh")
    ->UseManualTime()
    ->Iterations(9)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(program, python3_malloc, CHECKED "/python3_malloc.sh")
    ->UseManualTime()
    ->Iterations(9)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(program, redis, CHECKED "/redis.sh")->UseManualTime()->Iterations(9)->Unit(benchmark::kMillisecond);
BENCHMARK_MAIN();
