/* SPDX-License-Identifier: MIT */
/*
 * Sorting what memory has no room for: pieces of the input that fit are sorted and
 * written to a file one behind the other, the runs; these are merged into the output.
 *
 *   input    [ piece 1 | piece 2 | piece 3 ]
 *   runs     [ sorted  | sorted  | sorted  ]     a file without a name
 *                 |         |         |
 *              a heap of the runs' first records, the least on top
 *                 v
 *   output   [ .......................... ]
 *
 * Runs are read in pieces, into slots of one block of memory, and not through a view: the kernel
 * reads around a fault in a mapping, which for many runs at once is more than there is room for, and is read again
 * and again. Records alike keep their order, as the run of the earlier piece goes first.
 *
 * Where there are more runs than slots, neighbours are merged into longer runs, in another such file, until there are not.
 */
#include <acre/vm.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sort_engine.h"
#include "sort_kernel.h"
#include "system/system.h"

enum { BUFFER = 1 << 20, TELL = 4 << 20, LEAST = 1 << 10, LEAST_SLOT = 4 << 10, SPARE = 4 << 10 };

/* A run in the merge: what of it is in its slot, [at, end), and what is still in the file. */
struct run {
  char *slot, *at, *end;
  size_t next, rest; /* in the file: where it goes on, and how much there is */
  size_t number;
  uint64_t piece; /* of the record at `at` */
};

struct runs {
  const struct sort_order *order;
  const struct sort_means *means;
  int fd;
  size_t count, room;
  size_t *ends;   /* of each run, in the file */
  size_t size;    /* of the file */
  size_t longest; /* record */
};

/* ------------------------------------------------------------- the file of runs */

/* False: errno says why. No SORT_NO_MEMORY, after which a piece is tried anew: the run is in the file. */
static bool add_end(struct runs *runs) {
  if (runs->count == runs->room) {
    size_t room = runs->room == 0 ? 64 : 2 * runs->room;
    size_t *ends = realloc(runs->ends, room * sizeof *ends);
    if (ends == NULL) return false;
    runs->ends = ends;
    runs->room = room;
  }
  runs->ends[runs->count++] = runs->size;
  return true;
}

/* Writes the records in their order, through a buffer. */
static enum sort_answer write_run(struct runs *runs, const char *piece, size_t size, const struct sort_item *items,
                                  size_t count) {
  const struct sort_order *order = runs->order;
  const char *end = piece + size;
  char *buffer = malloc(BUFFER);
  size_t filled = 0;
  bool good = true;
  if (buffer == NULL) return SORT_NO_MEMORY;
  for (size_t i = 0; i < count && good; i++) {
    const char *record = piece + items[i].index;
    size_t length = sort_record_size(order, record, end);
    if (length + 1 > runs->longest) runs->longest = length + 1;
    bool lacks_end = order->form == SORT_LINES && record[length - 1] != '\n';
    if (filled + length + 1 > BUFFER) {
      good = system_write_all(runs->fd, buffer, filled);
      filled = 0;
    }
    if (length + 1 > BUFFER) {
      good = good && system_write_all(runs->fd, record, length);
    } else {
      memcpy(buffer + filled, record, length);
      filled += length;
    }
    if (lacks_end) buffer[filled++] = '\n';
    runs->size += length + lacks_end;
  }
  good = good && system_write_all(runs->fd, buffer, filled);
  int error = errno;
  free(buffer);
  errno = error;
  if (!good) return SORT_RUNS_FAILED;
  return add_end(runs) ? SORT_DONE : SORT_RUNS_FAILED;
}

/* A piece of about `wanted` bytes: whole records, one at least. */
static size_t piece_of(const struct sort_order *order, const char *at, size_t rest, size_t wanted) {
  if (rest <= wanted) return rest;
  if (order->record > 1) return wanted < order->record ? order->record : wanted - wanted % order->record;
  if (order->form != SORT_LINES) return wanted;
  size_t whole = wanted;
  while (whole > 0 && at[whole - 1] != '\n') whole--;
  return whole > 0 ? whole : sort_record_size(order, at, at + rest);
}

/* Ticks of a piece are passed on as the part of the whole that they are. */
struct share {
  const struct sort_means *means;
  double from, part;
};

static bool tick_of_share(void *context, double done) {
  const struct share *share = context;
  return share->means->tick == NULL || share->means->tick(share->means->context, share->from + share->part * done);
}

