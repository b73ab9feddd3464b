# SPDX-License-Identifier: MIT
"""F: the recorder called while it works, on little stack, with locks held by others."""

import subprocess

import recording
from fault import BEGUN, HERE, Fault

REENTRANT = ("mftrace", "{programs}/reentrant_allocator.so")


def direct_allocations(traced, native):
    """With a second hook in the chain: the program's calls and the hook's, each once."""
    del native
    (process,) = traced.processes
    (truth,) = traced.truths
    wanted = truth["sites"]["steadily"]["allocations"]
    callers = {"steadily": 0, "hook_block": 0}
    for site in process["sites"]:
        names = [frame["function"] for frame in site["frames"]]
        if "steadily" not in names:
            continue
        # A hook between the program and the recorder is a caller, too.
        own = [name for name in names if name in callers]
        callers[own[0]] += site["allocations"]
    assert callers == {"steadily": wanted, "hook_block": wanted}, callers


def imports_are_listed(traced, native):
    """The library calls nothing that is not known to neither lock nor allocate."""
    del traced, native
    script = HERE.parents[1] / "scripts" / "check_exports"
    done = subprocess.run([script, recording.LIBRARY], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr


GOROUTINES = f"""
gccgo -O1 -o {{dumps}}/goroutines {HERE}/goroutines.go || exit 90
exec $RUN {{dumps}}/goroutines
"""

FAULTS = [
    Fault("F1", "a hook on malloc in front of it", ("steady_events", "50000"),
          preload=("{faults}/hook.so", "mftrace"), recorded=BEGUN,
          check=direct_allocations),
    Fault("F1", "a hook on malloc behind it", ("steady_events", "50000"),
          preload=("mftrace", "{faults}/hook.so"), recorded=BEGUN,
          check=direct_allocations),
    Fault("F1", "reallocarray calls realloc inside libc", ("every_entry_point",),
          allocators=False),
    Fault("F2", "handlers allocate, every 200 us", ("signal_malloc",), preload=REENTRANT,
          allocators=False, timeout=60, short=("signal_malloc", "200", "100000")),
    Fault("F2", "handlers allocate, every 50 us", ("signal_malloc", "50"),
          preload=REENTRANT, allocators=False, timeout=60,
          short=("signal_malloc", "50", "100000")),
    Fault("F3", "coroutines of 4 KiB, least thread stacks", ("small_stacks",)),
    Fault("F3", "a signal stack of 3,072 bytes", ("alternate_stack", "3072")),
    Fault("F3", "a signal stack of 4,096 bytes", ("alternate_stack", "4096")),
    Fault("F3", "a signal stack of 8,192 bytes", ("alternate_stack", "8192")),
    Fault("F3", "a signal stack of 16,384 bytes", ("alternate_stack", "16384")),
    Fault("F3", "own switches of 4 KiB stacks, unmapped", ("own_switch",)),
    Fault("F3", "split stacks (gcc -fsplit-stack)", ("split_stack",)),
    Fault("F3", "goroutines on split stacks (gccgo)", script=GOROUTINES, needs=("gccgo",),
          recorded=BEGUN, timeout=60),
    Fault("F4", "no function that prints or locks", ("steady_events", "20000"),
          allocators=False, rival=False, check=imports_are_listed),
    Fault("F5", "a thread stuck in the recorder", ("stuck_thread",), preload=REENTRANT,
          short=("stuck_thread", "40"),
          allocators=False, timeout=60),
    Fault("F6", "errno after a million calls", ("same_behaviour",)),
]
