/* SPDX-License-Identifier: MIT */
/* The tour's first chapter: the numbers that every step after it is made of. */
#include <acre/vm.h>
#include <inttypes.h>

#include "message.h"
#include "progress.h"
#include "text.h"
#include "tour.h"

#define REGIONS 3

static void show_numbers(struct tour *tour) {
  const acre_system *system = &tour->system;
  tour_step(tour, _("What the system says"),
            _("The address space is made of pages, and every page has a state of its own. "
              "A program asks for these numbers and never writes them down."));
  uint64_t space = (uint64_t)system->highest_address - system->lowest_address + 1;
  tour_figure(_("page size"), _("%s: the unit of every state"), text_size(system->page_size).s);
  tour_figure(_("allocation granularity"), _("%s: where a region can begin"),
              text_size(system->allocation_granularity).s);
  tour_figure(_("addresses"), "0x%" PRIxPTR " - 0x%" PRIxPTR, system->lowest_address, system->highest_address);
  tour_figure(_("size of the address space"), "%s", text_size(space).s);
  tour_figure(_("number of pages"), _("%s = size / page size"), text_count(space / system->page_size).s);
  tour_figure(_("RAM"), _("%s, of which %s are available"), text_size(system->physical_memory).s,
              text_size(system->available_memory).s);
  tour_gap();

  uint64_t limit;
  tour_check(tour, kernel_page_size() == system->page_size, _("the kernel gives the same page size"));
  tour_check(tour, system->allocation_granularity % system->page_size == 0,
             _("the granularity is a whole number of pages"));
  if (kernel_mapping_limit(&limit))
    tour_check(tour, limit == system->mapping_limit, _("the kernel allows %s mappings, as Acre says"),
               text_count(limit).s);
  tour_step_end(tour);
}

static void show_rounding(struct tour *tour) {
  size_t granularity = tour->system.allocation_granularity;
  size_t page = tour->system.page_size;
  tour_step(tour, _("Where a region begins and how long it is"),
            _("Three regions of one byte each. A start at every page would shred the address space, so a region "
              "begins at a multiple of the granularity; and it is a whole number of pages long."));
  void *bases[REGIONS] = {NULL};
  bool are_aligned = true, are_pages = true, are_all = true;
  for (int i = 0; i < REGIONS; i++) {
    double started = progress_clock();
    acre_result result = acre_vm_reserve(1, NULL, &bases[i]);
    double seconds = progress_clock() - started;
    if (!tour_call(tour, result, ACRE_OK, seconds, "acre_vm_reserve(1, NULL, &base)  // %p", bases[i])) {
      are_all = false;
      continue;
    }
    tour_watch(tour, bases[i], page);
    if ((uintptr_t)bases[i] % granularity != 0) are_aligned = false;
    if (tour->before.range.reserved != page) are_pages = false;
  }
  tour_gap();
  tour_check(tour, are_all && are_aligned, _("each begins at a multiple of %s"), text_size(granularity).s);
  tour_check(tour, are_all && are_pages, _("the kernel holds a whole page, %s, for each"), text_size(page).s);
  for (int i = 0; i < REGIONS; i++)
    if (bases[i] != NULL) tour_check(tour, acre_vm_release(bases[i]) == ACRE_OK, _("region %d is released"), i + 1);
  tour_step_end(tour);
}

void tour_system(struct tour *tour) {
  tour_chapter(tour, _("The system's numbers"));
  show_numbers(tour);
  show_rounding(tour);
}
