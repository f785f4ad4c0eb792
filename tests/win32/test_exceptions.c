/* SPDX-License-Identifier: MIT */
/*
 * Structured exceptions: filters, handlers, termination, nesting, continuing, vectored handlers.
 *
 * What may fail is in functions that are not inlined, as clang for Windows knows of exceptions
 * of calls alone; and the code is asked for in filters, as its handlers do not know it.
 */
#include "observe.h"

#define NOINLINE __attribute__((noinline))

static NOINLINE void store(volatile char *to, char value) {
  *to = value;
}

static NOINLINE int load(const volatile char *from) {
  return *from;
}

static NOINLINE int divide(volatile int by) {
  return 100 / by;
}

static NOINLINE void raise_it(DWORD code, DWORD flags) {
  ULONG_PTR arguments[3] = {11, 22, 33};
  RaiseException(code, flags, 3, arguments);
}

static DWORD last_code;
static volatile int zero;

static int note(struct _EXCEPTION_POINTERS *exception, int answer) {
  const EXCEPTION_RECORD *record = exception->ExceptionRecord;
  last_code = record->ExceptionCode;
  printf("%s | filter: code %x, flags %x, parameters %d", observe_scene, (unsigned)record->ExceptionCode,
         (unsigned)record->ExceptionFlags & 1, (int)record->NumberParameters);
  if (record->ExceptionCode >= 0xe0000000 || record->ExceptionCode < 0x10000000)
    for (DWORD i = 0; i < record->NumberParameters; i++) printf(" %d", (int)record->ExceptionInformation[i]);
  else if (record->NumberParameters > 0)
    printf(" kind %d", (int)record->ExceptionInformation[0]);
  printf("\n");
  fflush(stdout);
  return answer;
}
#define NOTE(answer) note(GetExceptionInformation(), answer)

static void simple(void) {
  SCENE("simple");
  char *memory = VirtualAlloc(NULL, 8192, MEM_RESERVE, PAGE_READWRITE);
  volatile int step = 0;
  __try {
    step = 1;
    store(memory, 1);
    step = 2;
  } __except (NOTE(EXCEPTION_EXECUTE_HANDLER)) {
    step += 10;
  }
  VALUE(step);
  __try {
    step = load(memory);
  } __except (NOTE(EXCEPTION_EXECUTE_HANDLER)) {
    step = 20;
  }
  VALUE(step);
  __try {
    step = divide(zero);
  } __except (NOTE(GetExceptionCode() == EXCEPTION_INT_DIVIDE_BY_ZERO ? EXCEPTION_EXECUTE_HANDLER
                                                                      : EXCEPTION_CONTINUE_SEARCH)) {
    step = 30;
  }
  VALUE(step);
  __try {
    raise_it(0xe0001234, 0);
    step = 40;
  } __except (NOTE(1)) {
    step = 50;
  }
  VALUE(step);
  __try {
    step = 60;
  } __except (NOTE(1)) {
    step = 70;
  }
  VALUE(step);
  VirtualAlloc(memory, 4096, MEM_COMMIT, PAGE_READONLY);
  __try {
    step = load(memory);
    store(memory, 1);
  } __except (NOTE(1)) {
    step += 80;
  }
  VALUE(step);
  VirtualFree(memory, 0, MEM_RELEASE);
}

static void continued(void) {
  SCENE("continued");
  volatile int step = 0;
  __try {
    raise_it(0xe0000001, 0);
    step = 1;
  } __except (NOTE(EXCEPTION_CONTINUE_EXECUTION)) {
    step = 2;
  }
  VALUE(step);
  __try {
    __try {
      raise_it(0xe0000002, EXCEPTION_NONCONTINUABLE);
      step = 3;
    } __except (NOTE(GetExceptionCode() == EXCEPTION_NONCONTINUABLE_EXCEPTION ? EXCEPTION_CONTINUE_SEARCH
                                                                              : EXCEPTION_CONTINUE_EXECUTION)) {
      step = 4;
    }
  } __except (NOTE(EXCEPTION_EXECUTE_HANDLER)) {
    step = 5;
  }
  VALUE(step);
}

static int commit_page(struct _EXCEPTION_POINTERS *exception, char *base, volatile int *commits) {
  const EXCEPTION_RECORD *record = exception->ExceptionRecord;
  if (record->ExceptionCode != EXCEPTION_ACCESS_VIOLATION) return EXCEPTION_CONTINUE_SEARCH;
  char *address = (char *)record->ExceptionInformation[1];
  if (address < base || address >= base + (1 << 20)) return EXCEPTION_CONTINUE_SEARCH;
  if (VirtualAlloc((void *)((ULONG_PTR)address & ~(ULONG_PTR)4095), 4096, MEM_COMMIT, PAGE_READWRITE) == NULL)
    return EXCEPTION_EXECUTE_HANDLER;
  (*commits)++;
  return EXCEPTION_CONTINUE_EXECUTION;
}

