/* SPDX-License-Identifier: MIT */
/* The commit limit, for programs: setting it, and saying how a request met it. */
#include <acre/vm.h>

#include "vm/ledger.h"
#include "vm/root.h"

acre_result acre_vm_set_commit_limit(uint64_t bytes) {
  (void)acre__root_get(); /* first: making it sets the limit of ACRE_OPTIONS */
  acre__ledger_bound_by_user(bytes);
  return ACRE_OK;
}

/* ------------------------------------------------------------- the text */

/* As much as fits is in `text`, with a NUL; `length` counts all of it. */
struct line {
  char *text;
  size_t size, length;
};

static void add(struct line *line, const char *text) {
  for (; *text != '\0'; text++, line->length++) {
    if (line->length + 1 >= line->size) continue;
    line->text[line->length] = *text;
    line->text[line->length + 1] = '\0';
  }
}

static void add_number(struct line *line, uint64_t number) {
  char digits[24];
  char *first = digits + sizeof digits - 1;
  *first = '\0';
  do *--first = (char)('0' + number % 10);
  while ((number /= 10) != 0);
  add(line, first);
}

static const char *name_of(acre_commit_bound bound) {
  switch (bound) {
    case ACRE_COMMIT_BOUND_USER: return "set by the program or by ACRE_OPTIONS";
    case ACRE_COMMIT_BOUND_MEMORY: return "RAM, swap and paging file";
    case ACRE_COMMIT_BOUND_GROUP: return "the limit of the program's cgroup";
    case ACRE_COMMIT_BOUND_NONE: break;
  }
  return "none";
}

size_t acre_vm_commit_limit_text(uint64_t request, char *out, size_t size) {
  (void)acre__root_get();
  struct acre__ledger_figures now;
  struct line line = {.text = out, .size = out == NULL ? 0 : size};
  if (line.size != 0) *out = '\0';
  acre__ledger_read(&now);
  add_number(&line, request);
  add(&line, " bytes asked for, ");
  add_number(&line, now.charged);
  add(&line, " committed, commit limit ");
  if (now.limit != UINT64_MAX) {
    add_number(&line, now.limit);
    add(&line, " (");
    add(&line, name_of(now.bound));
    add(&line, ")");
  } else {
    add(&line, name_of(now.bound));
  }
  return line.length;
}
