/* SPDX-License-Identifier: MIT */
/*
 * One sum over all threads that commit at once, with a hard limit: it has to be
 * exact, and must not be one cache line for which they fight.
 *
 *   limit  [ taken ...................................|           room ]
 *            charged            | credit | credit | ...
 *                                 stripe   stripe
 *
 * Pages are taken from the limit in batches, as credit of a stripe; a charge is
 * one compare-and-swap on the stripe of the thread's number, and gives back to
 * it as well. So charged = taken - all credit, at any moment in which nobody is
 * at work, and charged <= taken <= limit: whatever is credited may be used.
 * While a lowered limit is below the charge, the stripes are closed: they hold no
 * credit, and what is given back goes to `taken` at once.
 *
 * Only the lock's holder moves pages between stripes and `taken`. Before it
 * refuses anybody it recalls all credit and reads the limit anew: a charge that
 * fits is never refused because others hold credit. It is held with signals
 * blocked, as the fault handler charges too: its holder always gets on.
 *
 * A stripe also keeps the least credit it had since the lock's holder last
 * changed it. So taken - all least credits is the most that can have been
 * charged: the peak misses nothing, and exceeds the truth (by what stripes may
 * hold) only where several threads had theirs at different times.
 *
 * The limit is the least of three: the user's; RAM + swap + room; the cgroup's
 * + room. What the system says is read again when the lock's holder finds it
 * older than 100 ms, and always before a refusal that it could avert; but first
 * when 4 MiB are committed, as reading takes longer than a small program runs.
 *
 * Lock: the last of all. No region's memory is touched under it.
 */
#include "vm/ledger.h"

#include <stdatomic.h>

#include "base/lock.h"
#include "base/math.h"
#include "os/os.h"
#include "vm/root.h"

enum {
  STRIPES = 16,
  CACHE_LINE = 64,
  BATCH_BYTES = 16 << 20,   /* of credit after a refill; a stripe gives back what is more than twice that */
  UNLOOKED_BYTES = 4 << 20, /* may be committed before the bounds are read */
  STALE_MS = 100
};

/* credit | CLOSED | least << 32, in pages. */
struct stripe {
  _Alignas(CACHE_LINE) _Atomic uint64_t word;
};

#define CLOSED UINT32_C(0x80000000)

static struct stripe stripes[STRIPES];

/* In pages, UINT64_MAX where nothing bounds; under the lock. */
static struct {
  struct acre__lock lock;
  bool read;   /* bounds have been read once */
  bool closed; /* the stripes are, as taken > limit */
  acre_commit_bound bound;
  uint64_t taken, peak, limit;
  uint64_t user;    /* UINT64_MAX: none */
  int64_t room;     /* bytes */
  uint64_t read_at; /* milliseconds */
  struct acre__os_bounds bounds;
} ledger = {.user = UINT64_MAX, .limit = UINT64_MAX};

static uint32_t credit_of(uint64_t word) {
  return (uint32_t)word & ~CLOSED;
}

static uint32_t least_of(uint64_t word) {
  return (uint32_t)(word >> 32);
}

static uint64_t pack(uint64_t credit, uint64_t least) {
  return credit | least << 32;
}

static struct stripe *own_stripe(void) {
  return &stripes[acre__thread_self() % STRIPES];
}

static size_t batch(void) {
  return (size_t)BATCH_BYTES >> acre__root.page_shift;
}

/* ------------------------------------------------------------- with the lock held */

static uint64_t lock(void) {
  uint64_t signals = acre__signals_block();
  acre__lock(&ledger.lock);
  return signals;
}

static void unlock(uint64_t signals) {
  acre__unlock(&ledger.lock);
  acre__signals_restore(signals);
}

/* Before `taken` changes. One stripe's word may have been replaced already: `was` is what it held. */
static void note_peak(const struct stripe *replaced, uint64_t was) {
  uint64_t spare = 0;
  for (struct stripe *stripe = stripes; stripe < stripes + STRIPES; stripe++)
    spare += least_of(stripe == replaced ? was : atomic_load_explicit(&stripe->word, memory_order_relaxed));
  if (ledger.taken - spare > ledger.peak) ledger.peak = ledger.taken - spare;
}

