/* SPDX-License-Identifier: MIT */
/*
 * The tour's chapter on a real file of 64-bit numbers, sorted in place
 * through a view. The user's own file is never touched: a copy of it is.
 *
 * What is true of the file afterwards is judged by plain reads, which know
 * nothing of Acre: it ascends, and holds the numbers that it held before.
 */
#include <acre/filemap.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "number_file.h"
#include "progress.h"
#include "sort_kernel.h"
#include "system/system.h"
#include "temp_file.h"
#include "text.h"
#include "tool.h"
#include "tour.h"

#define DEFAULT_SIZE (UINT64_C(512) << 20)
#define MIB (UINT64_C(1) << 20)
#define FEW_BYTES (UINT64_C(64) << 10)

/* Where the file will be, settled before the tour begins. */
static struct {
  char folder[SYSTEM_PATH];
  uint64_t size;
  uint64_t room;  /* bytes free in the folder */
  bool is_in_ram; /* the folder's file system has no disk */
} plan;

/* What is open of the file while it is mapped. */
struct mapped {
  acre_file *file;
  acre_section *section;
  acre_view *view;
};

/* ------------------------------------------------------------- before the tour */

static bool choose(const char *folder) {
  if (folder == NULL || !system_may_fill(folder)) return false;
  snprintf(plan.folder, sizeof plan.folder, "%s", folder);
  return true;
}

static bool choose_folder(const char *beside) {
  const char *wish = system_wished_directory();
  if (choose(beside) || choose(wish)) return true;
  if (wish != NULL) {
    tool_complain(_("cannot write to '%s', which TMPDIR names; set TMPDIR to a folder that can be written to"), wish);
    return false;
  }
  for (const char *const *folder = system_temporary_directories(); *folder != NULL; folder++)
    if (choose(*folder)) return true;
  tool_complain("%s", _(system_words.no_directory));
  return false;
}

/* Judges the user's file. Stores its size and the folder that holds it. false: it has complained. */
static bool examine_file(const char *path, char *folder, size_t folder_size) {
  struct system_status status;
  int fd = system_open(path, SYSTEM_READ);
  if (fd < 0 || !system_look_at_open(fd, &status)) {
    tool_complain(_("cannot open '%s': %s; give a readable file"), path, _(strerror(errno)));
    if (fd >= 0) close(fd);
    return false;
  }
  close(fd);
  if (status.kind == SYSTEM_DIRECTORY)
    tool_complain(_("'%s' is a directory; give a file of 64-bit numbers"), path);
  else if (status.kind != SYSTEM_FILE)
    tool_complain(_("'%s' is not a regular file; give a file of 64-bit numbers"), path);
  else if (status.size == 0)
    tool_complain(_("'%s' is empty; give a file of 64-bit numbers"), path);
  else if (status.size % 8 != 0)
    tool_complain(_("'%s' has %lld bytes, %d past a multiple of 8; give a file of 64-bit numbers"), path,
                  (long long)status.size, (int)(status.size % 8));
  else {
    plan.size = status.size;
    system_directory_of(path, folder, folder_size);
    return true;
  }
  return false;
}

const char *tour_file_folder(void) {
  return plan.folder;
}

bool tour_file_plan(struct tour *tour) {
  char beside[SYSTEM_PATH];
  if (tour->file != NULL && !examine_file(tour->file, beside, sizeof beside)) return false;
  if (!choose_folder(tour->file != NULL ? beside : NULL)) return false;
  if (!system_room(plan.folder, &plan.room, &plan.is_in_ram)) {
    tool_complain(_("cannot learn how much room '%s' has: %s; set TMPDIR to another folder"), plan.folder,
                  _(strerror(errno)));
    return false;
  }

  uint64_t memory = kernel_headroom(tour->system.available_memory);
  if (plan.is_in_ram && memory < plan.room) plan.room = memory;
  if (tour->file == NULL) {
    plan.size = tour->size;
    if (plan.size == 0) {
      plan.size = DEFAULT_SIZE;
      if (plan.size > plan.room / 2) plan.size = plan.room / 2;
      if (plan.size > memory / 2) plan.size = memory / 2;
      plan.size = tour_space(tour, plan.size);
      plan.size -= plan.size % (plan.size > MIB ? MIB : 8);
    }
  }
  if (plan.size == 0 || plan.size > plan.room) {
    tool_complain(_("'%s' has room for %s and the file needs %s; set TMPDIR to a folder with more room"), plan.folder,
                  text_size(plan.room).s, text_size(plan.size > 0 ? plan.size : 8).s);
    return false;
  }
  if (tour_space(tour, plan.size + tour->system.allocation_granularity) < plan.size) {
    tool_complain(_("%s of address space for the file can't be had; raise 'ulimit -v', or give a smaller file"),
                  text_size(plan.size).s);
    return false;
  }
  return true;
}