/* Sorts a piece, and writes it. */
static enum sort_answer make_run(struct runs *runs, const struct sort_means *means, const char *piece, size_t size) {
  struct sort_item *items;
  size_t count;
  enum sort_answer answer = sort_items_make(runs->order, means, piece, size, &items, &count);
  if (answer != SORT_DONE) return answer;
  answer = write_run(runs, piece, size, items, count);
  int error = errno;
  (void)acre_vm_release(items);
  errno = error;
  return answer;
}

/* The same for numbers, which need no items. */
static enum sort_answer make_run_of_numbers(struct runs *runs, const struct sort_means *means, const char *piece,
                                            size_t size) {
  acre_vm_options options = {.flags = ACRE_VM_COMMIT};
  void *copy;
  size_t written;
  if (acre_vm_reserve(size, &options, &copy) != ACRE_OK) return SORT_NO_MEMORY;
  memcpy(copy, piece, size);
  runs->longest = runs->order->record;
  enum sort_answer answer = sort_in_place(runs->order, means, copy, size, &written);
  if (answer == SORT_DONE && !system_write_all(runs->fd, copy, size)) answer = SORT_RUNS_FAILED;
  runs->size += size;
  if (answer == SORT_DONE && !add_end(runs)) answer = SORT_RUNS_FAILED;
  int error = errno;
  (void)acre_vm_release(copy);
  errno = error;
  return answer;
}

static enum sort_answer make_runs(struct runs *runs, const char *input, size_t size) {
  const struct sort_order *order = runs->order;
  bool numbers = order->form == SORT_NUMBERS;
  size_t memory = runs->means->memory, wanted = numbers ? memory / 2 : memory / 4;
  for (size_t done = 0; done < size;) {
    struct share share = {runs->means, 0.6 * (double)done / (double)size, 0.6 * (double)wanted / (double)size};
    struct sort_means means = {.memory = memory / 2, .tick = tick_of_share, .context = &share};
    size_t piece = piece_of(order, input + done, size - done, wanted);
    enum sort_answer answer = numbers ? make_run_of_numbers(runs, &means, input + done, piece)
                                      : make_run(runs, &means, input + done, piece);
    if (answer == SORT_NO_MEMORY && wanted > LEAST) {
      wanted /= 2; /* short records: their items take more than they */
      continue;
    }
    if (answer != SORT_DONE) return answer;
    done += piece;
  }
  return SORT_DONE;
}

/* ------------------------------------------------------------- the merge */

struct merge {
  struct runs *runs;
  size_t first, slot; /* the first of the runs; bytes of each slot */
  char *memory, *end; /* of all slots, and some bytes behind them */
  struct run *heap;   /* the run whose record is least on top */
  size_t count, size; /* runs that are left; bytes of the memory */
  double from, part;  /* which part of the whole sort this is */
};

/* Bytes of the least slot that a merge can do with. */
static size_t least_slot(const struct runs *runs) {
  return runs->longest > LEAST_SLOT ? runs->longest : LEAST_SLOT;
}

/* Reads on, so that a whole record is there if there is one. False: errno says why. */
static bool fill(const struct merge *merge, struct run *run) {
  size_t kept = (size_t)(run->end - run->at);
  memmove(run->slot, run->at, kept);
  run->at = run->slot;
  run->end = run->slot + kept;
  while (run->rest > 0 && (size_t)(run->end - run->slot) < merge->slot) {
    size_t room = merge->slot - (size_t)(run->end - run->slot), wanted = run->rest < room ? run->rest : room;
    long long got = system_read_at(merge->runs->fd, run->end, wanted, run->next);
    if (got == 0) errno = EIO; /* somebody has cut it off */
    if (got <= 0) return false;
    run->end += got;
    run->next += (size_t)got;
    run->rest -= (size_t)got;
  }
  return true;
}

/* Makes sure that a record is at `at`, and knows its piece. *length: its bytes, 0 if there is none. False: as fill. */
static bool load(const struct merge *merge, struct run *run, size_t *length) {
  const struct sort_order *order = merge->runs->order;
  size_t there = (size_t)(run->end - run->at);
  bool is_whole = order->form == SORT_LINES ? there > 0 && memchr(run->at, '\n', there) != NULL
                                            : there >= order->record;
  if (!is_whole && run->rest > 0 && !fill(merge, run)) return false;
  *length = run->at == run->end ? 0 : sort_record_size(order, run->at, run->end);
  bool ends;
  if (*length > 0) run->piece = sort_key_piece(order, run->at, merge->end, 0, &ends);
  return true;
}

