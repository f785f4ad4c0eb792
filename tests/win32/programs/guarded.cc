// SPDX-License-Identifier: MIT
// Structured exceptions in C++, with the standard library's headers behind windows.h, and C++ exceptions passing through.
#include <windows.h>

#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

static int finals;

static int through(int how) {
  __try {
    if (how == 1) throw std::runtime_error("thrown");
    if (how == 2) return 22;
    if (how == 3) *(volatile int *)8 = 1;
  } __finally {
    finals++;
  }
  return 11;
}

static int filter(DWORD code) {
  return code == EXCEPTION_ACCESS_VIOLATION ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH;
}

static int guarded(int how) {
  __try {
    return through(how);
  } __except (filter(GetExceptionCode())) {
    return 99;
  }
}

class Counter {
public:
  int operator()(int value) const {
    int result = 0;
    __try {
      result = 100 / value;
    } __except (GetExceptionCode() == EXCEPTION_INT_DIVIDE_BY_ZERO) {
      result = -1;
    }
    return result;
  }
};

int main() {
  std::vector<std::string> texts;
  std::map<int, std::string> numbers;
  for (int i = 0; i < 100; i++) {
    texts.push_back(std::to_string(i));
    numbers[i] = texts.back();
  }
  try {
    guarded(1);
  } catch (const std::runtime_error &error) {
    std::printf("caught %s, %d\n", error.what(), finals);
  }
  int plain = guarded(0), returned = guarded(2), faulted = guarded(3);
  std::printf("%d %d %d, %d\n", plain, returned, faulted, finals);
  volatile int zero = 0;
  Counter counter;
  std::printf("%d %d\n", counter(5), counter(zero));
  std::printf("%d %s\n", (int)texts.size(), numbers[42].c_str());
  return 0;
}
