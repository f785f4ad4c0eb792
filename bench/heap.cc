/* SPDX-License-Identifier: MIT */
/*
 * Heaps of one thread against other allocators: what is built and thrown away at
 * once, what is freed block by block, pairs, churn, and a heap per request.
 * Figures are nanoseconds of processor time, kernel included, for one node, or one
 * pair of alloc and free.
 */
#include "heap_peers.h"

using namespace bench;

namespace {

constexpr size_t NODES = 1000000, TREE_NODES = 100000, PAIRS = 200000, CHURN = 400000, LIVE = 4096, REQUESTS = 2000;

struct node {
  node *next;
  size_t value;
};

/* The sizes are the same for all. */
const std::vector<unsigned> &random_sizes(unsigned least, unsigned most, size_t count) {
  static std::vector<unsigned> sizes;
  random_numbers random;
  sizes.clear();
  for (size_t i = 0; i < count; i++) sizes.push_back(least + static_cast<unsigned>(random.below(most - least + 1)));
  return sizes;
}

template <class Peer>
node *build_list(const typename Peer::calls &calls, typename Peer::heap heap) {
  node *first = nullptr;
  for (size_t i = 0; i < NODES; i++) {
    node *made = static_cast<node *>(calls.alloc(heap, 32));
    made->next = first;
    made->value = i;
    first = made;
  }
  return first;
}

template <class Peer>
double list_and_destroy() {
  typename Peer::calls calls;
  return time_each_of_cpu(NODES, [&] {
    auto heap = Peer::make();
    benchmark::DoNotOptimize(build_list<Peer>(calls, heap));
    Peer::end(heap);
  });
}

template <class Peer>
double destroy_alone() {
  typename Peer::calls calls;
  auto heap = Peer::make();
  benchmark::DoNotOptimize(build_list<Peer>(calls, heap));
  return time_each_of_cpu(NODES, [&] { Peer::end(heap); });
}

template <class Peer>
double list_freed_each() {
  typename Peer::calls calls;
  auto heap = Peer::make();
  double ns = time_each_of_cpu(NODES, [&] {
    for (node *at = build_list<Peer>(calls, heap), *next; at != nullptr; at = next) {
      next = at->next;
      calls.release(heap, at);
    }
  });
  Peer::end(heap);
  return ns;
}

template <class Peer>
double free_each_alone() {
  typename Peer::calls calls;
  auto heap = Peer::make();
  node *first = build_list<Peer>(calls, heap);
  double ns = time_each_of_cpu(NODES, [&] {
    for (node *at = first, *next; at != nullptr; at = next) {
      next = at->next;
      calls.release(heap, at);
    }
  });
  Peer::end(heap);
  return ns;
}

template <class Peer>
double tree() {
  const auto &sizes = random_sizes(16, 400, TREE_NODES);
  typename Peer::calls calls;
  return time_each_of_cpu(TREE_NODES, [&] {
    auto heap = Peer::make();
    node *first = nullptr;
    for (size_t i = 0; i < TREE_NODES; i++) {
      node *made = static_cast<node *>(calls.alloc(heap, sizes[i]));
      made->next = first;
      made->value = i;
      first = made;
    }
    benchmark::DoNotOptimize(first);
    Peer::end(heap);
  });
}

template <class Peer>
double pairs_of_64() {
  typename Peer::calls calls;
  auto heap = Peer::make();
  double ns = time_each_of_cpu(PAIRS, [&] {
    for (size_t i = 0; i < PAIRS; i++) {
      void *block = calls.alloc(heap, 64);
      benchmark::DoNotOptimize(block);
      calls.release(heap, block);
    }
  });
  Peer::end(heap);
  return ns;
}

template <class Peer>
double churn() {
  const auto &sizes = random_sizes(16, 271, CHURN);
  static std::vector<unsigned> slots;
  if (slots.empty()) {
    random_numbers random;
    for (size_t i = 0; i < CHURN; i++) slots.push_back(static_cast<unsigned>(random.below(LIVE)));
  }
  typename Peer::calls calls;
  auto heap = Peer::make();
  std::vector<void *> live(LIVE);
  for (size_t i = 0; i < LIVE; i++) live[i] = calls.alloc(heap, sizes[i]);
  double ns = time_each_of_cpu(CHURN, [&] {
    for (size_t i = 0; i < CHURN; i++) {
      void *&slot = live[slots[i]];
      calls.release(heap, slot);
      slot = calls.alloc(heap, sizes[i]);
      *static_cast<size_t *>(slot) = i;
    }
  });
  for (void *block : live) calls.release(heap, block);
  Peer::end(heap);
  return ns;
}

/*
 * How fast it is depends by half on which pages of the machine the memory happens to be, as some share sets of the
 * processor's second cache. So each time counts in a child of its own, with pages of its own, which are touched before.
 */
template <class Peer>
double churn_elsewhere() {
  double ns[1];
  in_child(ns, [](double *out) {
    churn<Peer>();
    out[0] = churn<Peer>();
  });
  return ns[0];
}

template <class Peer>
double request() {
  typename Peer::calls calls;
  return time_each_of_cpu(REQUESTS, [&] {
    for (size_t i = 0; i < REQUESTS; i++) {
      auto heap = Peer::make();
      void *block = calls.alloc(heap, 64);
      benchmark::DoNotOptimize(block);
      Peer::end(heap);
    }
  });
}

/* A heap with a limit, or without: 0. One loop for both, as what differs otherwise is where its code lies. */
__attribute__((noinline)) double pairs_within(size_t limit) {
  acre_heap_options options{};
  options.flags = ACRE_HEAP_SINGLE_THREAD;
  options.limit = limit;
  acre_heap *heap;
  must(acre_heap_create(&options, &heap), "acre_heap_create");
  acre_single::calls calls;
  double ns = time_each_of_cpu(PAIRS, [&] {
    for (size_t i = 0; i < PAIRS; i++) {
      void *block = calls.alloc(heap, 64);
      benchmark::DoNotOptimize(block);
      calls.release(heap, block);
    }
  });
  must(acre_heap_destroy(heap), "acre_heap_destroy");
  return ns;
}

template <class Peer>
void against(benchmark::State &state, double (*acre)(), double (*peer)()) {
  if (Peer::is_there())
    compare(state, acre, peer);
  else
    state.SkipWithError("the library is not installed");
}

#define AGAINST(work, mine, peer, pairs)                                                                           \
  benchmark::RegisterBenchmark(#work "/" #peer, [](auto &state) { against<peer>(state, work<mine>, work<peer>); }) \
      ->UseManualTime()                                                                                            \
      ->Iterations(pairs)

/* All that can free a block. */
#define AGAINST_ALL(work, mine, pairs)          \
  AGAINST(work, mine, mimalloc, pairs);         \
  AGAINST(work, mine, mimalloc_default, pairs); \
  AGAINST(work, mine, jemalloc, pairs);         \
  AGAINST(work, mine, tcmalloc, pairs);         \
  AGAINST(work, mine, glibc, pairs)

void register_all() {
  AGAINST(list_and_destroy, acre_single, mimalloc, 51);
  AGAINST(list_and_destroy, acre_single, obstacks, 21);
  AGAINST(list_and_destroy, acre_single, bump, 21);
  AGAINST(destroy_alone, acre_single, mimalloc, 51);
  AGAINST_ALL(list_freed_each, acre_single, 31);
  AGAINST(tree, acre_single, mimalloc, 101);
  AGAINST(tree, acre_single, obstacks, 51);
  AGAINST(tree, acre_single, bump, 51);
  AGAINST_ALL(pairs_of_64, acre_single, 151);
  AGAINST_ALL(churn_elsewhere, acre_single, 41);
  AGAINST(request, acre_single, mimalloc, 151);
  benchmark::RegisterBenchmark(
      "destroy_against_free_each",
      [](auto &state) { compare(state, destroy_alone<acre_single>, free_each_alone<acre_single>); })
      ->UseManualTime()
      ->Iterations(31);
  benchmark::RegisterBenchmark("shared_against_single/pairs_of_64",
                               [](auto &state) { compare(state, pairs_of_64<acre_shared>, pairs_of_64<acre_single>); })
      ->UseManualTime()
      ->Iterations(151);
  benchmark::RegisterBenchmark("limit_against_none/pairs_of_64",
                               [](auto &state) {
                                 compare(
                                     state, [] { return pairs_within(MIB); }, [] { return pairs_within(0); });
                               })
      ->UseManualTime()
      ->Iterations(151);
}

} // namespace

int main(int argc, char **argv) {
  run_with_room_for_peers(argv);
  register_all();
  return run(argc, argv);
}
