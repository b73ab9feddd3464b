# SPDX-License-Identifier: MIT
"""C: copies of a process, its successors, and processes that share a name."""

from fault import Fault

FAULTS = [
    Fault("C1", "fork beside threads that allocate", ("fork_storm", "300"),
          short=("fork_storm", "60")),
    Fault("C1", "a tree of forks, blocks inherited", ("fork_tree",), processes=15),
    Fault("C2", "raw clone: no atfork handler runs", ("raw_clone",), processes=2),
    Fault("C3", "vfork and posix_spawn, again and again",
          ("vfork_and_spawn", "{programs}/nothing")),
    Fault("C4", "exec of itself, 12 deep", ("exec_chain", "12"), processes=13),
    Fault("C5", "double fork, setsid, all closed", ("daemon", "{work}/truth"),
          truth_file="truth"),
]
