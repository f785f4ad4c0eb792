/* SPDX-License-Identifier: MIT */
/*
 * What processes of a run have found out about themselves: files beside the board
 * (src/check/story.h says what is in them), each printed as soon as it is there.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"
#include "run_symbols.h"

enum { LINES_MOST = 100000, LINE_MOST = 4096 };

static bool is_story(const char *name) {
  size_t length = strlen(name);
  return strncmp(name, "board.story.", 12) == 0 && (length < 5 || strcmp(name + length - 5, ".part") != 0);
}

/* The text as it can be shown: the program may have written it. */
static void print_text(FILE *out, const char *text) {
  for (; *text != '\0' && *text != '\n'; text++) fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

/* To the line "maps", behind which the stream is then. */
static bool skip_to_maps(FILE *file) {
  char line[LINE_MOST];
  for (unsigned i = 0; i < LINES_MOST && fgets(line, sizeof line, file) != NULL; i++)
    if (strcmp(line, "maps\n") == 0) return true;
  return false;
}

static void print_story(FILE *out, FILE *file, const char *process) {
  char line[LINE_MOST];
  struct run_symbols *symbols = skip_to_maps(file) ? run_symbols_open(file) : NULL;
  unsigned frame = 0;
  bool ended = false;
  rewind(file);
  fprintf(out, "acre: run: [%s]:\n", process);
  for (unsigned i = 0; i < LINES_MOST && fgets(line, sizeof line, file) != NULL && strcmp(line, "maps\n") != 0; i++) {
    uint64_t address;
    if (line[0] == '=') {
      fputs("  ", out);
      print_text(out, line + 1 + (line[1] == ' '));
      fputc('\n', out);
      frame = 0;
      ended = false;
    } else if (!ended && sscanf(line, "@ %" SCNx64, &address) == 1) {
      fprintf(out, "    #%-2u ", frame++);
      ended = run_symbols_print(out, symbols, address);
      fputc('\n', out);
    }
  }
  fflush(out);
  run_symbols_close(symbols);
}

/* A regular file of the folder: a process of the run may have put something else there. */
static FILE *open_story(int folder, const char *name) {
  struct stat status;
  int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return NULL;
  FILE *opened = fstat(file, &status) == 0 && S_ISREG(status.st_mode) ? fdopen(file, "r") : NULL;
  if (opened == NULL) close(file);
  return opened;
}

static void remove_at(int folder, const char *name) {
  if (unlinkat(folder, name, 0) != 0) (void)unlinkat(folder, name, AT_REMOVEDIR);
}

/* By process and number, so that several come in their order. */
static int compare(const struct dirent **a, const struct dirent **b) {
  return strverscmp((*a)->d_name, (*b)->d_name);
}

static int wanted(const struct dirent *entry) {
  return is_story(entry->d_name);
}

unsigned run_print_stories(FILE *out, const char *folder) {
  struct dirent **names;
  unsigned printed = 0;
  int count = scandir(folder, &names, wanted, compare);
  int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < count; i++) {
    FILE *file = at < 0 ? NULL : open_story(at, names[i]->d_name);
    if (file != NULL) {
      char *process = strndup(names[i]->d_name + 12, strcspn(names[i]->d_name + 12, "."));
      print_story(out, file, process == NULL ? "?" : process);
      free(process);
      fclose(file);
      printed++;
    }
    if (at >= 0) remove_at(at, names[i]->d_name);
    free(names[i]);
  }
  if (count >= 0) free(names);
  if (at >= 0) close(at);
  return printed;
}

void run_remove_parts(const char *folder) {
  DIR *opened = opendir(folder);
  for (struct dirent *entry; opened != NULL && (entry = readdir(opened)) != NULL;)
    if (strncmp(entry->d_name, "board.story.", 12) == 0) remove_at(dirfd(opened), entry->d_name);
  if (opened != NULL) closedir(opened);
}
