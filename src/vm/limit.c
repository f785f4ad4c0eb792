/* SPDX-License-Identifier: MIT */
/* The commit limit, for programs: setting it, and saying how a request met it. */
#include <acre/vm.h>

#include "base/line.h"
#include "vm/ledger.h"
#include "vm/root.h"

acre_result acre_vm_set_commit_limit(uint64_t bytes) {
  (void)acre__root_get(); /* first: making it sets the limit of ACRE_OPTIONS */
  acre__ledger_bound_by_user(bytes);
  return ACRE_OK;
}

/* ------------------------------------------------------------- the text */

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
  struct acre__line line = acre__line_in(out, out == NULL ? 0 : size);
  acre__ledger_read(&now);
  acre__line_add_number(&line, request, 10);
  acre__line_add(&line, " bytes asked for, ");
  acre__line_add_number(&line, now.charged, 10);
  acre__line_add(&line, " committed, commit limit ");
  if (now.limit != UINT64_MAX) {
    acre__line_add_number(&line, now.limit, 10);
    acre__line_add(&line, " (");
    acre__line_add(&line, name_of(now.bound));
    acre__line_add(&line, ")");
  } else {
    acre__line_add(&line, name_of(now.bound));
  }
  return line.length;
}
