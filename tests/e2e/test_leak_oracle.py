# SPDX-License-Identifier: MIT
"""Kinds of leaks: a program's own truth, memcheck and mftrace say the same.

Each program of tests/programs/reachability prints how many blocks and bytes of each kind
it leaves behind. Where a judge disagrees with the truth, the table DIFFERENCES says by how
much and why.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from leak_cases import (
    command_of,
    own_amounts,
    read_leaks,
    records_of,
    told_amounts,
    truths,
)
from memcheck import run_memcheck
from recording import BUILD

CASES = [
    "aligned_blocks",
    "allocator_state",
    "at_exit",
    "big_blocks",
    "cxx_containers",
    "cxx_counted_strings",
    "cxx_multiple_inheritance",
    "cxx_new_array",
    "cxx_objects",
    "cxx_shared_ptr",
    "cxx_strings",
    "dead_thread_stack",
    "dlopened_globals",
    "dlopened_globals closed",
    "fork_both_sides",
    "free_links",
    "freed_memory",
    "hidden_pointers",
    "interior_pointers",
    "leftovers",
    "length_before",
    "libc_keeps",
    "linked_list",
    "mapped_roots",
    "million_blocks",
    "mixed_site",
    "nine_cases",
    "own_break",
    "realloc_chain",
    "ring_before_chain",
    "rings",
    "signal_stack",
    "slack",
    "stack_frames",
    "thread_many",
    "thread_registers",
    "thread_specific",
    "thread_stacks futex",
    "thread_stacks read",
    "thread_stacks read_blocked",
    "thread_stacks sleep",
    "thread_stacks spin",
    "thread_stacks spin_blocked",
    "tls_dynamic",
    "tls_static",
    "trees",
    "user_stacks",
    "variables",
    "zero_bytes",
]

# Debian's; tests with them are those whose outcome depends on no order of addresses.
ALLOCATORS = ["libjemalloc.so.2", "libtcmalloc_minimal.so.4", "libmimalloc.so.2"]
CASES_OF_ANY_ALLOCATOR = [
    "allocator_state",
    "big_blocks",
    "cxx_counted_strings",
    "cxx_multiple_inheritance",
    "freed_memory",
    "nine_cases",
    "slack",
    "thread_stacks read",
    "variables",
]

# (case, judge) or (case and process, judge): {kind: (bytes, blocks) more than the truth}
DIFFERENCES = {
    # The loader's vector of a thread's variables is held by a pointer behind its header,
    # and possible is what is reached over it.
    ("tls_dynamic", "memcheck"): {"possible": (120, 1), "reachable": (-120, -1)},
    # Memcheck goes through lost blocks by address and calls the first of a ring definitely
    # lost. What it meets later takes over that block only, not the ring by another one.
    ("ring_before_chain", "memcheck"): {"definite": (56, 1), "indirect": (-56, -1)},
    # By the words alone, what a block's memory held before is a pointer.
    ("leftovers", "mftrace"): {"definite": (-220, -1), "reachable": (220, 1)},
    # A dump tells of the blocks of its own process. What a child inherited is in its
    # parent's, and holds what the child hangs to it.
    ("fork_both_sides child", "mftrace"): {"definite": (-132, -1), "reachable": (-131, -1)},
}


def expected(told, case, judge):
    """The truth of each process as a judge should see it."""
    amounts = {}
    for pid, truth in told.items():
        name = f"{case} {truth['more']}" if "more" in truth else case
        more = DIFFERENCES.get((name, judge), {})
        amounts[pid] = {
            kind: tuple(map(sum, zip(amount, more.get(kind, (0, 0)))))
            for kind, amount in told_amounts(truth).items()
        }
    return amounts


@pytest.fixture(scope="module")
def judged(request, tmp_path_factory):
    """judged(case): memcheck's verdict. All those that will be asked for are under way from
    the beginning, one on each processor, because each takes a second."""
    wanted = {
        item.callspec.params["case"]
        for item in request.session.items
        if item.module is request.module and hasattr(item, "callspec")
    }

    def directory(case):
        return tmp_path_factory.mktemp("xml_" + case.replace(" ", "_"))

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        runs = {
            case: pool.submit(run_memcheck, command_of(case), directory(case))
            for case in CASES
            if case in wanted
        }
        yield lambda case: runs[case].result()


@pytest.mark.parametrize("case", CASES)
def test_mftrace_agrees(case, trace):
    run = trace(*command_of(case), options="leak_scan=1")
    assert (run.status, run.stderr) == (0, b"")
    told = truths(run.stdout)
    processes = read_leaks("--no-default-suppressions", run.dumps)
    assert set(processes) == set(told)
    for process in processes.values():
        assert process["leaks"]["classified"]
        assert process["leaks"]["scan"]["complete"], process["leaks"]["scan"]
    found = {pid: own_amounts(records_of(process)) for pid, process in processes.items()}
    assert found == expected(told, case, "mftrace")


@pytest.mark.parametrize("case", CASES)
def test_memcheck_agrees(case, judged):
    run, records = judged(case)
    assert run.returncode == 0, run.stderr
    told = truths(run.stdout)
    found = {pid: own_amounts(records[pid]) for pid in told}
    assert found == expected(told, case, "memcheck")


@pytest.mark.parametrize("library", ALLOCATORS)
@pytest.mark.parametrize("case", CASES_OF_ANY_ALLOCATOR)
def test_other_allocators(case, library, trace):
    """What holds a block does not depend on who gave it out."""
    run = trace(*command_of(case), options="leak_scan=1", preload=[library])
    assert (run.status, run.stderr) == (0, b"")
    told = truths(run.stdout)
    processes = read_leaks("--no-default-suppressions", run.dumps)
    for process in processes.values():
        assert process["allocator"].endswith("/" + library)
    found = {pid: own_amounts(records_of(process)) for pid, process in processes.items()}
    assert found == expected(told, case, "mftrace")


def test_large_heap(trace):
    """The benchmark's heap in small. Which block of a ring leads it is anybody's choice."""
    run = trace(BUILD / "tests" / "bench" / "leak_heap", "100000", options="leak_scan=1")
    assert (run.status, run.stderr) == (0, b"")
    told = json.loads(run.stdout)
    (process,) = read_leaks(run.dumps).values()
    leaks = process["leaks"]
    assert leaks["reachable"] == told["reachable"]
    assert leaks["possible"]["blocks"] == 0
    for kind in ("definite", "indirect"):
        assert leaks[kind]["blocks"] == told[kind]["blocks"]
    lost = leaks["definite"]["bytes"] + leaks["indirect"]["bytes"]
    assert lost == told["definite"]["bytes"] + told["indirect"]["bytes"]
    assert leaks["cycles_total"] == 100000 // 10 // 10