/* ------------------------------------------------------------- the steps */

static void close_mapped(struct tour *tour, struct mapped *mapped) {
  if (mapped->view != NULL) {
    double started = progress_clock();
    acre_result result = acre_view_unmap(mapped->view);
    tour_call(tour, result, ACRE_OK, progress_clock() - started, "acre_view_unmap(view)");
  }
  acre_section_close(mapped->section);
  acre_file_close(mapped->file);
  *mapped = (struct mapped){NULL, NULL, NULL};
}

/* Opens the file and makes a section of `size` bytes over it (0: the file's own size), saying so. */
static bool open_section(struct tour *tour, struct mapped *mapped, uint64_t size) {
  *mapped = (struct mapped){NULL, NULL, NULL};
  acre_file_options file_options = {.access = ACRE_ACCESS_READ_WRITE};
  double started = progress_clock();
  acre_result result = acre_file_open(temp_file_path(), &file_options, &mapped->file);
  if (!tour_call(tour, result, ACRE_OK, progress_clock() - started, "acre_file_open(\"%s\", &read_write, &file)",
                 temp_file_path()))
    return false;
  acre_section_options section_options = {.access = ACRE_ACCESS_READ_WRITE, .size = size};
  started = progress_clock();
  result = acre_section_create(mapped->file, &section_options, &mapped->section);
  return tour_call(tour, result, ACRE_OK, progress_clock() - started,
                   _("acre_section_create(file, &read_write, &section)  // %s"),
                   text_size(acre_section_size(mapped->section)).s);
}

static bool map_view(struct tour *tour, struct mapped *mapped, void *wish) {
  acre_view_options options = {.access = ACRE_ACCESS_READ_WRITE, .address = wish};
  double started = progress_clock();
  acre_result result = acre_view_map(mapped->section, 0, 0, &options, &mapped->view);
  double seconds = progress_clock() - started;
  return tour_call(tour, result, ACRE_OK, seconds, _("acre_view_map(section, 0, 0, &options, &view)  // at %p"),
                   acre_view_data(mapped->view));
}

/* Where a view of the section would be placed: so that these pages can be shown as FREE before it is. */
static void *free_place(acre_section *section) {
  acre_view *view;
  if (acre_view_map(section, 0, 0, NULL, &view) != ACRE_OK) return NULL;
  void *place = acre_view_data(view);
  return acre_view_unmap(view) == ACRE_OK ? place : NULL;
}

static bool generate(struct tour *tour, struct number_sums *sums) {
  char explanation[512];
  snprintf(explanation, sizeof explanation,
           _("%s random 64-bit numbers, %s, are written without a write call: a section makes the file as long as "
             "it shall be, its disk blocks allocated, and the numbers are stored in a view of it."),
           text_count(plan.size / 8).s, text_size(plan.size).s);
  tour_step(tour, _("Make a file"), explanation);
  if (tour->size == 0 && plan.size < DEFAULT_SIZE)
    tour_say(_("(512 MiB is what it would be where there is more room: '%s' has %s.)"), plan.folder,
             text_size(plan.room).s);
  struct mapped mapped;
  bool made = open_section(tour, &mapped, plan.size) && map_view(tour, &mapped, NULL);
  if (made) {
    uint64_t *numbers = acre_view_data(mapped.view);
    size_t count = (size_t)(plan.size / sizeof *numbers);
    tour_watch(tour, numbers, (size_t)plan.size);
    numbers_generate(numbers, count);
    number_sums_add(sums, numbers, count);
    tour_show(tour);
  }
  close_mapped(tour, &mapped);
  if (made) {
    struct system_status status;
    bool is_known = system_look(temp_file_path(), &status);
    tour_gap();
    tour_check(tour, is_known && status.size == plan.size, _("the file is %s long"), text_size(plan.size).s);
    tour_check(tour, is_known && status.allocated >= plan.size,
               _("its blocks are allocated: no store could meet a full disk"));
  }
  tour_step_end(tour);
  return made;
}

