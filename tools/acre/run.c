/* SPDX-License-Identifier: MIT */
/*
 * acre run: a command on Acre's heap, and what it did with its memory.
 *
 *   acre run ──fork──> COMMAND, with libacre-malloc.so preloaded
 *       │                 └── its children, too
 *       └── waits; reads the board (override/board.h); prints; ends as the command did
 *
 * The command keeps its place: the same terminal, process group, standard streams
 * and environment but for three variables. Signals that the terminal sends reach
 * both; those that are sent to this process alone are handed on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "run.h"
#include "run_check.h"
#include "text.h"
#include "tool.h"

struct run {
  const char *report;
  uint64_t limit;  /* 0: none */
  uint64_t sample; /* milliseconds; 0: no timeline */
  bool quiet;
  struct run_checks checks;
  char **command;
  char program[PATH_MAX], library[PATH_MAX];
  char folder[PATH_MAX], board_path[PATH_MAX + 8];
  struct acre__board *board;
};

enum { LIMIT_LEAST = 1 << 20, SAMPLE_MOST = 3600000, STORIES_EVERY = 100 /* milliseconds */ };

static volatile sig_atomic_t child;

static void print_help(void) {
  fputs(_("Usage: acre run [OPTION]... [--] COMMAND [ARGUMENT]...\n"
          "Runs a command on Acre's heap, and shows what it did with its memory.\n"
          "\n"
          "Options:\n"
          "      --limit SIZE   malloc returns NULL where a process's heap would be larger\n"
          "      --report FILE  write all figures, of every process, to FILE as JSON\n"
          "      --sample MS    with --report: look at every process each MS milliseconds\n"
          "      --quiet        print no table\n"
          "      --page-heap[=N|SIZE-SIZE|under|tight,...]\n"
          "                     stop at the access past a block's end, or after its free:\n"
          "                     of every block, one in N, or those of these sizes\n"
          "      --check        find misuse without guard pages, when blocks are freed\n"
          "      --leaks        show what nothing leads to any more at the end\n"
          "      --lang LANG    speak LANG: en or ko (default: the locale's language)\n"
          "  -h, --help         show this help\n"
          "\n"
          "The exit status is the command's; 126: it cannot be run on this heap; 127: there\n"
          "is no such command. SIZE may end in K, M, G or T, and is at least 1M.\n"),
        stdout);
}

/* ------------------------------------------------------------- options */

static int parse_limit(const char *text, uint64_t *out) {
  if (text_parse_size(text, out) == TEXT_PARSED && *out >= LIMIT_LEAST) return TOOL_OK;
  tool_complain(_("--limit '%s': give a size of at least 1M, such as 512M"), text);
  return TOOL_USAGE;
}

static int parse_sample(const char *text, uint64_t *out) {
  if (text_parse_count(text, out) == TEXT_PARSED && *out >= 1 && *out <= SAMPLE_MOST) return TOOL_OK;
  tool_complain(_("--sample '%s': give a number of milliseconds, 1 to %d"), text, SAMPLE_MOST);
  return TOOL_USAGE;
}

