/* SPDX-License-Identifier: MIT */
/* The frame of `acre tour` (see tour.h): options, steps, figures, checks, exit status. */
#include "tour.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "terminal.h"
#include "text.h"
#include "tool.h"

#define INDENT 4

static void print_help(void) {
  fputs(_("Usage: acre tour [FILE] [OPTION]...\n"
          "Shows virtual memory on this machine: system numbers, reserve, commit, the array\n"
          "that never moves, heaps, the edge, the commit limit and the paging file, a file\n"
          "sorted in place. Every step is drawn and checked with the kernel's own figures.\n"
          "\n"
          "FILE: 64-bit numbers; a copy of it is sorted, beside it or in TMPDIR. Without it\n"
          "a file of random numbers is made, sorted and deleted.\n"
          "\n"
          "Options:\n"
          "      --pages N     pages of the region in chapter 3 (4 to 65536; default 16)\n"
          "      --size BYTES  size of the array and of the made file: 64000, 64K, 512M, 2G\n"
          "                    (default 2G and 512M, less where memory or disk is small)\n"
          "      --pause       wait for Enter after each step\n"
          "      --no-color    no colours (also: the variable NO_COLOR)\n"
          "      --lang LANG   speak LANG: en or ko (default: the locale's language)\n"
          "  -h, --help        show this help\n"
          "\n"
          "Exit status: 0 every step behaved as it says; 1 one did not, or the tour could\n"
          "not go on; 2 the command line is wrong.\n"),
        stdout);
}

/* ------------------------------------------------------------- printing */

static void print_line(const char *before, const char *format, va_list arguments) {
  char line[1024];
  vsnprintf(line, sizeof line, format, arguments);
  fputs(before, stdout);
  puts(line);
}

static void print_paragraph(const char *format, va_list arguments) {
  char paragraph[2048];
  vsnprintf(paragraph, sizeof paragraph, format, arguments);
  text_print_paragraph(stdout, paragraph, INDENT, TERMINAL_COLUMNS - 1);
}

void tour_chapter(struct tour *tour, const char *title) {
  tour->chapter++;
  tour->step = 0;
  char heading[256];
  snprintf(heading, sizeof heading, "%u. %s ", tour->chapter, title);
  printf("\n%s%s", terminal_paint(PAINT_TITLE), heading);
  for (size_t column = text_width(heading); column < TERMINAL_COLUMNS - 2; column++) putchar('=');
  printf("%s\n", terminal_paint(PAINT_NONE));
}

void tour_step(struct tour *tour, const char *title, const char *explanation) {
  tour->step++;
  printf("\n%s%u.%u %s%s\n", terminal_paint(PAINT_TITLE), tour->chapter, tour->step, title, terminal_paint(PAINT_NONE));
  text_print_paragraph(stdout, explanation, INDENT, TERMINAL_COLUMNS - 1);
  putchar('\n');
}

void tour_step_end(struct tour *tour) {
  if (!tool_flush()) exit(TOOL_FAILED);
  if (!tour->pauses) return;
  printf("%s%s%s", terminal_paint(PAINT_QUIET), _("    Press Enter to go on. "), terminal_paint(PAINT_NONE));
  fflush(stdout);
  int c;
  while ((c = getchar()) != '\n' && c != EOF) continue;
  if (c == EOF) {
    tour->pauses = false;
    putchar('\n');
  }
}

void tour_say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_paragraph(format, arguments);
  va_end(arguments);
}

void tour_gap(void) {
  putchar('\n');
}

void tour_figure(const char *name, const char *format, ...) {
  printf("%*s", INDENT, "");
  text_print_left(stdout, name, 30);
  va_list arguments;
  va_start(arguments, format);
  print_line("", format, arguments);
  va_end(arguments);
}

bool tour_call(struct tour *tour, acre_result result, acre_result expected, double seconds, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char call[256];
  vsnprintf(call, sizeof call, format, arguments);
  va_end(arguments);
  text_print_paragraph(stdout, call, INDENT, TERMINAL_COLUMNS - 1);
  printf("%*s-> %s, %s\n", INDENT + 2, "", acre_result_name(result), text_duration(seconds).s);
  if (result != ACRE_OK) {
    char sentence[512];
    snprintf(sentence, sizeof sentence, "%s.", _(acre_result_text(result)));
    text_print_paragraph(stdout, sentence, INDENT + 5, TERMINAL_COLUMNS - 1);
  }
  if (result == expected) return true;
  return tour_check(tour, false, _("the call answers %s"), acre_result_name(expected));
}

