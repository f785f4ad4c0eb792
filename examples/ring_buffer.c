/* SPDX-License-Identifier: MIT */
/*
 * A ring buffer without a seam: the same memory is mapped twice, back to back,
 * so that what runs over the end of the ring is contiguous all the same.
 *
 *   addresses   [ view of the ring ][ the same again ]
 *                          [ message ]
 *
 * The two places are placeholders: nobody can take the second one while the first is mapped.
 */
#include <acre/filemap.h>
#include <acre/vm.h>
#include <stdio.h>
#include <string.h>

struct ring {
  char *bytes;
  size_t size;
  acre_view *view[2];
};

static acre_result ring_create(struct ring *ring, size_t size) {
  acre_vm_options placeholder = {.flags = ACRE_VM_PLACEHOLDER};
  acre_section *section = NULL;
  void *base = NULL;
  *ring = (struct ring){.size = size};
  acre_result result = acre_vm_reserve(2 * size, &placeholder, &base);
  if (result != ACRE_OK) return result;
  ring->bytes = base;
  result = acre_vm_split(base, size);
  if (result == ACRE_OK) result = acre_section_create_memory(size, NULL, &section);
  for (int i = 0; i < 2 && result == ACRE_OK; i++) {
    acre_view_options options = {
        .access = ACRE_ACCESS_READ_WRITE, .address = ring->bytes + (size_t)i * size, .replace = true};
    result = acre_view_map(section, 0, size, &options, &ring->view[i]);
  }
  acre_section_close(section); /* the views keep it */
  return result;
}

/* Whatever ring_create has made of it. */
static acre_result ring_destroy(struct ring *ring) {
  if (ring->bytes == NULL) return ACRE_OK;
  acre_result result = ACRE_OK;
  for (int i = 0; i < 2 && result == ACRE_OK; i++)
    if (ring->view[i] != NULL) result = acre_view_unmap_to_placeholder(ring->view[i]);
  if (result == ACRE_OK) result = acre_vm_join(ring->bytes, 2 * ring->size);
  return result == ACRE_OK ? acre_vm_release(ring->bytes) : result;
}

int main(void) {
  static const char message[] = "over the end and on";
  acre_system system;
  struct ring ring = {0};
  acre_result result = acre_system_info(&system);
  if (result == ACRE_OK) result = ring_create(&ring, system.allocation_granularity);
  if (result == ACRE_OK) {
    strcpy(ring.bytes + ring.size - 9, message); /* one copy, though it does not fit before the end */
    printf("%s: '%s' is at the start of the ring\n", ring.bytes + ring.size - 9, ring.bytes);
  }
  acre_result destroyed = ring_destroy(&ring);
  if (result == ACRE_OK) result = destroyed;
  if (result != ACRE_OK) fprintf(stderr, "ring_buffer: %s\n", acre_result_text(result));
  return result == ACRE_OK ? 0 : 1;
}
