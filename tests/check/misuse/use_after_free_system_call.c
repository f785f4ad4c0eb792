/* SPDX-License-Identifier: MIT */
/*
 * A freed block is handed to the system.
 *
 * page-heap: silent: the system refuses the address (EFAULT), and the program did not look
 * check: silent: canaries see what is written, not what is read
 */
#include <unistd.h>

#include "misuse.h"

int main(void) {
  char *block = malloc(32);
  FILE *nothing = fopen("/dev/null", "w");
  setbuf(nothing, NULL);
  free(block);
  size_t written = write(fileno(nothing), hide(block), 32);
  fclose(nothing);
  return written == 7;
}
