/* SPDX-License-Identifier: MIT */
/* acre::array<T>: what a std::vector user relies on, and that nothing moves. */
#include <acre/array.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <type_traits>

extern "C" {
#include "harness.h"
}

namespace {

static_assert(!std::is_copy_constructible_v<acre::array<int>>);
static_assert(!std::is_copy_assignable_v<acre::array<int>>);
static_assert(std::is_nothrow_move_constructible_v<acre::array<int>>);
static_assert(std::is_nothrow_move_assignable_v<acre::array<int>>);
static_assert(std::is_nothrow_default_constructible_v<acre::array<int>>);

/* Counts its living objects; can neither be copied nor moved; throws when it is told to. */
struct counted {
  static inline int living = 0;
  static inline int until_throw = -1;
  int value;

  explicit counted(int v = 7) : value(v) {
    if (until_throw >= 0 && until_throw-- == 0) throw 42;
    living++;
  }
  counted(const counted &) = delete;
  counted &operator=(const counted &) = delete;
  ~counted() {
    living--;
  }
};

struct alignas(512) wide {
  char bytes[512];
};

struct alignas(16384) wider_than_a_page {
  char bytes[16384];
};

template <class Exception, class Function>
bool throws(Function function) {
  try {
    function();
  } catch (const Exception &) {
    return true;
  }
  return false;
}

TEST(numbers_never_move) {
  acre::array<std::uint64_t> a(1 << 22);
  CHECK(a.empty());
  CHECK_EQ(a.max_size(), 1 << 22);
  a.push_back(1);
  std::uint64_t *first = &a.front();
  for (std::uint64_t i = 2; i <= 1 << 22; i++) a.push_back(i);
  CHECK(&a.front() == first);
  CHECK_EQ(a.size(), 1 << 22);
  CHECK_EQ(a.back(), 1 << 22);
  CHECK_EQ(std::accumulate(a.begin(), a.end(), std::uint64_t{0}), (std::uint64_t{1} << 21) * ((1 << 22) + 1));
  CHECK(throws<std::length_error>([&] { a.push_back(0); }));
  CHECK_EQ(a.size(), 1 << 22);
  a.pop_back();
  CHECK_EQ(a.back(), (1 << 22) - 1);
  CHECK_EQ(a[10], 11);
  CHECK_EQ(a.at(10), 11);
  CHECK(throws<std::out_of_range>([&] { a.at(a.size()); }));
}

TEST(strings_are_constructed_and_destroyed) {
  acre::array<std::string> a(10000);
  for (int i = 0; i < 10000; i++) a.emplace_back(static_cast<std::size_t>(i % 100), 'x');
  CHECK_EQ(a[99].size(), 99);
  a.pop_back();
  a.push_back(a[50]); /* an element of its own */
  CHECK(a.back() == a[50]);
  a.resize(10);
  a.resize(20);
  CHECK(a[19].empty());
  a.resize(30, "filled");
  CHECK(a[29] == "filled");
  a.clear();
  CHECK(a.empty());
  a.shrink_to_fit();
  CHECK_EQ(a.capacity(), 0);
}

TEST(elements_that_cannot_move) {
  {
    acre::array<counted> a(100000);
    for (int i = 0; i < 1000; i++) CHECK_EQ(a.emplace_back(i).value, i);
    CHECK_EQ(counted::living, 1000);
    a.resize(5000);
    CHECK_EQ(counted::living, 5000);
    CHECK_EQ(a[4999].value, 7);
    a.resize(10);
    CHECK_EQ(counted::living, 10);
    a.pop_back();
    CHECK_EQ(counted::living, 9);
  }
  CHECK_EQ(counted::living, 0);
}

TEST(a_throwing_constructor_changes_nothing) {
  acre::array<counted> a(1000);
  a.resize(3);
  counted::until_throw = 0;
  CHECK(throws<int>([&] { a.emplace_back(1); }));
  CHECK_EQ(a.size(), 3);
  CHECK_EQ(counted::living, 3);
  counted::until_throw = 50;
  CHECK(throws<int>([&] { a.resize(100); }));
  CHECK_EQ(a.size(), 3);
  CHECK_EQ(counted::living, 3);
  counted::until_throw = -1;
  a.clear();
  CHECK_EQ(counted::living, 0);
}

TEST(moves_and_swaps) {
  acre::array<std::unique_ptr<int>> a(100);
  a.push_back(std::make_unique<int>(5));
  std::unique_ptr<int> *first = a.data();
  acre::array<std::unique_ptr<int>> b(std::move(a));
  CHECK(b.data() == first);
  CHECK_EQ(b.size(), 1);
  CHECK_EQ(a.size(), 0);
  CHECK_EQ(a.max_size(), 0);
  CHECK(throws<std::length_error>([&] { a.push_back(nullptr); }));
  a = acre::array<std::unique_ptr<int>>(10);
  CHECK_EQ(a.max_size(), 10);
  swap(a, b);
  CHECK(a.data() == first && *a[0] == 5);
  b = std::move(a);
  CHECK(*b[0] == 5);
  auto &same = b;
  b = std::move(same);
  CHECK(b.size() == 1 && *b[0] == 5);
}

TEST(alignment) {
  acre::array<wide> a(1000);
  for (int i = 0; i < 1000; i++) CHECK_EQ(reinterpret_cast<std::uintptr_t>(&a.emplace_back()) % alignof(wide), 0);
  acre::array<wider_than_a_page> b(10);
  for (int i = 0; i < 10; i++)
    CHECK_EQ(reinterpret_cast<std::uintptr_t>(&b.emplace_back()) % alignof(wider_than_a_page), 0);
}

TEST(numbers_are_zero_after_resize) {
  acre::array<int> a(1 << 20);
  a.resize(1 << 20, -1);
  CHECK(std::all_of(a.begin(), a.end(), [](int i) { return i == -1; }));
  a.resize(100);
  a.resize(1 << 20);
  CHECK(std::all_of(a.begin(), a.begin() + 100, [](int i) { return i == -1; }));
  CHECK(std::all_of(a.begin() + 100, a.end(), [](int i) { return i == 0; }));
  acre::array<int counted::*> members(10); /* whose null is not all zero bits */
  members.resize(10);
  CHECK(std::all_of(members.begin(), members.end(), [](int counted::*m) { return m == nullptr; }));
}

TEST(too_large) {
  using huge = acre::array<std::uint64_t>;
  const std::size_t most = std::numeric_limits<std::size_t>::max();
  CHECK(throws<std::length_error>([&] { huge a(most); }));
  CHECK(throws<std::bad_alloc>([&] { huge a(most / 16); }));
  huge a(100);
  CHECK(throws<std::length_error>([&] { a.reserve(101); }));
  CHECK(throws<std::length_error>([&] { a.resize(101); }));
  CHECK(throws<std::length_error>([&] { a.resize(most, 1); }));
  CHECK_EQ(a.size(), 0);
  a.reserve(100);
  CHECK_EQ(a.capacity(), 100);
}

TEST(empty_ones) {
  acre::array<int> a;
  CHECK(a.begin() == a.end());
  a.clear();
  a.reserve(0);
  a.resize(0);
  a.shrink_to_fit();
  acre::array<int> b(0);
  CHECK_EQ(b.max_size(), 0);
  const acre::array<int> c(10);
  CHECK(c.cbegin() == c.cend() && c.begin() == c.end() && c.empty());
}

} // namespace
