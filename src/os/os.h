/* SPDX-License-Identifier: MIT */
/*
 * os.h - everything that Acre asks of an operating system: a written contract.
 *
 * src/os/<system>/ fulfils it; the build picks the folder. Each folder has the
 * same files, each with the sections of this header in the same order:
 *
 *   memory.c   reserve, commit, protect, hide, advise
 *   placement.c large pages, nodes, what goes first
 *   file.c     open, size, map, flush; temporary files
 *   name.c     files that stand for names, and who is alive behind them
 *   query.c    what is mapped where
 *   fault.c    the fault handler
 *   guard.c    code that is left at a fault
 *   dirty.c    how much of a file is not on the disk yet
 *   thread.c   park, unpark, fork, threads and their end, fences
 *   process.c  system figures, environment, the last words
 *   bounds.c   how much memory the program may have
 *   error.c    system errors -> acre_result
 *   written.c  which pages were written
 * and what one system alone needs (linux/lines.c; windows/pieces.c, text.c).
 *
 * src/os/fault/ wraps a backend and makes its Nth call fail. tests/os/ runs one
 * contract test on every backend.
 *
 * What holds for all of it
 *   Ranges are whole pages, not empty, and do not wrap: callers check, the
 *   backend does not. A range may span several mappings unless said otherwise.
 *   Nothing here allocates memory with malloc, uses stdio, or keeps state,
 *   except where said.
 *   A failure changes nothing, except where said.
 *   Whatever maps or commits can also say ACRE_E_LOCK_LIMIT, in a program that
 *   has locked all its future memory (mlockall).
 *   Everything may be called from any thread; what a signal handler may call
 *   says so.
 */
#ifndef ACRE_OS_OS_H
#define ACRE_OS_OS_H

#include <acre/base.h>
#include <acre/vm.h>

/* ------------------------------------------------------------- process.c */

struct acre__os_system {
  /* What acre__os_probe_first finds. */
  size_t page_size;
  size_t granularity;
  size_t map_granularity; /* files are mapped at offsets that are multiples of it */
  int overcommit_mode;
  bool can_hide; /* acre__os_hide works */
  /* The rest. */
  uintptr_t lowest_address;
  uintptr_t highest_address;
  size_t large_page_size;
  uint64_t physical_memory;
  uint64_t available_memory;
  uint64_t swap;
  unsigned processors;
  size_t mapping_limit; /* mappings one process may have; SIZE_MAX where there is no such limit */
  bool transparent_large_pages;
  bool can_query_directly; /* acre__os_maps_at needs no parsing */
  bool can_populate;       /* acre__os_populate uses the system's own call */
  char kernel[64];
  bool can_collapse;       /* acre__os_collapse works */
  unsigned nodes;          /* NUMA nodes: the highest number of one that is on line, and 1 */
  size_t large_pages;      /* in the system's pool, taken ones included */
  size_t large_pages_free; /* of these, not taken and not promised; and those that the pool may grow by */
};

/*
 * Fills *out; probes each mechanism by using it once on memory of its own.
 * Fields that cannot be found out are 0 (overcommit_mode: -1). Does not fail.
 * Cost: some hundred microseconds.
 */
void acre__os_probe(struct acre__os_system *out);

/*
 * The same for the first fields alone, the rest being 0: what
 * every program needs before its first page. Cost: some ten microseconds.
 */
void acre__os_probe_first(struct acre__os_system *out);

/*
 * Forces the way back to the fallback: acre__os_query and acre__os_populate work as
 * on a system whose probe said false. Keeps state: process-wide switches.
 * Called once, before any other thread can be in this layer.
 */
void acre__os_force(bool query_without_ioctl, bool populate_by_touch);

/* The same for acre__os_hide_each and acre__os_reveal_each: a system call for each range. */
void acre__os_force_single_calls(bool single);

/* The same for files: named temporary files, and zeros written in place of blocks allocated and holes punched. */
void acre__os_force_plain_files(bool plain);

/*
 * The same for placeholders of the system's: reservations are released and made anew where a file is mapped into one,
 * or a part is given back.
 */
void acre__os_force_plain_reservations(bool plain);

/* The most address space that the program may have (RLIMIT_AS), in bytes; SIZE_MAX where nothing limits it. */
size_t acre__os_address_space_limit(void);

