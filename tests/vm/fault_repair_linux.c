/* SPDX-License-Identifier: MIT */
/*
 * Faults, guard pages and stacks with every call to the system failing.
 *
 * A fault that cannot be repaired must be told to the region's handler, with the
 * reason, and must leave table and kernel in step; and when the system does its
 * part again, the same access is repaired.
 */
#include <setjmp.h>
#include <signal.h>

#include "os/fault/fault.h"
#include "vm/vm_check.h"

enum { PAGES = 1200, MOST_CALLS = 200 };

static size_t page;

static void write_byte(char *address, char value) {
  *(volatile char *)address = value;
}

/* ------------------------------------------------------------- an access that may be repaired */

static sigjmp_buf escape;
static acre_vm_fault told;

static acre_vm_fault_answer leave(const acre_vm_fault *fault, void *context) {
  (void)context;
  if (fault->reason == ACRE_VM_FAULT_GUARD && fault->result == ACRE_OK) return ACRE_VM_FAULT_HANDLED;
  acre__fault_end(NULL);
  told = *fault;
  siglongjmp(escape, 1);
}

/* A region in some state, and where it is touched. */
struct scene {
  const char *name;
  char *(*make)(char **touch);
  acre_vm_fault_reason reason;
};

static char *touch_made(char **touch, size_t step_pages, bool scattered) {
  acre_vm_options options = {.touch_step = step_pages * page};
  char *base = reserve_with(PAGES, &options);
  if (scattered)
    for (size_t at = 3; at < PAGES; at += 5) CHECK_OK(acre_vm_commit(base + at * page, page, ACRE_VM_DEFAULT));
  *touch = base + 600 * page;
  return base;
}

static char *first_touch(char **touch) {
  return touch_made(touch, 1, false);
}

static char *touch_across_chunks(char **touch) {
  return touch_made(touch, 700, false);
}

static char *touch_between_others(char **touch) {
  return touch_made(touch, 16, true);
}

static char *guard_inside(char **touch) {
  char *base = touch_made(touch, 1, false);
  CHECK_OK(acre_vm_commit(base, PAGES * page, ACRE_VM_DEFAULT));
  CHECK_OK(acre_vm_protect(*touch - page, 3 * page, ACRE_VM_READ_WRITE | ACRE_VM_GUARD, NULL));
  return base;
}

static char *guard_alone(char **touch) {
  char *base = touch_made(touch, 1, true);
  CHECK_OK(acre_vm_commit(*touch, page, ACRE_VM_READ_WRITE | ACRE_VM_GUARD));
  return base;
}

static char *stack_of(size_t step, char **touch) {
  acre_vm_stack_options options = {.commit = 4 * page, .step = step};
  acre_vm_stack stack;
  REQUIRE_OK(acre_vm_stack_reserve(600 * page, &options, &stack));
  *touch = (char *)stack.low + stack.size - 5 * page;
  return stack.region_base;
}

static char *stack_grows(char **touch) {
  return stack_of(16 * page, touch);
}

static char *stack_grows_to_its_end(char **touch) {
  return stack_of(600 * page, touch);
}

static const struct scene scenes[] = {
    {"the first touch", first_touch, ACRE_VM_FAULT_RESERVED},
    {"a touch over chunks", touch_across_chunks, ACRE_VM_FAULT_RESERVED},
    {"a touch between other pages", touch_between_others, ACRE_VM_FAULT_RESERVED},
    {"a guard page inside others", guard_inside, ACRE_VM_FAULT_GUARD},
    {"a guard page alone", guard_alone, ACRE_VM_FAULT_GUARD},
    {"a stack's step", stack_grows, ACRE_VM_FAULT_GUARD},
    {"a stack's last step", stack_grows_to_its_end, ACRE_VM_FAULT_GUARD},
};

