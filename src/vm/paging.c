/* SPDX-License-Identifier: MIT */
#include "vm/paging.h"

#include "base/math.h"
#include "vm/commit.h"
#include "vm/ledger.h"

static uint64_t bytes_of(size_t pages) {
  return (uint64_t)pages << acre__root.page_shift;
}

/* ------------------------------------------------------------- settings */

static void retain(struct acre__paging_setting *setting) {
  atomic_fetch_add_explicit(&setting->references, 1, memory_order_relaxed);
}

static void release(struct acre__paging_setting *setting) {
  if (setting == NULL) return;
  if (atomic_fetch_sub_explicit(&setting->references, 1, memory_order_acq_rel) != 1) return;
  acre__os_file_close(setting->directory);
  acre__meta_free(setting, sizeof *setting);
}

/* The current setting, with a reference; NULL: there is none. */
static struct acre__paging_setting *current(void) {
  acre__lock(&acre__root.paging_lock);
  struct acre__paging_setting *setting = acre__root.paging;
  if (setting != NULL) retain(setting);
  acre__unlock(&acre__root.paging_lock);
  return setting;
}

static void replace(struct acre__paging_setting *setting) {
  acre__lock(&acre__root.paging_lock);
  struct acre__paging_setting *old = acre__root.paging;
  acre__root.paging = setting;
  acre__unlock(&acre__root.paging_lock);
  release(old);
}

/* What the system, and the directory's file system, can do is found out with one page, and one behind the file's end. */
static acre_result try_one_page(struct acre__paging_setting *setting, struct acre__os_file file) {
  size_t size = acre__root.system.page_size;
  struct acre__os_part part = {.file = file, .protection = ACRE_VM_READ_WRITE};
  void *page;
  acre_result result = acre__os_file_allocate(file, 0, size);
  if (result != ACRE_OK) return result;
  result = acre__os_reserve(NULL, 2 * size, ACRE_OS_ANYWHERE, &page);
  if (result != ACRE_OK) return result;
  result = acre__os_map_file(page, 2 * size, &part);
  if (result == ACRE_E_OUT_OF_RANGE) result = ACRE_E_NOT_SUPPORTED;
  if (result == ACRE_OK) {
    setting->hides = acre__root.hide && acre__os_hide(page, size) == ACRE_OK;
    result = acre__os_file_punch(file, 0, size);
  }
  (void)acre__os_release(page, 2 * size);
  return result;
}

static acre_result fill_setting(struct acre__paging_setting *setting, const char *path, uint64_t maximum) {
  acre_result result = acre__os_directory_open(path, &setting->directory);
  if (result != ACRE_OK) return result;
  struct acre__os_file file;
  result = acre__os_file_temporary(setting->directory, &file);
  if (result == ACRE_OK) {
    result = try_one_page(setting, file);
    acre__os_file_close(file);
  }
  if (result != ACRE_OK) {
    acre__os_file_close(setting->directory);
    return result;
  }
  uint64_t pages = maximum >> acre__root.page_shift;
  setting->maximum = maximum == 0 || pages > SIZE_MAX ? SIZE_MAX : (size_t)pages;
  atomic_init(&setting->references, 1);
  return ACRE_OK;
}

acre_result acre_vm_set_paging_file(const char *path, uint64_t maximum) {
  (void)acre__root_get();
  struct acre__paging_setting *setting = NULL;
  if (path != NULL) {
    setting = acre__meta_alloc(sizeof *setting);
    if (setting == NULL) return ACRE_E_NO_MEMORY;
    acre_result result = fill_setting(setting, path, maximum);
    if (result != ACRE_OK) {
      acre__meta_free(setting, sizeof *setting);
      return result;
    }
  }
  replace(setting);
  return ACRE_OK;
}

void acre__paging_figures(uint64_t *maximum, uint64_t *used) {
  struct acre__paging_setting *setting = current();
  *maximum = *used = 0;
  if (setting == NULL) return;
  *maximum = setting->maximum == SIZE_MAX ? UINT64_MAX : bytes_of(setting->maximum);
  *used = bytes_of(atomic_load_explicit(&setting->used, memory_order_relaxed));
  release(setting);
}

/* ------------------------------------------------------------- counting */

