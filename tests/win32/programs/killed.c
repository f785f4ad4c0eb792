/* SPDX-License-Identifier: MIT */
/* Processes that use named objects are killed at any moment: the others go on, and no mutex and no lock stays with the dead. */
#include <windows.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 2, KILLS = 150, PATIENCE = 20000 };

static char mutex_name[40], event_name[40];

static void work(void) {
  HANDLE mutex = CreateMutexA(NULL, FALSE, mutex_name), event = CreateEventA(NULL, FALSE, FALSE, event_name);
  for (;;) {
    WaitForSingleObject(mutex, INFINITE);
    SetEvent(event);
    ReleaseMutex(mutex);
  }
}

static pid_t start(void) {
  pid_t child = fork();
  if (child < 0) exit(1); /* it is no process to be killed */
  if (child == 0) {
    work();
    _exit(1);
  }
  return child;
}

int main(void) {
  snprintf(mutex_name, sizeof mutex_name, "acre-killed-m-%u", (unsigned)getpid());
  snprintf(event_name, sizeof event_name, "acre-killed-e-%u", (unsigned)getpid());
  HANDLE mutex = CreateMutexA(NULL, FALSE, mutex_name), event = CreateEventA(NULL, FALSE, FALSE, event_name);
  pid_t children[CHILDREN];
  srand(20260101);
  for (int i = 0; i < CHILDREN; i++) children[i] = start();
  for (int i = 0; i < KILLS; i++) {
    usleep((useconds_t)(rand() % 3000));
    kill(children[i % CHILDREN], SIGKILL);
    DWORD result = WaitForSingleObject(mutex, PATIENCE);
    if ((result != WAIT_OBJECT_0 && result != WAIT_ABANDONED) || !ReleaseMutex(mutex)) {
      printf("the mutex: %u, after %d\n", (unsigned)result, i);
      return 1;
    }
    waitpid(children[i % CHILDREN], NULL, 0);
    children[i % CHILDREN] = start();
    result = WaitForSingleObject(event, PATIENCE);
    if (result != WAIT_OBJECT_0) {
      printf("the event: %u, after %d\n", (unsigned)result, i);
      return 1;
    }
  }
  for (int i = 0; i < CHILDREN; i++) {
    kill(children[i], SIGKILL);
    waitpid(children[i], NULL, 0);
  }
  CloseHandle(event);
  CloseHandle(mutex);
  printf("all good\n");
  return 0;
}
