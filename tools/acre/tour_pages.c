/* SPDX-License-Identifier: MIT */
/* The tour's chapters on page states: what reserving costs, and FREE -> RESERVE -> COMMIT -> FREE in steps. */
#include <acre/vm.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "progress.h"
#include "system/system.h"
#include "text.h"
#include "tour.h"

#define SPACE_TO_RESERVE (UINT64_C(64) << 40)
#define SMALLEST_SPACE (UINT64_C(1) << 30)
#define SLACK (UINT64_C(256) << 10) /* what RSS moves by itself: the program's own code is paged in as it runs */
#define BLOCKS 64

/*
 * Where the system would place `size` bytes: so that a step can show these pages
 * as FREE before it reserves them. NULL: it places them nowhere.
 */
static void *free_place(size_t size) {
  void *base;
  if (acre_vm_reserve(size, NULL, &base) != ACRE_OK) return NULL;
  return acre_vm_release(base) == ACRE_OK ? base : NULL;
}

static bool rss_is_steady(const struct tour *tour, uint64_t cost) {
  return tour->after.process.rss < tour->before.process.rss + SLACK + cost;
}

/* ------------------------------------------------------------- reserving */

static char *reserve_much(struct tour *tour, size_t *out_size) {
  tour_step(tour, _("Reserve a great deal"),
            _("A program may need a contiguous range some day and must not pay for it today. RESERVE holds the "
              "addresses and nothing else: no RAM, no disk."));
  size_t size = tour_space(tour, SPACE_TO_RESERVE);
  acre_vm_options options = {.address = free_place(size)};
  while (options.address == NULL && size > SMALLEST_SPACE) options.address = free_place(size /= 2);
  *out_size = size;
  if (options.address != NULL) tour_watch(tour, options.address, size);
  void *base;
  double started = progress_clock();
  acre_result result = acre_vm_reserve(size, &options, &base);
  double seconds = progress_clock() - started;
  if (!tour_call(tour, result, ACRE_OK, seconds, "acre_vm_reserve(%zu, &options, &base)  // %s", size,
                 text_size(size).s)) {
    tour_step_end(tour);
    return NULL;
  }
  tour_show(tour);
  uint64_t cost = kernel_reservation_cost(size);
  if (cost > 0) {
    tour_say(_("(This system writes down each reserved page in the process itself: up to %s for these.)"),
             text_size(cost).s);
    tour_gap();
  }
  tour_check(tour, base == options.address, _("the region is where it was wished for: %p"), base);
  tour_check(tour, tour->before.range.free == size, _("before, all of it was FREE"));
  tour_check(tour, tour->after.range.reserved == size, _("now all of it is RESERVE: %s"), text_size(size).s);
  tour_check(tour, tour->after.range.committed == 0 && rss_is_steady(tour, cost), _("and it costs no memory"));
  tour_check(tour, tour->after.process.mappings <= tour->before.process.mappings + 1,
             _("the kernel keeps one mapping for it, whatever its size"));
  tour_step_end(tour);
  return base;
}

static void place_nothing_else(struct tour *tour, char *base, size_t size) {
  tour_step(tour, _("Nothing else can be placed there"), _(system_words.placing));
  acre_vm_options options = {.address = base + size / 2};
  void *other;
  double started = progress_clock();
  acre_result result = acre_vm_reserve(1, &options, &other);
  tour_call(tour, result, ACRE_E_ADDRESS_IN_USE, progress_clock() - started,
            _("acre_vm_reserve(1, &options, &other)  // at %p, in its middle"), options.address);
  if (result == ACRE_OK) acre_vm_release(other);

  void *blocks[BLOCKS];
  bool are_outside = true;
  for (int i = 0; i < BLOCKS; i++) {
    char *block = blocks[i] = malloc((size_t)1 << 20);
    if (block != NULL && block >= base && block < base + size) are_outside = false;
  }
  for (int i = 0; i < BLOCKS; i++) free(blocks[i]);
  bool is_outside = kernel_keeps_out(base + size / 2, base, size);
  tour_gap();
  tour_check(tour, are_outside, _("malloc: %d blocks of 1 MiB, none of them inside"), BLOCKS);
  tour_check(tour, is_outside, "%s", _(system_words.placed));
  tour_step_end(tour);
}