/*
 * Copies the environment's value of `name` to `out` (NUL-terminated, cut at
 * size - 1) and returns its whole length; 0 if it is not set, or if the program
 * runs with more rights than its caller (setuid).
 */
size_t acre__os_environment(const char *name, char *out, size_t size);

/* Writes `text` to stderr in one piece, or not at all. Callable in a signal handler. */
void acre__os_say(const char *text);

/* The same, and ends the process as abort() does. */
_Noreturn void acre__os_die(const char *text);

/* The same, and ends the process at once with that status, without anything that a program does at its end. */
_Noreturn void acre__os_end(const char *text, int status);

/* ------------------------------------------------------------- memory.c */

enum acre__os_place {
  ACRE_OS_ANYWHERE, /* `wish` is a hint: taken if free, else the system chooses */
  ACRE_OS_EXACTLY   /* at `wish` or ACRE_E_ADDRESS_IN_USE; never over what exists */
};

/*
 * Reserves `size` bytes of address space: afterwards an access faults, no other
 * allocation can be placed there, and no memory or commit charge is used.
 * *out is page-aligned; the caller checks coarser alignment.
 * ACRE_E_NO_ADDRESS_SPACE, ACRE_E_ADDRESS_IN_USE, ACRE_E_INVALID_ADDRESS,
 * ACRE_E_MAPPING_LIMIT, ACRE_E_NO_MEMORY.
 */
acre_result acre__os_reserve(void *wish, size_t size, enum acre__os_place place, void **out);

/*
 * acre__os_reserve anywhere and acre__os_commit of all of it in one step: no page is ever reserved alone.
 * Results as those two; which of them failed is not told.
 */
acre_result acre__os_reserve_committed(void *wish, size_t size, acre_vm_protection protection, void **out);

/*
 * Gives a range of reserved, committed or view pages back; the addresses are
 * free. Any part of what was reserved will do, and what lies free in the range already; of a view, on Windows, all of it.
 * ACRE_E_MAPPING_LIMIT when a mapping would have to be split; ACRE_E_NO_MEMORY; ACRE_E_NOT_SUPPORTED: not this part
 * (Windows without placeholders: one that leaves committed pages of the same reservation, or less than a granule behind it).
 */
acre_result acre__os_release(void *address, size_t size);

/*
 * [address, address + size) is reserved, and nothing of it committed or mapped: what lies below `at` and what lies above
 * will be used apart, each by whoever has its lock. A hint, for systems where a reservation is one piece: never fails.
 */
void acre__os_part_at(void *address, size_t size, void *at);

/*
 * Reserved pages become accessible as `protection` says and read zero until
 * written. Pages of the range that are committed already keep their content and
 * get the protection too.
 * ACRE_E_NO_MEMORY, ACRE_E_MAPPING_LIMIT, ACRE_E_ACCESS_DENIED; ACRE_E_NOT_SUPPORTED: the rest of a view that was
 * decommitted in part still stands there (Windows). On failure a front part of the range may be done.
 */
acre_result acre__os_commit(void *address, size_t size, acre_vm_protection protection);

/*
 * Pages become as fresh from acre__os_reserve: content, locks and commit charge
 * are gone. Reserved pages of the range stay as they are.
 * ACRE_E_NO_MEMORY, ACRE_E_MAPPING_LIMIT.
 */
acre_result acre__os_decommit(void *address, size_t size);

/* Changes the protection of accessible pages; content stays. Errors as acre__os_commit. */
acre_result acre__os_protect(void *address, size_t size, acre_vm_protection protection);

/*
 * Hides pages inside an accessible or reserved mapping without changing the
 * mapping: content is dropped, an access faults, whatever the mapping's
 * protection is or becomes. Hiding twice is fine.
 * ACRE_E_NOT_SUPPORTED: not on this system, or not on this memory (locked pages);
 * part of the range may be hidden then. ACRE_E_NO_MEMORY.
 */
acre_result acre__os_hide(void *address, size_t size);

/* Hidden pages of the range are what their mapping's protection says, and read zero; others stay as they are. */
acre_result acre__os_reveal(void *address, size_t size);

/* A range of whole pages. */
struct acre__os_range {
  void *address;
  size_t size;
};

/*
 * Several ranges, in their order and each as by acre__os_hide or
 * acre__os_reveal, but in as few system calls as there may be. They return how many are
 * done; of the next one a front part may be. Why not all are, that one tells when it is tried alone.
 */
