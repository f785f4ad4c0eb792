/* SPDX-License-Identifier: MIT */
/*
 * acre sort: a file of numbers, records or lines, sorted through views.
 *
 *   default     [FILE] --view, read--> engine --view, written--> [new file] --renamed--> FILE
 *   --output    the same, in another file's place
 *   --in-place  [FILE] --view, read and written--> engine; flushed
 *   --check     [FILE] --view, read--> is it sorted?
 *
 * All that touches a view is in acre_guarded_call, so that a file which another
 * program cuts off is a message. Nothing of FILE is changed by the first two until
 * the new file is whole and on the disk.
 */
#include <acre/acre.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "progress.h"
#include "sort_engine.h"
#include "sort_kernel.h"
#include "sort_options.h"
#include "sort_save.h"
#include "system/system.h"
#include "text.h"
#include "tool.h"

/* A file and all of it mapped. */
struct mapped {
  acre_file *file;
  acre_section *section;
  acre_view *view;
  char *data;
  size_t size;
};

struct sorting {
  struct sort_options options;
  struct sort_means means;
  struct mapped input, output;
  struct progress progress;
  struct system_status status; /* of FILE, when it was opened */
  int fd;                      /* of FILE, for what is no matter of memory */
  enum sort_answer answer;
  size_t written;
  uint64_t record; /* where --check has found it out of order */
  double seconds;
};

static volatile sig_atomic_t asked_to_end; /* how; 0: not at all */

/* ------------------------------------------------------------- files */

static void unmap(struct mapped *mapped) {
  if (mapped->view != NULL) (void)acre_view_unmap(mapped->view);
  acre_section_close(mapped->section);
  acre_file_close(mapped->file);
  *mapped = (struct mapped){.file = NULL};
}

/* Maps `size` bytes of the file; a shorter one grows to that if it may be written. */
static acre_result map(struct mapped *out, const char *path, acre_access access, size_t size) {
  acre_file_options file_options = {.access = access};
  acre_section_options section_options = {.access = access, .size = size};
  acre_view_options view_options = {.access = access};
  acre_result result = acre_file_open(path, &file_options, &out->file);
  if (result == ACRE_OK && size > 0) result = acre_section_create(out->file, &section_options, &out->section);
  if (result == ACRE_OK && size > 0) result = acre_view_map(out->section, 0, 0, &view_options, &out->view);
  out->data = acre_view_data(out->view);
  out->size = size;
  return result;
}

static bool complain_of(const char *path, acre_result result) {
  switch (result) {
    case ACRE_E_NOT_A_FILE:
      tool_complain(_("'%s' is no regular file; only such a file can be mapped and sorted"), path);
      break;
    case ACRE_E_NO_SPACE:
      tool_complain(_("no room for a sorted copy of '%s'; make some, or sort with --in-place"), path);
      break;
    case ACRE_E_NOT_SUPPORTED:
      tool_complain(_("'%s' is a file that cannot be mapped, like those of /proc and /sys; sort a copy of it"), path);
      break;
    default: tool_complain(_("cannot open '%s': %s"), path, _(acre_result_text(result)));
  }
  return false;
}

/* A file that holds no whole number of records. */
static bool has_whole_records(const struct sorting *sorting) {
  size_t record = sorting->options.order.record, size = (size_t)sorting->status.size;
  if (size % record == 0) return true;
  tool_complain(_("'%s' is %zu bytes long, which is no multiple of %zu: %zu are left over; give the right --type or "
                  "--record"),
                sorting->options.file, size, record, size % record);
  return false;
}

/* Opens FILE twice: as Acre does, which refuses what is no file without touching it, and for its properties. */
static bool open_input(struct sorting *sorting) {
  const char *path = sorting->options.file;
  bool writes = sorting->options.in_place;
  char byte;
  acre_access access = writes ? ACRE_ACCESS_READ_WRITE : ACRE_ACCESS_READ;
  acre_result result = map(&sorting->input, path, access, 0);
  if (result != ACRE_OK) return complain_of(path, result);
  sorting->fd = system_open(path, writes ? SYSTEM_READ_WRITE : SYSTEM_READ);
  if (sorting->fd < 0 || !system_look_at_open(sorting->fd, &sorting->status)) {
    tool_complain(_("cannot open '%s': %s; check the path"), path, _(strerror(errno)));
    return false;
  }
  unmap(&sorting->input);
  if (sorting->status.size == 0 && system_read_at(sorting->fd, &byte, 1, 0) > 0)
    return complain_of(path, ACRE_E_NOT_SUPPORTED); /* it says that it is empty, and is not */
  if (!has_whole_records(sorting)) return false;
  result = map(&sorting->input, path, access, (size_t)sorting->status.size);
  return result == ACRE_OK || complain_of(path, result);
}

