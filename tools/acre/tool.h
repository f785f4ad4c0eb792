/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the command share: the subcommands, how they complain, and
 * the exit statuses.
 */
#ifndef ACRE_TOOL_H
#define ACRE_TOOL_H

#include <stdbool.h>

#ifdef __MINGW_PRINTF_FORMAT /* its printf may have formats of its own */
#define TOOL_PRINTF(text, first) __attribute__((format(__MINGW_PRINTF_FORMAT, text, first)))
#else
#define TOOL_PRINTF(text, first) __attribute__((format(printf, text, first)))
#endif

enum tool_exit {
  TOOL_OK = 0,
  TOOL_FAILED = 1, /* it could not be done, or did not behave as it says */
  TOOL_USAGE = 2   /* the command line is wrong */
};

/* All of the command, in UTF-8. Returns the exit status. */
int tool_main(int argc, char **argv);

/* A subcommand: argv[0] is its name. Returns the exit status. */
int info_main(int argc, char **argv);
int run_main(int argc, char **argv);
int sort_main(int argc, char **argv);
int tour_main(int argc, char **argv);

/* Names the subcommand in what follows: "acre: tour: ...". NULL: none. */
void tool_begin(const char *subcommand);

/* Prints one line to stderr: who complains, then the text. Control characters in it become '?'. */
void tool_complain(const char *format, ...) TOOL_PRINTF(1, 2);

/* The complaint for what getopt_long answered with '?' or ':'. Returns TOOL_USAGE. */
int tool_bad_option(int answer, char **argv);

/* Chooses the language: `asked` (of --lang), or NULL for the environment's. false: it has complained. */
bool tool_set_language(const char *asked);

/* Writes out what stdout holds. false: that failed, and it has complained. */
bool tool_flush(void);

#endif
