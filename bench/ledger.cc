/* SPDX-License-Identifier: MIT */
/*
 * What the ledger costs: commits with it and without it, in one program, which
 * the linker's --wrap makes possible (CMakeLists.txt); two threads that commit
 * at once; and a strict commit beside the system call that populates.
 */
#include <acre/vm.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "pairs.h"

using namespace bench;

/* The library's own, and what it calls in their place. */
extern "C" {
acre_result __real_acre__ledger_charge(size_t pages);
void __real_acre__ledger_uncharge(size_t pages);
acre_result __wrap_acre__ledger_charge(size_t pages);
void __wrap_acre__ledger_uncharge(size_t pages);
}

static bool ledger_is_on = true;

acre_result __wrap_acre__ledger_charge(size_t pages) {
  return ledger_is_on ? __real_acre__ledger_charge(pages) : ACRE_OK;
}

void __wrap_acre__ledger_uncharge(size_t pages) {
  if (ledger_is_on) __real_acre__ledger_uncharge(pages);
}

namespace {

constexpr size_t SIZE = 16 * MIB, STEP = 64 * KIB;

char *reserve(size_t size, unsigned flags) {
  acre_vm_options options = {};
  options.flags = flags;
  void *base;
  must(acre_vm_reserve(size, &options, &base), "acre_vm_reserve");
  return static_cast<char *>(base);
}

/* ------------------------------------------------------------- on and off */

/* A frontier that goes up; what is timed are the commits. Each batch ends as it began, so nothing is charged halfway. */
double commit_steps(char *base, bool with_ledger) {
  ledger_is_on = with_ledger;
  double ns = time_each(SIZE / STEP, [=] {
    for (size_t at = 0; at < SIZE; at += STEP) must(acre_vm_commit(base + at, STEP, ACRE_VM_DEFAULT), "acre_vm_commit");
  });
  must(acre_vm_decommit(base, SIZE), "acre_vm_decommit");
  ledger_is_on = true;
  return ns;
}

void commit_64_kib(benchmark::State &state) {
  char *base = reserve(SIZE, 0);
  compare(
      state, [=] { return commit_steps(base, true); }, [=] { return commit_steps(base, false); });
  must(acre_vm_release(base), "acre_vm_release");
}

/* Every other page, up and down: the smallest commits there are. The second page of each chunk keeps it open. */
double commit_pages(char *base, size_t page, bool with_ledger) {
  ledger_is_on = with_ledger;
  double ns = time_each(SIZE / (2 * page), [=] {
    for (size_t at = 0; at < SIZE; at += 2 * page)
      must(acre_vm_commit(base + at, page, ACRE_VM_DEFAULT), "acre_vm_commit");
  });
  for (size_t at = 0; at < SIZE; at += 2 * page) must(acre_vm_decommit(base + at, page), "acre_vm_decommit");
  ledger_is_on = true;
  return ns;
}

void commit_one_page(benchmark::State &state) {
  char *base = reserve(SIZE, 0);
  size_t page = system_info().page_size;
  for (size_t at = 0; at < SIZE; at += 2 * MIB)
    must(acre_vm_commit(base + at + page, page, ACRE_VM_DEFAULT), "acre_vm_commit");
  compare(
      state, [=] { return commit_pages(base, page, true); }, [=] { return commit_pages(base, page, false); });
  must(acre_vm_release(base), "acre_vm_release");
}

/* ------------------------------------------------------------- two threads */

constexpr size_t WIDE = 64 * MIB; /* so that a thread's work takes longer than starting it */

/*
 * Runs `work(thread)` in `threads` threads; nanoseconds from the first one's start to the last one's end. Not the mean
 * of each one's own time: where the processors are busy with others, threads that take turns would seem to be parallel.
 */
template <class Work>
double span_of(size_t threads, Work work) {
  std::atomic<size_t> ready{0};
  std::vector<double> starts(threads), ends(threads);
  std::vector<std::thread> running;
  for (size_t i = 0; i < threads; i++)
    running.emplace_back([&, i] {
      ready++;
      while (ready < threads) std::this_thread::yield();
      starts[i] = clock_ns(CLOCK_MONOTONIC);
      work(i);
      ends[i] = clock_ns(CLOCK_MONOTONIC);
    });
  for (std::thread &thread : running) thread.join();
  return *std::max_element(ends.begin(), ends.end()) - *std::min_element(starts.begin(), starts.end());
}

/* How many times the work of one thread two do, Acre's and raw calls', measured one right after the other. */
template <class Acre, class Raw>
void compare_scaling(benchmark::State &state, Acre acre, Raw raw) {
  samples acre_scaling, raw_scaling, ratios;
  for (auto _ : state) {
    double acre_one = acre(1), acre_two = acre(2), raw_one = raw(1), raw_two = raw(2);
    acre_scaling.add(2 * acre_one / acre_two);
    raw_scaling.add(2 * raw_one / raw_two);
    ratios.add(acre_one / acre_two / (raw_one / raw_two));
    state.SetIterationTime(acre_two * 1e-9);
  }
  report_ratio(state, "acre_scaling", acre_scaling);
  report_ratio(state, "raw_scaling", raw_scaling);
  report_ratio(state, "ratio", ratios);
}

void two_threads_64_kib(benchmark::State &state) {
  char *base[2] = {reserve(WIDE, 0), reserve(WIDE, 0)}, *raw[2] = {raw_reserve(WIDE), raw_reserve(WIDE)};
  compare_scaling(
      state,
      [&](size_t threads) {
        double ns = span_of(threads, [&](size_t thread) {
          for (size_t at = 0; at < WIDE; at += STEP)
            must(acre_vm_commit(base[thread] + at, STEP, ACRE_VM_DEFAULT), "acre_vm_commit");
        });
        for (size_t i = 0; i < threads; i++) must(acre_vm_decommit(base[i], WIDE), "acre_vm_decommit");
        return ns;
      },
      [&](size_t threads) {
        double ns = span_of(threads, [&](size_t thread) {
          for (size_t at = 0; at < WIDE; at += STEP)
            must(mprotect(raw[thread] + at, STEP, PROT_READ | PROT_WRITE), "mprotect");
        });
        for (size_t i = 0; i < threads; i++) raw_decommit(raw[i], WIDE);
        return ns;
      });
  for (char *each : base) must(acre_vm_release(each), "acre_vm_release");
  for (char *each : raw) must(munmap(each, WIDE), "munmap");
}

void two_threads_one_page(benchmark::State &state) {
  char *base[2] = {reserve(WIDE, 0), reserve(WIDE, 0)}, *raw[2] = {raw_reserve(WIDE), raw_reserve(WIDE)};
  size_t page = system_info().page_size;
  for (size_t i = 0; i < 2; i++) {
    must(mprotect(raw[i], WIDE, PROT_READ | PROT_WRITE), "mprotect");
    must(madvise(raw[i], WIDE, MADV_GUARD_INSTALL), "guard install");
    for (size_t at = 0; at < WIDE; at += 2 * MIB)
      must(acre_vm_commit(base[i] + at + page, page, ACRE_VM_DEFAULT), "acre_vm_commit");
  }
  compare_scaling(
      state,
      [&](size_t threads) {
        double ns = span_of(threads, [&](size_t thread) {
          for (size_t at = 0; at < WIDE; at += 2 * page)
            must(acre_vm_commit(base[thread] + at, page, ACRE_VM_DEFAULT), "acre_vm_commit");
        });
        for (size_t i = 0; i < threads; i++)
          for (size_t at = 0; at < WIDE; at += 2 * page) must(acre_vm_decommit(base[i] + at, page), "acre_vm_decommit");
        return ns;
      },
      [&](size_t threads) {
        double ns = span_of(threads, [&](size_t thread) {
          for (size_t at = 0; at < WIDE; at += 2 * page)
            must(madvise(raw[thread] + at, page, MADV_GUARD_REMOVE), "guard remove");
        });
        for (size_t i = 0; i < threads; i++)
          for (size_t at = 0; at < WIDE; at += 2 * page)
            must(madvise(raw[i] + at, page, MADV_GUARD_INSTALL), "guard install");
        return ns;
      });
  for (char *each : base) must(acre_vm_release(each), "acre_vm_release");
  for (char *each : raw) must(munmap(each, WIDE), "munmap");
}

/* ------------------------------------------------------------- strict */

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

void strict_1_gib(benchmark::State &state) {
  char *base = reserve(GIB, ACRE_VM_STRICT), *raw = raw_reserve(GIB);
  compare(
      state,
      [=] {
        double ns = time_each_of_cpu(1, [=] { must(acre_vm_commit(base, GIB, ACRE_VM_DEFAULT), "acre_vm_commit"); });
        must(acre_vm_decommit(base, GIB), "acre_vm_decommit");
        return ns;
      },
      [=] {
        must(mprotect(raw, GIB, PROT_READ | PROT_WRITE), "mprotect");
        double ns = time_each_of_cpu(1, [=] { must(madvise(raw, GIB, MADV_POPULATE_WRITE), "populate"); });
        raw_decommit(raw, GIB);
        return ns;
      });
  must(acre_vm_release(base), "acre_vm_release");
  must(munmap(raw, GIB), "munmap");
}

BENCHMARK(commit_64_kib)->UseManualTime()->Iterations(501);
BENCHMARK(commit_one_page)->UseManualTime()->Iterations(151);
BENCHMARK(two_threads_64_kib)->UseManualTime()->Iterations(101);
BENCHMARK(two_threads_one_page)->UseManualTime()->Iterations(51);
BENCHMARK(strict_1_gib)->UseManualTime()->Iterations(15);

} // namespace

int main(int argc, char **argv) {
  return run(argc, argv);
}
