# SPDX-License-Identifier: MIT
"""From the first constructor to the last breath: starts, ends, copies and successors of a
process, none of which may lose an event or disturb another's dump."""

import json
import random
import signal
import struct
import subprocess
import time

import pytest

from recording import LIBRARY, PROGRAMS, Process, environment, escape, read_report


def by_pid(run):
    processes = {}
    for process in run.processes:
        assert process["pid"] not in processes
        processes[process["pid"]] = process
    return processes


def test_constructor_and_destructor(trace):
    run = trace("constructor_and_destructor")
    assert (run.status, run.stderr) == (0, b"")
    run.process.expect_nothing_lost()
    run.process.expect_truth(run.truth)


@pytest.mark.parametrize("program", ["first_call", "first_call_atexit"])
def test_first_call_under_a_lock(trace, plain, program):
    """The first allocation comes from libc itself, with a lock of its own held."""
    run, untraced = trace(program), plain(program)
    assert (run.status, run.stderr) == (untraced.returncode, untraced.stderr) == (0, b"")
    run.process.expect_nothing_lost()
    assert run.process.sum_of("construct", "allocations") > 0


@pytest.mark.parametrize(
    "way, status, exits",
    [
        ("return", 6, "exited"),
        ("exit", 7, "exited"),
        ("quick_exit", 8, "exited"),
        ("_exit", 9, "exited"),
        ("abort", -signal.SIGABRT, "killed"),
        ("segv", -signal.SIGSEGV, "killed"),
        ("kill", -signal.SIGKILL, "killed"),
    ],
)
def test_process_end(trace, way, status, exits):
    run = trace("process_end", way)
    assert (run.status, run.stderr) == (status, b"")
    process = run.process
    process.expect_nothing_lost()
    process.expect_truth(run.truth)
    assert process["exit"] == exits
    if exits == "exited":
        assert process["exit_status"] == status
    else:
        assert process["exit_status"] is None


def completed_events(path):
    """What kill9 counted in its own shared file: allocations, frees."""
    with open(path, "rb") as file:
        return struct.unpack("<QQ", file.read(16))


def recorded_events(process):
    allocations = process.sum_of("until_killed", "allocations")
    return allocations, allocations - process.sum_of("until_killed", "live_blocks")


@pytest.mark.parametrize("attempt", range(3))
def test_kill9_loses_nothing(trace, tmp_path, attempt):
    run = trace("kill9", tmp_path / "completed", 100000 + attempt)
    assert run.status == -signal.SIGKILL
    run.process.expect_nothing_lost()
    assert run.process["exit"] == "killed"
    assert sum(completed_events(tmp_path / "completed")) == 100000 + attempt
    assert recorded_events(run.process) == completed_events(tmp_path / "completed")


def test_killed_by_another_at_any_moment(tmp_path):
    """The event at hand may be recorded or not; every completed one must be."""
    moments = random.Random(9)
    for attempt in range(25):
        dumps = tmp_path / f"dumps{attempt}"
        dumps.mkdir()
        counter = tmp_path / f"completed{attempt}"
        env = environment(
            {"LD_PRELOAD": str(LIBRARY), "MFTRACE_OPTIONS": f"output={escape(dumps)}/%p.mft"}
        )
        with subprocess.Popen([PROGRAMS / "kill9", counter], env=env) as victim:
            deadline = time.monotonic() + 60
            while not counter.exists() or counter.stat().st_size < 4096:
                assert time.monotonic() < deadline and victim.poll() is None
                time.sleep(0.001)
            time.sleep(moments.uniform(0, 0.1))
            victim.kill()
            assert victim.wait(60) == -signal.SIGKILL
        (process,) = [Process(p) for p in read_report(dumps)["processes"]]
        process.expect_nothing_lost()
        completed, recorded = completed_events(counter), recorded_events(process)
        assert completed[0] <= recorded[0] <= completed[0] + 1
        # A release is recorded before it happens.
        assert completed[1] <= recorded[1] <= completed[1] + 1
        assert sum(recorded) <= sum(completed) + 1