/* Deep, with numbers in vector registers meanwhile. */
static NOINLINE double descend(int depth, volatile char *memory, double value) {
  volatile char room[200];
  room[depth % 200] = (char)depth;
  if (depth == 0) {
    for (int i = 0; i < 10; i++) memory[i * 5000] = (char)i;
    return value;
  }
  double below = descend(depth - 1, memory, value * 1.5 + depth);
  return below * 0.5 + room[depth % 200];
}

static void demand_commit(void) {
  SCENE("commit on demand");
  char *memory = VirtualAlloc(NULL, 1 << 20, MEM_RESERVE, PAGE_READWRITE);
  volatile int commits = 0;
  volatile double result = 0;
  __try {
    result = descend(40, memory, 3.25);
  } __except (commit_page(GetExceptionInformation(), memory, &commits)) {
    printf("not here\n");
  }
  VALUE(commits);
  VALUE(result * 1000);
  int sum = 0;
  for (int i = 0; i < 10; i++) sum += memory[i * 5000];
  VALUE(sum);
  VirtualFree(memory, 0, MEM_RELEASE);
}

/* In a function of its own: clang's code for nested __finally blocks of one function runs the outer one twice. */
static NOINLINE void inner_termination(volatile int *step) {
  __try {
    raise_it(0xe0000003, 0);
  } __finally {
    VALUE(AbnormalTermination() != 0);
    *step += 100;
  }
}

static void termination(void) {
  SCENE("termination");
  volatile int step = 0;
  __try {
    step = 1;
  } __finally {
    VALUE(AbnormalTermination());
    step += 10;
  }
  VALUE(step);
  __try {
    __try {
      inner_termination(&step);
    } __finally {
      VALUE(step);
      step += 1000;
    }
  } __except (NOTE(1)) {
    VALUE(step);
    step = 7;
  }
  VALUE(step);
  __try {
    step = 8;
    __leave;
  } __finally {
    VALUE(AbnormalTermination());
  }
  VALUE(step);
}

static NOINLINE int returns_out(int how, volatile int *trace) {
  for (int i = 0; i < 3; i++) {
    __try {
      (*trace)++;
      if (how == 1) return 100;
      if (how == 2) break;
      if (how == 3) continue;
    } __finally {
      *trace += 10;
    }
    *trace += 1000;
  }
  return 200;
}

static NOINLINE int returns_out_of_except(int how, volatile int *trace) {
  for (int i = 0; i < 3; i++) {
    __try {
      (*trace)++;
      if (how == 1) return 100;
      if (how == 2) break;
      if (how == 3) continue;
      raise_it(0xe0000004, 0);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
      *trace += 10;
      if (how == 4) return 300;
      if (how == 5) break;
      if (how == 6) continue;
    }
    *trace += 1000;
  }
  return 200;
}

static void leaving(void) {
  for (int how = 0; how < 4; how++) {
    volatile int trace = 0;
    int result = returns_out(how, &trace);
    printf("leaving __finally %d | %d, %d\n", how, result, trace);
  }
  for (int again = 0; again < 2; again++)
    for (int how = 0; how < 7; how++) {
      volatile int trace = 0;
      int result = returns_out_of_except(how, &trace);
      printf("leaving __except %d | %d, %d\n", how, result, trace);
    }
}

static void nested(void) {
  SCENE("nested");
  volatile int step = 0;
  __try {
    __try {
      raise_it(0xe0000005, 0);
    } __except (NOTE(EXCEPTION_CONTINUE_SEARCH)) {
      step = 1;
    }
  } __except (NOTE(EXCEPTION_EXECUTE_HANDLER)) {
    step = 2;
  }
  VALUE(step);
  __try {
    raise_it(0xe0000006, 0);
  } __except (NOTE(1)) {
    __try {
      raise_it(0xe0000007, 0);
    } __except (NOTE(1)) {
      step = 3;
    }
    step += 10;
  }
  VALUE(step);
  __try {
    __try {
      raise_it(0xe0000008, 0);
    } __finally {
      __try {
        raise_it(0xe0000009, 0);
      } __except (NOTE(1)) {
        step = 20;
      }
      step += 1;
    }
  } __except (NOTE(1)) {
    step += 100;
  }
  VALUE(step);
  __try {
    __try {
      raise_it(0xe000000a, 0);
    } __except (NOTE(1)) {
      raise_it(0xe000000b, 0);
    }
  } __except (NOTE(1)) {
    step = 30;
  }
  VALUE(step);
}

static NOINLINE int recurse(int depth, volatile int *finals) {
  if (depth == 0) raise_it(0xe000000c, 0);
  __try {
    return recurse(depth - 1, finals) + 1;
  } __finally {
    (*finals)++;
  }
  return 0;
}

static void deep(void) {
  SCENE("deep");
  volatile int finals = 0;
  volatile int step = 0;
  __try {
    step = recurse(300, &finals);
  } __except (NOTE(1)) {
    step = -1;
  }
  VALUE(step);
  VALUE(finals);
}

