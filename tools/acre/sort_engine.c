/* SPDX-License-Identifier: MIT */
/*
 * Sorting in memory.
 *
 *   numbers   turned into unsigned numbers that order alike, sorted, turned back
 *   records   items [piece of the key | where the record is], 16 bytes each, are sorted
 *   and lines by their pieces, which hold eight bytes of the key; items alike get their next
 *             pieces, and so on; then the records are copied in the items' order
 *
 * So memory is read at random twice for a record: for its copy, and for the key's
 * further pieces where there are many records alike.
 */
#include "sort_engine.h"

#include <acre/vm.h>
#include <string.h>

#include "sort_kernel.h"
#include "sort_parts.h"

enum { TICK = 1 << 16, FEW = 24, AHEAD = 24, PIECE = 8 << 20, MOST_LEVELS = 1000 };

/* Which part of the work each phase is, from 0 to 1. */
static const double items_part = 0.15, sorted_part = 0.5;

static bool may_go_on(const struct sort_means *means, double done) {
  return means->tick == NULL || means->tick(means->context, done);
}

size_t sort_record_size(const struct sort_order *order, const char *record, const char *end) {
  if (order->form != SORT_LINES) return order->record;
  const char *newline = memchr(record, '\n', (size_t)(end - record));
  return (size_t)((newline != NULL ? newline + 1 : end) - record);
}

size_t sort_output_size(const struct sort_order *order, const char *input, size_t size) {
  return size + (order->form == SORT_LINES && input[size - 1] != '\n' ? 1 : 0);
}

/* ------------------------------------------------------------- numbers */

static void swap_bytes(void *numbers, size_t count, size_t width) {
  uint16_t *u16 = numbers;
  uint32_t *u32 = numbers;
  uint64_t *u64 = numbers;
  if (width == 2)
    for (size_t i = 0; i < count; i++) u16[i] = __builtin_bswap16(u16[i]);
  if (width == 4)
    for (size_t i = 0; i < count; i++) u32[i] = __builtin_bswap32(u32[i]);
  if (width == 8)
    for (size_t i = 0; i < count; i++) u64[i] = __builtin_bswap64(u64[i]);
}

/* Moves NaNs behind the other numbers, and returns how many these are. */
static size_t separate_nans(void *numbers, size_t count, size_t width) {
  uint32_t *u32 = numbers;
  uint64_t *u64 = numbers;
  for (size_t i = 0; i < count;) {
    bool is_nan = width == 4 ? (u32[i] & UINT32_C(0x7fffffff)) > UINT32_C(0x7f800000)
                             : (u64[i] & UINT64_C(0x7fffffffffffffff)) > UINT64_C(0x7ff0000000000000);
    if (!is_nan) {
      i++;
      continue;
    }
    count--;
    if (width == 4) {
      uint32_t last = u32[count];
      u32[count] = u32[i];
      u32[i] = last;
    } else {
      uint64_t last = u64[count];
      u64[count] = u64[i];
      u64[i] = last;
    }
  }
  return count;
}

/* Numbers to unsigned ones that order as wanted, or back. For floats those that are negative are turned whole. */
#define TURN(type, numbers, count, sign, is_float, reverse, back)         \
  for (size_t i = 0; i < (count); i++) {                                  \
    type number = ((type *)(numbers))[i];                                 \
    if ((back) && (reverse)) number = (type)~number;                      \
    bool turned = (is_float) && ((number & (type)(sign)) != 0) != (back); \
    number = turned ? (type)~number : (type)(number ^ (type)(sign));      \
    if (!(back) && (reverse)) number = (type)~number;                     \
    ((type *)(numbers))[i] = number;                                      \
  }

static void turn(const struct sort_order *order, void *numbers, size_t count, bool back) {
  enum sort_type type = order->key[0].type;
  bool is_float = type == SORT_F32 || type == SORT_F64, is_signed = type <= SORT_I64;
  if (!is_float && !is_signed && !order->reverse) return;
  uint64_t sign = is_float || is_signed ? UINT64_C(1) << (8 * order->record - 1) : 0;
  switch (order->record) {
    case 1: TURN(uint8_t, numbers, count, sign, false, order->reverse, back) break;
    case 2: TURN(uint16_t, numbers, count, sign, false, order->reverse, back) break;
    case 4: TURN(uint32_t, numbers, count, sign, is_float, order->reverse, back) break;
    default: TURN(uint64_t, numbers, count, sign, is_float, order->reverse, back) break;
  }
}