def test_fork_tree(trace):
    run = trace("fork_tree")
    assert (run.status, run.stderr) == (0, b"")
    processes = by_pid(run)
    assert len(run.truths) == 15
    assert processes.keys() == {truth["pid"] for truth in run.truths}
    for truth in run.truths:
        process = processes[truth["pid"]]
        process.expect_nothing_lost()
        process.expect_truth(truth)
        assert process["recording"]["unmatched_frees"] == truth["inherited"]
        if truth["ppid"]:
            assert process["ppid"] == truth["ppid"]


def test_forks_beside_threads(trace):
    """Forking beside threads that allocate: no child hangs, no count is wrong."""
    forks = 200
    run = trace("fork_torture", forks, 0)
    assert (run.status, run.stderr) == (0, b"")
    processes, truth = by_pid(run), run.truth
    assert truth["bad"] == 0
    assert len(processes) == forks + 1
    parent = processes.pop(truth["pid"])
    parent.expect_nothing_lost()
    parent.expect_truth(truth)
    assert parent.sum_of("in_child", "allocations") == 0
    for child in processes.values():
        child.expect_nothing_lost()
        assert child["ppid"] == truth["pid"]
        assert child.sum_of("in_child", "allocations") == truth["in_child"]
        assert child.sum_of("in_child", "live_blocks") == 0
        assert child.sum_of("in_parent", "allocations") == 0


def test_vfork_and_spawn(trace):
    run = trace("vfork_and_spawn", PROGRAMS / "nothing")
    assert (run.status, run.stderr) == (0, b"")
    truth, pid = run.truth, run.truth["pid"]
    assert truth["bad"] == 0
    (parent,) = [p for p in run.processes if p["pid"] == pid]
    parent.expect_nothing_lost()
    parent.expect_truth(truth)
    assert parent["exit"] == "exited"
    children = [p for p in run.processes if p["pid"] != pid]
    # A program that allocates nothing at all may be without a dump.
    assert len(children) <= truth["started"]
    for child in children:
        assert child["ppid"] == pid
        assert child["exe"].endswith("/nothing")
        assert child.sum_of("in_parent", "allocations") == 0


def test_raw_clone(trace):
    run = trace("raw_clone")
    assert (run.status, run.stderr) == (0, b"")
    processes = by_pid(run)
    assert len(processes) == len(run.truths) == 2
    for truth in run.truths:
        process = processes[truth["pid"]]
        process.expect_nothing_lost()
        process.expect_truth(truth)
    child, parent = run.truths
    assert processes[parent["pid"]].sum_of("in_raw_child", "allocations") == 0
    assert processes[child["pid"]].sum_of("in_parent", "allocations") == 0
    assert processes[child["pid"]]["ppid"] == parent["pid"]


def test_exec_chain(trace):
    run = trace(PROGRAMS / "exec_chain", 12)
    assert (run.status, run.stderr) == (0, b"")
    assert len(run.truths) == len(run.processes) == 13
    images = {process["argv"][1]: process for process in run.processes}
    for truth in run.truths:
        process = images[str(truth["left"])]
        process.expect_nothing_lost()
        process.expect_truth(truth)
        assert process["pid"] == truth["pid"]
        assert process["exit"] == ("exec" if truth["left"] else "exited")


def test_daemon(trace, tmp_path):
    """Forks twice, closes every descriptor and leaves the directory: all is recorded."""
    truth_path = tmp_path / "truth"
    run = trace("daemon", truth_path)
    assert (run.status, run.stdout, run.stderr) == (0, b"", b"")
    deadline = time.monotonic() + 60
    while not truth_path.exists():
        assert time.monotonic() < deadline, "the daemon did not come to its end"
        time.sleep(0.01)
    truth = json.loads(truth_path.read_text())
    assert truth["first descriptor"] == 0
    while True:
        (daemon,) = [
            Process(p)
            for p in read_report(run.dumps)["processes"]
            if p["pid"] == truth["pid"]
        ]
        if daemon["exit"] != "running":
            break
        assert time.monotonic() < deadline, "the daemon did not end"
        time.sleep(0.01)
    daemon.expect_nothing_lost()
    daemon.expect_truth(truth)
    starters = [p for p in run.processes if p["pid"] != truth["pid"]]
    assert sum(p.sum_of("in_starter", "allocations") for p in starters) == 1
