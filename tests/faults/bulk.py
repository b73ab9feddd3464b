# SPDX-License-Identifier: MIT
"""Proofs by number: what one attempt shows is shown a thousand times at random moments.

Each proof is a generator. It yields after every attempt how many more of its units are
proved (kills, sizes, forks, events), and raises AssertionError with what is wrong. All
random choices come from the number of the attempt, so that a failure can be repeated.
"""

import json
import random
import resource
import signal
import struct
import subprocess
import time

import attempt
import bulk_ring
import machine
import recording
from fault import ALLOCATORS, Fault
from judge import expected_events

BLOCKS = 300000  # of steady_events
THREADS = 4  # of kill9_threads
FORKS_AT_A_TIME = 200
RING = "ring=4M"


def only_process(dumps):
    report = recording.read_report("--top", "16", dumps, validate=False)
    assert len(report["processes"]) == 1, f"{len(report['processes'])} processes"
    return recording.Process(report["processes"][0])


def recorded_env(dumps, allocator="glibc", more=None, options=""):
    words = [str(recording.LIBRARY)]
    if ALLOCATORS[allocator]:
        words.append(attempt.find_library(ALLOCATORS[allocator]))
    return recording.environment({
        "LD_PRELOAD": ":".join(words),
        "MFTRACE_OPTIONS": f"output={recording.escape(dumps)}/%p.mft" + options, **(more or {})})


def fresh_folder(place, name):
    folder = place / name
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    return folder


# ---- kill -9 -----------------------------------------------------------------------------


# Mostly amid the work, now and then while threads are only starting. A ring has to be full
# before there is anything to fold.
MOMENTS = (0.0005, 0.005, 0.03, 0.06)
RING_MOMENTS = (0.01, 0.2, 0.5)


def kill_once(place, chance, options=""):
    """Kills a program of four threads at a random moment; returns its counts and dump."""
    dumps = fresh_folder(place, "dumps")
    counter = place / "completed"
    counter.unlink(missing_ok=True)
    with subprocess.Popen([recording.PROGRAMS / "kill9_threads", counter],
                          env=recorded_env(dumps, options=options)) as victim:
        deadline = time.monotonic() + 30
        while not counter.exists() or counter.stat().st_size < 4096:
            assert time.monotonic() < deadline and victim.poll() is None, "it did not begin"
            time.sleep(0.0005)
        time.sleep(chance.choice(RING_MOMENTS if options else MOMENTS) * chance.random())
        victim.kill()
        assert victim.wait(30) == -signal.SIGKILL, "it ended by itself"
    counts = struct.unpack("<" + "QQ48x" * THREADS, counter.read_bytes()[:64 * THREADS])
    return counts[0::2], counts[1::2], dumps


def prove_kill9(place, first, options=""):
    number = first
    while True:
        allocations, frees, dumps = kill_once(place, random.Random(number), options)
        where = f"attempt {number}"
        process = only_process(dumps)
        health = process["recording"]
        assert health["lost_events"] == 0 and health["damage"] is None, f"{where}: {health}"
        assert health["double_allocations"] == 0, where
        for thread in range(THREADS):
            found = process.sum_of(f"until_killed_{thread}", "allocations")
            # The call at hand may be there.
            assert allocations[thread] <= found <= allocations[thread] + 1, (
                f"{where}: thread {thread}: {found} of {allocations[thread]} allocations")
        # Releases come before the call; starting a thread may free something, too.
        assert sum(frees) <= health["frees"] <= sum(frees) + 2 * THREADS, (
            f"{where}: {health['frees']} of {sum(frees)} releases")
        number += 1
        yield 1


def prove_kill9_ring(place, first):
    """The same of flight recorders, which fold all the time."""
    return prove_kill9(place, first, ":" + RING)


# ---- No space ----------------------------------------------------------------------------

ON_A_SMALL_DISK = r"""
mount -t tmpfs -o size=$1 tmpfs "$2" || exit 90
shift; disk=$1; shift
env "$@"; status=$?
cp "$disk"/*.mft "$disk.kept"/ 2>/dev/null
umount "$disk"
exit $status
"""


def judge_prefix(done, dumps, reasons, where):
    """No signal, and what is recorded is the program's beginning, to the event."""
    assert done.returncode == 5, f"{where}: exit status {done.returncode}"
    truth = [line for line in done.stdout.splitlines() if b'"sites"' in line]
    expected = expected_events(json.loads(truth[0]))
    if not any(dumps.iterdir()):
        assert done.stderr.startswith(b"mftrace: "), f"{where}: not a word"
        return
    process = only_process(dumps)
    health = process["recording"]
    found = health["events"] + health["lost_events"]
    assert found == expected, f"{where}: {found} of {expected} events"
    assert health["damage"] is None, f"{where}: {health['damage']}"
    allocations = process.sum_of("steadily", "allocations")
    frees = allocations - process.sum_of("steadily", "live_blocks")
    # Of the first n blocks all are freed but the first of each hundred, and the newest.
    kept = (allocations + 99) // 100
    assert allocations - kept - 1 <= frees <= allocations - kept, (
        f"{where}: {allocations} allocations, {frees} releases")
    if health["lost_events"]:
        assert health["stop_reason"] in reasons, f"{where}: {health['stop_reason']}"