/* False: no call failed, so that all were tried. */
static bool play(const struct scene *scene, const struct acre__fault_plan *plan) {
  char *touch, *base = scene->make(&touch);
  REQUIRE_OK(acre_vm_on_fault(base, leave, NULL));
  volatile bool repaired = false;
  uint64_t charge = system_figures().commit_charge;
  acre_vm_info before = query(touch);
  acre__fault_begin(plan);
  if (sigsetjmp(escape, 1) == 0) {
    write_byte(touch, 1);
    repaired = true;
  }
  bool failed = acre__fault_end(NULL) || !repaired;
  CHECK_AGREES(base);
  if (!repaired) {
    if (told.result != plan->result || told.reason != scene->reason || told.address != touch)
      test_fail(__FILE__, __LINE__, "%s, call %lu: told of %s", scene->name, plan->call, acre_result_name(told.result));
    acre_vm_info after = query(touch);
    CHECK_EQ(after.state, before.state);
    CHECK_EQ(after.protection, before.protection);
    CHECK_EQ(system_figures().commit_charge, charge);
    if (sigsetjmp(escape, 1) == 0)
      write_byte(touch, 1);
    else
      test_fail(__FILE__, __LINE__, "%s, call %lu: not repaired afterwards", scene->name, plan->call);
    CHECK_AGREES(base);
  }
  CHECK_EQ(*touch, 1);
  CHECK_OK(acre_vm_release(base));
  CHECK_INDEX();
  return failed;
}

static void play_all(struct acre__fault_plan plan) {
  for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
    for (plan.call = 1; play(&scenes[i], &plan); plan.call++) REQUIRE(plan.call < MOST_CALLS);
}

TEST(one_call_fails) {
  page = page_bytes();
  play_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY});
}

TEST(one_call_fails_halfway) {
  page = page_bytes();
  play_all((struct acre__fault_plan){.result = ACRE_E_NO_MEMORY, .partly = true});
}

TEST(all_calls_fail_from_one_on) {
  page = page_bytes();
  play_all((struct acre__fault_plan){.result = ACRE_E_MAPPING_LIMIT, .and_later = true});
}

/* ------------------------------------------------------------- asking for it */

static acre_result set_handler(char *base) {
  return acre_vm_on_fault(base, leave, NULL);
}

static acre_result set_step(char *base) {
  return acre_vm_set_touch_step(base, page);
}

static acre_result guard_some(char *base) {
  return acre_vm_protect(base + 5 * page, 10 * page, ACRE_VM_READ | ACRE_VM_GUARD, NULL);
}

static acre_result commit_guards(char *base) {
  return acre_vm_commit(base + 15 * page, 700 * page, ACRE_VM_READ_WRITE | ACRE_VM_GUARD);
}

static acre_result commit_guards_in_holes(char *base) {
  return acre_vm_commit(base + 905 * page, 10 * page, ACRE_VM_READ_WRITE | ACRE_VM_GUARD);
}

static acre_result take_guards(char *base) {
  return acre_vm_protect(base + 25 * page, 3 * page, ACRE_VM_READ, NULL);
}

static acre_result decommit_guards(char *base) {
  return acre_vm_decommit(base + 24 * page, 5 * page);
}

static acre_result decommit_guards_in_holes(char *base) {
  return acre_vm_decommit(base + 941 * page, 3 * page);
}

static const struct {
  acre_result (*act)(char *base);
  bool may_do_a_part;
} acts[] = {
    {set_handler, false},
    {set_step, false},
    {guard_some, false},
    {commit_guards, false},
    {commit_guards_in_holes, false},
    {take_guards, false},
    {decommit_guards, true},
    {decommit_guards_in_holes, true},
};

static bool try_act(size_t which, const struct acre__fault_plan *plan) {
  static struct picture before, after;
  char *base = reserve_pages(PAGES);
  CHECK_OK(acre_vm_commit(base, 30 * page, ACRE_VM_DEFAULT));
  CHECK_OK(acre_vm_protect(base + 23 * page, 7 * page, ACRE_VM_READ_WRITE | ACRE_VM_GUARD, NULL));
  for (size_t at = 900; at < 960; at += 3) CHECK_OK(acre_vm_commit(base + at * page, page, ACRE_VM_DEFAULT));
  CHECK_OK(acre_vm_protect(base + 942 * page, page, ACRE_VM_READ_WRITE | ACRE_VM_GUARD, NULL));
  take_picture(base, PAGES * page, &before);
  acre__fault_begin(plan);
  acre_result result = acts[which].act(base);
  bool failed = acre__fault_end(NULL);
  CHECK_AGREES(base);
  if (result != ACRE_OK) {
    CHECK_RESULT(result, plan->result);
    take_picture(base, PAGES * page, &after);
    CHECK(acts[which].may_do_a_part || same_picture(&before, &after));
    CHECK_OK(acts[which].act(base));
    CHECK_AGREES(base);
  }
  CHECK_OK(acre_vm_release(base));
  return failed;
}

