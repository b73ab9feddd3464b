# SPDX-License-Identifier: MIT
"""The proof that a flight recorder's dump and memory stay what they are however long it runs."""

import json
import os
import subprocess
import time

import recording

RING_BYTES = 4 << 20
# What of a dump is not the ring's and not in proportion to blocks or threads.
FIXED_BYTES = 3 << 20
CHUNK_BYTES = 65536
FIRST_EVENTS, MOST_EVENTS = 1000000, 40000000  # of one process
FULL_EVENTS = 6000000  # with these the ring is full before a third of them

# Program, threads, and the arguments that make so many events.
ROWS = (
    ("long_run", 1, lambda events: (events,)),
    ("handoff", 1, lambda events: (1, events // 2)),
    ("handoff", 2, lambda events: (2, events // 4)),
    ("handoff", 4, lambda events: (4, events // 8)),
)


def sample(pid, dumps):
    """Resident bytes of a process, and what its dump takes on the disk; None: it has ended."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
            pages = int(statm.read().split()[1])
        disk = sum(entry.stat().st_blocks * 512 for entry in os.scandir(dumps))
    except (OSError, IndexError):
        return None
    return (pages * os.sysconf("SC_PAGESIZE"), disk) if pages else None


def watch(command, env, dumps):
    """Runs a program. Returns what it says, and the samples."""
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE) as process:
        samples = []
        while process.poll() is None:
            samples.append(sample(process.pid, dumps))
            time.sleep(0.02)
        output = process.stdout.read()
    assert process.returncode == 0, f"exit status {process.returncode}"
    return json.loads(output), [taken for taken in samples if taken]


def judge(process, truth, samples, threads, where):
    """The program's own live set, to the block; and bounds for the file and for memory."""
    health = process["recording"]
    for name in ("double_allocations", "unmatched_frees", "lost_events"):
        assert health[name] == 0, f"{where}: {health[name]} {name}"
    assert health["damage"] is None, f"{where}: {health['damage']}"
    assert health["window"] is not None, f"{where}: nothing was folded"
    for function, counts in truth["sites"].items():
        for member, expected in counts.items():
            found = process.sum_of(function, member)
            assert found == expected, f"{where}: {function}: {member} {found}, not {expected}"
    bound = (RING_BYTES + FIXED_BYTES + 2 * threads * CHUNK_BYTES
             + 120 * process["peak"]["blocks"])
    assert health["file_bytes"] <= bound, f"{where}: {health['file_bytes']} bytes of file"
    # What a busy machine keeps from being folded in time may make the ring bigger meanwhile.
    most = max(disk for _, disk in samples)
    assert most <= bound + RING_BYTES, f"{where}: {most} bytes of file in between"
    # While the ring fills up the dump's pages come into memory one by one.
    if health["events"] < FULL_EVENTS:
        return
    middle = [resident for resident, _ in samples[len(samples) // 3:2 * len(samples) // 3]]
    last = [resident for resident, _ in samples[2 * len(samples) // 3:]]
    if len(middle) > 3:
        grown = max(last) - max(middle)
        assert grown < 1 << 20, f"{where}: {grown} bytes of memory more in the last third"


def read(dumps):
    """What is told of the only process; all of its sites."""
    (told,) = recording.read_report("--top", "1000", dumps, validate=False)["processes"]
    return recording.Process(told)


def prove_ring(place, first, recorded_env, fresh_folder):
    """Processes of ever more events, up to MOST_EVENTS each."""
    number = first
    while True:
        program, threads, arguments = ROWS[number % len(ROWS)]
        events = min(FIRST_EVENTS * 4 ** (number // len(ROWS)), MOST_EVENTS)
        dumps = fresh_folder(place, "dumps")
        words = [str(word) for word in arguments(events)]
        truth, samples = watch([recording.PROGRAMS / program, *words],
                               recorded_env(dumps, options=":ring=4M"), dumps)
        process = read(dumps)
        judge(process, truth, samples, threads, f"{program} {' '.join(words)}")
        number += 1
        yield process["recording"]["events"]
