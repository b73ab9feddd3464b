# SPDX-License-Identifier: MIT
"""Medians, ratios and differences over the rounds of a session.

A figure that compares a tool with the plain run compares runs of the same round, and is the
median of these comparisons. A figure that does not exist is None.
"""
from math import exp, log
from statistics import median

from workloads import FULL, QUICK, SMALL


def wall_ns(sample):
    return sample.wall_ns / sample.operations


def cpu_ns(sample):
    return sample.cpu_ns / sample.operations


def rss_bytes(sample):
    return sample.rss_bytes


def geometric_mean(values):
    return exp(sum(map(log, values)) / len(values)) if values else None


class Figures:
    """Figures of one session's Results."""

    def __init__(self, results, workloads):
        self.results = results
        self.workloads = {w.name: w for w in workloads}

    def rounds(self, workload, tool, small=False):
        """{round: Sample} of the runs that went well."""
        sizes = self.results.samples.get(workload, {})
        found = {}
        for size in (SMALL,) if small else (FULL, QUICK):
            for number, sample in sizes.get(size, {}).get(tool, ()):
                if not sample.failure:
                    found[number] = sample
        return found

    def failure(self, workload, tool):
        """Why there is no figure, or None where nothing failed."""
        for tools in self.results.samples.get(workload, {}).values():
            for _, sample in tools.get(tool, ()):
                if sample.failure:
                    return sample.failure
        return None

    def value(self, workload, tool, what, small=False):
        samples = self.rounds(workload, tool, small).values()
        return median(map(what, samples)) if samples else None

    def compared(self, workload, tool, what, compare, small=False):
        """compare(tool's, plain's) of each round that has both."""
        own = self.rounds(workload, tool, small)
        plain = self.rounds(workload, "plain", small)
        return [compare(what(own[n]), what(plain[n])) for n in own if n in plain]

    def added(self, workload, tool, what, small=False):
        """How much more than plain, for one operation."""
        values = self.compared(workload, tool, what, lambda a, b: a - b, small)
        return median(values) if values else None

    def ratio(self, workload, tool, what=wall_ns):
        """How many times plain; of the slow tools at their own size."""
        for small in (False, True):
            values = self.compared(workload, tool, what, lambda a, b: a / b, small)
            if values:
                return median(values)
        return None

    def ratio_range(self, workload, tool, what=wall_ns):
        """(smallest, largest, number) of the rounds' ratios, or None."""
        values = self.compared(workload, tool, what, lambda a, b: a / b)
        return (min(values), max(values), len(values)) if values else None

    def events(self, workload):
        """Allocations and releases of one operation."""
        fixed = self.workloads[workload].events
        if fixed:
            return fixed
        recording = self.results.recordings.get(workload)
        samples = self.rounds(workload, "mftrace")
        if not recording or not samples:
            return None
        return recording["events"] / next(iter(samples.values())).operations

    def added_per_event(self, workload, tool, what):
        """Nanoseconds more than plain for one event, also from the small size where an
        operation's events are known."""
        events = self.events(workload)
        known = self.workloads[workload].events is not None
        added = self.added(workload, tool, what)
        if added is None and known:
            added = self.added(workload, tool, what, small=True)
        return added / events if events and added is not None else None

    def bytes_per_event(self, workload):
        recording = self.results.recordings.get(workload)
        return recording["file_bytes"] / recording["events"] if recording else None

    def written_per_event(self, workload, tool):
        """What another tool wrote, by the same number of events."""
        events = self.events(workload)
        values = [
            s.recorded_bytes / (s.operations * events + self.workloads[workload].extra_events)
            for s in self.rounds(workload, tool).values()
        ] if events else []
        return median(values) if values else None
