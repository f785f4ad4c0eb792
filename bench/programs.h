/* SPDX-License-Identifier: MIT */
/* programs.h - running another program with a library preloaded, for what it prints of itself. */
#ifndef BENCH_PROGRAMS_H
#define BENCH_PROGRAMS_H

#include <fcntl.h>
#include <spawn.h>

#include <cstring>

#include "pairs.h"

namespace bench {

/* "time in ns, peak memory in KiB, checksum" */
struct figures {
  double ns, bytes;
  std::string checksum;
};

/*
 * Runs the program with the library preloaded ("": none) and with ACRE_OPTIONS; what
 * it prints comes back. With another `variable`, the program is a script that preloads the library to whom it is meant for.
 */
inline std::string output_of(const std::vector<const char *> &command, const char *library, const char *options = "",
                             const char *variable = "LD_PRELOAD") {
  int ends[2];
  must(pipe2(ends, O_CLOEXEC), "pipe2");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  if (*library != '\0')
    setenv(variable, library, 1);
  else
    unsetenv(variable);
  setenv("ACRE_OPTIONS", options, 1);
  std::vector<char *> arguments;
  for (const char *argument : command) arguments.push_back(const_cast<char *>(argument));
  arguments.push_back(nullptr);
  pid_t pid;
  int error = posix_spawn(&pid, command[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  unsetenv(variable);
  unsetenv("ACRE_OPTIONS");
  if (error != 0) fail(command[0], std::strerror(error));
  std::string text;
  char piece[256];
  for (ssize_t got; (got = read(ends[0], piece, sizeof piece)) > 0;) text.append(piece, static_cast<size_t>(got));
  close(ends[0]);
  int status;
  must(waitpid(pid, &status, 0), "waitpid");
  if (status != 0) fail(command[0], library);
  return text;
}

inline figures figures_in(const char *name, const std::string &text) {
  double ns;
  unsigned long kib;
  char sum[64];
  if (std::sscanf(text.c_str(), "%lf %lu %63s", &ns, &kib, sum) != 3) fail(name, "prints something else");
  return {ns, static_cast<double>(kib) * 1024, sum};
}

} // namespace bench

#endif
