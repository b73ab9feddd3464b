# SPDX-License-Identifier: MIT
"""Processes that are looked at from outside: mftrace snapshot, and core files.

looked_at knows of what kind each of its blocks is; churn_without_loss loses none at any
instant, however many threads are at work when it is stopped.
"""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from recording import LIBRARY, MFTRACE, environment, escape, mftrace, schema_validator

KINDS = ("definite", "indirect", "possible", "reachable")


class Watched:
    """A traced process that goes on while the test looks at it."""

    def __init__(self, command, dump, options=""):
        env = environment(
            {
                "LD_PRELOAD": str(LIBRARY),
                "MFTRACE_OPTIONS": f"output={escape(dump)}{options}",
            }
        )
        self.dump = dump
        self.process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.truth = json.loads(self.process.stdout.readline())
        self.truth.pop("sites", None)
        self.pid = self.process.pid

    def settle(self):
        """Waits until all of its threads sleep: what they did before has left registers
        and stacks then."""
        quiet = 0
        for _ in range(1000):
            states = [
                stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0]
                for stat in Path(f"/proc/{self.pid}/task").glob("*/stat")
            ]
            quiet = quiet + 1 if set(states) == {"S"} else 0
            if quiet == 3:
                return self
            time.sleep(0.01)
        raise AssertionError(f"threads did not settle: {states}")

    def tell(self, line):
        """Sends it a line and waits for its answer."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        self.process.stdout.readline()
        self.settle()

    def end(self, line=None):
        """Lets it come to its end; returns its status."""
        self.process.communicate(None if line is None else line + "\n", timeout=60)
        return self.process.returncode


@pytest.fixture
def watch(need, tmp_path):
    """watch(program, *arguments): a Watched; it is killed after the test if need be."""
    started = []

    def start(program, *arguments, **more):
        dump = tmp_path / f"{program}.mft"
        started.append(Watched([need(program), *arguments], dump, **more))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


def snapshot(watched, *arguments):
    result = mftrace("snapshot", *arguments, str(watched.pid))
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout.decode()


def leaks(*arguments):
    result = mftrace("leaks", "--json", *arguments)
    assert result.returncode == 0, result.stderr.decode()
    report = json.loads(result.stdout)
    schema_validator().validate(report)
    return report["processes"][0]


def figures(process):
    """Bytes and blocks by kind, as the program itself tells them."""
    found = process["leaks"]
    assert found["classified"] is True
    return {f"{k}_{unit}": found[k][unit] for k in KINDS for unit in ("bytes", "blocks")}


def test_kinds_while_it_runs(watch):
    watched = watch("looked_at").settle()
    text = snapshot(watched)
    assert "2 threads, stopped for" in text
    process = leaks(watched.dump)
    assert figures(process) == watched.truth
    assert process["exit"] == "running"
    cycles = process["leaks"]["cycles"]
    assert [(c["blocks"], c["bytes"]) for c in cycles] == [(2, 440)]
    # The page map that was taken is the last one.
    assert process["snapshots"][-1]["reason"] == "request"
    assert process["snapshots"][-1]["requested_bytes"] == process["at_exit"]["live_bytes"]
    assert watched.end("end") == 7


def test_as_of_the_snapshot(watch):
    """What happens afterwards changes nothing of it, and the dump goes on beside it."""
    watched = watch("looked_at").settle()
    snapshot(watched)
    watched.tell("go on")
    assert watched.end("end") == 7
    assert figures(leaks(f"{watched.dump}.snap")) == watched.truth
    # The process has ended by itself, so the dump alone counts now.
    ended = leaks(watched.dump)
    assert ended["leaks"]["classified"] is False
    assert ended["at_exit"]["live_blocks"] > 1000


def test_found_under_another_name(watch, tmp_path):
    watched = watch("looked_at").settle()
    first, second = tmp_path / "first.snap", tmp_path / "second.snap"
    snapshot(watched, "-q", "-o", first)
    watched.tell("go on")
    snapshot(watched, "-q", "-o", second)
    assert figures(leaks(first)) == watched.truth
    later = figures(leaks(second))
    assert later["reachable_blocks"] == watched.truth["reachable_blocks"] - 1 + 1000
    assert later["definite_blocks"] == watched.truth["definite_blocks"]


def test_nobody_notices(watch):
    """No stop for the parent to see, no signal, no tracer left, the same status."""
    watched = watch("looked_at").settle()
    for _ in range(5):
        snapshot(watched)
        assert os.waitpid(watched.pid, os.WUNTRACED | os.WCONTINUED | os.WNOHANG) == (0, 0)
    status = open(f"/proc/{watched.pid}/status", encoding="utf-8").read()
    assert "TracerPid:\t0\n" in status
    assert "State:\tS" in status
    assert watched.end("end") == 7


@pytest.mark.parametrize("threads", [1, 4])
def test_nothing_lost_at_any_instant(watch, tmp_path, threads):
    watched = watch("churn_without_loss", str(threads), options=":snapshots=0")
    snaps = [tmp_path / f"{i}.snap" for i in range(6)]
    for snap in snaps:
        snapshot(watched, "-o", snap)
    assert watched.end() == 0
    seen = set()
    for snap in snaps:
        process = leaks(snap)
        found = process["leaks"]
        assert found["definite"]["blocks"] == found["indirect"]["blocks"] == 0, found
        assert found["reachable"]["blocks"] > 0
        seen.add(process["recording"]["events"])
    assert len(seen) > 1  # they are of different instants


def test_without_stopping(watch, need):
    """Where a debugger is attached the process runs on, and the report says so."""
    watched = watch("looked_at").settle()
    tracer = subprocess.Popen(
        [need("other_tracer"), str(watched.pid)], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert tracer.stdout.readline() == b"{}\n"
        text = snapshot(watched)
        assert "could not be stopped (Operation not permitted)" in text
    finally:
        tracer.communicate()
    found = figures(leaks(watched.dump))
    # It slept all the while, so only what registers held may differ.
    assert found == watched.truth


def test_processes_that_are_not_recorded():
    sleeper = subprocess.Popen(["sleep", "60"], env=environment())
    try:
        result = mftrace("snapshot", str(sleeper.pid))
        assert result.returncode == 2
        assert b"it is not being recorded" in result.stderr
    finally:
        sleeper.kill()
        sleeper.wait()
    result = mftrace("snapshot", str(sleeper.pid))
    assert result.returncode == 2
    assert b"no such process" in result.stderr
    for words in ([], ["x"], ["0"], ["-5"], ["1", "2"]):
        assert mftrace("snapshot", *words).returncode == 2


@pytest.mark.skipif(os.getuid() != 0, reason="changes its user")
def test_without_permission(watch, need):
    watched = watch("looked_at").settle()
    nobody = [need("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"]
    result = subprocess.run(
        [*nobody, str(MFTRACE), "snapshot", str(watched.pid)],
        env=environment(), capture_output=True, check=False,
    )
    if result.returncode == 126:
        pytest.skip("the build directory is closed to other users")
    assert result.returncode == 2
    assert b"permissions of a debugger" in result.stderr
    assert watched.end("end") == 7


# ---- Core files --------------------------------------------------------------------------


def write_core(need, pid, folder):
    """A core file of a process that goes on, by gdb's gcore."""
    command = [need("gcore"), "-o", str(folder / "core"), str(pid)]
    subprocess.run(command, env=environment(), check=True, capture_output=True, timeout=60)
    return folder / f"core.{pid}"


