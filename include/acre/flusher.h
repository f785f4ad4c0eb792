/* SPDX-License-Identifier: MIT */
/*
 * acre/flusher.h - the disk brought up to date in the background.
 *
 *   program   stores . . . . . stores . .            (view: memory)
 *   flusher            flush         flush           when its options say so
 *   disk      ---------|=============|=======
 *
 * A flusher is a thread of Acre's that looks how much of a view's file is not on the disk
 * yet, and flushes it when one of the conditions holds that it was given. While
 * nothing is changed it writes nothing.
 *
 * Caveats first
 *   With `dirty_limit` a system call that stores into the view (read(2) into its
 *   memory, say) may fail with EFAULT: let it store elsewhere, and copy.
 *   A thread that waits for `dirty_limit` waits where it stores. So what it holds, a lock for instance, is
 *   held until the disk has caught up, and on_error must not wait for it.
 */
#ifndef ACRE_FLUSHER_H
#define ACRE_FLUSHER_H

#include <acre/filemap.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct acre_flusher acre_flusher;

/*
 * When to flush, and how. A time or number of 0: not for that reason; all of them 0: every second. Of several
 * conditions each is enough.
 */
typedef struct acre_flusher_options {
  uint32_t interval_ms; /* every so many milliseconds, if something is changed */
  uint32_t idle_ms;     /* when something is changed, and nothing more has been for so long: no further page */
  uint32_t deadline_ms; /* early enough that a change is on the disk after so many milliseconds at the latest, as
                           long as the disk is no slower than in the flushes before */
  uint64_t dirty_bytes; /* when more than so many bytes are changed. The program goes on meanwhile */
  uint64_t dirty_limit; /* never are more bytes changed through the view and not on the disk (rounded down to pages, one
                           at least): from half of it on they are flushed, and at the limit a store waits */
  acre_flush_mode mode; /* how far a flush goes; not ACRE_FLUSH_START with dirty_limit or deadline_ms */
  void (*on_error)(acre_result result, void *context); /* NULL: nobody is told */
  void *context;
} acre_flusher_options;

/*
 * Starts a flusher for the view: its range of the file, also as it grows.
 * on_error is called in the flusher's thread, once for each of its flushes that fails, with what the system said. What was
 * to be written then is taken for written by the system; the error stays with the file as any other
 * (acre_view_flush). It may store into the view, and must not stop the flusher.
 * How much is changed the kernel tells (cachestat, or /proc/self/smaps before Linux 6.5), asked several times within the shortest of
 * the times above: a page is changed from its first store on until it is written by whomever. It counts more than was
 * stored to where it keeps the file in larger units (ext4 since Linux 6.16: up to 2 MiB, all of which is written for one byte), and
 * where pages change meanwhile. It is not asked more often than takes a fiftieth of the time. dirty_limit counts
 * the pages that were stored to: what a power cut could take, not what the disk has to write.
 * Result: ACRE_E_INVALID_ARGUMENT, view is none or may not be written, or an option is wrong; ACRE_E_BUSY, it has a
 *   flusher; ACRE_E_NOT_SUPPORTED, the kernel does not tell, and another condition than interval_ms and dirty_limit is
 *   asked for, or the view is copied on write, or its section reserved; ACRE_E_NO_MEMORY, also no thread; with dirty_limit also as
 *   acre_vm_on_fault, and ACRE_E_MAPPING_LIMIT. On failure *out is NULL.
 * Lifetime: until acre_flusher_stop. The view cannot be unmapped before (ACRE_E_BUSY); section and file may be closed.
 * A program that ends without it leaves the rest to the system, which writes it when it likes.
 * Threads: any. The flusher's thread takes no signals.
 * Fork: the child has no such thread: nothing is flushed there, and no store waits. It should stop its copy before it unmaps the view.
 * Cost: with dirty_limit some microseconds for the first store to a page after each flush, less where stores go on from page to page.
 * Win32 counterpart: none; its lazy writer has no such settings.
 */
ACRE_API acre_result acre_flusher_start(acre_view *view, const acre_flusher_options *options, acre_flusher **out);

/* What a flusher has done. */
typedef struct acre_flusher_figures {
  uint64_t flushes;       /* flushes, those that failed included */
  uint64_t failures;      /* those that failed */
  uint64_t flushed_bytes; /* that the kernel had to write when a flush began, in all */
  uint64_t dirty_bytes;   /* changed when it looked last: with dirty_limit as that counts, else as the kernel does */
  uint64_t most_dirty;    /* the most that it has seen */
  uint64_t waits;         /* how often a store has waited for dirty_limit, counted anew each tenth of a second */
  uint64_t longest_ms;    /* the longest flush */
  acre_result last_error; /* of the last flush that failed */
} acre_flusher_figures;

/* Result: ACRE_E_INVALID_ARGUMENT. The figures are those of one moment each. */
ACRE_API acre_result acre_flusher_look(const acre_flusher *flusher, acre_flusher_figures *out);

/*
 * Flushes once more, as `mode` says, and ends the flusher. What other threads store meanwhile is not
 * lost: it is in the file, and reaches the disk as without a flusher. NULL: nothing happens.
 * Result: that of acre_view_flush at this moment: ACRE_OK means that everything stored before the call, and by the flusher's
 *   earlier flushes, is where `mode` says. ACRE_E_INVALID_ARGUMENT, it is no flusher (any more). The flusher is gone in any case.
 */
ACRE_API acre_result acre_flusher_stop(acre_flusher *flusher);

#ifdef __cplusplus
}
#endif

#endif
