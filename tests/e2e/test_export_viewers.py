# SPDX-License-Identifier: MIT
"""Folded stacks, pprof, Speedscope, Massif and Callgrind: the tools that read these formats
find in an export what `mftrace report` says, in total and by function."""

import json
import os
import pty

import jsonschema
import pytest

from exporting import REAL_PROGRAMS, export
from recording import MFTRACE, environment, mftrace, read_report, run_process
from viewers import (
    MEMBERS,
    METRICS,
    NODE_MODULES,
    PPROF_TYPES,
    MsPrint,
    callgrind_annotate,
    flamegraph,
    pprof,
    pprof_mappings,
    speedscope,
    totals_of,
)

PROGRAMS = {
    "peak": [],
    "temporaries": [],
    "leaks": [],
    "deep_recursion": ["60"],
    "lifetimes": [],
}
CASES = [*PROGRAMS, *REAL_PROGRAMS]


@pytest.fixture(scope="module")
def recorded():
    return {}


@pytest.fixture
def record(trace, recorded):
    """record(name): the recording of a program, made once."""

    def make(name):
        if name not in recorded:
            if name in REAL_PROGRAMS:
                command, env = REAL_PROGRAMS[name]
                recorded[name] = trace(*command, env=env)
                # Their thousands of call sites would take longer to check than all else.
                recorded[name].processes = recorded[name].top()
            else:
                recorded[name] = trace(name, *PROGRAMS[name])
            assert recorded[name].status == 0
            assert totals_of(recorded[name].process)["peak"] > 0
        return recorded[name]

    return make


def functions_of(run, name):
    """The functions whose costs the program knows."""
    return list(run.truth["sites"]) if name in PROGRAMS else []


def expect_functions(run, name, metric, found):
    """found: what a tool has for each function, with all that it calls."""
    for function in functions_of(run, name):
        expected = run.process.sum_of(function, MEMBERS[metric])
        assert found.get(function, 0) == expected, (function, metric)


# ---- Totals and functions -----------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_folded(record, need, tmp_path, name):
    """flamegraph.pl draws folded stacks, and Speedscope reads them."""
    run = record(name)
    totals = totals_of(run.process)
    for metric in METRICS:
        if totals[metric] == 0:
            continue
        path = export("folded", run.dumps, tmp_path / f"{metric}.txt", "--metric", metric)
        [profile] = speedscope(need, path)["profiles"]
        assert profile["total"] == totals[metric], metric
        if metric in MEMBERS:
            frames = profile["frames"]
            expect_functions(run, name, metric, {k: v["total"] for k, v in frames.items()})
        unit = "allocations" if metric in ("allocations", "temporary") else "bytes"
        minwidth = 0 if functions_of(run, name) else 0.1
        total, functions = flamegraph(need, path, unit, minwidth)
        assert total == totals[metric], metric
        if metric in MEMBERS and name != "deep_recursion":
            expect_functions(run, name, metric, functions)


@pytest.mark.parametrize("name", CASES)
def test_speedscope(record, need, tmp_path, name):
    run = record(name)
    totals = {k: v for k, v in totals_of(run.process).items() if v or k == "allocated"}
    path = tmp_path / "p.speedscope.json"
    export("speedscope", run.dumps, path, "--metric", "allocated")
    schema = NODE_MODULES / "speedscope" / "dist" / "release" / "file-format-schema.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(document, json.loads(schema.read_text(encoding="utf-8")))
    assert "mftrace" in document["exporter"]
    group = speedscope(need, path)
    found = {profile["name"]: profile for profile in group["profiles"]}
    assert {k: v["total"] for k, v in found.items()} == totals
    assert group["profiles"][group["index"]]["name"] == "allocated"
    for metric, profile in found.items():
        bytes_ = metric not in ("allocations", "temporary")
        assert profile["unit"] == ("bytes" if bytes_ else "none")
        if metric in MEMBERS:
            frames = profile["frames"]
            expect_functions(run, name, metric, {k: v["total"] for k, v in frames.items()})


