/* SPDX-License-Identifier: MIT */
/* Walking, figures, compacting, and what heaps cost in memory and mappings. */
#include <acre/vm.h>
#include <stdlib.h>
#include <unistd.h>

#include "heap/heap_check.h"

/* ------------------------------------------------------------- walking */

struct seen {
  const void *address;
  size_t size;
};

static struct {
  struct seen busy[5000];
  size_t busy_count, free_count, regions, region_bytes, large, stop_after;
  acre_heap_entry region;
} walk;

static bool see(const acre_heap_entry *entry, void *context) {
  CHECK(context == &walk);
  const char *start = walk.region.address, *address = entry->address;
  switch (entry->kind) {
    case ACRE_HEAP_REGION:
      walk.regions++;
      walk.region_bytes += entry->size;
      walk.region = *entry;
      CHECK_EQ((uintptr_t)address % ACRE_HEAP_SEGMENT, 0);
      break;
    case ACRE_HEAP_BUSY:
      CHECK(address >= start && address + entry->size <= start + walk.region.size);
      walk.large += entry->large;
      if (walk.busy_count < 5000) walk.busy[walk.busy_count] = (struct seen){address, entry->size};
      walk.busy_count++;
      break;
    case ACRE_HEAP_FREE:
      CHECK(address >= start && address + entry->size <= start + walk.region.size);
      walk.free_count++;
      break;
  }
  return walk.stop_after == 0 || walk.busy_count < walk.stop_after;
}

static void walk_over(acre_heap *heap) {
  memset(&walk, 0, sizeof walk);
  CHECK_OK(acre_heap_walk(heap, see, &walk));
}

static int by_address(const void *a, const void *b) {
  uintptr_t left = (uintptr_t)((const struct seen *)a)->address, right = (uintptr_t)((const struct seen *)b)->address;
  return (left > right) - (left < right);
}

static void walk_finds_every_block(unsigned flags) {
  static struct seen mine[2000];
  acre_heap *heap = make_heap(&(acre_heap_options){.flags = flags});
  size_t count = 0, large = 0;
  for (size_t i = 0; i < 2000; i++) {
    size_t size = i % 50 == 0 ? 70000 + i : i % 10 == 0 ? 5000 + i : i % 700;
    char *block = acre_heap_alloc(heap, size);
    REQUIRE(block != NULL);
    if (i % 3 == 1) {
      CHECK_OK(acre_heap_free(heap, block));
      continue;
    }
    large += size >= 70000;
    mine[count++] = (struct seen){block, size};
  }
  walk_over(heap);
  REQUIRE_EQ(walk.busy_count, count);
  CHECK_EQ(walk.large, large);
  CHECK(walk.free_count > 0);
  qsort(mine, count, sizeof *mine, by_address);
  qsort(walk.busy, count, sizeof *walk.busy, by_address);
  for (size_t i = 0; i < count; i++) {
    CHECK(walk.busy[i].address == mine[i].address);
    CHECK(walk.busy[i].size >= mine[i].size);
  }
  acre_heap_figures figures = figures_of(heap);
  CHECK_EQ(figures.blocks, count);
  CHECK_EQ(figures.large, large);
  CHECK_EQ(figures.reserved, walk.region_bytes);
  size_t in_classes = 0, bytes = 0;
  for (size_t i = 0; i < ACRE_HEAP_CLASSES; i++) in_classes += figures.classes[i].blocks;
  for (size_t i = 0; i < count; i++) bytes += walk.busy[i].size;
  CHECK_EQ(in_classes, count - large);
  CHECK_EQ(figures.in_use, bytes);
  walk.stop_after = 5;
  walk.busy_count = 0;
  CHECK_OK(acre_heap_walk(heap, see, &walk));
  CHECK_EQ(walk.busy_count, 5);
  CHECK_RESULT(acre_heap_walk(heap, NULL, NULL), ACRE_E_INVALID_ARGUMENT);
  CHECK_RESULT(acre_heap_walk(NULL, see, NULL), ACRE_E_INVALID_ARGUMENT);
  end_heap(heap);
}

TEST(a_walk_finds_every_block) {
  walk_finds_every_block(0);
  walk_finds_every_block(ACRE_HEAP_SINGLE_THREAD);
  walk_finds_every_block(ACRE_HEAP_CHECKED);
}

TEST(peaks) {
  acre_heap *heap = make_heap(NULL);
  void *block = acre_heap_alloc(heap, 10 << 20);
  CHECK_OK(acre_heap_free(heap, block));
  acre_heap_figures figures = figures_of(heap);
  CHECK_EQ(figures.reserved, ACRE_HEAP_SEGMENT);
  CHECK_EQ(figures.peak, ACRE_HEAP_SEGMENT + (10 << 20));
  CHECK_EQ(figures.limit, SIZE_MAX);
  end_heap(heap);
}

/* ------------------------------------------------------------- compacting */

