/* SPDX-License-Identifier: MIT */
/*
 * A flusher: a thread that brings a view's file up to date on the disk.
 *
 *   sleep  ->  look: how much is changed?  ->  is any condition met?  ->  flush  -> ...
 *     ^ woken early by acre_flusher_stop, and by the gate of dirty_limit (vm/gate.h)
 *
 * What was seen changed is owed a flush, also when the system has written it meanwhile: the system makes
 * nothing durable. So while nothing is owed nothing is flushed.
 *
 * The thread alone writes what it knows; `word` and the figures are atomic, and the
 * options do not change. After a fork only `process` tells that the thread is not there.
 */
#include <acre/flusher.h>

#include "base/lock.h"
#include "base/math.h"
#include "filemap/filemap.h"
#include "filemap/growth.h"
#include "vm/gate.h"
#include "vm/meta.h"

enum { TAG = 0x68736c66, STOP = 1, WANTED = 2 };
enum { EVERY_MS = 1000, SOON_MS = 10, COST_SHARE = 50, DEADLINE_SHARE = 8 };

/* What the thread knows of the file. Times are of acre__os_clock_ms. */
struct knowledge {
  uint64_t dirty;                 /* bytes, when it looked last */
  uint64_t looked, look_cost;     /* when, and how many milliseconds that took */
  uint64_t oldest;                /* since when something is changed, at the earliest; valid if it is owed */
  uint64_t changed;               /* when more was changed last, at the latest */
  uint64_t interval_end;          /* when the next interval is over */
  uint64_t flush_ms, flush_bytes; /* of the last flush */
  bool owed;                      /* something is or was changed since the last flush began */
  bool is_blind;                  /* the system does not tell, nor does a gate */
  bool wanted;                    /* the gate wants a flush */
};

struct acre_flusher {
  uint32_t tag;
  unsigned process; /* acre__growth_process of the one that has the thread */
  acre_view *view;
  acre_flusher_options options;
  struct acre__os_thread thread;
  _Atomic uint32_t word; /* STOP, WANTED: why it should not sleep */
  _Atomic uint64_t flushes, failures, flushed_bytes, dirty_bytes, most_dirty, waits, longest_ms;
  _Atomic int last_error;
  struct knowledge known; /* the thread's */
};

static bool is_open(const acre_flusher *flusher) {
  return flusher != NULL && flusher->tag == TAG;
}

static void count(_Atomic uint64_t *figure, uint64_t more) {
  atomic_fetch_add_explicit(figure, more, memory_order_relaxed);
}

static void note_most(_Atomic uint64_t *figure, uint64_t value) {
  if (value > atomic_load_explicit(figure, memory_order_relaxed))
    atomic_store_explicit(figure, value, memory_order_relaxed);
}

/* ------------------------------------------------------------- looking */

static acre_result ask(const acre_view *view, uint64_t *dirty) {
  return acre__os_file_dirty(view->section->file->os, view->offset, acre__view_pages(view, acre__view_bytes(view)),
                             view->base, dirty);
}

static void look(acre_flusher *flusher) {
  struct knowledge *known = &flusher->known;
  uint64_t now = acre__os_clock_ms(), dirty = 0;
  known->is_blind = ask(flusher->view, &dirty) != ACRE_OK;
  uint64_t told = dirty; /* what the program is told: of larger folios, the kernel counts more than was stored to */
  if (flusher->options.dirty_limit != 0) {
    struct acre__gate_figures gate = acre__vm_gate_figures(flusher->view->base);
    told = gate.changed;
    dirty = acre__max(dirty, told);
    known->is_blind = false;
    atomic_store_explicit(&flusher->waits, gate.waits, memory_order_relaxed);
  }
  if (dirty > 0 && !known->owed) {
    known->owed = true;
    known->oldest = known->looked;
  }
  if (dirty > known->dirty) known->changed = now;
  known->dirty = dirty;
  known->looked = now;
  known->look_cost = acre__os_clock_ms() - now;
  atomic_store_explicit(&flusher->dirty_bytes, told, memory_order_relaxed);
  note_most(&flusher->most_dirty, told);
}

/* ------------------------------------------------------------- when */

/* How long a flush of what is changed may take: as the last one, in proportion, and twice that. */
static uint64_t estimate(const acre_flusher *flusher) {
  const struct knowledge *known = &flusher->known;
  uint64_t shares = known->flush_bytes == 0 ? 1 : 1 + known->dirty / known->flush_bytes;
  return acre__min(2 * known->flush_ms * shares, (uint64_t)flusher->options.deadline_ms / 2);
}