static bool copy_users_file(struct tour *tour, struct number_sums *sums) {
  char explanation[SYSTEM_PATH + 512];
  snprintf(explanation, sizeof explanation,
           _("'%s' holds %s numbers, %s. It stays as it is: a copy is sorted, and deleted at the end."), tour->file,
           text_count(plan.size / 8).s, text_size(plan.size).s);
  tour_step(tour, _("Copy your file"), explanation);
  bool copied = number_file_copy(tour->file, temp_file_path(), plan.size);
  if (!copied && errno == 0)
    tool_complain(_("'%s' became shorter while it was copied; give a file that nobody is changing"), tour->file);
  else if (!copied)
    tool_complain(_("cannot copy '%s' to '%s': %s; set TMPDIR to a folder with room"), tour->file, plan.folder,
                  _(strerror(errno)));
  bool is_sorted = false;
  if (copied) copied = number_file_read(temp_file_path(), sums, &is_sorted);
  tour_check(tour, copied && sums->count * 8 == plan.size, _("the copy is whole: %s"), text_size(plan.size).s);
  if (copied && is_sorted) tour_say(_("(It ascends already: sorting it will be quick.)"));
  tour_step_end(tour);
  return copied;
}

static bool map_file(struct tour *tour, struct mapped *mapped) {
  tour_step(tour, _("Map it"),
            _("Three things: the file, a section that says what of it may be mapped, and a view that puts it in the "
              "address space. Mapping reads nothing: a page of the file is read, or found in the kernel's cache, when "
              "it is touched."));
  bool is_open = open_section(tour, mapped, 0);
  if (is_open) {
    void *place = free_place(mapped->section);
    if (place != NULL) tour_watch(tour, place, (size_t)plan.size);
    is_open = map_view(tour, mapped, place);
  }
  if (is_open) {
    tour_show(tour);
    tour_check(tour, tour->before.range.free == tour->watched_size, _("before, these addresses were FREE"));
    tour_check(tour, tour->after.range.committed == tour->watched_size, _("now the whole file is there: %s"),
               text_size(plan.size).s);
    tour_check(tour, tour->after.range.touched == 0, _("and none of it has been read into this process"));
  }
  tour_step_end(tour);
  return is_open;
}

static void sort_view(struct tour *tour, const struct mapped *mapped) {
  uint64_t *numbers = acre_view_data(mapped->view);
  size_t count = acre_view_size(mapped->view) / sizeof *numbers;
  tour_step(tour, _("Sort it in place"),
            _("Without a mapping: read the file into memory, sort, write it back. With one: sort. The view is the "
              "file."));
  tour_watch(tour, numbers, count * sizeof *numbers);
  uint64_t before = 0, after = 0;
  bool is_told = kernel_transferred(&before);
  struct progress progress;
  progress_begin(&progress, _("sorting"), 0);
  double started = progress_clock();
  bool done = sort_kernel_numbers(numbers, count, sizeof *numbers);
  double seconds = progress_clock() - started;
  progress_end(&progress);
  is_told = is_told && kernel_transferred(&after);
  tour_say(_("%s numbers in %s: %s, by %s"), text_count(count).s, text_duration(seconds).s,
           text_rate((double)(count * sizeof *numbers) / seconds).s, sort_kernel_name());
  tour_show(tour);
  tour_check(tour, done && numbers_are_sorted(numbers, count), _("the numbers ascend, seen through the view"));
  if (is_told)
    tour_check(tour, after - before < FEW_BYTES, _("read and write calls moved less than %s meanwhile"),
               text_size(FEW_BYTES).s);
  else
    tour_say(_("(This system does not tell what read and write calls have moved.)"));
  tour_step_end(tour);
}

