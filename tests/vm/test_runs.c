/* SPDX-License-Identifier: MIT */
/* The runs of one chunk against the plainest model: an array of 512 attributes. */
#include "vm/runs.h"

#include <string.h>

#include "harness.h"
#include "vm/meta.h"

struct model {
  uint8_t page[ACRE_CHUNK_PAGES];
};

static void model_edit(struct model *model, unsigned start, unsigned end, unsigned keep, unsigned set) {
  for (unsigned i = start; i < end; i++) model->page[i] = (uint8_t)((model->page[i] & keep) | set);
}

/* Every page is in a run that is as long as it can be, and the count is that of the model. */
static void compare(acre__chunk word, const struct model *model) {
  REQUIRE(acre__chunk_is_valid(word));
  unsigned runs = 0;
  for (unsigned start = 0, end; start < ACRE_CHUNK_PAGES; start = end, runs++) {
    end = start + 1;
    while (end < ACRE_CHUNK_PAGES && model->page[end] == model->page[start]) end++;
    unsigned asked[] = {start, end - 1, start + (end - start) / 2};
    for (unsigned i = 0; i < 3; i++) {
      struct acre__run run = acre__chunk_run(word, asked[i]);
      REQUIRE_EQ(run.start, start);
      REQUIRE_EQ(run.end, end);
      REQUIRE_EQ(run.attributes, model->page[start]);
    }
  }
  REQUIRE_EQ(acre__chunk_run_count(word), runs);
}

static void edit(acre__chunk *word, struct model *model, unsigned start, unsigned end, unsigned keep, unsigned set) {
  REQUIRE(acre__chunk_prepare(word));
  acre__chunk_edit(word, start, end, keep, set);
  model_edit(model, start, end, keep, set);
  compare(*word, model);
}

TEST(zero_is_a_chunk_of_reserved_pages) {
  struct model model = {{0}};
  compare(0, &model);
  CHECK(!acre__chunk_is_open(0));
  CHECK(!acre__chunk_is_loose(0));
}

TEST(a_frontier_needs_no_record) {
  acre__chunk word = 0;
  struct model model = {{0}};
  size_t before = acre__meta_bytes();
  for (unsigned end = 1; end <= ACRE_CHUNK_PAGES; end++) edit(&word, &model, 0, end, 0, 3);
  for (unsigned end = ACRE_CHUNK_PAGES; end > 0; end--) edit(&word, &model, end - 1, ACRE_CHUNK_PAGES, 0, 0);
  CHECK_EQ(acre__meta_bytes(), before);
  CHECK_EQ(word, 0);
}

TEST(every_other_page_takes_one_kibibyte) {
  acre__chunk word = 0;
  struct model model = {{0}};
  size_t before = acre__meta_bytes();
  for (unsigned page = 0; page < ACRE_CHUNK_PAGES; page += 2) edit(&word, &model, page, page + 1, 0, 3);
  CHECK_EQ(acre__chunk_run_count(word), ACRE_CHUNK_PAGES);
  CHECK_EQ(acre__meta_bytes() - before, 1024);
  edit(&word, &model, 0, ACRE_CHUNK_PAGES, 0, 3); /* one run: the record goes */
  CHECK_EQ(acre__meta_bytes(), before);
  acre__chunk_clear(&word);
  CHECK_EQ(word, 0);
}

/* Each page has another neighbour, from the front, from the back, and from the middle out. */
TEST(all_512_runs_from_any_side) {
  for (unsigned order = 0; order < 3; order++) {
    acre__chunk word = 0;
    struct model model = {{0}};
    for (unsigned i = 0; i < ACRE_CHUNK_PAGES; i++) {
      unsigned page = order == 0 ? i : order == 1 ? ACRE_CHUNK_PAGES - 1 - i : (i * 257 + 256) % ACRE_CHUNK_PAGES;
      edit(&word, &model, page, page + 1, 0, 1 + page % 6);
    }
    CHECK_EQ(acre__chunk_run_count(word), ACRE_CHUNK_PAGES);
    for (unsigned page = 0; page < ACRE_CHUNK_PAGES; page++)
      edit(&word, &model, page, page + 1, ACRE_PAGE_BITS, ACRE_PAGE_LOCKED);
    edit(&word, &model, 0, ACRE_CHUNK_PAGES, ACRE_PAGE_LOCKED, 2);
    CHECK_EQ(acre__chunk_run_count(word), 1);
    acre__chunk_clear(&word);
  }
}

