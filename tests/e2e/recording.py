# SPDX-License-Identifier: MIT
"""One run of a program under the recorder, and what its reports say.

Run holds how the program ended; its reports are made on first use, from all the dumps that
the run left. Process is one entry of a report's "processes".
"""

import functools
import json
import os
import signal
import subprocess
from pathlib import Path

import jsonschema

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("MFTRACE_BUILD", ROOT / "build")).resolve()
LIBRARY = BUILD / "preload" / "libmftrace.so"
MFTRACE = BUILD / "analyzer" / "mftrace"
PROGRAMS = BUILD / "tests" / "programs"
SCHEMA = ROOT / "docs" / "report.schema.json"

TIMEOUT_SECONDS = 120


@functools.cache
def schema_validator():
    """The checker of reports, or None where the schema is missing: that is one test's
    failure (test_schema.py), not everybody's."""
    if not SCHEMA.exists():
        return None
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def environment(changes=None):
    """The environment of every program here: the caller's without what could trace."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("MFTRACE_")}
    for name in ("LD_PRELOAD", "DEBUGINFOD_URLS", "GLIBC_TUNABLES", "PYTHONMALLOC", "NO_COLOR"):
        env.pop(name, None)
    env["LC_ALL"] = "C.UTF-8"
    env.update(changes or {})
    return env


def escape(path):
    """A path as a value in MFTRACE_OPTIONS."""
    return str(path).replace("%", "%%").replace(":", "%:")


def run_process(command, env, timeout=TIMEOUT_SECONDS, stdin=None, **popen):
    """Runs a command to its end. A process that outlasts the timeout is ended with all of
    its process group, which is its own, and the test fails."""
    process = subprocess.Popen(
        [str(word) for word in command],
        env=env,
        stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
        stdout=popen.pop("stdout", subprocess.PIPE),
        stderr=popen.pop("stderr", subprocess.PIPE),
        start_new_session=True,
        **popen,
    )
    try:
        stdout, stderr = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        raise AssertionError(
            f"{command}: no end after {timeout} s; it had written {stdout!r} {stderr!r}"
        ) from None
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def mftrace(*arguments, timeout=TIMEOUT_SECONDS, **popen):
    """Runs the mftrace command, whatever it answers."""
    return run_process([MFTRACE, *arguments], environment(), timeout, **popen)


def read_report(*arguments, validate=True):
    """The report of dumps as an object, checked against the schema."""
    result = mftrace("report", "--json", *arguments)
    assert result.returncode == 0, (arguments, result.stderr.decode())
    report = json.loads(result.stdout)
    if validate and schema_validator():
        schema_validator().validate(report)
    return report


def base_name(function):
    """A function's name without namespaces and parameters."""
    name = (function or "").replace("(anonymous namespace)::", "")
    return name.split("(")[0].split("::")[-1]


class Process:
    """One process of a report."""

    def __init__(self, report):
        self.report = report

    def __getitem__(self, key):
        return self.report[key]

    def __repr__(self):
        return f"<process {self.report['pid']} {self.report['exe']}>"

    def sites_of(self, function):
        """The call sites with a frame of that function. What a signal handler
        allocates is the handler's, not the function's that it interrupted."""
        return [site for site in self.report["sites"] if self._is_of(site, function)]

    @staticmethod
    def _is_of(site, function):
        names = [base_name(frame["function"]) for frame in site["frames"]]
        if function not in names:
            return False
        return "in_signal_handler" not in names[: names.index(function)]

    def sum_of(self, function, member):
        """A member summed over the function's call sites."""
        return sum(site[member] for site in self.sites_of(function))

    def expect_nothing_lost(self):
        """Every event was recorded and understood."""
        recording = self["recording"]
        assert recording["lost_events"] == 0
        assert recording["truncated"] is False
        assert recording["double_allocations"] == 0

    def expect_truth(self, truth):
        """The sites that a program knows the truth about are recorded exactly so."""
        expected = truth["sites"]
        found = {
            function: {member: self.sum_of(function, member) for member in counts}
            for function, counts in expected.items()
        }
        assert found == expected

    def expect_whole_stacks(self, begins_at=lambda frame: False):
        """Every stack goes back to where the process or its thread began, or to another
        beginning by begins_at(outermost frame); and none is counted as cut."""
        for site in self["sites"]:
            outermost = site["frames"][-1]
            known = outermost["function"] in ("_start", "clone3")
            assert known or begins_at(outermost), site
        assert self["recording"]["unwind"]["truncated"] == 0
        assert self["recording"]["unwind"]["complete"] >= self["recording"]["allocations"]

    def exit_snapshot(self):
        """The snapshot taken when the process ended."""
        snapshots = [s for s in self["snapshots"] if s["reason"] == "exit"]
        assert len(snapshots) == 1
        return snapshots[0]


class Run:
    """A traced run: status, stdout, stderr as of any process, and the dumps it left."""

    def __init__(self, completed, dumps):
        self.status = completed.returncode
        self.stdout = completed.stdout
        self.stderr = completed.stderr
        self.dumps = dumps

    @functools.cached_property
    def truths(self):
        """What the program printed of itself, one object for each line."""
        return [json.loads(line) for line in self.stdout.decode().splitlines()]

    @property
    def truth(self):
        assert len(self.truths) == 1, self.truths
        return self.truths[0]

    @functools.cached_property
    def processes(self):
        """All processes of the run, complete."""
        return [Process(p) for p in read_report(self.dumps)["processes"]]

    @property
    def process(self):
        """The only process of the run."""
        assert len(self.processes) == 1, self.processes
        return self.processes[0]

    def top(self, count=40):
        """All processes with their most important sites only, for large recordings."""
        report = read_report("--top", str(count), self.dumps)
        return [Process(p) for p in report["processes"]]
