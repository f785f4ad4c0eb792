/* SPDX-License-Identifier: MIT */
/*
 * How time grows with the number of regions: 10 to 100,000 regions of 64 KiB
 * stand while regions come and go, pages of random ones are committed and
 * decommitted, and random addresses are asked about.
 *
 * The peers do the same by raw calls with as much address space reserved.
 */
#include <acre/vm.h>

#include "pairs.h"

using namespace bench;

namespace {

constexpr size_t REGION = 64 * KIB, BATCH = 500;

/* `count` regions in random order; where `committed`, every eighth, at most 4,096 of them, has its second page so. */
class many_regions {
public:
  explicit many_regions(size_t count, bool committed = false)
      : page_(system_info().page_size), raw_size_(count * REGION) {
    for (size_t i = 0; i < count; i++) {
      void *base;
      must(acre_vm_reserve(REGION, nullptr, &base), "acre_vm_reserve");
      regions_.push_back(static_cast<char *>(base));
    }
    random_.shuffle(regions_);
    for (size_t i = 0; committed && i < count && i < 8 * 4096; i += 8)
      must(acre_vm_commit(regions_[i] + page_, page_, ACRE_VM_DEFAULT), "acre_vm_commit");
    raw_ = raw_reserve(raw_size_);
  }
  many_regions(const many_regions &) = delete;
  many_regions &operator=(const many_regions &) = delete;

  ~many_regions() {
    for (char *base : regions_) must(acre_vm_release(base), "acre_vm_release");
    must(munmap(raw_, raw_size_), "munmap");
  }

  char *random_region() {
    return regions_[random_.below(regions_.size())];
  }
  char *random_raw() {
    return raw_ + random_.below(regions_.size()) * REGION;
  }
  char *random_address() {
    return random_region() + random_.below(REGION);
  }
  size_t page() const {
    return page_;
  }

private:
  size_t page_, raw_size_;
  char *raw_;
  std::vector<char *> regions_;
  random_numbers random_;
};

size_t count_of(const benchmark::State &state) {
  return static_cast<size_t>(state.range(0));
}

void reserve_release(benchmark::State &state) {
  many_regions regions(count_of(state));
  compare(
      state,
      [] {
        return time_each(BATCH, [] {
          for (size_t i = 0; i < BATCH; i++) {
            void *base;
            must(acre_vm_reserve(REGION, nullptr, &base), "acre_vm_reserve");
            must(acre_vm_release(base), "acre_vm_release");
          }
        });
      },
      [] {
        return time_each(BATCH, [] {
          for (size_t i = 0; i < BATCH; i++) must(munmap(raw_reserve(REGION), REGION), "munmap");
        });
      });
}

/* The first page of random regions: a frontier of each region. */
void commit_decommit(benchmark::State &state) {
  many_regions regions(count_of(state));
  size_t page = regions.page();
  std::vector<char *> own(BATCH), raw(BATCH);
  compare(
      state,
      [&] {
        for (char *&address : own) address = regions.random_region();
        return time_each(BATCH, [&] {
          for (char *address : own) {
            must(acre_vm_commit(address, page, ACRE_VM_DEFAULT), "acre_vm_commit");
            must(acre_vm_decommit(address, page), "acre_vm_decommit");
          }
        });
      },
      [&] {
        for (char *&address : raw) address = regions.random_raw();
        return time_each(BATCH, [&] {
          for (char *address : raw) {
            must(mprotect(address, page, PROT_READ | PROT_WRITE), "mprotect");
            raw_decommit(address, page);
          }
        });
      });
}

/*
 * A cache line for each region, each leading to another one at random. To
 * follow it by one step is what it costs to look at one region's record at all:
 * the peer of a query, which says how far the memory is from the processor.
 */
class random_walk {
public:
  explicit random_walk(size_t count) : size_((count * LINE + 2 * MIB - 1) / (2 * MIB) * (2 * MIB)) {
    memory_ = raw_reserve(size_ + 2 * MIB);
    char *base = memory_ + (2 * MIB - reinterpret_cast<uintptr_t>(memory_) % (2 * MIB)) % (2 * MIB);
    must(mprotect(base, size_, PROT_READ | PROT_WRITE), "mprotect");
    madvise(base, size_, MADV_HUGEPAGE); /* refused where there are none */
    std::vector<char *> lines(count);
    for (size_t i = 0; i < count; i++) lines[i] = base + i * LINE;
    random_numbers random;
    random.shuffle(lines);
    for (size_t i = 0; i < count; i++) *reinterpret_cast<void **>(lines[i]) = lines[(i + 1) % count];
    at_ = base;
  }
  random_walk(const random_walk &) = delete;
  random_walk &operator=(const random_walk &) = delete;

  ~random_walk() {
    must(munmap(memory_, size_ + 2 * MIB), "munmap");
  }

  void walk(size_t steps) {
    for (; steps > 0; steps--) at_ = *static_cast<void **>(at_);
    benchmark::DoNotOptimize(at_);
  }

private:
  static constexpr size_t LINE = 64;
  size_t size_;
  char *memory_;
  void *at_;
};

void query(benchmark::State &state) {
  constexpr size_t QUERIES = 20000;
  many_regions regions(count_of(state), true);
  random_walk lines(count_of(state));
  std::vector<char *> addresses(QUERIES);
  compare(
      state,
      [&] {
        for (char *&address : addresses) address = regions.random_address();
        return time_each(QUERIES, [&] {
          acre_vm_info info;
          for (char *address : addresses) {
            must(acre_vm_query(address, &info), "acre_vm_query");
            benchmark::DoNotOptimize(info);
          }
        });
      },
      [&] { return time_each(QUERIES, [&] { lines.walk(QUERIES); }); });
}

BENCHMARK(reserve_release)->RangeMultiplier(10)->Range(10, 100000)->UseManualTime()->Iterations(101);
BENCHMARK(commit_decommit)->RangeMultiplier(10)->Range(10, 100000)->UseManualTime()->Iterations(101);
BENCHMARK(query)->RangeMultiplier(10)->Range(10, 100000)->UseManualTime()->Iterations(101);

} // namespace

int main(int argc, char **argv) {
  return run(argc, argv);
}
