/* SPDX-License-Identifier: MIT */
/*
 * Pushing 250 million 64-bit integers (2 GB) into an empty array, by the typed
 * face in C (array_push.c, -O2) and by acre::array, against
 *
 *   vector         std::vector::push_back
 *   large_vector   the same with an allocator that asks for large pages
 *   floor          what no way of filling fresh memory can avoid: the kernel
 *                  populates the same bytes in one call, a plain loop stores
 *
 * once as the system gives pages, large ones to those who ask, and once with
 * large pages forbidden (PR_SET_THP_DISABLE).
 *
 * Each measurement has a child process of its own, and counts its processor
 * time: seconds are too long to go undisturbed. An iteration measures each way once.
 */
#include <acre/array.hpp>
#include <sys/prctl.h>

#include "array_push.h"
#include "pairs.h"

using namespace bench;

namespace {

constexpr size_t COUNT = 250 * 1000 * 1000, BYTES = COUNT * sizeof(uint64_t);
constexpr size_t NEEDED = 3 * GIB + 512 * MIB; /* a growing vector has its old half and its new whole */

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

char *map_large(size_t size) {
  constexpr size_t LARGE = 2 * MIB;
  char *base = raw_reserve(size + LARGE);
  char *aligned = base + (LARGE - reinterpret_cast<uintptr_t>(base) % LARGE) % LARGE;
  must(mprotect(aligned, size, PROT_READ | PROT_WRITE), "mprotect");
  madvise(aligned, size, MADV_HUGEPAGE); /* refused where there are none */
  return aligned;
}

template <class T>
struct large_allocator {
  using value_type = T;
  T *allocate(size_t count) {
    return reinterpret_cast<T *>(map_large(count * sizeof(T)));
  }
  void deallocate(T *block, size_t count) {
    munmap(block, count * sizeof(T));
  }
};

template <class Vector>
void push_all(Vector &vector) {
  for (size_t i = 0; i < COUNT; i++) vector.push_back(i);
  benchmark::DoNotOptimize(vector.data());
}

void push_c() {
  must(bench_push(COUNT), "push");
}

void push_far() {
  must(bench_push_far(COUNT), "push");
}

void push_cpp() {
  acre::array<uint64_t> array(COUNT);
  push_all(array);
}

void push_vector() {
  std::vector<uint64_t> vector;
  push_all(vector);
}

void push_large_vector() {
  std::vector<uint64_t, large_allocator<uint64_t>> vector;
  push_all(vector);
}

void populate_and_store() {
  char *memory = map_large(BYTES);
  must(madvise(memory, BYTES, MADV_POPULATE_WRITE), "populate");
  bench_store(reinterpret_cast<uint64_t *>(memory), COUNT);
  munmap(memory, BYTES);
}

struct cost {
  double ns;   /* for one element */
  double peak; /* resident bytes at most, more than before, for a byte of payload */
};

/*
 * A virtual machine may hand memory that nobody uses back to its host, and then
 * pays for its first use several times what is measured here. So every page
 * that a measurement may get is used just before.
 */
void recall_memory(size_t size) {
  must(madvise(map_large(size), size, MADV_POPULATE_WRITE), "populate");
}

cost cost_of(void (*fill)(), bool large_pages, size_t needed = BYTES) {
  double out[2];
  in_child(out, [=](double *) { recall_memory(needed); });
  in_child(out, [=](double *figures) {
    if (!large_pages) must(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), "PR_SET_THP_DISABLE");
    double before = static_cast<double>(proc_bytes("/proc/self/status", "VmRSS:"));
    figures[0] = time_each_of_cpu(COUNT, fill);
    figures[1] = (static_cast<double>(proc_bytes("/proc/self/status", "VmHWM:")) - before) / BYTES;
  });
  return {out[0], out[1]};
}

/* Whether `state` can be measured here; otherwise it says why not. */
bool has_memory(benchmark::State &state) {
  if (system_info().available_memory >= NEEDED) return true;
  state.SkipWithError("needs 3.5 GiB of available memory");
  return false;
}

void push_against_vector(benchmark::State &state) {
  bool large_pages = state.range(0) != 0;
  if (!has_memory(state)) return;
  samples c_ns, cpp_ns, far_ns, vector_ns, large_vector_ns, to_vector, cpp_to_vector, to_large_vector;
  double peak = 0;
  for (auto _ : state) {
    cost c = cost_of(push_c, large_pages), vector = cost_of(push_vector, large_pages, NEEDED);
    cost cpp = cost_of(push_cpp, large_pages), large_vector = cost_of(push_large_vector, large_pages, NEEDED);
    far_ns.add(cost_of(push_far, large_pages).ns);
    c_ns.add(c.ns), cpp_ns.add(cpp.ns), vector_ns.add(vector.ns), large_vector_ns.add(large_vector.ns);
    to_vector.add(vector.ns / c.ns), cpp_to_vector.add(vector.ns / cpp.ns);
    to_large_vector.add(large_vector.ns / c.ns);
    peak = std::max({peak, c.peak, cpp.peak});
    state.SetIterationTime(c.ns * 1e-9);
  }
  state.counters["acre_ns"] = c_ns.median();
  state.counters["cpp_ns"] = cpp_ns.median();
  state.counters["far_ns"] = far_ns.median();
  state.counters["vector_ns"] = vector_ns.median();
  state.counters["large_vector_ns"] = large_vector_ns.median();
  state.counters["peak"] = peak;
  report_ratio(state, "speedup", to_vector);
  report_ratio(state, "cpp_speedup", cpp_to_vector);
  report_ratio(state, "large_speedup", to_large_vector);
}

void push_against_floor(benchmark::State &state) {
  bool large_pages = state.range(0) != 0;
  if (!has_memory(state)) return;
  samples c_ns, cpp_ns, floor_ns, ratios, cpp_ratios;
  /* Each is first, second and last in turn: what one leaves behind of the system's large pages meets the next one. */
  void (*const ways[])() = {push_c, populate_and_store, push_cpp};
  size_t first = 0;
  for (auto _ : state) {
    double ns[3];
    for (size_t i = 0; i < 3; i++) ns[(first + i) % 3] = cost_of(ways[(first + i) % 3], large_pages).ns;
    first++;
    c_ns.add(ns[0]), floor_ns.add(ns[1]), cpp_ns.add(ns[2]);
    ratios.add(ns[0] / ns[1]), cpp_ratios.add(ns[2] / ns[1]);
    state.SetIterationTime(ns[0] * 1e-9);
  }
  state.counters["acre_ns"] = c_ns.median();
  state.counters["cpp_ns"] = cpp_ns.median();
  state.counters["floor_ns"] = floor_ns.median();
  report_ratio(state, "ratio", ratios);
  report_ratio(state, "cpp_ratio", cpp_ratios);
}

BENCHMARK(push_against_vector)->ArgName("large_pages")->Arg(1)->Arg(0)->UseManualTime()->Iterations(3);
BENCHMARK(push_against_floor)->ArgName("large_pages")->Arg(1)->Arg(0)->UseManualTime()->Iterations(15);

} // namespace

int main(int argc, char **argv) {
  return run(argc, argv);
}
