/* SPDX-License-Identifier: MIT */
/*
 * Heaps that threads share: one heap worked on by two threads, and blocks that
 * one thread allocates and another one frees. Figures are nanoseconds for one
 * operation of one thread.
 */
#include <sched.h>

#include <atomic>
#include <thread>

#include "heap_peers.h"

using namespace bench;

namespace {

constexpr size_t PAIRS = 200000, GOODS = 300000, RING = 1024;

/* Each thread allocates and frees on its own, in the same heap. */
template <class Peer>
double work(typename Peer::heap heap, size_t threads) {
  std::atomic<size_t> ready{0};
  std::vector<double> times(threads);
  std::vector<std::thread> running;
  for (size_t i = 0; i < threads; i++)
    running.emplace_back([&, i] {
      typename Peer::calls calls;
      void *live[64] = {};
      ready++;
      while (ready < threads) std::this_thread::yield();
      times[i] = time_each_of_cpu(PAIRS, [&] {
        for (size_t n = 0; n < PAIRS; n++) {
          void *&slot = live[n * 7 % 64];
          calls.release(heap, slot);
          slot = calls.alloc(heap, 16 + n * 13 % 256);
          *static_cast<size_t *>(slot) = n;
        }
      });
      for (void *block : live) calls.release(heap, block);
    });
  double sum = 0;
  for (size_t i = 0; i < threads; i++) running[i].join(), sum += times[i];
  return sum / static_cast<double>(threads);
}

template <class Peer, size_t Threads>
double shared() {
  auto heap = Peer::make();
  double ns = work<Peer>(heap, Threads);
  Peer::end(heap);
  return ns;
}

/* The calling thread stays on the nth of the processors that the program may use, if there are so many. */
void run_on(int nth) {
  cpu_set_t all, one;
  must(sched_getaffinity(0, sizeof all, &all), "sched_getaffinity");
  for (int processor = 0; processor < CPU_SETSIZE; processor++) {
    if (!CPU_ISSET(processor, &all) || nth-- > 0) continue;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    must(sched_setaffinity(0, sizeof one, &one), "sched_setaffinity");
    return;
  }
}

/*
 * A ring of blocks between two threads, each on a processor of its own: where they take turns on one, which the system
 * may or may not decide, nothing goes from one processor's cache to the other's, and that is what costs.
 */
template <class Peer>
double handed_over() {
  alignas(64) static std::atomic<size_t> head;
  alignas(64) static std::atomic<size_t> tail;
  static void *blocks[RING];
  auto heap = Peer::make();
  head = tail = 0;
  cpu_set_t before;
  must(sched_getaffinity(0, sizeof before, &before), "sched_getaffinity");
  std::thread consumer([&] {
    run_on(1);
    typename Peer::calls calls;
    for (size_t i = 0; i < GOODS; i++) {
      while (head.load(std::memory_order_acquire) == i) std::this_thread::yield();
      calls.release(heap, blocks[i % RING]);
      tail.store(i + 1, std::memory_order_release);
    }
  });
  run_on(0);
  typename Peer::calls calls;
  double ns = time_each(GOODS, [&] {
    for (size_t i = 0; i < GOODS; i++) {
      void *block = calls.alloc(heap, 64);
      *static_cast<size_t *>(block) = i;
      while (i - tail.load(std::memory_order_acquire) >= RING) std::this_thread::yield();
      blocks[i % RING] = block;
      head.store(i + 1, std::memory_order_release);
    }
    consumer.join();
  });
  must(sched_setaffinity(0, sizeof before, &before), "sched_setaffinity");
  Peer::end(heap);
  return ns;
}

template <class Peer>
void against(benchmark::State &state, double (*acre)(), double (*peer)()) {
  if (Peer::is_there())
    compare(state, acre, peer);
  else
    state.SkipWithError("the library is not installed");
}

void register_all() {
  const auto add = [](const char *name, auto run) {
    benchmark::RegisterBenchmark(name, run)->UseManualTime()->Iterations(51);
  };
  add("two_threads/one", [](auto &state) { compare(state, shared<acre_shared, 2>, shared<acre_shared, 1>); });
  add("two_threads/mimalloc_default",
      [](auto &state) { against<mimalloc_default>(state, shared<acre_shared, 2>, shared<mimalloc_default, 2>); });
  add("two_threads/tcmalloc",
      [](auto &state) { against<tcmalloc>(state, shared<acre_shared, 2>, shared<tcmalloc, 2>); });
  add("two_threads/glibc", [](auto &state) { against<glibc>(state, shared<acre_shared, 2>, shared<glibc, 2>); });
  add("handed_over/mimalloc_default",
      [](auto &state) { against<mimalloc_default>(state, handed_over<acre_shared>, handed_over<mimalloc_default>); });
  add("handed_over/tcmalloc",
      [](auto &state) { against<tcmalloc>(state, handed_over<acre_shared>, handed_over<tcmalloc>); });
  add("handed_over/glibc", [](auto &state) { against<glibc>(state, handed_over<acre_shared>, handed_over<glibc>); });
}

} // namespace

int main(int argc, char **argv) {
  register_all();
  return run(argc, argv);
}