TEST(flags_of_the_head_survive_edits) {
  acre__chunk word = 0;
  struct model model = {{0}};
  acre__chunk_open(&word, 6);
  acre__chunk_set_loose(&word, true);
  for (unsigned page = 1; page < ACRE_CHUNK_PAGES; page += 2) {
    edit(&word, &model, page, page + 1, 0, 5);
    REQUIRE(acre__chunk_is_open(word) && acre__chunk_is_loose(word));
    REQUIRE_EQ(acre__chunk_base(word), 6);
  }
  acre__chunk_open(&word, 3);
  CHECK_EQ(acre__chunk_base(word), 3);
  compare(word, &model);
  acre__chunk_close(&word);
  CHECK(!acre__chunk_is_open(word));
  CHECK_EQ(acre__chunk_base(word), 0);
  CHECK(acre__chunk_is_loose(word));
  acre__chunk_set_loose(&word, false);
  CHECK(!acre__chunk_is_loose(word));
  edit(&word, &model, 0, ACRE_CHUNK_PAGES, 0, 0);
  CHECK_EQ(word, 0);
}

/* Short and long ranges, few and many attributes: sequences of each mixture, from an empty chunk. */
TEST(random_edits_agree_with_the_model) {
  static const unsigned keeps[] = {0, ACRE_PAGE_LOCKED, ACRE_PAGE_BITS & ~ACRE_PAGE_LOCKED, ACRE_PAGE_BITS};
  size_t before = acre__meta_bytes();
  for (unsigned sequence = 0; sequence < 60; sequence++) {
    acre__chunk word = 0;
    struct model model = {{0}};
    unsigned longest = 1u << (sequence % 10), kinds = sequence % 4 < 2 ? 2 : 7;
    for (unsigned step = 0; step < 300; step++) {
      unsigned length = 1 + (unsigned)test_random_below(longest);
      unsigned start = (unsigned)test_random_below(ACRE_CHUNK_PAGES - length + 1);
      unsigned keep = keeps[test_random_below(4)];
      unsigned set = (unsigned)test_random_below(kinds);
      if ((keep & ACRE_PAGE_PROTECTION) != 0) set = test_random_below(2) == 0 ? 0 : ACRE_PAGE_LOCKED;
      edit(&word, &model, start, start + length, keep, set);
    }
    acre__chunk_clear(&word);
    REQUIRE_EQ(word, 0);
  }
  CHECK_EQ(acre__meta_bytes(), before);
}

/* Ranges inside a run: in its middle, at its start, at its end, and all of it. */
TEST(random_edits_in_a_run_agree_with_the_model) {
  for (unsigned sequence = 0; sequence < 60; sequence++) {
    acre__chunk word = 0;
    struct model model = {{0}};
    unsigned kinds = sequence % 2 == 0 ? 2 : 4;
    for (unsigned step = 0; step < 600; step++) {
      struct acre__run run = acre__chunk_run(word, (unsigned)test_random_below(ACRE_CHUNK_PAGES));
      unsigned start = run.start, end = run.end, attributes = (unsigned)test_random_below(kinds);
      if (test_random_below(2) == 0) start += (unsigned)test_random_below(run.end - run.start);
      if (test_random_below(2) == 0) end -= (unsigned)test_random_below(run.end - start);
      REQUIRE(acre__chunk_prepare(&word));
      acre__chunk_edit_in_run(&word, run, start, end, attributes);
      model_edit(&model, start, end, 0, attributes);
      compare(word, &model);
    }
    acre__chunk_clear(&word);
  }
}

TEST(random_edits_of_spans_agree_with_the_model) {
  acre__chunk word = 0;
  struct model model = {{0}};
  size_t before = acre__meta_bytes();
  for (int round = 0; round < 20000; round++) {
    struct acre__span spans[ACRE_CHUNK_PAGES];
    unsigned count = 0, gap = 1 + (unsigned)test_random_below(9), set = (unsigned)test_random_below(4);
    unsigned most = 1 + (unsigned)test_random_below(test_random_below(2) == 0 ? 4 : ACRE_CHUNK_PAGES);
    unsigned page = (unsigned)test_random_below(test_random_below(2) == 0 ? 3 : ACRE_CHUNK_PAGES);
    while (page < ACRE_CHUNK_PAGES && count < most) {
      unsigned end = page + 1 + (unsigned)test_random_below(gap);
      if (end > ACRE_CHUNK_PAGES) end = ACRE_CHUNK_PAGES;
      spans[count++] = (struct acre__span){page, end};
      page = end + (unsigned)test_random_below(gap); /* none between them, at times */
    }
    REQUIRE(acre__chunk_prepare_spans(&word, count));
    acre__chunk_edit_spans(&word, spans, count, set);
    for (unsigned i = 0; i < count; i++) model_edit(&model, spans[i].start, spans[i].end, 0, set);
    compare(word, &model);
  }
  acre__chunk_clear(&word);
  CHECK_EQ(acre__meta_bytes(), before);
}

TEST(the_walker_finds_what_is_wrong) {
  CHECK(!acre__chunk_is_valid((acre__chunk)(3u << 9 | 10) << 16 | 3)); /* an equal neighbour */
  CHECK(!acre__chunk_is_valid((acre__chunk)(1u << 9 | 9) << 32 | (acre__chunk)(3u << 9 | 10) << 16)); /* not sorted */
  CHECK(!acre__chunk_is_valid(ACRE_CHUNK_RECORD)); /* a record at NULL */
}
