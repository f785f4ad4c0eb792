/* SPDX-License-Identifier: MIT */
/* What calls.c does with the Win32 names, with the public functions under them. */
#include <acre/acre.h>
#include <pthread.h>
#include <time.h>

#include "measure.h"

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static char *base;
static acre_heap *heap;
static acre_section *section;

static void alloc_free(int count) {
  const acre_vm_options options = {.flags = ACRE_VM_COMMIT};
  while (count-- > 0) {
    void *memory;
    acre_vm_reserve(65536, &options, &memory);
    acre_vm_release(memory);
  }
}

static void commit_decommit(int count) {
  while (count-- > 0) {
    acre_vm_commit(base + 4096, 4096, ACRE_VM_READ_WRITE);
    acre_vm_decommit(base + 4096, 4096);
  }
}

static void query(int count) {
  acre_vm_info info;
  while (count-- > 0) acre_vm_query(base + 8192, &info);
}

static void heap_blocks(int count) {
  void *blocks[64];
  for (; count > 0; count -= 64) {
    for (int i = 0; i < 64; i++) blocks[i] = acre_heap_alloc(heap, 32);
    for (int i = 0; i < 64; i++) acre_heap_free(heap, blocks[i]);
  }
}

static void *heap_thread(void *count) {
  heap_blocks(*(int *)count);
  return NULL;
}

static void heap_two_threads(int count) {
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, heap_thread, &count);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
}

static void create_destroy(int count) {
  while (count-- > 0) {
    acre_heap *made;
    acre_heap_create(NULL, &made);
    acre_heap_destroy(made);
  }
}

static void map_unmap(int count) {
  const acre_view_options options = {.access = ACRE_ACCESS_READ_WRITE};
  while (count-- > 0) {
    acre_view *view;
    acre_view_map(section, 0, 0, &options, &view);
    acre_view_unmap(view);
  }
}

static void create_section(int count) {
  while (count-- > 0) {
    acre_section *made;
    acre_section_create_memory(65536, NULL, &made);
    acre_section_close(made);
  }
}

int main(void) {
  acre_vm_reserve(1 << 20, NULL, (void **)&base);
  acre_vm_commit(base, 4096, ACRE_VM_READ_WRITE);
  acre_heap_create(NULL, &heap);
  acre_section_create_memory(65536, NULL, &section);
  measure_all();
  return 0;
}
