/* SPDX-License-Identifier: MIT */
/*
 * acre/array.hpp - acre::array<T>: what std::vector<T> is, but its elements never move.
 *
 *   acre::array<point> points(1u << 30);       room for up to 2^30, costs address space alone
 *   point &first = points.emplace_back(1, 2);
 *   ... millions of push_back later ...
 *   first.x = 3;                               still good: no growth moves an element
 *
 * The interface is std::vector's, where it makes sense:
 *   A constructor argument says how large it can ever be; max_size() tells.
 *   An element is constructed in its place once, so T needs no move or copy.
 *   References and iterators stay valid until their element is destroyed.
 *   std::length_error: over max_size(). std::bad_alloc: no address space, no
 *   memory, or over the commit limit. Every function that throws has changed nothing
 *   (as far as T's own constructors allow).
 *   Growth costs no copy, so reserve() is never needed for speed.
 * Move-only. A moved-from array, as a default-constructed one, is empty and has max_size() 0.
 *
 * Threads: as std::vector. C++17; needs exceptions.
 */
#ifndef ACRE_ARRAY_HPP
#define ACRE_ARRAY_HPP

#include <acre/array.h>

#include <cstddef>
#include <memory>
#include <new>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace acre {

template <class T>
class array {
  static_assert(std::is_object_v<T> && !std::is_const_v<T>, "elements are objects that can be written");
  static_assert(alignof(T) <= 65536, "an array starts on a multiple of the allocation granularity, 64 KiB");

public:
  using value_type = T;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using reference = T &;
  using const_reference = const T &;
  using pointer = T *;
  using const_pointer = const T *;
  using iterator = T *;
  using const_iterator = const T *;

  array() noexcept = default;

  /* An empty array of up to `maximum` elements. growth_step: bytes committed at a time, 0 for the default. */
  explicit array(size_type maximum, size_type growth_step = 0) {
    if (maximum == 0) return;
    acre_array_options options{};
    options.growth_step = growth_step;
    acre_array made;
    check(acre_array_create(&made, maximum, sizeof(T), &options));
    array_ = made;
  }

  /* A call of it, on the way of an exception too, would give the array's address away: see change(). */
  [[gnu::always_inline]] ~array() {
    clear();
    acre_array ended = array_;
    acre_array_destroy(&ended);
  }

  array(array &&other) noexcept : array_(std::exchange(other.array_, acre_array{})) {}
  array &operator=(array &&other) noexcept {
    array taken(std::move(other));
    swap(taken);
    return *this;
  }
  array(const array &) = delete;
  array &operator=(const array &) = delete;

  void swap(array &other) noexcept {
    std::swap(array_, other.array_);
  }
  friend void swap(array &a, array &b) noexcept {
    a.swap(b);
  }

  T *data() noexcept {
    return static_cast<T *>(array_.data);
  }
  const T *data() const noexcept {
    return static_cast<const T *>(array_.data);
  }
  size_type size() const noexcept {
    return array_.count;
  }
  size_type capacity() const noexcept {
    return array_.capacity;
  }
  size_type max_size() const noexcept {
    return array_.maximum;
  }
  [[nodiscard]] bool empty() const noexcept {
    return array_.count == 0;
  }

  iterator begin() noexcept {
    return data();
  }
  iterator end() noexcept {
    return data() + size();
  }
  const_iterator begin() const noexcept {
    return data();
  }
  const_iterator end() const noexcept {
    return data() + size();
  }
  const_iterator cbegin() const noexcept {
    return begin();
  }
  const_iterator cend() const noexcept {
    return end();
  }

  T &operator[](size_type index) noexcept {
    return data()[index];
  }
  const T &operator[](size_type index) const noexcept {
    return data()[index];
  }
  T &at(size_type index) {
    return data()[checked(index)];
  }
  const T &at(size_type index) const {
    return data()[checked(index)];
  }
  T &front() noexcept {
    return data()[0];
  }
  const T &front() const noexcept {
    return data()[0];
  }
  T &back() noexcept {
    return data()[size() - 1];
  }
  const T &back() const noexcept {
    return data()[size() - 1];
  }

  void push_back(const T &value) {
    emplace_back(value);
  }
  void push_back(T &&value) {
    emplace_back(std::move(value));
  }

  template <class... Arguments>
  T &emplace_back(Arguments &&...arguments) {
    if (array_.count == array_.capacity) check(change(acre_array_grow));
    T *element = ::new (static_cast<void *>(data() + array_.count)) T(std::forward<Arguments>(arguments)...);
    ++array_.count;
    return *element;
  }

  void pop_back() noexcept {
    std::destroy_at(data() + --array_.count);
  }

  /* Commits room for `count` elements in all; the memory is used when they are. */
  void reserve(size_type count) {
    check(change(acre_array_reserve, count));
  }

  /* New elements are value-initialised: numbers and pointers are zero. */
  void resize(size_type count) {
    if (count <= size()) {
      truncate(count);
    } else if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_pointer_v<T>) {
      check(change(acre_array_resize, count)); /* which does not touch what reads zero already */
    } else {
      reserve(count);
      std::uninitialized_value_construct(end(), data() + count);
      array_.count = count;
    }
  }

  void resize(size_type count, const T &value) {
    if (count <= size()) {
      truncate(count);
    } else {
      reserve(count);
      std::uninitialized_fill(end(), data() + count, value);
      array_.count = count;
    }
  }

  void clear() noexcept {
    truncate(0);
  }

  /* Takes the memory behind the last element away, if the system agrees. */
  void shrink_to_fit() noexcept {
    static_cast<void>(change(acre_array_shrink));
  }

private:
  static void check(acre_result result) {
    if (result == ACRE_OK) return;
    if (result == ACRE_E_FULL) throw std::length_error("acre::array: over max_size()");
    if (result == ACRE_E_INVALID_SIZE) throw std::length_error("acre::array: max_size() is past the address space");
    throw std::bad_alloc();
  }

  /* The C face's functions change a copy, so that the array may be kept in registers: acre/array.h says more. */
  template <class... Arguments>
  acre_result change(acre_result (*function)(acre_array *, Arguments...), Arguments... arguments) {
    acre_array apart = array_;
    acre_result result = function(&apart, arguments...);
    array_ = apart;
    return result;
  }

  size_type checked(size_type index) const {
    if (index >= size()) throw std::out_of_range("acre::array::at: index is not below size()");
    return index;
  }

  void truncate(size_type count) noexcept {
    std::destroy(data() + count, end());
    array_.count = count;
  }

  acre_array array_{};
};

} // namespace acre

#endif
