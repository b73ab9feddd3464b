# SPDX-License-Identifier: MIT
"""A session's figures as markdown tables and as JSON, and their places in the documents.

A document has pairs of markers, <!-- bench:NAME --> and <!-- /bench:NAME -->; what is between
them is replaced by the section NAME.
"""
import re

from figures import cpu_ns, rss_bytes, wall_ns
from targets import PROGRAMS, RECORDED, growth, ring_times, verdicts

MIB = 1 << 20
MET = {True: "met", False: "**missed**", None: "not measured"}
NONE = "–"


def table(header, rows):
    """A markdown table; the first column is text, the others are figures."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def number(value, digits=0):
    return NONE if value is None else f"{value:,.{digits}f}"


def factor(value):
    """A ratio with about three digits."""
    if value is None:
        return NONE
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


class Tables:
    """titles: {tool: title} of the tools that were there, in the order of the columns."""

    def __init__(self, figures, titles, machine):
        self.figures = figures
        self.titles = titles
        self.machine = machine
        self.rings = [tool for tool in titles if tool.startswith("mftrace-ring-")]
        self.others = [tool for tool in titles if tool not in ("plain", *self.rings)]

    def measured(self, names):
        return [name for name in names if name in self.figures.results.samples]

    def in_group(self, group):
        return self.measured(w.name for w in self.figures.workloads.values() if w.group == group)

    def title(self, workload):
        return self.figures.workloads[workload].title

    def cell(self, workload, tool, text):
        """The figure, or what went wrong where there is none."""
        if text != NONE:
            return text
        return self.figures.failure(workload, tool) or NONE

    def by_tool(self, workloads, figure):
        """Tools down, workloads across; figure(workload, tool) gives a cell's text."""
        header = ["", *map(self.title, workloads)]
        rows = [
            [self.titles[tool], *(self.cell(w, tool, figure(w, tool)) for w in workloads)]
            for tool in self.others
        ]
        shown = [row for row in rows if any(cell != NONE for cell in row[1:])]
        return table(header, shown) if workloads and shown else "Not measured."

    def targets(self):
        found = verdicts(self.figures)
        rows = [[v.target, v.figure, MET[v.met]] for v in found]
        head = "| target | measured | |\n| --- | --- | --- |\n"
        return head + "\n".join("| " + " | ".join(row) + " |" for row in rows)

    def pair(self):
        def figure(workload, tool):
            small = not self.figures.rounds(workload, tool)
            return number(self.figures.added(workload, tool, wall_ns, small))

        names = self.in_group("pair")
        plain = [number(self.figures.value(w, "plain", wall_ns)) for w in names]
        alone = f"\n\nThe program alone: {', '.join(plain)} ns." if names else ""
        return self.by_tool(names, figure) + alone

    def threads(self):
        def figure(workload, tool):
            return number(self.figures.added_per_event(workload, tool, cpu_ns))

        return self.by_tool(self.in_group("threads"), figure)

    def growth(self):
        names = self.in_group("threads")
        base = self.figures.workloads
        rows = []
        for tool, title in self.titles.items():
            one = self.figures.value("threads-1", tool, wall_ns)
            cells = []
            for name in names:
                value = self.figures.value(name, tool, wall_ns)
                grown = value * base[name].threads / one if value and one else None
                cells.append(factor(grown))
            if any(cell != NONE for cell in cells):
                rows.append([title, *cells])
        return table(["", *map(self.title, names)], rows) if rows else "Not measured."

    def programs(self):
        def figure(workload, tool):
            return factor(self.figures.ratio(workload, tool))

        return self.by_tool(self.measured(PROGRAMS), figure)

    def spread(self):
        rows = []
        for name in self.figures.results.samples:
            found = self.figures.ratio_range(name, "mftrace")
            if found:
                ratio = self.figures.ratio(name, "mftrace")
                least, most, rounds = found
                rows.append([self.title(name), factor(ratio), f"{least:.2f} to {most:.2f}",
                             str(rounds)])
        return table(["mftrace, x plain", "median", "range", "rounds"], rows)

    def cpu(self):
        def figure(workload, tool):
            return number(self.figures.added_per_event(workload, tool, cpu_ns))

        return self.by_tool(self.measured(RECORDED), figure)

    def rates(self):
        def figure(workload, tool):
            ratio = self.figures.ratio(workload, tool)
            return number(1 / ratio if ratio else None, 2)

        names = self.measured(("churn", "redis"))
        text = self.by_tool(names, figure)
        for name in names:
            per = self.figures.value(name, "plain", wall_ns)
            if per:
                text += f"\n\n{self.title(name)} alone: {1e6 / per:,.0f} thousand a second."
        return text

    def memory(self):
        def figure(workload, tool):
            added = self.figures.added(workload, tool, rss_bytes)
            return NONE if added is None else number(added / MIB, 1)

        names = self.measured(("pair-20", "threads-1", "threads-8", "churn", *RECORDED))
        return self.by_tool(names, figure)

    def ring(self):
        """The flight recorder's cost and files next to the full recording's."""
        rows = []
        names = [w.name for w in self.figures.workloads.values() if w.ring]
        for name in self.measured(names):
            for tool in [t for t in ("mftrace", *self.rings) if t in self.titles]:
                bytes_written = self.figures.value(name, tool, lambda s: s.recorded_bytes)
                kind = "full" if tool == "mftrace" else self.titles[tool]
                times = None if tool == "mftrace" else ring_times(self.figures, name, tool)
                rows.append([
                    f"{self.title(name)}: {kind}",
                    self.cell(name, tool, factor(self.figures.ratio(name, tool))),
                    factor(times),
                    number(bytes_written and bytes_written / MIB, 1),
                ])
        header = ["", "time, x plain", "added, x full", "file, MiB"]
        return table(header, rows) if self.rings and rows else "Not measured."

    def dumps(self):
        rows = []
        for name, known in self.figures.results.recordings.items():
            reading = known.get("reading")
            theirs = self.figures.results.readings.get(name)
            rows.append([
                self.title(name),
                number(known["events"] / 1e6, 2),
                number(self.figures.bytes_per_event(name), 1),
                number(self.figures.written_per_event(name, "heaptrack-direct"), 1),
                number(reading["wall_s"] if reading else None, 2),
                number(reading["rss_bytes"] / MIB if reading else None),
                number(theirs["wall_s"] if theirs else None, 2),
                number(theirs["rss_bytes"] / MIB if theirs else None),
            ])
        header = ["", "events, M", "mftrace, bytes/event", "heaptrack raw, bytes/event",
                  "mftrace report, s", "MiB", "heaptrack_print, s", "MiB"]
        return table(header, rows) if rows else "Not measured."

    def lengths(self):
        rows = []
        for entry in self.figures.results.lengths:
            if entry["failure"]:
                rows.append([self.titles[entry["tool"]], number(entry["events"] / 1e6),
                             entry["failure"], *[NONE] * 5])
                continue
            read = entry.get("reading")
            rows.append([
                self.titles[entry["tool"]],
                number(entry["events"] / 1e6),
                number(entry["recorded_bytes"] / MIB, 1),
                number(entry["recorded_bytes"] / entry["events"], 2),
                number(entry["recording_s"], 2),
                number(read["wall_s"] if read else None, 2),
                number(entry["events"] / read["wall_s"] / 1e6 if read else None, 1),
                number(read["rss_bytes"] / MIB if read else None),
            ])
        header = ["", "events, M", "file, MiB", "bytes/event", "recording, s", "reading, s",
                  "read, M events/s", "MiB"]
        return table(header, rows) if rows else "Not measured."

    def notes(self):
        found = self.figures.results.notes
        return "\n".join(f"* {note}" for note in dict.fromkeys(found)) or "Nothing."

    def session(self):
        known = self.machine
        return (f"{known['cpus']} cores ({known['cpu']}), {known['memory_gib']} GiB of memory, "
                f"{known['system']}, Linux {known['kernel']}, glibc {known['glibc']}; "
                f"{known['rounds']} rounds, size \"{known['size']}\".")

    def summary(self):
        """A few figures for the README."""
        figures = self.figures
        rows = []
        for tool in ("mftrace", "heaptrack", "lsan", "memcheck"):
            if tool not in self.titles:
                continue
            rows.append([
                self.titles[tool],
                *(self.cell(w, tool, factor(figures.ratio(w, tool)))
                  for w in self.measured(PROGRAMS)),
                number(figures.added_per_event("threads-2", tool, cpu_ns))
                if self.measured(["threads-2"]) else NONE,
            ])
        header = ["time, x plain", *self.measured(PROGRAMS), "2 threads: added ns/event"]
        return table(header, rows)

    def sections(self):
        """{name: markdown} of everything that a document may show."""
        names = ("session", "targets", "pair", "threads", "growth", "programs", "cpu", "rates",
                 "memory", "ring", "dumps", "lengths", "spread", "notes", "summary")
        return {name: getattr(self, name)() for name in names}

    def page(self):
        """All tables as one page."""
        parts = [f"## {name}\n\n{text}" for name, text in self.sections().items()]
        return "# scripts/bench\n\n" + "\n\n".join(parts) + "\n"

    def computed(self):
        """Verdicts and derived figures for the JSON result."""
        derived = {}
        for workload, sizes in self.figures.results.samples.items():
            for tool in (*self.others, *self.rings):
                if not any(tool in tools for tools in sizes.values()):
                    continue
                derived.setdefault(workload, {})[tool] = {
                    "ratio_wall": self.figures.ratio(workload, tool),
                    "added_wall_ns_per_event":
                        self.figures.added_per_event(workload, tool, wall_ns),
                    "added_cpu_ns_per_event":
                        self.figures.added_per_event(workload, tool, cpu_ns),
                    "added_rss_bytes": self.figures.added(workload, tool, rss_bytes),
                    "failure": self.figures.failure(workload, tool),
                }
        return {
            "targets": [vars(verdict) for verdict in verdicts(self.figures)],
            "two_threads_growth": {tool: growth(self.figures, tool) for tool in self.titles},
            "figures": derived,
        }


def fill(document, sections):
    """The document with every marked place filled; ValueError for an unknown marker."""

    def replacement(match):
        name = match.group(1)
        if name not in sections:
            raise ValueError(f"no section {name}")
        return f"<!-- bench:{name} -->\n{sections[name]}\n<!-- /bench:{name} -->"

    pattern = r"<!-- bench:([a-z]+) -->\n.*?<!-- /bench:\1 -->"
    return re.sub(pattern, replacement, document, flags=re.S)
