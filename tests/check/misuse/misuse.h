/* SPDX-License-Identifier: MIT */
/*
 * What the misuse programs share. Each does one thing wrong, and says in its
 * comments what is told of it (test_misuse.sh reads them):
 *
 *   page-heap: LINE        by acre run --page-heap
 *   page-heap=under: LINE  by acre run --page-heap=under, and so on
 *   check: LINE            by acre run --check
 *
 * ADDR stands for an address. A LINE that begins with "silent:" says that nothing is told, and why.
 */
#ifndef MISUSE_H
#define MISUSE_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The compiler must not know what the misuse is, or it would warn, or leave it out. */
static void *hide(void *pointer) {
  void *volatile hidden = pointer;
  return hidden;
}

__attribute__((noinline, unused)) static void write_byte(void *block, long at) {
  ((volatile char *)hide(block))[at] = 1;
}

__attribute__((noinline, unused)) static int read_byte(void *block, long at) {
  return ((volatile char *)hide(block))[at];
}

__attribute__((unused)) static void in_thread(void *(*work)(void *), void *argument) {
  pthread_t thread;
  pthread_create(&thread, NULL, work, argument);
  pthread_join(thread, NULL);
}

#endif
