# SPDX-License-Identifier: MIT
"""The database of runs: its rows are the report's, it is added to, and never harmed; and
the queries of docs/export.md run in sqlite3's own shell."""

import collections
import json
import re
import sqlite3

import pytest

from exporting import REAL_PROGRAMS, export
from recording import PROGRAMS, ROOT, environment, mftrace, read_report, run_process

PROCESS = {
    "pid": ("pid",),
    "exe": ("exe",),
    "exit": ("exit",),
    "exit_status": ("exit_status",),
    "duration_ns": ("duration_ns",),
    "events": ("recording", "events"),
    "allocations": ("recording", "allocations"),
    "frees": ("recording", "frees"),
    "threads": ("recording", "threads"),
    "allocated_bytes": ("totals", "allocated_bytes"),
    "temporary": ("totals", "temporary_allocations"),
    "peak_bytes": ("peak", "bytes"),
    "peak_time_ns": ("peak", "time_ns"),
    "live_bytes": ("at_exit", "live_bytes"),
    "leaks_classified": ("leaks", "classified"),
    "leaked_bytes": ("leaks", "bytes"),
    "leaked_blocks": ("leaks", "blocks"),
}
SITE = ("allocations", "allocated_bytes", "temporary", "peak_bytes", "live_bytes")
SITE += ("leaked_bytes", "leaked_blocks", "leak_kind", "pinned_exclusive_bytes")

RINGS = PROGRAMS / "reachability" / "rings"


def open_database(path):
    database = sqlite3.connect(path)
    database.row_factory = sqlite3.Row
    assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    return database


def member(report, path):
    for key in path:
        report = report[key]
    return report


def expect_same_sites(database, number, process):
    rows = database.execute("SELECT * FROM sites WHERE process = ? ORDER BY site", [number])
    rows = rows.fetchall()
    assert len(rows) == len(process["sites"])
    for row, site in zip(rows, process["sites"], strict=True):
        assert row["fingerprint"] == site["id"]
        for name in SITE:
            assert row[name] == site[name], name
        stack = database.execute(
            "SELECT function, file, line FROM stacks JOIN frames USING (frame)"
            " WHERE site = ? ORDER BY depth",
            [row["site"]],
        ).fetchall()
        assert stack[0]["function"] == row["function"]
        whole = [(f["function"], f["file"], f["line"]) for f in site["frames"]]
        known = [tuple(frame) for frame in stack if "+0x" not in frame["function"]]
        assert set(known) <= set(whole)


def expect_same(database, number, process):
    row = database.execute("SELECT * FROM processes WHERE process = ?", [number]).fetchone()
    for column, path in PROCESS.items():
        assert row[column] == member(process, path), column
    expect_same_sites(database, number, process)
    snapshots = database.execute(
        "SELECT * FROM snapshots WHERE process = ? ORDER BY snapshot", [number]
    ).fetchall()
    assert len(snapshots) == len(process["snapshots"])
    for row, snapshot in zip(snapshots, process["snapshots"], strict=True):
        for name in ("time_ns", "reason", "rss_bytes", "resident_bytes", "free_bytes"):
            assert row[name] == snapshot[name], name
        pages = database.execute(
            "SELECT pages FROM pages WHERE snapshot = ? ORDER BY percent", [row["snapshot"]]
        )
        assert [p["pages"] for p in pages] == snapshot["page_occupancy"]
    timeline = database.execute(
        "SELECT max(highest_bytes), sum(allocations), sum(frees), sum(allocated_bytes)"
        " FROM timeline WHERE process = ?",
        [number],
    ).fetchone()
    recording = process["recording"]
    assert tuple(timeline) == (
        process["peak"]["bytes"],
        recording["allocations"],
        recording["frees"],
        process["totals"]["allocated_bytes"],
    )


@pytest.mark.parametrize("program", ["peak", "every_operator", "leaks", *REAL_PROGRAMS])
def test_rows_are_the_report(trace, tmp_path, program):
    command, env = REAL_PROGRAMS.get(program, ([program], None))
    run = trace(*command, env=env, options="leak_scan=1")
    database = open_database(export("sqlite", run.dumps, tmp_path / "runs.db"))
    [process] = read_report(run.dumps, validate=False)["processes"]
    assert process["recording"]["allocations"] > 0
    expect_same(database, 1, process)