bool acre__paging_count(struct acre__paged *paged, size_t pages) {
  struct acre__paging_setting *setting = paged->setting;
  size_t used = atomic_load_explicit(&setting->used, memory_order_relaxed);
  do {
    if (pages > setting->maximum - used) return false;
  } while (!atomic_compare_exchange_weak_explicit(&setting->used, &used, used + pages, memory_order_relaxed,
                                                  memory_order_relaxed));
  acre__ledger_add_room((int64_t)bytes_of(pages));
  return true;
}

void acre__paging_uncount(struct acre__paged *paged, size_t pages) {
  if (pages == 0) return;
  acre__ledger_add_room(-(int64_t)bytes_of(pages));
  atomic_fetch_sub_explicit(&paged->setting->used, pages, memory_order_relaxed);
}

/* ------------------------------------------------------------- files */

static bool is_still_its_file(const struct acre__paged *paged) {
  struct acre__os_identity now;
  return paged->is_open && acre__os_file_identity(paged->file, &now) == ACRE_OK &&
         now.device == paged->identity.device && now.number == paged->identity.number;
}

static acre_result open_file(struct acre__paged *paged) {
  acre_result result = acre__os_file_temporary(paged->setting->directory, &paged->file);
  if (result != ACRE_OK) return result;
  result = acre__os_file_identity(paged->file, &paged->identity);
  if (result == ACRE_OK)
    paged->is_open = true;
  else
    acre__os_file_close(paged->file);
  return result;
}

static void close_file(struct acre__paged *paged) {
  if (is_still_its_file(paged)) acre__os_file_close(paged->file);
  paged->is_open = false;
}

acre_result acre__paging_create(struct acre__paged **out) {
  struct acre__paging_setting *setting = current();
  if (setting == NULL) return ACRE_E_NOT_SUPPORTED;
  struct acre__paged *paged = acre__meta_alloc(sizeof *paged);
  acre_result result = ACRE_E_NO_MEMORY;
  if (paged != NULL) {
    paged->setting = setting;
    result = open_file(paged);
  }
  if (result != ACRE_OK) {
    acre__meta_free(paged, sizeof *paged);
    release(setting);
    return result;
  }
  *out = paged;
  return ACRE_OK;
}

acre_result acre__paging_map(struct acre__paged *paged, void *base, size_t size) {
  struct acre__os_part part = {
      .file = paged->file, .protection = ACRE_VM_NO_ACCESS, .most = ACRE_VM_EXECUTE_READ_WRITE};
  acre_result result = acre__os_map_file(base, size, &part);
  return result == ACRE_OK ? acre__os_keep_from_children(base, size) : result;
}

void acre__paging_destroy(struct acre__paged *paged) {
  if (paged == NULL) return;
  close_file(paged);
  release(paged->setting);
  acre__meta_free(paged, sizeof *paged);
}

void acre__paging_leave(struct acre__paged *paged, size_t pages) {
  acre__paging_uncount(paged, pages);
  close_file(paged);
  paged->solid = 0;
  paged->has_holes = false;
}

/* ------------------------------------------------------------- blocks */

static bool any_loose(const struct acre__table *table, size_t start, size_t end) {
  size_t last = (end - 1) / ACRE_CHUNK_PAGES;
  for (size_t chunk = acre__table_skip(table, start / ACRE_CHUNK_PAGES); chunk <= last;
       chunk = acre__table_skip(table, chunk + 1))
    if (acre__chunk_is_loose(acre__table_word(table, chunk))) return true;
  return false;
}

/* A child's region gets its file when it needs it. */
static acre_result have_file(struct acre__region *region) {
  struct acre__paged *paged = acre__paging_of(region);
  if (paged->is_open) return is_still_its_file(paged) ? ACRE_OK : ACRE_E_IO;
  acre_result result = open_file(paged);
  if (result != ACRE_OK) return result;
  result = acre__paging_map(paged, acre__region_address(region, 0), acre__region_size(region));
  if (result != ACRE_OK) close_file(paged);
  return result;
}

static acre_result expect_holes(struct acre__region *region) {
  struct acre__paged *paged = acre__paging_of(region);
  if (paged->has_holes) return ACRE_OK;
  acre_result result = acre__os_read_singly(acre__region_address(region, 0), acre__region_size(region));
  if (result == ACRE_OK) paged->has_holes = true;
  return result;
}

