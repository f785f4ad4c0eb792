/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "run_symbols.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef ACRE_HAS_LIBDW
#include <elfutils/libdwfl.h>
#endif

/* A file of the process's, or a part of it. */
struct part {
  uint64_t start, end, offset;
  char *path;
};

struct run_symbols {
  struct part *parts;
  size_t count;
#ifdef ACRE_HAS_LIBDW
  Dwfl *dwfl; /* NULL: libdw is not installed, or makes nothing of the process */
#endif
};

static const char *name_in(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

/* ------------------------------------------------------------- files and offsets */

static void read_parts(struct run_symbols *symbols, FILE *maps) {
  char *line = NULL;
  size_t room = 0;
  while (getline(&line, &room, maps) > 0) {
    struct part part;
    int name = 0;
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %*s %n", &part.start, &part.end, &part.offset,
               &name) < 3 ||
        name == 0 || line[name] != '/')
      continue;
    line[strcspn(line, "\n")] = '\0';
    struct part *more = realloc(symbols->parts, (symbols->count + 1) * sizeof *more);
    if (more == NULL) break;
    symbols->parts = more;
    part.path = strdup(line + name);
    if (part.path == NULL) break;
    symbols->parts[symbols->count++] = part;
  }
  free(line);
}

/* As `addr2line -e FILE` and the like want it, for the usual files, which are mapped as they are. */
static void print_part(FILE *out, const struct run_symbols *symbols, uint64_t address) {
  for (size_t i = 0; i < symbols->count; i++) {
    const struct part *part = &symbols->parts[i];
    if (address < part->start || address >= part->end) continue;
    fprintf(out, "%s+0x%" PRIx64, name_in(part->path), address - part->start + part->offset);
    return;
  }
  fprintf(out, "0x%" PRIx64, address);
}

/* ------------------------------------------------------------- libdw */

#ifdef ACRE_HAS_LIBDW

/* C++'s names as they are written; in a program without C++, nobody has this. */
extern char *__cxa_demangle(const char *name, char *room, size_t *size, int *status) __attribute__((weak));

/* What is used of it, by the names that it has there. */
static struct {
  bool tried;
  __typeof__(dwfl_begin) *begin;
  __typeof__(dwfl_end) *end;
  __typeof__(dwfl_linux_proc_maps_report) *report_maps;
  __typeof__(dwfl_report_end) *report_end;
  __typeof__(dwfl_addrmodule) *module_at;
  __typeof__(dwfl_module_addrinfo) *symbol_at;
  __typeof__(dwfl_module_getsrc) *line_at;
  __typeof__(dwfl_lineinfo) *line_info;
  __typeof__(dwfl_module_info) *module_info;
  __typeof__(dwfl_module_nextcu) *next_unit;
  __typeof__(dwarf_haspc) *unit_has;
  __typeof__(dwarf_getsrc_die) *line_in_unit;
  __typeof__(dwarf_linesrc) *line_file;
  __typeof__(dwarf_lineno) *line_number;
  Dwfl_Callbacks callbacks;
} libdw;

static bool load(void *library, const char *name, void *function) {
  void *found = dlsym(library, name);
  memcpy(function, &found, sizeof found);
  return found != NULL;
}

static bool load_libdw(void) {
  if (libdw.tried) return libdw.begin != NULL;
  libdw.tried = true;
  void *library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library != NULL && load(library, "dwfl_end", &libdw.end) &&
      load(library, "dwfl_linux_proc_maps_report", &libdw.report_maps) &&
      load(library, "dwfl_report_end", &libdw.report_end) && load(library, "dwfl_addrmodule", &libdw.module_at) &&
      load(library, "dwfl_module_addrinfo", &libdw.symbol_at) && load(library, "dwfl_module_getsrc", &libdw.line_at) &&
      load(library, "dwfl_lineinfo", &libdw.line_info) && load(library, "dwfl_module_info", &libdw.module_info) &&
      load(library, "dwfl_module_nextcu", &libdw.next_unit) && load(library, "dwarf_haspc", &libdw.unit_has) &&
      load(library, "dwarf_getsrc_die", &libdw.line_in_unit) && load(library, "dwarf_linesrc", &libdw.line_file) &&
      load(library, "dwarf_lineno", &libdw.line_number) &&
      load(library, "dwfl_linux_proc_find_elf", &libdw.callbacks.find_elf) &&
      load(library, "dwfl_standard_find_debuginfo", &libdw.callbacks.find_debuginfo))
    (void)load(library, "dwfl_begin", &libdw.begin);
  return libdw.begin != NULL;
}

