# SPDX-License-Identifier: MIT
"""mftrace leaks as a person asks it: what holds a block, how old it is, what grows."""

import re

import pytest

from leak_cases import command_of, read_leaks
from recording import base_name, mftrace


@pytest.fixture
def lists(trace):
    """The dumps of a program with lists that are held, lost and cut."""
    traced = trace(*command_of("linked_list"), options="leak_scan=1")
    assert traced.status == 0
    return traced.dumps


def text_of(*arguments):
    result = mftrace("leaks", *arguments)
    assert (result.returncode, result.stderr) == (0, b"")
    text = result.stdout.decode()
    assert max(map(len, text.splitlines())) <= 80
    return text


def test_why_follows_a_block_to_its_variable(lists):
    text = text_of("--why", "list", "--top", "99", lists)
    groups = dict(re.findall(r"(\d+) blocks, [\d.,]+ \S+, (\w+);", text))
    assert groups and set(groups.values()) == {"reachable", "indirect", "definite"}
    for variable in ("kept", "cut", "last"):
        assert re.search(rf"variable {variable}  \[linked_list\]", text), variable
    assert "nothing in use points to it" in text


def test_why_knows_a_block_by_an_address_inside_it(lists):
    address = re.search(r"reachable; for instance that at (0x[0-9a-f]+)",
                        text_of("--why", "list", lists)).group(1)
    inside = hex(int(address, 16) + 47)
    text = text_of("--why", inside, lists)
    assert f"Block at {address}: 48 B, reachable" in text
    assert "is held by" in text
    assert mftrace("leaks", "--why", "0x10", lists).returncode == 2


def test_why_knows_a_site_by_its_id(lists):
    (process,) = read_leaks(lists).values()
    sites = [s for s in process["sites"] if s["leak_kind"] == "definite"]
    assert sites
    for site in sites:
        assert "definite" in text_of("--why", site["id"], lists)


def test_why_says_what_it_lacks(lists, trace):
    result = mftrace("leaks", "--why", "no_such_function", lists)
    assert result.returncode == 2
    assert b"no block or call site of this name" in result.stderr
    unscanned = trace(*command_of("linked_list")).dumps
    result = mftrace("leaks", "--why", "list", unscanned)
    assert result.returncode == 2
    assert b"--leak-scan" in result.stderr
    assert "not classified" in text_of(unscanned)


def test_kinds_are_listed_as_asked(lists):
    headings = ("Definitely lost", "Possibly lost", "Indirectly lost", "Still reachable")
    for kinds, shown in (("definite", (0,)), ("indirect,reachable", (2, 3)), ("all", (0, 2, 3))):
        text = text_of("--kind", kinds, lists)
        assert [h in text for h in headings] == [i in shown for i in range(4)], kinds
    result = mftrace("leaks", "--kind", "definite,lost", lists)
    assert result.returncode == 2 and b"--kind" in result.stderr


def test_young_blocks_are_left_out(lists):
    (old,) = read_leaks(lists).values()
    (young,) = read_leaks("--older-than", "2h", lists).values()
    assert old["leaks"]["bytes"] > 0 and old["leaks"]["young"]["blocks"] == 0
    assert young["leaks"]["bytes"] == 0
    assert young["leaks"]["young"]["blocks"] == young["at_exit"]["live_blocks"]
    assert young["leaks"]["older_than_ns"] == 7200 * 10**9
    (same,) = read_leaks("--older-than", "0s", lists).values()
    assert same["leaks"] == old["leaks"]
    for wrong in ("5 apples", "-3s", "", "s"):
        assert mftrace("leaks", "--older-than", wrong, lists).returncode == 2


def test_a_list_grows_and_a_cache_does_not(trace):
    traced = trace("grows", options="leak_scan=1")
    assert traced.status == 0
    (process,) = read_leaks(traced.dumps).values()
    growing = {}
    for site in process["sites"]:
        names = [base_name(frame["function"]) for frame in site["frames"]]
        if site["growth"]:
            growing[names[0]] = site["growth"]
    assert set(growing) == {"add_to_list"}
    growth = growing["add_to_list"]
    # Instants are milliseconds apart here, and the machine is not alone.
    assert growth["bytes_per_s"] == pytest.approx(traced.truth["bytes_per_s"], rel=0.25)
    assert growth["low"] <= growth["bytes_per_s"] <= growth["high"]
    assert growth["p"] < 0.001
    text = text_of(traced.dumps)
    assert "Grows steadily" in text
    assert "add_to_list" in text.split("Grows steadily")[1]
    assert process["leaks"]["bytes"] == 0


def test_an_option_of_run_scans(tmp_path):
    dump = tmp_path / "dump"
    result = mftrace("run", "-q", "--leak-scan", "-o", dump, "--",
                     *command_of("linked_list"))
    assert result.returncode == 0
    (process,) = read_leaks(dump).values()
    assert process["leaks"]["classified"]
    assert process["leaks"]["definite"]["blocks"] == 3
