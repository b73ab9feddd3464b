# SPDX-License-Identifier: MIT
"""Pages, one by one: what is resident and how full it is, as the program sees it itself in
/proc/self/pagemap and by malloc_usable_size; and the arenas that threads leave behind."""

import json

import pytest

from fragmentation import HeapMap, frag_process, frag_text, heap_at

PAGE = 4096
ARENAS = 5
COUNTS = ("allocations", "allocated_bytes", "live_blocks", "live_bytes")


@pytest.fixture
def draw(tmp_path):
    """draw(dumps): the heap at exit as a picture."""

    def make(dumps):
        picture = tmp_path / "heap.svg"
        frag_text("--at", "exit", f"--map={picture}", dumps)
        return HeapMap(picture)

    return make


def expect_pages(heap_map, known_heaps):
    """Every resident page of heaps is where the program saw it, and of the class that the
    program found: each colour stands for one class."""
    seen = set()
    for known in known_heaps:
        start = int(known["start"], 16)
        addresses = [start + PAGE * i for i, c in enumerate(known["pages"]) if c != "."]
        classes = [ord(c) - ord("a") for c in known["pages"] if c != "."]
        assert len(classes) * PAGE == known["resident_bytes"]
        end = start + len(known["pages"]) * PAGE
        colours = heap_map.squares(start, end)
        assert len(colours) == len(classes)
        seen |= set(zip(colours, classes))
        rows = [address for address, _, _ in heap_map.rows() if start <= address < end]
        assert rows == addresses[::256]
    assert len(seen) == len({colour for colour, _ in seen}) == len({c for _, c in seen})
    return {class_: colour for colour, class_ in seen}


def expect_occupancy(process, truth):
    """The number of pages by class, and what of them is pinned and by whom."""
    figures = process["fragmentation"]
    assert figures["at"] == "exit"
    assert figures["page_occupancy"][1:] == truth["occupied_pages"]
    assert sum(figures["page_occupancy"]) * PAGE == figures["resident_bytes"]
    for name in ("requested_bytes", "usable_bytes", "pinned_bytes"):
        assert figures[name] == truth[name]
    for site, known in truth["sites"].items():
        for member in ("pinned_exclusive_bytes", "pinned_shared_bytes"):
            assert process.sum_of(site, member) == pytest.approx(known[member], abs=1)


def test_every_page(trace, draw):
    """A heap with pages of every kind."""
    run = trace("frag_every_page")
    assert (run.status, run.stderr) == (0, b"")
    run.process.expect_nothing_lost()
    truth, process = run.truth, frag_process(run.dumps, at="exit")
    expect_occupancy(process, truth)
    known = truth["heap"]
    assert process["fragmentation"]["resident_bytes"] == known["resident_bytes"]
    assert heap_at(process, known["start"])["resident_bytes"] == known["resident_bytes"]
    assert heap_at(process, known["start"])["kind"] == "brk"
    classes = expect_pages(draw(run.dumps), [known])
    # All kinds were there.
    assert set(classes) == set(range(11))
    assert "." in known["pages"].strip(".")


@pytest.mark.parametrize("mode", ["kept", "emptied", "alive"])
def test_arenas(trace, draw, mode):
    """A burst in five threads: their arenas stay as big as they were."""
    run = trace("frag_arenas", mode)
    assert (run.status, run.stderr) == (0, b"")
    run.process.expect_nothing_lost()
    for site, known in run.truth["sites"].items():
        for member in COUNTS:
            assert run.process.sum_of(site, member) == known[member]
    truth, process = run.truth, frag_process(run.dumps, at="exit")
    assert len(truth["arenas"]) == ARENAS
    expect_pages(draw(run.dumps), truth["arenas"])
    for known in truth["arenas"]:
        heap = heap_at(process, known["start"])
        assert heap["kind"] == "arena"
        assert heap["resident_bytes"] == known["resident_bytes"]
        assert heap["empty_bytes"] == known["pages"].count("a") * PAGE
        assert heap["threads"] == 1
        assert heap["live_threads"] == (mode == "alive")
        assert heap["threads_alive"] is (mode == "alive")
    for member in ("blocks", "bytes"):
        of_heaps = sum(h[f"live_{member}"] for h in process["fragmentation"]["heaps"])
        assert of_heaps == process["at_exit"][f"live_{member}"]
    expect_arenas_named(run, mode)


def expect_arenas_named(run, mode):
    """The text says whose these are, if nobody is left to use them."""
    resident = sum(known["resident_bytes"] for known in run.truth["arenas"])
    text = frag_text("--at", "exit", run.dumps)
    named = f"Arenas of threads that have ended: {resident / 2**20:.1f} MiB in 5 heaps"
    assert (named in text) is (mode != "alive")
    assert ("all of its threads (1) have ended" in text) is (mode != "alive")


@pytest.mark.parametrize("mode", ["kept", "emptied", "alive"])
def test_arenas_trimmed(trace, plain, mode):
    """malloc_trim(0) leaves the end of arenas: where nothing stays, nothing returns."""
    recorded = trace("frag_arenas", mode)
    predicted = frag_process(recorded.dumps, at="exit")["fragmentation"][
        "trim_would_return_bytes"
    ]
    assert (predicted == 0) is (mode == "emptied")
    traced = trace("frag_arenas", mode, "trim")
    assert (traced.status, traced.stderr) == (0, b"")
    assert traced.truth["returned_anonymous_bytes"] == pytest.approx(
        predicted, rel=0.05, abs=3 * PAGE
    )
    untraced = plain("frag_arenas", mode, "trim")
    assert (untraced.returncode, untraced.stderr) == (0, b"")
    assert json.loads(untraced.stdout)["returned_bytes"] == pytest.approx(
        predicted, rel=0.05, abs=3 * PAGE
    )


@pytest.mark.parametrize("mode", ["alone", "forked"])
def test_pages_of_zeros(trace, mode):
    """What was only read is in pagemap, but not in RSS, and is not resident for us; what
    another process shares does."""
    run = trace("frag_zero_pages", mode)
    assert (run.status, run.stderr) == (0, b"")
    process = next(p for p in run.processes if p.sites_of("sparse_table"))
    process.expect_truth({"sites": run.truth["sites"]})
    written = run.truth["written_bytes"]
    # The recorder has some for itself.
    assert written <= run.truth["anonymous_bytes"] <= written + 128 * PAGE
    resident = process.exit_snapshot()["resident_bytes"]
    if mode == "alone":
        assert written <= resident <= written + 64 * PAGE
    else:
        assert resident >= written
