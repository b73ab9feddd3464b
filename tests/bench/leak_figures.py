# SPDX-License-Identifier: MIT
"""leak_figures.py BUILD [BLOCKS]: what a scan of a large heap costs, and its analysis.

Runs leak_heap (5,000,000 blocks in 1 GiB unless said otherwise) plain, recorded, and
recorded with a scan, then `mftrace leaks` on both dumps. Needs 2 GB of memory. Prints times
in seconds and the largest resident sets; fails where the report is not the program's truth.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

VARIABLES = ("LD_PRELOAD", "MFTRACE_OPTIONS")


def measured(build, result, command):
    """Runs a command. Returns its output and {name: number} of what it cost."""
    run = subprocess.run(
        [build / "tests" / "bench" / "run_measured", result, *command],
        stdout=subprocess.PIPE,
        check=True,
        env={k: v for k, v in os.environ.items() if k not in VARIABLES},
    )
    words = dict(word.split("=") for word in result.read_text().split())
    return run.stdout, {name: int(value) for name, value in words.items()}


def line(title, cost):
    seconds = cost["wall_ns"] / 1e9
    print(f"{title:28} {seconds:7.2f} s {cost['maxrss_kib'] / 1024:9.0f} MiB", flush=True)


def leaks_of(build, result, dump):
    command = [build / "analyzer" / "mftrace", "leaks", "--json", "--top", "10", dump]
    output, cost = measured(build, result, command)
    return json.loads(output)["processes"][0]["leaks"], cost


def main():
    build = Path(sys.argv[1]).resolve()
    blocks = sys.argv[2] if len(sys.argv) > 2 else "5000000"
    program = [build / "tests" / "bench" / "leak_heap", blocks]
    library = build / "preload" / "libmftrace.so"
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result"
        line("plain", measured(build, result, program)[1])
        for title, more in (("recorded", ""), ("recorded and scanned", ":leak_scan=1")):
            dump = Path(folder) / f"{len(more)}.mft"
            setting = [f"LD_PRELOAD={library}", f"MFTRACE_OPTIONS=output={dump}{more}"]
            output, cost = measured(build, result, ["env", *setting, *program])
            truth = json.loads(output)
            line(title, cost)
            leaks, cost = leaks_of(build, result, dump)
            line("  mftrace leaks", cost)
            if more:
                seconds = leaks["scan"]["duration_ns"] / 1e9
                print(f"{'  the scan alone':28} {seconds:7.2f} s")
                print(f"{'  the dump':28} {dump.stat().st_size / 2**20:19.0f} MiB")
                found = {kind: leaks[kind]["blocks"] for kind in truth}
                return found != {kind: truth[kind]["blocks"] for kind in truth}


if __name__ == "__main__":
    sys.exit(main())
