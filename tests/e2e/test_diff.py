# SPDX-License-Identifier: MIT
"""mftrace diff: call sites are found again in other builds, and what changed is named."""

import json
import subprocess

import jsonschema
import pytest

from recording import PROGRAMS, ROOT, mftrace

SCHEMA = json.loads((ROOT / "docs" / "diff.schema.json").read_text())
SITES = 8 * 60  # of rebuilt_sites


def diff(*arguments):
    """The diff of recordings as an object, checked against its schema."""
    result = mftrace("diff", "--json", *arguments)
    assert result.returncode == 0, result.stderr.decode()
    answer = json.loads(result.stdout)
    jsonschema.Draft202012Validator(SCHEMA).validate(answer)
    return answer


def the_program(*arguments):
    programs = diff(*arguments)["programs"]
    assert len(programs) == 1
    return programs[0]


def medians(site, figure):
    figure = site["figures"][figure]
    return figure["base"]["median"], figure["new"]["median"]


def grew(site, figure):
    return site["figures"][figure]["change"] == "grew"


def functions(site):
    return [frame["function"] for frame in site["frames"]]


@pytest.fixture
def stored(tmp_path):
    """stored(dumps): what mftrace report --json writes of them, in a file."""

    def store(dumps, name="stored.json"):
        result = mftrace("report", "--json", dumps)
        assert result.returncode == 0
        path = tmp_path / name
        path.write_bytes(result.stdout)
        return path

    return store


@pytest.mark.parametrize("base", ["o0", "o2"])
@pytest.mark.parametrize("new", ["o0", "o2", "o3", "without_pie", "inserted", "elsewhere"])
def test_sites_of_another_build_are_found(trace, base, new):
    """At least 95 % of them, and none is taken for another: each makes a number of
    allocations of its own, three times as many in the new run."""
    before = trace(f"rebuilt_sites_{base}", "1")
    after = trace(f"rebuilt_sites_{new}", "3")
    sites = the_program(before.dumps, after.dumps)["sites"]
    pairs = [medians(s, "allocations") for s in sites if s["state"] == "matched"]
    own = [(old, now) for old, now in pairs if now % 3 == 0 and old <= SITES]
    right = [(old, now) for old, now in own if now == 3 * old]
    assert own == right
    assert len({old for old, _ in right}) >= 0.95 * SITES


def test_names_alone_pair_where_only_lines_and_addresses_differ(trace):
    before = trace("rebuilt_sites_o2", "1")
    for other in ("inserted", "without_pie"):
        program = the_program(before.dumps, trace(f"rebuilt_sites_{other}", "1").dumps)
        assert program["call_sites"]["by_likeness"] == 0
        assert program["call_sites"]["appeared"] == 0
        assert program["call_sites"]["vanished"] == 0
        assert program["call_sites"]["matched"] >= SITES


def test_one_lost_block_among_ten_thousand_sites(trace, stored):
    """A new site that loses 32 bytes is named, and nothing else; so from stored reports."""
    base, new = trace("ten_thousand_sites"), trace("ten_thousand_sites", "new")
    for old in (base.dumps, stored(base.dumps)):
        program = the_program(old, new.dumps)
        assert program["call_sites"]["matched"] >= 10000
        assert program["call_sites"]["appeared"] == 1
        assert program["call_sites"]["vanished"] == 0
        leaks = [s for s in program["sites"] if grew(s, "leaked_bytes")]
        assert len(leaks) == 1
        assert leaks[0]["state"] == "appeared"
        assert "lose_one" in functions(leaks[0])
        assert medians(leaks[0], "leaked_bytes") == (0, 32)
        assert medians(leaks[0], "leaked_blocks") == (0, 1)
    text = mftrace("diff", base.dumps, new.dumps).stdout.decode()
    assert "Unfreed at exit  +32 B: 1 call site appeared" in text
    assert "lose_one" in text


@pytest.fixture
def stripped(need, tmp_path):
    """stripped(program): a copy without names; its build-id stays."""

    def strip(program):
        path = tmp_path / program
        subprocess.run([need("strip"), "-s", "-o", path, PROGRAMS / program], check=True)
        return path

    return strip


def test_sites_without_names_are_known_by_their_addresses(trace, stored, stripped):
    """As long as it is the same build on both sides."""
    program = stripped("ten_thousand_sites")
    base, new = trace(program), trace(program, "new")
    for old in (base.dumps, stored(base.dumps)):
        found = the_program(old, new.dumps)
        assert found["call_sites"]["matched"] >= 10000
        assert found["call_sites"]["appeared"] == 1
        assert found["call_sites"]["vanished"] == 0
        leaks = [s for s in found["sites"] if grew(s, "leaked_bytes")]
        assert [medians(s, "leaked_bytes") for s in leaks] == [(0, 32)]
        assert not any(functions(leaks[0])[:2])


