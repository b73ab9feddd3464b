# SPDX-License-Identifier: MIT
"""Ring dumps (ring=SIZE): the newest events in bounded space, and of the whole run what a
full recording says of it. RING_ROUNDS, a factor, makes the random tests longer."""

import importlib.machinery
import importlib.util
import os
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time

import pytest

from recording import LIBRARY, PROGRAMS, Process, environment, escape, mftrace, read_report
from recording import ROOT as TOP

RING = "ring=4M"
RING_BYTES = 4 << 20
ROUNDS = int(os.environ.get("RING_ROUNDS", "1"))

# Of a site, what depends on the clock, on pages, or on where the events begin to be told.
NOT_COMPARED = ("mean_lifetime_ns", "growth", "frames", "pinned", "pinning")


def comparable_site(site):
    """All that is exact of a call site."""
    told = {k: v for k, v in site.items() if not k.startswith(NOT_COMPARED)}
    times = ("first_ns", "last_ns", "thread")
    told["leaks"] = {k: v for k, v in (told["leaks"] or {}).items() if k not in times}
    told["stack"] = [
        (f["function"], f["line"], f["module"].rsplit("/", 1)[-1]) for f in site["frames"]
    ]
    return told


def comparable(process):
    """All that two recordings of the same events say alike."""
    recording = dict(process["recording"])
    for name in ("mode", "file_bytes", "window", "unsealed_bytes"):
        recording.pop(name, None)
    return {
        "recording": recording,
        "peak": {k: v for k, v in process["peak"].items() if k != "time_ns"},
        "totals": process["totals"],
        "at_exit": process["at_exit"],
        "mappings": process["mappings"],
        "sites": sorted(map(comparable_site, process["sites"]), key=str),
    }


def folded_events(process):
    """How many events are known by their sums only; the test needs that there are some."""
    window = process["recording"]["window"]
    assert process["recording"]["mode"] == "ring"
    assert window is not None, "nothing was folded"
    assert 0 < window["start_ns"] <= process["duration_ns"]
    return window["events_before"]


def file_bytes_most(process, ring=RING_BYTES):
    """The bound of the file: the ring, a chunk for each thread that was there at once, and
    the state: what is fixed of it, and twice its blocks, sites and frames."""
    live = process["peak"]["blocks"] * 40
    stacks = len(process["sites"]) * (128 + 40 * 2 * 16)
    return ring + (3 << 20) + 4 * (live + stacks)


def expect_like_full(trace, program, *arguments, **how):
    """The same program twice; everything that can be compared is equal."""
    full = trace(program, *arguments, **how)
    ring = trace(program, *arguments, options=RING, **how)
    assert (full.status, full.stderr) == (ring.status, ring.stderr) == (0, b"")
    assert comparable(ring.process) == comparable(full.process)
    return ring


# ---- Against the truth, and against full recordings ------------------------------------


def test_a_long_run_is_as_in_full_mode(trace, base):
    """Three times the ring in events: sites, totals and the peak with its sites are exact."""
    run = expect_like_full(trace, "long_run", 3000000)
    process, truth = run.process, run.truth
    process.expect_nothing_lost()
    process.expect_truth(truth)
    recording = process["recording"]
    assert folded_events(process) > 1500000
    assert recording["events"] - base["recording"]["events"] == truth["events"] + truth["failed"]
    start = base["at_exit"]["live_bytes"]
    assert process["peak"]["bytes"] - start == truth["peak_bytes"]
    assert process["at_exit"]["live_bytes"] - start == truth["live_bytes"]
    assert sum(site["peak_bytes"] for site in process["sites"]) == process["peak"]["bytes"]
    assert recording["failed"] == truth["failed"]
    # The peak lies before the window: it can only be known from the state.
    assert process["peak"]["time_ns"] < recording["window"]["start_ns"]
    assert recording["file_bytes"] <= file_bytes_most(process)


