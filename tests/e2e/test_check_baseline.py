# SPDX-License-Identifier: MIT
"""Baselines of `mftrace check`: what is noise and what is growth, programs that come and
go, recordings and stored reports that are not whole."""

import gzip
import json
import re

import pytest

from gate import check, functions, gated, record, verdicts
from recording import BUILD, PROGRAMS, mftrace


def test_no_false_regression(gate_runs):
    """Ten runs of the same threads: none is worse than another."""
    for run in gate_runs[1:]:
        check("--baseline", gate_runs[0], run, status=0)
    check("--baseline", gate_runs[0], "--baseline", gate_runs[1], *gate_runs[2:], status=0)


def test_growth_is_caught(gate_dumps, gate_runs):
    """6 % more at the peak is over the default tolerance, and names who grew."""
    grown = gated(gate_dumps / "grown.mft", peak_kib=4096 * 106 // 100 + 1)
    found = verdicts("--baseline", gate_runs[0], grown, status=1)
    assert {n for n, v in found.items() if v["status"] == "failed"} == {"gated peak"}
    assert functions(found["gated peak"])[0] == "held_at_peak"
    assert found["gated peak"]["next"] == f"mftrace diff {gate_runs[0]} {grown}"
    check("--baseline", gate_runs[0], "--tolerance", "10%", grown, status=0)
    # The other way round it is no regression.
    check("--baseline", grown, gate_runs[0], status=0)
    # What is within the runs of the baseline is noise.
    check("--baseline", gate_runs[0], "--baseline", grown, grown, status=0)


def test_new_leak_within_the_total(gate_dumps, gate_runs):
    """One block of 32 bytes at a new site, while the total has not grown."""
    anew = gated(gate_dumps / "anew.mft", lost=9, anew=1)
    found = verdicts("--baseline", gate_runs[0], "--baseline", gate_runs[1], anew, status=1)
    failed = [v for v in found.values() if v["status"] == "failed"]
    assert [(v["kind"], v["value"]) for v in failed] == [("new-leak", 32)]
    assert functions(failed[0])[0] == "lost_anew"
    assert found["gated leaked"]["status"] == "passed"


# ---- Programs that come and go ----------------------------------------------------


@pytest.fixture(scope="module")
def trees(gate_dumps):
    """A tree of two programs, and one in which one of them does not run any more."""
    gate = f"{PROGRAMS / 'gated'} 1000 1 1"
    two = f"{gate}; {PROGRAMS / 'peak'}; true"
    both = record(f"{gate_dumps / 'both'}/", "sh", "-c", two)
    one = record(f"{gate_dumps / 'one'}/", "sh", "-c", f"{gate}; true")
    return both, one


def test_program_that_has_not_run(trees, tmp_path):
    """It fails, unless it may be missing: by option or by the file."""
    both, one = trees
    (tmp_path / "mftrace.ini").write_text(f"baseline = {both}\nallow-missing = yes\n")
    for options, config, status in (
        ([], ("--no-config",), 1),
        (["--allow-missing"], ("--no-config",), 0),
        ([], (), 0),
    ):
        words = ("--baseline", both, *options, one)
        found = verdicts(*words, status=status, config=config, cwd=tmp_path)
        failed = {n for n, v in found.items() if v["status"] == "failed"}
        assert failed == ({"peak missing"} if status else set())
        missing = found["peak missing"]
        assert (missing["kind"], missing["rule"]) == ("missing", "program-missing")
        assert (missing["value"], missing["base"], missing["limit"]) == (0, 1, None)
        text = check(*words, status=status, config=config, cwd=tmp_path)
        text = " ".join(text.split())
        assert "peak: has not run; the baseline has 1 process of it" in text
        assert ("which may be missing" in text) == (status == 0)
    log = json.loads(check("--format=sarif", "--baseline", both, one, status=1))
    (result,) = log["runs"][0]["results"]
    rules = {rule["id"] for rule in log["runs"][0]["tool"]["driver"]["rules"]}
    assert result["ruleId"] == "program-missing" and result["ruleId"] in rules


def test_program_that_is_new(trees):
    """What it leaks is new, and so is its peak."""
    both, one = trees
    found = verdicts("--baseline", one, both, status=1)
    failed = {n for n, v in found.items() if v["status"] == "failed"}
    assert "peak peak" in failed and not any(n.startswith("gated") for n in failed)
    assert found["peak peak"]["base"] == 0


def test_baseline_of_other_programs(gate_runs, gate_dumps):
    """A tree that has none of the baseline's programs says nothing of it."""
    other = record(f"{gate_dumps / 'other'}/", "sh", "-c", f"{PROGRAMS / 'peak'}; true")
    only = record(gate_dumps / "grows.mft", PROGRAMS / "temporaries")
    tree = gate_dumps / "otherwise"
    tree.mkdir()
    for i, dump in enumerate((gate_runs[0], only)):
        (tree / f"{i}.mft").write_bytes(dump.read_bytes())
    found = verdicts("--baseline", tree, other, status=2)
    (unknown,) = [v for v in found.values() if v["status"] == "unknown"]
    assert unknown["note"] == "none of the baseline's programs ran"


# ---- Real ones, with threads ------------------------------------------------------


def test_one_lost_block_among_ten_thousand_sites(gate_dumps):
    """32 bytes at a new call site, or at one of those that are known."""
    program = PROGRAMS / "ten_thousand_sites"
    base = record(gate_dumps / "sites.mft", program)
    for how, function in (("new", "lose_one"), ("known", "site_4711")):
        lost = record(gate_dumps / f"sites-{how}.mft", program, how)
        found = verdicts("--baseline", base, lost, status=1)
        (leak,) = [v for v in found.values() if v["kind"] == "new-leak"]
        assert leak["value"] == 32 and function in functions(leak)


PYTHON = """
import threading
kept = []
def work(n):
    kept.append([bytes(1000 + i % 7) for i in range({count})])
threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for t in threads: t.start()
for t in threads: t.join()
"""


def test_real_program_with_threads(gate_dumps):
    """Ten runs of CPython with four threads: none is worse than the first ones; where the
    peak is 6 % higher, each is."""

    def run(name, count):
        path = gate_dumps / f"python.{name}.mft"
        words = ["env", "PYTHONMALLOC=malloc", "/usr/bin/python3", "-c"]
        record(f"{path}/", *words, PYTHON.format(count=count))
        return path

    base = [run(f"base{i}", 2000) for i in range(2)]
    baseline = [word for path in base for word in ("--baseline", path)]
    for i in range(8):
        check(*baseline, run(i, 2000), status=0)
    for i in range(2):
        found = verdicts(*baseline, run(f"grown{i}", 2150), status=1)
        (peak,) = [v for n, v in found.items() if re.fullmatch("python.* peak", n)]
        assert peak["status"] == "failed" and 1.06 <= peak["value"] / peak["base"] < 1.07


def test_threads_that_come_and_go(gate_dumps):
    """Ten runs of threads that inherit each other's blocks, in arenas as they find them."""
    server = BUILD / "tests" / "bench" / "server_churn"
    churn = [record(gate_dumps / f"churn{i}.mft", server, 4, 2000, 100) for i in range(10)]
    for run in churn[1:]:
        check("--baseline", churn[0], run, status=0)
    check("--baseline", churn[0], "--baseline", churn[1], *churn[2:], status=0)
    grown = record(gate_dumps / "churn.mft", server, 4, 2150, 100)
    found = verdicts("--baseline", churn[0], grown, status=1)
    assert found["server_churn peak"]["status"] == "failed"


# ---- Stored, and not whole --------------------------------------------------------


def test_recording_that_is_not_whole(gate_runs, tmp_path):
    """It passes nothing, on either side: its peak may be too low, its leaks none."""
    cut = tmp_path / "cut.mft"
    whole = gate_runs[0].read_bytes()
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    stored = tmp_path / "cut.json"
    stored.write_bytes(mftrace("report", "--json", cut).stdout)
    assert json.loads(stored.read_text())["processes"][0]["recording"]["truncated"]
    for words in (
        ["--max-peak=1G", cut],
        ["--max-peak=1G", stored],
        ["--max-peak=1G", gate_runs[0], cut],
        ["--tolerance=99", "--baseline", cut, gate_runs[0]],
    ):
        found = verdicts(*words, status=2)
        (unknown,) = [v for v in found.values() if v["status"] == "unknown"]
        assert (unknown["name"], unknown["kind"]) == ("recording gated", "recording")
        assert unknown["rule"] == "recording-not-whole"
        assert "the recording is not whole" in check(*words, status=2)
    assert "next: mftrace info" in check("--max-peak=1G", cut, status=2)


def test_stored_baseline_without_all_sites(gate_dumps, gate_runs):
    """What was left out with --top cannot be told from what is new."""
    short = gate_dumps / "short.json"
    short.write_bytes(mftrace("report", "--json", "--top", "0", gate_runs[0]).stdout)
    found = verdicts("--baseline", short, gate_runs[1], status=2)
    (unknown,) = [v for v in found.values() if v["status"] == "unknown"]
    assert unknown["name"] == "gated new leaks" and "--top" in unknown["note"]
    assert not [v for v in found.values() if v["status"] == "failed"]


def test_compressed_baseline(gate_dumps, gate_runs):
    stored = gate_dumps / "packed.json.gz"
    packed = gzip.compress(mftrace("report", "--json", gate_runs[0]).stdout)
    stored.write_bytes(packed)
    anew = gated(gate_dumps / "packed.mft", anew=1)
    assert verdicts("--baseline", stored, gate_runs[1], status=0)
    assert verdicts("--baseline", stored, anew, status=1).keys() == verdicts(
        "--baseline", gate_runs[0], anew, status=1
    ).keys()
    stored.write_bytes(packed[:-20])
    result = mftrace("check", "--no-config", "--baseline", stored, gate_runs[1])
    assert result.returncode == 2
    (said,) = result.stderr.decode().splitlines()
    assert said.startswith(f"mftrace: {stored}: cannot be read: ")


def test_stored_baseline_in_the_file(tmp_path, gate_dumps, gate_runs):
    (tmp_path / "memory.json").write_bytes(mftrace("report", "--json", gate_runs[0]).stdout)
    (tmp_path / "mftrace.ini").write_text("baseline = memory.json\ntolerance = 1%\n")
    below = tmp_path / "below"
    below.mkdir()
    grown = gated(gate_dumps / "grown2.mft", peak_kib=4200)
    check(grown, status=1, config=(), cwd=below)
    check(gate_runs[1], status=0, config=("--tolerance", "8%"), cwd=below)


def test_leaks_with_and_without_scan_are_not_compared(gate_runs, gate_scanned):
    found = verdicts("--baseline", gate_runs[0], gate_scanned, status=2)
    assert [v["status"] for v in found.values()].count("unknown") == 1
