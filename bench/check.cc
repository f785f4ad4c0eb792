/* SPDX-License-Identifier: MIT */
/*
 * What the checks cost real programs: python3 and redis (bench/checked), each on Acre's
 * heap, under the page heap with one block in 1000, in 16, and every one guarded, and
 * with canaries. A round is one run of each, in turns first, of those that take long in every sixth one alone.
 *
 *   HOW_ns, HOW_bytes           medians of processor time, and of the most memory that was resident
 *   HOW_ratio                   median of the rounds' ratios of time to the heap without checks
 *   HOW_memory                  the ratio of memory
 */
#include <array>

#include "programs.h"

namespace {

using bench::samples;

struct way {
  const char *name, *library, *options;
  bool is_slow;
};

constexpr std::array<way, 5> WAYS = {{{"plain", ACRE_MALLOC, "", false},
                                      {"one_in_1000", ACRE_CHECK, "page_heap=1000", false},
                                      {"one_in_16", ACRE_CHECK, "page_heap=16", true},
                                      {"every", ACRE_CHECK, "page_heap=1", true},
                                      {"canaries", ACRE_CHECK, "check=canaries", true}}};

void program(benchmark::State &state, const char *script) {
  std::array<samples, WAYS.size()> times, memory, ratios;
  size_t round = 0;
  for (auto _ : state) {
    std::array<double, WAYS.size()> taken{};
    for (size_t i = 0; i < WAYS.size(); i++) {
      size_t which = (round + i) % WAYS.size();
      const way &how = WAYS[which];
      if (how.is_slow && round % 6 != 0) continue;
      bench::figures run = bench::figures_in(
          script, bench::output_of({"/bin/bash", script}, how.library, how.options, "BENCH_LIBRARY"));
      taken[which] = run.ns;
      times[which].add(run.ns);
      memory[which].add(run.bytes);
    }
    for (size_t i = 1; i < WAYS.size(); i++)
      if (taken[i] != 0) ratios[i].add(taken[i] / taken[0]);
    state.SetIterationTime(taken[0] * 1e-9);
    round++;
  }
  for (size_t i = 0; i < WAYS.size(); i++) {
    std::string name = WAYS[i].name;
    state.counters[name + "_ns"] = times[i].median();
    state.counters[name + "_bytes"] = memory[i].median();
    if (i == 0) continue;
    state.counters[name + "_ratio"] = ratios[i].median();
    state.counters[name + "_memory"] = memory[i].median() / memory[0].median();
  }
}

} // namespace

BENCHMARK_CAPTURE(program, python3, CHECKED "/python3.sh")
    ->UseManualTime()
    ->Iterations(31)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(program, python3_malloc, CHECKED "/python3_malloc.sh")
    ->UseManualTime()
    ->Iterations(31)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(program, redis, CHECKED "/redis.sh")->UseManualTime()->Iterations(31)->Unit(benchmark::kMillisecond);
BENCHMARK_MAIN();
