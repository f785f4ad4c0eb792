#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares docs/win32-conformance.md with the headers and the tests.

Each function that include/win32/ declares has one row there, and no other function has one. Its state is
`compared` if a program of tests/win32 or examples/win32 calls it, whose output is compared with Wine's, and else
`not compared`; `refused` functions always fail. With --write the states are corrected and missing rows added.

usage: conformance.py [--write]
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DOCUMENT = ROOT / "docs" / "win32-conformance.md"
ROW = re.compile(r"^\| `(\w+)` \| (compared|not compared|refused) \|(.*)\|$")
OWN = re.compile(r"^(acre_seh_|acre_win32_)")


def declared():
    """{function: header}"""
    found = {}
    for header in sorted((ROOT / "include" / "win32").glob("*.h")):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(encoding="utf-8"), flags=re.S)
        for name in re.findall(r"^WINBASEAPI[^;(]*?\b(\w+)\(", text, re.M):
            if not OWN.match(name):
                found[name] = header.name
        for name in re.findall(r"^FORCEINLINE \w+ (\w+)\(", text, re.M):
            found[name] = header.name
        for name in re.findall(r"^  FORCEINLINE type (\w+)##suffix", text, re.M):
            found[name] = found[name + "64"] = header.name
    return found


def called():
    """All words of the programs that are compared."""
    words = set()
    for folder, pattern in (("tests/win32", "test_*.c"), ("examples/win32", "*.c")):
        for source in (ROOT / folder).glob(pattern):
            text = re.sub(r"/\*.*?\*/", "", source.read_text(encoding="utf-8"), flags=re.S)
            words |= set(re.findall(r"\b(\w+)\s*\(", text))
    return words


def main():
    write = "--write" in sys.argv[1:]
    functions, words = declared(), called()
    lines, seen, wrong = [], set(), []
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        match = ROW.match(line)
        if match is not None:
            name, state, note = match.groups()
            seen.add(name)
            if name not in functions:
                wrong.append(f"{name} is not declared in include/win32")
                continue
            right = "compared" if name in words else "not compared"
            if state != right and state != "refused":
                wrong.append(f"{name} is {right}")
                line = f"| `{name}` | {right} |{note}|"
        lines.append(line)
    missing = sorted(set(functions) - seen, key=lambda name: (functions[name], name))
    wrong += [f"{name} ({functions[name]}) has no row" for name in missing]
    if write:
        for name in missing:
            lines.append(f"| `{name}` | {'compared' if name in words else 'not compared'} | |")
        DOCUMENT.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return 0
    for text in wrong:
        print(text)
    print(f"{len(functions)} functions, {len(set(functions) & words)} compared, {len(wrong)} rows wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
