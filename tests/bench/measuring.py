# SPDX-License-Identifier: MIT
"""Runs a command and says what it cost.

Guarantees: a command that takes too long or too much memory is ended with all its children
(it is the leader of a session of its own) and reported as failed; nothing is raised for it.
Not here: which commands, and what their output means.
"""
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass

POLL_SECONDS = 0.1
MEMORY_POLLS = 5  # looks at memory every so many polls: it reads all of /proc


@dataclass
class Cost:
    """What a command cost; failure is None or says in a few words why the rest is void."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    rss_bytes: int = 0
    output: str = ""
    failure: str | None = None


@dataclass
class Limits:
    """seconds and bytes (of all processes together) that a command may take."""

    seconds: float
    memory_bytes: int


def session_rss_bytes(session):
    """Resident bytes of all processes of a session; what they share counts each time."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = 0
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            total += int(fields[21]) * page
    return total


class Running:
    """A command that runs, until wait() ends it one way or the other."""

    def __init__(self, launcher, command, directory, limits, stdin=None):
        self.result = directory / "cost.txt"
        self.stdout = directory / "stdout.txt"
        self.stderr = directory / "stderr.txt"
        self.limits = limits
        self.started = time.monotonic()
        with open(stdin or os.devnull, "rb") as source, open(self.stdout, "wb") as out, open(
            self.stderr, "wb"
        ) as err:
            self.process = subprocess.Popen(
                [str(launcher), str(self.result), *map(str, command)],
                stdin=source,
                stdout=out,
                stderr=err,
                cwd=directory,
                start_new_session=True,
            )

    def end(self):
        """Ends the command and its children, whatever they are doing."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def overrun(self, polls):
        if time.monotonic() - self.started > self.limits.seconds:
            return f"over {self.limits.seconds:.0f} s"
        if polls % MEMORY_POLLS == 0:
            rss = session_rss_bytes(self.process.pid)
            if rss > self.limits.memory_bytes:
                return f"over {self.limits.memory_bytes / 2**30:.0f} GiB"
        return None

    def wait(self):
        """Waits for the end and returns the Cost."""
        polls = 0
        while True:
            try:
                self.process.wait(POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                polls += 1
                failure = self.overrun(polls)
                if failure:
                    self.end()
                    return Cost(failure=failure, output=self.text(self.stdout))
        self.end()  # children that outlived it
        return self.read_cost()

    @staticmethod
    def text(path):
        return path.read_text(encoding="utf-8", errors="replace")

    def read_cost(self):
        output = self.text(self.stdout)
        line = self.text(self.result) if self.result.exists() else ""
        fields = {k: int(v) for k, v in re.findall(r"(\w+)=(-?\d+)", line)}
        if "wall_ns" not in fields:
            return Cost(failure="could not be started", output=output)
        failure = None
        if fields["signal"]:
            failure = f"died of signal {fields['signal']}"
        elif fields["exit"] != 0:
            failure = f"exit status {fields['exit']}"
        return Cost(
            wall_s=fields["wall_ns"] / 1e9,
            cpu_s=(fields["user_us"] + fields["system_us"]) / 1e6,
            rss_bytes=fields["maxrss_kib"] * 1024,
            output=output,
            failure=failure,
        )


def run(launcher, command, directory, limits, stdin=None):
    """Runs a command in a directory and returns its Cost."""
    return Running(launcher, command, directory, limits, stdin).wait()