/* Not to be stopped: it leaves every number as it was only at its end. */
static enum sort_answer sort_numbers(const struct sort_order *order, void *numbers, size_t count) {
  bool is_float = order->key[0].type == SORT_F32 || order->key[0].type == SORT_F64;
  if (order->big_endian) swap_bytes(numbers, count, order->record);
  size_t ordered = is_float ? separate_nans(numbers, count, order->record) : count;
  turn(order, numbers, ordered, false);
  if (!sort_kernel_numbers(numbers, ordered, order->record)) return SORT_LOST;
  turn(order, numbers, ordered, true);
  if (order->big_endian) swap_bytes(numbers, count, order->record);
  return SORT_DONE;
}

/* ------------------------------------------------------------- items */

struct work {
  const struct sort_order *order;
  const struct sort_means *means;
  const char *input, *end;
  struct sort_parts parts;
};

static int compare_records(void *context, uint64_t a, uint64_t b) {
  const struct work *work = context;
  return sort_key_compare(work->order, work->input + a, work->input + b, work->end);
}

/*
 * The next pieces of items whose pieces so far are alike. False: nothing more can be said by pieces, as all keys end. Of
 * a line it is enough that one does: what is behind it is another line. A number may be read beyond its end.
 */
static bool next_pieces(const struct work *work, const struct sort_order *order, struct sort_item *items, size_t count,
                        size_t depth) {
  uint64_t alike = items[0].piece;
  size_t ended = 0;
  for (size_t i = 0; i < count; i++) {
    if (i + AHEAD < count) __builtin_prefetch(work->input + items[i + AHEAD].index + depth);
    const char *record = work->input + items[i].index;
    bool ends;
    (void)sort_key_piece(order, record, work->end, depth, &ends);
    ended += ends;
    if (ends && (!order->numeric || ended == count)) {
      while (i-- > 0) items[i].piece = alike;
      return false;
    }
    items[i].piece = sort_key_piece(order, record, work->end, depth + 8, &ends);
  }
  return true;
}

static bool pieces_alike(const struct sort_item *items, size_t count) {
  for (size_t i = 1; i < count; i++)
    if (items[i].piece != items[0].piece) return false;
  return true;
}

/* Whether they are to be in the order of their places, in which they are. */
static bool records_alike(struct work *work, const struct sort_item *items, size_t count) {
  for (size_t i = 1; i < count; i++) {
    if (i + AHEAD < count) __builtin_prefetch(work->input + items[i + AHEAD].index);
    if (compare_records(work, items[0].index, items[i].index) != 0) return false;
  }
  return true;
}

static void sort_groups(struct work *work, const struct sort_order *order, struct sort_item *items, size_t count,
                        size_t depth, unsigned level);

/* Lines whose numbers are the same: by the lines. */
static void sort_by_line(struct work *work, struct sort_item *items, size_t count, unsigned level) {
  struct sort_order order = *work->order;
  order.numeric = false;
  for (size_t i = 0; i < count; i++) {
    bool ends;
    if (i + AHEAD < count) __builtin_prefetch(work->input + items[i + AHEAD].index);
    items[i].piece = sort_key_piece(&order, work->input + items[i].index, work->end, 0, &ends);
  }
  sort_kernel_items(items, count);
  sort_groups(work, &order, items, count, 0, level + 1);
}

/* Items whose pieces up to `depth` are alike. A common beginning, however long, is no deeper level. */
static void sort_group(struct work *work, const struct sort_order *order, struct sort_item *items, size_t count,
                       size_t depth, unsigned level) {
  bool has_pieces = count > FEW && level < MOST_LEVELS, go_on = true;
  while (has_pieces && go_on && next_pieces(work, order, items, count, depth)) {
    depth += 8;
    go_on = sort_parts_go_on(&work->parts, 0);
    if (pieces_alike(items, count)) continue;
    sort_kernel_items(items, count);
    if (order->form == SORT_LINES || depth + 8 < order->key_length)
      sort_groups(work, order, items, count, depth, level + 1);
    return;
  }
  if (count < 2 || !go_on || (has_pieces && records_alike(work, items, count))) return;
  if (has_pieces && order->numeric)
    sort_by_line(work, items, count, level);
  else
    sort_kernel_ties(items, count, compare_records, work);
}