static void flush_and_close(struct tour *tour, struct mapped *mapped) {
  tour_step(tour, _("Flush and close"),
            _("What was stored is in the file at once, for everyone who reads it; the kernel brings the disk up to "
              "date when it likes. A flush does it now, and waits until the device has it."));
  const void *data = acre_view_data(mapped->view);
  tour_watch(tour, data, acre_view_size(mapped->view));
  uint64_t dirty_before, dirty_after;
  bool is_told = kernel_dirty(data, &dirty_before);
  double started = progress_clock();
  acre_result result = acre_view_flush(mapped->view, 0, 0, ACRE_FLUSH_DURABLE);
  tour_call(tour, result, ACRE_OK, progress_clock() - started, "acre_view_flush(view, 0, 0, ACRE_FLUSH_DURABLE)");
  is_told = is_told && kernel_dirty(data, &dirty_after);
  close_mapped(tour, mapped);
  tour_show(tour);
  if (is_told && !plan.is_in_ram) {
    tour_figure(_("not on the disk yet"), _("%s before the flush, %s after it"), text_size(dirty_before).s,
                text_size(dirty_after).s);
    tour_gap();
    tour_check(tour, dirty_after == 0, _("after the flush nothing waits for the disk"));
  } else if (plan.is_in_ram) {
    tour_say(_("('%s' is in RAM and has no disk to flush to.)"), plan.folder);
  } else {
    tour_say(_("(This system does not tell what is not on the disk yet.)"));
  }
  tour_check(tour, tour->after.range.free == tour->watched_size, _("the view's addresses are FREE"));
  tour_step_end(tour);
}

static void verify(struct tour *tour, const struct number_sums *sums) {
  tour_step(tour, _("Is it true?"),
            _("The file is read again by plain stdio, which knows nothing of views: it must ascend, and hold the same "
              "numbers as before (their count, sum, exclusive or, and a sum of each one mixed)."));
  struct number_sums now;
  bool is_sorted = false;
  struct system_status status;
  bool was_read = number_file_read(temp_file_path(), &now, &is_sorted);
  tour_figure(_("numbers"), "%s", text_count(now.count).s);
  tour_figure(_("sum before, and now"), "%016" PRIx64 "  %016" PRIx64, sums->sum, now.sum);
  tour_figure(_("exclusive or"), "%016" PRIx64 "  %016" PRIx64, sums->exclusive_or, now.exclusive_or);
  tour_figure(_("sum of the mixed"), "%016" PRIx64 "  %016" PRIx64, sums->mixed, now.mixed);
  tour_gap();
  tour_check(tour, was_read && is_sorted, _("the file ascends"));
  tour_check(tour, was_read && number_sums_equal(sums, &now), _("it holds the same numbers as before"));
  tour_check(tour, temp_file_remove() && !system_look(temp_file_path(), &status), _("the file is deleted"));
  tour_step_end(tour);
}

void tour_file(struct tour *tour) {
  tour_chapter(tour, _("A file, sorted in place"));
  if (!temp_file_make(plan.folder, "acre-tour.")) {
    tool_complain(_("cannot make a file in '%s': %s; set TMPDIR to another folder"), plan.folder, _(strerror(errno)));
    tour_check(tour, false, _("a file can be made"));
    return;
  }
  struct number_sums sums = {0};
  struct mapped mapped;
  if (tour->file != NULL ? copy_users_file(tour, &sums) : generate(tour, &sums)) {
    if (map_file(tour, &mapped)) {
      sort_view(tour, &mapped);
      flush_and_close(tour, &mapped);
      verify(tour, &sums);
    } else {
      close_mapped(tour, &mapped);
    }
  }
  if (!temp_file_remove())
    tool_complain(_("cannot delete '%s': %s; delete it by hand"), temp_file_path(), _(strerror(errno)));
}
