/* SPDX-License-Identifier: MIT */
/* How things end on Linux (see system.h): by signals. */
#define _XOPEN_SOURCE 700
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/system.h"

/* ------------------------------------------------------------- asked to end */

static volatile sig_atomic_t *noted;

static void note_signal(int number) {
  *noted = number;
}

void system_catch_end(volatile sig_atomic_t *asked) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  struct sigaction action = {.sa_handler = note_signal};
  noted = asked;
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
    struct sigaction old;
    if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) sigaction(signals[i], &action, NULL);
  }
}

void system_end_as_asked(int asked) {
  signal(asked, SIG_DFL);
  raise(asked);
}

/* ------------------------------------------------------------- touching */

static int report_pipe;

/* In the child: says where it faulted. SA_RESETHAND has put the default back, so the access kills it when tried again. */
static void report_fault(int signal_number, siginfo_t *info, void *context) {
  (void)signal_number;
  (void)context;
  uintptr_t address = (uintptr_t)info->si_addr;
  ssize_t written = write(report_pipe, &address, sizeof address);
  (void)written;
}

static _Noreturn void touch_and_die(volatile char *address) {
  struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  struct sigaction action = {.sa_sigaction = report_fault, .sa_flags = SA_SIGINFO | SA_RESETHAND};
  sigemptyset(&action.sa_mask);
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
  *address = 'x';
  _exit(0);
}

static bool touch_in_child(char *address, int *status, uintptr_t *faulted) {
  int ends[2];
  *faulted = 0;
  if (pipe(ends) != 0) return false;
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    report_pipe = ends[1];
    touch_and_die(address);
  }
  close(ends[1]);
  bool ended = child > 0;
  if (ended) {
    uintptr_t told;
    if (read(ends[0], &told, sizeof told) == sizeof told) *faulted = told;
    while (waitpid(child, status, 0) == -1)
      if (errno != EINTR) {
        ended = false;
        break;
      }
  }
  close(ends[0]);
  return ended;
}

/* In a forked child. */
bool system_touch(char *address, struct system_end *out) {
  int status = 0;
  *out = (struct system_end){.name = ""};
  if (!touch_in_child(address, &status, &out->address)) return false;
  if (!WIFSIGNALED(status)) return status == 0;
  out->is_fault = WTERMSIG(status) == SIGSEGV;
  out->number = WTERMSIG(status);
  out->name = strsignal(WTERMSIG(status));
  return true;
}