@pytest.mark.parametrize("name", CASES)
def test_pprof(record, need, tmp_path, name):
    run = record(name)
    totals = totals_of(run.process)
    path = export("pprof", run.dumps, tmp_path / "p.pb.gz", "--metric", "allocations")
    for metric in METRICS:
        if totals[metric] == 0:
            continue
        total, functions = pprof(need, path, metric)
        assert total == totals[metric], metric
        if metric in MEMBERS:
            expect_functions(run, name, metric, functions)
    [profile] = speedscope(need, path)["profiles"]
    assert profile["total"] == totals["allocations"]


def test_pprof_mappings(record, need, tmp_path):
    """Every module of the process, where it was mapped, with its build-id."""
    run = record("sqlite3")
    path = export("pprof", run.dumps, tmp_path / "p.pb.gz")
    [process] = json.loads(mftrace("info", "--json", run.dumps).stdout)["processes"]
    modules = {
        (m["start"], m["end"], m["path"], m["build_id"])
        for m in process["modules"]
        if m["path"]
    }
    assert any("libsqlite3" in path for _, _, path, _ in modules)
    # pprof forgets those in which nothing was allocated.
    found = pprof_mappings(need, path)
    assert found <= modules
    names = {os.path.basename(path) for _, _, path, _ in found}
    assert names >= {"sqlite3", "libsqlite3.so.0"}


@pytest.mark.parametrize("name", CASES)
def test_callgrind(record, need, tmp_path, name):
    run = record(name)
    path = tmp_path / "callgrind.out"
    export("callgrind", run.dumps, path, "--metric", "allocated")
    totals, functions = callgrind_annotate(need, path)
    assert list(totals)[0] == "allocated"
    assert totals == totals_of(run.process)
    for metric in MEMBERS:
        found = {function: costs[metric] for function, costs in functions.items()}
        expect_functions(run, name, metric, found)
        assert max(found.values()) <= totals[metric]
    program = os.path.basename(run.process["exe"])
    assert functions[f"{program} (pid {run.process['pid']})"] == totals


def test_callgrind_recursion(record, need, tmp_path):
    """A function that calls itself costs what was allocated below it, once."""
    run = record("deep_recursion")
    path = export("callgrind", run.dumps, tmp_path / "callgrind.out")
    _, functions = callgrind_annotate(need, path)
    expected = run.process.sum_of("descend", "allocated_bytes")
    assert expected == sum(range(1, 61))
    assert functions["descend"]["allocated"] == expected
    assert functions["main"]["allocated"] == expected


@pytest.mark.parametrize("name", CASES)
def test_massif(record, need, tmp_path, name):
    run = record(name)
    process = run.process
    printed = MsPrint(need, export("massif", run.dumps, tmp_path / "massif.out"))
    snapshots, last = printed.snapshots, max(printed.snapshots)
    times = [snapshots[n][0] for n in sorted(snapshots)]
    assert times == sorted(times)
    assert snapshots[printed.peak][1] == process["peak"]["bytes"]
    assert max(live for _, live in snapshots.values()) == process["peak"]["bytes"]
    assert snapshots[last][1] == process["at_exit"]["live_bytes"]
    assert snapshots[last][0] == process["duration_ns"] // 10**6
    expected = {printed.peak: "peak_bytes", last: "live_bytes"}
    assert set(printed.trees) == set(expected)
    for number, member in expected.items():
        tree = printed.trees[number]
        assert tree[0][:2] == (0, snapshots[number][1])
        assert sum(size for depth, size, _ in tree if depth == 1) == snapshots[number][1]
        for function in functions_of(run, name):
            wanted = process.sum_of(function, member)
            if wanted * 1000 >= snapshots[number][1] and name != "deep_recursion":
                here = [size for _, size, text in tree if f": {function} (" in text]
                assert sum(here) == wanted, function


# ---- Several processes ---------------------------------------------------------------


