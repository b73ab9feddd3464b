# SPDX-License-Identifier: MIT
"""`mftrace check` and `mftrace run --check`: every budget under, at and over; baselines and
their noise; the formats as their readers read them; refusals and their words."""

import gzip
import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import jsonschema
import pytest

from recording import BUILD, MFTRACE, PROGRAMS, ROOT, environment, mftrace, run_process
from viewers import JUNIT_SCHEMA

KIB = 1024


def record(path, *words, options=()):
    result = mftrace("run", "-q", *options, "-o", path, "--", *words)
    assert result.returncode == 0, result.stderr
    return path


def gated(path, peak_kib=4096, lost=10, temporaries=100, anew=0, options=()):
    program = PROGRAMS / "gated"
    return record(path, program, peak_kib, lost, temporaries, anew, options=options)


@pytest.fixture(scope="module")
def dumps(tmp_path_factory):
    return tmp_path_factory.mktemp("gate")


@pytest.fixture(scope="module")
def scanned(dumps):
    return gated(dumps / "scanned.mft", options=["--leak-scan"])


@pytest.fixture(scope="module")
def runs(dumps):
    return [gated(dumps / f"{i}.mft") for i in range(10)]


def check(*arguments, status, config=("--no-config",), **popen):
    result = mftrace("check", *config, *arguments, **popen)
    assert result.returncode == status, (arguments, result.stdout, result.stderr)
    return result.stdout.decode()