def prove_full_disk(place, first):
    assert machine.what_is_missing("root") is None, "needs root and mount namespaces"
    number = first
    disk, kept = fresh_folder(place, "disk"), place / "disk.kept"
    while True:
        fresh_folder(place, "disk.kept")
        size = random.Random(number).randrange(4096, 3 << 20)
        env = recorded_env(disk)
        words = [f"{name}={env.pop(name)}" for name in ("LD_PRELOAD", "MFTRACE_OPTIONS")]
        done = subprocess.run(
            ["unshare", "-m", "bash", "-c", ON_A_SMALL_DISK, "bash", str(size), disk,
             *words, recording.PROGRAMS / "steady_events", str(BLOCKS)],
            env=env, capture_output=True, timeout=60, check=False)
        judge_prefix(done, kept, ("space",), f"{size} bytes")
        number += 1
        yield 1


def prove_file_limit(place, first):
    number = first
    while True:
        dumps = fresh_folder(place, "dumps")
        size = random.Random(number).randrange(1, 3 << 20)

        def limit(size=size):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        done = subprocess.run([recording.PROGRAMS / "steady_events", str(BLOCKS)],
                              env=recorded_env(dumps), capture_output=True, timeout=60,
                              preexec_fn=limit, check=False)
        judge_prefix(done, dumps, ("limit",), f"{size} bytes")
        number += 1
        yield 1


# ---- Forks -------------------------------------------------------------------------------


def prove_forks(place, _):
    """So many forks and as many vforks: nothing hangs, nobody has another's events."""
    count = str(FORKS_AT_A_TIME)
    fault = Fault("", "forks", ("fork_torture", count, count), timeout=60)
    while True:
        done = attempt.run_traced(fault, place, "glibc")
        assert not done.hung, "hung"
        assert done.status == 0, f"exit status {done.status}, {done.stderr}"
        (truth,) = done.truths
        processes = {process["pid"]: process for process in done.processes}
        assert len(processes) == FORKS_AT_A_TIME + 1, f"{len(processes)} processes"
        parent = processes.pop(truth["pid"])
        parent.expect_nothing_lost()
        parent.expect_truth(truth)
        assert parent.sum_of("in_child", "allocations") == 0, "a child's events"
        for child in processes.values():
            child.expect_nothing_lost()
            assert child.sum_of("in_child", "allocations") == truth["in_child"]
            # in_parent and in_vfork_child are the parent's alone.
            assert child.sum_of("in_parent", "allocations") == 0, "the parent's events"
            assert child.sum_of("in_vfork_child", "allocations") == 0, "the parent's events"
        yield FORKS_AT_A_TIME


# ---- Order -------------------------------------------------------------------------------


def prove_order(place, first):
    """Threads that hand blocks over, with all allocators, and without thread caches."""
    chance = random.Random(16 + first)
    rows = [(allocator, cache) for allocator in ALLOCATORS for cache in (True, False)
            if not ALLOCATORS[allocator] or attempt.find_library(ALLOCATORS[allocator])]
    while True:
        for allocator, cache in rows:
            if not cache and allocator != "glibc":
                continue
            threads = chance.randrange(2, 17)
            dumps = fresh_folder(place, "dumps")
            more = {} if cache else {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
            done = subprocess.run(
                [recording.PROGRAMS / "handoff", str(threads), str(4000000 // threads)],
                env=recorded_env(dumps, allocator, more), capture_output=True, timeout=120,
                check=False)
            where = f"{threads} threads, {allocator}"
            assert done.returncode == 0, f"{where}: exit status {done.returncode}"
            health = only_process(dumps)["recording"]
            for name in ("double_allocations", "unmatched_frees", "lost_events"):
                assert health[name] == 0, f"{where}: {health[name]} {name}"
            yield health["events"]


# ---- Flight recorders --------------------------------------------------------------------


def prove_ring(place, first):
    return bulk_ring.prove_ring(place, first, recorded_env, fresh_folder)


# What a proof is called, what it counts, how many are wanted, and how it is made.
PROOFS = {
    "kill9": ("kills at random moments", 1000, prove_kill9),
    "kill9-ring": ("kills of flight recorders", 1000, prove_kill9_ring),
    "full-disk": ("disks of random sizes", 200, prove_full_disk),
    "file-limit": ("file size limits", 200, prove_file_limit),
    "forks": ("forks and as many vforks", 10000, prove_forks),
    "order": ("events, 2 to 16 threads", 1000000000, prove_order),
    "ring": ("events of flight recorders, 1 to 4 threads", 1000000000, prove_ring),
}


def run_proof(name, place, wanted, seconds, first=0):
    """Runs a proof until it has so many units, or so many seconds have passed. first: the
    number of the first attempt, which its random choices come from. Returns (line for the
    reader, whether it holds)."""
    what, usual, prove = PROOFS[name]
    wanted = wanted or usual
    began, proved = time.monotonic(), 0
    try:
        for more in prove(place, first):
            proved += more
            if proved >= wanted or (seconds and time.monotonic() - began >= seconds):
                break
    except (AssertionError, subprocess.TimeoutExpired) as failure:
        return f"{name}: after {proved:,} {what}: {failure}", False
    took = time.monotonic() - began
    return f"{name}: {proved:,} {what}: 0 failed ({took:.0f} s)", True