size_t acre__os_hide_each(const struct acre__os_range *ranges, size_t count);
size_t acre__os_reveal_each(const struct acre__os_range *ranges, size_t count);

/*
 * Drops the content of private pages: they read zero; protection and hiding stay.
 * ACRE_E_NO_MEMORY (Windows: a part of the range may be reserved then).
 */
acre_result acre__os_discard(void *address, size_t size);

/*
 * Gives every page its memory, for writing or for reading only; an error and
 * no signal where touching would be one.
 * ACRE_E_NO_MEMORY; ACRE_E_ACCESS_DENIED, the protection forbids it;
 * ACRE_E_OUT_OF_RANGE, past the end of the file behind it; ACRE_E_IO. A front part may be done.
 */
acre_result acre__os_populate(void *address, size_t size, bool for_writing);

/* Begins to read the range's content in. A hint: never fails. */
void acre__os_prefetch(void *address, size_t size);

/* Keeps pages in RAM, populating them. ACRE_E_LOCK_LIMIT, ACRE_E_ACCESS_DENIED, ACRE_E_NO_MEMORY, or MAPPING_LIMIT. */
acre_result acre__os_lock(void *address, size_t size);
acre_result acre__os_unlock(void *address, size_t size);

/* The system may drop the pages' content from now on; a write makes it count again. */
acre_result acre__os_reset(void *address, size_t size);

/*
 * The content of the (writable, private) pages counts again.
 * ACRE_E_CONTENT_LOST, some page has none any more (all count again all the same).
 */
acre_result acre__os_undo_reset(void *address, size_t size);

/*
 * Pages of a file come into memory one by one, and never as part of a larger
 * unit that reaches over a hole of the file: a store to such a unit would want
 * blocks for the hole as well. ACRE_E_NO_MEMORY, ACRE_E_MAPPING_LIMIT.
 */
acre_result acre__os_read_singly(void *address, size_t size);

/* Children of a later fork do not get the range: its addresses are free there. ACRE_E_NO_MEMORY, ACRE_E_MAPPING_LIMIT. */
acre_result acre__os_keep_from_children(void *address, size_t size);

/* ------------------------------------------------------------- placement.c */

/*
 * Asks for large pages behind the range, now and when it is committed, wherever
 * the system has them. Lasts until the range is decommitted. ACRE_E_NOT_SUPPORTED.
 */
acre_result acre__os_advise_large(void *address, size_t size);

/* Asks for small pages alone. A hint: never fails. */
void acre__os_advise_small(void *address, size_t size);

/* Large pages that acre__os_commit_large could have now, as in acre__os_system. */
size_t acre__os_large_pages_free(void);

/*
 * Reserved pages become accessible, read zero, and stand in large pages of the
 * system's pool, which are theirs from now on: no touch fails for want of one.
 * The range is whole large pages (acre__os_system), and nothing of it is
 * committed. Afterwards it can be protected and decommitted in whole large
 * pages, populated and locked; not hidden, discarded, reset, cooled or collapsed.
 * ACRE_E_NO_MEMORY: the pool has too few. ACRE_E_NOT_SUPPORTED. ACRE_E_MAPPING_LIMIT.
 */
acre_result acre__os_commit_large(void *address, size_t size, acre_vm_protection protection);

/*
 * Moves committed pages into large ones. The range is whole large pages.
 * ACRE_E_NOT_SUPPORTED, not here, or not this memory; ACRE_E_NO_MEMORY, no large page
 * is free; ACRE_E_BUSY, pages are in use by the system. A part may be done.
 */
acre_result acre__os_collapse(void *address, size_t size);

/*
 * Pages that the range gets from now on come from this node, or from another
 * one when it has none. Lasts until the range is decommitted or committed in large pages.
 * ACRE_E_INVALID_ARGUMENT, no such node; ACRE_E_NOT_SUPPORTED, not here, or forbidden.
 */
acre_result acre__os_prefer_node(void *address, size_t size, unsigned node);

/* Under memory pressure these pages go first; content stays. They are not locked. ACRE_E_NOT_SUPPORTED. */
acre_result acre__os_cool(void *address, size_t size);

/* The same, and they go now, where the system has a place for them. ACRE_E_NOT_SUPPORTED. */
acre_result acre__os_page_out(void *address, size_t size);

/* ------------------------------------------------------------- file.c */