def verdicts(*arguments, status, **popen):
    answer = json.loads(check("--format", "json", *arguments, status=status, **popen))
    schema = json.loads((ROOT / "docs" / "check.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(answer)
    assert answer["exit_status"] == status
    return {verdict["name"]: verdict for verdict in answer["verdicts"]}


def functions(verdict, n=0):
    return [frame["function"] for frame in verdict["sites"][n]["frames"]]


# ---- Budgets ----------------------------------------------------------------------


def report_of(dump):
    process = json.loads(mftrace("report", "--json", dump).stdout)["processes"][0]
    snapshots = process["snapshots"]
    return {
        "leaked": process["leaks"]["bytes"],
        "definite": process["leaks"]["definite"]["bytes"],
        "peak": process["peak"]["bytes"],
        "live-at-exit": process["at_exit"]["live_bytes"],
        "allocations": process["recording"]["allocations"],
        "temporary": process["totals"]["temporary_allocations"],
        "resident": max(snapshot["resident_bytes"] for snapshot in snapshots),
        "frag": process["fragmentation"]["ratio"],
        "pinned": process["fragmentation"]["pinned_bytes"],
    }


@pytest.mark.parametrize(
    "name",
    "leaked definite peak live-at-exit allocations temporary resident pinned".split(),
)
def test_each_budget(scanned, name):
    """Under and exactly at the limit is within, one more is over; the value is that of
    the report."""
    value = report_of(scanned)[name]
    assert value > 0
    for limit, status in ((value + 1, 0), (value, 0), (value - 1, 1)):
        found = verdicts(f"--max-{name}", str(limit), scanned, status=status)
        verdict = found[f"max-{name}"]
        assert (verdict["value"], verdict["limit"]) == (value, limit)
        assert verdict["origin"] == f"--max-{name}"


def test_budget_of_a_ratio(scanned):
    ratio = report_of(scanned)["frag"]
    assert 0.001 < ratio < 0.9
    for limit, status in (
        (f"{ratio + 0.001:.6f}", 0),
        (f"{100 * ratio + 0.1:.6f}%", 0),
        (f"{ratio - 0.001:.6f}", 1),
        (f"{100 * ratio - 0.1:.4f}%", 1),
    ):
        found = verdicts("--max-frag", limit, scanned, status=status)
        assert found["max-frag"]["value"] == pytest.approx(ratio)


def test_who_spent_it(scanned):
    """The sites that spent it, the one with most first, and the command to look further."""
    found = verdicts("--max-peak", "1K", "--max-leaked=0", scanned, status=1)
    assert functions(found["max-peak"])[0] == "held_at_peak"
    assert found["max-peak"]["sites"][0]["value"] == 4096 * KIB
    assert found["max-peak"]["next"] == f"mftrace peak {scanned}"
    assert functions(found["max-leaked"])[0] == "lost_always"
    assert found["max-leaked"]["sites"][0]["value"] == 320
    text = check("--max-peak", "1K", "--max-leaked=0", scanned, status=1)
    assert "over its budget of 1.00 KiB" in text
    assert "held_at_peak" in text and "lost_always" in text
    assert f"next: mftrace peak {scanned}" in text
    assert text.splitlines()[-1] == "2 checked, 2 failed"


def test_text_fits(scanned):
    budgets = ("--max-peak=1K", "--max-leaked=0", "--max-frag=0")
    text = check(*budgets, scanned.name, status=1, cwd=scanned.parent)
    assert max(map(len, text.splitlines())) <= 80


def test_unknown_is_no_pass(runs):
    """Without a scan nobody knows what is definitely lost: 2, and what to do."""
    result = mftrace("check", "--no-config", "--max-definite", "1G", runs[0])
    assert result.returncode == 2
    assert "--leak-scan" in " ".join(result.stdout.decode().split())
    found = verdicts("--max-definite", "1G", "--max-peak", "1G", runs[0], status=2)
    assert found["max-definite"]["status"] == "unknown"
    assert found["max-peak"]["status"] == "passed"


def test_several_runs_the_worst_counts(dumps, runs):
    big = gated(dumps / "big.mft", peak_kib=6000)
    limit = str(5 * KIB * KIB)
    check("--max-peak", limit, *runs[:3], status=0)
    found = verdicts("--max-peak", limit, runs[0], big, runs[1], status=1)
    assert found["max-peak"]["next"] == f"mftrace peak {big}"


def test_what_no_process_or_call_site_fits_is_said(runs, tmp_path):
    """Such a budget holds, but a pattern may be misspelt."""
    (tmp_path / "mftrace.ini").write_text(
        "[site a]\nmatch = lost_alweys\nmax-leaked = 0\n"
        "[process b]\nexe = gates\nmax-peak = 0\n"
    )
    found = verdicts(runs[0], status=0, config=(), cwd=tmp_path)
    notes = {name: verdict["note"] for name, verdict in found.items()}
    assert notes == {
        "site a max-leaked": "no call site fits lost_alweys",
        "process b max-peak": "no such process ran",
    }
    for form in ("text", "junit", "markdown"):
        text = check("--format", form, runs[0], status=0, config=(), cwd=tmp_path)
        text = text.replace("\\_", "_")
        assert all(note in text for note in notes.values()), form


def test_stored_report_instead_of_dump(dumps, runs):
    stored = dumps / "stored.json"
    stored.write_bytes(mftrace("report", "--json", runs[0]).stdout)
    one = verdicts("--max-peak", "1K", runs[0], status=1)["max-peak"]
    other = verdicts("--max-peak", "1K", stored, status=1)["max-peak"]
    assert one["value"] == other["value"] and other["next"] is None
    assert functions(one) == functions(other)


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


def test_file_is_found_upwards(tmp_path, runs):
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    report = report_of(runs[0])
    for lost, allocations, failed in (
        (320, report["allocations"], set()),
        (319, report["allocations"], {"site parser max-leaked"}),
        (320, report["allocations"] - 1, {"process gate max-allocations"}),
    ):
        (tmp_path / "mftrace.ini").write_text(
            FILE.format(peak="1G", lost=lost, allocations=allocations)
        )
        found = verdicts(runs[0], status=1 if failed else 0, config=(), cwd=below)
        assert len(found) == 4
        assert {n for n, v in found.items() if v["status"] == "failed"} == failed
        assert found["site parser max-leaked"]["origin"].endswith("mftrace.ini:7")
        assert functions(found["site parser max-leaked"])[0] == "lost_always"
    # The command line goes before the file; --config names another; --no-config none.
    found = verdicts("--max-peak", "1K", runs[0], status=1, config=(), cwd=below)
    assert found["max-peak"]["origin"] == "--max-peak"
    other = tmp_path / "other.ini"
    other.write_text("max-temporary = 0\n")
    found = verdicts("--config", other, runs[0], status=1, config=(), cwd=below)
    assert list(found) == ["max-temporary"]
    result = mftrace("check", "--no-config", runs[0], cwd=below)
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
def test_broken_files(tmp_path, runs, text, line, key):
    (tmp_path / "mftrace.ini").write_text(text)
    result = mftrace("check", runs[0], cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, b"")
    said = result.stderr.decode().splitlines()
    assert len(said) == 1
    assert re.match(rf"mftrace: \S*/mftrace\.ini: line {line}: {key}: \w", said[0]), said


@pytest.mark.parametrize("text", ["max-peak\n", "[site a\n", "max-peak = 1\n]\n", "\0\n"])
def test_lines_that_are_none(tmp_path, runs, text):
    (tmp_path / "mftrace.ini").write_text("# budgets\n" + text)
    result = mftrace("check", runs[0], cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, b"")
    (said,) = result.stderr.decode().splitlines()
    line = 1 + len(text.splitlines())
    assert re.match(rf"mftrace: \S*/mftrace\.ini: line {line}: \w", said), said


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
def test_refused(runs, tmp_path, arguments, word):
    words = [runs[0] if word == "DUMP" else word for word in arguments]
    (tmp_path / "EMPTY").touch()
    (tmp_path / "JSON").write_text('{"schema": "mftrace-report/1"}')
    (tmp_path / "TEXT").write_text("no dump")
    (tmp_path / "DIRECTORY").mkdir()
    result = mftrace("check", *words, cwd=tmp_path)
    assert result.returncode == 2
    said = result.stderr.decode().splitlines()
    assert len(said) == 1 and said[0].startswith("mftrace: ") and word in said[0]


def test_other_schema_version_is_refused(dumps, runs):
    stored = json.loads(mftrace("report", "--json", runs[0]).stdout)
    stored["schema"] = "mftrace-report/2"
    path = dumps / "future.json"
    path.write_text(json.dumps(stored))
    result = mftrace("check", "--no-config", "--baseline", path, runs[0])
    said = result.stderr.decode().splitlines()
    assert result.returncode == 2 and len(said) == 1
    assert str(path) in said[0] and "mftrace-report/2" in said[0]


# ---- Baselines --------------------------------------------------------------------


def test_no_false_regression(runs):
    """Ten runs of the same threads: none is worse than another."""
    for run in runs[1:]:
        check("--baseline", runs[0], run, status=0)
    check("--baseline", runs[0], "--baseline", runs[1], *runs[2:], status=0)


def test_growth_is_caught(dumps, runs):
    """6 % more at the peak is over the default tolerance, and names who grew."""
    grown = gated(dumps / "grown.mft", peak_kib=4096 * 106 // 100 + 1)
    found = verdicts("--baseline", runs[0], grown, status=1)
    assert {n for n, v in found.items() if v["status"] == "failed"} == {"gated peak"}
    assert functions(found["gated peak"])[0] == "held_at_peak"
    assert found["gated peak"]["next"] == f"mftrace diff {runs[0]} {grown}"
    check("--baseline", runs[0], "--tolerance", "10%", grown, status=0)
    # The other way round it is no regression.
    check("--baseline", grown, runs[0], status=0)
    # What is within the runs of the baseline is noise.
    check("--baseline", runs[0], "--baseline", grown, grown, status=0)


def test_new_leak_within_the_total(dumps, runs):
    """One block of 32 bytes at a new site, while the total has not grown."""
    anew = gated(dumps / "anew.mft", lost=9, anew=1)
    found = verdicts("--baseline", runs[0], "--baseline", runs[1], anew, status=1)
    failed = [v for v in found.values() if v["status"] == "failed"]
    assert [(v["kind"], v["value"]) for v in failed] == [("new-leak", 32)]
    assert functions(failed[0])[0] == "lost_anew"
    assert found["gated leaked"]["status"] == "passed"


@pytest.fixture(scope="module")
def trees(dumps):
    """A tree of two programs, and one in which one of them does not run any more."""
    gate = f"{PROGRAMS / 'gated'} 1000 1 1"
    both = record(f"{dumps / 'both'}/", "sh", "-c", f"{gate}; {PROGRAMS / 'peak'}; true")
    one = record(f"{dumps / 'one'}/", "sh", "-c", f"{gate}; true")
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


def test_baseline_of_other_programs(runs, dumps):
    """A tree that has none of the baseline's programs says nothing of it."""
    other = record(f"{dumps / 'other'}/", "sh", "-c", f"{PROGRAMS / 'peak'}; true")
    only = record(dumps / "grows.mft", PROGRAMS / "temporaries")
    tree = dumps / "otherwise"
    tree.mkdir()
    for i, dump in enumerate((runs[0], only)):
        (tree / f"{i}.mft").write_bytes(dump.read_bytes())
    found = verdicts("--baseline", tree, other, status=2)
    (unknown,) = [v for v in found.values() if v["status"] == "unknown"]
    assert unknown["note"] == "none of the baseline's programs ran"


def test_recording_that_is_not_whole(runs, tmp_path):
    """It passes nothing, on either side: its peak may be too low, its leaks none."""
    cut = tmp_path / "cut.mft"
    whole = runs[0].read_bytes()
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    stored = tmp_path / "cut.json"
    stored.write_bytes(mftrace("report", "--json", cut).stdout)
    assert json.loads(stored.read_text())["processes"][0]["recording"]["truncated"]
    for words in (
        ["--max-peak=1G", cut],
        ["--max-peak=1G", stored],
        ["--max-peak=1G", runs[0], cut],
        ["--tolerance=99", "--baseline", cut, runs[0]],
    ):
        found = verdicts(*words, status=2)
        (unknown,) = [v for v in found.values() if v["status"] == "unknown"]
        assert (unknown["name"], unknown["kind"]) == ("recording gated", "recording")
        assert unknown["rule"] == "recording-not-whole"
        assert "the recording is not whole" in check(*words, status=2)
    assert "next: mftrace info" in check("--max-peak=1G", cut, status=2)


def test_one_lost_block_among_ten_thousand_sites(dumps):
    """32 bytes at a new call site, or at one of those that are known."""
    program = PROGRAMS / "ten_thousand_sites"
    base = record(dumps / "sites.mft", program)
    for how, function in (("new", "lose_one"), ("known", "site_4711")):
        lost = record(dumps / f"sites-{how}.mft", program, how)
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


def test_real_program_with_threads(dumps):
    """Ten runs of CPython with four threads: none is worse than the first ones; where the
    peak is 6 % higher, each is."""

    def run(name, count):
        path = dumps / f"python.{name}.mft"
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


def test_threads_that_come_and_go(dumps):
    """Ten runs of threads that inherit each other's blocks, in arenas as they find them."""
    server = BUILD / "tests" / "bench" / "server_churn"
    churn = [record(dumps / f"churn{i}.mft", server, 4, 2000, 100) for i in range(10)]
    for run in churn[1:]:
        check("--baseline", churn[0], run, status=0)
    check("--baseline", churn[0], "--baseline", churn[1], *churn[2:], status=0)
    grown = record(dumps / "churn.mft", server, 4, 2150, 100)
    found = verdicts("--baseline", churn[0], grown, status=1)
    assert found["server_churn peak"]["status"] == "failed"


def test_stored_baseline_without_all_sites(dumps, runs):
    """What was left out with --top cannot be told from what is new."""
    short = dumps / "short.json"
    short.write_bytes(mftrace("report", "--json", "--top", "0", runs[0]).stdout)
    found = verdicts("--baseline", short, runs[1], status=2)
    (unknown,) = [v for v in found.values() if v["status"] == "unknown"]
    assert unknown["name"] == "gated new leaks" and "--top" in unknown["note"]
    assert not [v for v in found.values() if v["status"] == "failed"]


def test_compressed_baseline(dumps, runs):
    stored = dumps / "packed.json.gz"
    packed = gzip.compress(mftrace("report", "--json", runs[0]).stdout)
    stored.write_bytes(packed)
    anew = gated(dumps / "packed.mft", anew=1)
    assert verdicts("--baseline", stored, runs[1], status=0)
    assert verdicts("--baseline", stored, anew, status=1).keys() == verdicts(
        "--baseline", runs[0], anew, status=1
    ).keys()
    stored.write_bytes(packed[:-20])
    result = mftrace("check", "--no-config", "--baseline", stored, runs[1])
    assert result.returncode == 2
    (said,) = result.stderr.decode().splitlines()
    assert said.startswith(f"mftrace: {stored}: cannot be read: ")


def test_stored_baseline_in_the_file(tmp_path, dumps, runs):
    (tmp_path / "memory.json").write_bytes(mftrace("report", "--json", runs[0]).stdout)
    (tmp_path / "mftrace.ini").write_text("baseline = memory.json\ntolerance = 1%\n")
    below = tmp_path / "below"
    below.mkdir()
    grown = gated(dumps / "grown2.mft", peak_kib=4200)
    check(grown, status=1, config=(), cwd=below)
    check(runs[1], status=0, config=("--tolerance", "8%"), cwd=below)


def test_leaks_with_and_without_scan_are_not_compared(runs, scanned):
    found = verdicts("--baseline", runs[0], scanned, status=2)
    assert [v["status"] for v in found.values()].count("unknown") == 1


# ---- Formats ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(dumps, runs):
    """Two failures, a pass and an unknown one in every format, into files."""
    formats = ("text", "json", "junit", "sarif", "github", "markdown")
    outputs = [f"--output={name}={dumps / name}" for name in formats]
    check("--max-peak=1K", "--max-leaked=0", "--max-frag=1", "--max-definite=0", *outputs,
          runs[0], status=2)
    return {name: (dumps / name).read_text() for name in formats}


def test_output_is_that_of_the_format(written, runs):
    for name, text in written.items():
        assert text == check("--max-peak=1K", "--max-leaked=0", "--max-frag=1",
                             "--max-definite=0", "--format", name, runs[0], status=2)


def test_junit(written, dumps, need):
    """It is as Jenkins's schema wants it, and the counts are those of the cases."""
    schema = JUNIT_SCHEMA / "jenkins-junit.xsd"
    assert schema.is_file(), f"scripts/install_node_packages {BUILD} has not been run"
    lint = [need("xmllint"), "--noout", "--schema", schema]
    subprocess.run([*lint, dumps / "junit"], check=True)
    wrong = dumps / "wrong.xml"
    wrong.write_text(written["junit"].replace("<testcase", "<case"))
    assert subprocess.run([*lint, wrong], stderr=subprocess.DEVNULL).returncode != 0
    suites = ElementTree.fromstring(written["junit"])
    (suite,) = suites
    cases = list(suite)
    assert (suites.tag, suite.tag) == ("testsuites", "testsuite")
    assert {case.tag for case in cases} == {"testcase"}
    for element in (suites, suite):
        counted = [element.get(name) for name in ("tests", "failures", "errors")]
        assert counted == ["4", "2", "1"]
    by_name = {case.get("name"): case for case in cases}
    failure = by_name["max-peak"].find("failure")
    assert failure.get("type") == "peak-over-budget" and "held_at_peak" in failure.text
    assert by_name["max-definite"].find("error") is not None
    assert len(by_name["max-frag"]) == 0


def test_sarif(written):
    """The rules exist, the places point at the test program, stacks end where memory was
    allocated, and the fingerprint is the site's."""
    log = json.loads(written["sarif"])
    (run,) = log["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    results = {result["ruleId"]: result for result in run["results"]}
    assert log["version"] == "2.1.0" and set(results) <= rules
    assert set(results) == {"peak-over-budget", "leaked-over-budget"}
    for result, function in zip(results.values(), ("held_at_peak", "lost_always")):
        (place,) = result["locations"]
        artifact = place["physicalLocation"]["artifactLocation"]["uri"]
        assert artifact.endswith("tests/programs/gated.c")
        assert place["physicalLocation"]["region"]["startLine"] > 1
        steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
        places = [step["location"]["logicalLocations"][0] for step in steps]
        names = [place["fullyQualifiedName"] for place in places]
        assert names == ["main", function]
        site = result["partialFingerprints"]["mftraceSite/v1"]
        assert re.fullmatch("[0-9a-f]{16}", site)
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert len(invocation["toolExecutionNotifications"]) == 1


def test_sarif_is_valid(written, dumps, runs):
    """By the schema that is published: of failures, of a new leak, and of nothing."""
    installed = BUILD / "node_modules" / "@microsoft" / "jest-sarif" / "lib" / "schemas"
    assert installed.is_dir(), f"scripts/install_node_packages {BUILD} has not been run"
    schema = json.loads((installed / "sarif-2.1.0-rtm.5.json").read_text())
    validator = jsonschema.Draft4Validator(schema)
    anew = gated(dumps / "anew.sarif.mft", anew=1)
    texts = [
        written["sarif"],
        check("--format=sarif", "--baseline", runs[0], anew, status=1),
        check("--format=sarif", "--max-peak=1G", runs[0], status=0),
    ]
    counts = []
    for text in texts:
        log = json.loads(text)
        validator.validate(log)
        counts.append(len(log["runs"][0]["results"]))
    assert counts == [2, 2, 0]  # a new leak is also more leaked memory
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"version": "2.1.0", "runs": [{}]})


def test_github(written):
    lines = written["github"].splitlines()
    assert len(lines) == 3
    command = re.compile(r"::error (file=[^,:]+,line=\d+,)?title=[^,:]+::\S")
    assert all(command.match(line) for line in lines)
    assert "gated.c" in lines[0] and "%0A" in lines[0]


def test_markdown(written):
    table = [x for x in written["markdown"].splitlines() if x.startswith("|")]
    assert len(table) == 2 + 4
    assert {row.count(" | ") for row in table[2:]} == {5}
    assert table[2].startswith("| **failed** | max-peak | ")


def test_hostile_names(tmp_path, runs):
    """A name from outside stays in its place in every format."""
    name = "a|b`c<d>&\x1b[31m\n::error::x, %\r\"'.mft"
    (tmp_path / name).write_bytes(runs[0].read_bytes())
    texts = {
        form: check("--max-peak=1K", "--format", form, name, status=1, cwd=tmp_path)
        for form in ("text", "json", "junit", "sarif", "github", "markdown")
    }
    assert len(texts["github"].splitlines()) == 1
    ElementTree.fromstring(texts["junit"])
    assert json.loads(texts["json"]) and json.loads(texts["sarif"])
    for form, text in texts.items():
        assert "\x1b" not in text and "\r" not in text, form
        assert "\n::error::x" not in text, form


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
