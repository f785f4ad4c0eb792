/* SPDX-License-Identifier: MIT */
/*
 * acre/filemap.h - files worked on in memory.
 *
 *   file  <---  section  <---  view       an arrow keeps its target alive
 *   a file      what of it     a window
 *   on disk     may be mapped  of memory
 *
 * A view is memory: reading it reads the file, storing to it changes the file,
 * and every view of a file sees the newest data at once. The system brings the
 * disk up to date when it likes; acre_view_flush says when it must be.
 *
 * The three may be closed in any order: a view keeps its section alive, a
 * section its file.
 *
 *   a file that is                    acre_file_open      then
 *   empty                             OK                  no section of it, unless that makes it longer: EMPTY_FILE
 *   larger than RAM                   OK                  as any other: pages come and go. A view takes address space
 *   sparse                            OK                  holes read zero; a store into one takes a block, see below
 *   read-only, or on such a disk      OK for reading,     sections for reading and copy-on-write
 *                                     else ACCESS_DENIED, READ_ONLY
 *   of /proc or /sys                  OK                  EMPTY_FILE, or NOT_SUPPORTED by acre_view_map
 *   a directory, device, pipe, socket NOT_A_FILE          (a link is followed)
 *
 * Caveat: when another process truncates a file under a view, or the disk has
 * no room for a page of a sparse file, an access to that page is SIGBUS.
 *
 * Threads: handles may be used from any thread; closing one while another
 * thread still uses it is an error of the program. A closed handle is answered
 * with ACRE_E_INVALID_ARGUMENT while something keeps the object alive, and as
 * long as its memory is not used for another; closing it again does nothing.
 * Fork: the child has the same handles and views; shared views go on sharing.
 * Signal handlers may access a view's memory and call nothing.
 */
#ifndef ACRE_FILEMAP_H
#define ACRE_FILEMAP_H

#include <acre/vm.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct acre_file acre_file;
typedef struct acre_section acre_section;
typedef struct acre_view acre_view;

/* What may be done with a file, a section, a view. A section may not exceed its file, nor a view its section. */
typedef enum acre_access {
  ACRE_ACCESS_READ = 0,
  ACRE_ACCESS_READ_WRITE = 1,
  ACRE_ACCESS_COPY_ON_WRITE = 2 /* sections and views: stores stay private to this process and view */
} acre_access;

/* What to do when the file is there, and when it is not. Win32: dispositions of CreateFile. */
typedef enum acre_file_mode {
  ACRE_FILE_OPEN = 0,           /* must be there                 OPEN_EXISTING */
  ACRE_FILE_OPEN_OR_CREATE = 1, /* made empty if it is not       OPEN_ALWAYS */
  ACRE_FILE_CREATE = 2,         /* must not be there             CREATE_NEW */
  ACRE_FILE_TRUNCATE = 3        /* made, or emptied              CREATE_ALWAYS */
} acre_file_mode;

typedef struct acre_file_options {
  acre_access access; /* ACRE_ACCESS_READ or ACRE_ACCESS_READ_WRITE; every mode but ACRE_FILE_OPEN wants the latter */
  acre_file_mode mode;
  unsigned permissions; /* of a file that is made, before the umask, 0777 at most; 0: 0666. Ignored on Windows */
} acre_file_options;

/*
 * Opens or makes the regular file `path` (UTF-8, NUL-terminated).
 * Result: ACRE_E_INVALID_ARGUMENT; ACRE_E_NOT_FOUND; ACRE_E_EXISTS;
 *   ACRE_E_NOT_A_FILE, a directory, device, pipe or socket (a pipe is never waited for);
 *   ACRE_E_ACCESS_DENIED; ACRE_E_READ_ONLY; ACRE_E_TOO_MANY_FILES; ACRE_E_NO_SPACE;
 *   ACRE_E_IO; ACRE_E_NO_MEMORY. On failure *out is NULL.
 * Lifetime: until acre_file_close, and as long as a section of it lives. Not inherited over exec.
 * Win32 counterpart: CreateFile.
 */
ACRE_API acre_result acre_file_open(const char *path, const acre_file_options *options, acre_file **out);

/*
 * The same for a regular file that the program has opened itself: `handle` is the system's (a descriptor; on Windows a
 * HANDLE), and stays the program's, which may close it at once: Acre works with a copy. The copy shares the position.
 * Result: ACRE_E_INVALID_ARGUMENT, no handle, or `access` is neither of the two that acre_file_open takes;
 *   ACRE_E_ACCESS_DENIED, it was not opened for that (one for writing alone serves neither); ACRE_E_NOT_A_FILE; ACRE_E_TOO_MANY_FILES; ACRE_E_NO_MEMORY. On failure *out is NULL.
 * Win32 counterpart: DuplicateHandle.
 */
