/* SPDX-License-Identifier: MIT */
/* The tour's chapter on the array: it grows to gigabytes and never moves, by calls and by touching. */
#include <acre/array.h>
#include <stdio.h>

#include "message.h"
#include "progress.h"
#include "text.h"
#include "tour.h"

#define MIB (UINT64_C(1) << 20)
#define MOST_BYTES (UINT64_C(2) << 30)
#define LARGEST_GROWTH_STEP (8 * MIB)
#define TOUCH_SPACE (UINT64_C(1) << 40)
#define TOUCH_STEP (UINT64_C(64) << 10)
#define FEWEST_ELEMENTS (1 << 20)
#define PROGRESS_ELEMENTS (1 << 17)

ACRE_ARRAY_DEFINE(numbers, uint64_t);

/* Element `index` of the full array: a number in which every index shows. */
static uint64_t element(size_t index) {
  return index * UINT64_C(0x9e3779b97f4a7c15);
}

static acre_result push_up_to(numbers *array, size_t count, struct progress *progress) {
  while (numbers_count(array) < count) {
    size_t stop = count - numbers_count(array) > PROGRESS_ELEMENTS ? numbers_count(array) + PROGRESS_ELEMENTS : count;
    for (size_t i = numbers_count(array); i < stop; i++) {
      acre_result result = numbers_push(array, element(i));
      if (result != ACRE_OK) return result;
    }
    progress_update(progress, numbers_count(array) * sizeof(uint64_t));
  }
  return ACRE_OK;
}

static bool holds_all(const numbers *array) {
  for (size_t i = 0; i < numbers_count(array); i++)
    if (*numbers_at(array, i) != element(i)) return false;
  return true;
}

static bool make_array(struct tour *tour, numbers *array, size_t maximum) {
  tour_step(tour, _("An array with room to grow"),
            _("Reserve the largest size expected, commit as it fills, release at the end: the array does it by "
              "itself. It begins empty, with its whole range held."));
  double started = progress_clock();
  acre_result result = numbers_create(array, maximum, NULL);
  double seconds = progress_clock() - started;
  bool made = tour_call(tour, result, ACRE_OK, seconds, _("numbers_create(&array, %zu, NULL)  // at most %s"), maximum,
                        text_size(maximum * sizeof(uint64_t)).s);
  if (made) {
    tour_watch(tour, numbers_data(array), maximum * sizeof(uint64_t));
    tour_gap();
    tour_check(tour, tour->before.range.reserved == maximum * sizeof(uint64_t), _("all of it is RESERVE, none COMMIT"));
  }
  tour_step_end(tour);
  return made;
}

static void fill_array(struct tour *tour, numbers *array, size_t count) {
  uint64_t bytes = count * sizeof(uint64_t);
  char explanation[512];
  snprintf(explanation, sizeof explanation,
           _("Now %s numbers are pushed, one by one: %s. An array that grows by realloc would copy itself over and "
             "over, and every pointer into it would go bad. This one commits a little more and stays."),
           text_count(count).s, text_size(bytes).s);
  tour_step(tour, _("Push, and it grows"), explanation);
  if (bytes < MOST_BYTES && tour->size == 0)
    tour_say(_("(This machine has room for %s now, and not for 2 GiB.)"), text_size(bytes).s);

  const uint64_t *first = numbers_data(array);
  bool has_moved = false;
  acre_result result = ACRE_OK;
  double pushing = 0;
  struct progress progress;
  progress_begin(&progress, _("pushing"), bytes);
  for (unsigned quarter = 1; quarter <= 4 && result == ACRE_OK; quarter++) {
    double started = progress_clock();
    result = push_up_to(array, count / 4 * quarter, &progress);
    pushing += progress_clock() - started;
    progress_hide(&progress);
    if (numbers_data(array) != first) has_moved = true;
    char label[16];
    snprintf(label, sizeof label, "%u %%", quarter * 25);
    tour_show_bar(tour, label);
  }
  progress_end(&progress);
  tour_say(_("first element at %p all the time; %.1f ns a push, the kernel's work to provide the memory included"),
           (const void *)first, pushing * 1e9 / (double)count);
  tour_show(tour);
  tour_check(tour, result == ACRE_OK && numbers_count(array) == count, _("every push succeeded: %s numbers"),
             text_count(numbers_count(array)).s);
  tour_check(tour, !has_moved, _("the array has not moved"));
  tour_check(tour, holds_all(array), _("every number is where it was put"));
  tour_check(tour, tour->after.range.touched >= bytes && tour->after.range.touched <= bytes + LARGEST_GROWTH_STEP,
             _("the RAM in use is what the numbers take: %s"), text_size(tour->after.range.touched).s);
  tour_check(tour, tour->after.range.committed >= bytes && tour->after.range.committed <= bytes + LARGEST_GROWTH_STEP,
             _("COMMIT is at most one growth step, %s, ahead"), text_size(LARGEST_GROWTH_STEP).s);
  tour_step_end(tour);
}