def test_core_of_a_process_that_went_on(watch, need, tmp_path):
    watched = watch("looked_at").settle()
    core = write_core(need, watched.pid, tmp_path)
    watched.tell("go on")
    watched.process.kill()
    watched.end()
    process = leaks(watched.dump, "--core", core)
    assert figures(process) == watched.truth
    assert leaks(watched.dump)["leaks"]["classified"] is False


def test_core_of_another_process(watch, need, tmp_path):
    one = watch("looked_at").settle()
    core = write_core(need, one.pid, tmp_path)
    dump = tmp_path / "other.mft"
    other = Watched([need("looked_at")], dump)
    other.end("end")
    result = mftrace("leaks", "--core", core, dump)
    assert result.returncode == 2
    assert b"core file of another process" in result.stderr
    # The right pid alone is not enough: the dump of another program with this pid.
    data = bytearray(dump.read_bytes())
    data[32:36] = one.pid.to_bytes(4, "little")
    dump.write_bytes(data)
    result = mftrace("leaks", "--core", core, dump)
    assert result.returncode == 2
    assert b"core file of another process" in result.stderr


def test_damaged_core_and_snapshot(watch, need, tmp_path):
    """Files that were cut anywhere are refused or read as far as they go."""
    watched = watch("looked_at").settle()
    core = write_core(need, watched.pid, tmp_path).read_bytes()
    snapshot(watched)
    snap = watched.dump.with_name(watched.dump.name + ".snap")
    whole = snap.read_bytes()
    watched.process.kill()
    watched.end()
    cut = tmp_path / "cut"
    for part in (0, 3, 64, 1000, 4096, 20000, len(core) // 2):
        cut.write_bytes(core[:part])
        assert mftrace("leaks", "--json", "--core", cut, watched.dump).returncode in (0, 2)
    for part in range(0, len(whole), 97):
        snap.write_bytes(whole[:part])
        assert mftrace("leaks", "--json", snap).returncode == 2
    for at in range(64, len(whole), 61):
        changed = bytearray(whole)
        changed[at] ^= 0xA5
        snap.write_bytes(changed)
        assert mftrace("leaks", "--json", snap).returncode in (0, 2)
