# SPDX-License-Identifier: MIT
"""Counts, bytes, peaks and lifetimes, against programs that know them."""

import collections

import pytest

from recording import ROOT, mftrace

PROGRAMS_SOURCE = ROOT / "tests" / "programs"


def expect_whole(process, base, **expected):
    """Counts of the whole process, less what any process's start and end add."""
    found = {name: process["recording"][name] - base["recording"][name] for name in expected}
    assert found == expected


def truth_sum(truth, member):
    return sum(counts[member] for counts in truth["sites"].values())


def test_every_entry_point(trace, base):
    run = trace("every_entry_point")
    truth = run.truth
    assert (run.status, run.stderr, truth["wrong"]) == (0, b"", 0)
    run.process.expect_nothing_lost()
    run.process.expect_truth(truth)
    run.process.expect_whole_stacks()
    assert run.process["recording"]["unmatched_frees"] == 0
    reallocs = 2 * truth["grow_steps"]
    releases = truth["free"] + truth["free_sized"] + truth["free_aligned_sized"] + reallocs
    allocations = truth_sum(truth, "allocations")
    expect_whole(
        run.process,
        base,
        events=allocations + releases,
        allocations=allocations,
        frees=releases,
        reallocs=reallocs,
        failed=0,
    )
    for member in ("live_blocks", "live_bytes"):
        whole = run.process["at_exit"][member] - base["at_exit"][member]
        assert whole == truth_sum(truth, member)


def operations(run):
    """How often each operation occurs in the events as text."""
    (dump,) = run.dumps.iterdir()
    result = mftrace("dump", dump)
    assert result.returncode == 0
    counts = collections.Counter()
    for line in result.stdout.decode().splitlines():
        words = line.split()
        # TIME THREAD OPERATION ...; the operators' names have two words.
        if len(words) > 2 and words[0].replace(".", "").isdigit():
            two = words[2] == "operator"
            counts[" ".join(words[2:4]) if two else words[2]] += 1
    return counts


def test_every_entry_point_has_its_own_event(trace):
    run = trace("every_entry_point")
    truth, counts = run.truth, operations(run)
    once = truth["repeat"]
    for name in ("posix_memalign", "aligned_alloc", "memalign", "valloc", "pvalloc"):
        assert counts[name] == once, name
    assert counts["free_sized"] == truth["free_sized"] > 0
    assert counts["free_aligned_sized"] == truth["free_aligned_sized"] > 0
    assert counts["malloc"] >= once + 2
    assert counts["calloc"] >= once


def test_every_operator(trace):
    run = trace("every_operator")
    assert (run.status, run.stderr, run.truth["wrong"]) == (0, b"", 0)
    run.process.expect_nothing_lost()
    run.process.expect_truth(run.truth)
    assert run.process["recording"]["failed"] == run.truth["failed"] == 2
    assert run.process["recording"]["unmatched_frees"] == 0
    counts, rows = operations(run), 12
    news = rows * run.truth["repeat"]
    # A request that fails is an event, too; it may be shown with the operator's name.
    assert news <= counts["operator new"] + counts["operator new[]"] <= news + 2
    deletes = rows * (run.truth["repeat"] - 1)
    assert counts["operator delete"] + counts["operator delete[]"] == deletes


def test_edge_cases(trace, plain, base):
    run, untraced = trace("edge_cases"), plain("edge_cases")
    assert run.stdout == untraced.stdout
    assert (run.status, run.stderr) == (untraced.returncode, untraced.stderr) == (0, b"")
    run.process.expect_nothing_lost()
    run.process.expect_truth(run.truth)
    allocations = truth_sum(run.truth, "allocations")
    freed = allocations - truth_sum(run.truth, "live_blocks")
    expect_whole(
        run.process,
        base,
        failed=run.truth["failed"],
        allocations=allocations,
        frees=freed,
        unmatched_frees=0,
    )


def test_same_behaviour(trace, plain, base):
    run, untraced = trace("same_behaviour"), plain("same_behaviour")
    assert run.stdout == untraced.stdout
    assert (run.status, run.stderr) == (0, b"")
    process, truth = run.process, run.truth
    process.expect_nothing_lost()
    expect_whole(
        process,
        base,
        allocations=truth["allocations"],
        failed=truth["failed"],
        frees=truth["allocations"] - truth["live_blocks"],
        unmatched_frees=0,
    )
    bytes_ = process["totals"]["allocated_bytes"] - base["totals"]["allocated_bytes"]
    assert bytes_ == truth["allocated_bytes"]
    assert process["at_exit"]["live_bytes"] - base["at_exit"]["live_bytes"] == truth["live_bytes"]


