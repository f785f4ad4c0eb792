/* SPDX-License-Identifier: MIT */
/* Text in both builds, ANSI and UNICODE: TCHAR, _T, _tmain, _tprintf and their kin. */
#include <Windows.h>
#include <tchar.h>

#include <stdio.h>
#include <strsafe.h>

int _tmain(int argc, TCHAR *argv[]) {
  TCHAR text[100], path[MAX_PATH];
  DWORD number = 4000000000u;
  LONG negative = -5;
  SIZE_T size = (SIZE_T)1 << 40;
  _tprintf(_T("%d arguments, the second %s\n"), argc, argc > 1 ? argv[1] : _T("(none)"));
  _tprintf(TEXT("%lu %ld %lx %Iu %I64d %05d|%-6s|%6s|%c\n"), number, negative, number, size, (LONGLONG)-7, 42, _T("ab"),
           _T("cd"), _T('x'));
  printf("%s %S %hs %ls\n", "bytes", L"wide", "bytes", L"wide \u00e9");
  _tprintf(_T("%hs %ls\n"), "bytes", L"wide");
  _stprintf_s(text, 100, _T("%s-%d"), _T("made"), 3);
  _tprintf(_T("%s %d %d %d\n"), text, (int)_tcslen(text), _tcscmp(text, _T("made-3")), _ttoi(_T("77")));
  StringCchPrintf(text, 5, _T("%s"), _T("too long"));
  _tprintf(_T("%s, %x\n"), text, (unsigned)StringCchCopy(text, 3, _T("abc")));
  _tcscpy_s(text, 100, _T("abc"));
  _tcscat_s(text, 100, _T("def"));
  _tprintf(_T("%s %s %p\n"), text, _tcsrchr(text, _T('d')), (void *)(ULONG_PTR)0xabc);
  _tprintf(_T("%d %d\n"), (int)sizeof(TCHAR) == (int)sizeof(text[0]), GetTempPath(MAX_PATH, path) > 0);
  HANDLE section = CreateFileMapping(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 100, NULL);
  _tprintf(_T("%d %d\n"), section != NULL, CloseHandle(section));
  _tprintf(_T("%.3f %e %g %5.1f%%\n"), 3.14159, 12345.678, 0.0001, 99.5);
  return 0;
}