static void complain_of_change(const struct sorting *sorting) {
  tool_complain(_("'%s' was changed by somebody else meanwhile; nothing was done: sort it again"),
                sorting->options.file);
}

/* Whether FILE is what it was when it was opened. A reader may set its time of access, and nothing else. */
static bool is_unchanged(const struct sorting *sorting) {
  struct system_status now, named;
  const struct system_status *was = &sorting->status;
  bool same = system_look_at_open(sorting->fd, &now) && system_look(sorting->options.file, &named) &&
              named.number == was->number && named.device == was->device && now.size == was->size &&
              now.modified == was->modified && now.changed == was->changed;
  if (!same) complain_of_change(sorting);
  return same;
}

/* ------------------------------------------------------------- the engine, guarded */

static bool tick(void *context, double done) {
  struct sorting *sorting = context;
  progress_update(&sorting->progress, (uint64_t)(done * (double)sorting->status.size));
  return asked_to_end == 0;
}

/* What is complete goes to the disk while the rest is sorted. */
static void wrote(void *context, size_t from, size_t size) {
  struct sorting *sorting = context;
  (void)acre_view_flush(sorting->output.view, from, size, ACRE_FLUSH_START);
}

static void sort_guarded(void *context) {
  struct sorting *sorting = context;
  const struct sort_order *order = &sorting->options.order;
  const struct mapped *input = &sorting->input;
  if (sorting->options.check)
    sorting->answer = sort_check(order, &sorting->means, input->data, input->size, &sorting->record);
  else if (sorting->options.in_place)
    sorting->answer = sort_in_place(order, &sorting->means, input->data, input->size, &sorting->written);
  else
    sorting->answer = sort_run(order, &sorting->means, input->data, input->size, sorting->output.data,
                               &sorting->written);
}

static bool complain_of_loss(const char *path) {
  tool_complain(_("part of '%s' is not to be had: it was cut off meanwhile, or its device fails"), path);
  return false;
}

static bool run_engine(struct sorting *sorting) {
  const char *path = sorting->options.file;
  void *address = NULL;
  bool is_on = !sorting->options.quiet;
  const char *label = sorting->options.check ? _("checking") : _("sorting");
  if (is_on) progress_begin(&sorting->progress, label, (uint64_t)sorting->status.size);
  acre_result result = acre_guarded_call(sort_guarded, sorting, &address);
  int error = errno;
  if (is_on) progress_hide(&sorting->progress);
  if (result == ACRE_E_IO) sorting->answer = SORT_LOST;
  switch (sorting->answer) {
    case SORT_DONE: return true;
    case SORT_STOPPED: break;
    case SORT_NO_MEMORY:
      tool_complain(_("not enough memory to sort '%s' so; give more with --memory, or leave --in-place out"), path);
      break;
    case SORT_RUNS_FAILED:
      tool_complain(_("cannot keep what memory has no room for in '%s': %s; make room there, or give more --memory"),
                    sorting->means.directory, _(strerror(error)));
      break;
    case SORT_LOST: return complain_of_loss(path);
    case SORT_CHANGED: complain_of_change(sorting); break;
  }
  return false;
}

/* ------------------------------------------------------------- check */

static int check(struct sorting *sorting) {
  if (sorting->input.size > 0 && !run_engine(sorting)) return TOOL_FAILED;
  if (sorting->input.size > 0 && sorting->record != UINT64_MAX) {
    tool_complain(_("'%s' is not sorted: number %s, counted from 0, does not belong behind the one before it"),
                  sorting->options.file, text_count(sorting->record).s);
    return TOOL_FAILED;
  }
  if (!sorting->options.quiet) printf(_("'%s' is sorted\n"), sorting->options.file);
  return TOOL_OK;
}

/* ------------------------------------------------------------- a new file */

/* Whether it may take FILE's place: not for who may not write to it, and not if other names lead to it. */
static bool may_replace(const struct sorting *sorting) {
  const char *path = sorting->options.file;
  if (!system_may_write(path)) {
    tool_complain(_("cannot write to '%s': %s; give --output to sort into another file"), path, _(strerror(errno)));
    return false;
  }
  if (sorting->status.links > 1) {
    tool_complain(_("'%s' has other names (hard links), which would keep the old content; give --in-place or --output"),
                  path);
    return false;
  }
  return true;
}

/* The same for another file, that of --output. */
static bool may_replace_output(const char *path, const struct system_status *status) {
  if (status->kind != SYSTEM_FILE) return complain_of(path, ACRE_E_NOT_A_FILE);
  if (!system_may_write(path)) {
    tool_complain(_("cannot write '%s': %s; check the path"), path, _(strerror(errno)));
    return false;
  }
  if (status->links > 1) {
    tool_complain(_("'%s' has other names (hard links), which would keep the old content; name another --output"),
                  path);
    return false;
  }
  return true;
}