static void shrink_array(struct tour *tour, numbers *array, size_t count, size_t maximum) {
  uint64_t bytes = count * sizeof(uint64_t);
  tour_step(tour, _("Give a part back"),
            _("Half of the numbers are cut off and the memory behind the rest is returned; the other half stays "
              "where it is."));
  tour_watch(tour, numbers_data(array), maximum * sizeof(uint64_t));
  double started = progress_clock();
  acre_result result = numbers_resize(array, count);
  if (result == ACRE_OK) result = numbers_shrink(array);
  tour_call(tour, result, ACRE_OK, progress_clock() - started, "numbers_resize(&array, %zu), numbers_shrink(&array)",
            count);
  tour_show(tour);
  tour_check(tour, tour->after.range.touched == bytes, _("the RAM in use falls to %s"), text_size(bytes).s);
  tour_check(tour, numbers_data(array) == tour->watched && holds_all(array), _("what is left is where it was"));
  tour_step_end(tour);
}

static void destroy_array(struct tour *tour, numbers *array, size_t maximum) {
  tour_step(tour, _("Let it go"), _("Every element goes at once, and the addresses are FREE."));
  tour_watch(tour, numbers_data(array), maximum * sizeof(uint64_t));
  double started = progress_clock();
  numbers_destroy(array);
  tour_call(tour, ACRE_OK, ACRE_OK, progress_clock() - started, "numbers_destroy(&array)");
  tour_show(tour);
  tour_check(tour, tour->after.range.free == maximum * sizeof(uint64_t), _("all of it is FREE"));
  tour_step_end(tour);
}

static void touch_array(struct tour *tour) {
  size_t maximum = tour_space(tour, TOUCH_SPACE) / sizeof(uint64_t);
  tour_step(tour, _("The other way round: touch, and it is there"),
            _("An array on touch needs no calls: touching a page that is only RESERVE is a fault, Acre's handler "
              "commits it and its neighbours, and the program goes on as if nothing had happened. Three elements, "
              "far apart, of a very large array:"));
  numbers array;
  acre_array_options options = {.mode = ACRE_ARRAY_ON_TOUCH, .growth_step = TOUCH_STEP};
  double started = progress_clock();
  acre_result result = numbers_create(&array, maximum, &options);
  while (result == ACRE_E_NO_ADDRESS_SPACE && maximum > FEWEST_ELEMENTS)
    result = numbers_create(&array, maximum /= 2, &options);
  double seconds = progress_clock() - started;
  if (tour_call(tour, result, ACRE_OK, seconds, _("numbers_create(&array, %zu, &on_touch)  // at most %s"), maximum,
                text_size(maximum * sizeof(uint64_t)).s)) {
    tour_watch(tour, numbers_data(&array), maximum * sizeof(uint64_t));
    const size_t places[] = {0, maximum / 2, maximum - 1};
    for (int i = 0; i < 3; i++) {
      tour_say("array[%zu] = %d;", places[i], i + 1);
      *numbers_at(&array, places[i]) = (uint64_t)i + 1;
    }
    bool are_kept = true;
    for (int i = 0; i < 3; i++)
      if (*numbers_at(&array, places[i]) != (uint64_t)i + 1) are_kept = false;
    bool is_zero = *numbers_at(&array, 1) == 0;
    tour_show(tour);
    tour_check(tour, are_kept && is_zero, _("the three numbers are there, and their neighbours read zero"));
    tour_check(tour, tour->after.range.committed == 3 * TOUCH_STEP, _("three steps of %s are COMMIT, and no more"),
               text_size(TOUCH_STEP).s);
    numbers_destroy(&array);
  }
  tour_step_end(tour);
}

void tour_array(struct tour *tour) {
  tour_chapter(tour, _("The array that never moves"));
  uint64_t bytes = kernel_headroom(tour->system.available_memory) / 4;
  if (bytes > MOST_BYTES) bytes = MOST_BYTES;
  if (tour->size != 0 && bytes > tour->size) bytes = tour->size;
  bytes = tour_space(tour, 2 * bytes) / 2;
  bytes = bytes > MIB ? bytes / MIB * MIB : MIB;
  size_t count = (size_t)(bytes / sizeof(uint64_t)), maximum = 2 * count;

  numbers array;
  if (make_array(tour, &array, maximum)) {
    fill_array(tour, &array, count);
    shrink_array(tour, &array, count / 2, maximum);
    destroy_array(tour, &array, maximum);
  }
  touch_array(tour);
}
