/* SPDX-License-Identifier: MIT */
/*
 * load.h - workloads for a malloc, each in the shape of some kind of program.
 *
 * They are one program, `malloc_loads NAME`, that is linked with no allocator:
 * bench/malloc.cc runs it with one preloaded, and compares. It prints the
 * nanoseconds that the load took, from before its first allocation to behind its
 * last free, the most memory that was resident, and its checksum, which is the
 * same whoever allocates.
 */
#ifndef BENCH_LOADS_LOAD_H
#define BENCH_LOADS_LOAD_H

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace loads {

struct load {
  const char *name;
  uint64_t (*run)(); /* returns a checksum */
  load *next;
};

extern load *all;

struct registration {
  load entry;
  registration(const char *name, uint64_t (*run)()) : entry{name, run, all} {
    all = &entry;
  }
};

#define LOAD(name)                                         \
  static uint64_t name();                                  \
  static loads::registration register_##name{#name, name}; \
  static uint64_t name()

/* Small, fast, the same everywhere. */
class random_numbers {
public:
  explicit random_numbers(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}
  uint32_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<uint32_t>(state_ >> 16);
  }
  uint32_t below(uint32_t limit) {
    return static_cast<uint32_t>(static_cast<uint64_t>(next()) * limit >> 32);
  }
  /* Mostly small: as in real programs, half as many of each doubling. */
  size_t size(unsigned least_shift, unsigned most_shift) {
    unsigned shift = least_shift;
    while (shift < most_shift && (next() & 0x10000) != 0) shift++;
    return (size_t{1} << shift) / 2 + below(uint32_t{1} << shift) / 2 + 1;
  }

private:
  uint64_t state_;
};

/* A block whose first and last byte are written, as whoever asks for one does. */
inline char *make(size_t size) {
  char *block = static_cast<char *>(std::malloc(size));
  if (block == nullptr) std::abort();
  block[0] = static_cast<char>(size);
  block[size - 1] = static_cast<char>(size >> 3);
  return block;
}

} // namespace loads

#endif
