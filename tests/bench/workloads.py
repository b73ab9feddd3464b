# SPDX-License-Identifier: MIT
"""What scripts/bench runs under each tool, and how long that took.

A Workload has a command for each size, and turns what it cost into a Sample. Sizes: FULL,
QUICK (for --quick) and SMALL (for the tools that are too slow for the others). Where a
program measures its own rate it may do more work under the tools that are fast.
"""
import re
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from measuring import run

FULL, QUICK, SMALL = "full", "quick", "small"
INPUTS = Path(__file__).resolve().parent / "inputs"


@dataclass
class Sample:
    """One run. wall_ns and cpu_ns are of `operations` operations: what the program timed
    itself, or the whole process. recorded_bytes is what the tool wrote."""

    wall_ns: float = 0.0
    cpu_ns: float = 0.0
    operations: int = 1
    process_wall_s: float = 0.0
    rss_bytes: int = 0
    recorded_bytes: int = 0
    output: str = ""
    failure: str | None = None

    def as_json(self):
        members = asdict(self)
        del members["output"]
        return members


class Workload:
    """One program at work. events: allocations and releases of an operation, None where only
    a recording can tell. threads: how many work at once. small: whether the slow tools run it."""

    group = ""
    events = None
    extra_events = 0  # besides those of the operations: a run's set-up and its end
    threads = 1
    small = True
    ring = False  # whether the flight recorder is measured with it
    easier = None  # the workload that a tool must have managed, or this one is not tried

    def __init__(self, name, title):
        self.name, self.title = name, title

    def missing(self):
        """None, or the program that is not installed."""
        return None

    def prepare(self, place):
        """Makes the inputs; place has programs (directory of the built ones) and inputs."""

    def command(self, size, fast):
        """(program and arguments, environment, file for standard input or None)"""
        raise NotImplementedError

    def read(self, cost, sample):
        """Fills in the sample's times from a run's Cost."""
        sample.wall_ns = cost.wall_s * 1e9
        sample.cpu_ns = cost.cpu_s * 1e9

    def measure(self, profiler, size, place, directory):
        """Runs it under a profiler in an empty directory and returns a Sample."""
        program, environment, stdin = self.command(size, profiler.fast)
        command = profiler.command(program, directory, environment)
        cost = run(place.launcher, command, directory, place.limits, stdin)
        return self.sample(cost, profiler, directory)

    def sample(self, cost, profiler, directory):
        sample = Sample(
            process_wall_s=cost.wall_s,
            rss_bytes=cost.rss_bytes,
            output=cost.output,
            failure=cost.failure,
            recorded_bytes=profiler.recorded_bytes(directory),
        )
        if not sample.failure and profiler.writes and not sample.recorded_bytes:
            sample.failure = "recorded nothing"
        if not sample.failure:
            self.read(cost, sample)
        return sample


class SelfTimed(Workload):
    """A program of tests/bench that prints operations, wall and CPU time of its main part."""

    events = 2  # an operation is one allocation and one release
    sizes = {}
    fast_factor = 1

    def prepare(self, place):
        self.programs = place.programs

    def work(self, size, fast):
        return self.sizes[size] * (self.fast_factor if fast and size != SMALL else 1)

    def read(self, cost, sample):
        fields = dict(re.findall(r"(operations|wall_ns|cpu_ns)=(\d+)", cost.output))
        if len(fields) != 3:
            sample.failure = "its output is lost"
            return
        sample.operations = int(fields["operations"])
        sample.wall_ns = float(fields["wall_ns"])
        sample.cpu_ns = float(fields["cpu_ns"])


class Pair(SelfTimed):
    group = "pair"
    sizes = {FULL: 1000000, QUICK: 200000, SMALL: 20000}
    fast_factor = 4

    def __init__(self, depth, varying):
        which = f", {varying} frames vary" if varying else ", stable"
        name = f"pair-{depth}" + (f"-vary{varying}" if varying else "")
        super().__init__(name, f"depth {depth}{which}")
        self.depth, self.varying = depth, varying
        self.small = self.ring = depth == 20 and varying in (0, 2)

    def command(self, size, fast):
        pairs = self.work(size, fast)
        return [self.programs / "pair", str(self.depth), str(self.varying), str(pairs)], {}, None