def test_libraries_come_and_go(trace):
    """Numbers of stack nodes start anew at each dlclose, before the window and in it."""
    run = trace("long_run", 2000000, PROGRAMS / "plugin_a.so", options=RING)
    assert (run.status, run.stderr) == (0, b"")
    run.process.expect_nothing_lost()
    run.process.expect_truth(run.truth)
    assert run.truth["sites"]["plugin_a_allocate"]["allocations"] == 40
    assert folded_events(run.process) > 500000


def test_threads_hand_blocks_round(trace):
    run = trace("handoff", 4, 400000, options=RING)
    assert (run.status, run.stderr, run.truth["corrupt"]) == (0, b"", 0)
    process = run.process
    process.expect_nothing_lost()
    process.expect_truth(run.truth)
    process.expect_whole_stacks()
    assert process["recording"]["unmatched_frees"] == 0
    assert folded_events(process) > 1000000
    assert process["recording"]["file_bytes"] <= file_bytes_most(process)


def test_threads_come_and_go(trace):
    threads = 4000
    run = trace("thread_churn", threads, 200, options=RING)
    assert (run.status, run.stderr) == (0, b"")
    process = run.process
    process.expect_nothing_lost()
    process.expect_truth(run.truth)
    assert process["recording"]["threads"] == threads + 1
    assert folded_events(process) > 0


def test_nothing_grows_with_time(trace):
    """Threads that come and go, and a library that is loaded anew: twice as long a run leaves
    the same state, file and memory."""
    rounds = 1200 * ROUNDS  # more threads than the state tells one by one
    said = []
    for factor in (1, 2):
        run = trace("wear", factor * rounds, PROGRAMS / "plugin_a.so", options=RING)
        assert (run.status, run.stderr) == (0, b"")
        run.process.expect_nothing_lost()
        assert run.process["recording"]["threads"] == run.truth["threads"]
        assert folded_events(run.process) > 0
        (dump,) = run.dumps.glob("*.mft")
        root_at = HEADER_BYTES + CONTENTS + COUNTS
        chunks, last_bytes, nodes, _, sites, streams = struct.unpack_from(
            "<6I", dump.read_bytes(), root_at)
        said.append((chunks * CHUNK_BYTES + last_bytes, nodes, sites))
        assert streams < 16
        assert run.truth["late_bytes"] - run.truth["early_bytes"] < 512 << 10
        assert run.process["recording"]["file_bytes"] <= file_bytes_most(run.process)
    (facts, nodes, sites), (later_facts, later_nodes, later_sites) = said
    assert abs(later_facts - facts) < 16384
    assert (later_nodes, later_sites) == (nodes, sites)


def test_temporaries(trace):
    """Of two threads, whose peak depends on how they were scheduled."""
    run = trace("temporaries", options=RING)
    run.process.expect_nothing_lost()
    run.process.expect_truth(run.truth)


@pytest.mark.parametrize(
    "program, arguments",
    [
        ("every_entry_point", ()),
        ("peak", ()),
        ("leaks", ()),
        ("dlclose_reuse", (PROGRAMS / "plugin_a.so", PROGRAMS / "plugin_b.so")),
    ],
)
def test_short_runs(trace, program, arguments):
    """Where the ring is not full yet it is a recording like any other."""
    run = expect_like_full(trace, program, *arguments)
    run.process.expect_nothing_lost()
    run.process.expect_truth(run.truth)
    assert run.process["recording"]["window"] is None


def test_small_stacks(trace):
    """What a chunk costs more in a ring costs no stack."""
    run = trace("small_stacks", options=RING)
    assert (run.status, run.stderr) == (0, b"")
    run.process.expect_nothing_lost()
    run.process.expect_truth(run.truth)


def test_signal_handlers_that_allocate(trace):
    run = trace(
        "signal_malloc", options=RING, preload=[PROGRAMS / "reentrant_allocator.so"]
    )
    assert (run.status, run.stderr) == (0, b"")
    run.process.expect_nothing_lost()
    run.process.expect_truth(run.truth)


def test_forked_children_have_rings_of_their_own(trace):
    run = trace("fork_tree", options=RING)
    assert (run.status, run.stderr) == (0, b"")
    processes = {process["pid"]: process for process in run.processes}
    assert processes.keys() == {truth["pid"] for truth in run.truths}
    for truth in run.truths:
        process = processes[truth["pid"]]
        process.expect_nothing_lost()
        process.expect_truth(truth)
        assert process["recording"]["mode"] == "ring"
        assert process["recording"]["unmatched_frees"] == truth["inherited"]


