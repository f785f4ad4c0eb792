/* SPDX-License-Identifier: MIT */
/*
 * Incremental snapshots: a region's content is saved again and again to one
 * file, each time at the cost of the pages written since the last time and not
 * of the region. At the end the file is read back, and compared.
 *
 *   checkpoint [MIB]     the size of the region; 1024 is the default
 *
 * The file is a log: each snapshot appends, for each run of written pages, where
 * it lies, how long it is, and its bytes. Reading all of it in order restores
 * the last snapshot; reading less restores an earlier one.
 */
#define _GNU_SOURCE
#include <acre/vm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RUNS = 4096 };

struct record {
  uint64_t offset, size;
};

static void must(acre_result result, const char *what) {
  if (result == ACRE_OK) return;
  fprintf(stderr, "checkpoint: %s: %s\n", what, acre_result_text(result));
  exit(1);
}

static void must_io(int done, const char *what) {
  if (done) return;
  perror(what);
  exit(1);
}

static double milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Appends what was written since the last snapshot; returns how many bytes that were. */
static size_t snapshot(const char *base, size_t size, FILE *log) {
  static acre_vm_run runs[RUNS];
  size_t bytes = 0;
  acre_result result;
  do {
    size_t count = RUNS;
    result = acre_vm_written(base, size, ACRE_VM_WRITTEN_RESET, runs, &count);
    if (result != ACRE_E_MORE) must(result, "acre_vm_written");
    for (size_t i = 0; i < count; i++) {
      struct record record = {(uint64_t)((const char *)runs[i].address - base), runs[i].size};
      must_io(fwrite(&record, sizeof record, 1, log) == 1, "write");
      must_io(fwrite(runs[i].address, 1, runs[i].size, log) == runs[i].size, "write");
      bytes += runs[i].size;
    }
  } while (result == ACRE_E_MORE);
  must_io(fflush(log) == 0, "write");
  return bytes;
}

static void restore(char *base, size_t size, FILE *log) {
  struct record record;
  rewind(log);
  while (fread(&record, sizeof record, 1, log) == 1) {
    must_io(record.offset <= size && record.size <= size - record.offset, "a record that is none");
    must_io(fread(base + record.offset, 1, record.size, log) == record.size, "read");
  }
}

/* Writes one word into each of `pages` pages, spread over the region. */
static void work(char *base, size_t size, size_t page, size_t pages, uint64_t seed) {
  for (size_t i = 0; i < pages; i++) {
    size_t at = (size_t)((seed + i) * UINT64_C(0x9e3779b97f4a7c15) % (size / page));
    memcpy(base + at * page + i % (page - sizeof seed), &seed, sizeof seed);
  }
}

int main(int argc, char **argv) {
  size_t mib = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 1024;
  acre_system system;
  void *memory, *copy;
  must(acre_system_info(&system), "acre_system_info");
  if (mib == 0 || mib > SIZE_MAX >> 21) {
    fprintf(stderr, "usage: checkpoint [MIB]\n");
    return 2;
  }
  size_t size = mib << 20, page = system.page_size;
  acre_vm_options options = {.flags = ACRE_VM_COMMIT | ACRE_VM_TRACK_WRITES};
  must(acre_vm_reserve(size, &options, &memory), "acre_vm_reserve");
  char *base = memory;
  FILE *log = tmpfile();
  must_io(log != NULL, "tmpfile");

  printf("%zu MiB, written pages found by %s\n", mib,
         system.written_way == ACRE_WRITTEN_BY_KERNEL ? "the kernel" : "faults");
  memset(base, 1, size);
  size_t shares[] = {size, 0, size / 1000, size / 100, size / 10};
  for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
    if (i > 0) work(base, size, page, shares[i] / page, i);
    double start = milliseconds();
    size_t saved = snapshot(base, size, log);
    printf("snapshot %zu: %8.2f MiB saved in %8.2f ms\n", i, (double)saved / 1048576, milliseconds() - start);
  }

  options.flags = ACRE_VM_COMMIT;
  must(acre_vm_reserve(size, &options, &copy), "acre_vm_reserve");
  restore(copy, size, log);
  int same = memcmp(memory, copy, size) == 0;
  printf("restored: %s\n", same ? "the same, byte for byte" : "NOT the same");
  fclose(log);
  must(acre_vm_release(copy), "acre_vm_release");
  must(acre_vm_release(memory), "acre_vm_release");
  return same ? 0 : 1;
}
