# SPDX-License-Identifier: MIT
"""The scan for pointers at exit: threads are stopped wherever they are, the program notices
nothing, and what the scan could not do it says."""

import os
import re

import pytest

from recording import mftrace

SLEEPERS = 12  # system calls that scan_threads knows


class Scan:
    """The records of the one scan of a run."""

    def __init__(self, run):
        (dump,) = run.dumps.iterdir()
        result = mftrace("dump", dump)
        assert (result.returncode, result.stderr) == (0, b"")
        text = result.stdout.decode()
        roots = re.findall(r"scan root +0x(\w+) +(\d+)  (\w+)(?: (\d+))?$", text, re.M)
        self.roots = [
            (int(start, 16), int(start, 16) + int(length), kind, int(owner or 0))
            for start, length, kind, owner in roots
        ]
        words = re.findall(r"scan word +0x(\w+) 0x(\w+)$", text, re.M)
        self.words = [(int(address, 16), int(value, 16)) for address, value in words]
        ends = re.findall(r"scan end +(.*)$", text, re.M)
        assert len(ends) == 1, ends
        self.end = dict(re.findall(r"(\w+)=(\d+)", ends[0]))
        self.lacks = re.findall(r"(?<= )[a-z]+(?= |$)", ends[0])
        self.end = {name: int(number) for name, number in self.end.items()}

    def holders(self, value):
        """The roots with a word of that value, as (kind, thread or module)."""
        places = [address for address, word in self.words if word == value]
        return {
            (kind, owner)
            for start, end, kind, owner in self.roots
            for place in places
            if start <= place < end
        }


def threads_of(truth):
    return [(truth[f"tid{i}"], int(truth[f"block{i}"], 16)) for i in range(truth["threads"])]


def record(trace, place, count=2, limit="", **how):
    run = trace("scan_threads", place, count, limit, options="leak_scan=1", **how)
    assert (run.status, run.stderr) == (7, b"")
    return run


def expect_stopped(run, kinds, lacks=()):
    """Every thread was stopped, and what it holds was found where it holds it."""
    scan = Scan(run)
    assert scan.lacks == list(lacks)
    assert scan.end["threads"] == run.truth["threads"]
    assert scan.end["running"] == 0
    assert scan.end["words_lost"] == 0
    for tid, block in threads_of(run.truth):
        assert scan.holders(block) & {(kind, tid) for kind in kinds}, (tid, hex(block))
    return scan


def test_asleep_in_every_call(trace):
    """Threads in system calls, of which most are not restarted after a signal: none sees
    EINTR (scan_threads would say so), and each holds its block on its stack."""
    expect_stopped(record(trace, "asleep", SLEEPERS), ["stack"])


@pytest.mark.parametrize("place", ["spinning", "blocking_all", "coroutine"])
def test_stacks(trace, place):
    expect_stopped(record(trace, place), ["stack"])


def test_register(trace):
    """A block that the program keeps in a register alone."""
    expect_stopped(record(trace, "register", 1), ["registers"])


def test_signal_stack(trace):
    """The stack pointer tells which stack it is."""
    run = record(trace, "signal_stack", 1)
    scan = expect_stopped(run, ["stack"])
    ((tid, _),) = threads_of(run.truth)
    (stack,) = [root for root in scan.roots if root[2:] == ("stack", tid)]
    assert stack[1] - stack[0] <= 64 * 1024


def test_a_thread_that_blocks_every_signal(trace):
    """It is not sent one, which would end the process when it unblocks it; its stack pointer
    is known, because it sleeps."""
    run = record(trace, "blocking_even_libc")
    scan = Scan(run)
    assert scan.lacks == ["threads"]
    assert scan.end["threads"] == scan.end["running"] == 2
    for tid, block in threads_of(run.truth):
        assert ("stack", tid) in scan.holders(block)


@pytest.mark.parametrize("attempt", range(3))
@pytest.mark.parametrize("place", ["making_threads", "changing_user"])
def test_threads_in_the_middle_of_something(trace, place, attempt):
    """Threads that come and go while others are stopped, and threads that use the signal
    themselves: setuid sends it to all."""
    run = record(trace, place, 3)
    scan = Scan(run)
    assert scan.lacks == []
    assert scan.end["threads"] >= 3
    for tid, block in threads_of(run.truth):
        assert scan.holders(block) & {("stack", tid), ("registers", tid)}


def test_where_the_marked_signal_is_refused(trace):
    """A filter that knows only tgkill."""
    expect_stopped(record(trace, "asleep", SLEEPERS, "no_queue"), ["stack"])


def test_setuid_where_the_marked_signal_is_refused(trace):
    """libc's own signal and ours look alike, and still each is taken for what it is."""
    expect_stopped(record(trace, "changing_user", 3, "no_queue"), ["stack", "registers"])


@pytest.mark.skipif(os.geteuid() != 0, reason="drops root's rights")
def test_a_process_that_cannot_open_its_own_memory(trace):
    """After setuid a process is not dumpable, and much of /proc/self is root's. Which call
    is to be begun anew must then be read from its instructions, and the last one, msgrcv,
    is not written as others are."""
    expect_stopped(record(trace, "asleep", SLEEPERS - 1, "no_rights"), ["stack"])


def test_deadline(trace):
    """It ends with what it has, in time, and says so; the program goes on."""
    run = trace("scan_heap", 400, options="leak_scan=1:scan_deadline=20")
    assert (run.status, run.stderr) == (0, b"")
    scan = Scan(run)
    assert scan.lacks == ["deadline"]
    assert 20e6 <= scan.end["ns"] < 120e6


def test_everything_before_the_deadline(trace):
    """The same heap without haste: each block is found in the one before."""
    run = trace("scan_heap", 40, options="leak_scan=1")
    assert (run.status, run.stderr) == (0, b"")
    scan = Scan(run)
    assert scan.lacks == []
    assert len(scan.words) >= run.truth["blocks"]


def test_without_the_option_there_is_none(trace):
    run = trace("scan_threads", "asleep", 2)
    assert run.status == 7
    (dump,) = run.dumps.iterdir()
    assert b" scan " not in mftrace("dump", dump).stdout


def test_a_forked_child_scans_itself(trace):
    run = trace("fork_tree", options="leak_scan=1")
    assert run.status == 0
    dumps = list(run.dumps.iterdir())
    assert len(dumps) > 1
    for dump in dumps:
        assert len(re.findall(rb" scan end ", mftrace("dump", dump).stdout)) == 1
