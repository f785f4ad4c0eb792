/* SPDX-License-Identifier: MIT */
/*
 * acre_vm_on_fault on Linux: who is asked after a handler, who has the signal,
 * what happens in fork's child, and views whose file somebody cuts off.
 */
#include <acre/filemap.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm/escape_check_linux.h"
#include "vm/fault_check.h"

/* ------------------------------------------------------------- the program's own handler */

/* Whether the access reaches the program's handler. In a child: that handler was there before Acre. */
static bool escapes_at(char *address, bool write) {
  if (sigsetjmp(escape, 1) != 0) return true;
  if (write)
    write_byte(address, 1);
  else
    read_byte(address);
  return false;
}

/* ------------------------------------------------------------- a handler that notes what it is told */

static void three_answers(void *context) {
  (void)context;
  set_signal_handler(SIGSEGV, jump_out);
  char *base = noted_region(16, NULL);
  notes.answer = ACRE_VM_FAULT_NOT_MINE;
  CHECK(escapes_at(base, true));
  CHECK_EQ(notes.calls, 1);
  CHECK_OK(acre_vm_on_fault(base, NULL, NULL)); /* and without a handler */
  CHECK(escapes_at(base, false));
  CHECK_EQ(notes.calls, 1);
  CHECK_EQ(escapes, 2);
  REQUIRE_OK(acre_vm_on_fault(base, note, &notes));
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  notes.answer = ACRE_VM_FAULT_FAIL;
  (void)escapes_at(base, true);
  _exit(1); /* it dies, and the program's handler is not asked */
}

