#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns the figures of scripts/bench (bench/results/*.json) into the tables of bench/README.md and bench/plots/*.svg.

usage: bench/report.py [--check]
  --check   write nothing; exit status 1 if a target is missed
"""
import json
import math
import pathlib
import sys

sys.dont_write_bytecode = True
import plot

HERE = pathlib.Path(__file__).resolve().parent
BEGIN, END = "<!-- figures: written by report.py -->", "<!-- end of figures -->"


def load():
    """({"RESULT/BENCHMARK": counters}, where they come from); what Google Benchmark appends to names is left out."""
    figures, machine, loads = {}, "unknown machine", []
    for file in sorted((HERE / "results").glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        machine = content["context"].get("machine", machine)
        loads.append(content["context"]["load_avg"][0])
        for run in content["benchmarks"]:
            name = run["name"].split("/iterations:")[0]
            if run.get("error_occurred"):
                sys.exit(f"report: {file.stem}/{name}: {run['error_message']}")
            figures[f"{file.stem}/{name}"] = run
    if not figures:
        sys.exit("report: no figures in bench/results; run scripts/bench first")
    return figures, f"{machine}; load average when a program began: {min(loads):.1f} to {max(loads):.1f}"


# ---------------------------------------------------------------- how figures look


def time(ns):
    for unit, most in (("ns", 1e3), ("µs", 1e6), ("ms", 1e9)):
        if ns < most:
            return f"{ns:.3g} ns" if unit == "ns" else f"{ns / most * 1000:.2f} {unit}"
    return f"{ns / 1e9:.2f} s"


def size(count):
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if count == int(count) else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.0f} PiB"


def percent(share):
    return f"{share * 100:.3f} %" if share < 0.01 else f"{share * 100:.1f} %"


def spread(run, name, factor=1.0, reverse=False):
    """Median and quartiles; `reverse`: of the inverse, peer / acre."""
    low, middle, high = (run[name + suffix] * factor for suffix in ("_low", "", "_high"))
    if reverse:
        low, middle, high = 1 / high, 1 / middle, 1 / low
    return middle, f"{middle:.2f}× ({low:.2f}–{high:.2f})"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


# ---------------------------------------------------------------- targets


def ratio_row(what, peer, run, most):
    value, text = spread(run, "ratio")
    return [what, peer, time(run["acre_ns"]), time(run["peer_ns"]), text, f"≤ {most}×"], value <= most


def value_row(what, peer, shown, target, met):
    return [what, peer, shown, "", "", target], met


def array_runs(figures, large):
    return [figures[f"array/push_against_{peer}/large_pages:{large}"] for peer in ("vector", "floor")]


def array_rows(figures):
    """The target against std::vector is for pages as the system gives them: bench/README.md says why."""
    for large, pages in ((1, ""), (0, ", 4 KiB pages")):
        vector, floor = array_runs(figures, large)
        for face, prefix, ns in (("C", "", "acre_ns"), ("C++", "cpp_", "cpp_ns")):
            what = f"push 250 M 64-bit integers, {face}{pages}"
            value, text = spread(vector, prefix + "speedup")
            target, met = ("≥ 3.5× faster", value >= 3.5) if large else ("", None)
            times = [time(vector[ns]), time(vector["vector_ns"])]
            yield [what, "`std::vector`", *times, text + " faster", target], met
            value, text = spread(floor, prefix + "ratio")
            times = [time(floor[ns]), time(floor["floor_ns"])]
            yield [what, "populate + plain loop", *times, text, "≤ 1.15×"], value <= 1.15
        peak = vector["peak"]
        yield value_row(f"… peak RSS{pages}", "payload", f"{peak:.4f}×", "≤ 1.03×", peak <= 1.03)


def written_rows(figures):
    for every, which in ((0, "none written"), (16, "every 16th written"), (1, "all written")):
        what = f"find and reset written pages of 16,384, {which}"
        yield ratio_row(what, "PAGEMAP_SCAN", figures[f"written/scan_and_reset/every:{every}"], 1.3)


def filemap_rows(figures):
    yield ratio_row("map + unmap a view of 64 KiB", "mmap + munmap", figures["filemap/map_unmap_64_kib"], 1.3)
    yield ratio_row("guarded copy of 4 KiB", "memcpy", figures["filemap/guarded_copy_4_kib"], 1.05)
    for cold, where in ((0, "in memory"), (1, "on the disk")):
        run = figures[f"filemap/sum_4_gib/cold:{cold}"]
        value, text = spread(run, "ratio", reverse=True)
        row = [f"sum of a file of 4 GiB {where}, each MiB", "read in pieces of 1 MiB", time(run["acre_ns"]), time(run["peer_ns"])]
        yield row + [text + " as fast", "≥ 1.0×"], value >= 1.0


def sort_rows(figures):
    """In RAM: bench/README.md says why."""
    run = figures["sort/in_place_against_read_and_write"]
    yield ratio_row("sort 1 GiB of u64 --in-place", "read, the same sort, write", run, 0.65)
    share = run["anonymous"] / run["file"]
    yield value_row("… anonymous memory", "the file", percent(share), "≤ 1 %", share <= 0.01)
    for name, what, peer, least in (("in_place_against_std_sort", "the same", "`std::sort` on a raw mmap", 7),
                                    ("records_against_sort", "sort 1 GiB of records, 100 bytes, key of 10", "GNU sort, 2 threads", 3),
                                    ("lines_against_sort", "sort 1 GiB of lines", "GNU sort, 2 threads", 1.5)):
        run = figures["sort/" + name]
        value, text = spread(run, "ratio", reverse=True)
        yield [what, peer, time(run["acre_ns"]), time(run["peer_ns"]), text + " as fast", f"≥ {least}×"], value >= least
    yield ratio_row("sort 1 GiB of u64, atomic", "--in-place", figures["sort/atomic_against_in_place"], 1.6)


def heap_rows(figures):
    def heap(name):
        return figures["heap/" + name]

    yield ratio_row("a heap: 1e6 nodes of 32 B, then destroy, each", "mimalloc", heap("list_and_destroy/mimalloc"), 0.9)
    yield ratio_row("… destroy alone, each", "mimalloc", heap("destroy_alone/mimalloc"), 1)
    run = heap("destroy_against_free_each")
    value, text = spread(run, "ratio", reverse=True)
    yield ["… destroy alone, each", "itself, freeing each", time(run["acre_ns"]), time(run["peer_ns"]), text + " faster",
           "≥ 100× faster"], value >= 100
    yield ratio_row("the same list, freeing each", "mimalloc", heap("list_freed_each/mimalloc"), 0.95)
    yield ratio_row("1e5 tree nodes of 16 to 400 B, then destroy, each", "mimalloc", heap("tree/mimalloc"), 0.95)
    yield ratio_row("alloc + free of 64 B, one thread's heap", "mimalloc", heap("pairs_of_64/mimalloc"), 0.7)
    yield ratio_row("churn of 16 to 271 B, one thread's heap", "mimalloc", heap("churn_elsewhere/mimalloc"), 0.75)
    yield ratio_row("a heap with a limit, alloc + free of 64 B", "itself without", heap("limit_against_none/pairs_of_64"), 1.02)
    run = heap("request/mimalloc")
    ns, text = run["acre_ns"], spread(run, "ratio")[1]
    yield ["create, a block of 64 B, destroy", "mimalloc", time(ns), time(run["peer_ns"]), text, "≤ 150 ns"], ns <= 150

    run = figures["heap_threads/two_threads/one"]
    yield ratio_row("a heap that two threads share, alloc + free each", "itself, one thread", run, 1.15)
    run = figures["heap_threads/handed_over/mimalloc_default"]
    value, text = spread(run, "ratio", reverse=True)
    yield ["from thread to thread, a block of 64 B", "mimalloc's default heap", time(run["acre_ns"]), time(run["peer_ns"]),
           text + " as fast", "≥ 1.3×"], value >= 1.3

    acre, peer = (figures[f"heap_memory/many/{who}"] for who in ("acre", "mimalloc"))
    for what, key, shown, target, most in (("10,000 heaps with 1 KiB in each: resident each", "resident_each", size, "≤ 5 KiB", 5 << 10),
                                           ("… addresses each", "mapped_each", size, "≤ 64 KiB", 64 << 10),
                                           ("… mappings gained", "mappings", lambda count: f"{count:.0f}", "0", 0),
                                           ("… destroying one", "destroy_ns", time, "≤ 1 µs", 1000)):
        yield [what, "mimalloc", shown(acre[key]), shown(peer[key]), "", target], acre[key] <= most
    gained = [figures[f"heap_memory/requests/{who}"]["resident_gained"] for who in ("acre", "mimalloc")]
    yield ["500,000 times create, 64 B, destroy: resident gained", "mimalloc", size(gained[0]), size(max(gained[1], 0)), "",
           "none"], gained[0] <= 64 << 10
    kept = [figures[f"heap_memory/kept/{who}"]["kept_share"] for who in ("acre", "mimalloc")]
    yield ["resident a second after 1 GiB of heaps ended", "mimalloc", percent(kept[0]), percent(kept[1]), "", "≤ 5 %"], kept[0] <= 0.05


MALLOCS = ("acre", "glibc", "mimalloc", "jemalloc", "tcmalloc")


def malloc_loads(figures):
    return {name.removeprefix("malloc/load/"): run for name, run in figures.items() if name.startswith("malloc/load/")}


def mean_of_ratios(values):
    return math.exp(sum(math.log(value) for value in values) / len(values))


def malloc_rows(figures):
    """The single loads are in a table of their own."""
    loads = malloc_loads(figures)
    for what, key, peer, mean_most, worst_most in (
        ("time", "ratio", "the best peer of each", 1.0, 1.15),
        ("peak memory", "memory_ratio", "the leaner of mimalloc and jemalloc of each", 1.0, 1.3),
    ):
        ratios = {name: run[key] for name, run in loads.items()}
        mean, worst = mean_of_ratios(ratios.values()), max(ratios, key=ratios.get)
        text = f"{mean:.2f}×, geometric mean"
        yield [f"malloc, {len(ratios)} loads: {what}", peer, "", "", text, f"≤ {mean_most:.2f}×"], mean <= mean_most
        text = f"{ratios[worst]:.2f}× ({worst})"
        yield ["… the worst load", peer, "", "", text, f"≤ {worst_most}×"], ratios[worst] <= worst_most
    yield ratio_row("`true` with the malloc library preloaded", "plain", figures["malloc/start"], 1.05)


def malloc_table(figures):
    head = ["load", *MALLOCS, "Acre by the best", "… by the leaner"]
    rows = []
    for name, run in malloc_loads(figures).items():
        cells = [f"{time(run[who + '_ns'])}, {size(run[who + '_bytes'])}" for who in MALLOCS]
        rows.append([name.replace("_", " "), *cells, f"{run['ratio']:.2f}×", f"{run['memory_ratio']:.2f}×"])
    return table(head, rows)


CHECKED = {"python3": "python3", "python3_malloc": "python3, PYTHONMALLOC=malloc", "redis": "redis"}


def check_rows(figures):
    """The target is for programs as they are run; in the second, python has no pools and does nothing but allocate."""
    for program in ("python3", "redis"):
        run = figures[f"check/program/{program}"]
        yield ["page heap of one block in 1000, " + program, "the same heap without", time(run["one_in_1000_ns"]),
               time(run["plain_ns"]), f"{run['one_in_1000_ratio']:.2f}×", "≤ 1.03×"], run["one_in_1000_ratio"] <= 1.03


def check_table(figures):
    head = ["program", "no checks", "one block in 1000", "one in 16", "every block", "`--check`"]
    rows = []
    for program, name in CHECKED.items():
        run = figures[f"check/program/{program}"]
        cells = [f"{time(run['plain_ns'])}, {size(run['plain_bytes'])}"]
        for how in ("one_in_1000", "one_in_16", "every", "canaries"):
            cells.append(f"{run[how + '_ratio']:.2f}×, {run[how + '_memory']:.1f}×")
        rows.append([name, *cells])
    return table(head, rows)


def ledger_rows(figures):
    """Two threads cannot do better than the kernel's own lock lets them: then what raw calls gain is the target."""
    yield ratio_row("commit 64 KiB", "the same without the ledger", figures["ledger/commit_64_kib"], 1.05)
    for name, what, peer in (("64_kib", "64 KiB each", "mprotect"), ("one_page", "scattered pages", "guard remove")):
        run = figures[f"ledger/two_threads_{name}"]
        acre, text = spread(run, "acre_scaling")
        raw, ratio = run["raw_scaling"], spread(run, "ratio")[1]
        what = f"two threads that commit {what}, work of one thread's"
        row = [what, peer, text, f"{raw:.2f}×", ratio, "≥ 1.7×, or as raw calls"]
        yield row, acre >= 1.7 or run["ratio"] >= 0.95
    yield ratio_row("strict commit of 1 GiB", "populate", figures["ledger/strict_1_gib"], 1.05)


