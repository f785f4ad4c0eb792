/* SPDX-License-Identifier: MIT */
/* Views in the place of placeholders on Linux, with intruders. See test_replace.c. */
#include "replace_check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

enum { INTRUDERS = 3, ROUNDS = 2000 };

static struct {
  char *base;
  size_t size;
  atomic_bool stop;
  atomic_size_t landed, tries;
} race;

static void *intrude(void *unused) {
  (void)unused;
  size_t page = figures().page_size;
  for (size_t at = 0; !atomic_load(&race.stop); at = (at + page) % race.size) {
    char *got = mmap(race.base + at, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (got == MAP_FAILED) continue;
    if ((size_t)(got - race.base) < race.size) atomic_fetch_add(&race.landed, 1);
    munmap(got, page);
    atomic_fetch_add(&race.tries, 1);
  }
  return NULL;
}

TEST(nothing_lands_inside_while_views_come_and_go) {
  size_t size = figures().allocation_granularity;
  pthread_t threads[INTRUDERS];
  acre_section *section = memory(2 * size);
  race.size = 2 * size;
  race.base = placeholder(race.size);
  for (size_t i = 0; i < INTRUDERS; i++) REQUIRE(pthread_create(&threads[i], NULL, intrude, NULL) == 0);
  for (size_t i = 0; i < ROUNDS || atomic_load(&race.tries) < ROUNDS; i++) {
    acre_view *first, *second;
    REQUIRE_OK(acre_vm_split(race.base, size));
    REQUIRE_OK(map_at(section, 0, size, race.base, &first));
    REQUIRE_OK(map_at(section, size, size, race.base + size, &second));
    race.base[i % race.size] = 1;
    REQUIRE_OK(acre_view_unmap_to_placeholder(first));
    REQUIRE_OK(acre_view_unmap_to_placeholder(second));
    REQUIRE_OK(acre_vm_join(race.base, race.size));
  }
  atomic_store(&race.stop, true);
  for (size_t i = 0; i < INTRUDERS; i++) REQUIRE(pthread_join(threads[i], NULL) == 0);
  CHECK_EQ(atomic_load(&race.landed), 0);
  CHECK_OK(acre_vm_release(race.base));
  acre_section_close(section);
}