TEST(compact_gives_back_what_is_empty) {
  acre_heap *heap = make_heap(&(acre_heap_options){.initial_commit = 1 << 20});
  CHECK_EQ(figures_of(heap).reserved, 1 << 20);
  static void *blocks[20000];
  for (size_t i = 0; i < 20000; i++) blocks[i] = memset(acre_heap_alloc(heap, 16 + i % 1000), 1, 16 + i % 1000);
  for (size_t i = 0; i < 20000; i++) CHECK_OK(acre_heap_free(heap, blocks[i]));
  CHECK_EQ(figures_of(heap).blocks, 0);
  CHECK(acre_heap_compact(heap) > 0); /* some may have gone by itself, being old */
  CHECK_EQ(figures_of(heap).reserved, ACRE_HEAP_SEGMENT);
  CHECK_EQ(acre__runs_warm_bytes(), 0);
  CHECK_EQ(acre_heap_compact(heap), 0);
  CHECK(acre_heap_alloc(heap, 100) != NULL);
  end_heap(heap);
}

/* ------------------------------------------------------------- memory */

TEST(destroyed_heaps_leave_little) {
  if (SANITIZED) test_skip("a sanitizer keeps memory of its own");
  usleep((ACRE_WARM_TIME + 100) * 1000); /* after a large block was wanted again, twice as much may be kept */
  (void)acre_heap_compact(NULL);
  size_t before = test_resident_bytes();
  acre_heap *heaps[8];
  for (int i = 0; i < 8; i++) {
    heaps[i] = make_heap(NULL);
    for (size_t bytes = 0; bytes < 32 << 20; bytes += 1024) memset(acre_heap_alloc(heaps[i], 1000), 1, 1000);
  }
  CHECK(test_resident_bytes() - before > (size_t)250 << 20);
  for (int i = 0; i < 8; i++) CHECK_OK(acre_heap_destroy(heaps[i]));
  CHECK(test_resident_bytes() - before <= ACRE_WARM_MOST + (4 << 20));
  usleep((ACRE_WARM_TIME + 100) * 1000);
  acre_heap *heap = make_heap(NULL); /* the next occasion */
  CHECK(acre_heap_alloc(heap, 100000) != NULL);
  CHECK(acre_heap_alloc(heap, 100000000) != NULL);
  CHECK(test_resident_bytes() - before <= 4 << 20);
  end_heap(heap);
}

/* Whether the system gives large pages unasked, wherever they fit. */
static bool large_pages_are_everywhere(void) {
  char line[64] = "";
  FILE *setting = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
  bool always = setting != NULL && fgets(line, sizeof line, setting) != NULL && strstr(line, "[always]") != NULL;
  if (setting != NULL) fclose(setting);
  return always;
}

/* Past 64 MiB large pages may stand behind small blocks, and behind nothing else. */
TEST(large_pages_do_not_bloat) {
  if (SANITIZED) test_skip("a sanitizer keeps memory of its own");
  (void)acre_heap_compact(NULL);
  acre_heap *heap = make_heap(NULL);
  size_t before = test_resident_bytes();
  for (size_t bytes = 0; bytes < 160 << 20; bytes += 1024) memset(acre_heap_alloc(heap, 1000), 1, 1000);
  size_t blocks = test_resident_bytes() - before;
  CHECK(blocks <= figures_of(heap).reserved + (4 << 20));
  CHECK(blocks >= (size_t)150 << 20);
  for (int i = 0; i < 20 && !large_pages_are_everywhere(); i++)
    *(char *)acre_heap_alloc(heap, 8 << 20) = 1; /* 160 MiB, of which 20 pages are touched */
  CHECK(test_resident_bytes() - before <= blocks + (4 << 20));
  end_heap(heap);
}

TEST(a_heap_per_request_takes_no_memory) {
  if (SANITIZED) test_skip("a sanitizer keeps memory of its own");
  size_t before = 0;
  for (size_t i = 0; i < 500000; i++) {
    acre_heap *heap = make_heap(NULL);
    *(char *)acre_heap_alloc(heap, 64) = 1;
    CHECK_OK(acre_heap_destroy(heap));
    if (i == 1000) before = test_resident_bytes();
  }
  CHECK(test_resident_bytes() <= before + (256 << 10));
}

enum { MANY = 10000 };

TEST(ten_thousand_heaps) {
  if (SANITIZED) test_skip("a sanitizer keeps memory of its own");
  static acre_heap *heaps[MANY];
  (void)acre_heap_compact(NULL);
  acre_heap *first = make_heap(NULL);
  size_t resident = test_resident_bytes(), mappings = test_mapping_count();
  for (size_t i = 0; i < MANY; i++) {
    heaps[i] = make_heap(NULL);
    for (int j = 0; j < 16; j++) memset(acre_heap_alloc(heaps[i], 64), 1, 64);
  }
  size_t each = (test_resident_bytes() - resident) / MANY;
  if (each > 5 << 10) test_fail(__FILE__, __LINE__, "%zu bytes each", each);
  CHECK(test_mapping_count() <= mappings + 8);
  CHECK_EQ(figures_of(heaps[5000]).reserved, ACRE_HEAP_SEGMENT);
  CHECK(acre_heap_list(NULL, 0) >= MANY);
  for (size_t i = 0; i < MANY; i++) CHECK_OK(acre_heap_destroy(heaps[i]));
  CHECK(acre__runs_are_valid());
  end_heap(first);
}
