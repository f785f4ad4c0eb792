/* SPDX-License-Identifier: MIT */
/*
 * Views of files against the system calls that do the same: mapping and
 * unmapping 64 KiB; a guarded copy against memcpy; and the sum of a file of 4 GiB, through a view and by
 * read(2), with the file in memory (warm) and on the disk (cold).
 */
#include <acre/filemap.h>
#include <acre/vm.h>
#include <fcntl.h>

#include <cstring>

#include "pairs.h"

using namespace bench;

namespace {

/* A file of that many bytes on a disk, which goes with the program. */
class file {
public:
  explicit file(size_t size) {
    char path[] = "/var/tmp/acre-bench-XXXXXX";
    fd_ = mkstemp(path);
    must(fd_, "mkstemp");
    path_ = path;
    std::vector<uint64_t> words(MIB / sizeof(uint64_t));
    for (size_t done = 0; done < size; done += MIB) {
      for (size_t i = 0; i < words.size(); i++) words[i] = (done + i) * 0x9e3779b97f4a7c15u;
      size_t piece = std::min(MIB, size - done);
      if (write(fd_, words.data(), piece) != static_cast<ssize_t>(piece)) fail(path, "not all of it could be written");
    }
    must(fsync(fd_), "fsync");
  }
  file(const file &) = delete;
  file &operator=(const file &) = delete;
  ~file() {
    close(fd_);
    unlink(path_.c_str());
  }

  int descriptor() const {
    return fd_;
  }

  /* Takes the file out of memory. */
  void forget() const {
    must(posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED), "posix_fadvise");
  }

  acre_section *section() const {
    acre_file *opened;
    acre_section *made;
    must(acre_file_open(path_.c_str(), nullptr, &opened), "acre_file_open");
    must(acre_section_create(opened, nullptr, &made), "acre_section_create");
    acre_file_close(opened);
    return made;
  }

private:
  std::string path_;
  int fd_;
};

/* ------------------------------------------------------------- mapping */

void map_unmap_64_kib(benchmark::State &state) {
  constexpr size_t OPERATIONS = 200, SIZE = 64 * KIB;
  file content(SIZE);
  acre_section *section = content.section();
  compare(
      state,
      [section] {
        return time_each(OPERATIONS, [section] {
          for (size_t i = 0; i < OPERATIONS; i++) {
            acre_view *view;
            must(acre_view_map(section, 0, SIZE, nullptr, &view), "acre_view_map");
            must(acre_view_unmap(view), "acre_view_unmap");
          }
        });
      },
      [&content] {
        return time_each(OPERATIONS, [&content] {
          for (size_t i = 0; i < OPERATIONS; i++) {
            void *got = mmap(nullptr, SIZE, PROT_READ, MAP_SHARED, content.descriptor(), 0);
            if (got == MAP_FAILED) fail("mmap", "no room");
            must(munmap(got, SIZE), "munmap");
          }
        });
      });
  acre_section_close(section);
}

/* ------------------------------------------------------------- a guarded copy */

/* Out of a view, over and over the same page, so that the copy itself is as fast as it can be. */
void guarded_copy_4_kib(benchmark::State &state) {
  constexpr size_t OPERATIONS = 2000, SIZE = 4 * KIB;
  size_t size = SIZE;
  benchmark::DoNotOptimize(size); /* memcpy itself, and not what the compiler makes of a size that it knows */
  file content(SIZE);
  acre_section *section = content.section();
  acre_view *view;
  must(acre_view_map(section, 0, SIZE, nullptr, &view), "acre_view_map");
  const void *from = acre_view_data(view);
  std::vector<char> to(SIZE);
  compare(
      state,
      [&] {
        return time_each(OPERATIONS, [&] {
          for (size_t i = 0; i < OPERATIONS; i++) must(acre_guarded_copy(to.data(), from, size), "acre_guarded_copy");
        });
      },
      [&] {
        return time_each(OPERATIONS, [&] {
          for (size_t i = 0; i < OPERATIONS; i++) {
            std::memcpy(to.data(), from, size);
            benchmark::ClobberMemory();
          }
        });
      });
  must(acre_view_unmap(view), "acre_view_unmap");
  acre_section_close(section);
}

/* ------------------------------------------------------------- a sum */

constexpr size_t ALL = 4 * GIB, PIECE = MIB;

uint64_t sum(const void *data, size_t size) {
  const uint64_t *words = static_cast<const uint64_t *>(data);
  uint64_t total = 0;
  for (size_t i = 0; i < size / sizeof(uint64_t); i++) total += words[i];
  return total;
}

/* The disk is asked for a few pieces ahead. */
uint64_t sum_through_view(acre_section *section) {
  constexpr size_t AHEAD = 16 * PIECE, STRIDE = 4 * PIECE;
  acre_view *view;
  must(acre_view_map(section, 0, 0, nullptr, &view), "acre_view_map");
  char *data = static_cast<char *>(acre_view_data(view));
  uint64_t total = 0;
  must(acre_vm_prefetch(data, AHEAD), "acre_vm_prefetch");
  for (size_t at = 0; at < ALL; at += PIECE) {
    if (at % STRIDE == 0 && at + AHEAD < ALL) must(acre_vm_prefetch(data + at + AHEAD, STRIDE), "acre_vm_prefetch");

    total += sum(data + at, PIECE);
  }
  must(acre_view_unmap(view), "acre_view_unmap");
  return total;
}

uint64_t sum_by_read(int descriptor) {
  std::vector<char> buffer(PIECE);
  uint64_t total = 0;
  must(static_cast<int>(lseek(descriptor, 0, SEEK_SET)), "lseek");
  for (ssize_t got; (got = read(descriptor, buffer.data(), PIECE)) != 0;) {
    must(static_cast<int>(got), "read");
    total += sum(buffer.data(), static_cast<size_t>(got));
  }
  return total;
}

void sum_4_gib(benchmark::State &state) {
  bool is_cold = state.range(0) != 0;
  file content(ALL);
  acre_section *section = content.section();
  uint64_t expected = sum_by_read(content.descriptor());
  auto timed = [&](auto way) {
    if (is_cold) content.forget();
    return time_each(ALL / PIECE, [&] {
      if (way() != expected) fail("sum", "another sum");
    });
  };
  compare(
      state, [&] { return timed([&] { return sum_through_view(section); }); },
      [&] { return timed([&] { return sum_by_read(content.descriptor()); }); });
  acre_section_close(section);
}

BENCHMARK(map_unmap_64_kib)->UseManualTime()->Iterations(301);
BENCHMARK(guarded_copy_4_kib)->UseManualTime()->Iterations(501);
BENCHMARK(sum_4_gib)->ArgName("cold")->Arg(0)->UseManualTime()->Iterations(7);
BENCHMARK(sum_4_gib)->ArgName("cold")->Arg(1)->UseManualTime()->Iterations(9);

} // namespace

int main(int argc, char **argv) {
  return run(argc, argv);
}
