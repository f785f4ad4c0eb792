/* SPDX-License-Identifier: MIT */
/*
 * excpt.h - structured exceptions, in plain gcc and clang, C and C++.
 *
 *   __try {                           __try {
 *     *pointer = 1;                     work();
 *   } __except (filter) {             } __finally {
 *     recover();                        release();
 *   }                                 }
 *
 * What happens, in Windows's order: vectored handlers; then the filters of the
 * __try blocks that the thread is in, innermost first; when one says
 * EXCEPTION_EXECUTE_HANDLER the __finally blocks inside it, innermost first, and
 * its own block. EXCEPTION_CONTINUE_EXECUTION goes on at the instruction that
 * failed, however deep, with all registers. If nobody wants the exception:
 * SetUnhandledExceptionFilter's filter, and then the signal's own way.
 *
 * return, break, continue and goto out of a guarded block work, and run
 * the __finally blocks on their way; __leave too. So do C++ exceptions that
 * pass through (code that is compiled with -fexceptions, as C++ is).
 *
 * What differs from Microsoft's compiler
 *   - A local variable of the function that is changed in the guarded block or in the filter, and read
 *     in the other one, in the handler or behind it, must be volatile: the compiler does not see how
 *     code gets from the one to the other, and may keep it in a register (the rule of setjmp).
 *   - Destructors of C++ do not run when an exception leaves their scope (as there without /EHa).
 *   - break and continue of an outer loop inside a __finally block end the block alone (there a
 *     warning says that they are not to be used).
 *   - longjmp out of a guarded block runs no __finally block. (The block is no more, once its function has been left.)
 *   - GetExceptionCode() in a handler names the last exception that the function has caught.
 *   - In C++ the words are for source files alone: in a file that is included, __try is libstdc++'s word for
 *     try, unless ACRE_SEH_IN_HEADERS is defined before that file is included.
 *
 * How it works: src/win32/exceptions.c. Cost: some nanoseconds for a __try that is not left by an exception.
 */
#ifndef ACRE_WIN32_EXCPT_H
#define ACRE_WIN32_EXCPT_H

#include "minwinbase.h"

#ifdef __cplusplus
#include <exception> /* which defines __try and __catch: before they are defined anew */
#endif

#define EXCEPTION_EXECUTE_HANDLER 1
#define EXCEPTION_CONTINUE_SEARCH 0
#define EXCEPTION_CONTINUE_EXECUTION (-1)

ACRE_WIN32_BEGIN

/* A place in a program where a guarded block begins: what was learned about it. */
typedef struct acre_seh_site {
  int kind;
} acre_seh_site;

struct acre_seh_frame;

/* Parts of the words below, and not to be called otherwise. */
WINBASEAPI struct acre_seh_frame *acre_seh_enter(acre_seh_site *site);
WINBASEAPI int acre_seh_mark(struct acre_seh_frame *frame) __attribute__((returns_twice));
WINBASEAPI void acre_seh_pop(void);
WINBASEAPI void acre_seh_leave(void);
WINBASEAPI int acre_seh_asks(void);
WINBASEAPI DECLSPEC_NORETURN void acre_seh_answer(int answer);
WINBASEAPI int acre_seh_finally_begin(void);
WINBASEAPI int acre_seh_finally_end(int abnormal);
WINBASEAPI DWORD acre_seh_code(void);
WINBASEAPI struct _EXCEPTION_POINTERS *acre_seh_pointers(void);

static __attribute__((unused)) inline void acre_seh_exit(int *inside) {
  if (*inside)
    acre_seh_leave();
  else
    acre_seh_pop();
}

ACRE_WIN32_END

#define ACRE_SEH_PASTE_(a, b) a##b
#define ACRE_SEH_PASTE(a, b) ACRE_SEH_PASTE_(a, b)

#define ACRE_SEH_TRY                               \
  if (acre_seh_mark(acre_seh_enter(__extension__({ \
        static acre_seh_site acre__site;           \
        &acre__site;                               \
      }))) == 0) {                                 \
    __label__ acre__leave;                         \
    int acre__inside __attribute__((cleanup(acre_seh_exit))) = 1;

#define ACRE_SEH_EXCEPT(...)                                     \
  acre__leave:                                                   \
  __attribute__((unused));                                       \
  acre__inside = 0;                                              \
  }                                                              \
  else if (acre_seh_asks()) acre_seh_answer((int)(__VA_ARGS__)); \
  else

#define ACRE_SEH_FINALLY(number)                                                 \
  acre__leave:                                                                   \
  __attribute__((unused));                                                       \
  acre__inside = 0;                                                              \
  goto ACRE_SEH_PASTE(acre__finally_, number);                                   \
  }                                                                              \
  else ACRE_SEH_PASTE(acre__finally_, number)                                    \
      : for (int acre__abnormal = acre_seh_finally_begin(); acre__abnormal != 0; \
             acre__abnormal = acre_seh_finally_end(acre__abnormal))

#if defined(__cplusplus)
#undef __try
#ifdef __cpp_exceptions
#define ACRE_SEH_PLAIN_TRY try
#else
#define ACRE_SEH_PLAIN_TRY if (true)
#endif
#define ACRE_SEH_TRY_0 ACRE_SEH_TRY
#ifdef ACRE_SEH_IN_HEADERS
#define ACRE_SEH_TRY_1 ACRE_SEH_TRY
#define ACRE_SEH_TRY_2 ACRE_SEH_TRY
#else
#define ACRE_SEH_TRY_1 ACRE_SEH_PLAIN_TRY
#define ACRE_SEH_TRY_2 ACRE_SEH_PLAIN_TRY
#endif
#define ACRE_SEH_TRY_3 ACRE_SEH_PLAIN_TRY
#define ACRE_SEH_TRY_4 ACRE_SEH_PLAIN_TRY
#define ACRE_SEH_TRY_5 ACRE_SEH_PLAIN_TRY
#define ACRE_SEH_TRY_6 ACRE_SEH_PLAIN_TRY
#define ACRE_SEH_TRY_7 ACRE_SEH_PLAIN_TRY
#define ACRE_SEH_TRY_8 ACRE_SEH_PLAIN_TRY
#define ACRE_SEH_TRY_9 ACRE_SEH_PLAIN_TRY
#define ACRE_SEH_TRY_10 ACRE_SEH_PLAIN_TRY
#define ACRE_SEH_TRY_11 ACRE_SEH_PLAIN_TRY
#define ACRE_SEH_TRY_12 ACRE_SEH_PLAIN_TRY
#define __try ACRE_SEH_PASTE(ACRE_SEH_TRY_, __INCLUDE_LEVEL__)
#else
#define __try ACRE_SEH_TRY
#endif
/* clang-format off */
#define __except(...) ACRE_SEH_EXCEPT(__VA_ARGS__)
/* clang-format on */
#define __finally ACRE_SEH_FINALLY(__COUNTER__)
#define __leave goto acre__leave

#define GetExceptionCode() acre_seh_code()
#define GetExceptionInformation() acre_seh_pointers()
#define AbnormalTermination() (acre__abnormal == 2)
#define _exception_code() acre_seh_code()
#define _exception_info() acre_seh_pointers()
#define _abnormal_termination() AbnormalTermination()

#endif