static bool make_content(struct sorting *sorting, struct sort_save *save) {
  size_t size = sorting->input.size, room = size;
  if (size == 0) return true;
  if (sorting->options.order.form == SORT_LINES) room++; /* for the last line's end */
  acre_result result = map(&sorting->output, save->made, ACRE_ACCESS_READ_WRITE, room);
  if (result != ACRE_OK) return complain_of(sorting->options.file, result);
  if (room <= sorting->means.memory)
    (void)acre_vm_populate(sorting->output.data, room); /* at once, and not page by page */
  sorting->means.directory = save->folder;
  sorting->means.wrote = wrote;
  if (!run_engine(sorting)) return false;
  result = acre_view_flush(sorting->output.view, 0, 0, ACRE_FLUSH_WAIT);
  acre_file *file = sorting->output.file;
  sorting->output.file = NULL;
  unmap(&sorting->output);
  if (result == ACRE_OK && sorting->written < room) result = acre_file_resize(file, sorting->written);
  if (result == ACRE_OK) result = acre_file_flush(file);
  acre_file_close(file);
  if (result != ACRE_OK)
    tool_complain(_("cannot write the sorted file: %s; '%s' is as it was"), _(acre_result_text(result)),
                  sorting->options.file);
  return result == ACRE_OK;
}

static bool save_sorted(struct sorting *sorting) {
  const char *output = sorting->options.output;
  struct system_status like;
  bool exists = output != NULL && system_look(output, &like);
  bool is_same = exists && like.number == sorting->status.number && like.device == sorting->status.device;
  bool replaces = output == NULL || is_same;
  if (replaces && !may_replace(sorting)) return false;
  if (exists && !is_same && !may_replace_output(output, &like)) return false;
  struct sort_save save;
  int like_fd = -1;
  if (exists && !is_same && (like_fd = system_open(output, SYSTEM_READ)) < 0) {
    tool_complain(_("cannot open '%s': %s; check the path"), output, _(strerror(errno)));
    return false;
  }
  bool good = sort_save_begin(&save, replaces ? sorting->options.file : output);
  good = good && make_content(sorting, &save) && is_unchanged(sorting);
  unmap(&sorting->output);
  if (good) {
    unmap(&sorting->input);
    good = sort_save_finish(&save, replaces ? sorting->fd : like_fd);
    if (replaces) sorting->fd = -1; /* it is closed */
    like_fd = -1;
  }
  sort_save_drop(&save);
  if (like_fd >= 0) close(like_fd);
  return good;
}

/* ------------------------------------------------------------- in place */

/* A last line without an end gets one, before anything is mapped. *added: it has. */
static bool end_last_line(struct sorting *sorting, bool *added) {
  char last;
  uint64_t size = sorting->status.size;
  if (sorting->options.order.form != SORT_LINES || size == 0) return true;
  struct system_status now;
  bool is_there = system_read_at(sorting->fd, &last, 1, size - 1) == 1;
  if (is_there && last == '\n') return true;
  unmap(&sorting->input);
  if (!is_there || !system_look_at_open(sorting->fd, &now) || now.size != size) { /* it would go to where no end is */
    complain_of_change(sorting);
    return false;
  }
  if (!system_write_at(sorting->fd, "\n", 1, size)) {
    tool_complain(_("cannot write to '%s': %s"), sorting->options.file, _(strerror(errno)));
    return false;
  }
  *added = true;
  sorting->status.size++;
  acre_result result = map(&sorting->input, sorting->options.file, ACRE_ACCESS_READ_WRITE, (size_t)size + 1);
  return result == ACRE_OK || complain_of(sorting->options.file, result);
}

/* Where a hole is, a number will be: a disk that is full must not be met in the middle of the sort. */
static bool fill_holes(const struct sorting *sorting) {
  if (system_fill_holes(sorting->fd, sorting->status.size)) return true;
  tool_complain(_("'%s' has holes, and there is no room for what goes into them: %s; make some"), sorting->options.file,
                _(strerror(errno)));
  return false;
}

