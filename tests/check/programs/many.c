/* SPDX-License-Identifier: MIT */
/*
 * many COUNT SIZE [read]: so many blocks in use at once, and how many mappings that takes; with `read`, the
 * byte behind the middle one is read at last.
 */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  size_t count = strtoul(argv[1], NULL, 0), size = strtoul(argv[2], NULL, 0);
  char **blocks = malloc(count * sizeof *blocks), line[1000];
  for (size_t i = 0; i < count; i++)
    if ((blocks[i] = malloc(size)) == NULL) return puts("no memory"), 1;
  int mappings = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, maps) != NULL) mappings++;
  fclose(maps);
  printf("%d mappings\n", mappings);
  fflush(stdout);
  if (argc > 3) return *(volatile char *)(blocks[count / 2] + size);
  for (size_t i = 0; i < count; i++) free(blocks[i]);
  return 0;
}
