/* SPDX-License-Identifier: MIT */
/* What is said of Linux alone (see system.h). */
#include "message.h"
#include "system/system.h"

struct system_mechanism system_commit_way(acre_commit_way way) {
  return way == ACRE_COMMIT_BY_GUARD
             ? (struct system_mechanism){"guard", N_("guard markers (MADV_GUARD_INSTALL)")}
             : (struct system_mechanism){"mprotect", N_("mprotect: each run of pages costs mappings")};
}

struct system_mechanism system_query_way(acre_query_way way) {
  return way == ACRE_QUERY_BY_IOCTL ? (struct system_mechanism){"ioctl", "ioctl (PROCMAP_QUERY)"}
                                    : (struct system_mechanism){"proc", "/proc/self/maps"};
}

struct system_mechanism system_populate_way(acre_populate_way way) {
  return way == ACRE_POPULATE_BY_MADVISE ? (struct system_mechanism){"madvise", "madvise (MADV_POPULATE_WRITE)"}
                                         : (struct system_mechanism){"touch", N_("touching each page")};
}

struct system_mechanism system_collapse_way(bool collapse) {
  return collapse ? (struct system_mechanism){"madvise", "madvise (MADV_COLLAPSE)"}
                  : (struct system_mechanism){"none", N_("not supported")};
}

struct system_mechanism system_written_way(acre_written_way way) {
  return way == ACRE_WRITTEN_BY_KERNEL ? (struct system_mechanism){"kernel", "userfaultfd, PAGEMAP_SCAN"}
                                       : (struct system_mechanism){"fault", N_("write protection and faults")};
}

const struct system_words system_words = {
    .no_run = "",
    .no_directory = N_("cannot write to /var/tmp nor /tmp; set TMPDIR to a folder that can be written to"),
    .placing = N_("An allocation that wishes for an address inside is refused, and the C library's malloc and mmap go "
                  "elsewhere."),
    .placed = N_("mmap with the same wish: placed outside"),
    .lazy_ram = N_("Commit puts memory behind pages. Linux finds the RAM when a page is first touched, so COMMIT rises "
                   "and RSS does not yet."),
    .edge = N_("Of this region the first half is COMMIT. A child of this program writes the last byte of that half, "
               "which is fine, and then another child the byte after it, on a RESERVE page."),
    .edge_end = N_("write to base + %zu: killed by signal %d (%s), at base + %zu"),
    .edge_claim = N_("the byte after it is SIGSEGV: nothing is damaged"),
    .edge_address = N_("the signal tells the address exactly: %p"),
    .promise = N_("Linux hands out memory that is accessible and not there yet, and mostly does not ask whether it can "
                  "be. Here it is asked several times for half of the RAM; nothing is touched."),
    .promise_call = N_("mmap of %s, %d times: granted %u times"),
    .promise_kept = N_("this system is set to promise no more than it has"),
    .paging_file = N_("Physical memory is RAM and disk. A region on the paging file commits onto blocks of a file that "
                      "has no name: a full disk is an error at the commit, and no signal later. RAM is only a cache of "
                      "it."),
    .cut_off = N_("Another program may make the file shorter. To touch what is gone is SIGBUS, and the end of the "
                  "program. In guarded code it is a result."),
    .replaced = N_("it is another file, with the old one's name and mode"),
};