def test_peak(trace, base):
    run = trace("peak")
    process, truth = run.process, run.truth
    process.expect_nothing_lost()
    process.expect_truth(truth)
    # Whatever start-up holds is held at the peak, too.
    assert process["peak"]["bytes"] - base["at_exit"]["live_bytes"] == truth["peak_bytes"]
    assert process["peak"]["blocks"] - base["at_exit"]["live_blocks"] == truth["peak_blocks"]
    assert sum(s["peak_bytes"] for s in process["sites"]) == process["peak"]["bytes"]
    assert sum(s["peak_blocks"] for s in process["sites"]) == process["peak"]["blocks"]
    assert 0 < process["peak"]["time_ns"] <= process["duration_ns"]
    live = process["at_exit"]["live_bytes"] - base["at_exit"]["live_bytes"]
    assert live == truth["live_bytes"]


def test_temporaries(trace):
    run = trace("temporaries")
    run.process.expect_nothing_lost()
    run.process.expect_truth(run.truth)
    by_site = sum(site["temporary"] for site in run.process["sites"])
    assert run.process["totals"]["temporary_allocations"] == by_site


def test_lifetimes(trace):
    run = trace("lifetimes")
    truth = run.truth
    for function in ("long_lived", "short_lived"):
        expected = truth["sites"][function]
        (site,) = run.process.sites_of(function)
        assert site["allocations"] == expected["allocations"]
        # Times are recorded in units of 64 ns.
        assert site["mean_lifetime_ns"] >= expected["at_least_ns"] - 64
        assert site["mean_lifetime_ns"] <= expected["at_most_ns"] + 64


def expect_stacks_of_recursion(process, depth, frames):
    """Stacks up to so many frames are whole, longer ones are cut at the outer end."""
    own = process.sites_of("at_the_bottom")
    lengths = collections.Counter()
    for site in own:
        lengths[len(site["frames"])] += site["allocations"]
    assert max(lengths) == frames
    whole = {length: n for length, n in lengths.items() if length < frames}
    assert set(whole.values()) == {1}
    assert lengths[frames] == depth - len(whole)
    functions = {site["frames"][-1]["function"] for site in own if len(site["frames"]) < frames}
    assert functions == {"_start"}


@pytest.mark.parametrize("frames", [128, 60], ids=["default depth", "depth=60"])
def test_deep_recursion(trace, frames):
    """Stacks deeper than the limit are counted as cut, and their inner end is right."""
    depth = 300
    run = trace("deep_recursion", depth, options="" if frames == 128 else f"depth={frames}")
    process = run.process
    process.expect_nothing_lost()
    process.expect_truth(run.truth)
    expect_stacks_of_recursion(process, depth, frames)
    unwind = process["recording"]["unwind"]
    assert unwind["complete"] + unwind["truncated"] >= depth
    assert depth - frames <= unwind["truncated"] < depth


def line_of(source, first, second):
    """The number of the first line with `second` at or behind the first one with `first`."""
    lines = source.read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if first in line)
    return start + 1 + next(i for i, line in enumerate(lines[start:]) if second in line)


def test_functions_files_and_lines(trace):
    """Each frame of a stack is where the source says that the call is."""
    source = PROGRAMS_SOURCE / "leaks.c"
    run = trace("leaks")
    (site,) = run.process.sites_of("way_left")
    expected = [
        ("shared_site", line_of(source, "void *shared_site", "malloc(size)")),
        ("way_left", line_of(source, "void *way_left", "shared_site(size)")),
        ("main", line_of(source, "int main", "way_left(i)")),
    ]
    found = [(frame["function"], frame["line"]) for frame in site["frames"][:3]]
    assert found == expected
    assert {frame["file"].rsplit("/", 1)[-1] for frame in site["frames"][:3]} == {"leaks.c"}
    assert all(frame["module"].endswith("/leaks") for frame in site["frames"][:3])


def test_leaks(trace, base):
    run = trace("leaks")
    process, truth = run.process, run.truth
    process.expect_nothing_lost()
    process.expect_truth(truth)
    leaks, totals = process["leaks"], process["totals"]
    assert leaks["blocks"] - base["leaks"]["blocks"] == truth["live_blocks"]
    assert leaks["bytes"] - base["leaks"]["bytes"] == truth["live_bytes"]
    if not leaks["classified"]:
        for function in ("shared_site", "leak_directly"):
            for site in process.sites_of(function):
                assert site["leak_kind"] == "unfreed"
                assert site["leaked_bytes"] == site["live_bytes"]
                assert site["leaked_blocks"] == site["live_blocks"]
    # Three ways lead to the shared site, and each is a call site of its own.
    assert len(process.sites_of("shared_site")) == 3
    allocations = truth["allocations"] + base["recording"]["allocations"]
    allocated = truth["allocated_bytes"] + base["totals"]["allocated_bytes"]
    assert totals["allocated_bytes"] == allocated
    assert totals["mean_size_bytes"] == pytest.approx(allocated / allocations, rel=1e-9)
    assert totals["success_rate"] == pytest.approx(
        allocations / (allocations + truth["failed"]), rel=1e-9
    )
    usable = process.exit_snapshot()["usable_bytes"]
    assert usable - base.exit_snapshot()["usable_bytes"] == truth["usable_bytes"]
