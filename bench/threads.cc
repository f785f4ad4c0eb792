/* SPDX-License-Identifier: MIT */
/*
 * The same work by 1 and by 2 threads at once, each in a region of its own, and
 * raw calls in the same setting: the kernel's own lock on the address space
 * bounds both. Figures are nanoseconds for one operation of one thread, so a
 * perfectly parallel operation keeps its figure.
 */
#include <acre/vm.h>

#include <atomic>
#include <thread>

#include "pairs.h"

using namespace bench;

namespace {

constexpr size_t SIZE = 8 * MIB, STEP = 64 * KIB, PAIRS = 500;

size_t page_size() {
  static const size_t size = system_info().page_size;
  return size;
}

/* Runs `work(thread)` in `threads` threads that start together; the mean nanoseconds for one of their operations. */
template <class Work>
double together(size_t threads, size_t operations, Work work) {
  std::atomic<size_t> ready{0};
  std::vector<double> times(threads);
  std::vector<std::thread> running;
  for (size_t i = 0; i < threads; i++)
    running.emplace_back([&, i] {
      ready++;
      while (ready < threads) std::this_thread::yield();
      times[i] = time_each(operations, [&] { work(i); });
    });
  double sum = 0;
  for (size_t i = 0; i < threads; i++) running[i].join(), sum += times[i];
  return sum / static_cast<double>(threads);
}

size_t threads_of(const benchmark::State &state) {
  return static_cast<size_t>(state.range(0));
}

/* A region of Acre's and a raw one for each thread. */
class grounds {
public:
  explicit grounds(size_t threads) {
    for (size_t i = 0; i < threads; i++) {
      void *base;
      must(acre_vm_reserve(SIZE, nullptr, &base), "acre_vm_reserve");
      acre.push_back(static_cast<char *>(base));
      raw.push_back(raw_reserve(SIZE));
    }
  }
  grounds(const grounds &) = delete;
  grounds &operator=(const grounds &) = delete;
  ~grounds() {
    for (char *base : acre) must(acre_vm_release(base), "acre_vm_release");
    for (char *base : raw) must(munmap(base, SIZE), "munmap");
  }

  std::vector<char *> acre, raw;
};

/* Commit, touch and decommit one page, all over the region; the second page of each chunk keeps the chunk open. */
void commit_decommit_page(benchmark::State &state) {
  size_t threads = threads_of(state), page = page_size(), pages = SIZE / (2 * page);
  grounds ground(threads);
  for (size_t i = 0; i < threads; i++) {
    must(mprotect(ground.raw[i], SIZE, PROT_READ | PROT_WRITE), "mprotect");
    must(madvise(ground.raw[i], SIZE, MADV_GUARD_INSTALL), "guard install");
    for (size_t at = 0; at < SIZE; at += 2 * MIB) {
      must(acre_vm_commit(ground.acre[i] + at + page, page, ACRE_VM_DEFAULT), "acre_vm_commit");
      must(acre_vm_commit(ground.acre[i] + at + 3 * page, page, ACRE_VM_DEFAULT), "acre_vm_commit");
    }
  }
  compare(
      state,
      [&] {
        return together(threads, pages, [&](size_t thread) {
          for (size_t at = 0; at < SIZE; at += 2 * page) {
            char *address = ground.acre[thread] + at;
            must(acre_vm_commit(address, page, ACRE_VM_DEFAULT), "acre_vm_commit");
            *address = 1;
            must(acre_vm_decommit(address, page), "acre_vm_decommit");
          }
        });
      },
      [&] {
        return together(threads, pages, [&](size_t thread) {
          for (size_t at = 0; at < SIZE; at += 2 * page) {
            char *address = ground.raw[thread] + at;
            must(madvise(address, page, MADV_GUARD_REMOVE), "guard remove");
            *address = 1;
            must(madvise(address, page, MADV_GUARD_INSTALL), "guard install");
          }
        });
      });
}

/* A frontier that goes up, and down again. */
void frontier(benchmark::State &state) {
  size_t threads = threads_of(state);
  grounds ground(threads);
  compare(
      state,
      [&] {
        return together(threads, SIZE / STEP, [&](size_t thread) {
          char *base = ground.acre[thread];
          for (size_t at = 0; at < SIZE; at += STEP)
            must(acre_vm_commit(base + at, STEP, ACRE_VM_DEFAULT), "acre_vm_commit");
          for (size_t at = SIZE; at > 0; at -= STEP) must(acre_vm_decommit(base + at - STEP, STEP), "acre_vm_decommit");
        });
      },
      [&] {
        return together(threads, SIZE / STEP, [&](size_t thread) {
          char *base = ground.raw[thread];
          for (size_t at = 0; at < SIZE; at += STEP)
            must(mprotect(base + at, STEP, PROT_READ | PROT_WRITE), "mprotect");
          for (size_t at = SIZE; at > 0; at -= STEP) raw_decommit(base + at - STEP, STEP);
        });
      });
}

void reserve_release(benchmark::State &state) {
  size_t threads = threads_of(state);
  compare(
      state,
      [&] {
        return together(threads, PAIRS, [](size_t) {
          for (size_t i = 0; i < PAIRS; i++) {
            void *base;
            must(acre_vm_reserve(64 * KIB, nullptr, &base), "acre_vm_reserve");
            must(acre_vm_release(base), "acre_vm_release");
          }
        });
      },
      [&] {
        return together(threads, PAIRS, [](size_t) {
          for (size_t i = 0; i < PAIRS; i++) must(munmap(raw_reserve(64 * KIB), 64 * KIB), "munmap");
        });
      });
}

BENCHMARK(commit_decommit_page)->Arg(1)->Arg(2)->UseManualTime()->Iterations(151);
BENCHMARK(frontier)->Arg(1)->Arg(2)->UseManualTime()->Iterations(151);
BENCHMARK(reserve_release)->Arg(1)->Arg(2)->UseManualTime()->Iterations(151);

} // namespace

int main(int argc, char **argv) {
  return run(argc, argv);
}