static bool is_less(const struct merge *merge, const struct run *a, const struct run *b) {
  if (a->piece != b->piece) return a->piece < b->piece;
  int out = sort_key_compare(merge->runs->order, a->at, b->at, merge->end);
  return out != 0 ? out < 0 : a->number < b->number;
}

static void sift(const struct merge *merge, size_t top) {
  struct run *heap = merge->heap, run = heap[top];
  for (size_t child; (child = 2 * top + 1) < merge->count; top = child) {
    if (child + 1 < merge->count && is_less(merge, &heap[child + 1], &heap[child])) child++;
    if (!is_less(merge, &heap[child], &run)) break;
    heap[top] = heap[child];
  }
  heap[top] = run;
}

static bool begin_merge(struct merge *merge) {
  size_t length;
  for (size_t i = 0; i < merge->count; i++) {
    size_t number = merge->first + i, from = number == 0 ? 0 : merge->runs->ends[number - 1];
    char *slot = merge->memory + i * merge->slot;
    merge->heap[i] = (struct run){slot, slot, slot, from, merge->runs->ends[number] - from, number, 0};
    if (!load(merge, &merge->heap[i], &length)) return false;
  }
  for (size_t i = merge->count / 2; i-- > 0;) sift(merge, i);
  return true;
}

/* The least record has been taken. False: as fill. */
static bool go_on(struct merge *merge, size_t length) {
  struct run *least = &merge->heap[0];
  least->at += length;
  if (!load(merge, least, &length)) return false;
  if (length == 0) *least = merge->heap[--merge->count];
  if (merge->count > 0) sift(merge, 0);
  return true;
}

/* `done` bytes of the file of runs are merged. */
static bool tell_merged(const struct merge *merge, size_t done) {
  const struct sort_means *means = merge->runs->means;
  double all = (double)merge->runs->size;
  return means->tick == NULL || means->tick(means->context, merge->from + merge->part * (double)done / all);
}

static enum sort_answer merge_into(struct merge *merge, char *output, size_t room, size_t *written) {
  const struct sort_order *order = merge->runs->order;
  const struct sort_means *means = merge->runs->means;
  char *to = output, *told = output, *last = NULL;
  size_t read = 0;
  if (!begin_merge(merge)) return SORT_RUNS_FAILED;
  while (merge->count > 0) {
    struct run *least = &merge->heap[0];
    size_t length = sort_record_size(order, least->at, least->end);
    if (length > room - (size_t)(to - output)) return SORT_CHANGED; /* lines that grew before they were in a run */
    /* What was written last is in the output, from where it is compared with what is in a slot. */
    memcpy(to, least->at, length);
    if (!order->unique || last == NULL || sort_key_compare(order, last, to, to + length) != 0) {
      last = to;
      to += length;
    }
    read += length;
    if (!go_on(merge, length)) return SORT_RUNS_FAILED;
    if (to - told >= TELL || merge->count == 0) {
      if (means->wrote != NULL) means->wrote(means->context, (size_t)(told - output), (size_t)(to - told));
      told = to;
      if (!tell_merged(merge, read)) return SORT_STOPPED;
    }
  }
  *written = (size_t)(to - output);
  return SORT_DONE;
}

/* Into one run of another file, through the slot behind those of the runs. */
static enum sort_answer merge_into_run(struct merge *merge, struct runs *next) {
  const struct sort_order *order = merge->runs->order;
  char *buffer = merge->memory + merge->count * merge->slot;
  size_t filled = 0, told = next->size;
  if (!begin_merge(merge)) return SORT_RUNS_FAILED;
  while (merge->count > 0) {
    const struct run *least = &merge->heap[0];
    size_t length = sort_record_size(order, least->at, least->end);
    if (filled + length > merge->slot) {
      if (!system_write_all(next->fd, buffer, filled)) return SORT_RUNS_FAILED;
      filled = 0;
    }
    memcpy(buffer + filled, least->at, length);
    filled += length;
    next->size += length;
    if (!go_on(merge, length)) return SORT_RUNS_FAILED;
    if (next->size - told < TELL && merge->count > 0) continue;
    told = next->size;
    if (!tell_merged(merge, told)) return SORT_STOPPED;
  }
  if (!system_write_all(next->fd, buffer, filled)) return SORT_RUNS_FAILED;
  return add_end(next) ? SORT_DONE : SORT_RUNS_FAILED;
}

