# SPDX-License-Identifier: MIT
"""Fragmentation against figures that the programs take from the system themselves:
malloc_usable_size for what blocks hold, /proc/self/pagemap for what is resident."""

import pytest

from fragmentation import frag_process

FIGURES = (
    "requested_bytes",
    "usable_bytes",
    "resident_bytes",
    "free_bytes",
    "largest_free_run_bytes",
    "pinned_bytes",
    "page_occupancy",
)


def expect_ratios(figures, requested, usable, resident):
    """The definitions: internal 1 - R/U, external 1 - U/F, ratio 1 - R/F, utilisation R/F."""
    assert figures["internal_ratio"] == pytest.approx(1 - requested / usable, abs=1e-6)
    assert figures["external_ratio"] == pytest.approx(1 - usable / resident, abs=1e-6)
    assert figures["ratio"] == pytest.approx(1 - requested / resident, abs=1e-6)
    assert figures["utilisation"] == pytest.approx(requested / resident, abs=1e-6)


@pytest.mark.parametrize("pattern", ["fixed", "varying", "random", "cycles"])
def test_classic_pattern(trace, base, pattern):
    run = trace("classic_pattern", pattern)
    assert (run.status, run.stderr) == (0, b"")
    process, truth = run.process, run.truth
    process.expect_nothing_lost()
    # These figures are exact to the byte only as long as nobody but the program has blocks
    # in its heap.
    assert base["at_exit"]["live_blocks"] == 0
    snapshot = process.exit_snapshot()
    assert {name: snapshot[name] for name in FIGURES} == {name: truth[name] for name in FIGURES}
    expect_ratios(
        snapshot, truth["requested_bytes"], truth["usable_bytes"], truth["resident_bytes"]
    )
    for function, counts in truth["sites"].items():
        for member in ("allocations", "allocated_bytes", "live_blocks", "live_bytes"):
            assert process.sum_of(function, member) == counts[member]
    assert process["peak"]["bytes"] == truth["peak_bytes"]
    allocations = sum(c["allocations"] for c in truth["sites"].values())
    bytes_ = sum(c["allocated_bytes"] for c in truth["sites"].values())
    totals = process["totals"]
    assert totals["mean_size_bytes"] == pytest.approx(bytes_ / allocations, rel=1e-9)
    rate = allocations / (allocations + truth["failed"])
    assert totals["success_rate"] == pytest.approx(rate, rel=1e-9)
    expect_pinned(process, truth)


def expect_pinned(process, truth):
    """Who holds which pages. The report blames for its worst snapshot; the program knows
    of the last one, so the two can be compared where these are the same."""
    worst = process["fragmentation"]
    snapshot = process.exit_snapshot()
    assert worst["utilisation"] <= snapshot["utilisation"] + 1e-9
    exclusive = sum(site["pinned_exclusive_bytes"] for site in process["sites"])
    shared = sum(site["pinned_shared_bytes"] for site in process["sites"])
    assert exclusive + shared == pytest.approx(worst["pinned_bytes"], abs=len(process["sites"]))
    if worst["at"] != "exit":
        assert worst["utilisation"] < snapshot["utilisation"]
        return
    for function, counts in truth["sites"].items():
        assert (
            process.sum_of(function, "pinned_exclusive_bytes")
            == counts["pinned_exclusive_bytes"]
        )
        # Bytes may be rounded once a call site.
        assert process.sum_of(function, "pinned_shared_bytes") == pytest.approx(
            counts["pinned_shared_bytes"], abs=1
        )


def test_mapped_blocks(trace):
    """Blocks with mappings of their own, touched in part."""
    run = trace("mapped_blocks")
    assert (run.status, run.stderr) == (0, b"")
    process, truth = run.process, run.truth
    process.expect_nothing_lost()
    process.expect_truth(truth)
    snapshot = process.exit_snapshot()
    assert snapshot["requested_bytes"] == truth["requested_bytes"]
    assert snapshot["usable_bytes"] == truth["usable_bytes"]
    # Although the kernel shows a block's mapping as one with its neighbours. The brk heap
    # holds what was allocated before main.
    (brk_heap,) = frag_process(run.dumps, at="exit")["fragmentation"]["heaps"]
    assert brk_heap["resident_bytes"] <= 4096
    resident = snapshot["resident_bytes"] - brk_heap["resident_bytes"]
    assert resident == truth["resident_bytes"]


def test_fragmentation_is_worst_where_it_was(trace):
    """The patterns that free most of what they had at a peak of the footprint."""
    process = trace("classic_pattern", "fixed").process
    assert process["fragmentation"]["ratio"] >= process.exit_snapshot()["ratio"] - 1e-9
    assert process["fragmentation"]["at"] == "exit"
    times = [snapshot["time_ns"] for snapshot in process["snapshots"]]
    assert times == sorted(times)
    assert len(process["snapshots"]) > 1
