# SPDX-License-Identifier: MIT
"""The same faults with heaptrack, for comparison.

heaptrack is loaded as its own command loads it, and writes its trace into a pipe as there;
what comes out of the pipe is counted, without a look at call sites. That is the traced
process's side alone: what its interpreter makes of the trace is not looked at.
"""

import os
import select
import threading
from pathlib import Path

import judge
from attempt import Attempt, fault_env, preload_words
from fault import BEGUN, COUNTED, EXACT, NAMED, UNTRACED

LIBRARY = Path("/usr/lib/heaptrack/libheaptrack_preload.so")


def installed():
    return LIBRARY.exists()


class Trace(threading.Thread):
    """Reads the pipe and counts the lines of allocations and releases."""

    def __init__(self, path):
        super().__init__(daemon=True)
        os.mkfifo(path, 0o622)
        os.chmod(path, 0o622)
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)  # never at its end
        self.events = 0
        self.ending = threading.Event()
        self.start()

    def run(self):
        rest = b""
        while True:
            ready, _, _ = select.select([self.fd], [], [], 0.05)
            if not ready:
                if self.ending.is_set():
                    break
                continue
            lines = (rest + os.read(self.fd, 1 << 20)).split(b"\n")
            rest = lines.pop()
            self.events += sum(line[:2] in (b"+ ", b"- ") for line in lines)
        os.close(self.fd)

    def finish(self):
        self.ending.set()
        self.join()
        return self.events


def run_rival(fault, place, allocator, native, short=False):
    """The verdict on heaptrack in this fault."""
    pipe = place / "heaptrack.pipe"
    pipe.unlink(missing_ok=True)
    trace = Trace(pipe)
    words = preload_words(fault, allocator, str(LIBRARY))
    try:
        attempt = Attempt(fault, place, fault_env(fault, place), [
            "LD_PRELOAD=" + ":".join(words), f"DUMP_HEAPTRACK_OUTPUT={pipe}"], short)
    finally:
        events = trace.finish()
    verdict = judge.judge_behaviour(fault, attempt, native)
    return verdict or judge_events(fault, attempt, events)


def judge_events(fault, attempt, events):
    if fault.recorded in (NAMED, UNTRACED):
        return ""
    if fault.recorded == BEGUN or not attempt.truths:
        return "" if events else "nothing recorded"
    # It does not claim to record calls of mmap.
    expected = sum(judge.expected_events(truth) - truth.get("mapping_calls", 0)
                   for truth in attempt.truths)
    assert fault.recorded in (EXACT, COUNTED)
    pids = {truth.get("pid") for truth in attempt.truths}
    if events < expected:
        return f"{expected - events} of {expected} lost"
    # More than expected is no fault: what libraries allocate is in the trace, too. But
    # there is one trace only, so that processes in it cannot be told apart.
    return "processes mixed" if len(pids) > 1 else ""
