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
#include <fcntl.h>
#include <spawn.h>

#include <array>
#include <cstring>

#include "pairs.h"

namespace {

using bench::fail;
using bench::must;
using bench::samples;

constexpr std::array<const char *, 5> NAMES = {"acre", "glibc", "mimalloc", "jemalloc", "tcmalloc"};
constexpr std::array<const char *, 5> LIBRARIES = {ACRE_MALLOC, "", "libmimalloc.so.2", "libjemalloc.so.2",
                                                   "libtcmalloc_minimal.so.4"};

/* Runs the program with the library preloaded; what it prints comes back. */
std::string output_of(const std::vector<const char *> &command, const char *library) {
  int ends[2];
  must(pipe2(ends, O_CLOEXEC), "pipe2");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  if (*library != '\0')
    setenv("LD_PRELOAD", library, 1);
  else
    unsetenv("LD_PRELOAD");
  std::vector<char *> arguments;
  for (const char *argument : command) arguments.push_back(const_cast<char *>(argument));
  arguments.push_back(nullptr);
  pid_t pid;
  int error = posix_spawn(&pid, command[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error != 0) fail(command[0], std::strerror(error));
  std::string text;
  char piece[256];
  for (ssize_t got; (got = read(ends[0], piece, sizeof piece)) > 0;) text.append(piece, static_cast<size_t>(got));
  close(ends[0]);
  int status;
  must(waitpid(pid, &status, 0), "waitpid");
  if (status != 0) fail(command[0], library);
  unsetenv("LD_PRELOAD");
  return text;
}

void load(benchmark::State &state, const char *name) {
  std::array<samples, NAMES.size()> times, memory;
  std::string checksum;
  size_t first = 0;
  for (auto _ : state) {
    for (size_t i = 0; i < NAMES.size(); i++) {
      size_t which = (first + i) % NAMES.size();
      double ns;
      unsigned long kib;
      char sum[64];
      std::string text = output_of({MALLOC_LOADS, name}, LIBRARIES[which]);
      if (std::sscanf(text.c_str(), "%lf %lu %63s", &ns, &kib, sum) != 3) fail(name, "prints something else");
      if (!checksum.empty() && checksum != sum) fail(name, "the checksums differ");
      checksum = sum;
      times[which].add(ns);
      memory[which].add(static_cast<double>(kib) * 1024);
      if (which == 0) state.SetIterationTime(ns * 1e-9);
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
