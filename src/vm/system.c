/* SPDX-License-Identifier: MIT */
/* acre_system_info: the system's figures, as probed, and Acre's own sums. */
#include <string.h>

#include "vm/ledger.h"
#include "vm/meta.h"
#include "vm/paging.h"
#include "vm/region.h"
#include "vm/root.h"
#include "vm/written.h"

static void sum_regions(acre_system *out) {
  struct acre__index *index = &acre__root.index;
  acre__lock(&index->lock);
  for (struct acre__region *region = acre__index_next(index, 0); region != NULL;
       region = acre__index_next(index, acre__region_base(region))) {
    out->regions++;
    out->reserved_bytes += acre__region_size(region); /* neither changes while the index is locked */
  }
  acre__unlock(&index->lock);
  struct acre__ledger_figures ledger;
  acre__ledger_read(&ledger);
  out->commit_charge = ledger.charged;
  out->commit_peak = ledger.peak;
  out->commit_limit = ledger.limit;
  out->commit_bound = ledger.bound;
  out->metadata_bytes = acre__meta_bytes();
  acre__paging_figures(&out->paging_file_maximum, &out->paging_file_charge);
}

acre_result acre_system_info(acre_system *out) {
  if (out == NULL) return ACRE_E_INVALID_ARGUMENT;
  const struct acre__root *root = acre__root_get();
  struct acre__os_system now;
  acre__os_probe(&now); /* RAM that is available, and settings that an administrator may change */
  *out = (acre_system){
      .page_size = now.page_size,
      .allocation_granularity = now.granularity,
      .lowest_address = now.lowest_address,
      .highest_address = now.highest_address,
      .large_page_size = now.large_page_size,
      .physical_memory = now.physical_memory,
      .available_memory = now.available_memory,
      .swap = now.swap,
      .processors = now.processors,
      .mapping_limit = now.mapping_limit,
      .overcommit_mode = now.overcommit_mode,
      .transparent_large_pages = now.transparent_large_pages,
      .commit_way = root->hide ? ACRE_COMMIT_BY_GUARD : ACRE_COMMIT_BY_MPROTECT,
      .query_way = now.can_query_directly ? ACRE_QUERY_BY_IOCTL : ACRE_QUERY_BY_PROC,
      .populate_way = now.can_populate ? ACRE_POPULATE_BY_MADVISE : ACRE_POPULATE_BY_TOUCH,
      .nodes = now.nodes,
      .large_pages = now.large_pages,
      .large_pages_free = now.large_pages_free,
      .collapse = now.can_collapse && !root->options.no_collapse,
      .written_way = acre__written_by_system() ? ACRE_WRITTEN_BY_KERNEL : ACRE_WRITTEN_BY_FAULT,
      .map_granularity = now.map_granularity,
  };
  memcpy(out->kernel, now.kernel, sizeof out->kernel);
  sum_regions(out);
  return ACRE_OK;
}
