// SPDX-License-Identifier: MIT
// C++'s operators on the process heap: all forms, and what they do when there is no memory.
#include <acre/heap.h>

#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

extern "C" {
#include "harness.h"
}

// Sized ones are in the headers for some compilers only.
void operator delete(void *block, size_t size) noexcept;
void operator delete[](void *block, size_t size) noexcept;
void operator delete(void *block, size_t size, std::align_val_t alignment) noexcept;
void operator delete[](void *block, size_t size, std::align_val_t alignment) noexcept;

namespace {

struct alignas(256) wide {
  char bytes[300];
};

template <class T>
bool is_ours(T *pointer) {
  return acre_heap_of(pointer) == acre_process_heap();
}

// The compiler may leave out a pair of new and delete that it sees.
void *volatile last_seen;

template <class T>
T *seen(T *pointer) {
  last_seen = pointer;
  return pointer;
}

size_t given(size_t size) {
  volatile size_t hidden = size;
  return hidden;
}

unsigned calls;

void give_up_the_third_time() {
  if (++calls == 3) std::set_new_handler(nullptr);
}

struct stop {};

void throw_something_else() {
  throw stop();
}

template <class Call>
bool throws_bad_alloc(Call call) {
  try {
    call();
  } catch (const std::bad_alloc &) {
    return true;
  }
  return false;
}

} // namespace

TEST(all_forms) {
  auto *one = seen(new int(5));
  auto *several = seen(new std::string[10]);
  auto *one_wide = seen(new wide);
  auto *several_wide = seen(new wide[3]);
  auto *quiet = seen(new (std::nothrow) int);
  auto *quiet_wide = seen(new (std::nothrow) wide[2]);
  CHECK(is_ours(one) && is_ours(one_wide) && is_ours(quiet));
  CHECK(reinterpret_cast<uintptr_t>(one_wide) % 256 == 0 && reinterpret_cast<uintptr_t>(several_wide) % 256 == 0);
  CHECK(reinterpret_cast<uintptr_t>(quiet_wide) % 256 == 0);
  delete one;
  delete[] several;
  delete one_wide;
  delete[] several_wide;
  delete quiet;
  delete[] quiet_wide;
  ::operator delete(::operator new(100), std::nothrow);
  ::operator delete (::operator new(100), size_t{100});
  ::operator delete[](::operator new[](100), size_t{100});
  ::operator delete (::operator new (100, std::align_val_t{64}), size_t{100}, std::align_val_t{64});
  ::operator delete[](::operator new[](100, std::align_val_t{64}), std::align_val_t{64}, std::nothrow);
  ::operator delete(nullptr);
  ::operator delete[](nullptr, std::align_val_t{64});
}

TEST(what_cannot_be_throws) {
  for (size_t size : {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 2 + 1}) {
    size = given(size);
    CHECK(throws_bad_alloc([&] { seen(::operator new(size)); }));
    CHECK(throws_bad_alloc([&] { seen(::operator new[](size)); }));
    CHECK(throws_bad_alloc([&] { seen(::operator new (size, std::align_val_t{64})); }));
    CHECK(seen(::operator new(size, std::nothrow)) == nullptr);
    CHECK(seen(::operator new[](size, std::align_val_t{64}, std::nothrow)) == nullptr);
  }
  CHECK(throws_bad_alloc([] { seen(::operator new(8, static_cast<std::align_val_t>(given(24)))); }));
}

TEST(the_new_handler_is_asked) {
  calls = 0;
  std::set_new_handler(give_up_the_third_time);
  CHECK(throws_bad_alloc([] { seen(::operator new(given(SIZE_MAX / 2))); }));
  CHECK_EQ(calls, 3);
  calls = 0;
  std::set_new_handler(give_up_the_third_time);
  CHECK(seen(::operator new(given(SIZE_MAX / 2), std::nothrow)) == nullptr);
  CHECK_EQ(calls, 3);
  std::set_new_handler(throw_something_else);
  bool caught = false;
  try {
    seen(::operator new(given(SIZE_MAX / 2)));
  } catch (const stop &) {
    caught = true;
  }
  std::set_new_handler(nullptr);
  CHECK(caught);
}

TEST(containers_work) {
  std::vector<std::unique_ptr<std::string>> many;
  for (int i = 0; i < 10000; i++)
    many.insert(many.end(), std::make_unique<std::string>(static_cast<size_t>(i % 500), 'x'));
  size_t sum = 0;
  for (auto &text : many) sum += text->size();
  CHECK_EQ(sum, 10000 / 500 * (499 * 500 / 2));
  CHECK_OK(acre_heap_validate(acre_process_heap(), nullptr));
}
