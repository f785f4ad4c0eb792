/* SPDX-License-Identifier: MIT */
/*
 * Which file a command is, and whether Acre's heap can be put under it: that
 * takes a dynamic program of the same C library, that runs with its caller's
 * rights. What can't be served is told so before it runs; it would run on its own heap, unmeasured.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"
#include "run.h"
#include "tool.h"

enum { NOT_FOUND = 127, NOT_EXECUTABLE = 126, HEADERS_MOST = 64, ENTRIES_MOST = 512, NAMES_MOST = 64 << 20 };

/* As the shell looks for it. */
static int find_in_path(const char *command, char *out, size_t room) {
  const char *path = getenv("PATH");
  int answer = NOT_FOUND;
  for (const char *at = path != NULL ? path : "/usr/bin:/bin"; *at != '\0';) {
    size_t length = strcspn(at, ":");
    int written = snprintf(out, room, "%.*s%s%s", (int)length, at, length == 0 ? "./" : "/", command);
    struct stat status;
    if (written > 0 && (size_t)written < room && stat(out, &status) == 0 && S_ISREG(status.st_mode)) {
      if (access(out, X_OK) == 0) return TOOL_OK;
      answer = NOT_EXECUTABLE;
    }
    at += length;
    if (*at == ':') at++;
  }
  return answer;
}

static int complain_of(const char *command, int answer) {
  if (answer == NOT_FOUND)
    tool_complain(_("'%s': no such command; give its path or one that PATH has"), command);
  else
    tool_complain(_("'%s' cannot be executed; see its permissions"), command);
  return answer;
}

static bool read_at(int file, void *out, size_t size, off_t offset) {
  return pread(file, out, size, offset) == (ssize_t)size;
}

/* The dynamic linker that the program asks for. false: it asks for none. */
static bool read_interpreter(int file, const Elf64_Ehdr *head, char *out, size_t room) {
  for (unsigned i = 0; i < head->e_phnum && i < HEADERS_MOST; i++) {
    Elf64_Phdr part;
    if (!read_at(file, &part, sizeof part, (off_t)(head->e_phoff + i * (size_t)head->e_phentsize))) return false;
    if (part.p_type != PT_INTERP) continue;
    size_t length = part.p_filesz < room ? (size_t)part.p_filesz : room - 1;
    if (!read_at(file, out, length, (off_t)part.p_offset)) return false;
    out[length] = '\0';
    return true;
  }
  return false;
}

/* Where in the file the program's address lies; 0: nowhere. */
static uint64_t offset_of(int file, const Elf64_Ehdr *head, uint64_t address) {
  for (unsigned i = 0; i < head->e_phnum && i < HEADERS_MOST; i++) {
    Elf64_Phdr part;
    if (!read_at(file, &part, sizeof part, (off_t)(head->e_phoff + i * (size_t)head->e_phentsize))) return 0;
    if (part.p_type == PT_LOAD && address >= part.p_vaddr && address - part.p_vaddr < part.p_filesz)
      return address - part.p_vaddr + part.p_offset;
  }
  return 0;
}

static bool read_dynamic_part(int file, const Elf64_Ehdr *head, Elf64_Phdr *out) {
  for (unsigned i = 0; i < head->e_phnum && i < HEADERS_MOST; i++) {
    if (!read_at(file, out, sizeof *out, (off_t)(head->e_phoff + i * (size_t)head->e_phentsize))) return false;
    if (out->p_type == PT_DYNAMIC) return true;
  }
  return false;
}

/* The names that the program shares with its libraries, to be freed; NULL: there are none, or more than anybody has. */
static char *read_names(int file, const Elf64_Ehdr *head, size_t *size) {
  Elf64_Phdr part;
  uint64_t table = 0;
  *size = 0;
  if (!read_dynamic_part(file, head, &part)) return NULL;
  for (unsigned n = 0; n < part.p_filesz / sizeof(Elf64_Dyn) && n < ENTRIES_MOST; n++) {
    Elf64_Dyn entry;
    if (!read_at(file, &entry, sizeof entry, (off_t)(part.p_offset + n * sizeof entry))) return NULL;
    if (entry.d_tag == DT_STRTAB) table = offset_of(file, head, entry.d_un.d_ptr);
    if (entry.d_tag == DT_STRSZ) *size = entry.d_un.d_val;
  }
  if (table == 0 || *size == 0 || *size > NAMES_MOST) return NULL;
  char *names = malloc(*size);
  if (names != NULL && read_at(file, names, *size, (off_t)table)) return names;
  free(names);
  return NULL;
}

/* Whether it has, or wants, what each sanitizer's runtime begins with. */
static bool is_sanitized(int file, const Elf64_Ehdr *head) {
  static const char *const runtimes[] = {"__asan_init", "__hwasan_init", "__lsan_init", "__msan_init", "__tsan_init"};
  size_t size;
  char *names = read_names(file, head, &size);
  bool found = false;
  for (size_t i = 0; names != NULL && i < sizeof runtimes / sizeof *runtimes; i++)
    found = found || memmem(names, size, runtimes[i], strlen(runtimes[i]) + 1) != NULL;
  free(names);
  return found;
}