struct acre__os_file {
  intptr_t handle;
};

/*
 * Opens a regular file; anything else is ACRE_E_NOT_A_FILE, without waiting
 * (a pipe) and without side effects (a device). Modes and results as acre_file_open. Not inherited over exec.
 * `writable`: for reading and writing; else for reading.
 */
acre_result acre__os_file_open(const char *path, bool writable, bool create, bool must_create, bool truncate,
                               unsigned permissions, struct acre__os_file *out);
void acre__os_file_close(struct acre__os_file file);

/*
 * A further handle of a regular file that somebody else has opened, not inherited over exec. ACRE_E_INVALID_ARGUMENT, it is
 * no handle; ACRE_E_NOT_A_FILE; ACRE_E_ACCESS_DENIED, not opened for reading, or for writing if that is asked.
 */
acre_result acre__os_file_copy(intptr_t handle, bool writable, struct acre__os_file *out);

/*
 * Makes a file of `size` bytes of memory, all zero, without a name and gone with
 * its last mapping and handle. Nobody can shrink it. Read-write, not inherited over exec.
 * ACRE_E_NOT_SUPPORTED; ACRE_E_FILE_TOO_LARGE; ACRE_E_TOO_MANY_FILES; ACRE_E_NO_MEMORY.
 */
acre_result acre__os_file_in_memory(uint64_t size, struct acre__os_file *out);
acre_result acre__os_file_size(struct acre__os_file file, uint64_t *out);

/*
 * Grows the file from `from`, its size now, to `size` bytes, disk blocks
 * allocated. On failure the file has its former size.
 * ACRE_E_NO_SPACE, ACRE_E_FILE_TOO_LARGE, ACRE_E_IO.
 */
acre_result acre__os_file_grow(struct acre__os_file file, uint64_t from, uint64_t size);

/*
 * Cuts the file off at `size` bytes, or makes it so long: what is added reads zero and has no blocks.
 * ACRE_E_ACCESS_DENIED, ACRE_E_FILE_TOO_LARGE, ACRE_E_IO.
 */
acre_result acre__os_file_set_size(struct acre__os_file file, uint64_t size);

/* What of a file is mapped, and how. */
struct acre__os_part {
  struct acre__os_file file;
  uint64_t offset; /* a multiple of the page */
  acre_vm_protection protection;
  bool copy_on_write;      /* stores stay private */
  acre_vm_protection most; /* that acre__os_protect will be asked for; ACRE_VM_DEFAULT: no more than `protection` */
};

/*
 * Maps `size` bytes of the file over [address, address + size), which the caller reserved: the reservation is
 * replaced at once, with no moment in which the range is free (Windows without placeholders: with one). The
 * address is as far from a multiple of the map granularity as the offset.
 * ACRE_E_ACCESS_DENIED, ACRE_E_NO_MEMORY, ACRE_E_MAPPING_LIMIT,
 * ACRE_E_NOT_SUPPORTED: this file can't be mapped; or not so (Windows without placeholders: less than a granule behind what
 * is mapped already, or in a reservation with committed pages beside it). There, of a view that is covered in part, the
 * caller maps the same file at the same distance. ACRE_E_OUT_OF_RANGE: the system has no pages past the file's end be mapped (Windows).
 */
acre_result acre__os_map_file(void *address, size_t size, const struct acre__os_part *part);

/*
 * The same where nothing is reserved: `wish` is a hint, as for acre__os_reserve with
 * ACRE_OS_ANYWHERE; the offset is a multiple of the map granularity. Errors of both.
 */
acre_result acre__os_map_file_anywhere(void *wish, size_t size, const struct acre__os_part *part, void **out);

/*
 * The changed pages of the range, of a shared view of the file, are on the device afterwards, and
 * what it takes to find them there: the file's size. An error of the system's own writing since the file was
 * opened, or since the last error that this handle was told of, counts as well. ACRE_E_IO, ACRE_E_NO_SPACE.
 */
acre_result acre__os_flush(struct acre__os_file file, void *address, size_t size);

/*
 * Begins to write the changed pages of the file's [offset, offset + size), whole pages, and with `wait` waits until
 * the device has taken them: not yet, that they survive a power cut. Without, errors may
 * come out at the next call that waits. `mapping` is where the range is mapped, shared, or NULL: where the system
 * writes mappings and not files, what was changed through that one is written. ACRE_E_IO, ACRE_E_NO_SPACE.
 */