ACRE_API acre_result acre_file_adopt(intptr_t handle, acre_access access, acre_file **out);

/* The file's size in bytes now. Result: ACRE_E_INVALID_ARGUMENT; ACRE_E_IO. Win32: GetFileSizeEx. */
ACRE_API acre_result acre_file_size(acre_file *file, uint64_t *out);

/*
 * Makes the file `size` bytes long, also under views of it. A longer one has the
 * blocks of what is added allocated, and reads zero there; sections and views stay
 * as they are until they grow (acre_section_resize, acre_view_grow). What is cut
 * off is gone; it must not belong to a section of this process, of whichever
 * handle of the file, as touching it would be a fault. Sections of other
 * processes are not known, and not asked.
 * Result: ACRE_E_INVALID_ARGUMENT; ACRE_E_ACCESS_DENIED, the file was opened for reading;
 *   ACRE_E_MAPPED, a section (or a view, which keeps its section) reaches past the new size;
 *   ACRE_E_NO_SPACE, ACRE_E_FILE_TOO_LARGE, ACRE_E_IO: the file has its former size.
 * Fork: a fork waits for a growth that another thread has under way.
 * Win32 counterpart: SetEndOfFile.
 */
ACRE_API acre_result acre_file_resize(acre_file *file, uint64_t size);

/* Closes the handle. NULL: nothing happens. Win32: CloseHandle. */
ACRE_API void acre_file_close(acre_file *file);

typedef struct acre_section_options {
  acre_access access; /* the most that views of it may do */
  bool execute;       /* views may be executed as well. Win32: PAGE_EXECUTE_READ, ... */
  uint64_t offset;    /* where in the file it begins, any byte */
  uint64_t size;      /* bytes that it spans. 0: up to the file's end as it is now */
} acre_section_options;

/*
 * Makes a section over `file`, or a part of it. With read-write access and an end
 * beyond the file's, the file grows, its blocks allocated, so that no store meets a full disk.
 * Result: ACRE_E_INVALID_ARGUMENT; ACRE_E_ACCESS_DENIED, more access than the file was opened with;
 *   ACRE_E_EMPTY_FILE, size 0 and the file is empty; ACRE_E_OUT_OF_RANGE, it reaches past the end of
 *   a file that may not grow, or size is 0 and it begins there;
 *   ACRE_E_NO_SPACE; ACRE_E_FILE_TOO_LARGE; ACRE_E_IO; ACRE_E_NO_MEMORY. On failure *out is NULL
 *   and the file has its former size.
 * Lifetime: until acre_section_close, and as long as a view of it lives.
 * Win32 counterpart: CreateFileMapping.
 */
ACRE_API acre_result acre_section_create(acre_file *file, const acre_section_options *options, acre_section **out);

/* What a section without a file of the program's is made of. Zero in every field is the default. */
typedef struct acre_memory_options {
  acre_vm_backing backing; /* memory, or the paging file (acre_vm_set_paging_file) */
  bool reserve;            /* no page is committed: see below. Win32: SEC_RESERVE */
  bool execute;            /* as in acre_section_options */
} acre_memory_options;

/*
 * Makes a section of `size` bytes of memory, all zero, with no file behind it
 * that anybody could see or shorten: memory that can be mapped more than once. Views
 * may have any access.
 *   memory       its pages are taken when they are first touched, and given back
 *                when section and views are gone; they do not count in the commit charge. Where the
 *                kernel has no such files (memfd), it is an unlinked temporary file, in TMPDIR, /tmp,
 *                /var/tmp or /dev/shm, with its blocks allocated.
 *   paging file  a file of its own in the paging file's directory, with its blocks allocated; its
 *                pages count in the commit charge, and among what the paging file holds. It cannot grow.
 *
 * With `reserve` no page of it exists at first: pages of its views are RESERVE, and an access faults.
 * acre_vm_commit in any view commits the pages for all views of the section, those of today and
 * those to come; their memory or blocks are taken there and then, so no touch of them can fail.
 * They stay committed as long as the section lives. It cannot grow, nor can its views. A commit that fails has
 * changed nothing, or (ACRE_E_NO_MEMORY, ACRE_E_MAPPING_LIMIT, ACRE_E_COMMIT_LIMIT) not
 * reached every view: a second one makes up for it.
 *
 * Result: ACRE_E_INVALID_ARGUMENT; ACRE_E_INVALID_SIZE, size is 0; ACRE_E_FILE_TOO_LARGE;
 *   ACRE_E_TOO_MANY_FILES; ACRE_E_NO_MEMORY; of a temporary file ACRE_E_NO_SPACE and what acre_file_open says;
 *   on the paging file ACRE_E_NOT_SUPPORTED, none is set, and ACRE_E_COMMIT_LIMIT. On failure *out is NULL.
 * Lifetime: as acre_section_create. Fork: the child shares the memory. Of a reserved section it has
 *   what was committed before; it cannot commit more (ACRE_E_NOT_SUPPORTED), nor see what others commit.
 * Win32 counterpart: CreateFileMapping with INVALID_HANDLE_VALUE; VirtualAlloc on a view for the commit.
 */