def target_rows(figures):
    yield ratio_row("reserve 64 KiB + release", "mmap + munmap", figures["reserve/reserve_release_64_kib"], 1.25)
    yield ratio_row("commit 64 KiB at a frontier", "mprotect", figures["commit/frontier_64_kib"], 1.2)
    yield ratio_row("commit one scattered page", "guard remove", figures["commit/commit_one_page"], 1.5)
    yield ratio_row("decommit one, untouched", "guard install", figures["commit/decommit_one_page"], 1.5)
    yield ratio_row("decommit one, touched", "guard install", figures["commit/decommit_one_touched_page"], 1.5)

    what = "commit on touch, 64 KiB steps"
    yield ratio_row(what, "bare handler, mprotect", figures["fault/touch_steps_of/65536"], 1.3)
    what = "commit on touch, one page"
    yield ratio_row(what, "bare handler, mprotect", figures["fault/touch_steps_of/4096"], 1.3)

    run = figures["scattered/alternate_pages_of_1_gib"]
    value, text = spread(run, "ratio", reverse=True)
    what = "131,072 alternate pages of 1 GiB, one by one"
    yield [what, "mprotect", time(run["acre_ns"]), time(run["peer_ns"]), text + " faster", ""], None
    run = figures["scattered/alternate_pages_in_lists"]
    value, text = spread(run, "ratio", reverse=True)
    what = "131,072 alternate pages of 1 GiB, in lists of 1,024"
    yield [what, "mprotect", time(run["acre_ns"]), time(run["peer_ns"]), text + " faster", "≥ 5× faster"], value >= 5
    for what, key, target, met in (("… that succeed", "pages", "all", run["acre_pages"] == 131072),
                                   ("… mappings gained", "mappings", "< 600", run["acre_mappings"] < 600)):
        acre, peer = (f"{int(run[side + key]):,}" for side in ("acre_", "peer_"))
        yield [what, "mprotect", acre, peer, "", target], met

    run = figures["regions/query/100000"]
    ns, text = run["acre_ns"], spread(run, "ratio")[1]
    what = "query of an own address, 100,000 regions"
    peer = "one random load from as many cache lines"
    yield [what, peer, time(ns), time(run["peer_ns"]), text, "≤ 100 ns"], ns <= 100

    run = figures["reserve/reserve_64_tib"]
    yield ratio_row("reserve 64 TiB", "mmap", run, 3)
    yield value_row("… RSS gained", "", size(run["rss_bytes"]), "< 64 KiB", run["rss_bytes"] < 65536)
    yield from array_rows(figures)
    run = figures["placeholders/commit_and_back"]
    yield ratio_row("placeholder to 64 KiB committed and back", "mprotect + mmap", run, 1.5)
    yield ratio_row("placeholder to a view and back", "mmap + mmap", figures["placeholders/view_and_back"], 1.5)
    run = dict(metadata_patterns(figures))["every 2nd page"]
    share = run["metadata"] / run["committed"]
    yield value_row("metadata, every 2nd page of 1 GiB", "committed bytes", percent(share), "≤ 0.1 %", share <= 0.001)
    pattern, run = max(metadata_patterns(figures), key=lambda item: item[1]["metadata"] / item[1]["committed"])
    share = run["metadata"] / run["committed"]
    what = f"metadata in the worst pattern below, {pattern}"
    yield value_row(what, "committed bytes", percent(share), "≤ 0.1 %", share <= 0.001)
    for name in ("64 KiB", "64 TiB"):
        used = figures[f"metadata/metadata/untouched_{name.lower().replace(' ', '_')}"]["metadata"]
        yield value_row(f"metadata of an untouched region of {name}", "", size(used), "≤ 1 KiB", used <= 1024)
    yield from ledger_rows(figures)
    yield from paging_rows(figures)
    yield from written_rows(figures)
    yield from filemap_rows(figures)
    yield from sort_rows(figures)
    yield from heap_rows(figures)
    yield from malloc_rows(figures)
    yield from check_rows(figures)