/* Items that are sorted by their pieces up to `depth`: those alike by their next ones, and so on. */
static void sort_groups(struct work *work, const struct sort_order *order, struct sort_item *items, size_t count,
                        size_t depth, unsigned level) {
  for (size_t i = 0, next, told = 0; i < count; i = next) {
    for (next = i + 1; next < count && items[next].piece == items[i].piece;) next++;
    sort_group(work, order, items + i, next - i, depth, level);
    bool is_told = level == 0 && (next - told >= TICK || next == count);
    if (!sort_parts_go_on(&work->parts, is_told ? next - told : 0)) return;
    if (is_told) told = next;
  }
}

/* No item of another part is like one of these. */
struct groups {
  struct work *work;
  struct sort_item *items;
  size_t count;
};

static void sort_groups_of(void *part) {
  const struct groups *groups = part;
  sort_groups(groups->work, groups->work->order, groups->items, groups->count, 0, 0);
}

static enum sort_answer sort_items(struct work *work, struct sort_item *items, size_t count) {
  sort_kernel_items(items, count);
  if (work->order->form != SORT_LINES && work->order->key_length <= 8) return SORT_DONE;
  struct groups groups[SORT_PARTS];
  size_t used = 0, share = sort_parts_share(count);
  for (size_t from = 0, to; from < count; from = to) {
    to = count - from <= share ? count : from + share;
    while (to < count && items[to].piece == items[to - 1].piece) to++;
    groups[used++] = (struct groups){work, items + from, to - from};
  }
  work->parts = (struct sort_parts){.means = work->means, .from = items_part, .to = sorted_part, .all = count};
  return sort_parts_run(&work->parts, sort_groups_of, groups, sizeof groups[0], used);
}

static size_t count_records(const struct sort_order *order, const char *input, size_t size) {
  if (order->form != SORT_LINES) return size / order->record;
  size_t count = 0;
  for (const char *at = input, *end = input + size; at < end; count++) at += sort_record_size(order, at, end);
  return count;
}

enum sort_answer sort_items_make(const struct sort_order *order, const struct sort_means *means, const char *input,
                                 size_t size, struct sort_item **out, size_t *out_count) {
  struct work work = {.order = order, .means = means, .input = input, .end = input + size};
  size_t count = count_records(order, input, size), made = 0;
  acre_vm_options options = {.flags = ACRE_VM_COMMIT};
  void *room;
  bool fits = means->memory == 0 || count <= means->memory / sizeof(struct sort_item);
  if (!fits || acre_vm_reserve(count * sizeof(struct sort_item) + 1, &options, &room) != ACRE_OK) return SORT_NO_MEMORY;
  struct sort_item *items = room;
  enum sort_answer answer = SORT_DONE;
  for (const char *at = input; made < count && answer == SORT_DONE; made++) {
    bool ends;
    items[made] = (struct sort_item){(uint64_t)(at - input), sort_key_piece(order, at, work.end, 0, &ends)};
    at += sort_record_size(order, at, work.end);
    if (made % TICK == 0 && !may_go_on(means, items_part * (double)made / (double)count)) answer = SORT_STOPPED;
  }
  if (answer == SORT_DONE) answer = sort_items(&work, items, count);
  if (answer != SORT_DONE) {
    (void)acre_vm_release(items);
    return answer;
  }
  *out = items;
  *out_count = count;
  return SORT_DONE;
}

/* ------------------------------------------------------------- into another place */

/* What is copied, and to where. */
struct gathering {
  const struct sort_order *order;
  const struct sort_means *means;
  const char *input, *end;
  const struct sort_item *items;
  char *output;
  size_t room;     /* of the output: what it takes if nobody changes the input */
  bool leaves_out; /* of those alike all but the first; else they are behind the others, from the end backward */
  struct sort_parts parts;
};

/* Copies a record to `to`, or so that it ends there. *length: its bytes. False: they do not fit. */
static bool put_record(const struct gathering *all, size_t item, char *to, bool backward, size_t *length) {
  const char *record = all->input + all->items[item].index;
  size_t bytes = sort_record_size(all->order, record, all->end), before = (size_t)(to - all->output);
  bool needs_end = all->order->form == SORT_LINES && record[bytes - 1] != '\n';
  *length = bytes + needs_end;
  if (*length > (backward ? before : all->room - before)) return false;
  if (backward) to -= *length;
  memcpy(to, record, bytes);
  if (needs_end) to[bytes] = '\n';
  return true;
}

static void prefetch_record(const struct gathering *all, size_t item) {
  __builtin_prefetch(all->input + all->items[item].index);
  __builtin_prefetch(all->input + all->items[item].index + 64);
}

