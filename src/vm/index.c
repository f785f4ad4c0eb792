/* SPDX-License-Identifier: MIT */
#include "vm/index.h"

#include "vm/meta.h"

enum {
  FANOUT = 63, /* makes a node 512 bytes, a block of the metadata allocator */
  EIGHT = 8,   /* see rank() */
  FEW = FANOUT / 4,
  MERGED = FANOUT * 3 / 4 /* the most that two nodes may hold together to become one */
};

#define UNUSED UINT32_MAX /* the key of an entry that is none: above every base */

/*
 * Everything is atomic because a reader may be reading while the node is made
 * anew for another place in the tree; the version tells it to forget what it
 * read. Loads acquire and stores release, so that neither passes the version;
 * on x86-64 both are plain moves.
 */
struct acre__index_node {
  _Atomic uint32_t count;
  _Atomic uint32_t is_leaf;
  _Atomic uint32_t key[FANOUT];         /* lower bounds of the children; in a leaf the bases; in units */
  _Atomic acre__meta_handle to[FANOUT]; /* nodes; in a leaf regions */
};

_Static_assert(sizeof(struct acre__index_node) == 512, "a node is a block of the metadata allocator");

static uint32_t unit_of(uintptr_t address) {
  return address > ACRE_INDEX_HIGHEST ? UNUSED - 1 : (uint32_t)(address / ACRE_INDEX_UNIT);
}

static uint32_t count_of(const struct acre__index_node *node) {
  return atomic_load_explicit(&node->count, memory_order_acquire);
}

static bool is_leaf(const struct acre__index_node *node) {
  return atomic_load_explicit(&node->is_leaf, memory_order_acquire) != 0;
}

static uint32_t key_at(const struct acre__index_node *node, uint32_t i) {
  return atomic_load_explicit(&node->key[i], memory_order_acquire);
}

static acre__meta_handle to_at(const struct acre__index_node *node, uint32_t i) {
  return atomic_load_explicit(&node->to[i], memory_order_acquire);
}

static void set_to(struct acre__index_node *node, uint32_t i, acre__meta_handle to) {
  atomic_store_explicit(&node->to[i], to, memory_order_release);
}

static struct acre__index_node *child_at(const struct acre__index_node *node, uint32_t i) {
  return acre__meta_at(to_at(node, i));
}

static struct acre__region *region_at(const struct acre__index_node *node, uint32_t i) {
  return acre__meta_at(to_at(node, i));
}

/*
 * A search wants three or four of a node's eight cache lines, one after the
 * other; so all are asked for at once. The pointer may be stale, so it is but a number here.
 */
static void fetch(uintptr_t node) {
  for (size_t line = 0; line < sizeof(struct acre__index_node); line += 64)
    __builtin_prefetch((const void *)(node + line));
}

static struct acre__index_node *root_of(const struct acre__index *index) {
  return atomic_load_explicit(&index->root, memory_order_acquire);
}

/*
 * How many of the node's keys are not above `unit`, which is no UNUSED: first by
 * the last key of each eight, then in the eight. There is no branch to guess, and
 * nothing waits for anything but once; halving would wait six times. Without loops,
 * as the fewer instructions a query takes, the earlier the processor begins with the next one, if this one waits.
 */
static uint32_t rank(const struct acre__index_node *node, uint32_t unit) {
  uint32_t eights = 0;
#pragma GCC unroll 8
  for (uint32_t i = 1; i < (FANOUT + 1) / EIGHT; i++) eights += key_at(node, i * EIGHT - 1) <= unit;
  uint32_t found = eights * EIGHT;
  const uint32_t first = found;
#pragma GCC unroll 8
  for (uint32_t i = 0; i < EIGHT - 1; i++) found += key_at(node, first + i) <= unit;
  return found;
}

/* An inner node's child for `unit`: what is below the first key belongs to the first child. */
static uint32_t child_for(const struct acre__index_node *node, uint32_t unit) {
  uint32_t r = rank(node, unit);
  return r == 0 ? 0 : r - 1;
}

