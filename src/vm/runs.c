/* SPDX-License-Identifier: MIT */
#include "vm/runs.h"

#include <string.h>

#include "base/compiler.h"
#include "vm/meta.h"

enum {
  INLINE = 3, /* transitions that fit into the word */
  CLASS_SHIFT = 13,
  CLASS_MASK = 7,
  PAGE_MASK = 0x1ff,
  ATTRIBUTE_SHIFT = 9,
  MOST = ACRE_CHUNK_PAGES - 1, /* transitions */
  LARGEST_CLASS = 6            /* a record of 1 KiB */
};

/* A chunk's transitions, wherever they are. */
struct list {
  uint16_t *items;
  unsigned count;
};

static uint16_t *record_of(acre__chunk word) {
  return (uint16_t *)(uintptr_t)(word >> 16);
}

static unsigned class_of(acre__chunk word) {
  return (unsigned)(word >> CLASS_SHIFT) & CLASS_MASK;
}

static size_t record_bytes(unsigned size_class) {
  return (size_t)16 << size_class;
}

static unsigned record_capacity(unsigned size_class) {
  return (unsigned)(record_bytes(size_class) / sizeof(uint16_t)) - 1;
}

static unsigned page_of(uint16_t transition) {
  return transition & PAGE_MASK;
}

static unsigned attributes_of(uint16_t transition) {
  return transition >> ATTRIBUTE_SHIFT;
}

static uint16_t transition_of(unsigned page, unsigned attributes) {
  return (uint16_t)(page | attributes << ATTRIBUTE_SHIFT);
}

/* The list of a chunk; inline ones are copied to `room`. */
static struct list list_of(acre__chunk word, uint16_t room[INLINE]) {
  if (acre__chunk_has_record(word)) {
    uint16_t *record = record_of(word);
    return (struct list){record + 1, record[0]};
  }
  unsigned count = 0;
  for (; count < INLINE; count++) {
    uint16_t transition = (uint16_t)(word >> (16 * (count + 1)));
    if (transition == 0) break;
    room[count] = transition;
  }
  return (struct list){room, count};
}

/* How many transitions start at or before `page`. */
static unsigned count_until(const struct list *list, unsigned page) {
  /* Without a jump on what is compared: where pages come at random, half of those would be foreseen wrongly. */
  const uint16_t *at = list->items;
  unsigned left = list->count;
  for (; left > 1; left -= left / 2) {
    const uint16_t *middle = at + left / 2;
    at = page_of(*middle) <= page ? middle : at;
  }
  return (unsigned)(at - list->items) + (left == 1 && page_of(*at) <= page ? 1 : 0);
}

/* Attributes of the run that the first `index` transitions end in. */
static unsigned attributes_before(acre__chunk word, const struct list *list, unsigned index) {
  return index == 0 ? (unsigned)word & ACRE_PAGE_BITS : attributes_of(list->items[index - 1]);
}

/* acre__chunk_run for a word without a record, which most words are. */
static struct acre__run run_in_word(acre__chunk word, unsigned page) {
  struct acre__run run = {.end = ACRE_CHUNK_PAGES, .attributes = (unsigned)word & ACRE_PAGE_BITS};
  for (word >>= 16; word != 0; word >>= 16) {
    unsigned start = page_of((uint16_t)word);
    if (start > page) {
      run.end = start;
      break;
    }
    run.start = start;
    run.attributes = attributes_of((uint16_t)word);
    run.index++;
  }
  return run;
}

struct acre__run acre__chunk_run(acre__chunk word, unsigned page) {
  if (!acre__chunk_has_record(word)) return run_in_word(word, page);
  struct list list = {record_of(word) + 1, record_of(word)[0]};
  unsigned index = count_until(&list, page);
  return (struct acre__run){.start = index == 0 ? 0 : page_of(list.items[index - 1]),
                            .end = index == list.count ? ACRE_CHUNK_PAGES : page_of(list.items[index]),
                            .attributes = attributes_before(word, &list, index),
                            .index = index};
}

unsigned acre__chunk_run_count(acre__chunk word) {
  uint16_t room[INLINE];
  return list_of(word, room).count + 1;
}

static void free_record(acre__chunk word) {
  if (acre__chunk_has_record(word)) acre__meta_free(record_of(word), record_bytes(class_of(word)));
}

