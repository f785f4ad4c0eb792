/* SPDX-License-Identifier: MIT */
/* Threads for the parts of a sort (see sort_parts.h). */
#define _POSIX_C_SOURCE 200809L
#include "sort_parts.h"

#include <acre/base.h>
#include <acre/fault.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

enum { LEAST = 1 << 16, PATIENCE_NS = 20000000 };

size_t sort_parts_share(size_t count) {
  acre_system system;
  size_t parts = acre_system_info(&system) == ACRE_OK ? system.processors : 1;
  if (parts < 1) parts = 1;
  if (parts > SORT_PARTS) parts = SORT_PARTS;
  return count / parts + LEAST;
}

/* A part's thread. */
struct worker {
  struct sort_parts *shared;
  void (*run)(void *part);
  void *part;
  sem_t *ended;
  pthread_t thread;
  bool has_thread;
};

static void *work(void *context) {
  struct worker *worker = context;
  if (acre_guarded_call(worker->run, worker->part, NULL) != ACRE_OK) sort_parts_stop(worker->shared, SORT_LOST);
  (void)sem_post(worker->ended);
  return NULL;
}

static void tell(struct sort_parts *shared) {
  const struct sort_means *means = shared->means;
  double done = (double)atomic_load_explicit(&shared->done, memory_order_relaxed) / (double)shared->all;
  if (means->tick != NULL && !means->tick(means->context, shared->from + (shared->to - shared->from) * done))
    sort_parts_stop(shared, SORT_STOPPED);
}

/* Waits until a part has ended, and tells how much is done. */
static void wait_for_one(struct sort_parts *shared, sem_t *ended) {
  struct timespec until;
  do {
    tell(shared);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += PATIENCE_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
  } while (sem_timedwait(ended, &until) != 0 && (errno == ETIMEDOUT || errno == EINTR));
}

enum sort_answer sort_parts_run(struct sort_parts *shared, void (*run)(void *part), void *parts, size_t size,
                                size_t count) {
  struct worker workers[SORT_PARTS];
  sem_t ended;
  if (sem_init(&ended, 0, 0) != 0) return SORT_NO_MEMORY;
  for (size_t i = 0; i < count; i++) {
    struct worker *worker = &workers[i];
    *worker = (struct worker){.shared = shared, .run = run, .part = (char *)parts + i * size, .ended = &ended};
    worker->has_thread = pthread_create(&worker->thread, NULL, work, worker) == 0;
    if (!worker->has_thread) (void)work(worker);
  }
  for (size_t i = 0; i < count; i++) wait_for_one(shared, &ended);
  for (size_t i = 0; i < count; i++)
    if (workers[i].has_thread) (void)pthread_join(workers[i].thread, NULL);
  (void)sem_destroy(&ended);
  return (enum sort_answer)atomic_load(&shared->stopped);
}