def test_addresses_of_other_builds_mean_nothing(trace, stored, stripped, tmp_path):
    """Then sites without names are told apart by their modules only; and so where a report
    was stored without the build-ids."""
    base = trace(stripped("rebuilt_sites_o2"), "1")
    new = trace(stripped("rebuilt_sites_inserted"), "2")
    found = the_program(base.dumps, new.dumps)["call_sites"]
    assert found["appeared"] == found["vanished"] == 0
    assert found["matched"] < SITES / 10
    report = json.loads(stored(base.dumps).read_text())
    for process in report["processes"]:
        assert all(module["path"] is not None for module in process.pop("modules"))
    old = tmp_path / "old.json"
    old.write_text(json.dumps(report))
    assert the_program(old, base.dumps)["call_sites"] == the_program(
        old, old
    )["call_sites"]
    assert the_program(old, base.dumps)["call_sites"]["matched"] < SITES / 10
    assert the_program(base.dumps, base.dumps)["call_sites"]["matched"] >= SITES


def test_one_lost_block_of_a_known_site(trace):
    base, new = trace("ten_thousand_sites"), trace("ten_thousand_sites", "known")
    program = the_program(base.dumps, new.dumps)
    leaks = [s for s in program["sites"] if s["figures"]["leaked_bytes"]["delta"] > 0]
    assert len(leaks) == 1
    assert "site_4711" in functions(leaks[0])
    assert leaks[0]["figures"]["leaked_bytes"]["delta"] == 32


def test_the_same_recording_does_not_differ(trace, stored):
    """Whether read from the dump or from what was stored of it."""
    run = trace("leaks")
    for base, new in [
        (run.dumps, run.dumps),
        (stored(run.dumps), run.dumps),
        (run.dumps, stored(run.dumps)),
    ]:
        program = the_program(base, new)
        assert program["sites"] == []
        for name, figure in program["figures"].items():
            assert figure["change"] in ("unchanged", None), name
    text = mftrace("diff", run.dumps, run.dumps).stdout.decode()
    assert "No call site changed." in text


def test_several_runs_make_a_band(trace):
    """What lies between the runs of one side is no change; what lies outside is."""
    dumps = {n: trace("rebuilt_sites_o2", str(n)).dumps for n in (1, 2, 3, 6)}
    inside = the_program("--base", dumps[1], "--base", dumps[3], dumps[2])
    outside = the_program("--base", dumps[1], "--base", dumps[3], dumps[6])
    assert inside["figures"]["allocations"]["base"]["runs"] == 2
    assert inside["figures"]["allocations"]["change"] == "unchanged"
    assert inside["sites"] == []
    assert outside["figures"]["allocations"]["change"] == "grew"
    assert outside["call_sites"]["changed"] >= SITES


def test_tolerance(trace):
    base, new = trace("rebuilt_sites_o2", "10"), trace("rebuilt_sites_o2", "11")
    assert the_program("--tolerance", "9%", base.dumps, new.dumps)["sites"]
    assert the_program("--tolerance", "0.11", base.dumps, new.dumps)["sites"] == []


def test_two_instants_of_one_dump(trace):
    """At the end the program has blocks that it never frees; at its start it had none."""
    run = trace("leaks")
    dump = next(run.dumps.iterdir())
    answer = diff(dump, "--at", "0", "--at", "exit")
    assert (answer["base"]["at_ns"], answer["new"]["at_ns"]) == (0, None)
    live = answer["programs"][0]["figures"]["live_bytes"]
    assert live["new"]["median"] == run.process["at_exit"]["live_bytes"]
    assert live["base"]["median"] < live["new"]["median"]
    assert the_program(dump, "--at", "exit", "--at", "exit")["sites"] == []
    text = mftrace("diff", dump, "--at", "0", "--at", "exit").stdout.decode()
    assert "Live then" in text


def test_recordings_that_are_not_whole_are_named(trace, stored, tmp_path):
    whole = stored(trace("leaks").dumps)
    report = json.loads(whole.read_text())
    assert diff(whole, whole)["new"]["runs"][0]["not_whole"] == []
    process = report["processes"][0]
    process.update(pid=4711, exe="/bin/odd\x1bname")
    process["recording"]["paused_events"] = 5
    report["processes"].append(dict(process, pid=4712))
    lacking = tmp_path / "lacking.json"
    lacking.write_text(json.dumps(report))
    run = diff(whole, lacking)["new"]["runs"][0]
    why = "allocations were left out while it was paused"
    exe = r"/bin/odd\x1bname"
    assert run["not_whole"] == [{"exe": exe, "pid": p, "why": why} for p in (4711, 4712)]
    text = mftrace("diff", whole, lacking).stdout.decode()
    said = " ".join(text.split())
    assert f"not whole new: 2 processes, such as odd\\x1bname, pid 4711: {why}" in said
    assert max(map(len, text.splitlines())) <= 80
    assert "not whole" not in mftrace("diff", whole, whole).stdout.decode()