TEST(not_mine_passes_it_on_and_fail_kills) {
  int status = test_in_child(three_answers, NULL);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static acre_vm_fault_answer leave(const acre_vm_fault *fault, void *context) {
  (void)fault;
  ++*(unsigned *)context;
  siglongjmp(escape, 1);
}

/* Nothing is left locked, and the next fault is like the first. */
TEST(a_handler_may_leave_by_a_jump) {
  char *base = reserve_pages(16);
  unsigned times = 0;
  REQUIRE_OK(acre_vm_on_fault(base, leave, &times));
  for (volatile unsigned i = 1; i <= 5; i++) {
    CHECK(escapes_at(base, true));
    CHECK_EQ(times, i);
    CHECK_OK(acre_vm_commit(base + page_bytes(), 1, ACRE_VM_DEFAULT));
  }
  CHECK_OK(acre_vm_release(base));
}

/* ------------------------------------------------------------- views */

static int short_file;

static acre_result grow_file(const acre_vm_fault *fault) {
  (void)fault;
  return ftruncate(short_file, (off_t)(4 * acre__root.system.page_size)) == 0 ? ACRE_OK : ACRE_E_IO;
}

/* A file that becomes shorter under its view: SIGBUS, which the handler answers by giving the file its size back. */
static void shorten_a_view(void *context) {
  (void)context;
  set_signal_handler(SIGBUS, jump_out);
  set_signal_handler(SIGSEGV, jump_out);
  size_t page = page_bytes();
  char path[] = "/tmp/acre-fault-XXXXXX";
  short_file = mkstemp(path);
  REQUIRE(short_file >= 0 && ftruncate(short_file, (off_t)(4 * page)) == 0);
  acre_file *file;
  acre_section *section;
  acre_view *mapped;
  acre_file_options file_options = {.access = ACRE_ACCESS_READ_WRITE};
  acre_section_options section_options = {.access = ACRE_ACCESS_READ_WRITE};
  acre_view_options view_options = {.access = ACRE_ACCESS_READ_WRITE};
  acre_result result = acre_file_open(path, &file_options, &file);
  unlink(path);
  REQUIRE_OK(result);
  REQUIRE_OK(acre_section_create(file, &section_options, &section));
  REQUIRE_OK(acre_view_map(section, 0, 0, &view_options, &mapped));
  char *view = acre_view_data(mapped);
  write_byte(view + 3 * page, 1);
  REQUIRE(ftruncate(short_file, 0) == 0);
  memset(&notes, 0, sizeof notes);
  REQUIRE_OK(acre_vm_on_fault(view, note, &notes));
  notes.answer = ACRE_VM_FAULT_NOT_MINE;
  CHECK(escapes_at(view + 3 * page, false));
  CHECK_EQ(notes.calls, 1);
  CHECK_EQ(notes.fault.reason, ACRE_VM_FAULT_NO_BACKING);
  CHECK_EQ(notes.fault.state, ACRE_VM_COMMITTED);
  CHECK_EQ(notes.fault.protection, ACRE_VM_READ_WRITE);
  CHECK_EQ(notes.fault.kind, ACRE_VM_KIND_MAPPED);
  notes.answer = ACRE_VM_FAULT_HANDLED;
  notes.act = grow_file;
  write_byte(view + 3 * page, 2);
  CHECK_EQ(notes.calls, 2);
  CHECK_EQ(view[3 * page], 2);
  CHECK_RESULT(acre_vm_set_touch_step(view, page), ACRE_E_WRONG_KIND);
  CHECK_OK(acre_vm_protect(view, page, ACRE_VM_READ, NULL));
  notes.act = make_writable;
  write_byte(view, 1);
  CHECK_EQ(notes.fault.reason, ACRE_VM_FAULT_PROTECTED);
  CHECK_OK(acre_view_unmap(mapped));
  CHECK_RESULT(acre_vm_on_fault(view, note, &notes), ACRE_E_NOT_A_REGION);
  acre_section_close(section);
  acre_file_close(file);
}

TEST(a_view_whose_file_becomes_shorter) {
  CHECK_EQ(test_in_child(shorten_a_view, NULL), 0);
}

/* ------------------------------------------------------------- bad input, and who has the signal */

static void somebody_takes_the_signal(void *context) {
  (void)context;
  size_t page = page_bytes();
  acre_vm_options options = {.touch_step = page};
  char *base = reserve_with(16, &options);
  set_signal_handler(SIGSEGV, jump_out); /* who does not pass on */
  CHECK(escapes_at(base, true));
  char *other = reserve_with(16, &options); /* asked for again: Acre comes first */
  write_byte(base, 1);
  write_byte(other, 1);
  set_signal_handler(SIGSEGV, jump_out);
  REQUIRE_OK(acre_vm_on_fault(other, note, &notes));
  write_byte(base + page, 1);
  set_signal_handler(SIGSEGV, jump_out);
  CHECK_OK(acre_vm_commit(other, page, ACRE_VM_READ_WRITE | ACRE_VM_GUARD));
  write_byte(base + 2 * page, 1);
  set_signal_handler(SIGSEGV, jump_out);
  CHECK_OK(acre_vm_set_touch_step(other, page));
  write_byte(base + 3 * page, 1);
  char *plain = reserve_pages(1);
  CHECK(escapes_at(plain, true)); /* and passes on to each of them: the last one jumps */
  CHECK_EQ(escapes, 2);
}

TEST(acre_comes_first_again_when_it_is_asked_again) {
  CHECK_EQ(test_in_child(somebody_takes_the_signal, NULL), 0);
}

/* ------------------------------------------------------------- in fork's child, and in the middle of things */

static void fault_in_child(void *context) {
  char *base = context;
  unsigned before = notes.calls;
  write_byte(base + 5 * page_bytes(), 1);
  CHECK_EQ(notes.calls, before + 1);
  CHECK_OK(acre_vm_on_fault(base, NULL, NULL));
}

TEST(a_forked_child_has_the_handler) {
  char *base = noted_region(16, NULL);
  notes.act = commit_page;
  CHECK_EQ(test_in_child(fault_in_child, base), 0);
  write_byte(base, 1);
  CHECK_EQ(notes.calls, 1);
  CHECK_OK(acre_vm_release(base));
}

/* The region's signals are let through again, whatever the operation's end. */
TEST(the_signal_mask_is_as_it_was) {
  size_t page = page_bytes();
  acre_vm_options options = {.touch_step = page};
  char *base = reserve_with(64, &options);
  sigset_t before, after;
  sigprocmask(SIG_BLOCK, NULL, &before);
  CHECK_OK(acre_vm_commit(base, 4 * page, ACRE_VM_DEFAULT));
  CHECK_RESULT(acre_vm_commit(base, 65 * page, ACRE_VM_DEFAULT), ACRE_E_SPANS_REGIONS);
  CHECK_RESULT(acre_vm_protect(base, 64 * page, ACRE_VM_READ, NULL), ACRE_E_NOT_COMMITTED);
  CHECK_RESULT(acre_vm_lock(base + 10 * page, page), ACRE_E_NOT_COMMITTED);
  CHECK_OK(acre_vm_populate(base, 2 * page));
  CHECK_OK(acre_vm_decommit(base, page));
  write_byte(base, 1);
  CHECK_EQ(query(base).state, ACRE_VM_COMMITTED);
  CHECK_RESULT(acre_vm_release(base + page), ACRE_E_NOT_REGION_BASE);
  CHECK_AGREES(base);
  CHECK_OK(acre_vm_release(base));
  sigprocmask(SIG_BLOCK, NULL, &after);
  for (int number = 1; number < NSIG; number++) CHECK_EQ(sigismember(&before, number), sigismember(&after, number));
}

/* ------------------------------------------------------------- what is left */

static struct {
  int calls;
  acre_vm_fault last;
  acre_vm_fault_answer answer;
} left;

static acre_vm_fault_answer open_page(const acre_vm_fault *fault, void *context) {
  CHECK(context == &left);
  left.calls++;
  left.last = *fault;
  size_t page = page_bytes();
  void *start = (void *)((uintptr_t)fault->address / page * page);
  if (left.answer == ACRE_VM_FAULT_HANDLED) CHECK(mprotect(start, page, PROT_READ | PROT_WRITE) == 0);
  return left.answer;
}

static acre_vm_fault_answer not_mine(const acre_vm_fault *fault, void *context) {
  (void)fault;
  (*(int *)context)++;
  return ACRE_VM_FAULT_NOT_MINE;
}

/* A call that the compiler does not look into: it may have changed what the handlers note. */
static __attribute__((noinline)) void touch(char *address) {
  write_byte(address, 1);
  __asm__ volatile("" ::: "memory");
}

TEST(the_process_s_handler_gets_what_is_left) {
  size_t page = page_bytes();
  char *foreign = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(foreign != MAP_FAILED);
  left.answer = ACRE_VM_FAULT_HANDLED;
  REQUIRE_OK(acre_vm_on_any_fault(open_page, &left));
  touch(foreign + 5); /* nobody's region */
  CHECK_EQ(left.calls, 1);
  CHECK(left.last.address == foreign + 5);
  CHECK_EQ(left.last.kind, ACRE_VM_KIND_FOREIGN);
  CHECK_EQ(left.last.access, ACRE_VM_ACCESS_WRITE);
  CHECK_EQ(left.last.reason, ACRE_VM_FAULT_PROTECTED);

  /* A region's own handler is asked before, and may leave it. */
  int calls = 0;
  void *base;
  REQUIRE_OK(acre_vm_reserve(page, NULL, &base));
  REQUIRE_OK(acre_vm_on_fault(base, not_mine, &calls));
  left.answer = ACRE_VM_FAULT_NOT_MINE;
  /* Who comes later and does not pass on is asked first: so Acre is asked again. */
  set_signal_handler(SIGSEGV, jump_out);
  REQUIRE_OK(acre_vm_on_any_fault(open_page, &left));
  escapes = 0;
  if (sigsetjmp(escape, 1) == 0) touch(base);
  CHECK_EQ(calls, 1);
  CHECK_EQ(left.calls, 2);
  CHECK_EQ(left.last.kind, ACRE_VM_KIND_PRIVATE);
  CHECK_EQ(left.last.state, ACRE_VM_RESERVED);
  CHECK(left.last.region_base == base);
  CHECK_EQ(escapes, 1);

  CHECK_OK(acre_vm_on_any_fault(NULL, NULL));
  if (sigsetjmp(escape, 1) == 0) touch(base);
  CHECK_EQ(left.calls, 2);
  CHECK_EQ(escapes, 2);
  CHECK_OK(acre_vm_release(base));
  munmap(foreign, page);
}