bool tour_check(struct tour *tour, bool holds, const char *format, ...) {
  tour->checks++;
  if (!holds) tour->failures++;
  char verdict[64], claim[1024];
  snprintf(verdict, sizeof verdict, "%s", holds ? _("ok") : _("FAILED"));
  printf("%*s%s", INDENT, "", terminal_paint(holds ? PAINT_GOOD : PAINT_BAD));
  text_print_left(stdout, verdict, 7);
  printf("%s", terminal_paint(PAINT_NONE));
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(claim, sizeof claim, format, arguments);
  va_end(arguments);
  puts(claim);
  return holds;
}

/* ------------------------------------------------------------- looking */

static void look(const struct tour *tour, struct tour_look *out) {
  bar_begin(&out->bar, tour->watched, tour->watched_size, tour->system.page_size);
  if (kernel_range(tour->watched, tour->watched_size, &out->range, bar_add, &out->bar) && kernel_process(&out->process))
    return;
  tool_complain(_("cannot read the kernel's figures of this process: %s; run it where /proc is mounted"),
                _(strerror(errno)));
  exit(TOOL_FAILED);
}

void tour_watch(struct tour *tour, const void *base, size_t size) {
  size_t page = tour->system.page_size;
  tour->watched = base;
  tour->watched_size = (size + page - 1) / page * page;
  look(tour, &tour->before);
}

static void print_bar_line(const char *label, size_t label_width, const struct bar *bar) {
  printf("%*s", INDENT, "");
  text_print_left(stdout, label, label_width + 1);
  bar_print(bar);
  putchar('\n');
}

static void print_cell_note(const struct tour *tour, size_t indent) {
  size_t bytes = tour->before.bar.cell_bytes;
  size_t pages = bytes / tour->system.page_size;
  printf("%*s%s", (int)indent, "", terminal_paint(PAINT_QUIET));
  if (pages == 1)
    printf(_("one cell: one page, %s"), text_size(bytes).s);
  else
    printf(_("one cell: %s pages, %s"), text_count(pages).s, text_size(bytes).s);
  printf("%s\n", terminal_paint(PAINT_NONE));
}

static void print_figures_row(const char *label, const struct tour_look *look) {
  printf("%*s", INDENT, "");
  text_print_left(stdout, label, 9);
  text_print_right(stdout, text_size(look->range.reserved).s, 11);
  text_print_right(stdout, text_size(look->range.committed).s, 12);
  text_print_right(stdout, text_size(look->range.touched).s, 12);
  text_print_right(stdout, text_size(look->process.rss).s, 17);
  text_print_right(stdout, text_count(look->process.mappings).s, 12);
  putchar('\n');
}

void tour_show(struct tour *tour) {
  look(tour, &tour->after);
  const char *before = _("before"), *after = _("after");
  size_t width = text_width(before) > text_width(after) ? text_width(before) : text_width(after);
  putchar('\n');
  bar_print_legend(INDENT + width + 1);
  print_bar_line(before, width, &tour->before.bar);
  print_bar_line(after, width, &tour->after.bar);
  print_cell_note(tour, INDENT + width + 1);
  printf("\n%*s%s", INDENT, "", terminal_paint(PAINT_QUIET));
  text_print_left(stdout, _("kernel:"), 9);
  text_print_right(stdout, "RESERVE", 11);
  text_print_right(stdout, "COMMIT", 12);
  text_print_right(stdout, _("touched"), 12);
  text_print_right(stdout, _("RSS of process"), 17);
  text_print_right(stdout, _("mappings"), 12);
  printf("%s\n", terminal_paint(PAINT_NONE));
  print_figures_row(before, &tour->before);
  print_figures_row(after, &tour->after);
  putchar('\n');
}

void tour_show_bar(struct tour *tour, const char *label) {
  look(tour, &tour->after);
  print_bar_line(label, 6, &tour->after.bar);
}

size_t tour_space(const struct tour *tour, uint64_t wish) {
  uint64_t space = (tour->system.highest_address - tour->system.lowest_address) / 4 * 3;
  uint64_t limit = kernel_space_limit();
  if (limit < space) space = limit;
  if (space > wish) space = wish;
  return (size_t)space / tour->system.allocation_granularity * tour->system.allocation_granularity;
}