static acre__chunk word_with_record(acre__chunk word, const uint16_t *record, unsigned size_class) {
  acre__chunk head = (word & 0x1fff) | ACRE_CHUNK_RECORD | (acre__chunk)size_class << CLASS_SHIFT;
  return head | (acre__chunk)(uintptr_t)record << 16;
}

bool acre__chunk_prepare(acre__chunk *word) {
  return acre__chunk_prepare_spans(word, 1);
}

bool acre__chunk_prepare_spans(acre__chunk *word, unsigned spans) {
  uint16_t room[INLINE];
  struct list list = list_of(*word, room);
  unsigned wanted = list.count + 2 * spans < MOST ? list.count + 2 * spans : MOST;
  if (wanted <= (acre__chunk_has_record(*word) ? record_capacity(class_of(*word)) : (unsigned)INLINE)) return true;

  unsigned size_class = 0;
  while (record_capacity(size_class) < wanted) size_class++;
  uint16_t *record = acre__meta_alloc(record_bytes(size_class));
  if (record == NULL) return false;
  ACRE_ASSERT((uintptr_t)record >> 48 == 0);
  record[0] = (uint16_t)list.count;
  memcpy(record + 1, list.items, list.count * sizeof *list.items);
  free_record(*word);
  acre__chunk_set(word, word_with_record(*word, record, size_class));
  return true;
}

/*
 * Whether a list of that many transitions belongs into the word. The smallest
 * record stays until the last run or two, so that a page that comes and goes
 * beside another one does not allocate each time.
 */
static bool belongs_inline(acre__chunk word, unsigned count) {
  if (!acre__chunk_has_record(word)) return true;
  return count <= (class_of(word) == 0 ? 1u : (unsigned)INLINE);
}

/*
 * Replaces items [from, to) of the chunk's list by `fresh`, and moves it into the word when it belongs there. Returns
 * the word, which is all that changes where there was no record.
 */
static acre__chunk splice(acre__chunk word, struct list list, unsigned from, unsigned to, const uint16_t *fresh,
                          unsigned fresh_count) {
  unsigned count = list.count - (to - from) + fresh_count;
  if (belongs_inline(word, count)) {
    ACRE_ASSERT(count <= INLINE);
    uint16_t all[INLINE];
    memcpy(all, list.items, from * sizeof *all);
    memcpy(all + from, fresh, fresh_count * sizeof *all);
    memcpy(all + from + fresh_count, list.items + to, (list.count - to) * sizeof *all);
    acre__chunk head = word & 0xffff;
    if (acre__chunk_has_record(word)) {
      free_record(word);
      head &= 0x1fff & ~(acre__chunk)ACRE_CHUNK_RECORD;
    }
    for (unsigned i = 0; i < count; i++) head |= (acre__chunk)all[i] << (16 * (i + 1));
    return head;
  }
  ACRE_ASSERT(acre__chunk_has_record(word) && count <= record_capacity(class_of(word)));
  uint16_t *record = record_of(word);
  memmove(record + 1 + from + fresh_count, record + 1 + to, (list.count - to) * sizeof *record);
  memcpy(record + 1 + from, fresh, fresh_count * sizeof *record);
  record[0] = (uint16_t)count;
  return word;
}

static acre__chunk with_first(acre__chunk word, unsigned attributes) {
  return (word & ~(acre__chunk)ACRE_PAGE_BITS) | attributes;
}

void acre__chunk_edit(acre__chunk *place, unsigned start, unsigned end, unsigned keep, unsigned set) {
  uint16_t room[INLINE];
  uint16_t fresh[ACRE_CHUNK_PAGES];
  unsigned fresh_count = 0;
  acre__chunk word = *place;
  struct list list = list_of(word, room);

  /* Transitions [from, to) start inside [start, end]; they are made anew. */
  unsigned from = start == 0 ? 0 : count_until(&list, start - 1);
  unsigned to = from;
  unsigned before = attributes_before(word, &list, from); /* of page start - 1, or of the first run */
  unsigned old = before;
  if (to < list.count && page_of(list.items[to]) == start) old = attributes_of(list.items[to++]);

  unsigned last = before;
  unsigned page = start;
  for (;;) {
    unsigned now = (old & keep) | set;
    if (page == 0)
      word = with_first(word, now);
    else if (now != last)
      fresh[fresh_count++] = transition_of(page, now);
    last = now;
    if (to == list.count || page_of(list.items[to]) >= end) break;
    page = page_of(list.items[to]);
    old = attributes_of(list.items[to++]);
  }
  if (end < ACRE_CHUNK_PAGES) {
    if (to < list.count && page_of(list.items[to]) == end) old = attributes_of(list.items[to++]);
    if (old != last) fresh[fresh_count++] = transition_of(end, old);
  }
  acre__chunk_set(place, splice(word, list, from, to, fresh, fresh_count));
}