ACRE_API acre_result acre_section_create_memory(uint64_t size, const acre_memory_options *options, acre_section **out);

/* How to open a section by name. Zero in every field is the default. */
typedef struct acre_name_options {
  acre_access access;  /* the most that views of this section may do; ACRE_FILE_OPEN alone takes less than READ_WRITE */
  bool execute;        /* as in acre_section_options */
  acre_file_mode mode; /* OPEN, OPEN_OR_CREATE or CREATE */
  uint64_t size;       /* in bytes, of a section that is made: not 0 then. One that is there keeps its own */
} acre_name_options;

/*
 * Opens or makes the section of memory that has this name (UTF-8, NUL-terminated, 1 to 200 bytes, no '/', neither
 * "." nor ".."; upper and lower case differ) among those of the user. Every process of the
 * user that opens the name has the same memory; others cannot. *created (may be NULL) tells
 * which happened: of any number of processes that come at the same moment, one creates.
 * What is made reads zero, and its memory is taken at once. Its size never changes.
 *
 * The name lasts as long as any such section is open (acre_section_close), in any process; the last one to go takes
 * it away. Views that are still mapped keep the memory, and who opens the name then gets another. A process that ends
 * without closing (or is killed) keeps no name alive: the next acre_section_open does not find what it has left, and
 * clears it away. Until then its memory stays taken.
 * Waits while another process is creating the section.
 * Result: ACRE_E_INVALID_ARGUMENT, also a name that is none; ACRE_E_INVALID_SIZE, size is 0 and it may be made;
 *   ACRE_E_NOT_FOUND; ACRE_E_EXISTS, ACRE_FILE_CREATE and somebody has it open;
 *   ACRE_E_ACCESS_DENIED, in the place of Acre's directory or of the name there is something of somebody else's;
 *   ACRE_E_NO_SPACE; ACRE_E_FILE_TOO_LARGE; ACRE_E_TOO_MANY_FILES; ACRE_E_NO_MEMORY;
 *   ACRE_E_NOT_SUPPORTED, there is no place for names. On failure *out is NULL.
 * Where: /dev/shm/acre-UID, else XDG_RUNTIME_DIR/acre-UID, else /tmp/acre-UID; on Windows %LOCALAPPDATA%\acre-names: a
 *   directory for the user alone, with a file for each name.
 * Lifetime: as acre_section_create. A program that closes Acre's descriptors loses the name, and not the memory.
 * Fork: the child has the section as well, and is alive behind the name until it closes it. A fork waits
 *   for another thread that is opening a name.
 * Win32 counterpart: CreateFileMapping and OpenFileMapping with a name (and ERROR_ALREADY_EXISTS for *created).
 */
ACRE_API acre_result acre_section_open(const char *name, const acre_name_options *options, bool *created,
                                       acre_section **out);

/* The section's size in bytes now; 0 for NULL. Win32: NtQuerySection. */
ACRE_API uint64_t acre_section_size(const acre_section *section);

/*
 * Makes the section `size` bytes long, under whatever views it has: they stay as
 * they are, and may grow (acre_view_grow). The file grows if it has to, as
 * for acre_section_create; of memory, what is added is taken at once. A section
 * never becomes smaller: nothing that was mapped goes away under a view.
 * Result: ACRE_E_INVALID_ARGUMENT; ACRE_E_INVALID_SIZE, size is 0; ACRE_E_MAPPED, less than now;
 *   ACRE_E_NOT_SUPPORTED, it is reserved, on the paging file, or named;
 *   and of acre_section_create ACRE_E_OUT_OF_RANGE, ACRE_E_NO_SPACE, ACRE_E_FILE_TOO_LARGE, ACRE_E_IO.
 * Threads: growths take turns, of all files of the process. Fork: as acre_file_resize.
 * Win32 counterpart: NtExtendSection.
 */