def test_text_fits_80_columns(trace):
    base, new = trace("rebuilt_sites_o0", "1"), trace("rebuilt_sites_o2", "2")
    text = mftrace("diff", "--top", "20", base.dumps, new.dumps).stdout.decode()
    assert max(map(len, text.splitlines())) <= 80
    assert "\n\n\n" not in text


@pytest.mark.parametrize(
    "change, complaint",
    [
        (lambda r: r.update(schema="mftrace-report/2"), "schema: is \"mftrace-report/2\""),
        (lambda r: r.pop("schema"), "schema: is missing"),
        (lambda r: r.update(processes=[]), "processes: is empty"),
        (
            lambda r: r["processes"][0]["peak"].update(bytes="9"),
            "processes[0].peak.bytes: not a number",
        ),
        (lambda r: r["processes"][0].pop("leaks"), "processes[0].leaks: is missing"),
        (
            lambda r: r["processes"][0]["sites"][1].update(live_bytes=-1),
            "processes[0].sites[1].live_bytes: is negative",
        ),
        (
            lambda r: r["processes"][0]["sites"][0].update(shown_end=99999),
            "processes[0].sites[0].shown_end: not an index",
        ),
        (
            lambda r: r["processes"][0]["sites"][0]["frames"][0].update(line="x"),
            "processes[0].sites[0].frames[0].line: not a line number",
        ),
        (lambda r: r["processes"][0]["sites"].append(7), "not an object"),
        (lambda r: r["processes"][0]["sites"].insert(0, []), "sites[0]: not an object"),
        (lambda r: r["processes"][0]["sites"].insert(1, None), "sites[1]: not an object"),
        (lambda r: r["processes"].append(7), "processes[1]: not an object"),
        (lambda r: r["processes"][0].update(sites={}), "processes[0].sites: not an array"),
        (lambda r: r["processes"][0].update(modules=[7]), "modules: holds what is not"),
        (
            lambda r: r["processes"][0]["sites"][0].pop("pinned_exclusive_bytes"),
            "processes[0].sites[0].pinned_exclusive_bytes: is missing",
        ),
    ],
)
def test_stored_reports_are_not_trusted(trace, stored, tmp_path, change, complaint):
    dumps = trace("leaks").dumps
    report = json.loads(stored(dumps).read_text())
    change(report)
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(report))
    result = mftrace("diff", broken, dumps)
    assert result.returncode == 2
    lines = result.stderr.decode().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"mftrace: {broken}: ")
    assert complaint in lines[0]


@pytest.mark.parametrize(
    "text, complaint",
    [
        ('{"schema":\n  ]', "line 2, column 3"),
        ("{", "line 1"),
        ("", ""),
        ("hello", ""),
        ('{"schema":"mftrace-report/1","processes":[{"sites":[\n{},\n {"id": x}]}]}',
         "sites[0].id: is missing"),
        ('{"schema":"mftrace-report/1","processes":[{"sites":[\n {"id": x}]}]}',
         "line 2, column 9"),
        ('{"schema":"mftrace-report/1","processes":[{"sites":[,]}]}', "line 1"),
        ('{"schema":"mftrace-report/1","processes":[{"sites":[{"a":"\\"]}"', "line 1"),
        ('{"schema":"mftrace-report/1",\n"processes":[{"sites":[\n\n]},\n}', "line 5"),
        ('{"schema":"mftrace-report/2","processes":[{"sites":[7]}]}', "mftrace-report/2"),
    ],
)
def test_what_is_no_recording(trace, tmp_path, text, complaint):
    broken = tmp_path / "broken.json"
    broken.write_text(text)
    result = mftrace("diff", trace("nothing").dumps, broken)
    assert result.returncode == 2
    assert str(broken) in result.stderr.decode()
    assert complaint in result.stderr.decode()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a"],
        ["a", "b", "c"],
        ["--base", "a"],
        ["--at", "1", "a"],
        ["--at", "1", "--at", "2", "a", "b"],
        ["--at", "1", "--at", "2", "--at", "3", "a"],
        ["--at", "soon", "--at", "2", "a"],
        ["--tolerance", "much", "a", "b"],
        ["--tolerance", "-1", "a", "b"],
        ["--tolerance", " 1", "a", "b"],
        ["--tolerance", "0x1", "a", "b"],
        ["--top", "x", "a", "b"],
        ["--top", " -5", "a", "b"],
        ["--nonsense", "a", "b"],
        ["/nowhere/a", "/nowhere/b"],
    ],
)
def test_wrong_usage(arguments):
    result = mftrace("diff", *arguments)
    assert result.returncode == 2
    assert len(result.stderr.decode().splitlines()) == 1
    assert result.stdout == b""