def test_leaks_and_cycles(trace, tmp_path):
    run = trace(RINGS, options="leak_scan=1")
    database = open_database(export("sqlite", run.dumps, tmp_path / "runs.db"))
    leaks = run.process["leaks"]
    totals = dict(database.execute("SELECT kind, sum(bytes) FROM leaks GROUP BY kind"))
    for kind in ("definite", "indirect", "possible", "reachable"):
        assert totals.get(kind, 0) == leaks[kind]["bytes"], kind
    rows = database.execute("SELECT * FROM cycles ORDER BY cycle").fetchall()
    assert len(rows) == len(leaks["cycles"]) > 0
    for row, cycle in zip(rows, leaks["cycles"], strict=True):
        for name in ("bytes", "blocks", "retained_bytes", "length"):
            assert row[name] == cycle[name], name
        steps = database.execute(
            "SELECT count(*), max(step) FROM cycle_steps WHERE cycle = ?", [row["cycle"]]
        ).fetchone()
        assert steps[0] == min(row["length"], 7) and steps[1] == row["length"] - 1


def test_runs_are_added(trace, tmp_path):
    path = tmp_path / "runs.db"
    runs = [trace("peak"), trace("fork_tree"), trace("temporaries")]
    for run in runs:
        export("sqlite", run.dumps, path)
    database = open_database(path)
    assert [r["run"] for r in database.execute("SELECT run FROM runs")] == [1, 2, 3]
    members = database.execute("SELECT run FROM processes")
    assert collections.Counter(row["run"] for row in members) == {n + 1: len(run.processes) for n, run in enumerate(runs)}
    parents = database.execute(
        "SELECT c.ppid, p.pid FROM processes c JOIN processes p ON c.parent = p.process"
    ).fetchall()
    assert parents and all(row["ppid"] == row["pid"] for row in parents)
    expect_same(database, 1, runs[0].process)
    last = database.execute("SELECT max(process) FROM processes").fetchone()[0]
    expect_same(database, last, runs[2].process)
    database.execute("PRAGMA foreign_keys = ON")
    database.execute("DELETE FROM runs")
    for table in ("processes", "sites", "stacks", "frames", "timeline", "pages", "threads"):
        assert database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0, table


def refused(dumps, path, why):
    before = path.read_bytes()
    result = mftrace("export", "--format", "sqlite", "-o", path, dumps)
    assert result.returncode == 2
    assert result.stderr.decode().count("\n") == 1
    assert why in result.stderr.decode()
    assert path.read_bytes() == before


def test_other_files_stay_what_they_are(trace, tmp_path):
    run = trace("peak")
    text = tmp_path / "letter"
    text.write_text("Dear reader, " * 1000, encoding="utf-8")
    refused(run.dumps, text, "no database")
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE addresses (name TEXT)")
    database.close()
    refused(run.dumps, other, "not one of runs")
    newer = export("sqlite", run.dumps, tmp_path / "newer.db")
    with sqlite3.connect(newer) as database:
        database.execute("PRAGMA user_version = 2")
    database.close()
    refused(run.dumps, newer, "another version")
    result = mftrace("export", "--format", "sqlite", run.dumps)
    assert result.returncode == 2 and b"-o FILE" in result.stderr


def documented_queries():
    page = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    return re.findall(r"```sql\n(.*?)```", page, re.S)


def test_documented_queries_answer(trace, need, tmp_path):
    """Each gives at least one row on three runs, of which the last is bigger."""
    path = tmp_path / "runs.db"
    command, env = REAL_PROGRAMS["sqlite3"]
    export("sqlite", trace(*command, options="leak_scan=1").dumps, path)
    export("sqlite", trace(RINGS, options="leak_scan=1").dumps, path)
    more = [word.replace("5000", "20000") for word in command]
    export("sqlite", trace(*more, env=env, options="leak_scan=1").dumps, path)
    queries = documented_queries()
    assert len(queries) >= 5
    for query in queries:
        result = run_process([need("sqlite3"), "-json", path, query], environment())
        assert result.returncode == 0 and result.stderr == b"", (query, result.stderr)
        assert json.loads(result.stdout), query