def paging_rows(figures):
    run = figures["paging/a_gigabyte_in_128_mib"]
    what = "write, read 1 GiB on the paging file in " + ("128 MiB of RAM, each MiB" if run["limited"] else "RAM, each MiB")
    yield [what, "write, read", time(run["acre_ns"]), time(run["peer_ns"]), spread(run, "ratio")[1], ""], None
    run = figures["paging/commit_64_kib"]
    what = "commit 64 KiB on the paging file"
    yield [what, "fallocate + mprotect", time(run["acre_ns"]), time(run["peer_ns"]), spread(run, "ratio")[1], ""], None


# ---------------------------------------------------------------- the other tables


def metadata_patterns(figures):
    """[(pattern, counters)] of those that commit something."""
    for name, run in figures.items():
        if name.startswith("metadata/") and run["committed"] != 0:
            yield name.split("/")[-1].replace("_", " ").replace("mib", "MiB").replace("gib", "GiB"), run


def metadata_table(figures):
    rows = []
    for pattern, run in metadata_patterns(figures):
        metadata, committed = run["metadata"], run["committed"]
        rows.append([pattern, size(run["reserved"]), size(committed), size(metadata),
                     percent(metadata / committed), percent(metadata / run["reserved"]), size(run["page_tables"])])
    head = ["pattern", "region", "committed", "metadata", "of committed", "of the region", "kernel's page tables"]
    return table(head, rows)


