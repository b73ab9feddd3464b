# SPDX-License-Identifier: MIT
"""Budgets in a file, and what `mftrace check` refuses: one line with what and where."""

import json
import re

import pytest

from gate import functions, report_of, verdicts
from recording import mftrace


# ---- The file ---------------------------------------------------------------------


FILE = """
max-peak = {peak}
max-leaked = 1KiB

[site parser]
match = lost_*
max-leaked = {lost}

[process gate]
exe = gat*
max-allocations = {allocations}
"""


def test_file_is_found_upwards(tmp_path, gate_runs):
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    report = report_of(gate_runs[0])
    for lost, allocations, failed in (
        (320, report["allocations"], set()),
        (319, report["allocations"], {"site parser max-leaked"}),
        (320, report["allocations"] - 1, {"process gate max-allocations"}),
    ):
        (tmp_path / "mftrace.ini").write_text(
            FILE.format(peak="1G", lost=lost, allocations=allocations)
        )
        found = verdicts(gate_runs[0], status=1 if failed else 0, config=(), cwd=below)
        assert len(found) == 4
        assert {n for n, v in found.items() if v["status"] == "failed"} == failed
        assert found["site parser max-leaked"]["origin"].endswith("mftrace.ini:7")
        assert functions(found["site parser max-leaked"])[0] == "lost_always"
    # The command line goes before the file; --config names another; --no-config none.
    found = verdicts("--max-peak", "1K", gate_runs[0], status=1, config=(), cwd=below)
    assert found["max-peak"]["origin"] == "--max-peak"
    other = tmp_path / "other.ini"
    other.write_text("max-temporary = 0\n")
    found = verdicts("--config", other, gate_runs[0], status=1, config=(), cwd=below)
    assert list(found) == ["max-temporary"]
    result = mftrace("check", "--no-config", gate_runs[0], cwd=below)
    assert result.returncode == 2 and b"nothing to check" in result.stderr


@pytest.mark.parametrize(
    "text, line, key",
    [
        ("\nmax-peek = 1\n", 2, "max-peek"),
        ("max_peak = 1\n", 1, "max_peak"),
        ("Max-Peak = 1\n", 1, "Max-Peak"),
        ("max-peak = plenty\n", 1, "max-peak"),
        ("max-peak =\n", 1, "max-peak"),
        ("max-peak = 64 Mi\n", 1, "max-peak"),
        ("max-peak = -1\n", 1, "max-peak"),
        ("max-peak = 1e6\n", 1, "max-peak"),
        ("max-peak = 999999T\n", 1, "max-peak"),
        ("max-allocations = 5MiB\n", 1, "max-allocations"),
        ("max-frag = 2\n", 1, "max-frag"),
        ("max-frag = 30 percent\n", 1, "max-frag"),
        ("max-peak = 1\n\nmax-peak = 2\n", 3, "max-peak"),
        ("[site a]\nmatch = b\nmax-resident = 1\n", 3, "max-resident"),
        ("[site a]\nmatch = b\nmax-peak = x\n", 3, "max-peak"),
        ("[site a]\nexe = b\n", 2, "exe"),
        ("[site a]\nmax-peak = 1\n", 1, "match"),
        ("[site a]\nmatch =\nmax-peak = 1\n", 2, "match"),
        ("[site a]\nmatch = b\n", 1, "site a"),
        ("[site a]\nmatch = b\nmax-peak = 1\n[site a]\n", 4, "site a"),
        ("[site a]\nmatch = b\ntolerance = 1%\n", 3, "tolerance"),
        ("[site a]\nmatch = b\nbaseline = c\n", 3, "baseline"),
        ("[site a]\nmatch = b\nallow-missing = yes\n", 3, "allow-missing"),
        ("[process a]\nmatch = b\n", 2, "match"),
        ("[process a]\nmax-peak = 1\n", 1, "exe"),
        ("[sites]\nmatch = b\n", 1, "sites"),
        ("[site]\nmatch = b\n", 1, "site"),
        ("[[site]]\nmatch = b\n", 1, r"\[site"),
        ("tolerance = some\n", 1, "tolerance"),
        ("tolerance = -5%\n", 1, "tolerance"),
        ("baseline =\n", 1, "baseline"),
        ("allow-missing = maybe\n", 1, "allow-missing"),
    ],
)
def test_broken_files(tmp_path, gate_runs, text, line, key):
    (tmp_path / "mftrace.ini").write_text(text)
    result = mftrace("check", gate_runs[0], cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, b"")
    said = result.stderr.decode().splitlines()
    assert len(said) == 1
    assert re.match(rf"mftrace: \S*/mftrace\.ini: line {line}: {key}: \w", said[0]), said


