# SPDX-License-Identifier: MIT
"""E: ends of a process, of every kind."""

import struct

from fault import BEGUN, Fault

WAYS = ("return", "exit", "quick_exit", "_exit", "abort", "segv", "kill")


def all_completed(traced, native):
    """What the program counted in its shared file is there, event for event."""
    del native
    completed = struct.unpack("<QQ", (traced.work / "completed").read_bytes()[:16])
    (process,) = traced.processes
    allocations = process.sum_of("until_killed", "allocations")
    frees = allocations - process.sum_of("until_killed", "live_blocks")
    assert (allocations, frees) == completed, f"{allocations + frees}/{sum(completed)}"


FAULTS = [
    *(Fault("E1", f"ends by {way}", ("process_end", way),
            allocators=way in ("_exit", "kill"))
      for way in WAYS),
    Fault("E1", "kill -9 after 200,001 events", ("kill9", "{work}/completed", "200001"),
          recorded=BEGUN, check=all_completed),
    Fault("E2", "300 crashes that it recovers from", ("crash_handler", "recover")),
    Fault("E2", "crash handler that allocates", ("crash_handler", "report")),
    Fault("E2", "SIGABRT handler that allocates", ("crash_handler", "inside")),
    Fault("E3", "handlers and destructors that allocate", ("constructor_and_destructor",)),
    Fault("E3", "main leaves first, threads go on", ("main_leaves_first",)),
]
