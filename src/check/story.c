/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "check/story.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/lock.h"
#include "check/stacks.h"
#include "override/board.h"
#include "vm/services.h"

enum { PATH_ROOM = 4096, LINE_ROOM = 512 };

static struct {
  char board[PATH_ROOM - 64]; /* "": the process is nobody's */
  struct acre__lock lock; /* of the rest: one story at a time, and whoever comes later waits while the process ends */
  int file;               /* of the story; STDERR_FILENO: there is none */
  unsigned count;         /* of stories */
  char path[PATH_ROOM], final[PATH_ROOM];
} story = {.file = STDERR_FILENO};

/* ------------------------------------------------------------- pieces of text */

void acre__story_add_bytes(struct acre__line *line, size_t count) {
  acre__line_add_number(line, count, 10);
  acre__line_add(line, count == 1 ? " byte" : " bytes");
}

void acre__story_add_address(struct acre__line *line, uintptr_t address) {
  acre__line_add(line, "0x");
  acre__line_add_number(line, address, 16);
}

void acre__story_add_block(struct acre__line *line, const struct acre__told_block *block) {
  acre__line_add(line, "block of ");
  acre__story_add_bytes(line, block->size);
  acre__line_add(line, " at ");
  acre__story_add_address(line, block->start);
}

void acre__story_add_call(struct acre__line *line, const char *function, const void *pointer) {
  acre__line_add(line, function);
  acre__line_add(line, "(");
  acre__story_add_address(line, (uintptr_t)pointer);
  acre__line_add(line, "): ");
}

