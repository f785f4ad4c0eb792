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

void query(benchmark::State &state) {
  constexpr size_t QUERIES = 20000;
  many_regions regions(count_of(state), true);
  std::vector<char *> addresses(QUERIES);
  measure(state, [&] {
    for (char *&address : addresses) address = regions.random_address();
    return time_each(QUERIES, [&] {
      acre_vm_info info;
      for (char *address : addresses) {
        must(acre_vm_query(address, &info), "acre_vm_query");
        benchmark::DoNotOptimize(info);
      }
    });
  });
}

BENCHMARK(reserve_release)->RangeMultiplier(10)->Range(10, 100000)->UseManualTime()->Iterations(101);
BENCHMARK(commit_decommit)->RangeMultiplier(10)->Range(10, 100000)->UseManualTime()->Iterations(101);
BENCHMARK(query)->RangeMultiplier(10)->Range(10, 100000)->UseManualTime()->Iterations(101);

} // namespace

int main(int argc, char **argv) {
  return run(argc, argv);
}
