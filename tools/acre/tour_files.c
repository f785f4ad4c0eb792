/* SPDX-License-Identifier: MIT */
/*
 * The tour's chapter on what else mapped files can do, with a small file of its
 * own: it grows under its view, is flushed in the background, is cut off, and is
 * sorted by the command itself; and memory that two processes find by a name.
 */
#include <acre/acre.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "message.h"
#include "number_file.h"
#include "progress.h"
#include "system/system.h"
#include "temp_file.h"
#include "text.h"
#include "tool.h"
#include "tour.h"

enum { SMALL = 1 << 20, LARGE = 4 << 20, ROOM = 64 << 20, LIMIT = 256 << 10, SHARED = 64 << 10, SPARE = 32 << 20 };

struct mapped {
  acre_file *file;
  acre_section *section;
  acre_view *view;
  char *data;
};

/* ------------------------------------------------------------- growth */

static bool open_small(struct tour *tour, struct mapped *out) {
  acre_file_options file_options = {.access = ACRE_ACCESS_READ_WRITE};
  acre_section_options section_options = {.access = ACRE_ACCESS_READ_WRITE, .size = SMALL};
  acre_view_options view_options = {.access = ACRE_ACCESS_READ_WRITE, .reserve = ROOM};
  *out = (struct mapped){.file = NULL};
  acre_result result = acre_file_open(temp_file_path(), &file_options, &out->file);
  if (result == ACRE_OK) result = acre_section_create(out->file, &section_options, &out->section);
  double started = progress_clock();
  if (result == ACRE_OK) result = acre_view_map(out->section, 0, 0, &view_options, &out->view);
  out->data = acre_view_data(out->view);
  return tour_call(tour, result, ACRE_OK, progress_clock() - started,
                   _("acre_view_map(section, 0, 0, &{.reserve = %d}, &view)  // %s of the file, %s of address space"),
                   ROOM, text_size(SMALL).s, text_size(ROOM).s);
}

static void close_file(struct mapped *mapped) {
  if (mapped->view != NULL) (void)acre_view_unmap(mapped->view);
  acre_section_close(mapped->section);
  acre_file_close(mapped->file);
  *mapped = (struct mapped){.file = NULL};
}

static bool grow(struct tour *tour, struct mapped *mapped) {
  tour_step(tour, _("A file that grows where it is"),
            _("A view may reserve more address space than the file has. Then the file grows under it, its disk blocks "
              "allocated, and the view becomes longer at the same address: pointers into it stay good."));
  bool is_open = open_small(tour, mapped);
  if (is_open) {
    const char *before = mapped->data;
    memset(mapped->data, 'a', SMALL);
    tour_watch(tour, mapped->data, ROOM);
    double started = progress_clock();
    acre_result result = acre_view_grow(mapped->view, LARGE);
    is_open = tour_call(tour, result, ACRE_OK, progress_clock() - started, "acre_view_grow(view, %d)", LARGE);
    tour_show(tour);
    struct system_status status;
    tour_check(tour, acre_view_data(mapped->view) == before, _("it has not moved"));
    tour_check(tour, system_look(temp_file_path(), &status) && status.size == LARGE, _("the file is %s long"),
               text_size(LARGE).s);
    tour_check(tour, is_open && before[SMALL - 1] == 'a' && before[SMALL] == 0,
               _("what was there is there, and what was added reads zero"));
  }
  tour_step_end(tour);
  return is_open;
}

/* ------------------------------------------------------------- the flusher */

