# SPDX-License-Identifier: MIT
"""The fault matrix: every fault, with every allocator, in every round, and its table.

A row counts its attempts and keeps the first text of a verdict for each allocator. Natively
each fault is run once for each allocator, and anew where a verdict says that something
differs: a program that differs from itself proves nothing.
"""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import attempt
import judge
import machine
import rival
from fault import ALLOCATORS, COUNTED, EXACT, Fault

WIDTH = 80
WHAT = 40
OURS = 18
# What an allocator maps by the C library's functions are events, too: glibc's, and others'.
OWN_MAPPINGS = (0, 64)


@dataclass
class Row:
    """What became of one fault."""

    fault: Fault
    missing: str = ""
    passed: int = 0
    attempts: int = 0
    failures: list = field(default_factory=list)  # (allocator, verdict), each once
    rival: str = "-"

    @property
    def ours(self):
        """The text of our column."""
        if self.missing:
            return f"not here: {self.missing}"
        if not self.failures:
            return f"ok {self.passed}"
        allocator, verdict = self.failures[0]
        name = "" if allocator == "glibc" else f"{allocator}: "
        return f"{self.attempts - self.passed}/{self.attempts} {name}{verdict}"


class Matrix:
    """Runs faults and keeps their rows."""

    def __init__(self, allocators, rounds, short=False, with_rival=False):
        self.allocators = allocators
        self.rounds = rounds
        self.short = short
        self.with_rival = with_rival
        self.rows = []
        self.around = {}
        # Programs run there as other users, too.
        self.place = Path(tempfile.mkdtemp(prefix="faults."))
        self.place.chmod(0o755)

    def close(self):
        shutil.rmtree(self.place, ignore_errors=True)

    def events_around(self, allocator):
        """The events of a process that does nothing."""
        if allocator not in self.around:
            nothing = Fault("", "nothing", ("nothing",))
            done = attempt.run_traced(nothing, self.place, allocator)
            assert len(done.processes) == 1, done.stderr
            self.around[allocator] = done.processes[0]["recording"]["events"]
        return self.around[allocator]

    def run(self, fault):
        """Runs one fault in all rounds; returns its row."""
        row = Row(fault)
        self.rows.append(row)
        for need in fault.needs:
            row.missing = row.missing or machine.what_is_missing(need) or ""
        if row.missing:
            return row
        for allocator in self.allocators if fault.allocators else ("glibc",):
            self.run_with(fault, allocator, row)
        return row

    def run_with(self, fault, allocator, row):
        native = attempt.run_natively(fault, self.place, allocator, self.short)
        if native.hung:
            row.missing = "hangs natively"
            return
        tells = fault.recorded in (EXACT, COUNTED)
        if allocator != "glibc" and tells and not native.truths:
            return  # the program does not come to its end with this allocator
        around = self.events_around(allocator) + OWN_MAPPINGS[allocator != "glibc"]
        for _ in range(self.rounds):
            traced = attempt.run_traced(fault, self.place, allocator, self.short)
            verdict = judge.judge(fault, traced, native, around)
            row.attempts += 1
            row.passed += not verdict
            if verdict and (allocator, verdict) not in row.failures:
                row.failures.append((allocator, verdict))
        if allocator == "glibc" and self.with_rival and fault.rival:
            row.rival = rival.run_rival(fault, self.place, allocator, native, self.short)
            row.rival = row.rival or "ok"

    @property
    def failed(self):
        return [row for row in self.rows if row.failures]


def cut(text, width):
    return text if len(text) <= width else text[: width - 1] + "~"


def format_row(entry, what, ours, other):
    line = f"{entry:3} {cut(what, WHAT):{WHAT}} {cut(ours, OURS):{OURS}}"
    room = WIDTH - len(line) - 1
    return f"{line} {cut(other, room)}".rstrip()


def heading():
    return format_row("", "what is done to the recorder", "mftrace", "heaptrack")


def as_text(row):
    """A row of the table, and below it what did not fit or is more than one verdict."""
    lines = [format_row(row.fault.entry, row.fault.what, row.ours, row.rival)]
    if len(row.failures) > 1 or len(row.ours) > OURS:
        lines += [f"    {allocator}: {verdict}" for allocator, verdict in row.failures]
    return "\n".join(lines)


def summary(matrix):
    """One line for all."""
    attempts = sum(row.attempts for row in matrix.rows)
    bad = attempts - sum(row.passed for row in matrix.rows)
    absent = sum(bool(row.missing) for row in matrix.rows)
    text = f"{len(matrix.rows)} faults, {attempts} attempts, {bad} failed"
    if absent:
        text += f", {absent} not possible here"
    if matrix.with_rival:
        tried = [row for row in matrix.rows if row.rival != "-"]
        lost = sum(row.rival != "ok" for row in tried)
        text += f"; heaptrack fails {lost} of {len(tried)}"
    return text


def read_markdown(table):
    """The cells of a table that as_markdown has made: (entry, what) to (ours, rival)."""
    cells = [[cell.strip() for cell in line.strip("| \n").split(" | ")]
             for line in table.splitlines() if line.startswith("| ")]
    return {(row[0], row[1]): (row[2], row[3]) for row in cells[1:] if len(row) == 4}


def as_markdown(matrix, faults, before):
    """The table for docs/reliability.md: the rows of this run, and of those before what was
    not run. faults: all there are, in their order."""
    cells = dict(before)
    for row in matrix.rows:
        other = row.rival
        if other == "-":
            other = before.get((row.fault.entry, row.fault.what), ("", "-"))[1]
        cells[row.fault.entry, row.fault.what] = (row.ours, other)
    names = [(fault.entry, fault.what) for fault in faults]
    known = [(*name, *cells[name]) for name in names if name in cells]
    ours = sum(not row[2].startswith(("ok", "not here")) for row in known)
    tried = [row[3] for row in known if row[3] != "-"]
    lost = sum(word != "ok" for word in tried)
    lines = [
        f"{len(known)} faults: mftrace fails {ours}, heaptrack {lost} of the {len(tried)} "
        "that it was run in.",
        "",
        "| entry | what is done to the recorder | mftrace | heaptrack |",
        "|---|---|---|---|",
    ]
    lines += ["| " + " | ".join(row) + " |" for row in known]
    return "\n".join(lines) + "\n"


def known_allocators():
    """Those that are installed."""
    return [name for name, file in ALLOCATORS.items()
            if not file or attempt.find_library(file)]
