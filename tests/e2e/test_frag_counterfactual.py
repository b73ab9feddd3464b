# SPDX-License-Identifier: MIT
"""What `mftrace frag` predicts comes true: programs whose heap a recording shows as it was
at exit go on in a second run, do what the report speaks of, and measure how far RSS drops.
"""

import json

import pytest

from fragmentation import frag_process

PAGE = 4096

# How far a prediction may be off. What the C library keeps in a thread's cache (448 blocks
# at most) is free for the report but holds its page; without it there remain pages that
# only the header of a block or of a free chunk reaches into.
CACHES = {
    "cache": ({}, 0.05),
    "no_cache": ({"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}, 0.02),
}

SITES = [
    ("pool", "pool_keeper"),
    ("pool", "pool_passer"),
    ("sessions", "session_header"),
    ("sessions", "session_buffer"),
    ("sessions", "cache_entry"),
    ("sessions", "log_line"),
    ("index", "tree_node"),
    ("index", "index_entry"),
    ("index", "table_row"),
]
PATTERNS = ["pool", "sessions", "index", "tail", "arena_tail"]


@pytest.fixture(scope="module")
def recordings():
    """Recordings by what they are of, each made once."""
    return {}


@pytest.fixture
def record(trace, recordings):
    """record(pattern, cache): the truth of a run of that pattern, and the report of its
    exit."""

    def make(pattern, cache):
        if (pattern, cache) not in recordings:
            run = trace("frag_counterfactual", pattern, env=CACHES[cache][0])
            assert (run.status, run.stderr) == (0, b"")
            run.process.expect_nothing_lost()
            recordings[pattern, cache] = run.truth, frag_process(run.dumps, at="exit")
        return recordings[pattern, cache]

    return make


@pytest.fixture
def expect_return(plain, trace):
    """expect_return(predicted, cache, *arguments): a run that goes on returns so much,
    untraced and traced. Of the traced one, memory that is the dump's does not count."""

    def expect(predicted, cache, *arguments):
        env, tolerance = CACHES[cache]
        untraced = plain("frag_counterfactual", *arguments, env=env)
        assert (untraced.returncode, untraced.stderr) == (0, b"")
        traced = trace("frag_counterfactual", *arguments, env=env)
        assert (traced.status, traced.stderr) == (0, b"")
        returned = {
            "untraced": json.loads(untraced.stdout)["returned_bytes"],
            "traced": traced.truth["returned_anonymous_bytes"],
        }
        # RSS itself moves by a page or two, as the program measures it.
        close = pytest.approx(predicted, rel=tolerance, abs=3 * PAGE)
        assert returned == {"untraced": close, "traced": close}

    return expect


@pytest.mark.parametrize("cache", CACHES)
@pytest.mark.parametrize("pattern, site", SITES)
def test_site_gone(record, expect_return, pattern, site, cache):
    """What is pinned by a site alone returns, with its blocks there, when it frees them."""
    truth, process = record(pattern, cache)
    known = truth["sites"][site]
    pinned = process.sum_of(site, "pinned_exclusive_bytes")
    assert pinned == known["pinned_exclusive_bytes"]
    # Pages are whole: what is free on them and what is not.
    assert (pinned + known["own_bytes"]) % PAGE == 0
    expect_return(pinned + known["own_bytes"], cache, pattern, "gone", site)


@pytest.mark.parametrize("gap", [24, 80, 200, 512])
def test_site_in_gap(trace, gap):
    """So it is where a block of the pattern finds room on the heap's first page."""
    run = trace("frag_counterfactual", f"gap={gap}", "sessions")
    assert (run.status, run.stderr) == (0, b"")
    process = frag_process(run.dumps, at="exit")
    shared = 0
    for site in ("session_header", "session_buffer", "cache_entry", "log_line"):
        known = run.truth["sites"][site]
        pinned = process.sum_of(site, "pinned_exclusive_bytes")
        assert pinned == known["pinned_exclusive_bytes"], site
        assert (pinned + known["own_bytes"]) % PAGE == 0, site
        shared += known["pinned_shared_bytes"]
    begin = run.truth["sites"]["begin_heap"]
    assert (begin["allocations"], begin["live_blocks"]) == (3, 2)
    # A block of its size is found in the thread's cache.
    assert (begin["pinned_shared_bytes"] > 0) is (gap in (80, 200))
    assert shared > 0


@pytest.mark.parametrize("cache", CACHES)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_trim(record, expect_return, pattern, cache):
    """malloc_trim(0) returns what is predicted."""
    _, process = record(pattern, cache)
    predicted = process["fragmentation"]["trim_would_return_bytes"]
    assert predicted == sum(
        heap["trim_would_return_bytes"] for heap in process["fragmentation"]["heaps"]
    )
    expect_return(predicted, cache, pattern, "trim")


@pytest.mark.parametrize("cache", CACHES)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_tail_gone(record, expect_return, pattern, cache):
    """The highest block is named, and the heap shrinks as predicted when it goes."""
    _, process = record(pattern, cache)
    heaps = process["fragmentation"]["heaps"]
    tails = [heap["tail"] for heap in heaps if heap["tail"]]
    highest = max(tails, key=lambda tail: int(tail["address"], 16))
    expect_return(highest["would_return_bytes"], cache, pattern, "tail")


@pytest.mark.parametrize("pattern", ["tail", "arena_tail"])
def test_tail_is_blamed(record, pattern):
    """One block of 1500 bytes above 15 MB of free memory."""
    truth, process = record(pattern, "cache")
    heap = max(process["fragmentation"]["heaps"], key=lambda heap: heap["resident_bytes"])
    (holder,) = process.sites_of("tail_holder")
    assert heap["kind"] == ("arena" if pattern == "arena_tail" else "brk")
    assert heap["tail"]["site"] == holder["id"]
    assert heap["tail"]["size_bytes"] == 1500
    burst = truth["sites"]["tail_burst"]["allocated_bytes"]
    assert heap["tail"]["would_return_bytes"] == pytest.approx(burst, rel=0.02)
    assert heap["threads_alive"] is (pattern == "tail")


def test_pool(record):
    """The site that keeps every 16th block of a pool has all that is pinned, the one that
    freed the others has nothing."""
    _, process = record("pool", "cache")
    assert process.sum_of("pool_keeper", "pinned_exclusive_bytes") == pytest.approx(
        51e6, rel=0.01
    )
    assert process.sum_of("pool_keeper", "pinning_blocks") == 12500
    for member in ("pinned_exclusive_bytes", "pinned_shared_bytes", "pinned_pages"):
        assert process.sum_of("pool_passer", member) == 0
    # All but a page that the beginning of the heap has.
    rest = process["fragmentation"]["pinned_bytes"] - process.sum_of(
        "pool_keeper", "pinned_exclusive_bytes"
    )
    assert 0 <= rest < PAGE
