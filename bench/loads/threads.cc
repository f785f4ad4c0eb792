/* SPDX-License-Identifier: MIT */
/* Programs of several threads. */
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "load.h"

using namespace loads;

namespace {

template <class Work>
uint64_t in_threads(unsigned count, Work work) {
  std::vector<std::thread> threads;
  std::atomic<uint64_t> sum{0};
  for (unsigned i = 0; i < count; i++) threads.emplace_back([&, i] { sum += work(i); });
  for (auto &thread : threads) thread.join();
  return sum;
}

} // namespace

/* A server of Larson and Krishnan's kind: a thread replaces blocks at random, then hands all of them to the next one. */
LOAD(server) {
  constexpr unsigned BLOCKS = 2000, GENERATIONS = 40;
  return in_threads(4, [](unsigned number) {
    std::vector<char *> blocks(BLOCKS);
    random_numbers random(number + 10);
    for (char *&block : blocks) block = make(8 + random.below(500));
    std::atomic<uint64_t> sum{0};
    for (unsigned generation = 0; generation < GENERATIONS; generation++) {
      std::thread next([&] {
        uint64_t own = 0;
        for (unsigned i = 0; i < 40000; i++) {
          char *&slot = blocks[random.below(BLOCKS)];
          own += static_cast<unsigned char>(slot[0]);
          std::free(slot);
          slot = make(8 + random.below(500));
        }
        sum += own;
      });
      next.join();
    }
    for (char *block : blocks) std::free(block);
    return sum.load();
  });
}

/* One thread makes blocks, another one frees them, in batches, both ways at once. */
LOAD(cross_thread) {
  struct queue {
    std::mutex lock;
    std::condition_variable changed;
    std::deque<std::vector<char *>> batches;
  };
  static queue queues[2];
  return in_threads(4, [](unsigned number) {
    queue &mine = queues[number / 2];
    uint64_t sum = 0;
    if (number % 2 == 0) {
      random_numbers random(number + 20);
      for (unsigned batch = 0; batch < 12000; batch++) {
        std::vector<char *> blocks(200);
        for (char *&block : blocks) block = make(16 + random.below(240));
        std::unique_lock<std::mutex> held(mine.lock);
        mine.changed.wait(held, [&] { return mine.batches.size() < 64; });
        mine.batches.push_back(std::move(blocks));
        mine.changed.notify_all();
      }
      return sum;
    }
    for (unsigned batch = 0; batch < 12000; batch++) {
      std::unique_lock<std::mutex> held(mine.lock);
      mine.changed.wait(held, [&] { return !mine.batches.empty(); });
      std::vector<char *> blocks = std::move(mine.batches.front());
      mine.batches.pop_front();
      mine.changed.notify_all();
      held.unlock();
      for (char *block : blocks) {
        sum += static_cast<unsigned char>(block[0]);
        std::free(block);
      }
    }
    return sum;
  });
}

/* Many threads, blocks of many sizes, most of them short-lived, some for as long as the program. */
LOAD(mixed_lifetimes) {
  return in_threads(8, [](unsigned number) {
    random_numbers random(number + 30);
    std::vector<char *> young(200), old(4000);
    uint64_t sum = 0;
    for (unsigned i = 0; i < 1000000; i++) {
      char *&slot = random.below(50) == 0 ? old[random.below(4000)] : young[random.below(200)];
      if (slot != nullptr) sum += static_cast<unsigned char>(slot[0]);
      std::free(slot);
      slot = make(random.size(5, 14));
    }
    for (char *block : young) std::free(block);
    for (char *block : old) std::free(block);
    return sum;
  });
}

/* Threads that come and go, a few hundred blocks each. */
LOAD(thread_churn) {
  uint64_t sum = 0;
  for (unsigned round = 0; round < 1500; round++)
    sum += in_threads(2, [&](unsigned number) {
      random_numbers random(round * 2 + number);
      std::vector<char *> blocks(300);
      uint64_t own = 0;
      for (unsigned pass = 0; pass < 4; pass++)
        for (char *&block : blocks) {
          if (block != nullptr) own += static_cast<unsigned char>(block[0]);
          std::free(block);
          block = make(random.size(5, 11));
        }
      for (char *block : blocks) std::free(block);
      return own;
    });
  return sum;
}

/* Buffers of some ten kilobytes in two threads: network and file servers. */
LOAD(buffers) {
  return in_threads(2, [](unsigned number) {
    random_numbers random(number + 40);
    std::vector<char *> live(100);
    uint64_t sum = 0;
    for (unsigned i = 0; i < 400000; i++) {
      char *&slot = live[random.below(100)];
      if (slot != nullptr) sum += static_cast<unsigned char>(slot[0]);
      std::free(slot);
      slot = make(4096 + random.below(60000));
    }
    for (char *block : live) std::free(block);
    return sum;
  });
}