static void release_region(struct tour *tour, void *base, size_t size, const char *title) {
  tour_step(tour, title,
            _("Release takes the base of a region and gives all of it back: RESERVE and COMMIT pages alike."));
  tour_watch(tour, base, size);
  double started = progress_clock();
  acre_result result = acre_vm_release(base);
  tour_call(tour, result, ACRE_OK, progress_clock() - started, "acre_vm_release(base)");
  tour_show(tour);
  tour_check(tour, tour->after.range.free == size, _("all of it is FREE: anything may be placed there again"));
  tour_step_end(tour);
}

void tour_reserve(struct tour *tour) {
  tour_chapter(tour, _("RESERVE costs nothing"));
  size_t size;
  char *base = reserve_much(tour, &size);
  if (base == NULL) return;
  place_nothing_else(tour, base, size);
  release_region(tour, base, size, _("Release it"));
}

/* ------------------------------------------------------------- the states */

struct pages {
  char *base;
  size_t page;
  size_t count;   /* pages of the region */
  size_t quarter; /* pages */
};

static void commit(struct tour *tour, const struct pages *pages, size_t first, size_t count) {
  double started = progress_clock();
  acre_result result = acre_vm_commit(pages->base + first * pages->page, count * pages->page, ACRE_VM_DEFAULT);
  tour_call(tour, result, ACRE_OK, progress_clock() - started,
            _("acre_vm_commit(base + %zu, %zu, ACRE_VM_DEFAULT)  // pages: %zu"), first * pages->page,
            count * pages->page, count);
}

static bool is_filled(const struct pages *pages, size_t first, size_t count, char value) {
  const char *bytes = pages->base + first * pages->page;
  return bytes[0] == value && memcmp(bytes, bytes + 1, count * pages->page - 1) == 0; /* each is as the one before it */
}

static void fill(const struct pages *pages, size_t first, size_t count, char value) {
  memset(pages->base + first * pages->page, value, count * pages->page);
}

/* Whether the kernel says of every run of pages what Acre's own table says. */
static bool table_agrees(const struct pages *pages) {
  const char *end = pages->base + pages->count * pages->page;
  for (const char *at = pages->base; at < end;) {
    acre_vm_info info;
    struct kernel_range kernel;
    if (acre_vm_query(at, &info) != ACRE_OK || info.region_base != pages->base || info.size == 0) return false;
    if (info.size > (size_t)(end - at) || !kernel_range(at, info.size, &kernel, NULL, NULL)) return false;
    if ((info.state == ACRE_VM_COMMITTED ? kernel.committed : kernel.reserved) != info.size) return false;
    at += info.size;
  }
  return true;
}

static bool reserve_pages(struct tour *tour, struct pages *pages) {
  size_t size = pages->count * pages->page;
  tour_step(tour, _("FREE -> RESERVE"), _("A region is reserved. Its pages can't be used yet, and cost nothing."));
  acre_vm_options options = {.address = free_place(size)};
  if (options.address != NULL) tour_watch(tour, options.address, size);
  void *base;
  double started = progress_clock();
  acre_result result = acre_vm_reserve(size, &options, &base);
  double seconds = progress_clock() - started;
  pages->base = base;
  if (tour_call(tour, result, ACRE_OK, seconds, _("acre_vm_reserve(%zu, &options, &base)  // pages: %zu"), size,
                pages->count)) {
    tour_show(tour);
    tour_check(tour, tour->before.range.free == size && tour->after.range.reserved == size,
               _("every page was FREE and is RESERVE"));
  }
  tour_step_end(tour);
  return base != NULL;
}

static void commit_first(struct tour *tour, const struct pages *pages) {
  size_t size = pages->count * pages->page, committed = pages->quarter * pages->page;
  tour_step(tour, _("RESERVE -> COMMIT, the first quarter"), _(system_words.lazy_ram));
  tour_watch(tour, pages->base, size);
  commit(tour, pages, 0, pages->quarter);
  tour_show(tour);
  tour_check(tour, tour->after.range.committed == committed, _("a quarter of the region is COMMIT: %s"),
             text_size(committed).s);
  tour_check(tour, tour->after.range.reserved == size - committed, _("the rest is RESERVE"));
  tour_check(tour, tour->after.range.touched == 0, _("none of it has RAM behind it yet"));
  tour_step_end(tour);
}

