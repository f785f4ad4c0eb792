/* SPDX-License-Identifier: MIT */
/*
 * What a flusher costs its writer: the latency of single stores at random
 * places of a file of 256 MiB, at full speed, without and with a flusher; and how much
 * is changed and not on the disk at most. 20 million stores, or ten seconds of them. On the disk of TMPDIR, or /var/tmp.
 */
#include <acre/acre.h>

#include <random>

#include "pairs.h"

namespace {

using bench::must;

constexpr size_t SIZE = 256 * bench::MIB, MOST_STORES = 20000000;
constexpr double MOST_NS = 10e9;

/* How the writer's stores went. */
struct latencies {
  std::vector<float> ns;
  double share(double quantile) {
    size_t place = static_cast<size_t>(quantile * static_cast<double>(ns.size() - 1));
    std::nth_element(ns.begin(), ns.begin() + static_cast<ptrdiff_t>(place), ns.end());
    return ns[place];
  }
};

latencies store_at_random(char *data) {
  latencies out;
  out.ns.reserve(MOST_STORES);
  std::mt19937_64 random(1);
  double end = bench::clock_ns(CLOCK_MONOTONIC) + MOST_NS, start = 0;
  for (size_t i = 0; i < MOST_STORES && start < end; i++) {
    volatile char *at = data + random() % SIZE;
    start = bench::clock_ns(CLOCK_MONOTONIC);
    *at = static_cast<char>(i);
    out.ns.push_back(static_cast<float>(bench::clock_ns(CLOCK_MONOTONIC) - start));
  }
  return out;
}

/* way 0: none; 1: every 100 ms; 2: a limit of 32 MiB. */
void writer(benchmark::State &state) {
  const char *wish = std::getenv("TMPDIR");
  std::string path = std::string(wish != nullptr ? wish : "/var/tmp") + "/acre-bench-flusher-" +
                     std::to_string(getpid());
  acre_file_options file_options{};
  file_options.access = ACRE_ACCESS_READ_WRITE;
  file_options.mode = ACRE_FILE_CREATE;
  acre_section_options section_options{};
  section_options.access = ACRE_ACCESS_READ_WRITE;
  section_options.size = SIZE;
  acre_view_options view_options{};
  view_options.access = ACRE_ACCESS_READ_WRITE;
  acre_file *file;
  acre_section *section;
  acre_view *view;
  must(acre_file_open(path.c_str(), &file_options, &file), "acre_file_open");
  must(acre_section_create(file, &section_options, &section), "acre_section_create");
  must(acre_view_map(section, 0, 0, &view_options, &view), "acre_view_map");
  char *data = static_cast<char *>(acre_view_data(view));
  std::fill(data, data + SIZE, 1);
  must(acre_view_flush(view, 0, 0, ACRE_FLUSH_DURABLE), "acre_view_flush");

  acre_flusher_options options{};
  if (state.range(0) == 1) options.interval_ms = 100;
  if (state.range(0) == 2) options.dirty_limit = 32 * bench::MIB;
  for (auto _ : state) {
    acre_flusher *flusher = nullptr;
    acre_flusher_figures figures{};
    if (state.range(0) != 0) must(acre_flusher_start(view, &options, &flusher), "acre_flusher_start");
    double start = bench::clock_ns(CLOCK_MONOTONIC);
    latencies found = store_at_random(data);
    double seconds = (bench::clock_ns(CLOCK_MONOTONIC) - start) / 1e9;
    state.SetIterationTime(seconds);
    if (flusher != nullptr) {
      must(acre_flusher_look(flusher, &figures), "acre_flusher_look");
      must(acre_flusher_stop(flusher), "acre_flusher_stop");
    }
    state.counters["p50_ns"] = found.share(0.5);
    state.counters["p99_ns"] = found.share(0.99);
    state.counters["p999_ns"] = found.share(0.999);
    state.counters["longest_ns"] = found.share(1);
    state.counters["stores_per_s"] = static_cast<double>(found.ns.size()) / seconds;
    state.counters["most_dirty"] = static_cast<double>(figures.most_dirty);
    state.counters["flushes"] = static_cast<double>(figures.flushes);
    state.counters["waits"] = static_cast<double>(figures.waits);
  }
  must(acre_view_unmap(view), "acre_view_unmap");
  acre_section_close(section);
  acre_file_close(file);
  unlink(path.c_str());
}

BENCHMARK(writer)->ArgName("way")->Arg(0)->Arg(1)->Arg(2)->UseManualTime()->Iterations(1);

} // namespace

int main(int argc, char **argv) {
  return bench::run(argc, argv);
}
