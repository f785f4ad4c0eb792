/* SPDX-License-Identifier: MIT */
/*
 * observe.h - what programs of this folder print: one line for each thing that was observed.
 *
 * Each test here is a plain Win32 program. It is built with Acre and for Windows
 * (mingw-w64), where Wine runs it, and both must print the same (compare.py). So
 * a line tells nothing that may differ: no addresses, no times.
 */
#ifndef OBSERVE_H
#define OBSERVE_H

#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GNUC__
#define OBSERVE_UNUSED __attribute__((unused))
#else
#define OBSERVE_UNUSED
#endif

enum { NO_LAST_ERROR = 7777 }; /* the last error before a call: a call that leaves it has set none */

static const char *observe_scene = "";

/* What the following lines are about. */
#define SCENE(text) (observe_scene = (text))

static OBSERVE_UNUSED void observe_value(const char *what, long long value) {
  printf("%s | %s = %lld\n", observe_scene, what, value);
  fflush(stdout);
}

static OBSERVE_UNUSED void observe_text(const char *what, const char *text) {
  printf("%s | %s = \"%s\"\n", observe_scene, what, text);
  fflush(stdout);
}

static OBSERVE_UNUSED void observe_result(const char *what, int good) {
  DWORD error = GetLastError();
  if (error == NO_LAST_ERROR)
    printf("%s | %s: %s\n", observe_scene, what, good ? "good" : "failed");
  else
    printf("%s | %s: %s, last error %d\n", observe_scene, what, good ? "good" : "failed", (int)error);
  fflush(stdout);
}

/* A value; whether an expression is true; whether a call succeeds, and the last error if it sets one. */
#define VALUE(expression) observe_value(#expression, (long long)(expression))
#define IS(expression) observe_value(#expression, (expression) ? 1 : 0)
#define TRY(call) (SetLastError(NO_LAST_ERROR), observe_good = (call) ? 1 : 0, observe_result(#call, observe_good))
/* The same for a call that may or may not set the last error when it succeeds. */
#define TRY_QUIETLY(call)                                                                                            \
  (SetLastError(NO_LAST_ERROR), observe_good = (call) ? 1 : 0, observe_good ? SetLastError(NO_LAST_ERROR) : (void)0, \
   observe_result(#call, observe_good))

static OBSERVE_UNUSED int observe_good;

/* A new file in the folder for temporary files, of `size` bytes that count up. */
static OBSERVE_UNUSED void make_file(char path[MAX_PATH], int size) {
  char folder[MAX_PATH];
  GetTempPathA(sizeof folder, folder);
  GetTempFileNameA(folder, "acr", 0, path);
  HANDLE file = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
  for (int done = 0; done < size;) {
    unsigned char bytes[4096];
    DWORD count = (DWORD)(size - done < 4096 ? size - done : 4096), written;
    for (DWORD i = 0; i < count; i++) bytes[i] = (unsigned char)(done + (int)i);
    if (!WriteFile(file, bytes, count, &written, NULL)) exit(3);
    done += (int)count;
  }
  CloseHandle(file);
}

#endif
