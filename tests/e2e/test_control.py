# SPDX-License-Identifier: MIT
"""Control of a running process through its dump, and reading a dump that is written to."""

import json
import os
import random
import signal
import subprocess
import threading
import time

import pytest

from recording import LIBRARY, MFTRACE, PROGRAMS, environment, escape, run_process

ROUNDS = 12
LOOKS = 30
ENDINGS = 12
CONTROL = 312  # docs/format.md, section 2
WAYS = pytest.mark.parametrize("options", ["", "ring=256K"], ids=["full", "ring"])


class Running:
    """The program pausable under the recorder."""

    def __init__(self, directory, threads, options=""):
        self.dump = directory / "running.mft"
        settings = f"output={escape(self.dump)}" + (f":{options}" if options else "")
        self.process = subprocess.Popen(
            [PROGRAMS / "pausable", str(threads)],
            env=environment({"LD_PRELOAD": str(LIBRARY), "MFTRACE_OPTIONS": settings}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.keep()  # it has begun

    def keep(self):
        """Has one block allocated in `kept`."""
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        assert self.process.stdout.read(1) == b"\n"

    def tell(self, verb, expected=None):
        run = run_process([MFTRACE, verb, str(self.process.pid)], environment())
        assert run.returncode == 0, run.stderr
        if expected:
            assert run.stdout.decode().rstrip().endswith(expected)
        return run

    def end(self):
        """The program's truth."""
        out, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        return json.loads(out)

    def report_of_all(self):
        run = run_process([MFTRACE, "report", "--json", self.dump], environment())
        assert run.returncode == 0, run.stderr
        assert run.stderr == b""
        return json.loads(run.stdout)

    def report(self):
        (process,) = self.report_of_all()["processes"]
        return process


@pytest.fixture
def running(tmp_path):
    started = []

    def start(threads, options=""):
        started.append(Running(tmp_path, threads, options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def kept(process):
    """Blocks of `kept` that are live at the end."""
    return sum(
        site["live_blocks"]
        for site in process["sites"]
        if any(frame["function"] == "kept" for frame in site["frames"])
    )


def allocated(process):
    recording = process["recording"]
    return recording["allocations"] + recording["failed"]


@pytest.fixture
def overhead(running, tmp_path):
    """Allocations of the C library in a run with so many threads."""

    def measure(threads):
        directory = tmp_path / f"plain{threads}"
        directory.mkdir()
        one = Running(directory, threads)
        truth = one.end()
        return allocated(one.report()) - truth["calls"]

    return measure


@WAYS
def test_what_is_left_out_is_counted(running, options):
    """One thread, step by step."""
    one = running(0, options)
    one.keep()
    # A look into a running ring ends with the last whole tick of the clock.
    deadline = time.monotonic() + 10
    while kept(one.report()) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    before = allocated(one.report())
    one.tell("pause")
    for _ in range(10):
        one.keep()
        time.sleep(0.01)  # the recorder looks once a tick
    one.tell("pause", ": paused")
    paused = one.report()["recording"]["paused_events"]
    assert 8 <= paused <= 10
    for _ in range(5):
        one.keep()
    assert one.report()["recording"]["paused_events"] == paused + 5
    one.tell("resume")
    one.keep()
    one.tell("resume", ": recording")
    one.keep()
    one.end()
    process = one.report()
    assert process["recording"]["paused_events"] == paused + 5
    assert allocated(process) == before + 10 - paused + 2
    assert kept(process) == 2 + 10 - paused + 2
    assert process["recording"]["lost_events"] == 0


@WAYS
def test_counts_are_exact_with_threads(running, overhead, options):
    """Recorded and counted is together what the program did, wherever pauses fall."""
    rest = overhead(4)
    one = running(4, options)
    for step in range(ROUNDS):
        verb, answer = [("pause", ": paused"), ("resume", ": recording")][step % 2]
        one.tell(verb, answer)
        one.keep()
        time.sleep(random.Random(step).uniform(0, 0.03))
    truth = one.end()
    process = one.report()
    recording = process["recording"]
    assert recording["paused_events"] > 0
    assert allocated(process) + recording["paused_events"] == truth["calls"] + rest
    # Blocks of the threads are free at the end: what was recorded of them is, too.
    assert kept(process) <= truth["sites"]["kept"]["live_blocks"]
    assert recording["double_allocations"] == 0 and recording["lost_events"] == 0
    for site in process["sites"]:
        functions = {frame["function"] for frame in site["frames"]}
        assert site["live_blocks"] == 0 or not functions & {"churned", "moved"}


def test_a_report_says_what_it_lacks(running):
    one = running(2)
    one.tell("pause", ": paused")
    one.keep()
    one.end()
    for verb in ("report", "info", "peak", "leaks"):
        run = run_process([MFTRACE, verb, one.dump], environment())
        assert run.returncode == 0
        assert "not recorded while paused" in " ".join(run.stdout.decode().split())
    run = run_process([MFTRACE, "diff", one.dump, one.dump], environment())
    said = " ".join(run.stdout.decode().split())
    assert "allocations were left out while it was paused" in said
    assert run.returncode == 0


def check(*arguments):
    return run_process([MFTRACE, "check", "--no-config", *arguments], environment())


def test_a_gate_does_not_judge_what_it_lacks(running, tmp_path):
    """Not as a dump, stored or as a baseline; where nothing was left out it judges."""
    one = running(0)
    one.keep()
    one.tell("pause")
    one.tell("resume")
    whole = tmp_path / "whole.json"
    whole.write_text(json.dumps(one.report_of_all()))
    assert check("--max-peak=1G", whole).returncode == 0
    one.tell("pause")
    for _ in range(10):
        one.keep()
        time.sleep(0.01)
    one.end()
    assert one.report()["recording"]["paused_events"] > 0
    assert one.report()["leaks"]["judged"]  # frees are there: what is unfreed is
    stored = tmp_path / "paused.json"
    stored.write_text(json.dumps(one.report_of_all()))
    for words, lacking in (
        (["--max-peak=1G", "--max-leaked=1G", one.dump], one.dump),
        (["--max-peak=1G", stored], stored),
        (["--max-peak=1G", whole, one.dump], one.dump),
        (["--tolerance=99", "--baseline", stored, whole], stored),
    ):
        run = check(*words)
        assert run.returncode == 2 and run.stderr == b""
        said = " ".join(run.stdout.decode().split())
        assert said.count("UNKNOWN") == 1
        assert f"the recording is not whole ({lacking}): allocations were left out" in said
        assert "while it was paused; record it without a pause, or judge" in said
        forced = check("--force", *words)
        assert forced.returncode == 0 and b"UNKNOWN" not in forced.stdout
    assert check("--force", "--max-peak=1", one.dump).returncode == 1


def test_blocks_of_a_pause_may_hold_others(running):
    """A scan for pointers does not call lost what only an unknown block points to."""
    one = running(1, options="leak_scan=1")
    for _ in range(5):
        one.keep()
    one.tell("pause", ": paused")
    one.keep()
    one.end()
    process = one.report()
    assert kept(process) == 6  # which the seventh points to
    assert process["leaks"]["classified"]
    assert process["leaks"]["definite"]["blocks"] == 0
    assert process["leaks"]["indirect"]["blocks"] == 0


def test_a_pause_that_comes_too_late_breaks_nothing(running):
    """The word may be written when the process has just ended, and the dump is sealed."""
    one = running(0)
    one.end()
    before = one.report()
    with open(one.dump, "r+b") as dump:
        dump.seek(CONTROL)
        dump.write(b"\1")
    after = one.report()  # and nothing on standard error
    assert not after["recording"]["damage"]
    assert after == before
    with open(one.dump, "r+b") as dump:
        dump.seek(CONTROL)
        dump.write(b"\7")
    assert one.report()["recording"]["damage"]


@pytest.mark.parametrize("threads", [0, 3])
@WAYS
def test_pauses_while_it_ends(running, threads, options):
    """Requests at every moment of the end: a whole dump, all accounted for."""
    for ending in range(ENDINGS):
        one = running(threads, options)
        stop = threading.Event()

        def hammer(one=one, stop=stop):
            word = 0
            with open(one.dump, "r+b") as dump:
                while not stop.is_set():
                    word = 1 - word
                    os.pwrite(dump.fileno(), bytes([word, 0, 0, 0]), CONTROL)
                    time.sleep(0.0005)

        hammerer = threading.Thread(target=hammer)
        hammerer.start()
        time.sleep(0.002 * ending)
        truth = one.end()
        stop.set()
        hammerer.join()
        process = one.report()
        recording = process["recording"]
        assert not recording["damage"] and not recording["truncated"], ending
        assert recording["lost_events"] == 0 and recording["double_allocations"] == 0
        assert allocated(process) + recording["paused_events"] >= truth["calls"]
        one.dump.unlink()


def test_flush(running):
    one = running(1)
    run = one.tell("flush")
    assert run.stdout.decode().startswith(f"{one.dump}: ")
    assert "on the disk" in run.stdout.decode()
    one.end()


@pytest.mark.parametrize("verb", ["pause", "resume", "flush"])
def test_others_are_refused(verb, running):
    """Processes that are not recorded, that are gone, and nonsense."""
    plain = subprocess.Popen(["sleep", "60"], env=environment())
    try:
        arguments = [str(plain.pid), "1000000000", "0", "-1", "x", ""]
        for argument in arguments:
            run = run_process([MFTRACE, verb, argument], environment())
            assert run.returncode == 2
            assert run.stdout == b""
            assert len(run.stderr.splitlines()) == 1
        assert run_process([MFTRACE, verb], environment()).returncode == 2
        assert run_process([MFTRACE, verb, "--help"], environment()).returncode == 0
    finally:
        plain.kill()
        plain.wait()


def test_reading_what_is_written_to(running):
    """Thirty reports of a process whose four threads allocate: each is whole, none says
    that something is lost, and figures only grow."""
    one = running(4)
    before = 0
    for look in range(LOOKS):
        process = one.report()
        recording = process["recording"]
        assert process["exit"] == "running"
        assert recording["lost_events"] == 0 and recording["double_allocations"] == 0
        assert recording["unmatched_frees"] == 0
        assert not recording["truncated"]
        assert recording["allocations"] >= before
        before = recording["allocations"]
        live = sum(site["live_blocks"] for site in process["sites"])
        assert live == recording["allocations"] - recording["frees"]
        # A thread has at most its slots; the rest is the C library's own.
        assert live <= 4 * 64 + look + 20
        if look % 10 == 0:
            one.keep()
    assert before > 0
    one.process.send_signal(signal.SIGKILL)
    one.process.wait()
    assert one.report()["recording"]["allocations"] >= before
