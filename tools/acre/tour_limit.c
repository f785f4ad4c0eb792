/* SPDX-License-Identifier: MIT */
/*
 * The tour's chapter on the promise that COMMIT is: what the kernel promises by
 * itself, the limit that refuses what could not be kept, memory that is there
 * before it is touched, and the paging file, which stands behind pages in place
 * of RAM.
 */
#include <acre/vm.h>
#include <string.h>

#include "message.h"
#include "progress.h"
#include "system/system.h"
#include "text.h"
#include "tour.h"

#define MIB ((size_t)1 << 20)
#define PROMISES 4

static const acre_vm_options strict = {.flags = ACRE_VM_COMMIT | ACRE_VM_STRICT};
static const acre_vm_options on_disk = {.backing = ACRE_VM_BACKING_PAGING_FILE};

static acre_system system_now(void) {
  acre_system system;
  memset(&system, 0, sizeof system);
  (void)acre_system_info(&system);
  return system;
}

/* ------------------------------------------------------------- the kernel's own promise */

static void overpromise(struct tour *tour) {
  tour_step(tour, _("What the kernel promises by itself"), _(system_words.promise));
  size_t page = tour->system.page_size;
  size_t size = (size_t)(tour->system.physical_memory / 2) / page * page;
  unsigned granted = kernel_promises(size, PROMISES);
  tour_say(_(system_words.promise_call), text_size(size).s, PROMISES, granted);
  tour_gap();
  bool is_careful = kernel_is_careful(tour->system.overcommit_mode);
  uint64_t there_is = tour->system.physical_memory + tour->system.swap;
  if (granted * (uint64_t)size > there_is)
    tour_check(tour, true, _("more than RAM and swap, %s: to use it all is to be killed"), text_size(there_is).s);
  else
    tour_check(tour, is_careful || tour->system.swap > 0, "%s", _(system_words.promise_kept));
  tour_step_end(tour);
}

/* ------------------------------------------------------------- the limit */

/* Whether it answered as expected. */
static bool commit(struct tour *tour, char *base, size_t size, acre_result expected) {
  double started = progress_clock();
  acre_result result = acre_vm_commit(base, size, ACRE_VM_DEFAULT);
  return tour_call(tour, result, expected, progress_clock() - started,
                   _("acre_vm_commit(base, %zu, ACRE_VM_DEFAULT)  // %s"), size, text_size(size).s);
}

static void show_limit(const acre_system *system) {
  tour_figure(_("commit limit"), "%s",
              system->commit_limit == UINT64_MAX ? _("none") : text_size(system->commit_limit).s);
  tour_figure(_("committed"), "%s", text_size(system->commit_charge).s);
}

static void meet_limit(struct tour *tour) {
  tour_step(tour, _("Acre counts, and refuses"),
            _("Every committed byte is charged against a limit: RAM, swap and paging file, what the cgroup allows, or "
              "what the program sets. RESERVE is not counted. Beyond the limit a commit is an error, and nothing "
              "changes."));
  uint64_t charge = system_now().commit_charge;
  double started = progress_clock();
  acre_result result = acre_vm_set_commit_limit(charge + 32 * MIB);
  tour_call(tour, result, ACRE_OK, progress_clock() - started, _("acre_vm_set_commit_limit(%s more than now)"),
            text_size(32 * MIB).s);
  void *got;
  result = acre_vm_reserve(64 * MIB, NULL, &got);
  if (!tour_check(tour, result == ACRE_OK, _("%s of addresses are reserved"), text_size(64 * MIB).s)) {
    (void)acre_vm_set_commit_limit(0);
    tour_step_end(tour);
    return;
  }
  char *base = got;
  tour_gap();
  tour_watch(tour, base, 64 * MIB);
  commit(tour, base, 24 * MIB, ACRE_OK);
  commit(tour, base, 40 * MIB, ACRE_E_COMMIT_LIMIT);
  tour_show(tour);
  acre_system system = system_now();
  show_limit(&system);
  tour_gap();
  tour_check(tour, tour->after.range.committed == 24 * MIB, _("what was committed still is, and not a page more"));
  tour_check(tour, system.commit_charge == charge + 24 * MIB, _("the charge is what the kernel's figures say"));

  result = acre_vm_decommit(base, 24 * MIB);
  tour_check(tour, result == ACRE_OK && system_now().commit_charge == charge, _("a decommit gives the charge back"));
  result = acre_vm_commit(base, 32 * MIB, ACRE_VM_DEFAULT);
  tour_check(tour, result == ACRE_OK, _("now all of %s can be had"), text_size(32 * MIB).s);
  result = acre_vm_release(base);
  tour_check(tour, result == ACRE_OK && system_now().commit_charge == charge, _("and is given back with the region"));
  (void)acre_vm_set_commit_limit(0);
  tour_step_end(tour);
}