/* Cuts a stripe's credit to `most` and adds `more`, before `taken` follows. Returns what was cut off. */
static uint64_t set_credit(struct stripe *stripe, uint64_t most, uint64_t more) {
  uint64_t was = atomic_load_explicit(&stripe->word, memory_order_relaxed), kept;
  do kept = acre__min(credit_of(was), most);
  while (!atomic_compare_exchange_weak_explicit(&stripe->word, &was,
                                                pack(kept + more, kept + more) | (ledger.closed ? CLOSED : 0),
                                                memory_order_relaxed, memory_order_relaxed));
  note_peak(stripe, was);
  return credit_of(was) - kept;
}

/* Takes all credit back. False: there was none. */
static bool recall(void) {
  uint64_t before = ledger.taken;
  for (struct stripe *stripe = stripes; stripe < stripes + STRIPES; stripe++)
    if (credit_of(atomic_load_explicit(&stripe->word, memory_order_relaxed)) != 0)
      ledger.taken -= set_credit(stripe, 0, 0);
  return ledger.taken < before;
}

/* After `taken` or `limit` has changed. */
static void close_or_open(void) {
  bool close;
  while ((close = ledger.taken > ledger.limit) != ledger.closed) {
    ledger.closed = close;
    for (struct stripe *stripe = stripes; stripe < stripes + STRIPES; stripe++)
      ledger.taken -= set_credit(stripe, close ? 0 : UINT32_MAX, 0);
  }
}

/* What the system allows, in pages; UINT64_MAX bytes are no bound. */
static uint64_t with_room(uint64_t bytes) {
  if (bytes == UINT64_MAX) return bytes;
  uint64_t room = (uint64_t)(ledger.room < 0 ? 0 : ledger.room);
  return bytes > UINT64_MAX - room ? UINT64_MAX : (bytes + room) >> acre__root.page_shift;
}

static void bound_by(uint64_t pages, acre_commit_bound bound) {
  if (pages >= ledger.limit) return;
  ledger.limit = pages;
  ledger.bound = bound;
}

/* Finds the limit from its bounds. */
static void set_limit(void) {
  const struct acre__os_bounds *bounds = &ledger.bounds;
  ledger.limit = UINT64_MAX;
  ledger.bound = ACRE_COMMIT_BOUND_NONE;
  bound_by(ledger.user, ACRE_COMMIT_BOUND_USER);
  bound_by(with_room(bounds->group), ACRE_COMMIT_BOUND_GROUP);
  bound_by(with_room(bounds->ram == 0 ? UINT64_MAX : bounds->ram + bounds->swap), ACRE_COMMIT_BOUND_MEMORY);
  close_or_open();
}

static void read_bounds(bool always) {
  uint64_t now = acre__os_clock_ms();
  if (ledger.read && !always && now - ledger.read_at < STALE_MS) return;
  acre__os_bounds_read(&ledger.bounds);
  ledger.read = true;
  ledger.read_at = now;
  set_limit();
}

static uint64_t charged_pages(void) {
  uint64_t credit = 0;
  for (struct stripe *stripe = stripes; stripe < stripes + STRIPES; stripe++)
    credit += credit_of(atomic_load_explicit(&stripe->word, memory_order_relaxed));
  return ledger.taken > credit ? ledger.taken - credit : 0; /* others may be at work */
}

static bool fits(size_t pages) {
  return ledger.taken <= ledger.limit && pages <= ledger.limit - ledger.taken;
}

/* `taken` only falls here, so this ends. */
static bool make_fit(size_t pages) {
  while (!fits(pages))
    if (!recall()) return false;
  return true;
}

static bool user_forbids(size_t pages) {
  return ledger.taken > ledger.user || pages > ledger.user - ledger.taken;
}

/* The first pages, while nothing is known that would forbid them. */
static bool take_unlooked(struct stripe *stripe, size_t pages) {
  uint64_t most = (uint64_t)UNLOOKED_BYTES >> acre__root.page_shift;
  if (ledger.read || ledger.user != UINT64_MAX || pages > most - acre__min(ledger.taken, most)) return false;
  (void)set_credit(stripe, UINT32_MAX, most - ledger.taken - pages);
  ledger.taken = most;
  return true;
}