acre_result acre__os_file_write_back(struct acre__os_file file, uint64_t offset, uint64_t size, const void *mapping,
                                     bool wait);

/* All of the file is on the device afterwards, its size and its other properties. Errors as acre__os_flush. */
acre_result acre__os_file_sync(struct acre__os_file file);

/*
 * Opens the directory that `path` names, or, if nothing is there yet, the one in
 * which it would be, for acre__os_file_temporary: it stays the same directory,
 * wherever the program goes. Closed by acre__os_file_close.
 * ACRE_E_EXISTS, something else than a directory is there; ACRE_E_NOT_FOUND,
 * ACRE_E_ACCESS_DENIED, ACRE_E_TOO_MANY_FILES, ACRE_E_INVALID_ARGUMENT.
 */
acre_result acre__os_directory_open(const char *path, struct acre__os_file *out);

/*
 * Makes an empty file in the directory, open for reading and writing, which
 * nobody else can open and which goes with its last handle and mapping. It has
 * no name (or, where the file system knows no such files, one for a moment:
 * a program killed in it leaves an empty file). Not inherited over exec.
 * ACRE_E_NOT_FOUND, ACRE_E_ACCESS_DENIED, ACRE_E_READ_ONLY, ACRE_E_NO_SPACE,
 * ACRE_E_TOO_MANY_FILES.
 */
acre_result acre__os_file_temporary(struct acre__os_file directory, struct acre__os_file *out);

/* Which file a handle stands for: programs close handles that are not theirs, and their numbers come again. */
struct acre__os_identity {
  uint64_t device, number;
};
acre_result acre__os_file_identity(struct acre__os_file file, struct acre__os_identity *out);

/*
 * Every page of [from, from + size) has its block on the disk afterwards, so
 * that a store through a mapping cannot fail for want of room. Blocks that are
 * there keep their content, others read zero; a file that is shorter becomes as
 * long as that. On failure a part may be done; never a signal.
 * ACRE_E_NO_SPACE, ACRE_E_FILE_TOO_LARGE, ACRE_E_IO.
 * (Where the file system cannot allocate, zeros are written instead: over all of it. So no block may be there.)
 */
acre_result acre__os_file_allocate(struct acre__os_file file, uint64_t from, uint64_t size);

/*
 * The range reads zero afterwards, in the file and in every mapping of it, and
 * its blocks are free; hidden pages stay hidden. On failure a part may be done.
 * (Where the file system cannot, zeros are written and the blocks stay.) ACRE_E_IO, ACRE_E_FILE_TOO_LARGE.
 */
acre_result acre__os_file_punch(struct acre__os_file file, uint64_t from, uint64_t size);

/* ------------------------------------------------------------- name.c */

enum { ACRE_OS_NAME_PATH = 512 };

/*
 * Where the user's names are: a directory of his own, which nobody else may
 * enter or replace. With `make` it is made if it is not there. The same for all
 * processes of the user. *path is NUL-terminated.
 * ACRE_E_NOT_FOUND, it is not there, or not any more; ACRE_E_ACCESS_DENIED, what is there is another user's, or open to others;
 * ACRE_E_NOT_SUPPORTED, there is no place for it; ACRE_E_NO_SPACE, ACRE_E_TOO_MANY_FILES.
 */
acre_result acre__os_name_directory(bool make, char path[ACRE_OS_NAME_PATH]);

/*
 * Opens the file `path` in that directory for reading and writing; with
 * `create` it is made, empty, if it is not there. Nobody else can open it, no
 * link is followed. Not inherited over exec.
 * ACRE_E_NOT_FOUND, also if the directory has gone; ACRE_E_ACCESS_DENIED, something else than such a file is there;
 * ACRE_E_NO_SPACE, ACRE_E_TOO_MANY_FILES.
 */
acre_result acre__os_name_open(const char *path, bool create, struct acre__os_file *out);

/*
 * Takes part in the file (any number of handles may), or has it alone; what the
 * handle had before becomes that in one step. It belongs to the handle as opened: its copies in
 * children of fork are the same one; it is given up when the last of them is closed, however the
 * processes end. Two openings are two, also in one process.
 * ACRE_E_BUSY, others do not allow it (not with `wait`); ACRE_E_NOT_SUPPORTED.
 */
acre_result acre__os_name_hold(struct acre__os_file file, bool alone, bool wait);

