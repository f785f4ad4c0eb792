/* SPDX-License-Identifier: MIT */
/*
 * Reserving and committing memory, in the manner of Microsoft's page of that name: a filter commits
 * the page that was touched, and the store is made again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <tchar.h>
#include <windows.h>

#define PAGELIMIT 80

static LPTSTR lpNxtPage;
static DWORD dwPages = 0;
static DWORD dwPageSize;

static INT PageFaultExceptionFilter(DWORD dwCode) {
  LPVOID lpvResult;
  if (dwCode != EXCEPTION_ACCESS_VIOLATION) {
    _tprintf(TEXT("Exception code = %d.\n"), dwCode);
    return EXCEPTION_EXECUTE_HANDLER;
  }
  if (dwPages >= PAGELIMIT) {
    _tprintf(TEXT("Exception: out of pages.\n"));
    return EXCEPTION_EXECUTE_HANDLER;
  }
  lpvResult = VirtualAlloc((LPVOID)lpNxtPage, dwPageSize, MEM_COMMIT, PAGE_READWRITE);
  if (lpvResult == NULL) {
    _tprintf(TEXT("VirtualAlloc failed.\n"));
    return EXCEPTION_EXECUTE_HANDLER;
  }
  dwPages++;
  lpNxtPage = (LPTSTR)((PCHAR)lpNxtPage + dwPageSize);
  return EXCEPTION_CONTINUE_EXECUTION;
}

int main(void) {
  LPVOID lpvBase;
  LPTSTR lpPtr;
  BOOL bSuccess;
  DWORD i;
  SYSTEM_INFO sSysInfo;

  GetSystemInfo(&sSysInfo);
  dwPageSize = sSysInfo.dwPageSize;
  lpvBase = VirtualAlloc(NULL, PAGELIMIT * dwPageSize, MEM_RESERVE, PAGE_NOACCESS);
  if (lpvBase == NULL) return 1;
  lpPtr = lpNxtPage = (LPTSTR)lpvBase;
  for (i = 0; i < PAGELIMIT * dwPageSize / sizeof(TCHAR); i++) {
    __try {
      lpPtr[i] = 'a';
    } __except (PageFaultExceptionFilter(GetExceptionCode())) {
      ExitProcess(GetLastError());
    }
  }
  bSuccess = VirtualFree(lpvBase, 0, MEM_RELEASE);
  _tprintf(TEXT("Release %s, %lu pages.\n"), bSuccess ? TEXT("succeeded") : TEXT("failed"), dwPages);
  return 0;
}
