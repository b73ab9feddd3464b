# SPDX-License-Identifier: MIT
"""What an entry of the fault matrix is: a program, its surroundings, and what must hold.

A Fault is a record, and nothing in it runs by itself. Each is run natively and then traced,
in the same surroundings and the same working directory, and judged by judge.py. The files
entries_a.py to entries_j.py declare them, each for one letter of the catalogue.

In every word of a Fault these are replaced: {programs} the programs of tests/programs,
{faults} those of tests/faults, {work} the working directory, {dumps} the directory of the
dumps (which exists natively, too), {mftrace} the command, {library} the recorder.
"""

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

HERE = Path(__file__).resolve().parent

# How the recorded events relate to what the program knows of itself.
EXACT = "exact"  # every event of every known site is recorded, none is lost
COUNTED = "counted"  # recorded and lost add up to the program's count
BEGUN = "begun"  # something was recorded, and nothing is wrong with it
NAMED = "named"  # a dump says why there is nothing to record; see check
UNTRACED = "untraced"  # there is nothing to record, and no dump may claim so

ALLOCATORS = {
    "glibc": None,
    "jemalloc": "libjemalloc.so.2",
    "tcmalloc": "libtcmalloc_minimal.so.4",
    "mimalloc": "libmimalloc.so.2",
}


@dataclass(frozen=True)
class Fault:
    """One row of the matrix."""

    entry: str  # of the catalogue: "A1"
    what: str  # what is done to the recorder, at most 40 characters

    # The program and its arguments; a bare name is looked for in {faults}, {programs} and
    # then in PATH. Or a script for bash, in which $RUN stands before a program to be traced
    # (natively it is "env", too), and "$@" is the command.
    command: tuple = ()
    script: Optional[str] = None

    env: dict = field(default_factory=dict)
    # Libraries to preload, in this order; "mftrace" is the recorder's place. The allocator
    # comes behind all of them.
    preload: tuple = ("mftrace",)
    library: str = "{library}"  # the recorder, if it is another one
    options: str = ""  # more of MFTRACE_OPTIONS
    output: str = "{dumps}/%e.%p.mft"
    limits: dict = field(default_factory=dict)  # resource.RLIMIT_X: value, for both
    stdin: bytes = b""
    prepare: Optional[Callable] = None  # prepare(work) before each run
    timeout: int = 30  # seconds; whatever lasts longer hangs

    # What the machine must have (machine.py): "root", names of programs, paths of files.
    # Where it is missing the table says so, and nothing has passed.
    needs: tuple = ()
    # Whether it is run with the other allocators, and with heaptrack.
    allocators: bool = True
    rival: bool = True
    # The shorter form of arguments for the tests' own round.
    short: Optional[tuple] = None

    # What must hold.
    recorded: str = EXACT
    besides: int = 0  # events of library calls that the program cannot count, at most
    processes: Optional[int] = None  # how many have recorded
    may_say: bool = False  # one line of the recorder on standard error
    ignore: tuple = ()  # files that may differ, as patterns of their relative paths
    mask: Optional[str] = None  # a pattern in outputs that may differ, such as of a pid
    truth_file: Optional[str] = None  # where in {work} the program leaves its truth
    may_double: bool = False  # blocks are released past the recorder
    check: Optional[Callable] = None  # check(traced, native): more, by assertions

    @property
    def name(self):
        return f"{self.entry} {self.what}"


def load_faults():
    """All faults, in the order of the catalogue."""
    faults = []
    for path in sorted(HERE.glob("entries_*.py")):
        faults += importlib.import_module(path.stem).FAULTS
    for fault in faults:
        assert len(fault.what) <= 40, fault.what
    names = [fault.name for fault in faults]
    assert len(set(names)) == len(names), "two faults have one name"
    return faults
