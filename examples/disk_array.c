/* SPDX-License-Identifier: MIT */
/*
 * An array on disk: each run finds what the earlier ones have left, and appends.
 *
 *   disk_array FILE [NUMBER...]     appends the numbers, and shows what is there
 *
 *   file   [ header: how many ][ number | number | number | . . . room . . . ]
 *
 * The file grows as the array does, in place: nothing is ever read, written or moved. The count is
 * stored after the numbers are on the disk, so a crash leaves an array without the last of them.
 */
#include <acre/array.h>
#include <acre/filemap.h>
#include <stdio.h>
#include <stdlib.h>

ACRE_ARRAY_DEFINE(numbers, double);

struct header {
  char magic[8];
  uint64_t count;
};

static const char magic[8] = "numbers";

enum { HEADER = 4096 };

static const size_t maximum = (size_t)1 << 32; /* addresses; the file is as long as it has to be */

static acre_result open_view(const char *path, acre_view **out) {
  acre_file_options file_options = {.access = ACRE_ACCESS_READ_WRITE, .mode = ACRE_FILE_OPEN_OR_CREATE};
  acre_section_options section_options = {.access = ACRE_ACCESS_READ_WRITE};
  acre_view_options view_options = {.access = ACRE_ACCESS_READ_WRITE, .reserve = HEADER + maximum * sizeof(double)};
  acre_file *file = NULL;
  acre_section *section = NULL;
  uint64_t size = 0;
  acre_result result = acre_file_open(path, &file_options, &file);
  if (result == ACRE_OK) result = acre_file_size(file, &size);
  if (size == 0) section_options.size = HEADER;
  if (result == ACRE_OK) result = acre_section_create(file, &section_options, &section);
  if (result == ACRE_OK) result = acre_view_map(section, 0, 0, &view_options, out);
  acre_section_close(section); /* the view keeps both */
  acre_file_close(file);
  return result;
}

static acre_result append(numbers *all, struct header *header, acre_view *view, char **texts, int count) {
  acre_result result = ACRE_OK;
  for (int i = 0; i < count && result == ACRE_OK; i++) result = numbers_push(all, strtod(texts[i], NULL));
  if (result == ACRE_OK) result = acre_view_flush(view, 0, 0, ACRE_FLUSH_DURABLE);
  if (result != ACRE_OK) return result;
  memcpy(header->magic, magic, sizeof magic);
  header->count = numbers_count(all);
  return acre_view_flush(view, 0, sizeof *header, ACRE_FLUSH_DURABLE);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: disk_array FILE [NUMBER...]\n");
    return 2;
  }
  acre_view *view = NULL;
  acre_result result = open_view(argv[1], &view);
  numbers all = {0};
  if (result == ACRE_OK) {
    struct header *header = acre_view_data(view);
    size_t room = acre_view_size(view) >= HEADER ? (acre_view_size(view) - HEADER) / sizeof(double) : 0;
    bool is_new = acre_view_size(view) >= HEADER && header->magic[0] == 0 && header->count == 0;
    if (!is_new && (room < header->count || memcmp(header->magic, magic, sizeof magic) != 0)) {
      fprintf(stderr, "disk_array: %s: not an array of numbers\n", argv[1]);
      return 1;
    }
    double *data = (double *)((char *)acre_view_data(view) + HEADER);
    result = numbers_attach(&all, data, (size_t)header->count, maximum, NULL);
    if (result == ACRE_OK) result = append(&all, header, view, argv + 2, argc - 2);
  }
  for (size_t i = 0; i < numbers_count(&all); i++) printf("%zu: %g\n", i, *numbers_at(&all, i));
  numbers_destroy(&all); /* the view's memory stays */
  if (result == ACRE_OK) result = acre_view_unmap(view);
  if (result != ACRE_OK) fprintf(stderr, "disk_array: %s: %s\n", argv[1], acre_result_text(result));
  return result == ACRE_OK ? 0 : 1;
}