/* Whether `path` leads to this very file: ACRE_OK; ACRE_E_NOT_FOUND, it does not (any more). */
acre_result acre__os_name_leads_to(const char *path, struct acre__os_file file);

/* How many bytes at such a file's start are the backend's: a multiple of every map granularity that the system may have. */
size_t acre__os_name_head(void);

/* Marks a file that has its head as complete, in the head. ACRE_E_IO, ACRE_E_NO_SPACE. */
acre_result acre__os_name_mark(struct acre__os_file file);

/* Whether it was marked: ACRE_OK; ACRE_E_NOT_FOUND, it was not; ACRE_E_IO. */
acre_result acre__os_name_check_mark(struct acre__os_file file);

/* Takes the name away, and the directory with the last one. ACRE_E_NOT_FOUND, ACRE_E_ACCESS_DENIED. */
acre_result acre__os_name_remove(const char *path);

/* ------------------------------------------------------------- query.c */

struct acre__os_mapping {
  uintptr_t start;
  uintptr_t end; /* the byte after the last */
  acre_vm_protection protection;
  acre_vm_kind kind; /* MAPPED, IMAGE, STACK, HEAP or FOREIGN */
  bool shared;
  bool has_file;        /* the next four are of a file, or of memory that can be shared as one */
  bool name_is_escaped; /* a line's end in it is the four characters "\012" */
  uint64_t offset;      /* in the file, of `start`; UINT64_MAX: the system does not tell (Windows) */
  const char *name;     /* the file's path as the system has it, in the reader's buffer until the next question: no NUL,
                         cut where it is very long; " (deleted)" behind one that is not there any more */
  size_t name_length;
};

/* A reader of the process's mappings. The caller provides the room; nothing else is allocated. */
struct acre__os_maps {
  intptr_t handle;
  uintptr_t last; /* the parsing reader: end of the last mapping it has seen */
  size_t begin, end;
  char buffer[4096];
};

/* ACRE_E_NOT_SUPPORTED: the system does not tell (no /proc). ACRE_E_TOO_MANY_FILES. */
acre_result acre__os_maps_open(struct acre__os_maps *maps);
void acre__os_maps_close(struct acre__os_maps *maps);

/*
 * Describes the first mapping whose end is above `address`: the one that holds
 * it, or the next one. ACRE_E_NOT_FOUND: there is none. Ascending addresses cost
 * one pass over the mappings in all; an address below the last answer starts
 * anew. ACRE_E_IO.
 */
acre_result acre__os_maps_at(struct acre__os_maps *maps, uintptr_t address, struct acre__os_mapping *out);

/* How many mappings the process has; 0 if that is not known. */
size_t acre__os_mapping_count(void);

/* ------------------------------------------------------------- fault.c */

enum acre__os_fault_access { ACRE_OS_FAULT_READ, ACRE_OS_FAULT_WRITE, ACRE_OS_FAULT_EXECUTE };

/* One access that failed. */
struct acre__os_fault {
  uintptr_t address; /* UINTPTR_MAX: one that no memory can have */
  enum acre__os_fault_access access;
  bool
      no_backing; /* the page may be accessed, but nothing can be had to stand behind it: a file's end, a device's error */
  uintptr_t stack_pointer; /* of the interrupted code; 0 where it is not known */
  void *registers;         /* the system's record of the interrupted code */
};

enum acre__os_fault_answer {
  ACRE_OS_FAULT_REPAIRED, /* the access is tried again */
  ACRE_OS_FAULT_PASS_ON,  /* not ours: the fault goes to whoever had it before, as if we were not there */
  ACRE_OS_FAULT_DIE       /* ours, and beyond repair: the system's default action, whoever else has a handler */
};

/*
 * Called in the faulting thread, in a signal handler: other signals are held
 * back, and an access that fails in it is a fault like any other.
 */
typedef enum acre__os_fault_answer (*acre__os_fault_handler)(const struct acre__os_fault *fault);

/*
 * Makes sure that the handler comes first at every fault of the process; the
 * next call may find that somebody else has put himself there since, and goes
 * before him: he is asked for what is not ours, and may ask us in turn. Where a
 * thread has an alternate stack, it runs there. Always called with the same
 * handler, and by one thread at a time. Keeps state: the handler, and who was there before.
 * ACRE_E_BUSY: others have taken the place too often.
 */