/* TOOL_OK with *help, or with a command; else it has complained. */
static int parse(int argc, char **argv, struct run *out, bool *help) {
  static const struct option options[] = {{"limit", required_argument, NULL, 'l'},
                                          {"report", required_argument, NULL, 'r'},
                                          {"sample", required_argument, NULL, 's'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"page-heap", optional_argument, NULL, 'p'},
                                          {"check", no_argument, NULL, 'c'},
                                          {"leaks", no_argument, NULL, 'k'},
                                          {"lang", required_argument, NULL, 'L'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  for (int option; (option = getopt_long(argc, argv, "+:h", options, NULL)) != -1;) {
    switch (option) {
      case 'l':
        if (parse_limit(optarg, &out->limit) != TOOL_OK) return TOOL_USAGE;
        break;
      case 'r': out->report = optarg; break;
      case 's':
        if (parse_sample(optarg, &out->sample) != TOOL_OK) return TOOL_USAGE;
        break;
      case 'q': out->quiet = true; break;
      case 'p':
        if (run_check_parse(optarg, &out->checks) != TOOL_OK) return TOOL_USAGE;
        break;
      case 'c': out->checks.canaries = true; break;
      case 'k': out->checks.leaks = true; break;
      case 'L':
        if (!tool_set_language(optarg)) return TOOL_USAGE;
        break;
      case 'h': *help = true; break;
      default: return tool_bad_option(option, argv);
    }
  }
  out->command = argv + optind;
  if (*help) return TOOL_OK;
  if (out->sample != 0 && out->report == NULL) {
    tool_complain(_("--sample goes with --report, where the timeline is written"));
    return TOOL_USAGE;
  }
  if (run_check_together(&out->checks) != TOOL_OK) return TOOL_USAGE;
  if (optind < argc) return TOOL_OK;
  tool_complain(_("no command; see 'acre run --help'"));
  return TOOL_USAGE;
}

/* ------------------------------------------------------------- the board */

/* In a folder of its own, so that nobody else can put a file in its place. */
static bool make_board(struct run *run) {
  const char *temporary = getenv("TMPDIR");
  snprintf(run->folder, sizeof run->folder - 8, "%s/acre-run-XXXXXX", temporary != NULL ? temporary : "/tmp");
  if (mkdtemp(run->folder) == NULL) {
    tool_complain(_("cannot make a folder '%s': %s; set TMPDIR to one that can be written"), run->folder,
                  _(strerror(errno)));
    run->folder[0] = '\0';
    return false;
  }
  snprintf(run->board_path, sizeof run->board_path, "%s/board", run->folder);
  int file = open(run->board_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  void *mapped = MAP_FAILED;
  if (file >= 0 && ftruncate(file, sizeof *run->board) == 0)
    mapped = mmap(NULL, sizeof *run->board, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  int error = errno;
  if (file >= 0) close(file);
  if (mapped == MAP_FAILED) {
    tool_complain(_("cannot make '%s': %s; set TMPDIR to one that can be written"), run->board_path,
                  _(strerror(error)));
    return false;
  }
  run->board = mapped;
  run->board->limited = run->limit != 0;
  run->board->magic = ACRE_BOARD_MAGIC;
  return true;
}

static void remove_board(const struct run *run) {
  if (run->folder[0] != '\0' && run_checks_any(&run->checks)) run_remove_parts(run->folder);
  if (run->board_path[0] != '\0') unlink(run->board_path);
  if (run->folder[0] != '\0') rmdir(run->folder);
}

/* ------------------------------------------------------------- running */

/* NAME=VALUE, or, where the variable has a value already, NAME=VALUE<separator>OLD. */
static bool prefix_variable(const char *name, const char *value, char separator) {
  const char *old = getenv(name);
  char *joined = NULL;
  if (old == NULL || *old == '\0') return setenv(name, value, 1) == 0;
  if (asprintf(&joined, "%s%c%s", value, separator, old) < 0) return false;
  bool set = setenv(name, joined, 1) == 0;
  free(joined);
  return set;
}

static bool set_environment(const struct run *run) {
  char options[256] = "", limit[64] = "";
  if (run_checks_any(&run->checks)) run_check_options(&run->checks, options, sizeof options - sizeof limit);
  if (run->limit != 0) snprintf(limit, sizeof limit, "heap_limit=%llu,", (unsigned long long)run->limit);
  strcat(options, limit);
  if (options[0] != '\0') options[strlen(options) - 1] = '\0'; /* the last comma */
  return prefix_variable("LD_PRELOAD", run->library, ':') && setenv(ACRE_BOARD_VARIABLE, run->board_path, 1) == 0 &&
         (options[0] == '\0' || prefix_variable("ACRE_OPTIONS", options, ','));
}

static void hand_on(int number) {
  int error = errno;
  if (child > 0) kill((pid_t)child, number);
  errno = error;
}

/* As they were. */
struct signals {
  struct sigaction interrupt, quit, child;
  sigset_t mask;
};

/*
 * What the terminal sends, the command gets itself; what others send to this
 * process goes to it. The end of the child is waited for, whoever may have
 * ignored it before. All of these are blocked until there is a child.
 */
static void take_signals(struct signals *before) {
  static const int handed_on[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH};
  struct sigaction ignore = {.sa_handler = SIG_IGN}, pass = {.sa_handler = hand_on, .sa_flags = SA_RESTART};
  struct sigaction usual = {.sa_handler = SIG_DFL};
  sigset_t all;
  sigemptyset(&all);
  for (size_t i = 0; i < sizeof handed_on / sizeof *handed_on; i++) sigaddset(&all, handed_on[i]);
  sigprocmask(SIG_BLOCK, &all, &before->mask);
  for (size_t i = 0; i < sizeof handed_on / sizeof *handed_on; i++) {
    struct sigaction current;
    if (sigaction(handed_on[i], NULL, &current) == 0 && current.sa_handler != SIG_IGN)
      sigaction(handed_on[i], &pass, NULL);
  }
  sigaction(SIGINT, &ignore, &before->interrupt);
  sigaction(SIGQUIT, &ignore, &before->quit);
  sigaction(SIGCHLD, &usual, &before->child);
}

/* From here on the child's end can be waited for with a time. */
static void let_signals_in(const struct signals *before) {
  sigset_t mask = before->mask;
  sigaddset(&mask, SIGCHLD);
  sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* In the child: the signals are as they were, and the command takes over. */
static _Noreturn void become(const struct run *run, const struct signals *before) {
  sigaction(SIGINT, &before->interrupt, NULL);
  sigaction(SIGQUIT, &before->quit, NULL);
  sigaction(SIGCHLD, &before->child, NULL);
  sigprocmask(SIG_SETMASK, &before->mask, NULL);
  execv(run->program, run->command);
  if (errno == ENOEXEC) { /* a script without a first line, which is the shell's, as everywhere */
    size_t count = 0;
    while (run->command[count] != NULL) count++;
    char **arguments = calloc(count + 2, sizeof *arguments);
    if (arguments != NULL) {
      arguments[0] = (char *)"sh";
      arguments[1] = (char *)run->program;
      for (size_t i = 1; i < count; i++) arguments[i + 1] = run->command[i];
      execv("/bin/sh", arguments);
    }
  }
  tool_complain(_("cannot run '%s': %s"), run->program, _(strerror(errno)));
  _exit(126);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Until the child ends; looks at the processes and prints their stories meanwhile, if that is wanted. */
static bool wait_for(const struct run *run, pid_t pid, double start, struct run_end *out) {
  bool checks = run_checks_any(&run->checks);
  bool looks = run->sample != 0 || checks;
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGCHLD);
  out->timeline.interval = run->sample;
  for (;;) {
    pid_t ended = waitpid(pid, &out->status, looks ? WNOHANG : 0);
    if (ended != pid && ended < 0 && errno != EINTR) return false;
    if (checks) out->stories += run_print_stories(stderr, run->folder);
    if (ended == pid) return true;
    if (!looks) continue;
    if (run->sample != 0) run_take_samples(&out->timeline, run->board, now() - start);
    uint64_t wait = run->sample != 0 ? out->timeline.interval : STORIES_EVERY;
    struct timespec time = {.tv_sec = (time_t)(wait / 1000), .tv_nsec = (long)(wait % 1000 * 1000000)};
    (void)sigtimedwait(&ends, NULL, &time); /* or another signal: too early a look does no harm */
  }
}

static bool run_command(struct run *run, struct run_end *out) {
  struct signals before;
  fflush(NULL);
  double start = now();
  take_signals(&before);
  pid_t pid = fork();
  if (pid == 0) {
    if (set_environment(run)) become(run, &before);
    _exit(126);
  }
  child = pid;
  let_signals_in(&before);
  if (pid < 0) {
    tool_complain(_("cannot make a process: %s"), _(strerror(errno)));
    return false;
  }
  out->pid = pid;
  if (!wait_for(run, pid, start, out)) {
    tool_complain(_("cannot wait for the command: %s"), _(strerror(errno)));
    return false;
  }
  child = 0;
  out->seconds = now() - start;
  return true;
}

/* ------------------------------------------------------------- the end */

static bool write_report(const struct run *run, const struct run_end *end) {
  FILE *file = fopen(run->report, "w");
  if (file != NULL) run_print_json(file, run->board, end);
  bool failed = file == NULL || ferror(file) != 0;
  int error = errno;
  if (file != NULL && fclose(file) != 0) {
    failed = true;
    error = errno;
  }
  if (failed) tool_complain(_("cannot write '%s': %s"), run->report, _(strerror(error)));
  return !failed;
}

/* By the signal that the command died of, so that a shell sees what it would have seen. */
static int end_as(int status) {
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  int number = WTERMSIG(status);
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* the command has left its own */
  signal(number, SIG_DFL);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, number);
  sigprocmask(SIG_UNBLOCK, &one, NULL);
  fflush(NULL);
  raise(number);
  return 128 + number;
}

int run_main(int argc, char **argv) {
  static struct run run;
  bool help = false;
  int status = parse(argc, argv, &run, &help);
  if (status != TOOL_OK) return status;
  if (help) {
    print_help();
    return TOOL_OK;
  }
  status = run_find_program(run.command[0], run.program, sizeof run.program);
  if (status != TOOL_OK) return status;
  const char *library = run_checks_any(&run.checks) ? "libacre-check" : "libacre-malloc";
  if (!run_find_library(library, run.library, sizeof run.library)) return TOOL_FAILED;
  struct run_end end = {0};
  bool done = make_board(&run) && run_command(&run, &end);
  remove_board(&run);
  if (!done) return TOOL_FAILED;
  if (!run.quiet) run_print_table(stderr, run.board, &end);
  if (run.report != NULL && !write_report(&run, &end) && WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0)
    return TOOL_FAILED;
  return end_as(end.status);
}
