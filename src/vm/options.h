/* SPDX-License-Identifier: MIT */
/*
 * options.h - settings of a run, from ACRE_OPTIONS="key=value,key=value".
 *
 * One table in options.c names every key; docs/options.md describes them.
 * Unknown keys and values are reported to stderr, once, and passed over: a
 * program must not die of a variable.
 */
#ifndef ACRE_VM_OPTIONS_H
#define ACRE_VM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct acre__options {
  bool commit_by_mprotect; /* commit=mprotect */
  bool query_by_proc;      /* query=proc */
  bool populate_by_touch;  /* populate=touch */
  bool plain_files;        /* files=plain */
  bool fence_by_lock;      /* fence=lock */
  bool large_by_advice;    /* large=transparent */
  bool no_collapse;        /* collapse=none */
  bool memory_on_disk;     /* memory_file=disk */
  bool written_by_fault;   /* written=fault */
  bool single_calls;       /* batch=each */
  bool dirty_by_mapping;   /* dirty=smaps */
  bool copy_by_memcpy;     /* copy=memcpy */
  bool plain_reservations; /* reserve=plain */
  size_t map_budget;       /* map_budget=N; 0: from vm.max_map_count */
  size_t commit_limit;     /* commit_limit=SIZE, in bytes; 0: none */
  size_t heap_reserve;     /* heap_reserve=SIZE, what the process heap begins with, in bytes; 0: as linked */
  size_t heap_limit;       /* heap_limit=SIZE, of the process heap, in bytes; 0: none */
  size_t purge;            /* purge=N, milliseconds between looks of a purging thread; 0: there is none */
  /* Of the library that checks (src/check). */
  size_t page_heap;       /* page_heap=N, one block in N has pages of its own; 0: none */
  size_t page_heap_least; /* page_heap_least=SIZE, bytes of the smallest such block */
  size_t page_heap_most;  /* page_heap_most=SIZE, of the largest; 0: no matter */
  bool page_heap_under;   /* page_heap_side=under: blocks begin at a page's start */
  bool page_heap_tight;   /* page_heap_fit=tight: blocks end at a page's end, whatever their alignment */
  bool check_canaries;    /* check=canaries */
  bool check_leaks;       /* leaks=yes */
};

/* Reads `text` (NUL-terminated) into *out. What it does not understand goes to `complain`, piece by piece. */
void acre__options_parse(const char *text, struct acre__options *out, void (*complain)(const char *piece));

#endif