def test_sqlite_is_as_in_full_mode(trace, need):
    script = (
        "create table t(a integer primary key, b text);"
        "with recursive n(i) as (select 1 union all select i+1 from n where i<200000)"
        " insert into t select i, hex(zeroblob(i % 90)) from n;"
        "create index b on t(b); select count(*), sum(length(b)) from t;"
    )
    run = expect_like_full(trace, need("sqlite3"), ":memory:", script)
    assert folded_events(run.process) > 100000


# ---- Killed ----------------------------------------------------------------------------


def completed_events(path):
    """What each of the four threads counted: allocations, frees."""
    data = path.read_bytes()
    return [struct.unpack_from("<QQ", data, 64 * i) for i in range(4)]


def expect_nothing_missing(process, completed):
    """Of each thread the event at hand may be recorded or not; every completed one must
    be."""
    recorded = [process.sum_of(f"until_killed_{i}", "allocations") for i in range(4)]
    for (allocations, _), found in zip(completed, recorded):
        assert allocations <= found <= allocations + 1
    freed = sum(recorded) - sum(
        process.sum_of(f"until_killed_{i}", "live_blocks") for i in range(4)
    )
    frees = sum(frees for _, frees in completed)
    # A realloc that is under way may have released its block and not acquired the next.
    assert frees <= freed <= frees + 4
    assert process["recording"]["unmatched_frees"] == 0


def start_until_killed(dumps, counter):
    dumps.mkdir()
    env = environment(
        {
            "LD_PRELOAD": str(LIBRARY),
            "MFTRACE_OPTIONS": f"output={escape(dumps)}/%p.mft:{RING}",
        }
    )
    victim = subprocess.Popen([PROGRAMS / "kill9_threads", counter], env=env)
    try:
        wait_until(victim, lambda: counter.exists() and counter.stat().st_size == 4096)
    except BaseException:
        victim.kill()
        raise
    return victim


def wait_until(victim, done):
    """However slow the machine is just now; the victim must not end by itself."""
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline and victim.poll() is None
        time.sleep(0.001)


def kill_and_read(tmp_path, moments, fold_first):
    """Starts the victim, kills it some time later, or some time after its first events were
    folded, and compares. Returns the report and whether a step was under way."""
    dumps, counter = tmp_path / "dumps", tmp_path / "completed"
    with start_until_killed(dumps, counter) as victim:
        try:
            if fold_first:
                wait_until(victim, lambda: has_folded(dumps))
            time.sleep(moments.uniform(0, 0.2))
        finally:
            victim.kill()
        assert victim.wait(60) == -signal.SIGKILL
    (process,) = [Process(p) for p in read_report(dumps)["processes"]]
    process.expect_nothing_lost()
    assert process["exit"] == "killed"
    expect_nothing_missing(process, completed_events(counter))
    assert process["recording"]["file_bytes"] <= file_bytes_most(process) + (1 << 20)
    (dump,) = dumps.iterdir()
    within_step = sequence_of(dump) % 2 == 1
    shutil.rmtree(dumps)
    counter.unlink()
    return process, within_step


def test_killed_at_any_moment(tmp_path):
    moments = random.Random(17)
    within_steps = attempts = 0
    # A test in which no kill met a step has not seen what it is about: then it goes on.
    while attempts < 12 * ROUNDS or (within_steps == 0 and attempts < 100 * ROUNDS):
        fold_first = attempts % 4 > 0
        process, within_step = kill_and_read(tmp_path, moments, fold_first)
        if fold_first:
            assert folded_events(process) > 0
        within_steps += within_step
        attempts += 1
    assert within_steps > 0


# ---- While it runs ---------------------------------------------------------------------


