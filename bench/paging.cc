/* SPDX-License-Identifier: MIT */
/*
 * The paging file beside the disk that it is on: a gigabyte written and read
 * back under a memory limit of 128 MiB, through a region and by write(2) and
 * read(2); and what a commit costs beside its two system calls.
 */
#include <acre/vm.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "pairs.h"

using namespace bench;

namespace {

constexpr const char *DIRECTORY = "/var/tmp";

int raw_file() {
  int fd = open(DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  must(fd, "open");
  return fd;
}

/* ------------------------------------------------------------- a gigabyte */

constexpr size_t SIZE = GIB, PIECE = MIB, WORDS = PIECE / sizeof(uint64_t);

void fill(uint64_t *words, size_t piece) {
  for (size_t i = 0; i < WORDS; i++) words[i] = (piece * WORDS + i + 1) * 0x9e3779b97f4a7c15u;
}

void verify(const uint64_t *words, size_t piece) {
  bool right = true;
  for (size_t i = 0; i < WORDS; i++) right &= words[i] == (piece * WORDS + i + 1) * 0x9e3779b97f4a7c15u;
  if (!right) fail("a gigabyte", "a byte came back wrong");
}

void through_a_region() {
  acre_vm_options options = {};
  options.backing = ACRE_VM_BACKING_PAGING_FILE;
  void *base;
  must(acre_vm_set_paging_file(DIRECTORY, 0), "acre_vm_set_paging_file");
  must(acre_vm_reserve(SIZE, &options, &base), "acre_vm_reserve");
  must(acre_vm_commit(base, SIZE, ACRE_VM_DEFAULT), "acre_vm_commit");
  uint64_t *words = static_cast<uint64_t *>(base);
  for (size_t piece = 0; piece < SIZE / PIECE; piece++) fill(words + piece * WORDS, piece);
  for (size_t piece = 0; piece < SIZE / PIECE; piece++) verify(words + piece * WORDS, piece);
  must(acre_vm_release(base), "acre_vm_release");
}

void through_a_file() {
  std::vector<uint64_t> words(WORDS);
  int fd = raw_file();
  must(fallocate(fd, 0, 0, SIZE), "fallocate");
  for (size_t piece = 0; piece < SIZE / PIECE; piece++) {
    fill(words.data(), piece);
    if (pwrite(fd, words.data(), PIECE, static_cast<off_t>(piece * PIECE)) != PIECE) fail("pwrite", "not all of it");
  }
  for (size_t piece = 0; piece < SIZE / PIECE; piece++) {
    if (pread(fd, words.data(), PIECE, static_cast<off_t>(piece * PIECE)) != PIECE) fail("pread", "not all of it");
    verify(words.data(), piece);
  }
  close(fd);
}

/* A memory cgroup of 128 MiB, v1 or v2; where none may be made, there is no limit, and the counter `limited` is 0. */
class memory_limit {
public:
  memory_limit() {
    for (const char *root : {"/sys/fs/cgroup/memory", "/sys/fs/cgroup"}) {
      path_ = std::string(root) + "/acre-bench-" + std::to_string(getpid());
      if (mkdir(path_.c_str(), 0755) != 0) continue;
      if (write("memory.limit_in_bytes", "134217728") || write("memory.max", "134217728")) {
        write("memory.swap.max", "0");
        works_ = true;
        return;
      }
      rmdir(path_.c_str());
    }
  }
  memory_limit(const memory_limit &) = delete;
  memory_limit &operator=(const memory_limit &) = delete;
  ~memory_limit() {
    for (int i = 0; works_ && i < 100 && rmdir(path_.c_str()) != 0; i++) usleep(20000);
  }

  bool works() const {
    return works_;
  }
  void enter() const {
    if (works_ && !write("cgroup.procs", "0")) fail("cgroup", "it cannot be entered");
  }

private:
  bool write(const char *file, const char *text) const {
    std::ofstream out(path_ + "/" + file);
    out << text << std::flush;
    return out.good();
  }

  std::string path_;
  bool works_ = false;
};

void a_gigabyte_in_128_mib(benchmark::State &state) {
  memory_limit limit;
  auto timed = [&limit](void (*work)()) {
    double ns[1];
    in_child(ns, [&limit, work](double *out) {
      limit.enter();
      out[0] = time_each(SIZE / MIB, work);
    });
    return ns[0];
  };
  compare(
      state, [&] { return timed(through_a_region); }, [&] { return timed(through_a_file); });
  state.counters["limited"] = limit.works();
}

/* ------------------------------------------------------------- commits */

constexpr size_t FRONTIER = 16 * MIB, STEP = 64 * KIB;

void commit_64_kib(benchmark::State &state) {
  acre_vm_options options = {};
  options.backing = ACRE_VM_BACKING_PAGING_FILE;
  void *own;
  must(acre_vm_set_paging_file(DIRECTORY, 0), "acre_vm_set_paging_file");
  must(acre_vm_reserve(FRONTIER, &options, &own), "acre_vm_reserve");
  char *base = static_cast<char *>(own);
  int fd = raw_file();
  void *got = mmap(nullptr, FRONTIER, PROT_NONE, MAP_SHARED, fd, 0);
  if (got == MAP_FAILED) fail("mmap", "no memory");
  char *raw = static_cast<char *>(got);
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
        must(mprotect(raw, FRONTIER, PROT_NONE), "mprotect");
        must(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, FRONTIER), "fallocate");
        return time_each(FRONTIER / STEP, [=] {
          for (size_t at = 0; at < FRONTIER; at += STEP) {
            must(fallocate(fd, 0, static_cast<off_t>(at), STEP), "fallocate");
            must(mprotect(raw + at, STEP, PROT_READ | PROT_WRITE), "mprotect");
          }
        });
      });
  must(acre_vm_release(base), "acre_vm_release");
  must(munmap(raw, FRONTIER), "munmap");
  close(fd);
}

BENCHMARK(a_gigabyte_in_128_mib)->UseManualTime()->Iterations(5)->Unit(benchmark::kMillisecond);
BENCHMARK(commit_64_kib)->UseManualTime()->Iterations(101);

} // namespace

int main(int argc, char **argv) {
  return run(argc, argv);
}
