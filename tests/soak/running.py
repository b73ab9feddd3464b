# SPDX-License-Identifier: MIT
"""Runs commands of a suite, alone or recorded, and looks at the dumps afterwards.

Guarantees: a command that takes too long is ended with all of its session, and said to have
hung; nothing that a suite started outlives its run.
Not here: what the suites are (suites.py).
"""
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Outcome:
    """What one run of a suite came to."""

    ran: int = 0
    failing: set = field(default_factory=set)
    seconds: float = 0.0


@dataclass
class Health:
    """What the dumps of a run say of themselves, summed up."""

    dumps: int = 0
    events: int = 0
    lost: int = 0
    unordered: int = 0  # allocations of addresses that were live
    foreign: int = 0  # releases of blocks that nobody allocated
    damaged: list = field(default_factory=list)


class Place:
    """Where a run works, with its environment. dumps None: nothing is recorded."""

    def __init__(self, directory, library=None):
        self.work = directory / "work"
        self.work.mkdir(parents=True)
        self.dumps = None
        self.env = {name: value for name, value in os.environ.items()
                    if name not in ("LD_PRELOAD", "MFTRACE_OPTIONS")}
        self.env["LC_ALL"] = "C.UTF-8"
        self.env["HOME"] = str(self.work)
        # Some suites run as other users.
        self.work.chmod(0o1777)
        if library:
            self.dumps = directory / "dumps"
            self.dumps.mkdir()
            self.dumps.chmod(0o1777)
            self.env["LD_PRELOAD"] = str(library)
            output = str(self.dumps).replace("%", "%%").replace(":", "%:")
            self.env["MFTRACE_OPTIONS"] = f"output={output}/%e.%p.mft"

    def plain_env(self):
        """For what belongs to the runner and not to the program under test."""
        return {name: value for name, value in self.env.items()
                if name not in ("LD_PRELOAD", "MFTRACE_OPTIONS")}


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
        """Returns the exit status, negative for a signal, or None: it hung and was ended."""
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


def look_at_dumps(mftrace, directory):
    """The health of all dumps in a directory."""
    health = Health()
    for dump in sorted(Path(directory).glob("*.mft")):
        health.dumps += 1
        report = subprocess.run([mftrace, "report", "--json", "--top", "1", dump], capture_output=True,
                                check=False)
        if report.returncode:
            health.damaged.append(f"{dump.name}: {report.stderr.decode(errors='replace')}")
            continue
        for process in json.loads(report.stdout)["processes"]:
            recording = process["recording"]
            health.events += recording["events"]
            health.lost += recording["lost_events"]
            health.unordered += recording["double_allocations"]
            health.foreign += recording["unmatched_frees"]
            if recording["truncated"]:
                health.damaged.append(f"{dump.name}: damaged")
        dump.unlink()
    return health
