# SPDX-License-Identifier: MIT
"""What RSS is made of: at exit the parts add up to what the kernel says, of real programs
and of patterns. A library that is loaded behind the recorder reads the kernel's figure
(/proc/self/smaps_rollup) as the process ends, just before the last snapshot and just after.
"""

import pytest

from fragmentation import frag_process, frag_text
from recording import LIBRARY, PROGRAMS, environment, escape
from test_real_programs import PYTHON, SQL, Redis

HOOK = PROGRAMS / "frag_rss_hook.so"
PAGE = 4096
# Of RSS.
TOLERANCE = 0.01

PARTS = (
    "requested_bytes",
    "slack_bytes",
    "pinned_free_bytes",
    "empty_bytes",
    "other_anon_bytes",
    "stack_bytes",
    "recorder_bytes",
    "file_bytes",
    "private_file_bytes",
)

PROGRAMS_TO_RECORD = {
    "sqlite3": (["sqlite3", "-batch", ":memory:"], {"stdin": SQL}),
    "python3": (
        ["/usr/bin/python3", "-c", PYTHON],
        {"env": {"PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "0"}},
    ),
    "perl": (["perl", "-e", "my %h; $h{$_} = 'x' x ($_ % 900) for 1 .. 40000"], {}),
    **{
        " ".join(words): (words, {})
        for words in (
            *(["frag_counterfactual", p] for p in ("pool", "sessions", "index", "tail")),
            *(["classic_pattern", p] for p in ("fixed", "varying", "random", "cycles")),
            *(["frag_arenas", p] for p in ("kept", "emptied", "alive")),
            ["frag_every_page"],
            ["mapped_blocks"],
        )
    },
}


def expect_waterfall(process, rss_file):
    """The parts and what is not explained, which is little, add up to the snapshot's RSS,
    and that is what the kernel said."""
    pid, before, after = map(int, rss_file.read_text().split())
    assert pid == process["pid"] and before > 0
    # In between a page or some of the recorder's own and of libraries come or go.
    least = min(before, after) * (1 - TOLERANCE)
    most = max(before, after) * (1 + TOLERANCE)
    assert most - least < max(before, after) * 3 * TOLERANCE + 128 * 1024
    waterfall = process["fragmentation"]["waterfall"]
    explained = sum(waterfall[part] for part in PARTS)
    assert all(waterfall[part] >= 0 for part in PARTS)
    assert explained + waterfall["unexplained_bytes"] == waterfall["rss_bytes"]
    assert explained == pytest.approx(waterfall["rss_bytes"], rel=TOLERANCE)
    assert least <= explained <= most
    snapshot = process.exit_snapshot()
    assert snapshot["rss_bytes"] == waterfall["rss_bytes"]
    assert least <= snapshot["rss_bytes"] <= most
    expect_heap(process, waterfall)


def expect_heap(process, waterfall):
    """The heap's parts are what the other figures say of it."""
    figures = process["fragmentation"]
    heap = sum(waterfall[part] for part in PARTS[:4])
    # Pages that the kernel joined to a block's mapping are no part of the waterfall's heap.
    assert heap <= figures["resident_bytes"]
    assert waterfall["pinned_free_bytes"] <= figures["pinned_bytes"]
    requested = waterfall["requested_bytes"] + waterfall["untouched_bytes"]
    assert requested == figures["requested_bytes"]


@pytest.mark.parametrize("name", PROGRAMS_TO_RECORD)
def test_waterfall(trace, tmp_path, name):
    words, how = PROGRAMS_TO_RECORD[name]
    rss_file = tmp_path / "rss"
    env = {**how.get("env", {}), "FRAG_RSS_FILE": str(rss_file)}
    run = trace(*words, preload=[HOOK], env=env, stdin=how.get("stdin"))
    assert run.stderr == b""
    expect_waterfall(frag_process(run.dumps, "--top", "5", at="exit"), rss_file)


def test_waterfall_of_redis(need, tmp_path):
    """Its allocator is jemalloc."""
    dumps, rss_file = tmp_path / "dumps", tmp_path / "rss"
    dumps.mkdir()
    env = {
        "LD_PRELOAD": f"{LIBRARY}:{HOOK}",
        "MFTRACE_OPTIONS": f"output={escape(dumps)}/%p.mft",
        "FRAG_RSS_FILE": str(rss_file),
    }
    with Redis(need, tmp_path, env) as redis:
        fill = "for i = 1, 30000 do redis.call('set', 'key' .. i, ('x'):rep(i % 600)) end"
        assert redis.ask("eval", fill, "0") == ""
        redis.ask("shutdown", "nosave")
        assert redis.server.wait(30) == 0
    process = frag_process(dumps, "--top", "5", at="exit")
    assert "jemalloc" in process["allocator"]
    expect_waterfall(process, rss_file)




def test_stacks_of_threads(trace):
    """They are told as such: of two programs, one has five threads more."""
    run = trace("frag_arenas", "alive")
    known = run.truth["thread_stack_bytes"]
    assert known >= 5 * 2 * PAGE
    stacks, main_stack = (
        frag_process(r.dumps, at="exit")["fragmentation"]["waterfall"]["stack_bytes"]
        for r in (run, trace("frag_every_page"))
    )
    assert stacks - main_stack == pytest.approx(known, abs=3 * PAGE)
