# SPDX-License-Identifier: MIT
"""`mftrace check` and `mftrace run --check`: every budget under, at and over; what is
unknown is no pass."""

import json

import pytest

from gate import KIB, check, functions, gated, report_of, verdicts
from recording import MFTRACE, PROGRAMS, environment, mftrace, run_process


@pytest.mark.parametrize(
    "name",
    "leaked definite peak live-at-exit allocations temporary resident pinned".split(),
)
def test_each_budget(gate_scanned, name):
    """Under and exactly at the limit is within, one more is over; the value is that of
    the report."""
    value = report_of(gate_scanned)[name]
    assert value > 0
    for limit, status in ((value + 1, 0), (value, 0), (value - 1, 1)):
        found = verdicts(f"--max-{name}", str(limit), gate_scanned, status=status)
        verdict = found[f"max-{name}"]
        assert (verdict["value"], verdict["limit"]) == (value, limit)
        assert verdict["origin"] == f"--max-{name}"


def test_budget_of_a_ratio(gate_scanned):
    ratio = report_of(gate_scanned)["frag"]
    assert 0.001 < ratio < 0.9
    for limit, status in (
        (f"{ratio + 0.001:.6f}", 0),
        (f"{100 * ratio + 0.1:.6f}%", 0),
        (f"{ratio - 0.001:.6f}", 1),
        (f"{100 * ratio - 0.1:.4f}%", 1),
    ):
        found = verdicts("--max-frag", limit, gate_scanned, status=status)
        assert found["max-frag"]["value"] == pytest.approx(ratio)


def test_who_spent_it(gate_scanned):
    """The sites that spent it, the one with most first, and the command to look further."""
    found = verdicts("--max-peak", "1K", "--max-leaked=0", gate_scanned, status=1)
    assert functions(found["max-peak"])[0] == "held_at_peak"
    assert found["max-peak"]["sites"][0]["value"] == 4096 * KIB
    assert found["max-peak"]["next"] == f"mftrace peak {gate_scanned}"
    assert functions(found["max-leaked"])[0] == "lost_always"
    assert found["max-leaked"]["sites"][0]["value"] == 320
    text = check("--max-peak", "1K", "--max-leaked=0", gate_scanned, status=1)
    assert "over its budget of 1.00 KiB" in text
    assert "held_at_peak" in text and "lost_always" in text
    assert f"next: mftrace peak {gate_scanned}" in text
    assert text.splitlines()[-1] == "2 checked, 2 failed"


def test_text_fits(gate_scanned):
    budgets = ("--max-peak=1K", "--max-leaked=0", "--max-frag=0")
    text = check(*budgets, gate_scanned.name, status=1, cwd=gate_scanned.parent)
    assert max(map(len, text.splitlines())) <= 80


def test_unknown_is_no_pass(gate_runs):
    """Without a scan nobody knows what is definitely lost: 2, and what to do."""
    result = mftrace("check", "--no-config", "--max-definite", "1G", gate_runs[0])
    assert result.returncode == 2
    assert "--leak-scan" in " ".join(result.stdout.decode().split())
    found = verdicts("--max-definite", "1G", "--max-peak", "1G", gate_runs[0], status=2)
    assert found["max-definite"]["status"] == "unknown"
    assert found["max-peak"]["status"] == "passed"


def test_several_runs_the_worst_counts(gate_dumps, gate_runs):
    big = gated(gate_dumps / "big.mft", peak_kib=6000)
    limit = str(5 * KIB * KIB)
    check("--max-peak", limit, *gate_runs[:3], status=0)
    found = verdicts("--max-peak", limit, gate_runs[0], big, gate_runs[1], status=1)
    assert found["max-peak"]["next"] == f"mftrace peak {big}"


def test_what_no_process_or_call_site_fits_is_said(gate_runs, tmp_path):
    """Such a budget holds, but a pattern may be misspelt."""
    (tmp_path / "mftrace.ini").write_text(
        "[site a]\nmatch = lost_alweys\nmax-leaked = 0\n"
        "[process b]\nexe = gates\nmax-peak = 0\n"
    )
    found = verdicts(gate_runs[0], status=0, config=(), cwd=tmp_path)
    notes = {name: verdict["note"] for name, verdict in found.items()}
    assert notes == {
        "site a max-leaked": "no call site fits lost_alweys",
        "process b max-peak": "no such process ran",
    }
    for form in ("text", "junit", "markdown"):
        text = check("--format", form, gate_runs[0], status=0, config=(), cwd=tmp_path)
        text = text.replace("\\_", "_")
        assert all(note in text for note in notes.values()), form


def test_stored_report_instead_of_dump(gate_dumps, gate_runs):
    stored = gate_dumps / "stored.json"
    stored.write_bytes(mftrace("report", "--json", gate_runs[0]).stdout)
    one = verdicts("--max-peak", "1K", gate_runs[0], status=1)["max-peak"]
    other = verdicts("--max-peak", "1K", stored, status=1)["max-peak"]
    assert one["value"] == other["value"] and other["next"] is None
    assert functions(one) == functions(other)


# ---- In one command ---------------------------------------------------------------


def run_checked(tmp_path, *words, **popen):
    command = [MFTRACE, "run", "-q", "--check", "--no-config", *words]
    return run_process(command, environment(), cwd=tmp_path, **popen)


def test_run_check(tmp_path):
    gate = [PROGRAMS / "gated", "1000", "1", "1"]
    assert run_checked(tmp_path, "--max-peak=8M", "--", *gate).returncode == 0
    result = run_checked(tmp_path, "--max-peak=64K", "--", *gate)
    assert result.returncode == 1
    assert b"held_at_peak" in result.stderr and result.stdout == b""
    # A budget for what is lost takes a scan by itself.
    result = run_checked(tmp_path, "--max-definite=0", "--", *gate)
    assert result.returncode == 1 and b"lost_always" in result.stderr
    # The program's own status goes first; a broken budget stops before it runs.
    failing = ["sh", "-c", "exit 7"]
    assert run_checked(tmp_path, "--max-peak=1", "--", *failing).returncode == 7
    result = run_checked(tmp_path, "--max-peak=x", "--", "touch", "made")
    assert result.returncode == 2 and not (tmp_path / "made").exists()


def test_run_check_of_a_tree(tmp_path):
    """Three processes are one run: their leaks add up, their peaks do not."""
    gate = f"{PROGRAMS / 'gated'} 1000 100 1"
    words = ["--output", "tree/", "--check-output", "json=v.json", "--max-leaked=6399"]
    result = run_checked(tmp_path, *words, "--max-peak=1500K", "--", "sh", "-c",
                         f"{gate}; {gate}; true")
    assert result.returncode == 1
    answer = json.loads((tmp_path / "v.json").read_text())
    found = {v["name"]: v for v in answer["verdicts"]}
    assert found["max-leaked"]["status"] == "failed"
    assert found["max-leaked"]["value"] >= 6400
    assert found["max-peak"]["status"] == "passed"
    check("--max-leaked=6399", tmp_path / "tree", status=1)
