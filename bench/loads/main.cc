/* SPDX-License-Identifier: MIT */
/* malloc_loads [NAME]: runs that load and prints nanoseconds, peak KiB and checksum; or lists all. */
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "load.h"

loads::load *loads::all;

static double now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/* The most memory that was resident, in KiB; read without allocating. (getrusage tells of the parent's as well.) */
static unsigned long peak_kib() {
  char text[4096];
  int file = open("/proc/self/status", O_RDONLY);
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  text[length > 0 ? length : 0] = '\0';
  const char *line = std::strstr(text, "VmHWM:");
  return line == nullptr ? 0 : std::strtoul(line + 6, nullptr, 10);
}

int main(int argc, char **argv) {
  for (loads::load *load = loads::all; load != nullptr; load = load->next) {
    if (argc < 2) std::puts(load->name);
    if (argc < 2 || std::strcmp(argv[1], load->name) != 0) continue;
    double start = now_ns();
    uint64_t sum = load->run();
    std::printf("%.0f %lu %llu\n", now_ns() - start, peak_kib(), static_cast<unsigned long long>(sum));
    return 0;
  }
  return argc < 2 ? 0 : 2;
}
