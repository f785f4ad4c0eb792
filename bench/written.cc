/* SPDX-License-Identifier: MIT */
/*
 * Finding and resetting the written pages among 16,384: acre_vm_written against
 * the kernel's own scan (PAGEMAP_SCAN over memory under userfaultfd's
 * asynchronous write protection), asked for nothing but the written pages. What
 * it costs follows what was written: nothing, every sixteenth page, or all.
 */
#include <acre/vm.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "pairs.h"

using namespace bench;

namespace {

constexpr size_t PAGE = 4 * KIB, PAGES = 16384, SIZE = PAGES * PAGE;

/* ------------------------------------------------------------- the peer */

/* As in <linux/userfaultfd.h> and <linux/fs.h> of Linux 6.7, which older systems' headers lack. */
struct uffd_api {
  uint64_t api, features, ioctls;
};

struct uffd_register {
  uint64_t start, size, mode, ioctls;
};

struct page_region {
  uint64_t start, end, categories;
};

struct pagemap_scan {
  uint64_t size, flags, start, end, walk_end;
  uint64_t vec, vec_len, max_pages;
  uint64_t inverted, all_of, any_of, returned;
};

class raw_tracking {
public:
  raw_tracking() {
    uffd_ = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | 1));
    pagemap_ = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    uffd_api api = {0xaa, (1u << 15) | (1u << 13), 0};
    if (uffd_ < 0 || pagemap_ < 0 || ioctl(uffd_, _IOWR(0xaa, 0x3f, uffd_api), &api) != 0) return;
    base_ = raw_reserve(SIZE);
    madvise(base_, SIZE, MADV_NOHUGEPAGE);
    uffd_register range = {reinterpret_cast<uint64_t>(base_), SIZE, 2, 0};
    must(ioctl(uffd_, _IOWR(0xaa, 0x00, uffd_register), &range), "UFFDIO_REGISTER");
    must(mprotect(base_, SIZE, PROT_READ | PROT_WRITE), "mprotect");
  }

  ~raw_tracking() {
    if (base_ != nullptr) munmap(base_, SIZE);
    close(uffd_), close(pagemap_);
  }

  char *base() const {
    return base_;
  }

  size_t scan_and_reset() {
    uint64_t at = reinterpret_cast<uint64_t>(base_);
    enum { MATCHING = 1, CHECK = 2, WRITTEN = 2 };
    pagemap_scan scan = {
        sizeof scan, MATCHING | CHECK, at, at + SIZE, 0, reinterpret_cast<uint64_t>(regions_), PAGES, 0,
        0,           WRITTEN,          0,  WRITTEN};
    int found = ioctl(pagemap_, _IOWR('f', 16, pagemap_scan), &scan);
    must(found, "PAGEMAP_SCAN");
    return static_cast<size_t>(found);
  }

private:
  int uffd_ = -1, pagemap_ = -1;
  char *base_ = nullptr;
  page_region regions_[PAGES];
};

/* ------------------------------------------------------------- the comparison */

void write_every(char *base, size_t stride) {
  for (size_t page = 0; stride != 0 && page < PAGES; page += stride) ++*(base + page * PAGE);
}

void scan_and_reset(benchmark::State &state) {
  if (system_info().written_way != ACRE_WRITTEN_BY_KERNEL) {
    state.SkipWithError("the system does not track writes");
    return;
  }
  size_t stride = static_cast<size_t>(state.range(0)), expected = stride == 0 ? 0 : stride == 1 ? 1 : PAGES / stride;
  static raw_tracking raw;
  static acre_vm_run runs[PAGES];
  acre_vm_options options = {};
  options.flags = ACRE_VM_COMMIT | ACRE_VM_TRACK_WRITES;
  void *own;
  must(acre_vm_reserve(SIZE, &options, &own), "acre_vm_reserve");
  char *base = static_cast<char *>(own);
  write_every(base, 1), write_every(raw.base(), 1);
  must(acre_vm_reset_written(base, SIZE), "acre_vm_reset_written");
  raw.scan_and_reset();
  compare(
      state,
      [=] {
        write_every(base, stride);
        size_t count = PAGES;
        double ns = time_each(
            1, [&] { must(acre_vm_written(base, SIZE, ACRE_VM_WRITTEN_RESET, runs, &count), "acre_vm_written"); });
        if (count != expected) fail("acre_vm_written", "the wrong number of runs");
        return ns;
      },
      [=] {
        write_every(raw.base(), stride);
        size_t count = 0;
        double ns = time_each(1, [&] { count = raw.scan_and_reset(); });
        if (count != expected) fail("PAGEMAP_SCAN", "the wrong number of runs");
        return ns;
      });
  must(acre_vm_release(own), "acre_vm_release");
}

/* ------------------------------------------------------------- what tracking costs */

/* The first write of a page after a reset, against one in memory that is not tracked. */
void write_tracked(benchmark::State &state) {
  acre_vm_options options = {};
  options.flags = ACRE_VM_COMMIT | ACRE_VM_TRACK_WRITES;
  void *tracked, *plain;
  must(acre_vm_reserve(SIZE, &options, &tracked), "acre_vm_reserve");
  options.flags = ACRE_VM_COMMIT;
  must(acre_vm_reserve(SIZE, &options, &plain), "acre_vm_reserve");
  char *base = static_cast<char *>(tracked), *other = static_cast<char *>(plain);
  write_every(base, 1);
  compare(
      state,
      [=] {
        must(acre_vm_reset_written(base, SIZE), "acre_vm_reset_written");
        return time_each(PAGES, [=] { write_every(base, 1); });
      },
      [=] {
        must(acre_vm_decommit(other, SIZE), "acre_vm_decommit");
        must(acre_vm_commit(other, SIZE, ACRE_VM_DEFAULT), "acre_vm_commit");
        return time_each(PAGES, [=] { write_every(other, 1); }); /* a fresh page's first write */
      });
  must(acre_vm_release(tracked), "acre_vm_release");
  must(acre_vm_release(plain), "acre_vm_release");
}

BENCHMARK(scan_and_reset)->ArgName("every")->Arg(0)->Arg(16)->Arg(1)->UseManualTime()->Iterations(301);
BENCHMARK(write_tracked)->UseManualTime()->Iterations(31);

} // namespace

int main(int argc, char **argv) {
  return run(argc, argv);
}