static void put(const char *text) {
  size_t length = strlen(text);
  while (length > 0) {
    ssize_t written = write(story.file, text, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text += written;
    length -= (size_t)written;
  }
}

static void put_heading(const char *text) {
  char room[LINE_ROOM];
  struct acre__line line = acre__line_in(room, sizeof room);
  acre__line_add(&line, story.file == STDERR_FILENO ? "  " : "= ");
  acre__line_add(&line, text);
  acre__line_add(&line, "\n");
  put(room);
}

/* For whoever has no better reader: what it takes to ask addr2line. */
static void put_in_file(uintptr_t frame, unsigned index) {
  char room[LINE_ROOM];
  struct acre__line line = acre__line_in(room, sizeof room);
  Dl_info info;
  bool known = dladdr((const void *)frame, &info) != 0 && info.dli_fname != NULL;
  acre__line_add(&line, "    #");
  acre__line_add_number(&line, index, 10);
  acre__line_add(&line, " ");
  acre__line_add(&line, known ? info.dli_fname : "?");
  acre__line_add(&line, "+0x");
  acre__line_add_number(&line, known ? frame - (uintptr_t)info.dli_fbase : frame, 16);
  acre__line_add(&line, "\n");
  put(room);
}

static void put_frames(const uintptr_t *frames, size_t count) {
  char room[64];
  for (size_t i = 0; i < count; i++) {
    if (story.file == STDERR_FILENO) {
      put_in_file(frames[i], (unsigned)i);
      continue;
    }
    struct acre__line line = acre__line_in(room, sizeof room);
    acre__line_add(&line, "@ ");
    acre__line_add_number(&line, frames[i], 16);
    acre__line_add(&line, "\n");
    put(room);
  }
}

/* ------------------------------------------------------------- a story */

static void begin_file(void) {
  story.file = STDERR_FILENO;
  if (story.board[0] == '\0') return;
  int pid = (int)getpid();
  /* Its last name it gets when it is whole. */
  struct acre__line line = acre__line_in(story.final, sizeof story.final);
  acre__line_add(&line, story.board);
  acre__line_add(&line, ".story.");
  acre__line_add_number(&line, (uint64_t)pid, 10);
  acre__line_add(&line, ".");
  acre__line_add_number(&line, ++story.count, 10);
  line = acre__line_in(story.path, sizeof story.path);
  acre__line_add(&line, story.final);
  acre__line_add(&line, ".part");
  int file = open(story.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file >= 0) story.file = file;
}

static void copy_maps(void) {
  char piece[4096];
  ssize_t got;
  int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  while (maps >= 0 && (got = read(maps, piece, sizeof piece)) > 0)
    if (write(story.file, piece, (size_t)got) != got) break;
  if (maps >= 0) close(maps);
}

static void end_file(void) {
  if (story.file == STDERR_FILENO) return;
  put("maps\n");
  copy_maps();
  close(story.file);
  story.file = STDERR_FILENO;
  (void)rename(story.path, story.final);
}

void acre__story_open(void) {
  acre__lock(&story.lock);
  begin_file();
}

void acre__story_heading(const char *text) {
  put_heading(text);
}

void acre__story_stack(uint32_t number) {
  const struct acre__stack *stack = acre__stack_of(number);
  if (stack != NULL) put_frames(stack->frames, stack->count);
}

void acre__story_close(void) {
  end_file();
  acre__unlock(&story.lock);
}

static void put_thread(const char *what, uint32_t thread) {
  char room[LINE_ROOM];
  struct acre__line line = acre__line_in(room, sizeof room);
  acre__line_add(&line, what);
  acre__line_add(&line, " by thread ");
  acre__line_add_number(&line, thread, 10);
  acre__line_add(&line, ":");
  put_heading(room);
}

void acre__story_tell(const char *text, const struct acre__told_place *place, const struct acre__told_block *block) {
  char room[LINE_ROOM];
  uintptr_t frames[ACRE_STACK_MOST];
  struct acre__line line = acre__line_in(room, sizeof room);
  acre__line_add(&line, "acre: ");
  acre__line_add(&line, text);
  acre__line_add(&line, "\n");
  size_t count = acre__stack_now(frames, place->registers);
  acre__story_open();
  acre__vm_say(room);
  put_thread(place->heading, acre__stack_thread());
  put_frames(frames, count);
  if (block != NULL && block->allocated_by != 0) {
    put_thread("allocated", block->allocated_by);
    acre__story_stack(block->allocation);
  }
  if (block != NULL && block->freed_by != 0) {
    put_thread("freed", block->freed_by);
    acre__story_stack(block->freeing);
  }
  acre__story_close();
}

void acre__story_end(const char *text, const struct acre__told_block *block) {
  acre__story_tell(text, &(struct acre__told_place){"found", NULL}, block);
  abort();
}

/* ------------------------------------------------------------- what is told of blocks */

void acre__story_end_written(const struct acre__told_block *block, const void *byte, const char *function) {
  char text[LINE_ROOM];
  struct acre__line line = acre__line_in(text, sizeof text);
  uintptr_t at = (uintptr_t)byte, end = block->start + block->size;
  bool ahead = at < block->start, behind = at >= end;
  acre__line_add(&line, ahead ? "underflow: the " : behind ? "overflow: the " : "use after free: the ");
  acre__story_add_block(&line, block);
  acre__line_add(&line, " was written ");
  acre__story_add_bytes(&line, ahead ? block->start - at : behind ? at - end : at - block->start);
  acre__line_add(&line, ahead ? " before its start" : behind ? " past its end" : " into it after it was freed");
  acre__line_add(&line, ", found by ");
  acre__line_add(&line, function);
  acre__story_end(text, block);
}

void acre__story_end_bad_pointer(const struct acre__told_block *block, bool is_free, const void *pointer,
                                 const char *function) {
  char text[LINE_ROOM];
  struct acre__line line = acre__line_in(text, sizeof text);
  uintptr_t at = (uintptr_t)pointer;
  bool again = at == block->start, ahead = at < block->start, resizes = strcmp(function, "realloc") == 0;
  acre__line_add(&line, !again ? "invalid free: " : resizes ? "use after free: " : "double free: ");
  acre__story_add_call(&line, function, pointer);
  if (!again) {
    acre__story_add_bytes(&line, ahead ? block->start - at : at - block->start);
    acre__line_add(&line, ahead ? " before " : " into ");
  }
  acre__line_add(&line, "the ");
  acre__story_add_block(&line, block);
  if (is_free) acre__line_add(&line, again ? " is free already" : ", which is free");
  acre__story_end(text, block);
}

/* ------------------------------------------------------------- where stories go */

void acre__story_fork_in_child(void) {
  acre__lock_reset(&story.lock);
  story.file = STDERR_FILENO;
}

void acre__story_begin(void) {
  const char *path = secure_getenv(ACRE_BOARD_VARIABLE);
  if (path != NULL && strlen(path) < sizeof story.board) strcpy(story.board, path);
}
