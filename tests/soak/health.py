# SPDX-License-Identifier: MIT
"""What the dumps of a run say of themselves: whether recording lost anything.

Not here: how the programs that wrote them are run (running.py).
"""
import json
import subprocess
from dataclasses import dataclass, field

AT_ONCE = 64  # dumps read by one process


@dataclass
class Health:
    """Summed up over dumps."""

    dumps: int = 0
    events: int = 0
    lost: int = 0
    unordered: int = 0  # allocations of addresses that were live
    unmatched: int = 0  # releases of blocks that nobody allocated
    stacks: int = 0
    cut: int = 0  # stacks that could not be followed to their end
    checked: int = 0  # stacks compared with libunwind's (verify=)
    different: int = 0
    unmatched_in: dict = field(default_factory=dict)  # program -> releases
    damaged: list = field(default_factory=list)

    def add(self, process):
        recording = process["recording"]
        unwind = recording["unwind"]
        self.dumps += 1
        self.events += recording["events"]
        self.lost += recording["lost_events"]
        self.unordered += recording["double_allocations"]
        self.unmatched += recording["unmatched_frees"]
        self.stacks += sum(unwind.values())
        self.cut += unwind["truncated"]
        self.checked += recording["stacks_checked"]
        self.different += recording["stack_differences"]
        name = f"{process['dump'].rsplit('/', 1)[-1]} ({' '.join(process['argv'])[:60]})"
        if recording["unmatched_frees"]:
            program = process["exe"].rsplit("/", 1)[-1]
            self.unmatched_in[program] = (self.unmatched_in.get(program, 0)
                                          + recording["unmatched_frees"])
        if recording["truncated"]:
            self.damaged.append(f"{name}: {recording['damage']}")
        elif recording["lost_events"] or recording["stop_reason"] != "none":
            self.damaged.append(f"{name}: {recording['lost_events']} events lost, "
                                f"stopped: {recording['stop_reason']}")


def read(mftrace, dumps, health):
    """Returns whether all of them could be read."""
    found = subprocess.run([mftrace, "info", "--json", "--top", "1", *dumps],
                           capture_output=True, check=False)
    if found.returncode:
        if len(dumps) == 1:
            health.dumps += 1
            why = found.stderr.decode(errors="replace")
            health.damaged.append(f"{dumps[0].name}: {why}")
        return False
    for process in json.loads(found.stdout)["processes"]:
        health.add(process)
    return True


def look_at_dumps(mftrace, directory, health):
    """Adds all dumps in a directory to health and removes them."""
    dumps = sorted(directory.glob("*.mft"))
    for i in range(0, len(dumps), AT_ONCE):
        some = dumps[i:i + AT_ONCE]
        if len(some) == 1 or not read(mftrace, some, health):
            for dump in some:
                read(mftrace, [dump], health)
        for dump in some:
            dump.unlink()