@pytest.mark.parametrize("text", ["max-peak\n", "[site a\n", "max-peak = 1\n]\n", "\0\n"])
def test_lines_that_are_none(tmp_path, gate_runs, text):
    (tmp_path / "mftrace.ini").write_text("# budgets\n" + text)
    result = mftrace("check", gate_runs[0], cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, b"")
    (said,) = result.stderr.decode().splitlines()
    line = 1 + len(text.splitlines())
    assert re.match(rf"mftrace: \S*/mftrace\.ini: line {line}: \w", said), said


# ---- The command line -------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, word",
    [
        ([], "which dump"),
        (["--max-peak", "-1", "DUMP"], "--max-peak"),
        (["--max-peak", "", "DUMP"], "--max-peak"),
        (["--max-peak", "1", "--max-peak", "2", "DUMP"], "given twice"),
        (["--max-frag", "110%", "DUMP"], "too large"),
        (["--max-size", "1", "DUMP"], "no such option"),
        (["--max", "1", "DUMP"], "no such option"),
        (["--max-peak"], "lacks its value"),
        (["--max-peak", "1"], "which dump"),
        (["DUMP"], "nothing to check"),
        (["--no-config", "--tolerance", "5%", "DUMP"], "nothing to check"),
        (["--no-config", "--config", "x", "DUMP"], "--config"),
        (["--format", "yaml", "DUMP"], "--format"),
        (["--output", "junit", "--max-peak", "1", "DUMP"], "--output"),
        (["--output", "junit=", "--max-peak", "1", "DUMP"], "--output"),
        (["--output", "xunit=x", "--max-peak", "1", "DUMP"], "--output"),
        (["--tolerance", "much", "DUMP"], "--tolerance"),
        (["--baseline", "/nonexistent", "DUMP"], "/nonexistent"),
        (["--baseline", "EMPTY", "DUMP"], "EMPTY"),
        (["--baseline", "JSON", "DUMP"], "JSON"),
        (["--baseline", "TEXT", "DUMP"], "TEXT"),
        (["--config", "/nonexistent", "DUMP"], "/nonexistent"),
        (["--config", "/", "DUMP"], "/"),
        (["--max-peak", "1", "/nonexistent"], "/nonexistent"),
        (["--max-peak", "1", "DIRECTORY"], "DIRECTORY"),
        (["--max-peak", "1", "DUMP", "JSON"], "JSON"),
        (["--max-peak", "1", "--output", "text=/nonexistent/x", "DUMP"], "/nonexistent/x"),
    ],
)
def test_refused(gate_runs, tmp_path, arguments, word):
    words = [gate_runs[0] if word == "DUMP" else word for word in arguments]
    (tmp_path / "EMPTY").touch()
    (tmp_path / "JSON").write_text('{"schema": "mftrace-report/1"}')
    (tmp_path / "TEXT").write_text("no dump")
    (tmp_path / "DIRECTORY").mkdir()
    result = mftrace("check", *words, cwd=tmp_path)
    assert result.returncode == 2
    said = result.stderr.decode().splitlines()
    assert len(said) == 1 and said[0].startswith("mftrace: ") and word in said[0]


def test_other_schema_version_is_refused(gate_dumps, gate_runs):
    stored = json.loads(mftrace("report", "--json", gate_runs[0]).stdout)
    stored["schema"] = "mftrace-report/2"
    path = gate_dumps / "future.json"
    path.write_text(json.dumps(stored))
    result = mftrace("check", "--no-config", "--baseline", path, gate_runs[0])
    said = result.stderr.decode().splitlines()
    assert result.returncode == 2 and len(said) == 1
    assert str(path) in said[0] and "mftrace-report/2" in said[0]
