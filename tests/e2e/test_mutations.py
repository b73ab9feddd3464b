# SPDX-License-Identifier: MIT
"""Dumps changed at random: whatever comes of it, it comes soon, and no memory is short.

tests/fuzz/mutate_dump reads each in a process of its own with a second of time and 256 MiB.
MFTRACE_MUTATIONS: how many of them; scripts/fuzz --mutate and --flip do millions.
"""

import os
import subprocess

import pytest
from recording import BUILD

MUTATE = BUILD / "tests" / "fuzz" / "mutate_dump"
MUTATIONS = int(os.environ.get("MFTRACE_MUTATIONS", "600"))


@pytest.fixture(scope="module")
def mutate(tmp_path_factory):
    def run(what, dumps):
        result = subprocess.run(
            [MUTATE, what, str(MUTATIONS), "7", *dumps],
            capture_output=True, text=True, check=False,
            cwd=tmp_path_factory.mktemp("kept"), timeout=MUTATIONS,
        )
        assert result.returncode == 0, (result.stdout, result.stderr)
        return {key: float(value)
                for key, value in (word.split("=") for word in result.stdout.split())}

    return run


def record(trace):
    dumps = []
    for program, arguments, options in (
        ("process_end", ["exit"], "leak_scan=1"),
        ("fork_tree", [], ""),
        ("/bin/ls", ["/usr"], "leak_scan=1"),
    ):
        run = trace(program, *arguments, options=options)
        dumps += sorted(run.dumps.glob("*.mft"))
    return dumps


def test_no_mutation_breaks_anything(trace, mutate):
    dumps = record(trace) + sorted(trace("process_end", "kill").dumps.glob("*.mft"))
    tally = mutate("--mutate", dumps)
    assert (tally["mutations"], tally["bad"]) == (MUTATIONS, 0)
    # Some do no harm, such as those behind the end of what was written.
    assert MUTATIONS / 2 < tally["noticed"] < MUTATIONS
    assert tally["slowest_ms"] < 1000
    assert tally["largest_mib"] < 256


def test_every_changed_bit_is_noticed(trace, mutate):
    tally = mutate("--flip", record(trace))
    assert (tally["flips"], tally["bad"]) == (MUTATIONS, 0)
    assert tally["noticed"] == MUTATIONS
