/* SPDX-License-Identifier: MIT */
/*
 * Committing and decommitting: at a frontier, against mprotect; and one page
 * somewhere, against the guard markers that Acre uses for it.
 */
#include <acre/vm.h>

#include "pairs.h"

using namespace bench;

namespace {

/* ------------------------------------------------------------- frontier */

constexpr size_t FRONTIER = 16 * MIB, STEP = 64 * KIB;

void frontier_64_kib(benchmark::State &state) {
  void *own;
  must(acre_vm_reserve(FRONTIER, nullptr, &own), "acre_vm_reserve");
  char *base = static_cast<char *>(own), *raw = raw_reserve(FRONTIER);
  compare(
      state,
      [=] {
        must(acre_vm_decommit(base, FRONTIER), "acre_vm_decommit");
        return time_each(FRONTIER / STEP, [=] {
          for (size_t at = 0; at < FRONTIER; at += STEP)
            must(acre_vm_commit(base + at, STEP, ACRE_VM_DEFAULT), "acre_vm_commit");
        });
      },
      [=] {
        raw_decommit(raw, FRONTIER);
        return time_each(FRONTIER / STEP, [=] {
          for (size_t at = 0; at < FRONTIER; at += STEP)
            must(mprotect(raw + at, STEP, PROT_READ | PROT_WRITE), "mprotect");
        });
      });
  must(acre_vm_release(base), "acre_vm_release");
  must(munmap(raw, FRONTIER), "munmap");
}

/* ------------------------------------------------------------- one page */

/*
 * Every other page of 8 chunks in random order; the second page of each chunk
 * stays committed, so that the chunk stays open.
 */
class scattered_pages {
public:
  static constexpr size_t SIZE = 16 * MIB;

  scattered_pages() : page_(system_info().page_size) {
    void *own;
    must(acre_vm_reserve(SIZE, nullptr, &own), "acre_vm_reserve");
    base_ = static_cast<char *>(own);
    raw_ = raw_reserve(SIZE);
    must(mprotect(raw_, SIZE, PROT_READ | PROT_WRITE), "mprotect");
    must(madvise(raw_, SIZE, MADV_GUARD_INSTALL), "guard install");
    for (size_t at = 0; at < SIZE; at += 2 * MIB) {
      must(acre_vm_commit(base_ + at + page_, page_, ACRE_VM_DEFAULT), "acre_vm_commit");
      must(madvise(raw_ + at + page_, page_, MADV_GUARD_REMOVE), "guard remove");
    }
    for (size_t at = 0; at < SIZE; at += 2 * page_) places_.push_back(at);
    random_numbers random;
    random.shuffle(places_);
  }
  scattered_pages(const scattered_pages &) = delete;
  scattered_pages &operator=(const scattered_pages &) = delete;

  ~scattered_pages() {
    must(acre_vm_release(base_), "acre_vm_release");
    must(munmap(raw_, SIZE), "munmap");
  }

  double acre_commit() const {
    return each([this](size_t at) { must(acre_vm_commit(base_ + at, page_, ACRE_VM_DEFAULT), "acre_vm_commit"); });
  }
  double acre_decommit() const {
    return each([this](size_t at) { must(acre_vm_decommit(base_ + at, page_), "acre_vm_decommit"); });
  }
  double raw_reveal() const {
    return each([this](size_t at) { must(madvise(raw_ + at, page_, MADV_GUARD_REMOVE), "guard remove"); });
  }
  double raw_hide() const {
    return each([this](size_t at) { must(madvise(raw_ + at, page_, MADV_GUARD_INSTALL), "guard install"); });
  }
  void touch_acre() const {
    each([this](size_t at) { *static_cast<volatile char *>(base_ + at) = 1; });
  }
  void touch_raw() const {
    each([this](size_t at) { *static_cast<volatile char *>(raw_ + at) = 1; });
  }

private:
  template <class Operation>
  double each(Operation operation) const {
    return time_each(places_.size(), [&] {
      for (size_t at : places_) operation(at);
    });
  }

  size_t page_;
  char *base_, *raw_;
  std::vector<size_t> places_;
};

void commit_one_page(benchmark::State &state) {
  scattered_pages pages;
  compare(
      state,
      [&] {
        double ns = pages.acre_commit();
        pages.acre_decommit();
        return ns;
      },
      [&] {
        double ns = pages.raw_reveal();
        pages.raw_hide();
        return ns;
      });
}

void decommit_one_page(benchmark::State &state) {
  scattered_pages pages;
  compare(
      state,
      [&] {
        pages.acre_commit();
        return pages.acre_decommit();
      },
      [&] {
        pages.raw_reveal();
        return pages.raw_hide();
      });
}

void decommit_one_touched_page(benchmark::State &state) {
  scattered_pages pages;
  compare(
      state,
      [&] {
        pages.acre_commit();
        pages.touch_acre();
        return pages.acre_decommit();
      },
      [&] {
        pages.raw_reveal();
        pages.touch_raw();
        return pages.raw_hide();
      });
}

BENCHMARK(frontier_64_kib)->UseManualTime()->Iterations(301);
BENCHMARK(commit_one_page)->UseManualTime()->Iterations(151);
BENCHMARK(decommit_one_page)->UseManualTime()->Iterations(151);
BENCHMARK(decommit_one_touched_page)->UseManualTime()->Iterations(151);

} // namespace

int main(int argc, char **argv) {
  return run(argc, argv);
}
