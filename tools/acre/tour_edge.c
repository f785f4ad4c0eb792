/* SPDX-License-Identifier: MIT */
/* The tour's chapter on the edge: what happens to an access or a call that goes too far. */
#define _XOPEN_SOURCE 700
#include <acre/array.h>
#include <acre/vm.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"
#include "progress.h"
#include "text.h"
#include "tour.h"

#define PAGES 16

static int report_pipe;

/* In the child: says where it faulted. SA_RESETHAND has put the default back, so the access kills it when tried again. */
static void report_fault(int signal_number, siginfo_t *info, void *context) {
  (void)signal_number;
  (void)context;
  uintptr_t address = (uintptr_t)info->si_addr;
  ssize_t written = write(report_pipe, &address, sizeof address);
  (void)written;
}

static _Noreturn void touch_and_die(volatile char *address) {
  struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  struct sigaction action = {.sa_sigaction = report_fault, .sa_flags = SA_SIGINFO | SA_RESETHAND};
  sigemptyset(&action.sa_mask);
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
  *address = 'x';
  _exit(0);
}

/* Touches `address` in a forked child. Stores how the child ended and where it faulted (0: nowhere). */
static bool touch_in_child(char *address, int *status, uintptr_t *faulted) {
  int ends[2];
  *faulted = 0;
  if (pipe(ends) != 0) return false;
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    report_pipe = ends[1];
    touch_and_die(address);
  }
  close(ends[1]);
  bool ended = child > 0;
  if (ended) {
    uintptr_t told;
    if (read(ends[0], &told, sizeof told) == sizeof told) *faulted = told;
    while (waitpid(child, status, 0) == -1)
      if (errno != EINTR) {
        ended = false;
        break;
      }
  }
  close(ends[0]);
  return ended;
}

static void touch_reserved(struct tour *tour, char *base) {
  size_t page = tour->system.page_size;
  tour_step(tour, _("Touch a page that is only RESERVE"),
            _("Of this region the first half is COMMIT. A child of this program writes the last byte of that half, "
              "which is fine, and then another child the byte after it, on a RESERVE page."));
  tour_watch(tour, base, PAGES * page);
  char *edge = base + PAGES / 2 * page;
  int status = 0;
  uintptr_t faulted = 0;
  bool ran = touch_in_child(edge - 1, &status, &faulted);
  tour_say(_("write to base + %zu: %s"), (size_t)(edge - 1 - base), ran && status == 0 ? _("fine") : _("failed"));
  tour_check(tour, ran && status == 0, _("the last byte of COMMIT can be written"));

  status = 0;
  ran = touch_in_child(edge, &status, &faulted);
  bool was_killed = ran && WIFSIGNALED(status);
  tour_gap();
  if (was_killed)
    tour_say(_("write to base + %zu: killed by signal %d (%s), at base + %zu"), (size_t)(edge - base), WTERMSIG(status),
             _(strsignal(WTERMSIG(status))), (size_t)(faulted - (uintptr_t)base));
  tour_check(tour, was_killed && WTERMSIG(status) == SIGSEGV, _("the byte after it is SIGSEGV: nothing is damaged"));
  tour_check(tour, faulted == (uintptr_t)edge, _("the signal tells the address exactly: %p"), (void *)faulted);
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
