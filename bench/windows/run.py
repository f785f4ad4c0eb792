#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the Win32 names cost, beside Acre's own calls and beside the same program under Wine: bench/windows/README.md.

usage: run.py [--rounds N]      needs build/release, mingw-w64 and Wine

A round runs the three programs one after the other, in turns first; what stands is the median of the rounds' ratios.
"""
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BEGIN, END = "<!-- figures: written by run.py -->", "<!-- end of figures -->"
WINE = "/usr/lib/wine/wine64"
NAMES = {
    "VirtualAlloc_VirtualFree": "VirtualAlloc and VirtualFree of 64 KiB",
    "commit_decommit_page": "commit of one page, and decommit",
    "VirtualQuery": "VirtualQuery",
    "HeapAlloc_HeapFree": "HeapAlloc and HeapFree of 32 B",
    "HeapAlloc_HeapFree_2_threads": "the same, two threads at once",
    "HeapCreate_HeapDestroy": "HeapCreate and HeapDestroy",
    "MapViewOfFile_UnmapViewOfFile": "MapViewOfFile and UnmapViewOfFile of 64 KiB",
    "CreateFileMapping": "CreateFileMapping and CloseHandle",
}


def build(folder):
    release = ROOT / "build" / "release"
    libraries = [release / "libacre-win32.a", release / "libacre.a", "-lpthread"]
    flags = ["-std=gnu11", "-O2", "-I", ROOT / "include"]
    subprocess.run(["cc", *flags, "-I", ROOT / "include" / "win32", HERE / "calls.c", "-o", folder / "calls", *libraries],
                   check=True)
    subprocess.run(["cc", *flags, HERE / "native.c", "-o", folder / "native", *libraries[1:]], check=True)
    subprocess.run(["x86_64-w64-mingw32-gcc", "-O2", HERE / "calls.c", "-o", folder / "calls.exe"], check=True)
    return {"native": [folder / "native"], "face": [folder / "calls"], "wine": [WINE, folder / "calls.exe"]}


def run(command, environment):
    with tempfile.TemporaryFile() as file:  # Wine's server may hold a pipe open after the program has ended
        subprocess.run(command, env=environment, stdout=file, stderr=subprocess.DEVNULL, check=True)
        file.seek(0)
        return {name: float(value) for name, value in (line.split() for line in file.read().decode().splitlines())}


def time(ns):
    return f"{ns:.3g} ns" if ns < 1000 else f"{ns / 1000:.2f} µs"


def main():
    rounds = int(sys.argv[sys.argv.index("--rounds") + 1]) if "--rounds" in sys.argv else 11
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        programs = build(folder)
        environment = dict(os.environ, WINEPREFIX=str(folder / "wine"), WINEDEBUG="-all",
                           WINEDLLOVERRIDES="mscoree,mshtml=")
        subprocess.run([WINE, "wineboot", "--init"], env=environment, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)
        results = []
        for number in range(rounds):
            order = list(programs)
            order = order[number % 3:] + order[:number % 3]
            results.append({name: run(programs[name], environment) for name in order})
    lines = ["| calls | Acre's own | Win32 names | to Acre's own (target <= 1.1) | Wine | Wine to the Win32 names |",
             "|---|---|---|---|---|---|"]
    gains = []
    for key, text in NAMES.items():
        median = {name: statistics.median(r[name][key] for r in results) for name in programs}
        thin = statistics.median(r["face"][key] / r["native"][key] for r in results)
        gain = statistics.median(r["wine"][key] / r["face"][key] for r in results)
        gains.append(gain)
        lines.append(f"| {text} | {time(median['native'])} | {time(median['face'])} | {thin:.2f} | {time(median['wine'])} | {gain:.1f} |")
    mean = math.exp(sum(map(math.log, gains)) / len(gains))
    lines.append(f"| geometric mean (target >= 3, and none below 1) | | | | | {mean:.1f} |")
    readme = HERE / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    readme.write_text(before + BEGIN + "\n\n" + "\n".join(lines) + "\n\n" + END + rest.split(END)[1], encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
