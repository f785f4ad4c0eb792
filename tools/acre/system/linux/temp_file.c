/* SPDX-License-Identifier: MIT */
/* The one temporary file of a run (see temp_file.h). */
#define _XOPEN_SOURCE 700
#include "temp_file.h"

#include <errno.h>
#include <fcntl.h>
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

static void prepare(void) {
  static bool is_prepared;
  if (is_prepared) return;
  is_prepared = true;
  catch_signals();
  atexit(remove_at_exit);
}

/* Signals wait while a name comes to be and is noted. */
static void hold_signals(sigset_t *before) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, before);
}

static void let_signals_come(const sigset_t *before) {
  int error = errno;
  sigprocmask(SIG_SETMASK, before, NULL);
  errno = error;
}

static bool set_path(const char *folder, const char *prefix, const char *ending) {
  int length = snprintf(path, sizeof path, "%s/%s%s", folder, prefix, ending);
  if (length >= 0 && (size_t)length < sizeof path) return true;
  errno = ENAMETOOLONG;
  return false;
}

bool temp_file_make(const char *folder, const char *prefix) {
  prepare();
  if (!set_path(folder, prefix, "XXXXXX")) return false;
  sigset_t before;
  hold_signals(&before);
  int fd = mkstemp(path);
  exists = fd >= 0;
  let_signals_come(&before);
  int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
  return fd >= 0;
}

bool temp_file_link(int fd, const char *folder, const char *prefix) {
  char from[32], ending[16];
  snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
  prepare();
  for (unsigned attempt = 0;; attempt++) {
    snprintf(ending, sizeof ending, "%06x", ((unsigned)getpid() * 1000 + attempt) & 0xffffff);
    if (!set_path(folder, prefix, ending)) return false;
    sigset_t before;
    hold_signals(&before);
    exists = linkat(AT_FDCWD, from, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
    let_signals_come(&before);
    if (exists != 0) return true;
    if (errno != EEXIST || attempt == 1000) return false;
  }
}

bool temp_file_rename(const char *to) {
  sigset_t before;
  hold_signals(&before);
  bool renamed = rename(path, to) == 0;
  if (renamed) exists = 0;
  let_signals_come(&before);
  return renamed;
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
