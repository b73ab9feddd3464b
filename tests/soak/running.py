# SPDX-License-Identifier: MIT
"""Runs commands of a suite, alone or recorded.

Guarantees: a command that takes too long is ended with all of its session, and said to have
hung; nothing that a suite started outlives its run.
Not here: what the suites are (suites.py, workloads.py), what the dumps say (health.py).
"""
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field

from health import Health, look_at_dumps


@dataclass
class Outcome:
    """What one run of a suite came to."""

    ran: int = 0
    failing: set = field(default_factory=set)
    seconds: float = 0.0


def outcome(checks, seconds):
    """checks: name -> passed."""
    return Outcome(len(checks), {name for name, passed in checks.items() if not passed},
                   seconds)


class Recorder:
    """What is recorded with: a build's library and reader, and options for the library."""

    def __init__(self, build, options):
        self.library = build / "preload/libmftrace.so"
        self.mftrace = build / "analyzer/mftrace"
        self.options = options


class Place:
    """Where a run works, with its environment. recorder None: nothing is recorded.

    part: (K, N), the Kth of N shares of a suite's files. tree: its sources, if it has any.
    """

    def __init__(self, directory, recorder=None, part=(1, 1), tree=None):
        self.work = directory / "work"
        self.work.mkdir(parents=True)
        self.part = part
        self.tree = tree
        self.health = Health()
        self.recorder = recorder
        self.begun = time.monotonic()
        self.reading_s = 0.0
        self.env = {name: value for name, value in os.environ.items()
                    if name not in ("LD_PRELOAD", "MFTRACE_OPTIONS")}
        self.env["LC_ALL"] = "C.UTF-8"
        self.env["HOME"] = str(self.work)
        # Some suites run as other users.
        self.work.chmod(0o1777)
        if recorder:
            self.dumps = directory / "dumps"
            self.dumps.mkdir()
            self.dumps.chmod(0o1777)
            self.env["LD_PRELOAD"] = str(recorder.library)
            output = str(self.dumps).replace("%", "%%").replace(":", "%:")
            self.env["MFTRACE_OPTIONS"] = ":".join([f"output={output}/%e.%p.mft",
                                                    *recorder.options])

    def plain_env(self):
        """For what belongs to the runner and not to the program under test."""
        return {name: value for name, value in self.env.items()
                if name not in ("LD_PRELOAD", "MFTRACE_OPTIONS")}

    def share(self, names):
        """This place's part of a suite's files."""
        which, parts = self.part
        return names[which - 1::parts]

    def look(self):
        """Reads the dumps so far and removes them; nothing may be running here."""
        if self.recorder:
            begun = time.monotonic()
            look_at_dumps(self.recorder.mftrace, self.dumps, self.health)
            self.reading_s += time.monotonic() - begun

    def start(self):
        """The suite's clock begins now."""
        self.begun = time.monotonic()
        self.reading_s = 0.0

    def seconds(self):
        """What the suite has taken, but for the reading of dumps."""
        return time.monotonic() - self.begun - self.reading_s


class Started:
    """A process that was started in a session of its own."""

    def __init__(self, place, command, recorded=True, **options):
        self.log = place.work / f"log.{time.monotonic_ns()}"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command, env=place.env if recorded else place.plain_env(),
                cwd=options.pop("cwd", place.work), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True, **options)

    def wait(self, seconds):
        """Returns the exit status, negative for a signal; None: it hung and was ended."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        self.end()
        return status

    def end(self):
        """Ends what is left of the session."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def text(self):
        return self.log.read_text(errors="replace")


def run(place, command, seconds, **options):
    """Runs a command to its end. Returns its status (None: hung) and its output."""
    started = Started(place, command, **options)
    return started.wait(seconds), started.text()