static bool sort_here(struct sorting *sorting) {
  const char *path = sorting->options.file;
  bool added_end = false;
  struct system_status now;
  if (sorting->input.size == 0) return true;
  if (!fill_holes(sorting) || !end_last_line(sorting, &added_end)) return false;
  if (!sorting->options.quiet)
    fprintf(stderr,
            _("acre: sort: sorting '%s' in place; kill -9 or a power cut meanwhile would cost records, Ctrl-C "
              "would not\n"),
            path);
  system_catch_end(&asked_to_end);
  if (sorting->input.size <= sorting->means.memory) {
    acre_result result = acre_vm_populate(sorting->input.data, sorting->input.size);
    if (result == ACRE_E_NO_SPACE || result == ACRE_E_IO) return complain_of_loss(path);
  }
  bool done = run_engine(sorting);
  acre_result result = acre_view_flush(sorting->input.view, 0, 0, ACRE_FLUSH_DURABLE);
  if (!done) sorting->written = sorting->input.size - (added_end && sorting->answer != SORT_LOST ? 1 : 0);
  bool ends = sorting->written == sorting->input.size; /* the file, where it should */
  if (!ends && system_look_at_open(sorting->fd, &now) && now.size != sorting->status.size) {
    tool_complain(_("'%s' became longer or shorter meanwhile, and has its new size; sort it again"), path);
    return false;
  }
  if (!ends) {
    acre_file *file = sorting->input.file;
    sorting->input.file = NULL;
    unmap(&sorting->input);
    if (result == ACRE_OK) result = acre_file_resize(file, sorting->written);
    if (result == ACRE_OK) result = acre_file_flush(file);
    acre_file_close(file);
  }
  if (result != ACRE_OK) {
    tool_complain(_("part of '%s' is not on the disk: %s"), path, _(acre_result_text(result)));
    return false;
  }
  return done;
}

/* ------------------------------------------------------------- the command */

static void print_help(void) {
  fputs(_("Usage: acre sort FILE --type TYPE | --record N --key KEY | --lines [OPTION]...\n"
          "Sorts a file. Killed at any moment, it leaves the old file or the sorted one.\n"
          "\n"
          "      --type TYPE      numbers: i8 i16 i32 i64 u8 u16 u32 u64 f32 f64\n"
          "      --record N       records of N bytes, ordered by --key OFFSET:TYPE[,...],\n"
          "                       TYPE as above or bN: N bytes\n"
          "      --lines          lines of text; with --numeric by the number that they\n"
          "                       begin with, with --unique (-u) one of those alike\n"
          "      --endian ORDER   of numbers: little (the default) or big\n"
          "  -r, --reverse        the greatest first\n"
          "      --stable         records with the same key keep their order (always so)\n"
          "      --check          change nothing; say whether it is sorted\n"
          "      --output FILE    write there, and leave the first one alone\n"
          "      --in-place       needs no room, but kill -9 would cost records\n"
          "      --memory SIZE    use no more (default: three quarters of what is free)\n"
          "      --quiet          print nothing but errors\n"
          "      --lang LANG      speak LANG: en or ko (default: the locale's language)\n"
          "  -h, --help           show this help\n"
          "\n"
          "Exit status: 0 sorted; 1 it could not be done, or --check found it not sorted;\n"
          "2 the command line is wrong. More: man acre\n"),
        stdout);
}

static uint64_t default_memory(void) {
  acre_system system;
  if (acre_system_info(&system) != ACRE_OK) return UINT64_C(1) << 30;
  uint64_t free_memory = system.available_memory, limit = system.commit_limit - system.commit_charge;
  return (free_memory < limit ? free_memory : limit) / 4 * 3;
}

static void say(const struct sorting *sorting) {
  size_t size = (size_t)sorting->status.size;
  const char *what = sorting->options.type != NULL ? sorting->options.type : _("bytes");
  uint64_t count = size / sorting->options.order.record;
  if (sorting->options.order.form == SORT_RECORDS) what = _("records");
  printf(_("sorted %s %s (%s) in %s: %s\n"), text_count(count).s, what, text_size(size).s,
         text_duration(sorting->seconds).s, text_rate((double)size / sorting->seconds).s);
}

int sort_main(int argc, char **argv) {
  static struct sorting sorting; /* a guard may leave the engine: no register holds any of it */
  sorting.fd = -1;
  int status = sort_options_read(argc, argv, &sorting.options);
  if (status != TOOL_OK) return status;
  if (sorting.options.help) {
    print_help();
    return TOOL_OK;
  }
  uint64_t memory = sorting.options.memory != 0 ? sorting.options.memory : default_memory();
  sorting.means = (struct sort_means){
      .memory = memory < SIZE_MAX ? (size_t)memory : SIZE_MAX, .directory = ".", .tick = tick, .context = &sorting};
  double started = progress_clock();
  bool done = open_input(&sorting);
  if (done && sorting.options.check) {
    status = check(&sorting);
  } else {
    if (done) done = sorting.options.in_place ? sort_here(&sorting) : save_sorted(&sorting);
    status = done ? TOOL_OK : TOOL_FAILED;
    sorting.seconds = progress_clock() - started;
    if (done && !sorting.options.quiet) say(&sorting);
  }
  unmap(&sorting.input);
  if (sorting.fd >= 0) close(sorting.fd);
  if (asked_to_end != 0) system_end_as_asked(asked_to_end);
  return status;
}