def test_process_tree(trace, need, tmp_path):
    """Processes are told apart where the format has a place for it, and added up."""
    run = trace("fork_tree")
    assert run.status == 0 and len(run.processes) > 3
    totals = {metric: 0 for metric in METRICS}
    for process in run.processes:
        for metric, value in totals_of(process).items():
            totals[metric] += value

    folded = export("folded", run.dumps, tmp_path / "folded.txt", "--metric", "allocated")
    [profile] = speedscope(need, folded)["profiles"]
    assert profile["total"] == totals["allocated"]
    for process in run.processes:
        frame = profile["frames"][f"fork_tree (pid {process['pid']})"]
        assert frame["total"] == totals_of(process)["allocated"]

    path = export("speedscope", run.dumps, tmp_path / "p.speedscope.json")
    found = {p["name"]: p["total"] for p in speedscope(need, path)["profiles"]}
    for process in run.processes:
        name = f"allocations, fork_tree (pid {process['pid']})"
        assert found[name] == totals_of(process)["allocations"]

    path = export("pprof", run.dumps, tmp_path / "p.pb.gz")
    assert pprof(need, path, "allocated")[0] == totals["allocated"]
    tags = run_process([need("go"), "tool", "pprof", "-tags", path], environment())
    for process in run.processes:
        assert f"fork_tree (pid {process['pid']})" in tags.stdout.decode()

    path = export("callgrind", run.dumps, tmp_path / "callgrind.out")
    counts, functions = callgrind_annotate(need, path)
    assert {m: counts[m] for m in MEMBERS} == {m: totals[m] for m in MEMBERS}
    for process in run.processes:
        costs = functions[f"fork_tree (pid {process['pid']})"]
        assert costs["peak"] == totals_of(process)["peak"]

    refused = mftrace("export", "--format", "massif", "-o", tmp_path / "m", run.dumps)
    assert refused.returncode == 2
    assert b"mftrace: massif: this format shows one process" in refused.stderr
    assert not (tmp_path / "m").exists()


# ---- The command ---------------------------------------------------------------------


def test_output(record, tmp_path):
    """-o FILE, -o - and the standard output have the same bytes."""
    dumps = record("peak").dumps
    for form in ("folded", "pprof"):
        file = export(form, dumps, tmp_path / form).read_bytes()
        assert file and mftrace("export", "-f", form, dumps).stdout == file
        assert mftrace("export", "-f", form, "-o", "-", dumps).stdout == file


def test_terminal(record):
    """What is no text is not written to a terminal, unless that is asked for."""
    [dump] = record("peak").dumps.glob("*.mft")
    for options, status in (([], 2), (["-o", "-"], 0)):
        terminal, end = pty.openpty()
        try:
            command = [MFTRACE, "export", "-f", "pprof", *options, dump]
            result = run_process(command, environment(), stdout=end)
        finally:
            os.close(end)
            os.close(terminal)
        assert result.returncode == status
        assert (b"-o FILE" in result.stderr) == (status == 2)


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ([], b"mftrace: export: which format? Give --format; see --help"),
        (["-f", "nosuch"], b"mftrace: nosuch: no such format"),
        (["-f", "folded", "-m", "weight"], b"mftrace: export: --metric: peak, leaked"),
        (["-f", "massif", "-m", "leaked"], b"mftrace: massif: cannot show this metric"),
        (["-f", "folded", "--json"], b"mftrace: export: no such option"),
        (["-f", "folded", "-o", "/dev/full"], b"mftrace: /dev/full: cannot be written: No"),
        (["-f", "folded", "-o", "/no/x"], b"mftrace: /no/x: cannot be written: No such"),
    ],
)
def test_errors(record, arguments, complaint):
    result = mftrace("export", *arguments, record("peak").dumps)
    assert result.returncode == 2
    assert result.stderr.startswith(complaint), result.stderr
    assert result.stderr.count(b"\n") == 1


def test_dump_is_kept(record):
    """A dump is never overwritten by its own export."""
    [dump] = record("peak").dumps.glob("*.mft")
    before = dump.read_bytes()
    result = mftrace("export", "-f", "folded", "-o", dump, dump)
    assert result.returncode == 2
    assert b"it is the dump itself" in result.stderr
    assert dump.read_bytes() == before
    assert read_report(dump)["processes"]


def test_help_lists_formats():
    """All formats, each with the metric that it takes, within 80 columns."""
    text = mftrace("export", "--help").stdout.decode()
    for form in ("folded", "pprof", "speedscope", "massif", "callgrind"):
        assert f"\n  {form} " in text
    assert max(map(len, text.splitlines())) <= 80
    assert set(PPROF_TYPES) == set(METRICS)