static acre_result take(struct stripe *stripe, size_t pages) {
  if (take_unlooked(stripe, pages)) return ACRE_OK;
  read_bounds(false);
  if (!make_fit(pages)) {
    if (user_forbids(pages)) return ACRE_E_COMMIT_LIMIT;
    read_bounds(true);
    if (!make_fit(pages)) return ACRE_E_COMMIT_LIMIT;
  }
  uint64_t more = 0;
  if (pages < batch()) more = acre__min(batch(), (ledger.limit - ledger.taken - pages) / STRIPES);
  (void)set_credit(stripe, UINT32_MAX, more);
  ledger.taken += pages + more;
  return ACRE_OK;
}

/* ------------------------------------------------------------- charging */

static ACRE_COLD acre_result charge_slowly(struct stripe *stripe, size_t pages) {
  uint64_t signals = lock();
  acre_result result = take(stripe, pages);
  unlock(signals);
  return result;
}

acre_result acre__ledger_charge(size_t pages) {
  if (pages == 0) return ACRE_OK;
  struct stripe *stripe = own_stripe();
  uint64_t seen = atomic_load_explicit(&stripe->word, memory_order_relaxed), wanted;
  do {
    if (ACRE_UNLIKELY(credit_of(seen) < pages)) return charge_slowly(stripe, pages);
    uint64_t credit = credit_of(seen) - pages;
    wanted = pack(credit, acre__min(credit, least_of(seen)));
  } while (
      !atomic_compare_exchange_weak_explicit(&stripe->word, &seen, wanted, memory_order_relaxed, memory_order_relaxed));
  return ACRE_OK;
}

bool acre__ledger_is_at_hand(size_t pages) {
  return credit_of(atomic_load_explicit(&own_stripe()->word, memory_order_relaxed)) >= pages;
}

static ACRE_COLD void uncharge_slowly(struct stripe *stripe, size_t pages) {
  uint64_t signals = lock();
  uint64_t cut = set_credit(stripe, batch(), 0);
  ACRE_ASSERT(pages + cut <= ledger.taken);
  ledger.taken -= pages + cut;
  close_or_open();
  unlock(signals);
}

void acre__ledger_uncharge(size_t pages) {
  struct stripe *stripe = own_stripe();
  size_t most = 2 * batch();
  uint64_t seen = atomic_load_explicit(&stripe->word, memory_order_relaxed), wanted;
  do {
    if (ACRE_UNLIKELY(pages > most || credit_of(seen) + pages > most || (seen & CLOSED) != 0)) {
      uncharge_slowly(stripe, pages);
      return;
    }
    wanted = pack(credit_of(seen) + pages, least_of(seen));
  } while (
      !atomic_compare_exchange_weak_explicit(&stripe->word, &seen, wanted, memory_order_relaxed, memory_order_relaxed));
}

/* ------------------------------------------------------------- the figures */

static uint64_t bytes_of(uint64_t pages) {
  unsigned shift = acre__root.page_shift;
  return pages > UINT64_MAX >> shift ? UINT64_MAX : pages << shift;
}

void acre__ledger_read(struct acre__ledger_figures *out) {
  uint64_t signals = lock();
  read_bounds(true);
  note_peak(NULL, 0);
  *out = (struct acre__ledger_figures){.charged = bytes_of(charged_pages()),
                                       .peak = bytes_of(ledger.peak),
                                       .limit = bytes_of(ledger.limit),
                                       .bound = ledger.bound};
  unlock(signals);
}

uint64_t acre__ledger_charged(void) {
  uint64_t signals = lock();
  uint64_t pages = charged_pages();
  unlock(signals);
  return bytes_of(pages);
}

void acre__ledger_bound_by_user(uint64_t bytes) {
  uint64_t signals = lock();
  ledger.user = bytes == 0 ? UINT64_MAX : bytes >> acre__root.page_shift;
  if (ledger.read) set_limit();
  unlock(signals);
}

void acre__ledger_add_room(int64_t bytes) {
  uint64_t signals = lock();
  ledger.room += bytes;
  if (ledger.read) set_limit();
  unlock(signals);
}

void acre__ledger_fork_before(void) {
  acre__lock(&ledger.lock);
}

void acre__ledger_fork_in_parent(void) {
  acre__unlock(&ledger.lock);
}

void acre__ledger_fork_in_child(void) {
  acre__lock_reset(&ledger.lock);
}
