/* SPDX-License-Identifier: MIT */
/* The program, its streams and terminals on Linux (see system.h). */
#define _POSIX_C_SOURCE 200809L
#include "system/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"

const bool system_has_run = true;

int main(int argc, char **argv) {
  return tool_main(argc, argv);
}

/* A closed stream is replaced by one that can't be written. */
void system_prepare_streams(void) {
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl(fd, F_GETFD) == -1 && errno == EBADF && open("/dev/null", O_RDONLY) != fd) return;
}

bool system_executable(char *out, size_t room) {
  ssize_t length = readlink("/proc/self/exe", out, room - 1);
  if (length <= 0) return false;
  out[length] = '\0';
  return true;
}

int system_run_self(const char *const *arguments) {
  enum { MANY = 16 };
  char *argv[MANY + 2] = {"acre"};
  for (size_t i = 0; i < MANY && arguments[i] != NULL; i++) argv[i + 1] = (char *)arguments[i];
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    execv("/proc/self/exe", argv);
    _exit(127);
  }
  int status;
  bool ended = child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status);
  return ended && WEXITSTATUS(status) != 127 ? WEXITSTATUS(status) : -1;
}

unsigned system_process(void) {
  return (unsigned)getpid();
}

bool system_is_terminal(int fd) {
  return isatty(fd) == 1;
}

bool system_can_paint(int fd) {
  const char *term = getenv("TERM");
  return isatty(fd) == 1 && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}