ACRE_API acre_result acre_section_resize(acre_section *section, uint64_t size);

/* Closes the handle. NULL: nothing happens. Win32: CloseHandle. */
ACRE_API void acre_section_close(acre_section *section);

typedef struct acre_view_options {
  acre_access access; /* within the section's: READ of any, COPY_ON_WRITE of any, READ_WRITE of READ_WRITE */
  bool execute;       /* its pages may be executed from the start. Win32: FILE_MAP_EXECUTE */
  void *address; /* wished for: where the multiple of the map granularity (acre_system) below `offset` shall be; rounded
                    down to the allocation granularity. NULL: anywhere */
  bool replace; /* in the place of the placeholder at `address` (acre_vm_split), which is as long as the view's pages */
  size_t reserve;  /* bytes of address space that the view gets, rounded up to pages, so that it can grow to that size
                     and never moves. 0, or no more than its size: none to spare */
  bool keep_going; /* what nothing stands behind any more becomes zeros, and not SIGBUS: see acre_view_lost */
} acre_view_options;

/*
 * Maps `size` bytes of the section from byte `offset` on (any offset: it need
 * not be a multiple of anything). Size 0: all from the offset to the section's end.
 * Result: ACRE_E_INVALID_ARGUMENT; ACRE_E_ACCESS_DENIED, more access than the section gives;
 *   ACRE_E_OUT_OF_RANGE, offset is not before the section's end, or offset + size is past it;
 *   ACRE_E_ADDRESS_IN_USE; ACRE_E_INVALID_ADDRESS; ACRE_E_NOT_SUPPORTED, the file system cannot map its files;
 *   ACRE_E_NO_ADDRESS_SPACE; ACRE_E_MAPPING_LIMIT; ACRE_E_NO_MEMORY; ACRE_E_COMMIT_LIMIT, copied on
 *   write: all its pages are charged, as each may become the program's own; with `replace`, those
 *   of acre/vm.h for placeholders; with `keep_going`, those of acre_vm_on_fault (acre/fault.h).
 *   On failure *out is NULL.
 * The pages are a region of kind ACRE_VM_KIND_MAPPED: acre_vm_query, protect, populate, prefetch, lock
 * and unlock work on them; decommit, reset and release answer ACRE_E_WRONG_KIND, as does commit unless something is
 * reserved. acre_vm_protect may give what the view's access and the section's `execute` allow. Which file it
 * is, and which part of it, acre_vm_query_file tells.
 * Lifetime: until acre_view_unmap.
 * Win32 counterpart: MapViewOfFile (whose offset must be a multiple of 64 KiB).
 */
ACRE_API acre_result acre_view_map(acre_section *section, uint64_t offset, size_t size,
                                   const acre_view_options *options, acre_view **out);

/*
 * Makes the view `size` bytes long, at the address where it is: what it has
 * reserved (acre_view_options) becomes more of the file. The section grows if it has to
 * (acre_section_resize), and with it the file; not for a view that is read-only or copied on write, which
 * can grow as far as the file reaches. Less than the view has: nothing happens.
 * acre_vm_commit on reserved pages does the same, up to the end of those pages.
 * Result: ACRE_E_INVALID_ARGUMENT; ACRE_E_OUT_OF_RANGE, more than it has reserved, or than a file that may not grow;
 *   of acre_section_resize ACRE_E_NO_SPACE, ACRE_E_FILE_TOO_LARGE, ACRE_E_IO; ACRE_E_MAPPING_LIMIT;
 *   ACRE_E_NO_MEMORY; ACRE_E_COMMIT_LIMIT, copied on write; ACRE_E_NOT_SUPPORTED, what it has ends within a unit of the map
 *   granularity (acre_system), which is larger than a page on Windows before 10 (1803). The view is as it was then; after
 *   the last four the section and the file may have grown.
 * Cost: the file's growth, and one mmap. Threads, fork: as acre_section_resize.
 */
ACRE_API acre_result acre_view_grow(acre_view *view, size_t size);

/*
 * The address of the view's first byte, exactly at the offset that was asked for. NULL for NULL.
 * Win32 counterpart: what MapViewOfFile returns.
 */
ACRE_API void *acre_view_data(const acre_view *view);

