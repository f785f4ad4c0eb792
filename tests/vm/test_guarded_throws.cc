/* SPDX-License-Identifier: MIT */
/* Exceptions pass through guarded calls, and take the guards that they pass with them. */
#include <acre/fault.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <stdexcept>

extern "C" {
#include "harness.h"
}

namespace {

/* A page that nothing stands behind. */
volatile char *page_that_is_gone() {
  size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  int fd = memfd_create("acre-test", MFD_CLOEXEC);
  REQUIRE(fd >= 0);
  void *got = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  REQUIRE(got != MAP_FAILED);
  close(fd);
  return static_cast<volatile char *>(got);
}

void touch(void *context) {
  *static_cast<volatile char *>(context) = 1;
}

void throws(void *) {
  throw std::runtime_error("passes");
}

void throws_deeper(void *context) {
  (void)acre_guarded_call(throws, context, nullptr);
}

bool passes_through(void (*call)(void *)) {
  try {
    (void)acre_guarded_call(call, nullptr, nullptr);
  } catch (const std::runtime_error &) {
    return true;
  }
  return false;
}

void touch_after_a_throw(void *context) {
  rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  CHECK(passes_through(throws_deeper));
  touch(context); /* nobody guards it */
}

void touch_in_a_guard_around(void *context) {
  CHECK(passes_through(throws));
  touch(context);
}

} // namespace

TEST(an_exception_passes) {
  CHECK(passes_through(throws));
  CHECK(passes_through(throws_deeper));
}

TEST(no_guard_is_left_behind) {
  volatile char *page = page_that_is_gone();
  void *address = nullptr;
  CHECK(test_died_by(test_in_child(touch_after_a_throw, const_cast<char *>(page)), SIGBUS));
  CHECK_RESULT(acre_guarded_call(touch_in_a_guard_around, const_cast<char *>(page), &address), ACRE_E_IO);
  CHECK(address == page);
}
