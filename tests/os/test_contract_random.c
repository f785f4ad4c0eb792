/* SPDX-License-Identifier: MIT */
/*
 * The contract of os.h, in sequences by chance: reservations whose pages are
 * committed, decommitted, protected, mapped over and given back, against a model that
 * knows every page's content. Both ways of reserving.
 *
 *   slot     one reservation of some granules, and a file as large
 *   page     FREE, RESERVED, PRIVATE, SHARED (the file's), COPY (the file's until it is written)
 *
 * A view is never cut, which not every system can; where views are made of
 * whole granules, nothing is committed in one that has a view.
 */
#include "contract_file.h"

enum { SLOTS = 4, GRANULES = 8, MOST_PAGES = 512, STEPS = 1500, CHECK_EVERY = 50 };

enum state { FREE, RESERVED, PRIVATE, SHARED, COPY };

struct page {
  enum state state;
  bool writable, written;
  unsigned char value; /* of PRIVATE, and of COPY that was written */
  unsigned view;       /* which one it belongs to */
  size_t file_page;
};

static struct slot {
  char *base;
  struct acre__os_file file;
  struct page pages[MOST_PAGES];
  unsigned char content[MOST_PAGES]; /* the file's, page by page */
} slots[SLOTS];

static size_t page_count, granule_pages;
static unsigned views;
static bool in_granules; /* views are made of whole ones */
static bool by_granules; /* everything is: Wine loses count of free addresses when a placeholder is cut elsewhere */

static bool is_view(const struct page *page) {
  return page->state == SHARED || page->state == COPY;
}

static unsigned char expected(const struct slot *slot, const struct page *page) {
  if (page->state == SHARED || (page->state == COPY && !page->written)) return slot->content[page->file_page];
  return page->value;
}

static void check_page(struct slot *slot, size_t index) {
  struct page *page = &slot->pages[index];
  char *at = slot->base + index * page_size();
  if (page->state == FREE) return;
  if (page->state == RESERVED) {
    REQUIRE(!test_can_read(at));
    return;
  }
  REQUIRE(all_bytes_are(at, page_size(), expected(slot, page)));
  REQUIRE_EQ(test_access(at), page->writable ? TEST_WRITABLE : TEST_READABLE);
  if (page->state != COPY || !page->writable || page->written) return;
  page->value = expected(slot, page); /* the question was a store */
  page->written = true;
}

static void check_all(void) {
  for (size_t i = 0; i < SLOTS; i++)
    for (size_t j = 0; slots[i].base != NULL && j < page_count; j++) check_page(&slots[i], j);
}

/* ------------------------------------------------------------- which pages */

struct range {
  size_t start, end;
};

static struct range some_pages(void) {
  size_t start = test_random_below(page_count), most = test_random_below(4) == 0 ? page_count : 12;
  size_t end = start + 1 + test_random_below(most);
  return (struct range){start, end < page_count ? end : page_count};
}

static bool has(const struct slot *slot, struct range range, enum state state) {
  for (size_t i = range.start; i < range.end; i++)
    if (slot->pages[i].state == state) return true;
  return false;
}

static bool has_view(const struct slot *slot, struct range range) {
  return has(slot, range, SHARED) || has(slot, range, COPY);
}

static bool cuts_at(const struct slot *slot, size_t index) {
  return index > 0 && index < page_count && is_view(&slot->pages[index - 1]) && is_view(&slot->pages[index]) &&
         slot->pages[index - 1].view == slot->pages[index].view;
}

static bool cuts_view(const struct slot *slot, struct range range) {
  return cuts_at(slot, range.start) || cuts_at(slot, range.end);
}

static struct range whole_granules(struct range range) {
  size_t end = (range.end + granule_pages - 1) / granule_pages * granule_pages;
  return (struct range){range.start / granule_pages * granule_pages, end < page_count ? end : page_count};
}

static char *address_of(const struct slot *slot, struct range range) {
  return slot->base + range.start * page_size();
}

static size_t size_of_range(struct range range) {
  return (range.end - range.start) * page_size();
}

/* ------------------------------------------------------------- steps */

static void reserve_slot(struct slot *slot) {
  slot->base = reserve(page_count);
  for (size_t i = 0; i < page_count; i++) slot->pages[i] = (struct page){.state = RESERVED};
}

static void commit(struct slot *slot, struct range range) {
  bool writable = test_random_below(3) != 0;
  if (has(slot, range, FREE) || has_view(slot, in_granules ? whole_granules(range) : range)) return;
  acre_result result = acre__os_commit(address_of(slot, range), size_of_range(range),
                                       writable ? ACRE_VM_READ_WRITE : ACRE_VM_READ);
  bool all = !(in_granules && result == ACRE_E_NOT_SUPPORTED); /* there is still a view, of which a part is left */
  if (all) REQUIRE_OK(result);
  for (size_t i = range.start; i < range.end; i++) {
    enum test_access access = all ? TEST_NO_ACCESS : test_access(slot->base + i * page_size());
    if (!all && access == TEST_NO_ACCESS) continue; /* a front part is done */
    if (slot->pages[i].state == RESERVED) slot->pages[i] = (struct page){.state = PRIVATE};
    slot->pages[i].writable = all ? writable : access == TEST_WRITABLE;
  }
}