/* ------------------------------------------------------------------ read */

static bool unchanged(const struct acre__index *index, uint64_t version) {
  return atomic_load_explicit(&index->version, memory_order_acquire) == version;
}

/*
 * One try. Lower bounds may be stale (lower than what the child still holds), so
 * the leaf on the path may have nothing for the address; then the answer is the
 * last region of the subtree left of the path. No pointer is followed before
 * the version has been seen unchanged since it was read.
 */
static bool try_find(const struct acre__index *index, uint32_t unit, uint64_t version, struct acre__region **out) {
  const struct acre__index_node *node = root_of(index);
  const struct acre__index_node *parent = NULL; /* of the subtree left of the path, which is its child `left` */
  uint32_t left = 0;
  *out = NULL;
  if (!unchanged(index, version)) return false;
  if (node == NULL) return true;
  for (;;) {
    uint32_t r = rank(node, unit);
    if (!is_leaf(node)) {
      if (r > 1) {
        parent = node;
        left = r - 2;
      }
      node = child_at(node, r == 0 ? 0 : r - 1);
    } else if (r > 0) {
      *out = region_at(node, r - 1);
      return unchanged(index, version);
    } else if (parent != NULL) {
      unit = UNUSED - 1; /* whatever is there is below */
      node = child_at(parent, left);
      parent = NULL;
    } else {
      return unchanged(index, version);
    }
    fetch((uintptr_t)node);
    if (!unchanged(index, version)) return false;
  }
}

struct acre__region *acre__index_find(struct acre__index *index, uintptr_t address) {
  struct acre__region *region;
  uint32_t unit = unit_of(address);
  while (!try_find(index, unit, atomic_load_explicit(&index->version, memory_order_acquire), &region)) continue;
  return region;
}

struct acre__region *acre__index_next(struct acre__index *index, uintptr_t address) {
  uint32_t unit = unit_of(address);
  const struct acre__index_node *node = root_of(index);
  const struct acre__index_node *right = NULL; /* the subtree right of the path, nearest to it */
  while (node != NULL && !is_leaf(node)) {
    uint32_t i = child_for(node, unit);
    if (i + 1 < count_of(node)) right = child_at(node, i + 1);
    node = child_at(node, i);
  }
  if (node == NULL) return NULL;
  uint32_t r = rank(node, unit);
  if (r < count_of(node)) return region_at(node, r);
  if (right == NULL) return NULL;
  while (!is_leaf(right)) right = child_at(right, 0);
  return region_at(right, 0);
}

/* ----------------------------------------------------------------- write */

struct entry {
  uint32_t key;
  acre__meta_handle to;
};

/* The way from the root to a leaf: slot[i] is the place of node[i + 1] in node[i]. */
struct path {
  struct acre__index_node *node[ACRE_INDEX_LEVELS];
  uint32_t slot[ACRE_INDEX_LEVELS];
  unsigned leaf; /* level of the leaf */
};

static void put_spare(struct acre__index *index, struct acre__index_node *node) {
  set_to(node, 0, acre__meta_handle_of(index->spare));
  index->spare = node;
}

static void retire(struct acre__index *index, struct acre__index_node *node) {
  index->retired[index->retired_count++] = node;
}

static struct acre__index_node *make_node(struct acre__index *index, bool leaf, const struct entry *entries,
                                          uint32_t count) {
  struct acre__index_node *node = index->spare;
  index->spare = child_at(node, 0);
  atomic_store_explicit(&node->is_leaf, leaf, memory_order_release);
  for (uint32_t i = 0; i < count; i++) {
    atomic_store_explicit(&node->key[i], entries[i].key, memory_order_release);
    set_to(node, i, entries[i].to);
  }
  for (uint32_t i = count; i < FANOUT; i++) atomic_store_explicit(&node->key[i], UNUSED, memory_order_release);
  atomic_store_explicit(&node->count, count, memory_order_release);
  return node;
}

