/* SPDX-License-Identifier: MIT */
/*
 * What heaps cost in memory: many small ones, a heap per request again and
 * again, and what is kept of large ones that are gone. Each is measured in a
 * child process of its own.
 */
#include "heap_peers.h"

using namespace bench;

namespace {

constexpr size_t MANY = 10000, REQUESTS = 500000, GIBIBYTE_HEAPS = 32;

size_t address_space() {
  return proc_bytes("/proc/self/status", "VmSize:");
}

/* Ten thousand live heaps, 1 KiB in each, and their end. */
template <class Peer>
void many(benchmark::State &state) {
  double figures[4] = {};
  for (auto _ : state)
    in_child(figures, [](double *out) {
      typename Peer::calls calls;
      std::vector<typename Peer::heap> heaps(MANY);
      auto first = Peer::make();
      std::memset(calls.alloc(first, 64), 1, 64);
      double resident = static_cast<double>(resident_bytes()), mappings = static_cast<double>(mapping_count());
      double space = static_cast<double>(address_space());
      for (auto &heap : heaps) {
        heap = Peer::make();
        for (int i = 0; i < 16; i++) std::memset(calls.alloc(heap, 64), 1, 64);
      }
      out[0] = (static_cast<double>(resident_bytes()) - resident) / MANY;
      out[1] = (static_cast<double>(address_space()) - space) / MANY;
      out[2] = static_cast<double>(mapping_count()) - mappings;
      out[3] = time_each(MANY, [&] {
        for (auto heap : heaps) Peer::end(heap);
      });
    });
  state.counters["resident_each"] = figures[0];
  state.counters["mapped_each"] = figures[1]; /* Acre has reserved its addresses before */
  state.counters["mappings"] = figures[2];
  state.counters["destroy_ns"] = figures[3];
}

template <class Peer>
void requests(benchmark::State &state) {
  double figures[1] = {};
  for (auto _ : state)
    in_child(figures, [](double *out) {
      typename Peer::calls calls;
      double before = 0;
      for (size_t i = 0; i < REQUESTS; i++) {
        auto heap = Peer::make();
        std::memset(calls.alloc(heap, 64), 1, 64);
        Peer::end(heap);
        if (i == 500 || i == 1000)
          before = static_cast<double>(resident_bytes()); /* the first one makes room for itself */
      }
      out[0] = static_cast<double>(resident_bytes()) - before;
    });
  state.counters["resident_gained"] = figures[0];
}

/* 1 GiB in heaps, destroyed; what is resident a second later, with nobody calling. */
template <class Peer>
void kept(benchmark::State &state) {
  double figures[2] = {};
  for (auto _ : state)
    in_child(figures, [](double *out) {
      typename Peer::calls calls;
      double before = static_cast<double>(resident_bytes());
      typename Peer::heap heaps[GIBIBYTE_HEAPS];
      for (auto &heap : heaps) {
        heap = Peer::make();
        for (size_t bytes = 0; bytes < GIB / GIBIBYTE_HEAPS; bytes += 1024)
          std::memset(calls.alloc(heap, 1024), 1, 1024);
      }
      double full = static_cast<double>(resident_bytes()) - before;
      for (auto heap : heaps) Peer::end(heap);
      sleep(1);
      out[0] = (static_cast<double>(resident_bytes()) - before) / full;
      out[1] = full;
    });
  state.counters["kept_share"] = figures[0];
  state.counters["resident_full"] = figures[1];
}

BENCHMARK(many<acre_shared>)->Name("many/acre")->Iterations(1);
BENCHMARK(many<mimalloc>)->Name("many/mimalloc")->Iterations(1);
BENCHMARK(requests<acre_shared>)->Name("requests/acre")->Iterations(1);
BENCHMARK(requests<mimalloc>)->Name("requests/mimalloc")->Iterations(1);
BENCHMARK(kept<acre_shared>)->Name("kept/acre")->Iterations(1);
BENCHMARK(kept<mimalloc>)->Name("kept/mimalloc")->Iterations(1);

} // namespace

int main(int argc, char **argv) {
  return run(argc, argv);
}