/* ------------------------------------------------------------- the command */

static bool parse_pages(struct tour *tour, const char *text) {
  uint64_t pages;
  if (text_parse_count(text, &pages) == TEXT_PARSED && pages >= TOUR_FEWEST_PAGES && pages <= TOUR_MOST_PAGES) {
    tour->pages = (size_t)pages;
    return true;
  }
  tool_complain(_("--pages '%s': give a number from %d to %d"), text, TOUR_FEWEST_PAGES, TOUR_MOST_PAGES);
  return false;
}

static bool parse_size(struct tour *tour, const char *text) {
  enum text_parse result = text_parse_size(text, &tour->size);
  if (result == TEXT_PARSED && tour->size >= 8 && tour->size % 8 == 0 && tour->size <= INT64_MAX) return true;
  if (result == TEXT_NOT_A_NUMBER)
    tool_complain(_("--size '%s' is no size; give bytes, or a number with K, M, G or T, such as 512M"), text);
  else if (result == TEXT_TOO_LARGE || tour->size > INT64_MAX)
    tool_complain(_("--size '%s' is more than a file can have; give less, such as 512M"), text);
  else
    tool_complain(_("--size '%s': the file holds 8-byte numbers; give a multiple of 8, at least 8"), text);
  return false;
}

/* Returns whether the tour shall run; else *status is the exit status. */
static bool parse_options(struct tour *tour, int argc, char **argv, int *status) {
  static const struct option options[] = {
      {"pages", required_argument, NULL, 'p'}, {"size", required_argument, NULL, 's'},
      {"pause", no_argument, NULL, 'w'},       {"answer", required_argument, NULL, 'a'}, /* of the tour's own */
      {"no-color", no_argument, NULL, 'c'},    {"lang", required_argument, NULL, 'L'},
      {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
  bool help = false, no_color = false;
  *status = TOOL_USAGE;
  for (int option; (option = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
    switch (option) {
      case 'p':
        if (!parse_pages(tour, optarg)) return false;
        break;
      case 's':
        if (!parse_size(tour, optarg)) return false;
        break;
      case 'w': tour->pauses = true; break;
      case 'a': *status = tour_answer(optarg); return false;
      case 'c': no_color = true; break;
      case 'L':
        if (!tool_set_language(optarg)) return false;
        break;
      case 'h': help = true; break;
      default: tool_bad_option(option, argv); return false;
    }
  }
  if (help) {
    print_help();
    *status = TOOL_OK;
    return false;
  }
  if (argc - optind > 1) {
    tool_complain(_("'%s' is one file too many; give one FILE or none"), argv[optind + 1]);
    return false;
  }
  if (argc - optind == 1) tour->file = argv[optind];
  terminal_begin(no_color);
  return true;
}

static void print_summary(const struct tour *tour) {
  putchar('\n');
  if (tour->failures == 0)
    printf(_("%sAll %u checks held: every step did what it says.%s\n"), terminal_paint(PAINT_GOOD), tour->checks,
           terminal_paint(PAINT_NONE));
  else
    printf(_("%s%u of %u checks FAILED: see the lines marked FAILED above.%s\n"), terminal_paint(PAINT_BAD),
           tour->failures, tour->checks, terminal_paint(PAINT_NONE));
}

int tour_main(int argc, char **argv) {
  struct tour tour = {.pages = 16};
  int status;
  if (!parse_options(&tour, argc, argv, &status)) return status;
  acre_result result = acre_system_info(&tour.system);
  if (result != ACRE_OK) {
    tool_complain(_("cannot learn the system's figures: %s"), _(acre_result_text(result)));
    return TOOL_FAILED;
  }
  if (!tour_file_plan(&tour)) return TOOL_FAILED;

  printf("%s%s%s\n", terminal_paint(PAINT_TITLE), _("Virtual memory, on this machine, with real pages"),
         terminal_paint(PAINT_NONE));
  tour_system(&tour);
  tour_reserve(&tour);
  tour_pages(&tour);
  tour_array(&tour);
  tour_heap(&tour);
  tour_edge(&tour);
  tour_limit(&tour);
  tour_file(&tour);
  tour_files(&tour);
  print_summary(&tour);
  return tour.failures == 0 ? TOOL_OK : TOOL_FAILED;
}
