# SPDX-License-Identifier: MIT
"""Runs workloads under tools, interleaved, and collects what came out.

In each round every tool runs the workload once, and each round begins with another tool, so
that a machine that becomes slower or faster meanwhile treats all alike. A tool that takes
long gets fewer rounds: as many as fit into Plan.seconds_each, at least one.
"""
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from measuring import Limits, run
from profilers import EVERY_ROUND, MftraceRing
from redis_load import RedisLoad
from workloads import SMALL, LiveSet, Program, Sample, SelfTimed, Workload


@dataclass
class Plan:
    """How much to do. lengths: events of the traces whose growth is measured."""

    size: str
    rounds: int
    seconds_each: float
    verify_every: int
    lengths: list


@dataclass
class Place:
    """Where things are: built programs, the inputs, the scratch directory, and the limits."""

    programs: Path
    launcher: Path
    inputs: Path
    scratch: Path
    limits: Limits


@dataclass
class Results:
    """samples[workload][size][tool]: list of (round, Sample).
    recordings[workload]: what mftrace info says of its dump, and what reading it cost.
    readings[workload]: what heaptrack_print cost. verified[workload]: stacks compared with
    libunwind's. lengths: one entry for each trace length and tool. notes: what went wrong."""

    samples: dict = field(default_factory=dict)
    recordings: dict = field(default_factory=dict)
    readings: dict = field(default_factory=dict)
    verified: dict = field(default_factory=dict)
    lengths: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    def add(self, workload, size, tool, number, sample):
        rounds = self.samples.setdefault(workload, {}).setdefault(size, {}).setdefault(tool, [])
        rounds.append((number, sample))


class LongTrace(LiveSet):
    """The main thread alone over a small live set, for a given number of events."""

    group = "length"
    live = 10000

    def __init__(self, events):
        super().__init__(0)
        self.name = self.title = f"{events:,} events"
        self.steps = (events - 2 * self.live) // 2

    def work(self, size, fast):
        return self.steps


