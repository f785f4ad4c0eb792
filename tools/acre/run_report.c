/* SPDX-License-Identifier: MIT */
/*
 * What the processes of a run have written down, for people and for programs.
 *
 * The board is the processes' to write: texts may lack an end, counts be larger
 * than the table, figures be anything. Nothing read here is used as an index or a length unchecked.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/wait.h>

#include "json.h"
#include "message.h"
#include "run.h"
#include "text.h"

enum { NAME_WIDTH = 14, FIGURE_WIDTH = 12, CLASSES_SHOWN = 4, CHILDREN_SHOWN = 10, COLUMNS = 78 };

/* A text of the board, with an end. */
struct name {
  char s[128];
};

static struct name name_of(const char *text, size_t room) {
  struct name name;
  size_t length = strnlen(text, room < sizeof name.s ? room : sizeof name.s - 1);
  memcpy(name.s, text, length);
  name.s[length] = '\0';
  for (char *c = name.s; *c != '\0'; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
  return name;
}

static bool has_ended(const struct acre__board_entry *entry) {
  return atomic_load(&entry->state) == ACRE_BOARD_ENDED;
}

static const struct acre__board_entry *find_main(const struct acre__board *board, pid_t pid) {
  const struct acre__board_entry *found = NULL;
  for (uint32_t i = 0; i < run_entries(board); i++)
    if (atomic_load(&board->entries[i].pid) == (uint32_t)pid) found = &board->entries[i];
  return found;
}

/* ------------------------------------------------------------- the table */

static void print_cell(FILE *out, const char *text) {
  fputs("  ", out);
  text_print_right(out, text, FIGURE_WIDTH);
}

/* `final` is shown if the process has told of it. */
static void print_row(FILE *out, const char *name, struct text peak, struct text final, bool peak_known,
                      bool final_known) {
  fputs("  ", out);
  text_print_left(out, name, NAME_WIDTH);
  print_cell(out, peak_known ? peak.s : "-");
  print_cell(out, final_known ? final.s : "-");
  fputc('\n', out);
}

static void print_line(FILE *out, const char *name, const char *text) {
  fputs("  ", out);
  text_print_left(out, name, NAME_WIDTH);
  fprintf(out, "  %s\n", text);
}

static void print_classes(FILE *out, const struct acre__board_entry *entry) {
  char line[512] = "";
  size_t length = 0;
  for (unsigned i = 0; i < CLASSES_SHOWN && entry->classes[i].blocks != 0 && length < sizeof line; i++) {
    const struct acre__board_class *class = &entry->classes[i];
    int added = snprintf(line + length, sizeof line - length, "%s%s x %s", i == 0 ? "" : "; ",
                         text_count(class->blocks).s, class->size == 0 ? _("large") : text_size(class->size).s);
    if (added > 0) length += (size_t)added;
  }
  if (line[0] != '\0') print_line(out, _("largest"), line);
}

static void print_limit(FILE *out, const struct acre__board_entry *entry) {
  char line[512];
  uint64_t hits = atomic_load(&entry->limit_hits);
  if (hits == 0)
    snprintf(line, sizeof line, "%s", _("never met"));
  else
    snprintf(line, sizeof line, _("met %s times; first for %s, by %s"), text_count(hits).s,
             text_size(entry->limit_size).s, name_of(entry->limit_where, sizeof entry->limit_where).s);
  print_line(out, _("limit"), line);
}

/* Of a run with checks. */
static void print_checks(FILE *out, const struct acre__board_entry *entry) {
  char line[512];
  if (entry->checked == 0) return;
  int length = snprintf(line, sizeof line, _("%s blocks at most"), text_count(entry->checked_peak).s);
  if (entry->checked_not != 0 && length > 0 && (size_t)length < sizeof line)
    snprintf(line + length, sizeof line - (size_t)length, _("; %s could not be"), text_count(entry->checked_not).s);
  print_line(out, _("checked"), line);
}

static void print_process(FILE *out, const struct acre__board *board, const struct acre__board_entry *entry) {
  bool ended = has_ended(entry);
  uint64_t reserved = atomic_load(&entry->reserved);
  fputs("  ", out);
  text_print_left(out, "", NAME_WIDTH);
  print_cell(out, _("peak"));
  print_cell(out, _("final"));
  fputc('\n', out);
  print_row(out, _("reserved"), text_size(atomic_load(&entry->reserved_peak)), text_size(reserved), true, true);
  print_row(out, _("committed"), text_size(entry->committed_peak), text_size(entry->committed), ended, ended);
  uint64_t most = atomic_load(&entry->in_use_peak);
  print_row(out, _("in use"), text_size(most), text_size(entry->in_use), most != 0, ended);
  print_row(out, _("resident"), text_size(entry->resident_peak), text_size(entry->resident), ended, ended);
  if (ended) {
    print_row(out, _("blocks"), text_count(0), text_count(entry->blocks), false, true);
    struct text share;
    double unused = reserved > entry->in_use ? (double)(reserved - entry->in_use) / (double)reserved : 0;
    snprintf(share.s, sizeof share.s, "%.0f %%", unused * 100);
    print_row(out, _("fragmentation"), share, share, false, true);
    print_row(out, _("threads"), text_count(entry->threads), share, true, false);
    print_classes(out, entry);
    print_checks(out, entry);
  }
  if (board->limited != 0) print_limit(out, entry);
}

static void print_child(FILE *out, const struct acre__board_entry *entry) {
  struct name program = name_of(entry->program, sizeof entry->program);
  fprintf(out, "    %s [%u]: ", program.s, (unsigned)atomic_load(&entry->pid));
  fprintf(out, _("reserved %s, in use %s at most"), text_size(atomic_load(&entry->reserved_peak)).s,
          text_size(atomic_load(&entry->in_use_peak)).s);
  if (atomic_load(&entry->limit_hits) != 0)
    fprintf(out, _("; met the limit %s times"), text_count(atomic_load(&entry->limit_hits)).s);
  fputc('\n', out);
}

/* The largest ones, and how many there were. */
static void print_children(FILE *out, const struct acre__board *board, const struct acre__board_entry *top) {
  static bool shown[ACRE_BOARD_ENTRIES];
  uint32_t count = run_entries(board), children = 0;
  memset(shown, 0, sizeof shown);
  for (uint32_t i = 0; i < count; i++) children += &board->entries[i] != top;
  if (children == 0) return;
  fprintf(out, _("  children: %s\n"), text_count(children).s);
  for (unsigned n = 0; n < CHILDREN_SHOWN && n < children; n++) {
    uint32_t best = count;
    for (uint32_t i = 0; i < count; i++) {
      if (shown[i] || &board->entries[i] == top) continue;
      if (best == count ||
          atomic_load(&board->entries[i].reserved_peak) > atomic_load(&board->entries[best].reserved_peak))
        best = i;
    }
    if (best == count) break;
    shown[best] = true;
    print_child(out, &board->entries[best]);
  }
  if (children > CHILDREN_SHOWN)
    fprintf(out, _("    ... and %s more, which reserved no more than these\n"),
            text_count(children - CHILDREN_SHOWN).s);
}

static void print_how(FILE *out, const char *program, const struct run_end *end) {
  fprintf(out, "acre: run: %s [%d]: %s, ", program, (int)end->pid, text_duration(end->seconds).s);
  if (WIFSIGNALED(end->status))
    fprintf(out, _("ended by signal %d (%s)\n"), WTERMSIG(end->status), strsignal(WTERMSIG(end->status)));
  else
    fprintf(out, _("exit status %d\n"), WEXITSTATUS(end->status));
}

void run_print_table(FILE *out, const struct acre__board *board, const struct run_end *end) {
  const struct acre__board_entry *top = find_main(board, end->pid);
  print_how(out, top == NULL ? "?" : name_of(top->program, sizeof top->program).s, end);
  if (top == NULL)
    fputs(_("  The command took no notice of the heap: nothing is known of its memory.\n"), out);
  else
    print_process(out, board, top);
  print_children(out, board, top);
  uint32_t asked = atomic_load(&board->used);
  if (asked > ACRE_BOARD_ENTRIES)
    fprintf(out, _("  processes that found no room on the board: %s\n"), text_count(asked - ACRE_BOARD_ENTRIES).s);
  fflush(out);
}

/* ------------------------------------------------------------- JSON */

static void print_entry(struct json *json, const struct acre__board *board, const struct acre__board_entry *entry) {
  bool ended = has_ended(entry);
  json_begin_object(json, NULL);
  json_string(json, "program", name_of(entry->program, sizeof entry->program).s);
  json_number(json, "pid", atomic_load(&entry->pid));
  json_number(json, "parent", entry->parent);
  json_bool(json, "told_its_end", ended);
  json_number(json, "reserved", atomic_load(&entry->reserved));
  json_number(json, "reserved_peak", atomic_load(&entry->reserved_peak));
  json_number(json, "in_use_peak", atomic_load(&entry->in_use_peak));
  if (board->limited != 0) {
    json_number(json, "limit_hits", atomic_load(&entry->limit_hits));
    if (atomic_load(&entry->limit_hits) != 0) {
      json_number(json, "limit_first_size", entry->limit_size);
      json_string(json, "limit_first_where", name_of(entry->limit_where, sizeof entry->limit_where).s);
    }
  }
  if (ended) {
    json_number(json, "in_use", entry->in_use);
    json_number(json, "blocks", entry->blocks);
    json_number(json, "large_blocks", entry->large);
    json_number(json, "committed", entry->committed);
    json_number(json, "committed_peak", entry->committed_peak);
    json_number(json, "resident", entry->resident);
    json_number(json, "resident_peak", entry->resident_peak);
    json_number(json, "threads", entry->threads);
    if (entry->checked != 0) {
      json_number(json, "checked_blocks", entry->checked_blocks);
      json_number(json, "checked_blocks_peak", entry->checked_peak);
      json_number(json, "not_checked", entry->checked_not);
    }
    json_begin_array(json, "largest_classes");
    for (unsigned i = 0; i < ACRE_BOARD_CLASSES && entry->classes[i].blocks != 0; i++) {
      json_begin_object(json, NULL);
      if (entry->classes[i].size != 0) json_number(json, "size", entry->classes[i].size);
      json_number(json, "blocks", entry->classes[i].blocks);
      json_number(json, "bytes", entry->classes[i].bytes);
      json_end_object(json);
    }
    json_end_array(json);
  }
  json_end_object(json);
}

static void print_timeline(struct json *json, const struct run_timeline *timeline) {
  json_begin_array(json, "timeline");
  for (size_t i = 0; i < timeline->count; i++) {
    const struct run_sample *sample = &timeline->samples[i];
    json_begin_object(json, NULL);
    json_number(json, "milliseconds", sample->milliseconds);
    json_number(json, "pid", sample->pid);
    json_number(json, "reserved", sample->reserved);
    json_number(json, "resident", sample->resident);
    json_end_object(json);
  }
  json_end_array(json);
}

void run_print_json(FILE *out, const struct acre__board *board, const struct run_end *end) {
  struct json json;
  json_start(&json, out);
  json_begin_object(&json, NULL);
  json_number(&json, "pid", (uint64_t)end->pid);
  json_number(&json, "milliseconds", (uint64_t)(end->seconds * 1000));
  if (WIFSIGNALED(end->status))
    json_integer(&json, "signal", WTERMSIG(end->status));
  else
    json_integer(&json, "exit_status", WEXITSTATUS(end->status));
  json_number(&json, "stories", end->stories);
  json_begin_array(&json, "processes");
  for (uint32_t i = 0; i < run_entries(board); i++)
    if (atomic_load(&board->entries[i].pid) != 0) print_entry(&json, board, &board->entries[i]);
  json_end_array(&json);
  if (end->timeline.interval != 0) print_timeline(&json, &end->timeline);
  json_end_object(&json);
  json_finish(&json);
}