static void tell_output(const struct gathering *all, const char *from, const char *to) {
  if (all->means->wrote != NULL)
    all->means->wrote(all->means->context, (size_t)(from - all->output), (size_t)(to - from));
}

/* Some items one after the other, from `to` on; or the last one first, up to there. */
struct stretch {
  struct gathering *all;
  size_t from, count;
  char *to; /* afterwards: where it has come to */
  bool backward;
};

static void gather_stretch(void *part) {
  struct stretch *stretch = part;
  struct gathering *all = stretch->all;
  bool backward = stretch->backward;
  size_t last = stretch->from + stretch->count - 1, told_items = 0, length;
  char *to = stretch->to, *told = to;
  for (size_t i = 0; i < stretch->count; i++) {
    if (i + AHEAD < stretch->count) prefetch_record(all, backward ? last - i - AHEAD : stretch->from + i + AHEAD);
    if (!put_record(all, backward ? last - i : stretch->from + i, to, backward, &length)) {
      sort_parts_stop(&all->parts, SORT_CHANGED);
      return;
    }
    to = backward ? to - length : to + length;
    if ((size_t)(backward ? told - to : to - told) < PIECE && i + 1 < stretch->count) continue;
    tell_output(all, backward ? to : told, backward ? told : to);
    told = to;
    if (!sort_parts_go_on(&all->parts, i + 1 - told_items)) return;
    told_items = i + 1;
  }
  stretch->to = to;
}

/* All of them. Where lines will be is known from either end of the output alone, so they are copied in two stretches. */
static enum sort_answer gather_all(struct gathering *all, size_t count) {
  struct stretch stretches[SORT_PARTS];
  bool lines = all->order->form == SORT_LINES;
  size_t used = 0, share = sort_parts_share(count);
  if (lines && share < count / 2) share = count / 2 + 1;
  for (size_t from = 0; from < count; from += share) {
    bool backward = lines && from > 0;
    char *to = all->output + (backward ? all->room : from * all->order->record);
    stretches[used++] = (struct stretch){all, from, count - from < share ? count - from : share, to, backward};
  }
  enum sort_answer answer = sort_parts_run(&all->parts, gather_stretch, stretches, sizeof stretches[0], used);
  const char *end = used > 1 ? stretches[1].to : all->output + all->room;
  return answer == SORT_DONE && lines && stretches[0].to != end ? SORT_CHANGED : answer; /* they do not meet */
}

/* The first of those alike. Whether one is, is known when those before it are there. */
static enum sort_answer gather_unique(const struct gathering *all, size_t count, size_t *written) {
  const char *last = NULL;
  char *to = all->output, *told = to, *others = to + all->room;
  for (size_t i = 0; i < count; i++) {
    if (i + AHEAD < count) prefetch_record(all, i + AHEAD);
    const char *record = all->input + all->items[i].index;
    bool is_first = last == NULL || sort_key_compare(all->order, last, record, all->end) != 0;
    size_t length;
    if (is_first || !all->leaves_out) {
      if (!put_record(all, i, is_first ? to : others, !is_first, &length)) return SORT_CHANGED;
      if (is_first)
        to += length;
      else
        others -= length;
    }
    last = record;
    if (to - told < PIECE) continue;
    tell_output(all, told, to);
    told = to;
    if (!may_go_on(all->means, sorted_part + (1 - sorted_part) * (double)i / (double)count)) return SORT_STOPPED;
  }
  *written = (size_t)(to - all->output);
  return all->leaves_out || to == others ? SORT_DONE : SORT_CHANGED; /* they do not meet */
}

/* Copies the records in their order. */
static enum sort_answer gather(struct gathering *all, size_t count, size_t *written) {
  *written = all->room;
  if (all->order->unique) return gather_unique(all, count, written);
  all->parts = (struct sort_parts){.means = all->means, .from = sorted_part, .to = 1, .all = count};
  return gather_all(all, count);
}

static enum sort_answer copy_numbers(const struct sort_order *order, const struct sort_means *means, const char *input,
                                     size_t size, char *output) {
  for (size_t done = 0; done < size; done += PIECE) {
    if (!may_go_on(means, 0.2 * (double)done / (double)size)) return SORT_STOPPED;
    memcpy(output + done, input + done, size - done < PIECE ? size - done : PIECE);
  }
  enum sort_answer answer = sort_numbers(order, output, size / order->record);
  return answer != SORT_DONE || may_go_on(means, 1) ? answer : SORT_STOPPED;
}

