# SPDX-License-Identifier: MIT
"""Other allocators behind the recorder: jemalloc, tcmalloc and mimalloc as Debian has them.
The program sees its blocks and pages itself, whatever gave them to it."""

import pytest

from fragmentation import frag_process, frag_text

ALLOCATORS = ("libjemalloc.so.2", "libtcmalloc_minimal.so.4", "libmimalloc.so.2")
PATTERNS = ("pool", "sessions", "index", "tail")
COUNTS = ("allocations", "allocated_bytes", "live_blocks", "live_bytes")


@pytest.mark.parametrize("library", ALLOCATORS)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_allocator(trace, plain, library, pattern):
    untraced = plain("frag_counterfactual", pattern, env={"LD_PRELOAD": library})
    assert (untraced.returncode, untraced.stderr) == (0, b"")
    run = trace("frag_counterfactual", pattern, preload=[library])
    assert (run.status, run.stderr) == (0, b"")
    run.process.expect_nothing_lost()
    process = frag_process(run.dumps, at="exit")
    assert process["allocator"].endswith("/" + library)
    for site, known in run.truth["sites"].items():
        for member in COUNTS:
            assert process.sum_of(site, member) == known[member]
    expect_pins(process, run.truth)
    expect_heap(process, run.truth)
    expect_nothing_of_glibc(run, process)


def expect_pins(process, truth):
    """Who pins what, to the byte; a page may be shared with a block of a library's."""
    known_pinned = sum(known["pinned_exclusive_bytes"] for known in truth["sites"].values())
    for site, known in truth["sites"].items():
        pinned = process.sum_of(site, "pinned_exclusive_bytes")
        assert pinned == pytest.approx(known["pinned_exclusive_bytes"], abs=2 * 4096)
    assert known_pinned > 0
    assert process["fragmentation"]["pinned_bytes"] == pytest.approx(
        truth["pinned_bytes"], rel=0.01, abs=16 * 4096
    )


def expect_heap(process, truth):
    """The allocator's mappings are found: they hold all blocks and are a part of RSS, and
    what was freed is in them."""
    figures = process["fragmentation"]
    waterfall = figures["waterfall"]
    assert figures["requested_bytes"] <= figures["usable_bytes"]
    assert figures["usable_bytes"] >= truth["usable_bytes"]
    resident_usable = figures["usable_bytes"] - waterfall["untouched_bytes"]
    assert resident_usable <= figures["resident_bytes"] <= waterfall["rss_bytes"]
    outside = waterfall["other_anon_bytes"] + waterfall["recorder_bytes"]
    assert figures["resident_bytes"] + outside <= waterfall["rss_bytes"]
    assert abs(waterfall["unexplained_bytes"]) <= 0.01 * waterfall["rss_bytes"]
    pages = [a - b for a, b in zip(figures["page_occupancy"][1:], truth["occupied_pages"])]
    assert all(0 <= extra <= 8 for extra in pages), pages


def expect_nothing_of_glibc(run, process):
    """What is known of glibc's heaps only is absent, and the text says why."""
    figures = process["fragmentation"]
    assert figures["heaps"] is None
    assert figures["trim_would_return_bytes"] is None
    text = frag_text("--at", "exit", run.dumps)
    assert "malloc_trim" not in text
    assert "this program's allocator has rules of its own" in " ".join(text.split())
    assert process["allocator"] in text
