# SPDX-License-Identifier: MIT
"""The programs of tests/programs/reachability, and how their own blocks are told from those
that the loader and the C and C++ libraries allocate meanwhile."""

import json

from memcheck import KINDS
from recording import MFTRACE, PROGRAMS, mftrace

# Who has allocated where no frame of the program's lies farther in: the loader (link maps,
# vectors of thread-local variables; it also runs the constructors of libraries), and the C
# library for the array of environ.
OTHERS_MODULES = ("/ld-linux", "/ld-")
OTHERS_FUNCTIONS = ("__add_to_environ",)


def command_of(case):
    """"NAME ARGUMENT" as a command."""
    name, *arguments = case.split()
    return [PROGRAMS / "reachability" / name, *arguments]


def is_of_others(frames):
    """frames: (function, module's path), innermost first."""
    for function, module in frames:
        if module.startswith(str(PROGRAMS)):
            return False
        if any(name in module for name in OTHERS_MODULES) or function in OTHERS_FUNCTIONS:
            return True
    return True


def own_amounts(records):
    """(kind, bytes, blocks, frames) of a process as {kind: (bytes, blocks)} of its own."""
    sums = {kind: [0, 0] for kind in KINDS}
    for kind, bytes_, blocks, frames in records:
        if not is_of_others(frames):
            sums[kind][0] += bytes_
            sums[kind][1] += blocks
    return {kind: tuple(values) for kind, values in sums.items()}


def truths(stdout):
    """What the processes of a program told of themselves, by their ids."""
    lines = [json.loads(line) for line in stdout.decode().splitlines()]
    assert lines
    return {line["pid"]: line for line in lines}


def told_amounts(truth):
    return {kind: (truth[kind]["bytes"], truth[kind]["blocks"]) for kind in KINDS}


def read_leaks(*arguments):
    """The processes of a leaks report on dumps, by their ids."""
    result = mftrace("leaks", "--json", *arguments)
    assert result.returncode == 0, (MFTRACE, arguments, result.stderr.decode())
    return {p["pid"]: p for p in json.loads(result.stdout)["processes"]}


def records_of(process):
    """What a process left behind, as memcheck would list it."""
    for site in process["sites"]:
        frames = [(f["function"] or "", f["module"] or "") for f in site["frames"]]
        for kind in KINDS:
            amount = (site["leaks"] or {}).get(kind)
            if amount and amount["blocks"]:
                yield kind, amount["bytes"], amount["blocks"], frames
