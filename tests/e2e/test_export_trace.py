# SPDX-License-Identifier: MIT
"""The trace of counters keeps to Chrome's Trace Event Format, and its counters say what the
report says."""

import collections
import json

import pytest

from exporting import REAL_PROGRAMS, export
from recording import read_report
from viewers import speedscope

# Members of an event by phase, as the format has them.
NEEDED = {
    "M": {"name", "pid", "tid", "args"},
    "C": {"name", "pid", "ts", "args"},
    "i": {"name", "pid", "ts", "s"},
    "X": {"name", "pid", "tid", "ts", "dur"},
}


def read_trace(dumps, tmp_path):
    """The trace, checked for what holds of each; the counters by pid and name."""
    path = export("perfetto", dumps, tmp_path / "trace.json")
    trace = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(trace["traceEvents"], list)
    counters = collections.defaultdict(list)
    for event in trace["traceEvents"]:
        assert NEEDED[event["ph"]] <= set(event), event
        assert event["ts"] >= 0
        if event["ph"] == "C":
            assert event["args"]
            for value in event["args"].values():
                assert isinstance(value, (int, float)) and not isinstance(value, bool)
            counters[event["pid"], event["name"]].append(event)
    for events in counters.values():
        times = [event["ts"] for event in events]
        assert times == sorted(times)
    named = [e["pid"] for e in trace["traceEvents"] if e["name"] == "process_name"]
    assert len(named) == len(set(named))
    assert {pid for pid, _ in counters} <= set(named)
    return trace["traceEvents"], counters


def values(counters, pid, name):
    return [next(iter(event["args"].values())) for event in counters[pid, name]]


def expect_same(process, events, counters, start_us=0.0):
    pid = process["pid"]
    live = values(counters, pid, "live bytes")
    assert max(live) == process["peak"]["bytes"]
    assert live[-1] == process["at_exit"]["live_bytes"]
    assert values(counters, pid, "live blocks")[-1] == process["at_exit"]["live_blocks"]
    [peak] = [e for e in events if e["pid"] == pid and e["name"] == "peak of live bytes"]
    assert peak["args"]["bytes"] == process["peak"]["bytes"]
    peak_us = start_us + process["peak"]["time_ns"] / 1000
    assert peak["ts"] == pytest.approx(peak_us, abs=0.01)
    assert counters[pid, "live bytes"][live.index(max(live))]["ts"] == peak["ts"]
    snapshots = process["snapshots"]
    for name, member in (
        ("resident set", "rss_bytes"),
        ("heap resident", "resident_bytes"),
        ("heap usable", "usable_bytes"),
        ("heap requested", "requested_bytes"),
        ("heap free", "free_bytes"),
    ):
        assert values(counters, pid, name) == [s[member] for s in snapshots], name
    ratios = [s["ratio"] for s in snapshots if s["resident_bytes"]]
    assert values(counters, pid, "fragmentation ratio") == pytest.approx(ratios, abs=1e-6)


@pytest.mark.parametrize("program", ["peak", "temporaries", *REAL_PROGRAMS])
def test_counters_are_those_of_the_report(trace, tmp_path, program):
    command, env = REAL_PROGRAMS.get(program, ([program], None))
    run = trace(*command, env=env)
    [process] = read_report(run.dumps, validate=False)["processes"]
    events, counters = read_trace(run.dumps, tmp_path)
    expect_same(process, events, counters)
    spent = sum(e["args"]["allocations"] for e in events if e["ph"] == "X")
    assert spent == process["recording"]["allocations"] > 0


def test_parts_of_the_resident_set_add_up(trace, tmp_path):
    run = trace("frag_every_page")
    _, counters = read_trace(run.dumps, tmp_path)
    pid = run.process["pid"]
    parts = counters[pid, "resident set by use"]
    assert len(parts) == len(run.process["snapshots"]) > 0
    for event, snapshot in zip(parts, run.process["snapshots"], strict=True):
        waterfall_sum = sum(event["args"].values())
        assert waterfall_sum >= snapshot["rss_bytes"]
        unexplained = waterfall_sum - snapshot["rss_bytes"]
        assert unexplained <= 0.02 * snapshot["rss_bytes"]


def test_a_tree_of_processes(trace, tmp_path):
    run = trace("fork_tree")
    events, counters = read_trace(run.dumps, tmp_path)
    first = min(process["start_unix_ns"] for process in run.processes)
    assert len(run.processes) > 1
    for process in run.processes:
        expect_same(process, events, counters, (process["start_unix_ns"] - first) / 1000)
    names = {e["args"]["name"] for e in events if e["name"] == "process_name"}
    assert names == {f"fork_tree (pid {p['pid']})" for p in run.processes}


def test_threads_have_their_names(trace, tmp_path):
    run = trace("handoff", 3, 2000)
    events, _ = read_trace(run.dumps, tmp_path)
    named = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert len(named) == run.process["recording"]["threads"] > 1
    assert set(named.values()) == {"handoff"}
    assert run.process["pid"] in named
    assert {e["tid"] for e in events if e["ph"] == "X"} <= set(named)


def test_speedscope_shows_the_threads(trace, need, tmp_path):
    """Its importer finds a timeline for each thread that allocates, as long as the stretch
    from its first allocation to its last."""
    run = trace("handoff", 3, 2000)
    events, _ = read_trace(run.dumps, tmp_path)
    stretches = {e["tid"]: e["dur"] for e in events if e["ph"] == "X"}
    assert len(stretches) > 1
    found = {}
    for profile in speedscope(need, tmp_path / "trace.json")["profiles"]:
        assert profile["unit"] == "microseconds"
        [tid] = [t for t in stretches if f"(tid {t})" in profile["name"]]
        found[tid] = sum(frame["total"] for frame in profile["frames"].values())
    assert found == pytest.approx(stretches, abs=0.01)