def test_read_while_the_process_goes_on(tmp_path):
    """Each look sees a state that there was: nothing unmatched, nothing damaged, and no event
    missing that was complete a tick of the clock before."""
    dumps, counter = tmp_path / "dumps", tmp_path / "completed"
    with start_until_killed(dumps, counter) as victim:
        try:
            wait_until(victim, lambda: has_folded(dumps))
            seen = 0
            for _ in range(6 * ROUNDS):
                before = completed_events(counter)
                time.sleep(0.03)
                (process,) = [Process(p) for p in read_report(dumps)["processes"]]
                after = completed_events(counter)
                process.expect_nothing_lost()
                assert process["exit"] == "running"
                assert process["recording"]["unmatched_frees"] == 0
                assert folded_events(process) >= seen
                seen = folded_events(process)
                for i in range(4):
                    found = process.sum_of(f"until_killed_{i}", "allocations")
                    assert before[i][0] <= found <= after[i][0] + 1
        finally:
            victim.kill()
    (process,) = [Process(p) for p in read_report(dumps)["processes"]]
    expect_nothing_missing(process, completed_events(counter))


# ---- Damage ----------------------------------------------------------------------------

HEADER_BYTES, CHUNK_BYTES, CONTENTS = 4096, 65536, 128
ROOT, JOURNAL, FACTS, NODES, NODEMAP, SITES, STREAMS, LIVE = range(16, 24)
SEQUENCE, HOLD_UNTIL, COUNTS, TOTALS = 56, 72, 112, 144


def sequence_of(dump):
    with open(dump, "rb") as file:
        file.seek(HEADER_BYTES + CONTENTS + SEQUENCE)
        return struct.unpack("<Q", file.read(8))[0]


def has_folded(dumps):
    """Whether a step of the only dump is complete: its second change of the sequence."""
    return any(
        dump.stat().st_size >= HEADER_BYTES + CHUNK_BYTES and sequence_of(dump) >= 2
        for dump in dumps.iterdir()
    )


def places_of(data):
    """The state's chunks: offset by kind and number."""
    found = {}
    for offset in range(HEADER_BYTES, len(data), CHUNK_BYTES):
        magic, kind, _, _, seq = struct.unpack_from("<IHHII", data, offset)
        if magic == 0x4354464D and ROOT <= kind <= LIVE and kind != JOURNAL:
            found[kind, seq] = offset
    return found


@pytest.fixture(scope="module")
def ring_dump(tmp_path_factory):
    """A dump that has folded, and what its report says."""
    dumps = tmp_path_factory.mktemp("ring")
    env = environment(
        {
            "LD_PRELOAD": str(LIBRARY),
            "MFTRACE_OPTIONS": f"output={escape(dumps)}/long_run.mft:{RING}",
        }
    )
    subprocess.run(
        [PROGRAMS / "long_run", "1500000"], env=env, check=True, stdout=subprocess.PIPE
    )
    dump = dumps / "long_run.mft"
    (process,) = [Process(p) for p in read_report(dump)["processes"]]
    assert folded_events(process) > 0
    return dump.read_bytes()


def root(offset):
    return lambda data, places: HEADER_BYTES + CONTENTS + offset


def item(kind, index, size, offset):
    return lambda data, places: places[kind, 0] + CONTENTS + index * size + offset


DAMAGES = {
    "version": (root(0), 99, "<I", b"unknown version"),
    "facts": (root(COUNTS + 4), 1, "<I", b"facts"),
    "too many nodes": (root(COUNTS + 8), 1 << 31, "<I", b"places"),
    "too many sites": (root(COUNTS + 16), 1 << 30, "<I", b"places"),
    "fewer sites": (root(COUNTS + 16), 3, "<I", b"live blocks"),
    "too many live chunks": (root(COUNTS + 24), 77777, "<I", b"places"),
    "too many breaks": (root(COUNTS + 28), 65, "<I", b"pieces of memory"),
    "peak": (root(TOTALS + 13 * 8), 5, "<Q", b"sums"),
    "live bytes": (root(TOTALS + 10 * 8), 5, "<Q", b"sums"),
    "a parent that comes later": (item(NODES, 1, 16, 8), 4000000, "<I", b"call stacks"),
    "a site's stack": (item(SITES, 2, 128, 96), 4000000, "<I", b"call stacks"),
    "a site's function": (item(SITES, 2, 128, 100), 32, "<B", b"call stacks"),
    "a site's bytes": (item(SITES, 0, 128, 0), 1 << 60, "<Q", b"sums"),
    "a stream's offset": (item(STREAMS, 0, 128, 16), 1 << 20, "<I", b"streams"),
}


