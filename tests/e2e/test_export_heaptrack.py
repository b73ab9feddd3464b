# SPDX-License-Identifier: MIT
"""heaptrack's own reader finds in an export what mftrace reports: in total, and by the
function that allocates. Its flame graphs have exact numbers."""

import collections
import os
import re

import pytest

from exporting import REAL_PROGRAMS, export, export_rows
from recording import environment, mftrace, read_report, run_process
from test_outside import watch  # noqa: F401  (a fixture)

PROGRAMS = ("temporaries", "peak", "leaks", "deep_recursion", "every_operator", "lifetimes")
COSTS = {
    "allocations": "allocations",
    "temporary": "temporary",
    "leaked": "live_bytes",
    "peak": "peak_bytes",
}
UNITS = {"B": 1, "K": 1e3, "M": 1e6, "G": 1e9}


def read_flames(need, exported, cost, tmp_path):
    """Cost by innermost frame, as heaptrack_print adds it up."""
    flames = tmp_path / f"{cost}.txt"
    command = [need("heaptrack_print"), "--disable-builtin-suppressions"]
    command += ["--disable-embedded-suppressions", "--flamegraph-cost-type", cost]
    result = run_process([*command, "-F", flames, "-f", exported], environment())
    assert result.returncode == 0, result.stderr.decode()
    assert b"failed to parse" not in result.stdout + result.stderr
    assert b"out of bounds" not in result.stdout + result.stderr
    costs = collections.Counter()
    for line in flames.read_text(encoding="utf-8").splitlines():
        stack, number = line.rsplit(" ", 1)
        costs[stack.strip().rstrip(";").rsplit(";", 1)[-1]] += int(number)
    return +costs, result.stdout.decode()


def heaptrack_name(row, site):
    """A site's innermost frame as heaptrack's flame graphs show it: of functions that are
    inlined into each other the outermost."""
    innermost = (row["function"], row["file"], row["line"])
    frames = iter(site["frames"])
    for frame in frames:
        shown = (frame["function"], frame["file"] or "", str(frame["line"] or ""))
        if shown == innermost or not frame["function"]:
            break
    while frame["inlined"]:
        frame = next(frames)
    if not frame["function"]:
        return frame["address"]
    file = os.path.basename(frame["file"] or "")
    return frame["function"] + (f" ({file})" if file else "")


def expect_same(need, dump, tmp_path):
    exported = export("heaptrack", dump, tmp_path / "h")
    rows = export_rows(dump, tmp_path / "sites.csv")
    [process] = read_report(dump, validate=False)["processes"]
    totals = {
        "allocations": process["recording"]["allocations"],
        "temporary": process["totals"]["temporary_allocations"],
        "leaked": process["at_exit"]["live_bytes"],
        "peak": process["peak"]["bytes"],
    }
    names = [heaptrack_name(*both) for both in zip(rows, process["sites"], strict=True)]
    assert totals["allocations"] > 0 and totals["peak"] > 0
    for cost, member in COSTS.items():
        found, printed = read_flames(need, exported, cost, tmp_path)
        expected = collections.Counter()
        for row, name in zip(rows, names, strict=True):
            expected[name] += int(row[member])
        assert found == +expected, cost
        assert sum(found.values()) == totals[cost], cost
    return totals, printed


def printed_bytes(printed, label):
    number, unit = re.search(rf"^{label}: ([\d.]+)([BKMG])$", printed, re.M).groups()
    return float(number) * UNITS[unit]


@pytest.mark.parametrize("program", PROGRAMS)
def test_totals_and_functions_are_those_of_the_report(trace, need, tmp_path, program):
    run = trace(program)
    assert run.status == 0
    expect_same(need, run.dumps, tmp_path)


@pytest.mark.parametrize("program", REAL_PROGRAMS)
def test_real_programs(trace, need, tmp_path, program):
    command, env = REAL_PROGRAMS[program]
    run = trace(*command, env=env)
    assert run.status == 0
    totals, printed = expect_same(need, run.dumps, tmp_path)
    # What it says to people, rounded to two digits behind the point.
    assert f"calls to allocation functions: {totals['allocations']} " in printed
    assert f"temporary memory allocations: {totals['temporary']} " in printed
    labels = {"peak heap memory consumption": "peak", "total memory leaked": "leaked"}
    for label, cost in labels.items():
        assert printed_bytes(printed, label) == pytest.approx(totals[cost], rel=0.006)
    snapshots = run.process["snapshots"]
    highest = max(s["rss_bytes"] for s in snapshots)
    label = r"peak RSS \(including heaptrack overhead\)"
    assert printed_bytes(printed, label) == pytest.approx(highest, rel=0.006)


def test_threads(trace, need, tmp_path):
    """To heaptrack all threads are one: it sees no more temporary blocks than there are."""
    run = trace("handoff", 3, 2000)
    exported = export("heaptrack", run.dumps, tmp_path / "h")
    for cost, total in (
        ("allocations", run.process["recording"]["allocations"]),
        ("leaked", run.process["at_exit"]["live_bytes"]),
        ("peak", run.process["peak"]["bytes"]),
    ):
        assert sum(read_flames(need, exported, cost, tmp_path)[0].values()) == total
    temporary = sum(read_flames(need, exported, "temporary", tmp_path)[0].values())
    assert 0 <= temporary <= run.process["totals"]["temporary_allocations"]


def test_a_process_that_runs(watch, need, tmp_path):  # noqa: F811
    """Its dump grows while it is read: only an instant of it can be exported, one that was
    looked at."""
    watched = watch("churn_without_loss", "1")
    result = mftrace("export", "--format", "heaptrack", "-o", tmp_path / "h", watched.dump)
    assert result.returncode == 2
    assert b"its process still runs" in result.stderr
    assert not (tmp_path / "h").exists()
    assert mftrace("snapshot", watched.pid).returncode == 0
    expect_same(need, f"{watched.dump}.snap", tmp_path)


def test_several_processes_are_refused(trace, tmp_path):
    run = trace("fork_tree")
    result = mftrace("export", "--format", "heaptrack", "-o", tmp_path / "h", run.dumps)
    assert result.returncode == 2
    assert b"name one dump" in result.stderr
    assert not (tmp_path / "h").exists()