/* Takes the memory for `slots` slots and more for the runs that `merge` names. */
static bool open_merge(struct merge *merge, size_t slots) {
  const struct runs *runs = merge->runs;
  size_t spare = SPARE; /* behind the last slot, as keys are read eight bytes at a time */
  size_t share = runs->means->memory / 2 / slots;
  acre_vm_options options = {.flags = ACRE_VM_COMMIT};
  void *memory;
  merge->slot = share > least_slot(runs) ? share : least_slot(runs);
  if (merge->slot > (runs->means->memory - spare) / slots) return false;
  merge->size = merge->slot * slots + spare;
  merge->heap = malloc(merge->count * sizeof *merge->heap);
  if (merge->heap == NULL || acre_vm_reserve(merge->size, &options, &memory) != ACRE_OK) {
    free(merge->heap);
    return false;
  }
  merge->memory = memory;
  merge->end = merge->memory + merge->size;
  return true;
}

static void close_merge(struct merge *merge) {
  int error = errno;
  free(merge->heap);
  (void)acre_vm_release(merge->memory);
  errno = error;
}

static void close_runs(struct runs *runs) {
  int error = errno;
  free(runs->ends);
  close(runs->fd);
  errno = error;
}

/* ------------------------------------------------------------- all merges */

/* How many runs at a time are to be merged, so that soon no more than `most` are left. */
static size_t group_of(size_t count, size_t most) {
  size_t group = (count + most - 1) / most;
  return group < most ? group : most - 1; /* a slot is for what comes out */
}

static unsigned merges_before_the_last(size_t count, size_t most) {
  unsigned merges = 0;
  for (; count > most; merges++) {
    size_t group = group_of(count, most);
    count = (count + group - 1) / group;
  }
  return merges;
}

/* Merges `group` runs at a time into longer ones, which take the place of all. */
static enum sort_answer merge_groups(struct runs *runs, size_t group, double from, double part) {
  struct runs next = {.order = runs->order, .means = runs->means, .longest = runs->longest};
  enum sort_answer answer = SORT_DONE;
  next.fd = system_open_unnamed(runs->means->directory);
  if (next.fd < 0) return SORT_RUNS_FAILED;
  for (size_t first = 0; first < runs->count && answer == SORT_DONE; first += group) {
    size_t count = runs->count - first < group ? runs->count - first : group;
    struct merge merge = {.runs = runs, .first = first, .count = count, .from = from, .part = part};
    if (!open_merge(&merge, group + 1)) {
      answer = SORT_NO_MEMORY;
    } else {
      answer = merge_into_run(&merge, &next);
      close_merge(&merge);
    }
  }
  if (answer == SORT_DONE) {
    close_runs(runs);
    *runs = next;
  } else {
    close_runs(&next);
  }
  return answer;
}

static enum sort_answer merge_runs(struct runs *runs, char *output, size_t output_room, size_t *written) {
  *written = 0;
  if (runs->count == 0) return SORT_DONE;
  size_t most = (runs->means->memory - SPARE) / least_slot(runs);
  if (most < runs->count && most < 3) return SORT_NO_MEMORY;
  double from = 0.6, part = 0.4 / (merges_before_the_last(runs->count, most) + 1);
  system_expect_random_reads(runs->fd); /* pieces as they are asked for, and nothing ahead */
  for (; runs->count > most; from += part) {
    enum sort_answer answer = merge_groups(runs, group_of(runs->count, most), from, part);
    if (answer != SORT_DONE) return answer;
    system_expect_random_reads(runs->fd);
  }
  struct merge merge = {.runs = runs, .count = runs->count, .from = from, .part = part};
  if (!open_merge(&merge, runs->count)) return SORT_NO_MEMORY;
  enum sort_answer answer = merge_into(&merge, output, output_room, written);
  close_merge(&merge);
  return answer;
}

enum sort_answer sort_with_runs(const struct sort_order *order, const struct sort_means *means, const char *input,
                                size_t size, char *output, size_t *written) {
  struct runs runs = {.order = order, .means = means};
  runs.fd = system_open_unnamed(means->directory);
  if (runs.fd < 0) return SORT_RUNS_FAILED;
  enum sort_answer answer = make_runs(&runs, input, size);
  if (answer == SORT_DONE) answer = merge_runs(&runs, output, sort_output_size(order, input, size), written);
  close_runs(&runs);
  return answer;
}
