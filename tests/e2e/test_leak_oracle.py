# SPDX-License-Identifier: MIT
"""Kinds of leaks: a program's own truth, memcheck and mftrace say the same.

Each program of tests/programs/reachability prints how many blocks and bytes of each kind
it leaves behind. Blocks that others allocated meanwhile - the loader for a thread or a
library, libstdc++ at its start - are left out on all sides by what calls the allocation
(OTHERS).

Where one of the two disagrees with the truth, the table DIFFERENCES says by how much and
why.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from memcheck import KINDS, run_memcheck
from recording import PROGRAMS

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

# What has allocated where no frame of the program's lies farther in.
OTHERS = {
    "module": ("/ld-linux",),  # link maps, thread vectors, and who runs in constructors
    "function": ("__add_to_environ",),  # the new array of environ
}

# (program, judge): {kind: (bytes, blocks) more than the truth}
DIFFERENCES = {
    # The loader's vector of a thread's variables is held by a pointer behind its header,
    # and memcheck calls possible what is reached over it.
    ("tls_dynamic", "memcheck"): {"possible": (120, 1), "reachable": (-120, -1)},
}


def is_of_others(frames):
    """frames: (function, module's path), innermost first."""
    for function, module in frames:
        if module.startswith(str(PROGRAMS)):
            return False
        if any(name in module for name in OTHERS["module"]):
            return True
        if function in OTHERS["function"]:
            return True
    return True


def amounts(records):
    """The program's own blocks, {kind: (bytes, blocks)}."""
    sums = {kind: [0, 0] for kind in KINDS}
    for kind, bytes_, blocks, frames in records:
        if not is_of_others(frames):
            sums[kind][0] += bytes_
            sums[kind][1] += blocks
    return {kind: tuple(values) for kind, values in sums.items()}


def expected_amounts(truth, case, judge):
    more = DIFFERENCES.get((case, judge), {})
    return {
        kind: (
            truth[kind]["bytes"] + more.get(kind, (0, 0))[0],
            truth[kind]["blocks"] + more.get(kind, (0, 0))[1],
        )
        for kind in KINDS
    }


def command_of(case):
    name, *arguments = case.split()
    return [PROGRAMS / "reachability" / name, *arguments]


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


def truths(stdout):
    lines = [json.loads(line) for line in stdout.decode().splitlines()]
    assert lines
    return {line["pid"]: line for line in lines}


@pytest.mark.parametrize("case", CASES)
def test_memcheck_agrees(case, judged):
    run, records = judged(case)
    assert run.returncode == 0, run.stderr
    told = truths(run.stdout)
    assert {pid: amounts(records[pid]) for pid in told} == {
        pid: expected_amounts(truth, case, "memcheck") for pid, truth in told.items()
    }
