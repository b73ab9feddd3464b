# SPDX-License-Identifier: MIT
"""Cycles of lost blocks are named, each exactly once, with the pointer that closes it."""

import subprocess

import pytest

from leak_cases import command_of, read_leaks
from recording import ROOT, base_name

RUST = ROOT / "tests" / "programs" / "reachability" / "rust_rc.rs"
POINTER = 8


def cycles_by_function(process, functions):
    """{function: its cycles}; every cycle belongs to exactly one of the functions."""
    frames = {
        site["id"]: [base_name(frame["function"]) for frame in site["frames"]]
        for site in process["sites"]
    }
    found = {function: [] for function in functions}
    for cycle in process["leaks"]["cycles"]:
        steps = [*cycle["steps"], cycle["closing_edge"]]
        names = set.intersection(*(set(frames[step["site"]]) for step in steps))
        (function,) = names & set(functions)
        found[function].append(cycle)
    assert process["leaks"]["cycles_total"] == len(process["leaks"]["cycles"])
    return found


def expect_closed(cycle):
    """The closing edge's block is the last of the cycle, and no block comes twice."""
    closing = cycle["closing_edge"]
    addresses = [step["address"] for step in cycle["steps"]]
    assert len(set(addresses)) == len(addresses) == min(cycle["length"], 6)
    if cycle["length"] <= 6:
        assert closing == cycle["steps"][-1]


def expect_total(process):
    """The report's sum over all cycles is that of the cycles it lists."""
    leaks = process["leaks"]
    for member in ("bytes", "blocks"):
        assert leaks["in_cycles"][member] == sum(c[member] for c in leaks["cycles"])


@pytest.fixture
def leaks_of(trace):
    """leaks_of(command): the only process of a run, classified."""

    def run(command):
        traced = trace(*command, options="leak_scan=1")
        assert (traced.status, traced.stderr) == (0, b"")
        (process,) = read_leaks("--no-default-suppressions", traced.dumps).values()
        assert process["leaks"]["classified"]
        if traced.stdout:
            process["truth"] = traced.truth
        return process

    return run


def expect_circles(process, expected):
    """So many blocks in the cycles of each function, which nothing points into."""
    found = cycles_by_function(process, expected)
    blocks = {name: [c["blocks"] for c in cycles] for name, cycles in found.items()}
    assert blocks == expected
    for cycles in found.values():
        for cycle in cycles:
            expect_closed(cycle)
            assert not cycle["entered"]
    expect_total(process)


def test_rings(leaks_of):
    process = leaks_of(command_of("rings"))
    # {function: (blocks of the knot, length of its shortest way round, is led to)}
    expected = {
        "self_loop": [(1, 1, False)],
        "pair": [(2, 2, False)],
        "ring_of_five": [(5, 5, False)],
        "figure_eight": [(5, 3, False)],
        "chain_to_ring": [(3, 3, True)],
        "ring_holds_ring": [(2, 2, False), (2, 2, True)],
        "reachable_ring": [],
    }
    found = cycles_by_function(process, expected)
    assert {
        function: sorted((c["blocks"], c["length"], c["entered"]) for c in cycles)
        for function, cycles in found.items()
    } == expected
    for cycles in found.values():
        for cycle in cycles:
            expect_closed(cycle)
            assert cycle["bytes"] == cycle["blocks"] * 56
    expect_total(process)


def test_each_pointer_of_a_ring(leaks_of):
    """The program tells each ring's addresses in their order. The second word of a block
    points to the start of the next, and the closing one's to the first."""
    process = leaks_of(command_of("rings"))
    rings = [tuple(ring) for ring in process["truth"]["more"]]
    found = []
    for cycle in process["leaks"]["cycles"]:
        assert cycle["closing_edge"] == cycle["steps"][-1]
        if {step["offset"] for step in cycle["steps"]} == {POINTER}:
            found.append(tuple(int(step["address"], 16) for step in cycle["steps"]))
        else:
            # The figure eight, gone round by its other ring.
            assert {step["offset"] for step in cycle["steps"]} == {2 * POINTER}
            crossing = int(cycle["steps"][0]["address"], 16)
            rings = [ring for ring in rings if crossing not in ring]
        assert {step["target_offset"] for step in cycle["steps"]} == {0}
    turned = {ring[i:] + ring[:i]: ring for ring in rings for i in range(len(ring))}
    assert sorted(turned[ring] for ring in found) == sorted(rings)


def test_what_a_cycle_retains(leaks_of):
    process = leaks_of(command_of("rings"))
    found = cycles_by_function(
        process,
        ["self_loop", "pair", "ring_of_five", "figure_eight", "chain_to_ring"]
        + ["ring_holds_ring", "reachable_ring"],
    )
    retained = {
        function: sorted(c["retained_blocks"] for c in cycles)
        for function, cycles in found.items()
    }
    # The ring behind a chain has a block of its own besides, and the outer ring the inner.
    assert retained["chain_to_ring"] == [4]
    assert retained["ring_holds_ring"] == [2, 4]
    assert retained["ring_of_five"] == [5]


def test_shared_ptr(leaks_of):
    process = leaks_of(command_of("cxx_shared_ptr"))
    expected = {
        "circle_of_one": [1],
        "circle_of_two": [2],
        "circle_of_three": [3],
        # The objects' and the counters' blocks: an object points to the next and to its
        # counter, a counter to its own object.
        "circle_apart": [4],
        # A weak pointer holds the counter only, and nothing is left.
        "broken_by_weak": [],
    }
    expect_circles(process, expected)


def test_a_pointer_into_oneself_is_no_cycle(leaks_of):
    """A short std::string points to its own characters."""
    leaks = leaks_of(command_of("cxx_strings"))["leaks"]
    assert leaks["definite"]["blocks"] == 2
    assert (leaks["cycles"], leaks["cycles_total"]) == ([], 0)


@pytest.fixture
def rust_rc(tmp_path, need):
    """The Rust program, built with the compiler and its standard library alone."""
    rustc = need("rustc")
    program = tmp_path / "rust_rc"
    options = ["-C", "opt-level=0", "-C", "debuginfo=1", "--edition", "2021"]
    subprocess.run([rustc, *options, "-o", program, RUST], check=True, timeout=100)
    return program


def test_rust_rc(leaks_of, rust_rc):
    process = leaks_of([rust_rc])
    expected = {
        "circle_of_one": [1],
        "circle_of_two": [2],
        "circle_of_three": [3],
        "broken_by_weak": [],
    }
    expect_circles(process, expected)
    # What the run-time library keeps is in use.
    definite = process["leaks"]["definite"]
    assert definite["blocks"] == 3