TEST(asking_with_every_call_failing) {
  page = page_bytes();
  for (size_t which = 0; which < sizeof acts / sizeof *acts; which++)
    for (unsigned mode = 0; mode < 4; mode++) {
      struct acre__fault_plan plan = {.result = mode % 2 == 0 ? ACRE_E_NO_MEMORY : ACRE_E_MAPPING_LIMIT,
                                      .partly = mode == 2,
                                      .and_later = mode == 3};
      for (plan.call = 1; try_act(which, &plan); plan.call++) REQUIRE(plan.call < MOST_CALLS);
    }
}

static bool try_stack(const struct acre__fault_plan *plan) {
  acre_vm_stack stack;
  size_t regions = system_figures().regions;
  uint64_t charge = system_figures().commit_charge;
  acre__fault_begin(plan);
  acre_result result = acre_vm_stack_reserve(100 * page, NULL, &stack);
  bool failed = acre__fault_end(NULL);
  CHECK_INDEX();
  if (result == ACRE_OK) {
    CHECK_AGREES(stack.region_base);
    CHECK_OK(acre_vm_release(stack.region_base));
  } else {
    CHECK_RESULT(result, plan->result);
    CHECK(stack.region_base == NULL);
  }
  if (!plan->and_later) { /* else the way back is barred too */
    CHECK_EQ(system_figures().regions, regions);
    CHECK_EQ(system_figures().commit_charge, charge);
  }
  return failed;
}

TEST(reserving_a_stack_with_every_call_failing) {
  page = page_bytes();
  for (unsigned mode = 0; mode < 4; mode++) {
    struct acre__fault_plan plan = {.result = ACRE_E_NO_MEMORY, .and_later = mode % 2 != 0, .partly = mode / 2 != 0};
    for (plan.call = 1; try_stack(&plan); plan.call++) REQUIRE(plan.call < MOST_CALLS);
  }
}

static bool try_to_enter(const struct acre__fault_plan *plan) {
  acre_vm_stack stack;
  REQUIRE_OK(acre_vm_stack_reserve(100 * page, NULL, &stack));
  acre__fault_begin(plan);
  acre_result entered = acre_vm_stack_enter(stack.region_base), left = acre_vm_stack_leave(stack.region_base);
  bool failed = acre__fault_end(NULL);
  CHECK(entered == ACRE_OK || entered == plan->result);
  CHECK(left == ACRE_OK || left == plan->result);
  CHECK_OK(acre_vm_stack_leave(stack.region_base));
  CHECK_OK(acre_vm_release(stack.region_base));
  return failed;
}

TEST(entering_a_stack_with_every_call_failing) {
  page = page_bytes();
  struct acre__fault_plan plan = {.result = ACRE_E_NOT_SUPPORTED};
  for (plan.call = 1; try_to_enter(&plan); plan.call++) REQUIRE(plan.call < MOST_CALLS);
}

/* ------------------------------------------------------------- no memory for the tables */

TEST(no_memory_for_a_handler) {
  page = page_bytes();
  struct hoard {
    struct hoard *next;
    size_t size;
  } *all = NULL;
  char *base = reserve_pages(16);
  acre__meta_is_closed = true;
  for (size_t size = ACRE_META_LARGEST; size >= 16; size /= 2)
    for (struct hoard *block; (block = acre__meta_alloc(size)) != NULL; all = block) *block = (struct hoard){all, size};
  acre_vm_stack stack;
  acre_result handler = acre_vm_on_fault(base, leave, NULL), step = acre_vm_set_touch_step(base, page);
  acre_result reserved = acre_vm_stack_reserve(64 * page, NULL, &stack);
  acre_result guards = acre_vm_commit(base, page, ACRE_VM_READ_WRITE | ACRE_VM_GUARD);
  acre__meta_is_closed = false;
  while (all != NULL) {
    struct hoard *next = all->next;
    acre__meta_free(all, all->size);
    all = next;
  }
  CHECK_RESULT(handler, ACRE_E_NO_MEMORY);
  CHECK_RESULT(step, ACRE_E_NO_MEMORY);
  CHECK_RESULT(reserved, ACRE_E_NO_MEMORY);
  CHECK(guards == ACRE_OK || guards == ACRE_E_NO_MEMORY);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_on_fault(base, leave, NULL));
  CHECK_OK(acre_vm_set_touch_step(base, page));
  CHECK_OK(acre_vm_release(base));
}
