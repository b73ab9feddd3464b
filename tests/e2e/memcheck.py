# SPDX-License-Identifier: MIT
"""What memcheck finds at a program's end, block by block and kind by kind."""

import re
import xml.etree.ElementTree as ElementTree
from collections import namedtuple

from recording import environment, run_process

KINDS = ("definite", "indirect", "possible", "reachable")
XML_KINDS = {
    "Leak_DefinitelyLost": "definite",
    "Leak_IndirectlyLost": "indirect",
    "Leak_PossiblyLost": "possible",
    "Leak_StillReachable": "reachable",
}

# Blocks of one stack and one kind. frames: (function, path of the module), innermost first.
Record = namedtuple("Record", "kind bytes blocks frames")


# "144 (48 direct, 96 indirect) bytes in 1 blocks are definitely lost": what a root leads to
# has records of its own.
DIRECT = re.compile(r"\(([\d,]+) direct, [\d,]+ indirect\)")


def own_bytes(error):
    direct = DIRECT.search(error.findtext("xwhat/text"))
    if direct:
        return int(direct.group(1).replace(",", ""))
    return int(error.findtext("xwhat/leakedbytes"))


def read_records(path):
    """The leak records of one process. Memcheck's file must be whole."""
    records = []
    for error in ElementTree.parse(path).getroot().iter("error"):
        kind = XML_KINDS.get(error.findtext("kind"))
        if not kind:
            continue
        frames = [
            (frame.findtext("fn") or "", frame.findtext("obj") or "")
            for frame in error.find("stack").iter("frame")
        ]
        records.append(
            Record(
                kind,
                own_bytes(error),
                int(error.findtext("xwhat/leakedblocks")),
                frames,
            )
        )
    return records


# The C and C++ libraries must not free their own things first.
MEMCHECK = [
    "valgrind",
    "--leak-check=full",
    "--show-leak-kinds=all",
    "--run-libc-freeres=no",
    "--run-cxx-freeres=no",
    "--num-callers=40",
    "--xml=yes",
]


def run_memcheck(command, directory, env=None, timeout=110, **popen):
    """Runs a command and the processes that it forks under memcheck. Returns how it ended
    and {pid: records}."""
    result = run_process(
        [*MEMCHECK, f"--xml-file={directory}/%p.xml", *command],
        environment(env),
        timeout,
        **popen,
    )
    files = {int(path.stem): path for path in directory.glob("*.xml")}
    return result, {pid: read_records(path) for pid, path in files.items()}