static void touch_first(struct tour *tour, const struct pages *pages) {
  size_t committed = pages->quarter * pages->page;
  tour_step(tour, _("Use it"), _("A page reads zero until it is written. The first touch of each brings its RAM."));
  tour_watch(tour, pages->base, pages->count * pages->page);
  bool were_zero = is_filled(pages, 0, pages->quarter, 0);
  fill(pages, 0, pages->quarter, 'A');
  tour_say("memset(base, 'A', %zu)", committed);
  tour_show(tour);
  tour_check(tour, were_zero, _("every byte read zero before it was written"));
  tour_check(tour, tour->after.range.touched == committed, _("now all that is COMMIT is in RAM: %s"),
             text_size(committed).s);
  tour_step_end(tour);
}

static void commit_more(struct tour *tour, const struct pages *pages) {
  size_t committed = (2 * pages->quarter + 1) * pages->page;
  tour_step(tour, _("Commit more, with a hole"),
            _("The region grows as it is needed: up to its half, in a call that covers what is COMMIT already and "
              "does it no harm; and the very last page, far from the others."));
  tour_watch(tour, pages->base, pages->count * pages->page);
  commit(tour, pages, 0, 2 * pages->quarter);
  commit(tour, pages, pages->count - 1, 1);
  pages->base[(pages->count - 1) * pages->page] = 'Z';
  tour_show(tour);
  tour_check(tour, tour->after.range.committed == committed, _("half of the region and one page are COMMIT: %s"),
             text_size(committed).s);
  tour_check(tour, is_filled(pages, 0, pages->quarter, 'A'), _("the first quarter has kept its content"));
  tour_check(tour, table_agrees(pages), _("acre_vm_query says of each page what the kernel says"));
  tour_step_end(tour);
}

static void decommit(struct tour *tour, const struct pages *pages) {
  size_t gone = pages->quarter * pages->page;
  tour_step(tour, _("COMMIT -> RESERVE"),
            _("Decommit takes the memory away at once, and the content with it. The addresses stay held."));
  tour_watch(tour, pages->base, pages->count * pages->page);
  double started = progress_clock();
  acre_result result = acre_vm_decommit(pages->base, gone);
  tour_call(tour, result, ACRE_OK, progress_clock() - started, _("acre_vm_decommit(base, %zu)  // pages: %zu"), gone,
            pages->quarter);
  tour_show(tour);
  tour_check(tour, tour->before.range.committed - tour->after.range.committed == gone, _("COMMIT falls by %s"),
             text_size(gone).s);
  tour_check(tour, tour->before.range.touched - tour->after.range.touched == gone, _("and so does the RAM in use"));
  tour_check(tour, tour->after.range.free == 0, _("nothing is FREE: the region is as long as before"));
  tour_step_end(tour);
}

static void commit_again(struct tour *tour, const struct pages *pages) {
  tour_step(tour, _("Commit again"), _("Pages that come back come back empty: nobody sees what stood there before."));
  tour_watch(tour, pages->base, pages->count * pages->page);
  commit(tour, pages, 0, pages->quarter);
  bool are_zero = is_filled(pages, 0, pages->quarter, 0);
  bool last_is_kept = pages->base[(pages->count - 1) * pages->page] == 'Z';
  fill(pages, 0, pages->quarter, 'B');
  tour_show(tour);
  tour_check(tour, are_zero, _("the pages read zero, and no 'A' is left"));
  tour_check(tour, last_is_kept, _("the last page, never decommitted, has its 'Z'"));
  tour_step_end(tour);
}

void tour_pages(struct tour *tour) {
  tour_chapter(tour, "FREE -> RESERVE -> COMMIT -> FREE");
  struct pages pages = {.page = tour->system.page_size, .count = tour->pages, .quarter = tour->pages / 4};
  if (!reserve_pages(tour, &pages)) return;
  commit_first(tour, &pages);
  touch_first(tour, &pages);
  commit_more(tour, &pages);
  decommit(tour, &pages);
  commit_again(tour, &pages);
  release_region(tour, pages.base, pages.count * pages.page, _("RESERVE and COMMIT -> FREE"));
}