class Session:
    def __init__(self, profilers, mftrace, place, plan):
        self.profilers = profilers
        self.mftrace = mftrace
        self.place = place
        self.plan = plan
        self.results = Results()

    def progress(self, text):
        print(text, file=sys.stderr, flush=True)

    def fresh_directory(self):
        directory = self.place.scratch / "run"
        shutil.rmtree(directory, ignore_errors=True)
        (directory / "recording").mkdir(parents=True)
        return directory

    def read_info(self, dump):
        """What mftrace info says of the recorded program, or None when it cannot."""
        command = [self.mftrace, "info", "--json", "--top", "0", dump]
        info = subprocess.run(command, capture_output=True, text=True, check=False)
        if info.returncode != 0:
            return None
        return json.loads(info.stdout)["processes"][0]["recording"]

    def cost_of_reading(self, command):
        """Time and memory of a reading step, as JSON has them; None where it failed."""
        directory = self.place.scratch / "reading"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        cost = run(self.place.launcher, command, directory, self.place.limits)
        if cost.failure:
            self.results.notes.append(f"{command[0]} {command[1]}: {cost.failure}")
            return None
        return {"wall_s": cost.wall_s, "rss_bytes": cost.rss_bytes}

    def look_at_recording(self, workload, profiler, directory, first):
        """Counts of mftrace's dump, each time; the cost of reading a recording, once."""
        name = workload.name
        if profiler.name == "mftrace":
            info = self.read_info(profiler.dump(directory))
            if info is None:
                self.results.notes.append(f"{name}: mftrace cannot read its dump")
                return
            known = self.results.recordings.setdefault(name, {"lost_events": 0})
            lost = known["lost_events"] + info["lost_events"]
            known |= {k: info[k] for k in ("events", "file_bytes", "unwind", "damage")}
            known["lost_events"] = lost
            if first:
                known["reading"] = self.cost_of_reading(
                    [self.mftrace, "report", profiler.dump(directory)]
                )
        elif isinstance(profiler, MftraceRing):
            info = self.read_info(profiler.dump(directory))
            lost = info["lost_events"] if info else "all"
            if lost:
                self.results.notes.append(f"{name}, {profiler.name}: {lost} events lost")
        elif profiler.name == "heaptrack" and first and shutil.which("heaptrack_print"):
            trace = profiler.trace(directory)
            if trace:
                command = ["heaptrack_print", trace]
                self.results.readings[name] = self.cost_of_reading(command)

    def run_once(self, workload, profiler, size, number):
        directory = self.fresh_directory()
        place = self.place
        if size == SMALL:
            longer = Limits(2 * place.limits.seconds, place.limits.memory_bytes)
            place = replace(place, limits=longer)
        sample = workload.measure(profiler, size, place, directory)
        self.results.add(workload.name, size, profiler.name, number, sample)
        if sample.failure:
            self.results.notes.append(f"{workload.name}, {profiler.name}: {sample.failure}")
        elif size != SMALL:
            self.look_at_recording(workload, profiler, directory, number == 0)
        per_operation = sample.wall_ns / sample.operations if sample.operations else 0
        shown = sample.failure or (
            f"{sample.process_wall_s:.2f} s"
            + (f", {per_operation:.1f} ns an operation" if sample.operations > 1 else "")
        )
        self.progress(f"   {workload.name:16} {number + 1}  {profiler.title:18} {shown}")
        return sample

    def check_output(self, workload, profiler, sample, expected):
        """A traced program must print what it prints alone."""
        same = expected in sample.output if profiler.mixes_output else expected == sample.output
        if not same:
            sample.failure = "the program's output differs"
            self.results.notes.append(f"{workload.name}, {profiler.name}: {sample.failure}")

    def fits(self, workload, profiler):
        """Whether the tool takes part in every round of a workload."""
        if isinstance(profiler, MftraceRing) and not workload.ring:
            return False
        return profiler.schedule == EVERY_ROUND and not self.gave_up(workload, profiler)

    def gave_up(self, workload, profiler):
        """Whether the tool failed at the easier workload of the same kind."""
        sizes = self.results.samples.get(workload.easier, {})
        runs = sizes.get(self.plan.size, {}).get(profiler.name, [])
        if not any(sample.failure for _, sample in runs):
            return False
        sample = Sample(failure="not tried")
        self.results.add(workload.name, self.plan.size, profiler.name, 0, sample)
        return True

    def run_workload(self, workload):
        tools = [p for p in self.profilers if self.fits(workload, p)]
        rounds_left = {p.name: self.plan.rounds for p in tools}
        expected = None
        for number in range(self.plan.rounds):
            turn = number % len(tools)
            # The first is the plain run, which the others' output is compared with.
            for profiler in tools[turn:] + tools[:turn]:
                if rounds_left[profiler.name] <= 0:
                    continue
                sample = self.run_once(workload, profiler, self.plan.size, number)
                rounds_left[profiler.name] -= 1
                if sample.failure:
                    rounds_left[profiler.name] = 0
                    continue
                if isinstance(workload, Program):
                    expected = sample.output if expected is None else expected
                    self.check_output(workload, profiler, sample, expected)
                if number == 0:
                    fitting = int(self.plan.seconds_each / max(sample.process_wall_s, 1e-3))
                    rounds_left[profiler.name] = min(self.plan.rounds, max(1, fitting)) - 1

    def run_small(self, workload):
        """The slow tools, once each, next to a plain run of the same size."""
        slow = [p for p in self.profilers if p.schedule != EVERY_ROUND]
        if not slow or not workload.small:
            return
        for profiler in [p for p in self.profilers if p.name == "plain"] + slow:
            self.run_once(workload, profiler, SMALL, 0)

    def verify(self, workload):
        """Records once more with libunwind looking over the shoulder; counts differences."""
        profiler = next(p for p in self.profilers if p.name == "mftrace")
        directory = self.fresh_directory()
        profiler = profiler.verifying(self.plan.verify_every)
        sample = workload.measure(profiler, self.plan.size, self.place, directory)
        info = None if sample.failure else self.read_info(profiler.dump(directory))
        if info is None:
            self.results.notes.append(f"{workload.name}, verify: {sample.failure or 'no dump'}")
            return
        self.results.verified[workload.name] = {
            "checked": info["stacks_checked"], "different": info["stack_differences"],
        }
        self.progress(
            f"   {workload.name:16}    {info['stacks_checked']:,} stacks compared, "
            f"{info['stack_differences']:,} different"
        )

    def measure_length(self, events):
        """How recording and reading grow with the trace."""
        workload = LongTrace(events)
        workload.prepare(self.place)
        for profiler in self.profilers:
            if profiler.name == "heaptrack" and events > 10**7:
                continue  # takes minutes
            if profiler.name not in ("mftrace", "heaptrack"):
                continue
            directory = self.fresh_directory()
            sample = workload.measure(profiler, self.plan.size, self.place, directory)
            entry = {"events": events, "tool": profiler.name, "failure": sample.failure}
            if not sample.failure:
                entry |= {"recorded_bytes": sample.recorded_bytes,
                          "recording_s": sample.process_wall_s, "rss_bytes": sample.rss_bytes}
                if profiler.name == "mftrace":
                    info = self.read_info(profiler.dump(directory))
                    entry["events"] = info["events"] if info else events
                    entry["lost_events"] = info["lost_events"] if info else None
                    command = [self.mftrace, "report", profiler.dump(directory)]
                else:
                    command = ["heaptrack_print", profiler.trace(directory)]
                entry["reading"] = self.cost_of_reading(command)
            self.results.lengths.append(entry)
            reading = entry.get("reading")
            shown = f"read in {reading['wall_s']:.2f} s" if reading else "not read"
            self.progress(f"   {workload.name:20} {profiler.title:12} {shown}")

    def run(self, workloads, lengths):
        """Everything that was asked for, and returns the Results."""
        recorded = any(p.name == "mftrace" for p in self.profilers)
        ready = []
        for workload in workloads:
            missing = workload.missing()
            if missing:
                self.results.notes.append(f"{workload.name}: {missing} is not installed")
                continue
            workload.prepare(self.place)
            ready.append(workload)
        for workload in ready:
            self.progress(f"== {workload.title}")
            self.run_workload(workload)
            self.run_small(workload)
        if recorded:
            self.progress(f"== every {self.plan.verify_every}th stack against libunwind's")
            for workload in ready:
                if needs_verifying(workload):
                    self.verify(workload)
        if lengths:
            self.progress("== length of the trace")
            for events in self.plan.lengths:
                self.measure_length(events)
        return self.results


def needs_verifying(workload: Workload):
    """The real programs, and of the others those with the most varied stacks."""
    if isinstance(workload, SelfTimed):
        return workload.name in ("pair-20-vary4", "threads-2")
    return isinstance(workload, (Program, RedisLoad))
