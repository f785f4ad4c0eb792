/* SPDX-License-Identifier: MIT */
/* The one temporary file of a run (see temp_file.h). */
#define _XOPEN_SOURCE 700
#include "temp_file.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const int fatal_signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGPIPE,
                                    SIGALRM, SIGUSR1, SIGUSR2, SIGBUS,  SIGXCPU};

static char path[PATH_MAX];
static volatile sig_atomic_t exists;

/* SA_RESETHAND has put the default action back: raised again, the signal ends the program as it would have. */
static void remove_and_die(int signal_number) {
  if (exists != 0) unlink(path);
  raise(signal_number);
}

static void remove_at_exit(void) {
  temp_file_remove();
}

static void catch_signals(void) {
  struct sigaction action = {.sa_handler = remove_and_die, .sa_flags = SA_RESETHAND | SA_NODEFER};
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < sizeof fatal_signals / sizeof fatal_signals[0]; i++) {
    struct sigaction old;
    if (sigaction(fatal_signals[i], NULL, &old) != 0) continue;
    /* What is ignored (nohup) stays so. A write past the file-size limit is an error like a full disk. */
    if ((old.sa_flags & SA_SIGINFO) == 0 && old.sa_handler == SIG_DFL) sigaction(fatal_signals[i], &action, NULL);
  }
  signal(SIGXFSZ, SIG_IGN);
}

bool temp_file_make(const char *folder) {
  static bool is_prepared;
  if (!is_prepared) {
    is_prepared = true;
    catch_signals();
    atexit(remove_at_exit);
  }
  int length = snprintf(path, sizeof path, "%s/acre-tour.XXXXXX", folder);
  if (length < 0 || (size_t)length >= sizeof path) {
    errno = ENAMETOOLONG;
    return false;
  }
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  int fd = mkstemp(path);
  int error = errno;
  exists = fd >= 0;
  sigprocmask(SIG_SETMASK, &before, NULL);
  if (fd >= 0) close(fd);
  errno = error;
  return fd >= 0;
}

const char *temp_file_path(void) {
  return path;
}

bool temp_file_remove(void) {
  if (exists == 0) return true;
  if (unlink(path) != 0 && errno != ENOENT) return false;
  exists = 0;
  return true;
}