static bool is_due(acre_flusher *flusher) {
  const acre_flusher_options *options = &flusher->options;
  struct knowledge *known = &flusher->known;
  uint64_t now = known->looked;
  bool interval = options->interval_ms != 0 && now >= known->interval_end;
  if (interval) known->interval_end = acre__max(known->interval_end, now - options->interval_ms) + options->interval_ms;
  if (known->is_blind) return interval;
  if (!known->owed) return false;
  return interval || known->wanted || (options->idle_ms != 0 && now - known->changed >= options->idle_ms) ||
         (options->deadline_ms != 0 &&
          now + options->deadline_ms / DEADLINE_SHARE + estimate(flusher) >= known->oldest + options->deadline_ms) ||
         (options->dirty_bytes != 0 && known->dirty > options->dirty_bytes);
}

/* How long to sleep before the next look. */
static uint64_t patience(const acre_flusher *flusher) {
  const acre_flusher_options *options = &flusher->options;
  const struct knowledge *known = &flusher->known;
  uint64_t now = acre__os_clock_ms(), out = EVERY_MS;
  if (options->idle_ms != 0) out = acre__min(out, (uint64_t)options->idle_ms / 4);
  if (options->deadline_ms != 0) out = acre__min(out, (uint64_t)options->deadline_ms / DEADLINE_SHARE / 2);
  if (options->dirty_bytes != 0) out = acre__min(out, (uint64_t)SOON_MS);
  out = acre__max(out, known->look_cost * COST_SHARE);
  if (options->interval_ms != 0) out = acre__min(out, known->interval_end - acre__min(now, known->interval_end));
  return acre__max(out, (uint64_t)1);
}

/* ------------------------------------------------------------- flushing */

static void flush(acre_flusher *flusher) {
  struct knowledge *known = &flusher->known;
  acre_view *view = flusher->view;
  bool has_gate = flusher->options.dirty_limit != 0, turned = true;
  uint64_t begin = acre__os_clock_ms(), bytes = known->dirty;
  size_t changed;
  known->owed = false; /* before: what comes now is owed the next one */
  known->wanted = false;
  known->dirty = 0;
  if (has_gate) turned = acre__vm_gate_turn(view->base, &changed) == ACRE_OK;
  acre_result result = acre__view_write_back(view, 0, acre__view_bytes(view), flusher->options.mode);
  if (has_gate && turned) acre__vm_gate_done(view->base);
  known->flush_ms = acre__os_clock_ms() - begin;
  known->flush_bytes = bytes;
  known->looked = begin; /* the earliest moment of what is changed now */

  count(&flusher->flushes, 1);
  count(&flusher->flushed_bytes, bytes);
  note_most(&flusher->longest_ms, known->flush_ms);
  if (result == ACRE_OK) return;
  (void)acre__file_note_error(view->section->file, result);
  count(&flusher->failures, 1);
  atomic_store_explicit(&flusher->last_error, (int)result, memory_order_relaxed);
  if (flusher->options.on_error != NULL) flusher->options.on_error(result, flusher->options.context);
}

static void run(void *context) {
  acre_flusher *flusher = context;
  for (;;) {
    uint32_t word = atomic_fetch_and_explicit(&flusher->word, ~(uint32_t)WANTED, memory_order_acquire);
    if ((word & WANTED) != 0) flusher->known.wanted = true;
    look(flusher);
    bool stop = (word & STOP) != 0; /* the last flush asks nobody: it is what the program relies on */
    if (stop || is_due(flusher)) flush(flusher);
    if (stop) return;
    acre__park_for(&flusher->word, 0, patience(flusher));
  }
}

static void wake(acre_flusher *flusher, uint32_t why) {
  if ((atomic_fetch_or_explicit(&flusher->word, why, memory_order_release) & why) == 0) acre__unpark(&flusher->word);
}

/* Of the gate: in a fault handler, with the region's lock. */
static void want_flush(void *context) {
  wake(context, WANTED);
}

/* ------------------------------------------------------------- start and stop */

static acre_result check(const acre_view *view, const acre_flusher_options *options) {
  bool starts = options->mode == ACRE_FLUSH_START;
  if (!starts && options->mode != ACRE_FLUSH_DURABLE && options->mode != ACRE_FLUSH_WAIT)
    return ACRE_E_INVALID_ARGUMENT;
  if (starts && (options->dirty_limit != 0 || options->deadline_ms != 0)) return ACRE_E_INVALID_ARGUMENT;
  if (view->access == ACRE_ACCESS_READ) return ACRE_E_INVALID_ARGUMENT;
  if (view->access == ACRE_ACCESS_COPY_ON_WRITE || view->section->is_reserved) return ACRE_E_NOT_SUPPORTED;
  uint64_t dirty;
  bool needs_to_know = options->idle_ms != 0 || options->deadline_ms != 0 || options->dirty_bytes != 0;
  return needs_to_know && options->dirty_limit == 0 ? ask(view, &dirty) : ACRE_OK;
}

