#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a Win32 program that prints every constant of include/win32/, and every structure's size and offsets.

usage: make_layout.py INCLUDE_FOLDER >layout.c

Built with those headers and with mingw-w64's, it must print the same: nothing is listed by hand here, so what is
added to a header is compared at once.
"""
import pathlib
import re
import sys

# What is no number, is Acre's own, or what mingw-w64's headers do not have.
NOT_VALUES = re.compile(
    r"^(ACRE_.*|_.*|WINBASEAPI|WINAPI|CALLBACK|NTAPI|APIENTRY|CDECL|FAR|NEAR|CONST|IN|OUT|OPTIONAL|VOID|FORCEINLINE|DECLSPEC"
    r"|WINAPIV|UNREFERENCED_PARAMETER|__.*|RTL_.*_INIT|SRWLOCK_INIT|INIT_ONCE_STATIC_INIT|CONDITION_VARIABLE_INIT"
    r"|ZeroMemory|CopyMemory|MoveMemory|FillMemory|STRSAFE_.*|errno_t|EXCEPTION_UNWINDING|PAGE_TARGETS_.*"
    r"|FILE_MAP_TARGETS_INVALID|FILE_MAP_LARGE_PAGES|SEC_WRITECOMBINE|MEM_UNMAP_WITH_TRANSIENT_BOOST|MEM_4MB_PAGES"
    r"|HeapOptimize.*|HEAP_OPTIMIZE_.*|CONTEXT_ARM64.*|acre_.*"
    r"|MAXULONG|MEM_.*_PLACEHOLDERS?|STATUS_END_OF_FILE|GetExceptionCode|GetExceptionInformation|AbnormalTermination)$")
NOT_STRUCTURES = {"MEM_EXTENDED_PARAMETER", "HEAP_OPTIMIZE_RESOURCES_INFORMATION", "HEAP_SUMMARY", "RTL_RUN_ONCE",
                  "ARM64_NT_NEON128", "PSAPI_WORKING_SET_EX_BLOCK", "acre_seh_site"}
NOT_FIELDS = {"MEMORY_BASIC_INFORMATION.PartitionId"}
HEADERS = ["minwindef.h", "winnt.h", "winerror.h", "minwinbase.h", "memoryapi.h", "heapapi.h", "sysinfoapi.h",
           "fileapi.h", "handleapi.h", "errhandlingapi.h", "processthreadsapi.h", "synchapi.h", "winbase.h", "psapi.h",
           "processenv.h", "stringapiset.h", "excpt.h"]
TYPES = ["BOOL", "BYTE", "CHAR", "SHORT", "WORD", "INT", "LONG", "DWORD", "ULONG", "UINT", "FLOAT", "DOUBLE", "INT8",
         "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "LONGLONG", "ULONGLONG", "DWORDLONG",
         "DWORD32", "DWORD64", "LONG32", "LONG64", "INT_PTR", "UINT_PTR", "LONG_PTR", "ULONG_PTR", "DWORD_PTR",
         "SIZE_T", "SSIZE_T", "HANDLE", "PVOID", "LPVOID", "HMODULE", "HGLOBAL", "HLOCAL", "BOOLEAN", "UCHAR", "USHORT",
         "WPARAM", "LPARAM", "LRESULT", "HRESULT", "NTSTATUS", "ATOM", "FARPROC", "LARGE_INTEGER", "KAFFINITY"]
SIGNED = ["INT", "LONG", "SHORT", "LONGLONG", "INT_PTR", "LONG_PTR", "SSIZE_T", "HRESULT", "BOOL"]
UNSIGNED = ["DWORD", "WORD", "BYTE", "UINT", "ULONG", "SIZE_T", "ULONG_PTR", "DWORDLONG", "BOOLEAN"]


def preprocess(text):
    """Without comments, and without what is for another processor."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = re.sub(r"#elif defined\(__aarch64__\).*?#else\n#error[^\n]*\n#endif", "", text, flags=re.S)
    return text.replace("\\\n", " ")


def constants(text):
    for name, value in re.findall(r"^#define (\w+) (.+)$", text, re.M):
        if not NOT_VALUES.match(name) and '"' not in value and not re.search(r"ACRE_WIN32|acre_seh|__attribute__", value):
            yield name


def fields(body, prefix=""):
    """The names of all fields, those of inner structures by their path."""
    while body:
        match = re.match(r"\s*(?:__extension__\s+)?(?:struct|union)\s*\{", body)
        if match:
            depth, end = 1, match.end()
            while depth:
                depth += {"{": 1, "}": -1}.get(body[end], 0)
                end += 1
            inner, rest = body[match.end():end - 1], body[end:]
            name = re.match(r"\s*(\w*)\s*;", rest)
            yield from fields(inner, prefix + (name[1] + "." if name[1] else ""))
            body = rest[name.end():]
            continue
        match = re.match(r"([^;{}]*);", body)
        if match is None:
            return
        declaration = match[1].strip()
        body = body[match.end():]
        if not declaration or ":" in declaration:  # a bit field has no offset
            continue
        for part in declaration.split(","):
            name = re.search(r"(\w+)\s*(?:\[[^\]]*\])*\s*$", part)
            yield prefix + name[1]


def structures(text):
    for match in re.finditer(r"typedef (?:struct|union)(?: DECLSPEC_ALIGN\(\d+\))? _?\w+ \{", text):
        depth, end = 1, match.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        name = re.match(r"\s*(\w+)", text[end:])[1]
        if name not in NOT_STRUCTURES:
            yield name, list(fields(text[match.end():end - 1]))


def main():
    folder = pathlib.Path(sys.argv[1])
    print("/* Written by make_layout.py. */\n#define _WIN32_WINNT 0x0A00\n#define NTDDI_VERSION 0x0A000006")
    print('#include <windows.h>\n#include <psapi.h>\n#include <stddef.h>\n#include <stdio.h>')
    print("#define SHOW(what, value) printf(\"%s %lld\\n\", what, (long long)(value))")
    print("int main(void) {")
    seen = set()
    for header in HEADERS:
        text = preprocess((folder / header).read_text(encoding="utf-8"))
        for name in constants(text):
            if name not in seen:
                seen.add(name)
                print(f'  SHOW("{name}", (ULONG_PTR)({name}) & 0xffffffff);')
        for name, parts in structures(text):
            print(f'  SHOW("sizeof {name}", sizeof({name}));')
            for part in (p for p in parts if f"{name}.{p}" not in NOT_FIELDS):
                print(f'  SHOW("{name}.{part}", offsetof({name}, {part}));')
    for name in TYPES:
        print(f'  SHOW("sizeof {name}", sizeof({name}));')
    for name in SIGNED + UNSIGNED:
        print(f'  SHOW("{name} is signed", ({name})-1 < ({name})1);')
    print("  return 0;\n}")


if __name__ == "__main__":
    main()
