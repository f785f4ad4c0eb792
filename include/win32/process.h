/* SPDX-License-Identifier: MIT */
/* process.h - the C library's threads. */
#ifndef ACRE_WIN32_PROCESS_H
#define ACRE_WIN32_PROCESS_H

#include "winnt.h"

ACRE_WIN32_BEGIN

typedef unsigned (*_beginthreadex_proc_type)(void *);
WINBASEAPI uintptr_t _beginthreadex(void *security, unsigned stack, unsigned (*start)(void *), void *parameter,
                                    unsigned flags, unsigned *id);
WINBASEAPI void _endthreadex(unsigned code);
WINBASEAPI uintptr_t _beginthread(void (*start)(void *), unsigned stack, void *parameter);
WINBASEAPI void _endthread(void);
#ifndef _getpid
#include <unistd.h>
#define _getpid getpid
#endif

ACRE_WIN32_END

#endif