/* With the view's mark that it has a flusher. */
static acre_result start(acre_flusher *flusher) {
  const acre_flusher_options *options = &flusher->options;
  acre_view *view = flusher->view;
  acre_result result = ACRE_OK;
  size_t limit = (size_t)acre__min(options->dirty_limit, (uint64_t)SIZE_MAX);
  if (limit != 0) result = acre__vm_gate_shut(view->base, limit, want_flush, flusher);
  if (result != ACRE_OK) return result;
  result = acre__os_thread_start(&flusher->thread);
  if (result != ACRE_OK && limit != 0) acre__vm_gate_open(view->base);
  return result;
}

acre_result acre_flusher_start(acre_view *view, const acre_flusher_options *options, acre_flusher **out) {
  static const acre_flusher_options defaults = {0};
  if (out == NULL) return ACRE_E_INVALID_ARGUMENT;
  *out = NULL;
  if (!acre__view_is_open(view)) return ACRE_E_INVALID_ARGUMENT;
  if (options == NULL) options = &defaults;
  acre_result result = check(view, options);
  if (result != ACRE_OK) return result;
  bool has_one = false;
  if (!atomic_compare_exchange_strong(&view->flushed, &has_one, true)) return ACRE_E_BUSY;

  acre_flusher *flusher = acre__meta_alloc(sizeof *flusher);
  result = ACRE_E_NO_MEMORY;
  if (flusher != NULL) {
    uint64_t now = acre__os_clock_ms();
    flusher->process = acre__growth_process();
    flusher->view = view;
    flusher->options = *options;
    acre_flusher_options *own = &flusher->options;
    if ((own->interval_ms | own->idle_ms | own->deadline_ms) == 0 && own->dirty_bytes == 0 && own->dirty_limit == 0)
      own->interval_ms = EVERY_MS;
    flusher->thread.run = run;
    flusher->thread.context = flusher;
    flusher->known = (struct knowledge){.looked = now, .changed = now, .interval_end = now + own->interval_ms};
    flusher->tag = TAG;
    result = start(flusher);
  }
  if (result == ACRE_OK) {
    *out = flusher;
    return ACRE_OK;
  }
  if (flusher != NULL) acre__meta_free(flusher, sizeof *flusher);
  atomic_store(&view->flushed, false);
  return result;
}

acre_result acre_flusher_look(const acre_flusher *flusher, acre_flusher_figures *out) {
  if (!is_open(flusher) || out == NULL) return ACRE_E_INVALID_ARGUMENT;
  *out = (acre_flusher_figures){
      .flushes = atomic_load_explicit(&flusher->flushes, memory_order_relaxed),
      .failures = atomic_load_explicit(&flusher->failures, memory_order_relaxed),
      .flushed_bytes = atomic_load_explicit(&flusher->flushed_bytes, memory_order_relaxed),
      .dirty_bytes = atomic_load_explicit(&flusher->dirty_bytes, memory_order_relaxed),
      .most_dirty = atomic_load_explicit(&flusher->most_dirty, memory_order_relaxed),
      .waits = atomic_load_explicit(&flusher->waits, memory_order_relaxed),
      .longest_ms = atomic_load_explicit(&flusher->longest_ms, memory_order_relaxed),
      .last_error = (acre_result)atomic_load_explicit(&flusher->last_error, memory_order_relaxed),
  };
  return ACRE_OK;
}

acre_result acre_flusher_stop(acre_flusher *flusher) {
  if (flusher == NULL) return ACRE_OK;
  if (!is_open(flusher)) return ACRE_E_INVALID_ARGUMENT;
  acre_view *view = flusher->view;
  acre_result result = ACRE_OK;
  flusher->tag = 0;
  if (flusher->process == acre__growth_process()) {
    wake(flusher, STOP);
    acre__os_thread_join(&flusher->thread);
  } else { /* a child of fork: what the parent's thread would have done */
    result = acre__view_write_back(view, 0, acre__view_bytes(view), flusher->options.mode);
  }
  if (flusher->options.dirty_limit != 0) acre__vm_gate_open(view->base);
  result = acre__file_note_error(view->section->file, result);
  acre__meta_free(flusher, sizeof *flusher);
  atomic_store(&view->flushed, false);
  return result;
}