acre_result acre__os_fault_install(acre__os_fault_handler handler);

/* ------------------------------------------------------------- guard.c */

/*
 * Calls call(context). False: an access in it had nothing to stand behind, and
 * the fault handler has chosen acre__os_guard_leave: what `call` had begun was
 * left where it was, and *address is the byte. Guards may be nested; the innermost one of the thread counts.
 * Exceptions and the end of the thread pass through; a longjmp out of it must not be.
 */
bool acre__os_guarded_call(void (*call)(void *context), void *context, uintptr_t *address);

/* The same for a memcpy, at hardly more than its cost. ACRE_E_IO. */
acre_result acre__os_guarded_copy(void *to, const void *from, size_t size);

/* Whether guards work on this system's processor. */
bool acre__os_can_guard(void);

/* Forces the way back to the fallback: memcpy, where a copy is done by the processor's own instruction for it. */
void acre__os_force_copy_by_memcpy(bool by_memcpy);

/*
 * Whether the calling thread has a guard. In a fault handler, which gives its
 * fault (elsewhere NULL): whether the access has one, a copy's included.
 */
bool acre__os_is_guarded(const struct acre__os_fault *fault);

/*
 * In the fault handler: the interrupted code leaves to its innermost guard when the handler has
 * returned. False: there is none; nothing has changed.
 */
bool acre__os_guard_leave(const struct acre__os_fault *fault);

/* ------------------------------------------------------------- fault.c, alternate stacks */

/* Bytes that an alternate stack should have: room for the system's own record and for handlers of some depth. */
size_t acre__os_signal_stack_size(void);

/*
 * Gives the calling thread an alternate stack for its signal handlers, unless
 * it has one: then it keeps that. The memory must stay until it is taken away or
 * the thread ends. ACRE_E_NOT_SUPPORTED.
 */
acre_result acre__os_signal_stack_set(void *stack, size_t size);

/* Takes it away again, if it is the calling thread's. ACRE_E_BUSY: a handler runs on it. */
acre_result acre__os_signal_stack_unset(void *stack);

/* ------------------------------------------------------------- dirty.c */

/*
 * How many bytes of the file's [offset, offset + size), whole pages, were changed and are not on the device yet, those
 * that are being written included; by whomever they were changed. `mapping` is where the range is mapped, shared: where
 * the system can tell of mappings only, changes count that were made through this one.
 * A file without a device (memory) has none. What changes meanwhile, or is changed again while it is being written, may be
 * counted twice. Cost: grows with the range.
 * ACRE_E_NOT_SUPPORTED: the system tells in neither way.
 */
acre_result acre__os_file_dirty(struct acre__os_file file, uint64_t offset, uint64_t size, const void *mapping,
                                uint64_t *out);

/* Forces the way that asks about mappings. Called once, before any other thread can be in this layer. */
void acre__os_force_dirty_by_mapping(bool by_mapping);

/* ------------------------------------------------------------- thread.c */

/* acre__park and its like: src/base/lock.h. */

/*
 * Registers calls around fork: `before` in the forking thread, then `parent`
 * in the parent and `child` in the child; each may be NULL. May be called again, for more calls:
 * of those `before`, the last ones registered come first, of the others they come last. The same ones again: nothing
 * happens. Keeps state. ACRE_E_NO_MEMORY, also for more than some ten.
 *
 * To be called before the locks are taken that the calls are for, and without any other that such calls take: it waits for a
 * fork that is under way, and from then on each fork makes the calls.
 */
acre_result acre__os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void));

/* A thread of Acre's own. The caller sets `run` and `context`, and keeps the record until the thread has been joined. */
struct acre__os_thread {
  void (*run)(void *context);
  void *context;
  uintptr_t handle;
};

/* Starts it, with all signals held back but those that its own instructions raise. ACRE_E_NO_MEMORY, or no threads left. */
acre_result acre__os_thread_start(struct acre__os_thread *thread);

/* Waits until it has returned. Not in a child of fork, which does not have it. */
void acre__os_thread_join(struct acre__os_thread *thread);

/*
 * Sets what is called in a thread that ends, for those threads that say they
 * want it. Once per process (later calls do nothing and succeed). Keeps state.
 * ACRE_E_NO_MEMORY: the system has no room for one more.
 */
acre_result acre__os_at_thread_exit(void (*call)(void));