def checksum(*parts):
    """CRC32C, as the script that knows the format from its page alone has it."""
    path = str(TOP / "scripts/check_format")
    loader = importlib.machinery.SourceFileLoader("check_format", path)
    spec = importlib.util.spec_from_loader("check_format", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module.crc32c(*parts)


def seal_anew(data, at):
    """Makes the seal of the state's chunk that holds a byte fit."""
    start = at - (at - HEADER_BYTES) % CHUNK_BYTES
    chunk = data[start : start + CHUNK_BYTES]
    behind = CONTENTS + HOLD_UNTIL if start == HEADER_BYTES else 72
    rest = chunk[behind + 8 :] if start == HEADER_BYTES else b""
    crc = checksum(chunk[:64], chunk[72:behind] if rest else chunk[72:], rest)
    struct.pack_into("<Q", data, start + 64, CHUNK_BYTES << 32 | crc)


def test_the_state_is_sealed_at_exit(ring_dump, tmp_path):
    """Any bit of it that changes afterwards is noticed."""
    chance = random.Random(7)
    dump = tmp_path / "flipped.mft"
    offsets = list(places_of(ring_dump).values())
    assert len(offsets) > 6
    dump.write_bytes(ring_dump)
    assert mftrace("info", dump).returncode == 0
    told = subprocess.run([sys.executable, TOP / "scripts/check_format", dump], check=True,
                          stdout=subprocess.PIPE).stdout.split()
    sealed = dict(word.split(b"=") for word in told)[b"sealed_bytes"]
    assert int(sealed) >= len(offsets) * CHUNK_BYTES + RING_BYTES / 2
    for n in range(60 * ROUNDS):
        data = bytearray(ring_dump)
        # Half of them where most of the contents are zeros, or mean nothing.
        at = offsets[n % len(offsets)] + chance.randrange((1000, CHUNK_BYTES)[n % 2])
        if HOLD_UNTIL <= at - HEADER_BYTES - CONTENTS < HOLD_UNTIL + 8:
            continue
        data[at] ^= 1 << chance.randrange(8)
        dump.write_bytes(data)
        result = mftrace("info", dump)
        assert (result.returncode, result.stdout) == (2, b""), at
        assert b"the state of its older events" in result.stderr or b"version" in result.stderr


def test_a_killed_process_has_no_sealed_state(ring_dump, tmp_path):
    """Without the root's seal the others are not looked at: they may be of any time."""
    data = bytearray(ring_dump)
    data[HEADER_BYTES + 64 : HEADER_BYTES + 72] = bytes(8)
    place = places_of(data)[LIVE, 0]
    data[place + 64] ^= 1
    dump = tmp_path / "killed.mft"
    dump.write_bytes(data)
    assert mftrace("info", dump).returncode == 0


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_state_is_named(ring_dump, tmp_path, name):
    where, value, layout, what = DAMAGES[name]
    data = bytearray(ring_dump)
    at = where(data, places_of(data))
    struct.pack_into(layout, data, at, value)
    seal_anew(data, at)
    dump = tmp_path / "damaged.mft"
    dump.write_bytes(data)
    result = mftrace("report", dump)
    assert (result.returncode, result.stdout) == (2, b"")
    assert what in result.stderr
    assert result.stderr.count(b"\n") == 1


def test_a_missing_part_of_the_state_is_named(ring_dump, tmp_path):
    for (kind, seq), offset in places_of(ring_dump).items():
        data = bytearray(ring_dump)
        data[offset : offset + 4] = bytes(4)
        dump = tmp_path / "damaged.mft"
        dump.write_bytes(data)
        result = mftrace("report", dump)
        assert (result.returncode, result.stdout) == (2, b""), (kind, seq)
        assert b"damaged dump: the state of its older events makes no sense" in result.stderr


def test_random_damage_never_crashes(ring_dump, tmp_path):
    """Any byte of the state may be wrong: an answer or a sentence, in bounded memory."""
    chance = random.Random(23)
    offsets = list(places_of(ring_dump).values())
    offsets += [HEADER_BYTES + CHUNK_BYTES * n for n in range(1, 3)]

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

    for _ in range(30 * ROUNDS):
        data = bytearray(ring_dump)
        for _ in range(chance.choice((1, 3, 20))):
            near = chance.choice((CONTENTS + 200, 2000, CHUNK_BYTES))
            at = chance.choice(offsets) + chance.randrange(near)
            data[at] = chance.randrange(256)
        data[HEADER_BYTES + 64 : HEADER_BYTES + 72] = bytes(8)  # not sealed
        if chance.random() < 0.3:  # as if killed within a step
            struct.pack_into("<QQ", data, HEADER_BYTES + CONTENTS + SEQUENCE, 7, 4096)
        dump = tmp_path / "damaged.mft"
        dump.write_bytes(data)
        result = mftrace("report", dump, timeout=30, preexec_fn=limit)
        assert result.returncode in (0, 2), result.stderr
        assert b"Sanitizer" not in result.stderr


# ---- What is said ----------------------------------------------------------------------


def test_reports_say_what_is_told(ring_dump, tmp_path):
    dump = tmp_path / "long_run.mft"
    dump.write_bytes(ring_dump)
    for verb in ("info", "report", "peak", "leaks", "frag"):
        result = mftrace(verb, dump)
        assert result.returncode == 0
        text = result.stdout.decode()
        assert "\n  window         the last " in text, verb
        assert "peak and live blocks are of the whole run" in text
        # A command to be copied is never cut.
        lines = [line for line in text.splitlines() if str(dump) not in line]
        assert max(map(len, lines)) <= 80


# A line of mftrace dump that is an event, and one that is not.
KINDS = "malloc|calloc|realloc|reallocarray|posix_memalign|aligned_alloc|free"
WHEN = r" *(?P<time>\d+\.\d{6}) +\d+ "
WHAT = r"(0x[0-9a-f]{16}|failed +\d+)\b"
EVENT = re.compile(rf"{WHEN}({KINDS}|realloc from|reallocarray from) +{WHAT}")
NO_EVENT = re.compile(rf"{WHEN}(?P<what>realloc failed$|snapshot)")


def test_events_as_text_begin_with_the_window(ring_dump, tmp_path):
    dump = tmp_path / "long_run.mft"
    dump.write_bytes(ring_dump)
    (process,) = [Process(p) for p in read_report(dump)["processes"]]
    lines = mftrace("dump", dump).stdout.decode().splitlines()
    start = process["recording"]["window"]["start_ns"]
    assert "window begins" in lines[0]
    assert lines[0].split()[0] == f"{start // 1000 / 1e6:.6f}"
    events = [told for told in map(EVENT.match, lines) if told]
    others = [NO_EVENT.match(line) for line in lines[1:] if not EVENT.match(line)]
    assert None not in others
    assert all(float(told["time"]) >= start // 1000 / 1e6 for told in events)
    # A realloc that failed is three lines: what it released, that the block is back, and
    # the failure. It is one event.
    undone = sum(told["what"] == "realloc failed" for told in others)
    assert undone > 0
    counted = process["recording"]["events"] - folded_events(process)
    # One that the window begins within counts there, but what it released is told before.
    begun = counted - (len(events) - undone)
    first = next(line.split() for line in lines[1:] if " snapshot" not in line)
    assert begun == 0 or (begun == 1 and first[2] in ("realloc", "reallocarray")
                          and first[3] != "from")


def test_ring_of_the_launcher(tmp_path):
    out = tmp_path / "run.mft"
    result = mftrace("run", "--ring", "4M", "-o", out, "--", PROGRAMS / "long_run", "1500000")
    assert result.returncode == 0, result.stderr
    (process,) = [Process(p) for p in read_report(out)["processes"]]
    assert folded_events(process) > 0
