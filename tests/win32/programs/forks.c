/* SPDX-License-Identifier: MIT */
/* fork while threads are inside the face: no child hangs on a lock that nobody gives back. */
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile LONG stop;

static DWORD WINAPI work(LPVOID parameter) {
  (void)parameter;
  while (!stop) {
    HGLOBAL memory = GlobalAlloc(GHND, 100);
    GlobalLock(memory);
    GlobalFree(memory);
    HeapDestroy(HeapCreate(0, 0, 0));
    HANDLE event = CreateEvent(NULL, TRUE, TRUE, NULL);
    WaitForSingleObject(event, 0);
    CloseHandle(event);
    HANDLE section = CreateFileMapping(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 65536, NULL);
    UnmapViewOfFile(MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0));
    CloseHandle(section);
    TlsFree(TlsAlloc());
  }
  return 0;
}

static int child(void) {
  HANDLE heap = HeapCreate(0, 0, 0), event = CreateEvent(NULL, TRUE, TRUE, NULL);
  HGLOBAL memory = GlobalAlloc(GMEM_MOVEABLE, 10);
  HANDLE section = CreateFileMapping(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 65536, NULL);
  char *view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
  volatile int caught = 0;
  __try {
    *(volatile int *)16 = 1;
  } __except (EXCEPTION_EXECUTE_HANDLER) {
    caught = 1;
  }
  int good = heap != NULL && memory != NULL && view != NULL && caught && WaitForSingleObject(event, 0) == WAIT_OBJECT_0;
  good = good && HeapDestroy(heap) && UnmapViewOfFile(view) && GlobalFree(memory) == NULL;
  return good ? 0 : 1;
}

int main(void) {
  HANDLE threads[2];
  for (int i = 0; i < 2; i++) threads[i] = CreateThread(NULL, 0, work, NULL, 0, NULL);
  int bad = 0;
  for (int i = 0; i < 200; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      alarm(30); /* one that hangs is ended */
      _exit(child());
    }
    int status = 0;
    waitpid(pid, &status, 0);
    bad += status != 0;
  }
  stop = 1;
  WaitForMultipleObjects(2, threads, TRUE, INFINITE);
  if (bad == 0)
    printf("all good\n");
  else
    printf("%d children failed\n", bad);
  return bad != 0;
}
