/* SPDX-License-Identifier: MIT */
/*
 * What faults are told as that Wine cannot be made to show: a file that was cut under its view; addresses that cannot be;
 * registers that go on as they were; goto out of guarded blocks; a program's own signal handler behind ours.
 */
#include <windows.h>

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                     \
  do {                                                       \
    if (!(condition)) {                                      \
      printf("line %d: failed: %s\n", __LINE__, #condition); \
      exit(1);                                               \
    }                                                        \
  } while (0)

static EXCEPTION_RECORD last;

static int keep(struct _EXCEPTION_POINTERS *exception, int answer) {
  last = *exception->ExceptionRecord;
  return answer;
}

static void in_page(void) {
  char path[MAX_PATH], folder[MAX_PATH];
  GetTempPathA(MAX_PATH, folder);
  GetTempFileNameA(folder, "flt", 0, path);
  HANDLE file = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING,
                            0, NULL);
  HANDLE section = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 8192, NULL);
  volatile char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
  view[5000] = 1;
  CHECK(truncate(path, 100) == 0); /* as another process may do it */
  volatile int told = 0;
  __try {
    view[5000] = 2;
  } __except (keep(GetExceptionInformation(), EXCEPTION_EXECUTE_HANDLER)) {
    told = 1;
  }
  CHECK(told == 1 && last.ExceptionCode == (DWORD)EXCEPTION_IN_PAGE_ERROR && last.NumberParameters == 3);
  CHECK(last.ExceptionInformation[0] == 1 && last.ExceptionInformation[1] == (ULONG_PTR)(view + 5000));
  CHECK(UnmapViewOfFile((void *)view) && CloseHandle(section) && CloseHandle(file) && DeleteFileA(path));
}

static void impossible(void) {
  volatile int told = 0;
  __try {
    told = *(volatile char *)((ULONG_PTR)1 << 62);
  } __except (keep(GetExceptionInformation(), EXCEPTION_EXECUTE_HANDLER)) {
    told = 2;
  }
  CHECK(told == 2 && last.ExceptionCode == (DWORD)EXCEPTION_ACCESS_VIOLATION);
#if defined(__x86_64__)
  CHECK(last.ExceptionInformation[1] == ~(ULONG_PTR)0);
#endif
}

static int commits(struct _EXCEPTION_POINTERS *exception) {
  volatile double noise = 0;
  char text[200];
  for (int i = 1; i < 50; i++) noise += 1.0 / i; /* registers and stack are used meanwhile */
  snprintf(text, sizeof text, "%f", noise);
  return VirtualAlloc((void *)exception->ExceptionRecord->ExceptionInformation[1], 1, MEM_COMMIT, PAGE_READWRITE) !=
                 NULL
             ? EXCEPTION_CONTINUE_EXECUTION
             : EXCEPTION_EXECUTE_HANDLER;
}

/* Sums that live in registers while stores into fresh pages fail and are made again. */
static __attribute__((noinline)) double sums(volatile char *memory) {
  double a = 1, b = 2, c = 3, d = 4;
  unsigned long x = 1, y = 2, z = 3;
  for (int i = 0; i < 200; i++) {
    memory[i * 4096] = (char)i;
    a = a * 1.01 + b;
    b = b * 0.99 + c;
    c = c + d * 0.5;
    d = d - 0.25;
    x = x * 3 + y;
    y = y ^ (z + (unsigned long)i);
    z = z + 7;
  }
  return a + b + c + d + (double)((x ^ y ^ z) & 0xffff);
}

static void registers(void) {
  char *first = VirtualAlloc(NULL, 200 * 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  char *second = VirtualAlloc(NULL, 200 * 4096, MEM_RESERVE, PAGE_READWRITE);
  double expected = sums(first);
  volatile double found = 0;
  __try {
    found = sums(second);
  } __except (commits(GetExceptionInformation())) {
    CHECK(!"the filter has gone on");
  }
  CHECK(found == expected);
  VirtualFree(first, 0, MEM_RELEASE);
  VirtualFree(second, 0, MEM_RELEASE);
}

static int leaves(int how) {
  volatile int trace = 0;
  __try {
    trace = 1;
    if (how == 1) goto out;
  } __finally {
    trace += 10;
  }
  trace += 100;
out:
  __try {
    if (how == 2) goto end;
    trace += 1000;
  } __except (EXCEPTION_EXECUTE_HANDLER) {
  }
end:
  return trace;
}

static sigjmp_buf place;

static void own_handler(int number) {
  (void)number;
  siglongjmp(place, 1);
}

/* A fault that no filter wants is the program's own handler's. */
static void passed_on(void) {
  volatile int caught = 0;
  if (sigsetjmp(place, 1) == 0) {
    __try {
      *(volatile int *)16 = 1;
    } __except (EXCEPTION_CONTINUE_SEARCH) {
      CHECK(!"nobody wants it");
    }
  } else {
    caught = 1;
  }
  CHECK(caught == 1);
}

static volatile sig_atomic_t told;

static void own_signal_handler(int number) {
  sigset_t now;
  sigprocmask(SIG_BLOCK, NULL, &now);
  told = sigismember(&now, number) == 1 && sigismember(&now, SIGUSR1) == 1 ? 1 : 2;
  siglongjmp(place, 1);
}

static __attribute__((noinline)) void illegal_instruction(void) {
#if defined(__x86_64__)
  __asm__ volatile("ud2");
#else
  __asm__ volatile(".inst 0");
#endif
}

/* So is a signal of the processor's, as the kernel would have called that handler: with its mask, and once. */
static void signal_passed_on(void) {
  if (sigsetjmp(place, 1) == 0) {
    __try {
      illegal_instruction();
    } __except (EXCEPTION_CONTINUE_SEARCH) {
      CHECK(!"nobody wants it");
    }
  }
  CHECK(told == 1);
  int status;
  pid_t child = fork();
  if (child == 0) {
    illegal_instruction();
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL);
}

static jmp_buf way_out;

static volatile int leaves_now = 1;

static __attribute__((noinline)) void jumps_out(int depth) {
  if (depth > 0) {
    jumps_out(depth - 1);
    return;
  }
  __try {
    if (leaves_now) longjmp(way_out, 1);
  } __except (EXCEPTION_EXECUTE_HANDLER) {
    CHECK(!"nothing has failed");
  }
}

/* longjmp out of guarded blocks of deeper functions: those blocks are no more. */
static void left_by_longjmp(void) {
  for (int i = 0; i < 1000; i++) {
    volatile int caught = 0;
    __try {
      if (setjmp(way_out) == 0) jumps_out(i % 20);
      *(volatile int *)16 = 1;
    } __except (EXCEPTION_EXECUTE_HANDLER) {
      caught = 1;
    }
    CHECK(caught == 1);
  }
}

int main(void) {
  signal(SIGSEGV, own_handler); /* before Acre's */
  struct sigaction action = {.sa_handler = own_signal_handler, .sa_flags = SA_RESETHAND};
  sigaddset(&action.sa_mask, SIGUSR1);
  sigaction(SIGILL, &action, NULL);
  for (int i = 0; i < 3; i++) {
    in_page();
    impossible();
    registers();
  }
  CHECK(leaves(0) == 1111 && leaves(1) == 1011 && leaves(2) == 111 && leaves(1) == 1011 && leaves(0) == 1111);
  left_by_longjmp();
  passed_on();
  passed_on();
  signal_passed_on();
  printf("all good\n");
  return 0;
}