def fallback_table(figures):
    names = (("commit/frontier_64_kib", "commit 64 KiB at a frontier"),
             ("commit/commit_one_page", "commit one scattered page"),
             ("commit/decommit_one_page", "decommit one, untouched"),
             ("commit/decommit_one_touched_page", "decommit one, touched"),
             ("scattered/alternate_pages_of_1_gib", "131,072 alternate pages of 1 GiB, each"))
    rows = []
    for name, what in names:
        program, benchmark = name.split("/")
        guard, other = figures[name], figures[f"{program}@mprotect/{benchmark}"]
        rows.append([what, time(guard["acre_ns"]), time(other["acre_ns"])])
    run = figures["scattered@mprotect/alternate_pages_of_1_gib"]
    rows.append(["… that succeed, mappings gained", "", f"{int(run['acre_pages']):,}, {int(run['acre_mappings']):,}"])
    return table(["what", "guard markers", "`commit=mprotect`"], rows)


def flusher_table(figures):
    rows = []
    for way, what in ((0, "none"), (1, "`interval_ms = 100`"), (2, "`dirty_limit` of 32 MiB")):
        run = figures[f"flusher/writer/way:{way}"]
        latencies = [time(run[name]) for name in ("p50_ns", "p99_ns", "p999_ns", "longest_ns")]
        counts = [size(run["most_dirty"]), f"{run['flushes']:.0f}", f"{run['waits']:.0f}"] if way else ["", "", ""]
        rows.append([what] + latencies + [f"{run['stores_per_s']:,.0f}"] + counts)
    return table(["flusher", "p50", "p99", "p99.9", "longest", "stores a second", "most changed", "flushes", "waits"], rows)


