/* SPDX-License-Identifier: MIT */
/* What is said of Windows alone (see system.h). */
#include "message.h"
#include "system/system.h"

/* There is one way of each. */
struct system_mechanism system_commit_way(acre_commit_way way) {
  (void)way;
  return (struct system_mechanism){"virtualalloc", "VirtualAlloc (MEM_COMMIT)"};
}

struct system_mechanism system_query_way(acre_query_way way) {
  (void)way;
  return (struct system_mechanism){"virtualquery", "VirtualQuery"};
}

struct system_mechanism system_populate_way(acre_populate_way way) {
  (void)way;
  return (struct system_mechanism){"touch", N_("touching each page")};
}

struct system_mechanism system_collapse_way(bool collapse) {
  (void)collapse;
  return (struct system_mechanism){"none", N_("not supported")};
}

struct system_mechanism system_written_way(acre_written_way way) {
  (void)way;
  return (struct system_mechanism){"fault", N_("write protection and faults")};
}

const struct system_words system_words = {
    .no_run = N_("'acre run' is there on Linux alone, where a program can be given another malloc"),
    .no_directory = N_("cannot write to the system's folder for temporary files; set TMPDIR to a folder that can be "
                       "written to"),
    .placing = N_("An allocation that wishes for an address inside is refused, by Acre and by VirtualAlloc, and the C "
                  "library's malloc goes elsewhere."),
    .placed = N_("VirtualAlloc with the same wish: nothing inside"),
    .lazy_ram = N_("Commit puts memory behind pages. Windows charges it at once and finds the RAM when a page is first "
                   "touched, so COMMIT rises and RSS, the working set, does not yet."),
    .edge = N_("Of this region the first half is COMMIT. A thread of this program writes the last byte of that half, "
               "which is fine, and then another thread the byte after it, on a RESERVE page."),
    .edge_end = N_("write to base + %zu: ended by exception 0x%x (%s), at base + %zu"),
    .edge_claim = N_("the byte after it is an access violation: nothing is damaged"),
    .edge_address = N_("the exception tells the address exactly: %p"),
    .promise = N_("Windows charges every committed page against RAM and paging files, and refuses what it could not "
                  "keep. (What only looks like Windows may promise more.) Here it is asked several times for half of "
                  "the RAM; nothing is touched."),
    .promise_call = N_("VirtualAlloc of %s, %d times: granted %u times"),
    .promise_kept = N_("it promises no more than RAM and paging files"),
    .paging_file = N_("Physical memory is RAM and disk. A region on a paging file of one's own commits onto blocks of "
                      "a file that goes with the program: a full disk is an error at the commit, and no exception "
                      "later. RAM is only a cache of it."),
    .cut_off = N_("Another program may want to make the file shorter. Windows refuses that while the file is mapped; "
                  "where the end of a file is gone for another reason, guarded code gets a result and no exception."),
    .replaced = N_("it is another file, with the old one's name and attributes"),
};
