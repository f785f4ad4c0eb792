/* SPDX-License-Identifier: MIT */
/*
 * The thread that makes occasions: what is warm goes cold when somebody takes a
 * segment or gives one back, and in a program that does neither any more it would
 * stay. This thread does what such a call would do, again and again.
 *
 *   sleep ──> medium blocks that threads have at hand: back to their slabs
 *     ^       slabs without blocks: warm
 *     │       what was warm for ACRE_WARM_TIME: cold
 *     └────── until acre_heap_purge_stop
 */
#include "heap/purge.h"

#include "heap/block.h"
#include "heap/look.h"
#include "heap/runs.h"
#include "vm/services.h"

enum { DEFAULT_MS = 500, MOST_MS = 24 * 3600 * 1000 };

static struct {
  struct acre__lock lock; /* of starting and stopping */
  bool runs;
  acre__vm_thread thread;
  _Atomic unsigned milliseconds;
  _Atomic uint32_t stop; /* what it sleeps on */
} purger;

static void purge(void) {
  acre_heap *heap = acre_process_heap();
  if (heap != NULL) {
    bool taken = acre__heap_stop(heap);
    acre__medium_compact(heap);
    acre__heap_go(heap, taken);
  }
  acre__runs_tick();
}

static void run(void *context) {
  (void)context;
  while (atomic_load(&purger.stop) == 0) {
    acre__park_for(&purger.stop, 0, atomic_load(&purger.milliseconds));
    if (atomic_load(&purger.stop) == 0) purge();
  }
}

acre_result acre_heap_purge_start(unsigned milliseconds) {
  if (milliseconds > MOST_MS) return ACRE_E_INVALID_SIZE;
  acre_result result = acre_process_heap() == NULL ? ACRE_E_NO_MEMORY : ACRE_OK; /* and what fork must know is set up */
  acre__lock(&purger.lock);
  atomic_store(&purger.milliseconds, milliseconds == 0 ? DEFAULT_MS : milliseconds);
  if (result == ACRE_OK && !purger.runs) {
    atomic_store(&purger.stop, 0);
    purger.thread = (acre__vm_thread){.run = run};
    result = acre__vm_thread_start(&purger.thread);
    purger.runs = result == ACRE_OK;
  }
  acre__unlock(&purger.lock);
  return result;
}

acre_result acre_heap_purge_stop(void) {
  acre_result result = ACRE_E_NOT_FOUND;
  acre__lock(&purger.lock);
  if (purger.runs) {
    atomic_store(&purger.stop, 1);
    acre__unpark_all(&purger.stop);
    acre__vm_thread_join(&purger.thread);
    purger.runs = false;
    result = ACRE_OK;
  }
  acre__unlock(&purger.lock);
  return result;
}

void acre__purge_fork_in_child(void) {
  acre__lock_reset(&purger.lock);
  purger.runs = false;
}
