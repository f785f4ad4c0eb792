/* SPDX-License-Identifier: MIT */
/*
 * What programs ask of their malloc besides blocks: figures, and to give memory
 * back. The heap's own answers are in acre/heap.h; these are glibc's names for
 * what of them fits there, so that no program finds its C library's malloc, which has nothing to tell.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "base/line.h"
#include "heap/heap.h"
#include "heap/runs.h"
#include "override/override.h"
#include "vm/services.h"

/* As malloc.h has them; that is a header of the system. */
struct mallinfo {
  int arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};
struct mallinfo2 {
  size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

struct mallinfo2 mallinfo2(void);
struct mallinfo mallinfo(void);
int malloc_trim(size_t pad);
void malloc_stats(void);
int malloc_info(int options, FILE *stream);
int mallopt(int parameter, int value);

static void get(acre_heap_figures *out) {
  int error = errno;
  acre_heap *heap = acre_process_heap();
  if (heap == NULL || acre_heap_stats(heap, out) != ACRE_OK) *out = (acre_heap_figures){.name = "process"};
  errno = error;
}

/*
 * arena: bytes of segments, without those of blocks of more than 64 KiB, whose
 * number is hblks and whose bytes are hblkhd; uordblks: in use; fordblks: of the
 * segments, what is not; keepcost: what malloc_trim could give back now.
 */
ACRE_EXPORT struct mallinfo2 mallinfo2(void) {
  acre_heap_figures figures;
  get(&figures);
  size_t small = 0;
  for (unsigned i = 0; i < ACRE_HEAP_CLASSES; i++) small += figures.classes[i].size * figures.classes[i].blocks;
  size_t large = figures.in_use - small;
  return (struct mallinfo2){.arena = figures.reserved - large,
                            .hblks = figures.large,
                            .hblkhd = large,
                            .uordblks = small,
                            .fordblks = figures.reserved - figures.in_use,
                            .keepcost = acre__runs_warm_bytes()};
}

static int as_int(size_t number) {
  return number > INT_MAX ? INT_MAX : (int)number;
}

/* The old form, of ints: what does not fit is INT_MAX. */
ACRE_EXPORT struct mallinfo mallinfo(void) {
  struct mallinfo2 now = mallinfo2();
  return (struct mallinfo){.arena = as_int(now.arena),
                           .hblks = as_int(now.hblks),
                           .hblkhd = as_int(now.hblkhd),
                           .uordblks = as_int(now.uordblks),
                           .fordblks = as_int(now.fordblks),
                           .keepcost = as_int(now.keepcost)};
}

/* All that can be given back is, whatever `pad` says. Returns 1 if that was something. */
ACRE_EXPORT int malloc_trim(size_t pad) {
  (void)pad;
  int error = errno;
  acre_heap *heap = acre_process_heap();
  size_t bytes = heap == NULL ? 0 : acre_heap_compact(heap);
  errno = error;
  return bytes != 0;
}

static void add(struct acre__line *line, const char *name, size_t number) {
  acre__line_add(line, name);
  acre__line_add_number(line, number, 10);
}

/* One line to stderr. */
ACRE_EXPORT void malloc_stats(void) {
  acre_heap_figures figures;
  char text[256];
  get(&figures);
  struct acre__line line = acre__line_in(text, sizeof text);
  add(&line, "acre: process heap: reserved ", figures.reserved);
  add(&line, ", peak ", figures.peak);
  add(&line, ", in use ", figures.in_use);
  add(&line, " bytes in ", figures.blocks);
  add(&line, " blocks; ", figures.locals);
  acre__line_add(&line, " locals\n");
  acre__vm_say(text);
}

/* The size classes that have blocks, in glibc's manner. */
ACRE_EXPORT int malloc_info(int options, FILE *stream) {
  if (options != 0) return EINVAL;
  acre_heap_figures figures;
  get(&figures);
  fprintf(stream, "<malloc version=\"acre-1\">\n<heap nr=\"0\">\n<sizes>\n");
  for (unsigned i = 0; i < ACRE_HEAP_CLASSES; i++)
    if (figures.classes[i].blocks != 0)
      fprintf(stream, "<size size=\"%zu\" count=\"%zu\"/>\n", figures.classes[i].size, figures.classes[i].blocks);
  fprintf(stream, "</sizes>\n<system type=\"current\" size=\"%zu\"/>\n<system type=\"max\" size=\"%zu\"/>\n",
          figures.reserved, figures.peak);
  fprintf(stream, "<total type=\"in use\" count=\"%zu\" size=\"%zu\"/>\n</heap>\n</malloc>\n", figures.blocks,
          figures.in_use);
  return 0;
}

/* None of glibc's parameters has a counterpart; programs that set some should go on. */
ACRE_EXPORT int mallopt(int parameter, int value) {
  (void)parameter;
  (void)value;
  return 1;
}