static Dwfl *open_process(FILE *maps) {
  if (!load_libdw()) return NULL;
  Dwfl *dwfl = libdw.begin(&libdw.callbacks);
  if (dwfl == NULL) return NULL;
  if (libdw.report_maps(dwfl, maps) == 0 && libdw.report_end(dwfl, NULL, NULL) == 0) return dwfl;
  libdw.end(dwfl);
  return NULL;
}

/* Without the version that a library's symbol has. */
static void print_name(FILE *out, const char *name) {
  int status = -1;
  char *plain = __cxa_demangle != NULL && name[0] == '_' && name[1] == 'Z' ? __cxa_demangle(name, NULL, NULL, &status)
                                                                           : NULL;
  if (status == 0 && plain != NULL)
    fputs(plain, out);
  else
    fprintf(out, "%.*s", (int)strcspn(name, "@"), name);
  free(plain);
}

/* The path without the folder that it is read in, if it is there. */
static const char *from_here(const char *path) {
  static char folder[PATH_MAX];
  if (folder[0] == '\0' && getcwd(folder, sizeof folder) == NULL) return path;
  size_t length = strlen(folder);
  return strncmp(path, folder, length) == 0 && path[length] == '/' ? path + length + 1 : path;
}

/* The source file and line, or NULL. The list of addresses by which libdw finds a unit at once, clang does not write. */
static const char *find_line(Dwfl_Module *module, uint64_t address, int *number) {
  Dwfl_Line *line = libdw.line_at(module, address);
  if (line != NULL) return libdw.line_info(line, NULL, number, NULL, NULL, NULL);
  Dwarf_Addr bias;
  for (Dwarf_Die *unit = NULL; (unit = libdw.next_unit(module, unit, &bias)) != NULL;) {
    if (libdw.unit_has(unit, address - bias) != 1) continue;
    Dwarf_Line *found = libdw.line_in_unit(unit, address - bias);
    return found != NULL && libdw.line_number(found, number) == 0 ? libdw.line_file(found, NULL, NULL) : NULL;
  }
  return NULL;
}

static bool print_symbol(FILE *out, Dwfl *dwfl, uint64_t address, bool *is_main) {
  Dwfl_Module *module = dwfl == NULL ? NULL : libdw.module_at(dwfl, address);
  if (module == NULL) return false;
  GElf_Off offset = 0;
  GElf_Sym symbol;
  const char *name = libdw.symbol_at(module, address, &offset, &symbol, NULL, NULL, NULL);
  if (name == NULL) return false;
  print_name(out, name);
  *is_main = strcmp(name, "main") == 0;
  int number = 0;
  const char *file = find_line(module, address, &number);
  if (file != NULL) {
    fprintf(out, " at %s:%d", from_here(file), number);
    return true;
  }
  const char *path = libdw.module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
  fprintf(out, "+0x%" PRIx64 " in %s", (uint64_t)offset, path == NULL ? "?" : name_in(path));
  return true;
}

#endif

/* ------------------------------------------------------------- both */

struct run_symbols *run_symbols_open(FILE *maps) {
  struct run_symbols *symbols = calloc(1, sizeof *symbols);
  if (symbols == NULL) return NULL;
#ifdef ACRE_HAS_LIBDW
  off_t start = ftello(maps);
  symbols->dwfl = open_process(maps);
  (void)fseeko(maps, start, SEEK_SET);
#endif
  read_parts(symbols, maps);
  return symbols;
}

void run_symbols_close(struct run_symbols *symbols) {
  if (symbols == NULL) return;
#ifdef ACRE_HAS_LIBDW
  if (symbols->dwfl != NULL) libdw.end(symbols->dwfl);
#endif
  for (size_t i = 0; i < symbols->count; i++) free(symbols->parts[i].path);
  free(symbols->parts);
  free(symbols);
}

bool run_symbols_print(FILE *out, struct run_symbols *symbols, uint64_t address) {
#ifdef ACRE_HAS_LIBDW
  bool is_main = false;
  if (symbols != NULL && print_symbol(out, symbols->dwfl, address, &is_main)) return is_main;
#endif
  if (symbols != NULL)
    print_part(out, symbols, address);
  else
    fprintf(out, "0x%" PRIx64, address);
  return false;
}