static void decommit(struct slot *slot, struct range range) {
  if (has(slot, range, FREE) || cuts_view(slot, range)) return;
  REQUIRE_OK(acre__os_decommit(address_of(slot, range), size_of_range(range)));
  for (size_t i = range.start; i < range.end; i++) slot->pages[i] = (struct page){.state = RESERVED};
}

static void protect(struct slot *slot, struct range range) {
  bool writable = test_random_below(2) != 0;
  if (has(slot, range, FREE) || has(slot, range, RESERVED)) return;
  REQUIRE_OK(
      acre__os_protect(address_of(slot, range), size_of_range(range), writable ? ACRE_VM_READ_WRITE : ACRE_VM_READ));
  for (size_t i = range.start; i < range.end; i++) slot->pages[i].writable = writable;
}

static void write_pages(struct slot *slot, struct range range) {
  for (size_t i = range.start; i < range.end; i++) {
    struct page *page = &slot->pages[i];
    unsigned char value = (unsigned char)test_random();
    if (page->state < PRIVATE || !page->writable) continue;
    memset(slot->base + i * page_size(), value, page_size());
    if (page->state == SHARED)
      slot->content[page->file_page] = value;
    else
      page->value = value, page->written = true;
  }
}

static void map(struct slot *slot, struct range range) {
  bool copies = !in_granules && test_random_below(3) == 0;
  size_t from = in_granules ? range.start : test_random_below(page_count - (range.end - range.start) + 1);
  if (has(slot, range, FREE) || cuts_view(slot, range)) return;
  acre_result result = acre__os_map_file(address_of(slot, range), size_of_range(range),
                                         PART(slot->file, from * page_size(), ACRE_VM_READ_WRITE, copies));
  if (in_granules && result == ACRE_E_NOT_SUPPORTED) { /* nothing has changed */
    check_all();
    return;
  }
  REQUIRE_OK(result);
  views++;
  for (size_t i = range.start; i < range.end; i++)
    slot->pages[i] = (struct page){.state = copies ? COPY : SHARED,
                                   .writable = true,
                                   .view = in_granules ? UINT32_MAX - (unsigned)(i / granule_pages) : views,
                                   .file_page = from + i - range.start};
}

/* Not over what is free, which may be another slot's by now. */
static void release_some(struct slot *slot, struct range range) {
  if (test_random_below(4) != 0) return;
  range = test_random_below(3) == 0 ? (struct range){0, page_count} : whole_granules(range);
  if (cuts_view(slot, range) || has(slot, range, FREE)) return;
  acre_result result = acre__os_release(address_of(slot, range), size_of_range(range));
  if (in_granules && result == ACRE_E_NOT_SUPPORTED) {
    check_all();
    return;
  }
  REQUIRE_OK(result);
  for (size_t i = range.start; i < range.end; i++) slot->pages[i] = (struct page){.state = FREE};
}

/* All that it has left. */
static void release_slot(struct slot *slot) {
  for (size_t i = 0, next; i < page_count; i = next) {
    for (next = i + 1; next < page_count && (slot->pages[next].state == FREE) == (slot->pages[i].state == FREE);)
      next++;
    if (slot->pages[i].state != FREE) release(slot->base + i * page_size(), next - i);
  }
  slot->base = NULL;
}

/* ------------------------------------------------------------- the test */

static void begin(void) {
  static const char *const names[SLOTS] = {"a", "b", "c", "d"};
  make_directory();
  granule_pages = place_step() / page_size();
  page_count = GRANULES * granule_pages;
  if (page_count > MOST_PAGES) page_count = MOST_PAGES;
  in_granules = map_step() > page_size();
  by_granules = !in_granules && !test_resident_is_own();
  for (size_t i = 0; i < SLOTS; i++) {
    slots[i].base = NULL;
    slots[i].file = make_file(names[i], page_count, true);
    for (size_t j = 0; j < page_count; j++) slots[i].content[j] = (unsigned char)(j % 100 + 1);
  }
}

static void end(void) {
  for (size_t i = 0; i < SLOTS; i++) {
    if (slots[i].base != NULL) release_slot(&slots[i]);
    acre__os_file_close(slots[i].file);
  }
  remove_directory();
}

static void take_steps(void) {
  static void (*const steps[])(struct slot *, struct range) = {commit,      decommit, protect,
                                                               write_pages, map,      release_some};
  begin();
  for (unsigned i = 0; i < STEPS; i++) {
    struct slot *slot = &slots[test_random_below(SLOTS)];
    if (slot->base != NULL && test_random_below(40) == 0) release_slot(slot);
    if (slot->base == NULL) reserve_slot(slot);
    size_t step = test_random_below(sizeof steps / sizeof *steps);
    struct range range = some_pages();
    steps[step](slot, by_granules ? whole_granules(range) : range);
    if (i % CHECK_EVERY == 0) check_all();
  }
  check_all();
  end();
}

TEST(any_sequence_gives_what_the_model_says) {
  with_each_reservation(take_steps);
}