enum sort_answer sort_run(const struct sort_order *order, const struct sort_means *means, const char *input,
                          size_t size, char *output, size_t *written) {
  *written = size;
  if (size == 0) return SORT_DONE;
  size_t items = order->form == SORT_NUMBERS ? 0 : count_records(order, input, size) * sizeof(struct sort_item);
  if (means->memory != 0 && size + items > means->memory)
    return sort_with_runs(order, means, input, size, output, written);
  if (order->form == SORT_NUMBERS) return copy_numbers(order, means, input, size, output);
  struct sort_item *sorted;
  size_t count;
  enum sort_answer answer = sort_items_make(order, means, input, size, &sorted, &count);
  if (answer != SORT_DONE) return answer;
  struct gathering all = {order, means, input, input + size, sorted, output, .leaves_out = true};
  all.room = sort_output_size(order, input, size);
  answer = gather(&all, count, written);
  (void)acre_vm_release(sorted);
  return answer;
}

/* ------------------------------------------------------------- where they are */

/*
 * Record i comes from items[i].index. Follows the cycles of that permutation: one record is held, and its place taken by
 * the one that belongs there, and so on, until the place for the held one is free. A stop puts it there at once.
 */
static bool permute(const struct sort_order *order, const struct sort_means *means, char *data, struct sort_item *items,
                    size_t count, char *held) {
  size_t length = order->record, moved = 0;
  for (size_t i = 0; i < count; i++) {
    if (items[i].index == i * length) continue;
    memcpy(held, data + i * length, length);
    size_t place = i;
    bool stopped = false;
    while (items[place].index != i * length && !stopped) {
      size_t from = (size_t)items[place].index;
      memcpy(data + place * length, data + from, length);
      items[place].index = place * length;
      place = from / length;
      __builtin_prefetch(data + items[place].index);
      if (++moved % TICK == 0)
        stopped = !may_go_on(means, sorted_part + (1 - sorted_part) * (double)moved / (double)count);
    }
    memcpy(data + place * length, held, length);
    items[place].index = place * length;
    if (stopped) return false;
  }
  return true;
}

enum sort_answer sort_in_place(const struct sort_order *order, const struct sort_means *means, char *data, size_t size,
                               size_t *written) {
  *written = size;
  if (size == 0) return SORT_DONE;
  if (!may_go_on(means, 0)) return SORT_STOPPED;
  if (order->form == SORT_NUMBERS) return sort_numbers(order, data, size / order->record);
  size_t need = order->form == SORT_LINES ? size : order->record;
  if (means->memory != 0 && need > means->memory) return SORT_NO_MEMORY;
  struct sort_means rest = *means;
  if (rest.memory != 0) rest.memory -= need;
  acre_vm_options options = {.flags = ACRE_VM_COMMIT};
  void *room;
  if (acre_vm_reserve(need, &options, &room) != ACRE_OK) return SORT_NO_MEMORY;
  struct sort_item *items;
  size_t count;
  enum sort_answer answer = sort_items_make(order, &rest, data, size, &items, &count);
  if (answer == SORT_DONE) {
    struct gathering all = {order, means, data, data + size, items, room, .room = size};
    if (order->form != SORT_LINES)
      answer = permute(order, means, data, items, count, room) ? SORT_DONE : SORT_STOPPED;
    else
      answer = gather(&all, count, written);
    if (answer == SORT_DONE && order->form == SORT_LINES) memcpy(data, room, size); /* not to be stopped */
    (void)acre_vm_release(items);
  }
  (void)acre_vm_release(room);
  return answer;
}

/* ------------------------------------------------------------- check */

enum sort_answer sort_check(const struct sort_order *order, const struct sort_means *means, const char *input,
                            size_t size, uint64_t *record) {
  const char *end = input + size, *last = NULL;
  uint64_t number = 0;
  *record = UINT64_MAX;
  for (const char *at = input; at < end; number++) {
    int compared = last == NULL ? -1 : sort_key_compare(order, last, at, end);
    if (compared > 0 || (compared == 0 && order->unique)) {
      *record = number;
      return SORT_DONE;
    }
    last = at;
    at += sort_record_size(order, at, end);
    if (number % TICK == 0 && !may_go_on(means, (double)(at - input) / (double)size)) return SORT_STOPPED;
  }
  return SORT_DONE;
}