def array_table(figures):
    rows = []
    for large, pages in ((1, "large for who asks"), (0, "4 KiB")):
        vector, floor = array_runs(figures, large)
        shown = [vector[key] for key in ("acre_ns", "cpp_ns", "far_ns", "vector_ns", "large_vector_ns")] + [floor["floor_ns"]]
        rows.append([pages] + [time(ns) for ns in shown])
    head = ["pages", "Acre, C", "Acre, C++", "… count in memory", "`std::vector`", "… asking for large pages", "populate + plain loop"]
    return table(head, rows)


def series(figures, program, benchmark):
    """({x: acre_ns}, {x: peer_ns}) over the numbers that the names end in."""
    acre, peer = {}, {}
    for name, run in figures.items():
        if name.startswith(f"{program}/{benchmark}/"):
            x = int(name.rsplit("/", 1)[1])
            acre[x] = run["acre_ns"]
            if "peer_ns" in run:
                peer[x] = run["peer_ns"]
    return acre, peer


def growth(figures, program, benchmarks, peers):
    out = []
    for group, (benchmark, what) in enumerate(benchmarks):
        acre, peer = series(figures, program, benchmark)
        out.append((what, acre, False, group))
        if peer:
            out.append((peers[benchmark], peer, True, group))
    return out


def growth_table(x_name, lines):
    xs = sorted(lines[0][1])
    rows = [[name] + [time(points[x]) for x in xs] for name, points, _, _ in lines]
    return table([x_name] + [f"{x:,}" for x in xs], rows)