static uint32_t copy_entries(const struct acre__index_node *node, uint32_t from, uint32_t to, struct entry *out) {
  uint32_t count = 0;
  for (uint32_t i = from; i < to; i++) out[count++] = (struct entry){key_at(node, i), to_at(node, i)};
  return count;
}

static void publish(struct acre__index *index, struct path *path, unsigned level, struct acre__index_node *node) {
  if (level == 0)
    atomic_store_explicit(&index->root, node, memory_order_release);
  else
    set_to(path->node[level - 1], path->slot[level - 1], acre__meta_handle_of(node));
}

/*
 * Replaces entries [from, to) of the node at `level` by `fresh`. A node that
 * overflows becomes two, one that runs low joins a neighbour, an empty one
 * goes: each replaces entries of its parent in turn, and the first level at
 * which one node takes the place of one is where the change is published.
 */
static void replace(struct acre__index *index, struct path *path, unsigned level, uint32_t from, uint32_t to,
                    const struct entry *fresh, uint32_t fresh_count) {
  struct entry entries[2 * FANOUT + 2], up[2];
  for (;; level--) {
    struct acre__index_node *old = path->node[level];
    bool leaf = is_leaf(old);
    uint32_t count = copy_entries(old, 0, from, entries);
    for (uint32_t i = 0; i < fresh_count; i++) entries[count++] = fresh[i];
    count += copy_entries(old, to, count_of(old), entries + count);
    retire(index, old);

    struct acre__index_node *parent = level > 0 ? path->node[level - 1] : NULL;
    uint32_t slot = level > 0 ? path->slot[level - 1] : 0;
    uint32_t at = from;
    from = slot;
    to = slot + 1;
    if (count > FANOUT) {
      /* Regions are mostly placed one below the other: then the full node stays full. */
      uint32_t half = at == 0 ? 1 : at + 1 >= FANOUT ? count - 1 : count / 2;
      struct acre__index_node *front = make_node(index, leaf, entries, half);
      up[0] = (struct entry){parent != NULL ? key_at(parent, slot) : key_at(front, 0), acre__meta_handle_of(front)};
      struct acre__index_node *back = make_node(index, leaf, entries + half, count - half);
      up[1] = (struct entry){entries[half].key, acre__meta_handle_of(back)};
      fresh_count = 2;
      if (parent == NULL) {
        publish(index, path, 0, make_node(index, false, up, 2));
        return;
      }
    } else if (parent == NULL) {
      if (count == 0)
        publish(index, path, 0, NULL);
      else if (count == 1 && !leaf)
        publish(index, path, 0, acre__meta_at(entries[0].to));
      else
        publish(index, path, 0, make_node(index, leaf, entries, count));
      return;
    } else if (count == 0) {
      fresh_count = 0;
    } else {
      uint32_t neighbour = slot > 0 ? slot - 1 : slot + 1;
      struct acre__index_node *beside = neighbour < count_of(parent) ? child_at(parent, neighbour) : NULL;
      if (count >= FEW || beside == NULL || count + count_of(beside) > MERGED) {
        publish(index, path, level, make_node(index, leaf, entries, count));
        return;
      }
      struct entry joined[MERGED];
      uint32_t joined_count = 0;
      if (neighbour < slot) joined_count = copy_entries(beside, 0, count_of(beside), joined);
      for (uint32_t i = 0; i < count; i++) joined[joined_count++] = entries[i];
      if (neighbour > slot) joined_count += copy_entries(beside, 0, count_of(beside), joined + joined_count);
      retire(index, beside);
      from = neighbour < slot ? neighbour : slot;
      to = from + 2;
      struct acre__index_node *both = make_node(index, leaf, joined, joined_count);
      up[0] = (struct entry){key_at(parent, from), acre__meta_handle_of(both)};
      fresh_count = 1;
    }
    fresh = up;
  }
}

