/* SPDX-License-Identifier: MIT */
/*
 * Random operations on several heaps against a model that knows every block's
 * size and content: whatever the order, no two blocks overlap (their content would
 * differ), sizes and figures are right, and every heap is in order.
 */
#include "heap/heap_check.h"

enum { HEAPS = 4, BLOCKS = 600, OPERATIONS = SANITIZED ? 5000 : 25000, CHECK_EVERY = 500 };

struct block {
  void *address;
  size_t size;
  uint64_t mark;
};

static struct model {
  acre_heap *heap;
  acre_heap_options options;
  struct block blocks[BLOCKS];
  size_t count;
} models[HEAPS];

static uint64_t last_mark;

static size_t random_size(void) {
  switch (test_random_below(10)) {
    case 0: return test_random_below(70000);
    case 1: return test_random_below(9000);
    case 2: return test_random_below(20) == 0 ? test_random_below(2000000) : test_random_below(100000);
    case 3: return test_random_below(17);
    default: return test_random_below(600);
  }
}

static void check_new(struct model *model, void *address, size_t size) {
  CHECK(acre_heap_of(address) == model->heap);
  CHECK(acre_heap_size(address) >= size);
  if ((model->options.flags & ACRE_HEAP_CHECKED) != 0) CHECK_EQ(acre_heap_requested(address), size);
}

static void add(struct model *model) {
  size_t size = random_size(), alignment = (size_t)1 << test_random_below(16);
  bool zero = false;
  void *address;
  if (model->count == BLOCKS) return;
  switch (test_random_below(4)) {
    case 0: address = acre_heap_alloc_aligned(model->heap, size, alignment); break;
    case 1:
      address = acre_heap_zalloc(model->heap, size);
      alignment = 1;
      zero = true;
      break;
    default:
      address = acre_heap_alloc(model->heap, size);
      alignment = 16;
      break;
  }
  if (address == NULL) {
    CHECK(model->options.limit != 0);
    CHECK_RESULT(acre_heap_why(model->heap), ACRE_E_HEAP_LIMIT);
    return;
  }
  CHECK_EQ((uintptr_t)address % alignment, 0);
  check_new(model, address, size);
  for (size_t i = 0; zero && i < size; i++) REQUIRE(((char *)address)[i] == 0);
  fill_block(address, size, ++last_mark);
  model->blocks[model->count++] = (struct block){address, size, last_mark};
}

static struct block *any_block(struct model *model) {
  return model->count == 0 ? NULL : &model->blocks[test_random_below(model->count)];
}

static void take_out(struct model *model) {
  struct block *block = any_block(model);
  if (block == NULL) return;
  REQUIRE(block_is_filled(block->address, block->size, block->size, block->mark));
  switch (test_random_below(3)) {
    case 0: CHECK_OK(acre_free(block->address)); break;
    case 1: CHECK_OK(acre_heap_free_sized(model->heap, block->address, block->size)); break;
    default: CHECK_OK(acre_heap_free(model->heap, block->address)); break;
  }
  *block = model->blocks[--model->count];
}

static void resize(struct model *model) {
  struct block *block = any_block(model);
  if (block == NULL) return;
  size_t size = test_random_below(2) == 0 ? random_size() : block->size + test_random_below(40);
  REQUIRE(block_is_filled(block->address, block->size, block->size, block->mark));
  if (test_random_below(3) == 0) {
    if (acre_heap_resize_in_place(model->heap, block->address, size) != ACRE_OK) return;
  } else {
    void *moved = acre_heap_realloc(model->heap, block->address, size);
    if (moved == NULL) return;
    block->address = moved;
  }
  check_new(model, block->address, size);
  REQUIRE(block_is_filled(block->address, size < block->size ? size : block->size, block->size, block->mark));
  block->size = size;
  fill_block(block->address, size, block->mark);
}

static void free_to_another(struct model *model) {
  struct block *block = any_block(model);
  struct model *other = &models[test_random_below(HEAPS)];
  if (block == NULL || other == model || (other->options.flags & ACRE_HEAP_CHECKED) != 0) return;
  CHECK_RESULT(acre_heap_free(other->heap, block->address), ACRE_E_NOT_A_BLOCK);
}

static void begin(struct model *model, size_t i) {
  static char memory[(size_t)6 << 20];
  static const acre_heap_options options[HEAPS] = {
      {.name = "shared"},
      {.name = "single", .flags = ACRE_HEAP_SINGLE_THREAD, .limit = 3 << 20, .initial_commit = 1 << 20},
      {.name = "checked", .flags = ACRE_HEAP_CHECKED},
      {.name = "borrowed", .limit = 4 << 20, .range = memory, .range_size = sizeof memory}};
  model->options = options[i];
  model->heap = make_heap(&options[i]);
  model->count = 0;
}

static void end_or_reset(struct model *model) {
  if (test_random_below(2) == 0) {
    CHECK_OK(acre_heap_reset(model->heap));
    model->count = 0;
  } else {
    CHECK_OK(acre_heap_destroy(model->heap));
    begin(model, (size_t)(model - models));
  }
}

static void check_figures(struct model *model) {
  size_t requested = 0, in_use = 0;
  for (size_t i = 0; i < model->count; i++) {
    requested += model->blocks[i].size;
    in_use += acre_heap_size(model->blocks[i].address);
    REQUIRE(
        block_is_filled(model->blocks[i].address, model->blocks[i].size, model->blocks[i].size, model->blocks[i].mark));
    CHECK_OK(acre_heap_validate(model->heap, model->blocks[i].address));
  }
  acre_heap_figures figures = figures_of(model->heap);
  CHECK_EQ(figures.blocks, model->count);
  if ((model->options.flags & ACRE_HEAP_CHECKED) != 0)
    CHECK_EQ(figures.requested, requested);
  else
    CHECK_EQ(figures.in_use, in_use);
  CHECK(model->options.limit == 0 || figures.reserved <= model->options.limit);
}

TEST(against_a_model) {
  for (size_t i = 0; i < HEAPS; i++) begin(&models[i], i);
  for (size_t i = 1; i <= OPERATIONS; i++) {
    struct model *model = &models[test_random_below(HEAPS)];
    switch (test_random_below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4: add(model); break;
      case 5:
      case 6:
      case 7: take_out(model); break;
      case 8:
      case 9: resize(model); break;
      case 10: free_to_another(model); break;
      default:
        if (test_random_below(200) == 0) end_or_reset(model);
        if (test_random_below(50) == 0) (void)acre_heap_compact(test_random_below(2) == 0 ? model->heap : NULL);
        break;
    }
    if (i % 10 == 0) CHECK_VALID(model->heap);
    if (i % CHECK_EVERY != 0) continue;
    for (size_t j = 0; j < HEAPS; j++) check_figures(&models[j]);
    CHECK(acre__runs_are_valid());
  }
  for (size_t i = 0; i < HEAPS; i++) end_heap(models[i].heap);
}
