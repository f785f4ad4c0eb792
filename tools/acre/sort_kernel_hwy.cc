// SPDX-License-Identifier: MIT
//
// Highway's vectorised quicksort, which picks the processor's widest vectors at run time, in several threads.
//
//   [ left half      | right half     ]   each thread puts what is below the pivot to the front of its half
//   [ < < | >= >= >= | < < < | >= >=  ]
//   [ < < < < < | >= >= >= >= >=      ]   the blocks in the middle change places
//     a thread    another one             each sorts its part
//
// Numbers may lie in a view whose file is cut off: what touches them is guarded, in each thread.
#include <acre/fault.h>
#include <hwy/contrib/sort/vqsort.h>

#include <algorithm>
#include <functional>
#include <system_error>
#include <thread>

#include "sort_kernel.h"

namespace {

constexpr size_t LEAST = 1 << 18; // below it a second thread is not worth its start
constexpr unsigned MOST_THREADS = 16;
constexpr size_t SAMPLES = 4095; // the parts differ by some 1 % then, and so long one thread waits for the other

void guarded(void *work) {
  (*static_cast<std::function<void()> *>(work))();
}

// False: a page was not to be had.
bool run_guarded(std::function<void()> work) {
  return acre_guarded_call(guarded, &work, nullptr) == ACRE_OK;
}

// Both at once, or one after the other where there is no thread to be had.
template <class First, class Second>
bool both(First first, Second second) {
  bool first_done = false;
  std::thread thread;
  try {
    thread = std::thread([&] { first_done = first(); });
  } catch (const std::system_error &) {
    return first() && second();
  }
  bool second_done = second();
  thread.join();
  return first_done && second_done;
}

template <class Number>
bool is_less(const Number &a, const Number &b) {
  return a < b;
}

bool is_less(const hwy::uint128_t &a, const hwy::uint128_t &b) {
  return a.hi != b.hi ? a.hi < b.hi : a.lo < b.lo;
}

// Puts what is less than the pivot to the front, without a branch that could be guessed wrong, and returns how many they are.
template <class Number>
size_t split(Number *numbers, size_t count, Number pivot) {
  size_t less = 0;
  for (size_t i = 0; i < count; i++) {
    Number number = numbers[i];
    numbers[i] = numbers[less];
    numbers[less] = number;
    less += is_less(number, pivot) ? 1 : 0;
  }
  return less;
}

template <class Number>
Number choose_pivot(const Number *numbers, size_t count) {
  Number samples[SAMPLES];
  for (size_t i = 0; i < SAMPLES; i++) samples[i] = numbers[count / SAMPLES * i];
  std::nth_element(samples, samples + SAMPLES / 2, samples + SAMPLES,
                   [](const Number &a, const Number &b) { return is_less(a, b); });
  return samples[SAMPLES / 2];
}

template <class Number>
bool sort_with(unsigned threads, Number *numbers, size_t count) {
  if (threads < 2 || count < LEAST)
    return run_guarded([=] {
      hwy::Sorter sorter;
      sorter(numbers, count, hwy::SortAscending());
    });
  Number pivot{};
  size_t half = count / 2, left = 0, right = 0;
  bool done = run_guarded([&] { pivot = choose_pivot(numbers, count); }) &&
              both([&] { return run_guarded([&] { left = split(numbers, half, pivot); }); },
                   [&] { return run_guarded([&] { right = split(numbers + half, count - half, pivot); }); }) &&
              run_guarded([&] {
                size_t moved = std::min(half - left, right);
                std::swap_ranges(numbers + left, numbers + left + moved, numbers + half + right - moved);
              });
  size_t less = left + right;
  return done && both([=] { return sort_with(threads / 2, numbers, less); },
                      [=] { return sort_with(threads - threads / 2, numbers + less, count - less); });
}

template <class Number>
bool sort_all(void *numbers, size_t count) {
  return sort_with(std::min(std::thread::hardware_concurrency(), MOST_THREADS), static_cast<Number *>(numbers), count);
}

bool count_bytes(unsigned char *bytes, size_t count) {
  return run_guarded([=] {
    size_t counts[256] = {0};
    for (size_t i = 0; i < count; i++) counts[bytes[i]]++;
    unsigned char *to = bytes;
    for (int value = 0; value < 256; value++)
      for (size_t i = 0; i < counts[value]; i++) *to++ = static_cast<unsigned char>(value);
  });
}

} // namespace

bool sort_kernel_numbers(void *numbers, size_t count, size_t width) {
  switch (width) {
    case 1: return count_bytes(static_cast<unsigned char *>(numbers), count);
    case 2: return sort_all<uint16_t>(numbers, count);
    case 4: return sort_all<uint32_t>(numbers, count);
    default: return sort_all<uint64_t>(numbers, count);
  }
}

// An item is a number of 128 bits, its piece the high half. Few of them are not worth the library's set-up.
void sort_kernel_items(sort_item *items, size_t count) {
  static_assert(sizeof(sort_item) == sizeof(hwy::uint128_t), "an item is such a number");
  if (count < 64)
    std::sort(items, items + count, [](const sort_item &a, const sort_item &b) {
      return a.piece != b.piece ? a.piece < b.piece : a.index < b.index;
    });
  else
    (void)sort_all<hwy::uint128_t>(items, count); // memory of the program's own, which is there
}

void sort_kernel_ties(sort_item *items, size_t count, int (*compare)(void *context, uint64_t a, uint64_t b),
                      void *context) {
  auto less = [=](const sort_item &a, const sort_item &b) {
    int out = compare(context, a.index, b.index);
    return out != 0 ? out < 0 : a.index < b.index;
  };
  // A heap's places are numbers that no comparison says, unlike std::sort's: what is compared may change meanwhile.
  std::make_heap(items, items + count, less);
  std::sort_heap(items, items + count, less);
}

const char *sort_kernel_name(void) {
  return "vqsort (Highway)";
}