static acre_result allocate(struct acre__region *region, size_t start, size_t end) {
  struct acre__paged *paged = acre__paging_of(region);
  for (size_t page = start; page < end;) {
    struct acre__page_run run = acre__table_run(&region->table, page, end, ACRE_PAGE_PROTECTION);
    acre_result result = ACRE_OK;
    if (run.attributes == 0) {
      uint64_t from = bytes_of(page), size = bytes_of(run.end - page);
      if (any_loose(&region->table, page, run.end)) result = acre__os_file_punch(paged->file, from, size);
      if (result == ACRE_OK) result = acre__os_file_allocate(paged->file, from, size);
    }
    if (result != ACRE_OK) return result;
    page = run.end;
  }
  return ACRE_OK;
}

static size_t reserved_pages(const struct acre__region *region, size_t start, size_t end) {
  return end - start - acre__table_committed(&region->table, start, end);
}

acre_result acre__paging_take(struct acre__region *region, size_t start, size_t end) {
  size_t pages = reserved_pages(region, start, end);
  if (pages == 0) return ACRE_OK;
  struct acre__paged *paged = acre__paging_of(region);
  acre_result result = have_file(region);
  if (result == ACRE_OK && start > paged->solid) result = expect_holes(region);
  if (result != ACRE_OK) return result;
  if (!acre__paging_count(paged, pages)) return ACRE_E_COMMIT_LIMIT;
  result = allocate(region, start, end);
  if (result == ACRE_OK)
    paged->solid = acre__max(paged->solid, end);
  else
    acre__paging_give_back(region, start, end);
  return result;
}

static ACRE_COLD void make_loose(struct acre__region *region, size_t start, size_t end) {
  const struct acre__table *table = &region->table;
  size_t last = (end - 1) / ACRE_CHUNK_PAGES;
  for (size_t chunk = acre__table_skip(table, start / ACRE_CHUNK_PAGES); chunk <= last;
       chunk = acre__table_skip(table, chunk + 1))
    acre__chunk_set_loose(acre__table_chunk(table, chunk), true);
}

static acre_result punch_reserved(struct acre__region *region, size_t start, size_t end) {
  struct acre__paged *paged = acre__paging_of(region);
  if (!paged->is_open) return ACRE_OK;
  if (!is_still_its_file(paged)) return ACRE_E_IO;
  acre_result result = ACRE_OK;
  for (size_t page = start; page < end && result == ACRE_OK;) {
    struct acre__page_run run = acre__table_run(&region->table, page, end, ACRE_PAGE_PROTECTION);
    if (run.attributes == 0) result = acre__os_file_punch(paged->file, bytes_of(page), bytes_of(run.end - page));
    page = run.end;
  }
  return result;
}

/* A block that the disk does not take back is empty, as nobody could use its page. */
void acre__paging_give_back(struct acre__region *region, size_t start, size_t end) {
  (void)expect_holes(region);
  if (punch_reserved(region, start, end) != ACRE_OK) make_loose(region, start, end);
  acre__paging_uncount(acre__paging_of(region), reserved_pages(region, start, end));
}

static acre_result reveal_chunks(struct acre__region *region, size_t first, size_t last) {
  if (first >= last) return ACRE_OK;
  size_t start = first * ACRE_CHUNK_PAGES, end = acre__min(last * ACRE_CHUNK_PAGES, region->table.pages);
  return acre__os_reveal(acre__region_address(region, start), (size_t)bytes_of(end - start));
}

/* The range's chunks, as wholes: one that lost its last committed page is closed now, and was perhaps open before. */
static acre_result reveal_closed(struct acre__region *region, size_t start, size_t end) {
  const struct acre__table *table = &region->table;
  size_t from = start / ACRE_CHUNK_PAGES, last = (end - 1) / ACRE_CHUNK_PAGES + 1;
  acre_result result = ACRE_OK;
  for (size_t chunk = from; chunk < last && result == ACRE_OK; chunk++) {
    chunk = acre__table_skip(table, chunk);
    if (chunk >= last || !acre__chunk_is_open(acre__table_word(table, chunk))) continue;
    result = reveal_chunks(region, from, chunk);
    from = chunk + 1;
  }
  return result == ACRE_OK ? reveal_chunks(region, from, last) : result;
}

acre_result acre__paging_free(struct acre__region *region, size_t start, size_t end) {
  acre_result result = ACRE_OK;
  if (acre__region_hides(region)) result = reveal_closed(region, start, end);
  if (result == ACRE_OK) result = expect_holes(region);
  if (result == ACRE_OK) result = punch_reserved(region, start, end);
  if (result != ACRE_OK) make_loose(region, start, end);
  return result;
}
