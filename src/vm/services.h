/* SPDX-License-Identifier: MIT */
/*
 * services.h - what the layers above vm need of the system besides memory. The
 * contracts are those of the functions of the same names in os/os.h.
 */
#ifndef ACRE_VM_SERVICES_H
#define ACRE_VM_SERVICES_H

#include <acre/base.h>
#include <stdint.h>

#include "os/os.h"

/*
 * The caller's `before` runs before vm's own, as vm's was registered first: it
 * may take locks under which vm is called. The others run after vm's. To be called with none of those locks.
 */
acre_result acre__vm_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void));

acre_result acre__vm_at_thread_exit(void (*call)(void));
acre_result acre__vm_want_thread_exit(void);

/* Also ACRE_E_NOT_SUPPORTED where ACRE_OPTIONS forbids it. */
acre_result acre__vm_fence_prepare(void);
void acre__vm_fence_threads(void);

/* A thread of Acre's own: the caller sets `run` and `context`. */
typedef struct acre__os_thread acre__vm_thread;
acre_result acre__vm_thread_start(acre__vm_thread *thread);
void acre__vm_thread_join(acre__vm_thread *thread);

uint64_t acre__vm_milliseconds(void);
void acre__vm_say(const char *text);
_Noreturn void acre__vm_die(const char *text);
_Noreturn void acre__vm_end(const char *text, int status);

#endif