class LiveSet(SelfTimed):
    group = "threads"
    live = 100000
    sizes = {FULL: 500000, QUICK: 100000, SMALL: 20000}
    fast_factor = 4

    def __init__(self, threads):
        super().__init__(f"threads-{threads}", f"{threads} thread{'s' * (threads > 1)}")
        self.threads = threads
        self.extra_events = 2 * self.live
        self.easier = f"threads-{threads // 2}" if threads > 1 else None
        self.small = threads <= 2

    def command(self, size, fast):
        live = self.live if size != SMALL else self.live // 10
        arguments = [str(self.threads), str(live), str(self.work(size, fast))]
        return [self.programs / "live_set", *arguments], {}, None


class ServerChurn(SelfTimed):
    group = "churn"
    ring = True
    threads = 2
    sizes = {FULL: 1000, QUICK: 300, SMALL: 1000}  # milliseconds

    def __init__(self):
        super().__init__("churn", "server churn, 2 threads")

    def command(self, size, fast):
        return [self.programs / "server_churn", "2", "5000", str(self.work(size, fast))], {}, None


class Program(Workload):
    """A real program that does a fixed piece of work."""

    group = "program"

    def __init__(self, name, program):
        super().__init__(name, name)
        self.program = program

    def missing(self):
        return None if shutil.which(self.program) else self.program


class Sqlite(Program):
    ring = True
    rows = {FULL: 150000, QUICK: 40000, SMALL: 4000}

    def __init__(self):
        super().__init__("sqlite3", "sqlite3")

    def prepare(self, place):
        text = (INPUTS / "work.sql").read_text(encoding="utf-8")
        self.scripts = {size: place.inputs / f"{size}.sql" for size in self.rows}
        for size, rows in self.rows.items():
            self.scripts[size].write_text(text.replace("@ROWS@", str(rows)), encoding="utf-8")

    def command(self, size, fast):
        return ["sqlite3", ":memory:"], {}, self.scripts[size]


class Interpreter(Program):
    """An interpreter with a script of inputs/, whose argument is the amount of work."""

    def __init__(self, name, program, script, work, environment):
        super().__init__(name, program)
        self.script, self.work, self.environment = script, work, environment

    def command(self, size, fast):
        program = [self.program, INPUTS / self.script, str(self.work[size])]
        return program, self.environment, None


class Cc1plus(Program):
    """g++ -O2 without its driver, which heaptrack would trace instead of the compiler."""

    amounts = {FULL: 2, QUICK: 1, SMALL: 0}

    def __init__(self):
        super().__init__("cc1plus", "g++")

    def prepare(self, place):
        finding = ["g++", "-print-prog-name=cc1plus"]
        self.compiler = subprocess.run(
            finding, check=True, capture_output=True, text=True
        ).stdout.strip()
        self.sources = {size: place.inputs / f"{size}.ii" for size in (FULL, QUICK, SMALL)}
        for size, source in self.sources.items():
            less = [f"-DAMOUNT={self.amounts[size]}"]
            subprocess.run(
                ["g++", "-std=gnu++17", *less, "-E", INPUTS / "heavy.cc", "-o", source],
                check=True,
            )

    def command(self, size, fast):
        program = [self.compiler, "-quiet", "-fpreprocessed", "-std=gnu++17", "-O2"]
        return [*program, self.sources[size], "-o", "/dev/null"], {}, None


def programs():
    """The real programs with a fixed piece of work."""
    python = {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    perl = {"PERL_HASH_SEED": "0", "PERL_PERTURB_KEYS": "0"}
    return [
        Sqlite(),
        Interpreter("python3", "/usr/bin/python3", "work.py",
                    {FULL: 250, QUICK: 60, SMALL: 5}, python),
        Cc1plus(),
        Interpreter("perl", "perl", "work.pl", {FULL: 70000, QUICK: 20000, SMALL: 2000}, perl),
    ]


def microbenchmarks():
    """The programs of tests/bench."""
    shapes = [(8, 0), (20, 0), (43, 0), (8, 2), (8, 4), (20, 2), (20, 4), (43, 4)]
    return [
        *(Pair(depth, varying) for depth, varying in shapes),
        *(LiveSet(threads) for threads in (1, 2, 4, 8)),
        ServerChurn(),
    ]