def main():
    if len(sys.argv) > 1 and sys.argv[1] != "--check":
        print(__doc__.strip())
        return 0 if sys.argv[1] in ("-h", "--help") else 2
    figures, machine = load()
    rows = list(target_rows(figures))
    targets = [met for _, met in rows if met is not None]
    missed = [f"{row[0]}, {row[1] or 'alone'}: {row[2]} {row[4]}, target {row[5]}" for row, met in rows if met is False]
    if "--check" in sys.argv:
        print("\n".join("missed: " + text for text in missed) or "every target is met")
        return 1 if missed else 0

    regions = growth(figures, "regions",
                     (("query", "query"), ("reserve_release", "reserve + release"),
                      ("commit_decommit", "commit + decommit")),
                     {"query": "one random load", "reserve_release": "mmap + munmap",
                      "commit_decommit": "mprotect + mmap"})
    threads = growth(figures, "threads",
                     (("commit_decommit_page", "scattered page"), ("frontier", "frontier, 64 KiB"),
                      ("reserve_release", "reserve + release")),
                     {"commit_decommit_page": "guard remove + install", "frontier": "mprotect + mmap",
                      "reserve_release": "mmap + munmap"})
    plots = HERE / "plots"
    plots.mkdir(exist_ok=True)
    (plots / "regions.svg").write_text(plot.line_plot(
        "Time of one operation by number of regions", "regions", "nanoseconds", regions, x_log=True, y_log=True),
        "utf-8")
    (plots / "threads.svg").write_text(plot.line_plot(
        "Time of one thread's operation by number of threads", "threads", "nanoseconds", threads), "utf-8")

    text = "\n\n".join([
        BEGIN, f"On {machine}.", "### Targets",
        table(["what", "against", "Acre", "peer", "ratio (quartiles)", "target", "met"],
              [row + [{True: "yes", False: "**no**", None: ""}[met]] for row, met in rows]),
        "### One push, by page size", array_table(figures),
        "### Metadata by pattern", metadata_table(figures),
        "### Without guard markers", fallback_table(figures),
        "### Malloc, load by load: time and peak memory", malloc_table(figures),
        "### What checks cost: processor time and peak memory", check_table(figures),
        "### Stores at random into a file of 256 MiB", flusher_table(figures),
        "### By number of regions", "![time by number of regions](plots/regions.svg)", growth_table("regions", regions),
        "### By number of threads", "![time by number of threads](plots/threads.svg)", growth_table("threads", threads),
        END])
    readme = HERE / "README.md"
    before, rest = readme.read_text(encoding="utf-8").split(BEGIN)
    readme.write_text(before + text + rest.split(END)[1], encoding="utf-8")
    print(f"report: {sum(targets)} of {len(targets)} targets met; bench/README.md and bench/plots/ are written")
    print("\n".join("report: missed: " + text for text in missed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