/* The view's bytes. 0 for NULL. Win32: VirtualQuery. */
ACRE_API size_t acre_view_size(const acre_view *view);

/*
 * Bytes of a view with `keep_going` that were lost and are zeros now, whole pages. It happens
 * when the file is made shorter (by another process: this one is told ACRE_E_MAPPED), when the
 * disk is full and the page was a hole, when the device fails or is gone. A touch of
 * such a page replaces it by a zero page of the program's own (past the file's end, all that follow
 * as well), which is in no file, and stays until the view is unmapped. From then on the file's flushes
 * return ACRE_E_IO until it is acknowledged (acre_view_acknowledge_error). The access itself goes on.
 * Inside acre_guarded_copy and acre_guarded_call (acre/fault.h) nothing is replaced: they tell of it themselves.
 * System calls that are given such memory fail with EFAULT, and replace nothing.
 * Where the replacing fails (no memory, or no mapping left) the access is SIGBUS as without it.
 * Result: 0 also for NULL and for what is no view.
 */
ACRE_API size_t acre_view_lost(const acre_view *view);

/* How far a flush goes. */
typedef enum acre_flush_mode {
  ACRE_FLUSH_DURABLE = 0, /* until the device has the pages and the file's size: a power cut loses none of it */
  ACRE_FLUSH_WAIT = 1,    /* until the device has taken the pages: they are safe from everything but a power cut */
  ACRE_FLUSH_START = 2    /* begins to write and returns; waits only where the device's queue is full */
} acre_flush_mode;

/*
 * Writes the changed pages of [offset, offset + size) of the view to the disk, as
 * far as `mode` says. Size 0: to the view's end. A read-only or copy-on-write view
 * has nothing to write.
 *
 * An error is never forgotten. Once a flush has failed, or found that the system's own writing had failed since the
 * file was opened, all flushes of the same open file return that first error, even those that
 * succeed, until it is acknowledged (acre_view_acknowledge_error). For after an error the
 * system takes the pages for written: they are on the disk only if they are changed
 * and flushed again. With ACRE_FLUSH_START an error may be found by a later flush.
 *
 * Result: ACRE_E_INVALID_ARGUMENT; ACRE_E_OUT_OF_RANGE: nothing was done. ACRE_E_IO, ACRE_E_NO_SPACE (or
 *   what else the system says): part of what was flushed, now or before, is not on the disk.
 * Cost: of the range alone, but where the file system writes more on its own account.
 * Win32 counterpart: FlushViewOfFile (ACRE_FLUSH_WAIT), and FlushFileBuffers with it.
 */
ACRE_API acre_result acre_view_flush(acre_view *view, size_t offset, size_t size, acre_flush_mode mode);

/*
 * The same for all of the file, through whatever it was changed: durable, with its size and its other properties.
 * Result: ACRE_E_INVALID_ARGUMENT; as acre_view_flush. Win32 counterpart: FlushFileBuffers.
 */
ACRE_API acre_result acre_file_flush(acre_file *file);

/*
 * Takes note of the error that flushes return, of the file that is behind the handle: from now on they return what
 * they find. All sections and views of one acre_file share that error.
 * Result: the error; ACRE_OK, there was none, or it is no handle.
 */
ACRE_API acre_result acre_view_acknowledge_error(acre_view *view);
ACRE_API acre_result acre_section_acknowledge_error(acre_section *section);
ACRE_API acre_result acre_file_acknowledge_error(acre_file *file);

/*
 * Takes the view away. What was stored is in the file, and on the disk when the
 * system likes (flush first to be sure). NULL: nothing happens.
 * Result: ACRE_E_INVALID_ARGUMENT, it is no view (any more); ACRE_E_BUSY, it has a flusher (acre/flusher.h);
 *   ACRE_E_MAPPING_LIMIT, the kernel cannot split the mapping; the view is still there then.
 * Win32 counterpart: UnmapViewOfFile.
 */
ACRE_API acre_result acre_view_unmap(acre_view *view);

/*
 * The same, and leaves a placeholder in its place (acre/vm.h), whether the view has replaced one or not.
 * Result: ACRE_E_INVALID_ARGUMENT, also NULL; ACRE_E_BUSY; ACRE_E_NO_MEMORY, ACRE_E_MAPPING_LIMIT: the view is still
 *   there.
 * Win32 counterpart: UnmapViewOfFile2 with MEM_PRESERVE_PLACEHOLDER.
 */
ACRE_API acre_result acre_view_unmap_to_placeholder(acre_view *view);

#ifdef __cplusplus
}
#endif

#endif
