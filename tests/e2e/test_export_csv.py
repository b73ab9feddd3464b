# SPDX-License-Identifier: MIT
"""The CSV of call sites is what RFC 4180 says, and its figures are the report's."""

import csv
import re

import pytest

from exporting import REAL_PROGRAMS, export, export_rows
from recording import mftrace, read_report

SAME = (
    "allocations",
    "allocated_bytes",
    "temporary",
    "peak_bytes",
    "peak_blocks",
    "live_bytes",
    "live_blocks",
    "leaked_bytes",
    "leaked_blocks",
    "pinned_exclusive_bytes",
)


def expect_same(row, process, site):
    for member in SAME:
        assert int(row[member]) == site[member], member
    assert float(row["pinned_shared_bytes"]) == pytest.approx(
        site["pinned_shared_bytes"], abs=0.001
    )
    assert row["leak_kind"] == (site["leak_kind"] or "")
    assert row["site"] == site["id"]
    assert int(row["pid"]) == process["pid"]
    frames = [f["function"] for f in site["frames"] if f["function"]]
    shown = [name for name in row["stack"].split(" < ") if "+0x" not in name]
    assert not frames or set(shown) - {"[callers not known]"} <= set(frames)


@pytest.mark.parametrize("program", ["leaks", "every_operator", *REAL_PROGRAMS])
def test_rows_are_the_sites_of_the_report(trace, tmp_path, program):
    command, env = REAL_PROGRAMS.get(program, ([program], None))
    run = trace(*command, env=env, options="leak_scan=1")
    rows = export_rows(run.dumps, tmp_path / "sites.csv")
    [process] = read_report(run.dumps, validate=False)["processes"]
    assert len(rows) == len(process["sites"]) > 0
    for row, site in zip(rows, process["sites"], strict=True):
        expect_same(row, process, site)


def test_several_processes(trace, tmp_path):
    run = trace("fork_tree")
    rows = export_rows(run.dumps, tmp_path / "sites.csv")
    assert len(run.processes) > 1
    for process in run.processes:
        own = [row for row in rows if int(row["pid"]) == process["pid"]]
        total = sum(int(row["allocations"]) for row in own)
        assert total == process["recording"]["allocations"]


def test_every_line_ends_and_quotes_as_the_rfc_says(trace, tmp_path):
    run = trace("leaks")
    data = export("csv", run.dumps, tmp_path / "sites.csv").read_bytes()
    assert data.endswith(b"\r\n")
    assert data.count(b"\n") == data.count(b"\r\n")
    field = rb'(?:"(?:[^"]|"")*"|[^",\r\n]*)'
    for line in data.split(b"\r\n")[:-1]:
        assert re.fullmatch(field + rb"(?:," + field + rb")*", line), line


NAMES = ('=cmd|"x"!A0', "+1+1", "-2", "@SUM(A1)", 'a,b"c', "plain")


@pytest.mark.parametrize("name", NAMES)
def test_names_are_no_formulas(trace, need, name):
    """The command line is the program's to choose; it comes out as a text, and whole."""
    run = trace("bash", "-c", 'exec -a "$0" "$1"', name, need("leaks"))
    assert run.status == 0
    result = mftrace("export", "--format", "csv", run.dumps)
    assert result.returncode == 0
    rows = csv.DictReader(result.stdout.decode().splitlines(), strict=True)
    commands = {row["process"] for row in rows}
    assert ("" if name == "plain" or name[0] == "a" else "'") + name in commands
    assert not any(command.startswith(("=", "+", "-", "@")) for command in commands)


def test_the_metric_orders_the_rows(trace, tmp_path):
    run = trace("every_operator")
    for metric, member in (("peak", "peak_bytes"), ("allocated", "allocated_bytes")):
        path = export("csv", run.dumps, tmp_path / metric, "--metric", metric)
        with open(path, encoding="utf-8", newline="") as file:
            figures = [int(row[member]) for row in csv.DictReader(file)]
        assert figures == sorted(figures, reverse=True)
