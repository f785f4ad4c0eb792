#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a Win32 program built with Acre, and built for Windows under Wine; both must print the same.

usage: compare.py PROGRAM SOURCE... -- [ARGUMENT...]
  PROGRAM   built with Acre
  SOURCE    its source, built here for Windows: by mingw-w64's gcc, or, if it has the word __try, by clang

Where Wine is known to differ from Windows, deviations.txt says so: then Wine must print
what stands there, and Acre what Microsoft documents. Each such line must be met.

Environment: ACRE_BUILD, the build folder, where the program for Windows goes. Exit status: 0 equal, 1 not, 77 no Wine here.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
WINE = HERE.parents[1] / "scripts" / "wine"
GCC = "x86_64-w64-mingw32-gcc"


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def run(command, **more):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **more)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {result.returncode}\n{result.stdout}")
    return result.stdout


def build(sources, exe):
    """Builds for Windows. clang is needed where structured exceptions are used; mingw's gcc links."""
    flags = ["-std=gnu11", "-O1", "-Wall", "-D__USE_MINGW_ANSI_STDIO=1", "-D_WIN32_WINNT=0x0A00"]
    wants_clang = any(re.search(r"\b__try\b", source.read_text(encoding="utf-8")) for source in sources)
    objects = []
    for number, source in enumerate(sources):
        compiler = [GCC]
        if wants_clang:
            compiler = ["clang", "--target=x86_64-w64-mingw32", "-fms-extensions", "-Wno-unknown-pragmas"]
        objects.append(f"{exe}.{number}.o")
        run(compiler + flags + ["-c", source, "-o", objects[-1]])
    run([GCC, *objects, "-o", exe, "-lpsapi", "-lmincore"])


def output(command, folder):
    """What it prints, and what it says to stderr, which is shown and not compared: there Wine's services tell of
    troubles of their own. To files: what the program leaves behind may hold a pipe open."""
    paths = [pathlib.Path(folder) / name for name in ("output", "errors")]
    with open(paths[0], "wb") as out, open(paths[1], "wb") as err:
        status = subprocess.run(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, cwd=folder, timeout=600,
                                check=False).returncode
    out, err = (path.read_bytes().decode("utf-8", "replace").splitlines() for path in paths)
    return out + [f"exit status {status & 255}"], err


def read_deviations(test):
    """[(what stands before the last ' = ' or ': ', Acre's rest, Wine's rest)] of the test."""
    found = []
    for line in (HERE / "deviations.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        name, observation, ours, wines = (part.strip() for part in line.split(" || ")[:4])
        if name == test:
            found.append((observation, ours, wines))
    return found


def compare(test, ours, wines):
    deviations = read_deviations(test)
    met, failures = set(), []
    for number in range(max(len(ours), len(wines))):
        a = ours[number] if number < len(ours) else "(nothing)"
        b = wines[number] if number < len(wines) else "(nothing)"
        if a == b:
            continue
        for index, (observation, our_rest, wine_rest) in enumerate(deviations):
            if a in (observation + our_rest, f"{observation} {our_rest}") and b.endswith(wine_rest):
                met.add(index)
                break
        else:
            failures.append(f"line {number + 1}\n  Acre  {a}\n  Wine  {b}")
    failures += [f"deviation not met: {d[0]}" for i, d in enumerate(deviations) if i not in met]
    return failures


def main():
    if "--" not in sys.argv:
        print(__doc__.strip())
        return 2
    split = sys.argv.index("--")
    program, sources, arguments = sys.argv[1], [pathlib.Path(p) for p in sys.argv[2:split]], sys.argv[split + 1:]
    for needed in (GCC, "clang"):
        if shutil.which(needed) is None:
            skip(f"no {needed} here")
    test = sources[0].stem
    folder = pathlib.Path(os.environ["ACRE_BUILD"]) / "windows"
    folder.mkdir(parents=True, exist_ok=True)
    exe = folder / f"{test}.exe"
    build(sources, exe)
    with tempfile.TemporaryDirectory() as here:
        ours, our_errors = output([program, *arguments], here)
    with tempfile.TemporaryDirectory() as here:
        wines, wine_errors = output([WINE, exe, *arguments], here)
    if wines[0].startswith("skipped: ") and wines[-1] == "exit status 77":
        skip(wines[0].removeprefix("skipped: "))
    if os.environ.get("ACRE_SHOW"):
        print("\n".join(ours))
    failures = compare(test, ours, wines)
    for failure in failures:
        print(failure)
    for whose, errors in (("Acre", our_errors), ("Wine", wine_errors)):
        for line in errors if failures else ():
            print(f"stderr of {whose}  {line}")
    print(f"{len(ours)} observations, {len(failures)} differences")
    if len(ours) < 2:
        print("the program has observed nothing")
        return 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
