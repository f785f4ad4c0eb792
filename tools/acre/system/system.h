/* SPDX-License-Identifier: MIT */
/*
 * system.h - what the command asks the system for besides what Acre answers.
 *
 *   system/system.h   this contract: the program, the terminal, files, the end by Ctrl-C, words
 *   kernel.h          another: what the kernel says about this process
 *   temp_file.h, sort_save.h   two more: files that are temporary, and one in another's place
 *   system/linux/, system/windows/   fulfil them, in files of the same names; the build takes one folder
 *
 * Nothing outside these folders asks which system it is. Where a thing cannot be
 * had on one of them, the function says so, and its caller goes by that.
 *
 * Texts and paths are UTF-8, and '/' parts the names of a path. Functions that
 * return false, -1 or NULL have set errno, unless they say otherwise.
 */
#ifndef ACRE_TOOL_SYSTEM_H
#define ACRE_TOOL_SYSTEM_H

#include <acre/base.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { SYSTEM_PATH = 4096 }; /* bytes of a path, its end included */

/* ------------------------------------------------------------- the program: program.c, which has main */

/* Before anything is printed: a file opened later must not become stdout, and what is printed is UTF-8. */
void system_prepare_streams(void);

/* The path of the command's own file. */
bool system_executable(char *out, size_t room);

/* Runs the command itself with these arguments, the last one NULL, and waits for it. Its exit status; -1: it could not be run. */
int system_run_self(const char *const *arguments);

unsigned system_process(void); /* this process's number */

/* Whether `acre run` is there, whose heap is put under programs that know nothing of it. */
extern const bool system_has_run;

bool system_is_terminal(int fd);

/* Whether it is a terminal that knows the sequences for colours and for drawing a line anew. */
bool system_can_paint(int fd);

/* ------------------------------------------------------------- languages: language.c */

/* Characters are from now on those of the user's locale. `utf8`: texts are UTF-8 whatever that says. */
void system_use_locale(bool utf8);

/* The user's locale ("ko_KR") where no variable of the environment has it, or NULL: then there is none but those. */
const char *system_locale(void);

/* The first character of `length` bytes: how many bytes it has (0: it is the text's end), and columns on a terminal. */
size_t system_character(const char *text, size_t length, size_t *columns);

/* ------------------------------------------------------------- files: files.c */

enum system_kind { SYSTEM_FILE, SYSTEM_DIRECTORY, SYSTEM_OTHER };

struct system_status {
  enum system_kind kind;
  uint64_t size, allocated; /* bytes that it has, and that the disk has for it */
  uint64_t device, number;  /* together: which file it is */
  uint64_t links;           /* names that lead to it */
  unsigned mode;            /* permissions; for comparison */
  uint64_t modified;        /* moments; for comparison */
  uint64_t changed;
};

/* Of what a path leads to, links followed. */
bool system_look(const char *path, struct system_status *out);
bool system_look_at_open(int fd, struct system_status *out);

/* Opens a file that is there, without waiting for anybody, and not for children. -1: errno says why. */
enum system_way { SYSTEM_READ, SYSTEM_WRITE, SYSTEM_READ_WRITE };
int system_open(const char *path, enum system_way way);

/* The same as a stream of bytes. `writes`: it is made, or emptied. */
FILE *system_open_stream(const char *path, bool writes);

/* A new file in the directory, without a name for others (or for a moment), which goes when it is closed. */
int system_open_unnamed(const char *directory);

bool system_write_all(int fd, const void *bytes, size_t size);
bool system_write_at(int fd, const void *bytes, size_t size, uint64_t offset);

/*
 * Holes among the file's first `size` bytes get blocks, and still read zero. False: not all of them, errno says why. True also
 * where the file system does not know how.
 */
bool system_fill_holes(int fd, uint64_t size);

/* How many bytes were read: fewer than asked for now and then, 0 at the end. -1: errno says why. */
long long system_read_at(int fd, void *out, size_t size, uint64_t offset);

/* The file will be read here and there: nothing ahead. */
void system_expect_random_reads(int fd);

/* Makes a file shorter. EBUSY: it is mapped, and the system does not let that be cut off. */
bool system_cut(const char *path, uint64_t size);

bool system_may_write(const char *path);

/* Whether it is a directory in which files can be made. */
bool system_may_fill(const char *directory);

/* Bytes that are free in a directory's file system, and whether that is in RAM and has no disk. */
bool system_room(const char *directory, uint64_t *room, bool *is_in_ram);

/* The directory that holds what the path leads to: "." for a name alone. */
void system_directory_of(const char *path, char *out, size_t room);

/* Where temporary files go: what TMPDIR says, or NULL; and the system's own places, the last one NULL. */
const char *system_wished_directory(void);
const char *const *system_temporary_directories(void);

/* ------------------------------------------------------------- ends: ends.c */

/* From now on Ctrl-C, and what else asks a program to end, stores a number that is not 0 and does not end it. */
void system_catch_end(volatile sig_atomic_t *asked);

/* Ends the program as that number would have. */
void system_end_as_asked(int asked);

/* What became of an access. */
struct system_end {
  bool is_fault; /* what touched it was ended, by a fault that can't be repaired */
  int number;    /* the signal, or the exception's code */
  const char *name;
  uintptr_t address; /* as the system told it; 0: nowhere */
};

/* Writes a byte at `address`, where a fault ends nothing but what has been made for it. false: that could not be made. */
bool system_touch(char *address, struct system_end *out);

/* ------------------------------------------------------------- words: words.c */

/* How Acre does a thing here: one word for programs, and a few for people (in English, to be translated). */
struct system_mechanism {
  const char *word, *text;
};
struct system_mechanism system_commit_way(acre_commit_way way);
struct system_mechanism system_query_way(acre_query_way way);
struct system_mechanism system_populate_way(acre_populate_way way);
struct system_mechanism system_collapse_way(bool collapse);
struct system_mechanism system_written_way(acre_written_way way);

/* What is said otherwise on each system, in English, to be translated. Formats take what the comment says. */
struct system_words {
  const char *no_run;       /* one line: why there is no `acre run` here; "" where there is */
  const char *no_directory; /* none of the temporary directories can be used */
  const char *placing;      /* who else might place something in a region */
  const char *placed;       /* that the system's own call did not */
  const char *lazy_ram;     /* when the RAM of a committed page is found */
  const char *edge;         /* who touches what is reserved (system_touch) */
  const char *edge_end;     /* "%zu" from the base on, "%u" the number, "%s" its name, "%zu" where from the base on */
  const char *edge_claim;
  const char *edge_address; /* "%p" */
  const char *promise;      /* what the system promises by itself */
  const char *promise_call; /* "%s" a size, "%d" times, "%u" of which were granted */
  const char *promise_kept; /* that it did not promise more than there is */
  const char *paging_file;
  const char *cut_off;  /* what becomes of a view whose file is cut off */
  const char *replaced; /* how `acre sort` puts a file in the place of another */
};
extern const struct system_words system_words;

#endif
