/* SPDX-License-Identifier: MIT */
/*
 * pairs.h - comparing two ways of doing a thing on a machine that is not quiet.
 *
 *   time  -->  [acre][peer]  [peer][acre]  [acre][peer]  ...
 *               \ pair 1 /    \ pair 2 /    \ pair 3 /
 *
 * A pair is a short batch of each, one right after the other, in turns first.
 * What disturbs the machine for longer than a pair disturbs both, and what is
 * shorter spoils a few pairs: the median of the pairs' ratios stands. One
 * iteration of Google Benchmark is one pair. What a benchmark tells are its
 * counters, from which report.py makes the tables:
 *
 *   acre_ns, peer_ns      medians, nanoseconds for one operation
 *   ratio                 median of acre / peer
 *   ratio_low, ratio_high its quartiles
 *
 * A batch is a callable that returns nanoseconds for one operation, timed by
 * itself, so that preparing and clearing away stay outside.
 */
#ifndef BENCH_PAIRS_H
#define BENCH_PAIRS_H

#include <acre/base.h>
#include <benchmark/benchmark.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace bench {

constexpr size_t KIB = size_t{1} << 10, MIB = size_t{1} << 20, GIB = size_t{1} << 30, TIB = size_t{1} << 40;

/* ------------------------------------------------------------- what must work */

[[noreturn]] inline void fail(const char *what, const char *why) {
  std::fprintf(stderr, "benchmark: %s: %s\n", what, why);
  std::exit(1);
}

inline void must(acre_result result, const char *what) {
  if (result != ACRE_OK) fail(what, acre_result_text(result));
}

/* For system calls of the peers, which return -1. */
inline void must(int status, const char *what) {
  if (status == -1) std::perror(what), std::exit(1);
}

/* ------------------------------------------------------------- time */

inline double clock_ns(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/* Nanoseconds of real time that `work` takes, divided by the number of operations that it does. */
template <class Work>
double time_each(size_t operations, Work work) {
  double start = clock_ns(CLOCK_MONOTONIC);
  work();
  return (clock_ns(CLOCK_MONOTONIC) - start) / static_cast<double>(operations);
}

/* The same in the thread's processor time, kernel included: for what is so long that others are bound to interrupt. */
template <class Work>
double time_each_of_cpu(size_t operations, Work work) {
  double start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  work();
  return (clock_ns(CLOCK_THREAD_CPUTIME_ID) - start) / static_cast<double>(operations);
}

/* ------------------------------------------------------------- samples */

class samples {
public:
  void add(double value) {
    values_.push_back(value);
  }

  double quantile(double share) const {
    std::vector<double> sorted = values_;
    std::sort(sorted.begin(), sorted.end());
    return sorted.empty() ? 0 : sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5)];
  }

  double median() const {
    return quantile(0.5);
  }

private:
  std::vector<double> values_;
};

inline void report_ratio(benchmark::State &state, const std::string &name, const samples &ratios) {
  state.counters[name] = ratios.median();
  state.counters[name + "_low"] = ratios.quantile(0.25);
  state.counters[name + "_high"] = ratios.quantile(0.75);
}

/* The loop over pairs. The first pair only warms up. */
template <class Acre, class Peer>
void compare(benchmark::State &state, Acre acre, Peer peer) {
  samples acre_ns, peer_ns, ratios;
  bool acre_first = true;
  acre();
  peer();
  for (auto _ : state) {
    double early = acre_first ? acre() : peer();
    double late = acre_first ? peer() : acre();
    double mine = acre_first ? early : late, theirs = acre_first ? late : early;
    acre_ns.add(mine);
    peer_ns.add(theirs);
    ratios.add(mine / theirs);
    state.SetIterationTime(mine * 1e-9);
    acre_first = !acre_first;
  }
  state.counters["acre_ns"] = acre_ns.median();
  state.counters["peer_ns"] = peer_ns.median();
  report_ratio(state, "ratio", ratios);
}

/* ------------------------------------------------------------- children */

/*
 * Runs `work(double *figures)` in a child process, whose memory starts as it is
 * now and is gone afterwards, and copies what it put into `figures`.
 */
template <size_t Figures, class Work>
void in_child(double (&figures)[Figures], Work work) {
  static_assert(sizeof figures <= 4096);
  void *shared = mmap(nullptr, sizeof figures, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) fail("mmap", "no memory to share with a child");
  pid_t child = fork();
  must(child, "fork");
  if (child == 0) {
    work(static_cast<double *>(shared));
    _exit(0);
  }
  int status = 0;
  must(waitpid(child, &status, 0), "waitpid");
  if (status != 0) fail("child", WIFSIGNALED(status) ? "killed by a signal" : "failed");
  std::copy_n(static_cast<double *>(shared), Figures, figures);
  munmap(shared, sizeof figures);
}

/* ------------------------------------------------------------- figures of the process */

/* Bytes that `file` (of /proc/self) gives on the line that begins with `key`. */
inline size_t proc_bytes(const char *file, const std::string &key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (line.compare(0, key.size(), key) == 0) return std::strtoull(line.c_str() + key.size(), nullptr, 10) * KIB;
  fail(file, "a line that should be there is not");
}

/* Resident bytes, exact: /proc/self/status lags behind by up to 64 pages a processor. */
inline size_t resident_bytes() {
  return proc_bytes("/proc/self/smaps_rollup", "Rss:");
}

inline size_t mapping_count() {
  std::ifstream in("/proc/self/maps");
  size_t count = 0;
  for (std::string line; std::getline(in, line);) count++;
  return count;
}

inline acre_system system_info() {
  acre_system system;
  must(acre_system_info(&system), "acre_system_info");
  return system;
}

/* ------------------------------------------------------------- peers */

/* A raw reservation. */
inline char *raw_reserve(size_t size) {
  void *got = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (got == MAP_FAILED) std::perror("mmap"), std::exit(1);
  return static_cast<char *>(got);
}

/* What Acre does to decommit at a frontier. */
inline void raw_decommit(char *address, size_t size) {
  void *got = mmap(address, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  if (got == MAP_FAILED) std::perror("mmap"), std::exit(1);
}

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

/* ------------------------------------------------------------- random numbers */

/* The same in every run (splitmix64). */
class random_numbers {
public:
  uint64_t below(uint64_t bound) {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % bound;
  }

  template <class T>
  void shuffle(std::vector<T> &values) {
    for (size_t i = values.size(); i > 1; i--) std::swap(values[i - 1], values[below(i)]);
  }

private:
  uint64_t state_ = 1;
};

/* ------------------------------------------------------------- main */

/* For the report: "AMD EPYC, 2 processors, 24 GiB, Linux 6.18". Google Benchmark's own context has no kernel. */
inline void describe_machine() {
  acre_system system = system_info();
  std::string model = "unknown processor", line;
  for (std::ifstream in("/proc/cpuinfo"); std::getline(in, line);)
    if (line.compare(0, 10, "model name") == 0) model = line.substr(line.find(':') + 2);
  std::string kernel = system.kernel;
  kernel.resize(std::min(kernel.size(), kernel.find('-')));
  benchmark::AddCustomContext("machine", model + ", " + std::to_string(system.processors) + " processors, " +
                                             std::to_string((system.physical_memory + GIB / 2) / GIB) + " GiB, " +
                                             kernel);
  benchmark::AddCustomContext("commit_way", system.commit_way == ACRE_COMMIT_BY_GUARD ? "guard" : "mprotect");
}

/* Each program's main. */
inline int run(int argc, char **argv) {
  describe_machine();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

} // namespace bench

#endif