static void guard_pages(void) {
  SCENE("guard pages");
  char *memory = VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE | PAGE_GUARD);
  volatile int step = 0;
  __try {
    store(memory, 1);
    step = 1;
  } __except (NOTE(1)) {
    step = 2;
  }
  VALUE(step);
  MEMORY_BASIC_INFORMATION info;
  VirtualQuery(memory, &info, sizeof info);
  VALUE(info.Protect);
  store(memory, 5);
  VALUE(load(memory));
  VirtualFree(memory, 0, MEM_RELEASE);
}

static int vectored_calls;
static char *vectored_page;

static LONG NTAPI repairs(struct _EXCEPTION_POINTERS *exception) {
  vectored_calls++;
  if (exception->ExceptionRecord->ExceptionCode != EXCEPTION_ACCESS_VIOLATION) return EXCEPTION_CONTINUE_SEARCH;
  DWORD old;
  VirtualProtect(vectored_page, 4096, PAGE_READWRITE, &old);
  return EXCEPTION_CONTINUE_EXECUTION;
}

static char order[10];
static LONG NTAPI first_handler(struct _EXCEPTION_POINTERS *exception) {
  (void)exception;
  strcat(order, "1");
  return EXCEPTION_CONTINUE_SEARCH;
}
static LONG NTAPI second_handler(struct _EXCEPTION_POINTERS *exception) {
  (void)exception;
  strcat(order, "2");
  return EXCEPTION_CONTINUE_SEARCH;
}

static void vectored(void) {
  SCENE("vectored handlers");
  vectored_page = VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READONLY);
  PVOID handler = AddVectoredExceptionHandler(1, repairs);
  IS(handler != NULL);
  store(vectored_page, 3);
  VALUE(load(vectored_page));
  VALUE(vectored_calls);
  volatile int step = 0;
  __try {
    raise_it(0xe000000d, 0);
  } __except (NOTE(1)) {
    step = 1;
  }
  VALUE(step);
  VALUE(vectored_calls);
  VALUE(RemoveVectoredExceptionHandler(handler));
  VALUE(RemoveVectoredExceptionHandler(handler));
  PVOID second = AddVectoredExceptionHandler(0, second_handler), first = AddVectoredExceptionHandler(1, first_handler);
  __try {
    raise_it(0xe000000e, 0);
  } __except (1) {
    step = 2;
  }
  observe_text("order", order);
  RemoveVectoredExceptionHandler(first);
  RemoveVectoredExceptionHandler(second);
  VirtualFree(vectored_page, 0, MEM_RELEASE);
}

static LONG WINAPI last_filter(struct _EXCEPTION_POINTERS *exception) {
  printf("top | code %x\n", (unsigned)exception->ExceptionRecord->ExceptionCode);
  fflush(stdout);
  return EXCEPTION_CONTINUE_EXECUTION;
}

static void top(void) {
  SCENE("the top filter");
  IS(SetUnhandledExceptionFilter(last_filter) != last_filter);
  raise_it(0xe000000f, 0);
  IS(SetUnhandledExceptionFilter(NULL) == last_filter);
}

static DWORD WINAPI in_thread(LPVOID parameter) {
  volatile int caught = 0;
  for (int i = 0; i < 200; i++) {
    __try {
      if (i % 2)
        store((char *)(ULONG_PTR)16, 1);
      else
        raise_it(0xe0000010, 0);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
      caught++;
    }
  }
  *(int *)parameter = caught;
  return 0;
}

static char *top_memory;

/* Handles an exception of its own before it lets the first one go on. */
static LONG WINAPI last_filter_raises(struct _EXCEPTION_POINTERS *exception) {
  for (int i = 0; i < 2; i++) {
    __try {
      raise_it(0xe0000011, 0);
    } __except (NOTE(EXCEPTION_EXECUTE_HANDLER)) {
      VALUE(i);
    }
  }
  VirtualAlloc(top_memory, 4096, MEM_COMMIT, PAGE_READWRITE);
  return last_filter(exception);
}

static void top_raises(void) {
  SCENE("the top filter raises");
  top_memory = VirtualAlloc(NULL, 4096, MEM_RESERVE, PAGE_READWRITE);
  SetUnhandledExceptionFilter(last_filter_raises);
  store(top_memory, 7);
  VALUE(load(top_memory));
  SetUnhandledExceptionFilter(NULL);
  VirtualFree(top_memory, 0, MEM_RELEASE);
}

static void threads(void) {
  SCENE("threads");
  HANDLE all[4];
  int caught[4];
  for (int i = 0; i < 4; i++) all[i] = CreateThread(NULL, 0, in_thread, &caught[i], 0, NULL);
  VALUE(WaitForMultipleObjects(4, all, TRUE, 60000));
  for (int i = 0; i < 4; i++) {
    VALUE(caught[i]);
    CloseHandle(all[i]);
  }
}

int main(void) {
  simple();
  continued();
  demand_commit();
  termination();
  leaving();
  nested();
  deep();
  guard_pages();
  vectored();
  top();
  top_raises();
  threads();
  return 0;
}