static void find_path(struct acre__index *index, uint32_t unit, struct path *path) {
  struct acre__index_node *node = root_of(index);
  unsigned level = 0;
  for (; !is_leaf(node); level++) {
    path->node[level] = node;
    path->slot[level] = child_for(node, unit);
    node = child_at(node, path->slot[level]);
  }
  path->node[level] = node;
  path->leaf = level;
}

static unsigned levels_of(struct acre__index *index) {
  unsigned levels = 0;
  for (struct acre__index_node *node = root_of(index); node != NULL; levels++)
    node = is_leaf(node) ? NULL : child_at(node, 0);
  return levels;
}

void acre__index_announce(struct acre__index *index) {
  atomic_store_explicit(&index->version, atomic_load_explicit(&index->version, memory_order_relaxed) + 1,
                        memory_order_release);
  acre__stores_in_order();
}

/* Replaced nodes are reused from here on, so the version changes first. */
bool acre__index_prepare(struct acre__index *index) {
  acre__index_announce(index);
  while (index->retired_count > 0) put_spare(index, index->retired[--index->retired_count]);

  unsigned levels = levels_of(index);
  if (levels == ACRE_INDEX_LEVELS) return false;
  unsigned wanted = 2 * levels + 1; /* every level may split, and the root gets a parent */
  for (struct acre__index_node *node = index->spare; node != NULL && wanted > 0; node = child_at(node, 0)) wanted--;
  for (; wanted > 0; wanted--) {
    struct acre__index_node *fresh = acre__meta_alloc(sizeof *fresh);
    if (fresh == NULL) return false;
    put_spare(index, fresh);
  }
  return true;
}

void acre__index_insert(struct acre__index *index, uintptr_t base, struct acre__region *region) {
  struct entry entry = {unit_of(base), acre__meta_handle_of(region)};
  ACRE_ASSERT(base % ACRE_INDEX_UNIT == 0 && base <= ACRE_INDEX_HIGHEST);
  index->count++;
  if (root_of(index) == NULL) {
    atomic_store_explicit(&index->root, make_node(index, true, &entry, 1), memory_order_release);
    return;
  }
  struct path path;
  find_path(index, entry.key, &path);
  /* A first child takes what is below its key; the key follows, as it may not stay the first one. */
  for (unsigned level = 0; level < path.leaf; level++)
    if (path.slot[level] == 0 && entry.key < key_at(path.node[level], 0))
      atomic_store_explicit(&path.node[level]->key[0], entry.key, memory_order_release);
  uint32_t r = rank(path.node[path.leaf], entry.key);
  replace(index, &path, path.leaf, r, r, &entry, 1);
}

void acre__index_remove(struct acre__index *index, uintptr_t base) {
  struct path path;
  uint32_t unit = unit_of(base);
  find_path(index, unit, &path);
  uint32_t r = rank(path.node[path.leaf], unit);
  ACRE_ASSERT(r > 0 && key_at(path.node[path.leaf], r - 1) == unit);
  index->count--;
  replace(index, &path, path.leaf, r - 1, r, NULL, 0);
}

/* ----------------------------------------------------------------- check */

static bool node_is_valid(const struct acre__index_node *node, unsigned depth, uint32_t low, uint32_t high,
                          size_t *regions) {
  uint32_t count = count_of(node);
  if (count == 0 || count > FANOUT || is_leaf(node) != (depth == 1)) return false;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t key = key_at(node, i);
    if (key < low || key >= high || (i > 0 && key <= key_at(node, i - 1))) return false;
    uint32_t end = i + 1 < count ? key_at(node, i + 1) : high;
    if (depth > 1 && !node_is_valid(child_at(node, i), depth - 1, key, end, regions)) return false;
  }
  if (depth == 1) *regions += count;
  return true;
}

bool acre__index_is_valid(struct acre__index *index) {
  size_t regions = 0;
  struct acre__index_node *root = root_of(index);
  if (root != NULL && !node_is_valid(root, levels_of(index), 0, UNUSED, &regions)) return false;
  return regions == index->count;
}