static void flush_behind(struct tour *tour, struct mapped *mapped) {
  tour_step(
      tour, _("The disk, brought up to date in the background"),
      _("A flusher is a thread that flushes a view every so often, when it is idle, before a deadline, or, as here, so "
        "that never more than a limit is changed and not on the disk: a store that would exceed it waits."));
  acre_flusher_options options = {.dirty_limit = LIMIT};
  acre_flusher_figures figures = {0};
  acre_flusher *flusher;
  double started = progress_clock();
  acre_result result = acre_flusher_start(mapped->view, &options, &flusher);
  if (tour_call(tour, result, ACRE_OK, progress_clock() - started,
                _("acre_flusher_start(view, &{.dirty_limit = %d}, &flusher)  // %s"), LIMIT, text_size(LIMIT).s)) {
    memset(mapped->data, 'b', LARGE);
    (void)acre_flusher_look(flusher, &figures);
    started = progress_clock();
    result = acre_flusher_stop(flusher);
    tour_call(tour, result, ACRE_OK, progress_clock() - started, "acre_flusher_stop(flusher)");
    tour_figure(_("stored"), "%s", text_size(LARGE).s);
    tour_figure(_("flushes meanwhile"), "%s", text_count(figures.flushes).s);
    tour_figure(_("a store has waited"), _("%s times"), text_count(figures.waits).s);
    tour_gap();
    tour_check(tour, figures.flushes >= LARGE / LIMIT - 2,
               _("no more than %s at a time, %s in all: at least %d flushes"), text_size(LIMIT).s, text_size(LARGE).s,
               LARGE / LIMIT - 2);
    tour_check(tour, acre_view_flush(mapped->view, 0, 0, ACRE_FLUSH_DURABLE) == ACRE_OK,
               _("and none of them has failed"));
  }
  tour_step_end(tour);
}

/* ------------------------------------------------------------- no SIGBUS */

static void cut_off(struct tour *tour, struct mapped *mapped) {
  tour_step(tour, _("A file that is cut off under its view"), _(system_words.cut_off));
  size_t page = tour->system.page_size;
  char bytes[16];
  double started = progress_clock();
  acre_result result = acre_guarded_copy(bytes, mapped->data + LARGE - sizeof bytes, sizeof bytes);
  tour_call(tour, result, ACRE_OK, progress_clock() - started, "acre_guarded_copy(bytes, data + %d, %zu)",
            LARGE - (int)sizeof bytes, sizeof bytes);
  bool is_cut = system_cut(temp_file_path(), page), is_refused = !is_cut && errno == EBUSY;
  if (is_cut)
    tour_say(_("Now the file has %zu bytes."), page);
  else
    tour_say(_("To make it shorter is refused: %s."), _(strerror(errno)));
  started = progress_clock();
  result = acre_guarded_copy(bytes, mapped->data + LARGE - sizeof bytes, sizeof bytes);
  acre_result expected = is_refused ? ACRE_OK : ACRE_E_IO;
  tour_call(tour, result, expected, progress_clock() - started, "acre_guarded_copy(bytes, data + %d, %zu)",
            LARGE - (int)sizeof bytes, sizeof bytes);
  if (is_refused)
    tour_check(tour, result == expected, _("nothing is cut off while it is mapped"));
  else
    tour_check(tour, is_cut && result == expected, _("the program lives, and knows"));
  tour_check(tour, mapped->data[page - 1] == 'b', _("what is left of the file is there"));
  tour_step_end(tour);
}

/* ------------------------------------------------------------- names */

int tour_answer(const char *name) {
  acre_name_options options = {.access = ACRE_ACCESS_READ_WRITE};
  acre_view_options view_options = {.access = ACRE_ACCESS_READ_WRITE};
  acre_section *section;
  acre_view *view;
  if (acre_section_open(name, &options, NULL, &section) != ACRE_OK) return 1;
  if (acre_view_map(section, 0, 0, &view_options, &view) != ACRE_OK) return 1;
  char *text = acre_view_data(view);
  bool asked = strcmp(text, "ping") == 0;
  strcpy(text, "pong");
  acre_section_close(section);
  return asked && acre_view_unmap(view) == ACRE_OK ? 0 : 1;
}

