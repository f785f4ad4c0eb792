/* SPDX-License-Identifier: MIT */
/*
 * Faults: commit on touch and guard pages, against a bare SIGSEGV handler that
 * makes the same mprotect; what Acre's handler adds to a fault that is not its
 * own; and what holding signals back costs a commit.
 *
 * Both handlers live in one process: the signal is given to the one whose turn
 * it is before the clock runs.
 */
#include <acre/vm.h>
#include <csignal>

#include "pairs.h"

using namespace bench;

namespace {

constexpr size_t SIZE = 16 * MIB;

char *reserve(size_t touch_step) {
  acre_vm_options options{};
  options.touch_step = touch_step;
  void *base;
  must(acre_vm_reserve(SIZE, &options, &base), "acre_vm_reserve");
  return static_cast<char *>(base);
}

/* ------------------------------------------------------------- whose turn it is */

size_t bare_step;

void bare_handler(int, siginfo_t *info, void *) {
  uintptr_t start = reinterpret_cast<uintptr_t>(info->si_addr) / bare_step * bare_step;
  if (mprotect(reinterpret_cast<void *>(start), bare_step, PROT_READ | PROT_WRITE) != 0) _exit(1);
}

struct sigaction acres, bare;

void take_turns(size_t step) {
  bare_step = step;
  must(sigaction(SIGSEGV, nullptr, &acres), "sigaction");
  bare = {};
  bare.sa_sigaction = bare_handler;
  bare.sa_flags = SA_SIGINFO;
}

void give_to(const struct sigaction &action) {
  must(sigaction(SIGSEGV, &action, nullptr), "sigaction");
}

double touch_each(char *base, size_t step) {
  return time_each(SIZE / step, [=] {
    for (size_t at = 0; at < SIZE; at += step) *static_cast<volatile char *>(base + at) = 1;
  });
}

/* ------------------------------------------------------------- commit on touch */

void touch_steps_of(benchmark::State &state) {
  size_t step = static_cast<size_t>(state.range(0));
  char *base = reserve(step);
  void *aligned = mmap(nullptr, SIZE + step, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (aligned == MAP_FAILED) fail("mmap", "no address space");
  char *raw = reinterpret_cast<char *>((reinterpret_cast<uintptr_t>(aligned) + step - 1) / step * step);
  take_turns(step);
  compare(
      state,
      [=] {
        give_to(acres);
        must(acre_vm_decommit(base, SIZE), "acre_vm_decommit");
        return touch_each(base, step);
      },
      [=] {
        give_to(bare);
        raw_decommit(raw, SIZE);
        return touch_each(raw, step);
      });
  give_to(acres);
  must(acre_vm_release(base), "acre_vm_release");
  must(munmap(aligned, SIZE + step), "munmap");
}

/* ------------------------------------------------------------- guard pages */

acre_vm_fault_answer go_on(const acre_vm_fault *, void *) {
  return ACRE_VM_FAULT_HANDLED;
}

/* Every other page of a megabyte is a guard page, one after the other. */
void guard_page(benchmark::State &state) {
  constexpr size_t PART = MIB;
  size_t page = system_info().page_size;
  char *base = reserve(0), *raw = raw_reserve(PART);
  must(acre_vm_on_fault(base, go_on, nullptr), "acre_vm_on_fault");
  must(acre_vm_commit(base, PART, ACRE_VM_DEFAULT), "acre_vm_commit");
  take_turns(page);
  auto touch = [page](char *from) {
    return time_each(PART / page, [=] {
      for (size_t at = 0; at < PART; at += page) *static_cast<volatile char *>(from + at) = 1;
    });
  };
  compare(
      state,
      [=] {
        give_to(acres);
        must(acre_vm_protect(base, PART, ACRE_VM_READ_WRITE | ACRE_VM_GUARD, nullptr), "acre_vm_protect");
        return touch(base);
      },
      [=] {
        give_to(bare);
        must(mprotect(raw, PART, PROT_NONE), "mprotect");
        return touch(raw);
      });
  give_to(acres);
  must(acre_vm_release(base), "acre_vm_release");
  must(munmap(raw, PART), "munmap");
}

/* ------------------------------------------------------------- faults of others */

/* The bare handler alone, and behind Acre's, which looks among 10,000 regions and passes it on. */
void fault_of_others(benchmark::State &state) {
  constexpr size_t PART = MIB;
  size_t page = system_info().page_size;
  std::vector<void *> regions(10000);
  for (void *&region : regions) must(acre_vm_reserve(page, nullptr, &region), "acre_vm_reserve");
  char *raw = raw_reserve(PART);
  bare_step = page;
  bare = {};
  bare.sa_sigaction = bare_handler;
  bare.sa_flags = SA_SIGINFO;
  give_to(bare); /* the next request puts Acre before it */
  char *base = reserve(page);
  must(sigaction(SIGSEGV, nullptr, &acres), "sigaction");
  auto touch = [=] {
    must(mprotect(raw, PART, PROT_NONE), "mprotect");
    return time_each(PART / page, [=] {
      for (size_t at = 0; at < PART; at += page) *static_cast<volatile char *>(raw + at) = 1;
    });
  };
  compare(
      state, [=] { return give_to(acres), touch(); }, [=] { return give_to(bare), touch(); });
  give_to(acres);
  for (void *region : regions) must(acre_vm_release(region), "acre_vm_release");
  must(acre_vm_release(base), "acre_vm_release");
  must(munmap(raw, PART), "munmap");
}

/* ------------------------------------------------------------- signals held back */

/* A commit of 64 KiB in a region whose faults are watched, against one in a region that nobody watches. */
void commit_in_a_watched_region(benchmark::State &state) {
  constexpr size_t STEP = 64 * KIB;
  char *watched = reserve(STEP), *plain = reserve(0);
  auto commit = [=](char *base) {
    must(acre_vm_decommit(base, SIZE), "acre_vm_decommit");
    return time_each(SIZE / STEP, [=] {
      for (size_t at = 0; at < SIZE; at += STEP)
        must(acre_vm_commit(base + at, STEP, ACRE_VM_DEFAULT), "acre_vm_commit");
    });
  };
  compare(
      state, [=] { return commit(watched); }, [=] { return commit(plain); });
  must(acre_vm_release(watched), "acre_vm_release");
  must(acre_vm_release(plain), "acre_vm_release");
}

BENCHMARK(touch_steps_of)->Arg(64 << 10)->Arg(4 << 10)->UseManualTime()->Iterations(301);
BENCHMARK(guard_page)->UseManualTime()->Iterations(201);
BENCHMARK(fault_of_others)->UseManualTime()->Iterations(201);
BENCHMARK(commit_in_a_watched_region)->UseManualTime()->Iterations(301);

} // namespace

int main(int argc, char **argv) {
  return run(argc, argv);
}
