/* SPDX-License-Identifier: MIT */
/*
 * Threads that allocate, resize, free and hand blocks on to each other, while one
 * of them forks; every byte is looked at. Nothing here is misuse.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, SLOTS = 400, ROUNDS = 4000, FORK_EVERY = 200 };

struct slot {
  unsigned char *block, value;
  size_t size;
};

static _Atomic(struct slot *) handed;
static _Atomic int wrong;

static void look(const struct slot *slot, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (slot->block[i] != slot->value) {
      wrong++;
      return;
    }
}

static void make(struct slot *slot, uint64_t random, size_t size) {
  switch (random >> 10 & 3) {
    case 0: slot->block = malloc(size); break;
    case 1:
      slot->block = calloc(1, size);
      slot->value = 0;
      look(slot, size);
      break;
    default: {
      size_t alignment = (size_t)1 << (random >> 50) % 14;
      slot->block = memalign(alignment, size);
      if ((uintptr_t)slot->block % alignment != 0) wrong++;
    }
  }
}

/* In another place than it was made; what was there is freed. */
static void hand_on(struct slot *slot) {
  struct slot *other = malloc(sizeof *other);
  *other = *slot;
  other = atomic_exchange(&handed, other);
  if (other != NULL) {
    look(other, other->size);
    free(other->block);
    free(other);
  }
  *slot = (struct slot){0};
}

static void fork_and_free(struct slot *slots) {
  int status = 1;
  pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < SLOTS; i++) {
      look(&slots[i], slots[i].size);
      free(slots[i].block);
    }
    free(malloc(10));
    _exit(wrong != 0);
  }
  waitpid(child, &status, 0);
  if (status != 0) wrong++;
}

static void *work(void *number) {
  uint64_t random = (uintptr_t)number * 7919 + 1;
  struct slot slots[SLOTS] = {{0}};
  for (int round = 0; round < ROUNDS; round++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    struct slot *slot = &slots[(random >> 33) % SLOTS];
    size_t size = 1 + (random >> 40) % ((random >> 20) % 50 == 0 ? 300000 : 600);
    if (slot->block == NULL) {
      make(slot, random, size);
    } else if ((random >> 12) % 2 == 0) {
      hand_on(slot);
      continue;
    } else {
      size_t kept = slot->size < size ? slot->size : size;
      slot->block = realloc(slot->block, size);
      look(slot, kept);
    }
    slot->size = size;
    slot->value = (unsigned char)random;
    memset(slot->block, slot->value, size);
    if (number == NULL && round % FORK_EVERY == 0) fork_and_free(slots);
  }
  for (int i = 0; i < SLOTS; i++) {
    look(&slots[i], slots[i].size);
    free(slots[i].block);
  }
  return NULL;
}

int main(void) {
  pthread_t threads[THREADS];
  for (intptr_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, (void *)i);
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  hand_on(&(struct slot){0});
  free(handed);
  printf("%d wrong\n", wrong);
  return wrong != 0;
}