static void share(struct tour *tour) {
  tour_step(
      tour, _("One name, two processes"),
      _("A section of memory may have a name. Another process of the same user that opens it has the same memory; the "
        "name goes with the last of them, also if that one is killed."));
  char name[64];
  snprintf(name, sizeof name, "acre-tour-%d", (int)system_process());
  acre_name_options options = {.access = ACRE_ACCESS_READ_WRITE, .mode = ACRE_FILE_CREATE, .size = SHARED};
  acre_view_options view_options = {.access = ACRE_ACCESS_READ_WRITE};
  acre_section *section, *gone;
  acre_view *view = NULL;
  double started = progress_clock();
  acre_result result = acre_section_open(name, &options, NULL, &section);
  tour_call(tour, result, ACRE_OK, progress_clock() - started,
            "acre_section_open(\"%s\", &{.size = %d}, NULL, &section)", name, SHARED);
  if (result == ACRE_OK) result = acre_view_map(section, 0, 0, &view_options, &view);
  if (result == ACRE_OK) {
    char *text = acre_view_data(view);
    strcpy(text, "ping");
    int status = system_run_self((const char *const[]){"tour", "--answer", name, NULL});
    tour_say(_("The other process reads \"ping\" there, and writes \"%s\"."), text);
    tour_check(tour, status == 0 && strcmp(text, "pong") == 0, _("both have had the same memory"));
    (void)acre_view_unmap(view);
  }
  acre_section_close(section);
  acre_name_options again = {.mode = ACRE_FILE_OPEN};
  tour_check(tour, acre_section_open(name, &again, NULL, &gone) == ACRE_E_NOT_FOUND,
             _("with the last one the name is gone"));
  tour_step_end(tour);
}

/* ------------------------------------------------------------- acre sort */

/* Runs this very command: "acre sort FILE --type u64 OPTION". Its exit status; -1: it could not be run. */
static int run_sort(const char *option) {
  return system_run_self((const char *const[]){"sort", temp_file_path(), "--type", "u64", "--quiet", option, NULL});
}

static void sort_safely(struct tour *tour) {
  tour_step(tour, _("Sorted, and nothing to lose"),
            _("Sorted in place, a file is a mixture until the sort is done. 'acre sort' sorts a copy beside it, brings "
              "that to the disk, and renames it over the old one: killed at any moment, it leaves one or the other."));
  struct number_sums before = {0}, after;
  static uint64_t numbers[SMALL / sizeof(uint64_t)];
  numbers_generate(numbers, sizeof numbers / sizeof numbers[0]);
  number_sums_add(&before, numbers, sizeof numbers / sizeof numbers[0]);
  FILE *out = system_open_stream(temp_file_path(), true);
  bool written = out != NULL && fwrite(numbers, sizeof numbers, 1, out) == 1;
  written = out != NULL && fclose(out) == 0 && written;
  struct system_status old, new;
  bool is_known = system_look(temp_file_path(), &old);
  double started = progress_clock();
  int status = written ? run_sort("--endian=little") : -1;
  tour_say("  $ acre sort FILE --type u64        # %s", text_duration(progress_clock() - started).s);
  is_known = is_known && system_look(temp_file_path(), &new);
  bool is_sorted = false;
  tour_check(tour, status == 0 && run_sort("--check") == 0, _("the command says that it is sorted"));
  tour_check(tour,
             number_file_read(temp_file_path(), &after, &is_sorted) && is_sorted && number_sums_equal(&before, &after),
             _("it holds the same numbers as before"));
  tour_check(tour, is_known && old.number != new.number &&old.mode == new.mode, "%s", _(system_words.replaced));
  tour_step_end(tour);
}

/* ------------------------------------------------------------- the chapter */

void tour_files(struct tour *tour) {
  tour_chapter(tour, _("Files that grow, are shared, and fail"));
  uint64_t room;
  bool is_in_ram;
  const char *folder = tour_file_folder();
  if (system_room(folder, &room, &is_in_ram) && room < SPARE) {
    tour_say(_("(This chapter wants %s of room, and '%s' has less.)"), text_size(SPARE).s, folder);
    return;
  }
  if (!temp_file_make(folder, "acre-tour.")) {
    tool_complain(_("cannot make a file in '%s': %s; set TMPDIR to another folder"), folder, _(strerror(errno)));
    tour_check(tour, false, _("a file can be made"));
    return;
  }
  struct mapped mapped;
  if (grow(tour, &mapped)) {
    flush_behind(tour, &mapped);
    cut_off(tour, &mapped);
  }
  close_file(&mapped);
  share(tour);
  sort_safely(tour);
  if (!temp_file_remove())
    tool_complain(_("cannot delete '%s': %s; delete it by hand"), temp_file_path(), _(strerror(errno)));
}