/*
 * Inside one run at most two transitions come or go:
 *
 *   before   ...|  run          |...       ...|run|...
 *   after    ...|  |now|        |...       ...  now  ...   (both neighbours are like it)
 */
void acre__chunk_edit_in_run(acre__chunk *word, struct acre__run run, unsigned start, unsigned end,
                             unsigned attributes) {
  if (!acre__chunk_has_record(*word) || start == 0 || attributes == run.attributes) {
    acre__chunk_edit(word, start, end, 0, attributes);
    return;
  }
  struct list list = {record_of(*word) + 1, record_of(*word)[0]};
  uint16_t fresh[2];
  unsigned fresh_count = 0, from = run.index, to = run.index;
  bool joins_left = false;
  if (start == run.start) {
    from--; /* the run's own start */
    joins_left = attributes_before(*word, &list, from) == attributes;
  }
  if (!joins_left) fresh[fresh_count++] = transition_of(start, attributes);
  if (end < run.end)
    fresh[fresh_count++] = transition_of(end, run.attributes);
  else if (to < list.count && attributes_of(list.items[to]) == attributes)
    to++;
  acre__chunk_set(word, splice(*word, list, from, to, fresh, fresh_count));
}

void acre__chunk_edit_spans(acre__chunk *place, const struct acre__span *spans, unsigned count, unsigned attributes) {
  uint16_t room[INLINE];
  uint16_t fresh[ACRE_CHUNK_PAGES];
  unsigned fresh_count = 0, item = 0;
  acre__chunk word = *place;
  struct list list = list_of(word, room);
  const struct acre__span *span = spans, *end = spans + count;
  unsigned old = attributes_before(word, &list, 0), last = 0;
  for (unsigned page = 0; page < ACRE_CHUNK_PAGES;) {
    if (item < list.count && page_of(list.items[item]) == page) old = attributes_of(list.items[item++]);
    if (span < end && span->end == page) span++;
    bool inside = span < end && span->start <= page;
    unsigned now = inside ? attributes : old;
    if (page == 0)
      word = with_first(word, now);
    else if (now != last)
      fresh[fresh_count++] = transition_of(page, now);
    last = now;
    page = ACRE_CHUNK_PAGES;
    if (item < list.count) page = page_of(list.items[item]);
    if (span < end && (inside ? span->end : span->start) < page) page = inside ? span->end : span->start;
  }
  acre__chunk_set(place, splice(word, list, 0, list.count, fresh, fresh_count));
}

void acre__chunk_shift(acre__chunk *word, unsigned page, unsigned later) {
  if (acre__chunk_has_record(*word)) {
    struct list list = {record_of(*word) + 1, record_of(*word)[0]};
    uint16_t *item = &list.items[count_until(&list, page) - 1];
    *item = transition_of(later, attributes_of(*item));
    return;
  }
  unsigned shift = 16;
  while (((*word >> shift) & PAGE_MASK) != page) shift += 16;
  /* The page is the low part of its transition, and does not overflow. */
  acre__chunk_set(word, *word + ((acre__chunk)(later - page) << shift));
}

void acre__chunk_clear(acre__chunk *word) {
  free_record(*word);
  acre__chunk_set(word, 0);
}

bool acre__chunk_is_valid(acre__chunk word) {
  uint16_t room[INLINE];
  if (acre__chunk_has_record(word) && (record_of(word) == NULL || class_of(word) > LARGEST_CLASS)) return false;
  struct list list = list_of(word, room);
  if (acre__chunk_has_record(word) && list.count > record_capacity(class_of(word))) return false;
  unsigned page = 0, attributes = (unsigned)word & ACRE_PAGE_BITS;
  for (unsigned i = 0; i < list.count; i++) {
    if (page_of(list.items[i]) <= page || attributes_of(list.items[i]) == attributes) return false;
    page = page_of(list.items[i]);
    attributes = attributes_of(list.items[i]);
  }
  return true;
}