static bool is_musl(const char *interpreter) {
  return strstr(interpreter, "ld-musl") != NULL;
}

/* An executable in the system's own format. */
static int check_elf(const char *command, int file) {
  Elf64_Ehdr head, own;
  char interpreter[PATH_MAX], own_interpreter[PATH_MAX] = "";
  int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  bool known = self >= 0 && read_at(self, &own, sizeof own, 0);
  if (known) (void)read_interpreter(self, &own, own_interpreter, sizeof own_interpreter);
  if (self >= 0) close(self);
  if (!read_at(file, &head, sizeof head, 0)) return complain_of(command, NOT_EXECUTABLE);
  if (known && (head.e_ident[EI_CLASS] != own.e_ident[EI_CLASS] || head.e_machine != own.e_machine)) {
    tool_complain(_("'%s' is for another processor; the heap cannot be put under it"), command);
    return NOT_EXECUTABLE;
  }
  if (!read_interpreter(file, &head, interpreter, sizeof interpreter)) {
    tool_complain(_("'%s' is a static program; link it with libacre-malloc.a in place of preloading"), command);
    return NOT_EXECUTABLE;
  }
  if (own_interpreter[0] != '\0' && is_musl(interpreter) != is_musl(own_interpreter)) {
    tool_complain(_("'%s' is built for another C library (%s); use an Acre that is built for it"), command,
                  interpreter);
    return NOT_EXECUTABLE;
  }
  if (is_sanitized(file, &head)) {
    tool_complain(_("'%s' is built with a sanitizer, which brings its own malloc; run it without Acre's"), command);
    return NOT_EXECUTABLE;
  }
  return TOOL_OK;
}

/* The program that runs the script: the first word behind #!, or, if that is env, the second. */
static int check_script(const char *command, char *line, unsigned depth);

static int check_file(const char *command, const char *path, unsigned depth) {
  struct stat status;
  char start[PATH_MAX];
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == EACCES) return TOOL_OK; /* it can be run and not be read: nothing is known of it */
  if (file < 0) return complain_of(command, NOT_FOUND);
  ssize_t length = pread(file, start, sizeof start - 1, 0);
  start[length > 0 ? length : 0] = '\0';
  int answer = TOOL_OK;
  if (fstat(file, &status) == 0 && (status.st_mode & (S_ISUID | S_ISGID)) != 0 && geteuid() != 0) {
    tool_complain(_("'%s' is a setuid program, under which the system lets nobody put another heap"), command);
    answer = NOT_EXECUTABLE;
  } else if (length >= 4 && memcmp(start, ELFMAG, SELFMAG) == 0) {
    answer = check_elf(command, file);
  } else if (length >= 2 && start[0] == '#' && start[1] == '!') {
    answer = check_script(command, start + 2, depth);
  }
  close(file);
  return answer;
}

static int check_script(const char *command, char *line, unsigned depth) {
  char found[PATH_MAX];
  line[strcspn(line, "\n")] = '\0';
  char *save = NULL, *interpreter = strtok_r(line, " \t", &save);
  if (interpreter == NULL || depth > 4) return TOOL_OK; /* the system will say what is wrong with it */
  const char *name = strrchr(interpreter, '/');
  char *argument = strtok_r(NULL, " \t", &save);
  if (name != NULL && strcmp(name, "/env") == 0 && argument != NULL && argument[0] != '-' &&
      find_in_path(argument, found, sizeof found) == TOOL_OK)
    return check_file(command, found, depth + 1);
  return check_file(command, interpreter, depth + 1);
}

int run_find_program(const char *command, char *out, size_t room) {
  struct stat status;
  int answer = TOOL_OK;
  if (strchr(command, '/') == NULL) {
    answer = command[0] == '\0' ? NOT_FOUND : find_in_path(command, out, room);
  } else {
    if (strlen(command) >= room) return complain_of(command, NOT_FOUND);
    strcpy(out, command);
    if (stat(out, &status) != 0)
      answer = NOT_FOUND;
    else if (!S_ISREG(status.st_mode) || access(out, X_OK) != 0)
      answer = NOT_EXECUTABLE;
  }
  return answer != TOOL_OK ? complain_of(command, answer) : check_file(command, out, 0);
}

bool run_find_library(const char *name, char *out, size_t room) {
  static const char *const places[] = {("../" ACRE_LIBRARY_FOLDER), "../lib", ".."}; /* the last one in a build tree */
  char own[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
  own[length > 0 ? length : 0] = '\0';
  char *slash = strrchr(own, '/');
  if (slash != NULL) *slash = '\0';
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s/%s.so." ACRE_LIBRARY_VERSION, own, places[i], name);
    char *whole = realpath(path, NULL);
    bool good = whole != NULL && strlen(whole) < room && strpbrk(whole, ": ") == NULL;
    if (good) strcpy(out, whole);
    free(whole);
    if (good) return true;
  }
  tool_complain(_("no %s.so beside the command; install it with its libraries"), name);
  return false;
}
