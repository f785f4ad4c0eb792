/* SPDX-License-Identifier: MIT */
/* The tour's chapter on the edge: what happens to an access or a call that goes too far. */
#include <acre/array.h>
#include <acre/vm.h>

#include "message.h"
#include "progress.h"
#include "system/system.h"
#include "text.h"
#include "tour.h"

#define PAGES 16

static void touch_reserved(struct tour *tour, char *base) {
  size_t page = tour->system.page_size;
  tour_step(tour, _("Touch a page that is only RESERVE"), _(system_words.edge));
  tour_watch(tour, base, PAGES * page);
  char *edge = base + PAGES / 2 * page;
  struct system_end end;
  bool is_fine = system_touch(edge - 1, &end) && !end.is_fault;
  tour_say(_("write to base + %zu: %s"), (size_t)(edge - 1 - base), is_fine ? _("fine") : _("failed"));
  tour_check(tour, is_fine, _("the last byte of COMMIT can be written"));

  bool was_ended = system_touch(edge, &end) && end.number != 0;
  tour_gap();
  if (was_ended)
    tour_say(_(system_words.edge_end), (size_t)(edge - base), end.number, _(end.name),
             (size_t)(end.address - (uintptr_t)base));
  tour_check(tour, was_ended && end.is_fault, "%s", _(system_words.edge_claim));
  tour_check(tour, end.address == (uintptr_t)edge, _(system_words.edge_address), (void *)end.address);
  tour_show(tour);
  tour_check(tour, tour->after.range.committed == tour->before.range.committed, _("the region is as it was"));
  tour_step_end(tour);
}

static void commit_too_far(struct tour *tour, char *base) {
  size_t page = tour->system.page_size, size = PAGES * page;
  tour_step(tour, _("Commit past the region's end"),
            _("A call that goes too far is refused as a whole: all of its pages change, or none."));
  tour_watch(tour, base, size);
  double started = progress_clock();
  acre_result result = acre_vm_commit(base + size - page, 2 * page, ACRE_VM_DEFAULT);
  tour_call(tour, result, ACRE_E_SPANS_REGIONS, progress_clock() - started,
            _("acre_vm_commit(base + %zu, %zu, ACRE_VM_DEFAULT)  // one page too far"), size - page, 2 * page);
  tour_show(tour);
  tour_check(tour,
             tour->after.range.committed == tour->before.range.committed &&
                 tour->after.range.reserved == tour->before.range.reserved,
             _("no page has changed, not even the one inside"));
  tour_step_end(tour);
}

static void release_wrongly(struct tour *tour, char *base) {
  size_t page = tour->system.page_size;
  tour_step(tour, _("Release in the middle, and twice"),
            _("Release wants the base of a region that is there; anything else has a result of its own."));
  double started = progress_clock();
  acre_result result = acre_vm_release(base + page);
  tour_call(tour, result, ACRE_E_NOT_REGION_BASE, progress_clock() - started, "acre_vm_release(base + %zu)", page);
  started = progress_clock();
  result = acre_vm_release(base);
  tour_call(tour, result, ACRE_OK, progress_clock() - started, "acre_vm_release(base)");
  started = progress_clock();
  result = acre_vm_release(base);
  tour_call(tour, result, ACRE_E_NOT_A_REGION, progress_clock() - started, "acre_vm_release(base)");
  tour_watch(tour, base, PAGES * page);
  tour_gap();
  tour_check(tour, tour->before.range.free == PAGES * page, _("the region went once, and the rest is refused"));
  tour_step_end(tour);
}

static void push_over_maximum(struct tour *tour) {
  size_t maximum = tour->system.page_size / sizeof(uint64_t);
  tour_step(tour, _("Push over the array's maximum"),
            _("An array whose maximum is one page of numbers is full, and gets one more."));
  acre_array array;
  double started = progress_clock();
  acre_result result = acre_array_create(&array, maximum, sizeof(uint64_t), NULL);
  double seconds = progress_clock() - started;
  if (tour_call(tour, result, ACRE_OK, seconds, "acre_array_create(&array, %zu, 8, NULL)", maximum)) {
    uint64_t number = 0;
    while (array.count < maximum && acre_array_push(&array, &number) == ACRE_OK) number++;
    tour_watch(tour, array.data, tour->system.page_size);
    started = progress_clock();
    result = acre_array_push(&array, &number);
    tour_call(tour, result, ACRE_E_FULL, progress_clock() - started,
              _("acre_array_push(&array, &number)  // number %zu"), maximum + 1);
    const uint64_t *last = acre_array_at(&array, maximum - 1);
    tour_gap();
    tour_check(tour, array.count == maximum && *last == maximum - 1, _("the array is as it was: %s numbers"),
               text_count(array.count).s);
    acre_array_destroy(&array);
  }
  tour_step_end(tour);
}

void tour_edge(struct tour *tour) {
  tour_chapter(tour, _("At the edge"));
  size_t page = tour->system.page_size;
  void *base;
  acre_result result = acre_vm_reserve(PAGES * page, NULL, &base);
  if (result == ACRE_OK) result = acre_vm_commit(base, PAGES / 2 * page, ACRE_VM_DEFAULT);
  if (result == ACRE_OK) {
    touch_reserved(tour, base);
    commit_too_far(tour, base);
    release_wrongly(tour, base);
  } else {
    tour_check(tour, false, _("a small region can be had: %s"), _(acre_result_text(result)));
  }
  push_over_maximum(tour);
}
