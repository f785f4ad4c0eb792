/* SPDX-License-Identifier: MIT */
/*
 * What the library does when it is loaded into a program that knows nothing of it.
 *
 * A program that was built with a sanitizer has that one's malloc, which knows
 * blocks that this one does not: it cannot be served, and is told so before it
 * begins. And programs that leave without their exit handlers' being run have something
 * to tell to `acre run`, too.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "override/override.h"
#include "override/report.h"
#include "vm/services.h"

/* What each runtime has. */
extern void __asan_init(void) __attribute__((weak));
extern void __hwasan_init(void) __attribute__((weak));
extern void __lsan_init(void) __attribute__((weak));
extern void __msan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));

__attribute__((constructor)) static void refuse_sanitizers(void) {
  if (__asan_init == NULL && __hwasan_init == NULL && __lsan_init == NULL && __msan_init == NULL && __tsan_init == NULL)
    return;
  acre__vm_end("acre: this program was built with a sanitizer, which brings its own malloc; run it without Acre's\n",
               1);
}

ACRE_EXPORT _Noreturn void _exit(int status) {
  acre__report_end();
  for (;;) syscall(SYS_exit_group, status);
}

ACRE_EXPORT _Noreturn void _Exit(int status) {
  _exit(status);
}

acre__function acre__override_find(const char *name) {
  static const char *const libraries[] = {"libstdc++.so.6", "libc++.so.1"};
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
    void *library = dlopen(libraries[i], RTLD_LAZY | RTLD_NOLOAD); /* never closed: it was loaded before */
    void *found = library == NULL ? NULL : dlsym(library, name);
    acre__function function;
    memcpy(&function, &found, sizeof function);
    if (found != NULL) return function;
  }
  return NULL;
}
