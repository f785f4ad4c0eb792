/* SPDX-License-Identifier: MIT */
/*
 * The command `acre`: finds the subcommand and hands over to it. A subcommand is
 * one row of `subcommands` and one file.
 */
#include "tool.h"

#include <acre/base.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "message.h"
#include "system/system.h"

static const struct subcommand {
  const char *name;
  int (*run)(int argc, char **argv);
} subcommands[] = {{"info", info_main}, {"run", run_main}, {"sort", sort_main}, {"tour", tour_main}};

static const char *current_subcommand;

void tool_begin(const char *subcommand) {
  current_subcommand = subcommand;
}

void tool_complain(const char *format, ...) {
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  for (char *c = line; *c != '\0'; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
  fflush(stdout);
  if (current_subcommand != NULL)
    fprintf(stderr, "acre: %s: %s\n", current_subcommand, line);
  else
    fprintf(stderr, "acre: %s\n", line);
}

int tool_bad_option(int answer, char **argv) {
  const char *command = current_subcommand != NULL ? current_subcommand : "";
  const char *space = current_subcommand != NULL ? " " : "";
  char short_option[3] = {'-', (char)optopt, '\0'};
  bool is_long = strncmp(argv[optind - 1], "--", 2) == 0;
  const char *option = is_long || optopt == 0 ? argv[optind - 1] : short_option;
  if (answer == ':')
    tool_complain(_("option '%s' needs a value; see 'acre%s%s --help'"), option, space, command);
  else
    tool_complain(_("unknown option '%s'; see 'acre%s%s --help'"), option, space, command);
  return TOOL_USAGE;
}

bool tool_set_language(const char *asked) {
  switch (message_set_language(asked)) {
    case MESSAGE_OK: return true;
    case MESSAGE_UNKNOWN_LANGUAGE: tool_complain(_("unknown language '%s'; give en or ko"), asked); return false;
    case MESSAGE_NO_CATALOGUE:
      tool_complain(_("no texts in '%s' where the command is installed; install it with its share/locale, "
                      "or give --lang en"),
                    asked);
      return false;
  }
  return false;
}

bool tool_flush(void) {
  int error = 0;
  if (fflush(stdout) != 0)
    error = errno;
  else if (ferror(stdout) != 0)
    error = EIO;
  if (error == 0) return true;
  tool_complain(_("cannot write the output: %s; make room or send it elsewhere"), _(strerror(error)));
  return false;
}

/* What is no terminal is written in one piece when it is flushed, so that the reason for a failure is known there. */
static void prepare_standard_streams(void) {
  static char buffer[65536];
  system_prepare_streams();
  if (!system_is_terminal(1)) setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
}

static void print_help(FILE *out) {
  fputs(_("Usage: acre COMMAND [OPTION]...\n"
          "Shows what virtual memory is and does on this machine.\n"
          "\n"
          "Commands:\n"
          "  tour [FILE]   watch real pages go FREE, RESERVE, COMMIT, and a file sorted in\n"
          "                place; every step is checked against the kernel's figures\n"
          "  run COMMAND   run a command on Acre's heap, show and cap its memory\n"
          "  sort FILE     sort a file of numbers, records or lines, and lose nothing\n"
          "  info          the system's figures, and how Acre works here\n"
          "\n"
          "Options:\n"
          "      --lang LANG   speak LANG: en or ko (default: the locale's language)\n"
          "  -h, --help        show this help; 'acre COMMAND --help' shows a command's\n"
          "  -V, --version     show the version\n"
          "\n"
          "Exit status: 0 all is well; 1 something failed; 2 the command line is wrong.\n"
          "More: man acre\n"),
        out);
  if (!system_has_run) fprintf(out, "\n%s\n", _(system_words.no_run));
}

static int run_subcommand(int argc, char **argv) {
  for (size_t i = 0; i < sizeof subcommands / sizeof subcommands[0]; i++) {
    if (strcmp(argv[0], subcommands[i].name) != 0) continue;
    tool_begin(subcommands[i].name);
    optind = 0; /* not 1: so getopt_long starts anew, with options anywhere on the line */
    return subcommands[i].run(argc, argv);
  }
  tool_complain(_("unknown command '%s'; see 'acre --help'"), argv[0]);
  return TOOL_USAGE;
}

int tool_main(int argc, char **argv) {
  static const struct option options[] = {{"lang", required_argument, NULL, 'L'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'V'},
                                          {NULL, 0, NULL, 0}};
  prepare_standard_streams();
  message_set_language(NULL);
  bool help = false, version = false;
  opterr = 0;
  for (int option; (option = getopt_long(argc, argv, "+:hV", options, NULL)) != -1;) {
    switch (option) {
      case 'L':
        if (!tool_set_language(optarg)) return TOOL_USAGE;
        break;
      case 'h': help = true; break;
      case 'V': version = true; break;
      default: return tool_bad_option(option, argv);
    }
  }

  int status = TOOL_OK;
  if (help) {
    print_help(stdout);
  } else if (version) {
    printf("acre %s\n", acre_version());
  } else if (optind < argc) {
    status = run_subcommand(argc - optind, argv + optind);
  } else {
    print_help(stderr);
    status = TOOL_USAGE;
  }
  if (!tool_flush() && status == TOOL_OK) status = TOOL_FAILED;
  return status;
}