/* ------------------------------------------------------------- strict */

static void populate_at_once(struct tour *tour) {
  size_t size = 16 * MIB;
  tour_step(tour, _("Memory that is there before it is touched"),
            _("A commit in a strict region gives every page its memory before it returns: no later touch can fail, nor "
              "has to wait."));
  void *base;
  double started = progress_clock();
  acre_result result = acre_vm_reserve(size, &strict, &base);
  double seconds = progress_clock() - started;
  if (tour_call(tour, result, ACRE_OK, seconds, _("acre_vm_reserve(%zu, {ACRE_VM_COMMIT | ACRE_VM_STRICT}, &base)"),
                size)) {
    tour_watch(tour, base, size);
    tour_show_bar(tour, _("after"));
    tour_gap();
    tour_check(tour, tour->after.range.touched == size, _("all of %s is in memory, and nobody has touched it"),
               text_size(size).s);
    tour_check(tour, acre_vm_release(base) == ACRE_OK, _("the region is released"));
  }
  tour_step_end(tour);
}

/* ------------------------------------------------------------- the paging file */

static uint64_t pattern_of(size_t i) {
  return (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15);
}

static void fill(uint64_t *numbers, size_t count) {
  for (size_t i = 0; i < count; i++) numbers[i] = pattern_of(i);
}

static bool is_filled(const uint64_t *numbers, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (numbers[i] != pattern_of(i)) return false;
  return true;
}

static void use_disk(struct tour *tour, char *base, const acre_system *before) {
  size_t size = 32 * MIB, count = size / sizeof(uint64_t);
  uint64_t anonymous = 0;
  tour_watch(tour, base, 2 * size);
  if (!commit(tour, base, size, ACRE_OK)) return;
  acre_system system = system_now();
  fill((uint64_t *)(void *)base, count);
  bool told = kernel_anonymous(base, &anonymous);
  tour_show(tour);
  tour_check(tour, tour->after.range.committed == size, _("%s is COMMIT, with blocks of the disk behind it"),
             text_size(size).s);
  bool has_risen = before->commit_limit == UINT64_MAX || system.commit_limit - before->commit_limit == size ||
                   system.commit_bound == ACRE_COMMIT_BOUND_USER;
  tour_check(tour, has_risen, _("the commit limit has risen by as much: it is no RAM of others"));
  tour_check(tour, told && anonymous == 0, _("filled, it takes no memory that only swap could replace"));
  /* The system drops what it has written; what was dropped comes back from the disk. */
  kernel_drop(base, size);
  tour_check(tour, is_filled((const uint64_t *)(const void *)base, count),
             _("every number is there when it is read again"));
  tour_gap();
  commit(tour, base, 2 * size, ACRE_E_COMMIT_LIMIT);
  tour_show_bar(tour, _("after"));
  tour_gap();
  tour_check(tour, tour->after.range.committed == size, _("over the paging file's maximum nothing has changed"));
  tour_check(tour, acre_vm_decommit(base, size) == ACRE_OK && system_now().commit_charge == before->commit_charge,
             _("a decommit frees the blocks and gives the charge back"));
}

static void page_to_disk(struct tour *tour) {
  tour_step(tour, _("The paging file"), _(system_words.paging_file));
  const char *folder = tour_file_folder();
  double started = progress_clock();
  acre_result result = acre_vm_set_paging_file(folder, 48 * MIB);
  double seconds = progress_clock() - started;
  bool is_missing = result == ACRE_E_NOT_SUPPORTED; /* by the system, or the folder's file system */
  acre_result expected = is_missing ? result : ACRE_OK;
  if (!tour_call(tour, result, expected, seconds, "acre_vm_set_paging_file(\"%.40s\", %zu)", folder, 48 * MIB)) {
    tour_step_end(tour);
    return;
  }
  if (is_missing) {
    tour_gap();
    tour_say(_("(So there is no paging file of a program's own here, and nothing more to show of it.)"));
  } else {
    acre_system before = system_now();
    void *base;
    started = progress_clock();
    result = acre_vm_reserve(64 * MIB, &on_disk, &base);
    seconds = progress_clock() - started;
    if (tour_call(tour, result, ACRE_OK, seconds,
                  _("acre_vm_reserve(%zu, {.backing = ACRE_VM_BACKING_PAGING_FILE}, &base)"), 64 * MIB)) {
      use_disk(tour, base, &before);
      tour_check(tour, acre_vm_release(base) == ACRE_OK, _("the region is released, and its file is gone"));
    }
    (void)acre_vm_set_paging_file(NULL, 0);
  }
  tour_step_end(tour);
}

void tour_limit(struct tour *tour) {
  tour_chapter(tour, _("COMMIT is a promise"));
  overpromise(tour);
  meet_limit(tour);
  populate_at_once(tour);
  page_to_disk(tour);
}