/*
 * The calling thread wants that call, once, when it ends by returning, by
 * pthread_exit or by cancellation. Other code of its end may run later, and may want another
 * one. After fork the child's thread wants what it wanted. ACRE_E_NO_MEMORY.
 */
acre_result acre__os_want_thread_exit(void);

/*
 * Makes acre__os_fence_threads work; to be called again in a forked child.
 * ACRE_E_NOT_SUPPORTED: the system lacks it, or forbids it.
 */
acre_result acre__os_fence_prepare(void);

/*
 * Every thread of the process passes a full memory fence between call and
 * return, wherever it is. So two threads of which one runs often and the other
 * one rarely can agree with all the cost on the rare side: the often one stores,
 * and loads; the rare one stores, calls this, and loads.
 */
void acre__os_fence_threads(void);

/* ------------------------------------------------------------- bounds.c */

enum { ACRE_OS_PLACES = 2, ACRE_OS_PLACE_LENGTH = 512 };

/*
 * What bounds the program's memory. The caller keeps it from one reading to the
 * next, zeroed before the first; where the groups' files are is found out once.
 */
struct acre__os_bounds {
  uint64_t ram, swap; /* the system's, in bytes; 0: not known */
  uint64_t group;     /* the least that a group of processes (a cgroup) which the program is in may have, swap
                         included, in bytes; UINT64_MAX: nothing is known that bounds it so */
  bool searched;      /* from here on the backend's own, and room for what it reads */
  struct {
    char root[ACRE_OS_PLACE_LENGTH], point[ACRE_OS_PLACE_LENGTH];
  } places[ACRE_OS_PLACES];
  char text[4096], path[2048];
};

/*
 * Reads them as they are now. Does not fail: what cannot be read stays as it
 * was. Callable in a signal handler; no cancellation point. Cost: some ten microseconds.
 */
void acre__os_bounds_read(struct acre__os_bounds *bounds);

/* Milliseconds since some moment; never goes back. Callable in a signal handler; no system call. */
uint64_t acre__os_clock_ms(void);

/* ------------------------------------------------------------- written.c */

struct acre__os_tracking {
  bool works;         /* acre__os_track and acre__os_written do what they say */
  bool passes_hidden; /* hidden pages do not count as written */
};

/* Finds out by using it on memory of its own. Does not fail, and keeps nothing. Cost: some 50 microseconds. */
void acre__os_probe_tracking(struct acre__os_tracking *out);

/*
 * From now on the system notes which private pages of the range are written, by
 * the program or by a system call, page by page, and whatever their protection
 * becomes. Pages that have content already count as written, the others as not.
 * Until the pages are released or decommitted. Doing it again is fine: pages that have content count as written.
 * Keeps state: what the system needs for it, for the process (on Linux two descriptors, made when first needed).
 * ACRE_E_NOT_SUPPORTED; ACRE_E_NO_MEMORY; ACRE_E_MAPPING_LIMIT; ACRE_E_TOO_MANY_FILES;
 * ACRE_E_BUSY, somebody else has the pages tracked.
 */
acre_result acre__os_track(void *address, size_t size);

struct acre__os_written_run {
  uint64_t start, end; /* addresses, whole pages */
  uint64_t reserved;   /* the system's */
};

/* Where to look; afterwards `start` is where the next search goes on: `end` when all was seen. */
struct acre__os_written_search {
  uintptr_t start, end;
  bool reset; /* what is reported counts as not written from then on, page by page without a gap for a write */
  bool all_have_content; /* the caller knows that of every page: a quicker search, which finds others as written */
  size_t most_pages;     /* to report; 0: any number */
  struct acre__os_written_run *runs; /* the caller's room for `room` runs, 1 or more; afterwards `count` are there */
  size_t room, count;
};

/*
 * Finds pages of a tracked range that were written, in ascending runs without
 * equal neighbours. Pages without content (never touched, reserved, or only
 * read) are not written.
 * ACRE_E_NOT_SUPPORTED, part of the range is not tracked, or not any more (after a fork; or somebody has closed the
 * program's descriptors). ACRE_E_NO_MEMORY. After a failure with `reset` it is unknown what counts as written until
 * the range is tracked again.
 */
acre_result acre__os_written(struct acre__os_written_search *search);

/* In a forked child: gives up what the parent's tracking left in it. No page is tracked there. */
void acre__os_track_in_child(void);

#endif
