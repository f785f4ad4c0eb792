/* SPDX-License-Identifier: MIT */
/*
 * Blocks that are lost, and blocks that only look so: they are found from data,
 * from a stack, from another thread's, from a thread-local, by a pointer into their middle, or from each other.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct node {
  struct node *next;
  char text[56];
};

static struct node *kept, *zeroed_data;
static char *middle;
static __thread char *local;

__attribute__((noinline)) static void *lose(size_t size) {
  return malloc(size);
}

__attribute__((noinline)) static void lose_some(void) {
  for (int i = 0; i < 10; i++) memset(lose(1000), i, 1000);
  struct node *volatile ring = malloc(sizeof *ring); /* they hold each other, and nobody holds them */
  ring->next = malloc(sizeof *ring);
  ring->next->next = ring;
  ring = NULL;
}

static void *wait_with_block(void *pipe_end) {
  char *volatile on_stack = malloc(333);
  local = malloc(222);
  on_stack[0] = local[0] = 1;
  write(*(int *)pipe_end, "", 1);
  for (;;) pause();
}

/* What calls have left on the stack. */
__attribute__((noinline)) static void wipe(void) {
  volatile char room[20000];
  for (size_t i = 0; i < sizeof room; i++) room[i] = 0;
}

int main(int argc, char **argv) {
  int ends[2];
  char byte;
  pthread_t thread;
  (void)argv;
  for (int i = 0; i < 100; i++) {
    struct node *node = calloc(1, sizeof *node);
    node->next = kept;
    kept = node;
  }
  zeroed_data = malloc(111);
  middle = (char *)malloc(5000) + 2500;
  if (pipe(ends) != 0) return 1;
  pthread_create(&thread, NULL, wait_with_block, &ends[1]);
  read(ends[0], &byte, 1);
  if (argc > 1) lose_some();
  wipe();
  return 0;
}
